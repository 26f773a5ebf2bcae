// SPDX-License-Identifier: Apache-2.0
/* test_sim_ring.c - what the membership promises, in rings of 3 to 1,000 members under virtual
 * time, and beside memberlist (Serf's defaults) with the same seeds. `test_sim_ring PERCENT` runs
 * that share of the full measure: 10 is the slice that every change runs, 1000 the long one. */
#include "tests/check.h"
#include "tests/sim/sim_figures.h"
#include "tests/sim/sim_pair.h"

#include <stdlib.h>

static uint32_t percent = 10;

static const struct sim_profile serf = {.name = "Serf",
                                        .period_ns = HS_NS_PER_S,
                                        .timeout_floor_ns = HS_NS_PER_S / 2,
                                        .helpers = 3,
                                        .suspicion_multiplier = 4,
                                        .suspicion_max_factor = 6,
                                        .suspicion_confirmers = 2,
                                        .gossip_tick_ns = HS_NS_PER_S / 5,
                                        .gossip_fan_out = 3,
                                        .push_pull_ns = 30 * HS_NS_PER_S};

/* The two, alike but for the rule; both also ask past the datagrams: memberlist by stream, ours out
 * of band, which is taken to come through as rarely. */
static const struct sim_case rules[] = {
    {.rule = &sim_rule_membership},
    {.rule = &sim_rule_memberlist, .profile = &serf},
};
enum { OURS, THEIRS, RULES };

static uint32_t share(uint32_t full)
{
    uint64_t seeds = (uint64_t)full * percent / 100;

    return seeds ? (uint32_t)seeds : 1;
}

static struct sim_case ring_of(unsigned rule, uint32_t count, uint32_t seeds)
{
    struct sim_case c = rules[rule];

    c.count = count;
    c.seeds = seeds;
    return c;
}

/* ---- figures */

static void crashes_are_known_to_all_in_time(void)
{
    static const struct {
        uint32_t count;
        uint32_t seeds;
    } rings[] = {{16, 1000}, {100, 100}, {1000, 10}};

    printf("\n  crash: seconds to the first and to the last survivor that knows (p50 p99)\n");
    for (unsigned i = 0; i < 3; i++) {
        struct sim_detection seen[RULES];

        for (unsigned rule = 0; rule < RULES; rule++) {
            struct sim_case c = ring_of(rule, rings[i].count, share(rings[i].seeds));

            seen[rule] = sim_measure_crash(&c);
            printf("  %4u members %4u seeds %-10s  first %5.2f %5.2f  last %5.2f %5.2f  worst "
                   "%5.2f\n",
                   c.count, c.seeds, c.rule->name, seen[rule].first_p50, seen[rule].first_p99,
                   seen[rule].last_p50, seen[rule].last_p99, seen[rule].last_max);
            HS_CHECK_EQ(seen[rule].missed, 0);
        }
        HS_CHECK(seen[OURS].last_p50 < seen[THEIRS].last_p50);
        if (rings[i].count != 16) continue;
        HS_CHECK(seen[OURS].last_p50 <= 8);
        HS_CHECK(seen[OURS].last_p99 <= 11);
    }
}

static void loss_accuses_but_kills_nobody(void)
{
    static const double losses[] = {0, 0.05, 0.1, 0.2};

    printf("\n  16 members, no fault but loss: false accusations per member and hour, deaths\n");
    for (unsigned i = 0; i < 4; i++)
        for (unsigned rule = 0; rule < RULES; rule++) {
            struct sim_case c = ring_of(rule, 16, 4);
            struct sim_calm calm;

            c.loss = losses[i];
            calm = sim_measure_calm(&c, 5.625 * share(1000), SIM_STRAIN_NONE);
            printf("  loss %2.0f %% %-10s %6.1f member-hours  %6.2f accusations %3" PRIu64
                   " deaths  %5.0f B/s %4.1f datagrams/s\n",
                   c.loss * 100, c.rule->name, calm.member_hours, calm.accusations_per_hour,
                   calm.false_deaths, calm.bytes_per_s, calm.datagrams_per_s);
            if (rule == OURS && c.loss < 0.15) HS_CHECK_EQ(calm.false_deaths, 0);
            if (rule == OURS && c.loss <= 0) HS_CHECK_EQ((int)calm.accusations_per_hour, 0);
        }
}

