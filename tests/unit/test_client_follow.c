// SPDX-License-Identifier: Apache-2.0
/* test_client_follow.c - a job seen from its client: submitted once, followed over broken links,
 * cancelled, fetched; and the exit code that it earns. */
#include "roles/client/follow.h"

#include "roles/client/exit_code.h"
#include "roles/job_table.h"
#include "roles/result_code.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdio.h>

static struct hs_follow         follow;
static struct hs_follow_actions actions;
static union hs_msg             message;
static uint64_t                 now_ns;
static uint8_t                  large[HS_WIRE_PART_BYTES_MAX + 100];

static struct hs_follow_config config_with(size_t plan_bytes)
{
    return (struct hs_follow_config){.client_id = "me@here",
                                     .seq = 1,
                                     .nonce = 42,
                                     .name = "run",
                                     .plan = hs_view_of(large, plan_bytes),
                                     .stats_interval_ns = HS_NS_PER_S,
                                     .patience_ns = 30 * HS_NS_PER_S};
}

static void step(enum hs_follow_event_type type)
{
    const struct hs_follow_event event = {.type = type};

    hs_follow_step(&follow, now_ns, &event, &actions);
}

static void hear(enum hs_msg_type type)
{
    const struct hs_follow_event event = {
        .type = HS_FOLLOW_MESSAGE, .message_type = type, .message = &message};

    hs_follow_step(&follow, now_ns, &event, &actions);
    memset(&message, 0, sizeof message);
}

/* The message of that type among the actions; NULL: none was sent. */
static const union hs_msg *sent(enum hs_msg_type type)
{
    for (unsigned i = 0; i < actions.count; i++)
        if (actions.at[i].type == HS_FOLLOW_SEND && actions.at[i].message_type == type)
            return &actions.at[i].message;
    return NULL;
}

static bool has_action(enum hs_follow_action_type type)
{
    for (unsigned i = 0; i < actions.count; i++)
        if (actions.at[i].type == type) return true;
    return false;
}

static void begin(size_t plan_bytes)
{
    const struct hs_follow_config config = config_with(plan_bytes);

    now_ns = 1000 * HS_NS_PER_S;
    memset(&message, 0, sizeof message);
    hs_follow_init(&follow, &config, now_ns);
    step(HS_FOLLOW_LINK_UP);
}

static void hear_submit_ack(enum hs_result_code code)
{
    message.submit_ack.code = (uint16_t)code;
    message.submit_ack.job_id[0] = 7;
    hear(HS_MSG_SUBMIT_ACK);
}

static void hear_event(uint32_t number, enum hs_event_kind kind, enum hs_job_state state)
{
    message.event.event_no = number;
    message.event.kind = (uint8_t)kind;
    message.event.status = (uint8_t)state;
    message.event.workflow = HS_WORKFLOW_ALL;
    hear(HS_MSG_EVENT);
}

static void hear_results(uint64_t offset, uint64_t bytes, uint64_t total, bool is_final)
{
    message.results.offset_bytes = offset;
    message.results.payload = hs_view_of(large, bytes);
    message.results.total_bytes = total;
    message.results.final = is_final;
    message.results.status = HS_JOB_COMPLETED;
    hear(HS_MSG_RESULTS);
}

static void begin_following(void)
{
    begin(100);
    hear_submit_ack(HS_RESULT_OK);
    hear(HS_MSG_SUBSCRIBE_ACK);
    HS_CHECK_EQ(follow.state, HS_FOLLOW_FOLLOWING);
}

