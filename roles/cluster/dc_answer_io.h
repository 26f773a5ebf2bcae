// SPDX-License-Identifier: Apache-2.0
/* dc_answer_io.h - a manager answers the gates that ask whether its datacenter is there
 * (federation.h), over the socket of its ring. Any manager does, leading or not; what it says of
 * the datacenter is the manager's. */
#ifndef HS_CLUSTER_DC_ANSWER_IO_H
#define HS_CLUSTER_DC_ANSWER_IO_H

#include "roles/cluster/federation_message.h"
#include "roles/cluster/ring_io.h"

struct hs_dc_answer_io; /* NULL everywhere below: this host stands alone */

/* Fills in type (XACK or XNACK), leader, body or code; all else is there already. */
typedef void hs_dc_answer_fn(void *owner, struct hs_federation_message *message);

struct hs_dc_answer_config {
    struct hs_role_process      *process;
    struct hs_ring_io           *ring; /* NULL: stands alone; lives longer */
    const struct hs_credentials *credentials;
    void                        *owner;
    hs_dc_answer_fn             *fill;
};

int hs_dc_answer_open(struct hs_dc_answer_io **answer, const struct hs_dc_answer_config *config,
                      struct hs_err *err) HS_MUST_CHECK;
uint64_t hs_dc_answer_turn(struct hs_dc_answer_io *io, uint64_t now_ns); /* counts */
void     hs_dc_answer_set_keyring(struct hs_dc_answer_io *io, const struct hs_keyring *keyring);

#endif
