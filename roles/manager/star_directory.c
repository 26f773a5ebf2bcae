// SPDX-License-Identifier: Apache-2.0
/* star_directory.c - what owners say of their workers: told while it is news, taken from the owner
 * alone, compared every now and then, and listed where it differs. */
#include "roles/manager/star_inner.h"

#include "roles/cluster/gossip.h"
#include "shm/base/rand.h"
#include "shm/base/time.h"

#include <string.h>

#define LIST_AGAIN_NS (2 * HS_NS_PER_S)

/* ---- our own word */

static uint32_t live_peers(const struct hs_star *star)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < HS_STAR_PEERS_MAX; i++) count += star->peers[i].is_live;
    return count;
}

void hs_star_say(struct hs_star *star, struct hs_manager_worker *worker, enum hs_star_state state)
{
    struct hs_worker_word *word = &worker->word;

    word->version++;
    word->state = (uint8_t)state;
    word->sends_left = (uint8_t)hs_gossip_limit(live_peers(star) + 1);
    star->has_news = true;
}

static void fill_entry(const struct hs_star *star, const struct hs_manager_worker *worker,
                       struct hs_star_entry *entry)
{
    *entry = (struct hs_star_entry){
        .incarnation = worker->word.incarnation,
        .owner = worker->word.owner,
        .epoch = worker->word.epoch,
        .version = worker->word.version,
        .state = worker->word.state,
        .cores_total = worker->cores,
        .cores_free = worker->cores_free_told,
        .age_ms =
            (uint32_t)hs_min_u64((star->now_ns - worker->heard_at_ns) / HS_NS_PER_MS, UINT32_MAX)};
    memcpy(entry->worker.bytes, worker->id, sizeof entry->worker.bytes);
    memcpy(entry->name, worker->name, sizeof entry->name);
}

static bool is_told_of(const struct hs_star *star, const struct hs_manager_worker *worker)
{
    return worker->is_used && !hs_workers_is_told(worker) && hs_star_owns(star, worker) &&
           worker->word.version;
}

/* ---- the word of others */

static bool is_newer(const struct hs_star_entry *entry, const struct hs_manager_worker *worker)
{
    const struct hs_worker_word *word = &worker->word;
    uint64_t                     known =
        hs_max_u64(word->incarnation, hs_workers_is_told(worker) ? 0 : worker->incarnation);

    if (entry->incarnation != known) return entry->incarnation > known;
    if (entry->epoch != word->epoch) return entry->epoch > word->epoch;
    return entry->version > word->version;
}

static bool is_same(const struct hs_star_entry *entry, const struct hs_worker_word *word)
{
    return entry->incarnation == word->incarnation && entry->epoch == word->epoch &&
           entry->version == word->version;
}

/* Who is known by word alone is given up with it. */
static void judge_told(struct hs_manager_worker *worker)
{
    if (hs_workers_is_told(worker))
        worker->is_lost = worker->word.is_void || worker->word.state != HS_STAR_REGISTERED;
}

static void believe(struct hs_star *star, struct hs_manager_worker *worker,
                    const struct hs_star_entry *entry)
{
    const struct hs_star_peer *peer = hs_star_find_peer(star, &entry->owner);
    uint64_t                   age_ns = (uint64_t)entry->age_ms * HS_NS_PER_MS;

    worker->word =
        (struct hs_worker_word){.owner = entry->owner,
                                .incarnation = entry->incarnation,
                                .epoch = entry->epoch,
                                .version = entry->version,
                                .state = entry->state,
                                .is_void = !peer || !peer->is_live,
                                .cores_free = entry->cores_free,
                                .told_at_ns = star->now_ns,
                                .heard_at_ns = star->now_ns > age_ns ? star->now_ns - age_ns : 0};
    if (hs_workers_is_told(worker)) {
        worker->incarnation = entry->incarnation;
        worker->cores = entry->cores_total;
        memcpy(worker->name, entry->name, sizeof worker->name);
        memcpy(worker->datacenter, star->config.datacenter, sizeof worker->datacenter);
    } else if (entry->state == HS_STAR_DEAD && entry->incarnation == worker->incarnation &&
               star->now_ns >= worker->heard_at_ns + HS_STAR_SILENCE_NS) {
        worker->watch.condemned_at_ns = star->now_ns;
        star->counts.condemned++;
    }
    judge_told(worker);
}

static void take_entry(struct hs_star *star, const struct hs_node_id *from,
                       struct hs_star_entry *entry)
{
    struct hs_manager_worker *worker = hs_star_find_worker(star, &entry->worker);

