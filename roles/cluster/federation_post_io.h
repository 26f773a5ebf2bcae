// SPDX-License-Identifier: Apache-2.0
/* federation_post_io.h - how gates and the managers of all datacenters send one another what
 * federation_message.h says: sealed for all of them, over the socket of the ring that each is in.
 */
#ifndef HS_CLUSTER_FEDERATION_POST_IO_H
#define HS_CLUSTER_FEDERATION_POST_IO_H

#include "roles/cluster/federation_message.h"
#include "roles/cluster/ring_io.h"

/* on_datagram: of whatever type. Lives as long as the ring. */
int  hs_federation_post_open(struct hs_post **post, struct hs_ring_io *ring,
                             const struct hs_credentials *credentials, void *owner,
                             hs_post_fn *on_datagram, struct hs_err *err) HS_MUST_CHECK;
void hs_federation_post_send(struct hs_post *post, const struct hs_node_id *to,
                             const struct hs_addr               *address,
                             const struct hs_federation_message *message);
/* The credentials have been renewed. */
void hs_federation_post_set_keyring(struct hs_post *post, const struct hs_keyring *keyring);

#endif
