// SPDX-License-Identifier: Apache-2.0
/* certificate_io.c - from a certificate to a name, by way of OpenSSL. */
#include "roles/cluster/certificate_io.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

int hs_openssl_failed(struct hs_err *err, const char *doing)
{
    char          text[HS_OPENSSL_TEXT_BYTES] = "no reason given";
    unsigned long code = ERR_peek_last_error();

    if (code) ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    (void)hs_err_refuse(err, "%s: %s", doing, text);
    if (err) err->code = -EIO;
    return -EIO;
}

static BIO *bio_of(struct hs_view pem)
{
    return pem.bytes > INT_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.bytes);
}

/* A PEM block begins the text, and no other follows: who reads two would choose between them. */
static bool is_one_block(struct hs_view pem)
{
    static const char begin[] = "-----BEGIN ";
    const uint8_t    *second;

    if (pem.bytes < sizeof begin || memcmp(pem.data, begin, sizeof begin - 1) != 0) return false;
    second = memmem(pem.data + 1, pem.bytes - 1, begin, sizeof begin - 1);
    return second == NULL;
}

X509 *hs_certificate_read(struct hs_view pem, struct hs_err *err)
{
    BIO  *bio = is_one_block(pem) ? bio_of(pem) : NULL;
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    if (!certificate) (void)hs_err_refuse(err, "not exactly one certificate in PEM form");
    return certificate;
}

static X509_CRL *read_list(struct hs_view pem, struct hs_err *err)
{
    BIO      *bio = is_one_block(pem) ? bio_of(pem) : NULL;
    X509_CRL *list = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    if (!list) (void)hs_err_refuse(err, "not exactly one revocation list in PEM form");
    return list;
}

int hs_certificate_serial(const ASN1_INTEGER *serial, char text[HS_SERIAL_TEXT_BYTES],
                          struct hs_err *err)
{
    unsigned char bytes[16] = {0};
    BIGNUM       *number = ASN1_INTEGER_to_BN(serial, NULL);
    bool          is_good = number && !BN_is_zero(number) && !BN_is_negative(number) &&
                   BN_bn2binpad(number, bytes, sizeof bytes) == (int)sizeof bytes;

    BN_free(number);
    ERR_clear_error();
    if (!is_good) return hs_err_refuse(err, "the serial number is not one of 128 bits");
    for (size_t i = 0; i < sizeof bytes; i++) (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

static struct hs_view view_of(const ASN1_STRING *string)
{
    return hs_view_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

/* The URI among the alternative names, in the certificate's own memory. */
static int find_uri(const GENERAL_NAMES *names, struct hs_view *uri, struct hs_err *err)
{
    int count = sk_GENERAL_NAME_num(names);
    int uris = 0;

    if (count > HS_SUBJECT_NAMES_MAX)
        return hs_err_refuse(err, "more than %d alternative names", HS_SUBJECT_NAMES_MAX);
    for (int i = 0; i < count; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type != GEN_URI) continue;
        *uri = view_of(name->d.uniformResourceIdentifier);
        uris++;
    }
    if (uris == 1) return 0;
    return hs_err_refuse(err, "%d URI names, exactly one is needed", uris);
}

typedef int parse_fn(struct hs_view text, struct hs_identity *identity, struct hs_err *err);

static int read_name(X509 *certificate, parse_fn *parse, struct hs_identity *identity,
                     struct hs_err *err)
{
    int            critical = 0;
    struct hs_view uri = {NULL, 0};
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
    int            rc;

    ERR_clear_error();
    if (!names)
        return hs_err_refuse(err, "%s",
                             critical == -1 ? "no alternative name"
                                            : "alternative names that cannot be read");
    rc = find_uri(names, &uri, err);
    if (!rc) rc = parse(uri, identity, err);
    GENERAL_NAMES_free(names);
    return rc;
}

/* What it may be used for: as a node, both ends of a connection; never to sign others. */
static int check_usage(X509 *certificate, struct hs_err *err)
{
    uint32_t flags = X509_get_extension_flags(certificate);
    uint32_t usage = X509_get_key_usage(certificate);
    uint32_t extended = X509_get_extended_key_usage(certificate);

    if (flags & EXFLAG_INVALID) return hs_err_refuse(err, "extensions that cannot be read");
    if (flags & EXFLAG_CA) return hs_err_refuse(err, "it is an authority's, not a node's");
    if (!(flags & EXFLAG_BCONS)) return hs_err_refuse(err, "no basic constraints");
    if (!(flags & EXFLAG_KUSAGE) || usage != KU_DIGITAL_SIGNATURE)
        return hs_err_refuse(err, "the key usage is not exactly digitalSignature");
    if (!(flags & EXFLAG_XKUSAGE) || extended != (XKU_SSL_CLIENT | XKU_SSL_SERVER))
        return hs_err_refuse(err, "the extended key usage is not exactly client and server");
    return 0;
}

static int verify(X509_STORE_CTX *context, X509_STORE *store, const struct hs_trust *trust,
                  X509 *certificate, uint64_t now_s)
{
    X509_VERIFY_PARAM *rules;

    if (!X509_STORE_add_cert(store, trust->authority) ||
        !X509_STORE_add_crl(store, trust->revoked) ||
        !X509_STORE_CTX_init(context, store, certificate, NULL))
        return X509_V_ERR_OUT_OF_MEM;
    rules = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(rules, (time_t)now_s);
    X509_VERIFY_PARAM_set_depth(rules, 1);
    X509_VERIFY_PARAM_set_auth_level(rules, 2);
    if (!X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_X509_STRICT))
        return X509_V_ERR_OUT_OF_MEM;
    if (X509_verify_cert(context) == 1) return X509_V_OK;
    return X509_STORE_CTX_get_error(context);
}

static int code_of(int verdict)
{
    switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return -EKEYEXPIRED;
    case X509_V_ERR_CERT_REVOKED: return -EKEYREVOKED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return -ENOKEY;
    default: return -EINVAL;
    }
}

