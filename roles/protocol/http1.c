// SPDX-License-Identifier: Apache-2.0
/* http1.c - bodies, chunks, and the loop over what was received. */
#include "roles/protocol/http1.h"

#include "roles/protocol/http1_head.h"
#include "shm/base/limits.h"

#include <errno.h>
#include <string.h>

enum { CHUNK_DIGITS_MAX = 32 };

void hs_http1_init(struct hs_http1 *parser, bool is_answer_to_head)
{
    *parser = (struct hs_http1){.flags = is_answer_to_head ? HS_HTTP1_IS_HEAD_ONLY : 0};
}

bool hs_http1_is_untouched(const struct hs_http1 *parser)
{
    return parser->state == HS_HTTP1_START && parser->head_bytes == 0 && parser->interim_count == 0;
}

void hs_http1_capture_init(struct hs_http1_capture *capture, uint8_t *head,
                           uint32_t head_capacity_bytes, uint8_t *body,
                           uint32_t body_capacity_bytes)
{
    *capture = (struct hs_http1_capture){.head = head,
                                         .head_capacity_bytes = head_capacity_bytes,
                                         .body = body,
                                         .body_capacity_bytes = body_capacity_bytes};
}

static uint32_t append(uint8_t *to, uint32_t used_bytes, uint32_t capacity_bytes,
                       const uint8_t *from, size_t bytes)
{
    size_t room_bytes = capacity_bytes - used_bytes;
    size_t taken_bytes = bytes < room_bytes ? bytes : room_bytes;

    if (taken_bytes > 0) memcpy(to + used_bytes, from, taken_bytes);
    return (uint32_t)taken_bytes;
}

static void capture_head(struct hs_http1_capture *capture, const uint8_t *bytes, size_t byte_count)
{
    uint32_t taken_bytes;

    taken_bytes =
        append(capture->head, capture->head_bytes, capture->head_capacity_bytes, bytes, byte_count);
    capture->head_bytes += taken_bytes;
    if (taken_bytes < byte_count && capture->head_capacity_bytes > 0) capture->is_head_cut = true;
}

static void capture_body(struct hs_http1_capture *capture, const uint8_t *bytes, size_t byte_count)
{
    uint32_t taken_bytes;

    taken_bytes =
        append(capture->body, capture->body_bytes, capture->body_capacity_bytes, bytes, byte_count);
    capture->body_bytes += taken_bytes;
    if (taken_bytes < byte_count && capture->body_capacity_bytes > 0) capture->is_body_cut = true;
}

static bool fail_chunk(struct hs_http1 *parser)
{
    return hs_http1_fail(parser, HS_ERROR_HTTP_BAD_CHUNK);
}

/* The size line is read: data, or the trailer section after the last chunk. */
static bool end_size(struct hs_http1 *parser)
{
    if (parser->at == 0) return fail_chunk(parser); /* no digit */
    parser->line_bytes = 0;
    parser->at = 0;
    if (parser->left_bytes > 0) {
        parser->state = HS_HTTP1_CHUNK;
        return true;
    }
    parser->state = HS_HTTP1_LINE;
    parser->seen |= HS_HTTP1_IN_TRAILER;
    parser->line_count = 0;
    parser->head_bytes = 0;
    return true;
}

static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -EINVAL;
}

/* parser->at counts digits. */
static bool size_byte(struct hs_http1 *parser, uint8_t byte)
{
    int digit = hex_value(byte);

    if (digit >= 0) {
        parser->left_bytes = parser->left_bytes << 4 | (unsigned)digit;
        if (++parser->at > CHUNK_DIGITS_MAX || parser->left_bytes > INT32_MAX)
            return fail_chunk(parser);
        return true;
    }
    if (byte == '\r') {
        parser->state = HS_HTTP1_SIZE_CR;
        return true;
    }
    if (byte == '\n') {
        parser->flags |= HS_HTTP1_BARE_LF;
        return end_size(parser);
    }
    if (parser->at == 0 || (byte != ';' && byte != ' ' && byte != '\t')) return fail_chunk(parser);
    if (byte == ';')
        parser->state = HS_HTTP1_EXTENSION;
    else
        parser->at = CHUNK_DIGITS_MAX; /* blanks before an extension or the end; no more digits */
    return true;
}

static bool extension_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (byte == '\r') {
        parser->state = HS_HTTP1_SIZE_CR;
        return true;
    }
    if (byte == '\n') {
        parser->flags |= HS_HTTP1_BARE_LF;
        return end_size(parser);
    }
    if (byte == 0 || ++parser->extension_bytes > HS_HTTP1_EXTENSION_BYTES_MAX)
        return fail_chunk(parser);
    return true;
}

static bool chunk_end_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (byte == '\r' && parser->state == HS_HTTP1_CHUNK_END) {
        parser->state = HS_HTTP1_CHUNK_CR;
        return true;
    }
    if (byte != '\n') return fail_chunk(parser);
    if (parser->state == HS_HTTP1_CHUNK_END) parser->flags |= HS_HTTP1_BARE_LF;
    parser->state = HS_HTTP1_SIZE;
    parser->left_bytes = 0;
    parser->line_bytes = 0;
    parser->at = 0;
    return true;
}

