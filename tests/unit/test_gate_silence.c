// SPDX-License-Identifier: Apache-2.0
/* test_gate_silence.c - a gate whose datacenter says nothing of a job any more (membership 10 and
 * 15): suspected, heard again, lost. */
#include "roles/gate/gate_inner.h"
#include "tests/check.h"
#include "tests/unit/gate_rig.h"
#include "tests/unit/suites.h"

enum { DC, EU };
#define S(seconds) ((uint64_t)(seconds)*HS_NS_PER_S)

static const struct gate_rig_tally told = {.sent = 9, .completed = 6, .failed = 1};

/* ---- scenes ---- */

static void frame(struct gate_rig *rig, unsigned manager, unsigned type,
                  const union hs_msg *message)
{
    rig->gate->now_ns = hs_max_u64(rig->gate->now_ns, rig->now_ns);
    hs_gate_manager_frame(rig->gate, manager, type, message, 7);
    gate_rig_settle(rig);
}

static void enter_eu(struct gate_rig *rig)
{
    const struct hs_gate_peer peer = {.datacenter = "eu",
                                      .name = "eu-1",
                                      .address = "10.0.0.1:7400",
                                      .node = {9},
                                      .incarnation = 1,
                                      .generation = 1};

    HS_CHECK_EQ(hs_gate_manager_enter(rig->gate, &peer), EU);
    gate_rig_settle(rig);
}

/* Datacenters "dc" and "eu", whose managers live whatever becomes of jobs. */
static struct gate_rig *open_rig(void)
{
    struct gate_rig *rig = gate_rig_open();

    rig->job_silent_after_ns = S(30);
    rig->gate->silence->config.silence_ns = S(30);
    enter_eu(rig);
    return rig;
}

static void live(struct gate_rig *rig, unsigned seconds)
{
    union hs_msg beat = {.mhb = {.manager_fence = 1, .cores_total = 4, .workers = 1}};

    for (unsigned i = 0; i < seconds; i++) {
        if (rig->gate->managers[EU].is_up) frame(rig, EU, HS_MSG_MHB, &beat);
        gate_rig_pass(rig, S(1));
    }
}

static const char *plan_of_both(unsigned count)
{
    static const char head[] = "{\"version\":1,";
    static char       text[65536 + 64];

    (void)snprintf(text, sizeof text, "%s\"datacenters\":{\"include\":[\"dc\",\"eu\"]},%s", head,
                   gate_rig_plan(count, false) + strlen(head));
    return text;
}

static void accept(struct gate_rig *rig, unsigned manager, uint64_t fence)
{
    union hs_msg message = {0};

    gate_rig_name(message.job_dispatch_ack.job_id, 1);
    message.job_dispatch_ack.code = HS_RESULT_OK;
    message.job_dispatch_ack.manager_fence = fence;
    frame(rig, manager, HS_MSG_JOB_DISPATCH_ACK, &message);
}

/* Jobs have no limit here: nothing else ends them. */
static void start(struct gate_rig *rig, const char *plan)
{
    union hs_msg submit = {0};

    gate_rig_fill_submit(&submit.submit, 1, plan);
    submit.submit.timeout_ns = HS_NEVER_NS;
    gate_rig_client(rig, 0, HS_MSG_SUBMIT, &submit, 1);
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    accept(rig, DC, 3);
}

static void start_both(struct gate_rig *rig, unsigned count)
{
    start(rig, plan_of_both(count));
    accept(rig, EU, 5);
}

static void keep_alive(struct gate_rig *rig, unsigned manager, uint64_t fence, uint64_t pseq)
{
    union hs_msg message = {.dc_progress = {.manager_fence = fence,
                                            .pseq = pseq,
                                            .kind = HS_PROGRESS_DIFF,
                                            .base = pseq - 1,
                                            .status = HS_JOB_RUNNING}};

    gate_rig_name(message.dc_progress.job_id, 1);
    frame(rig, manager, HS_MSG_DC_PROGRESS, &message);
}

static void reach(struct gate_rig *rig, enum hs_reach state, bool is_held)
{
    rig->gate->now_ns = hs_max_u64(rig->gate->now_ns, rig->now_ns);
    hs_gate_set_reach(
        rig->gate, "dc",
        &(struct hs_reach_facts){.is_asked = true, .state = state, .is_held = is_held});
    gate_rig_settle(rig);
}

