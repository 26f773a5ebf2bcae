// SPDX-License-Identifier: Apache-2.0
/* door_io.h - where other hosts come in: accepts connections, shakes hands over TLS, hears their
 * HELLO, and hands those that may enter to the role; whoever is not through within 10 s, may not
 * enter, or speaks another version, is told and closed here. The role's tables see none of them.
 *
 * For whom we dial ourselves: hs_door_dial does the same from the other end. */
#ifndef HS_CLUSTER_DOOR_IO_H
#define HS_CLUSTER_DOOR_IO_H

#include "ipc/addr.h"
#include "ipc/conn.h"
#include "ipc/loop.h"
#include "roles/cluster/credentials_io.h"
#include "roles/cluster/door_crowd.h"
#include "roles/cluster/greeting.h"

enum {
    HS_DOOR_WAITING_MAX = 256, /* not through yet, in and out together */
    HS_DOOR_COMING_MAX = 192,  /* in: the rest is for those that we dial */
    HS_DOOR_OF_ONE_MAX = 16    /* in, of one certificate */
};

/* In a ticket: the data lane (data_lane.h) of the connection that was dialled with the rest of
 * it. */
#define HS_DOOR_LANE (UINT64_C(1) << 62)

struct hs_door;

/* The peer may enter: take conn over with hs_conn_hand_over before returning, or hs_door_refuse it;
 * else it is closed. ticket: of hs_door_dial; 0: it has come to us. */
typedef void hs_door_enter_fn(void *owner, struct hs_conn *conn, const struct hs_greeting *peer,
                              uint64_t ticket);
/* A connection that was dialled has come to nothing: not reached, refused by us or by it; err says
 * what an operator should know. */
typedef void hs_door_refused_fn(void *owner, uint64_t ticket, const struct hs_err *err);

/* Somebody may not enter, and this is news: another address or reason than last time, or a minute
 * later. At most once a second. */
typedef void hs_door_news_fn(void *reader, const char *address, const char *why);

struct hs_door_config {
    struct hs_loop         *loop;
    struct hs_credentials  *credentials; /* live longer */
    struct hs_greeter       greeter;     /* its identity is taken from the credentials */
    struct hs_conn_figures *figures;
    void                   *owner;
    hs_door_enter_fn       *on_enter;
    hs_door_refused_fn     *on_refused; /* NULL: does not dial */
    void                   *reader;
    hs_door_news_fn        *on_news; /* NULL: the log is enough */
};

struct hs_door_figures { /* cumulative */
    uint64_t entered;
    uint64_t refused;     /* certificate, role, name, version; the role has no place for it */
    uint64_t strangers;   /* no TLS of ours: plaintext, garbage, too slow */
    uint64_t turned_away; /* no room, too many of one network, or so long that others had to wait */
};

/* One who is not through yet. For door_io.c. */
struct hs_door_waiting {
    struct hs_door    *door;
    struct hs_conn    *conn;   /* NULL: a free place */
    uint64_t           ticket; /* 0: it has come to us */
    uint64_t           deadline_ns;
    struct hs_addr     addr;
    struct hs_identity expected; /* whom we have dialled */
    bool               is_over;  /* decided; the connection is still closing */
};

struct hs_door { /* the caller's memory, until shut and nobody waits */
    struct hs_door_config  config;
    struct hs_listener     listener;
    struct hs_door_figures figures;
    uint64_t               log_at_ns;
    unsigned               unlogged_count;
    struct hs_addr         news_addr; /* the last, of any port */
    char                   news_why[HS_ERR_TEXT_BYTES];
    uint64_t               news_at_ns; /* until when the same is none */
    bool                   is_listening;
    bool                   is_shut;
    unsigned               waiting_high; /* none is used from here on; every turn walks so far */
    struct hs_door_waiting waiting[HS_DOOR_WAITING_MAX];
    struct hs_door_guest   guests[HS_DOOR_COMING_MAX]; /* the same places: who has come to us */
};

void hs_door_init(struct hs_door *door, const struct hs_door_config *config);
/* A listening TCP socket; stays the caller's. */
int hs_door_listen(struct hs_door *door, int fd) HS_MUST_CHECK;
/* expected: whom to find there; empty parts (role is always meant) match anybody. ticket: not 0;
 * on_enter or on_refused follows, in a later step. -ENOBUFS. */
int hs_door_dial(struct hs_door *door, const struct hs_addr *addr,
                 const struct hs_identity *expected, uint64_t ticket) HS_MUST_CHECK;
/* Nobody comes in any more, and who waits is sent away; nothing is dialled. */
void     hs_door_shut(struct hs_door *door);
uint64_t hs_door_deadline_ns(const struct hs_door *door);
void     hs_door_turn(struct hs_door *door, uint64_t now_ns);

/* From inside on_enter: the role has no place for the peer. It is told why, and closed here; of one
 * that was dialled on_refused follows at once. */
void hs_door_refuse(struct hs_conn *conn, const struct hs_greeting *peer, const char *why);

#endif
