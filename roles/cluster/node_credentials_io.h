// SPDX-License-Identifier: Apache-2.0
/* node_credentials_io.h - the credentials of a role of this host: opened from what the supervisor
 * has left for it, replaced when it sends new ones, watched for their end. */
#ifndef HS_CLUSTER_NODE_CREDENTIALS_IO_H
#define HS_CLUSTER_NODE_CREDENTIALS_IO_H

#include "roles/cluster/credentials_io.h"
#include "roles/role_io.h"

struct hs_node_credentials {                /* zeroed: none */
    struct hs_credentials      credentials; /* tls NULL: this host stands alone */
    struct hs_role_process    *process;
    enum hs_credentials_health health; /* as last told */
    uint64_t                   look_at_ns;
    struct hs_tls_figures      told; /* is in the counters already */
};

/* Before hs_role_ready. The certificate must be of this role, and of the node's name and datacenter
 * as configured. Nothing in the heritage: 0, and there are none. -EINVAL: another start would not
 * help. */
int hs_node_credentials_open(struct hs_node_credentials *node, struct hs_role_process *process,
                             struct hs_err *err) HS_MUST_CHECK;
/* The role's hook on_credentials: takes fd, and tells the supervisor what came of it. */
void hs_node_credentials_take(struct hs_node_credentials *node, uint64_t number, int fd);
/* Warns when they end soon, counts what TLS has refused; the next moment. */
uint64_t hs_node_credentials_turn(struct hs_node_credentials *node, uint64_t now_ns);

#endif
