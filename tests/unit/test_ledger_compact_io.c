// SPDX-License-Identifier: Apache-2.0
/* test_ledger_compact_io.c - a compaction that takes many steps: how much one of them does, what
 * comes meanwhile, and what a crash in any of them leaves. */
#include "shm/base/rand.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/ledger_world.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    PART = 1 << 20,  /* of bytes, in one step */
    QUESTIONS = 32,  /* likewise */
    SLACK = 4 << 10, /* headers of records, the snapshot */
    BLOB = 300 << 10,
    LARGE = 8, /* blobs of the crash test: two parts and a bit */
    TURNS_MAX = 5000
};

static struct hs_ledger_stats stats_of(const struct ledger_world *world)
{
    struct hs_ledger_stats stats;

    hs_ledger_stats(world->ledger, &stats);
    return stats;
}

static struct hs_view bytes_of(unsigned number, size_t bytes)
{
    static uint8_t memory[HS_LEDGER_BLOB_BYTES_MAX];

    memset(memory, (int)number, bytes);
    memcpy(memory, &number, sizeof number);
    return hs_view_of(memory, bytes);
}

static struct hs_ledger_digest put(struct ledger_world *world, unsigned number, size_t bytes)
{
    struct hs_ledger_digest digest;

    HS_CHECK_EQ(hs_ledger_blob_put(world->ledger, bytes_of(number, bytes), &digest, 0), 0);
    return digest;
}

static void check_blob(struct ledger_world *world, unsigned number, size_t bytes)
{
    static uint8_t          memory[HS_LEDGER_BLOB_BYTES_MAX];
    struct hs_view          expected = bytes_of(number, bytes);
    struct hs_ledger_digest digest;

    hs_ledger_digest_of(expected, &digest);
    HS_CHECK_EQ(hs_ledger_blob_get(world->ledger, &digest, memory, sizeof memory), bytes);
    HS_CHECK(memcmp(memory, expected.data, bytes) == 0);
}

/* So many small blobs that nobody needs, so many that are young, and some entries. The next entry
 * makes a compaction due. */
static void fill(struct ledger_world *world, enum hs_loop_backend backend, unsigned small,
                 unsigned large)
{
    ledger_world_init(world);
    HS_CHECK_EQ(ledger_world_open(world, backend), 0);
    for (unsigned i = 0; i < small; i++) {
        (void)put(world, 100000 + i, 16);
        if (i % 64 == 63) (void)ledger_world_settle(world);
    }
    (void)ledger_world_settle(world);
    for (uint64_t i = 0; i < 4; i++) HS_CHECK_EQ(ledger_world_propose_holding(world, i), 0);
    (void)ledger_world_settle(world);
    world->now_ns += 100 * HS_NS_PER_S;
    for (unsigned i = 0; i < large; i++) {
        (void)ledger_world_settle(world);
        (void)put(world, i, BLOB);
    }
    (void)ledger_world_settle(world);
}

static void open_due(struct ledger_world *world, enum hs_loop_backend backend, unsigned large)
{
    world->compact_bytes = stats_of(world).file_bytes;
    ledger_world_close(world);
    HS_CHECK_EQ(ledger_world_open(world, backend), 0);
    (void)ledger_world_settle(world);
    for (unsigned i = 0; i < large; i++) (void)put(world, i, BLOB); /* found: they are young */
    (void)ledger_world_settle(world);
    HS_CHECK_EQ(stats_of(world).compaction_count, 0);
}

/* ---- how much in one step ---- */

