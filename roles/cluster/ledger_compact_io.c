// SPDX-License-Identifier: Apache-2.0
/* ledger_compact_io.c - when a file holds much more than is alive: the other file is made, blobs
 * first and the snapshot last, since it is the snapshot that makes the file count; then it takes
 * over.
 *
 * Batches go on meanwhile, to the old file. So the first round over the blobs is followed by rounds
 * over those that were put or asked for since it began, until there are none and no batch is under
 * way: what is in the image then is all that is alive, a snapshot made now is all that was decided,
 * and nothing is appended to the old file from here to the switch. */
#include "roles/cluster/ledger_local.h"
#include "roles/exec_state.h"
#include "shm/base/assert.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    COMPACT_FACTOR = 4,   /* a file may hold four times what is alive */
    PART_BLOBS = 32,      /* looked at in one step: each may be a walk over the whole state */
    ROUNDS_MAX = 3,       /* beside batches: each takes as long as what came in the one before */
    CUT_BYTES = 16 << 20, /* of the old file in one step: its pages are given back one by one */
    READ_TRIES = 3
};
#define BLOB_GRACE_NS (60 * HS_NS_PER_S)
#define RETRY_NS      (30 * HS_NS_PER_S) /* after a compaction that could not be made */

/* Small blobs fill their table long before the file is large: nearly full, and some of them are of
 * after the last compaction. */
static bool are_blobs_many(const struct hs_ledger *ledger)
{
    return ledger->blob_count >= HS_LEDGER_BLOBS_MAX / 4 * 3 &&
           ledger->blob_count >= ledger->live_blob_count + HS_LEDGER_BLOBS_MAX / 16;
}

static bool is_due(const struct hs_ledger *ledger)
{
    if (ledger->now_ns < ledger->compact_at_ns) return false;
    if (are_blobs_many(ledger)) return true;
    return ledger->stats.file_bytes > ledger->config.compact_bytes &&
           ledger->stats.file_bytes > COMPACT_FACTOR * ledger->live_bytes;
}

/* An entry that names it may be coming, since it was put or asked for within the minute before this
 * compaction began, or after. Once young, a blob stays so to its end. */
static bool is_young(const struct hs_ledger *ledger, const struct hs_ledger_blob *blob)
{
    return blob->put_at_ns + BLOB_GRACE_NS > ledger->image.began_at_ns;
}

static bool is_wanted(struct hs_ledger *ledger, const struct hs_ledger_blob *blob)
{
    struct hs_ledger_machine *machine = &ledger->config.machine;

    return is_young(ledger, blob) || machine->is_blob_needed(machine->self, &blob->digest);
}

/* Read in vain so often, half a minute apart, it does not come back: it must not keep the file from
 * being compacted for ever. */
static bool is_lost(struct hs_ledger *ledger, struct hs_ledger_blob *blob)
{
    char digest[2 * HS_LEDGER_DIGEST_BYTES + 1];

    if (++blob->bad_reads < READ_TRIES) return false;
    blob->is_damaged = true;
    ledger->stats.damaged_count++;
    hs_log(HS_LOG_ERROR, "ledger", "blob damaged and set aside: %s",
           hs_hex_format(blob->digest.bytes, HS_LEDGER_DIGEST_BYTES, digest));
    return true;
}

/* NULL: the round is over. Only the first one asks for more than the young. */
static struct hs_ledger_blob *next_blob(struct hs_ledger *ledger)
{
    struct hs_ledger_image *image = &ledger->image;

    for (; image->next_idx < image->end_idx; image->next_idx++) {
        struct hs_ledger_blob *blob = &ledger->blobs[image->next_idx];

        if (image->is_copying) return blob;
        if (!blob->image_at_bytes && (image->round == 0 || is_young(ledger, blob))) return blob;
    }
    return NULL;
}

/* At next_idx, which moves on when there is no more to do about it. */
static int see_blob(struct hs_ledger *ledger, struct hs_ledger_blob *blob, size_t *bytes_left)
{
    struct hs_ledger_image *image = &ledger->image;
    int rc = image->is_copying || image->round > 0 || is_wanted(ledger, blob) ? 0 : 1;

    if (!rc) rc = hs_ledger_copy_blob(ledger, bytes_left);
    if (rc == -EIO && is_lost(ledger, blob)) return 0; /* another kind of record now */
    if (rc == 1) image->next_idx++;
    return rc;
}

static bool is_young_left(const struct hs_ledger *ledger)
{
    for (unsigned i = 0; i < ledger->blob_count; i++)
        if (!ledger->blobs[i].image_at_bytes && is_young(ledger, &ledger->blobs[i])) return true;
    return false;
}

