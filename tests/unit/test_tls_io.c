// SPDX-License-Identifier: Apache-2.0
/* test_tls_io.c - frames over TLS between two ends with a loop each; what a bad certificate comes
 * to, at both ends. Peers that do not play by the rules: test_tls_hostile_io.c. */
#include "ipc/addr.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/pki_rig.h"
#include "tests/unit/suites.h"
#include "tests/unit/tls_end.h"

#include <errno.h>
#include <malloc.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/x509v3.h>

enum { BIG_BYTES = HS_FRAME_BODY_BYTES_MAX, BIG_COUNT = 64, SMALL_COUNT = 20000 };

static struct hs_pki         rig;
static struct hs_pki_node    gate_node;
static struct hs_pki_node    manager_node;
static struct hs_credentials gate_side;
static struct hs_credentials manager_side;
static struct hs_tls_end     server;
static struct hs_tls_end     client;
static struct hs_err         err;

/* For an end that would not open its own bad certificate: takes any peer. */
static int take_anybody(void *owner, struct x509_st *certificate, void *peer, struct hs_err *why)
{
    (void)owner;
    (void)certificate;
    (void)peer;
    (void)why;
    return 0;
}

static void begin(enum hs_loop_backend backend)
{
    struct hs_credentials_texts texts;

    hs_pki_begin(&rig, "hyperscale://shop/prod");
    hs_pki_issue(&rig, &gate_node, HS_PKI_GATE, 0);
    hs_pki_issue(&rig, &manager_node, HS_PKI_MANAGER, 0);
    texts = hs_pki_texts(&rig, &gate_node);
    HS_CHECK_EQ(hs_credentials_open(&gate_side, &texts, &err), 0);
    texts = hs_pki_texts(&rig, &manager_node);
    HS_CHECK_EQ(hs_credentials_open(&manager_side, &texts, &err), 0);
    server = (struct hs_tls_end){.loop = hs_end_loop(backend)};
    client = (struct hs_tls_end){.loop = hs_end_loop(backend)};
}

static void open_ends(struct hs_tls *server_tls, struct hs_tls *client_tls)
{
    struct hs_conn_config server_config = hs_tls_end_config(&server, server_tls, HS_TLS_SERVER);
    struct hs_conn_config client_config = hs_tls_end_config(&client, client_tls, HS_TLS_CLIENT);
    int                   fds[2];

    HS_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    HS_CHECK_EQ(hs_conn_open(&server.conn, &server_config, fds[0]), 0);
    HS_CHECK_EQ(hs_conn_open(&client.conn, &client_config, fds[1]), 0);
}

static void begin_open(enum hs_loop_backend backend)
{
    begin(backend);
    open_ends(gate_side.tls, manager_side.tls);
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.ready, 1));
    HS_CHECK_EQ(client.ready, 1);
}

static void end(void)
{
    hs_tls_end_close(&server);
    hs_tls_end_close(&client);
    hs_credentials_close(&gate_side);
    hs_credentials_close(&manager_side);
    hs_pki_drop(&gate_node);
    hs_pki_drop(&manager_node);
    hs_pki_end(&rig);
}

static void both_ends_know_each_other_before_the_first_frame(enum hs_loop_backend backend)
{
    struct hs_tls_figures figures;

    begin(backend);
    open_ends(gate_side.tls, manager_side.tls);
    HS_CHECK(hs_conn_peer(server.conn) == NULL);
    HS_CHECK_EQ(hs_tls_end_send(&client, 1, 10), 0); /* waits for the handshake */
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.frames, 1));
    HS_CHECK_EQ(server.ready, 1);
    HS_CHECK_EQ(server.early_frames, 0);
    HS_CHECK_EQ(server.peer.role, HS_IDENTITY_MANAGER);
    HS_CHECK_TEXT(server.peer.node, "m1");
    HS_CHECK_TEXT(client.peer.node, "g1");
    HS_CHECK_TEXT(hs_credentials_peer(client.conn)->node, "g1");
    HS_CHECK_EQ(hs_tls_end_send(&server, 1, 0), 0);
    HS_CHECK(hs_tls_ends_await(&client, &server, &client.frames, 1));
    hs_tls_figures(gate_side.tls, &figures);
    HS_CHECK_EQ(figures.handshakes_done, 1);
    HS_CHECK_EQ(figures.handshakes_under_way, 0);
    end();
    HS_CHECK_EQ(server.closed + client.closed, 2);
}

