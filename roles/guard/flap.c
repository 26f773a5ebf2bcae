// SPDX-License-Identifier: Apache-2.0
/* flap.c - penalties that fade. */
#include "roles/guard/flap.h"

#include "shm/base/time.h"

#include <math.h>

#define HALF_LIFE_S     60.0
#define SUSPECT_PENALTY 500.0
#define DEAD_PENALTY    1000.0
#define PENALTY_MAX     6000.0
#define DAMP_ABOVE      3000.0
#define RELEASE_BELOW   1500.0
#define DAMPED_MAX_NS   (300 * HS_NS_PER_S)
#define BETTER_NS       (10 * HS_NS_PER_S)

enum { BETTER_SAMPLES = 3 };

static double faded(const struct hs_flap *flap, uint64_t now_ns)
{
    double seconds = now_ns > flap->at_ns ? (double)(now_ns - flap->at_ns) / 1e9 : 0;

    return flap->penalty * exp2(-seconds / HALF_LIFE_S);
}

static void refresh(struct hs_flap *flap, uint64_t now_ns)
{
    flap->penalty = faded(flap, now_ns);
    flap->at_ns = now_ns;
    if (flap->is_damped &&
        (flap->penalty < RELEASE_BELOW || now_ns - flap->damped_at_ns >= DAMPED_MAX_NS))
        flap->is_damped = false;
}

void hs_flap_note(struct hs_flap *flap, enum hs_flap_kind kind, uint64_t now_ns)
{
    refresh(flap, now_ns);
    flap->penalty += kind == HS_FLAP_FROM_DEAD ? DEAD_PENALTY : SUSPECT_PENALTY;
    if (flap->penalty > PENALTY_MAX) flap->penalty = PENALTY_MAX;
    if (flap->is_damped || flap->penalty <= DAMP_ABOVE) return;
    flap->is_damped = true;
    flap->damped_at_ns = now_ns;
}

bool hs_flap_is_damped(struct hs_flap *flap, uint64_t now_ns)
{
    if (flap->is_damped) refresh(flap, now_ns);
    return flap->is_damped;
}

unsigned hs_level_take(struct hs_level *level, unsigned sample, uint64_t now_ns)
{
    if (sample > level->shown) {
        level->shown = (uint8_t)sample;
        level->better_count = 0;
    } else if (sample == level->shown) {
        level->better_count = 0;
    } else {
        if (!level->better_count) level->better_since_ns = now_ns;
        if (level->better_count < UINT8_MAX) level->better_count++;
        if (level->better_count >= BETTER_SAMPLES && now_ns - level->better_since_ns >= BETTER_NS) {
            level->shown--;
            level->better_count = 0;
        }
    }
    return level->shown;
}
