// SPDX-License-Identifier: Apache-2.0
/* gate_managers.c - the gate's side of its datacenters: gives them jobs, tells them of cancels and timeouts, takes progress
 * and results. Everything is repeated until it is answered, and so needs no memory of what was said (jobs.md 7.4, 7.13). */
#include "roles/counters.h"
#include "roles/gate/gate.h"
#include "roles/result_code.h"
#include "shm/base/time.h"

#include <stdio.h>
#include <string.h>

#define TELL_AGAIN_NS  HS_NS_PER_S
#define FETCH_AGAIN_NS HS_NS_PER_S

static int manager_of(const struct hs_gate *gate, const char *datacenter)
{
    for (int i = 0; i < HS_GATE_MANAGERS_MAX; i++)
        if (gate->managers[i].is_up && strcmp(gate->managers[i].datacenter, datacenter) == 0)
            return i;
    return -1;
}

static int slot_of(const struct hs_gate_job *job, const char *datacenter)
{
    for (int i = 0; i < job->slot_count; i++)
        if (strcmp(job->slots[i].datacenter, datacenter) == 0) return i;
    return -1;
}

static void send(struct hs_gate *gate, unsigned manager, enum hs_msg_type type, const void *message)
{
    /* a full queue: the link is stuck; what matters is sent again */
    HS_IGNORE(gate->out.send(gate->out.self, manager, type, message), "repeated until answered");
}

/* ---- links ---- */

void hs_gate_manager_up(struct hs_gate *gate, unsigned manager, const char *datacenter)
{
    struct hs_gate_manager *at = &gate->managers[manager];

    *at = (struct hs_gate_manager){
        .is_up = true, .heard_at_ns = gate->now_ns, .joined_at_ns = gate->now_ns};
    (void)snprintf(at->datacenter, sizeof at->datacenter, "%s", datacenter);
    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++) { /* whatever it was told, it may not know */
        struct hs_gate_job *job = &gate->fsm->jobs[i];
        int                 slot = job->phase == HS_GATE_FREE ? -1 : slot_of(job, at->datacenter);

        if (slot < 0) continue;
        gate->soft[i].links[slot].is_acked = false;
        gate->soft[i].links[slot].is_told = false;
        gate->soft[i].links[slot].retry_at_ns = 0;
        gate->soft[i].links[slot].attempts = 0;
    }
    gate->out.show_manager(gate->out.self, manager);
}

void hs_gate_manager_down(struct hs_gate *gate, unsigned manager)
{
    gate->managers[manager].is_up = false;
    if (gate->fetch.is_busy && gate->fetch.manager == manager && !gate->fetch.is_proposed)
        gate->fetch.is_busy = false; /* the manager will tell again */
    gate->out.show_manager(gate->out.self, manager);
}

/* ---- telling ---- */

static uint64_t remaining_ns(const struct hs_gate *gate, const struct hs_gate_soft *soft)
{
    if (soft->deadline_ns == HS_NEVER_NS) return HS_NEVER_NS;
    return soft->deadline_ns > gate->now_ns ? soft->deadline_ns - gate->now_ns : 1;
}

static void send_dispatch(struct hs_gate *gate, unsigned manager, const struct hs_gate_job *job,
                          unsigned slot)
{
    struct hs_msg_job_dispatch message = {.birth_fence = job->birth_fence,
                                          .gate_fence = job->gate_fence,
                                          .plan_bytes = job->plan_bytes,
                                          .remaining_ns =
                                              remaining_ns(gate, hs_gate_soft_of(gate, job)),
                                          .flags = job->flags,
                                          .datacenter_idx = (uint16_t)slot,
                                          .datacenter_count = job->slot_count};

    memcpy(message.job_id, job->id, sizeof message.job_id);
    memcpy(message.digest, job->digest.bytes, sizeof message.digest);
    (void)snprintf(message.name, sizeof message.name, "%s", job->name);
    if (job->plan_bytes <= HS_WIRE_PART_BYTES_MAX &&
        gate->out.blob_get(gate->out.self, &job->digest, gate->blob_memory,
                           HS_LEDGER_BLOB_BYTES_MAX) == (int64_t)job->plan_bytes)
        message.plan = hs_view_of(gate->blob_memory, job->plan_bytes);
    send(gate, manager, HS_MSG_JOB_DISPATCH, &message);
}

