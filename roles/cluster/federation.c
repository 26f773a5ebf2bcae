// SPDX-License-Identifier: Apache-2.0
/* federation.c - rounds, answers, and the state that follows from them. */
#include "roles/cluster/federation.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <stdio.h>

#define INTERVAL_NS    (2 * HS_NS_PER_S)
#define JITTER_NS      (INTERVAL_NS / 10)
#define QUICK_NS       (100 * HS_NS_PER_MS) /* to the second answer of one that came just now */
#define RTO_FIRST_NS   HS_NS_PER_S
#define RTO_MIN_NS     (300 * HS_NS_PER_MS)
#define RTO_MAX_NS     (5 * HS_NS_PER_S)
#define ROUND_MAX_NS   (5 * HS_NS_PER_S)
#define SILENCE_NS     (25 * HS_NS_PER_S)
#define SUSPECTED_NS   (30 * HS_NS_PER_S)
#define LEADERLESS_NS  (10 * HS_NS_PER_S) /* then any manager's numbers are taken */
#define FORGET_NS      (900 * HS_NS_PER_S)
#define ALERT_AGAIN_NS (60 * HS_NS_PER_S)
#define STALL_NS       (3 * HS_NS_PER_S) /* we come every 2.2 s: later, and it was we who slept */
enum { MISSES_MAX = 3, ANSWERS_NEEDED = 2, SEQS_PER_ROUND = 3, RETRY_SENDS = 2 };

/* ---- datacenters and whom to ask there ---- */

int hs_federation_find(const struct hs_federation *federation, const char *name)
{
    for (int i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++)
        if (federation->datacenters[i].name[0] &&
            strcmp(federation->datacenters[i].name, name) == 0)
            return i;
    return -1;
}

static struct hs_federation_contact *find_contact(struct hs_federation_datacenter *datacenter,
                                                  const struct hs_node_id         *id)
{
    for (unsigned i = 0; i < HS_FEDERATION_CONTACTS_MAX; i++)
        if (hs_node_id_equal(&datacenter->contacts[i].id, id)) return &datacenter->contacts[i];
    return NULL;
}

/* Gates with the same datacenters do not ask all at once. */
static uint64_t phase_of(const struct hs_federation *federation, const char *name)
{
    uint64_t word;

    memcpy(&word, federation->self.bytes, sizeof word);
    return (hs_datagram_cluster_hash(name) ^ word) * UINT64_C(0x9e3779b97f4a7c15) % INTERVAL_NS;
}

static struct hs_federation_datacenter *add_datacenter(struct hs_federation *federation,
                                                       const char           *name)
{
    struct hs_federation_datacenter *free_one = NULL;

    for (int i = 0; i < HS_FEDERATION_DATACENTERS_MAX && !free_one; i++)
        if (!federation->datacenters[i].name[0]) free_one = &federation->datacenters[i];
    if (!free_one) return NULL;
    *free_one = (struct hs_federation_datacenter){.since_ns = federation->now_ns,
                                                  .grid_ns = federation->now_ns -
                                                             federation->now_ns % INTERVAL_NS +
                                                             phase_of(federation, name),
                                                  .next_round_ns = federation->now_ns};
    (void)snprintf(free_one->name, sizeof free_one->name, "%s", name);
    return free_one;
}

/* Its own place, a free one, or that of whoever was silent for longest. */
static struct hs_federation_contact *place_for(struct hs_federation_datacenter *datacenter,
                                               const struct hs_node_id         *id)
{
    struct hs_federation_contact *oldest = &datacenter->contacts[0];
    struct hs_federation_contact *found = find_contact(datacenter, id);

    if (found) return found;
    for (unsigned i = 0; i < HS_FEDERATION_CONTACTS_MAX; i++) {
        struct hs_federation_contact *contact = &datacenter->contacts[i];

        if (hs_node_id_is_none(&contact->id)) return contact;
        if (contact->known_at_ns < oldest->known_at_ns) oldest = contact;
    }
    return oldest;
}

