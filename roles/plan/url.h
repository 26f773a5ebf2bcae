// SPDX-License-Identifier: Apache-2.0
/* url.h - http://host[:port]/path?query, taken apart and checked. Resolves nothing. */
#ifndef HS_PLAN_URL_H
#define HS_PLAN_URL_H

#include "shm/base/bytes.h"

enum { HS_URL_HOST_BYTES = 256 }; /* a DNS name has at most 253 */

struct hs_url {
    char     host[HS_URL_HOST_BYTES]; /* lower case, without brackets */
    uint16_t port;
    bool     is_ipv6;    /* a literal */
    bool     has_scheme; /* false: only path is set, to be joined to a base */
    struct hs_view
        path; /* into the text; with query, without fragment; may be empty; may hold ${...} */
};

/* -EINVAL, and *why is a sentence: no such scheme, a user name, a bad host or port, control
 * characters or spaces. */
int hs_url_parse(struct hs_view text, struct hs_url *url, const char **why) HS_MUST_CHECK;

/* "host:port" or "[v6]:port", without the port when it is 80: the Host header. */
const char *hs_url_authority(const char *host, uint16_t port, char *text, size_t capacity_bytes);

/* pattern is a host, "*.suffix" (any depth below it, not the suffix itself), or "*". */
bool hs_url_host_matches(const char *host, const char *pattern);

#endif
