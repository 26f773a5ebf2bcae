// SPDX-License-Identifier: Apache-2.0
// libs: -lcunit
// timeout: 400
/* 020_shm_kill.c - writers and readers of shared memory killed with SIGKILL at random, 1,000 times
 * a ring's producer, 1,000 times its consumer: nothing torn, nothing lost, nothing repeated beyond
 * the contract; whoever comes next goes on. */
#include "shm/base/rand.h"
#include "shm/latch.h"
#include "shm/log_ring.h"
#include "shm/registry.h"
#include "shm/ring.h"
#include "tests/check.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    RING_KILLS = 1000,
    OTHER_KILLS = 300,
    SLOTS = 64,
    MESSAGE_WORDS = 16,
    ROOM_BYTES = 1 << 18,
    LATCH_WORDS = 9,
    ROWS = 8,
    ROW_WORDS = 5
};

/* What the two sides tell each other beside the structure under test. */
struct witness {
    hs_word pushed_count;   /* messages whose push has returned */
    hs_word next_idx;       /* the consumer has acted on all messages before this one */
    hs_word repeated_count; /* messages acted on again */
    hs_word wrong_count;    /* torn, lost, out of order */
    hs_word alive;          /* lives of the child that got to work */
};

struct room {
    struct witness witness;
    alignas(64) unsigned char bytes[ROOM_BYTES];
};

typedef void child_fn(struct room *room, uint64_t life);

static const struct hs_ring_shape shape = {.message_bytes = MESSAGE_WORDS * 8, .slot_count = SLOTS};
static const struct hs_registry_shape table = {.payload_words = ROW_WORDS, .slot_count = ROWS};

static struct room *room_create(void)
{
    struct room *room =
        mmap(NULL, sizeof *room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (room == MAP_FAILED) abort();
    return room;
}

static void room_destroy(struct room *room)
{
    HS_CHECK_EQ(munmap(room, sizeof *room), 0);
}

static void count_up(hs_word *word)
{
    hs_word_store(word, hs_word_load(word) + 1);
}

static pid_t start_child(child_fn *run, struct room *room, uint64_t life)
{
    pid_t child = fork();

    if (child < 0) abort();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        count_up(&room->witness.alive);
        run(room, life);
        _exit(3); /* children end by the kill alone */
    }
    return child;
}

