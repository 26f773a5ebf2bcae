// SPDX-License-Identifier: Apache-2.0
/* notice.c - names of events, and their rate. */
#include "roles/notice.h"

#include "shm/base/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_INTERVAL_NS HS_NS_PER_S

static const char *const names[] = {
    [HS_NOTICE_STARTED] = "started",
    [HS_NOTICE_READY] = "ready",
    [HS_NOTICE_DIED] = "died",
    [HS_NOTICE_KILLED] = "killed",
    [HS_NOTICE_CRASH_LOOP] = "crash_loop",
    [HS_NOTICE_FAILED] = "failed",
    [HS_NOTICE_STOPPED] = "stopped",
    [HS_NOTICE_HOST_READY] = "host_ready",
    [HS_NOTICE_HOST_STOPPING] = "host_stopping",
    [HS_NOTICE_ACTION] = "action",
    [HS_NOTICE_RELOADED] = "reloaded",
    [HS_NOTICE_RELOAD_REFUSED] = "reload_refused",
    [HS_NOTICE_QUARANTINED] = "quarantined",
    [HS_NOTICE_CLIENT_REFUSED] = "client_refused",
    [HS_NOTICE_CLIENT_CUT_OFF] = "client_cut_off",
    [HS_NOTICE_JOB_ACCEPTED] = "job_accepted",
    [HS_NOTICE_JOB_REFUSED] = "job_refused",
    [HS_NOTICE_JOB_ENDED] = "job_ended",
    [HS_NOTICE_MANAGER_JOINED] = "manager_joined",
    [HS_NOTICE_MANAGER_GONE] = "manager_gone",
    [HS_NOTICE_WORKER_REGISTERED] = "worker_registered",
    [HS_NOTICE_WORKER_LOST] = "worker_lost",
    [HS_NOTICE_SHARE_LOST] = "share_lost",
    [HS_NOTICE_SHARES_ADOPTED] = "shares_adopted",
    [HS_NOTICE_SHARES_MOVED] = "shares_moved",
    [HS_NOTICE_LOAD_GIVEN_UP] = "load_given_up",
    [HS_NOTICE_SEGMENTS_REPLACED] = "segments_replaced",
    [HS_NOTICE_CREDENTIALS_RENEWED] = "credentials_renewed",
    [HS_NOTICE_CREDENTIALS_REFUSED] = "credentials_refused",
    [HS_NOTICE_MEMBER_JOINED] = "member_joined",
    [HS_NOTICE_MEMBER_SUSPECT] = "member_suspect",
    [HS_NOTICE_MEMBER_REFUTED] = "member_refuted",
    [HS_NOTICE_MEMBER_DEAD] = "member_dead",
    [HS_NOTICE_MEMBER_LEFT] = "member_left",
    [HS_NOTICE_JOB_SUSPECT] = "job_suspect",
    [HS_NOTICE_JOB_REFUTED] = "job_refuted",
    [HS_NOTICE_JOB_DEAD] = "job_dead",
    [HS_NOTICE_DATACENTER_REACHABLE] = "datacenter_reachable",
    [HS_NOTICE_DATACENTER_SUSPECTED] = "datacenter_suspected",
    [HS_NOTICE_DATACENTER_UNREACHABLE] = "datacenter_unreachable",
    [HS_NOTICE_TWO_LEADERS] = "two_leaders",
    [HS_NOTICE_WRONG_DATACENTER] = "wrong_datacenter",
    [HS_NOTICE_EXTENDED] = "extended",
    [HS_NOTICE_ALERT] = "alert",
    [HS_NOTICE_ALERT_OVER] = "alert_over",
    [HS_NOTICE_PARTITION_DETECTED] = "partition_detected",
    [HS_NOTICE_PARTITION_LASTS] = "partition_lasts",
    [HS_NOTICE_PARTITION_HEALED] = "partition_healed",
    [HS_NOTICE_WORKER_OWNED] = "worker_owned",
    [HS_NOTICE_WORKER_SUSPECT] = "worker_suspect",
    [HS_NOTICE_WORKER_CLEARED] = "worker_cleared",
    [HS_NOTICE_WORKERS_HELD] = "workers_held",
    [HS_NOTICE_PEER_CONNECTED] = "peer_connected",
    [HS_NOTICE_PEER_MISSED] = "peer_missed",
    [HS_NOTICE_PEER_REFUSED] = "peer_refused",
};
HS_STATIC_ASSERT(HS_ARRAY_LEN(names) == HS_NOTICE_KIND_COUNT, "a name each");

const char *hs_notice_kind_name(uint64_t kind)
{
    return kind < HS_NOTICE_KIND_COUNT ? names[kind] : "?";
}

static void hide_controls(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127) *text = '?';
}

void hs_notice_fill(struct hs_event_record *record, enum hs_notice_kind kind, const char *about,
                    uint64_t number, const char *format, ...)
{
    va_list arguments;

    HS_ASSERT(kind < HS_NOTICE_KIND_COUNT);
    memset(record, 0, sizeof *record);
    record->kind = kind;
    record->number = number;
    (void)snprintf(record->about, sizeof record->about, "%s", about);
    va_start(arguments, format);
    (void)vsnprintf(record->text, sizeof record->text, format, arguments);
    va_end(arguments);
    hide_controls(record->about);
    hide_controls(record->text);
}

int hs_notice_limit_idx(uint64_t kind)
{
    static const enum hs_notice_kind kinds[] = {HS_NOTICE_CLIENT_REFUSED, HS_NOTICE_CLIENT_CUT_OFF,
                                                HS_NOTICE_JOB_REFUSED};

    HS_STATIC_ASSERT((int)HS_ARRAY_LEN(kinds) == (int)HS_NOTICE_LIMITS, "a limit each");
    for (int i = 0; i < HS_NOTICE_LIMITS; i++)
        if (kind == kinds[i]) return i;
    return -1;
}

static void let_go(struct hs_notice_limit *limit, uint64_t now_ns, struct hs_event_record *record)
{
    record->number = limit->count;
    limit->count = 0;
    limit->is_held = false;
    limit->until_ns = now_ns + LIMIT_INTERVAL_NS;
}

bool hs_notice_limit_pass(struct hs_notice_limit *limit, struct hs_event_record *record)
{
    limit->count++;
    if (record->at_ns >= limit->until_ns) {
        let_go(limit, record->at_ns, record);
        return true;
    }
    limit->held = *record;
    limit->is_held = true;
    return false;
}

bool hs_notice_limit_release(struct hs_notice_limit *limit, uint64_t now_ns,
                             struct hs_event_record *record)
{
    if (!limit->is_held || now_ns < limit->until_ns) return false;
    *record = limit->held;
    let_go(limit, now_ns, record);
    return true;
}
