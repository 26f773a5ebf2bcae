// SPDX-License-Identifier: Apache-2.0
/* manager_actions.c - a list with room behind it. */
#include "roles/manager/manager_actions.h"

#include "shm/base/assert.h"

bool hs_manager_has_room(const struct hs_manager_actions *actions)
{
    return actions->count + HS_MANAGER_ACTIONS_SPARE < HS_MANAGER_ACTIONS_MAX &&
           actions->used_bytes + HS_LEDGER_ENTRY_BYTES_MAX + HS_MANAGER_SPARE_BYTES <
               HS_MANAGER_ACTION_BYTES;
}

struct hs_manager_action *hs_manager_act(struct hs_manager_actions  *actions,
                                         enum hs_manager_action_type type)
{
    struct hs_manager_action *action = &actions->at[actions->count];

    HS_ASSERT(actions->count < HS_MANAGER_ACTIONS_MAX);
    actions->count++;
    *action = (struct hs_manager_action){.type = type};
    return action;
}

union hs_msg *hs_manager_send(struct hs_manager_actions *actions, enum hs_manager_action_type type,
                              enum hs_msg_type message_type, uint32_t link, uint64_t request_id)
{
    struct hs_manager_action *action = hs_manager_act(actions, type);

    action->message_type = message_type;
    action->link = link;
    action->request_id = request_id;
    return &action->message;
}

struct hs_event_record *hs_manager_event(struct hs_manager_actions *actions)
{
    if (actions->event_count < HS_MANAGER_EVENTS_MAX) actions->event_count++;
    return &actions->events[actions->event_count - 1];
}

void hs_manager_open_bytes(struct hs_manager_actions *actions, size_t bytes_max,
                           struct hs_writer *writer)
{
    size_t left_bytes = HS_MANAGER_ACTION_BYTES - actions->used_bytes;

    hs_writer_init(writer, actions->memory + actions->used_bytes,
                   bytes_max < left_bytes ? bytes_max : left_bytes);
}

struct hs_view hs_manager_keep_bytes(struct hs_manager_actions *actions,
                                     const struct hs_writer    *writer)
{
    HS_ASSERT(!writer->failed);
    actions->used_bytes += writer->used_bytes;
    HS_ASSERT(actions->used_bytes <= HS_MANAGER_ACTION_BYTES);
    return hs_view_of(writer->data, writer->used_bytes);
}
