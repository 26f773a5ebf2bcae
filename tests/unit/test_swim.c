// SPDX-License-Identifier: Apache-2.0
/* test_swim.c - membership.md 2, and the stalls of 3: rounds, helpers, late answers. */
#include "roles/cluster/swim.h"
#include "tests/unit/suites.h"
#include "tests/unit/swim_rig.h"

#define S        HS_NS_PER_S
#define MS       HS_NS_PER_MS
#define START_NS (1000 * S)

static struct swim_rig rig; /* large; each test opens it anew */

/* Up to the first ping of the peer; the others answer. Its moment. */
static uint64_t run_to_ping_of(uint32_t peer)
{
    for (unsigned i = 0; i < 1000000 && !swim_rig_count_of(&rig, HS_SWIM_SEND_PING, peer); i++)
        swim_rig_run(&rig, rig.now_ns + MS);
    return rig.log[rig.log_count - 1].at_ns;
}

static void answered_round_is_one_ping(void)
{
    uint64_t at_ns;

    swim_rig_open(&rig, 5, NULL);
    at_ns = run_to_ping_of(1);
    swim_rig_forget(&rig);
    swim_rig_run(&rig, at_ns + 990 * MS);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_PING), 0);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_PING_REQ), 0);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_ANSWERED), 1);
    HS_CHECK_EQ(rig.swim.health.score, 0);
    HS_CHECK_EQ(swim_rig_peer(&rig, 1)->place.srtt * 1e6f + 0.5f, 5000);
    swim_rig_close(&rig);
}

static void dead_target_is_suspected_after_a_second(void)
{
    uint64_t at_ns;

    swim_rig_open(&rig, 5, NULL);
    rig.is_dead[1] = true;
    at_ns = run_to_ping_of(1);
    swim_rig_forget(&rig);
    swim_rig_run(&rig, at_ns + 1005 * MS);
    HS_CHECK_EQ(swim_rig_count_of(&rig, HS_SWIM_SEND_PING_REQ, 1), 3);
    HS_CHECK_EQ(swim_rig_count_of(&rig, HS_SWIM_ASK_OOB, 1), 1);
    HS_CHECK_EQ(swim_rig_count_of(&rig, HS_SWIM_SEND_PING, 1), 2);
    HS_CHECK(swim_rig_first_ns(&rig, HS_SWIM_SEND_PING_REQ) - at_ns <= 502 * MS);
    HS_CHECK(swim_rig_first_ns(&rig, HS_SWIM_ASK_OOB) - at_ns >= 500 * MS);
    HS_CHECK(swim_rig_first_ns(&rig, HS_SWIM_CLAIM_SUSPECT) - at_ns <= 1002 * MS);
    HS_CHECK_EQ(swim_rig_status(&rig, 1), HS_MEMBER_SUSPECT);
    HS_CHECK_EQ(swim_rig_count_of(&rig, HS_SWIM_SEND_BUDDY, 1), 1);
    HS_CHECK_EQ(rig.swim.health.score, 0); /* all three helpers said that they live */
    swim_rig_close(&rig);
}

static void helper_reaches_it(void)
{
    uint64_t at_ns;

    swim_rig_open(&rig, 5, NULL);
    rig.delay_ns = 10 * MS;
    rig.is_cut[1] = true;
    at_ns = run_to_ping_of(1);
    swim_rig_run(&rig, at_ns + 520 * MS);
    HS_CHECK(rig.swim.probes[rig.swim.round_idx].is_acked);
    swim_rig_run(&rig, at_ns + 30 * S);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_CLAIM_SUSPECT), 0);
    HS_CHECK_EQ(rig.swim.health.score, 0);
    swim_rig_close(&rig);
}

static void multiplier_stretches_round_and_timeout(void)
{
    uint64_t first_ns;

    swim_rig_open(&rig, 5, NULL);
    for (uint32_t peer = 1; peer < 5; peer++) rig.is_dead[peer] = true;
    rig.swim.health.score = 8;
    rig.swim.health.level_since_ns = START_NS; /* so that none is left out yet */
    swim_rig_run(&rig, START_NS + 999 * MS);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_PING), 1);
    first_ns = swim_rig_first_ns(&rig, HS_SWIM_SEND_PING);
    swim_rig_run(&rig, first_ns + 8990 * MS);
    HS_CHECK(swim_rig_first_ns(&rig, HS_SWIM_SEND_PING_REQ) - first_ns >= 4500 * MS);
    HS_CHECK(swim_rig_first_ns(&rig, HS_SWIM_SEND_PING_REQ) - first_ns <= 4502 * MS);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_CLAIM_SUSPECT), 0);
    swim_rig_run(&rig, first_ns + 9002 * MS);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_CLAIM_SUSPECT), 1);
    swim_rig_close(&rig);
}

