// SPDX-License-Identifier: Apache-2.0
/* gate_rig.c - the world around a gate's core. Scenes are in gate_scenes.c. */
#include "tests/unit/gate_rig.h"

#include "roles/plan/plan.h"
#include "shm/base/log.h"
#include "tests/check.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

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
    if (view.bytes) memcpy(memory, view.data, view.bytes);
    return hs_view_of(memory, view.bytes);
}

static void give(struct hs_view *view)
{
    union {
        const uint8_t *view;
        void          *memory;
    } pointer = {.view = view->data};

    free(pointer.memory);
    *view = (struct hs_view){0};
}

/* ---- what the core asks for ---- */

static struct gate_rig *rig_of(void *self)
{
    return self;
}

/* As bytes and back: what the wire cannot carry fails here. */
static void *travel(enum hs_msg_type type, const void *message, union hs_msg *arrived)
{
    size_t           room = hs_wire_bytes_max(type, message);
    void            *bytes = malloc(room);
    struct hs_writer writer;

    if (!bytes) abort();
    hs_writer_init(&writer, bytes, room);
    HS_CHECK_EQ(hs_wire_encode(type, message, &writer), 0);
    HS_CHECK(writer.used_bytes <= HS_FRAME_BODY_BYTES_MAX);
    HS_CHECK_EQ(hs_wire_decode(type, hs_view_of(bytes, writer.used_bytes), arrived), 0);
    return bytes;
}

static void keep_frame(struct gate_rig *rig, bool is_to_manager, unsigned peer,
                       enum hs_msg_type type, const void *message, uint64_t request_id)
{
    struct gate_rig_frame *frame = &rig->frames[rig->frame_count];

    if (++rig->frame_count >= GATE_RIG_FRAMES) abort();
    *frame = (struct gate_rig_frame){
        .type = type, .is_to_manager = is_to_manager, .peer = peer, .request_id = request_id};
    frame->bytes = travel(type, message, &frame->message);
}

static int reply(void *self, unsigned client, enum hs_msg_type type, const void *message,
                 uint64_t request_id)
{
    if (rig_of(self)->is_stuck[client]) return -ENOBUFS;
    keep_frame(self, false, client, type, message, request_id);
    return 0;
}

static int push_latest(void *self, unsigned client, enum hs_msg_type type, const void *message)
{
    keep_frame(self, false, client, type, message, 0);
    return 0;
}

static bool is_behind(void *self, unsigned client)
{
    return rig_of(self)->is_behind[client];
}

static void cut_off(void *self, unsigned client)
{
    rig_of(self)->cut_offs[client]++;
}

static int send_manager(void *self, unsigned manager, enum hs_msg_type type, const void *message,
                        uint64_t request_id)
{
    if (!rig_of(self)->gate->managers[manager].is_up) return -ENOTCONN;
    if (rig_of(self)->is_full[manager] && hs_wire_traffic(type) != HS_TRAFFIC_CONTROL)
        return -ENOBUFS;
    keep_frame(self, true, manager, type, message, request_id);
    return 0;
}

static int push_proposal(struct gate_rig *rig, struct hs_view bytes, uint64_t token, bool is_blob)
{
    if (rig->is_log_busy || rig->queue_count == GATE_RIG_QUEUE) return -ENOBUFS;
    rig->queue[rig->queue_count++] =
        (struct gate_rig_proposal){.token = token, .bytes = copy_of(bytes), .is_blob = is_blob};
    return 0;
}

static int propose(void *self, struct hs_view entry, uint64_t token)
{
    return push_proposal(self, entry, token, false);
}

static int find_blob(const struct gate_rig *rig, const struct hs_ledger_digest *digest)
{
    for (unsigned i = 0; i < rig->blob_count; i++)
        if (memcmp(&rig->digests[i], digest, sizeof *digest) == 0) return (int)i;
    return -1;
}

static int blob_put(void *self, struct hs_view bytes, struct hs_ledger_digest *digest,
                    uint64_t token)
{
    hs_ledger_digest_of(bytes, digest);
    return push_proposal(self, bytes, token, true);
}

