// SPDX-License-Identifier: Apache-2.0
/* node_tables.h - rows of the two node registries in shared memory: managers, as the gate sees them
 * (HS_SHARE_MANAGERS), and workers, as the manager sees them (HS_SHARE_WORKERS). Each has one
 * writer; the console and the writer's successor read. */
#ifndef HS_ROLES_NODE_TABLES_H
#define HS_ROLES_NODE_TABLES_H

#include "shm/base/assert.h"
#include "shm/base/limits.h"
#include "shm/registry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Shared-memory numbers: append only. */
enum hs_node_state {
    HS_NODE_JOINING,  /* linked, has not said who it is */
    HS_NODE_ALIVE,    /* heard of within its time */
    HS_NODE_SUSPECT,  /* link lost, or late; may come back */
    HS_NODE_DRAINING, /* takes nothing new */
    HS_NODE_LOST,
    HS_NODE_REMOTE, /* not connected to the writer; alive by the word of another manager */
    HS_NODE_LEFT,   /* ended in order */
    HS_NODE_STATE_COUNT
};

/* How loaded a node says it is (spec jobs 7.6). */
enum hs_node_load {
    HS_NODE_HEALTHY,
    HS_NODE_BUSY,
    HS_NODE_DEGRADED,
    HS_NODE_OVERLOADED,
    HS_NODE_LOAD_COUNT
};

enum {
    HS_NODE_TABLES_VERSION = 4,
    HS_NODE_ADDRESS_BYTES = 64, /* "10.0.0.7:7400", "local" */
    HS_MANAGER_ROW_WORDS = 49,
    HS_WORKER_ROW_WORDS = 48
};

/* Bits of a manager row's reach_flags. */
enum {
    HS_MANAGER_REACH_ASKED = 1, /* else reach says nothing */
    HS_MANAGER_REACH_LOCAL_PARTITION = 2,
    HS_MANAGER_REACH_HELD = 4
};

struct hs_manager_row {
    uint8_t  node_id[16];
    char     name[HS_NAME_BYTES]; /* of its host */
    char     datacenter[HS_NAME_BYTES];
    char     address[HS_NODE_ADDRESS_BYTES];
    uint64_t incarnation;
    uint64_t generation;
    uint64_t session; /* of the link; a new one after every restart of either side */
    uint64_t term;    /* leadership fence */
    uint64_t joined_at_ns;
    uint64_t heard_at_ns;
    uint32_t state; /* enum hs_node_state */
    uint32_t load;  /* enum hs_node_load */
    uint32_t is_leader;
    uint32_t workers;
    uint32_t cores_total;
    uint32_t cores_free;
    uint32_t jobs;
    uint32_t execs;
    uint32_t breaker; /* enum hs_breaker_state */
    uint32_t is_damped;
    uint32_t datacenter_state;    /* enum hs_dc_state */
    uint32_t reach;               /* of the datacenter: enum hs_reach */
    uint32_t reach_flags;         /* HS_MANAGER_REACH_... */
    uint32_t keyring_mark;        /* of the gossip keys that it holds; 0: not said */
    uint64_t reach_round_trip_ns; /* 0: not measured */
    uint32_t locality;            /* enum hs_locality */
    uint32_t has_data_lane;
    char     region[HS_NAME_BYTES]; /* "": not told */
};
HS_STATIC_ASSERT(sizeof(struct hs_manager_row) == HS_MANAGER_ROW_WORDS * sizeof(uint64_t),
                 "whole words");
HS_STATIC_ASSERT(offsetof(struct hs_manager_row, incarnation) == 208, "layout is shared");

struct hs_worker_row {
    uint8_t  node_id[16];
    char     name[HS_NAME_BYTES]; /* of its host */
    char     datacenter[HS_NAME_BYTES];
    char     address[HS_NODE_ADDRESS_BYTES];
    uint64_t incarnation;
    uint64_t generation;
    uint64_t session;
    uint64_t joined_at_ns;
    uint64_t heard_at_ns;
    uint64_t round_trip_ns; /* of the last heartbeat; 0: none yet */
    uint32_t state;         /* enum hs_node_state */
    uint32_t load;          /* enum hs_node_load */
    uint32_t cores_total;
    uint32_t cores_free;
    uint32_t execs; /* live, by the manager's books */
    uint32_t engines_down;
    uint32_t results_waiting; /* finished, not yet taken */
    uint32_t breaker;         /* enum hs_breaker_state */
    uint32_t is_damped;
    uint32_t jobs_suspect; /* that it is silent about */
    uint32_t jobs_dead;    /* that were taken from it */
    uint32_t extensions;   /* grants, of HS_EXTENSION_GRANTS_MAX */
    uint32_t is_owned;     /* by the writer */
    uint32_t has_data_lane;
    char owner[HS_NAME_BYTES]; /* the manager that watches over it; "": nobody, or one unknown */
    uint64_t owner_epoch;
};
HS_STATIC_ASSERT(sizeof(struct hs_worker_row) == HS_WORKER_ROW_WORDS * sizeof(uint64_t),
                 "whole words");
HS_STATIC_ASSERT(offsetof(struct hs_worker_row, incarnation) == 208, "layout is shared");

static const struct hs_registry_shape hs_manager_table_shape = {HS_MANAGER_ROW_WORDS,
                                                                HS_MANAGERS_MAX};
static const struct hs_registry_shape hs_worker_table_shape = {HS_WORKER_ROW_WORDS, HS_WORKERS_MAX};

/* "ALIVE"; "?" for a number that is none. */
const char *hs_node_state_name(uint32_t state);
const char *hs_node_load_name(uint32_t load);
/* Neither lost nor gone in order. */
static inline bool hs_node_is_there(uint32_t state)
{
    return state != HS_NODE_LOST && state != HS_NODE_LEFT;
}

#endif
