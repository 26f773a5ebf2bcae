// SPDX-License-Identifier: Apache-2.0
/* test_ledger_io.c - the ledger over files and the loop: order, replay, torn tails, full tables, a
 * disk that refuses, blobs, compaction. What a kill leaves: test_ledger_kill_io.c. */
#include "roles/counters.h"
#include "shm/base/time.h"
#include "shm/counters.h"
#include "tests/check.h"
#include "tests/unit/ledger_world.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static void propose_and_settle(struct ledger_world *world, uint64_t from, uint64_t count)
{
    for (uint64_t i = from; i < from + count; i++) HS_CHECK_EQ(ledger_world_propose(world, i), 0);
    (void)ledger_world_settle(world);
}

static struct hs_ledger_stats stats_of(const struct ledger_world *world)
{
    struct hs_ledger_stats stats;

    hs_ledger_stats(world->ledger, &stats);
    return stats;
}

static void check_order(enum hs_loop_backend backend)
{
    struct ledger_world world;

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, backend), 0);
    HS_CHECK(!hs_ledger_is_leading(world.ledger));
    for (uint64_t from = 0; from < 100; from += 10) propose_and_settle(&world, from, 10);
    HS_CHECK(hs_ledger_is_leading(world.ledger));
    HS_CHECK_EQ(world.answer_count, 101);
    HS_CHECK_EQ(world.answers[0].kind, HS_LEDGER_LEADING);
    for (unsigned i = 0; i < 100; i++) {
        HS_CHECK_EQ(world.answers[i + 1].kind, HS_LEDGER_APPLIED);
        HS_CHECK_EQ(world.answers[i + 1].token, i);
        HS_CHECK_EQ(world.answers[i + 1].seq, i + 1);
        HS_CHECK_EQ(world.answers[i + 1].result, i);
    }
    ledger_world_check(&world);
    ledger_world_fini(&world);
}

static void check_replay(enum hs_loop_backend backend)
{
    struct ledger_world    world;
    struct ledger_state    before;
    struct hs_ledger_stats stats;

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, backend), 0);
    propose_and_settle(&world, 0, 40);
    HS_CHECK_EQ(ledger_world_propose_holding(&world, 40), 0);
    (void)ledger_world_settle(&world);
    before = world.state;
    stats = stats_of(&world);
    ledger_world_close(&world);
    HS_CHECK_EQ(ledger_world_open(&world, backend), 0);
    HS_CHECK(memcmp(&before, &world.state, sizeof before) == 0);
    HS_CHECK_EQ(world.answer_count, 0);
    HS_CHECK_EQ(stats_of(&world).seq, 41);
    HS_CHECK_EQ(stats_of(&world).file_bytes, stats.file_bytes);
    HS_CHECK_EQ(stats_of(&world).torn_bytes, 0);
    propose_and_settle(&world, 41, 1);
    HS_CHECK_EQ(world.answers[1].seq, 42);
    ledger_world_check(&world);
    ledger_world_fini(&world);
}

HS_ON_BOTH(check_order)
HS_ON_BOTH(check_replay)

/* Cut anywhere in its last batch, the file holds the batches before, and takes new ones. */
static void a_torn_tail_is_cut_and_the_log_goes_on(void)
{
    struct ledger_world world;
    uint64_t            begin;
    uint64_t            end;
    char                copy[4096];

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
    propose_and_settle(&world, 0, 5);
    begin = stats_of(&world).file_bytes;
    propose_and_settle(&world, 5, 3);
    end = stats_of(&world).file_bytes;
    ledger_world_close(&world);
    HS_CHECK_EQ(pread(world.fd[0], copy, sizeof copy, 0), end);
    for (uint64_t at = begin + 1; at < end; at++) {
        HS_CHECK_EQ(ftruncate(world.fd[0], 0), 0);
        HS_CHECK_EQ(pwrite(world.fd[0], copy, at, 0), at);
        HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
        HS_CHECK_EQ(world.state.next, 5);
        HS_CHECK_EQ(stats_of(&world).torn_bytes, at - begin);
        HS_CHECK_EQ(stats_of(&world).file_bytes, begin);
        if (at % 7 == 0) propose_and_settle(&world, 5, 1);
        ledger_world_close(&world);
        HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
        HS_CHECK_EQ(world.state.next, at % 7 == 0 ? 6 : 5);
        HS_CHECK_EQ(stats_of(&world).torn_bytes, 0);
        ledger_world_check(&world);
        ledger_world_close(&world);
    }
    ledger_world_fini(&world);
}

