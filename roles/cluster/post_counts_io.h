// SPDX-License-Identifier: Apache-2.0
/* post_counts_io.h - what a post has dropped, sent and proved, in the counters of its process. */
#ifndef HS_CLUSTER_POST_COUNTS_IO_H
#define HS_CLUSTER_POST_COUNTS_IO_H

#include "roles/cluster/post_io.h"
#include "roles/role_io.h"

/* Adds what is new since told. */
void hs_post_count(const struct hs_post *post, struct hs_post_figures *told,
                   struct hs_counters_shm *counters);

#endif
