// SPDX-License-Identifier: Apache-2.0
/* authority_io.h - the authority of a cluster: makes itself, issues certificates, takes them back.
 * Touches no file and reads no clock; keys come and go as PEM text.
 *
 * Keys are P-256 and signatures ECDSA with SHA-256: the one curve that every implementation of TLS
 * 1.3 must have, the fastest there is in OpenSSL on servers, and one that tokens for an authority's
 * key can hold, which cannot be said of Ed25519. */
#ifndef HS_CLUSTER_AUTHORITY_IO_H
#define HS_CLUSTER_AUTHORITY_IO_H

#include "roles/cluster/certificate_io.h"
#include "roles/cluster/keyring.h"

/* Owns its parts. The key is an EVP_PKEY. */
struct hs_authority {
    struct hs_trust     trust;
    struct evp_pkey_st *key;
};

/* Seconds since 1970; both ends belong to it. */
struct hs_validity {
    uint64_t from_s;
    uint64_t until_s;
};

/* A certificate and its key; owned by whoever holds the struct. */
struct hs_issued {
    struct x509_st     *certificate;
    struct evp_pkey_st *key;
    char                serial[HS_SERIAL_TEXT_BYTES];
};

/* A new one, with an empty list good until list_until_s. */
int hs_authority_create(struct hs_authority *authority, const struct hs_identity *name,
                        const struct hs_validity *validity, uint64_t list_until_s,
                        struct hs_err *err) HS_MUST_CHECK;
/* Of three texts; the key must be the certificate's. */
int hs_authority_open(struct hs_authority *authority, struct hs_view certificate_pem,
                      struct hs_view key_pem, struct hs_view revoked_pem,
                      struct hs_err *err) HS_MUST_CHECK;
/* Both leave zeros; may be called twice and after a failure. */
void hs_authority_close(struct hs_authority *authority);
void hs_issued_fini(struct hs_issued *issued);

/* -EINVAL: valid for longer than the authority, or not at all. The result has gone through
 * hs_trust_check at now_s. */
int hs_authority_issue(const struct hs_authority *authority, const struct hs_identity *identity,
                       const struct hs_validity *validity, uint64_t now_s, struct hs_issued *issued,
                       struct hs_err *err) HS_MUST_CHECK;

/* Is the certificate signed by this authority, whatever else may be wrong with it? */
bool hs_authority_has_signed(const struct hs_authority *authority, struct x509_st *certificate);
bool hs_authority_has_revoked(const struct hs_authority *authority, const char *serial);
/* Signs the list anew, good from now_s to until_s, with one serial more unless that is NULL or on
 * it already. -ENOBUFS: the list is full; -EINVAL. */
int hs_authority_sign_list(struct hs_authority *authority, const char *serial, uint64_t now_s,
                           uint64_t until_s, struct hs_err *err) HS_MUST_CHECK;

/* A ring with one random key of version 1. */
int hs_keyring_generate(struct hs_keyring *ring, struct hs_err *err) HS_MUST_CHECK;

/* PEM; -EIO when OpenSSL cannot or the text does not fit. */
int hs_put_certificate(struct hs_writer *out, struct x509_st *certificate,
                       struct hs_err *err) HS_MUST_CHECK;
int hs_put_key(struct hs_writer *out, struct evp_pkey_st *key, struct hs_err *err) HS_MUST_CHECK;
int hs_put_revoked(struct hs_writer *out, struct X509_crl_st *revoked,
                   struct hs_err *err) HS_MUST_CHECK;

#endif
