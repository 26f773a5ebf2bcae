// SPDX-License-Identifier: Apache-2.0
/* test_outgoing.c - the order in which frames leave a connection (ipc/outgoing.h). */
#include "ipc/outgoing.h"
#include "shm/base/limits.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <string.h>

enum { BODY_BYTES = 24, FRAME_BYTES = HS_FRAME_HEADER_BYTES + BODY_BYTES };

static void put(struct hs_outgoing *outgoing, enum hs_rank rank, uint64_t id, size_t body_bytes)
{
    size_t          bytes = HS_FRAME_HEADER_BYTES + body_bytes;
    uint8_t        *room = hs_outgoing_reserve(outgoing, rank, bytes);
    struct hs_frame frame = {.type = (uint16_t)(rank + 1), .version = 1, .request_id = id};

    HS_CHECK(room != NULL);
    if (!room) return;
    frame.body = hs_view_of(room + HS_FRAME_HEADER_BYTES, body_bytes);
    hs_frame_put_header(room, &frame);
    memset(room + HS_FRAME_HEADER_BYTES, (int)(id & 0x7f), body_bytes);
    hs_outgoing_add(outgoing, rank, bytes);
}

/* The one frame that is taken. */
static struct hs_frame take(struct hs_outgoing *outgoing)
{
    struct hs_view  view = hs_outgoing_take(outgoing, 1);
    struct hs_frame frame = {0};
    size_t          need_bytes;

    HS_CHECK_EQ(hs_frame_parse(view, &frame, &need_bytes), (int)view.bytes);
    return frame;
}

static void release(struct hs_outgoing *outgoing)
{
    hs_outgoing_clear(outgoing);
    hs_outgoing_release_spare(outgoing);
    HS_CHECK(!hs_outgoing_has_spare(outgoing));
}

/* Ten have gone when a hundred more come: none passes an older one of its rank. */
static void frames_leave_as_they_came_within_their_rank(void)
{
    struct hs_outgoing outgoing = {0};
    uint64_t           last_ids[HS_RANK_COUNT] = {0};
    unsigned           last_rank = 0;

    for (uint64_t id = 1; id <= 300; id++)
        for (enum hs_rank rank = HS_RANK_CONTROL; rank < HS_RANK_COUNT; rank++)
            put(&outgoing, rank, id, BODY_BYTES);
    for (uint64_t id = 1; id <= 10; id++) HS_CHECK_EQ(take(&outgoing).request_id, id);
    last_ids[HS_RANK_CONTROL] = 10;
    for (uint64_t id = 301; id <= 400; id++)
        for (enum hs_rank rank = HS_RANK_CONTROL; rank < HS_RANK_COUNT; rank++)
            put(&outgoing, rank, id, BODY_BYTES);
    while (hs_outgoing_bytes(&outgoing, HS_RANK_DATA)) {
        struct hs_frame frame = take(&outgoing);
        unsigned        rank = frame.type - 1u;

        HS_CHECK(rank >= last_rank);
        HS_CHECK_EQ(frame.request_id, last_ids[rank] + 1);
        HS_CHECK_EQ(frame.body.bytes, BODY_BYTES);
        last_ids[rank] = frame.request_id;
        last_rank = rank;
    }
    for (unsigned rank = 0; rank < HS_RANK_COUNT; rank++) HS_CHECK_EQ(last_ids[rank], 400);
    HS_CHECK_EQ(hs_outgoing_take(&outgoing, 1000).bytes, 0);
    release(&outgoing);
}

static void control_goes_before_work_and_work_before_figures(void)
{
    static const enum hs_rank came[] = {HS_RANK_DATA, HS_RANK_DISPATCH, HS_RANK_DATA,
                                        HS_RANK_DISPATCH};
    struct hs_outgoing        outgoing = {0};

    for (uint64_t i = 0; i < 4; i++) put(&outgoing, came[i], i, BODY_BYTES);
    HS_CHECK_EQ(hs_outgoing_bytes(&outgoing, HS_RANK_CONTROL), 0);
    HS_CHECK_EQ(hs_outgoing_bytes(&outgoing, HS_RANK_DISPATCH), 2 * FRAME_BYTES);
    HS_CHECK_EQ(hs_outgoing_bytes(&outgoing, HS_RANK_DATA), 4 * FRAME_BYTES);
    HS_CHECK_EQ(take(&outgoing).request_id, 1);
    put(&outgoing, HS_RANK_CONTROL, 4, BODY_BYTES); /* between two others */
    HS_CHECK_EQ(take(&outgoing).request_id, 4);
    HS_CHECK_EQ(take(&outgoing).request_id, 3);
    HS_CHECK_EQ(take(&outgoing).request_id, 0);
    HS_CHECK_EQ(take(&outgoing).request_id, 2);
    release(&outgoing);
}

