// SPDX-License-Identifier: Apache-2.0
/* local_health.h - how far a member may trust its own eyes before it accuses others (Lifeguard,
 * LHA-Probe): a score from 0 to 8 that stretches its probe rounds, samples of how late its loop
 * runs, a level of degradation that thins out what it sends, and the time for which it did not run
 * at all. Does not probe and does not know anybody. Pure. */
#ifndef HS_CLUSTER_LOCAL_HEALTH_H
#define HS_CLUSTER_LOCAL_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HS_HEALTH_SCORE_MAX = 8,   /* rounds nine times as long */
    HS_HEALTH_SAMPLES = 60,    /* of loop lag, one a second */
    HS_HEALTH_RATE_UNIT = 1000 /* rates are per mille */
};
#define HS_HEALTH_STALL_NS      UINT64_C(250000000)  /* later than this: we were not there */
#define HS_HEALTH_SAMPLE_NS     UINT64_C(10000000)   /* the wake-up that a sample waits for */
#define HS_HEALTH_SAMPLE_GAP_NS UINT64_C(1000000000) /* from sample to sample */

enum hs_health_level {
    HS_HEALTH_NORMAL,
    HS_HEALTH_LIGHT,
    HS_HEALTH_MODERATE,
    HS_HEALTH_HEAVY, /* relays no probes */
    HS_HEALTH_CRITICAL,
    HS_HEALTH_LEVEL_COUNT
};

struct hs_local_health {
    uint32_t             score;
    enum hs_health_level level;
    uint64_t             level_since_ns;
    uint32_t             lag[HS_HEALTH_SAMPLES]; /* per mille of HS_HEALTH_SAMPLE_NS */
    uint32_t             lag_count;
    uint32_t             lag_next_idx;
    uint64_t             lag_sum;
    uint32_t             lagging_streak;
    uint32_t             good_streak;
    bool                 is_lagging;
    uint32_t             probe_credit; /* per mille: a probe is sent when it reaches one */
    uint32_t             gossip_credit;
    uint64_t             stall_count;
    uint64_t             critical_sample_count;
    uint64_t             bad_sample_count;
};

const char *hs_health_level_name(enum hs_health_level level); /* "MODERATE" */

void hs_local_health_init(struct hs_local_health *health, uint64_t now_ns);

/* One change of the score an event; it stays within 0 and 8. nacks: of helpers that were asked and
 * could say that they live (0 expected: nobody was asked). */
void hs_local_health_on_round_won(struct hs_local_health *health);
/* The points that it cost. */
uint32_t hs_local_health_on_round_lost(struct hs_local_health *health, uint32_t nacks_expected,
                                       uint32_t nacks_received);
/* Rounds that cost so many points were lost because the other one was dead, not through us. */
void hs_local_health_give_back(struct hs_local_health *health, uint32_t points);
void hs_local_health_on_refuted(struct hs_local_health *health); /* an accusation of ourselves */
void hs_local_health_on_no_slot(struct hs_local_health *health); /* a probe could not be sent */

/* The loop was to wake at due_ns and last ran at ran_ns. 0, or the time by which every deadline
 * that accuses others has to move: a process cannot accuse others for time it did not run. It is
 * counted from when it last ran, since nobody knows when between the two it was stopped; so what
 * waited meanwhile and is heard before the timers are due again does not count it anew. */
uint64_t hs_local_health_wake(struct hs_local_health *health, uint64_t ran_ns, uint64_t due_ns,
                              uint64_t now_ns);

/* A wake-up HS_HEALTH_SAMPLE_NS ahead came late by that much; what is negative or above an hour is
 * no sample, and counted. */
void hs_local_health_sample(struct hs_local_health *health, int64_t late_ns, uint64_t now_ns);

/* Looks at score and lag again; a level holds for five seconds at least. */
void hs_local_health_update(struct hs_local_health *health, uint64_t now_ns);

/* Rounds and their timeouts are this many times as long: score + 1. */
uint32_t hs_local_health_multiplier(const struct hs_local_health *health);
uint32_t hs_local_health_mean_lag(const struct hs_local_health *health); /* per mille */

/* Is it this round's turn at the level's rate? Keeps the fraction, so that a rate of a quarter is
 * every fourth, neither none nor all. Own acks and refutations do not ask. */
bool hs_local_health_take_probe(struct hs_local_health *health);
bool hs_local_health_take_gossip(struct hs_local_health *health);

#endif
