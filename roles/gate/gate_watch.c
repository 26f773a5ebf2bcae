// SPDX-License-Identifier: Apache-2.0
/* gate_watch.c - tells subscribers: every event once and in order, again from where a client says
 * it stands; and statistics, which are left out for whoever does not keep up (jobs.md 7.15). */
#include "roles/gate/gate_inner.h"
#include "roles/result_code.h"
#include "roles/stats/step_parts.h"
#include "shm/base/time.h"

#include <stdio.h>
#include <string.h>

/* ---- subscriptions ---- */

static bool is_for(const struct hs_gate *gate, const struct hs_gate_subscription *subscription,
                   const struct hs_gate_job *job)
{
    return subscription->is_used && subscription->job_idx == hs_gate_job_idx(gate->fsm, job) &&
           subscription->birth_fence == job->birth_fence;
}

static struct hs_gate_subscription *take_subscription(struct hs_gate *gate, unsigned client,
                                                      const struct hs_gate_job *job)
{
    struct hs_gate_subscription *unused = NULL;
    unsigned                     others = 0;

    for (unsigned i = 0; i < HS_GATE_SUBSCRIPTIONS_MAX; i++) {
        struct hs_gate_subscription *at = &gate->subscriptions[i];

        if (is_for(gate, at, job) && at->client == client) return at;
        others += is_for(gate, at, job);
        if (!at->is_used && !unused) unused = at;
    }
    return others < HS_GATE_SUBSCRIBERS_PER_JOB_MAX ? unused : NULL;
}

static uint64_t interval_of(const struct hs_gate *gate, const struct hs_msg_subscribe *subscribe)
{
    uint64_t wanted_ns = subscribe->stats_interval_ns ? subscribe->stats_interval_ns : HS_NS_PER_S;

    return hs_min_u64(hs_max_u64(wanted_ns, gate->limits.progress_interval_ns), 60 * HS_NS_PER_S);
}

void hs_gate_subscribe(struct hs_gate *gate, unsigned client,
                       const struct hs_msg_subscribe *subscribe, uint64_t request_id)
{
    struct hs_gate_job          *job = hs_gate_find_job(gate->fsm, subscribe->job_id);
    struct hs_gate_subscription *subscription = job ? take_subscription(gate, client, job) : NULL;
    struct hs_msg_subscribe_ack  ack = {.code = HS_RESULT_OK};

    gate->due_ns = 0;
    if (!subscription) {
        ack.code = job ? HS_RESULT_BUSY : HS_RESULT_UNKNOWN_JOB;
        hs_gate_reply(gate, client, HS_MSG_SUBSCRIBE_ACK, &ack, request_id);
        return;
    }
    *subscription = (struct hs_gate_subscription){
        .is_used = true,
        .wants_stats = subscribe->want_stats != 0,
        .client = client,
        .job_idx = hs_gate_job_idx(gate->fsm, job),
        .birth_fence = job->birth_fence,
        .sent_events = hs_min_u64(subscribe->last_event, job->event_count) & UINT16_MAX,
        .interval_ns = interval_of(gate, subscribe)};
    gate->clients[client].has_watched = true;
    memcpy(ack.job_id, job->id, sizeof ack.job_id);
    ack.status = (uint8_t)hs_gate_display(job);
    ack.oldest = 1;
    ack.latest = job->event_count;
    ack.elapsed_ns = hs_gate_soft_of(gate, job)->elapsed_ns;
    ack.workflows = job->workflow_count;
    (void)snprintf(ack.name, sizeof ack.name, "%s", job->name);
    hs_gate_reply(gate, client, HS_MSG_SUBSCRIBE_ACK, &ack, request_id);
}

/* Whoever has seen the end needs nothing more. */
void hs_gate_take_event_ack(struct hs_gate *gate, unsigned client,
                            const struct hs_msg_event_ack *ack)
{
    struct hs_gate_job *job = hs_gate_find_job(gate->fsm, ack->job_id);

    for (unsigned i = 0; job && i < HS_GATE_SUBSCRIPTIONS_MAX; i++) {
        struct hs_gate_subscription *at = &gate->subscriptions[i];

        if (is_for(gate, at, job) && at->client == client && job->phase == HS_GATE_DONE &&
            ack->event_no >= job->event_count)
            at->is_used = false;
    }
}

/* ---- events ---- */

