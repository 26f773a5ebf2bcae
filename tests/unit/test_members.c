// SPDX-License-Identifier: Apache-2.0
/* test_members.c - the member table: the merge rule, who gives way to whom, tombstones, events. */
#include "roles/cluster/members.h"

#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#define S(seconds)     ((uint64_t)(seconds)*HS_NS_PER_S)
#define INC(e, refute) ((uint64_t)(e) << HS_INCARNATION_REFUTE_BITS | (refute))

enum { SELF = 1, BEE = 2, CEE = 3, CAPACITY = HS_MEMBERS_MAX };

static struct hs_members members;
static uint64_t memory[(HS_MEMBERS_MAX * 600 + HS_MEMBERS_EVENTS_MAX * 64 + (1 << 18)) / 8];

static struct hs_node_id id_of(unsigned number)
{
    struct hs_node_id id = {{0}};

    memcpy(id.bytes, &number, sizeof number);
    id.bytes[15] = 7;
    return id;
}

static struct hs_member_facts facts_of(unsigned number)
{
    struct hs_member_facts facts = {.role = HS_IDENTITY_MANAGER, .class = HS_MEMBER_NONVOTER};

    facts.address.family = HS_ADDR_IPV4;
    facts.address.port = 7400;
    memcpy(facts.address.bytes, &number, sizeof number);
    (void)snprintf(facts.name, sizeof facts.name, "n%u", number);
    return facts;
}

static void begin(uint32_t capacity)
{
    struct hs_members_config config = {.self_id = id_of(SELF),
                                       .self_incarnation = INC(1, 0),
                                       .self_facts = facts_of(SELF),
                                       .capacity = capacity,
                                       .seed = 42};

    HS_CHECK(hs_members_bytes(capacity) <= sizeof memory);
    hs_members_init(&members, &config, memory, 0);
}

static struct hs_member *get(unsigned number)
{
    struct hs_node_id id = id_of(number);

    return hs_members_find(&members, &id);
}

static struct hs_claim claim_of(unsigned number, uint64_t incarnation, enum hs_member_status status)
{
    struct hs_claim claim = {.subject = id_of(number),
                             .from = id_of(SELF),
                             .incarnation = incarnation,
                             .status = status,
                             .source = HS_CLAIM_GOSSIP};

    if (status == HS_MEMBER_LEFT) claim.from = claim.subject;
    if (status <= HS_MEMBER_ALIVE) claim.facts = facts_of(number);
    return claim;
}

static enum hs_claim_result tell(uint64_t now_ns, unsigned number, uint64_t incarnation,
                                 enum hs_member_status status)
{
    struct hs_claim claim = claim_of(number, incarnation, status);

    return hs_members_claim(&members, now_ns, &claim, NULL);
}

/* Known and confirmed. */
static enum hs_claim_result join(uint64_t now_ns, unsigned number, uint64_t incarnation)
{
    enum hs_claim_result result = tell(now_ns, number, incarnation, HS_MEMBER_ALIVE);

    if (get(number)) HS_CHECK(hs_members_confirm(&members, now_ns, get(number), incarnation));
    return result;
}

static void drop_events(void)
{
    struct hs_member_event event;

    while (hs_members_next_event(&members, &event)) {
    }
}

/* "dead 5, confirmed 6": what is in the queue, with the last byte of the incarnation. */
static const char *events_text(void)
{
    static char            text[400];
    struct hs_member_event event;
    size_t                 at = 0;

    text[0] = '\0';
    while (hs_members_next_event(&members, &event) && at < sizeof text - 40)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %u", at ? ", " : "",
                               hs_member_event_name(event.type),
                               (unsigned)(event.incarnation & 0xff));
    return text;
}

