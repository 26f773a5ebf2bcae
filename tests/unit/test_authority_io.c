// SPDX-License-Identifier: Apache-2.0
/* test_authority_io.c - what an authority issues is taken; everything that differs from it in one
 * point is refused, and the sentence says which. */
#include "roles/cluster/authority_io.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

#include <openssl/x509v3.h>

#define URI "hyperscale://shop/prod/east/gate/g1"

enum { DAY_S = 86400 };

static const uint64_t now_s = UINT64_C(1800000000);

static struct hs_authority authority;
static struct hs_issued    issued;
static struct hs_identity  identity;
static struct hs_err       err;

static int create(struct hs_authority *made, const char *name)
{
    struct hs_validity validity = {now_s - 300, now_s + (uint64_t)100 * DAY_S};
    struct hs_identity cluster;

    HS_CHECK_EQ(hs_identity_parse_authority(hs_view_text(name), &cluster, &err), 0);
    return hs_authority_create(made, &cluster, &validity, now_s + (uint64_t)30 * DAY_S, &err);
}

static int issue(const char *name)
{
    struct hs_validity validity = {now_s - 300, now_s + (uint64_t)10 * DAY_S};
    struct hs_identity node;

    HS_CHECK_EQ(hs_identity_parse(hs_view_text(name), &node, &err), 0);
    return hs_authority_issue(&authority, &node, &validity, now_s, &issued, &err);
}

static void begin(void)
{
    HS_CHECK_EQ(create(&authority, "hyperscale://shop/prod"), 0);
    HS_CHECK_EQ(issue(URI), 0);
}

static void end(void)
{
    hs_issued_fini(&issued);
    hs_authority_close(&authority);
}

static int check_at(uint64_t moment_s)
{
    hs_err_clear(&err);
    memset(&identity, 0, sizeof identity);
    return hs_trust_check(&authority.trust, issued.certificate, moment_s, &identity, &err);
}

/* Is it refused, and does the sentence say so? */
static void is_refused(int rc, const char *says)
{
    HS_CHECK(rc < 0);
    HS_CHECK_EQ(err.code, rc);
    HS_CHECK(strstr(err.text, says) != NULL);
    if (!strstr(err.text, says)) (void)fprintf(stderr, "wanted \"%s\": %s\n", says, err.text);
}

/* One extension in place of what was issued (NULL: taken away), signed again. */
static void replace(int kind, const char *value)
{
    X509V3_CTX      context;
    X509_EXTENSION *extension;
    int             at = X509_get_ext_by_NID(issued.certificate, kind, -1);

    if (at >= 0) X509_EXTENSION_free(X509_delete_ext(issued.certificate, at));
    X509V3_set_ctx(&context, authority.trust.authority, issued.certificate, NULL, NULL, 0);
    if (value) {
        extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
        HS_CHECK(extension != NULL);
        HS_CHECK(X509_add_ext(issued.certificate, extension, -1));
        X509_EXTENSION_free(extension);
    }
    HS_CHECK(X509_sign(issued.certificate, authority.key, EVP_sha256()) > 0);
}

/* A fresh certificate with one extension changed, through its PEM text as a peer would see it. */
static int check_changed(int kind, const char *value)
{
    static uint8_t   memory[HS_CERTIFICATE_TEXT_BYTES_MAX];
    struct hs_writer text;

    hs_issued_fini(&issued);
    HS_CHECK_EQ(issue(URI), 0);
    replace(kind, value);
    hs_writer_init(&text, memory, sizeof memory);
    HS_CHECK_EQ(hs_put_certificate(&text, issued.certificate, &err), 0);
    X509_free(issued.certificate);
    issued.certificate = hs_certificate_read(hs_view_of(memory, text.used_bytes), &err);
    HS_CHECK(issued.certificate != NULL);
    return check_at(now_s);
}

static void what_is_issued_is_taken(void)
{
    begin();
    HS_CHECK_EQ(check_at(now_s), 0);
    HS_CHECK_TEXT(identity.node, "g1");
    HS_CHECK_EQ(identity.role, HS_IDENTITY_GATE);
    HS_CHECK_EQ(strlen(issued.serial), 32);
    end();
}

