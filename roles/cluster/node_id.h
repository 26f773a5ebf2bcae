// SPDX-License-Identifier: Apache-2.0
/* node_id.h - who a node is: 16 bytes derived from the host's id and the role. Names, addresses and
 * datacenters are attributes of it, never its key. Pure. */
#ifndef HS_CLUSTER_NODE_ID_H
#define HS_CLUSTER_NODE_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct hs_node_id {
    uint8_t bytes[16];
};

static inline bool hs_node_id_equal(const struct hs_node_id *a, const struct hs_node_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* All zeros: nobody. */
static inline bool hs_node_id_is_none(const struct hs_node_id *id)
{
    static const struct hs_node_id none = {{0}};

    return hs_node_id_equal(id, &none);
}

#endif