static void everybody_has_a_turn_in_time(void)
{
    unsigned last_round[5] = {0};
    unsigned round = 0;

    swim_rig_open(&rig, 5, NULL);
    swim_rig_run(&rig, START_NS + 40 * S - 1);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_PING), 40);
    for (uint32_t peer = 1; peer < 5; peer++)
        HS_CHECK_EQ(swim_rig_count_of(&rig, HS_SWIM_SEND_PING, peer), 10);
    for (unsigned i = 0; i < rig.log_count; i++) {
        const struct hs_swim_action *action = &rig.log[i].action;

        if (action->type != HS_SWIM_SEND_PING) continue;
        round++;
        for (uint32_t peer = 1; peer < 5; peer++)
            if (rig.idx[peer] == action->member_idx) {
                HS_CHECK(round - last_round[peer] <= 7);
                last_round[peer] = round;
            }
    }
    swim_rig_close(&rig);
}

static void late_ack_leaves_the_open_round_alone(void)
{
    struct hs_swim_event late = {.type = HS_SWIM_ACK, .incarnation = 5};

    swim_rig_open(&rig, 2, NULL);
    rig.is_dead[1] = true;
    (void)run_to_ping_of(1);
    late.sequence = rig.log[rig.log_count - 1].action.sequence;
    late.sender_idx = rig.idx[1];
    swim_rig_run(&rig, rig.now_ns + 2500 * MS);
    HS_CHECK(rig.swim.round_idx != HS_SWIM_NOBODY);
    swim_rig_step(&rig, &late);
    HS_CHECK(!rig.swim.probes[rig.swim.round_idx].is_acked);
    HS_CHECK_EQ(rig.swim.counts.late_acks, 1);
    HS_CHECK_EQ(swim_rig_peer(&rig, 1)->place.sample_count, 0);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_ANSWERED), 0);
    swim_rig_close(&rig);
}

static void ask_relay(uint32_t requester, uint32_t target, uint32_t sequence)
{
    swim_rig_step(&rig, &(struct hs_swim_event){.type = HS_SWIM_PING_REQ,
                                                .sender_idx = rig.idx[requester],
                                                .member_idx = rig.idx[target],
                                                .sequence = sequence});
}

static void stop_rounds(void)
{
    hs_timer_cancel(&rig.swim.wheel, rig.members.capacity + HS_SWIM_PROBES + HS_PROBE_RELAYS);
}

static void helper_believes_its_own_ping_only(void)
{
    swim_rig_open(&rig, 5, NULL);
    stop_rounds();
    rig.is_dead[1] = true;
    HS_CHECK_EQ(swim_rig_status(&rig, 1), HS_MEMBER_ALIVE);
    ask_relay(2, 1, 4711);
    swim_rig_run(&rig, START_NS + 3 * S);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_IND_ACK), 0);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_NACK), 1);
    HS_CHECK_EQ(swim_rig_first_ns(&rig, HS_SWIM_SEND_NACK), START_NS + 400 * MS);
    HS_CHECK_EQ(rig.log[rig.log_count - 1].action.code, HS_SWIM_NACK_TIMEOUT);
    HS_CHECK_EQ(rig.log[rig.log_count - 1].action.sequence, 4711);
    HS_CHECK_EQ(rig.log[rig.log_count - 1].action.to_idx, rig.idx[2]);
    swim_rig_close(&rig);
}

static void two_requesters_get_their_own_answer(void)
{
    unsigned answers = 0;

    swim_rig_open(&rig, 5, NULL);
    stop_rounds();
    ask_relay(2, 1, 100);
    ask_relay(3, 1, 200);
    swim_rig_run(&rig, START_NS + S);
    for (unsigned i = 0; i < rig.log_count; i++) {
        const struct hs_swim_action *action = &rig.log[i].action;

        if (action->type != HS_SWIM_SEND_IND_ACK) continue;
        answers++;
        HS_CHECK_EQ(action->sequence, action->to_idx == rig.idx[2] ? 100 : 200);
        HS_CHECK_EQ(action->member_idx, rig.idx[1]);
    }
    HS_CHECK_EQ(answers, 2);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_NACK), 0);
    swim_rig_close(&rig);
}