static void send_cancel(struct hs_gate *gate, unsigned manager, const struct hs_gate_job *job,
                        uint16_t workflow, uint8_t cascade)
{
    struct hs_msg_job_cancel message = {
        .gate_fence = job->gate_fence, .workflow = workflow, .cascade = cascade};

    memcpy(message.job_id, job->id, sizeof message.job_id);
    if (job->request_count)
        memcpy(message.request_id, job->requests[(job->request_count - 1) % HS_GATE_REQUESTS_MAX],
               sizeof message.request_id);
    (void)snprintf(message.reason, sizeof message.reason, "%s", job->reason);
    send(gate, manager, HS_MSG_JOB_CANCEL, &message);
}

static void send_timeout(struct hs_gate *gate, unsigned manager, const struct hs_gate_job *job)
{
    struct hs_msg_job_timeout message = {.gate_fence = job->gate_fence};

    memcpy(message.job_id, job->id, sizeof message.job_id);
    (void)snprintf(message.reason, sizeof message.reason, "%s", job->reason);
    send(gate, manager, HS_MSG_JOB_TIMEOUT, &message);
}

static void send_release(struct hs_gate *gate, unsigned manager, const struct hs_gate_job *job)
{
    struct hs_msg_job_release message = {.gate_fence = job->gate_fence};

    memcpy(message.job_id, job->id, sizeof message.job_id);
    send(gate, manager, HS_MSG_JOB_RELEASE, &message);
}

static void propose_slot(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot,
                         enum hs_gate_slot_op op, uint64_t fence, const char *reason)
{
    struct hs_gate_entry entry = {.kind = HS_GATE_DC_SLOT};
    struct hs_gate_link *link = &hs_gate_soft_of(gate, job)->links[slot];

    memcpy(entry.as.slot.job_id, job->id, HS_JOB_ID_BYTES);
    entry.as.slot.slot = (uint16_t)slot;
    entry.as.slot.op = (uint8_t)op;
    entry.as.slot.manager_fence = fence;
    (void)snprintf(entry.as.slot.reason, sizeof entry.as.slot.reason, "%s", reason);
    link->is_proposed =
        hs_gate_propose(gate, &entry, hs_gate_slot_token(hs_gate_job_idx(gate->fsm, job), slot)) ==
        0;
}

/* Dispatch until it is acknowledged, or so often that nobody is there. */
static void dispatch(struct hs_gate *gate, struct hs_gate_job *job, unsigned slot, int manager)
{
    struct hs_gate_link *link = &hs_gate_soft_of(gate, job)->links[slot];

    link->retry_at_ns = gate->now_ns + gate->limits.dispatch_ack_timeout_ns;
    if (link->attempts >= gate->limits.dispatch_attempts &&
        job->slots[slot].state == HS_GATE_SLOT_PLANNED) {
        propose_slot(gate, job, slot, HS_GATE_SLOT_REFUSED, 0,
                     "the datacenter's manager did not answer");
        return;
    }
    if (manager < 0) return; /* its coming sets retry_at_ns to 0 */
    if (link->attempts++) gate->out.count(gate->out.self, HS_COUNT_dispatch_repeats);
    send_dispatch(gate, (unsigned)manager, job, slot);
}

static void tell_workflows(struct hs_gate *gate, const struct hs_gate_job *job, int manager)
{
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

    for (uint16_t i = 0; manager >= 0 && i < job->workflow_count; i++)
        if (soft->cancel_workflows[i] == 1)
            send_cancel(gate, (unsigned)manager, job, i, soft->cancel_cascades[i]);
}

static bool has_workflows_to_tell(const struct hs_gate_job *job, const struct hs_gate_soft *soft)
{
    for (uint16_t i = 0; i < job->workflow_count; i++)
        if (soft->cancel_workflows[i] == 1) return true;
    return false;
}

