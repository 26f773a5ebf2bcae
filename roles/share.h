// SPDX-License-Identifier: Apache-2.0
/* share.h - of what kind, version and size each segment of the heritage is, so that the supervisor
 * who makes it and the role that maps it say the same. Pure. What lies inside is for the headers
 * named here. */
#ifndef HS_ROLES_SHARE_H
#define HS_ROLES_SHARE_H

#include "roles/role.h"
#include "shm/ring.h"
#include "shm/segment.h"

enum {
    HS_DISPATCH_TIMES_SLOTS = 1024,  /* a shm/recent.h ring */
    HS_LATENCY_SAMPLES_SLOTS = 1024, /* of each of two such rings: the gate's, then the manager's */
    HS_EXECS_BODY_BYTES = 64 << 20   /* room for the unsent results of HS_EXECS_PER_WORKER_MAX
                                        execs; only touched pages cost memory */
};

/* The descriptors of struct hs_engine_share that are segments. */
enum hs_engine_segment {
    HS_ENGINE_COMMANDS, /* ring of struct hs_engine_command (engine_link.h) */
    HS_ENGINE_EVENTS,   /* ring of struct hs_engine_event */
    HS_ENGINE_FIGURES,  /* struct hs_figures_shm (stats/figures.h) */
    HS_ENGINE_SEGMENT_COUNT
};

extern const struct hs_ring_shape hs_engine_ring_shape; /* of commands and of events */

/* generation and prefault are left 0. */
void        hs_share_spec(enum hs_share share, struct hs_segment_spec *spec);
void        hs_engine_segment_spec(enum hs_engine_segment which, struct hs_segment_spec *spec);
const char *hs_share_name(enum hs_share share); /* "vitals" */
const char *hs_engine_segment_name(enum hs_engine_segment which);

/* Sets up what cannot stay zero (registries, rings). Once, by the supervisor, on fresh memory. */
void hs_share_init(enum hs_share share, void *body);
void hs_engine_segment_init(enum hs_engine_segment which, void *body);

/* Where a gate or a manager keeps its latency samples in that segment. */
void       *hs_latency_samples_ring(void *body, enum hs_role_kind writer);
const void *hs_latency_samples_view(const void *body, enum hs_role_kind writer); /* to read it */

#endif
