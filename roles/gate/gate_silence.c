// SPDX-License-Identifier: Apache-2.0
/* gate_silence.c - tells the watch over jobs in datacenters (cluster/job_suspicion.h) what happens,
 * and the operator what it finds; and gives up the part of a job in a datacenter that says nothing
 * of it any more (membership 10). A datacenter that is only suspected of being out of reach, or
 * held back since others are so too, is judged for no job until that is settled. */
#include "roles/counters.h"
#include "roles/gate/gate_inner.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SUSPECT_NS   (5 * HS_NS_PER_S) /* membership 10: the least at gates (job_suspicion.h) */
#define STALL_NS     (2 * HS_NS_PER_S) /* datacenters are looked at each second */
#define RECONCILE_NS (5 * HS_NS_PER_S)
#define HOLD_NS      (2 * HS_NS_PER_S) /* after the last report that was refused */
#define AGAIN_NS     (100 * HS_NS_PER_MS)
enum { SLOT_COUNT = HS_GATE_JOBS_MAX * HS_GATE_SLOTS_MAX };
HS_STATIC_ASSERT((int)SLOT_COUNT <= (int)HS_JOB_SUSPICION_SLOTS, "room for every job everywhere");
HS_STATIC_ASSERT((int)HS_DATACENTERS_MAX <= (int)HS_JOB_SUSPICION_NODES, "a number each");

void hs_gate_begin_silence(struct hs_gate *gate)
{
    const struct hs_job_suspicion_config config = {.silence_ns = gate->limits.job_silent_after_ns,
                                                   .suspect_ns = SUSPECT_NS,
                                                   .stall_ns = STALL_NS,
                                                   .slot_count = SLOT_COUNT};

    hs_job_suspicion_init(gate->silence, &config, gate->now_ns);
}

void hs_gate_end_silence(struct hs_gate *gate, uint32_t job_idx)
{
    hs_job_suspicion_end_job(gate->silence, job_idx);
}

/* Its number may be another one's next. What still runs there is watched anew. */
void hs_gate_drop_place(struct hs_gate *gate, uint32_t place)
{
    hs_job_suspicion_node(gate->silence, place, HS_JOB_HEALTH_DEAD_NODE, gate->now_ns);
    hs_job_suspicion_node(gate->silence, place, HS_JOB_HEALTH_ALIVE, gate->now_ns);
}

/* ---- looking ---- */

static enum hs_job_health health_of(const struct hs_gate *gate, const struct hs_gate_job *job,
                                    unsigned slot)
{
    int place = hs_gate_place_of(gate, job->slots[slot].datacenter);

    if (place < 0) return HS_JOB_HEALTH_ALIVE;
    return hs_job_suspicion_of(gate->silence, hs_gate_job_idx(gate->fsm, job), (uint32_t)place);
}

bool hs_gate_is_given_up(const struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot)
{
    if (job->slots[slot].state == HS_GATE_SLOT_LOST) return true;
    return job->slots[slot].state == HS_GATE_SLOT_RUNNING &&
           health_of(gate, job, slot) == HS_JOB_HEALTH_DEAD;
}

bool hs_gate_is_suspected(const struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot)
{
    const struct hs_reach_facts *reach = hs_gate_reach_of(gate, job->slots[slot].datacenter);
    bool is_away = reach && reach->is_asked && reach->state == HS_REACH_UNREACHABLE;

    return job->slots[slot].state == HS_GATE_SLOT_RUNNING &&
           (is_away || health_of(gate, job, slot) != HS_JOB_HEALTH_ALIVE);
}

/* ---- telling ---- */

static uint64_t silent_ms(const struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot)
{
    uint64_t heard_at_ns = gate->soft[hs_gate_job_idx(gate->fsm, job)].slots[slot].heard_at_ns;

    return heard_at_ns ? (gate->now_ns - heard_at_ns) / HS_NS_PER_MS : 0;
}

