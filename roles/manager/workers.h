// SPDX-License-Identifier: Apache-2.0
/* workers.h - the workers of the datacenter as their manager knows them: registration, sessions,
 * what they say of themselves. Soft: a restarted manager learns it again. Does not know what runs
 * on them: cores are counted from assignments, never from what a worker says (jobs.md 7.6).
 * Pure. */
#ifndef HS_MANAGER_WORKERS_H
#define HS_MANAGER_WORKERS_H

#include "roles/cluster/node_id.h"
#include "roles/guard/brake.h"
#include "roles/guard/breaker.h"
#include "roles/guard/flap.h"
#include "roles/manager/extension.h"
#include "roles/manager/star_wire.h"
#include "roles/node_tables.h"
#include "roles/wire.h"

enum { HS_WORKER_WITNESSES = 2 };

/* Which manager watches over it, and what that one has said last: by (incarnation, epoch, version),
 * of which the first two are the worker's own word (star.h). */
struct hs_worker_word {
    struct hs_node_id owner; /* none: nobody yet */
    uint64_t          incarnation;
    uint64_t          epoch;
    uint32_t          version;    /* 0: the owner has said nothing in this epoch */
    uint8_t           state;      /* enum hs_star_state */
    uint8_t           sends_left; /* our own word: how often it is still told */
    bool              is_void;    /* the owner is gone, or may be: its word holds no longer */
    uint16_t          cores_free;
    uint64_t          told_at_ns;
    uint64_t          heard_at_ns; /* by the owner */
};

/* How we watch over one that we own. */
struct hs_worker_watch {
    uint64_t          asked_at_ns; /* of the round under way; 0: none */
    uint64_t          suspect_at_ns;
    uint64_t          vouched_at_ns;   /* another manager has reached it */
    uint64_t          condemned_at_ns; /* found dead then; 0: not. What is heard later clears it */
    uint32_t          number;          /* of the round */
    bool              are_helpers_asked;
    uint8_t           witness_count; /* other managers that could not reach it either */
    struct hs_node_id witnesses[HS_WORKER_WITNESSES];
};

/* It ought to be given up; while the brake is on it is held, and asked again (star.h). */
struct hs_worker_hold {
    uint64_t doomed_at_ns; /* 0: it need not be given up */
    uint64_t spared_at_ns; /* another manager has reached it meanwhile: as good as heard then */
    uint64_t asked_at_ns;
    uint32_t number; /* of the question to the other managers */
};

struct hs_manager_worker {
    bool              is_used;
    bool              is_reconciled; /* it has said what it runs, in this session */
    bool              is_listing;    /* telling it, further frames follow */
    bool              is_draining;
    bool              is_lost;  /* silent for too long; comes back when it is heard */
    bool              has_left; /* is lost because it ended in order */
    uint8_t           id[16];
    uint32_t          link; /* 0: none */
    uint16_t          cores;
    uint16_t          cores_free_told; /* by the worker; shown to others, decides nothing */
    uint16_t          results_waiting;
    uint64_t          engines_mask;
    uint64_t          engines_changed_at_ns;
    uint64_t          incarnation;
    uint64_t          generation;
    uint64_t          session;
    uint64_t          joined_at_ns;
    uint64_t          heard_at_ns;
    uint64_t          reconcile_at_ns; /* when to ask (again); HS_NEVER_NS: no question is open */
    uint64_t          ping_nonce;      /* of the ping that waits for its answer; 0: none does */
    uint64_t          pinged_at_ns;
    uint64_t          round_trip_ns;  /* of the last ping that was answered; 0: none was */
    unsigned          mismatch_count; /* heartbeats in a row that contradict the books */
    char              name[HS_NAME_BYTES];
    char              datacenter[HS_NAME_BYTES];
    struct hs_breaker breaker;
    struct hs_flap    flap;
    struct hs_level   load; /* enum hs_node_load, as it is shown and judged by */

    struct hs_extension    extension; /* of the time to report */
    struct hs_worker_word  word;
    struct hs_worker_watch watch;
    struct hs_worker_hold  hold;
};

struct hs_workers {
    uint32_t                 count;        /* used slots */
    uint32_t                 high;         /* slots from here on were never used */
    uint64_t                 session_base; /* unique to this process */
    uint64_t                 session_count;
    uint64_t                 ping_count;
    uint64_t                 owner_changes; /* of the words that workers have said */
    struct hs_brake          brake;         /* on giving them up */
    struct hs_manager_worker at[HS_WORKERS_MAX];
};

