// SPDX-License-Identifier: Apache-2.0
/* http1_request.c - requests over the machine of http1.c, with the first bytes of the head kept. */
#include "roles/protocol/http1_request.h"

#include <string.h>

void hs_http1_request_init(struct hs_http1_request *request)
{
    hs_http1_init(&request->machine, false);
    request->machine.flags = HS_HTTP1_IS_REQUEST;
    hs_http1_capture_init(&request->capture, request->head, sizeof request->head, NULL, 0);
}

int hs_http1_request_feed(struct hs_http1_request *request, const uint8_t *bytes, size_t byte_count,
                          size_t *consumed)
{
    return hs_http1_feed(&request->machine, &request->capture, bytes, byte_count, consumed);
}

bool hs_http1_request_line(const struct hs_http1_request *request, struct hs_view *method,
                           struct hs_view *target)
{
    const uint8_t *at = request->head;
    const uint8_t *end = request->head + request->capture.head_bytes;
    const uint8_t *space;

    while (at < end && (*at == '\r' || *at == '\n')) at++; /* empty lines before it */
    space = memchr(at, ' ', (size_t)(end - at));
    if (!space) return false;
    *method = hs_view_of(at, (size_t)(space - at));
    at = space + 1;
    space = memchr(at, ' ', (size_t)(end - at));
    if (!space) return false;
    *target = hs_view_of(at, (size_t)(space - at));
    return true;
}

bool hs_http1_request_header(const struct hs_http1_request *request, const char *name,
                             struct hs_view *value)
{
    return hs_http1_header(hs_view_of(request->head, request->capture.head_bytes),
                           hs_view_text(name), value);
}
