// SPDX-License-Identifier: Apache-2.0
/* test_coordinate.c - places from round trips, the bound of a round trip, and what bad input does.
 */
#include "roles/cluster/coordinate.h"

#include "roles/cluster/members.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <math.h>
#include <stdlib.h>

enum { NODES = 20 };

static struct hs_coordinates     node[NODES];
static struct hs_coordinate_peer peer[NODES][NODES];
static const uint64_t            start_ns = 3600 * HS_NS_PER_S;

static bool is_near(double value, double wanted, double by)
{
    if (fabs(value - wanted) <= by) return true;
    (void)fprintf(stderr, "%g is not %g\n", value, wanted);
    return false;
}

static struct hs_coordinate_peer peer_at(float seconds, float error, uint64_t heard_at_ns)
{
    struct hs_coordinate_peer made = {.received_at_ns = heard_at_ns};

    made.last.at[0] = seconds;
    made.last.error = error;
    return made;
}

/* Regions of 1 ms within; 80 ms to the next, 200 ms to the farthest. */
static uint64_t round_trip_ns(unsigned a, unsigned b)
{
    static const uint64_t ms[3][3] = {{1, 80, 200}, {80, 1, 200}, {200, 200, 1}};

    return ms[a % 3][b % 3] * HS_NS_PER_MS;
}

static void start_nodes(void)
{
    memset(peer, 0, sizeof peer);
    for (unsigned i = 0; i < NODES; i++) hs_coordinates_init(&node[i], 1000 + i);
}

