// SPDX-License-Identifier: Apache-2.0
/* units.c - numbers with units, read strictly and written for people. */
#include "shm/base/units.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

struct unit {
    const char *name;
    uint64_t    factor;
};

/* Longest first where one name starts with another, so that "ms" is not "m". */
static const struct unit duration_units[] = {
    {"ns", 1},          {"us", HS_NS_PER_US},    {"ms", HS_NS_PER_MS},
    {"s", HS_NS_PER_S}, {"m", 60 * HS_NS_PER_S}, {"h", 3600 * HS_NS_PER_S},
};
static const struct unit rate_units[] = {
    {"/s", HS_NS_PER_S}, {"/m", 60 * HS_NS_PER_S}, {"/h", 3600 * HS_NS_PER_S}};
static const struct unit size_units[] = {
    {"KiB", 1 << 10}, {"MiB", 1 << 20},   {"GiB", 1 << 30}, {"KB", 1000},
    {"MB", 1000000},  {"GB", 1000000000}, {"B", 1},
};

/* value / 10^decimals, as read. */
struct decimal {
    uint64_t value;
    uint64_t scale; /* 10^decimals */
};

enum { DECIMALS_MAX = 9 };

/* Reads digits[.digits] at *at and moves it behind them. */
static int read_decimal(struct hs_view text, size_t *at, struct decimal *decimal)
{
    size_t start = *at;
    bool   in_fraction = false;

    *decimal = (struct decimal){.scale = 1};
    for (; *at < text.bytes; (*at)++) {
        uint8_t c = text.data[*at];

        if (c == '.' && !in_fraction && *at > start) {
            in_fraction = true;
            start = *at + 1; /* a digit has to follow */
            continue;
        }
        if (c < '0' || c > '9') break;
        if (__builtin_mul_overflow(decimal->value, UINT64_C(10), &decimal->value) ||
            __builtin_add_overflow(decimal->value, (uint64_t)(c - '0'), &decimal->value))
            return -ERANGE;
        if (!in_fraction) continue;
        if (*at - start >= DECIMALS_MAX) return -ERANGE;
        decimal->scale *= 10;
    }
    return *at > start ? 0 : -EINVAL;
}

static const struct unit *read_unit(struct hs_view text, size_t *at, const struct unit *units,
                                    size_t count)
{
    const struct unit *best = NULL;
    size_t             best_bytes = 0;

    for (size_t i = 0; i < count; i++) {
        size_t bytes = strlen(units[i].name);

        if (bytes <= best_bytes || bytes > text.bytes - *at) continue;
        if (memcmp(text.data + *at, units[i].name, bytes) != 0) continue;
        best = &units[i];
        best_bytes = bytes;
    }
    *at += best_bytes;
    return best;
}

/* decimal * factor, if it is a whole number of 64 bits. */
static int scale_exactly(struct decimal decimal, uint64_t factor, uint64_t *result)
{
    wide product = (wide)decimal.value * factor;

    if (product % decimal.scale != 0) return -ERANGE;
    product /= decimal.scale;
    if (product > UINT64_MAX) return -ERANGE;
    *result = (uint64_t)product;
    return 0;
}

int hs_units_parse_duration(struct hs_view text, uint64_t *ns)
{
    uint64_t total_ns = 0;
    uint64_t last_factor = UINT64_MAX;

    if (text.bytes == 0) return -EINVAL;
    for (size_t at = 0; at < text.bytes;) {
        struct decimal     decimal;
        const struct unit *unit;
        uint64_t           part_ns;
        int                rc = read_decimal(text, &at, &decimal);

        if (rc) return rc;
        unit = read_unit(text, &at, duration_units, HS_ARRAY_LEN(duration_units));
        if (!unit || unit->factor >= last_factor) return -EINVAL; /* "30s1m", "1s1s" */
        last_factor = unit->factor;
        rc = scale_exactly(decimal, unit->factor, &part_ns);
        if (rc) return rc;
        if (__builtin_add_overflow(total_ns, part_ns, &total_ns)) return -ERANGE;
    }
    if (total_ns == HS_NEVER_NS) return -ERANGE;
    *ns = total_ns;
    return 0;
}

static int read_one(struct hs_view text, const struct unit *units, size_t count,
                    struct decimal *decimal, const struct unit **unit)
{
    size_t at = 0;
    int    rc = read_decimal(text, &at, decimal);

    if (rc) return rc;
    *unit = read_unit(text, &at, units, count);
    return *unit && at == text.bytes ? 0 : -EINVAL;
}