static unsigned slot_state(struct gate_rig *rig, unsigned slot)
{
    return gate_rig_job(rig, 1)->slots[slot].state;
}

/* The record that is kept of a workflow in a datacenter. */
static struct hs_run_record kept(struct gate_rig *rig, unsigned workflow, unsigned slot)
{
    const struct hs_gate_job    *job = gate_rig_job(rig, 1);
    const struct hs_gate_record *at = hs_gate_first_record(rig->gate->fsm, job);
    struct hs_run_record_reader  reader = {0};

    for (; at; at = hs_gate_next_record(rig->gate->fsm, at))
        for (unsigned i = 0; i < rig->blob_count; i++)
            if (at->workflow == workflow && at->slot == slot &&
                memcmp(&rig->digests[i], &at->digest, sizeof at->digest) == 0)
                HS_CHECK(hs_run_record_open(&reader, rig->blobs[i]) > 0);
    return reader.record;
}

/* ---- one datacenter ---- */

static void silence_is_suspected_then_loses_the_part(void)
{
    struct gate_rig     *rig = open_rig();
    struct hs_run_record record;

    start(rig, gate_rig_plan(1, false));
    live(rig, 2);
    rig->elapsed_ns = S(2);
    gate_rig_progress(rig, 1, 3, 1, &told, 1);
    live(rig, 29);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 0);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->silent_count, 0);
    live(rig, 2);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 1);
    HS_CHECK_EQ(rig->counts[HS_COUNT_job_suspicions], 1);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->silent_count, 1);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_RUNNING);
    live(rig, 5);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_DEAD], 1);
    HS_CHECK_EQ(rig->counts[HS_COUNT_job_deaths], 1);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_LOST);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_FAILED);
    HS_CHECK_TEXT(gate_rig_job(rig, 1)->reason, "datacenter dc was lost: nothing heard for 35 s");
    HS_CHECK_EQ(gate_rig_job(rig, 1)->workflow_states[0], HS_WORKFLOW_FAILED);
    HS_CHECK(rig->gate->managers[DC].is_up);
    record = kept(rig, 0, 0);
    HS_CHECK_EQ(record.flags, HS_RUN_RECORD_LOST);
    HS_CHECK_TEXT(record.workflow, "w0");
    HS_CHECK_TEXT(record.text, "datacenter dc was lost");
    HS_CHECK_EQ(record.elapsed_ns, S(2));
    HS_CHECK_EQ(gate_rig_row(rig, 1)->sent, 9);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->completed, 6);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->cut, 2); /* of these nobody will ever hear */
    HS_CHECK_EQ(gate_rig_row(rig, 1)->lost_count, 1);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->silent_count, 0);
    HS_CHECK_EQ(rig->gate->silence->used_count, 0);
    gate_rig_close(rig);
}

static void news_in_time_loses_nothing_and_old_news_is_none(void)
{
    struct gate_rig *rig = open_rig();

    start(rig, gate_rig_plan(1, false));
    keep_alive(rig, DC, 3, 7);
    live(rig, 31);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 1);
    keep_alive(rig, DC, 3, 7); /* said before */
    keep_alive(rig, DC, 2, 9); /* of who does not lead any more */
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_REFUTED], 0);
    keep_alive(rig, DC, 3, 8);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_REFUTED], 1);
    live(rig, 29);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_RUNNING);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 1);
    gate_rig_end(rig, 1, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_COMPLETED);
    HS_CHECK_EQ(rig->gate->silence->used_count, 0);
    gate_rig_close(rig);
}

static void every_word_of_the_job_is_news(void)
{
    struct gate_rig    *rig = open_rig();
    struct gate_rig_end end = {0, HS_WORKFLOW_COMPLETED, gate_rig_record(0, &told)};

    start(rig, gate_rig_plan(2, false));
    live(rig, 31);
    accept(rig, DC, 4); /* another one leads there */
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_REFUTED], 1);
    accept(rig, DC, 4);
    live(rig, 31);
    gate_rig_results(rig, 1, 4, 41, &end, 1);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_REFUTED], 2);
    gate_rig_send_blob(rig, end.record, 1 << 20);
    live(rig, 36);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_LOST);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->workflow_states[0], HS_WORKFLOW_COMPLETED);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->workflow_states[1], HS_WORKFLOW_FAILED);
    HS_CHECK_EQ(kept(rig, 0, 0).flags, 0); /* its own word stays */
    HS_CHECK_EQ(kept(rig, 1, 0).flags, HS_RUN_RECORD_LOST);
    gate_rig_close(rig);
}

