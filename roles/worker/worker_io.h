// SPDX-License-Identifier: Apache-2.0
/* worker_io.h - the worker process: carries out what the table of execs (execs.h) decides.
 * worker_io.c is its main and passes events and actions on; connections to managers are
 * worker_managers_io.c, what is said over that of the leading one worker_link_io.c, engines
 * worker_engine_io.c, plans worker_plan_io.c, figures worker_report_io.c. */
#ifndef HS_WORKER_WORKER_IO_H
#define HS_WORKER_WORKER_IO_H

#include "ipc/channel.h"
#include "ipc/conn.h"
#include "roles/cluster/data_lane_io.h"
#include "roles/cluster/dialer_io.h"
#include "roles/cluster/node_door_io.h"
#include "roles/engine_link.h"
#include "roles/plan/compile.h"
#include "roles/role_io.h"
#include "roles/wire.h"
#include "roles/worker/exec_figures.h"
#include "roles/worker/exec_ledger.h"
#include "roles/worker/execs.h"
#include "roles/worker/owner.h"

enum {
    HS_WORKER_FETCHES_MAX = 4, /* plans being fetched; a dispatch beyond is asked for again */
    HS_WORKER_MANAGERS_MAX = HS_DIALER_PEERS_MAX + 1, /* and that of this host */
    HS_WORKER_CHUNKS =
        4 << 20, /* 2 GiB of address space for figures; only what is used is touched */
    HS_WORKER_PAYLOAD_BYTES = HS_WIRE_PART_BYTES_MAX
};

struct hs_worker;

struct hs_worker_engine_link {
    struct hs_worker     *worker;
    struct hs_segment     commands_segment;
    struct hs_segment     events_segment;
    struct hs_segment     figures_segment;
    struct hs_channel_out commands;
    struct hs_channel_in  events;
    int                   fd; /* for images; -1: none */
};

enum hs_worker_plan_stage {
    HS_PLAN_IDLE,
    HS_PLAN_READ,    /* text is there */
    HS_PLAN_RESOLVE, /* names are being looked up, one after the other */
    HS_PLAN_COMPILE
};

/* From the text of a plan to the image of one exec. */
struct hs_worker_plan {
    struct hs_worker         *worker;
    enum hs_worker_plan_stage stage;
    uint64_t                  fence;
    uint8_t                  *text; /* heap */
    size_t                    text_bytes;
    void                     *arena_memory;
    struct hs_plan           *plan; /* in the arena */
    struct hs_plan_targets    targets;
    struct hs_plan_addresses  addresses[HS_TARGETS_MAX];
    uint32_t                  target; /* the one being looked up */
    uint32_t                  serial;
    struct hs_watch           answer; /* of the resolver; fd -1: none */
    bool                      is_asked;
    uint64_t                  deadline_ns;
    int                       image_fd; /* -1: none */
    uint64_t                  image_bytes;
};

/* A plan too large for its dispatch, on its way. */
struct hs_worker_fetch {
    bool                        is_used;
    struct hs_msg_exec_dispatch dispatch;
    uint64_t                    request_id;
    uint8_t                    *text; /* heap */
    size_t                      have_bytes;
    uint64_t                    deadline_ns;
};

struct hs_worker_figures {
    struct hs_exec_figures figures; /* step_count 0: none yet */
    void                  *memory;
    size_t                 memory_bytes;
    uint64_t               pseq; /* last one sent */
    bool                   is_logged;
};

/* A connection to a manager. One of them leads, and what the table of execs says and hears goes
 * over that; the others only know that the worker is there. */
struct hs_worker_manager {
    struct hs_conn         *conn; /* NULL: free */
    bool                    is_local;
    uint64_t                ticket;   /* of the dialer */
    struct hs_greeting      greeting; /* of other hosts */
    uint64_t                heard_at_ns;
    uint64_t                session; /* one that does not lead: granted by it; 0: not registered */
    uint64_t                due_at_ns; /* likewise: to register, or the next heartbeat */
    struct hs_owner_manager known;     /* of any, once it has granted a session */
    struct hs_data_lane_io  lane;      /* of other hosts, and only to the one that leads */
};

