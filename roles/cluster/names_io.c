// SPDX-License-Identifier: Apache-2.0
/* names_io.c - questions and answers about names. */
#include "roles/cluster/names_io.h"

#include "roles/counters.h"
#include "roles/resolver_answer.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint64_t clock_of(const struct hs_names *names)
{
    return hs_loop_clock_ns(names->config.process->loop);
}

static void count(const struct hs_names *names, enum hs_count which, uint64_t add)
{
    if (add) hs_counter_add(names->config.process->counters, which, add);
}

static void close_answer(struct hs_names *names, unsigned idx)
{
    struct hs_watch *answer = &names->answers[idx].watch;
    int              fd = answer->fd;

    if (fd < 0) return;
    hs_watch_close(answer);
    (void)close(fd);
    answer->fd = -1;
}

static const char *reason_of(int code)
{
    if (code == -ENOENT) return "there is no such name";
    if (code == -ETIMEDOUT || code == -EAGAIN) return "the name server does not answer";
    return hs_err_code_text(code);
}

static void fail(struct hs_names *names, struct hs_discovery_name *name, int code)
{
    close_answer(names, (unsigned)(name - names->core.names));
    /* The same again is not worth a line: it is asked for ever. */
    if (!name->failures)
        hs_log(HS_LOG_WARN, names->config.module, "name not found name=%s reason=\"%s\"",
               name->host.name, reason_of(code));
    hs_discovery_failed(name, clock_of(names));
    count(names, HS_COUNT_lookups_failed, 1);
}

/* Those that can be dialled, to the front; how many. */
static unsigned sort_out(const struct hs_names *names, const struct hs_discovery_name *name,
                         struct hs_resolver_answer *answer)
{
    unsigned kept = 0;

    for (uint32_t i = 0; i < answer->count; i++) {
        struct hs_addr addr = answer->addrs[i];

        if (!name->host.is_srv) addr.port = name->host.addr.port;
        if (hs_config_is_reachable(&addr)) answer->addrs[kept++] = addr;
    }
    count(names, HS_COUNT_lookup_addresses_ignored, answer->count - kept);
    return kept;
}

static void take(struct hs_names *names, struct hs_discovery_name *name,
                 struct hs_resolver_answer *answer)
{
    unsigned idx = (unsigned)(name - names->core.names);
    unsigned kept = sort_out(names, name, answer);

    if (!kept) {
        fail(names, name, -ENOENT);
        return;
    }
    close_answer(names, idx);
    if (name->failures)
        hs_log(HS_LOG_INFO, names->config.module, "name found again name=%s", name->host.name);
    if (hs_discovery_answered(&names->core, name, clock_of(names), answer->ttl_s, answer->addrs,
                              kept))
        hs_log(HS_LOG_WARN, names->config.module,
               "name changes often name=%s: its addresses have changed six times within 300 s",
               name->host.name);
    names->config.on_addresses(names->config.owner, idx, answer->addrs, kept);
}

static void on_readable(struct hs_watch *watch)
{
    struct hs_names_answer   *asked = HS_CONTAINER_OF(watch, struct hs_names_answer, watch);
    struct hs_names          *names = asked->names;
    struct hs_discovery_name *name = &names->core.names[asked - names->answers];
    struct hs_resolver_answer answer;

    if (!hs_role_take_addresses(watch->fd, &answer)) return;
    if (answer.code)
        fail(names, name, answer.code);
    else
        take(names, name, &answer);
}

static struct hs_discovery_name *asked_of(struct hs_names *names, uint64_t token)
{
    uint64_t idx = token & ~names->config.token;

    return idx < names->core.count && names->core.names[idx].is_asked ? &names->core.names[idx]
                                                                      : NULL;
}

void hs_names_resolver(struct hs_names *names, uint64_t token, int fd)
{
    struct hs_discovery_name *name = asked_of(names, token);
    struct hs_watch *answer = name ? &names->answers[name - names->core.names].watch : NULL;

    if (!answer || answer->fd >= 0) {
        (void)close(fd);
        return;
    }
    *answer = (struct hs_watch){.on_readable = on_readable};
    if (hs_watch_open(names->config.process->loop, answer, fd) == 0) return;
    (void)close(fd);
    answer->fd = -1;
    fail(names, name, -ENOBUFS);
}

void hs_names_no_resolver(struct hs_names *names, uint64_t token, int code)
{
    struct hs_discovery_name *name = asked_of(names, token);

    if (name) fail(names, name, code);
}

void hs_names_open(struct hs_names *names, const struct hs_names_config *config)
{
    const struct hs_heritage *heritage = config->process->heritage;
    uint64_t                  seed = heritage->incarnation << 20 ^ heritage->generation;

    for (unsigned i = 0; i < sizeof seed; i++) seed ^= (uint64_t)heritage->node_id[i] << (8 * i);
    memset(names, 0, sizeof *names);
    names->config = *config;
    for (unsigned i = 0; i < HS_DISCOVERY_NAMES_MAX; i++) {
        names->answers[i].watch.fd = -1;
        names->answers[i].names = names;
    }
    hs_discovery_init(&names->core, config->hosts, seed, clock_of(names));
}

uint64_t hs_names_turn(struct hs_names *names, uint64_t now_ns)
{
    struct hs_discovery_name *name;

    while ((name = hs_discovery_overdue(&names->core, now_ns)) != NULL)
        fail(names, name, -ETIMEDOUT);
    while ((name = hs_discovery_next(&names->core, now_ns)) != NULL) {
        char     text[HS_CONFIG_HOST_BYTES + sizeof HS_RESOLVER_SEED];
        uint64_t token = names->config.token | (uint64_t)(name - names->core.names);
        int      rc;

        (void)snprintf(text, sizeof text, "%s%s",
                       name->host.is_srv ? HS_RESOLVER_SRV : HS_RESOLVER_SEED, name->host.name);
        count(names, HS_COUNT_lookups, 1);
        rc = hs_role_ask_resolver(names->config.process, text, token);
        if (rc) fail(names, name, rc);
    }
    return hs_discovery_deadline_ns(&names->core);
}
