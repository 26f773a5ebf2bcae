// SPDX-License-Identifier: Apache-2.0
/* correlation.c - states by datacenter, then the severity of all, then what is held. */
#include "roles/cluster/correlation.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <stdio.h>
#include <string.h>

#define EVALUATE_NS     HS_NS_PER_S
#define FAILED_NS       (5 * HS_NS_PER_S)
#define RECOVERED_NS    (30 * HS_NS_PER_S)
#define FLAP_WINDOW_NS  (120 * HS_NS_PER_S)
#define FLAP_QUIET_NS   (300 * HS_NS_PER_S)
#define HOLD_NS         (60 * HS_NS_PER_S)
#define HOLD_MAX_NS     (300 * HS_NS_PER_S)
#define RECENT_NS       (60 * HS_NS_PER_S)
#define BASELINE_NS     (600 * HS_NS_PER_S)
#define BASELINE_GAP_NS (10 * HS_NS_PER_S)
#define EXTENDED_NS     (120 * HS_NS_PER_S)
#define ELEVATED_NS     (50 * HS_NS_PER_MS)
#define SAMPLE_MAX_NS   (60 * HS_NS_PER_S)
enum { SAMPLES_MIN = 3, STRESSED_SCORE = 3, SCORE_MAX = 8, EXTENDED_MIN = 2 };
HS_STATIC_ASSERT(HS_CORRELATION_DATACENTERS_MAX <= 64, "a bit of a word each");

const char *hs_severity_name(unsigned severity)
{
    static const char *const names[HS_SEVERITY_COUNT] = {[HS_SEVERITY_NONE] = "NONE",
                                                         [HS_SEVERITY_LOW] = "LOW",
                                                         [HS_SEVERITY_MEDIUM] = "MEDIUM",
                                                         [HS_SEVERITY_HIGH] = "HIGH"};

    return severity < HS_SEVERITY_COUNT ? names[severity] : "?";
}

void hs_correlation_init(struct hs_correlation *correlation, uint64_t now_ns)
{
    memset(correlation, 0, sizeof *correlation);
    correlation->now_ns = now_ns;
}

static struct hs_correlation_datacenter *known_at(struct hs_correlation *correlation,
                                                  uint32_t               datacenter)
{
    HS_ASSERT(datacenter < HS_CORRELATION_DATACENTERS_MAX);
    return correlation->datacenters[datacenter].is_known ? &correlation->datacenters[datacenter]
                                                         : NULL;
}

void hs_correlation_add(struct hs_correlation *correlation, uint32_t datacenter)
{
    HS_ASSERT(datacenter < HS_CORRELATION_DATACENTERS_MAX);
    if (known_at(correlation, datacenter)) return;
    correlation->datacenters[datacenter] =
        (struct hs_correlation_datacenter){.is_known = true, .entered_ns = correlation->now_ns};
}

void hs_correlation_remove(struct hs_correlation *correlation, uint32_t datacenter)
{
    HS_ASSERT(datacenter < HS_CORRELATION_DATACENTERS_MAX);
    correlation->datacenters[datacenter].is_known = false;
    correlation->told &= ~(UINT64_C(1) << datacenter);
}

void hs_correlation_set_region(struct hs_correlation *correlation, uint32_t datacenter,
                               const char *region)
{
    struct hs_correlation_datacenter *at = known_at(correlation, datacenter);

    if (at) (void)snprintf(at->region, sizeof at->region, "%s", region);
}

/* ---- one datacenter ---- */

static void enter(struct hs_correlation *correlation, struct hs_correlation_datacenter *at,
                  enum hs_correlation_state state)
{
    at->state = state;
    at->entered_ns = correlation->now_ns;
}

/* true: it has done so three times in two minutes. */
static bool note_failing(struct hs_correlation *correlation, struct hs_correlation_datacenter *at)
{
    uint64_t third_ns;

    memmove(at->failings_ns + 1, at->failings_ns,
            (HS_CORRELATION_FAILINGS - 1) * sizeof at->failings_ns[0]);
    at->failings_ns[0] = hs_max_u64(correlation->now_ns, 1);
    third_ns = at->failings_ns[HS_CORRELATION_FAILINGS - 1];
    return third_ns && correlation->now_ns - third_ns <= FLAP_WINDOW_NS;
}

