// SPDX-License-Identifier: Apache-2.0
/* notice.h - what an operator wants to know afterwards, a word for each kind, written as an
 * event into a process's event ring (shm/event_ring.h) and shown by the console. Log lines are
 * for reading, events for counting on: kinds are stable. Pure. */
#ifndef HS_ROLES_NOTICE_H
#define HS_ROLES_NOTICE_H

#include "shm/base/assert.h"
#include "shm/base/err.h"
#include "shm/event_ring.h"

#include <stdbool.h>

/* Shared-memory numbers: append only. */
enum hs_notice_kind {
    /* The supervisor, about a process; number: its life */
    HS_NOTICE_STARTED,
    HS_NOTICE_READY,
    HS_NOTICE_DIED,
    HS_NOTICE_KILLED,     /* by the supervisor: the watchdog, a deadline; died follows */
    HS_NOTICE_CRASH_LOOP, /* tried again every supervisor.backoff_max */
    HS_NOTICE_FAILED,     /* another start would not help */
    HS_NOTICE_STOPPED,    /* ended as told */
    /* The supervisor, about the host */
    HS_NOTICE_HOST_READY,    /* number: its life */
    HS_NOTICE_HOST_STOPPING, /* number: its life */
    HS_NOTICE_ACTION,        /* somebody asked for it; number: his user id */
    HS_NOTICE_RELOADED,      /* number: generation of the configuration */
    HS_NOTICE_RELOAD_REFUSED,
    HS_NOTICE_QUARANTINED, /* about a job; number: digest of the input */
    /* Console and gate, about connections; number: how many since the last such event */
    HS_NOTICE_CLIENT_REFUSED,
    HS_NOTICE_CLIENT_CUT_OFF,
    /* The gate, about a job */
    HS_NOTICE_JOB_ACCEPTED, /* number: its workflows */
    HS_NOTICE_JOB_REFUSED,  /* number: how many since the last such event */
    HS_NOTICE_JOB_ENDED,
    /* The gate, about a manager; number: life of its process */
    HS_NOTICE_MANAGER_JOINED,
    HS_NOTICE_MANAGER_GONE,
    /* The manager, about a worker; number: life of its process */
    HS_NOTICE_WORKER_REGISTERED,
    HS_NOTICE_WORKER_LOST,
    HS_NOTICE_SHARE_LOST, /* about a job; number: the share's attempt */
    /* The worker and engines; number: how many */
    HS_NOTICE_SHARES_ADOPTED, /* from a dead predecessor */
    HS_NOTICE_SHARES_MOVED,   /* from a dead engine to others */
    HS_NOTICE_LOAD_GIVEN_UP,  /* no worker came back for it */
    /* The supervisor, about a group of damaged segments; number: how many so far */
    HS_NOTICE_SEGMENTS_REPLACED,
    /* The supervisor, about the credentials of a role; number: which */
    HS_NOTICE_CREDENTIALS_RENEWED,
    HS_NOTICE_CREDENTIALS_REFUSED,
    /* Gate and manager, about a member of their ring; number: life of its host */
    HS_NOTICE_MEMBER_JOINED, /* answered, and counts from now on */
    HS_NOTICE_MEMBER_SUSPECT,
    HS_NOTICE_MEMBER_REFUTED, /* lives, after all */
    HS_NOTICE_MEMBER_DEAD,
    HS_NOTICE_MEMBER_LEFT, /* said goodbye */
    /* The manager, about a job; number: life of the worker's process, text: its name */
    HS_NOTICE_JOB_SUSPECT, /* it lives, but says nothing of the job */
    HS_NOTICE_JOB_REFUTED,
    HS_NOTICE_JOB_DEAD, /* its shares of the job go to others */
    /* The gate, about a datacenter; number: how long it was in the state before, in ms */
    HS_NOTICE_DATACENTER_REACHABLE,
    HS_NOTICE_DATACENTER_SUSPECTED,
    HS_NOTICE_DATACENTER_UNREACHABLE,
    HS_NOTICE_TWO_LEADERS, /* number: the term */
    HS_NOTICE_WRONG_DATACENTER,
    /* The manager, about a worker that works but cannot report; number: life of its process */
    HS_NOTICE_EXTENDED,
    /* The manager, about its ring or a member of it; number: managers that are alive */
    HS_NOTICE_ALERT, /* they have too much to do */
    HS_NOTICE_ALERT_OVER,
    /* The gate, about datacenters that fail together; the text names them */
    HS_NOTICE_PARTITION_DETECTED, /* number: how severe, 2 or 3; again when it grows */
    HS_NOTICE_PARTITION_LASTS,    /* held for 300 s */
    HS_NOTICE_PARTITION_HEALED,   /* number: how long it was, in ms */
    /* The manager, about a worker that it watches over; number: life of its process */
    HS_NOTICE_WORKER_OWNED,   /* from now on */
    HS_NOTICE_WORKER_SUSPECT, /* silent, and nobody reached it */
    HS_NOTICE_WORKER_CLEARED, /* heard again */
    /* The manager, about all its workers */
    HS_NOTICE_WORKERS_HELD, /* number: so many lost at once; none is given up for a minute */
    /* Whoever has connections with other hosts, about an address; text: role or reason */
    HS_NOTICE_PEER_CONNECTED, /* one that the configuration names */
    HS_NOTICE_PEER_MISSED,    /* likewise: it cannot be connected */
    HS_NOTICE_PEER_REFUSED,   /* it has come to us, and may not enter */
    HS_NOTICE_KIND_COUNT
};

const char *hs_notice_kind_name(uint64_t kind); /* "crash_loop"; "?" for a number that is none */

/* A record but for its time, which the writer sets. about: a process, a job's id, a node's name;
 * "": the host. Control characters in either text become '?'. */
void hs_notice_fill(struct hs_event_record *record, enum hs_notice_kind kind, const char *about,
                    uint64_t number, const char *format, ...) HS_PRINTF(5, 6);

/* Kinds that anybody may cause as often as he likes: one a second is written, with how many they
 * were. */
struct hs_notice_limit {
    uint64_t               until_ns;
    bool                   is_held; /* the last one that was not written */
    uint64_t               count;   /* not written so far */
    struct hs_event_record held;
};
enum { HS_NOTICE_LIMITS = 3 };

/* Which limit a kind falls under; -1: none. */
int hs_notice_limit_idx(uint64_t kind) HS_MUST_CHECK;
/* True: write it (its number is set), false: it is held back. record->at_ns is now. */
bool hs_notice_limit_pass(struct hs_notice_limit *limit, struct hs_event_record *record);
/* True: time to write the one that was held back. */
bool hs_notice_limit_release(struct hs_notice_limit *limit, uint64_t now_ns,
                             struct hs_event_record *record);

#endif
