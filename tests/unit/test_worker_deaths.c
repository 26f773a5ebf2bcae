// SPDX-License-Identifier: Apache-2.0
/* test_worker_deaths.c - shares of a worker whose engines, or which itself, die, by arithmetic
 * (design.md 6). */
#include "shm/base/rand.h"
#include "tests/unit/suites.h"
#include "tests/unit/worker_fixture.h"

#include <errno.h>

/* ---- deaths ---- */

static void a_share_bounded_by_time_goes_on_in_the_successor(void)
{
    uint64_t                   figures_id;
    const struct hs_exec_part *part;

    wf_set_up();
    wf_start(1, 100, 2);
    part = &wf_row_of(1)->record.parts[0];
    figures_id = part->figures_id;
    wf_engine_event(HS_EXECS_ENGINE_DOWN, part->engine_idx, 1);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0);
    wf_engine_event(HS_EXECS_ENGINE_UP, part->engine_idx, 2);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0); /* figures are not adopted before it says IDLE */
    wf_engine_event(HS_EXECS_ENGINE_IDLE, part->engine_idx, 2);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 1);
    HS_CHECK_EQ(part->is_resumed, 1);
    HS_CHECK_EQ(part->figures_id, figures_id);
    HS_CHECK_EQ(part->engine_generation, 2);
    HS_CHECK_EQ(wf_row_of(1)->record.restarts, 1);
    wf_engine_event(HS_EXECS_ENGINE_IDLE, part->engine_idx, 2); /* told twice */
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0);
    wf_all_parts(1, HS_EXECS_RUN_STARTED);
    wf_all_parts(1, HS_EXECS_RUN_ENDED);
    HS_CHECK_EQ(wf_row_of(1)->record.outcome, HS_OUTCOME_COMPLETED);
}

static void a_share_bounded_by_iterations_is_run_again(void)
{
    struct hs_exec_part *part;

    wf_set_up();
    wf.facts.iterations = 100;
    wf.facts.duration_ns = 0;
    wf_start(1, 100, 2);
    part = &wf_row_of(1)->record.parts[0];
    for (uint64_t death = 1; death <= HS_PART_VOID_MAX; death++) {
        uint64_t figures_id = part->figures_id;

        wf_engine_event(HS_EXECS_ENGINE_IDLE, part->engine_idx, death + 1); /* DOWN was not heard */
        wf_engine_event(HS_EXECS_ENGINE_UP, part->engine_idx, death + 1);
        HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 1);
        HS_CHECK_EQ(part->is_resumed, 0);
        HS_CHECK(part->figures_id != figures_id);
        HS_CHECK_EQ(part->void_figures[death - 1], figures_id);
        HS_CHECK_EQ(part->iterations, 50);
        wf_run_event(HS_EXECS_RUN_STARTED, part, 0);
    }
    wf_engine_event(HS_EXECS_ENGINE_DOWN, part->engine_idx, HS_PART_VOID_MAX + 1);
    HS_CHECK_EQ(wf_row_of(1)->record.outcome, HS_OUTCOME_FAILED);
}

static void events_of_dead_engines_change_nothing(void)
{
    struct hs_exec_part  before;
    struct hs_exec_part *part;

    wf_set_up();
    wf_start(1, 100, 1);
    part = &wf_row_of(1)->record.parts[0];
    before = *part;
    wf_engine_event(HS_EXECS_ENGINE_IDLE, part->engine_idx, 2);
    wf_engine_event(HS_EXECS_ENGINE_UP, part->engine_idx, 2);
    wf_run_event(HS_EXECS_RUN_ENDED, &before, 0);
    HS_CHECK_EQ(part->state, HS_PART_SENT);
    wf_engine_event(HS_EXECS_ENGINE_DOWN, part->engine_idx, 1);
    HS_CHECK_EQ(part->state, HS_PART_SENT);
    wf_run_event(HS_EXECS_RUN_STARTED, part, 0);
    wf_run_event(HS_EXECS_RUN_STARTED, part, 0);
    wf_run_event(HS_EXECS_RUN_ENDED, part, 0);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_FINISHED);
    HS_CHECK_EQ(wf_row_of(1)->record.restarts, 1);
}

