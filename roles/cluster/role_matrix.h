// SPDX-License-Identifier: Apache-2.0
/* role_matrix.h - which node may connect to which. What is not said to be allowed is refused. What
 * it may say there is in messages.def, by the kind of its role. Pure.
 *
 *     client, operator -> gate
 *     gate             -> gate, manager
 *     manager          -> gate; manager and worker of its own datacenter
 *     worker           -> manager of its own datacenter
 *
 * Both ends are of one cluster and one environment. */
#ifndef HS_CLUSTER_ROLE_MATRIX_H
#define HS_CLUSTER_ROLE_MATRIX_H

#include "roles/cluster/identity.h"
#include "roles/role_kind.h"

/* What the messages' table calls it; an operator is a client with more rights. */
enum hs_role_kind hs_role_kind_of(enum hs_identity_role role);

/* 0; -EACCES with a sentence: "a worker may not connect to a gate". */
int hs_role_check_dial(const struct hs_identity *dialer, const struct hs_identity *target,
                       struct hs_err *err) HS_MUST_CHECK;

#endif
