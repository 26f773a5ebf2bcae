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

#include "ipc/loop.h"
#include "roles/role.h"
#include "shm/base/err.h"

struct hs_control_record;
struct hs_counters_shm;
struct hs_event_ring_shm;
struct hs_log_ring_shm;
struct hs_vitals_page_shm;

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
    /* The supervisor's answer to a request (console). code 0 or negative errno. */
    void (*on_answer)(void *self, uint64_t token, int code, const char *text);
    /* Everything that is due; called after every loop step. Returns the next deadline. */
    uint64_t (*turn)(void *self, uint64_t now_ns);
    bool (*is_done)(const void *self); /* asked after on_stop: may the process exit 0? */
};

struct hs_role_process {
    const struct hs_heritage   *heritage;
    struct hs_loop             *loop;
    struct hs_vitals_page_shm  *vitals;
    struct hs_counters_shm     *counters;
    struct hs_log_ring_shm     *log;
    struct hs_event_ring_shm   *events;
    struct hs_watch             control_watch;
    const struct hs_role_hooks *hooks;
    void                       *self;
    bool                        is_stopping;
};

int hs_role_open(struct hs_role_process *process, const struct hs_heritage *heritage,
                 const struct hs_loop_config *loop_config, struct hs_err *err) HS_MUST_CHECK;
int hs_role_ready(struct hs_role_process *process, struct hs_err *err) HS_MUST_CHECK;
/* Until stopped; the process's exit code. */
int hs_role_serve(struct hs_role_process *process, const struct hs_role_hooks *hooks, void *self);

/* Asks the supervisor for a short-lived resolver process; its link comes through on_link with the
 * token: read `struct hs_resolver_answer` frames from it until end of file. */
int hs_role_ask_resolver(struct hs_role_process *process, const char *host,
                         uint64_t token) HS_MUST_CHECK;
/* Console: forwards an operator's request ("restart", "drain", "reload", "stop") with the caller's
 * uid for the audit line; on_answer follows. */
int hs_role_request(struct hs_role_process *process, const char *verb, const char *process_name,
                    uint32_t uid, uint64_t token) HS_MUST_CHECK;

/* Names what the process is working on, so that two deaths over the same input can be told from
 * bad luck; the supervisor quarantines the digest. zero digest: nothing. */
void hs_role_breadcrumb(struct hs_role_process *process, uint32_t message_type,
                        const uint8_t job_id[16], uint64_t digest);

#endif
