// SPDX-License-Identifier: Apache-2.0
/* star.h - the managers of a datacenter around their workers. Every worker is connected to each of
 * them, and names one as its owner; that one alone watches over it: any frame counts as life, and
 * only after three seconds of silence it is pinged, half a second later other managers are asked to
 * reach it, and after the fourth second it is suspected. It is found dead when others could not
 * reach it either and it stays silent; with no witness that is left to manager.worker_lost_after.
 * Whoever is held because too many were lost at once (workers.h) is asked by everyone who holds it,
 * itself and through others, until it answers or the brake is let off.
 * The owner tells the other managers what becomes of its workers, so that also one that has no
 * connection to a worker lists it. They take it from the owner alone, and only what is newer by
 * (life of the worker, epoch of its owner, version of the owner's word); a digest every 30 s finds
 * what was missed (membership.md 2, 4, 19).
 *
 * Rows lie in workers.h, of which this changes word and watch, and is_lost of such workers as are
 * known by word alone. Does not send: actions are taken after every call. Pure. */
#ifndef HS_MANAGER_STAR_H
#define HS_MANAGER_STAR_H

#include "roles/cluster/datagram.h"
#include "roles/manager/workers.h"
#include "roles/notice.h"

enum {
    HS_STAR_PEERS_MAX = 64, /* other managers of the datacenter that are told and asked */
    HS_STAR_ROUNDS_MAX = 200,
    HS_STAR_RELAYS_MAX = 256,
    HS_STAR_ITEMS_MAX = 1024, /* small things to do; what finds no room is as if it were lost */
    HS_STAR_HELPERS = 3,
    HS_STAR_BODIES = 4, /* datagrams to each peer in one tick: a fifth of what it takes of us */
    HS_STAR_NO_PAGE = -1
};
#define HS_STAR_SILENCE_NS UINT64_C(3000000000)
#define HS_STAR_ASK_NS     UINT64_C(500000000)
#define HS_STAR_ROUND_NS   UINT64_C(1000000000)
#define HS_STAR_RELAY_NS   UINT64_C(400000000) /* 0.8 of ASK: the answer is back in the round */
#define HS_STAR_TICK_NS    UINT64_C(200000000)
#define HS_STAR_DIGEST_NS  UINT64_C(30000000000)
#define HS_STAR_VERIFY_NS  UINT64_C(10000000000)  /* between two questions about one that is held */
#define HS_STAR_GONE_NS    UINT64_C(300000000000) /* nobody has confirmed it for so long */

struct hs_star_config {
    struct hs_node_id self;
    char              name[HS_NAME_BYTES];
    char              datacenter[HS_NAME_BYTES];
};

struct hs_star_peer {
    struct hs_node_id id; /* none: free */
    char              name[HS_NAME_BYTES];
    bool              is_live; /* ALIVE: suspects are not asked, and their word is void */
    bool              is_digest_due;
    uint64_t          list_asked_at_ns;
    int32_t           page_idx;   /* the row with which the page begins that it is to be told */
    uint8_t           sends_left; /* of this tick */
    uint8_t           body_idx;   /* the next one for it */
};

struct hs_star_relay {
    struct hs_node_id requester; /* none: free */
    struct hs_node_id worker;
    uint32_t          number; /* the requester's */
    uint32_t          generation;
    uint64_t          end_at_ns;
};

struct hs_star_counts { /* only ever grow */
    uint64_t probes;    /* rounds: workers that were asked whether they live */
    uint64_t probes_lost;
    uint64_t vouched; /* rounds that only another manager's answer has saved */
    uint64_t suspected;
    uint64_t condemned; /* found dead, by us or by their owner */
    uint64_t relays;
    uint64_t relays_refused;
    uint64_t foreign; /* words about somebody else's worker */
    uint64_t stale;   /* words that were older than what was known */
    uint64_t clamped; /* more free cores than cores */
    uint64_t malformed;
    uint64_t full; /* workers that others tell of, or managers, that found no room */
    uint64_t lists;
    uint64_t unsent;
};

enum hs_star_action_type {
    HS_STAR_DO_PING, /* over link, with nonce */
    HS_STAR_DO_SEND, /* content to the manager `to` */
    HS_STAR_DO_NOTE  /* what happened to a worker: kind, row */
};

struct hs_star_action {
    enum hs_star_action_type        type;
    uint32_t                        link;
    uint64_t                        nonce;
    struct hs_node_id               to;
    struct hs_view                  content; /* until the next call */
    enum hs_notice_kind             kind;
    const struct hs_manager_worker *worker; /* of NOTE */
};

struct hs_star_item { /* an action that waits to be taken */
    enum hs_star_action_type type;
    uint32_t                 link;
    uint64_t                 nonce;
    struct hs_node_id        to;
    struct hs_star_message   message;
    enum hs_notice_kind      kind;
    struct hs_node_id        worker;
};

struct hs_star_body {
    size_t  bytes;
    uint8_t data[HS_DATAGRAM_CONTENT_BYTES_MAX];
};

struct hs_star {
    struct hs_star_config config;
    struct hs_workers    *workers;
    uint64_t              now_ns;
    uint64_t              due_at_ns;
    uint64_t              tick_at_ns;
    uint64_t              digest_at_ns;
    uint64_t              seen_changes; /* of workers->owner_changes */
    uint32_t              multiplier;   /* how little we trust our own view, from 1 */
    uint32_t              rounds_open;
    uint32_t              last_number;
    uint32_t              next_helper;
    uint32_t              relays_open;
    uint32_t              news_idx; /* the row from which news are gathered */
    bool                  has_news;
    struct hs_star_counts counts;
    struct hs_star_peer   peers[HS_STAR_PEERS_MAX];
    struct hs_star_relay  relays[HS_STAR_RELAYS_MAX];
    uint32_t              item_first;
    uint32_t              item_count;
    struct hs_star_item   items[HS_STAR_ITEMS_MAX];
    uint32_t              body_count; /* of this tick, to every peer */
    struct hs_star_body   bodies[HS_STAR_BODIES];
    struct hs_star_body   out;
};

void hs_star_init(struct hs_star *star, const struct hs_star_config *config,
                  struct hs_workers *workers, uint64_t now_ns);
/* Another manager of the datacenter, as the ring sees it; is_known false: it is forgotten. */
void hs_star_on_member(struct hs_star *star, uint64_t now_ns, const struct hs_node_id *id,
                       const char *name, bool is_known, bool is_live);
/* From a manager that lives, by its datagram. */
void hs_star_on_content(struct hs_star *star, uint64_t now_ns, const struct hs_node_id *from,
                        struct hs_view content);
/* A worker (NULL: none that is known) has answered a ping with this nonce, of whomever. */
void hs_star_on_pong(struct hs_star *star, uint64_t now_ns, const struct hs_manager_worker *worker,
                     uint64_t nonce);
/* All that is due; when to come again. score: of our local health, from 0. */
uint64_t hs_star_turn(struct hs_star *star, uint64_t now_ns, uint32_t score);
/* After every call until it says false. */
bool hs_star_next(struct hs_star *star, struct hs_star_action *action);

bool hs_star_owns(const struct hs_star *star, const struct hs_manager_worker *worker);
/* "": nobody, or a manager that we do not know. */
const char *hs_star_owner_name(const struct hs_star *star, const struct hs_manager_worker *worker);
/* Every round under way belongs to a row, and so on. */
bool hs_star_validate(const struct hs_star *star);

#endif