static void answer_after_the_nack_is_still_passed_on(void)
{
    swim_rig_open(&rig, 5, NULL);
    stop_rounds();
    rig.delay_ns = 600 * MS;
    ask_relay(2, 1, 100);
    swim_rig_run(&rig, START_NS + 2 * S);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_NACK), 1);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_IND_ACK), 1);
    swim_rig_close(&rig);
}

static void answer_out_of_band_saves_the_round(void)
{
    swim_rig_open(&rig, 2, NULL);
    rig.is_dead[1] = true;
    rig.has_oob[1] = true;
    swim_rig_run(&rig, START_NS + 11 * S);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_CLAIM_SUSPECT), 0);
    HS_CHECK_EQ(rig.swim.counts.udp_path_bad, rig.swim.counts.rounds - 1);
    HS_CHECK_EQ(rig.swim.health.score, 0);
    swim_rig_close(&rig);
}

static void burst_of_requests_fills_the_slots_and_no_more(void)
{
    swim_rig_open(&rig, 5, NULL);
    stop_rounds();
    rig.is_dead[1] = true;
    for (unsigned i = 0; i < 300; i++) ask_relay(2, 1, i);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_NACK), 44);
    HS_CHECK_EQ(rig.log[rig.log_count - 1].action.code, HS_SWIM_NACK_BUSY);
    HS_CHECK_EQ(rig.swim.counts.relays_refused, 44);
    swim_rig_run(&rig, START_NS + 2 * S);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_NACK), 300);
    swim_rig_forget(&rig);
    ask_relay(2, 1, 7);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_PING), 1);
    swim_rig_close(&rig);
}

static void unknown_and_strained_helpers_say_so_at_once(void)
{
    swim_rig_open(&rig, 5, NULL);
    stop_rounds();
    swim_rig_step(&rig, &(struct hs_swim_event){.type = HS_SWIM_PING_REQ,
                                                .sender_idx = rig.idx[2],
                                                .member_idx = HS_SWIM_NOBODY,
                                                .sequence = 1});
    HS_CHECK_EQ(rig.log[rig.log_count - 1].action.code, HS_SWIM_NACK_UNKNOWN);
    rig.swim.health.level = HS_HEALTH_HEAVY;
    ask_relay(2, 1, 2);
    HS_CHECK_EQ(rig.log[rig.log_count - 1].action.code, HS_SWIM_NACK_BUSY);
    swim_rig_close(&rig);
}

static void ping_for_another_gets_no_answer(void)
{
    struct hs_swim_event ping = {.type = HS_SWIM_PING, .sequence = 9};

    swim_rig_open(&rig, 3, NULL);
    stop_rounds();
    swim_rig_forget(&rig);
    ping.sender_idx = rig.idx[1];
    ping.member_idx = rig.idx[2];
    swim_rig_step(&rig, &ping);
    HS_CHECK_EQ(rig.log_count, 0);
    HS_CHECK_EQ(rig.swim.counts.misdelivered, 1);
    ping.member_idx = rig.idx[0];
    ping.sender_idx = HS_SWIM_NOBODY;
    swim_rig_step(&rig, &ping);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_ACK), 1);
    HS_CHECK_EQ(rig.log[0].action.to_idx, HS_SWIM_NOBODY);
    HS_CHECK_EQ(rig.log[0].action.sequence, 9);
    swim_rig_close(&rig);
}

static void old_life_does_not_answer_for_the_new_one(void)
{
    struct hs_swim_event ack = {.type = HS_SWIM_ACK, .incarnation = 4};

    swim_rig_open(&rig, 2, NULL);
    rig.is_dead[1] = true;
    (void)run_to_ping_of(1);
    ack.sequence = rig.log[rig.log_count - 1].action.sequence;
    ack.sender_idx = rig.idx[1];
    swim_rig_step(&rig, &ack);
    HS_CHECK(!rig.swim.probes[rig.swim.round_idx].is_acked);
    ack.incarnation = 6;
    swim_rig_step(&rig, &ack);
    HS_CHECK(rig.swim.probes[rig.swim.round_idx].is_acked);
    swim_rig_close(&rig);
}

