// SPDX-License-Identifier: Apache-2.0
/* manager_rig.c - the world around a manager's core. */
#include "tests/unit/manager_rig.h"

#include "roles/manager/manager_fsm.h"
#include "roles/plan/plan.h"
#include "roles/stats/step_parts.h"
#include "shm/base/log.h"
#include "tests/check.h"

#include <stdlib.h>
#include <sys/mman.h>

#define LOAD "\"load\":{\"model\":\"closed\",\"vus\":8,\"for\":\"10s\"}"
const char rig_one[] = "{\"version\":1,\"workflows\":[{\"name\":\"a\"," LOAD "," RIG_STEPS "}]}";
const char rig_chain[] =
    "{\"version\":1,\"workflows\":[{\"name\":\"b\",\"depends_on\":[\"a\"]," LOAD "," RIG_STEPS
    "},{\"name\":\"a\"," LOAD "," RIG_STEPS "}]}";
const char rig_pair[] = "{\"version\":1,\"workflows\":[{\"name\":\"a\"," LOAD "," RIG_STEPS
                        "},{\"name\":\"b\"," LOAD "," RIG_STEPS "}]}";

static void *take(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) abort();
    return memory;
}

static struct hs_view copy_of(struct hs_view view)
{
    uint8_t *memory = malloc(view.bytes ? view.bytes : 1);

    if (!memory) abort();
    memcpy(memory, view.data, view.bytes);
    return hs_view_of(memory, view.bytes);
}

static const size_t plans_bytes = (size_t)HS_MANAGER_INTAKES * HS_PLAN_BYTES_MAX;
static const size_t results_bytes = (size_t)HS_MANAGER_ASSEMBLIES * HS_LEDGER_BLOB_BYTES_MAX;

static void take_memory(struct rig *rig)
{
    rig->memory = (struct hs_manager_memory){
        .state = take(sizeof *rig->memory.state),
        .live = take(sizeof *rig->memory.live),
        .maker = take(sizeof *rig->memory.maker),
        .plan_arena = take(HS_PLAN_ARENA_BYTES),
        .plans = take(plans_bytes),
        .results = take(results_bytes),
    };
    rig->manager = take(sizeof *rig->manager);
}

static void give_memory(struct rig *rig)
{
    (void)munmap(rig->memory.state, sizeof *rig->memory.state);
    (void)munmap(rig->memory.live, sizeof *rig->memory.live);
    (void)munmap(rig->memory.maker, sizeof *rig->memory.maker);
    (void)munmap(rig->memory.plan_arena, HS_PLAN_ARENA_BYTES);
    (void)munmap(rig->memory.plans, plans_bytes);
    (void)munmap(rig->memory.results, results_bytes);
    (void)munmap(rig->manager, sizeof *rig->manager);
}

/* ---- carrying out ---- */

static struct hs_view *view_to_keep(struct rig_frame *frame)
{
    switch ((unsigned)frame->type) {
    case HS_MSG_DC_RESULTS: return &frame->message.dc_results.items;
    case HS_MSG_DC_PROGRESS: return &frame->message.dc_progress.payload;
    default: return NULL;
    }
}

static void keep_frame(struct rig *rig, const struct hs_manager_action *action)
{
    struct rig_frame *frame = &rig->frames[rig->frame_count % RIG_FRAMES];
    struct hs_view   *view;

    rig->frame_count++;
    HS_CHECK(rig->frame_count < RIG_FRAMES);
    frame->type = action->message_type;
    frame->link = action->link == RIG_GATE ? 0 : action->link;
    frame->request_id = action->request_id;
    frame->message = action->message;
    view = view_to_keep(frame);
    if (!view || !view->bytes) return;
    HS_CHECK(view->bytes <= sizeof frame->bytes);
    memcpy(frame->bytes, view->data, view->bytes);
    view->data = frame->bytes;
}

static void keep_blob(struct rig *rig, struct hs_view bytes)
{
    struct hs_ledger_digest digest;

    hs_ledger_digest_of(bytes, &digest);
    if (rig_blob(rig, digest.bytes).bytes) return;
    if (rig->blob_count == RIG_BLOBS) abort();
    rig->digests[rig->blob_count] = digest;
    rig->blobs[rig->blob_count++] = copy_of(bytes);
}

static void add_answer(struct rig *rig, enum hs_ledger_answer_kind kind, uint64_t token,
                       struct hs_view entry)
{
    if (rig->answer_count == RIG_ANSWERS) abort();
    rig->answers[rig->answer_count++] = (struct rig_answer){kind, token, entry};
}

