// SPDX-License-Identifier: Apache-2.0
/* test_gate_submit.c - a submission becomes a job once, is answered when that is durable, and
 * leaves nothing where it does not. */
#include "roles/config.h"
#include "tests/check.h"
#include "tests/unit/gate_rig.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

static const struct hs_msg_submit_ack *ack_of(struct gate_rig *rig, unsigned client, unsigned n)
{
    static const struct hs_msg_submit_ack none = {.code = HS_RESULT_COUNT};
    struct gate_rig_frame                *frame = gate_rig_find(rig, HS_MSG_SUBMIT_ACK, client, n);

    HS_CHECK(frame != NULL);
    return frame ? &frame->message.submit_ack : &none;
}

static void open_clients(struct gate_rig *rig, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++) hs_gate_client_opened(rig->gate, i);
}

static void is_answered_once_it_is_durable(void)
{
    struct gate_rig *rig = gate_rig_open();

    rig->is_log_held = true;
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    gate_rig_pass(rig, HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count(rig, HS_MSG_SUBMIT_ACK, 0), 0);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), 0);
    rig->is_log_held = false;
    gate_rig_settle(rig);
    HS_CHECK_EQ(ack_of(rig, 0, 0)->code, HS_RESULT_OK);
    HS_CHECK_EQ(ack_of(rig, 0, 0)->existing, 0);
    HS_CHECK_EQ(gate_rig_find(rig, HS_MSG_SUBMIT_ACK, 0, 0)->request_id, 501);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), 1);
    HS_CHECK_EQ(rig->counts[HS_COUNT_jobs_accepted], 1);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_ACCEPTED], 1);
    gate_rig_close(rig);
}

static void the_same_key_is_the_same_job(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    HS_CHECK_EQ(ack_of(rig, 0, 1)->code, HS_RESULT_OK);
    HS_CHECK_EQ(ack_of(rig, 0, 1)->existing, 1);
    HS_CHECK_EQ(memcmp(ack_of(rig, 0, 0)->job_id, ack_of(rig, 0, 1)->job_id, 16), 0);
    gate_rig_submit(rig, 0, 1, gate_rig_plan(2, false));
    HS_CHECK_EQ(ack_of(rig, 0, 2)->code, HS_RESULT_CONFLICT);
    HS_CHECK_EQ(memcmp(ack_of(rig, 0, 0)->job_id, ack_of(rig, 0, 2)->job_id, 16), 0);
    HS_CHECK_EQ(rig->gate->fsm->job_count, 1);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->workflow_count, 1);
    gate_rig_restart(rig);
    hs_gate_client_opened(rig->gate, 0);
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    HS_CHECK_EQ(ack_of(rig, 0, 3)->existing,
                1); /* also for the next life, before a manager is up */
    gate_rig_close(rig);
}

static void a_key_on_its_way_has_one_answer_for_all(void)
{
    struct gate_rig *rig = gate_rig_open();

    open_clients(rig, 1, 6);
    rig->is_log_held = true;
    for (unsigned i = 0; i < 5; i++) gate_rig_submit(rig, i, 1, gate_rig_plan(1, false));
    gate_rig_submit(rig, 5, 1, gate_rig_plan(2, false));
    HS_CHECK_EQ(ack_of(rig, 4, 0)->code, HS_RESULT_BUSY); /* the fifth: four may wait */
    HS_CHECK(ack_of(rig, 4, 0)->retry_after_ns > 0);
    HS_CHECK_EQ(ack_of(rig, 5, 0)->code, HS_RESULT_CONFLICT);
    rig->is_log_held = false;
    gate_rig_settle(rig);
    for (unsigned i = 0; i < 4; i++) {
        HS_CHECK_EQ(ack_of(rig, i, 0)->code, HS_RESULT_OK);
        HS_CHECK_EQ(ack_of(rig, i, 0)->existing, i > 0);
    }
    HS_CHECK_EQ(rig->gate->fsm->job_count, 1);
    gate_rig_close(rig);
}

