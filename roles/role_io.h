// SPDX-License-Identifier: Apache-2.0
/* role_io.h - what every role's main does the same way: map its pages, send log lines and panics to
 * shared memory, open the loop, answer the supervisor, beat its heart, and take turns until told to
 * stop. A role adds its hooks.
 *
 *     int hs_gate_main(const struct hs_heritage *heritage)
 *     {
 *         hs_role_open(&process, heritage, &loop_config, &err);
 *         ... map own segments, replay the ledger, arm listeners ...
 *         hs_role_ready(&process);   (sandbox is applied here, then READY is told)
 *         return hs_role_serve(&process, &hooks, gate);
 *     } */
#ifndef HS_ROLES_ROLE_IO_H
#define HS_ROLES_ROLE_IO_H

#include "ipc/conn.h"
#include "ipc/loop.h"
#include "roles/notice.h"
#include "roles/role.h"
#include "roles/share.h"
#include "shm/base/err.h"
#include "shm/segment.h"
#include "shm/vitals.h"

struct hs_counters_shm;
struct hs_host_table_shm;
struct hs_log_ring_shm;
struct hs_resolver_answer;
struct hs_role_load;
struct hs_vitals_shm;

enum { HS_ROLE_SEGMENTS_MAX = 6 }; /* host, vitals, counters, logs, events, configuration */

/* Hooks may be NULL, but for turn and is_done: what comes is then closed or ignored. */
struct hs_role_hooks {
    /* A fresh connection to a peer role; the callee owns fd. An earlier one to the same peer is
     * dead or dying: close it. peer_idx: engine number. token: answers hs_role_ask_resolver. */
    void (*on_link)(void *self, enum hs_role_kind peer, unsigned peer_idx, uint64_t peer_generation,
                    uint64_t token, int fd);
    /* That life of the peer is over (reaped); its cause as text. */
    void (*on_peer_down)(void *self, enum hs_role_kind peer, unsigned peer_idx,
                         uint64_t peer_generation, const char *cause);
    /* Take nothing new; finish what runs. */
    void (*on_drain)(void *self);
    /* End by deadline_ns: make durable what was measured; then is_done. */
    void (*on_stop)(void *self, uint64_t deadline_ns);
    void (*on_config)(void                   *self,
                      const struct hs_config *config); /* reload; lives until the next */
    /* Other credentials lie in the directory; the callee owns fd and answers with the number
     * (cluster/node_credentials_io.h). */
    void (*on_credentials)(void *self, uint64_t number, int fd);
    /* The supervisor's answer to a request (console) or to a name that nobody could look up. code 0
     * or negative errno. */
    void (*on_answer)(void *self, uint64_t token, int code, const char *text);
    /* Two deaths had this breadcrumb: refuse the input from now on. Told before the first turn,
     * too, of what was set aside before this life. */
    void (*on_quarantine)(void *self, uint64_t digest, const uint8_t job_id[16]);
    /* Everything that is due; called after every loop step. Returns the next deadline. */
    uint64_t (*turn)(void *self, uint64_t now_ns);
    bool (*is_done)(const void *self); /* asked after on_stop: may the process exit 0? */
    /* Restarted alone while the daemon goes on, it leaves its work to its successor, as after a
     * death, and is not asked to end it. */
    bool hands_over;
    bool measures_load; /* its turns, its queue and its core: role_load_io.h */
};

/* What is in the counters' page already, of what is counted elsewhere. */
struct hs_role_told {
    struct hs_loop_figures loop;
    struct hs_conn_figures frames;
};

struct hs_role_process {
    const struct hs_heritage       *heritage;
    struct hs_loop                 *loop;
    struct hs_vitals_shm           *vitals;
    struct hs_counters_shm         *counters;
    struct hs_log_ring_shm         *log;
    struct hs_event_ring_shm       *events;
    const struct hs_host_table_shm *host;
    const struct hs_config         *config; /* in force: the heritage's, or the last reload's */
    struct hs_watch                 control_watch;
    const struct hs_role_hooks     *hooks;
    void                           *self;
    struct hs_segment               segments[HS_ROLE_SEGMENTS_MAX];
    struct hs_conn_figures          frames; /* hs_conn_config.figures of all the role's links */
    struct hs_role_told             told;
    struct hs_notice_limit          event_limits[HS_NOTICE_LIMITS];
    struct hs_role_load            *load;             /* NULL: not measured */
    uint64_t                        turn_count;       /* not yet in the page */
    uint64_t                        stop_deadline_ns; /* HS_NEVER_NS: not told to stop */
    uint64_t                        due_ns;           /* what the last turn asked for */
    uint64_t                        supervisor_seen_at_ns;
    uint64_t                        supervisor_beat_ns;
    bool                            is_stopping;
    bool                            is_orphaned;     /* the supervisor is gone */
    bool                            is_misled;       /* or sent what no supervisor sends */
    bool                            is_handing_over; /* ends in this turn, without on_stop */
};

