// SPDX-License-Identifier: Apache-2.0
// libs: -lcunit
/* 021_shm_step_kill.c - each operation on shared memory stopped after every single machine
 * instruction (ptrace), and killed after every sixteenth: what is left is the state before it or
 * the state after it, never anything between, and a successor goes on. */
#include "shm/latch.h"
#include "shm/recent.h"
#include "shm/registry.h"
#include "shm/ring.h"
#include "tests/check.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <signal.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    STEPS_MAX = 100000, /* no operation has that many; a sanitizer's build might */
    KILL_STRIDE = 16,
    SLOTS = 4,
    MESSAGE_BYTES = 64,
    WORDS = 5,
    ROWS = 3,
    ROOM_BYTES = 16384
};

static const struct hs_ring_shape     shape = {.message_bytes = MESSAGE_BYTES, .slot_count = SLOTS};
static const struct hs_registry_shape table = {.payload_words = WORDS, .slot_count = ROWS};

/* Shared with the child; `acted` is what its act has done. */
struct room {
    alignas(64) unsigned char bytes[ROOM_BYTES];
    hs_word acted;
};

/* One operation: prepare the room; in the child attach, then act once, instruction by instruction;
 * look at what a kill left. look returns 0 for the state before, 1 for the state after, -1 for
 * anything else. */
struct operation {
    const char *name;
    void (*prepare)(struct room *room);
    void (*attach)(struct room *room);
    void (*act)(struct room *room);
    int (*look)(struct room *room);
};

struct tally {
    unsigned before_count;
    unsigned after_count;
    unsigned wrong_count;
};

static struct room       *shared;
static struct hs_ring     child_ring; /* what the child attached */
static struct hs_registry child_registry;
static hs_registry_handle child_row;

static void count_look(struct tally *tally, int seen)
{
    if (seen == 0) tally->before_count++;
    if (seen == 1) tally->after_count++;
    if (seen < 0) tally->wrong_count++;
}

/* What a kill at this instruction would leave is what the memory holds now. Looks at a copy, for
 * looking writes. */
static void look_at_copy(const struct operation *operation, struct tally *tally)
{
    static struct room copy;

    memcpy(&copy, shared, sizeof copy);
    count_look(tally, operation->look(&copy));
}

static pid_t start_child(const struct operation *operation)
{
    int   status = 0;
    pid_t child;

    operation->prepare(shared);
    child = fork();
    if (child < 0) abort();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0) _exit(77);
        operation->attach(shared);
        (void)raise(SIGSTOP);
        operation->act(shared);
        _exit(0);
    }
    HS_CHECK_EQ(waitpid(child, &status, 0), child);
    HS_CHECK(WIFSTOPPED(status));
    return child;
}

/* One more instruction; false: the child has ended, having done all its work. */
static bool step(pid_t child)
{
    int status = 0;

    if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) < 0) return false;
    if (waitpid(child, &status, 0) != child) return false;
    if (WIFSTOPPED(status)) return true;
    HS_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return false;
}

/* Looks after each instruction; returns their number. */
static unsigned look_everywhere(const struct operation *operation, struct tally *tally)
{
    unsigned steps = 0;
    pid_t    child = start_child(operation);

    while (steps < STEPS_MAX && step(child)) {
        steps++;
        look_at_copy(operation, tally);
    }
    HS_CHECK(steps > 0 && steps < STEPS_MAX);
    return steps;
}

static void kill_after(const struct operation *operation, unsigned steps, struct tally *tally)
{
    int   status = 0;
    pid_t child = start_child(operation);

    for (unsigned i = 0; i < steps; i++)
        if (!step(child)) return;
    HS_CHECK_EQ(kill(child, SIGKILL), 0);
    HS_CHECK_EQ(waitpid(child, &status, 0), child);
    count_look(tally, operation->look(shared));
}