bool hs_federation_register(struct hs_federation *federation, uint64_t now_ns,
                            const char *datacenter, const struct hs_node_id *id,
                            const struct hs_addr *address)
{
    int                              idx = hs_federation_find(federation, datacenter);
    struct hs_federation_datacenter *at = idx < 0 ? NULL : &federation->datacenters[idx];

    HS_ASSERT(!hs_node_id_is_none(id));
    federation->now_ns = now_ns;
    if (!at) at = add_datacenter(federation, datacenter);
    if (!at) {
        federation->counts.refused++;
        return false;
    }
    *place_for(at, id) =
        (struct hs_federation_contact){.id = *id, .address = *address, .known_at_ns = now_ns};
    return true;
}

/* false: nobody is left, and the datacenter is forgotten. */
static bool forget_contacts(struct hs_federation            *federation,
                            struct hs_federation_datacenter *datacenter)
{
    bool is_anybody_left = false;

    for (unsigned i = 0; i < HS_FEDERATION_CONTACTS_MAX; i++) {
        struct hs_federation_contact *contact = &datacenter->contacts[i];

        if (hs_node_id_is_none(&contact->id)) continue;
        if (federation->now_ns - contact->known_at_ns >= FORGET_NS)
            *contact = (struct hs_federation_contact){0};
        else
            is_anybody_left = true;
    }
    return is_anybody_left;
}

/* ---- states ---- */

static uint32_t idx_of(const struct hs_federation            *federation,
                       const struct hs_federation_datacenter *datacenter)
{
    return (uint32_t)(datacenter - federation->datacenters);
}

static struct hs_federation_change *change(const struct hs_federation            *federation,
                                           const struct hs_federation_datacenter *datacenter,
                                           enum hs_reach to, struct hs_federation_out *out)
{
    struct hs_federation_change *made = &out->changes[out->change_count++];

    HS_ASSERT(out->change_count <= HS_FEDERATION_CHANGES_MAX);
    *made = (struct hs_federation_change){.datacenter = idx_of(federation, datacenter),
                                          .from = datacenter->state,
                                          .to = to,
                                          .lasted_ns = federation->now_ns - datacenter->since_ns};
    memcpy(made->name, datacenter->name, sizeof made->name);
    return made;
}

static void enter(struct hs_federation *federation, struct hs_federation_datacenter *datacenter,
                  enum hs_reach state, struct hs_federation_out *out)
{
    HS_ASSERT(datacenter->state != state);
    (void)change(federation, datacenter, state, out);
    datacenter->state = state;
    datacenter->since_ns = federation->now_ns;
    datacenter->rounds_answered = 0;
    federation->counts.suspected += state == HS_REACH_SUSPECTED;
    federation->counts.lost += state == HS_REACH_UNREACHABLE;
}

/* When a suspicion ends: not while another gate hears the datacenter. */
static uint64_t end_of_suspicion_ns(const struct hs_federation_datacenter *datacenter)
{
    return hs_max_u64(datacenter->since_ns + SUSPECTED_NS, hs_federation_vouched_ns(datacenter));
}

static void judge(struct hs_federation *federation, struct hs_federation_datacenter *datacenter,
                  struct hs_federation_out *out)
{
    if (datacenter->state == HS_REACH_REACHABLE &&
        (datacenter->misses >= MISSES_MAX ||
         federation->now_ns >= datacenter->last_ack_ns + SILENCE_NS))
        enter(federation, datacenter, HS_REACH_SUSPECTED, out);
    if (datacenter->state == HS_REACH_SUSPECTED &&
        federation->now_ns >= end_of_suspicion_ns(datacenter))
        enter(federation, datacenter, HS_REACH_UNREACHABLE, out);
}

static void note_answer(struct hs_federation            *federation,
                        struct hs_federation_datacenter *datacenter,
                        struct hs_federation_round *round, struct hs_federation_out *out)
{
    federation->counts.answers++;
    datacenter->last_ack_ns = federation->now_ns;
    datacenter->misses = 0;
    if (!round->is_answered) datacenter->rounds_answered++;
    round->is_answered = true;
    round->retry_at_ns = round->deadline_ns = HS_NEVER_NS;
    if (datacenter->state == HS_REACH_REACHABLE) return;
    if (datacenter->state == HS_REACH_SUSPECTED || datacenter->rounds_answered >= ANSWERS_NEEDED)
        enter(federation, datacenter, HS_REACH_REACHABLE, out);
    else
        datacenter->next_round_ns =
            hs_min_u64(datacenter->next_round_ns, federation->now_ns + QUICK_NS);
}

