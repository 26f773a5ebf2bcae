// SPDX-License-Identifier: Apache-2.0
/* federation_io.h - a gate asks the managers of all datacenters whether they are there, over the
 * socket of its ring: carries out what federation.h decides, tells the other gates, counts, logs
 * and notes what happens. Whom to ask, and what becomes of it, is the gate's. */
#ifndef HS_CLUSTER_FEDERATION_IO_H
#define HS_CLUSTER_FEDERATION_IO_H

#include "roles/cluster/reach.h"
#include "roles/cluster/ring_io.h"

struct hs_federation_io; /* NULL everywhere below: this host stands alone */

/* About a datacenter that is asked: at each change, and every second. One that is forgotten: once
 * more, with is_asked false. */
typedef void hs_federation_reach_fn(void *owner, const char *datacenter,
                                    const struct hs_reach_facts *facts);

struct hs_federation_io_config {
    struct hs_role_process      *process;
    struct hs_ring_io           *ring; /* NULL: stands alone; lives longer */
    const struct hs_credentials *credentials;
    void                        *owner;
    hs_federation_reach_fn      *on_reach;
};

int hs_federation_io_open(struct hs_federation_io             **federation,
                          const struct hs_federation_io_config *config,
                          struct hs_err                        *err) HS_MUST_CHECK;
/* A manager is registered: again and again, as long as it is. */
void hs_federation_io_register(struct hs_federation_io *io, const char *datacenter,
                               const struct hs_node_id *id, const struct hs_addr *address);
/* All that is due; when to come again. */
uint64_t hs_federation_io_turn(struct hs_federation_io *io, uint64_t now_ns);
void hs_federation_io_set_keyring(struct hs_federation_io *io, const struct hs_keyring *keyring);

#endif