static void send_exec(struct rig *rig, const struct hs_manager_action *action)
{
    const struct hs_msg_exec_dispatch *dispatch = &action->message.exec_dispatch;

    if (action->link != rig->full_link) {
        keep_frame(rig, action);
        return;
    }
    rig->unsent_count++;
    hs_manager_on_unsent(rig->manager, &dispatch->exec, dispatch->exec_fence, rig->now_ns);
}

static void carry_out(struct rig *rig)
{
    struct hs_manager_actions *list = malloc(sizeof *list);

    if (!list) abort();
    *list = rig->actions; /* what follows fills the other one anew */
    rig->actions.count = 0;
    if (list->sample_count) rig->sample = list->samples[list->sample_count - 1];
    rig->sample_count += list->sample_count;
    rig->actions.sample_count = 0;
    for (unsigned i = 0; i < list->count; i++) {
        const struct hs_manager_action *action = &list->at[i];
        ptrdiff_t      offset = action->bytes.data ? action->bytes.data - rig->actions.memory : 0;
        bool           is_inside = offset >= 0 && (size_t)offset < sizeof list->memory;
        struct hs_view bytes = action->bytes;

        if (is_inside && bytes.bytes) bytes.data = list->memory + offset;
        switch (action->type) {
        case HS_MANAGER_PROPOSE:
            add_answer(rig, HS_LEDGER_APPLIED, action->token, copy_of(bytes));
            break;
        case HS_MANAGER_PUT_BLOB:
            keep_blob(rig, bytes);
            add_answer(rig, HS_LEDGER_BLOB_STORED, action->token, (struct hs_view){0});
            break;
        case HS_MANAGER_READ_BLOB:
            hs_manager_on_blob(rig->manager, action->token, rig_blob(rig, action->digest.bytes),
                               rig->now_ns, &rig->actions);
            carry_out(rig);
            break;
        case HS_MANAGER_SEND_GATE:
        case HS_MANAGER_SEND_LATEST:
        case HS_MANAGER_SEND_WORKER:
        case HS_MANAGER_SEND_BLOB: keep_frame(rig, action); break;
        case HS_MANAGER_SEND_EXEC: send_exec(rig, action); break;
        }
    }
    free(list);
}

static void deliver(struct rig *rig, const struct rig_answer *waiting)
{
    struct hs_ledger_answer answer = {.kind = waiting->kind, .token = waiting->token};

    if (waiting->kind == HS_LEDGER_APPLIED) {
        if (rig->entry_count == RIG_ENTRIES) abort();
        rig->entries[rig->entry_count++] = waiting->entry;
        answer.seq = ++rig->seq;
        answer.result = hs_manager_fsm_apply(rig->memory.state, answer.seq, waiting->entry);
    }
    hs_manager_on_answer(rig->manager, &answer, rig->now_ns, &rig->actions);
    carry_out(rig);
}

static bool deliver_all(struct rig *rig)
{
    struct rig_answer answers[RIG_ANSWERS];
    unsigned          count = rig->answer_count;

    if (rig->is_log_held) return false;
    memcpy(answers, rig->answers, count * sizeof answers[0]);
    rig->answer_count = 0;
    for (unsigned i = 0; i < count; i++) deliver(rig, &answers[i]);
    return count > 0;
}

void rig_settle(struct rig *rig)
{
    uint64_t deadline_ns;
    unsigned rounds = 0;

    do {
        deadline_ns = hs_manager_turn(rig->manager, rig->now_ns, &rig->actions);
        carry_out(rig);
        if (++rounds > 1000) abort(); /* it never comes to rest */
    } while (deliver_all(rig) || rig->manager->is_dirty || deadline_ns <= rig->now_ns);
}

void rig_pass(struct rig *rig, uint64_t ns)
{
    uint64_t end_ns = rig->now_ns + ns;

    while (rig->now_ns < end_ns) {
        rig->now_ns = hs_min_u64(end_ns, rig->now_ns + 100 * HS_NS_PER_MS);
        rig_settle(rig);
    }
}

/* ---- life ---- */

static void start(struct rig *rig)
{
    struct hs_ledger_answer leading = {.kind = HS_LEDGER_LEADING};

    take_memory(rig);
    for (unsigned i = 0; i < rig->entry_count; i++)
        (void)hs_manager_fsm_apply(rig->memory.state, i + 1, rig->entries[i]);
    hs_manager_init(rig->manager, &rig->config, &rig->memory);
    hs_manager_on_answer(rig->manager, &leading, rig->now_ns, &rig->actions);
    carry_out(rig);
    rig_gate_up(rig);
    carry_out(rig);
    rig_settle(rig);
}

