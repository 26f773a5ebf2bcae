// SPDX-License-Identifier: Apache-2.0
/* targets.h - where the requests of a plan go: the URL of a step, and the distinct hosts that must
 * be resolved before the load starts. Pure: resolving happens elsewhere. */
#ifndef HS_PLAN_TARGETS_H
#define HS_PLAN_TARGETS_H

#include "roles/plan/plan.h"
#include "roles/plan/url.h"

struct hs_config_hosts;

/* The URL of a step: host and port of url, then base_path, then path. */
struct hs_plan_where {
    struct hs_url  url;
    struct hs_view base_path; /* of base_url, without a slash at its end; no template */
    struct hs_view path; /* a template; starts with '/' or '?' or is empty, unless needs_slash */
    bool           needs_slash;
};

/* -EINVAL, and *why is a sentence. is_base tells whether base_url is at fault. */
int hs_plan_step_where(const struct hs_plan *plan, const struct hs_plan_step *step,
                       struct hs_plan_where *where, bool *is_base, const char **why) HS_MUST_CHECK;

struct hs_plan_target {
    char     host[HS_URL_HOST_BYTES];
    uint16_t port;
    bool     is_ipv6; /* host is a literal */
};

/* The distinct host:port of a workflow, in the order of its steps: what a resolver has to look
 * up. */
struct hs_plan_targets {
    uint32_t              count;
    struct hs_plan_target at[HS_TARGETS_MAX];
};

/* -ENOBUFS: more than HS_TARGETS_MAX. */
int hs_plan_targets(const struct hs_plan *plan, const struct hs_plan_workflow *workflow,
                    struct hs_plan_targets *targets, struct hs_err *err) HS_MUST_CHECK;

/* The first of them that no pattern matches; NULL: there is none. NULL or no patterns: any host is
 * allowed. Only the spelling is compared: an address in another spelling is not the listed one. */
const struct hs_plan_target *hs_plan_target_refused(const struct hs_plan_targets *targets,
                                                    const struct hs_config_hosts *allowed);

/* The index of a host and port in the list, or -ENOENT. */
int hs_plan_target_find(const struct hs_plan_targets *targets, const char *host,
                        uint16_t port) HS_MUST_CHECK;

#endif
