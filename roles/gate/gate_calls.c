// SPDX-License-Identifier: Apache-2.0
/* gate_calls.c - leave to give a manager work, and how that ended (guard/breaker.h): a manager that
 * does not answer is left alone for a while. What takes work away is always said. */
#include "roles/counters.h"
#include "roles/gate/gate_inner.h"
#include "shm/base/log.h"

#include <string.h>

static void note_opened(struct hs_gate *gate, unsigned manager, uint32_t opened_count)
{
    const struct hs_gate_manager *at = &gate->managers[manager];

    if (at->breaker.opened_count == opened_count) return;
    gate->out.count(gate->out.self, HS_COUNT_breakers_opened);
    hs_log(HS_LOG_WARN, "gate", "manager left alone name=%s datacenter=%s: it does not answer",
           at->name, at->datacenter);
    gate->out.show_manager(gate->out.self, manager);
}

/* Breakers alone make no datacenter unreachable. */
static void relieve(struct hs_gate *gate, const char *datacenter)
{
    struct hs_breaker *breakers[HS_GATE_MANAGERS_MAX];
    unsigned           count = 0;

    for (unsigned i = 0; i < gate->manager_high; i++)
        if (gate->managers[i].is_up && strcmp(gate->managers[i].datacenter, datacenter) == 0)
            breakers[count++] = &gate->managers[i].breaker;
    hs_breaker_relieve(breakers, count, gate->now_ns);
}

bool hs_gate_begin_call(struct hs_gate *gate, unsigned manager, struct hs_gate_call *call)
{
    struct hs_gate_manager *at = &gate->managers[manager];
    uint32_t                opened_count = at->breaker.opened_count;
    bool                    is_admitted;

    relieve(gate, at->datacenter);
    is_admitted = hs_breaker_admit(&at->breaker, gate->now_ns, gate->limits.dispatch_ack_timeout_ns,
                                   &gate->rand, &call->token);
    call->manager = manager;
    note_opened(gate, manager, opened_count); /* a trial that nobody had ended */
    if (!is_admitted) gate->out.count(gate->out.self, HS_COUNT_breaker_refusals);
    return is_admitted;
}

void hs_gate_end_call(struct hs_gate *gate, struct hs_gate_call *call,
                      enum hs_breaker_outcome outcome)
{
    struct hs_breaker *breaker = &gate->managers[call->manager].breaker;
    uint32_t           opened_count = breaker->opened_count;

    if (!call->token.generation) return;
    hs_breaker_report(breaker, &call->token, outcome, gate->now_ns, &gate->rand);
    note_opened(gate, call->manager, opened_count);
}

void hs_gate_drop_calls(struct hs_gate *gate, unsigned manager)
{
    for (uint32_t i = 0; i < gate->fsm->job_high; i++)
        for (unsigned slot = 0; slot < HS_GATE_SLOTS_MAX; slot++)
            if (gate->soft[i].slots[slot].call.manager == manager)
                hs_gate_end_call(gate, &gate->soft[i].slots[slot].call, HS_BREAKER_FAIL);
}

void hs_gate_meet_manager(struct hs_gate *gate, unsigned manager)
{
    struct hs_gate_manager *at = &gate->managers[manager];

    if (at->breaker.incarnation) /* it was here before */
        hs_flap_note(&at->flap,
                     at->incarnation > at->breaker.incarnation ? HS_FLAP_FROM_DEAD
                                                               : HS_FLAP_FROM_SUSPECT,
                     gate->now_ns);
    hs_breaker_met(&at->breaker, at->incarnation, at->generation, gate->now_ns);
}
