// SPDX-License-Identifier: Apache-2.0
/* gate_fsm.c - applies entries (jobs.md 6.1, 6.2). */
#include "roles/gate/gate_fsm.h"

#include "roles/result_code.h"
#include "shm/base/assert.h"

#include <stdio.h>
#include <string.h>

/* ---- looking up ---- */

struct hs_gate_job *hs_gate_find_job(struct hs_gate_fsm *fsm, const uint8_t id[HS_JOB_ID_BYTES])
{
    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++)
        if (fsm->jobs[i].phase != HS_GATE_FREE && memcmp(fsm->jobs[i].id, id, HS_JOB_ID_BYTES) == 0)
            return &fsm->jobs[i];
    return NULL;
}

uint32_t hs_gate_job_idx(const struct hs_gate_fsm *fsm, const struct hs_gate_job *job)
{
    return (uint32_t)(job - fsm->jobs);
}

const struct hs_gate_record *hs_gate_next_record(const struct hs_gate_fsm *fsm,
                                                 const struct hs_gate_job *job, uint32_t *cursor)
{
    uint16_t wanted = (uint16_t)(hs_gate_job_idx(fsm, job) + 1);

    for (; *cursor < (uint32_t)job->workflow_count * job->slot_count; (*cursor)++) {
        uint16_t workflow = (uint16_t)(*cursor / job->slot_count);
        uint16_t slot = (uint16_t)(*cursor % job->slot_count);

        for (uint32_t i = 0; i < HS_GATE_RECORDS_MAX; i++) {
            const struct hs_gate_record *record = &fsm->records[i];

            if (record->job_idx_1 != wanted || record->workflow != workflow || record->slot != slot)
                continue;
            (*cursor)++;
            return record;
        }
    }
    return NULL;
}

bool hs_gate_is_slot_over(const struct hs_gate_slot *slot)
{
    return slot->state >= HS_GATE_SLOT_ENDED;
}

/* ---- endings ---- */

enum hs_job_state hs_gate_resolve(const struct hs_gate_job *job)
{
    unsigned completed = 0;
    unsigned failed = 0;
    unsigned cancelled = 0;
    unsigned timed_out = 0;

    if (job->phase == HS_GATE_CANCELLING) return HS_JOB_CANCELLED;
    if (job->phase == HS_GATE_TIMING_OUT) return HS_JOB_TIMEOUT;
    for (unsigned i = 0; i < job->slot_count; i++) {
        const struct hs_gate_slot *slot = &job->slots[i];

        completed += slot->state == HS_GATE_SLOT_ENDED && slot->status == HS_JOB_COMPLETED;
        failed += slot->state != HS_GATE_SLOT_ENDED || slot->status == HS_JOB_FAILED;
        cancelled += slot->state == HS_GATE_SLOT_ENDED && slot->status == HS_JOB_CANCELLED;
        timed_out += slot->state == HS_GATE_SLOT_ENDED && slot->status == HS_JOB_TIMEOUT;
    }
    if (completed == job->slot_count) return HS_JOB_COMPLETED;
    if (failed) return HS_JOB_FAILED;
    if (cancelled) return HS_JOB_CANCELLED;
    return timed_out ? HS_JOB_TIMEOUT : HS_JOB_PARTIAL;
}

enum hs_job_state hs_gate_display(const struct hs_gate_job *job)
{
    bool is_accepted = false;

    if (job->phase == HS_GATE_DONE) return (enum hs_job_state)job->final;
    if (job->phase == HS_GATE_CANCELLING) return HS_JOB_CANCELLING;
    if (job->phase == HS_GATE_TIMING_OUT) return HS_JOB_TIMING_OUT;
    for (unsigned i = 0; i < job->slot_count; i++)
        is_accepted = is_accepted || job->slots[i].state != HS_GATE_SLOT_PLANNED;
    return is_accepted ? HS_JOB_RUNNING : HS_JOB_DISPATCHING;
}

static void add_event(struct hs_gate_job *job, enum hs_event_kind kind, unsigned status,
                      uint16_t workflow)
{
    HS_ASSERT(job->event_count < HS_GATE_EVENTS_MAX);
    job->events[job->event_count++] = (struct hs_gate_event){
        .kind = (uint8_t)kind, .status = (uint8_t)status, .workflow = workflow};
}

static void set_reason(struct hs_gate_job *job, const char *reason)
{
    if (!job->reason[0]) (void)snprintf(job->reason, sizeof job->reason, "%s", reason);
}