static void a_job_is_submitted_followed_and_fetched(void)
{
    begin(100);
    HS_CHECK(sent(HS_MSG_HELLO) != NULL);
    HS_CHECK(sent(HS_MSG_SUBMIT) != NULL && sent(HS_MSG_SUBMIT)->submit.nonce == 42);
    hear_submit_ack(HS_RESULT_OK);
    HS_CHECK(sent(HS_MSG_SUBSCRIBE) != NULL && sent(HS_MSG_SUBSCRIBE)->subscribe.job_id[0] == 7);
    hear(HS_MSG_SUBSCRIBE_ACK);
    HS_CHECK_EQ(hs_follow_deadline_ns(&follow), HS_NEVER_NS);
    hear_event(1, HS_EVENT_RUNNING, HS_JOB_RUNNING);
    HS_CHECK(has_action(HS_FOLLOW_NEWS));
    HS_CHECK(sent(HS_MSG_EVENT_ACK) != NULL);
    hear(HS_MSG_STATS);
    HS_CHECK(has_action(HS_FOLLOW_NEWS));
    hear_event(2, HS_EVENT_FINAL, HS_JOB_COMPLETED);
    HS_CHECK(sent(HS_MSG_RESULTS_GET) != NULL);
    hear_results(0, 60, 100, true);
    HS_CHECK(has_action(HS_FOLLOW_TAKE));
    HS_CHECK(sent(HS_MSG_RESULTS_GET) != NULL &&
             sent(HS_MSG_RESULTS_GET)->results_get.offset_bytes == 60);
    hear_results(60, 40, 100, true);
    HS_CHECK_EQ(follow.state, HS_FOLLOW_DONE);
    HS_CHECK(follow.has_results);
    HS_CHECK_EQ(follow.status, HS_JOB_COMPLETED);
}

static void a_submission_without_an_answer_is_sent_again_with_the_same_key(void)
{
    begin(100);
    now_ns = hs_follow_deadline_ns(&follow);
    step(HS_FOLLOW_TIMER);
    HS_CHECK(sent(HS_MSG_SUBMIT) != NULL && sent(HS_MSG_SUBMIT)->submit.nonce == 42);
    step(HS_FOLLOW_LINK_DOWN);
    HS_CHECK_EQ(follow.state, HS_FOLLOW_SUBMITTING);
    step(HS_FOLLOW_LINK_UP);
    HS_CHECK(sent(HS_MSG_SUBMIT) != NULL);
}

static void a_gate_that_puts_us_off_is_asked_again_for_a_while(void)
{
    uint64_t began_ns;

    begin(100);
    began_ns = now_ns;
    while (follow.state != HS_FOLLOW_DONE && now_ns < began_ns + 60 * HS_NS_PER_S) {
        message.submit_ack.retry_after_ns = 1;
        hear_submit_ack(HS_RESULT_BUSY);
        if (follow.state == HS_FOLLOW_DONE) break;
        HS_CHECK(hs_follow_deadline_ns(&follow) >= now_ns + 20 * HS_NS_PER_MS);
        now_ns = hs_follow_deadline_ns(&follow);
        step(HS_FOLLOW_TIMER);
    }
    HS_CHECK_EQ(follow.state, HS_FOLLOW_DONE);
    HS_CHECK_EQ(follow.refusal, HS_RESULT_BUSY);
    HS_CHECK(now_ns >= began_ns + 30 * HS_NS_PER_S);
}

static void a_wrong_plan_is_not_tried_again(void)
{
    begin(100);
    message.submit_ack.problems = hs_view_of(large, 10);
    hear_submit_ack(HS_RESULT_INVALID);
    HS_CHECK_EQ(follow.state, HS_FOLLOW_DONE);
    HS_CHECK(has_action(HS_FOLLOW_NEWS));
    HS_CHECK_EQ(hs_exit_code_of_refusal(follow.refusal), HS_EXIT_PLAN);
}

