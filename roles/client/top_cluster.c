// SPDX-License-Identifier: Apache-2.0
/* top_cluster.c - the other hosts on the screen of `hyperscale top`. */
#include "roles/client/top_inner.h"

#include "shm/base/assert.h"
#include "shm/base/units.h"

#include <stdio.h>
#include <string.h>

enum { PEERS_SHOWN = 12, RING_BYTES = 96 };

static bool is_elsewhere(const json_t *peer)
{
    const char *address = hs_top_text(peer, "address");

    return address[0] && strcmp(address, "local") != 0;
}

static bool is_any_elsewhere(const json_t *peers)
{
    size_t  index;
    json_t *peer;

    json_array_foreach(peers, index, peer)
    {
        if (is_elsewhere(peer)) return true;
    }
    return false;
}

/* "gates: 3 alive, 1 suspect"; "": no member has this role. */
static void put_ring(const json_t *members, const char *role, char text[RING_BYTES])
{
    static const char *const states[] = {"alive", "suspect", "dead", "left", "unconfirmed"};
    size_t                   used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < HS_ARRAY_LEN(states); i++) {
        unsigned count = 0;
        size_t   index;
        json_t  *member;

        json_array_foreach(members, index, member)
        {
            count += strcmp(hs_top_text(member, "role"), role) == 0 &&
                     strcmp(hs_top_text(member, "state"), states[i]) == 0;
        }
        if (!count) continue;
        used += (size_t)snprintf(text + used, RING_BYTES - used, "%s%s%u %s", used ? ", " : role,
                                 used ? "" : "s: ", count, states[i]);
    }
}

static unsigned draw_rings(const json_t *members, struct hs_canvas *canvas, unsigned row)
{
    char gates[RING_BYTES];
    char managers[RING_BYTES];

    put_ring(members, "gate", gates);
    put_ring(members, "manager", managers);
    if (!gates[0] && !managers[0]) return row;
    return hs_top_line(canvas, row, "%s%s%s", gates, gates[0] && managers[0] ? "   " : "",
                       managers) +
           1;
}

/* REMOTE: alive by the word of its owner. */
static bool is_well(const json_t *peer)
{
    const char *state = hs_top_text(peer, "state");

    return (strcmp(state, "ALIVE") == 0 || strcmp(state, "REMOTE") == 0) &&
           !json_is_true(json_object_get(peer, "is_damped"));
}

static unsigned draw_manager(const json_t *peer, struct hs_canvas *canvas, unsigned row)
{
    char heard[HS_UNITS_TEXT_BYTES];

    canvas->style = is_well(peer) ? HS_STYLE_PLAIN : HS_STYLE_BAD;
    row = hs_top_line(
        canvas, row, "%-1s %-20.20s %-12.12s %-8s %-12s %7llu %6llu %6llu %6llu %6llu %8s",
        json_is_true(json_object_get(peer, "is_leader")) ? "*" : "", hs_top_text(peer, "name"),
        hs_top_text(peer, "datacenter"), hs_top_text(peer, "state"),
        hs_top_text(peer, "datacenter_state"), (unsigned long long)hs_top_number(peer, "workers"),
        (unsigned long long)hs_top_number(peer, "cores_total"),
        (unsigned long long)hs_top_number(peer, "cores_free"),
        (unsigned long long)hs_top_number(peer, "jobs"),
        (unsigned long long)hs_top_number(peer, "execs"), hs_top_age(heard, peer, "heard_ns"));
    canvas->style = HS_STYLE_PLAIN;
    return row;
}

static unsigned draw_worker(const json_t *peer, struct hs_canvas *canvas, unsigned row)
{
    char heard[HS_UNITS_TEXT_BYTES];
    char trip[HS_UNITS_TEXT_BYTES];

    canvas->style =
        is_well(peer) && !hs_top_number(peer, "engines_down") ? HS_STYLE_PLAIN : HS_STYLE_BAD;
    row = hs_top_line(canvas, row, "  %-20.20s %-12.12s %-8s %-12s %7llu %6llu %6llu %6llu %6s %8s",
                      hs_top_text(peer, "name"), hs_top_text(peer, "datacenter"),
                      hs_top_text(peer, "state"), hs_top_text(peer, "load"),
                      (unsigned long long)hs_top_number(peer, "engines_down"),
                      (unsigned long long)hs_top_number(peer, "cores_total"),
                      (unsigned long long)hs_top_number(peer, "cores_free"),
                      (unsigned long long)hs_top_number(peer, "execs"),
                      hs_top_age(trip, peer, "round_trip_ns"), hs_top_age(heard, peer, "heard_ns"));
    canvas->style = HS_STYLE_PLAIN;
    return row;
}

/* A table of its own where some of them are on other hosts; those of this host only are no news. */
static unsigned draw_peers(const json_t *peers, const struct hs_top_table *table,
                           struct hs_canvas *canvas, unsigned row)
{
    return is_any_elsewhere(peers) ? hs_top_rows(canvas, row, table, peers) : row;
}

unsigned hs_top_draw_cluster(const struct hs_top *top, struct hs_canvas *canvas, unsigned row)
{
    static const struct hs_top_table managers = {
        "  MANAGER              DATACENTER   STATE    ITS STATE    WORKERS  CORES   FREE   JOBS "
        "SHARES    HEARD",
        PEERS_SHOWN, draw_manager};
    static const struct hs_top_table workers = {
        "  WORKER               DATACENTER   STATE    LOAD            DOWN  CORES   FREE SHARES   "
        "TRIP    HEARD",
        PEERS_SHOWN, draw_worker};

    row = draw_rings(json_object_get(top->members, "members"), canvas, row);
    row = draw_peers(json_object_get(top->managers, "managers"), &managers, canvas, row);
    return draw_peers(json_object_get(top->workers, "workers"), &workers, canvas, row);
}