static int64_t blob_get(void *self, const struct hs_ledger_digest *digest, void *memory,
                        size_t capacity_bytes)
{
    struct gate_rig *rig = self;
    int              at = find_blob(rig, digest);

    if (at < 0) return -ENOENT;
    if (!memory) return (int64_t)rig->blobs[at].bytes;
    if (capacity_bytes < rig->blobs[at].bytes) return -EMSGSIZE;
    memcpy(memory, rig->blobs[at].data, rig->blobs[at].bytes);
    return (int64_t)rig->blobs[at].bytes;
}

/* sent = completed + failed + cut + what is in flight, and nothing falls. */
static void check_row(const struct hs_job_row *row, const struct hs_job_row *before)
{
    HS_CHECK(row->sent >= row->completed + row->failed + row->cut);
    HS_CHECK(row->started_at_ns <= row->updated_at_ns);
    if (!before) return;
    HS_CHECK(row->sent + row->discarded >= before->sent + before->discarded);
    HS_CHECK(row->completed + row->discarded >= before->completed);
    HS_CHECK(row->dropped >= before->dropped);
    HS_CHECK(row->shed >= before->shed);
    HS_CHECK(row->lost >= before->lost);
    HS_CHECK(row->cut + row->discarded >= before->cut);
    HS_CHECK(row->discarded >= before->discarded);
    HS_CHECK(row->updated_at_ns >= before->updated_at_ns);
    if (before->state >= HS_JOB_COMPLETED) HS_CHECK_EQ(row->state, before->state);
}

static void show_job(void *self, uint32_t job_idx, const struct hs_job_row *row)
{
    struct gate_rig   *rig = self;
    struct hs_job_row *before = &rig->rows[job_idx];
    bool               is_same =
        rig->is_shown[job_idx] && row && memcmp(before->id, row->id, sizeof row->id) == 0;

    if (row) check_row(row, is_same ? before : NULL);
    rig->is_shown[job_idx] = row != NULL;
    if (row) *before = *row;
}

static void show_manager(void *self, unsigned manager)
{
    HS_CHECK(manager < HS_GATE_MANAGERS_MAX);
    HS_CHECK(rig_of(self)->gate != NULL);
}

static void drop_manager(void *self, unsigned manager)
{
    HS_CHECK(manager < HS_GATE_MANAGERS_MAX);
    rig_of(self)->drops++;
}

static void note_dispatch(void *self, const struct hs_dispatch_time *record)
{
    HS_CHECK(record->sent_at_ns != 0);
    rig_of(self)->dispatch_notes++;
}

static void note_event(void *self, const struct hs_event_record *record)
{
    rig_of(self)->event_notes[record->kind]++;
}

static void note_latency(void *self, const struct hs_latency_sample *record)
{
    HS_CHECK(record->round_trip_ns <= rig_of(self)->now_ns);
    rig_of(self)->latency_notes++;
}

static void breadcrumb(void *self, const uint8_t job_id[HS_JOB_ID_BYTES], uint64_t digest)
{
    (void)self;
    (void)job_id;
    (void)digest;
}

static bool is_disk_full(void *self)
{
    return rig_of(self)->is_disk_full;
}

static bool is_quarantined(void *self, uint64_t digest)
{
    return rig_of(self)->quarantined && rig_of(self)->quarantined == digest;
}

static uint64_t wall_ns(void *self)
{
    return rig_of(self)->wall_ns;
}

static void count(void *self, unsigned counter)
{
    HS_CHECK(counter < HS_COUNT_END);
    rig_of(self)->counts[counter]++;
}

/* ---- a life ---- */

static const size_t uploads_bytes = (size_t)HS_GATE_CLIENTS_MAX * HS_PLAN_BYTES_MAX;
static const size_t fetches_bytes = (size_t)HS_GATE_FETCHES_MAX * HS_LEDGER_BLOB_BYTES_MAX;
static const size_t chunks_bytes = (size_t)HS_PROGRESS_CHUNKS * sizeof(struct hs_chunk);

