// SPDX-License-Identifier: Apache-2.0
/* data_lane.c - the life of one data lane, at either end. */
#include "roles/cluster/data_lane.h"

#include "roles/cluster/dialer.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>
#include <string.h>

static bool is_data(unsigned message_type)
{
    enum hs_traffic traffic = hs_wire_traffic(message_type);

    return traffic == HS_TRAFFIC_DATA || traffic == HS_TRAFFIC_TELEMETRY;
}

bool hs_data_lane_carries(unsigned message_type)
{
    return is_data(message_type) || message_type == HS_MSG_REFUSED;
}

static bool is_same_identity(const struct hs_identity *one, const struct hs_identity *other)
{
    return one->role == other->role && strcmp(one->node, other->node) == 0 &&
           strcmp(one->datacenter, other->datacenter) == 0;
}

int hs_data_lane_check(const struct hs_greeting *first, const struct hs_greeting *lane,
                       const char **why)
{
    *why = NULL;
    if (!(first->features & lane->features & HS_FEATURE_DATA_LANE))
        *why = "a data lane of a node that does not know of them";
    else if (!is_same_identity(&first->identity, &lane->identity) ||
             memcmp(first->node_id, lane->node_id, sizeof first->node_id) != 0)
        *why = "a data lane of another node than its first connection";
    else if (first->incarnation != lane->incarnation || first->generation != lane->generation ||
             first->link != lane->link)
        *why = "a data lane of a connection that is not there";
    return *why ? -EACCES : 0;
}

void hs_data_lane_expect(struct hs_data_lane *lane, struct hs_rand *rand, uint64_t now_ns)
{
    *lane =
        (struct hs_data_lane){.state = HS_DATA_LANE_WAITING,
                              .is_ours = true,
                              .due_at_ns = now_ns + hs_rand_below(rand, HS_DIALER_START_JITTER_NS),
                              .wait_ns = HS_DIALER_BACKOFF_MIN_NS};
}

bool hs_data_lane_is_due(struct hs_data_lane *lane, uint64_t now_ns)
{
    if (lane->state != HS_DATA_LANE_WAITING || now_ns < lane->due_at_ns) return false;
    lane->state = HS_DATA_LANE_TRYING;
    return true;
}

void hs_data_lane_entered(struct hs_data_lane *lane, uint64_t now_ns)
{
    HS_ASSERT(lane->is_ours == (lane->state == HS_DATA_LANE_TRYING));
    lane->state = HS_DATA_LANE_UP;
    lane->up_at_ns = now_ns;
    lane->asked_at_ns = 0;
    lane->held_till_ns = 0;
    lane->is_theirs_now = false;
}

void hs_data_lane_ended(struct hs_data_lane *lane, struct hs_rand *rand, uint64_t now_ns)
{
    bool     was_up = lane->state == HS_DATA_LANE_UP;
    uint64_t lasted_ns = was_up ? now_ns - lane->up_at_ns : 0;

    if (!lane->is_ours) {
        *lane = (struct hs_data_lane){0};
        return;
    }
    if (!was_up && lane->state != HS_DATA_LANE_TRYING) return;
    lane->state = HS_DATA_LANE_WAITING;
    lane->due_at_ns = now_ns + hs_dialer_backoff_ns(rand, &lane->wait_ns, lasted_ns);
    lane->held_till_ns = 0;
}

bool hs_data_lane_takes(struct hs_data_lane *lane, unsigned message_type, uint64_t now_ns)
{
    if (lane->state != HS_DATA_LANE_UP || !is_data(message_type)) return false;
    if (!lane->is_ours) return lane->is_theirs_now;
    if (!lane->asked_at_ns) lane->asked_at_ns = now_ns;
    return true;
}

void hs_data_lane_heard(struct hs_data_lane *lane)
{
    lane->asked_at_ns = 0;
    lane->is_theirs_now = !lane->is_ours;
}

void hs_data_lane_missed(struct hs_data_lane *lane, unsigned message_type)
{
    if (is_data(message_type)) lane->is_theirs_now = false;
}

bool hs_data_lane_is_dead(const struct hs_data_lane *lane, uint64_t now_ns)
{
    return lane->state == HS_DATA_LANE_UP && lane->asked_at_ns &&
           now_ns >= lane->asked_at_ns + HS_DATA_LANE_SILENCE_NS;
}

void hs_data_lane_hold(struct hs_data_lane *lane, uint64_t wait_ns, uint64_t now_ns)
{
    if (lane->state != HS_DATA_LANE_UP) return;
    wait_ns = hs_min_u64(hs_max_u64(wait_ns, HS_DATA_LANE_HOLD_MIN_NS), HS_DATA_LANE_HOLD_MAX_NS);
    lane->held_till_ns = now_ns + wait_ns;
}

bool hs_data_lane_goes_on(struct hs_data_lane *lane, uint64_t now_ns)
{
    if (!lane->held_till_ns || now_ns < lane->held_till_ns) return false;
    lane->held_till_ns = 0;
    return true;
}

uint64_t hs_data_lane_deadline_ns(const struct hs_data_lane *lane)
{
    uint64_t next_ns = HS_NEVER_NS;

    if (lane->state == HS_DATA_LANE_WAITING) return lane->due_at_ns;
    if (lane->state != HS_DATA_LANE_UP) return HS_NEVER_NS;
    if (lane->asked_at_ns) next_ns = lane->asked_at_ns + HS_DATA_LANE_SILENCE_NS;
    if (lane->held_till_ns) next_ns = hs_min_u64(next_ns, lane->held_till_ns);
    return next_ns;
}
