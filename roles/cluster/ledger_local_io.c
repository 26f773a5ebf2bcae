// SPDX-License-Identifier: Apache-2.0
/* ledger_local_io.c - the ledger of one node: batches entries into one write and one fdatasync,
 * and applies them when they are durable. */
#include "roles/cluster/ledger_local.h"
#include "shm/base/assert.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void hs_ledger_digest_of(struct hs_view bytes, struct hs_ledger_digest *digest)
{
    int is_done = EVP_Digest(bytes.data, bytes.bytes, digest->bytes, NULL, EVP_sha256(), NULL);

    HS_ASSERT(is_done == 1);
}

struct hs_ledger_blob *hs_ledger_find_blob(struct hs_ledger              *ledger,
                                           const struct hs_ledger_digest *digest)
{
    for (unsigned i = 0; i < ledger->blob_count; i++)
        if (memcmp(&ledger->blobs[i].digest, digest, sizeof *digest) == 0) return &ledger->blobs[i];
    return NULL;
}

int hs_ledger_add_blob(struct hs_ledger *ledger, const struct hs_ledger_digest *digest, uint64_t at,
                       size_t bytes)
{
    struct hs_ledger_blob *known = hs_ledger_find_blob(ledger, digest);

    if (known && !known->is_damaged) return 0;
    if (!known && ledger->blob_count == HS_LEDGER_BLOBS_MAX) return -ENOBUFS;
    if (!known) known = &ledger->blobs[ledger->blob_count++];
    *known = (struct hs_ledger_blob){
        .digest = *digest, .at_bytes = at, .bytes = bytes, .put_at_ns = ledger->now_ns};
    return 0;
}

/* ---- open, close ---- */

static struct hs_ledger_batch *create_batch(void)
{
    struct hs_ledger_batch *batch = calloc(1, sizeof *batch);
    void                   *memory = malloc(HS_LEDGER_BATCH_BYTES);

    if (!batch || !memory) {
        free(batch);
        free(memory);
        return NULL;
    }
    hs_writer_init(&batch->writer, memory, HS_LEDGER_BATCH_BYTES);
    return batch;
}

static void destroy_batch(struct hs_ledger_batch **batch)
{
    if (*batch) free((*batch)->writer.data);
    free(*batch);
    *batch = NULL;
}

static void on_written(struct hs_file_op *op, int result);
static void on_image_written(struct hs_file_op *op, int result);

int hs_ledger_open(struct hs_ledger **out, const struct hs_ledger_config *config,
                   struct hs_err *err)
{
    struct hs_ledger *ledger = calloc(1, sizeof *ledger);
    int               rc;

    if (!ledger) return hs_err_set(err, -ENOMEM, "open the ledger");
    ledger->config = *config;
    ledger->op.on_done = on_written;
    ledger->image.op.on_done = on_image_written;
    ledger->filling = create_batch();
    ledger->flying = create_batch();
    rc = ledger->filling && ledger->flying ? hs_ledger_recover(ledger, err)
                                           : hs_err_set(err, -ENOMEM, "open the ledger");
    if (rc) hs_ledger_close(&ledger);
    *out = ledger;
    return rc;
}

void hs_ledger_close(struct hs_ledger **ledger)
{
    if (!*ledger) return;
    HS_ASSERT(!(*ledger)->is_writing);
    destroy_batch(&(*ledger)->filling);
    destroy_batch(&(*ledger)->flying);
    hs_ledger_close_image(*ledger);
    free(*ledger);
    *ledger = NULL;
}

/* ---- proposing ---- */

static struct hs_ledger_item *take_item(struct hs_ledger *ledger, enum hs_ledger_item_kind kind,
                                        uint64_t token)
{
    struct hs_ledger_batch *batch = ledger->filling;
    struct hs_ledger_item  *item;

    if (ledger->has_failed || batch->count == HS_LEDGER_OPEN_MAX) return NULL;
    item = &batch->items[batch->count++];
    *item = (struct hs_ledger_item){.kind = kind, .token = token};
    return item;
}

static bool has_room(struct hs_ledger *ledger, size_t body_bytes)
{
    const struct hs_writer *writer = &ledger->filling->writer;
    size_t                  bytes = hs_ledger_record_bytes(body_bytes);

    return writer->capacity_bytes - writer->used_bytes >= bytes &&
           hs_ledger_has_disk_room(ledger, bytes);
}

