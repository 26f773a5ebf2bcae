// SPDX-License-Identifier: Apache-2.0
/* test_log_ring.c - lines out as they went in, loss counted, torn slots skipped; threads for
 * ThreadSanitizer. */
#include "shm/log_ring.h"

#include "shm/base/assert.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>

enum { THREAD_LINES = 20000 };

static alignas(64) struct hs_log_ring_shm ring;

static void write_number(uint64_t number)
{
    char line[32];

    (void)snprintf(line, sizeof line, "n=%" PRIu64 " same=%" PRIu64, number, number);
    hs_log_ring_write(&ring, number, HS_LOG_INFO, "test", line);
}

static int is_line_of(const struct hs_log_record *record)
{
    char line[32];

    (void)snprintf(line, sizeof line, "n=%" PRIu64 " same=%" PRIu64, record->at_ns, record->at_ns);
    return strcmp(record->line, line) == 0;
}

static void a_line_comes_out_as_it_went_in(void)
{
    struct hs_recent_cursor cursor = {0};
    struct hs_log_record    record;

    memset(&ring, 0, sizeof ring);
    HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 0);
    hs_log_ring_write(&ring, 123, HS_LOG_WARN, "swim", "suspect member=a");
    HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 1);
    HS_CHECK_EQ(record.at_ns, 123);
    HS_CHECK_EQ(record.level, HS_LOG_WARN);
    HS_CHECK_TEXT(record.module, "swim");
    HS_CHECK_TEXT(record.line, "suspect member=a");
    HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 0);
    HS_CHECK_EQ(cursor.lost_count, 0);
}

static void long_texts_are_cut_and_terminated(void)
{
    struct hs_recent_cursor cursor = {0};
    struct hs_log_record    record;
    char                    line[2 * HS_LOG_LINE_BYTES];

    memset(&ring, 0, sizeof ring);
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    hs_log_ring_write(&ring, 1, HS_LOG_ERROR, "a_module_of_a_long_name", line);
    HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 1);
    HS_CHECK_EQ(strlen(record.line), HS_LOG_LINE_BYTES - 1);
    HS_CHECK_TEXT(record.module, "a_module_of_a_");
}

static void nonsense_in_a_slot_is_made_harmless(void)
{
    struct hs_recent_cursor cursor = {0};
    struct hs_log_record    record;

    memset(&ring, 0xff, sizeof ring);
    hs_word_store(&ring.recent.next, 1);
    hs_word_store(&ring.slots[0].sequence, 2);
    HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 1);
    HS_CHECK_EQ(record.level, HS_LOG_DEBUG);
    HS_CHECK_EQ(strlen(record.line), HS_LOG_LINE_BYTES - 1);
    HS_CHECK(strlen(record.module) < HS_LOG_RING_MODULE_BYTES);
}

static void a_reader_that_falls_behind_counts_what_it_lost(void)
{
    struct hs_recent_cursor cursor = {0};
    struct hs_log_record    record;

    memset(&ring, 0, sizeof ring);
    for (uint64_t i = 0; i < HS_LOG_RING_SLOTS + 10; i++) write_number(i);
    for (uint64_t i = 10; i < HS_LOG_RING_SLOTS + 10; i++) {
        HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 1);
        HS_CHECK_EQ(record.at_ns, i);
    }
    HS_CHECK_EQ(cursor.lost_count, 10);
    HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 0);
    HS_CHECK_EQ(cursor.lost_count, 10);
}

