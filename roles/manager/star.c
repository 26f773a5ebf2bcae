// SPDX-License-Identifier: Apache-2.0
/* star.c - watching over workers, helping others to watch over theirs, and who the others are. */
#include "roles/manager/star.h"

#include "roles/manager/star_inner.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

/* Nonces of relays; those of manager_latency.c never come so far. */
#define RELAY_NONCE       (UINT64_C(1) << 63)
#define SUSPECT_NS        (5 * HS_NS_PER_S)
#define SUSPECT_BY_TWO_NS (4 * HS_NS_PER_S)
#define SUSPECT_MAX_NS    (30 * HS_NS_PER_S)
#define LOOK_AGAIN_NS     HS_NS_PER_S /* below what a new worker's silence takes */

/* ---- actions */

static struct hs_star_item *add_item(struct hs_star *star, enum hs_star_action_type type)
{
    struct hs_star_item *item;

    if (star->item_count == HS_STAR_ITEMS_MAX) {
        star->counts.unsent++;
        return NULL;
    }
    item = &star->items[(star->item_first + star->item_count++) % HS_STAR_ITEMS_MAX];
    *item = (struct hs_star_item){.type = type};
    return item;
}

void hs_star_send(struct hs_star *star, const struct hs_node_id *to,
                  const struct hs_star_message *message)
{
    struct hs_star_item *item = add_item(star, HS_STAR_DO_SEND);

    if (!item) return;
    item->to = *to;
    item->message = *message;
}

void hs_star_note(struct hs_star *star, const struct hs_manager_worker *worker,
                  enum hs_notice_kind kind)
{
    struct hs_star_item *item = add_item(star, HS_STAR_DO_NOTE);

    if (!item) return;
    item->kind = kind;
    memcpy(item->worker.bytes, worker->id, sizeof item->worker.bytes);
}

static void ping(struct hs_star *star, const struct hs_manager_worker *worker, uint64_t nonce)
{
    struct hs_star_item *item = worker->link ? add_item(star, HS_STAR_DO_PING) : NULL;

    if (!item) return;
    item->link = worker->link;
    item->nonce = nonce;
}

void hs_star_due(struct hs_star *star, uint64_t at_ns)
{
    star->due_at_ns = hs_min_u64(star->due_at_ns, at_ns);
}

/* ---- who is who */

struct hs_star_peer *hs_star_find_peer(struct hs_star *star, const struct hs_node_id *id)
{
    for (unsigned i = 0; i < HS_STAR_PEERS_MAX; i++)
        if (hs_node_id_equal(&star->peers[i].id, id)) return &star->peers[i];
    return NULL;
}

struct hs_manager_worker *hs_star_find_worker(struct hs_star *star, const struct hs_node_id *id)
{
    return hs_workers_find(star->workers, id->bytes);
}

bool hs_star_owns(const struct hs_star *star, const struct hs_manager_worker *worker)
{
    return worker->word.epoch && hs_node_id_equal(&worker->word.owner, &star->config.self);
}

const char *hs_star_owner_name(const struct hs_star *star, const struct hs_manager_worker *worker)
{
    if (!worker->word.epoch) return "";
    if (hs_star_owns(star, worker)) return star->config.name;
    for (unsigned i = 0; i < HS_STAR_PEERS_MAX; i++)
        if (hs_node_id_equal(&star->peers[i].id, &worker->word.owner)) return star->peers[i].name;
    return "";
}

static struct hs_star_peer *take_peer(struct hs_star *star, const struct hs_node_id *id)
{
    static const struct hs_node_id none = {{0}};
    struct hs_star_peer           *peer = hs_star_find_peer(star, id);

    if (peer) return peer;
    peer = hs_star_find_peer(star, &none);
    if (!peer) return NULL;
    *peer = (struct hs_star_peer){.id = *id, .page_idx = HS_STAR_NO_PAGE};
    return peer;
}

void hs_star_on_member(struct hs_star *star, uint64_t now_ns, const struct hs_node_id *id,
                       const char *name, bool is_known, bool is_live)
{
    struct hs_star_peer *peer;
    bool                 was_live;

    star->now_ns = now_ns;
    if (hs_node_id_is_none(id) || hs_node_id_equal(id, &star->config.self)) return;
    peer = is_known ? take_peer(star, id) : hs_star_find_peer(star, id);
    was_live = peer && peer->is_live;
    hs_star_judge_words(star, id, is_known && is_live);
    if (!peer) {
        star->counts.full += is_known;
        return;
    }
    if (!is_known) {
        *peer = (struct hs_star_peer){0};
        return;
    }
    for (size_t i = 0; i + 1 < sizeof peer->name; i++) {
        peer->name[i] = *name;
        if (*name) name++;
    }
    peer->is_live = is_live;
    if (!is_live) peer->page_idx = HS_STAR_NO_PAGE;
    if (is_live && !was_live) peer->is_digest_due = true;
    star->due_at_ns = now_ns;
}