static void connect_out(struct gate_rig *rig)
{
    rig->gate->out = (struct hs_gate_out){.self = rig,
                                          .reply = reply,
                                          .push_latest = push_latest,
                                          .is_behind = is_behind,
                                          .cut_off = cut_off,
                                          .send = send_manager,
                                          .propose = propose,
                                          .blob_put = blob_put,
                                          .blob_get = blob_get,
                                          .show_job = show_job,
                                          .show_manager = show_manager,
                                          .drop_manager = drop_manager,
                                          .note_dispatch = note_dispatch,
                                          .note_latency = note_latency,
                                          .note_event = note_event,
                                          .breadcrumb = breadcrumb,
                                          .is_quarantined = is_quarantined,
                                          .is_disk_full = is_disk_full,
                                          .wall_ns = wall_ns,
                                          .count = count};
}

static void begin_life(struct gate_rig *rig)
{
    struct hs_gate *gate = take(sizeof *gate);
    uint8_t        *uploads = take(uploads_bytes);
    uint8_t        *fetches = take(fetches_bytes);

    rig->gate = gate;
    connect_out(rig);
    gate->limits = (struct hs_gate_limits){.here = {"home", "north"},
                                           .active_jobs_max = 8,
                                           .finished_jobs_max = 4,
                                           .retention_ns = 300 * HS_NS_PER_S,
                                           .dispatch_ack_timeout_ns = 5 * HS_NS_PER_S,
                                           .dispatch_attempts = 3,
                                           .manager_wait_ns = 60 * HS_NS_PER_S,
                                           .progress_interval_ns = 250 * HS_NS_PER_MS,
                                           .cancel_timeout_ns = 60 * HS_NS_PER_S,
                                           .job_silent_after_ns = rig->job_silent_after_ns
                                                                      ? rig->job_silent_after_ns
                                                                      : HS_NEVER_NS / 4};
    gate->fsm = take(sizeof *gate->fsm);
    gate->progress = take(sizeof *gate->progress);
    gate->silence = take(sizeof *gate->silence);
    gate->soft = take(sizeof *gate->soft * HS_GATE_JOBS_MAX);
    gate->blob_memory = take(HS_LEDGER_BLOB_BYTES_MAX);
    gate->stats_memory = take(HS_WIRE_PART_BYTES_MAX);
    gate->now_ns = rig->now_ns;
    hs_arena_init(&gate->arena, take(HS_PLAN_ARENA_BYTES), HS_PLAN_ARENA_BYTES);
    hs_progress_init(gate->progress, take(chunks_bytes));
    hs_stats_init(&gate->scratch, &gate->progress->pool);
    for (unsigned i = 0; i < HS_GATE_CLIENTS_MAX; i++)
        gate->uploads[i].memory = uploads + (size_t)i * HS_PLAN_BYTES_MAX;
    for (unsigned i = 0; i < HS_GATE_FETCHES_MAX; i++)
        gate->fetches[i].memory = fetches + (size_t)i * HS_LEDGER_BLOB_BYTES_MAX;
    rig->is_led = false;
}

static void end_life(struct gate_rig *rig)
{
    struct hs_gate *gate = rig->gate;

    for (unsigned i = 0; i < rig->queue_count; i++) give(&rig->queue[i].bytes);
    rig->queue_count = 0;
    (void)munmap(gate->uploads[0].memory, uploads_bytes);
    (void)munmap(gate->fetches[0].memory, fetches_bytes);
    (void)munmap(gate->progress->pool.chunks, chunks_bytes);
    (void)munmap(gate->arena.memory, HS_PLAN_ARENA_BYTES);
    (void)munmap(gate->fsm, sizeof *gate->fsm);
    (void)munmap(gate->progress, sizeof *gate->progress);
    (void)munmap(gate->silence, sizeof *gate->silence);
    (void)munmap(gate->soft, sizeof *gate->soft * HS_GATE_JOBS_MAX);
    (void)munmap(gate->blob_memory, HS_LEDGER_BLOB_BYTES_MAX);
    (void)munmap(gate->stats_memory, HS_WIRE_PART_BYTES_MAX);
    (void)munmap(gate, sizeof *gate);
    rig->gate = NULL;
}

