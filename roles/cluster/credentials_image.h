// SPDX-License-Identifier: Apache-2.0
/* credentials_image.h - the files of one credentials directory as a segment's body, so that the
 * supervisor, which may read them, can hand them to a role that may not. Bytes only: what they mean
 * is credentials_io.h's. */
#ifndef HS_CLUSTER_CREDENTIALS_IMAGE_H
#define HS_CLUSTER_CREDENTIALS_IMAGE_H

#include "roles/cluster/certificate_io.h"
#include "roles/cluster/keyring.h"

enum { HS_CREDENTIALS_IMAGE_VERSION = 1 };

struct hs_credentials_texts { /* the files' contents */
    struct hs_view key;       /* node.key */
    struct hs_view certificate;
    struct hs_view authority;
    struct hs_view revoked;
    struct hs_view keyring; /* gossip.keys; empty for clients and operators */
};

struct hs_credentials_image {
    uint32_t key_bytes;
    uint32_t certificate_bytes;
    uint32_t authority_bytes;
    uint32_t revoked_bytes;
    uint32_t keyring_bytes;
    uint8_t  key[HS_CERTIFICATE_TEXT_BYTES_MAX];
    uint8_t  certificate[HS_CERTIFICATE_TEXT_BYTES_MAX];
    uint8_t  authority[HS_CERTIFICATE_TEXT_BYTES_MAX];
    uint8_t  keyring[HS_KEYRING_TEXT_BYTES];
    uint8_t  revoked[HS_REVOKED_TEXT_BYTES_MAX];
};

/* Views into image; -EPROTO: a length that cannot be. */
int hs_credentials_image_texts(const struct hs_credentials_image *image,
                               struct hs_credentials_texts       *texts) HS_MUST_CHECK;
/* Reads the directory at path (credentials_image_io.c). is_host: a key ring must be there. A key
 * that others can read is refused. */
int hs_credentials_image_read(struct hs_credentials_image *image, const char *path, bool is_host,
                              struct hs_err *err) HS_MUST_CHECK;

#endif
