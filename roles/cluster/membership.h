// SPDX-License-Identifier: Apache-2.0
/* membership.h - one node's part in a ring, put together: datagrams and moments in, datagrams out.
 * Owns the member table, probing, gossip, joining and our own incarnation, and carries what one of
 * them decides to the others; decides nothing itself. Does not seal, does not send, and takes a
 * datagram only once its seal, and the life of its sender, have been proved. Pure.
 *
 *     seal, lives (driver) --> receive --> members --> swim, gossip --> out --> seal (driver)
 */
#ifndef HS_CLUSTER_MEMBERSHIP_H
#define HS_CLUSTER_MEMBERSHIP_H

#include "roles/cluster/datagram.h"
#include "roles/cluster/gossip.h"
#include "roles/cluster/incarnation.h"
#include "roles/cluster/join.h"
#include "roles/cluster/swim.h"

enum {
    HS_MEMBERSHIP_SENDS_MAX = 80, /* of one call; what a turn decides at most, with room */
    HS_MEMBERSHIP_ASKS_MAX = 64,  /* likewise */
    HS_MEMBERSHIP_JOINS_MAX = 32  /* asked for and not answered yet */
};

/* How fast a ring is watched (membership.md 0.6). */
enum hs_membership_profile {
    HS_MEMBERSHIP_LAN, /* the managers of one datacenter */
    HS_MEMBERSHIP_WAN, /* the gates */
    HS_MEMBERSHIP_PROFILE_COUNT
};

struct hs_membership_config {
    enum hs_membership_profile profile;
    struct hs_node_id          self_id;
    uint64_t                   host_life;        /* incarnation of the host, at least 1 */
    uint64_t                   kept_incarnation; /* that this host life's role last had; 0: none */
    struct hs_member_facts     self_facts;       /* role and datacenter are the ring's */
    uint32_t                   capacity;
    uint32_t                   seed_count;
    struct hs_addr             seeds[HS_JOIN_SEEDS_MAX]; /* without ourselves */
    uint64_t                   seed;                     /* of all chance in here */
};

/* A datagram whose seal and sender's life have been proved, taken apart. */
struct hs_membership_packet {
    struct hs_node_id         sender;
    uint64_t                  incarnation; /* of the sender, by its header */
    struct hs_addr            from;
    const struct hs_datagram *datagram;
};

struct hs_membership_send {
    enum hs_datagram_type type;
    struct hs_node_id     to; /* none: whoever stands at the address (JOIN only) */
    struct hs_addr        address;
    size_t                body_bytes;
    uint8_t               body[HS_DATAGRAM_BODY_BYTES_MAX];
};

/* To be asked past that node's own loop: of the console of its host. */
struct hs_membership_ask {
    struct hs_node_id node;
    struct hs_addr    address;
};

struct hs_membership_out {
    unsigned                  send_count;
    struct hs_membership_send sends[HS_MEMBERSHIP_SENDS_MAX];
    unsigned                  ask_count;
    struct hs_membership_ask  asks[HS_MEMBERSHIP_ASKS_MAX];
};

/* What a console said; proved to be of the node's host, and to answer us. */
struct hs_membership_oob {
    struct hs_node_id node;
    uint64_t          incarnation;
    uint8_t           load; /* enum hs_health_load */
    bool              is_stalled;
};

struct hs_membership_join {  /* asked for */
    uint64_t          nonce; /* 0: free */
    struct hs_addr    address;
    struct hs_node_id id; /* none: not known yet */
    uint64_t          asked_at_ns;
};

struct hs_membership_counts { /* only ever grow */
    uint64_t received;
    uint64_t strangers;   /* datagrams of senders that are not in the table */
    uint64_t buried;      /* of such as are dead for us; they were told */
    uint64_t self_deaths; /* times that we heard that we are dead: rights granted before are void */
    uint64_t joins_refused; /* our own */
    uint64_t unsent;        /* found no room in one call: as if the network had lost them */
};

struct hs_membership {
    struct hs_members           members;
    struct hs_swim              swim;
    struct hs_gossip            gossip;
    struct hs_incarnation       incarnation;
    struct hs_join              join;
    struct hs_rand              rand;
    uint64_t                    now_ns;
    uint64_t                    stranger_at_ns; /* the next one may be asked to join */
    uint64_t                    warn_at_ns;
    uint64_t                    left_at_ns;        /* 0: not leaving */
    uint64_t                    first_incarnation; /* of this process */
    uint64_t                    died_incarnation;  /* the last of ours that was held for dead */
    bool                        has_conflict;      /* another host has our id, and is newer */
    struct hs_membership_join   joins[HS_MEMBERSHIP_JOINS_MAX];
    uint32_t                    keyring_mark; /* that we tell; 0: nothing */
    enum hs_health_load         load;         /* of our role, as it was told last */
    struct hs_membership_counts counts;
};

/* memory: hs_membership_bytes(capacity) of it, aligned for uint64_t. */
size_t hs_membership_bytes(uint32_t capacity);
void hs_membership_init(struct hs_membership *membership, const struct hs_membership_config *config,
                        void *memory, uint64_t now_ns);

/* Each fills out anew. */
void     hs_membership_receive(struct hs_membership *membership, uint64_t now_ns,
                               const struct hs_membership_packet *packet,
                               struct hs_membership_out          *out);
void     hs_membership_turn(struct hs_membership *membership, uint64_t now_ns,
                            struct hs_membership_out *out);
uint64_t hs_membership_deadline_ns(const struct hs_membership *membership); /* may be past */

/* Verdicts about datacenters (federation_message.h) to the members that live, up to 16 of them;
 * fills out anew. */
void hs_membership_say(struct hs_membership *membership, uint64_t now_ns, struct hs_view verdicts,
                       struct hs_membership_out *out);
/* Fills out anew, too. */
void hs_membership_hear_oob(struct hs_membership *membership, uint64_t now_ns,
                            const struct hs_membership_oob *answer, struct hs_membership_out *out);

/* Says goodbye; turn goes on until has_left. */
void hs_membership_leave(struct hs_membership *membership, uint64_t now_ns,
                         struct hs_membership_out *out);
bool hs_membership_has_left(const struct hs_membership *membership, uint64_t now_ns);

/* The key ring that this node holds from now on, by its mark (seal_io.h): the others are told. */
void hs_membership_set_keyring(struct hs_membership *membership, uint32_t mark);

/* How much its role has to do: the others are told, with what ails the node itself. */
void hs_membership_set_load(struct hs_membership *membership, enum hs_health_load load);

/* What happened, in order, once each: take them after every call. */
bool hs_membership_next_event(struct hs_membership *membership, struct hs_member_event *event);
/* How we are, as all are told of it. */
enum hs_health_load hs_membership_load(const struct hs_membership *membership);
/* What the seal says in its header. */
uint64_t hs_membership_incarnation(const struct hs_membership *membership);

#endif
