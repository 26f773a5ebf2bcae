// SPDX-License-Identifier: Apache-2.0
/* secure_link_io.c - connects, shakes hands, seals and opens, with poll. */
#include "roles/client/secure_link_io.h"

#include "roles/client/session_io.h"
#include "roles/client/socket_io.h"
#include "roles/cluster/role_matrix.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- credentials ---- */

static int check_role(const struct hs_identity *own, const char *directory, struct hs_err *err)
{
    if (!hs_identity_is_host(own)) return 0;
    return hs_err_refuse(err,
                         "%s is a %s's: commands take those of a client or an operator "
                         "(hyperscale ca issue DC/client/NAME)",
                         directory, hs_identity_role_name(own->role));
}

int hs_secure_link_open(struct hs_secure_link **secure, const char *directory, struct hs_err *err)
{
    struct hs_credentials_image *image = calloc(1, sizeof *image);
    struct hs_secure_link       *opened = calloc(1, sizeof *opened);
    struct hs_credentials_texts  texts;
    int                          rc;

    *secure = NULL;
    if (!image || !opened) {
        free(image);
        free(opened);
        return hs_err_set(err, -ENOMEM, "credentials");
    }
    rc = hs_credentials_image_read(image, directory, false, err);
    if (!rc) rc = hs_credentials_image_texts(image, &texts);
    if (!rc) {
        rc = hs_credentials_open(&opened->credentials, &texts, err);
        if (rc) (void)hs_err_wrap(err, "%s", directory);
    }
    if (!rc) rc = check_role(&opened->credentials.identity, directory, err);
    explicit_bzero(image, sizeof *image);
    free(image);
    if (!rc)
        *secure = opened;
    else
        hs_secure_link_close(&opened);
    return rc;
}

void hs_secure_link_close(struct hs_secure_link **secure)
{
    if (!*secure) return;
    hs_secure_link_disconnect(*secure);
    hs_credentials_close(&(*secure)->credentials);
    free(*secure);
    *secure = NULL;
}

void hs_secure_link_disconnect(struct hs_secure_link *secure)
{
    hs_tls_session_close(&secure->session);
    secure->rest = (struct hs_view){0};
}

/* ---- sealed bytes ---- */

static int flush(struct hs_secure_link *secure, int fd)
{
    struct hs_buffer *output = hs_tls_session_output(secure->session);
    int               rc = 0;

    if (output->used_bytes) rc = hs_socket_send_all(fd, output->data, output->used_bytes);
    output->used_bytes = 0;
    return rc;
}

int hs_secure_link_send(struct hs_secure_link *secure, int fd, struct hs_view bytes)
{
    int rc = hs_tls_session_write(secure->session, bytes);

    return rc ? rc : flush(secure, fd);
}

/* 1: there is something in rest; 0: not yet. */
static int fetch(struct hs_secure_link *secure, int fd)
{
    ssize_t got;

    if (secure->rest.bytes) return 1;
    do {
        got = recv(fd, secure->raw, sizeof secure->raw, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got < 0) return -errno;
    if (got == 0) return -ECONNRESET;
    secure->rest = hs_view_of(secure->raw, (size_t)got);
    return 1;
}

int hs_secure_link_receive(struct hs_secure_link *secure, int fd, uint8_t *memory,
                           size_t capacity_bytes)
{
    struct hs_view plain;
    int            rc;
    int            sent;

    HS_ASSERT(capacity_bytes >= HS_SECURE_RAW_BYTES);
    for (;;) {
        rc = fetch(secure, fd);
        if (rc <= 0) return rc;
        rc = hs_tls_session_read(secure->session, &secure->rest, &plain);
        sent = flush(secure, fd); /* of the handshake, or an alert for what it is worth */
        if (rc < 0) return rc;
        if (sent < 0) return sent;
        if (rc == 0) continue;
        memcpy(memory, plain.data, plain.bytes);
        return (int)plain.bytes;
    }
}

const char *hs_secure_link_refusal(const struct hs_secure_link *secure)
{
    return secure->session ? hs_tls_session_refusal(secure->session) : "";
}

/* ---- connecting ---- */

static void tell(const struct hs_secure_link *secure, const struct hs_where_gate *gate, int reason,
                 struct hs_err *err)
{
    const char *why = hs_secure_link_refusal(secure);

    switch (reason) {
    case -EKEYREJECTED:
        (void)hs_err_refuse(err, "%s: its certificate is refused: %s", gate->text, why);
        break;
    case -EACCES: (void)hs_err_refuse(err, "%s: %s", gate->text, why); break;
    case -EPROTO:
        (void)hs_err_refuse(err, "%s: no gate: %s", gate->text, *why ? why : "nonsense");
        break;
    case -ECONNRESET:
        (void)hs_err_refuse(err, "%s: it has closed the connection instead of shaking hands",
                            gate->text);
        break;
    case -ETIMEDOUT: (void)hs_err_refuse(err, "%s: no TLS handshake within 5 s", gate->text); break;
    default: (void)hs_err_set(err, reason, "%s", gate->text); break;
    }
    err->code = reason;
}

static int shake_hands(struct hs_secure_link *secure, int fd)
{
    uint64_t deadline_ns = hs_client_now_ns() + HS_TLS_HANDSHAKE_TIMEOUT_NS;
    int      rc = flush(secure, fd);

    while (!rc && !hs_tls_session_is_done(secure->session)) {
        struct hs_view plain;

        rc = hs_socket_await(fd, deadline_ns);
        if (rc == 0) return -ETIMEDOUT;
        if (rc > 0) rc = fetch(secure, fd);
        if (rc == 1) rc = hs_tls_session_read(secure->session, &secure->rest, &plain);
        if (rc < 0) HS_IGNORE(flush(secure, fd), "an alert, for what it is worth");
        if (rc == 0) rc = flush(secure, fd);
        /* Frames before our HELLO: whoever says more than a handshake is none of ours. */
        if (rc == 1) rc = -EPROTO;
    }
    return rc;
}

int hs_secure_link_connect(struct hs_secure_link *secure, const struct hs_where_gate *gate,
                           uint64_t connect_timeout_ns, struct hs_err *err)
{
    const struct hs_tls_session_config config = {.side = HS_TLS_CLIENT};
    int fd = hs_socket_connect_tcp(gate->host, gate->port, connect_timeout_ns, err);
    int rc;

    if (fd < 0) return fd;
    hs_secure_link_disconnect(secure);
    rc = hs_tls_session_open(&secure->session, secure->credentials.tls, &config);
    if (!rc) rc = shake_hands(secure, fd);
    if (rc)
        tell(secure, gate, rc, err);
    else {
        rc = hs_role_check_dial(&secure->credentials.identity, hs_tls_session_peer(secure->session),
                                err);
        if (rc) (void)hs_err_wrap(err, "%s", gate->text);
    }
    if (!rc) return fd;
    hs_secure_link_disconnect(secure);
    (void)close(fd);
    return rc;
}