/* What this datacenter must hear now. */
static void tell(struct hs_gate *gate, struct hs_gate_job *job, unsigned slot)
{
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);
    struct hs_gate_link *link = &soft->links[slot];
    int                  manager = manager_of(gate, job->slots[slot].datacenter);

    link->retry_at_ns = gate->now_ns + TELL_AGAIN_NS;
    if (job->phase == HS_GATE_DONE) {
        if (manager >= 0) send_release(gate, (unsigned)manager, job);
    } else if (!link->is_acked) {
        dispatch(gate, job, slot, manager);
    } else if (manager < 0) {
        return;
    } else if (job->phase == HS_GATE_CANCELLING && !link->is_told) {
        send_cancel(gate, (unsigned)manager, job, HS_WORKFLOW_ALL, 1);
    } else if (job->phase == HS_GATE_TIMING_OUT && !link->is_told) {
        send_timeout(gate, (unsigned)manager, job);
    } else {
        tell_workflows(gate, job, manager);
    }
}

static bool has_to_tell(const struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot)
{
    const struct hs_gate_soft *soft = &gate->soft[hs_gate_job_idx(gate->fsm, job)];
    const struct hs_gate_link *link = &soft->links[slot];

    if (job->phase == HS_GATE_DONE) return !link->is_released;
    if (hs_gate_is_slot_over(&job->slots[slot]) || link->is_proposed) return false;
    if (!link->is_acked) return true;
    if (job->phase != HS_GATE_ACTIVE) return !link->is_told;
    return has_workflows_to_tell(job, soft);
}

uint64_t hs_gate_turn_job(struct hs_gate *gate, struct hs_gate_job *job)
{
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);
    uint64_t             next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < job->slot_count; i++) {
        if (!has_to_tell(gate, job, i)) continue;
        if (soft->links[i].retry_at_ns <= gate->now_ns) tell(gate, job, i);
        next_ns = hs_min_u64(next_ns, soft->links[i].retry_at_ns);
    }
    return next_ns;
}

/* ---- answers ---- */

static void on_dispatch_ack(struct hs_gate *gate, struct hs_gate_job *job, unsigned slot,
                            const struct hs_msg_job_dispatch_ack *ack)
{
    struct hs_gate_link *link = &hs_gate_soft_of(gate, job)->links[slot];

    if (ack->code == HS_RESULT_OK) {
        link->is_acked = true;
        link->retry_at_ns = 0;
        if (job->slots[slot].state == HS_GATE_SLOT_PLANNED ||
            job->slots[slot].manager_fence < ack->manager_fence)
            propose_slot(gate, job, slot, HS_GATE_SLOT_ACCEPTED, ack->manager_fence, "");
    } else if (hs_result_code_class(ack->code) == HS_RESULT_CLASS_TRANSIENT) {
        link->attempts = 0;
        link->retry_at_ns =
            gate->now_ns + (ack->retry_after_ns ? ack->retry_after_ns : TELL_AGAIN_NS);
    } else if (ack->code != HS_RESULT_STALE_FENCE) {
        propose_slot(gate, job, slot, HS_GATE_SLOT_REFUSED, 0,
                     ack->text[0] ? ack->text : hs_result_code_name(ack->code));
    }
}

static void on_told(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot,
                    uint16_t code)
{
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

    if (hs_result_code_class(code) == HS_RESULT_CLASS_TRANSIENT) return;
    if (job->phase != HS_GATE_ACTIVE) soft->links[slot].is_told = true;
    for (uint16_t i = 0; i < job->workflow_count; i++)
        if (soft->cancel_workflows[i] == 1) soft->cancel_workflows[i] = 2;
}

/* ---- progress ---- */

static bool is_newer(const struct hs_gate_link *link, const struct hs_msg_dc_progress *message)
{
    if (message->manager_fence != link->progress_fence)
        return message->manager_fence > link->progress_fence;
    return message->pseq > link->progress_seq ||
           (message->pseq == link->progress_seq && message->part); /* more of the same */
}

static void take_rows(struct hs_gate_soft *soft, const struct hs_gate_job *job, struct hs_view rows)
{
    struct hs_msg_workflow_row row;
    struct hs_reader           reader;

    hs_reader_init(&reader, rows);
    while (hs_wire_get_row(HS_MSG_WORKFLOW_ROW, &reader, &row) == 1)
        if (row.workflow < job->workflow_count) soft->live_states[row.workflow] = row.status;
}

