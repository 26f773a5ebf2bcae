// SPDX-License-Identifier: Apache-2.0
/* test_merge.c - figures as bytes and back, and the exact sum of many sources while parts come,
 * repeat and go missing. */
#include "roles/stats/merge.h"

#include "shm/base/limits.h"
#include "shm/base/rand.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <math.h>

enum { CHUNKS = 20000, SOURCES = 5 };

static struct hs_chunk      chunks[CHUNKS];
static struct hs_chunk_pool pool;
static uint8_t              memory[HS_FRAME_BYTES_MAX];

static uint64_t log_normal(struct hs_rand *rand)
{
    double u1 = ((double)(hs_rand_next(rand) >> 11) + 1.0) / 9007199254740993.0;
    double u2 = (double)(hs_rand_next(rand) >> 11) / 9007199254740992.0;

    return (uint64_t)(3e6 * exp(0.5 * sqrt(-2.0 * log(u1)) * cos(6.283185307179586 * u2)));
}

static void feed(struct hs_stats *stats, struct hs_rand *rand, unsigned request_count)
{
    for (unsigned i = 0; i < request_count; i++) {
        uint64_t response_ns = log_normal(rand);

        stats->tallies[HS_TALLY_SENT]++;
        stats->tallies[HS_TALLY_BYTES_IN] += 150;
        HS_IGNORE(hs_stats_record(stats, HS_MEASURE_LAG, response_ns / 200), "checked by sums");
        if (i % 50 == 0) {
            stats->errors[HS_ERROR_RECV_RESET]++;
            HS_IGNORE(hs_stats_record(stats, HS_MEASURE_FAILED, response_ns), "as above");
            continue;
        }
        HS_IGNORE(hs_stats_record(stats, HS_MEASURE_RESPONSE, response_ns), "as above");
        HS_IGNORE(hs_stats_record(stats, HS_MEASURE_SERVICE, response_ns - 9), "as above");
        HS_IGNORE(hs_stats_add_status(stats, 200, 1), "as above");
    }
}

/* One part; its bytes stay in memory until the next call. */
static struct hs_view encode(const struct hs_stats *later, const struct hs_stats *earlier,
                             uint64_t sequence)
{
    struct hs_stats_encoder encoder;
    struct hs_writer        writer;

    hs_stats_encoder_init(&encoder, later, earlier);
    hs_writer_init(&writer, memory, sizeof memory);
    HS_CHECK_EQ(hs_stats_encode_part(&encoder, sequence, &writer), 0);
    return hs_view_of(memory, writer.used_bytes);
}

static void what_is_encoded_is_decoded(void)
{
    struct hs_stats      from;
    struct hs_stats      to;
    struct hs_stats_part part;
    struct hs_rand       rand;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_rand_init(&rand, 1);
    hs_stats_init(&from, &pool);
    hs_stats_init(&to, &pool);
    feed(&from, &rand, 20000);
    HS_CHECK_EQ(hs_stats_record(&from, HS_MEASURE_CONNECT, UINT64_MAX >> 8), 0);
    HS_CHECK_EQ(hs_stats_part_open(&part, encode(&from, NULL, 9)), 0);
    HS_CHECK_EQ(part.sequence, 9);
    HS_CHECK_EQ(part.flags, HS_STATS_PART_WHOLE | HS_STATS_PART_FIRST | HS_STATS_PART_LAST);
    HS_CHECK_EQ(hs_stats_part_apply(&part, &to, NULL), 0);
    HS_CHECK(hs_stats_is_equal(&to, &from));
    HS_CHECK_EQ(hs_stats_part_apply(&part, &to, NULL), 0); /* a whole may come twice */
    HS_CHECK(hs_stats_is_equal(&to, &from));
}

/* Times of every magnitude and far beyond the range, in every measure, spread over sources at
 * random and sent as bytes: the sum is bit for bit what one that saw everything has. */
