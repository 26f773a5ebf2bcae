// SPDX-License-Identifier: Apache-2.0
/* gate_scenes.c - what happens around a gate, in short (gate_rig.h). */
#include "roles/stats/step_parts.h"
#include "tests/check.h"
#include "tests/unit/gate_rig.h"

#include <stdlib.h>

#define STEP                                                                                       \
    "\"load\":{\"model\":\"closed\",\"vus\":8,\"for\":\"10s\"},\"steps\":[{\"name\":\"home\","     \
    "\"url\":\"http://127.0.0.1:8080/\"}]}"

/* ---- submissions ---- */

const char *gate_rig_plan(unsigned count, bool is_chain)
{
    static char text[65536];
    size_t      used = (size_t)snprintf(text, sizeof text, "{\"version\":1,\"workflows\":[");

    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s{\"name\":\"w%u\",",
                                 i ? "," : "", i);
        if (is_chain && i)
            used += (size_t)snprintf(text + used, sizeof text - used, "\"depends_on\":[\"w%u\"],",
                                     i - 1);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s", STEP);
    }
    used += (size_t)snprintf(text + used, sizeof text - used, "]}");
    HS_CHECK(used < sizeof text);
    return text;
}

void gate_rig_fill_submit(struct hs_msg_submit *submit, unsigned job, const char *plan)
{
    struct hs_ledger_digest digest;

    *submit = (struct hs_msg_submit){.seq = job, .nonce = 77, .plan = hs_view_text(plan)};
    (void)snprintf(submit->client_id, sizeof submit->client_id, "me@here");
    submit->plan_bytes = (uint32_t)submit->plan.bytes;
    hs_ledger_digest_of(submit->plan, &digest);
    memcpy(submit->digest, digest.bytes, sizeof submit->digest);
}

void gate_rig_submit(struct gate_rig *rig, unsigned client, unsigned job, const char *plan)
{
    union hs_msg message = {0};

    gate_rig_fill_submit(&message.submit, job, plan);
    gate_rig_client(rig, client, HS_MSG_SUBMIT, &message, 500 + job);
}

unsigned gate_rig_submit_code(struct gate_rig *rig, unsigned client)
{
    unsigned               count = gate_rig_count(rig, HS_MSG_SUBMIT_ACK, client);
    struct gate_rig_frame *frame =
        count ? gate_rig_find(rig, HS_MSG_SUBMIT_ACK, client, count - 1) : NULL;

    return frame ? frame->message.submit_ack.code : (unsigned)HS_RESULT_COUNT;
}

/* The id is made of the key, as every gate makes it. */
void gate_rig_name(uint8_t job_id[16], unsigned job)
{
    static const char       client_id[] = "me@here";
    uint8_t                 key[64];
    struct hs_writer        writer;
    struct hs_ledger_digest digest;

    hs_writer_init(&writer, key, sizeof key);
    hs_put_bytes(&writer, "job1", 4);
    hs_put_u8(&writer, (uint8_t)strlen(client_id));
    hs_put_bytes(&writer, client_id, strlen(client_id));
    hs_put_u64le(&writer, job);
    hs_put_u64le(&writer, 77);
    hs_ledger_digest_of(hs_view_of(key, writer.used_bytes), &digest);
    memcpy(job_id, digest.bytes, 16);
}

struct hs_gate_job *gate_rig_job(struct gate_rig *rig, unsigned job)
{
    uint8_t job_id[16];

    gate_rig_name(job_id, job);
    return hs_gate_find_job(rig->gate->fsm, job_id);
}

const struct hs_job_row *gate_rig_row(struct gate_rig *rig, unsigned job)
{
    static const struct hs_job_row none;
    uint8_t                        job_id[16];

    gate_rig_name(job_id, job);
    for (unsigned i = 0; i < HS_GATE_JOBS_MAX; i++)
        if (rig->is_shown[i] && memcmp(rig->rows[i].id, job_id, 16) == 0) return &rig->rows[i];
    return &none;
}

