// SPDX-License-Identifier: Apache-2.0
/* sim_net.c - connections, listeners and event descriptors: what is sent, cut into pieces, delayed
 * and delivered. Ends are numbered: connection times two, plus the side. */
#include "tests/sim/sim_world.h"

enum { WINDOW_BYTES = 256 << 10 }; /* what the kernels on both sides take before a sender waits */

struct sim_end *sim_end_at(const struct hs_sim_world *world, unsigned end_idx)
{
    return &world->connections[end_idx / 2]->ends[end_idx % 2];
}

static struct sim_end *peer_of(const struct hs_sim_world *world, unsigned end_idx)
{
    return sim_end_at(world, end_idx ^ 1u);
}

static uint64_t delay_ns(struct hs_sim_world *world)
{
    const struct hs_sim_network *network = &world->network;

    return network->delay_min_ns +
           hs_rand_below(&world->rand, network->delay_max_ns - network->delay_min_ns + 1);
}

/* Towards an end, in the order of the calls: nothing overtakes within a stream. */
static void push_to_end(struct hs_sim_world *world, unsigned end_idx, struct sim_event event)
{
    struct sim_end *end = sim_end_at(world, end_idx);

    event.at_ns = hs_max_u64(end->last_at_ns, world->now_ns + delay_ns(world));
    event.from_node = peer_of(world, end_idx)->node;
    event.to_node = end->node;
    event.target = end_idx;
    end->last_at_ns = event.at_ns;
    sim_push(world, &event);
}

/* To the owner of an end, of things on its own host. */
static void push_to_self(struct hs_sim_world *world, unsigned end_idx, enum sim_event_kind kind,
                         int result)
{
    const struct sim_end *end = sim_end_at(world, end_idx);

    sim_push(world, &(struct sim_event){.at_ns = world->now_ns,
                                        .kind = kind,
                                        .from_node = SIM_NO_NODE,
                                        .to_node = end->node,
                                        .to_life = end->life,
                                        .target = end_idx,
                                        .result = result,
                                        .owner.stream = end->stream});
}

unsigned sim_connection_add(struct hs_sim_world *world, unsigned node_a, unsigned node_b)
{
    struct sim_connection *connection = calloc(1, sizeof *connection);

    HS_ASSERT(connection);
    connection->ends[0].node = node_a;
    connection->ends[1].node = node_b;
    world->connections = sim_grow(world->connections, world->connection_count, connection);
    return 2 * world->connection_count++;
}

void hs_sim_socketpair(struct hs_sim_world *world, unsigned node_a, unsigned node_b, int fds[2])
{
    unsigned end_idx = sim_connection_add(world, node_a, node_b);

    fds[0] = sim_fd_add(world, SIM_FD_END, end_idx);
    fds[1] = sim_fd_add(world, SIM_FD_END, end_idx + 1);
}

/* ---- sending and closing */

static void end_send(struct hs_sim_world *world, unsigned end_idx, struct hs_stream *stream,
                     int result)
{
    if (stream->flags & HS_SIM_REPORTING)
        push_to_self(world, end_idx, SIM_SENT, result);
    else if (result)
        push_to_self(world, end_idx, SIM_FAILED, result);
}

void sim_end_send(struct hs_sim_world *world, unsigned end_idx, struct hs_stream *stream)
{
    struct sim_end *to = peer_of(world, end_idx);
    const uint8_t  *bytes = stream->send_bytes;
    size_t          left = stream->send_count;

    if (stream->flags & HS_SIM_RESET) {
        end_send(world, end_idx, stream, -EPIPE);
        return;
    }
    while (left) {
        size_t           most = hs_min_u64(left, world->network.chunk_bytes_max);
        size_t           count = 1 + (size_t)hs_rand_below(&world->rand, most);
        struct sim_event event = {.kind = SIM_DATA, .bytes = malloc(count), .count = count};

        HS_ASSERT(event.bytes);
        memcpy(event.bytes, bytes, count);
        push_to_end(world, end_idx ^ 1u, event);
        bytes += count;
        left -= count;
    }
    to->incoming_bytes += stream->send_count;
    stream->inflight = to->incoming_bytes > WINDOW_BYTES;
    if (!stream->inflight) end_send(world, end_idx, stream, 0);
}