static void random_figures_of_many_sources_add_up_to_the_bit(void)
{
    struct hs_stats      sources[SOURCES];
    struct hs_stats      whole;
    struct hs_stats      sum;
    struct hs_stats      read;
    struct hs_stats_part part;
    struct hs_rand       rand;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_rand_init(&rand, 8);
    hs_stats_init(&whole, &pool);
    hs_stats_init(&sum, &pool);
    hs_stats_init(&read, &pool);
    for (unsigned i = 0; i < SOURCES; i++) hs_stats_init(&sources[i], &pool);
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t         value_ns = hs_rand_next(&rand) >> (16 + hs_rand_below(&rand, 48));
        unsigned         status = (unsigned)hs_rand_below(&rand, 600);
        enum hs_measure  measure = (enum hs_measure)hs_rand_below(&rand, HS_MEASURE_COUNT);
        struct hs_stats *source = &sources[hs_rand_below(&rand, SOURCES)];

        source->tallies[HS_TALLY_SENT] += value_ns;
        whole.tallies[HS_TALLY_SENT] += value_ns;
        HS_CHECK_EQ(hs_stats_record(source, measure, value_ns), 0);
        HS_CHECK_EQ(hs_stats_record(&whole, measure, value_ns), 0);
        HS_CHECK_EQ(hs_stats_add_status(source, status, 1), 0);
        HS_CHECK_EQ(hs_stats_add_status(&whole, status, 1), 0);
    }
    for (unsigned i = SOURCES; i-- > 0;) {
        hs_stats_clear(&read);
        HS_CHECK_EQ(hs_stats_part_open(&part, encode(&sources[i], NULL, 1)), 0);
        HS_CHECK_EQ(hs_stats_part_apply(&part, &read, NULL), 0);
        HS_CHECK_EQ(hs_stats_add(&sum, &read), 0);
    }
    HS_CHECK(hs_stats_is_equal(&sum, &whole));
}

static void a_hundred_thousand_samples_take_a_few_kilobytes(void)
{
    struct hs_stats stats;
    struct hs_rand  rand;
    struct hs_view  bytes;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_rand_init(&rand, 2);
    hs_stats_init(&stats, &pool);
    for (unsigned i = 0; i < 100000; i++)
        HS_IGNORE(hs_stats_record(&stats, HS_MEASURE_RESPONSE, log_normal(&rand)), "counted below");
    HS_CHECK_EQ(hs_stats_completed(&stats), 100000);
    bytes = encode(&stats, NULL, 1);
    HS_CHECK(bytes.bytes > 1000);
    HS_CHECK(bytes.bytes < 7000);
}

static void small_parts_carry_the_same_as_one(void)
{
    struct hs_stats         from;
    struct hs_stats         earlier;
    struct hs_stats         to;
    struct hs_stats_encoder encoder;
    struct hs_rand          rand;
    uint64_t                sequence = 0;
    int                     rc = 1;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_rand_init(&rand, 4);
    hs_stats_init(&from, &pool);
    hs_stats_init(&earlier, &pool);
    hs_stats_init(&to, &pool);
    feed(&from, &rand, 3000);
    for (int round = 0; round < 2; round++) { /* a whole, then a difference */
        hs_stats_encoder_init(&encoder, &from, round ? &earlier : NULL);
        for (rc = 1; rc == 1;) {
            struct hs_writer     writer;
            struct hs_stats_part part;

            hs_writer_init(&writer, memory, HS_STATS_PART_BYTES_MIN);
            rc = hs_stats_encode_part(&encoder, ++sequence, &writer);
            HS_CHECK_EQ(hs_stats_part_open(&part, hs_view_of(memory, writer.used_bytes)), 0);
            HS_CHECK_EQ((part.flags & HS_STATS_PART_LAST) != 0, rc == 0);
            HS_CHECK_EQ(hs_stats_part_apply(&part, &to, NULL), 0);
        }
        HS_CHECK_EQ(rc, 0);
        HS_CHECK(hs_stats_is_equal(&to, &from));
        HS_CHECK_EQ(hs_stats_copy(&earlier, &from), 0);
        feed(&from, &rand, 2000);
    }
    HS_CHECK(sequence > 10);
}