/* ---- rounds: only for those that we own */

static uint64_t last_life_ns(const struct hs_manager_worker *worker)
{
    return hs_max_u64(worker->heard_at_ns, worker->watch.vouched_at_ns);
}

/* What others have found of it stays. */
static void stop_watch(struct hs_manager_worker *worker)
{
    worker->watch = (struct hs_worker_watch){.vouched_at_ns = worker->watch.vouched_at_ns,
                                             .condemned_at_ns = worker->watch.condemned_at_ns};
}

static void begin_round(struct hs_star *star, struct hs_manager_worker *worker)
{
    struct hs_worker_watch *watch = &worker->watch;

    star->counts.probes++;
    star->rounds_open++;
    watch->asked_at_ns = star->now_ns;
    watch->are_helpers_asked = false;
    watch->number = ++star->last_number;
    if (!watch->suspect_at_ns) watch->witness_count = 0;
    ping(star, worker, RELAY_NONCE - 1);
    hs_star_due(star, star->now_ns + HS_STAR_ASK_NS * star->multiplier);
}

/* Ourselves, and other managers for us. */
static void ask_all(struct hs_star *star, const struct hs_manager_worker *worker, uint32_t number)
{
    struct hs_star_message message = {.kind = HS_STAR_PROBE, .number = number};
    unsigned               asked = 0;

    memcpy(message.worker.bytes, worker->id, sizeof message.worker.bytes);
    ping(star, worker, RELAY_NONCE - 1);
    for (unsigned i = 0; i < HS_STAR_PEERS_MAX && asked < HS_STAR_HELPERS; i++) {
        const struct hs_star_peer *peer = &star->peers[(star->next_helper + i) % HS_STAR_PEERS_MAX];

        if (!peer->is_live) continue;
        hs_star_send(star, &peer->id, &message);
        asked++;
    }
    star->next_helper = (star->next_helper + 1) % HS_STAR_PEERS_MAX;
}

static void ask_helpers(struct hs_star *star, struct hs_manager_worker *worker)
{
    worker->watch.are_helpers_asked = true;
    ask_all(star, worker, worker->watch.number);
}

/* One that is held, whoever owns it; of very many the next ones when there is room again. */
static void verify(struct hs_star *star, struct hs_manager_worker *worker)
{
    struct hs_worker_hold *hold = &worker->hold;
    uint64_t at_ns = hold->asked_at_ns ? hold->asked_at_ns + HS_STAR_VERIFY_NS : star->now_ns;

    if (!hs_workers_is_held(worker)) return;
    if (star->now_ns < at_ns) {
        hs_star_due(star, at_ns);
        return;
    }
    hs_star_due(star, star->now_ns + HS_STAR_TICK_NS);
    if (star->item_count + 1 + HS_STAR_HELPERS > HS_STAR_ITEMS_MAX) return;
    star->counts.probes++;
    hold->asked_at_ns = star->now_ns;
    hold->number = ++star->last_number;
    ask_all(star, worker, hold->number);
}

static void suspect(struct hs_star *star, struct hs_manager_worker *worker)
{
    star->counts.probes_lost++;
    worker->watch.asked_at_ns = 0;
    star->rounds_open--;
    if (worker->watch.suspect_at_ns) return;
    worker->watch.suspect_at_ns = star->now_ns;
    star->counts.suspected++;
    hs_star_say(star, worker, HS_STAR_SUSPECTED);
    hs_star_note(star, worker, HS_NOTICE_WORKER_SUSPECT);
}

static void clear(struct hs_star *star, struct hs_manager_worker *worker)
{
    bool was_suspect = worker->watch.suspect_at_ns != 0;

    if (worker->watch.asked_at_ns) star->rounds_open--;
    if (worker->watch.asked_at_ns && worker->watch.vouched_at_ns > worker->heard_at_ns)
        star->counts.vouched++;
    stop_watch(worker);
    if (!was_suspect && worker->word.state == HS_STAR_REGISTERED) return;
    hs_star_say(star, worker, HS_STAR_REGISTERED);
    hs_star_note(star, worker, HS_NOTICE_WORKER_CLEARED);
}

