// SPDX-License-Identifier: Apache-2.0
/* ring_io.c - between a role's loop and its membership. */
#include "roles/cluster/ring_io.h"

#include "roles/cluster/member_notice.h"
#include "roles/cluster/membership.h"
#include "roles/cluster/names_io.h"
#include "roles/cluster/oob_ask_io.h"
#include "roles/cluster/oob_card.h"
#include "roles/cluster/ring_alerts_io.h"
#include "roles/cluster/ring_counts_io.h"
#include "roles/cluster/ring_rows_io.h"
#include "roles/config_hosts.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_BYTES = HS_IDENTITY_LABEL_BYTES + 16 };
HS_STATIC_ASSERT((int)HS_MEMBER_ROWS_MAX <= (int)HS_MEMBERS_MAX, "a row each");
#define CONFLICT_INTERVAL_NS (60 * HS_NS_PER_S)
#define COUNT_INTERVAL_NS    HS_NS_PER_S
#define HS_RING_TOKEN        (UINT64_C(1) << 62) /* of its questions to the supervisor */

struct hs_ring_io {
    struct hs_role_process  *process;
    struct hs_post          *post;
    struct hs_oob_asker     *asker;
    struct hs_segment        card_segment;
    struct hs_oob_card       card; /* as it lies there */
    struct hs_ring_rows      rows;
    struct hs_names          names;
    struct hs_ring_alerts    alerts;
    struct hs_membership     membership;
    struct hs_membership_out out;
    struct hs_ring_counts    told;
    struct hs_ring_watch     watch;       /* all NULL: nobody */
    uint64_t                 incarnation; /* that the seal and our row say */
    uint64_t                 count_at_ns;
    uint64_t                 conflict_at_ns;
    uint64_t                 self_deaths;
    enum hs_health_level     level;
    char                     name[NAME_BYTES]; /* of the ring */
};

/* ---- out ---- */

/* The console vouches for us with it while we cannot. */
static void renew_card(struct hs_ring_io *ring)
{
    enum hs_health_load load = hs_membership_load(&ring->membership);

    if (ring->card.incarnation == ring->incarnation && ring->card.load == load) return;
    ring->card.incarnation = ring->incarnation;
    ring->card.load = (uint8_t)load;
    hs_oob_card_store(hs_segment_body(&ring->card_segment), &ring->card);
}

static void carry(struct hs_ring_io *ring)
{
    struct hs_membership *membership = &ring->membership;
    uint64_t              incarnation = hs_membership_incarnation(membership);

    if (incarnation != ring->incarnation) {
        ring->incarnation = incarnation;
        hs_post_set_incarnation(ring->post, incarnation);
        hs_ring_rows_show_self(&ring->rows, &membership->members, membership->now_ns);
    }
    renew_card(ring);
    for (unsigned i = 0; i < ring->out.send_count; i++) {
        const struct hs_membership_send *send = &ring->out.sends[i];

        memcpy(hs_post_body(ring->post), send->body, send->body_bytes);
        hs_post_send(ring->post, &send->to, &send->address, send->type, send->body_bytes);
    }
    for (unsigned i = 0; i < ring->out.ask_count; i++)
        hs_oob_asker_ask(ring->asker, &ring->out.asks[i].node, &ring->out.asks[i].address);
    ring->out.send_count = 0;
    ring->out.ask_count = 0;
}

/* ---- what happened ---- */

static void tell(struct hs_ring_io *ring, const struct hs_member_event *event)
{
    const struct hs_member *member = hs_members_find(&ring->membership.members, &event->subject);
    enum hs_notice_kind     kind = hs_member_notice(event);
    struct hs_event_record  record;
    char                    address[HS_ADDR_TEXT_BYTES] = "-";
    const char             *name = member && member->facts.name[0] ? member->facts.name : "?";

    if (ring->watch.on_member)
        ring->watch.on_member(ring->watch.owner, &event->subject, member ? member->facts.name : "",
                              event->type != HS_MEMBER_EVENT_FORGOTTEN,
                              member && member->status == HS_MEMBER_ALIVE);
    if (event->type == HS_MEMBER_EVENT_FORGOTTEN) hs_post_forget(ring->post, &event->subject);
    if (event->type == HS_MEMBER_EVENT_DEAD && ring->watch.on_gone)
        ring->watch.on_gone(ring->watch.owner, &event->subject);
    if (kind == HS_NOTICE_KIND_COUNT) return;
    if (member) hs_addr_format(&member->facts.address, address, sizeof address);
    hs_log(event->type == HS_MEMBER_EVENT_DEAD ? HS_LOG_WARN : HS_LOG_INFO, "ring",
           "%s ring=%s member=%s address=%s life=%" PRIu64 " by=%s", hs_notice_kind_name(kind),
           ring->name, name, address, hs_incarnation_epoch(event->incarnation),
           hs_claim_source_name(event->source));
    hs_notice_fill(&record, kind, name, hs_incarnation_epoch(event->incarnation), "%s at %s, %s",
                   ring->name, address, hs_claim_source_name(event->source));
    hs_role_note(ring->process, &record);
}

