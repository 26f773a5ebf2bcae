// SPDX-License-Identifier: Apache-2.0
/* test_tls_hostile_io.c - peers that are not as they should be, made with OpenSSL directly or with
 * bare bytes, at a server of ours and at a client of ours. */
#include "ipc/addr.h"
#include "ipc/tls_session.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/pki_rig.h"
#include "tests/unit/suites.h"
#include "tests/unit/tls_end.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

enum { STEPS_MAX = 400, EXTRA_CERTIFICATES = 40 };

static struct hs_pki         rig;
static struct hs_pki_node    gate_node;
static struct hs_pki_node    client_node;
static struct hs_credentials gate_side;
static struct hs_tls_end     ours;
static struct hs_err         err;
static int                   peer_fd;

static void begin(enum hs_loop_backend backend, enum hs_tls_side side)
{
    struct hs_credentials_texts texts;
    struct hs_conn_config       config;
    int                         fds[2];

    hs_pki_begin(&rig, "hyperscale://shop/prod");
    hs_pki_issue(&rig, &gate_node, HS_PKI_GATE, 0);
    hs_pki_issue(&rig, &client_node, HS_PKI_CLIENT, 0);
    texts = hs_pki_texts(&rig, &gate_node);
    HS_CHECK_EQ(hs_credentials_open(&gate_side, &texts, &err), 0);
    ours = (struct hs_tls_end){.loop = hs_end_loop(backend)};
    config = hs_tls_end_config(&ours, gate_side.tls, side);
    HS_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    HS_CHECK_EQ(hs_conn_open(&ours.conn, &config, fds[0]), 0);
    peer_fd = fds[1];
    (void)fcntl(peer_fd, F_SETFL, O_NONBLOCK);
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL's own end writes to whoever is gone */
}

static void end(void)
{
    hs_tls_end_close(&ours);
    if (peer_fd >= 0) (void)close(peer_fd);
    hs_credentials_close(&gate_side);
    hs_pki_drop(&gate_node);
    hs_pki_drop(&client_node);
    hs_pki_end(&rig);
}

static void is_closed(int reason, const char *says)
{
    HS_CHECK(hs_tls_ends_await(&ours, NULL, &ours.closed, 1));
    HS_CHECK_EQ(ours.reason, reason);
    HS_CHECK_EQ(ours.ready + ours.frames, 0);
    HS_CHECK(strstr(ours.refusal, says) != NULL);
    if (!strstr(ours.refusal, says))
        (void)fprintf(stderr, "wanted \"%s\": %s\n", says, ours.refusal);
}

/* A client as it should be, but for what the caller changes in it. */
static SSL_CTX *make_peer(bool has_certificate, const char *protocol)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());

    HS_CHECK(context != NULL);
    if (has_certificate) {
        HS_CHECK_EQ(SSL_CTX_use_certificate(context, client_node.issued.certificate), 1);
        HS_CHECK_EQ(SSL_CTX_use_PrivateKey(context, client_node.issued.key), 1);
    }
    if (protocol)
        HS_CHECK_EQ(SSL_CTX_set_alpn_protos(context, (const unsigned char *)protocol,
                                            (unsigned)strlen(protocol)),
                    0);
    return context;
}

/* Handshake and one read with our end stepping; the SSL error of the last call. */
static int converse(SSL *ssl)
{
    char byte;
    int  rc = -1;

    for (unsigned i = 0; i < STEPS_MAX; i++) {
        ERR_clear_error();
        rc = SSL_is_init_finished(ssl) ? SSL_read(ssl, &byte, 1) : SSL_do_handshake(ssl);
        if (rc <= 0 && SSL_get_error(ssl, rc) != SSL_ERROR_WANT_READ) break;
        hs_tls_ends_step(&ours, NULL);
        if (ours.ready && SSL_is_init_finished(ssl)) break;
    }
    return SSL_get_error(ssl, rc);
}

