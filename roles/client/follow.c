// SPDX-License-Identifier: Apache-2.0
/* follow.c - decides what to ask next, and what an answer means. */
#include "roles/client/follow.h"

#include "roles/job_table.h"
#include "roles/result_code.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_TIMEOUT_NS (5 * HS_NS_PER_S)
#define RETRY_MIN_NS      (20 * HS_NS_PER_MS)
#define RETRY_MAX_NS      (10 * HS_NS_PER_S)

static void enter(struct hs_follow *follow, enum hs_follow_state state, uint64_t deadline_ns)
{
    follow->state = state;
    follow->deadline_ns = deadline_ns;
}

static void finish(struct hs_follow *follow, int code, const char *text)
{
    follow->code = code;
    if (text && text[0]) (void)snprintf(follow->text, sizeof follow->text, "%.255s", text);
    enter(follow, HS_FOLLOW_DONE, HS_NEVER_NS);
}

static struct hs_follow_action *add(struct hs_follow_actions  *actions,
                                    enum hs_follow_action_type type, enum hs_msg_type message_type)
{
    struct hs_follow_action *action = &actions->at[actions->count];

    HS_ASSERT(actions->count < HS_FOLLOW_ACTIONS_MAX);
    actions->count++;
    memset(action, 0, sizeof *action);
    action->type = type;
    action->message_type = message_type;
    return action;
}

/* ---- what is asked, and asked again when no answer comes ---- */

static void send_hello(struct hs_follow_actions *actions)
{
    struct hs_msg_hello *hello = &add(actions, HS_FOLLOW_SEND, HS_MSG_HELLO)->message.hello;

    hello->role = HS_ROLE_CLIENT;
    hello->version = 1;
}

static void send_piece(struct hs_follow *follow, struct hs_follow_actions *actions)
{
    struct hs_msg_blob_put *put = &add(actions, HS_FOLLOW_SEND, HS_MSG_BLOB_PUT)->message.blob_put;
    uint64_t                left_bytes = follow->config.plan.bytes - follow->put_bytes;

    memcpy(put->digest, follow->config.digest, sizeof put->digest);
    put->total_bytes = follow->config.plan.bytes;
    put->offset_bytes = follow->put_bytes;
    put->data = hs_view_of(follow->config.plan.data + follow->put_bytes,
                           hs_min_u64(left_bytes, HS_WIRE_PART_BYTES_MAX));
}

static void send_submit(struct hs_follow *follow, struct hs_follow_actions *actions)
{
    const struct hs_follow_config *config = &follow->config;
    struct hs_msg_submit *submit = &add(actions, HS_FOLLOW_SEND, HS_MSG_SUBMIT)->message.submit;

    (void)snprintf(submit->client_id, sizeof submit->client_id, "%s", config->client_id);
    (void)snprintf(submit->name, sizeof submit->name, "%s", config->name);
    submit->seq = config->seq;
    submit->nonce = config->nonce;
    memcpy(submit->digest, config->digest, sizeof submit->digest);
    submit->plan_bytes = (uint32_t)config->plan.bytes;
    if (!follow->is_put) submit->plan = config->plan;
    if (follow->open_submits < UINT8_MAX) follow->open_submits++;
}

static void send_subscribe(const struct hs_follow *follow, struct hs_follow_actions *actions)
{
    struct hs_msg_subscribe *subscribe =
        &add(actions, HS_FOLLOW_SEND, HS_MSG_SUBSCRIBE)->message.subscribe;

    memcpy(subscribe->job_id, follow->config.job_id, sizeof subscribe->job_id);
    (void)snprintf(subscribe->client_id, sizeof subscribe->client_id, "%s",
                   follow->config.client_id);
    subscribe->last_event = follow->last_event;
    subscribe->want_stats = follow->config.stats_interval_ns != 0;
    subscribe->stats_interval_ns = follow->config.stats_interval_ns;
}

static void send_results_get(const struct hs_follow *follow, struct hs_follow_actions *actions)
{
    struct hs_msg_results_get *get =
        &add(actions, HS_FOLLOW_SEND, HS_MSG_RESULTS_GET)->message.results_get;

    memcpy(get->job_id, follow->config.job_id, sizeof get->job_id);
    get->offset_bytes = follow->results_bytes;
}

