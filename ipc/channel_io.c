// SPDX-License-Identifier: Apache-2.0
/* channel_io.c - a ring with a doorbell.
 *
 * When is the reader asleep? The writer commits its message and then looks at the reader's index;
 * the reader gives back its last slot and then looks at the writer's index, and sleeps only if
 * nothing is there. Both steps of both sides are sequentially consistent, so at least one of them
 * sees the other: either the reader finds the message, or the writer finds that the reader had
 * taken all before it, and rings (Dekker 1965). While the reader is behind, no bell is rung. */
#include "ipc/channel.h"

#include "shm/base/assert.h"
#include "shm/base/list.h"
#include "shm/base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* Adding nothing is a full barrier between our store before and our load after; ThreadSanitizer
 * understands it, a fence not. */
static void order_after_own_store(hs_word *own)
{
    (void)atomic_fetch_add_explicit(own, 0, memory_order_seq_cst);
}

int hs_channel_out_open(struct hs_channel_out *out, struct hs_ring_shm *shm,
                        const struct hs_ring_shape *shape, uint64_t generation, int bell_fd)
{
    *out = (struct hs_channel_out){.bell_fd = bell_fd};
    return hs_ring_attach(&out->ring, shm, shape, generation);
}

/* -EAGAIN: the counter is full, so the bell is ringing already. Anything else costs the reader its
 * poll interval. */
static void ring_bell(struct hs_channel_out *out)
{
    uint64_t one = 1;
    ssize_t  rc;

    do rc = write(out->bell_fd, &one, sizeof(one));
    while (rc < 0 && errno == EINTR);
    out->bell_count++;
}

int hs_channel_push(struct hs_channel_out *out, const void *message)
{
    uint64_t before = out->ring.tail;
    uint64_t head;
    int      rc = hs_ring_push(&out->ring, message);

    if (rc < 0) return rc;
    HS_ASSERT(out->ring.tail == before + 1);
    order_after_own_store(&out->ring.shm->tail);
    head = atomic_load_explicit(&out->ring.shm->head, memory_order_seq_cst);
    if (head == before || head == before + 1)
        ring_bell(out); /* + 1: taken already, perhaps asleep again */
    return 0;
}

/* 1: a message; 0: none, and whoever commits the next one will ring; -EPROTO. */
static int peek_or_sleep(struct hs_channel_in *in, const void **message, uint64_t *generation)
{
    int rc = hs_ring_peek(&in->ring, message, generation);

    if (rc != 0) return rc;
    order_after_own_store(&in->ring.shm->head);
    if (atomic_load_explicit(&in->ring.shm->tail, memory_order_seq_cst) == in->ring.head) return 0;
    return hs_ring_peek(&in->ring, message, generation);
}

unsigned hs_channel_drain(struct hs_channel_in *in)
{
    uint8_t  copy[HS_RING_MESSAGE_BYTES_MAX];
    unsigned count = 0;

    while (in->is_open && count < HS_CHANNEL_BURST) {
        const void *message = NULL;
        uint64_t    generation = 0;
        int         rc = peek_or_sleep(in, &message, &generation);

        if (rc == 0) break;
        if (rc < 0) {
            hs_channel_in_close(in);
            in->on_fault(in, rc);
            break;
        }
        HS_ASSERT(message);
        memcpy(copy, message, in->ring.shape.message_bytes);
        in->on_message(in, copy, generation);
        hs_ring_advance(
            &in->ring); /* after acting: a death in between repeats it, never loses it */
        count++;
    }
    return count;
}

static void drain_and_plan(struct hs_channel_in *in, uint64_t now_ns)
{
    bool is_full_burst = hs_channel_drain(in) == HS_CHANNEL_BURST;

    in->poll_at_ns = is_full_burst ? now_ns : now_ns + HS_CHANNEL_POLL_INTERVAL_NS;
}

static void on_readable(struct hs_watch *watch)
{
    struct hs_channel_in *in = HS_CONTAINER_OF(watch, struct hs_channel_in, watch);
    uint64_t              rings;

    /* Silenced first: what comes from now on rings again. */
    if (read(in->bell_fd, &rings, sizeof(rings)) < 0 && errno != EAGAIN && errno != EINTR)
        hs_log(HS_LOG_WARN, "channel", "bell fd=%d error=%s", in->bell_fd,
               hs_err_code_text(-errno));
    drain_and_plan(in, hs_loop_now_ns(in->loop));
}

int hs_channel_in_open(struct hs_channel_in *in, struct hs_loop *loop, struct hs_ring_shm *shm,
                       const struct hs_ring_shape *shape, int bell_fd)
{
    int rc = hs_ring_attach(&in->ring, shm, shape, 0);

    if (rc < 0) return rc;
    in->loop = loop;
    in->bell_fd = bell_fd;
    in->watch = (struct hs_watch){.on_readable = on_readable};
    in->poll_at_ns = 0; /* what a predecessor left has no bell */
    rc = hs_watch_open(loop, &in->watch, bell_fd);
    in->is_open = rc == 0;
    return rc;
}

void hs_channel_in_close(struct hs_channel_in *in)
{
    if (!in->is_open) return;
    in->is_open = false;
    hs_watch_close(&in->watch);
}

uint64_t hs_channel_in_deadline_ns(const struct hs_channel_in *in)
{
    return in->is_open ? in->poll_at_ns : UINT64_MAX;
}

void hs_channel_in_turn(struct hs_channel_in *in, uint64_t now_ns)
{
    if (in->is_open && now_ns >= in->poll_at_ns) drain_and_plan(in, now_ns);
}
