// SPDX-License-Identifier: Apache-2.0
/* post_io.c - between the socket and the members: checks in, seals out. */
#include "roles/cluster/post_io.h"

#include "roles/cluster/sources.h"
#include "shm/base/assert.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    POST_MAGIC = 0x706f7374,
    GREETING_BYTES =
        HS_DATAGRAM_HEADER_BYTES + 3 + 2 * HS_DATAGRAM_NONCE_BYTES + HS_DATAGRAM_TAG_BYTES
};

/* What does not come from a proven life shares this; reading it costs a derivation each. Of each
 * address as much as of a peer. */
static const struct hs_bucket_rate flood_rate = {.interval_ns = HS_NS_PER_S / 2000, .burst = 2000};
static const struct hs_bucket_rate source_rate = {.interval_ns = HS_LIVES_INTERVAL_NS,
                                                  .burst = HS_LIVES_BURST};

struct held {
    struct hs_node_id     to; /* none: whoever stands at the address */
    struct hs_addr        address;
    enum hs_datagram_type type;
    uint64_t              at_ns; /* 0: free */
    size_t                body_bytes;
    uint8_t               body[HS_DATAGRAM_BODY_BYTES_MAX];
};

struct drop_log {
    uint64_t next_at_ns;
    uint64_t unsaid_count;
};

struct hs_post {
    uint32_t               magic;
    struct hs_post_config  config;
    struct hs_udp          udp;
    struct hs_udp         *wire;   /* ours, or that of the post beside which we are */
    struct hs_post        *beside; /* the next one on our socket */
    struct hs_seal        *seal;
    struct hs_lives        lives;
    struct hs_bucket       flood;
    struct hs_sources      sources;
    struct drop_log        logs[HS_POST_DROP_COUNT];
    struct hs_post_figures figures;
    struct hs_datagram     datagram;
    uint8_t                out[HS_DATAGRAM_BYTES_MAX];
    struct held            held[HS_POST_HELD_MAX];
};

const char *hs_post_drop_name(enum hs_post_drop drop)
{
    static const char *const names[HS_POST_DROP_COUNT] = {[HS_POST_KEPT] = "kept",
                                                          [HS_POST_BAD_SIZE] = "bad_size",
                                                          [HS_POST_BAD_HEADER] = "bad_header",
                                                          [HS_POST_BAD_VERSION] = "bad_version",
                                                          [HS_POST_FOREIGN] = "foreign",
                                                          [HS_POST_FLOOD] = "flood",
                                                          [HS_POST_NO_KEY] = "no_key",
                                                          [HS_POST_BAD_SEAL] = "bad_seal",
                                                          [HS_POST_REPLAYED] = "replayed",
                                                          [HS_POST_UNPROVEN] = "unproven",
                                                          [HS_POST_TOO_MANY] = "too_many",
                                                          [HS_POST_MALFORMED] = "malformed"};

    return drop < HS_POST_DROP_COUNT ? names[drop] : "?";
}

static uint64_t now_of(const struct hs_post *post)
{
    return hs_loop_now_ns(post->config.loop);
}

/* ---- out */

uint8_t *hs_post_body(struct hs_post *post)
{
    HS_CHECK_MAGIC(post, POST_MAGIC);
    return post->out + HS_DATAGRAM_HEADER_BYTES;
}

static void seal_and_send(struct hs_post *post, const struct hs_node_id *to,
                          const struct hs_addr *address, enum hs_datagram_type type,
                          size_t body_bytes)
{
    int bytes = hs_seal_put(post->seal, type, to, post->out, body_bytes);

    if (bytes < 0)
        hs_log(HS_LOG_ERROR, "post", "seal_failed reason=\"%s\"", hs_err_code_text(bytes));
    else
        hs_udp_send(post->wire, address, post->out, (size_t)bytes);
}

static void send_greeting(struct hs_post *post, const struct hs_node_id *to,
                          const struct hs_addr *address, const struct hs_datagram_message *greet)
{
    struct hs_datagram_writer writer;

    hs_datagram_start(&writer, hs_post_body(post), HS_DATAGRAM_BODY_BYTES_MAX, greet);
    post->figures.greetings++;
    seal_and_send(post, to, address, HS_DATAGRAM_GREET, hs_datagram_finish(&writer));
}