/* ---- round trips (RFC 6298) ---- */

static uint64_t rto_ns(const struct hs_federation_datacenter *datacenter)
{
    if (!datacenter->srtt_ns) return RTO_FIRST_NS;
    return hs_min_u64(hs_max_u64(datacenter->srtt_ns + 4 * datacenter->rttvar_ns, RTO_MIN_NS),
                      RTO_MAX_NS);
}

static void measure(struct hs_federation_datacenter *datacenter, uint64_t sample_ns)
{
    uint64_t off_ns = sample_ns > datacenter->srtt_ns ? sample_ns - datacenter->srtt_ns
                                                      : datacenter->srtt_ns - sample_ns;

    datacenter->last_rtt_ns = sample_ns;
    if (!datacenter->srtt_ns) {
        datacenter->srtt_ns = hs_max_u64(sample_ns, 1);
        datacenter->rttvar_ns = sample_ns / 2;
        return;
    }
    datacenter->rttvar_ns = (3 * datacenter->rttvar_ns + off_ns) / 4;
    datacenter->srtt_ns = hs_max_u64((7 * datacenter->srtt_ns + sample_ns) / 8, 1);
}

/* ---- rounds ---- */

static void ask(struct hs_federation *federation, const struct hs_federation_contact *contact,
                uint32_t seq, struct hs_federation_out *out)
{
    HS_ASSERT(out->send_count < HS_FEDERATION_SENDS_MAX);
    federation->counts.probes++;
    out->sends[out->send_count++] =
        (struct hs_federation_send){.to = contact->id, .address = contact->address, .seq = seq};
}

/* The leader if we know where it is; else always the same one, so that round trips compare. */
static struct hs_federation_contact *first_of(struct hs_federation_datacenter *datacenter)
{
    struct hs_federation_contact *best = NULL;

    if (!hs_node_id_is_none(&datacenter->leader.id))
        best = find_contact(datacenter, &datacenter->leader.id);
    for (unsigned i = 0; i < HS_FEDERATION_CONTACTS_MAX && !best; i++)
        if (!hs_node_id_is_none(&datacenter->contacts[i].id)) best = &datacenter->contacts[i];
    HS_ASSERT(best); /* one without contacts is forgotten before it is asked */
    return best;
}

/* Each time the next one; NULL: there is but one. */
static struct hs_federation_contact *other_than(struct hs_federation_datacenter    *datacenter,
                                                const struct hs_federation_contact *first)
{
    for (unsigned i = 0; i < HS_FEDERATION_CONTACTS_MAX; i++) {
        struct hs_federation_contact *contact;

        datacenter->other_idx = (datacenter->other_idx + 1) % HS_FEDERATION_CONTACTS_MAX;
        contact = &datacenter->contacts[datacenter->other_idx];
        if (contact != first && !hs_node_id_is_none(&contact->id)) return contact;
    }
    return NULL;
}

static uint32_t take_seqs(struct hs_federation *federation)
{
    uint32_t seq = federation->next_seq;

    if (seq == 0 || seq > UINT32_MAX - SEQS_PER_ROUND) seq = 1;
    federation->next_seq = seq + SEQS_PER_ROUND;
    return seq;
}

static void plan_next_round(struct hs_federation            *federation,
                            struct hs_federation_datacenter *datacenter)
{
    while (datacenter->grid_ns <= federation->now_ns + JITTER_NS)
        datacenter->grid_ns += INTERVAL_NS;
    datacenter->next_round_ns =
        datacenter->grid_ns - JITTER_NS + hs_rand_below(&federation->rand, 2 * JITTER_NS);
}

static void start_round(struct hs_federation            *federation,
                        struct hs_federation_datacenter *datacenter, struct hs_federation_out *out)
{
    struct hs_federation_round *round = &datacenter->rounds[datacenter->round_idx];
    uint64_t                    wait_ns = rto_ns(datacenter);

    datacenter->round_idx = (datacenter->round_idx + 1) % HS_FEDERATION_ROUNDS_MAX;
    *round = (struct hs_federation_round){.seq = take_seqs(federation),
                                          .sent_at_ns = federation->now_ns,
                                          .retry_at_ns = federation->now_ns + wait_ns,
                                          .deadline_ns = federation->now_ns +
                                                         hs_min_u64(3 * wait_ns, ROUND_MAX_NS)};
    federation->counts.rounds++;
    ask(federation, first_of(datacenter), round->seq, out);
    plan_next_round(federation, datacenter);
}

