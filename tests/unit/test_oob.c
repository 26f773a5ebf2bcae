// SPDX-License-Identifier: Apache-2.0
/* test_oob.c - questions past a node's own loop: their bytes, their limits, what is answered. */
#include "roles/cluster/oob_answer.h"
#include "roles/cluster/oob_ask.h"

#include "roles/cluster/datagram.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

#define MS HS_NS_PER_MS
#define S  HS_NS_PER_S

static struct hs_oob_ask ask;

static struct hs_node_id node_of(unsigned number)
{
    struct hs_node_id id = {{0x40}};

    id.bytes[8] = (uint8_t)(number >> 8);
    id.bytes[9] = (uint8_t)number;
    return id;
}

static enum hs_oob_asked ask_of(unsigned number, uint64_t nonce, uint64_t now_ns)
{
    struct hs_node_id id = node_of(number);

    return hs_oob_ask(&ask, now_ns, &id, nonce);
}

static bool is_about(uint64_t nonce, unsigned number, uint64_t now_ns)
{
    struct hs_node_id        id = node_of(number);
    const struct hs_node_id *found = hs_oob_ask_find(&ask, now_ns, nonce);

    return found && hs_node_id_equal(found, &id);
}

static void begin(void)
{
    memset(&ask, 0, sizeof ask);
}

/* ---- bytes */

static struct hs_oob_frame a_frame(enum hs_oob_type type)
{
    struct hs_oob_frame frame = {
        .type = type, .key_version = 3, .nonce = 0x1122334455667788, .target_low = 42};

    if (type == HS_OOB_PONG) {
        frame.incarnation = 9 << 20;
        frame.load = HS_LOAD_STRESSED;
        frame.is_stalled = true;
    }
    return frame;
}

static void a_frame_is_read_as_it_was_written(void)
{
    for (int type = HS_OOB_PING; type <= HS_OOB_PONG; type++) {
        struct hs_oob_frame frame = a_frame((enum hs_oob_type)type);
        struct hs_oob_frame read;
        uint8_t             bytes[HS_OOB_BYTES] = {0};

        hs_oob_put(bytes, &frame);
        HS_CHECK_EQ(hs_oob_get(hs_view_of(bytes, sizeof bytes), &read), 0);
        HS_CHECK_EQ(read.type, frame.type);
        HS_CHECK_EQ(read.key_version, 3);
        HS_CHECK_EQ(read.nonce, frame.nonce);
        HS_CHECK_EQ(read.target_low, 42);
        HS_CHECK_EQ(read.incarnation, frame.incarnation);
        HS_CHECK_EQ(read.load, frame.load);
        HS_CHECK_EQ(read.is_stalled, frame.is_stalled);
    }
    HS_CHECK(HS_OOB_BYTES <= 64);
}

static void a_frame_that_nobody_writes_is_refused(void)
{
    static const struct {
        enum hs_oob_type type;
        unsigned         at;
        uint8_t          byte;
    } wrong[] = {{HS_OOB_PING, 0, 0},
                 {HS_OOB_PING, 2, 2},
                 {HS_OOB_PING, 3, 0},
                 {HS_OOB_PING, 3, 3},
                 {HS_OOB_PING, 4, 0},
                 {HS_OOB_PING, 5, 1},
                 {HS_OOB_PING, 6, 1},
                 {HS_OOB_PING, 7, 1},
                 {HS_OOB_PING, 24, 1},
                 {HS_OOB_PONG, 6, 2},
                 {HS_OOB_PONG, 5, HS_LOAD_COUNT},
                 {HS_OOB_PONG, 26, 0}};

    for (size_t i = 0; i < HS_ARRAY_LEN(wrong); i++) {
        struct hs_oob_frame frame = a_frame(wrong[i].type);
        uint8_t             bytes[HS_OOB_BYTES + 1] = {0};

        hs_oob_put(bytes, &frame);
        HS_CHECK_EQ(hs_oob_get(hs_view_of(bytes, HS_OOB_BYTES), &frame), 0);
        for (size_t count = 0; count <= sizeof bytes; count++)
            if (count != HS_OOB_BYTES)
                HS_CHECK_EQ(hs_oob_get(hs_view_of(bytes, count), &frame), -EMSGSIZE);
        bytes[wrong[i].at] = wrong[i].byte;
        if (wrong[i].at == 26) bytes[25] = bytes[24] = 0;
        HS_CHECK_EQ(hs_oob_get(hs_view_of(bytes, HS_OOB_BYTES), &frame), -EPROTO);
    }
}

