// SPDX-License-Identifier: Apache-2.0
/* test_frame.c - the envelope of messages. */
#include "ipc/frame.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

static const struct hs_frame sample = {
    .type = 0x1234, .version = 1, .flags = HS_FRAME_REPLY, .request_id = 0x1122334455667788};

static size_t put_sample(uint8_t *memory, const char *body)
{
    struct hs_frame frame = sample;

    frame.body = hs_view_text(body);
    hs_frame_put_header(memory, &frame);
    memcpy(memory + HS_FRAME_HEADER_BYTES, body, frame.body.bytes);
    return HS_FRAME_HEADER_BYTES + frame.body.bytes;
}

static void header_is_little_endian_and_sixteen_bytes(void)
{
    static const uint8_t expected[HS_FRAME_HEADER_BYTES] = {
        3, 0, 0, 0, 0x34, 0x12, 1, 1, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    uint8_t memory[64];

    HS_CHECK_EQ(put_sample(memory, "abc"), 19);
    HS_CHECK(memcmp(memory, expected, sizeof(expected)) == 0);
}

static void frame_comes_back_as_it_was_put(void)
{
    uint8_t         memory[64];
    size_t          bytes = put_sample(memory, "hello");
    size_t          need;
    struct hs_frame frame;

    HS_CHECK_EQ(hs_frame_parse(hs_view_of(memory, sizeof(memory)), &frame, &need), (int)bytes);
    HS_CHECK_EQ(need, bytes);
    HS_CHECK_EQ(frame.type, sample.type);
    HS_CHECK_EQ(frame.version, sample.version);
    HS_CHECK_EQ(frame.flags, sample.flags);
    HS_CHECK_EQ(frame.request_id, sample.request_id);
    HS_CHECK(hs_view_equal(frame.body, hs_view_text("hello")));
    HS_CHECK(frame.body.data == memory + HS_FRAME_HEADER_BYTES);
}

static void every_shorter_prefix_asks_for_more(void)
{
    uint8_t         memory[64];
    size_t          bytes = put_sample(memory, "hello");
    size_t          need;
    struct hs_frame frame;

    for (size_t i = 0; i < bytes; i++) {
        HS_CHECK_EQ(hs_frame_parse(hs_view_of(memory, i), &frame, &need), 0);
        HS_CHECK_EQ(need, i < HS_FRAME_HEADER_BYTES ? HS_FRAME_HEADER_BYTES : (int)bytes);
        HS_CHECK(need > i);
    }
}

static void length_above_the_limit_is_refused_with_its_fourth_byte(void)
{
    uint8_t          memory[HS_FRAME_HEADER_BYTES];
    size_t           need;
    struct hs_frame  frame;
    struct hs_writer writer;

    hs_writer_init(&writer, memory, sizeof(memory));
    hs_put_u32le(&writer, HS_FRAME_BODY_BYTES_MAX + 1);
    HS_CHECK_EQ(hs_frame_parse(hs_view_of(memory, 3), &frame, &need), 0);
    HS_CHECK_EQ(hs_frame_parse(hs_view_of(memory, 4), &frame, &need), -EMSGSIZE);
    HS_CHECK(need <= HS_FRAME_HEADER_BYTES);
}

static void largest_frame_is_accepted(void)
{
    static uint8_t  memory[HS_FRAME_BYTES_MAX];
    size_t          need;
    struct hs_frame frame = sample;

    frame.body = hs_view_of(memory + HS_FRAME_HEADER_BYTES, HS_FRAME_BODY_BYTES_MAX);
    hs_frame_put_header(memory, &frame);
    HS_CHECK_EQ(hs_frame_parse(hs_view_of(memory, sizeof(memory)), &frame, &need),
                HS_FRAME_BYTES_MAX);
    HS_CHECK_EQ(frame.body.bytes, HS_FRAME_BODY_BYTES_MAX);
}

static void version_zero_is_nonsense_and_unknown_flags_are_not(void)
{
    uint8_t         memory[64];
    size_t          need;
    struct hs_frame frame;

    (void)put_sample(memory, "");
    memory[7] = 0xff;
    HS_CHECK_EQ(hs_frame_parse(hs_view_of(memory, 16), &frame, &need), 16);
    memory[6] = 0;
    HS_CHECK_EQ(hs_frame_parse(hs_view_of(memory, 16), &frame, &need), -EPROTO);
}

CU_TestInfo hs_tests_frame[] = {
    {"header is little-endian and sixteen bytes", header_is_little_endian_and_sixteen_bytes},
    {"frame comes back as it was put", frame_comes_back_as_it_was_put},
    {"every shorter prefix asks for more", every_shorter_prefix_asks_for_more},
    {"SEC-60 length above the limit is refused with its fourth byte",
     length_above_the_limit_is_refused_with_its_fourth_byte},
    {"largest frame is accepted", largest_frame_is_accepted},
    {"SEC-8 version zero is nonsense and unknown flags are not",
     version_zero_is_nonsense_and_unknown_flags_are_not},
    CU_TEST_INFO_NULL};