int hs_units_parse_rate(struct hs_view text, struct hs_rate *rate)
{
    struct decimal     decimal;
    const struct unit *unit;
    int                rc = read_one(text, rate_units, HS_ARRAY_LEN(rate_units), &decimal, &unit);

    if (rc) return rc;
    while (decimal.scale > 1 && decimal.value % 10 == 0) { /* "2.50/s" is "2.5/s" */
        decimal.value /= 10;
        decimal.scale /= 10;
    }
    rate->count = decimal.value;
    return __builtin_mul_overflow(unit->factor, decimal.scale, &rate->period_ns) ? -ERANGE : 0;
}

int hs_units_parse_size(struct hs_view text, uint64_t *bytes)
{
    struct decimal     decimal;
    const struct unit *unit;
    int                rc = read_one(text, size_units, HS_ARRAY_LEN(size_units), &decimal, &unit);

    return rc ? rc : scale_exactly(decimal, unit->factor, bytes);
}

int hs_units_parse_share(struct hs_view text, uint32_t *ppm)
{
    static const struct unit percent[] = {{"%", 10000}};
    struct decimal           decimal;
    const struct unit       *unit;
    uint64_t                 value;
    int                      rc = read_one(text, percent, 1, &decimal, &unit);

    if (!rc) rc = scale_exactly(decimal, unit->factor, &value);
    if (rc) return rc;
    if (value > 1000000) return -ERANGE;
    *ppm = (uint32_t)value;
    return 0;
}

int hs_units_parse_count(struct hs_view text, uint64_t *count)
{
    struct decimal decimal;
    size_t         at = 0;
    int            rc = read_decimal(text, &at, &decimal);

    if (rc) return rc;
    if (at != text.bytes || memchr(text.data, '.', text.bytes)) return -EINVAL;
    *count = decimal.value;
    return 0;
}

int hs_rate_compare(struct hs_rate a, struct hs_rate b)
{
    wide left = (wide)a.count * b.period_ns;
    wide right = (wide)b.count * a.period_ns;

    HS_ASSERT(a.period_ns > 0);
    HS_ASSERT(b.period_ns > 0);
    return left < right ? -1 : left > right;
}

static const char *put_text(char *text, const char *value)
{
    (void)snprintf(text, HS_UNITS_TEXT_BYTES, "%s", value);
    return text;
}

/* value / unit with `decimals` places, rounded half up. */
static void format_decimal(char *text, uint64_t value, uint64_t unit, unsigned decimals,
                           const char *suffix)
{
    uint64_t scale = decimals == 0 ? 1 : decimals == 1 ? 10 : 100;
    uint64_t scaled = (uint64_t)(((wide)value * scale + unit / 2) / unit);

    if (decimals)
        (void)snprintf(text, HS_UNITS_TEXT_BYTES, "%" PRIu64 ".%0*" PRIu64 "%s", scaled / scale,
                       (int)decimals, scaled % scale, suffix);
    else
        (void)snprintf(text, HS_UNITS_TEXT_BYTES, "%" PRIu64 "%s", scaled, suffix);
}

/* From a minute on: two neighbouring units, "1m30s", "2h05m" without the zero: "2h5m", "3h". */
static void format_long_duration(char *text, uint64_t ns)
{
    uint64_t seconds = (ns + HS_NS_PER_S / 2) / HS_NS_PER_S;
    bool     has_hours = seconds >= 3600;
    uint64_t high = has_hours ? seconds / 3600 : seconds / 60;
    uint64_t low = has_hours ? seconds % 3600 / 60 : seconds % 60;
    char     high_unit = has_hours ? 'h' : 'm';

    if (low)
        (void)snprintf(text, HS_UNITS_TEXT_BYTES, "%" PRIu64 "%c%" PRIu64 "%c", high, high_unit,
                       low, has_hours ? 'm' : 's');
    else
        (void)snprintf(text, HS_UNITS_TEXT_BYTES, "%" PRIu64 "%c", high, high_unit);
}

/* Two or three digits are what one compares at a glance: one place below ten, none above a
 * hundred. */
const char *hs_units_format_duration(char *text, uint64_t ns)
{
    static const struct unit units[] = {
        {"us", HS_NS_PER_US}, {"ms", HS_NS_PER_MS}, {"s", HS_NS_PER_S}};
    size_t i = 0;

    if (ns < HS_NS_PER_US) {
        (void)snprintf(text, HS_UNITS_TEXT_BYTES, "%" PRIu64 "ns", ns);
        return text;
    }
    /* 999.95us reads 1.0ms, not 1000us */
    while (i < 2 && ns >= units[i].factor * 1000 - units[i].factor / 2) i++;
    if (i == 2 && ns >= 60 * HS_NS_PER_S - HS_NS_PER_S / 20)
        format_long_duration(text, ns);
    else if (ns < 100 * units[i].factor - units[i].factor / 20 && (i > 0 || ns < 10 * HS_NS_PER_US))
        format_decimal(text, ns, units[i].factor, 1, units[i].name);
    else
        format_decimal(text, ns, units[i].factor, 0, units[i].name);
    return text;
}