static void a_waiter_that_goes_gives_its_place(void)
{
    struct gate_rig *rig = gate_rig_open();

    open_clients(rig, 1, 6);
    rig->is_log_held = true;
    for (unsigned i = 0; i < 4; i++) gate_rig_submit(rig, i, 1, gate_rig_plan(1, false));
    hs_gate_client_closed(rig->gate, 0);
    hs_gate_client_closed(rig->gate, 2);
    gate_rig_submit(rig, 4, 1, gate_rig_plan(1, false));
    gate_rig_submit(rig, 5, 1, gate_rig_plan(1, false));
    hs_gate_client_opened(rig->gate, 2); /* another one in its place is owed nothing */
    rig->is_log_held = false;
    gate_rig_settle(rig);
    HS_CHECK_EQ(gate_rig_count(rig, HS_MSG_SUBMIT_ACK, 0), 0);
    HS_CHECK_EQ(gate_rig_count(rig, HS_MSG_SUBMIT_ACK, 2), 0);
    HS_CHECK_EQ(ack_of(rig, 1, 0)->code, HS_RESULT_OK);
    HS_CHECK_EQ(ack_of(rig, 4, 0)->code, HS_RESULT_OK);
    HS_CHECK_EQ(ack_of(rig, 5, 0)->code, HS_RESULT_OK);
    gate_rig_close(rig);
}

static void submit_spoilt(struct gate_rig *rig, unsigned what)
{
    union hs_msg message = {0};

    gate_rig_fill_submit(&message.submit, 1, gate_rig_plan(1, false));
    switch (what) {
    case 0: message.submit.digest[3] ^= 1; break;
    case 1: message.submit.client_id[0] = 0; break;
    case 2: message.submit.plan = (struct hs_view){0}; break;
    case 3: message.submit.plan_bytes = HS_PLAN_BYTES_MAX + 1; break;
    default: message.submit.plan_bytes--; break;
    }
    gate_rig_client(rig, 0, HS_MSG_SUBMIT, &message, 1);
}

static void what_is_wrong_is_told_and_leaves_nothing(void)
{
    static const unsigned codes[] = {HS_RESULT_CORRUPT, HS_RESULT_INVALID, HS_RESULT_UNKNOWN_BLOB,
                                     HS_RESULT_TOO_LARGE, HS_RESULT_CORRUPT};
    struct gate_rig      *rig = gate_rig_open();
    unsigned              entries = rig->entry_count;

    for (unsigned i = 0; i < HS_ARRAY_LEN(codes); i++) {
        submit_spoilt(rig, i);
        HS_CHECK_EQ(ack_of(rig, 0, i)->code, codes[i]);
    }
    HS_CHECK_EQ(rig->gate->fsm->job_count, 0);
    HS_CHECK_EQ(rig->entry_count, entries);
    HS_CHECK_EQ(rig->blob_count, 0);
    gate_rig_close(rig);
}

static void a_bad_plan_is_refused_with_its_problems(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_submit(rig, 0, 1, "{\"version\":1,\"workflows\":[{\"name\":\"a\",\"stepz\":[]}]}");
    HS_CHECK_EQ(ack_of(rig, 0, 0)->code, HS_RESULT_INVALID);
    HS_CHECK_EQ(ack_of(rig, 0, 0)->class, HS_RESULT_CLASS_PERMANENT);
    HS_CHECK(ack_of(rig, 0, 0)->problems.bytes > 0);
    HS_CHECK(memmem(ack_of(rig, 0, 0)->problems.data, ack_of(rig, 0, 0)->problems.bytes, "stepz",
                    5) != NULL);
    HS_CHECK_EQ(rig->blob_count, 0);
    gate_rig_submit(rig, 0, 2, gate_rig_plan(4, true)); /* and the next one goes */
    HS_CHECK_EQ(ack_of(rig, 0, 1)->code, HS_RESULT_OK);
    gate_rig_close(rig);
}