/* What it says is for operators. */
static void drop_line(void *context, enum hs_log_level level, const char *module, const char *line)
{
    (void)context;
    (void)level;
    (void)module;
    (void)line;
}

struct rig *rig_open(void)
{
    struct rig *rig = take(sizeof *rig);

    hs_log_set_sink(drop_line, NULL, HS_LOG_ERROR);
    rig->now_ns = 1000 * HS_NS_PER_S;
    rig->config = (struct hs_manager_config){.has_one_gate = true,
                                             .incarnation = 1,
                                             .generation = 1,
                                             .datacenter = "local",
                                             .finished_job_retention_ns = 3600 * HS_NS_PER_S,
                                             .worker_lost_after_ns = 15 * HS_NS_PER_S,
                                             .dispatch_ack_timeout_ns = 5 * HS_NS_PER_S,
                                             .dispatch_attempts = 3,
                                             .retries_max = 20,
                                             .workflow_retries_max = 3,
                                             .retry_backoff_min_ns = HS_NS_PER_S,
                                             .retry_backoff_max_ns = 60 * HS_NS_PER_S,
                                             .stuck_after_ns = 120 * HS_NS_PER_S,
                                             .job_silent_after_ns = 30 * HS_NS_PER_S};
    start(rig);
    return rig;
}

void rig_close(struct rig *rig)
{
    HS_CHECK(hs_manager_state_validate(rig->memory.state));
    hs_log_set_sink(NULL, NULL, HS_LOG_INFO);
    give_memory(rig);
    for (unsigned i = 0; i < rig->blob_count; i++) free((void *)(uintptr_t)rig->blobs[i].data);
    for (unsigned i = 0; i < rig->entry_count; i++) free((void *)(uintptr_t)rig->entries[i].data);
    for (unsigned i = 0; i < rig->answer_count; i++)
        free((void *)(uintptr_t)rig->answers[i].entry.data);
    (void)munmap(rig, sizeof *rig);
}

void rig_restart(struct rig *rig, uint64_t incarnation)
{
    for (unsigned i = 0; i < rig->answer_count; i++)
        free((void *)(uintptr_t)rig->answers[i].entry.data);
    rig->answer_count = 0;
    give_memory(rig);
    rig->config.generation++;
    rig->config.incarnation = incarnation;
    start(rig);
}

void rig_forget(struct rig *rig)
{
    rig->frame_count = 0;
}

/* ---- frames ---- */

void rig_gate_up(struct rig *rig)
{
    rig_other_gate_up(rig, RIG_GATE);
}

void rig_other_gate_up(struct rig *rig, uint32_t gate)
{
    HS_CHECK_EQ(hs_manager_on_gate_up(rig->manager, gate, rig->now_ns, &rig->actions), 0);
    carry_out(rig);
}

void rig_other_gate(struct rig *rig, uint32_t gate, enum hs_msg_type type,
                    const union hs_msg *message)
{
    struct hs_manager_frame frame = {.type = type, .message = message};

    hs_manager_on_gate(rig->manager, gate, &frame, rig->now_ns, &rig->actions);
    carry_out(rig);
    rig_settle(rig);
}

void rig_gate(struct rig *rig, enum hs_msg_type type, const union hs_msg *message)
{
    rig_other_gate(rig, RIG_GATE, type, message);
}

void rig_worker(struct rig *rig, uint32_t link, enum hs_msg_type type, const union hs_msg *message)
{
    struct hs_manager_frame frame = {.type = type, .request_id = 7, .message = message};

    hs_manager_on_worker(rig->manager, link, &frame, rig->now_ns, &rig->actions);
    carry_out(rig);
    rig_settle(rig);
}

struct rig_frame *rig_find(struct rig *rig, enum hs_msg_type type, uint32_t link, unsigned n)
{
    for (unsigned i = 0; i < rig->frame_count; i++)
        if (rig->frames[i].type == type && rig->frames[i].link == link && n-- == 0)
            return &rig->frames[i];
    return NULL;
}

unsigned rig_count(struct rig *rig, enum hs_msg_type type, uint32_t link)
{
    unsigned count = 0;

    while (rig_find(rig, type, link, count)) count++;
    return count;
}

struct hs_view rig_blob(struct rig *rig, const uint8_t digest[32])
{
    for (unsigned i = 0; i < rig->blob_count; i++)
        if (memcmp(rig->digests[i].bytes, digest, 32) == 0) return rig->blobs[i];
    return (struct hs_view){0};
}

/* ---- scenes ---- */

void rig_name(uint8_t job_id[16], unsigned job)
{
    memset(job_id, 0, 16);
    memcpy(job_id, &job, sizeof job);
}

