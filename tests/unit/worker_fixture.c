// SPDX-License-Identifier: Apache-2.0
/* worker_fixture.c - see worker_fixture.h. */
#include "tests/unit/worker_fixture.h"

struct worker_fixture wf; /* half a megabyte: not for the stack */

void wf_step(const struct hs_execs_event *event)
{
    hs_execs_step(&wf.execs, wf.now_ns, event, &wf.actions);
    HS_CHECK(hs_execs_validate(&wf.execs));
    for (unsigned i = 0; i < wf.actions.count; i++)
        if (wf.actions.at[i].type == HS_EXECS_DO_FORGET)
            hs_execs_bury(&wf.execs, wf.actions.at[i].row, wf.now_ns);
    HS_CHECK(hs_execs_validate(&wf.execs));
}

unsigned wf_count(enum hs_execs_action_type type)
{
    unsigned found = 0;

    for (unsigned i = 0; i < wf.actions.count; i++) found += wf.actions.at[i].type == type;
    return found;
}

const struct hs_execs_action *wf_find(enum hs_execs_action_type type)
{
    static const struct hs_execs_action none = {.code = UINT32_MAX, .text = ""};

    for (unsigned i = 0; i < wf.actions.count; i++)
        if (wf.actions.at[i].type == type) return &wf.actions.at[i];
    HS_CHECK(wf_count(type) > 0); /* fails: there is none */
    return &none;
}

void wf_engine_event(enum hs_execs_event_type type, unsigned idx, uint64_t generation)
{
    struct hs_execs_event event = {.type = type, .engine_idx = idx, .generation = generation};

    wf_step(&event);
}

void wf_time_out(uint64_t passed_ns)
{
    struct hs_execs_event event = {.type = HS_EXECS_TIMEOUT};

    wf.now_ns += passed_ns;
    wf_step(&event);
}

void wf_reset(void)
{
    struct hs_execs_config config = {.engine_count = ENGINES,
                                     .generation = wf.execs.config.generation + 1,
                                     .heartbeat_interval_ns = S,
                                     .progress_interval_ns = S,
                                     .cumulative_interval_ns = 10 * S,
                                     .orphan_after_ns = 15 * S,
                                     .orphan_grace_ns = 120 * S};

    hs_execs_init(&wf.execs, &config, wf.now_ns);
}

void wf_register_worker(void)
{
    struct hs_execs_event linked = {.type = HS_EXECS_LINK_UP};
    struct hs_execs_event registered = {
        .type = HS_EXECS_REGISTERED, .session = SESSION, .manager_fence = LEADER};

    wf_step(&linked);
    wf_step(&registered);
}

void wf_set_up(void)
{
    memset(&wf, 0, sizeof wf);
    wf.now_ns = 1000 * S;
    wf.facts =
        (struct hs_exec_facts){.duration_ns = 60 * S, .drain_ns = S, .vus = 10, .step_count = 1};
    wf_reset();
    for (unsigned i = 0; i < ENGINES; i++) {
        wf_engine_event(HS_EXECS_ENGINE_UP, i, 1);
        wf_engine_event(HS_EXECS_ENGINE_IDLE, i, 1);
    }
    wf_register_worker();
}

struct hs_exec_id wf_exec_id(unsigned shard, unsigned attempt)
{
    return (struct hs_exec_id){
        .job_id = {7}, .shard = (uint16_t)shard, .attempt = (uint8_t)attempt};
}

/* The code of the answer; UINT32_MAX: none came. */
unsigned wf_send_dispatch(const struct hs_exec_dispatch *dispatch, unsigned shard, unsigned attempt,
                          uint64_t fence, uint64_t manager_fence)
{
    struct hs_execs_event event = {.type = HS_EXECS_DISPATCH,
                                   .dispatch = dispatch,
                                   .id = wf_exec_id(shard, attempt),
                                   .fence = fence,
                                   .manager_fence = manager_fence};

    wf_step(&event);
    return wf_count(HS_EXECS_DO_ACK) ? wf_find(HS_EXECS_DO_ACK)->code : UINT32_MAX;
}

struct hs_exec_dispatch wf_of_cores(unsigned cores)
{
    return (struct hs_exec_dispatch){
        .session = SESSION, .vus = 10, .cores = cores, .has_plan = true};
}

unsigned wf_dispatch(unsigned shard, uint64_t fence, unsigned cores)
{
    struct hs_exec_dispatch message = wf_of_cores(cores);

    return wf_send_dispatch(&message, shard, 0, fence, LEADER);
}

struct hs_exec *wf_row_of(unsigned shard)
{
    struct hs_exec *found = NULL;

    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
        if (wf.execs.rows[i].record.state && wf.execs.rows[i].record.id.shard == shard)
            found = &wf.execs.rows[i];
    return found;
}

unsigned wf_state_of(unsigned shard)
{
    const struct hs_exec *exec = wf_row_of(shard);

    return exec ? exec->record.state : (unsigned)HS_EXEC_NONE;
}

void wf_prepared(unsigned shard, int code)
{
    const struct hs_exec *exec = wf_row_of(shard);
    struct hs_execs_event event = {
        .type = HS_EXECS_PREPARED, .code = code, .text = "no such plan", .facts = &wf.facts};

    HS_CHECK(exec != NULL);
    if (!exec) return;
    event.row = (unsigned)(exec - wf.execs.rows);
    event.fence = exec->record.fence;
    wf_step(&event);
}

void wf_run_event(enum hs_execs_event_type type, const struct hs_exec_part *part, int code)
{
    struct hs_execs_event event = {.type = type,
                                   .engine_idx = part->engine_idx,
                                   .generation = part->engine_generation,
                                   .run_id = part->run_id,
                                   .code = code,
                                   .text = "cannot run"};

    wf_step(&event);
}

void wf_all_parts(unsigned shard, enum hs_execs_event_type type)
{
    struct hs_exec *exec = wf_row_of(shard);

    for (unsigned i = 0; exec && i < exec->record.part_count; i++)
        wf_run_event(type, &exec->record.parts[i], 0);
}

void wf_start(unsigned shard, uint64_t fence, unsigned cores)
{
    HS_CHECK_EQ(wf_dispatch(shard, fence, cores), HS_RESULT_OK);
    wf_prepared(shard, 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), cores);
    wf_all_parts(shard, HS_EXECS_RUN_STARTED);
    HS_CHECK_EQ(wf_state_of(shard), HS_EXEC_RUNNING);
}

void wf_ack_result(unsigned shard, uint64_t fence, int stage)
{
    struct hs_execs_event event = {
        .type = HS_EXECS_RESULT_ACK, .id = wf_exec_id(shard, 0), .fence = fence, .code = stage};

    wf_step(&event);
}

void wf_cancel(unsigned shard, uint64_t fence)
{
    struct hs_execs_event event = {.type = HS_EXECS_CANCEL,
                                   .id = wf_exec_id(shard, 0),
                                   .fence = fence,
                                   .manager_fence = LEADER,
                                   .text = "enough",
                                   .wait_ns = 5 * S};

    wf_step(&event);
}
