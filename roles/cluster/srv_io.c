// SPDX-License-Identifier: Apache-2.0
/* srv_io.c - the C library's resolver: it sends, waits and takes names apart; what it hands over is
 * still a stranger's. */
#include "roles/cluster/srv_io.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <string.h>

enum { ANSWER_BYTES = 8192, SRV_FIXED_BYTES = 6, TRIES = 1 };

/* Bytes of the answer; -ENOENT, -EAGAIN. */
static int ask(const char *name, int type, uint8_t *answer)
{
    struct __res_state state;
    int                got;
    int                failure;

    memset(&state, 0, sizeof state);
    if (res_ninit(&state) != 0) return -EAGAIN;
    state.retrans = HS_SRV_WAIT_S;
    state.retry = TRIES;
    got = res_nquery(&state, name, ns_c_in, type, answer, ANSWER_BYTES);
    failure = state.res_h_errno;
    res_nclose(&state);
    if (got >= 0) return got <= ANSWER_BYTES ? got : ANSWER_BYTES;
    return failure == HOST_NOT_FOUND || failure == NO_DATA ? -ENOENT : -EAGAIN;
}

static bool is_before(const struct hs_srv_target *a, const struct hs_srv_target *b)
{
    return a->priority != b->priority ? a->priority < b->priority : a->weight > b->weight;
}

/* In its place; the last one falls off. */
static void insert(struct hs_srv_answer *answer, const struct hs_srv_target *target)
{
    unsigned at = answer->count;

    if (at == HS_SRV_TARGETS_MAX) {
        if (!is_before(target, &answer->targets[at - 1])) return;
        at--;
    } else {
        answer->count++;
    }
    for (; at > 0 && is_before(target, &answer->targets[at - 1]); at--)
        answer->targets[at] = answer->targets[at - 1];
    answer->targets[at] = *target;
}

static void take(const ns_msg *message, const ns_rr *record, struct hs_srv_answer *answer)
{
    struct hs_srv_target target;
    const uint8_t       *data = ns_rr_rdata(*record);
    char                 host[NS_MAXDNAME];

    if (ns_rr_rdlen(*record) <= SRV_FIXED_BYTES) return;
    target.priority = (uint16_t)ns_get16(data);
    target.weight = (uint16_t)ns_get16(data + 2);
    target.port = (uint16_t)ns_get16(data + 4);
    if (dn_expand(ns_msg_base(*message), ns_msg_end(*message), data + SRV_FIXED_BYTES, host,
                  sizeof host) < 0)
        return;
    /* "." says that the service is decidedly not here. */
    if (!host[0] || strcmp(host, ".") == 0 || strlen(host) >= sizeof target.host || !target.port)
        return;
    memcpy(target.host, host, strlen(host) + 1);
    insert(answer, &target);
}

static void shorten(uint32_t *ttl_s, const ns_rr *record)
{
    if (!*ttl_s || ns_rr_ttl(*record) < *ttl_s)
        *ttl_s = ns_rr_ttl(*record) ? ns_rr_ttl(*record) : 1;
}

int hs_srv_look_up(const char *name, struct hs_srv_answer *answer)
{
    uint8_t bytes[ANSWER_BYTES];
    int     got = ask(name, ns_t_srv, bytes);
    ns_msg  message;
    ns_rr   record;

    memset(answer, 0, sizeof *answer);
    if (got < 0) return got;
    if (ns_initparse(bytes, got, &message) != 0) return -EPROTO;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        if (ns_parserr(&message, ns_s_an, i, &record) != 0) return -EPROTO;
        shorten(&answer->ttl_s, &record);
        if (ns_rr_type(record) == ns_t_srv) take(&message, &record, answer);
    }
    return answer->count ? 0 : -ENOENT;
}

uint32_t hs_srv_host_ttl_s(const char *host, bool is_ipv6)
{
    uint8_t  bytes[ANSWER_BYTES];
    int      got = ask(host, is_ipv6 ? ns_t_aaaa : ns_t_a, bytes);
    ns_msg   message;
    ns_rr    record;
    uint32_t ttl_s = 0;

    if (got < 0 || ns_initparse(bytes, got, &message) != 0) return 0;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++)
        if (ns_parserr(&message, ns_s_an, i, &record) == 0) shorten(&ttl_s, &record);
    return ttl_s;
}
