// SPDX-License-Identifier: Apache-2.0
/* gate_totals.h - the counts of a job, summed over its steps: of a running one from what datacenters report, of a finished one
 * from its run records. Pure. */
#ifndef HS_GATE_GATE_TOTALS_H
#define HS_GATE_GATE_TOTALS_H

#include "roles/gate/gate.h"

/* Sets the counts and percentiles of row; leaves it alone where there is nothing to sum. */
void hs_gate_fill_totals(struct hs_gate *gate, const struct hs_gate_job *job,
                         struct hs_job_row *row);

#endif