static void a_large_plan_goes_ahead_in_pieces(void)
{
    begin(sizeof large);
    HS_CHECK(sent(HS_MSG_BLOB_PUT) != NULL);
    message.blob_ack.have_bytes = HS_WIRE_PART_BYTES_MAX;
    hear(HS_MSG_BLOB_ACK);
    HS_CHECK(sent(HS_MSG_BLOB_PUT) != NULL && sent(HS_MSG_BLOB_PUT)->blob_put.data.bytes == 100);
    message.blob_ack.have_bytes = sizeof large;
    hear(HS_MSG_BLOB_ACK);
    HS_CHECK(sent(HS_MSG_SUBMIT) != NULL && sent(HS_MSG_SUBMIT)->submit.plan.bytes == 0);
    hear_submit_ack(HS_RESULT_UNKNOWN_BLOB);
    HS_CHECK(sent(HS_MSG_BLOB_PUT) != NULL && sent(HS_MSG_BLOB_PUT)->blob_put.offset_bytes == 0);
}

static void a_new_link_goes_on_after_the_last_event(void)
{
    begin_following();
    hear_event(1, HS_EVENT_RUNNING, HS_JOB_RUNNING);
    hear_event(2, HS_EVENT_NOTICE, HS_JOB_RUNNING);
    step(HS_FOLLOW_LINK_DOWN);
    step(HS_FOLLOW_LINK_UP);
    HS_CHECK(sent(HS_MSG_SUBSCRIBE) != NULL && sent(HS_MSG_SUBSCRIBE)->subscribe.last_event == 2);
    hear(HS_MSG_SUBSCRIBE_ACK);
    hear_event(2, HS_EVENT_NOTICE, HS_JOB_RUNNING);
    HS_CHECK(!has_action(HS_FOLLOW_NEWS));
    HS_CHECK(sent(HS_MSG_EVENT_ACK) != NULL);
}

static void a_link_that_breaks_while_results_come_costs_nothing(void)
{
    begin_following();
    hear_event(1, HS_EVENT_FINAL, HS_JOB_COMPLETED);
    hear_results(0, 60, 100, true);
    step(HS_FOLLOW_LINK_DOWN);
    step(HS_FOLLOW_LINK_UP);
    HS_CHECK(sent(HS_MSG_RESULTS_GET) != NULL &&
             sent(HS_MSG_RESULTS_GET)->results_get.offset_bytes == 60);
    hear_results(0, 60, 100, true); /* late, to the question before */
    HS_CHECK(!has_action(HS_FOLLOW_TAKE));
    hear_results(60, 40, 100, true);
    HS_CHECK(follow.has_results);
}

static void results_that_still_change_are_asked_for_again_from_the_start(void)
{
    begin_following();
    hear_event(1, HS_EVENT_FINAL, HS_JOB_COMPLETED);
    hear_results(0, 60, 60, false);
    HS_CHECK(!has_action(HS_FOLLOW_TAKE));
    now_ns = hs_follow_deadline_ns(&follow);
    step(HS_FOLLOW_TIMER);
    HS_CHECK(sent(HS_MSG_RESULTS_GET) != NULL &&
             sent(HS_MSG_RESULTS_GET)->results_get.offset_bytes == 0);
}

static void a_cancel_is_repeated_until_it_is_heard(void)
{
    begin_following();
    step(HS_FOLLOW_CANCEL);
    HS_CHECK(sent(HS_MSG_CANCEL) != NULL &&
             sent(HS_MSG_CANCEL)->cancel.workflow == HS_WORKFLOW_ALL);
    now_ns = hs_follow_deadline_ns(&follow);
    step(HS_FOLLOW_TIMER);
    HS_CHECK(sent(HS_MSG_CANCEL) != NULL);
    hear(HS_MSG_CANCEL_ACK);
    HS_CHECK_EQ(hs_follow_deadline_ns(&follow), HS_NEVER_NS);
    hear_event(1, HS_EVENT_FINAL, HS_JOB_CANCELLED);
    HS_CHECK(sent(HS_MSG_RESULTS_GET) != NULL);
    HS_CHECK(sent(HS_MSG_CANCEL) == NULL);
}