    if (!hs_node_id_equal(&entry->owner, from)) {
        star->counts.foreign++;
        return;
    }
    if (entry->cores_free > entry->cores_total) {
        star->counts.clamped++;
        entry->cores_free = entry->cores_total;
    }
    if (!worker && (entry->state == HS_STAR_DEAD || entry->state == HS_STAR_LEFT)) return;
    if (!worker) worker = hs_workers_add_told(star->workers, entry, star->now_ns);
    if (!worker) {
        star->counts.full++;
    } else if (is_newer(entry, worker)) {
        believe(star, worker, entry);
    } else if (is_same(entry, &worker->word)) {
        worker->word.told_at_ns = star->now_ns;
    } else {
        star->counts.stale++;
    }
}

void hs_star_take_news(struct hs_star *star, const struct hs_node_id *from, struct hs_view entries)
{
    struct hs_reader     in;
    struct hs_star_entry entry;
    int                  rc;

    hs_reader_init(&in, entries);
    while ((rc = hs_star_get_entry(&in, &entry)) == 1) take_entry(star, from, &entry);
    star->counts.malformed += rc < 0;
    star->due_at_ns = star->now_ns;
}

void hs_star_judge_words(struct hs_star *star, const struct hs_node_id *owner, bool is_live)
{
    for (uint32_t i = 0; i < star->workers->high; i++) {
        struct hs_manager_worker *worker = &star->workers->at[i];

        if (!worker->is_used || !hs_node_id_equal(&worker->word.owner, owner)) continue;
        worker->word.is_void = !is_live;
        judge_told(worker);
    }
}

/* ---- digests */

static uint64_t hash_of(const struct hs_manager_worker *worker)
{
    struct hs_rand mix = {worker->word.state};
    uint64_t words[5] = {0, 0, worker->word.incarnation, worker->word.epoch, worker->word.version};

    memcpy(words, worker->id, sizeof worker->id);
    for (unsigned i = 0; i < HS_ARRAY_LEN(words); i++) mix.state = hs_rand_next(&mix) ^ words[i];
    return hs_rand_next(&mix);
}

/* Whom that manager says to be there. */
static bool is_in_digest(const struct hs_manager_worker *worker, const struct hs_node_id *owner)
{
    const struct hs_worker_word *word = &worker->word;

    return worker->is_used && word->version && hs_node_id_equal(&word->owner, owner) &&
           (word->state == HS_STAR_REGISTERED || word->state == HS_STAR_SUSPECTED);
}

static void digest(const struct hs_star *star, const struct hs_node_id *owner,
                   struct hs_star_message *message)
{
    for (uint32_t i = 0; i < star->workers->high; i++) {
        const struct hs_manager_worker *worker = &star->workers->at[i];

        if (!is_in_digest(worker, owner)) continue;
        message->count++;
        message->digest ^= hash_of(worker);
    }
}

static void confirm_all(struct hs_star *star, const struct hs_node_id *owner)
{
    for (uint32_t i = 0; i < star->workers->high; i++)
        if (is_in_digest(&star->workers->at[i], owner))
            star->workers->at[i].word.told_at_ns = star->now_ns;
}

void hs_star_take_digest(struct hs_star *star, const struct hs_node_id *from,
                         const struct hs_star_message *message)
{
    struct hs_star_peer   *peer = hs_star_find_peer(star, from);
    struct hs_star_message known = {.kind = HS_STAR_LIST};

    if (!peer) return;
    digest(star, from, &known);
    if (known.count == message->count && known.digest == message->digest) {
        confirm_all(star, from);
        return;
    }
    if (peer->list_asked_at_ns && star->now_ns < peer->list_asked_at_ns + LIST_AGAIN_NS) return;
    peer->list_asked_at_ns = star->now_ns;
    star->counts.lists++;
    hs_star_send(star, from, &known);
}

void hs_star_take_list(struct hs_star *star, const struct hs_node_id *from)
{
    struct hs_star_peer *peer = hs_star_find_peer(star, from);

    if (!peer || !peer->is_live) return;
    if (peer->page_idx == HS_STAR_NO_PAGE) peer->page_idx = 0;
    star->due_at_ns = star->now_ns;
}

/* ---- datagrams of news, so many in a tick */

static void open_body(struct hs_star_body *body, struct hs_writer *out)
{
    static const struct hs_star_message news = {.kind = HS_STAR_NEWS};

    hs_writer_init(out, body->data, sizeof body->data);
    hs_star_put(out, &news);
}