/* After what was sent, unless the connection is reset: that may overtake. */
static void tell_peer(struct hs_sim_world *world, unsigned end_idx, enum sim_event_kind kind)
{
    struct sim_event event = {.at_ns = world->now_ns + delay_ns(world),
                              .kind = kind,
                              .from_node = sim_end_at(world, end_idx)->node,
                              .to_node = peer_of(world, end_idx)->node,
                              .target = end_idx ^ 1u};

    if (kind == SIM_RESET)
        sim_push(world, &event);
    else
        push_to_end(world, end_idx ^ 1u, event);
}

void sim_end_close(struct hs_sim_world *world, unsigned end_idx, bool is_abort)
{
    struct sim_end *end = sim_end_at(world, end_idx);

    if (end->is_closed) return;
    end->is_closed = true;
    tell_peer(world, end_idx, is_abort ? SIM_RESET : SIM_EOF);
    sim_list_free(&end->early);
}

void sim_net_tell_closed(struct hs_sim_world *world, unsigned end_idx)
{
    push_to_self(world, end_idx, SIM_CLOSED, 0);
}

/* The ends of a process that died. If the host died with it, nobody tells the peers. */
void sim_net_drop_node(struct hs_sim_world *world, unsigned node_idx, bool is_told)
{
    for (unsigned i = 0; i < 2 * world->connection_count; i++) {
        struct sim_end *end = sim_end_at(world, i);

        if (end->node != node_idx || end->is_closed) continue;
        if (!end->life && is_told) continue; /* held by nobody of that life: stays */
        end->stream = NULL;
        if (is_told) {
            sim_end_close(world, i, true);
        } else {
            end->is_closed = true;
            sim_list_free(&end->early);
        }
    }
    for (unsigned i = 0; i < world->listener_count; i++)
        if (world->listeners[i]->node == node_idx) world->listeners[i]->owner = NULL;
    for (unsigned i = 0; i < world->bell_count; i++)
        if (world->bells[i]->node == node_idx) world->bells[i]->owner = NULL;
}

/* ---- arrivals */

static void count_callback(struct hs_sim_world *world, unsigned node_idx)
{
    if (world->nodes[node_idx].loop) world->nodes[node_idx].loop->figures.completion_count++;
}

static void deliver(struct hs_sim_world *world, struct sim_end *end, const struct sim_event *event)
{
    const struct hs_loop *loop = world->nodes[end->node].loop;
    size_t                most = loop->config.recv_buffer_bytes;

    for (size_t at = 0; at < event->count && end->stream; at += most) {
        struct hs_stream *stream = end->stream;

        if (stream->flags & HS_SIM_CLOSING) return;
        stream->flags &= (uint16_t)~HS_SIM_QUIET;
        count_callback(world, end->node);
        stream->ops->on_data(stream, event->bytes + at, hs_min_u64(most, event->count - at));
        if (!sim_is_alive(loop)) return;
    }
}

static void on_data(struct hs_sim_world *world, struct sim_event *event)
{
    struct sim_end *end = sim_end_at(world, event->target);
    struct sim_end *from = peer_of(world, event->target);

    end->incoming_bytes -= event->count;
    if (end->is_closed && world->nodes[end->node].is_up)
        tell_peer(world, event->target, SIM_RESET); /* nobody is there to read it */
    if (from->stream && from->stream->inflight && end->incoming_bytes <= WINDOW_BYTES) {
        from->stream->inflight = 0;
        end_send(world, event->target ^ 1u, from->stream, 0);
    }
    if (end->stream && !end->is_finished) deliver(world, end, event);
}

static void on_finish(struct hs_sim_world *world, const struct sim_event *event)
{
    struct sim_end   *end = sim_end_at(world, event->target);
    struct hs_stream *stream = end->stream;
    bool              was_finished = end->is_finished;

    end->is_finished = true;
    if (!stream || (stream->flags & HS_SIM_CLOSING)) return;
    if (event->kind == SIM_RESET) {
        stream->flags |= HS_SIM_RESET;
        if (stream->inflight) end_send(world, event->target, stream, -ECONNRESET);
        stream->inflight = 0;
    }
    if (was_finished) return;
    count_callback(world, end->node);
    if (event->kind == SIM_EOF)
        stream->ops->on_event(stream, HS_STREAM_EOF, 0);
    else
        stream->ops->on_event(stream, HS_STREAM_FAILED, -ECONNRESET);
}

