// SPDX-License-Identifier: Apache-2.0
/* probe_order.c - the shuffled round of the living. */
#include "roles/cluster/probe_order.h"

#include "shm/base/assert.h"

size_t hs_probe_order_bytes(uint32_t capacity)
{
    return (size_t)capacity * 2 * sizeof(uint32_t);
}

void hs_probe_order_init(struct hs_probe_order *order, uint32_t capacity, void *memory)
{
    *order = (struct hs_probe_order){.capacity = capacity, .order = memory};
    order->positions = order->order + capacity;
    for (uint32_t i = 0; i < capacity; i++) order->positions[i] = HS_PROBE_NOBODY;
}

static void put(struct hs_probe_order *order, uint32_t position, uint32_t member_idx)
{
    order->order[position] = member_idx;
    order->positions[member_idx] = position;
}

void hs_probe_order_add(struct hs_probe_order *order, struct hs_rand *rand, uint32_t member_idx)
{
    uint32_t position;

    HS_ASSERT(member_idx < order->capacity);
    if (order->positions[member_idx] != HS_PROBE_NOBODY) return;
    position = order->count++;
    put(order, position, member_idx);
    if (position > order->cursor) {
        uint32_t other =
            order->cursor + (uint32_t)hs_rand_below(rand, order->count - order->cursor);

        put(order, position, order->order[other]);
        put(order, other, member_idx);
    }
}

static bool is_probed(const struct hs_members *members, uint32_t idx)
{
    const struct hs_member *member = hs_members_at(members, idx);

    return member && idx != members->self_idx && hs_member_is_live(member) &&
           hs_member_is_ring(member);
}

/* Takes the one at the cursor out: the last one comes in its place, not visited either. */
static void remove_at_cursor(struct hs_probe_order *order)
{
    uint32_t gone = order->order[order->cursor];
    uint32_t last = order->order[--order->count];

    order->positions[gone] = HS_PROBE_NOBODY;
    if (last != gone) put(order, order->cursor, last);
}

static void add_all(struct hs_probe_order *order, const struct hs_members *members,
                    struct hs_rand *rand, enum hs_member_status status)
{
    for (const struct hs_member *member = hs_members_first(members, status); member;
         member = hs_members_next(members, member))
        if (is_probed(members, member->idx)) hs_probe_order_add(order, rand, member->idx);
}

/* Fisher and Yates. */
static void start_pass(struct hs_probe_order *order, const struct hs_members *members,
                       struct hs_rand *rand)
{
    order->cursor = 0;
    add_all(order, members, rand, HS_MEMBER_ALIVE);
    add_all(order, members, rand, HS_MEMBER_SUSPECT);
    for (uint32_t i = order->count; i > 1; i--) {
        uint32_t other = (uint32_t)hs_rand_below(rand, i);
        uint32_t moved = order->order[i - 1];

        put(order, i - 1, order->order[other]);
        put(order, other, moved);
    }
}

uint32_t hs_probe_order_next(struct hs_probe_order *order, const struct hs_members *members,
                             struct hs_rand *rand)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        while (order->cursor < order->count) {
            uint32_t idx = order->order[order->cursor];

            if (is_probed(members, idx)) {
                order->cursor++;
                return idx;
            }
            remove_at_cursor(order);
        }
        start_pass(order, members, rand);
    }
    return HS_PROBE_NOBODY;
}

/* One that fits takes a place while there are free ones, then one of the taken with the chance that
 * makes all equal (reservoir sampling). */
static void sample(struct hs_rand *rand, uint32_t helpers[HS_PROBE_HELPERS_MAX], uint32_t wanted,
                   uint32_t *seen, uint32_t idx)
{
    uint64_t place = *seen < wanted ? *seen : hs_rand_below(rand, *seen + 1);

    ++*seen;
    if (place < wanted) helpers[place] = idx;
}

struct hs_probe_helpers hs_probe_order_helpers(const struct hs_probe_order *order,
                                               const struct hs_members     *members,
                                               struct hs_rand *rand, uint32_t target_idx,
                                               uint32_t wanted, uint64_t now_ns)
{
    struct hs_probe_helpers helpers = {0};
    uint32_t                stressed[HS_PROBE_HELPERS_MAX] = {0};
    uint32_t                fit_count = 0;
    uint32_t                stressed_count = 0;

    HS_ASSERT(wanted <= HS_PROBE_HELPERS_MAX);
    for (uint32_t i = 0; i < order->count; i++) {
        uint32_t                idx = order->order[i];
        const struct hs_member *member = hs_members_at(members, idx);

        if (idx == target_idx || !is_probed(members, idx)) continue;
        if (member->status != HS_MEMBER_ALIVE) continue;
        if (member->health_score >= HS_PROBE_STRESSED || hs_member_is_damped(member, now_ns))
            sample(rand, stressed, wanted, &stressed_count, idx);
        else
            sample(rand, helpers.at, wanted, &fit_count, idx);
    }
    helpers.count = fit_count < wanted ? fit_count : wanted;
    for (uint32_t i = 0; helpers.count < wanted && i < stressed_count; i++)
        helpers.at[helpers.count++] = stressed[i];
    return helpers;
}
