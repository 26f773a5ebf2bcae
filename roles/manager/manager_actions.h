// SPDX-License-Identifier: Apache-2.0
/* manager_actions.h - what a manager wants done, in order: frames to send, entries to propose,
 * blobs to keep and to read. A bounded array with its own room for bytes; whoever fills it asks for
 * room first. Pure. */
#ifndef HS_MANAGER_ACTIONS_H
#define HS_MANAGER_ACTIONS_H

#include "roles/manager/manager_entry.h"
#include "roles/notice.h"
#include "roles/time_tables.h"
#include "roles/wire.h"

enum {
    HS_MANAGER_ACTIONS_MAX = 128,
    HS_MANAGER_ACTION_BYTES = 1 << 20,
    HS_MANAGER_EVENTS_MAX = 64, /* of one event or turn; with all used, the last is written over */
    HS_MANAGER_SAMPLES_MAX =
        32, /* round trips learnt in one event or turn; for the eye, so a 33rd is
                                    left out */
    /* What one event's answer may take at most; the turn leaves so much. */
    HS_MANAGER_ACTIONS_SPARE = 8,
    HS_MANAGER_SPARE_BYTES = 64 << 10
};

enum hs_manager_action_type {
    HS_MANAGER_SEND_GATE,   /* link, message, request_id: 0 or what it answers */
    HS_MANAGER_SEND_LATEST, /* likewise; worthless if it is behind: tell hs_manager_on_dropped */
    HS_MANAGER_SEND_WORKER, /* link, message, request_id */
    HS_MANAGER_SEND_EXEC,   /* likewise, EXEC_DISPATCH: with the plan if it fits the frame */
    HS_MANAGER_SEND_BLOB,   /* link (of either), digest, offset_bytes, request_id: a BLOB_DATA */
    HS_MANAGER_PROPOSE,     /* token, bytes */
    HS_MANAGER_PUT_BLOB,    /* token, bytes */
    HS_MANAGER_READ_BLOB    /* token, digest: then hs_manager_on_blob */
};

struct hs_manager_action {
    enum hs_manager_action_type type;
    enum hs_msg_type            message_type;
    uint32_t                    link;
    uint64_t                    request_id;
    uint64_t                    token;
    uint64_t                    offset_bytes;
    struct hs_ledger_digest     digest;
    struct hs_view              bytes;
    union hs_msg                message;
};

struct hs_manager_actions {
    unsigned                 count;
    size_t                   used_bytes;
    struct hs_manager_action at[HS_MANAGER_ACTIONS_MAX];
    unsigned                 sample_count;
    struct hs_latency_sample samples[HS_MANAGER_SAMPLES_MAX];
    unsigned                 event_count;
    struct hs_event_record   events[HS_MANAGER_EVENTS_MAX];
    uint8_t                  memory[HS_MANAGER_ACTION_BYTES];
};

/* Room for one more beside the spare ones? */
bool hs_manager_has_room(const struct hs_manager_actions *actions);
/* The next action, zeroed. Asserts that there is one. */
struct hs_manager_action *hs_manager_act(struct hs_manager_actions  *actions,
                                         enum hs_manager_action_type type);
/* A message to fill. */
union hs_msg *hs_manager_send(struct hs_manager_actions *actions, enum hs_manager_action_type type,
                              enum hs_msg_type message_type, uint32_t link, uint64_t request_id);
/* A record to fill. With all of them used, the last is used again. */
struct hs_event_record *hs_manager_event(struct hs_manager_actions *actions);
/* Up to bytes_max of the memory, behind what is used; keep what was written. */
void           hs_manager_open_bytes(struct hs_manager_actions *actions, size_t bytes_max,
                                     struct hs_writer *writer);
struct hs_view hs_manager_keep_bytes(struct hs_manager_actions *actions,
                                     const struct hs_writer    *writer);

#endif