static void claims_are_ordered_by_incarnation_then_rank(void)
{
    begin(16);
    HS_CHECK_EQ(join(0, BEE, 5), HS_CLAIM_CREATED);
    memset(&members.counts, 0, sizeof members.counts);
    HS_CHECK_EQ(tell(1, BEE, 5, HS_MEMBER_SUSPECT), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(tell(2, BEE, 4, HS_MEMBER_DEAD), HS_CLAIM_STALE);
    HS_CHECK_EQ(tell(3, BEE, 5, HS_MEMBER_ALIVE), HS_CLAIM_DUPLICATE);
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_SUSPECT);
    HS_CHECK_EQ(get(BEE)->incarnation, 5);
    HS_CHECK_EQ(members.counts.results[HS_CLAIM_STALE], 1);
    HS_CHECK_EQ(members.counts.results[HS_CLAIM_DUPLICATE], 1);
    HS_CHECK(hs_members_validate(&members));
}

static void a_refutation_ends_the_suspicion_in_the_same_step(void)
{
    begin(16);
    (void)join(0, BEE, 5);
    (void)tell(7, BEE, 5, HS_MEMBER_SUSPECT);
    HS_CHECK_EQ(get(BEE)->suspicion.started_at_ns, 7);
    HS_CHECK(get(BEE)->suspicion.is_accused_by_self);
    get(BEE)->suspicion.deadline_ns = 99;
    HS_CHECK_EQ(tell(8, BEE, 6, HS_MEMBER_ALIVE), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(get(BEE)->incarnation, 6);
    HS_CHECK_EQ(get(BEE)->suspicion.started_at_ns, 0);
    HS_CHECK(get(BEE)->suspicion.deadline_ns == HS_NEVER_NS);
    HS_CHECK(hs_members_first(&members, HS_MEMBER_SUSPECT) == NULL);
}

static void a_million_claims_about_one_node_make_one_record(void)
{
    struct hs_rand rand;
    uint64_t       highest = 0;

    begin(16);
    hs_rand_init(&rand, 3);
    (void)join(0, BEE, 1);
    for (unsigned i = 0; i < 1000000; i++) {
        uint64_t incarnation = 1 + hs_rand_below(&rand, 900);
        bool     is_suspect = hs_rand_below(&rand, 2);
        uint64_t order = incarnation * 2 + is_suspect;

        (void)tell(i, BEE, incarnation, is_suspect ? HS_MEMBER_SUSPECT : HS_MEMBER_ALIVE);
        highest = order > highest ? order : highest;
    }
    HS_CHECK_EQ(members.count, 2);
    HS_CHECK_EQ(get(BEE)->incarnation * 2 + (get(BEE)->status == HS_MEMBER_SUSPECT), highest);
    HS_CHECK(hs_members_validate(&members));
}

static void nobody_unconfirmed_is_suspected_or_dies(void)
{
    begin(16);
    HS_CHECK_EQ(tell(0, BEE, 9, HS_MEMBER_ALIVE), HS_CLAIM_CREATED);
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_UNCONFIRMED);
    HS_CHECK_EQ(tell(1, BEE, 9, HS_MEMBER_SUSPECT), HS_CLAIM_IGNORED);
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_UNCONFIRMED);
    HS_CHECK_EQ(tell(2, BEE, 9, HS_MEMBER_DEAD), HS_CLAIM_ACCEPTED);
    HS_CHECK(get(BEE) == NULL);
    HS_CHECK_TEXT(events_text(), "");
    /* A configured seed stays, whatever is said of it. */
    (void)tell(3, CEE, 9, HS_MEMBER_ALIVE);
    hs_members_set_seed(&members, get(CEE));
    HS_CHECK_EQ(tell(4, CEE, 9, HS_MEMBER_DEAD), HS_CLAIM_IGNORED);
    HS_CHECK_EQ(get(CEE)->status, HS_MEMBER_UNCONFIRMED);
}

static void a_death_of_nobody_makes_no_record(void)
{
    begin(16);
    HS_CHECK_EQ(tell(0, BEE, 9, HS_MEMBER_DEAD), HS_CLAIM_IGNORED);
    HS_CHECK_EQ(tell(0, BEE, 9, HS_MEMBER_LEFT), HS_CLAIM_IGNORED);
    HS_CHECK_EQ(tell(0, BEE, 9, HS_MEMBER_SUSPECT), HS_CLAIM_IGNORED);
    HS_CHECK_EQ(members.count, 1);
}

