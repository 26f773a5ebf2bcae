// SPDX-License-Identifier: Apache-2.0
/* join.h - how nodes get to know each other: seeds of the configuration are dialled, peers that are
 * only told of are asked until they answer or are given up, the dead are redialled now and then so
 * that a healed partition finds together, and a JOIN is judged. Works on the records of the member
 * table; does not send. Pure.
 *
 *     dial an address --> (who are you? greeting) --> JOIN --> JOIN_ACK --> confirmed
 *     told of --> PING at once, after 1, 2, 4, 8, 15, 15 ... s --> ACK: confirmed
 *                                                              --> nothing: removed, silently
 */
#ifndef HS_CLUSTER_JOIN_H
#define HS_CLUSTER_JOIN_H

#include "roles/cluster/members.h"

enum { HS_JOIN_SEEDS_MAX = 16, HS_JOIN_ACTIONS_MAX = 16 };

/* Wire numbers. */
enum hs_join_code {
    HS_JOIN_OK = 1,
    HS_JOIN_STALE,    /* that life is over for us: come with the required incarnation */
    HS_JOIN_DENIED,   /* not of this ring: another role or datacenter */
    HS_JOIN_FULL,     /* the table */
    HS_JOIN_CONFLICT, /* another node with this id answers elsewhere: one of the two has to stop */
    HS_JOIN_NOT_READY /* we are leaving */
};
const char *hs_join_code_name(uint8_t code); /* "STALE_INCARNATION"; "?" */

struct hs_join_config {
    enum hs_identity_role role;                                /* of the whole ring */
    char                  datacenter[HS_IDENTITY_LABEL_BYTES]; /* likewise; empty: any */
    uint32_t              seed_count;
    struct hs_addr        seeds[HS_JOIN_SEEDS_MAX];
    uint64_t              seed; /* of the jitter */
};

struct hs_join_seed {
    struct hs_addr address;
    uint32_t       attempt_count; /* since somebody last stood there */
    uint64_t       next_at_ns;
    uint64_t       missing_at_ns; /* since when nobody stands there */
    uint64_t       warned_at_ns;
    bool           is_found; /* by a name: it may move; else written in the configuration */
};

enum hs_join_action_type {
    HS_JOIN_PING, /* ask the member to confirm itself */
    HS_JOIN_DIAL  /* ask who is at the address, and JOIN it */
};
struct hs_join_action {
    enum hs_join_action_type type;
    uint32_t                 member_idx; /* of PING */
    struct hs_addr           address;    /* of DIAL */
    struct hs_node_id        id;         /* of DIAL: whom we expect there; none: whoever it is */
};
struct hs_join_actions {
    unsigned              count;
    struct hs_join_action at[HS_JOIN_ACTIONS_MAX];
};

struct hs_join_counts { /* only ever grow */
    uint64_t removed;
    uint64_t forged;
    uint64_t zombies; /* JOINs of lives that are over */
    uint64_t conflicts;
};

struct hs_join {
    struct hs_join_config config;
    struct hs_members    *members;
    struct hs_join_seed   seeds[HS_JOIN_SEEDS_MAX];
    struct hs_rand        rand;
    uint64_t              ping_at_ns; /* the next one, by the cap of all */
    uint64_t              redial_at_ns;
    uint64_t              deadline_ns;
    struct hs_join_counts counts;
};

void hs_join_init(struct hs_join *join, const struct hs_join_config *config,
                  struct hs_members *members, uint64_t now_ns);

/* What a name was found to be. If it is new and there is no room, the one of its kind where nobody
 * has stood for longest gives way; if there is none, nothing happens. */
void hs_join_add_seed(struct hs_join *join, const struct hs_addr *address, uint64_t now_ns);

/* What is due. health_multiplier: of local_health.h; who does not trust itself waits longer before
 * it gives somebody up. */
void hs_join_turn(struct hs_join *join, uint64_t now_ns, uint32_t health_multiplier,
                  struct hs_join_actions *actions);
/* As the last turn left it: what has come into the table since waits for the next one. */
uint64_t hs_join_deadline_ns(const struct hs_join *join);

/* Something came from it, one way: ask it at once, but not more than once a second. */
void hs_join_heard(struct hs_member *member, uint64_t now_ns);

struct hs_join_request {
    struct hs_node_id sender; /* as the seal says */
    struct hs_claim   claim;  /* ALIVE, with facts */
};
struct hs_join_verdict {
    enum hs_join_code code;
    uint64_t          required; /* the least incarnation that is taken */
    struct hs_member *member;   /* if OK */
};
/* Judges a JOIN and, if it is right, applies it to the table. false: no answer at all, it speaks
 * for somebody else. */
bool hs_join_judge(struct hs_join *join, uint64_t now_ns, const struct hs_join_request *request,
                   struct hs_join_verdict *verdict);

#endif
