// SPDX-License-Identifier: Apache-2.0
/* status_reply.h - the answers of the status socket as JSON documents. Every answer has
 * "schema": 1. Each function returns a new reference, or NULL when memory ran out. Pure. */
#ifndef HS_CONSOLE_STATUS_REPLY_H
#define HS_CONSOLE_STATUS_REPLY_H

#include "roles/config.h"
#include "roles/console/status_request.h"
#include "roles/console/status_snapshot.h"

#include <jansson.h>

enum { HS_STATUS_SCHEMA = 1 };

/* To a get, and each time to a watch. */
json_t *hs_status_reply(const struct hs_status_snapshot *snapshot, const struct hs_config *config,
                        const struct hs_status_request *request);
json_t *hs_status_reply_fault(const struct hs_status_fault *fault);
json_t *hs_status_reply_done(enum hs_control_verb verb, const char *text);

/* The documented fields, for tests. */
struct hs_status_field {
    const char *path;
    const char *type; /* NUMBER STRING BOOL OBJECT LIST; with "?": or null */
    const char *text;
};
const struct hs_status_field *hs_status_field_at(size_t idx); /* NULL: there are no more */

#endif
