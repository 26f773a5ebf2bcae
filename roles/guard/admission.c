// SPDX-License-Identifier: Apache-2.0
/* admission.c - places for messages under way. */
#include "roles/guard/admission.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#define WARN_EVERY_NS (60 * HS_NS_PER_S)

enum {
    ALL_PERCENT = 100,
    DATA_PERCENT = 85,
    TELEMETRY_PERCENT = 60,
    WARN_PERCENT = 80,
    BUSY_PERCENT = 70,
    OVERLOADED_PERCENT = 95
};

void hs_admission_init(struct hs_admission *admission, uint32_t messages_max, uint64_t bytes_max)
{
    HS_ASSERT(messages_max > 0 && messages_max <= HS_ADMISSION_MESSAGES_MAX);
    HS_ASSERT(bytes_max > 0);
    admission->messages_max = messages_max;
    admission->bytes_max = bytes_max;
}

uint32_t hs_admission_under_way(const struct hs_admission *admission)
{
    return admission->taken[HS_TRAFFIC_DISPATCH] + admission->taken[HS_TRAFFIC_DATA] +
           admission->taken[HS_TRAFFIC_TELEMETRY];
}

static bool is_below(const struct hs_admission *admission, unsigned percent)
{
    return (uint64_t)hs_admission_under_way(admission) * 100 <
               (uint64_t)admission->messages_max * percent &&
           admission->bytes < admission->bytes_max / 100 * percent;
}

static bool has_place(const struct hs_admission *admission, enum hs_traffic traffic,
                      unsigned source)
{
    switch (traffic) {
    case HS_TRAFFIC_CONTROL:
        return admission->taken[HS_TRAFFIC_CONTROL] < HS_ADMISSION_CONTROL_MAX &&
               admission->control_of[source] < HS_ADMISSION_CONTROL_OF_SOURCE_MAX;
    case HS_TRAFFIC_RESULT: return admission->taken[HS_TRAFFIC_RESULT] < HS_ADMISSION_RESULTS_MAX;
    case HS_TRAFFIC_DISPATCH: return is_below(admission, ALL_PERCENT);
    case HS_TRAFFIC_DATA: return is_below(admission, DATA_PERCENT);
    case HS_TRAFFIC_NONE:
    case HS_TRAFFIC_COUNT:
    case HS_TRAFFIC_TELEMETRY: break;
    }
    return is_below(admission, TELEMETRY_PERCENT);
}

static struct hs_admission_place *take_place(struct hs_admission *admission, uint32_t *idx)
{
    struct hs_admission_place *place;

    if (admission->free_1) {
        *idx = admission->free_1 - 1;
        place = &admission->places[*idx];
        admission->free_1 = place->next_free_1;
        return place;
    }
    HS_ASSERT(admission->high < HS_ADMISSION_SLOTS); /* the classes' bounds add up to it */
    *idx = admission->high++;
    return &admission->places[*idx];
}

bool hs_admission_take(struct hs_admission *admission, enum hs_traffic traffic, unsigned source,
                       hs_slot *slot)
{
    struct hs_admission_place *place;
    uint32_t                   idx;

    HS_ASSERT(source < HS_ADMISSION_SOURCES_MAX);
    *slot = 0;
    if (traffic == HS_TRAFFIC_NONE) traffic = HS_TRAFFIC_TELEMETRY;
    if (!has_place(admission, traffic, source)) {
        admission->refused[traffic]++;
        return false;
    }
    place = take_place(admission, &idx);
    place->traffic = (uint8_t)traffic;
    place->source = (uint16_t)source;
    admission->taken[traffic]++;
    if (traffic == HS_TRAFFIC_CONTROL) admission->control_of[source]++;
    *slot = (uint64_t)place->generation << 32 | (idx + 1);
    return true;
}

void hs_admission_give(struct hs_admission *admission, hs_slot *slot)
{
    uint32_t                   idx_1 = (uint32_t)*slot;
    uint32_t                   generation = (uint32_t)(*slot >> 32);
    struct hs_admission_place *place;

    if (!*slot) return;
    HS_ASSERT(idx_1 <= admission->high);
    place = &admission->places[idx_1 - 1];
    HS_ASSERT(place->traffic != HS_TRAFFIC_NONE && place->generation == generation);
    admission->taken[place->traffic]--;
    if (place->traffic == HS_TRAFFIC_CONTROL) admission->control_of[place->source]--;
    place->traffic = HS_TRAFFIC_NONE;
    place->generation++;
    place->next_free_1 = admission->free_1;
    admission->free_1 = idx_1;
    *slot = 0;
}

enum hs_node_load hs_admission_load(const struct hs_admission *admission)
{
    enum hs_node_load fill = HS_NODE_HEALTHY;

    if (!is_below(admission, BUSY_PERCENT)) fill = HS_NODE_BUSY;
    if (!is_below(admission, DATA_PERCENT)) fill = HS_NODE_DEGRADED;
    if (!is_below(admission, OVERLOADED_PERCENT)) fill = HS_NODE_OVERLOADED;
    return fill > admission->floor ? fill : admission->floor;
}

bool hs_admission_warns(struct hs_admission *admission, uint64_t now_ns)
{
    if (is_below(admission, WARN_PERCENT)) return false;
    if (admission->warned_at_ns && now_ns - admission->warned_at_ns < WARN_EVERY_NS) return false;
    admission->warned_at_ns = now_ns;
    return true;
}
