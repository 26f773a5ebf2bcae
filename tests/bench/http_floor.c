// SPDX-License-Identifier: Apache-2.0
/* http_floor.c - the floor under an HTTP/1.1 client: a bare io_uring loop that keeps one request in
 * flight on each of N connections, checks the status line, takes one timestamp per batch, and fills
 * one histogram. No plan, no phases, no timeouts, no error handling: a real engine cannot cost
 * less, and should not cost much more. Run: taskset -c 1 build/tests/bench/http_floor PORT
 * CONNECTIONS SECONDS */
#include "tests/bench/floor.h"

#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum op { OP_RECV = 1, OP_SEND };

static struct floor              floor_;
static struct io_uring           ring;
static struct io_uring_buf_ring *pool;
static char                     *buffers;
static int                      *fds;

static struct io_uring_sqe *next_sqe(void)
{
    struct io_uring_sqe *sqe;

    while (!(sqe = io_uring_get_sqe(&ring))) (void)io_uring_submit(&ring);
    return sqe;
}

static void arm_recv(unsigned idx)
{
    struct io_uring_sqe *sqe = next_sqe();

    io_uring_prep_recv_multishot(sqe, fds[idx], NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 1;
    sqe->user_data = (uint64_t)OP_RECV << 32 | idx;
}

static void ask(unsigned idx)
{
    struct io_uring_sqe *sqe = next_sqe();

    io_uring_prep_send(sqe, fds[idx], floor_request, sizeof floor_request - 1, MSG_NOSIGNAL);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = (uint64_t)OP_SEND << 32 | idx;
}

static void give_buffer(unsigned buffer_idx, int offset)
{
    io_uring_buf_ring_add(pool, buffers + (size_t)buffer_idx * FLOOR_BUFFER_BYTES,
                          FLOOR_BUFFER_BYTES, (unsigned short)buffer_idx,
                          io_uring_buf_ring_mask(FLOOR_BUFFERS), offset);
}

static void open_ring(void)
{
    struct io_uring_params  params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                               IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
                                      .cq_entries = 16384};
    struct io_uring_buf_reg reg = {.ring_entries = FLOOR_BUFFERS, .bgid = 1};

    if (io_uring_queue_init_params(4096, &ring, &params)) floor_die("io_uring");
    pool = aligned_alloc(4096, FLOOR_BUFFERS * sizeof(struct io_uring_buf));
    buffers = malloc((size_t)FLOOR_BUFFERS * FLOOR_BUFFER_BYTES);
    reg.ring_addr = (uintptr_t)pool;
    if (!pool || !buffers || io_uring_register_buf_ring(&ring, &reg, 0)) floor_die("buffers");
    io_uring_buf_ring_init(pool);
    for (unsigned i = 0; i < FLOOR_BUFFERS; i++) give_buffer(i, (int)i);
    io_uring_buf_ring_advance(pool, FLOOR_BUFFERS);
}

static void open_connections(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(floor_.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int                one = 1;

    fds = calloc(floor_.count, sizeof *fds);
    if (!fds) floor_die("memory");
    for (unsigned i = 0; i < floor_.count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fds[i], (const struct sockaddr *)&at, sizeof at)) floor_die("connect");
        (void)setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
}

static void on_recv(const struct io_uring_cqe *cqe, uint64_t now_ns)
{
    unsigned idx = (unsigned)cqe->user_data;

    if (cqe->res > 0) {
        unsigned buffer_idx = cqe->flags >> IORING_CQE_BUFFER_SHIFT;

        floor_response(&floor_, buffers + (size_t)buffer_idx * FLOOR_BUFFER_BYTES, (size_t)cqe->res,
                       floor_.sent_at_ns[idx], now_ns);
        give_buffer(buffer_idx, 0);
        io_uring_buf_ring_advance(pool, 1);
        floor_.sent_at_ns[idx] = now_ns;
        ask(idx);
    } else if (cqe->res != -ENOBUFS) {
        floor_die("connection lost");
    }
    if (!(cqe->flags & IORING_CQE_F_MORE)) arm_recv(idx);
}

static void serve(uint64_t end_ns)
{
    for (;;) {
        struct io_uring_cqe *cqe;
        uint64_t             now_ns;
        unsigned             head;
        unsigned             seen = 0;

        (void)io_uring_submit_and_wait(&ring, 1);
        now_ns = floor_now_ns();
        if (now_ns >= end_ns) return;
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            seen++;
            if (cqe->user_data >> 32 == OP_RECV) on_recv(cqe, now_ns);
        }
        io_uring_cq_advance(&ring, seen);
    }
}

int main(int argc, char **argv)
{
    uint64_t start_ns;

    floor_arguments(&floor_, argc, argv);
    open_ring();
    open_connections();
    start_ns = floor_now_ns();
    for (unsigned i = 0; i < floor_.count; i++) {
        arm_recv(i);
        floor_.sent_at_ns[i] = start_ns;
        ask(i);
    }
    serve(start_ns + (uint64_t)(floor_.seconds * 1e9));
    floor_report(&floor_);
    return 0;
}