static void send_cancel(const struct hs_follow *follow, struct hs_follow_actions *actions)
{
    struct hs_msg_cancel *cancel = &add(actions, HS_FOLLOW_SEND, HS_MSG_CANCEL)->message.cancel;

    memcpy(cancel->job_id, follow->config.job_id, sizeof cancel->job_id);
    memcpy(cancel->request_id, follow->config.request_id, sizeof cancel->request_id);
    cancel->workflow = HS_WORKFLOW_ALL;
    (void)snprintf(cancel->requester, sizeof cancel->requester, "%s", follow->config.client_id);
    (void)snprintf(cancel->reason, sizeof cancel->reason, "interrupted by its user");
}

static bool is_cancel_due(const struct hs_follow *follow)
{
    return follow->wants_cancel && follow->has_job && !follow->is_cancel_heard &&
           !follow->has_ended;
}

/* Asks for what the state waits for. */
static void ask(struct hs_follow *follow, uint64_t now_ns, struct hs_follow_actions *actions)
{
    enter(follow, follow->state, HS_NEVER_NS);
    if (!follow->has_link) return;
    if (follow->state != HS_FOLLOW_FOLLOWING || is_cancel_due(follow))
        follow->deadline_ns = now_ns + ANSWER_TIMEOUT_NS;
    switch (follow->state) {
    case HS_FOLLOW_PUTTING: send_piece(follow, actions); break;
    case HS_FOLLOW_SUBMITTING: send_submit(follow, actions); break;
    case HS_FOLLOW_SUBSCRIBING: send_subscribe(follow, actions); break;
    case HS_FOLLOW_FETCHING: send_results_get(follow, actions); break;
    case HS_FOLLOW_FOLLOWING:
    case HS_FOLLOW_DONE: break;
    }
    if (is_cancel_due(follow)) send_cancel(follow, actions);
}

static void go(struct hs_follow *follow, enum hs_follow_state state, uint64_t now_ns,
               struct hs_follow_actions *actions)
{
    follow->give_up_ns = now_ns + follow->config.patience_ns;
    enter(follow, state, HS_NEVER_NS);
    ask(follow, now_ns, actions);
}

/* Not now: the same again a little later. */
static void put_off(struct hs_follow *follow, uint64_t now_ns, uint64_t retry_after_ns,
                    const char *text)
{
    /* why the job has ended is not written over */
    if (text[0] && !follow->has_ended)
        (void)snprintf(follow->text, sizeof follow->text, "%.255s", text);
    follow->deadline_ns =
        now_ns + hs_min_u64(hs_max_u64(retry_after_ns, RETRY_MIN_NS), RETRY_MAX_NS);
}

/* Not earlier than we were told, and not all at the same moment: up to a fifth later. */
static uint64_t spread(const struct hs_follow *follow, uint64_t retry_after_ns)
{
    uint64_t most_ns = hs_min_u64(retry_after_ns, RETRY_MAX_NS) / 5;

    return retry_after_ns + (follow->config.nonce & 0x3ff) * most_ns / 1024;
}

bool hs_follow_is_bound(const struct hs_follow *follow)
{
    return follow->is_known || follow->open_submits;
}

/* Whatever one gate has against us, another may not mind. */
static bool would_another_do(const struct hs_follow *follow, uint16_t code)
{
    if (!follow->config.has_others || hs_follow_is_bound(follow)) return false;
    if (code == HS_RESULT_UNKNOWN_JOB || code == HS_RESULT_NO_ROOM) return true;
    return hs_result_code_class(code) == HS_RESULT_CLASS_TRANSIENT;
}

static void move(struct hs_follow *follow, uint16_t code, uint64_t retry_after_ns, const char *text,
                 struct hs_follow_actions *actions)
{
    add(actions, HS_FOLLOW_MOVE, HS_MSG_REFUSED)->retry_after_ns = retry_after_ns;
    follow->refusal = code;
    if (text[0]) (void)snprintf(follow->text, sizeof follow->text, "%.255s", text);
    follow->has_link = false;
    follow->put_bytes = 0; /* the next one has nothing of it */
    enter(follow, follow->is_put ? HS_FOLLOW_PUTTING : follow->state, HS_NEVER_NS);
}

