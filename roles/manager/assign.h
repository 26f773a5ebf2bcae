// SPDX-License-Identifier: Apache-2.0
/* assign.h - how many cores a workflow gets, of which workers, and which part of the load each
 * shard does (jobs.md 7.6, 7.7). Pure arithmetic: the same inputs give the same split at every
 * leader. Reserves nothing: cores are taken when the assignment is applied. */
#ifndef HS_MANAGER_ASSIGN_H
#define HS_MANAGER_ASSIGN_H

#include "roles/plan/plan.h"

/* What a manager has to know of a workflow's load; made from the plan, again after every start. */
struct hs_assign_load {
    uint64_t vus;           /* closed: users; open: 0 */
    uint64_t iterations;    /* of the run; 0: not bounded by them */
    uint64_t max_in_flight; /* open; 0: no limit */
    uint64_t duration_ns;   /* warm-up, load and drain; HS_NEVER_NS: bounded by iterations */
    uint64_t warmup_ns;
    uint64_t for_ns;    /* measured time; 0: bounded by iterations */
    uint64_t cores_max; /* more would leave some without work */
    uint32_t step_count;
    bool     is_open;
};

void hs_assign_load_of(struct hs_assign_load *load, const struct hs_plan *plan,
                       const struct hs_plan_workflow *workflow);
/* This datacenter's part, datacenter idx of count. */
void hs_assign_cut(struct hs_assign_load *load, unsigned idx, unsigned count);

/* Cores for each of count ready workflows of one job when there are free_cores: equal parts, the
 * first ones get the rest, none more than its cores_max; what that leaves goes to those who can use
 * more. 0: it stays ready. */
void hs_assign_cores(const uint64_t *cores_max, unsigned count, uint32_t free_cores,
                     uint32_t *cores);

struct hs_assign_worker {
    uint32_t idx;    /* the caller's */
    uint32_t bucket; /* enum hs_node_load: healthy ones first */
    uint32_t free_cores;
    bool     is_avoided; /* not for what is being picked for */
    uint8_t  id[16];
};

struct hs_assign_pick {
    uint32_t idx; /* of the worker, the caller's */
    uint32_t cores;
};

/* Sorts the workers into the order in which they are filled, and takes cores from them: how many
 * picks; their cores add up to `cores`, or the answer is 0 (not enough, or more than HS_SHARDS_MAX
 * workers would be needed) and nothing is taken. Lowers free_cores. */
unsigned hs_assign_pick(struct hs_assign_worker *workers, unsigned count, uint32_t cores,
                        struct hs_assign_pick picks[HS_SHARDS_MAX]);

/* The part of shard idx when the shards have so many cores: virtual users, iterations, places of
 * the arrival sequence. */
struct hs_assign_share {
    uint64_t vus, vus_first, vus_total;
    uint64_t iterations, iterations_first, iterations_total;
    uint32_t share, share_first, share_total; /* in cores */
    uint64_t connections;
};

void hs_assign_share_of(const struct hs_assign_load *load, const uint32_t *cores, unsigned count,
                        unsigned idx, struct hs_assign_share *share);

#endif
