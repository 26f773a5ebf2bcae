// SPDX-License-Identifier: Apache-2.0
/* manager_intake.c - how a job comes in (jobs.md 7.5): checks in order, the plan fetched, read and
 * kept, then the decision; the answer goes out when it is applied. Also the way back from a plan's
 * text to what is known of its load. */
#include "roles/manager/manager_step.h"
#include "roles/plan/plan.h"
#include "shm/base/assert.h"
#include "shm/base/log.h"

#include <stdio.h>
#include <string.h>

#define FETCH_TIMEOUT_NS (10 * HS_NS_PER_S)

static void answer(struct hs_manager_step *step, const uint8_t job_id[16], uint64_t request_id,
                   uint32_t code, const char *text)
{
    struct hs_msg_job_dispatch_ack *ack =
        &hs_manager_send(step->actions, HS_MANAGER_SEND_GATE, HS_MSG_JOB_DISPATCH_ACK, step->gate,
                         request_id)
             ->job_dispatch_ack;
    const struct hs_manager_job *job = hs_manager_find_job(step->manager->state, job_id);

    memcpy(ack->job_id, job_id, sizeof ack->job_id);
    ack->code = (uint16_t)code;
    ack->manager_fence = step->manager->state->leader_fence;
    ack->retry_after_ns = hs_result_code_retry_ns(code);
    /* a tree that has just started is whole within a blink */
    if (code == HS_RESULT_INITIALIZING) ack->retry_after_ns = 20 * HS_NS_PER_MS;
    if (text) (void)snprintf(ack->text, sizeof ack->text, "%s", text);
    if (code == HS_RESULT_NOT_LEADER)
        memcpy(ack->leader, step->manager->config.leader, sizeof ack->leader);
    if (!job) return;
    ack->gate_fence = job->gate_fence;
    ack->status = hs_manager_shown_status(step->manager, job);
}

/* ---- reading plans ---- */

struct hs_plan *hs_manager_parse(struct hs_manager *manager, struct hs_view text, char *why,
                                 size_t why_bytes)
{
    static const struct hs_plan_environment nothing;
    struct hs_arena                         arena;
    struct hs_problems                      problems;
    struct hs_plan                         *plan;

    hs_arena_init(&arena, manager->memory.plan_arena, HS_PLAN_ARENA_BYTES);
    hs_problems_init(&problems);
    plan = hs_plan_read(text, &nothing, &arena, &problems);
    if (!plan && problems.kept)
        (void)snprintf(why, why_bytes, "%s: %s", problems.at[0].path, problems.at[0].message);
    else if (!plan)
        (void)snprintf(why, why_bytes, "the plan cannot be read");
    return plan;
}

static void fill_loads(const struct hs_plan *plan, const struct hs_manager_accept *accept,
                       struct hs_assign_load *loads)
{
    for (uint32_t i = 0; i < plan->workflows.count; i++) {
        hs_assign_load_of(&loads[i], plan, &plan->workflows.at[i]);
        hs_assign_cut(&loads[i], accept->datacenter_idx, accept->datacenter_count);
    }
}

/* The longest way through the workflows: each look makes at least one more of them final. What
 * drains does so at once when the target is well, so the wait for it, which is an upper bound, is
 * not planned for. */
uint64_t hs_manager_planned_ns(const struct hs_plan *plan)
{
    uint64_t ends_ns[HS_WORKFLOWS_MAX] = {0};
    uint64_t longest_ns = 0;
    bool     is_changed = true;

    for (uint32_t round = 0; round <= plan->workflows.count && is_changed; round++) {
        is_changed = false;
        for (uint32_t i = 0; i < plan->workflows.count; i++) {
            const struct hs_plan_workflow *workflow = &plan->workflows.at[i];
            uint64_t duration_ns = hs_plan_workflow_duration_ns(plan, workflow);
            uint64_t begin_ns = 0;

            if (duration_ns == HS_NEVER_NS) return 0; /* nobody knows */
            duration_ns -= hs_plan_drain_ns(plan, workflow);
            for (uint32_t k = 0; k < workflow->depends_on.count; k++)
                begin_ns = hs_max_u64(begin_ns, ends_ns[workflow->depends_on_idx[k]]);
            if (begin_ns + duration_ns > ends_ns[i]) is_changed = true;
            ends_ns[i] = begin_ns + duration_ns;
            longest_ns = hs_max_u64(longest_ns, ends_ns[i]);
        }
    }
    return longest_ns;
}

