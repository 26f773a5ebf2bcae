// SPDX-License-Identifier: Apache-2.0
/* overload.h - how loaded a process is, by what it does itself: how long its turns take against its
 * own past and against fixed limits, whether a queue stands before it, how much of its core it
 * uses. The worst of these decides. Worse is adopted at once, better one step at a time after two
 * calm seconds. Pure. (control 2; the standing queue is CoDel's measure, the least past median that
 * of gradient limiters.)
 *
 *              BUSY       DEGRADED   OVERLOADED
 *   delta      0.5        1.0        2.0         the median of the last second above the past,
 *                                                by 5 ms at least; below 50 ms it says BUSY at
 *                                                most, below 200 ms DEGRADED
 *   absolute   200 ms     500 ms     2 s         that median
 *   queue      5 ms       20 ms      100 ms      the shortest wait of a tick, two in a row
 *   cpu        0.70       0.85       0.95        of one core, four ticks in a row
 *
 * A trend (it grows by a tenth of the past median each second) makes delta worse by one step. The
 * past median is the least of those of ten minutes, each of a minute that was below DEGRADED for
 * the most part: heavy load that stays does not become the norm, but for half an hour of delta
 * alone. */
#ifndef HS_GUARD_OVERLOAD_H
#define HS_GUARD_OVERLOAD_H

#include "roles/node_tables.h"
#include "shm/base/time.h"

#include <stdbool.h>
#include <stdint.h>

#define HS_OVERLOAD_TICK_NS (HS_NS_PER_S / 4)

enum {
    HS_OVERLOAD_SAMPLES = 4096,    /* of the last second, the oldest gives way */
    HS_OVERLOAD_EPOCHS = 10,       /* minutes */
    HS_OVERLOAD_TICKS = 20,        /* of the trend */
    HS_OVERLOAD_BUCKETS = 16 * 36, /* of a minute: 16 to an octave, up to 64 s */
};

/* Why; bits. */
enum {
    HS_OVERLOAD_DELTA = 1,
    HS_OVERLOAD_ABSOLUTE = 2,
    HS_OVERLOAD_QUEUE = 4,
    HS_OVERLOAD_CPU = 8,
    HS_OVERLOAD_TREND = 16
};

struct hs_overload_sample {
    uint64_t at_ns;
    uint64_t took_ns;
};

struct hs_overload {
    uint64_t begun_ns;
    uint64_t sample_count; /* ever; the place of the next is its remainder */
    uint64_t epoch_begun_ns;
    uint64_t tick_sum_ns; /* of this tick's samples */
    uint64_t queue_min_ns;
    uint64_t delta_since_ns; /* DEGRADED or worse by delta alone; 0: not so */
    uint64_t median_ns;      /* of the last second, as of the last tick; 0: not known */
    uint64_t base_ns;        /* 0: not known yet */
    uint32_t tick_samples;
    uint32_t epoch_samples;
    uint32_t epoch_ticks;
    uint32_t epoch_bad_ticks;
    uint32_t epoch_count; /* ever */
    uint32_t mean_count;  /* ever */
    uint8_t  level;       /* enum hs_node_load */
    uint8_t  reasons;     /* of the last tick */
    uint8_t  calm_ticks;
    uint8_t  queue_ticks[HS_NODE_OVERLOADED + 1]; /* in a row at that level or worse */
    uint8_t  cpu_ticks[HS_NODE_OVERLOADED + 1];
    uint64_t epochs_ns[HS_OVERLOAD_EPOCHS]; /* medians */
    double   means_ns[HS_OVERLOAD_TICKS];
    uint32_t epoch[HS_OVERLOAD_BUCKETS];
    struct hs_overload_sample samples[HS_OVERLOAD_SAMPLES];
    uint64_t                  sorted_ns[HS_OVERLOAD_SAMPLES];
};

/* overload is zeroed. */
void hs_overload_init(struct hs_overload *overload, uint64_t now_ns);
/* A turn that brought messages took so long; the first of them had waited so long before it. */
void hs_overload_turn(struct hs_overload *overload, uint64_t now_ns, uint64_t took_ns,
                      uint64_t waited_ns);
/* Each HS_OVERLOAD_TICK_NS; late ones are not made up for. cpu_ppm: of one core since the last
 * tick. true: the level is another than before. */
bool hs_overload_tick(struct hs_overload *overload, uint64_t now_ns, uint32_t cpu_ppm);

static inline enum hs_node_load hs_overload_level(const struct hs_overload *overload)
{
    return (enum hs_node_load)overload->level;
}

/* "delta,queue"; "-": none. */
enum { HS_OVERLOAD_REASONS_BYTES = 40 };
const char *hs_overload_reasons(const struct hs_overload *overload,
                                char                      text[HS_OVERLOAD_REASONS_BYTES]);

#endif
