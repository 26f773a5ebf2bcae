// SPDX-License-Identifier: Apache-2.0
/* http_responder.c - the cheapest HTTP/1.1 server we can write: answers every received chunk with
 * one fixed response. It parses nothing, so use it only with clients that keep one small request in
 * flight per connection.
 * Run: taskset -c 0 build/tests/bench/http_responder PORT (says "ready" when it listens) */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFERS = 1024, BUFFER_BYTES = 2048 };
enum op { OP_ACCEPT = 1, OP_RECV, OP_SEND };

static const char response[] = "HTTP/1.1 200 OK\r\nServer: floor\r\nContent-Type: text/plain\r\n"
                               "Content-Length: 12\r\nConnection: keep-alive\r\n\r\nhello world\n";
static struct io_uring           ring;
static struct io_uring_buf_ring *pool;
static char                     *buffers;

static struct io_uring_sqe *next_sqe(void)
{
    struct io_uring_sqe *sqe;

    while (!(sqe = io_uring_get_sqe(&ring))) (void)io_uring_submit(&ring);
    return sqe;
}

static void tag(struct io_uring_sqe *sqe, enum op op, int fd)
{
    sqe->user_data = (uint64_t)op << 32 | (unsigned)fd;
}

static void arm_recv(int fd)
{
    struct io_uring_sqe *sqe = next_sqe();

    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 1;
    tag(sqe, OP_RECV, fd);
}

static void arm_accept(int fd)
{
    struct io_uring_sqe *sqe = next_sqe();

    io_uring_prep_multishot_accept(sqe, fd, NULL, NULL, 0);
    tag(sqe, OP_ACCEPT, fd);
}

static void answer(int fd)
{
    struct io_uring_sqe *sqe = next_sqe();

    io_uring_prep_send(sqe, fd, response, sizeof response - 1, MSG_NOSIGNAL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    tag(sqe, OP_SEND, fd);
}

static void give_buffer(unsigned buffer_idx, int offset)
{
    io_uring_buf_ring_add(pool, buffers + (size_t)buffer_idx * BUFFER_BYTES, BUFFER_BYTES,
                          (unsigned short)buffer_idx, io_uring_buf_ring_mask(BUFFERS), offset);
}

static void die(const char *why)
{
    perror(why);
    exit(1);
}

static void open_ring(void)
{
    struct io_uring_params  params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                               IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                      .cq_entries = 16384};
    struct io_uring_buf_reg reg = {.ring_entries = BUFFERS, .bgid = 1};

    if (io_uring_queue_init_params(4096, &ring, &params)) die("io_uring");
    pool = aligned_alloc(4096, BUFFERS * sizeof(struct io_uring_buf));
    buffers = malloc((size_t)BUFFERS * BUFFER_BYTES);
    reg.ring_addr = (uintptr_t)pool;
    if (!pool || !buffers || io_uring_register_buf_ring(&ring, &reg, 0)) die("buffers");
    io_uring_buf_ring_init(pool);
    for (unsigned i = 0; i < BUFFERS; i++) give_buffer(i, (int)i);
    io_uring_buf_ring_advance(pool, BUFFERS);
}

static int open_listener(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int                one = 1;
    int                fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&at, sizeof at) || listen(fd, 4096)) die("listen");
    return fd;
}

static void on_accept(const struct io_uring_cqe *cqe, int listener)
{
    int one = 1;

    if (cqe->res >= 0) {
        (void)setsockopt(cqe->res, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        arm_recv(cqe->res);
    }
    if (!(cqe->flags & IORING_CQE_F_MORE)) arm_accept(listener);
}

static void on_recv(const struct io_uring_cqe *cqe, int fd)
{
    if (cqe->flags & IORING_CQE_F_BUFFER) {
        give_buffer(cqe->flags >> IORING_CQE_BUFFER_SHIFT, 0);
        io_uring_buf_ring_advance(pool, 1);
    }
    if (cqe->res > 0) {
        answer(fd);
    } else if (cqe->res != -ENOBUFS) {
        (void)close(fd);
        return;
    }
    if (!(cqe->flags & IORING_CQE_F_MORE)) arm_recv(fd);
}

static void serve(void)
{
    struct io_uring_cqe *cqe;
    unsigned             head;
    unsigned             seen = 0;

    (void)io_uring_submit_and_wait(&ring, 1);
    io_uring_for_each_cqe(&ring, head, cqe)
    {
        enum op op = (enum op)(cqe->user_data >> 32);
        int     fd = (int)(uint32_t)cqe->user_data;

        seen++;
        if (op == OP_ACCEPT) on_accept(cqe, fd);
        if (op == OP_RECV) on_recv(cqe, fd);
    }
    io_uring_cq_advance(&ring, seen);
}

int main(int argc, char **argv)
{
    int listener = open_listener(argc > 1 ? (int)strtol(argv[1], NULL, 10) : 8082);

    open_ring();
    arm_accept(listener);
    (void)puts("ready");
    (void)fflush(stdout);
    for (;;) serve();
}
