// SPDX-License-Identifier: Apache-2.0
/* sim_ring.c - a heap of events, clocks, and a network that loses things. */
#include "tests/sim/sim_ring.h"

#include "shm/base/assert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum event_kind { WAKE, DATAGRAM, STREAM_PING, STREAM_PONG, SYNC, RESUME };

struct event {
    uint64_t        at_ns;
    uint64_t        order;
    enum event_kind kind;
    uint32_t        to;
    uint32_t        from;
    uint32_t        wake; /* number of the wake-up it stands for */
    uint16_t        count;
    uint8_t        *bytes; /* owned */
};

struct sim_ring_heap {
    struct event *at;
    size_t        count;
    size_t        capacity;
    uint64_t      order;
};

struct sim_member {
    void        *self;
    bool         is_up;
    uint64_t     paused_until_ns; /* 0: it runs */
    uint64_t     offset_ns;
    int32_t      drift_ppm;
    uint32_t     wake;
    uint64_t     wake_at_ns; /* the world's time of the pending one; HS_NEVER_NS: none */
    struct event inbox[SIM_RING_INBOX];
    unsigned     inbox_count;
    uint64_t    *dead_at_ns; /* by subject: when it first held it for dead; 0: not */
};

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void push(struct sim_ring *ring, struct event event)
{
    struct sim_ring_heap *heap = ring->heap;
    size_t                i;

    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity ? heap->capacity * 2 : 1024;
        heap->at = realloc(heap->at, heap->capacity * sizeof *heap->at);
        HS_ASSERT(heap->at != NULL);
    }
    event.order = heap->order++;
    for (i = heap->count++; i > 0 && is_before(&event, &heap->at[(i - 1) / 2]); i = (i - 1) / 2)
        heap->at[i] = heap->at[(i - 1) / 2];
    heap->at[i] = event;
}

static struct event pop(struct sim_ring *ring)
{
    struct sim_ring_heap *heap = ring->heap;
    struct event          first = heap->at[0];
    struct event          last = heap->at[--heap->count];
    size_t                i = 0;

    for (size_t child = 1; child < heap->count; child = 2 * i + 1) {
        if (child + 1 < heap->count && is_before(&heap->at[child + 1], &heap->at[child])) child++;
        if (!is_before(&heap->at[child], &last)) break;
        heap->at[i] = heap->at[child];
        i = child;
    }
    heap->at[i] = last;
    return first;
}

static double chance(struct sim_ring *ring)
{
    return (double)(hs_rand_next(&ring->rand) >> 11) * 0x1p-53;
}

/* ---- clocks */

static uint64_t local_ns(const struct sim_ring *ring, const struct sim_member *member)
{
    int64_t off = (int64_t)(ring->now_ns / 1000000) * member->drift_ppm;

    return ring->now_ns + member->offset_ns + (uint64_t)off;
}

/* A little late rather than early. */
static uint64_t world_ns(const struct sim_ring *ring, const struct sim_member *member,
                         uint64_t deadline_ns)
{
    uint64_t now_ns = local_ns(ring, member);
    uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    int64_t  off = (int64_t)(wait_ns / 1000000) * member->drift_ppm;

    return ring->now_ns + wait_ns - (uint64_t)off + (wait_ns ? 2000 : 0);
}

static void schedule(struct sim_ring *ring, uint32_t idx)
{
    struct sim_member *member = &ring->members[idx];
    uint64_t           deadline_ns = ring->config.rule->deadline_ns(member->self);
    uint64_t           at_ns;

    if (deadline_ns == HS_NEVER_NS) return;
    at_ns = world_ns(ring, member, deadline_ns);
    if (at_ns >= member->wake_at_ns) return; /* a sooner one is under way and looks again */
    member->wake_at_ns = at_ns;
    push(ring, (struct event){.at_ns = at_ns, .kind = WAKE, .to = idx, .wake = ++member->wake});
}

/* ---- members */