struct hs_worker {
    struct hs_role_process     process;
    struct hs_execs            execs;
    struct hs_execs_actions    actions;
    bool                       is_stepping;
    uint64_t                   stop_deadline_ns;
    struct hs_segment          ledger_segment;
    struct hs_segment          vitals_segment;
    struct hs_exec_ledger_shm *ledger;
    struct hs_exec_ledger_head head;
    struct hs_node_door        door;
    struct hs_dialer_io        dialer; /* to managers of other hosts */
    struct hs_data_lane_ground lanes;  /* likewise */
    struct hs_worker_manager   managers[HS_WORKER_MANAGERS_MAX];
    struct hs_owner            owner; /* which of them watches over us */
    struct hs_conn            *conn;  /* to the one that leads; NULL: it is not connected */
    bool                       has_greeted;
    uint64_t                   next_request;
    uint64_t                   dispatch_request; /* of the dispatch that is being answered */
    uint64_t                   cancel_request;
    uint64_t                   reconcile_request;
    const struct hs_msg_exec_dispatch *dispatch;      /* likewise */
    struct hs_view                     dispatch_plan; /* its text, if it is there */
    union hs_msg                       message;
    struct hs_worker_engine_link       engines[HS_ENGINES_MAX];
    const struct hs_figures_shm       *engine_figures[HS_ENGINES_MAX];
    struct hs_worker_plan              plans[HS_EXECS_PER_WORKER_MAX];
    struct hs_worker_fetch             fetches[HS_WORKER_FETCHES_MAX];
    struct hs_worker_figures           figures[HS_EXECS_PER_WORKER_MAX];
    struct hs_chunk_pool               pool;
    struct hs_stats                    now_stats;
    uint8_t                            payload[HS_WORKER_PAYLOAD_BYTES];
    uint64_t                           next_pseq;
    uint64_t counted_restarts; /* of execs.restarts; counters outlive us */
    uint64_t counted_drops;    /* of execs.dropped_results */
};

int hs_worker_main(const struct hs_heritage *heritage) HS_MUST_CHECK;

/* worker_io.c: an event, and everything that follows from it. Not from inside an action. */
void hs_worker_step(struct hs_worker *worker, const struct hs_execs_event *event);

/* worker_managers_io.c */
int hs_worker_managers_open(struct hs_worker *worker, struct hs_err *err) HS_MUST_CHECK;
/* The manager of this host: its link from the supervisor (fd is taken), or its end. */
void hs_worker_link_open(struct hs_worker *worker, int fd);
void hs_worker_link_down(struct hs_worker *worker);
/* What such a message to the one that leads goes over; NULL: it is not connected. */
struct hs_conn *hs_worker_leader_conn(struct hs_worker *worker, enum hs_msg_type type);
uint64_t        hs_worker_managers_turn(struct hs_worker *worker, uint64_t now_ns);
bool            hs_worker_managers_are_flushed(const struct hs_worker *worker);

/* worker_link_io.c: what is said to and heard from the manager that leads */
void     hs_worker_leader_up(struct hs_worker *worker, struct hs_conn *conn, bool has_greeted);
void     hs_worker_leader_down(struct hs_worker *worker);
void     hs_worker_take_message(struct hs_worker *worker, const struct hs_frame *frame);
uint64_t hs_worker_fetches_turn(struct hs_worker *worker, uint64_t now_ns);
void     hs_worker_fill_registration(struct hs_worker *worker, struct hs_msg_wreg *wreg);
void     hs_worker_fill_heartbeat(const struct hs_worker *worker, uint64_t now_ns,
                                  struct hs_msg_whb *whb);
void     hs_worker_register(struct hs_worker *worker);
void     hs_worker_heartbeat(struct hs_worker *worker, uint64_t now_ns);
void     hs_worker_ack(struct hs_worker *worker, const struct hs_execs_action *action);
void     hs_worker_ack_cancel(struct hs_worker *worker, const struct hs_execs_action *action);
void     hs_worker_tell_state(struct hs_worker *worker, uint64_t now_ns);
void     hs_worker_extend(struct hs_worker *worker, const struct hs_execs_action *action);
void     hs_worker_fetch(struct hs_worker *worker, uint64_t now_ns);

/* worker_engine_io.c */
int      hs_worker_engines_open(struct hs_worker *worker, struct hs_err *err) HS_MUST_CHECK;
uint64_t hs_worker_engines_turn(struct hs_worker *worker, uint64_t now_ns);
void hs_worker_engine_linked(struct hs_worker *worker, unsigned idx, uint64_t generation, int fd);
void hs_worker_engine_down(struct hs_worker *worker, unsigned idx, uint64_t generation);
void hs_worker_start(struct hs_worker *worker, unsigned row, unsigned part_idx);
void hs_worker_stop_part(struct hs_worker *worker, const struct hs_execs_action *action);
void hs_worker_forget_figures(struct hs_worker *worker, unsigned row);

/* worker_plan_io.c */
void     hs_worker_prepare(struct hs_worker *worker, unsigned row);
void     hs_worker_plan_free(struct hs_worker_plan *plan); /* image and all */
uint64_t hs_worker_plans_turn(struct hs_worker *worker, uint64_t now_ns);
void     hs_worker_resolver_linked(struct hs_worker *worker, uint64_t token, int fd);
void     hs_worker_resolver_failed(struct hs_worker *worker, uint64_t token, int code);

/* worker_report_io.c */
int  hs_worker_reports_open(struct hs_worker *worker, struct hs_err *err) HS_MUST_CHECK;
void hs_worker_progress(struct hs_worker *worker, const struct hs_execs_action *action,
                        uint64_t now_ns);
void hs_worker_result(struct hs_worker *worker, unsigned row, uint64_t now_ns);
void hs_worker_report_free(struct hs_worker *worker, unsigned row);

#endif
