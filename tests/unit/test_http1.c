// SPDX-License-Identifier: Apache-2.0
/* test_http1.c - reading responses and requests: whole, split anywhere, at the edge of readable
 * memory, and hostile. */
#include "roles/protocol/http1.h"
#include "roles/protocol/http1_request.h"
#include "shm/base/limits.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"

/* What came of one message. */
struct outcome {
    struct hs_http1         parser;
    struct hs_http1_capture capture;
    int                     rc;
    size_t                  consumed;
    uint8_t                 head[4096];
    uint8_t                 body[256];
};

static void feed_in_two(struct outcome *outcome, const void *data, size_t bytes, size_t split)
{
    const uint8_t *at = data;
    size_t         used = 0;

    hs_http1_init(&outcome->parser, false);
    hs_http1_capture_init(&outcome->capture, outcome->head, sizeof outcome->head, outcome->body,
                          sizeof outcome->body);
    outcome->rc = hs_http1_feed(&outcome->parser, &outcome->capture, at, split, &used);
    outcome->consumed = used;
    if (outcome->rc != HS_HTTP1_MORE) return;
    outcome->rc =
        hs_http1_feed(&outcome->parser, &outcome->capture, at + used, bytes - used, &used);
    outcome->consumed += used;
}

static void feed_text(struct outcome *outcome, const char *text)
{
    feed_in_two(outcome, text, strlen(text), strlen(text));
}

static bool is_same(const struct outcome *a, const struct outcome *b)
{
    if (a->rc != b->rc) return false;
    if (a->rc == -EPROTO) return a->parser.error == b->parser.error;
    return a->consumed == b->consumed && a->parser.status == b->parser.status &&
           a->parser.flags == b->parser.flags && a->parser.body_bytes == b->parser.body_bytes &&
           a->parser.content_length == b->parser.content_length &&
           a->capture.head_bytes == b->capture.head_bytes &&
           a->capture.body_bytes == b->capture.body_bytes &&
           memcmp(a->head, b->head, a->capture.head_bytes) == 0 &&
           memcmp(a->body, b->body, a->capture.body_bytes) == 0;
}

static void refuse(const char *text, enum hs_error_class error)
{
    struct outcome outcome;

    feed_text(&outcome, text);
    HS_CHECK_EQ(outcome.rc, -EPROTO);
    if (outcome.rc == -EPROTO && outcome.parser.error != error) (void)fprintf(stderr, "%s\n", text);
    if (outcome.rc == -EPROTO)
        HS_CHECK_TEXT(hs_error_class_name(outcome.parser.error), hs_error_class_name(error));
}

static const char *const messages[] = {
    OK_HEAD "Server: nginx/1.22.1\r\nDate: Sun, 01 Jan 2023 00:00:00 GMT\r\nContent-Type: "
            "text/plain\r\nContent-Length: 13\r\nConnection: keep-alive\r\n\r\nHello, world!",
    "HTTP/1.1 200\r\ncontent-length:0\r\n\r\n",
    "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length:\t5 \r\n\r\nhelloHTTP/1.1 ",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nanything",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" OK_HEAD
    "Content-Length: 2\r\n\r\nhi",
    CHUNKED "5\r\nhello\r\n6;name=\"value\"\r\n world\r\n0\r\n\r\n",
    CHUNKED "a\r\n0123456789\r\n0\r\nX-Trailer: yes\r\nContent-Length: 7\r\n\r\n",
    OK_HEAD "Transfer-Encoding: gzip , Chunked\r\n\r\n3 \r\nabc\r\n000\r\n\r\n",
    "HTTP/1.1 200 OK\nServer: x\nContent-Length: 3\n\nabc",
    OK_HEAD "Connection: upgrade, close\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    OK_HEAD "X-Close: connection\r\nConnection : close\r\n\r\n",
    OK_HEAD "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    OK_HEAD "X: a\r\n folded\r\n\r\n",
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\nX-Long-Header-Name-Of-Ours: v\r\n"
    "Content-Lengthy: 7\r\nTransfer-Encodin: chunked\r\nConnection: closed\r\n\r\nno",
    /* An empty size: split in the head, the machine once counted the letters of "chunked" as its
       digits. */
    CHUNKED "\n3\r\nabc\r\n0\r\n\r\n",
};

