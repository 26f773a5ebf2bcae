// SPDX-License-Identifier: Apache-2.0
/* ping.h - `hyperscale ping`: one request and what is told about it. Pure; ping_io.c sends. */
#ifndef HS_CLIENT_PING_H
#define HS_CLIENT_PING_H

#include "roles/client/options.h"
#include "roles/plan/url.h"

#include <jansson.h>

enum { HS_PING_HEAD_BYTES = 64 << 10, HS_PING_ADDRESS_BYTES = 64 };

struct hs_ping_wish {
    struct hs_url url;
    const char   *method;
    uint32_t      count;
    uint64_t      timeout_ns;
};

struct hs_ping_answer {
    char     address[HS_PING_ADDRESS_BYTES];
    uint64_t resolve_ns; /* phases, one after another */
    uint64_t connect_ns; /* 0 with has_connected false: the connection was there already */
    bool     has_connected;
    uint64_t wait_ns; /* request sent to first byte */
    uint64_t receive_ns;
    uint16_t status;
    uint64_t body_bytes;
    bool     keeps_alive;
    uint32_t head_bytes;
    uint8_t  head[HS_PING_HEAD_BYTES]; /* of the answer, as it came */
};

/* -EINVAL with a sentence. */
int hs_ping_wish(const struct hs_options *options, struct hs_ping_wish *wish,
                 struct hs_err *err) HS_MUST_CHECK;
/* The request as bytes; a failed writer: too long. */
void hs_ping_request(const struct hs_options *options, const struct hs_ping_wish *wish,
                     struct hs_writer *out);
/* For people: a line, and with the first answer its head. Cut to what fits, terminated. */
void    hs_ping_text(const struct hs_ping_answer *answer, bool is_first, char *text, size_t bytes);
json_t *hs_ping_json(const struct hs_ping_answer *answer);

#endif