static void a_card_is_found_as_it_was_left(void)
{
    static struct hs_oob_card_shm shm;
    struct hs_oob_card            card = {.node = node_of(7), .incarnation = 99, .load = 2};
    struct hs_oob_card            read;

    memset(&shm, 0, sizeof shm);
    HS_CHECK_EQ(hs_oob_card_load(&shm, &read), -ENOENT);
    card.keys = (struct hs_keyring){.count = 3, .used_version = 8};
    for (unsigned i = 0; i < 3; i++) {
        card.keys.at[i].version = (uint8_t)(7 + i);
        memset(card.keys.at[i].bytes, (int)(0x10 + i), HS_KEYRING_KEY_BYTES);
    }
    hs_oob_card_store(&shm, &card);
    HS_CHECK_EQ(hs_oob_card_load(&shm, &read), 0);
    HS_CHECK(hs_node_id_equal(&read.node, &card.node));
    HS_CHECK_EQ(read.incarnation, 99);
    HS_CHECK_EQ(read.load, 2);
    HS_CHECK_EQ(read.keys.count, 3);
    HS_CHECK_EQ(read.keys.used_version, 8);
    for (unsigned i = 0; i < 3; i++) {
        HS_CHECK_EQ(read.keys.at[i].version, 7 + i);
        HS_CHECK_EQ(memcmp(read.keys.at[i].bytes, card.keys.at[i].bytes, HS_KEYRING_KEY_BYTES), 0);
    }
    memset(&shm, 0xff, sizeof shm);
    HS_CHECK_EQ(hs_oob_card_load(&shm, &read), -EPROTO);
}

/* ---- questions */

static void each_answer_completes_its_own_question(void)
{
    begin();
    HS_CHECK_EQ(ask_of(1, 100, S), HS_OOB_ASKED);
    HS_CHECK_EQ(ask_of(1, 101, S + 10 * MS), HS_OOB_ASKED);
    HS_CHECK_EQ(ask_of(2, 102, S + 10 * MS), HS_OOB_ASKED);
    HS_CHECK(is_about(101, 1, S + 20 * MS));
    hs_oob_ask_end(&ask, 101);
    HS_CHECK(!is_about(101, 1, S + 20 * MS));
    HS_CHECK(is_about(100, 1, S + 20 * MS));
    HS_CHECK(is_about(102, 2, S + 20 * MS));
    hs_oob_ask_end(&ask, 100);
    hs_oob_ask_end(&ask, 102);
    HS_CHECK_EQ(ask.counts.answered, 3);
    HS_CHECK_EQ(ask.counts.strays, 1);
}

static void an_answer_to_an_old_question_is_ignored(void)
{
    begin();
    HS_CHECK_EQ(ask_of(1, 100, S), HS_OOB_ASKED);
    HS_CHECK(is_about(100, 1, S + 499 * MS));
    HS_CHECK(!is_about(100, 1, S + 500 * MS));
    HS_CHECK(!is_about(0, 1, S));
    HS_CHECK(!is_about(77, 1, S));
    HS_CHECK_EQ(ask.counts.strays, 3);
    HS_CHECK_EQ(ask_of(2, 101, 2 * S), HS_OOB_ASKED);
    HS_CHECK_EQ(ask.counts.expired, 1);
}

static void of_a_thousand_questions_a_second_a_hundred_leave(void)
{
    begin();
    for (unsigned i = 0; i < 1000; i++) (void)ask_of(i % 500, i + 1, S + i * MS);
    HS_CHECK_EQ(ask.counts.asked, 100);
    HS_CHECK_EQ(ask.counts.refused, 900);
    HS_CHECK_EQ(ask_of(1, 5000, 2 * S), HS_OOB_ASKED);
}

static void one_node_is_asked_about_every_ten_milliseconds_at_most(void)
{
    begin();
    HS_CHECK_EQ(ask_of(1, 1, S), HS_OOB_ASKED);
    HS_CHECK_EQ(ask_of(1, 2, S + 9 * MS), HS_OOB_TOO_SOON);
    HS_CHECK_EQ(ask_of(2, 3, S + 9 * MS), HS_OOB_ASKED);
    HS_CHECK_EQ(ask_of(1, 4, S + 10 * MS), HS_OOB_ASKED);
    HS_CHECK_EQ(ask.counts.refused, 1);
}

