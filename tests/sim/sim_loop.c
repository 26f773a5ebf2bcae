// SPDX-License-Identifier: Apache-2.0
/* sim_loop.c - ipc/loop.h on a simulated world: each call becomes an event of that world. */
#include "tests/sim/sim_world.h"

#include <stdio.h>

/* hs_loop_open has no parameter for the world: the test says whose loop comes next. */
static struct {
    struct hs_sim_world *world;
    unsigned             node;
} entered;

void hs_sim_enter(struct hs_sim_world *world, unsigned node_idx)
{
    HS_ASSERT(node_idx < world->node_count);
    entered.world = world;
    entered.node = node_idx;
    world->nodes[node_idx].is_up = true;
}

/* ---- opening and closing */

int hs_loop_open(struct hs_loop **loop, const struct hs_loop_config *config, struct hs_err *err)
{
    struct sim_node *node;
    struct hs_loop  *opened;

    *loop = NULL;
    if (!entered.world) return hs_err_set(err, -EINVAL, "no simulated node was entered");
    if (!config->stream_count_max || !config->recv_buffer_bytes)
        return hs_err_set(err, -EINVAL, "loop configuration");
    node = &entered.world->nodes[entered.node];
    if (node->loop) return hs_err_set(err, -EEXIST, "the node has a loop");
    opened = calloc(1, sizeof *opened);
    if (!opened) return hs_err_set(err, -ENOMEM, "loop");
    opened->world = entered.world;
    opened->node = entered.node;
    opened->config = *config;
    opened->now_ns = entered.world->now_ns + node->offset_ns;
    opened->next = entered.world->loops;
    entered.world->loops = opened;
    node->loop = opened;
    *loop = opened;
    return 0;
}

void hs_loop_close(struct hs_loop **loop)
{
    struct hs_loop  *gone = *loop;
    struct hs_loop **at;

    *loop = NULL;
    if (!gone) return;
    if (sim_is_alive(gone)) hs_sim_kill(gone->world, gone->node); /* what is left open is reset */
    for (at = &gone->world->loops; *at != gone; at = &(*at)->next) continue;
    *at = gone->next;
    free(gone);
}

const char *hs_loop_backend_text(const struct hs_loop *loop)
{
    HS_ASSERT(loop);
    return "simulation";
}

bool hs_loop_is_restricted(const struct hs_loop *loop)
{
    HS_ASSERT(loop);
    return false;
}

uint64_t hs_loop_clock_ns(struct hs_loop *loop)
{
    return loop->world->now_ns + loop->world->nodes[loop->node].offset_ns;
}

uint64_t hs_loop_now_ns(const struct hs_loop *loop)
{
    return loop->now_ns;
}

void hs_loop_figures(const struct hs_loop *loop, struct hs_loop_figures *figures)
{
    *figures = loop->figures;
}

/* The world calls nodes by itself; this is for tests that drive one loop by hand. Other nodes live
 * on meanwhile. */
int hs_loop_step(struct hs_loop *loop, uint64_t deadline_ns)
{
    struct hs_sim_world *world = loop->world;
    uint64_t             offset_ns = world->nodes[loop->node].offset_ns;
    uint64_t             before = loop->figures.completion_count;
    uint64_t             until_ns = deadline_ns;

    if (!sim_is_alive(loop)) return -EIO;
    HS_ASSERT(!world->is_running);
    if (until_ns != HS_NEVER_NS) until_ns = deadline_ns > offset_ns ? deadline_ns - offset_ns : 0;
    until_ns = hs_max_u64(until_ns, world->now_ns);
    world->is_running = true;
    while (sim_world_step(world, until_ns))
        if (!sim_is_alive(loop) || loop->figures.completion_count != before) break;
    world->is_running = false;
    if (!sim_is_alive(loop)) return -EIO;
    loop->now_ns = hs_loop_clock_ns(loop);
    loop->figures.enter_count++;
    return (int)(loop->figures.completion_count - before);
}

/* ---- streams */

static int take_stream(struct hs_loop *loop, struct hs_stream *stream, unsigned end_idx, int fd,
                       unsigned flags)
{
    struct sim_end *end = sim_end_at(loop->world, end_idx);

    HS_ASSERT(stream->ops);
    if (end->stream || end->is_closed) return -EBADF;
    end->stream = stream;
    end->node = loop->node;
    end->life = loop->world->nodes[loop->node].life;
    stream->loop = loop;
    stream->fd = fd;
    stream->slot_idx = end_idx;
    stream->flags = (uint16_t)flags;
    stream->inflight = 0;
    loop->stream_count++;
    sim_list_release(loop->world, &end->early);
    return 0;
}

static int check_room(const struct hs_loop *loop)
{
    if (!sim_is_alive(loop)) return -EIO;
    return loop->stream_count < loop->config.stream_count_max ? 0 : -ENOBUFS;
}

int hs_stream_adopt(struct hs_loop *loop, struct hs_stream *stream, int fd)
{
    int end_idx = sim_fd_find(loop->world, fd, SIM_FD_END);
    int rc = check_room(loop);

    if (rc) return rc;
    if (end_idx < 0) return end_idx;
    return take_stream(loop, stream, (unsigned)end_idx, fd, 0);
}

