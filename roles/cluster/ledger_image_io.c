// SPDX-License-Identifier: Apache-2.0
/* ledger_image_io.c - the bytes of the other file during a compaction: how a blob, the snapshot get
 * there in parts, and how what is made is written. */
#include "roles/cluster/ledger_local.h"
#include "shm/base/assert.h"
#include "shm/base/log.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITE_BYTES_MAX = 1 << 20 }; /* at once: a write is a copy in the kernel, a sync its wait */

/* One record begins below HS_LEDGER_PART_BYTES and is there whole before it is written, since its
 * checksum stands in front. */
static size_t made_bytes_max(const struct hs_ledger *ledger)
{
    size_t blob = hs_ledger_record_bytes(HS_LEDGER_DIGEST_BYTES + (size_t)HS_LEDGER_BLOB_BYTES_MAX);
    size_t snapshot = hs_ledger_record_bytes(ledger->config.machine.snapshot_bytes_max);

    return HS_LEDGER_PART_BYTES + (blob > snapshot ? blob : snapshot);
}

static uint64_t image_epoch(const struct hs_ledger *ledger)
{
    return ledger->header.epoch + 1;
}

int hs_ledger_open_image(struct hs_ledger *ledger)
{
    struct hs_ledger_image      *image = &ledger->image;
    struct hs_ledger_file_header header = {
        .group = ledger->config.group, .epoch = image_epoch(ledger), .base_seq = ledger->stats.seq};
    size_t bytes = made_bytes_max(ledger);

    *image = (struct hs_ledger_image){.op = image->op,
                                      .is_under_way = true,
                                      .began_at_ns = ledger->now_ns,
                                      .began_at_bytes = ledger->stats.file_bytes,
                                      .end_idx = ledger->blob_count};
    hs_writer_init(&image->made, malloc(bytes), bytes);
    image->digest = EVP_MD_CTX_new();
    if (!image->made.data || !image->digest) return -ENOMEM;
    if (ftruncate(ledger->config.fd[1 - ledger->file_idx], 0)) return -errno;
    hs_ledger_put_header(&image->made, &header);
    return 0;
}

void hs_ledger_close_image(struct hs_ledger *ledger)
{
    struct hs_ledger_image *image = &ledger->image;

    HS_ASSERT(!image->is_writing);
    free(image->made.data);
    EVP_MD_CTX_free(image->digest);
    *image = (struct hs_ledger_image){.op = image->op};
}

void hs_ledger_drop_image(struct hs_ledger *ledger)
{
    if (ftruncate(ledger->config.fd[1 - ledger->file_idx], 0))
        hs_log(HS_LOG_ERROR, "ledger", "half an image kept: %s", hs_err_code_text(errno));
    for (unsigned i = 0; i < ledger->blob_count; i++) ledger->blobs[i].image_at_bytes = 0;
    hs_ledger_close_image(ledger);
}

/* ---- a blob ---- */

static int begin_copy(struct hs_ledger *ledger)
{
    struct hs_ledger_image *image = &ledger->image;
    struct hs_ledger_blob  *source = &image->source;
    struct hs_ledger_record record = {.kind = HS_LEDGER_RECORD_BLOB, .batch = 1};

    HS_ASSERT(image->made.used_bytes < HS_LEDGER_PART_BYTES);
    *source = ledger->blobs[image->next_idx];
    image->source_done_bytes = 0;
    record.body.bytes = source->bytes;
    if (source->is_damaged) {
        record.kind = HS_LEDGER_RECORD_DAMAGED;
        record.body.bytes += HS_LEDGER_DIGEST_BYTES;
    }
    if (EVP_DigestInit_ex(image->digest, EVP_sha256(), NULL) != 1) return -ENOMEM;
    hs_ledger_begin_record(&image->made, image_epoch(ledger), &record, &image->record);
    if (source->is_damaged) {
        memcpy(image->made.data + image->made.used_bytes, source->digest.bytes,
               HS_LEDGER_DIGEST_BYTES);
        hs_ledger_extend_record(&image->made, &image->record, HS_LEDGER_DIGEST_BYTES);
    }
    image->is_copying = true;
    return 0;
}

/* Of a damaged blob what can be read, for whoever wants to look; zeros where nothing can. */
static int copy_part(struct hs_ledger *ledger, size_t bytes)
{
    struct hs_ledger_image      *image = &ledger->image;
    const struct hs_ledger_blob *source = &image->source;
    uint8_t                     *at = image->made.data + image->made.used_bytes;
    ssize_t                      got = pread(ledger->config.fd[ledger->file_idx], at, bytes,
                                             (off_t)(source->at_bytes + image->source_done_bytes));

    if (got != (ssize_t)bytes) {
        if (!source->is_damaged) return -EIO;
        memset(at + (got > 0 ? got : 0), 0, bytes - (size_t)(got > 0 ? got : 0));
    }
    if (EVP_DigestUpdate(image->digest, at, bytes) != 1) return -EIO;
    hs_ledger_extend_record(&image->made, &image->record, bytes);
    image->source_done_bytes += bytes;
    return 0;
}

