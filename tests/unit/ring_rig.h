// SPDX-License-Identifier: Apache-2.0
/* ring_rig.h - whole rings of members in one process, in virtual time: a network that delays, loses
 * and separates, nodes that start, stop, are paused, killed and come back. Datagrams travel as the
 * bytes that the product makes of them; instead of seals, the rig keeps to what they prove: a
 * datagram of a life that has not been greeted yet is not taken. */
#ifndef HS_TESTS_RING_RIG_H
#define HS_TESTS_RING_RIG_H

#include "roles/cluster/membership.h"

enum { HS_RING_NODES_MAX = 128, HS_RING_EVENTS_MAX = 64, HS_RING_HELD_MAX = 16 };

struct hs_ring_packet;

/* Waits for the proof of its receiver, as the post keeps it. */
struct hs_ring_held {
    uint64_t               until_ns; /* 0: free */
    unsigned               to;
    struct hs_ring_packet *packet;
};

struct hs_ring_node {
    struct hs_membership   membership;
    uint64_t              *memory;
    struct hs_node_id      id;
    struct hs_addr         address;
    uint64_t               host_life;
    uint64_t               boot_id; /* of the process */
    uint64_t               paused_until_ns;
    uint64_t               proven[HS_RING_NODES_MAX]; /* boot ids of the others */
    uint64_t               challenged_at_ns[HS_RING_NODES_MAX];
    bool                   is_up;
    bool                   listens_everywhere;
    bool                   has_console; /* that answers for it: set before it starts */
    bool                   is_blocked;  /* its datagrams are lost, those to its console are not */
    unsigned               group;       /* of the network: groups do not reach one another */
    unsigned               event_counts[HS_MEMBER_EVENT_TYPE_COUNT];
    unsigned               event_count;
    struct hs_member_event events[HS_RING_EVENTS_MAX]; /* the first */
    struct hs_ring_held    held[HS_RING_HELD_MAX];
    uint64_t               sent_count;
};

struct hs_ring {
    unsigned count;
    unsigned seed_count; /* the first nodes are everybody's seeds */
    uint64_t now_ns;
    uint32_t loss_ppm;
    uint32_t garble_ppm; /* of datagrams: some bytes are others, as if a member with a key lied */
    uint64_t garbled_count;
    enum hs_membership_profile profile;
    struct hs_rand             rand;
    uint64_t                   boot_count;
    struct hs_ring_node       *nodes;
    struct hs_ring_packet     *packets; /* a heap by arrival */
    unsigned                   packet_count;
    unsigned                   packet_capacity;
};

void hs_ring_begin(struct hs_ring *ring, unsigned count, unsigned seed_count,
                   enum hs_membership_profile profile, uint64_t seed);
void hs_ring_end(struct hs_ring *ring);
/* Before they start: the consoles of all answer for them. */
void hs_ring_add_consoles(struct hs_ring *ring);
/* A process of it starts; kept: the incarnation that its role left in shared memory, or 0. */
void hs_ring_start(struct hs_ring *ring, unsigned idx, uint64_t host_life, uint64_t kept);
void hs_ring_start_all(struct hs_ring *ring);
void hs_ring_kill(struct hs_ring *ring, unsigned idx);
void hs_ring_pause(struct hs_ring *ring, unsigned idx, uint64_t for_ns);
void hs_ring_leave(struct hs_ring *ring, unsigned idx);
void hs_ring_run(struct hs_ring *ring, uint64_t for_ns);

/* How b stands with a; UNCONFIRMED if a does not know it. */
enum hs_member_status hs_ring_status(const struct hs_ring *ring, unsigned a, unsigned b);
/* How many of the others that are up hold b for that. */
unsigned hs_ring_holders(const struct hs_ring *ring, unsigned b, enum hs_member_status status);
/* Does everybody that is up hold everybody that is up for ALIVE? */
bool hs_ring_is_whole(const struct hs_ring *ring);
/* Runs until it is; HS_NEVER_NS: not within that time; else how long it took. */
uint64_t hs_ring_run_until_whole(struct hs_ring *ring, uint64_t limit_ns);
unsigned hs_ring_events(const struct hs_ring *ring, enum hs_member_event_type type);
void     hs_ring_clear_events(struct hs_ring *ring);

#endif
