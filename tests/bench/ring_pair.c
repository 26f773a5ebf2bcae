// SPDX-License-Identifier: Apache-2.0
// libs: -lck
/* ring_pair.c - 64-byte messages between two processes: our ring against Concurrency Kit's ck_ring
 * (SPSC), round about on the same two cores, medians. The last line is for machines. Both sides
 * spin, as ck_ring knows no other way.
 *
 * usage: ring_pair [ROUNDS [MILLION_MESSAGES]] */
#include "shm/base/assert.h"
#include "shm/ring.h"

#include <ck_ring.h>
#include <sched.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 1024, MESSAGE_BYTES = 64, ROUNDS_MAX = 101, MAP_BYTES = 1 << 20 };

struct message {
    alignas(64) uint64_t words[MESSAGE_BYTES / 8];
};

struct ck_room {
    ck_ring_t      ring;
    struct message slots[SLOTS];
};

struct bench {
    void     *map;
    uint64_t  count;
    cpu_set_t allowed;
};

CK_RING_PROTOTYPE(message, message)

typedef void run_fn(void *map, uint64_t count);

static const struct hs_ring_shape shape = {.message_bytes = MESSAGE_BYTES, .slot_count = SLOTS};

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* To the given one of the cores that the program may use; allowed is what it had at its start. */
static void pin(const cpu_set_t *allowed, size_t core)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    for (size_t i = 0, seen = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, allowed) && seen++ == core) CPU_SET(i, &one);
    HS_ASSERT(CPU_COUNT(&one) == 1);
    HS_ASSERT(sched_setaffinity(0, sizeof one, &one) == 0);
}

static void fill(struct message *message, uint64_t value)
{
    for (size_t i = 0; i < HS_ARRAY_LEN(message->words); i++) message->words[i] = value;
}

static void check(const struct message *message, uint64_t value)
{
    HS_ASSERT(message->words[0] == value);
    HS_ASSERT(message->words[HS_ARRAY_LEN(message->words) - 1] == value);
}

static void hs_produce(void *map, uint64_t count)
{
    struct hs_ring ring;
    struct message message;

    HS_ASSERT(hs_ring_attach(&ring, map, &shape, 1) == 0);
    for (uint64_t i = 0; i < count; i++) {
        fill(&message, i);
        while (hs_ring_push(&ring, &message) < 0) ck_pr_stall();
    }
}

static void hs_consume(void *map, uint64_t count)
{
    struct hs_ring ring;
    struct message message;

    HS_ASSERT(hs_ring_attach(&ring, map, &shape, 0) == 0);
    for (uint64_t i = 0; i < count; i++) {
        while (hs_ring_pop(&ring, &message, NULL) != 1) ck_pr_stall();
        check(&message, i);
    }
}

static void ck_produce(void *map, uint64_t count)
{
    struct ck_room *room = map;
    struct message  message;

    for (uint64_t i = 0; i < count; i++) {
        fill(&message, i);
        while (!CK_RING_ENQUEUE_SPSC(message, &room->ring, room->slots, &message)) ck_pr_stall();
    }
}

static void ck_consume(void *map, uint64_t count)
{
    struct ck_room *room = map;
    struct message  message;

    for (uint64_t i = 0; i < count; i++) {
        while (!CK_RING_DEQUEUE_SPSC(message, &room->ring, room->slots, &message)) ck_pr_stall();
        check(&message, i);
    }
}

/* Nanoseconds that count messages take from the first push to the last pop. */
static uint64_t run(struct bench *bench, run_fn *produce, run_fn *consume)
{
    uint64_t start_ns;
    int      status = 0;
    pid_t    child = fork();

    HS_ASSERT(child >= 0);
    if (child == 0) {
        pin(&bench->allowed, 1);
        produce(bench->map, bench->count);
        _exit(0);
    }
    pin(&bench->allowed, 0);
    start_ns = now_ns();
    consume(bench->map, bench->count);
    start_ns = now_ns() - start_ns;
    HS_ASSERT(waitpid(child, &status, 0) == child);
    HS_ASSERT(WIFEXITED(status));
    HS_ASSERT(WEXITSTATUS(status) == 0);
    return start_ns;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

static double hs_round(struct bench *bench)
{
    memset(bench->map, 0, MAP_BYTES);
    HS_ASSERT(hs_ring_bytes(&shape) <= MAP_BYTES);
    hs_ring_init(bench->map, &shape);
    return (double)run(bench, hs_produce, hs_consume) / (double)bench->count;
}

static double ck_round(struct bench *bench)
{
    struct ck_room *room = bench->map;

    memset(bench->map, 0, MAP_BYTES);
    HS_ASSERT(sizeof *room <= MAP_BYTES);
    ck_ring_init(&room->ring, SLOTS);
    return (double)run(bench, ck_produce, ck_consume) / (double)bench->count;
}

int main(int argc, char **argv)
{
    static double ours[ROUNDS_MAX];
    static double theirs[ROUNDS_MAX];
    static double ratios[ROUNDS_MAX];
    size_t        rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 21;
    struct bench  bench = {
         .map = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
         .count = (argc > 2 ? strtoul(argv[2], NULL, 10) : 1) * 1000000};

    HS_ASSERT(bench.map != MAP_FAILED);
    HS_ASSERT(sched_getaffinity(0, sizeof bench.allowed, &bench.allowed) == 0);
    if (rounds < 1 || rounds > ROUNDS_MAX || bench.count < 1) return 64;
    if (CPU_COUNT(&bench.allowed) < 2) {
        (void)fprintf(stderr, "ring_pair: needs two cores\n");
        return 77;
    }
    (void)hs_round(&bench); /* warm */
    (void)ck_round(&bench);
    for (size_t i = 0; i < rounds; i++) {
        ours[i] = hs_round(&bench);
        theirs[i] = ck_round(&bench);
        ratios[i] = theirs[i] / ours[i];
    }
    (void)printf("ring: %zu rounds of %llu messages of %d bytes between two processes\n", rounds,
                 (unsigned long long)bench.count, MESSAGE_BYTES);
    (void)printf("ring ns_per_message %.2f\nck_ring ns_per_message %.2f\n", median(ours, rounds),
                 median(theirs, rounds));
    (void)printf("ring ratio_vs_ck_ring %.2f\n", median(ratios, rounds));
    return 0;
}