/* An answer that is not OK: elsewhere, later, or never. */
static void take_refusal(struct hs_follow *follow, uint64_t now_ns, uint16_t code,
                         uint64_t retry_after_ns, const char *text,
                         struct hs_follow_actions *actions)
{
    if (!retry_after_ns) retry_after_ns = hs_result_code_retry_ns(code);
    if (would_another_do(follow, code) && now_ns < follow->give_up_ns) {
        move(follow, code, spread(follow, retry_after_ns), text, actions);
        return;
    }
    if (hs_result_code_class(code) == HS_RESULT_CLASS_TRANSIENT && now_ns < follow->give_up_ns) {
        if (follow->refusal != code) add(actions, HS_FOLLOW_PUT_OFF, HS_MSG_REFUSED);
        follow->refusal = code;
        put_off(follow, now_ns, spread(follow, retry_after_ns), text);
        return;
    }
    follow->refusal = code;
    finish(follow, -ECANCELED, text);
}

/* ---- what answers mean ---- */

/* A no to the only submission that this gate had: it has not taken the job. With an earlier one of
 * which nothing was heard, it may have. */
static void answer_submit(struct hs_follow *follow)
{
    if (follow->open_submits == 1) follow->open_submits = 0;
}

static void on_submit_ack(struct hs_follow *follow, uint64_t now_ns,
                          const struct hs_msg_submit_ack *ack, struct hs_follow_actions *actions)
{
    if (follow->state != HS_FOLLOW_SUBMITTING) return;
    answer_submit(follow);
    if (ack->code == HS_RESULT_UNKNOWN_BLOB) { /* a gate that was born again has lost the pieces */
        follow->put_bytes = 0;
        follow->is_put = true;
        go(follow, HS_FOLLOW_PUTTING, now_ns, actions);
        return;
    }
    if (ack->code != HS_RESULT_OK) {
        if (ack->problems.bytes) add(actions, HS_FOLLOW_NEWS, HS_MSG_SUBMIT_ACK);
        take_refusal(follow, now_ns, ack->code, ack->retry_after_ns, ack->text, actions);
        return;
    }
    memcpy(follow->config.job_id, ack->job_id, sizeof follow->config.job_id);
    follow->has_job = follow->is_known = true;
    follow->refusal = 0;
    follow->text[0] = '\0';
    follow->status = ack->status;
    if (follow->config.only_submit)
        finish(follow, 0, NULL);
    else
        go(follow, HS_FOLLOW_SUBSCRIBING, now_ns, actions);
}

static void on_blob_ack(struct hs_follow *follow, uint64_t now_ns,
                        const struct hs_msg_blob_ack *ack, struct hs_follow_actions *actions)
{
    if (follow->state != HS_FOLLOW_PUTTING) return;
    if (ack->code != HS_RESULT_OK) {
        take_refusal(follow, now_ns, ack->code, 0, ack->text, actions);
        return;
    }
    if (ack->have_bytes > follow->config.plan.bytes) {
        finish(follow, -EPROTO, "the gate has more of the plan than there is");
        return;
    }
    follow->put_bytes = ack->have_bytes;
    follow->refusal = 0;
    go(follow,
       follow->put_bytes == follow->config.plan.bytes ? HS_FOLLOW_SUBMITTING : HS_FOLLOW_PUTTING,
       now_ns, actions);
}

static void on_subscribe_ack(struct hs_follow *follow, uint64_t now_ns,
                             const struct hs_msg_subscribe_ack *ack,
                             struct hs_follow_actions          *actions)
{
    if (follow->state != HS_FOLLOW_SUBSCRIBING) return;
    if (ack->code != HS_RESULT_OK) {
        take_refusal(follow, now_ns, ack->code, 0, ack->text, actions);
        return;
    }
    follow->status = ack->status;
    follow->is_known = true;
    follow->refusal = 0;
    enter(follow, HS_FOLLOW_FOLLOWING,
          is_cancel_due(follow) ? now_ns + ANSWER_TIMEOUT_NS : HS_NEVER_NS);
    add(actions, HS_FOLLOW_NEWS, HS_MSG_SUBSCRIBE_ACK);
}

static void on_event(struct hs_follow *follow, uint64_t now_ns, const struct hs_msg_event *event,
                     struct hs_follow_actions *actions)
{
    struct hs_msg_event_ack *ack =
        &add(actions, HS_FOLLOW_SEND, HS_MSG_EVENT_ACK)->message.event_ack;

