// SPDX-License-Identifier: Apache-2.0
/* admission.h - how many messages a role has under way at a time, by class: what must be refused
 * when it is full, and in which order. A slot is taken when a frame comes and given back, exactly
 * once, when its answer is decided: at once, or when the log has it. Control messages have places
 * of their own, so no other class can take theirs. Pure. (control 1.2)
 *
 *   TELEMETRY while less than 0.60 of the places are taken, DATA 0.85, DISPATCH all; the same of
 *   the bytes that wait to be sent. RESULT always. */
#ifndef HS_GUARD_ADMISSION_H
#define HS_GUARD_ADMISSION_H

#include "roles/node_tables.h"
#include "roles/traffic.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HS_ADMISSION_MESSAGES_MAX = 5000,
    HS_ADMISSION_CONTROL_MAX = 256,
    HS_ADMISSION_CONTROL_OF_SOURCE_MAX = 16,
    HS_ADMISSION_SOURCES_MAX = 4096, /* peers and clients, by number */
    HS_ADMISSION_RESULTS_MAX = 1024, /* whoever sends them keeps a few open at a time */
    HS_ADMISSION_SLOTS =
        HS_ADMISSION_MESSAGES_MAX + HS_ADMISSION_CONTROL_MAX + HS_ADMISSION_RESULTS_MAX
};

typedef uint64_t hs_slot; /* generation and place; 0: none */

struct hs_admission_place {
    uint32_t generation;
    uint32_t next_free_1;
    uint16_t source;
    uint8_t  traffic; /* NONE: free */
};

struct hs_admission {
    uint32_t                  messages_max;
    uint64_t                  bytes_max;
    uint64_t                  bytes; /* that wait to be sent, as the role told last */
    enum hs_node_load         floor; /* of the process (guard/overload.h), likewise */
    uint32_t                  high;  /* places from here on were never used */
    uint32_t                  free_1;
    uint32_t                  taken[HS_TRAFFIC_COUNT];
    uint64_t                  refused[HS_TRAFFIC_COUNT];
    uint64_t                  warned_at_ns;
    uint8_t                   control_of[HS_ADMISSION_SOURCES_MAX];
    struct hs_admission_place places[HS_ADMISSION_SLOTS];
};

/* admission is zeroed. */
void hs_admission_init(struct hs_admission *admission, uint32_t messages_max, uint64_t bytes_max);
/* false: refuse it, now. */
bool hs_admission_take(struct hs_admission *admission, enum hs_traffic traffic, unsigned source,
                       hs_slot *slot);
/* slot is zeroed; of a zero one nothing is given. */
void hs_admission_give(struct hs_admission *admission, hs_slot *slot);
/* The floor, or how full it is, by messages or by bytes: BUSY from 0.70, DEGRADED 0.85, OVERLOADED
 * 0.95. */
enum hs_node_load hs_admission_load(const struct hs_admission *admission);
/* Is it nearly full? Once a minute at most. */
bool hs_admission_warns(struct hs_admission *admission, uint64_t now_ns);
/* Messages under way that are no control and no results. */
uint32_t hs_admission_under_way(const struct hs_admission *admission);

#endif
