// SPDX-License-Identifier: Apache-2.0
/* http1_head.c - the byte machine for start lines, headers and trailers: the definition of what is
 * accepted. */
#include "roles/protocol/http1_head.h"

#include "shm/base/limits.h"

enum known_name { NAME_LENGTH, NAME_TRANSFER, NAME_CONNECTION, NAME_COUNT };
enum known_token { TOKEN_CHUNKED, TOKEN_CLOSE, TOKEN_KEEP_ALIVE, TOKEN_COUNT };

/* parser->line: what the value of this line means. */
enum { LINE_PLAIN, LINE_LENGTH, LINE_TRANSFER, LINE_CONNECTION };
/* parser->at within a length: where in the number. Within a token: how many of its characters were
 * seen. */
enum { LENGTH_BEFORE, LENGTH_DIGITS, LENGTH_AFTER };

static const char version[] = "HTTP/1.";

static const char *const names[NAME_COUNT] = {"content-length", "transfer-encoding", "connection"};
static const char *const tokens[TOKEN_COUNT] = {"chunked", "close", "keep-alive"};
static const uint8_t     name_bytes[NAME_COUNT] = {14, 17, 10};
static const uint8_t     token_bytes[TOKEN_COUNT] = {7, 5, 10};

enum { ALL_NAMES = (1 << NAME_COUNT) - 1, ALL_TOKENS = (1 << TOKEN_COUNT) - 1 };

bool hs_http1_fail(struct hs_http1 *parser, enum hs_error_class error)
{
    parser->state = HS_HTTP1_FAILED;
    parser->error = (uint8_t)error;
    return false;
}

static bool fail_parse(struct hs_http1 *parser)
{
    return hs_http1_fail(parser, HS_ERROR_HTTP_PARSE);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

/* Which of the words still in mask have byte at position at. */
static uint8_t narrow(const char *const *words, const uint8_t *word_bytes, unsigned word_count,
                      uint8_t mask, uint8_t at, uint8_t byte)
{
    for (unsigned i = 0; i < word_count; i++)
        if (at >= word_bytes[i] || (uint8_t)words[i][at] != lower(byte))
            mask = (uint8_t)(mask & ~(1u << i));
    return mask;
}

/* The word in mask that is exactly at characters long, or word_count. */
static unsigned matched(const uint8_t *word_bytes, unsigned word_count, uint8_t mask, uint8_t at)
{
    unsigned i = 0;

    while (i < word_count && !((mask >> i & 1) && word_bytes[i] == at)) i++;
    return i;
}

static void begin_line(struct hs_http1 *parser)
{
    parser->state = HS_HTTP1_LINE;
    parser->line_bytes = 0;
}

static void begin_token(struct hs_http1 *parser)
{
    parser->name_mask = ALL_TOKENS;
    parser->at = 0;
}

static void end_token(struct hs_http1 *parser)
{
    unsigned token = matched(token_bytes, TOKEN_COUNT, parser->name_mask, parser->at);

    if (parser->at == 0) return; /* empty list elements are allowed */
    if (parser->line == LINE_TRANSFER) {
        parser->seen = (uint8_t)(parser->seen & ~HS_HTTP1_SAW_CHUNKED);
        if (token == TOKEN_CHUNKED) parser->seen |= HS_HTTP1_SAW_CHUNKED;
    } else if (token == TOKEN_CLOSE) {
        parser->seen |= HS_HTTP1_SAW_CLOSE;
    } else if (token == TOKEN_KEEP_ALIVE) {
        parser->seen |= HS_HTTP1_SAW_KEEP_ALIVE;
    }
}

static void token_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (byte == ',') {
        end_token(parser);
        begin_token(parser);
    } else if (!is_blank(byte)) {
        parser->name_mask =
            narrow(tokens, token_bytes, TOKEN_COUNT, parser->name_mask, parser->at, byte);
        if (parser->at < UINT8_MAX) parser->at++;
    } else if (parser->at > 0 &&
               matched(token_bytes, TOKEN_COUNT, parser->name_mask, parser->at) == TOKEN_COUNT) {
        parser->name_mask = 0; /* a word, a blank: whatever follows, it is none of ours */
    }
}

