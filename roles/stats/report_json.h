// SPDX-License-Identifier: Apache-2.0
/* report_json.h - the one document of `run --json` (design: hyperscale-results(5)). */
#ifndef HS_STATS_REPORT_JSON_H
#define HS_STATS_REPORT_JSON_H

#include "roles/stats/report.h"

#include <jansson.h>

/* A new reference; NULL when out of memory. Percentiles with too few samples are null. */
json_t *hs_report_json(const struct hs_report *report);

#endif