static void push_event(struct hs_gate *gate, struct hs_gate_subscription *subscription,
                       const struct hs_gate_job *job)
{
    const struct hs_gate_soft  *soft = hs_gate_soft_of(gate, job);
    const struct hs_gate_event *event = &job->events[subscription->sent_events];
    struct hs_msg_event         message = {.event_no = subscription->sent_events + 1,
                                           .kind = event->kind,
                                           .status = event->status,
                                           .workflow = event->workflow,
                                           .elapsed_ns = soft->elapsed_ns};

    memcpy(message.job_id, job->id, sizeof message.job_id);
    if (event->kind == HS_EVENT_WORKFLOW)
        (void)snprintf(message.text, sizeof message.text, "%s",
                       soft->workflow_names[event->workflow]);
    else if (event->kind != HS_EVENT_ACCEPTED && event->kind != HS_EVENT_RUNNING)
        (void)snprintf(message.text, sizeof message.text, "%s", job->reason);
    subscription->sent_events++;
    hs_gate_reply(gate, subscription->client, HS_MSG_EVENT, &message, 0);
}

/* ---- statistics ---- */

struct frame_no {
    uint16_t part;
    bool     is_last; /* else at least one more comes */
};

static void push_frame(struct hs_gate *gate, struct hs_gate_subscription *subscription,
                       const struct hs_gate_job *job, struct hs_writer *payload, struct frame_no no)
{
    const struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);
    struct hs_msg_stats        message = {.snap_no = subscription->snap_no,
                                          .elapsed_ns = soft->elapsed_ns,
                                          .status = (uint8_t)hs_gate_display(job),
                                          .phase = soft->phase,
                                          .part = no.part,
                                          .parts = (uint16_t)(no.part + (no.is_last ? 1 : 2)),
                                          .planned_ns = soft->planned_ns};

    memcpy(message.job_id, job->id, sizeof message.job_id);
    message.payload = hs_view_of(payload->data, payload->used_bytes);
    payload->used_bytes = 0;
    HS_IGNORE(gate->out.push_latest(gate->out.self, subscription->client, HS_MSG_STATS, &message),
              "the next one says more");
}

/* Whole figures of every step, in as many frames as they need; each can be taken as it comes. */
static void push_stats(struct hs_gate *gate, struct hs_gate_subscription *subscription,
                       const struct hs_gate_job *job)
{
    const struct hs_progress_step *step;
    struct hs_writer               payload;
    uint32_t                       cursor = 0;
    uint16_t                       part = 0;
    uint64_t                       sequence;

    subscription->next_stats_ns = gate->now_ns + subscription->interval_ns;
    if (gate->out.is_behind(gate->out.self, subscription->client)) return;
    subscription->snap_no++;
    sequence = (uint64_t)subscription->snap_no << 16;
    hs_writer_init(&payload, gate->stats_memory, HS_WIRE_PART_BYTES_MAX);
    while ((step = hs_progress_next(gate->progress, hs_gate_job_idx(gate->fsm, job), &cursor))) {
        struct hs_stats_encoder encoder;

        hs_stats_encoder_init(&encoder, &step->merge.total, NULL);
        while (hs_step_parts_put(&payload, step->step, &encoder, &sequence) == 1) {
            push_frame(gate, subscription, job, &payload, (struct frame_no){.part = part});
            part++;
        }
    }
    push_frame(gate, subscription, job, &payload, (struct frame_no){.part = part, .is_last = true});
}

static uint64_t serve(struct hs_gate *gate, struct hs_gate_subscription *subscription)
{
    const struct hs_gate_job *job = &gate->fsm->jobs[subscription->job_idx];

    if (job->phase == HS_GATE_FREE || job->birth_fence != subscription->birth_fence) {
        subscription->is_used = false;
        return HS_NEVER_NS;
    }
    if (subscription->wants_stats && job->phase != HS_GATE_DONE &&
        gate->now_ns >= subscription->next_stats_ns)
        push_stats(gate, subscription, job);
    while (subscription->is_used && subscription->sent_events < job->event_count)
        push_event(gate, subscription, job);
    return subscription->wants_stats && job->phase != HS_GATE_DONE ? subscription->next_stats_ns
                                                                   : HS_NEVER_NS;
}

uint64_t hs_gate_turn_watch(struct hs_gate *gate)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < HS_GATE_SUBSCRIPTIONS_MAX; i++)
        if (gate->subscriptions[i].is_used)
            next_ns = hs_min_u64(next_ns, serve(gate, &gate->subscriptions[i]));
    return next_ns;
}
