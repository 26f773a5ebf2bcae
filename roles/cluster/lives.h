// SPDX-License-Identifier: Apache-2.0
/* lives.h - which life of a peer is the present one, and what of it has been seen. Everything that
 * a node sealed in an earlier life still opens; so a life counts only once it has proved that it is
 * going on: it has sealed a number that we drew for it a moment ago (GREET). From then on the life
 * before is dead, and a window takes each of its datagrams once (replay.h).
 *
 *     A                                   B knows nothing of A's life
 *       GREET challenge a  ------------->
 *       <------------  GREET proof a, challenge b         A: B's life is the one that sealed this
 *       GREET proof b  ----------------->                 B: likewise
 *
 * An answer is no longer than the question, goes only to what a key of the cluster has opened, and
 * is bounded for all unproven lives together; a proof is heard whatever the others send. It proves
 * the key and the moment, not the host: that is the certificate's business. Does not seal. Pure. */
#ifndef HS_CLUSTER_LIVES_H
#define HS_CLUSTER_LIVES_H

#include "roles/cluster/datagram.h"
#include "roles/cluster/replay.h"

enum {
    HS_LIVES_MAX = 1024,            /* peers of one ring */
    HS_LIVES_BUCKETS = 1024,        /* heads of chains */
    HS_LIVES_ADDRESSES_MAX = 64,    /* challenges to whoever is there */
    HS_LIVES_BURST = 200,           /* datagrams of one peer; 100 a second */
    HS_LIVES_STRANGERS_BURST = 1000 /* of all unproven lives together; as many a second */
};
#define HS_LIVES_INTERVAL_NS           UINT64_C(10000000)
#define HS_LIVES_STRANGERS_INTERVAL_NS UINT64_C(1000000)
#define HS_LIVES_PATIENCE_NS           UINT64_C(5000000000) /* for a proof */
#define HS_LIVES_CHALLENGE_NS          UINT64_C(250000000)  /* from one challenge to the next */

struct hs_lives_challenge {
    uint8_t  nonce[HS_DATAGRAM_NONCE_BYTES];
    uint64_t drawn_at_ns; /* 0: none */
    uint64_t sent_at_ns;
};

struct hs_life {
    struct hs_node_id         id;
    uint64_t                  boot_id; /* proven; 0: none yet */
    struct hs_addr            address; /* where it proved itself */
    struct hs_replay          replay;
    struct hs_bucket          bucket;
    struct hs_lives_challenge challenge; /* to be proved */
    uint64_t                  used_at_ns;
    uint32_t                  next_idx;
    bool                      is_used;
};

struct hs_lives {
    struct hs_life            life[HS_LIVES_MAX];
    uint32_t                  buckets[HS_LIVES_BUCKETS];
    uint32_t                  count;
    uint32_t                  next_address_idx;
    struct hs_lives_challenge addresses[HS_LIVES_ADDRESSES_MAX]; /* the oldest goes */
    struct hs_bucket          strangers;                         /* of all unproven lives */
    uint64_t                  evicted_count;
};

enum hs_lives_verdict {
    HS_LIVES_TAKEN,
    HS_LIVES_REPLAYED, /* seen before, or too old to tell */
    HS_LIVES_UNPROVEN, /* challenge its sender */
    HS_LIVES_TOO_MANY
};

void hs_lives_init(struct hs_lives *lives);
/* Is it the present life of that node? */
bool hs_lives_is_proven(const struct hs_lives *lives, const struct hs_node_id *id,
                        uint64_t boot_id);
/* Is there a present life? */
bool hs_lives_knows(const struct hs_lives *lives, const struct hs_node_id *id);

/* What to do with a datagram that a key has opened, of any type but GREET. */
enum hs_lives_verdict hs_lives_take(struct hs_lives *lives, uint64_t now_ns,
                                    const struct hs_datagram_header *header);

/* A GREET that asks the node for a proof; nonce is fresh from the kernel, and not zero. id none:
 * whoever stands at the address. false: it was asked a moment ago. */
bool hs_lives_challenge(struct hs_lives *lives, uint64_t now_ns, const struct hs_node_id *id,
                        const uint8_t               nonce[HS_DATAGRAM_NONCE_BYTES],
                        struct hs_datagram_message *greet);

struct hs_lives_greeting {
    enum hs_lives_verdict      verdict;
    bool                       is_new;    /* its life is the present one from now on */
    bool                       has_reply; /* send it back */
    struct hs_datagram_message reply;
};
/* A GREET that a key has opened. */
void hs_lives_greet(struct hs_lives *lives, uint64_t now_ns,
                    const struct hs_datagram_header  *header,
                    const struct hs_datagram_message *greet,
                    const uint8_t                     nonce[HS_DATAGRAM_NONCE_BYTES],
                    struct hs_lives_greeting         *greeting);

/* Where its present life proved itself: the address of what it sends later may be a lie. NULL:
 * there is none. */
const struct hs_addr *hs_lives_address(const struct hs_lives *lives, const struct hs_node_id *id);
void                  hs_lives_set_address(struct hs_lives *lives, const struct hs_node_id *id,
                                           const struct hs_addr *address);

/* The node is gone from the table. */
void hs_lives_forget(struct hs_lives *lives, const struct hs_node_id *id);

#endif