static void member_that_stands_still_is_not_buried_and_buries_nobody(void)
{
    static const char *names[] = {
        [SIM_STRAIN_PAUSED] = "3 s of every 20",
        [SIM_STRAIN_STARVED] = "slices of CPU",
    };

    printf("\n  10 members, one stands still: false accusations per member and hour, deaths\n");
    for (enum sim_strain strain = SIM_STRAIN_PAUSED; strain <= SIM_STRAIN_STARVED; strain++)
        for (unsigned rule = 0; rule < RULES; rule++) {
            struct sim_case c = ring_of(rule, 10, 4);
            struct sim_calm calm = sim_measure_calm(&c, 36 * share(1000) / 4.0, strain);

            printf("  %-15s %-10s %6.1f member-hours  %6.2f accusations %3" PRIu64
                   " deaths of others, %3" PRIu64 " of it\n",
                   names[strain], c.rule->name, calm.member_hours, calm.accusations_per_hour,
                   calm.false_deaths, calm.deaths_of_paused);
            if (rule != OURS) continue;
            HS_CHECK_EQ(calm.false_deaths, 0);
            HS_CHECK_EQ(calm.deaths_of_paused, 0);
        }
}

static void halves_find_each_other(void)
{
    printf("\n  half cut from half for a minute: seconds until all hold all for alive again\n");
    for (unsigned rule = 0; rule < RULES; rule++) {
        struct sim_case c = ring_of(rule, 16, share(200));
        double          p50;
        double          worst;

        sim_measure_healing(&c, &p50, &worst);
        printf("  16 members %3u seeds %-10s p50 %5.2f worst %5.2f\n", c.seeds, c.rule->name, p50,
               worst);
        if (rule == OURS) HS_CHECK(worst < 120);
    }
}

static void idle_ring_is_cheap(void)
{
    printf("\n  100 members, nothing happens\n");
    for (unsigned rule = 0; rule < RULES; rule++) {
        struct sim_case c = ring_of(rule, 100, 1);
        struct sim_calm calm = sim_measure_calm(&c, 60, SIM_STRAIN_NONE);

        printf("  %-10s %6.0f B/s %5.1f datagrams/s a member\n", c.rule->name, calm.bytes_per_s,
               calm.datagrams_per_s);
        if (rule == OURS) HS_CHECK(calm.bytes_per_s < 20000);
    }
}

/* ---- scenarios */

static void cut_off(struct sim_ring *ring, uint32_t member, bool is_cut)
{
    for (uint32_t other = 0; other < ring->config.count; other++) {
        if (other == member) continue;
        sim_ring_cut(ring, member, other, is_cut);
        sim_ring_cut(ring, other, member, is_cut);
    }
}

/* Seconds until none of those who are up, but it, holds it for alive. */
static double wait_missed(struct sim_ring *ring, uint32_t victim)
{
    uint64_t begin_ns = ring->now_ns;
    uint32_t believers;

    do {
        sim_ring_run(ring, ring->now_ns + HS_NS_PER_S / 4);
        believers = 0;
        for (uint32_t i = 0; i < ring->config.count; i++)
            believers += i != victim && sim_ring_is_up(ring, i) &&
                         ring->config.rule->is_known_alive(sim_ring_self(ring, i), victim);
    } while (believers && ring->now_ns < begin_ns + 200 * HS_NS_PER_S);
    return (double)(ring->now_ns - begin_ns) * 1e-9;
}

/* The worst of six; adds all of them to the sum. */
static double worst_of_losses(uint64_t seed, double *sum)
{
    struct sim_case  c = {.rule = &sim_rule_gates, .count = 3, .seeds = 1};
    struct sim_ring *ring = sim_case_open(&c, seed);
    double           worst = 0;

    sim_ring_run(ring, ring->now_ns + 10 * HS_NS_PER_S);
    for (uint32_t i = 0; i < 6; i++) {
        double seconds;

        cut_off(ring, i % 3, true);
        seconds = wait_missed(ring, i % 3);
        worst = seconds > worst ? seconds : worst;
        *sum += seconds;
        cut_off(ring, i % 3, false);
        for (uint32_t k = 0; k < 1200 && !sim_ring_is_converged(ring); k++)
            sim_ring_run(ring, ring->now_ns + HS_NS_PER_S / 4);
        HS_CHECK(sim_ring_is_converged(ring));
    }
    sim_ring_close(ring);
    return worst;
}