static void a_full_table_of_the_living_refuses_newcomers(void)
{
    begin(CAPACITY);
    for (unsigned i = 2; i <= CAPACITY; i++) HS_CHECK_EQ(join(i, i, 1), HS_CLAIM_CREATED);
    drop_events();
    HS_CHECK_EQ(members.count, CAPACITY);
    for (unsigned i = 1; i <= CAPACITY; i++)
        HS_CHECK_EQ(tell(S(100), CAPACITY + i, 1, HS_MEMBER_ALIVE), HS_CLAIM_FULL);
    HS_CHECK_EQ(members.count, CAPACITY);
    HS_CHECK_EQ(members.counts.evicted, 0);
    HS_CHECK_EQ(members.counts.results[HS_CLAIM_FULL], CAPACITY);
    HS_CHECK_EQ(members.live_ring_count, CAPACITY);
    HS_CHECK(hs_members_validate(&members));
}

static void the_long_dead_give_way_oldest_first(void)
{
    unsigned admitted = 0, refused = 0;

    begin(CAPACITY);
    for (unsigned i = 2; i <= CAPACITY; i++) (void)join(0, i, 1);
    for (unsigned i = 0; i < 1000; i++) (void)tell(S(1) + i, 2 + i, 1, HS_MEMBER_DEAD);
    drop_events();
    for (unsigned i = 1; i <= 1200; i++) {
        enum hs_claim_result result = join(S(71), CAPACITY + i, 1);

        admitted += result == HS_CLAIM_CREATED;
        refused += result == HS_CLAIM_FULL;
        if (i == 1) HS_CHECK(get(2) == NULL);
        if (i == 1) HS_CHECK(get(3) != NULL);
    }
    drop_events();
    HS_CHECK_EQ(admitted, 1000);
    HS_CHECK_EQ(refused, 200);
    HS_CHECK_EQ(members.count, CAPACITY);
    HS_CHECK_EQ(members.status_count[HS_MEMBER_DEAD], 0);
    HS_CHECK(hs_members_validate(&members));
    /* The freshly dead do not: their death is still being told. */
    (void)tell(S(80), 5000, 1, HS_MEMBER_DEAD);
    drop_events();
    HS_CHECK_EQ(join(S(90), 30000, 1), HS_CLAIM_FULL);
}

static void a_tombstone_ends_after_an_hour(void)
{
    begin(16);
    (void)join(0, BEE, 5);
    (void)tell(0, BEE, 5, HS_MEMBER_DEAD);
    drop_events();
    for (uint64_t now_s = 0; now_s < 3600; now_s++) hs_members_sweep(&members, S(now_s));
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_DEAD);
    HS_CHECK(get(BEE)->is_forgotten);
    HS_CHECK(hs_members_deadline_ns(&members) <= S(3630));
    hs_members_sweep(&members, S(3630));
    HS_CHECK(get(BEE) == NULL);
    HS_CHECK_EQ(members.counts.tombstones_expired, 1);
    HS_CHECK(hs_members_deadline_ns(&members) == HS_NEVER_NS);
}

static void every_order_of_claims_ends_the_same(void)
{
    static const struct {
        uint64_t              incarnation;
        enum hs_member_status status;
    } said[] = {{5, HS_MEMBER_ALIVE},
                {5, HS_MEMBER_SUSPECT},
                {6, HS_MEMBER_ALIVE},
                {6, HS_MEMBER_SUSPECT},
                {7, HS_MEMBER_ALIVE}};
    unsigned tried = 0;

    for (unsigned code = 0; code < 3125; code++) {
        unsigned used = 0, rest = code;

        for (unsigned i = 0; i < 5; i++, rest /= 5) used |= 1u << rest % 5;
        if (used != 31) continue;
        begin(16);
        (void)join(0, BEE, 4);
        rest = code;
        for (unsigned i = 0; i < 5; i++, rest /= 5)
            (void)tell(i, BEE, said[rest % 5].incarnation, said[rest % 5].status);
        HS_CHECK_EQ(get(BEE)->incarnation, 7);
        HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_ALIVE);
        tried++;
    }
    HS_CHECK_EQ(tried, 120);
}

