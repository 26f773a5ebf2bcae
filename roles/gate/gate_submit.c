// SPDX-License-Identifier: Apache-2.0
/* gate_submit.c - a submission: whole? wanted before? a plan? room? Then stored and decided in one
 * batch of the ledger, and only after that answered (jobs.md 6.7, 7.1, 7.3). */
#include "roles/counters.h"
#include "roles/gate/gate_inner.h"
#include "roles/gate/route.h"
#include "roles/host_table.h"
#include "roles/plan/targets.h"
#include "roles/result_code.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void note_refusal(struct hs_gate *gate, const char *why)
{
    struct hs_event_record record;

    gate->out.count(gate->out.self, HS_COUNT_jobs_refused);
    hs_notice_fill(&record, HS_NOTICE_JOB_REFUSED, "", 1, "%s", why);
    gate->out.note_event(gate->out.self, &record);
}

static void refuse(struct hs_gate *gate, unsigned client, uint64_t request_id, uint32_t code,
                   const char *text)
{
    struct hs_msg_submit_ack ack = {.code = (uint16_t)code,
                                    .class = (uint8_t)hs_result_code_class(code),
                                    .retry_after_ns = hs_result_code_retry_ns(code)};

    (void)snprintf(ack.text, sizeof ack.text, "%s", text);
    /* a tree that has just started is whole within a blink */
    if (code == HS_RESULT_INITIALIZING || code == HS_RESULT_NO_DATACENTER)
        ack.retry_after_ns = 20 * HS_NS_PER_MS;
    note_refusal(gate, ack.text);
    hs_gate_reply(gate, client, HS_MSG_SUBMIT_ACK, &ack, request_id);
}

/* The key of a submission names the job: the same key at any time is the same job (jobs.md 1,
 * D4). */
static void job_id_of(const struct hs_msg_submit *submit, uint8_t job_id[HS_JOB_ID_BYTES])
{
    uint8_t                 key[128];
    struct hs_writer        writer;
    struct hs_ledger_digest digest;

    hs_writer_init(&writer, key, sizeof key);
    hs_put_bytes(&writer, "job1", 4);
    hs_put_u8(&writer, (uint8_t)strlen(submit->client_id));
    hs_put_bytes(&writer, submit->client_id, strlen(submit->client_id));
    hs_put_u64le(&writer, submit->seq);
    hs_put_u64le(&writer, submit->nonce);
    hs_ledger_digest_of(hs_view_of(key, writer.used_bytes), &digest);
    memcpy(job_id, digest.bytes, HS_JOB_ID_BYTES);
}

/* In the frame, or put before as a blob. */
static struct hs_view plan_text(struct hs_gate *gate, unsigned client,
                                const struct hs_msg_submit *submit)
{
    const struct hs_gate_upload *upload = &gate->uploads[client];

    if (submit->plan.bytes) return submit->plan;
    if (upload->memory && upload->have_bytes == upload->total_bytes &&
        memcmp(upload->digest, submit->digest, sizeof upload->digest) == 0)
        return hs_view_of(upload->memory, upload->total_bytes);
    return (struct hs_view){0};
}

static void answer_known(struct hs_gate *gate, unsigned client, uint64_t request_id,
                         const struct hs_gate_job *job, const struct hs_ledger_digest *digest)
{
    bool                     is_same = memcmp(&job->digest, digest, sizeof *digest) == 0;
    struct hs_msg_submit_ack ack = {
        .existing = 1, .status = (uint8_t)hs_gate_display(job), .birth_fence = job->birth_fence};

    ack.code = is_same ? HS_RESULT_OK : HS_RESULT_CONFLICT;
    ack.class = (uint8_t)hs_result_code_class(ack.code);
    memcpy(ack.job_id, job->id, sizeof ack.job_id);
    if (!is_same)
        (void)snprintf(ack.text, sizeof ack.text,
                       "this key has already submitted another plan: use a new sequence number");
    gate->out.count(gate->out.self, HS_COUNT_jobs_repeated);
    hs_gate_reply(gate, client, HS_MSG_SUBMIT_ACK, &ack, request_id);
}