static void names_that_are_not_one_uri_of_ours_are_refused(void)
{
    begin();
    is_refused(check_changed(NID_subject_alt_name, NULL), "no alternative name");
    is_refused(check_changed(NID_subject_alt_name, "DNS:g1"), "0 URI names");
    is_refused(check_changed(NID_subject_alt_name, "URI:" URI ",URI:" URI), "2 URI names");
    is_refused(check_changed(NID_subject_alt_name, "URI:hyperscale://shop/prod/east/gate"),
               "4 parts");
    is_refused(check_changed(NID_subject_alt_name, "URI:hyperscale://shop/prod/east/Gate/g1"),
               "has a 'G'");
    is_refused(check_changed(NID_subject_alt_name, "URI:spiffe://shop/prod"), "does not begin");
    is_refused(check_changed(NID_subject_alt_name, "URI:hyperscale://shop/test/east/gate/g1"),
               "shop/test");
    is_refused(check_changed(NID_subject_alt_name, "URI:hyperscale://shoq/prod/east/gate/g1"),
               "shoq/prod");
    is_refused(check_changed(NID_subject_alt_name,
                             "URI:" URI ",DNS:1,DNS:2,DNS:3,DNS:4,DNS:5,DNS:6,DNS:7,DNS:8"),
               "more than 8");
    HS_CHECK_EQ(check_changed(NID_subject_alt_name, "URI:" URI ",DNS:g1"), 0);
    end();
}

static void a_name_with_a_zero_byte_is_refused(void)
{
    static const unsigned char uri[] = URI "\0.evil";
    GENERAL_NAMES             *names = GENERAL_NAMES_new();
    GENERAL_NAME              *name = GENERAL_NAME_new();
    ASN1_IA5STRING            *string = ASN1_IA5STRING_new();

    begin();
    HS_CHECK(ASN1_STRING_set(string, uri, sizeof uri - 1));
    GENERAL_NAME_set0_value(name, GEN_URI, string);
    HS_CHECK(sk_GENERAL_NAME_push(names, name));
    replace(NID_subject_alt_name, NULL);
    HS_CHECK(X509_add1_ext_i2d(issued.certificate, NID_subject_alt_name, names, 0, 0) == 1);
    HS_CHECK(X509_sign(issued.certificate, authority.key, EVP_sha256()) > 0);
    is_refused(check_at(now_s), "byte 0x00");
    GENERAL_NAMES_free(names);
    end();
}

static void another_usage_is_refused(void)
{
    begin();
    is_refused(check_changed(NID_basic_constraints, NULL), "no basic constraints");
    is_refused(check_changed(NID_key_usage, NULL), "key usage is not");
    is_refused(check_changed(NID_key_usage, "critical,digitalSignature,keyAgreement"),
               "key usage is not");
    is_refused(check_changed(NID_key_usage, "critical,keyEncipherment"), "key usage is not");
    is_refused(check_changed(NID_ext_key_usage, NULL), "extended key usage");
    is_refused(check_changed(NID_ext_key_usage, "serverAuth"), "extended key usage");
    is_refused(check_changed(NID_ext_key_usage, "clientAuth"), "extended key usage");
    is_refused(check_changed(NID_ext_key_usage, "clientAuth,serverAuth,codeSigning"),
               "extended key usage");
    HS_CHECK_EQ(check_changed(NID_basic_constraints, "critical,CA:TRUE"), -EINVAL);
    is_refused(check_changed(NID_netscape_comment, "critical,what nobody knows"),
               "unhandled critical extension");
    end();
}

static void time_and_signature_are_looked_at(void)
{
    struct hs_authority other;
    struct hs_trust     ours;

    begin();
    HS_CHECK_EQ(check_at(now_s + (uint64_t)9 * DAY_S), 0);
    is_refused(check_at(now_s - 301), "not yet valid");
    is_refused(check_at(now_s + (uint64_t)11 * DAY_S), "has expired");
    HS_CHECK_EQ(create(&other, "hyperscale://shop/prod"), 0);
    ours = authority.trust;
    authority.trust = other.trust;
    is_refused(check_at(now_s), "");
    HS_CHECK(!hs_authority_has_signed(&other, issued.certificate));
    authority.trust = ours;
    HS_CHECK(hs_authority_has_signed(&authority, issued.certificate));
    hs_authority_close(&other);
    end();
}

static void an_authority_is_no_node(void)
{
    begin();
    HS_CHECK_EQ(hs_trust_check(&authority.trust, authority.trust.authority, now_s, &identity, &err),
                -EINVAL);
    end();
}

static void what_is_revoked_is_refused(void)
{
    uint64_t until_s = now_s + (uint64_t)5 * DAY_S;

    begin();
    HS_CHECK(!hs_authority_has_revoked(&authority, issued.serial));
    HS_CHECK_EQ(hs_authority_sign_list(&authority, issued.serial, now_s, until_s, &err), 0);
    HS_CHECK(hs_authority_has_revoked(&authority, issued.serial));
    is_refused(check_at(now_s), "revoked");
    HS_CHECK_EQ(hs_authority_sign_list(&authority, issued.serial, now_s, until_s, &err), 0);
    HS_CHECK_EQ(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(authority.trust.revoked)), 1);
    hs_issued_fini(&issued);
    HS_CHECK_EQ(issue(URI), 0);
    HS_CHECK_EQ(check_at(now_s), 0);
    is_refused(check_at(until_s + 1), "CRL has expired");
    end();
}

