// SPDX-License-Identifier: Apache-2.0
/* frame.h - the envelope of every message between roles: sixteen bytes of header, little-endian,
 * then the body. Does not know what a body means (roles/wire.h does). Pure.
 *
 *    0        4      6         7       8                 16
 *    | length | type | version | flags | request id      | body: length bytes
 *
 * The header has the same shape in every version. */
#ifndef HS_IPC_FRAME_H
#define HS_IPC_FRAME_H

#include "shm/base/bytes.h"
#include "shm/base/err.h"
#include "shm/base/limits.h"

#include <stdint.h>

enum {
    HS_FRAME_VERSION = 1, /* of the bodies that we write */
    HS_FRAME_HEADER_BYTES = 16,
    HS_FRAME_BODY_BYTES_MAX = HS_FRAME_BYTES_MAX - HS_FRAME_HEADER_BYTES
};

enum hs_frame_flags {
    HS_FRAME_REPLY = 1 /* answers the request of that id */
    /* bits that we do not know are ignored */
};

/* In the order in which frames leave (outgoing.h); no part of a frame. */
enum hs_rank {
    HS_RANK_CONTROL, /* who lives, who leads, what is to stop: small, with room of its own */
    HS_RANK_DISPATCH,
    HS_RANK_DATA,
    HS_RANK_COUNT
};

struct hs_frame {
    uint16_t       type;
    uint8_t        version;
    uint8_t        flags;
    enum hs_rank   rank;       /* of one that is to be sent */
    uint64_t       request_id; /* 0: nobody waits for an answer */
    struct hs_view body;       /* a view: into the buffer that was parsed */
};

/* Writes the header of frame (its body counts only with its length). The body is at most
 * HS_FRAME_BODY_BYTES_MAX. */
void hs_frame_put_header(uint8_t header[HS_FRAME_HEADER_BYTES], const struct hs_frame *frame);

/* The first frame in received: how many bytes it takes, its body a view into received; 0: more
 * bytes are needed, at least *need_bytes in all; -EPROTO: version 0; -EMSGSIZE: longer than
 * HS_FRAME_BYTES_MAX, said as soon as the length is there and before anything is buffered. */
int hs_frame_parse(struct hs_view received, struct hs_frame *frame,
                   size_t *need_bytes) HS_MUST_CHECK;

#endif
