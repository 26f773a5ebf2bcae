// SPDX-License-Identifier: Apache-2.0
/* data_lane_io.c - carries out what data_lane.h decides. */
#include "roles/cluster/data_lane_io.h"

#include "roles/counters.h"
#include "roles/result_code.h"
#include "roles/wire_io.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <errno.h>
#include <stdio.h>

static uint64_t clock_of(const struct hs_data_lane_ground *ground)
{
    return hs_loop_clock_ns(ground->process->loop);
}

static void count(const struct hs_data_lane_ground *ground, enum hs_count what)
{
    hs_counter_add(ground->process->counters, what, 1);
}

/* The link goes on without it: one line until it is up again is enough. */
static void tell(struct hs_data_lane_io *lane, const char *reason)
{
    if (lane->is_told) return;
    lane->is_told = true;
    hs_log(HS_LOG_WARN, "lane", "no data lane peer=%s role=%s reason=\"%s\"",
           lane->first->identity.node, hs_identity_role_name(lane->first->identity.role), reason);
}

void hs_data_lane_io_open(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane,
                          const struct hs_greeting *first, bool is_ours)
{
    *lane = (struct hs_data_lane_io){.first = first};
    if (is_ours && (first->features & HS_FEATURE_DATA_LANE))
        hs_data_lane_expect(&lane->core, ground->rand, clock_of(ground));
}

/* The connection is the caller's again; it hears no more of it. */
static struct hs_conn *let_go(const struct hs_data_lane_ground *ground,
                              struct hs_data_lane_io           *lane)
{
    struct hs_conn *conn = lane->conn;

    lane->conn = NULL;
    if (conn) count(ground, HS_COUNT_data_lanes_lost);
    return conn;
}

void hs_data_lane_io_close(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane)
{
    struct hs_conn *conn = let_go(ground, lane);

    *lane = (struct hs_data_lane_io){0};
    if (conn) hs_conn_abort(conn);
}

/* One that we have dialled, for a link that dials no more, is of an earlier try. */
static int check(const struct hs_data_lane_io *lane, const struct hs_greeting *greeting,
                 const char **why)
{
    *why = "a data lane of a connection that is not there";
    if (!lane || !lane->first) return -EACCES;
    if (lane->core.is_ours && lane->core.state != HS_DATA_LANE_TRYING) return -EACCES;
    return hs_data_lane_check(lane->first, greeting, why);
}

void hs_data_lane_io_enter(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane,
                           uint64_t tag, struct hs_conn *conn, const struct hs_greeting *greeting)
{
    struct hs_conn *old;
    const char     *why;

    if (check(lane, greeting, &why)) {
        hs_door_refuse(conn, greeting, why);
        return;
    }
    old = let_go(ground, lane);
    hs_data_lane_entered(&lane->core, clock_of(ground));
    lane->conn = conn;
    lane->is_told = false;
    hs_conn_set_tag(conn, tag);
    hs_conn_hand_over(conn, &ground->callbacks);
    count(ground, HS_COUNT_data_lanes_opened);
    if (old) hs_conn_abort(old);
}

void hs_data_lane_io_failed(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane,
                            const char *reason)
{
    tell(lane, reason);
    hs_data_lane_ended(&lane->core, ground->rand, clock_of(ground));
}

void hs_data_lane_io_ended(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane,
                           int reason)
{
    HS_IGNORE(let_go(ground, lane), "it is closed");
    hs_log(HS_LOG_INFO, "lane", "data lane ended peer=%s reason=\"%s\"", lane->first->identity.node,
           hs_err_code_text(reason));
    hs_data_lane_ended(&lane->core, ground->rand, clock_of(ground));
}

struct hs_conn *hs_data_lane_io_pick(struct hs_data_lane_io *lane, struct hs_conn *first,
                                     unsigned type, uint64_t now_ns)
{
    if (!lane->conn || !hs_conn_is_open(lane->conn)) return first;
    return hs_data_lane_takes(&lane->core, type, now_ns) ? lane->conn : first;
}

bool hs_data_lane_io_hear(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane,
                          unsigned type)
{
    if (hs_data_lane_carries(type)) {
        hs_data_lane_heard(&lane->core);
        return true;
    }
    count(ground, HS_COUNT_frames_unexpected);
    hs_conn_abort(lane->conn);
    return false;
}

void hs_data_lane_io_hold(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane,
                          uint64_t wait_ns)
{
    struct hs_msg_refused refused = {.code = HS_RESULT_BUSY, .retry_after_ns = wait_ns};

    if (!lane->core.held_till_ns) {
        count(ground, HS_COUNT_data_lane_holds);
        (void)snprintf(refused.text, sizeof refused.text, "too much data: it is not read for now");
        HS_IGNORE(hs_wire_send(lane->conn, HS_MSG_REFUSED, &refused, 0),
                  "it only says that this end lives");
        hs_conn_hold(lane->conn, true);
    }
    hs_data_lane_hold(&lane->core, wait_ns, clock_of(ground));
}

static void dial(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane)
{
    const struct hs_greeting *first = lane->first;
    int                       rc =
        hs_door_dial(ground->door, &first->address, &first->identity, first->link | HS_DOOR_LANE);

    if (rc) hs_data_lane_io_failed(ground, lane, hs_err_code_text(rc));
}

uint64_t hs_data_lane_io_turn(const struct hs_data_lane_ground *ground,
                              struct hs_data_lane_io *lane, uint64_t now_ns)
{
    uint64_t next_ns;

    if (hs_data_lane_is_due(&lane->core, now_ns)) dial(ground, lane);
    if (hs_data_lane_is_dead(&lane->core, now_ns)) {
        struct hs_conn *conn = let_go(ground, lane);

        hs_data_lane_io_failed(ground, lane, "no answer");
        hs_conn_abort(conn);
    }
    if (hs_data_lane_goes_on(&lane->core, now_ns)) hs_conn_hold(lane->conn, false);
    next_ns = hs_data_lane_deadline_ns(&lane->core);
    if (!lane->conn) return next_ns;
    hs_conn_turn(lane->conn, now_ns); /* calls nobody back: it stays */
    return hs_min_u64(next_ns, hs_conn_deadline_ns(lane->conn));
}
