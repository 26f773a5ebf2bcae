// SPDX-License-Identifier: Apache-2.0
/* run_io.c - a share from its start to its end: takes memory, begins iterations when they are due,
 * drains, closes. */
#include "roles/engine/run.h"

#include "roles/engine/judge.h"
#include "roles/stats/figures_record.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define NO_VU UINT32_MAX

/* ---- memory ---- */

static bool needs_capture(const struct hs_image_header *image)
{
    for (uint32_t i = 0; i < image->step_count; i++) {
        const struct hs_image_step *step = hs_image_step_at(image, i);

        if (hs_judge_needs_head(image, step) || hs_judge_needs_body(image, step)) return true;
    }
    return false;
}

static bool needs_scratch(const struct hs_image_header *image)
{
    for (uint32_t i = 0; i < image->step_count; i++)
        if (hs_image_step_at(image, i)->frozen.bytes == 0) return true;
    return false;
}

/* One piece of the run's memory: where it begins, 64-byte aligned. */
static size_t lay(size_t *total_bytes, size_t count, size_t item_bytes)
{
    size_t at_bytes = *total_bytes;

    *total_bytes = (at_bytes + count * item_bytes + 63) & ~(size_t)63;
    return at_bytes;
}

struct layout {
    size_t vus, lanes, timers, wakeups, pages, scratch, capture, total;
};

static struct layout lay_out(const struct hs_run *run)
{
    const struct hs_image_header *image = run->image;
    struct layout                 layout = {0};
    size_t                        capture_bytes =
        sizeof(struct hs_http1_capture) + HS_ENGINE_HEAD_BYTES + HS_ENGINE_BODY_BYTES;

    layout.vus = lay(&layout.total, run->vu_count, sizeof(struct hs_vu));
    layout.lanes =
        lay(&layout.total, (size_t)run->vu_count * run->lanes_per_vu, sizeof(struct hs_lane));
    layout.timers = lay(&layout.total, run->vu_count, sizeof(struct hs_timer));
    layout.wakeups = lay(&layout.total, run->vu_count, sizeof(struct hs_wakeup));
    layout.pages = lay(&layout.total, (size_t)image->step_count * 2, sizeof(void *));
    layout.scratch = lay(&layout.total, needs_scratch(image) ? run->vu_count : 0,
                         (size_t)image->request_max_bytes);
    layout.capture = lay(&layout.total, needs_capture(image) ? run->vu_count : 0, capture_bytes);
    return layout;
}

