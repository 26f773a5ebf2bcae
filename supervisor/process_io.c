// SPDX-License-Identifier: Apache-2.0
/* process_io.c - birth, death and everything told about them. */
#include "supervisor/process_io.h"

#include "roles/control_io.h"
#include "roles/exec_state.h"
#include "shm/base/assert.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/vitals.h"
#include "supervisor/child_io.h"
#include "supervisor/event_io.h"
#include "supervisor/links_io.h"
#include "supervisor/segments_io.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct hs_vitals_shm *vitals_of(struct hs_tree *tree, const struct hs_child *child)
{
    return hs_vitals_page(hs_segment_body(&tree->shares[HS_SHARE_VITALS].mapped),
                          hs_process_idx_of(child->kind, child->idx));
}

void hs_process_send(struct hs_child *child, const struct hs_control_record *record, int pass_fd)
{
    if (child->control_fd < 0) return;
    /* Broken pipe: it is dying, its pid_fd tells. */
    if (hs_control_send(child->control_fd, record, pass_fd) == -ENOBUFS) child->is_deaf = true;
}

void hs_process_send_all(struct hs_tree *tree, const struct hs_control_record *record, int pass_fd)
{
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++)
        hs_process_send(&tree->children[i], record, pass_fd);
}

void hs_leash_send(struct hs_tree *tree, const struct hs_control_record *record, int pass_fd)
{
    if (tree->leash_fd < 0) return;
    if (hs_control_send(tree->leash_fd, record, pass_fd) < 0)
        hs_log(HS_LOG_WARN, "leash", "record_lost type=%s",
               hs_control_type_name((enum hs_control_type)record->type));
}

void hs_process_publish(struct hs_tree *tree, const struct hs_child *child)
{
    const struct hs_restart *restart = &child->restart;
    struct hs_host_process   row;

    memset(&row, 0, sizeof row);
    row.kind = child->kind;
    row.idx = child->idx;
    row.state = restart->state;
    row.pid = child->pid;
    row.generation = restart->generation;
    row.restart_count = restart->restart_count;
    row.started_at_ns = restart->started_at_ns;
    row.ready_at_ns = restart->ready_at_ns;
    if (!hs_restart_is_alive(restart) && restart->deadline_ns != HS_NEVER_NS)
        row.next_start_at_ns = restart->deadline_ns;
    memcpy(row.last_death, child->last_death, sizeof row.last_death);
    hs_host_table_store_process(tree->host, hs_process_idx_of(child->kind, child->idx), &row);
}

/* False: there is no process. */
static bool start(struct hs_tree *tree, struct hs_child *child)
{
    char          name[HS_PROCESS_NAME_BYTES];
    struct hs_err err;

    hs_process_name(child->kind, child->idx, name);
    child->reason = HS_KILL_NONE;
    child->is_signalled = false;
    child->is_deaf = false;
    child->heartbeat_seen_ns = 0;
    child->config_generation = tree->held.generation;
    if (hs_child_fork(tree, child, &err) < 0) {
        hs_log(HS_LOG_ERROR, "supervisor", "cannot_start process=%s reason=\"%s\"", name, err.text);
        (void)snprintf(child->last_death, sizeof child->last_death, "could not be started: %.100s",
                       err.text);
        return false;
    }
    hs_log(HS_LOG_INFO, "supervisor", "started process=%s pid=%d generation=%" PRIu64, name,
           (int)child->pid, child->restart.generation);
    hs_child_event(tree, child, HS_NOTICE_STARTED, "");
    hs_links_make(tree, child);
    return true;
}

static void tell_stop(struct hs_child *child)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_STOP, NULL);
    record.deadline_ns = hs_restart_deadline_ns(&child->restart);
    hs_process_send(child, &record, -1);
}

/* Why we end it, unless that is known already. */
static void note_reason(const struct hs_tree *tree, struct hs_child *child)
{
    if (child->reason == HS_KILL_NONE && child->restart.state == HS_PROCESS_STOPPING)
        child->reason =
            tree->stop.state == HS_STOP_KILLING ? HS_KILL_STOPPED_NOW : HS_KILL_STOP_DEADLINE;
    else if (child->reason == HS_KILL_NONE)
        child->reason = HS_KILL_START_TIMEOUT;
}

static void end_it(struct hs_tree *tree, struct hs_child *child, int number)
{
    char text[HS_HOST_CAUSE_BYTES];

    if (hs_child_has_ended(child)) { /* the reaping comes; it was ahead of us, or we were before */
        if (!child->is_signalled) child->reason = HS_KILL_NONE;
        return;
    }
    note_reason(tree, child);
    (void)snprintf(text, sizeof text, "%s: SIG%s", hs_kill_reason_text(child->reason),
                   sigabbrev_np(number));
    hs_child_event(tree, child, HS_NOTICE_KILLED, text);
    hs_child_signal(child, number);
}

