// SPDX-License-Identifier: Apache-2.0
/* oob_ask.h - questions out of band that are under way: each with a nonce of its own, so that an
 * answer completes the question it belongs to and no other; bounded in number, in rate, and per
 * node asked about. Draws no nonces, sends nothing, knows no keys. Pure. */
#ifndef HS_CLUSTER_OOB_ASK_H
#define HS_CLUSTER_OOB_ASK_H

#include "roles/cluster/node_id.h"

enum {
    HS_OOB_PENDING_MAX = 256,
    HS_OOB_TARGETS_MAX = 1024, /* of whom is known when they were last asked */
    HS_OOB_PER_S = 100
};
#define HS_OOB_TIMEOUT_NS UINT64_C(500000000)
#define HS_OOB_GAP_NS     UINT64_C(10000000) /* between two questions about one node */

/* So many a second, and not more; zeroed: none yet. */
struct hs_oob_window {
    uint64_t end_ns;
    uint32_t count;
};
bool hs_oob_window_take(struct hs_oob_window *window, uint32_t per_s, uint64_t now_ns);

enum hs_oob_asked {
    HS_OOB_ASKED,
    HS_OOB_TOO_SOON, /* it was asked about a moment ago */
    HS_OOB_TOO_MANY, /* a second, or under way */
};

struct hs_oob_question {
    struct hs_node_id target;
    uint64_t          nonce; /* 0: free */
    uint64_t          end_ns;
};

struct hs_oob_target {
    struct hs_node_id id;
    uint64_t          asked_at_ns; /* 0: free */
};

struct hs_oob_ask_counts { /* only ever grow */
    uint64_t asked;
    uint64_t refused; /* by the limits */
    uint64_t answered;
    uint64_t expired;
    uint64_t strays; /* answers to nothing that is still asked */
};

struct hs_oob_ask {
    struct hs_oob_window     window;
    struct hs_oob_question   pending[HS_OOB_PENDING_MAX];
    struct hs_oob_target     targets[HS_OOB_TARGETS_MAX]; /* by hash, a few places each */
    struct hs_oob_ask_counts counts;
};

/* A question about target is to leave, with that nonce, not 0 and never used before. Zeroed: none
 * is under way. */
enum hs_oob_asked hs_oob_ask(struct hs_oob_ask *ask, uint64_t now_ns,
                             const struct hs_node_id *target, uint64_t nonce);
/* The node that an answer with this nonce is about; NULL: nothing that is still asked. */
const struct hs_node_id *hs_oob_ask_find(struct hs_oob_ask *ask, uint64_t now_ns, uint64_t nonce);
/* It was authentic: the question is over. */
void hs_oob_ask_end(struct hs_oob_ask *ask, uint64_t nonce);

#endif