static void exchange(unsigned samples, unsigned first_node)
{
    struct hs_rand rand;

    hs_rand_init(&rand, 17);
    for (unsigned n = 0; n < samples; n++)
        for (unsigned i = first_node; i < NODES; i++) {
            unsigned j = (i + 1 + (unsigned)hs_rand_below(&rand, NODES - 1)) % NODES;
            uint64_t now_ns = start_ns + n * HS_NS_PER_S;

            HS_CHECK(hs_coordinates_hear(&node[i], &peer[i][j], &node[j].own, now_ns));
            hs_coordinates_sample(&node[i], &peer[i][j], round_trip_ns(i, j), now_ns);
        }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void s17_1_places_fit_three_regions(void)
{
    static double errors[NODES * NODES];
    size_t        count = 0;

    start_nodes();
    exchange(60, 0);
    for (unsigned i = 0; i < NODES; i++)
        for (unsigned j = 0; j < NODES; j++) {
            struct hs_coordinate_peer fresh = {0};
            double                    wanted = (double)round_trip_ns(i, j);

            if (i == j) continue;
            HS_CHECK(hs_coordinates_hear(&node[i], &fresh, &node[j].own, start_ns));
            errors[count++] =
                fabs((double)hs_coordinates_estimate_ns(&node[i], &fresh, start_ns) - wanted) /
                wanted;
        }
    qsort(errors, count, sizeof *errors, by_size);
    HS_CHECK(is_near(errors[count / 2], 0, 0.15));
}

static void s17_2_the_bound_from_coordinates_alone(void)
{
    struct hs_coordinate_peer near = peer_at(0.080f, 0.2f, start_ns);
    struct hs_coordinate_peer far = peer_at(0.400f, 1.5f, start_ns);
    struct hs_coordinates    *own = &node[0];

    hs_coordinates_init(own, 1);
    own->own.height = 0;
    HS_CHECK_EQ(hs_coordinates_bound_ns(own, NULL, start_ns), 200 * HS_NS_PER_MS);
    own->own.error = 0.1f;
    HS_CHECK(is_near((double)hs_coordinates_bound_ns(own, &near, start_ns), 104e6, 1e3));
    own->own.error = 1.5f;
    HS_CHECK(is_near((double)hs_coordinates_bound_ns(own, &far, start_ns), 1400e6, 1e3));
    /* what was told more than 300 s ago says nothing */
    HS_CHECK_EQ(hs_coordinates_bound_ns(own, &far, start_ns + 300 * HS_NS_PER_S),
                200 * HS_NS_PER_MS);
}

static void s17_3_the_bound_from_measurements_whatever_the_coordinate_says(void)
{
    struct hs_coordinate_peer far = peer_at(9.0f, 1.5f, start_ns);
    uint64_t                  now_ns = start_ns;

    hs_coordinates_init(&node[0], 1);
    far.sample_count = 3;
    for (int i = 0; i < 3; i++) far.sampled_at_ns[i] = now_ns;
    far.srtt = 0.010f;
    far.rttvar = 0.001f;
    HS_CHECK(is_near((double)hs_coordinates_bound_ns(&node[0], &far, now_ns), 14e6, 1e3));
    now_ns += 61 * HS_NS_PER_S; /* a minute later they are too old */
    HS_CHECK(hs_coordinates_bound_ns(&node[0], &far, now_ns) > HS_NS_PER_S);
}

static void s17_4_a_coordinate_that_is_no_number_changes_nothing(void)
{
    struct hs_coordinate      bad[6];
    struct hs_coordinate_peer before;

    start_nodes();
    exchange(10, 0);
    before = peer[0][1];
    for (int i = 0; i < 6; i++) bad[i] = node[1].own;
    bad[0].at[3] = NAN;
    bad[1].height = INFINITY;
    bad[2].error = -0.1f;
    bad[3].error = 1.6f;
    bad[4].at[0] = 10.5f;
    bad[5].height = -1e-3f;
    for (int i = 0; i < 6; i++) {
        struct hs_coordinate own = node[0].own;

        HS_CHECK(!hs_coordinates_hear(&node[0], &peer[0][1], &bad[i], start_ns));
        HS_CHECK_EQ(node[0].invalid_count, i + 1);
        HS_CHECK(!memcmp(&own, &node[0].own, sizeof own));
    }
    HS_CHECK(!memcmp(&before, &peer[0][1], sizeof before));
}

static void s17_5_an_outlier_among_small_samples_is_not_seen(void)
{
    struct hs_coordinate before;
    float                moved = 0;

    start_nodes();
    for (unsigned i = 0; i < 50; i++) {
        HS_CHECK(hs_coordinates_hear(&node[0], &peer[0][1], &node[1].own, start_ns));
        hs_coordinates_sample(&node[0], &peer[0][1], 2 * HS_NS_PER_MS, start_ns);
    }
    before = node[0].own;
    hs_coordinates_sample(&node[0], &peer[0][1], 9 * HS_NS_PER_S, start_ns);
    for (int i = 0; i < HS_COORDINATE_DIMENSIONS; i++)
        moved = fmaxf(moved, fabsf(node[0].own.at[i] - before.at[i]));
    HS_CHECK(is_near((double)moved, 0, 1e-4));
    HS_CHECK(hs_coordinates_bound_ns(&node[0], &peer[0][1], start_ns) < 4 * HS_NS_PER_MS);
}

static void s17_6_nodes_that_start_in_one_place_do_not_stay_on_a_line(void)
{
    float line[HS_COORDINATE_DIMENSIONS];
    float along = 0;
    float whole = 0;
    float across = 0;

    start_nodes();
    exchange(30, 0);
    for (int k = 0; k < HS_COORDINATE_DIMENSIONS; k++) {
        line[k] = node[1].own.at[k] - node[0].own.at[k];
        whole += line[k] * line[k];
    }
    for (unsigned i = 2; i < NODES; i++) {
        float rest = 0;

        along = 0;
        for (int k = 0; k < HS_COORDINATE_DIMENSIONS; k++)
            along += (node[i].own.at[k] - node[0].own.at[k]) * line[k] / whole;
        for (int k = 0; k < HS_COORDINATE_DIMENSIONS; k++) {
            float off = node[i].own.at[k] - node[0].own.at[k] - along * line[k];

            rest += off * off;
        }
        across = fmaxf(across, sqrtf(rest));
    }
    HS_CHECK(across > 0.010f); /* some node stands 10 ms beside the line through two others */
}

static void s17_7_quality(void)
{
    struct hs_coordinate_peer known = peer_at(0.080f, 0.2f, start_ns); /* error 16 ms */

    hs_coordinates_init(&node[0], 1);
    node[0].own.height = 0;
    known.last.samples = 5;
    HS_CHECK(is_near((double)hs_coordinates_quality(&node[0], &known, start_ns + 600 * HS_NS_PER_S),
                     0.25, 1e-6));
    HS_CHECK(is_near((double)hs_coordinates_quality(&node[0], NULL, start_ns), 0, 0));
    known.last.samples = 100;
    known.last.error = 0.5f; /* 40 ms: twice what is good */
    HS_CHECK(is_near((double)hs_coordinates_quality(&node[0], &known, start_ns), 0.5, 1e-6));
}

/* Places lie in the records of the member table, and go with them. */
static void s17_8_a_hundred_thousand_peers_leave_no_more_places_than_records(void)
{
    enum { CAPACITY = 64, PEERS = 100000 };
    struct hs_members_config config = {
        .self_id = {{1}}, .self_incarnation = 1, .capacity = CAPACITY};
    struct hs_claim   claim = {.incarnation = 1 << 20, .status = HS_MEMBER_ALIVE};
    void             *memory = malloc(hs_members_bytes(CAPACITY));
    struct hs_members members;
    unsigned          left_over = 0;
    unsigned          created = 0;

    HS_CHECK_EQ(hs_addr_parse(&config.self_facts.address, "10.0.0.1", 7400), 0);
    hs_members_init(&members, &config, memory, start_ns);
    claim.facts = config.self_facts;
    claim.facts.role = HS_IDENTITY_MANAGER;
    for (uint32_t i = 0; i < PEERS; i++) {
        struct hs_member *member = NULL;

        memset(&claim.subject, 2, sizeof claim.subject);
        memcpy(claim.subject.bytes, &i, sizeof i);
        claim.from = claim.subject;
        claim.facts.address.port = (uint16_t)(1 + i % 60000);
        if (hs_members_claim(&members, start_ns + i, &claim, &member) != HS_CLAIM_CREATED) continue;
        created++;
        left_over += member->place.sample_count != 0 || member->place.received_at_ns != 0;
        member->place.sample_count = 5;
        member->place.received_at_ns = start_ns;
        HS_CHECK(members.count <= CAPACITY);
    }
    HS_CHECK_EQ(created, PEERS); /* who never answered gives way */
    HS_CHECK_EQ(left_over, 0);
    free(memory);
}

static void s17_9_the_bound_follows_what_is_added_and_falls_back(void)
{
    struct hs_coordinate_peer *one = &peer[0][1];
    uint64_t                   now_ns = start_ns;
    uint64_t                   rest_ns;

    start_nodes();
    for (int i = 0; i < 60; i++, now_ns += HS_NS_PER_S)
        hs_coordinates_sample(&node[0], one, 2 * HS_NS_PER_MS, now_ns);
    rest_ns = hs_coordinates_bound_ns(&node[0], one, now_ns);
    for (int i = 0; i < 10; i++, now_ns += HS_NS_PER_S)
        hs_coordinates_sample(&node[0], one, 102 * HS_NS_PER_MS, now_ns);
    HS_CHECK(hs_coordinates_bound_ns(&node[0], one, now_ns) > 102 * HS_NS_PER_MS);
    for (int i = 0; i < 60; i++, now_ns += HS_NS_PER_S)
        hs_coordinates_sample(&node[0], one, 2 * HS_NS_PER_MS, now_ns);
    HS_CHECK(hs_coordinates_bound_ns(&node[0], one, now_ns) < rest_ns + HS_NS_PER_MS);
}

static void what_is_no_round_trip_is_refused(void)
{
    struct hs_coordinate_peer *one = &peer[0][1];

    start_nodes();
    hs_coordinates_sample(&node[0], one, 0, start_ns);
    hs_coordinates_sample(&node[0], one, 11 * HS_NS_PER_S, start_ns);
    HS_CHECK_EQ(node[0].rejected_count, 2);
    HS_CHECK_EQ(one->sample_count, 0);
}

static void a_place_that_left_the_space_starts_again_at_the_origin(void)
{
    start_nodes();
    node[0].own.at[0] = 9.99f;
    node[0].own.error = 1.5f;
    peer[0][1] = peer_at(9.98f, 0.001f, start_ns);
    for (int i = 0; i < 3; i++)
        hs_coordinates_sample(&node[0], &peer[0][1], 9 * HS_NS_PER_S, start_ns);
    HS_CHECK(node[0].reset_count >= 1);
    HS_CHECK(hs_coordinate_is_valid(&node[0].own));
}

/* Whatever peers say and clocks measure, our own place is always one that may be sent. */
static void lies_never_make_our_own_place_invalid(void)
{
    struct hs_rand rand;

    start_nodes();
    hs_rand_init(&rand, 5);
    for (int i = 0; i < 20000; i++) {
        struct hs_coordinate lie;
        uint32_t             words[sizeof lie / sizeof(uint32_t)];
        uint64_t             rtt_ns = hs_rand_next(&rand) >> hs_rand_below(&rand, 64);

        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            words[k] = (uint32_t)hs_rand_next(&rand);
        memcpy(&lie, words, sizeof lie);
        lie.error = fminf(1.5f, fabsf(lie.error));
        if (hs_rand_below(&rand, 2))
            for (int k = 0; k < HS_COORDINATE_DIMENSIONS; k++)
                lie.at[k] = (float)hs_rand_below(&rand, 20000) / 1000.0f - 10.0f;
        lie.height = lie.adjustment = 0;
        (void)hs_coordinates_hear(&node[0], &peer[0][1], &lie, start_ns);
        hs_coordinates_sample(&node[0], &peer[0][1], rtt_ns, start_ns);
        if (!hs_coordinate_is_valid(&node[0].own)) {
            HS_CHECK(false && "own place is invalid");
            return;
        }
    }
}

CU_TestInfo hs_tests_coordinate[] = {
    {"17.1 places fit three regions", s17_1_places_fit_three_regions},
    {"17.2 the bound from coordinates alone", s17_2_the_bound_from_coordinates_alone},
    {"17.3 the bound from measurements, whatever the coordinate says",
     s17_3_the_bound_from_measurements_whatever_the_coordinate_says},
    {"17.4 a coordinate that is no number changes nothing",
     s17_4_a_coordinate_that_is_no_number_changes_nothing},
    {"17.5 an outlier among small samples is not seen",
     s17_5_an_outlier_among_small_samples_is_not_seen},
    {"17.6 nodes that start in one place do not stay on a line",
     s17_6_nodes_that_start_in_one_place_do_not_stay_on_a_line},
    {"17.7 quality", s17_7_quality},
    {"17.8 a hundred thousand peers leave no more places than records",
     s17_8_a_hundred_thousand_peers_leave_no_more_places_than_records},
    {"17.9 the bound follows what is added, and falls back",
     s17_9_the_bound_follows_what_is_added_and_falls_back},
    {"what is no round trip is refused", what_is_no_round_trip_is_refused},
    {"a place that left the space starts again at the origin",
     a_place_that_left_the_space_starts_again_at_the_origin},
    {"lies never make our own place invalid", lies_never_make_our_own_place_invalid},
    CU_TEST_INFO_NULL,
};