static void nonsense_is_refused_and_changes_nothing(void)
{
    struct hs_claim claim;

    begin(16);
    (void)join(0, BEE, 5);
    HS_CHECK_EQ(tell(0, CEE, 0, HS_MEMBER_ALIVE), HS_CLAIM_INVALID);
    HS_CHECK_EQ(tell(0, CEE, 1, (enum hs_member_status)9), HS_CLAIM_INVALID);
    claim = claim_of(CEE, 1, HS_MEMBER_ALIVE);
    claim.facts.address.port = 0;
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_INVALID);
    claim = claim_of(CEE, 1, HS_MEMBER_ALIVE);
    claim.facts.role = (enum hs_identity_role)77;
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_INVALID);
    claim = claim_of(CEE, 1, HS_MEMBER_ALIVE);
    memset(&claim.subject, 0, sizeof claim.subject);
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_INVALID);
    /* Who accuses itself, and who is said to have left by somebody else. */
    claim = claim_of(BEE, 5, HS_MEMBER_SUSPECT);
    claim.from = claim.subject;
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_INVALID);
    claim = claim_of(BEE, 5, HS_MEMBER_LEFT);
    claim.from = id_of(CEE);
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_INVALID);
    /* An accuser that nobody knows, or that never answered. */
    claim = claim_of(BEE, 5, HS_MEMBER_SUSPECT);
    claim.from = id_of(CEE);
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_IGNORED);
    (void)tell(0, CEE, 1, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_IGNORED);
    claim = claim_of(SELF, 9, HS_MEMBER_DEAD);
    claim.from = id_of(BEE);
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_SELF);
    HS_CHECK_EQ(get(SELF)->status, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(members.counts.results[HS_CLAIM_INVALID], 7);
}

static void attributes_come_from_the_subject_alone(void)
{
    struct hs_claim claim;

    begin(16);
    (void)join(0, BEE, 5);
    drop_events();
    claim = claim_of(BEE, 6, HS_MEMBER_ALIVE);
    claim.facts.address.port = 9999;
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(get(BEE)->facts.address.port, 7400);
    claim.incarnation = 7;
    claim.is_own_word = true;
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(get(BEE)->facts.address.port, 9999);
    HS_CHECK(hs_members_find_address(&members, &claim.facts.address) == get(BEE));
    HS_CHECK_TEXT(events_text(), "changed 7");
    claim.facts.address.port = 8888; /* without a higher incarnation: no */
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_DUPLICATE);
    HS_CHECK_EQ(get(BEE)->facts.address.port, 9999);
    HS_CHECK(hs_members_validate(&members));
}

static void a_third_party_cannot_move_a_node_far_ahead(void)
{
    struct hs_claim claim;

    begin(16);
    (void)join(0, BEE, INC(3, 2));
    HS_CHECK_EQ(tell(0, BEE, INC(3, 1500), HS_MEMBER_SUSPECT), HS_CLAIM_SUSPICIOUS);
    HS_CHECK_EQ(tell(0, BEE, INC(3 + 86401, 0), HS_MEMBER_ALIVE), HS_CLAIM_SUSPICIOUS);
    HS_CHECK_EQ(get(BEE)->incarnation, INC(3, 2));
    claim = claim_of(BEE, INC(3, 1500), HS_MEMBER_ALIVE);
    claim.is_own_word = true;
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(get(BEE)->incarnation, INC(3, 1500));
}

