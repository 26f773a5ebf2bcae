// SPDX-License-Identifier: Apache-2.0
/* dialer.c - a short list of peers, each with its own clock. */
#include "roles/cluster/dialer.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

#define SELF_AGAIN_NS (300 * HS_NS_PER_S)

enum { IDX_BITS = 8 };

static bool is_same_addr(const struct hs_addr *a, const struct hs_addr *b)
{
    return a->family != HS_ADDR_NONE && a->family == b->family && a->port == b->port &&
           a->scope_id == b->scope_id && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void hs_dialer_init(struct hs_dialer *dialer, const struct hs_config_hosts *hosts,
                    const struct hs_addr *own, uint64_t seed, uint64_t now_ns)
{
    memset(dialer, 0, sizeof *dialer);
    hs_rand_init(&dialer->rand, seed);
    for (uint32_t i = 0; i < hosts->count; i++) {
        struct hs_dialer_peer *peer = &dialer->peers[dialer->count];
        int                    rc = hs_config_parse_host(hs_view_text(hosts->at[i]), &peer->host);

        HS_ASSERT(rc == 0); /* the image was checked */
        if (is_same_addr(&peer->host.addr, own)) continue;
        peer->due_at_ns = now_ns + hs_rand_below(&dialer->rand, HS_DIALER_START_JITTER_NS);
        peer->wait_ns = HS_DIALER_BACKOFF_MIN_NS;
        dialer->count++;
    }
}

static uint64_t ticket_of(const struct hs_dialer *dialer, const struct hs_dialer_peer *peer)
{
    return (uint64_t)peer->tries << IDX_BITS | (uint64_t)(peer - dialer->peers);
}

static struct hs_dialer_peer *peer_of(struct hs_dialer *dialer, uint64_t ticket)
{
    unsigned idx = (unsigned)(ticket & ((1u << IDX_BITS) - 1));

    if (idx >= dialer->count || ticket_of(dialer, &dialer->peers[idx]) != ticket) return NULL;
    return &dialer->peers[idx];
}

const struct hs_dialer_peer *hs_dialer_find(const struct hs_dialer *dialer, uint64_t ticket)
{
    unsigned idx = (unsigned)(ticket & ((1u << IDX_BITS) - 1));

    if (idx >= dialer->count || ticket_of(dialer, &dialer->peers[idx]) != ticket) return NULL;
    return &dialer->peers[idx];
}

bool hs_dialer_next(struct hs_dialer *dialer, uint64_t now_ns, struct hs_dialer_try *next)
{
    for (unsigned i = 0; i < dialer->count; i++) {
        struct hs_dialer_peer *peer = &dialer->peers[i];
        bool is_idle = peer->state == HS_DIALER_WAITING || peer->state == HS_DIALER_SELF;

        if (!is_idle || now_ns < peer->due_at_ns) continue;
        peer->state = HS_DIALER_TRYING;
        if (++peer->tries == 0) peer->tries = 1; /* a ticket is never 0 */
        *next = (struct hs_dialer_try){ticket_of(dialer, peer), &peer->host};
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

/* Between three and five quarters of it. */
static uint64_t jittered(struct hs_dialer *dialer, uint64_t wait_ns)
{
    return wait_ns - wait_ns / 4 + hs_rand_below(&dialer->rand, wait_ns / 2 + 1);
}

void hs_dialer_ended(struct hs_dialer *dialer, uint64_t ticket, uint64_t now_ns)
{
    struct hs_dialer_peer *peer = peer_of(dialer, ticket);

    if (!peer || (peer->state != HS_DIALER_TRYING && peer->state != HS_DIALER_UP)) return;
    if (peer->state == HS_DIALER_UP && now_ns - peer->up_at_ns >= HS_DIALER_LASTING_NS)
        peer->wait_ns = HS_DIALER_BACKOFF_MIN_NS;
    peer->state = HS_DIALER_WAITING;
    peer->due_at_ns = now_ns + jittered(dialer, peer->wait_ns);
    peer->wait_ns = hs_min_u64(2 * peer->wait_ns, HS_DIALER_BACKOFF_MAX_NS);
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