const char *hs_units_format_count(char *text, uint64_t count)
{
    char   digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count);
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) text[used++] = ' ';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

static void format_bytes(char *text, uint64_t bytes, const char *const suffixes[4])
{
    static const uint64_t factors[] = {1, 1000, 1000000, 1000000000};
    size_t                i = 0;

    while (i < 3 && bytes >= factors[i + 1]) i++;
    format_decimal(text, bytes, factors[i], i > 0 && bytes < 100 * factors[i] ? 1 : 0, suffixes[i]);
}

const char *hs_units_format_bytes(char *text, uint64_t bytes)
{
    static const char *const suffixes[] = {" B", " KB", " MB", " GB"};

    format_bytes(text, bytes, suffixes);
    return text;
}

const char *hs_units_format_bytes_per_s(char *text, uint64_t bytes)
{
    static const char *const suffixes[] = {" B/s", " KB/s", " MB/s", " GB/s"};

    format_bytes(text, bytes, suffixes);
    return text;
}

const char *hs_units_format_per_s(char *text, uint64_t thousandths)
{
    size_t used;

    if (thousandths && thousandths < 10000) {
        format_decimal(text, thousandths, 1000, 2, "/s");
        return text;
    }
    (void)hs_units_format_count(text, (thousandths + 500) / 1000);
    used = strlen(text);
    (void)snprintf(text + used, HS_UNITS_TEXT_BYTES - used, "/s");
    return text;
}

const char *hs_units_format_ppm(char *text, uint64_t ppm)
{
    if (ppm > 0 && ppm < 50)
        return put_text(text, "<0.01%"); /* not "0.00%": something did happen */
    format_decimal(text, ppm, 10000, 2, "%");
    return text;
}

const char *hs_units_format_duration_exact(char *text, uint64_t ns)
{
    size_t used = 0;

    if (ns == 0) return put_text(text, "0s");
    text[0] = '\0';
    if (ns >= 60 * HS_NS_PER_S && ns % HS_NS_PER_S == 0) {
        static const struct unit parts[] = {
            {"h", 3600 * HS_NS_PER_S}, {"m", 60 * HS_NS_PER_S}, {"s", HS_NS_PER_S}};

        for (size_t i = 0; i < 3; ns %= parts[i].factor, i++)
            if (ns >= parts[i].factor)
                used += (size_t)snprintf(text + used, HS_UNITS_TEXT_BYTES - used, "%" PRIu64 "%s",
                                         ns / parts[i].factor, parts[i].name);
        return text;
    }
    for (size_t i = 4; i-- > 0;) /* the largest of s ms us ns that divides it */
        if (ns % duration_units[i].factor == 0) {
            (void)snprintf(text, HS_UNITS_TEXT_BYTES, "%" PRIu64 "%s",
                           ns / duration_units[i].factor, duration_units[i].name);
            break;
        }
    return text;
}

const char *hs_units_format_rate_exact(char *text, struct hs_rate rate)
{
    for (size_t i = 0; i < HS_ARRAY_LEN(rate_units); i++)
        for (uint64_t scale = 1; scale <= 1000000000; scale *= 10) {
            wide scaled = (wide)rate.count * rate_units[i].factor;
            int  decimals = 0;

            if (__builtin_mul_overflow(scaled, scale, &scaled)) continue;
            if (scaled % rate.period_ns != 0 || scaled / rate.period_ns > UINT64_MAX) continue;
            for (uint64_t rest = scale; rest > 1; rest /= 10) decimals++;
            scaled /= rate.period_ns;
            if (scale == 1)
                (void)snprintf(text, HS_UNITS_TEXT_BYTES, "%" PRIu64 "%s", (uint64_t)scaled,
                               rate_units[i].name);
            else
                (void)snprintf(text, HS_UNITS_TEXT_BYTES, "%" PRIu64 ".%0*" PRIu64 "%s",
                               (uint64_t)(scaled / scale), decimals, (uint64_t)(scaled % scale),
                               rate_units[i].name);
            return text;
        }
    return put_text(text, "0/s"); /* no rate that was parsed comes here */
}

const char *hs_units_format_size_exact(char *text, uint64_t bytes)
{
    static const struct unit order[] = {
        {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1000000000},
        {"MB", 1000000},  {"KB", 1000},     {"B", 1}};

    for (size_t i = 0; i < HS_ARRAY_LEN(order); i++)
        if (bytes >= order[i].factor && bytes % order[i].factor == 0) {
            (void)snprintf(text, HS_UNITS_TEXT_BYTES, "%" PRIu64 "%s", bytes / order[i].factor,
                           order[i].name);
            return text;
        }
    return put_text(text, "0B");
}
