// SPDX-License-Identifier: Apache-2.0
/* metrics.h - the same snapshot as Prometheus text (exposition format 0.0.4). Pure. */
#ifndef HS_CONSOLE_METRICS_H
#define HS_CONSOLE_METRICS_H

#include "roles/console/status_snapshot.h"
#include "shm/base/bytes.h"

/* 68 processes with 100 counters each, 1,024 jobs with a dozen series, with room to spare. */
enum { HS_METRICS_BYTES_MAX = 4 << 20 };

/* -EMSGSIZE when it does not fit. */
int hs_metrics_write(const struct hs_status_snapshot *snapshot,
                     struct hs_writer                *out) HS_MUST_CHECK;

#endif
