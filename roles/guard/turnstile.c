// SPDX-License-Identifier: Apache-2.0
/* turnstile.c - who may come in. */
#include "roles/guard/turnstile.h"

#include "roles/result_code.h"

#include <stdio.h>
#include <string.h>

static void refuse(struct hs_turnstile *turnstile, unsigned type, enum hs_result_code code,
                   uint64_t wait_ns, struct hs_msg_refused *refused)
{
    bool is_rate = code == HS_RESULT_RATE_LIMITED;

    *refused = (struct hs_msg_refused){
        .code = (uint16_t)code, .type = (uint16_t)type, .retry_after_ns = wait_ns};
    (void)snprintf(refused->text, sizeof refused->text, "%s",
                   is_rate ? "too many requests: ask again later"
                           : "too much is under way: ask again later");
    turnstile->counts.rate_limited += is_rate;
    turnstile->counts.shed += !is_rate;
    turnstile->counts.control += hs_wire_traffic(type) == HS_TRAFFIC_CONTROL;
}

bool hs_turnstile_enter(struct hs_turnstile *turnstile, struct hs_visitor *visitor, unsigned type,
                        uint64_t now_ns, hs_slot *slot, struct hs_msg_refused *refused)
{
    uint64_t wait_ns = visitor->is_peer ? hs_rate_ask_peer(&visitor->arrival_ns, now_ns)
                                        : hs_rate_ask(turnstile->limiter, visitor->key,
                                                      hs_rate_op_of(type), now_ns);

    *slot = 0;
    visitor->wait_ns = wait_ns ? wait_ns : hs_result_code_retry_ns(HS_RESULT_BUSY);
    if (wait_ns) {
        refuse(turnstile, type, HS_RESULT_RATE_LIMITED, wait_ns, refused);
        return false;
    }
    if (hs_admission_take(&turnstile->admission, hs_wire_traffic(type), visitor->source, slot))
        return true;
    refuse(turnstile, type, HS_RESULT_BUSY, visitor->wait_ns, refused);
    return false;
}

bool hs_turnstile_answers(const struct hs_visitor *visitor, const struct hs_frame *frame)
{
    if (frame->type == HS_MSG_EVENT_ACK || visitor->is_lane) return false;
    return !visitor->is_peer || frame->request_id;
}