static bool length_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (is_blank(byte)) {
        if (parser->at == LENGTH_DIGITS) parser->at = LENGTH_AFTER;
        return true;
    }
    if (!is_digit(byte) || parser->at == LENGTH_AFTER)
        return hs_http1_fail(parser, HS_ERROR_HTTP_BAD_LENGTH);
    parser->at = LENGTH_DIGITS;
    if (parser->left_bytes > (uint64_t)INT64_MAX / 10 - 1)
        return hs_http1_fail(parser, HS_ERROR_HTTP_BAD_LENGTH);
    parser->left_bytes = parser->left_bytes * 10 + (uint64_t)(byte - '0');
    return true;
}

static bool end_length(struct hs_http1 *parser)
{
    if (parser->at == LENGTH_BEFORE) return hs_http1_fail(parser, HS_ERROR_HTTP_BAD_LENGTH);
    if ((parser->seen & HS_HTTP1_SAW_LENGTH) && parser->content_length != parser->left_bytes)
        return fail_parse(parser);
    parser->seen |= HS_HTTP1_SAW_LENGTH;
    parser->content_length = parser->left_bytes;
    return true;
}

static bool end_line(struct hs_http1 *parser)
{
    unsigned line_max =
        parser->seen & HS_HTTP1_IN_TRAILER ? HS_HTTP_TRAILERS_MAX : HS_HTTP_HEADERS_MAX;

    if (parser->line == LINE_LENGTH && !end_length(parser)) return false;
    if (parser->line == LINE_TRANSFER || parser->line == LINE_CONNECTION) end_token(parser);
    if (++parser->line_count > line_max) return hs_http1_fail(parser, HS_ERROR_HTTP_HEADER_TOO_BIG);
    begin_line(parser);
    return true;
}

static void begin_value(struct hs_http1 *parser)
{
    unsigned name = matched(name_bytes, NAME_COUNT, parser->name_mask, parser->at);

    parser->state = HS_HTTP1_VALUE;
    parser->line = LINE_PLAIN;
    if (parser->seen & HS_HTTP1_IN_TRAILER) return; /* too late to mean anything */
    if (name == NAME_LENGTH) {
        parser->line = LINE_LENGTH;
        parser->at = LENGTH_BEFORE;
        parser->left_bytes = 0;
    } else if (name == NAME_TRANSFER) {
        parser->line = LINE_TRANSFER;
        parser->seen |= HS_HTTP1_SAW_TRANSFER;
        begin_token(parser);
    } else if (name == NAME_CONNECTION) {
        parser->line = LINE_CONNECTION;
        begin_token(parser);
    }
}

static bool name_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (byte == ':' && parser->line_bytes > 1) {
        begin_value(parser);
        return true;
    }
    if (byte <= ' ' || byte == ':') return fail_parse(parser); /* folds and "Name :" land here */
    parser->name_mask = narrow(names, name_bytes, NAME_COUNT, parser->name_mask, parser->at, byte);
    if (parser->at < UINT8_MAX) parser->at++;
    return true;
}

static bool value_byte(struct hs_http1 *parser, uint8_t byte)
{
    switch (byte) {
    case 0: return fail_parse(parser);
    case '\r': parser->state = HS_HTTP1_VALUE_CR; return true;
    case '\n': parser->flags |= HS_HTTP1_BARE_LF; return end_line(parser);
    default: break;
    }
    if (parser->line == LINE_LENGTH) return length_byte(parser, byte);
    if (parser->line != LINE_PLAIN) token_byte(parser, byte);
    return true;
}

static bool line_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (byte == '\r') {
        parser->state = HS_HTTP1_END_CR;
        return true;
    }
    if (byte == '\n') {
        parser->flags |= HS_HTTP1_BARE_LF;
        hs_http1_head_end(parser);
        return parser->state != HS_HTTP1_FAILED;
    }
    parser->state = HS_HTTP1_NAME;
    parser->name_mask = ALL_NAMES;
    parser->at = 0;
    return name_byte(parser, byte);
}