/* The same submission again while its entry is on the way: it gets the same answer. true: that was
 * it. */
static bool join_pending(struct hs_gate *gate, unsigned client, uint64_t request_id,
                         const uint8_t                  job_id[HS_JOB_ID_BYTES],
                         const struct hs_ledger_digest *digest)
{
    for (unsigned i = 0; i < HS_GATE_PENDING_MAX; i++) {
        struct hs_gate_pending *pending = &gate->pending[i];

        if (pending->kind != HS_GATE_PENDING_SUBMIT ||
            memcmp(pending->job_id, job_id, HS_JOB_ID_BYTES) != 0)
            continue;
        if (memcmp(&pending->digest, digest, sizeof *digest) != 0)
            refuse(gate, client, request_id, HS_RESULT_CONFLICT,
                   "this key is just submitting another plan");
        else if (pending->waiter_count == HS_GATE_WAITERS_MAX)
            refuse(gate, client, request_id, HS_RESULT_BUSY, "too many wait for this submission");
        else
            hs_gate_add_waiter(gate, pending, client, request_id);
        return true;
    }
    return false;
}

static void refuse_plan(struct hs_gate *gate, unsigned client, uint64_t request_id,
                        const struct hs_problems *problems, struct hs_view text)
{
    struct hs_msg_submit_ack ack = {.code = HS_RESULT_INVALID, .class = HS_RESULT_CLASS_PERMANENT};
    struct hs_writer         out;

    hs_writer_init(&out, gate->stats_memory, 16384);
    hs_problems_print(problems, "plan", text, &out);
    ack.problems = hs_view_of(out.data, out.used_bytes);
    (void)snprintf(ack.text, sizeof ack.text, "the plan is invalid: %u problems", problems->errors);
    note_refusal(gate, ack.text);
    hs_gate_reply(gate, client, HS_MSG_SUBMIT_ACK, &ack, request_id);
}

const struct hs_plan *hs_gate_read_plan(struct hs_gate *gate, struct hs_view text,
                                        const uint8_t                  job_id[HS_JOB_ID_BYTES],
                                        const struct hs_ledger_digest *digest,
                                        struct hs_problems            *problems)
{
    static const struct hs_plan_environment none = {0};
    const struct hs_plan                   *plan;

    hs_problems_init(problems);
    if (gate->out.is_quarantined(gate->out.self, hs_host_table_digest_word(digest->bytes)))
        return NULL;
    gate->arena.used_bytes = 0;
    gate->out.breadcrumb(gate->out.self, job_id, hs_host_table_digest_word(digest->bytes));
    plan = hs_plan_read(text, &none, &gate->arena, problems);
    gate->out.breadcrumb(gate->out.self, job_id, 0);
    return plan;
}

const struct hs_plan *hs_gate_plan_of(struct hs_gate *gate, const struct hs_gate_job *job)
{
    struct hs_problems problems;
    int64_t            bytes = gate->out.blob_get(gate->out.self, &job->digest, gate->blob_memory,
                                                  HS_LEDGER_BLOB_BYTES_MAX);

    if (bytes <= 0) return NULL;
    return hs_gate_read_plan(gate, hs_view_of(gate->blob_memory, (size_t)bytes), job->id,
                             &job->digest, &problems);
}

static void fill_create(struct hs_gate *gate, struct hs_gate_job_create *create,
                        const struct hs_msg_submit *submit, const struct hs_plan *plan)
{
    uint64_t timeout_ns = submit->timeout_ns ? submit->timeout_ns : hs_plan_timeout_ns(plan);

    create->plan_bytes = submit->plan_bytes;
    create->flags = submit->flags;
    create->timeout_ns = timeout_ns;
    create->created_wall_ns = gate->out.wall_ns(gate->out.self);
    create->workflow_count = (uint16_t)plan->workflows.count;
    (void)snprintf(create->name, sizeof create->name, "%s",
                   submit->name[0] ? submit->name : plan->name);
    (void)snprintf(create->client_id, sizeof create->client_id, "%s", submit->client_id);
}