static bool draw(uint8_t nonce[HS_DATAGRAM_NONCE_BYTES])
{
    if (hs_seal_draw(nonce) == 0) return true;
    hs_log(HS_LOG_ERROR, "post", "no_random_numbers");
    return false;
}

static void challenge(struct hs_post *post, const struct hs_node_id *to,
                      const struct hs_addr *address)
{
    struct hs_datagram_message greet;
    uint8_t                    nonce[HS_DATAGRAM_NONCE_BYTES];

    if (!draw(nonce)) return;
    if (hs_lives_challenge(&post->lives, now_of(post), to, nonce, &greet))
        send_greeting(post, to, address, &greet);
}

static bool is_waiting(const struct held *held, uint64_t now_ns)
{
    return held->at_ns && now_ns - held->at_ns < HS_POST_HELD_NS;
}

/* A free place, or the oldest: news that wait long are worth least. */
static struct held *place_to_hold(struct hs_post *post)
{
    struct held *oldest = &post->held[0];

    for (int i = 0; i < HS_POST_HELD_MAX; i++) {
        struct held *held = &post->held[i];

        if (!held->at_ns) return held;
        if (held->at_ns < oldest->at_ns) oldest = held;
    }
    post->figures.held_dropped++;
    return oldest;
}

static void hold(struct hs_post *post, const struct hs_node_id *to, const struct hs_addr *address,
                 enum hs_datagram_type type, size_t body_bytes)
{
    struct held *held = place_to_hold(post);

    post->figures.held++;
    held->to = *to;
    held->address = *address;
    held->type = type;
    held->at_ns = hs_max_u64(now_of(post), 1);
    held->body_bytes = body_bytes;
    memcpy(held->body, hs_post_body(post), body_bytes);
}

void hs_post_send(struct hs_post *post, const struct hs_node_id *to, const struct hs_addr *address,
                  enum hs_datagram_type type, size_t body_bytes)
{
    HS_CHECK_MAGIC(post, POST_MAGIC);
    HS_ASSERT(body_bytes <= HS_DATAGRAM_BODY_BYTES_MAX);
    if (!hs_node_id_is_none(to) && hs_lives_knows(&post->lives, to)) {
        seal_and_send(post, to, address, type, body_bytes);
        return;
    }
    hold(post, to, address, type, body_bytes);
    challenge(post, to, address);
}

/* The node that stands there is known now: what waited for it goes out. */
static void release(struct hs_post *post, const struct hs_node_id *id, const struct hs_addr *from)
{
    uint64_t now_ns = now_of(post);

    for (int i = 0; i < HS_POST_HELD_MAX; i++) {
        struct held *held = &post->held[i];
        bool         is_for_it = hs_node_id_is_none(&held->to) ? hs_addr_equal(&held->address, from)
                                                               : hs_node_id_equal(&held->to, id);

        if (!held->at_ns) continue;
        if (is_for_it && is_waiting(held, now_ns)) {
            memcpy(hs_post_body(post), held->body, held->body_bytes);
            seal_and_send(post, id, from, held->type, held->body_bytes);
        } else if (is_for_it || !is_waiting(held, now_ns)) {
            post->figures.held_dropped++;
        } else {
            continue;
        }
        held->at_ns = 0;
    }
}

/* ---- in */

static enum hs_post_drop drop_of(int rc)
{
    switch (rc) {
    case 0: return HS_POST_KEPT;
    case -EMSGSIZE: return HS_POST_BAD_SIZE;
    case -ENOTSUP: return HS_POST_BAD_VERSION;
    case -ENOKEY: return HS_POST_NO_KEY;
    case -EBADMSG: return HS_POST_BAD_SEAL;
    default: return HS_POST_BAD_HEADER;
    }
}

static enum hs_post_drop drop_of_verdict(enum hs_lives_verdict verdict)
{
    static const enum hs_post_drop drops[] = {[HS_LIVES_TAKEN] = HS_POST_KEPT,
                                              [HS_LIVES_REPLAYED] = HS_POST_REPLAYED,
                                              [HS_LIVES_UNPROVEN] = HS_POST_UNPROVEN,
                                              [HS_LIVES_TOO_MANY] = HS_POST_TOO_MANY};

