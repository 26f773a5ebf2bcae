// SPDX-License-Identifier: Apache-2.0
/* manager_gates.c - the gates that are connected, and which of them owns which job: the one that
 * has dispatched it. After a restart of either side the owner dispatches, cancels or releases it
 * again, and is known again. */
#include "roles/manager/manager_step.h"

#include <errno.h>
#include <string.h>

static uint32_t *find_gate(struct hs_manager *manager, uint32_t link)
{
    for (unsigned i = 0; i < HS_MANAGER_GATES; i++)
        if (manager->gates[i] == link) return &manager->gates[i];
    return NULL;
}

uint32_t hs_manager_gate_of(const struct hs_manager *manager, const struct hs_manager_soft *soft)
{
    if (soft->gate || !manager->config.has_one_gate) return soft->gate;
    for (unsigned i = 0; i < HS_MANAGER_GATES; i++)
        if (manager->gates[i]) return manager->gates[i];
    return 0;
}

static void begin_anew(struct hs_manager_soft *soft, uint32_t gate)
{
    soft->gate = gate;
    soft->needs_full = true;
    soft->results_at_ns = 0;
    soft->unacked_count = 0;
}

void hs_manager_note_owner(struct hs_manager_step *step, const uint8_t job_id[16])
{
    struct hs_manager_place place;

    if (!step->gate || !hs_manager_find_place(step->manager, job_id, &place)) return;
    if (hs_manager_gate_of(step->manager, place.soft) == step->gate)
        place.soft->gate = step->gate;
    else
        begin_anew(place.soft, step->gate);
}

/* What was sent over the old link may be lost. */
static void forget_link(struct hs_manager *manager, uint32_t link)
{
    for (unsigned i = 0; i < HS_JOBS_MAX; i++)
        if (manager->softs[i].gate == link || !manager->softs[i].gate)
            begin_anew(&manager->softs[i], 0);
}

int hs_manager_on_gate_up(struct hs_manager *manager, uint32_t link, uint64_t now_ns,
                          struct hs_manager_actions *actions)
{
    struct hs_manager_step step = hs_manager_begin(manager, now_ns, actions);
    uint32_t              *place = find_gate(manager, 0);
    struct hs_msg_hello   *hello;

    if (!place) return -ENOBUFS;
    *place = link;
    forget_link(manager, 0);
    manager->heartbeat_at_ns = 0;
    hello = &hs_manager_send(step.actions, HS_MANAGER_SEND_GATE, HS_MSG_HELLO, link, 0)->hello;
    hello->role = HS_ROLE_MANAGER;
    memcpy(hello->node, manager->config.node_id, sizeof hello->node);
    hello->incarnation = manager->config.incarnation;
    hello->generation = manager->config.generation;
    memcpy(hello->name, manager->config.name, sizeof hello->name);
    memcpy(hello->datacenter, manager->config.datacenter, sizeof hello->datacenter);
    return 0;
}

void hs_manager_on_gate_down(struct hs_manager *manager, uint32_t link, uint64_t now_ns,
                             struct hs_manager_actions *actions)
{
    struct hs_manager_step step = hs_manager_begin(manager, now_ns, actions);
    uint32_t              *place = find_gate(manager, link);

    if (!place) return;
    *place = 0;
    hs_manager_drop_fetching(step.manager, link); /* the next one dispatches */
    forget_link(manager, link);
}
