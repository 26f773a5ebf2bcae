// SPDX-License-Identifier: Apache-2.0
/* fuzz_seal.c - the sealed way in, with the key known: what is sealed opens to the same bytes; what
 * is changed anywhere, cut, or made up does not open, so that it never reaches a parser of bodies;
 * and no order of counters, lives and proofs lets one counter of a life through twice. */
#include "roles/cluster/lives.h"
#include "roles/cluster/seal_io.h"
#include "shm/base/assert.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hs_node_id sender = {{1}};
static const struct hs_node_id receiver = {{2}};

static struct hs_seal *from;
static struct hs_seal *to;
static struct hs_lives lives;

static struct hs_seal *open_seal(const struct hs_node_id *self)
{
    struct hs_seal_config config = {
        .self = *self, .incarnation = 1, .cluster = "c", .environment = "e", .ring = "gates"};
    struct hs_keyring ring = {.count = 1, .used_version = 1, .at = {{1, {3}}}};
    struct hs_seal   *seal;
    struct hs_err     err;

    HS_ASSERT(hs_seal_open(&seal, &config, &ring, &err) == 0);
    return seal;
}

/* The input itself, as it comes from a socket. */
static void try_raw(const uint8_t *data, size_t size)
{
    uint8_t                   datagram[HS_DATAGRAM_BYTES_MAX];
    struct hs_datagram_header header;
    struct hs_view            body;

    if (hs_datagram_get_header(hs_view_of(data, size), &header)) return;
    memcpy(datagram, data, size);
    HS_ASSERT(hs_seal_get(to, &header, datagram, size, &body) < 0);
    HS_ASSERT(body.bytes == 0);
}

/* The first two bytes say where to change what is sealed (0: nothing), the rest is the body. */
static void try_sealed(const uint8_t *data, size_t size)
{
    uint8_t                   datagram[HS_DATAGRAM_BYTES_MAX];
    size_t                    body_bytes = size - 2;
    size_t                    at = (size_t)(data[0] | data[1] << 8);
    struct hs_datagram_header header;
    struct hs_view            body;
    size_t                    bytes;
    int                       rc;

    if (body_bytes > HS_DATAGRAM_BODY_BYTES_MAX) body_bytes = HS_DATAGRAM_BODY_BYTES_MAX;
    memcpy(datagram + HS_DATAGRAM_HEADER_BYTES, data + 2, body_bytes);
    bytes = (size_t)hs_seal_put(from, HS_DATAGRAM_PING, &receiver, datagram, body_bytes);
    if (at) datagram[at % bytes] ^= (uint8_t)(at / bytes % 255 + 1);
    rc = hs_datagram_get_header(hs_view_of(datagram, bytes), &header);
    if (!rc) rc = hs_seal_get(to, &header, datagram, bytes, &body);
    HS_ASSERT((rc == 0) == (at == 0));
    if (rc) return;
    HS_ASSERT(hs_view_equal(body, hs_view_of(data + 2, body_bytes)));
}

/* Each byte is a step: a counter of one of two lives, or a greeting of it. */
static void try_counters(const uint8_t *data, size_t size)
{
    static uint8_t taken[2][1 << 14];
    uint64_t       now_ns = 1;
    uint64_t       counter[2] = {1, 1};

    memset(taken, 0, sizeof taken);
    hs_lives_init(&lives);
    for (size_t i = 0; i < size && i < 4096; i++) {
        unsigned                   life = data[i] & 1;
        struct hs_datagram_header  header = {.sender = sender, .boot_id = life + 1};
        uint64_t                   back = data[i] >> 3;
        struct hs_datagram_message greet = {.type = HS_DATAGRAM_GREET};
        uint8_t nonce[HS_DATAGRAM_NONCE_BYTES] = {1, (uint8_t)i, (uint8_t)(i >> 8)};
        struct hs_lives_greeting greeting;

        now_ns += UINT64_C(100000000);
        if (data[i] & 6) counter[life] += 1 + back; /* a greeting is always sealed just now */
        header.counter =
            (data[i] & 6) || counter[life] <= back ? counter[life] : counter[life] - back;
        if (header.counter >= sizeof taken[0]) return;
        if (data[i] & 2) {
            if (hs_lives_challenge(&lives, now_ns, &sender, nonce, &greet)) {
                memcpy(greet.proof, greet.challenge, sizeof greet.proof);
                memset(greet.challenge, 0, sizeof greet.challenge);
            }
            hs_lives_greet(&lives, now_ns, &header, &greet, nonce, &greeting);
            if (greeting.verdict != HS_LIVES_TAKEN) continue;
        } else if (hs_lives_take(&lives, now_ns, &header) != HS_LIVES_TAKEN) {
            continue;
        }
        HS_ASSERT(!taken[life][header.counter]);
        taken[life][header.counter] = 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!from) {
        from = open_seal(&sender);
        to = open_seal(&receiver);
    }
    try_raw(data, size);
    if (size >= 2) try_sealed(data, size);
    try_counters(data, size);
    return 0;
}