/* Nobody is found dead by one manager's word alone. */
static void turn_suspicion(struct hs_star *star, struct hs_manager_worker *worker)
{
    struct hs_worker_watch *watch = &worker->watch;
    uint64_t                wait_ns;

    if (!watch->suspect_at_ns || !watch->witness_count) return;
    wait_ns = hs_min_u64(SUSPECT_NS * star->multiplier, SUSPECT_MAX_NS);
    if (watch->witness_count >= HS_WORKER_WITNESSES)
        wait_ns = hs_min_u64(wait_ns, SUSPECT_BY_TWO_NS);
    if (star->now_ns < watch->suspect_at_ns + wait_ns) {
        hs_star_due(star, watch->suspect_at_ns + wait_ns);
        return;
    }
    if (watch->asked_at_ns) star->rounds_open--;
    stop_watch(worker);
    watch->condemned_at_ns = star->now_ns;
    star->counts.condemned++;
    hs_star_say(star, worker, HS_STAR_DEAD);
}

static void turn_round(struct hs_star *star, struct hs_manager_worker *worker)
{
    struct hs_worker_watch *watch = &worker->watch;
    uint64_t                ask_at_ns = watch->asked_at_ns + HS_STAR_ASK_NS * star->multiplier;
    uint64_t                end_at_ns = watch->asked_at_ns + HS_STAR_ROUND_NS * star->multiplier;

    if (!watch->asked_at_ns) return;
    if (!watch->are_helpers_asked && star->now_ns >= ask_at_ns) ask_helpers(star, worker);
    if (star->now_ns >= end_at_ns)
        suspect(star, worker);
    else
        hs_star_due(star, watch->are_helpers_asked ? end_at_ns : ask_at_ns);
}

static bool is_gone(const struct hs_manager_worker *worker)
{
    return worker->is_lost || hs_workers_is_condemned(worker);
}

static void turn_owned(struct hs_star *star, struct hs_manager_worker *worker)
{
    struct hs_worker_watch *watch = &worker->watch;
    enum hs_star_state      end = worker->has_left ? HS_STAR_LEFT : HS_STAR_DEAD;

    if (!worker->word.version) {
        hs_star_say(star, worker, HS_STAR_REGISTERED);
        hs_star_note(star, worker, HS_NOTICE_WORKER_OWNED);
    }
    if (is_gone(worker)) {
        if (watch->asked_at_ns) star->rounds_open--;
        stop_watch(worker);
        if (worker->word.state != end) hs_star_say(star, worker, end);
        return;
    }
    if (last_life_ns(worker) >= hs_max_u64(watch->asked_at_ns, watch->suspect_at_ns) &&
        (watch->asked_at_ns || watch->suspect_at_ns || worker->word.state != HS_STAR_REGISTERED))
        clear(star, worker);
    turn_round(star, worker);
    turn_suspicion(star, worker);
}

/* Nobody has confirmed it for so long, or its owner has not heard it. */
static void turn_told(struct hs_star *star, struct hs_manager_worker *worker)
{
    bool     is_over = worker->word.state == HS_STAR_DEAD || worker->word.state == HS_STAR_LEFT;
    uint64_t since_ns = is_over ? worker->word.heard_at_ns : worker->word.told_at_ns;

    if (star->now_ns >= since_ns + HS_STAR_GONE_NS) hs_workers_forget(star->workers, worker);
}

static void turn_worker(struct hs_star *star, struct hs_manager_worker *worker)
{
    if (hs_workers_is_told(worker)) {
        turn_told(star, worker);
        return;
    }
    verify(star, worker);
    if (hs_star_owns(star, worker)) {
        turn_owned(star, worker);
        return;
    }
    if (worker->watch.asked_at_ns) star->rounds_open--;
    if (worker->watch.asked_at_ns || worker->watch.suspect_at_ns) stop_watch(worker);
}

/* Silent for long enough that it is asked, and not asked yet. HS_NEVER_NS: it is not to be. */
static uint64_t round_at_ns(const struct hs_star *star, const struct hs_manager_worker *worker)
{
    if (!worker->is_used || hs_workers_is_told(worker) || !hs_star_owns(star, worker))
        return HS_NEVER_NS;
    if (is_gone(worker) || worker->watch.asked_at_ns) return HS_NEVER_NS;
    if (worker->watch.suspect_at_ns) return 0; /* again and again, until it is over */
    return last_life_ns(worker) + HS_STAR_SILENCE_NS;
}

