// SPDX-License-Identifier: Apache-2.0
/* swim.h - who of the ring is still there: a round of fixed length a period, in which one member is
 * pinged, at half time others are asked to reach it, and at the end it is accused if nobody could;
 * the accusations' deadlines; probes for others. (SWIM; Lifeguard; memberlist.) Does not change the
 * member table: it answers with claims for it. Does not encode: whoever sends to a suspect puts
 * hs_suspicion_buddy first. Pure.
 *
 *     0        T                2T or more
 *     PING --> no ACK: PING-REQ --> nothing: CLAIM SUSPECT --> ... deadline: CLAIM DEAD
 *              to 3 helpers, PING   (round ends, the          one T before it a last
 *              again, ASK           next one starts)          BUDDY, and ASK
 *
 * ASK is out of band, where the console of its host answers for it (oob_frame.h); the second PING,
 * and a third one late in the round, serve the same end, so that loss alone, or the restart of a
 * role, seldom costs one.
 *
 * All of it is stretched by local_health.h's multiplier, and by nothing else. What rounds lost on a
 * member have cost of that health is no reason to wait longer before that member is found dead, and
 * is given back when it is: the fault was not ours. So a member that was alone for a while trusts
 * itself again when the others are back. */
#ifndef HS_CLUSTER_SWIM_H
#define HS_CLUSTER_SWIM_H

#include "ipc/timer_wheel.h"
#include "roles/cluster/local_health.h"
#include "roles/cluster/probe_order.h"
#include "roles/cluster/probe_relay.h"
#include "roles/cluster/suspicion.h"

enum {
    HS_SWIM_PROBES = 64, /* our own under way: one round, and members asked to confirm themselves */
    HS_SWIM_ACTIONS_MAX = 32
};
#define HS_SWIM_NOBODY HS_PROBE_NOBODY /* not in the table; as a recipient: who sent the event */

struct hs_swim_config {
    uint64_t period_ns;        /* of rounds */
    uint64_t timeout_floor_ns; /* for a direct answer; never above half a period */
    uint32_t helpers;          /* at most HS_PROBE_HELPERS_MAX */
    uint32_t suspicion_multiplier;
    uint32_t suspicion_max_factor;
    uint32_t suspicion_confirmers;
    uint64_t seed;
};

/* Why a helper did not help. Wire numbers. */
enum hs_swim_nack { HS_SWIM_NACK_TIMEOUT = 1, HS_SWIM_NACK_UNKNOWN = 2, HS_SWIM_NACK_BUSY = 3 };

enum hs_swim_event_type {
    HS_SWIM_TIMER,    /* deadline_ns has come */
    HS_SWIM_PING,     /* of sender for member (HS_SWIM_NOBODY: unknown to us) */
    HS_SWIM_ACK,      /* from sender, with sequence and incarnation */
    HS_SWIM_PING_REQ, /* of sender, to ping member; sequence is the sender's */
    HS_SWIM_IND_ACK,  /* from sender: member answered it, with incarnation */
    HS_SWIM_NACK,     /* from sender: it lives, member did not answer it */
    HS_SWIM_OOB_ACK,  /* member answered out of band */
    HS_SWIM_CONFIRM,  /* ping member once, outside of rounds: an answer yields ANSWERED */
    HS_SWIM_JOINED,   /* member turned ALIVE */
    HS_SWIM_DIED,     /* member turned DEAD or LEFT, by whomever's word */
    HS_SWIM_ACCUSED   /* the table took, or held, SUSPECT of member; by from */
};

struct hs_swim_event {
    enum hs_swim_event_type type;
    uint32_t                sender_idx; /* slots of the member table */
    uint32_t                member_idx;
    uint32_t                sequence;
    uint64_t                incarnation;
    struct hs_node_id       from;       /* of ACCUSED: the original accuser */
    bool                    is_stalled; /* of OOB_ACK: its loop stands still */
};

