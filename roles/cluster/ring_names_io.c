// SPDX-License-Identifier: Apache-2.0
/* ring_names_io.c - questions and answers about names. */
#include "roles/cluster/ring_names_io.h"

#include "roles/resolver_answer.h"
#include "shm/base/assert.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <unistd.h>

#define AGAIN_NS   (300 * HS_NS_PER_S) /* a name that was found may move */
#define RETRY_NS   (15 * HS_NS_PER_S)
#define TIMEOUT_NS (20 * HS_NS_PER_S)

static void close_answer(struct hs_ring_name *name, uint64_t again_ns)
{
    int fd = name->answer.fd;

    name->is_asked = false;
    name->due_ns = hs_loop_now_ns(name->names->process->loop) + again_ns;
    if (fd < 0) return;
    hs_watch_close(&name->answer);
    (void)close(fd);
    name->answer.fd = -1;
}

static void fail(struct hs_ring_name *name, int code)
{
    close_answer(name, RETRY_NS);
    hs_log(HS_LOG_WARN, "ring", "seed not found name=%s reason=\"%s\"", name->host.name,
           hs_err_code_text(code));
}

static void on_readable(struct hs_watch *watch)
{
    struct hs_ring_name      *name = HS_CONTAINER_OF(watch, struct hs_ring_name, answer);
    struct hs_resolver_answer answer;

    if (!hs_role_take_addresses(watch->fd, &answer)) return;
    if (answer.code) {
        fail(name, answer.code);
        return;
    }
    close_answer(name, AGAIN_NS);
    for (uint32_t i = 0; i < answer.count; i++) {
        answer.addrs[i].port = name->host.addr.port;
        name->names->on_address(name->names->owner, &answer.addrs[i]);
    }
}

static struct hs_ring_name *name_of(struct hs_ring_names *names, uint64_t token)
{
    uint64_t idx = token & ~HS_RING_TOKEN;

    return idx < names->count && names->at[idx].is_asked ? &names->at[idx] : NULL;
}

void hs_ring_names_resolver(struct hs_ring_names *names, uint64_t token, int fd)
{
    struct hs_ring_name *name = name_of(names, token);

    if (!name || name->answer.fd >= 0) {
        (void)close(fd);
        return;
    }
    name->answer = (struct hs_watch){.on_readable = on_readable};
    if (hs_watch_open(names->process->loop, &name->answer, fd) == 0) return;
    (void)close(fd);
    name->answer.fd = -1;
    fail(name, -ENOBUFS);
}

void hs_ring_names_no_resolver(struct hs_ring_names *names, uint64_t token, int code)
{
    struct hs_ring_name *name = name_of(names, token);

    if (name) fail(name, code);
}

void hs_ring_names_open(struct hs_ring_names *names, struct hs_role_process *process,
                        const struct hs_config_hosts *hosts)
{
    names->process = process;
    for (unsigned i = 0; i < hosts->count && i < HS_CONFIG_HOSTS_MAX; i++) {
        struct hs_ring_name *name = &names->at[names->count];

        if (hs_config_parse_host(hs_view_text(hosts->at[i]), &name->host)) continue;
        if (name->host.addr.family != HS_ADDR_NONE) continue;
        name->names = names;
        name->answer.fd = -1;
        names->count++;
    }
}

uint64_t hs_ring_names_turn(struct hs_ring_names *names, uint64_t now_ns)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < names->count; i++) {
        struct hs_ring_name *name = &names->at[i];

        if (now_ns >= name->due_ns && name->is_asked) {
            fail(name, -ETIMEDOUT);
        } else if (now_ns >= name->due_ns) {
            int rc = hs_role_ask_resolver(names->process, name->host.name, HS_RING_TOKEN | i);

            name->is_asked = true;
            name->due_ns = now_ns + TIMEOUT_NS;
            if (rc) fail(name, rc);
        }
        next_ns = hs_min_u64(next_ns, name->due_ns);
    }
    return next_ns;
}
