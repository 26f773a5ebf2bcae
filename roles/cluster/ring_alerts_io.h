// SPDX-License-Identifier: Apache-2.0
/* ring_alerts_io.h - a manager tells its operator when the managers of its datacenter have too much
 * to do (alerts.h): as events, in the log and in counters. Part of a ring (ring_io.h). */
#ifndef HS_CLUSTER_RING_ALERTS_IO_H
#define HS_CLUSTER_RING_ALERTS_IO_H

#include "roles/cluster/alerts.h"
#include "roles/cluster/membership.h"
#include "roles/role_io.h"

struct hs_ring_alerts {
    struct hs_alerts        alerts;
    struct hs_alert_actions actions;
    unsigned                peer_count;
    struct hs_alert_peer    peers[HS_ALERTS_PEERS_MAX];
    char                    names[HS_ALERTS_PEERS_MAX][HS_IDENTITY_LABEL_BYTES]; /* last seen */
};

/* Zeroed at first. ring_name: for the text. */
void hs_ring_alerts_look(struct hs_ring_alerts *alerts, struct hs_role_process *process,
                         const struct hs_membership *membership, const char *ring_name);

#endif
