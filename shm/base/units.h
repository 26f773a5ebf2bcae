// SPDX-License-Identifier: Apache-2.0
/* units.h - durations, rates, sizes, shares and counts as people write and read them: "1m30s",
 * "500/s", "64KiB", "1%", "273 000". Parsing is strict: a number without a unit is refused (one
 * tool takes it as milliseconds, another as seconds), and so is what does not come out exact.
 * Formatting is for people; the `exact` forms parse back. */
#ifndef HS_BASE_UNITS_H
#define HS_BASE_UNITS_H

#include "shm/base/bytes.h"

enum { HS_UNITS_TEXT_BYTES = 48 }; /* holds any formatted value */

#define HS_UNITS_DURATION_HELP "a duration such as \"250ms\" or \"1m30s\" (ns us ms s m h)"
#define HS_UNITS_RATE_HELP     "a rate such as \"500/s\" or \"3000/m\" (/s /m /h)"
#define HS_UNITS_SIZE_HELP     "a size such as \"64KiB\" or \"1MB\" (B KB MB GB KiB MiB GiB)"
#define HS_UNITS_SHARE_HELP    "a share such as \"1%\" or \"0.5%\""

/* count arrivals in period_ns, exactly: "0.5/s" is 5 in 10 s. */
struct hs_rate {
    uint64_t count;
    uint64_t period_ns;
};

/* 0; -EINVAL: not of this form (a unit is missing or unknown); -ERANGE: too large or finer than the
 * base unit. Zero is allowed ("0s"), signs are not. */
int hs_units_parse_duration(struct hs_view text, uint64_t *ns) HS_MUST_CHECK;
int hs_units_parse_rate(struct hs_view text, struct hs_rate *rate) HS_MUST_CHECK;
int hs_units_parse_size(struct hs_view text, uint64_t *bytes) HS_MUST_CHECK;
int hs_units_parse_share(struct hs_view text, uint32_t *ppm) HS_MUST_CHECK; /* 0 to 100% */
int hs_units_parse_count(struct hs_view text, uint64_t *count) HS_MUST_CHECK;

/* -1, 0 or 1 as a is slower than, equal to or faster than b; neither has a period of 0. */
int hs_rate_compare(struct hs_rate a, struct hs_rate b) HS_MUST_CHECK;

/* For people, into text of HS_UNITS_TEXT_BYTES, which is returned. */
const char *hs_units_format_duration(char *text, uint64_t ns);       /* 14us 3.2ms 112ms 1m30s */
const char *hs_units_format_count(char *text, uint64_t count);       /* 273 000 */
const char *hs_units_format_bytes(char *text, uint64_t bytes);       /* 812 B, 4.1 MB */
const char *hs_units_format_bytes_per_s(char *text, uint64_t bytes); /* 4.1 MB/s */
const char *hs_units_format_per_s(char *text, uint64_t thousandths); /* 2 000/s, 0.25/s */
const char *hs_units_format_ppm(char *text, uint64_t ppm);           /* 0.07% */

/* Parse back to the same value. */
const char *hs_units_format_duration_exact(char *text, uint64_t ns); /* 1m30s, 1500us, 0s */
const char *hs_units_format_rate_exact(char *text, struct hs_rate rate);
const char *hs_units_format_size_exact(char *text, uint64_t bytes); /* 64KiB, 1MB, 17B */

#endif
