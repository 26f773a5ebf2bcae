// SPDX-License-Identifier: Apache-2.0
/* supervisor_io.c - one poll(2) for everything. Nothing here waits for anybody, allocates, or reads
 * more of shared memory than words at fixed places. */
#include "supervisor/supervisor_io.h"

#include "roles/config.h"
#include "roles/counters.h"
#include "shm/base/assert.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"
#include "supervisor/credentials_io.h"
#include "supervisor/event_io.h"
#include "supervisor/notify_io.h"
#include "supervisor/orders_io.h"
#include "supervisor/process_io.h"
#include "supervisor/reload_io.h"
#include "supervisor/resolve_io.h"
#include "supervisor/role_table.h"
#include "supervisor/strays_io.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_INTERVAL_NS (100 * HS_NS_PER_MS)
#define LAG_INTERVAL_NS   (10 * HS_NS_PER_S) /* status shows the worst lag since */
enum { EXIT_CRASH_LOOP = 75 };

enum { POLL_MAX = 2 * HS_PROCESS_SUPERVISED + HS_RESOLVERS_MAX + 3 };

enum poll_kind { POLL_SIGNAL, POLL_LEASH, POLL_CONFIG, POLL_CHILD, POLL_CONTROL, POLL_RESOLVER };

struct poll_set {
    unsigned      count;
    struct pollfd fds[POLL_MAX];
    struct {
        enum poll_kind kind;
        unsigned       idx;
    } whose[POLL_MAX];
};

uint64_t hs_supervisor_clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * HS_NS_PER_S + (uint64_t)now.tv_nsec;
}

static void add(struct poll_set *set, int fd, enum poll_kind kind, unsigned idx)
{
    if (fd < 0) return;
    HS_ASSERT(set->count < POLL_MAX);
    set->fds[set->count] = (struct pollfd){.fd = fd, .events = POLLIN};
    set->whose[set->count].kind = kind;
    set->whose[set->count].idx = idx;
    set->count++;
}

/* Control sockets before pid_fds: what a process said last is heard before it is buried. */
static void collect(const struct hs_tree *tree, struct poll_set *set)
{
    set->count = 0;
    add(set, tree->signal_fd, POLL_SIGNAL, 0);
    add(set, tree->leash_fd, POLL_LEASH, 0);
    add(set, tree->reload.child.pid_fd, POLL_CONFIG, 0);
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++)
        add(set, tree->children[i].control_fd, POLL_CONTROL, i);
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++)
        add(set, tree->children[i].pid_fd, POLL_CHILD, i);
    for (unsigned i = 0; i < HS_RESOLVERS_MAX; i++)
        add(set, tree->resolvers[i].pid_fd, POLL_RESOLVER, i);
}

static void take_signals(struct hs_tree *tree)
{
    struct signalfd_siginfo info;

    while (read(tree->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) hs_orders_stop(tree);
        if (info.ssi_signo == SIGQUIT) hs_orders_stop_now(tree);
        if (info.ssi_signo == SIGHUP && tree->stop.state == HS_STOP_IDLE)
            hs_reload_begin(tree, NULL, 0);
    } /* SIGCHLD only wakes: pid_fds and the sweep find out who */
}

static void dispatch(struct hs_tree *tree, const struct poll_set *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        unsigned idx = set->whose[i].idx;

        if (!set->fds[i].revents) continue;
        switch (set->whose[i].kind) {
        case POLL_SIGNAL: take_signals(tree); break;
        case POLL_LEASH: hs_orders_take_leash(tree); break;
        case POLL_CONFIG: hs_reload_on_child(tree); break;
        case POLL_CONTROL: hs_orders_take(tree, &tree->children[idx]); break;
        case POLL_CHILD: hs_process_reap(tree, &tree->children[idx]); break;
        case POLL_RESOLVER: hs_resolve_reap(tree, idx); break;
        }
    }
}

