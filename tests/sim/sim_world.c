// SPDX-License-Identifier: Apache-2.0
/* sim_world.c - the clock, the queue of events, and the nodes that are driven by them. */
#include "tests/sim/sim_world.h"

#include "shm/base/bytes.h"

/* ---- memory: the simulator may allocate; without memory a test cannot go on */

static void *must(void *memory)
{
    HS_ASSERT(memory);
    return memory;
}

void *sim_grow(void *array, unsigned count, void *item)
{
    void **grown = array;

    if ((count & (count - 1)) == 0) /* a power of two or nothing: full */
        grown = must(realloc(array, (count ? (size_t)count * 2 : 1) * sizeof *grown));
    grown[count] = item;
    return grown;
}

void sim_list_add(struct sim_events *list, const struct sim_event *event)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->at = must(realloc(list->at, list->capacity * sizeof *list->at));
    }
    list->at[list->count++] = *event;
}

void sim_list_free(struct sim_events *list)
{
    for (size_t i = 0; i < list->count; i++) free(list->at[i].bytes);
    free(list->at);
    memset(list, 0, sizeof *list);
}

/* ---- the heap: earliest first, then first come */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->sequence < b->sequence;
}

static void swap(struct sim_event *a, struct sim_event *b)
{
    struct sim_event kept = *a;

    *a = *b;
    *b = kept;
}