void gate_rig_ack_dispatch(struct gate_rig *rig, unsigned job, unsigned code, uint64_t fence)
{
    union hs_msg message = {0};

    gate_rig_name(message.job_dispatch_ack.job_id, job);
    message.job_dispatch_ack.code = (uint16_t)code;
    message.job_dispatch_ack.manager_fence = fence;
    gate_rig_manager(rig, HS_MSG_JOB_DISPATCH_ACK, &message, 0);
}

void gate_rig_start(struct gate_rig *rig, unsigned job, const char *plan)
{
    gate_rig_submit(rig, 0, job, plan);
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    gate_rig_ack_dispatch(rig, job, HS_RESULT_OK, 3);
}

void gate_rig_cancel(struct gate_rig *rig, unsigned client, unsigned job, unsigned workflow,
                     uint8_t request)
{
    union hs_msg message = {0};

    gate_rig_name(message.cancel.job_id, job);
    message.cancel.workflow = (uint16_t)workflow;
    message.cancel.request_id[0] = request;
    gate_rig_client(rig, client, HS_MSG_CANCEL, &message, 900u + request);
}

void gate_rig_subscribe(struct gate_rig *rig, unsigned client, unsigned job, unsigned last_event)
{
    union hs_msg message = {0};

    gate_rig_name(message.subscribe.job_id, job);
    message.subscribe.want_stats = 1;
    message.subscribe.last_event = last_event;
    gate_rig_client(rig, client, HS_MSG_SUBSCRIBE, &message, 700 + job);
}

/* ---- figures ---- */

void gate_rig_add(struct gate_rig_tally *into, const struct gate_rig_tally *from)
{
    into->sent += from->sent;
    into->completed += from->completed;
    into->failed += from->failed;
    into->cut += from->cut;
    into->dropped += from->dropped;
    into->shed += from->shed;
    into->lost += from->lost;
}

static struct hs_chunk_pool *fresh_pool(void)
{
    static struct hs_chunk      chunks[4096];
    static struct hs_chunk_pool pool;

    hs_chunk_pool_init(&pool, chunks, HS_ARRAY_LEN(chunks));
    return &pool;
}

static void fill_stats(struct hs_stats *stats, struct hs_chunk_pool *pool,
                       const struct gate_rig_tally *tally)
{
    hs_stats_init(stats, pool);
    stats->tallies[HS_TALLY_SENT] = tally->sent;
    stats->tallies[HS_TALLY_CUT] = tally->cut;
    stats->tallies[HS_TALLY_DROPPED] = tally->dropped;
    stats->tallies[HS_TALLY_SHED] = tally->shed;
    stats->tallies[HS_TALLY_LOST] = tally->lost;
    stats->errors[HS_ERROR_STATUS_5XX] = tally->failed;
    for (uint64_t i = 0; i < tally->completed; i++)
        HS_CHECK_EQ(hs_stats_record(stats, HS_MEASURE_RESPONSE, 1000000 + i % 97 * 1000), 0);
    for (uint64_t i = 0; i < tally->failed; i++)
        HS_CHECK_EQ(hs_stats_record(stats, HS_MEASURE_FAILED, 5000000), 0);
}

void gate_rig_progress(struct gate_rig *rig, unsigned job, uint64_t fence, uint64_t pseq,
                       const struct gate_rig_tally *tallies, unsigned count)
{
    static uint8_t        memory[HS_WIRE_PART_BYTES_MAX];
    struct hs_chunk_pool *pool = fresh_pool();
    union hs_msg          message = {0};
    struct hs_writer      writer;

    hs_writer_init(&writer, memory, sizeof memory);
    for (unsigned i = 0; i < count; i++) {
        struct hs_stats_encoder encoder;
        struct hs_stats         stats;
        uint64_t                sequence = 0;

        fill_stats(&stats, pool, &tallies[i]);
        hs_stats_encoder_init(&encoder, &stats, NULL);
        HS_CHECK_EQ(
            hs_step_parts_put(&writer, i << HS_STEP_PARTS_WORKFLOW_SHIFT, &encoder, &sequence), 0);
        hs_stats_fini(&stats);
    }
    gate_rig_name(message.dc_progress.job_id, job);
    message.dc_progress.manager_fence = fence;
    message.dc_progress.pseq = pseq;
    message.dc_progress.kind = HS_PROGRESS_FULL;
    message.dc_progress.status = HS_JOB_RUNNING;
    message.dc_progress.phase = HS_PHASE_LOAD;
    message.dc_progress.elapsed_ns = rig->elapsed_ns;
    message.dc_progress.payload = hs_view_of(memory, writer.used_bytes);
    gate_rig_manager(rig, HS_MSG_DC_PROGRESS, &message, 0);
}

