// SPDX-License-Identifier: Apache-2.0
/* local_health.c - score, lag and level of one observer. */
#include "roles/cluster/local_health.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

enum {
    LAGGING = 500,   /* per mille of the wake-up that was awaited */
    CRITICAL = 2000, /* likewise */
    STREAK_TO_LAG = 3,
    STREAK_TO_RECOVER = 5,
    STEP_DOWN = 800 /* per mille of the threshold that led up */
};
#define LEVEL_HOLD_NS (5 * HS_NS_PER_S)
#define SAMPLE_MAX_NS (INT64_C(3600) * 1000000000)

struct level_row {
    const char *name;
    uint32_t    score; /* from here on */
    uint32_t    lag;   /* mean, per mille, from here on */
    uint32_t    probe_rate;
    uint32_t    gossip_rate;
};

static const struct level_row rows[HS_HEALTH_LEVEL_COUNT] = {
    [HS_HEALTH_NORMAL] = {"NORMAL", 0, 0, 1000, 1000},
    [HS_HEALTH_LIGHT] = {"LIGHT", 2, 500, 900, 800},
    [HS_HEALTH_MODERATE] = {"MODERATE", 4, 1000, 700, 600},
    [HS_HEALTH_HEAVY] = {"HEAVY", 6, 1500, 500, 400},
    [HS_HEALTH_CRITICAL] = {"CRITICAL", 7, 2000, 250, 200},
};

const char *hs_health_level_name(enum hs_health_level level)
{
    return (unsigned)level < HS_HEALTH_LEVEL_COUNT ? rows[level].name : "?";
}

void hs_local_health_init(struct hs_local_health *health, uint64_t now_ns)
{
    memset(health, 0, sizeof *health);
    health->level_since_ns = now_ns > LEVEL_HOLD_NS ? now_ns - LEVEL_HOLD_NS : 0;
}

static uint32_t raise_score(struct hs_local_health *health, uint32_t by)
{
    uint32_t room = HS_HEALTH_SCORE_MAX - health->score;
    uint32_t points = by < room ? by : room;

    health->score += points;
    return points;
}

void hs_local_health_on_round_won(struct hs_local_health *health)
{
    if (health->score > 0) health->score--;
}

uint32_t hs_local_health_on_round_lost(struct hs_local_health *health, uint32_t nacks_expected,
                                       uint32_t nacks_received)
{
    uint32_t missing = nacks_expected > nacks_received ? nacks_expected - nacks_received : 0;

    return raise_score(health, nacks_expected == 0 ? 1 : missing);
}

void hs_local_health_give_back(struct hs_local_health *health, uint32_t points)
{
    health->score -= points < health->score ? points : health->score;
}

void hs_local_health_on_refuted(struct hs_local_health *health)
{
    (void)raise_score(health, 1);
}

void hs_local_health_on_no_slot(struct hs_local_health *health)
{
    (void)raise_score(health, 1);
}

uint64_t hs_local_health_wake(struct hs_local_health *health, uint64_t ran_ns, uint64_t due_ns,
                              uint64_t now_ns)
{
    uint64_t late_from_ns = hs_max_u64(ran_ns, due_ns);
    uint64_t stall_ns;

    if (now_ns <= late_from_ns || now_ns - late_from_ns <= HS_HEALTH_STALL_NS) return 0;
    stall_ns = now_ns - ran_ns;
    health->stall_count++;
    (void)raise_score(health, 1);
    return stall_ns;
}

static void push_lag(struct hs_local_health *health, uint32_t lag)
{
    uint32_t *slot = &health->lag[health->lag_next_idx];

    if (health->lag_count == HS_HEALTH_SAMPLES)
        health->lag_sum -= *slot;
    else
        health->lag_count++;
    *slot = lag;
    health->lag_sum += lag;
    health->lag_next_idx = (health->lag_next_idx + 1) % HS_HEALTH_SAMPLES;
}

/* One change of the score for each turn from good to lagging and back, not for each sample. */
static void follow_streak(struct hs_local_health *health, bool is_lagging)
{
    health->lagging_streak = is_lagging ? health->lagging_streak + 1 : 0;
    health->good_streak = is_lagging ? 0 : health->good_streak + 1;
    if (!health->is_lagging && health->lagging_streak >= STREAK_TO_LAG) {
        health->is_lagging = true;
        (void)raise_score(health, 1);
    } else if (health->is_lagging && health->good_streak >= STREAK_TO_RECOVER) {
        health->is_lagging = false;
        if (health->score > 0) health->score--;
    }
}

void hs_local_health_sample(struct hs_local_health *health, int64_t late_ns, uint64_t now_ns)
{
    uint32_t lag;

    if (late_ns < 0 || late_ns > SAMPLE_MAX_NS) {
        health->bad_sample_count++;
        return;
    }
    lag = (uint32_t)((uint64_t)late_ns / (HS_HEALTH_SAMPLE_NS / HS_HEALTH_RATE_UNIT));
    if (lag > CRITICAL) health->critical_sample_count++;
    push_lag(health, lag);
    follow_streak(health, lag > LAGGING);
    hs_local_health_update(health, now_ns);
}

uint32_t hs_local_health_mean_lag(const struct hs_local_health *health)
{
    return health->lag_count ? (uint32_t)(health->lag_sum / health->lag_count) : 0;
}

/* The highest level one of whose thresholds, scaled, is reached. */
static enum hs_health_level level_at(const struct hs_local_health *health, uint32_t scale)
{
    uint64_t score = (uint64_t)health->score * HS_HEALTH_RATE_UNIT;
    uint64_t lag = (uint64_t)hs_local_health_mean_lag(health) * HS_HEALTH_RATE_UNIT;

    for (unsigned level = HS_HEALTH_LEVEL_COUNT - 1; level > HS_HEALTH_NORMAL; level--)
        if (score >= (uint64_t)rows[level].score * scale ||
            lag >= (uint64_t)rows[level].lag * scale)
            return (enum hs_health_level)level;
    return HS_HEALTH_NORMAL;
}

void hs_local_health_update(struct hs_local_health *health, uint64_t now_ns)
{
    enum hs_health_level up = level_at(health, HS_HEALTH_RATE_UNIT);
    enum hs_health_level down = level_at(health, STEP_DOWN);
    enum hs_health_level level = health->level;

    if (now_ns - health->level_since_ns < LEVEL_HOLD_NS) return;
    if (up > level)
        level = up;
    else if (down < level)
        level = down;
    if (level == health->level) return;
    health->level = level;
    health->level_since_ns = now_ns;
}

uint32_t hs_local_health_multiplier(const struct hs_local_health *health)
{
    HS_ASSERT(health->score <= HS_HEALTH_SCORE_MAX);
    return health->score + 1;
}

static bool take(uint32_t *credit, uint32_t rate)
{
    *credit += rate;
    if (*credit < HS_HEALTH_RATE_UNIT) return false;
    *credit -= HS_HEALTH_RATE_UNIT;
    return true;
}

bool hs_local_health_take_probe(struct hs_local_health *health)
{
    return take(&health->probe_credit, rows[health->level].probe_rate);
}

bool hs_local_health_take_gossip(struct hs_local_health *health)
{
    return take(&health->gossip_credit, rows[health->level].gossip_rate);
}