void hs_correlation_fail(struct hs_correlation *correlation, uint64_t now_ns, uint32_t datacenter)
{
    struct hs_correlation_datacenter *at = known_at(correlation, datacenter);

    correlation->now_ns = now_ns;
    if (!at) return;
    at->is_down = true;
    at->failed_ns = now_ns;
    if (at->state != HS_CORRELATION_HEALTHY && at->state != HS_CORRELATION_RECOVERING) return;
    enter(correlation, at,
          note_failing(correlation, at) ? HS_CORRELATION_FLAPPING : HS_CORRELATION_FAILING);
}

void hs_correlation_recover(struct hs_correlation *correlation, uint64_t now_ns,
                            uint32_t datacenter)
{
    struct hs_correlation_datacenter *at = known_at(correlation, datacenter);

    correlation->now_ns = now_ns;
    if (!at) return;
    at->is_down = false;
    if (at->state == HS_CORRELATION_FAILING || at->state == HS_CORRELATION_FAILED)
        enter(correlation, at, HS_CORRELATION_RECOVERING);
}

static void turn(struct hs_correlation *correlation, struct hs_correlation_datacenter *at)
{
    uint64_t for_ns = correlation->now_ns - at->entered_ns;

    if (at->is_down) at->failed_ns = correlation->now_ns; /* it is not quiet, it is away */
    switch (at->state) {
    case HS_CORRELATION_FAILING:
        if (for_ns >= FAILED_NS) enter(correlation, at, HS_CORRELATION_FAILED);
        break;
    case HS_CORRELATION_RECOVERING:
        if (for_ns >= RECOVERED_NS) enter(correlation, at, HS_CORRELATION_HEALTHY);
        break;
    case HS_CORRELATION_FLAPPING:
        if (correlation->now_ns - at->failed_ns >= FLAP_QUIET_NS)
            enter(correlation, at, HS_CORRELATION_RECOVERING);
        break;
    case HS_CORRELATION_HEALTHY:
    case HS_CORRELATION_FAILED: break;
    }
}

void hs_correlation_agree(struct hs_correlation *correlation, uint32_t datacenter, bool is_agreed)
{
    struct hs_correlation_datacenter *at = known_at(correlation, datacenter);

    if (at) at->is_agreed = is_agreed;
}

/* ---- figures ---- */

void hs_correlation_round_trip(struct hs_correlation *correlation, uint64_t now_ns,
                               uint32_t datacenter, uint64_t round_trip_ns)
{
    struct hs_correlation_datacenter   *at = known_at(correlation, datacenter);
    struct hs_correlation_sample        sample = {hs_max_u64(now_ns, 1), round_trip_ns};
    const struct hs_correlation_sample *last;

    if (!round_trip_ns || round_trip_ns > SAMPLE_MAX_NS) {
        correlation->dropped++;
        return;
    }
    if (!at) return;
    at->samples[at->sample_idx] = sample;
    at->sample_idx = (at->sample_idx + 1) % HS_CORRELATION_SAMPLES;
    last = &at->baselines[(at->baseline_idx + HS_CORRELATION_BASELINES - 1) %
                          HS_CORRELATION_BASELINES];
    if (last->at_ns && now_ns - last->at_ns < BASELINE_GAP_NS) return;
    at->baselines[at->baseline_idx] = sample;
    at->baseline_idx = (at->baseline_idx + 1) % HS_CORRELATION_BASELINES;
}

void hs_correlation_local_health(struct hs_correlation *correlation, uint32_t datacenter,
                                 uint8_t score)
{
    struct hs_correlation_datacenter *at = known_at(correlation, datacenter);

    if (score > SCORE_MAX)
        correlation->dropped++;
    else if (at)
        at->local_health = score;
}

void hs_correlation_extended(struct hs_correlation *correlation, uint64_t now_ns,
                             uint32_t datacenter, uint32_t workers)
{
    struct hs_correlation_datacenter *at = known_at(correlation, datacenter);

    if (!at) return;
    at->extended = workers;
    at->extended_ns = hs_max_u64(now_ns, 1);
}