static void an_ordinary_response_is_read_in_one_go(void)
{
    struct outcome outcome;
    struct hs_view value;

    feed_text(&outcome, messages[0]);
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    HS_CHECK_EQ(outcome.consumed, strlen(messages[0]));
    HS_CHECK_EQ(outcome.parser.status, 200);
    HS_CHECK_EQ(outcome.parser.content_length, 13);
    HS_CHECK_EQ(outcome.parser.body_bytes, 13);
    HS_CHECK(hs_http1_keeps_alive(&outcome.parser));
    HS_CHECK(hs_view_equal(hs_view_of(outcome.body, outcome.capture.body_bytes),
                           hs_view_text("Hello, world!")));
    HS_CHECK(hs_http1_header(hs_view_of(outcome.head, outcome.capture.head_bytes),
                             hs_view_text("content-TYPE"), &value));
    HS_CHECK(hs_view_equal(value, hs_view_text("text/plain")));
    HS_CHECK(!hs_http1_header(hs_view_of(outcome.head, outcome.capture.head_bytes),
                              hs_view_text("Content"), &value));
}

static void any_split_gives_the_same_result(void)
{
    static struct outcome whole;
    static struct outcome split;

    for (unsigned i = 0; i < HS_ARRAY_LEN(messages); i++) {
        size_t bytes = strlen(messages[i]);

        feed_in_two(&whole, messages[i], bytes, bytes);
        for (size_t at = 0; at < bytes; at++) {
            feed_in_two(&split, messages[i], bytes, at);
            HS_CHECK(is_same(&whole, &split));
        }
    }
}

static void byte_by_byte_gives_the_same_result(void)
{
    static struct outcome whole;
    static struct outcome drip;

    for (unsigned i = 0; i < HS_ARRAY_LEN(messages); i++) {
        size_t bytes = strlen(messages[i]);
        size_t used = 0;

        feed_in_two(&whole, messages[i], bytes, bytes);
        feed_in_two(&drip, messages[i], 0, 0);
        while (drip.rc == HS_HTTP1_MORE && drip.consumed < bytes) {
            drip.rc = hs_http1_feed(&drip.parser, &drip.capture,
                                    (const uint8_t *)messages[i] + drip.consumed, 1, &used);
            drip.consumed += used;
        }
        HS_CHECK(is_same(&whole, &drip));
    }
}

