// SPDX-License-Identifier: Apache-2.0
/* config_check.c - what keys of the configuration must be to one another. */
#include "roles/config.h"
#include "roles/config_hosts.h"

#include <string.h>

enum { HEARTBEATS_BEFORE_LOSS = 3, REPORTS_BEFORE_STUCK = 3, CERTIFICATE_NAME_MAX = 32 };

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

static bool has_address(const struct hs_addr *addr)
{
    return addr->family != HS_ADDR_NONE;
}

/* Nothing leaves a host without credentials, so all that a job needs is on it. */
static void check_alone(const struct checker *checker, const struct hs_config *config)
{
    static const char needs[] =
        "needs cluster.credentials: hosts talk to each other with certificates only";
    const struct hs_config_cluster *cluster = &config->cluster;
    bool                            has_gate = config->roles.gate;

    expect(checker, config->roles.manager == has_gate, "roles", "manager",
           "gate, manager and worker on different hosts need cluster.credentials; set all or none");
    expect(checker, config->roles.worker == has_gate, "roles", "worker",
           "gate, manager and worker on different hosts need cluster.credentials; set all or none");
    expect(checker, !has_address(&cluster->gate_address), "cluster", "gate_address", needs);
    expect(checker, !has_address(&cluster->manager_address), "cluster", "manager_address", needs);
    expect(checker, !has_address(&cluster->health_address), "cluster", "health_address", needs);
    expect(checker, !cluster->seed_gates.count, "cluster", "seed_gates", needs);
    expect(checker, !cluster->seed_managers.count, "cluster", "seed_managers", needs);
    expect(checker, !*cluster->leader, "cluster", "leader", needs);
}

/* As far as the configuration tells: a seed that has a name may be this host. */
static bool has_several_managers(const struct hs_config *config)
{
    const struct hs_config_hosts *seeds = &config->cluster.seed_managers;
    struct hs_config_host         seed;

    if (seeds->count != 1) return seeds->count > 1;
    return config->roles.manager && hs_config_parse_host(hs_view_text(seeds->at[0]), &seed) == 0 &&
           has_address(&seed.addr) && !hs_addr_equal(&seed.addr, &config->cluster.manager_address);
}

static void check_cluster(const struct checker *checker, const struct hs_config *config)
{
    const struct hs_config_cluster *cluster = &config->cluster;
    const struct hs_config_roles   *roles = &config->roles;

    expect(checker, strlen(config->node.name) <= CERTIFICATE_NAME_MAX, "node", "name",
           "must have at most 32 characters with cluster.credentials: a certificate bears it");
    expect(checker, roles->gate == has_address(&cluster->gate_address), "cluster", "gate_address",
           roles->gate ? "must be set: where do managers and clients reach this host's gate?"
                       : "must be empty without roles.gate");
    expect(checker, roles->manager == has_address(&cluster->manager_address), "cluster",
           "manager_address",
           roles->manager ? "must be set: where do workers reach this host's manager?"
                          : "must be empty without roles.manager");
    expect(checker, roles->console || !has_address(&cluster->health_address), "cluster",
           "health_address", "must be empty without roles.console, which answers there");
    expect(checker, roles->gate || roles->manager || !has_address(&cluster->health_address),
           "cluster", "health_address",
           "must be empty without roles.gate and roles.manager: it is they who are asked about");
    expect(checker, !roles->manager || roles->gate || cluster->seed_gates.count, "cluster",
           "seed_gates", "must name a gate: the manager of this host has none beside it");
    expect(checker, !roles->worker || roles->manager || cluster->seed_managers.count, "cluster",
           "seed_managers", "must name a manager: the worker of this host has none beside it");
    expect(checker,
           (!roles->worker && !roles->manager) || *cluster->leader || !has_several_managers(config),
           "cluster", "leader",
           "must be set, alike on every host: which of the managers of this datacenter leads?");
}

static void check_roles(const struct checker *checker, const struct hs_config *config)
{
    expect(checker,
           config->roles.gate || config->roles.manager || config->roles.worker ||
               config->roles.console,
           "roles", "console", "this host would run nothing");
    if (*config->cluster.credentials)
        check_cluster(checker, config);
    else
        check_alone(checker, config);
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
    expect(checker,
           config->manager.job_silent_after_ns >=
               REPORTS_BEFORE_STUCK * config->worker.progress_interval_ns,
           "manager", "job_silent_after", "must be at least three worker.progress_interval");
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
