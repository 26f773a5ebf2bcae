// SPDX-License-Identifier: Apache-2.0
/* worker_plan_io.c - from the text of a plan to a sealed image: read, resolve names, compile. One
 * stage per turn, so that the loop is never kept for long; names are looked up by resolver
 * processes, one after the other. */
#include "roles/worker/worker_io.h"

#include "ipc/addr.h"
#include "roles/host_table.h"
#include "roles/resolver_answer.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RESOLVE_TIMEOUT_NS                                                                         \
    (6 * HS_NS_PER_S) /* of one name; the resolver itself gives up after five */
enum { IMAGE_BYTES_MAX = 64 << 20 };

/* ---- memory ---- */

/* Demand-zero: only what is used is there. NULL: none. */
static void *take_pages(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

static void give_pages(void *memory, size_t bytes)
{
    if (memory) HS_IGNORE(munmap(memory, bytes), "nothing to do about it");
}

static void end_answer(struct hs_worker_plan *plan)
{
    int fd = plan->answer.fd;

    plan->is_asked = false;
    if (fd < 0) return;
    hs_watch_close(&plan->answer);
    close(fd);
    plan->answer.fd = -1;
}

/* All but the image. */
static void end_preparation(struct hs_worker_plan *plan)
{
    end_answer(plan);
    free(plan->text);
    give_pages(plan->arena_memory, HS_PLAN_ARENA_BYTES);
    plan->text = NULL;
    plan->arena_memory = NULL;
    plan->plan = NULL;
    plan->stage = HS_PLAN_IDLE;
}

void hs_worker_plan_free(struct hs_worker_plan *plan)
{
    end_preparation(plan);
    if (plan->image_fd >= 0) close(plan->image_fd);
    plan->image_fd = -1;
}

static unsigned row_of(const struct hs_worker_plan *plan)
{
    return (unsigned)(plan - plan->worker->plans);
}

static const struct hs_exec_record *record_of(const struct hs_worker_plan *plan)
{
    return &plan->worker->execs.rows[row_of(plan)].record;
}

static uint64_t digest_of(const struct hs_worker_plan *plan)
{
    return hs_host_table_digest_word(record_of(plan)->digest);
}

/* What is being worked on, in case it kills us. */
static void leave_breadcrumb(const struct hs_worker_plan *plan, bool is_over)
{
    hs_role_breadcrumb(&plan->worker->process, is_over ? 0 : HS_MSG_EXEC_DISPATCH,
                       record_of(plan)->id.job_id, is_over ? 0 : digest_of(plan));
}

static void finish(struct hs_worker_plan *plan, int code, const char *text,
                   const struct hs_exec_facts *facts)
{
    struct hs_execs_event event = {.type = HS_EXECS_PREPARED,
                                   .row = row_of(plan),
                                   .fence = plan->fence,
                                   .code = code,
                                   .text = text,
                                   .facts = facts};

    end_preparation(plan);
    if (code < 0) hs_log(HS_LOG_WARN, "worker", "share refused: %s", text);
    hs_worker_step(plan->worker, &event);
}

void hs_worker_prepare(struct hs_worker *worker, unsigned row)
{
    struct hs_worker_plan *plan = &worker->plans[row];
    struct hs_view         text = worker->dispatch_plan;

    if (plan->stage != HS_PLAN_IDLE && plan->fence == worker->execs.rows[row].record.fence) return;
    hs_worker_plan_free(plan);
    plan->fence = worker->execs.rows[row].record.fence;
    plan->stage = HS_PLAN_READ;
    plan->text = malloc(text.bytes + 1);
    plan->text_bytes = text.bytes;
    if (plan->text) memcpy(plan->text, text.data, text.bytes);
}

/* ---- reading ---- */

/* A sentence for people: no errno behind it. */
static int HS_PRINTF(3, 4) refuse(struct hs_err *err, int code, const char *format, ...)
{
    va_list arguments;

    err->code = code;
    va_start(arguments, format);
    (void)vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return code;
}

static const struct hs_plan_workflow *workflow_of(const struct hs_worker_plan *plan)
{
    return &plan->plan->workflows.at[record_of(plan)->id.workflow];
}

/* The gate has looked, by its own configuration: this host may be less generous. */
static int check_targets(struct hs_worker_plan *plan, struct hs_err *err)
{
    const struct hs_plan_target *refused;
    int rc = hs_plan_targets(plan->plan, workflow_of(plan), &plan->targets, err);

    if (rc) return rc;
    refused =
        hs_plan_target_refused(&plan->targets, &plan->worker->process.config->cluster.allow_hosts);
    if (!refused) return 0;
    return refuse(err, -EACCES, "the host %s is not in this worker's cluster.allow_hosts",
                  refused->host);
}

static int read_plan(struct hs_worker_plan *plan, struct hs_err *err)
{
    static const struct hs_plan_environment nothing;
    struct hs_problems                      problems;
    struct hs_arena                         arena;

    if (hs_role_is_quarantined(&plan->worker->process, digest_of(plan)))
        return refuse(err, -EINVAL, "%s", HS_EXEC_SET_ASIDE_TEXT);
    plan->arena_memory = take_pages(HS_PLAN_ARENA_BYTES);
    if (!plan->text || !plan->arena_memory) return hs_err_set(err, -ENOMEM, "memory for the plan");
    hs_arena_init(&arena, plan->arena_memory, HS_PLAN_ARENA_BYTES);
    hs_problems_init(&problems);
    plan->plan =
        hs_plan_read(hs_view_of(plan->text, plan->text_bytes), &nothing, &arena, &problems);
    if (!plan->plan)
        return refuse(err, -EINVAL, "plan: %s",
                      problems.kept ? problems.at[0].message : "cannot be read");
    if (record_of(plan)->id.workflow >= plan->plan->workflows.count)
        return refuse(err, -EINVAL, "the plan has no workflow %u", record_of(plan)->id.workflow);
    return check_targets(plan, err);
}

/* ---- names ---- */

static void add_address(struct hs_plan_addresses *addresses, const struct hs_addr *addr)
{
    struct hs_image_address *at;

    if (addresses->count == HS_ADDRESSES_MAX) return;
    at = &addresses->at[addresses->count++];
    at->family = addr->family;
    at->scope_id = addr->scope_id;
    memcpy(at->bytes, addr->bytes, sizeof at->bytes);
}

static uint64_t token_of(const struct hs_worker_plan *plan)
{
    return (uint64_t)plan->serial << 16 | row_of(plan);
}

/* Numeric, or looked up already for another port: true. */
static bool is_easy(struct hs_worker_plan *plan)
{
    const struct hs_plan_target *target = &plan->targets.at[plan->target];
    struct hs_addr               addr;

    plan->addresses[plan->target] = (struct hs_plan_addresses){0};
    if (hs_addr_parse(&addr, target->host, target->port) == 0) {
        add_address(&plan->addresses[plan->target], &addr);
        return true;
    }
    for (uint32_t i = 0; i < plan->target; i++) {
        if (strcmp(plan->targets.at[i].host, target->host) != 0) continue;
        plan->addresses[plan->target] = plan->addresses[i];
        return true;
    }
    return false;
}

static void next_target(struct hs_worker_plan *plan)
{
    end_answer(plan);
    plan->target++;
}

/* Of struct hs_resolver_answer as struct hs_image_target has it. */
static int32_t code_of(int32_t answered)
{
    return answered == -ENOENT ? -ENOENT : answered == -EAGAIN ? -ETIME : -EREMOTEIO;
}

static void miss_target(struct hs_worker_plan *plan, int32_t code)
{
    const char *why = code == -ENOENT  ? "no such name"
                      : code == -ETIME ? "the name server does not answer"
                                       : "the name server failed";

    plan->addresses[plan->target].code = code;
    hs_log(HS_LOG_WARN, "worker", "%s: %s", plan->targets.at[plan->target].host, why);
}

/* Goes on until a name must be waited for, or all are there. */
static void resolve(struct hs_worker_plan *plan, uint64_t now_ns)
{
    while (plan->target < plan->targets.count) {
        const char *host = plan->targets.at[plan->target].host;

        if (plan->is_asked && now_ns < plan->deadline_ns) return;
        if (plan->is_asked) {
            miss_target(plan, -ETIME);
            next_target(plan);
            continue;
        }
        if (is_easy(plan)) {
            plan->target++;
            continue;
        }
        plan->serial++;
        plan->is_asked = true;
        plan->deadline_ns = now_ns + RESOLVE_TIMEOUT_NS;
        if (hs_role_ask_resolver(&plan->worker->process, host, token_of(plan)) < 0) {
            miss_target(plan, -EREMOTEIO);
            next_target(plan);
        }
    }
    plan->stage = HS_PLAN_COMPILE;
}

static struct hs_worker_plan *find_asking(struct hs_worker *worker, uint64_t token)
{
    unsigned row = (unsigned)(token & 0xffff);

    if (row >= HS_EXECS_PER_WORKER_MAX) return NULL;
    if (!worker->plans[row].is_asked || token_of(&worker->plans[row]) != token) return NULL;
    return &worker->plans[row];
}

static void on_resolved(struct hs_watch *watch)
{
    struct hs_worker_plan    *plan = HS_CONTAINER_OF(watch, struct hs_worker_plan, answer);
    struct hs_resolver_answer answer;

    if (!hs_role_take_addresses(watch->fd, &answer)) return;
    for (uint32_t i = 0; answer.code == 0 && i < answer.count; i++)
        add_address(&plan->addresses[plan->target], &answer.addrs[i]);
    if (answer.code) miss_target(plan, code_of(answer.code));
    next_target(plan);
}

void hs_worker_resolver_linked(struct hs_worker *worker, uint64_t token, int fd)
{
    struct hs_worker_plan *plan = find_asking(worker, token);

    if (!plan || plan->answer.fd >= 0) {
        close(fd);
        return;
    }
    plan->answer = (struct hs_watch){.on_readable = on_resolved};
    if (hs_watch_open(worker->process.loop, &plan->answer, fd) == 0) return;
    close(fd);
    plan->answer.fd = -1;
    next_target(plan);
}

void hs_worker_resolver_failed(struct hs_worker *worker, uint64_t token, int code)
{
    struct hs_worker_plan *plan = find_asking(worker, token);

    if (!plan) return;
    hs_log(HS_LOG_WARN, "worker", "no resolver for %s: %s", plan->targets.at[plan->target].host,
           hs_err_code_text(code));
    plan->addresses[plan->target].code = -EREMOTEIO;
    next_target(plan);
}

/* ---- compiling ---- */

static void note_facts(const struct hs_image_header *image, struct hs_exec_facts *facts)
{
    *facts = (struct hs_exec_facts){.warmup_ns = image->warmup_ns,
                                    .duration_ns = image->duration_ns,
                                    .drain_ns = image->drain_ns,
                                    .vus = image->vus,
                                    .iterations = image->iterations,
                                    .iterations_per_vu = image->iterations_per_vu,
                                    .max_in_flight = image->max_in_flight,
                                    .is_open = image->model == HS_LOAD_OPEN,
                                    .step_count = image->step_count};
}

static int64_t compile_into(struct hs_worker_plan *plan, void *memory, struct hs_exec_facts *facts,
                            struct hs_err *err)
{
    struct hs_compile_input input = {.plan = plan->plan,
                                     .workflow_idx = record_of(plan)->id.workflow,
                                     .addresses = plan->addresses,
                                     .address_count = plan->targets.count};
    void                   *scratch_memory = take_pages(HS_PLAN_ARENA_BYTES);
    struct hs_arena         scratch;
    int64_t                 bytes;

    if (!scratch_memory) return hs_err_set(err, -ENOMEM, "memory to compile the plan");
    hs_arena_init(&scratch, scratch_memory, HS_PLAN_ARENA_BYTES);
    bytes = hs_image_compile(&input, &scratch, memory, IMAGE_BYTES_MAX, err);
    give_pages(scratch_memory, HS_PLAN_ARENA_BYTES);
    if (bytes > 0) note_facts(memory, facts);
    return bytes;
}

static int seal(int fd, int64_t bytes, struct hs_err *err)
{
    if (ftruncate(fd, (off_t)bytes) < 0) return hs_err_set(err, -errno, "size of the image");
    return hs_segment_seal_write(fd, err);
}

static int make_image(struct hs_worker_plan *plan, struct hs_exec_facts *facts, struct hs_err *err)
{
    int     fd = memfd_create("hyperscale plan image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void   *memory = MAP_FAILED;
    int64_t bytes;
    int     rc;

    if (fd < 0) return hs_err_set(err, -errno, "memory for the image");
    if (ftruncate(fd, IMAGE_BYTES_MAX) == 0)
        memory = mmap(NULL, IMAGE_BYTES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        rc = hs_err_set(err, -errno, "memory for the image");
        close(fd);
        return rc;
    }
    bytes = compile_into(plan, memory, facts, err);
    give_pages(memory, IMAGE_BYTES_MAX);
    rc = bytes < 0 ? (int)bytes : seal(fd, bytes, err);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    plan->image_fd = fd;
    plan->image_bytes = (uint64_t)bytes;
    return 0;
}

static void compile(struct hs_worker_plan *plan)
{
    struct hs_exec_facts facts = {0};
    struct hs_err        err = {0};
    int                  rc;

    leave_breadcrumb(plan, false);
    rc = make_image(plan, &facts, &err);
    leave_breadcrumb(plan, true);
    finish(plan, rc, err.text, &facts);
}

/* ---- turning ---- */

static void take_stage(struct hs_worker_plan *plan, uint64_t now_ns)
{
    struct hs_err err = {0};

    if (plan->stage == HS_PLAN_READ) {
        int rc;

        leave_breadcrumb(plan, false);
        rc = read_plan(plan, &err);
        leave_breadcrumb(plan, true);
        if (rc < 0) {
            finish(plan, rc, err.text, NULL);
            return;
        }
        plan->target = 0;
        plan->is_asked = false;
        plan->stage = HS_PLAN_RESOLVE;
    }
    if (plan->stage == HS_PLAN_RESOLVE) resolve(plan, now_ns);
    if (plan->stage == HS_PLAN_COMPILE) compile(plan);
}

uint64_t hs_worker_plans_turn(struct hs_worker *worker, uint64_t now_ns)
{
    uint64_t deadline_ns = HS_NEVER_NS;

    for (unsigned row = 0; row < HS_EXECS_PER_WORKER_MAX; row++) {
        struct hs_worker_plan *plan = &worker->plans[row];

        if (plan->stage == HS_PLAN_IDLE) continue;
        if (record_of(plan)->fence != plan->fence ||
            record_of(plan)->state > HS_EXEC_RUNNING) { /* cancelled meanwhile */
            end_preparation(plan);
            continue;
        }
        take_stage(plan, now_ns);
        if (plan->stage == HS_PLAN_RESOLVE)
            deadline_ns = hs_min_u64(deadline_ns, plan->deadline_ns);
    }
    return deadline_ns;
}
