// SPDX-License-Identifier: Apache-2.0
/* stats_codec.h - hs_stats as bytes: whole, or the difference to an earlier state. Pure; malformed
 * input changes nothing.
 *
 *   part     := version u8 | flags u8 | sequence varint | section*     each stands alone in a frame
 *   section  := id u8 | first index varint | token* | varint 1
 *   token    := varint (value << 1), one counter | varint (n << 1 | 1), n > 0 zero counters
 *
 * Sections in ascending order: the eight histograms, statuses, tallies, error classes, moments
 * (four per measure: sum, maximum, minimum + 1, overflow; maximum and minimum always absolute).
 * 100,000 log-normal samples take about 5 KB. What does not fit the writer is continued in the next
 * part, at most HS_STATS_PARTS_MAX of 256 KiB, normally one of a few KB. A whole part carries
 * values, a difference part carries what to add; a whole part may be applied twice without harm. */
#ifndef HS_STATS_STATS_CODEC_H
#define HS_STATS_STATS_CODEC_H

#include "roles/stats/stats.h"
#include "shm/base/bytes.h"

enum {
    HS_STATS_CODEC_VERSION = 1,
    HS_STATS_PART_BYTES_MIN = 256, /* least writer that always makes progress */
    /* Worst case: ten bytes for each of 102,600 counters. */
    HS_STATS_PARTS_MAX = 5,

    HS_STATS_PART_WHOLE = 1, /* else a difference */
    HS_STATS_PART_FIRST = 2,
    HS_STATS_PART_LAST = 4
};

struct hs_stats_encoder {
    const struct hs_stats *later;
    const struct hs_stats *earlier; /* NULL: whole */
    unsigned               section;
    uint32_t               index;
    bool                   is_first;
};

struct hs_stats_part {
    uint8_t        flags;
    uint64_t       sequence;
    struct hs_view sections; /* into the bytes given to open */
};

/* earlier NULL: whole. Both must stay as they are until the last part is out. */
void hs_stats_encoder_init(struct hs_stats_encoder *encoder, const struct hs_stats *later,
                           const struct hs_stats *earlier);
/* Appends one part. 1: more parts follow; 0: that was the last; -EMSGSIZE: less than
 * HS_STATS_PART_BYTES_MIN of room. */
int hs_stats_encode_part(struct hs_stats_encoder *encoder, uint64_t sequence,
                         struct hs_writer *writer) HS_MUST_CHECK;

int hs_stats_part_open(struct hs_stats_part *part, struct hs_view bytes) HS_MUST_CHECK;
/* Adds what the part says to source, and the same increase to total (NULL: none). -EPROTO:
 * malformed, or a counter (of source or total) would go back or over; -ENOBUFS: no chunks. In both
 * cases neither has changed. */
int hs_stats_part_apply(const struct hs_stats_part *part, struct hs_stats *source,
                        struct hs_stats *total) HS_MUST_CHECK;

#endif