/* False: it wanted a process, and there is none. */
static bool step_once(struct hs_tree *tree, struct hs_child *child,
                      const struct hs_restart_event *event)
{
    struct hs_restart_actions actions;
    bool                      is_done = true;

    hs_restart_step(&child->restart, &tree->restart_config, &tree->rand, hs_supervisor_clock_ns(),
                    event, &actions);
    for (unsigned i = 0; i < actions.count; i++) {
        switch (actions.at[i]) {
        case HS_RESTART_DO_FORK: is_done = start(tree, child); break;
        case HS_RESTART_DO_TELL_STOP: tell_stop(child); break;
        case HS_RESTART_DO_ABORT: end_it(tree, child, SIGABRT); break;
        case HS_RESTART_DO_KILL: end_it(tree, child, SIGKILL); break;
        }
    }
    return is_done;
}

/* States that an operator wants to hear of; started, killed and died are told where they happen. */
static void note_state(struct hs_tree *tree, const struct hs_child *child,
                       enum hs_process_state before)
{
    enum hs_process_state state = child->restart.state;

    if (state == before) return;
    if (state == HS_PROCESS_READY) hs_child_event(tree, child, HS_NOTICE_READY, "");
    if (state == HS_PROCESS_FAILED)
        hs_child_event(tree, child, HS_NOTICE_FAILED, child->last_death);
    if (state == HS_PROCESS_STOPPED) hs_child_event(tree, child, HS_NOTICE_STOPPED, "");
}

void hs_process_step(struct hs_tree *tree, struct hs_child *child, enum hs_restart_event_type type,
                     int exit_code, uint64_t deadline_ns)
{
    const struct hs_restart_event event = {
        .type = type, .exit_code = exit_code, .deadline_ns = deadline_ns};
    const struct hs_restart_event stillborn = {.type = HS_RESTART_DIED, .exit_code = -1};

    enum hs_process_state before = child->restart.state;
    bool                  was_looping = child->restart.is_crash_looping;

    /* A process that could not be forked has died early: the core waits before it wants another. */
    if (!step_once(tree, child, &event)) (void)step_once(tree, child, &stillborn);
    note_state(tree, child, before);
    if (child->restart.is_crash_looping && !was_looping)
        hs_child_event(tree, child, HS_NOTICE_CRASH_LOOP, child->last_death);
    hs_process_publish(tree, child);
}

void hs_process_give_up(struct hs_tree *tree, struct hs_child *child, enum hs_kill_reason reason)
{
    if (!hs_restart_is_alive(&child->restart) || child->restart.is_aborted ||
        child->restart.is_killed)
        return;
    if (reason == HS_KILL_HUNG && hs_child_is_stopped(child)) reason = HS_KILL_STOPPED;
    child->reason = reason;
    hs_process_step(tree, child, reason == HS_KILL_HUNG ? HS_RESTART_HUNG : HS_RESTART_GIVE_UP, 0,
                    0);
}

static uint64_t to_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * HS_NS_PER_S + (uint64_t)time.tv_usec * HS_NS_PER_US;
}

static void fill_death(const struct hs_child *child, const siginfo_t *info,
                       const struct rusage *usage, const struct hs_vitals *vitals,
                       struct hs_host_death *death)
{
    memset(death, 0, sizeof *death);
    death->at_ns = hs_supervisor_clock_ns();
    death->kind = child->kind;
    death->idx = child->idx;
    death->pid = child->pid;
    death->exit_code = info->si_code == CLD_EXITED ? info->si_status : -1;
    death->exit_signal = info->si_code == CLD_EXITED ? 0 : info->si_status;
    death->was_ready = child->restart.ready_at_ns != 0;
    death->generation = child->restart.generation;
    death->alive_ns = death->at_ns - child->restart.started_at_ns;
    death->phase = vitals->phase;
    death->message_type = vitals->crumb.message_type;
    death->digest = vitals->crumb.digest;
    memcpy(death->job_id, vitals->crumb.job_id, sizeof death->job_id);
    death->user_cpu_ns = to_ns(usage->ru_utime);
    death->system_cpu_ns = to_ns(usage->ru_stime);
    death->resident_max_bytes = (uint64_t)usage->ru_maxrss * 1024;
    hs_obituary_cause(death->cause, death->exit_code, death->exit_signal, child->reason);
    if (vitals->panic_at_ns)
        (void)snprintf(death->panic, sizeof death->panic, "%.*s", (int)sizeof death->panic - 1,
                       vitals->panic);
    for (char *at = death->panic; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127) *at = '?';
}

