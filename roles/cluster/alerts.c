// SPDX-License-Identifier: Apache-2.0
/* alerts.c - counts levels, and holds back what was told. */
#include "roles/cluster/alerts.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

#define CLEAR_NS (30 * HS_NS_PER_S)
#define TELL_NS  (60 * HS_NS_PER_S)

const char *hs_alert_kind_name(enum hs_alert_kind kind)
{
    static const char *const names[HS_ALERT_KIND_COUNT] = {
        [HS_ALERT_NONE] = "none",         [HS_ALERT_CRITICAL] = "critical",
        [HS_ALERT_LEADER] = "leader",     [HS_ALERT_MAJORITY] = "majority",
        [HS_ALERT_STRESSED] = "stressed", [HS_ALERT_OVERLOADED] = "overloaded"};

    return kind < HS_ALERT_KIND_COUNT ? names[kind] : "?";
}

/* Room is asked for before anything changes, so that nothing is lost. */
static bool push(struct hs_alerts *alerts, struct hs_alert_actions *actions,
                 const struct hs_alert_action *action)
{
    if (actions->count == HS_ALERTS_ACTIONS_MAX) return false;
    actions->at[actions->count++] = *action;
    if (!action->is_over) alerts->told_count[action->kind]++;
    return true;
}

static void begin(struct hs_alert *alert, uint64_t now_ns)
{
    if (alert->is_on) return;
    alert->is_on = true;
    if (!alert->over_at_ns || now_ns - alert->over_at_ns >= CLEAR_NS) alert->is_told = false;
}

/* It is on: told, unless it was a moment ago. */
static void tell(struct hs_alerts *alerts, struct hs_alert *alert,
                 const struct hs_alert_action *action, uint64_t now_ns,
                 struct hs_alert_actions *actions)
{
    if (alert->is_told || (alert->told_at_ns && now_ns - alert->told_at_ns < TELL_NS)) return;
    if (!push(alerts, actions, action)) return;
    alert->is_told = true;
    alert->told_at_ns = now_ns;
}

static void end(struct hs_alerts *alerts, struct hs_alert *alert,
                const struct hs_alert_action *action, uint64_t now_ns,
                struct hs_alert_actions *actions)
{
    if (!alert->is_on) return;
    if (alert->is_told && alert->over_at_ns < alert->told_at_ns &&
        !push(alerts, actions, action)) /* once for each time that it was told */
        return;
    alert->is_on = false;
    alert->over_at_ns = now_ns;
}

static void count_all(struct hs_alerts *alerts, const struct hs_alert_peer *peers, unsigned count,
                      bool *is_leader_overloaded)
{
    memset(alerts->counts, 0, sizeof alerts->counts);
    alerts->total = count;
    *is_leader_overloaded = false;
    for (unsigned i = 0; i < count; i++) {
        uint8_t load = peers[i].load < HS_LOAD_COUNT ? peers[i].load : HS_LOAD_BUSY;

        alerts->unknown_count += peers[i].load >= HS_LOAD_COUNT;
        alerts->counts[load]++;
        if (peers[i].is_leader && load == HS_LOAD_OVERLOADED) *is_leader_overloaded = true;
    }
}

static enum hs_alert_kind judge(const struct hs_alerts *alerts, bool is_leader_overloaded)
{
    uint32_t healthy = alerts->counts[HS_LOAD_HEALTHY];

    if (alerts->total < 2) return HS_ALERT_NONE; /* nobody to compare with */
    if (healthy == 0) return HS_ALERT_CRITICAL;
    if (is_leader_overloaded) return HS_ALERT_LEADER;
    if (2 * alerts->counts[HS_LOAD_OVERLOADED] >= alerts->total) return HS_ALERT_MAJORITY;
    if (5 * (alerts->total - healthy) >= 4 * alerts->total) return HS_ALERT_STRESSED;
    return HS_ALERT_NONE;
}

static void look_at_peers(struct hs_alerts *alerts, const struct hs_alert_peer *peers,
                          unsigned count, uint64_t now_ns, struct hs_alert_actions *actions)
{
    bool is_overloaded[HS_ALERTS_PEERS_MAX] = {false};

    for (unsigned i = 0; i < count; i++) {
        HS_ASSERT(peers[i].idx < HS_ALERTS_PEERS_MAX);
        is_overloaded[peers[i].idx] = peers[i].load == HS_LOAD_OVERLOADED;
    }
    for (uint32_t i = 0; i < HS_ALERTS_PEERS_MAX; i++) {
        struct hs_alert_action action = {.kind = HS_ALERT_OVERLOADED, .peer_idx = i};

        action.is_over = !is_overloaded[i];
        if (action.is_over) {
            end(alerts, &alerts->peers[i], &action, now_ns, actions);
            continue;
        }
        begin(&alerts->peers[i], now_ns);
        tell(alerts, &alerts->peers[i], &action, now_ns, actions);
    }
}

void hs_alerts_look(struct hs_alerts *alerts, const struct hs_alert_peer *peers, unsigned count,
                    uint64_t now_ns, struct hs_alert_actions *actions)
{
    struct hs_alert_action action = {0};
    bool                   is_leader_overloaded;

    HS_ASSERT(count <= HS_ALERTS_PEERS_MAX);
    actions->count = 0;
    count_all(alerts, peers, count, &is_leader_overloaded);
    alerts->current = judge(alerts, is_leader_overloaded);
    for (unsigned kind = HS_ALERT_CRITICAL; kind < HS_ALERT_OVERLOADED; kind++) {
        action.kind = (enum hs_alert_kind)kind;
        action.is_over = alerts->current != action.kind;
        if (action.is_over) end(alerts, &alerts->kinds[kind], &action, now_ns, actions);
    }
    if (alerts->current != HS_ALERT_NONE) {
        action = (struct hs_alert_action){.kind = alerts->current};
        begin(&alerts->kinds[alerts->current], now_ns);
        tell(alerts, &alerts->kinds[alerts->current], &action, now_ns, actions);
    }
    look_at_peers(alerts, peers, count, now_ns, actions);
}