static void an_engine_that_dies_while_it_stops_ends_with_its_successor(void)
{
    wf_set_up();
    wf_start(1, 100, 1);
    wf_cancel(1, 100);
    wf_engine_event(HS_EXECS_ENGINE_DOWN, 0, 1);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_STOPPING);
    wf_engine_event(HS_EXECS_ENGINE_UP, 0, 2);
    wf_engine_event(HS_EXECS_ENGINE_IDLE, 0, 2);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0);
    HS_CHECK_EQ(wf_row_of(1)->record.outcome, HS_OUTCOME_CANCELLED);
}

static struct hs_exec_record stored[HS_EXECS_PER_WORKER_MAX];

/* This process dies; the engines do not. */
static void restart_worker(void)
{
    struct hs_exec_ledger_head head;

    hs_execs_save_head(&wf.execs, &head);
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++) stored[i] = wf.execs.rows[i].record;
    wf_reset();
    hs_execs_adopt_head(&wf.execs, &head);
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
        (void)hs_execs_adopt(&wf.execs, i, &stored[i], wf.now_ns);
    HS_CHECK(hs_execs_validate(&wf.execs));
}

static void a_successor_orders_to_stop_what_was_to_be_stopped(void)
{
    wf_set_up();
    wf_start(1, 100, 2);
    wf_cancel(1, 100); /* stored, and then nothing more was done about it */
    restart_worker();
    wf_engine_event(HS_EXECS_ENGINE_UP, 0, 1);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_STOP), 1);
    HS_CHECK(wf_find(HS_EXECS_DO_STOP)->deadline_ns > wf.now_ns);
    wf_engine_event(HS_EXECS_ENGINE_UP, 1, 2); /* this one has died meanwhile */
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_STOP), 0);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_STOPPING);
}

static void a_successor_goes_on_with_running_shares(void)
{
    wf_set_up();
    wf_start(1, 100, 2);
    restart_worker();
    for (unsigned i = 0; i < ENGINES; i++) wf_engine_event(HS_EXECS_ENGINE_UP, i, 1);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 2);
    wf_register_worker();
    HS_CHECK(wf_find(HS_EXECS_DO_PROGRESS)->is_full);
    HS_CHECK_EQ(wf_dispatch(1, 100, 2), HS_RESULT_OK); /* the manager offers the plan again */
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_PREPARE), 1);
    wf_prepared(1, 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0);
    HS_CHECK_EQ(wf_row_of(1)->record.restarts, 0);
    wf_all_parts(1, HS_EXECS_RUN_ENDED);
    HS_CHECK_EQ(wf_row_of(1)->record.outcome, HS_OUTCOME_COMPLETED);
}

static void an_engine_that_died_with_the_worker_is_found_out(void)
{
    wf_set_up();
    wf_start(1, 100, 1);
    restart_worker();
    wf_engine_event(HS_EXECS_ENGINE_UP, 0, 2);
    wf_engine_event(HS_EXECS_ENGINE_IDLE, 0, 2);
    HS_CHECK_EQ(wf_row_of(1)->record.restarts, 1);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0); /* no image yet */
    wf_register_worker();
    HS_CHECK_EQ(wf_dispatch(1, 100, 1), HS_RESULT_OK);
    wf_prepared(1, 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 1);
}

static void a_reserved_share_starts_in_the_successor(void)
{
    wf_set_up();
    HS_CHECK_EQ(wf_dispatch(1, 100, 2), HS_RESULT_OK);
    restart_worker();
    for (unsigned i = 0; i < ENGINES; i++) wf_engine_event(HS_EXECS_ENGINE_UP, i, 1);
    wf_register_worker();
    HS_CHECK_EQ(wf_dispatch(1, 100, 2), HS_RESULT_OK);
    HS_CHECK_EQ(wf_find(HS_EXECS_DO_ACK)->state, HS_EXEC_RESERVED);
    wf_prepared(1, 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 2);
}

