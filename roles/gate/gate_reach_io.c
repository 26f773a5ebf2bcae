// SPDX-License-Identifier: Apache-2.0
/* gate_reach_io.c - which managers are asked whether their datacenters are there, and what becomes
 * of the answers. */
#include "roles/config.h"
#include "roles/gate/gate_process.h"
#include "shm/base/time.h"

#include <arpa/inet.h>
#include <string.h>

#define REGISTER_INTERVAL_NS HS_NS_PER_S

static void on_reach(void *owner, const char *datacenter, const struct hs_reach_facts *facts)
{
    struct hs_gate_process *process = owner;

    hs_gate_process_see_time(process);
    hs_gate_set_reach(&process->gate, datacenter, facts);
}

int hs_gate_reach_open(struct hs_gate_process *process, struct hs_err *err)
{
    const struct hs_federation_io_config config = {.process = &process->process,
                                                   .ring = process->ring,
                                                   .credentials =
                                                       &process->door.credentials.credentials,
                                                   .owner = process,
                                                   .on_reach = on_reach};

    return hs_federation_io_open(&process->federation, &config, err);
}

void hs_gate_reach_enter(struct hs_gate_process *process, unsigned manager,
                         const struct hs_greeting *greeting)
{
    if (!hs_greeting_place(greeting, &process->places[manager]))
        process->places[manager] = (struct hs_addr){0};
    process->register_at_ns = 0;
}

/* That of this host listens where the configuration says; on any address, so on this one. */
static bool local_place(const struct hs_gate_process *process, struct hs_addr *place)
{
    static const uint8_t any[sizeof place->bytes];
    uint32_t             loopback = htonl(INADDR_LOOPBACK);

    *place = process->process.config->cluster.manager_address;
    if (!place->port) return false;
    if (memcmp(place->bytes, any, sizeof any) != 0) return true;
    if (place->family == HS_ADDR_IPV4)
        memcpy(place->bytes, &loopback, sizeof loopback);
    else
        place->bytes[sizeof place->bytes - 1] = 1;
    return true;
}

static void register_manager(struct hs_gate_process *process, unsigned manager)
{
    const struct hs_gate_manager *at = &process->gate.managers[manager];
    struct hs_addr                place = process->places[manager];
    struct hs_node_id             id;

    memcpy(id.bytes, at->node, sizeof id.bytes);
    if (!at->is_up || hs_node_id_is_none(&id)) return;
    if (at->is_local && !local_place(process, &place)) return;
    if (place.port) hs_federation_io_register(process->federation, at->datacenter, &id, &place);
}

uint64_t hs_gate_reach_turn(struct hs_gate_process *process, uint64_t now_ns)
{
    if (!process->federation) return HS_NEVER_NS;
    if (now_ns >= process->register_at_ns) {
        process->register_at_ns = now_ns + REGISTER_INTERVAL_NS;
        for (unsigned i = 0; i < process->gate.manager_high; i++) register_manager(process, i);
    }
    return hs_min_u64(process->register_at_ns, hs_federation_io_turn(process->federation, now_ns));
}
