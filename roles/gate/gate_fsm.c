// SPDX-License-Identifier: Apache-2.0
/* gate_fsm.c - applies entries (jobs.md 6.1, 6.2). */
#include "roles/gate/gate_fsm.h"

#include "roles/result_code.h"
#include "shm/base/assert.h"

#include <stdio.h>
#include <string.h>

/* ---- looking up ---- */

/* Ids are pieces of SHA-256: any two bytes of one spread evenly. */
static uint16_t *bucket_of(struct hs_gate_fsm *fsm, const uint8_t id[HS_JOB_ID_BYTES])
{
    return &fsm->buckets[(id[0] | (unsigned)id[1] << 8) % HS_GATE_BUCKETS];
}

struct hs_gate_job *hs_gate_find_job(struct hs_gate_fsm *fsm, const uint8_t id[HS_JOB_ID_BYTES])
{
    uint16_t at_1 = *bucket_of(fsm, id);

    while (at_1 && memcmp(fsm->jobs[at_1 - 1].id, id, HS_JOB_ID_BYTES) != 0)
        at_1 = fsm->jobs[at_1 - 1].next_1;
    return at_1 ? &fsm->jobs[at_1 - 1] : NULL;
}

uint32_t hs_gate_job_idx(const struct hs_gate_fsm *fsm, const struct hs_gate_job *job)
{
    return (uint32_t)(job - fsm->jobs);
}

void hs_gate_index_job(struct hs_gate_fsm *fsm, struct hs_gate_job *job)
{
    uint16_t *bucket = bucket_of(fsm, job->id);
    uint32_t  idx = hs_gate_job_idx(fsm, job);

    job->next_1 = *bucket;
    *bucket = (uint16_t)(idx + 1);
    if (fsm->job_high <= idx) fsm->job_high = idx + 1;
}

static void unindex_job(struct hs_gate_fsm *fsm, const struct hs_gate_job *job)
{
    uint16_t *at_1 = bucket_of(fsm, job->id);

    while (&fsm->jobs[*at_1 - 1] != job) at_1 = &fsm->jobs[*at_1 - 1].next_1;
    *at_1 = job->next_1;
}

/* ---- records ---- */

const struct hs_gate_record *hs_gate_first_record(const struct hs_gate_fsm *fsm,
                                                  const struct hs_gate_job *job)
{
    return job->first_record_1 ? &fsm->records[job->first_record_1 - 1] : NULL;
}

const struct hs_gate_record *hs_gate_next_record(const struct hs_gate_fsm    *fsm,
                                                 const struct hs_gate_record *record)
{
    return record->next_1 ? &fsm->records[record->next_1 - 1] : NULL;
}

static uint16_t take_record(struct hs_gate_fsm *fsm)
{
    uint16_t at_1 = fsm->free_record_1;

    if (at_1) {
        fsm->free_record_1 = fsm->records[at_1 - 1].next_1;
        return at_1;
    }
    HS_ASSERT(fsm->fresh_record < HS_GATE_RECORDS_MAX); /* it was reserved with the job */
    return (uint16_t)++fsm->fresh_record;
}

static bool is_before(const struct hs_gate_record *a, const struct hs_gate_record *b)
{
    return a->workflow != b->workflow ? a->workflow < b->workflow : a->slot < b->slot;
}

void hs_gate_keep_record(struct hs_gate_fsm *fsm, struct hs_gate_job *job,
                         const struct hs_gate_record *record)
{
    uint16_t  new_1 = take_record(fsm);
    uint16_t *at_1 = &job->first_record_1;

    while (*at_1 && is_before(&fsm->records[*at_1 - 1], record))
        at_1 = &fsm->records[*at_1 - 1].next_1;
    fsm->records[new_1 - 1] = *record;
    fsm->records[new_1 - 1].next_1 = *at_1;
    *at_1 = new_1;
    job->record_count++;
}

