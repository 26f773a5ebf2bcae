// SPDX-License-Identifier: Apache-2.0
/* segments_io.h - makes every shared segment of a tree before anything is forked, replaces those
 * that are damaged, and says which of their descriptors a process may have. */
#ifndef HS_SUPERVISOR_SEGMENTS_IO_H
#define HS_SUPERVISOR_SEGMENTS_IO_H

#include "supervisor/tree.h"

int hs_segments_create(struct hs_tree *tree, struct hs_err *err) HS_MUST_CHECK;
/* Fresh segments, a generation higher, in place of those of a group (RINGS: of that engine). The
 * damaged ones are kept, in place of any that were kept before. On failure some are replaced. */
int hs_segments_replace(struct hs_tree *tree, enum hs_segment_group group, unsigned engine_idx,
                        struct hs_err *err) HS_MUST_CHECK;
/* Before a successor starts: whoever began before the counters were replaced counts in the old
 * segment to its end, and the successor must find all that anybody may have been shown. */
void hs_segments_carry_counters(struct hs_tree *tree);
/* The fields of the heritage that are segments and bells; the rest is child_io's. */
void hs_segments_bequeath(const struct hs_tree *tree, enum hs_role_kind kind, unsigned idx,
                          struct hs_heritage *heritage);

#endif
