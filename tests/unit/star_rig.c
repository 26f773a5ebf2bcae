// SPDX-License-Identifier: Apache-2.0
/* star_rig.c - one step after the other, ten milliseconds each. */
#include "tests/unit/star_rig.h"

#include "shm/base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hs_node_id star_manager_id(uint32_t manager)
{
    return (struct hs_node_id){{0xaa, (uint8_t)(manager + 1)}};
}

struct hs_node_id star_worker_id(uint32_t worker)
{
    return (struct hs_node_id){{0x77, (uint8_t)worker, (uint8_t)(worker >> 8), 1}};
}

static int manager_of(const struct hs_node_id *id)
{
    return id->bytes[0] == 0xaa ? id->bytes[1] - 1 : -1;
}

/* ---- managers */

static void show(struct star_rig *rig, uint32_t to, uint32_t about, bool is_live)
{
    struct hs_node_id id = star_manager_id(about);
    char              name[8];

    (void)snprintf(name, sizeof name, "m%u", about);
    hs_star_on_member(rig->managers[to].star, rig->now_ns, &id, name, true, is_live);
}

static void start_manager(struct star_rig *rig, uint32_t idx)
{
    struct star_manager  *manager = &rig->managers[idx];
    struct hs_star_config config = {.self = star_manager_id(idx), .datacenter = "dc"};

    (void)snprintf(config.name, sizeof config.name, "m%u", idx);
    memset(manager->workers, 0, sizeof *manager->workers);
    manager->workers->session_base = (uint64_t)++manager->life << 32;
    manager->is_up = true;
    hs_star_init(manager->star, &config, manager->workers, rig->now_ns);
    for (uint32_t i = 0; i < rig->manager_count; i++)
        if (i != idx && rig->managers[i].is_up) show(rig, idx, i, true);
}

void star_show_manager(struct star_rig *rig, uint32_t manager, bool is_live)
{
    for (uint32_t i = 0; i < rig->manager_count; i++)
        if (i != manager && rig->managers[i].is_up) show(rig, i, manager, is_live);
}

static void stop_manager(struct star_rig *rig, uint32_t manager)
{
    for (uint32_t i = 0; i < rig->worker_count; i++) star_disconnect(rig, i, manager);
    rig->managers[manager].is_up = false;
}

void star_restart_manager(struct star_rig *rig, uint32_t manager)
{
    stop_manager(rig, manager);
    start_manager(rig, manager);
}

void star_kill_manager(struct star_rig *rig, uint32_t manager)
{
    stop_manager(rig, manager);
    star_show_manager(rig, manager, false);
}

struct star_rig *star_open(uint32_t manager_count, uint32_t worker_count)
{
    struct star_rig *rig = calloc(1, sizeof *rig);

    HS_ASSERT(rig && manager_count <= STAR_MANAGERS && worker_count <= STAR_WORKERS);
    rig->now_ns = 1000 * HS_NS_PER_S;
    rig->manager_count = manager_count;
    rig->worker_count = worker_count;
    rig->workers = calloc(worker_count, sizeof *rig->workers);
    rig->packets = calloc(STAR_PACKETS, sizeof *rig->packets);
    HS_ASSERT(rig->workers && rig->packets);
    for (uint32_t i = 0; i < STAR_MANAGERS; i++) {
        rig->managers[i].star = calloc(1, sizeof *rig->managers[i].star);
        rig->managers[i].workers = calloc(1, sizeof *rig->managers[i].workers);
        HS_ASSERT(rig->managers[i].star && rig->managers[i].workers);
    }
    for (uint32_t i = 0; i < manager_count; i++) rig->managers[i].is_up = true;
    for (uint32_t i = 0; i < manager_count; i++) start_manager(rig, i);
    for (uint32_t i = 0; i < worker_count; i++) {
        struct star_worker *worker = &rig->workers[i];
        struct hs_node_id   id = star_worker_id(i);

        worker->is_up = true;
        worker->incarnation = 1;
        worker->generation = 1;
        worker->beat_at_ns = rig->now_ns + i % 100 * STAR_STEP_NS;
        hs_owner_init(&worker->owner, id.bytes, worker->generation);
    }
    return rig;
}

void star_close(struct star_rig *rig)
{
    for (uint32_t i = 0; i < STAR_MANAGERS; i++) {
        free(rig->managers[i].star);
        free(rig->managers[i].workers);
    }
    free(rig->workers);
    free(rig->packets);
    free(rig);
}

/* ---- workers */

struct hs_manager_worker *star_row(struct star_rig *rig, uint32_t manager, uint32_t worker)
{
    struct hs_node_id id = star_worker_id(worker);

