// SPDX-License-Identifier: Apache-2.0
/* test_gate_jobs.c - the way of a job through a gate: dispatched until somebody takes it, its
 * results taken once, ended once, told to be forgotten, forgotten. */
#include "tests/check.h"
#include "tests/unit/gate_rig.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

static const char *one(void)
{
    return gate_rig_plan(1, false);
}

/* Has no time of its own: it is bounded by iterations. */
static const char endless[] =
    "{\"version\":1,\"workflows\":[{\"name\":\"w\",\"load\":{\"model\":\"closed\",\"vus\":1,"
    "\"iterations\":1000},\"steps\":[{\"name\":\"s\",\"url\":\"http://127.0.0.1:1/\"}]}]}";

/* ---- dispatch ---- */

static void a_dispatch_is_repeated_until_it_is_taken(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_submit(rig, 0, 1, one());
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), 1);
    HS_CHECK_EQ(gate_rig_to_manager(rig, HS_MSG_JOB_DISPATCH, 0)->message.job_dispatch.plan.bytes,
                strlen(one()));
    gate_rig_pass(rig, 4 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), 1);
    gate_rig_pass(rig, HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), 2);
    HS_CHECK_EQ(rig->counts[HS_COUNT_dispatch_repeats], 1);
    gate_rig_ack_dispatch(rig, 1, HS_RESULT_OK, 3);
    gate_rig_pass(rig, 30 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), 2);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->slots[0].state, HS_GATE_SLOT_RUNNING);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->state, HS_JOB_RUNNING);
    HS_CHECK_EQ(rig->dispatch_notes, 1);
    gate_rig_close(rig);
}

static void nobody_answers_and_the_job_fails_in_time(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_submit(rig, 0, 1, one());
    gate_rig_pass(rig, 16 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), 3);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_FAILED);
    HS_CHECK(strstr(gate_rig_job(rig, 1)->reason, "did not answer") != NULL);
    gate_rig_ack_dispatch(rig, 1, HS_RESULT_OK, 3); /* it had taken it after all: it must stop */
    gate_rig_pass(rig, HS_NS_PER_S);
    HS_CHECK(gate_rig_count_manager(rig, HS_MSG_JOB_CANCEL) > 0);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_FAILED);
    gate_rig_close(rig);
}

static void a_datacenter_that_is_busy_is_asked_again_when_it_said(void)
{
    struct gate_rig *rig = gate_rig_open();
    union hs_msg     busy = {0};

    gate_rig_submit(rig, 0, 1, one());
    gate_rig_name(busy.job_dispatch_ack.job_id, 1);
    busy.job_dispatch_ack.code = HS_RESULT_BUSY;
    busy.job_dispatch_ack.retry_after_ns = 700 * HS_NS_PER_MS;
    for (unsigned i = 0; i < 20; i++) { /* far more often than a silent one would be asked */
        gate_rig_manager(rig, HS_MSG_JOB_DISPATCH_ACK, &busy, 0);
        HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), i + 1);
        gate_rig_pass(rig, 700 * HS_NS_PER_MS);
        HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), i + 2);
    }
    gate_rig_ack_dispatch(rig, 1, HS_RESULT_INVALID, 3);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_FAILED);
    HS_CHECK_TEXT(gate_rig_job(rig, 1)->reason, "INVALID");
    gate_rig_close(rig);
}

/* One that has taken the job is called for as long as the job may take, and no longer. */
static void without_a_manager_the_job_waits_for_its_time(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_start(rig, 1, one());
    hs_gate_manager_down(rig->gate, 0);
    gate_rig_pass(rig, 30 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_ACTIVE);
    gate_manager_enter(rig->gate);
    gate_rig_settle(rig);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), 2); /* at once */
    hs_gate_manager_down(rig->gate, 0);
    rig->now_ns = hs_max_u64(rig->now_ns, rig->gate->soft[0].deadline_ns);
    gate_rig_settle(rig);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_TIMING_OUT);
    gate_rig_pass(rig, 61 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_TIMEOUT);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->slots[0].state, HS_GATE_SLOT_UNCONFIRMED);
    gate_rig_close(rig);
}