/* The one below which so many percent of the young samples lie; 0: there are too few. */
static uint64_t percentile(const struct hs_correlation_sample *samples, unsigned count,
                           uint64_t oldest_ns, unsigned percent, unsigned least)
{
    uint64_t sorted[HS_CORRELATION_SAMPLES] = {0};
    unsigned used = 0;

    HS_ASSERT(count <= HS_CORRELATION_SAMPLES);
    for (unsigned i = 0; i < count; i++) {
        unsigned at = used;

        if (!samples[i].at_ns || samples[i].at_ns < oldest_ns) continue;
        for (; at > 0 && sorted[at - 1] > samples[i].round_trip_ns; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = samples[i].round_trip_ns;
        used++;
    }
    return used < least ? 0 : sorted[used * percent / 100];
}

static uint64_t since_ns(const struct hs_correlation *correlation, uint64_t for_ns)
{
    return correlation->now_ns > for_ns ? correlation->now_ns - for_ns : 0;
}

/* Against its own past: a datacenter on another continent is slow every day. */
static bool is_elevated(const struct hs_correlation            *correlation,
                        const struct hs_correlation_datacenter *at)
{
    uint64_t recent_ns = percentile(at->samples, HS_CORRELATION_SAMPLES,
                                    since_ns(correlation, RECENT_NS), 50, SAMPLES_MIN);
    uint64_t baseline_ns = percentile(at->baselines, HS_CORRELATION_BASELINES,
                                      since_ns(correlation, BASELINE_NS), 10, 1);

    return recent_ns && recent_ns >= hs_max_u64(2 * baseline_ns, baseline_ns + ELEVATED_NS);
}

static bool is_extended(const struct hs_correlation            *correlation,
                        const struct hs_correlation_datacenter *at)
{
    return at->extended >= EXTENDED_MIN && at->extended_ns &&
           correlation->now_ns - at->extended_ns < EXTENDED_NS;
}

/* ---- all together ---- */

struct sums {
    unsigned known;
    unsigned failed;  /* FAILED and FLAPPING */
    unsigned failing; /* not for long */
    unsigned healthy;
    unsigned elevated;
    unsigned extended;
    unsigned stressed;
    uint64_t failed_mask;
};

static bool has_failed(const struct hs_correlation_datacenter *at)
{
    return at->state == HS_CORRELATION_FAILED || at->state == HS_CORRELATION_FLAPPING;
}

static void sum_up(const struct hs_correlation *correlation, struct sums *sums)
{
    *sums = (struct sums){0};
    for (unsigned i = 0; i < HS_CORRELATION_DATACENTERS_MAX; i++) {
        const struct hs_correlation_datacenter *at = &correlation->datacenters[i];

        if (!at->is_known) continue;
        sums->known++;
        sums->failed += has_failed(at);
        sums->failing += at->state == HS_CORRELATION_FAILING;
        sums->healthy += at->state == HS_CORRELATION_HEALTHY;
        sums->elevated += is_elevated(correlation, at);
        sums->extended += is_extended(correlation, at);
        sums->stressed += at->local_health >= STRESSED_SCORE;
        if (has_failed(at)) sums->failed_mask |= UINT64_C(1) << i;
    }
}

/* All that have failed are of one region, and one of another region is well: that region is lost,
 * and work must move. */
static bool is_one_region(const struct hs_correlation *correlation)
{
    const char *region = NULL;
    bool        is_other_well = false;

    for (unsigned i = 0; i < HS_CORRELATION_DATACENTERS_MAX; i++) {
        const struct hs_correlation_datacenter *at = &correlation->datacenters[i];

        if (!at->is_known || !has_failed(at)) continue;
        if (!at->region[0] || (region && strcmp(region, at->region) != 0)) return false;
        region = at->region;
    }
    for (unsigned i = 0; i < HS_CORRELATION_DATACENTERS_MAX && region; i++) {
        const struct hs_correlation_datacenter *at = &correlation->datacenters[i];

        is_other_well = is_other_well ||
                        (at->is_known && at->region[0] && at->state == HS_CORRELATION_HEALTHY &&
                         strcmp(region, at->region) != 0);
    }
    return is_other_well;
}

static enum hs_severity severity_of(const struct sums *sums)
{
    if ((sums->failed >= 4 && 2 * sums->failed >= sums->known) ||
        (sums->known >= 2 && sums->failed == sums->known))
        return HS_SEVERITY_HIGH;
    if (sums->failed >= 3 || (sums->known <= 3 && sums->failed >= 2)) return HS_SEVERITY_MEDIUM;
    return 2 * sums->failed + sums->failing >= 4 ? HS_SEVERITY_LOW : HS_SEVERITY_NONE;
}

static bool is_half(unsigned part, const struct sums *sums)
{
    return sums->known >= 2 && 2 * part >= sums->known;
}

static void judge(struct hs_correlation *correlation, const struct sums *sums)
{
    enum hs_severity severity = severity_of(sums);
    bool             was_high = correlation->severity >= HS_SEVERITY_MEDIUM;

    correlation->is_regional = severity != HS_SEVERITY_NONE && is_one_region(correlation);
    if (correlation->is_regional) severity = HS_SEVERITY_LOW;
    correlation->is_latency = is_half(sums->elevated, sums);
    correlation->is_extended = is_half(sums->extended, sums);
    correlation->is_stressed = is_half(sums->stressed, sums);
    if (correlation->is_latency + correlation->is_extended + correlation->is_stressed >= 2 &&
        severity < HS_SEVERITY_MEDIUM)
        severity = HS_SEVERITY_MEDIUM;
    if (was_high && severity < HS_SEVERITY_MEDIUM) correlation->fell_ns = correlation->now_ns;
    correlation->severity = severity;
}

static void hold(struct hs_correlation *correlation, struct hs_correlation_out *out)
{
    bool was_holding = correlation->is_holding;

    correlation->is_holding = correlation->severity >= HS_SEVERITY_MEDIUM ||
                              (was_holding && correlation->now_ns - correlation->fell_ns < HOLD_NS);
    if (correlation->is_holding && !was_holding) {
        correlation->held_ns = correlation->now_ns;
        correlation->is_alerted = false;
    }
    if (correlation->is_holding && !correlation->is_alerted &&
        correlation->now_ns - correlation->held_ns >= HOLD_MAX_NS)
        out->is_long = correlation->is_alerted = true;
    for (unsigned i = 0; i < HS_CORRELATION_DATACENTERS_MAX; i++) {
        struct hs_correlation_datacenter *at = &correlation->datacenters[i];

        at->is_held = correlation->is_holding && at->is_known && !at->is_agreed &&
                      (has_failed(at) || at->state == HS_CORRELATION_FAILING);
    }
}

static void detect(struct hs_correlation *correlation, const struct sums *sums, bool was_high,
                   struct hs_correlation_out *out)
{
    if (correlation->severity < HS_SEVERITY_MEDIUM) return;
    if (was_high && !(sums->failed_mask & ~correlation->told)) return;
    if (!correlation->is_in_partition) correlation->detected_ns = correlation->now_ns;
    correlation->is_in_partition = true;
    correlation->told |= sums->failed_mask;
    out->is_detected = true;
}

static void heal(struct hs_correlation *correlation, const struct sums *sums,
                 struct hs_correlation_out *out)
{
    if (!correlation->is_in_partition || correlation->is_holding || sums->healthy != sums->known)
        return;
    out->is_healed = true;
    out->lasted_ns = correlation->now_ns - correlation->detected_ns;
    correlation->is_in_partition = false;
}

void hs_correlation_step(struct hs_correlation *correlation, uint64_t now_ns,
                         struct hs_correlation_out *out)
{
    bool        was_high = correlation->severity >= HS_SEVERITY_MEDIUM;
    struct sums sums;

    *out = (struct hs_correlation_out){0};
    correlation->now_ns = now_ns;
    correlation->stepped_ns = hs_max_u64(now_ns, 1);
    for (unsigned i = 0; i < HS_CORRELATION_DATACENTERS_MAX; i++)
        if (correlation->datacenters[i].is_known) turn(correlation, &correlation->datacenters[i]);
    sum_up(correlation, &sums);
    judge(correlation, &sums);
    hold(correlation, out);
    detect(correlation, &sums, was_high, out);
    heal(correlation, &sums, out);
    out->datacenters = correlation->told;
    out->severity = correlation->severity;
    if (out->is_healed) correlation->told = 0;
}

uint64_t hs_correlation_deadline_ns(const struct hs_correlation *correlation)
{
    return correlation->stepped_ns ? correlation->stepped_ns + EVALUATE_NS : 0;
}
