// SPDX-License-Identifier: Apache-2.0
/* test_gate_chaos.c - submissions, cancels, ends, deaths of the gate and of the manager, a log that
 * stalls, in random orders (seeds are printed when one fails). Whatever happens: no count goes back
 * and the identities hold in every row shown (gate_rig.c), what has ended stays so, and when the
 * storm is over the totals are the sums over all execs. */
#include "shm/base/rand.h"
#include "tests/check.h"
#include "tests/unit/gate_rig.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

enum { JOBS = 10, WORKFLOWS = 3, EXECS = 2, STEPS = 250, SEEDS = 12 };

/* What really happens in the datacenter. It outlives every process. */
struct job {
    bool                  is_running; /* accepted there */
    bool                  is_over;
    unsigned              status; /* when over */
    struct gate_rig_tally execs[WORKFLOWS][EXECS];
    bool                  is_known; /* the gate said OK to its submission */
    uint64_t              birth_fence;
    unsigned              final;
};

struct world {
    struct gate_rig *rig;
    struct hs_rand   rand;
    uint64_t         fence; /* of the present manager */
    uint64_t         pseq;
    uint64_t         request_id;
    bool             is_up;
    bool             is_calm;
    unsigned         ended_count; /* jobs with figures, over all seeds */
    struct job       jobs[JOBS];
};

static unsigned roll(struct world *world, unsigned bound)
{
    return (unsigned)hs_rand_below(&world->rand, bound);
}

static unsigned workflows_of(unsigned job)
{
    return 1 + job % WORKFLOWS;
}

static const char *plan_of(unsigned job)
{
    return gate_rig_plan(workflows_of(job), job % 2);
}

static int find_name(const uint8_t job_id[16])
{
    for (unsigned i = 0; i < JOBS; i++) {
        uint8_t name[16];

        gate_rig_name(name, i);
        if (memcmp(name, job_id, sizeof name) == 0) return (int)i;
    }
    HS_CHECK(false && "a job of ours");
    return 0;
}

/* ---- load ---- */

static void sum_workflow(const struct job *job, unsigned workflow, struct gate_rig_tally *sum)
{
    *sum = (struct gate_rig_tally){0};
    for (unsigned i = 0; i < EXECS; i++) gate_rig_add(sum, &job->execs[workflow][i]);
}

static void sum_job(const struct job *job, unsigned idx, struct gate_rig_tally *sum)
{
    struct gate_rig_tally part;

    *sum = (struct gate_rig_tally){0};
    for (unsigned i = 0; i < workflows_of(idx); i++) {
        sum_workflow(job, i, &part);
        gate_rig_add(sum, &part);
    }
}

/* An exec sends some, and some of what is in flight ends one way or the other. */
static void work(struct world *world, struct gate_rig_tally *tally)
{
    uint64_t in_flight;

    tally->sent += roll(world, 6);
    tally->dropped += roll(world, 8) == 0;
    tally->shed += roll(world, 8) == 0;
    in_flight = tally->sent - tally->completed - tally->failed - tally->cut;
    tally->completed += in_flight / 2;
    in_flight -= in_flight / 2;
    if (in_flight && roll(world, 3) == 0) tally->failed++;
    if (roll(world, 10) == 0) { /* its engine dies */
        tally->cut = tally->sent - tally->completed - tally->failed;
        tally->lost += roll(world, 4);
    }
}

static void finish(struct world *world, unsigned idx, unsigned status)
{
    struct job *job = &world->jobs[idx];

    if (!job->is_running || job->is_over) return;
    job->is_over = true;
    job->status = status;
    for (unsigned w = 0; w < workflows_of(idx); w++)
        for (unsigned e = 0; e < EXECS; e++) {
            struct gate_rig_tally *tally = &job->execs[w][e];

            tally->cut = tally->sent - tally->completed - tally->failed;
        }
}

/* ---- what the manager says ---- */

static void tell_progress(struct world *world, unsigned idx)
{
    struct job           *job = &world->jobs[idx];
    struct gate_rig_tally sums[WORKFLOWS];

    if (!job->is_running || !world->is_up) return;
    for (unsigned w = 0; w < workflows_of(idx); w++) {
        for (unsigned e = 0; e < EXECS && !job->is_over; e++) work(world, &job->execs[w][e]);
        sum_workflow(job, w, &sums[w]);
    }
    world->pseq++;
    world->rig->elapsed_ns = HS_NS_PER_MS * world->pseq;
    gate_rig_progress(world->rig, idx, world->fence, world->pseq, sums, workflows_of(idx));
}

