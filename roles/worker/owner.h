// SPDX-License-Identifier: Apache-2.0
/* owner.h - which of its managers watches over a worker: the worker itself says so, therefore there
 * is never more than one. All managers hear of it with every heartbeat. The choice is by rendezvous
 * over the managers that are there, so that the workers spread over them, and one that comes or
 * goes moves only its own; its epoch grows with every choice and with every new session of the
 * chosen one, so that nothing said before can pass for news (membership.md 19). Pure. */
#ifndef HS_WORKER_OWNER_H
#define HS_WORKER_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#define HS_OWNER_SILENCE_NS UINT64_C(3000000000) /* a manager asks every second */
#define HS_OWNER_ABSENCE_NS UINT64_C(2000000000) /* a process that restarts is back by then */
#define HS_OWNER_PROVEN_NS  UINT64_C(1000000000) /* before it takes over from one that is there */

/* A manager that the worker has a connection to. */
struct hs_owner_manager {
    uint8_t  id[16];
    uint64_t session; /* granted by it; 0: not registered there */
    uint64_t since_ns;
    uint64_t heard_at_ns;
};

struct hs_owner {
    uint8_t  worker[16];
    uint64_t generation; /* of the worker's process: above that of its predecessor */
    uint8_t  id[16];     /* of the manager chosen */
    uint64_t epoch;      /* 0: none was ever chosen */
    uint64_t session;    /* that of the manager when the epoch began */
    uint64_t missing_since_ns;
    uint32_t choices;
};

void hs_owner_init(struct hs_owner *owner, const uint8_t worker[16], uint64_t generation);
/* true: there is another choice, or a new epoch of the same: tell all. next_ns: when to look again
 * although nothing happened; may be HS_NEVER_NS. */
bool hs_owner_step(struct hs_owner *owner, uint64_t now_ns, const struct hs_owner_manager *managers,
                   unsigned count, uint64_t *next_ns);

#endif
