// SPDX-License-Identifier: Apache-2.0
/* tls_io.c - TLS contexts and sessions by way of OpenSSL. Its BIOs are two small ones of our own:
 * they read from the view that a session was given and append to its output, so nothing is copied
 * on the way. */
#include "ipc/tls_session.h"

#include "ipc/addr.h"
#include "ipc/tls_reason.h"
#include "shm/base/assert.h"
#include "shm/base/limits.h"
#include "shm/base/list.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

enum {
    SESSION_MAGIC = 0x746c7373,
    SCRATCH_BYTES = SSL3_RT_MAX_PLAIN_LENGTH,
    OUTPUT_BYTES_MAX = 2 * HS_SEND_QUEUE_BYTES_MAX /* a full queue and what sealing adds to it */
};

struct hs_tls {
    struct hs_tls_config  config;
    SSL_CTX              *context; /* NULL: no certificate yet */
    BIO_METHOD           *method;
    struct hs_link        sessions;
    struct hs_tls_figures figures;
    uint8_t               scratch[SCRATCH_BYTES];
};

struct hs_tls_session {
    uint32_t                     magic;
    struct hs_link               link; /* in its context's list */
    struct hs_tls               *tls;
    struct hs_tls_session_config config;
    SSL                         *ssl;
    struct hs_view               received; /* during a read */
    struct hs_buffer             output;
    struct hs_addr               network; /* of no family: does not count */
    int                          verdict; /* of the check */
    bool                         is_done;
    bool                         is_finished; /* our direction */
    struct hs_err                refusal;
    union {
        // cppcheck-suppress unusedStructMember; it aligns the other one
        max_align_t align;
        uint8_t     bytes[HS_TLS_PEER_BYTES];
    } peer;
};

/* ---- where OpenSSL reads and writes ---- */

static int bio_read(BIO *bio, char *data, size_t bytes, size_t *got)
{
    struct hs_tls_session *session = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    *got = bytes < session->received.bytes ? bytes : session->received.bytes;
    if (!*got) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(data, session->received.data, *got);
    session->received = hs_view_of(session->received.data + *got, session->received.bytes - *got);
    return 1;
}

static int bio_write(BIO *bio, const char *data, size_t bytes, size_t *written)
{
    struct hs_buffer *output = &((struct hs_tls_session *)BIO_get_data(bio))->output;

    BIO_clear_retry_flags(bio);
    if (output->used_bytes + bytes > OUTPUT_BYTES_MAX || hs_buffer_reserve(output, bytes) < 0)
        return 0;
    memcpy(output->data + output->used_bytes, data, bytes);
    output->used_bytes += bytes;
    *written = bytes;
    return 1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *make_method(void)
{
    int         type = BIO_get_new_index();
    BIO_METHOD *method =
        type < 0 ? NULL : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "hyperscale session");

    if (!method) return NULL;
    if (BIO_meth_set_read_ex(method, bio_read) && BIO_meth_set_write_ex(method, bio_write) &&
        BIO_meth_set_ctrl(method, bio_control))
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* ---- the context ---- */

static int alert_error_of(int verdict)
{
    switch (verdict) {
    case -EKEYEXPIRED: return X509_V_ERR_CERT_HAS_EXPIRED;
    case -EKEYREVOKED: return X509_V_ERR_CERT_REVOKED;
    case -ENOKEY: return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    default: return X509_V_ERR_CERT_REJECTED;
    }
}

/* In place of OpenSSL's own verification: the owner's check does all of it. */
static int verify(X509_STORE_CTX *store, void *argument)
{
    struct hs_tls *tls = argument;
    SSL           *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct hs_tls_session *session = SSL_get_app_data(ssl);

    HS_CHECK_MAGIC(session, SESSION_MAGIC);
    memset(&session->peer, 0, sizeof session->peer);
    session->verdict = tls->config.check(tls->config.owner, X509_STORE_CTX_get0_cert(store),
                                         session->peer.bytes, &session->refusal);
    ERR_clear_error();
    if (!session->verdict) return 1;
    tls->figures.certificates_refused++;
    X509_STORE_CTX_set_error(store, alert_error_of(session->verdict));
    return 0;
}

/* A client that names no protocol at all would otherwise not be asked about it. */
static int see_hello(SSL *ssl, int *alert, void *argument)
{
    const unsigned char *names;
    size_t               bytes;

    (void)argument;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &names,
                                  &bytes))
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

static const unsigned char protocols[] = {sizeof HS_TLS_ALPN - 1, 'h', 's', '/', '1'};
HS_STATIC_ASSERT(sizeof protocols == sizeof HS_TLS_ALPN, "HS_TLS_ALPN, its length in front");