static void kill_child(pid_t child)
{
    int status = 0;

    HS_CHECK_EQ(kill(child, SIGKILL), 0);
    HS_CHECK_EQ(waitpid(child, &status, 0), child);
    HS_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void spin(uint64_t turns)
{
    for (uint64_t i = 0; i < turns; i++) hs_pause();
}

static void wait_for_life(struct room *room, uint64_t life)
{
    while (hs_word_load(&room->witness.alive) < life) (void)sched_yield();
}

/* Message number idx: each word differs from each other one and from those of all other
 * messages. */
static void fill_message(uint64_t *words, uint64_t idx)
{
    struct hs_rand rand;

    hs_rand_init(&rand, idx);
    words[0] = idx;
    for (size_t i = 1; i < MESSAGE_WORDS; i++) words[i] = hs_rand_next(&rand);
}

static bool is_message(const void *message, uint64_t idx)
{
    uint64_t words[MESSAGE_WORDS];

    fill_message(words, idx);
    return memcmp(words, message, sizeof words) == 0;
}

/* ---- the ring ---- */

static void produce(struct room *room, uint64_t life)
{
    struct hs_ring ring;
    uint64_t       words[MESSAGE_WORDS];

    if (hs_ring_attach(&ring, (void *)room->bytes, &shape, life) < 0) return;
    for (;;) {
        int rc;

        fill_message(words, ring.tail);
        rc = hs_ring_push(&ring, words);
        if (rc == -ENOBUFS) (void)sched_yield();
        if (rc == -EPROTO) return;
        if (rc == 0) hs_word_store(&room->witness.pushed_count, ring.tail);
    }
}

/* At most a ring full of what waits; returns how many were wrong. Generations never go back. */
static uint64_t drain(struct hs_ring *ring, uint64_t *generation)
{
    const void *message = NULL;
    uint64_t    stamp = 0;
    uint64_t    wrong_count = 0;

    for (unsigned i = 0; i < SLOTS && hs_ring_peek(ring, &message, &stamp) == 1; i++) {
        if (!is_message(message, ring->head)) wrong_count++;
        if (stamp < *generation) wrong_count++;
        *generation = stamp;
        hs_ring_advance(ring);
    }
    return wrong_count;
}

static void a_producer_killed_anywhere_loses_and_tears_nothing(void)
{
    struct room   *room = room_create();
    struct hs_ring ring;
    struct hs_rand rand;
    uint64_t       wrong_count = 0;
    uint64_t       lost_count = 0;
    uint64_t       generation = 0;

    hs_rand_init(&rand, 1);
    hs_ring_init((void *)room->bytes, &shape);
    HS_CHECK_EQ(hs_ring_attach(&ring, (void *)room->bytes, &shape, 0), 0);
    for (uint64_t life = 1; life <= RING_KILLS; life++) {
        pid_t    child = start_child(produce, room, life);
        uint64_t goal = ring.head + hs_rand_below(&rand, 500);

        wait_for_life(room, life);
        while (ring.head < goal) {
            uint64_t before = ring.head;

            wrong_count += drain(&ring, &generation);
            if (ring.head == before) (void)sched_yield();
        }
        spin(hs_rand_below(&rand, 100));
        kill_child(child);
        wrong_count += drain(&ring, &generation);
        wrong_count += hs_ring_validate((void *)room->bytes, &shape) < 0 ? 1 : 0;
        /* A push that returned was delivered. */
        if (hs_word_load(&room->witness.pushed_count) > ring.head) lost_count++;
    }
    HS_CHECK_EQ(wrong_count, 0);
    HS_CHECK_EQ(lost_count, 0);
    HS_CHECK(ring.head > RING_KILLS);
    (void)printf("producer killed %d times, %" PRIu64 " messages\n", RING_KILLS, ring.head);
    room_destroy(room);
}

static void consume(struct room *room, uint64_t life)
{
    struct witness *witness = &room->witness;
    struct hs_ring  ring;
    const void     *message = NULL;

    (void)life;
    if (hs_ring_attach(&ring, (void *)room->bytes, &shape, 0) < 0) return;
    for (;;) {
        int rc = hs_ring_peek(&ring, &message, NULL);

        if (rc < 0) return;
        if (rc == 0) {
            (void)sched_yield();
            continue;
        }
        /* The act: the next message, or again the one that a predecessor acted on and did not get
         * to advance over. */
        if (!is_message(message, ring.head)) count_up(&witness->wrong_count);
        if (ring.head + 1 == hs_word_load(&witness->next_idx))
            count_up(&witness->repeated_count);
        else if (ring.head != hs_word_load(&witness->next_idx))
            count_up(&witness->wrong_count);
        hs_word_store(&witness->next_idx, ring.head + 1);
        /* A wide window between acting and advancing, or the kill would hardly ever hit it. */
        spin(20);
        hs_ring_advance(&ring);
    }
}

static void a_consumer_killed_anywhere_repeats_at_most_one_message_a_kill(void)
{
    struct room    *room = room_create();
    struct witness *witness = &room->witness;
    struct hs_ring  ring;
    struct hs_rand  rand;
    uint64_t        words[MESSAGE_WORDS];

    hs_rand_init(&rand, 2);
    hs_ring_init((void *)room->bytes, &shape);
    HS_CHECK_EQ(hs_ring_attach(&ring, (void *)room->bytes, &shape, 1), 0);
    for (uint64_t life = 1; life <= RING_KILLS; life++) {
        pid_t    child = start_child(consume, room, life);
        uint64_t goal = ring.tail + 1 + hs_rand_below(&rand, 300);

        wait_for_life(room, life);
        while (ring.tail < goal) {
            fill_message(words, ring.tail);
            if (hs_ring_push(&ring, words) < 0) (void)sched_yield();
        }
        spin(hs_rand_below(&rand, 200));
        kill_child(child);
    }
    HS_CHECK_EQ(hs_word_load(&witness->wrong_count), 0);
    HS_CHECK(hs_word_load(&witness->repeated_count) <= RING_KILLS);
    HS_CHECK(hs_word_load(&witness->repeated_count) > 0); /* the test can see a repetition */
    HS_CHECK(hs_word_load(&witness->next_idx) + SLOTS >= ring.tail);
    (void)printf("consumer killed %d times, %" PRIu64 " messages, %" PRIu64 " repeated\n",
                 RING_KILLS, ring.tail, hs_word_load(&witness->repeated_count));
    room_destroy(room);
}

/* ---- the latch ---- */

static void store_on(struct room *room, uint64_t life)
{
    hs_word *latch = (void *)room->bytes;
    uint64_t words[LATCH_WORDS];

    (void)life;
    for (;;) {
        uint64_t value = hs_latch_sequence(latch) + 1;

        for (size_t i = 0; i < LATCH_WORDS; i++) words[i] = value;
        hs_latch_store(latch, words, LATCH_WORDS);
    }
}

/* The latch's value, or 0 for a torn one; busy: the last one again. */
static uint64_t load_value(const hs_word *latch, uint64_t last)
{
    uint64_t words[LATCH_WORDS];

    if (hs_latch_load(latch, words, LATCH_WORDS) < 0) return last;
    for (size_t i = 1; i < LATCH_WORDS; i++)
        if (words[i] != words[0]) return 0;
    return words[0];
}

static void a_latch_whose_writer_was_killed_holds_its_last_record(void)
{
    struct room   *room = room_create();
    const hs_word *latch = (void *)room->bytes;
    struct hs_rand rand;
    uint64_t       last = 0;
    uint64_t       wrong_count = 0;

    hs_rand_init(&rand, 3);
    for (uint64_t life = 1; life <= OTHER_KILLS; life++) {
        pid_t    child = start_child(store_on, room, life);
        uint64_t goal = last + 1 + hs_rand_below(&rand, 2000);

        wait_for_life(room, life);
        while (last < goal) {
            uint64_t value = load_value(latch, last);

            wrong_count += value < last ? 1 : 0;
            last = value;
        }
        spin(hs_rand_below(&rand, 50));
        kill_child(child);
        last = load_value(latch, 0);
        wrong_count += last != hs_latch_sequence(latch) ? 1 : 0;
    }
    HS_CHECK_EQ(wrong_count, 0);
    (void)printf("latch writer killed %d times, %" PRIu64 " records\n", OTHER_KILLS, last);
    room_destroy(room);
}

/* ---- the registry ---- */

static void fill_row(uint64_t *payload, uint64_t value)
{
    for (size_t i = 0; i < ROW_WORDS; i++) payload[i] = value;
}

static int churn_once(struct hs_registry *registry, hs_registry_handle *handles, uint64_t turn)
{
    uint32_t idx = (uint32_t)(turn % ROWS);
    uint64_t payload[ROW_WORDS];
    int      rc = 0;

    if (handles[idx]) rc = hs_registry_remove(registry, handles[idx]);
    if (rc < 0) return rc;
    fill_row(payload, turn);
    rc = hs_registry_insert(registry, payload, &handles[idx]);
    if (rc < 0) return rc;
    fill_row(payload, ~turn);
    return hs_registry_update(registry, handles[idx], payload);
}

static void churn(struct room *room, uint64_t life)
{
    hs_registry_handle handles[ROWS] = {0};
    struct hs_registry registry;
    uint64_t           payload[ROW_WORDS];
    unsigned           found_count = 0;

    if (hs_registry_attach_writer(&registry, (void *)room->bytes, &table) < 0) return;
    for (uint32_t idx = 0; idx < ROWS; idx++)
        if (hs_registry_at(&registry, idx, &handles[found_count], payload) == 1) found_count++;
    if (found_count != registry.used_count) return;
    for (uint64_t turn = life;; turn++)
        if (churn_once(&registry, handles, turn) < 0) return;
}

static uint64_t wrong_rows(const struct hs_registry *registry)
{
    hs_registry_handle handle = 0;
    uint64_t           payload[ROW_WORDS];
    uint64_t           wrong_count = 0;

    for (uint32_t idx = 0; idx < ROWS; idx++) {
        if (hs_registry_at(registry, idx, &handle, payload) != 1) continue;
        for (size_t i = 1; i < ROW_WORDS; i++) wrong_count += payload[i] != payload[0] ? 1 : 0;
    }
    return wrong_count;
}

static void a_registry_whose_writer_was_killed_has_whole_rows(void)
{
    struct room       *room = room_create();
    struct hs_registry reader;
    struct hs_rand     rand;
    uint64_t           wrong_count = 0;

    hs_rand_init(&rand, 4);
    hs_registry_init((void *)room->bytes, &table);
    HS_CHECK_EQ(hs_registry_attach_reader(&reader, (void *)room->bytes, &table), 0);
    for (uint64_t life = 1; life <= OTHER_KILLS; life++) {
        pid_t    child = start_child(churn, room, life);
        uint64_t looks = hs_rand_below(&rand, 100);

        wait_for_life(room, life);
        for (uint64_t i = 0; i < looks; i++) wrong_count += wrong_rows(&reader);
        spin(hs_rand_below(&rand, 200));
        kill_child(child);
        wrong_count += wrong_rows(&reader);
    }
    HS_CHECK_EQ(wrong_count, 0);
    room_destroy(room);
}

/* ---- the log ring ---- */

static void format_line(char *line, size_t bytes, uint64_t number)
{
    (void)snprintf(line, bytes, "line number=%" PRIu64 " again=%" PRIu64 " and=%" PRIu64, number,
                   number, number);
}

static void write_lines(struct room *room, uint64_t life)
{
    struct hs_log_ring_shm *ring = (void *)room->bytes;
    char                    line[HS_LOG_LINE_BYTES];

    (void)life;
    for (;;) {
        uint64_t number = hs_word_load(&ring->recent.next);

        format_line(line, sizeof line, number);
        hs_log_ring_write(ring, number, HS_LOG_INFO, "kill", line);
    }
}

/* Reads to the end; counts what is not line number cursor.at. */
static uint64_t wrong_lines(const struct hs_log_ring_shm *ring, struct hs_recent_cursor *cursor)
{
    struct hs_log_record record;
    char                 line[HS_LOG_LINE_BYTES];
    uint64_t             wrong_count = 0;

    for (unsigned i = 0; i < HS_LOG_RING_SLOTS; i++) {
        if (hs_log_ring_next(ring, cursor, &record) != 1) break;
        format_line(line, sizeof line, cursor->at - 1);
        wrong_count += strcmp(line, record.line) != 0 || record.at_ns != cursor->at - 1 ? 1 : 0;
    }
    return wrong_count;
}

static void a_log_whose_writer_was_killed_shows_whole_lines_only(void)
{
    struct room                  *room = room_create();
    const struct hs_log_ring_shm *ring = (void *)room->bytes;
    struct hs_recent_cursor       cursor = {0};
    struct hs_recent_cursor       fresh;
    struct hs_rand                rand;
    uint64_t                      wrong_count = 0;

    hs_rand_init(&rand, 5);
    for (uint64_t life = 1; life <= OTHER_KILLS; life++) {
        pid_t    child = start_child(write_lines, room, life);
        uint64_t looks = hs_rand_below(&rand, 5);

        wait_for_life(room, life);
        for (uint64_t i = 0; i < looks; i++) wrong_count += wrong_lines(ring, &cursor);
        spin(hs_rand_below(&rand, 500));
        kill_child(child);
        fresh = (struct hs_recent_cursor){0};
        wrong_count += wrong_lines(ring, &fresh);
        /* Of what fits, a kill costs one line: the one whose slot was being written over. */
        wrong_count +=
            fresh.lost_count + HS_LOG_RING_SLOTS > hs_word_load(&ring->recent.next) + 1 &&
                    hs_word_load(&ring->recent.next) > HS_LOG_RING_SLOTS
                ? 1
                : 0;
    }
    HS_CHECK_EQ(wrong_count, 0);
    (void)printf("log writer killed %d times, %" PRIu64 " lines\n", OTHER_KILLS,
                 hs_word_load(&ring->recent.next));
    room_destroy(room);
}

static CU_TestInfo tests[] = {{"a producer killed anywhere loses and tears nothing",
                               a_producer_killed_anywhere_loses_and_tears_nothing},
                              {"a consumer killed anywhere repeats at most one message a kill",
                               a_consumer_killed_anywhere_repeats_at_most_one_message_a_kill},
                              {"a latch whose writer was killed holds its last record",
                               a_latch_whose_writer_was_killed_holds_its_last_record},
                              {"a registry whose writer was killed has whole rows",
                               a_registry_whose_writer_was_killed_has_whole_rows},
                              {"a log whose writer was killed shows whole lines only",
                               a_log_whose_writer_was_killed_shows_whole_lines_only},
                              CU_TEST_INFO_NULL};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "shm kill", .pTests = tests}, CU_SUITE_INFO_NULL};
    unsigned     failed;

    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    if (CU_register_suites(suites) != CUE_SUCCESS) return 1;
    CU_basic_set_mode(CU_BRM_NORMAL);
    (void)CU_basic_run_tests();
    failed = CU_get_number_of_tests_failed();
    CU_cleanup_registry();
    return failed ? 1 : 0;
}