static SSL *open_peer(SSL_CTX *context)
{
    SSL *ssl = SSL_new(context);

    HS_CHECK(ssl != NULL);
    HS_CHECK_EQ(SSL_set_fd(ssl, peer_fd), 1);
    SSL_set_connect_state(ssl);
    return ssl;
}

static int alert_of_last_error(void)
{
    return ERR_GET_REASON(ERR_peek_error()) - SSL_AD_REASON_OFFSET;
}

static void peer_as_it_should_be_gets_in_and_gets_no_ticket(enum hs_loop_backend backend)
{
    SSL_CTX     *context;
    SSL         *ssl;
    SSL_SESSION *session;

    begin(backend, HS_TLS_SERVER);
    context = make_peer(true, "\4hs/1");
    ssl = open_peer(context);
    (void)converse(ssl);
    HS_CHECK_EQ(ours.ready, 1);
    HS_CHECK_TEXT(ours.peer.node, "ann");
    HS_CHECK_TEXT(SSL_get_version(ssl), "TLSv1.3");
    for (unsigned i = 0; i < 20; i++) hs_tls_ends_step(&ours, NULL);
    (void)converse(ssl); /* would take a ticket in */
    session = SSL_get1_session(ssl);
    HS_CHECK(!SSL_SESSION_is_resumable(session));
    HS_CHECK_EQ(SSL_SESSION_get_max_early_data(session), 0);
    SSL_SESSION_free(session);
    SSL_free(ssl);
    SSL_CTX_free(context);
    end();
}

static void expect_alert(SSL_CTX *context, int alert)
{
    SSL *ssl = open_peer(context);

    HS_CHECK_EQ(converse(ssl), SSL_ERROR_SSL);
    HS_CHECK_EQ(alert_of_last_error(), alert);
    SSL_free(ssl);
    SSL_CTX_free(context);
}

static void peer_without_certificate_is_refused(enum hs_loop_backend backend)
{
    begin(backend, HS_TLS_SERVER);
    expect_alert(make_peer(false, "\4hs/1"), TLS13_AD_CERTIFICATE_REQUIRED);
    is_closed(-EKEYREJECTED, "no certificate");
    end();
}

static void peer_of_another_protocol_is_refused(enum hs_loop_backend backend)
{
    begin(backend, HS_TLS_SERVER);
    expect_alert(make_peer(true, "\2h2\10http/1.1"), SSL_AD_NO_APPLICATION_PROTOCOL);
    is_closed(-EPROTO, "our protocol");
    end();
    begin(backend, HS_TLS_SERVER);
    expect_alert(make_peer(true, NULL), SSL_AD_NO_APPLICATION_PROTOCOL);
    is_closed(-EPROTO, "our protocol");
    end();
}

static void peer_of_an_older_tls_is_refused(enum hs_loop_backend backend)
{
    SSL_CTX *context;

    begin(backend, HS_TLS_SERVER);
    context = make_peer(true, "\4hs/1");
    HS_CHECK_EQ(SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION), 1);
    expect_alert(context, SSL_AD_PROTOCOL_VERSION);
    is_closed(-EPROTO, "TLS 1.3");
    end();
}

static void server_of_another_protocol_is_refused_by_our_client(enum hs_loop_backend backend)
{
    SSL_CTX *context;
    SSL     *ssl;

    begin(backend, HS_TLS_CLIENT);
    context = make_peer(true, NULL); /* chooses no protocol: it has never heard of any */
    ssl = SSL_new(context);
    HS_CHECK_EQ(SSL_set_fd(ssl, peer_fd), 1);
    SSL_set_accept_state(ssl);
    (void)converse(ssl);
    is_closed(-EPROTO, "hs/1");
    SSL_free(ssl);
    SSL_CTX_free(context);
    end();
}