/* Maps the common pages, sets log sink and assert hook, opens the loop. loop_config NULL: a loop
 * big enough for a role with a handful of streams. On failure the caller returns
 * hs_role_exit_code(). */
int hs_role_open(struct hs_role_process *process, const struct hs_heritage *heritage,
                 const struct hs_loop_config *loop_config, struct hs_err *err) HS_MUST_CHECK;
/* The role has its own segments, listeners and past together: confines the process (everything is
 * open by now), says READY. */
int hs_role_ready(struct hs_role_process *process, struct hs_err *err) HS_MUST_CHECK;
/* Until stopped; the process's exit code. */
int hs_role_serve(struct hs_role_process *process, const struct hs_role_hooks *hooks,
                  void *self) HS_MUST_CHECK;
/* Logs err and tells which exit code says it: 78 configuration (-EINVAL: another start will not
 * help), 77 permission (-EACCES, -EPERM), 1 the rest (start me again). */
int hs_role_exit_code(const struct hs_err *err) HS_MUST_CHECK;

/* Maps a segment of the heritage, checked against share.h; unmap it with hs_segment_unmap, or leave
 * that to the end of the process. -ENOENT: not in this role's heritage; -EACCES: READ_WRITE asked
 * for, and the role is not its writer. */
int hs_role_map_share(const struct hs_heritage *heritage, enum hs_share share,
                      enum hs_segment_access access, struct hs_segment *segment,
                      struct hs_err *err) HS_MUST_CHECK;
int hs_role_map_engine(const struct hs_heritage *heritage, unsigned engine_idx,
                       enum hs_engine_segment which, enum hs_segment_access access,
                       struct hs_segment *segment, struct hs_err *err) HS_MUST_CHECK;

/* What lies in a segment fails its check: the supervisor keeps it for a post-mortem, makes a fresh
 * one with all that belong to it, and ends this process and all others that hold them. Mapping
 * tells of a bad header by itself. The caller goes on until it is ended, or ends itself. */
void hs_role_refuse_share(const struct hs_heritage *heritage, enum hs_share share);
void hs_role_refuse_engine_segment(const struct hs_heritage *heritage, unsigned engine_idx,
                                   enum hs_engine_segment which);

/* Long work outside the loop (replay of a log, a snapshot): set the phase before, NORMAL after. */
void hs_role_set_phase(struct hs_role_process *process, enum hs_vitals_phase phase);

/* Asks the supervisor for a short-lived resolver process; its link (a sequenced socket) comes
 * through on_link with the token and brings one packet of struct hs_resolver_answer, then end of
 * file (no packet: it failed). When none could be started, on_answer tells the code instead.
 * -EINVAL: not a name. */
int hs_role_ask_resolver(struct hs_role_process *process, const char *host,
                         uint64_t token) HS_MUST_CHECK;
/* When that link is readable. false: not yet; else code is 0 and there is an address at least, or
 * says why not, -EIO when the resolver has died. */
bool hs_role_take_addresses(int fd, struct hs_resolver_answer *answer) HS_MUST_CHECK;
/* Console: forwards an operator's request ("restart", "drain", "reload", "stop") with the caller's
 * uid for the audit line; on_answer follows (stop: maybe not). process_name "" where none is meant.
 * -EINVAL: no such verb. */
int hs_role_request(struct hs_role_process *process, const char *verb, const char *process_name,
                    uint32_t uid, uint64_t token) HS_MUST_CHECK;

/* Names what the process is working on, so that two deaths over the same input can be told from
 * bad luck; the supervisor quarantines the digest. zero digest: nothing. */
void hs_role_breadcrumb(struct hs_role_process *process, uint32_t message_type,
                        const uint8_t job_id[16], uint64_t digest);
/* The same of work that goes on for long, in the midst of anything: only a crash accuses it, not
 * that somebody killed the process. */
void hs_role_breadcrumb_of_run(struct hs_role_process *process, const uint8_t job_id[16],
                               uint64_t digest);
/* Into the process's event ring, stamped with the time; of some kinds one a second. */
void hs_role_note(struct hs_role_process *process, const struct hs_event_record *record);
bool hs_role_is_quarantined(const struct hs_role_process *process, uint64_t digest);

/* Inside: what came over the control socket, handed to the hooks. Used by role_io.c only. */
void hs_role_take_control(struct hs_role_process *process);

#endif
