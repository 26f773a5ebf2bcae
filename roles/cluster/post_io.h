// SPDX-License-Identifier: Apache-2.0
/* post_io.h - datagrams between the nodes of a ring: sealed and sent; received, and handed over
 * only when a key has opened them, the life of their sender is the present one, none of it was seen
 * before and it is not too much. Whatever fails is dropped, counted by its reason, logged once a
 * second at most, and never answered; only an unproven life that a key has opened is asked to prove
 * itself (lives.h). Does not know what members are. */
#ifndef HS_CLUSTER_POST_IO_H
#define HS_CLUSTER_POST_IO_H

#include "ipc/udp.h"
#include "roles/cluster/lives.h"
#include "roles/cluster/seal_io.h"

enum {
    HS_POST_HELD_MAX = 64 /* datagrams that wait for the proof of their receiver */
};
#define HS_POST_HELD_NS UINT64_C(2000000000) /* then they are old */

/* Why a datagram was dropped, in the order of the checks. */
enum hs_post_drop {
    HS_POST_KEPT, /* it was not */
    HS_POST_BAD_SIZE,
    HS_POST_BAD_HEADER,
    HS_POST_BAD_VERSION,
    HS_POST_FOREIGN, /* of another cluster, environment or ring */
    HS_POST_FLOOD,   /* unproven, above what is looked at, of its address or in all */
    HS_POST_NO_KEY,  /* a version that the key ring does not hold */
    HS_POST_BAD_SEAL,
    HS_POST_REPLAYED,
    HS_POST_UNPROVEN,
    HS_POST_TOO_MANY,  /* of one peer */
    HS_POST_MALFORMED, /* in itself */
    HS_POST_DROP_COUNT
};
const char *hs_post_drop_name(enum hs_post_drop drop); /* "bad_seal" */

struct hs_post;
/* datagram is valid until the call returns; it may send. */
typedef void hs_post_fn(void *owner, const struct hs_addr *from,
                        const struct hs_datagram_header *header,
                        const struct hs_datagram        *datagram);

struct hs_post_config {
    struct hs_loop       *loop;
    int                   fd;     /* bound UDP socket; stays the caller's */
    struct hs_post       *beside; /* NULL; or of another ring, on the same socket: opened before
                                     this one, closed after it; fd is not used */
    struct hs_seal_config seal;
    void                 *owner;
    hs_post_fn           *on_datagram;
};

struct hs_post_figures { /* only ever grow */
    struct hs_udp_figures udp;
    uint64_t              dropped[HS_POST_DROP_COUNT];
    uint64_t              malformed_sections; /* of datagrams that were kept */
    uint64_t              greetings;          /* sent */
    uint64_t              lives;              /* that proved themselves */
    uint64_t              held;               /* datagrams that waited for a proof */
    uint64_t              held_dropped;       /* of these, in vain */
};

int  hs_post_open(struct hs_post **post, const struct hs_post_config *config,
                  const struct hs_keyring *ring, struct hs_err *err) HS_MUST_CHECK;
void hs_post_close(struct hs_post **post);
int  hs_post_set_keyring(struct hs_post *post, const struct hs_keyring *ring,
                         struct hs_err *err) HS_MUST_CHECK;
void hs_post_set_incarnation(struct hs_post *post, uint64_t incarnation);

/* Where the next body is to be written: HS_DATAGRAM_BODY_BYTES_MAX bytes, until the next send. */
uint8_t *hs_post_body(struct hs_post *post);
/* Sends that body. A receiver whose life is unknown is asked for a proof first, and the body waits
 * for it. to none: whoever stands at the address, as soon as it has said who it is. */
void hs_post_send(struct hs_post *post, const struct hs_node_id *to, const struct hs_addr *address,
                  enum hs_datagram_type type, size_t body_bytes);
/* The node is gone. */
void hs_post_forget(struct hs_post *post, const struct hs_node_id *id);
void hs_post_figures(const struct hs_post *post, struct hs_post_figures *figures);

#endif