/* Numbers and checksums are filled in when the batch leaves: until then the body only. */
static void put_body(struct hs_ledger *ledger, struct hs_ledger_item *item, struct hs_view body)
{
    struct hs_writer *writer = &ledger->filling->writer;

    item->body_at_bytes = writer->used_bytes + HS_LEDGER_RECORD_HEADER_BYTES;
    item->body_bytes = body.bytes;
    memcpy(writer->data + item->body_at_bytes, body.data, body.bytes);
    writer->used_bytes += hs_ledger_record_bytes(body.bytes);
}

int hs_ledger_propose(struct hs_ledger *ledger, struct hs_view entry, uint64_t token)
{
    struct hs_ledger_item *item;

    if (!entry.bytes || entry.bytes > HS_LEDGER_ENTRY_BYTES_MAX) return -EMSGSIZE;
    if (!has_room(ledger, entry.bytes)) return -ENOBUFS;
    item = take_item(ledger, HS_LEDGER_ITEM_ENTRY, token);
    if (!item) return -ENOBUFS;
    put_body(ledger, item, entry);
    return 0;
}

int hs_ledger_barrier(struct hs_ledger *ledger, uint64_t token)
{
    return take_item(ledger, HS_LEDGER_ITEM_BARRIER, token) ? 0 : -ENOBUFS;
}

/* The last of the other file is made, without this one: at the switch it is forgotten, so from now
 * on it is not known. */
static bool is_left_behind(const struct hs_ledger *ledger, const struct hs_ledger_blob *blob)
{
    return ledger->image.is_whole && !blob->image_at_bytes;
}

int hs_ledger_blob_put(struct hs_ledger *ledger, struct hs_view bytes,
                       struct hs_ledger_digest *digest, uint64_t token)
{
    struct hs_ledger_blob *known;
    struct hs_ledger_item *item;

    if (!bytes.bytes || bytes.bytes > HS_LEDGER_BLOB_BYTES_MAX) return -EMSGSIZE;
    hs_ledger_digest_of(bytes, digest);
    known = hs_ledger_find_blob(ledger, digest);
    if (known && (known->is_damaged || is_left_behind(ledger, known)))
        known = NULL; /* here it is again, whole */
    if (known)
        known->put_at_ns = ledger->now_ns;
    else if (!has_room(ledger, bytes.bytes))
        return -ENOBUFS;
    /* the blobs of one batch all fit the table, whatever it holds then */
    if (ledger->blob_count + 2 * HS_LEDGER_OPEN_MAX > HS_LEDGER_BLOBS_MAX) return -ENOBUFS;
    item = take_item(ledger, HS_LEDGER_ITEM_BLOB, token);
    if (!item) return -ENOBUFS;
    item->digest = *digest;
    if (!known) put_body(ledger, item, bytes);
    return 0;
}

int64_t hs_ledger_blob_get(struct hs_ledger *ledger, const struct hs_ledger_digest *digest,
                           void *memory, size_t capacity_bytes)
{
    struct hs_ledger_blob  *blob = hs_ledger_find_blob(ledger, digest);
    struct hs_ledger_digest seen;
    ssize_t                 got;

    if (!blob) return -ENOENT;
    if (blob->is_damaged) return memory ? -EIO : -ENOENT; /* it may be put again */
    if (!memory) {
        if (is_left_behind(ledger, blob)) return -ENOENT;
        blob->put_at_ns = ledger->now_ns; /* whoever finds it need not put it again */
        return (int64_t)blob->bytes;
    }
    if (capacity_bytes < blob->bytes) return -EMSGSIZE;
    got = pread(ledger->config.fd[ledger->file_idx], memory, blob->bytes, (off_t)blob->at_bytes);
    if (got != (ssize_t)blob->bytes) return -EIO;
    hs_ledger_digest_of(hs_view_of(memory, blob->bytes), &seen);
    return memcmp(&seen, digest, sizeof seen) == 0 ? (int64_t)blob->bytes : -EIO;
}

/* ---- batches ---- */

static void answer(struct hs_ledger *ledger, enum hs_ledger_answer_kind kind, uint64_t token,
                   uint32_t result)
{
    struct hs_ledger_answer said = {
        .kind = kind, .token = token, .seq = ledger->stats.seq, .result = result};

    ledger->config.on_answer(ledger->config.context, &said);
}