static void tell_level(struct hs_ring_io *ring)
{
    enum hs_health_level level = ring->membership.swim.health.level;

    if (level == ring->level) return;
    hs_log(level > ring->level ? HS_LOG_WARN : HS_LOG_INFO, "ring",
           "health ring=%s level=%s score=%" PRIu32, ring->name, hs_health_level_name(level),
           ring->membership.swim.health.score);
    ring->level = level;
}

/* Gates share their work with nobody. */
static void look_at_loads(struct hs_ring_io *ring)
{
    if (ring->process->heritage->kind == HS_ROLE_MANAGER)
        hs_ring_alerts_look(&ring->alerts, ring->process, &ring->membership, ring->name);
}

static void tell_all(struct hs_ring_io *ring)
{
    struct hs_member_event event;
    uint64_t               self_deaths = ring->membership.counts.self_deaths;
    bool                   has_changed = false;

    tell_level(ring);
    while (hs_membership_next_event(&ring->membership, &event)) {
        tell(ring, &event);
        has_changed = true;
    }
    if (has_changed) look_at_loads(ring); /* who has died does not count any more */
    if (self_deaths != ring->self_deaths)
        hs_log(HS_LOG_WARN, "ring",
               "held_for_dead ring=%s: others took this node for dead; refuted", ring->name);
    ring->self_deaths = self_deaths;
}

/* ---- in ---- */

/* NULL: there is none, or it does not live. */
static const struct hs_member *if_live(const struct hs_member *member)
{
    return member && hs_member_is_live(member) ? member : NULL;
}

static const struct hs_member *live_at(const struct hs_ring_io *ring, uint32_t slot)
{
    return if_live(hs_members_at(&ring->membership.members, slot));
}

static const struct hs_member *live_of(const struct hs_ring_io *ring, const struct hs_node_id *id)
{
    return if_live(hs_members_find(&ring->membership.members, id));
}

/* What is for those beside the ring. */
static void hear(struct hs_ring_io *ring, const struct hs_node_id *from,
                 const struct hs_datagram *datagram)
{
    const struct hs_ring_watch *watch = &ring->watch;
    bool                        has_verdicts = datagram->verdicts.bytes && watch->on_verdicts;
    bool has_workers = datagram->message.type == HS_DATAGRAM_WORKERS && watch->on_workers;

    if ((!has_verdicts && !has_workers) || !live_of(ring, from)) return;
    if (has_verdicts) watch->on_verdicts(watch->owner, from, datagram->verdicts);
    if (has_workers) watch->on_workers(watch->owner, from, datagram->content);
}

static void on_datagram(void *owner, const struct hs_addr *from,
                        const struct hs_datagram_header *header, const struct hs_datagram *datagram)
{
    struct hs_ring_io          *ring = owner;
    struct hs_membership_packet packet = {.sender = header->sender,
                                          .incarnation = header->incarnation,
                                          .from = *from,
                                          .datagram = datagram};

    if (ring->membership.has_conflict) return;
    if (header->type >= HS_DATAGRAM_XPROBE && header->type <= HS_DATAGRAM_DC_LEADER)
        return; /* not said in a ring */
    hs_membership_receive(&ring->membership, hs_loop_now_ns(ring->process->loop), &packet,
                          &ring->out);
    carry(ring);
    hear(ring, &header->sender, datagram);
}

static void on_oob_answer(void *owner, const struct hs_node_id *node,
                          const struct hs_oob_frame *answer)
{
    struct hs_ring_io             *ring = owner;
    const struct hs_membership_oob heard = {.node = *node,
                                            .incarnation = answer->incarnation,
                                            .load = answer->load,
                                            .is_stalled = answer->is_stalled};

    if (ring->membership.has_conflict) return;
    hs_membership_hear_oob(&ring->membership, hs_loop_now_ns(ring->process->loop), &heard,
                           &ring->out);
    carry(ring);
}

