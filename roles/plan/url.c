// SPDX-License-Identifier: Apache-2.0
/* url.c - the few URLs that this version can load: strict, so that no other spelling of a host
 * slips past allow_hosts. */
#include "roles/plan/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PORT_HTTP = 80 };

static int refuse(const char **why, const char *sentence)
{
    *why = sentence;
    return -EINVAL;
}

static bool is_ipv4(const char *host)
{
    struct in_addr address;

    return inet_pton(AF_INET, host, &address) == 1;
}

static bool is_ipv6(const char *host)
{
    struct in6_addr address;

    return inet_pton(AF_INET6, host, &address) == 1;
}

/* "0x7f.1" and "2130706433" are addresses to some resolvers: whatever ends in a number must be a
 * whole IPv4 address. */
static bool ends_in_number(const char *host)
{
    const char *dot = strrchr(host, '.');
    const char *last = dot ? dot + 1 : host;

    return strspn(last, "0123456789") == strlen(last) || strncmp(last, "0x", 2) == 0;
}

static int check_name(const char *host, const char **why)
{
    if (host[0] == '\0') return refuse(why, "the host is missing");
    if (strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != strlen(host))
        return refuse(why, "the host has a character that no host name has");
    if (host[0] == '.' || strstr(host, "..") || host[strlen(host) - 1] == '.')
        return refuse(why, "the host has an empty label");
    if (ends_in_number(host) && !is_ipv4(host))
        return refuse(why, "the host is neither a name nor a whole IPv4 address");
    return 0;
}

static int copy_host(struct hs_view text, struct hs_url *url, const char **why)
{
    if (text.bytes >= sizeof url->host)
        return refuse(why, "the host is longer than 255 characters");
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t c = text.data[i];

        if (c == '\0') return refuse(why, "the host has a zero byte");
        url->host[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    url->host[text.bytes] = '\0';
    return 0;
}

static int parse_port(struct hs_view text, struct hs_url *url, const char **why)
{
    unsigned port = 0;

    if (text.bytes == 0 || text.bytes > 5) return refuse(why, "the port is not 1 to 65535");
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return refuse(why, "the port is not a whole number");
        port = port * 10 + (unsigned)(text.data[i] - '0');
    }
    if (port == 0 || port > 65535) return refuse(why, "the port is not 1 to 65535");
    url->port = (uint16_t)port;
    return 0;
}

static int parse_authority(struct hs_view text, struct hs_url *url, const char **why)
{
    const uint8_t *colon;
    size_t         host_bytes = text.bytes;
    int            rc;

    if (memmem(text.data, text.bytes, "${", 2))
        return refuse(why, "the host cannot change from request to request");
    if (memchr(text.data, '@', text.bytes))
        return refuse(why, "a user name in a URL is not accepted; set an authorization header");
    if (text.bytes && text.data[0] == '[') {
        const uint8_t *end = memchr(text.data, ']', text.bytes);

        if (!end) return refuse(why, "\"[\" without \"]\"");
        host_bytes = (size_t)(end - text.data) + 1;
        rc = copy_host(hs_view_of(text.data + 1, host_bytes - 2), url, why);
        if (rc) return rc;
        if (!is_ipv6(url->host)) return refuse(why, "no IPv6 address between the brackets");
        url->is_ipv6 = true;
    } else {
        colon = memchr(text.data, ':', text.bytes);
        if (colon) host_bytes = (size_t)(colon - text.data);
        rc = copy_host(hs_view_of(text.data, host_bytes), url, why);
        if (!rc) rc = check_name(url->host, why);
        if (rc) return rc;
    }
    if (host_bytes == text.bytes) return 0;
    if (text.data[host_bytes] != ':') return refuse(why, "something follows the host");
    return parse_port(hs_view_of(text.data + host_bytes + 1, text.bytes - host_bytes - 1), url,
                      why);
}

/* Outside of holes only what a request line can carry. */
static int check_path(struct hs_view path, const char **why)
{
    bool in_hole = false;

    for (size_t i = 0; i < path.bytes; i++) {
        uint8_t c = path.data[i];

        if (c == '$' && i + 1 < path.bytes && path.data[i + 1] == '{') in_hole = true;
        if (c <= ' ' || c == 127)
            return refuse(why, "a space or control character; write it as %20 and the like");
        if (c > 127 && !in_hole)
            return refuse(why, "a character outside ASCII; write it as %XX, or use query");
        if (c == '}') in_hole = false;
    }
    return 0;
}

static bool has_scheme(struct hs_view text, size_t *scheme_bytes)
{
    const uint8_t *mark = text.bytes ? memmem(text.data, text.bytes, "://", 3) : NULL;

    if (!mark) return false;
    *scheme_bytes = (size_t)(mark - text.data);
    for (size_t i = 0; i < *scheme_bytes; i++)
        if (strchr("/?#$", text.data[i])) return false; /* "/go?to=http://..." */
    return true;
}

int hs_url_parse(struct hs_view text, struct hs_url *url, const char **why)
{
    struct hs_view rest = text;
    const uint8_t *fragment;
    size_t         scheme_bytes = 0;
    int            rc;

    *url = (struct hs_url){.port = PORT_HTTP, .has_scheme = has_scheme(text, &scheme_bytes)};
    if (url->has_scheme) {
        size_t end = 0;

        if (scheme_bytes == 5 && strncasecmp((const char *)text.data, "https", 5) == 0)
            return refuse(why, "https is not in this version");
        if (scheme_bytes != 4 || strncasecmp((const char *)text.data, "http", 4) != 0)
            return refuse(why, "only http:// is in this version");
        rest = hs_view_of(text.data + scheme_bytes + 3, text.bytes - scheme_bytes - 3);
        while (end < rest.bytes && (!strchr("/?#", rest.data[end]) || rest.data[end] == '\0'))
            end++;
        rc = parse_authority(hs_view_of(rest.data, end), url, why);
        if (rc) return rc;
        rest = hs_view_of(rest.data + end, rest.bytes - end);
    }
    fragment = rest.bytes ? memchr(rest.data, '#', rest.bytes) : NULL;
    url->path = hs_view_of(rest.data, fragment ? (size_t)(fragment - rest.data) : rest.bytes);
    return check_path(url->path, why);
}

const char *hs_url_authority(const char *host, uint16_t port, char *text, size_t capacity_bytes)
{
    bool        is_literal = strchr(host, ':') != NULL;
    const char *open = is_literal ? "[" : "";
    const char *close = is_literal ? "]" : "";

    if (port == PORT_HTTP)
        (void)snprintf(text, capacity_bytes, "%s%s%s", open, host, close);
    else
        (void)snprintf(text, capacity_bytes, "%s%s%s:%u", open, host, close, port);
    return text;
}

bool hs_url_host_matches(const char *host, const char *pattern)
{
    size_t host_bytes = strlen(host);
    size_t suffix_bytes;

    if (strcmp(pattern, "*") == 0) return true;
    if (pattern[0] != '*' || pattern[1] != '.') return strcasecmp(host, pattern) == 0;
    suffix_bytes = strlen(pattern + 1);
    return host_bytes > suffix_bytes &&
           strcasecmp(host + host_bytes - suffix_bytes, pattern + 1) == 0;
}
