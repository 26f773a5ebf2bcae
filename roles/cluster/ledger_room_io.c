// SPDX-License-Identifier: Apache-2.0
/* ledger_room_io.c - room on the disk, taken before it is needed: a disk that fills up makes the
 * ledger refuse what is new, in words, instead of failing in the midst of a write; and what runs
 * has room left to end in. */
#include "roles/cluster/ledger_local.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <fcntl.h>

enum { ROOM_STEP_BYTES = 1 << 20 }; /* taken at a time: not a call per batch */
#define ROOM_RETRY_NS HS_NS_PER_S

static int take(struct hs_ledger *ledger, unsigned file_idx, uint64_t from_bytes, uint64_t to_bytes)
{
    int rc;

    if (ledger->has_no_reservation || to_bytes <= from_bytes) return 0;
    do
        rc = fallocate(ledger->config.fd[file_idx], FALLOC_FL_KEEP_SIZE, (off_t)from_bytes,
                       (off_t)(to_bytes - from_bytes));
    while (rc < 0 && errno == EINTR);
    if (rc == 0) return 0;
    if (errno == ENOSPC || errno == EDQUOT) return -ENOSPC;
    ledger->has_no_reservation = true; /* this file system has no such thing: writes find out */
    return 0;
}

static uint64_t used_bytes(const struct hs_ledger *ledger)
{
    return ledger->stats.file_bytes + ledger->flying->writer.used_bytes +
           ledger->filling->writer.used_bytes;
}

bool hs_ledger_has_disk_room(struct hs_ledger *ledger, uint64_t more_bytes)
{
    uint64_t end_bytes = used_bytes(ledger) + more_bytes;

    if (!ledger->config.headroom_bytes || end_bytes <= ledger->room_bytes) return true;
    if (take(ledger, ledger->file_idx, ledger->room_bytes, end_bytes) < 0) return false;
    ledger->room_bytes = end_bytes;
    return true;
}

void hs_ledger_keep_headroom(struct hs_ledger *ledger)
{
    uint64_t wanted_bytes = used_bytes(ledger) + ledger->config.headroom_bytes;
    bool     was_short = ledger->is_short;

    if (!ledger->config.headroom_bytes || wanted_bytes <= ledger->room_bytes) return;
    if (was_short && ledger->now_ns < ledger->room_retry_at_ns) return;
    wanted_bytes += ROOM_STEP_BYTES;
    ledger->is_short = take(ledger, ledger->file_idx, ledger->room_bytes, wanted_bytes) < 0;
    ledger->room_retry_at_ns = ledger->now_ns + ROOM_RETRY_NS;
    if (!ledger->is_short) ledger->room_bytes = wanted_bytes;
    if (ledger->is_short && !was_short)
        hs_log(HS_LOG_ERROR, "ledger", "disk full: what runs goes on, nothing new is taken");
    if (!ledger->is_short && was_short) hs_log(HS_LOG_INFO, "ledger", "room on the disk again");
}

int hs_ledger_take_image_room(struct hs_ledger *ledger)
{
    const struct hs_ledger_image *image = &ledger->image;

    if (!ledger->config.headroom_bytes) return 0;
    return take(ledger, 1 - ledger->file_idx, image->written_bytes,
                image->written_bytes + image->made.used_bytes);
}

bool hs_ledger_is_short(const struct hs_ledger *ledger)
{
    return ledger->is_short;
}
