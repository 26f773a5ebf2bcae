// SPDX-License-Identifier: Apache-2.0
/* test_ledger_kill_io.c - processes that propose without pause, killed at random, each the
 * successor of the one before over the same files: what was answered is never lost, nothing is
 * applied twice, also when the kill falls into a compaction. */
#include "shm/base/rand.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/ledger_world.h"
#include "tests/unit/suites.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    KILLS = 200,
    START_OVER_EVERY = 20,
    PER_TURN_MAX = 20,
    KILL_WITHIN_NS = 1500000,
    SILENCE_MS = 30000
};

struct witness {
    uint64_t answered; /* entries that some life was told are applied */
    uint64_t lives_that_answered;
    uint64_t seed;
};

/* Proposes for ever: every tenth entry holds a blob; minutes pass, so that dead blobs are
 * dropped. */
static void live(struct ledger_world *world, enum hs_loop_backend backend, uint64_t seed)
{
    struct hs_rand rand;
    uint64_t       number;

    hs_rand_init(&rand, seed);
    if (ledger_world_open(world, backend)) _exit(1);
    number = world->state.next;
    for (;;) {
        uint64_t end = number + 1 + hs_rand_below(&rand, PER_TURN_MAX);

        for (; number < end; number++) {
            int rc = number % 10 ? ledger_world_propose(world, number)
                                 : ledger_world_propose_holding(world, number);

            if (rc) break;
        }
        ledger_world_turn(world);
        world->now_ns += HS_NS_PER_S;
    }
}

static void sleep_ns(uint64_t ns)
{
    struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)ns};

    (void)nanosleep(&pause, NULL);
}

/* Entries are proposed in order and answered in order: the last answer says it all. */
static void read_answers(int fd, struct witness *witness)
{
    uint64_t tokens[512];
    uint64_t before = witness->answered;
    ssize_t  got;

    while ((got = read(fd, tokens, sizeof tokens)) > 0)
        witness->answered = tokens[(size_t)got / sizeof *tokens - 1] + 1;
    witness->lives_that_answered += witness->answered > before;
}

/* A life that says nothing for so long is stuck: where? */
static void wait_for_word(int fd, pid_t child)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    char          path[64], text[2048];
    ssize_t       got;
    int           in;

    if (poll(&wanted, 1, SILENCE_MS) > 0) return;
    HS_CHECK(false && "a writer that answers");
    (void)snprintf(path, sizeof path, "/proc/%d/stack", (int)child);
    in = open(path, O_RDONLY | O_CLOEXEC);
    if (in < 0) return;
    got = read(in, text, sizeof text - 1);
    text[got > 0 ? got : 0] = 0;
    (void)fprintf(stderr, "the writer is at\n%s", text);
    close(in);
}

/* One life and its end. The first answers are waited for now and then, so that all phases are
 * met. */
static void kill_one(struct ledger_world *world, enum hs_loop_backend backend,
                     struct witness *witness, struct hs_rand *rand)
{
    int   ends[2] = {-1, -1};
    int   status;
    pid_t child;

    HS_CHECK_EQ(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        world->report_fd = ends[1];
        live(world, backend, hs_rand_next(rand));
    }
    close(ends[1]);
    if (hs_rand_below(rand, 4)) {
        uint64_t first;

        wait_for_word(ends[0], child);
        (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
        if (read(ends[0], &first, sizeof first) == sizeof first) witness->answered = first + 1;
    }
    sleep_ns(hs_rand_below(rand, KILL_WITHIN_NS));
    HS_CHECK_EQ(kill(child, SIGKILL), 0);
    HS_CHECK_EQ(waitpid(child, &status, 0), child);
    HS_CHECK(WIFSIGNALED(status)); /* else it gave up by itself */
    read_answers(ends[0], witness);
    close(ends[0]);
}

/* Now and then from scratch, so that replaying stays short. */
static void start_over(struct ledger_world *world, struct witness *witness)
{
    HS_CHECK_EQ(ftruncate(world->fd[0], 0), 0);
    HS_CHECK_EQ(ftruncate(world->fd[1], 0), 0);
    witness->answered = 0;
}

static void kill_again_and_again(enum hs_loop_backend backend, uint64_t compact_bytes)
{
    struct ledger_world    world;
    struct witness         witness = {0};
    struct hs_rand         rand;
    struct hs_ledger_stats stats = {0};
    uint64_t               compactions = 0;

    hs_rand_init(&rand, 20240607);
    ledger_world_init(&world);
    world.compact_bytes = compact_bytes;
    for (unsigned i = 0; i < KILLS; i++) {
        if (i % START_OVER_EVERY == 0) start_over(&world, &witness);
        kill_one(&world, backend, &witness, &rand);
        HS_CHECK_EQ(ledger_world_open(&world, HS_LOOP_EPOLL), 0);
        if (!world.ledger) break;
        HS_CHECK(world.state.next >= witness.answered);
        ledger_world_check(&world);
        hs_ledger_stats(world.ledger, &stats);
        HS_CHECK_EQ(stats.seq, world.state.next);
        if (i % START_OVER_EVERY == START_OVER_EVERY - 1) compactions += stats.epoch - 1;
        ledger_world_close(&world);
    }
    HS_CHECK(witness.lives_that_answered > KILLS / 2);
    if (compact_bytes < UINT64_MAX) HS_CHECK(compactions > KILLS / 2);
    ledger_world_fini(&world);
}

static void killed_writers_lose_nothing_that_was_answered(void)
{
    kill_again_and_again(HS_LOOP_AUTO, UINT64_MAX);
}

static void killed_compactions_lose_nothing(void)
{
    kill_again_and_again(HS_LOOP_AUTO, 8192);
}

static void killed_compactions_lose_nothing_without_io_uring(void)
{
    kill_again_and_again(HS_LOOP_EPOLL, 8192);
}

CU_TestInfo hs_tests_ledger_kill_io[] = {
    {"killed writers lose nothing that was answered",
     killed_writers_lose_nothing_that_was_answered},
    {"killed compactions lose nothing", killed_compactions_lose_nothing},
    {"killed compactions lose nothing without io_uring",
     killed_compactions_lose_nothing_without_io_uring},
    CU_TEST_INFO_NULL,
};