/* ---- while the datacenter itself is in question ---- */

static void what_may_be_out_of_reach_is_judged_for_no_job(void)
{
    struct gate_rig *rig = open_rig();

    start(rig, gate_rig_plan(1, false));
    keep_alive(rig, DC, 3, 1);
    live(rig, 7);
    reach(rig, HS_REACH_SUSPECTED, false);
    live(rig, 2);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->silent_count, 1);
    live(rig, 30);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 0);
    reach(rig, HS_REACH_UNREACHABLE, false); /* 23 s are left, and then 5 */
    live(rig, 22);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 0);
    live(rig, 2);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 1);
    live(rig, 5);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_LOST);
    HS_CHECK_TEXT(gate_rig_job(rig, 1)->reason,
                  "datacenter dc was lost: nothing heard for 67 s (UNREACHABLE)");
    gate_rig_close(rig);
}

static void what_heals_in_time_has_lost_nothing(void)
{
    struct gate_rig *rig = open_rig();

    start(rig, gate_rig_plan(1, false));
    keep_alive(rig, DC, 3, 1);
    live(rig, 7);
    reach(rig, HS_REACH_SUSPECTED, false);
    live(rig, 30);
    reach(rig, HS_REACH_UNREACHABLE, false);
    live(rig, 20);
    reach(rig, HS_REACH_REACHABLE, false);
    keep_alive(rig, DC, 3, 2);
    live(rig, 29);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 0);
    gate_rig_end(rig, 1, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_COMPLETED);
    gate_rig_close(rig);
}

static void what_is_held_back_is_not_lost(void)
{
    struct gate_rig *rig = open_rig();

    start(rig, gate_rig_plan(1, false));
    keep_alive(rig, DC, 3, 1);
    reach(rig, HS_REACH_UNREACHABLE, true);
    live(rig, 60);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_RUNNING);
    reach(rig, HS_REACH_UNREACHABLE, false);
    live(rig, 36);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_LOST);
    gate_rig_close(rig);
}

static void no_time_passes_while_the_gate_turns_reports_away(void)
{
    static struct hs_admission admission;
    struct gate_rig           *rig = open_rig();

    rig->gate->admission = &admission;
    start(rig, gate_rig_plan(1, false));
    for (unsigned i = 0; i < 60; i++) {
        admission.refused[HS_TRAFFIC_DATA]++;
        live(rig, 1);
    }
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 0);
    live(rig, 40);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_LOST);
    rig->gate->admission = NULL;
    gate_rig_close(rig);
}

static void no_time_passes_while_the_gate_does_not_run(void)
{
    struct gate_rig *rig = open_rig();

    start(rig, gate_rig_plan(1, false));
    live(rig, 5);
    rig->now_ns += S(20);
    live(rig, 20);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 0);
    live(rig, 5);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 1);
    gate_rig_close(rig);
}

/* ---- two datacenters ---- */

static void the_rest_of_the_job_goes_on_and_nothing_counts_twice(void)
{
    struct gate_rig    *rig = open_rig();
    struct gate_rig_end ends[2] = {{0, HS_WORKFLOW_COMPLETED, gate_rig_record(0, &told)},
                                   {HS_WORKFLOW_ALL, HS_JOB_COMPLETED, {0}}};
    union hs_msg        ack = {0};
    uint64_t            pseq = 1;

    start_both(rig, 1);
    gate_rig_progress(rig, 1, 3, 1, &told, 1); /* of dc, which says no more */
    for (unsigned i = 0; i < 37; i++) {
        keep_alive(rig, EU, 5, pseq++);
        live(rig, 1);
    }
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_LOST);
    HS_CHECK_EQ(slot_state(rig, 1), HS_GATE_SLOT_RUNNING);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_ACTIVE);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->state, HS_JOB_RUNNING);
    HS_CHECK_EQ(gate_rig_count_of(rig, HS_MSG_JOB_CANCEL, EU), 0);
    HS_CHECK(gate_rig_count_of(rig, HS_MSG_JOB_CANCEL, DC) > 0); /* it may run there still */
    gate_rig_forget(rig);
    memcpy(ack.job_cancel_ack.job_id, gate_rig_job(rig, 1)->id, 16);
    live(rig, 1);
    memcpy(ack.job_cancel_ack.request_id,
           gate_rig_to_manager(rig, HS_MSG_JOB_CANCEL, 0)->message.job_cancel.request_id, 16);
    frame(rig, DC, HS_MSG_JOB_CANCEL_ACK, &ack);
    gate_rig_forget(rig);
    live(rig, 5);
    HS_CHECK_EQ(gate_rig_count_of(rig, HS_MSG_JOB_CANCEL, DC), 0);
    gate_rig_progress(rig, 1, 3, 2, &(struct gate_rig_tally){.sent = 900, .completed = 900}, 1);
    HS_CHECK_EQ(gate_rig_to_manager(rig, HS_MSG_DC_PROGRESS_ACK, 0)->message.dc_progress_ack.code,
                HS_RESULT_ALREADY_DONE);
    gate_rig_results(rig, 1, 3, 41, ends, 2); /* it had gone on, and has come to its end */
    HS_CHECK_EQ(gate_rig_to_manager(rig, HS_MSG_DC_RESULTS_ACK, 0)->message.dc_results_ack.code,
                HS_RESULT_OK);
    HS_CHECK_EQ(rig->counts[HS_COUNT_late_results], 1);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_BLOB_GET), 0);
    accept(rig, DC, 9); /* nor does it come back with another leader */
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_LOST);
    gate_rig_close(rig);
}

