// SPDX-License-Identifier: Apache-2.0
/* federation_io.c - between a gate's loop and its view of the datacenters. */
#include "roles/cluster/federation_io.h"

#include "roles/cluster/federation_post_io.h"
#include "roles/cluster/partition_io.h"
#include "roles/cluster/post_counts_io.h"
#include "roles/counters.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS_MAX = 16, VERDICTS_BYTES_MAX = 1000 };
#define SAY_INTERVAL_NS  (2 * HS_NS_PER_S)
#define SHOW_INTERVAL_NS HS_NS_PER_S

struct hs_federation_io {
    struct hs_federation_io_config config;
    struct hs_post                *post;
    struct hs_federation           federation;
    struct hs_federation_out       out;
    struct hs_partition_io         partition;
    struct hs_federation_counts    told;
    struct hs_post_figures         post_told;
    uint32_t                       said_idx; /* the next one to be told of */
    uint64_t                       say_at_ns;
    uint64_t                       show_at_ns;
};

static uint64_t now_of(const struct hs_federation_io *io)
{
    return hs_loop_now_ns(io->config.process->loop);
}

/* ---- out ---- */

/* As many verdicts as fit, beginning where the last time ended. */
static void say(struct hs_federation_io *io, uint64_t now_ns)
{
    uint8_t          memory[VERDICTS_BYTES_MAX];
    struct hs_writer out;

    io->say_at_ns = now_ns + SAY_INTERVAL_NS;
    hs_writer_init(&out, memory, sizeof memory);
    for (unsigned i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++) {
        uint32_t                     idx = io->said_idx;
        struct hs_federation_verdict verdict;

        if (hs_federation_verdict(&io->federation, idx, &verdict) &&
            !hs_federation_put_verdict(&out, &verdict))
            break;
        io->said_idx = (idx + 1) % HS_FEDERATION_DATACENTERS_MAX;
    }
    if (out.used_bytes) hs_ring_io_say(io->config.ring, hs_view_of(memory, out.used_bytes));
}

static void tell_leader(struct hs_federation_io *io, uint32_t datacenter)
{
    const struct hs_federation_datacenter *at = &io->federation.datacenters[datacenter];
    struct hs_federation_message message = {.type = HS_DATAGRAM_DC_LEADER, .leader = at->leader};
    struct hs_ring_peer          peers[PEERS_MAX];
    unsigned                     count = hs_ring_io_peers(io->config.ring, peers, PEERS_MAX);

    memcpy(message.datacenter, at->name, sizeof message.datacenter);
    for (unsigned i = 0; i < count; i++)
        hs_federation_post_send(io->post, &peers[i].id, &peers[i].address, &message);
}

/* ---- what happened ---- */

static void show(struct hs_federation_io *io, uint32_t datacenter)
{
    struct hs_reach_facts facts;

    hs_federation_facts(&io->federation, datacenter, &facts);
    facts.is_held = hs_partition_holds(&io->partition, datacenter);
    if (facts.is_asked)
        io->config.on_reach(io->config.owner, io->federation.datacenters[datacenter].name, &facts);
}

static void note(struct hs_federation_io *io, enum hs_notice_kind kind, const char *datacenter,
                 uint64_t number, const char *text)
{
    struct hs_event_record record;

    hs_notice_fill(&record, kind, datacenter, number, "%s", text);
    hs_role_note(io->config.process, &record);
}

static void tell_change(struct hs_federation_io *io, const struct hs_federation_change *change)
{
    static const enum hs_notice_kind kinds[HS_REACH_COUNT] = {
        [HS_REACH_UNKNOWN] = HS_NOTICE_KIND_COUNT,
        [HS_REACH_REACHABLE] = HS_NOTICE_DATACENTER_REACHABLE,
        [HS_REACH_SUSPECTED] = HS_NOTICE_DATACENTER_SUSPECTED,
        [HS_REACH_UNREACHABLE] = HS_NOTICE_DATACENTER_UNREACHABLE};
    const char *name = io->federation.datacenters[change->datacenter].name;

    hs_partition_change(&io->partition, now_of(io), change);
    if (change->is_gone) {
        static const struct hs_reach_facts gone = {.ack_age_ns = HS_NEVER_NS};

        hs_log(HS_LOG_INFO, "federation", "datacenter forgotten name=%s", change->name);
        io->config.on_reach(io->config.owner, change->name, &gone);
        return;
    }
    hs_log(change->to == HS_REACH_REACHABLE ? HS_LOG_INFO : HS_LOG_WARN, "federation",
           "datacenter name=%s reach=%s was=%s for_ms=%" PRIu64, name, hs_reach_name(change->to),
           hs_reach_name(change->from), change->lasted_ns / HS_NS_PER_MS);
    note(io, kinds[change->to], name, change->lasted_ns / HS_NS_PER_MS,
         hs_reach_name(change->from));
    io->said_idx = change->datacenter;
    io->say_at_ns = 0;
    show(io, change->datacenter);
}

