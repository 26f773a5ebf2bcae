// SPDX-License-Identifier: Apache-2.0
/* gate_out.h - everything that a gate's core asks of the world: gate_io.c connects it to the
 * kernel, a test to arrays. Each call is answered at once or forgotten; none comes back into the
 * core. */
#ifndef HS_GATE_GATE_OUT_H
#define HS_GATE_GATE_OUT_H

#include "roles/cluster/ledger.h"
#include "roles/cluster/locality.h"
#include "roles/job_table.h"
#include "roles/notice.h"
#include "roles/time_tables.h"
#include "roles/wire.h"

struct hs_config_hosts;

struct hs_gate_out {
    void *self;
    /* To a client: answer, or push (request_id 0). -ENOBUFS: it does not read; the gate cuts it
     * off. */
    int (*reply)(void *self, unsigned client, enum hs_msg_type type, const void *message,
                 uint64_t request_id);
    int (*push_latest)(void *self, unsigned client, enum hs_msg_type type, const void *message);
    bool (*is_behind)(void *self, unsigned client);
    void (*cut_off)(void *self, unsigned client);
    /* request_id 0: not an answer, or one that names what it answers. -ENOBUFS: too much waits for
     * it already; control still finds room. */
    int (*send)(void *self, unsigned manager, enum hs_msg_type type, const void *message,
                uint64_t request_id);
    int (*propose)(void *self, struct hs_view entry, uint64_t token);
    int (*blob_put)(void *self, struct hs_view bytes, struct hs_ledger_digest *digest,
                    uint64_t token);
    int64_t (*blob_get)(void *self, const struct hs_ledger_digest *digest, void *memory,
                        size_t capacity_bytes);
    bool (*is_disk_full)(void *self); /* the ledger has room only for what runs already */
    void (*show_job)(void *self, uint32_t job_idx, const struct hs_job_row *row); /* NULL: gone */
    void (*show_manager)(void *self, unsigned manager);
    /* Cut it off; hs_gate_manager_down follows, unless it was told already. */
    void (*drop_manager)(void *self, unsigned manager);
    void (*note_dispatch)(void *self, const struct hs_dispatch_time *record);
    void (*note_latency)(void *self, const struct hs_latency_sample *record);
    void (*note_event)(void *self, const struct hs_event_record *record);
    void (*breadcrumb)(void *self, const uint8_t job_id[HS_JOB_ID_BYTES], uint64_t digest);
    bool (*is_quarantined)(void *self, uint64_t digest);
    uint64_t (*wall_ns)(void *self);             /* since 1970; to be shown, never to decide by */
    void (*count)(void *self, unsigned counter); /* enum hs_count */
};

struct hs_gate_limits { /* from the configuration */
    uint32_t active_jobs_max;
    uint32_t finished_jobs_max;
    uint64_t retention_ns;
    uint64_t dispatch_ack_timeout_ns;
    uint32_t dispatch_attempts;
    uint64_t manager_wait_ns;
    uint64_t progress_interval_ns; /* the least between two STATS to one client */
    uint64_t cancel_timeout_ns;
    uint64_t job_silent_after_ns;
    const struct hs_config_hosts *allow_hosts; /* NULL or none: any */
    struct hs_locality_place      here;
};

#endif