static void heap_put(struct sim_events *heap, const struct sim_event *event)
{
    size_t i = heap->count;

    sim_list_add(heap, event);
    while (i && is_before(&heap->at[i], &heap->at[(i - 1) / 2])) {
        swap(&heap->at[i], &heap->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static struct sim_event heap_take(struct sim_events *heap)
{
    struct sim_event first = heap->at[0];
    size_t           i = 0;

    heap->at[0] = heap->at[--heap->count];
    for (;;) {
        size_t least = i;

        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < heap->count; child++)
            if (is_before(&heap->at[child], &heap->at[least])) least = child;
        if (least == i) return first;
        swap(&heap->at[i], &heap->at[least]);
        i = least;
    }
}

void sim_push(struct hs_sim_world *world, const struct sim_event *event)
{
    struct sim_event queued = *event;

    HS_ASSERT(queued.at_ns >= world->now_ns);
    queued.sequence = world->sequence++;
    heap_put(&world->heap, &queued);
}

/* Each keeps its place: what came first is still before what came later. */
void sim_list_release(struct hs_sim_world *world, struct sim_events *list)
{
    for (size_t i = 0; i < list->count; i++) heap_put(&world->heap, &list->at[i]);
    list->count = 0;
}

/* ---- descriptors */

int sim_fd_add(struct hs_sim_world *world, enum sim_fd_kind kind, unsigned idx)
{
    world->fds = must(realloc(world->fds, (world->fd_count + 1u) * sizeof *world->fds));
    world->fds[world->fd_count] = (struct sim_fd){.kind = kind, .idx = idx};
    return SIM_FD_FIRST + (int)world->fd_count++;
}

int sim_fd_find(const struct hs_sim_world *world, int fd, enum sim_fd_kind kind)
{
    unsigned at = (unsigned)(fd - SIM_FD_FIRST);

    if (fd < SIM_FD_FIRST || at >= world->fd_count || world->fds[at].kind != kind) return -EBADF;
    return (int)world->fds[at].idx;
}

/* ---- the world */

struct hs_sim_world *hs_sim_world_create(uint64_t seed)
{
    struct hs_sim_world *world = must(calloc(1, sizeof *world));

    world->now_ns = 3600 * HS_NS_PER_S;
    world->network = (struct hs_sim_network){
        .delay_min_ns = 20 * HS_NS_PER_US, .delay_max_ns = HS_NS_PER_MS, .chunk_bytes_max = 4096};
    hs_rand_init(&world->rand, seed);
    return world;
}

void hs_sim_world_destroy(struct hs_sim_world **world)
{
    struct hs_sim_world *gone = *world;

    *world = NULL;
    if (!gone) return;
    while (gone->loops) {
        struct hs_loop *next = gone->loops->next;

        free(gone->loops);
        gone->loops = next;
    }
    sim_list_free(&gone->heap);
    sim_list_free(&gone->held);
    sim_net_free(gone);
    sim_disk_free(gone);
    free(gone->fds);
    free(gone);
}

void hs_sim_set_network(struct hs_sim_world *world, const struct hs_sim_network *network)
{
    HS_ASSERT(network->delay_min_ns <= network->delay_max_ns);
    HS_ASSERT(network->chunk_bytes_max > 0);
    world->network = *network;
}

uint64_t hs_sim_now_ns(const struct hs_sim_world *world)
{
    return world->now_ns;
}

uint64_t hs_sim_trace_hash(const struct hs_sim_world *world)
{
    return world->trace_hash;
}

void hs_sim_trace(struct hs_sim_world *world, uint64_t value)
{
    struct hs_rand mix = {.state = world->trace_hash ^ value};

    world->trace_hash = hs_rand_next(&mix);
}

struct hs_rand *hs_sim_rand(struct hs_sim_world *world)
{
    return &world->rand;
}

void hs_sim_set_check(struct hs_sim_world *world, void (*check)(void *context), void *context)
{
    world->check = check;
    world->check_context = context;
}

bool sim_is_alive(const struct hs_loop *loop)
{
    return loop && loop->world->nodes[loop->node].loop == loop;
}

/* ---- nodes */

unsigned hs_sim_node_add(struct hs_sim_world *world)
{
    struct sim_node *node = &world->nodes[world->node_count];

    HS_ASSERT(world->node_count < SIM_NODES_MAX);
    node->life = 1;
    node->turn_at_ns = HS_NEVER_NS;
    node->offset_ns = hs_rand_below(&world->rand, 3600 * HS_NS_PER_S);
    return world->node_count++;
}

void hs_sim_serve(struct hs_sim_world *world, unsigned                 node_idx,
                  uint64_t (*turn)(void *self, uint64_t now_ns), void *self)
{
    struct sim_node *node = &world->nodes[node_idx];

    node->turn = turn;
    node->self = self;
    node->turn_at_ns = turn ? world->now_ns : HS_NEVER_NS;
}

void hs_sim_pause(struct hs_sim_world *world, unsigned node_idx, bool is_paused)
{
    world->nodes[node_idx].is_paused = is_paused;
    if (!is_paused) sim_list_release(world, &world->held);
}

void hs_sim_partition(struct hs_sim_world *world, unsigned node_a, unsigned node_b, bool is_cut)
{
    world->is_cut[node_a][node_b] = is_cut;
    world->is_cut[node_b][node_a] = is_cut;
    if (!is_cut) sim_list_release(world, &world->held);
}

static void halve_writes(struct hs_sim_world *world, const struct sim_events *list,
                         unsigned node_idx)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct sim_event *event = &list->at[i];

        if (event->kind == SIM_FILE && event->to_node == node_idx &&
            event->to_life == world->nodes[node_idx].life)
            sim_disk_write_half(world, event);
    }
}

static void end_life(struct hs_sim_world *world, unsigned node_idx, bool is_told)
{
    struct sim_node *node = &world->nodes[node_idx];

    halve_writes(world, &world->heap, node_idx);
    halve_writes(world, &world->held, node_idx);
    sim_net_drop_node(world, node_idx, is_told);
    node->loop = NULL;
    node->turn = NULL;
    node->turn_at_ns = HS_NEVER_NS;
    node->is_paused = false;
    node->life++;
    hs_sim_trace(world, node_idx);
}

void hs_sim_kill(struct hs_sim_world *world, unsigned node_idx)
{
    end_life(world, node_idx, true);
}

void hs_sim_crash(struct hs_sim_world *world, unsigned node_idx)
{
    world->nodes[node_idx].is_up = false;
    end_life(world, node_idx, false);
    sim_disk_crash(world, node_idx);
}

/* ---- running */

