// SPDX-License-Identifier: Apache-2.0
/* ring_io.h - a role's part in its ring, carried out: datagrams through the post, turns by the
 * role's clock, the members shown in shared memory, what happens told as events, counted and
 * logged. Decides nothing about members (membership.h). The gates of a cluster are one ring, the
 * managers of a datacenter another. */
#ifndef HS_CLUSTER_RING_IO_H
#define HS_CLUSTER_RING_IO_H

#include "roles/cluster/credentials_io.h"
#include "roles/role_io.h"

struct hs_ring_io; /* NULL everywhere below: this host stands alone */

/* Before hs_role_ready; of a gate or a manager, with its own credentials. *ring NULL: it has none,
 * and stands alone. */
int hs_ring_io_open(struct hs_ring_io **ring, struct hs_role_process *process,
                    const struct hs_credentials *credentials, struct hs_err *err) HS_MUST_CHECK;
/* All that is due; when to come again. */
uint64_t hs_ring_io_turn(struct hs_ring_io *ring, uint64_t now_ns);
/* The credentials have been renewed. */
void hs_ring_io_set_keyring(struct hs_ring_io *ring, const struct hs_keyring *keyring);
/* From the role's hooks on_link (the callee owns fd) and on_answer: true: it was ours. */
bool hs_ring_io_resolver(struct hs_ring_io *ring, uint64_t token, int fd);
bool hs_ring_io_no_resolver(struct hs_ring_io *ring, uint64_t token, int code);
/* The host ends: the others are told, so that nobody has to find it out. */
void hs_ring_io_leave(struct hs_ring_io *ring);
bool hs_ring_io_has_left(const struct hs_ring_io *ring);

#endif