static void a_job_that_no_manager_comes_for_fails_in_time(void)
{
    struct gate_rig *rig = gate_rig_open();
    union hs_msg     busy = {0};

    gate_rig_submit(rig, 0, 1, endless);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->timeout_ns, HS_NEVER_NS);
    gate_rig_pass(rig, 4 * HS_NS_PER_S);
    gate_rig_name(busy.job_dispatch_ack.job_id, 1); /* somebody is there: the wait begins anew */
    busy.job_dispatch_ack.code = HS_RESULT_BUSY;
    busy.job_dispatch_ack.retry_after_ns = HS_NS_PER_S;
    gate_rig_manager(rig, HS_MSG_JOB_DISPATCH_ACK, &busy, 0);
    gate_rig_pass(rig, 2 * HS_NS_PER_S);
    for (unsigned i = 0; i < 13; i++) { /* comes and goes, and never says a word */
        hs_gate_manager_down(rig->gate, 0);
        gate_rig_pass(rig, 2 * HS_NS_PER_S);
        gate_manager_enter(rig->gate);
        gate_rig_pass(rig, 2 * HS_NS_PER_S);
    }
    hs_gate_manager_down(rig->gate, 0);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_ACTIVE);
    gate_rig_pass(rig, 10 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_DONE);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_FAILED);
    HS_CHECK_TEXT(gate_rig_job(rig, 1)->reason, "datacenter dc has no manager");
    gate_manager_enter(rig->gate); /* one of those may have taken it all the same */
    gate_rig_settle(rig);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_CANCEL), 1);
    gate_rig_close(rig);
}

static void answer_that_another_leads(struct gate_rig *rig, unsigned count)
{
    union hs_msg ack = {0};

    gate_rig_name(ack.job_dispatch_ack.job_id, 1);
    ack.job_dispatch_ack.code = HS_RESULT_NOT_LEADER;
    for (unsigned i = 0; i < count; i++) {
        gate_rig_manager(rig, HS_MSG_JOB_DISPATCH_ACK, &ack, 0);
        gate_rig_pass(rig, HS_NS_PER_S);
    }
}

/* However often a manager is asked that only follows: it has answered. */
static void a_job_waits_for_a_leader_as_long_as_for_a_manager(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_submit(rig, 0, 1, endless);
    answer_that_another_leads(rig, 59);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_ACTIVE);
    answer_that_another_leads(rig, 3);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_FAILED);
    HS_CHECK_TEXT(gate_rig_job(rig, 1)->reason, "datacenter dc has no leading manager");
    gate_rig_close(rig);
}

/* ---- results ---- */

static void results_are_fetched_piece_by_piece_and_kept(void)
{
    struct gate_rig      *rig = gate_rig_open();
    struct gate_rig_tally tally = {.sent = 50, .completed = 45, .failed = 3, .cut = 2, .lost = 7};
    struct gate_rig_end   ends[2] = {{0, HS_WORKFLOW_COMPLETED, gate_rig_record(0, &tally)},
                                     {HS_WORKFLOW_ALL, HS_JOB_COMPLETED, {0}}};
    union hs_msg          get = {0};

    gate_rig_start(rig, 1, one());
    gate_rig_results(rig, 1, 3, 41, ends, 2);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_DC_RESULTS_ACK), 0);
    for (size_t at = 0; at < ends[0].record.bytes; at += 100)
        gate_rig_send_blob(rig, ends[0].record, 100);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_rig_to_manager(rig, HS_MSG_DC_RESULTS_ACK, 0)->request_id, 41);
    HS_CHECK_EQ(gate_rig_to_manager(rig, HS_MSG_DC_RESULTS_ACK, 0)->message.dc_results_ack.code,
                HS_RESULT_OK);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->sent, 50);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->completed, 45);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->failed, 3);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->cut, 2);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->lost, 7);
    gate_rig_name(get.results_get.job_id, 1);
    get.results_get.offset_bytes = 10;
    gate_rig_client(rig, 0, HS_MSG_RESULTS_GET, &get, 1);
    {
        const struct hs_msg_results *got =
            &gate_rig_find(rig, HS_MSG_RESULTS, 0, 0)->message.results;

        HS_CHECK_EQ(got->final, 1);
        HS_CHECK_EQ(got->total_bytes, ends[0].record.bytes);
        HS_CHECK_EQ(got->payload.bytes, ends[0].record.bytes - 10);
        HS_CHECK_EQ(memcmp(got->payload.data, ends[0].record.data + 10, got->payload.bytes), 0);
    }
    gate_rig_close(rig);
}

