// SPDX-License-Identifier: Apache-2.0
/* test_manager_silence.c - a manager whose worker lives but says nothing of a job (membership
 * 10). */
#include "tests/check.h"
#include "tests/unit/manager_rig.h"
#include "tests/unit/suites.h"

#define LONG_RUN "\"load\":{\"model\":\"closed\",\"vus\":8,\"for\":\"1h\"}," RIG_STEPS
static const char one[] = "{\"version\":1,\"workflows\":[{\"name\":\"a\"," LONG_RUN "}]}";
static const char pair[] =
    "{\"version\":1,\"workflows\":[{\"name\":\"a\"," LONG_RUN "},{\"name\":\"b\"," LONG_RUN "}]}";

static struct hs_manager_worker *worker_of(struct rig *rig, uint32_t link)
{
    return hs_workers_find_link(&rig->manager->workers, link);
}

static void beat(struct rig *rig, uint32_t link)
{
    uint32_t cores, execs;

    hs_manager_worker_load(rig->manager, worker_of(rig, link), &cores, &execs);
    rig_beat(rig, link, execs);
}

/* Both workers live. */
static void live(struct rig *rig, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        rig_pass(rig, HS_NS_PER_S);
        beat(rig, 1);
        if (worker_of(rig, 2)) beat(rig, 2);
    }
}

static void join(struct rig *rig, unsigned worker, unsigned cores)
{
    rig_register(rig, worker, worker, 1, cores);
    rig_tell_state(rig, worker, NULL, 0);
}

static struct hs_msg_exec_dispatch take_share(struct rig *rig, uint32_t link, unsigned n)
{
    struct hs_msg_exec_dispatch share = *rig_share(rig, link, n);

    rig_ack(rig, link, &share, HS_RESULT_OK);
    return share;
}

/* Shares of a on worker 1 and of b, which is handed back later. */
static void new_work_of_a_silent_job_goes_elsewhere(void)
{
    struct rig                 *rig = rig_open_with_worker(24);
    struct hs_msg_exec_dispatch silent, handed_back;

    rig_dispatch(rig, 1, pair);
    silent = take_share(rig, 1, 0);
    handed_back = take_share(rig, 1, 1);
    for (uint64_t i = 1; i <= 2; i++) {
        live(rig, 1);
        rig_progress(rig, 1, &silent, i, i);
    }
    live(rig, 29);
    rig_ack(rig, 1, &handed_back, HS_RESULT_NO_CORES); /* to be given to somebody again */
    live(rig, 1);
    HS_CHECK_EQ(worker_of(rig, 1)->is_lost, 0);
    HS_CHECK_EQ(rig->manager->silence.counts.suspicions, 1);
    rig_forget(rig);
    rig_pass(rig, HS_NS_PER_S * 3 / 2);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 0);
    rig_dispatch(rig, 2, one); /* of another job: why not */
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 1);
    rig_forget(rig);
    rig_progress(rig, 1, &silent, 3, 3);
    live(rig, 3);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 1); /* it speaks: it may have more */
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 0);
    rig_close(rig);
}

static void a_job_that_stays_silent_goes_to_another_worker(void)
{
    struct rig                 *rig = rig_open_with_worker(8);
    struct hs_msg_exec_dispatch share, other, again;

    rig_dispatch(rig, 1, one);
    share = take_share(rig, 1, 0);
    join(rig, 2, 8);
    rig_dispatch(rig, 2, one);
    other = take_share(rig, 2, 0);
    for (uint64_t i = 1; i <= 31; i++) {
        live(rig, 1);
        rig_progress(rig, 2, &other, i, i);
    }
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 0);
    rig_result(rig, 2, &other, HS_OUTCOME_COMPLETED, 40);
    live(rig, 4);
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 1);
    HS_CHECK_EQ(rig->manager->silence.counts.deaths, 1);
    HS_CHECK_EQ(rig_find(rig, HS_MSG_EXEC_CANCEL, 1, 0)->message.exec_cancel.hard, 1);
    again = take_share(rig, 2, 1);
    HS_CHECK_EQ(again.exec.attempt, 1);
    HS_CHECK_EQ(memcmp(again.exec.job_id, share.exec.job_id, 16), 0);
    HS_CHECK(worker_of(rig, 1)->link && !worker_of(rig, 1)->is_lost);
    HS_CHECK_EQ(rig->manager->silence.nodes[0].dead_count, 1);
    rig_result(rig, 2, &again, HS_OUTCOME_COMPLETED, 40);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_COMPLETED);
    HS_CHECK_EQ(rig->manager->silence.used_count, 0); /* the mark goes with the job */
    rig_close(rig);
}

