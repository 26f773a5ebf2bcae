// SPDX-License-Identifier: Apache-2.0
/* host.c - the host's page. */
#include "shm/host.h"

#include "shm/base/assert.h"

HS_STATIC_ASSERT(sizeof(struct hs_host_shm) == HS_HOST_BODY_BYTES, "a page of the machine");

void hs_host_init(struct hs_host_shm *shm, const struct hs_host *host)
{
    hs_word_store(&shm->host_id[0], host->host_id[0]);
    hs_word_store(&shm->host_id[1], host->host_id[1]);
    hs_word_store(&shm->incarnation, host->incarnation);
    hs_word_store(&shm->config_generation, host->config_generation);
    hs_word_store(&shm->supervisor_pid, host->supervisor_pid);
    hs_word_store(&shm->supervisor_heartbeat_ns, host->supervisor_heartbeat_ns);
    hs_word_store(&shm->started_at_ns, host->started_at_ns);
    hs_word_store(&shm->draining, host->draining);
}

void hs_host_load(const struct hs_host_shm *shm, struct hs_host *host)
{
    *host = (struct hs_host){
        .host_id = {hs_word_load(&shm->host_id[0]), hs_word_load(&shm->host_id[1])},
        .incarnation = hs_word_load(&shm->incarnation),
        .config_generation = hs_word_load(&shm->config_generation),
        .supervisor_pid = (uint32_t)hs_word_load(&shm->supervisor_pid),
        .supervisor_heartbeat_ns = hs_word_load(&shm->supervisor_heartbeat_ns),
        .started_at_ns = hs_word_load(&shm->started_at_ns),
        .draining = hs_word_load(&shm->draining),
    };
}

void hs_host_beat(struct hs_host_shm *shm, uint64_t now_ns)
{
    hs_word_store(&shm->supervisor_heartbeat_ns, now_ns);
}

void hs_host_set_config_generation(struct hs_host_shm *shm, uint64_t generation)
{
    hs_word_store(&shm->config_generation, generation);
}

void hs_host_set_draining(struct hs_host_shm *shm, uint64_t draining)
{
    hs_word_store(&shm->draining, draining);
}
