// SPDX-License-Identifier: Apache-2.0
/* ledger_log.c - encodes and scans the records of a ledger file. */
#include "roles/cluster/ledger_log.h"

#include "roles/cluster/ledger.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

enum { VERSION = 1, ALIGN_BYTES = 8, HEADER_CRC_AT = HS_LEDGER_HEADER_BYTES - 4 };
enum { CRC_AT = 4, CRC_FROM_AT = 8 }; /* in a record */

static const char magic[8] = {'H', 'S', 'L', 'E', 'D', 'G', 'R', '1'};

void hs_ledger_put_header(struct hs_writer *writer, const struct hs_ledger_file_header *header)
{
    uint8_t          image[HS_LEDGER_HEADER_BYTES] = {0};
    struct hs_writer inner;

    hs_writer_init(&inner, image, sizeof image);
    hs_put_bytes(&inner, magic, sizeof magic);
    hs_put_u32le(&inner, VERSION);
    hs_put_u32le(&inner, header->group);
    hs_put_u64le(&inner, header->epoch);
    hs_put_u64le(&inner, header->base_seq);
    inner.used_bytes = HEADER_CRC_AT;
    hs_put_u32le(&inner, hs_crc32c(0, image, HEADER_CRC_AT));
    hs_put_bytes(writer, image, sizeof image);
}

int hs_ledger_get_header(struct hs_view file, struct hs_ledger_file_header *header)
{
    struct hs_reader reader;
    uint32_t         version;

    if (file.bytes < HS_LEDGER_HEADER_BYTES) return -ENOENT;
    hs_reader_init(&reader, file);
    if (memcmp(hs_get_view(&reader, sizeof magic).data, magic, sizeof magic) != 0) return -ENOENT;
    version = hs_get_u32le(&reader);
    header->group = hs_get_u32le(&reader);
    header->epoch = hs_get_u64le(&reader);
    header->base_seq = hs_get_u64le(&reader);
    reader.at = HEADER_CRC_AT;
    if (hs_get_u32le(&reader) != hs_crc32c(0, file.data, HEADER_CRC_AT)) return -EPROTO;
    return version == VERSION ? 0 : -EPROTO;
}