static uint32_t kept_records(const struct hs_gate_fsm *fsm, const struct hs_gate_job *job)
{
    uint16_t wanted = (uint16_t)(hs_gate_job_idx(fsm, job) + 1);
    uint32_t count = 0;

    for (uint32_t i = 0; i < HS_GATE_RECORDS_MAX; i++) count += fsm->records[i].job_idx_1 == wanted;
    return count;
}

static void end_job(struct hs_gate_fsm *fsm, struct hs_gate_job *job, uint64_t seq)
{
    uint32_t reserved = (uint32_t)job->workflow_count * job->slot_count;

    job->final = (uint8_t)hs_gate_resolve(job);
    job->phase = HS_GATE_DONE;
    job->done_seq = seq;
    fsm->active_count--;
    fsm->reserved_records -= reserved - kept_records(fsm, job);
    add_event(job, HS_EVENT_FINAL, job->final, HS_WORKFLOW_ALL);
}

static void end_if_over(struct hs_gate_fsm *fsm, struct hs_gate_job *job, uint64_t seq)
{
    for (unsigned i = 0; i < job->slot_count; i++)
        if (!hs_gate_is_slot_over(&job->slots[i])) return;
    end_job(fsm, job, seq);
}

/* ---- entries ---- */

static uint32_t apply_leader(struct hs_gate_fsm *fsm, uint64_t seq)
{
    fsm->leader_fence = seq;
    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++)
        if (fsm->jobs[i].phase != HS_GATE_FREE) fsm->jobs[i].gate_fence = seq;
    return HS_RESULT_OK;
}

static struct hs_gate_job *free_job(struct hs_gate_fsm *fsm)
{
    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++)
        if (fsm->jobs[i].phase == HS_GATE_FREE) return &fsm->jobs[i];
    return NULL;
}

static uint32_t apply_create(struct hs_gate_fsm *fsm, uint64_t seq,
                             const struct hs_gate_job_create *create)
{
    uint32_t            reserved = (uint32_t)create->workflow_count * create->slot_count;
    struct hs_gate_job *job = hs_gate_find_job(fsm, create->job_id);

    if (job)
        return memcmp(&job->digest, &create->digest, sizeof job->digest) == 0 ? HS_RESULT_OK
                                                                              : HS_RESULT_CONFLICT;
    if (!create->slot_count || !create->workflow_count) return HS_RESULT_INVALID;
    job = free_job(fsm);
    if (!job || fsm->reserved_records + reserved > HS_GATE_RECORDS_MAX) return HS_RESULT_BUSY;
    *job = (struct hs_gate_job){.digest = create->digest,
                                .birth_fence = seq,
                                .gate_fence = fsm->leader_fence ? fsm->leader_fence : seq,
                                .timeout_ns = create->timeout_ns,
                                .plan_bytes = create->plan_bytes,
                                .flags = create->flags,
                                .phase = HS_GATE_ACTIVE,
                                .workflow_count = create->workflow_count,
                                .slot_count = create->slot_count};
    memcpy(job->id, create->job_id, sizeof job->id);
    memcpy(job->name, create->name, sizeof job->name);
    memcpy(job->client_id, create->client_id, sizeof job->client_id);
    for (unsigned i = 0; i < job->slot_count; i++)
        memcpy(job->slots[i].datacenter, create->datacenters[i], HS_NAME_BYTES);
    fsm->job_count++;
    fsm->active_count++;
    fsm->reserved_records += reserved;
    add_event(job, HS_EVENT_ACCEPTED, HS_JOB_SUBMITTED, HS_WORKFLOW_ALL);
    return HS_RESULT_OK;
}

static bool has_event(const struct hs_gate_job *job, enum hs_event_kind kind)
{
    for (unsigned i = 0; i < job->event_count; i++)
        if (job->events[i].kind == kind) return true;
    return false;
}

static uint32_t apply_slot(struct hs_gate_fsm *fsm, uint64_t seq, const struct hs_gate_entry *entry)
{
    struct hs_gate_job  *job = hs_gate_find_job(fsm, entry->as.slot.job_id);
    struct hs_gate_slot *slot;

    if (!job || entry->as.slot.slot >= job->slot_count) return HS_RESULT_UNKNOWN_JOB;
    slot = &job->slots[entry->as.slot.slot];
    if (job->phase == HS_GATE_DONE || hs_gate_is_slot_over(slot)) return HS_RESULT_ALREADY_DONE;
    if (entry->as.slot.op == HS_GATE_SLOT_REFUSED) {
        slot->state = HS_GATE_SLOT_FAILED;
        set_reason(job, entry->as.slot.reason);
        end_if_over(fsm, job, seq);
        return HS_RESULT_OK;
    }
    if (entry->as.slot.manager_fence < slot->manager_fence) return HS_RESULT_STALE_FENCE;
    slot->state = HS_GATE_SLOT_RUNNING;
    slot->manager_fence = entry->as.slot.manager_fence;
    if (!has_event(job, HS_EVENT_RUNNING))
        add_event(job, HS_EVENT_RUNNING, HS_JOB_RUNNING, HS_WORKFLOW_ALL);
    return HS_RESULT_OK;
}