/* Records differ from job to job by their figures; two equal ones are one blob, as it should be. */
static struct hs_view record_of(struct world *world, unsigned idx, unsigned workflow)
{
    static uint8_t        kept[WORKFLOWS][32768];
    struct gate_rig_tally sum;
    struct hs_view        record;

    sum_workflow(&world->jobs[idx], workflow, &sum);
    record = gate_rig_record(workflow, &sum);
    HS_CHECK(record.bytes <= sizeof kept[0]);
    memcpy(kept[workflow], record.data, record.bytes);
    return hs_view_of(kept[workflow], record.bytes);
}

static unsigned workflow_status(unsigned job_status)
{
    if (job_status == HS_JOB_COMPLETED) return HS_WORKFLOW_COMPLETED;
    return job_status == HS_JOB_TIMEOUT ? HS_WORKFLOW_TIMEOUT : HS_WORKFLOW_CANCELLED;
}

static void tell_end(struct world *world, unsigned idx)
{
    struct gate_rig_end ends[WORKFLOWS + 1];
    struct job         *job = &world->jobs[idx];
    unsigned            count = workflows_of(idx);

    if (!job->is_over || !world->is_up) return;
    for (unsigned w = 0; w < count; w++)
        ends[w] = (struct gate_rig_end){w, workflow_status(job->status), record_of(world, idx, w)};
    ends[count] = (struct gate_rig_end){HS_WORKFLOW_ALL, job->status, {0}};
    gate_rig_results(world->rig, idx, world->fence, ++world->request_id, ends, count + 1);
}

static void answer_dispatch(struct world *world, unsigned idx)
{
    struct job *job = &world->jobs[idx];

    if (!world->is_calm && roll(world, 4) == 0) return; /* lost */
    if (!job->is_running && !world->is_calm && roll(world, 4) == 0) {
        gate_rig_ack_dispatch(world->rig, idx, HS_RESULT_BUSY, world->fence);
        return;
    }
    job->is_running = true;
    gate_rig_ack_dispatch(world->rig, idx, HS_RESULT_OK, world->fence);
}

static void answer_cancel(struct world *world, unsigned idx, const struct hs_msg_job_cancel *cancel)
{
    union hs_msg message = {0};

    if (!world->is_calm && roll(world, 3) == 0) return;
    memcpy(message.job_cancel_ack.job_id, cancel->job_id, 16);
    memcpy(message.job_cancel_ack.request_id, cancel->request_id, 16);
    message.job_cancel_ack.code =
        world->jobs[idx].is_running ? HS_RESULT_OK : (uint16_t)HS_RESULT_UNKNOWN_JOB;
    if (cancel->workflow == HS_WORKFLOW_ALL) finish(world, idx, HS_JOB_CANCELLED);
    gate_rig_manager(world->rig, HS_MSG_JOB_CANCEL_ACK, &message, 0);
}

static void answer_timeout(struct world *world, unsigned idx)
{
    union hs_msg message = {0};

    gate_rig_name(message.job_timeout_ack.job_id, idx);
    finish(world, idx, HS_JOB_TIMEOUT);
    gate_rig_manager(world->rig, HS_MSG_JOB_TIMEOUT_ACK, &message, 0);
}

static void answer_blob(struct world *world, const struct hs_msg_blob_get *get)
{
    int          idx = find_name(get->job_id);
    union hs_msg message = {.blob_data = {.code = HS_RESULT_OK, .offset_bytes = get->offset_bytes}};

    if (!world->is_calm && roll(world, 5) == 0) return;
    for (unsigned w = 0; w < workflows_of((unsigned)idx); w++) {
        struct hs_view          record = record_of(world, (unsigned)idx, w);
        struct hs_ledger_digest digest;
        size_t                  left;

        hs_ledger_digest_of(record, &digest);
        if (memcmp(&digest, get->digest, sizeof digest) != 0) continue;
        left = record.bytes - (size_t)get->offset_bytes;
        memcpy(message.blob_data.digest, get->digest, 32);
        message.blob_data.total_bytes = record.bytes;
        message.blob_data.data =
            hs_view_of(record.data + get->offset_bytes, roll(world, 2) && left > 50 ? 50 : left);
        gate_rig_manager(world->rig, HS_MSG_BLOB_DATA, &message, 0);
        return;
    }
    HS_CHECK(false && "a record that was told");
}

static void answer_release(struct world *world, unsigned idx)
{
    union hs_msg message = {0};

    if (roll(world, 2)) return;
    gate_rig_name(message.job_release_ack.job_id, idx);
    gate_rig_manager(world->rig, HS_MSG_JOB_RELEASE_ACK, &message, 0);
}