/* Who was alone a moment ago trusts itself like the others. */
static void gates_lost_one_after_another_are_missed_in_time(void)
{
    double worst = 0;
    double sum = 0;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        double seconds = worst_of_losses(seed, &sum);

        worst = seconds > worst ? seconds : worst;
    }
    printf("\n  3 gates, one after another cut off and back: missed after %.1f s, at most %.1f s\n",
           sum / 120, worst);
    HS_CHECK(sum / 120 <= 20);
    HS_CHECK(worst <= 45);
}

static double last_of_two(uint64_t seed, uint64_t gap_s)
{
    struct sim_case  c = {.rule = &sim_rule_gates, .count = 3, .seeds = 1};
    struct sim_ring *ring = sim_case_open(&c, seed);
    uint64_t         crash_ns;
    double           seconds;

    sim_ring_run(ring, ring->now_ns + (100 + seed) * HS_NS_PER_S / 10);
    sim_ring_crash(ring, 1);
    sim_ring_run(ring, ring->now_ns + gap_s * HS_NS_PER_S);
    crash_ns = ring->now_ns;
    sim_ring_crash(ring, 2);
    (void)wait_missed(ring, 1);
    (void)wait_missed(ring, 2);
    seconds = (double)(ring->now_ns - crash_ns) * 1e-9;
    sim_ring_close(ring);
    return seconds;
}

static void last_gate_misses_both_others_in_time(void)
{
    double worst = 0;

    for (uint64_t seed = 1; seed <= 20; seed++)
        for (uint64_t gap_s = 0; gap_s <= 16; gap_s += 4) {
            double seconds = last_of_two(seed, gap_s);

            worst = seconds > worst ? seconds : worst;
        }
    printf("\n  two of 3 gates crash, 0 to 16 s apart: both missed after %.1f s at most\n", worst);
    HS_CHECK(worst <= 35);
}

/* Local health has a say where nobody can confirm: in rings of two and three. */
static void rings_too_small_to_confirm_bury_nobody(void)
{
    for (uint32_t count = 2; count <= 3; count++)
        for (unsigned i = 0; i < 2; i++) {
            struct sim_case c = ring_of(OURS, count, 4);

            if (i == 1) c.rule = &sim_rule_gates;
            c.loss = 0.1;
            for (enum sim_strain strain = SIM_STRAIN_NONE; strain <= SIM_STRAIN_STARVED; strain++) {
                struct sim_calm calm = sim_measure_calm(&c, 6 * share(1000), strain);

                HS_CHECK_EQ(calm.false_deaths, 0);
                HS_CHECK_EQ(calm.deaths_of_paused, 0);
            }
        }
}

static void lossy_ring_refutes_all(void)
{
    struct sim_case  c = ring_of(OURS, 10, 1);
    struct sim_ring *ring;

    c.loss = 0.05;
    ring = sim_case_open(&c, 49);
    sim_ring_run(ring, ring->now_ns + share(240) * 360 * HS_NS_PER_S);
    HS_CHECK_EQ(ring->figures.false_deaths, 0);
    ring->config.loss = 0.2; /* so that there is something to refute */
    sim_ring_run(ring, ring->now_ns + 600 * HS_NS_PER_S);
    HS_CHECK(ring->figures.accusations > 0);
    HS_CHECK_EQ(ring->figures.false_deaths, 0);
    HS_CHECK_EQ(ring->figures.false_death_views, 0);
    ring->config.loss = 0;
    sim_ring_run(ring, ring->now_ns + 60 * HS_NS_PER_S);
    HS_CHECK(sim_ring_is_converged(ring));
    sim_ring_close(ring);
}

static void paused_member_lives(void)
{
    struct sim_case c = ring_of(OURS, 10, 1);
    struct sim_calm calm = sim_measure_calm(&c, 3600, SIM_STRAIN_PAUSED);

    HS_CHECK_EQ(calm.false_deaths, 0);
    HS_CHECK_EQ(calm.deaths_of_paused, 0);
}