static void a_cancel_before_the_answer_to_the_submission_follows_it(void)
{
    begin(100);
    step(HS_FOLLOW_CANCEL);
    HS_CHECK(sent(HS_MSG_CANCEL) == NULL);
    hear_submit_ack(HS_RESULT_OK);
    HS_CHECK(sent(HS_MSG_CANCEL) != NULL);
}

static void a_cancel_without_any_gate_ends_at_once(void)
{
    const struct hs_follow_config config = config_with(100);

    hs_follow_init(&follow, &config, now_ns);
    step(HS_FOLLOW_CANCEL);
    HS_CHECK_EQ(follow.state, HS_FOLLOW_DONE);
    HS_CHECK_EQ(follow.code, -ECANCELED);
}

static void without_a_link_patience_ends(void)
{
    begin_following();
    step(HS_FOLLOW_LINK_DOWN);
    HS_CHECK_EQ(hs_follow_deadline_ns(&follow), now_ns + 30 * HS_NS_PER_S);
    now_ns = hs_follow_deadline_ns(&follow);
    step(HS_FOLLOW_TIMER);
    HS_CHECK_EQ(follow.state, HS_FOLLOW_DONE);
    HS_CHECK_EQ(follow.code, -ETIMEDOUT);
}

static void each_ending_has_its_exit_code(void)
{
    struct hs_run_end end = {.job_state = HS_JOB_COMPLETED, .has_results = true};

    HS_CHECK_EQ(hs_exit_code_of(&end), 0);
    end.is_incomplete = true;
    HS_CHECK_EQ(hs_exit_code_of(&end), 6);
    end.is_incomplete = false;
    end.job_state = HS_JOB_TIMEOUT;
    HS_CHECK_EQ(hs_exit_code_of(&end), 6);
    end.target = HS_TARGET_UNREACHABLE;
    HS_CHECK_EQ(hs_exit_code_of(&end), 4);
    end.target = HS_TARGET_FAILED;
    HS_CHECK_EQ(hs_exit_code_of(&end), 99);
    end.signal = 2;
    HS_CHECK_EQ(hs_exit_code_of(&end), 130);
    end.signal = 15;
    HS_CHECK_EQ(hs_exit_code_of(&end), 143);
    HS_CHECK_EQ(hs_exit_code_of_refusal(HS_RESULT_BUSY), 5);
}

static void a_run_that_could_not_begin_is_no_partial_one(void)
{
    struct hs_run_end end = {
        .job_state = HS_JOB_FAILED, .has_results = true, .is_incomplete = true, .is_idle = true};

    HS_CHECK_EQ(hs_exit_code_of(&end), 5);
    end.target = HS_TARGET_FAILED; /* nothing at all completed, and why is known */
    HS_CHECK_EQ(hs_exit_code_of(&end), 5);
    end.is_idle = false;
    end.target = HS_TARGET_PASSED;
    HS_CHECK_EQ(hs_exit_code_of(&end), 6);
    end.is_idle = true;
    end.job_state = HS_JOB_CANCELLED;
    HS_CHECK_EQ(hs_exit_code_of(&end), 6);
}

static void a_run_that_measured_nothing_is_no_success(void)
{
    struct hs_run_end end = {.job_state = HS_JOB_COMPLETED,
                             .has_results = true,
                             .is_idle = true,
                             .target = HS_TARGET_UNMEASURED};

    HS_CHECK_EQ(hs_exit_code_of(&end), 6);
    end.job_state = HS_JOB_FAILED;
    HS_CHECK_EQ(hs_exit_code_of(&end), 5);
}

static bool is_put_off(void)
{
    return has_action(HS_FOLLOW_PUT_OFF);
}

static void who_waits_for_a_busy_gate_is_told_once(void)
{
    begin(100);
    hear_submit_ack(HS_RESULT_BUSY);
    HS_CHECK(is_put_off());
    hear_submit_ack(HS_RESULT_BUSY);
    HS_CHECK(!is_put_off());
    hear_submit_ack(HS_RESULT_INITIALIZING);
    HS_CHECK(is_put_off());
}

