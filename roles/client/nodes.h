// SPDX-License-Identifier: Apache-2.0
/* nodes.h - the members of a host's rings, the workers of its datacenter, and the datacenters that
 * its gate asks, as the daemon's status tells them, as tables for people. Pure. */
#ifndef HS_CLIENT_NODES_H
#define HS_CLIENT_NODES_H

#include <jansson.h>

enum { HS_NODES_LINE_BYTES = 320 };

/* The title of the table, and one row of it; both end with a line feed. Returns text. */
const char *hs_nodes_title(char text[HS_NODES_LINE_BYTES]);
const char *hs_nodes_line(const json_t *member, char text[HS_NODES_LINE_BYTES]);
const char *hs_nodes_worker_line(const json_t *worker, char text[HS_NODES_LINE_BYTES]);

/* Whether the datacenters of these managers answer this host's gate: a title, and a row for each.
 * NULL: that manager's datacenter was shown before, or is not asked. */
const char *hs_nodes_reach_title(char text[HS_NODES_LINE_BYTES]);
const char *hs_nodes_reach_line(const json_t *managers, size_t idx, char text[HS_NODES_LINE_BYTES]);

#endif