static void drop_line(void *context, enum hs_log_level level, const char *module, const char *line)
{
    (void)context;
    (void)level;
    (void)module;
    (void)line;
}

struct gate_rig *gate_rig_open_idle(void)
{
    struct gate_rig *rig = take(sizeof *rig);

    hs_log_set_sink(drop_line, NULL, HS_LOG_ERROR);
    rig->now_ns = 1000 * HS_NS_PER_S;
    begin_life(rig);
    hs_gate_recovered(rig->gate);
    return rig;
}

void gate_manager_enter(struct hs_gate *gate)
{
    struct hs_gate_peer peer = {
        .is_local = true, .datacenter = "dc", .name = "", .address = "local"};

    HS_CHECK_EQ(hs_gate_manager_enter(gate, &peer), 0);
}

struct gate_rig *gate_rig_open(void)
{
    struct gate_rig *rig = gate_rig_open_idle();

    hs_gate_client_opened(rig->gate, 0);
    gate_manager_enter(rig->gate);
    gate_rig_settle(rig);
    return rig;
}

void gate_rig_close(struct gate_rig *rig)
{
    gate_rig_forget(rig);
    end_life(rig);
    for (unsigned i = 0; i < rig->blob_count; i++) give(&rig->blobs[i]);
    for (unsigned i = 0; i < rig->entry_count; i++) give(&rig->entries[i]);
    (void)munmap(rig, sizeof *rig);
    hs_log_set_sink(NULL, NULL, HS_LOG_INFO);
}

/* As gate_shares_io.c does it with the rows of the table in shared memory. */
static void adopt_rows(struct gate_rig *rig)
{
    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++) {
        bool is_known = rig->is_shown[i] && hs_gate_adopt_row(rig->gate, &rig->rows[i]);

        if (rig->is_shown[i] && !is_known) rig->is_shown[i] = false;
    }
}

void gate_rig_restart(struct gate_rig *rig)
{
    end_life(rig);
    memset(rig->is_stuck, 0, sizeof rig->is_stuck);
    memset(rig->is_behind, 0, sizeof rig->is_behind);
    begin_life(rig);
    for (unsigned i = 0; i < rig->entry_count; i++)
        (void)hs_gate_fsm_apply(rig->gate->fsm, i + 1, rig->entries[i]);
    hs_gate_recovered(rig->gate);
    adopt_rows(rig);
}

/* ---- time and the log ---- */

static void keep_blob(struct gate_rig *rig, struct hs_view *bytes)
{
    struct hs_ledger_digest digest;

    hs_ledger_digest_of(*bytes, &digest);
    if (find_blob(rig, &digest) >= 0) {
        give(bytes);
        return;
    }
    if (rig->blob_count == GATE_RIG_BLOBS) abort();
    rig->digests[rig->blob_count] = digest;
    rig->blobs[rig->blob_count++] = *bytes;
}

/* The first proposal becomes durable, is applied and answered. */
static void settle_one(struct gate_rig *rig)
{
    struct gate_rig_proposal first = rig->queue[0];
    struct hs_ledger_answer  answer = {.kind = HS_LEDGER_APPLIED, .token = first.token};

    memmove(rig->queue, rig->queue + 1, --rig->queue_count * sizeof rig->queue[0]);
    if (rig->log_fails) {
        rig->log_fails--;
        answer.kind = HS_LEDGER_UNKNOWN;
        give(&first.bytes);
    } else if (first.is_blob) {
        answer.kind = HS_LEDGER_BLOB_STORED;
        keep_blob(rig, &first.bytes);
    } else {
        if (rig->entry_count == GATE_RIG_ENTRIES) abort();
        rig->entries[rig->entry_count++] = first.bytes;
        answer.seq = rig->seq = rig->entry_count;
        answer.result = hs_gate_fsm_apply(rig->gate->fsm, rig->seq, first.bytes);
    }
    hs_gate_ledger_answer(rig->gate, &answer);
}

