// SPDX-License-Identifier: Apache-2.0
/* sim_ring.h - rings of up to thousands of members in one process, under virtual time: datagrams
 * that are lost, late, doubled, out of order or cut off, members that stand still, starve or die,
 * clocks that drift and jump; all from one seed. What a member does is a rule (sim_rule): ours, or
 * one to compare it with. Apart from sim_world.h, which runs a few whole drivers on loops. */
#ifndef HS_TESTS_SIM_RING_H
#define HS_TESTS_SIM_RING_H

#include "shm/base/rand.h"
#include "shm/base/time.h"

#include <stdbool.h>
#include <stddef.h>

enum { SIM_RING_DATAGRAM_BYTES = 1400, SIM_RING_INBOX = 256 };
#define SIM_NO_MEMBER UINT32_MAX

struct sim_ring;

/* Times are the member's own clock. */
struct sim_rule {
    const char *name;
    void *(*create)(struct sim_ring *ring, uint32_t member, uint64_t now_ns);
    void (*destroy)(void *self);
    void (*on_datagram)(void *self, uint64_t now_ns, uint32_t from, const void *bytes,
                        size_t count);
    void (*on_timer)(void *self, uint64_t now_ns);
    uint64_t (*deadline_ns)(const void *self);
    /* A ping by stream was answered. NULL: never sent. */
    void (*on_stream_ack)(void *self, uint64_t now_ns, uint32_t from);
    /* A stream between the two came about: both exchange what they know. NULL: never asked for. */
    void (*sync)(void *self, uint64_t now_ns, void *other, uint64_t other_now_ns);
    bool (*is_known_alive)(const void *self, uint32_t member); /* ALIVE or SUSPECT */
};

struct sim_ring_config {
    const struct sim_rule *rule;
    const void            *profile; /* for the rule */
    uint32_t               count;
    uint32_t               whole_count; /* from here on they only answer; 0: none does */
    uint64_t               seed;
    double                 loss; /* of each datagram */
    double                 duplicates;
    uint64_t               delay_min_ns;
    uint64_t               delay_spread_ns; /* exponential on top */
    double                 slow;            /* so many come up to slow_ns later: out of order */
    uint64_t               slow_ns;
    int32_t                drift_ppm; /* each member's clock runs off by up to that */
};

/* What members report, by the world's time. */
struct sim_ring_figures {
    uint64_t accusations;       /* by a round of one's own */
    uint64_t false_accusations; /* of somebody who was there and not paused */
    uint64_t false_deaths;      /* declared by somebody's own deadline, of the same */
    uint64_t false_death_views; /* members that held one of these for dead */
    uint64_t deaths_of_paused;
    uint64_t datagrams;
    uint64_t bytes;
};

struct sim_ring {
    struct sim_ring_config  config;
    struct hs_rand          rand;
    uint64_t                now_ns;
    struct sim_ring_figures figures;
    struct sim_member      *members;
    struct sim_ring_heap   *heap;
    bool                   *cut; /* [from * count + to] */
};

void            *sim_ring_self(const struct sim_ring *ring, uint32_t member);
struct sim_ring *sim_ring_open(const struct sim_ring_config *config);
void             sim_ring_close(struct sim_ring *ring);
void             sim_ring_run(struct sim_ring *ring, uint64_t until_ns);

/* Faults */
void sim_ring_crash(struct sim_ring *ring, uint32_t member);
void sim_ring_pause(struct sim_ring *ring, uint32_t member, uint64_t for_ns);
void sim_ring_step_clock(struct sim_ring *ring, uint32_t member, uint64_t by_ns);
void sim_ring_cut(struct sim_ring *ring, uint32_t from, uint32_t to, bool is_cut);
/* Members below first and the rest do not reach each other. 0: all do again. */
void sim_ring_partition(struct sim_ring *ring, uint32_t first);
bool sim_ring_is_up(const struct sim_ring *ring, uint32_t member);

/* For rules */
void sim_ring_send(struct sim_ring *ring, uint32_t from, uint32_t to, const void *bytes,
                   size_t count);
void sim_ring_ping_stream(struct sim_ring *ring, uint32_t from, uint32_t to);
void sim_ring_sync(struct sim_ring *ring, uint32_t from, uint32_t to);
void sim_ring_note_accusation(struct sim_ring *ring, uint32_t by, uint32_t of);
/* by holds of for dead; is_own: by its own deadline, not by word of another. */
void sim_ring_note_death(struct sim_ring *ring, uint32_t by, uint32_t of, bool is_own);

/* Since the crash: when the first and the last survivor knew; HS_NEVER_NS: one does not. */
void sim_ring_detection(const struct sim_ring *ring, uint32_t crashed, uint64_t crashed_at_ns,
                        uint64_t *first_ns, uint64_t *last_ns);
/* All who are up hold all who are up for alive, and nobody else. */
bool sim_ring_is_converged(const struct sim_ring *ring);

#endif