static void drop_records(struct hs_gate_fsm *fsm, struct hs_gate_job *job)
{
    while (job->first_record_1) {
        struct hs_gate_record *record = &fsm->records[job->first_record_1 - 1];
        uint16_t               next_1 = record->next_1;

        record->next_1 = fsm->free_record_1;
        fsm->free_record_1 = job->first_record_1;
        job->first_record_1 = next_1;
    }
    fsm->reserved_records -= job->record_count;
    job->record_count = 0;
}

/* ---- slots and endings ---- */

bool hs_gate_is_slot_over(const struct hs_gate_slot *slot)
{
    return slot->state >= HS_GATE_SLOT_ENDED;
}

bool hs_gate_is_final(uint8_t job_state)
{
    return job_state >= HS_JOB_COMPLETED && job_state < HS_JOB_STATE_COUNT;
}

bool hs_gate_is_workflow_final(uint8_t workflow_state)
{
    return workflow_state >= HS_WORKFLOW_COMPLETED && workflow_state < HS_WORKFLOW_STATE_COUNT;
}

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

static void end_job(struct hs_gate_fsm *fsm, struct hs_gate_job *job, uint64_t seq)
{
    uint32_t reserved = (uint32_t)job->workflow_count * job->slot_count;

    job->final = (uint8_t)hs_gate_resolve(job);
    job->phase = HS_GATE_DONE;
    job->done_seq = seq;
    fsm->active_count--;
    fsm->reserved_records -= reserved - job->record_count;
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
    for (uint32_t i = 0; i < fsm->job_high; i++)
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
                                .created_wall_ns = create->created_wall_ns,
                                .plan_bytes = create->plan_bytes,
                                .flags = create->flags,
                                .phase = HS_GATE_ACTIVE,
                                .workflow_count = create->workflow_count,
                                .slot_count = create->slot_count};
    memcpy(job->id, create->job_id, sizeof job->id);
    hs_gate_index_job(fsm, job);
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

bool hs_gate_is_request_known(const struct hs_gate_job *job, const uint8_t request_id[16])
{
    for (unsigned i = 0; i < HS_GATE_REQUESTS_MAX && i < job->request_count; i++)
        if (memcmp(job->requests[i], request_id, 16) == 0) return true;
    return false;
}

static void remember_request(struct hs_gate_job *job, const uint8_t request_id[16])
{
    memcpy(job->requests[job->request_count % HS_GATE_REQUESTS_MAX], request_id, 16);
    job->request_count++;
    if (job->request_count == 2 * HS_GATE_REQUESTS_MAX) job->request_count = HS_GATE_REQUESTS_MAX;
}

static void cancel_workflow(struct hs_gate_job *job, uint16_t workflow, bool is_cascade)
{
    uint8_t wanted = is_cascade ? HS_GATE_WORKFLOW_CASCADED : HS_GATE_WORKFLOW_CANCELLED;

    if (job->workflow_cancels[workflow] < wanted) job->workflow_cancels[workflow] = wanted;
}

static uint32_t apply_cancel(struct hs_gate_fsm *fsm, const struct hs_gate_entry *entry)
{
    struct hs_gate_job *job = hs_gate_find_job(fsm, entry->as.cancel.job_id);
    uint16_t            workflow = entry->as.cancel.workflow;

    if (!job) return HS_RESULT_UNKNOWN_JOB;
    if (hs_gate_is_request_known(job, entry->as.cancel.request_id)) return HS_RESULT_OK;
    if (job->phase == HS_GATE_DONE || job->phase == HS_GATE_TIMING_OUT)
        return HS_RESULT_ALREADY_DONE;
    if (workflow != HS_WORKFLOW_ALL && workflow >= job->workflow_count) return HS_RESULT_INVALID;
    remember_request(job, entry->as.cancel.request_id);
    if (workflow != HS_WORKFLOW_ALL) {
        cancel_workflow(job, workflow, entry->as.cancel.cascade != 0);
    } else if (job->phase == HS_GATE_ACTIVE) {
        job->phase = HS_GATE_CANCELLING;
        set_reason(job, entry->as.cancel.reason);
        add_event(job, HS_EVENT_CANCELLING, HS_JOB_CANCELLING, HS_WORKFLOW_ALL);
    }
    return HS_RESULT_OK;
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
    if (item->has_record)
        hs_gate_keep_record(fsm, job,
                            &(struct hs_gate_record){
                                .workflow = item->workflow, .slot = slot, .digest = item->digest});
    if (*reports == all)
        add_event(job, HS_EVENT_WORKFLOW, job->workflow_states[item->workflow], item->workflow);
}