static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_bytes,
                           const unsigned char *offered, unsigned offered_bytes, void *argument)
{
    unsigned char *found;

    (void)ssl;
    (void)argument;
    if (SSL_select_next_proto(&found, chosen_bytes, protocols, sizeof protocols, offered,
                              offered_bytes) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

static bool configure(SSL_CTX *context, struct hs_tls *tls)
{
    int            groups[] = {NID_X25519, NID_X9_62_prime256v1};
    const uint64_t options = SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                             SSL_OP_CIPHER_SERVER_PREFERENCE;

    SSL_CTX_set_security_level(context, 2);
    (void)SSL_CTX_set_options(context, options);
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(context, HS_TLS_CHAIN_BYTES_MAX);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify, tls);
    SSL_CTX_set_client_hello_cb(context, see_hello, NULL);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) &&
           SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) &&
           SSL_CTX_set1_groups(context, groups, HS_ARRAY_LEN(groups)) &&
           SSL_CTX_set_num_tickets(context, 0) && SSL_CTX_set_max_early_data(context, 0) &&
           SSL_CTX_set_alpn_protos(context, protocols, sizeof protocols) == 0;
}

int hs_tls_create(struct hs_tls **tls, const struct hs_tls_config *config, struct hs_err *err)
{
    struct hs_tls *made = calloc(1, sizeof *made);

    *tls = NULL;
    if (made) made->method = make_method();
    if (!made || !made->method) {
        free(made);
        return hs_err_set(err, -ENOMEM, "TLS");
    }
    made->config = *config;
    hs_list_init(&made->sessions);
    *tls = made;
    return 0;
}

int hs_tls_use(struct hs_tls *tls, struct x509_st *certificate, struct evp_pkey_st *key,
               struct hs_err *err)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    bool     is_good = context && configure(context, tls);

    if (is_good)
        is_good = SSL_CTX_use_certificate(context, certificate) == 1 &&
                  SSL_CTX_use_PrivateKey(context, key) == 1;
    ERR_clear_error();
    if (!is_good) {
        SSL_CTX_free(context);
        return hs_err_refuse(err, "the certificate and the key are no pair that TLS can use");
    }
    SSL_CTX_free(tls->context); /* sessions under way keep it by a reference of their own */
    tls->context = context;
    return 0;
}

void hs_tls_destroy(struct hs_tls **tls)
{
    if (!*tls) return;
    HS_ASSERT(hs_list_is_empty(&(*tls)->sessions));
    SSL_CTX_free((*tls)->context);
    BIO_meth_free((*tls)->method);
    OPENSSL_cleanse((*tls)->scratch, SCRATCH_BYTES);
    free(*tls);
    *tls = NULL;
}

static bool is_refused_now(struct hs_tls_session *session)
{
    struct hs_tls *tls = session->tls;
    X509          *certificate = SSL_get0_peer_certificate(session->ssl);
    uint8_t        peer[HS_TLS_PEER_BYTES] = {0};

    if (!certificate) return false; /* its check is still to come */
    session->verdict = tls->config.check(tls->config.owner, certificate, peer, &session->refusal);
    ERR_clear_error();
    return session->verdict != 0;
}

void hs_tls_recheck(struct hs_tls *tls)
{
    for (struct hs_link *link = tls->sessions.next; link != &tls->sessions; link = link->next) {
        struct hs_tls_session *session = HS_CONTAINER_OF(link, struct hs_tls_session, link);

        if (!is_refused_now(session)) continue;
        tls->figures.certificates_refused++;
        if (session->config.on_rejected) session->config.on_rejected(session->config.owner);
    }
}

void hs_tls_figures(const struct hs_tls *tls, struct hs_tls_figures *figures)
{
    *figures = tls->figures;
}

/* ---- sessions ---- */

static unsigned count_handshakes(struct hs_tls *tls, const struct hs_addr *network)
{
    unsigned count = 0;

    for (struct hs_link *link = tls->sessions.next; link != &tls->sessions; link = link->next) {
        struct hs_tls_session *session = HS_CONTAINER_OF(link, struct hs_tls_session, link);

        if (!session->is_done && hs_addr_equal(&session->network, network)) count++;
    }
    return count;
}

static int start(struct hs_tls_session *session)
{
    BIO *bio = BIO_new(session->tls->method);

    if (!bio) return -ENOMEM;
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio); /* takes it */
    SSL_set_app_data(session->ssl, session);
    if (session->config.side == HS_TLS_SERVER) {
        SSL_set_accept_state(session->ssl);
        return 0;
    }
    SSL_set_connect_state(session->ssl);
    (void)SSL_do_handshake(session->ssl); /* wants an answer: always fails so far */
    ERR_clear_error();
    return session->output.used_bytes ? 0 : -ENOMEM;
}