static void a_second_node_at_an_address_makes_the_first_a_suspect(void)
{
    struct hs_claim claim = claim_of(CEE, 1, HS_MEMBER_ALIVE);

    begin(16);
    (void)join(S(1), BEE, 5);
    claim.facts.address = facts_of(BEE).address;
    (void)hs_members_claim(&members, S(2), &claim, NULL);
    HS_CHECK(hs_members_find_address(&members, &claim.facts.address) == get(BEE));
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK(hs_members_confirm(&members, S(3), get(CEE), 1));
    HS_CHECK_EQ(get(CEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_SUSPECT);
    HS_CHECK(hs_members_find_address(&members, &claim.facts.address) == get(CEE));
    HS_CHECK_EQ(members.counts.address_conflicts, 1);
}

static void twice_the_bound_of_the_unconfirmed_keeps_the_bound(void)
{
    begin(CAPACITY);
    (void)join(0, BEE, 1);
    (void)tell(1, CEE, 1, HS_MEMBER_ALIVE);
    hs_members_set_seed(&members, get(CEE));
    for (unsigned i = 0; i < 2 * HS_MEMBERS_UNCONFIRMED_MAX; i++)
        HS_CHECK_EQ(tell(2 + i, 100 + i, 1, HS_MEMBER_ALIVE), HS_CLAIM_CREATED);
    HS_CHECK_EQ(members.status_count[HS_MEMBER_UNCONFIRMED], HS_MEMBERS_UNCONFIRMED_MAX);
    HS_CHECK_EQ(members.counts.evicted, HS_MEMBERS_UNCONFIRMED_MAX + 1);
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK(get(CEE) != NULL);
    HS_CHECK(hs_members_validate(&members));
}

static void twice_the_bound_of_tombstones_keeps_the_bound(void)
{
    begin(CAPACITY);
    for (unsigned i = 0; i < 2 * HS_MEMBERS_TOMBSTONES_MAX; i++) {
        (void)join(i, 100 + i, 1);
        (void)tell(i, 100 + i, 1, i % 4 ? HS_MEMBER_DEAD : HS_MEMBER_LEFT);
        drop_events();
    }
    HS_CHECK_EQ(members.status_count[HS_MEMBER_DEAD] + members.status_count[HS_MEMBER_LEFT],
                HS_MEMBERS_TOMBSTONES_MAX);
    HS_CHECK_EQ(members.counts.tombstones_dropped, HS_MEMBERS_TOMBSTONES_MAX);
    HS_CHECK(get(100) == NULL);
    HS_CHECK(hs_members_validate(&members));
}

static void no_more_voters_than_nine(void)
{
    begin(64);
    for (unsigned i = 2; i < 2 + 2 * HS_MEMBERS_VOTERS_MAX; i++) {
        struct hs_claim claim = claim_of(i, 1, HS_MEMBER_ALIVE);

        claim.facts.class = HS_MEMBER_VOTER;
        (void)hs_members_claim(&members, 0, &claim, NULL);
    }
    HS_CHECK_EQ(members.voter_count, HS_MEMBERS_VOTERS_MAX);
    HS_CHECK_EQ(get(2)->facts.class, HS_MEMBER_VOTER);
    HS_CHECK_EQ(get(18)->facts.class, HS_MEMBER_NONVOTER);
    HS_CHECK(hs_members_validate(&members));
}

static void a_death_is_told_once(void)
{
    begin(16);
    (void)join(0, BEE, 5);
    drop_events();
    HS_CHECK_EQ(tell(1, BEE, 5, HS_MEMBER_DEAD), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(tell(2, BEE, 5, HS_MEMBER_DEAD), HS_CLAIM_DUPLICATE);
    HS_CHECK_EQ(tell(2, BEE, 5, HS_MEMBER_LEFT), HS_CLAIM_ACCEPTED);
    HS_CHECK_TEXT(events_text(), "dead 5");
    HS_CHECK_EQ(members.counts.deaths[HS_CLAIM_GOSSIP], 1);
}

static void a_return_between_two_deaths_is_told_in_order(void)
{
    begin(16);
    (void)join(0, BEE, 5);
    drop_events();
    (void)tell(1, BEE, 5, HS_MEMBER_DEAD);
    (void)join(2, BEE, 6);
    (void)tell(3, BEE, 6, HS_MEMBER_DEAD);
    HS_CHECK_TEXT(events_text(), "dead 5, confirmed 6, dead 6");
    (void)tell(4, BEE, 7, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_UNCONFIRMED);
    (void)tell(5, BEE, 7, HS_MEMBER_DEAD);
    HS_CHECK_TEXT(events_text(), "dead 7");
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_DEAD);
}

static void an_old_tombstone_from_a_peer_changes_nothing(void)
{
    struct hs_claim claim = claim_of(BEE, 5, HS_MEMBER_DEAD);

    begin(16);
    (void)join(0, BEE, 6);
    drop_events();
    claim.source = HS_CLAIM_PUSH_PULL;
    HS_CHECK_EQ(hs_members_claim(&members, 0, &claim, NULL), HS_CLAIM_STALE);
    HS_CHECK_TEXT(events_text(), "");
}

static void a_newer_life_of_the_dead_is_asked_at_once(void)
{
    begin(16);
    (void)join(0, BEE, 5);
    (void)tell(S(1), BEE, 5, HS_MEMBER_DEAD);
    drop_events();
    HS_CHECK_EQ(tell(S(9), BEE, 5, HS_MEMBER_ALIVE), HS_CLAIM_DUPLICATE);
    HS_CHECK_EQ(tell(S(9), BEE, 6, HS_MEMBER_ALIVE), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_UNCONFIRMED);
    HS_CHECK_EQ(get(BEE)->unconfirmed.next_at_ns, S(9));
    /* An answer of the life that is over proves nothing. */
    HS_CHECK(!hs_members_confirm(&members, S(9), get(BEE), 5));
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_UNCONFIRMED);
    HS_CHECK(hs_members_confirm(&members, S(9), get(BEE), 6));
    HS_CHECK_TEXT(events_text(), "confirmed 6");
}

