// SPDX-License-Identifier: Apache-2.0
/* star_inner.h - what the files of star.h share among themselves. Nobody else includes this.
 * Pure. */
#ifndef HS_MANAGER_STAR_INNER_H
#define HS_MANAGER_STAR_INNER_H

#include "roles/manager/star.h"

/* ---- star.c */
void                      hs_star_send(struct hs_star *star, const struct hs_node_id *to,
                                       const struct hs_star_message *message);
void                      hs_star_note(struct hs_star *star, const struct hs_manager_worker *worker,
                                       enum hs_notice_kind kind);
void                      hs_star_due(struct hs_star *star, uint64_t at_ns);
struct hs_star_peer      *hs_star_find_peer(struct hs_star *star, const struct hs_node_id *id);
struct hs_manager_worker *hs_star_find_worker(struct hs_star *star, const struct hs_node_id *id);

/* ---- star_directory.c */
/* Our own word of a worker that we own: told from now on. */
void hs_star_say(struct hs_star *star, struct hs_manager_worker *worker, enum hs_star_state state);
void hs_star_take_news(struct hs_star *star, const struct hs_node_id *from, struct hs_view entries);
void hs_star_take_digest(struct hs_star *star, const struct hs_node_id *from,
                         const struct hs_star_message *message);
void hs_star_take_list(struct hs_star *star, const struct hs_node_id *from);
/* The word of that manager holds, or holds no longer. */
void hs_star_judge_words(struct hs_star *star, const struct hs_node_id *owner, bool is_live);
void hs_star_turn_directory(struct hs_star *star);
/* The next datagram of this tick. */
bool hs_star_next_body(struct hs_star *star, struct hs_star_action *action);

#endif