static void retry_round(struct hs_federation            *federation,
                        struct hs_federation_datacenter *datacenter,
                        struct hs_federation_round *round, struct hs_federation_out *out)
{
    const struct hs_federation_contact *first = first_of(datacenter);
    const struct hs_federation_contact *other = other_than(datacenter, first);

    round->retry_at_ns = HS_NEVER_NS;
    ask(federation, first, round->seq + 1, out);
    if (other) ask(federation, other, round->seq + 2, out);
}

/* Leaders that change, and a loop that stood still, make several rounds late at once: those that
 * find no room are due in the next turn. This datacenter and each behind it may yet begin one. */
static bool has_room_to_retry(const struct hs_federation            *federation,
                              const struct hs_federation_datacenter *datacenter,
                              const struct hs_federation_out        *out)
{
    unsigned begins = HS_FEDERATION_DATACENTERS_MAX - idx_of(federation, datacenter);

    return out->send_count + RETRY_SENDS + begins <= HS_FEDERATION_SENDS_MAX;
}

static void turn_rounds(struct hs_federation            *federation,
                        struct hs_federation_datacenter *datacenter, struct hs_federation_out *out)
{
    for (unsigned i = 0; i < HS_FEDERATION_ROUNDS_MAX; i++) {
        struct hs_federation_round *round = &datacenter->rounds[i];

        if (!round->seq || round->is_answered) continue;
        if (federation->now_ns >= round->deadline_ns) {
            round->retry_at_ns = round->deadline_ns = HS_NEVER_NS;
            datacenter->misses++;
            datacenter->rounds_answered = 0;
            federation->counts.rounds_missed++;
        } else if (federation->now_ns >= round->retry_at_ns &&
                   has_room_to_retry(federation, datacenter, out)) {
            retry_round(federation, datacenter, round, out);
        }
    }
}

/* ---- answers ---- */

static void alert(struct hs_federation *federation, enum hs_federation_alert_type type,
                  const struct hs_federation_datacenter *datacenter, const struct hs_node_id *node,
                  struct hs_federation_out *out)
{
    HS_ASSERT(out->alert_count < HS_FEDERATION_ALERTS_MAX);
    out->alerts[out->alert_count++] = (struct hs_federation_alert){
        .type = type, .datacenter = idx_of(federation, datacenter), .node = *node};
}

static bool is_led_twice(const struct hs_federation_datacenter *datacenter,
                         const struct hs_federation_leader     *leader)
{
    return leader->term && leader->term == datacenter->leader.term &&
           !hs_node_id_equal(&leader->id, &datacenter->leader.id);
}

/* A higher term, or the first name that we hear; a name without a term outranks nobody. */
static void take_leader(struct hs_federation              *federation,
                        struct hs_federation_datacenter   *datacenter,
                        const struct hs_federation_leader *leader, struct hs_federation_out *out)
{
    bool is_first = hs_node_id_is_none(&datacenter->leader.id);

    if (hs_node_id_is_none(&leader->id)) return;
    if (is_led_twice(datacenter, leader)) {
        if (datacenter->alerted_term != leader->term)
            alert(federation, HS_FEDERATION_TWO_LEADERS, datacenter, &leader->id, out);
        datacenter->alerted_term = leader->term;
        return;
    }
    if (leader->term <= datacenter->leader.term && !is_first) return;
    if (!hs_node_id_equal(&leader->id, &datacenter->leader.id)) {
        datacenter->misses = 0;
        datacenter->next_round_ns = federation->now_ns;
    }
    datacenter->leader = *leader;
    if (leader->address.port && !find_contact(datacenter, &leader->id))
        (void)hs_federation_register(federation, federation->now_ns, datacenter->name, &leader->id,
                                     &leader->address);
    if (leader->term) alert(federation, HS_FEDERATION_NEW_LEADER, datacenter, &leader->id, out);
}

static bool is_sane(const struct hs_federation_body *body)
{
    return body->cores_free <= body->cores_total && body->workers_healthy <= body->workers_total &&
           body->managers_live <= body->managers_total &&
           body->local_health <= HS_DATAGRAM_SCORE_MAX;
}