static void bytes_that_are_not_the_record_are_done_without(void)
{
    struct gate_rig      *rig = gate_rig_open();
    struct gate_rig_tally tally = {.sent = 5, .completed = 5};
    struct gate_rig_end   ends[2] = {{0, HS_WORKFLOW_COMPLETED, gate_rig_record(0, &tally)},
                                     {HS_WORKFLOW_ALL, HS_JOB_COMPLETED, {0}}};
    uint8_t               wrong[8] = {1};

    gate_rig_start(rig, 1, one());
    gate_rig_results(rig, 1, 3, 41, ends, 2);
    for (unsigned i = 0; i < 3; i++) gate_rig_send_blob(rig, hs_view_of(wrong, sizeof wrong), 8);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->record_count, 0);
    gate_rig_close(rig);
}

/* The manager dies with the record half told: its successor tells all again, and it counts once. */
static void a_manager_that_dies_while_it_tells_tells_again(void)
{
    struct gate_rig      *rig = gate_rig_open();
    struct gate_rig_tally tally = {.sent = 9, .completed = 9};
    struct gate_rig_end   ends[2] = {{0, HS_WORKFLOW_COMPLETED, gate_rig_record(0, &tally)},
                                     {HS_WORKFLOW_ALL, HS_JOB_COMPLETED, {0}}};

    gate_rig_start(rig, 1, one());
    gate_rig_results(rig, 1, 3, 41, ends, 2);
    gate_rig_send_blob(rig, ends[0].record, 64);
    hs_gate_manager_down(rig->gate, 0);
    gate_manager_enter(rig->gate);
    gate_rig_settle(rig);
    gate_rig_ack_dispatch(rig, 1, HS_RESULT_OK, 5);
    gate_rig_results(rig, 1, 5, 1, ends, 2);
    gate_rig_send_blob(rig, ends[0].record, 1 << 20);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->record_count, 1);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->sent, 9);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_DC_RESULTS_ACK), 1);
    gate_rig_close(rig);
}

/* Request numbers begin anew with each life of a manager: "1 is durable" said to the wrong one
 * would silence it for good. */
static void an_answer_owed_to_a_dead_manager_is_not_given_to_its_successor(void)
{
    struct gate_rig    *rig = gate_rig_open();
    struct gate_rig_end first = {0, HS_WORKFLOW_COMPLETED, {0}};

    gate_rig_start(rig, 1, gate_rig_plan(2, false));
    rig->is_log_held = true;
    gate_rig_results(rig, 1, 3, 1, &first, 1);
    hs_gate_manager_down(rig->gate, 0);
    gate_manager_enter(rig->gate);
    rig->is_log_held = false;
    gate_rig_settle(rig);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->workflow_reports[0], 1); /* decided all the same */
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_DC_RESULTS_ACK), 0);
    gate_rig_close(rig);
}