void gate_rig_settle(struct gate_rig *rig)
{
    if (!rig->is_led) {
        rig->is_led = true;
        hs_gate_ledger_answer(rig->gate,
                              &(struct hs_ledger_answer){.kind = HS_LEDGER_LEADING, .seq = 0});
    }
    for (unsigned i = 0;; i++) {
        uint64_t due_ns = hs_gate_turn(rig->gate, rig->now_ns);

        if (rig->queue_count && !rig->is_log_held)
            settle_one(rig);
        else if (due_ns > rig->now_ns)
            break;
        HS_CHECK(i < 100000); /* else it spins */
        if (i >= 100000) break;
    }
}

/* The manager says each second that all is well, whatever the test is about. */
static void beat(struct gate_rig *rig)
{
    const struct hs_gate_manager *manager = &rig->gate->managers[0];
    union hs_msg                  message = {0};

    if (!manager->is_up || rig->is_silent ||
        (manager->beat_at_ns && rig->now_ns - manager->beat_at_ns < HS_NS_PER_S))
        return;
    message.mhb.manager_fence = manager->fence ? manager->fence : 1;
    message.mhb.cores_total = message.mhb.cores_free = 4;
    message.mhb.workers = message.mhb.workers_known = message.mhb.workers_alive = 1;
    rig->gate->now_ns = hs_max_u64(rig->gate->now_ns, rig->now_ns);
    hs_gate_manager_frame(rig->gate, 0, HS_MSG_MHB, &message, 0);
}

void gate_rig_pass(struct gate_rig *rig, uint64_t ns)
{
    uint64_t end_ns = rig->now_ns + ns;

    while (rig->now_ns < end_ns) {
        rig->now_ns = hs_min_u64(end_ns, rig->now_ns + 100 * HS_NS_PER_MS);
        beat(rig);
        gate_rig_settle(rig);
    }
}

void gate_rig_forget(struct gate_rig *rig)
{
    for (unsigned i = 0; i < rig->frame_count; i++) free(rig->frames[i].bytes);
    rig->frame_count = 0;
}

/* ---- frames ---- */

void gate_rig_client(struct gate_rig *rig, unsigned client, enum hs_msg_type type,
                     const union hs_msg *message, uint64_t request_id)
{
    union hs_msg arrived;
    void        *bytes = travel(type, message, &arrived);

    hs_gate_client_frame(rig->gate, client, type, &arrived, request_id);
    free(bytes);
    gate_rig_settle(rig);
}

void gate_rig_manager(struct gate_rig *rig, enum hs_msg_type type, const union hs_msg *message,
                      uint64_t request_id)
{
    union hs_msg arrived;
    void        *bytes = travel(type, message, &arrived);

    hs_gate_manager_frame(rig->gate, 0, type, &arrived, request_id);
    free(bytes);
    gate_rig_settle(rig);
}

static struct gate_rig_frame *find(struct gate_rig *rig, bool is_to_manager, enum hs_msg_type type,
                                   unsigned peer, unsigned *n)
{
    for (unsigned i = 0; i < rig->frame_count; i++) {
        struct gate_rig_frame *frame = &rig->frames[i];

        if (frame->is_to_manager == is_to_manager && frame->type == type && frame->peer == peer &&
            !(*n)--)
            return frame;
    }
    return NULL;
}

struct gate_rig_frame *gate_rig_find(struct gate_rig *rig, enum hs_msg_type type, unsigned client,
                                     unsigned n)
{
    return find(rig, false, type, client, &n);
}

unsigned gate_rig_count(struct gate_rig *rig, enum hs_msg_type type, unsigned client)
{
    unsigned n = UINT32_MAX;

    (void)find(rig, false, type, client, &n);
    return UINT32_MAX - n;
}

struct gate_rig_frame *gate_rig_to_manager(struct gate_rig *rig, enum hs_msg_type type, unsigned n)
{
    return find(rig, true, type, 0, &n);
}

unsigned gate_rig_count_of(struct gate_rig *rig, enum hs_msg_type type, unsigned manager)
{
    unsigned n = UINT32_MAX;

    (void)find(rig, true, type, manager, &n);
    return UINT32_MAX - n;
}

unsigned gate_rig_count_manager(struct gate_rig *rig, enum hs_msg_type type)
{
    return gate_rig_count_of(rig, type, 0);
}
