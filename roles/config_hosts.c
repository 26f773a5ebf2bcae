// SPDX-License-Identifier: Apache-2.0
/* config_hosts.c - hosts and ports from text and back. */
#include "roles/config_hosts.h"

#include "shm/base/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PORT_MAX = 65535 };

typedef bool is_text_fn(struct hs_view text);

/* What stands before the last colon, and the number behind it. */
static int split(struct hs_view text, struct hs_view *host, uint16_t *port)
{
    const uint8_t *colon = text.bytes ? memrchr(text.data, ':', text.bytes) : NULL;
    uint64_t       number;

    if (!colon) return -EINVAL;
    *host = hs_view_of(text.data, (size_t)(colon - text.data));
    if (hs_units_parse_count(hs_view_of(colon + 1, text.bytes - host->bytes - 1), &number) ||
        number == 0 || number > PORT_MAX)
        return -EINVAL;
    *port = (uint16_t)number;
    return 0;
}

int hs_config_parse_address(struct hs_view text, struct hs_addr *addr)
{
    char           host[HS_ADDR_TEXT_BYTES];
    struct hs_view found;
    uint16_t       port;

    if (split(text, &found, &port)) return -EINVAL;
    if (found.bytes >= 2 && found.data[0] == '[' && found.data[found.bytes - 1] == ']')
        found = hs_view_of(found.data + 1, found.bytes - 2);
    else if (memchr(found.data, ':', found.bytes))
        return -EINVAL; /* an IPv6 address without brackets: which colon is the port's? */
    if (found.bytes >= sizeof host || memchr(found.data, 0, found.bytes)) return -EINVAL;
    memcpy(host, found.data, found.bytes);
    host[found.bytes] = 0;
    return hs_addr_parse(addr, host, port);
}

bool hs_config_is_reachable(const struct hs_addr *addr)
{
    static const uint8_t none[sizeof addr->bytes];

    if (!addr->port || memcmp(addr->bytes, none, sizeof none) == 0) return false;
    return addr->family == HS_ADDR_IPV4 ? addr->bytes[0] < 224 : addr->bytes[0] != 0xff;
}

static bool is_name_letter(uint8_t letter)
{
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || letter == '-' || letter == '.';
}

/* A last label of digits is a number that somebody mistyped, never a name. */
static bool is_name(struct hs_view text)
{
    bool has_letter = false;

    if (!text.bytes || text.bytes >= HS_CONFIG_HOST_BYTES) return false;
    if (text.data[0] == '-' || text.data[0] == '.') return false;
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t letter = text.data[i];

        if (!is_name_letter(letter)) return false;
        if (letter == '.')
            has_letter = false;
        else if (letter < '0' || letter > '9')
            has_letter = true;
    }
    return has_letter;
}

bool hs_config_is_service(struct hs_view text)
{
    static const char    protocol[] = "._tcp.";
    const size_t         protocol_bytes = sizeof protocol - 1;
    const uint8_t *const tcp = memmem(text.data, text.bytes, protocol, protocol_bytes);
    size_t               service_bytes;

    if (!tcp || text.data[0] != '_') return false;
    service_bytes = (size_t)(tcp - text.data);
    for (size_t i = 1; i < service_bytes; i++)
        if (!is_name_letter(text.data[i]) || text.data[i] == '.') return false;
    return service_bytes > 1 &&
           is_name(hs_view_of(tcp + protocol_bytes, text.bytes - service_bytes - protocol_bytes));
}

static int parse_service(struct hs_view name, struct hs_config_host *host)
{
    if (!hs_config_is_service(name)) return -EINVAL;
    memcpy(host->name, name.data, name.bytes);
    host->is_srv = true;
    return 0;
}

