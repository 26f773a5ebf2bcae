// SPDX-License-Identifier: Apache-2.0
/* wire_table.h - messages.def as data: what the codec and the printer walk along. For roles/wire*.c
 * and its tests only. */
#ifndef HS_ROLES_WIRE_TABLE_H
#define HS_ROLES_WIRE_TABLE_H

#include "roles/wire.h"

#include <stdint.h>

enum hs_wire_kind {
    HS_WIRE_U8,
    HS_WIRE_U16,
    HS_WIRE_U32,
    HS_WIRE_U64,
    HS_WIRE_ID,
    HS_WIRE_EXEC,
    HS_WIRE_TEXT,
    HS_WIRE_VIEW
};

enum hs_wire_class { HS_WIRE_CLASS_VARINT = 0, HS_WIRE_CLASS_BYTES = 2 };

enum { HS_WIRE_EXEC_BYTES = 20, HS_WIRE_TAGS_MAX = 63 };

struct hs_wire_field {
    const char       *name;
    enum hs_wire_kind kind;
    uint8_t           tag;
    bool              is_needed;
    uint16_t          offset; /* in the struct */
    uint32_t          bytes;  /* exactly (ID), with the terminator (TEXT), at most (VIEW) */
};

typedef const struct hs_wire_field *hs_wire_fields_fn(unsigned *count);

struct hs_wire_message {
    const char        *name; /* NULL: no such number */
    const char        *text;
    hs_wire_fields_fn *fields;
    size_t             struct_bytes;
    enum hs_traffic    traffic;
    uint32_t           from; /* bit per enum hs_role_kind; 0: a record */
    uint32_t           to;
};

const struct hs_wire_message *hs_wire_message_find(unsigned type); /* NULL: unknown */

#endif