static bool fill_dependencies(struct hs_manager_accept *accept, const struct hs_plan *plan)
{
    uint32_t end = 0;

    accept->workflow_count = (uint16_t)plan->workflows.count;
    for (uint32_t i = 0; i < plan->workflows.count; i++) {
        const struct hs_plan_workflow *workflow = &plan->workflows.at[i];

        for (uint32_t k = 0; k < workflow->depends_on.count; k++) {
            if (end == HS_DEPENDENCIES_TOTAL_MAX) return false;
            accept->dependencies[end++] = (uint8_t)workflow->depends_on_idx[k];
        }
        accept->dependency_end[i] = (uint16_t)end;
    }
    return true;
}

/* ---- the plan is here ---- */

static void drop_intake(struct hs_manager_step *step, struct hs_manager_intake *intake,
                        uint32_t code, const char *text)
{
    step->gate = intake->gate;
    answer(step, intake->accept.job_id, intake->request_id, code, text);
    intake->is_used = false;
}

static void take_plan(struct hs_manager_step *step, struct hs_manager_intake *intake,
                      struct hs_view text)
{
    struct hs_manager          *manager = step->manager;
    struct hs_manager_proposal *proposal;
    struct hs_ledger_digest     digest;
    struct hs_plan             *plan;
    char                        why[HS_RUN_RECORD_TEXT_BYTES] = "";

    intake->is_fetching = false;
    hs_ledger_digest_of(text, &digest);
    if (memcmp(&digest, &intake->accept.plan, sizeof digest) != 0) {
        drop_intake(step, intake, HS_RESULT_INVALID, "the plan's bytes do not match its digest");
        return;
    }
    plan = hs_manager_parse(manager, text, why, sizeof why);
    if (!plan || !fill_dependencies(&intake->accept, plan)) {
        drop_intake(step, intake, HS_RESULT_INVALID,
                    plan ? "too many dependencies between workflows" : why);
        return;
    }
    fill_loads(plan, &intake->accept, intake->loads);
    intake->planned_ns = hs_manager_planned_ns(plan);
    proposal = hs_manager_prepare(step, HS_MANAGER_ACCEPT);
    if (!proposal) {
        drop_intake(step, intake, HS_RESULT_BUSY, NULL);
        return;
    }
    proposal->entry.accept = intake->accept;
    proposal->intake = (uint32_t)(intake - manager->intakes) + 1;
    proposal->request_id = intake->request_id;
    hs_manager_propose_after(step, proposal, text);
}

/* ---- fetching it ---- */

static void ask_for_plan(struct hs_manager_step *step, struct hs_manager_intake *intake)
{
    struct hs_msg_blob_get *get =
        &hs_manager_send(step->actions, HS_MANAGER_SEND_GATE, HS_MSG_BLOB_GET, intake->gate, 0)
             ->blob_get;

    memcpy(get->digest, intake->accept.plan.bytes, sizeof get->digest);
    memcpy(get->job_id, intake->accept.job_id, sizeof get->job_id);
    get->offset_bytes = intake->received_bytes;
    intake->is_fetching = true;
    intake->deadline_ns = step->now_ns + FETCH_TIMEOUT_NS;
}

static uint8_t *plan_memory(struct hs_manager *manager, const struct hs_manager_intake *intake)
{
    return manager->memory.plans + (size_t)(intake - manager->intakes) * HS_PLAN_BYTES_MAX;
}

