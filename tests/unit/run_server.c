// SPDX-License-Identifier: Apache-2.0
/* run_server.c - see run_server.h. */
#include "tests/unit/run_server.h"

#include "tests/unit/loop_end.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
    unsigned    answers;
    unsigned    matched; /* bytes of "\r\n\r\n" seen so far */
    size_t      request_bytes;
    const char *more; /* is poured out */
};

struct server {
    struct run_behaviours behaviours;
    struct run_counts    *counts;
    unsigned              fd_count;
    struct pollfd         fds[RUN_PEERS_MAX + 1]; /* 0: the listener */
    struct peer           peers[RUN_PEERS_MAX + 1];
};

static void drop(struct server *server, unsigned idx, bool is_reset)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (is_reset) (void)setsockopt(server->fds[idx].fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(server->fds[idx].fd);
    server->fd_count--;
    server->fds[idx] = server->fds[server->fd_count];
    server->peers[idx] = server->peers[server->fd_count];
}

static bool say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* false: the connection is gone. */
static bool answer(struct server *server, unsigned idx)
{
    uint64_t                number = server->counts->requests++;
    const struct run_serve *serve = &server->behaviours.at[number % server->behaviours.count];
    struct peer            *peer = &server->peers[idx];
    bool                    is_bad = number < serve->first_bad ||
                  (serve->per_connection && peer->answers == serve->per_connection);

    if (is_bad) {
        drop(server, idx, false);
        return false;
    }
    if (!serve->answer && serve->after == RUN_KEEP) return true;
    peer->answers++;
    server->counts->answers++; /* before it leaves: whoever has it finds it counted */
    if (serve->answer && !say(server->fds[idx].fd, serve->answer)) {
        drop(server, idx, false);
        return false;
    }
    if (serve->after != RUN_KEEP) {
        drop(server, idx, serve->after == RUN_RESET);
        return false;
    }
    if (serve->more) {
        peer->more = serve->more;
        server->fds[idx].events = POLLIN | POLLOUT;
    }
    return true;
}

/* One byte of a request; true when it is complete. */
static bool take(struct server *server, struct peer *peer, char byte)
{
    static const char end[] = "\r\n\r\n";
    char             *text = server->counts->last_request;

    if (peer->request_bytes < RUN_REQUEST_BYTES - 1) text[peer->request_bytes++] = byte;
    peer->matched = byte == end[peer->matched] ? peer->matched + 1 : byte == '\r';
    if (peer->matched < sizeof end - 1) return false;
    text[peer->request_bytes] = '\0';
    peer->matched = 0;
    peer->request_bytes = 0;
    return true;
}

/* false: the connection is gone. */
static bool serve_peer(struct server *server, unsigned idx)
{
    const char *more = server->peers[idx].more;
    char        bytes[4096];
    ssize_t     got;

    if (more && (server->fds[idx].revents & POLLOUT) &&
        send(server->fds[idx].fd, more, strlen(more), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
        errno != EAGAIN) {
        drop(server, idx, false);
        return false;
    }
    if (!(server->fds[idx].revents & (POLLIN | POLLHUP | POLLERR))) return true;
    got = recv(server->fds[idx].fd, bytes, sizeof bytes, 0);
    if (got <= 0) {
        drop(server, idx, false);
        return false;
    }
    for (ssize_t i = 0; i < got; i++)
        if (take(server, &server->peers[idx], bytes[i]) && !answer(server, idx)) return false;
    return true;
}

static void accept_one(struct server *server)
{
    int fd = accept(server->fds[0].fd, NULL, NULL);
    int one = 1;

    if (fd < 0 || server->fd_count > RUN_PEERS_MAX) _exit(1);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    server->counts->connections++;
    server->peers[server->fd_count] = (struct peer){0};
    server->fds[server->fd_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void serve_for_ever(struct server *server)
{
    for (;;) {
        if (poll(server->fds, server->fd_count, -1) < 0) _exit(1);
        for (unsigned i = server->fd_count; i-- > 1;)
            if (server->fds[i].revents) (void)serve_peer(server, i);
        if (server->fds[0].revents) accept_one(server);
    }
}

pid_t run_server_start(struct run_behaviours behaviours, struct run_counts *counts, uint16_t *port)
{
    static struct server server;
    int                  fd = hs_end_listen(RUN_PEERS_MAX, port);
    pid_t                child = 0;

    if (behaviours.count) child = fork();
    if (behaviours.count && child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        server = (struct server){.behaviours = behaviours, .counts = counts, .fd_count = 1};
        server.fds[0] = (struct pollfd){.fd = fd, .events = POLLIN};
        serve_for_ever(&server);
    }
    close(fd);
    return child;
}
