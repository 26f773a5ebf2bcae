// SPDX-License-Identifier: Apache-2.0
/* status_rows.h - one row of each list of the status socket as JSON. Fields: status_fields.def.
 * Pure. */
#ifndef HS_CONSOLE_STATUS_ROWS_H
#define HS_CONSOLE_STATUS_ROWS_H

#include "roles/console/status_json.h"
#include "roles/console/status_snapshot.h"

/* New references; NULL when memory ran out. */
json_t *hs_status_row_process(const struct hs_status_process *process, uint64_t now_ns);
json_t *hs_status_row_manager(const struct hs_manager_row *row, uint64_t now_ns);
json_t *hs_status_row_worker(const struct hs_worker_row *row, uint64_t now_ns);
json_t *hs_status_row_member(const struct hs_member_row *row, uint64_t now_ns);
json_t *hs_status_row_job(const struct hs_job_row *row, uint64_t now_ns);
json_t *hs_status_row_counters(const char *process, const uint64_t counts[HS_COUNT_END]);
json_t *hs_status_row_event(const struct hs_status_note *note, const struct hs_status_clock *clock);
json_t *hs_status_row_log(const struct hs_status_note *note, const struct hs_status_clock *clock);
json_t *hs_status_row_death(const struct hs_host_death *death, const struct hs_status_clock *clock);

#endif
