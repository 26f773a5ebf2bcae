// SPDX-License-Identifier: Apache-2.0
/* gate_guard_io.c - the turnstile of the gate's connections. */
#include "roles/gate/gate_guard_io.h"

#include "roles/config.h"
#include "roles/counters.h"
#include "roles/result_code.h"
#include "roles/role_load_io.h"
#include "roles/wire_io.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { MESSAGES_MAX = 2000 }; /* control 1.2 */
#define BYTES_MAX (UINT64_C(512) << 20)

/* What is not in the configuration: pieces of plans and results follow one another as fast as they
 * are answered, and each event is acknowledged. */
static void fill_limits(struct hs_rate_limits *limits, const struct hs_config_gate *config)
{
    *limits = (struct hs_rate_limits){
        .clients_max = config->rate_clients_max,
        .window_ns = config->rate_window_ns,
        .max = {[HS_RATE_SUBMIT] = config->rate_submits,
                [HS_RATE_QUERY] = config->rate_queries,
                [HS_RATE_CANCEL] = config->rate_cancels,
                [HS_RATE_SUBSCRIBE] = 2 * config->rate_submits,
                [HS_RATE_FETCH] = 20 * config->rate_submits, /* a job's results, a plan of 4 MiB: */
                [HS_RATE_UPLOAD] = 20 * config->rate_submits, /* so many pieces */
                [HS_RATE_EVENT_ACK] = 100 * config->rate_submits,
                [HS_RATE_OTHER] = 4 * config->rate_submits}};
}

int hs_gate_guard_open(struct hs_gate_guard *guard, struct hs_role_process *process,
                       struct hs_err *err)
{
    struct hs_rate_limits limits;
    void *memory = mmap(NULL, sizeof *guard->turnstile.limiter, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) return hs_err_set(err, -ENOMEM, "the table of clients");
    guard->process = process;
    guard->turnstile.limiter = memory;
    fill_limits(&limits, &process->config->gate);
    hs_rate_init(guard->turnstile.limiter, &limits, process->heritage->incarnation,
                 hs_loop_clock_ns(process->loop));
    hs_admission_init(&guard->turnstile.admission, MESSAGES_MAX, BYTES_MAX);
    return 0;
}

void hs_gate_guard_meet_user(struct hs_gate_guard *guard, unsigned client, int fd)
{
    struct hs_visitor *visitor = &guard->clients[client];
    struct ucred       credentials = {.uid = (uid_t)-1};
    socklen_t          bytes = sizeof credentials;

    *visitor = (struct hs_visitor){.source = client};
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) < 0)
        hs_log(HS_LOG_WARN, "gate", "user of a client not known: %s", hs_err_code_text(-errno));
    memcpy(visitor->key, &credentials.uid, sizeof credentials.uid);
    (void)snprintf(guard->who[client], sizeof guard->who[client], "user %u", credentials.uid);
}

void hs_gate_guard_meet_identity(struct hs_gate_guard *guard, unsigned client,
                                 const struct hs_identity *identity)
{
    struct hs_visitor      *visitor = &guard->clients[client];
    struct hs_ledger_digest digest;

    *visitor = (struct hs_visitor){.source = client};
    hs_identity_text(identity, guard->who[client]);
    hs_ledger_digest_of(hs_view_text(guard->who[client]), &digest);
    HS_STATIC_ASSERT(sizeof digest.bytes >= HS_RATE_KEY_BYTES, "a key is the beginning of it");
    memcpy(visitor->key, digest.bytes, HS_RATE_KEY_BYTES);
}

bool hs_gate_guard_is_one_user(const struct hs_gate_guard *guard, unsigned a, unsigned b)
{
    return memcmp(guard->clients[a].key, guard->clients[b].key, HS_RATE_KEY_BYTES) == 0;
}

void hs_gate_guard_meet_manager(struct hs_gate_guard *guard, unsigned manager)
{
    guard->managers[manager] =
        (struct hs_visitor){.source = HS_GATE_CLIENTS_MAX + manager, .is_peer = true};
}

static void note_refusal(struct hs_gate_guard *guard, const struct hs_visitor *visitor,
                         const struct hs_msg_refused *refused)
{
    struct hs_event_record record;

    hs_notice_fill(&record, HS_NOTICE_CLIENT_REFUSED, "", 1, "%s of %s: %s",
                   hs_wire_name(refused->type), guard->who[visitor->source], refused->text);
    hs_role_note(guard->process, &record);
}

