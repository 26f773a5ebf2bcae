// SPDX-License-Identifier: Apache-2.0
/* status_times_json.h - dispatch times and round trips as JSON. Fields: status_fields.def. Pure. */
#ifndef HS_CONSOLE_STATUS_TIMES_JSON_H
#define HS_CONSOLE_STATUS_TIMES_JSON_H

#include "roles/console/status_json.h"
#include "roles/console/status_request.h"
#include "roles/console/status_times.h"

/* New references; NULL when memory ran out. At most request->row_count records each; the summaries
 * are of all. */
json_t *hs_status_dispatch_times(const struct hs_status_times   *times,
                                 const struct hs_status_request *request);
json_t *hs_status_latency(const struct hs_status_times   *times,
                          const struct hs_status_request *request,
                          const struct hs_status_clock   *clock);

#endif