void hs_manager_take_plan_piece(struct hs_manager_step *step, const struct hs_msg_blob_data *data)
{
    struct hs_manager *manager = step->manager;

    for (unsigned i = 0; i < HS_MANAGER_INTAKES; i++) {
        struct hs_manager_intake *intake = &manager->intakes[i];
        uint8_t                  *memory = plan_memory(manager, intake);

        if (!intake->is_used || !intake->is_fetching ||
            memcmp(data->digest, intake->accept.plan.bytes, sizeof data->digest) != 0)
            continue;
        if (data->code == HS_RESULT_OK && data->offset_bytes != intake->received_bytes)
            continue; /* another job's, of the same plan: the question is still open */
        if (data->code != HS_RESULT_OK || data->data.bytes == 0 ||
            data->data.bytes > intake->accept.plan_bytes - intake->received_bytes) {
            drop_intake(step, intake, HS_RESULT_UNKNOWN_BLOB, "the plan cannot be had");
            continue;
        }
        memcpy(memory + intake->received_bytes, data->data.data, data->data.bytes);
        intake->received_bytes += data->data.bytes;
        if (intake->received_bytes < intake->accept.plan_bytes)
            ask_for_plan(step, intake);
        else
            take_plan(step, intake, hs_view_of(memory, intake->received_bytes));
    }
}

void hs_manager_drop_fetching(struct hs_manager *manager, uint32_t gate)
{
    for (unsigned i = 0; i < HS_MANAGER_INTAKES; i++)
        if (manager->intakes[i].is_fetching && manager->intakes[i].gate == gate)
            manager->intakes[i].is_used = false;
}

void hs_manager_turn_intakes(struct hs_manager_step *step)
{
    for (unsigned i = 0; i < HS_MANAGER_INTAKES; i++) {
        struct hs_manager_intake *intake = &step->manager->intakes[i];

        if (!intake->is_used || !intake->is_fetching) continue;
        if (step->now_ns < intake->deadline_ns)
            hs_manager_due(step, intake->deadline_ns);
        else if (hs_manager_has_room(step->actions))
            drop_intake(step, intake, HS_RESULT_BUSY, "the plan did not come");
    }
}

/* ---- a dispatch ---- */

static struct hs_manager_intake *find_intake(struct hs_manager *manager, const uint8_t job_id[16])
{
    for (unsigned i = 0; i < HS_MANAGER_INTAKES; i++) {
        struct hs_manager_intake *intake = &manager->intakes[i];

        if (intake->is_used && memcmp(intake->accept.job_id, job_id, 16) == 0) return intake;
    }
    return NULL;
}

bool hs_manager_is_coming(struct hs_manager *manager, const uint8_t job_id[16])
{
    return find_intake(manager, job_id) != NULL;
}

static struct hs_manager_intake *find_free_intake(struct hs_manager *manager)
{
    for (unsigned i = 0; i < HS_MANAGER_INTAKES; i++)
        if (!manager->intakes[i].is_used) return &manager->intakes[i];
    return NULL;
}

/* A gate of a higher fence says how much time is left by its own books. */
static void renew_owner(struct hs_manager_step *step, const struct hs_msg_job_dispatch *dispatch,
                        uint64_t request_id)
{
    struct hs_manager_proposal *proposal = hs_manager_prepare(step, HS_MANAGER_OWNER);

    if (!proposal) {
        answer(step, dispatch->job_id, request_id, HS_RESULT_BUSY, NULL);
        return;
    }
    memcpy(proposal->entry.owner.job_id, dispatch->job_id, HS_JOB_ID_BYTES);
    proposal->entry.owner.gate_fence = dispatch->gate_fence;
    proposal->entry.owner.limit = (struct hs_manager_limit){dispatch->remaining_ns, step->now_ns,
                                                            step->manager->config.incarnation};
    proposal->request_id = request_id;
    hs_manager_propose(step, proposal);
}

