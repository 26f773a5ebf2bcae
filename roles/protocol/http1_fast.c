// SPDX-License-Identifier: Apache-2.0
/* http1_fast.c - reads an ordinary head that lies in one buffer, 16 bytes at a time. Whatever is
 * not ordinary (bare LF, odd values, repeated lengths, errors, a head that is not all there) it
 * leaves to the byte machine by returning 0, so it needs no opinion of its own about what is
 * wrong. */
#include "roles/protocol/http1_head.h"

#include "shm/base/limits.h"

#include <string.h>

#if defined(__x86_64__) && !defined(HS_HTTP1_PORTABLE)

#include <emmintrin.h>

enum {
    BLOCK_BYTES = 16,
    /* Heads up to the length that a line may have: then no line is too long, and the head is
     * not. */
    FAST_HEAD_BYTES_MAX = HS_HTTP1_LINE_BYTES_MAX,
    STATUS_LINE_BYTES_MIN = 15, /* "HTTP/1.1 200\r\n" and something */
    NUMBER_DIGITS_MAX = 18
};

/* 16 bytes, at the end of the input padded with zeros, which are control characters: a line that is
 * cut off there looks as if it ended oddly, and is left to the machine. */
static inline __m128i load_block(const uint8_t *at, const uint8_t *end)
{
    uint8_t padded[BLOCK_BYTES] = {0};

    if (__builtin_expect(end - at >= BLOCK_BYTES, 1))
        return _mm_loadu_si128((const __m128i *)(const void *)at);
    memcpy(padded, at, (size_t)(end - at));
    return _mm_loadu_si128((const __m128i *)(const void *)padded);
}

/* Bits of the bytes that are at most limit. */
static inline unsigned mask_up_to(__m128i bytes, char limit)
{
    return (unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(limit)), bytes));
}

static inline unsigned mask_of(__m128i bytes, char value)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(value)));
}

/* Bits of the control characters but tab. */
static inline unsigned mask_controls(__m128i bytes)
{
    unsigned controls = mask_up_to(bytes, 0x1f);

    return __builtin_expect(controls != 0, 0) ? controls & ~mask_of(bytes, '\t') : 0;
}

static inline bool is_line_end(const uint8_t *at, const uint8_t *end)
{
    return end - at >= 2 && at[0] == '\r' && at[1] == '\n';
}

/* The CR of the CR LF that ends the line, or NULL: it does not end here, or not in that way. */
static inline const uint8_t *find_line_end(const uint8_t *at, const uint8_t *end)
{
    for (; at < end; at += BLOCK_BYTES) {
        unsigned controls = mask_controls(load_block(at, end));

        if (!controls) continue;
        at += __builtin_ctz(controls);
        return is_line_end(at, end) ? at : NULL;
    }
    return NULL;
}

/* The colon of a header, before which there is at least one byte and no blank; NULL: it is not that
 * simple. */
static inline const uint8_t *find_colon(const uint8_t *line, const uint8_t *end)
{
    for (const uint8_t *at = line; at < end; at += BLOCK_BYTES) {
        __m128i  bytes = load_block(at, end);
        unsigned colons = mask_of(bytes, ':');
        unsigned before = colons ? (colons & -colons) - 1 : 0xffff;

        if (mask_up_to(bytes, ' ') & before) return NULL;
        if (!colons) continue;
        at += __builtin_ctz(colons);
        return at > line ? at : NULL;
    }
    return NULL;
}

static inline uint64_t load_lower(const void *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word | UINT64_C(0x2020202020202020);
}

/* Whether two texts of the same length, 8 to 24, are equal but for case. The right one has letters
 * and hyphens only; the left one no control characters, of which CR would look like a hyphen. */
static inline bool is_word(const uint8_t *at, size_t bytes, const char *word, size_t word_bytes)
{
    uint64_t difference;

    if (bytes != word_bytes) return false;
    difference = load_lower(at) ^ load_lower(word);
    difference |= load_lower(at + bytes - 8) ^ load_lower(word + bytes - 8);
    if (word_bytes > 16) difference |= load_lower(at + 8) ^ load_lower(word + 8);
    return difference == 0;
}

static inline bool is_short_word(const uint8_t *at, size_t bytes, const char *word,
                                 size_t word_bytes)
{
    uint8_t difference = 0;

    if (bytes != word_bytes) return false;
    for (size_t i = 0; i < word_bytes; i++)
        difference |= (uint8_t)((at[i] | 0x20) ^ (uint8_t)word[i]);
    return difference == 0;
}

static inline void trim(const uint8_t **from, const uint8_t **to)
{
    while (*from < *to && (**from == ' ' || **from == '\t')) (*from)++;
    while (*from < *to && ((*to)[-1] == ' ' || (*to)[-1] == '\t')) (*to)--;
}

static bool read_length(struct hs_http1 *parser, const uint8_t *from, const uint8_t *to)
{
    uint64_t value = 0;

    if (parser->seen & HS_HTTP1_SAW_LENGTH) return false;
    if (from == to || to - from > NUMBER_DIGITS_MAX) return false;
    for (; from < to; from++) {
        if (*from < '0' || *from > '9') return false;
        value = value * 10 + (uint64_t)(*from - '0');
    }
    /* The machine gives up one digit earlier than it must: leave that edge to it. */
    if (value > (uint64_t)INT64_MAX / 100) return false;
    parser->seen |= HS_HTTP1_SAW_LENGTH;
    parser->content_length = value;
    return true;
}

