// SPDX-License-Identifier: Apache-2.0
/* client_link_io.c - frames over one socket, with poll. */
#include "roles/client/client_link_io.h"

#include "roles/client/secure_link_io.h"
#include "roles/client/session_io.h"
#include "roles/client/socket_io.h"
#include "roles/cluster/greeting.h"
#include "roles/printable.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A frame whose end is missing, and one piece more. */
enum { RECEIVED_BYTES = HS_FRAME_BYTES_MAX + HS_SECURE_RAW_BYTES };
#define GREETING_TIMEOUT_NS (5 * HS_NS_PER_S)
#define CONNECT_TIMEOUT_NS  (5 * HS_NS_PER_S)
/* Where others wait to be tried, one that is cut off shall not cost much. */
#define CONNECT_ONE_OF_TIMEOUT_NS (2 * HS_NS_PER_S)

int hs_client_link_init(struct hs_client_link *link)
{
    memset(link, 0, sizeof *link);
    link->fd = -1;
    link->received = malloc(RECEIVED_BYTES);
    link->sending = malloc(HS_FRAME_BYTES_MAX);
    return link->received && link->sending ? 0 : -ENOMEM;
}

void hs_client_link_fini(struct hs_client_link *link)
{
    hs_client_link_close(link);
    hs_secure_link_close(&link->secure);
    free(link->received);
    free(link->sending);
    link->received = link->sending = NULL;
}

void hs_client_link_close(struct hs_client_link *link)
{
    if (link->secure) hs_secure_link_disconnect(link->secure);
    if (link->fd >= 0) (void)close(link->fd);
    link->fd = -1;
    link->used_bytes = link->taken_bytes = 0;
}

void hs_client_link_take(struct hs_client_link *link, int fd)
{
    hs_client_link_close(link);
    link->fd = fd;
}

static int connect_here(struct hs_client_link *link, const struct hs_where *where,
                        struct hs_err *err)
{
    int fd = hs_socket_connect_unix(where->path);

    if (fd < 0) return hs_err_set(err, fd, "%s", where->path);
    hs_client_link_take(link, fd);
    return 0;
}

int hs_client_link_send(struct hs_client_link *link, enum hs_msg_type type, const void *message)
{
    struct hs_frame  frame = {.type = (uint16_t)type, .version = HS_FRAME_VERSION};
    struct hs_writer writer;
    int              rc;

    if (link->fd < 0) return -ENOTCONN;
    hs_writer_init(&writer, link->sending + HS_FRAME_HEADER_BYTES, HS_FRAME_BODY_BYTES_MAX);
    rc = hs_wire_encode(type, message, &writer);
    if (rc < 0) return rc;
    frame.request_id = ++link->next_request_id;
    frame.body = hs_view_of(writer.data, writer.used_bytes);
    hs_frame_put_header(link->sending, &frame);
    frame.body = hs_view_of(link->sending, HS_FRAME_HEADER_BYTES + writer.used_bytes);
    if (link->secure) return hs_secure_link_send(link->secure, link->fd, frame.body);
    return hs_socket_send_all(link->fd, frame.body.data, frame.body.bytes);
}

/* The frame that was handed out last makes room. */
static void forget_taken(struct hs_client_link *link)
{
    if (!link->taken_bytes) return;
    link->used_bytes -= link->taken_bytes;
    memmove(link->received, link->received + link->taken_bytes, link->used_bytes);
    link->taken_bytes = 0;
}