static void try_operation(const struct operation *operation)
{
    struct tally tally = {0};
    unsigned     steps = look_everywhere(operation, &tally);

    for (unsigned i = 1; i < steps; i += KILL_STRIDE) kill_after(operation, i, &tally);
    HS_CHECK_EQ(tally.wrong_count, 0);
    HS_CHECK(tally.before_count > 0); /* else the looks did not hit it */
    HS_CHECK(tally.after_count > 0);
    (void)printf("%-16s %u instructions: %u before, %u after, %u between\n", operation->name, steps,
                 tally.before_count, tally.after_count, tally.wrong_count);
}

/* ---- the ring ---- */

static int push_value(struct hs_ring *ring, uint64_t value)
{
    uint64_t message[MESSAGE_BYTES / 8];

    for (size_t i = 0; i < HS_ARRAY_LEN(message); i++) message[i] = value;
    return hs_ring_push(ring, message);
}

/* The oldest message's value and takes it; 0: none, UINT64_MAX: torn. */
static uint64_t take_value(struct hs_ring *ring)
{
    uint64_t message[MESSAGE_BYTES / 8];

    if (hs_ring_pop(ring, message, NULL) != 1) return 0;
    for (size_t i = 1; i < HS_ARRAY_LEN(message); i++)
        if (message[i] != message[0]) return UINT64_MAX;
    return message[0];
}

/* The indexes stand before a wrap of the slots, which hold old messages. */
static void prepare_ring(struct room *room)
{
    struct hs_ring ring;

    memset(room, 0, sizeof *room);
    hs_ring_init((void *)room->bytes, &shape);
    HS_CHECK_EQ(hs_ring_attach(&ring, (void *)room->bytes, &shape, 1), 0);
    for (uint64_t i = 0; i < 2 * SLOTS - 1; i++) {
        HS_CHECK_EQ(push_value(&ring, 90 + i), 0);
        if (i >= SLOTS - 1) continue;
        HS_CHECK_EQ(take_value(&ring), 90 + i);
    }
    while (take_value(&ring)) {
    }
}

static void attach_ring(struct room *room)
{
    if (hs_ring_attach(&child_ring, (void *)room->bytes, &shape, 2) < 0) _exit(1);
}

static void act_push(struct room *room)
{
    (void)room;
    if (push_value(&child_ring, 7) < 0) _exit(1);
}

static int look_pushed(struct room *room)
{
    struct hs_ring ring;
    uint64_t       first;

    if (hs_ring_attach(&ring, (void *)room->bytes, &shape, 3) < 0) return -1;
    if (push_value(&ring, 8) < 0) return -1;
    first = take_value(&ring);
    if (first == 8) return take_value(&ring) == 0 ? 0 : -1;
    return first == 7 && take_value(&ring) == 8 && take_value(&ring) == 0 ? 1 : -1;
}

static void prepare_full_ring(struct room *room)
{
    struct hs_ring ring;

    prepare_ring(room);
    HS_CHECK_EQ(hs_ring_attach(&ring, (void *)room->bytes, &shape, 1), 0);
    for (uint64_t i = 1; i <= SLOTS; i++) HS_CHECK_EQ(push_value(&ring, i), 0);
}

/* Acts on a message, then advances: the act is what must not get lost. */
static void act_consume(struct room *room)
{
    const void *message = NULL;
    uint64_t    value = 0;

    if (hs_ring_peek(&child_ring, &message, NULL) != 1) _exit(1);
    memcpy(&value, message, sizeof value);
    hs_word_store(&room->acted, value);
    hs_ring_advance(&child_ring);
}

static int look_consumed(struct room *room)
{
    uint64_t       acted = hs_word_load(&room->acted);
    struct hs_ring ring;
    uint64_t       first;

    if (hs_ring_attach(&ring, (void *)room->bytes, &shape, 0) < 0) return -1;
    first = take_value(&ring);
    for (uint64_t i = first + 1; i <= SLOTS; i++)
        if (take_value(&ring) != i) return -1;
    if (take_value(&ring) != 0) return -1;
    if (first == 1) return acted <= 1 ? 0 : -1; /* acted on and given again: at least once */
    return first == 2 && acted == 1 ? 1 : -1;
}

/* ---- the latch ---- */