static void a_refusal_that_is_over_is_forgotten(void)
{
    begin(100);
    hear_submit_ack(HS_RESULT_OK);
    message.subscribe_ack.code = HS_RESULT_INITIALIZING;
    hear(HS_MSG_SUBSCRIBE_ACK);
    HS_CHECK_EQ(follow.refusal, HS_RESULT_INITIALIZING);
    hear(HS_MSG_SUBSCRIBE_ACK);
    HS_CHECK_EQ(follow.refusal, 0);
    message.event.text[0] = 'w';
    hear_event(1, HS_EVENT_FINAL, HS_JOB_FAILED);
    message.results.code = HS_RESULT_BUSY;
    (void)snprintf(message.results.text, sizeof message.results.text, "later");
    hear(HS_MSG_RESULTS);
    message.results.status = HS_JOB_FAILED;
    message.results.final = 1;
    hear(HS_MSG_RESULTS);
    HS_CHECK_EQ(follow.state, HS_FOLLOW_DONE);
    HS_CHECK_EQ(follow.refusal, 0);
    HS_CHECK_TEXT(follow.text, "w"); /* why the job has failed */
}

static void hear_refused(unsigned type, uint64_t retry_after_ns)
{
    message.refused.code = HS_RESULT_RATE_LIMITED;
    message.refused.type = (uint16_t)type;
    message.refused.retry_after_ns = retry_after_ns;
    hear(HS_MSG_REFUSED);
}

static void who_asks_too_often_asks_again_when_he_is_told_and_not_before(void)
{
    begin(100);
    hear_refused(HS_MSG_SUBMIT, 5 * HS_NS_PER_S);
    HS_CHECK(is_put_off());
    HS_CHECK(hs_follow_deadline_ns(&follow) >= now_ns + 5 * HS_NS_PER_S);
    HS_CHECK(hs_follow_deadline_ns(&follow) <= now_ns + 6 * HS_NS_PER_S);
    hear_submit_ack(HS_RESULT_OK);
    HS_CHECK_EQ(follow.state, HS_FOLLOW_SUBSCRIBING);
}

static void a_refusal_while_a_job_is_followed_ends_nothing(void)
{
    begin(100);
    hear_submit_ack(HS_RESULT_OK);
    hear(HS_MSG_SUBSCRIBE_ACK);
    HS_CHECK_EQ(follow.state, HS_FOLLOW_FOLLOWING);
    now_ns += 1000 * HS_NS_PER_S;
    hear_refused(HS_MSG_EVENT_ACK, HS_NS_PER_S);
    HS_CHECK_EQ(follow.state, HS_FOLLOW_FOLLOWING);
    HS_CHECK_EQ(hs_follow_deadline_ns(&follow), HS_NEVER_NS);
}

/* ---- several gates ---- */

static void begin_with_others(size_t plan_bytes)
{
    struct hs_follow_config config = config_with(plan_bytes);

    config.has_others = true;
    now_ns = 1000 * HS_NS_PER_S;
    memset(&message, 0, sizeof message);
    hs_follow_init(&follow, &config, now_ns);
    step(HS_FOLLOW_LINK_UP);
}

static void a_busy_gate_is_left_for_another(void)
{
    begin_with_others(100);
    HS_CHECK(hs_follow_is_bound(&follow)); /* it may have taken it */
    message.submit_ack.retry_after_ns = 3 * HS_NS_PER_S;
    hear_submit_ack(HS_RESULT_BUSY);
    HS_CHECK(has_action(HS_FOLLOW_MOVE));
    HS_CHECK(actions.at[actions.count - 1].retry_after_ns >= 3 * HS_NS_PER_S);
    HS_CHECK(!hs_follow_is_bound(&follow));
    HS_CHECK_EQ(hs_follow_deadline_ns(&follow), follow.give_up_ns); /* nothing is sent meanwhile */
    step(HS_FOLLOW_LINK_UP);
    HS_CHECK(sent(HS_MSG_SUBMIT) != NULL);
    hear_submit_ack(HS_RESULT_OK);
    HS_CHECK(hs_follow_is_bound(&follow));
    HS_CHECK_EQ(follow.refusal, 0);
}

