// SPDX-License-Identifier: Apache-2.0
/* oob_key_io.c - HMAC by way of OpenSSL. The keys of the ring are uniform, so one step of HKDF's
 * second half is enough to make others of them (RFC 5869, 3.3). */
#include "roles/cluster/oob_key_io.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { DIGEST_BYTES = 32 };
#define LABEL "hyperscale health 1"

HS_STATIC_ASSERT((int)DIGEST_BYTES == (int)HS_KEYRING_KEY_BYTES, "a digest is a key");

static bool digest(const uint8_t key[HS_KEYRING_KEY_BYTES], const uint8_t *data, size_t bytes,
                   uint8_t out[DIGEST_BYTES])
{
    unsigned count = 0;

    return HMAC(EVP_sha256(), key, HS_KEYRING_KEY_BYTES, data, bytes, out, &count) &&
           count == DIGEST_BYTES;
}

int hs_oob_keys(const struct hs_keyring *ring, const struct hs_node_id *node,
                struct hs_keyring *keys)
{
    uint8_t          info[sizeof LABEL + 2 + sizeof *node];
    struct hs_writer out;

    HS_ASSERT(ring->count <= HS_KEYRING_KEYS_MAX);
    *keys = (struct hs_keyring){.count = ring->count, .used_version = ring->used_version};
    for (uint32_t i = 0; i < ring->count; i++) {
        hs_writer_init(&out, info, sizeof info);
        hs_put_bytes(&out, LABEL, sizeof LABEL);
        hs_put_u8(&out, ring->at[i].version);
        hs_put_bytes(&out, node->bytes, sizeof node->bytes);
        hs_put_u8(&out, 1); /* the first block of the expansion, and the only one */
        HS_ASSERT(!out.failed);
        keys->at[i].version = ring->at[i].version;
        if (!digest(ring->at[i].bytes, info, out.used_bytes, keys->at[i].bytes)) return -EIO;
    }
    return 0;
}

static int tag_of(const struct hs_keyring *keys, uint8_t version, const uint8_t *bytes,
                  uint8_t out[DIGEST_BYTES])
{
    for (uint32_t i = 0; i < keys->count; i++)
        if (keys->at[i].version == version)
            return digest(keys->at[i].bytes, bytes, HS_OOB_BODY_BYTES, out) ? 0 : -EIO;
    return -ENOKEY;
}

int hs_oob_sign(const struct hs_keyring *keys, uint8_t version, uint8_t bytes[HS_OOB_BYTES])
{
    uint8_t tag[DIGEST_BYTES];
    int     rc = tag_of(keys, version, bytes, tag);

    if (rc == 0) memcpy(bytes + HS_OOB_BODY_BYTES, tag, HS_OOB_TAG_BYTES);
    return rc;
}

int hs_oob_verify(const struct hs_keyring *keys, uint8_t version, const uint8_t bytes[HS_OOB_BYTES])
{
    uint8_t tag[DIGEST_BYTES];
    int     rc = tag_of(keys, version, bytes, tag);

    if (rc) return rc;
    return CRYPTO_memcmp(tag, bytes + HS_OOB_BODY_BYTES, HS_OOB_TAG_BYTES) ? -EBADMSG : 0;
}
