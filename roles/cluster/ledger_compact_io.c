// SPDX-License-Identifier: Apache-2.0
/* ledger_compact_io.c - when a file holds much more than is alive: builds the other file's bytes,
 * blobs first and the snapshot last, since it is the snapshot that makes the file count. */
#include "roles/cluster/ledger_local.h"
#include "roles/exec_state.h"
#include "shm/base/assert.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COMPACT_FACTOR = 4 /* a file may hold four times what is alive */ };
enum { READ_TRIES = 3 };
#define BLOB_GRACE_NS (60 * HS_NS_PER_S)
#define RETRY_NS      (30 * HS_NS_PER_S) /* after a compaction that could not be made */

/* Small blobs fill their table long before the file is large: nearly full, and some of them are of
 * after the last compaction. */
static bool are_blobs_many(const struct hs_ledger *ledger)
{
    return ledger->blob_count >= HS_LEDGER_BLOBS_MAX / 4 * 3 &&
           ledger->blob_count >= ledger->live_blob_count + HS_LEDGER_BLOBS_MAX / 16;
}

bool hs_ledger_is_compaction_due(const struct hs_ledger *ledger)
{
    if (ledger->now_ns < ledger->compact_at_ns) return false;
    if (are_blobs_many(ledger)) return true;
    return ledger->stats.file_bytes > ledger->config.compact_bytes &&
           ledger->stats.file_bytes > COMPACT_FACTOR * ledger->live_bytes;
}

static bool is_blob_live(struct hs_ledger *ledger, const struct hs_ledger_blob *blob)
{
    struct hs_ledger_machine *machine = &ledger->config.machine;

    return ledger->now_ns - blob->put_at_ns < BLOB_GRACE_NS ||
           machine->is_blob_needed(machine->self, &blob->digest);
}

/* To the front of the table; how many. The others stay known as long as the file holds them: a
 * table that forgot them sooner would be too small for that file at the next start. */
static unsigned gather_live_blobs(struct hs_ledger *ledger)
{
    unsigned live_count = 0;

    for (unsigned i = 0; i < ledger->blob_count; i++) {
        struct hs_ledger_blob blob = ledger->blobs[i];

        if (!is_blob_live(ledger, &blob)) continue;
        ledger->blobs[i] = ledger->blobs[live_count];
        ledger->blobs[live_count++] = blob;
    }
    return live_count;
}

static size_t image_bytes_max(const struct hs_ledger *ledger, unsigned blob_count)
{
    size_t bytes =
        HS_LEDGER_HEADER_BYTES + hs_ledger_record_bytes(ledger->config.machine.snapshot_bytes_max);

    for (unsigned i = 0; i < blob_count; i++)
        bytes += hs_ledger_record_bytes(HS_LEDGER_DIGEST_BYTES + ledger->blobs[i].bytes);
    return bytes;
}

/* Read in vain so often, half a minute apart, it does not come back: it must not keep the file from
 * being compacted for ever. */
static bool is_lost(struct hs_ledger *ledger, struct hs_ledger_blob *blob)
{
    char digest[2 * HS_LEDGER_DIGEST_BYTES + 1];

    if (blob->is_damaged) return true;
    if (++blob->bad_reads < READ_TRIES) return false;
    blob->is_damaged = true;
    ledger->stats.damaged_count++;
    hs_log(HS_LOG_ERROR, "ledger", "blob damaged and set aside: %s",
           hs_hex_format(blob->digest.bytes, HS_LEDGER_DIGEST_BYTES, digest));
    return true;
}

/* What can be read of it, for whoever wants to look. */
static void put_damaged(struct hs_ledger *ledger, const struct hs_ledger_blob *blob, uint64_t epoch)
{
    struct hs_writer       *image = &ledger->image;
    uint8_t                *at = image->data + image->used_bytes + HS_LEDGER_RECORD_HEADER_BYTES;
    struct hs_ledger_record record = {.kind = HS_LEDGER_RECORD_DAMAGED,
                                      .batch = 1,
                                      .body = hs_view_of(at, HS_LEDGER_DIGEST_BYTES + blob->bytes)};

    memcpy(at, blob->digest.bytes, HS_LEDGER_DIGEST_BYTES);
    memset(at + HS_LEDGER_DIGEST_BYTES, 0, blob->bytes);
    HS_IGNORE(pread(ledger->config.fd[ledger->file_idx], at + HS_LEDGER_DIGEST_BYTES, blob->bytes,
                    (off_t)blob->at_bytes),
              "zeros stay where nothing can be read");
    hs_ledger_put_record(image, epoch, &record);
}

