// SPDX-License-Identifier: Apache-2.0
/* seal_io.h - seals datagrams and opens those of others: AES-256-GCM with the header and the id of
 * the receiver as associated data, so that neither can be changed and nobody else takes it
 * (SEC-10).
 *
 * Each life of each sender has a key of its own, derived (HKDF-SHA-256) from a key of the key ring,
 * the name of the ring of nodes, the version of the key, the sender's id and its boot id. The nonce
 * is a counter: it cannot repeat, since a boot id is drawn at random for each process. One key
 * seals, all of the key ring open. Says nothing about replays: lives.h. */
#ifndef HS_CLUSTER_SEAL_IO_H
#define HS_CLUSTER_SEAL_IO_H

#include "roles/cluster/datagram.h"
#include "roles/cluster/keyring.h"

struct hs_seal;

struct hs_seal_config {
    struct hs_node_id self;
    uint64_t          incarnation;
    const char       *cluster;
    const char       *environment;
    const char       *ring; /* "gates", or the datacenter of managers: rings do not mix */
};

/* Draws the boot id. The ring is copied. */
int  hs_seal_open(struct hs_seal **seal, const struct hs_seal_config *config,
                  const struct hs_keyring *ring, struct hs_err *err) HS_MUST_CHECK;
void hs_seal_close(struct hs_seal **seal); /* wipes the keys */
/* Keys that are no longer in the ring open nothing from now on. After a failure the old one
 * stays. */
int      hs_seal_set_keyring(struct hs_seal *seal, const struct hs_keyring *ring,
                             struct hs_err *err) HS_MUST_CHECK;
void     hs_seal_set_incarnation(struct hs_seal *seal, uint64_t incarnation);
uint64_t hs_seal_cluster_hash(const struct hs_seal *seal);
/* Fresh, and not zero. */
int hs_seal_draw(uint8_t nonce[HS_DATAGRAM_NONCE_BYTES]) HS_MUST_CHECK;

/* Says whether two nodes hold the same ring, used version and all, without telling a key. Never
 * 0. */
uint32_t hs_seal_mark(const struct hs_keyring *ring);

/* The body lies in datagram from HS_DATAGRAM_HEADER_BYTES on, with room for the tag behind it. to:
 * none with the flag HS_DATAGRAM_TO_ANY. Returns the bytes of the datagram, or -EIO. */
int hs_seal_put(struct hs_seal *seal, enum hs_datagram_type type, const struct hs_node_id *to,
                uint8_t *datagram, size_t body_bytes) HS_MUST_CHECK;
/* In place: header is what hs_datagram_get_header found. 0 and the body; -ENOKEY: sealed with a key
 * that the ring does not hold; -EBADMSG: forged, damaged, or for somebody else. */
int hs_seal_get(struct hs_seal *seal, const struct hs_datagram_header *header, uint8_t *datagram,
                size_t bytes, struct hs_view *body) HS_MUST_CHECK;

#endif
