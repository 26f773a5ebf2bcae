// SPDX-License-Identifier: Apache-2.0
/* http_request.c - reads a request line, writes an answer's head; every connection carries one
 * request. */
#include "roles/console/http_request.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool starts_with(struct hs_view view, const char *text)
{
    size_t bytes = strlen(text);

    return view.bytes >= bytes && memcmp(view.data, text, bytes) == 0;
}

static void skip(struct hs_view *view, size_t bytes)
{
    view->data += bytes;
    view->bytes -= bytes;
}

/* "/metrics?x=y" is "/metrics": nothing here takes parameters. */
static enum hs_http_page page_of(struct hs_view target)
{
    const uint8_t *query = memchr(target.data, '?', target.bytes);

    if (query) target.bytes = (size_t)(query - target.data);
    if (hs_view_equal(target, hs_view_text("/metrics"))) return HS_HTTP_METRICS;
    if (hs_view_equal(target, hs_view_text("/healthz"))) return HS_HTTP_HEALTH;
    if (hs_view_equal(target, hs_view_text("/readyz"))) return HS_HTTP_READY;
    return HS_HTTP_NOT_FOUND;
}

static void parse_line(struct hs_view line, struct hs_http_request *request)
{
    const uint8_t *blank;
    struct hs_view target;

    request->page = HS_HTTP_NOT_UNDERSTOOD;
    if (line.bytes && line.data[line.bytes - 1] == '\r') line.bytes--;
    if (starts_with(line, "GET ")) {
        skip(&line, 4);
    } else if (starts_with(line, "HEAD ")) {
        request->is_head = true;
        skip(&line, 5);
    } else {
        blank = memchr(line.data, ' ', line.bytes);
        if (blank && blank != line.data) request->page = HS_HTTP_WRONG_METHOD;
        return;
    }
    blank = memchr(line.data, ' ', line.bytes);
    if (!blank) return;
    target = hs_view_of(line.data, (size_t)(blank - line.data));
    skip(&line, target.bytes + 1);
    if (!starts_with(line, "HTTP/1.") || line.bytes != 8) return;
    request->page = page_of(target);
}

int hs_http_request_parse(struct hs_view head, struct hs_http_request *request)
{
    const uint8_t *end_of_line = memchr(head.data, '\n', head.bytes);
    bool           is_whole;

    memset(request, 0, sizeof *request);
    is_whole =
        memmem(head.data, head.bytes, "\r\n\r\n", 4) || memmem(head.data, head.bytes, "\n\n", 2);
    if (!end_of_line || !is_whole) {
        if (head.bytes < HS_HTTP_REQUEST_BYTES_MAX) return -EAGAIN;
        request->page = HS_HTTP_NOT_UNDERSTOOD;
        return 0;
    }
    parse_line(hs_view_of(head.data, (size_t)(end_of_line - head.data)), request);
    return 0;
}

static const char *status_text(enum hs_http_page page, bool is_healthy)
{
    switch (page) {
    case HS_HTTP_METRICS: return "200 OK";
    case HS_HTTP_HEALTH:
    case HS_HTTP_READY: return is_healthy ? "200 OK" : "503 Service Unavailable";
    case HS_HTTP_NOT_FOUND: return "404 Not Found";
    case HS_HTTP_WRONG_METHOD: return "405 Method Not Allowed";
    case HS_HTTP_NOT_UNDERSTOOD: return "400 Bad Request";
    }
    return "500 Internal Server Error";
}

const char *hs_http_answer_text(enum hs_http_page page, bool is_healthy)
{
    switch (page) {
    case HS_HTTP_METRICS: return "";
    case HS_HTTP_HEALTH:
        return is_healthy ? "ok\n" : "a process is not serving, or its certificate has expired\n";
    case HS_HTTP_READY: return is_healthy ? "ready\n" : "not ready: ";
    case HS_HTTP_NOT_FOUND: return "there are /metrics, /healthz and /readyz\n";
    case HS_HTTP_WRONG_METHOD: return "only GET and HEAD\n";
    case HS_HTTP_NOT_UNDERSTOOD: return "not a request that is understood here\n";
    }
    return "";
}

void hs_http_answer_head(enum hs_http_page page, bool is_healthy, size_t body_bytes,
                         struct hs_writer *out)
{
    char head[256];
    int  bytes =
        snprintf(head, sizeof head,
                 "HTTP/1.1 %s\r\nContent-Type: text/plain; %scharset=utf-8\r\n"
                 "Content-Length: %zu\r\n%sConnection: close\r\n\r\n",
                 status_text(page, is_healthy), page == HS_HTTP_METRICS ? "version=0.0.4; " : "",
                 body_bytes, page == HS_HTTP_WRONG_METHOD ? "Allow: GET, HEAD\r\n" : "");

    HS_ASSERT(bytes > 0);
    HS_ASSERT((size_t)bytes < sizeof head);
    hs_put_bytes(out, head, (size_t)bytes);
}