static void nothing_of_a_frame_is_readable_on_the_way(enum hs_loop_backend backend)
{
    struct hs_conn_config config;
    uint8_t               seen[1 << 16];
    int                   fds[2];
    ssize_t               got;

    begin(backend);
    config = hs_tls_end_config(&client, manager_side.tls, HS_TLS_CLIENT);
    HS_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    HS_CHECK_EQ(hs_conn_open(&client.conn, &config, fds[0]), 0);
    HS_CHECK_EQ(hs_tls_end_send(&client, 1, 200), 0);
    for (unsigned i = 0; i < 20; i++) hs_tls_ends_step(&client, NULL);
    got = recv(fds[1], seen, sizeof seen, MSG_DONTWAIT);
    HS_CHECK(got > 100); /* the hello of TLS, and no frame before the other end is known */
    HS_CHECK_EQ(seen[0], 22);
    HS_CHECK(!memmem(seen, (size_t)(got > 0 ? got : 0), "\1\1\1\1\1\1\1\1", 8));
    (void)close(fds[1]);
    end();
}

static void frames_of_any_size_come_whole_and_in_order(enum hs_loop_backend backend)
{
    static const size_t sizes[] = {0, 1, 16368, 16384, 16385, 65536, BIG_BYTES};
    uint64_t            id = 0;

    begin_open(backend);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        HS_CHECK_EQ(hs_tls_end_send(&client, ++id, sizes[i]), 0);
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.frames, (unsigned)id));
    for (unsigned i = 0; i < BIG_COUNT; i++) {
        while (hs_tls_end_send(&client, id + 1, BIG_BYTES) == -ENOBUFS)
            hs_tls_ends_step(&client, &server);
        id++;
    }
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.frames, (unsigned)id));
    HS_CHECK(!server.is_order_broken);
    HS_CHECK(!server.is_body_broken);
    HS_CHECK_EQ(server.last_bytes, BIG_BYTES);
    end();
}

static void many_small_frames_come_back_in_order(enum hs_loop_backend backend)
{
    unsigned sent = 0;

    begin_open(backend);
    server.is_echo = true;
    while (sent < SMALL_COUNT) {
        for (unsigned i = 0; i < 100; i++) HS_CHECK_EQ(hs_tls_end_send(&client, ++sent, 20), 0);
        hs_tls_ends_step(&client, &server);
    }
    HS_CHECK(hs_tls_ends_await(&client, &server, &client.frames, SMALL_COUNT));
    HS_CHECK(!client.is_order_broken);
    HS_CHECK(!client.is_body_broken);
    end();
}

static void close_sends_what_waits_and_says_farewell(enum hs_loop_backend backend)
{
    begin_open(backend);
    for (unsigned i = 1; i <= 8; i++) HS_CHECK_EQ(hs_tls_end_send(&client, i, 100000), 0);
    hs_conn_close(client.conn, hs_loop_clock_ns(client.loop) + 5 * HS_NS_PER_S);
    HS_CHECK_EQ(hs_tls_end_send(&client, 9, 1), -ENOTCONN);
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.closed, 1));
    HS_CHECK(hs_tls_ends_await(&client, &server, &client.closed, 1));
    HS_CHECK_EQ(server.frames, 8);
    HS_CHECK_EQ(server.reason, -ECONNRESET);
    HS_CHECK_EQ(client.reason, 0);
    HS_CHECK_TEXT(server.refusal, "");
    end();
}

static void close_before_the_handshake_is_done_still_sends(enum hs_loop_backend backend)
{
    begin(backend);
    open_ends(gate_side.tls, manager_side.tls);
    HS_CHECK_EQ(hs_tls_end_send(&client, 1, 100), 0);
    hs_conn_close(client.conn, hs_loop_clock_ns(client.loop) + 5 * HS_NS_PER_S);
    HS_CHECK(hs_tls_ends_await(&client, &server, &client.closed, 1));
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.closed, 1));
    HS_CHECK_EQ(client.reason, 0);
    HS_CHECK_EQ(server.frames, 1);
    end();
}

static void abort_when_ready_lets_no_frame_in(enum hs_loop_backend backend)
{
    begin(backend);
    server.is_aborting = true;
    open_ends(gate_side.tls, manager_side.tls);
    HS_CHECK_EQ(hs_tls_end_send(&client, 1, 10), 0);
    HS_CHECK(hs_tls_ends_await(&client, &server, &client.closed, 1));
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.closed, 1));
    HS_CHECK_EQ(server.frames, 0);
    HS_CHECK_EQ(server.reason, -ECANCELED);
    end();
}

