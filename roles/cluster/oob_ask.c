// SPDX-License-Identifier: Apache-2.0
/* oob_ask.c - the questions that are open, and when each node was last asked about. */
#include "roles/cluster/oob_ask.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <stddef.h>

enum { WAYS = 4, SETS = HS_OOB_TARGETS_MAX / WAYS };

bool hs_oob_window_take(struct hs_oob_window *window, uint32_t per_s, uint64_t now_ns)
{
    if (now_ns >= window->end_ns) *window = (struct hs_oob_window){.end_ns = now_ns + HS_NS_PER_S};
    if (window->count == per_s) return false;
    window->count++;
    return true;
}

/* Its own place; or, of the few that it may have, a free one or that of whoever was asked about
 * longest ago. */
static struct hs_oob_target *place_of(struct hs_oob_ask *ask, const struct hs_node_id *id)
{
    struct hs_oob_target *set;
    struct hs_oob_target *oldest;
    uint64_t              hash = 0;

    for (size_t i = 0; i < sizeof id->bytes; i++)
        hash = (hash ^ id->bytes[i]) * UINT64_C(0x100000001b3);
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    set = &ask->targets[(hash >> 32) % SETS * WAYS];
    oldest = set;
    for (int i = 0; i < WAYS; i++) {
        if (hs_node_id_equal(&set[i].id, id)) return &set[i];
        if (set[i].asked_at_ns < oldest->asked_at_ns) oldest = &set[i];
    }
    *oldest = (struct hs_oob_target){.id = *id};
    return oldest;
}

static struct hs_oob_question *free_question(struct hs_oob_ask *ask, uint64_t now_ns)
{
    struct hs_oob_question *found = NULL;

    for (int i = 0; i < HS_OOB_PENDING_MAX; i++) {
        struct hs_oob_question *question = &ask->pending[i];

        if (question->nonce && question->end_ns <= now_ns) {
            ask->counts.expired++;
            question->nonce = 0;
        }
        if (!question->nonce && !found) found = question;
    }
    return found;
}

enum hs_oob_asked hs_oob_ask(struct hs_oob_ask *ask, uint64_t now_ns,
                             const struct hs_node_id *target, uint64_t nonce)
{
    struct hs_oob_target   *place = place_of(ask, target);
    struct hs_oob_question *question;

    HS_ASSERT(nonce != 0);
    HS_ASSERT(!hs_node_id_is_none(target));
    if (place->asked_at_ns && now_ns - place->asked_at_ns < HS_OOB_GAP_NS) {
        ask->counts.refused++;
        return HS_OOB_TOO_SOON;
    }
    question = free_question(ask, now_ns);
    if (!question || !hs_oob_window_take(&ask->window, HS_OOB_PER_S, now_ns)) {
        ask->counts.refused++;
        return HS_OOB_TOO_MANY;
    }
    place->asked_at_ns = hs_max_u64(now_ns, 1);
    *question = (struct hs_oob_question){
        .target = *target, .nonce = nonce, .end_ns = now_ns + HS_OOB_TIMEOUT_NS};
    ask->counts.asked++;
    return HS_OOB_ASKED;
}

static struct hs_oob_question *find(struct hs_oob_ask *ask, uint64_t nonce)
{
    for (int i = 0; i < HS_OOB_PENDING_MAX; i++)
        if (ask->pending[i].nonce == nonce) return &ask->pending[i];
    return NULL;
}

const struct hs_node_id *hs_oob_ask_find(struct hs_oob_ask *ask, uint64_t now_ns, uint64_t nonce)
{
    struct hs_oob_question *question = nonce ? find(ask, nonce) : NULL;

    if (question && question->end_ns > now_ns) return &question->target;
    ask->counts.strays++;
    return NULL;
}

void hs_oob_ask_end(struct hs_oob_ask *ask, uint64_t nonce)
{
    struct hs_oob_question *question = find(ask, nonce);

    HS_ASSERT(question != NULL);
    question->nonce = 0;
    ask->counts.answered++;
}
