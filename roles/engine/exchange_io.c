// SPDX-License-Identifier: Apache-2.0
/* exchange_io.c - one request of one virtual user over one of its connections: connect if need be,
 * send, read the answer, time it, judge it, count it. The hot path of the program. */
#include "ipc/addr.h"
#include "roles/engine/judge.h"
#include "roles/engine/run.h"
#include "roles/stats/figures_record.h"
#include "shm/base/list.h"
#include "shm/base/time.h"

#include <errno.h>
#include <string.h>

static const struct hs_image_step *step_of(const struct hs_run *run, const struct hs_vu *vu)
{
    return hs_image_step_at(run->image, vu->step_idx);
}

static struct hs_lane *lane_of(const struct hs_run *run, const struct hs_vu *vu)
{
    uint32_t target_idx = step_of(run, vu)->target_idx;

    return &run->lanes[hs_run_vu_idx(run, vu) * run->lanes_per_vu + target_idx % run->lanes_per_vu];
}

static bool is_asking_here(const struct hs_lane *lane)
{
    const struct hs_vu *vu = &lane->run->vus[lane->vu_idx];

    return vu->state == HS_VU_ASKING && lane_of(lane->run, vu) == lane;
}

/* ---- outcomes ---- */

static uint64_t since(uint64_t later_ns, uint64_t earlier_ns)
{
    return later_ns > earlier_ns ? later_ns - earlier_ns : 0;
}

static void fail(struct hs_run *run, struct hs_vu *vu, enum hs_error_class error, unsigned status)
{
    uint64_t now_ns = hs_loop_now_ns(run->loop);

    hs_figures_failed(hs_run_page(run, vu), error, since(now_ns, vu->due_ns), status);
    hs_run_advance(run, vu, now_ns, true);
}

static enum hs_error_class connect_error(int code)
{
    switch (-code) {
    case ENOENT: return HS_ERROR_DNS_NXDOMAIN; /* these three: struct hs_image_target */
    case ETIME: return HS_ERROR_DNS_TIMEOUT;
    case EREMOTEIO: return HS_ERROR_DNS_SERVFAIL;
    case ECONNREFUSED: return HS_ERROR_CONNECT_REFUSED;
    case ETIMEDOUT: return HS_ERROR_CONNECT_TIMEOUT;
    case ECONNRESET: return HS_ERROR_CONNECT_RESET;
    case EADDRNOTAVAIL: return HS_ERROR_CONNECT_NO_PORT;
    case EMFILE:
    case ENFILE: return HS_ERROR_CONNECT_NO_FD;
    case ENOBUFS: return HS_ERROR_LOCAL_ENOBUFS;
    case ENOMEM: return HS_ERROR_LOCAL_OOM;
    default: return HS_ERROR_CONNECT_UNREACHABLE;
    }
}

void hs_exchange_close_lane(struct hs_lane *lane, bool is_abort)
{
    if (lane->state == HS_LANE_CLOSED || lane->state == HS_LANE_CLOSING) return;
    lane->state = HS_LANE_CLOSING;
    hs_stream_close(&lane->stream, is_abort);
}

/* ---- sending ---- */

/* A failure inside a call that asked for something would have the next step begin inside it too,
 * and so on without end: the virtual user finds out when it is woken, which is at once. */
static void fail_later(struct hs_vu *vu, uint64_t now_ns)
{
    vu->deadline_ns = now_ns;
}

static struct hs_view rendered(struct hs_run *run, struct hs_vu *vu,
                               const struct hs_image_step *step)
{
    uint64_t now_ns = hs_loop_now_ns(run->loop);
    uint8_t *memory = run->scratch + hs_run_vu_idx(run, vu) * run->image->request_max_bytes;
    struct hs_template_context context = {.vu = vu->number,
                                          .iteration = vu->iteration,
                                          .seq = vu->seq,
                                          .now_ms =
                                              (now_ns + run->setup.wall_offset_ns) / HS_NS_PER_MS,
                                          .worker = run->setup.worker_name,
                                          .datacenter = run->setup.datacenter,
                                          .rand = &vu->rand};
    int bytes = hs_image_render(run->image, step, &context, memory, run->image->request_max_bytes);

    HS_ASSERT(bytes > 0); /* request_max_bytes always fits */
    return hs_view_of(memory, (size_t)bytes);
}

