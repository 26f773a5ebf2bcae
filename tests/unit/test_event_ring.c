// SPDX-License-Identifier: Apache-2.0
/* test_event_ring.c - events whole, several readers, loss counted. */
#include "shm/event_ring.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdalign.h>

static alignas(64) struct hs_event_ring_shm ring;

static void an_event_comes_out_as_it_went_in(void)
{
    struct hs_event_record  in = {.at_ns = 1, .kind = 2, .number = 3, .about = "engine.0"};
    struct hs_event_record  out;
    struct hs_recent_cursor cursor = {0};

    memset(&ring, 0, sizeof ring);
    strcpy(in.text, "killed by signal 9");
    hs_event_ring_write(&ring, &in);
    HS_CHECK_EQ(hs_event_ring_next(&ring, &cursor, &out), 1);
    HS_CHECK_EQ(out.at_ns, 1);
    HS_CHECK_EQ(out.kind, 2);
    HS_CHECK_EQ(out.number, 3);
    HS_CHECK_TEXT(out.about, "engine.0");
    HS_CHECK_TEXT(out.text, "killed by signal 9");
    HS_CHECK_EQ(hs_event_ring_next(&ring, &cursor, &out), 0);
}

static void a_text_without_an_end_is_given_one(void)
{
    struct hs_event_record  in = {0};
    struct hs_event_record  out;
    struct hs_recent_cursor cursor = {0};

    memset(&ring, 0, sizeof ring);
    memset(in.text, 'y', sizeof in.text);
    memset(in.about, 'z', sizeof in.about);
    hs_event_ring_write(&ring, &in);
    HS_CHECK_EQ(hs_event_ring_next(&ring, &cursor, &out), 1);
    HS_CHECK_EQ(strlen(out.text), HS_EVENT_TEXT_BYTES - 1);
    HS_CHECK_EQ(strlen(out.about), HS_EVENT_ABOUT_BYTES - 1);
    memset(&ring.slots[0].words, 0xff, sizeof ring.slots[0].words); /* by a writer gone mad */
    cursor.at = 0;
    HS_CHECK_EQ(hs_event_ring_next(&ring, &cursor, &out), 1);
    HS_CHECK_EQ(strlen(out.text), HS_EVENT_TEXT_BYTES - 1);
    HS_CHECK_EQ(strlen(out.about), HS_EVENT_ABOUT_BYTES - 1);
}

static void readers_do_not_disturb_one_another(void)
{
    struct hs_event_record  event = {0};
    struct hs_recent_cursor early = {0};
    struct hs_recent_cursor late = {0};

    memset(&ring, 0, sizeof ring);
    for (uint64_t i = 0; i < 2 * HS_EVENT_RING_SLOTS; i++) {
        event.kind = i;
        hs_event_ring_write(&ring, &event);
        HS_CHECK_EQ(hs_event_ring_next(&ring, &early, &event), 1);
        HS_CHECK_EQ(event.kind, i);
    }
    HS_CHECK_EQ(early.lost_count, 0);
    HS_CHECK_EQ(hs_event_ring_next(&ring, &late, &event), 1);
    HS_CHECK_EQ(event.kind, HS_EVENT_RING_SLOTS);
    HS_CHECK_EQ(late.lost_count, HS_EVENT_RING_SLOTS);
}

static void each_process_has_a_ring_of_its_own(void)
{
    static alignas(64) unsigned char body[HS_EVENT_RING_BODY_BYTES];

    HS_CHECK_EQ((unsigned char *)(hs_event_ring_at(body, HS_PROCESSES_MAX - 1) + 1) - body,
                (ptrdiff_t)sizeof body);
    HS_CHECK_EQ((size_t)HS_EVENT_RING_BYTES, hs_recent_bytes(HS_EVENT_RING_SLOTS));
}

CU_TestInfo hs_tests_event_ring[] = {
    {"an event comes out as it went in", an_event_comes_out_as_it_went_in},
    {"a text without an end is given one", a_text_without_an_end_is_given_one},
    {"readers do not disturb one another", readers_do_not_disturb_one_another},
    {"each process has a ring of its own", each_process_has_a_ring_of_its_own},
    CU_TEST_INFO_NULL};