static void store_value(hs_word *latch, uint64_t value)
{
    const uint64_t words[WORDS] = {value, value, value, value, value};

    hs_latch_store(latch, words, WORDS);
}

static uint64_t whole(const uint64_t *words)
{
    for (size_t i = 1; i < WORDS; i++)
        if (words[i] != words[0]) return UINT64_MAX;
    return words[0];
}

static uint64_t load_value(const hs_word *latch)
{
    uint64_t words[WORDS];

    return hs_latch_load(latch, words, WORDS) < 0 ? UINT64_MAX : whole(words);
}

static void prepare_latch(struct room *room)
{
    memset(room, 0, sizeof *room);
    store_value((void *)room->bytes, 1);
    store_value((void *)room->bytes, 2);
}

static void attach_nothing(struct room *room)
{
    (void)room;
}

static void act_store(struct room *room)
{
    store_value((void *)room->bytes, 3);
}

static int look_stored(struct room *room)
{
    uint64_t value = load_value((void *)room->bytes);

    store_value((void *)room->bytes, 4);
    if (load_value((void *)room->bytes) != 4) return -1;
    if (value == 2) return 0;
    return value == 3 ? 1 : -1;
}

/* ---- the registry: one row to update or remove, one slot to insert into ---- */

static hs_registry_handle first_row(const struct hs_registry *registry)
{
    hs_registry_handle handle = 0;
    uint64_t           payload[WORDS];

    for (uint32_t idx = 0; idx < ROWS; idx++)
        if (hs_registry_at(registry, idx, &handle, payload) == 1) return handle;
    return 0;
}

static void open_writer(struct hs_registry *registry, struct room *room)
{
    if (hs_registry_attach_writer(registry, (void *)room->bytes, &table) < 0) _exit(1);
}

static int insert_value(struct hs_registry *registry, uint64_t value)
{
    const uint64_t     payload[WORDS] = {value, value, value, value, value};
    hs_registry_handle handle;

    return hs_registry_insert(registry, payload, &handle);
}

static void prepare_registry(struct room *room)
{
    struct hs_registry registry;

    memset(room, 0, sizeof *room);
    hs_registry_init((void *)room->bytes, &table);
    open_writer(&registry, room);
    HS_CHECK_EQ(insert_value(&registry, 1), 0);
}

static void attach_registry(struct room *room)
{
    open_writer(&child_registry, room);
    child_registry.next_idx = 1;
    child_row = first_row(&child_registry);
}

static void act_insert(struct room *room)
{
    (void)room;
    if (insert_value(&child_registry, 2) < 0) _exit(1);
}

static void act_update(struct room *room)
{
    const uint64_t payload[WORDS] = {3, 3, 3, 3, 3};

    (void)room;
    if (hs_registry_update(&child_registry, child_row, payload) < 0) _exit(1);
}

static void act_remove(struct room *room)
{
    (void)room;
    if (hs_registry_remove(&child_registry, child_row) < 0) _exit(1);
}

/* The values of all rows, one decimal digit each, in the order of their slots; UINT64_MAX: a torn
 * row, or the successor counts wrong or cannot go on. */
static uint64_t rows_of(struct room *room)
{
    struct hs_registry registry;
    hs_registry_handle handle;
    uint64_t           payload[WORDS];
    uint64_t           rows = 0;
    uint32_t           count = 0;

    open_writer(&registry, room);
    for (uint32_t idx = 0; idx < ROWS; idx++) {
        if (hs_registry_at(&registry, idx, &handle, payload) != 1) continue;
        if (whole(payload) == UINT64_MAX) return UINT64_MAX;
        rows = rows * 10 + payload[0];
        count++;
    }
    if (registry.used_count != count) return UINT64_MAX;
    return insert_value(&registry, 9) < 0 ? UINT64_MAX : rows;
}

static int look_rows(struct room *room, uint64_t before, uint64_t after)
{
    uint64_t rows = rows_of(room);

    if (rows == before) return 0;
    return rows == after ? 1 : -1;
}

