// SPDX-License-Identifier: Apache-2.0
/* test_admission.c - places for messages under way (guard/admission.h), and the turnstile before
 * them (guard/turnstile.h). */
#include "roles/guard/turnstile.h"
#include "roles/result_code.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

enum { MESSAGES = 5000, SOURCE = 7, OTHER_SOURCE = 8 };
#define BYTES (UINT64_C(1) << 30)
#define T0    (1000 * HS_NS_PER_S)

static struct hs_admission *open_admission(void)
{
    struct hs_admission *admission = calloc(1, sizeof *admission);

    if (!admission) abort();
    hs_admission_init(admission, MESSAGES, BYTES);
    return admission;
}

static bool take(struct hs_admission *admission, enum hs_traffic traffic)
{
    hs_slot slot;

    return hs_admission_take(admission, traffic, SOURCE, &slot);
}

static bool takes_and_gives(struct hs_admission *admission, enum hs_traffic traffic)
{
    hs_slot slot;
    bool    is_taken = hs_admission_take(admission, traffic, SOURCE, &slot);

    hs_admission_give(admission, &slot);
    return is_taken;
}

static void fill(struct hs_admission *admission, uint32_t count)
{
    while (hs_admission_under_way(admission) < count)
        HS_CHECK(take(admission, HS_TRAFFIC_DISPATCH));
}

static void at_85_percent_data_is_refused_and_dispatch_is_not(void)
{
    struct hs_admission *admission = open_admission();

    fill(admission, 4249);
    HS_CHECK(takes_and_gives(admission, HS_TRAFFIC_DATA));
    fill(admission, 4250);
    HS_CHECK(!take(admission, HS_TRAFFIC_DATA));
    HS_CHECK(!take(admission, HS_TRAFFIC_TELEMETRY));
    HS_CHECK(takes_and_gives(admission, HS_TRAFFIC_DISPATCH));
    HS_CHECK(takes_and_gives(admission, HS_TRAFFIC_CONTROL));
    HS_CHECK(takes_and_gives(admission, HS_TRAFFIC_RESULT));
    HS_CHECK_EQ(admission->refused[HS_TRAFFIC_DATA], 1);
    HS_CHECK_EQ(admission->refused[HS_TRAFFIC_TELEMETRY], 1);
    free(admission);
}

static void at_60_percent_telemetry_is_refused_and_data_is_not(void)
{
    struct hs_admission *admission = open_admission();

    fill(admission, 2999);
    HS_CHECK(takes_and_gives(admission, HS_TRAFFIC_TELEMETRY));
    fill(admission, 3000);
    HS_CHECK(!take(admission, HS_TRAFFIC_TELEMETRY));
    HS_CHECK(takes_and_gives(admission, HS_TRAFFIC_DATA));
    free(admission);
}

static void bytes_that_wait_to_be_sent_count_by_the_same_fractions(void)
{
    struct hs_admission *admission = open_admission();

    admission->bytes = BYTES / 100 * 86;
    HS_CHECK(!take(admission, HS_TRAFFIC_DATA));
    HS_CHECK(takes_and_gives(admission, HS_TRAFFIC_DISPATCH));
    admission->bytes = BYTES;
    HS_CHECK(!take(admission, HS_TRAFFIC_DISPATCH));
    HS_CHECK(takes_and_gives(admission, HS_TRAFFIC_CONTROL));
    HS_CHECK(takes_and_gives(admission, HS_TRAFFIC_RESULT));
    admission->bytes = 0;
    HS_CHECK(takes_and_gives(admission, HS_TRAFFIC_TELEMETRY));
    free(admission);
}

static void of_twenty_control_messages_of_one_source_sixteen_run(void)
{
    struct hs_admission *admission = open_admission();
    hs_slot              slots[20];
    hs_slot              other;
    unsigned             in = 0;

    for (unsigned i = 0; i < 20; i++)
        in += hs_admission_take(admission, HS_TRAFFIC_CONTROL, SOURCE, &slots[i]);
    HS_CHECK_EQ(in, 16);
    HS_CHECK(hs_admission_take(admission, HS_TRAFFIC_CONTROL, OTHER_SOURCE, &other));
    for (unsigned i = 0; i < 20; i++) hs_admission_give(admission, &slots[i]);
    HS_CHECK(hs_admission_take(admission, HS_TRAFFIC_CONTROL, SOURCE, &slots[0]));
    free(admission);
}

