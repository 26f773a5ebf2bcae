// SPDX-License-Identifier: Apache-2.0
/* test_interleave.c - the code of ring, latch and recent ring itself, in every order of its
 * accesses to shared memory, with a crash at each of them; and that the method finds the fault when
 * releases do not release. */
#include "tests/unit/explorer.h"

#include "shm/base/assert.h"
#include "shm/base/err.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

/* The product's sources once more, under other names, with the explorer's words. */
#define memcpy                    explorer_copy
#define hs_ring_bytes             explored_ring_bytes
#define hs_ring_init              explored_ring_init
#define hs_ring_validate          explored_ring_validate
#define hs_ring_attach            explored_ring_attach
#define hs_ring_look_for_room     explored_ring_look_for_room
#define hs_ring_look_for_messages explored_ring_look_for_messages
#define hs_ring_free_count        explored_ring_free_count
#define hs_ring_used_count        explored_ring_used_count
#define hs_latch_store            explored_latch_store
#define hs_latch_load             explored_latch_load
#define hs_latch_sequence         explored_latch_sequence
#define hs_recent_bytes           explored_recent_bytes
#define hs_recent_write           explored_recent_write
#define hs_recent_next            explored_recent_next
#include "shm/latch.c"
#include "shm/recent.c"
#include "shm/ring.c"

enum { TORN = 999, PUSHED = 1000, LATCH_WORDS = 2, RECENT_SLOTS = 2 };

static const struct hs_ring_shape shape = {.message_bytes = 64, .slot_count = 2};

static void check_all_orders(const struct explorer_model *model)
{
    struct explorer_result result = explorer_run(model);

    HS_CHECK(result.is_complete);
    HS_CHECK(result.end_count > 0);
    HS_CHECK_EQ(result.wrong_count, 0);
    HS_CHECK(result.state_count > 1000); /* else the actors hardly met */
}

/* ---- the ring: messages of the producer's first life are 1, 2, 3, of its second 11, 12, 13
 * ---- */

static void prepare_ring(void *memory)
{
    hs_ring_init(memory, &shape);
}

static uint64_t value_of(const uint64_t *message)
{
    for (size_t i = 1; i < 8; i++)
        if (message[i] != message[0]) return TORN;
    return message[0];
}

static struct hs_ring attached(uint64_t generation)
{
    struct hs_ring ring = {0};

    if (hs_ring_attach(&ring, explorer_memory(), &shape, generation) < 0) explorer_note(TORN);
    return ring;
}

static void produce(uint64_t life)
{
    struct hs_ring ring = attached(life + 1);
    uint64_t       message[8];

    for (uint64_t i = 1; i <= 3; i++) {
        uint64_t value = 10 * life + i;
        int      rc;

        for (size_t k = 0; k < 8; k++) message[k] = value;
        rc = hs_ring_push(&ring, message);
        if (rc == -EPROTO) explorer_note(TORN);
        if (rc < 0) return; /* full: that is all for this life */
        explorer_note(PUSHED + value);
    }
}

static void consume(uint64_t life)
{
    struct hs_ring ring = attached(0);

    (void)life;
    for (int tries = 0; tries < 3; tries++) {
        const void *slot = NULL;
        uint64_t    generation = 0;
        uint64_t    message[8];
        int         rc = hs_ring_peek(&ring, &slot, &generation);

        if (rc < 0) explorer_note(TORN);
        if (rc <= 0) continue;
        hs_ring_copy(&ring, message, slot);
        explorer_note(value_of(message) / 10 + 1 == generation ? value_of(message) : TORN);
        hs_ring_advance(&ring);
    }
}

/* What was acted on, then what still waits: without gaps, a message again only after a crash of the
 * consumer. */
struct delivery {
    uint64_t last;
    uint64_t count;
    uint64_t repeated_count;
    bool     is_wrong;
};

static void deliver(struct delivery *delivery, uint64_t value)
{
    bool is_next = value == delivery->last + 1 || (value == 11 && delivery->last < 10);

    if (value == delivery->last && delivery->count)
        delivery->repeated_count++;
    else if (is_next)
        delivery->count++;
    else
        delivery->is_wrong = true;
    delivery->last = value;
}