int hs_tls_session_open(struct hs_tls_session **session, struct hs_tls *tls,
                        const struct hs_tls_session_config *config)
{
    struct hs_addr         network = {.family = HS_ADDR_NONE};
    struct hs_tls_session *opened;
    int                    rc;

    *session = NULL;
    if (!tls->context) return -ENOKEY;
    if (config->from) hs_addr_network(config->from, &network);
    if (network.family != HS_ADDR_NONE &&
        count_handshakes(tls, &network) >= HS_TLS_HANDSHAKES_PER_NETWORK_MAX) {
        tls->figures.networks_refused++;
        return -EBUSY;
    }
    opened = calloc(1, sizeof *opened);
    if (!opened) return -ENOMEM;
    *opened = (struct hs_tls_session){.magic = SESSION_MAGIC,
                                      .tls = tls,
                                      .config = *config,
                                      .network = network,
                                      .ssl = SSL_new(tls->context)};
    opened->config.from = NULL; /* the caller's */
    hs_list_init(&opened->link);
    rc = opened->ssl ? start(opened) : -ENOMEM;
    hs_list_add_tail(&tls->sessions, &opened->link);
    tls->figures.handshakes_under_way++;
    if (rc)
        hs_tls_session_close(&opened);
    else
        *session = opened;
    return rc;
}

void hs_tls_session_close(struct hs_tls_session **session)
{
    struct hs_tls_session *closed = *session;

    if (!closed) return;
    HS_CHECK_MAGIC(closed, SESSION_MAGIC);
    if (!closed->is_done) {
        closed->tls->figures.handshakes_failed++;
        closed->tls->figures.handshakes_under_way--;
    }
    hs_list_remove(&closed->link);
    SSL_free(closed->ssl);
    hs_buffer_release(&closed->output);
    closed->magic = 0;
    free(closed);
    *session = NULL;
}

static int fail(struct hs_tls_session *session)
{
    unsigned long code = ERR_peek_error();
    int           rc;

    if (session->verdict) {
        rc = -EKEYREJECTED; /* the check's sentence stands */
    } else if (hs_tls_is_peers_alert(code)) {
        rc = hs_tls_alert_text(code, &session->refusal);
    } else {
        rc = hs_tls_error_text(code, &session->refusal);
    }
    ERR_clear_error();
    return rc;
}

/* The server has told us nothing of the protocol: it is none of ours. */
static bool has_protocol(const SSL *ssl)
{
    const unsigned char *name;
    unsigned             bytes;

    SSL_get0_alpn_selected(ssl, &name, &bytes);
    return bytes == sizeof HS_TLS_ALPN - 1 && memcmp(name, HS_TLS_ALPN, bytes) == 0;
}

static int see_end_of_handshake(struct hs_tls_session *session)
{
    if (session->is_done || !SSL_is_init_finished(session->ssl)) return 0;
    if (!has_protocol(session->ssl)) {
        (void)hs_err_refuse(&session->refusal, "it does not speak " HS_TLS_ALPN);
        return -EPROTO;
    }
    HS_ASSERT(!SSL_session_reused(session->ssl));
    session->is_done = true;
    session->tls->figures.handshakes_under_way--;
    session->tls->figures.handshakes_done++;
    return 0;
}

int hs_tls_session_read(struct hs_tls_session *session, struct hs_view *received,
                        struct hs_view *plain)
{
    size_t bytes = 0;
    int    result;
    int    rc;

    HS_CHECK_MAGIC(session, SESSION_MAGIC);
    *plain = (struct hs_view){0};
    session->received = *received;
    ERR_clear_error();
    result = SSL_read_ex(session->ssl, session->tls->scratch, SCRATCH_BYTES, &bytes);
    *received = session->received;
    session->received = (struct hs_view){0};
    rc = see_end_of_handshake(session);
    if (rc) return rc;
    if (result == 1) {
        *plain = hs_view_of(session->tls->scratch, bytes);
        return 1;
    }
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ: return 0;
    case SSL_ERROR_ZERO_RETURN: return -ECONNRESET;
    default: return fail(session);
    }
}

int hs_tls_session_write(struct hs_tls_session *session, struct hs_view plain)
{
    size_t written = 0;

    HS_CHECK_MAGIC(session, SESSION_MAGIC);
    HS_ASSERT(session->is_done);
    ERR_clear_error();
    if (SSL_write_ex(session->ssl, plain.data, plain.bytes, &written) == 1) {
        HS_ASSERT(written == plain.bytes);
        return 0;
    }
    ERR_clear_error();
    return session->output.used_bytes > HS_SEND_QUEUE_BYTES_MAX ? -ENOBUFS : -EPROTO;
}

void hs_tls_session_finish(struct hs_tls_session *session)
{
    if (session->is_finished) return;
    session->is_finished = true;
    if (session->is_done) (void)SSL_shutdown(session->ssl);
    ERR_clear_error();
}

struct hs_buffer *hs_tls_session_output(struct hs_tls_session *session)
{
    return &session->output;
}

bool hs_tls_session_is_done(const struct hs_tls_session *session)
{
    return session->is_done;
}

const void *hs_tls_session_peer(const struct hs_tls_session *session)
{
    return session->peer.bytes;
}

const char *hs_tls_session_refusal(const struct hs_tls_session *session)
{
    return session->refusal.text;
}
