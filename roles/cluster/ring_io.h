// SPDX-License-Identifier: Apache-2.0
/* ring_io.h - a role's part in its ring, carried out: datagrams through the post, turns by the
 * role's clock, the members shown in shared memory, what happens told as events, counted and
 * logged. Decides nothing about members (membership.h). The gates of a cluster are one ring, the
 * managers of a datacenter another. */
#ifndef HS_CLUSTER_RING_IO_H
#define HS_CLUSTER_RING_IO_H

#include "roles/cluster/credentials_io.h"
#include "roles/cluster/node_id.h"
#include "roles/cluster/post_io.h"
#include "roles/role_io.h"

struct hs_ring_io; /* NULL everywhere below: this host stands alone */

/* Before hs_role_ready; of a gate or a manager, with its own credentials. *ring NULL: it has none,
 * and stands alone. */
int hs_ring_io_open(struct hs_ring_io **ring, struct hs_role_process *process,
                    const struct hs_credentials *credentials, struct hs_err *err) HS_MUST_CHECK;
/* All that is due; when to come again. */
uint64_t hs_ring_io_turn(struct hs_ring_io *ring, uint64_t now_ns);
/* The credentials have been renewed. */
void hs_ring_io_set_keyring(struct hs_ring_io *ring, const struct hs_keyring *keyring);
/* From the role's hooks on_link (the callee owns fd) and on_answer: true: it was ours. */
bool hs_ring_io_resolver(struct hs_ring_io *ring, uint64_t token, int fd);
bool hs_ring_io_no_resolver(struct hs_ring_io *ring, uint64_t token, int code);
/* How much the role has to do: the others are told. */
void hs_ring_io_set_load(struct hs_ring_io *ring, enum hs_health_load load);
/* The host ends: the others are told, so that nobody has to find it out. */
void hs_ring_io_leave(struct hs_ring_io *ring);
bool hs_ring_io_has_left(const struct hs_ring_io *ring);

/* ---- for those who talk beside the ring, over its socket (federation_io.h, dc_answer_io.h) */

struct hs_ring_watch {
    void *owner;
    /* Of a member that lives; valid until the call returns. */
    void (*on_verdicts)(void *owner, const struct hs_node_id *from, struct hs_view verdicts);
    void (*on_gone)(void *owner, const struct hs_node_id *id); /* dead, or has left */
    /* At every event of another member; is_live: ALIVE, and not suspected. */
    void (*on_member)(void *owner, const struct hs_node_id *id, const char *name, bool is_known,
                      bool is_live);
    /* Of a member that lives, WORKERS; valid until the call returns. */
    void (*on_workers)(void *owner, const struct hs_node_id *from, struct hs_view content);
};

struct hs_ring_peer {
    struct hs_node_id id;
    struct hs_addr    address;
};

/* What is sealed under another name than the ring's, over the same socket. */
struct hs_ring_beside {
    const char                  *name;
    const struct hs_credentials *credentials;
    void                        *owner;
    hs_post_fn                  *on_datagram;
};

/* ring is not NULL from here on. */
int  hs_ring_io_open_beside(struct hs_ring_io *ring, const struct hs_ring_beside *beside,
                            struct hs_post **post, struct hs_err *err) HS_MUST_CHECK;
void hs_ring_io_watch(struct hs_ring_io *ring, const struct hs_ring_watch *watch);
/* Verdicts to the members that live. */
void hs_ring_io_say(struct hs_ring_io *ring, struct hs_view verdicts);
/* WORKERS, to a member; whoever does not live for us gets none. */
void hs_ring_io_send(struct hs_ring_io *ring, const struct hs_node_id *to, struct hs_view content);
/* The other members that live, as many as there is room for. */
unsigned hs_ring_io_peers(const struct hs_ring_io *ring, struct hs_ring_peer *peers, unsigned max);
/* One that lives, this one too, by name. */
bool hs_ring_io_find(const struct hs_ring_io *ring, const char *name, struct hs_ring_peer *peer);
/* This one included; total: also those that are suspected, or dead and not forgotten. */
void    hs_ring_io_count(const struct hs_ring_io *ring, uint16_t *live, uint16_t *total);
uint8_t hs_ring_io_health(const struct hs_ring_io *ring); /* local, 0 (good) to 8 */

#endif