/* Every length of input, its last byte being the last that may be read. */
static void nothing_behind_the_input_is_read(void)
{
    size_t   page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages =
        mmap(NULL, 2 * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct hs_http1 parser;
    size_t          used;

    if (pages == MAP_FAILED || mprotect(pages + page_bytes, page_bytes, PROT_NONE) != 0) abort();
    for (unsigned i = 0; i < HS_ARRAY_LEN(messages); i++) {
        size_t bytes = strlen(messages[i]);

        for (size_t cut = 0; cut <= bytes; cut++) {
            uint8_t *at = pages + page_bytes - cut;

            memcpy(at, messages[i], cut);
            hs_http1_init(&parser, false);
            HS_IGNORE(hs_http1_feed(&parser, NULL, at, cut, &used), "only where it reads counts");
            HS_CHECK(used <= cut);
        }
    }
    (void)munmap(pages, 2 * page_bytes);
}

static void who_has_no_body_has_none(void)
{
    static const uint8_t text[] = OK_HEAD "Content-Length: 99\r\n\r\n";
    struct outcome       outcome;
    struct hs_http1      parser;
    size_t               used;

    hs_http1_init(&parser, true);
    HS_CHECK_EQ(hs_http1_feed(&parser, NULL, text, sizeof text - 1, &used), HS_HTTP1_DONE);
    HS_CHECK_EQ(used, sizeof text - 1);
    HS_CHECK_EQ(parser.content_length, 99);
    feed_text(&outcome, messages[3]);
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    feed_text(&outcome, messages[4]);
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    feed_text(&outcome, messages[5]); /* no longer HTTP: what follows is not ours */
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    HS_CHECK_EQ(outcome.parser.status, 101);
    HS_CHECK(!hs_http1_keeps_alive(&outcome.parser));
}

/* Hints that do not fit the capture say nothing about the head that follows them. */
static void check_large_hints(void)
{
    static char    text[6000];
    struct outcome outcome;

    (void)snprintf(text, sizeof text, "HTTP/1.1 103 Early Hints\r\nLink: %05000d\r\n\r\n%s", 0,
                   OK_HEAD "Content-Length: 2\r\n\r\nok");
    feed_text(&outcome, text);
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    HS_CHECK(!outcome.capture.is_head_cut);
}

static void interim_responses_are_skipped_but_not_for_ever(void)
{
    static char    flood[32 * 40];
    struct outcome outcome;

    feed_text(&outcome, messages[6]);
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    HS_CHECK_EQ(outcome.parser.status, 200);
    HS_CHECK_EQ(outcome.parser.body_bytes, 2);
    HS_CHECK_EQ(outcome.capture.head_bytes, strlen(OK_HEAD "Content-Length: 2\r\n\r\n"));
    check_large_hints();
    for (unsigned i = 0; i <= HS_HTTP1_INTERIM_MAX; i++)
        (void)strcat(flood, "HTTP/1.1 100 Continue\r\n\r\n");
    refuse(flood, HS_ERROR_HTTP_PARSE);
}

static void chunks_are_counted_exactly(void)
{
    struct outcome outcome;

    feed_text(&outcome, messages[7]);
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    HS_CHECK_EQ(outcome.parser.body_bytes, 11);
    HS_CHECK(hs_view_equal(hs_view_of(outcome.body, outcome.capture.body_bytes),
                           hs_view_text("hello world")));
    feed_text(&outcome, messages[8]); /* a length among the trailers means nothing */
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    HS_CHECK_EQ(outcome.parser.body_bytes, 10);
    feed_text(&outcome, messages[9]);
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    HS_CHECK_EQ(outcome.parser.body_bytes, 3);
}

static void a_body_without_length_ends_with_the_connection(void)
{
    struct outcome outcome;

    feed_text(&outcome, OK_HEAD "Server: x\r\n\r\nuntil the end");
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_MORE);
    HS_CHECK(!hs_http1_keeps_alive(&outcome.parser));
    HS_CHECK_EQ(hs_http1_eof(&outcome.parser), HS_HTTP1_DONE);
    HS_CHECK_EQ(outcome.parser.body_bytes, 13);
    feed_text(&outcome,
              OK_HEAD "Transfer-Encoding: gzip\r\n\r\nxx"); /* RFC 9112 6.3: so does this */
    HS_CHECK_EQ(hs_http1_eof(&outcome.parser), HS_HTTP1_DONE);
}

static void an_early_end_is_an_error(void)
{
    struct outcome outcome;

    feed_text(&outcome, "");
    HS_CHECK(hs_http1_is_untouched(&outcome.parser));
    feed_text(&outcome, OK_HEAD "Content-Length: 5\r\n\r\nfour");
    HS_CHECK(!hs_http1_is_untouched(&outcome.parser));
    HS_CHECK_EQ(hs_http1_eof(&outcome.parser), -EPROTO);
    HS_CHECK_EQ(outcome.parser.error, HS_ERROR_RECV_EOF_EARLY);
    feed_text(&outcome, "HTTP/1.1 2");
    HS_CHECK_EQ(hs_http1_eof(&outcome.parser), -EPROTO);
    feed_text(&outcome, CHUNKED "5\r\nhello\r\n");
    HS_CHECK_EQ(hs_http1_eof(&outcome.parser), -EPROTO);
    HS_CHECK_EQ(hs_http1_eof(&outcome.parser), -EPROTO); /* and stays one */
}