struct answer {
    const struct hs_node_id            *sender;
    uint64_t                            incarnation;
    const struct hs_federation_message *message;
};

/* Terms order first: a new leader may have begun its life long after the old one. */
static bool is_newer(const struct hs_federation_datacenter *datacenter, const struct answer *answer)
{
    if (answer->message->leader.term != datacenter->body_term)
        return answer->message->leader.term > datacenter->body_term;
    if (answer->incarnation != datacenter->body_incarnation)
        return answer->incarnation > datacenter->body_incarnation;
    return answer->message->seq > datacenter->body_seq;
}

static void take_body(struct hs_federation *federation, struct hs_federation_datacenter *datacenter,
                      const struct answer *answer)
{
    const struct hs_federation_message *message = answer->message;
    bool is_leader = hs_node_id_equal(answer->sender, &datacenter->leader.id);

    if (!is_sane(&message->body)) {
        federation->counts.bodies_refused++;
        return;
    }
    if (is_leader) {
        if (!is_newer(datacenter, answer)) return;
        datacenter->leader_heard_ns = federation->now_ns;
        datacenter->body_term = message->leader.term;
        datacenter->body_incarnation = answer->incarnation;
        datacenter->body_seq = message->seq;
    } else if (datacenter->leader_heard_ns &&
               federation->now_ns - datacenter->leader_heard_ns < LEADERLESS_NS) {
        return;
    }
    datacenter->is_provisional = !is_leader;
    datacenter->body = message->body;
    datacenter->body_at_ns = federation->now_ns;
    memcpy(datacenter->region, message->region, sizeof datacenter->region);
}

static struct hs_federation_round *find_round(struct hs_federation_datacenter *datacenter,
                                              uint32_t                         seq)
{
    for (unsigned i = 0; i < HS_FEDERATION_ROUNDS_MAX; i++)
        if (datacenter->rounds[i].seq && seq - datacenter->rounds[i].seq < SEQS_PER_ROUND)
            return &datacenter->rounds[i];
    return NULL;
}

static struct hs_federation_datacenter *datacenter_of(struct hs_federation    *federation,
                                                      const struct hs_node_id *contact)
{
    if (hs_node_id_is_none(contact)) return NULL; /* as a place that is free */
    for (unsigned i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++)
        if (federation->datacenters[i].name[0] &&
            find_contact(&federation->datacenters[i], contact))
            return &federation->datacenters[i];
    return NULL;
}

static void take_answer(struct hs_federation            *federation,
                        struct hs_federation_datacenter *datacenter, const struct answer *answer,
                        struct hs_federation_out *out)
{
    struct hs_federation_round   *round = find_round(datacenter, answer->message->seq);
    struct hs_federation_contact *contact = find_contact(datacenter, answer->sender);

    if (!round) {
        federation->counts.strays++;
        return;
    }
    HS_ASSERT(contact); /* so the datacenter was found */
    contact->known_at_ns = federation->now_ns;
    if (answer->message->seq == round->seq && !round->is_measured) {
        round->is_measured = true;
        measure(datacenter, federation->now_ns - round->sent_at_ns);
    }
    note_answer(federation, datacenter, round, out);
    take_leader(federation, datacenter, &answer->message->leader, out);
    if (answer->message->type == HS_DATAGRAM_XACK) take_body(federation, datacenter, answer);
}

static void take_wrong(struct hs_federation            *federation,
                       struct hs_federation_datacenter *datacenter, const struct hs_node_id *sender,
                       struct hs_federation_out *out)
{
    federation->counts.strays++;
    if (datacenter->wrong_at_ns && federation->now_ns - datacenter->wrong_at_ns < ALERT_AGAIN_NS)
        return;
    datacenter->wrong_at_ns = hs_max_u64(federation->now_ns, 1);
    alert(federation, HS_FEDERATION_WRONG_DATACENTER, datacenter, sender, out);
}

static void begin(struct hs_federation *federation, uint64_t now_ns, struct hs_federation_out *out)
{
    federation->now_ns = now_ns;
    out->send_count = out->change_count = out->alert_count = 0;
}

