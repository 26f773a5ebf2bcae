// SPDX-License-Identifier: Apache-2.0
/* federation.h - which datacenters this gate can reach: asks the managers of each, every 2 s, and
 * judges by what comes back and by what other gates say. A datacenter is nobody's member here: its
 * managers watch one another (membership.h), and any of them answers for all.
 *
 *     UNKNOWN --two answers--> REACHABLE --3 rounds missed, or 25 s silent--> SUSPECTED
 *        SUSPECTED --an answer--> REACHABLE
 *        SUSPECTED --30 s, and no gate hears it--> UNREACHABLE --two answers--> REACHABLE
 *
 * A round asks the leader; once the time that an answer takes is over, the leader again and one
 * other. Whom to ask comes from registrations, never from a datagram of somebody unknown. Does not
 * seal, send, or route. Pure. (membership.md 15) */
#ifndef HS_CLUSTER_FEDERATION_H
#define HS_CLUSTER_FEDERATION_H

#include "roles/cluster/federation_message.h"
#include "shm/base/limits.h"
#include "shm/base/rand.h"

enum {
    HS_FEDERATION_DATACENTERS_MAX = HS_DATACENTERS_MAX,
    HS_FEDERATION_CONTACTS_MAX = 16, /* managers of one that are known by address */
    HS_FEDERATION_ROUNDS_MAX = 3,    /* under way, or late answers to them */
    HS_FEDERATION_VERDICTS_MAX = 16, /* other gates */
    HS_FEDERATION_SENDS_MAX = 3 * HS_FEDERATION_DATACENTERS_MAX,
    HS_FEDERATION_CHANGES_MAX = 2 * HS_FEDERATION_DATACENTERS_MAX,
    HS_FEDERATION_ALERTS_MAX = 4 /* of one answer */
};

struct hs_federation_contact {
    struct hs_node_id id; /* none: free */
    struct hs_addr    address;
    uint64_t          known_at_ns; /* registered, or answered */
};

struct hs_federation_round {
    uint32_t seq; /* of its first datagram; the repetitions have the next two; 0: free */
    uint64_t sent_at_ns;
    uint64_t retry_at_ns; /* HS_NEVER_NS: done */
    uint64_t deadline_ns; /* HS_NEVER_NS: answered or missed */
    bool     is_answered;
    bool     is_measured;
};

struct hs_federation_told { /* by another gate */
    struct hs_node_id gate;
    enum hs_reach     state;
    uint64_t          heard_at_ns; /* 0: free */
    uint64_t          fresh_ns;    /* REACHABLE: until then it may be relied on */
};

struct hs_federation_datacenter {
    char                         name[HS_IDENTITY_LABEL_BYTES]; /* "": free */
    char                         region[HS_IDENTITY_LABEL_BYTES];
    enum hs_reach                state;
    uint64_t                     since_ns;
    uint64_t                     last_ack_ns; /* 0: never */
    uint64_t                     srtt_ns;     /* 0: no sample */
    uint64_t                     rttvar_ns;
    uint64_t                     last_rtt_ns;
    uint32_t                     misses;          /* in a row */
    uint32_t                     rounds_answered; /* in a row */
    uint64_t                     grid_ns;         /* rounds are due here, give or take */
    uint64_t                     next_round_ns;
    uint32_t                     round_idx;
    uint32_t                     other_idx; /* the contact that was asked beside the leader */
    struct hs_federation_leader  leader;
    uint64_t                     leader_heard_ns;
    uint64_t                     alerted_term; /* two led in it */
    uint64_t                     wrong_at_ns;  /* last alert of an answer for another one */
    struct hs_federation_body    body;
    uint64_t                     body_at_ns; /* 0: none */
    uint64_t                     body_term;  /* these three: of the newest that the leader gave */
    uint64_t                     body_incarnation;
    uint32_t                     body_seq;
    bool                         is_provisional; /* not the leader's word */
    struct hs_federation_contact contacts[HS_FEDERATION_CONTACTS_MAX];
    struct hs_federation_round   rounds[HS_FEDERATION_ROUNDS_MAX];
    struct hs_federation_told    told[HS_FEDERATION_VERDICTS_MAX];
};