static void take_item(struct hs_gate_fsm *fsm, struct hs_gate_job *job,
                      const struct hs_gate_results *results, const struct hs_gate_item *item)
{
    struct hs_gate_slot *slot = &job->slots[results->slot];

    if (item->workflow == HS_WORKFLOW_ALL) {
        if (hs_gate_is_slot_over(slot)) return; /* first wins */
        slot->state = HS_GATE_SLOT_ENDED;
        slot->status = item->status;
        if (item->status != HS_JOB_COMPLETED) set_reason(job, results->reason);
    } else {
        take_workflow(fsm, job, results->slot, item);
    }
}

/* What it had told before stays. */
static void lose_slot(struct hs_gate_job *job, const struct hs_gate_results *results)
{
    struct hs_gate_slot *slot = &job->slots[results->slot];

    if (hs_gate_is_slot_over(slot)) return; /* first wins */
    slot->state = HS_GATE_SLOT_LOST;
    set_reason(job, results->reason);
}

static bool is_item_sound(const struct hs_gate_job *job, const struct hs_gate_item *item)
{
    if (item->workflow == HS_WORKFLOW_ALL) return hs_gate_is_final(item->status);
    return item->workflow < job->workflow_count && hs_gate_is_workflow_final(item->status);
}

static uint32_t apply_results(struct hs_gate_fsm *fsm, uint64_t seq,
                              const struct hs_gate_results *results)
{
    struct hs_gate_job *job = hs_gate_find_job(fsm, results->job_id);

    if (!job || results->slot >= job->slot_count) return HS_RESULT_UNKNOWN_JOB;
    if (job->phase == HS_GATE_DONE || job->slots[results->slot].state == HS_GATE_SLOT_LOST)
        return HS_RESULT_ALREADY_DONE; /* late: nothing changes */
    if (results->manager_fence < job->slots[results->slot].manager_fence)
        return HS_RESULT_STALE_FENCE;
    for (unsigned i = 0; i < results->count; i++)
        if (!is_item_sound(job, &results->items[i])) return HS_RESULT_INVALID;
    for (unsigned i = 0; i < results->count; i++) take_item(fsm, job, results, &results->items[i]);
    if (results->is_lost) lose_slot(job, results);
    if (results->elapsed_ns > job->elapsed_ns) job->elapsed_ns = results->elapsed_ns;
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
    if (job->phase != HS_GATE_DONE) return;
    drop_records(fsm, job);
    unindex_job(fsm, job);
    job->phase = HS_GATE_FREE;
    fsm->job_count--;
    while (fsm->job_high && fsm->jobs[fsm->job_high - 1].phase == HS_GATE_FREE) fsm->job_high--;
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

static bool is_same(const struct hs_ledger_digest *a, const struct hs_ledger_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool hs_gate_fsm_needs_blob(void *self, const struct hs_ledger_digest *digest)
{
    const struct hs_gate_fsm *fsm = self;

    for (uint32_t i = 0; i < fsm->job_high; i++) {
        const struct hs_gate_job    *job = &fsm->jobs[i];
        const struct hs_gate_record *record = hs_gate_first_record(fsm, job);

        if (job->phase == HS_GATE_FREE) continue;
        if (is_same(&job->digest, digest)) return true;
        for (; record; record = hs_gate_next_record(fsm, record))
            if (is_same(&record->digest, digest)) return true;
    }
    return false;
}