static size_t padded(size_t bytes)
{
    return (bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
}

size_t hs_ledger_record_bytes(size_t body_bytes)
{
    return HS_LEDGER_RECORD_HEADER_BYTES + padded(body_bytes);
}

static uint32_t crc_seed(uint64_t epoch, size_t body_bytes)
{
    uint8_t          seed[12];
    struct hs_writer writer;

    hs_writer_init(&writer, seed, sizeof seed);
    hs_put_u64le(&writer, epoch);
    hs_put_u32le(&writer, (uint32_t)body_bytes);
    return hs_crc32c(0, seed, sizeof seed);
}

/* The checksum of a record as it stands in a file, seeded with the epoch and the length. */
static uint32_t record_crc(uint64_t epoch, const uint8_t *record, size_t body_bytes)
{
    return hs_crc32c(crc_seed(epoch, body_bytes), record + CRC_FROM_AT,
                     HS_LEDGER_RECORD_HEADER_BYTES - CRC_FROM_AT + body_bytes);
}

void hs_ledger_begin_record(struct hs_writer *writer, uint64_t epoch,
                            const struct hs_ledger_record *record,
                            struct hs_ledger_open_record  *open)
{
    static const uint8_t zeros[2] = {0};

    *open = (struct hs_ledger_open_record){.begin_bytes = writer->used_bytes,
                                           .body_bytes = record->body.bytes};
    hs_put_u32le(writer, (uint32_t)record->body.bytes);
    hs_put_u32le(writer, 0);
    hs_put_u32le(writer, record->batch);
    hs_put_u8(writer, (uint8_t)record->kind);
    hs_put_u8(writer, record->ends_batch);
    hs_put_bytes(writer, zeros, sizeof zeros);
    hs_put_u64le(writer, record->number);
    if (writer->failed) return;
    open->crc =
        hs_crc32c(crc_seed(epoch, open->body_bytes), writer->data + open->begin_bytes + CRC_FROM_AT,
                  HS_LEDGER_RECORD_HEADER_BYTES - CRC_FROM_AT);
}

void hs_ledger_extend_record(struct hs_writer *writer, struct hs_ledger_open_record *open,
                             size_t bytes)
{
    HS_ASSERT(writer->capacity_bytes - writer->used_bytes >= bytes);
    open->crc = hs_crc32c(open->crc, writer->data + writer->used_bytes, bytes);
    writer->used_bytes += bytes;
}

void hs_ledger_end_record(struct hs_writer *writer, const struct hs_ledger_open_record *open)
{
    static const uint8_t zeros[ALIGN_BYTES] = {0};
    struct hs_writer     crc;

    hs_put_bytes(writer, zeros, padded(open->body_bytes) - open->body_bytes);
    if (writer->failed) return;
    HS_ASSERT(writer->used_bytes == open->begin_bytes + hs_ledger_record_bytes(open->body_bytes));
    hs_writer_init(&crc, writer->data + open->begin_bytes + CRC_AT, sizeof open->crc);
    hs_put_u32le(&crc, open->crc);
}

void hs_ledger_put_record(struct hs_writer *writer, uint64_t epoch,
                          const struct hs_ledger_record *record)
{
    struct hs_ledger_open_record open;
    size_t                       bytes = record->body.bytes;

    hs_ledger_begin_record(writer, epoch, record, &open);
    hs_put_bytes(writer, record->body.data, bytes);
    if (writer->failed) return;
    writer->used_bytes -= bytes;
    hs_ledger_extend_record(writer, &open, bytes);
    hs_ledger_end_record(writer, &open);
}

void hs_ledger_scan_init(struct hs_ledger_scan *scan, struct hs_view file, uint64_t epoch)
{
    *scan = (struct hs_ledger_scan){.file = file,
                                    .epoch = epoch,
                                    .at_bytes = HS_LEDGER_HEADER_BYTES,
                                    .ends_batch = true,
                                    .whole_bytes = HS_LEDGER_HEADER_BYTES};
}

static bool is_kind(uint8_t kind)
{
    return kind >= HS_LEDGER_RECORD_ENTRY && kind <= HS_LEDGER_RECORD_DAMAGED;
}

/* A sound record at this place? */
static bool record_at(const struct hs_ledger_scan *scan, size_t at, struct hs_ledger_record *record)
{
    struct hs_reader reader;
    uint32_t         body_bytes;
    uint32_t         crc;
    uint8_t          kind;
    uint8_t          ends_batch;
    uint16_t         zeros;

    if (at > scan->file.bytes) return false;
    hs_reader_init(&reader, hs_view_of(scan->file.data + at, scan->file.bytes - at));
    body_bytes = hs_get_u32le(&reader);
    crc = hs_get_u32le(&reader);
    record->batch = hs_get_u32le(&reader);
    kind = hs_get_u8(&reader);
    ends_batch = hs_get_u8(&reader);
    zeros = hs_get_u16le(&reader);
    record->number = hs_get_u64le(&reader);
    record->body = hs_get_view(&reader, body_bytes);
    if (reader.failed || !is_kind(kind) || ends_batch > 1 || zeros) return false;
    record->kind = (enum hs_ledger_record_kind)kind;
    record->ends_batch = ends_batch != 0;
    record->at_bytes = at + HS_LEDGER_RECORD_HEADER_BYTES;
    return crc == record_crc(scan->epoch, scan->file.data + at, body_bytes);
}

/* Nothing of the batch that is torn was ever answered, but a batch is written only when the one
 * before it is durable: so a record of a later one proves that something answered is lost. */
static bool has_later_batch(const struct hs_ledger_scan *scan)
{
    uint32_t                torn_batch = scan->ends_batch ? scan->batch + 1 : scan->batch;
    struct hs_ledger_record record;

    for (size_t at = scan->at_bytes; at < scan->file.bytes; at += ALIGN_BYTES)
        if (record_at(scan, at, &record) && record.batch > torn_batch) return true;
    return false;
}

int hs_ledger_scan_next(struct hs_ledger_scan *scan, struct hs_ledger_record *record)
{
    if (!record_at(scan, scan->at_bytes, record)) return has_later_batch(scan) ? -EIO : 0;
    if (record->batch != (scan->ends_batch ? scan->batch + 1 : scan->batch)) return -EIO;
    scan->batch = record->batch;
    scan->ends_batch = record->ends_batch;
    scan->at_bytes = record->at_bytes + padded(record->body.bytes);
    if (record->ends_batch) scan->whole_bytes = scan->at_bytes;
    return 1;
}
