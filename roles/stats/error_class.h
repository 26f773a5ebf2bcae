// SPDX-License-Identifier: Apache-2.0
/* error_class.h - why a request failed: the stable names of results, screens and metrics. A failed
 * request has exactly one class; failed is the sum over the classes. What never was a request
 * (shed, dropped, lost) and what was ended from outside (cut) are tallies of their own (stats.h).
 *
 * A class marked 1 is the generator's own fault: it spoils the verdict about the measurement, not
 * the one about the target. Numbers travel in figures pages and on the wire: append only. */
#ifndef HS_STATS_ERROR_CLASS_H
#define HS_STATS_ERROR_CLASS_H

#include <stdbool.h>

#define HS_ERROR_CLASSES(X)                                                                        \
    X(DNS_NXDOMAIN, "dns.nxdomain", 0)                                                             \
    X(DNS_TIMEOUT, "dns.timeout", 0)                                                               \
    X(DNS_SERVFAIL, "dns.servfail", 0)                                                             \
    X(CONNECT_REFUSED, "connect.refused", 0)                                                       \
    X(CONNECT_TIMEOUT, "connect.timeout", 0)                                                       \
    X(CONNECT_UNREACHABLE, "connect.unreachable", 0)                                               \
    X(CONNECT_RESET, "connect.reset", 0)                                                           \
    X(CONNECT_NO_PORT, "connect.no_port", 1)                                                       \
    X(CONNECT_NO_FD, "connect.no_fd", 1)                                                           \
    X(TLS_HANDSHAKE, "tls.handshake", 0)                                                           \
    X(TLS_VERIFY, "tls.verify", 0)                                                                 \
    X(TLS_TIMEOUT, "tls.timeout", 0)                                                               \
    X(TLS_ALPN, "tls.alpn", 0)                                                                     \
    X(SEND_RESET, "send.reset", 0)                                                                 \
    X(SEND_TIMEOUT, "send.timeout", 0)                                                             \
    X(TIMEOUT_RESPONSE, "timeout.response", 0)                                                     \
    X(TIMEOUT_IDLE, "timeout.idle", 0)                                                             \
    X(RECV_RESET, "recv.reset", 0)                                                                 \
    X(RECV_EOF_EARLY, "recv.eof_early", 0)                                                         \
    X(RECV_IDLE_CLOSED, "recv.idle_closed", 0)                                                     \
    X(HTTP_PARSE, "http.parse", 0)                                                                 \
    X(HTTP_HEADER_TOO_BIG, "http.header_too_big", 0)                                               \
    X(HTTP_BAD_CHUNK, "http.bad_chunk", 0)                                                         \
    X(HTTP_BAD_LENGTH, "http.bad_length", 0)                                                       \
    X(H2_GOAWAY, "h2.goaway", 0)                                                                   \
    X(H2_RST, "h2.rst", 0)                                                                         \
    X(H2_FLOW, "h2.flow", 0)                                                                       \
    X(H2_PROTO, "h2.proto", 0)                                                                     \
    X(STATUS_4XX, "status.4xx", 0)                                                                 \
    X(STATUS_5XX, "status.5xx", 0)                                                                 \
    X(CHECK, "check", 0)                                                                           \
    X(EXTRACT, "extract", 0)                                                                       \
    X(REDIRECT_LIMIT, "redirect.limit", 0)                                                         \
    X(BODY_TRUNCATED, "body.truncated", 0)                                                         \
    X(LOCAL_OOM, "local.oom", 1)                                                                   \
    X(LOCAL_ENOBUFS, "local.enobufs", 1)

enum hs_error_class {
#define HS_ERROR_CLASS_ENUM(name, text, is_local) HS_ERROR_##name,
    HS_ERROR_CLASSES(HS_ERROR_CLASS_ENUM)
#undef HS_ERROR_CLASS_ENUM
        HS_ERROR_CLASS_COUNT
};

const char *hs_error_class_name(enum hs_error_class error); /* "?" out of range */
bool        hs_error_class_is_local(enum hs_error_class error);
bool        hs_error_class_is_timeout(enum hs_error_class error); /* its time is a lower bound */

#endif