static void a_worker_that_is_gone_is_reported_once(void)
{
    struct rig *rig = rig_open_with_worker(8);

    rig_dispatch(rig, 1, one);
    (void)take_share(rig, 1, 0);
    HS_CHECK_EQ(rig->manager->silence.used_count, 1);
    rig_pass(rig, 16 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->manager->counts.workers_lost, 1);
    HS_CHECK_EQ(rig->manager->silence.used_count, 0);
    rig_pass(rig, 30 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->manager->silence.counts.suspicions, 0);
    rig_close(rig);
}

static void a_report_of_an_older_fence_refutes_nothing(void)
{
    struct rig                 *rig = rig_open_with_worker(8);
    struct hs_msg_exec_dispatch share, old;

    rig_dispatch(rig, 1, one);
    share = take_share(rig, 1, 0);
    old = share;
    old.exec_fence--;
    live(rig, 31);
    HS_CHECK_EQ(rig->manager->silence.nodes[0].suspect_count, 1);
    rig_progress(rig, 1, &old, 5, 5);
    HS_CHECK_EQ(rig->manager->silence.nodes[0].suspect_count, 1);
    rig_progress(rig, 1, &share, 5, 5);
    HS_CHECK_EQ(rig->manager->silence.nodes[0].suspect_count, 0);
    rig_close(rig);
}

static void the_links_absence_is_not_the_jobs_silence(void)
{
    struct rig                 *rig = rig_open_with_worker(8);
    struct hs_msg_exec_dispatch share;

    rig_dispatch(rig, 1, one);
    share = take_share(rig, 1, 0);
    live(rig, 25);
    hs_manager_on_worker_down(rig->manager, 1);
    rig_pass(rig, 10 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->manager->silence.counts.suspicions, 0);
    rig_register(rig, 1, 3, 1, 8);
    rig_tell_state(rig, 3, &share, 1);
    rig_progress(rig, 3, &share, 5, 1);
    rig_pass(rig, 10 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->manager->silence.counts.suspicions, 0);
    HS_CHECK_EQ(rig->manager->silence.used_count, 1);
    rig_close(rig);
}

/* Its end was told, only the log is slow to keep it. */
static void a_share_whose_result_waits_is_not_silent(void)
{
    struct rig                 *rig = rig_open_with_worker(8);
    struct hs_msg_exec_dispatch share;

    rig_dispatch(rig, 1, one);
    share = take_share(rig, 1, 0);
    rig->is_log_held = true;
    rig_result(rig, 1, &share, HS_OUTCOME_COMPLETED, 40);
    live(rig, 40);
    HS_CHECK_EQ(rig->manager->silence.counts.suspicions, 0);
    rig->is_log_held = false;
    rig_settle(rig);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_COMPLETED);
    rig_close(rig);
}

static void reports_that_are_turned_away_are_no_silence(void)
{
    static struct hs_admission admission;
    struct rig                *rig = rig_open_with_worker(8);

    rig->manager->admission = &admission;
    rig_dispatch(rig, 1, one);
    (void)take_share(rig, 1, 0);
    for (unsigned i = 0; i < 40; i++) {
        admission.refused[HS_TRAFFIC_DATA]++;
        live(rig, 1);
    }
    HS_CHECK_EQ(rig->manager->silence.counts.suspicions, 0);
    live(rig, 40);
    HS_CHECK_EQ(rig->manager->silence.counts.deaths, 1);
    rig->manager->admission = NULL;
    rig_close(rig);
}

/* ---- more time ---- */

static const struct hs_msg_extend_ack *extend(struct rig *rig, uint64_t session, uint64_t items)
{
    union hs_msg      message = {0};
    struct rig_frame *frame;

    message.extend.session = session;
    message.extend.items_done = items;
    rig_worker(rig, 1, HS_MSG_EXTEND, &message);
    frame = rig_find(rig, HS_MSG_EXTEND_ACK, 1, rig_count(rig, HS_MSG_EXTEND_ACK, 1) - 1);
    return &frame->message.extend_ack;
}

static void open_long_run(struct rig **rig, struct hs_msg_exec_dispatch *share)
{
    *rig = rig_open_with_worker(8);
    rig_dispatch(*rig, 1, one);
    *share = take_share(*rig, 1, 0);
}

