// SPDX-License-Identifier: Apache-2.0
/* lives.c - challenges, proofs, and one window a peer. */
#include "roles/cluster/lives.h"

#include "shm/base/assert.h"

#include <string.h>

#define NO_IDX UINT32_MAX

static const struct hs_bucket_rate rate = {.interval_ns = HS_LIVES_INTERVAL_NS,
                                           .burst = HS_LIVES_BURST};
static const struct hs_bucket_rate strangers_rate = {.interval_ns = HS_LIVES_STRANGERS_INTERVAL_NS,
                                                     .burst = HS_LIVES_STRANGERS_BURST};
static const uint8_t               no_nonce[HS_DATAGRAM_NONCE_BYTES];

void hs_lives_init(struct hs_lives *lives)
{
    memset(lives, 0, sizeof *lives);
    for (uint32_t i = 0; i < HS_LIVES_BUCKETS; i++) lives->buckets[i] = NO_IDX;
}

/* ---- the table */

/* Ids are derived by a hash already; who knows a key can fill a chain, but not for ever. */
static uint32_t *bucket_of(struct hs_lives *lives, const struct hs_node_id *id)
{
    uint32_t word;

    memcpy(&word, id->bytes + 4, sizeof word);
    return &lives->buckets[word % HS_LIVES_BUCKETS];
}

static const struct hs_life *find(const struct hs_lives *lives, const struct hs_node_id *id)
{
    uint32_t word;
    uint32_t idx;

    memcpy(&word, id->bytes + 4, sizeof word);
    for (idx = lives->buckets[word % HS_LIVES_BUCKETS]; idx != NO_IDX;
         idx = lives->life[idx].next_idx)
        if (hs_node_id_equal(&lives->life[idx].id, id)) return &lives->life[idx];
    return NULL;
}

static struct hs_life *find_own(struct hs_lives *lives, const struct hs_node_id *id)
{
    const struct hs_life *found = find(lives, id);

    return found ? &lives->life[found - lives->life] : NULL;
}

static void take_out(struct hs_lives *lives, struct hs_life *life)
{
    uint32_t  idx = (uint32_t)(life - lives->life);
    uint32_t *link = bucket_of(lives, &life->id);

    while (*link != idx) {
        HS_ASSERT(*link != NO_IDX);
        link = &lives->life[*link].next_idx;
    }
    *link = life->next_idx;
    memset(life, 0, sizeof *life);
    lives->count--;
}

/* First those of whom nothing is proved, then whoever was silent the longest. Who is turned out can
 * prove itself again, and nothing that it sent before counts then. */
static struct hs_life *choose_victim(struct hs_lives *lives)
{
    struct hs_life *victim = &lives->life[0];

    for (uint32_t i = 1; i < HS_LIVES_MAX; i++) {
        struct hs_life *life = &lives->life[i];
        bool            is_less = !life->boot_id && victim->boot_id;
        bool            is_same = !life->boot_id == !victim->boot_id;

        if (is_less || (is_same && life->used_at_ns < victim->used_at_ns)) victim = life;
    }
    return victim;
}

static struct hs_life *free_slot(struct hs_lives *lives)
{
    struct hs_life *victim;

    if (lives->count < HS_LIVES_MAX)
        for (uint32_t i = 0; i < HS_LIVES_MAX; i++)
            if (!lives->life[i].is_used) return &lives->life[i];
    victim = choose_victim(lives);
    take_out(lives, victim);
    lives->evicted_count++;
    return victim;
}

static struct hs_life *find_or_add(struct hs_lives *lives, uint64_t now_ns,
                                   const struct hs_node_id *id)
{
    struct hs_life *life = find_own(lives, id);
    uint32_t       *bucket = bucket_of(lives, id);

    if (life) return life;
    life = free_slot(lives);
    *life = (struct hs_life){.id = *id, .is_used = true, .used_at_ns = now_ns, .next_idx = *bucket};
    *bucket = (uint32_t)(life - lives->life);
    lives->count++;
    return life;
}

bool hs_lives_is_proven(const struct hs_lives *lives, const struct hs_node_id *id, uint64_t boot_id)
{
    const struct hs_life *life = find(lives, id);

    return life && life->boot_id == boot_id;
}

bool hs_lives_knows(const struct hs_lives *lives, const struct hs_node_id *id)
{
    const struct hs_life *life = find(lives, id);

    return life && life->boot_id;
}

const struct hs_addr *hs_lives_address(const struct hs_lives *lives, const struct hs_node_id *id)
{
    const struct hs_life *life = find(lives, id);

    return life && life->boot_id ? &life->address : NULL;
}

void hs_lives_set_address(struct hs_lives *lives, const struct hs_node_id *id,
                          const struct hs_addr *address)
{
    struct hs_life *life = find_own(lives, id);

    if (life) life->address = *address;
}

void hs_lives_forget(struct hs_lives *lives, const struct hs_node_id *id)
{
    struct hs_life *life = find_own(lives, id);

    if (life) take_out(lives, life);
}

/* ---- taking */

/* The bucket comes after the window: replays do not use up what the peer itself may send. */
static enum hs_lives_verdict take(struct hs_life *life, uint64_t now_ns, uint64_t counter)
{
    if (!hs_replay_take(&life->replay, counter)) return HS_LIVES_REPLAYED;
    if (!hs_bucket_take(&life->bucket, &rate, now_ns)) return HS_LIVES_TOO_MANY;
    life->used_at_ns = now_ns;
    return HS_LIVES_TAKEN;
}