static void run_timer(struct sim_ring *ring, uint32_t idx)
{
    struct sim_member *member = &ring->members[idx];

    member->wake_at_ns = HS_NEVER_NS;
    ring->config.rule->on_timer(member->self, local_ns(ring, member));
    schedule(ring, idx);
}

static void deliver(struct sim_ring *ring, const struct event *event)
{
    struct sim_member *member = &ring->members[event->to];
    uint64_t           now_ns = local_ns(ring, member);

    if (event->kind == DATAGRAM)
        ring->config.rule->on_datagram(member->self, now_ns, event->from, event->bytes,
                                       event->count);
    else
        ring->config.rule->on_stream_ack(member->self, now_ns, event->from);
    schedule(ring, event->to);
}

static bool is_paused(const struct sim_ring *ring, uint32_t idx)
{
    return ring->members[idx].paused_until_ns > ring->now_ns;
}

static bool is_reachable(const struct sim_ring *ring, uint32_t from, uint32_t to)
{
    return ring->members[to].is_up && !ring->cut[(size_t)from * ring->config.count + to];
}

/* What waited in the socket, and the timers: which first is chance. */
static void resume(struct sim_ring *ring, uint32_t idx)
{
    struct sim_member *member = &ring->members[idx];
    bool               is_timer_first = hs_rand_below(&ring->rand, 2) == 0;

    if (is_timer_first) run_timer(ring, idx);
    for (unsigned i = 0; i < member->inbox_count; i++) {
        deliver(ring, &member->inbox[i]);
        free(member->inbox[i].bytes);
    }
    member->inbox_count = 0;
    if (!is_timer_first) run_timer(ring, idx);
}

static void exchange(struct sim_ring *ring, const struct event *event)
{
    struct sim_member *a = &ring->members[event->from];
    struct sim_member *b = &ring->members[event->to];

    if (!a->is_up || is_paused(ring, event->from) || is_paused(ring, event->to)) return;
    if (!is_reachable(ring, event->from, event->to) || !is_reachable(ring, event->to, event->from))
        return;
    if (!ring->config.rule->sync) return;
    ring->config.rule->sync(a->self, local_ns(ring, a), b->self, local_ns(ring, b));
    schedule(ring, event->from);
    schedule(ring, event->to);
}

/* true: the bytes are someone else's now. */
static bool keep_for_later(struct sim_ring *ring, const struct event *event)
{
    struct sim_member *member = &ring->members[event->to];

    if (!is_paused(ring, event->to) || member->inbox_count == SIM_RING_INBOX) return false;
    member->inbox[member->inbox_count++] = *event;
    return true;
}

static void pong(struct sim_ring *ring, uint32_t from, uint32_t to);

static void happen(struct sim_ring *ring, struct event *event)
{
    struct sim_member *member = &ring->members[event->to];

    if (!member->is_up) return;
    switch (event->kind) {
    case WAKE:
        if (event->wake == member->wake && !is_paused(ring, event->to)) run_timer(ring, event->to);
        break;
    case DATAGRAM:
    case STREAM_PONG:
        if (!is_paused(ring, event->to)) {
            deliver(ring, event);
        } else if (keep_for_later(ring, event)) {
            event->bytes = NULL;
        }
        break;
    case STREAM_PING:
        if (!is_paused(ring, event->to)) pong(ring, event->to, event->from);
        break;
    case SYNC: exchange(ring, event); break;
    case RESUME:
        if (!is_paused(ring, event->to)) resume(ring, event->to);
        break;
    }
}

void sim_ring_run(struct sim_ring *ring, uint64_t until_ns)
{
    while (ring->heap->count && ring->heap->at[0].at_ns <= until_ns) {
        struct event event = pop(ring);

        ring->now_ns = event.at_ns;
        happen(ring, &event);
        free(event.bytes);
    }
    ring->now_ns = until_ns;
}

struct sim_ring *sim_ring_open(const struct sim_ring_config *config)
{
    struct sim_ring *ring = calloc(1, sizeof *ring);