int hs_stream_connect(struct hs_loop *loop, struct hs_stream *stream, const struct hs_addr *addr)
{
    struct hs_sim_world *world = loop->world;
    int                  found = sim_net_find_listener(world, addr);
    unsigned             to = found < 0 ? loop->node : world->listeners[found]->node;
    unsigned             end_idx;
    int                  rc = check_room(loop);

    if (rc) return rc;
    if (addr->family == HS_ADDR_NONE) return -EINVAL;
    end_idx = sim_connection_add(world, loop->node, to);
    world->connections[end_idx / 2]->addr = *addr;
    rc = take_stream(loop, stream, end_idx, sim_fd_add(world, SIM_FD_END, end_idx),
                     HS_SIM_CONNECTING);
    HS_ASSERT(rc == 0);
    sim_net_connect(world, end_idx);
    return 0;
}

int hs_stream_send(struct hs_stream *stream, const void *bytes, size_t count, enum hs_send how)
{
    if (!sim_is_alive(stream->loop)) return -ENOTCONN;
    if (stream->flags & (HS_SIM_CONNECTING | HS_SIM_CLOSING | HS_SIM_BROKEN)) return -ENOTCONN;
    if (stream->flags & (HS_SIM_REPORTING | HS_SIM_QUIET)) return -EAGAIN;
    if (!count) return -EINVAL;
    stream->send_bytes = bytes;
    stream->send_count = count;
    stream->flags |= how == HS_SEND_QUIET ? HS_SIM_QUIET : HS_SIM_REPORTING;
    sim_end_send(stream->loop->world, stream->slot_idx, stream);
    return 0;
}

void hs_stream_hold(struct hs_stream *stream, bool is_held)
{
    if (!sim_is_alive(stream->loop) || is_held == !!(stream->flags & HS_SIM_HELD)) return;
    stream->flags ^= HS_SIM_HELD;
    if (is_held) return;
    sim_list_release(stream->loop->world,
                     &sim_end_at(stream->loop->world, stream->slot_idx)->early);
}

void hs_stream_close(struct hs_stream *stream, bool is_abort)
{
    struct hs_loop *loop = stream->loop;

    if (!sim_is_alive(loop) || (stream->flags & HS_SIM_CLOSING)) return;
    stream->flags |= HS_SIM_CLOSING;
    sim_end_close(loop->world, stream->slot_idx, is_abort);
    sim_net_tell_closed(loop->world, stream->slot_idx);
}

/* ---- listeners and watches */

int hs_listener_open(struct hs_loop *loop, struct hs_listener *listener, int fd)
{
    int                  idx = sim_fd_find(loop->world, fd, SIM_FD_LISTENER);
    int                  rc = check_room(loop);
    struct sim_listener *found;

    HS_ASSERT(listener->on_accept);
    if (rc) return rc;
    if (idx < 0) return idx;
    found = loop->world->listeners[idx];
    if (found->owner) return -EEXIST;
    found->owner = listener;
    listener->loop = loop;
    listener->fd = fd;
    listener->slot_idx = (uint32_t)idx;
    loop->stream_count++;
    sim_list_release(loop->world, &found->early);
    return 0;
}

void hs_listener_close(struct hs_listener *listener)
{
    if (!sim_is_alive(listener->loop)) return;
    listener->loop->stream_count--;
    listener->loop->world->listeners[listener->slot_idx]->owner = NULL;
    listener->loop = NULL;
}

int hs_watch_open(struct hs_loop *loop, struct hs_watch *watch, int fd)
{
    int idx = sim_fd_find(loop->world, fd, SIM_FD_BELL);
    int rc = check_room(loop);

    HS_ASSERT(watch->on_readable);
    if (rc) return rc;
    if (idx < 0) return idx;
    watch->loop = loop;
    watch->fd = fd;
    watch->slot_idx = (uint32_t)idx;
    loop->stream_count++;
    sim_net_watch(loop->world, (unsigned)idx, watch);
    return 0;
}

void hs_watch_close(struct hs_watch *watch)
{
    if (!sim_is_alive(watch->loop)) return;
    watch->loop->stream_count--;
    sim_net_watch(watch->loop->world, watch->slot_idx, NULL);
    watch->loop = NULL;
}

/* ---- files */

int hs_loop_write(struct hs_loop *loop, struct hs_file_op *op)
{
    struct hs_sim_world *world = loop->world;
    uint64_t             delay_ns;

    HS_ASSERT(op->on_done);
    if (!sim_is_alive(loop)) return -EIO;
    if (loop->file_count == loop->config.file_op_count_max) return -ENOBUFS;
    loop->file_count++;
    delay_ns = 20 * HS_NS_PER_US + hs_rand_below(&world->rand, 2 * HS_NS_PER_MS);
    sim_push(world, &(struct sim_event){.at_ns = world->now_ns + delay_ns,
                                        .kind = SIM_FILE,
                                        .from_node = SIM_NO_NODE,
                                        .to_node = loop->node,
                                        .to_life = world->nodes[loop->node].life,
                                        .owner.op = op});
    return 0;
}
