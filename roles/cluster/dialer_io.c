// SPDX-License-Identifier: Apache-2.0
/* dialer_io.c - from a peer whose moment has come to a connection at the role's door. */
#include "roles/cluster/dialer_io.h"

#include "roles/resolver_answer.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOKUP_TIMEOUT_NS (10 * HS_NS_PER_S)

static uint64_t clock_of(const struct hs_dialer_io *dialer)
{
    return hs_loop_clock_ns(dialer->process->loop);
}

static size_t place_of(const struct hs_dialer_io *dialer, const struct hs_dialer_peer *peer)
{
    return (size_t)(peer - dialer->core.peers);
}

static const char *name_of(const struct hs_dialer_peer *peer, char text[HS_CONFIG_HOST_BYTES])
{
    if (peer->host.name[0])
        (void)snprintf(text, HS_CONFIG_HOST_BYTES, "%s:%u", peer->host.name, peer->host.addr.port);
    else
        hs_addr_format(&peer->host.addr, text, HS_CONFIG_HOST_BYTES);
    return text;
}

/* The same reason again is not worth a line. */
static void tell(struct hs_dialer_io *dialer, const struct hs_dialer_peer *peer, const char *reason)
{
    char  text[HS_CONFIG_HOST_BYTES];
    char *told = dialer->told[place_of(dialer, peer)];

    if (strncmp(told, reason, HS_ERR_TEXT_BYTES - 1) == 0) return;
    (void)snprintf(told, HS_ERR_TEXT_BYTES, "%s", reason);
    hs_log(HS_LOG_WARN, "dialer", "not connected peer=%s role=%s reason=\"%s\"",
           name_of(peer, text), hs_identity_role_name(dialer->expected.role), reason);
}

static void fail(struct hs_dialer_io *dialer, uint64_t ticket, const char *reason)
{
    const struct hs_dialer_peer *peer = hs_dialer_find(&dialer->core, ticket);

    if (!peer) return;
    tell(dialer, peer, reason);
    hs_dialer_ended(&dialer->core, ticket, clock_of(dialer));
}

static void dial(struct hs_dialer_io *dialer, uint64_t ticket, const struct hs_addr *addr)
{
    int rc = hs_door_dial(dialer->door, addr, &dialer->expected, ticket);

    if (rc) fail(dialer, ticket, hs_err_code_text(rc));
}

/* ---- names ---- */

static struct hs_dialer_lookup *lookup_of(struct hs_dialer_io *dialer, uint64_t ticket)
{
    const struct hs_dialer_peer *peer = hs_dialer_find(&dialer->core, ticket);
    struct hs_dialer_lookup     *lookup;

    if (!peer) return NULL;
    lookup = &dialer->lookups[place_of(dialer, peer)];
    return lookup->ticket == ticket ? lookup : NULL;
}

static void close_lookup(struct hs_dialer_lookup *lookup)
{
    int fd = lookup->answer.fd;

    lookup->ticket = 0;
    if (fd < 0) return;
    hs_watch_close(&lookup->answer);
    (void)close(fd);
    lookup->answer.fd = -1;
}

static void end_lookup(struct hs_dialer_lookup *lookup, const char *reason)
{
    uint64_t ticket = lookup->ticket;

    close_lookup(lookup);
    fail(lookup->dialer, ticket, reason);
}

static const char *reason_of(int code)
{
    if (code == -ENOENT) return "there is no such name";
    return code == -EAGAIN ? "the name server does not answer" : hs_err_code_text(code);
}

static void on_resolved(struct hs_watch *watch)
{
    struct hs_dialer_lookup     *lookup = HS_CONTAINER_OF(watch, struct hs_dialer_lookup, answer);
    struct hs_dialer_io         *dialer = lookup->dialer;
    const struct hs_dialer_peer *peer = hs_dialer_find(&dialer->core, lookup->ticket);
    struct hs_resolver_answer    answer;
    struct hs_addr               addr;
    uint64_t                     ticket = lookup->ticket;

    if (!hs_role_take_addresses(watch->fd, &answer)) return;
    if (answer.code || !peer) {
        end_lookup(lookup, reason_of(answer.code));
        return;
    }
    /* Another of its addresses every time, lest a dead one hide a live one. */
    addr = answer.addrs[(peer->tries - 1) % answer.count];
    addr.port = peer->host.addr.port;
    close_lookup(lookup);
    dial(dialer, ticket, &addr);
}