static void queue_of_a_peer_that_does_not_read_is_bounded(enum hs_loop_backend backend)
{
    uint64_t id = 0;
    int      rc = 0;

    begin_open(backend);
    while (!rc && id < 200) {
        rc = hs_tls_end_send(&client, ++id, 100000);
        hs_tls_ends_step(&client, NULL);
        HS_CHECK(hs_conn_queued_bytes(client.conn) <= HS_SEND_QUEUE_BYTES_MAX + 65536);
    }
    HS_CHECK_EQ(rc, -ENOBUFS);
    HS_CHECK(id > 30);
    end();
}

/* Client with this certificate at a good server; then a server with it at a good client. */
static void is_refused_at_both_ends(const struct hs_pki_node *node, const char *here,
                                    const char *there)
{
    const struct hs_tls_config config = {.check = take_anybody};
    struct hs_tls             *bad;

    HS_CHECK_EQ(hs_tls_create(&bad, &config, &err), 0);
    HS_CHECK_EQ(hs_tls_use(bad, node->issued.certificate, node->issued.key, &err), 0);
    open_ends(gate_side.tls, bad);
    HS_CHECK_EQ(hs_tls_end_send(&client, 1, 10), 0);
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.closed, 1));
    HS_CHECK(hs_tls_ends_await(&client, &server, &client.closed, 1));
    HS_CHECK_EQ(server.reason, -EKEYREJECTED);
    HS_CHECK_EQ(server.ready + server.frames, 0);
    HS_CHECK(strstr(server.refusal, here) != NULL);
    HS_CHECK_EQ(client.reason, -EACCES);
    HS_CHECK(strstr(client.refusal, there) != NULL);
    if (!strstr(server.refusal, here) || !strstr(client.refusal, there))
        (void)fprintf(stderr, "wanted \"%s\": %s; \"%s\": %s\n", here, server.refusal, there,
                      client.refusal);
    server = (struct hs_tls_end){.loop = server.loop};
    client = (struct hs_tls_end){.loop = client.loop};
    open_ends(bad, manager_side.tls);
    HS_CHECK_EQ(hs_tls_end_send(&client, 1, 10), 0);
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.closed, 1));
    HS_CHECK(hs_tls_ends_await(&client, &server, &client.closed, 1));
    HS_CHECK_EQ(client.reason, -EKEYREJECTED);
    HS_CHECK_EQ(client.ready + server.ready + server.frames, 0);
    HS_CHECK_EQ(server.reason, -EACCES);
    HS_CHECK(strstr(server.refusal, there) != NULL);
    server = (struct hs_tls_end){.loop = server.loop};
    client = (struct hs_tls_end){.loop = client.loop};
    hs_tls_destroy(&bad);
}

static void certificate_of_another_authority_is_refused(enum hs_loop_backend backend)
{
    struct hs_pki      other;
    struct hs_pki_node node;

    begin(backend);
    hs_pki_begin(&other, "hyperscale://shop/prod"); /* the same name, another key */
    hs_pki_issue(&other, &node, HS_PKI_MANAGER, 0);
    is_refused_at_both_ends(&node, "another authority's", "another cluster's authority");
    hs_pki_drop(&node);
    hs_pki_end(&other);
    hs_pki_begin(&other, "hyperscale://shop/staging");
    hs_pki_issue(&other, &node, "hyperscale://shop/staging/east/manager/m1", 0);
    is_refused_at_both_ends(&node, "issuer", "another cluster's authority");
    hs_pki_drop(&node);
    hs_pki_end(&other);
    end();
}

static void expired_certificate_is_refused(enum hs_loop_backend backend)
{
    struct hs_pki_node node;

    begin(backend);
    hs_pki_issue(&rig, &node, HS_PKI_MANAGER, 20);
    is_refused_at_both_ends(&node, "expired", "has expired");
    hs_pki_drop(&node);
    end();
}

static void names_that_are_not_one_of_ours_are_refused(enum hs_loop_backend backend)
{
    static const struct {
        const char *value;
        const char *says;
    } cases[] = {
        {NULL, "no alternative name"},
        {"DNS:m1", "0 URI names"},
        {"URI:" HS_PKI_MANAGER ",URI:" HS_PKI_MANAGER, "2 URI names"},
        {"URI:hyperscale://shop/prod/east/boss/m1", "no role"},
        {"URI:hyperscale://shop/prod/east/manager", "4 parts"},
        {"URI:hyperscale://shop/staging/east/manager/m1", "names shop/staging"},
    };

    begin(backend);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hs_pki_node node;

        hs_pki_issue(&rig, &node, HS_PKI_MANAGER, 0);
        hs_pki_spoil(&rig, &node, NID_subject_alt_name, cases[i].value);
        is_refused_at_both_ends(&node, cases[i].says, "not accepted");
        hs_pki_drop(&node);
    }
    end();
}