static void serve_one(struct world *world, const struct gate_rig_frame *frame)
{
    const union hs_msg *message = &frame->message;

    switch ((unsigned)frame->type) {
    case HS_MSG_JOB_DISPATCH:
        answer_dispatch(world, (unsigned)find_name(message->job_dispatch.job_id));
        break;
    case HS_MSG_JOB_CANCEL:
        answer_cancel(world, (unsigned)find_name(message->job_cancel.job_id), &message->job_cancel);
        break;
    case HS_MSG_JOB_TIMEOUT:
        answer_timeout(world, (unsigned)find_name(message->job_timeout.job_id));
        break;
    case HS_MSG_JOB_RELEASE:
        answer_release(world, (unsigned)find_name(message->job_release.job_id));
        break;
    case HS_MSG_BLOB_GET: answer_blob(world, &message->blob_get); break;
    default: break;
    }
}

static void note_answer(struct world *world, const struct gate_rig_frame *frame)
{
    const struct hs_msg_submit_ack *ack = &frame->message.submit_ack;
    struct job                     *job;

    if (frame->type != HS_MSG_SUBMIT_ACK || ack->code != HS_RESULT_OK) return;
    job = &world->jobs[find_name(ack->job_id)];
    if (job->is_known) HS_CHECK_EQ(ack->birth_fence, job->birth_fence); /* at most one per key */
    job->is_known = true;
    job->birth_fence = ack->birth_fence;
}

/* Frames since the last time; answers make more of them. */
static void serve(struct world *world)
{
    struct gate_rig *rig = world->rig;

    for (unsigned i = 0; i < rig->frame_count; i++) {
        struct gate_rig_frame frame = rig->frames[i];

        if (!frame.is_to_manager)
            note_answer(world, &frame);
        else if (world->is_up)
            serve_one(world, &frame);
    }
    gate_rig_forget(rig);
}

/* ---- the storm ---- */

static void manager_dies(struct world *world)
{
    if (world->is_up) hs_gate_manager_down(world->rig->gate, 0);
    world->is_up = false;
}

static void manager_comes(struct world *world)
{
    if (world->is_up) return;
    world->is_up = true;
    world->fence++;
    world->pseq = world->request_id = 0;
    gate_manager_enter(world->rig->gate);
    gate_rig_settle(world->rig);
}

/* Nothing is forgotten while it is looked at. */
static void keep_all(struct world *world)
{
    world->rig->gate->limits.finished_jobs_max = 2 * JOBS;
    world->rig->gate->limits.retention_ns = HS_NEVER_NS / 2;
    world->rig->gate->limits.active_jobs_max = JOBS;
}

static void gate_dies(struct world *world)
{
    bool was_up = world->is_up;

    serve(world);
    gate_rig_restart(world->rig);
    keep_all(world);
    world->is_up = false;
    hs_gate_client_opened(world->rig->gate, 0);
    if (!was_up) return;
    world->is_up = true; /* the same manager, over a new link */
    gate_manager_enter(world->rig->gate);
    gate_rig_settle(world->rig);
}

static void random_step(struct world *world)
{
    unsigned idx = roll(world, JOBS);

    switch (roll(world, 14)) {
    case 0:
    case 1: gate_rig_submit(world->rig, 0, idx, plan_of(idx)); break;
    case 2:
        if (roll(world, 20) == 0)
            gate_rig_cancel(world->rig, 0, idx, roll(world, 2) ? HS_WORKFLOW_ALL : 0,
                            (uint8_t)roll(world, 256));
        break;
    case 3: manager_dies(world); break;
    case 4: manager_comes(world); break;
    case 5:
        if (roll(world, 3) == 0) gate_dies(world);
        break;
    case 6: world->rig->is_log_held = !world->rig->is_log_held; break;
    case 7: world->rig->is_log_busy = roll(world, 3) == 0; break;
    case 8: gate_rig_pass(world->rig, roll(world, 40) * HS_NS_PER_S / 10); break;
    case 9:
        if (roll(world, 3) == 0) finish(world, idx, HS_JOB_COMPLETED);
        break;
    case 10:
    case 11: tell_end(world, idx); break;
    default: tell_progress(world, idx);
    }
    serve(world);
}