static void refutation_during_the_round_is_no_accusation(void)
{
    struct hs_claim alive = {.incarnation = 6, .status = HS_MEMBER_ALIVE, .is_own_word = true};
    uint64_t        at_ns;

    swim_rig_open(&rig, 3, NULL);
    rig.is_dead[1] = true;
    at_ns = run_to_ping_of(1);
    alive.subject = swim_rig_peer(&rig, 1)->id;
    alive.from = alive.subject;
    HS_CHECK_EQ(hs_members_claim(&rig.members, rig.now_ns, &alive, NULL), HS_CLAIM_ACCEPTED);
    swim_rig_run(&rig, at_ns + 1002 * MS);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_CLAIM_SUSPECT), 0);
    swim_rig_close(&rig);
}

static void only_helpers_that_were_asked_count(void)
{
    struct hs_swim_event  nack = {.type = HS_SWIM_NACK};
    uint32_t              stranger = 0;
    uint64_t              at_ns;
    struct hs_swim_probe *probe;

    swim_rig_open(&rig, 10, NULL);
    rig.is_dead[1] = true;
    at_ns = run_to_ping_of(1);
    for (uint32_t peer = 2; peer < 10; peer++) rig.is_cut[peer] = true;
    rig.delay_ns = 60 * S; /* nobody's answer comes in time */
    swim_rig_run(&rig, at_ns + 600 * MS);
    probe = &rig.swim.probes[rig.swim.round_idx];
    HS_CHECK_EQ(probe->helpers.count, 3);
    nack.sequence = rig.log[rig.log_count - 2].action.sequence;
    nack.member_idx = rig.idx[1];
    for (uint32_t peer = 2; peer < 10; peer++)
        if (rig.idx[peer] != probe->helpers.at[0] && rig.idx[peer] != probe->helpers.at[1] &&
            rig.idx[peer] != probe->helpers.at[2])
            stranger = rig.idx[peer];
    nack.sender_idx = stranger;
    swim_rig_step(&rig, &nack);
    HS_CHECK_EQ(probe->nack_count, 0);
    nack.sender_idx = probe->helpers.at[1];
    swim_rig_step(&rig, &nack);
    swim_rig_step(&rig, &nack);
    HS_CHECK_EQ(probe->nack_count, 1);
    HS_CHECK_EQ(rig.swim.counts.late_acks, 2);
    swim_rig_run(&rig, at_ns + 1005 * MS);
    HS_CHECK_EQ(rig.swim.health.score, 2);
    swim_rig_close(&rig);
}

static struct hs_probe_helpers draw_helpers(uint64_t now_ns)
{
    return hs_probe_order_helpers(&rig.swim.order, &rig.members, &rig.swim.rand, rig.idx[1], 3,
                                  now_ns);
}

static void stressed_members_are_asked_last(void)
{
    swim_rig_open(&rig, 6, NULL);
    swim_rig_peer(&rig, 2)->health_score = 8;
    for (unsigned i = 0; i < 4; i++)
        hs_flap_note(&swim_rig_peer(&rig, 3)->flap, HS_FLAP_FROM_DEAD, START_NS);
    for (unsigned i = 0; i < 100; i++) {
        struct hs_probe_helpers helpers = draw_helpers(START_NS);

        HS_CHECK_EQ(helpers.count, 3);
        HS_CHECK_EQ((helpers.at[0] == rig.idx[4]) + (helpers.at[1] == rig.idx[4]), 1);
        HS_CHECK_EQ((helpers.at[0] == rig.idx[5]) + (helpers.at[1] == rig.idx[5]), 1);
        HS_CHECK(helpers.at[2] == rig.idx[2] || helpers.at[2] == rig.idx[3]);
    }
    swim_rig_close(&rig);
}

static void damping_of_a_helper_ends(void)
{
    swim_rig_open(&rig, 6, NULL);
    swim_rig_peer(&rig, 2)->health_score = 8;
    for (unsigned i = 0; i < 4; i++)
        hs_flap_note(&swim_rig_peer(&rig, 3)->flap, HS_FLAP_FROM_DEAD, START_NS);
    for (unsigned i = 0; i < 100; i++) {
        struct hs_probe_helpers helpers = draw_helpers(START_NS + 300 * S);

        HS_CHECK_EQ(helpers.count, 3);
        for (uint32_t k = 0; k < helpers.count; k++) HS_CHECK(helpers.at[k] != rig.idx[2]);
    }
    swim_rig_close(&rig);
}

