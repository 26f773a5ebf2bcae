// SPDX-License-Identifier: Apache-2.0
/* star_wire.h - what managers of a datacenter tell one another of its workers, as the content of
 * WORKERS datagrams: a kind, then what belongs to it. Whole entries only; of news whose entry is
 * malformed, what stood before is kept. Believes nothing (star.h). Pure.
 *
 *     NEWS    entries to the end      DIGEST  count (4 bytes), xor of versions (8)
 *     LIST    nothing                 PROBE   number (4), worker (16)
 *                                     PROBED  number (4), worker (16), answer (1) */
#ifndef HS_MANAGER_STAR_WIRE_H
#define HS_MANAGER_STAR_WIRE_H

#include "roles/cluster/node_id.h"
#include "shm/base/bytes.h"
#include "shm/base/limits.h"

/* Wire numbers. */
enum hs_star_kind {
    HS_STAR_NEWS = 1, /* of workers that the sender owns: what changed, or all, page by page */
    HS_STAR_DIGEST,   /* what the sender owns, in brief */
    HS_STAR_LIST,     /* tell me all that you own */
    HS_STAR_PROBE,    /* ping that worker for me */
    HS_STAR_PROBED,   /* what came of it */
    HS_STAR_KIND_END
};

enum hs_star_answer { HS_STAR_REACHED = 1, HS_STAR_SILENT, HS_STAR_UNKNOWN, HS_STAR_BUSY };

/* A worker, by the word of its owner. */
enum hs_star_state {
    HS_STAR_NONE,
    HS_STAR_REGISTERED,
    HS_STAR_SUSPECTED, /* silent, and nobody reached it: it may come back */
    HS_STAR_DEAD,
    HS_STAR_LEFT, /* ended in order */
    HS_STAR_STATE_END
};

struct hs_star_entry {
    struct hs_node_id worker;
    uint64_t          incarnation;
    struct hs_node_id owner;
    uint64_t          epoch;   /* of this owner: said by the worker */
    uint32_t          version; /* counted by the owner, from 1 */
    uint8_t           state;   /* enum hs_star_state, not NONE */
    uint16_t          cores_total;
    uint16_t          cores_free;
    uint32_t          age_ms; /* since the owner has heard it */
    char              name[HS_NAME_BYTES];
};

struct hs_star_message {
    enum hs_star_kind kind;
    uint32_t          number;  /* PROBE, PROBED */
    struct hs_node_id worker;  /* likewise */
    uint8_t           answer;  /* PROBED: enum hs_star_answer */
    uint32_t          count;   /* DIGEST */
    uint64_t          digest;  /* likewise */
    struct hs_view    entries; /* NEWS */
};

void hs_star_put(struct hs_writer *out, const struct hs_star_message *message);
/* false: it does not fit, and nothing was written. */
bool hs_star_put_entry(struct hs_writer *out, const struct hs_star_entry *entry);
/* 0, or -EPROTO. */
int hs_star_get(struct hs_view content, struct hs_star_message *message) HS_MUST_CHECK;
/* 1: an entry; 0: the end; -EPROTO: malformed, and so is whatever follows. */
int hs_star_get_entry(struct hs_reader *in, struct hs_star_entry *entry) HS_MUST_CHECK;

#endif
