// SPDX-License-Identifier: Apache-2.0
/* oob_ask_io.c - between the socket and the questions that are open. */
#include "roles/cluster/oob_ask_io.h"

#include "roles/cluster/seal_io.h"
#include "shm/base/assert.h"
#include "shm/base/list.h"
#include "shm/base/log.h"

#include <errno.h>
#include <stdlib.h>

enum { ASKER_MAGIC = 0x6f6f6261 };

struct hs_oob_asker {
    uint32_t                   magic;
    struct hs_oob_asker_config config;
    struct hs_udp              udp;
    struct hs_keyring          ring;
    struct hs_oob_ask          ask;
    uint64_t                   bad_count;
};

/* Nobody who has not seen the question can know it. */
static int draw(uint64_t *nonce)
{
    uint8_t bytes[HS_DATAGRAM_NONCE_BYTES];

    if (hs_seal_draw(bytes)) return -EIO;
    memcpy(nonce, bytes, sizeof *nonce);
    return *nonce ? 0 : -EIO;
}

static int make_question(const struct hs_oob_asker *asker, const struct hs_node_id *node,
                         uint64_t nonce, uint8_t bytes[HS_OOB_BYTES])
{
    const struct hs_oob_frame question = {.type = HS_OOB_PING,
                                          .key_version = asker->ring.used_version,
                                          .nonce = nonce,
                                          .target_low = hs_oob_low(node)};
    struct hs_keyring         keys;
    int                       rc = hs_oob_keys(&asker->ring, node, &keys);

    if (rc) return rc;
    hs_oob_put(bytes, &question);
    rc = hs_oob_sign(&keys, question.key_version, bytes);
    explicit_bzero(&keys, sizeof keys);
    return rc;
}

void hs_oob_asker_ask(struct hs_oob_asker *asker, const struct hs_node_id *node,
                      const struct hs_addr *address)
{
    uint64_t now_ns = hs_loop_now_ns(asker->config.loop);
    uint8_t  bytes[HS_OOB_BYTES];
    uint64_t nonce;
    int      rc = draw(&nonce);

    HS_CHECK_MAGIC(asker, ASKER_MAGIC);
    if (rc == 0 && hs_oob_ask(&asker->ask, now_ns, node, nonce) != HS_OOB_ASKED) return;
    if (rc == 0) rc = make_question(asker, node, nonce, bytes);
    if (rc)
        hs_log(HS_LOG_ERROR, "oob", "not_asked reason=\"%s\"", hs_err_code_text(rc));
    else
        hs_udp_send(&asker->udp, address, bytes, sizeof bytes);
}

static bool is_authentic(const struct hs_oob_asker *asker, const struct hs_node_id *node,
                         const struct hs_oob_frame *answer, const uint8_t *bytes)
{
    struct hs_keyring keys;
    bool              is_good = hs_oob_keys(&asker->ring, node, &keys) == 0 &&
                   hs_oob_verify(&keys, answer->key_version, bytes) == 0;

    explicit_bzero(&keys, sizeof keys);
    return is_good;
}

/* The nonce comes first: whoever does not know one does not make us compute. */
static void on_datagram(struct hs_udp *udp, const struct hs_addr *from, uint8_t *bytes,
                        size_t count)
{
    struct hs_oob_asker     *asker = HS_CONTAINER_OF(udp, struct hs_oob_asker, udp);
    uint64_t                 now_ns = hs_loop_now_ns(asker->config.loop);
    struct hs_oob_frame      answer;
    const struct hs_node_id *found;
    struct hs_node_id        node;

    (void)from; /* an answer may come from another of its host's addresses */
    if (hs_oob_get(hs_view_of(bytes, count), &answer) || answer.type != HS_OOB_PONG) {
        asker->bad_count++;
        return;
    }
    found = hs_oob_ask_find(&asker->ask, now_ns, answer.nonce);
    if (!found) return;
    node = *found;
    if (answer.target_low != hs_oob_low(&node) || !is_authentic(asker, &node, &answer, bytes)) {
        asker->bad_count++;
        return;
    }
    hs_oob_ask_end(&asker->ask, answer.nonce);
    asker->config.on_answer(asker->config.owner, &node, &answer);
}

int hs_oob_asker_open(struct hs_oob_asker **asker, const struct hs_oob_asker_config *config,
                      const struct hs_keyring *ring, struct hs_err *err)
{
    struct hs_oob_asker *opened = calloc(1, sizeof *opened);
    int                  rc;

    *asker = NULL;
    if (!opened) return hs_err_set(err, -ENOMEM, "questions out of band");
    opened->magic = ASKER_MAGIC;
    opened->config = *config;
    opened->ring = *ring;
    opened->udp.on_datagram = on_datagram;
    rc = hs_udp_open(&opened->udp, config->loop, config->fd);
    if (rc) {
        free(opened);
        return hs_err_set(err, rc, "watch the socket for questions out of band");
    }
    *asker = opened;
    return 0;
}

void hs_oob_asker_close(struct hs_oob_asker **asker)
{
    struct hs_oob_asker *closing = *asker;

    *asker = NULL;
    if (!closing) return;
    hs_udp_close(&closing->udp);
    explicit_bzero(closing, sizeof *closing);
    free(closing);
}

void hs_oob_asker_set_ring(struct hs_oob_asker *asker, const struct hs_keyring *ring)
{
    asker->ring = *ring;
}

void hs_oob_asker_figures(const struct hs_oob_asker *asker, struct hs_oob_asker_figures *figures)
{
    *figures = (struct hs_oob_asker_figures){.asks = asker->ask.counts, .bad = asker->bad_count};
}
