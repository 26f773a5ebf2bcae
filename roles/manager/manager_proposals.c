// SPDX-License-Identifier: Apache-2.0
/* manager_proposals.c - decisions on their way through the log: one slot each until it is
 * answered. */
#include "roles/manager/manager_step.h"
#include "shm/base/assert.h"

#include <string.h>

#define RETRY_NS (200 * HS_NS_PER_MS) /* jobs.md 3: a busy log */

struct hs_manager_proposal *hs_manager_prepare(struct hs_manager_step    *step,
                                               enum hs_manager_entry_kind kind)
{
    struct hs_manager *manager = step->manager;

    for (unsigned i = 0; i < HS_MANAGER_PROPOSALS && hs_manager_has_room(step->actions); i++) {
        struct hs_manager_proposal *proposal = &manager->proposals[i];

        if (proposal->kind != HS_PROPOSAL_FREE) continue;
        proposal->generation++;
        proposal->link = 0;
        proposal->gate = step->gate;
        proposal->request_id = 0;
        proposal->intake = 0;
        memset(&proposal->entry, 0, sizeof proposal->entry);
        proposal->entry.kind = kind;
        return proposal;
    }
    manager->counts.busy++;
    manager->is_dirty = true;
    hs_manager_due(step, step->now_ns + RETRY_NS);
    return NULL;
}

static uint64_t token_of(const struct hs_manager          *manager,
                         const struct hs_manager_proposal *proposal)
{
    return (uint64_t)proposal->generation << 16 | (uint64_t)(proposal - manager->proposals);
}

static struct hs_manager_proposal *find_proposal(struct hs_manager *manager, uint64_t token)
{
    struct hs_manager_proposal *proposal;

    if ((token & 0xffff) >= HS_MANAGER_PROPOSALS) return NULL;
    proposal = &manager->proposals[token & 0xffff];
    if (proposal->kind == HS_PROPOSAL_FREE || token_of(manager, proposal) != token) return NULL;
    return proposal;
}

/* What is answered when the log has it holds its place so long. Control has few places and goes on
 * without: nobody's cancels wait for the disk. */
static void hold_slot(struct hs_manager *manager, struct hs_manager_proposal *proposal)
{
    bool is_control =
        proposal->entry.kind == HS_MANAGER_CANCEL || proposal->entry.kind == HS_MANAGER_TIMEOUT;

    if (!manager->slot || proposal->slot || is_control) return;
    proposal->slot = manager->slot;
    manager->slot = 0;
}

static void set_free(struct hs_manager *manager, struct hs_manager_proposal *proposal)
{
    hs_admission_give(manager->admission, &proposal->slot);
    proposal->kind = HS_PROPOSAL_FREE;
}

void hs_manager_propose(struct hs_manager_step *step, struct hs_manager_proposal *proposal)
{
    struct hs_manager_action *action = hs_manager_act(step->actions, HS_MANAGER_PROPOSE);
    struct hs_writer          writer;

    hs_manager_open_bytes(step->actions, HS_LEDGER_ENTRY_BYTES_MAX, &writer);
    hs_manager_entry_put(&writer, &proposal->entry);
    action->token = token_of(step->manager, proposal);
    action->bytes = hs_manager_keep_bytes(step->actions, &writer);
    hold_slot(step->manager, proposal);
    proposal->kind = HS_PROPOSAL_ENTRY;
}

void hs_manager_propose_after(struct hs_manager_step *step, struct hs_manager_proposal *proposal,
                              struct hs_view blob)
{
    struct hs_manager_action *action = hs_manager_act(step->actions, HS_MANAGER_PUT_BLOB);

    action->token = token_of(step->manager, proposal);
    action->bytes = blob;
    hold_slot(step->manager, proposal);
    proposal->kind = HS_PROPOSAL_BLOB;
}

static void lead(struct hs_manager_step *step)
{
    struct hs_manager *manager = step->manager;

    manager->is_leading = true;
    manager->leading_at_ns = step->now_ns;
    manager->heartbeat_at_ns = 0;
    for (uint32_t i = 0; i < manager->workers.high; i++)
        manager->workers.at[i].is_reconciled = false;
}

