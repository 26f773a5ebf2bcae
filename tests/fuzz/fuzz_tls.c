// SPDX-License-Identifier: Apache-2.0
/* fuzz_tls.c - what somebody without a certificate of ours can send: any bytes to a server, in
 * pieces, and to a client; any bytes as the names in a certificate; any bytes as a HELLO. Nobody
 * gets through the handshake, nothing grows, a name is taken only if it is one, and a greeting only
 * if it says what the certificate says. The first byte chooses which. */
#include "ipc/tls_session.h"
#include "roles/cluster/authority_io.h"
#include "roles/cluster/credentials_io.h"
#include "roles/cluster/greeting.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509v3.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DAY_S = 86400, PIECES_MAX = 64, OUTPUT_MAX = 64 << 10 };

static struct hs_authority   authority;
static struct hs_issued      issued;
static struct hs_credentials credentials;
static uint64_t              now_s;

static void make_credentials(const struct hs_keyring *ring)
{
    static uint8_t              memory[5][8192];
    struct hs_writer            out[5];
    struct hs_credentials_texts texts;
    struct hs_err               err;

    for (unsigned i = 0; i < 5; i++) hs_writer_init(&out[i], memory[i], sizeof memory[i]);
    HS_ASSERT(hs_put_key(&out[0], issued.key, &err) == 0);
    HS_ASSERT(hs_put_certificate(&out[1], issued.certificate, &err) == 0);
    HS_ASSERT(hs_put_certificate(&out[2], authority.trust.authority, &err) == 0);
    HS_ASSERT(hs_put_revoked(&out[3], authority.trust.revoked, &err) == 0);
    hs_keyring_print(ring, &out[4]);
    texts = (struct hs_credentials_texts){.key = hs_view_of(memory[0], out[0].used_bytes),
                                          .certificate = hs_view_of(memory[1], out[1].used_bytes),
                                          .authority = hs_view_of(memory[2], out[2].used_bytes),
                                          .revoked = hs_view_of(memory[3], out[3].used_bytes),
                                          .keyring = hs_view_of(memory[4], out[4].used_bytes)};
    HS_ASSERT(hs_credentials_open(&credentials, &texts, &err) == 0);
}

static void begin(void)
{
    struct hs_validity validity;
    struct hs_identity name;
    struct hs_keyring  ring;
    struct hs_err      err;

    if (now_s) return;
    now_s = (uint64_t)time(NULL);
    validity = (struct hs_validity){now_s - 60, now_s + DAY_S};
    HS_ASSERT(hs_identity_parse_authority(hs_view_text("hyperscale://shop/prod"), &name, &err) ==
              0);
    HS_ASSERT(hs_authority_create(&authority, &name, &validity, now_s + DAY_S, &err) == 0);
    HS_ASSERT(hs_identity_parse(hs_view_text("hyperscale://shop/prod/east/gate/g1"), &name, &err) ==
              0);
    validity = (struct hs_validity){now_s - 60, now_s + DAY_S / 2};
    HS_ASSERT(hs_authority_issue(&authority, &name, &validity, now_s, &issued, &err) == 0);
    HS_ASSERT(hs_keyring_generate(&ring, &err) == 0);
    make_credentials(&ring);
}

static void try_handshake(enum hs_tls_side side, const uint8_t *data, size_t size)
{
    const struct hs_tls_session_config config = {.side = side};
    struct hs_tls_session             *session;
    size_t                             at = 0;
    int                                rc = 0;

    HS_ASSERT(hs_tls_session_open(&session, credentials.tls, &config) == 0);
    for (unsigned piece = 0; rc == 0 && at < size && piece < PIECES_MAX; piece++) {
        size_t         bytes = piece == PIECES_MAX - 1 ? size - at : 1 + data[at] % (size - at);
        struct hs_view received = hs_view_of(data + at, bytes);
        struct hs_view plain;

        rc = hs_tls_session_read(session, &received, &plain);
        HS_ASSERT(rc <= 0); /* a frame, from whom? */
        HS_ASSERT(rc < 0 || received.bytes == 0);
        HS_ASSERT(!hs_tls_session_is_done(session));
        HS_ASSERT(hs_tls_session_output(session)->used_bytes < OUTPUT_MAX);
        at += bytes;
    }
    if (rc < 0 && rc != -ECONNRESET) HS_ASSERT(*hs_tls_session_refusal(session));
    hs_tls_session_close(&session);
}

/* The names of a certificate that is right in all else. */
static void try_names(const uint8_t *data, size_t size)
{
    X509              *certificate = X509_dup(issued.certificate);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION    *names;
    int                at;
    struct hs_identity found;
    struct hs_identity again;
    char               text[HS_IDENTITY_TEXT_BYTES];
    struct hs_err      err = {0};

    HS_ASSERT(certificate && value && ASN1_OCTET_STRING_set(value, data, (int)size));
    at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
    X509_EXTENSION_free(X509_delete_ext(certificate, at));
    names = X509_EXTENSION_create_by_NID(NULL, NID_subject_alt_name, 0, value);
    HS_ASSERT(names && X509_add_ext(certificate, names, -1));
    HS_ASSERT(X509_sign(certificate, authority.key, EVP_sha256()) > 0);
    if (hs_trust_check(&authority.trust, certificate, now_s, &found, &err) == 0) {
        hs_identity_text(&found, text);
        HS_ASSERT(hs_identity_parse(hs_view_text(text), &again, &err) == 0);
        HS_ASSERT(memmem(data, size, text, strlen(text)) != NULL);
        HS_ASSERT(strcmp(found.cluster, "shop") == 0);
    } else
        HS_ASSERT(err.code < 0 && err.text[0]);
    X509_EXTENSION_free(names);
    ASN1_OCTET_STRING_free(value);
    X509_free(certificate);
}

static void try_hello(const uint8_t *data, size_t size)
{
    const struct hs_greeter greeter = {.identity = credentials.identity};
    struct hs_identity      certified = credentials.identity;
    struct hs_msg_hello     hello;
    struct hs_msg_hello_ack ack;
    struct hs_greeting      greeting;

    certified.role = HS_IDENTITY_MANAGER;
    if (hs_wire_decode(HS_MSG_HELLO, hs_view_of(data, size), &hello)) return;
    if (hs_greeter_answer(&greeter, &certified, &hello, &ack, &greeting)) {
        HS_ASSERT(ack.code != 0 && ack.text[0]);
        return;
    }
    HS_ASSERT(hello.role == HS_ROLE_MANAGER);
    HS_ASSERT(strcmp(hello.name, certified.node) == 0);
    HS_ASSERT(strcmp(hello.datacenter, certified.datacenter) == 0);
    HS_ASSERT(hello.version >> 16 == HS_PROTOCOL_MAJOR);
    HS_ASSERT((greeting.features & HS_FEATURES_MANDATORY) == HS_FEATURES_MANDATORY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin();
    if (size < 2) return 0;
    switch (data[0] % 4) {
    case 0: try_handshake(HS_TLS_SERVER, data + 1, size - 1); break;
    case 1: try_handshake(HS_TLS_CLIENT, data + 1, size - 1); break;
    case 2: try_names(data + 1, size - 1); break;
    default: try_hello(data + 1, size - 1); break;
    }
    return 0;
}