static void tell_alert(struct hs_federation_io *io, const struct hs_federation_alert *alert)
{
    const struct hs_federation_datacenter *at = &io->federation.datacenters[alert->datacenter];

    switch (alert->type) {
    case HS_FEDERATION_NEW_LEADER:
        hs_log(HS_LOG_INFO, "federation", "leader datacenter=%s term=%" PRIu64, at->name,
               at->leader.term);
        tell_leader(io, alert->datacenter);
        return;
    case HS_FEDERATION_TWO_LEADERS:
        hs_log(HS_LOG_ERROR, "federation",
               "two_leaders datacenter=%s term=%" PRIu64 ": the second is not believed", at->name,
               at->leader.term);
        note(io, HS_NOTICE_TWO_LEADERS, at->name, at->leader.term, "the second is not believed");
        return;
    case HS_FEDERATION_WRONG_DATACENTER:
        hs_log(HS_LOG_ERROR, "federation",
               "wrong_datacenter: a manager of %s answers for another one", at->name);
        note(io, HS_NOTICE_WRONG_DATACENTER, at->name, 1, "a manager of it answers for another");
        return;
    }
}

static void carry(struct hs_federation_io *io)
{
    for (unsigned i = 0; i < io->out.send_count; i++) {
        const struct hs_federation_send   *one = &io->out.sends[i];
        const struct hs_federation_message probe = {.type = HS_DATAGRAM_XPROBE, .seq = one->seq};

        hs_federation_post_send(io->post, &one->to, &one->address, &probe);
    }
    for (unsigned i = 0; i < io->out.change_count; i++) tell_change(io, &io->out.changes[i]);
    for (unsigned i = 0; i < io->out.alert_count; i++) tell_alert(io, &io->out.alerts[i]);
}

static void tell_counts(struct hs_federation_io *io)
{
    const struct hs_federation_counts *now = &io->federation.counts;
    struct hs_federation_counts       *told = &io->told;
    struct hs_counters_shm            *counters = io->config.process->counters;
    uint64_t                           known = 0, reachable = 0;

    hs_counter_add(counters, HS_COUNT_datacenter_probes, now->probes - told->probes);
    hs_counter_add(counters, HS_COUNT_datacenter_answers, now->answers - told->answers);
    hs_counter_add(counters, HS_COUNT_datacenter_rounds_missed,
                   now->rounds_missed - told->rounds_missed);
    hs_counter_add(counters, HS_COUNT_datacenter_strays, now->strays - told->strays);
    hs_counter_add(counters, HS_COUNT_datacenter_bodies_refused,
                   now->bodies_refused - told->bodies_refused);
    hs_counter_add(counters, HS_COUNT_datacenters_suspected, now->suspected - told->suspected);
    hs_counter_add(counters, HS_COUNT_datacenters_lost, now->lost - told->lost);
    for (unsigned i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++) {
        known += io->federation.datacenters[i].name[0] != 0;
        reachable += io->federation.datacenters[i].state == HS_REACH_REACHABLE;
    }
    hs_counter_set(counters, HS_COUNT_datacenters_known, known);
    hs_counter_set(counters, HS_COUNT_datacenters_reachable, reachable);
    *told = *now;
    hs_post_count(io->post, &io->post_told, counters);
}

/* ---- in ---- */

static bool is_gate(const struct hs_federation_io *io, const struct hs_node_id *id)
{
    struct hs_ring_peer peers[PEERS_MAX];
    unsigned            count = hs_ring_io_peers(io->config.ring, peers, PEERS_MAX);

    for (unsigned i = 0; i < count; i++)
        if (hs_node_id_equal(&peers[i].id, id)) return true;
    return false;
}