/* What becomes of a decision, beside its effect on the tables, which is there already. */
static void finish(struct hs_manager_step *step, const struct hs_manager_proposal *proposal,
                   uint32_t code)
{
    struct hs_manager *manager = step->manager;

    switch (proposal->entry.kind) {
    case HS_MANAGER_LEADER: lead(step); break;
    case HS_MANAGER_ACCEPT: hs_manager_end_intake(step, proposal, code); break;
    case HS_MANAGER_ASSIGN: hs_manager_assign_applied(step, &proposal->entry.assign, code); break;
    case HS_MANAGER_END:
        if (code == HS_RESULT_OK) hs_manager_end_applied(step, &proposal->entry.end);
        hs_manager_answer_result(step, proposal, code);
        break;
    case HS_MANAGER_CANCEL: hs_manager_answer_cancel(step, proposal, code); break;
    case HS_MANAGER_OWNER:
    case HS_MANAGER_TIMEOUT:
    case HS_MANAGER_RELEASED: hs_manager_answer_gate(step, proposal, code); break;
    case HS_MANAGER_EXPIRE: manager->is_expire_proposed = false; break;
    case HS_MANAGER_RECORD: /* the next look at the job sees it */
    case HS_MANAGER_KIND_COUNT:
    default: break;
    }
}

/* The entry has not become one, as far as is known: whoever wanted it asks again. */
static void give_up(struct hs_manager_step *step, const struct hs_manager_proposal *proposal)
{
    struct hs_manager             *manager = step->manager;
    const struct hs_manager_entry *entry = &proposal->entry;
    struct hs_manager_place        place;

    manager->counts.busy++;
    switch (entry->kind) {
    case HS_MANAGER_LEADER: manager->is_leader_proposed = false; break;
    case HS_MANAGER_EXPIRE: manager->is_expire_proposed = false; break;
    case HS_MANAGER_ACCEPT: hs_manager_end_intake(step, proposal, HS_RESULT_BUSY); break;
    case HS_MANAGER_ASSIGN: hs_manager_assign_applied(step, &entry->assign, HS_RESULT_BUSY); break;
    case HS_MANAGER_CANCEL: hs_manager_answer_cancel(step, proposal, HS_RESULT_BUSY); break;
    case HS_MANAGER_TIMEOUT:
        if (hs_manager_find_place(manager, entry->timeout.job_id, &place))
            place.soft->is_timeout_proposed = false;
        hs_manager_answer_gate(step, proposal, HS_RESULT_BUSY);
        break;
    case HS_MANAGER_OWNER:
    case HS_MANAGER_RELEASED: hs_manager_answer_gate(step, proposal, HS_RESULT_BUSY); break;
    case HS_MANAGER_END: hs_manager_answer_result(step, proposal, HS_RESULT_BUSY); break;
    case HS_MANAGER_RECORD:
        if (hs_manager_find_place(manager, entry->record.job_id, &place))
            hs_manager_flow_at(manager, place.job, entry->record.workflow)->is_record_proposed =
                false;
        break;
    case HS_MANAGER_KIND_COUNT:
    default: break;
    }
}

void hs_manager_on_answer(struct hs_manager *manager, const struct hs_ledger_answer *answer,
                          uint64_t now_ns, struct hs_manager_actions *actions)
{
    struct hs_manager_step      step = hs_manager_begin(manager, now_ns, actions);
    struct hs_manager_proposal *proposal = find_proposal(manager, answer->token);

    switch (answer->kind) {
    case HS_LEDGER_LEADING: manager->has_log = true; return;
    case HS_LEDGER_DEPOSED:
        manager->has_log = manager->is_leading = manager->is_leader_proposed = false;
        return;
    case HS_LEDGER_BARRIER:
    case HS_LEDGER_FAILED: return;
    case HS_LEDGER_BLOB_STORED:
        if (proposal && proposal->kind == HS_PROPOSAL_BLOB) hs_manager_propose(&step, proposal);
        return;
    case HS_LEDGER_APPLIED:
        if (!proposal) return;
        finish(&step, proposal, answer->result);
        set_free(manager, proposal);
        return;
    case HS_LEDGER_NOT_LEADER:
    case HS_LEDGER_UNKNOWN: break;
    }
    hs_manager_on_refused(manager, answer->token, now_ns, actions);
}

void hs_manager_on_refused(struct hs_manager *manager, uint64_t token, uint64_t now_ns,
                           struct hs_manager_actions *actions)
{
    struct hs_manager_step      step = hs_manager_begin(manager, now_ns, actions);
    struct hs_manager_proposal *proposal = find_proposal(manager, token);

    if (!proposal) return;
    give_up(&step, proposal);
    set_free(manager, proposal);
    manager->is_dirty = false; /* not at once: the log is busy */
    manager->scan_at_ns = now_ns + RETRY_NS;
}