static void put_piece(struct gate_rig *rig, unsigned client, const char *plan, size_t offset,
                      size_t bytes)
{
    union hs_msg            message = {0};
    struct hs_ledger_digest digest;

    hs_ledger_digest_of(hs_view_text(plan), &digest);
    memcpy(message.blob_put.digest, digest.bytes, sizeof message.blob_put.digest);
    message.blob_put.total_bytes = strlen(plan);
    message.blob_put.offset_bytes = offset;
    message.blob_put.data = hs_view_of(plan + offset, bytes);
    gate_rig_client(rig, client, HS_MSG_BLOB_PUT, &message, 9);
}

static const struct hs_msg_blob_ack *last_piece(struct gate_rig *rig, unsigned client)
{
    unsigned count = gate_rig_count(rig, HS_MSG_BLOB_ACK, client);

    return &gate_rig_find(rig, HS_MSG_BLOB_ACK, client, count - 1)->message.blob_ack;
}

static void submit_put(struct gate_rig *rig, unsigned client, unsigned job, const char *plan)
{
    union hs_msg message = {0};

    gate_rig_fill_submit(&message.submit, job, plan);
    message.submit.plan = (struct hs_view){0};
    gate_rig_client(rig, client, HS_MSG_SUBMIT, &message, 1);
}

static void a_plan_in_pieces_is_put_together(void)
{
    struct gate_rig *rig = gate_rig_open();
    const char      *plan = gate_rig_plan(3, false);
    size_t           bytes = strlen(plan);

    open_clients(rig, 1, 2);
    put_piece(rig, 0, plan, 0, 100);
    HS_CHECK_EQ(last_piece(rig, 0)->have_bytes, 100);
    submit_put(rig, 0, 1, plan);
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_UNKNOWN_BLOB); /* half of it is none */
    put_piece(rig, 0, plan, 150, 10);
    HS_CHECK_EQ(last_piece(rig, 0)->code, HS_RESULT_OK); /* out of turn: says where to go on */
    HS_CHECK_EQ(last_piece(rig, 0)->have_bytes, 100);
    put_piece(rig, 0, plan, 100, bytes - 100);
    HS_CHECK_EQ(last_piece(rig, 0)->have_bytes, bytes);
    submit_put(rig, 1, 1, plan);
    HS_CHECK_EQ(gate_rig_submit_code(rig, 1), HS_RESULT_UNKNOWN_BLOB); /* another's is not mine */
    HS_CHECK_EQ(rig->gate->uploads[0].total_bytes, bytes);
    submit_put(rig, 0, 1, plan);
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    HS_CHECK_EQ(rig->gate->uploads[0].total_bytes, 0); /* the log has it: no room is kept */
    hs_gate_client_closed(rig->gate, 0);
    hs_gate_client_opened(rig->gate, 0);
    submit_put(rig, 0, 2, plan);
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0),
                HS_RESULT_UNKNOWN_BLOB); /* gone with its connection */
    gate_rig_close(rig);
}

static void who_cannot_decide_says_so(void)
{
    struct gate_rig *rig = gate_rig_open_idle();

    hs_gate_client_opened(rig->gate, 0);
    rig->is_led = true; /* the event has not come yet */
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_INITIALIZING);
    rig->is_led = false;
    gate_rig_settle(rig);
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_NO_DATACENTER);
    HS_CHECK(ack_of(rig, 0, 1)->retry_after_ns <=
             100 * HS_NS_PER_MS); /* a fresh tree is whole soon */
    gate_manager_enter(rig->gate);
    rig->gate->managers[0].is_draining = true;
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_NO_DATACENTER);
    rig->gate->managers[0].is_draining = false;
    rig->gate->is_draining = true;
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_DRAINING);
    HS_CHECK_EQ(rig->gate->fsm->job_count, 0);
    gate_rig_close(rig);
}

static void a_busy_log_costs_a_retry_and_no_job(void)
{
    struct gate_rig *rig = gate_rig_open();

    rig->is_log_busy = true;
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_BUSY);
    rig->is_log_busy = false;
    rig->log_fails = 2; /* the blob and the entry: nobody knows what became of them */
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    HS_CHECK_EQ(ack_of(rig, 0, 1)->code, HS_RESULT_INTERNAL);
    HS_CHECK_EQ(ack_of(rig, 0, 1)->class, HS_RESULT_CLASS_TRANSIENT);
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    HS_CHECK_EQ(rig->gate->fsm->job_count, 1);
    for (unsigned i = 0; i < HS_GATE_PENDING_MAX; i++)
        HS_CHECK_EQ(rig->gate->pending[i].kind, HS_GATE_PENDING_NONE);
    gate_rig_close(rig);
}