static void note(struct hs_gate *gate, enum hs_notice_kind kind, const struct hs_gate_job *job,
                 unsigned slot)
{
    const char *name = job->slots[slot].datacenter;
    uint64_t    ms = silent_ms(gate, job, slot);
    char        text[HS_EVENT_TEXT_BYTES];

    (void)snprintf(text, sizeof text, "datacenter %s", name);
    hs_gate_note_job(gate, kind, job->id, ms, text);
    gate->soft[hs_gate_job_idx(gate->fsm, job)].is_row_dirty = true;
    hs_log(kind == HS_NOTICE_JOB_DEAD      ? HS_LOG_ERROR
           : kind == HS_NOTICE_JOB_SUSPECT ? HS_LOG_WARN
                                           : HS_LOG_INFO,
           "gate", "%s job=%s datacenter=%s silent_ms=%" PRIu64, hs_notice_kind_name(kind),
           job->name, name, ms);
}

void hs_gate_note_news(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot)
{
    int place = hs_gate_place_of(gate, job->slots[slot].datacenter);

    if (place >= 0 && hs_job_suspicion_news(gate->silence, hs_gate_job_idx(gate->fsm, job),
                                            (uint32_t)place, 0, gate->now_ns))
        note(gate, HS_NOTICE_JOB_REFUTED, job, slot);
}

static void tell(struct hs_gate *gate, const struct hs_job_verdict *verdict)
{
    const struct hs_gate_job *job = &gate->fsm->jobs[verdict->job];
    const char               *name = gate->datacenters[verdict->node].name;
    bool                      is_dead = verdict->state == HS_JOB_SLOT_DEAD;

    gate->out.count(gate->out.self, is_dead ? HS_COUNT_job_deaths : HS_COUNT_job_suspicions);
    for (unsigned i = 0; i < job->slot_count; i++)
        if (strcmp(job->slots[i].datacenter, name) == 0)
            note(gate, is_dead ? HS_NOTICE_JOB_DEAD : HS_NOTICE_JOB_SUSPECT, job, i);
}

/* ---- giving up ---- */

static void fill_reason(const struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot,
                        struct hs_gate_results *results)
{
    const char                  *name = job->slots[slot].datacenter;
    const struct hs_reach_facts *reach = hs_gate_reach_of(gate, name);
    bool     is_away = reach && reach->is_asked && reach->state == HS_REACH_UNREACHABLE;
    uint64_t silent_s = silent_ms(gate, job, slot) / 1000;

    if (silent_s)
        (void)snprintf(results->reason, sizeof results->reason,
                       "datacenter %s was lost: nothing heard for %" PRIu64 " s%s", name, silent_s,
                       is_away ? " (UNREACHABLE)" : "");
    else
        (void)snprintf(results->reason, sizeof results->reason,
                       "datacenter %s was lost: nothing heard", name);
}

/* Whatever it has not told the end of ends here, with the last figures of it; as many as an entry
 * holds. false: the log is busy. */
static bool fill_items(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot,
                       struct hs_gate_results *results)
{
    const struct hs_plan *plan = hs_gate_plan_of(gate, job);

    results->is_lost = true;
    for (uint16_t i = 0; i < job->workflow_count; i++) {
        struct hs_gate_item *item = &results->items[results->count];
        struct hs_view       record;

        if (job->workflow_reports[i] >> slot & 1) continue;
        if (results->count == HS_GATE_ENTRY_ITEMS) {
            results->is_lost = false; /* with the rest of them */
            break;
        }
        record = hs_gate_lost_results(gate, job, slot, i, plan);
        *item = (struct hs_gate_item){
            .workflow = i, .status = HS_WORKFLOW_FAILED, .has_record = record.bytes != 0};
        if (record.bytes && gate->out.blob_put(gate->out.self, record, &item->digest, 0))
            return false;
        results->count++;
    }
    return true;
}

static void give_up(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot)
{
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];
    struct hs_gate_entry      entry = {.kind = HS_GATE_RESULTS};
    uint64_t                  token = hs_gate_slot_token(hs_gate_job_idx(gate->fsm, job), slot);

    memcpy(entry.as.results.job_id, job->id, HS_JOB_ID_BYTES);
    entry.as.results.slot = (uint16_t)slot;
    entry.as.results.manager_fence = job->slots[slot].manager_fence;
    entry.as.results.elapsed_ns = soft->elapsed_ns;
    fill_reason(gate, job, slot, &entry.as.results);
    soft->is_proposed =
        fill_items(gate, job, slot, &entry.as.results) && hs_gate_propose(gate, &entry, token) == 0;
}