static void ring_of_five_knows_in_ten_seconds(void)
{
    struct sim_case      c = ring_of(OURS, 5, share(1000));
    struct sim_detection seen = sim_measure_crash(&c);

    HS_CHECK_EQ(seen.missed, 0);
    HS_CHECK(seen.last_p99 <= 10);
}

static void hundred_members_with_pauses(void)
{
    struct sim_case  c = ring_of(OURS, 100, 1);
    struct sim_ring *ring;
    struct hs_rand   rand;
    uint64_t         first_ns;
    uint64_t         last_ns;
    uint64_t         crash_ns;

    c.loss = 0.01;
    ring = sim_case_open(&c, 1);
    hs_rand_init(&rand, 1);
    for (uint32_t i = 0; i < share(600); i++) {
        uint32_t member = (uint32_t)hs_rand_below(&rand, 100);

        sim_ring_pause(ring, member, hs_rand_below(&rand, 2000) * HS_NS_PER_MS);
        sim_ring_run(ring, ring->now_ns + 6 * HS_NS_PER_S);
    }
    HS_CHECK_EQ(ring->figures.false_deaths, 0);
    HS_CHECK_EQ(ring->figures.deaths_of_paused, 0);
    crash_ns = ring->now_ns;
    sim_ring_crash(ring, 42);
    sim_ring_run(ring, ring->now_ns + 60 * HS_NS_PER_S);
    sim_ring_detection(ring, 42, crash_ns, &first_ns, &last_ns);
    HS_CHECK(last_ns < 60 * HS_NS_PER_S);
    sim_ring_close(ring);
}

static void split_of_ten_minutes_heals(void)
{
    struct sim_case  c = ring_of(OURS, 5, 1);
    struct sim_ring *ring = sim_case_open(&c, 66);

    sim_ring_run(ring, ring->now_ns + 10 * HS_NS_PER_S);
    HS_CHECK(sim_ring_is_converged(ring));
    sim_ring_partition(ring, 3);
    sim_ring_run(ring, ring->now_ns + 600 * HS_NS_PER_S);
    HS_CHECK(!sim_ring_is_converged(ring));
    sim_ring_partition(ring, 0);
    sim_ring_run(ring, ring->now_ns + 120 * HS_NS_PER_S);
    HS_CHECK(sim_ring_is_converged(ring));
    sim_ring_close(ring);
}

static void path_cut_one_way_kills_nobody(void)
{
    struct sim_case  c = ring_of(OURS, 16, 1);
    struct sim_ring *ring = sim_case_open(&c, 23);

    for (uint32_t to = 1; to < 9; to++) sim_ring_cut(ring, 0, to, true);
    sim_ring_run(ring, ring->now_ns + 600 * HS_NS_PER_S);
    HS_CHECK_EQ(ring->figures.false_deaths, 0);
    HS_CHECK(sim_ring_is_converged(ring));
    sim_ring_close(ring);
}

static void clock_that_jumps_kills_nobody(void)
{
    struct sim_case  c = ring_of(OURS, 10, 1);
    struct sim_ring *ring = sim_case_open(&c, 31);

    c.loss = 0.05;
    for (unsigned i = 0; i < 20; i++) {
        sim_ring_run(ring, ring->now_ns + 7 * HS_NS_PER_S);
        sim_ring_step_clock(ring, i % 10, (i % 2 ? 3600 : 2) * HS_NS_PER_S);
    }
    sim_ring_run(ring, ring->now_ns + 30 * HS_NS_PER_S);
    HS_CHECK_EQ(ring->figures.false_deaths, 0);
    HS_CHECK(sim_ring_is_converged(ring));
    sim_ring_close(ring);
}

static void ring_of_hundred_agrees_after_crashes(void)
{
    struct sim_case  c = ring_of(OURS, 100, 1);
    struct sim_ring *ring = sim_case_open(&c, 14);

    for (uint32_t member = 10; member < 30; member++) sim_ring_crash(ring, member);
    sim_ring_run(ring, ring->now_ns + 60 * HS_NS_PER_S);
    HS_CHECK(sim_ring_is_converged(ring));
    HS_CHECK_EQ(ring->figures.false_deaths, 0);
    sim_ring_close(ring);
}