/* True: the job is known and the answer is given, or will be. */
static bool answer_known(struct hs_manager_step *step, const struct hs_msg_job_dispatch *dispatch,
                         uint64_t request_id)
{
    const struct hs_manager_job *job = hs_manager_find_job(step->manager->state, dispatch->job_id);
    uint32_t                     code = HS_RESULT_OK;

    if (!job) return false;
    if (dispatch->birth_fence > job->birth_fence) {
        if (job->phase == HS_MANAGER_JOB_DONE) return false; /* the next job of that key */
        code = HS_RESULT_BUSY;
    } else if (dispatch->birth_fence < job->birth_fence || dispatch->gate_fence < job->gate_fence) {
        code = HS_RESULT_STALE_FENCE;
    } else if (memcmp(dispatch->digest, job->plan.bytes, sizeof dispatch->digest) != 0) {
        code = HS_RESULT_CONFLICT;
    } else {
        hs_manager_note_owner(step, dispatch->job_id);
    }
    if (code == HS_RESULT_OK && dispatch->gate_fence > job->gate_fence) {
        renew_owner(step, dispatch, request_id);
        return true;
    }
    answer(step, dispatch->job_id, request_id, code, NULL);
    step->actions->at[step->actions->count - 1].message.job_dispatch_ack.existing = 1;
    return true;
}

static uint32_t check_dispatch(struct hs_manager_step           *step,
                               const struct hs_msg_job_dispatch *dispatch, const char **text)
{
    struct hs_manager      *manager = step->manager;
    struct hs_ledger_digest digest;

    memcpy(digest.bytes, dispatch->digest, sizeof digest.bytes);
    if (hs_manager_is_tombstone(manager, dispatch->job_id, dispatch->gate_fence, step->now_ns))
        return HS_RESULT_ALREADY_CANCELLED;
    if (hs_manager_is_quarantined(manager, &digest)) {
        *text = "this plan has ended a process twice and is set aside";
        return HS_RESULT_INVALID;
    }
    if (dispatch->plan_bytes > HS_PLAN_BYTES_MAX || dispatch->plan_bytes == 0)
        return HS_RESULT_TOO_LARGE;
    if (dispatch->plan.bytes && dispatch->plan.bytes != dispatch->plan_bytes) {
        *text = "the plan is not as long as was said";
        return HS_RESULT_INVALID;
    }
    if (dispatch->datacenter_count && dispatch->datacenter_idx >= dispatch->datacenter_count)
        return HS_RESULT_INVALID;
    if (manager->state->job_count + HS_MANAGER_INTAKES > HS_JOBS_MAX || !find_free_intake(manager))
        return HS_RESULT_BUSY;
    return HS_RESULT_OK;
}

static void begin_intake(struct hs_manager_step *step, struct hs_manager_intake *intake,
                         const struct hs_msg_job_dispatch *dispatch, uint64_t request_id)
{
    const struct hs_manager_config *config = &step->manager->config;
    struct hs_manager_accept       *accept = &intake->accept;

    memset(intake, 0, sizeof *intake);
    intake->is_used = true;
    intake->gate = step->gate;
    intake->request_id = request_id;
    memcpy(accept->job_id, dispatch->job_id, sizeof accept->job_id);
    memcpy(accept->plan.bytes, dispatch->digest, sizeof accept->plan.bytes);
    accept->plan_bytes = dispatch->plan_bytes;
    accept->birth_fence = dispatch->birth_fence;
    accept->gate_fence = dispatch->gate_fence;
    accept->limit =
        (struct hs_manager_limit){dispatch->remaining_ns, step->now_ns, config->incarnation};
    accept->flags = dispatch->flags;
    accept->datacenter_idx = dispatch->datacenter_idx;
    accept->datacenter_count = dispatch->datacenter_count;
    accept->retries_max = (uint8_t)config->retries_max;
    accept->workflow_retries_max = (uint8_t)config->workflow_retries_max;
    memcpy(accept->name, dispatch->name, sizeof accept->name);
}

