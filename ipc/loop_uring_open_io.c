// SPDX-License-Identifier: Apache-2.0
/* loop_uring_open_io.c - sets an io_uring up: the best flags that the kernel takes, receive
 * buffers, a registered descriptor, and a restriction to the operations that the loop uses. */
#include "ipc/loop_io.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The last row is the least we use; what refuses it (below 6.0) lacks multishot receives as
 * well. */
static const unsigned setup_flags[] = {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                                       IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN};

static const uint8_t allowed_ops[] = {IORING_OP_NOP,     IORING_OP_RECV,   IORING_OP_SEND,
                                      IORING_OP_CONNECT, IORING_OP_ACCEPT, IORING_OP_POLL_ADD,
                                      IORING_OP_WRITE,   IORING_OP_FSYNC,  IORING_OP_ASYNC_CANCEL};

enum { SQ_MIN = 64, SQ_MAX = 4096, CQ_MAX = 1 << 16, TRIES_MAX = 16, REFUND_MS = 20 };

static unsigned power_of_two(unsigned at_least, unsigned low, unsigned high)
{
    unsigned value = low;

    while (value < at_least && value < high) value *= 2;
    return value;
}

/* The completion queue holds what all streams may say in one round: 4 times the submissions, and
 * twice the streams. What is beyond it the kernel keeps for us (NODROP), so a queue that was halved
 * a few times costs system calls, never a completion. */
static int open_ring(struct hs_loop *loop, unsigned flags, unsigned halvings)
{
    enum { NEEDED = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP };
    unsigned               sq = power_of_two(loop->slot_count, SQ_MIN, SQ_MAX) >> halvings;
    unsigned               cq = power_of_two(loop->slot_count, SQ_MIN, CQ_MAX / 2) * 2 >> halvings;
    struct io_uring_params params = {.flags = flags | IORING_SETUP_R_DISABLED |
                                              IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL |
                                              IORING_SETUP_CLAMP};
    int                    rc;

    if (sq < SQ_MIN) sq = SQ_MIN;
    params.cq_entries = cq < sq * 4 ? sq * 4 : cq;
    rc = io_uring_queue_init_params(sq, &loop->uring.ring, &params);
    if (rc) return rc;
    loop->uring.is_open = true;
    return (params.features & NEEDED) == NEEDED ? 0 : -EOPNOTSUPP;
}

static int open_best_ring(struct hs_loop *loop, unsigned halvings)
{
    int rc = -EINVAL;

    for (size_t i = 0; i < HS_ARRAY_LEN(setup_flags) && rc == -EINVAL; i++)
        rc = open_ring(loop, setup_flags[i], halvings);
    return rc;
}

static int open_pool(struct hs_loop *loop)
{
    struct hs_loop_uring   *uring = &loop->uring;
    struct io_uring_buf_reg reg = {.ring_entries = loop->buffer_count, .bgid = 0};

    uring->pool_bytes = loop->buffer_count * sizeof(struct io_uring_buf);
    uring->pool =
        mmap(NULL, uring->pool_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (uring->pool == MAP_FAILED) {
        uring->pool = NULL;
        return -ENOMEM;
    }
    reg.ring_addr = (uintptr_t)uring->pool;
    io_uring_buf_ring_init(uring->pool);
    uring->given_count = loop->buffer_count;
    if (uring->given_count > HS_LOOP_BUFFERS_FIRST) uring->given_count = HS_LOOP_BUFFERS_FIRST;
    loop->figures.buffer_count = uring->given_count;
    for (unsigned i = 0; i < uring->given_count; i++)
        io_uring_buf_ring_add(uring->pool, loop->buffers + (size_t)i * loop->buffer_bytes,
                              loop->buffer_bytes, (unsigned short)i,
                              io_uring_buf_ring_mask(loop->buffer_count), (int)i);
    io_uring_buf_ring_advance(uring->pool, (int)uring->given_count);
    return io_uring_register_buf_ring(&uring->ring, &reg, 0);
}

/* System call filters cannot see what is asked of a ring, so the ring itself refuses what we never
 * ask: no opening of files, no sockets, no signals from a process that was taken over. */
static int restrict_ring(struct hs_loop *loop)
{
    enum { COUNT = HS_ARRAY_LEN(allowed_ops) };
    struct io_uring_restriction rules[COUNT + 2] = {0};

    for (unsigned i = 0; i < COUNT; i++) {
        rules[i].opcode = IORING_RESTRICTION_SQE_OP;
        rules[i].sqe_op = allowed_ops[i];
    }
    rules[COUNT].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
    rules[COUNT].sqe_flags = IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK;
    rules[COUNT + 1].opcode = IORING_RESTRICTION_REGISTER_OP;
    rules[COUNT + 1].register_op = IORING_UNREGISTER_RING_FDS; /* for closing */
    return io_uring_register((unsigned)loop->uring.ring.ring_fd, IORING_REGISTER_RESTRICTIONS,
                             rules, COUNT + 2);
}

/* The memory of rings is counted against what its user may lock (RLIMIT_MEMLOCK), over all
 * processes of that user: who finds little left takes less. Of a ring that was closed again,
 * because there was no room for its buffers, the kernel gives the room back a little later. */
static int open_what_fits(struct hs_loop *loop)
{
    bool is_refund_due = false;
    int  rc = -ENOMEM;

    for (unsigned i = 0; i < TRIES_MAX && rc == -ENOMEM; i++) {
        if (is_refund_due) (void)poll(NULL, 0, REFUND_MS);
        rc = open_best_ring(loop, i);
        if (rc) continue;
        rc = open_pool(loop);
        if (rc != -ENOMEM) break;
        hs_loop_uring_close(loop);
        is_refund_due = true;
    }
    return rc;
}

int hs_loop_uring_open(struct hs_loop *loop, struct hs_err *err)
{
    struct hs_loop_uring *uring = &loop->uring;
    int                   rc = open_what_fits(loop);

    if (!rc) {
        HS_IGNORE(io_uring_register_ring_fd(&uring->ring), "then each entry looks the ring up");
        uring->is_restricted = restrict_ring(loop) == 0;
        rc =
            io_uring_register((unsigned)uring->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    }
    if (rc) {
        hs_loop_uring_close(loop);
        return hs_err_set(err, rc, "io_uring");
    }
    return 0;
}

void hs_loop_uring_close(struct hs_loop *loop)
{
    struct hs_loop_uring *uring = &loop->uring;

    if (uring->is_open) io_uring_queue_exit(&uring->ring);
    if (uring->pool) (void)munmap(uring->pool, uring->pool_bytes);
    memset(uring, 0, sizeof *uring);
}
