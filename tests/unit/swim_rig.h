// SPDX-License-Identifier: Apache-2.0
/* swim_rig.h - one member with its table and its probing, in a ring of peers that answer or do not;
 * time is the test's. What the table is told goes into a real one. */
#ifndef HS_TESTS_UNIT_SWIM_RIG_H
#define HS_TESTS_UNIT_SWIM_RIG_H

#include "roles/cluster/swim.h"
#include "shm/base/time.h"
#include "tests/check.h"

enum { SWIM_RIG_PEERS = 120, SWIM_RIG_LOG = 16384, SWIM_RIG_PENDING = 1024 };

struct swim_rig_entry {
    uint64_t              at_ns;
    struct hs_swim_action action;
};

struct swim_rig_pending {
    uint64_t             at_ns;
    struct hs_swim_event event;
};

struct swim_rig {
    struct hs_members       members;
    struct hs_swim          swim;
    void                   *table_memory;
    void                   *swim_memory;
    uint64_t                now_ns;
    uint32_t                count;                     /* members, we too */
    uint32_t                idx[SWIM_RIG_PEERS];       /* slots of the table; [0] is ourselves */
    bool                    is_dead[SWIM_RIG_PEERS];   /* by position, not slot: answers nothing */
    bool                    is_cut[SWIM_RIG_PEERS];    /* our own path to it is; others reach it */
    bool                    has_oob[SWIM_RIG_PEERS];   /* answers out of band */
    bool                    is_wedged[SWIM_RIG_PEERS]; /* and says that its loop stands still */
    uint64_t                delay_ns;                  /* of an answer */
    struct swim_rig_entry   log[SWIM_RIG_LOG];
    unsigned                log_count;
    struct swim_rig_pending pending[SWIM_RIG_PENDING];
    unsigned                pending_count;
};

/* LAN defaults of the specification: a second, half a second, 3 helpers, 4 and 6. NULL: those. */
struct hs_swim_config swim_rig_lan(void);
/* A ring of count, all ALIVE with incarnation 5; answers take 5 ms. */
void swim_rig_open(struct swim_rig *rig, uint32_t count, const struct hs_swim_config *config);
void swim_rig_close(struct swim_rig *rig);

/* Steps at each deadline and answer up to that moment, and performs the claims. */
void swim_rig_run(struct swim_rig *rig, uint64_t until_ns);
/* One event now; its actions are performed and in the log. */
void swim_rig_step(struct swim_rig *rig, const struct hs_swim_event *event);
/* SUSPECT of the peer, by that one, as gossip would bring it. */
void swim_rig_accuse(struct swim_rig *rig, uint32_t peer, uint32_t from, uint64_t incarnation);
/* Nothing runs till then; then everything that waited. */
void swim_rig_pause(struct swim_rig *rig, uint64_t until_ns);

struct hs_member     *swim_rig_peer(const struct swim_rig *rig, uint32_t peer);
enum hs_member_status swim_rig_status(const struct swim_rig *rig, uint32_t peer);
unsigned              swim_rig_count(const struct swim_rig *rig, enum hs_swim_action_type type);
/* Those about, or to, one peer. */
unsigned swim_rig_count_of(const struct swim_rig *rig, enum hs_swim_action_type type,
                           uint32_t peer);
/* When that was first done; HS_NEVER_NS: not. */
uint64_t swim_rig_first_ns(const struct swim_rig *rig, enum hs_swim_action_type type);
void     swim_rig_forget(struct swim_rig *rig); /* the log */

#endif