static int look_inserted(struct room *room)
{
    return look_rows(room, 1, 12);
}

static int look_updated(struct room *room)
{
    return look_rows(room, 1, 3);
}

static int look_removed(struct room *room)
{
    return look_rows(room, 1, 0);
}

/* ---- the ring of recent records ---- */

static void write_record(struct room *room, uint64_t value)
{
    uint64_t words[HS_RECENT_WORDS];

    for (size_t i = 0; i < HS_RECENT_WORDS; i++) words[i] = value;
    hs_recent_write((void *)room->bytes, SLOTS, words);
}

static void prepare_recent(struct room *room)
{
    memset(room, 0, sizeof *room);
    for (uint64_t i = 1; i <= SLOTS; i++) write_record(room, i);
}

static void act_write(struct room *room)
{
    write_record(room, SLOTS + 1);
}

/* The records are 2, 3, 4 and then 5 or not; 1 may be there as long as 5 is not. */
static int look_written(struct room *room)
{
    struct hs_recent_cursor cursor = {0};
    uint64_t                words[HS_RECENT_WORDS];
    uint64_t                last = 0;

    while (hs_recent_next((void *)room->bytes, SLOTS, &cursor, words) == 1) {
        for (size_t i = 1; i < HS_RECENT_WORDS; i++)
            if (words[i] != words[0]) return -1;
        if (words[0] <= last || (last && words[0] != last + 1)) return -1;
        last = words[0];
    }
    write_record(room, 6);
    if (hs_recent_next((void *)room->bytes, SLOTS, &cursor, words) != 1 || words[0] != 6) return -1;
    if (last == SLOTS) return 0;
    return last == SLOTS + 1 ? 1 : -1;
}

/* ---- a structure that is wrong, to show that the method sees it ---- */

/* A record of five words without a latch. */
static void act_store_plainly(struct room *room)
{
    hs_word *words = (void *)room->bytes;

    for (size_t i = 0; i < WORDS; i++) hs_word_store(&words[i], 3);
}

static int look_plain(struct room *room)
{
    uint64_t words[WORDS];

    hs_words_load(words, (void *)room->bytes, WORDS);
    if (whole(words) == UINT64_MAX) return -1;
    return words[0] == 3 ? 1 : 0;
}

static void prepare_plain(struct room *room)
{
    memset(room, 0, sizeof *room);
}

static void every_operation_is_whole_or_nothing(void)
{
    static const struct operation operations[] = {
        {"ring push", prepare_ring, attach_ring, act_push, look_pushed},
        {"ring consume", prepare_full_ring, attach_ring, act_consume, look_consumed},
        {"latch store", prepare_latch, attach_nothing, act_store, look_stored},
        {"registry insert", prepare_registry, attach_registry, act_insert, look_inserted},
        {"registry update", prepare_registry, attach_registry, act_update, look_updated},
        {"registry remove", prepare_registry, attach_registry, act_remove, look_removed},
        {"recent write", prepare_recent, attach_nothing, act_write, look_written},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(operations); i++) try_operation(&operations[i]);
}

static void a_record_without_a_latch_is_caught_torn(void)
{
    const struct operation operation = {"plain words", prepare_plain, attach_nothing,
                                        act_store_plainly, look_plain};
    struct tally           tally = {0};

    (void)look_everywhere(&operation, &tally);
    HS_CHECK(tally.wrong_count >= WORDS - 1);
}

static CU_TestInfo tests[] = {
    {"every operation is whole or nothing", every_operation_is_whole_or_nothing},
    {"a record without a latch is caught torn", a_record_without_a_latch_is_caught_torn},
    CU_TEST_INFO_NULL};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "shm step kill", .pTests = tests}, CU_SUITE_INFO_NULL};
    unsigned     failed;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 1;
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    if (CU_register_suites(suites) != CUE_SUCCESS) return 1;
    CU_basic_set_mode(CU_BRM_NORMAL);
    (void)CU_basic_run_tests();
    failed = CU_get_number_of_tests_failed();
    CU_cleanup_registry();
    return failed ? 1 : 0;
}
