// SPDX-License-Identifier: Apache-2.0
/* wire.c - one codec for all messages, driven by the tables of wire_table.h. */
#include "roles/wire.h"

#include "roles/wire_table.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

enum {
    CLASS_BITS = 3,
    CLASS_MASK = (1 << CLASS_BITS) - 1,
    VARINT_BYTES_MAX = 10,
    KEY_BYTES_MAX = 2,   /* tag 63 * 8 + class */
    LENGTH_BYTES_MAX = 3 /* of a field: below 2^21 */
};
HS_STATIC_ASSERT(HS_FRAME_BYTES_MAX < 1 << 21, "LENGTH_BYTES_MAX");

static const struct hs_wire_message *message_at(enum hs_msg_type type)
{
    const struct hs_wire_message *table = hs_wire_message_find(type);

    HS_ASSERT(table != NULL);
    return table;
}

static enum hs_wire_class class_of(enum hs_wire_kind kind)
{
    return kind <= HS_WIRE_U64 ? HS_WIRE_CLASS_VARINT : HS_WIRE_CLASS_BYTES;
}

static uint64_t load_number(const struct hs_wire_field *field, const uint8_t *at)
{
    uint64_t value = 0;

    /* The machine is little-endian like the wire (x86-64, arm64): the low bytes come first. */
    HS_ASSERT(field->bytes <= sizeof(value));
    memcpy(&value, at, field->bytes);
    return value;
}
HS_STATIC_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "load_number, store_number");

static struct hs_view view_at(const uint8_t *at)
{
    struct hs_view view;

    memcpy(&view, at, sizeof(view));
    return view;
}

static bool is_zero(const uint8_t *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (at[i]) return false;
    return true;
}

static bool is_empty(const struct hs_wire_field *field, const uint8_t *at)
{
    if (field->kind == HS_WIRE_VIEW) return view_at(at).bytes == 0;
    return field->kind == HS_WIRE_TEXT ? at[0] == '\0' : is_zero(at, field->bytes);
}

static void put_sized(struct hs_writer *writer, const void *data, size_t bytes, size_t bytes_max)
{
    if (bytes > bytes_max) writer->failed = true;
    hs_put_varint(writer, bytes);
    hs_put_bytes(writer, data, bytes);
}

static void put_exec(struct hs_writer *writer, const uint8_t *at)
{
    struct hs_exec_id exec;

    memcpy(&exec, at, sizeof(exec));
    hs_put_varint(writer, HS_WIRE_EXEC_BYTES);
    hs_put_bytes(writer, exec.job_id, sizeof(exec.job_id));
    hs_put_u8(writer, exec.workflow);
    hs_put_u8(writer, exec.attempt);
    hs_put_u16le(writer, exec.shard);
}

static void put_field(struct hs_writer *writer, const struct hs_wire_field *field,
                      const uint8_t *at)
{
    hs_put_varint(writer, (uint64_t)field->tag << CLASS_BITS | class_of(field->kind));
    switch (field->kind) {
    case HS_WIRE_U8:
    case HS_WIRE_U16:
    case HS_WIRE_U32:
    case HS_WIRE_U64: hs_put_varint(writer, load_number(field, at)); break;
    case HS_WIRE_ID: put_sized(writer, at, field->bytes, field->bytes); break;
    case HS_WIRE_EXEC: put_exec(writer, at); break;
    case HS_WIRE_TEXT:
        put_sized(writer, at, strnlen((const char *)at, field->bytes), field->bytes - 1);
        break;
    case HS_WIRE_VIEW: put_sized(writer, view_at(at).data, view_at(at).bytes, field->bytes); break;
    }
}

static void put_message(const struct hs_wire_message *table, const void *message,
                        struct hs_writer *writer)
{
    unsigned                    count;
    const struct hs_wire_field *fields = table->fields(&count);

    for (unsigned i = 0; i < count; i++) {
        const uint8_t *at = (const uint8_t *)message + fields[i].offset;

        if (fields[i].is_needed || !is_empty(&fields[i], at)) put_field(writer, &fields[i], at);
    }
}

/* Stores what was read; false: out of the field's bounds. */
static bool store_number(const struct hs_wire_field *field, uint8_t *at, uint64_t value)
{
    if (field->bytes < sizeof(value) && value >> (8 * field->bytes)) return false;
    memcpy(at, &value, field->bytes);
    return true;
}