static bool is_ring_right(const struct explorer_note *notes, size_t note_count)
{
    struct delivery delivery = {0};
    struct hs_ring  ring;
    uint64_t        pushed_count = 0;
    uint64_t        message[8];

    for (size_t i = 0; i < note_count; i++) {
        if (notes[i].value == TORN) return false;
        if (notes[i].value > PUSHED) pushed_count++;
        if (notes[i].value < PUSHED) deliver(&delivery, notes[i].value);
    }
    if (hs_ring_validate(explorer_memory(), &shape) < 0) return false;
    if (hs_ring_attach(&ring, explorer_memory(), &shape, 0) < 0) return false;
    while (hs_ring_pop(&ring, message, NULL) == 1) deliver(&delivery, value_of(message));
    /* A push that did not return may have been committed: one for each crash. */
    return !delivery.is_wrong && delivery.count == ring.tail && delivery.count >= pushed_count &&
           delivery.count <= pushed_count + explorer_crash_count(0) &&
           delivery.repeated_count <= explorer_crash_count(1);
}

static const struct explorer_model ring_model = {.actor_count = 2,
                                                 .actors = {produce, consume},
                                                 .crashes_max = {1, 1},
                                                 .prepare = prepare_ring,
                                                 .is_right = is_ring_right};

static void the_ring_holds_in_every_order_with_a_crash_of_either_side(void)
{
    struct explorer_model model = ring_model;

    model.crashes_max[1] = 0;
    check_all_orders(&model);
    model = ring_model;
    if (getenv("HS_SOAK")) check_all_orders(&model); /* 900,000 states */
    model.crashes_max[0] = 0;
    check_all_orders(&model);
}

static void a_ring_whose_releases_do_not_release_is_caught(void)
{
    struct explorer_model model = ring_model;

    model.crashes_max[0] = 0;
    model.crashes_max[1] = 0;
    model.has_weak_releases = true;
    HS_CHECK(explorer_run(&model).wrong_count > 0);
}

/* Advances first and acts afterwards: what at-least-once forbids. */
static void consume_too_early(uint64_t life)
{
    struct hs_ring ring = attached(0);
    uint64_t       message[8];

    (void)life;
    for (int tries = 0; tries < 3; tries++) {
        if (hs_ring_pop(&ring, message, NULL) != 1) continue;
        (void)hs_ring_used_count(explorer_memory(), &shape); /* steps in which to die */
        explorer_note(value_of(message));
    }
}

static void a_consumer_that_advances_before_it_acts_is_caught(void)
{
    struct explorer_model model = ring_model;

    model.actors[1] = consume_too_early;
    model.crashes_max[0] = 0;
    HS_CHECK(explorer_run(&model).wrong_count > 0);
}

/* ---- the latch ---- */

static void prepare_nothing(void *memory)
{
    (void)memory;
}

static void store_twice(uint64_t life)
{
    for (uint64_t i = 1; i <= 2; i++) {
        const uint64_t words[LATCH_WORDS] = {10 * life + i, 10 * life + i};

        hs_latch_store(explorer_memory(), words, LATCH_WORDS);
        explorer_note(PUSHED + words[0]);
    }
}

static void load_once(uint64_t life)
{
    uint64_t words[LATCH_WORDS];
    int      rc = hs_latch_load(explorer_memory(), words, LATCH_WORDS);

    (void)life;
    explorer_note(rc == 0 && words[0] == words[1] ? words[0] : TORN);
}

static void load_twice(uint64_t life)
{
    load_once(life);
    load_once(life);
}

