// SPDX-License-Identifier: Apache-2.0
/* authority_io.c - what only the holder of the authority's key can do, by way of OpenSSL. */
#include "roles/cluster/authority_io.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum { SERIAL_BITS = 128 };

static int set_random_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool    is_done = false;

    while (number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY)) {
        if (BN_is_zero(number)) continue;
        is_done = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
        break;
    }
    BN_free(number);
    return is_done;
}

static int add_extension(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX      context;
    X509_EXTENSION *extension;
    int             done;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    done = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return done;
}

static int add_text(X509_NAME *name, int kind, const char *text)
{
    return X509_NAME_add_entry_by_NID(name, kind, MBSTRING_ASC, (const unsigned char *)text, -1, -1,
                                      0);
}

static int set_times(X509 *certificate, const struct hs_validity *validity)
{
    return ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)validity->from_s) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)validity->until_s);
}

/* A certificate of version 3 around a key, without name and extensions yet. */
static X509 *begin_certificate(EVP_PKEY *key, const struct hs_validity *validity)
{
    X509 *certificate = X509_new();

    if (certificate && X509_set_version(certificate, X509_VERSION_3) &&
        set_random_serial(certificate) && set_times(certificate, validity) &&
        X509_set_pubkey(certificate, key))
        return certificate;
    X509_free(certificate);
    return NULL;
}

static int finish_authority(X509 *certificate, EVP_PKEY *key, const struct hs_identity *identity)
{
    char       uri[HS_IDENTITY_TEXT_BYTES + 4] = "URI:";
    X509_NAME *name = X509_get_subject_name(certificate);

    hs_identity_authority_text(identity, uri + 4);
    return add_text(name, NID_organizationName, identity->cluster) &&
           add_text(name, NID_organizationalUnitName, identity->environment) &&
           add_text(name, NID_commonName, "hyperscale authority") &&
           X509_set_issuer_name(certificate, name) &&
           add_extension(certificate, certificate, NID_basic_constraints,
                         "critical,CA:TRUE,pathlen:0") &&
           add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, certificate, NID_authority_key_identifier, "keyid:always") &&
           add_extension(certificate, certificate, NID_subject_alt_name, uri) &&
           X509_sign(certificate, key, EVP_sha256());
}

static int finish_node(X509 *certificate, const struct hs_authority *authority,
                       const struct hs_identity *identity)
{
    char  uri[HS_IDENTITY_TEXT_BYTES + 4] = "URI:";
    X509 *issuer = authority->trust.authority;

    hs_identity_text(identity, uri + 4);
    return add_text(X509_get_subject_name(certificate), NID_commonName, identity->node) &&
           X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) &&
           add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, issuer, NID_ext_key_usage, "clientAuth,serverAuth") &&
           add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
           add_extension(certificate, issuer, NID_subject_alt_name, uri) &&
           X509_sign(certificate, authority->key, EVP_sha256());
}

static int put_serial(X509_CRL *list, const char *serial, uint64_t now_s)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    BIGNUM       *number = NULL;
    ASN1_INTEGER *integer = NULL;
    ASN1_TIME    *moment = ASN1_TIME_set(NULL, (time_t)now_s);
    int           done = 0;

    if (entry && moment && BN_hex2bn(&number, serial)) integer = BN_to_ASN1_INTEGER(number, NULL);
    if (integer && X509_REVOKED_set_serialNumber(entry, integer) &&
        X509_REVOKED_set_revocationDate(entry, moment))
        done = X509_CRL_add0_revoked(list, entry);
    if (!done) X509_REVOKED_free(entry);
    ASN1_TIME_free(moment);
    ASN1_INTEGER_free(integer);
    BN_free(number);
    return done;
}

static int copy_entries(X509_CRL *list, X509_CRL *old)
{
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(old);

    for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
        X509_REVOKED *copy = X509_REVOKED_dup(sk_X509_REVOKED_value(entries, i));

        if (!copy || !X509_CRL_add0_revoked(list, copy)) {
            X509_REVOKED_free(copy);
            return 0;
        }
    }
    return 1;
}

