// SPDX-License-Identifier: Apache-2.0
/* members.h - the one table of the nodes of a ring, and the one rule by which a claim about a node
 * changes it. Everybody else asks here and keeps no set of the living of its own. Probing,
 * suspicion times, gossip and joining are cores of their own that work on these records. Memory is
 * the caller's, once; nothing grows. Pure.
 *
 * A claim is taken iff its incarnation is higher, or equal with a higher rank; with these limits:
 * nobody UNCONFIRMED is suspected or dies, the DEAD come back only with a higher incarnation and
 * only as UNCONFIRMED, attributes come from the subject alone (membership.md 1). */
#ifndef HS_CLUSTER_MEMBERS_H
#define HS_CLUSTER_MEMBERS_H

#include "roles/cluster/member.h"
#include "shm/base/rand.h"

#include <stddef.h>

enum {
    HS_MEMBERS_MAX = 10000,
    HS_MEMBERS_VOTERS_MAX = 9,
    HS_MEMBERS_UNCONFIRMED_MAX = 2048,
    HS_MEMBERS_TOMBSTONES_MAX = 4096,
    HS_MEMBERS_EVENTS_MAX = 4096
};

struct hs_members_config {
    struct hs_node_id      self_id;
    uint64_t               self_incarnation;
    struct hs_member_facts self_facts;
    uint32_t               capacity; /* records, self included; at most HS_MEMBERS_MAX */
    uint64_t               seed;     /* of the hashes: an outsider cannot aim at one chain */
};

struct hs_members_counts { /* only ever grow */
    uint64_t results[HS_CLAIM_RESULT_COUNT];
    uint64_t evicted;
    uint64_t tombstones_expired;
    uint64_t tombstones_dropped; /* for want of room, before their time */
    uint64_t address_conflicts;
    uint64_t deaths[HS_CLAIM_SOURCE_COUNT];
};

struct hs_members {
    struct hs_member        *slots;
    uint32_t                *order;           /* the used slots, in no order: for random picks */
    uint32_t                *id_buckets;      /* heads of chains */
    uint32_t                *address_buckets; /* likewise */
    struct hs_member_event  *events;
    uint32_t                 capacity;
    uint32_t                 bucket_mask;
    uint32_t                 slot_count; /* slots from here on were never used */
    uint32_t                 count;      /* records */
    uint32_t                 self_idx;
    uint32_t                 free_idx;
    uint32_t                 owed_count;
    uint32_t                 voter_count;
    uint32_t                 live_ring_count; /* ALIVE or SUSPECT and not OBSERVED, self included */
    uint32_t                 status_count[HS_MEMBER_STATUS_COUNT];
    uint32_t                 status_head[HS_MEMBER_STATUS_COUNT]; /* longest in it first */
    uint32_t                 status_tail[HS_MEMBER_STATUS_COUNT];
    uint64_t                 event_head; /* free-running */
    uint64_t                 event_tail;
    uint64_t                 sweep_at_ns;
    uint64_t                 seed;
    struct hs_members_counts counts;
};

/* memory: hs_members_bytes(capacity) of it, aligned for uint64_t, zeroed or not. */
size_t hs_members_bytes(uint32_t capacity);
void   hs_members_init(struct hs_members *members, const struct hs_members_config *config,
                       void *memory, uint64_t now_ns);

/* The merge rule. *member, if not NULL, is the subject's record, or NULL if it has none. A new
 * suspicion is begun in the record (suspicion.h sets its deadline), any other status clears it. */
enum hs_claim_result hs_members_claim(struct hs_members *members, uint64_t now_ns,
                                      const struct hs_claim *claim, struct hs_member **member);

/* The subject answered our own question (our number in its ACK, our nonce in its JOIN_ACK), with
 * this incarnation. UNCONFIRMED turns ALIVE; nothing else changes but acked_at and heard_at.
 * true: it is confirmed, now or before. false: it speaks for a life that is over; tell it so. */
bool hs_members_confirm(struct hs_members *members, uint64_t now_ns, struct hs_member *member,
                        uint64_t incarnation);
/* It stands in the configuration: never evicted, never removed. */
void hs_members_set_seed(struct hs_member *member);
/* Of ourselves, after a refutation. */
void hs_members_set_self(struct hs_members *members, uint64_t incarnation);
/* We leave: our own record says so. */
void hs_members_leave_self(struct hs_members *members, uint64_t now_ns);
/* Takes a record that was never confirmed out of the table: silently, nobody is told. */
void hs_members_remove_unconfirmed(struct hs_members *members, struct hs_member *member);

/* Expiry of tombstones, reaping, damping: when deadline_ns says so. */
void     hs_members_sweep(struct hs_members *members, uint64_t now_ns);
uint64_t hs_members_deadline_ns(const struct hs_members *members);

/* What happened, in the order in which it was committed, each once. false: nothing more. */
bool hs_members_next_event(struct hs_members *members, struct hs_member_event *event);
/* Nobody takes the events: no probing until that is over. */
bool hs_members_is_congested(const struct hs_members *members);

/* Queries. A record's pointer holds until the next claim, sweep or removal. */
struct hs_member *hs_members_find(const struct hs_members *members, const struct hs_node_id *id);
/* The one that answered last, if several say the same address. */
struct hs_member *hs_members_find_address(const struct hs_members *members,
                                          const struct hs_addr    *address);
struct hs_member *hs_members_self(const struct hs_members *members);
/* By slot, for paging and arrays beside the table: idx < members->slot_count; NULL: free. */
struct hs_member *hs_members_at(const struct hs_members *members, uint32_t idx);
/* Does that slot (still) hold that node? */
bool hs_members_is_at(const struct hs_members *members, uint32_t idx, const struct hs_node_id *id);
/* All of one status, longest in it first; NULL: the end. */
struct hs_member *hs_members_first(const struct hs_members *members, enum hs_member_status status);
struct hs_member *hs_members_next(const struct hs_members *members, const struct hs_member *member);
/* Anybody but self whose status is in the mask; uniform while most fit, never in vain if one does.
 */
struct hs_member *hs_members_random(const struct hs_members *members, struct hs_rand *rand,
                                    uint32_t status_mask);

bool hs_member_is_live(const struct hs_member *member); /* ALIVE or SUSPECT */
bool hs_member_is_ring(const struct hs_member *member); /* takes part in the ring */
/* Coming and going too often: no new work, no helper (membership.md 21). */
bool hs_member_is_damped(const struct hs_member *member, uint64_t now_ns);
bool hs_members_validate(const struct hs_members *members); /* for tests and fuzzers */

#endif