/* Everything of chunked framing but the data. */
static bool frame_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (parser->state == HS_HTTP1_CHUNK_END || parser->state == HS_HTTP1_CHUNK_CR)
        return chunk_end_byte(parser, byte);
    if (++parser->line_bytes > HS_HTTP_CHUNK_LINE_BYTES_MAX) return fail_chunk(parser);
    if (parser->state == HS_HTTP1_SIZE) return size_byte(parser, byte);
    if (parser->state == HS_HTTP1_EXTENSION) return extension_byte(parser, byte);
    return byte == '\n' ? end_size(parser) : fail_chunk(parser);
}

static size_t feed_data(struct hs_http1 *parser, struct hs_http1_capture *capture,
                        const uint8_t *bytes, size_t byte_count)
{
    size_t taken_bytes = byte_count;

    if (parser->state != HS_HTTP1_CLOSING) {
        if (taken_bytes > parser->left_bytes) taken_bytes = (size_t)parser->left_bytes;
        parser->left_bytes -= taken_bytes;
        if (parser->left_bytes == 0)
            parser->state =
                parser->state == HS_HTTP1_CHUNK ? HS_HTTP1_CHUNK_END : HS_HTTP1_COMPLETE;
    }
    parser->body_bytes += taken_bytes;
    if (capture) capture_body(capture, bytes, taken_bytes);
    return taken_bytes;
}

static size_t feed_head(struct hs_http1 *parser, struct hs_http1_capture *capture,
                        const uint8_t *bytes, size_t byte_count)
{
    bool   is_trailer = (parser->seen & HS_HTTP1_IN_TRAILER) != 0;
    bool   is_start = parser->head_bytes == 0 && !is_trailer;
    size_t taken_bytes = is_start ? hs_http1_head_fast(parser, bytes, byte_count) : 0;

    if (taken_bytes == 0) taken_bytes = hs_http1_head_slow(parser, bytes, byte_count);
    if (capture && !is_trailer) {
        if (is_start) { /* what was there is an interim response */
            capture->head_bytes = 0;
            capture->is_head_cut = false;
        }
        capture_head(capture, bytes, taken_bytes);
    }
    return taken_bytes;
}

int hs_http1_feed(struct hs_http1 *parser, struct hs_http1_capture *capture, const uint8_t *bytes,
                  size_t byte_count, size_t *consumed)
{
    size_t at = 0;

    while (at < byte_count && parser->state < HS_HTTP1_COMPLETE) {
        if (hs_http1_in_head(parser))
            at += feed_head(parser, capture, bytes + at, byte_count - at);
        else if (parser->state == HS_HTTP1_BODY || parser->state == HS_HTTP1_CHUNK ||
                 parser->state == HS_HTTP1_CLOSING)
            at += feed_data(parser, capture, bytes + at, byte_count - at);
        else if (frame_byte(parser, bytes[at]))
            at++;
    }
    *consumed = at;
    if (parser->state == HS_HTTP1_FAILED) return -EPROTO;
    return parser->state == HS_HTTP1_COMPLETE ? HS_HTTP1_DONE : HS_HTTP1_MORE;
}

int hs_http1_eof(struct hs_http1 *parser)
{
    if (parser->state == HS_HTTP1_CLOSING) parser->state = HS_HTTP1_COMPLETE;
    if (parser->state == HS_HTTP1_COMPLETE) return HS_HTTP1_DONE;
    if (parser->state != HS_HTTP1_FAILED) (void)hs_http1_fail(parser, HS_ERROR_RECV_EOF_EARLY);
    return -EPROTO;
}

static bool is_name(struct hs_view line, struct hs_view name)
{
    if (line.bytes <= name.bytes || line.data[name.bytes] != ':') return false;
    for (size_t i = 0; i < name.bytes; i++) {
        uint8_t a = line.data[i];
        uint8_t b = name.data[i];

        if (a == b) continue;
        if ((a | 0x20) != (b | 0x20) || (a | 0x20) < 'a' || (a | 0x20) > 'z') return false;
    }
    return true;
}

static struct hs_view trim_view(struct hs_view view)
{
    while (view.bytes > 0 && (*view.data == ' ' || *view.data == '\t')) {
        view.data++;
        view.bytes--;
    }
    while (view.bytes > 0 && view.data[view.bytes - 1] <= ' ') view.bytes--; /* CR, too */
    return view;
}

bool hs_http1_header(struct hs_view head, struct hs_view name, struct hs_view *value)
{
    const uint8_t *at = head.data;
    const uint8_t *end = head.data + head.bytes;

    while (at < end) {
        const uint8_t *feed = memchr(at, '\n', (size_t)(end - at));
        struct hs_view line = {at, (size_t)((feed ? feed : end) - at)};

        if (!feed) break; /* cut off: who knows how it would go on */
        if (is_name(line, name)) {
            line.data += name.bytes + 1;
            line.bytes -= name.bytes + 1;
            *value = trim_view(line);
            return true;
        }
        at += line.bytes + 1;
    }
    return false;
}