static void the_fullest_figures_fit_the_promised_number_of_parts(void)
{
    static struct hs_chunk  full_chunks[HS_STATS_CHUNKS_MAX + 1];
    struct hs_chunk_pool    full_pool;
    struct hs_stats         full;
    struct hs_stats_encoder encoder;
    unsigned                part_count = 0;
    int                     rc = 1;

    hs_chunk_pool_init(&full_pool, full_chunks, HS_STATS_CHUNKS_MAX + 1);
    hs_stats_init(&full, &full_pool);
    for (unsigned section = 0; section < HS_SECTION_COUNT; section++)
        for (uint32_t i = 0; i < hs_section_counters(section); i++)
            HS_IGNORE(hs_stats_counter_add(&full, section, i, UINT64_C(1) << 62), "chunks for all");
    HS_CHECK_EQ(full_pool.free_count, 0);
    hs_stats_encoder_init(&encoder, &full, NULL);
    while (rc == 1) {
        struct hs_writer writer;

        hs_writer_init(&writer, memory, sizeof memory);
        rc = hs_stats_encode_part(&encoder, ++part_count, &writer);
    }
    HS_CHECK_EQ(rc, 0);
    HS_CHECK(part_count <= HS_STATS_PARTS_MAX);
}

static void every_cut_or_changed_part_is_refused_whole_or_sane(void)
{
    struct hs_stats from;
    struct hs_stats to;
    struct hs_stats before;
    struct hs_rand  rand;
    struct hs_view  bytes;
    size_t          header_bytes = 3;
    unsigned        accepted_count = 0;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_rand_init(&rand, 6);
    hs_stats_init(&from, &pool);
    hs_stats_init(&to, &pool);
    hs_stats_init(&before, &pool);
    feed(&from, &rand, 60);
    feed(&to, &rand, 10);
    HS_CHECK_EQ(hs_stats_copy(&before, &to), 0);
    bytes = encode(&from, NULL, 1);
    for (size_t cut = 0; cut < bytes.bytes; cut++) {
        struct hs_stats_part part;
        int                  rc = hs_stats_part_open(&part, hs_view_of(memory, cut));

        HS_CHECK_EQ(rc, cut < header_bytes ? -EPROTO : 0);
        if (rc == 0) rc = hs_stats_part_apply(&part, &to, NULL);
        if (rc == 0)
            accepted_count++; /* cut between two sections */
        else
            HS_CHECK(hs_stats_is_equal(&to, &before));
        HS_CHECK_EQ(hs_stats_copy(&to, &before), 0);
    }
    HS_CHECK(accepted_count < 16);
}

static void apply_text(const char *sections, size_t bytes, int expected)
{
    struct hs_stats_part part = {.sections = hs_view_of(sections, bytes)};
    struct hs_stats      stats;

    hs_stats_init(&stats, &pool);
    HS_CHECK_EQ(hs_stats_part_apply(&part, &stats, NULL), expected);
    hs_stats_fini(&stats);
}