static void settle_item(struct hs_ledger *ledger, const struct hs_ledger_item *item,
                        uint64_t file_at_bytes)
{
    struct hs_ledger_machine *machine = &ledger->config.machine;
    const uint8_t            *body = ledger->flying->writer.data + item->body_at_bytes;
    uint32_t                  result;

    switch (item->kind) {
    case HS_LEDGER_ITEM_ENTRY:
        ledger->stats.seq++;
        result =
            machine->apply(machine->self, ledger->stats.seq, hs_view_of(body, item->body_bytes));
        answer(ledger, HS_LEDGER_APPLIED, item->token, result);
        break;
    case HS_LEDGER_ITEM_BLOB:
        if (item->body_bytes) {
            int rc = hs_ledger_add_blob(ledger, &item->digest, file_at_bytes + item->body_at_bytes,
                                        item->body_bytes);
            HS_ASSERT(rc == 0);
        }
        answer(ledger, HS_LEDGER_BLOB_STORED, item->token, 0);
        break;
    case HS_LEDGER_ITEM_BARRIER: answer(ledger, HS_LEDGER_BARRIER, item->token, 0); break;
    }
}

static void settle_batch(struct hs_ledger *ledger)
{
    struct hs_ledger_batch *batch = ledger->flying;
    uint64_t                at_bytes = ledger->stats.file_bytes;

    ledger->stats.file_bytes += batch->writer.used_bytes;
    for (unsigned i = 0; i < batch->count; i++) settle_item(ledger, &batch->items[i], at_bytes);
    batch->count = 0;
    batch->writer.used_bytes = 0;
}

/* The last item that has a record. */
static unsigned last_written(const struct hs_ledger_batch *batch)
{
    unsigned last = 0;

    for (unsigned i = 0; i < batch->count; i++)
        if (batch->items[i].body_bytes) last = i;
    return last;
}

/* Writes the headers in front of the bodies that are already in place. */
static void number_batch(struct hs_ledger *ledger, struct hs_ledger_batch *batch)
{
    uint64_t seq = ledger->stats.seq;
    unsigned last = last_written(batch);

    ledger->batch_number++;
    for (unsigned i = 0; i < batch->count; i++) {
        struct hs_ledger_item  *item = &batch->items[i];
        uint8_t                *at = batch->writer.data + item->body_at_bytes;
        struct hs_ledger_record record = {.batch = ledger->batch_number,
                                          .kind = HS_LEDGER_RECORD_BLOB,
                                          .ends_batch = i == last,
                                          .body = hs_view_of(at, item->body_bytes)};
        struct hs_writer        writer;

        if (!item->body_bytes) continue;
        if (item->kind == HS_LEDGER_ITEM_ENTRY) {
            record.kind = HS_LEDGER_RECORD_ENTRY;
            record.number = ++seq;
        }
        hs_writer_init(&writer, at - HS_LEDGER_RECORD_HEADER_BYTES,
                       hs_ledger_record_bytes(item->body_bytes));
        hs_ledger_put_record(&writer, ledger->header.epoch, &record);
        HS_ASSERT(!writer.failed);
    }
}

/* After a sync that failed the kernel may show bytes that the disk never got, and tell nobody a
 * second time. Nothing of them was answered: they go, so that no successor builds upon them. */
static void cut_unsure(struct hs_ledger *ledger)
{
    if (ftruncate(ledger->config.fd[ledger->file_idx], (off_t)ledger->stats.file_bytes))
        hs_log(HS_LOG_ERROR, "ledger", "unsure bytes kept: %s", hs_err_code_text(errno));
    if (ledger->image.is_under_way) hs_ledger_drop_image(ledger);
}

static void fail(struct hs_ledger *ledger)
{
    hs_log(HS_LOG_ERROR, "ledger", "write failed: %s", hs_err_code_text(ledger->failure));
    cut_unsure(ledger);
    ledger->has_failed = true; /* what the disk holds now is unknown: only a replay can tell */
    for (unsigned i = 0; i < ledger->flying->count; i++)
        answer(ledger, HS_LEDGER_UNKNOWN, ledger->flying->items[i].token, 0);
    for (unsigned i = 0; i < ledger->filling->count; i++)
        answer(ledger, HS_LEDGER_UNKNOWN, ledger->filling->items[i].token, 0);
    ledger->flying->count = 0;
    ledger->filling->count = 0;
    answer(ledger, HS_LEDGER_FAILED, 0, 0);
}