/* It was killed between the record and the order: the engine knows nothing of the share. */
static void a_successor_gives_an_order_again_that_may_not_have_been_given(void)
{
    struct hs_exec_part *part;
    uint64_t             run_id;

    wf_set_up();
    HS_CHECK_EQ(wf_dispatch(1, 100, 1), HS_RESULT_OK);
    wf_prepared(1, 0);
    part = &wf_row_of(1)->record.parts[0];
    run_id = part->run_id;
    HS_CHECK_EQ(part->state, HS_PART_SENT);
    restart_worker();
    wf_register_worker();
    wf_time_out(11 * S); /* the manager takes its time to send the plan once more */
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_RESERVED);
    HS_CHECK_EQ(wf_dispatch(1, 100, 1), HS_RESULT_OK);
    wf_prepared(1, 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0); /* no link yet */
    wf_engine_event(HS_EXECS_ENGINE_UP, 0, 1);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 1);
    part = &wf_row_of(1)->record.parts[0];
    HS_CHECK_EQ(part->run_id, run_id); /* an engine that did hear it begins it once */
    HS_CHECK_EQ(part->is_resumed, 1);  /* what was due meanwhile is lost */
    wf_engine_event(HS_EXECS_ENGINE_UP, 0, 1);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0);
    wf_all_parts(1, HS_EXECS_RUN_STARTED);
    wf_all_parts(1, HS_EXECS_RUN_ENDED);
    HS_CHECK_EQ(wf_row_of(1)->record.outcome, HS_OUTCOME_COMPLETED);
}

static void an_order_that_was_heard_is_not_given_again(void)
{
    wf_set_up();
    HS_CHECK_EQ(wf_dispatch(1, 100, 1), HS_RESULT_OK);
    wf_prepared(1, 0);
    restart_worker();
    wf_all_parts(1, HS_EXECS_RUN_STARTED); /* waited in the ring */
    wf_engine_event(HS_EXECS_ENGINE_UP, 0, 1);
    wf_register_worker();
    HS_CHECK_EQ(wf_dispatch(1, 100, 1), HS_RESULT_OK);
    wf_prepared(1, 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_RUNNING);
}

/* Cancelled, and the engine does not answer: its core is not free before it has. */
static void cancel_in_vain(struct hs_exec_part *given_up)
{
    wf_set_up();
    wf_start(1, 100, 1);
    *given_up = wf_row_of(1)->record.parts[0];
    wf_cancel(1, 100);
    wf_time_out(7 * S);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_FINISHED);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), ENGINES - 1);
}

static void a_successor_knows_which_engines_were_given_up(void)
{
    struct hs_exec_part given_up;

    cancel_in_vain(&given_up);
    restart_worker();
    wf_engine_event(HS_EXECS_ENGINE_UP, 0, 1);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), ENGINES - 1);
    wf_run_event(HS_EXECS_RUN_ENDED, &given_up, 0);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), ENGINES);
    cancel_in_vain(&given_up);
    restart_worker();
    wf_engine_event(HS_EXECS_ENGINE_UP, 0, 2); /* it has died meanwhile */
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), ENGINES);
}

static void figures_in_use_are_not_forgotten(void)
{
    struct hs_exec_part given_up;

    cancel_in_vain(&given_up);
    wf_ack_result(1, 100, HS_STAGE_DURABLE);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_FORGET), 0);
    HS_CHECK_EQ(hs_execs_waiting_count(&wf.execs), 0);
    wf_time_out(6 * S);
    HS_CHECK(hs_execs_deadline_ns(&wf.execs) > wf.now_ns); /* an event ends it, not time */
    restart_worker();
    wf_engine_event(HS_EXECS_ENGINE_UP, 0, 1);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_FORGET), 0);
    wf_run_event(HS_EXECS_RUN_ENDED, &given_up, 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_FORGET), 1);
}

/* Killed between the head of the ledger and the row: the row still has the core. */
static void a_part_that_is_given_up_in_the_head_only_is_still_heard(void)
{
    struct hs_exec_ledger_head head;
    struct hs_exec_part        part;

    wf_set_up();
    wf_start(1, 100, 1);
    part = wf_row_of(1)->record.parts[0];
    stored[0] = wf_row_of(1)->record;
    hs_execs_save_head(&wf.execs, &head);
    head.busy_run_id[0] = part.run_id;
    head.busy_generation[0] = part.engine_generation;
    wf_reset();
    hs_execs_adopt_head(&wf.execs, &head);
    HS_CHECK(hs_execs_adopt(&wf.execs, 0, &stored[0], wf.now_ns));
    wf_engine_event(HS_EXECS_ENGINE_UP, 0, 1);
    wf_run_event(HS_EXECS_RUN_ENDED, &part, 0);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_FINISHED);
}