static void results_that_make_no_sense_are_refused(void)
{
    struct gate_rig    *rig = gate_rig_open();
    struct gate_rig_end ends[25];
    struct gate_rig_end bad[] = {{1, HS_WORKFLOW_COMPLETED, {0}},
                                 {0, HS_WORKFLOW_RUNNING, {0}},
                                 {HS_WORKFLOW_ALL, HS_JOB_RUNNING, {0}},
                                 {HS_WORKFLOW_ALL, HS_JOB_STATE_COUNT, {0}}};

    gate_rig_start(rig, 1, one());
    for (unsigned i = 0; i < 25; i++)
        ends[i] = (struct gate_rig_end){0, HS_WORKFLOW_COMPLETED, {0}};
    gate_rig_results(rig, 1, 3, 1, ends, 25);
    gate_rig_results(rig, 1, 3, 2, ends, 0);
    for (unsigned i = 0; i < HS_ARRAY_LEN(bad); i++) gate_rig_results(rig, 1, 3, 3 + i, &bad[i], 1);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_DC_RESULTS_ACK), 6);
    for (unsigned i = 0; i < 6; i++)
        HS_CHECK_EQ(gate_rig_to_manager(rig, HS_MSG_DC_RESULTS_ACK, i)->message.dc_results_ack.code,
                    HS_RESULT_INVALID);
    gate_rig_results(rig, 77, 3, 9, ends, 1);
    HS_CHECK_EQ(gate_rig_to_manager(rig, HS_MSG_DC_RESULTS_ACK, 6)->message.dc_results_ack.code,
                HS_RESULT_UNKNOWN_JOB);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_ACTIVE);
    gate_rig_close(rig);
}

/* Twice as many ends at a time as there are places to take them in: those without one are told
 * again. */
static void more_ends_than_places_are_all_taken_in_the_end(void)
{
    struct gate_rig      *rig = gate_rig_open();
    struct gate_rig_tally tally = {.sent = 1, .completed = 1};
    struct gate_rig_end   ends[2] = {{0, HS_WORKFLOW_COMPLETED, gate_rig_record(0, &tally)},
                                     {HS_WORKFLOW_ALL, HS_JOB_COMPLETED, {0}}};
    unsigned              jobs = 2 * HS_GATE_FETCHES_MAX;

    rig->gate->limits.active_jobs_max = rig->gate->limits.finished_jobs_max = 2 * jobs;
    for (unsigned i = 0; i < jobs; i++) gate_rig_start(rig, i, one());
    for (unsigned i = 0; i < jobs; i++) gate_rig_results(rig, i, 3, 100 + i, ends, 2);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_BLOB_GET), HS_GATE_FETCHES_MAX);
    gate_rig_pass(rig, 1100 * HS_NS_PER_MS); /* and no answer: the places are given back */
    for (unsigned i = 0; i < jobs; i++) {
        gate_rig_results(rig, i, 3, 200 + i, ends, 2);
        if (!i) gate_rig_send_blob(rig, ends[0].record, 1 << 20);
    }
    for (unsigned i = 0; i < jobs; i++) HS_CHECK_EQ(gate_rig_job(rig, i)->final, HS_JOB_COMPLETED);
    HS_CHECK_EQ(rig->gate->fsm->active_count, 0);
    gate_rig_close(rig);
}

/* ---- progress ---- */

static void totals_are_the_sum_and_do_not_go_back(void)
{
    struct gate_rig      *rig = gate_rig_open();
    struct gate_rig_tally tallies[3] = {{.sent = 10, .completed = 8, .failed = 1},
                                        {.sent = 20, .completed = 20, .dropped = 4},
                                        {.sent = 5, .cut = 5, .shed = 3, .lost = 2}};

    gate_rig_start(rig, 1, gate_rig_plan(3, false));
    rig->elapsed_ns = HS_NS_PER_S;
    gate_rig_progress(rig, 1, 3, 1, tallies, 3);
    gate_rig_pass(rig, HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->sent, 35);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->completed, 28);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->failed, 1);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->cut, 5);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->dropped, 4);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->shed, 3);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->lost, 2);
    tallies[0].sent = 1; /* an older one, late */
    rig->elapsed_ns = HS_NS_PER_S;
    gate_rig_progress(rig, 1, 3, 1, tallies, 3);
    gate_rig_pass(rig, HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->sent, 35);
    gate_rig_restart(rig); /* the row goes on from where it stood */
    hs_gate_client_opened(rig->gate, 0);
    gate_rig_settle(rig);
    gate_rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->sent, 35);
    HS_CHECK(gate_rig_row(rig, 1)->started_at_ns > 0);
    gate_rig_close(rig);
}