static void on_progress(struct hs_gate *gate, unsigned manager, struct hs_gate_job *job,
                        unsigned slot, const struct hs_msg_dc_progress *message)
{
    struct hs_gate_soft          *soft = hs_gate_soft_of(gate, job);
    struct hs_gate_link          *link = &soft->links[slot];
    struct hs_msg_dc_progress_ack ack = {.pseq = message->pseq, .code = HS_RESULT_OK};

    memcpy(ack.job_id, job->id, sizeof ack.job_id);
    if (job->phase == HS_GATE_DONE) {
        ack.code = HS_RESULT_ALREADY_DONE;
    } else if (!is_newer(link, message)) {
        ack.code =
            message->manager_fence < link->progress_fence ? HS_RESULT_STALE_FENCE : HS_RESULT_OK;
    } else {
        link->progress_fence = message->manager_fence;
        link->progress_seq = message->pseq;
        link->heard_at_ns = gate->now_ns;
        soft->phase = message->phase;
        soft->elapsed_ns = hs_max_u64(soft->elapsed_ns, message->elapsed_ns);
        if (message->planned_ns) soft->planned_ns = message->planned_ns;
        take_rows(soft, job, message->workflows);
        ack.need_full = hs_progress_take(gate->progress, hs_gate_job_idx(gate->fsm, job), slot,
                                         message->payload) != 0;
        soft->is_row_dirty = true;
    }
    send(gate, manager, HS_MSG_DC_PROGRESS_ACK, &ack);
}

/* ---- results ---- */

static void answer_results(struct hs_gate *gate, unsigned manager, const uint8_t *job_id,
                           uint32_t code)
{
    struct hs_msg_dc_results_ack ack = {.code = (uint16_t)code,
                                        .durable_seq = gate->fsm->leader_fence};

    memcpy(ack.job_id, job_id, sizeof ack.job_id);
    send(gate, manager, HS_MSG_DC_RESULTS_ACK, &ack);
}

static bool read_items(const struct hs_msg_dc_results *message, struct hs_gate_results *results)
{
    struct hs_msg_result_item item;
    struct hs_reader          reader;
    int                       rc;

    hs_reader_init(&reader, message->items);
    while ((rc = hs_wire_get_row(HS_MSG_RESULT_ITEM, &reader, &item)) == 1) {
        static const uint8_t none[HS_DIGEST_BYTES];
        struct hs_gate_item *into = &results->items[results->count];

        if (results->count == HS_GATE_ENTRY_ITEMS) return false;
        into->workflow = item.workflow;
        into->status = item.status;
        into->has_record =
            item.workflow != HS_WORKFLOW_ALL && memcmp(item.digest, none, sizeof none) != 0;
        memcpy(into->digest.bytes, item.digest, sizeof into->digest.bytes);
        if (item.text[0]) (void)snprintf(results->reason, sizeof results->reason, "%s", item.text);
        results->count++;
    }
    return rc == 0 && results->count > 0;
}

static void ask_piece(struct hs_gate *gate)
{
    struct hs_gate_fetch  *fetch = &gate->fetch;
    struct hs_msg_blob_get get = {.offset_bytes = fetch->have_bytes};

    memcpy(get.digest, fetch->results.items[fetch->next_item].digest.bytes, sizeof get.digest);
    memcpy(get.job_id, fetch->results.job_id, sizeof get.job_id);
    fetch->asked_at_ns = gate->now_ns;
    send(gate, fetch->manager, HS_MSG_BLOB_GET, &get);
}

/* The next record that is not here yet, or all are: then decide. */
static void go_on_fetching(struct hs_gate *gate)
{
    struct hs_gate_fetch *fetch = &gate->fetch;
    struct hs_gate_entry  entry = {.kind = HS_GATE_RESULTS};

    fetch->have_bytes = 0;
    while (fetch->next_item < fetch->results.count) {
        const struct hs_gate_item *item = &fetch->results.items[fetch->next_item];

        if (item->has_record && gate->out.blob_get(gate->out.self, &item->digest, NULL, 0) < 0) {
            ask_piece(gate);
            return;
        }
        fetch->next_item++;
    }
    entry.as.results = fetch->results;
    fetch->token = ++gate->next_token;
    fetch->is_proposed = hs_gate_propose(gate, &entry, fetch->token) == 0;
    if (!fetch->is_proposed) fetch->is_busy = false; /* told again in a moment */
}

