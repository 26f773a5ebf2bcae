// SPDX-License-Identifier: Apache-2.0
/* test_manager_chaos.c - jobs, cancels, deaths and restarts in random orders (seeds are printed
 * when one fails): cores are never promised twice, nothing starts after its cancel, what has ended
 * stays so, and when the storm is over everything ends and nothing is left. */
#include "shm/base/rand.h"
#include "tests/check.h"
#include "tests/unit/manager_rig.h"
#include "tests/unit/suites.h"

enum { WORKERS = 3, CORES = 4, JOBS = 6, STEPS = 150, SEEDS = 10, EXECS_MAX = 64 };

struct fake_worker {
    uint64_t                    incarnation;
    uint32_t                    link; /* 0: away */
    unsigned                    count;
    struct hs_msg_exec_dispatch execs[EXECS_MAX];
};

struct world {
    struct rig        *rig;
    struct hs_rand     rand;
    uint64_t           incarnation;
    uint32_t           last_link;
    struct fake_worker workers[WORKERS];
    bool               is_dispatched[JOBS];
    bool               is_cancelled[JOBS];
    uint8_t            finals[JOBS];
    bool               is_calm; /* everybody does what he is asked */
};

static unsigned roll(struct world *world, unsigned bound)
{
    return (unsigned)hs_rand_below(&world->rand, bound);
}

static struct fake_worker *worker_at(struct world *world, uint32_t link)
{
    for (unsigned i = 0; i < WORKERS; i++)
        if (world->workers[i].link == link) return &world->workers[i];
    return NULL;
}

static int find_exec(const struct fake_worker *worker, const struct hs_exec_id *id, uint64_t fence)
{
    for (unsigned i = 0; i < worker->count; i++)
        if (hs_exec_id_equal(&worker->execs[i].exec, id) && worker->execs[i].exec_fence == fence)
            return (int)i;
    return -1;
}

static unsigned busy_cores(const struct fake_worker *worker)
{
    unsigned cores = 0;

    for (unsigned i = 0; i < worker->count; i++) cores += worker->execs[i].cores;
    return cores;
}

static void drop_exec(struct fake_worker *worker, unsigned idx)
{
    worker->execs[idx] = worker->execs[--worker->count];
}

/* ---- what a worker does ---- */

static void on_dispatch(struct world *world, struct fake_worker *worker,
                        const struct hs_msg_exec_dispatch *dispatch)
{
    bool     is_known = find_exec(worker, &dispatch->exec, dispatch->exec_fence) >= 0;
    unsigned job;

    memcpy(&job, dispatch->exec.job_id, sizeof job);
    HS_CHECK(job < JOBS);
    if (!is_known) HS_CHECK(!world->is_cancelled[job % JOBS]); /* I5 */
    if (!is_known && !world->is_calm && roll(world, 8) == 0) {
        rig_ack(world->rig, worker->link, dispatch, HS_RESULT_NO_CORES);
        return;
    }
    if (!is_known) {
        HS_CHECK(busy_cores(worker) + dispatch->cores <= CORES); /* I9 */
        HS_CHECK(worker->count < EXECS_MAX);
        worker->execs[worker->count++] = *dispatch;
    }
    if (world->is_calm || roll(world, 8)) rig_ack(world->rig, worker->link, dispatch, HS_RESULT_OK);
}

static void on_cancel(struct world *world, struct fake_worker *worker,
                      const struct hs_msg_exec_cancel *cancel)
{
    int idx = find_exec(worker, &cancel->exec, cancel->exec_fence);

    if (idx < 0) {
        union hs_msg message = {0};

        message.exec_cancel_ack.exec = cancel->exec;
        message.exec_cancel_ack.exec_fence = cancel->exec_fence;
        message.exec_cancel_ack.code = HS_RESULT_UNKNOWN_EXEC;
        rig_worker(world->rig, worker->link, HS_MSG_EXEC_CANCEL_ACK, &message);
    } else {
        struct hs_msg_exec_dispatch exec = worker->execs[idx];

        drop_exec(worker, (unsigned)idx);
        rig_result(world->rig, worker->link, &exec, HS_OUTCOME_CANCELLED, 3);
    }
}

/* Frames to workers since the last time; answers make more of them. */
static void serve(struct world *world)
{
    struct rig *rig = world->rig;

    for (unsigned i = 0; i < rig->frame_count; i++) {
        union hs_msg        message = rig->frames[i].message;
        struct fake_worker *worker =
            rig->frames[i].link ? worker_at(world, rig->frames[i].link) : NULL;

        if (!worker) continue; /* to the gate, or to a life that is over */
        switch ((unsigned)rig->frames[i].type) {
        case HS_MSG_EXEC_DISPATCH: on_dispatch(world, worker, &message.exec_dispatch); break;
        case HS_MSG_EXEC_CANCEL: on_cancel(world, worker, &message.exec_cancel); break;
        case HS_MSG_RECONCILE:
            rig_tell_state(rig, worker->link, worker->execs, worker->count);
            break;
        default: break;
        }
    }
    rig_forget(rig);
}

static void join(struct world *world, unsigned idx)
{
    world->workers[idx].link = ++world->last_link;
    rig_register(world->rig, idx + 1, world->workers[idx].link, world->workers[idx].incarnation,
                 CORES);
    serve(world);
}

