// SPDX-License-Identifier: Apache-2.0
/* config_hosts.h - "HOST:PORT" in the configuration: one numeric address, or a list of hosts that
 * may also be named; and lists of patterns that hosts are compared with. Does not look names up.
 * Pure. */
#ifndef HS_ROLES_CONFIG_HOSTS_H
#define HS_ROLES_CONFIG_HOSTS_H

#include "roles/config.h"

/* One of a list, taken apart. */
struct hs_config_host {
    struct hs_addr addr;   /* family HS_ADDR_NONE: it has a name, only the port is set */
    bool           is_srv; /* the name is that of a service: name servers know hosts and ports */
    char           name[HS_CONFIG_HOST_BYTES]; /* "" when it is numeric */
};

#define HS_CONFIG_SRV "srv:" /* in front of the name of a service */

/* "127.0.0.1:80", "[::1]:80". -EINVAL */
int hs_config_parse_address(struct hs_view text, struct hs_addr *addr) HS_MUST_CHECK;
/* The same, or "gate-1.example.org:7400", or "srv:_hyperscale-gate._tcp.example.org". -EINVAL also
 * for what nobody can be reached at. */
int hs_config_parse_host(struct hs_view text, struct hs_config_host *host) HS_MUST_CHECK;
/* Not so: a port of 0, any-address, multicast. */
bool hs_config_is_reachable(const struct hs_addr *addr);
/* "_SERVICE._tcp.DOMAIN" */
bool hs_config_is_service(struct hs_view text);

/* A name, an address, "*.example.org" (whatever is below it) or "*". */
bool hs_config_is_pattern(struct hs_view text);

/* "a:1,b:2" (patterns: "a,*.b"), "" for none. -EINVAL: one of them is no host; -ERANGE: too many,
 * or one of them twice. */
int  hs_config_parse_hosts(struct hs_view text, bool are_patterns,
                           struct hs_config_hosts *hosts) HS_MUST_CHECK;
void hs_config_format_hosts(const struct hs_config_hosts *hosts, char *text, size_t bytes);
/* An image of another process: count in bounds, texts terminated and of the right form. */
bool hs_config_are_hosts_sane(const struct hs_config_hosts *hosts, bool are_patterns);

#endif