/* One more than the list before it, so that of two lists the later one is known. */
static int set_number(X509_CRL *list, X509_CRL *old)
{
    ASN1_INTEGER *before = old ? X509_CRL_get_ext_d2i(old, NID_crl_number, NULL, NULL) : NULL;
    BIGNUM       *number = before ? ASN1_INTEGER_to_BN(before, NULL) : BN_new();
    ASN1_INTEGER *after = NULL;
    int           done = 0;

    if (number && BN_add_word(number, 1)) after = BN_to_ASN1_INTEGER(number, NULL);
    if (after) done = X509_CRL_add1_ext_i2d(list, NID_crl_number, after, 0, 0);
    ASN1_INTEGER_free(after);
    ASN1_INTEGER_free(before);
    BN_free(number);
    return done;
}

static int add_list_issuer(X509_CRL *list, X509 *issuer)
{
    X509V3_CTX      context;
    X509_EXTENSION *extension;
    int             done;

    X509V3_set_ctx(&context, issuer, NULL, NULL, list, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    done = extension && X509_CRL_add_ext(list, extension, -1);
    X509_EXTENSION_free(extension);
    return done;
}

static int fill_list(X509_CRL *list, const struct hs_authority *authority, const char *serial,
                     const struct hs_validity *validity)
{
    X509      *issuer = authority->trust.authority;
    X509_CRL  *old = authority->trust.revoked;
    ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)validity->from_s);
    ASN1_TIME *until = ASN1_TIME_set(NULL, (time_t)validity->until_s);
    int        done = from && until && X509_CRL_set_version(list, X509_CRL_VERSION_2) &&
               X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer)) &&
               X509_CRL_set1_lastUpdate(list, from) && X509_CRL_set1_nextUpdate(list, until) &&
               (!old || copy_entries(list, old)) &&
               (!serial || put_serial(list, serial, validity->from_s)) && set_number(list, old) &&
               add_list_issuer(list, issuer) && X509_CRL_sort(list) &&
               X509_CRL_sign(list, authority->key, EVP_sha256());

    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return done;
}

/* Does the authority outlive this moment? */
static bool ends_before(const struct hs_authority *authority, uint64_t until_s)
{
    time_t moment = (time_t)until_s;

    return X509_cmp_time(X509_get0_notAfter(authority->trust.authority), &moment) < 0;
}

int hs_authority_sign_list(struct hs_authority *authority, const char *serial, uint64_t now_s,
                           uint64_t until_s, struct hs_err *err)
{
    const struct hs_validity validity = {.from_s = now_s, .until_s = until_s};
    X509_CRL                *old = authority->trust.revoked;
    X509_CRL                *list;

    if (serial && old && hs_authority_has_revoked(authority, serial)) serial = NULL;
    if (serial && old && sk_X509_REVOKED_num(X509_CRL_get_REVOKED(old)) >= HS_REVOKED_MAX)
        return hs_err_set(err, -ENOBUFS, "%d serials are on the list, no more fit", HS_REVOKED_MAX);
    list = X509_CRL_new();
    if (!list || !fill_list(list, authority, serial, &validity)) {
        X509_CRL_free(list);
        return hs_openssl_failed(err, "the revocation list cannot be signed");
    }
    X509_CRL_free(old);
    authority->trust.revoked = list;
    return 0;
}

int hs_authority_create(struct hs_authority *authority, const struct hs_identity *name,
                        const struct hs_validity *validity, uint64_t list_until_s,
                        struct hs_err *err)
{
    X509 *certificate = NULL;

    memset(authority, 0, sizeof *authority);
    authority->trust.identity = *name;
    authority->key = EVP_EC_gen("P-256");
    if (authority->key) certificate = begin_certificate(authority->key, validity);
    authority->trust.authority = certificate;
    if (!certificate || !finish_authority(certificate, authority->key, name))
        return hs_openssl_failed(err, "the authority cannot be made");
    return hs_authority_sign_list(authority, NULL, validity->from_s, list_until_s, err);
}

static EVP_PKEY *read_key(struct hs_view pem)
{
    BIO      *bio = pem.bytes > INT_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.bytes);
    char      no_password[] = "";
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, no_password) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    return key;
}

int hs_authority_open(struct hs_authority *authority, struct hs_view certificate_pem,
                      struct hs_view key_pem, struct hs_view revoked_pem, struct hs_err *err)
{
    int rc;

