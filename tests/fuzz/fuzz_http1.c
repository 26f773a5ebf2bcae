// SPDX-License-Identifier: Apache-2.0
/* fuzz_http1.c - the HTTP/1.1 reader on anything: the same result however the input is split (so
 * the fast path and the byte machine agree), nothing consumed that was not given, and bodies
 * counted as an independent reader of 40 lines counts them. First byte: bit 0 request, bit 1 answer
 * to HEAD; second: where to split. */
#include "roles/protocol/http1.h"
#include "roles/protocol/http1_request.h"
#include "shm/base/limits.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WINDOW_BYTES = 512 };

struct outcome {
    struct hs_http1         parser;
    struct hs_http1_capture capture;
    uint8_t                 head[WINDOW_BYTES];
    uint8_t                 body[WINDOW_BYTES];
    size_t                  consumed;
    int                     rc;
};

static void require(int holds)
{
    if (!holds) abort();
}

/* Pieces of first bytes, then of step bytes each (0: all the rest at once); each in memory of its
 * own exact size. */
static void feed_pieces(struct outcome *outcome, uint8_t mode, const uint8_t *data, size_t size,
                        size_t first, size_t step)
{
    size_t piece = first;

    memset(outcome, 0, sizeof *outcome);
    hs_http1_init(&outcome->parser, (mode & 2) != 0);
    if (mode & 1) outcome->parser.flags = HS_HTTP1_IS_REQUEST;
    hs_http1_capture_init(&outcome->capture, outcome->head, WINDOW_BYTES, outcome->body,
                          WINDOW_BYTES);
    outcome->rc = HS_HTTP1_MORE;
    while (outcome->rc == HS_HTTP1_MORE && outcome->consumed < size) {
        uint8_t *copy;
        size_t   used = 0;

        if (piece > size - outcome->consumed) piece = size - outcome->consumed;
        copy = malloc(piece ? piece : 1);
        require(copy != NULL);
        memcpy(copy, data + outcome->consumed, piece);
        outcome->rc = hs_http1_feed(&outcome->parser, &outcome->capture, copy, piece, &used);
        free(copy);
        require(used <= piece);
        require(outcome->rc != HS_HTTP1_MORE || used == piece);
        outcome->consumed += used;
        piece = step ? step : size - outcome->consumed;
    }
    if (outcome->rc == HS_HTTP1_MORE) outcome->rc = 2 + hs_http1_eof(&outcome->parser);
}

static void require_same(const struct outcome *a, const struct outcome *b)
{
    require(a->rc == b->rc);
    require(a->parser.error == b->parser.error);
    if (a->rc < 0) return;
    require(a->consumed == b->consumed);
    require(a->parser.status == b->parser.status && a->parser.flags == b->parser.flags);
    require(a->parser.content_length == b->parser.content_length);
    require(a->parser.body_bytes == b->parser.body_bytes);
    require(a->capture.head_bytes == b->capture.head_bytes);
    require(a->capture.body_bytes == b->capture.body_bytes);
    require(memcmp(a->head, b->head, WINDOW_BYTES) == 0);
    require(memcmp(a->body, b->body, WINDOW_BYTES) == 0);
}

/* Another reading of chunked framing, for accepted messages only: the sum of the sizes up to the
 * one that is zero. */
static uint64_t sum_chunks(const uint8_t *at, const uint8_t *end)
{
    uint64_t sum = 0;

    for (;;) {
        const uint8_t *line_end = memchr(at, '\n', (size_t)(end - at));
        uint64_t       chunk = 0;

        require(line_end != NULL);
        for (; at < line_end; at++) {
            if (*at >= '0' && *at <= '9')
                chunk = chunk * 16 + (uint64_t)(*at - '0');
            else if ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'f')
                chunk = chunk * 16 + (uint64_t)((*at | 0x20) - 'a' + 10);
            else
                break;
        }
        if (chunk == 0) return sum;
        sum += chunk;
        require((uint64_t)(end - line_end) > chunk + 1);
        at = line_end + 1 + chunk;
        at += *at == '\r' ? 2 : 1;
    }
}

/* What the figures of a complete message must satisfy among themselves. */
static void require_sane(const struct outcome *outcome, const uint8_t *data)
{
    const struct hs_http1 *parser = &outcome->parser;
    uint8_t                both = HS_HTTP1_HAS_LENGTH | HS_HTTP1_IS_CHUNKED;

    require(parser->state != 0);
    if (outcome->rc != HS_HTTP1_DONE) return;
    require(hs_http1_has_head(parser));
    require((parser->flags & both) != both);
    require((parser->flags & HS_HTTP1_IS_REQUEST) ||
            (parser->status >= 100 && parser->status <= 999));
    require(parser->body_bytes <= outcome->consumed);
    if ((parser->flags & HS_HTTP1_HAS_LENGTH) && parser->body_bytes > 0)
        require(parser->body_bytes == parser->content_length);
    if ((parser->flags & HS_HTTP1_IS_CHUNKED) && outcome->capture.head_bytes < WINDOW_BYTES &&
        memcmp(data, outcome->head, outcome->capture.head_bytes) == 0)
        require(parser->body_bytes ==
                sum_chunks(data + outcome->capture.head_bytes, data + outcome->consumed));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole;
    static struct outcome split;
    struct hs_view        ignored;
    uint8_t               mode;
    size_t                first;

    if (size < 2) return 0;
    mode = data[0];
    first = data[1];
    data += 2;
    size -= 2;
    feed_pieces(&whole, mode, data, size, size, 0);
    require_sane(&whole, data);
    feed_pieces(&split, mode, data, size, first, 0);
    require_same(&whole, &split);
    if (size <= 4096) {
        feed_pieces(&split, mode, data, size, 1, 1);
        require_same(&whole, &split);
    }
    (void)hs_http1_header(hs_view_of(whole.head, whole.capture.head_bytes), hs_view_text("Host"),
                          &ignored);
    return 0;
}
