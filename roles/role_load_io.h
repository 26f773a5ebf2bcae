// SPDX-License-Identifier: Apache-2.0
/* role_load_io.h - how loaded this process is: feeds guard/overload.h with the turns of its loop
 * and its share of a core, and says so in the log and the counters when that changes. */
#ifndef HS_ROLES_ROLE_LOAD_IO_H
#define HS_ROLES_ROLE_LOAD_IO_H

#include "roles/node_tables.h"
#include "roles/role_io.h"

/* For hs_role_load_close; NULL when there is no memory, which is logged: then it counts as
 * HEALTHY. */
struct hs_role_load *hs_role_load_open(const struct hs_role_process *process, uint64_t now_ns);
void                 hs_role_load_close(struct hs_role_process *process);
/* A turn is over, which began with what the loop brought at now_ns. */
void hs_role_load_turn(struct hs_role_process *process, uint64_t now_ns);
/* Each HS_OVERLOAD_TICK_NS. */
void hs_role_load_tick(struct hs_role_process *process, uint64_t now_ns);
/* load may be NULL. */
enum hs_node_load hs_role_load(const struct hs_role_load *load);

#endif
