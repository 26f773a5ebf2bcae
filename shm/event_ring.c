// SPDX-License-Identifier: Apache-2.0
/* event_ring.c - events as records of a recent ring. */
#include "shm/event_ring.h"

#include "shm/base/assert.h"

#include <string.h>

enum { ABOUT_AT = 3, TEXT_AT = ABOUT_AT + HS_EVENT_ABOUT_BYTES / (int)HS_WORD_BYTES };

HS_STATIC_ASSERT(TEXT_AT + HS_EVENT_TEXT_BYTES / HS_WORD_BYTES <= HS_RECENT_WORDS, "an event fits");
HS_STATIC_ASSERT(sizeof(struct hs_event_ring_shm) == HS_EVENT_RING_BYTES, "rings lie end to end");

struct hs_event_ring_shm *hs_event_ring_at(void *body, unsigned process_idx)
{
    HS_ASSERT(process_idx < HS_PROCESSES_MAX);
    return (struct hs_event_ring_shm *)body + process_idx;
}

void hs_event_ring_write(struct hs_event_ring_shm *ring, const struct hs_event_record *record)
{
    uint64_t words[HS_RECENT_WORDS] = {record->at_ns, record->kind, record->number};

    memcpy(&words[ABOUT_AT], record->about, strnlen(record->about, HS_EVENT_ABOUT_BYTES - 1));
    memcpy(&words[TEXT_AT], record->text, strnlen(record->text, HS_EVENT_TEXT_BYTES - 1));
    hs_recent_write(&ring->recent, HS_EVENT_RING_SLOTS, words);
}

int hs_event_ring_next(const struct hs_event_ring_shm *ring, struct hs_recent_cursor *cursor,
                       struct hs_event_record *record)
{
    uint64_t words[HS_RECENT_WORDS];
    int      rc = hs_recent_next(&ring->recent, HS_EVENT_RING_SLOTS, cursor, words);

    if (rc <= 0) return rc;
    record->at_ns = words[0];
    record->kind = words[1];
    record->number = words[2];
    memcpy(record->about, &words[ABOUT_AT], sizeof record->about);
    memcpy(record->text, &words[TEXT_AT], sizeof record->text);
    record->about[sizeof record->about - 1] = '\0';
    record->text[sizeof record->text - 1] = '\0';
    return 1;
}
