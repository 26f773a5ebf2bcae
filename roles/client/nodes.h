// SPDX-License-Identifier: Apache-2.0
/* nodes.h - the members of a host's rings, as the daemon's status tells them, as a table for
 * people. Pure. */
#ifndef HS_CLIENT_NODES_H
#define HS_CLIENT_NODES_H

#include <jansson.h>

enum { HS_NODES_LINE_BYTES = 320 };

/* The title of the table, and one row of it; both end with a line feed. Returns text. */
const char *hs_nodes_title(char text[HS_NODES_LINE_BYTES]);
const char *hs_nodes_line(const json_t *member, char text[HS_NODES_LINE_BYTES]);

#endif