static void damage_before_durable_entries_refuses_to_open(void)
{
    struct ledger_world world;
    uint64_t            end;

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
    for (uint64_t i = 0; i < 9; i += 3) propose_and_settle(&world, i, 3);
    end = stats_of(&world).file_bytes;
    ledger_world_close(&world);
    for (uint64_t i = 0; i < 6; i++) {
        off_t at = (off_t)(64 + i * ((end - 64) / 9) + 30); /* in the body of entry i */
        char  byte;

        HS_CHECK_EQ(pread(world.fd[0], &byte, 1, at), 1);
        byte ^= 1;
        HS_CHECK_EQ(pwrite(world.fd[0], &byte, 1, at), 1);
        HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), -EIO);
        byte ^= 1;
        HS_CHECK_EQ(pwrite(world.fd[0], &byte, 1, at), 1);
    }
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
    HS_CHECK_EQ(world.state.next, 9);
    ledger_world_fini(&world);
}

static void proposals_beyond_the_bound_are_refused_and_the_rest_is_answered(void)
{
    struct ledger_world world;

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    for (uint64_t i = 0; i < HS_LEDGER_OPEN_MAX; i++)
        HS_CHECK_EQ(ledger_world_propose(&world, i), 0);
    for (uint64_t i = 0; i < HS_LEDGER_OPEN_MAX; i++)
        HS_CHECK_EQ(ledger_world_propose(&world, HS_LEDGER_OPEN_MAX + i), -ENOBUFS);
    HS_CHECK_EQ(hs_ledger_barrier(world.ledger, 1), -ENOBUFS);
    (void)ledger_world_settle(&world);
    HS_CHECK_EQ(ledger_world_count(&world, HS_LEDGER_APPLIED), HS_LEDGER_OPEN_MAX);
    propose_and_settle(&world, HS_LEDGER_OPEN_MAX, 1);
    HS_CHECK_EQ(world.state.next, HS_LEDGER_OPEN_MAX + 1);
    ledger_world_check(&world);
    ledger_world_fini(&world);
}

static void entries_have_a_size(void)
{
    static const char   big[HS_LEDGER_ENTRY_BYTES_MAX + 1];
    struct ledger_world world;

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
    HS_CHECK_EQ(hs_ledger_propose(world.ledger, hs_view_of(big, sizeof big), 0), -EMSGSIZE);
    HS_CHECK_EQ(hs_ledger_propose(world.ledger, hs_view_of(big, 0), 0), -EMSGSIZE);
    HS_CHECK_EQ(hs_ledger_propose(world.ledger, hs_view_of(big, sizeof big - 1), 0), 0);
    (void)ledger_world_settle(&world);
    HS_CHECK_EQ(ledger_world_count(&world, HS_LEDGER_APPLIED), 1);
    ledger_world_fini(&world);
}

static void a_barrier_comes_after_what_was_proposed_before_it(void)
{
    struct ledger_world world;
    uint64_t            file_bytes;

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    HS_CHECK_EQ(ledger_world_propose(&world, 0), 0);
    HS_CHECK_EQ(hs_ledger_barrier(world.ledger, 77), 0);
    HS_CHECK_EQ(ledger_world_propose(&world, 1), 0);
    (void)ledger_world_settle(&world);
    HS_CHECK_EQ(world.answers[2].kind, HS_LEDGER_BARRIER);
    HS_CHECK_EQ(world.answers[2].token, 77);
    HS_CHECK_EQ(world.answers[3].kind, HS_LEDGER_APPLIED);
    file_bytes = stats_of(&world).file_bytes;
    HS_CHECK_EQ(hs_ledger_barrier(world.ledger, 78), 0);
    (void)ledger_world_settle(&world);
    HS_CHECK_EQ(world.answers[4].token, 78);
    HS_CHECK_EQ(stats_of(&world).file_bytes, file_bytes); /* nothing to write for it */
    ledger_world_fini(&world);
}

