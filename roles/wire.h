// SPDX-License-Identifier: Apache-2.0
/* wire.h - the messages of roles/messages.def as structs, and their way to and from bytes. One
 * table-driven codec; does not send (wire_io.h does) and does not know states: only who may send
 * what to whom.
 *
 * A body is a sequence of fields, each varint(tag * 8 + class) and then, class 0: a varint; class
 * 2: varint length and bytes. Unknown tags are skipped, so that old and new nodes talk; a doubled
 * tag, a missing NEEDED field, a value out of bounds or a torn tail is -EPROTO. Records (rows in a
 * view) are the same with varint(length) in front of each. */
#ifndef HS_ROLES_WIRE_H
#define HS_ROLES_WIRE_H

#include "ipc/frame.h"
#include "roles/exec_state.h"
#include "roles/role_kind.h"
#include "roles/traffic.h"
#include "shm/base/bytes.h"
#include "shm/base/err.h"
#include "shm/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HS_CLIENT_ID_BYTES = 65, /* 64 and the terminator (jobs.md 2) */
    HS_WIRE_PART_BYTES_MAX =
        224 << 10, /* a payload in a frame; leaves 32 KiB for the other fields */
    HS_WIRE_CONTROL_BYTES_MAX = 4 << 10, /* body of a CONTROL message: cheap to take, always */
    HS_WIRE_TYPE_COUNT = 256,            /* numbers of messages.def are below */
    HS_WIRE_PRINT_BYTES = 1024
};

enum hs_submit_flags {
    HS_SUBMIT_BEST_EFFORT = 1,
    HS_SUBMIT_FAIL_FAST = 2,
    HS_SUBMIT_ALLOW_FALLBACK = 4
};

enum hs_msg_type {
    HS_MSG_NONE = 0,
#define HS_MESSAGE(TYPE, name, number, class, from, to, text) HS_MSG_##TYPE = (number),
#include "roles/messages.def"
};

/* struct hs_msg_hello and so on. has: bit per tag that was there, set by the decoder and ignored by
 * the encoder. */
#define HS_MESSAGE(TYPE, name, number, class, from, to, text)                                      \
    struct hs_msg_##name {                                                                         \
        uint64_t has;
#define HS_MESSAGE_END(TYPE, name)                                                                 \
    }                                                                                              \
    ;
#define HS_FIELD_U8(tag, name, need)              uint8_t name;
#define HS_FIELD_U16(tag, name, need)             uint16_t name;
#define HS_FIELD_U32(tag, name, need)             uint32_t name;
#define HS_FIELD_U64(tag, name, need)             uint64_t name;
#define HS_FIELD_ID(tag, name, bytes, need)       uint8_t name[bytes];
#define HS_FIELD_EXEC(tag, name, need)            struct hs_exec_id name;
#define HS_FIELD_TEXT(tag, name, bytes, need)     char name[bytes];
#define HS_FIELD_VIEW(tag, name, bytes_max, need) struct hs_view name;
#include "roles/messages.def"

/* Room for any message; the member to use is told by the type. */
union hs_msg {
    uint64_t has;
#define HS_MESSAGE(TYPE, name, number, class, from, to, text) struct hs_msg_##name name;
#include "roles/messages.def"
};

const char *hs_wire_name(unsigned type); /* "SUBMIT"; "?" if unknown */
const char *hs_wire_text(unsigned type); /* what it is for */
bool        hs_wire_is_known(unsigned type);
/* NONE: unknown, or a record. */
enum hs_traffic hs_wire_traffic(unsigned type);
/* May such a process send this to such a one? What is not in messages.def is refused. */
bool hs_wire_may(unsigned type, enum hs_role_kind from, enum hs_role_kind to);

/* message points to the struct of that type. 0; -EMSGSIZE: does not fit the writer, a text is not
 * terminated, a view is longer than its field allows. A message never takes more than
 * hs_wire_bytes_max. */
int    hs_wire_encode(enum hs_msg_type type, const void *message,
                      struct hs_writer *writer) HS_MUST_CHECK;
size_t hs_wire_bytes_max(enum hs_msg_type type, const void *message);
/* Fills message (absent fields zero); its views point into body. 0 or -EPROTO; then message is
 * zero. */
int hs_wire_decode(enum hs_msg_type type, struct hs_view body, void *message) HS_MUST_CHECK;
/* What a role does with a frame from a peer: 0; -ENOENT: unknown type, count it and drop it;
 * -EPROTONOSUPPORT: unknown version of the body, answer REFUSED; -EACCES: not from that role to
 * this one; -EPROTO: malformed. */
int hs_wire_open(const struct hs_frame *frame, enum hs_role_kind from, enum hs_role_kind to,
                 union hs_msg *message) HS_MUST_CHECK;
/* Was this field of a decoded message there? &submit, &submit.timeout_ns */
bool hs_wire_has(enum hs_msg_type type, const void *message, const void *field);

/* Rows in a view. get: 1 and the next row; 0: no more; -EPROTO. */
void hs_wire_put_row(enum hs_msg_type type, const void *row, struct hs_writer *writer);
int  hs_wire_get_row(enum hs_msg_type type, struct hs_reader *rows, void *row) HS_MUST_CHECK;

/* "SUBMIT client_id=\"me\" seq=3 digest=ab12... plan=<123 bytes>"; returns text, cut to bytes. For
 * logs and tests. */
const char *hs_wire_print(enum hs_msg_type type, const void *message, char *text, size_t bytes);

#endif
