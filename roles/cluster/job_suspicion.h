// SPDX-License-Identifier: Apache-2.0
/* job_suspicion.h - which nodes do not serve a job although they live: per job and node that has
 * some of it running, when something new was last heard of that job, and what follows from silence.
 * To a manager its workers are the nodes, to a gate the datacenters. A node that is gone altogether
 * is no business of this table: it is told so and forgets (membership 10). Jobs and nodes are the
 * caller's numbers. Pure.
 *
 *            nothing new for silence_ns          nothing new for suspect_ns
 *   WATCHED ---------------------------> SUSPECT ---------------------------> DEAD
 *      ^---------- something new ----------'          until the job ends, or the node
 *                                                     begins another life
 *
 * What refutes is news of the job, not a number of the node's life. Nobody is asked to agree: a
 * worker reports a job to the manager that leads, a datacenter to the gate that owns the job, and
 * to nobody else; heartbeats, which others hear, say how much a node runs and not how far it came.
 * Who hears nothing of a job anyhow cannot confirm that there is nothing to hear; so that others
 * could, each report would have to go to all. With no one to agree the wait of membership 4 is its
 * least, always, and suspect_ns is that. A node that is itself suspected of being gone is judged
 * for no job until that is settled, and while this process does not run, or turns reports away, no
 * time passes here at all. */
#ifndef HS_CLUSTER_JOB_SUSPICION_H
#define HS_CLUSTER_JOB_SUSPICION_H

#include "ipc/timer_wheel.h"
#include "shm/base/limits.h"

enum {
    /* At a manager, which has more: twice as many as there can be shares, those that run and those
     * that were taken away. */
    HS_JOB_SUSPICION_SLOTS = 16384,
    HS_JOB_SUSPICION_NODES = HS_WORKERS_MAX,
    HS_JOB_SUSPICION_OF_JOB_MAX = 1000,
    HS_JOB_SUSPICION_BUCKETS = 4096
};

enum hs_job_health {
    HS_JOB_HEALTH_ALIVE,
    HS_JOB_HEALTH_SUSPECT,      /* for this job */
    HS_JOB_HEALTH_SUSPECT_NODE, /* of being gone */
    HS_JOB_HEALTH_DEAD,         /* for this job */
    HS_JOB_HEALTH_DEAD_NODE
};

enum hs_job_slot_state {
    HS_JOB_SLOT_FREE,
    HS_JOB_SLOT_WATCHED,
    HS_JOB_SLOT_SUSPECT,
    HS_JOB_SLOT_DEAD
};

struct hs_job_suspicion_config {
    uint64_t silence_ns;
    uint64_t suspect_ns;
    uint64_t stall_ns;   /* the caller comes more often: what is above, it did not run */
    uint32_t slot_count; /* that it may need, of HS_JOB_SUSPICION_SLOTS */
};

struct hs_job_slot {
    uint16_t job;
    uint16_t node;
    uint8_t  state;     /* enum hs_job_slot_state */
    uint32_t in_bucket; /* next + 1; of a free one: the next free one */
    uint32_t in_job[2]; /* next + 1, previous + 1 */
    uint32_t in_node[2];
    uint64_t seq;          /* of the last report */
    uint64_t heard_ns;     /* in the table's own time */
    uint64_t grace_ns;     /* it was given more time: then it stays suspected for so long */
    uint64_t extended_ns;  /* all that it was given */
    uint64_t remaining_ns; /* while its node is suspected of being gone */
};

struct hs_job_list {
    uint32_t first_1;
    uint32_t count;
    uint32_t suspect_count;
    uint32_t dead_count;
};

struct hs_job_suspicion_counts {
    uint64_t suspicions, deaths, refused, repaired;
};

