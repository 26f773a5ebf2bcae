// SPDX-License-Identifier: Apache-2.0
/* expand.h - puts the plan's variables and the environment into a text, where the plan is
 * submitted. What changes per request stays a hole for template.h. Pure: the environment is a
 * callback. */
#ifndef HS_PLAN_EXPAND_H
#define HS_PLAN_EXPAND_H

#include "roles/plan/plan.h"

enum { HS_PLAN_VARS_MAX = 256 };

struct hs_plan_var {
    const char *name;
    size_t      name_bytes; /* a plan may have a million holes and 256 names to compare with */
    const char *value;
    bool        is_set;  /* by --set */
    bool        is_used; /* or in the plan's vars */
};

struct hs_plan_vars {
    const struct hs_plan_environment *environment;
    struct hs_arena                  *arena;      /* for what filters make */
    uint32_t                          hints_left; /* the nearest word costs a walk over all */
    uint32_t                          count;
    struct hs_plan_var                at[HS_PLAN_VARS_MAX];
};

enum hs_expand_mode {
    HS_EXPAND_PLAIN,    /* "$${" becomes "${"; a hole that changes per request is an error */
    HS_EXPAND_TEMPLATE, /* what comes out is a template: "$${" stays, and values cannot make
                         * holes */
    HS_EXPAND_JSON      /* a template inside a JSON string */
};

struct hs_expand_fault {
    char        message[HS_PROBLEM_TEXT_BYTES];
    const char *hint; /* or NULL */
};

struct hs_plan_var *hs_plan_var_find(struct hs_plan_vars *vars, struct hs_view name);

/* Appends text with its variables. -EINVAL: fault says what is wrong (E-VAR); whether it fit is for
 * out to say. */
int hs_plan_expand(struct hs_plan_vars *vars, struct hs_view text, enum hs_expand_mode mode,
                   struct hs_writer *out, struct hs_expand_fault *fault) HS_MUST_CHECK;

#endif