enum hs_lives_verdict hs_lives_take(struct hs_lives *lives, uint64_t now_ns,
                                    const struct hs_datagram_header *header)
{
    struct hs_life *life = find_own(lives, &header->sender);

    if (life && life->boot_id == header->boot_id) return take(life, now_ns, header->counter);
    return hs_bucket_take(&lives->strangers, &strangers_rate, now_ns) ? HS_LIVES_UNPROVEN
                                                                      : HS_LIVES_TOO_MANY;
}

/* ---- challenges */

static bool is_open(const struct hs_lives_challenge *challenge, uint64_t now_ns)
{
    return challenge->drawn_at_ns && now_ns - challenge->drawn_at_ns < HS_LIVES_PATIENCE_NS;
}

/* An open one is sent again as it is: its answer may be under way. */
static void send_challenge(struct hs_lives_challenge *challenge, uint64_t now_ns,
                           const uint8_t               nonce[HS_DATAGRAM_NONCE_BYTES],
                           struct hs_datagram_message *greet)
{
    HS_ASSERT(memcmp(nonce, no_nonce, sizeof no_nonce) != 0);
    if (!is_open(challenge, now_ns)) {
        memcpy(challenge->nonce, nonce, sizeof challenge->nonce);
        challenge->drawn_at_ns = now_ns;
    }
    challenge->sent_at_ns = now_ns;
    memcpy(greet->challenge, challenge->nonce, sizeof greet->challenge);
}

bool hs_lives_challenge(struct hs_lives *lives, uint64_t now_ns, const struct hs_node_id *id,
                        const uint8_t               nonce[HS_DATAGRAM_NONCE_BYTES],
                        struct hs_datagram_message *greet)
{
    struct hs_lives_challenge *challenge;

    if (hs_node_id_is_none(id)) {
        challenge = &lives->addresses[lives->next_address_idx];
        lives->next_address_idx = (lives->next_address_idx + 1) % HS_LIVES_ADDRESSES_MAX;
        *challenge = (struct hs_lives_challenge){0};
    } else {
        challenge = &find_or_add(lives, now_ns, id)->challenge;
        if (is_open(challenge, now_ns) && now_ns - challenge->sent_at_ns < HS_LIVES_CHALLENGE_NS)
            return false;
    }
    *greet = (struct hs_datagram_message){.type = HS_DATAGRAM_GREET};
    send_challenge(challenge, now_ns, nonce, greet);
    return true;
}

static bool is_met(struct hs_lives_challenge *challenge, uint64_t now_ns,
                   const uint8_t proof[HS_DATAGRAM_NONCE_BYTES])
{
    if (!is_open(challenge, now_ns)) return false;
    if (memcmp(challenge->nonce, proof, sizeof challenge->nonce) != 0) return false;
    *challenge = (struct hs_lives_challenge){0}; /* good for one proof */
    return true;
}

/* life NULL: only whoever stands at some address was asked. */
static bool is_proof(struct hs_lives *lives, struct hs_life *life, uint64_t now_ns,
                     const uint8_t proof[HS_DATAGRAM_NONCE_BYTES])
{
    if (life && is_met(&life->challenge, now_ns, proof)) return true;
    for (uint32_t i = 0; i < HS_LIVES_ADDRESSES_MAX; i++)
        if (is_met(&lives->addresses[i], now_ns, proof)) return true;
    return false;
}

static void reply(struct hs_life *life, uint64_t now_ns, bool is_proven,
                  const struct hs_datagram_message *greet,
                  const uint8_t nonce[HS_DATAGRAM_NONCE_BYTES], struct hs_lives_greeting *greeting)
{
    struct hs_datagram_message *out = &greeting->reply;

    greeting->has_reply = true;
    out->type = HS_DATAGRAM_GREET;
    memcpy(out->proof, greet->challenge, sizeof out->proof);
    if (!is_proven) send_challenge(&life->challenge, now_ns, nonce, out);
}

void hs_lives_greet(struct hs_lives *lives, uint64_t now_ns,
                    const struct hs_datagram_header  *header,
                    const struct hs_datagram_message *greet,
                    const uint8_t                     nonce[HS_DATAGRAM_NONCE_BYTES],
                    struct hs_lives_greeting         *greeting)
{
    bool            has_challenge = memcmp(greet->challenge, no_nonce, sizeof no_nonce) != 0;
    struct hs_life *life = find_own(lives, &header->sender);

    *greeting = (struct hs_lives_greeting){0};
    if (life && life->boot_id == header->boot_id) {
        greeting->verdict = take(life, now_ns, header->counter);
    } else {
        greeting->is_new = is_proof(lives, life, now_ns, greet->proof);
        if (!greeting->is_new && !hs_bucket_take(&lives->strangers, &strangers_rate, now_ns)) {
            greeting->verdict = HS_LIVES_TOO_MANY;
            return;
        }
        life = find_or_add(lives, now_ns, &header->sender);
        greeting->verdict = greeting->is_new ? HS_LIVES_TAKEN : HS_LIVES_UNPROVEN;
        if (greeting->is_new) {
            life->boot_id = header->boot_id;
            life->bucket = (struct hs_bucket){0};
            life->used_at_ns = now_ns;
            hs_replay_init(&life->replay, header->counter);
        }
    }
    if (!has_challenge || greeting->verdict == HS_LIVES_REPLAYED ||
        greeting->verdict == HS_LIVES_TOO_MANY)
        return;
    reply(life, now_ns, greeting->verdict == HS_LIVES_TAKEN, greet, nonce, greeting);
}