static bool is_known_request(struct hs_gate_job *job, const uint8_t request_id[16])
{
    unsigned known = job->request_count < HS_GATE_REQUESTS_MAX ? job->request_count
                                                               : (unsigned)HS_GATE_REQUESTS_MAX;

    for (unsigned i = 0; i < known; i++)
        if (memcmp(job->requests[i], request_id, 16) == 0) return true;
    memcpy(job->requests[job->request_count % HS_GATE_REQUESTS_MAX], request_id, 16);
    job->request_count++;
    return false;
}

static uint32_t apply_cancel(struct hs_gate_fsm *fsm, const struct hs_gate_entry *entry)
{
    struct hs_gate_job *job = hs_gate_find_job(fsm, entry->as.cancel.job_id);
    uint16_t            workflow = entry->as.cancel.workflow;

    if (!job) return HS_RESULT_UNKNOWN_JOB;
    if (job->phase == HS_GATE_DONE || job->phase == HS_GATE_TIMING_OUT)
        return HS_RESULT_ALREADY_DONE;
    if (workflow != HS_WORKFLOW_ALL && workflow >= job->workflow_count) return HS_RESULT_INVALID;
    if (is_known_request(job, entry->as.cancel.request_id)) return HS_RESULT_OK;
    if (workflow != HS_WORKFLOW_ALL || job->phase == HS_GATE_CANCELLING) return HS_RESULT_OK;
    job->phase = HS_GATE_CANCELLING;
    set_reason(job, entry->as.cancel.reason);
    add_event(job, HS_EVENT_CANCELLING, HS_JOB_CANCELLING, HS_WORKFLOW_ALL);
    return HS_RESULT_OK;
}

static void keep_record(struct hs_gate_fsm *fsm, const struct hs_gate_job *job, uint16_t slot,
                        const struct hs_gate_item *item)
{
    for (uint32_t i = 0; i < HS_GATE_RECORDS_MAX; i++) {
        struct hs_gate_record *record = &fsm->records[i];

        if (record->job_idx_1) continue;
        record->job_idx_1 = (uint16_t)(hs_gate_job_idx(fsm, job) + 1);
        record->workflow = item->workflow;
        record->slot = slot;
        record->digest = item->digest;
        return;
    }
    HS_ASSERT(false && "a record was reserved when the job was made");
}

/* Mixed: the first of these that some datacenter reported. */
static uint8_t worse(uint8_t a, uint8_t b)
{
    static const uint8_t order[] = {HS_WORKFLOW_FAILED, HS_WORKFLOW_TIMEOUT, HS_WORKFLOW_CANCELLED,
                                    HS_WORKFLOW_SKIPPED};

    for (unsigned i = 0; i < HS_ARRAY_LEN(order); i++)
        if (a == order[i] || b == order[i]) return order[i];
    return b;
}

static void take_workflow(struct hs_gate_fsm *fsm, struct hs_gate_job *job, uint16_t slot,
                          const struct hs_gate_item *item)
{
    uint8_t *reports = &job->workflow_reports[item->workflow];
    uint8_t  all = (uint8_t)((1u << job->slot_count) - 1);

    if (*reports >> slot & 1) return; /* first wins */
    job->workflow_states[item->workflow] =
        *reports ? worse(job->workflow_states[item->workflow], item->status) : item->status;
    *reports = (uint8_t)(*reports | 1u << slot);
    if (item->has_record) keep_record(fsm, job, slot, item);
    if (*reports == all)
        add_event(job, HS_EVENT_WORKFLOW, job->workflow_states[item->workflow], item->workflow);
}

static void take_item(struct hs_gate_fsm *fsm, struct hs_gate_job *job,
                      const struct hs_gate_results *results, const struct hs_gate_item *item)
{
    struct hs_gate_slot *slot = &job->slots[results->slot];

    if (item->workflow == HS_WORKFLOW_ALL) {
        if (hs_gate_is_slot_over(slot)) return;
        slot->state = HS_GATE_SLOT_ENDED;
        slot->status = item->status;
        if (item->status != HS_JOB_COMPLETED) set_reason(job, results->reason);
    } else if (item->workflow < job->workflow_count && item->status < HS_WORKFLOW_STATE_COUNT) {
        take_workflow(fsm, job, results->slot, item);
    }
}