    HS_ASSERT(ring != NULL);
    ring->config = *config;
    ring->now_ns = 1000 * HS_NS_PER_S;
    hs_rand_init(&ring->rand, config->seed * 7919 + 17);
    ring->heap = calloc(1, sizeof *ring->heap);
    ring->members = calloc(config->count, sizeof *ring->members);
    ring->cut = calloc((size_t)config->count * config->count, sizeof *ring->cut);
    for (uint32_t i = 0; i < config->count; i++) {
        struct sim_member *member = &ring->members[i];

        member->is_up = true;
        member->wake_at_ns = HS_NEVER_NS;
        member->offset_ns = hs_rand_below(&ring->rand, 1000000) * HS_NS_PER_S;
        member->dead_at_ns = calloc(config->count, sizeof *member->dead_at_ns);
        if (config->drift_ppm)
            member->drift_ppm =
                (int32_t)hs_rand_below(&ring->rand, 2 * (uint64_t)config->drift_ppm) -
                config->drift_ppm;
        member->self = config->rule->create(ring, i, local_ns(ring, member));
        schedule(ring, i);
    }
    return ring;
}

void *sim_ring_self(const struct sim_ring *ring, uint32_t member)
{
    return ring->members[member].self;
}

void sim_ring_close(struct sim_ring *ring)
{
    while (ring->heap->count) free(pop(ring).bytes);
    for (uint32_t i = 0; i < ring->config.count; i++) {
        struct sim_member *member = &ring->members[i];

        for (unsigned k = 0; k < member->inbox_count; k++) free(member->inbox[k].bytes);
        ring->config.rule->destroy(member->self);
        free(member->dead_at_ns);
    }
    free(ring->heap->at);
    free(ring->heap);
    free(ring->members);
    free(ring->cut);
    free(ring);
}

/* ---- network */

static uint64_t delay_ns(struct sim_ring *ring)
{
    double   spread = -log(1 - chance(ring)) * (double)ring->config.delay_spread_ns;
    uint64_t delay = ring->config.delay_min_ns + (uint64_t)spread;

    if (ring->config.slow > 0 && chance(ring) < ring->config.slow)
        delay += hs_rand_below(&ring->rand, ring->config.slow_ns);
    return delay;
}

static void post(struct sim_ring *ring, struct event event, const void *bytes, size_t count)
{
    if (!is_reachable(ring, event.from, event.to)) return;
    if (ring->config.loss > 0 && chance(ring) < ring->config.loss) return;
    if (bytes) {
        event.bytes = malloc(count);
        HS_ASSERT(event.bytes != NULL);
        memcpy(event.bytes, bytes, count);
        event.count = (uint16_t)count;
    }
    event.at_ns = ring->now_ns + delay_ns(ring);
    push(ring, event);
}

void sim_ring_send(struct sim_ring *ring, uint32_t from, uint32_t to, const void *bytes,
                   size_t count)
{
    struct event event = {.kind = DATAGRAM, .from = from, .to = to};

    HS_ASSERT(count > 0 && count <= SIM_RING_DATAGRAM_BYTES);
    ring->figures.datagrams++;
    ring->figures.bytes += count;
    post(ring, event, bytes, count);
    if (ring->config.duplicates > 0 && chance(ring) < ring->config.duplicates)
        post(ring, event, bytes, count);
}

static void pong(struct sim_ring *ring, uint32_t from, uint32_t to)
{
    push(ring,
         (struct event){
             .at_ns = ring->now_ns + delay_ns(ring), .kind = STREAM_PONG, .from = from, .to = to});
}

/* A stream ping within half a second: the handshake is not repeated in time, the question is, once
 * (200 ms); so it comes through with chance (1 - p)^2 (1 - (1 - (1 - p)^2)^2). */
static bool is_stream_lost(struct sim_ring *ring)
{
    double both = (1 - ring->config.loss) * (1 - ring->config.loss);

    return chance(ring) >= both * (1 - (1 - both) * (1 - both));
}

