// SPDX-License-Identifier: Apache-2.0
/* loop_end.h - one end of a connection under test: remembers what its stream was told. Every test
 * of the loop runs on both back ends, so its body takes the back end as a parameter. */
#ifndef HS_TESTS_UNIT_LOOP_END_H
#define HS_TESTS_UNIT_LOOP_END_H

#include "ipc/addr.h"
#include "ipc/loop.h"

/* AUTO, not IO_URING: the tests must also pass where the kernel refuses io_uring. */
#define HS_ON_BOTH(test)                                                                           \
    static void test##_auto(void)                                                                  \
    {                                                                                              \
        test(HS_LOOP_AUTO);                                                                        \
    }                                                                                              \
    static void test##_epoll(void)                                                                 \
    {                                                                                              \
        test(HS_LOOP_EPOLL);                                                                       \
    }
#define HS_BOTH_ROWS(text, test)                                                                   \
    {text " (auto)", test##_auto},                                                                 \
    {                                                                                              \
        text " (epoll)", test##_epoll                                                              \
    }

enum { HS_END_BYTES_MAX = 4096 };

struct hs_end {
    struct hs_stream stream;
    uint8_t          bytes[HS_END_BYTES_MAX]; /* the first of what came */
    size_t           count;                   /* of all that came */
    unsigned         data_calls;
    unsigned         connected;
    int              connected_result;
    unsigned         sent;
    int              sent_result;
    unsigned         eof;
    unsigned         failed;
    int              failed_result;
    unsigned         closed;
    bool             is_echo;         /* sends back what comes, quietly */
    struct hs_end   *closes;          /* another end to close when data comes */
    bool             is_self_closing; /* closes itself when data comes */
};

/* 64 slots, 16 buffers of 2,048 bytes, 4 file operations; NULL after a failed check. */
struct hs_loop *hs_end_loop(enum hs_loop_backend backend);
void            hs_end_init(struct hs_end *end);
/* Steps until the counter reaches a value; false after 5 s (far above anything real). */
bool hs_end_await(struct hs_loop *loop, const unsigned *counter, unsigned value);
bool hs_end_await_bytes(struct hs_loop *loop, const struct hs_end *end, size_t count);
/* Polls as long as there is something to call back for. */
void hs_end_settle(struct hs_loop *loop);
/* Closes and waits for CLOSED; checks that it comes exactly once. */
void hs_end_close(struct hs_loop *loop, struct hs_end *end);
/* A pair of connected UNIX streams: one adopted by the end, the other returned. */
int hs_end_adopt_pair(struct hs_loop *loop, struct hs_end *end);
/* A TCP listener on 127.0.0.1; its port is stored. */
int hs_end_listen(int backlog, uint16_t *port);
/* A UDP socket on 127.0.0.1; its address is stored. */
int hs_end_bind(struct hs_addr *address);
/* A connected TCP descriptor pair over loopback. */
void hs_end_tcp_pair(int fds[2]);

#endif