static int receive_plain(int fd, uint8_t *memory, size_t capacity_bytes)
{
    ssize_t got;

    do {
        got = recv(fd, memory, capacity_bytes, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) return 0;
    return got <= 0 ? -ECONNRESET : (int)got;
}

static int fill(struct hs_client_link *link)
{
    uint8_t *room = link->received + link->used_bytes;
    size_t   room_bytes = RECEIVED_BYTES - link->used_bytes;
    int      got = link->secure ? hs_secure_link_receive(link->secure, link->fd, room, room_bytes)
                                : receive_plain(link->fd, room, room_bytes);

    if (got <= 0) return got;
    link->used_bytes += (size_t)got;
    return 1;
}

int hs_client_link_receive(struct hs_client_link *link, enum hs_msg_type *type,
                           union hs_msg *message)
{
    struct hs_frame frame;
    size_t          need_bytes;

    if (link->fd < 0) return -ENOTCONN;
    forget_taken(link);
    for (;;) {
        int taken =
            hs_frame_parse(hs_view_of(link->received, link->used_bytes), &frame, &need_bytes);
        int rc;

        if (taken < 0) return -EPROTO;
        if (taken == 0) {
            rc = fill(link);
            if (rc <= 0) return rc;
            continue;
        }
        link->taken_bytes = (size_t)taken;
        rc = hs_wire_open(&frame, HS_ROLE_GATE, HS_ROLE_CLIENT, message);
        if (rc == 0) {
            *type = (enum hs_msg_type)frame.type;
            return 1;
        }
        if (rc == -EPROTO) return rc;
        forget_taken(link); /* something that newer gates say */
    }
}

/* ---- a gate elsewhere ---- */

/* The gate's answer to our HELLO, or what came instead. */
static int await_ack(struct hs_client_link *link, union hs_msg *message, struct hs_err *err)
{
    uint64_t         deadline_ns = hs_client_now_ns() + GREETING_TIMEOUT_NS;
    enum hs_msg_type type;
    int              rc;

    for (;;) {
        rc = hs_client_link_receive(link, &type, message);
        if (rc == 0) {
            rc = hs_socket_await(link->fd, deadline_ns);
            if (rc == 0) rc = -ETIMEDOUT;
        } else if (rc == 1 && type == HS_MSG_HELLO_ACK) {
            return 0;
        } else if (rc == 1 && type == HS_MSG_REFUSED) {
            (void)hs_err_refuse(err, "the gate refuses us: %s", message->refused.text);
            hs_make_printable(err->text, strlen(err->text));
            return -EACCES;
        }
        if (rc < 0) break;
    }
    if (rc == -EACCES)
        (void)hs_err_refuse(err, "%s", hs_secure_link_refusal(link->secure));
    else
        (void)hs_err_set(err, rc, "no answer to our greeting");
    return rc;
}

static int greet(struct hs_client_link *link, const struct hs_where_gate *place, struct hs_err *err)
{
    const struct hs_identity *gate = hs_tls_session_peer(link->secure->session);
    struct hs_greeter         greeter = {.identity = link->secure->credentials.identity};
    struct hs_greeting        greeting;
    struct hs_msg_hello       hello;
    union hs_msg              message;
    int                       rc;

    hs_greeter_hello(&greeter, &hello);
    rc = hs_client_link_send(link, HS_MSG_HELLO, &hello);
    if (rc)
        (void)hs_err_set(err, rc, "greet");
    else
        rc = await_ack(link, &message, err);
    if (!rc) rc = hs_greeter_conclude(&greeter, gate, &message.hello_ack, &greeting, err);
    if (!rc) return 0;
    err->code = rc;
    return hs_err_wrap(err, "%s", place->text);
}

static int connect_elsewhere(struct hs_client_link *link, const struct hs_where *where,
                             unsigned gate_idx, struct hs_err *err)
{
    const struct hs_where_gate *place = &where->gates[gate_idx];
    uint64_t timeout_ns = where->count > 1 ? CONNECT_ONE_OF_TIMEOUT_NS : CONNECT_TIMEOUT_NS;
    int      rc = link->secure ? 0 : hs_secure_link_open(&link->secure, where->credentials, err);

    hs_client_link_close(link);
    if (!rc) rc = hs_secure_link_connect(link->secure, place, timeout_ns, err);
    if (rc < 0) return rc;
    link->fd = rc;
    rc = greet(link, place, err);
    if (rc) hs_client_link_close(link);
    return rc;
}

int hs_client_link_connect(struct hs_client_link *link, const struct hs_where *where,
                           unsigned gate_idx, struct hs_err *err)
{
    return where->credentials ? connect_elsewhere(link, where, gate_idx, err)
                              : connect_here(link, where, err);
}

bool hs_client_link_is_hopeless(const struct hs_where *where, int rc)
{
    if (!where->credentials) return false;
    return rc == -EKEYREJECTED || rc == -EKEYEXPIRED || rc == -EKEYREVOKED || rc == -EACCES ||
           rc == -EPERM || rc == -EINVAL || rc == -EPROTO || rc == -EPROTONOSUPPORT ||
           rc == -ENOKEY;
}
