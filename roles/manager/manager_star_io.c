// SPDX-License-Identifier: Apache-2.0
/* manager_star_io.c - between the star of workers (star.h), the links to them, and the ring of the
 * datacenter's managers. */
#include "roles/manager/manager_process.h"
#include "roles/wire_io.h"
#include "shm/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void ping(struct hs_manager_process *process, const struct hs_star_action *action)
{
    const struct hs_manager_link *link = hs_manager_links_find(process, action->link);
    struct hs_msg_ping            ping = {.nonce = action->nonce};

    if (!link || !link->conn || !hs_conn_is_open(link->conn)) return;
    HS_IGNORE(hs_wire_send(link->conn, HS_MSG_PING, &ping, 0),
              "whoever does not take a ping does not answer it");
}

static void note(struct hs_manager_process *process, const struct hs_star_action *action)
{
    const struct hs_manager_worker *worker = action->worker;
    struct hs_event_record          record;

    if (!worker) return; /* forgotten meanwhile */
    hs_log(action->kind == HS_NOTICE_WORKER_SUSPECT ? HS_LOG_WARN : HS_LOG_INFO, "star",
           "%s worker=%s generation=%" PRIu64, hs_notice_kind_name(action->kind), worker->name,
           worker->generation);
    hs_notice_fill(&record, action->kind, worker->name, worker->generation, "epoch %" PRIu64 ".%u",
                   worker->word.epoch >> 32, (unsigned)(worker->word.epoch & UINT32_MAX));
    hs_role_note(&process->process, &record);
}

static void perform(struct hs_manager_process *process)
{
    struct hs_star_action action;

    while (hs_star_next(&process->star, &action)) {
        switch (action.type) {
        case HS_STAR_DO_PING: ping(process, &action); break;
        case HS_STAR_DO_SEND: /* there are others only if there is a ring */
            hs_ring_io_send(process->ring, &action.to, action.content);
            break;
        case HS_STAR_DO_NOTE: note(process, &action); break;
        }
    }
    if (process->star.counts.condemned == process->star_told.condemned) return;
    process->manager.is_dirty = true; /* what ran there is to be run elsewhere */
}

static void on_member(void *owner, const struct hs_node_id *id, const char *name, bool is_known,
                      bool is_live)
{
    struct hs_manager_process *process = owner;

    hs_star_on_member(&process->star, hs_manager_clock_of(process), id, name, is_known, is_live);
    perform(process);
}

static void on_workers(void *owner, const struct hs_node_id *from, struct hs_view content)
{
    struct hs_manager_process *process = owner;

    hs_star_on_content(&process->star, hs_manager_clock_of(process), from, content);
    perform(process);
}

void hs_manager_star_pong(struct hs_manager_process *process, uint32_t link, uint64_t nonce,
                          uint64_t now_ns)
{
    hs_star_on_pong(&process->star, now_ns, hs_workers_find_link(&process->manager.workers, link),
                    nonce);
    perform(process);
}

void hs_manager_star_open(struct hs_manager_process *process)
{
    const struct hs_heritage  *heritage = process->process.heritage;
    const struct hs_ring_watch watch = {
        .owner = process, .on_member = on_member, .on_workers = on_workers};
    struct hs_star_config config = {0};

    memcpy(config.self.bytes, heritage->node_id, sizeof config.self.bytes);
    (void)snprintf(config.name, sizeof config.name, "%s", heritage->config->node.name);
    (void)snprintf(config.datacenter, sizeof config.datacenter, "%s",
                   heritage->config->node.datacenter);
    hs_star_init(&process->star, &config, &process->manager.workers, hs_manager_clock_of(process));
    if (process->ring) hs_ring_io_watch(process->ring, &watch);
}

static void count(struct hs_manager_process *process)
{
    const struct hs_star_counts *now = &process->star.counts;
    struct hs_star_counts       *told = &process->star_told;
    const struct {
        enum hs_count count;
        uint64_t      amount;
    } rows[] = {
        {HS_COUNT_worker_probes, now->probes - told->probes},
        {HS_COUNT_worker_probes_lost, now->probes_lost - told->probes_lost},
        {HS_COUNT_worker_probes_vouched, now->vouched - told->vouched},
        {HS_COUNT_workers_suspected, now->suspected - told->suspected},
        {HS_COUNT_workers_condemned, now->condemned - told->condemned},
        {HS_COUNT_worker_relays, now->relays - told->relays},
        {HS_COUNT_worker_relays_refused, now->relays_refused - told->relays_refused},
        {HS_COUNT_worker_words_foreign, now->foreign - told->foreign},
        {HS_COUNT_worker_words_stale, now->stale - told->stale},
        {HS_COUNT_worker_words_bad,
         now->malformed + now->clamped - told->malformed - told->clamped},
        {HS_COUNT_worker_words_full, now->full - told->full},
        {HS_COUNT_worker_lists, now->lists - told->lists},
        {HS_COUNT_datagrams_unsent, now->unsent - told->unsent},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(rows); i++)
        if (rows[i].amount) hs_manager_count(process, rows[i].count, rows[i].amount);
    *told = *now;
}

uint64_t hs_manager_star_turn(struct hs_manager_process *process, uint64_t now_ns)
{
    uint64_t next_ns =
        hs_star_turn(&process->star, now_ns, process->ring ? hs_ring_io_health(process->ring) : 0);

    perform(process);
    count(process);
    return next_ns;
}