void rig_dispatch(struct rig *rig, unsigned job, const char *plan)
{
    union hs_msg                message = {0};
    struct hs_msg_job_dispatch *dispatch = &message.job_dispatch;
    struct hs_ledger_digest     digest;

    rig_name(dispatch->job_id, job);
    dispatch->birth_fence = dispatch->gate_fence = 10;
    dispatch->plan = hs_view_text(plan);
    dispatch->plan_bytes = (uint32_t)dispatch->plan.bytes;
    hs_ledger_digest_of(dispatch->plan, &digest);
    memcpy(dispatch->digest, digest.bytes, sizeof dispatch->digest);
    dispatch->remaining_ns = 600 * HS_NS_PER_S;
    rig_gate(rig, HS_MSG_JOB_DISPATCH, &message);
}

void rig_register(struct rig *rig, unsigned worker, uint32_t link, uint64_t incarnation,
                  unsigned cores)
{
    union hs_msg message = {0};

    memcpy(message.wreg.worker, &worker, sizeof worker);
    message.wreg.incarnation = incarnation;
    message.wreg.generation = link;
    message.wreg.cores = (uint16_t)cores;
    message.wreg.engines_mask = UINT64_MAX;
    rig_worker(rig, link, HS_MSG_WREG, &message);
}

void rig_tell_state(struct rig *rig, uint32_t link, const struct hs_msg_exec_dispatch *running,
                    unsigned count)
{
    struct hs_manager_worker *worker = hs_workers_find_link(&rig->manager->workers, link);
    union hs_msg              message = {0};
    uint8_t                   memory[65536];
    struct hs_writer          rows;

    HS_CHECK(worker != NULL);
    hs_writer_init(&rows, memory, sizeof memory);
    for (unsigned i = 0; i < count; i++) {
        struct hs_msg_exec_row row = {.exec = running[i].exec,
                                      .exec_fence = running[i].exec_fence,
                                      .state = HS_EXEC_RUNNING,
                                      .cores = running[i].cores};

        hs_wire_put_row(HS_MSG_EXEC_ROW, &row, &rows);
    }
    message.wstate.session = worker ? worker->session : 0;
    message.wstate.manager_fence = rig->memory.state->leader_fence;
    message.wstate.rows = hs_view_of(memory, rows.used_bytes);
    rig_worker(rig, link, HS_MSG_WSTATE, &message);
}

void rig_beat(struct rig *rig, uint32_t link, unsigned execs)
{
    struct hs_manager_worker *worker = hs_workers_find_link(&rig->manager->workers, link);
    union hs_msg              message = {0};

    HS_CHECK(worker != NULL);
    message.whb.session = worker ? worker->session : 0;
    message.whb.engines_mask = UINT64_MAX;
    message.whb.exec_count = (uint16_t)execs;
    rig_worker(rig, link, HS_MSG_WHB, &message);
}

void rig_ack(struct rig *rig, uint32_t link, const struct hs_msg_exec_dispatch *dispatch,
             enum hs_result_code code)
{
    union hs_msg message = {0};

    message.exec_ack.exec = dispatch->exec;
    message.exec_ack.exec_fence = dispatch->exec_fence;
    message.exec_ack.code = (uint16_t)code;
    rig_worker(rig, link, HS_MSG_EXEC_ACK, &message);
}

/* A payload: so many requests sent, all of them completed, on step 0. */
static struct hs_view payload_of(uint64_t sent, uint64_t sequence)
{
    static struct hs_chunk      chunks[1024];
    static uint8_t              memory[65536];
    static struct hs_chunk_pool pool;
    struct hs_stats             stats;
    struct hs_stats_encoder     encoder;
    struct hs_writer            writer;

    hs_chunk_pool_init(&pool, chunks, 1024);
    hs_stats_init(&stats, &pool);
    stats.tallies[HS_TALLY_SENT] = sent;
    for (uint64_t i = 0; i < sent; i++)
        HS_CHECK_EQ(hs_stats_record(&stats, HS_MEASURE_RESPONSE, 1000000 + i % 97), 0);
    hs_writer_init(&writer, memory, sizeof memory);
    hs_stats_encoder_init(&encoder, &stats, NULL);
    sequence--;
    HS_CHECK_EQ(hs_step_parts_put(&writer, 0, &encoder, &sequence), 0);
    return hs_view_of(memory, writer.used_bytes);
}