static int check_chain(const struct hs_trust *trust, X509 *certificate, uint64_t now_s,
                       struct hs_err *err)
{
    X509_STORE     *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    int             rc = X509_V_ERR_OUT_OF_MEM;

    if (store && context) rc = verify(context, store, trust, certificate, now_s);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    if (rc == X509_V_OK) return 0;
    (void)hs_err_refuse(err, "%s%s", code_of(rc) == -ENOKEY ? "another authority's: " : "",
                        X509_verify_cert_error_string(rc));
    if (err) err->code = code_of(rc);
    return code_of(rc);
}

int hs_trust_check(const struct hs_trust *trust, X509 *certificate, uint64_t now_s,
                   struct hs_identity *identity, struct hs_err *err)
{
    char               serial[HS_SERIAL_TEXT_BYTES];
    struct hs_identity found = {0}; /* identities are compared as bytes */
    int                rc = check_chain(trust, certificate, now_s, err);

    HS_ASSERT(trust->authority != NULL);
    if (!rc) rc = check_usage(certificate, err);
    if (!rc) rc = hs_certificate_serial(X509_get0_serialNumber(certificate), serial, err);
    if (!rc) rc = read_name(certificate, hs_identity_parse, &found, err);
    if (rc) return rc;
    if (strcmp(found.cluster, trust->identity.cluster) != 0 ||
        strcmp(found.environment, trust->identity.environment) != 0)
        return hs_err_refuse(err, "it names %s/%s, its authority is that of %s/%s", found.cluster,
                             found.environment, trust->identity.cluster,
                             trust->identity.environment);
    *identity = found;
    return 0;
}

static int check_authority(struct hs_trust *trust, struct hs_err *err)
{
    EVP_PKEY *key = X509_get0_pubkey(trust->authority);
    int       rc = read_name(trust->authority, hs_identity_parse_authority, &trust->identity, err);

    if (rc) return rc;
    if (X509_check_ca(trust->authority) != 1 || !key)
        return hs_err_refuse(err, "it is no authority's certificate");
    if (X509_verify(trust->authority, key) != 1) {
        ERR_clear_error();
        return hs_err_refuse(err, "its signature is not its own");
    }
    return 0;
}

static int check_list(const struct hs_trust *trust, struct hs_err *err)
{
    int  signature = X509_CRL_verify(trust->revoked, X509_get0_pubkey(trust->authority));
    bool is_ours = X509_NAME_cmp(X509_CRL_get_issuer(trust->revoked),
                                 X509_get_subject_name(trust->authority)) == 0;

    ERR_clear_error();
    if (signature != 1 || !is_ours)
        return hs_err_refuse(err, "the list is not signed by the authority");
    if (sk_X509_REVOKED_num(X509_CRL_get_REVOKED(trust->revoked)) > HS_REVOKED_MAX)
        return hs_err_refuse(err, "more than %d serials on the list", HS_REVOKED_MAX);
    return 0;
}

int hs_trust_open(struct hs_trust *trust, struct hs_view authority_pem, struct hs_view revoked_pem,
                  struct hs_err *err)
{
    memset(trust, 0, sizeof *trust);
    trust->authority = hs_certificate_read(authority_pem, err);
    if (!trust->authority || check_authority(trust, err))
        return hs_err_wrap(err, "the authority's certificate");
    trust->revoked = read_list(revoked_pem, err);
    if (!trust->revoked || check_list(trust, err)) return hs_err_wrap(err, "the revocation list");
    return 0;
}

void hs_trust_close(struct hs_trust *trust)
{
    X509_CRL_free(trust->revoked);
    X509_free(trust->authority);
    memset(trust, 0, sizeof *trust);
}