static int end_round(struct hs_ledger *ledger)
{
    struct hs_ledger_image *image = &ledger->image;
    int                     rc;

    if (is_young_left(ledger)) {
        image->round++;
        image->next_idx = 0;
        image->end_idx = ledger->blob_count;
        return 0;
    }
    image->is_waiting = ledger->is_writing;
    if (image->is_waiting) return 0;
    rc = hs_ledger_put_snapshot(ledger);
    if (!rc) rc = hs_ledger_flush_image(ledger);
    image->is_whole = rc == 0;
    return rc;
}

static int make_part(struct hs_ledger *ledger)
{
    struct hs_ledger_image *image = &ledger->image;
    struct hs_ledger_blob  *blob = next_blob(ledger);
    size_t                  bytes_left = HS_LEDGER_PART_BYTES;

    for (unsigned i = 0; i < PART_BLOBS && blob && bytes_left; i++, blob = next_blob(ledger)) {
        int rc;

        if (!image->is_copying && image->made.used_bytes >= HS_LEDGER_PART_BYTES) break;
        rc = see_blob(ledger, blob, &bytes_left);
        if (rc < 0) return rc;
    }
    if (!image->is_copying && image->made.used_bytes >= HS_LEDGER_PART_BYTES)
        return hs_ledger_flush_image(ledger);
    return blob ? 0 : end_round(ledger);
}

static void put_off(struct hs_ledger *ledger, int code)
{
    hs_log(HS_LOG_ERROR, "ledger", "compaction put off: %s", hs_err_code_text(code));
    ledger->compact_at_ns = ledger->now_ns + RETRY_NS;
    hs_ledger_drop_image(ledger);
}

static void cut_old(struct hs_ledger *ledger)
{
    uint64_t left = ledger->old_bytes > CUT_BYTES ? ledger->old_bytes - CUT_BYTES : 0;

    ledger->old_bytes = left;
    if (ftruncate(ledger->config.fd[1 - ledger->file_idx], (off_t)left) == 0) return;
    hs_log(HS_LOG_WARN, "ledger", "old file kept: %s", hs_err_code_text(errno));
    ledger->old_bytes = 0;
}

void hs_ledger_compact(struct hs_ledger *ledger)
{
    struct hs_ledger_image *image = &ledger->image;
    int                     rc = 0;

    if (ledger->old_bytes) {
        cut_old(ledger);
        return;
    }
    if (image->is_writing) return;
    image->is_waiting = false;
    if (!image->is_under_way) {
        if (!is_due(ledger)) return;
        rc = hs_ledger_open_image(ledger);
    }
    if (!rc && !image->is_flushing) rc = make_part(ledger);
    if (rc)
        put_off(ledger, rc);
    else if (image->is_flushing)
        hs_ledger_write_image(ledger);
}

bool hs_ledger_is_compaction_ready(const struct hs_ledger *ledger)
{
    const struct hs_ledger_image *image = &ledger->image;

    if (ledger->old_bytes) return true;
    return image->is_under_way && !image->is_writing && !(image->is_waiting && ledger->is_writing);
}

/* Batches without end would keep it from its end. Large ones wait so that, beyond the first, a byte
 * is appended for two that are copied; many small ones after some rounds. */
bool hs_ledger_holds_batches(const struct hs_ledger *ledger)
{
    const struct hs_ledger_image *image = &ledger->image;

    if (!image->is_under_way) return false;
    if (image->is_whole || image->round >= ROUNDS_MAX) return true;
    return ledger->stats.file_bytes - image->began_at_bytes >
           image->written_bytes / 2 + HS_LEDGER_BATCH_BYTES;
}

/* Those that are not in the new file are unknown from here on: not sooner, since a table that
 * forgot them would be too small for the old file at the next start. */
static void take_over_blobs(struct hs_ledger *ledger)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ledger->blob_count; i++) {
        struct hs_ledger_blob blob = ledger->blobs[i];

        if (!blob.image_at_bytes) continue;
        blob.at_bytes = blob.image_at_bytes;
        blob.image_at_bytes = 0;
        ledger->blobs[count++] = blob;
    }
    ledger->blob_count = ledger->live_blob_count = count;
}

/* The other file is whole and durable: from here on it is the ledger. */
void hs_ledger_finish_compaction(struct hs_ledger *ledger)
{
    uint64_t bytes = ledger->image.written_bytes;
    uint64_t old_bytes = ledger->stats.file_bytes;

    HS_ASSERT(!ledger->is_writing);
    take_over_blobs(ledger);
    ledger->file_idx = 1 - ledger->file_idx;
    ledger->header.epoch++;
    ledger->batch_number = 1;
    ledger->stats.epoch = ledger->header.epoch;
    ledger->stats.file_bytes = bytes;
    ledger->room_bytes = bytes;
    ledger->stats.compaction_count++;
    ledger->live_bytes = bytes;
    hs_ledger_close_image(ledger);
    ledger->old_bytes = old_bytes;
}