static void gates_that_all_refuse_use_up_one_patience(void)
{
    uint64_t began_ns;

    begin_with_others(100);
    began_ns = now_ns;
    while (follow.state != HS_FOLLOW_DONE && now_ns < began_ns + 300 * HS_NS_PER_S) {
        now_ns += HS_NS_PER_S;
        hear_submit_ack(HS_RESULT_DRAINING);
        if (follow.state == HS_FOLLOW_DONE) break;
        now_ns += HS_NS_PER_S;
        step(HS_FOLLOW_LINK_UP);
    }
    HS_CHECK(now_ns <= began_ns + 32 * HS_NS_PER_S);
    HS_CHECK_EQ(follow.refusal, HS_RESULT_DRAINING);
    HS_CHECK_EQ(hs_exit_code_of_refusal(follow.refusal), HS_EXIT_CLUSTER);
}

/* The link broke before the answer: whether it was taken nobody knows, and a no to the second try
 * may be one that was given without looking. */
static void a_submission_without_an_answer_goes_to_no_other_gate(void)
{
    begin_with_others(100);
    step(HS_FOLLOW_LINK_DOWN);
    HS_CHECK(hs_follow_is_bound(&follow));
    step(HS_FOLLOW_LINK_UP);
    hear_submit_ack(HS_RESULT_BUSY);
    HS_CHECK(!has_action(HS_FOLLOW_MOVE));
    HS_CHECK(hs_follow_is_bound(&follow));
    now_ns = hs_follow_deadline_ns(&follow);
    step(HS_FOLLOW_TIMER);
    HS_CHECK(sent(HS_MSG_SUBMIT) != NULL);
    step(HS_FOLLOW_LINK_DOWN);
    now_ns = follow.give_up_ns;
    step(HS_FOLLOW_TIMER);
    HS_CHECK(strstr(follow.text, "may have taken the job") != NULL);
}

static void a_wrong_plan_is_wrong_at_every_gate(void)
{
    begin_with_others(100);
    hear_submit_ack(HS_RESULT_INVALID);
    HS_CHECK(!has_action(HS_FOLLOW_MOVE));
    HS_CHECK_EQ(follow.state, HS_FOLLOW_DONE);
}

static void a_job_is_looked_for_from_gate_to_gate(void)
{
    begin_with_others(0);
    HS_CHECK(!hs_follow_is_bound(&follow));
    message.subscribe_ack.code = HS_RESULT_UNKNOWN_JOB;
    hear(HS_MSG_SUBSCRIBE_ACK);
    HS_CHECK(has_action(HS_FOLLOW_MOVE));
    step(HS_FOLLOW_LINK_UP);
    HS_CHECK(sent(HS_MSG_SUBSCRIBE) != NULL);
    hear(HS_MSG_SUBSCRIBE_ACK);
    HS_CHECK(hs_follow_is_bound(&follow));
    step(HS_FOLLOW_LINK_DOWN);
    HS_CHECK(hs_follow_is_bound(&follow));
    step(HS_FOLLOW_LINK_UP);
    message.subscribe_ack.code = HS_RESULT_UNKNOWN_JOB; /* it had it: now nobody has */
    hear(HS_MSG_SUBSCRIBE_ACK);
    HS_CHECK_EQ(follow.state, HS_FOLLOW_DONE);
}