    return hs_workers_find(rig->managers[manager].workers, id.bytes);
}

static void beat(struct star_rig *rig, uint32_t idx, uint32_t manager)
{
    struct star_worker       *worker = &rig->workers[idx];
    struct hs_workers        *workers = rig->managers[manager].workers;
    struct hs_manager_worker *row = hs_workers_find_link(workers, worker->link[manager]);
    struct hs_msg_whb         whb = {
                .session = worker->known[manager].session, .cores_free = 2, .engines_mask = 3};

    if (!row || !hs_workers_heartbeat(row, &whb, rig->now_ns)) return;
    row->is_lost = false;
    hs_workers_take_owner(workers, row, worker->owner.id, worker->owner.epoch);
}

static bool is_reachable(const struct star_rig *rig, const struct star_worker *worker,
                         uint32_t manager)
{
    return worker->is_up && worker->is_linked[manager] && !worker->is_cut[manager] &&
           rig->managers[manager].is_up;
}

static void beat_all(struct star_rig *rig, uint32_t idx)
{
    struct star_worker *worker = &rig->workers[idx];

    for (uint32_t i = 0; i < rig->manager_count; i++)
        if (is_reachable(rig, worker, i)) beat(rig, idx, i);
}

/* A manager asks every second, and is heard by that. */
static void choose(struct star_rig *rig, uint32_t idx)
{
    struct star_worker *worker = &rig->workers[idx];
    uint64_t            next_ns;

    for (uint32_t i = 0; i < rig->manager_count; i++)
        if (is_reachable(rig, worker, i)) worker->known[i].heard_at_ns = rig->now_ns;
    if (hs_owner_step(&worker->owner, rig->now_ns, worker->known, rig->manager_count, &next_ns))
        beat_all(rig, idx);
}

void star_connect(struct star_rig *rig, uint32_t idx, uint32_t manager)
{
    struct star_worker       *worker = &rig->workers[idx];
    struct hs_node_id         id = star_worker_id(idx);
    struct hs_node_id         manager_id = star_manager_id(manager);
    struct hs_manager_worker *row = NULL;
    struct hs_msg_wreg        wreg = {.incarnation = worker->incarnation,
                                      .generation = worker->generation,
                                      .cores = 2,
                                      .engines_mask = 3};

    memcpy(wreg.worker, id.bytes, sizeof wreg.worker);
    (void)snprintf(wreg.name, sizeof wreg.name, "w%u", idx);
    worker->link[manager] = ++rig->last_link;
    if (hs_workers_register(rig->managers[manager].workers, &wreg, worker->link[manager],
                            rig->now_ns, &row) < 0)
        return;
    row->is_reconciled = true;
    worker->is_linked[manager] = true;
    worker->known[manager] =
        (struct hs_owner_manager){.session = row->session, .since_ns = rig->now_ns};
    memcpy(worker->known[manager].id, manager_id.bytes, sizeof worker->known[manager].id);
    choose(rig, idx);
}

void star_connect_all(struct star_rig *rig, uint32_t worker)
{
    for (uint32_t i = 0; i < rig->manager_count; i++)
        if (rig->managers[i].is_up) star_connect(rig, worker, i);
}

void star_disconnect(struct star_rig *rig, uint32_t idx, uint32_t manager)
{
    struct star_worker *worker = &rig->workers[idx];

    if (!worker->is_linked[manager]) return;
    hs_workers_link_down(rig->managers[manager].workers, worker->link[manager]);
    worker->is_linked[manager] = false;
    worker->known[manager] = (struct hs_owner_manager){0};
}

/* ---- on the way */

static struct star_packet *add_packet(struct star_rig *rig, uint32_t from, uint32_t to)
{
    struct star_packet *packet;

    HS_ASSERT(rig->packet_count < STAR_PACKETS);
    packet = &rig->packets[(rig->packet_first + rig->packet_count++) % STAR_PACKETS];
    packet->at_ns = rig->now_ns + STAR_DELAY_NS;
    packet->from = from;
    packet->to = to;
    packet->bytes = 0;
    return packet;
}

static void send_ping(struct star_rig *rig, uint32_t manager, const struct hs_star_action *action)
{
    if (action->nonce == (UINT64_C(1) << 63) - 1) rig->pinged_at_ns = rig->now_ns;
    for (uint32_t i = 0; i < rig->worker_count; i++) {
        const struct star_worker *worker = &rig->workers[i];

        if (worker->link[manager] != action->link || !is_reachable(rig, worker, manager)) continue;
        add_packet(rig, i, manager)->nonce = action->nonce;
        return;
    }
}

