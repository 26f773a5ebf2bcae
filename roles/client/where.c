// SPDX-License-Identifier: Apache-2.0
/* where.c - --gate, --credentials and --socket. */
#include "roles/client/where.h"

#include "roles/config_hosts.h"
#include "shm/base/time.h"
#include "shm/base/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PORT_MAX = 65535, REFUSED_CHARS_MAX = 100, SRV_BYTES = sizeof HS_CONFIG_SRV - 1 };

bool hs_where_is_remote(const struct hs_options *options)
{
    const char *const *value = options->value;

    if (!value[HS_OPTION_gate]) return false;
    /* Typed by hand, a socket means more than a variable set long ago. */
    return !value[HS_OPTION_socket] || options->is_from_environment[HS_OPTION_socket] ||
           !options->is_from_environment[HS_OPTION_gate];
}

static int refuse_gate(struct hs_view text, struct hs_err *err)
{
    return hs_err_refuse(
        err,
        "--gate takes HOST:PORT, such as gate1.example:7400 or [2001:db8::1]:7400, or several of "
        "them with commas between, or srv:_SERVICE._tcp.DOMAIN, not \"%.*s\"",
        (int)hs_min_u64(text.bytes, REFUSED_CHARS_MAX), (const char *)text.data);
}

static int parse_service(struct hs_view text, struct hs_where_gate *gate, struct hs_err *err)
{
    struct hs_view name = hs_view_of(text.data + SRV_BYTES, text.bytes - SRV_BYTES);

    if (name.bytes >= sizeof gate->host || !hs_config_is_service(name))
        return hs_err_refuse(
            err, "--gate takes a service as srv:_SERVICE._tcp.DOMAIN, not \"%.*s\"",
            (int)hs_min_u64(text.bytes, REFUSED_CHARS_MAX), (const char *)text.data);
    gate->is_srv = true;
    (void)snprintf(gate->host, sizeof gate->host, "%.*s", (int)name.bytes, (const char *)name.data);
    (void)snprintf(gate->text, sizeof gate->text, "%s%s", HS_CONFIG_SRV, gate->host);
    return 0;
}

static int parse_gate(struct hs_view text, struct hs_where_gate *gate, struct hs_err *err)
{
    const uint8_t *colon = text.bytes ? memrchr(text.data, ':', text.bytes) : NULL;
    const uint8_t *host = text.data;
    size_t         bytes = colon ? (size_t)(colon - text.data) : 0;
    uint64_t       port = 0;

    memset(gate, 0, sizeof *gate);
    gate->rank.weight = 1;
    if (text.bytes > SRV_BYTES && memcmp(text.data, HS_CONFIG_SRV, SRV_BYTES) == 0)
        return parse_service(text, gate, err);
    if (bytes >= 2 && host[0] == '[' && host[bytes - 1] == ']') {
        host++;
        bytes -= 2;
    } else if (bytes && memchr(host, ':', bytes)) {
        return refuse_gate(text, err); /* an IPv6 address without brackets: where is its port? */
    }
    if (!bytes || bytes >= sizeof gate->host || text.bytes >= sizeof gate->text ||
        hs_units_parse_count(hs_view_of(colon + 1, text.bytes - (size_t)(colon + 1 - text.data)),
                             &port) != 0 ||
        !port || port > PORT_MAX)
        return refuse_gate(text, err);
    (void)snprintf(gate->host, sizeof gate->host, "%.*s", (int)bytes, (const char *)host);
    (void)snprintf(gate->text, sizeof gate->text, "%.*s", (int)text.bytes, (const char *)text.data);
    gate->port = (uint16_t)port;
    return 0;
}

static bool is_listed(const struct hs_where *where, const char *text)
{
    for (unsigned i = 0; i < where->count; i++)
        if (strcmp(where->gates[i].text, text) == 0) return true;
    return false;
}

static int parse_gates(const char *text, struct hs_where *where, struct hs_err *err)
{
    for (;;) {
        size_t               bytes = strcspn(text, ",");
        struct hs_where_gate gate;

        if (parse_gate(hs_view_of((const uint8_t *)text, bytes), &gate, err)) return -EINVAL;
        if (!is_listed(where, gate.text)) {
            if (where->count == HS_WHERE_GATES_MAX)
                return hs_err_refuse(err, "--gate takes at most %d gates", HS_WHERE_GATES_MAX);
            where->gates[where->count++] = gate;
        }
        if (!text[bytes]) return 0;
        text += bytes + 1;
    }
}

int hs_where_of(const struct hs_options *options, struct hs_where *where, struct hs_err *err)
{
    const char *const *value = options->value;

    memset(where, 0, sizeof *where);
    if (!hs_where_is_remote(options))
        return hs_socket_path(value[HS_OPTION_socket], HS_SOCKET_GATE, where->path, err);
    if (value[HS_OPTION_socket] && !options->is_from_environment[HS_OPTION_socket])
        return hs_err_refuse(err, "--gate and --socket exclude each other");
    if (!value[HS_OPTION_credentials])
        return hs_err_refuse(err, "--gate needs --credentials DIR (or HYPERSCALE_CREDENTIALS): a "
                                  "directory that hyperscale ca issue DC/client/NAME has made");
    where->credentials = value[HS_OPTION_credentials];
    return parse_gates(value[HS_OPTION_gate], where, err);
}

void hs_where_add(struct hs_where *where, const char *host, uint16_t port,
                  const struct hs_where_rank *rank)
{
    struct hs_where_gate gate = {.rank = *rank, .port = port};

    (void)snprintf(gate.host, sizeof gate.host, "%s", host);
    (void)snprintf(gate.text, sizeof gate.text, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
                   port);
    if (is_listed(where, gate.text)) return;
    if (where->count < HS_WHERE_GATES_MAX)
        where->gates[where->count++] = gate;
    else
        where->is_partial = true;
}

const char *hs_where_name(const struct hs_where *where, unsigned gate_idx)
{
    return where->count ? where->gates[gate_idx].text : where->path;
}
