// SPDX-License-Identifier: Apache-2.0
/* tree.h - everything the supervisor holds: one struct, made once, in static memory. The files
 * beside it each do one thing to it; supervisor_io.c is the loop that calls them. */
#ifndef HS_SUPERVISOR_TREE_H
#define HS_SUPERVISOR_TREE_H

#include "roles/control.h"
#include "roles/host_table.h"
#include "roles/role.h"
#include "roles/share.h"
#include "shm/base/rand.h"
#include "shm/recent.h"
#include "supervisor/log_drain_io.h"
#include "supervisor/obituary.h"
#include "supervisor/restart.h"
#include "supervisor/segment_groups.h"
#include "supervisor/stop.h"
#include "supervisor/watchdog.h"

#include <sys/types.h>

enum {
    HS_RESOLVERS_MAX = 4,     /* processes at once */
    HS_RESOLVE_QUEUE_MAX = 64 /* names waiting: a plan's targets (HS_TARGETS_MAX) */
};

struct hs_child {
    enum hs_role_kind       kind; /* HS_ROLE_NONE: not configured */
    unsigned                idx;
    struct hs_restart       restart;
    pid_t                   pid; /* 0: none */
    int                     pid_fd;
    int                     control_fd;   /* our end */
    enum hs_kill_reason     reason;       /* why it was killed, if we did it */
    bool                    is_signalled; /* we did */
    int                     exit_code;    /* of the last life that ended by itself */
    bool                    is_deaf;      /* a record did not fit its socket */
    struct hs_recent_cursor log_cursor;
    uint64_t                heartbeat_seen_ns; /* while it starts: progress */
    uint64_t                config_generation; /* that this life was forked with */
    char                    last_death[HS_HOST_CAUSE_BYTES];
};

/* A segment, and its descriptors for those who may write and those who may not. */
struct hs_shared_segment {
    struct hs_segment mapped; /* only what the supervisor itself reads or writes */
    int               write_fd;
    int               read_fd; /* the same as write_fd where the kernel cannot tell them apart */
    int kept_fd; /* the damaged one that it replaced, for a post-mortem; -1: none. The newest */
    uint64_t generation;
};

struct hs_engine_segments {
    struct hs_shared_segment segments[HS_ENGINE_SEGMENT_COUNT];
    int                      commands_bell_fd;
    int                      events_bell_fd;
    uint64_t                 rings_at_ns; /* when its rings were replaced; 0: never */
};

/* The configuration in force, or one on trial. */
struct hs_config_held {
    const struct hs_config *config;
    struct hs_segment       segment;
    int                     fd;
    uint64_t                generation;
};

/* The short-lived process that reads the configuration. */
struct hs_config_child {
    pid_t pid; /* 0: none */
    int   pid_fd;
    int   image_fd;
    int   errors_fd;
};

struct hs_reload {
    struct hs_config_child child;
    unsigned              asker_idx; /* process that waits for the answer; HS_PROCESSES_MAX: none */
    uint64_t              asker_generation;
    uint64_t              token;
    uint64_t              last_generation; /* that was ever in force: no other gets its number */
    struct hs_config_held previous;        /* until the rolling restart is over; fd -1: none */
    bool                  is_rolling;
    bool                  is_going_back;
    bool                  is_wanted[HS_PROCESS_SUPERVISED]; /* still to be restarted */
    bool had_given_up[HS_PROCESS_SUPERVISED];               /* before it: no fault of the new one */
    int  current_idx;                                       /* being restarted; -1: none */
};

enum { HS_CREDENTIALS_OWNERS = 3, HS_CREDENTIALS_FILES = 5 };

struct hs_credentials_mark { /* of a file: another one when it has changed */
    uint64_t inode;
    uint64_t bytes;
    uint64_t mode;
    uint64_t changed_s;
    uint64_t changed_ns;
};

/* Those of a role: in force, and on trial. */
struct hs_credentials_held {
    int                        fd;         /* -1: none */
    int                        offered_fd; /* -1: nothing is on trial */
    uint64_t                   offered_to; /* that life of the role */
    uint64_t                   generation;
    struct hs_credentials_mark seen[HS_CREDENTIALS_FILES]; /* when last looked at */
    struct hs_credentials_mark read[HS_CREDENTIALS_FILES]; /* when last read */
};

struct hs_resolve_request {
    unsigned process_idx;
    uint64_t generation;
    uint64_t token;
    char     host[HS_HOST_NAME_BYTES];
};

struct hs_resolver {
    pid_t    pid; /* 0: free */
    int      pid_fd;
    uint64_t deadline_ns;
};

struct hs_tree {
    /* What it was started with. */
    const char *config_path;
    const char *run_dir;   /* NULL: as configured */
    const char *state_dir; /* NULL: as configured */
    bool        is_embedded;
    bool        is_root;
    bool        is_init;
    pid_t       own_pid;

    /* Kernel objects. */
    int signal_fd;
    int leash_fd; /* the client of an embedded tree; -1: none */
    int status_listen_fd;
    int metrics_listen_fd;
    int client_listen_fd;
    int gate_listen_fd; /* where other hosts reach it; -1: nowhere */
    int manager_listen_fd;
    int gate_datagram_fd; /* the same address, for the gossip of its ring */
    int manager_datagram_fd;
    int health_fd;   /* where other hosts ask whether our roles live; -1: nowhere */
    int gate_ask_fd; /* from where ours ask so */
    int manager_ask_fd;
    int children_lock_fd; /* every child holds it open */
    int instance_lock_fd;
    int gate_ledger_fd[2];
    int manager_ledger_fd[2];
    int null_fd;

    struct hs_config_held     held;
    struct hs_shared_segment  shares[HS_SHARE_COUNT];
    struct hs_engine_segments engines[HS_ENGINES_MAX];
    unsigned                  engine_count;

    /* Cores. */
    struct hs_restart_config restart_config;
    struct hs_stop_config    stop_config;
    struct hs_stop           stop;
    struct hs_watchdog       watchdog;
    uint64_t                 groups_at_ns[HS_GROUP_COUNT]; /* when it was replaced; 0: never */
    struct hs_poison         poison;
    struct hs_rand           rand;

    struct hs_child            children[HS_PROCESS_SUPERVISED];
    struct hs_host_table_shm  *host;
    struct hs_host_summary     summary;
    struct hs_log_drain        drain;
    struct hs_reload           reload;
    struct hs_resolver         resolvers[HS_RESOLVERS_MAX];
    struct hs_resolve_request  resolve_queue[HS_RESOLVE_QUEUE_MAX];
    unsigned                   resolve_first;
    unsigned                   resolve_count;
    struct hs_credentials_held credentials[HS_CREDENTIALS_OWNERS];
    uint64_t                   credentials_at_ns; /* look again; HS_NEVER_NS: this host is alone */
    uint64_t                   drain_at_ns;
    uint64_t                   lag_at_ns;
    uint64_t                   notify_at_ns; /* next keepalive to the service manager */
    uint64_t                   notify_interval_ns;
    unsigned                   unclean_count; /* ends during the stop that were not in order */
    int                        exit_code;
    bool                       is_ready; /* everybody served once */

    struct hs_heritage heritage; /* filled for the next fork */
};

uint64_t hs_supervisor_clock_ns(void); /* CLOCK_MONOTONIC */

#endif
