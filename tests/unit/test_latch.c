// SPDX-License-Identifier: Apache-2.0
/* test_latch.c - whole records, a dead writer, a writer that is too fast; threads for
 * ThreadSanitizer. */
#include "shm/latch.h"

#include "shm/base/assert.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

enum { WORDS = 5, THREAD_STORES = 20000 };

struct race {
    hs_word latch[HS_LATCH_WORDS(WORDS)];
    hs_word done;
};

static void store_value(hs_word *latch, uint64_t value)
{
    const uint64_t words[WORDS] = {value, value, value, value, value};

    hs_latch_store(latch, words, WORDS);
}

static uint64_t load_value(const hs_word *latch)
{
    uint64_t words[WORDS];

    if (hs_latch_load(latch, words, WORDS) < 0) return UINT64_MAX;
    for (size_t i = 1; i < WORDS; i++)
        if (words[i] != words[0]) return UINT64_MAX - 1;
    return words[0];
}

static void zeros_are_a_record_of_zeros(void)
{
    hs_word latch[HS_LATCH_WORDS(WORDS)] = {0};

    HS_CHECK_EQ(load_value(latch), 0);
    HS_CHECK_EQ(hs_latch_sequence(latch), 0);
}

static void the_last_store_is_what_is_read(void)
{
    hs_word latch[HS_LATCH_WORDS(WORDS)] = {0};

    for (uint64_t i = 1; i < 6; i++) {
        store_value(latch, i);
        HS_CHECK_EQ(load_value(latch), i);
        HS_CHECK_EQ(hs_latch_sequence(latch), i);
    }
}

static void a_writer_that_died_half_way_is_not_seen_and_its_successor_goes_on(void)
{
    hs_word latch[HS_LATCH_WORDS(WORDS)] = {0};

    store_value(latch, 1);
    store_value(latch, 2);
    for (size_t i = 0; i < 3; i++) hs_word_store(&latch[1 + WORDS + i], 3); /* of five words */
    HS_CHECK_EQ(load_value(latch), 2);
    store_value(latch, 4);
    HS_CHECK_EQ(load_value(latch), 4);
}

static void *write_on(void *context)
{
    struct race *race = context;

    for (uint64_t i = 1; i <= THREAD_STORES; i++) store_value(race->latch, i);
    hs_word_store(&race->done, 1);
    return NULL;
}

static void threads_read_whole_records_in_order(void)
{
    struct race race = {0};
    pthread_t   thread;
    uint64_t    last = 0;
    uint64_t    wrong_count = 0;
    bool        is_done = false;

    HS_CHECK_EQ(pthread_create(&thread, NULL, write_on, &race), 0);
    while (!is_done) {
        uint64_t value;

        is_done = hs_word_load(&race.done);
        value = load_value(race.latch);
        if (value == UINT64_MAX) continue; /* busy is an answer */
        wrong_count += value < last || value > THREAD_STORES ? 1 : 0;
        last = value;
    }
    HS_CHECK_EQ(pthread_join(thread, NULL), 0);
    HS_CHECK_EQ(wrong_count, 0);
    HS_CHECK_EQ(last, THREAD_STORES);
}

CU_TestInfo hs_tests_latch[] = {
    {"zeros are a record of zeros", zeros_are_a_record_of_zeros},
    {"the last store is what is read", the_last_store_is_what_is_read},
    {"a writer that died half-way is not seen and its successor goes on",
     a_writer_that_died_half_way_is_not_seen_and_its_successor_goes_on},
    {"threads read whole records in order", threads_read_whole_records_in_order},
    CU_TEST_INFO_NULL};
