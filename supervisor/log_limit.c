// SPDX-License-Identifier: Apache-2.0
/* log_limit.c - a table of lines seen lately, by hash; a collision only makes two lines share. */
#include "supervisor/log_limit.h"

#include "shm/base/time.h"

#define WINDOW_NS (10 * HS_NS_PER_S)

/* FNV-1a; digits count as one letter, so that figures do not make a new line. */
static uint64_t add_text(uint64_t hash, const char *text)
{
    for (; *text; text++) {
        unsigned char letter = (unsigned char)*text;

        if (letter >= '0' && letter <= '9') letter = '0';
        hash = (hash ^ letter) * UINT64_C(0x100000001b3);
    }
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

bool hs_log_limit_allows(struct hs_log_limit *limit, unsigned process_idx, const char *module,
                         const char *line, uint64_t now_ns, uint32_t *dropped_count)
{
    uint64_t hash = add_text(UINT64_C(0xcbf29ce484222325) + process_idx, module);
    unsigned idx;

    hash = add_text(hash, line) | 1;
    idx = (unsigned)(hash >> 32) % HS_LOG_LIMIT_SLOTS;
    *dropped_count = 0;
    if (limit->slots[idx].hash != hash || now_ns - limit->slots[idx].window_at_ns > WINDOW_NS) {
        if (limit->slots[idx].hash == hash) *dropped_count = limit->slots[idx].dropped_count;
        limit->slots[idx].hash = hash;
        limit->slots[idx].window_at_ns = now_ns;
        limit->slots[idx].shown_count = 0;
        limit->slots[idx].dropped_count = 0;
    }
    if (limit->slots[idx].shown_count < HS_LOG_LIMIT_LINES) {
        limit->slots[idx].shown_count++;
        return true;
    }
    limit->slots[idx].dropped_count++;
    limit->dropped_count++;
    return false;
}
