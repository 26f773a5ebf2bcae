// SPDX-License-Identifier: Apache-2.0
/* reload_io.c - from SIGHUP or a request to the last process that runs with the new
 * configuration. */
#include "supervisor/reload_io.h"

#include "roles/config.h"
#include "shm/base/assert.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "supervisor/config_child_io.h"
#include "supervisor/event_io.h"
#include "supervisor/notify_io.h"
#include "supervisor/process_io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint32_t owner_of(enum hs_role_kind kind)
{
    switch (kind) {
    case HS_ROLE_CONSOLE: return HS_CONFIG_OWNER_CONSOLE;
    case HS_ROLE_GATE: return HS_CONFIG_OWNER_GATE;
    case HS_ROLE_MANAGER: return HS_CONFIG_OWNER_MANAGER;
    case HS_ROLE_WORKER: return HS_CONFIG_OWNER_WORKER;
    case HS_ROLE_ENGINE: return HS_CONFIG_OWNER_ENGINE;
    case HS_ROLE_NONE:
    case HS_ROLE_CLIENT:
    case HS_ROLE_RESOLVER:
    case HS_ROLE_KIND_COUNT: break;
    }
    return 0;
}

void hs_reload_init(struct hs_tree *tree)
{
    memset(&tree->reload, 0, sizeof tree->reload);
    tree->reload.child = (struct hs_config_child){.pid_fd = -1, .image_fd = -1, .errors_fd = -1};
    tree->reload.previous.fd = -1;
    tree->reload.asker_idx = HS_PROCESSES_MAX;
    tree->reload.current_idx = -1;
}

void hs_reload_apply_own(struct hs_tree *tree)
{
    const struct hs_config_supervisor *keys = &tree->held.config->supervisor;
    struct hs_err                      err;

    tree->restart_config = (struct hs_restart_config){
        .backoff_min_ns = keys->backoff_min_ns,
        .backoff_max_ns = keys->backoff_max_ns,
        .start_timeout_ns = keys->start_timeout_ns,
        .crash_loop_window_ns = keys->crash_loop_window_ns,
        .crash_loop_deaths = keys->crash_loop_deaths,
    };
    tree->stop_config = (struct hs_stop_config){
        .overall_timeout_ns = keys->stop_timeout_ns,
        .role_timeout_ns = keys->role_stop_timeout_ns,
        .worker_timeout_ns = keys->worker_stop_timeout_ns,
    };
    hs_log_set_sink(hs_log_drain_own, &tree->drain,
                    (enum hs_log_level)tree->held.config->log.level);
    if (hs_log_drain_reopen(&tree->drain, tree->held.config->log.file, &err) < 0)
        hs_log(HS_LOG_ERROR, "supervisor", "log_file_kept reason=\"%s\"", err.text);
    tree->summary.config_generation = tree->held.generation;
    hs_host_set_config_generation(&tree->host->host, tree->held.generation);
}

static void answer(struct hs_tree *tree, int code, const char *text)
{
    struct hs_reload        *reload = &tree->reload;
    struct hs_control_record record;

    tree->summary.reload_at_ns = hs_supervisor_clock_ns();
    tree->summary.reload_failed_count += code < 0;
    (void)snprintf(tree->summary.reload_error, sizeof tree->summary.reload_error, "%s",
                   code < 0 ? text : "");
    hs_host_table_store_summary(tree->host, &tree->summary);
    hs_log(code < 0 ? HS_LOG_ERROR : HS_LOG_INFO, "supervisor", "reload %s: %s",
           code < 0 ? "refused" : "done", text);
    hs_tree_event(tree, code < 0 ? HS_NOTICE_RELOAD_REFUSED : HS_NOTICE_RELOADED, "",
                  tree->held.generation, text);
    if (tree->stop.state == HS_STOP_IDLE) hs_notify("READY=1"); /* else STOPPING=1 was the last */
    hs_control_init(&record, HS_CONTROL_ANSWER, text);
    record.token = reload->token;
    record.code = code;
    if (reload->asker_idx < HS_PROCESS_SUPERVISED &&
        tree->children[reload->asker_idx].restart.generation == reload->asker_generation)
        hs_process_send(&tree->children[reload->asker_idx], &record, -1);
    reload->asker_idx = HS_PROCESSES_MAX;
}

static void refuse_busy(struct hs_tree *tree, const struct hs_child *asker, uint64_t token)
{
    struct hs_control_record record;

    if (!asker) return;
    hs_control_init(&record, HS_CONTROL_ANSWER, "another reload is under way");
    record.token = token;
    record.code = -EBUSY;
    hs_process_send(&tree->children[hs_process_idx_of(asker->kind, asker->idx)], &record, -1);
}

void hs_reload_begin(struct hs_tree *tree, const struct hs_child *asker, uint64_t token)
{
    struct hs_reload     *reload = &tree->reload;
    struct hs_config_wish wish = {
        .path = tree->config_path,
        .text_fd = -1,
        .run_dir = tree->run_dir,
        .state_dir = tree->state_dir,
        .generation = hs_max_u64(tree->held.generation, reload->last_generation) + 1};
    struct hs_err err;

    if (reload->child.pid || reload->is_rolling || tree->is_embedded) {
        refuse_busy(tree, asker, token);
        return;
    }
    hs_notify_reloading(hs_supervisor_clock_ns());
    reload->asker_idx = asker ? hs_process_idx_of(asker->kind, asker->idx) : HS_PROCESSES_MAX;
    reload->asker_generation = asker ? asker->restart.generation : 0;
    reload->token = token;
    if (hs_config_child_start(&reload->child, &wish, &err) < 0) answer(tree, err.code, err.text);
}

