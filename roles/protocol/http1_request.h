// SPDX-License-Identifier: Apache-2.0
/* http1_request.h - the server's side of http1.h, for the built-in target: reads a request, skips
 * its body, keeps the first bytes of the head so that method, target and headers can be asked for.
 * Pure. Same machine, same limits, same strictness; a request without length or chunks has no
 * body. */
#ifndef HS_PROTOCOL_HTTP1_REQUEST_H
#define HS_PROTOCOL_HTTP1_REQUEST_H

#include "roles/protocol/http1.h"

enum {
    HS_HTTP1_REQUEST_HEAD_BYTES = 1024
}; /* kept of each head; what is beyond cannot be asked for */

struct hs_http1_request {
    struct hs_http1         machine;
    struct hs_http1_capture capture;
    uint8_t                 head[HS_HTTP1_REQUEST_HEAD_BYTES];
};

/* For a new connection, and again after each DONE. The struct must not be moved while in use. */
void hs_http1_request_init(struct hs_http1_request *request);
/* As hs_http1_feed. */
int hs_http1_request_feed(struct hs_http1_request *request, const uint8_t *bytes, size_t byte_count,
                          size_t *consumed) HS_MUST_CHECK;
/* After the head is complete (hs_http1_has_head(&request->machine)); views hold until the next
 * init. A request line longer than what is kept: false. */
bool hs_http1_request_line(const struct hs_http1_request *request, struct hs_view *method,
                           struct hs_view *target);
bool hs_http1_request_header(const struct hs_http1_request *request, const char *name,
                             struct hs_view *value);

#endif