enum hs_swim_action_type {
    HS_SWIM_SEND_PING,      /* to to_idx */
    HS_SWIM_SEND_ACK,       /* with the number of the PING */
    HS_SWIM_SEND_PING_REQ,  /* to to_idx, about member_idx */
    HS_SWIM_SEND_IND_ACK,   /* to to_idx, about member_idx, with its incarnation */
    HS_SWIM_SEND_NACK,      /* to to_idx, about member_idx, with code */
    HS_SWIM_SEND_BUDDY,     /* to to_idx at once: that we suspect it */
    HS_SWIM_ASK_OOB,        /* ask member_idx out of band */
    HS_SWIM_CLAIM_SUSPECT,  /* tell the table, from ourselves; then ACCUSED */
    HS_SWIM_CLAIM_DEAD,     /* likewise; gossip it */
    HS_SWIM_GOSSIP_SUSPECT, /* gossip that from suspects member_idx, as if it were new */
    HS_SWIM_ANSWERED,       /* member_idx answered our own question, with incarnation */
    HS_SWIM_REPLACED /* to_idx answered (HS_SWIM_NOBODY: unknown) at the address of member_idx */
};

struct hs_swim_action {
    enum hs_swim_action_type type;
    uint32_t                 to_idx;
    uint32_t                 member_idx;
    uint32_t                 sequence;
    enum hs_swim_nack        code;
    uint64_t                 incarnation;
    struct hs_node_id        from;
};

struct hs_swim_actions {
    unsigned              count;
    struct hs_swim_action at[HS_SWIM_ACTIONS_MAX];
};

struct hs_swim_counts { /* only ever grow */
    uint64_t rounds;
    uint64_t rounds_lost;
    uint64_t udp_path_bad; /* rounds that an answer out of band alone has saved */
    uint64_t late_acks;    /* answers to nothing that we still ask */
    uint64_t misdelivered; /* pings for somebody who is not we */
    uint64_t no_slot;
    uint64_t relays_refused;
    uint64_t oob_saved; /* deaths put off by an answer out of band */
    uint64_t accused;   /* members whom our own rounds found missing */
};

struct hs_swim_probe {
    struct hs_node_id       target;
    uint64_t                sent_at_ns; /* 0: free */
    uint64_t                incarnation;
    uint32_t                target_idx;
    uint32_t                generation;
    struct hs_probe_helpers helpers;    /* asked */
    uint32_t                nack_count; /* of those that said that they live */
    bool                    has_nacked[HS_PROBE_HELPERS_MAX];
    bool                    is_round;
    bool is_repeated; /* nobody knows which PING an answer is to: no round trip */
    bool is_acked;
    bool is_oob_acked;
};

struct hs_swim {
    struct hs_swim_config  config;
    struct hs_members     *members;
    struct hs_local_health health;
    struct hs_coordinates  coordinates; /* ours; those of the others lie in their records */
    struct hs_probe_order  order;
    struct hs_swim_probe   probes[HS_SWIM_PROBES];
    struct hs_probe_relays relays;
    struct hs_timer_wheel  wheel;
    struct hs_rand         rand;
    uint32_t               round_idx; /* of the probe of this round; HS_SWIM_NOBODY: none */
    uint64_t               round_at_ns;
    uint64_t               sample_at_ns;
    uint64_t               ran_at_ns; /* of the last step */
    struct hs_swim_counts  counts;
};

/* memory: hs_swim_bytes(members->capacity) of it, aligned for uint64_t. The first round starts at a
 * random moment of the first period, so that members that start together do not probe together. */
size_t hs_swim_bytes(uint32_t capacity);
void   hs_swim_init(struct hs_swim *swim, const struct hs_swim_config *config,
                    struct hs_members *members, void *memory, uint64_t now_ns);

void     hs_swim_step(struct hs_swim *swim, uint64_t now_ns, const struct hs_swim_event *event,
                      struct hs_swim_actions *actions);
uint64_t hs_swim_deadline_ns(const struct hs_swim *swim); /* may be past: step at once */

/* Was a question outside of rounds sent to it in the last half second, and is it still open? */
bool hs_swim_is_asked(const struct hs_swim *swim, uint32_t member_idx, uint64_t now_ns);

/* For how long a direct answer is awaited: the floor, or what the round trips measured so far ask
 * for; before the multiplier. */
uint64_t hs_swim_timeout_ns(const struct hs_swim *swim, const struct hs_member *member);

#endif