static void check_share(enum hs_loop_backend backend)
{
    struct ledger_world world;
    uint64_t            next;
    unsigned            turns = 0;
    unsigned            waited = 0;

    fill(&world, backend, 300, 20);
    (void)put(&world, 77, 5 * PART);
    (void)ledger_world_settle(&world);
    open_due(&world, backend, 20);
    (void)put(&world, 77, 5 * PART);
    (void)ledger_world_settle(&world);
    next = world.state.next;
    HS_CHECK_EQ(ledger_world_propose(&world, next++), 0);
    while (!stats_of(&world).compaction_count && turns++ < TURNS_MAX) {
        struct hs_ledger_stats before = stats_of(&world);
        struct hs_ledger_stats after;
        unsigned               asked = world.asked;

        hs_ledger_step(world.ledger, world.now_ns);
        after = stats_of(&world);
        HS_CHECK(world.asked - asked <= QUESTIONS);
        HS_CHECK(after.image_bytes - before.image_bytes <= PART + SLACK);
        HS_CHECK(hs_loop_step(world.loop, hs_ledger_deadline_ns(world.ledger)
                                              ? hs_loop_clock_ns(world.loop) + HS_NS_PER_S
                                              : 0) >= 0);
        HS_CHECK(stats_of(&world).written_bytes - after.written_bytes <= PART + SLACK);
        waited = hs_ledger_is_idle(world.ledger) ? 0 : waited + 1;
        /* turns, however long the compaction is; the kernel's threads take theirs as they like */
        HS_CHECK(waited <= 8 || backend != HS_LOOP_EPOLL);
        if (hs_ledger_is_idle(world.ledger)) HS_CHECK_EQ(ledger_world_propose(&world, next++), 0);
    }
    HS_CHECK(turns > 20 + 300 / QUESTIONS);
    HS_CHECK(next > 10);
    (void)ledger_world_settle(&world);
    HS_CHECK_EQ(stats_of(&world).compaction_count, 1);
    HS_CHECK_EQ(world.state.next, next);
    HS_CHECK_EQ(lseek(world.fd[0], 0, SEEK_END), 0); /* the old file has gone */
    HS_CHECK_EQ(stats_of(&world).blob_count, 4 + 20 + 1);
    ledger_world_close(&world);
    HS_CHECK_EQ(ledger_world_open(&world, backend), 0);
    HS_CHECK_EQ(world.state.next, next);
    for (unsigned i = 0; i < 20; i++) check_blob(&world, i, BLOB);
    check_blob(&world, 77, 5 * PART);
    ledger_world_check(&world);
    ledger_world_fini(&world);
}

static void a_step_of_a_compaction_does_a_bounded_share_and_proposals_go_on(void)
{
    check_share(HS_LOOP_AUTO);
}

static void a_step_does_its_share_without_io_uring(void)
{
    check_share(HS_LOOP_EPOLL);
}

/* ---- what comes meanwhile ---- */

static void turn_until(struct ledger_world *world, uint64_t image_bytes)
{
    for (unsigned i = 0; i < TURNS_MAX && stats_of(world).image_bytes < image_bytes; i++)
        ledger_world_turn(world);
    HS_CHECK(stats_of(world).image_bytes >= image_bytes);
}

/* Two minutes pass before it ends: whoever found or put a blob has used it by then. */
static void what_is_put_or_found_during_a_compaction_is_kept(void)
{
    struct ledger_world     world;
    struct hs_ledger_digest found;
    struct hs_ledger_digest lost;

    fill(&world, HS_LOOP_AUTO, 40, 20);
    open_due(&world, HS_LOOP_AUTO, 20);
    hs_ledger_digest_of(bytes_of(100000, 16), &found);
    hs_ledger_digest_of(bytes_of(100001, 16), &lost);
    HS_CHECK_EQ(ledger_world_propose(&world, world.state.next), 0);
    turn_until(&world, 3 * PART);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &found, NULL, 0), 16);
    (void)put(&world, 500, 2 * PART);
    ledger_world_turn(&world);
    world.now_ns += 120 * HS_NS_PER_S;
    (void)ledger_world_settle(&world);
    HS_CHECK_EQ(stats_of(&world).compaction_count, 1);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &lost, NULL, 0), -ENOENT);
    ledger_world_close(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    check_blob(&world, 100000, 16);
    check_blob(&world, 500, 2 * PART);
    for (unsigned i = 0; i < 20; i++) check_blob(&world, i, BLOB);
    ledger_world_check(&world);
    ledger_world_fini(&world);
}

/* Puts or looks for an old blob that nobody needs, while that turn's write is under way. False: the
 * compaction was over before. */
