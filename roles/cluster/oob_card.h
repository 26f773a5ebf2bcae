// SPDX-License-Identifier: Apache-2.0
/* oob_card.h - what a role leaves with the console of its host, so that the console can answer out
 * of band that it lives while its loop stands still: who it is, the incarnation and load that it
 * last had, and the keys that such answers are signed with (oob_key_io.h). Body of a segment:
 * HS_SHARE_GATE_CARD and HS_SHARE_MANAGER_CARD, written by that role alone. Pure. */
#ifndef HS_CLUSTER_OOB_CARD_H
#define HS_CLUSTER_OOB_CARD_H

#include "roles/cluster/keyring.h"
#include "roles/cluster/node_id.h"
#include "shm/base/assert.h"
#include "shm/latch.h"

enum { HS_OOB_CARD_VERSION = 1, HS_OOB_CARD_WORDS = 20, HS_OOB_CARD_BODY_BYTES = 4096 };

struct hs_oob_card_shm {
    hs_word latch[HS_LATCH_WORDS(HS_OOB_CARD_WORDS)];
    uint8_t rest[HS_OOB_CARD_BODY_BYTES - HS_LATCH_WORDS(HS_OOB_CARD_WORDS) * HS_WORD_BYTES];
};
HS_STATIC_ASSERT(sizeof(struct hs_oob_card_shm) == HS_OOB_CARD_BODY_BYTES, "layout is shared");

struct hs_oob_card {
    struct hs_node_id node; /* none: nothing was left yet */
    uint64_t          incarnation;
    uint8_t           load; /* enum hs_health_load */
    struct hs_keyring keys;
};

void hs_oob_card_store(struct hs_oob_card_shm *shm, const struct hs_oob_card *card);
/* 0; -ENOENT: nothing was left; -EAGAIN: it is just being changed; -EPROTO: nonsense. */
int hs_oob_card_load(const struct hs_oob_card_shm *shm, struct hs_oob_card *card) HS_MUST_CHECK;

#endif