static void a_full_event_queue_loses_no_death(void)
{
    struct hs_member_event event;
    unsigned               dead = 0, confirmed_after_death = 0, total = 0;

    begin(CAPACITY);
    for (unsigned i = 0; i < HS_MEMBERS_EVENTS_MAX; i++) (void)join(0, 100 + i, 1);
    HS_CHECK(hs_members_is_congested(&members));
    for (unsigned i = 0; i < HS_MEMBERS_EVENTS_MAX; i++) {
        (void)tell(1, 100 + i, 1, HS_MEMBER_DEAD);
        if (i % 2) (void)join(2, 100 + i, 2);
    }
    HS_CHECK_EQ(members.owed_count, HS_MEMBERS_EVENTS_MAX);
    HS_CHECK_EQ(members.status_count[HS_MEMBER_DEAD], HS_MEMBERS_EVENTS_MAX / 2);
    while (hs_members_next_event(&members, &event)) {
        total++;
        if (event.type == HS_MEMBER_EVENT_DEAD) dead += event.incarnation == 1;
        if (event.type == HS_MEMBER_EVENT_CONFIRMED)
            confirmed_after_death += dead && event.incarnation == 2;
    }
    HS_CHECK_EQ(dead, HS_MEMBERS_EVENTS_MAX);
    HS_CHECK_EQ(confirmed_after_death, HS_MEMBERS_EVENTS_MAX / 2);
    HS_CHECK_EQ(total, 2 * HS_MEMBERS_EVENTS_MAX + HS_MEMBERS_EVENTS_MAX / 2);
    HS_CHECK(!hs_members_is_congested(&members));
    HS_CHECK(hs_members_validate(&members));
}

static void the_dead_are_reaped_and_come_back_as_new(void)
{
    begin(16);
    (void)join(0, BEE, 1);
    (void)tell(S(10), BEE, 1, HS_MEMBER_DEAD);
    drop_events();
    get(BEE)->srtt_ns = 5;
    hs_members_sweep(&members, S(309));
    HS_CHECK_TEXT(events_text(), "");
    hs_members_sweep(&members, S(311));
    hs_members_sweep(&members, S(313));
    HS_CHECK_TEXT(events_text(), "forgotten 1");
    HS_CHECK_EQ(get(BEE)->srtt_ns, 0);
    HS_CHECK_EQ(join(S(400), BEE, 2), HS_CLAIM_ACCEPTED);
    HS_CHECK_TEXT(events_text(), "confirmed 2");
    HS_CHECK_EQ((int)get(BEE)->penalty, 0);
}