static void chain_above_16_kib_is_refused(enum hs_loop_backend backend)
{
    SSL_CTX *context;
    SSL     *ssl;

    begin(backend, HS_TLS_SERVER);
    context = make_peer(true, "\4hs/1");
    for (unsigned i = 0; i < EXTRA_CERTIFICATES; i++)
        HS_CHECK_EQ(SSL_CTX_add1_chain_cert(context, gate_node.issued.certificate), 1);
    ssl = open_peer(context);
    (void)converse(ssl);
    is_closed(-EKEYREJECTED, "16 KiB");
    SSL_free(ssl);
    SSL_CTX_free(context);
    end();
}

static void send_bytes(const void *bytes, size_t count)
{
    HS_CHECK_EQ(send(peer_fd, bytes, count, MSG_NOSIGNAL), (ssize_t)count);
}

static void bytes_that_are_no_tls_are_refused(enum hs_loop_backend backend)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: gate\r\n\r\n";
    uint8_t           frame[HS_FRAME_HEADER_BYTES];
    uint8_t           noise[300];

    begin(backend, HS_TLS_SERVER);
    send_bytes(request, sizeof request - 1);
    is_closed(-EPROTO, "HTTP");
    end();
    begin(backend, HS_TLS_SERVER);
    hs_frame_put_header(frame, &(struct hs_frame){.type = 1, .version = 1});
    send_bytes(frame, sizeof frame);
    is_closed(-EPROTO, "TLS");
    end();
    begin(backend, HS_TLS_SERVER);
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t)(i * 37 + 11);
    send_bytes(noise, sizeof noise);
    is_closed(-EPROTO, "TLS");
    end();
    begin(backend, HS_TLS_CLIENT);
    send_bytes("220 mail ESMTP\r\n", 16);
    is_closed(-EPROTO, "TLS");
    end();
}

static void peer_that_says_nothing_is_cut_off_after_5_s(enum hs_loop_backend backend)
{
    uint64_t deadline_ns;

    begin(backend, HS_TLS_SERVER);
    send_bytes("\26\3\1\2", 4); /* the beginning of a hello */
    for (unsigned i = 0; i < 5; i++) hs_tls_ends_step(&ours, NULL);
    deadline_ns = hs_conn_deadline_ns(ours.conn);
    HS_CHECK(deadline_ns <= hs_loop_clock_ns(ours.loop) + 5 * HS_NS_PER_S);
    hs_conn_turn(ours.conn, deadline_ns - 1);
    HS_CHECK(hs_conn_is_open(ours.conn));
    hs_conn_turn(ours.conn, deadline_ns);
    is_closed(-ETIMEDOUT, "");
    end();
}

static void peer_that_goes_away_amidst_is_forgotten(enum hs_loop_backend backend)
{
    begin(backend, HS_TLS_SERVER);
    send_bytes("\26\3\1\2", 4);
    (void)shutdown(peer_fd, SHUT_WR);
    is_closed(-ECONNRESET, "");
    end();
}

static void peer_that_closes_one_direction_is_gone(enum hs_loop_backend backend)
{
    SSL_CTX *context;
    SSL     *ssl;

    begin(backend, HS_TLS_SERVER);
    context = make_peer(true, "\4hs/1");
    ssl = open_peer(context);
    (void)converse(ssl);
    HS_CHECK_EQ(ours.ready, 1);
    HS_CHECK_EQ(SSL_shutdown(ssl), 0);
    HS_CHECK(hs_tls_ends_await(&ours, NULL, &ours.closed, 1));
    HS_CHECK_EQ(ours.reason, -ECONNRESET);
    SSL_free(ssl);
    SSL_CTX_free(context);
    end();
}

