// SPDX-License-Identifier: Apache-2.0
/* orders_io.h - records that come in: from roles (ready, look this name up, an operator wants ...)
 * and from the client of an embedded tree. Whoever sends nonsense is replaced. */
#ifndef HS_SUPERVISOR_ORDERS_IO_H
#define HS_SUPERVISOR_ORDERS_IO_H

#include "supervisor/tree.h"

/* The control socket of child is readable. */
void hs_orders_take(struct hs_tree *tree, struct hs_child *child);
/* The leash is readable: a wish to stop, or the end of the client. */
void hs_orders_take_leash(struct hs_tree *tree);

/* Ends the tree: in order; a second time faster. hs_orders_stop_now: kills. */
void hs_orders_stop(struct hs_tree *tree);
void hs_orders_stop_now(struct hs_tree *tree);
/* Who is alive may have changed: the next kind's turn, or the end. */
void hs_orders_stop_look(struct hs_tree *tree);

#endif