/* With more of them than may be asked at once, the one that is silent longest comes first. */
static void begin_rounds(struct hs_star *star)
{
    while (star->rounds_open < HS_STAR_ROUNDS_MAX) {
        struct hs_manager_worker *first = NULL;

        for (uint32_t i = 0; i < star->workers->high; i++) {
            struct hs_manager_worker *worker = &star->workers->at[i];
            uint64_t                  at_ns = round_at_ns(star, worker);

            if (at_ns == HS_NEVER_NS) continue;
            if (at_ns > star->now_ns)
                hs_star_due(star, at_ns);
            else if (!first || last_life_ns(worker) < last_life_ns(first))
                first = worker;
        }
        if (!first) return;
        begin_round(star, first);
    }
}

/* ---- for others */

static void answer(struct hs_star *star, const struct hs_node_id *to,
                   const struct hs_star_message *probe, enum hs_star_answer code)
{
    struct hs_star_message message = *probe;

    message.kind = HS_STAR_PROBED;
    message.answer = (uint8_t)code;
    hs_star_send(star, to, &message);
}

static void end_relay(struct hs_star *star, struct hs_star_relay *relay, enum hs_star_answer code)
{
    struct hs_star_message message = {.number = relay->number, .worker = relay->worker};

    answer(star, &relay->requester, &message, code);
    relay->requester = (struct hs_node_id){{0}};
    star->relays_open--;
}

static struct hs_star_relay *take_relay(struct hs_star *star)
{
    for (unsigned i = 0; i < HS_STAR_RELAYS_MAX; i++)
        if (hs_node_id_is_none(&star->relays[i].requester)) return &star->relays[i];
    return NULL;
}

static uint64_t nonce_of(const struct hs_star *star, const struct hs_star_relay *relay)
{
    return RELAY_NONCE | (uint64_t)relay->generation << 16 | (uint64_t)(relay - star->relays);
}

/* By this ping alone is judged, not by what was heard before. */
static void take_probe(struct hs_star *star, const struct hs_node_id *from,
                       const struct hs_star_message *probe)
{
    const struct hs_manager_worker *worker = hs_star_find_worker(star, &probe->worker);
    struct hs_star_relay           *relay;

    if (!worker || hs_workers_is_told(worker) || !worker->link) {
        answer(star, from, probe,
               worker && !hs_workers_is_told(worker) ? HS_STAR_SILENT : HS_STAR_UNKNOWN);
        return;
    }
    relay = take_relay(star);
    if (!relay) {
        star->counts.relays_refused++;
        answer(star, from, probe, HS_STAR_BUSY);
        return;
    }
    star->counts.relays++;
    star->relays_open++;
    relay->requester = *from;
    relay->worker = probe->worker;
    relay->number = probe->number;
    relay->generation++;
    relay->end_at_ns = star->now_ns + HS_STAR_RELAY_NS;
    ping(star, worker, nonce_of(star, relay));
    hs_star_due(star, relay->end_at_ns);
}

static void turn_relays(struct hs_star *star)
{
    for (unsigned i = 0; star->relays_open && i < HS_STAR_RELAYS_MAX; i++) {
        struct hs_star_relay *relay = &star->relays[i];

        if (hs_node_id_is_none(&relay->requester)) continue;
        if (star->now_ns >= relay->end_at_ns)
            end_relay(star, relay, HS_STAR_SILENT);
        else
            hs_star_due(star, relay->end_at_ns);
    }
}

void hs_star_on_pong(struct hs_star *star, uint64_t now_ns, const struct hs_manager_worker *worker,
                     uint64_t nonce)
{
    struct hs_star_relay *relay = &star->relays[(nonce & UINT16_MAX) % HS_STAR_RELAYS_MAX];

    star->now_ns = now_ns;
    if (!worker || !(nonce & RELAY_NONCE) || hs_node_id_is_none(&relay->requester)) return;
    if (memcmp(worker->id, relay->worker.bytes, sizeof worker->id) != 0) return;
    if (nonce_of(star, relay) == nonce) end_relay(star, relay, HS_STAR_REACHED);
}

static void take_probed(struct hs_star *star, const struct hs_node_id *from,
                        const struct hs_star_message *message)
{
    struct hs_manager_worker *worker = hs_star_find_worker(star, &message->worker);
    struct hs_worker_watch   *watch = worker ? &worker->watch : NULL;

    if (worker && hs_workers_is_held(worker) && worker->hold.number == message->number) {
        if (message->answer == HS_STAR_REACHED) worker->hold.spared_at_ns = star->now_ns;
        return;
    }
    if (!watch || !watch->asked_at_ns || watch->number != message->number) return; /* late */
    star->due_at_ns = star->now_ns;
    if (message->answer == HS_STAR_REACHED) watch->vouched_at_ns = star->now_ns;
    if (message->answer != HS_STAR_SILENT || watch->witness_count == HS_WORKER_WITNESSES) return;
    for (unsigned i = 0; i < watch->witness_count; i++)
        if (hs_node_id_equal(&watch->witnesses[i], from)) return;
    watch->witnesses[watch->witness_count++] = *from;
}