static void send_content(struct star_rig *rig, uint32_t from, const struct hs_star_action *action)
{
    int                 to = manager_of(&action->to);
    struct star_packet *packet;

    HS_ASSERT(to >= 0);
    if (rig->is_lost[from][to]) return;
    packet = add_packet(rig, from, (uint32_t)to);
    packet->bytes = action->content.bytes;
    packet->sender = star_manager_id(from);
    memcpy(packet->data, action->content.data, action->content.bytes);
}

static void perform(struct star_rig *rig, uint32_t manager)
{
    struct hs_star_action action;

    while (hs_star_next(rig->managers[manager].star, &action)) {
        switch (action.type) {
        case HS_STAR_DO_PING: send_ping(rig, manager, &action); break;
        case HS_STAR_DO_SEND: send_content(rig, manager, &action); break;
        case HS_STAR_DO_NOTE:
            rig->noted_at_ns[action.kind] = rig->now_ns;
            rig->noted_count[action.kind]++;
            break;
        }
    }
}

static void deliver_pong(struct star_rig *rig, const struct star_packet *packet)
{
    struct star_manager      *manager = &rig->managers[packet->to];
    struct star_worker       *worker = &rig->workers[packet->from];
    struct hs_manager_worker *row =
        hs_workers_find_link(manager->workers, worker->link[packet->to]);

    if (!row || !is_reachable(rig, worker, packet->to)) return;
    row->heard_at_ns = rig->now_ns;
    row->is_lost = false;
    hs_star_on_pong(manager->star, rig->now_ns, row, packet->nonce);
}

static void deliver(struct star_rig *rig)
{
    while (rig->packet_count && rig->packets[rig->packet_first].at_ns <= rig->now_ns) {
        struct star_packet *packet = &rig->packets[rig->packet_first];

        rig->packet_first = (rig->packet_first + 1) % STAR_PACKETS;
        rig->packet_count--;
        if (!rig->managers[packet->to].is_up) continue;
        if (packet->bytes)
            hs_star_on_content(rig->managers[packet->to].star, rig->now_ns, &packet->sender,
                               hs_view_of(packet->data, packet->bytes));
        else
            deliver_pong(rig, packet);
        perform(rig, packet->to);
    }
}

/* ---- time */

static void turn_manager(struct star_rig *rig, uint32_t idx)
{
    struct hs_workers *workers = rig->managers[idx].workers;
    uint64_t           due_ns;
    uint32_t           lost, all;

    (void)hs_star_turn(rig->managers[idx].star, rig->now_ns, 0);
    perform(rig, idx);
    HS_ASSERT(hs_star_validate(rig->managers[idx].star));
    (void)hs_workers_brake(workers, rig->now_ns, STAR_LOST_NS, &lost, &all);
    for (uint32_t i = 0; i < workers->high; i++)
        (void)hs_workers_turn(workers, &workers->at[i], rig->now_ns, STAR_LOST_NS, &due_ns);
}

void star_run(struct star_rig *rig, uint64_t for_ns)
{
    uint64_t end_ns = rig->now_ns + for_ns;

    while (rig->now_ns < end_ns) {
        rig->now_ns += STAR_STEP_NS;
        deliver(rig);
        for (uint32_t i = 0; i < rig->worker_count; i++) {
            struct star_worker *worker = &rig->workers[i];

            if (rig->now_ns < worker->beat_at_ns) continue;
            worker->beat_at_ns = rig->now_ns + HS_NS_PER_S;
            if (!worker->is_up) continue;
            beat_all(rig, i);
            choose(rig, i);
        }
        for (uint32_t i = 0; i < rig->manager_count; i++)
            if (rig->managers[i].is_up) turn_manager(rig, i);
    }
}

int star_owner(struct star_rig *rig, uint32_t worker)
{
    int owner = -1;

    for (uint32_t i = 0; i < rig->manager_count; i++) {
        const struct hs_manager_worker *row =
            rig->managers[i].is_up ? star_row(rig, i, worker) : NULL;

        if (row && hs_star_owns(rig->managers[i].star, row)) owner = owner == -1 ? (int)i : -2;
    }
    return owner;
}

enum hs_node_state star_state(struct star_rig *rig, uint32_t manager, uint32_t worker)
{
    const struct hs_manager_worker *row = star_row(rig, manager, worker);
    struct hs_worker_row            shown;

    HS_ASSERT(row);
    hs_workers_row(row, 0, 0, &shown);
    return (enum hs_node_state)shown.state;
}