    return drops[verdict];
}

/* Its address is charged first: one alone does not use up what is there for all. */
static bool is_flood(struct hs_post *post, const struct hs_addr *from)
{
    uint64_t now_ns = now_of(post);

    return !hs_sources_take(&post->sources, &source_rate, from, now_ns) ||
           !hs_bucket_take(&post->flood, &flood_rate, now_ns);
}

static enum hs_post_drop open_datagram(struct hs_post *post, const struct hs_addr *from,
                                       uint8_t *bytes, size_t count,
                                       struct hs_datagram_header *header, struct hs_view *body)
{
    int rc = hs_datagram_get_header(hs_view_of(bytes, count), header);

    if (rc) return drop_of(rc);
    if (header->cluster_hash != hs_seal_cluster_hash(post->seal)) return HS_POST_FOREIGN;
    if (hs_node_id_equal(&header->sender, &post->config.seal.self)) return HS_POST_FOREIGN;
    if (!hs_lives_is_proven(&post->lives, &header->sender, header->boot_id) && is_flood(post, from))
        return HS_POST_FLOOD;
    return drop_of(hs_seal_get(post->seal, header, bytes, count, body));
}

/* One of a life that is proven is answered where that was: it may be played back from anywhere. */
static enum hs_post_drop on_greeting(struct hs_post *post, const struct hs_addr *from,
                                     const struct hs_datagram_header *header)
{
    bool was_proven = hs_lives_is_proven(&post->lives, &header->sender, header->boot_id);
    struct hs_lives_greeting greeting;
    uint8_t                  nonce[HS_DATAGRAM_NONCE_BYTES];

    if (!draw(nonce)) return HS_POST_UNPROVEN;
    hs_lives_greet(&post->lives, now_of(post), header, &post->datagram.message, nonce, &greeting);
    if (greeting.is_new) hs_lives_set_address(&post->lives, &header->sender, from);
    if (was_proven) from = hs_lives_address(&post->lives, &header->sender);
    if (greeting.has_reply) send_greeting(post, &header->sender, from, &greeting.reply);
    if (greeting.is_new) {
        post->figures.lives++;
        release(post, &header->sender, from);
    }
    return drop_of_verdict(greeting.verdict);
}

static enum hs_post_drop take(struct hs_post *post, const struct hs_addr *from, uint8_t *bytes,
                              size_t count)
{
    struct hs_datagram_header header;
    struct hs_view            body;
    enum hs_post_drop         drop = open_datagram(post, from, bytes, count, &header, &body);

    if (drop) return drop;
    if (header.type != HS_DATAGRAM_GREET) {
        drop = drop_of_verdict(hs_lives_take(&post->lives, now_of(post), &header));
        /* Never more bytes than came: the sender's address may be a lie. */
        if (drop == HS_POST_UNPROVEN && count >= GREETING_BYTES)
            challenge(post, &header.sender, from);
        if (drop) return drop;
    }
    if (hs_datagram_decode(body, header.type, &post->datagram)) return HS_POST_MALFORMED;
    if (header.type == HS_DATAGRAM_GREET) return on_greeting(post, from, &header);
    post->figures.malformed_sections += post->datagram.malformed_count;
    post->config.on_datagram(post->config.owner, from, &header, &post->datagram);
    return HS_POST_KEPT;
}

static void note_drop(struct hs_post *post, enum hs_post_drop drop, const struct hs_addr *from)
{
    struct drop_log *log = &post->logs[drop];
    char             text[HS_ADDR_TEXT_BYTES];
    uint64_t         now_ns = now_of(post);

    post->figures.dropped[drop]++;
    if (drop == HS_POST_UNPROVEN) return; /* so it begins, each time a process does */
    log->unsaid_count++;
    if (now_ns < log->next_at_ns) return;
    log->next_at_ns = now_ns + HS_NS_PER_S;
    hs_addr_format(from, text, sizeof text);
    hs_log(HS_LOG_WARN, "post", "dropped reason=%s count=%" PRIu64 " last_from=%s",
           hs_post_drop_name(drop), log->unsaid_count, text);
    log->unsaid_count = 0;
}