/* Figures of the same values take the memory they took at first, however many come and however
 * often they are shown. */
static void figures_that_come_for_hours_take_no_more_memory(void)
{
    struct gate_rig      *rig = gate_rig_open();
    struct gate_rig_tally tally = {.sent = 97, .completed = 97};
    uint32_t              fresh = 0;

    gate_rig_start(rig, 1, one());
    gate_rig_subscribe(rig, 0, 1, 0);
    for (unsigned i = 0; i < 300; i++) {
        tally.sent = tally.completed += 10;
        rig->elapsed_ns = HS_NS_PER_MS;
        gate_rig_progress(rig, 1, 3, i + 1, &tally, 1);
        gate_rig_pass(rig, HS_NS_PER_S / 10);
        gate_rig_forget(rig);
        if (i == 20) fresh = rig->gate->progress->pool.fresh_idx;
    }
    HS_CHECK(fresh > 0);
    HS_CHECK_EQ(rig->gate->progress->pool.fresh_idx, fresh);
    gate_rig_end(rig, 1, HS_JOB_COMPLETED);
    HS_CHECK_EQ(rig->gate->progress->pool.free_count, HS_PROGRESS_CHUNKS - 1);
    gate_rig_close(rig);
}

/* A deposed manager's word counts nothing, also for a gate that has just been born and knows its
 * successor from the log only. */
static void a_stale_manager_is_not_believed(void)
{
    struct gate_rig      *rig = gate_rig_open();
    struct gate_rig_tally tally = {.sent = 10, .completed = 10};
    unsigned              acks;

    gate_rig_start(rig, 1, one());
    HS_CHECK_EQ(gate_rig_job(rig, 1)->slots[0].manager_fence, 3);
    hs_gate_manager_down(rig->gate, 0);
    gate_manager_enter(rig->gate);
    gate_rig_settle(rig);
    gate_rig_ack_dispatch(rig, 1, HS_RESULT_OK, 9);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->slots[0].manager_fence, 9);
    gate_rig_restart(rig);
    gate_manager_enter(rig->gate);
    gate_rig_settle(rig);
    rig->elapsed_ns = 39 * HS_NS_PER_S;
    gate_rig_progress(rig, 1, 8, 50, &tally, 1);
    acks = gate_rig_count_manager(rig, HS_MSG_DC_PROGRESS_ACK);
    HS_CHECK_EQ(
        gate_rig_to_manager(rig, HS_MSG_DC_PROGRESS_ACK, acks - 1)->message.dc_progress_ack.code,
        HS_RESULT_STALE_FENCE);
    HS_CHECK_EQ(rig->gate->soft[0].elapsed_ns, 0);
    gate_rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->sent, 0);
    gate_rig_close(rig);
}

/* Reports of two managers in every order, one of them twice: the newest stands, and no count goes
 * back on the way (gate_rig.c checks each row). */