void hs_federation_receive(struct hs_federation *federation, uint64_t now_ns,
                           const struct hs_node_id *sender, uint64_t incarnation,
                           const struct hs_federation_message *message,
                           struct hs_federation_out           *out)
{
    struct answer                    answer = {sender, incarnation, message};
    struct hs_federation_datacenter *datacenter = datacenter_of(federation, sender);
    int                              named = hs_federation_find(federation, message->datacenter);

    begin(federation, now_ns, out);
    if (message->type == HS_DATAGRAM_DC_LEADER) {
        if (named >= 0)
            take_leader(federation, &federation->datacenters[named], &message->leader, out);
        return;
    }
    if (message->type != HS_DATAGRAM_XACK && message->type != HS_DATAGRAM_XNACK) return;
    if (!datacenter)
        federation->counts.strays++;
    else if (strcmp(datacenter->name, message->datacenter) != 0)
        take_wrong(federation, datacenter, sender, out);
    else
        take_answer(federation, datacenter, &answer, out);
}

/* ---- time ---- */

/* This process did not run, so nothing was heard: no silence of theirs. */
static void forgive(struct hs_federation *federation, uint64_t slept_ns)
{
    for (unsigned i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++) {
        struct hs_federation_datacenter *datacenter = &federation->datacenters[i];

        if (!datacenter->name[0]) continue;
        memset(datacenter->rounds, 0, sizeof datacenter->rounds);
        datacenter->misses = 0;
        if (datacenter->last_ack_ns) datacenter->last_ack_ns += slept_ns;
        if (datacenter->state == HS_REACH_SUSPECTED) datacenter->since_ns += slept_ns;
        datacenter->next_round_ns = federation->now_ns;
    }
}

static bool is_any(const struct hs_federation *federation)
{
    for (unsigned i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++)
        if (federation->datacenters[i].name[0]) return true;
    return false;
}

static void turn(struct hs_federation *federation, struct hs_federation_datacenter *datacenter,
                 struct hs_federation_out *out)
{
    if (!forget_contacts(federation, datacenter)) {
        change(federation, datacenter, HS_REACH_UNKNOWN, out)->is_gone = true;
        *datacenter = (struct hs_federation_datacenter){0};
        return;
    }
    turn_rounds(federation, datacenter, out);
    judge(federation, datacenter, out);
    if (federation->now_ns >= datacenter->next_round_ns) start_round(federation, datacenter, out);
}

void hs_federation_turn(struct hs_federation *federation, uint64_t now_ns,
                        struct hs_federation_out *out)
{
    uint64_t due_ns = hs_federation_deadline_ns(federation);
    bool     has_slept = is_any(federation) && now_ns > due_ns && now_ns - due_ns >= STALL_NS;

    begin(federation, now_ns, out);
    if (has_slept) forgive(federation, now_ns - due_ns);
    for (unsigned i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++)
        if (federation->datacenters[i].name[0]) turn(federation, &federation->datacenters[i], out);
}

static uint64_t deadline_of(const struct hs_federation_datacenter *datacenter)
{
    uint64_t next_ns = datacenter->next_round_ns;

    for (unsigned i = 0; i < HS_FEDERATION_ROUNDS_MAX; i++)
        if (datacenter->rounds[i].seq)
            next_ns = hs_min_u64(next_ns, hs_min_u64(datacenter->rounds[i].retry_at_ns,
                                                     datacenter->rounds[i].deadline_ns));
    if (datacenter->state == HS_REACH_REACHABLE)
        next_ns = hs_min_u64(next_ns, datacenter->last_ack_ns + SILENCE_NS);
    if (datacenter->state == HS_REACH_SUSPECTED)
        next_ns = hs_min_u64(next_ns, end_of_suspicion_ns(datacenter));
    return next_ns;
}

uint64_t hs_federation_deadline_ns(const struct hs_federation *federation)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++)
        if (federation->datacenters[i].name[0])
            next_ns = hs_min_u64(next_ns, deadline_of(&federation->datacenters[i]));
    return next_ns;
}

void hs_federation_init(struct hs_federation *federation, const struct hs_node_id *self,
                        uint64_t seed, uint64_t now_ns)
{
    memset(federation, 0, sizeof *federation);
    federation->self = *self;
    federation->now_ns = now_ns;
    hs_rand_init(&federation->rand, seed);
}