struct hs_view gate_rig_record(unsigned workflow, const struct gate_rig_tally *tally)
{
    static uint8_t              memory[HS_WIRE_PART_BYTES_MAX];
    struct hs_run_record        record = {.workflow_idx = workflow,
                                          .state = HS_WORKFLOW_COMPLETED,
                                          .elapsed_ns = 10 * HS_NS_PER_S,
                                          .step_count = 1};
    struct hs_run_record_writer writer;
    struct hs_writer            out;
    struct hs_stats             stats;

    (void)snprintf(record.workflow, sizeof record.workflow, "w%u", workflow);
    fill_stats(&stats, fresh_pool(), tally);
    hs_writer_init(&out, memory, sizeof memory);
    hs_run_record_begin(&writer, &record, &out);
    hs_run_record_put_step(&writer, hs_view_text("home"), &stats);
    HS_CHECK_EQ(hs_run_record_end(&writer), 0);
    return hs_view_of(memory, out.used_bytes);
}

/* ---- ends ---- */

void gate_rig_results(struct gate_rig *rig, unsigned job, uint64_t fence, uint64_t request_id,
                      const struct gate_rig_end *ends, unsigned count)
{
    static uint8_t   memory[32768];
    union hs_msg     message = {0};
    struct hs_writer items;

    hs_writer_init(&items, memory, sizeof memory);
    for (unsigned i = 0; i < count; i++) {
        struct hs_msg_result_item item = {.workflow = (uint16_t)ends[i].workflow,
                                          .status = (uint8_t)ends[i].status,
                                          .elapsed_ns = rig->elapsed_ns};
        struct hs_ledger_digest   digest;

        if (ends[i].record.bytes) {
            hs_ledger_digest_of(ends[i].record, &digest);
            memcpy(item.digest, digest.bytes, sizeof item.digest);
        }
        hs_wire_put_row(HS_MSG_RESULT_ITEM, &item, &items);
    }
    gate_rig_name(message.dc_results.job_id, job);
    message.dc_results.manager_fence = fence;
    message.dc_results.items = hs_view_of(memory, items.used_bytes);
    gate_rig_manager(rig, HS_MSG_DC_RESULTS, &message, request_id);
}

void gate_rig_send_blob(struct gate_rig *rig, struct hs_view bytes, size_t piece_bytes)
{
    unsigned               asked = gate_rig_count_manager(rig, HS_MSG_BLOB_GET);
    struct gate_rig_frame *frame =
        asked ? gate_rig_to_manager(rig, HS_MSG_BLOB_GET, asked - 1) : NULL;
    union hs_msg message = {0};
    size_t       offset;

    HS_CHECK(frame != NULL);
    if (!frame) return;
    offset = (size_t)frame->message.blob_get.offset_bytes;
    HS_CHECK(offset < bytes.bytes);
    memcpy(message.blob_data.digest, frame->message.blob_get.digest, 32);
    message.blob_data.code = HS_RESULT_OK;
    message.blob_data.total_bytes = bytes.bytes;
    message.blob_data.offset_bytes = offset;
    message.blob_data.data =
        hs_view_of(bytes.data + offset,
                   bytes.bytes - offset < piece_bytes ? bytes.bytes - offset : piece_bytes);
    gate_rig_manager(rig, HS_MSG_BLOB_DATA, &message, 0);
}

void gate_rig_end(struct gate_rig *rig, unsigned job, unsigned status)
{
    struct gate_rig_end end = {.workflow = HS_WORKFLOW_ALL, .status = status};

    gate_rig_results(rig, job, 3, 40, &end, 1);
}
