// SPDX-License-Identifier: Apache-2.0
/* run_record.c - one workflow's final figures to and from bytes. */
#include "roles/stats/run_record.h"

#include "roles/stats/stats_codec.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

enum { HEAD_BYTES = 8, LENGTH_BYTES = 4 };

/* A part's length is written in front of it in a fixed form, so that the part can be written in
 * place. */
static void put_wide_length(uint8_t at[LENGTH_BYTES], size_t bytes)
{
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        at[i] = (uint8_t)(((bytes >> (7 * i)) & 0x7f) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
}

void hs_run_record_begin(struct hs_run_record_writer *writer, const struct hs_run_record *record,
                         struct hs_writer *out)
{
    HS_ASSERT(record->step_count <= HS_STEPS_MAX);
    *writer = (struct hs_run_record_writer){
        .out = out, .begin_bytes = out->used_bytes, .steps_left = record->step_count};
    hs_put_u32le(out, HS_RUN_RECORD_MAGIC);
    hs_put_u32le(out, 0); /* told at the end */
    hs_put_u8(out, HS_RUN_RECORD_VERSION);
    hs_put_text(out, hs_view_text(record->workflow));
    hs_put_text(out, hs_view_text(record->text));
    hs_put_text(out, hs_view_text(record->backend));
    hs_put_varint(out, record->workflow_idx);
    hs_put_varint(out, record->state);
    hs_put_varint(out, record->flags);
    hs_put_varint(out, record->seed);
    hs_put_varint(out, record->begin_ns);
    hs_put_varint(out, record->duration_ns);
    hs_put_varint(out, record->warmup_ns);
    hs_put_varint(out, record->elapsed_ns);
    hs_put_varint(out, record->shard_count);
    hs_put_varint(out, record->engine_count);
    hs_put_varint(out, record->restart_count);
    hs_put_varint(out, record->retry_count);
    hs_put_varint(out, record->step_count);
}

void hs_run_record_put_step(struct hs_run_record_writer *writer, struct hs_view name,
                            const struct hs_stats *stats)
{
    struct hs_writer       *out = writer->out;
    struct hs_stats_encoder encoder;
    size_t                  count_at = 0;
    unsigned                part_count = 0;
    int                     rc = 1;

    HS_ASSERT(writer->steps_left > 0);
    writer->steps_left--;
    hs_put_text(out, name);
    count_at = out->used_bytes;
    hs_put_u8(out, 0);
    hs_stats_encoder_init(&encoder, stats, NULL);
    while (rc == 1 && !out->failed) {
        uint8_t *length = out->data + out->used_bytes;
        size_t   begin;

        hs_put_u32le(out, 0);
        begin = out->used_bytes;
        rc = out->failed ? -EMSGSIZE : hs_stats_encode_part(&encoder, 0, out);
        if (rc < 0) break;
        put_wide_length(length, out->used_bytes - begin);
        part_count++;
    }
    /* A torn step must not look whole. */
    if (rc != 0 || part_count >= 0x80)
        out->failed = true;
    else if (!out->failed)
        out->data[count_at] = (uint8_t)part_count;
}

int hs_run_record_end(struct hs_run_record_writer *writer)
{
    struct hs_writer *out = writer->out;
    struct hs_writer  head;
    int               rc = hs_writer_finish(out);

    HS_ASSERT(writer->steps_left == 0);
    if (rc < 0) return rc;
    hs_writer_init(&head, out->data + writer->begin_bytes, HEAD_BYTES);
    hs_put_u32le(&head, HS_RUN_RECORD_MAGIC);
    hs_put_u32le(&head, (uint32_t)(out->used_bytes - writer->begin_bytes - HEAD_BYTES));
    return hs_writer_finish(&head);
}

static uint64_t get_number(struct hs_reader *reader, uint64_t most)
{
    uint64_t value = hs_get_varint(reader);

    if (value > most) reader->failed = true;
    return value;
}

static void get_fields(struct hs_run_record *record, struct hs_reader *reader)
{
    hs_get_text(reader, record->workflow, sizeof record->workflow);
    hs_get_text(reader, record->text, sizeof record->text);
    hs_get_text(reader, record->backend, sizeof record->backend);
    record->workflow_idx = (uint32_t)get_number(reader, UINT32_MAX);
    record->state = (uint32_t)get_number(reader, UINT32_MAX);
    record->flags = (uint32_t)get_number(reader, UINT32_MAX);
    record->seed = hs_get_varint(reader);
    record->begin_ns = hs_get_varint(reader);
    record->duration_ns = hs_get_varint(reader);
    record->warmup_ns = hs_get_varint(reader);
    record->elapsed_ns = hs_get_varint(reader);
    record->shard_count = (uint32_t)get_number(reader, UINT32_MAX);
    record->engine_count = (uint32_t)get_number(reader, UINT32_MAX);
    record->restart_count = (uint32_t)get_number(reader, UINT32_MAX);
    record->retry_count = (uint32_t)get_number(reader, UINT32_MAX);
    record->step_count = (uint32_t)get_number(reader, HS_STEPS_MAX);
}

int64_t hs_run_record_open(struct hs_run_record_reader *reader, struct hs_view bytes)
{
    struct hs_reader whole;
    struct hs_view   body;
    uint32_t         magic, body_bytes;

    *reader = (struct hs_run_record_reader){0};
    if (!bytes.bytes) return 0;
    hs_reader_init(&whole, bytes);
    magic = hs_get_u32le(&whole);
    body_bytes = hs_get_u32le(&whole);
    body = hs_get_view(&whole, body_bytes);
    if (whole.failed || magic != HS_RUN_RECORD_MAGIC) return -EPROTO;
    hs_reader_init(&reader->steps, body);
    if (hs_get_u8(&reader->steps) != HS_RUN_RECORD_VERSION) return -EPROTO;
    get_fields(&reader->record, &reader->steps);
    if (reader->steps.failed) return -EPROTO;
    reader->steps_left = reader->record.step_count;
    return (int64_t)HEAD_BYTES + (int64_t)body_bytes;
}

static int take_part(struct hs_view bytes, struct hs_stats *stats)
{
    struct hs_stats_part part;
    int                  rc = hs_stats_part_open(&part, bytes);

    if (rc < 0) return rc;
    if (!(part.flags & HS_STATS_PART_WHOLE)) return -EPROTO;
    return stats ? hs_stats_part_apply(&part, stats, NULL) : 0;
}

int hs_run_record_next(struct hs_run_record_reader *reader, struct hs_view *name,
                       struct hs_stats *stats)
{
    struct hs_reader *steps = &reader->steps;
    unsigned          part_count;

    if (!reader->steps_left) return hs_reader_finish(steps);
    reader->steps_left--;
    if (stats) hs_stats_clear(stats);
    *name = hs_get_view(steps, (size_t)get_number(steps, SIZE_MAX));
    part_count = hs_get_u8(steps);
    if (steps->failed || part_count == 0 || part_count > HS_STATS_PARTS_MAX) return -EPROTO;
    for (unsigned i = 0; i < part_count; i++) {
        struct hs_view bytes = hs_get_view(steps, (size_t)get_number(steps, SIZE_MAX));
        int            rc = steps->failed ? -EPROTO : take_part(bytes, stats);

        if (rc < 0) return rc;
    }
    return 1;
}