static bool is_held(const struct sim_end *end)
{
    return end->stream && (end->stream->flags & HS_SIM_HELD);
}

/* What reaches an end that no loop has taken yet, or that is not read just now, waits there. */
static void on_arrival(struct hs_sim_world *world, struct sim_event *event)
{
    struct sim_end *end = sim_end_at(world, event->target);

    if ((!end->stream || is_held(end)) && !end->is_closed) {
        sim_list_add(&end->early, event);
        event->bytes = NULL; /* kept there */
        return;
    }
    if (event->kind == SIM_DATA)
        on_data(world, event);
    else
        on_finish(world, event);
}

/* ---- what the owner of a stream is told about its own doing */

static void on_told(struct hs_sim_world *world, const struct sim_event *event)
{
    struct sim_end   *end = sim_end_at(world, event->target);
    struct hs_stream *stream = end->stream;

    if (!stream || stream != event->owner.stream) return;
    count_callback(world, end->node);
    if (event->kind == SIM_CLOSED) {
        world->nodes[end->node].loop->stream_count--;
        end->stream = NULL;
        stream->loop = NULL;
        stream->fd = -1;
        stream->ops->on_event(stream, HS_STREAM_CLOSED, 0);
        return;
    }
    if (stream->flags & HS_SIM_CLOSING) return;
    stream->flags &= (uint16_t) ~(HS_SIM_REPORTING | HS_SIM_QUIET);
    if (event->result) stream->flags |= HS_SIM_BROKEN;
    stream->ops->on_event(stream, event->kind == SIM_SENT ? HS_STREAM_SENT : HS_STREAM_FAILED,
                          event->result);
}

static void on_connected(struct hs_sim_world *world, const struct sim_event *event)
{
    struct hs_stream *stream = sim_end_at(world, event->target)->stream;

    if (!stream || (stream->flags & HS_SIM_CLOSING)) return;
    stream->flags &= (uint16_t)~HS_SIM_CONNECTING;
    if (event->result) stream->flags |= HS_SIM_BROKEN;
    count_callback(world, event->to_node);
    stream->ops->on_event(stream, HS_STREAM_CONNECTED, event->result);
}

/* ---- listeners */

void sim_net_connect(struct hs_sim_world *world, unsigned end_idx)
{
    sim_push(world, &(struct sim_event){.at_ns = world->now_ns + delay_ns(world),
                                        .kind = SIM_SYN,
                                        .from_node = sim_end_at(world, end_idx)->node,
                                        .to_node = peer_of(world, end_idx)->node,
                                        .target = end_idx});
}

int hs_sim_listen(struct hs_sim_world *world, unsigned node_idx, const struct hs_addr *addr)
{
    struct sim_listener *listener = calloc(1, sizeof *listener);

    HS_ASSERT(listener);
    listener->addr = *addr;
    listener->node = node_idx;
    world->listeners = sim_grow(world->listeners, world->listener_count, listener);
    return sim_fd_add(world, SIM_FD_LISTENER, world->listener_count++);
}

int sim_net_find_listener(const struct hs_sim_world *world, const struct hs_addr *addr)
{
    for (unsigned i = 0; i < world->listener_count; i++)
        if (!world->listeners[i]->is_closed &&
            !memcmp(&world->listeners[i]->addr, addr, sizeof *addr))
            return (int)i;
    return -ECONNREFUSED;
}

/* At the listener's host. If that is down nobody answers, and the caller's timeout must. */
static void on_syn(struct hs_sim_world *world, const struct sim_event *event)
{
    unsigned              end_idx = event->target;
    struct sim_end       *server = peer_of(world, end_idx);
    const struct hs_addr *addr = &world->connections[end_idx / 2]->addr;
    int                   found = sim_net_find_listener(world, addr);
    struct sim_event      answer = {.kind = SIM_CONNECTED, .result = found < 0 ? found : 0};

    if (sim_end_at(world, end_idx)->is_closed || !world->nodes[event->to_node].is_up) return;
    answer.to_life = sim_end_at(world, end_idx)->life;
    push_to_end(world, end_idx, answer);
    if (found < 0) {
        server->is_closed = true;
        return;
    }
    sim_push(world, &(struct sim_event){.at_ns = world->now_ns,
                                        .kind = SIM_ACCEPT,
                                        .from_node = SIM_NO_NODE,
                                        .to_node = event->to_node,
                                        .target = (unsigned)found,
                                        .result = sim_fd_add(world, SIM_FD_END, end_idx ^ 1u)});
}