static void a_restart_clears_the_time_of_reaping(void)
{
    begin(16);
    (void)join(0, BEE, 1);
    (void)tell(S(10), BEE, 1, HS_MEMBER_DEAD);
    (void)join(S(310), BEE, 2);
    drop_events();
    hs_members_sweep(&members, S(310));
    hs_members_sweep(&members, S(900));
    HS_CHECK_TEXT(events_text(), "");
    HS_CHECK_EQ(get(BEE)->status, HS_MEMBER_ALIVE);
}

static void ten_thousand_that_come_and_go_leave_nothing(void)
{
    begin(CAPACITY);
    for (unsigned i = 0; i < 10000; i++) {
        (void)join(S(1), 100 + i, 1);
        (void)tell(S(1) + i, 100 + i, 1, HS_MEMBER_DEAD);
        drop_events();
    }
    hs_members_sweep(&members, S(302));
    drop_events();
    for (struct hs_member *member = hs_members_first(&members, HS_MEMBER_DEAD); member;
         member = hs_members_next(&members, member))
        HS_CHECK(member->is_forgotten);
    hs_members_sweep(&members, S(3602));
    HS_CHECK_EQ(members.count, 1);
    HS_CHECK(hs_members_validate(&members));
}

static void penalty_near(double actual, double expected)
{
    HS_CHECK(actual > expected - 1);
    HS_CHECK(actual < expected + 1);
}

static void coming_and_going_is_damped(void)
{
    begin(16);
    (void)join(0, BEE, 1);
    for (unsigned i = 0; i < 5; i++) {
        (void)tell(S(20 * i), BEE, i + 1, HS_MEMBER_DEAD);
        (void)join(S(20 * i), BEE, i + 2);
        if (i == 3) penalty_near(get(BEE)->penalty, 2924);
        if (i == 3) HS_CHECK(!hs_member_is_damped(get(BEE), S(60)));
    }
    penalty_near(get(BEE)->penalty, 3321);
    HS_CHECK(hs_member_is_damped(get(BEE), S(80)));
}

static void a_quiet_time_ends_the_damping(void)
{
    coming_and_going_is_damped();
    HS_CHECK(hs_member_is_damped(get(BEE), S(80 + 68)));
    HS_CHECK(!hs_member_is_damped(get(BEE), S(80 + 69)));
    /* However bad it was, not for longer than five minutes. */
    for (unsigned i = 0; i < 12; i++) {
        (void)tell(S(200), BEE, 50 + 2 * i, HS_MEMBER_SUSPECT);
        (void)tell(S(200), BEE, 51 + 2 * i, HS_MEMBER_ALIVE);
    }
    penalty_near(get(BEE)->penalty, 6000);
    HS_CHECK(hs_member_is_damped(get(BEE), S(300)));
}

static void random_picks_reach_everybody_that_fits(void)
{
    struct hs_rand rand;
    unsigned       seen[40] = {0};

    begin(64);
    hs_rand_init(&rand, 9);
    for (unsigned i = 2; i < 40; i++) (void)join(0, i, 1);
    (void)tell(1, 17, 1, HS_MEMBER_DEAD);
    for (unsigned i = 0; i < 2000; i++) {
        struct hs_member *member = hs_members_random(&members, &rand, HS_MEMBER_LIVE_MASK);
        unsigned          number;

        memcpy(&number, member->id.bytes, sizeof number);
        seen[number]++;
    }
    HS_CHECK_EQ(seen[SELF], 0);
    HS_CHECK_EQ(seen[17], 0);
    for (unsigned i = 2; i < 40; i++) HS_CHECK(i == 17 || seen[i] > 20);
    HS_CHECK(hs_members_random(&members, &rand, HS_MEMBER_MASK(HS_MEMBER_DEAD)) == get(17));
    HS_CHECK(hs_members_random(&members, &rand, HS_MEMBER_MASK(HS_MEMBER_LEFT)) == NULL);
}

