// SPDX-License-Identifier: Apache-2.0
/* gossip.h - what a node still has to tell: claims about members, each a bounded number of times
 * and the least told first, and how the nodes say they are; to whom to tell it when there is news;
 * and, now and then, the whole table to one peer, page by page, so that what gossip has missed is
 * found.
 * Fills datagrams, does not send them. Believes nothing: what is heard goes to members.h first.
 * Memory is the caller's, once. Pure. */
#ifndef HS_CLUSTER_GOSSIP_H
#define HS_CLUSTER_GOSSIP_H

#include "roles/cluster/datagram.h"
#include "roles/cluster/members.h"

enum {
    HS_GOSSIP_UPDATES_MAX = 1000, /* subjects that are told of; more are not news but noise */
    HS_GOSSIP_HEALTHS_MAX = 500,
    HS_GOSSIP_FANOUT_MAX = 8,
    HS_GOSSIP_TRANSFERS_MAX = 4, /* tables under way at once: one asked for, the rest answered */
    HS_GOSSIP_ACTIONS_MAX = HS_GOSSIP_FANOUT_MAX + HS_GOSSIP_TRANSFERS_MAX,
    HS_GOSSIP_HEALTH_BYTES_MAX = 300, /* of one datagram */
    HS_GOSSIP_CLAIM_BYTES_MIN = 600   /* of one datagram is left to claims at least */
};
#define HS_GOSSIP_CLAIM_LIFE_NS  UINT64_C(60000000000)
#define HS_GOSSIP_HEALTH_LIFE_NS UINT64_C(30000000000)
#define HS_GOSSIP_OWN_HEALTH_NS  UINT64_C(2000000000) /* our own is told anew so often */
#define HS_GOSSIP_DEATH_KEPT_NS  UINT64_C(5000000000) /* a death younger than this stays */
#define HS_GOSSIP_PAGE_NS        UINT64_C(20000000)   /* from page to page: half of a peer's rate */

struct hs_gossip_config {
    uint64_t tick_ns;          /* while there is news */
    uint64_t dead_ns;          /* the dead are told for so long, that they may refute */
    uint64_t push_pull_ns;     /* for up to 32 members; seldomer among more */
    uint64_t suspicion_max_ns; /* who is dead for longer has had its time to refute */
    uint32_t fanout;
    uint32_t update_capacity; /* at most HS_GOSSIP_UPDATES_MAX */
    uint32_t health_capacity; /* at most HS_GOSSIP_HEALTHS_MAX */
    uint64_t seed;
};

struct hs_gossip_update {
    struct hs_claim claim;
    uint64_t        queued_at_ns;
    uint64_t        order; /* higher is newer */
    uint32_t        sends;
    uint64_t        pass; /* of the filling that has looked at it */
};

struct hs_gossip_health {
    struct hs_health_entry entry;
    uint64_t               said_at_ns; /* by our clock */
    uint32_t               sends;
    uint64_t               pass;
};

struct hs_gossip_transfer { /* our table, to one peer */
    struct hs_node_id to;   /* none: free */
    uint64_t          nonce;
    uint64_t          next_at_ns;
    uint32_t          slot_idx; /* of the table: where the next page begins */
    uint16_t          page;
    bool              is_reply_wanted;
};

struct hs_gossip_counts { /* only ever grow */
    uint64_t evicted;     /* claims that gave way to others */
    uint64_t refused;     /* claims for which nothing could give way */
    uint64_t expired;
    uint64_t claims_sent;
    uint64_t transfers;
    uint64_t transfers_refused; /* too many at once */
    uint64_t pages_sent;
};

