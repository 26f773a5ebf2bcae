// SPDX-License-Identifier: Apache-2.0
/* engine_io.c - the engine process: takes plan images and commands from the worker, runs one share
 * at a time, tells how it went. Outlives its worker for a while: the worker's successor finds
 * figures and events where they are. */
#include "roles/engine/engine_io.h"

#include "ipc/channel.h"
#include "roles/config.h"
#include "roles/counters.h"
#include "roles/engine/run.h"
#include "roles/engine/run_counts.h"
#include "roles/host_table.h"
#include "roles/role_io.h"
#include "roles/share.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IMAGES_MAX = 4, /* passed and not yet used: the worker sends one before each START */
    EVENTS_MAX = 8  /* told to nobody yet, because the ring is full */
};
#define IMAGE_PATIENCE_NS  HS_NS_PER_S
#define COUNTS_INTERVAL_NS HS_NS_PER_S

struct held_image {
    struct hs_engine_image name;
    int                    fd; /* -1: free */
};

struct engine {
    struct hs_role_process   process;
    struct hs_segment        commands_segment;
    struct hs_segment        events_segment;
    struct hs_segment        figures_segment;
    struct hs_figures_shm   *figures;
    struct hs_channel_in     commands;
    struct hs_channel_out    events;
    struct hs_watch          link;           /* to the worker; fd -1: none */
    uint64_t                 orphaned_at_ns; /* 0: there is a worker */
    struct held_image        images[IMAGES_MAX];
    unsigned                 next_image;
    struct hs_engine_command order;       /* START that waits for its image */
    uint64_t                 order_at_ns; /* 0: none waits */
    struct hs_run           *run;
    struct hs_run_counts     told; /* of the run, in the counters already */
    uint64_t                 counts_at_ns;
    void                    *image;
    size_t                   image_bytes;
    struct hs_engine_event   untold[EVENTS_MAX];
    bool                     is_damaged; /* a ring, and that was told */
    unsigned                 untold_count;
    bool                     is_stopping;
};

static struct engine *engine_of(void *self)
{
    return self;
}

static uint64_t generation_of(const struct engine *engine)
{
    return engine->process.heritage->generation;
}

/* ---- events ---- */

/* Once: the supervisor ends us for it. */
static void refuse(struct engine *engine, enum hs_engine_segment which)
{
    if (!engine->is_damaged)
        hs_role_refuse_engine_segment(engine->process.heritage, engine->process.heritage->idx,
                                      which);
    engine->is_damaged = true;
}

static void tell_waiting(struct engine *engine)
{
    unsigned told = 0;
    int      rc = 0;

    while (told < engine->untold_count &&
           (rc = hs_channel_push(&engine->events, &engine->untold[told])) == 0)
        told++;
    if (rc == -EPROTO) refuse(engine, HS_ENGINE_EVENTS);
    engine->untold_count -= told;
    memmove(engine->untold, engine->untold + told, engine->untold_count * sizeof *engine->untold);
}

static void tell(struct engine *engine, enum hs_engine_event_type type, uint64_t run_id, int code,
                 const char *text)
{
    struct hs_engine_event *event;

    if (engine->untold_count == EVENTS_MAX) {
        hs_log(HS_LOG_ERROR, "engine", "event lost type=%d: nobody reads", (int)type);
        return; /* the worker's own deadlines find out */
    }
    event = &engine->untold[engine->untold_count++];
    *event = (struct hs_engine_event){.type = type,
                                      .code = code,
                                      .engine_generation = generation_of(engine),
                                      .run_id = run_id,
                                      .at_ns = hs_loop_clock_ns(engine->process.loop)};
    (void)snprintf(event->text, sizeof event->text, "%s", text);
    tell_waiting(engine);
}

/* ---- images ---- */

static void hold_image(struct engine *engine, const struct hs_engine_image *name, int fd)
{
    struct held_image *held = &engine->images[engine->next_image++ % IMAGES_MAX];

    if (held->fd >= 0) close(held->fd);
    held->name = *name;
    held->fd = fd;
}