static void five_thousand_targets_leave_no_more_than_there_is_room(void)
{
    unsigned used = 0;

    begin();
    for (unsigned i = 0; i < 5000; i++)
        HS_CHECK_EQ(ask_of(i, i + 1, S + i * 20 * MS), HS_OOB_ASKED);
    for (unsigned i = 0; i < HS_OOB_TARGETS_MAX; i++) used += ask.targets[i].asked_at_ns != 0;
    HS_CHECK(used <= 1024);
    HS_CHECK(used >= 900);
    HS_CHECK_EQ(HS_OOB_TARGETS_MAX, 1024);
    HS_CHECK_EQ(ask_of(4999, 6000, S + 4999 * 20 * MS + 5 * MS), HS_OOB_TOO_SOON);
}

static void no_more_than_256_are_under_way(void)
{
    unsigned asked = 0;

    begin();
    ask.window.count = 0;
    for (unsigned i = 0; i < 300; i++) {
        ask.window = (struct hs_oob_window){0}; /* the rate is another test's */
        asked += ask_of(i, i + 1, S) == HS_OOB_ASKED;
    }
    HS_CHECK_EQ(asked, HS_OOB_PENDING_MAX);
    HS_CHECK_EQ(ask_of(999, 5000, S + 500 * MS), HS_OOB_ASKED);
    HS_CHECK_EQ(ask.counts.expired, 256);
}

/* ---- answers */

static void a_loop_that_beats_lives_and_one_that_does_not_is_stalled(void)
{
    struct hs_vitals vitals = {.state = HS_VITALS_READY, .heartbeat_ns = 10 * S};

    HS_CHECK(!hs_oob_is_stalled(&vitals, 10 * S));
    HS_CHECK(!hs_oob_is_stalled(&vitals, 10 * S + 500 * MS));
    HS_CHECK(hs_oob_is_stalled(&vitals, 10 * S + 501 * MS));
    HS_CHECK(!hs_oob_is_stalled(&vitals, 9 * S)); /* it beat while we looked */
    vitals.phase = HS_VITALS_FSYNC;
    HS_CHECK(!hs_oob_is_stalled(&vitals, 14 * S));
    vitals.phase = HS_VITALS_NORMAL;
    vitals.state = HS_VITALS_DRAINING;
    HS_CHECK(!hs_oob_is_stalled(&vitals, 10 * S));
    for (int state = HS_VITALS_EMPTY; state < HS_VITALS_STATE_COUNT; state++) {
        vitals.state = (enum hs_vitals_state)state;
        HS_CHECK_EQ(hs_oob_is_stalled(&vitals, 10 * S),
                    state != HS_VITALS_READY && state != HS_VITALS_DRAINING);
    }
}

static void an_answer_says_what_the_card_says(void)
{
    struct hs_oob_frame question = a_frame(HS_OOB_PING);
    struct hs_oob_card  card = {.node = node_of(1), .incarnation = 5, .load = HS_LOAD_BUSY};
    struct hs_vitals    vitals = {.state = HS_VITALS_READY, .heartbeat_ns = S};
    struct hs_oob_frame said;

    hs_oob_answer(&question, &card, &vitals, S, &said);
    HS_CHECK_EQ(said.type, HS_OOB_PONG);
    HS_CHECK_EQ(said.nonce, question.nonce);
    HS_CHECK_EQ(said.target_low, question.target_low);
    HS_CHECK_EQ(said.key_version, question.key_version);
    HS_CHECK_EQ(said.incarnation, 5);
    HS_CHECK_EQ(said.load, HS_LOAD_BUSY);
    HS_CHECK(!said.is_stalled);
    hs_oob_answer(&question, &card, &vitals, 3 * S, &said);
    HS_CHECK(said.is_stalled);
}

CU_TestInfo hs_tests_oob[] = {
    {"13 a frame is read as it was written", a_frame_is_read_as_it_was_written},
    {"13 a frame that nobody writes is refused", a_frame_that_nobody_writes_is_refused},
    {"13 a card is found as it was left", a_card_is_found_as_it_was_left},
    {"13.3 each answer completes its own question", each_answer_completes_its_own_question},
    {"13.4 an answer to an old question is ignored", an_answer_to_an_old_question_is_ignored},
    {"13.5 of a thousand questions a second a hundred leave",
     of_a_thousand_questions_a_second_a_hundred_leave},
    {"13 one node is asked about every 10 ms at most",
     one_node_is_asked_about_every_ten_milliseconds_at_most},
    {"13.7 five thousand targets leave no more than there is room",
     five_thousand_targets_leave_no_more_than_there_is_room},
    {"13 no more than 256 questions are under way", no_more_than_256_are_under_way},
    {"13 a loop that beats lives, and one that does not is stalled",
     a_loop_that_beats_lives_and_one_that_does_not_is_stalled},
    {"13 an answer says what the card says", an_answer_says_what_the_card_says},
    CU_TEST_INFO_NULL};
