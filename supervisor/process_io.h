// SPDX-License-Identifier: Apache-2.0
/* process_io.h - one supervised process as the loop sees it: steps its restart core and does what
 * that asks for, keeps its row in the host table, connects it with its peers, buries it. */
#ifndef HS_SUPERVISOR_PROCESS_IO_H
#define HS_SUPERVISOR_PROCESS_IO_H

#include "supervisor/tree.h"

/* Steps child's core with an event and performs the actions. exit_code: DIED; deadline_ns: STOP,
 * AGAIN. */
void hs_process_step(struct hs_tree *tree, struct hs_child *child, enum hs_restart_event_type type,
                     int exit_code, uint64_t deadline_ns);
/* Gives a living process up: killed, with the reason for its obituary. */
void hs_process_give_up(struct hs_tree *tree, struct hs_child *child, enum hs_kill_reason reason);
/* Its pid_fd is readable: takes what is left of it and lets the core decide about a successor. */
void hs_process_reap(struct hs_tree *tree, struct hs_child *child);
/* A record to it, if it lives; when it does not read, the next turn gives it up. */
void hs_process_send(struct hs_child *child, const struct hs_control_record *record, int pass_fd);
void hs_process_send_all(struct hs_tree *tree, const struct hs_control_record *record, int pass_fd);
void hs_process_publish(struct hs_tree *tree, const struct hs_child *child);

/* To the client of an embedded tree, if there is one. */
void hs_leash_send(struct hs_tree *tree, const struct hs_control_record *record, int pass_fd);

#endif
