// SPDX-License-Identifier: Apache-2.0
/* assign.c - dividing cores and load so that the parts add up. */
#include "roles/manager/assign.h"

#include "roles/plan/schedule.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <stdlib.h>
#include <string.h>

void hs_assign_load_of(struct hs_assign_load *load, const struct hs_plan *plan,
                       const struct hs_plan_workflow *workflow)
{
    const struct hs_plan_load *from = &workflow->load;

    *load = (struct hs_assign_load){
        .is_open = from->kind == HS_PLAN_LOAD_OPEN,
        .vus = from->vus,
        .iterations = from->iterations,
        .max_in_flight = hs_plan_max_in_flight(plan, workflow),
        .duration_ns = hs_plan_workflow_duration_ns(plan, workflow),
        .warmup_ns = workflow->warmup_ns,
        .for_ns = from->for_ns,
        .step_count = workflow->steps.count,
    };
    if (from->kind == HS_PLAN_LOAD_ONCE) {
        load->vus = 1;
        load->iterations = 1;
    }
    if (load->is_open)
        load->vus = 0;
    else
        load->max_in_flight = 0;
    if (load->duration_ns == HS_NEVER_NS) load->for_ns = 0;
    load->cores_max = UINT32_MAX;
    if (!load->is_open) load->cores_max = hs_max_u64(load->vus, 1);
    if (load->iterations) load->cores_max = hs_min_u64(load->cores_max, load->iterations);
    if (load->max_in_flight) load->cores_max = hs_min_u64(load->cores_max, load->max_in_flight);
}

void hs_assign_cut(struct hs_assign_load *load, unsigned idx, unsigned count)
{
    if (count <= 1) return;
    HS_ASSERT(idx < count);
    if (load->vus) load->vus = hs_max_u64(hs_schedule_share(load->vus, idx, count), 1);
    if (load->iterations)
        load->iterations = hs_max_u64(hs_schedule_share(load->iterations, idx, count), 1);
    if (load->max_in_flight)
        load->max_in_flight = hs_max_u64(hs_schedule_share(load->max_in_flight, idx, count), 1);
    if (load->vus) load->cores_max = hs_min_u64(load->cores_max, load->vus);
    if (load->iterations) load->cores_max = hs_min_u64(load->cores_max, load->iterations);
    if (load->max_in_flight) load->cores_max = hs_min_u64(load->cores_max, load->max_in_flight);
}

void hs_assign_cores(const uint64_t *cores_max, unsigned count, uint32_t free_cores,
                     uint32_t *cores)
{
    uint32_t left = free_cores;
    unsigned served = count < free_cores ? count : free_cores;

    for (unsigned i = 0; i < count; i++) cores[i] = 0;
    for (unsigned i = 0; i < served; i++) {
        uint32_t fair = free_cores / served + (i < free_cores % served);

        cores[i] = (uint32_t)hs_min_u64(fair, cores_max[i]);
        left -= cores[i];
    }
    for (unsigned i = 0; i < count && left; i++) {
        uint32_t more = (uint32_t)hs_min_u64(left, cores_max[i] - cores[i]);

        cores[i] += more;
        left -= more;
    }
}

static int by_preference(const void *left, const void *right)
{
    const struct hs_assign_worker *a = left;
    const struct hs_assign_worker *b = right;

    if (a->bucket != b->bucket) return a->bucket < b->bucket ? -1 : 1;
    if (a->free_cores != b->free_cores) return a->free_cores > b->free_cores ? -1 : 1;
    return memcmp(a->id, b->id, sizeof a->id);
}

unsigned hs_assign_pick(struct hs_assign_worker *workers, unsigned count, uint32_t cores,
                        struct hs_assign_pick picks[HS_SHARDS_MAX])
{
    unsigned picked = 0;
    uint32_t left = cores;

    qsort(workers, count, sizeof *workers, by_preference);
    for (unsigned i = 0; i < count && left && picked < HS_SHARDS_MAX; i++) {
        uint32_t taken = workers[i].free_cores < left ? workers[i].free_cores : left;

        if (!taken || workers[i].is_avoided) continue;
        picks[picked++] = (struct hs_assign_pick){.idx = workers[i].idx, .cores = taken};
        left -= taken;
    }
    if (left || !cores) return 0;
    for (unsigned i = 0, k = 0; k < picked; i++) {
        HS_ASSERT(i < count);
        if (workers[i].idx != picks[k].idx) continue;
        workers[i].free_cores -= picks[k++].cores;
    }
    return picked;
}

/* Part idx of a total, split in proportion to cores, and what lies before it. */
static uint64_t split(uint64_t total, const uint32_t *cores, unsigned count, unsigned idx,
                      uint64_t *first)
{
    uint64_t parts[HS_SHARDS_MAX];

    *first = 0;
    if (!total) return 0;
    hs_schedule_split(total, cores, count, parts);
    for (unsigned i = 0; i < idx; i++) *first += parts[i];
    return parts[idx];
}

void hs_assign_share_of(const struct hs_assign_load *load, const uint32_t *cores, unsigned count,
                        unsigned idx, struct hs_assign_share *share)
{
    uint64_t unused;

    HS_ASSERT(idx < count);
    HS_ASSERT(count <= HS_SHARDS_MAX);
    *share = (struct hs_assign_share){.vus_total = load->vus, .iterations_total = load->iterations};
    share->vus = split(load->vus, cores, count, idx, &share->vus_first);
    share->iterations = split(load->iterations, cores, count, idx, &share->iterations_first);
    share->connections = split(load->max_in_flight, cores, count, idx, &unused);
    for (unsigned i = 0; i < count; i++) {
        if (i < idx) share->share_first += cores[i];
        share->share_total += cores[i];
    }
    share->share = cores[idx];
}
