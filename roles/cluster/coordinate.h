// SPDX-License-Identifier: Apache-2.0
/* coordinate.h - a place of each node in a space in which distance is round-trip time (Vivaldi, as
 * Dabek et al. 2004 with the height vector, and the adjustment and the filter of Ledlie 2007), and
 * an upper bound of the time to a node, also to one that was never measured. A bad or missing
 * coordinate never excludes anybody. Pure. */
#ifndef HS_CLUSTER_COORDINATE_H
#define HS_CLUSTER_COORDINATE_H

#include "shm/base/rand.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HS_COORDINATE_DIMENSIONS = 8,
    HS_COORDINATE_ADJUSTMENTS = 20, /* residuals of which the adjustment is the mean */
    HS_COORDINATE_FILTER = 3        /* samples of a peer of which the median counts */
};

/* What travels. Seconds. */
struct hs_coordinate {
    float    at[HS_COORDINATE_DIMENSIONS];
    float    height; /* of the link that all paths share */
    float    adjustment;
    float    error; /* relative: 1.5 knows nothing */
    uint32_t samples;
};

/* Finite, within 10 s, height and error in their ranges. */
bool hs_coordinate_is_valid(const struct hs_coordinate *coordinate);

/* Our own. */
struct hs_coordinates {
    struct hs_coordinate own;
    float                residuals[HS_COORDINATE_ADJUSTMENTS];
    uint32_t             residual_count;
    uint32_t             residual_next_idx;
    struct hs_rand       rand;
    uint64_t             rejected_count; /* samples that are no round trips */
    uint64_t             invalid_count;  /* coordinates of peers */
    uint64_t             reset_count;
};

/* What is kept of a peer. All zeros: nothing. */
struct hs_coordinate_peer {
    struct hs_coordinate last;
    uint64_t             received_at_ns; /* 0: never */
    uint64_t             sampled_at_ns[HS_COORDINATE_FILTER];
    float                filter[HS_COORDINATE_FILTER];
    uint32_t             sample_count;
    float                srtt; /* seconds */
    float                rttvar;
};

void hs_coordinates_init(struct hs_coordinates *coordinates, uint64_t seed);
/* A coordinate that the peer sent. false: not valid, and nothing was kept. */
bool hs_coordinates_hear(struct hs_coordinates *coordinates, struct hs_coordinate_peer *peer,
                         const struct hs_coordinate *heard, uint64_t now_ns);
/* An answer to a question that was sent once: the only kind of which the time is known. */
void hs_coordinates_sample(struct hs_coordinates *coordinates, struct hs_coordinate_peer *peer,
                           uint64_t round_trip_ns, uint64_t now_ns);

/* At most so long, most of the time: from measurements if there are three of the last minute, else
 * from coordinates not older than 300 s, else 200 ms. peer may be NULL. */
uint64_t hs_coordinates_bound_ns(const struct hs_coordinates     *coordinates,
                                 const struct hs_coordinate_peer *peer, uint64_t now_ns);
/* The middle of it; 0: nothing is known. */
uint64_t hs_coordinates_estimate_ns(const struct hs_coordinates     *coordinates,
                                    const struct hs_coordinate_peer *peer, uint64_t now_ns);
/* From 0 (nothing) to 1. */
float hs_coordinates_quality(const struct hs_coordinates     *coordinates,
                             const struct hs_coordinate_peer *peer, uint64_t now_ns);

#endif