/* A batch and a piece of an image may be under way together: what the other comes to is still
 * heard. */
static void fail_when_quiet(struct hs_ledger *ledger)
{
    if (ledger->failure && !ledger->is_writing && !ledger->image.is_writing) fail(ledger);
}

void hs_ledger_note_failure(struct hs_ledger *ledger, int code)
{
    if (!ledger->failure) ledger->failure = code;
    fail_when_quiet(ledger);
}

static void start_batch(struct hs_ledger *ledger)
{
    struct hs_ledger_batch *batch = ledger->filling;
    int                     rc;

    ledger->filling = ledger->flying;
    ledger->flying = batch;
    if (!batch->writer.used_bytes) {
        settle_batch(ledger);
        return;
    }
    number_batch(ledger, batch);
    ledger->stats.batch_count++;
    ledger->op.fd = ledger->config.fd[ledger->file_idx];
    ledger->op.bytes = batch->writer.data;
    ledger->op.count = batch->writer.used_bytes;
    ledger->op.at_bytes = ledger->stats.file_bytes;
    ledger->op.is_synced = true;
    rc = hs_loop_write(ledger->config.loop, &ledger->op);
    ledger->is_writing = rc == 0;
    if (rc) hs_ledger_note_failure(ledger, rc);
}

/* ---- turning ---- */

static bool is_batch_due(const struct hs_ledger *ledger)
{
    return !ledger->failure && !ledger->is_writing && ledger->filling->count &&
           !hs_ledger_holds_batches(ledger);
}

static void count_write(struct hs_ledger *ledger, const struct hs_file_op *op, int result)
{
    if (result) {
        if (!ledger->failure) ledger->failure = result;
        return;
    }
    ledger->stats.written_bytes += op->count;
    ledger->stats.sync_count++;
}

static void on_written(struct hs_file_op *op, int result)
{
    struct hs_ledger *ledger =
        (struct hs_ledger *)(void *)((char *)op - offsetof(struct hs_ledger, op));

    ledger->is_writing = false;
    count_write(ledger, op, result);
    if (!result) settle_batch(ledger);
    fail_when_quiet(ledger);
}

static void on_image_written(struct hs_file_op *op, int result)
{
    struct hs_ledger *ledger =
        (struct hs_ledger *)(void *)((char *)op - offsetof(struct hs_ledger, image.op));

    ledger->image.is_writing = false;
    count_write(ledger, op, result);
    if (!result) hs_ledger_image_written(ledger);
    fail_when_quiet(ledger);
}

/* A compaction comes before the next batch, so that no stream of batches keeps it from its end. */
void hs_ledger_step(struct hs_ledger *ledger, uint64_t now_ns)
{
    ledger->now_ns = now_ns;
    if (ledger->has_failed || ledger->failure) return;
    hs_ledger_keep_headroom(ledger);
    if (!ledger->is_announced) {
        ledger->is_announced = true;
        answer(ledger, HS_LEDGER_LEADING, 0, 0);
    }
    hs_ledger_compact(ledger);
    if (is_batch_due(ledger)) start_batch(ledger);
}

uint64_t hs_ledger_deadline_ns(const struct hs_ledger *ledger)
{
    bool is_due =
        !ledger->is_announced || is_batch_due(ledger) || hs_ledger_is_compaction_ready(ledger);

    return is_due && !ledger->failure ? 0 : HS_NEVER_NS;
}

bool hs_ledger_is_idle(const struct hs_ledger *ledger)
{
    return !ledger->is_writing && !ledger->filling->count;
}

bool hs_ledger_is_leading(const struct hs_ledger *ledger)
{
    return ledger->is_announced && !ledger->has_failed;
}

const char *hs_ledger_leader(const struct hs_ledger *ledger)
{
    return ledger->has_failed ? "" : "local";
}

int hs_ledger_transfer(struct hs_ledger *ledger)
{
    return ledger->has_failed ? -EIO : -ENOENT;
}

void hs_ledger_stats(const struct hs_ledger *ledger, struct hs_ledger_stats *stats)
{
    *stats = ledger->stats;
    stats->blob_count = ledger->blob_count;
    stats->blob_bytes = 0;
    if (ledger->image.is_under_way)
        stats->image_bytes = ledger->image.written_bytes + ledger->image.made.used_bytes;
    for (unsigned i = 0; i < ledger->blob_count; i++) stats->blob_bytes += ledger->blobs[i].bytes;
}
