// SPDX-License-Identifier: Apache-2.0
/* http1_head.h - inside http1: the states, and the two ways to read a head. Only http1*.c include
 * it. */
#ifndef HS_PROTOCOL_HTTP1_HEAD_H
#define HS_PROTOCOL_HTTP1_HEAD_H

#include "roles/protocol/http1.h"

enum hs_http1_state {
    HS_HTTP1_START, /* status line up to the minor version; of a request: the method */
    HS_HTTP1_TARGET,
    HS_HTTP1_VERSION, /* of a request */
    HS_HTTP1_MINOR,
    HS_HTTP1_AFTER_MINOR,
    HS_HTTP1_STATUS,
    HS_HTTP1_AFTER_STATUS,
    HS_HTTP1_REASON,
    HS_HTTP1_START_CR,
    HS_HTTP1_LINE, /* first byte of a header, a trailer, or the empty line */
    HS_HTTP1_NAME,
    HS_HTTP1_VALUE,
    HS_HTTP1_VALUE_CR,
    HS_HTTP1_END_CR,
    HS_HTTP1_LAST_HEAD_STATE = HS_HTTP1_END_CR,
    HS_HTTP1_SIZE, /* of a chunk */
    HS_HTTP1_EXTENSION,
    HS_HTTP1_SIZE_CR,
    HS_HTTP1_CHUNK,
    HS_HTTP1_CHUNK_END,
    HS_HTTP1_CHUNK_CR,
    HS_HTTP1_BODY,
    HS_HTTP1_CLOSING, /* body until the connection ends */
    HS_HTTP1_COMPLETE,
    HS_HTTP1_FAILED
};

/* parser->seen */
enum {
    HS_HTTP1_SAW_LENGTH = 1,
    HS_HTTP1_SAW_TRANSFER = 2,
    HS_HTTP1_SAW_CHUNKED = 4, /* as the last transfer coding */
    HS_HTTP1_SAW_CLOSE = 8,
    HS_HTTP1_SAW_KEEP_ALIVE = 16,
    HS_HTTP1_IN_TRAILER = 32
};

static inline bool hs_http1_in_head(const struct hs_http1 *parser)
{
    return parser->state <= HS_HTTP1_LAST_HEAD_STATE;
}

/* Sets state and class; returns false, so that it can end a check. */
bool hs_http1_fail(struct hs_http1 *parser, enum hs_error_class error);

/* The slow way: bytes until the head (or the trailer section) ends, the input ends, or the parser
 * fails. Returns how many were used. */
size_t hs_http1_head_slow(struct hs_http1 *parser, const uint8_t *bytes, size_t byte_count);
/* The fast way, for a parser at the start of a head: how many bytes the head has, and the parser is
 * past it; or 0, the head is not all there or not quite ordinary, and the parser is as before. */
size_t hs_http1_head_fast(struct hs_http1 *parser, const uint8_t *bytes, size_t byte_count);

/* The empty line was read: what follows? Both ways end here. */
void hs_http1_head_end(struct hs_http1 *parser);

#endif