static void malformed_sections_are_refused(void)
{
    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    apply_text("\x09\x00\x02\x01", 4, 0);               /* one sent */
    apply_text("\x09\x00\x02", 3, -EPROTO);             /* no end */
    apply_text("\x09\x0b\x02\x01", 4, -EPROTO);         /* beyond the section */
    apply_text("\x09\x00\x00\x01", 4, -EPROTO);         /* a value of zero */
    apply_text("\x09\x00\x19\x02\x01", 5, -EPROTO);     /* skips beyond the section */
    apply_text("\x0c\x00\x02\x01", 4, -EPROTO);         /* no such section */
    apply_text("\x09\x00\x01\x09\x00\x01", 6, -EPROTO); /* a section twice */
    apply_text("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x01", 13, -EPROTO); /* far index */
    apply_text("\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13, -EPROTO); /* endless */
}

static void figures_that_go_back_are_refused(void)
{
    struct hs_stats      from;
    struct hs_stats      to;
    struct hs_stats_part part;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_stats_init(&from, &pool);
    hs_stats_init(&to, &pool);
    from.tallies[HS_TALLY_SENT] = 3;
    to.tallies[HS_TALLY_SENT] = 4;
    HS_CHECK_EQ(hs_stats_part_open(&part, encode(&from, NULL, 1)), 0);
    HS_CHECK_EQ(hs_stats_part_apply(&part, &to, NULL), -EPROTO);
    HS_CHECK_EQ(to.tallies[HS_TALLY_SENT], 4);
    to.tallies[HS_TALLY_SENT] = INT64_MAX - 1; /* and so does one that would run over */
    part.flags = HS_STATS_PART_FIRST;
    HS_CHECK_EQ(hs_stats_part_apply(&part, &to, NULL), -EPROTO);
}

static void without_chunks_neither_source_nor_total_changes(void)
{
    static struct hs_chunk few[6];
    struct hs_chunk_pool   few_pool;
    struct hs_stats        from;
    struct hs_stats        source;
    struct hs_stats        total;
    struct hs_stats_part   part;
    struct hs_rand         rand;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_chunk_pool_init(&few_pool, few, 6);
    hs_rand_init(&rand, 8);
    hs_stats_init(&from, &pool);
    hs_stats_init(&source, &few_pool);
    hs_stats_init(&total, &few_pool);
    feed(&from, &rand, 100);
    HS_CHECK_EQ(hs_stats_part_open(&part, encode(&from, NULL, 1)), 0);
    HS_CHECK_EQ(hs_stats_part_apply(&part, &source, &total), -ENOBUFS);
    HS_CHECK_EQ(source.tallies[HS_TALLY_SENT], 0);
    HS_CHECK_EQ(total.tallies[HS_TALLY_SENT], 0);
    HS_CHECK_EQ(few_pool.free_count, 5);
    HS_CHECK_EQ(hs_stats_copy(&source, &from), -ENOBUFS);
    HS_CHECK_EQ(hs_stats_add(&source, &from), -ENOBUFS);
    HS_CHECK_EQ(few_pool.free_count, 5);
}

static void chunks_given_back_are_used_again(void)
{
    struct hs_stats stats;
    struct hs_rand  rand;

    hs_chunk_pool_init(&pool, chunks, 2000);
    hs_rand_init(&rand, 9);
    for (unsigned i = 0; i < 50; i++) {
        hs_stats_init(&stats, &pool);
        feed(&stats, &rand, 500);
        HS_CHECK_EQ(hs_stats_completed(&stats) + hs_stats_failed(&stats), 500);
        hs_stats_fini(&stats);
        hs_stats_fini(&stats);
        HS_CHECK_EQ(pool.free_count, 1999);
    }
}

struct sender {
    struct hs_stats now;
    struct hs_stats last;
    uint64_t        sequence;
    bool            needs_whole;
};

static struct hs_view send_part(struct sender *sender)
{
    const struct hs_stats *earlier = sender->needs_whole ? NULL : &sender->last;
    struct hs_view         bytes = encode(&sender->now, earlier, ++sender->sequence);

    sender->needs_whole = false;
    HS_CHECK_EQ(hs_stats_copy(&sender->last, &sender->now), 0);
    return bytes;
}

/* A link that loses a twentieth of the parts and repeats a twentieth; a receiver that asks for a
 * whole when it must. */
static void the_total_is_exact_whatever_the_links_do(void)
{
    static struct hs_merge_source sources[SOURCES];
    static struct sender          senders[SOURCES];
    static struct hs_merge        merge;
    struct hs_stats               truth;
    struct hs_rand                rand;
    unsigned                      stale_count = 0;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_rand_init(&rand, 10);
    hs_merge_init(&merge, &pool, sources, SOURCES);
    for (unsigned i = 0; i < SOURCES; i++) {
        senders[i] = (struct sender){.needs_whole = true};
        hs_stats_init(&senders[i].now, &pool);
        hs_stats_init(&senders[i].last, &pool);
    }
    for (unsigned i = 0; i < 600; i++) {
        unsigned       who = (unsigned)hs_rand_below(&rand, SOURCES);
        struct hs_view bytes;
        int            rc;

        feed(&senders[who].now, &rand, 40);
        bytes = send_part(&senders[who]);
        if (hs_rand_below(&rand, 20) == 0) continue;
        rc = hs_merge_take(&merge, who, bytes);
        senders[who].needs_whole = rc == -ESTALE;
        stale_count += rc == -ESTALE;
        if (rc == 0 && hs_rand_below(&rand, 20) == 0) {
            rc = hs_merge_take(&merge, who, bytes);
            HS_CHECK(rc == -EEXIST || rc == 0);
        }
    }
    HS_CHECK(stale_count > 5);
    hs_stats_init(&truth, &pool);
    for (unsigned i = 0; i < SOURCES; i++) {
        senders[i].needs_whole = true;
        HS_CHECK_EQ(hs_merge_take(&merge, i, send_part(&senders[i])), 0);
        HS_CHECK_EQ(hs_stats_add(&truth, &senders[i].now), 0);
    }
    HS_CHECK(hs_stats_is_equal(&merge.total, &truth));
    HS_CHECK_EQ(hs_stats_in_flight(&merge.total), 0);
    hs_merge_fini(&merge);
}

static void closing_keeps_and_discarding_takes_away(void)
{
    static struct hs_merge_source sources[2];
    static struct hs_merge        merge;
    struct hs_stats               stats;
    struct hs_rand                rand;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_rand_init(&rand, 12);
    hs_stats_init(&stats, &pool);
    feed(&stats, &rand, 100);
    hs_merge_init(&merge, &pool, sources, 2);
    HS_CHECK_EQ(hs_merge_take(&merge, 1, encode(&stats, NULL, 1)), 0);
    HS_CHECK_EQ(hs_merge_take(&merge, 2, encode(&stats, NULL, 1)), 0);
    HS_CHECK_EQ(hs_merge_take(&merge, 3, encode(&stats, NULL, 1)), -ENOBUFS);
    hs_merge_close(&merge, 1);
    HS_CHECK_EQ(merge.total.tallies[HS_TALLY_SENT], 200);
    hs_merge_discard(&merge, 2);
    HS_CHECK_EQ(merge.total.tallies[HS_TALLY_SENT], 100);
    HS_CHECK_EQ(merge.total.tallies[HS_TALLY_DISCARDED], 100);
    HS_CHECK_EQ(hs_stats_completed(&merge.total), hs_stats_completed(&stats));
    HS_CHECK(hs_merge_find(&merge, 2) == NULL);
    hs_merge_discard(&merge, 2); /* unknown by now: nothing happens */
    HS_CHECK_EQ(hs_merge_take(&merge, 4, encode(&stats, &stats, 2)), -ESTALE);
    HS_CHECK_EQ(hs_merge_take(&merge, 4, hs_view_text("x")), -EPROTO);
    hs_merge_fini(&merge);
}

static void whole_figures_replace_those_that_went_back(void)
{
    static struct hs_merge_source sources[2];
    static struct hs_merge        merge;
    struct hs_stats               stats;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_stats_init(&stats, &pool);
    hs_merge_init(&merge, &pool, sources, 2);
    stats.tallies[HS_TALLY_SENT] = 10;
    HS_CHECK_EQ(hs_merge_take(&merge, 1, encode(&stats, NULL, 1)), 0);
    HS_CHECK_EQ(hs_merge_take(&merge, 2, encode(&stats, NULL, 1)), 0);
    stats.tallies[HS_TALLY_SENT] = 4;
    stats.tallies[HS_TALLY_DISCARDED] = 10;
    HS_CHECK_EQ(hs_merge_take(&merge, 1, encode(&stats, NULL, 2)), -EPROTO);
    HS_CHECK_EQ(hs_merge_replace(&merge, 1, encode(&stats, NULL, 2)), 0);
    HS_CHECK_EQ(merge.total.tallies[HS_TALLY_SENT], 14);
    HS_CHECK_EQ(merge.total.tallies[HS_TALLY_DISCARDED], 10); /* as told, not once more */
    HS_CHECK_EQ(hs_merge_replace(&merge, 9, encode(&stats, NULL, 3)), -EPROTO);
    HS_CHECK_EQ(merge.total.tallies[HS_TALLY_SENT], 14);
    hs_merge_fini(&merge);
}

/* All that a source had counted is void but for one number, which grew: no value of the part says
 * that anything went back. Those of another source stay. */
static void figures_of_which_nothing_is_left_are_taken_too(void)
{
    static struct hs_merge_source sources[2];
    static struct hs_merge        merge;
    struct hs_stats               stats;
    struct hs_rand                rand;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_rand_init(&rand, 12);
    hs_stats_init(&stats, &pool);
    feed(&stats, &rand, 100);
    hs_merge_init(&merge, &pool, sources, 2);
    HS_CHECK_EQ(hs_merge_renew(&merge, 1, encode(&stats, NULL, 1)), 0);
    HS_CHECK_EQ(hs_merge_renew(&merge, 2, encode(&stats, NULL, 1)), 0);
    hs_stats_clear(&stats);
    stats.tallies[HS_TALLY_DISCARDED] = 100;
    HS_CHECK_EQ(hs_merge_renew(&merge, 1, encode(&stats, NULL, 2)), 0);
    HS_CHECK_EQ(merge.total.tallies[HS_TALLY_SENT], 100);
    HS_CHECK_EQ(merge.total.tallies[HS_TALLY_DISCARDED], 100);
    hs_stats_clear(&stats);
    HS_CHECK_EQ(hs_merge_renew(&merge, 2, encode(&stats, NULL, 2)), 0);
    HS_CHECK_EQ(hs_stats_completed(&merge.total), 0);
    HS_CHECK_EQ(hs_merge_renew(&merge, 3, encode(&stats, NULL, 1)), -ENOBUFS);
    HS_CHECK_EQ(hs_merge_renew(&merge, 1, hs_view_text("x")), -EPROTO);
    HS_CHECK_EQ(merge.total.tallies[HS_TALLY_DISCARDED], 100);
    hs_merge_fini(&merge);
}

/* A million users wait 292 years, as much as a sum on the wire can say, in two and a half hours. */
static void a_sum_of_waiting_beyond_the_wire_stops_no_counts(void)
{
    static struct hs_merge_source sources[2];
    static struct hs_merge        merge;
    struct hs_stats               later;
    struct hs_stats               earlier;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_stats_init(&later, &pool);
    hs_stats_init(&earlier, &pool);
    hs_merge_init(&merge, &pool, sources, 2);
    later.tallies[HS_TALLY_SENT] = 1;
    HS_CHECK_EQ(hs_stats_record(&later, HS_MEASURE_RESPONSE, HS_NS_PER_S), 0);
    later.moments[HS_MEASURE_RESPONSE].sum_ns = (uint64_t)INT64_MAX - 10;
    HS_CHECK_EQ(hs_merge_take(&merge, 1, encode(&later, NULL, 1)), 0);
    HS_CHECK_EQ(hs_merge_take(&merge, 2, encode(&later, NULL, 1)), 0);
    HS_CHECK_EQ(hs_stats_copy(&earlier, &later), 0);
    HS_CHECK_EQ(hs_stats_record(&later, HS_MEASURE_RESPONSE, HS_NS_PER_S), 0);
    HS_CHECK_EQ(hs_merge_take(&merge, 1, encode(&later, &earlier, 2)), 0);
    HS_CHECK_EQ(hs_stats_completed(&merge.total), 3);
    HS_CHECK_EQ(merge.total.moments[HS_MEASURE_RESPONSE].sum_ns, INT64_MAX);
    later.moments[HS_MEASURE_RESPONSE].sum_ns = 7; /* went around 64 bits */
    HS_CHECK_EQ(hs_merge_take(&merge, 1, encode(&later, NULL, 3)), 0);
    hs_merge_discard(&merge, 1);
    hs_merge_discard(&merge, 2);
    HS_CHECK_EQ(hs_stats_completed(&merge.total), 0);
    hs_merge_fini(&merge);
}

/* Each may be sound alone; together they would go around, and a total that is less than one of its
 * sources cannot give that one up again. */
static void sources_cannot_push_the_total_over_the_end(void)
{
    static struct hs_merge_source sources[2];
    static struct hs_merge        merge;
    struct hs_stats               stats;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_stats_init(&stats, &pool);
    hs_merge_init(&merge, &pool, sources, 2);
    HS_CHECK_EQ(hs_stats_counter_add(&stats, HS_MEASURE_RESPONSE, 5, INT64_MAX), 0);
    HS_CHECK_EQ(hs_merge_take(&merge, 1, encode(&stats, NULL, 1)), 0);
    HS_CHECK_EQ(hs_merge_take(&merge, 2, encode(&stats, NULL, 1)), -EPROTO);
    HS_CHECK_EQ(hs_stats_completed(&merge.total), INT64_MAX);
    hs_stats_clear(&stats);
    stats.tallies[HS_TALLY_SENT] = INT64_MAX;
    HS_CHECK_EQ(hs_merge_take(&merge, 2, encode(&stats, NULL, 1)), 0);
    HS_CHECK_EQ(hs_merge_take(&merge, 1, encode(&stats, NULL, 2)), -EPROTO);
    hs_merge_discard(&merge, 2);
    HS_CHECK_EQ(merge.total.tallies[HS_TALLY_SENT], 0);
    hs_merge_fini(&merge);
}

/* One shard at 10 ms, one at 1 s: the 99th percentile of both is 1 s, not the 505 ms of an
 * average. */
static void percentiles_come_from_the_merged_histogram(void)
{
    struct hs_stats fast;
    struct hs_stats slow;
    uint64_t        p99_ns;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_stats_init(&fast, &pool);
    hs_stats_init(&slow, &pool);
    for (unsigned i = 0; i < 1000; i++) {
        HS_CHECK_EQ(hs_stats_record(&fast, HS_MEASURE_RESPONSE, 10 * HS_NS_PER_MS), 0);
        HS_CHECK_EQ(hs_stats_record(&slow, HS_MEASURE_RESPONSE, HS_NS_PER_S), 0);
    }
    HS_CHECK_EQ(hs_stats_add(&fast, &slow), 0);
    p99_ns = hs_stats_percentile_ns(&fast, HS_MEASURE_RESPONSE, 0.99);
    HS_CHECK_EQ(p99_ns, HS_NS_PER_S);
}

CU_TestInfo hs_tests_merge[] = {
    {"what is encoded is decoded", what_is_encoded_is_decoded},
    {"random figures of many sources add up to the bit",
     random_figures_of_many_sources_add_up_to_the_bit},
    {"a hundred thousand samples take a few kilobytes",
     a_hundred_thousand_samples_take_a_few_kilobytes},
    {"small parts carry the same as one", small_parts_carry_the_same_as_one},
    {"the fullest figures fit the promised number of parts",
     the_fullest_figures_fit_the_promised_number_of_parts},
    {"every cut or changed part is refused whole, or sane",
     every_cut_or_changed_part_is_refused_whole_or_sane},
    {"malformed sections are refused", malformed_sections_are_refused},
    {"figures that go back are refused", figures_that_go_back_are_refused},
    {"without chunks neither source nor total changes",
     without_chunks_neither_source_nor_total_changes},
    {"chunks given back are used again", chunks_given_back_are_used_again},
    {"the total is exact whatever the links do", the_total_is_exact_whatever_the_links_do},
    {"closing keeps, and discarding takes away", closing_keeps_and_discarding_takes_away},
    {"whole figures replace those that went back", whole_figures_replace_those_that_went_back},
    {"figures of which nothing is left are taken too",
     figures_of_which_nothing_is_left_are_taken_too},
    {"a sum of waiting beyond the wire stops no counts",
     a_sum_of_waiting_beyond_the_wire_stops_no_counts},
    {"sources cannot push the total over the end", sources_cannot_push_the_total_over_the_end},
    {"percentiles come from the merged histogram", percentiles_come_from_the_merged_histogram},
    CU_TEST_INFO_NULL,
};
