// SPDX-License-Identifier: Apache-2.0
/* fuzz_ledger.c - the scan of a ledger file. Any bytes as a file; and a file that was written, then
 * cut or damaged: a scan gives a prefix of what was written; at most the last batch is missing, or
 * the damage is named. */
#include "roles/cluster/ledger_log.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_BYTES_MAX = 1 << 14, RECORDS_MAX = 64, EPOCH = 3 };

struct written {
    uint8_t  memory[FILE_BYTES_MAX];
    size_t   bytes;
    unsigned count;
    unsigned batches;
    size_t   at_bytes[RECORDS_MAX]; /* of the bodies */
    size_t   body_bytes[RECORDS_MAX];
};

static void scan_any(struct hs_view file)
{
    struct hs_ledger_file_header header = {.epoch = EPOCH};
    struct hs_ledger_scan        scan;
    struct hs_ledger_record      record;
    size_t                       before = HS_LEDGER_HEADER_BYTES;
    int                          rc = hs_ledger_get_header(file, &header);

    HS_ASSERT(rc == 0 || rc == -ENOENT || rc == -EPROTO);
    hs_ledger_scan_init(&scan, file, header.epoch);
    while ((rc = hs_ledger_scan_next(&scan, &record)) == 1) {
        HS_ASSERT(record.at_bytes >= before && record.at_bytes <= file.bytes);
        HS_ASSERT(record.body.bytes <= file.bytes - record.at_bytes);
        HS_ASSERT(scan.at_bytes > before && scan.whole_bytes <= scan.at_bytes);
        before = scan.at_bytes;
    }
    HS_ASSERT(rc == 0 || rc == -EIO);
}

/* A byte a record: its length, and whether it ends its batch. The last one always does. */
static void write_file(struct written *written, struct hs_reader *plan)
{
    struct hs_ledger_file_header header = {.group = 1, .epoch = EPOCH};
    struct hs_writer             writer;
    uint8_t                      body[64];
    unsigned                     wanted = 1 + hs_get_u8(plan) % RECORDS_MAX;

    written->count = 0;
    written->batches = 0;
    hs_writer_init(&writer, written->memory, sizeof written->memory);
    hs_ledger_put_header(&writer, &header);
    while (written->count < wanted) {
        uint8_t                 byte = hs_get_u8(plan);
        struct hs_ledger_record record = {.kind = HS_LEDGER_RECORD_ENTRY,
                                          .batch = written->batches + 1,
                                          .number = written->count + 1,
                                          .body = hs_view_of(body, byte % sizeof body)};

        record.ends_batch = byte >= 128 || written->count + 1 == wanted;
        memset(body, byte, sizeof body);
        written->at_bytes[written->count] = writer.used_bytes + HS_LEDGER_RECORD_HEADER_BYTES;
        written->body_bytes[written->count++] = record.body.bytes;
        hs_ledger_put_record(&writer, EPOCH, &record);
        written->batches += record.ends_batch;
    }
    HS_ASSERT(!writer.failed);
    written->bytes = writer.used_bytes;
}

/* Scans the first bytes of the file; the records are a prefix of those written. How many batches
 * are whole, or -EIO. */
static int scan_written(const struct written *written, size_t bytes)
{
    struct hs_ledger_scan   scan;
    struct hs_ledger_record record;
    unsigned                count = 0;
    int                     rc;

    hs_ledger_scan_init(&scan, hs_view_of(written->memory, bytes), EPOCH);
    while ((rc = hs_ledger_scan_next(&scan, &record)) == 1) {
        HS_ASSERT(count < written->count);
        HS_ASSERT(record.number == count + 1);
        HS_ASSERT(record.at_bytes == written->at_bytes[count]);
        HS_ASSERT(record.body.bytes == written->body_bytes[count]);
        count++;
    }
    if (rc < 0) return rc;
    return (int)(scan.ends_batch ? scan.batch : scan.batch - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct written written;
    struct hs_reader      plan;
    size_t                at;
    int                   whole;

    scan_any(hs_view_of(data, size));
    hs_reader_init(&plan, hs_view_of(data, size));
    write_file(&written, &plan);
    HS_ASSERT(scan_written(&written, written.bytes) == (int)written.batches);
    at = HS_LEDGER_HEADER_BYTES + hs_get_u16le(&plan) % (written.bytes - HS_LEDGER_HEADER_BYTES);
    HS_ASSERT(scan_written(&written, at) >= 0); /* cut off: never taken for damage */
    written.memory[at] ^= hs_get_u8(&plan);
    whole = scan_written(&written, written.bytes);
    HS_ASSERT(whole == -EIO || whole >= (int)written.batches - 1);
    return 0;
}
