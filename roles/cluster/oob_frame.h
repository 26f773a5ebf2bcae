// SPDX-License-Identifier: Apache-2.0
/* oob_frame.h - the bytes of the question whether a node lives that goes past its own loop, and of
 * the answer, which the console of its host gives. Both are of one length, so that nobody is
 * answered with more than he sent. Authentic, not secret: oob_key_io.h makes the tag. Pure.
 *
 *     0  magic "HO"               8  nonce, the asker's
 *     2  major                   16  low half of the id of the node asked about
 *     3  1 question, 2 answer    24  answer: its incarnation
 *     4  version of the key      32  tag, 16 bytes, over all before it
 *     5  answer: load
 *     6  answer: 1 if its loop stands still
 *     7  zero
 */
#ifndef HS_CLUSTER_OOB_FRAME_H
#define HS_CLUSTER_OOB_FRAME_H

#include "roles/cluster/node_id.h"
#include "shm/base/bytes.h"

enum {
    HS_OOB_MAJOR = 1,
    HS_OOB_BODY_BYTES = 32, /* what the tag is over */
    HS_OOB_TAG_BYTES = 16,
    HS_OOB_BYTES = HS_OOB_BODY_BYTES + HS_OOB_TAG_BYTES
};

/* Wire numbers. */
enum hs_oob_type { HS_OOB_PING = 1, HS_OOB_PONG = 2 };

struct hs_oob_frame {
    enum hs_oob_type type;
    uint8_t          key_version;
    uint8_t          load; /* PONG: enum hs_health_load of datagram.h */
    bool             is_stalled;
    uint64_t         nonce;
    uint64_t         target_low;
    uint64_t         incarnation;
};

uint64_t hs_oob_low(const struct hs_node_id *id);

void hs_oob_put(uint8_t bytes[HS_OOB_BODY_BYTES], const struct hs_oob_frame *frame);
/* 0, -EMSGSIZE, or -EPROTO: another magic, major or type, or what no sender writes. The tag is not
 * looked at. */
int hs_oob_get(struct hs_view bytes, struct hs_oob_frame *frame) HS_MUST_CHECK;

#endif