static int propose_create(struct hs_gate *gate, struct hs_view text, struct hs_gate_entry *entry,
                          uint64_t token)
{
    struct hs_ledger_digest digest;
    int rc = gate->out.blob_put(gate->out.self, text, &digest, 0); /* same batch, before it */

    return rc ? rc : hs_gate_propose(gate, entry, token);
}

/* The log has the text: what was put in pieces is not needed any more. */
static void forget_upload(struct hs_gate_upload *upload, const struct hs_ledger_digest *digest)
{
    if (memcmp(upload->digest, digest->bytes, sizeof upload->digest) != 0) return;
    upload->total_bytes = 0;
    upload->have_bytes = 0;
}

/* Does load of this cluster go where it wants to go? */
static uint32_t check_targets(struct hs_gate *gate, const struct hs_plan *plan, struct hs_err *err)
{
    struct hs_plan_targets *targets = hs_arena_take(&gate->arena, 1, sizeof *targets);

    if (!targets) {
        (void)hs_err_refuse(err, "the plan leaves no memory in which to check its targets");
        return HS_RESULT_INVALID;
    }
    for (uint32_t i = 0; i < plan->workflows.count; i++) {
        const struct hs_plan_target *refused;

        if (hs_plan_targets(plan, &plan->workflows.at[i], targets, err)) return HS_RESULT_INVALID;
        refused = hs_plan_target_refused(targets, gate->limits.allow_hosts);
        if (!refused) continue;
        (void)hs_err_refuse(err,
                            "this cluster sends no load to %s: it is not in the gate's "
                            "cluster.allow_hosts",
                            refused->host);
        return HS_RESULT_FORBIDDEN;
    }
    return HS_RESULT_OK;
}

/* Everything about the submission itself is in order: may it become a job? */
static void create_job(struct hs_gate *gate, unsigned client, const struct hs_msg_submit *submit,
                       uint64_t request_id, struct hs_view text,
                       const struct hs_ledger_digest *digest)
{
    struct hs_gate_entry    entry = {.kind = HS_GATE_JOB_CREATE};
    struct hs_problems      problems;
    const struct hs_plan   *plan;
    struct hs_gate_pending *pending;
    struct hs_err           err = {0};
    uint32_t                code;

    job_id_of(submit, entry.as.create.job_id);
    plan = hs_gate_read_plan(gate, text, entry.as.create.job_id, digest, &problems);
    if (!plan) {
        refuse_plan(gate, client, request_id, &problems, text);
        return;
    }
    entry.as.create.digest = *digest;
    fill_create(gate, &entry.as.create, submit, plan);
    code = check_targets(gate, plan, &err);
    if (code == HS_RESULT_OK) code = hs_gate_route(gate, plan, &entry.as.create, &err);
    if (code != HS_RESULT_OK) {
        refuse(gate, client, request_id, code, err.text);
        return;
    }
    pending = hs_gate_take_pending(gate, HS_GATE_PENDING_SUBMIT);
    if (!pending || propose_create(gate, text, &entry, pending->token)) {
        if (pending) pending->kind = HS_GATE_PENDING_NONE;
        refuse(gate, client, request_id, HS_RESULT_BUSY, "the log of decisions is busy");
        return;
    }
    memcpy(pending->job_id, entry.as.create.job_id, sizeof pending->job_id);
    pending->digest = *digest;
    hs_gate_add_waiter(gate, pending, client, request_id);
    forget_upload(&gate->uploads[client], digest);
}

static uint32_t count_pending(const struct hs_gate *gate)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < HS_GATE_PENDING_MAX; i++)
        count += gate->pending[i].kind == HS_GATE_PENDING_SUBMIT;
    return count;
}

/* The parts of a submission that can be checked without reading the plan. */
static uint32_t check_submit(const struct hs_gate *gate, const struct hs_msg_submit *submit,
                             struct hs_view text, const char **why)
{
    struct hs_ledger_digest seen;
    struct hs_ledger_digest said;

