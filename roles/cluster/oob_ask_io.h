// SPDX-License-Identifier: Apache-2.0
/* oob_ask_io.h - asks the consoles of other hosts whether a node there lives, from a socket of its
 * own, so that neither question nor answer waits behind gossip. An answer is handed over when it
 * is authentic and belongs to a question that is open; whatever else comes is dropped and
 * counted. */
#ifndef HS_CLUSTER_OOB_ASK_IO_H
#define HS_CLUSTER_OOB_ASK_IO_H

#include "ipc/udp.h"
#include "roles/cluster/oob_ask.h"
#include "roles/cluster/oob_key_io.h"

struct hs_oob_asker;
typedef void hs_oob_answer_fn(void *owner, const struct hs_node_id *node,
                              const struct hs_oob_frame *answer);

struct hs_oob_asker_config {
    struct hs_loop   *loop;
    int               fd; /* bound UDP socket; stays the caller's */
    void             *owner;
    hs_oob_answer_fn *on_answer;
};

struct hs_oob_asker_figures { /* only ever grow */
    struct hs_oob_ask_counts asks;
    uint64_t                 bad; /* not a frame, or a tag that no key of ours makes */
};

int  hs_oob_asker_open(struct hs_oob_asker **asker, const struct hs_oob_asker_config *config,
                       const struct hs_keyring *ring, struct hs_err *err) HS_MUST_CHECK;
void hs_oob_asker_close(struct hs_oob_asker **asker);
void hs_oob_asker_set_ring(struct hs_oob_asker *asker, const struct hs_keyring *ring);
void hs_oob_asker_ask(struct hs_oob_asker *asker, const struct hs_node_id *node,
                      const struct hs_addr *address);
void hs_oob_asker_figures(const struct hs_oob_asker *asker, struct hs_oob_asker_figures *figures);

#endif