static void watch(struct hs_tree *tree, struct hs_child *child, uint64_t now_ns)
{
    uint64_t         period_ns = tree->held.config->supervisor.watchdog_ns;
    uint64_t         heartbeat_ns;
    struct hs_vitals vitals;

    if (!hs_restart_is_alive(&child->restart)) return;
    hs_vitals_load(hs_vitals_page(hs_segment_body(&tree->shares[HS_SHARE_VITALS].mapped),
                                  hs_process_idx_of(child->kind, child->idx)),
                   &vitals);
    heartbeat_ns = hs_max_u64(vitals.heartbeat_ns, child->restart.started_at_ns);
    if (child->restart.state == HS_PROCESS_STARTING) {
        if (vitals.phase != HS_VITALS_NORMAL && vitals.heartbeat_ns > child->heartbeat_seen_ns)
            hs_process_step(tree, child, HS_RESTART_PROGRESS, 0, 0);
        child->heartbeat_seen_ns = vitals.heartbeat_ns;
    } else if (hs_watchdog_is_hung(&tree->watchdog, period_ns, now_ns, heartbeat_ns, vitals.phase))
        hs_process_give_up(tree, child, HS_KILL_HUNG);
}

static void watch_all(struct hs_tree *tree, uint64_t now_ns)
{
    if (now_ns < hs_watchdog_deadline_ns(&tree->watchdog)) return;
    hs_watchdog_begin(&tree->watchdog, tree->held.config->supervisor.watchdog_ns, now_ns);
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) watch(tree, &tree->children[i], now_ns);
    if (now_ns < tree->lag_at_ns) return;
    tree->lag_at_ns = now_ns + LAG_INTERVAL_NS;
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++)
        (void)hs_vitals_take_lag(
            hs_vitals_page(hs_segment_body(&tree->shares[HS_SHARE_VITALS].mapped), i));
}

static void drain_logs(struct hs_tree *tree, uint64_t now_ns)
{
    void *body = hs_segment_body(&tree->shares[HS_SHARE_LOGS].mapped);

    if (now_ns < tree->drain_at_ns && tree->stop.state != HS_STOP_DONE) return;
    tree->drain_at_ns = now_ns + DRAIN_INTERVAL_NS;
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        struct hs_child *child = &tree->children[i];
        char             name[HS_PROCESS_NAME_BYTES];

        if (child->kind == HS_ROLE_NONE) continue;
        hs_process_name(child->kind, child->idx, name);
        (void)hs_log_drain_ring(&tree->drain, hs_log_ring_at(body, i), &child->log_cursor, name, i,
                                now_ns);
    }
    hs_log_drain_flush(&tree->drain);
    hs_counter_set(hs_counters_page(hs_segment_body(&tree->shares[HS_SHARE_COUNTERS].mapped),
                                    HS_PROCESS_SUPERVISOR),
                   HS_COUNT_log_lines_suppressed, tree->drain.limit.dropped_count);
}

static void tick_children(struct hs_tree *tree, uint64_t now_ns)
{
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        struct hs_child *child = &tree->children[i];

        if (child->is_deaf) {
            child->is_deaf = false;
            hs_process_give_up(tree, child, HS_KILL_DEAF);
        }
        if (now_ns >= hs_restart_deadline_ns(&child->restart))
            hs_process_step(tree, child, HS_RESTART_TICK, 0, 0);
    }
}

static void tell_ready(struct hs_tree *tree, uint64_t now_ns)
{
    struct hs_control_record record;

    if (tree->is_ready || tree->stop.state != HS_STOP_IDLE) return;
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++)
        if (tree->children[i].restart.is_wanted &&
            tree->children[i].restart.state != HS_PROCESS_READY)
            return;
    tree->is_ready = true;
    tree->summary.ready_at_ns = now_ns;
    hs_host_table_store_summary(tree->host, &tree->summary);
    hs_log(HS_LOG_INFO, "supervisor", "ready after_ms=%" PRIu64,
           (now_ns - tree->summary.start_ns) / HS_NS_PER_MS);
    hs_tree_event(tree, HS_NOTICE_HOST_READY, "", tree->summary.incarnation, "");
    hs_notify("READY=1");
    hs_control_init(&record, HS_CONTROL_TREE_READY, NULL);
    hs_leash_send(tree, &record, -1);
}