static void send_request(struct hs_run *run, struct hs_vu *vu, struct hs_lane *lane)
{
    const struct hs_image_step *step = step_of(run, vu);
    bool                        is_frozen = step->frozen.bytes != 0;
    bool                        is_quiet = is_frozen && step->frozen.bytes <= HS_ENGINE_HEAD_BYTES;
    struct hs_view              bytes =
        is_frozen ? hs_image_view(run->image, step->frozen) : rendered(run, vu, step);

    lane->state = HS_LANE_BUSY;
    lane->is_sending = !is_quiet;
    vu->first_ns = hs_loop_now_ns(run->loop);
    vu->answered_ns = 0;
    hs_http1_init(&lane->parser, (step->flags & HS_STEP_IS_HEAD) != 0);
    hs_figures_tally(hs_run_page(run, vu), HS_TALLY_BYTES_OUT, bytes.bytes);
    if (hs_stream_send(&lane->stream, bytes.data, bytes.bytes,
                       is_quiet ? HS_SEND_QUIET : HS_SEND_REPORT) == 0)
        return;
    lane->is_sending = true; /* so that it counts as send.*, when the deadline comes: now */
    fail_later(vu, vu->first_ns);
    hs_timer_arm(&run->wheel, hs_run_vu_idx(run, vu), vu->deadline_ns);
}

/* ---- connecting ---- */

static void on_data(struct hs_stream *stream, const uint8_t *bytes, size_t count);
static void on_event(struct hs_stream *stream, enum hs_stream_event event, int result);
static const struct hs_stream_ops lane_ops = {.on_data = on_data, .on_event = on_event};

static void addr_of(const struct hs_image_target *target, uint32_t idx, struct hs_addr *addr)
{
    const struct hs_image_address *address = &target->addresses[idx % target->address_count];

    *addr = (struct hs_addr){.family = (uint8_t)address->family,
                             .port = (uint16_t)target->port,
                             .scope_id = address->scope_id};
    memcpy(addr->bytes, address->bytes, sizeof addr->bytes);
}

static int open_lane(struct hs_run *run, struct hs_vu *vu, struct hs_lane *lane)
{
    const struct hs_image_target *target =
        hs_image_target_at(run->image, step_of(run, vu)->target_idx);
    struct hs_addr addr;
    int            rc;

    if (target->address_count == 0) return target->code;
    addr_of(target, vu->number, &addr);
    lane->stream = (struct hs_stream){.ops = &lane_ops};
    lane->target_idx = step_of(run, vu)->target_idx;
    lane->answer_count = 0;
    lane->open_code = 0;
    lane->is_sending = false;
    rc = hs_stream_connect(run->loop, &lane->stream, &addr);
    if (rc) return rc;
    lane->state = HS_LANE_CONNECTING;
    run->open_lanes++;
    hs_figures_tally(hs_run_page(run, vu), HS_TALLY_CONNECTIONS, 1);
    return 0;
}

/* The lane is closed: open it for the request that waits. A failure is met when the timer fires,
 * which is at once. */
static void connect_lane(struct hs_run *run, struct hs_vu *vu, struct hs_lane *lane)
{
    uint64_t now_ns = hs_loop_now_ns(run->loop);
    uint64_t limit_ns = step_of(run, vu)->connect_timeout_ns;
    int      rc = open_lane(run, vu, lane);

    vu->deadline_ns = vu->taken_ns + step_of(run, vu)->timeout_ns;
    if (rc) {
        lane->open_code = rc;
        fail_later(vu, now_ns);
    } else if (now_ns + limit_ns < vu->deadline_ns) {
        vu->deadline_ns = now_ns + limit_ns;
    }
    hs_timer_arm(&run->wheel, hs_run_vu_idx(run, vu), vu->deadline_ns);
}