bool hs_gate_guard_enter(struct hs_gate_guard *guard, struct hs_visitor *visitor,
                         struct hs_conn *conn, const struct hs_frame *frame, uint64_t now_ns,
                         hs_slot *slot)
{
    struct hs_msg_refused refused;

    if (hs_turnstile_enter(&guard->turnstile, visitor, frame->type, now_ns, slot, &refused))
        return true;
    if (!visitor->is_peer) note_refusal(guard, visitor, &refused);
    if (hs_turnstile_answers(visitor, frame))
        HS_IGNORE(hs_wire_reply(conn, HS_MSG_REFUSED, &refused, frame->request_id),
                  "whoever asks too much and does not read is not helped by more");
    return false;
}

void hs_gate_guard_judge(const struct hs_gate_guard *guard, struct hs_conn *conn,
                         const struct hs_frame *frame, int code)
{
    struct hs_counters_shm *page = guard->process->counters;
    struct hs_msg_refused   refused = {.type = frame->type};

    if (code == -EPROTO) {
        hs_counter_add(page, HS_COUNT_frames_malformed, 1);
        hs_conn_abort(conn);
        return;
    }
    hs_counter_add(page, code == -ENOENT ? HS_COUNT_frames_unknown : HS_COUNT_frames_unexpected, 1);
    refused.code = code == -EACCES ? HS_RESULT_FORBIDDEN : HS_RESULT_UNSUPPORTED;
    HS_IGNORE(hs_wire_reply(conn, HS_MSG_REFUSED, &refused, frame->request_id),
              "whoever sends such frames and does not read is not helped by more");
}

static void tell(struct hs_gate_guard *guard, enum hs_count count, uint64_t now, uint64_t *told)
{
    if (now != *told) hs_counter_add(guard->process->counters, count, now - *told);
    *told = now;
}

static void show(struct hs_gate_guard *guard)
{
    const struct hs_turnstile    *turnstile = &guard->turnstile;
    const struct hs_rate_limiter *limiter = turnstile->limiter;
    struct hs_counters_shm       *page = guard->process->counters;

    tell(guard, HS_COUNT_frames_rate_limited, turnstile->counts.rate_limited,
         &guard->told.rate_limited);
    tell(guard, HS_COUNT_frames_shed, turnstile->counts.shed, &guard->told.shed);
    tell(guard, HS_COUNT_control_refused, turnstile->counts.control, &guard->told.control);
    tell(guard, HS_COUNT_rate_clients_evicted, limiter->evicted_count, &guard->told_evicted);
    tell(guard, HS_COUNT_rate_overflows, limiter->overflow_count, &guard->told_overflows);
    hs_counter_set(page, HS_COUNT_rate_clients, limiter->count);
    hs_counter_set(page, HS_COUNT_frames_under_way, hs_admission_under_way(&turnstile->admission));
    hs_counter_set(page, HS_COUNT_bytes_waiting, turnstile->admission.bytes);
}

static void show_managers(struct hs_gate_guard *guard, struct hs_gate *gate)
{
    unsigned open_count = 0;
    unsigned damped_count = 0;

    for (unsigned i = 0; i < gate->manager_high; i++) {
        open_count += gate->managers[i].breaker.state != HS_BREAKER_CLOSED;
        damped_count += hs_flap_is_damped(&gate->managers[i].flap, gate->now_ns);
    }
    hs_counter_set(guard->process->counters, HS_COUNT_breakers_open, open_count);
    hs_counter_set(guard->process->counters, HS_COUNT_peers_damped, damped_count);
}

uint64_t hs_gate_guard_turn(struct hs_gate_guard *guard, struct hs_gate *gate,
                            uint64_t waiting_bytes)
{
    struct hs_admission *admission = &guard->turnstile.admission;
    uint64_t             now_ns = gate->now_ns;

    admission->bytes = waiting_bytes;
    admission->floor = hs_role_load(guard->process->load);
    guard->turnstile.limiter->load = hs_admission_load(admission);
    if (hs_admission_warns(admission, now_ns))
        hs_log(HS_LOG_WARN, "gate", "nearly full messages=%u bytes_waiting=%llu",
               hs_admission_under_way(admission), (unsigned long long)waiting_bytes);
    show(guard);
    show_managers(guard, gate);
    return hs_rate_turn(guard->turnstile.limiter, now_ns);
}