static void die(struct world *world, unsigned idx, bool is_host)
{
    struct fake_worker *worker = &world->workers[idx];

    if (worker->link) hs_manager_on_worker_down(world->rig->manager, worker->link);
    worker->link = 0;
    if (!is_host) return;
    worker->count = 0;
    worker->incarnation = ++world->incarnation;
}

static void finish_one(struct world *world, unsigned idx)
{
    struct fake_worker         *worker = &world->workers[idx];
    struct hs_msg_exec_dispatch exec;
    unsigned                    which;

    if (!worker->link || !worker->count) return;
    which = roll(world, worker->count);
    exec = worker->execs[which];
    drop_exec(worker, which);
    rig_progress(world->rig, worker->link, &exec, 5, 1);
    rig_result(world->rig, worker->link, &exec,
               world->is_calm || roll(world, 6) ? HS_OUTCOME_COMPLETED : HS_OUTCOME_FAILED, 9);
}

/* ---- the storm ---- */

static void restart_manager(struct world *world)
{
    rig_restart(world->rig, world->rig->config.incarnation);
    for (unsigned i = 0; i < WORKERS; i++)
        if (world->workers[i].link) join(world, i);
}

static void random_step(struct world *world)
{
    unsigned job = roll(world, JOBS), idx = roll(world, WORKERS);

    switch (roll(world, 12)) {
    case 0:
    case 1:
        rig_dispatch(world->rig, job, job % 2 ? rig_chain : rig_pair);
        world->is_dispatched[job] = world->is_dispatched[job] || rig_job(world->rig, job);
        break;
    case 2:
        if (roll(world, 6) || !world->is_dispatched[job]) break;
        rig_cancel(world->rig, job, HS_WORKFLOW_ALL, (uint8_t)roll(world, 256));
        world->is_cancelled[job] = true;
        serve(world);
        break;
    case 3: die(world, idx, roll(world, 3) == 0); break;
    case 4:
    case 5:
        if (!world->workers[idx].link) join(world, idx);
        break;
    case 6:
        if (roll(world, 5) == 0) restart_manager(world);
        break;
    case 7: rig_pass(world->rig, roll(world, 40) * HS_NS_PER_S / 10); break;
    case 8:
        for (unsigned i = 0; i < WORKERS; i++)
            if (world->workers[i].link)
                rig_beat(world->rig, world->workers[i].link, world->workers[i].count);
        break;
    default: finish_one(world, idx);
    }
    serve(world);
}

static void check(struct world *world)
{
    struct hs_manager_state *state = world->rig->memory.state;

    HS_CHECK(hs_manager_state_validate(state));
    for (unsigned i = 0; i < WORKERS; i++) {
        struct hs_manager_worker *worker =
            hs_workers_find_link(&world->rig->manager->workers, world->workers[i].link);
        uint32_t cores, execs;

        if (!worker) continue;
        hs_manager_worker_load(world->rig->manager, worker, &cores, &execs);
        HS_CHECK(cores <= CORES);
    }
    for (unsigned job = 0; job < JOBS; job++) {
        const struct hs_manager_job *at = rig_job(world->rig, job);

        if (!at || at->phase != HS_MANAGER_JOB_DONE) continue;
        if (world->finals[job]) HS_CHECK_EQ(at->status, world->finals[job]); /* I6 */
        world->finals[job] = at->status;
    }
}

/* Everybody lives and works: all jobs end, are told, released and forgotten. */
static void calm_down(struct world *world)
{
    struct rig *rig = world->rig;

    world->is_calm = true;
    for (unsigned i = 0; i < 400 && rig->memory.state->active_count; i++) {
        for (unsigned k = 0; k < WORKERS; k++) {
            if (!world->workers[k].link) join(world, k);
            rig_beat(rig, world->workers[k].link, world->workers[k].count);
            finish_one(world, k);
            serve(world);
        }
        rig_pass(rig, HS_NS_PER_S);
        serve(world);
        check(world);
    }
    HS_CHECK_EQ(rig->memory.state->active_count, 0);
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned job = 0; job < JOBS; job++)
            if (rig_job(rig, job)) rig_ack_results(rig, job, HS_RESULT_OK);
        rig_forget(rig);
    }
    HS_CHECK(hs_manager_is_idle(rig->manager));
    for (unsigned job = 0; job < JOBS; job++)
        if (rig_job(rig, job)) rig_release(rig, job);
    rig_forget(rig);
    rig->now_ns += 62 * HS_NS_PER_S;
    rig_settle(rig);
    HS_CHECK_EQ(rig->memory.state->job_count, 0);
    HS_CHECK_EQ(rig->memory.live->pool.free_count, HS_MANAGER_LIVE_CHUNKS - 1);
}

static void a_storm_leaves_order_behind(void)
{
    static struct world world;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        unsigned failures = CU_get_number_of_failures();

        world = (struct world){.rig = rig_open(), .incarnation = WORKERS};
        hs_rand_init(&world.rand, seed);
        for (unsigned i = 0; i < WORKERS; i++) {
            world.workers[i].incarnation = 1;
            join(&world, i);
        }
        for (unsigned i = 0; i < STEPS; i++) {
            random_step(&world);
            check(&world);
        }
        calm_down(&world);
        rig_close(world.rig);
        if (CU_get_number_of_failures() != failures)
            (void)fprintf(stderr, "seed %llu failed\n", (unsigned long long)seed);
    }
}

CU_TestInfo hs_tests_manager_chaos[] = {
    {"a storm leaves order behind", a_storm_leaves_order_behind},
    CU_TEST_INFO_NULL,
};
