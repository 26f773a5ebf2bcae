// SPDX-License-Identifier: Apache-2.0
/* seal_io.c - AES-256-GCM and HKDF by way of OpenSSL; keys of senders are derived once and kept. */
#include "roles/cluster/seal_io.h"

#include "roles/cluster/certificate_io.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

enum {
    SEAL_MAGIC = 0x7365616c,
    NONCE_BYTES = 12,
    SALT_BYTES = 128,
    KEPT_MAX = 1024, /* derived keys, one place for each hash: a collision derives anew */
    AAD_BYTES = HS_DATAGRAM_HEADER_BYTES + sizeof(struct hs_node_id)
};
#define LABEL "hyperscale gossip 1"

struct kept_key {
    struct hs_node_id sender;
    uint64_t          boot_id; /* 0: nothing is kept here */
    uint8_t           version;
    uint8_t           bytes[HS_KEYRING_KEY_BYTES];
};

struct hs_seal {
    uint32_t          magic;
    struct hs_node_id self;
    uint64_t          incarnation;
    uint64_t          boot_id;
    uint64_t          counter; /* of the last datagram sealed */
    uint64_t          cluster_hash;
    struct hs_keyring ring;
    uint8_t           own_key[HS_KEYRING_KEY_BYTES]; /* derived from the key in use */
    char              salt[SALT_BYTES];
    EVP_KDF          *kdf;
    EVP_CIPHER       *cipher;
    EVP_CIPHER_CTX   *context;
    struct kept_key   kept[KEPT_MAX];
};

int hs_seal_draw(uint8_t nonce[HS_DATAGRAM_NONCE_BYTES])
{
    uint8_t any = 0;

    if (RAND_bytes(nonce, HS_DATAGRAM_NONCE_BYTES) != 1) return -EIO;
    for (int i = 0; i < HS_DATAGRAM_NONCE_BYTES; i++) any |= nonce[i];
    return any ? 0 : -EIO; /* so improbable that the generator must be broken */
}

/* ---- keys */

static const struct hs_keyring_key *find_key(const struct hs_keyring *ring, uint8_t version)
{
    for (uint32_t i = 0; i < ring->count; i++)
        if (ring->at[i].version == version) return &ring->at[i];
    return NULL;
}

static int derive(const struct hs_seal *seal, const struct hs_keyring_key *key,
                  const struct hs_node_id *sender, uint64_t boot_id,
                  uint8_t out[HS_KEYRING_KEY_BYTES])
{
    uint8_t          info[sizeof LABEL + 1 + sizeof *sender + sizeof boot_id];
    struct hs_writer writer;
    char             digest[] = "SHA256";
    EVP_KDF_CTX     *context = EVP_KDF_CTX_new(seal->kdf);
    OSSL_PARAM       params[5];
    uint8_t          secret[HS_KEYRING_KEY_BYTES];
    char             salt[SALT_BYTES];
    int              rc;

    if (!context) return -ENOMEM;
    memcpy(secret, key->bytes, sizeof secret); /* OpenSSL takes no pointers to const */
    memcpy(salt, seal->salt, sizeof salt);
    hs_writer_init(&writer, info, sizeof info);
    hs_put_bytes(&writer, LABEL, sizeof LABEL);
    hs_put_u8(&writer, key->version);
    hs_put_bytes(&writer, sender->bytes, sizeof sender->bytes);
    hs_put_u64le(&writer, boot_id);
    HS_ASSERT(!writer.failed);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, sizeof secret);
    params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, strlen(salt));
    params[3] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, writer.used_bytes);
    params[4] = OSSL_PARAM_construct_end();
    rc = EVP_KDF_derive(context, out, HS_KEYRING_KEY_BYTES, params) == 1 ? 0 : -EIO;
    EVP_KDF_CTX_free(context);
    explicit_bzero(secret, sizeof secret);
    return rc;
}

static struct kept_key *place_of(struct hs_seal *seal, const struct hs_datagram_header *header)
{
    uint64_t word;

    memcpy(&word, header->sender.bytes, sizeof word);
    word = (word ^ header->boot_id ^ header->key_version) * UINT64_C(0x9e3779b97f4a7c15);
    return &seal->kept[word >> 54];
}

static bool is_kept(const struct kept_key *kept, const struct hs_datagram_header *header)
{
    HS_STATIC_ASSERT(KEPT_MAX == 1 << 10, "place_of takes ten bits");
    return kept->boot_id == header->boot_id && kept->version == header->key_version &&
           hs_node_id_equal(&kept->sender, &header->sender);
}

static void keep(struct kept_key *kept, const struct hs_datagram_header *header,
                 const uint8_t key[HS_KEYRING_KEY_BYTES])
{
    kept->sender = header->sender;
    kept->boot_id = header->boot_id;
    kept->version = header->key_version;
    memcpy(kept->bytes, key, sizeof kept->bytes);
}