/* Somebody waits in front of an embedded tree: one that cannot work says so and ends. */
static void end_if_hopeless(struct hs_tree *tree)
{
    if (!tree->is_embedded || tree->stop.state != HS_STOP_IDLE) return;
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        enum hs_process_state state = tree->children[i].restart.state;

        if (state != HS_PROCESS_FAILED && state != HS_PROCESS_CRASH_LOOP) continue;
        tree->exit_code =
            state == HS_PROCESS_FAILED ? tree->children[i].exit_code : EXIT_CRASH_LOOP;
        hs_orders_stop(tree);
        return;
    }
}

static void keep_alive(struct hs_tree *tree, uint64_t now_ns)
{
    hs_host_beat(&tree->host->host, now_ns);
    if (!tree->notify_interval_ns || now_ns < tree->notify_at_ns) return;
    tree->notify_at_ns = now_ns + tree->notify_interval_ns;
    hs_notify("WATCHDOG=1");
}

static uint64_t next_deadline_ns(const struct hs_tree *tree)
{
    uint64_t deadline_ns = hs_min_u64(tree->drain_at_ns, hs_watchdog_deadline_ns(&tree->watchdog));

    if (tree->notify_interval_ns) deadline_ns = hs_min_u64(deadline_ns, tree->notify_at_ns);
    deadline_ns = hs_min_u64(deadline_ns, hs_resolve_deadline_ns(tree));
    deadline_ns = hs_min_u64(deadline_ns, hs_credentials_deadline_ns(tree));
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        if (tree->children[i].is_deaf) return 0;
        deadline_ns = hs_min_u64(deadline_ns, hs_restart_deadline_ns(&tree->children[i].restart));
    }
    return deadline_ns;
}

static void take_turn(struct hs_tree *tree)
{
    struct poll_set set;
    uint64_t        now_ns = hs_supervisor_clock_ns();
    uint64_t        deadline_ns = next_deadline_ns(tree);
    uint64_t        wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    struct timespec timeout = {(time_t)(wait_ns / HS_NS_PER_S), (long)(wait_ns % HS_NS_PER_S)};

    collect(tree, &set);
    if (ppoll(set.fds, set.count, &timeout, NULL) > 0) {
        dispatch(tree, &set);
        hs_strays_reap(tree);
    }
    now_ns = hs_supervisor_clock_ns();
    keep_alive(tree, now_ns);
    tick_children(tree, now_ns);
    watch_all(tree, now_ns);
    hs_resolve_turn(tree, now_ns);
    hs_reload_turn(tree);
    hs_credentials_turn(tree, now_ns);
    tell_ready(tree, now_ns);
    end_if_hopeless(tree);
    hs_orders_stop_look(tree);
    drain_logs(tree, now_ns);
}

int hs_supervisor_run(struct hs_tree *tree)
{
    for (unsigned i = 0; i < HS_ROLE_ROWS; i++)
        for (unsigned j = 0; j < HS_PROCESS_SUPERVISED; j++)
            if (tree->children[j].kind == hs_role_row_at(i)->kind)
                hs_process_step(tree, &tree->children[j], HS_RESTART_WANT, 0, 0);
    while (tree->stop.state != HS_STOP_DONE) take_turn(tree);
    hs_strays_kill(tree);
    hs_log(tree->unclean_count ? HS_LOG_WARN : HS_LOG_INFO, "supervisor", "stopped unclean=%u",
           tree->unclean_count);
    hs_log_drain_flush(&tree->drain);
    if (tree->exit_code) return tree->exit_code;
    return tree->unclean_count ? 1 : 0;
}
