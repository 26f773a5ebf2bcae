// SPDX-License-Identifier: Apache-2.0
/* pace.c - arrivals in closed form; see pace.h. */
#include "roles/engine/pace.h"

#include "shm/base/time.h"

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > HS_NEVER_NS - b ? HS_NEVER_NS : a + b;
}

int hs_pace_init(struct hs_pace *pace, const struct hs_image_header *image,
                 const struct hs_engine_command *order)
{
    struct hs_rate rate = {.count = image->rate_count, .period_ns = image->rate_period_ns};
    uint64_t       span_ns = sum(image->warmup_ns, image->duration_ns);

    *pace = (struct hs_pace){.start_ns = order->start_at_ns,
                             .measure_from_ns = sum(order->start_at_ns, image->warmup_ns),
                             .drain_ns = image->drain_ns,
                             .is_open = image->model == HS_LOAD_OPEN,
                             .drops = image->on_saturation == HS_SATURATION_DROP,
                             .iterations = order->iterations};
    pace->end_ns = image->duration_ns ? sum(order->start_at_ns, span_ns) : HS_NEVER_NS;
    pace->drained_ns = sum(pace->end_ns, image->drain_ns);
    if (!pace->is_open) return 0;
    return hs_schedule_init(&pace->schedule, rate, span_ns, order->share_idx, order->share_count);
}

static uint64_t elapsed_ns(const struct hs_pace *pace, uint64_t now_ns)
{
    return now_ns > pace->start_ns ? now_ns - pace->start_ns : 0;
}

/* How many arrivals belong to the warm-up. */
static uint64_t warmup_total(const struct hs_pace *pace)
{
    return hs_schedule_first_at(&pace->schedule, pace->measure_from_ns - pace->start_ns);
}

static void split(const struct hs_pace *pace, uint64_t from, uint64_t to, struct hs_pace_past *past)
{
    uint64_t border = warmup_total(pace);

    past->warmup_count = hs_min_u64(to, border) - hs_min_u64(from, border);
    past->measured_count = to - from - past->warmup_count;
}

void hs_pace_resume(struct hs_pace *pace, uint64_t now_ns, const struct hs_pace_past *past,
                    struct hs_pace_past *lost)
{
    struct hs_pace_past due;

    *lost = (struct hs_pace_past){0};
    if (!pace->is_open) return;
    pace->taken_count = hs_schedule_first_at(&pace->schedule, elapsed_ns(pace, now_ns));
    split(pace, 0, pace->taken_count, &due);
    if (due.warmup_count > past->warmup_count)
        lost->warmup_count = due.warmup_count - past->warmup_count;
    if (due.measured_count > past->measured_count)
        lost->measured_count = due.measured_count - past->measured_count;
}

bool hs_pace_is_warmup(const struct hs_pace *pace, uint64_t due_ns)
{
    return due_ns < pace->measure_from_ns;
}

bool hs_pace_take(struct hs_pace *pace, uint64_t now_ns, uint64_t *due_ns, uint64_t *seq)
{
    uint64_t arrival_ns = hs_pace_next_ns(pace);

    if (arrival_ns > now_ns) return false;
    *due_ns = arrival_ns;
    *seq = hs_schedule_index(&pace->schedule, pace->taken_count);
    pace->taken_count++;
    return true;
}

void hs_pace_drop(struct hs_pace *pace, uint64_t now_ns, struct hs_pace_past *dropped)
{
    uint64_t until_ns = hs_min_u64(now_ns, pace->end_ns);
    uint64_t due;

    *dropped = (struct hs_pace_past){0};
    if (!pace->is_open || until_ns < pace->start_ns) return; /* stopped before anything was due */
    due = hs_schedule_due(&pace->schedule, elapsed_ns(pace, until_ns));
    if (due <= pace->taken_count) return;
    split(pace, pace->taken_count, due, dropped);
    pace->taken_count = due;
}

bool hs_pace_is_exhausted(const struct hs_pace *pace)
{
    return pace->iterations && pace->begun_count >= pace->iterations;
}

bool hs_pace_begin(struct hs_pace *pace, uint64_t now_ns)
{
    if (now_ns >= pace->end_ns || hs_pace_is_exhausted(pace)) return false;
    pace->begun_count++;
    return true;
}

uint64_t hs_pace_next_ns(const struct hs_pace *pace)
{
    uint64_t arrival_ns;

    if (!pace->is_open) return HS_NEVER_NS;
    arrival_ns = sum(pace->start_ns, hs_schedule_arrival_ns(&pace->schedule, pace->taken_count));
    return arrival_ns < pace->end_ns ? arrival_ns : HS_NEVER_NS;
}

void hs_pace_stop(struct hs_pace *pace, uint64_t now_ns, uint64_t deadline_ns)
{
    pace->end_ns = hs_min_u64(pace->end_ns, now_ns);
    pace->drained_ns = hs_min_u64(sum(pace->end_ns, pace->drain_ns), deadline_ns);
}
