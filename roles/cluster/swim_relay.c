// SPDX-License-Identifier: Apache-2.0
/* swim_relay.c - questions for others: taken on, asked, answered, refused. */
#include "roles/cluster/swim_inner.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#define RELAY_PATIENCE 8 / 10 /* of the timeout: the NACK must be back before the round ends */

static void send_nack(struct hs_swim_actions *actions, const struct hs_swim_event *event,
                      enum hs_swim_nack code)
{
    struct hs_swim_action *action =
        hs_swim_add(actions, HS_SWIM_SEND_NACK, event->sender_idx, event->member_idx);

    action->sequence = event->sequence;
    action->code = code;
}

static uint32_t relay_slot(const struct hs_swim *swim, const struct hs_probe_relay *relay)
{
    return HS_SWIM_PROBES + hs_probe_relay_idx(&swim->relays, relay);
}

void hs_swim_on_ping_req(struct hs_swim *swim, uint64_t now_ns, const struct hs_swim_event *event,
                         struct hs_swim_actions *actions)
{
    const struct hs_member *requester = hs_members_at(swim->members, event->sender_idx);
    const struct hs_member *target = hs_members_at(swim->members, event->member_idx);
    struct hs_probe_relay  *relay = NULL;
    uint64_t                patience_ns;

    if (!target || event->member_idx == swim->members->self_idx) {
        send_nack(actions, event, HS_SWIM_NACK_UNKNOWN);
        return;
    }
    if (requester && swim->health.level < HS_HEALTH_HEAVY)
        relay = hs_probe_relay_take(&swim->relays, requester, target);
    if (!relay) {
        swim->counts.relays_refused++;
        send_nack(actions, event, HS_SWIM_NACK_BUSY);
        return;
    }
    relay->requester_sequence = event->sequence;
    relay->sent_at_ns = now_ns;
    relay->end_at_ns = now_ns + swim->config.period_ns;
    patience_ns = hs_swim_timeout_ns(swim, target) * RELAY_PATIENCE;
    hs_timer_arm(&swim->wheel, hs_swim_slot_timer(swim, relay_slot(swim, relay)),
                 now_ns + patience_ns);
    hs_swim_add(actions, HS_SWIM_SEND_PING, target->idx, target->idx)->sequence =
        hs_swim_number(relay_slot(swim, relay), relay->generation);
}

static void free_relay(struct hs_swim *swim, struct hs_probe_relay *relay)
{
    hs_timer_cancel(&swim->wheel, hs_swim_slot_timer(swim, relay_slot(swim, relay)));
    hs_probe_relay_free(relay);
}

/* First it says that it heard nothing, since the requester judges itself by that; it still passes
 * on what comes before the requester's round is over. */
void hs_swim_on_relay_timer(struct hs_swim *swim, uint32_t idx, struct hs_swim_actions *actions)
{
    struct hs_probe_relay *relay = &swim->relays.at[idx];
    struct hs_swim_action *action;

    HS_ASSERT(relay->end_at_ns != 0);
    if (relay->has_refused ||
        !hs_members_is_at(swim->members, relay->requester_idx, &relay->requester)) {
        free_relay(swim, relay);
        return;
    }
    relay->has_refused = true;
    hs_timer_arm(&swim->wheel, hs_swim_slot_timer(swim, HS_SWIM_PROBES + idx), relay->end_at_ns);
    action = hs_swim_add(actions, HS_SWIM_SEND_NACK, relay->requester_idx, relay->target_idx);
    action->sequence = relay->requester_sequence;
    action->code = HS_SWIM_NACK_TIMEOUT;
}

bool hs_swim_on_relay_ack(struct hs_swim *swim, uint64_t now_ns, const struct hs_swim_event *event,
                          struct hs_swim_actions *actions)
{
    uint32_t               slot = event->sequence & HS_SWIM_SLOT_MASK;
    struct hs_probe_relay *relay;
    struct hs_swim_action *action;

    if (slot < HS_SWIM_PROBES || slot >= HS_SWIM_SLOT_COUNT) return false;
    relay = &swim->relays.at[slot - HS_SWIM_PROBES];
    if (!relay->end_at_ns || hs_swim_number(slot, relay->generation) != event->sequence)
        return false;
    if (event->sender_idx != relay->target_idx ||
        !hs_members_is_at(swim->members, relay->target_idx, &relay->target))
        return false;
    hs_swim_note_answer(swim, now_ns, event, hs_max_u64(now_ns - relay->sent_at_ns, 1), actions);
    if (hs_members_is_at(swim->members, relay->requester_idx, &relay->requester)) {
        action =
            hs_swim_add(actions, HS_SWIM_SEND_IND_ACK, relay->requester_idx, relay->target_idx);
        action->sequence = relay->requester_sequence;
        action->incarnation = event->incarnation;
    }
    free_relay(swim, relay);
    return true;
}