static bool is_held(const struct hs_sim_world *world, const struct sim_event *event)
{
    if (event->from_node != SIM_NO_NODE && world->is_cut[event->from_node][event->to_node])
        return true;
    return world->nodes[event->to_node].is_paused && event->kind != SIM_SYN;
}

static void take_turn(struct hs_sim_world *world, unsigned node_idx)
{
    struct sim_node *node = &world->nodes[node_idx];
    uint64_t         now_ns = world->now_ns + node->offset_ns;
    uint64_t         deadline_ns;

    if (!node->turn || node->is_paused) return;
    if (node->loop) node->loop->now_ns = now_ns;
    hs_sim_trace(world, world->now_ns ^ node_idx);
    deadline_ns = node->turn(node->self, now_ns);
    if (!node->turn) return; /* killed within its turn */
    node->turn_at_ns = HS_NEVER_NS;
    if (deadline_ns == HS_NEVER_NS) return;
    /* Time passes even for a node that wants to be called at once. */
    node->turn_at_ns = world->now_ns + HS_NS_PER_US;
    if (deadline_ns > now_ns + HS_NS_PER_US) node->turn_at_ns = deadline_ns - node->offset_ns;
}

static unsigned next_turn(const struct hs_sim_world *world)
{
    unsigned next = SIM_NO_NODE;

    for (unsigned i = 0; i < world->node_count; i++) {
        const struct sim_node *node = &world->nodes[i];

        if (node->is_paused || node->turn_at_ns == HS_NEVER_NS) continue;
        if (next == SIM_NO_NODE || node->turn_at_ns < world->nodes[next].turn_at_ns) next = i;
    }
    return next;
}

static void trace_event(struct hs_sim_world *world, const struct sim_event *event)
{
    hs_sim_trace(world, world->now_ns);
    hs_sim_trace(world, (uint64_t)event->kind << 48 | (uint64_t)event->to_node << 32 |
                            (uint32_t)event->result);
    hs_sim_trace(world, (uint64_t)event->target << 32 |
                            hs_crc32c((uint32_t)event->count, event->bytes, event->count));
}

static void dispatch(struct hs_sim_world *world)
{
    struct sim_event event = heap_take(&world->heap);
    struct sim_node *node = &world->nodes[event.to_node];

    if (event.to_life && event.to_life != node->life) {
        free(event.bytes);
        return;
    }
    if (is_held(world, &event)) {
        sim_list_add(&world->held, &event);
        return;
    }
    trace_event(world, &event);
    if (node->loop) node->loop->now_ns = world->now_ns + node->offset_ns;
    if (event.kind == SIM_FILE)
        sim_disk_on(world, &event);
    else
        sim_net_on(world, &event);
    free(event.bytes);
    if (event.kind != SIM_SYN) take_turn(world, event.to_node);
}

bool sim_world_step(struct hs_sim_world *world, uint64_t until_ns)
{
    unsigned turn_node = next_turn(world);
    uint64_t turn_at_ns =
        turn_node == SIM_NO_NODE ? HS_NEVER_NS : world->nodes[turn_node].turn_at_ns;
    uint64_t event_at_ns = world->heap.count ? world->heap.at[0].at_ns : HS_NEVER_NS;
    uint64_t at_ns = hs_min_u64(turn_at_ns, event_at_ns);

    if (at_ns > until_ns || at_ns == HS_NEVER_NS) {
        if (until_ns != HS_NEVER_NS) world->now_ns = hs_max_u64(world->now_ns, until_ns);
        return false;
    }
    world->now_ns = hs_max_u64(world->now_ns, at_ns);
    if (event_at_ns <= turn_at_ns)
        dispatch(world);
    else
        take_turn(world, turn_node);
    if (world->check) world->check(world->check_context);
    return true;
}

uint64_t hs_sim_run(struct hs_sim_world *world, uint64_t until_ns)
{
    uint64_t count = 0;

    HS_ASSERT(!world->is_running);
    world->is_running = true;
    while (sim_world_step(world, until_ns)) count++;
    world->is_running = false;
    return count;
}