/* From this row on, while it fits; the row that it ends before. */
static uint32_t fill_body(struct hs_star *star, uint32_t idx, bool is_page,
                          struct hs_star_body *body)
{
    struct hs_writer     out;
    struct hs_star_entry entry;
    size_t               empty_bytes;

    open_body(body, &out);
    empty_bytes = out.used_bytes;
    for (; idx < star->workers->high; idx++) {
        struct hs_manager_worker *worker = &star->workers->at[idx];

        if (!is_told_of(star, worker) || (!is_page && !worker->word.sends_left)) continue;
        fill_entry(star, worker, &entry);
        if (!hs_star_put_entry(&out, &entry)) break;
        if (!is_page) worker->word.sends_left--;
    }
    body->bytes = out.used_bytes > empty_bytes ? out.used_bytes : 0;
    return idx;
}

/* What does not fit into a tick's datagrams is first in the next one. */
static void gather(struct hs_star *star)
{
    star->body_count = 0;
    while (star->has_news && star->body_count < HS_STAR_BODIES) {
        struct hs_star_body *body = &star->bodies[star->body_count];

        star->news_idx = fill_body(star, star->news_idx, false, body);
        star->body_count += body->bytes != 0;
        if (star->news_idx < star->workers->high) continue;
        star->news_idx = 0;
        break;
    }
    star->has_news = star->news_idx != 0;
    for (uint32_t i = 0; i < star->workers->high && !star->has_news; i++)
        star->has_news =
            is_told_of(star, &star->workers->at[i]) && star->workers->at[i].word.sends_left;
}

static bool is_page_wanted(const struct hs_star *star)
{
    for (unsigned i = 0; i < HS_STAR_PEERS_MAX; i++)
        if (star->peers[i].is_live && star->peers[i].page_idx != HS_STAR_NO_PAGE) return true;
    return false;
}

static void tick(struct hs_star *star)
{
    if (!star->has_news && !is_page_wanted(star)) return;
    if (star->now_ns >= star->tick_at_ns) {
        gather(star);
        for (unsigned i = 0; i < HS_STAR_PEERS_MAX; i++) {
            star->peers[i].sends_left = HS_STAR_BODIES;
            star->peers[i].body_idx = 0;
        }
        star->tick_at_ns = star->now_ns + HS_STAR_TICK_NS;
    }
    if (star->has_news || is_page_wanted(star)) hs_star_due(star, star->tick_at_ns);
}

static void tell_digests(struct hs_star *star)
{
    struct hs_star_message message = {.kind = HS_STAR_DIGEST};
    bool                   is_due = star->now_ns >= star->digest_at_ns;
    bool                   is_wanted = is_due;

    if (is_due) star->digest_at_ns = star->now_ns + HS_STAR_DIGEST_NS;
    hs_star_due(star, star->digest_at_ns);
    for (unsigned i = 0; i < HS_STAR_PEERS_MAX; i++)
        is_wanted = is_wanted || (star->peers[i].is_live && star->peers[i].is_digest_due);
    if (!is_wanted) return;
    digest(star, &star->config.self, &message);
    for (unsigned i = 0; i < HS_STAR_PEERS_MAX; i++) {
        struct hs_star_peer *peer = &star->peers[i];

        if (!peer->is_live || (!is_due && !peer->is_digest_due)) continue;
        peer->is_digest_due = false;
        hs_star_send(star, &peer->id, &message);
    }
}

void hs_star_turn_directory(struct hs_star *star)
{
    tick(star);
    tell_digests(star);
}

static bool next_of(struct hs_star *star, struct hs_star_peer *peer, struct hs_star_action *action)
{
    struct hs_star_body *body = &star->out;

    if (!peer->is_live || !peer->sends_left) return false;
    *action = (struct hs_star_action){.type = HS_STAR_DO_SEND, .to = peer->id};
    if (peer->body_idx < star->body_count) {
        body = &star->bodies[peer->body_idx++];
    } else if (peer->page_idx != HS_STAR_NO_PAGE) {
        uint32_t end = fill_body(star, (uint32_t)peer->page_idx, true, body);

        peer->page_idx = end < star->workers->high ? (int32_t)end : HS_STAR_NO_PAGE;
        if (!body->bytes) return false;
    } else {
        return false;
    }
    peer->sends_left--;
    action->content = hs_view_of(body->data, body->bytes);
    return true;
}

bool hs_star_next_body(struct hs_star *star, struct hs_star_action *action)
{
    for (unsigned i = 0; i < HS_STAR_PEERS_MAX; i++)
        if (next_of(star, &star->peers[i], action)) return true;
    return false;
}
