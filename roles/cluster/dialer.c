// SPDX-License-Identifier: Apache-2.0
/* dialer.c - a short list of peers, each with its own clock. */
#include "roles/cluster/dialer.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

#define SELF_AGAIN_NS (300 * HS_NS_PER_S)

enum { IDX_BITS = 8 };

static void fill(struct hs_dialer *dialer, struct hs_dialer_peer *peer, const struct hs_addr *addr,
                 unsigned name_idx, uint64_t now_ns)
{
    *peer = (struct hs_dialer_peer){
        .state = HS_DIALER_WAITING,
        .name_idx = (uint8_t)name_idx,
        .addr = *addr,
        .meant_at_ns = now_ns,
        .due_at_ns = now_ns + hs_rand_below(&dialer->rand, HS_DIALER_START_JITTER_NS),
        .wait_ns = HS_DIALER_BACKOFF_MIN_NS,
        .tries = peer->tries + 1}; /* so that a ticket of who was here before stays stale */
}

void hs_dialer_init(struct hs_dialer *dialer, const struct hs_config_hosts *hosts,
                    const struct hs_addr *own, uint64_t seed, uint64_t now_ns)
{
    memset(dialer, 0, sizeof *dialer);
    hs_rand_init(&dialer->rand, seed);
    dialer->own = *own;
    for (uint32_t i = 0; i < hosts->count; i++) {
        struct hs_config_host host;
        int                   rc = hs_config_parse_host(hs_view_text(hosts->at[i]), &host);

        HS_ASSERT(rc == 0); /* the image was checked */
        if (host.addr.family == HS_ADDR_NONE || hs_addr_equal(&host.addr, own)) continue;
        fill(dialer, &dialer->peers[dialer->count++], &host.addr, HS_DIALER_LISTED, now_ns);
    }
}

static bool is_connected(const struct hs_dialer_peer *peer)
{
    return peer->state == HS_DIALER_TRYING || peer->state == HS_DIALER_UP;
}

/* A slot of nobody, else of who was meant longest ago and is not connected; NULL: none. */
static struct hs_dialer_peer *find_room(struct hs_dialer *dialer)
{
    struct hs_dialer_peer *oldest = NULL;

    for (unsigned i = 0; i < dialer->count; i++) {
        struct hs_dialer_peer *peer = &dialer->peers[i];

        if (peer->state == HS_DIALER_FREE) return peer;
        if (peer->name_idx == HS_DIALER_LISTED || is_connected(peer)) continue;
        if (!oldest || peer->meant_at_ns < oldest->meant_at_ns) oldest = peer;
    }
    if (dialer->count < HS_DIALER_PEERS_MAX) return &dialer->peers[dialer->count++];
    return oldest;
}

bool hs_dialer_add(struct hs_dialer *dialer, const struct hs_addr *addr, unsigned name_idx,
                   uint64_t now_ns)
{
    struct hs_dialer_peer *room;

    if (hs_addr_equal(addr, &dialer->own)) return true;
    for (unsigned i = 0; i < dialer->count; i++) {
        struct hs_dialer_peer *peer = &dialer->peers[i];

        if (peer->state == HS_DIALER_FREE || !hs_addr_equal(&peer->addr, addr)) continue;
        peer->meant_at_ns = now_ns;
        return true;
    }
    room = find_room(dialer);
    /* Of one answer, the first ones stay. */
    if (!room || (room->state != HS_DIALER_FREE && room->meant_at_ns == now_ns)) return false;
    fill(dialer, room, addr, name_idx, now_ns);
    return true;
}

static uint64_t ticket_of(const struct hs_dialer *dialer, const struct hs_dialer_peer *peer)
{
    return (uint64_t)peer->tries << IDX_BITS | (uint64_t)(peer - dialer->peers);
}

const struct hs_dialer_peer *hs_dialer_find(const struct hs_dialer *dialer, uint64_t ticket)
{
    unsigned                     idx = (unsigned)(ticket & ((1u << IDX_BITS) - 1));
    const struct hs_dialer_peer *peer = &dialer->peers[idx % HS_DIALER_PEERS_MAX];

    if (idx >= dialer->count || peer->state == HS_DIALER_FREE || ticket_of(dialer, peer) != ticket)
        return NULL;
    return peer;
}