static void nothing_outlives_its_authority(void)
{
    struct hs_validity validity = {now_s, now_s + (uint64_t)101 * DAY_S};

    begin();
    HS_CHECK_EQ(hs_identity_parse(hs_view_text(URI), &identity, &err), 0);
    hs_issued_fini(&issued);
    is_refused(hs_authority_issue(&authority, &identity, &validity, now_s, &issued, &err),
               "ends before");
    end();
}

/* Texts of an authority, one of them perhaps another's. */
static int reopen(const struct hs_authority *certificate, const struct hs_authority *key,
                  const struct hs_authority *revoked)
{
    static uint8_t      memory[3][HS_CERTIFICATE_TEXT_BYTES_MAX];
    struct hs_writer    text[3];
    struct hs_authority opened;
    int                 rc;

    for (size_t i = 0; i < 3; i++) hs_writer_init(&text[i], memory[i], sizeof memory[i]);
    HS_CHECK_EQ(hs_put_certificate(&text[0], certificate->trust.authority, &err), 0);
    HS_CHECK_EQ(hs_put_key(&text[1], key->key, &err), 0);
    HS_CHECK_EQ(hs_put_revoked(&text[2], revoked->trust.revoked, &err), 0);
    rc = hs_authority_open(&opened, hs_view_of(memory[0], text[0].used_bytes),
                           hs_view_of(memory[1], text[1].used_bytes),
                           hs_view_of(memory[2], text[2].used_bytes), &err);
    hs_authority_close(&opened);
    return rc;
}

static void an_authority_is_opened_only_whole(void)
{
    struct hs_authority other;
    struct hs_authority damaged = {0};

    begin();
    HS_CHECK_EQ(create(&other, "hyperscale://shop/prod"), 0);
    HS_CHECK_EQ(reopen(&authority, &authority, &authority), 0);
    is_refused(reopen(&authority, &other, &authority), "not that of its certificate");
    is_refused(reopen(&authority, &authority, &other), "not signed by the authority");
    is_refused(hs_authority_open(&damaged, hs_view_text("no PEM"), hs_view_text(""),
                                 hs_view_text(""), &err),
               "not exactly one certificate");
    hs_authority_close(&damaged);
    hs_authority_close(&other);
    end();
}

static void generated_keys_make_a_ring_that_parses(void)
{
    uint8_t           memory[HS_KEYRING_TEXT_BYTES];
    struct hs_writer  text;
    struct hs_keyring ring;
    struct hs_keyring other;

    HS_CHECK_EQ(hs_keyring_generate(&ring, &err), 0);
    HS_CHECK_EQ(hs_keyring_generate(&other, &err), 0);
    HS_CHECK(memcmp(ring.at[0].bytes, other.at[0].bytes, HS_KEYRING_KEY_BYTES) != 0);
    hs_writer_init(&text, memory, sizeof memory);
    hs_keyring_print(&ring, &text);
    HS_CHECK_EQ(hs_keyring_parse(hs_view_of(memory, text.used_bytes), &other, &err), 0);
    HS_CHECK(memcmp(ring.at[0].bytes, other.at[0].bytes, HS_KEYRING_KEY_BYTES) == 0);
}

CU_TestInfo hs_tests_authority_io[] = {
    {"SEC-1 what is issued is taken", what_is_issued_is_taken},
    {"SEC-1 BAD-7 names that are not one URI of ours are refused",
     names_that_are_not_one_uri_of_ours_are_refused},
    {"SEC-1 BAD-6 a name with a zero byte is refused", a_name_with_a_zero_byte_is_refused},
    {"SEC-1 BAD-6 another usage is refused", another_usage_is_refused},
    {"SEC-1 BAD-3 BAD-4 time and signature are looked at", time_and_signature_are_looked_at},
    {"SEC-1 an authority is no node", an_authority_is_no_node},
    {"SEC-7 BAD-5 what is revoked is refused", what_is_revoked_is_refused},
    {"nothing outlives its authority", nothing_outlives_its_authority},
    {"an authority is opened only whole", an_authority_is_opened_only_whole},
    {"generated keys make a ring that parses", generated_keys_make_a_ring_that_parses},
    CU_TEST_INFO_NULL,
};