static void reports_in_any_order_come_to_the_newest(void)
{
    static const unsigned fences[] = {3, 3, 3, 5, 5, 3};
    static const unsigned pseqs[] = {1, 2, 3, 1, 2, 2};
    static const unsigned sent[] = {10, 20, 30, 40, 50, 20};

    for (unsigned order = 0; order < 720; order += 7) {
        struct gate_rig *rig = gate_rig_open();
        unsigned         left[] = {0, 1, 2, 3, 4, 5};
        unsigned         code = order;

        gate_rig_start(rig, 1, one());
        for (unsigned i = 6; i; i--) {
            unsigned              at = code % i;
            unsigned              which = left[at];
            struct gate_rig_tally tally = {.sent = sent[which], .completed = sent[which]};

            code /= i;
            left[at] = left[i - 1];
            rig->elapsed_ns = sent[which] * HS_NS_PER_MS;
            gate_rig_progress(rig, 1, fences[which], pseqs[which], &tally, 1);
            gate_rig_pass(rig, HS_NS_PER_S);
        }
        HS_CHECK_EQ(gate_rig_row(rig, 1)->sent, 50);
        HS_CHECK_EQ(gate_rig_row(rig, 1)->completed, 50);
        HS_CHECK_EQ(rig->gate->soft[0].elapsed_ns, 50 * HS_NS_PER_MS);
        gate_rig_close(rig);
    }
}

static void partial_results_show_what_is_known(void)
{
    struct gate_rig            *rig = gate_rig_open();
    struct gate_rig_tally       tallies[2] = {{.sent = 10, .completed = 10}, {.sent = 4}};
    union hs_msg                get = {0};
    struct hs_run_record_reader reader;

    gate_rig_start(rig, 1, gate_rig_plan(2, false));
    rig->gate->soft[0].live_states[0] = HS_WORKFLOW_RUNNING;
    rig->elapsed_ns = 2 * HS_NS_PER_S;
    gate_rig_progress(rig, 1, 3, 1, tallies, 2);
    gate_rig_name(get.results_get.job_id, 1);
    gate_rig_client(rig, 0, HS_MSG_RESULTS_GET, &get, 1);
    {
        const struct hs_msg_results *got =
            &gate_rig_find(rig, HS_MSG_RESULTS, 0, 0)->message.results;

        HS_CHECK_EQ(got->final, 0);
        HS_CHECK_EQ(hs_run_record_open(&reader, got->payload), got->payload.bytes);
        HS_CHECK_EQ(reader.record.workflow_idx, 0); /* the other one has not begun */
        HS_CHECK_EQ(reader.record.flags & HS_RUN_RECORD_PARTIAL, HS_RUN_RECORD_PARTIAL);
    }
    gate_rig_close(rig);
}

CU_TestInfo hs_tests_gate_jobs[] = {
    {"a dispatch is repeated until it is taken", a_dispatch_is_repeated_until_it_is_taken},
    {"nobody answers and the job fails in time", nobody_answers_and_the_job_fails_in_time},
    {"a datacenter that is busy is asked again when it said",
     a_datacenter_that_is_busy_is_asked_again_when_it_said},
    {"without a manager the job waits for its time", without_a_manager_the_job_waits_for_its_time},
    {"a job that no manager comes for fails in time",
     a_job_that_no_manager_comes_for_fails_in_time},
    {"a job waits for a leader as long as for a manager",
     a_job_waits_for_a_leader_as_long_as_for_a_manager},
    {"results are fetched piece by piece and kept", results_are_fetched_piece_by_piece_and_kept},
    {"bytes that are not the record are done without",
     bytes_that_are_not_the_record_are_done_without},
    {"a manager that dies while it tells tells again",
     a_manager_that_dies_while_it_tells_tells_again},
    {"an answer owed to a dead manager is not given to its successor",
     an_answer_owed_to_a_dead_manager_is_not_given_to_its_successor},
    {"results that make no sense are refused", results_that_make_no_sense_are_refused},
    {"more ends than places are all taken in the end",
     more_ends_than_places_are_all_taken_in_the_end},
    {"totals are the sum and do not go back", totals_are_the_sum_and_do_not_go_back},
    {"figures that come for hours take no more memory",
     figures_that_come_for_hours_take_no_more_memory},
    {"a stale manager is not believed", a_stale_manager_is_not_believed},
    {"reports in any order come to the newest", reports_in_any_order_come_to_the_newest},
    {"partial results show what is known", partial_results_show_what_is_known},
    CU_TEST_INFO_NULL,
};
