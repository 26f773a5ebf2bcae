// SPDX-License-Identifier: Apache-2.0
/* role.h - what one process of the tree inherits from the supervisor: the heritage. Whatever is not
 * named here is closed before the role starts. Does not say how a role is served: role_io.h.
 *
 * The supervisor forks without exec, so the struct is simply handed to the role's main. Descriptors
 * that a role has no business with are -1. Shared memory comes as descriptors and is mapped by the
 * role itself, read-only unless the role is the writer. */
#ifndef HS_ROLES_ROLE_H
#define HS_ROLES_ROLE_H

#include "roles/role_kind.h"
#include "shm/base/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct hs_config;

/* Segments a role may inherit; who writes which stands in the role table
 * (supervisor/role_table). */
enum hs_share {
    HS_SHARE_HOST,            /* supervisor writes; node id, incarnation, process table, deaths */
    HS_SHARE_VITALS,          /* each process its own page */
    HS_SHARE_COUNTERS,        /* each process its own page */
    HS_SHARE_LOGS,            /* a log ring per process; the supervisor drains them */
    HS_SHARE_EVENTS,          /* an event ring per process */
    HS_SHARE_JOBS,            /* gate writes: one row per job it knows, for status */
    HS_SHARE_MANAGERS,        /* gate writes: manager registry */
    HS_SHARE_WORKERS,         /* manager writes: worker registry */
    HS_SHARE_DISPATCH_TIMES,  /* gate writes */
    HS_SHARE_LATENCY_SAMPLES, /* gate, manager write, a ring each */
    HS_SHARE_EXECS,           /* worker writes, for its successor: execs, fences, unsent results */
    HS_SHARE_GATE_RING,       /* gate writes: the gates that it knows, itself among them */
    HS_SHARE_MANAGER_RING,    /* manager writes: likewise, the managers of its datacenter */
    HS_SHARE_GATE_CARD,       /* gate writes, console reads: how to vouch for it (oob_card.h) */
    HS_SHARE_MANAGER_CARD,    /* manager writes: likewise */
    HS_SHARE_COUNT
};

struct hs_engine_share {  /* what the worker and one engine have in common */
    int commands_fd;      /* ring: worker writes */
    int events_fd;        /* ring: engine writes */
    int figures_fd;       /* step pages: engine writes, worker and console read */
    int commands_bell_fd; /* event descriptors: "look into the ring" */
    int events_bell_fd;
};

struct hs_heritage {
    enum hs_role_kind kind;
    unsigned          idx;         /* engine number; 0 for the others */
    unsigned          process_idx; /* this process's page in vitals, counters, logs, events */
    uint64_t          generation;  /* of this process: one higher for every start of the role */
    uint64_t          incarnation; /* of the host: one per life of the supervisor */
    uint8_t           node_id[16]; /* of this role on this host */
    bool              is_embedded; /* the tree of one `hyperscale run` */
    /* Gives up what the role does not need any more; bits of enum hs_confinement, or a negative
     * errno when a layer is missing that the configuration requires. hs_role_ready calls it. */
    int (*confine)(const struct hs_heritage *heritage);
    int                     control_fd; /* record socket to the supervisor (control.h) */
    const struct hs_config *config;     /* mapped read-only; a reload brings another */
    uint64_t                config_generation;
    int                     share_fd[HS_SHARE_COUNT];
    int                     client_listen_fd;  /* gate: where clients of this host connect */
    int                     cluster_listen_fd; /* gate, manager: where other hosts do; -1: alone */
    int                     cluster_datagram_fd; /* likewise: bound, for the gossip of its ring */
    int                     health_fd; /* likewise: bound, to ask from whether others live; console:
                                          where it is asked; -1: out of band nobody is */
    int                     status_listen_fd;  /* console */
    int                     metrics_listen_fd; /* console; -1 when not configured */
    int                     credentials_fd;    /* gate, manager, worker: an image; -1: alone */
    int                     ledger_fd[2];      /* gate, manager: the two files of its log */
    unsigned                engine_count;
    struct hs_engine_share
        engines[HS_ENGINES_MAX]; /* worker: all; console: their figures; engine: its own */
};

#endif
