// SPDX-License-Identifier: Apache-2.0
/* log_ring.h - the last log lines of a process, in shared memory: writing never blocks, the
 * supervisor drains, and what was said last survives a crash. One ring for each process slot, one
 * after the other in the body of the segment. */
#ifndef HS_SHM_LOG_RING_H
#define HS_SHM_LOG_RING_H

#include "shm/base/limits.h"
#include "shm/base/log.h"
#include "shm/recent.h"

enum {
    HS_LOG_RING_VERSION = 1,
    HS_LOG_RING_SLOTS = 512, /* lines; a drain every 100 ms keeps up with 5,000 a second */
    HS_LOG_RING_BYTES = 64 + HS_LOG_RING_SLOTS * 256,
    HS_LOG_RING_BODY_BYTES = HS_PROCESSES_MAX * HS_LOG_RING_BYTES,
    HS_LOG_RING_MODULE_BYTES = 16 /* level in the first byte; longer names are cut to 14 */
};

struct hs_log_ring_shm {
    struct hs_recent_shm      recent;
    struct hs_recent_slot_shm slots[HS_LOG_RING_SLOTS];
};

struct hs_log_record {
    uint64_t          at_ns; /* monotonic */
    enum hs_log_level level;
    char              module[HS_LOG_RING_MODULE_BYTES];
    char              line[HS_LOG_LINE_BYTES];
};

struct hs_log_ring_shm *hs_log_ring_at(void *body, unsigned process_idx);
void hs_log_ring_write(struct hs_log_ring_shm *ring, uint64_t at_ns, enum hs_log_level level,
                       const char *module, const char *line);
/* 1 and the next line (level made valid, texts terminated), 0: nothing new; cursor->lost_count
 * tells what was missed. */
int hs_log_ring_next(const struct hs_log_ring_shm *ring, struct hs_recent_cursor *cursor,
                     struct hs_log_record *record) HS_MUST_CHECK;

#endif
