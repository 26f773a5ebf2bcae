// SPDX-License-Identifier: Apache-2.0
/* plan.h - a test plan as the program knows it, and the way from text to it and back. The
 * submitting machine reads what the user wrote (variables and environment are put in), changes it
 * by flags, writes it out resolved, and that text is submitted; gate, manager and worker read it
 * again, without an environment. Everything lives in the caller's arena. */
#ifndef HS_PLAN_PLAN_H
#define HS_PLAN_PLAN_H

#include "roles/plan/image.h"
#include "roles/problems.h"
#include "shm/base/arena.h"

#define HS_PLAN_UNSET UINT64_MAX /* a duration that was not given: the outer level's holds */

enum {
    HS_PLAN_ARENA_BYTES = 48 << 20
}; /* enough for any plan of 4 MiB; untouched pages cost nothing */

struct hs_plan_pair {
    const char *name;
    const char *value; /* a template, where templates are allowed */
};

struct hs_plan_pairs {
    uint32_t             count;
    struct hs_plan_pair *at;
};

struct hs_plan_texts {
    uint32_t     count;
    const char **at;
};

enum hs_plan_body_kind {
    HS_PLAN_BODY_NONE,
    HS_PLAN_BODY_TEXT,
    HS_PLAN_BODY_JSON, /* text is compact JSON */
    HS_PLAN_BODY_FORM, /* form */
    HS_PLAN_BODY_RANDOM,
    HS_PLAN_BODY_BASE64 /* text is the encoded form */
};

struct hs_plan_body {
    uint32_t             kind; /* enum hs_plan_body_kind */
    const char          *text;
    struct hs_plan_pairs form;
    uint64_t             random_bytes;
};

enum hs_plan_check_kind {
    HS_PLAN_CHECK_STATUS = 100
}; /* beside those of enum hs_image_check_kind */
enum { HS_PLAN_STATUSES_MAX = 16 };

struct hs_plan_check {
    uint32_t    kind;
    uint32_t    status_count;
    uint16_t    status_low[HS_PLAN_STATUSES_MAX]; /* ranges, both ends included */
    uint16_t    status_high[HS_PLAN_STATUSES_MAX];
    const char *name;
    const char *text;
    uint64_t    low;
    uint64_t    high;
};

struct hs_plan_checks {
    uint32_t              count;
    struct hs_plan_check *at;
};

struct hs_plan_step {
    const char           *name; /* NULL: none given, see hs_plan_step_label */
    const char           *name_by;
    const char           *method;
    const char           *url;
    struct hs_plan_pairs  query;
    struct hs_plan_pairs  headers;
    struct hs_plan_body   body;
    struct hs_plan_checks checks;
    uint64_t              timeout_ns; /* HS_PLAN_UNSET: inherited */
    uint64_t              think_ns;
};

enum hs_plan_load_kind { HS_PLAN_LOAD_ONCE, HS_PLAN_LOAD_CLOSED, HS_PLAN_LOAD_OPEN };
enum hs_plan_arrival { HS_PLAN_ARRIVAL_UNIFORM = 1 };

/* Totals of the run. */
struct hs_plan_load {
    uint32_t       kind;
    uint32_t       on_saturation; /* enum hs_load_saturation */
    uint32_t       arrival;       /* enum hs_plan_arrival */
    uint32_t       reserved;
    uint64_t       vus;
    uint64_t       iterations; /* 0: none of the three was given */
    uint64_t       iterations_per_vu;
    uint64_t       for_ns;
    struct hs_rate rate;
    uint64_t       max_in_flight; /* 0: not given */
};

struct hs_plan_steps {
    uint32_t             count;
    struct hs_plan_step *at;
};

struct hs_plan_workflow {
    const char          *name;
    struct hs_plan_texts depends_on;
    uint16_t            *depends_on_idx; /* as many as depends_on, filled by the check */
    struct hs_plan_load  load;
    struct hs_plan_steps steps;
    uint64_t             warmup_ns;
    uint64_t             drain_ns; /* HS_PLAN_UNSET: the longest request timeout */
    uint64_t             think_ns;
    struct hs_plan_pairs headers;
    uint32_t             on_error; /* enum hs_load_on_error */
};

struct hs_plan_workflows {
    uint32_t                 count;
    struct hs_plan_workflow *at;
};

struct hs_plan_defaults {
    const char          *base_url;
    struct hs_plan_pairs headers;
    uint64_t             timeout_ns;
    uint64_t             connect_timeout_ns;
    uint64_t             think_ns;
};

struct hs_plan_limits {
    uint64_t             max_in_flight;
    uint64_t             max_duration_ns; /* 0: computed */
    struct hs_rate       max_rate;        /* count 0: none */
    struct hs_plan_texts allow_hosts;     /* none: any host */
};

struct hs_plan_datacenters {
    struct hs_plan_texts include; /* none: any */
    bool                 allow_fallback;
};

struct hs_plan {
    uint64_t                   version;
    const char                *name; /* never NULL */
    const char                *description;
    struct hs_plan_pairs       tags;
    uint64_t                   seed;
    struct hs_plan_pairs       vars; /* already put in everywhere; not written out again */
    struct hs_plan_defaults    defaults;
    struct hs_plan_workflows   workflows;
    struct hs_plan_limits      limits;
    struct hs_plan_datacenters datacenters;
};

/* NULL when there is no such variable. */
typedef const char *hs_plan_lookup_fn(void *context, const char *name);

/* What the submitting machine adds; zeroed on all others, where ${env:...} is an error. */
struct hs_plan_environment {
    hs_plan_lookup_fn   *lookup;
    void                *lookup_context;
    struct hs_plan_pairs sets;        /* --set name=value, over the plan's vars */
    uint64_t             descriptors; /* a warning says when a load needs more; 0: not known */
};

/* Reads and checks. NULL: problems has errors; warnings alone leave a plan. text is copied. */
struct hs_plan *hs_plan_read(struct hs_view text, const struct hs_plan_environment *environment,
                             struct hs_arena *arena, struct hs_problems *problems);

/* The same plan as text that hs_plan_read accepts anywhere. -EMSGSIZE when it does not fit. */
int hs_plan_write(const struct hs_plan *plan, struct hs_writer *out) HS_MUST_CHECK;

const char *hs_plan_step_label(const struct hs_plan_step *step);
uint64_t    hs_plan_step_timeout_ns(const struct hs_plan *plan, const struct hs_plan_step *step);
uint64_t hs_plan_step_think_ns(const struct hs_plan *plan, const struct hs_plan_workflow *workflow,
                               const struct hs_plan_step *step);
uint64_t hs_plan_drain_ns(const struct hs_plan *plan, const struct hs_plan_workflow *workflow);
/* Iterations of an open load at a time: as given, or 10,000, or what limits allow if that is
 * less. */
uint64_t hs_plan_max_in_flight(const struct hs_plan *plan, const struct hs_plan_workflow *workflow);
/* Warm-up, load and drain; HS_NEVER_NS when bounded by iterations only. */
uint64_t hs_plan_workflow_duration_ns(const struct hs_plan          *plan,
                                      const struct hs_plan_workflow *workflow);
/* limits.max_duration, or the longest path through the workflows + 30 s; HS_NEVER_NS if that has no
 * bound. */
uint64_t hs_plan_timeout_ns(const struct hs_plan *plan);
/* Its index, or -1. */
int hs_plan_find_workflow(const struct hs_plan *plan, const char *name) HS_MUST_CHECK;

#endif
