// SPDX-License-Identifier: Apache-2.0
/* orders_io.c - what roles, operators and clients want. */
#include "supervisor/orders_io.h"

#include "roles/config.h"
#include "roles/control_io.h"
#include "shm/base/log.h"
#include "shm/vitals.h"
#include "supervisor/credentials_io.h"
#include "supervisor/event_io.h"
#include "supervisor/notify_io.h"
#include "supervisor/process_io.h"
#include "supervisor/regroup_io.h"
#include "supervisor/reload_io.h"
#include "supervisor/resolve_io.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

enum { RECORDS_PER_TURN = 16 }; /* of one process; the rest waits, others have their turn */

static uint32_t alive_kinds(const struct hs_tree *tree)
{
    uint32_t alive = 0;

    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++)
        if (hs_restart_is_alive(&tree->children[i].restart))
            alive |= UINT32_C(1) << tree->children[i].kind;
    return alive;
}

static void drain_all(struct hs_tree *tree)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_DRAIN, NULL);
    hs_process_send_all(tree, &record, -1);
    hs_host_set_draining(&tree->host->host, 1);
}

/* Nobody is started any more, whatever ends from here on. */
static void want_nothing(struct hs_tree *tree)
{
    tree->summary.is_stopping = 1;
    hs_host_table_store_summary(tree->host, &tree->summary);
    hs_notify("STOPPING=1");
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        struct hs_child *child = &tree->children[i];

        child->restart.is_wanted = false;
        if (child->kind != HS_ROLE_NONE && !hs_restart_is_alive(&child->restart))
            hs_process_step(tree, child, HS_RESTART_STOP, 0, 0);
    }
}

static void stop_kind(struct hs_tree *tree, enum hs_role_kind kind, uint64_t deadline_ns)
{
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++)
        if (tree->children[i].kind == kind)
            hs_process_step(tree, &tree->children[i], HS_RESTART_STOP, 0, deadline_ns);
}

static void step_stop(struct hs_tree *tree, enum hs_stop_event_type type)
{
    const struct hs_stop_event event = {.type = type, .alive = alive_kinds(tree)};
    struct hs_stop_actions     actions;

    if (type != HS_STOP_LOOK && tree->stop.state == HS_STOP_IDLE) want_nothing(tree);
    hs_stop_step(&tree->stop, &tree->stop_config, hs_supervisor_clock_ns(), &event, &actions);
    for (unsigned i = 0; i < actions.count; i++) {
        if (actions.at[i].is_drain)
            drain_all(tree);
        else
            stop_kind(tree, actions.at[i].kind, actions.at[i].deadline_ns);
    }
}

void hs_orders_stop(struct hs_tree *tree)
{
    hs_log(HS_LOG_INFO, "supervisor", "stop");
    hs_tree_event(tree, HS_NOTICE_HOST_STOPPING, "", tree->summary.incarnation, "");
    step_stop(tree, HS_STOP_ASKED);
}

void hs_orders_stop_now(struct hs_tree *tree)
{
    step_stop(tree, HS_STOP_NOW);
}

void hs_orders_stop_look(struct hs_tree *tree)
{
    if (tree->stop.state != HS_STOP_IDLE) step_stop(tree, HS_STOP_LOOK);
}

/* A DRAIN or a STOP may have reached the process before its READY reached us. */
static bool has_been_ready(const struct hs_vitals *vitals)
{
    return vitals->state == HS_VITALS_READY || vitals->state == HS_VITALS_DRAINING ||
           vitals->state == HS_VITALS_STOPPING;
}

/* Both say it: the record wakes us, the page is the truth of this very life. */
static void take_ready(struct hs_tree *tree, struct hs_child *child,
                       const struct hs_control_record *record)
{
    struct hs_vitals vitals;

    hs_vitals_load(hs_vitals_page(hs_segment_body(&tree->shares[HS_SHARE_VITALS].mapped),
                                  hs_process_idx_of(child->kind, child->idx)),
                   &vitals);
    if (record->generation != child->restart.generation || !has_been_ready(&vitals) ||
        vitals.generation != child->restart.generation) {
        hs_process_give_up(tree, child, HS_KILL_NONSENSE);
        return;
    }
    hs_process_step(tree, child, HS_RESTART_READY, 0, 0);
}

static void answer(struct hs_child *child, uint64_t token, int code, const char *text)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_ANSWER, text);
    record.token = token;
    record.code = code;
    hs_process_send(child, &record, -1);
}

static struct hs_child *find_process(struct hs_tree *tree, const char *name)
{
    int idx = hs_process_idx_from_name(name);

    if (idx < 0 || tree->children[idx].kind == HS_ROLE_NONE) return NULL;
    return &tree->children[idx];
}

static uint64_t stop_timeout_of(const struct hs_tree *tree, enum hs_role_kind kind)
{
    return kind == HS_ROLE_WORKER || kind == HS_ROLE_ENGINE ? tree->stop_config.worker_timeout_ns
                                                            : tree->stop_config.role_timeout_ns;
}

