// SPDX-License-Identifier: Apache-2.0
/* keyring.h - the keys that seal the gossip of a cluster, and the file they lie in:
 *
 *     hyperscale-keyring 1
 *     use 2
 *     key 1 HEX
 *     key 2 HEX
 *
 * The first line names the format. `use` names the key that seals what is sent; all of them open
 * what is received. Versions of keys are 1 to 255, ascending; HEX is 64 lowercase digits. There is
 * nothing else in it: no comments, no blank lines, no second way to write the same. Pure. */
#ifndef HS_CLUSTER_KEYRING_H
#define HS_CLUSTER_KEYRING_H

#include "shm/base/bytes.h"

enum {
    HS_KEYRING_KEYS_MAX = 3,
    HS_KEYRING_KEY_BYTES = 32,
    HS_KEYRING_TEXT_BYTES = 320 /* holds any ring as text */
};

struct hs_keyring_key {
    uint8_t version; /* 1 to 255: it travels in one byte of each datagram */
    uint8_t bytes[HS_KEYRING_KEY_BYTES];
};

struct hs_keyring {
    uint32_t              count;
    uint8_t               used_version; /* seals what is sent */
    struct hs_keyring_key at[HS_KEYRING_KEYS_MAX];
};

/* 0, or -EINVAL with a sentence that names the line, never a key. ring is written only on success;
 * text may hold any bytes. */
int  hs_keyring_parse(struct hs_view text, struct hs_keyring *ring,
                      struct hs_err *err) HS_MUST_CHECK;
void hs_keyring_print(const struct hs_keyring *ring, struct hs_writer *out);

/* The steps of a rotation. Each is taken on all hosts before the next: a key that some do not hold
 * yet must not seal, and one that some still seal with must not go. -EINVAL with a sentence, and
 * the ring as it was. */
/* The next version; *version is it. The ring goes on sealing with the key that it used. */
int hs_keyring_install(struct hs_keyring *ring, const uint8_t key[HS_KEYRING_KEY_BYTES],
                       uint8_t *version, struct hs_err *err) HS_MUST_CHECK;
int hs_keyring_use(struct hs_keyring *ring, uint8_t version, struct hs_err *err) HS_MUST_CHECK;
int hs_keyring_remove(struct hs_keyring *ring, uint8_t version, struct hs_err *err) HS_MUST_CHECK;

#endif
