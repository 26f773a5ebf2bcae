// SPDX-License-Identifier: Apache-2.0
/* gates.c - a ranking, and who has failed of late. */
#include "roles/client/gates.h"

#include "roles/cluster/rendezvous.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

#define WAIT_MIN_NS  (50 * HS_NS_PER_MS)
#define WAIT_MAX_NS  (2 * HS_NS_PER_S)
#define WEIGHT_LEAST 0.01   /* of a record of weight 0: seldom beside others, RFC 2782 */
enum { DOUBLINGS_MAX = 6 }; /* beyond the longest wait */

static double weight_of(const struct hs_where_gate *gate)
{
    return gate->rank.weight ? gate->rank.weight : WEIGHT_LEAST;
}

/* Those of one priority stay as they rank. */
static void sort_by_priority(const struct hs_where *where, uint8_t *order)
{
    for (unsigned i = 1; i < where->count; i++) {
        uint8_t  moved = order[i];
        uint16_t priority = where->gates[moved].rank.priority;
        unsigned at = i;

        for (; at > 0 && where->gates[order[at - 1]].rank.priority > priority; at--)
            order[at] = order[at - 1];
        order[at] = moved;
    }
}

void hs_gates_init(struct hs_gates *gates, const struct hs_where *where, struct hs_view key)
{
    struct hs_rendezvous_peer peers[HS_WHERE_GATES_MAX];
    uint8_t                   order[HS_WHERE_GATES_MAX] = {0};

    memset(gates, 0, sizeof *gates);
    for (unsigned i = 0; i < where->count; i++)
        peers[i] = (struct hs_rendezvous_peer){hs_view_text(where->gates[i].text),
                                               weight_of(&where->gates[i])};
    hs_rendezvous_rank(key, peers, where->count, order);
    sort_by_priority(where, order);
    gates->count = where->count ? where->count : 1;
    for (unsigned i = 0; i < gates->count; i++)
        gates->rows[i] = (struct hs_gates_row){.idx = order[i]};
}

static struct hs_gates_row *current_of(struct hs_gates *gates)
{
    HS_ASSERT(gates->current < gates->count);
    return &gates->rows[gates->current];
}

/* Who is due counts by its failures and then its place, who is not by its moment. */
static bool is_better(const struct hs_gates_row *row, const struct hs_gates_row *best,
                      uint64_t now_ns)
{
    if (best->due_ns > now_ns) return row->due_ns < best->due_ns;
    return row->due_ns <= now_ns && row->fails < best->fails;
}

bool hs_gates_pick(struct hs_gates *gates, uint64_t now_ns, bool is_bound,
                   struct hs_gates_pick *pick)
{
    const struct hs_gates_row *best = NULL;

    for (unsigned i = 0; i < gates->count; i++) {
        const struct hs_gates_row *row = &gates->rows[i];

        if (row->is_out || (is_bound && i != gates->current)) continue;
        if (!best || is_better(row, best, now_ns)) best = row;
    }
    if (!best) return false;
    gates->current = (unsigned)(best - gates->rows);
    *pick = (struct hs_gates_pick){best->idx, best->due_ns};
    return true;
}

void hs_gates_worked(struct hs_gates *gates)
{
    current_of(gates)->fails = 0;
}

void hs_gates_failed(struct hs_gates *gates, uint64_t now_ns)
{
    struct hs_gates_row *row = current_of(gates);

    row->due_ns =
        now_ns + hs_min_u64(WAIT_MIN_NS << hs_min_u64(row->fails, DOUBLINGS_MAX), WAIT_MAX_NS);
    if (row->fails < UINT32_MAX) row->fails++;
}

void hs_gates_put_off(struct hs_gates *gates, uint64_t now_ns, uint64_t retry_after_ns)
{
    current_of(gates)->due_ns = now_ns + retry_after_ns;
}

void hs_gates_drop(struct hs_gates *gates)
{
    current_of(gates)->is_out = true;
}