static bool store_exec(uint8_t *at, struct hs_view data)
{
    struct hs_exec_id exec;
    struct hs_reader  reader;
    struct hs_view    job_id;

    hs_reader_init(&reader, data);
    job_id = hs_get_view(&reader, sizeof(exec.job_id));
    exec.workflow = hs_get_u8(&reader);
    exec.attempt = hs_get_u8(&reader);
    exec.shard = hs_get_u16le(&reader);
    if (hs_reader_finish(&reader) < 0) return false;
    memcpy(exec.job_id, job_id.data, sizeof(exec.job_id));
    memcpy(at, &exec, sizeof(exec));
    return true;
}

static bool store_bytes(const struct hs_wire_field *field, uint8_t *at, struct hs_view data)
{
    if (field->kind == HS_WIRE_EXEC) return store_exec(at, data);
    if (field->kind == HS_WIRE_VIEW) {
        if (data.bytes > field->bytes) return false;
        memcpy(at, &data, sizeof(data));
        return true;
    }
    if (field->kind == HS_WIRE_ID) {
        if (data.bytes != field->bytes) return false;
    } else if (data.bytes >= field->bytes || (data.bytes && memchr(data.data, 0, data.bytes))) {
        return false;
    }
    if (data.bytes) memcpy(at, data.data, data.bytes);
    return true;
}

static const struct hs_wire_field *field_find(const struct hs_wire_field *fields, unsigned count,
                                              uint64_t tag)
{
    for (unsigned i = 0; i < count; i++)
        if (fields[i].tag == tag) return &fields[i];
    return NULL;
}

/* One field into the message, or past it; adds its tag to seen. */
static bool get_field(struct hs_reader *reader, const struct hs_wire_field *field, uint64_t key,
                      uint8_t *message)
{
    enum hs_wire_class class = (enum hs_wire_class)(key & CLASS_MASK);
    uint64_t       number = hs_get_varint(reader); /* the value, or the length of what follows */
    struct hs_view data = {0};

    if (class == HS_WIRE_CLASS_BYTES)
        data = hs_get_view(reader, number > SIZE_MAX ? SIZE_MAX : (size_t)number);
    if (reader->failed) return false;
    if (!field) return true;
    if (class_of(field->kind) != class) return false;
    return class == HS_WIRE_CLASS_VARINT ? store_number(field, message + field->offset, number)
                                         : store_bytes(field, message + field->offset, data);
}

static bool get_message(const struct hs_wire_message *table, struct hs_reader *reader,
                        uint8_t *message, uint64_t *has)
{
    unsigned                    count;
    const struct hs_wire_field *fields = table->fields(&count);
    uint64_t                    seen = 0;

    for (unsigned i = 0; hs_reader_left_bytes(reader); i++) {
        uint64_t                    key = hs_get_varint(reader);
        uint64_t                    tag = key >> CLASS_BITS;
        const struct hs_wire_field *field = field_find(fields, count, tag);
        uint64_t                    bit = tag <= HS_WIRE_TAGS_MAX ? UINT64_C(1) << tag : 0;

        if (reader->failed || tag == 0 || i >= HS_FIELDS_MAX || (seen & bit)) return false;
        if ((key & CLASS_MASK) != HS_WIRE_CLASS_VARINT && (key & CLASS_MASK) != HS_WIRE_CLASS_BYTES)
            return false;
        seen |= bit;
        if (!get_field(reader, field, key, message)) return false;
        if (field) *has |= bit;
    }
    for (unsigned i = 0; i < count; i++)
        if (fields[i].is_needed && !(seen >> fields[i].tag & 1)) return false;
    return hs_reader_finish(reader) == 0;
}

const char *hs_wire_name(unsigned type)
{
    const struct hs_wire_message *table = hs_wire_message_find(type);

    return table ? table->name : "?";
}

const char *hs_wire_text(unsigned type)
{
    const struct hs_wire_message *table = hs_wire_message_find(type);

    return table ? table->text : "";
}

bool hs_wire_is_known(unsigned type)
{
    return hs_wire_message_find(type) != NULL;
}

enum hs_traffic hs_wire_traffic(unsigned type)
{
    const struct hs_wire_message *table = hs_wire_message_find(type);

