// SPDX-License-Identifier: Apache-2.0
/* step_parts.h - figures of several steps in one payload of EXEC_PROGRESS, EXEC_RESULT and
 * DC_PROGRESS. Pure.
 *
 *   payload := (step varint | length varint | one part of stats_codec.h)*
 *
 * step is the index in the workflow; in DC_PROGRESS, which speaks of a whole job, workflow * 65536
 * + step. A step whose figures fill more than what is left of a payload goes on in the next one;
 * payloads above one frame are cut into pieces only between parts, so that each piece can be taken
 * as it comes. */
#ifndef HS_STATS_STEP_PARTS_H
#define HS_STATS_STEP_PARTS_H

#include "roles/stats/stats_codec.h"
#include "shm/base/bytes.h"

enum { HS_STEP_PARTS_WORKFLOW_SHIFT = 16 };

struct hs_step_part {
    uint32_t       step;
    struct hs_view bytes; /* one part, into the payload */
};

/* The next part of a payload: 1; 0: no more; -EPROTO. */
int hs_step_parts_next(struct hs_reader *payload, struct hs_step_part *part) HS_MUST_CHECK;

/* Appends what encoder (hs_stats_encoder_init) has to say about step. Each part takes the next
 * number: *sequence is the last one used, before and after. 0: all of it is in the payload; 1: the
 * payload is full, call again with an empty one. An empty payload of 4 KiB always makes
 * progress. */
int hs_step_parts_put(struct hs_writer *payload, uint32_t step, struct hs_stats_encoder *encoder,
                      uint64_t *sequence) HS_MUST_CHECK;

#endif