static void hand_out(struct hs_tree *tree)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_CONFIG, NULL);
    record.number = tree->held.generation;
    hs_process_send_all(tree, &record, tree->held.fd);
    hs_reload_apply_own(tree);
}

/* Who must be started again: those whose keys changed, and those who gave up with the old ones. */
static unsigned choose(struct hs_tree *tree, uint32_t owners)
{
    unsigned count = 0;

    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        const struct hs_child *child = &tree->children[i];
        bool                   has_given_up = child->restart.state == HS_PROCESS_FAILED ||
                            child->restart.state == HS_PROCESS_CRASH_LOOP;

        tree->reload.had_given_up[i] = has_given_up;
        tree->reload.is_wanted[i] =
            child->restart.is_wanted && (has_given_up || (owners & owner_of(child->kind)) != 0);
        count += tree->reload.is_wanted[i];
    }
    return count;
}

static void refuse_daemon_keys(struct hs_tree *tree, const struct hs_config_change *change)
{
    char text[HS_CONTROL_TEXT_BYTES] = "takes a new start of the daemon";

    for (unsigned i = 0; i < change->count; i++) {
        const struct hs_config_key *key = hs_config_key_at(change->key_idx[i]);

        if (key->apply != HS_CONFIG_DAEMON) continue;
        (void)snprintf(text, sizeof text, "%s.%s takes a new start of the daemon", key->section,
                       key->name);
        break;
    }
    answer(tree, -EINVAL, text);
}

void hs_reload_on_child(struct hs_tree *tree)
{
    struct hs_reload       *reload = &tree->reload;
    struct hs_config_held   fresh;
    struct hs_config_change change;
    struct hs_err           err;
    char                    text[HS_CONTROL_TEXT_BYTES];

    if (hs_config_child_finish(&reload->child, &fresh, &err) < 0) {
        answer(tree, err.code, err.text);
        return;
    }
    if (tree->stop.state != HS_STOP_IDLE) {
        hs_config_release(&fresh);
        answer(tree, -ECANCELED, "the daemon is stopping");
        return;
    }
    hs_config_diff(tree->held.config, fresh.config, &change);
    if (change.needs_daemon) {
        hs_config_release(&fresh);
        refuse_daemon_keys(tree, &change);
        return;
    }
    reload->previous = tree->held;
    tree->held = fresh;
    reload->last_generation = fresh.generation;
    hand_out(tree);
    reload->current_idx = -1;
    reload->is_going_back = false;
    reload->is_rolling = true;
    (void)snprintf(text, sizeof text,
                   "generation %" PRIu64 ": %u keys changed, %u processes to restart",
                   fresh.generation, change.count, choose(tree, change.restart_owners));
    answer(tree, 0, text);
}

/* Back to the old configuration: whoever runs with the new one is started again. */
static void go_back(struct hs_tree *tree, const struct hs_child *culprit)
{
    struct hs_reload     *reload = &tree->reload;
    struct hs_config_held failed = tree->held;
    char                  name[HS_PROCESS_NAME_BYTES];
    char                  text[HS_CONTROL_TEXT_BYTES];

    tree->held = reload->previous;
    reload->previous = failed;
    reload->is_going_back = true;
    hand_out(tree);
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++)
        reload->is_wanted[i] = tree->children[i].restart.is_wanted &&
                               tree->children[i].config_generation == failed.generation;
    hs_process_name(culprit->kind, culprit->idx, name);
    (void)snprintf(text, sizeof text, "%s did not come up with it; the old configuration is back",
                   name);
    answer(tree, -EIO, text);
}

/* The process being restarted: true when the next may follow. */
static bool is_settled(struct hs_tree *tree)
{
    const struct hs_child *child = &tree->children[tree->reload.current_idx];

    switch (child->restart.state) {
    case HS_PROCESS_STOPPING:
    case HS_PROCESS_STARTING: return false;
    case HS_PROCESS_READY:
    case HS_PROCESS_ABSENT:
    case HS_PROCESS_STOPPED: return true;
    case HS_PROCESS_WAITING:
    case HS_PROCESS_CRASH_LOOP:
    case HS_PROCESS_FAILED:
    case HS_PROCESS_STATE_COUNT: break;
    }
    if (!tree->reload.is_going_back && !tree->reload.had_given_up[tree->reload.current_idx])
        go_back(tree, child);
    return true;
}

static bool restart_next(struct hs_tree *tree)
{
    uint64_t now_ns = hs_supervisor_clock_ns();

    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        if (!tree->reload.is_wanted[i]) continue;
        tree->reload.is_wanted[i] = false;
        tree->reload.current_idx = (int)i;
        hs_process_step(tree, &tree->children[i], HS_RESTART_AGAIN, 0,
                        now_ns + tree->stop_config.role_timeout_ns);
        return true;
    }
    return false;
}

void hs_reload_turn(struct hs_tree *tree)
{
    struct hs_reload *reload = &tree->reload;

    while (reload->is_rolling) {
        if (reload->current_idx >= 0 && !is_settled(tree)) return;
        reload->current_idx = -1;
        if (restart_next(tree)) return;
        reload->is_rolling = false;
        hs_config_release(&reload->previous);
        hs_log(HS_LOG_INFO, "supervisor", "configuration generation=%" PRIu64 " everywhere",
               tree->held.generation);
    }
}