/* The one whose ring it is of; whatever is of none is the first one's to count. */
static struct hs_post *post_for(struct hs_post *first, const uint8_t *bytes, size_t count)
{
    struct hs_datagram_header header;

    if (!first->beside || hs_datagram_get_header(hs_view_of(bytes, count), &header)) return first;
    for (struct hs_post *post = first->beside; post; post = post->beside)
        if (header.cluster_hash == hs_seal_cluster_hash(post->seal)) return post;
    return first;
}

static void on_datagram(struct hs_udp *udp, const struct hs_addr *from, uint8_t *bytes,
                        size_t count)
{
    struct hs_post   *post = HS_CONTAINER_OF(udp, struct hs_post, udp);
    enum hs_post_drop drop;

    HS_CHECK_MAGIC(post, POST_MAGIC);
    post = post_for(post, bytes, count);
    drop = take(post, from, bytes, count);
    if (drop) note_drop(post, drop, from);
}

/* ---- opening and closing */

static int open_sources(struct hs_post *post, struct hs_err *err)
{
    uint8_t  nonce[HS_DATAGRAM_NONCE_BYTES];
    uint64_t seed;

    HS_STATIC_ASSERT(sizeof nonce >= sizeof seed, "a seed is the beginning of it");
    if (hs_seal_draw(nonce)) return hs_err_set(err, -EIO, "draw a random number");
    memcpy(&seed, nonce, sizeof seed);
    hs_sources_init(&post->sources, seed);
    return 0;
}

int hs_post_open(struct hs_post **post, const struct hs_post_config *config,
                 const struct hs_keyring *ring, struct hs_err *err)
{
    struct hs_post *opened = calloc(1, sizeof *opened);
    int             rc;

    *post = NULL;
    if (!opened) return hs_err_set(err, -ENOMEM, "post");
    opened->magic = POST_MAGIC;
    opened->config = *config;
    opened->udp.on_datagram = on_datagram;
    hs_lives_init(&opened->lives);
    rc = open_sources(opened, err);
    if (!rc) rc = hs_seal_open(&opened->seal, &config->seal, ring, err);
    if (rc) goto fail_seal;
    opened->wire = config->beside ? config->beside->wire : &opened->udp;
    if (!config->beside) rc = hs_udp_open(&opened->udp, config->loop, config->fd);
    if (rc) {
        (void)hs_err_set(err, rc, "watch the gossip socket");
        goto fail_udp;
    }
    if (config->beside) {
        opened->beside = config->beside->beside;
        config->beside->beside = opened;
    }
    *post = opened;
    return 0;
fail_udp:
    hs_seal_close(&opened->seal);
fail_seal:
    free(opened);
    return rc;
}

static void leave_beside(struct hs_post *first, const struct hs_post *closing)
{
    while (first->beside != closing) {
        HS_ASSERT(first->beside);
        first = first->beside;
    }
    first->beside = closing->beside;
}

void hs_post_close(struct hs_post **post)
{
    struct hs_post *closing = *post;

    *post = NULL;
    if (!closing) return;
    HS_CHECK_MAGIC(closing, POST_MAGIC);
    if (closing->config.beside)
        leave_beside(closing->config.beside, closing);
    else
        hs_udp_close(&closing->udp);
    hs_seal_close(&closing->seal);
    closing->magic = 0;
    free(closing);
}

int hs_post_set_keyring(struct hs_post *post, const struct hs_keyring *ring, struct hs_err *err)
{
    return hs_seal_set_keyring(post->seal, ring, err);
}

void hs_post_set_incarnation(struct hs_post *post, uint64_t incarnation)
{
    hs_seal_set_incarnation(post->seal, incarnation);
}

void hs_post_forget(struct hs_post *post, const struct hs_node_id *id)
{
    hs_lives_forget(&post->lives, id);
}

void hs_post_figures(const struct hs_post *post, struct hs_post_figures *figures)
{
    *figures = post->figures;
    figures->udp = post->udp.figures;
}