/* A sealed file refuses every write, as a full or broken disk does. */
static void a_disk_that_refuses_makes_outcomes_unknown(void)
{
    struct ledger_world world;

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    propose_and_settle(&world, 0, 2);
    HS_CHECK_EQ(fcntl(world.fd[0], F_ADD_SEALS, F_SEAL_WRITE), 0);
    HS_CHECK_EQ(ledger_world_propose(&world, 2), 0);
    hs_ledger_step(world.ledger, world.now_ns);
    HS_CHECK_EQ(ledger_world_propose(&world, 3), 0); /* waits behind the batch that fails */
    (void)ledger_world_settle(&world);
    HS_CHECK_EQ(ledger_world_count(&world, HS_LEDGER_APPLIED), 2);
    HS_CHECK_EQ(ledger_world_count(&world, HS_LEDGER_UNKNOWN), 2);
    HS_CHECK_EQ(ledger_world_count(&world, HS_LEDGER_FAILED), 1);
    HS_CHECK_EQ(world.answers[world.answer_count - 1].kind, HS_LEDGER_FAILED);
    HS_CHECK_EQ(world.state.next, 2);
    HS_CHECK(!hs_ledger_is_leading(world.ledger));
    HS_CHECK_EQ(ledger_world_propose(&world, 4), -ENOBUFS);
    HS_CHECK_EQ(hs_ledger_deadline_ns(world.ledger), HS_NEVER_NS);
    ledger_world_close(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    HS_CHECK_EQ(world.state.next, 2);
    ledger_world_fini(&world);
}

static void files_of_another_group_are_refused(void)
{
    struct ledger_world world;

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
    ledger_world_close(&world);
    world.group = 2;
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), -EINVAL);
    world.group = 1;
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
    ledger_world_fini(&world);
}

static void a_file_with_entries_and_a_damaged_beginning_refuses_to_open(void)
{
    struct ledger_world world;

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
    propose_and_settle(&world, 0, 1);
    ledger_world_close(&world);
    HS_CHECK_EQ(pwrite(world.fd[0], "?", 1, 20), 1);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), -EIO);
    ledger_world_fini(&world);
}

/* ---- blobs ---- */

static void a_blob_is_kept_once_under_its_digest(void)
{
    struct ledger_world     world;
    struct hs_ledger_digest digest;
    struct hs_ledger_digest again;
    uint64_t                file_bytes;
    char                    text[16];

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    HS_CHECK_EQ(hs_ledger_blob_put(world.ledger, hs_view_text("a plan"), &digest, 5), 0);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &digest, NULL, 0), -ENOENT); /* not durable yet */
    (void)ledger_world_settle(&world);
    HS_CHECK_EQ(world.answers[1].kind, HS_LEDGER_BLOB_STORED);
    HS_CHECK_EQ(world.answers[1].token, 5);
    file_bytes = stats_of(&world).file_bytes;
    HS_CHECK_EQ(hs_ledger_blob_put(world.ledger, hs_view_text("a plan"), &again, 6), 0);
    (void)ledger_world_settle(&world);
    HS_CHECK(memcmp(&digest, &again, sizeof digest) == 0);
    HS_CHECK_EQ(world.answers[2].token, 6);
    HS_CHECK_EQ(stats_of(&world).file_bytes, file_bytes);
    HS_CHECK_EQ(stats_of(&world).blob_count, 1);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &digest, NULL, 0), 6);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &digest, text, 5), -EMSGSIZE);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &digest, text, sizeof text), 6);
    HS_CHECK(memcmp(text, "a plan", 6) == 0);
    digest.bytes[0] ^= 1;
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &digest, text, sizeof text), -ENOENT);
    ledger_world_fini(&world);
}

static void a_blob_that_changed_on_the_disk_is_not_handed_out(void)
{
    struct ledger_world     world;
    struct hs_ledger_digest digest;
    uint64_t                end;
    char                    text[16];

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    HS_CHECK_EQ(hs_ledger_blob_put(world.ledger, hs_view_text("12345678"), &digest, 0), 0);
    (void)ledger_world_settle(&world);
    end = stats_of(&world).file_bytes;
    HS_CHECK_EQ(pwrite(world.fd[0], "?", 1, (off_t)end - 1), 1);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &digest, text, sizeof text), -EIO);
    ledger_world_fini(&world);
}

/* ---- compaction ---- */