/* Timers are lazy: an armed one that is due too early is pushed forward when it fires. */
static void arm_timeout(struct hs_run *run, struct hs_vu *vu)
{
    uint32_t idx = hs_run_vu_idx(run, vu);

    if (!hs_timer_is_armed(&run->wheel, idx) || run->timers[idx].deadline_ns > vu->deadline_ns)
        hs_timer_arm(&run->wheel, idx, vu->deadline_ns);
}

static void carry(struct hs_run *run, struct hs_vu *vu)
{
    const struct hs_image_step *step = step_of(run, vu);
    struct hs_lane             *lane = lane_of(run, vu);

    vu->deadline_ns = vu->taken_ns + step->timeout_ns;
    if (lane->state == HS_LANE_IDLE && lane->target_idx != step->target_idx)
        hs_exchange_close_lane(lane, false);
    switch ((enum hs_lane_state)lane->state) {
    case HS_LANE_IDLE:
        arm_timeout(run, vu);
        send_request(run, vu, lane);
        break;
    case HS_LANE_CLOSED: connect_lane(run, vu, lane); break;
    case HS_LANE_CLOSING: arm_timeout(run, vu); break; /* its CLOSED connects again */
    case HS_LANE_CONNECTING:
    case HS_LANE_BUSY: HS_ASSERT(lane->state == HS_LANE_IDLE); break; /* one request at a time */
    }
}

void hs_exchange_begin(struct hs_run *run, struct hs_vu *vu, uint64_t due_ns, uint64_t ready_ns,
                       uint64_t now_ns)
{
    struct hs_figures_page_shm *page;

    vu->state = HS_VU_ASKING;
    vu->due_ns = due_ns;
    vu->taken_ns = now_ns;
    vu->is_warmup = hs_pace_is_warmup(&run->pace, due_ns);
    vu->is_retried = false;
    page = hs_run_page(run, vu);
    hs_figures_record(page, HS_MEASURE_LAG, since(now_ns, hs_max_u64(due_ns, ready_ns)));
    hs_figures_sent(page);
    carry(run, vu);
}

void hs_exchange_timeout(struct hs_run *run, struct hs_vu *vu, uint64_t now_ns)
{
    struct hs_lane     *lane = lane_of(run, vu);
    enum hs_error_class error = HS_ERROR_TIMEOUT_RESPONSE;
    enum hs_lane_state  state = (enum hs_lane_state)lane->state;

    if (vu->deadline_ns > now_ns) {
        hs_timer_arm(&run->wheel, hs_run_vu_idx(run, vu), vu->deadline_ns);
        return;
    }
    if (state == HS_LANE_CLOSED && lane->open_code)
        error = connect_error(lane->open_code);
    else if (state == HS_LANE_CONNECTING || state == HS_LANE_CLOSING)
        error = HS_ERROR_CONNECT_TIMEOUT;
    else if (lane->is_sending)
        error = HS_ERROR_SEND_TIMEOUT;
    hs_exchange_close_lane(lane, true);
    fail(run, vu, error, 0);
}

/* ---- the answer ---- */

static void time_answer(struct hs_figures_page_shm *page, const struct hs_vu *vu, uint64_t now_ns)
{
    hs_figures_record(page, HS_MEASURE_WAIT, since(vu->answered_ns, vu->first_ns));
    hs_figures_record(page, HS_MEASURE_RECEIVE, since(now_ns, vu->answered_ns));
}

static struct hs_http1_capture *capture_of(struct hs_run *run, const struct hs_vu *vu)
{
    size_t stride = sizeof(struct hs_http1_capture) + HS_ENGINE_HEAD_BYTES + HS_ENGINE_BODY_BYTES;