static bool ask_in_turn(unsigned turn, bool is_put)
{
    struct ledger_world     world;
    struct hs_ledger_digest digest;
    bool                    is_early;
    bool                    is_told = is_put;

    fill(&world, HS_LOOP_EPOLL, 40, 2);
    open_due(&world, HS_LOOP_EPOLL, 2);
    HS_CHECK_EQ(ledger_world_propose(&world, world.state.next), 0);
    for (unsigned i = 0; i < turn; i++) ledger_world_turn(&world);
    hs_ledger_step(world.ledger, world.now_ns);
    is_early = stats_of(&world).compaction_count == 0;
    hs_ledger_digest_of(bytes_of(100000, 16), &digest);
    if (is_put)
        (void)put(&world, 100000, 16);
    else
        is_told = hs_ledger_blob_get(world.ledger, &digest, NULL, 0) == 16;
    HS_CHECK(hs_loop_step(world.loop, 0) >= 0);
    (void)ledger_world_settle(&world);
    HS_CHECK_EQ(stats_of(&world).compaction_count, 1);
    if (is_told) check_blob(&world, 100000, 16);
    ledger_world_fini(&world);
    return is_early;
}

static void what_is_stored_or_found_in_any_turn_of_a_compaction_is_there_after_it(void)
{
    for (unsigned is_put = 0; is_put < 2; is_put++) {
        unsigned turn = 0;

        while (turn < 100 && ask_in_turn(turn, is_put)) turn++;
        HS_CHECK(turn > 2);
        HS_CHECK(turn < 100);
    }
}

/* Faster than a step copies: at last they wait, or the compaction would never end. */
static void blobs_put_without_pause_do_not_keep_a_compaction_from_its_end(void)
{
    struct ledger_world world;
    unsigned            number = 1000;
    unsigned            turns = 0;

    fill(&world, HS_LOOP_EPOLL, 0, 4);
    open_due(&world, HS_LOOP_EPOLL, 4);
    while (!stats_of(&world).compaction_count && turns++ < 200) {
        if (hs_ledger_is_idle(world.ledger)) (void)put(&world, number++, 3 * PART);
        ledger_world_turn(&world);
    }
    HS_CHECK_EQ(stats_of(&world).compaction_count, 1);
    HS_CHECK(number >= 1003);
    HS_CHECK(number <= 1010);
    (void)ledger_world_settle(&world);
    for (unsigned i = 1000; i < number; i++) check_blob(&world, i, 3 * PART);
    ledger_world_fini(&world);
}

/* ---- crashes ---- */

struct disk {
    uint8_t *bytes;
    size_t   count;
};

static void look(int fd, struct disk *disk)
{
    disk->count = (size_t)lseek(fd, 0, SEEK_END);
    disk->bytes = realloc(disk->bytes, disk->count + 1);
    HS_CHECK_EQ(pread(fd, disk->bytes, disk->count, 0), disk->count);
}

/* Of every sector that a sync has not covered either what was, or what is; and of the lengths. */
static void leave(int fd, const struct disk *was, const struct disk *is, struct hs_rand *rand)
{
    const struct disk *last = hs_rand_below(rand, 2) ? was : is;
    uint64_t           odds = hs_rand_below(rand, 5); /* of four: that it is the new one */
    uint8_t           *left = calloc(1, last->count + 1);

    for (size_t at = 0; left && at < last->count; at += 512) {
        const struct disk *from = hs_rand_below(rand, 4) < odds ? is : was;
        size_t             bytes = at < from->count ? from->count - at : 0;

        if (bytes > last->count - at) bytes = last->count - at;
        if (bytes > 512) bytes = 512;
        memcpy(left + at, from->bytes + at, bytes);
    }
    HS_CHECK_EQ(pwrite(fd, left, last->count, 0), last->count);
    free(left);
}

/* The successor knows what was answered, its blobs are there, nothing else takes room, and it can
 * go on and compact. */