static void compaction_keeps_state_and_needed_blobs_and_drops_the_rest(void)
{
    struct ledger_world    world;
    struct ledger_state    before;
    struct hs_ledger_stats stats;
    uint64_t               number = 0;

    ledger_world_init(&world);
    world.compact_bytes = 4096;
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    while (stats_of(&world).compaction_count < 5 && number < 1000) {
        HS_CHECK_EQ(ledger_world_propose_holding(&world, number++), 0);
        (void)ledger_world_settle(&world);
        world.now_ns += 10 * HS_NS_PER_S; /* a blob that nobody needs may go after a minute */
    }
    stats = stats_of(&world);
    HS_CHECK_EQ(stats.compaction_count, 5);
    HS_CHECK_EQ(stats.epoch, 6);
    HS_CHECK_EQ(stats.seq, number);
    HS_CHECK(stats.blob_count <= 4 + 6 + 1); /* needed, or too young */
    ledger_world_check(&world);
    before = world.state;
    ledger_world_close(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    HS_CHECK(memcmp(&before, &world.state, sizeof before) == 0);
    HS_CHECK_EQ(stats_of(&world).epoch, 6);
    HS_CHECK_EQ(stats_of(&world).blob_count, stats.blob_count);
    propose_and_settle(&world, number, 1);
    ledger_world_check(&world);
    ledger_world_fini(&world);
}

/* It is needed, so that every compaction wants to copy it. */
static void a_damaged_blob_is_set_aside_and_compactions_go_on(void)
{
    struct ledger_world     world;
    struct hs_ledger_digest digest;
    char                    text[64];
    uint64_t                number = 1;
    uint64_t                compactions;

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    HS_CHECK_EQ(ledger_world_propose_holding(&world, 0), 0);
    (void)ledger_world_settle(&world);
    digest = world.state.held[0];
    HS_CHECK_EQ(pwrite(world.fd[0], "?", 1, 64 + 24 + 2), 1); /* in its text */
    propose_and_settle(&world, number, 100);
    number += 100;
    HS_CHECK_EQ(stats_of(&world).compaction_count, 0);
    hs_ledger_close(&world.ledger);
    hs_loop_close(&world.loop);
    world.compact_bytes = 1024;
    HS_CHECK_EQ(pwrite(world.fd[0], "e", 1, 64 + 24 + 2), 1);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    HS_CHECK_EQ(pwrite(world.fd[0], "?", 1, 64 + 24 + 2), 1);
    for (unsigned i = 0; i < 3; i++) {
        HS_CHECK_EQ(stats_of(&world).compaction_count, 0);
        (void)ledger_world_settle(&world);
        world.now_ns += 31 * HS_NS_PER_S;
    }
    HS_CHECK_EQ(stats_of(&world).compaction_count, 1);
    HS_CHECK_EQ(stats_of(&world).damaged_count, 1);
    ledger_world_close(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0); /* the file is whole again */
    HS_CHECK_EQ(world.state.next, number);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &digest, text, sizeof text), -EIO);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &digest, NULL, 0), -ENOENT);
    compactions = stats_of(&world).compaction_count;
    while (stats_of(&world).compaction_count == compactions && number < 1000)
        propose_and_settle(&world, number++, 1);
    HS_CHECK_EQ(stats_of(&world).compaction_count, compactions + 1);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &digest, text, sizeof text), -EIO);
    ledger_world_blob(0, text);
    HS_CHECK_EQ(hs_ledger_blob_put(world.ledger, hs_view_text(text), &digest, 7), 0);
    (void)ledger_world_settle(&world);
    ledger_world_check(&world);
    ledger_world_close(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    ledger_world_check(&world);
    ledger_world_fini(&world);
}

/* The file would never be large enough for a compaction. */
static void small_blobs_that_nobody_needs_do_not_fill_the_table_for_ever(void)
{
    struct ledger_world    world;
    struct hs_ledger_stats stats;
    uint64_t               number = 0;

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    while (number < 3 * HS_LEDGER_BLOBS_MAX / 2) {
        for (unsigned i = 0; i < 64; i++)
            HS_CHECK_EQ(ledger_world_propose_holding(&world, number++), 0);
        (void)ledger_world_settle(&world);
        world.now_ns += 10 * HS_NS_PER_S;
    }
    stats = stats_of(&world);
    HS_CHECK(stats.compaction_count >= 1 && stats.compaction_count <= 3);
    HS_CHECK(stats.blob_count < HS_LEDGER_BLOBS_MAX / 4 * 3);
    ledger_world_check(&world);
    ledger_world_fini(&world);
}

/* The other file cannot be emptied for a while: this one grows, and with it what a start has to
 * know. */