    if (!run->capture || step_of(run, vu)->check_count == 0) return NULL;
    return (struct hs_http1_capture *)(void *)(run->capture + hs_run_vu_idx(run, vu) * stride);
}

static void start_capture(struct hs_run *run, const struct hs_vu *vu)
{
    struct hs_http1_capture *capture = capture_of(run, vu);
    uint8_t                 *head;

    if (!capture) return;
    head = (uint8_t *)(capture + 1);
    hs_http1_capture_init(capture, head, HS_ENGINE_HEAD_BYTES, head + HS_ENGINE_HEAD_BYTES,
                          HS_ENGINE_BODY_BYTES);
}

static void count_answer(struct hs_run *run, struct hs_vu *vu, const struct hs_lane *lane)
{
    struct hs_figures_page_shm    *page = hs_run_page(run, vu);
    const struct hs_http1_capture *capture = capture_of(run, vu);
    uint64_t                       now_ns = hs_loop_now_ns(run->loop);
    struct hs_answer               answer = {.status = lane->parser.status,
                                             .body_bytes = lane->parser.body_bytes,
                                             .service_ns = since(now_ns, vu->first_ns)};
    enum hs_error_class            error;

    if (capture) {
        answer.head = hs_view_of(capture->head, capture->head_bytes);
        answer.body = hs_view_of(capture->body, capture->body_bytes);
        answer.is_head_cut = capture->is_head_cut;
        answer.is_body_cut = capture->is_body_cut;
    }
    time_answer(page, vu, now_ns);
    if (hs_judge(run->image, step_of(run, vu), &answer, &error)) {
        hs_figures_completed(page, since(now_ns, vu->due_ns), answer.service_ns, answer.status);
        hs_run_advance(run, vu, now_ns, false);
    } else {
        fail(run, vu, error, answer.status);
    }
}

/* May the connection carry another request? Not if the answer overtook the request, or brought more
 * than was asked. */
static bool is_reusable(const struct hs_run *run, const struct hs_vu *vu,
                        const struct hs_lane *lane, bool has_rest)
{
    return hs_http1_keeps_alive(&lane->parser) && !lane->is_sending && !has_rest &&
           !(step_of(run, vu)->flags & HS_STEP_CLOSES);
}

static void finish(struct hs_run *run, struct hs_vu *vu, struct hs_lane *lane, bool can_reuse)
{
    lane->answer_count++;
    if (can_reuse)
        lane->state = HS_LANE_IDLE;
    else
        hs_exchange_close_lane(lane, false);
    count_answer(run, vu, lane);
}

static void on_data(struct hs_stream *stream, const uint8_t *bytes, size_t count)
{
    struct hs_lane *lane = HS_CONTAINER_OF(stream, struct hs_lane, stream);
    struct hs_run  *run = lane->run;
    struct hs_vu   *vu = &run->vus[lane->vu_idx];
    size_t          consumed;
    int             rc;

    if (lane->state != HS_LANE_BUSY) { /* nobody asked */
        hs_exchange_close_lane(lane, true);
        return;
    }
    if (!vu->answered_ns) {
        vu->answered_ns = hs_loop_now_ns(run->loop);
        start_capture(run, vu);
    }
    hs_figures_tally(hs_run_page(run, vu), HS_TALLY_BYTES_IN, count);
    rc = hs_http1_feed(&lane->parser, capture_of(run, vu), bytes, count, &consumed);
    if (rc == HS_HTTP1_MORE) return;
    if (rc == HS_HTTP1_DONE) {
        finish(run, vu, lane, is_reusable(run, vu, lane, consumed != count));
        return;
    }
    hs_exchange_close_lane(lane, true);
    fail(run, vu, (enum hs_error_class)lane->parser.error, lane->parser.status);
}

/* A server may close an idle connection at any moment, also as our request is on its way: that says
 * nothing about its speed, so an idempotent request is sent once more, on a fresh connection. */