static void a_piece_is_whole_frames_of_one_rank(void)
{
    struct hs_outgoing outgoing = {0};

    for (uint64_t id = 0; id < 4; id++) put(&outgoing, HS_RANK_DATA, id, BODY_BYTES);
    put(&outgoing, HS_RANK_DISPATCH, 4, 5000);
    HS_CHECK_EQ(hs_outgoing_take(&outgoing, 2 * FRAME_BYTES).bytes, HS_FRAME_HEADER_BYTES + 5000);
    HS_CHECK_EQ(hs_outgoing_take(&outgoing, 3 * FRAME_BYTES - 1).bytes, 2 * FRAME_BYTES);
    HS_CHECK_EQ(hs_outgoing_take(&outgoing, 3 * FRAME_BYTES).bytes, 2 * FRAME_BYTES);
    HS_CHECK_EQ(hs_outgoing_take(&outgoing, 3 * FRAME_BYTES).bytes, 0);
    release(&outgoing);
}

/* Never empty for an hour: what has left gives its place to what comes. */
static void a_queue_that_is_never_empty_does_not_grow(void)
{
    enum { BACKLOG = 100, FRAMES = 100000 };
    struct hs_outgoing outgoing = {0};

    for (uint64_t id = 0; id < FRAMES; id++) {
        put(&outgoing, HS_RANK_DISPATCH, id, BODY_BYTES);
        if (id >= BACKLOG) HS_CHECK_EQ(take(&outgoing).request_id, id - BACKLOG);
    }
    HS_CHECK_EQ(hs_outgoing_bytes(&outgoing, HS_RANK_DATA), BACKLOG * FRAME_BYTES);
    HS_CHECK(outgoing.ranks[HS_RANK_DISPATCH].capacity_bytes <= 4 * BACKLOG * FRAME_BYTES);
    release(&outgoing);
}

/* There is no table of destinations beside that of links, whose bounds other tests show (a full
 * table takes no other: T1.7 of gates): a destination is a connection, and its queue lives in it.
 * What is left of the number is what an idle one costs. */
static void ten_thousand_idle_destinations_take_less_than_a_mebibyte(void)
{
    struct hs_outgoing outgoing = {0};

    put(&outgoing, HS_RANK_DATA, 1, HS_FRAME_BODY_BYTES_MAX);
    put(&outgoing, HS_RANK_DISPATCH, 2, BODY_BYTES);
    HS_CHECK_EQ(take(&outgoing).request_id, 2);
    HS_CHECK(hs_outgoing_has_spare(&outgoing));
    hs_outgoing_release_spare(&outgoing); /* not that of the one that waits */
    HS_CHECK(!hs_outgoing_has_spare(&outgoing));
    HS_CHECK_EQ(take(&outgoing).request_id, 1);
    hs_outgoing_release_spare(&outgoing);
    for (unsigned rank = 0; rank < HS_RANK_COUNT; rank++)
        HS_CHECK_EQ(outgoing.ranks[rank].capacity_bytes, 0);
    HS_CHECK(10240 * sizeof outgoing < 1 << 20);
}

CU_TestInfo hs_tests_outgoing[] = {
    {"T1.6 frames leave as they came within their rank",
     frames_leave_as_they_came_within_their_rank},
    {"control goes before work, and work before figures",
     control_goes_before_work_and_work_before_figures},
    {"a piece is whole frames of one rank", a_piece_is_whole_frames_of_one_rank},
    {"a queue that is never empty does not grow", a_queue_that_is_never_empty_does_not_grow},
    {"T1.7 ten thousand idle destinations take less than a mebibyte",
     ten_thousand_idle_destinations_take_less_than_a_mebibyte},
    CU_TEST_INFO_NULL};