/* Method and target of a request: words of visible bytes. */
static bool word_byte(struct hs_http1 *parser, uint8_t byte, enum hs_http1_state next)
{
    if (byte == ' ' && parser->at > 0) {
        parser->state = (uint8_t)next;
        parser->at = 0;
        return true;
    }
    if (byte <= ' ') return fail_parse(parser);
    parser->at = 1;
    return true;
}

static bool version_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (byte != (uint8_t)version[parser->at]) return fail_parse(parser);
    if (++parser->at == sizeof version - 1) parser->state = HS_HTTP1_MINOR;
    return true;
}

static bool start_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (!(parser->flags & HS_HTTP1_IS_REQUEST)) return version_byte(parser, byte);
    if (parser->at == 0 && (byte == '\r' || byte == '\n')) return true; /* RFC 9112 2.2 */
    return word_byte(parser, byte, HS_HTTP1_TARGET);
}

static bool end_start_line(struct hs_http1 *parser, uint8_t byte)
{
    if (byte == '\r') {
        parser->state = HS_HTTP1_START_CR;
        return true;
    }
    if (byte != '\n') return fail_parse(parser);
    parser->flags |= HS_HTTP1_BARE_LF;
    begin_line(parser);
    return true;
}

static bool after_minor_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (parser->flags & HS_HTTP1_IS_REQUEST) return end_start_line(parser, byte);
    if (byte != ' ') return fail_parse(parser);
    parser->state = HS_HTTP1_STATUS;
    return true;
}

static bool status_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (!is_digit(byte) || (parser->status == 0 && byte == '0')) return fail_parse(parser);
    parser->status = (uint16_t)(parser->status * 10 + byte - '0');
    if (parser->status >= 100) parser->state = HS_HTTP1_AFTER_STATUS;
    return true;
}

static bool reason_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (byte == '\r' || byte == '\n') return end_start_line(parser, byte);
    return byte != 0 || fail_parse(parser);
}

static bool after_status_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (byte != ' ') return end_start_line(parser, byte);
    parser->state = HS_HTTP1_REASON;
    return true;
}

static bool minor_byte(struct hs_http1 *parser, uint8_t byte)
{
    if (!is_digit(byte)) return fail_parse(parser);
    parser->version_minor = (uint8_t)(byte - '0');
    parser->state = HS_HTTP1_AFTER_MINOR;
    return true;
}

static bool feed_after_cr(struct hs_http1 *parser, uint8_t byte)
{
    if (byte != '\n') return fail_parse(parser);
    if (parser->state == HS_HTTP1_VALUE_CR) return end_line(parser);
    if (parser->state == HS_HTTP1_START_CR)
        begin_line(parser);
    else
        hs_http1_head_end(parser);
    return parser->state != HS_HTTP1_FAILED;
}

static bool head_byte(struct hs_http1 *parser, uint8_t byte)
{
    switch (parser->state) {
    case HS_HTTP1_START: return start_byte(parser, byte);
    case HS_HTTP1_TARGET: return word_byte(parser, byte, HS_HTTP1_VERSION);
    case HS_HTTP1_VERSION: return version_byte(parser, byte);
    case HS_HTTP1_MINOR: return minor_byte(parser, byte);
    case HS_HTTP1_AFTER_MINOR: return after_minor_byte(parser, byte);
    case HS_HTTP1_STATUS: return status_byte(parser, byte);
    case HS_HTTP1_AFTER_STATUS: return after_status_byte(parser, byte);
    case HS_HTTP1_REASON: return reason_byte(parser, byte);
    case HS_HTTP1_LINE: return line_byte(parser, byte);
    case HS_HTTP1_NAME: return name_byte(parser, byte);
    case HS_HTTP1_VALUE: return value_byte(parser, byte);
    default: return feed_after_cr(parser, byte);
    }
}

/* Counted before the byte is looked at, so that both limits hold whatever the bytes are. */
static bool count_byte(struct hs_http1 *parser)
{
    uint32_t head_max =
        parser->seen & HS_HTTP1_IN_TRAILER ? HS_HTTP1_TRAILER_BYTES_MAX : HS_HTTP_HEAD_BYTES_MAX;

    if (++parser->head_bytes > head_max || ++parser->line_bytes > HS_HTTP1_LINE_BYTES_MAX)
        return hs_http1_fail(parser, HS_ERROR_HTTP_HEADER_TOO_BIG);
    return true;
}