static void confirmation_is_one_ping_outside_of_rounds(void)
{
    struct hs_swim_event confirm = {.type = HS_SWIM_CONFIRM};

    swim_rig_open(&rig, 3, NULL);
    stop_rounds();
    confirm.member_idx = rig.idx[1];
    swim_rig_step(&rig, &confirm);
    swim_rig_run(&rig, START_NS + S);
    HS_CHECK_EQ(swim_rig_count_of(&rig, HS_SWIM_ANSWERED, 1), 1);
    rig.is_dead[1] = true;
    for (unsigned i = 0; i < 70; i++) swim_rig_step(&rig, &confirm);
    HS_CHECK_EQ(swim_rig_count_of(&rig, HS_SWIM_SEND_PING, 1), 1 + HS_SWIM_PROBES);
    HS_CHECK_EQ(rig.swim.counts.no_slot, 6);
    swim_rig_run(&rig, START_NS + 5 * S);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_CLAIM_SUSPECT), 0);
    swim_rig_step(&rig, &confirm);
    HS_CHECK_EQ(swim_rig_count_of(&rig, HS_SWIM_SEND_PING, 1), 2 + HS_SWIM_PROBES);
    swim_rig_close(&rig);
}

static void another_at_the_address_is_reported(void)
{
    struct hs_swim_event ack = {.type = HS_SWIM_ACK, .incarnation = 9};

    swim_rig_open(&rig, 3, NULL);
    stop_rounds();
    rig.is_dead[1] = true;
    swim_rig_step(&rig, &(struct hs_swim_event){.type = HS_SWIM_CONFIRM, .member_idx = rig.idx[1]});
    ack.sequence = rig.log[rig.log_count - 1].action.sequence;
    ack.sender_idx = rig.idx[2];
    swim_rig_step(&rig, &ack);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_REPLACED), 1);
    HS_CHECK_EQ(rig.log[rig.log_count - 1].action.to_idx, rig.idx[2]);
    HS_CHECK_EQ(rig.log[rig.log_count - 1].action.member_idx, rig.idx[1]);
    swim_rig_close(&rig);
}

static void no_death_for_time_that_we_did_not_run(void)
{
    swim_rig_open(&rig, 10, NULL);
    rig.is_dead[1] = true; /* so that its own rounds confirm nothing: it is accused by all */
    for (uint32_t peer = 2; peer < 10; peer++) swim_rig_accuse(&rig, 1, peer, 5);
    swim_rig_peer(&rig, 1)->suspicion.deadline_ns = START_NS + 10 * S;
    swim_rig_run(&rig, START_NS + 9 * S);
    HS_CHECK_EQ(swim_rig_status(&rig, 1), HS_MEMBER_SUSPECT);
    swim_rig_forget(&rig);
    swim_rig_pause(&rig, START_NS + 14 * S);
    swim_rig_run(&rig, START_NS + 14 * S);
    HS_CHECK_EQ(rig.swim.health.stall_count, 1);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_CLAIM_DEAD), 0);
    swim_rig_run(&rig, START_NS + 20 * S);
    HS_CHECK_EQ(swim_rig_status(&rig, 1), HS_MEMBER_DEAD);
    HS_CHECK(swim_rig_first_ns(&rig, HS_SWIM_CLAIM_DEAD) >= START_NS + 15 * S);
    swim_rig_close(&rig);
}

/* What lay in the socket is read before the timers have their turn. */
static void one_stop_is_forgiven_once_whatever_waited(void)
{
    struct hs_swim_event ping = {.type = HS_SWIM_PING};
    uint64_t             deadline_ns;

    swim_rig_open(&rig, 10, NULL);
    rig.is_dead[1] = true;
    swim_rig_accuse(&rig, 1, 2, 5);
    swim_rig_run(&rig, START_NS + S / 2);
    deadline_ns = swim_rig_peer(&rig, 1)->suspicion.deadline_ns;
    swim_rig_pause(&rig, START_NS + 5 * S);
    ping.member_idx = rig.idx[0];
    for (uint32_t peer = 2; peer < 10; peer++) {
        ping.sender_idx = rig.idx[peer];
        swim_rig_step(&rig, &ping);
    }
    swim_rig_run(&rig, START_NS + 5 * S);
    HS_CHECK_EQ(rig.swim.health.stall_count, 1);
    HS_CHECK_EQ(rig.swim.health.score, 1);
    HS_CHECK(swim_rig_peer(&rig, 1)->suspicion.deadline_ns > deadline_ns);
    HS_CHECK(swim_rig_peer(&rig, 1)->suspicion.deadline_ns <= deadline_ns + 5 * S);
    swim_rig_close(&rig);
}