void hs_dialer_io_resolver(struct hs_dialer_io *dialer, uint64_t token, int fd)
{
    struct hs_dialer_lookup *lookup = lookup_of(dialer, token & ~HS_DIALER_TOKEN);

    if (!lookup || lookup->answer.fd >= 0) {
        (void)close(fd);
        return;
    }
    lookup->answer = (struct hs_watch){.on_readable = on_resolved};
    if (hs_watch_open(dialer->process->loop, &lookup->answer, fd) == 0) return;
    (void)close(fd);
    lookup->answer.fd = -1;
    end_lookup(lookup, "no room to look names up");
}

void hs_dialer_io_no_resolver(struct hs_dialer_io *dialer, uint64_t token, int code)
{
    struct hs_dialer_lookup *lookup = lookup_of(dialer, token & ~HS_DIALER_TOKEN);

    if (lookup) end_lookup(lookup, hs_err_code_text(code));
}

static void look_up(struct hs_dialer_io *dialer, const struct hs_dialer_try *try, uint64_t now_ns)
{
    const struct hs_dialer_peer *peer = hs_dialer_find(&dialer->core, try->ticket);
    struct hs_dialer_lookup     *lookup = &dialer->lookups[place_of(dialer, peer)];
    int                          rc;

    close_lookup(lookup);
    lookup->ticket = try->ticket;
    lookup->deadline_ns = now_ns + LOOKUP_TIMEOUT_NS;
    rc = hs_role_ask_resolver(dialer->process, try->host->name, try->ticket | HS_DIALER_TOKEN);
    if (rc) end_lookup(lookup, hs_err_code_text(rc));
}

static uint64_t turn_lookups(struct hs_dialer_io *dialer, uint64_t now_ns)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < dialer->core.count; i++) {
        struct hs_dialer_lookup *lookup = &dialer->lookups[i];

        if (lookup->ticket && lookup->deadline_ns <= now_ns)
            end_lookup(lookup, "the name server does not answer");
        if (lookup->ticket) next_ns = hs_min_u64(next_ns, lookup->deadline_ns);
    }
    return next_ns;
}

/* ---- what the role calls ---- */

void hs_dialer_io_open(struct hs_dialer_io *dialer, const struct hs_dialer_io_config *config)
{
    const struct hs_heritage *heritage = config->process->heritage;
    uint64_t                  seed = heritage->incarnation << 20 ^ heritage->generation;

    for (unsigned i = 0; i < sizeof seed; i++) seed ^= (uint64_t)heritage->node_id[i] << (8 * i);
    memset(dialer, 0, sizeof *dialer);
    dialer->process = config->process;
    dialer->door = config->door;
    dialer->expected = config->expected;
    for (unsigned i = 0; i < HS_DIALER_PEERS_MAX; i++) {
        dialer->lookups[i].dialer = dialer;
        dialer->lookups[i].answer.fd = -1;
    }
    hs_dialer_init(&dialer->core, config->hosts, config->own, seed, clock_of(dialer));
}

uint64_t hs_dialer_io_turn(struct hs_dialer_io *dialer, uint64_t now_ns)
{
    struct hs_dialer_try next;
    uint64_t             next_ns = turn_lookups(dialer, now_ns);

    while (hs_dialer_next(&dialer->core, now_ns, &next)) {
        if (next.host->addr.family == HS_ADDR_NONE) {
            look_up(dialer, &next, now_ns);
            next_ns = hs_min_u64(next_ns, now_ns + LOOKUP_TIMEOUT_NS);
        } else {
            dial(dialer, next.ticket, &next.host->addr);
        }
    }
    return hs_min_u64(next_ns, hs_dialer_deadline_ns(&dialer->core));
}

void hs_dialer_io_entered(struct hs_dialer_io *dialer, uint64_t ticket, bool is_taken)
{
    const struct hs_dialer_peer *peer = hs_dialer_find(&dialer->core, ticket);
    char                         text[HS_CONFIG_HOST_BYTES];

    if (!peer) return;
    if (!is_taken) {
        hs_dialer_is_self(&dialer->core, ticket, clock_of(dialer));
        return;
    }
    dialer->told[place_of(dialer, peer)][0] = 0;
    hs_dialer_entered(&dialer->core, ticket, clock_of(dialer));
    hs_log(HS_LOG_INFO, "dialer", "connected peer=%s role=%s", name_of(peer, text),
           hs_identity_role_name(dialer->expected.role));
}

void hs_dialer_io_refused(struct hs_dialer_io *dialer, uint64_t ticket, const struct hs_err *err)
{
    fail(dialer, ticket, err->text);
}

void hs_dialer_io_lost(struct hs_dialer_io *dialer, uint64_t ticket)
{
    hs_dialer_ended(&dialer->core, ticket, clock_of(dialer));
}