static void a_share_that_is_not_taken_up_in_time_is_stopped(void)
{
    struct hs_exec_part given_up;

    wf_set_up();
    HS_CHECK_EQ(wf_dispatch(1, 100, 1), HS_RESULT_OK);
    wf_prepared(1, 0);
    given_up = wf_row_of(1)->record.parts[0];
    wf_time_out(11 * S);
    HS_CHECK_EQ(wf_row_of(1)->record.outcome, HS_OUTCOME_FAILED);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_STOP), 1); /* it may begin later, for nobody */
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), ENGINES - 1);
    wf_run_event(HS_EXECS_RUN_ENDED, &given_up, 0);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), ENGINES);
}

static void a_finished_result_is_told_by_the_successor(void)
{
    wf_set_up();
    wf_start(1, 100, 2);
    wf_all_parts(1, HS_EXECS_RUN_ENDED);
    restart_worker();
    wf_register_worker();
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 1);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 4);
}

static void records_that_make_no_sense_are_not_adopted(void)
{
    wf_set_up();
    wf_start(1, 100, 1);
    wf_row_of(1)->record.parts[0].engine_idx = ENGINES;
    stored[0] = wf_row_of(1)->record;
    wf_reset();
    HS_CHECK(!hs_execs_adopt(&wf.execs, 0, &stored[0], wf.now_ns));
    HS_CHECK_EQ(hs_execs_live_count(&wf.execs), 0);
}

/* ---- all at once ---- */

/* As the driver does, until it is killed; how many rows it got done. */
static unsigned store_rows(unsigned limit)
{
    unsigned count = 0;
    unsigned row;

    while (count < limit && (row = hs_execs_next_dirty(&wf.execs)) < HS_EXECS_PER_WORKER_MAX) {
        stored[row] = wf.execs.rows[row].record;
        wf.execs.rows[row].is_dirty = false;
        count++;
    }
    return count;
}

static unsigned held_cores(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
        for (unsigned k = 0; k < stored[i].part_count; k++)
            count +=
                stored[i].state <= HS_EXEC_STOPPING && stored[i].parts[k].state <= HS_PART_RUNNING;
    return count;
}

/* The newer attempt takes all cores in a row before that of the older one, which gives them up. */
static void a_death_between_two_rows_leaves_no_core_in_both(void)
{
    for (unsigned limit = 0; limit < 3; limit++) {
        struct hs_exec_dispatch message = wf_of_cores(ENGINES);

        wf_set_up();
        memset(stored, 0, sizeof stored);
        wf_start(1, 100, 1);
        HS_CHECK_EQ(wf_dispatch(2, 101, ENGINES - 1), HS_RESULT_OK);
        wf_all_parts(1, HS_EXECS_RUN_ENDED);
        wf_ack_result(1, 100, HS_STAGE_DURABLE); /* row 0 is free again */
        (void)store_rows(UINT32_MAX);
        HS_CHECK_EQ(held_cores(), ENGINES - 1);
        HS_CHECK_EQ(wf_send_dispatch(&message, 2, 1, 102, LEADER), HS_RESULT_OK);
        HS_CHECK_EQ(wf.execs.rows[0].record.fence, 102);
        HS_CHECK_EQ(store_rows(limit), limit);
        wf_reset();
        for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
            (void)hs_execs_adopt(&wf.execs, i, &stored[i], wf.now_ns);
        HS_CHECK(held_cores() <= ENGINES);
        HS_CHECK(hs_execs_validate(&wf.execs));
    }
}