/* Twice as many as may run, and twice as many as may be on their way. */
static void more_than_may_run_are_busy(void)
{
    struct gate_rig *rig = gate_rig_open();

    for (unsigned i = 0; i < 16; i++) {
        gate_rig_submit(rig, 0, i, gate_rig_plan(1, false));
        HS_CHECK_EQ(gate_rig_submit_code(rig, 0), i < 8 ? HS_RESULT_OK : HS_RESULT_BUSY);
    }
    HS_CHECK_EQ(rig->gate->fsm->active_count, 8);
    gate_rig_ack_dispatch(rig, 0, HS_RESULT_OK, 3);
    gate_rig_end(rig, 0, HS_JOB_COMPLETED);
    gate_rig_submit(rig, 0, 100, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    rig->gate->limits.active_jobs_max = HS_GATE_JOBS_MAX;
    rig->is_log_held = true;
    for (unsigned i = 0; i < 2 * HS_GATE_PENDING_MAX; i++) {
        unsigned answers = gate_rig_count(rig, HS_MSG_SUBMIT_ACK, 0);

        gate_rig_submit(rig, 0, 200 + i, gate_rig_plan(1, false));
        HS_CHECK_EQ(gate_rig_count(rig, HS_MSG_SUBMIT_ACK, 0) - answers, i >= HS_GATE_PENDING_MAX);
    }
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_BUSY);
    rig->is_log_held = false;
    gate_rig_settle(rig);
    HS_CHECK_EQ(rig->gate->fsm->active_count, 8 + HS_GATE_PENDING_MAX);
    gate_rig_close(rig);
}