static void any_claims_keep_the_table_whole(void)
{
    struct hs_rand rand;

    begin(300);
    hs_rand_init(&rand, 11);
    for (unsigned i = 0; i < 60000; i++) {
        struct hs_claim claim =
            claim_of(1 + (unsigned)hs_rand_below(&rand, 600), 1 + hs_rand_below(&rand, 40),
                     (enum hs_member_status)hs_rand_below(&rand, 5));
        struct hs_member *member;

        if (hs_rand_below(&rand, 2)) claim.facts = facts_of((unsigned)hs_rand_below(&rand, 300));
        claim.facts.class = (enum hs_member_class)hs_rand_below(&rand, 3);
        claim.is_own_word = hs_rand_below(&rand, 2);
        if (hs_rand_below(&rand, 2)) claim.from = id_of(1 + (unsigned)hs_rand_below(&rand, 600));
        (void)hs_members_claim(&members, S(i), &claim, &member);
        if (member && member != hs_members_self(&members) && hs_rand_below(&rand, 3) == 0)
            (void)hs_members_confirm(&members, S(i), member, claim.incarnation);
        hs_members_sweep(&members, S(i));
        if (i % 50 == 0) drop_events();
        if (i % 10 == 0) HS_CHECK(hs_members_validate(&members));
    }
}

CU_TestInfo hs_tests_members[] = {
    {"1.1 claims are ordered by incarnation, then rank",
     claims_are_ordered_by_incarnation_then_rank},
    {"1.2 a refutation ends the suspicion in the same step",
     a_refutation_ends_the_suspicion_in_the_same_step},
    {"1.3 a million claims about one node make one record",
     a_million_claims_about_one_node_make_one_record},
    {"1.4 7.7 nobody unconfirmed is suspected or dies", nobody_unconfirmed_is_suspected_or_dies},
    {"1.5 a death of nobody makes no record", a_death_of_nobody_makes_no_record},
    {"1.6 a full table of the living refuses newcomers",
     a_full_table_of_the_living_refuses_newcomers},
    {"1.7 the long dead give way, oldest first", the_long_dead_give_way_oldest_first},
    {"1.8 a tombstone ends after an hour", a_tombstone_ends_after_an_hour},
    {"1.9 every order of claims ends the same", every_order_of_claims_ends_the_same},
    {"nonsense is refused and changes nothing", nonsense_is_refused_and_changes_nothing},
    {"attributes come from the subject alone", attributes_come_from_the_subject_alone},
    {"5.6 a third party cannot move a node far ahead", a_third_party_cannot_move_a_node_far_ahead},
    {"a second node at an address makes the first a suspect",
     a_second_node_at_an_address_makes_the_first_a_suspect},
    {"7.6 twice the bound of the unconfirmed keeps the bound",
     twice_the_bound_of_the_unconfirmed_keeps_the_bound},
    {"twice the bound of tombstones keeps the bound",
     twice_the_bound_of_tombstones_keeps_the_bound},
    {"no more voters than nine", no_more_voters_than_nine},
    {"9.2 a death is told once", a_death_is_told_once},
    {"9.3 a return between two deaths is told in order",
     a_return_between_two_deaths_is_told_in_order},
    {"9.6 an old tombstone from a peer changes nothing",
     an_old_tombstone_from_a_peer_changes_nothing},
    {"a newer life of the dead is asked at once", a_newer_life_of_the_dead_is_asked_at_once},
    {"a full event queue loses no death", a_full_event_queue_loses_no_death},
    {"6.7 20.3 the dead are reaped and come back as new", the_dead_are_reaped_and_come_back_as_new},
    {"20.2 a newer life clears the time of reaping", a_restart_clears_the_time_of_reaping},
    {"20.4 ten thousand that come and go leave nothing",
     ten_thousand_that_come_and_go_leave_nothing},
    {"21.1 coming and going is damped", coming_and_going_is_damped},
    {"21.2 a quiet time ends the damping", a_quiet_time_ends_the_damping},
    {"random picks reach everybody that fits", random_picks_reach_everybody_that_fits},
    {"any claims keep the table whole", any_claims_keep_the_table_whole},
    CU_TEST_INFO_NULL,
};
