// SPDX-License-Identifier: Apache-2.0
/* fuzz_messages.c - the first byte is a message type, the rest its body. What can be decoded can be
 * encoded, and what comes of that decodes to the same and encodes to the same bytes. A type that is
 * a record is read as rows. */
#include "roles/wire.h"
#include "shm/base/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t first_memory[2 * HS_FRAME_BYTES_MAX];
static uint8_t second_memory[2 * HS_FRAME_BYTES_MAX];

static struct hs_view encode(enum hs_msg_type type, const union hs_msg *message, uint8_t *memory)
{
    struct hs_writer writer;
    int              rc;

    hs_writer_init(&writer, memory, sizeof(first_memory));
    rc = hs_wire_encode(type, message, &writer);
    HS_ASSERT(rc == 0);
    HS_ASSERT(writer.used_bytes <= hs_wire_bytes_max(type, message));
    return hs_view_of(memory, writer.used_bytes);
}

static void check_message(enum hs_msg_type type, struct hs_view body)
{
    union hs_msg   first;
    union hs_msg   second;
    struct hs_view first_body;
    char           text[256];
    int            rc = hs_wire_decode(type, body, &first);

    if (rc < 0) {
        HS_ASSERT(first.has == 0);
        return;
    }
    first_body = encode(type, &first, first_memory);
    rc = hs_wire_decode(type, first_body, &second);
    HS_ASSERT(rc == 0);
    HS_ASSERT(hs_view_equal(first_body, encode(type, &second, second_memory)));
    HS_ASSERT(strlen(hs_wire_print(type, &first, text, sizeof(text))) < sizeof(text));
}

static void check_rows(enum hs_msg_type type, struct hs_view body)
{
    struct hs_reader rows;
    struct hs_writer writer;
    union hs_msg     row;

    hs_reader_init(&rows, body);
    while (hs_wire_get_row(type, &rows, &row) == 1) {
        hs_writer_init(&writer, first_memory, sizeof(first_memory));
        hs_wire_put_row(type, &row, &writer);
        HS_ASSERT(!writer.failed);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_view body;

    if (size == 0 || !hs_wire_is_known(data[0])) return 0;
    body = hs_view_of(data + 1, size - 1);
    check_message((enum hs_msg_type)data[0], body);
    if (data[0] >= HS_MSG_JOB_ROW) check_rows((enum hs_msg_type)data[0], body);
    return 0;
}