/* ---- time ---- */

static enum hs_job_health health_in(const struct hs_reach_facts *reach)
{
    bool is_open = reach->is_asked && (reach->state == HS_REACH_SUSPECTED || reach->is_held);

    return is_open ? HS_JOB_HEALTH_SUSPECT_NODE : HS_JOB_HEALTH_ALIVE;
}

/* Reports that this gate itself turns away are no silence of others. */
static bool turns_reports_away(struct hs_gate *gate)
{
    uint64_t refused = gate->admission ? gate->admission->refused[HS_TRAFFIC_DATA] : 0;

    if (refused != gate->reports_refused) gate->hold_until_ns = gate->now_ns + HOLD_NS;
    gate->reports_refused = refused;
    return gate->now_ns < gate->hold_until_ns;
}

static uint64_t turn_job(struct hs_gate *gate, uint32_t job_idx)
{
    const struct hs_gate_job *job = &gate->fsm->jobs[job_idx];
    struct hs_gate_slot_soft *slots = gate->soft[job_idx].slots;
    uint64_t                  next_ns = HS_NEVER_NS;

    if (job->phase != HS_GATE_ACTIVE) {
        hs_gate_end_silence(gate, job_idx); /* its end has a time of its own */
        return HS_NEVER_NS;
    }
    for (unsigned i = 0; i < job->slot_count; i++) {
        int place;

        if (job->slots[i].state != HS_GATE_SLOT_RUNNING) continue;
        place = hs_gate_take_place(gate, job->slots[i].datacenter);
        if (place < 0) continue;
        hs_job_suspicion_watch(gate->silence, job_idx, (uint32_t)place, gate->now_ns);
        if (slots[i].is_silent != hs_gate_is_suspected(gate, job, i))
            gate->soft[job_idx].is_row_dirty = true;
        slots[i].is_silent = hs_gate_is_suspected(gate, job, i);
        if (slots[i].is_proposed || !hs_gate_is_given_up(gate, job, i)) continue;
        if (gate->is_leading && !gate->lead_token) give_up(gate, job, i);
        if (!slots[i].is_proposed) next_ns = gate->now_ns + AGAIN_NS;
    }
    return next_ns;
}

static void reconcile(struct hs_gate *gate)
{
    unsigned repaired;

    if (gate->now_ns < gate->reconcile_at_ns) return;
    gate->reconcile_at_ns = gate->now_ns + RECONCILE_NS;
    repaired = hs_job_suspicion_reconcile(gate->silence, gate->now_ns);
    for (unsigned i = 0; i < repaired; i++)
        gate->out.count(gate->out.self, HS_COUNT_job_slots_repaired);
    if (repaired)
        hs_log(HS_LOG_ERROR, "gate", "watch over jobs was wrong and is repaired entries=%u",
               repaired);
}

uint64_t hs_gate_turn_silence(struct hs_gate *gate)
{
    struct hs_job_verdict verdict;
    uint64_t              next_ns = HS_NEVER_NS;

    hs_job_suspicion_hold(gate->silence, turns_reports_away(gate), gate->now_ns);
    for (uint32_t i = 0; i < HS_DATACENTERS_MAX; i++)
        if (gate->datacenters[i].name[0])
            hs_job_suspicion_node(gate->silence, i, health_in(&gate->datacenters[i].reach),
                                  gate->now_ns);
    while (hs_job_suspicion_next(gate->silence, gate->now_ns, &verdict)) tell(gate, &verdict);
    for (uint32_t i = 0; i < gate->fsm->job_high; i++)
        next_ns = hs_min_u64(next_ns, turn_job(gate, i));
    reconcile(gate);
    return hs_min_u64(next_ns, hs_job_suspicion_deadline_ns(gate->silence));
}