static void use_the_new_list(struct hs_credentials *credentials, const struct hs_pki_node *node)
{
    struct hs_credentials_texts texts = hs_pki_texts(&rig, node);

    HS_CHECK_EQ(hs_credentials_replace(credentials, &texts, &err), 0);
}

static void revoked_certificate_is_refused(enum hs_loop_backend backend)
{
    struct hs_pki_node node;

    begin(backend);
    hs_pki_issue(&rig, &node, HS_PKI_WORKER, 0);
    hs_pki_revoke(&rig, &node);
    use_the_new_list(&gate_side, &gate_node);
    use_the_new_list(&manager_side, &manager_node);
    is_refused_at_both_ends(&node, "revoked", "is revoked");
    hs_pki_drop(&node);
    end();
}

static void new_list_closes_the_connection_of_whom_it_names(enum hs_loop_backend backend)
{
    struct hs_tls_figures figures;

    begin_open(backend);
    use_the_new_list(&gate_side, &gate_node);
    HS_CHECK_EQ(hs_tls_end_send(&client, 1, 10), 0);
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.frames, 1)); /* nothing has changed */
    hs_pki_revoke(&rig, &manager_node);
    use_the_new_list(&gate_side, &gate_node);
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.closed, 1));
    HS_CHECK(hs_tls_ends_await(&client, &server, &client.closed, 1));
    HS_CHECK_EQ(server.reason, -EKEYREJECTED);
    HS_CHECK(strstr(server.refusal, "revoked") != NULL);
    hs_tls_figures(gate_side.tls, &figures);
    HS_CHECK_EQ(figures.certificates_refused, 1);
    end();
}

static void new_certificate_is_shown_by_connections_from_then_on(enum hs_loop_backend backend)
{
    struct hs_pki_node          renewed;
    struct hs_credentials_texts texts;
    X509                       *shown;

    begin_open(backend);
    hs_pki_issue(&rig, &renewed, HS_PKI_GATE, 0);
    texts = hs_pki_texts(&rig, &renewed);
    HS_CHECK_EQ(hs_credentials_replace(&gate_side, &texts, &err), 0);
    HS_CHECK_EQ(hs_tls_end_send(&client, 1, 10), 0); /* the old connection goes on */
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.frames, 1));
    hs_conn_abort(client.conn);
    HS_CHECK(hs_tls_ends_await(&client, &server, &client.closed, 1));
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.closed, 1));
    hs_pki_revoke(&rig, &gate_node); /* so only the new one can be let in */
    use_the_new_list(&manager_side, &manager_node);
    server = (struct hs_tls_end){.loop = server.loop};
    client = (struct hs_tls_end){.loop = client.loop};
    open_ends(gate_side.tls, manager_side.tls);
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.ready, 1));
    shown = renewed.issued.certificate;
    HS_CHECK(shown != NULL);
    hs_pki_drop(&renewed);
    end();
}

static void connecting_reaches_a_listener(enum hs_loop_backend backend)
{
    struct hs_conn_config config;
    struct hs_addr        addr;
    uint16_t              port;
    int                   listen_fd;
    int                   fd;

    begin(backend);
    listen_fd = hs_end_listen(8, &port);
    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", port), 0);
    config = hs_tls_end_config(&client, manager_side.tls, HS_TLS_CLIENT);
    HS_CHECK_EQ(hs_conn_connect(&client.conn, &config, &addr), 0);
    HS_CHECK_EQ(hs_tls_end_send(&client, 1, 10), 0);
    hs_tls_ends_step(&client, NULL);
    fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    config = hs_tls_end_config(&server, gate_side.tls, HS_TLS_SERVER);
    HS_CHECK_EQ(hs_conn_open(&server.conn, &config, fd), 0);
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.frames, 1));
    HS_CHECK_EQ(client.ready, 1);
    (void)close(listen_fd);
    end();
}

static void connecting_to_nobody_says_so(enum hs_loop_backend backend)
{
    struct hs_conn_config config;
    struct hs_addr        addr;
    uint16_t              port;

    begin(backend);
    (void)close(hs_end_listen(1, &port));
    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", port), 0);
    config = hs_tls_end_config(&client, manager_side.tls, HS_TLS_CLIENT);
    HS_CHECK_EQ(hs_conn_connect(&client.conn, &config, &addr), 0);
    HS_CHECK(hs_tls_ends_await(&client, NULL, &client.closed, 1));
    HS_CHECK_EQ(client.reason, -ECONNREFUSED);
    HS_CHECK_EQ(client.ready, 0);
    end();
}