/* Records are whole, no reader goes back, and in the end the last store stands. */
static bool is_latch_right(const struct explorer_note *notes, size_t note_count)
{
    uint64_t last[EXPLORER_ACTORS_MAX] = {0};
    uint64_t words[LATCH_WORDS];

    for (size_t i = 0; i < note_count; i++) {
        if (notes[i].value == TORN) return false;
        if (notes[i].value > PUSHED) last[0] = notes[i].value - PUSHED;
        if (notes[i].value > PUSHED) continue;
        if (notes[i].value < last[notes[i].actor]) return false;
        last[notes[i].actor] = notes[i].value;
    }
    if (hs_latch_load(explorer_memory(), words, LATCH_WORDS) < 0) return false;
    return words[0] == words[1] && words[0] == last[0];
}

static const struct explorer_model latch_model = {.actor_count = 2,
                                                  .actors = {store_twice, load_twice, load_once},
                                                  .crashes_max = {1, 0, 0},
                                                  .prepare = prepare_nothing,
                                                  .is_right = is_latch_right};

static void the_latch_holds_in_every_order_with_a_crash_and_with_two_readers(void)
{
    struct explorer_model model = latch_model;

    check_all_orders(&model);
    model.actor_count = 3;
    model.crashes_max[0] = 0;
    check_all_orders(&model);
}

static void a_latch_whose_releases_do_not_release_is_caught(void)
{
    struct explorer_model model = latch_model;

    model.crashes_max[0] = 0;
    model.has_weak_releases = true;
    HS_CHECK(explorer_run(&model).wrong_count > 0);
}

/* Takes the copy that the sequence names and does not look again. */
static void load_without_a_second_look(uint64_t life)
{
    const hs_word *latch = explorer_memory();
    uint64_t       words[LATCH_WORDS];

    (void)life;
    hs_words_load(words, &latch[1 + (hs_word_load(latch) & 1) * LATCH_WORDS], LATCH_WORDS);
    explorer_note(words[0] == words[1] ? words[0] : TORN);
}

static void a_reader_that_does_not_look_again_is_caught(void)
{
    struct explorer_model model = latch_model;

    model.crashes_max[0] = 0;
    model.actors[1] = load_without_a_second_look;
    HS_CHECK(explorer_run(&model).wrong_count > 0);
}

/* ---- the ring of recent records: record n holds n + 1 ---- */

static void write_records(uint64_t life)
{
    struct hs_recent_shm *ring = explorer_memory();
    uint64_t              words[HS_RECENT_WORDS];

    (void)life;
    for (int i = 0; i < 3; i++) {
        words[0] = hs_word_load(&ring->next) + 1;
        words[HS_RECENT_WORDS - 1] = words[0];
        hs_recent_write(ring, RECENT_SLOTS, words);
    }
}

static void read_records(uint64_t life)
{
    struct hs_recent_cursor cursor = {0};
    uint64_t                words[HS_RECENT_WORDS];

    (void)life;
    for (int i = 0; i < 2; i++) {
        if (hs_recent_next(explorer_memory(), RECENT_SLOTS, &cursor, words) != 1) continue;
        explorer_note(words[0] == cursor.at && words[HS_RECENT_WORDS - 1] == cursor.at ? cursor.at
                                                                                       : TORN);
    }
}

static bool is_recent_right(const struct explorer_note *notes, size_t note_count)
{
    struct hs_recent_shm   *ring = explorer_memory();
    struct hs_recent_cursor cursor = {0};
    uint64_t                words[HS_RECENT_WORDS];
    uint64_t                count = 0;

    for (size_t i = 0; i < note_count; i++)
        if (notes[i].value == TORN || (i && notes[i].value <= notes[i - 1].value)) return false;
    while (hs_recent_next(ring, RECENT_SLOTS, &cursor, words) == 1) count++;
    return count == RECENT_SLOTS && cursor.lost_count + count == hs_word_load(&ring->next);
}

static const struct explorer_model recent_model = {.actor_count = 2,
                                                   .actors = {write_records, read_records},
                                                   .crashes_max = {1, 0},
                                                   .prepare = prepare_nothing,
                                                   .is_right = is_recent_right};

static void the_ring_of_recent_records_holds_in_every_order_with_a_crash_of_its_writer(void)
{
    check_all_orders(&recent_model);
}