    return table ? table->traffic : HS_TRAFFIC_NONE;
}

bool hs_wire_may(unsigned type, enum hs_role_kind from, enum hs_role_kind to)
{
    const struct hs_wire_message *table = hs_wire_message_find(type);

    return table && from < HS_ROLE_KIND_COUNT && to < HS_ROLE_KIND_COUNT &&
           (table->from >> from & 1) && (table->to >> to & 1);
}

int hs_wire_encode(enum hs_msg_type type, const void *message, struct hs_writer *writer)
{
    put_message(message_at(type), message, writer);
    return hs_writer_finish(writer);
}

size_t hs_wire_bytes_max(enum hs_msg_type type, const void *message)
{
    unsigned                    count;
    const struct hs_wire_field *fields = message_at(type)->fields(&count);
    size_t                      bytes = 0;

    for (unsigned i = 0; i < count; i++) {
        const uint8_t *at = (const uint8_t *)message + fields[i].offset;

        bytes += KEY_BYTES_MAX;
        if (class_of(fields[i].kind) == HS_WIRE_CLASS_VARINT)
            bytes += VARINT_BYTES_MAX;
        else if (fields[i].kind == HS_WIRE_VIEW)
            bytes += LENGTH_BYTES_MAX + view_at(at).bytes;
        else
            bytes += LENGTH_BYTES_MAX + fields[i].bytes;
    }
    return bytes;
}

int hs_wire_decode(enum hs_msg_type type, struct hs_view body, void *message)
{
    const struct hs_wire_message *table = message_at(type);
    struct hs_reader              reader;
    uint64_t                      has = 0;

    memset(message, 0, table->struct_bytes);
    hs_reader_init(&reader, body);
    if (!get_message(table, &reader, message, &has)) {
        memset(message, 0, table->struct_bytes);
        return -EPROTO;
    }
    memcpy(message, &has, sizeof(has));
    return 0;
}

int hs_wire_open(const struct hs_frame *frame, enum hs_role_kind from, enum hs_role_kind to,
                 union hs_msg *message)
{
    message->has = 0;
    if (!hs_wire_is_known(frame->type)) return -ENOENT;
    if (frame->version != HS_FRAME_VERSION) return -EPROTONOSUPPORT;
    if (!hs_wire_may(frame->type, from, to)) return -EACCES;
    if (hs_wire_traffic(frame->type) == HS_TRAFFIC_CONTROL &&
        frame->body.bytes > HS_WIRE_CONTROL_BYTES_MAX)
        return -EPROTO;
    return hs_wire_decode((enum hs_msg_type)frame->type, frame->body, message);
}

bool hs_wire_has(enum hs_msg_type type, const void *message, const void *field)
{
    unsigned                    count;
    const struct hs_wire_field *fields = message_at(type)->fields(&count);
    size_t   offset = (size_t)((const uint8_t *)field - (const uint8_t *)message);
    uint64_t has;

    memcpy(&has, message, sizeof(has));
    for (unsigned i = 0; i < count; i++)
        if (fields[i].offset == offset) return has >> fields[i].tag & 1;
    return false;
}

void hs_wire_put_row(enum hs_msg_type type, const void *row, struct hs_writer *writer)
{
    const struct hs_wire_message *table = message_at(type);
    uint8_t          memory[1024]; /* a row has no views: its own bounds keep it far below */
    struct hs_writer body;

    HS_ASSERT(hs_wire_bytes_max(type, row) <= sizeof(memory));
    hs_writer_init(&body, memory, sizeof(memory));
    put_message(table, row, &body);
    if (body.failed) writer->failed = true;
    put_sized(writer, memory, body.used_bytes, sizeof(memory));
}

int hs_wire_get_row(enum hs_msg_type type, struct hs_reader *rows, void *row)
{
    struct hs_view body;
    uint64_t       bytes;
    int            rc;

    if (!rows->failed && rows->at == rows->bytes) return 0;
    bytes = hs_get_varint(rows);
    body = hs_get_view(rows, bytes > SIZE_MAX ? SIZE_MAX : (size_t)bytes);
    if (rows->failed) return -EPROTO;
    rc = hs_wire_decode(type, body, row);
    return rc < 0 ? rc : 1;
}