    memcpy(ack->job_id, event->job_id, sizeof ack->job_id);
    ack->event_no = hs_max_u64(event->event_no, follow->last_event) & UINT32_MAX;
    if (event->event_no <= follow->last_event || follow->has_ended) return; /* a repeat */
    follow->last_event = event->event_no;
    if (event->workflow == HS_WORKFLOW_ALL) follow->status = event->status;
    add(actions, HS_FOLLOW_NEWS, HS_MSG_EVENT);
    if (event->kind != HS_EVENT_FINAL) return;
    follow->has_ended = true;
    (void)snprintf(follow->text, sizeof follow->text, "%s", event->text);
    go(follow, HS_FOLLOW_FETCHING, now_ns, actions);
}

static void on_results(struct hs_follow *follow, uint64_t now_ns,
                       const struct hs_msg_results *results, struct hs_follow_actions *actions)
{
    if (follow->state != HS_FOLLOW_FETCHING) return;
    if (results->code != HS_RESULT_OK) {
        take_refusal(follow, now_ns, results->code, 0, results->text, actions);
        return;
    }
    follow->refusal = 0;
    if (results->offset_bytes != follow->results_bytes)
        return;            /* an answer to an earlier question */
    if (!results->final) { /* they still change: from the start, a little later */
        follow->results_bytes = 0;
        put_off(follow, now_ns, 0, "");
        if (now_ns >= follow->give_up_ns) finish(follow, -ETIMEDOUT, "the results do not come");
        return;
    }
    if (results->payload.bytes) add(actions, HS_FOLLOW_TAKE, HS_MSG_RESULTS);
    follow->results_bytes += results->payload.bytes;
    follow->status = results->status;
    if (follow->results_bytes < results->total_bytes && results->payload.bytes) {
        go(follow, HS_FOLLOW_FETCHING, now_ns, actions);
        return;
    }
    follow->has_results = follow->results_bytes == results->total_bytes && results->total_bytes > 0;
    finish(follow, 0, NULL);
}

static void on_cancel_ack(struct hs_follow *follow, uint64_t now_ns,
                          const struct hs_msg_cancel_ack *ack)
{
    if (hs_result_code_class(ack->code) == HS_RESULT_CLASS_TRANSIENT) {
        if (follow->state == HS_FOLLOW_FOLLOWING)
            put_off(follow, now_ns, hs_result_code_retry_ns(ack->code), "");
        return;
    }
    follow->is_cancel_heard = true;
    if (follow->state == HS_FOLLOW_FOLLOWING) follow->deadline_ns = HS_NEVER_NS;
}

/* The gate did not read it. Of a job that is followed only a cancel is asked for again; everything
 * else comes by itself. */
static void on_refused(struct hs_follow *follow, uint64_t now_ns,
                       const struct hs_msg_refused *refused, struct hs_follow_actions *actions)
{
    if (follow->state == HS_FOLLOW_SUBMITTING) answer_submit(follow);
    if (follow->state != HS_FOLLOW_FOLLOWING ||
        hs_result_code_class(refused->code) != HS_RESULT_CLASS_TRANSIENT)
        take_refusal(follow, now_ns, refused->code, refused->retry_after_ns, refused->text,
                     actions);
    else if (is_cancel_due(follow))
        put_off(follow, now_ns, spread(follow, refused->retry_after_ns), "");
}

static void on_message(struct hs_follow *follow, uint64_t now_ns,
                       const struct hs_follow_event *event, struct hs_follow_actions *actions)
{
    const union hs_msg *message = event->message;

    /* A gate speaks to a client in few words; others (PONG) mean nothing here. */
    if (event->message_type == HS_MSG_SUBMIT_ACK)
        on_submit_ack(follow, now_ns, &message->submit_ack, actions);
    else if (event->message_type == HS_MSG_BLOB_ACK)
        on_blob_ack(follow, now_ns, &message->blob_ack, actions);
    else if (event->message_type == HS_MSG_SUBSCRIBE_ACK)
        on_subscribe_ack(follow, now_ns, &message->subscribe_ack, actions);
    else if (event->message_type == HS_MSG_EVENT)
        on_event(follow, now_ns, &message->event, actions);
    else if (event->message_type == HS_MSG_STATS && !follow->has_ended)
        add(actions, HS_FOLLOW_NEWS, HS_MSG_STATS);
    else if (event->message_type == HS_MSG_RESULTS)
        on_results(follow, now_ns, &message->results, actions);
    else if (event->message_type == HS_MSG_CANCEL_ACK)
        on_cancel_ack(follow, now_ns, &message->cancel_ack);
    else if (event->message_type == HS_MSG_REFUSED)
        on_refused(follow, now_ns, &message->refused, actions);
    else if (event->message_type == HS_MSG_HELLO_ACK && message->hello_ack.code != HS_RESULT_OK)
        take_refusal(follow, now_ns, message->hello_ack.code, 0, message->hello_ack.text, actions);
}