void sim_ring_ping_stream(struct sim_ring *ring, uint32_t from, uint32_t to)
{
    struct event event = {.kind = STREAM_PING, .from = from, .to = to};

    if (!is_reachable(ring, from, to) || !is_reachable(ring, to, from) || is_stream_lost(ring))
        return;
    event.at_ns = ring->now_ns + 3 * delay_ns(ring);
    push(ring, event);
}

void sim_ring_sync(struct sim_ring *ring, uint32_t from, uint32_t to)
{
    push(ring,
         (struct event){
             .at_ns = ring->now_ns + 4 * delay_ns(ring), .kind = SYNC, .from = from, .to = to});
}

/* ---- faults */

void sim_ring_crash(struct sim_ring *ring, uint32_t member)
{
    ring->members[member].is_up = false;
}

void sim_ring_pause(struct sim_ring *ring, uint32_t member, uint64_t for_ns)
{
    ring->members[member].paused_until_ns = ring->now_ns + for_ns;
    push(ring, (struct event){.at_ns = ring->now_ns + for_ns, .kind = RESUME, .to = member});
}

void sim_ring_step_clock(struct sim_ring *ring, uint32_t member, uint64_t by_ns)
{
    ring->members[member].offset_ns += by_ns;
}

void sim_ring_cut(struct sim_ring *ring, uint32_t from, uint32_t to, bool is_cut)
{
    ring->cut[(size_t)from * ring->config.count + to] = is_cut;
}

void sim_ring_partition(struct sim_ring *ring, uint32_t first)
{
    for (uint32_t from = 0; from < ring->config.count; from++)
        for (uint32_t to = 0; to < ring->config.count; to++)
            sim_ring_cut(ring, from, to, (from < first) != (to < first));
}

bool sim_ring_is_up(const struct sim_ring *ring, uint32_t member)
{
    return ring->members[member].is_up;
}

/* ---- what is seen */

void sim_ring_note_accusation(struct sim_ring *ring, uint32_t by, uint32_t of)
{
    (void)by;
    ring->figures.accusations++;
    if (ring->members[of].is_up && !is_paused(ring, of)) ring->figures.false_accusations++;
}

void sim_ring_note_death(struct sim_ring *ring, uint32_t by, uint32_t of, bool is_own)
{
    uint64_t *dead_at_ns = &ring->members[by].dead_at_ns[of];

    if (!*dead_at_ns) *dead_at_ns = ring->now_ns;
    if (!ring->members[of].is_up) return;
    if (is_paused(ring, of)) {
        ring->figures.deaths_of_paused += is_own;
        return;
    }
    ring->figures.false_deaths += is_own;
    ring->figures.false_death_views++;
}

void sim_ring_detection(const struct sim_ring *ring, uint32_t crashed, uint64_t crashed_at_ns,
                        uint64_t *first_ns, uint64_t *last_ns)
{
    *first_ns = HS_NEVER_NS;
    *last_ns = 0;
    for (uint32_t i = 0; i < ring->config.count; i++) {
        uint64_t at_ns = ring->members[i].dead_at_ns[crashed];

        if (!ring->members[i].is_up) continue;
        if (!at_ns) {
            *last_ns = HS_NEVER_NS;
            continue;
        }
        at_ns = hs_max_u64(at_ns, crashed_at_ns);
        *first_ns = hs_min_u64(*first_ns, at_ns - crashed_at_ns);
        if (*last_ns != HS_NEVER_NS) *last_ns = hs_max_u64(*last_ns, at_ns - crashed_at_ns);
    }
}

bool sim_ring_is_converged(const struct sim_ring *ring)
{
    for (uint32_t i = 0; i < ring->config.count; i++) {
        if (!ring->members[i].is_up) continue;
        for (uint32_t k = 0; k < ring->config.count; k++)
            if (ring->config.rule->is_known_alive(ring->members[i].self, k) !=
                ring->members[k].is_up)
                return false;
    }
    return true;
}