/* Whoever started a copy of this host's state directory has to end one of the two. */
static uint64_t complain_of_conflict(struct hs_ring_io *ring, uint64_t now_ns)
{
    if (now_ns < ring->conflict_at_ns) return ring->conflict_at_ns;
    ring->conflict_at_ns = now_ns + CONFLICT_INTERVAL_NS;
    hs_log(HS_LOG_ERROR, "ring",
           "id_conflict ring=%s: another host has this one's id, and is newer; this one keeps "
           "silent",
           ring->name);
    return ring->conflict_at_ns;
}

uint64_t hs_ring_io_turn(struct hs_ring_io *ring, uint64_t now_ns)
{
    struct hs_membership *membership;
    uint64_t              rows_ns;

    if (!ring) return HS_NEVER_NS;
    membership = &ring->membership;
    if (membership->has_conflict) return complain_of_conflict(ring, now_ns);
    if (now_ns >= hs_membership_deadline_ns(membership)) {
        hs_membership_turn(membership, now_ns, &ring->out);
        carry(ring);
    }
    tell_all(ring);
    rows_ns = hs_ring_rows_show(&ring->rows, &membership->members, now_ns);
    if (now_ns >= ring->count_at_ns) {
        ring->count_at_ns = now_ns + COUNT_INTERVAL_NS;
        hs_ring_count(&ring->told, membership, ring->post, ring->asker, ring->process->counters);
        look_at_loads(ring);
    }
    rows_ns = hs_min_u64(rows_ns, hs_names_turn(&ring->names, now_ns));
    return hs_min_u64(hs_min_u64(rows_ns, ring->count_at_ns),
                      hs_membership_deadline_ns(membership));
}

void hs_ring_io_set_keyring(struct hs_ring_io *ring, const struct hs_keyring *keyring)
{
    struct hs_keyring keys;
    struct hs_err     err = {0};

    if (!ring) return;
    if (hs_post_set_keyring(ring->post, keyring, &err))
        hs_log(HS_LOG_ERROR, "ring", "keys not renewed: %s", err.text);
    else
        hs_membership_set_keyring(&ring->membership, hs_seal_mark(keyring));
    hs_oob_asker_set_ring(ring->asker, keyring);
    if (hs_oob_keys(keyring, &ring->card.node, &keys)) {
        hs_log(HS_LOG_ERROR, "ring", "keys for the console not renewed");
    } else {
        ring->card.keys = keys;
        hs_oob_card_store(hs_segment_body(&ring->card_segment), &ring->card);
    }
    explicit_bzero(&keys, sizeof keys);
}

void hs_ring_io_set_load(struct hs_ring_io *ring, enum hs_health_load load)
{
    if (ring) hs_membership_set_load(&ring->membership, load);
}

void hs_ring_io_leave(struct hs_ring_io *ring)
{
    if (!ring) return;
    hs_membership_leave(&ring->membership, hs_loop_now_ns(ring->process->loop), &ring->out);
    carry(ring);
}

bool hs_ring_io_resolver(struct hs_ring_io *ring, uint64_t token, int fd)
{
    if (!ring || !(token & HS_RING_TOKEN)) return false;
    hs_names_resolver(&ring->names, token, fd);
    return true;
}

bool hs_ring_io_no_resolver(struct hs_ring_io *ring, uint64_t token, int code)
{
    if (!ring || !(token & HS_RING_TOKEN)) return false;
    hs_names_no_resolver(&ring->names, token, code);
    return true;
}

bool hs_ring_io_has_left(const struct hs_ring_io *ring)
{
    return !ring || ring->membership.has_conflict ||
           hs_membership_has_left(&ring->membership, hs_loop_now_ns(ring->process->loop));
}

/* ---- for those beside the ring ---- */

void hs_ring_io_watch(struct hs_ring_io *ring, const struct hs_ring_watch *watch)
{
    ring->watch = *watch;
}

void hs_ring_io_say(struct hs_ring_io *ring, struct hs_view verdicts)
{
    hs_membership_say(&ring->membership, hs_loop_now_ns(ring->process->loop), verdicts, &ring->out);
    carry(ring);
}

void hs_ring_io_send(struct hs_ring_io *ring, const struct hs_node_id *to, struct hs_view content)
{
    const struct hs_datagram_message message = {.type = HS_DATAGRAM_WORKERS};
    const struct hs_member          *member = live_of(ring, to);
    struct hs_datagram_writer        writer;

    if (!member) return;
    hs_datagram_start(&writer, hs_post_body(ring->post), HS_DATAGRAM_BODY_BYTES_MAX, &message);
    hs_datagram_put_content(&writer, content);
    hs_post_send(ring->post, to, &member->facts.address, HS_DATAGRAM_WORKERS,
                 hs_datagram_finish(&writer));
}

