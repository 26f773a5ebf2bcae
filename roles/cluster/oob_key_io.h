// SPDX-License-Identifier: Apache-2.0
/* oob_key_io.h - the tag of a frame out of band: HMAC-SHA-256, cut to 16 bytes, with keys that are
 * made of the cluster's key ring for one node. So who answers for a node needs these keys alone,
 * and they are good for nothing else: neither for gossip nor for another node. */
#ifndef HS_CLUSTER_OOB_KEY_IO_H
#define HS_CLUSTER_OOB_KEY_IO_H

#include "roles/cluster/keyring.h"
#include "roles/cluster/oob_frame.h"

/* A key for each of the ring's, under its version. 0, or -EIO. */
int hs_oob_keys(const struct hs_keyring *ring, const struct hs_node_id *node,
                struct hs_keyring *keys) HS_MUST_CHECK;
/* Writes the tag behind the body; the key is that of the frame's version. 0, -ENOKEY, -EIO. */
int hs_oob_sign(const struct hs_keyring *keys, uint8_t version,
                uint8_t bytes[HS_OOB_BYTES]) HS_MUST_CHECK;
/* 0; -ENOKEY: of a version that is not there; -EBADMSG: forged or damaged. */
int hs_oob_verify(const struct hs_keyring *keys, uint8_t version,
                  const uint8_t bytes[HS_OOB_BYTES]) HS_MUST_CHECK;

#endif