static void control_has_its_own_places_and_dispatch_takes_none_of_them(void)
{
    struct hs_admission *admission = open_admission();
    unsigned             in = 0;
    hs_slot              slot;

    for (unsigned i = 0; i < 2 * MESSAGES; i++) in += take(admission, HS_TRAFFIC_DISPATCH);
    HS_CHECK_EQ(in, MESSAGES);
    HS_CHECK_EQ(admission->refused[HS_TRAFFIC_DISPATCH], MESSAGES);
    in = 0;
    for (unsigned i = 0; i < 512; i++)
        in += hs_admission_take(admission, HS_TRAFFIC_CONTROL, i, &slot);
    HS_CHECK_EQ(in, HS_ADMISSION_CONTROL_MAX);
    in = 0;
    for (unsigned i = 0; i < 2 * HS_ADMISSION_RESULTS_MAX; i++)
        in += take(admission, HS_TRAFFIC_RESULT);
    HS_CHECK_EQ(in, HS_ADMISSION_RESULTS_MAX);
    HS_CHECK_EQ(admission->high, HS_ADMISSION_SLOTS);
    free(admission);
}

static void a_place_given_back_is_used_again_and_its_old_slot_is_worthless(void)
{
    struct hs_admission *admission = open_admission();
    hs_slot              first, second, none = 0;

    HS_CHECK(hs_admission_take(admission, HS_TRAFFIC_DATA, SOURCE, &first));
    second = first;
    hs_admission_give(admission, &first);
    HS_CHECK_EQ(first, 0);
    hs_admission_give(admission, &first); /* none: nothing happens */
    hs_admission_give(admission, &none);
    HS_CHECK(hs_admission_take(admission, HS_TRAFFIC_DATA, SOURCE, &first));
    HS_CHECK((uint32_t)first == (uint32_t)second);
    HS_CHECK(first != second);
    HS_CHECK_EQ(admission->high, 1);
    HS_CHECK_EQ(hs_admission_under_way(admission), 1);
    free(admission);
}

static void how_full_it_is_says_how_loaded_the_process_is(void)
{
    struct hs_admission *admission = open_admission();

    HS_CHECK_EQ(hs_admission_load(admission), HS_NODE_HEALTHY);
    fill(admission, 3500);
    HS_CHECK_EQ(hs_admission_load(admission), HS_NODE_BUSY);
    fill(admission, 4250);
    HS_CHECK_EQ(hs_admission_load(admission), HS_NODE_DEGRADED);
    fill(admission, 4750);
    HS_CHECK_EQ(hs_admission_load(admission), HS_NODE_OVERLOADED);
    free(admission);
    admission = open_admission();
    admission->bytes = BYTES / 100 * 86;
    HS_CHECK_EQ(hs_admission_load(admission), HS_NODE_DEGRADED);
    free(admission);
}

static void it_warns_once_a_minute_when_it_is_nearly_full(void)
{
    struct hs_admission *admission = open_admission();

    fill(admission, 3999);
    HS_CHECK(!hs_admission_warns(admission, T0));
    fill(admission, 4000);
    HS_CHECK(hs_admission_warns(admission, T0));
    HS_CHECK(!hs_admission_warns(admission, T0 + 59 * HS_NS_PER_S));
    HS_CHECK(hs_admission_warns(admission, T0 + 60 * HS_NS_PER_S));
    free(admission);
}

/* ---- the turnstile ---- */

static struct hs_turnstile *open_turnstile(void)
{
    struct hs_rate_limits limits = {.clients_max = 100, .window_ns = 10 * HS_NS_PER_S};
    struct hs_turnstile  *turnstile = calloc(1, sizeof *turnstile);

    if (turnstile) turnstile->limiter = calloc(1, sizeof *turnstile->limiter);
    if (!turnstile || !turnstile->limiter) abort();
    for (unsigned i = 0; i < HS_RATE_OP_COUNT; i++) limits.max[i] = 50;
    hs_rate_init(turnstile->limiter, &limits, 1, T0);
    hs_admission_init(&turnstile->admission, 10, BYTES);
    return turnstile;
}

static void close_turnstile(struct hs_turnstile *turnstile)
{
    free(turnstile->limiter);
    free(turnstile);
}

static bool enters(struct hs_turnstile *turnstile, struct hs_visitor *visitor, unsigned type,
                   struct hs_msg_refused *refused)
{
    hs_slot slot;
    bool    is_in = hs_turnstile_enter(turnstile, visitor, type, T0, &slot, refused);

    hs_admission_give(&turnstile->admission, &slot);
    return is_in;
}

static void who_asks_too_often_is_told_when_to_come_again(void)
{
    struct hs_turnstile  *turnstile = open_turnstile();
    struct hs_visitor     noisy = {.source = 1, .key = {1}};
    struct hs_visitor     calm = {.source = 2, .key = {2}};
    struct hs_msg_refused refused = {0};
    unsigned              in = 0;

    for (unsigned i = 0; i < 1000; i++) in += enters(turnstile, &noisy, HS_MSG_SUBMIT, &refused);
    HS_CHECK_EQ(in, 50);
    HS_CHECK_EQ(refused.code, HS_RESULT_RATE_LIMITED);
    HS_CHECK_EQ(refused.type, HS_MSG_SUBMIT);
    HS_CHECK_EQ(refused.retry_after_ns, 200 * HS_NS_PER_MS);
    HS_CHECK(refused.text[0] != '\0');
    HS_CHECK_EQ(turnstile->counts.rate_limited, 950);
    HS_CHECK_EQ(turnstile->counts.control, 0);
    HS_CHECK(enters(turnstile, &calm, HS_MSG_SUBMIT, &refused));
    close_turnstile(turnstile);
}

