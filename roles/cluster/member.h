// SPDX-License-Identifier: Apache-2.0
/* member.h - what is known of one node of a ring, and the words for it: statuses, claims, events.
 * The table that holds them, and the rule by which they change, is members.h. Pure. */
#ifndef HS_CLUSTER_MEMBER_H
#define HS_CLUSTER_MEMBER_H

#include "ipc/addr.h"
#include "roles/cluster/coordinate.h"
#include "roles/cluster/identity.h"
#include "roles/cluster/node_id.h"
#include "roles/guard/flap.h"

/* By rank: with equal incarnations the higher one holds. Wire and shared-memory numbers. */
enum hs_member_status {
    HS_MEMBER_UNCONFIRMED, /* told of, or written in the configuration; never answered us */
    HS_MEMBER_ALIVE,
    HS_MEMBER_SUSPECT,
    HS_MEMBER_DEAD, /* a tombstone, as the next */
    HS_MEMBER_LEFT, /* said goodbye itself */
    HS_MEMBER_STATUS_COUNT
};
const char *hs_member_status_name(enum hs_member_status status); /* "suspect"; "?" */

/* A set of statuses: HS_MEMBER_MASK(HS_MEMBER_ALIVE) | ... */
#define HS_MEMBER_MASK(status) (1u << (unsigned)(status))
#define HS_MEMBER_LIVE_MASK    (HS_MEMBER_MASK(HS_MEMBER_ALIVE) | HS_MEMBER_MASK(HS_MEMBER_SUSPECT))
#define HS_MEMBER_GONE_MASK    (HS_MEMBER_MASK(HS_MEMBER_DEAD) | HS_MEMBER_MASK(HS_MEMBER_LEFT))

enum hs_member_class {
    HS_MEMBER_VOTER,
    HS_MEMBER_NONVOTER,
    HS_MEMBER_OBSERVED, /* not of the ring: neither probes nor is counted (workers) */
    HS_MEMBER_CLASS_COUNT
};

/* How a claim reached us, and how a peer that never answered became known. */
enum hs_claim_source {
    HS_CLAIM_DIRECT, /* own observation, or the subject's own word to us */
    HS_CLAIM_GOSSIP,
    HS_CLAIM_PUSH_PULL,
    HS_CLAIM_CONFIG, /* written in the configuration */
    HS_CLAIM_SOURCE_COUNT
};
const char *hs_claim_source_name(enum hs_claim_source source); /* "push-pull" */

/* What a node says of itself; a third party's word for it counts only until its own is heard. */
struct hs_member_facts {
    struct hs_addr        address; /* UDP and TCP: one port */
    struct hs_addr        health;  /* UDP: where its host's console answers for it; port 0: not */
    enum hs_identity_role role;
    enum hs_member_class class;
    char name[HS_IDENTITY_LABEL_BYTES]; /* may be empty: not told yet */
    char datacenter[HS_IDENTITY_LABEL_BYTES];
};

/* "subject is in this status at this incarnation, says from." */
struct hs_claim {
    struct hs_node_id      subject;
    struct hs_node_id      from; /* the original accuser; the subject for ALIVE and LEFT */
    uint64_t               incarnation;
    enum hs_member_status  status;
    enum hs_claim_source   source;
    bool                   is_own_word; /* the authenticated sender of the frame is the subject */
    struct hs_member_facts facts;       /* used if the port is not 0 */
};

enum hs_claim_result {
    HS_CLAIM_ACCEPTED,   /* the record changed: gossip it on */
    HS_CLAIM_CREATED,    /* a new record: likewise; it is UNCONFIRMED */
    HS_CLAIM_DUPLICATE,  /* nothing new; a second SUSPECT of one incarnation is a confirmation */
    HS_CLAIM_STALE,      /* of an older incarnation, or a lower rank; the teller is behind */
    HS_CLAIM_IGNORED,    /* a rule says so: nobody knows the accuser, or the subject */
    HS_CLAIM_INVALID,    /* no such status, no port, no id, incarnation 0 */
    HS_CLAIM_SUSPICIOUS, /* an incarnation too far ahead: ask the subject itself (ping it) */
    HS_CLAIM_SELF,       /* about ourselves: incarnation.h answers it */
    HS_CLAIM_FULL,       /* no room, and nobody to give way */
    HS_CLAIM_RESULT_COUNT
};