static struct hs_dialer_peer *peer_of(struct hs_dialer *dialer, uint64_t ticket)
{
    const struct hs_dialer_peer *found = hs_dialer_find(dialer, ticket);

    return found ? &dialer->peers[found - dialer->peers] : NULL;
}

static void forget_stale(struct hs_dialer_peer *peer, uint64_t now_ns)
{
    if (peer->name_idx == HS_DIALER_LISTED || is_connected(peer)) return;
    if (now_ns > peer->meant_at_ns + HS_DISCOVERY_STALE_NS) peer->state = HS_DIALER_FREE;
}

bool hs_dialer_next(struct hs_dialer *dialer, uint64_t now_ns, struct hs_dialer_try *next)
{
    for (unsigned i = 0; i < dialer->count; i++) {
        struct hs_dialer_peer *peer = &dialer->peers[i];
        bool                   is_idle;

        forget_stale(peer, now_ns);
        is_idle = peer->state == HS_DIALER_WAITING || peer->state == HS_DIALER_SELF;
        if (!is_idle || now_ns < peer->due_at_ns) continue;
        peer->state = HS_DIALER_TRYING;
        if (++peer->tries == 0) peer->tries = 1; /* a ticket is never 0 */
        *next = (struct hs_dialer_try){ticket_of(dialer, peer), peer->addr};
        return true;
    }
    return false;
}

void hs_dialer_entered(struct hs_dialer *dialer, uint64_t ticket, uint64_t now_ns)
{
    struct hs_dialer_peer *peer = peer_of(dialer, ticket);

    if (!peer || peer->state != HS_DIALER_TRYING) return;
    peer->state = HS_DIALER_UP;
    peer->up_at_ns = now_ns;
}

/* Between three and five quarters of the middle. */
uint64_t hs_dialer_backoff_ns(struct hs_rand *rand, uint64_t *wait_ns, uint64_t lasted_ns)
{
    uint64_t middle_ns = lasted_ns >= HS_DIALER_LASTING_NS ? HS_DIALER_BACKOFF_MIN_NS : *wait_ns;

    *wait_ns = hs_min_u64(2 * middle_ns, HS_DIALER_BACKOFF_MAX_NS);
    return middle_ns - middle_ns / 4 + hs_rand_below(rand, middle_ns / 2 + 1);
}

/* Another address of the one that was lost may be among those that were left alone for being it. */
static void free_others(struct hs_dialer *dialer, uint64_t now_ns)
{
    for (unsigned i = 0; i < dialer->count; i++) {
        struct hs_dialer_peer *peer = &dialer->peers[i];

        if (peer->state == HS_DIALER_SELF)
            peer->due_at_ns = hs_min_u64(peer->due_at_ns, now_ns + HS_DIALER_BACKOFF_MIN_NS);
    }
}

void hs_dialer_ended(struct hs_dialer *dialer, uint64_t ticket, uint64_t now_ns)
{
    struct hs_dialer_peer *peer = peer_of(dialer, ticket);
    uint64_t               lasted_ns = 0;

    if (!peer || !is_connected(peer)) return;
    if (peer->state == HS_DIALER_UP) {
        free_others(dialer, now_ns);
        lasted_ns = now_ns - peer->up_at_ns;
    }
    peer->state = HS_DIALER_WAITING;
    peer->due_at_ns = now_ns + hs_dialer_backoff_ns(&dialer->rand, &peer->wait_ns, lasted_ns);
}

void hs_dialer_is_self(struct hs_dialer *dialer, uint64_t ticket, uint64_t now_ns)
{
    struct hs_dialer_peer *peer = peer_of(dialer, ticket);

    if (!peer) return;
    peer->state = HS_DIALER_SELF;
    peer->due_at_ns = now_ns + SELF_AGAIN_NS;
}

uint64_t hs_dialer_deadline_ns(const struct hs_dialer *dialer)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < dialer->count; i++) {
        const struct hs_dialer_peer *peer = &dialer->peers[i];

        if (peer->state == HS_DIALER_WAITING || peer->state == HS_DIALER_SELF)
            next_ns = hs_min_u64(next_ns, peer->due_at_ns);
    }
    return next_ns;
}