static void hundred_suspicions_survive_a_stop_of_thirty_seconds(void)
{
    swim_rig_open(&rig, 110, NULL);
    for (uint32_t peer = 1; peer <= 100; peer++)
        for (uint32_t from = 105; from < 110; from++) swim_rig_accuse(&rig, peer, from, 5);
    swim_rig_run(&rig, START_NS + S);
    HS_CHECK_EQ(rig.members.status_count[HS_MEMBER_SUSPECT], 100);
    swim_rig_pause(&rig, START_NS + 31 * S);
    swim_rig_run(&rig, START_NS + 31 * S);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_CLAIM_DEAD), 0);
    HS_CHECK_EQ(rig.members.status_count[HS_MEMBER_SUSPECT], 100);
    swim_rig_run(&rig, START_NS + 50 * S);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_CLAIM_DEAD), 100);
    swim_rig_close(&rig);
}

static void probing_is_thinned_out_under_strain(void)
{
    swim_rig_open(&rig, 5, NULL);
    rig.swim.health.level = HS_HEALTH_CRITICAL;
    for (unsigned i = 0; i < 40; i++) {
        rig.swim.health.level_since_ns = rig.now_ns; /* it holds */
        swim_rig_run(&rig, START_NS + (i + 1) * S);
    }
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_SEND_PING), 10);
    swim_rig_close(&rig);
}

CU_TestInfo hs_tests_swim[] = {
    {"2.1 answered round is one ping", answered_round_is_one_ping},
    {"2.2 dead target is asked for by three and suspected after a second",
     dead_target_is_suspected_after_a_second},
    {"2.3 my link cut but a helper reaches it: no suspicion", helper_reaches_it},
    {"2.4 multiplier stretches round and timeout", multiplier_stretches_round_and_timeout},
    {"2.5 everybody has a turn in time", everybody_has_a_turn_in_time},
    {"2.6 late ack leaves the open round alone", late_ack_leaves_the_open_round_alone},
    {"2.7 helper believes its own ping only", helper_believes_its_own_ping_only},
    {"2.8 two who ask about one target get their own answer", two_requesters_get_their_own_answer},
    {"2.10 answer out of band saves the round, and is counted", answer_out_of_band_saves_the_round},
    {"2.11 burst of 300 requests fills the slots and no more",
     burst_of_requests_fills_the_slots_and_no_more},
    {"3.4 no death for time that we did not run", no_death_for_time_that_we_did_not_run},
    {"3.4 one stop is forgiven once, whatever waited", one_stop_is_forgiven_once_whatever_waited},
    {"3.5 100 suspicions survive a stop of 30 s",
     hundred_suspicions_survive_a_stop_of_thirty_seconds},
    {"3.6 probing is thinned out under strain", probing_is_thinned_out_under_strain},
    {"2 answer after the nack is still passed on", answer_after_the_nack_is_still_passed_on},
    {"2 unknown and strained helpers say so at once", unknown_and_strained_helpers_say_so_at_once},
    {"2 ping for another gets no answer", ping_for_another_gets_no_answer},
    {"2 old life does not answer for the new one", old_life_does_not_answer_for_the_new_one},
    {"2 refutation during the round is no accusation",
     refutation_during_the_round_is_no_accusation},
    {"2 only helpers that were asked count", only_helpers_that_were_asked_count},
    {"2 stressed members are asked last", stressed_members_are_asked_last},
    {"21 damping of a helper ends", damping_of_a_helper_ends},
    {"7 confirmation is one ping outside of rounds", confirmation_is_one_ping_outside_of_rounds},
    {"7 another at the address is reported", another_at_the_address_is_reported},
    CU_TEST_INFO_NULL};
