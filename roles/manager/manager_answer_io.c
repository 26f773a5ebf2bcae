// SPDX-License-Identifier: Apache-2.0
/* manager_answer_io.c - what this manager says of its datacenter to gates that ask. */
#include "roles/config.h"
#include "roles/manager/manager_process.h"
#include "shm/base/time.h"

#include <stdio.h>

/* Of another manager only its name is known, and what the ring knows of that; its term is its own
 * to say. */
static void fill_leader(const struct hs_manager_process *process,
                        struct hs_federation_leader     *leader)
{
    const struct hs_manager *manager = &process->manager;
    struct hs_ring_peer      peer;
    const char *name = manager->config.leader[0] && !manager->is_leading ? manager->config.leader
                                                                         : manager->config.name;

    if (!manager->is_leading && name == manager->config.name) return;
    if (!hs_ring_io_find(process->ring, name, &peer)) return;
    leader->id = peer.id;
    leader->address = peer.address;
    leader->term = manager->is_leading ? manager->state->leader_fence : 0;
}

static void fill_body(const struct hs_manager_process *process, struct hs_federation_body *body)
{
    const struct hs_msg_mhb *heartbeat = &process->manager.heartbeat;

    hs_ring_io_count(process->ring, &body->managers_live, &body->managers_total);
    body->workers_total = heartbeat->workers_known;
    body->workers_healthy = (uint16_t)(heartbeat->workers_alive - heartbeat->workers_overloaded);
    body->cores_total = heartbeat->cores_total;
    body->cores_free = heartbeat->cores_free;
    body->jobs = heartbeat->jobs;
    body->workflows = heartbeat->execs;
    body->extended_workers =
        hs_workers_extended(&process->manager.workers, hs_loop_now_ns(process->process.loop));
    body->local_health = hs_ring_io_health(process->ring);
}

static void fill(void *owner, struct hs_federation_message *message)
{
    const struct hs_manager_process *process = owner;

    message->type = HS_DATAGRAM_XACK;
    fill_leader(process, &message->leader);
    if (process->process.is_stopping)
        message->code = HS_XNACK_STOPPING;
    else if (!process->manager.has_log)
        message->code = HS_XNACK_STARTING;
    if (message->code)
        message->type = HS_DATAGRAM_XNACK;
    else
        fill_body(process, &message->body);
    if (message->type == HS_DATAGRAM_XACK)
        (void)snprintf(message->region, sizeof message->region, "%s",
                       process->process.config->node.region);
}

int hs_manager_answer_open(struct hs_manager_process *process, struct hs_err *err)
{
    const struct hs_dc_answer_config config = {.process = &process->process,
                                               .ring = process->ring,
                                               .credentials =
                                                   &process->door.credentials.credentials,
                                               .owner = process,
                                               .fill = fill};

    return hs_dc_answer_open(&process->answer, &config, err);
}