static void on_link_up(struct hs_follow *follow, uint64_t now_ns, struct hs_follow_actions *actions)
{
    uint64_t give_up_ns = follow->give_up_ns;

    follow->has_link = true;
    if (follow->state == HS_FOLLOW_FOLLOWING) follow->state = HS_FOLLOW_SUBSCRIBING;
    follow->is_cancel_heard =
        false; /* the gate that heard it may not have lived to write it down */
    send_hello(actions);
    go(follow, follow->state, now_ns, actions);
    if (follow->refusal) follow->give_up_ns = give_up_ns; /* to be refused by many is no progress */
}

static void on_link_down(struct hs_follow *follow, uint64_t now_ns)
{
    follow->has_link = false;
    follow->deadline_ns = HS_NEVER_NS;
    follow->put_bytes = hs_follow_is_bound(follow) ? follow->put_bytes : 0;
    follow->give_up_ns = now_ns + follow->config.patience_ns;
}

static void on_cancel(struct hs_follow *follow, uint64_t now_ns, struct hs_follow_actions *actions)
{
    follow->wants_cancel = true;
    if (!follow->has_job && (!follow->has_link || follow->state != HS_FOLLOW_SUBMITTING))
        finish(follow, -ECANCELED, "interrupted before the job was submitted");
    else if (follow->has_link && is_cancel_due(follow)) {
        send_cancel(follow, actions);
        if (follow->state == HS_FOLLOW_FOLLOWING) follow->deadline_ns = now_ns + ANSWER_TIMEOUT_NS;
    }
}

static void on_timer(struct hs_follow *follow, uint64_t now_ns, struct hs_follow_actions *actions)
{
    bool is_waiting = !follow->has_link || follow->state != HS_FOLLOW_FOLLOWING;

    if (is_waiting && now_ns >= follow->give_up_ns && follow->open_submits && !follow->has_job) {
        finish(follow, -ETIMEDOUT,
               "the gate does not answer any more, and may have taken the job (see: hyperscale "
               "list)");
        return;
    }
    if (is_waiting && now_ns >= follow->give_up_ns) {
        finish(follow, -ETIMEDOUT, follow->text[0] ? NULL : "the gate does not answer");
        return;
    }
    if (now_ns >= follow->deadline_ns) ask(follow, now_ns, actions);
}

void hs_follow_init(struct hs_follow *follow, const struct hs_follow_config *config,
                    uint64_t now_ns)
{
    bool is_large = config->plan.bytes > HS_WIRE_PART_BYTES_MAX;

    memset(follow, 0, sizeof *follow);
    follow->config = *config;
    follow->has_job = config->plan.bytes == 0;
    follow->is_put = is_large;
    follow->give_up_ns = now_ns + config->patience_ns;
    enter(follow,
          follow->has_job ? HS_FOLLOW_SUBSCRIBING
          : is_large      ? HS_FOLLOW_PUTTING
                          : HS_FOLLOW_SUBMITTING,
          HS_NEVER_NS);
}

void hs_follow_step(struct hs_follow *follow, uint64_t now_ns, const struct hs_follow_event *event,
                    struct hs_follow_actions *actions)
{
    actions->count = 0;
    if (follow->state == HS_FOLLOW_DONE) return;
    switch (event->type) {
    case HS_FOLLOW_LINK_UP: on_link_up(follow, now_ns, actions); break;
    case HS_FOLLOW_LINK_DOWN: on_link_down(follow, now_ns); break;
    case HS_FOLLOW_MESSAGE: on_message(follow, now_ns, event, actions); break;
    case HS_FOLLOW_CANCEL: on_cancel(follow, now_ns, actions); break;
    case HS_FOLLOW_NO_GATE: finish(follow, -ECANCELED, NULL); break;
    case HS_FOLLOW_TIMER: on_timer(follow, now_ns, actions); break;
    }
}

uint64_t hs_follow_deadline_ns(const struct hs_follow *follow)
{
    if (follow->state == HS_FOLLOW_DONE) return HS_NEVER_NS;
    if (follow->has_link && follow->state == HS_FOLLOW_FOLLOWING) return follow->deadline_ns;
    return hs_min_u64(follow->deadline_ns, follow->give_up_ns);
}
