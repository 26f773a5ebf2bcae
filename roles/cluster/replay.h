// SPDX-License-Identifier: Apache-2.0
/* replay.h - which counters of one life of a sender have been seen: a window of 1024 below the
 * highest (SEC-11), and a bucket that bounds how much of it is read at all. Counters never repeat
 * within a life, so one is taken once, in any order, and what is older than the window never. Says
 * nothing about which life is the present one: lives.h. Pure. */
#ifndef HS_CLUSTER_REPLAY_H
#define HS_CLUSTER_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum { HS_REPLAY_WINDOW = 1024 };

struct hs_replay {
    uint64_t highest; /* counter taken so far */
    uint64_t taken[HS_REPLAY_WINDOW / 64];
};

/* Everything up to and including counter counts as taken: it was sent before the sender proved that
 * this life is its own, so nobody can tell when. */
void hs_replay_init(struct hs_replay *replay, uint64_t counter);
/* Takes a counter: false when it was taken before, or may have been. Only for what the key has
 * opened: a forger must not move the window. */
bool hs_replay_take(struct hs_replay *replay, uint64_t counter);

/* A token bucket in one word: the moment at which it will be full again. */
struct hs_bucket {
    uint64_t full_at_ns;
};

struct hs_bucket_rate {
    uint64_t interval_ns; /* one token each */
    uint64_t burst;
};

/* Takes a token, if there is one. A bucket of zeros is full. */
bool hs_bucket_take(struct hs_bucket *bucket, const struct hs_bucket_rate *rate, uint64_t now_ns);

#endif