static void a_file_that_cannot_be_compacted_can_still_be_opened(void)
{
    struct ledger_world     world;
    struct hs_ledger_digest digest;
    unsigned                refused = 0;
    int                     rc;

    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    propose_and_settle(&world, 0, 1);
    HS_CHECK_EQ(ledger_world_propose_holding(&world, 1), 0);
    (void)ledger_world_settle(&world);
    HS_CHECK_EQ(pwrite(world.fd[1], "?", 1, 0), 1);
    HS_CHECK_EQ(fcntl(world.fd[1], F_ADD_SEALS, F_SEAL_SHRINK), 0);
    for (uint64_t i = 0; i < 2 * HS_LEDGER_BLOBS_MAX; i++) {
        if (hs_ledger_blob_put(world.ledger, hs_view_of((const uint8_t *)&i, sizeof i), &digest, 0))
            refused++;
        if (i % 64) continue;
        (void)ledger_world_settle(&world);
        world.now_ns += 10 * HS_NS_PER_S;
    }
    (void)ledger_world_settle(&world);
    HS_CHECK_EQ(stats_of(&world).compaction_count, 0);
    HS_CHECK(refused > 0); /* the table is bounded by what the file holds */
    ledger_world_close(&world);
    close(world.fd[1]);
    world.fd[1] = memfd_create("ledger", MFD_CLOEXEC);
    rc = ledger_world_open(&world, HS_LOOP_AUTO);
    HS_CHECK_EQ(rc, 0);
    for (unsigned i = 0; i < 4 && !rc; i++) { /* now it can: what nobody needs goes */
        (void)ledger_world_settle(&world);
        ledger_world_turn(&world);
        world.now_ns += 60 * HS_NS_PER_S;
    }
    if (!rc) {
        HS_CHECK_EQ(stats_of(&world).compaction_count, 1);
        HS_CHECK_EQ(hs_ledger_blob_put(world.ledger, hs_view_text("new"), &digest, 0), 0);
        (void)ledger_world_settle(&world);
        ledger_world_check(&world);
    }
    ledger_world_fini(&world);
}

/* Who finds a blob there does not put it again, and names it in an entry a moment later. */
static void a_blob_that_was_found_outlives_the_next_compaction(void)
{
    struct ledger_world     world;
    struct hs_ledger_digest digests[2];

    ledger_world_init(&world);
    world.compact_bytes = 4096;
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    HS_CHECK_EQ(hs_ledger_blob_put(world.ledger, hs_view_text("found"), &digests[0], 1), 0);
    HS_CHECK_EQ(hs_ledger_blob_put(world.ledger, hs_view_text("not found"), &digests[1], 2), 0);
    (void)ledger_world_settle(&world);
    world.now_ns += 61 * HS_NS_PER_S;
    (void)ledger_world_settle(&world);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &digests[0], NULL, 0), 5);
    for (uint64_t i = 0; !stats_of(&world).compaction_count && i < 1000; i++)
        propose_and_settle(&world, i, 1);
    HS_CHECK_EQ(stats_of(&world).compaction_count, 1);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &digests[0], NULL, 0), 5);
    HS_CHECK_EQ(hs_ledger_blob_get(world.ledger, &digests[1], NULL, 0), -ENOENT);
    ledger_world_fini(&world);
}

/* Cut off anywhere, the new file does not count, and the old one still does. */
static void half_a_compaction_changes_nothing(void)
{
    static char            copy[2][8192];
    struct ledger_world    world;
    struct hs_ledger_stats stats;
    ssize_t                bytes[2];
    uint64_t               number = 0;

    ledger_world_init(&world);
    world.compact_bytes = 2048;
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
    while (stats_of(&world).file_bytes <= 2048) propose_and_settle(&world, number++, 1);
    bytes[0] = pread(world.fd[0], copy[0], sizeof copy[0], 0);
    hs_ledger_step(world.ledger, world.now_ns);
    (void)ledger_world_settle(&world);
    stats = stats_of(&world);
    HS_CHECK_EQ(stats.compaction_count, 1);
    bytes[1] = pread(world.fd[1], copy[1], sizeof copy[1], 0);
    HS_CHECK_EQ(bytes[1], stats.file_bytes);
    ledger_world_close(&world);
    HS_CHECK_EQ(pwrite(world.fd[0], copy[0], (size_t)bytes[0], 0), bytes[0]);
    for (ssize_t at = 0; at <= bytes[1]; at++) {
        HS_CHECK_EQ(ftruncate(world.fd[1], 0), 0);
        HS_CHECK_EQ(pwrite(world.fd[1], copy[1], (size_t)at, 0), at);
        HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
        HS_CHECK_EQ(world.state.next, number);
        HS_CHECK_EQ(stats_of(&world).epoch, at < bytes[1] ? 1 : 2);
        ledger_world_check(&world);
        ledger_world_close(&world);
    }
    ledger_world_fini(&world);
}