static void a_plan_that_kills_is_set_aside(void)
{
    struct gate_rig        *rig = gate_rig_open();
    struct hs_ledger_digest digest;

    hs_ledger_digest_of(hs_view_text(gate_rig_plan(1, false)), &digest);
    memcpy(&rig->quarantined, digest.bytes, sizeof rig->quarantined);
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_FORBIDDEN);
    gate_rig_submit(rig, 0, 1, gate_rig_plan(2, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    gate_rig_close(rig);
}

static void a_full_disk_takes_no_new_jobs_but_knows_the_old(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    rig->is_disk_full = true;
    gate_rig_submit(rig, 0, 2, gate_rig_plan(2, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_NO_ROOM);
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false)); /* the same submission again */
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    rig->is_disk_full = false;
    gate_rig_submit(rig, 0, 2, gate_rig_plan(2, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    gate_rig_close(rig);
}

static void a_named_datacenter_is_kept_to(void)
{
    struct gate_rig *rig = gate_rig_open();
    char             plan[1024];
    const char      *rest = strchr(gate_rig_plan(1, false), ',');

    (void)snprintf(plan, sizeof plan, "{\"version\":1,\"datacenters\":{\"include\":[\"dc\"]}%s",
                   rest);
    gate_rig_submit(rig, 0, 1, plan);
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    HS_CHECK_TEXT(gate_rig_job(rig, 1)->slots[0].datacenter, "dc");
    (void)snprintf(plan, sizeof plan, "{\"version\":1,\"datacenters\":{\"include\":[\"moon\"]}%s",
                   rest);
    gate_rig_submit(rig, 0, 2, plan);
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_INVALID);
    HS_CHECK(strstr(ack_of(rig, 0, 1)->text, "moon") != NULL);
    (void)snprintf(
        plan, sizeof plan,
        "{\"version\":1,\"datacenters\":{\"include\":[\"moon\"],\"allow_fallback\":true}%s", rest);
    gate_rig_submit(rig, 0, 3, plan);
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    HS_CHECK_TEXT(gate_rig_job(rig, 3)->slots[0].datacenter, "dc");
    gate_rig_close(rig);
}

/* Of two workflows the second goes elsewhere. */
static const char *plan_to(const char *host)
{
    static char text[1024];

    (void)snprintf(
        text, sizeof text,
        "{\"version\":1,\"workflows\":[{\"name\":\"a\",\"steps\":[{\"name\":\"s\",\"url\":"
        "\"http://www.shop.test/\"}]},{\"name\":\"b\",\"steps\":[{\"name\":\"s\",\"url\":"
        "\"http://%s/\"}]}]}",
        host);
    return text;
}

static void allow_hosts_refuses_a_job_for_another_host(void)
{
    static const char *const refused[] = {"127.0.0.1",        "shop.test",  "shop.test.evil.test",
                                          "evilshop.test:80", "[::1]",      "www.shop.test.",
                                          "2130706433:81",    "a.shop.tes", "%77ww.shop.test"};
    static const char *const allowed[] = {"www.shop.test", "a.b.shop.test:8080", "WWW.Shop.Test"};
    struct gate_rig         *rig = gate_rig_open();
    unsigned                 n = 0;
    struct hs_config_hosts   allowed_hosts = {.count = 1, .at = {"*.shop.test"}};

    rig->gate->limits.allow_hosts = &allowed_hosts;
    for (size_t i = 0; i < HS_ARRAY_LEN(refused); i++) {
        gate_rig_submit(rig, 0, ++n, plan_to(refused[i]));
        HS_CHECK(ack_of(rig, 0, n - 1)->code != HS_RESULT_OK);
        HS_CHECK(!gate_rig_job(rig, n));
    }
    HS_CHECK_EQ(ack_of(rig, 0, 0)->code, HS_RESULT_FORBIDDEN);
    HS_CHECK_EQ(ack_of(rig, 0, 0)->class, HS_RESULT_CLASS_PERMANENT);
    HS_CHECK_TEXT(ack_of(rig, 0, 0)->text, "this cluster sends no load to 127.0.0.1: it is not in "
                                           "the gate's cluster.allow_hosts");
    HS_CHECK_EQ(rig->counts[HS_COUNT_jobs_refused], n);
    for (size_t i = 0; i < HS_ARRAY_LEN(allowed); i++) {
        gate_rig_submit(rig, 0, ++n, plan_to(allowed[i]));
        HS_CHECK_EQ(ack_of(rig, 0, n - 1)->code, HS_RESULT_OK);
    }
    allowed_hosts.count = 0;
    gate_rig_submit(rig, 0, ++n, plan_to("127.0.0.1"));
    HS_CHECK_EQ(ack_of(rig, 0, n - 1)->code, HS_RESULT_OK);
    gate_rig_close(rig);
}

CU_TestInfo hs_tests_gate_submit[] = {
    {"allow_hosts refuses a job for another host", allow_hosts_refuses_a_job_for_another_host},
    {"a full disk takes no new jobs but knows the old",
     a_full_disk_takes_no_new_jobs_but_knows_the_old},
    {"a submission is answered once it is durable", is_answered_once_it_is_durable},
    {"the same key is the same job", the_same_key_is_the_same_job},
    {"a key on its way has one answer for all", a_key_on_its_way_has_one_answer_for_all},
    {"a waiter that goes gives its place", a_waiter_that_goes_gives_its_place},
    {"what is wrong is told and leaves nothing", what_is_wrong_is_told_and_leaves_nothing},
    {"a bad plan is refused with its problems", a_bad_plan_is_refused_with_its_problems},
    {"a plan in pieces is put together", a_plan_in_pieces_is_put_together},
    {"who cannot decide says so", who_cannot_decide_says_so},
    {"a busy log costs a retry and no job", a_busy_log_costs_a_retry_and_no_job},
    {"more than may run are busy", more_than_may_run_are_busy},
    {"a plan that kills is set aside", a_plan_that_kills_is_set_aside},
    {"a named datacenter is kept to", a_named_datacenter_is_kept_to},
    CU_TEST_INFO_NULL,
};