void rig_progress(struct rig *rig, uint32_t link, const struct hs_msg_exec_dispatch *dispatch,
                  uint64_t sent, uint64_t sequence)
{
    union hs_msg message = {0};

    message.exec_progress.exec = dispatch->exec;
    message.exec_progress.exec_fence = dispatch->exec_fence;
    message.exec_progress.pseq = sequence;
    message.exec_progress.kind = HS_PROGRESS_FULL;
    message.exec_progress.phase = HS_PHASE_LOAD;
    message.exec_progress.payload = payload_of(sent, sequence);
    rig_worker(rig, link, HS_MSG_EXEC_PROGRESS, &message);
}

void rig_result(struct rig *rig, uint32_t link, const struct hs_msg_exec_dispatch *dispatch,
                enum hs_exec_outcome outcome, uint64_t sent)
{
    union hs_msg message = {0};

    message.exec_result.exec = dispatch->exec;
    message.exec_result.exec_fence = dispatch->exec_fence;
    message.exec_result.outcome = (uint8_t)outcome;
    message.exec_result.elapsed_ns = 11 * HS_NS_PER_S;
    message.exec_result.payload = payload_of(sent, 1000);
    rig_worker(rig, link, HS_MSG_EXEC_RESULT, &message);
}

const struct hs_msg_exec_dispatch *rig_share(struct rig *rig, uint32_t link, unsigned n)
{
    struct rig_frame *frame = rig_find(rig, HS_MSG_EXEC_DISPATCH, link, n);

    if (!frame) (void)fprintf(stderr, "no share %u for link %u\n", n, link);
    if (!frame) abort();
    return &frame->message.exec_dispatch;
}

struct hs_manager_job *rig_job(struct rig *rig, unsigned job)
{
    uint8_t job_id[16];

    rig_name(job_id, job);
    return hs_manager_find_job(rig->memory.state, job_id);
}

struct hs_manager_workflow *rig_workflow(struct rig *rig, unsigned job, unsigned workflow)
{
    return hs_manager_workflow_at(rig->memory.state, rig_job(rig, job), workflow);
}

struct rig *rig_open_with_worker(unsigned cores)
{
    struct rig *rig = rig_open();

    rig_register(rig, 1, 1, 1, cores);
    rig_tell_state(rig, 1, NULL, 0);
    return rig;
}

unsigned rig_dispatch_code(struct rig *rig, unsigned n)
{
    struct rig_frame *frame = rig_find(rig, HS_MSG_JOB_DISPATCH_ACK, 0, n);

    HS_CHECK(frame != NULL);
    return frame ? frame->message.job_dispatch_ack.code : HS_RESULT_COUNT;
}

unsigned rig_last_stage(struct rig *rig, uint32_t link)
{
    unsigned          count = rig_count(rig, HS_MSG_EXEC_RESULT_ACK, link);
    struct rig_frame *frame = rig_find(rig, HS_MSG_EXEC_RESULT_ACK, link, count - 1);

    HS_CHECK(frame != NULL);
    return frame ? frame->message.exec_result_ack.stage : HS_STAGE_COUNT;
}

void rig_ack_results(struct rig *rig, unsigned job, unsigned code)
{
    union hs_msg message = {0};

    rig_name(message.dc_results_ack.job_id, job);
    message.dc_results_ack.code = (uint16_t)code;
    rig_gate(rig, HS_MSG_DC_RESULTS_ACK, &message);
}

void rig_cancel(struct rig *rig, unsigned job, unsigned workflow, uint8_t request)
{
    union hs_msg message = {0};

    rig_name(message.job_cancel.job_id, job);
    message.job_cancel.gate_fence = 10;
    message.job_cancel.workflow = (uint16_t)workflow;
    message.job_cancel.request_id[0] = request;
    message.job_cancel.cascade = 1;
    rig_gate(rig, HS_MSG_JOB_CANCEL, &message);
}

void rig_release(struct rig *rig, unsigned job)
{
    union hs_msg message = {0};

    rig_name(message.job_release.job_id, job);
    message.job_release.gate_fence = 10;
    rig_gate(rig, HS_MSG_JOB_RELEASE, &message);
}

/* The items of the last DC_RESULTS: how many; *last is the last of them. */
unsigned rig_last_items(struct rig *rig, struct hs_msg_result_item *last)
{
    unsigned          sent = rig_count(rig, HS_MSG_DC_RESULTS, 0), count = 0;
    struct rig_frame *frame = rig_find(rig, HS_MSG_DC_RESULTS, 0, sent - 1);
    struct hs_reader  rows;

    if (!frame) return 0;
    hs_reader_init(&rows, frame->message.dc_results.items);
    while (hs_wire_get_row(HS_MSG_RESULT_ITEM, &rows, last) == 1) count++;
    return count;
}