/* The same input has killed twice: nobody shall touch it a third time. */
static void quarantine(struct hs_tree *tree, const struct hs_host_death *death)
{
    struct hs_control_record record;
    char                     job[2 * sizeof death->job_id + 1];

    if (!hs_poison_is_second(&tree->poison, death->digest, death->at_ns) ||
        !hs_quarantine_add(&tree->summary, death->digest, death->job_id, death->at_ns))
        return;
    hs_log(HS_LOG_ERROR, "supervisor", "quarantine digest=%016" PRIx64, death->digest);
    hs_tree_event(tree, HS_NOTICE_QUARANTINED,
                  hs_hex_format(death->job_id, sizeof death->job_id, job), death->digest,
                  death->cause);
    hs_control_init(&record, HS_CONTROL_QUARANTINE, NULL);
    record.number = death->digest;
    memcpy(record.job_id, death->job_id, sizeof record.job_id);
    hs_process_send_all(tree, &record, -1);
}

/* What ended by itself has mostly said why. */
static void tell_death(struct hs_tree *tree, const struct hs_child *child,
                       const struct hs_host_death *death)
{
    char text[HS_EVENT_TEXT_BYTES];

    if (death->exit_signal || !death->panic[0]) {
        hs_child_event(tree, child, HS_NOTICE_DIED, death->cause);
        return;
    }
    (void)snprintf(text, sizeof text, "%s: %s", death->cause, death->panic);
    hs_child_event(tree, child, HS_NOTICE_DIED, text);
}

/* is_suspect: what it had in hand may have killed it. */
static void record_death(struct hs_tree *tree, struct hs_child *child, struct hs_host_death *death,
                         bool is_suspect)
{
    char name[HS_PROCESS_NAME_BYTES];

    hs_process_name(child->kind, child->idx, name);
    death->number = ++tree->summary.death_count;
    hs_host_table_store_death(tree->host, death);
    memcpy(child->last_death, death->cause, sizeof child->last_death);
    hs_log(HS_LOG_ERROR, "supervisor",
           "died process=%s pid=%d generation=%" PRIu64 " after_ms=%" PRIu64 " cause=\"%s\"", name,
           (int)child->pid, death->generation, death->alive_ns / HS_NS_PER_MS, death->cause);
    if (death->panic[0])
        hs_log(HS_LOG_ERROR, "supervisor", "last_words process=%s text=\"%s\"", name, death->panic);
    tell_death(tree, child, death);
    if (is_suspect) quarantine(tree, death);
    hs_host_table_store_summary(tree->host, &tree->summary);
}

static void tell_client(struct hs_tree *tree, const struct hs_child *child, const char *cause)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_DEATH, cause);
    record.peer = (uint16_t)child->kind;
    record.idx = (uint16_t)child->idx;
    record.generation = child->restart.generation;
    hs_leash_send(tree, &record, -1);
}

/* Takes the dead child's status. Its process group, if it has made one, dies before its number is
 * free again. */
static bool take_status(const struct hs_child *child, siginfo_t *info, struct rusage *usage)
{
    memset(info, 0, sizeof *info);
    memset(usage, 0, sizeof *usage);
    (void)kill(-child->pid, SIGKILL);
    return syscall(SYS_waitid, P_PIDFD, child->pid_fd, info, WEXITED | WNOHANG, usage) == 0 &&
           info->si_pid == child->pid;
}

void hs_process_reap(struct hs_tree *tree, struct hs_child *child)
{
    siginfo_t            info;
    struct rusage        usage;
    struct hs_vitals     vitals;
    struct hs_host_death death;
    bool                 is_clean;

    if (child->pid_fd < 0 || !take_status(child, &info, &usage)) return;
    hs_vitals_load(vitals_of(tree, child), &vitals);
    hs_vitals_mark_dead(vitals_of(tree, child));
    fill_death(child, &info, &usage, &vitals, &death);
    hs_segments_carry_counters(tree);
    is_clean = child->restart.state == HS_PROCESS_STOPPING && death.exit_code == 0;
    if (!is_clean)
        record_death(tree, child, &death,
                     child->reason != HS_KILL_DAMAGE &&
                         hs_poison_is_suspect(vitals.crumb.phase, death.exit_signal));
    /* One that gave up by itself before it served has nothing that an orderly end would keep. */
    if (!is_clean && tree->stop.state != HS_STOP_IDLE && (death.was_ready || death.exit_signal))
        tree->unclean_count++;
    child->exit_code = death.exit_code;
    hs_child_close(child);
    hs_links_tell_down(tree, child, death.cause);
    if (!is_clean) tell_client(tree, child, death.cause);
    hs_process_step(tree, child, HS_RESTART_DIED, death.exit_code, 0);
}