int hs_seal_set_keyring(struct hs_seal *seal, const struct hs_keyring *ring, struct hs_err *err)
{
    const struct hs_keyring_key *used = find_key(ring, ring->used_version);
    uint8_t                      own[HS_KEYRING_KEY_BYTES];

    HS_CHECK_MAGIC(seal, SEAL_MAGIC);
    if (!used) return hs_err_refuse(err, "the key ring has no key that seals");
    if (derive(seal, used, &seal->self, seal->boot_id, own))
        return hs_openssl_failed(err, "derive a key");
    memcpy(seal->own_key, own, sizeof own);
    seal->ring = *ring;
    explicit_bzero(seal->kept, sizeof seal->kept);
    explicit_bzero(own, sizeof own);
    return 0;
}

/* ---- opening and closing */

static int draw_boot_id(struct hs_seal *seal)
{
    uint8_t nonce[HS_DATAGRAM_NONCE_BYTES];

    if (hs_seal_draw(nonce)) return -EIO;
    memcpy(&seal->boot_id, nonce, sizeof seal->boot_id);
    if (!seal->boot_id) seal->boot_id = 1;
    return 0;
}

static int prepare(struct hs_seal *seal, const struct hs_seal_config *config)
{
    int bytes = snprintf(seal->salt, sizeof seal->salt, "%s/%s/%s", config->cluster,
                         config->environment, config->ring);

    HS_ASSERT(bytes > 0 && (size_t)bytes < sizeof seal->salt);
    seal->magic = SEAL_MAGIC;
    seal->self = config->self;
    seal->incarnation = config->incarnation;
    seal->cluster_hash = hs_datagram_cluster_hash(seal->salt);
    seal->kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    seal->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    seal->context = EVP_CIPHER_CTX_new();
    return seal->kdf && seal->cipher && seal->context ? draw_boot_id(seal) : -EIO;
}

int hs_seal_open(struct hs_seal **seal, const struct hs_seal_config *config,
                 const struct hs_keyring *ring, struct hs_err *err)
{
    struct hs_seal *opened = calloc(1, sizeof *opened);
    int             rc;

    *seal = NULL;
    if (!opened) return hs_err_set(err, -ENOMEM, "seal");
    rc = prepare(opened, config);
    if (rc)
        rc = hs_openssl_failed(err, "prepare to seal");
    else
        rc = hs_seal_set_keyring(opened, ring, err);
    if (rc)
        hs_seal_close(&opened);
    else
        *seal = opened;
    return rc;
}

void hs_seal_close(struct hs_seal **seal)
{
    struct hs_seal *closing = *seal;

    *seal = NULL;
    if (!closing) return;
    EVP_CIPHER_CTX_free(closing->context);
    EVP_CIPHER_free(closing->cipher);
    EVP_KDF_free(closing->kdf);
    explicit_bzero(closing, sizeof *closing);
    free(closing);
}

void hs_seal_set_incarnation(struct hs_seal *seal, uint64_t incarnation)
{
    seal->incarnation = incarnation;
}

uint64_t hs_seal_cluster_hash(const struct hs_seal *seal)
{
    return seal->cluster_hash;
}

/* ---- datagrams */

static void put_nonce(uint8_t nonce[NONCE_BYTES], uint64_t counter)
{
    struct hs_writer writer;

    hs_writer_init(&writer, nonce, NONCE_BYTES);
    hs_put_u32le(&writer, 0);
    hs_put_u64le(&writer, counter);
}

static void put_aad(uint8_t aad[AAD_BYTES], const uint8_t *header, const struct hs_node_id *to)
{
    memcpy(aad, header, HS_DATAGRAM_HEADER_BYTES);
    memcpy(aad + HS_DATAGRAM_HEADER_BYTES, to->bytes, sizeof to->bytes);
}

static bool encrypt(struct hs_seal *seal, const struct hs_node_id *to, uint8_t *datagram,
                    int body_bytes)
{
    uint8_t *body = datagram + HS_DATAGRAM_HEADER_BYTES;
    uint8_t  nonce[NONCE_BYTES];
    uint8_t  aad[AAD_BYTES];
    int      bytes;

    put_nonce(nonce, seal->counter);
    put_aad(aad, datagram, to);
    return EVP_EncryptInit_ex2(seal->context, seal->cipher, seal->own_key, nonce, NULL) == 1 &&
           EVP_EncryptUpdate(seal->context, NULL, &bytes, aad, AAD_BYTES) == 1 &&
           EVP_EncryptUpdate(seal->context, body, &bytes, body, body_bytes) == 1 &&
           EVP_EncryptFinal_ex(seal->context, body + bytes, &bytes) == 1 &&
           EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_AEAD_GET_TAG, HS_DATAGRAM_TAG_BYTES,
                               body + body_bytes) == 1;
}