struct hs_gossip {
    struct hs_gossip_config   config;
    const struct hs_members  *members;
    struct hs_gossip_update  *updates;
    struct hs_gossip_health  *healths;
    uint32_t                  update_count;
    uint32_t                  health_count;
    struct hs_gossip_transfer transfers[HS_GOSSIP_TRANSFERS_MAX];
    uint64_t answered[HS_GOSSIP_TRANSFERS_MAX]; /* nonces of the last tables that were asked for */
    uint32_t answered_next_idx;
    struct hs_rand          rand;
    uint64_t                order;
    uint64_t                pass;
    uint64_t                tick_at_ns;
    uint64_t                push_pull_at_ns;
    uint64_t                own_health_at_ns;
    struct hs_gossip_counts counts;
};

enum hs_gossip_action_type {
    HS_GOSSIP_SEND,     /* GOSSIP to to_idx: hs_gossip_fill */
    HS_GOSSIP_SEND_PAGE /* PUSH_PULL to to_idx: hs_gossip_page of transfer */
};

struct hs_gossip_action {
    enum hs_gossip_action_type type;
    uint32_t                   to_idx; /* slot of the member table */
    uint32_t                   transfer;
};

struct hs_gossip_actions {
    unsigned                count;
    struct hs_gossip_action at[HS_GOSSIP_ACTIONS_MAX];
};

/* memory: hs_gossip_bytes(config) of it, aligned for uint64_t. */
size_t hs_gossip_bytes(const struct hs_gossip_config *config);
void   hs_gossip_init(struct hs_gossip *gossip, const struct hs_gossip_config *config,
                      const struct hs_members *members, void *memory, uint64_t now_ns);

/* A claim that the table has taken, or an accusation to be told once more: told from the start. It
 * takes the place of what was told of the subject before. Of ourselves it goes first, always. */
void hs_gossip_push(struct hs_gossip *gossip, uint64_t now_ns, const struct hs_claim *claim);
/* The table has forgotten the node. */
void hs_gossip_forget(struct hs_gossip *gossip, const struct hs_node_id *id);

/* How we are: told anew at once when it has changed, else every 2 s. */
void hs_gossip_set_own_health(struct hs_gossip *gossip, uint64_t now_ns,
                              const struct hs_health_entry *entry);
/* From a peer, about anybody but us. true: newer than what was known. */
bool hs_gossip_hear_health(struct hs_gossip *gossip, uint64_t now_ns,
                           const struct hs_health_entry *entry);
/* What is known of a node, younger than 30 s; NULL: nothing. */
const struct hs_gossip_health *hs_gossip_find_health(const struct hs_gossip *gossip,
                                                     uint64_t now_ns, const struct hs_node_id *id);

/* Adds news for that member to a datagram whose message, and buddy, are in already: claims, health,
 * own coordinate (NULL: none). A loaded peer gets less, but never fewer claims. */
void hs_gossip_fill(struct hs_gossip *gossip, uint64_t now_ns, const struct hs_member *to,
                    const struct hs_coordinate *own, struct hs_datagram_writer *writer);

/* Whatever is due. */
void hs_gossip_step(struct hs_gossip *gossip, uint64_t now_ns, struct hs_gossip_actions *actions);
uint64_t hs_gossip_deadline_ns(const struct hs_gossip *gossip);

/* Our table to that member, from the next step on; is_reply_wanted: and back. false: too many
 * at once. */
bool hs_gossip_begin_transfer(struct hs_gossip *gossip, uint64_t now_ns,
                              const struct hs_node_id *to, bool is_reply_wanted);
/* The next page of a transfer, whole. */
size_t hs_gossip_page(struct hs_gossip *gossip, uint64_t now_ns, uint32_t transfer_idx,
                      void *memory, size_t capacity_bytes);
/* A page has come; a reply is begun when one is wanted. */
void hs_gossip_on_page(struct hs_gossip *gossip, uint64_t now_ns, const struct hs_node_id *from,
                       const struct hs_datagram_message *message);
/* What a claim of a page is worth: a death that may still be refuted is a suspicion of the peer. */
void hs_gossip_judge(struct hs_claim *claim, bool is_old, const struct hs_node_id *from);

/* How often a claim is told among n members: four times the digits of n. */
uint32_t hs_gossip_limit(uint32_t member_count);

#endif
