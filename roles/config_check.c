// SPDX-License-Identifier: Apache-2.0
/* config_check.c - what keys of the configuration must be to one another. */
#include "roles/config.h"

#include <string.h>

enum { HEARTBEATS_BEFORE_LOSS = 3, REPORTS_BEFORE_STUCK = 3 };

struct checker {
    hs_config_fault_fn *on_fault;
    void               *context;
};

static void expect(const struct checker *checker, bool holds, const char *section, const char *key,
                   const char *message)
{
    if (!holds) checker->on_fault(checker->context, section, key, message);
}

static void check_supervisor(const struct checker *checker, const struct hs_config *config)
{
    expect(checker, config->supervisor.backoff_min_ns <= config->supervisor.backoff_max_ns,
           "supervisor", "backoff_min", "must not be above supervisor.backoff_max");
    expect(checker, config->supervisor.role_stop_timeout_ns <= config->supervisor.stop_timeout_ns,
           "supervisor", "role_stop_timeout", "must not be above supervisor.stop_timeout");
    expect(checker, config->supervisor.worker_stop_timeout_ns <= config->supervisor.stop_timeout_ns,
           "supervisor", "worker_stop_timeout", "must not be above supervisor.stop_timeout");
    expect(checker, strcmp(config->paths.run_dir, config->paths.state_dir) != 0, "paths",
           "state_dir", "must not be paths.run_dir: what lies there is gone after a reboot");
}

/* Between hosts roles would need TLS, which this version does not have. */
static void check_roles(const struct checker *checker, const struct hs_config *config)
{
    bool has_gate = config->roles.gate;

    expect(checker, config->roles.manager == has_gate, "roles", "manager",
           "not in this version: gate, manager and worker on different hosts; set all or none");
    expect(checker, config->roles.worker == has_gate, "roles", "worker",
           "not in this version: gate, manager and worker on different hosts; set all or none");
    expect(checker, has_gate || config->roles.console, "roles", "console",
           "this host would run nothing");
}

static void check_jobs(const struct checker *checker, const struct hs_config *config)
{
    expect(checker, config->gate.active_jobs_max + config->gate.finished_jobs_max <= HS_JOBS_MAX,
           "gate", "finished_jobs_max",
           "must not be above 1024 together with gate.active_jobs_max");
    expect(checker, config->manager.retry_backoff_min_ns <= config->manager.retry_backoff_max_ns,
           "manager", "retry_backoff_min", "must not be above manager.retry_backoff_max");
    expect(checker, config->manager.workflow_retries_max <= config->manager.retries_max, "manager",
           "workflow_retries_max", "must not be above manager.retries_max");
}

static void check_worker(const struct checker *checker, const struct hs_config *config)
{
    uint32_t buffers = config->engine.recv_buffers;

    expect(checker,
           config->manager.worker_lost_after_ns >=
               HEARTBEATS_BEFORE_LOSS * config->worker.heartbeat_interval_ns,
           "manager", "worker_lost_after", "must be at least three worker.heartbeat_interval");
    expect(checker,
           config->manager.stuck_after_ns >=
               REPORTS_BEFORE_STUCK * config->worker.progress_interval_ns,
           "manager", "stuck_after", "must be at least three worker.progress_interval");
    expect(checker, config->worker.cumulative_interval_ns >= config->worker.progress_interval_ns,
           "worker", "cumulative_interval", "must not be below worker.progress_interval");
    expect(checker, (buffers & (buffers - 1)) == 0, "engine", "recv_buffers",
           "must be a power of two");
}

void hs_config_cross_check(const struct hs_config *config, hs_config_fault_fn *on_fault,
                           void *context)
{
    struct checker checker = {on_fault, context};

    check_supervisor(&checker, config);
    check_roles(&checker, config);
    check_jobs(&checker, config);
    check_worker(&checker, config);
}
