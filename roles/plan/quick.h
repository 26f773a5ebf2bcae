// SPDX-License-Identifier: Apache-2.0
/* quick.h - the plan behind `hyperscale run URL -c 100 -d 10s`: flags in, plan out, exactly what
 * --plan prints. Also puts the same flags onto a plan with one workflow. Pure. */
#ifndef HS_PLAN_QUICK_H
#define HS_PLAN_QUICK_H

#include "roles/plan/plan.h"

/* As typed; NULL or 0: not given. */
struct hs_quick_flags {
    const char        *connections; /* -c, "100" */
    const char        *duration;    /* -d, "10s" */
    const char        *requests;    /* -n, "1000" */
    const char        *rate;        /* -R, "500/s"; a bare number is per second, as wrk2 has it */
    const char        *max_in_flight;
    const char        *method; /* -m */
    const char        *body;   /* -b, the bytes */
    const char        *timeout;
    const char        *connect_timeout;
    const char        *warmup;
    const char        *drain;
    const char        *seed;
    const char *const *headers; /* -H, "name: value" */
    uint32_t           header_count;
};

/* A plan of one workflow "run" with one step "request": 50 connections for 10 s unless the flags
 * say otherwise; POST with a body. "http://" may be left out. NULL: err names the flag and what it
 * takes. */
struct hs_plan *hs_quick_plan(const char *url, const struct hs_quick_flags *flags,
                              struct hs_arena *arena, struct hs_err *err);

/* Flags over a plan that was read: -c -d -n -R --max-in-flight --warmup --drain need a plan with
 * one workflow, --timeout
 * --connect-timeout and --seed go with any, -m -H -b with none. -EINVAL names the flag. */
int hs_quick_apply(struct hs_plan *plan, const struct hs_quick_flags *flags,
                   struct hs_err *err) HS_MUST_CHECK;

#endif
