// SPDX-License-Identifier: Apache-2.0
/* dc_answer_io.c - XPROBE in, XACK or XNACK out. */
#include "roles/cluster/dc_answer_io.h"

#include "roles/cluster/federation_post_io.h"
#include "roles/cluster/post_counts_io.h"
#include "roles/counters.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_INTERVAL_NS HS_NS_PER_S

struct hs_dc_answer_io {
    struct hs_dc_answer_config config;
    struct hs_post            *post;
    struct hs_post_figures     told;
    uint64_t                   count_at_ns;
};

static void on_datagram(void *owner, const struct hs_addr *from,
                        const struct hs_datagram_header *header, const struct hs_datagram *datagram)
{
    struct hs_dc_answer_io      *io = owner;
    struct hs_federation_message probe, answer = {0};

    if (header->type != HS_DATAGRAM_XPROBE) return;
    if (hs_federation_get(datagram->content, header->type, &probe)) {
        hs_counter_add(io->config.process->counters, HS_COUNT_datacenter_bodies_refused, 1);
        return;
    }
    answer.seq = probe.seq;
    memcpy(answer.datacenter, io->config.credentials->identity.datacenter,
           sizeof answer.datacenter);
    io->config.fill(io->config.owner, &answer);
    hs_counter_add(io->config.process->counters, HS_COUNT_datacenter_answers, 1);
    hs_federation_post_send(io->post, &header->sender, from, &answer);
}

uint64_t hs_dc_answer_turn(struct hs_dc_answer_io *io, uint64_t now_ns)
{
    if (!io) return HS_NEVER_NS;
    if (now_ns < io->count_at_ns) return io->count_at_ns;
    io->count_at_ns = now_ns + COUNT_INTERVAL_NS;
    hs_post_count(io->post, &io->told, io->config.process->counters);
    return io->count_at_ns;
}

void hs_dc_answer_set_keyring(struct hs_dc_answer_io *io, const struct hs_keyring *keyring)
{
    if (io) hs_federation_post_set_keyring(io->post, keyring);
}

/* Lives as long as the process. */
int hs_dc_answer_open(struct hs_dc_answer_io **answer, const struct hs_dc_answer_config *config,
                      struct hs_err *err)
{
    struct hs_dc_answer_io *io;
    int                     rc;

    *answer = NULL;
    if (!config->ring) return 0;
    io = calloc(1, sizeof *io);
    if (!io) return hs_err_set(err, -ENOMEM, "answers to gates");
    io->config = *config;
    rc =
        hs_federation_post_open(&io->post, config->ring, config->credentials, io, on_datagram, err);
    if (rc)
        free(io);
    else
        *answer = io;
    return rc;
}