static bool can_retry(const struct hs_run *run, const struct hs_vu *vu, const struct hs_lane *lane)
{
    return lane->answer_count > 0 && hs_http1_is_untouched(&lane->parser) && !vu->is_retried &&
           (step_of(run, vu)->flags & HS_STEP_IS_IDEMPOTENT);
}

static void lose_connection(struct hs_run *run, struct hs_vu *vu, struct hs_lane *lane,
                            enum hs_error_class error)
{
    bool is_idle_close = lane->answer_count > 0 && hs_http1_is_untouched(&lane->parser);

    if (can_retry(run, vu, lane)) {
        vu->is_retried = true;
        hs_figures_tally(hs_run_page(run, vu), HS_TALLY_RETRIED, 1);
        hs_exchange_close_lane(lane, false);
        return; /* CLOSED connects again */
    }
    hs_exchange_close_lane(lane, true);
    fail(run, vu, is_idle_close ? HS_ERROR_RECV_IDLE_CLOSED : error, lane->parser.status);
}

static void on_eof(struct hs_run *run, struct hs_vu *vu, struct hs_lane *lane)
{
    if (lane->state != HS_LANE_BUSY) {
        hs_exchange_close_lane(lane, false);
        return;
    }
    if (!hs_http1_is_untouched(&lane->parser) && hs_http1_eof(&lane->parser) == HS_HTTP1_DONE)
        finish(run, vu, lane, false);
    else
        lose_connection(run, vu, lane, HS_ERROR_RECV_EOF_EARLY);
}

static enum hs_error_class lost_error(const struct hs_lane *lane, int code)
{
    if (code == -EPIPE || lane->is_sending) return HS_ERROR_SEND_RESET;
    return HS_ERROR_RECV_RESET;
}

static void on_connected(struct hs_run *run, struct hs_vu *vu, struct hs_lane *lane, int result)
{
    if (result) {
        bool is_asking = is_asking_here(lane);

        hs_exchange_close_lane(lane, true);
        if (is_asking) fail(run, vu, connect_error(result), 0);
        return;
    }
    lane->state = HS_LANE_IDLE;
    if (!is_asking_here(lane)) return;
    hs_figures_record(hs_run_page(run, vu), HS_MEASURE_CONNECT,
                      since(hs_loop_now_ns(run->loop), vu->taken_ns));
    vu->deadline_ns = vu->taken_ns + step_of(run, vu)->timeout_ns;
    send_request(run, vu, lane);
}

static void on_closed(struct hs_run *run, struct hs_vu *vu, struct hs_lane *lane)
{
    lane->state = HS_LANE_CLOSED;
    lane->answer_count = 0;
    run->open_lanes--;
    if (is_asking_here(lane) && run->phase != HS_RUN_CLOSING) connect_lane(run, vu, lane);
}

static void on_event(struct hs_stream *stream, enum hs_stream_event event, int result)
{
    struct hs_lane *lane = HS_CONTAINER_OF(stream, struct hs_lane, stream);
    struct hs_run  *run = lane->run;
    struct hs_vu   *vu = &run->vus[lane->vu_idx];

    switch (event) {
    case HS_STREAM_CONNECTED: on_connected(run, vu, lane, result); break;
    case HS_STREAM_SENT:
        lane->is_sending = false;
        if (result == 0 && lane->state == HS_LANE_BUSY)
            hs_figures_record(hs_run_page(run, vu), HS_MEASURE_SEND,
                              since(hs_loop_now_ns(run->loop), vu->first_ns));
        else if (result && lane->state == HS_LANE_BUSY)
            lose_connection(run, vu, lane, HS_ERROR_SEND_RESET);
        break;
    case HS_STREAM_EOF: on_eof(run, vu, lane); break;
    case HS_STREAM_FAILED:
        if (lane->state == HS_LANE_BUSY)
            lose_connection(run, vu, lane, lost_error(lane, result));
        else
            hs_exchange_close_lane(lane, true);
        break;
    case HS_STREAM_CLOSED: on_closed(run, vu, lane); break;
    }
}
