// SPDX-License-Identifier: Apache-2.0
/* replay.c - the window as a circle of bits: counter c lies at c mod 1024. */
#include "roles/cluster/replay.h"

#include "shm/base/time.h"

#include <string.h>

static uint64_t *word_of(struct hs_replay *replay, uint64_t counter)
{
    return &replay->taken[counter % HS_REPLAY_WINDOW / 64];
}

static uint64_t bit_of(uint64_t counter)
{
    return UINT64_C(1) << counter % 64;
}

void hs_replay_init(struct hs_replay *replay, uint64_t counter)
{
    replay->highest = counter;
    memset(replay->taken, 0xff, sizeof replay->taken);
}

/* Moves the window up; the places that it gains are free. */
static void advance(struct hs_replay *replay, uint64_t counter)
{
    if (counter - replay->highest >= HS_REPLAY_WINDOW)
        memset(replay->taken, 0, sizeof replay->taken);
    else
        for (uint64_t left = counter - replay->highest; left; left--)
            *word_of(replay, replay->highest + left) &= ~bit_of(replay->highest + left);
    replay->highest = counter;
}

bool hs_replay_take(struct hs_replay *replay, uint64_t counter)
{
    if (counter > replay->highest)
        advance(replay, counter);
    else if (replay->highest - counter >= HS_REPLAY_WINDOW ||
             (*word_of(replay, counter) & bit_of(counter)))
        return false;
    *word_of(replay, counter) |= bit_of(counter);
    return true;
}

bool hs_bucket_take(struct hs_bucket *bucket, const struct hs_bucket_rate *rate, uint64_t now_ns)
{
    uint64_t full_at_ns = hs_max_u64(bucket->full_at_ns, now_ns) + rate->interval_ns;

    if (full_at_ns - now_ns > rate->burst * rate->interval_ns) return false;
    bucket->full_at_ns = full_at_ns;
    return true;
}
