// SPDX-License-Identifier: Apache-2.0
/* membership_inner.h - what the files of membership.h share among themselves. Nobody else includes
 * this. Pure. */
#ifndef HS_CLUSTER_MEMBERSHIP_INNER_H
#define HS_CLUSTER_MEMBERSHIP_INNER_H

#include "roles/cluster/membership.h"

/* One call under way. */
struct hs_membership_call {
    struct hs_membership              *membership;
    struct hs_membership_out          *out;
    const struct hs_membership_packet *packet; /* NULL: a turn */
    struct hs_member                  *sender; /* of the packet; NULL: unknown */
    enum hs_claim_source               source; /* of the claims in it */
    bool     is_teller_behind;                 /* the sender knows an older word of us: answer it */
    unsigned step_depth;                       /* steps of probing within one another */
};

static inline void hs_membership_out_clear(struct hs_membership_out *out)
{
    out->send_count = 0;
    out->ask_count = 0;
}

/* ---- membership_send.c: messages out */

void hs_membership_send_to(struct hs_membership_call *call, const struct hs_member *member,
                           const struct hs_datagram_message *message, const struct hs_claim *first);
/* To who sent the packet, known or not. */
void hs_membership_reply(struct hs_membership_call *call, const struct hs_datagram_message *message,
                         const struct hs_claim *first);
void hs_membership_send_join(struct hs_membership_call *call, struct hs_membership_join *join);
void hs_membership_send_page(struct hs_membership_call *call, const struct hs_member *member,
                             uint32_t transfer);
/* Past its loop, if its host answers there. */
void hs_membership_ask_oob(struct hs_membership_call *call, const struct hs_member *member);
/* Ask who is there, and JOIN it. */
void hs_membership_dial(struct hs_membership_call *call, const struct hs_addr *address,
                        const struct hs_node_id *id);
void hs_membership_own_claim(const struct hs_membership *membership, struct hs_claim *claim);
/* What we hold of a member, to tell it. */
void hs_membership_claim_of(const struct hs_member *member, struct hs_claim *claim);

/* ---- membership_apply.c: what one core decided, carried to the others */

enum hs_claim_result hs_membership_apply(struct hs_membership_call *call,
                                         const struct hs_claim     *claim);
void hs_membership_swim(struct hs_membership_call *call, const struct hs_swim_event *event);
/* It answered our own question. */
void hs_membership_answered(struct hs_membership_call *call, struct hs_member *member,
                            uint64_t incarnation);
/* Our own word has become newer. */
void hs_membership_renewed(struct hs_membership_call *call);

#endif