/* Authenticated, and then: frames that are none. The peer hears the end of it in order. */
static void nonsense_inside_tls_ends_the_connection(enum hs_loop_backend backend)
{
    static const char nonsense[] = "\xff\xff\xff\xff and so on and on";
    SSL_CTX          *context;
    SSL              *ssl;
    char              byte;

    begin(backend, HS_TLS_SERVER);
    context = make_peer(true, "\4hs/1");
    ssl = open_peer(context);
    (void)converse(ssl);
    HS_CHECK_EQ(SSL_write(ssl, nonsense, sizeof nonsense), (int)sizeof nonsense);
    HS_CHECK(hs_tls_ends_await(&ours, NULL, &ours.closed, 1));
    HS_CHECK_EQ(ours.reason, -EMSGSIZE);
    HS_CHECK_EQ(ours.frames, 0);
    HS_CHECK_EQ(SSL_get_error(ssl, SSL_read(ssl, &byte, 1)), SSL_ERROR_ZERO_RETURN);
    SSL_free(ssl);
    SSL_CTX_free(context);
    end();
}

/* Each would cost a key and an answer. */
static void key_updates_without_end_do_not_pile_up(enum hs_loop_backend backend)
{
    SSL_CTX *context;
    SSL     *ssl;

    begin(backend, HS_TLS_SERVER);
    context = make_peer(true, "\4hs/1");
    ssl = open_peer(context);
    (void)converse(ssl);
    for (unsigned i = 0; i < 2000 && !ours.closed; i++) {
        HS_CHECK_EQ(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        if (SSL_do_handshake(ssl) <= 0) break;
        hs_tls_ends_step(&ours, NULL);
        if (ours.conn) HS_CHECK(hs_conn_queued_bytes(ours.conn) < 65536);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    end();
}

static void handshakes_of_one_network_are_bounded(void)
{
    struct hs_tls_session             *sessions[HS_TLS_HANDSHAKES_PER_NETWORK_MAX];
    struct hs_tls_session             *more;
    struct hs_addr                     from = {.family = HS_ADDR_IPV4, .bytes = {10, 1, 2, 0}};
    const struct hs_tls_session_config config = {.side = HS_TLS_SERVER, .from = &from};
    struct hs_tls_figures              figures;

    begin(HS_LOOP_AUTO, HS_TLS_SERVER);
    for (unsigned i = 0; i < HS_TLS_HANDSHAKES_PER_NETWORK_MAX; i++) {
        from.bytes[3] = (uint8_t)i;
        HS_CHECK_EQ(hs_tls_session_open(&sessions[i], gate_side.tls, &config), 0);
    }
    HS_CHECK_EQ(hs_tls_session_open(&more, gate_side.tls, &config), -EBUSY);
    from.bytes[2] = 3; /* the network beside it */
    HS_CHECK_EQ(hs_tls_session_open(&more, gate_side.tls, &config), 0);
    hs_tls_session_close(&more);
    from.bytes[2] = 2;
    hs_tls_session_close(&sessions[0]);
    HS_CHECK_EQ(hs_tls_session_open(&sessions[0], gate_side.tls, &config), 0);
    hs_tls_figures(gate_side.tls, &figures);
    HS_CHECK_EQ(figures.networks_refused, 1);
    for (unsigned i = 0; i < HS_TLS_HANDSHAKES_PER_NETWORK_MAX; i++)
        hs_tls_session_close(&sessions[i]);
    end();
}

struct asked {
    unsigned times;
    int      answer;
    unsigned rejected;
};

static int ask(void *owner, struct x509_st *certificate, void *noted, struct hs_err *why)
{
    struct asked *asked = owner;

    (void)certificate;
    (void)noted;
    (void)why;
    asked->times++;
    return asked->answer;
}

static void count_rejected(void *owner)
{
    ((struct asked *)owner)->rejected++;
}

/* Up to bytes of what one has to say, into the other. */
static void deliver(struct hs_tls_session *from, struct hs_tls_session *to, size_t bytes)
{
    struct hs_buffer *said = hs_tls_session_output(from);
    size_t            count = bytes < said->used_bytes ? bytes : said->used_bytes;
    struct hs_view    rest = hs_view_of(said->data, count);
    struct hs_view    plain;

    HS_CHECK_EQ(hs_tls_session_read(to, &rest, &plain), 0);
    HS_CHECK_EQ(rest.bytes, 0);
    memmove(said->data, said->data + count, said->used_bytes - count);
    said->used_bytes -= count;
}

static void peer_that_is_refused_amidst_its_handshake_does_not_get_in(void)
{
    struct asked                       asked = {0};
    const struct hs_tls_config         tls_config = {.check = ask, .owner = &asked};
    const struct hs_tls_session_config server_side = {
        .side = HS_TLS_SERVER, .on_rejected = count_rejected, .owner = &asked};
    const struct hs_tls_session_config client_side = {.side = HS_TLS_CLIENT};
    struct hs_tls_session             *client;
    struct hs_tls_session             *server;
    struct hs_tls                     *tls;

    begin(HS_LOOP_AUTO, HS_TLS_SERVER);
    HS_CHECK_EQ(hs_tls_create(&tls, &tls_config, &err), 0);
    HS_CHECK_EQ(hs_tls_use(tls, gate_node.issued.certificate, gate_node.issued.key, &err), 0);
    HS_CHECK_EQ(hs_tls_session_open(&server, tls, &server_side), 0);
    HS_CHECK_EQ(hs_tls_session_open(&client, gate_side.tls, &client_side), 0);
    deliver(client, server, SIZE_MAX);
    deliver(server, client, SIZE_MAX);
    while (!asked.times && hs_tls_session_output(client)->used_bytes) deliver(client, server, 1);
    HS_CHECK_EQ(asked.times, 1);
    HS_CHECK(!hs_tls_session_is_done(server)); /* its last message is still on the way */
    asked.answer = -EKEYREVOKED;
    hs_tls_recheck(tls);
    HS_CHECK_EQ(asked.rejected, 1);
    hs_tls_session_close(&server);
    hs_tls_session_close(&client);
    hs_tls_destroy(&tls);
    end();
}

#define EACH(X)                                                                                    \
    X(peer_as_it_should_be_gets_in_and_gets_no_ticket,                                             \
      "SEC-3 peer as it should be gets in and gets no ticket")                                     \
    X(peer_without_certificate_is_refused, "SEC-2 peer without certificate is refused")            \
    X(peer_of_another_protocol_is_refused, "SEC-2 peer of another protocol is refused")            \
    X(peer_of_an_older_tls_is_refused, "SEC-2 peer of an older TLS is refused")                    \
    X(server_of_another_protocol_is_refused_by_our_client,                                         \
      "SEC-2 server of another protocol is refused by our client")                                 \
    X(chain_above_16_kib_is_refused, "SEC-2 chain above 16 KiB is refused")                        \
    X(bytes_that_are_no_tls_are_refused, "BAD-1 SEC-60 bytes that are no TLS are refused")         \
    X(peer_that_says_nothing_is_cut_off_after_5_s,                                                 \
      "SEC-2 peer that says nothing is cut off after 5 s")                                         \
    X(peer_that_goes_away_amidst_is_forgotten, "peer that goes away amidst is forgotten")          \
    X(peer_that_closes_one_direction_is_gone, "peer that closes one direction is gone")            \
    X(nonsense_inside_tls_ends_the_connection,                                                     \
      "BAD-1 SEC-60 nonsense inside TLS ends the connection")                                      \
    X(key_updates_without_end_do_not_pile_up, "key updates without end do not pile up")

#define DEFINE(test, text) HS_ON_BOTH(test)
EACH(DEFINE)
#define ROWS(test, text) HS_BOTH_ROWS(text, test),

CU_TestInfo hs_tests_tls_hostile_io[] = {
    EACH(ROWS){"SEC-2 handshakes of one network are bounded",
               handshakes_of_one_network_are_bounded},
    {"SEC-7 peer that is refused amidst its handshake does not get in",
     peer_that_is_refused_amidst_its_handshake_does_not_get_in},
    CU_TEST_INFO_NULL};