static void on_accept(struct hs_sim_world *world, const struct sim_event *event)
{
    struct sim_listener *listener = world->listeners[event->target];

    if (listener->is_closed) {
        hs_sim_close(world, event->result);
    } else if (!listener->owner) {
        sim_list_add(&listener->early, event);
    } else {
        count_callback(world, event->to_node);
        listener->owner->on_accept(listener->owner, event->result);
    }
}

void hs_sim_close(struct hs_sim_world *world, int fd)
{
    int end_idx = sim_fd_find(world, fd, SIM_FD_END);
    int listener_idx = sim_fd_find(world, fd, SIM_FD_LISTENER);

    if (end_idx >= 0) sim_end_close(world, (unsigned)end_idx, false);
    if (listener_idx < 0) return;
    world->listeners[listener_idx]->is_closed = true;
    sim_list_release(world, &world->listeners[listener_idx]->early);
}

/* ---- event descriptors */

static void push_bell(struct hs_sim_world *world, unsigned bell_idx, uint64_t after_ns)
{
    struct sim_bell *bell = world->bells[bell_idx];

    if (!bell->is_rung || bell->is_due || !bell->owner) return;
    bell->is_due = true;
    sim_push(world, &(struct sim_event){.at_ns = world->now_ns + after_ns,
                                        .kind = SIM_BELL,
                                        .from_node = SIM_NO_NODE,
                                        .to_node = bell->node,
                                        .target = bell_idx});
}

int hs_sim_bell_open(struct hs_sim_world *world, unsigned node_idx)
{
    struct sim_bell *bell = calloc(1, sizeof *bell);

    HS_ASSERT(bell);
    bell->node = node_idx;
    world->bells = sim_grow(world->bells, world->bell_count, bell);
    return sim_fd_add(world, SIM_FD_BELL, world->bell_count++);
}

void hs_sim_bell_ring(struct hs_sim_world *world, int fd)
{
    int idx = sim_fd_find(world, fd, SIM_FD_BELL);

    HS_ASSERT(idx >= 0);
    world->bells[idx]->is_rung = true;
    push_bell(world, (unsigned)idx, 0);
}

void hs_sim_bell_drain(struct hs_sim_world *world, int fd)
{
    int idx = sim_fd_find(world, fd, SIM_FD_BELL);

    HS_ASSERT(idx >= 0);
    world->bells[idx]->is_rung = false;
}

static void on_bell(struct hs_sim_world *world, const struct sim_event *event)
{
    struct sim_bell *bell = world->bells[event->target];

    bell->is_due = false;
    if (!bell->owner || !bell->is_rung) return;
    count_callback(world, bell->node);
    bell->owner->on_readable(bell->owner);
    push_bell(world, event->target, HS_NS_PER_US); /* level triggered */
}

void sim_net_watch(struct hs_sim_world *world, unsigned bell_idx, struct hs_watch *owner)
{
    world->bells[bell_idx]->owner = owner;
    push_bell(world, bell_idx, 0);
}

/* ---- dispatch */

void sim_net_on(struct hs_sim_world *world, struct sim_event *event)
{
    switch (event->kind) {
    case SIM_DATA:
    case SIM_EOF:
    case SIM_RESET: on_arrival(world, event); break;
    case SIM_SENT:
    case SIM_FAILED:
    case SIM_CLOSED: on_told(world, event); break;
    case SIM_SYN: on_syn(world, event); break;
    case SIM_CONNECTED: on_connected(world, event); break;
    case SIM_ACCEPT: on_accept(world, event); break;
    case SIM_BELL: on_bell(world, event); break;
    case SIM_FILE: break; /* the disk's */
    }
}

void sim_net_free(struct hs_sim_world *world)
{
    for (unsigned i = 0; i < world->connection_count; i++) {
        sim_list_free(&world->connections[i]->ends[0].early);
        sim_list_free(&world->connections[i]->ends[1].early);
        free(world->connections[i]);
    }
    for (unsigned i = 0; i < world->listener_count; i++) {
        sim_list_free(&world->listeners[i]->early);
        free(world->listeners[i]);
    }
    for (unsigned i = 0; i < world->bell_count; i++) free(world->bells[i]);
    free(world->connections);
    free(world->listeners);
    free(world->bells);
}