int hs_config_parse_host(struct hs_view text, struct hs_config_host *host)
{
    const size_t   srv_bytes = sizeof HS_CONFIG_SRV - 1;
    struct hs_view name;
    uint16_t       port;

    memset(host, 0, sizeof *host);
    if (text.bytes >= HS_CONFIG_HOST_BYTES) return -EINVAL;
    if (text.bytes > srv_bytes && memcmp(text.data, HS_CONFIG_SRV, srv_bytes) == 0)
        return parse_service(hs_view_of(text.data + srv_bytes, text.bytes - srv_bytes), host);
    if (hs_config_parse_address(text, &host->addr) == 0)
        return hs_config_is_reachable(&host->addr) ? 0 : -EINVAL;
    memset(&host->addr, 0, sizeof host->addr);
    if (split(text, &name, &port) || !is_name(name)) return -EINVAL;
    memcpy(host->name, name.data, name.bytes);
    host->addr.port = port;
    return 0;
}

static bool is_listed(const struct hs_config_hosts *hosts, uint32_t count, struct hs_view text)
{
    for (uint32_t i = 0; i < count; i++)
        if (hs_view_equal(hs_view_text(hosts->at[i]), text)) return true;
    return false;
}

static bool is_host(struct hs_view text)
{
    struct hs_config_host host;

    return hs_config_parse_host(text, &host) == 0;
}

static bool is_address(struct hs_view text)
{
    char           host[HS_CONFIG_HOST_BYTES] = "";
    struct hs_addr addr;

    if (memchr(text.data, 0, text.bytes)) return false;
    memcpy(host, text.data, text.bytes);
    return hs_addr_parse(&addr, host, 1) == 0;
}

bool hs_config_is_pattern(struct hs_view text)
{
    if (!text.bytes || text.bytes >= HS_CONFIG_HOST_BYTES) return false;
    if (hs_view_equal(text, hs_view_text("*")) || is_address(text)) return true;
    if (text.bytes > 2 && memcmp(text.data, "*.", 2) == 0)
        text = hs_view_of(text.data + 2, text.bytes - 2);
    return is_name(text);
}

static int add_text(struct hs_config_hosts *hosts, struct hs_view text, is_text_fn *is_text)
{
    if (!is_text(text)) return -EINVAL;
    if (hosts->count == HS_CONFIG_HOSTS_MAX || is_listed(hosts, hosts->count, text)) return -ERANGE;
    memcpy(hosts->at[hosts->count++], text.data, text.bytes);
    return 0;
}

static is_text_fn *checker_of(bool are_patterns)
{
    return are_patterns ? hs_config_is_pattern : is_host;
}

int hs_config_parse_hosts(struct hs_view text, bool are_patterns, struct hs_config_hosts *hosts)
{
    memset(hosts, 0, sizeof *hosts);
    while (text.bytes) {
        const uint8_t *comma = memchr(text.data, ',', text.bytes);
        size_t         length = comma ? (size_t)(comma - text.data) : text.bytes;
        int rc = add_text(hosts, hs_view_of(text.data, length), checker_of(are_patterns));

        if (rc) return rc;
        if (!comma) return 0;
        text = hs_view_of(comma + 1, text.bytes - length - 1);
        if (!text.bytes) return -EINVAL; /* a comma at the end */
    }
    return 0;
}

void hs_config_format_hosts(const struct hs_config_hosts *hosts, char *text, size_t bytes)
{
    size_t used = 0;

    text[0] = 0;
    for (uint32_t i = 0; i < hosts->count && used < bytes; i++) {
        int length = snprintf(text + used, bytes - used, "%s%s", i ? "," : "", hosts->at[i]);

        used += length > 0 ? (size_t)length : 0;
    }
}

bool hs_config_are_hosts_sane(const struct hs_config_hosts *hosts, bool are_patterns)
{
    if (hosts->count > HS_CONFIG_HOSTS_MAX) return false;
    for (uint32_t i = 0; i < hosts->count; i++) {
        const char *end = memchr(hosts->at[i], 0, sizeof hosts->at[i]);

        if (!end || !checker_of(are_patterns)(hs_view_text(hosts->at[i]))) return false;
        if (is_listed(hosts, i, hs_view_text(hosts->at[i]))) return false;
    }
    return true;
}
