// SPDX-License-Identifier: Apache-2.0
/* credentials_io.c - the files of a node made into what it is and whom it trusts. */
#include "roles/cluster/credentials_io.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

HS_STATIC_ASSERT(sizeof(struct hs_identity) <= HS_TLS_PEER_BYTES, "what a check notes of a peer");

enum { LIFE_PARTS = 5 }; /* the last of them is a warning's */

/* What a set of files comes to, before it is anybody's. */
struct parts {
    struct hs_trust    trust;
    X509              *certificate;
    EVP_PKEY          *key;
    struct hs_identity identity;
    struct hs_keyring  keyring;
    uint64_t           from_s;
    uint64_t           until_s;
    uint64_t           list_from_s;
    uint64_t           list_until_s;
};

static uint64_t now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec < 0 ? 0 : (uint64_t)now.tv_sec;
}

static void fini_parts(struct parts *parts)
{
    hs_trust_close(&parts->trust);
    X509_free(parts->certificate);
    EVP_PKEY_free(parts->key);
    OPENSSL_cleanse(parts, sizeof *parts);
}

/* 0: none. */
static uint64_t seconds_of(const ASN1_TIME *moment)
{
    struct tm parted;
    time_t    seconds;

    if (!moment || ASN1_TIME_to_tm(moment, &parted) != 1) return 0;
    seconds = timegm(&parted);
    return seconds < 0 ? 0 : (uint64_t)seconds;
}

static EVP_PKEY *read_key(struct hs_view pem)
{
    BIO      *bio = pem.bytes > INT_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.bytes);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static int read_pair(struct parts *parts, const struct hs_credentials_texts *texts,
                     struct hs_err *err)
{
    parts->certificate = hs_certificate_read(texts->certificate, err);
    if (!parts->certificate) return hs_err_wrap(err, "node.crt");
    parts->key = read_key(texts->key);
    if (!parts->key) return hs_err_refuse(err, "node.key: not a private key in PEM form");
    if (X509_check_private_key(parts->certificate, parts->key) == 1) return 0;
    ERR_clear_error();
    return hs_err_refuse(err, "node.key is not the key of node.crt");
}

static int read_parts(struct parts *parts, const struct hs_credentials_texts *texts,
                      struct hs_err *err)
{
    int rc = hs_trust_open(&parts->trust, texts->authority, texts->revoked, err);

    if (!rc) rc = read_pair(parts, texts, err);
    if (rc) return rc;
    rc = hs_trust_check(&parts->trust, parts->certificate, now_s(), &parts->identity, err);
    if (rc) return hs_err_wrap(err, "node.crt");
    if (texts->keyring.bytes) rc = hs_keyring_parse(texts->keyring, &parts->keyring, err);
    if (rc) return hs_err_wrap(err, "gossip.keys");
    parts->from_s = seconds_of(X509_get0_notBefore(parts->certificate));
    parts->until_s = seconds_of(X509_get0_notAfter(parts->certificate));
    parts->list_from_s = seconds_of(X509_CRL_get0_lastUpdate(parts->trust.revoked));
    parts->list_until_s = seconds_of(X509_CRL_get0_nextUpdate(parts->trust.revoked));
    return 0;
}

static int check_peer(void *owner, X509 *certificate, void *peer, struct hs_err *err)
{
    const struct hs_credentials *credentials = owner;

    return hs_trust_check(&credentials->trust, certificate, now_s(), peer, err);
}

/* What was there before goes away with parts. */
static void adopt(struct hs_credentials *credentials, struct parts *parts)
{
    struct hs_trust old = credentials->trust;

    credentials->trust = parts->trust;
    parts->trust = old;
    credentials->identity = parts->identity;
    credentials->keyring = parts->keyring;
    credentials->from_s = parts->from_s;
    credentials->until_s = parts->until_s;
    credentials->list_from_s = parts->list_from_s;
    credentials->list_until_s = parts->list_until_s;
}

int hs_credentials_open(struct hs_credentials             *credentials,
                        const struct hs_credentials_texts *texts, struct hs_err *err)
{
    const struct hs_tls_config config = {.check = check_peer, .owner = credentials};
    struct parts               parts = {0};
    int                        rc = read_parts(&parts, texts, err);

    memset(credentials, 0, sizeof *credentials);
    if (!rc) rc = hs_tls_create(&credentials->tls, &config, err);
    if (!rc) rc = hs_tls_use(credentials->tls, parts.certificate, parts.key, err);
    if (!rc)
        adopt(credentials, &parts);
    else
        hs_tls_destroy(&credentials->tls);
    fini_parts(&parts);
    return rc;
}

int hs_credentials_replace(struct hs_credentials             *credentials,
                           const struct hs_credentials_texts *texts, struct hs_err *err)
{
    struct parts parts = {0};
    int          rc = read_parts(&parts, texts, err);

    if (!rc && memcmp(&parts.identity, &credentials->identity, sizeof parts.identity) != 0)
        rc = hs_err_refuse(err, "node.crt is another node's: %s/%s/%s", parts.identity.datacenter,
                           hs_identity_role_name(parts.identity.role), parts.identity.node);
    if (!rc && credentials->keyring.count && !parts.keyring.count)
        rc = hs_err_refuse(err, "gossip.keys is empty");
    if (!rc) rc = hs_tls_use(credentials->tls, parts.certificate, parts.key, err);
    if (!rc) {
        adopt(credentials, &parts);
        hs_tls_recheck(credentials->tls);
    }
    fini_parts(&parts);
    return rc;
}

void hs_credentials_close(struct hs_credentials *credentials)
{
    hs_tls_destroy(&credentials->tls);
    hs_trust_close(&credentials->trust);
    OPENSSL_cleanse(credentials, sizeof *credentials);
}

const struct hs_identity *hs_credentials_peer(const struct hs_conn *conn)
{
    return hs_conn_peer(conn);
}

static enum hs_credentials_health health_of(uint64_t from_s, uint64_t until_s, uint64_t at_s)
{
    if (at_s > until_s) return HS_CREDENTIALS_EXPIRED;
    return until_s - at_s < (until_s - from_s) / LIFE_PARTS ? HS_CREDENTIALS_ENDING
                                                            : HS_CREDENTIALS_GOOD;
}

enum hs_credentials_health hs_credentials_health(const struct hs_credentials *credentials)
{
    uint64_t                   at_s = now_s();
    enum hs_credentials_health own = health_of(credentials->from_s, credentials->until_s, at_s);
    enum hs_credentials_health list =
        health_of(credentials->list_from_s, credentials->list_until_s, at_s);

    return own > list ? own : list;
}
