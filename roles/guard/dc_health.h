// SPDX-License-Identifier: Apache-2.0
/* dc_health.h - how well a datacenter can take work: classified from what its managers tell, then
 * damped, so that what flickers moves no jobs. One definition for routing and for status. That all
 * its cores are in use makes a datacenter busy, never ill. Pure. (control 8.2) */
#ifndef HS_GUARD_DC_HEALTH_H
#define HS_GUARD_DC_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

/* From the best to the worst, but for the first; shown in shared memory: append only. */
enum hs_dc_state {
    HS_DC_INITIALIZING, /* just begun: it has no manager that is ready, or no worker yet */
    HS_DC_HEALTHY,
    HS_DC_BUSY,      /* takes work, which waits */
    HS_DC_DEGRADED,  /* takes work when no other does: half of it is gone, or it is late */
    HS_DC_UNHEALTHY, /* takes none */
    HS_DC_STATE_COUNT
};

struct hs_dc_facts {
    uint32_t managers;       /* known */
    uint32_t managers_alive; /* heard of within HS_DC_ALIVE_NS */
    uint32_t managers_ready; /* of those: they lead, or follow one that does */
    uint32_t managers_overloaded;
    uint32_t workers; /* known */
    uint32_t workers_alive;
    uint32_t workers_overloaded;
    uint32_t cores_free;
    bool     is_leader_overloaded;
    uint64_t heard_ns; /* how long ago, the newest heartbeat of all its managers */
    uint64_t age_ns;   /* since it was first heard of; HS_NEVER_NS once it has been classified */
};

#define HS_DC_ALIVE_NS UINT64_C(30000000000)
#define HS_DC_STALE_NS UINT64_C(15000000000)

/* All but the cores that a job needs. */
enum hs_dc_state hs_dc_classify(const struct hs_dc_facts *facts);
/* The state for a job that needs so many cores at once: that is never damped. */
enum hs_dc_state hs_dc_for_job(enum hs_dc_state shown, uint32_t cores_free, uint32_t cores_needed);

enum { HS_DC_CHANGES = 3 };

struct hs_dc_health {
    uint8_t  shown; /* enum hs_dc_state */
    uint8_t  raw;
    uint8_t  worst; /* while it flaps: held at this */
    bool     is_flapping;
    bool     is_worsening;                 /* the newest change was for the worse */
    uint64_t raw_at_ns;                    /* since then it is classified so */
    uint64_t better_at_ns;                 /* since then, better than it is shown; 0: it is not */
    uint64_t changed_at_ns[HS_DC_CHANGES]; /* of shown, the newest first */
    uint8_t  states[HS_DC_CHANGES];        /* that those changed to */
};

/* Worse at once, but for UNHEALTHY, which must last 5 s; better after 10 s, from UNHEALTHY 30 s;
 * three changes there and back within 120 s, and the worst of them stays until nothing has changed
 * for 300 s.
 * Returns shown. health begins zeroed. */
enum hs_dc_state hs_dc_take(struct hs_dc_health *health, enum hs_dc_state raw, uint64_t now_ns);

const char *hs_dc_state_name(unsigned state); /* "HEALTHY"; "?" if unknown */

#endif
