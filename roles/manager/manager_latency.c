// SPDX-License-Identifier: Apache-2.0
/* manager_latency.c - how far away the workers are: a ping a second, and the answers to new
 * shares. */
#include "roles/manager/manager_step.h"

#include <stdio.h>

#define PING_INTERVAL_NS HS_NS_PER_S

void hs_manager_note_latency(struct hs_manager_step *step, const struct hs_manager_worker *worker,
                             enum hs_latency_kind kind, uint64_t sent_at_ns)
{
    struct hs_manager_actions *actions = step->actions;
    struct hs_latency_sample  *sample;

    if (actions->sample_count == HS_MANAGER_SAMPLES_MAX || step->now_ns < sent_at_ns) return;
    sample = &actions->samples[actions->sample_count++];
    *sample = (struct hs_latency_sample){.at_ns = step->now_ns,
                                         .round_trip_ns = step->now_ns - sent_at_ns,
                                         .kind = kind,
                                         .peer_kind = HS_ROLE_WORKER};
    (void)snprintf(sample->peer, sizeof sample->peer, "%s", worker->name);
}

/* One that does not answer is asked again with another number: an answer that comes late after all
 * counts for nothing. */
void hs_manager_turn_pings(struct hs_manager_step *step)
{
    struct hs_workers *workers = &step->manager->workers;

    for (uint32_t i = 0; i < workers->high; i++) {
        struct hs_manager_worker *worker = &workers->at[i];

        if (!worker->is_used || !worker->link) continue;
        if (step->now_ns >= worker->pinged_at_ns + PING_INTERVAL_NS &&
            hs_manager_has_room(step->actions)) {
            worker->ping_nonce = ++workers->ping_count;
            worker->pinged_at_ns = step->now_ns;
            hs_manager_send(step->actions, HS_MANAGER_SEND_WORKER, HS_MSG_PING, worker->link, 0)
                ->ping.nonce = worker->ping_nonce;
        }
        hs_manager_due(step, worker->pinged_at_ns + PING_INTERVAL_NS);
    }
}

void hs_manager_take_pong(struct hs_manager_step *step, struct hs_manager_worker *worker,
                          const struct hs_msg_pong *pong)
{
    if (!worker->ping_nonce || pong->nonce != worker->ping_nonce) return; /* of an earlier ping */
    worker->ping_nonce = 0;
    worker->round_trip_ns = hs_max_u64(step->now_ns - worker->pinged_at_ns, 1);
    hs_manager_note_latency(step, worker, HS_LATENCY_PING, worker->pinged_at_ns);
}