/* A header whose first letter may be one that matters. False: not ordinary. */
static bool read_header(struct hs_http1 *parser, const uint8_t *line, const uint8_t *colon,
                        const uint8_t *line_end)
{
    size_t         name_bytes = (size_t)(colon - line);
    const uint8_t *from = colon + 1;
    const uint8_t *to = line_end;

    if (is_word(line, name_bytes, "content-length", 14)) {
        trim(&from, &to);
        return read_length(parser, from, to);
    }
    if (is_word(line, name_bytes, "connection", 10)) {
        trim(&from, &to);
        if (is_word(from, (size_t)(to - from), "keep-alive", 10))
            parser->seen |= HS_HTTP1_SAW_KEEP_ALIVE;
        else if (is_short_word(from, (size_t)(to - from), "close", 5))
            parser->seen |= HS_HTTP1_SAW_CLOSE;
        else
            return false;
    } else if (is_word(line, name_bytes, "transfer-encoding", 17)) {
        trim(&from, &to);
        if (parser->seen & HS_HTTP1_SAW_TRANSFER) return false;
        if (!is_short_word(from, (size_t)(to - from), "chunked", 7)) return false;
        parser->seen |= HS_HTTP1_SAW_TRANSFER | HS_HTTP1_SAW_CHUNKED;
    }
    return true;
}

static bool read_version(struct hs_http1 *parser, const uint8_t *at)
{
    if (memcmp(at, "HTTP/1.", 7) != 0 || (at[7] != '0' && at[7] != '1')) return false;
    parser->version_minor = (uint8_t)(at[7] - '0');
    return true;
}

static bool read_status_line(struct hs_http1 *parser, const uint8_t *line, const uint8_t *line_end)
{
    unsigned hundreds;
    unsigned tens;
    unsigned ones;

    if (line_end - line < 12 || !read_version(parser, line) || line[8] != ' ') return false;
    hundreds = line[9] - (unsigned)'0';
    tens = line[10] - (unsigned)'0';
    ones = line[11] - (unsigned)'0';
    if (hundreds - 1 > 8 || tens > 9 || ones > 9) return false;
    if (line_end - line > 12 && line[12] != ' ') return false;
    parser->status = (uint16_t)(hundreds * 100 + tens * 10 + ones);
    return true;
}

static bool read_request_line(struct hs_http1 *parser, const uint8_t *line, const uint8_t *line_end)
{
    const uint8_t *space = memchr(line, ' ', (size_t)(line_end - line));
    const uint8_t *target;
    size_t         target_bytes;

    if (!space || space == line || line_end - space < 11) return false;
    target = space + 1;
    target_bytes = (size_t)(line_end - target) - 9;
    if (line_end[-9] != ' ' || !read_version(parser, line_end - 8)) return false;
    if (memchr(line, '\t', (size_t)(line_end - line))) return false;
    return target_bytes > 0 && !memchr(target, ' ', target_bytes);
}

static const uint8_t *read_headers(struct hs_http1 *parser, const uint8_t *line, const uint8_t *end)
{
    for (unsigned count = 0; count <= HS_HTTP_HEADERS_MAX; count++) {
        const uint8_t *colon = find_colon(line, end);
        const uint8_t *line_end;

        if (!colon) return is_line_end(line, end) ? line + 2 : NULL;
        line_end = find_line_end(colon + 1, end);
        if (!line_end) return NULL;
        if (((*line | 0x20) == 'c' || (*line | 0x20) == 't') &&
            !read_header(parser, line, colon, line_end))
            return NULL;
        line = line_end + 2;
    }
    return NULL;
}

size_t hs_http1_head_fast(struct hs_http1 *parser, const uint8_t *bytes, size_t byte_count)
{
    struct hs_http1 trial = *parser;
    const uint8_t  *end =
        bytes + (byte_count < FAST_HEAD_BYTES_MAX ? byte_count : (size_t)FAST_HEAD_BYTES_MAX);
    const uint8_t *line_end;
    const uint8_t *head_end;

    if (byte_count < STATUS_LINE_BYTES_MIN) return 0;
    line_end = find_line_end(bytes, end);
    if (!line_end) return 0;
    if (parser->flags & HS_HTTP1_IS_REQUEST) {
        if (!read_request_line(&trial, bytes, line_end)) return 0;
    } else if (!read_status_line(&trial, bytes, line_end)) {
        return 0;
    }
    head_end = read_headers(&trial, line_end + 2, end);
    if (!head_end) return 0;
    *parser = trial;
    hs_http1_head_end(parser);
    return (size_t)(head_end - bytes);
}

#else

size_t hs_http1_head_fast(struct hs_http1 *parser, const uint8_t *bytes, size_t byte_count)
{
    (void)parser;
    (void)bytes;
    (void)byte_count;
    return 0; /* always the byte machine */
}

#endif
