// SPDX-License-Identifier: Apache-2.0
/* rpc.c - a slot per outstanding request; free ones in a list. */
#include "ipc/rpc.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stddef.h>

enum { SLOT_BITS = 16, SLOT_MASK = (1 << SLOT_BITS) - 1 };
#define NO_SLOT UINT32_MAX

void hs_rpc_init(struct hs_rpc *rpc, struct hs_rpc_slot *slots, uint32_t capacity)
{
    HS_ASSERT(capacity > 0);
    HS_ASSERT(capacity <= HS_RPC_SLOTS_MAX);
    *rpc = (struct hs_rpc){
        .slots = slots, .capacity = capacity, .next_counter = 1, .deadline_ns = HS_NEVER_NS};
    for (uint32_t i = 0; i < capacity; i++)
        slots[i] = (struct hs_rpc_slot){.next_free = i + 1 < capacity ? i + 1 : NO_SLOT};
}

int hs_rpc_begin(struct hs_rpc *rpc, uint64_t token, uint64_t deadline_ns, uint64_t *id)
{
    uint32_t            idx = rpc->first_free;
    struct hs_rpc_slot *slot;

    if (idx == NO_SLOT) return -ENOBUFS;
    HS_ASSERT(rpc->count < rpc->capacity);
    slot = &rpc->slots[idx];
    rpc->first_free = slot->next_free;
    *slot = (struct hs_rpc_slot){.id = rpc->next_counter++ << SLOT_BITS | idx,
                                 .token = token,
                                 .deadline_ns = deadline_ns,
                                 .next_free = NO_SLOT};
    rpc->count++;
    rpc->deadline_ns = hs_min_u64(rpc->deadline_ns, deadline_ns);
    *id = slot->id;
    return 0;
}

/* The cached deadline may stay too early after this: hs_rpc_expire finds the true one. */
static void release(struct hs_rpc *rpc, struct hs_rpc_slot *slot)
{
    HS_ASSERT(slot->id != 0);
    HS_ASSERT(rpc->count > 0);
    slot->id = 0;
    slot->next_free = rpc->first_free;
    rpc->first_free = (uint32_t)(slot - rpc->slots);
    if (--rpc->count == 0) rpc->deadline_ns = HS_NEVER_NS;
}

bool hs_rpc_end(struct hs_rpc *rpc, uint64_t id, uint64_t *token)
{
    uint64_t idx = id & SLOT_MASK;

    if (id == 0 || idx >= rpc->capacity || rpc->slots[idx].id != id) return false;
    *token = rpc->slots[idx].token;
    release(rpc, &rpc->slots[idx]);
    return true;
}

bool hs_rpc_expire(struct hs_rpc *rpc, uint64_t now_ns, uint64_t *id, uint64_t *token)
{
    struct hs_rpc_slot *first = NULL;

    if (rpc->deadline_ns > now_ns) return false;
    for (uint32_t i = 0; i < rpc->capacity; i++) {
        struct hs_rpc_slot *slot = &rpc->slots[i];

        if (slot->id && (!first || slot->deadline_ns < first->deadline_ns)) first = slot;
    }
    rpc->deadline_ns = first ? first->deadline_ns : HS_NEVER_NS;
    if (!first || first->deadline_ns > now_ns) return false;
    *id = first->id;
    *token = first->token;
    release(rpc, first);
    return true;
}

bool hs_rpc_drain(struct hs_rpc *rpc, uint64_t *id, uint64_t *token)
{
    for (uint32_t i = 0; i < rpc->capacity && rpc->count; i++) {
        if (!rpc->slots[i].id) continue;
        *id = rpc->slots[i].id;
        *token = rpc->slots[i].token;
        release(rpc, &rpc->slots[i]);
        return true;
    }
    return false;
}

uint64_t hs_rpc_deadline_ns(const struct hs_rpc *rpc)
{
    return rpc->deadline_ns;
}

bool hs_rpc_validate(const struct hs_rpc *rpc)
{
    uint32_t waiting = 0;
    uint32_t free_count = 0;

    for (uint32_t i = 0; i < rpc->capacity; i++) {
        const struct hs_rpc_slot *slot = &rpc->slots[i];

        if (!slot->id) continue;
        waiting++;
        if ((slot->id & SLOT_MASK) != i || slot->id >> SLOT_BITS >= rpc->next_counter) return false;
        if (slot->deadline_ns < rpc->deadline_ns) return false;
    }
    for (uint32_t i = rpc->first_free; i != NO_SLOT; i = rpc->slots[i].next_free) {
        if (i >= rpc->capacity || rpc->slots[i].id || ++free_count > rpc->capacity) return false;
    }
    return waiting == rpc->count && waiting + free_count == rpc->capacity;
}