struct hs_job_suspicion {
    struct hs_job_suspicion_config config;
    struct hs_job_suspicion_counts counts;
    uint64_t                       last_ns;
    uint64_t                       held_ns; /* that did not pass here */
    bool                           is_held;
    uint32_t                       used_count;
    uint32_t                       high; /* slots from here on were never used */
    uint32_t                       free_1;
    uint32_t                       buckets[HS_JOB_SUSPICION_BUCKETS]; /* + 1 */
    uint8_t health[HS_JOB_SUSPICION_NODES]; /* of the node: three of enum hs_job_health */
    struct hs_job_list    jobs[HS_JOBS_MAX];
    struct hs_job_list    nodes[HS_JOB_SUSPICION_NODES];
    struct hs_job_slot    slots[HS_JOB_SUSPICION_SLOTS];
    struct hs_timer       timers[HS_JOB_SUSPICION_SLOTS];
    struct hs_timer_wheel wheel;
};

struct hs_job_verdict {
    enum hs_job_slot_state state; /* SUSPECT or DEAD */
    uint32_t               job;
    uint32_t               node;
};

/* table is zeroed. */
void hs_job_suspicion_init(struct hs_job_suspicion              *table,
                           const struct hs_job_suspicion_config *config, uint64_t now_ns);

/* The node has some of the job running: it is watched from now on, if it is not already. Without
 * room it is not, and not suspected either. */
void hs_job_suspicion_watch(struct hs_job_suspicion *table, uint32_t job, uint32_t node,
                            uint64_t now_ns);
/* A report of the job came: true, if that ends a suspicion. One with a number that is not above
 * the last one says nothing; 0: it says something whatever came before. */
bool hs_job_suspicion_news(struct hs_job_suspicion *table, uint32_t job, uint32_t node,
                           uint64_t seq, uint64_t now_ns);
/* Nothing of the job runs there any more. That it was taken away stays known. */
void hs_job_suspicion_rest(struct hs_job_suspicion *table, uint32_t job, uint32_t node);
void hs_job_suspicion_end_job(struct hs_job_suspicion *table, uint32_t job);
/* ALIVE, SUSPECT_NODE or DEAD_NODE; harmless when it is known. */
void hs_job_suspicion_node(struct hs_job_suspicion *table, uint32_t node, enum hs_job_health health,
                           uint64_t now_ns);
/* It has registered: reports are numbered anew; in a new life nothing is held against it. */
void hs_job_suspicion_registered(struct hs_job_suspicion *table, uint32_t node, bool is_new_life);
/* The node works but cannot report: jobs that it has been silent about for half of silence_ns
 * have so much longer, and are suspected for grace_ns when that is over. */
void hs_job_suspicion_extend(struct hs_job_suspicion *table, uint32_t node, uint64_t by_ns,
                             uint64_t grace_ns, uint64_t now_ns);
/* It gets nowhere: jobs that it has been silent about for so long are dead there now. */
void hs_job_suspicion_expire(struct hs_job_suspicion *table, uint32_t node, uint64_t silent_ns,
                             uint64_t now_ns);
/* Of the first of its jobs to be suspected, or dead; HS_NEVER_NS: there is none. */
uint64_t hs_job_suspicion_remaining_ns(struct hs_job_suspicion *table, uint32_t node,
                                       uint64_t now_ns);
uint64_t hs_job_suspicion_extended_ns(const struct hs_job_suspicion *table, uint32_t job,
                                      uint32_t node);
/* From now on no time passes, or does again. */
void hs_job_suspicion_hold(struct hs_job_suspicion *table, bool is_held, uint64_t now_ns);

/* What time has brought, one by one until it answers false. */
bool     hs_job_suspicion_next(struct hs_job_suspicion *table, uint64_t now_ns,
                               struct hs_job_verdict *verdict);
uint64_t hs_job_suspicion_deadline_ns(const struct hs_job_suspicion *table);
/* May it be given work of this job? ALIVE: yes. */
enum hs_job_health hs_job_suspicion_of(const struct hs_job_suspicion *table, uint32_t job,
                                       uint32_t node);
/* Every count, list and timer agrees with every other one, or is made to: how many did not. */
unsigned hs_job_suspicion_reconcile(struct hs_job_suspicion *table, uint64_t now_ns);

#endif
