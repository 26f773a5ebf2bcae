// SPDX-License-Identifier: Apache-2.0
/* targets.c - joins URLs to their base and lists the hosts. */
#include "roles/plan/targets.h"

#include "roles/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int join_base(const struct hs_plan *plan, struct hs_plan_where *where, bool *is_base,
                     const char **why)
{
    struct hs_url base;
    int           rc;

    if (!plan->defaults.base_url) {
        *why = "is no http:// URL, and the plan has no base_url to join it to";
        return -EINVAL;
    }
    *is_base = true;
    rc = hs_url_parse(hs_view_text(plan->defaults.base_url), &base, why);
    if (rc) return rc;
    if (!base.has_scheme || memchr(base.path.data, '?', base.path.bytes)) {
        *why = "is no http://host[:port]/path without a query";
        return -EINVAL;
    }
    *is_base = false;
    where->url = base;
    where->base_path = base.path;
    while (where->base_path.bytes && where->base_path.data[where->base_path.bytes - 1] == '/')
        where->base_path.bytes--;
    return 0;
}

int hs_plan_step_where(const struct hs_plan *plan, const struct hs_plan_step *step,
                       struct hs_plan_where *where, bool *is_base, const char **why)
{
    int rc;

    *is_base = false;
    *where = (struct hs_plan_where){.base_path = hs_view_of("", 0)};
    rc = hs_url_parse(hs_view_text(step->url), &where->url, why);
    if (rc) return rc;
    where->path = where->url.path;
    if (!where->url.has_scheme) rc = join_base(plan, where, is_base, why);
    if (rc) return rc;
    where->needs_slash = where->path.bytes == 0 || where->path.data[0] != '/';
    if (where->base_path.bytes && (where->path.bytes == 0 || where->path.data[0] == '?'))
        where->needs_slash = false; /* "/api" and "?q=1" are "/api?q=1" */
    return 0;
}

int hs_plan_target_find(const struct hs_plan_targets *targets, const char *host, uint16_t port)
{
    for (uint32_t i = 0; i < targets->count; i++)
        if (targets->at[i].port == port && strcmp(targets->at[i].host, host) == 0) return (int)i;
    return -ENOENT;
}

int hs_plan_targets(const struct hs_plan *plan, const struct hs_plan_workflow *workflow,
                    struct hs_plan_targets *targets, struct hs_err *err)
{
    targets->count = 0;
    for (uint32_t i = 0; i < workflow->steps.count; i++) {
        struct hs_plan_where   where;
        struct hs_plan_target *target;
        const char            *why = "";
        bool                   is_base;

        if (hs_plan_step_where(plan, &workflow->steps.at[i], &where, &is_base, &why) != 0)
            return hs_err_set(err, -EINVAL, "url %s", why);
        if (hs_plan_target_find(targets, where.url.host, where.url.port) >= 0) continue;
        if (targets->count == HS_TARGETS_MAX)
            return hs_err_set(err, -ENOBUFS, "more than %d hosts and ports", HS_TARGETS_MAX);
        target = &targets->at[targets->count++];
        (void)snprintf(target->host, sizeof target->host, "%s", where.url.host);
        target->port = where.url.port;
        target->is_ipv6 = where.url.is_ipv6;
    }
    return 0;
}

static bool is_allowed(const char *host, const struct hs_config_hosts *allowed)
{
    for (uint32_t i = 0; i < allowed->count; i++)
        if (hs_url_host_matches(host, allowed->at[i])) return true;
    return allowed->count == 0;
}

const struct hs_plan_target *hs_plan_target_refused(const struct hs_plan_targets *targets,
                                                    const struct hs_config_hosts *allowed)
{
    for (uint32_t i = 0; allowed && i < targets->count; i++)
        if (!is_allowed(targets->at[i].host, allowed)) return &targets->at[i];
    return NULL;
}
