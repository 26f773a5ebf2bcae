// SPDX-License-Identifier: Apache-2.0
/* test_gate_watch.c - who watches is told every event once and in order; who does not read costs
 * nobody anything. */
#include "tests/check.h"
#include "tests/unit/gate_rig.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

static const char *one(void)
{
    return gate_rig_plan(1, false);
}

static unsigned subscribe_code(struct gate_rig *rig, unsigned client, unsigned n)
{
    struct gate_rig_frame *frame = gate_rig_find(rig, HS_MSG_SUBSCRIBE_ACK, client, n);

    HS_CHECK(frame != NULL);
    return frame ? frame->message.subscribe_ack.code : (unsigned)HS_RESULT_COUNT;
}

static void check_events(struct gate_rig *rig, unsigned client, unsigned first_no,
                         const unsigned *kinds, unsigned count)
{
    HS_CHECK_EQ(gate_rig_count(rig, HS_MSG_EVENT, client), count);
    for (unsigned i = 0; i < count; i++) {
        struct gate_rig_frame *frame = gate_rig_find(rig, HS_MSG_EVENT, client, i);

        HS_CHECK(frame != NULL);
        if (!frame) return;
        HS_CHECK_EQ(frame->message.event.event_no, first_no + i);
        HS_CHECK_EQ(frame->message.event.kind, kinds[i]);
    }
}

static void every_event_comes_once_and_in_order(void)
{
    static const unsigned kinds[] = {HS_EVENT_ACCEPTED, HS_EVENT_RUNNING, HS_EVENT_WORKFLOW,
                                     HS_EVENT_FINAL};
    struct gate_rig      *rig = gate_rig_open();
    struct gate_rig_end   ends[2] = {{0, HS_WORKFLOW_COMPLETED, {0}},
                                     {HS_WORKFLOW_ALL, HS_JOB_COMPLETED, {0}}};

    hs_gate_client_opened(rig->gate, 1);
    gate_rig_submit(rig, 0, 1, one());
    gate_rig_subscribe(rig, 0, 1, 0);
    gate_rig_ack_dispatch(rig, 1, HS_RESULT_OK, 3);
    gate_rig_results(rig, 1, 3, 1, ends, 2);
    gate_rig_pass(rig, 3 * HS_NS_PER_S);
    check_events(rig, 0, 1, kinds, 4);
    gate_rig_subscribe(rig, 1, 1, 2); /* has seen two of them over another connection */
    check_events(rig, 1, 3, kinds + 2, 2);
    gate_rig_restart(rig); /* numbers are those of the log: the same in the next life */
    gate_rig_forget(rig);
    hs_gate_client_opened(rig->gate, 2);
    gate_rig_subscribe(rig, 2, 1, 1);
    check_events(rig, 2, 2, kinds + 1, 3);
    gate_rig_close(rig);
}

/* A gate that stops waits for those, and for nobody else. */
static void who_has_watched_is_known_until_it_goes(void)
{
    struct gate_rig *rig = gate_rig_open();

    hs_gate_client_opened(rig->gate, 1);
    gate_rig_submit(rig, 1, 1, one());
    HS_CHECK(!hs_gate_is_watched(rig->gate));
    gate_rig_subscribe(rig, 0, 1, 0);
    HS_CHECK(hs_gate_is_watched(rig->gate));
    hs_gate_client_closed(rig->gate, 0);
    HS_CHECK(!hs_gate_is_watched(rig->gate));
    hs_gate_client_opened(rig->gate, 0); /* somebody else in its place */
    HS_CHECK(!hs_gate_is_watched(rig->gate));
    gate_rig_close(rig);
}

static void whoever_has_seen_the_end_is_forgotten(void)
{
    struct gate_rig *rig = gate_rig_open();
    union hs_msg     ack = {0};
    unsigned         used = 0;

    gate_rig_start(rig, 1, one());
    gate_rig_subscribe(rig, 0, 1, 0);
    gate_rig_name(ack.event_ack.job_id, 1);
    ack.event_ack.event_no = 2;
    gate_rig_client(rig, 0, HS_MSG_EVENT_ACK, &ack, 0); /* not the end yet */
    gate_rig_end(rig, 1, HS_JOB_COMPLETED);
    ack.event_ack.event_no = gate_rig_job(rig, 1)->event_count;
    HS_CHECK(rig->gate->subscriptions[0].is_used);
    gate_rig_client(rig, 0, HS_MSG_EVENT_ACK, &ack, 0);
    for (unsigned i = 0; i < HS_GATE_SUBSCRIPTIONS_MAX; i++)
        used += rig->gate->subscriptions[i].is_used;
    HS_CHECK_EQ(used, 0);
    gate_rig_close(rig);
}

/* One that reads slowly is left out of statistics, and gets the newest when it can; its events wait
 * for it. */