    memcpy(said.bytes, submit->digest, sizeof said.bytes);
    *why = "this gate takes no new jobs";
    if (gate->is_draining) return HS_RESULT_DRAINING;
    *why = "the gate has just started";
    if (!gate->is_leading) return HS_RESULT_INITIALIZING;
    *why = "the disk of the state directory is full: no new jobs";
    if (gate->out.is_disk_full(gate->out.self)) return HS_RESULT_NO_ROOM;
    *why = "who asks? there is no client id";
    if (!submit->client_id[0]) return HS_RESULT_INVALID;
    *why = "a plan may have 4 MiB";
    if (submit->plan_bytes > HS_PLAN_BYTES_MAX) return HS_RESULT_TOO_LARGE;
    *why = "put the plan's text first";
    if (!text.bytes) return HS_RESULT_UNKNOWN_BLOB;
    *why = "too many jobs are running";
    if (gate->fsm->active_count + count_pending(gate) >= gate->limits.active_jobs_max)
        return HS_RESULT_BUSY;
    *why = "too many jobs are known: one that has ended is kept for five minutes at least";
    if (gate->fsm->job_count + count_pending(gate) >= HS_GATE_JOBS_MAX) return HS_RESULT_BUSY;
    *why = "this plan has killed two processes and is set aside";
    if (gate->out.is_quarantined(gate->out.self, hs_host_table_digest_word(said.bytes)))
        return HS_RESULT_FORBIDDEN;
    *why = "the digest is not the plan's";
    hs_ledger_digest_of(text, &seen);
    if (text.bytes != submit->plan_bytes || memcmp(&seen, &said, sizeof seen) != 0)
        return HS_RESULT_CORRUPT;
    return HS_RESULT_OK;
}

void hs_gate_submit(struct hs_gate *gate, unsigned client, const struct hs_msg_submit *submit,
                    uint64_t request_id)
{
    struct hs_view            text = plan_text(gate, client, submit);
    uint8_t                   job_id[HS_JOB_ID_BYTES];
    struct hs_ledger_digest   digest;
    const struct hs_gate_job *known;
    const char               *why;
    uint32_t                  code;

    gate->out.count(gate->out.self, HS_COUNT_jobs_submitted);
    memcpy(digest.bytes, submit->digest, sizeof digest.bytes);
    job_id_of(submit, job_id);
    known = hs_gate_find_job(gate->fsm, job_id);
    if (known) {
        answer_known(gate, client, request_id, known, &digest);
        return;
    }
    if (join_pending(gate, client, request_id, job_id, &digest)) return;
    code = check_submit(gate, submit, text, &why);
    if (code == HS_RESULT_OK)
        create_job(gate, client, submit, request_id, text, &digest);
    else
        refuse(gate, client, request_id, code, why);
}

void hs_gate_submit_applied(struct hs_gate *gate, struct hs_gate_pending *pending, uint32_t code)
{
    struct hs_gate_job      *job = hs_gate_find_job(gate->fsm, pending->job_id);
    struct hs_msg_submit_ack ack = {.code = (uint16_t)code,
                                    .class = (uint8_t)hs_result_code_class(code),
                                    .retry_after_ns = hs_result_code_retry_ns(code)};

    if (job) {
        ack.status = (uint8_t)hs_gate_display(job);
        ack.birth_fence = job->birth_fence;
        memcpy(ack.job_id, job->id, sizeof ack.job_id);
    }
    if (code == HS_RESULT_OK) {
        HS_ASSERT(job); /* it was applied a moment ago */
        gate->out.count(gate->out.self, HS_COUNT_jobs_accepted);
        hs_gate_note_job(gate, HS_NOTICE_JOB_ACCEPTED, job->id, job->workflow_count, job->name);
        hs_gate_begin_job(gate, job);
        hs_gate_show(gate, job);
    } else {
        (void)snprintf(ack.text, sizeof ack.text, "no room for another job now");
        note_refusal(gate, ack.text);
    }
    for (unsigned i = 0; i < pending->waiter_count; i++) {
        hs_gate_reply(gate, pending->waiters[i].client, HS_MSG_SUBMIT_ACK, &ack,
                      pending->waiters[i].request_id);
        hs_gate_end_waiter(gate, &pending->waiters[i]);
        ack.existing = code == HS_RESULT_OK;
    }
}