/* ---- public */

void hs_star_init(struct hs_star *star, const struct hs_star_config *config,
                  struct hs_workers *workers, uint64_t now_ns)
{
    HS_ASSERT(!hs_node_id_is_none(&config->self));
    memset(star, 0, sizeof *star);
    star->config = *config;
    star->workers = workers;
    star->now_ns = now_ns;
    star->multiplier = 1;
    star->digest_at_ns = now_ns + HS_STAR_DIGEST_NS;
}

void hs_star_on_content(struct hs_star *star, uint64_t now_ns, const struct hs_node_id *from,
                        struct hs_view content)
{
    struct hs_star_message message;

    star->now_ns = now_ns;
    if (hs_star_get(content, &message)) {
        star->counts.malformed++;
        return;
    }
    switch (message.kind) {
    case HS_STAR_NEWS: hs_star_take_news(star, from, message.entries); break;
    case HS_STAR_DIGEST: hs_star_take_digest(star, from, &message); break;
    case HS_STAR_LIST: hs_star_take_list(star, from); break;
    case HS_STAR_PROBE: take_probe(star, from, &message); break;
    case HS_STAR_PROBED: take_probed(star, from, &message); break;
    case HS_STAR_KIND_END: break;
    }
}

static void count_rounds(struct hs_star *star)
{
    star->rounds_open = 0;
    for (uint32_t i = 0; i < star->workers->high; i++)
        star->rounds_open += star->workers->at[i].watch.asked_at_ns != 0;
}

uint64_t hs_star_turn(struct hs_star *star, uint64_t now_ns, uint32_t score)
{
    star->now_ns = now_ns;
    if (star->seen_changes == star->workers->owner_changes && now_ns < star->due_at_ns)
        return star->due_at_ns;
    star->seen_changes = star->workers->owner_changes;
    star->multiplier = score + 1;
    star->due_at_ns = now_ns + LOOK_AGAIN_NS;
    count_rounds(star); /* rows come and go */
    for (uint32_t i = 0; i < star->workers->high; i++)
        if (star->workers->at[i].is_used) turn_worker(star, &star->workers->at[i]);
    begin_rounds(star);
    turn_relays(star);
    hs_star_turn_directory(star);
    return star->due_at_ns;
}

static void take_item(struct hs_star *star, struct hs_star_action *action)
{
    const struct hs_star_item *item = &star->items[star->item_first];
    struct hs_writer           out;

    *action = (struct hs_star_action){
        .type = item->type, .link = item->link, .nonce = item->nonce, .to = item->to};
    if (item->type == HS_STAR_DO_NOTE) {
        action->kind = item->kind;
        action->worker = hs_star_find_worker(star, &item->worker);
    }
    if (item->type == HS_STAR_DO_SEND) {
        hs_writer_init(&out, star->out.data, sizeof star->out.data);
        hs_star_put(&out, &item->message);
        HS_ASSERT(!out.failed);
        action->content = hs_view_of(out.data, out.used_bytes);
    }
    star->item_first = (star->item_first + 1) % HS_STAR_ITEMS_MAX;
    star->item_count--;
}

bool hs_star_next(struct hs_star *star, struct hs_star_action *action)
{
    if (!star->item_count) return hs_star_next_body(star, action);
    take_item(star, action);
    return true;
}

bool hs_star_validate(const struct hs_star *star)
{
    uint32_t rounds = 0;
    uint32_t relays = 0;

    for (uint32_t i = 0; i < star->workers->high; i++) {
        const struct hs_manager_worker *worker = &star->workers->at[i];

        rounds += worker->watch.asked_at_ns != 0;
        if (!worker->is_used && (worker->watch.asked_at_ns || worker->word.epoch)) return false;
    }
    for (unsigned i = 0; i < HS_STAR_RELAYS_MAX; i++)
        relays += !hs_node_id_is_none(&star->relays[i].requester);
    return rounds <= HS_STAR_ROUNDS_MAX && relays == star->relays_open &&
           star->item_count <= HS_STAR_ITEMS_MAX;
}
