// SPDX-License-Identifier: Apache-2.0
/* ping.c - flags to request, answer to text. */
#include "roles/client/ping.h"

#include "roles/printable.h"
#include "roles/version.h"
#include "shm/base/time.h"
#include "shm/base/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { COUNT_MAX = 1000000, NAME_BYTES = HS_URL_HOST_BYTES + 16 };

static bool is_token(const char *text)
{
    static const char token[] =
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    return text[0] && text[strspn(text, token)] == '\0';
}

static int check_headers(const struct hs_options *options, struct hs_err *err)
{
    for (uint32_t i = 0; i < options->headers.count; i++) {
        const char *text = options->headers.at[i];
        const char *colon = strchr(text, ':');

        if (!colon || colon == text || strpbrk(text, "\r\n"))
            return hs_err_refuse(err, "-H takes \"NAME: VALUE\", not \"%.60s\"", text);
    }
    return 0;
}

static int parse_url(const char *operand, struct hs_url *url, struct hs_err *err)
{
    char        text[2048];
    const char *why = "";
    int         bytes =
        snprintf(text, sizeof text, "%s%s", strstr(operand, "://") ? "" : "http://", operand);

    if (bytes < 0 || bytes >= (int)sizeof text) return hs_err_refuse(err, "the URL is too long");
    if (hs_url_parse(hs_view_text(text), url, &why) != 0) return hs_err_refuse(err, "URL: %s", why);
    /* The path lies in text, which goes: in the operand it stands at the same distance from the
     * end. */
    url->path = hs_view_of(operand + strlen(operand) -
                               ((size_t)bytes - (size_t)(url->path.data - (const uint8_t *)text)),
                           url->path.bytes);
    return 0;
}

int hs_ping_wish(const struct hs_options *options, struct hs_ping_wish *wish, struct hs_err *err)
{
    const char *count = options->value[HS_OPTION_count];
    const char *timeout = options->value[HS_OPTION_timeout];
    uint64_t    number = 1;
    int         rc;

    memset(wish, 0, sizeof *wish);
    wish->timeout_ns = 30 * HS_NS_PER_S;
    wish->method = options->value[HS_OPTION_method];
    if (!wish->method) wish->method = options->value[HS_OPTION_body] ? "POST" : "GET";
    if (!is_token(wish->method))
        return hs_err_refuse(err, "-m: \"%.60s\" is no method", wish->method);
    if (count && (hs_units_parse_count(hs_view_text(count), &number) != 0 || number == 0 ||
                  number > COUNT_MAX))
        return hs_err_refuse(err, "--count takes a number from 1 to %d, not \"%.60s\"", COUNT_MAX,
                             count);
    if (timeout && (hs_units_parse_duration(hs_view_text(timeout), &wish->timeout_ns) != 0 ||
                    wish->timeout_ns == 0))
        return hs_err_refuse(err, "--timeout takes " HS_UNITS_DURATION_HELP ", not \"%.60s\"",
                             timeout);
    wish->count = (uint32_t)number;
    rc = check_headers(options, err);
    return rc ? rc : parse_url(options->operand, &wish->url, err);
}

static void put(struct hs_writer *out, const char *text)
{
    hs_put_bytes(out, text, strlen(text));
}

static bool has_header(const struct hs_options *options, const char *name)
{
    for (uint32_t i = 0; i < options->headers.count; i++)
        if (strncasecmp(options->headers.at[i], name, strlen(name)) == 0 &&
            options->headers.at[i][strlen(name)] == ':')
            return true;
    return false;
}

void hs_ping_request(const struct hs_options *options, const struct hs_ping_wish *wish,
                     struct hs_writer *out)
{
    const char *body = options->value[HS_OPTION_body];
    char        host[NAME_BYTES];
    char        length[64];

    put(out, wish->method);
    put(out, wish->url.path.bytes && wish->url.path.data[0] == '/' ? " " : " /");
    hs_put_bytes(out, wish->url.path.data, wish->url.path.bytes);
    put(out, " HTTP/1.1\r\n");
    if (!has_header(options, "host")) {
        put(out, "Host: ");
        put(out, hs_url_authority(wish->url.host, wish->url.port, host, sizeof host));
        put(out, "\r\n");
    }
    if (!has_header(options, "user-agent"))
        put(out, "User-Agent: hyperscale/" HS_VERSION_TEXT "\r\n");
    for (uint32_t i = 0; i < options->headers.count; i++) {
        put(out, options->headers.at[i]);
        put(out, "\r\n");
    }
    if (body) {
        (void)snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
        put(out, length);
    }
    put(out, "\r\n");
    if (body) put(out, body);
}

/* What a server sends may be meant for the terminal. */
static void put_head(const struct hs_ping_answer *answer, char *text, size_t room)
{
    size_t used = 0;

    for (size_t i = 0; i < answer->head_bytes && used + 1 < room; i++)
        if (answer->head[i] != '\r') text[used++] = (char)answer->head[i];
    hs_make_printable(text, used);
    text[used] = '\0';
}

void hs_ping_text(const struct hs_ping_answer *answer, bool is_first, char *text, size_t bytes)
{
    char   phase[HS_UNITS_TEXT_BYTES];
    char   size[HS_UNITS_TEXT_BYTES];
    char   connect[HS_UNITS_TEXT_BYTES] = "kept";
    char   wait[HS_UNITS_TEXT_BYTES];
    char   receive[HS_UNITS_TEXT_BYTES];
    int    used = 0;
    size_t room;

    if (answer->has_connected) (void)hs_units_format_duration(connect, answer->connect_ns);
    if (is_first)
        used = snprintf(text, bytes, "%s   resolved in %s\n", answer->address,
                        hs_units_format_duration(phase, answer->resolve_ns));
    room = (size_t)used < bytes ? bytes - (size_t)used : 0;
    if (!room) return;
    used += snprintf(
        text + used, room, "%u   connect %s   wait %s   receive %s   total %s   body %s%s\n",
        answer->status, connect, hs_units_format_duration(wait, answer->wait_ns),
        hs_units_format_duration(receive, answer->receive_ns),
        hs_units_format_duration(phase, answer->connect_ns + answer->wait_ns + answer->receive_ns),
        hs_units_format_bytes(size, answer->body_bytes),
        answer->keeps_alive ? "" : "   connection closes");
    room = (size_t)used < bytes ? bytes - (size_t)used : 0;
    if (!is_first || !room) return;
    put_head(answer, text + used, room);
}

json_t *hs_ping_json(const struct hs_ping_answer *answer)
{
    json_t *connect =
        answer->has_connected ? json_integer((json_int_t)answer->connect_ns) : json_null();

    return json_pack("{s:s,s:i,s:I,s:o,s:I,s:I,s:I,s:b}", "address", answer->address, "status",
                     (int)answer->status, "resolve_ns", (json_int_t)answer->resolve_ns,
                     "connect_ns", connect, "wait_ns", (json_int_t)answer->wait_ns, "receive_ns",
                     (json_int_t)answer->receive_ns, "body_bytes", (json_int_t)answer->body_bytes,
                     "keep_alive", answer->keeps_alive);
}
