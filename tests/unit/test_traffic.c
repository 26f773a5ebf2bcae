// SPDX-License-Identifier: Apache-2.0
/* test_traffic.c - the class of every message (roles/traffic.h, roles/messages.def). */
#include "roles/wire_table.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

/* As many bytes as its fields may take, and their keys and lengths. */
static size_t most_bytes(const struct hs_wire_message *message)
{
    unsigned                    count;
    const struct hs_wire_field *fields = message->fields(&count);
    size_t                      bytes = 0;

    for (unsigned i = 0; i < count; i++) bytes += 12 + fields[i].bytes;
    return bytes;
}

static void every_message_has_one_class_and_control_is_small(void)
{
    unsigned counts[HS_TRAFFIC_COUNT] = {0};

    for (unsigned type = 0; type < HS_WIRE_TYPE_COUNT; type++) {
        const struct hs_wire_message *message = hs_wire_message_find(type);
        enum hs_traffic               traffic = hs_wire_traffic(type);

        HS_CHECK_EQ(traffic == HS_TRAFFIC_NONE, !message || !message->to);
        counts[traffic]++;
        if (traffic == HS_TRAFFIC_CONTROL) HS_CHECK(most_bytes(message) <= 4096);
    }
    HS_CHECK(counts[HS_TRAFFIC_CONTROL] > 5);
    HS_CHECK(counts[HS_TRAFFIC_RESULT] > 1);
    HS_CHECK(counts[HS_TRAFFIC_DISPATCH] > 5);
    HS_CHECK(counts[HS_TRAFFIC_DATA] > 5);
    HS_CHECK_EQ(hs_wire_traffic(HS_MSG_MHB), HS_TRAFFIC_CONTROL);
    HS_CHECK_EQ(hs_wire_traffic(HS_MSG_CANCEL), HS_TRAFFIC_DISPATCH); /* a client's: SEC-61 */
    HS_CHECK_EQ(hs_wire_traffic(9999), HS_TRAFFIC_NONE);
}

static void a_control_frame_above_its_bound_is_malformed(void)
{
    static uint8_t     body[HS_WIRE_CONTROL_BYTES_MAX + 64];
    union hs_msg       message;
    struct hs_frame    frame = {.type = HS_MSG_PING, .version = HS_FRAME_VERSION};
    struct hs_msg_ping ping = {.nonce = 3};
    struct hs_writer   writer;

    hs_writer_init(&writer, body, sizeof body);
    HS_CHECK_EQ(hs_wire_encode(HS_MSG_PING, &ping, &writer), 0);
    hs_put_u8(&writer, 0xfa); /* tag 63, bytes: unknown to us, skipped */
    hs_put_u8(&writer, 0x03);
    hs_put_u8(&writer, 0x80);
    hs_put_u8(&writer, 0x20); /* 4096 bytes of it */
    frame.body = hs_view_of(body, writer.used_bytes + 4096);
    HS_CHECK_EQ(hs_wire_open(&frame, HS_ROLE_GATE, HS_ROLE_MANAGER, &message), -EPROTO);
    body[writer.used_bytes - 1] = 0x10; /* 2048 */
    frame.body.bytes -= 2048;
    HS_CHECK_EQ(hs_wire_open(&frame, HS_ROLE_GATE, HS_ROLE_MANAGER, &message), 0);
}

CU_TestInfo hs_tests_traffic[] = {
    {"every message has one class, and control is small",
     every_message_has_one_class_and_control_is_small},
    {"a control frame above its bound is malformed", a_control_frame_above_its_bound_is_malformed},
    CU_TEST_INFO_NULL};