/* Eight whole members know ten thousand; the others only answer. */
static void ten_thousand_stay_inside_the_bounds(void)
{
    struct sim_case  c = ring_of(OURS, 10000, 1);
    struct sim_ring *ring;
    uint32_t         found = 0;

    c.whole_count = 8;
    ring = sim_case_open(&c, 10);
    sim_ring_run(ring, ring->now_ns + 20 * HS_NS_PER_S);
    HS_CHECK_EQ(ring->figures.false_accusations, 0);
    for (uint32_t member = 5000; member < 6000; member++) sim_ring_crash(ring, member);
    sim_ring_run(ring, ring->now_ns + 100 * HS_NS_PER_S);
    for (uint32_t member = 0; member < c.whole_count; member++) {
        const struct hs_membership *membership = sim_membership_of(ring, member);

        HS_CHECK_EQ(membership->members.count, 10000);
        found += membership->members.status_count[HS_MEMBER_SUSPECT] +
                 membership->members.status_count[HS_MEMBER_DEAD];
        HS_CHECK(membership->gossip.update_count <= HS_GOSSIP_UPDATES_MAX);
        HS_CHECK(membership->gossip.health_count <= HS_GOSSIP_HEALTHS_MAX);
        HS_CHECK(hs_members_validate(&membership->members));
    }
    HS_CHECK(found > 50); /* of 1,600 probes a tenth went to the crashed */
    HS_CHECK_EQ(ring->figures.false_deaths, 0);
    printf("\n  8 of 10,000 members: %.0f B/s %.1f datagrams/s each\n",
           (double)ring->figures.bytes / 120 / 8, (double)ring->figures.datagrams / 120 / 8);
    sim_ring_close(ring);
}

static void same_seed_is_the_same_run(void)
{
    struct sim_case         c = ring_of(OURS, 16, 1);
    struct sim_ring_figures seen[3];

    c.loss = 0.1;
    for (unsigned i = 0; i < 3; i++) {
        struct sim_ring *ring = sim_case_open(&c, i < 2 ? 5 : 6);

        sim_ring_run(ring, ring->now_ns + 120 * HS_NS_PER_S);
        seen[i] = ring->figures;
        sim_ring_close(ring);
    }
    HS_CHECK(memcmp(&seen[0], &seen[1], sizeof seen[0]) == 0);
    HS_CHECK(memcmp(&seen[0], &seen[2], sizeof seen[0]) != 0);
}

static CU_TestInfo tests[] = {
    {"same seed is the same run", same_seed_is_the_same_run},
    {"4.9 lossy ring refutes every accusation", lossy_ring_refutes_all},
    {"4.10 member paused 3 s of every 20 lives", paused_member_lives},
    {"4.11 ring of five knows of a crash in ten seconds", ring_of_five_knows_in_ten_seconds},
    {"6.6 split of ten minutes heals", split_of_ten_minutes_heals},
    {"A.1 hundred members with loss and pauses lose nobody", hundred_members_with_pauses},
    {"A.4 ring of a hundred agrees after twenty crashes", ring_of_hundred_agrees_after_crashes},
    {"path cut one way kills nobody", path_cut_one_way_kills_nobody},
    {"BAD-15 clock that jumps kills nobody", clock_that_jumps_kills_nobody},
    {"ten thousand members stay inside the bounds", ten_thousand_stay_inside_the_bounds},
    {"crashes are known to all in time, sooner than with memberlist",
     crashes_are_known_to_all_in_time},
    {"loss accuses but kills nobody", loss_accuses_but_kills_nobody},
    {"member that stands still is not buried and buries nobody",
     member_that_stands_still_is_not_buried_and_buries_nobody},
    {"gates lost one after another are missed in time",
     gates_lost_one_after_another_are_missed_in_time},
    {"last gate misses both others in time", last_gate_misses_both_others_in_time},
    {"rings too small to confirm bury nobody", rings_too_small_to_confirm_bury_nobody},
    {"halves find each other again", halves_find_each_other},
    {"idle ring is cheap", idle_ring_is_cheap},
    CU_TEST_INFO_NULL};

int main(int argc, char **argv)
{
    if (argc > 1) percent = (uint32_t)strtoul(argv[1], NULL, 10);
    return sim_run_tests("ring", tests);
}