static void the_last_grant_is_followed_by_a_grace(void)
{
    static const unsigned       until_asked[] = {30, 30, 15, 7, 4}; /* each when its time is over */
    struct rig                 *rig;
    struct hs_msg_exec_dispatch share;

    open_long_run(&rig, &share);
    for (unsigned i = 0; i < 5; i++) {
        live(rig, until_asked[i]);
        HS_CHECK_EQ(extend(rig, worker_of(rig, 1)->session, 1 + i)->code, HS_EXTENSION_GRANTED);
    }
    live(rig, 1);
    HS_CHECK_EQ(extend(rig, worker_of(rig, 1)->session, 9)->code, HS_EXTENSION_MAXED);
    live(rig, 9);
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 0);
    HS_CHECK_EQ(rig_job(rig, 1)->limit.timeout_ns, 600 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->manager->softs[0].extended_ns, UINT64_C(58125) * HS_NS_PER_MS);
    live(rig, 4);
    HS_CHECK_EQ(rig->manager->silence.counts.deaths, 1);
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 1);
    rig_close(rig);
}

static void a_share_that_ends_in_the_grace_is_kept(void)
{
    struct rig                 *rig;
    struct hs_msg_exec_dispatch share;

    open_long_run(&rig, &share);
    live(rig, 25);
    HS_CHECK_EQ(extend(rig, worker_of(rig, 1)->session, 1)->code, HS_EXTENSION_GRANTED);
    HS_CHECK_EQ(worker_of(rig, 1)->extension.grants, 1);
    live(rig, 42); /* 60 s, and 7 of the 10 */
    HS_CHECK_EQ(rig->manager->silence.nodes[0].suspect_count, 1);
    rig_result(rig, 1, &share, HS_OUTCOME_COMPLETED, 10);
    live(rig, 10);
    HS_CHECK_EQ(rig->manager->silence.counts.deaths, 0);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_COMPLETED);
    HS_CHECK_EQ(worker_of(rig, 1)->extension.grants, 0);
    rig_close(rig);
}

static void three_requests_without_progress_end_it(void)
{
    struct rig                 *rig;
    struct hs_msg_exec_dispatch share;

    open_long_run(&rig, &share);
    live(rig, 25);
    HS_CHECK_EQ(extend(rig, worker_of(rig, 1)->session, 1)->code, HS_EXTENSION_GRANTED);
    for (unsigned i = 0; i < 3; i++) {
        HS_CHECK_EQ(rig->manager->counts.execs_lost, 0);
        live(rig, 2);
        HS_CHECK_EQ(extend(rig, worker_of(rig, 1)->session, 1)->code, HS_EXTENSION_NO_PROGRESS);
    }
    live(rig, 1);
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 1);
    rig_close(rig);
}

static void an_old_session_moves_no_deadline(void)
{
    struct rig                     *rig;
    struct hs_msg_exec_dispatch     share;
    const struct hs_msg_extend_ack *ack;

    open_long_run(&rig, &share);
    live(rig, 25);
    ack = extend(rig, worker_of(rig, 1)->session - 1, 1);
    HS_CHECK_EQ(ack->code, HS_EXTENSION_STALE);
    HS_CHECK(ack->remaining_ns <= 6 * HS_NS_PER_S);
    HS_CHECK_EQ(worker_of(rig, 1)->extension.grants, 0);
    live(rig, 8);
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 1);
    rig_close(rig);
}

CU_TestInfo hs_tests_manager_silence[] = {
    {"10.1 new work of a silent job avoids its worker, that of others does not",
     new_work_of_a_silent_job_goes_elsewhere},
    {"10.2 a job that stays silent goes to another worker, and its worker stays",
     a_job_that_stays_silent_goes_to_another_worker},
    {"10.3 a worker that is gone is told once, none of its jobs is",
     a_worker_that_is_gone_is_reported_once},
    {"10.8 a report of an older fence refutes nothing", a_report_of_an_older_fence_refutes_nothing},
    {"10.7 what a link that is down does not tell is not the job's silence",
     the_links_absence_is_not_the_jobs_silence},
    {"12.5 after the fifth grant a grace of 10 s, then the share goes to others",
     the_last_grant_is_followed_by_a_grace},
    {"12.5 a share that ends in the grace is kept", a_share_that_ends_in_the_grace_is_kept},
    {"12.2 three requests without progress end it", three_requests_without_progress_end_it},
    {"12.9 a request of an old session moves no deadline", an_old_session_moves_no_deadline},
    {"reports that the manager turns away are no silence",
     reports_that_are_turned_away_are_no_silence},
    {"a share whose result waits is not silent", a_share_whose_result_waits_is_not_silent},
    CU_TEST_INFO_NULL};
