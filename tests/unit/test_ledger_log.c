// SPDX-License-Identifier: Apache-2.0
/* test_ledger_log.c - whatever is cut off or damaged, a scan gives a prefix of what was written, or
 * says that the file is damaged. */
#include "roles/cluster/ledger_log.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

enum { BATCHES = 4, PER_BATCH = 3, FILE_BYTES = 2048, EPOCH = 7 };

struct written {
    uint8_t memory[FILE_BYTES];
    size_t  bytes;
    size_t  ends[BATCHES * PER_BATCH]; /* of each record */
};

static size_t body_bytes_of(unsigned idx)
{
    return 1 + (idx * 13) % 40;
}

static void write_file(struct written *written)
{
    struct hs_ledger_file_header header = {.group = 1, .epoch = EPOCH, .base_seq = 0};
    struct hs_writer             writer;
    uint8_t                      body[64];

    hs_writer_init(&writer, written->memory, sizeof written->memory);
    hs_ledger_put_header(&writer, &header);
    for (unsigned i = 0; i < BATCHES * PER_BATCH; i++) {
        struct hs_ledger_record record = {.kind = HS_LEDGER_RECORD_ENTRY,
                                          .batch = 1 + i / PER_BATCH,
                                          .ends_batch = i % PER_BATCH == PER_BATCH - 1,
                                          .number = i + 1,
                                          .body = hs_view_of(body, body_bytes_of(i))};

        memset(body, (int)i, sizeof body);
        hs_ledger_put_record(&writer, EPOCH, &record);
        written->ends[i] = writer.used_bytes;
    }
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
    written->bytes = writer.used_bytes;
}

/* How many records a scan gives; *rc is how it ended. */
static unsigned scan_all(const struct written *written, size_t bytes, int *rc)
{
    struct hs_ledger_scan   scan;
    struct hs_ledger_record record;
    unsigned                count = 0;

    hs_ledger_scan_init(&scan, hs_view_of(written->memory, bytes), EPOCH);
    while ((*rc = hs_ledger_scan_next(&scan, &record)) == 1) {
        HS_CHECK_EQ(record.number, count + 1);
        HS_CHECK_EQ(record.body.bytes, body_bytes_of(count));
        HS_CHECK_EQ(record.body.data[0], count);
        count++;
    }
    return count;
}

static void a_whole_file_gives_every_record(void)
{
    static struct written        written;
    struct hs_ledger_file_header header;
    int                          rc;

    write_file(&written);
    HS_CHECK_EQ(hs_ledger_get_header(hs_view_of(written.memory, written.bytes), &header), 0);
    HS_CHECK_EQ(header.epoch, EPOCH);
    HS_CHECK_EQ(scan_all(&written, written.bytes, &rc), BATCHES * PER_BATCH);
    HS_CHECK_EQ(rc, 0);
}

static void a_file_cut_at_any_byte_gives_the_records_before(void)
{
    static struct written written;

    write_file(&written);
    for (size_t bytes = HS_LEDGER_HEADER_BYTES; bytes <= written.bytes; bytes++) {
        unsigned expected = 0;
        int      rc;

        /* a record counts from its last byte on; its padding may be cut */
        while (expected < BATCHES * PER_BATCH &&
               (expected ? written.ends[expected - 1] : (size_t)HS_LEDGER_HEADER_BYTES) +
                       HS_LEDGER_RECORD_HEADER_BYTES + body_bytes_of(expected) <=
                   bytes)
            expected++;
        HS_CHECK_EQ(scan_all(&written, bytes, &rc), expected);
        HS_CHECK_EQ(rc, 0);
    }
}

static void damage_before_a_later_batch_is_never_taken_for_a_torn_tail(void)
{
    static struct written written;

    write_file(&written);
    for (size_t at = HS_LEDGER_HEADER_BYTES; at < written.ends[(BATCHES - 1) * PER_BATCH - 1];
         at++) {
        int rc;

        write_file(&written);
        written.memory[at] ^= 0x40;
        (void)scan_all(&written, written.bytes, &rc);
        if (rc == 0) /* only padding may be damaged unseen */
            HS_CHECK_EQ(scan_all(&written, written.bytes, &rc), BATCHES * PER_BATCH);
        else
            HS_CHECK_EQ(rc, -EIO);
    }
}

static void damage_in_the_last_batch_is_a_torn_tail(void)
{
    static struct written written;
    int                   rc;

    write_file(&written);
    written.memory[written.ends[BATCHES * PER_BATCH - 2] + 5] ^= 1;
    HS_CHECK_EQ(scan_all(&written, written.bytes, &rc), BATCHES * PER_BATCH - 1);
    HS_CHECK_EQ(rc, 0);
}

static void a_record_of_another_epoch_is_not_read(void)
{
    static struct written   written;
    struct hs_ledger_scan   scan;
    struct hs_ledger_record record;

    write_file(&written);
    hs_ledger_scan_init(&scan, hs_view_of(written.memory, written.bytes), EPOCH + 1);
    HS_CHECK_EQ(hs_ledger_scan_next(&scan, &record), 0);
}

static void a_damaged_header_is_told_from_an_empty_file(void)
{
    static struct written        written;
    struct hs_ledger_file_header header;

    write_file(&written);
    HS_CHECK_EQ(hs_ledger_get_header(hs_view_of(written.memory, 0), &header), -ENOENT);
    written.memory[20] ^= 1;
    HS_CHECK_EQ(hs_ledger_get_header(hs_view_of(written.memory, written.bytes), &header), -EPROTO);
}

CU_TestInfo hs_tests_ledger_log[] = {
    {"a whole file gives every record", a_whole_file_gives_every_record},
    {"a file cut at any byte gives the records before",
     a_file_cut_at_any_byte_gives_the_records_before},
    {"damage before a later batch is never taken for a torn tail",
     damage_before_a_later_batch_is_never_taken_for_a_torn_tail},
    {"damage in the last batch is a torn tail", damage_in_the_last_batch_is_a_torn_tail},
    {"a record of another epoch is not read", a_record_of_another_epoch_is_not_read},
    {"a damaged header is told from an empty file", a_damaged_header_is_told_from_an_empty_file},
    CU_TEST_INFO_NULL,
};