unsigned hs_ring_io_peers(const struct hs_ring_io *ring, struct hs_ring_peer *peers, unsigned max)
{
    const struct hs_members *members = &ring->membership.members;
    unsigned                 count = 0;

    for (uint32_t i = 0; i < members->slot_count && count < max; i++) {
        const struct hs_member *member = live_at(ring, i);

        if (!member || member == hs_members_self(members)) continue;
        peers[count++] = (struct hs_ring_peer){member->id, member->facts.address};
    }
    return count;
}

bool hs_ring_io_find(const struct hs_ring_io *ring, const char *name, struct hs_ring_peer *peer)
{
    for (uint32_t i = 0; i < ring->membership.members.slot_count; i++) {
        const struct hs_member *member = live_at(ring, i);

        if (!member || strcmp(member->facts.name, name) != 0) continue;
        *peer = (struct hs_ring_peer){member->id, member->facts.address};
        return true;
    }
    return false;
}

void hs_ring_io_count(const struct hs_ring_io *ring, uint16_t *live, uint16_t *total)
{
    const uint32_t *count = ring->membership.members.status_count;

    *live = (uint16_t)count[HS_MEMBER_ALIVE];
    *total = (uint16_t)(count[HS_MEMBER_ALIVE] + count[HS_MEMBER_SUSPECT] + count[HS_MEMBER_DEAD]);
}

uint8_t hs_ring_io_health(const struct hs_ring_io *ring)
{
    return (uint8_t)ring->membership.swim.health.score;
}

/* ---- start ---- */

/* Where the others of our kind are found, and where we are. */
static const struct hs_config_hosts *seeds_of(const struct hs_role_process *process)
{
    return process->heritage->kind == HS_ROLE_GATE ? &process->config->cluster.seed_gates
                                                   : &process->config->cluster.seed_managers;
}

static const struct hs_addr *address_of(const struct hs_role_process *process)
{
    return process->heritage->kind == HS_ROLE_GATE ? &process->config->cluster.gate_address
                                                   : &process->config->cluster.manager_address;
}

static void fill_seeds(struct hs_membership_config *config, const struct hs_role_process *process)
{
    const struct hs_config_hosts *seeds = seeds_of(process);

    for (unsigned i = 0; i < seeds->count && config->seed_count < HS_JOIN_SEEDS_MAX; i++) {
        struct hs_config_host host;
        int                   rc = hs_config_parse_host(hs_view_text(seeds->at[i]), &host);

        if (rc || host.addr.family == HS_ADDR_NONE) continue;
        if (hs_addr_equal(&host.addr, address_of(process))) continue;
        config->seeds[config->seed_count++] = host.addr;
    }
}

static void on_addresses(void *owner, unsigned name_idx, const struct hs_addr *addrs,
                         unsigned count)
{
    struct hs_ring_io *ring = owner;

    (void)name_idx;
    for (unsigned i = 0; i < count; i++) {
        if (hs_addr_equal(&addrs[i], address_of(ring->process))) continue;
        hs_join_add_seed(&ring->membership.join, &addrs[i], hs_loop_now_ns(ring->process->loop));
    }
}

static void name_ring(struct hs_ring_io *ring, const struct hs_identity *identity)
{
    if (identity->role == HS_IDENTITY_GATE)
        (void)snprintf(ring->name, sizeof ring->name, "gates");
    else
        (void)snprintf(ring->name, sizeof ring->name, "managers/%s", identity->datacenter);
}

/* beside NULL: the ring's own. */
static int open_post(const struct hs_ring_io *ring, const struct hs_ring_beside *as,
                     struct hs_post *beside, struct hs_post **post, struct hs_err *err)
{
    const struct hs_heritage *heritage = ring->process->heritage;
    struct hs_post_config     config = {
            .loop = ring->process->loop,
            .fd = heritage->cluster_datagram_fd,
            .beside = beside,
            .seal = {.incarnation = beside ? heritage->incarnation : ring->incarnation,
                     .cluster = as->credentials->identity.cluster,
                     .environment = as->credentials->identity.environment,
                     .ring = as->name},
            .owner = as->owner,
            .on_datagram = as->on_datagram,
    };

    memcpy(config.seal.self.bytes, heritage->node_id, sizeof config.seal.self.bytes);
    return hs_post_open(post, &config, &as->credentials->keyring, err);
}

int hs_ring_io_open_beside(struct hs_ring_io *ring, const struct hs_ring_beside *beside,
                           struct hs_post **post, struct hs_err *err)
{
    return open_post(ring, beside, ring->post, post, err);
}