static void the_job_ends_with_the_last_of_the_others(void)
{
    struct gate_rig *rig = open_rig();
    union hs_msg     results = {0};
    uint8_t          memory[256];
    struct hs_writer items;

    start_both(rig, 1);
    gate_rig_progress(rig, 1, 3, 1, &told, 1);
    for (uint64_t i = 1; i < 38; i++) {
        keep_alive(rig, EU, 5, i);
        live(rig, 1);
    }
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_ACTIVE);
    hs_writer_init(&items, memory, sizeof memory);
    hs_wire_put_row(HS_MSG_RESULT_ITEM,
                    &(struct hs_msg_result_item){.workflow = 0, .status = HS_WORKFLOW_COMPLETED},
                    &items);
    hs_wire_put_row(
        HS_MSG_RESULT_ITEM,
        &(struct hs_msg_result_item){.workflow = HS_WORKFLOW_ALL, .status = HS_JOB_COMPLETED},
        &items);
    gate_rig_name(results.dc_results.job_id, 1);
    results.dc_results.manager_fence = 5;
    results.dc_results.items = hs_view_of(memory, items.used_bytes);
    frame(rig, EU, HS_MSG_DC_RESULTS, &results);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_FAILED);
    HS_CHECK_TEXT(gate_rig_job(rig, 1)->reason, "datacenter dc was lost: nothing heard for 35 s");
    HS_CHECK_EQ(gate_rig_job(rig, 1)->workflow_states[0], HS_WORKFLOW_FAILED);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->sent, 9);
    live(rig, 1); /* what it was told once is told once more, before it may forget */
    HS_CHECK(gate_rig_count_of(rig, HS_MSG_JOB_CANCEL, DC) > 0);
    gate_rig_close(rig);
}

/* ---- the log, and deaths ---- */

static void a_busy_log_is_asked_again(void)
{
    struct gate_rig *rig = open_rig();

    start(rig, gate_rig_plan(1, false));
    rig->is_log_busy = true;
    live(rig, 40);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_RUNNING);
    keep_alive(rig, DC, 3, 5); /* too late */
    rig->is_log_busy = false;
    live(rig, 1);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_LOST);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_DEAD], 1);
    gate_rig_close(rig);
}

static void more_workflows_than_an_entry_holds_are_lost_one_after_another(void)
{
    struct gate_rig *rig = open_rig();
    unsigned         entries;

    start(rig, gate_rig_plan(60, false));
    live(rig, 33);
    entries = rig->entry_count;
    live(rig, 4);
    HS_CHECK_EQ(rig->entry_count - entries, 3);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_FAILED);
    for (unsigned i = 0; i < 60; i++) HS_CHECK_EQ(kept(rig, i, 0).flags, HS_RUN_RECORD_LOST);
    gate_rig_close(rig);
}

static void a_gate_that_comes_back_watches_anew_and_does_not_wait_for_ever(void)
{
    struct gate_rig *rig = open_rig();

    start(rig, gate_rig_plan(1, false));
    live(rig, 33);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 1);
    gate_rig_restart(rig); /* and no manager comes any more */
    live(rig, 34);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_RUNNING);
    live(rig, 3);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_FAILED);
    HS_CHECK_TEXT(gate_rig_job(rig, 1)->reason, "datacenter dc was lost: nothing heard");
    HS_CHECK_TEXT(kept(rig, 0, 0).workflow, "w0"); /* nothing is known but that it was to be */
    gate_rig_restart(rig);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_LOST);
    gate_rig_close(rig);
}