/* One packet of the link: 1 an image came, 0 nothing there, -ENOTCONN the worker is gone. */
static int receive_image(struct engine *engine)
{
    struct hs_engine_image name;
    union {
        char           bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec    vector = {.iov_base = &name, .iov_len = sizeof name};
    struct msghdr   message = {.msg_iov = &vector,
                               .msg_iovlen = 1,
                               .msg_control = control.bytes,
                               .msg_controllen = sizeof control.bytes};
    struct cmsghdr *first;
    ssize_t         got = recvmsg(engine->link.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    int             fd = -1;

    if (got < 0) return errno == EAGAIN || errno == EINTR ? 0 : -ENOTCONN;
    if (got == 0) return -ENOTCONN;
    first = CMSG_FIRSTHDR(&message);
    if (first && first->cmsg_level == SOL_SOCKET && first->cmsg_type == SCM_RIGHTS &&
        first->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(first), sizeof fd);
    if (fd < 0) return 1;
    if (got == (ssize_t)sizeof name)
        hold_image(engine, &name, fd);
    else
        close(fd);
    return 1;
}

static void drop_link(struct engine *engine)
{
    if (engine->link.fd < 0) return;
    hs_watch_close(&engine->link);
    close(engine->link.fd);
    engine->link.fd = -1;
}

static void take_images(struct engine *engine)
{
    int rc = 1;

    for (unsigned i = 0; engine->link.fd >= 0 && i < IMAGES_MAX && rc == 1; i++)
        rc = receive_image(engine);
    if (rc < 0) drop_link(engine);
}

static void on_link_readable(struct hs_watch *watch)
{
    take_images(HS_CONTAINER_OF(watch, struct engine, link));
}

static struct held_image *find_image(struct engine *engine, uint64_t token)
{
    take_images(engine);
    for (unsigned i = 0; i < IMAGES_MAX; i++)
        if (engine->images[i].fd >= 0 && engine->images[i].name.image_token == token)
            return &engine->images[i];
    return NULL;
}

/* Maps an image that nobody can change any more; its descriptor is closed either way. */
static int map_image(struct engine *engine, struct held_image *held, struct hs_err *err)
{
    size_t bytes = (size_t)held->name.image_bytes;
    off_t  file_bytes = lseek(held->fd, 0, SEEK_END);
    bool   is_sealed = hs_segment_is_sealed_write(held->fd);
    void  *map = is_sealed && bytes && file_bytes >= 0 && (uint64_t)file_bytes >= bytes
                     ? mmap(NULL, bytes, PROT_READ, MAP_SHARED, held->fd, 0)
                     : MAP_FAILED;

    close(held->fd);
    held->fd = -1;
    if (map == MAP_FAILED) return hs_err_set(err, -EPROTO, "the plan image is not sealed or short");
    engine->image = map;
    engine->image_bytes = bytes;
    return 0;
}

static void unmap_image(struct engine *engine)
{
    if (engine->image) HS_IGNORE(munmap(engine->image, engine->image_bytes), "nothing to do");
    engine->image = NULL;
}

/* ---- commands ---- */

/* Of the daemon's start: all engines of a host agree, and no decision hangs on it (${now_ms}). */
static uint64_t wall_offset_ns(const struct engine *engine)
{
    struct hs_host_summary host;

    if (hs_host_table_load_summary(engine->process.host, &host)) return 0;
    return host.start_wall_ns - host.start_ns;
}

/* What a predecessor left in the pages is in the counters already, or lost with it. */
static void take_counts(const struct engine *engine, struct hs_run_counts *counts)
{
    hs_run_counts_take(counts, engine->run->pages, engine->run->image->step_count * 2);
}

static void tell_counts(struct engine *engine)
{
    struct hs_run_counts now;

    take_counts(engine, &now);
    hs_run_counts_tell(&now, &engine->told, engine->process.counters);
    hs_counter_set(engine->process.counters, HS_COUNT_connections_open, engine->run->open_lanes);
}

static int open_run(struct engine *engine, struct held_image *held, struct hs_err *err)
{
    const struct hs_config *config = engine->process.config;
    struct hs_run_setup     setup = {.loop = engine->process.loop,
                                     .figures = engine->figures,
                                     .generation = generation_of(engine),
                                     .connections_max = config->engine.connections_max,
                                     .worker_name = config->node.name,
                                     .datacenter = config->node.datacenter,
                                     .wall_offset_ns = wall_offset_ns(engine),
                                     .order = &engine->order};
    int                     rc = map_image(engine, held, err);

    if (rc) return rc;
    setup.image = hs_image_check(engine->image, engine->image_bytes, err);
    if (!setup.image) return err->code ? err->code : -EPROTO;
    return hs_run_open(&engine->run, &setup, err);
}

static void start_order(struct engine *engine, struct held_image *held)
{
    struct hs_err err = {0};
    int           rc;

    hs_role_breadcrumb_of_run(&engine->process, engine->order.job_id, engine->order.plan_word);
    rc = open_run(engine, held, &err);
    engine->order_at_ns = 0;
    if (rc) {
        hs_role_breadcrumb(&engine->process, 0, NULL, 0);
        unmap_image(engine);
        tell(engine, HS_ENGINE_FAILED, engine->order.run_id, rc, err.text);
        return;
    }
    take_counts(engine, &engine->told);
    tell(engine, HS_ENGINE_STARTED, engine->order.run_id, 0, "");
}

/* The image comes over another way than the command: it may be a moment later. */
static void try_order(struct engine *engine, uint64_t now_ns)
{
    struct held_image *held;

    if (!engine->order_at_ns || engine->run) return;
    held = find_image(engine, engine->order.image_token);
    if (held) {
        start_order(engine, held);
    } else if (now_ns > engine->order_at_ns + IMAGE_PATIENCE_NS) { /* the order may be newer */
        engine->order_at_ns = 0;
        tell(engine, HS_ENGINE_FAILED, engine->order.run_id, -ENOENT,
             "the plan image did not come");
    }
}

static void on_start(struct engine *engine, const struct hs_engine_command *command)
{
    uint64_t now_ns = hs_loop_clock_ns(engine->process.loop);

    if (engine->order.run_id == command->run_id) { /* told twice: under way, or over already */
        engine->order.image_token = command->image_token;
        try_order(engine, now_ns);
        return;
    }
    if (engine->run || engine->order_at_ns || engine->is_stopping) {
        tell(engine, HS_ENGINE_FAILED, command->run_id, -EBUSY, "another share is under way");
        return;
    }
    engine->order = *command;
    engine->order_at_ns = now_ns;
    try_order(engine, now_ns);
}

/* Over before it began: nothing was counted. */
static void give_up_order(struct engine *engine)
{
    if (!engine->order_at_ns) return;
    engine->order_at_ns = 0;
    tell(engine, HS_ENGINE_DONE, engine->order.run_id, 0, "");
}

static void on_stop_order(struct engine *engine, const struct hs_engine_command *command,
                          uint64_t now_ns)
{
    if (engine->run && engine->run->order.run_id == command->run_id)
        hs_run_stop(engine->run, now_ns, command->deadline_ns);
    else if (engine->order_at_ns && engine->order.run_id == command->run_id)
        give_up_order(engine);
    else /* over, or never begun: whoever asks waits to hear it */
        tell(engine, HS_ENGINE_DONE, command->run_id, 0, "");
}

static void on_forget(struct engine *engine, const struct hs_engine_command *command)
{
    uint8_t id[16];

    hs_engine_figures_key(command->figures_id, id);
    HS_IGNORE(hs_figures_release(engine->figures, id, command->exec_fence), "a repeat finds none");
}

static void on_command(struct hs_channel_in *in, const void *message, uint64_t generation)
{
    struct engine                  *engine = in->owner;
    const struct hs_engine_command *command = message;
    uint64_t                        now_ns = hs_loop_clock_ns(engine->process.loop);

    (void)generation; /* of the worker: figures_id and run_id say all */
    if (command->engine_generation != generation_of(engine) && command->type != HS_ENGINE_FORGET)
        return; /* for a predecessor */
    switch ((enum hs_engine_command_type)command->type) {
    case HS_ENGINE_START: on_start(engine, command); return;
    case HS_ENGINE_STOP: on_stop_order(engine, command, now_ns); return;
    case HS_ENGINE_FORGET: on_forget(engine, command); return;
    }
    hs_log(HS_LOG_WARN, "engine", "command dropped type=%u", command->type);
}

static void on_commands_fault(struct hs_channel_in *in, int reason)
{
    struct engine *engine = in->owner;

    hs_log(HS_LOG_ERROR, "engine", "command ring unusable: %s", hs_err_code_text(reason));
    refuse(engine, HS_ENGINE_COMMANDS);
}

/* ---- hooks ---- */

static void on_link(void *self, enum hs_role_kind peer, unsigned peer_idx, uint64_t generation,
                    uint64_t token, int fd)
{
    struct engine *engine = engine_of(self);
    int            rc;

    (void)peer_idx;
    (void)generation;
    (void)token;
    if (peer != HS_ROLE_WORKER) {
        close(fd);
        return;
    }
    drop_link(engine);
    engine->orphaned_at_ns = 0;
    engine->link = (struct hs_watch){.on_readable = on_link_readable};
    rc = hs_watch_open(engine->process.loop, &engine->link, fd);
    if (rc) {
        hs_log(HS_LOG_ERROR, "engine", "link to the worker: %s", hs_err_code_text(rc));
        close(fd);
        engine->link.fd = -1;
    }
}

static void on_peer_down(void *self, enum hs_role_kind peer, unsigned peer_idx, uint64_t generation,
                         const char *cause)
{
    struct engine *engine = engine_of(self);

    (void)peer_idx;
    (void)generation;
    (void)cause;
    if (peer == HS_ROLE_WORKER) engine->orphaned_at_ns = hs_loop_clock_ns(engine->process.loop);
}

static void on_stop(void *self, uint64_t deadline_ns)
{
    struct engine *engine = engine_of(self);
    uint64_t       now_ns = hs_loop_clock_ns(engine->process.loop);

    engine->is_stopping = true;
    give_up_order(engine);
    if (engine->run)
        hs_run_stop(engine->run, now_ns, hs_min_u64(deadline_ns, now_ns + HS_NS_PER_S));
}

static bool is_done(const void *self)
{
    const struct engine *engine = self;

    return !engine->run;
}

static void finish_run(struct engine *engine)
{
    uint64_t run_id = engine->run->order.run_id;
    int      code = engine->run->code;

    tell_counts(engine);
    tell(engine, code ? HS_ENGINE_FAILED : HS_ENGINE_DONE, run_id, code, engine->run->text);
    hs_run_close(&engine->run);
    hs_role_breadcrumb(&engine->process, 0, NULL, 0);
    unmap_image(engine);
}

static uint64_t orphan_deadline_ns(const struct engine *engine)
{
    if (!engine->orphaned_at_ns || !engine->run) return HS_NEVER_NS;
    return engine->orphaned_at_ns + engine->process.config->engine.adopt_grace_ns;
}

/* What was still to come will not be sent: nobody shall take the share for a whole one. */
static void give_up_run(struct hs_run *run, uint64_t now_ns)
{
    if (now_ns < run->pace.end_ns && !run->code) {
        run->code = -ECANCELED;
        (void)snprintf(run->text, sizeof run->text, "no worker came back for it in time");
    }
    hs_run_stop(run, now_ns, now_ns + HS_NS_PER_S);
}

/* Load that nobody answers for must end. */
static void check_orphan(struct engine *engine, uint64_t now_ns)
{
    struct hs_event_record record;

    if (now_ns < orphan_deadline_ns(engine)) return;
    hs_log(HS_LOG_WARN, "engine", "no worker came back: the load ends");
    hs_notice_fill(&record, HS_NOTICE_LOAD_GIVEN_UP, "", 1, "no worker came back for it");
    hs_role_note(&engine->process, &record);
    engine->orphaned_at_ns = 0;
    give_up_run(engine->run, now_ns);
}

static uint64_t turn(void *self, uint64_t now_ns)
{
    struct engine *engine = engine_of(self);
    uint64_t       deadline_ns = HS_NEVER_NS;

    hs_channel_in_turn(&engine->commands, now_ns);
    try_order(engine, now_ns);
    if (engine->untold_count) tell_waiting(engine);
    check_orphan(engine, now_ns);
    if (engine->run) {
        deadline_ns = hs_run_turn(engine->run, now_ns);
        if (now_ns >= engine->counts_at_ns) {
            engine->counts_at_ns = now_ns + COUNTS_INTERVAL_NS;
            tell_counts(engine);
        }
        if (engine->run->phase == HS_RUN_OVER) finish_run(engine);
    }
    if (engine->order_at_ns) deadline_ns = hs_min_u64(deadline_ns, now_ns + HS_NS_PER_MS);
    deadline_ns = hs_min_u64(deadline_ns, orphan_deadline_ns(engine));
    return hs_min_u64(deadline_ns, hs_channel_in_deadline_ns(&engine->commands));
}

static const struct hs_role_hooks hooks = {.on_link = on_link,
                                           .on_peer_down = on_peer_down,
                                           .on_stop = on_stop,
                                           .turn = turn,
                                           .is_done = is_done,
                                           .hands_over = true};

/* ---- start ---- */

/* The idx-th core of those the daemon may use: best effort, the figures say what came of it. */
static void pin(unsigned idx)
{
    cpu_set_t allowed;
    cpu_set_t chosen;
    int       wanted;

    if (sched_getaffinity(0, sizeof allowed, &allowed) || CPU_COUNT(&allowed) < 2) return;
    wanted = (int)idx % CPU_COUNT(&allowed);
    CPU_ZERO(&chosen);
    /* from the last core down: the first ones take interrupts and the other roles */
    for (size_t core = CPU_SETSIZE; core-- > 0;) {
        if (!CPU_ISSET(core, &allowed) || wanted-- > 0) continue;
        CPU_SET(core, &chosen);
        break;
    }
    if (sched_setaffinity(0, sizeof chosen, &chosen))
        hs_log(HS_LOG_WARN, "engine", "not bound to a core: %s", hs_err_code_text(-errno));
}

static int map_segments(struct engine *engine, struct hs_err *err)
{
    const struct hs_heritage *heritage = engine->process.heritage;
    int                       rc;

    rc = hs_role_map_engine(heritage, heritage->idx, HS_ENGINE_COMMANDS, HS_SEGMENT_READ_WRITE,
                            &engine->commands_segment, err);
    if (!rc)
        rc = hs_role_map_engine(heritage, heritage->idx, HS_ENGINE_EVENTS, HS_SEGMENT_READ_WRITE,
                                &engine->events_segment, err);
    if (!rc)
        rc = hs_role_map_engine(heritage, heritage->idx, HS_ENGINE_FIGURES, HS_SEGMENT_READ_WRITE,
                                &engine->figures_segment, err);
    if (!rc) engine->figures = hs_segment_body(&engine->figures_segment);
    return rc;
}

static int open_channels(struct engine *engine, const struct hs_engine_share *share,
                         struct hs_err *err)
{
    int rc;

    engine->commands.on_message = on_command;
    engine->commands.on_fault = on_commands_fault;
    engine->commands.owner = engine;
    rc = hs_channel_in_open(&engine->commands, engine->process.loop,
                            hs_segment_body(&engine->commands_segment), &hs_engine_ring_shape,
                            share->commands_bell_fd);
    if (rc == -EPROTO) refuse(engine, HS_ENGINE_COMMANDS);
    if (rc) return hs_err_set(err, rc, "ring of commands");
    rc = hs_channel_out_open(&engine->events, hs_segment_body(&engine->events_segment),
                             &hs_engine_ring_shape, generation_of(engine), share->events_bell_fd);
    if (rc == -EPROTO) refuse(engine, HS_ENGINE_EVENTS);
    return rc ? hs_err_set(err, rc, "ring of events") : 0;
}

/* What a dead predecessor had in flight is cut: nobody will hear of it. */
static void adopt(struct engine *engine)
{
    uint64_t cut_count = 0;
    unsigned page_count = hs_figures_adopt(engine->figures, generation_of(engine), &cut_count);

    if (page_count)
        hs_log(HS_LOG_INFO, "engine",
               "took over the figures of a predecessor pages=%u cut=%" PRIu64, page_count,
               cut_count);
}

static int open_engine(struct engine *engine, const struct hs_heritage *heritage,
                       struct hs_err *err)
{
    const struct hs_config       *config = heritage->config;
    const struct hs_engine_share *share = &heritage->engines[heritage->idx];
    struct hs_loop_config loop_config = {.wanted = (enum hs_loop_backend)config->node.io_backend,
                                         .stream_count_max = config->engine.connections_max + 16,
                                         .recv_buffer_count = config->engine.recv_buffers,
                                         .recv_buffer_bytes =
                                             (unsigned)config->engine.recv_buffer_bytes,
                                         .file_op_count_max = 1,
                                         .spin_ns = config->engine.spin_ns};
    int                   rc = hs_role_open(&engine->process, heritage, &loop_config, err);

    engine->link.fd = -1;
    for (unsigned i = 0; i < IMAGES_MAX; i++) engine->images[i].fd = -1;
    if (rc) return rc;
    if (config->engine.pin) pin(heritage->idx);
    rc = map_segments(engine, err);
    if (!rc) rc = open_channels(engine, share, err);
    if (rc) return rc;
    hs_counter_set(engine->process.counters, HS_COUNT_connections_open, 0);
    adopt(engine);
    return hs_role_ready(&engine->process, err);
}

int hs_engine_main(const struct hs_heritage *heritage)
{
    struct engine *engine = calloc(1, sizeof *engine); /* lives as long as the process */
    struct hs_err  err = {0};

    if (!engine) return 1;
    if (open_engine(engine, heritage, &err)) return hs_role_exit_code(&err);
    tell(engine, HS_ENGINE_IDLE, 0, 0, "");
    return hs_role_serve(&engine->process, &hooks, engine);
}
