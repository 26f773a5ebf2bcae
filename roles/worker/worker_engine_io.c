// SPDX-License-Identifier: Apache-2.0
/* worker_engine_io.c - rings, images and figures between the worker and its engines. */
#include "roles/worker/worker_io.h"

#include "roles/counters.h"
#include "roles/host_table.h"
#include "roles/share.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned idx_of(const struct hs_worker_engine_link *link)
{
    return (unsigned)(link - link->worker->engines);
}

static void refuse(const struct hs_worker_engine_link *link, enum hs_engine_segment which)
{
    hs_role_refuse_engine_segment(link->worker->process.heritage, idx_of(link), which);
}

/* ---- events ---- */

static void on_event(struct hs_channel_in *in, const void *message, uint64_t generation)
{
    struct hs_worker_engine_link *link = HS_CONTAINER_OF(in, struct hs_worker_engine_link, events);
    struct hs_engine_event        told;
    char                          text[sizeof told.text];
    struct hs_execs_event         event = {.engine_idx = idx_of(link), .generation = generation};

    memcpy(&told, message, sizeof told);
    (void)snprintf(text, sizeof text, "%.*s", (int)sizeof text - 1, told.text);
    event.run_id = told.run_id;
    event.text = text;
    switch (told.type) {
    case HS_ENGINE_IDLE: event.type = HS_EXECS_ENGINE_IDLE; break;
    case HS_ENGINE_STARTED: event.type = HS_EXECS_RUN_STARTED; break;
    case HS_ENGINE_DONE: event.type = HS_EXECS_RUN_ENDED; break;
    case HS_ENGINE_FAILED:
        event.type = HS_EXECS_RUN_ENDED;
        event.code = told.code < 0 ? told.code : -EIO;
        hs_log(HS_LOG_WARN, "worker", "engine.%u run failed: %s", idx_of(link), text);
        break;
    default: return;
    }
    hs_worker_step(link->worker, &event);
}

static void on_fault(struct hs_channel_in *in, int reason)
{
    struct hs_worker_engine_link *link = HS_CONTAINER_OF(in, struct hs_worker_engine_link, events);

    hs_log(HS_LOG_ERROR, "worker", "ring of engine.%u unusable: %s", idx_of(link),
           hs_err_code_text(reason));
    refuse(link, HS_ENGINE_EVENTS);
}

/* The last words of a life come before the news of its end: all that a ring can hold. An engine
 * that goes on talking meanwhile is heard in turn. */
static void hear_out(struct hs_worker_engine_link *link)
{
    for (unsigned heard = 0; heard < HS_ENGINE_RING_SLOTS;) {
        unsigned count = hs_channel_drain(&link->events);

        if (count < HS_CHANNEL_BURST) return;
        heard += count;
    }
}

static void close_link(struct hs_worker_engine_link *link)
{
    if (link->fd >= 0) close(link->fd);
    link->fd = -1;
}

void hs_worker_engine_linked(struct hs_worker *worker, unsigned idx, uint64_t generation, int fd)
{
    struct hs_execs_event event = {
        .type = HS_EXECS_ENGINE_UP, .engine_idx = idx, .generation = generation};

    close_link(&worker->engines[idx]);
    worker->engines[idx].fd = fd;
    hear_out(&worker->engines[idx]);
    hs_worker_step(worker, &event);
}

void hs_worker_engine_down(struct hs_worker *worker, unsigned idx, uint64_t generation)
{
    struct hs_execs_event event = {
        .type = HS_EXECS_ENGINE_DOWN, .engine_idx = idx, .generation = generation};

    if (generation >= worker->execs.engines[idx].generation) close_link(&worker->engines[idx]);
    hear_out(&worker->engines[idx]);
    hs_worker_step(worker, &event);
}

/* ---- commands ---- */