static void on_results(struct hs_gate *gate, unsigned manager, const struct hs_gate_job *job,
                       unsigned slot, const struct hs_msg_dc_results *message)
{
    struct hs_gate_fetch *fetch = &gate->fetch;

    if (job->phase == HS_GATE_DONE) {
        gate->out.count(gate->out.self, HS_COUNT_late_results);
        answer_results(gate, manager, job->id, HS_RESULT_OK);
        return;
    }
    if (fetch->is_busy) return; /* one after another; it is told again */
    *fetch = (struct hs_gate_fetch){.is_busy = true, .manager = manager};
    memcpy(fetch->results.job_id, job->id, HS_JOB_ID_BYTES);
    fetch->results.slot = (uint16_t)slot;
    fetch->results.manager_fence = message->manager_fence;
    if (!read_items(message, &fetch->results)) {
        fetch->is_busy = false;
        answer_results(gate, manager, job->id, HS_RESULT_INVALID);
        return;
    }
    go_on_fetching(gate);
}

static void on_blob_data(struct hs_gate *gate, unsigned manager,
                         const struct hs_msg_blob_data *data)
{
    struct hs_gate_fetch   *fetch = &gate->fetch;
    struct hs_gate_item    *item = &fetch->results.items[fetch->next_item];
    struct hs_ledger_digest digest;

    if (!fetch->is_busy || fetch->is_proposed || fetch->manager != manager ||
        memcmp(item->digest.bytes, data->digest, sizeof data->digest) != 0 ||
        data->offset_bytes != fetch->have_bytes)
        return; /* of an earlier question */
    if (data->code != HS_RESULT_OK || data->total_bytes > HS_LEDGER_BLOB_BYTES_MAX ||
        data->data.bytes > data->total_bytes - fetch->have_bytes || !data->data.bytes) {
        item->has_record = 0; /* it is not to be had: the states count, the figures are missing */
        go_on_fetching(gate);
        return;
    }
    memcpy(gate->fetch_memory + fetch->have_bytes, data->data.data, data->data.bytes);
    fetch->have_bytes += data->data.bytes;
    if (fetch->have_bytes < data->total_bytes) {
        ask_piece(gate);
        return;
    }
    if (gate->out.blob_put(gate->out.self, hs_view_of(gate->fetch_memory, fetch->have_bytes),
                           &digest, 0)) {
        fetch->is_busy = false; /* the log is busy: from the beginning when it is told again */
        return;
    }
    if (memcmp(&digest, &item->digest, sizeof digest) != 0) {
        fetch->is_busy = false;
        return;
    }
    fetch->next_item++;
    go_on_fetching(gate);
}

void hs_gate_results_applied(struct hs_gate *gate, uint32_t code)
{
    struct hs_gate_fetch *fetch = &gate->fetch;
    struct hs_gate_job   *job = hs_gate_find_job(gate->fsm, fetch->results.job_id);

    answer_results(gate, fetch->manager, fetch->results.job_id,
                   code == HS_RESULT_ALREADY_DONE ? HS_RESULT_OK : code);
    fetch->is_busy = false;
    if (job) hs_gate_show(gate, job);
}

void hs_gate_turn_fetch(struct hs_gate *gate)
{
    struct hs_gate_fetch *fetch = &gate->fetch;

    if (fetch->is_busy && !fetch->is_proposed &&
        gate->now_ns - fetch->asked_at_ns >= FETCH_AGAIN_NS)
        fetch->is_busy = false; /* no answer: the manager will tell again */
}

/* ---- frames ---- */

static void on_plan_wanted(struct hs_gate *gate, unsigned manager,
                           const struct hs_msg_blob_get *get)
{
    struct hs_msg_blob_data data = {.code = HS_RESULT_UNKNOWN_BLOB,
                                    .offset_bytes = get->offset_bytes};
    struct hs_ledger_digest digest;
    int64_t                 bytes;

    memcpy(digest.bytes, get->digest, sizeof digest.bytes);
    memcpy(data.digest, get->digest, sizeof data.digest);
    bytes =
        gate->out.blob_get(gate->out.self, &digest, gate->blob_memory, HS_LEDGER_BLOB_BYTES_MAX);
    if (bytes > 0 && get->offset_bytes < (uint64_t)bytes) {
        data.code = HS_RESULT_OK;
        data.total_bytes = (uint64_t)bytes;
        data.data = hs_view_of(
            gate->blob_memory + get->offset_bytes,
            (size_t)hs_min_u64((uint64_t)bytes - get->offset_bytes, HS_WIRE_PART_BYTES_MAX));
    }
    send(gate, manager, HS_MSG_BLOB_DATA, &data);
}