enum hs_member_event_type {
    HS_MEMBER_EVENT_CONFIRMED, /* answered us: it counts from now on */
    HS_MEMBER_EVENT_SUSPECT,
    HS_MEMBER_EVENT_ALIVE_AGAIN, /* refuted */
    HS_MEMBER_EVENT_DEAD,
    HS_MEMBER_EVENT_ATTRIBUTES, /* address, name, role or class changed */
    HS_MEMBER_EVENT_FORGOTTEN,  /* free everything kept under this id and incarnation */
    HS_MEMBER_EVENT_TYPE_COUNT
};
const char *hs_member_event_name(enum hs_member_event_type type);

enum hs_death_cause { HS_DEATH_NONE, HS_DEATH_CRASH, HS_DEATH_LEFT };

struct hs_member_event {
    enum hs_member_event_type type;
    enum hs_death_cause       cause;  /* of DEAD */
    enum hs_claim_source      source; /* who found it out */
    struct hs_node_id         subject;
    uint64_t                  incarnation; /* drop the event if the member's has moved on */
};

enum { HS_MEMBER_CONFIRMERS_MAX = 4 };

/* While SUSPECT. Begun (accuser, start, no deadline yet) and cleared by the table in the step that
 * changes the status; the rest belongs to suspicion.h. */
struct hs_member_suspicion {
    uint64_t          started_at_ns; /* 0: not suspected */
    uint64_t          deadline_ns;   /* HS_NEVER_NS until suspicion.h has set it */
    struct hs_node_id accuser;       /* the first */
    struct hs_node_id confirmers[HS_MEMBER_CONFIRMERS_MAX]; /* distinct, without the first */
    uint8_t           confirmer_count;
    uint8_t           postponed_count;
    bool              is_accused_by_self;
    bool              is_asked; /* out of band, before the end */
};

/* While UNCONFIRMED; belongs to join.h. */
struct hs_member_unconfirmed {
    uint64_t next_at_ns; /* of the next ping that asks it to answer; HS_NEVER_NS: none */
    uint64_t warned_at_ns;
    uint32_t attempt_count;
    bool     is_heard; /* one way only */
};

struct hs_member {
    /* changed by the table alone */
    struct hs_node_id      id;
    struct hs_member_facts facts;
    enum hs_member_status  status;
    enum hs_claim_source   source; /* of the record, then of its last change */
    bool                   is_seed;
    bool                   is_forgotten; /* a bare tombstone */
    bool                   is_returning; /* was DEAD, has not answered yet */
    uint64_t               incarnation;
    uint64_t               died_incarnation; /* answers of this life or older confirm nothing; 0 */
    uint64_t               status_since_ns;
    struct hs_member_suspicion suspicion;
    struct hs_flap             flap; /* its coming and going */

    /* written by whom it concerns */
    struct hs_member_unconfirmed unconfirmed;
    uint64_t                     heard_at_ns;  /* any authenticated frame; 0: never */
    uint64_t                     acked_at_ns;  /* an answer to our question; 0: never */
    struct hs_coordinate_peer    place;        /* round trips, and where it says it is */
    uint8_t                      blame;        /* points of our health lost on it (swim.h) */
    uint8_t                      health_score; /* its local health, 0 (good) to 8 */
    uint8_t                      load;         /* enum hs_health_load, as it says */
    uint32_t                     keyring_mark; /* of the key ring it holds; 0: not said */

    /* the table's own links */
    uint32_t idx; /* of the slot: stable while the record lives; for arrays beside the table */
    uint32_t id_next;
    uint32_t address_next;
    uint32_t status_next;
    uint32_t status_previous;
    uint32_t order_idx;
    bool     is_used;
    bool     is_event_owed;
    uint64_t owed_death_incarnation;
};

#endif
