// SPDX-License-Identifier: Apache-2.0
/* star_rig.h - managers of a datacenter and their workers in virtual time: the star's cores as they
 * are, connections and datagrams played, with a delay, and cut or lost when a test says so. */
#ifndef HS_TESTS_STAR_RIG_H
#define HS_TESTS_STAR_RIG_H

#include "roles/manager/star.h"
#include "roles/worker/owner.h"
#include "shm/base/time.h"

enum { STAR_MANAGERS = 4, STAR_WORKERS = HS_WORKERS_MAX, STAR_PACKETS = 1 << 15 };
#define STAR_STEP_NS  (10 * HS_NS_PER_MS)
#define STAR_DELAY_NS (20 * HS_NS_PER_MS) /* of anything, one way */
#define STAR_LOST_NS  (15 * HS_NS_PER_S)

struct star_manager {
    struct hs_star    *star;
    struct hs_workers *workers;
    bool               is_up;
    uint32_t           life;
};

struct star_worker {
    bool                    is_up;
    bool                    is_linked[STAR_MANAGERS]; /* and may be cut, without a word */
    bool                    is_cut[STAR_MANAGERS];
    uint32_t                link[STAR_MANAGERS];
    uint64_t                incarnation;
    uint64_t                generation;
    uint64_t                beat_at_ns;
    struct hs_owner         owner;
    struct hs_owner_manager known[STAR_MANAGERS];
};

struct star_packet {
    uint64_t          at_ns;
    uint32_t          from;
    uint32_t          to;
    size_t            bytes; /* 0: a pong of worker `from` to manager `to` */
    uint64_t          nonce;
    struct hs_node_id sender;
    uint8_t           data[HS_DATAGRAM_CONTENT_BYTES_MAX];
};

struct star_rig {
    uint64_t            now_ns;
    uint32_t            manager_count;
    uint32_t            last_link;
    struct star_manager managers[STAR_MANAGERS];
    struct star_worker *workers;
    uint32_t            worker_count;
    struct star_packet *packets; /* a queue: all take as long */
    uint32_t            packet_first;
    uint32_t            packet_count;
    bool                is_lost[STAR_MANAGERS][STAR_MANAGERS]; /* datagrams, from and to */
    uint64_t            pinged_at_ns; /* the last ping of a worker, by its owner */
    uint64_t            noted_at_ns[HS_NOTICE_KIND_COUNT];
    unsigned            noted_count[HS_NOTICE_KIND_COUNT];
};

struct star_rig *star_open(uint32_t manager_count, uint32_t worker_count);
void             star_close(struct star_rig *rig);
void             star_run(struct star_rig *rig, uint64_t for_ns);
/* A connection, and a registration over it; to all managers that are up. */
void star_connect(struct star_rig *rig, uint32_t worker, uint32_t manager);
void star_connect_all(struct star_rig *rig, uint32_t worker);
void star_disconnect(struct star_rig *rig, uint32_t worker, uint32_t manager);
/* Its process dies and comes back with nothing; the ring has not noticed. */
void star_restart_manager(struct star_rig *rig, uint32_t manager);
/* It is gone, and its ring says so to the others. */
void star_kill_manager(struct star_rig *rig, uint32_t manager);
/* All others see it in this state. */
void star_show_manager(struct star_rig *rig, uint32_t manager, bool is_live);

struct hs_node_id         star_manager_id(uint32_t manager);
struct hs_node_id         star_worker_id(uint32_t worker);
struct hs_manager_worker *star_row(struct star_rig *rig, uint32_t manager, uint32_t worker);
/* Who says that he owns it: a manager, or -1: nobody, -2: more than one. */
int star_owner(struct star_rig *rig, uint32_t worker);
/* The state in which status shows it. */
enum hs_node_state star_state(struct star_rig *rig, uint32_t manager, uint32_t worker);

#endif
