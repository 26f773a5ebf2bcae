// SPDX-License-Identifier: Apache-2.0
/* counters.c - the rows of counters.def as data, for status and metrics. */
#include "roles/counters.h"

static const struct hs_count_row rows[] = {
#define HS_COUNTER(name, unit, text) {#name, #unit, text, false},
#define HS_GAUGE(name, unit, text)   {#name, #unit, text, true},
#include "roles/counters.def"
#undef HS_COUNTER
#undef HS_GAUGE
};
HS_STATIC_ASSERT(HS_ARRAY_LEN(rows) == HS_COUNT_END, "a row for each counter");

const struct hs_count_row *hs_count_row_at(unsigned idx)
{
    HS_ASSERT(idx < HS_COUNT_END);
    return &rows[idx];
}
