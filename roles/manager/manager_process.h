// SPDX-License-Identifier: Apache-2.0
/* manager_process.h - the manager process as its _io files see it. Nobody else's. */
#ifndef HS_MANAGER_MANAGER_PROCESS_H
#define HS_MANAGER_MANAGER_PROCESS_H

#include "ipc/conn.h"
#include "roles/cluster/data_lane_io.h"
#include "roles/cluster/dc_answer_io.h"
#include "roles/cluster/dialer_io.h"
#include "roles/cluster/node_door_io.h"
#include "roles/cluster/ring_io.h"
#include "roles/counters.h"
#include "roles/manager/manager.h"
#include "roles/manager/manager_guard_io.h"
#include "roles/manager/star.h"
#include "roles/role_io.h"

enum {
    HS_MANAGER_LATER_MAX = 1024, /* answers that wait for their turn: a handful each time */
    HS_MANAGER_LINKS = HS_WORKERS_MAX + HS_MANAGER_GATES
};

/* What carrying out an action gave back: told to the core after the list is through. */
struct hs_manager_later {
    enum { HS_LATER_REFUSED, HS_LATER_BLOB } what;
    uint64_t                token;
    struct hs_ledger_digest digest;
};

struct hs_manager_link {
    struct hs_conn        *conn;   /* NULL: a free place */
    uint32_t               number; /* names it to the core */
    enum hs_role_kind      peer;   /* gate or worker */
    bool                   is_local;
    uint64_t               ticket; /* of the dialer; 0: it has come to us */
    uint64_t               heard_at_ns;
    struct hs_greeting     greeting; /* of other hosts */
    struct hs_visitor      visitor;
    struct hs_data_lane_io lane; /* likewise */
    struct hs_visitor      lane_visitor;
};

struct hs_manager_process {
    struct hs_role_process         process;
    struct hs_manager              manager;
    struct hs_manager_actions      actions;
    struct hs_ledger              *ledger;
    struct hs_node_door            door;   /* for other hosts */
    struct hs_dialer_io            dialer; /* to their gates */
    struct hs_data_lane_ground     lanes;  /* beside the links with them */
    struct hs_ring_io             *ring;   /* of the datacenter's managers; NULL: it stands alone */
    struct hs_dc_answer_io        *answer; /* to gates that ask; NULL: likewise */
    struct hs_star                 star;   /* they, around the workers */
    struct hs_star_counts          star_told;
    struct hs_manager_link         links[HS_MANAGER_LINKS];
    unsigned                       link_high;
    uint32_t                       last_serial;
    struct hs_manager_guard        guard;
    uint8_t                       *blob; /* HS_LEDGER_BLOB_BYTES_MAX */
    struct hs_segment              rows_segment;
    struct hs_registry             rows;
    struct hs_segment              samples_segment;
    struct hs_recent_shm          *samples;                 /* round trips, for status */
    hs_registry_handle             handles[HS_WORKERS_MAX]; /* 0: no row */
    uint64_t                       rows_at_ns;
    struct hs_level                load;         /* that the ring is told */
    struct hs_manager_counts       told;         /* counts that are in the page already */
    struct hs_job_suspicion_counts told_silence; /* likewise */
    struct hs_manager_later        later[HS_MANAGER_LATER_MAX];
    unsigned                       later_first;
    unsigned                       later_count;
    bool                           has_failed;
    union hs_msg                   message;
};

/* manager_carry_io.c: the core's actions, in order, then what they brought about, until nothing is
 * left. */
void hs_manager_perform(struct hs_manager_process *process, uint64_t now_ns);

/* manager_links_io.c */
int hs_manager_links_open(struct hs_manager_process *process, struct hs_err *err) HS_MUST_CHECK;
/* A link of this host, from the supervisor; fd is taken. */
void     hs_manager_links_add(struct hs_manager_process *process, enum hs_role_kind peer, int fd);
uint64_t hs_manager_links_turn(struct hs_manager_process *process, uint64_t now_ns);
/* NULL: it is not connected any more. */
const struct hs_manager_link *hs_manager_links_find(const struct hs_manager_process *process,
                                                    uint32_t                         number);
/* The connection that such a message to it goes over; NULL: likewise. */
struct hs_conn *hs_manager_links_conn(struct hs_manager_process *process, uint32_t number,
                                      enum hs_msg_type type);
bool hs_manager_links_are_flushed(const struct hs_manager_process *process); /* those to gates */

/* manager_answer_io.c, once the ring is open */
int hs_manager_answer_open(struct hs_manager_process *process, struct hs_err *err) HS_MUST_CHECK;
/* manager_star_io.c; after the ring is open */
void     hs_manager_star_open(struct hs_manager_process *process);
uint64_t hs_manager_star_turn(struct hs_manager_process *process, uint64_t now_ns);
/* The worker on that link has answered a ping. */
void hs_manager_star_pong(struct hs_manager_process *process, uint32_t link, uint64_t nonce,
                          uint64_t now_ns);

static inline void hs_manager_count(struct hs_manager_process *process, enum hs_count count,
                                    uint64_t amount)
{
    hs_counter_add(process->process.counters, count, amount);
}

static inline uint64_t hs_manager_clock_of(const struct hs_manager_process *process)
{
    return hs_loop_clock_ns(process->process.loop);
}

#endif
