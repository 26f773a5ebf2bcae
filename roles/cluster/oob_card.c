// SPDX-License-Identifier: Apache-2.0
/* oob_card.c - a card as words: id, incarnation, load and numbers of keys, keys. */
#include "roles/cluster/oob_card.h"

#include "roles/cluster/datagram.h"

#include <errno.h>

enum { ID_IDX = 0, INCARNATION_IDX = 2, NUMBERS_IDX = 3, VERSIONS_IDX = 4, KEYS_IDX = 8 };
HS_STATIC_ASSERT(KEYS_IDX + HS_KEYRING_KEYS_MAX * HS_KEYRING_KEY_BYTES / HS_WORD_BYTES ==
                     HS_OOB_CARD_WORDS,
                 "the keys are the last of it");
HS_STATIC_ASSERT(VERSIONS_IDX + HS_KEYRING_KEYS_MAX <= KEYS_IDX, "a word each");

void hs_oob_card_store(struct hs_oob_card_shm *shm, const struct hs_oob_card *card)
{
    uint64_t words[HS_OOB_CARD_WORDS] = {0};

    HS_ASSERT(card->keys.count <= HS_KEYRING_KEYS_MAX);
    memcpy(&words[ID_IDX], card->node.bytes, sizeof card->node.bytes);
    words[INCARNATION_IDX] = card->incarnation;
    words[NUMBERS_IDX] =
        card->load | (uint64_t)card->keys.used_version << 8 | (uint64_t)card->keys.count << 16;
    for (uint32_t i = 0; i < card->keys.count; i++) {
        words[VERSIONS_IDX + i] = card->keys.at[i].version;
        memcpy(&words[KEYS_IDX + i * HS_KEYRING_KEY_BYTES / HS_WORD_BYTES], card->keys.at[i].bytes,
               HS_KEYRING_KEY_BYTES);
    }
    hs_latch_store(shm->latch, words, HS_OOB_CARD_WORDS);
}

int hs_oob_card_load(const struct hs_oob_card_shm *shm, struct hs_oob_card *card)
{
    uint64_t words[HS_OOB_CARD_WORDS];
    int      rc = hs_latch_load(shm->latch, words, HS_OOB_CARD_WORDS);

    if (rc) return rc;
    *card = (struct hs_oob_card){.incarnation = words[INCARNATION_IDX],
                                 .load = (uint8_t)words[NUMBERS_IDX],
                                 .keys = {.count = (uint32_t)(words[NUMBERS_IDX] >> 16),
                                          .used_version = (uint8_t)(words[NUMBERS_IDX] >> 8)}};
    memcpy(card->node.bytes, &words[ID_IDX], sizeof card->node.bytes);
    if (hs_node_id_is_none(&card->node)) return -ENOENT;
    if (!card->incarnation || card->load >= HS_LOAD_COUNT || card->keys.count > HS_KEYRING_KEYS_MAX)
        return -EPROTO;
    for (uint32_t i = 0; i < card->keys.count; i++) {
        card->keys.at[i].version = (uint8_t)words[VERSIONS_IDX + i];
        memcpy(card->keys.at[i].bytes, &words[KEYS_IDX + i * HS_KEYRING_KEY_BYTES / HS_WORD_BYTES],
               HS_KEYRING_KEY_BYTES);
    }
    return 0;
}
