// SPDX-License-Identifier: Apache-2.0
/* status_times.h - what the rings of times (time_tables.h) hold, copied and summed up: for each
 * datacenter how long dispatches took to be accepted, for each peer how long round trips took. The
 * rings keep so many records, so all of it is of late. Only reads mapped memory. Pure. */
#ifndef HS_CONSOLE_STATUS_TIMES_H
#define HS_CONSOLE_STATUS_TIMES_H

#include "roles/role_kind.h"
#include "roles/share.h"
#include "roles/time_tables.h"

enum {
    HS_STATUS_SAMPLES_MAX = 2 * HS_LATENCY_SAMPLES_SLOTS, /* the gate's and the manager's */
    HS_STATUS_PEERS_MAX = 1024 /* peers beyond it, by name, are not summed up */
};

struct hs_status_sample {
    enum hs_role_kind        process; /* who measured it */
    struct hs_latency_sample sample;
};

/* All samples between a process and a peer that are of one kind. */
struct hs_status_peer {
    const struct hs_status_sample *last; /* the newest of them */
    struct hs_time_summary         summary;
};

struct hs_status_datacenter {
    const char            *name;
    struct hs_time_summary accepted; /* from the first attempt until it was accepted */
};

struct hs_status_times {
    unsigned                    dispatch_count; /* one for a job in a datacenter, newest first */
    struct hs_dispatch_time     dispatches[HS_DISPATCH_TIMES_SLOTS];
    unsigned                    datacenter_count; /* by name */
    struct hs_status_datacenter datacenters[HS_DATACENTERS_MAX];
    unsigned                    sample_count; /* newest first */
    struct hs_status_sample     samples[HS_STATUS_SAMPLES_MAX];
    unsigned                    peer_count; /* by process, peer, kind */
    struct hs_status_peer       peers[HS_STATUS_PEERS_MAX];
};

void hs_status_times_clear(struct hs_status_times *times);
/* body: of the segment; NULL: this host has none. */
void hs_status_times_take_dispatches(struct hs_status_times *times, const void *body);
void hs_status_times_take_samples(struct hs_status_times *times, const void *body);

#endif