/* Demand-zero: virtual users that never work cost nothing. */
static int take_memory(struct hs_run *run, struct hs_err *err)
{
    struct layout layout = lay_out(run);
    char         *memory = mmap(NULL, layout.total, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        return hs_err_set(err, -errno, "%zu bytes for %u virtual users", layout.total,
                          run->vu_count);
    run->memory = memory;
    run->memory_bytes = layout.total;
    run->vus = (void *)(memory + layout.vus);
    run->lanes = (void *)(memory + layout.lanes);
    run->timers = (void *)(memory + layout.timers);
    run->pages = (void *)(memory + layout.pages);
    if (needs_scratch(run->image)) run->scratch = (void *)(memory + layout.scratch);
    if (needs_capture(run->image)) run->capture = (void *)(memory + layout.capture);
    hs_wakeups_init(&run->wakeups, (void *)(memory + layout.wakeups), run->vu_count);
    hs_timer_wheel_init(&run->wheel, run->timers, run->vu_count, hs_loop_clock_ns(run->loop));
    return 0;
}

static int claim_pages(struct hs_run *run, struct hs_err *err)
{
    struct hs_figures_key key = {.exec_fence = run->order.exec_fence};

    hs_engine_figures_key(run->order.figures_id, key.exec_id);
    for (uint32_t i = 0; i < run->image->step_count * 2; i++) {
        key.is_warmup = i >= run->image->step_count;
        key.step_idx = i - key.is_warmup * run->image->step_count;
        if (key.is_warmup && !run->image->warmup_ns) break;
        run->pages[i] = hs_figures_claim(run->setup.figures, &key, run->setup.generation);
        if (!run->pages[i])
            return hs_err_set(err, -ENOBUFS, "figures of %u steps", run->image->step_count);
    }
    return 0;
}

/* ---- open, close ---- */

static int choose_size(struct hs_run *run, struct hs_err *err)
{
    uint64_t vus = run->pace.is_open ? run->order.in_flight_max : run->order.vu_count;
    uint64_t targets = run->image->target_count ? run->image->target_count : 1;

    if (!vus) return hs_err_set(err, -EINVAL, "a share without virtual users");
    if (vus > run->setup.connections_max)
        return hs_err_set(err, -ENOBUFS, "%llu connections wanted, engine.connections_max is %u",
                          (unsigned long long)vus, run->setup.connections_max);
    run->vu_count = (uint32_t)vus;
    run->lanes_per_vu = vus * targets <= run->setup.connections_max ? (uint32_t)targets : 1;
    return 0;
}

static void init_vus(struct hs_run *run)
{
    for (uint32_t i = 0; i < run->vu_count; i++) {
        struct hs_vu *vu = &run->vus[i];

        vu->number = run->order.vu_first + i;
        vu->next_free = i + 1 < run->vu_count ? i + 1 : NO_VU;
        hs_rand_init(&vu->rand, run->image->seed + vu->number * UINT64_C(0x9e3779b97f4a7c15));
        for (uint32_t k = 0; k < run->lanes_per_vu; k++) {
            struct hs_lane *lane = &run->lanes[i * run->lanes_per_vu + k];

            lane->run = run;
            lane->vu_idx = i;
        }
    }
    run->free_head = 0;
}

static uint64_t outcomes_of(const struct hs_figures_page_shm *page)
{
    uint64_t sum = 0;

    for (enum hs_tally tally = HS_TALLY_SENT; tally <= HS_TALLY_LOST; tally++)
        if (tally != HS_TALLY_CUT)
            sum += atomic_load_explicit(&page->tallies[tally], memory_order_relaxed);
    return sum;
}

/* The first step of an iteration stands for the arrival. */
static void resume(struct hs_run *run)
{
    uint32_t            step_count = run->image->step_count;
    struct hs_pace_past past = {.measured_count = outcomes_of(run->pages[0])};
    struct hs_pace_past lost;

    if (run->pages[step_count]) past.warmup_count = outcomes_of(run->pages[step_count]);
    run->begun_at_ns = hs_max_u64(run->begun_at_ns, hs_loop_clock_ns(run->loop));
    hs_pace_resume(&run->pace, run->begun_at_ns, &past, &lost);
    hs_figures_tally(run->pages[0], HS_TALLY_LOST, lost.measured_count);
    if (run->pages[step_count])
        hs_figures_tally(run->pages[step_count], HS_TALLY_LOST, lost.warmup_count);
    hs_log(HS_LOG_INFO, "engine", "share resumed lost=%" PRIu64 " lost_in_warmup=%" PRIu64,
           lost.measured_count, lost.warmup_count);
}

static int open_run(struct hs_run *run, struct hs_err *err)
{
    int rc = hs_pace_init(&run->pace, run->image, &run->order);

    if (rc) return hs_err_set(err, rc, "the schedule of a share");
    rc = choose_size(run, err);
    if (!rc) rc = take_memory(run, err);
    if (!rc) rc = claim_pages(run, err);
    if (rc) return rc;
    init_vus(run);
    run->begun_at_ns = run->pace.start_ns;
    if (run->order.is_resumed) resume(run);
    return 0;
}

int hs_run_open(struct hs_run **out, const struct hs_run_setup *setup, struct hs_err *err)
{
    struct hs_run *run =
        mmap(NULL, sizeof *run, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int rc;

    if (run == MAP_FAILED) return hs_err_set(err, -errno, "open a run");
    run->setup = *setup;
    run->order = *setup->order;
    run->image = setup->image;
    run->loop = setup->loop;
    rc = open_run(run, err);
    if (rc) hs_run_close(&run);
    *out = run;
    return rc;
}

void hs_run_close(struct hs_run **run)
{
    if (!*run) return;
    HS_ASSERT((*run)->open_lanes == 0);
    if ((*run)->memory)
        HS_IGNORE(munmap((*run)->memory, (*run)->memory_bytes), "nothing to do about it");
    HS_IGNORE(munmap(*run, sizeof **run), "nothing to do about it");
    *run = NULL;
}

/* ---- iterations ---- */

static void rest(struct hs_run *run, struct hs_vu *vu)
{
    vu->state = HS_VU_FREE;
    run->active_count--;
    if (!run->pace.is_open) return;
    vu->next_free = run->free_head;
    run->free_head = hs_run_vu_idx(run, vu);
}

static void sleep_until(struct hs_run *run, struct hs_vu *vu, uint64_t at_ns, bool begins)
{
    vu->state = HS_VU_SLEEPING;
    vu->begins = begins;
    run->between_count += begins;
    hs_wakeups_push(&run->wakeups, at_ns, hs_run_vu_idx(run, vu));
}

/* Closed: nothing is left for this vu to begin, however long it waits. */
static bool is_exhausted(const struct hs_run *run, const struct hs_vu *vu)
{
    uint64_t per_vu = run->image->iterations_per_vu;

    return (per_vu && vu->iteration >= per_vu) || hs_pace_is_exhausted(&run->pace);
}

static bool may_begin(struct hs_run *run, const struct hs_vu *vu, uint64_t now_ns)
{
    if (run->phase != HS_RUN_LOADING || is_exhausted(run, vu)) return false;
    return hs_pace_begin(&run->pace, now_ns);
}

/* Closed: the next iteration of this vu, or its rest. */
static void begin_closed(struct hs_run *run, struct hs_vu *vu, uint64_t due_ns, uint64_t now_ns)
{
    if (!may_begin(run, vu, now_ns)) {
        rest(run, vu);
        return;
    }
    vu->step_idx = 0;
    vu->seq = run->order.share_idx + run->asked_count++ * run->order.share_count;
    hs_exchange_begin(run, vu, due_ns, due_ns, now_ns);
}

/* Open: the arrival that waits longest, or rest. It waited for a virtual user until ready_ns. */
static void begin_open(struct hs_run *run, struct hs_vu *vu, uint64_t ready_ns, uint64_t now_ns)
{
    uint64_t due_ns;

    if (!hs_pace_take(&run->pace, now_ns, &due_ns, &vu->seq)) {
        rest(run, vu);
        return;
    }
    vu->step_idx = 0;
    hs_exchange_begin(run, vu, due_ns, ready_ns, now_ns);
}

/* Through all steps, or up to one that failed. After a failure the next iteration does not begin
 * inside the call that told of it, or a step that fails at once would call itself: the vu sleeps
 * for no time. An open load has no think time between iterations: the schedule says when the next
 * is due. */
static void end_iteration(struct hs_run *run, struct hs_vu *vu, uint64_t now_ns, bool has_failed)
{
    uint64_t think_ns =
        run->pace.is_open ? 0 : hs_image_step_at(run->image, vu->step_idx)->think_ns;

    vu->iteration++;
    if (!run->pace.is_open && is_exhausted(run, vu))
        rest(run, vu); /* not after its think time: nobody would wait for anything */
    else if (think_ns || has_failed)
        sleep_until(run, vu, now_ns + think_ns, true);
    else if (run->pace.is_open)
        begin_open(run, vu, now_ns, now_ns);
    else
        begin_closed(run, vu, now_ns, now_ns);
}

static void abort_run(struct hs_run *run, const struct hs_vu *vu, uint64_t now_ns)
{
    const struct hs_image_step *step = hs_image_step_at(run->image, vu->step_idx);

    if (run->code) return;
    run->code = -ECANCELED;
    (void)snprintf(run->text, sizeof run->text, "step \"%s\" failed, and on_error is abort",
                   hs_image_text(run->image, step->name));
    hs_pace_stop(&run->pace, now_ns, now_ns + HS_NS_PER_S);
}

void hs_run_advance(struct hs_run *run, struct hs_vu *vu, uint64_t now_ns, bool has_failed)
{
    uint64_t think_ns = hs_image_step_at(run->image, vu->step_idx)->think_ns;

    if (has_failed && run->image->on_error == HS_ON_ERROR_ABORT) abort_run(run, vu, now_ns);
    if (has_failed && run->image->on_error != HS_ON_ERROR_CONTINUE) {
        end_iteration(run, vu, now_ns, true);
        return;
    }
    if (vu->step_idx + 1 == run->image->step_count) {
        hs_figures_tally(hs_run_page(run, vu), HS_TALLY_ITERATIONS, 1);
        end_iteration(run, vu, now_ns, false);
        return;
    }
    vu->step_idx++;
    if (think_ns)
        sleep_until(run, vu, now_ns + think_ns, false);
    else
        hs_exchange_begin(run, vu, now_ns, now_ns, now_ns);
}

static void wake(struct hs_run *run, const struct hs_wakeup *due, uint64_t now_ns)
{
    struct hs_vu *vu = &run->vus[due->idx];

    run->between_count -= vu->begins;
    if (run->phase == HS_RUN_CLOSING)
        rest(run, vu);
    else if (!vu->begins)
        hs_exchange_begin(run, vu, due->at_ns, due->at_ns, now_ns);
    else if (run->pace.is_open)
        begin_open(run, vu, due->at_ns, now_ns);
    else
        begin_closed(run, vu, due->at_ns, now_ns);
}

/* ---- turning ---- */

static void add_dropped(struct hs_run *run, uint64_t now_ns)
{
    struct hs_figures_page_shm *warmup = run->pages[run->image->step_count];
    struct hs_pace_past         dropped;

    hs_pace_drop(&run->pace, now_ns, &dropped);
    if (dropped.measured_count)
        hs_figures_tally(run->pages[0], HS_TALLY_DROPPED, dropped.measured_count);
    if (dropped.warmup_count && warmup)
        hs_figures_tally(warmup, HS_TALLY_DROPPED, dropped.warmup_count);
}

/* Arrivals that find no free virtual user. Once the load is over nobody waits any more: what was
 * due in time is taken up by those that are free, but no answer of the drain lets another begin. */
static bool drops_waiting(const struct hs_run *run)
{
    return run->pace.is_open && (run->pace.drops || run->phase == HS_RUN_DRAINING);
}

static void start_due(struct hs_run *run, uint64_t now_ns)
{
    unsigned burst = 0;

    while (!run->pace.is_open && run->begun_vus < run->vu_count &&
           burst++ < HS_ENGINE_START_BURST) {
        run->active_count++;
        begin_closed(run, &run->vus[run->begun_vus++], run->begun_at_ns, now_ns);
    }
    while (run->pace.is_open && run->free_head != NO_VU && burst++ < HS_ENGINE_START_BURST &&
           hs_pace_next_ns(&run->pace) <= now_ns) {
        struct hs_vu *vu = &run->vus[run->free_head];

        run->free_head = vu->next_free;
        run->active_count++;
        begin_open(run, vu, 0, now_ns); /* a free one has been ready all the time */
    }
    if (run->free_head == NO_VU && drops_waiting(run)) add_dropped(run, now_ns);
}

static void take_timers(struct hs_run *run, uint64_t now_ns)
{
    struct hs_wakeup due;
    uint32_t         idx;

    for (unsigned n = 0; n < HS_ENGINE_START_BURST && hs_wakeups_pop(&run->wakeups, now_ns, &due);
         n++)
        wake(run, &due, now_ns);
    for (unsigned n = 0;
         n < HS_ENGINE_TIMEOUT_BURST && hs_timer_wheel_pop(&run->wheel, now_ns, &idx); n++)
        if (run->vus[idx].state == HS_VU_ASKING) hs_exchange_timeout(run, &run->vus[idx], now_ns);
}

static void start_closing(struct hs_run *run, uint64_t now_ns)
{
    run->phase = HS_RUN_CLOSING;
    add_dropped(run, now_ns);
    for (uint32_t i = 0; i < run->image->step_count * 2; i++)
        if (run->pages[i]) HS_IGNORE(hs_figures_cut(run->pages[i]), "nobody asks how many");
    for (uint64_t i = 0; i < (uint64_t)run->vu_count * run->lanes_per_vu; i++)
        hs_exchange_close_lane(&run->lanes[i], run->lanes[i].state != HS_LANE_IDLE);
}

/* Closed and bounded by iterations: all have begun and all vus rest. Else: it is time. */
static bool is_load_over(const struct hs_run *run, uint64_t now_ns)
{
    if (now_ns >= run->pace.end_ns) return true;
    return !run->pace.is_open && run->begun_vus == run->vu_count && run->active_count == 0;
}

static void enter_phases(struct hs_run *run, uint64_t now_ns)
{
    if (run->phase == HS_RUN_WAITING && now_ns >= run->pace.start_ns) run->phase = HS_RUN_LOADING;
    if (run->phase <= HS_RUN_LOADING && is_load_over(run, now_ns)) run->phase = HS_RUN_DRAINING;
    if (run->phase == HS_RUN_DRAINING &&
        (now_ns >= run->pace.drained_ns ||
         (run->active_count == run->between_count && hs_pace_next_ns(&run->pace) > now_ns)))
        start_closing(run, now_ns);
    if (run->phase == HS_RUN_CLOSING && run->open_lanes == 0) run->phase = HS_RUN_OVER;
}

static uint64_t next_ns(const struct hs_run *run, uint64_t now_ns)
{
    uint64_t next =
        hs_min_u64(hs_wakeups_next_ns(&run->wakeups), hs_timer_wheel_deadline_ns(&run->wheel));

    if (run->phase == HS_RUN_OVER || run->phase == HS_RUN_CLOSING) return HS_NEVER_NS;
    if (run->phase == HS_RUN_WAITING) return run->pace.start_ns;
    if (run->pace.is_open && (run->free_head != NO_VU || run->pace.drops))
        next = hs_min_u64(next, hs_pace_next_ns(&run->pace));
    if (run->phase == HS_RUN_DRAINING) return hs_min_u64(next, run->pace.drained_ns);
    if (!run->pace.is_open && run->begun_vus < run->vu_count) return now_ns;
    return hs_min_u64(next, run->pace.end_ns);
}

uint64_t hs_run_turn(struct hs_run *run, uint64_t now_ns)
{
    enter_phases(run, now_ns);
    if (run->phase == HS_RUN_LOADING || run->phase == HS_RUN_DRAINING) {
        take_timers(run, now_ns);
        if (run->phase == HS_RUN_LOADING || run->pace.is_open) start_due(run, now_ns);
        enter_phases(run, now_ns);
    }
    return next_ns(run, now_ns);
}

void hs_run_stop(struct hs_run *run, uint64_t now_ns, uint64_t deadline_ns)
{
    hs_pace_stop(&run->pace, now_ns, deadline_ns);
}
