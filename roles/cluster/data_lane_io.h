// SPDX-License-Identifier: Apache-2.0
/* data_lane_io.h - the connection of a data lane (data_lane.h), beside the first one of a role's
 * link: dialled through the role's door, or come in there. The role keeps its lanes beside its
 * links, so that there are never more lanes than links: of one link the newest stays, since its
 * other end dials again only when it has lost the one before. What comes over a lane is the role's
 * to handle. */
#ifndef HS_CLUSTER_DATA_LANE_IO_H
#define HS_CLUSTER_DATA_LANE_IO_H

#include "roles/cluster/data_lane.h"
#include "roles/cluster/dialer_io.h"

struct hs_data_lane_ground { /* what all lanes of a role have in common */
    struct hs_role_process  *process;
    struct hs_door          *door;
    struct hs_rand          *rand;
    struct hs_conn_callbacks callbacks; /* of the lanes' connections */
};

struct hs_data_lane_io { /* zeroed: of a link that has none */
    struct hs_data_lane       core;
    const struct hs_greeting *first;   /* of the first connection */
    struct hs_conn           *conn;    /* NULL: it is not up; its tag is that of the first one */
    bool                      is_told; /* why it is not */
};

/* A link to another host begins. is_ours: this end has dialled it. */
void hs_data_lane_io_open(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane,
                          const struct hs_greeting *first, bool is_ours);
/* It ends, and its lane with it. */
void hs_data_lane_io_close(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane);

/* From the door. lane NULL: it is of no link that there is. What may not enter is refused here. */
void hs_data_lane_io_enter(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane,
                           uint64_t tag, struct hs_conn *conn, const struct hs_greeting *greeting);
/* One that was dialled has come to nothing. */
void hs_data_lane_io_failed(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane,
                            const char *reason);
/* on_closed of a lane's connection, unless another one has taken its place. */
void hs_data_lane_io_ended(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane,
                           int reason);

/* The connection that a message goes over: the lane's, or the first one. */
struct hs_conn *hs_data_lane_io_pick(struct hs_data_lane_io *lane, struct hs_conn *first,
                                     unsigned type, uint64_t now_ns);
/* A frame has come over it. false: it does not belong there, and the lane is closed. */
bool hs_data_lane_io_hear(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane,
                          unsigned type);
/* What came over it was refused: it is not read for a while, and its other end is told once. */
void hs_data_lane_io_hold(const struct hs_data_lane_ground *ground, struct hs_data_lane_io *lane,
                          uint64_t wait_ns);

uint64_t hs_data_lane_io_turn(const struct hs_data_lane_ground *ground,
                              struct hs_data_lane_io *lane, uint64_t now_ns);

static inline bool hs_data_lane_io_is_up(const struct hs_data_lane_io *lane)
{
    return lane->conn != NULL;
}

#endif