static void a_line_that_a_kill_cut_short_is_not_shown_and_costs_one_old_line(void)
{
    struct hs_recent_cursor cursor = {0};
    struct hs_log_record    record;

    memset(&ring, 0, sizeof ring);
    for (uint64_t i = 0; i < HS_LOG_RING_SLOTS; i++) write_number(i);
    /* Line number HS_LOG_RING_SLOTS was begun in slot 0: the mark and one word, then the writer
     * died. */
    hs_word_store(&ring.slots[0].sequence, 2 * (uint64_t)HS_LOG_RING_SLOTS + 1);
    hs_word_store(&ring.slots[0].words[0], 9999);
    HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 1);
    HS_CHECK_EQ(record.at_ns, 1);
    HS_CHECK_EQ(cursor.lost_count, 1);
    cursor.at = HS_LOG_RING_SLOTS;
    HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 0);
    write_number(HS_LOG_RING_SLOTS); /* the successor */
    HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 1);
    HS_CHECK_EQ(record.at_ns, HS_LOG_RING_SLOTS);
    HS_CHECK(is_line_of(&record));
}

static void a_ring_made_anew_is_read_from_its_start(void)
{
    struct hs_recent_cursor cursor = {.at = 500};
    struct hs_log_record    record;

    memset(&ring, 0, sizeof ring);
    HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 0);
    write_number(0);
    HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 1);
    HS_CHECK_EQ(cursor.lost_count, 0);
}

static void a_wild_index_ends_the_reader_s_turn_all_the_same(void)
{
    struct hs_recent_cursor cursor = {0};
    struct hs_log_record    record;

    memset(&ring, 0, sizeof ring);
    hs_word_store(&ring.recent.next, UINT64_MAX - 5);
    HS_CHECK_EQ(hs_log_ring_next(&ring, &cursor, &record), 0);
    HS_CHECK_EQ(cursor.at, UINT64_MAX - 5);
}

static void *write_on(void *context)
{
    for (uint64_t i = 0; i < THREAD_LINES; i++) write_number(i);
    return context;
}

static void threads_read_whole_lines_and_account_for_all(void)
{
    struct hs_recent_cursor cursor = {0};
    struct hs_log_record    record;
    pthread_t               thread;
    uint64_t                read_count = 0;
    uint64_t                wrong_count = 0;

    memset(&ring, 0, sizeof ring);
    HS_CHECK_EQ(pthread_create(&thread, NULL, write_on, NULL), 0);
    while (cursor.at < THREAD_LINES) {
        if (hs_log_ring_next(&ring, &cursor, &record) != 1) continue;
        read_count++;
        wrong_count += is_line_of(&record) && record.at_ns == cursor.at - 1 ? 0 : 1;
    }
    HS_CHECK_EQ(pthread_join(thread, NULL), 0);
    HS_CHECK_EQ(wrong_count, 0);
    HS_CHECK_EQ(read_count + cursor.lost_count, THREAD_LINES);
}

static void each_process_has_a_ring_of_its_own(void)
{
    static alignas(64) unsigned char body[HS_LOG_RING_BODY_BYTES];

    HS_CHECK_EQ((unsigned char *)(hs_log_ring_at(body, HS_PROCESSES_MAX - 1) + 1) - body,
                (ptrdiff_t)sizeof body);
    HS_CHECK_EQ((size_t)HS_LOG_RING_BYTES, hs_recent_bytes(HS_LOG_RING_SLOTS));
}

CU_TestInfo hs_tests_log_ring[] = {
    {"a line comes out as it went in", a_line_comes_out_as_it_went_in},
    {"long texts are cut and terminated", long_texts_are_cut_and_terminated},
    {"nonsense in a slot is made harmless", nonsense_in_a_slot_is_made_harmless},
    {"a reader that falls behind counts what it lost",
     a_reader_that_falls_behind_counts_what_it_lost},
    {"a line that a kill cut short is not shown and costs one old line",
     a_line_that_a_kill_cut_short_is_not_shown_and_costs_one_old_line},
    {"a ring made anew is read from its start", a_ring_made_anew_is_read_from_its_start},
    {"a wild index ends the reader's turn all the same",
     a_wild_index_ends_the_reader_s_turn_all_the_same},
    {"threads read whole lines and account for all", threads_read_whole_lines_and_account_for_all},
    {"each process has a ring of its own", each_process_has_a_ring_of_its_own},
    CU_TEST_INFO_NULL};