static void bare_line_feeds_are_accepted_and_flagged(void)
{
    struct outcome outcome;

    feed_text(&outcome, messages[10]);
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    HS_CHECK(outcome.parser.flags & HS_HTTP1_BARE_LF);
    HS_CHECK_EQ(outcome.parser.body_bytes, 3);
    feed_text(&outcome, messages[0]);
    HS_CHECK(!(outcome.parser.flags & HS_HTTP1_BARE_LF));
}

static void the_connection_header_is_a_list(void)
{
    struct outcome outcome;

    feed_text(&outcome, messages[11]);
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    HS_CHECK(!hs_http1_keeps_alive(&outcome.parser));
    feed_text(&outcome, messages[15]); /* words that only begin like ours */
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    HS_CHECK(hs_http1_keeps_alive(&outcome.parser));
    HS_CHECK_EQ(outcome.parser.content_length, 2);
    feed_text(&outcome, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
    HS_CHECK(!hs_http1_keeps_alive(&outcome.parser));
    feed_text(&outcome, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n0 \t\r\n\r\n");
    HS_CHECK_EQ(outcome.rc, HS_HTTP1_DONE);
    HS_CHECK(!hs_http1_keeps_alive(&outcome.parser)); /* RFC 9112 6.1 */
    feed_text(&outcome, messages[2]);
    HS_CHECK(hs_http1_keeps_alive(&outcome.parser));
    HS_CHECK_EQ(outcome.consumed, strlen(messages[2]) - 9); /* the next message is left alone */
    feed_text(&outcome, OK_HEAD "Connection: close it\r\nContent-Length: 0\r\n\r\n");
    HS_CHECK(hs_http1_keeps_alive(&outcome.parser));
}

static void ambiguous_and_malformed_heads_are_refused(void)
{
    static const char *const heads[] = {
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.x 200 OK\r\n\r\n",
        "<html>502 Bad Gateway</html>",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        OK_HEAD " folded: first\r\n\r\n",
        OK_HEAD "No-Colon\r\n\r\n",
        OK_HEAD ": no name\r\n\r\n",
        OK_HEAD "Space : before\r\n\r\n",
        OK_HEAD "A: b\rc\r\n\r\n",
        OK_HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        OK_HEAD "\r\r\n",
    };

    for (unsigned i = 0; i < HS_ARRAY_LEN(heads); i++) refuse(heads[i], HS_ERROR_HTTP_PARSE);
    refuse(messages[12], HS_ERROR_HTTP_PARSE); /* space before the colon */
    refuse(messages[13], HS_ERROR_HTTP_PARSE); /* length and chunks */
    refuse(messages[14], HS_ERROR_HTTP_PARSE); /* folded */
}

static void a_zero_byte_in_a_head_is_refused(void)
{
    static const char text[] = OK_HEAD "A: b\0c\r\nContent-Length: 0\r\n\r\n";
    struct outcome    outcome;

    feed_in_two(&outcome, text, sizeof text - 1, sizeof text - 1);
    HS_CHECK_EQ(outcome.rc, -EPROTO);
    HS_CHECK_EQ(outcome.parser.error, HS_ERROR_HTTP_PARSE);
}

static void lengths_that_are_none_are_refused(void)
{
    refuse(OK_HEAD "Content-Length: -1\r\n\r\n", HS_ERROR_HTTP_BAD_LENGTH);
    refuse(OK_HEAD "Content-Length: +1\r\n\r\n", HS_ERROR_HTTP_BAD_LENGTH);
    refuse(OK_HEAD "Content-Length: 0x10\r\n\r\n", HS_ERROR_HTTP_BAD_LENGTH);
    refuse(OK_HEAD "Content-Length: \r\n\r\n", HS_ERROR_HTTP_BAD_LENGTH);
    refuse(OK_HEAD "Content-Length: 1 2\r\n\r\n", HS_ERROR_HTTP_BAD_LENGTH);
    refuse(OK_HEAD "Content-Length: 5, 5\r\n\r\n", HS_ERROR_HTTP_BAD_LENGTH);
    refuse(OK_HEAD "Content-Length: 18446744073709551616\r\n\r\n", HS_ERROR_HTTP_BAD_LENGTH);
    refuse(OK_HEAD "Content-Length: 99999999999999999999999999\r\n\r\n", HS_ERROR_HTTP_BAD_LENGTH);
}

static void malformed_chunks_are_refused(void)
{
    refuse(CHUNKED "\r\n", HS_ERROR_HTTP_BAD_CHUNK);
    refuse(CHUNKED "x\r\n", HS_ERROR_HTTP_BAD_CHUNK);
    refuse(CHUNKED "-1\r\n", HS_ERROR_HTTP_BAD_CHUNK);
    refuse(CHUNKED "0x5\r\nhello\r\n", HS_ERROR_HTTP_BAD_CHUNK);
    refuse(CHUNKED "5\r\nhelloX\r\n", HS_ERROR_HTTP_BAD_CHUNK);
    refuse(CHUNKED "5\r\nhello\rX", HS_ERROR_HTTP_BAD_CHUNK);
    refuse(CHUNKED "5\rX", HS_ERROR_HTTP_BAD_CHUNK);
    refuse(CHUNKED "5 5\r\nhello\r\n", HS_ERROR_HTTP_BAD_CHUNK);
    refuse(CHUNKED "5 x\r\nhello\r\n", HS_ERROR_HTTP_BAD_CHUNK);
    refuse(CHUNKED "fffffffffffffffff\r\n", HS_ERROR_HTTP_BAD_CHUNK); /* 17 digits */
    refuse(CHUNKED "80000000\r\n", HS_ERROR_HTTP_BAD_CHUNK);          /* 2^31 */
    refuse(CHUNKED "000000000000000000000000000000005\r\n", HS_ERROR_HTTP_BAD_CHUNK);
}

/* Feeds head, then piece again and again; the number of pieces until something other than "more"
 * comes. */
static unsigned count_until_refused(const char *head, const char *piece, unsigned most,
                                    enum hs_error_class *error)
{
    struct hs_http1 parser;
    size_t          used;
    unsigned        count = 0;
    int             rc;

    hs_http1_init(&parser, false);
    rc = hs_http1_feed(&parser, NULL, (const uint8_t *)head, strlen(head), &used);
    while (rc == HS_HTTP1_MORE && count < most) {
        rc = hs_http1_feed(&parser, NULL, (const uint8_t *)piece, strlen(piece), &used);
        count++;
    }
    *error = rc == -EPROTO ? (enum hs_error_class)parser.error : HS_ERROR_CLASS_COUNT;
    return count;
}

static void endless_input_is_refused_at_its_limit(void)
{
    enum hs_error_class error;

    HS_CHECK_EQ(count_until_refused(OK_HEAD, "A: b\r\n", 1000000, &error), HS_HTTP_HEADERS_MAX + 1);
    HS_CHECK_EQ(error, HS_ERROR_HTTP_HEADER_TOO_BIG);
    HS_CHECK_EQ(count_until_refused(OK_HEAD "A: ", "x", 1000000, &error), 8 * 1024 - 2);
    HS_CHECK_EQ(error, HS_ERROR_HTTP_HEADER_TOO_BIG);
    HS_CHECK_EQ(count_until_refused("HTTP/1.1 200 ", "x", 1000000, &error), 8 * 1024 - 12);
    HS_CHECK_EQ(error, HS_ERROR_HTTP_HEADER_TOO_BIG);
    HS_CHECK_EQ(count_until_refused(CHUNKED "0\r\n", "A: b\r\n", 1000000, &error),
                HS_HTTP_TRAILERS_MAX + 1);
    HS_CHECK_EQ(error, HS_ERROR_HTTP_HEADER_TOO_BIG);
    HS_CHECK(count_until_refused(CHUNKED "1;", "x", 1000000, &error) <= 256);
    HS_CHECK_EQ(error, HS_ERROR_HTTP_BAD_CHUNK);
    HS_CHECK(count_until_refused(CHUNKED, "1;1234567890123456789\r\nx\r\n", 1000000, &error) <
             1000);
    HS_CHECK_EQ(error, HS_ERROR_HTTP_BAD_CHUNK);
    HS_CHECK(count_until_refused("", "HTTP/1.1 102 P\r\n\r\n", 1000000, &error) <= 17);
    HS_CHECK_EQ(error, HS_ERROR_HTTP_PARSE);
    HS_CHECK_EQ(count_until_refused(OK_HEAD "\r\n", "body", 100000, &error), 100000);
    HS_CHECK_EQ(error, HS_ERROR_CLASS_COUNT); /* a body may be endless: it is only counted */
}

static void a_huge_head_is_refused(void)
{
    static char    text[80 * 1024] = OK_HEAD;
    size_t         used = strlen(text);
    struct outcome outcome;

    while (used < sizeof text - 4096) {
        (void)memset(text + used, 'y', 4000);
        memcpy(text + used, "X: ", 3);
        memcpy(text + used + 3998, "\r\n", 2);
        used += 4000;
    }
    feed_in_two(&outcome, text, used, used);
    HS_CHECK_EQ(outcome.rc, -EPROTO);
    HS_CHECK_EQ(outcome.parser.error, HS_ERROR_HTTP_HEADER_TOO_BIG);
    HS_CHECK(outcome.capture.is_head_cut);
    HS_CHECK_EQ(outcome.capture.head_bytes, sizeof outcome.head);
}

static void captures_keep_what_fits(void)
{
    struct outcome          outcome;
    struct hs_http1_capture small;
    uint8_t                 body[4];
    size_t                  used;

    hs_http1_capture_init(&small, NULL, 0, body, sizeof body);
    hs_http1_init(&outcome.parser, false);
    HS_CHECK_EQ(hs_http1_feed(&outcome.parser, &small, (const uint8_t *)messages[7],
                              strlen(messages[7]), &used),
                HS_HTTP1_DONE);
    HS_CHECK_EQ(small.body_bytes, 4);
    HS_CHECK(small.is_body_cut);
    HS_CHECK(memcmp(body, "hell", 4) == 0);
    HS_CHECK_EQ(outcome.parser.body_bytes, 11);
}

static void requests_are_read_and_their_bodies_skipped(void)
{
    static const char text[] = "\r\nPOST /delay?ms=10 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
                               "X-Mode:  stall \r\n\r\nbodyGET / HTTP/1.0\r\n\r\n";
    struct hs_http1_request request;
    struct hs_view          method;
    struct hs_view          target;
    struct hs_view          value;
    size_t                  used;
    size_t                  first;

    hs_http1_request_init(&request);
    HS_CHECK_EQ(hs_http1_request_feed(&request, (const uint8_t *)text, sizeof text - 1, &first),
                HS_HTTP1_DONE);
    HS_CHECK(hs_http1_has_head(&request.machine));
    HS_CHECK(hs_http1_request_line(&request, &method, &target));
    HS_CHECK(hs_view_equal(method, hs_view_text("POST")));
    HS_CHECK(hs_view_equal(target, hs_view_text("/delay?ms=10")));
    HS_CHECK(hs_http1_request_header(&request, "x-mode", &value));
    HS_CHECK(hs_view_equal(value, hs_view_text("stall")));
    HS_CHECK(hs_http1_keeps_alive(&request.machine));
    HS_CHECK_EQ(request.machine.body_bytes, 4);
    hs_http1_request_init(&request);
    HS_CHECK_EQ(hs_http1_request_feed(&request, (const uint8_t *)text + first,
                                      sizeof text - 1 - first, &used),
                HS_HTTP1_DONE);
    HS_CHECK_EQ(first + used, sizeof text - 1);
    HS_CHECK(hs_http1_request_line(&request, &method, &target));
    HS_CHECK(hs_view_equal(target, hs_view_text("/")));
    HS_CHECK(!hs_http1_keeps_alive(&request.machine));
}

static void malformed_requests_are_refused(void)
{
    static const char *const texts[] = {
        "GET /\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / x HTTP/1.1\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        " GET / HTTP/1.1\r\n\r\n",
        "GET /\t HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n",
        "GET / HTTP/1.1\r\nA\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    };

    for (unsigned i = 0; i < HS_ARRAY_LEN(texts); i++) {
        struct hs_http1_request request;
        size_t                  used;

        hs_http1_request_init(&request);
        HS_CHECK_EQ(
            hs_http1_request_feed(&request, (const uint8_t *)texts[i], strlen(texts[i]), &used),
            -EPROTO);
    }
}

static void a_target_longer_than_what_is_kept_cannot_be_asked_for(void)
{
    static char             text[4096] = "GET /";
    struct hs_http1_request request;
    struct hs_view          method;
    struct hs_view          target;
    size_t                  used;

    (void)memset(text + 5, 'a', 2000);
    (void)strcpy(text + 2005, " HTTP/1.1\r\n\r\n");
    hs_http1_request_init(&request);
    HS_CHECK_EQ(hs_http1_request_feed(&request, (const uint8_t *)text, strlen(text), &used),
                HS_HTTP1_DONE);
    HS_CHECK(!hs_http1_request_line(&request, &method, &target));
}

CU_TestInfo hs_tests_http1[] = {
    {"an ordinary response is read in one go", an_ordinary_response_is_read_in_one_go},
    {"any split gives the same result", any_split_gives_the_same_result},
    {"byte by byte gives the same result", byte_by_byte_gives_the_same_result},
    {"nothing behind the input is read", nothing_behind_the_input_is_read},
    {"who has no body has none", who_has_no_body_has_none},
    {"interim responses are skipped, but not for ever",
     interim_responses_are_skipped_but_not_for_ever},
    {"chunks are counted exactly", chunks_are_counted_exactly},
    {"a body without length ends with the connection",
     a_body_without_length_ends_with_the_connection},
    {"an early end is an error", an_early_end_is_an_error},
    {"bare line feeds are accepted and flagged", bare_line_feeds_are_accepted_and_flagged},
    {"the connection header is a list", the_connection_header_is_a_list},
    {"ambiguous and malformed heads are refused", ambiguous_and_malformed_heads_are_refused},
    {"a zero byte in a head is refused", a_zero_byte_in_a_head_is_refused},
    {"lengths that are none are refused", lengths_that_are_none_are_refused},
    {"malformed chunks are refused", malformed_chunks_are_refused},
    {"endless input is refused at its limit", endless_input_is_refused_at_its_limit},
    {"a huge head is refused", a_huge_head_is_refused},
    {"captures keep what fits", captures_keep_what_fits},
    {"requests are read and their bodies skipped", requests_are_read_and_their_bodies_skipped},
    {"malformed requests are refused", malformed_requests_are_refused},
    {"a target longer than what is kept cannot be asked for",
     a_target_longer_than_what_is_kept_cannot_be_asked_for},
    CU_TEST_INFO_NULL,
};