static void restart_on_request(struct hs_tree *tree, struct hs_child *asker,
                               const struct hs_control_record *record)
{
    struct hs_child *target = find_process(tree, record->text);

    if (!target) {
        answer(asker, record->token, -ENOENT, "no such process here");
        return;
    }
    answer(asker, record->token, 0, "restarting");
    hs_process_step(tree, target, HS_RESTART_AGAIN, 0,
                    hs_supervisor_clock_ns() + stop_timeout_of(tree, target->kind));
}

static void drain_on_request(struct hs_tree *tree, struct hs_child *asker,
                             const struct hs_control_record *record)
{
    struct hs_child         *target = record->text[0] ? find_process(tree, record->text) : NULL;
    struct hs_control_record drain;

    if (record->text[0] && !target) {
        answer(asker, record->token, -ENOENT, "no such process here");
        return;
    }
    hs_control_init(&drain, HS_CONTROL_DRAIN, NULL);
    if (target)
        hs_process_send(target, &drain, -1);
    else
        drain_all(tree);
    answer(asker, record->token, 0, "draining");
}

static void take_request(struct hs_tree *tree, struct hs_child *asker,
                         const struct hs_control_record *record)
{
    const char *verb = hs_control_verb_name((enum hs_control_verb)record->verb);

    hs_log(HS_LOG_INFO, "audit", "request verb=%s process=\"%s\" uid=%" PRIu32, verb, record->text,
           record->uid);
    hs_tree_event(tree, HS_NOTICE_ACTION, record->text, record->uid, verb);
    if (tree->stop.state != HS_STOP_IDLE && record->verb != HS_VERB_STOP) {
        answer(asker, record->token, -ECANCELED, "the daemon is stopping");
        return;
    }
    switch ((enum hs_control_verb)record->verb) {
    case HS_VERB_RESTART: restart_on_request(tree, asker, record); break;
    case HS_VERB_DRAIN: drain_on_request(tree, asker, record); break;
    case HS_VERB_RELOAD: hs_reload_begin(tree, asker, record->token); break;
    case HS_VERB_STOP:
        answer(asker, record->token, 0, "stopping");
        if (tree->stop.state == HS_STOP_IDLE) hs_orders_stop(tree);
        break;
    case HS_VERB_NONE:
    case HS_VERB_COUNT: break; /* hs_control_check lets neither through */
    }
}

static void take_record(struct hs_tree *tree, struct hs_child *child,
                        const struct hs_control_record *record)
{
    switch ((enum hs_control_type)record->type) {
    case HS_CONTROL_READY: take_ready(tree, child, record); break;
    case HS_CONTROL_RESOLVE: hs_resolve_ask(tree, child, record); break;
    case HS_CONTROL_REQUEST: take_request(tree, child, record); break;
    case HS_CONTROL_SEGMENT_BAD: hs_regroup_take(tree, child, record); break;
    case HS_CONTROL_CREDENTIALS_TAKEN: hs_credentials_take(tree, child, record); break;
    case HS_CONTROL_NONE:
    case HS_CONTROL_LINK:
    case HS_CONTROL_PEER_DOWN:
    case HS_CONTROL_DRAIN:
    case HS_CONTROL_STOP:
    case HS_CONTROL_CONFIG:
    case HS_CONTROL_ANSWER:
    case HS_CONTROL_QUARANTINE:
    case HS_CONTROL_TREE_READY:
    case HS_CONTROL_DEATH:
    case HS_CONTROL_CREDENTIALS:
    case HS_CONTROL_TYPE_COUNT: break; /* not from a role: refused on arrival */
    }
}

void hs_orders_take(struct hs_tree *tree, struct hs_child *child)
{
    for (unsigned i = 0; i < RECORDS_PER_TURN && child->control_fd >= 0; i++) {
        struct hs_control_record record;
        int                      fd;
        int                      rc = hs_control_recv(child->control_fd, child->kind, &record, &fd);

        if (rc == -EAGAIN) return;
        if (rc == 1) {
            take_record(tree, child, &record);
            continue;
        }
        /* First the signal: who sees its socket closed ends by itself, and nobody learns why. */
        if (rc < 0) hs_process_give_up(tree, child, HS_KILL_NONSENSE);
        /* Its end is closed: it is dead or as good as that; a socket at its end is never quiet. */
        (void)close(child->control_fd);
        child->control_fd = -1;
    }
}

void hs_orders_take_leash(struct hs_tree *tree)
{
    struct hs_control_record record;
    int                      fd;
    int                      rc = hs_control_recv(tree->leash_fd, HS_ROLE_CLIENT, &record, &fd);

    if (rc == -EAGAIN) return;
    if (rc == 1) { /* STOP is all that a client may say */
        hs_orders_stop(tree);
        return;
    }
    hs_log(HS_LOG_WARN, "supervisor", "client_gone");
    (void)close(tree->leash_fd);
    tree->leash_fd = -1;
    hs_orders_stop_now(tree);
}
