// SPDX-License-Identifier: Apache-2.0
/* ring_alerts_io.c - from the records of living members to events. */
#include "roles/cluster/ring_alerts_io.h"

#include "roles/cluster/member_row.h"
#include "roles/config.h"
#include "roles/counters.h"
#include "shm/base/log.h"
#include "shm/counters.h"

#include <stdio.h>
#include <string.h>

HS_STATIC_ASSERT((int)HS_MEMBER_ROWS_MAX <= (int)HS_ALERTS_PEERS_MAX, "all that a ring has");

/* The configuration says who leads; it may be silent where there is one manager. */
static bool is_leader(const struct hs_role_process *process, const struct hs_member *member,
                      bool is_self)
{
    const char *leader = process->config->cluster.leader;

    return leader[0] ? strcmp(member->facts.name, leader) == 0 : is_self;
}

static void gather(struct hs_ring_alerts *alerts, const struct hs_role_process *process,
                   const struct hs_members *members)
{
    alerts->peer_count = 0;
    for (uint32_t i = 0; i < members->capacity && i < HS_ALERTS_PEERS_MAX; i++) {
        const struct hs_member *member = hs_members_at(members, i);

        if (!member || member->status != HS_MEMBER_ALIVE) continue;
        alerts->peers[alerts->peer_count++] =
            (struct hs_alert_peer){.idx = i,
                                   .load = member->load,
                                   .is_leader = is_leader(process, member, i == members->self_idx)};
        (void)snprintf(alerts->names[i], sizeof alerts->names[i], "%s", member->facts.name);
    }
}

static void tell(struct hs_ring_alerts *alerts, struct hs_role_process *process,
                 const char *ring_name, const struct hs_alert_action *action)
{
    const uint32_t        *counts = alerts->alerts.counts;
    const char            *kind = hs_alert_kind_name(action->kind);
    const char            *about = ring_name;
    enum hs_notice_kind    notice = action->is_over ? HS_NOTICE_ALERT_OVER : HS_NOTICE_ALERT;
    struct hs_event_record record;

    if (action->kind == HS_ALERT_OVERLOADED) about = alerts->names[action->peer_idx];
    hs_notice_fill(&record, notice, about, alerts->alerts.total,
                   "%s: %u healthy, %u busy, %u stressed, %u overloaded", kind,
                   (unsigned)counts[HS_LOAD_HEALTHY], (unsigned)counts[HS_LOAD_BUSY],
                   (unsigned)counts[HS_LOAD_STRESSED], (unsigned)counts[HS_LOAD_OVERLOADED]);
    hs_role_note(process, &record);
    hs_log(action->is_over ? HS_LOG_INFO : HS_LOG_WARN, "ring", "%s about=%s leader=%s %s",
           hs_notice_kind_name(notice), about, process->config->cluster.leader, record.text);
    if (!action->is_over) hs_counter_add(process->counters, HS_COUNT_alerts, 1);
}

void hs_ring_alerts_look(struct hs_ring_alerts *alerts, struct hs_role_process *process,
                         const struct hs_membership *membership, const char *ring_name)
{
    gather(alerts, process, &membership->members);
    hs_alerts_look(&alerts->alerts, alerts->peers, alerts->peer_count,
                   hs_loop_now_ns(process->loop), &alerts->actions);
    for (unsigned i = 0; i < alerts->actions.count; i++)
        tell(alerts, process, ring_name, &alerts->actions.at[i]);
    hs_counter_set(process->counters, HS_COUNT_alert, alerts->alerts.current);
}
