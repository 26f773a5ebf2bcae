// SPDX-License-Identifier: Apache-2.0
/* where.c - --gate, --credentials and --socket. */
#include "roles/client/where.h"

#include "shm/base/units.h"

#include <stdio.h>
#include <string.h>

enum { PORT_MAX = 65535 };

bool hs_where_is_remote(const struct hs_options *options)
{
    const char *const *value = options->value;

    if (!value[HS_OPTION_gate]) return false;
    /* Typed by hand, a socket means more than a variable set long ago. */
    return !value[HS_OPTION_socket] || options->is_from_environment[HS_OPTION_socket] ||
           !options->is_from_environment[HS_OPTION_gate];
}

static int refuse_gate(const char *text, struct hs_err *err)
{
    return hs_err_refuse(
        err,
        "--gate takes HOST:PORT, such as gate1.example:7400 or [2001:db8::1]:7400, "
        "not \"%.100s\"",
        text);
}

static int parse_gate(const char *text, struct hs_where *where, struct hs_err *err)
{
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t      bytes = colon ? (size_t)(colon - text) : 0;
    uint64_t    port = 0;

    if (bytes >= 2 && text[0] == '[' && text[bytes - 1] == ']') {
        host++;
        bytes -= 2;
    } else if (memchr(text, ':', bytes)) {
        return refuse_gate(text, err); /* an IPv6 address without brackets: where is its port? */
    }
    if (!bytes || bytes >= sizeof where->host ||
        hs_units_parse_count(hs_view_text(colon + 1), &port) != 0 || !port || port > PORT_MAX)
        return refuse_gate(text, err);
    (void)snprintf(where->host, sizeof where->host, "%.*s", (int)bytes, host);
    (void)snprintf(where->text, sizeof where->text, "%.260s", text);
    where->port = (uint16_t)port;
    return 0;
}

int hs_where_of(const struct hs_options *options, struct hs_where *where, struct hs_err *err)
{
    const char *const *value = options->value;
    int                rc;

    memset(where, 0, sizeof *where);
    if (!hs_where_is_remote(options)) {
        rc = hs_socket_path(value[HS_OPTION_socket], HS_SOCKET_GATE, where->path, err);
        (void)snprintf(where->text, sizeof where->text, "%s", where->path);
        return rc;
    }
    if (value[HS_OPTION_socket] && !options->is_from_environment[HS_OPTION_socket])
        return hs_err_refuse(err, "--gate and --socket exclude each other");
    if (!value[HS_OPTION_credentials])
        return hs_err_refuse(err, "--gate needs --credentials DIR (or HYPERSCALE_CREDENTIALS): a "
                                  "directory that hyperscale ca issue DC/client/NAME has made");
    where->credentials = value[HS_OPTION_credentials];
    return parse_gate(value[HS_OPTION_gate], where, err);
}