void hs_manager_take_dispatch(struct hs_manager_step           *step,
                              const struct hs_msg_job_dispatch *dispatch, uint64_t request_id)
{
    struct hs_manager        *manager = step->manager;
    struct hs_manager_intake *intake = find_intake(manager, dispatch->job_id);
    const char               *text = NULL;
    uint32_t                  code;

    if (intake) { /* asked again: the one answer comes to the last question */
        intake->gate = step->gate;
        intake->request_id = request_id;
        return;
    }
    if (!manager->is_leading) {
        answer(step, dispatch->job_id, request_id,
               hs_manager_may_lead(manager) ? HS_RESULT_INITIALIZING : HS_RESULT_NOT_LEADER, NULL);
        return;
    }
    if (answer_known(step, dispatch, request_id)) return;
    code = manager->is_draining ? HS_RESULT_DRAINING : check_dispatch(step, dispatch, &text);
    if (code != HS_RESULT_OK) {
        answer(step, dispatch->job_id, request_id, code, text);
        return;
    }
    intake = find_free_intake(manager);
    HS_ASSERT(intake);
    begin_intake(step, intake, dispatch, request_id);
    if (dispatch->plan.bytes)
        take_plan(step, intake, dispatch->plan);
    else
        ask_for_plan(step, intake);
}

void hs_manager_end_intake(struct hs_manager_step *step, const struct hs_manager_proposal *proposal,
                           uint32_t code)
{
    struct hs_manager        *manager = step->manager;
    struct hs_manager_intake *intake = &manager->intakes[proposal->intake - 1];
    struct hs_manager_place   place;

    HS_ASSERT(proposal->intake);
    HS_ASSERT(intake->is_used);
    if (code == HS_RESULT_OK && hs_manager_find_place(manager, intake->accept.job_id, &place)) {
        place.soft->gate = intake->gate;
        place.soft->has_loads = true;
        place.soft->loaded_at_ns = step->now_ns;
        place.soft->planned_ns = intake->planned_ns;
        place.soft->is_progress_dirty = true;
        for (unsigned i = 0; i < place.job->workflow_count; i++)
            hs_manager_flow_at(manager, place.job, i)->load = intake->loads[i];
        hs_log(HS_LOG_INFO, "manager", "job accepted name=%s workflows=%u", place.job->name,
               (unsigned)place.job->workflow_count);
    }
    drop_intake(step, intake, code, NULL);
}

void hs_manager_load_plan(struct hs_manager_step *step, struct hs_manager_place *place,
                          struct hs_view text)
{
    struct hs_manager       *manager = step->manager;
    struct hs_manager_accept accept = {.datacenter_idx = place->job->datacenter_idx,
                                       .datacenter_count = place->job->datacenter_count};
    struct hs_assign_load    loads[HS_WORKFLOWS_MAX];
    char                     why[HS_RUN_RECORD_TEXT_BYTES] = "it cannot be had";
    struct hs_plan          *plan = NULL;

    if (text.bytes && !hs_manager_is_quarantined(manager, &place->job->plan))
        plan = hs_manager_parse(manager, text, why, sizeof why);
    if (!plan || plan->workflows.count != place->job->workflow_count) {
        hs_log(HS_LOG_ERROR, "manager", "plan lost job=%s: %s", place->job->name, why);
        place->soft->is_plan_bad = true;
        return;
    }
    fill_loads(plan, &accept, loads);
    for (unsigned i = 0; i < place->job->workflow_count; i++)
        hs_manager_flow_at(manager, place->job, i)->load = loads[i];
    place->soft->has_loads = true;
    place->soft->loaded_at_ns = step->now_ns;
    place->soft->planned_ns = hs_manager_planned_ns(plan);
}
