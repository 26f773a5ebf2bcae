// SPDX-License-Identifier: Apache-2.0
/* sim_world.h - the inside of the simulator; only tests/sim/sim_*.c include it. */
#ifndef HS_TESTS_SIM_WORLD_H
#define HS_TESTS_SIM_WORLD_H

#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "tests/sim/sim_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SIM_NODES_MAX = 64, SIM_SECTOR_BYTES = 512, SIM_FD_FIRST = 1000 };
enum { SIM_NO_NODE = SIM_NODES_MAX }; /* the other side of an event that crosses no network */

/* hs_stream.flags, as the simulator uses them */
enum {
    HS_SIM_CONNECTING = 1 << 0,
    HS_SIM_REPORTING = 1 << 1,
    HS_SIM_QUIET = 1 << 2,
    HS_SIM_CLOSING = 1 << 3,
    HS_SIM_BROKEN = 1 << 4, /* connecting or sending failed */
    HS_SIM_RESET = 1 << 5,  /* by the peer */
    HS_SIM_HELD = 1 << 6    /* what arrives waits */
};

enum sim_event_kind {
    SIM_DATA, /* to an end of a connection */
    SIM_EOF,
    SIM_RESET,
    SIM_SENT,
    SIM_FAILED,
    SIM_CLOSED,
    SIM_SYN, /* a connection attempt reaches the listener's host: the kernel's, no process needed */
    SIM_CONNECTED,
    SIM_ACCEPT,
    SIM_BELL,
    SIM_FILE
};

struct sim_event {
    uint64_t            at_ns;
    uint64_t            sequence; /* first come, first served at the same moment */
    enum sim_event_kind kind;
    unsigned            from_node; /* a partition between them holds it back */
    unsigned            to_node;
    uint32_t            to_life; /* of the process it is for; 0: any */
    unsigned            target;  /* index of end, listener or bell */
    int                 result;
    uint8_t            *bytes; /* owned */
    size_t              count;
    union {
        struct hs_stream  *stream;
        struct hs_file_op *op;
    } owner;
};

struct sim_events { /* a heap, or a plain list of what is held back */
    struct sim_event *at;
    size_t            count;
    size_t            capacity;
};

struct sim_end {
    unsigned          node;
    uint32_t          life;
    struct hs_stream *stream; /* NULL: not taken by a loop, or closed */
    bool              is_closed;
    bool              is_finished;    /* hears nothing more: end of file or reset was told */
    uint64_t          last_at_ns;     /* arrival of the last thing sent to it */
    size_t            incoming_bytes; /* sent to it, not yet delivered */
    struct sim_events early;          /* arrived before a loop took it */
};

struct sim_connection {
    struct sim_end ends[2];
    struct hs_addr addr; /* where the first end connects to */
};

struct sim_listener {
    struct hs_addr      addr;
    unsigned            node;
    struct hs_listener *owner;
    bool                is_closed;
    struct sim_events   early;
};

struct sim_bell {
    unsigned         node;
    struct hs_watch *owner;
    bool             is_rung;
    bool             is_due; /* an event is under way */
};

struct sim_file {
    unsigned node;
    char     name[32];
    uint8_t *bytes;   /* as processes see it */
    uint8_t *durable; /* as it stands after a crash */
    bool    *dirty;   /* per sector: not yet asked to be durable */
    size_t   capacity;
    size_t   count;
    size_t   durable_count;
    unsigned fail_writes;
    unsigned fail_syncs;
};

struct sim_node {
    struct hs_loop *loop; /* of the present life */
    uint32_t        life;
    bool            is_up;
    bool            is_paused;
    uint64_t        offset_ns; /* its clock less the world's */
    uint64_t        turn_at_ns;
    uint64_t (*turn)(void *self, uint64_t now_ns);
    void *self;
};

enum sim_fd_kind { SIM_FD_CLOSED, SIM_FD_END, SIM_FD_LISTENER, SIM_FD_BELL, SIM_FD_FILE };

struct sim_fd {
    enum sim_fd_kind kind;
    unsigned         idx;
};

struct hs_loop {
    struct hs_sim_world   *world;
    struct hs_loop        *next; /* all of the world */
    unsigned               node;
    uint32_t               life;
    struct hs_loop_config  config;
    unsigned               stream_count;
    unsigned               file_count;
    uint64_t               now_ns;
    struct hs_loop_figures figures;
};

struct hs_sim_world {
    uint64_t                now_ns;
    uint64_t                sequence;
    uint64_t                trace_hash;
    struct hs_rand          rand;
    struct hs_sim_network   network;
    struct sim_events       heap;
    struct sim_events       held; /* by a partition or a pause */
    struct sim_node         nodes[SIM_NODES_MAX];
    unsigned                node_count;
    bool                    is_cut[SIM_NODES_MAX][SIM_NODES_MAX];
    struct hs_loop         *loops;
    struct sim_fd          *fds;
    unsigned                fd_count;
    struct sim_connection **connections;
    unsigned                connection_count;
    struct sim_listener   **listeners;
    unsigned                listener_count;
    struct sim_bell       **bells;
    unsigned                bell_count;
    struct sim_file       **files;
    unsigned                file_count;
    void (*check)(void *context);
    void *check_context;
    bool  is_running;
};

/* sim_world.c */
void sim_push(struct hs_sim_world *world, const struct sim_event *event);
void sim_list_add(struct sim_events *list, const struct sim_event *event);
void sim_list_release(struct hs_sim_world *world, struct sim_events *list); /* all due now */
void sim_list_free(struct sim_events *list);
bool sim_world_step(struct hs_sim_world *world, uint64_t until_ns); /* false: nothing till then */
int  sim_fd_add(struct hs_sim_world *world, enum sim_fd_kind kind, unsigned idx);
/* The index behind a descriptor of that kind, or -EBADF. */
int   sim_fd_find(const struct hs_sim_world *world, int fd, enum sim_fd_kind kind);
void *sim_grow(void *array, unsigned count, void *item); /* appends a pointer */
bool  sim_is_alive(const struct hs_loop *loop);

/* sim_net.c */
void sim_net_on(struct hs_sim_world *world, struct sim_event *event);
void sim_net_drop_node(struct hs_sim_world *world, unsigned node_idx, bool is_told);
int  sim_net_find_listener(const struct hs_sim_world *world, const struct hs_addr *addr);
void sim_net_connect(struct hs_sim_world *world, unsigned end_idx);
void sim_net_tell_closed(struct hs_sim_world *world, unsigned end_idx);
void sim_net_watch(struct hs_sim_world *world, unsigned bell_idx, struct hs_watch *owner);
void sim_net_free(struct hs_sim_world *world);
struct sim_end *sim_end_at(const struct hs_sim_world *world, unsigned end_idx);
unsigned        sim_connection_add(struct hs_sim_world *world, unsigned node_a, unsigned node_b);
void sim_end_send(struct hs_sim_world *world, unsigned end_idx, struct hs_stream *stream);
void sim_end_close(struct hs_sim_world *world, unsigned end_idx, bool is_abort);

/* sim_disk.c */
void sim_disk_on(struct hs_sim_world *world, struct sim_event *event);
void sim_disk_write_half(struct hs_sim_world *world, const struct sim_event *event);
void sim_disk_crash(struct hs_sim_world *world, unsigned node_idx);
void sim_disk_free(struct hs_sim_world *world);

#endif
