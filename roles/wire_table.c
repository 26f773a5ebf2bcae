// SPDX-License-Identifier: Apache-2.0
/* wire_table.c - messages.def turned into tables. */
#include "roles/wire_table.h"

#include "shm/base/assert.h"

enum need { OPTIONAL, NEEDED };

#define HS_CLIENT  (1u << HS_ROLE_CLIENT)
#define HS_GATE    (1u << HS_ROLE_GATE)
#define HS_MANAGER (1u << HS_ROLE_MANAGER)
#define HS_WORKER  (1u << HS_ROLE_WORKER)
#define HS_ANY     (HS_CLIENT | HS_GATE | HS_MANAGER | HS_WORKER)

/* A function a message, because only there can a field's row name its struct by one local word. */
#define HS_MESSAGE(TYPE, name, number, class, from, to, text)                                      \
    static const struct hs_wire_field *fields_of_##name(unsigned *count)                           \
    {                                                                                              \
        typedef struct hs_msg_##name      message;                                                 \
        static const struct hs_wire_field fields[] = {
#define HS_MESSAGE_END(TYPE, name)                                                                 \
    }                                                                                              \
    ;                                                                                              \
    *count = HS_ARRAY_LEN(fields);                                                                 \
    return fields;                                                                                 \
    }
#define ROW(kind, tag, name, bytes, need)                                                          \
    {#name, kind, tag, (need) == NEEDED, offsetof(message, name), bytes},
#define HS_FIELD_U8(tag, name, need)              ROW(HS_WIRE_U8, tag, name, 1, need)
#define HS_FIELD_U16(tag, name, need)             ROW(HS_WIRE_U16, tag, name, 2, need)
#define HS_FIELD_U32(tag, name, need)             ROW(HS_WIRE_U32, tag, name, 4, need)
#define HS_FIELD_U64(tag, name, need)             ROW(HS_WIRE_U64, tag, name, 8, need)
#define HS_FIELD_ID(tag, name, bytes, need)       ROW(HS_WIRE_ID, tag, name, bytes, need)
#define HS_FIELD_TEXT(tag, name, bytes, need)     ROW(HS_WIRE_TEXT, tag, name, bytes, need)
#define HS_FIELD_VIEW(tag, name, bytes_max, need) ROW(HS_WIRE_VIEW, tag, name, bytes_max, need)

#define HS_FIELD_EXEC(tag, name, need) ROW(HS_WIRE_EXEC, tag, name, HS_WIRE_EXEC_BYTES, need)
#include "roles/messages.def"

static const struct hs_wire_message messages[HS_WIRE_TYPE_COUNT] = {
#define HS_MESSAGE(TYPE, name, number, class, from, to, text)                                      \
    [number] = {#TYPE, text, fields_of_##name, sizeof(struct hs_msg_##name), HS_TRAFFIC_##class,   \
                from,  to},
#include "roles/messages.def"
};

const struct hs_wire_message *hs_wire_message_find(unsigned type)
{
    return type < HS_WIRE_TYPE_COUNT && messages[type].name ? &messages[type] : NULL;
}