static void check_job(struct world *world, unsigned idx)
{
    struct job               *job = &world->jobs[idx];
    const struct hs_gate_job *at = gate_rig_job(world->rig, idx);
    unsigned                  finals = 0;

    if (job->is_known) HS_CHECK(at != NULL); /* what was answered is never forgotten */
    if (!at) return;
    for (unsigned i = 0; i < at->event_count; i++) finals += at->events[i].kind == HS_EVENT_FINAL;
    HS_CHECK_EQ(finals, at->phase == HS_GATE_DONE);
    if (job->final) HS_CHECK_EQ(at->final, job->final);
    if (at->phase == HS_GATE_DONE) job->final = at->final;
}

static void check(struct world *world)
{
    const struct hs_gate_fsm *fsm = world->rig->gate->fsm;
    uint32_t                  jobs = 0, active = 0, records = 0;

    for (unsigned i = 0; i < HS_GATE_JOBS_MAX; i++) {
        const struct hs_gate_job *at = &fsm->jobs[i];

        if (at->phase == HS_GATE_FREE) continue;
        jobs++;
        active += at->phase != HS_GATE_DONE;
        records += at->phase == HS_GATE_DONE ? at->record_count
                                             : (uint32_t)at->workflow_count * at->slot_count;
    }
    HS_CHECK_EQ(fsm->job_count, jobs);
    HS_CHECK_EQ(fsm->active_count, active);
    HS_CHECK_EQ(fsm->reserved_records, records);
    for (unsigned i = 0; i < JOBS; i++) check_job(world, i);
}

/* Everybody lives and answers: all jobs end. */
static void calm_down(struct world *world)
{
    world->is_calm = true;
    world->rig->is_log_held = world->rig->is_log_busy = false;
    manager_comes(world);
    for (unsigned i = 0; i < 100 && (i < 5 || world->rig->gate->fsm->active_count); i++) {
        serve(world);
        for (unsigned idx = 0; idx < JOBS; idx++) {
            finish(world, idx, HS_JOB_COMPLETED);
            tell_end(world, idx);
            serve(world);
        }
        gate_rig_pass(world->rig, HS_NS_PER_S);
        check(world);
    }
    HS_CHECK_EQ(world->rig->gate->fsm->active_count, 0);
}

/* A job that ended with its datacenter's word has the datacenter's counts, to the last one. */
static void check_totals(struct world *world)
{
    for (unsigned idx = 0; idx < JOBS; idx++) {
        const struct hs_gate_job *at = gate_rig_job(world->rig, idx);
        const struct hs_job_row  *row = gate_rig_row(world->rig, idx);
        struct gate_rig_tally     sum;

        if (!at || at->slots[0].state != HS_GATE_SLOT_ENDED) continue;
        sum_job(&world->jobs[idx], idx, &sum);
        world->ended_count += sum.sent > 0;
        HS_CHECK_EQ(row->sent, sum.sent);
        HS_CHECK_EQ(row->completed, sum.completed);
        HS_CHECK_EQ(row->failed, sum.failed);
        HS_CHECK_EQ(row->cut, sum.cut);
        HS_CHECK_EQ(row->dropped, sum.dropped);
        HS_CHECK_EQ(row->shed, sum.shed);
        HS_CHECK_EQ(row->lost, sum.lost);
        HS_CHECK_EQ(row->sent, row->completed + row->failed + row->cut);
        HS_CHECK_EQ(row->discarded, 0);
    }
    HS_CHECK_EQ(world->rig->gate->progress->pool.free_count, HS_PROGRESS_CHUNKS - 1);
}

static void a_storm_leaves_the_books_in_order(void)
{
    static struct world world;
    unsigned            ended_count = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        unsigned failures = CU_get_number_of_failures();

        world = (struct world){.rig = gate_rig_open(), .fence = 1, .is_up = true};
        keep_all(&world);
        hs_rand_init(&world.rand, seed);
        for (unsigned i = 0; i < STEPS; i++) {
            random_step(&world);
            check(&world);
        }
        calm_down(&world);
        check_totals(&world);
        gate_dies(&world);
        gate_rig_pass(world.rig, 5 * HS_NS_PER_S);
        check(&world);
        check_totals(&world);
        gate_rig_close(world.rig);
        ended_count += world.ended_count;
        if (CU_get_number_of_failures() != failures)
            (void)fprintf(stderr, "seed %llu failed\n", (unsigned long long)seed);
    }
    HS_CHECK(ended_count > 5 * SEEDS); /* else the storm was none */
}

CU_TestInfo hs_tests_gate_chaos[] = {
    {"a storm leaves the books in order", a_storm_leaves_the_books_in_order},
    CU_TEST_INFO_NULL,
};
