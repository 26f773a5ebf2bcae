// SPDX-License-Identifier: Apache-2.0
/* correlation.h - do datacenters fail together? Then it is rather the network, or this gate, and
 * moving everything away would make it worse. Takes what happens to each datacenter, evaluates once
 * a second, says when a partition begins and when it has healed, and which datacenters are held
 * back meanwhile: neither given up nor given new work. Looking changes nothing. Pure.
 * (membership.md 16)
 *
 *     HEALTHY --fails--> FAILING --5 s--> FAILED
 *        FAILING, FAILED --answers--> RECOVERING --30 s--> HEALTHY
 *        RECOVERING --fails--> FAILING; the third time in 120 s: FLAPPING --300 s quiet-->
 *        RECOVERING */
#ifndef HS_CLUSTER_CORRELATION_H
#define HS_CLUSTER_CORRELATION_H

#include "roles/cluster/identity.h"
#include "shm/base/limits.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HS_CORRELATION_DATACENTERS_MAX = HS_DATACENTERS_MAX, /* a bit of a word each */
    HS_CORRELATION_FAILINGS = 3,                         /* of which the third is flapping */
    HS_CORRELATION_SAMPLES = 64,                         /* of a minute */
    HS_CORRELATION_BASELINES = 60                        /* one of each 10 s, for 10 minutes */
};

enum hs_correlation_state {
    HS_CORRELATION_HEALTHY,
    HS_CORRELATION_FAILING,
    HS_CORRELATION_FAILED,
    HS_CORRELATION_RECOVERING,
    HS_CORRELATION_FLAPPING
};

enum hs_severity {
    HS_SEVERITY_NONE,
    HS_SEVERITY_LOW,
    HS_SEVERITY_MEDIUM, /* from here on datacenters are held */
    HS_SEVERITY_HIGH,
    HS_SEVERITY_COUNT
};
const char *hs_severity_name(unsigned severity); /* "MEDIUM"; "?" */

struct hs_correlation_sample {
    uint64_t at_ns; /* 0: none */
    uint64_t round_trip_ns;
};

struct hs_correlation_datacenter {
    bool                         is_known;
    bool                         is_down;   /* its last word was a failure */
    bool                         is_agreed; /* most gates have given it up: it is not held */
    bool                         is_held;
    enum hs_correlation_state    state;
    uint64_t                     entered_ns;
    uint64_t                     failed_ns;                            /* its last failure */
    uint64_t                     failings_ns[HS_CORRELATION_FAILINGS]; /* the newest first */
    uint8_t                      local_health;                         /* of who answers, 0 to 8 */
    uint32_t                     extended;    /* workers that asked for more time */
    uint64_t                     extended_ns; /* told then */
    uint32_t                     sample_idx;
    uint32_t                     baseline_idx;
    struct hs_correlation_sample samples[HS_CORRELATION_SAMPLES];
    struct hs_correlation_sample baselines[HS_CORRELATION_BASELINES];
    char                         region[HS_IDENTITY_LABEL_BYTES]; /* "": not known */
};

struct hs_correlation {
    uint64_t                         now_ns;
    uint64_t                         stepped_ns; /* 0: never */
    enum hs_severity                 severity;
    bool                             is_regional; /* one region fails, others do not: a real loss */
    bool                             is_latency;  /* these three: so many datacenters at once */
    bool                             is_extended;
    bool                             is_stressed;
    bool                             is_holding;
    bool                             is_in_partition; /* begun, and not healed */
    bool                             is_alerted;      /* held for very long */
    uint64_t                         fell_ns;         /* the severity, below MEDIUM */
    uint64_t                         held_ns;         /* since then without a break */
    uint64_t                         detected_ns;
    uint64_t                         told;    /* datacenters of this partition, a bit each */
    uint64_t                         dropped; /* figures that cannot be, counted */
    struct hs_correlation_datacenter datacenters[HS_CORRELATION_DATACENTERS_MAX];
};

/* What has to be told, once each. */
struct hs_correlation_out {
    bool             is_detected; /* begun, or grown */
    bool             is_healed;
    bool             is_long;     /* held for 300 s, and it goes on */
    uint64_t         datacenters; /* a bit each */
    uint64_t         lasted_ns;   /* of what has healed */
    enum hs_severity severity;
};

void hs_correlation_init(struct hs_correlation *correlation, uint64_t now_ns);
/* Until it is added, whatever is said of one is ignored. */
void hs_correlation_add(struct hs_correlation *correlation, uint32_t datacenter);
void hs_correlation_remove(struct hs_correlation *correlation, uint32_t datacenter);
void hs_correlation_set_region(struct hs_correlation *correlation, uint32_t datacenter,
                               const char *region);

void hs_correlation_fail(struct hs_correlation *correlation, uint64_t now_ns, uint32_t datacenter);
void hs_correlation_recover(struct hs_correlation *correlation, uint64_t now_ns,
                            uint32_t datacenter);
void hs_correlation_agree(struct hs_correlation *correlation, uint32_t datacenter, bool is_agreed);
void hs_correlation_round_trip(struct hs_correlation *correlation, uint64_t now_ns,
                               uint32_t datacenter, uint64_t round_trip_ns);
void hs_correlation_local_health(struct hs_correlation *correlation, uint32_t datacenter,
                                 uint8_t score);
void hs_correlation_extended(struct hs_correlation *correlation, uint64_t now_ns,
                             uint32_t datacenter, uint32_t workers);

/* The evaluation: at its deadline, and after fail and recover. */
void     hs_correlation_step(struct hs_correlation *correlation, uint64_t now_ns,
                             struct hs_correlation_out *out);
uint64_t hs_correlation_deadline_ns(const struct hs_correlation *correlation);

#endif
