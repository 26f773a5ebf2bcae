// SPDX-License-Identifier: Apache-2.0
/* node_door_io.c - credentials and door of one role. */
#include "roles/cluster/node_door_io.h"

#include "roles/config.h"
#include "roles/counters.h"
#include "roles/notice.h"
#include "shm/base/time.h"

#include <string.h>

static const struct hs_addr *address_of(const struct hs_role_process *process)
{
    static const struct hs_addr nowhere;

    if (process->heritage->kind == HS_ROLE_GATE) return &process->config->cluster.gate_address;
    if (process->heritage->kind == HS_ROLE_MANAGER)
        return &process->config->cluster.manager_address;
    return &nowhere;
}

static void note_refusal(void *reader, const char *address, const char *why)
{
    struct hs_event_record record;

    hs_notice_fill(&record, HS_NOTICE_PEER_REFUSED, address, 0, "%s", why);
    hs_role_note(reader, &record);
}

int hs_node_door_open(struct hs_node_door *door, const struct hs_node_door_config *config,
                      struct hs_err *err)
{
    struct hs_role_process   *process = config->process;
    const struct hs_heritage *heritage = process->heritage;
    struct hs_door_config     open = {.loop = process->loop,
                                      .credentials = &door->credentials.credentials,
                                      .greeter = {.incarnation = heritage->incarnation,
                                                  .generation = heritage->generation,
                                                  .listens = *address_of(process)},
                                      .figures = &process->frames,
                                      .owner = config->owner,
                                      .on_enter = config->on_enter,
                                      .on_refused = config->on_refused,
                                      .reader = process,
                                      .on_news = note_refusal};
    int                       rc;

    rc = hs_node_credentials_open(&door->credentials, process, err);
    if (rc || !door->credentials.credentials.tls) return rc;
    memcpy(open.greeter.node_id, heritage->node_id, sizeof open.greeter.node_id);
    hs_door_init(&door->door, &open);
    door->is_open = true;
    if (heritage->cluster_listen_fd < 0) return 0;
    rc = hs_door_listen(&door->door, heritage->cluster_listen_fd);
    return rc ? hs_err_set(err, rc, "accept other hosts") : 0;
}

void hs_node_door_expect(const struct hs_node_door *door, enum hs_identity_role role,
                         struct hs_identity *expected)
{
    *expected = (struct hs_identity){.role = role};
    if (role == HS_IDENTITY_MANAGER)
        memcpy(expected->datacenter, door->credentials.credentials.identity.datacenter,
               sizeof expected->datacenter);
}

static void show_counts(struct hs_node_door *door)
{
    const struct hs_door_figures *now = &door->door.figures;
    struct hs_counters_shm       *counters = door->credentials.process->counters;

    if (now->refused != door->told.refused)
        hs_counter_add(counters, HS_COUNT_peers_refused, now->refused - door->told.refused);
    if (now->turned_away != door->told.turned_away)
        hs_counter_add(counters, HS_COUNT_peers_turned_away,
                       now->turned_away - door->told.turned_away);
    door->told = *now;
}

uint64_t hs_node_door_turn(struct hs_node_door *door, uint64_t now_ns)
{
    if (!door->is_open) return HS_NEVER_NS;
    hs_door_turn(&door->door, now_ns);
    show_counts(door);
    return hs_min_u64(hs_node_credentials_turn(&door->credentials, now_ns),
                      hs_door_deadline_ns(&door->door));
}
