// SPDX-License-Identifier: Apache-2.0
/* node_door_io.h - what a role of a cluster has in common with the others: its credentials out of
 * its heritage, and its door, listening where the supervisor listens for it. A host that stands
 * alone has neither. */
#ifndef HS_CLUSTER_NODE_DOOR_IO_H
#define HS_CLUSTER_NODE_DOOR_IO_H

#include "roles/cluster/door_io.h"
#include "roles/cluster/node_credentials_io.h"

struct hs_node_door {
    bool                       is_open; /* false: this host stands alone */
    struct hs_node_credentials credentials;
    struct hs_door             door;
    struct hs_door_figures     told; /* is in the counters already */
};

struct hs_node_door_config {
    struct hs_role_process *process;
    void                   *owner;
    hs_door_enter_fn       *on_enter;
    hs_door_refused_fn     *on_refused; /* NULL: does not dial */
};

/* 0 also when there are no credentials. -EINVAL: they are not good, or another node's than the
 * configuration says. */
int hs_node_door_open(struct hs_node_door *door, const struct hs_node_door_config *config,
                      struct hs_err *err) HS_MUST_CHECK;
/* Whom to find behind an address: a gate of any datacenter, or a manager of ours. */
void     hs_node_door_expect(const struct hs_node_door *door, enum hs_identity_role role,
                             struct hs_identity *expected);
uint64_t hs_node_door_turn(struct hs_node_door *door, uint64_t now_ns); /* the next moment */

#endif
