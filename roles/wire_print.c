// SPDX-License-Identifier: Apache-2.0
/* wire_print.c - a message as one line of text, for logs and failing tests. */
#include "roles/wire.h"

#include "roles/wire_table.h"
#include "shm/base/assert.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct line {
    char  *text;
    size_t bytes;
    size_t used;
};

static HS_PRINTF(2, 3) void add(struct line *line, const char *format, ...)
{
    va_list arguments;
    int     wanted;

    if (line->used + 1 >= line->bytes) return;
    va_start(arguments, format);
    wanted = vsnprintf(line->text + line->used, line->bytes - line->used, format, arguments);
    va_end(arguments);
    if (wanted < 0) return;
    line->used += (size_t)wanted;
    if (line->used >= line->bytes) line->used = line->bytes - 1;
}

/* Texts come from peers: nothing but printable ASCII reaches a log. */
static void add_text(struct line *line, const char *text, size_t bytes)
{
    add(line, "\"");
    for (size_t i = 0; i < bytes && text[i]; i++) {
        if (text[i] >= ' ' && text[i] <= '~' && text[i] != '"' && text[i] != '\\')
            add(line, "%c", text[i]);
        else
            add(line, "\\x%02x", (unsigned char)text[i]);
    }
    add(line, "\"");
}

static void add_number(struct line *line, const struct hs_wire_field *field, const uint8_t *at)
{
    uint64_t value = 0;

    HS_ASSERT(field->bytes <= sizeof(value));
    memcpy(&value, at, field->bytes);
    add(line, "%" PRIu64, value);
}

static void add_value(struct line *line, const struct hs_wire_field *field, const uint8_t *at)
{
    char              text[HS_EXEC_ID_TEXT_BYTES + 2 * HS_DIGEST_BYTES];
    struct hs_exec_id exec;
    struct hs_view    view;

    switch (field->kind) {
    case HS_WIRE_U8:
    case HS_WIRE_U16:
    case HS_WIRE_U32:
    case HS_WIRE_U64: add_number(line, field, at); break;
    case HS_WIRE_ID:
        HS_ASSERT(field->bytes <= HS_DIGEST_BYTES);
        add(line, "%s", hs_hex_format(at, field->bytes, text));
        break;
    case HS_WIRE_EXEC:
        memcpy(&exec, at, sizeof(exec));
        add(line, "%s", hs_exec_id_format(&exec, text));
        break;
    case HS_WIRE_TEXT: add_text(line, (const char *)at, field->bytes); break;
    case HS_WIRE_VIEW:
        memcpy(&view, at, sizeof(view));
        add(line, "<%zu bytes>", view.bytes);
        break;
    }
}

const char *hs_wire_print(enum hs_msg_type type, const void *message, char *text, size_t bytes)
{
    const struct hs_wire_message *table = hs_wire_message_find(type);
    struct line                   line = {.text = text, .bytes = bytes};
    unsigned                      count = 0;
    const struct hs_wire_field   *fields = table ? table->fields(&count) : NULL;

    HS_ASSERT(bytes > 0);
    text[0] = '\0';
    add(&line, "%s", hs_wire_name(type));
    for (unsigned i = 0; i < count; i++) {
        add(&line, " %s=", fields[i].name);
        add_value(&line, &fields[i], (const uint8_t *)message + fields[i].offset);
    }
    return text;
}