static int send_image(const struct hs_worker_engine_link *link, const struct hs_worker_plan *plan,
                      uint64_t image_token)
{
    struct hs_engine_image name = {.image_token = image_token, .image_bytes = plan->image_bytes};
    union {
        char           bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    struct iovec    vector = {.iov_base = &name, .iov_len = sizeof name};
    struct msghdr   message = {.msg_iov = &vector,
                               .msg_iovlen = 1,
                               .msg_control = control.bytes,
                               .msg_controllen = sizeof control.bytes};
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);

    if (link->fd < 0 || plan->image_fd < 0) return -ENOTCONN;
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(first), &plan->image_fd, sizeof(int));
    return sendmsg(link->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void push(struct hs_worker_engine_link *link, const struct hs_engine_command *command)
{
    int rc = hs_channel_push(&link->commands, command);

    hs_counter_add(link->worker->process.counters, HS_COUNT_engine_commands, 1);
    if (rc < 0) /* the part's own deadline finds out */
        hs_log(HS_LOG_ERROR, "worker", "command to engine.%u not given: %s", idx_of(link),
               hs_err_code_text(rc));
    if (rc == -EPROTO) refuse(link, HS_ENGINE_COMMANDS);
}

void hs_worker_start(struct hs_worker *worker, unsigned row, unsigned part_idx)
{
    const struct hs_exec_record  *record = &worker->execs.rows[row].record;
    const struct hs_exec_part    *part = &record->parts[part_idx];
    struct hs_worker_engine_link *link = &worker->engines[part->engine_idx];
    struct hs_engine_command      command = {.type = HS_ENGINE_START,
                                             .is_resumed = part->is_resumed,
                                             .engine_generation = part->engine_generation,
                                             .run_id = part->run_id,
                                             .figures_id = part->figures_id,
                                             .exec_fence = record->fence,
                                             .image_token = record->image_token,
                                             .start_at_ns = record->start_at_ns,
                                             .iterations = part->iterations,
                                             .in_flight_max = part->in_flight_max,
                                             .share_idx = part->share_idx,
                                             .share_count = part->share_count,
                                             .vu_first = part->vu_first,
                                             .vu_count = part->vu_count};
    int                           rc = send_image(link, &worker->plans[row], record->image_token);

    memcpy(command.job_id, record->id.job_id, sizeof command.job_id);
    command.plan_word = hs_host_table_digest_word(record->digest);
    if (rc < 0)
        hs_log(HS_LOG_WARN, "worker", "image for engine.%u not sent: %s", part->engine_idx,
               hs_err_code_text(rc));
    push(link, &command);
    hs_counter_add(worker->process.counters, HS_COUNT_execs_started, part_idx == 0);
}

void hs_worker_stop_part(struct hs_worker *worker, const struct hs_execs_action *action)
{
    const struct hs_exec_part *part = &worker->execs.rows[action->row].record.parts[action->part];
    struct hs_engine_command   command = {.type = HS_ENGINE_STOP,
                                          .engine_generation = part->engine_generation,
                                          .run_id = part->run_id,
                                          .deadline_ns = action->deadline_ns};

    push(&worker->engines[part->engine_idx], &command);
}

void hs_worker_forget_figures(struct hs_worker *worker, unsigned row)
{
    const struct hs_exec_record *record = &worker->execs.rows[row].record;

    hs_counter_add(worker->process.counters, HS_COUNT_execs_ended, 1);
    for (unsigned i = 0; i < record->part_count; i++) {
        const struct hs_exec_part *part = &record->parts[i];
        struct hs_engine_command   command = {.type = HS_ENGINE_FORGET,
                                              .engine_generation = part->engine_generation,
                                              .run_id = part->run_id,
                                              .figures_id = part->figures_id,
                                              .exec_fence = record->fence};

        if (part->run_id) push(&worker->engines[part->engine_idx], &command);
        for (unsigned k = 0; k < part->void_count; k++) {
            command.figures_id = part->void_figures[k];
            push(&worker->engines[part->engine_idx], &command);
        }
    }
}

/* ---- opening ---- */

static int open_engine(struct hs_worker *worker, unsigned idx, struct hs_err *err)
{
    const struct hs_heritage     *heritage = worker->process.heritage;
    const struct hs_engine_share *share = &heritage->engines[idx];
    struct hs_worker_engine_link *link = &worker->engines[idx];
    int rc = hs_role_map_engine(heritage, idx, HS_ENGINE_COMMANDS, HS_SEGMENT_READ_WRITE,
                                &link->commands_segment, err);

    if (rc == 0)
        rc = hs_role_map_engine(heritage, idx, HS_ENGINE_EVENTS, HS_SEGMENT_READ_WRITE,
                                &link->events_segment, err);
    if (rc == 0)
        rc = hs_role_map_engine(heritage, idx, HS_ENGINE_FIGURES, HS_SEGMENT_READ_ONLY,
                                &link->figures_segment, err);
    if (rc < 0) return rc;
    worker->engine_figures[idx] = hs_segment_body(&link->figures_segment);
    rc = hs_channel_out_open(&link->commands, hs_segment_body(&link->commands_segment),
                             &hs_engine_ring_shape, heritage->generation, share->commands_bell_fd);
    if (rc == -EPROTO) refuse(link, HS_ENGINE_COMMANDS);
    if (rc < 0) return hs_err_set(err, rc, "ring of commands of engine.%u", idx);
    link->events.on_message = on_event;
    link->events.on_fault = on_fault;
    link->events.owner = link;
    rc = hs_channel_in_open(&link->events, worker->process.loop,
                            hs_segment_body(&link->events_segment), &hs_engine_ring_shape,
                            share->events_bell_fd);
    if (rc == -EPROTO) refuse(link, HS_ENGINE_EVENTS);
    return rc < 0 ? hs_err_set(err, rc, "ring of events of engine.%u", idx) : 0;
}

int hs_worker_engines_open(struct hs_worker *worker, struct hs_err *err)
{
    for (unsigned i = 0; i < worker->execs.config.engine_count; i++) {
        int rc;

        worker->engines[i].worker = worker;
        worker->engines[i].fd = -1;
        rc = open_engine(worker, i, err);
        if (rc < 0) return rc;
    }
    return 0;
}

uint64_t hs_worker_engines_turn(struct hs_worker *worker, uint64_t now_ns)
{
    uint64_t deadline_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < worker->execs.config.engine_count; i++) {
        struct hs_channel_in *events = &worker->engines[i].events;

        hs_channel_in_turn(events, now_ns);
        deadline_ns = hs_min_u64(deadline_ns, hs_channel_in_deadline_ns(events));
    }
    return deadline_ns;
}