struct hs_federation_counts { /* only ever grow */
    uint64_t probes;
    uint64_t rounds;
    uint64_t rounds_missed;
    uint64_t answers;        /* that were counted */
    uint64_t strays;         /* of nobody we know, or to nothing we asked lately */
    uint64_t bodies_refused; /* numbers that contradict each other */
    uint64_t suspected;      /* times */
    uint64_t lost;
    uint64_t refused; /* datacenters and contacts for which there was no room */
};

struct hs_federation {
    struct hs_node_id               self;
    struct hs_rand                  rand;
    uint64_t                        now_ns;
    uint32_t                        next_seq;
    struct hs_federation_counts     counts;
    struct hs_federation_datacenter datacenters[HS_FEDERATION_DATACENTERS_MAX];
};

struct hs_federation_send { /* an XPROBE */
    struct hs_node_id to;
    struct hs_addr    address;
    uint32_t          seq;
};

struct hs_federation_change {
    uint32_t      datacenter; /* its place in the table */
    enum hs_reach from;
    enum hs_reach to;
    uint64_t      lasted_ns; /* the state before */
    bool          is_gone;   /* forgotten: the place is free */
    char          name[HS_IDENTITY_LABEL_BYTES];
};

enum hs_federation_alert_type {
    HS_FEDERATION_TWO_LEADERS,      /* in one term */
    HS_FEDERATION_WRONG_DATACENTER, /* a contact answers for another one than its own */
    HS_FEDERATION_NEW_LEADER        /* no fault: tell the other gates */
};

struct hs_federation_alert {
    enum hs_federation_alert_type type;
    uint32_t                      datacenter;
    struct hs_node_id             node;
};

struct hs_federation_out {
    unsigned                    send_count;
    unsigned                    change_count;
    unsigned                    alert_count;
    struct hs_federation_send   sends[HS_FEDERATION_SENDS_MAX];
    struct hs_federation_change changes[HS_FEDERATION_CHANGES_MAX];
    struct hs_federation_alert  alerts[HS_FEDERATION_ALERTS_MAX];
};

void hs_federation_init(struct hs_federation *federation, const struct hs_node_id *self,
                        uint64_t seed, uint64_t now_ns);
/* A manager has registered, or still is: it is asked at once if its datacenter is new. false: no
 * room. */
bool hs_federation_register(struct hs_federation *federation, uint64_t now_ns,
                            const char *datacenter, const struct hs_node_id *id,
                            const struct hs_addr *address);
/* An XACK, XNACK or DC_LEADER; incarnation: of its sender. Fills out anew. */
void hs_federation_receive(struct hs_federation *federation, uint64_t now_ns,
                           const struct hs_node_id *sender, uint64_t incarnation,
                           const struct hs_federation_message *message,
                           struct hs_federation_out           *out);
/* Whatever is due. Fills out anew. */
void     hs_federation_turn(struct hs_federation *federation, uint64_t now_ns,
                            struct hs_federation_out *out);
uint64_t hs_federation_deadline_ns(const struct hs_federation *federation);

/* ---- federation_peers.c: other gates */

/* A live gate's word. */
void hs_federation_hear(struct hs_federation *federation, uint64_t now_ns,
                        const struct hs_node_id *gate, const struct hs_federation_verdict *verdict);
/* It is dead, or has left. */
void hs_federation_forget_gate(struct hs_federation *federation, const struct hs_node_id *gate);
/* Until then some live gate vouches for the datacenter; 0: none does. */
uint64_t hs_federation_vouched_ns(const struct hs_federation_datacenter *datacenter);
/* How many gates hold it for UNREACHABLE, we among them. */
unsigned hs_federation_agreeing(const struct hs_federation *federation, uint32_t datacenter);
/* What we say. false: that place is free. */
bool hs_federation_verdict(const struct hs_federation *federation, uint32_t datacenter,
                           struct hs_federation_verdict *verdict);

/* ---- for routing and status */

/* -1: not known. */
int  hs_federation_find(const struct hs_federation *federation, const char *name) HS_MUST_CHECK;
void hs_federation_facts(const struct hs_federation *federation, uint32_t datacenter,
                         struct hs_reach_facts *facts);

#endif
