// SPDX-License-Identifier: Apache-2.0
/* segment.h - a piece of memory that processes share: a memfd that nobody can shrink (so no peer
 * can make our access fault), a header that every reader checks against its own constants, and a
 * body that begins on the next page. The supervisor creates segments before it forks; a restarted
 * role finds the same memory, and nothing has a name to leak. Knows nothing of what the body holds.
 * segment.c is pure (header), segment_io.c does the memfd and the mappings. */
#ifndef HS_SHM_SEGMENT_H
#define HS_SHM_SEGMENT_H

#include "shm/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HS_SEGMENT_MAGIC UINT64_C(0x31304745534d5348) /* "HSMSEG01" in memory */

/* Numbers are stored: never reuse one. */
enum hs_segment_kind {
    HS_SEGMENT_VITALS = 1,
    HS_SEGMENT_HOST = 2,
    HS_SEGMENT_MANAGER_REGISTRY = 3,
    HS_SEGMENT_WORKER_REGISTRY = 4,
    HS_SEGMENT_JOB_REGISTRY = 5,
    HS_SEGMENT_DISPATCH_TIMES = 6,
    HS_SEGMENT_LATENCY_SAMPLES = 7,
    HS_SEGMENT_ENGINE_COMMANDS = 8,
    HS_SEGMENT_ENGINE_EVENTS = 9,
    HS_SEGMENT_ENGINE_FIGURES = 10,
    HS_SEGMENT_EXEC_LEDGER = 11,
    HS_SEGMENT_LOG_RINGS = 12,
    HS_SEGMENT_EVENT_RINGS = 13,
    HS_SEGMENT_CONFIG_IMAGE = 14,
    HS_SEGMENT_PLAN_IMAGE = 15,
    HS_SEGMENT_COUNTERS = 16,
    HS_SEGMENT_CREDENTIALS = 17,
    HS_SEGMENT_MEMBERS = 18,
    HS_SEGMENT_CARD = 19,
    HS_SEGMENT_KIND_END
};

enum {
    HS_SEGMENT_HEADER_BYTES = 64,
    HS_SEGMENT_BODY_OFFSET = 4096 /* so that pages of the body are pages of the machine */
};

/* The first 64 bytes of every segment; constant after creation. */
struct hs_segment_header {
    uint64_t magic;
    uint32_t kind;
    uint16_t version; /* any change of the body's layout raises it */
    uint16_t header_bytes;
    uint64_t total_bytes;  /* of the whole memfd */
    uint64_t generation;   /* of the group of segments; a group that failed validation gets fresh
                              ones, one higher */
    uint32_t owner_pid;    /* who created it: for a post-mortem, never to decide by */
    uint8_t  reserved[28]; /* zero */
};

/* What one side expects of a segment: every field from its own constants. */
struct hs_segment_spec {
    enum hs_segment_kind kind;
    uint16_t             version;
    uint64_t             body_bytes; /* exact; 0 when checking: any size (images) */
    uint64_t             generation; /* 0 when checking: any */
    bool prefault; /* when creating: allocate now, so that a full machine is an error here, not a
                    * signal later; without it pages are demand-zero and cost nothing until
                    * touched */
};

enum hs_segment_access { HS_SEGMENT_READ_ONLY, HS_SEGMENT_READ_WRITE };

/* A mapping. Zeroed: none, and hs_segment_unmap of it does nothing. */
struct hs_segment {
    void  *map;
    size_t bytes; /* of the whole mapping */
};

/* Pure. */
void hs_segment_header_init(struct hs_segment_header *header, const struct hs_segment_spec *spec,
                            uint32_t owner_pid);
uint64_t hs_segment_total_bytes(uint64_t body_bytes);
/* All fields of a header against spec, and its size against what the file really has. 0 or -EPROTO
 * with a sentence. */
int hs_segment_check(const struct hs_segment_header *shared, const struct hs_segment_spec *spec,
                     uint64_t file_bytes, struct hs_err *err) HS_MUST_CHECK;
const char *hs_segment_kind_name(enum hs_segment_kind kind);
/* The body, and how long it is. segment must be mapped. */
void                           *hs_segment_body(const struct hs_segment *segment);
uint64_t                        hs_segment_body_bytes(const struct hs_segment *segment);
const struct hs_segment_header *hs_segment_header_of(const struct hs_segment *segment);

/* Kernel. */
/* Makes a zeroed memfd of spec's size, seals it against shrinking and growing, maps it read-write
 * into *segment and returns the descriptor (close-on-exec), which the caller owns. name is for
 * /proc only. On failure *segment is zeroed. */
int hs_segment_create(struct hs_segment *segment, const char *name,
                      const struct hs_segment_spec *spec, struct hs_err *err) HS_MUST_CHECK;
/* Maps fd after checking the seals and the header (-EPROTO). fd is borrowed; it may be closed
 * afterwards. */
int hs_segment_map(struct hs_segment *segment, int fd, const struct hs_segment_spec *spec,
                   enum hs_segment_access access, struct hs_err *err) HS_MUST_CHECK;
/* No more writing by anybody, for images. Every writable mapping must be gone (-EBUSY). */
int  hs_segment_seal_write(int fd, struct hs_err *err) HS_MUST_CHECK;
bool hs_segment_is_sealed_write(int fd);
void hs_segment_unmap(struct hs_segment *segment);

#endif
