// SPDX-License-Identifier: Apache-2.0
/* test_step_parts.c - steps go into payloads of any size and come out as they were; each piece
 * stands alone. */
#include "roles/stats/merge.h"
#include "roles/stats/step_parts.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

enum { STEPS = 3, CHUNKS = 16384, PAYLOAD_BYTES = 4096 };

static struct hs_chunk        chunks[CHUNKS];
static struct hs_chunk_pool   pool;
static struct hs_stats        stats[STEPS];
static struct hs_merge        merges[STEPS];
static struct hs_merge_source sources[STEPS];

static void set_up(unsigned requests)
{
    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    for (unsigned step = 0; step < STEPS; step++) {
        hs_stats_init(&stats[step], &pool);
        hs_merge_init(&merges[step], &pool, &sources[step], 1);
        for (unsigned i = 0; i < requests * step; i++)
            HS_CHECK_EQ(hs_stats_record(&stats[step], HS_MEASURE_RESPONSE, 1000 * i * (i + 1)), 0);
    }
}

static void take_payload(struct hs_view payload)
{
    struct hs_reader    reader;
    struct hs_step_part part;
    int                 rc;

    hs_reader_init(&reader, payload);
    while ((rc = hs_step_parts_next(&reader, &part)) == 1) {
        HS_CHECK(part.step < STEPS);
        HS_CHECK_EQ(hs_merge_take(&merges[part.step], 1, part.bytes), 0);
    }
    HS_CHECK_EQ(rc, 0);
}

/* Sends all steps whole in payloads of that size; how many it took. */
static unsigned send_all(size_t payload_bytes)
{
    uint8_t          memory[65536];
    struct hs_writer payload;
    unsigned         count = 1;

    hs_writer_init(&payload, memory, payload_bytes);
    for (uint32_t step = 0; step < STEPS; step++) {
        struct hs_stats_encoder encoder;
        uint64_t                sequence = 0;

        hs_stats_encoder_init(&encoder, &stats[step], NULL);
        while (hs_step_parts_put(&payload, step, &encoder, &sequence) == 1) {
            take_payload(hs_view_of(memory, payload.used_bytes));
            hs_writer_init(&payload, memory, payload_bytes);
            count++;
        }
    }
    take_payload(hs_view_of(memory, payload.used_bytes));
    return count;
}

static void steps_go_over_in_one_payload(void)
{
    set_up(100);
    HS_CHECK_EQ(send_all(65536), 1);
    for (unsigned step = 0; step < STEPS; step++)
        HS_CHECK(hs_stats_is_equal(&merges[step].total, &stats[step]));
}

static void large_steps_go_over_in_pieces(void)
{
    set_up(2000);
    HS_CHECK(send_all(PAYLOAD_BYTES) > 2);
    for (unsigned step = 0; step < STEPS; step++)
        HS_CHECK(hs_stats_is_equal(&merges[step].total, &stats[step]));
}

static void a_torn_payload_is_refused(void)
{
    static const uint8_t torn[][4] = {{1}, {1, 9, 1, 1}, {0xff, 0xff, 0xff, 0xff}};

    for (unsigned i = 0; i < 3; i++) {
        struct hs_reader    reader;
        struct hs_step_part part;

        hs_reader_init(&reader, hs_view_of(torn[i], i == 0 ? 1 : 4));
        HS_CHECK_EQ(hs_step_parts_next(&reader, &part), -EPROTO);
    }
}

CU_TestInfo hs_tests_step_parts[] = {
    {"steps go over in one payload", steps_go_over_in_one_payload},
    {"large steps go over in pieces", large_steps_go_over_in_pieces},
    {"a torn payload is refused", a_torn_payload_is_refused},
    CU_TEST_INFO_NULL,
};