size_t hs_http1_head_slow(struct hs_http1 *parser, const uint8_t *bytes, size_t byte_count)
{
    size_t at = 0;
    bool   is_trailer = (parser->seen & HS_HTTP1_IN_TRAILER) != 0;

    while (at < byte_count && count_byte(parser)) {
        bool is_well = head_byte(parser, bytes[at++]);

        /* head_bytes is back at 0 when a head ended, also one that another follows (1xx). */
        if (!is_well || !hs_http1_in_head(parser) || (parser->head_bytes == 0 && !is_trailer))
            break;
    }
    return at;
}

static void begin_next_head(struct hs_http1 *parser)
{
    uint8_t kept = HS_HTTP1_IS_HEAD_ONLY | HS_HTTP1_IS_REQUEST | HS_HTTP1_BARE_LF;

    if (++parser->interim_count > HS_HTTP1_INTERIM_MAX) {
        (void)fail_parse(parser);
        return;
    }
    *parser =
        (struct hs_http1){.flags = parser->flags & kept, .interim_count = parser->interim_count};
}

static bool has_no_body(const struct hs_http1 *parser)
{
    return (parser->flags & HS_HTTP1_IS_HEAD_ONLY) || parser->status == 101 ||
           parser->status == 204 || parser->status == 304;
}

static bool keeps_alive(const struct hs_http1 *parser)
{
    if (parser->status == 101 || (parser->seen & HS_HTTP1_SAW_CLOSE)) return false;
    /* RFC 9112 6.1: HTTP/1.0 has no transfer codings, so what follows may be anything */
    if (parser->version_minor == 0 && (parser->seen & HS_HTTP1_SAW_TRANSFER)) return false;
    return parser->version_minor > 0 || (parser->seen & HS_HTTP1_SAW_KEEP_ALIVE);
}

/* RFC 9112 6.3, in its order, but refusing what it leaves to the reader's taste. */
static void choose_body(struct hs_http1 *parser)
{
    bool is_request = (parser->flags & HS_HTTP1_IS_REQUEST) != 0;

    parser->left_bytes = 0;
    if (has_no_body(parser)) {
        parser->state = HS_HTTP1_COMPLETE;
    } else if (parser->seen & HS_HTTP1_SAW_CHUNKED) {
        parser->flags |= HS_HTTP1_IS_CHUNKED;
        parser->state = HS_HTTP1_SIZE;
    } else if (parser->seen & HS_HTTP1_SAW_LENGTH) {
        parser->left_bytes = parser->content_length;
        parser->state = parser->content_length ? HS_HTTP1_BODY : HS_HTTP1_COMPLETE;
    } else if (is_request) {
        parser->state = HS_HTTP1_COMPLETE;
        if (parser->seen & HS_HTTP1_SAW_TRANSFER) (void)fail_parse(parser);
    } else {
        parser->flags = (uint8_t)((parser->flags | HS_HTTP1_UNTIL_CLOSE) & ~HS_HTTP1_KEEP_ALIVE);
        parser->state = HS_HTTP1_CLOSING;
    }
}

void hs_http1_head_end(struct hs_http1 *parser)
{
    uint8_t both = HS_HTTP1_SAW_LENGTH | HS_HTTP1_SAW_TRANSFER;

    if (parser->seen & HS_HTTP1_IN_TRAILER) {
        parser->state = HS_HTTP1_COMPLETE;
        return;
    }
    if ((parser->seen & both) == both) {
        (void)fail_parse(parser);
        return;
    }
    if (parser->status >= 100 && parser->status < 200 && parser->status != 101) {
        begin_next_head(parser);
        return;
    }
    parser->head_bytes = 0;
    parser->line_bytes = 0;
    parser->line_count = 0;
    parser->at = 0;
    parser->flags |= HS_HTTP1_HAS_HEAD;
    if (parser->seen & HS_HTTP1_SAW_LENGTH) parser->flags |= HS_HTTP1_HAS_LENGTH;
    if (keeps_alive(parser)) parser->flags |= HS_HTTP1_KEEP_ALIVE;
    choose_body(parser);
}
