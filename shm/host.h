// SPDX-License-Identifier: Apache-2.0
/* host.h - what all processes of one host share: who the host is and which life of it this is.
 * Written by the supervisor alone. A role that restarts finds the same incarnation here, so no peer
 * takes its return for a new node. */
#ifndef HS_SHM_HOST_H
#define HS_SHM_HOST_H

#include "shm/word.h"

enum { HS_HOST_VERSION = 1, HS_HOST_BODY_BYTES = 4096 };

struct hs_host_shm {
    hs_word host_id[2];  /* 16 bytes, minted once in the state directory; constant */
    hs_word incarnation; /* one per life of the supervisor; constant */
    hs_word
        config_generation; /* of the configuration in force: the supervisor raises it at a reload */
    hs_word supervisor_pid;
    hs_word supervisor_heartbeat_ns; /* unchanged for 15 s: children log it and count it, nothing
                                        more */
    hs_word started_at_ns;
    hs_word draining; /* 1: the whole host takes nothing new */
    uint8_t rest[4032];
};

struct hs_host {
    uint64_t host_id[2];
    uint64_t incarnation;
    uint64_t config_generation;
    uint32_t supervisor_pid;
    uint64_t supervisor_heartbeat_ns;
    uint64_t started_at_ns;
    uint64_t draining;
};

void hs_host_init(struct hs_host_shm *shm, const struct hs_host *host);
void hs_host_load(const struct hs_host_shm *shm, struct hs_host *host);
void hs_host_beat(struct hs_host_shm *shm, uint64_t now_ns);
void hs_host_set_config_generation(struct hs_host_shm *shm, uint64_t generation);
void hs_host_set_draining(struct hs_host_shm *shm, uint64_t draining);

#endif