static void on_datagram(void *owner, const struct hs_addr *from,
                        const struct hs_datagram_header *header, const struct hs_datagram *datagram)
{
    struct hs_federation_io     *io = owner;
    struct hs_federation_message message;

    (void)from;
    if (header->type < HS_DATAGRAM_XACK) return; /* nobody asks a gate, and it is no ring */
    if (header->type == HS_DATAGRAM_DC_LEADER && !is_gate(io, &header->sender)) return;
    if (hs_federation_get(datagram->content, header->type, &message)) {
        io->federation.counts.bodies_refused++;
        return;
    }
    hs_federation_receive(&io->federation, now_of(io), &header->sender, header->incarnation,
                          &message, &io->out);
    carry(io);
}

static void on_verdicts(void *owner, const struct hs_node_id *from, struct hs_view verdicts)
{
    struct hs_federation_io     *io = owner;
    struct hs_federation_verdict verdict;
    struct hs_reader             in;
    bool                         is_good = true;

    hs_reader_init(&in, verdicts);
    while (is_good && hs_reader_left_bytes(&in)) {
        is_good = hs_federation_get_verdict(&in, &verdict);
        if (is_good) hs_federation_hear(&io->federation, now_of(io), from, &verdict);
    }
    if (!is_good) hs_counter_add(io->config.process->counters, HS_COUNT_datagrams_malformed, 1);
}

static void on_gone(void *owner, const struct hs_node_id *id)
{
    struct hs_federation_io *io = owner;

    hs_federation_forget_gate(&io->federation, id);
}

static uint64_t turn_partition(struct hs_federation_io *io, uint64_t now_ns)
{
    uint16_t live, total;

    hs_ring_io_count(io->config.ring, &live, &total);
    return hs_partition_turn(&io->partition, now_ns, live);
}

uint64_t hs_federation_io_turn(struct hs_federation_io *io, uint64_t now_ns)
{
    uint64_t next_ns;

    if (!io) return HS_NEVER_NS;
    if (now_ns >= hs_federation_deadline_ns(&io->federation)) {
        hs_federation_turn(&io->federation, now_ns, &io->out);
        carry(io);
    }
    if (now_ns >= io->say_at_ns) say(io, now_ns);
    next_ns = turn_partition(io, now_ns);
    if (now_ns >= io->show_at_ns) {
        io->show_at_ns = now_ns + SHOW_INTERVAL_NS;
        for (uint32_t i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++) show(io, i);
        tell_counts(io);
    }
    next_ns = hs_min_u64(next_ns, hs_min_u64(io->say_at_ns, io->show_at_ns));
    return hs_min_u64(next_ns, hs_federation_deadline_ns(&io->federation));
}

void hs_federation_io_register(struct hs_federation_io *io, const char *datacenter,
                               const struct hs_node_id *id, const struct hs_addr *address)
{
    if (!io || hs_federation_register(&io->federation, now_of(io), datacenter, id, address)) return;
    hs_log(HS_LOG_WARN, "federation", "no room for datacenter name=%s: it is not asked",
           datacenter);
}

void hs_federation_io_set_keyring(struct hs_federation_io *io, const struct hs_keyring *keyring)
{
    if (io) hs_federation_post_set_keyring(io->post, keyring);
}

/* ---- start ---- */

/* Lives as long as the process. */
int hs_federation_io_open(struct hs_federation_io             **federation,
                          const struct hs_federation_io_config *config, struct hs_err *err)
{
    const struct hs_heritage *heritage = config->process->heritage;
    struct hs_federation_io  *io;
    struct hs_node_id         self;
    int                       rc;

    *federation = NULL;
    if (!config->ring) return 0;
    io = calloc(1, sizeof *io);
    if (!io) return hs_err_set(err, -ENOMEM, "view of the datacenters");
    io->config = *config;
    memcpy(self.bytes, heritage->node_id, sizeof self.bytes);
    hs_federation_init(&io->federation, &self, heritage->incarnation << 32 ^ heritage->generation,
                       now_of(io));
    hs_partition_open(&io->partition, config->process, &io->federation, now_of(io));
    rc =
        hs_federation_post_open(&io->post, config->ring, config->credentials, io, on_datagram, err);
    if (rc) {
        free(io);
        return rc;
    }
    hs_ring_io_watch(
        config->ring,
        &(struct hs_ring_watch){.owner = io, .on_verdicts = on_verdicts, .on_gone = on_gone});
    *federation = io;
    return 0;
}
