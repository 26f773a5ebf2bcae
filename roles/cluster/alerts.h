// SPDX-License-Identifier: Apache-2.0
/* alerts.h - warns before the managers of a datacenter have too much to do: from how loaded each
 * of them says it is, one alarm at a time, told once when it begins and once when it is over
 * (membership 18). Whoever is not alive does not count. Pure.
 *
 *   of all that are alive, this one included; the first that holds:
 *   CRITICAL  none is healthy           MAJORITY  half of them are overloaded
 *   LEADER    the leader is overloaded  STRESSED  four fifths are not healthy
 *   and of each alone: OVERLOADED
 *
 * What comes back within 30 s is the same alarm still; none is told twice in a minute. */
#ifndef HS_CLUSTER_ALERTS_H
#define HS_CLUSTER_ALERTS_H

#include "roles/cluster/datagram.h"

enum {
    HS_ALERTS_PEERS_MAX = 1024, /* one more is not looked at (members.h: ring_io has no more) */
    HS_ALERTS_ACTIONS_MAX = 32  /* of one look; what is above waits for the next */
};

enum hs_alert_kind {
    HS_ALERT_NONE,
    HS_ALERT_CRITICAL,
    HS_ALERT_LEADER,
    HS_ALERT_MAJORITY,
    HS_ALERT_STRESSED,
    HS_ALERT_OVERLOADED, /* one manager */
    HS_ALERT_KIND_COUNT
};

struct hs_alert_peer {
    uint32_t idx;  /* below HS_ALERTS_PEERS_MAX: the same one each time */
    uint8_t  load; /* enum hs_health_load; another number counts as BUSY */
    bool     is_leader;
};

struct hs_alert_action {
    enum hs_alert_kind kind;
    bool               is_over;
    uint32_t           peer_idx; /* OVERLOADED: which */
};

struct hs_alert_actions {
    unsigned               count;
    struct hs_alert_action at[HS_ALERTS_ACTIONS_MAX];
};

struct hs_alert {
    bool     is_on;
    bool     is_told;
    uint64_t told_at_ns; /* 0: never */
    uint64_t over_at_ns; /* 0: never */
};

struct hs_alerts {
    enum hs_alert_kind current; /* of the first four; NONE */
    struct hs_alert    kinds[HS_ALERT_OVERLOADED];
    struct hs_alert    peers[HS_ALERTS_PEERS_MAX];
    uint32_t           counts[HS_LOAD_COUNT]; /* of the last look */
    uint32_t           total;
    uint64_t           told_count[HS_ALERT_KIND_COUNT];
    uint64_t           unknown_count; /* levels that are none */
};

const char *hs_alert_kind_name(enum hs_alert_kind kind);

/* Everybody who is alive; alerts is zeroed at first. now_ns is not 0. */
void hs_alerts_look(struct hs_alerts *alerts, const struct hs_alert_peer *peers, unsigned count,
                    uint64_t now_ns, struct hs_alert_actions *actions);

#endif