static void the_same_client_on_many_connections_is_one_client(void)
{
    struct hs_turnstile  *turnstile = open_turnstile();
    struct hs_msg_refused refused;
    unsigned              in = 0;

    for (unsigned i = 0; i < 1000; i++) {
        struct hs_visitor visitor = {.source = i, .key = {9}};

        in += enters(turnstile, &visitor, HS_MSG_SUBMIT, &refused);
    }
    HS_CHECK_EQ(in, 50);
    close_turnstile(turnstile);
}

static void a_full_house_is_busy_and_control_comes_in(void)
{
    struct hs_turnstile  *turnstile = open_turnstile();
    struct hs_visitor     client = {.source = 1, .key = {1}};
    struct hs_visitor     manager = {.source = 3, .is_peer = true};
    struct hs_msg_refused refused = {0};
    hs_slot               slots[10];

    for (unsigned i = 0; i < 10; i++)
        HS_CHECK(hs_turnstile_enter(turnstile, &client, HS_MSG_SUBMIT, T0, &slots[i], &refused));
    HS_CHECK(!enters(turnstile, &client, HS_MSG_SUBMIT, &refused));
    HS_CHECK_EQ(refused.code, HS_RESULT_BUSY);
    HS_CHECK(refused.retry_after_ns > 0);
    HS_CHECK(!enters(turnstile, &manager, HS_MSG_DC_PROGRESS, &refused));
    for (unsigned i = 0; i < 100; i++) {
        HS_CHECK(enters(turnstile, &manager, HS_MSG_MHB, &refused));
        HS_CHECK(enters(turnstile, &manager, HS_MSG_DC_RESULTS, &refused));
    }
    HS_CHECK_EQ(turnstile->counts.shed, 2);
    hs_admission_give(&turnstile->admission, &slots[0]);
    HS_CHECK(enters(turnstile, &client, HS_MSG_SUBMIT, &refused));
    close_turnstile(turnstile);
}

static void control_of_a_peer_is_refused_above_its_cap_only(void)
{
    struct hs_turnstile  *turnstile = open_turnstile();
    struct hs_visitor     manager = {.source = 3, .is_peer = true};
    struct hs_visitor     other = {.source = 4, .is_peer = true};
    struct hs_msg_refused refused;
    struct hs_frame       frame = {.type = HS_MSG_MHB};
    unsigned              in = 0;

    for (unsigned i = 0; i < 5000; i++) in += enters(turnstile, &manager, HS_MSG_MHB, &refused);
    HS_CHECK_EQ(in, HS_RATE_PEER_PER_S);
    HS_CHECK_EQ(turnstile->counts.control, 3000);
    HS_CHECK(enters(turnstile, &other, HS_MSG_MHB, &refused));
    HS_CHECK(!hs_turnstile_answers(&manager, &frame)); /* nobody waits: no flood of answers */
    frame.request_id = 5;
    HS_CHECK(hs_turnstile_answers(&manager, &frame));
    close_turnstile(turnstile);
}

CU_TestInfo hs_tests_admission[] = {
    {"T1.1 at 85 % data is refused and dispatch is not",
     at_85_percent_data_is_refused_and_dispatch_is_not},
    {"T1.2 at 60 % telemetry is refused and data is not",
     at_60_percent_telemetry_is_refused_and_data_is_not},
    {"bytes that wait to be sent count by the same fractions",
     bytes_that_wait_to_be_sent_count_by_the_same_fractions},
    {"T1.4 of twenty control messages of one source sixteen run",
     of_twenty_control_messages_of_one_source_sixteen_run},
    {"control has its own places, and dispatch takes none of them",
     control_has_its_own_places_and_dispatch_takes_none_of_them},
    {"a place given back is used again, and its old slot is worthless",
     a_place_given_back_is_used_again_and_its_old_slot_is_worthless},
    {"how full it is says how loaded the process is",
     how_full_it_is_says_how_loaded_the_process_is},
    {"it warns once a minute when it is nearly full",
     it_warns_once_a_minute_when_it_is_nearly_full},
    {"who asks too often is told when to come again",
     who_asks_too_often_is_told_when_to_come_again},
    {"T4.4 the same client on many connections is one client",
     the_same_client_on_many_connections_is_one_client},
    {"T1.8 a full house is busy, and control comes in", a_full_house_is_busy_and_control_comes_in},
    {"SEC-61 control of a peer is refused above its cap only",
     control_of_a_peer_is_refused_above_its_cap_only},
    CU_TEST_INFO_NULL};