    memset(authority, 0, sizeof *authority);
    rc = hs_trust_open(&authority->trust, certificate_pem, revoked_pem, err);
    if (rc) return rc;
    authority->key = read_key(key_pem);
    if (!authority->key) return hs_err_refuse(err, "the authority's key is no key in PEM form");
    if (X509_check_private_key(authority->trust.authority, authority->key) == 1) return 0;
    ERR_clear_error();
    return hs_err_refuse(err, "the authority's key is not that of its certificate");
}

void hs_authority_close(struct hs_authority *authority)
{
    hs_trust_close(&authority->trust);
    EVP_PKEY_free(authority->key);
    authority->key = NULL;
}

void hs_issued_fini(struct hs_issued *issued)
{
    X509_free(issued->certificate);
    EVP_PKEY_free(issued->key);
    memset(issued, 0, sizeof *issued);
}

int hs_authority_issue(const struct hs_authority *authority, const struct hs_identity *identity,
                       const struct hs_validity *validity, uint64_t now_s, struct hs_issued *issued,
                       struct hs_err *err)
{
    struct hs_identity seen;
    int                rc;

    memset(issued, 0, sizeof *issued);
    if (ends_before(authority, validity->until_s))
        return hs_err_refuse(err, "the authority itself ends before that: give fewer --days");
    issued->key = EVP_EC_gen("P-256");
    if (issued->key) issued->certificate = begin_certificate(issued->key, validity);
    if (!issued->certificate || !finish_node(issued->certificate, authority, identity))
        return hs_openssl_failed(err, "the certificate cannot be made");
    rc = hs_trust_check(&authority->trust, issued->certificate, now_s, &seen, err);
    if (rc) return hs_err_wrap(err, "the new certificate would be refused");
    rc = hs_certificate_serial(X509_get0_serialNumber(issued->certificate), issued->serial, err);
    if (rc) return rc;
    HS_ASSERT(strcmp(seen.node, identity->node) == 0);
    HS_ASSERT(seen.role == identity->role);
    return 0;
}

bool hs_authority_has_signed(const struct hs_authority *authority, X509 *certificate)
{
    int signature = X509_verify(certificate, authority->key);

    ERR_clear_error();
    return signature == 1;
}

bool hs_authority_has_revoked(const struct hs_authority *authority, const char *serial)
{
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(authority->trust.revoked);

    for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
        char                text[HS_SERIAL_TEXT_BYTES];
        const X509_REVOKED *entry = sk_X509_REVOKED_value(entries, i);

        if (hs_certificate_serial(X509_REVOKED_get0_serialNumber(entry), text, NULL) == 0 &&
            strcmp(text, serial) == 0)
            return true;
    }
    return false;
}

int hs_keyring_generate(struct hs_keyring *ring, struct hs_err *err)
{
    memset(ring, 0, sizeof *ring);
    ring->count = 1;
    ring->used_version = 1;
    ring->at[0].version = 1;
    if (RAND_priv_bytes(ring->at[0].bytes, sizeof ring->at[0].bytes) == 1) return 0;
    return hs_openssl_failed(err, "no random bytes for a gossip key");
}

/* What OpenSSL wrote, to where the caller wants it; frees bio. */
static int take_text(BIO *bio, int is_written, struct hs_writer *out, struct hs_err *err)
{
    char *text = NULL;
    long  bytes = is_written ? BIO_get_mem_data(bio, &text) : 0;

    if (bytes > 0) hs_put_bytes(out, text, (size_t)bytes);
    BIO_free(bio);
    if (bytes <= 0) return hs_openssl_failed(err, "it cannot be written as PEM");
    if (hs_writer_finish(out) == 0) return 0;
    return hs_err_set(err, -EIO, "it does not fit into %zu bytes", out->capacity_bytes);
}

int hs_put_certificate(struct hs_writer *out, X509 *certificate, struct hs_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());

    return take_text(bio, bio && PEM_write_bio_X509(bio, certificate), out, err);
}

int hs_put_key(struct hs_writer *out, EVP_PKEY *key, struct hs_err *err)
{
    BIO *bio = BIO_new(BIO_s_secmem());

    return take_text(bio, bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), out,
                     err);
}

int hs_put_revoked(struct hs_writer *out, X509_CRL *revoked, struct hs_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());

    return take_text(bio, bio && PEM_write_bio_X509_CRL(bio, revoked), out, err);
}