static uint32_t apply_results(struct hs_gate_fsm *fsm, uint64_t seq,
                              const struct hs_gate_results *results)
{
    struct hs_gate_job *job = hs_gate_find_job(fsm, results->job_id);

    if (!job || results->slot >= job->slot_count) return HS_RESULT_UNKNOWN_JOB;
    if (job->phase == HS_GATE_DONE) return HS_RESULT_ALREADY_DONE; /* late: nothing changes */
    if (results->manager_fence < job->slots[results->slot].manager_fence)
        return HS_RESULT_STALE_FENCE;
    for (unsigned i = 0; i < results->count; i++) take_item(fsm, job, results, &results->items[i]);
    end_if_over(fsm, job, seq);
    return HS_RESULT_OK;
}

static uint32_t apply_deadline(struct hs_gate_fsm *fsm, uint64_t seq,
                               const struct hs_gate_entry *entry)
{
    struct hs_gate_job *job = hs_gate_find_job(fsm, entry->as.deadline.job_id);

    if (!job) return HS_RESULT_UNKNOWN_JOB;
    if (job->phase == HS_GATE_DONE) return HS_RESULT_ALREADY_DONE;
    if (entry->as.deadline.kind == HS_GATE_DEADLINE_TIMEOUT) {
        if (job->phase != HS_GATE_ACTIVE) return HS_RESULT_OK; /* the cancel came first */
        job->phase = HS_GATE_TIMING_OUT;
        set_reason(job, "the job's time was over");
        add_event(job, HS_EVENT_TIMING_OUT, HS_JOB_TIMING_OUT, HS_WORKFLOW_ALL);
        return HS_RESULT_OK;
    }
    if (job->phase == HS_GATE_ACTIVE) return HS_RESULT_INVALID;
    for (unsigned i = 0; i < job->slot_count; i++)
        if (!hs_gate_is_slot_over(&job->slots[i])) job->slots[i].state = HS_GATE_SLOT_UNCONFIRMED;
    end_job(fsm, job, seq);
    return HS_RESULT_OK;
}

static void forget(struct hs_gate_fsm *fsm, struct hs_gate_job *job)
{
    uint16_t wanted = (uint16_t)(hs_gate_job_idx(fsm, job) + 1);

    if (job->phase != HS_GATE_DONE) return;
    for (uint32_t i = 0; i < HS_GATE_RECORDS_MAX; i++) {
        if (fsm->records[i].job_idx_1 != wanted) continue;
        fsm->records[i].job_idx_1 = 0;
        fsm->reserved_records--;
    }
    job->phase = HS_GATE_FREE;
    fsm->job_count--;
}

static uint32_t apply_expire(struct hs_gate_fsm *fsm, const struct hs_gate_entry *entry)
{
    for (unsigned i = 0; i < entry->as.expire.count; i++) {
        struct hs_gate_job *job = hs_gate_find_job(fsm, entry->as.expire.job_ids[i]);

        if (job) forget(fsm, job);
    }
    return HS_RESULT_OK;
}

uint32_t hs_gate_fsm_apply(void *self, uint64_t seq, struct hs_view bytes)
{
    struct hs_gate_fsm  *fsm = self;
    struct hs_gate_entry entry;
    int                  rc = hs_gate_entry_get(bytes, &entry);

    HS_ASSERT(rc == 0); /* skipping it would make replicas differ */
    switch (entry.kind) {
    case HS_GATE_LEADER: return apply_leader(fsm, seq);
    case HS_GATE_JOB_CREATE: return apply_create(fsm, seq, &entry.as.create);
    case HS_GATE_DC_SLOT: return apply_slot(fsm, seq, &entry);
    case HS_GATE_CANCEL: return apply_cancel(fsm, &entry);
    case HS_GATE_RESULTS: return apply_results(fsm, seq, &entry.as.results);
    case HS_GATE_DEADLINE: return apply_deadline(fsm, seq, &entry);
    case HS_GATE_EXPIRE: return apply_expire(fsm, &entry);
    case HS_GATE_ENTRY_KIND_END: break;
    }
    return HS_RESULT_UNSUPPORTED;
}

bool hs_gate_fsm_needs_blob(void *self, const struct hs_ledger_digest *digest)
{
    const struct hs_gate_fsm *fsm = self;

    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++)
        if (fsm->jobs[i].phase != HS_GATE_FREE &&
            memcmp(&fsm->jobs[i].digest, digest, sizeof *digest) == 0)
            return true;
    for (uint32_t i = 0; i < HS_GATE_RECORDS_MAX; i++)
        if (fsm->records[i].job_idx_1 &&
            memcmp(&fsm->records[i].digest, digest, sizeof *digest) == 0)
            return true;
    return false;
}