static void plain_connection_can_connect_too(enum hs_loop_backend backend)
{
    struct hs_conn_config config;
    struct hs_addr        addr;
    uint16_t              port;
    int                   listen_fd;
    int                   fd;

    begin(backend);
    listen_fd = hs_end_listen(8, &port);
    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", port), 0);
    config = hs_tls_end_config(&client, NULL, HS_TLS_CLIENT);
    HS_CHECK_EQ(hs_conn_connect(&client.conn, &config, &addr), 0);
    HS_CHECK_EQ(hs_tls_end_send(&client, 1, 10), 0);
    HS_CHECK(hs_tls_ends_await(&client, NULL, &client.ready, 1));
    fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    config = hs_tls_end_config(&server, NULL, HS_TLS_SERVER);
    HS_CHECK_EQ(hs_conn_open(&server.conn, &config, fd), 0);
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.frames, 1));
    HS_CHECK(hs_conn_peer(server.conn) == NULL);
    (void)close(listen_fd);
    end();
}

static size_t heap_bytes(void)
{
    struct mallinfo2 heap = mallinfo2();

    return heap.uordblks + heap.hblkhd;
}

static void idle_connection_gives_its_memory_back(enum hs_loop_backend backend)
{
    size_t before_bytes;

    begin_open(backend);
    before_bytes = heap_bytes();
    for (uint64_t i = 1; i <= 4; i++) HS_CHECK_EQ(hs_tls_end_send(&client, i, BIG_BYTES), 0);
    HS_CHECK(hs_tls_ends_await(&client, &server, &server.frames, 4));
    while (hs_conn_queued_bytes(client.conn)) hs_tls_ends_step(&client, &server);
    hs_conn_turn(client.conn, hs_conn_deadline_ns(client.conn));
    hs_conn_turn(server.conn, hs_conn_deadline_ns(server.conn));
    HS_CHECK(heap_bytes() < before_bytes + BIG_BYTES / 2);
    HS_CHECK_EQ(hs_conn_deadline_ns(client.conn), HS_NEVER_NS);
    end();
}

#define EACH(X)                                                                                    \
    X(both_ends_know_each_other_before_the_first_frame,                                            \
      "SEC-4 both ends know each other before the first frame")                                    \
    X(nothing_of_a_frame_is_readable_on_the_way, "nothing of a frame is readable on the way")      \
    X(frames_of_any_size_come_whole_and_in_order, "frames of any size come whole and in order")    \
    X(many_small_frames_come_back_in_order, "many small frames come back in order")                \
    X(close_sends_what_waits_and_says_farewell, "close sends what waits and says farewell")        \
    X(close_before_the_handshake_is_done_still_sends,                                              \
      "close before the handshake is done still sends")                                            \
    X(abort_when_ready_lets_no_frame_in, "abort when ready lets no frame in")                      \
    X(queue_of_a_peer_that_does_not_read_is_bounded,                                               \
      "queue of a peer that does not read is bounded")                                             \
    X(certificate_of_another_authority_is_refused,                                                 \
      "BAD-4 SEC-1 certificate of another authority is refused")                                   \
    X(expired_certificate_is_refused, "BAD-3 SEC-1 expired certificate is refused")                \
    X(names_that_are_not_one_of_ours_are_refused,                                                  \
      "BAD-7 SEC-1 names that are not one of ours are refused")                                    \
    X(revoked_certificate_is_refused, "BAD-5 SEC-7 revoked certificate is refused")                \
    X(new_list_closes_the_connection_of_whom_it_names,                                             \
      "SEC-7 new list closes the connection of whom it names")                                     \
    X(new_certificate_is_shown_by_connections_from_then_on,                                        \
      "SEC-6 new certificate is shown by connections from then on")                                \
    X(connecting_reaches_a_listener, "connecting reaches a listener")                              \
    X(connecting_to_nobody_says_so, "connecting to nobody says so")                                \
    X(plain_connection_can_connect_too, "plain connection can connect, too")                       \
    X(idle_connection_gives_its_memory_back, "idle connection gives its memory back")

#define DEFINE(test, text) HS_ON_BOTH(test)
EACH(DEFINE)
#define ROWS(test, text) HS_BOTH_ROWS(text, test),

CU_TestInfo hs_tests_tls_io[] = {EACH(ROWS) CU_TEST_INFO_NULL};