static void a_slow_watcher_misses_figures_and_no_event(void)
{
    struct gate_rig      *rig = gate_rig_open();
    struct gate_rig_tally tally = {.sent = 1, .completed = 1};
    unsigned              count;

    gate_rig_start(rig, 1, one());
    gate_rig_subscribe(rig, 0, 1, 0);
    gate_rig_pass(rig, 5 * HS_NS_PER_S);
    count = gate_rig_count(rig, HS_MSG_STATS, 0);
    HS_CHECK(count >= 5 && count <= 6); /* one a second, and the first at once */
    rig->is_behind[0] = true;
    gate_rig_pass(rig, 5 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count(rig, HS_MSG_STATS, 0), count);
    tally.sent = tally.completed = 9;
    rig->elapsed_ns = HS_NS_PER_S;
    gate_rig_progress(rig, 1, 3, 1, &tally, 1);
    rig->is_behind[0] = false;
    gate_rig_pass(rig, HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count(rig, HS_MSG_STATS, 0), count + 1);
    rig->is_behind[0] = true;
    gate_rig_end(rig, 1, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_rig_find(rig, HS_MSG_EVENT, 0, 2)->message.event.kind, HS_EVENT_FINAL);
    gate_rig_close(rig);
}

static void a_stuck_watcher_is_cut_off_once(void)
{
    struct gate_rig    *rig = gate_rig_open();
    struct gate_rig_end ends[2] = {{0, HS_WORKFLOW_COMPLETED, {0}},
                                   {HS_WORKFLOW_ALL, HS_JOB_COMPLETED, {0}}};

    hs_gate_client_opened(rig->gate, 1);
    gate_rig_start(rig, 1, one());
    gate_rig_subscribe(rig, 0, 1, 0);
    gate_rig_subscribe(rig, 1, 1, 0);
    rig->is_stuck[1] = true;
    gate_rig_results(rig, 1, 3, 1, ends, 2);
    gate_rig_pass(rig, 5 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->cut_offs[1], 1);
    HS_CHECK_EQ(rig->cut_offs[0], 0);
    HS_CHECK_EQ(gate_rig_count(rig, HS_MSG_EVENT, 0), 4);
    hs_gate_client_closed(rig->gate, 1); /* its end arrives; another client takes the place */
    hs_gate_client_opened(rig->gate, 1);
    rig->is_stuck[1] = false;
    gate_rig_forget(rig);
    gate_rig_subscribe(rig, 1, 1, 0);
    HS_CHECK_EQ(gate_rig_count(rig, HS_MSG_EVENT, 1), 4);
    gate_rig_close(rig);
}

static void no_more_than_eight_watch_a_job(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_start(rig, 1, one());
    for (unsigned i = 0; i < 16; i++) {
        hs_gate_client_opened(rig->gate, i);
        gate_rig_subscribe(rig, i, 1, 0);
        HS_CHECK_EQ(subscribe_code(rig, i, 0), i < 8 ? HS_RESULT_OK : HS_RESULT_BUSY);
    }
    gate_rig_subscribe(rig, 3, 1, 0); /* one of them again is no ninth */
    HS_CHECK_EQ(subscribe_code(rig, 3, 1), HS_RESULT_OK);
    hs_gate_client_closed(rig->gate, 5);
    gate_rig_subscribe(rig, 9, 1, 0);
    HS_CHECK_EQ(subscribe_code(rig, 9, 1), HS_RESULT_OK);
    gate_rig_subscribe(rig, 9, 99, 0);
    HS_CHECK_EQ(subscribe_code(rig, 9, 2), HS_RESULT_UNKNOWN_JOB);
    gate_rig_close(rig);
}

/* Twice the table: 256 clients, four jobs each. */
static void subscriptions_have_a_bound(void)
{
    struct gate_rig *rig = gate_rig_open();
    unsigned         granted = 0;

    rig->gate->limits.active_jobs_max = 200;
    for (unsigned job = 0; job < 128; job++) gate_rig_start(rig, job, one());
    gate_rig_forget(rig);
    for (unsigned i = 0; i < 2 * HS_GATE_SUBSCRIPTIONS_MAX; i++) {
        unsigned client = i % HS_GATE_CLIENTS_MAX;

        if (i < HS_GATE_CLIENTS_MAX) hs_gate_client_opened(rig->gate, client);
        gate_rig_subscribe(rig, client, i / 8, 0);
        granted += subscribe_code(rig, client, 0) == HS_RESULT_OK;
        gate_rig_forget(rig);
    }
    HS_CHECK_EQ(granted, HS_GATE_SUBSCRIPTIONS_MAX);
    for (unsigned i = 0; i < HS_GATE_CLIENTS_MAX; i++) hs_gate_client_closed(rig->gate, i);
    for (unsigned i = 0; i < HS_GATE_SUBSCRIPTIONS_MAX; i++)
        HS_CHECK(!rig->gate->subscriptions[i].is_used);
    gate_rig_close(rig);
}

