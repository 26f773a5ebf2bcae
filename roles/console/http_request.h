// SPDX-License-Identifier: Apache-2.0
/* http_request.h - as much of an HTTP request as the metrics page needs: method and path of the
 * first line, and where the head ends. Not for anything that takes a body. Pure. */
#ifndef HS_CONSOLE_HTTP_REQUEST_H
#define HS_CONSOLE_HTTP_REQUEST_H

#include "shm/base/bytes.h"

enum { HS_HTTP_REQUEST_BYTES_MAX = 4096 };

enum hs_http_page {
    HS_HTTP_METRICS,
    HS_HTTP_HEALTH,
    HS_HTTP_READY,
    HS_HTTP_NOT_FOUND,     /* 404 */
    HS_HTTP_WRONG_METHOD,  /* 405 */
    HS_HTTP_NOT_UNDERSTOOD /* 400 */
};

struct hs_http_request {
    enum hs_http_page page;
    bool              is_head; /* the answer has no body */
};

/* What came so far. 0: understood (also when the answer is an error), -EAGAIN: the head is not
 * whole. */
int hs_http_request_parse(struct hs_view head, struct hs_http_request *request) HS_MUST_CHECK;

/* The head of the answer. is_healthy: what the page itself has to say (healthy, ready, or not). */
void hs_http_answer_head(enum hs_http_page page, bool is_healthy, size_t body_bytes,
                         struct hs_writer *out);
/* The body of everything but the metrics, and of why something is not ready. */
const char *hs_http_answer_text(enum hs_http_page page, bool is_healthy);

#endif
