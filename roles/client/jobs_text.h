// SPDX-License-Identifier: Apache-2.0
/* jobs_text.h - jobs of a daemon, as a table for people or as JSON. Pure. */
#ifndef HS_CLIENT_JOBS_TEXT_H
#define HS_CLIENT_JOBS_TEXT_H

#include "roles/wire.h"

#include <jansson.h>

enum { HS_JOBS_LINE_BYTES = 320 };

/* The title of the table, and one row of it; both end with a line feed. Returns text. */
const char *hs_jobs_title(char text[HS_JOBS_LINE_BYTES]);
const char *hs_jobs_line(const struct hs_msg_job_row *row, char text[HS_JOBS_LINE_BYTES]);
/* The job, its workflows and its datacenters; cut to what fits, terminated. -EPROTO: rows cannot be
 * read. */
int hs_jobs_status_text(const struct hs_msg_status *status, char *text, size_t bytes) HS_MUST_CHECK;

/* New references; NULL: out of memory. */
json_t *hs_jobs_row_json(const struct hs_msg_job_row *row);
json_t *hs_jobs_status_json(const struct hs_msg_status *status);

#endif
