// SPDX-License-Identifier: Apache-2.0
/* event_ring.h - the last events of a process (a peer suspected, an exec adopted, a child
 * restarted), in shared memory, for several readers. One ring for each process slot, one after
 * the other in the body of the segment. What kinds there are and what number means is the
 * writers' business; about and text make the event readable without knowing. */
#ifndef HS_SHM_EVENT_RING_H
#define HS_SHM_EVENT_RING_H

#include "shm/base/limits.h"
#include "shm/recent.h"

enum {
    HS_EVENT_RING_VERSION = 2,
    HS_EVENT_RING_SLOTS = 256,
    HS_EVENT_RING_BYTES = 64 + HS_EVENT_RING_SLOTS * 256,
    HS_EVENT_RING_BODY_BYTES = HS_PROCESSES_MAX * HS_EVENT_RING_BYTES,
    HS_EVENT_ABOUT_BYTES = 64,
    HS_EVENT_TEXT_BYTES = 160
};

struct hs_event_ring_shm {
    struct hs_recent_shm      recent;
    struct hs_recent_slot_shm slots[HS_EVENT_RING_SLOTS];
};

struct hs_event_record {
    uint64_t at_ns; /* monotonic */
    uint64_t kind;
    uint64_t number;
    char     about[HS_EVENT_ABOUT_BYTES];
    char     text[HS_EVENT_TEXT_BYTES];
};

struct hs_event_ring_shm *hs_event_ring_at(void *body, unsigned process_idx);
void hs_event_ring_write(struct hs_event_ring_shm *ring, const struct hs_event_record *record);
/* 1 and the next event (texts terminated), 0: nothing new; cursor->lost_count tells what was
 * missed. */
int hs_event_ring_next(const struct hs_event_ring_shm *ring, struct hs_recent_cursor *cursor,
                       struct hs_event_record *record) HS_MUST_CHECK;

#endif
