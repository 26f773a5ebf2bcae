// SPDX-License-Identifier: Apache-2.0
/* pki_rig.c - see pki_rig.h. */
#include "tests/unit/pki_rig.h"

#include "tests/check.h"

#include <time.h>

#include <openssl/x509v3.h>

enum { DAY_S = 86400, LIFE_DAYS = 10, AUTHORITY_DAYS = 100 };

static struct hs_err err;

static void write_trust(struct hs_pki *rig)
{
    struct hs_writer writer;

    hs_writer_init(&writer, rig->authority_pem, sizeof rig->authority_pem);
    HS_CHECK_EQ(hs_put_certificate(&writer, rig->authority.trust.authority, &err), 0);
    rig->authority_bytes = writer.used_bytes;
    hs_writer_init(&writer, rig->revoked_pem, sizeof rig->revoked_pem);
    HS_CHECK_EQ(hs_put_revoked(&writer, rig->authority.trust.revoked, &err), 0);
    rig->revoked_bytes = writer.used_bytes;
}

void hs_pki_begin(struct hs_pki *rig, const char *cluster)
{
    struct hs_validity validity;
    struct hs_identity name;
    struct hs_keyring  ring;
    struct hs_writer   writer;

    memset(rig, 0, sizeof *rig);
    rig->now_s = (uint64_t)time(NULL);
    validity = (struct hs_validity){rig->now_s - (uint64_t)AUTHORITY_DAYS * DAY_S,
                                    rig->now_s + (uint64_t)AUTHORITY_DAYS * DAY_S};
    HS_CHECK_EQ(hs_identity_parse_authority(hs_view_text(cluster), &name, &err), 0);
    HS_CHECK_EQ(hs_authority_create(&rig->authority, &name, &validity,
                                    rig->now_s + (uint64_t)AUTHORITY_DAYS * DAY_S, &err),
                0);
    HS_CHECK_EQ(hs_keyring_generate(&ring, &err), 0);
    hs_writer_init(&writer, rig->keyring, sizeof rig->keyring);
    hs_keyring_print(&ring, &writer);
    rig->keyring_bytes = writer.used_bytes;
    write_trust(rig);
}

void hs_pki_end(struct hs_pki *rig)
{
    hs_authority_close(&rig->authority);
}

static void write_node(struct hs_pki_node *node)
{
    struct hs_writer writer;

    hs_writer_init(&writer, node->key, sizeof node->key);
    HS_CHECK_EQ(hs_put_key(&writer, node->issued.key, &err), 0);
    node->key_bytes = writer.used_bytes;
    hs_writer_init(&writer, node->certificate, sizeof node->certificate);
    HS_CHECK_EQ(hs_put_certificate(&writer, node->issued.certificate, &err), 0);
    node->certificate_bytes = writer.used_bytes;
}

void hs_pki_issue(const struct hs_pki *rig, struct hs_pki_node *node, const char *name,
                  unsigned age_days)
{
    uint64_t           from_s = rig->now_s - (uint64_t)age_days * DAY_S - 60;
    struct hs_validity validity = {from_s, from_s + (uint64_t)LIFE_DAYS * DAY_S};
    struct hs_identity identity;

    memset(node, 0, sizeof *node);
    HS_CHECK_EQ(hs_identity_parse(hs_view_text(name), &identity, &err), 0);
    HS_CHECK_EQ(
        hs_authority_issue(&rig->authority, &identity, &validity, from_s, &node->issued, &err), 0);
    write_node(node);
}

void hs_pki_spoil(const struct hs_pki *rig, struct hs_pki_node *node, int extension,
                  const char *value)
{
    X509           *certificate = node->issued.certificate;
    int             at = X509_get_ext_by_NID(certificate, extension, -1);
    X509V3_CTX      context;
    X509_EXTENSION *made;

    if (at >= 0) X509_EXTENSION_free(X509_delete_ext(certificate, at));
    X509V3_set_ctx(&context, rig->authority.trust.authority, certificate, NULL, NULL, 0);
    if (value) {
        made = X509V3_EXT_conf_nid(NULL, &context, extension, value);
        HS_CHECK(made != NULL);
        HS_CHECK(X509_add_ext(certificate, made, -1));
        X509_EXTENSION_free(made);
    }
    HS_CHECK(X509_sign(certificate, rig->authority.key, EVP_sha256()) > 0);
    write_node(node);
}

void hs_pki_revoke(struct hs_pki *rig, const struct hs_pki_node *node)
{
    HS_CHECK_EQ(hs_authority_sign_list(&rig->authority, node->issued.serial, rig->now_s - 60,
                                       rig->now_s + (uint64_t)LIFE_DAYS * DAY_S, &err),
                0);
    write_trust(rig);
}

void hs_pki_drop(struct hs_pki_node *node)
{
    hs_issued_fini(&node->issued);
}

struct hs_credentials_texts hs_pki_texts(const struct hs_pki *rig, const struct hs_pki_node *node)
{
    return (struct hs_credentials_texts){
        .key = hs_view_of(node->key, node->key_bytes),
        .certificate = hs_view_of(node->certificate, node->certificate_bytes),
        .authority = hs_view_of(rig->authority_pem, rig->authority_bytes),
        .revoked = hs_view_of(rig->revoked_pem, rig->revoked_bytes),
        .keyring = hs_view_of(rig->keyring, rig->keyring_bytes)};
}
