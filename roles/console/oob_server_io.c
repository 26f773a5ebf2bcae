// SPDX-License-Identifier: Apache-2.0
/* oob_server_io.c - question in, answer out. */
#include "roles/console/oob_server_io.h"

#include "roles/cluster/oob_key_io.h"
#include "roles/cluster/seal_io.h"
#include "roles/counters.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const enum hs_role_kind roles[HS_OOB_ROLES] = {HS_ROLE_GATE, HS_ROLE_MANAGER};

/* The role that the question is about, and its card. */
static bool find(const struct hs_oob_server *server, uint64_t target_low, enum hs_role_kind *kind,
                 struct hs_oob_card *card)
{
    for (unsigned i = 0; i < HS_OOB_ROLES; i++) {
        *kind = roles[i];
        if (server->cards[i] && hs_oob_card_load(server->cards[i], card) == 0 &&
            hs_oob_low(&card->node) == target_low)
            return true;
    }
    return false;
}

/* Whoever has heard a question can play it back: his address has its own bound. */
static bool is_flood(struct hs_oob_server *server, const struct hs_addr *from, uint64_t now_ns)
{
    static const struct hs_bucket_rate rate = {.interval_ns = HS_NS_PER_S / HS_OOB_OF_SOURCE_BURST,
                                               .burst = HS_OOB_OF_SOURCE_BURST};

    return !hs_sources_take(&server->sources, &rate, from, now_ns) ||
           !hs_oob_window_take(&server->window, HS_OOB_ANSWERS_PER_S, now_ns);
}

static enum hs_oob_verdict take(struct hs_oob_server *server, const struct hs_addr *from,
                                uint8_t *bytes, size_t count, uint64_t now_ns)
{
    struct hs_oob_frame question;
    struct hs_oob_frame answer;
    struct hs_oob_card  card;
    struct hs_vitals    vitals;
    enum hs_role_kind   kind;

    if (hs_oob_get(hs_view_of(bytes, count), &question) || question.type != HS_OOB_PING)
        return HS_OOB_BAD_FRAME;
    if (!find(server, question.target_low, &kind, &card)) return HS_OOB_NOT_HERE;
    if (hs_oob_verify(&card.keys, question.key_version, bytes)) return HS_OOB_BAD_TAG;
    if (is_flood(server, from, now_ns)) return HS_OOB_FLOOD;
    hs_vitals_load(hs_vitals_page(server->vitals, hs_process_idx_of(kind, 0)), &vitals);
    hs_oob_answer(&question, &card, &vitals, hs_loop_clock_ns(server->process->loop), &answer);
    hs_oob_put(bytes, &answer);
    return hs_oob_sign(&card.keys, answer.key_version, bytes) ? HS_OOB_BAD_TAG : HS_OOB_ANSWERED;
}

static void note_drop(struct hs_oob_server *server, enum hs_oob_verdict verdict,
                      const struct hs_addr *from, uint64_t now_ns)
{
    char text[HS_ADDR_TEXT_BYTES];

    hs_counter_add(server->process->counters, HS_COUNT_health_questions_dropped, 1);
    server->unsaid_count++;
    if (now_ns < server->log_at_ns) return;
    server->log_at_ns = now_ns + HS_NS_PER_S;
    hs_addr_format(from, text, sizeof text);
    hs_log(HS_LOG_WARN, "oob", "dropped count=%" PRIu64 " last_reason=%s last_from=%s",
           server->unsaid_count, hs_oob_verdict_name(verdict), text);
    server->unsaid_count = 0;
}

static void on_datagram(struct hs_udp *udp, const struct hs_addr *from, uint8_t *bytes,
                        size_t count)
{
    struct hs_oob_server *server = HS_CONTAINER_OF(udp, struct hs_oob_server, udp);
    uint64_t              now_ns = hs_loop_now_ns(server->process->loop);
    enum hs_oob_verdict   verdict = take(server, from, bytes, count, now_ns);

    if (verdict) {
        note_drop(server, verdict, from, now_ns);
        return;
    }
    hs_udp_send(udp, from, bytes, HS_OOB_BYTES);
    hs_counter_add(server->process->counters, HS_COUNT_health_questions_answered, 1);
}

int hs_oob_server_open(struct hs_oob_server *server, int fd, struct hs_err *err)
{
    uint8_t  nonce[HS_DATAGRAM_NONCE_BYTES];
    uint64_t seed;
    int      rc;

    if (fd < 0) return 0;
    if (hs_seal_draw(nonce)) return hs_err_set(err, -EIO, "draw a random number");
    memcpy(&seed, nonce, sizeof seed);
    hs_sources_init(&server->sources, seed);
    server->udp.on_datagram = on_datagram;
    rc = hs_udp_open(&server->udp, server->process->loop, fd);
    if (rc) return hs_err_set(err, rc, "watch the socket for questions of other hosts");
    server->is_open = true;
    return 0;
}

void hs_oob_server_close(struct hs_oob_server *server)
{
    if (server->is_open) hs_udp_close(&server->udp);
    server->is_open = false;
}