static void check_crash(const struct disk was[2], const struct disk is[2], uint64_t answered,
                        uint64_t proposed, struct hs_rand *rand)
{
    struct ledger_world world;
    uint64_t            next;

    ledger_world_init(&world);
    for (unsigned i = 0; i < 2; i++) leave(world.fd[i], &was[i], &is[i], rand);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
    if (world.ledger) {
        next = world.state.next;
        HS_CHECK(next >= answered);
        HS_CHECK(next <= proposed);
        HS_CHECK_EQ(stats_of(&world).image_bytes, 0);
        HS_CHECK_EQ(lseek(world.fd[stats_of(&world).epoch % 2], 0, SEEK_END), 0);
        ledger_world_check(&world);
        HS_CHECK_EQ(ledger_world_propose(&world, next), 0);
        (void)ledger_world_settle(&world);
        HS_CHECK_EQ(world.state.next, next + 1);
    }
    ledger_world_fini(&world);
}

/* All writes are synced: what one has written is safe when it has ended. */
static void crash_in_every_step(uint64_t seed)
{
    struct ledger_world world;
    struct disk         was[2] = {0};
    struct disk         is[2] = {0};
    struct hs_rand      rand;
    uint64_t            next;
    unsigned            turns = 0;
    unsigned            i;

    hs_rand_init(&rand, seed);
    fill(&world, HS_LOOP_EPOLL, 20, LARGE);
    open_due(&world, HS_LOOP_EPOLL, LARGE);
    next = world.state.next;
    for (i = 0; i < 2; i++) look(world.fd[i], &was[i]);
    while (!stats_of(&world).compaction_count && turns++ < TURNS_MAX) {
        uint64_t answered = world.state.next;
        uint64_t written;

        if (hs_ledger_is_idle(world.ledger) && ledger_world_propose_holding(&world, next) == 0)
            next++;
        hs_ledger_step(world.ledger, world.now_ns);
        /* a second one in this turn of the loop, as a manager does: a batch is under way then */
        if (hs_rand_below(&rand, 2)) hs_ledger_step(world.ledger, world.now_ns);
        for (i = 0; i < 2; i++) look(world.fd[i], &is[i]);
        check_crash(was, is, answered, next, &rand);
        written = stats_of(&world).written_bytes;
        HS_CHECK(hs_loop_step(world.loop, 0) >= 0);
        for (i = 0; i < 2; i++) look(world.fd[i], &is[i]);
        check_crash(was, is, answered, next, &rand);
        check_crash(was, is, answered, next, &rand);
        if (stats_of(&world).written_bytes == written) continue;
        for (i = 0; i < 2; i++) look(world.fd[i], &was[i]);
        check_crash(was, is, world.state.next, next, &rand);
    }
    HS_CHECK_EQ(stats_of(&world).compaction_count, 1);
    HS_CHECK(turns >= 6);
    HS_CHECK(next > 8);
    for (i = 0; i < 2; i++) {
        free(was[i].bytes);
        free(is[i].bytes);
    }
    (void)ledger_world_settle(&world);
    ledger_world_check(&world);
    ledger_world_fini(&world);
}

static void a_crash_in_any_step_of_a_compaction_loses_nothing_and_leaves_nothing(void)
{
    for (uint64_t seed = 1; seed <= 5; seed++) crash_in_every_step(seed);
}

CU_TestInfo hs_tests_ledger_compact_io[] = {
    {"a step of a compaction does a bounded share and proposals go on",
     a_step_of_a_compaction_does_a_bounded_share_and_proposals_go_on},
    {"a step does its share without io_uring", a_step_does_its_share_without_io_uring},
    {"what is put or found during a compaction is kept",
     what_is_put_or_found_during_a_compaction_is_kept},
    {"what is stored or found in any turn of a compaction is there after it",
     what_is_stored_or_found_in_any_turn_of_a_compaction_is_there_after_it},
    {"blobs put without pause do not keep a compaction from its end",
     blobs_put_without_pause_do_not_keep_a_compaction_from_its_end},
    {"a crash in any step of a compaction loses nothing and leaves nothing",
     a_crash_in_any_step_of_a_compaction_loses_nothing_and_leaves_nothing},
    CU_TEST_INFO_NULL,
};