static uint64_t count_of(const struct hs_counters_shm *counters, enum hs_count count)
{
    return hs_counter_load(counters, count);
}

static void what_a_ledger_does_is_counted_once_over_its_lives(void)
{
    static struct hs_counters_shm counters;
    struct ledger_world           world;
    uint64_t                      bytes;

    memset(&counters, 0, sizeof counters);
    ledger_world_init(&world);
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    hs_ledger_count(world.ledger, &counters);
    propose_and_settle(&world, 0, 10);
    hs_ledger_count(world.ledger, &counters);
    bytes = count_of(&counters, HS_COUNT_ledger_bytes);
    HS_CHECK_EQ(count_of(&counters, HS_COUNT_ledger_entries), 10);
    HS_CHECK_EQ(count_of(&counters, HS_COUNT_ledger_replayed), 0);
    /* the file's own header is nobody's decision */
    HS_CHECK_EQ(bytes + 64, stats_of(&world).file_bytes);
    HS_CHECK(count_of(&counters, HS_COUNT_ledger_syncs) >= 1);
    hs_ledger_count(world.ledger, &counters);
    HS_CHECK_EQ(count_of(&counters, HS_COUNT_ledger_bytes), bytes);
    ledger_world_close(&world);
    world.compact_bytes = 1;
    HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_AUTO), 0);
    hs_ledger_count(world.ledger, &counters);
    HS_CHECK_EQ(count_of(&counters, HS_COUNT_ledger_replayed), 10);
    propose_and_settle(&world, 10, 200);
    hs_ledger_count(world.ledger, &counters);
    HS_CHECK_EQ(count_of(&counters, HS_COUNT_ledger_entries), 210);
    HS_CHECK(count_of(&counters, HS_COUNT_ledger_compactions) >= 1);
    ledger_world_fini(&world);
}

CU_TestInfo hs_tests_ledger_io[] = {
    HS_BOTH_ROWS("proposals are applied and answered in their order", check_order),
    HS_BOTH_ROWS("a ledger opened again has the same state", check_replay),
    {"a torn tail is cut and the log goes on", a_torn_tail_is_cut_and_the_log_goes_on},
    {"damage before durable entries refuses to open",
     damage_before_durable_entries_refuses_to_open},
    {"proposals beyond the bound are refused and the rest is answered",
     proposals_beyond_the_bound_are_refused_and_the_rest_is_answered},
    {"entries have a size", entries_have_a_size},
    {"a barrier comes after what was proposed before it",
     a_barrier_comes_after_what_was_proposed_before_it},
    {"a disk that refuses makes outcomes unknown", a_disk_that_refuses_makes_outcomes_unknown},
    {"files of another group are refused", files_of_another_group_are_refused},
    {"a file with entries and a damaged beginning refuses to open",
     a_file_with_entries_and_a_damaged_beginning_refuses_to_open},
    {"a blob is kept once under its digest", a_blob_is_kept_once_under_its_digest},
    {"a blob that changed on the disk is not handed out",
     a_blob_that_changed_on_the_disk_is_not_handed_out},
    {"compaction keeps state and needed blobs and drops the rest",
     compaction_keeps_state_and_needed_blobs_and_drops_the_rest},
    {"a damaged blob is set aside and compactions go on",
     a_damaged_blob_is_set_aside_and_compactions_go_on},
    {"small blobs that nobody needs do not fill the table for ever",
     small_blobs_that_nobody_needs_do_not_fill_the_table_for_ever},
    {"what a ledger does is counted once over its lives",
     what_a_ledger_does_is_counted_once_over_its_lives},
    {"a file that cannot be compacted can still be opened",
     a_file_that_cannot_be_compacted_can_still_be_opened},
    {"a blob that was found outlives the next compaction",
     a_blob_that_was_found_outlives_the_next_compaction},
    {"half a compaction changes nothing", half_a_compaction_changes_nothing},
    CU_TEST_INFO_NULL,
};