static int open_membership(struct hs_ring_io *ring, const struct hs_identity *identity,
                           uint64_t kept, struct hs_err *err)
{
    const struct hs_heritage   *heritage = ring->process->heritage;
    struct hs_membership_config membership = {
        .profile = identity->role == HS_IDENTITY_GATE ? HS_MEMBERSHIP_WAN : HS_MEMBERSHIP_LAN,
        .host_life = heritage->incarnation,
        .kept_incarnation = kept,
        .self_facts = {.address = *address_of(ring->process),
                       .health = ring->process->config->cluster.health_address,
                       .role = identity->role,
                       .class = HS_MEMBER_NONVOTER},
        .capacity = HS_MEMBER_ROWS_MAX};
    uint8_t chance[HS_DATAGRAM_NONCE_BYTES];
    void   *memory = calloc(1, hs_membership_bytes(membership.capacity));

    if (!memory) return hs_err_set(err, -ENOMEM, "members of the ring");
    if (hs_seal_draw(chance)) {
        free(memory);
        return hs_err_set(err, -EIO, "random numbers");
    }
    memcpy(&membership.seed, chance, sizeof membership.seed);
    memcpy(membership.self_id.bytes, heritage->node_id, sizeof membership.self_id.bytes);
    memcpy(membership.self_facts.name, identity->node, sizeof membership.self_facts.name);
    memcpy(membership.self_facts.datacenter, identity->datacenter,
           sizeof membership.self_facts.datacenter);
    fill_seeds(&membership, ring->process);
    hs_membership_init(&ring->membership, &membership, memory, hs_loop_now_ns(ring->process->loop));
    ring->incarnation = hs_membership_incarnation(&ring->membership);
    return 0;
}

static int open_oob(struct hs_ring_io *ring, const struct hs_credentials *credentials,
                    struct hs_err *err)
{
    const struct hs_heritage *heritage = ring->process->heritage;
    enum hs_share             share =
        heritage->kind == HS_ROLE_GATE ? HS_SHARE_GATE_CARD : HS_SHARE_MANAGER_CARD;
    struct hs_oob_asker_config asker = {.loop = ring->process->loop,
                                        .fd = heritage->health_fd,
                                        .owner = ring,
                                        .on_answer = on_oob_answer};
    int rc = hs_role_map_share(heritage, share, HS_SEGMENT_READ_WRITE, &ring->card_segment, err);

    if (rc) return rc;
    memcpy(ring->card.node.bytes, heritage->node_id, sizeof ring->card.node.bytes);
    rc = hs_oob_keys(&credentials->keyring, &ring->card.node, &ring->card.keys);
    if (rc) return hs_err_set(err, rc, "keys for the console");
    renew_card(ring);
    return hs_oob_asker_open(&ring->asker, &asker, &credentials->keyring, err);
}

static void open_names(struct hs_ring_io *ring)
{
    const struct hs_names_config config = {.process = ring->process,
                                           .hosts = seeds_of(ring->process),
                                           .module = "ring",
                                           .token = HS_RING_TOKEN,
                                           .owner = ring,
                                           .on_addresses = on_addresses};

    hs_names_open(&ring->names, &config);
}

/* Lives as long as the process. */
int hs_ring_io_open(struct hs_ring_io **ring, struct hs_role_process *process,
                    const struct hs_credentials *credentials, struct hs_err *err)
{
    struct hs_ring_io *opened;
    uint64_t           kept;
    int                rc;

    *ring = NULL;
    if (!credentials->tls || process->heritage->cluster_datagram_fd < 0) return 0;
    opened = calloc(1, sizeof *opened);
    if (!opened) return hs_err_set(err, -ENOMEM, "ring");
    opened->process = process;
    name_ring(opened, &credentials->identity);
    rc = hs_ring_rows_open(&opened->rows, process->heritage, &kept, err);
    if (!rc) rc = open_membership(opened, &credentials->identity, kept, err);
    if (!rc)
        rc = open_post(opened,
                       &(struct hs_ring_beside){.name = opened->name,
                                                .credentials = credentials,
                                                .owner = opened,
                                                .on_datagram = on_datagram},
                       NULL, &opened->post, err);
    if (!rc) rc = open_oob(opened, credentials, err);
    if (rc) return rc;
    hs_membership_set_keyring(&opened->membership, hs_seal_mark(&credentials->keyring));
    open_names(opened);
    hs_ring_rows_show_self(&opened->rows, &opened->membership.members,
                           hs_loop_now_ns(process->loop));
    *ring = opened;
    return 0;
}