static void a_job_that_no_gate_knows_is_told_so(void)
{
    begin_with_others(0);
    message.subscribe_ack.code = HS_RESULT_UNKNOWN_JOB;
    hear(HS_MSG_SUBSCRIBE_ACK);
    step(HS_FOLLOW_NO_GATE);
    HS_CHECK_EQ(follow.state, HS_FOLLOW_DONE);
    HS_CHECK_EQ(follow.refusal, HS_RESULT_UNKNOWN_JOB);
}

static uint64_t put_offset(void)
{
    const union hs_msg *put = sent(HS_MSG_BLOB_PUT);

    return put ? put->blob_put.offset_bytes : UINT64_MAX;
}

static void a_large_plan_begins_anew_at_another_gate(void)
{
    begin_with_others(sizeof large);
    message.blob_ack.have_bytes = HS_WIRE_PART_BYTES_MAX;
    hear(HS_MSG_BLOB_ACK);
    HS_CHECK_EQ(put_offset(), HS_WIRE_PART_BYTES_MAX);
    HS_CHECK(!hs_follow_is_bound(&follow));
    message.blob_ack.code = HS_RESULT_BUSY;
    hear(HS_MSG_BLOB_ACK);
    HS_CHECK(has_action(HS_FOLLOW_MOVE));
    step(HS_FOLLOW_LINK_UP);
    HS_CHECK_EQ(put_offset(), 0);
}

CU_TestInfo hs_tests_client_follow[] = {
    {"a busy gate is left for another", a_busy_gate_is_left_for_another},
    {"gates that all refuse use up one patience", gates_that_all_refuse_use_up_one_patience},
    {"a submission without an answer goes to no other gate",
     a_submission_without_an_answer_goes_to_no_other_gate},
    {"a wrong plan is wrong at every gate", a_wrong_plan_is_wrong_at_every_gate},
    {"a job is looked for from gate to gate", a_job_is_looked_for_from_gate_to_gate},
    {"a job that no gate knows is told so", a_job_that_no_gate_knows_is_told_so},
    {"a large plan begins anew at another gate", a_large_plan_begins_anew_at_another_gate},
    {"who asks too often asks again when he is told, and not before",
     who_asks_too_often_asks_again_when_he_is_told_and_not_before},
    {"a refusal while a job is followed ends nothing",
     a_refusal_while_a_job_is_followed_ends_nothing},
    {"a job is submitted, followed and fetched", a_job_is_submitted_followed_and_fetched},
    {"a submission without an answer is sent again with the same key",
     a_submission_without_an_answer_is_sent_again_with_the_same_key},
    {"a gate that puts us off is asked again for a while",
     a_gate_that_puts_us_off_is_asked_again_for_a_while},
    {"a wrong plan is not tried again", a_wrong_plan_is_not_tried_again},
    {"a large plan goes ahead in pieces", a_large_plan_goes_ahead_in_pieces},
    {"a new link goes on after the last event", a_new_link_goes_on_after_the_last_event},
    {"a link that breaks while results come costs nothing",
     a_link_that_breaks_while_results_come_costs_nothing},
    {"results that still change are asked for again from the start",
     results_that_still_change_are_asked_for_again_from_the_start},
    {"a cancel is repeated until it is heard", a_cancel_is_repeated_until_it_is_heard},
    {"a cancel before the answer to the submission follows it",
     a_cancel_before_the_answer_to_the_submission_follows_it},
    {"a cancel without any gate ends at once", a_cancel_without_any_gate_ends_at_once},
    {"without a link patience ends", without_a_link_patience_ends},
    {"each ending has its exit code", each_ending_has_its_exit_code},
    {"a run that could not begin is no partial one", a_run_that_could_not_begin_is_no_partial_one},
    {"a run that measured nothing is no success", a_run_that_measured_nothing_is_no_success},
    {"who waits for a busy gate is told once", who_waits_for_a_busy_gate_is_told_once},
    {"a refusal that is over is forgotten", a_refusal_that_is_over_is_forgotten},
    CU_TEST_INFO_NULL};