/* Copies a blob behind the image's end; its body is read straight to its place. */
static int copy_blob(struct hs_ledger *ledger, struct hs_ledger_blob *blob, uint64_t epoch)
{
    struct hs_writer       *image = &ledger->image;
    uint8_t                *at = image->data + image->used_bytes + HS_LEDGER_RECORD_HEADER_BYTES;
    struct hs_ledger_record record = {
        .kind = HS_LEDGER_RECORD_BLOB, .batch = 1, .body = hs_view_of(at, blob->bytes)};
    int64_t got = hs_ledger_blob_get(ledger, &blob->digest, at, blob->bytes);

    if (got == -EIO && is_lost(ledger, blob)) {
        put_damaged(ledger, blob, epoch);
        return 0;
    }
    if (got < 0) return (int)got;
    blob->bad_reads = 0;
    hs_ledger_put_record(image, epoch, &record);
    return 0;
}

static int put_snapshot(struct hs_ledger *ledger, uint64_t epoch)
{
    struct hs_ledger_machine *machine = &ledger->config.machine;
    struct hs_writer         *image = &ledger->image;
    struct hs_writer          body;
    struct hs_ledger_record   record = {.kind = HS_LEDGER_RECORD_SNAPSHOT,
                                        .batch = 1,
                                        .ends_batch = true,
                                        .number = ledger->stats.seq};

    hs_writer_init(&body, image->data + image->used_bytes + HS_LEDGER_RECORD_HEADER_BYTES,
                   machine->snapshot_bytes_max);
    machine->save(machine->self, &body);
    if (hs_writer_finish(&body)) return -EMSGSIZE;
    record.body = hs_view_of(body.data, body.used_bytes);
    hs_ledger_put_record(image, epoch, &record);
    return hs_writer_finish(image);
}

static int build_image(struct hs_ledger *ledger, unsigned blob_count)
{
    struct hs_ledger_file_header header = {.group = ledger->config.group,
                                           .epoch = ledger->header.epoch + 1,
                                           .base_seq = ledger->stats.seq};
    size_t                       bytes = image_bytes_max(ledger, blob_count);
    void                        *memory = malloc(bytes);

    if (!memory) return -ENOMEM;
    hs_writer_init(&ledger->image, memory, bytes);
    hs_ledger_put_header(&ledger->image, &header);
    for (unsigned i = 0; i < blob_count; i++) {
        int rc = copy_blob(ledger, &ledger->blobs[i], header.epoch);

        if (rc) return rc;
    }
    return put_snapshot(ledger, header.epoch);
}

static void drop_image(struct hs_ledger *ledger)
{
    free(ledger->image.data);
    ledger->image = (struct hs_writer){0};
}

int hs_ledger_prepare_compaction(struct hs_ledger *ledger)
{
    unsigned live_count = gather_live_blobs(ledger);
    int      rc = build_image(ledger, live_count);

    if (!rc && ftruncate(ledger->config.fd[1 - ledger->file_idx], 0)) rc = -errno;
    if (!rc) rc = hs_ledger_take_image_room(ledger);
    if (!rc) {
        ledger->blob_count = live_count;
        return 0;
    }
    hs_log(HS_LOG_ERROR, "ledger", "compaction put off: %s", hs_err_code_text(rc));
    ledger->compact_at_ns = ledger->now_ns + RETRY_NS;
    drop_image(ledger);
    return rc;
}

/* The other file is whole and durable: from here on it is the ledger. */
void hs_ledger_finish_compaction(struct hs_ledger *ledger)
{
    struct hs_ledger_scan   scan;
    struct hs_ledger_record record;
    struct hs_view          file = hs_view_of(ledger->image.data, ledger->image.used_bytes);
    unsigned                blob_idx = 0;

    ledger->header.epoch++;
    hs_ledger_scan_init(&scan, file, ledger->header.epoch);
    while (hs_ledger_scan_next(&scan, &record) == 1)
        if (record.kind == HS_LEDGER_RECORD_BLOB)
            ledger->blobs[blob_idx++].at_bytes = record.at_bytes;
        else if (record.kind == HS_LEDGER_RECORD_DAMAGED)
            ledger->blobs[blob_idx++].at_bytes = record.at_bytes + HS_LEDGER_DIGEST_BYTES;
    HS_ASSERT(blob_idx == ledger->blob_count);
    if (ftruncate(ledger->config.fd[ledger->file_idx], 0))
        hs_log(HS_LOG_WARN, "ledger", "old file kept: %s", hs_err_code_text(errno));
    ledger->file_idx = 1 - ledger->file_idx;
    ledger->batch_number = 1;
    ledger->stats.epoch = ledger->header.epoch;
    ledger->stats.file_bytes = file.bytes;
    ledger->room_bytes = file.bytes;
    ledger->stats.compaction_count++;
    ledger->live_bytes = file.bytes;
    ledger->live_blob_count = ledger->blob_count;
    drop_image(ledger);
}
