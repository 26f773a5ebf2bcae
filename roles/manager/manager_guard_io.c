// SPDX-License-Identifier: Apache-2.0
/* manager_guard_io.c - the turnstile of the manager's links. */
#include "roles/manager/manager_guard_io.h"

#include "roles/counters.h"
#include "roles/role_load_io.h"
#include "roles/wire_io.h"
#include "shm/base/log.h"

enum { MESSAGES_MAX = 5000 }; /* control 1.2 */
#define BYTES_MAX (UINT64_C(1) << 30)

void hs_manager_guard_open(struct hs_manager_guard *guard, struct hs_role_process *process)
{
    guard->process = process;
    hs_admission_init(&guard->turnstile.admission, MESSAGES_MAX, BYTES_MAX);
}

bool hs_manager_guard_enter(struct hs_manager_guard *guard, struct hs_visitor *visitor,
                            struct hs_conn *conn, const struct hs_frame *frame, uint64_t now_ns,
                            hs_slot *slot)
{
    struct hs_msg_refused refused;

    if (hs_turnstile_enter(&guard->turnstile, visitor, frame->type, now_ns, slot, &refused))
        return true;
    if (hs_turnstile_answers(visitor, frame))
        HS_IGNORE(hs_wire_reply(conn, HS_MSG_REFUSED, &refused, frame->request_id),
                  "whoever sends too much and does not read is not helped by more");
    return false;
}

static void tell(struct hs_manager_guard *guard, enum hs_count count, uint64_t now, uint64_t *told)
{
    if (now != *told) hs_counter_add(guard->process->counters, count, now - *told);
    *told = now;
}

void hs_manager_guard_turn(struct hs_manager_guard *guard, uint64_t waiting_bytes, uint64_t now_ns)
{
    const struct hs_turnstile_counts *counts = &guard->turnstile.counts;
    struct hs_admission              *admission = &guard->turnstile.admission;

    admission->bytes = waiting_bytes;
    admission->floor = hs_role_load(guard->process->load);
    if (hs_admission_warns(admission, now_ns))
        hs_log(HS_LOG_WARN, "manager", "nearly full messages=%u bytes_waiting=%llu",
               hs_admission_under_way(admission), (unsigned long long)waiting_bytes);
    tell(guard, HS_COUNT_frames_rate_limited, counts->rate_limited, &guard->told.rate_limited);
    tell(guard, HS_COUNT_frames_shed, counts->shed, &guard->told.shed);
    tell(guard, HS_COUNT_control_refused, counts->control, &guard->told.control);
    hs_counter_set(guard->process->counters, HS_COUNT_frames_under_way,
                   hs_admission_under_way(admission));
    hs_counter_set(guard->process->counters, HS_COUNT_bytes_waiting, waiting_bytes);
}