static void a_watch_ends_with_its_job(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_start(rig, 1, one());
    gate_rig_subscribe(rig, 0, 1, 0);
    gate_rig_end(rig, 1, HS_JOB_COMPLETED);
    gate_rig_pass(rig, 305 * HS_NS_PER_S);
    HS_CHECK(gate_rig_job(rig, 1) == NULL);
    gate_rig_forget(rig);
    gate_rig_start(rig, 1, one()); /* a new job of the same key, in the same place */
    gate_rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count(rig, HS_MSG_EVENT, 0), 0);
    HS_CHECK_EQ(gate_rig_count(rig, HS_MSG_STATS, 0), 0);
    gate_rig_close(rig);
}

/* ---- lists ---- */

static void lists_come_in_pages(void)
{
    struct gate_rig *rig = gate_rig_open();
    union hs_msg     get = {.job_list_get = {.rows_max = 3}};
    unsigned         seen = 0, pages = 0;

    for (unsigned job = 0; job < 8; job++) gate_rig_start(rig, job, one());
    gate_rig_end(rig, 4, HS_JOB_COMPLETED);
    do {
        const struct hs_msg_job_list *list;
        struct hs_msg_job_row         row;
        struct hs_reader              rows;

        gate_rig_forget(rig);
        gate_rig_client(rig, 0, HS_MSG_JOB_LIST_GET, &get, 1);
        list = &gate_rig_find(rig, HS_MSG_JOB_LIST, 0, 0)->message.job_list;
        HS_CHECK_EQ(list->total, 8);
        hs_reader_init(&rows, list->rows);
        while (hs_wire_get_row(HS_MSG_JOB_ROW, &rows, &row) == 1) seen++;
        get.job_list_get.cursor = list->next_cursor;
        pages++;
    } while (get.job_list_get.cursor && pages < 9);
    HS_CHECK_EQ(seen, 8);
    HS_CHECK_EQ(pages, 3);
    gate_rig_close(rig);
}

static void the_longest_lists_fit_a_frame(void)
{
    struct gate_rig           *rig = gate_rig_open();
    union hs_msg               get = {.job_list_get = {.rows_max = UINT16_MAX}};
    union hs_msg               status = {0};
    struct hs_reader           rows;
    struct hs_msg_job_row      row;
    struct hs_msg_workflow_row workflow;
    unsigned                   count = 0;

    rig->gate->limits.active_jobs_max = HS_GATE_JOBS_MAX;
    for (unsigned job = 0; job < 300; job++) {
        gate_rig_start(rig, job, job ? one() : gate_rig_plan(HS_WORKFLOWS_MAX, true));
        memset(gate_rig_job(rig, job)->name, 'n', HS_NAME_BYTES - 1);
        memset(gate_rig_job(rig, job)->reason, 'r', HS_GATE_REASON_BYTES - 1);
    }
    gate_rig_forget(rig);
    gate_rig_client(rig, 0, HS_MSG_JOB_LIST_GET, &get, 1);
    hs_reader_init(&rows, gate_rig_find(rig, HS_MSG_JOB_LIST, 0, 0)->message.job_list.rows);
    while (hs_wire_get_row(HS_MSG_JOB_ROW, &rows, &row) == 1) count++;
    HS_CHECK_EQ(count, 256);
    HS_CHECK(gate_rig_find(rig, HS_MSG_JOB_LIST, 0, 0)->message.job_list.next_cursor > 0);
    gate_rig_name(status.status_get.job_id, 0);
    gate_rig_client(rig, 0, HS_MSG_STATUS_GET, &status, 1);
    hs_reader_init(&rows, gate_rig_find(rig, HS_MSG_STATUS, 0, 0)->message.status.workflows);
    for (count = 0; hs_wire_get_row(HS_MSG_WORKFLOW_ROW, &rows, &workflow) == 1;) count++;
    HS_CHECK_EQ(count, HS_WORKFLOWS_MAX);
    gate_rig_close(rig);
}

CU_TestInfo hs_tests_gate_watch[] = {
    {"every event comes once and in order", every_event_comes_once_and_in_order},
    {"who has watched is known until it goes", who_has_watched_is_known_until_it_goes},
    {"whoever has seen the end is forgotten", whoever_has_seen_the_end_is_forgotten},
    {"a slow watcher misses figures and no event", a_slow_watcher_misses_figures_and_no_event},
    {"a stuck watcher is cut off once", a_stuck_watcher_is_cut_off_once},
    {"no more than eight watch a job", no_more_than_eight_watch_a_job},
    {"subscriptions have a bound", subscriptions_have_a_bound},
    {"a watch ends with its job", a_watch_ends_with_its_job},
    {"lists come in pages", lists_come_in_pages},
    {"the longest lists fit a frame", the_longest_lists_fit_a_frame},
    CU_TEST_INFO_NULL,
};