/* Its name is forgotten after a quarter of an hour, and whoever comes next has its place. */
static void a_place_that_is_used_again_inherits_nothing(void)
{
    struct gate_rig *rig = open_rig();
    uint64_t         pseq = 1;
    int              place;

    start_both(rig, 1);
    place = hs_gate_place_of(rig->gate, "dc");
    HS_CHECK_EQ(rig->gate->silence->nodes[place].count, 1);
    hs_gate_manager_down(rig->gate, DC);
    for (; pseq <= 890; pseq++) {
        keep_alive(rig, EU, 5, pseq);
        live(rig, 1);
    }
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_LOST);
    HS_CHECK_EQ(rig->gate->silence->nodes[place].dead_count, 1);
    for (; pseq <= 1300; pseq++) {
        keep_alive(rig, EU, 5, pseq);
        live(rig, 1);
    }
    HS_CHECK_EQ(hs_gate_place_of(rig->gate, "dc"), -1);
    HS_CHECK_EQ(rig->gate->silence->nodes[place].count, 0);
    HS_CHECK_EQ(slot_state(rig, 1), HS_GATE_SLOT_RUNNING);
    gate_rig_close(rig);
}

static void what_is_held_until_it_is_forgotten_is_lost_then(void)
{
    struct gate_rig *rig = open_rig();

    start(rig, gate_rig_plan(1, false));
    reach(rig, HS_REACH_UNREACHABLE, true);
    hs_gate_manager_down(rig->gate, DC);
    live(rig, 800);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_RUNNING);
    live(rig, 500);
    HS_CHECK_EQ(slot_state(rig, 0), HS_GATE_SLOT_LOST);
    HS_CHECK_EQ(rig->gate->silence->used_count, 0);
    gate_rig_close(rig);
}

static void a_cancelled_job_is_not_watched(void)
{
    struct gate_rig *rig = open_rig();

    start(rig, gate_rig_plan(1, false));
    live(rig, 20);
    gate_rig_cancel(rig, 0, 1, HS_WORKFLOW_ALL, 7);
    HS_CHECK_EQ(rig->gate->silence->used_count, 0);
    live(rig, 59);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_CANCELLING);
    live(rig, 2);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_CANCELLED);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_SUSPECT], 0);
    gate_rig_close(rig);
}

CU_TestInfo hs_tests_gate_silence[] = {
    {"10.2 a datacenter is suspected for a job after 30 s, and 5 s later its part is lost",
     silence_is_suspected_then_loses_the_part},
    {"10.8 news in time loses nothing, and old news is none",
     news_in_time_loses_nothing_and_old_news_is_none},
    {"every word of the job is news", every_word_of_the_job_is_news},
    {"10.7 what may be out of reach is judged for no job, and goes on with what was left",
     what_may_be_out_of_reach_is_judged_for_no_job},
    {"what heals in time has lost nothing", what_heals_in_time_has_lost_nothing},
    {"what is held back is not lost", what_is_held_back_is_not_lost},
    {"no time passes while the gate turns reports away",
     no_time_passes_while_the_gate_turns_reports_away},
    {"no time passes while the gate does not run", no_time_passes_while_the_gate_does_not_run},
    {"the rest of the job goes on, and nothing counts twice",
     the_rest_of_the_job_goes_on_and_nothing_counts_twice},
    {"the job ends with the last of the others", the_job_ends_with_the_last_of_the_others},
    {"a busy log is asked again", a_busy_log_is_asked_again},
    {"more workflows than an entry holds are lost one after another",
     more_workflows_than_an_entry_holds_are_lost_one_after_another},
    {"a gate that comes back watches anew, and does not wait for ever",
     a_gate_that_comes_back_watches_anew_and_does_not_wait_for_ever},
    {"a place that is used again inherits nothing", a_place_that_is_used_again_inherits_nothing},
    {"what is held until nobody knows it any more is lost then",
     what_is_held_until_it_is_forgotten_is_lost_then},
    {"a cancelled job is not watched", a_cancelled_job_is_not_watched},
    CU_TEST_INFO_NULL};