static void random_event(struct hs_rand *rand, uint64_t *fence)
{
    unsigned             idx = (unsigned)(hs_rand_below(rand, ENGINES));
    unsigned             shard = (unsigned)(hs_rand_below(rand, 6));
    struct hs_exec      *exec = wf_row_of(shard);
    struct hs_exec_part *part =
        exec ? &exec->record.parts[hs_rand_below(rand, exec->record.part_count)] : NULL;

    switch (hs_rand_below(rand, 12)) {
    case 0:
    case 1:
        (void)wf_dispatch(shard, ++*fence, 1 + (unsigned)(hs_rand_below(rand, ENGINES)));
        return;
    case 2:
        if (exec) wf_prepared(shard, hs_rand_below(rand, 8) ? 0 : -EINVAL);
        return;
    case 3:
        if (exec) wf_cancel(shard, exec->record.fence);
        return;
    case 4: wf_engine_event(HS_EXECS_ENGINE_DOWN, idx, wf.execs.engines[idx].generation); return;
    case 5: wf_engine_event(HS_EXECS_ENGINE_UP, idx, wf.execs.engines[idx].generation + 1); return;
    case 6: wf_engine_event(HS_EXECS_ENGINE_IDLE, idx, wf.execs.engines[idx].generation); return;
    case 7:
    case 8:
        if (part) wf_run_event(HS_EXECS_RUN_STARTED, part, 0);
        return;
    case 9:
        if (part) wf_run_event(HS_EXECS_RUN_ENDED, part, hs_rand_below(rand, 8) ? 0 : -EIO);
        return;
    case 10:
        if (exec) wf_ack_result(shard, exec->record.fence, HS_STAGE_DURABLE);
        return;
    default: wf_time_out(hs_rand_below(rand, 3 * S)); return;
    }
}

static void whatever_happens_no_core_is_promised_twice_and_all_come_back(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct hs_rand rand;
        uint64_t       fence = 100;

        wf_set_up();
        wf.facts.iterations = seed % 2 ? 0 : 100;
        hs_rand_init(&rand, seed);
        for (unsigned i = 0; i < 2000; i++) random_event(&rand, &fence);
        for (unsigned shard = 0; shard < 6; shard++)
            if (wf_row_of(shard)) wf_cancel(shard, wf_row_of(shard)->record.fence);
        for (unsigned i = 0; i < ENGINES; i++) {
            wf_engine_event(HS_EXECS_ENGINE_UP, i, 100000);
            wf_engine_event(HS_EXECS_ENGINE_IDLE, i, 100000);
        }
        for (unsigned i = 0; i < 30; i++) wf_time_out(S);
        HS_CHECK_EQ(hs_execs_live_count(&wf.execs), 0);
        HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), ENGINES);
    }
}

CU_TestInfo hs_tests_worker_deaths[] = {
    {"a share bounded by time goes on in the successor",
     a_share_bounded_by_time_goes_on_in_the_successor},
    {"a share bounded by iterations is run again", a_share_bounded_by_iterations_is_run_again},
    {"events of dead engines change nothing", events_of_dead_engines_change_nothing},
    {"an engine that dies while it stops ends with its successor",
     an_engine_that_dies_while_it_stops_ends_with_its_successor},
    {"a successor orders to stop what was to be stopped",
     a_successor_orders_to_stop_what_was_to_be_stopped},
    {"a successor goes on with running shares", a_successor_goes_on_with_running_shares},
    {"an engine that died with the worker is found out",
     an_engine_that_died_with_the_worker_is_found_out},
    {"a reserved share starts in the successor", a_reserved_share_starts_in_the_successor},
    {"a successor gives an order again that may not have been given",
     a_successor_gives_an_order_again_that_may_not_have_been_given},
    {"an order that was heard is not given again", an_order_that_was_heard_is_not_given_again},
    {"a successor knows which engines were given up",
     a_successor_knows_which_engines_were_given_up},
    {"figures in use are not forgotten", figures_in_use_are_not_forgotten},
    {"a part that is given up in the head only is still heard",
     a_part_that_is_given_up_in_the_head_only_is_still_heard},
    {"a share that is not taken up in time is stopped",
     a_share_that_is_not_taken_up_in_time_is_stopped},
    {"a finished result is told by the successor", a_finished_result_is_told_by_the_successor},
    {"a death between two rows leaves no core in both",
     a_death_between_two_rows_leaves_no_core_in_both},
    {"records that make no sense are not adopted", records_that_make_no_sense_are_not_adopted},
    {"whatever happens no core is promised twice and all come back",
     whatever_happens_no_core_is_promised_twice_and_all_come_back},
    CU_TEST_INFO_NULL,
};