static void write_two_records(uint64_t life)
{
    uint64_t words[HS_RECENT_WORDS] = {[0] = life + 1, [HS_RECENT_WORDS - 1] = life + 1};

    for (int i = 0; i < RECENT_SLOTS; i++) hs_recent_write(explorer_memory(), RECENT_SLOTS, words);
}

static void read_and_note_losses(uint64_t life)
{
    struct hs_recent_cursor cursor = {0};
    uint64_t                words[HS_RECENT_WORDS];

    (void)life;
    for (int i = 0; i < 3; i++)
        if (hs_recent_next(explorer_memory(), RECENT_SLOTS, &cursor, words) < 0) return;
    if (cursor.lost_count) explorer_note(TORN);
}

static bool has_no_note(const struct explorer_note *notes, size_t note_count)
{
    (void)notes;
    return note_count == 0;
}

static void nothing_is_lost_before_the_ring_of_recent_records_is_full(void)
{
    const struct explorer_model model = {.actor_count = 2,
                                         .actors = {write_two_records, read_and_note_losses},
                                         .prepare = prepare_nothing,
                                         .is_right = has_no_note};
    struct explorer_result      result = explorer_run(&model);

    HS_CHECK(result.is_complete);
    HS_CHECK(result.end_count > 0);
    HS_CHECK_EQ(result.wrong_count, 0);
}

static void recent_records_whose_releases_do_not_release_are_caught(void)
{
    struct explorer_model model = recent_model;

    model.crashes_max[0] = 0;
    model.has_weak_releases = true;
    HS_CHECK(explorer_run(&model).wrong_count > 0);
}

/* ---- a peer that writes what it likes */

static void store_nonsense(uint64_t life)
{
    struct hs_ring_shm *shm = explorer_memory();

    (void)life;
    hs_word_store(&shm->tail, shape.slot_count + 1);
    hs_word_store(&shm->tail, 0);
    hs_word_store(&shm->head, shape.slot_count + 1);
}

static void attach_and_doubt(uint64_t life)
{
    struct hs_ring ring = {0};

    (void)life;
    if (hs_ring_attach(&ring, explorer_memory(), &shape, 0) < 0) return;
    if (ring.tail - ring.head > shape.slot_count) explorer_note(TORN);
}

static void the_indexes_that_were_checked_are_those_in_use(void)
{
    const struct explorer_model model = {.actor_count = 2,
                                         .actors = {store_nonsense, attach_and_doubt},
                                         .prepare = prepare_ring,
                                         .is_right = has_no_note};
    struct explorer_result      result = explorer_run(&model);

    HS_CHECK(result.is_complete);
    HS_CHECK(result.end_count > 0);
    HS_CHECK_EQ(result.wrong_count, 0);
}

CU_TestInfo hs_tests_interleave[] = {
    {"the ring holds in every order with a crash of either side",
     the_ring_holds_in_every_order_with_a_crash_of_either_side},
    {"a ring whose releases do not release is caught",
     a_ring_whose_releases_do_not_release_is_caught},
    {"a consumer that advances before it acts is caught",
     a_consumer_that_advances_before_it_acts_is_caught},
    {"the indexes that were checked are those in use",
     the_indexes_that_were_checked_are_those_in_use},
    {"the latch holds in every order, with a crash of its writer and with two readers",
     the_latch_holds_in_every_order_with_a_crash_and_with_two_readers},
    {"a latch whose releases do not release is caught",
     a_latch_whose_releases_do_not_release_is_caught},
    {"a reader that does not look again is caught", a_reader_that_does_not_look_again_is_caught},
    {"the ring of recent records holds in every order with a crash of its writer",
     the_ring_of_recent_records_holds_in_every_order_with_a_crash_of_its_writer},
    {"nothing is lost before the ring of recent records is full",
     nothing_is_lost_before_the_ring_of_recent_records_is_full},
    {"recent records whose releases do not release are caught",
     recent_records_whose_releases_do_not_release_are_caught},
    CU_TEST_INFO_NULL};
