// SPDX-License-Identifier: Apache-2.0
/* manager_extension.c - a worker asks for more time: the answer, and the deadlines that it moves
 * (membership 12). */
#include "roles/manager/manager_step.h"
#include "shm/base/log.h"

static bool is_overloaded(const struct hs_manager *manager)
{
    return manager->admission && hs_admission_load(manager->admission) >= HS_NODE_OVERLOADED;
}

/* What a job's own time grows by is the most that one worker of it was given: not the sum. */
static void extend_jobs(struct hs_manager *manager, uint32_t worker_idx)
{
    for (uint32_t i = 0; i < HS_JOBS_MAX; i++) {
        uint64_t extended_ns = hs_job_suspicion_extended_ns(&manager->silence, i, worker_idx);

        if (extended_ns <= manager->softs[i].extended_ns) continue;
        manager->softs[i].extended_ns = extended_ns;
        manager->softs[i].is_progress_dirty = true;
    }
}

static void carry_out(struct hs_manager_step *step, struct hs_manager_worker *worker,
                      const struct hs_extension_answer *answer)
{
    struct hs_manager *manager = step->manager;
    uint32_t           idx = (uint32_t)(worker - manager->workers.at);

    manager->counts.malformed += answer->is_malformed;
    if (answer->is_evicted)
        hs_job_suspicion_expire(&manager->silence, idx,
                                step->now_ns - worker->extension.denied_since_ns, step->now_ns);
    if (answer->code != HS_EXTENSION_GRANTED) {
        manager->counts.extensions_denied++;
        return;
    }
    manager->counts.extensions_granted++;
    hs_job_suspicion_extend(&manager->silence, idx, answer->grant_ns, HS_EXTENSION_GRACE_NS,
                            step->now_ns);
    extend_jobs(manager, idx);
    hs_notice_fill(hs_manager_event(step->actions), HS_NOTICE_EXTENDED, worker->name,
                   worker->generation, "%llu ms, %u more",
                   (unsigned long long)(answer->grant_ns / HS_NS_PER_MS), answer->remaining_grants);
}

void hs_manager_take_extend(struct hs_manager_step *step, struct hs_manager_worker *worker,
                            const struct hs_msg_extend *extend, uint64_t frame_id)
{
    const struct hs_extension_ask ask = {.progress_ppm = extend->progress_ppm,
                                         .items_done = extend->items_done,
                                         .items_total = extend->items_total,
                                         .is_current = extend->session == worker->session,
                                         .is_reconciled = worker->is_reconciled,
                                         .is_overloaded = is_overloaded(step->manager)};
    struct hs_extension_answer    answer;
    struct hs_msg_extend_ack     *ack = &hs_manager_send(step->actions, HS_MANAGER_SEND_WORKER,
                                                         HS_MSG_EXTEND_ACK, worker->link, frame_id)
                                         ->extend_ack;

    hs_extension_ask(&worker->extension, &ask, step->now_ns, &answer);
    carry_out(step, worker, &answer);
    hs_log(HS_LOG_INFO, "manager",
           "worker asks for time worker=%s reason=%s shares=%u answer=%s grants_left=%u",
           worker->name, hs_extension_reason_name(extend->reason), (unsigned)extend->shares,
           hs_extension_code_name(answer.code), answer.remaining_grants);
    ack->code = (uint8_t)answer.code;
    ack->grant_ns = answer.grant_ns;
    ack->remaining_ns = hs_job_suspicion_remaining_ns(
        &step->manager->silence, (uint32_t)(worker - step->manager->workers.at), step->now_ns);
    ack->remaining_grants = (uint8_t)answer.remaining_grants;
    ack->warning = answer.is_warning;
    ack->grace_ns = HS_EXTENSION_GRACE_NS;
}

/* Nobody of this link is known here. */
void hs_manager_refuse_extend(struct hs_manager_step *step, uint32_t link, uint64_t frame_id)
{
    hs_manager_send(step->actions, HS_MANAGER_SEND_WORKER, HS_MSG_EXTEND_ACK, link, frame_id)
        ->extend_ack.code = HS_EXTENSION_UNKNOWN;
}

uint64_t hs_manager_extended_ns(const struct hs_manager_place *place)
{
    return hs_extension_of_job_ns(place->job->limit.timeout_ns, place->soft->extended_ns);
}
