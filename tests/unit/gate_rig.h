// SPDX-License-Identifier: Apache-2.0
/* gate_rig.h - a gate's core with everything around it played: a log in memory whose entries become
 * durable when told, a clock that is moved, clients and one manager's link whose frames are kept.
 * Every row that the gate shows is checked: counts that agree with each other, and none that goes
 * back. */
#ifndef HS_TESTS_GATE_RIG_H
#define HS_TESTS_GATE_RIG_H

#include "roles/counters.h"
#include "roles/gate/gate.h"
#include "roles/result_code.h"
#include "roles/stats/run_record.h"
#include "shm/base/time.h"

enum {
    GATE_RIG_FRAMES = 8192,
    GATE_RIG_BLOBS = 4096,
    GATE_RIG_ENTRIES = 65536,
    GATE_RIG_QUEUE = 256
};

struct gate_rig_frame {
    enum hs_msg_type type;
    bool             is_to_manager;
    unsigned         peer;
    uint64_t         request_id;
    union hs_msg     message; /* encoded and decoded: its views point into bytes */
    void            *bytes;
};

struct gate_rig_proposal {
    uint64_t       token;
    struct hs_view bytes; /* owned; an entry, or of a blob */
    bool           is_blob;
};

struct gate_rig {
    struct hs_gate *gate;
    uint64_t        now_ns;
    uint64_t        wall_ns; /* the host's clock */
    uint64_t        seq;
    uint64_t        elapsed_ns;          /* as the next progress tells it */
    uint64_t        job_silent_after_ns; /* of the next life; 0: nobody is suspected */
    bool            is_led;
    bool            is_silent;   /* the manager sends no heartbeats of itself */
    bool            is_log_held; /* nothing becomes durable */
    bool            is_log_busy; /* nothing is taken */
    unsigned        log_fails;   /* so many entries are answered with UNKNOWN and not kept */
    bool            is_stuck[HS_GATE_CLIENTS_MAX];  /* its queue is full */
    bool            is_behind[HS_GATE_CLIENTS_MAX]; /* it has much to read */
    unsigned        cut_offs[HS_GATE_CLIENTS_MAX];
    bool            is_full[HS_GATE_MANAGERS_MAX]; /* only control finds room on the way to it */
    uint64_t        quarantined;
    bool            is_disk_full;
    unsigned        frame_count;
    struct gate_rig_frame    frames[GATE_RIG_FRAMES];
    unsigned                 blob_count;
    struct hs_ledger_digest  digests[GATE_RIG_BLOBS];
    struct hs_view           blobs[GATE_RIG_BLOBS];
    unsigned                 entry_count;
    struct hs_view           entries[GATE_RIG_ENTRIES];
    unsigned                 queue_count;
    struct gate_rig_proposal queue[GATE_RIG_QUEUE];
    uint64_t                 counts[HS_COUNT_END];
    struct hs_job_row        rows[HS_GATE_JOBS_MAX];
    bool                     is_shown[HS_GATE_JOBS_MAX];
    unsigned                 dispatch_notes;
    unsigned                 drops; /* managers cut off */
    unsigned                 latency_notes;
    unsigned                 event_notes[HS_NOTICE_KIND_COUNT];
};

struct gate_rig *
gate_rig_open(void); /* leading, a manager of datacenter "dc" is up, client 0 is there */
struct gate_rig *gate_rig_open_idle(void);
void             gate_rig_close(struct gate_rig *rig);
/* The process dies and comes back: the log's durable entries, blobs, the clock and the rows in
 * shared memory stay. */
void gate_rig_restart(struct gate_rig *rig);
void gate_rig_settle(struct gate_rig *rig); /* turns and answers until nothing happens any more */
void gate_rig_pass(struct gate_rig *rig,
                   uint64_t         ns);            /* time goes by, in steps of 100 ms at most */
void gate_rig_forget(struct gate_rig *rig); /* the frames so far */

void gate_rig_client(struct gate_rig *rig, unsigned client, enum hs_msg_type type,
                     const union hs_msg *message, uint64_t request_id);
void gate_rig_manager(struct gate_rig *rig, enum hs_msg_type type, const union hs_msg *message,
                      uint64_t request_id);
/* The n-th frame of that type to that client (manager: gate_rig_to_manager), from 0; NULL: there is
 * none. */
struct gate_rig_frame *gate_rig_find(struct gate_rig *rig, enum hs_msg_type type, unsigned client,
                                     unsigned n);
unsigned               gate_rig_count(struct gate_rig *rig, enum hs_msg_type type, unsigned client);
struct gate_rig_frame *gate_rig_to_manager(struct gate_rig *rig, enum hs_msg_type type, unsigned n);
unsigned gate_rig_count_of(struct gate_rig *rig, enum hs_msg_type type, unsigned manager);
unsigned gate_rig_count_manager(struct gate_rig *rig, enum hs_msg_type type);

/* ---- scenes; jobs are named by the sequence number of their key ---- */

/* `count` workflows named w0, w1, ... with one step each; w(i) after w(i-1) if is_chain. */
const char *gate_rig_plan(unsigned count, bool is_chain);
void        gate_rig_fill_submit(struct hs_msg_submit *submit, unsigned job, const char *plan);
void        gate_rig_submit(struct gate_rig *rig, unsigned client, unsigned job, const char *plan);
/* The code of the last answer to a SUBMIT of that client; HS_RESULT_COUNT: none. */
unsigned                 gate_rig_submit_code(struct gate_rig *rig, unsigned client);
void                     gate_rig_name(uint8_t job_id[16], unsigned job);
struct hs_gate_job      *gate_rig_job(struct gate_rig *rig, unsigned job); /* NULL: unknown */
const struct hs_job_row *gate_rig_row(struct gate_rig *rig, unsigned job);
void gate_rig_ack_dispatch(struct gate_rig *rig, unsigned job, unsigned code, uint64_t fence);
void gate_rig_start(struct gate_rig *rig, unsigned job, const char *plan); /* submitted, accepted */
void gate_rig_cancel(struct gate_rig *rig, unsigned client, unsigned job, unsigned workflow,
                     uint8_t request);
void gate_rig_subscribe(struct gate_rig *rig, unsigned client, unsigned job, unsigned last_event);

/* What one exec of the target world has counted. */
struct gate_rig_tally {
    uint64_t sent, completed, failed, cut, dropped, shed, lost;
};
void gate_rig_add(struct gate_rig_tally *into, const struct gate_rig_tally *from);
/* Whole figures of step 0 of some workflows, in their order. */
void gate_rig_progress(struct gate_rig *rig, unsigned job, uint64_t fence, uint64_t pseq,
                       const struct gate_rig_tally *tallies, unsigned count);
/* A run record; into static memory. */
struct hs_view gate_rig_record(unsigned workflow, const struct gate_rig_tally *tally);
struct gate_rig_end {
    unsigned       workflow; /* HS_WORKFLOW_ALL: the job */
    unsigned       status;
    struct hs_view record; /* empty: none */
};
void gate_rig_results(struct gate_rig *rig, unsigned job, uint64_t fence, uint64_t request_id,
                      const struct gate_rig_end *ends, unsigned count);
/* Answers the last BLOB_GET with as much of those bytes as one piece may have. */
void gate_rig_send_blob(struct gate_rig *rig, struct hs_view bytes, size_t piece_bytes);
void gate_rig_end(struct gate_rig *rig, unsigned job, unsigned status); /* the job item alone */
void gate_manager_enter(struct hs_gate *gate); /* the one of this host, datacenter "dc" */

#endif
