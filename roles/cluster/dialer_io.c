// SPDX-License-Identifier: Apache-2.0
/* dialer_io.c - from a peer whose moment has come to a connection at the role's door. */
#include "roles/cluster/dialer_io.h"

#include "roles/counters.h"
#include "roles/notice.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <stdio.h>
#include <string.h>

static uint64_t clock_of(const struct hs_dialer_io *dialer)
{
    return hs_loop_clock_ns(dialer->process->loop);
}

static size_t place_of(const struct hs_dialer_io *dialer, const struct hs_dialer_peer *peer)
{
    return (size_t)(peer - dialer->core.peers);
}

static void note(struct hs_dialer_io *dialer, enum hs_notice_kind kind, const char *address,
                 const char *text)
{
    struct hs_event_record record;

    hs_notice_fill(&record, kind, address, 0, "%s: %s",
                   hs_identity_role_name(dialer->expected.role), text);
    hs_role_note(dialer->process, &record);
}

/* The same reason again is not worth a line. */
static void tell(struct hs_dialer_io *dialer, const struct hs_dialer_peer *peer, const char *reason)
{
    char  text[HS_ADDR_TEXT_BYTES];
    char *told = dialer->told[place_of(dialer, peer)];

    if (strncmp(told, reason, HS_ERR_TEXT_BYTES - 1) == 0) return;
    (void)snprintf(told, HS_ERR_TEXT_BYTES, "%s", reason);
    hs_addr_format(&peer->addr, text, sizeof text);
    hs_log(HS_LOG_WARN, "dialer", "not connected peer=%s role=%s reason=\"%s\"", text,
           hs_identity_role_name(dialer->expected.role), reason);
    note(dialer, HS_NOTICE_PEER_MISSED, text, reason);
}

/* What its name means now may be another address. */
static void end(struct hs_dialer_io *dialer, uint64_t ticket)
{
    const struct hs_dialer_peer *peer = hs_dialer_find(&dialer->core, ticket);
    uint64_t                     now_ns = clock_of(dialer);

    if (!peer) return;
    if (peer->name_idx != HS_DIALER_LISTED)
        hs_discovery_wanted(&dialer->names.core.names[peer->name_idx], now_ns);
    hs_dialer_ended(&dialer->core, ticket, now_ns);
}

static void fail(struct hs_dialer_io *dialer, uint64_t ticket, const char *reason)
{
    const struct hs_dialer_peer *peer = hs_dialer_find(&dialer->core, ticket);

    if (!peer) return;
    tell(dialer, peer, reason);
    end(dialer, ticket);
}

static void dial(struct hs_dialer_io *dialer, uint64_t ticket, const struct hs_addr *addr)
{
    int rc = hs_door_dial(dialer->door, addr, &dialer->expected, ticket);

    if (rc) fail(dialer, ticket, hs_err_code_text(rc));
}

/* ---- what the role calls ---- */

static void on_addresses(void *owner, unsigned name_idx, const struct hs_addr *addrs,
                         unsigned count)
{
    struct hs_dialer_io *dialer = owner;
    unsigned             refused = 0;

    for (unsigned i = 0; i < count; i++)
        refused += !hs_dialer_add(&dialer->core, &addrs[i], name_idx, clock_of(dialer));
    if (!refused) return;
    hs_counter_add(dialer->process->counters, HS_COUNT_lookup_addresses_ignored, refused);
    hs_log(HS_LOG_WARN, "dialer", "too many peers name=%s ignored=%u: at most %d are dialled",
           dialer->names.core.names[name_idx].host.name, refused, HS_DIALER_PEERS_MAX);
}

void hs_dialer_io_open(struct hs_dialer_io *dialer, const struct hs_dialer_io_config *config)
{
    const struct hs_heritage    *heritage = config->process->heritage;
    uint64_t                     seed = heritage->incarnation << 20 ^ heritage->generation;
    const struct hs_names_config names = {.process = config->process,
                                          .hosts = config->hosts,
                                          .module = "dialer",
                                          .token = HS_DIALER_TOKEN,
                                          .owner = dialer,
                                          .on_addresses = on_addresses};

    for (unsigned i = 0; i < sizeof seed; i++) seed ^= (uint64_t)heritage->node_id[i] << (8 * i);
    memset(dialer, 0, sizeof *dialer);
    dialer->process = config->process;
    dialer->door = config->door;
    dialer->expected = config->expected;
    hs_names_open(&dialer->names, &names);
    hs_dialer_init(&dialer->core, config->hosts, config->own, seed, clock_of(dialer));
}

uint64_t hs_dialer_io_turn(struct hs_dialer_io *dialer, uint64_t now_ns)
{
    struct hs_dialer_try next;

    while (hs_dialer_next(&dialer->core, now_ns, &next)) dial(dialer, next.ticket, &next.addr);
    /* After that, since what fails at once may want its name looked up. */
    return hs_min_u64(hs_names_turn(&dialer->names, now_ns), hs_dialer_deadline_ns(&dialer->core));
}

void hs_dialer_io_entered(struct hs_dialer_io *dialer, uint64_t ticket, bool is_taken)
{
    const struct hs_dialer_peer *peer = hs_dialer_find(&dialer->core, ticket);
    char                         text[HS_ADDR_TEXT_BYTES];

    if (!peer) return;
    if (!is_taken) {
        hs_dialer_is_self(&dialer->core, ticket, clock_of(dialer));
        return;
    }
    dialer->told[place_of(dialer, peer)][0] = 0;
    hs_dialer_entered(&dialer->core, ticket, clock_of(dialer));
    hs_addr_format(&peer->addr, text, sizeof text);
    hs_log(HS_LOG_INFO, "dialer", "connected peer=%s role=%s", text,
           hs_identity_role_name(dialer->expected.role));
    note(dialer, HS_NOTICE_PEER_CONNECTED, text, "connected");
}

void hs_dialer_io_refused(struct hs_dialer_io *dialer, uint64_t ticket, const struct hs_err *err)
{
    fail(dialer, ticket, err->text);
}

void hs_dialer_io_lost(struct hs_dialer_io *dialer, uint64_t ticket)
{
    end(dialer, ticket);
}

void hs_dialer_io_resolver(struct hs_dialer_io *dialer, uint64_t token, int fd)
{
    hs_names_resolver(&dialer->names, token, fd);
}

void hs_dialer_io_no_resolver(struct hs_dialer_io *dialer, uint64_t token, int code)
{
    hs_names_no_resolver(&dialer->names, token, code);
}
