// SPDX-License-Identifier: Apache-2.0
/* plan_load.h - from the operand and the flags to the plan that will be submitted. The decisions
 * are pure; plan_load_io.c reads files and prints what is wrong. */
#ifndef HS_CLIENT_PLAN_LOAD_H
#define HS_CLIENT_PLAN_LOAD_H

#include "roles/client/options.h"
#include "roles/plan/plan.h"
#include "roles/plan/quick.h"

struct hs_plan_load_result {
    struct hs_arena arena; /* the plan lives here */
    struct hs_plan *plan;
    struct hs_view  text; /* resolved: what is submitted */
    void           *arena_memory;
    void           *text_memory;
    void           *file_memory; /* the plan's file, the body's: read, and not looked at again */
    void           *body_memory;
};

/* A word that names no file is a URL when it looks like one. */
bool hs_operand_is_url(const char *operand, bool is_file);
/* The flags that change a plan; body is the text of --body (which may have come from a file), or
 * NULL. */
void hs_quick_flags_of(const struct hs_options *options, const char *body,
                       struct hs_quick_flags *flags);
/* --set NAME=VALUE as pairs, in the arena. -EINVAL with a sentence. */
int hs_plan_sets_of(const struct hs_options *options, struct hs_arena *arena,
                    struct hs_plan_pairs *sets, struct hs_err *err) HS_MUST_CHECK;
/* The text of --body, NULL without one; @FILE is a file's, in *memory (for free). 0, or an exit
 * code: what is wrong has been printed. */
int hs_plan_load_body(const struct hs_options *options, void **memory,
                      const char **body) HS_MUST_CHECK;

/* 0, or an exit code: what is wrong has been printed. For fini, whatever is returned. */
int  hs_plan_load_operand(struct hs_plan_load_result *result,
                          const struct hs_options    *options) HS_MUST_CHECK;
void hs_plan_load_fini(struct hs_plan_load_result *result);

/* What would run, for `check --schedule`; cut to what fits. */
void hs_plan_schedule_text(const struct hs_plan *plan, struct hs_writer *out);

#endif