int hs_seal_put(struct hs_seal *seal, enum hs_datagram_type type, const struct hs_node_id *to,
                uint8_t *datagram, size_t body_bytes)
{
    struct hs_datagram_header header = {.type = type,
                                        .flags = hs_node_id_is_none(to) ? HS_DATAGRAM_TO_ANY : 0,
                                        .key_version = seal->ring.used_version,
                                        .cluster_hash = seal->cluster_hash,
                                        .sender = seal->self,
                                        .incarnation = seal->incarnation,
                                        .boot_id = seal->boot_id,
                                        .counter = ++seal->counter};

    HS_CHECK_MAGIC(seal, SEAL_MAGIC);
    HS_ASSERT(body_bytes <= HS_DATAGRAM_BODY_BYTES_MAX);
    HS_ASSERT(seal->counter); /* 2^64 datagrams are out of reach */
    hs_datagram_put_header(datagram, &header);
    if (!encrypt(seal, to, datagram, (int)body_bytes)) return -EIO;
    return (int)(HS_DATAGRAM_HEADER_BYTES + body_bytes + HS_DATAGRAM_TAG_BYTES);
}

/* Tag first, as far as anybody can see: until Final has said yes, the bytes mean nothing. */
static bool decrypt(struct hs_seal *seal, const uint8_t key[HS_KEYRING_KEY_BYTES],
                    const struct hs_datagram_header *header, uint8_t *datagram, int body_bytes)
{
    static const struct hs_node_id anybody;
    uint8_t                       *body = datagram + HS_DATAGRAM_HEADER_BYTES;
    uint8_t                        nonce[NONCE_BYTES];
    uint8_t                        aad[AAD_BYTES];
    int                            bytes;

    put_nonce(nonce, header->counter);
    put_aad(aad, datagram, header->flags & HS_DATAGRAM_TO_ANY ? &anybody : &seal->self);
    return EVP_DecryptInit_ex2(seal->context, seal->cipher, key, nonce, NULL) == 1 &&
           EVP_DecryptUpdate(seal->context, NULL, &bytes, aad, AAD_BYTES) == 1 &&
           EVP_DecryptUpdate(seal->context, body, &bytes, body, body_bytes) == 1 &&
           EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_AEAD_SET_TAG, HS_DATAGRAM_TAG_BYTES,
                               body + body_bytes) == 1 &&
           EVP_DecryptFinal_ex(seal->context, body + bytes, &bytes) == 1;
}

/* What does not open leaves no key behind: a forger makes us derive, and nothing else. */
int hs_seal_get(struct hs_seal *seal, const struct hs_datagram_header *header, uint8_t *datagram,
                size_t bytes, struct hs_view *body)
{
    const struct hs_keyring_key *key = find_key(&seal->ring, header->key_version);
    struct kept_key             *kept = place_of(seal, header);
    size_t  body_bytes = bytes - HS_DATAGRAM_HEADER_BYTES - HS_DATAGRAM_TAG_BYTES;
    uint8_t derived[HS_KEYRING_KEY_BYTES];
    bool    was_kept = is_kept(kept, header);
    int     rc = 0;

    HS_CHECK_MAGIC(seal, SEAL_MAGIC);
    HS_ASSERT(bytes >= HS_DATAGRAM_HEADER_BYTES + HS_DATAGRAM_TAG_BYTES);
    HS_ASSERT(bytes <= HS_DATAGRAM_BYTES_MAX);
    if (!key) return -ENOKEY;
    if (was_kept)
        memcpy(derived, kept->bytes, sizeof derived);
    else if (derive(seal, key, &header->sender, header->boot_id, derived))
        return -EIO;
    if (!decrypt(seal, derived, header, datagram, (int)body_bytes))
        rc = -EBADMSG;
    else if (!was_kept)
        keep(kept, header, derived);
    explicit_bzero(derived, sizeof derived);
    *body = hs_view_of(datagram + HS_DATAGRAM_HEADER_BYTES, rc ? 0 : body_bytes);
    return rc;
}

uint32_t hs_seal_mark(const struct hs_keyring *ring)
{
    static const char label[] = "hyperscale keyring mark";
    uint8_t           text[sizeof label + HS_KEYRING_TEXT_BYTES];
    uint8_t           digest[EVP_MAX_MD_SIZE];
    struct hs_writer  writer;
    struct hs_reader  reader;
    uint32_t          mark;
    int               is_done;

    hs_writer_init(&writer, text, sizeof text);
    hs_put_bytes(&writer, label, sizeof label);
    hs_keyring_print(ring, &writer);
    HS_ASSERT(!writer.failed);
    is_done = EVP_Digest(text, writer.used_bytes, digest, NULL, EVP_sha256(), NULL);
    HS_ASSERT(is_done == 1);
    explicit_bzero(text, sizeof text);
    hs_reader_init(&reader, hs_view_of(digest, sizeof mark));
    mark = hs_get_u32le(&reader);
    return mark ? mark : 1;
}