static int end_copy(struct hs_ledger *ledger)
{
    struct hs_ledger_image *image = &ledger->image;
    struct hs_ledger_blob  *source = &image->source;
    struct hs_ledger_blob  *blob = &ledger->blobs[image->next_idx];
    struct hs_ledger_digest seen;
    uint64_t                at_bytes = image->written_bytes + image->record.begin_bytes;

    if (EVP_DigestFinal_ex(image->digest, seen.bytes, NULL) != 1) return -EIO;
    if (!source->is_damaged && memcmp(&seen, &source->digest, sizeof seen) != 0) return -EIO;
    hs_ledger_end_record(&image->made, &image->record);
    if (hs_writer_finish(&image->made)) return -EMSGSIZE;
    if (blob->at_bytes != source->at_bytes) return 0; /* put again meanwhile: that one counts */
    blob->bad_reads = 0;
    blob->image_at_bytes = at_bytes + HS_LEDGER_RECORD_HEADER_BYTES +
                           (source->is_damaged ? (uint64_t)HS_LEDGER_DIGEST_BYTES : 0);
    return 0;
}

int hs_ledger_copy_blob(struct hs_ledger *ledger, size_t *bytes_left)
{
    struct hs_ledger_image *image = &ledger->image;
    int                     rc = image->is_copying ? 0 : begin_copy(ledger);
    size_t                  bytes = image->source.bytes - image->source_done_bytes;

    if (bytes > *bytes_left) bytes = *bytes_left;
    *bytes_left -= bytes;
    if (!rc) rc = copy_part(ledger, bytes);
    if (!rc && image->source_done_bytes < image->source.bytes) return 0;
    if (!rc) rc = end_copy(ledger);
    if (rc) image->made.used_bytes = image->record.begin_bytes;
    image->is_copying = false;
    return rc ? rc : 1;
}

/* ---- the snapshot ---- */

int hs_ledger_put_snapshot(struct hs_ledger *ledger)
{
    struct hs_ledger_machine *machine = &ledger->config.machine;
    struct hs_writer         *made = &ledger->image.made;
    struct hs_writer          body;
    struct hs_ledger_record   record = {.kind = HS_LEDGER_RECORD_SNAPSHOT,
                                        .batch = 1,
                                        .ends_batch = true,
                                        .number = ledger->stats.seq};

    HS_ASSERT(made->used_bytes < HS_LEDGER_PART_BYTES);
    hs_writer_init(&body, made->data + made->used_bytes + HS_LEDGER_RECORD_HEADER_BYTES,
                   machine->snapshot_bytes_max);
    machine->save(machine->self, &body);
    if (hs_writer_finish(&body)) return -EMSGSIZE;
    record.body = hs_view_of(body.data, body.used_bytes);
    hs_ledger_put_record(made, image_epoch(ledger), &record);
    return hs_writer_finish(made);
}

/* ---- writing ---- */

int hs_ledger_flush_image(struct hs_ledger *ledger)
{
    int rc = hs_ledger_take_image_room(ledger);

    if (!rc) ledger->image.is_flushing = true;
    return rc;
}

void hs_ledger_write_image(struct hs_ledger *ledger)
{
    struct hs_ledger_image *image = &ledger->image;
    size_t                  bytes = image->made.used_bytes - image->flushed_bytes;
    int                     rc;

    image->op.fd = ledger->config.fd[1 - ledger->file_idx];
    image->op.bytes = image->made.data + image->flushed_bytes;
    image->op.count = bytes < WRITE_BYTES_MAX ? bytes : WRITE_BYTES_MAX;
    image->op.at_bytes = image->written_bytes + image->flushed_bytes;
    image->op.is_synced = true;
    rc = hs_loop_write(ledger->config.loop, &image->op);
    image->is_writing = rc == 0;
    if (rc) hs_ledger_note_failure(ledger, rc);
}

void hs_ledger_image_written(struct hs_ledger *ledger)
{
    struct hs_ledger_image *image = &ledger->image;

    image->flushed_bytes += image->op.count;
    if (image->flushed_bytes < image->made.used_bytes) return;
    image->written_bytes += image->flushed_bytes;
    image->made.used_bytes = image->flushed_bytes = 0;
    image->is_flushing = false;
    if (image->is_whole) hs_ledger_finish_compaction(ledger);
}
