// SPDX-License-Identifier: Apache-2.0
/* log_ring.c - log lines as records of a recent ring: time, level and module, text. */
#include "shm/log_ring.h"

#include "shm/base/assert.h"

#include <string.h>

/* Words of a record: [0] time, [1..2] level byte, module, [3..] line with its zero. */
enum { MODULE_WORDS = HS_LOG_RING_MODULE_BYTES / HS_WORD_BYTES, LINE_AT = 1 + MODULE_WORDS };

HS_STATIC_ASSERT(LINE_AT + HS_LOG_LINE_BYTES / HS_WORD_BYTES == HS_RECENT_WORDS, "a line fits");
HS_STATIC_ASSERT(sizeof(struct hs_log_ring_shm) == HS_LOG_RING_BYTES, "rings lie end to end");

struct hs_log_ring_shm *hs_log_ring_at(void *body, unsigned process_idx)
{
    HS_ASSERT(process_idx < HS_PROCESSES_MAX);
    return (struct hs_log_ring_shm *)body + process_idx;
}

void hs_log_ring_write(struct hs_log_ring_shm *ring, uint64_t at_ns, enum hs_log_level level,
                       const char *module, const char *line)
{
    uint64_t words[HS_RECENT_WORDS] = {at_ns};
    char     head[HS_LOG_RING_MODULE_BYTES] = {(char)level};
    size_t   line_length = strnlen(line, HS_LOG_LINE_BYTES - 1);

    memcpy(head + 1, module, strnlen(module, sizeof head - 2));
    memcpy(&words[1], head, sizeof head);
    memcpy(&words[LINE_AT], line, line_length);
    hs_recent_write(&ring->recent, HS_LOG_RING_SLOTS, words);
}

int hs_log_ring_next(const struct hs_log_ring_shm *ring, struct hs_recent_cursor *cursor,
                     struct hs_log_record *record)
{
    uint64_t words[HS_RECENT_WORDS];
    char     head[HS_LOG_RING_MODULE_BYTES];
    int      rc = hs_recent_next(&ring->recent, HS_LOG_RING_SLOTS, cursor, words);

    if (rc <= 0) return rc;
    memcpy(head, &words[1], sizeof head);
    record->at_ns = words[0];
    record->level =
        (unsigned char)head[0] < HS_LOG_LEVEL_COUNT ? (enum hs_log_level)head[0] : HS_LOG_DEBUG;
    memcpy(record->module, head + 1, sizeof head - 1);
    record->module[sizeof head - 2] = '\0';
    memcpy(record->line, &words[LINE_AT], sizeof record->line);
    record->line[sizeof record->line - 1] = '\0';
    return 1;
}
