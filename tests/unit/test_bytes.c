// SPDX-License-Identifier: Apache-2.0
/* test_bytes.c - bounded reading and writing. */
#include "shm/base/bytes.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

static void what_is_put_is_got_back(void)
{
    uint8_t          memory[64];
    struct hs_writer writer;
    struct hs_reader reader;

    hs_writer_init(&writer, memory, sizeof memory);
    hs_put_u8(&writer, 0xfe);
    hs_put_u16le(&writer, 0xbeef);
    hs_put_u32le(&writer, 0xdeadbeef);
    hs_put_u64le(&writer, UINT64_MAX - 1);
    hs_put_varint(&writer, UINT64_MAX);
    hs_put_varint(&writer, 127);
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
    hs_reader_init(&reader, hs_view_of(memory, writer.used_bytes));
    HS_CHECK_EQ(hs_get_u8(&reader), 0xfe);
    HS_CHECK_EQ(hs_get_u16le(&reader), 0xbeef);
    HS_CHECK_EQ(hs_get_u32le(&reader), 0xdeadbeef);
    HS_CHECK(hs_get_u64le(&reader) == UINT64_MAX - 1);
    HS_CHECK(hs_get_varint(&reader) == UINT64_MAX);
    HS_CHECK_EQ(hs_get_varint(&reader), 127);
    HS_CHECK_EQ(hs_reader_finish(&reader), 0);
}

static void a_text_comes_back_with_zeros_behind_it_if_there_is_room(void)
{
    char             text[8] = "xxxxxxx";
    uint8_t          memory[16];
    struct hs_writer writer;
    struct hs_reader reader;

    hs_writer_init(&writer, memory, sizeof memory);
    hs_put_text(&writer, hs_view_text("seven b"));
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
    hs_reader_init(&reader, hs_view_of(memory, writer.used_bytes));
    hs_get_text(&reader, text, sizeof text);
    HS_CHECK_EQ(hs_reader_finish(&reader), 0);
    HS_CHECK_TEXT(text, "seven b");
    hs_reader_init(&reader, hs_view_of(memory, writer.used_bytes));
    hs_get_text(&reader, text, sizeof text - 1);
    HS_CHECK_EQ(hs_reader_finish(&reader), -EPROTO);
    HS_CHECK_TEXT(text, "");
}

static void writing_past_the_end_fails_and_keeps_what_was_there(void)
{
    uint8_t          memory[4] = {1, 2, 3, 4};
    struct hs_writer writer;

    hs_writer_init(&writer, memory, 3);
    hs_put_u32le(&writer, 0);
    hs_put_u8(&writer, 9); /* dropped too: the failure sticks */
    HS_CHECK_EQ(hs_writer_finish(&writer), -EMSGSIZE);
    HS_CHECK_EQ(memory[0], 1);
    HS_CHECK_EQ(memory[3], 4);
}

static void reading_past_the_end_fails_for_good(void)
{
    struct hs_reader reader;

    hs_reader_init(&reader, hs_view_of("abc", 3));
    HS_CHECK_EQ(hs_get_u32le(&reader), 0);
    HS_CHECK_EQ(hs_get_u8(&reader), 0);
    HS_CHECK_EQ(hs_reader_left_bytes(&reader), 0);
    HS_CHECK_EQ(hs_reader_finish(&reader), -EPROTO);
}

static void bytes_left_over_are_an_error(void)
{
    struct hs_reader reader;

    hs_reader_init(&reader, hs_view_of("ab", 2));
    HS_CHECK_EQ(hs_get_u8(&reader), 'a');
    HS_CHECK_EQ(hs_reader_finish(&reader), -EPROTO);
}

static void an_endless_varint_is_refused(void)
{
    static const uint8_t endless[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1};
    struct hs_reader     reader;

    hs_reader_init(&reader, hs_view_of(endless, sizeof endless));
    HS_CHECK_EQ(hs_get_varint(&reader), 0);
    HS_CHECK(reader.failed);
}

static void crc32c_matches_the_published_vectors(void)
{
    uint8_t zeros[32] = {0};

    HS_CHECK_EQ(hs_crc32c(0, "123456789", 9), UINT32_C(0xe3069283));
    HS_CHECK_EQ(hs_crc32c(0, zeros, sizeof zeros), UINT32_C(0x8a9136aa)); /* RFC 3720 B.4 */
    HS_CHECK_EQ(hs_crc32c(hs_crc32c(0, "1234", 4), "56789", 5), UINT32_C(0xe3069283));
}

/* The definition, bit by bit. */
static uint32_t plain_crc32c(const uint8_t *data, size_t bytes)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < bytes; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (UINT32_C(0x82f63b78) & (0 - (crc & 1)));
    }
    return ~crc;
}

static void crc32c_is_the_same_for_every_length_and_place_and_cut(void)
{
    uint8_t bytes[80];

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 37 + 11);
    for (size_t at = 0; at < 9; at++)
        for (size_t count = 0; at + count <= sizeof bytes; count++) {
            uint32_t expected = plain_crc32c(bytes + at, count);
            uint32_t first = hs_crc32c(0, bytes + at, count / 3);

            HS_CHECK_EQ(hs_crc32c(0, bytes + at, count), expected);
            HS_CHECK_EQ(hs_crc32c(first, bytes + at + count / 3, count - count / 3), expected);
        }
}

CU_TestInfo hs_tests_bytes[] = {
    {"what is put is got back", what_is_put_is_got_back},
    {"a text comes back with zeros behind it if there is room",
     a_text_comes_back_with_zeros_behind_it_if_there_is_room},
    {"writing past the end fails and keeps what was there",
     writing_past_the_end_fails_and_keeps_what_was_there},
    {"reading past the end fails for good", reading_past_the_end_fails_for_good},
    {"bytes left over are an error", bytes_left_over_are_an_error},
    {"an endless varint is refused", an_endless_varint_is_refused},
    {"crc32c matches the published vectors", crc32c_matches_the_published_vectors},
    {"crc32c is the same for every length and place and cut",
     crc32c_is_the_same_for_every_length_and_place_and_cut},
    CU_TEST_INFO_NULL,
};