/* A registration: 1 a new worker or a new life of its host, 2 the same life again (it may have
 * restarted), or -ENOBUFS, -EINVAL (no cores, too many, or an older life than the one known),
 * -EEXIST (a worker of another name has its id). *worker is its row, with a new session and the
 * link. */
int hs_workers_register(struct hs_workers *workers, const struct hs_msg_wreg *wreg, uint32_t link,
                        uint64_t now_ns, struct hs_manager_worker **worker) HS_MUST_CHECK;
/* false: of another session. */
bool hs_workers_heartbeat(struct hs_manager_worker *worker, const struct hs_msg_whb *whb,
                          uint64_t now_ns);
void hs_workers_link_down(struct hs_workers *workers, uint32_t link);
/* The worker itself says who watches over it. */
void hs_workers_take_owner(struct hs_workers *workers, struct hs_manager_worker *worker,
                           const uint8_t owner[16], uint64_t epoch);
/* A row for one that is known by the word of another manager alone; NULL: no room. */
struct hs_manager_worker *hs_workers_add_told(struct hs_workers          *workers,
                                              const struct hs_star_entry *entry, uint64_t now_ns);
/* Found dead, and not heard since. */
static inline bool hs_workers_is_condemned(const struct hs_manager_worker *worker)
{
    return worker->watch.condemned_at_ns && worker->watch.condemned_at_ns >= worker->heard_at_ns &&
           worker->watch.condemned_at_ns >= worker->hold.spared_at_ns;
}
/* To be given up, but for the brake. */
static inline bool hs_workers_is_held(const struct hs_manager_worker *worker)
{
    return worker->hold.doomed_at_ns && !worker->is_lost;
}
/* Never registered here, or not any more. */
static inline bool hs_workers_is_told(const struct hs_manager_worker *worker)
{
    return worker->session == 0;
}

struct hs_manager_worker *hs_workers_find(struct hs_workers *workers, const uint8_t id[16]);
struct hs_manager_worker *hs_workers_find_link(struct hs_workers *workers, uint32_t link);

/* How many cores may be given out: all, or those whose engines are up when some have been down for
 * a while; 0 while it may be a restart that is over in a moment, and for a worker that takes
 * nothing. */
uint32_t hs_workers_usable_cores(const struct hs_manager_worker *worker, uint64_t now_ns);
/* Engines that are up. */
uint32_t hs_workers_up_cores(const struct hs_manager_worker *worker);
/* When that may change by itself; HS_NEVER_NS: it does not. */
uint64_t          hs_workers_usable_at_ns(const struct hs_manager_worker *worker);
enum hs_node_load hs_workers_bucket(const struct hs_manager_worker *worker);
/* Before the turns of all of them: who is to be given up, and whether that many may be at once.
 * lost, all: how many of how many, for the operator. */
enum hs_brake_turn hs_workers_brake(struct hs_workers *workers, uint64_t now_ns,
                                    uint64_t lost_after_ns, uint32_t *lost, uint32_t *all);
enum hs_worker_turn { HS_WORKER_STAYS, HS_WORKER_LOST, HS_WORKER_FORGOTTEN };
/* One that was silent for lost_after_ns, or was found dead, is lost; 300 s after it was heard last
 * it is no part of the datacenter any more, and forgotten. While the brake is on nobody is lost.
 * Those that others tell of are not this one's business (star.h). due_ns: when to look again. */
enum hs_worker_turn hs_workers_turn(struct hs_workers *workers, struct hs_manager_worker *worker,
                                    uint64_t now_ns, uint64_t lost_after_ns, uint64_t *due_ns);
/* Its place is free; whatever was kept of it is gone. */
void hs_workers_forget(struct hs_workers *workers, struct hs_manager_worker *worker);
/* Makes a breaker due when most are open (guard/breaker.h). */
void hs_workers_relieve(struct hs_workers *workers, uint64_t now_ns);
/* How many have asked for more time to report within the last two minutes. */
uint16_t hs_workers_extended(const struct hs_workers *workers, uint64_t now_ns);
/* Its row in the registry, for status. */
void hs_workers_row(const struct hs_manager_worker *worker, uint32_t busy_cores,
                    uint32_t exec_count, struct hs_worker_row *row);

#endif