static void on_heartbeat(struct hs_gate *gate, unsigned manager, const struct hs_msg_mhb *mhb)
{
    struct hs_gate_manager *at = &gate->managers[manager];

    at->heard_at_ns = gate->now_ns;
    at->fence = mhb->manager_fence;
    at->cores_total = mhb->cores_total;
    at->cores_free = mhb->cores_free;
    at->workers = mhb->workers;
    at->jobs = mhb->jobs;
    at->execs = mhb->execs;
    at->is_draining = mhb->draining != 0;
    gate->out.show_manager(gate->out.self, manager);
}

static void on_hello(struct hs_gate *gate, unsigned manager, const struct hs_msg_hello *hello)
{
    struct hs_gate_manager *at = &gate->managers[manager];

    memcpy(at->node, hello->node, sizeof at->node);
    at->incarnation = hello->incarnation;
    at->generation = hello->generation;
    (void)snprintf(at->name, sizeof at->name, "%s", hello->name);
    gate->out.show_manager(gate->out.self, manager);
}

/* The messages that begin with a job id: which job, and is it this datacenter's? */
static struct hs_gate_job *job_of(struct hs_gate *gate, unsigned manager, const uint8_t *job_id,
                                  unsigned *slot)
{
    struct hs_gate_job *job = hs_gate_find_job(gate->fsm, job_id);
    int                 at = job ? slot_of(job, gate->managers[manager].datacenter) : -1;

    if (at < 0) return NULL;
    *slot = (unsigned)at;
    return job;
}

static void on_release_ack(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot,
                           uint16_t code)
{
    if (code == HS_RESULT_OK || code == HS_RESULT_UNKNOWN_JOB)
        hs_gate_soft_of(gate, job)->links[slot].is_released = true;
}

static void on_job_frame(struct hs_gate *gate, unsigned manager, unsigned type,
                         const union hs_msg *message)
{
    unsigned            slot = 0;
    struct hs_gate_job *job = job_of(gate, manager, message->dc_results.job_id, &slot);

    if (!job) { /* forgotten, or never ours: let the manager forget it too */
        if (type == HS_MSG_DC_RESULTS)
            answer_results(gate, manager, message->dc_results.job_id, HS_RESULT_UNKNOWN_JOB);
        return;
    }
    if (type == HS_MSG_DC_PROGRESS)
        on_progress(gate, manager, job, slot, &message->dc_progress);
    else if (type == HS_MSG_DC_RESULTS)
        on_results(gate, manager, job, slot, &message->dc_results);
    else if (type == HS_MSG_JOB_DISPATCH_ACK)
        on_dispatch_ack(gate, job, slot, &message->job_dispatch_ack);
    else if (type == HS_MSG_JOB_CANCEL_ACK)
        on_told(gate, job, slot, message->job_cancel_ack.code);
    else if (type == HS_MSG_JOB_TIMEOUT_ACK)
        on_told(gate, job, slot, message->job_timeout_ack.code);
    else
        on_release_ack(gate, job, slot, message->job_release_ack.code);
}

void hs_gate_manager_frame(struct hs_gate *gate, unsigned manager, unsigned type,
                           const union hs_msg *message, uint64_t request_id)
{
    (void)request_id; /* answers name their job */
    gate->managers[manager].heard_at_ns = gate->now_ns;
    switch (type) {
    case HS_MSG_HELLO: on_hello(gate, manager, &message->hello); break;
    case HS_MSG_HELLO_ACK: break;
    case HS_MSG_MHB: on_heartbeat(gate, manager, &message->mhb); break;
    case HS_MSG_BLOB_GET: on_plan_wanted(gate, manager, &message->blob_get); break;
    case HS_MSG_BLOB_DATA: on_blob_data(gate, manager, &message->blob_data); break;
    case HS_MSG_JOB_DISPATCH_ACK:
    case HS_MSG_DC_PROGRESS:
    case HS_MSG_DC_RESULTS:
    case HS_MSG_JOB_CANCEL_ACK:
    case HS_MSG_JOB_TIMEOUT_ACK:
    case HS_MSG_JOB_RELEASE_ACK: on_job_frame(gate, manager, type, message); break;
    default: gate->out.count(gate->out.self, HS_COUNT_frames_unexpected); break;
    }
}
