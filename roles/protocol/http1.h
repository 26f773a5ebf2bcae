// SPDX-License-Identifier: Apache-2.0
/* http1.h - reads HTTP/1.1 messages from bytes as they come: responses of a target, and requests
 * for the built-in one (http1_request.h). Pure and resumable at any byte; keeps no bytes itself, so
 * an idle connection costs one small struct. Does not interpret bodies, follow redirects or
 * decompress.
 *
 * A head that lies in one buffer takes the fast path (lines found 16 bytes at a time); all else,
 * and whatever the fast path finds odd, goes through a byte machine, so that errors have one
 * definition. Both give the same results.
 *
 * Strict as a measuring client must be: two different Content-Lengths, Content-Length with
 * Transfer-Encoding, folded headers, NUL, bare CR, space before a colon are http.parse. Bare LF is
 * accepted and flagged. 1xx are skipped (at most HS_HTTP1_INTERIM_MAX), but 101 ends the message:
 * the connection is no longer HTTP. 204, 304 and answers to HEAD have no body. Without length or
 * chunks the body ends with the connection. */
#ifndef HS_PROTOCOL_HTTP1_H
#define HS_PROTOCOL_HTTP1_H

#include "roles/stats/error_class.h"
#include "shm/base/assert.h"
#include "shm/base/bytes.h"

enum {
    HS_HTTP1_INTERIM_MAX = 16,            /* 1xx before the answer; a flood of them is http.parse */
    HS_HTTP1_LINE_BYTES_MAX = 8 << 10,    /* a line of the head */
    HS_HTTP1_TRAILER_BYTES_MAX = 8 << 10, /* all trailers of a message */
    HS_HTTP1_EXTENSION_BYTES_MAX = 16 << 10 /* chunk extensions of a message (CVE-2023-39326) */
};

/* What hs_http1_feed found, besides errors. */
enum hs_http1_progress {
    HS_HTTP1_MORE, /* everything was consumed and the message is not complete */
    /* complete; bytes after `consumed` belong to the next message, if anybody asked for one */
    HS_HTTP1_DONE
};

enum {
    HS_HTTP1_HAS_HEAD = 1,    /* the (final) head is complete: status, length and keep-alive hold */
    HS_HTTP1_HAS_LENGTH = 2,  /* content_length was given */
    HS_HTTP1_IS_CHUNKED = 4,  /* */
    HS_HTTP1_UNTIL_CLOSE = 8, /* the body ends with the connection */
    HS_HTTP1_KEEP_ALIVE = 16, /* the connection may be used again after DONE */
    HS_HTTP1_BARE_LF = 32,    /* some line ended without CR */
    HS_HTTP1_IS_HEAD_ONLY = 64, /* answer to HEAD: no body whatever the headers say */
    HS_HTTP1_IS_REQUEST = 128
};

/* Bounded copies of what passes by, for checks that look at text. The caller's memory; either part
 * may have no room. The head is that of the final response, with its empty line; the body is
 * decoded (without chunk framing). */
struct hs_http1_capture {
    uint8_t *head;
    uint32_t head_capacity_bytes;
    uint32_t head_bytes;
    uint8_t *body;
    uint32_t body_capacity_bytes;
    uint32_t body_bytes;
    bool     is_head_cut; /* it did not fit */
    bool     is_body_cut;
};

/* Fields above the line are for the caller once HS_HTTP1_HAS_HEAD is set. */
struct hs_http1 {
    uint64_t content_length; /* as announced, if HS_HTTP1_HAS_LENGTH */
    uint64_t body_bytes;     /* decoded, so far */
    uint16_t status;
    uint8_t  flags;
    uint8_t  error; /* enum hs_error_class, after -EPROTO */
    /* ---- inside ---- */
    uint8_t  state;
    uint8_t  line;       /* which header the line is, and how far its value is understood */
    uint8_t  name_mask;  /* known names (or tokens) that still match */
    uint8_t  at;         /* position in the name or token */
    uint64_t left_bytes; /* of the body or chunk; digits of a length while in the head */
    uint32_t head_bytes; /* of this head; trailers count afresh */
    uint16_t line_bytes; /* of this line */
    uint16_t extension_bytes;
    uint8_t  line_count;
    uint8_t  interim_count;
    uint8_t  seen; /* headers of this head that decide about the body */
    uint8_t  version_minor;
};

HS_STATIC_ASSERT(sizeof(struct hs_http1) <= 64, "10,000 idle connections are a matter of KiB each");

void hs_http1_init(struct hs_http1 *parser, bool is_answer_to_head);

/* Takes bytes as received; *consumed says how many were used. capture may be NULL; give the same
 * one for a whole message. Returns enum hs_http1_progress, or -EPROTO: parser->error names the
 * class and the connection is of no further use. */
int hs_http1_feed(struct hs_http1 *parser, struct hs_http1_capture *capture, const uint8_t *bytes,
                  size_t byte_count, size_t *consumed) HS_MUST_CHECK;
/* The peer closed. DONE if that is how the body ends; else -EPROTO, error recv.eof_early. */
int hs_http1_eof(struct hs_http1 *parser) HS_MUST_CHECK;

static inline bool hs_http1_has_head(const struct hs_http1 *parser)
{
    return (parser->flags & HS_HTTP1_HAS_HEAD) != 0;
}

static inline bool hs_http1_keeps_alive(const struct hs_http1 *parser)
{
    return (parser->flags & HS_HTTP1_KEEP_ALIVE) != 0;
}

/* Nothing of the message has arrived: a close now is recv.idle_closed, not recv.eof_early. */
bool hs_http1_is_untouched(const struct hs_http1 *parser);

void hs_http1_capture_init(struct hs_http1_capture *capture, uint8_t *head,
                           uint32_t head_capacity_bytes, uint8_t *body,
                           uint32_t body_capacity_bytes);
/* The first header of that name (any case) in a captured head, without surrounding blanks. false:
 * not there. */
bool hs_http1_header(struct hs_view head, struct hs_view name, struct hs_view *value);

#endif
