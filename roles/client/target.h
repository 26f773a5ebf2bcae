// SPDX-License-Identifier: Apache-2.0
/* target.h - the built-in server to aim at: known latency, known faults, counts of its own to hold
 * a tool's against. One thread. `hyperscale target` fills the configuration from its flags;
 * target_io.c serves. */
#ifndef HS_CLIENT_TARGET_H
#define HS_CLIENT_TARGET_H

#include "ipc/addr.h"
#include "shm/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HS_TARGET_CONNECTIONS_MAX = 16384,
    HS_TARGET_BODY_BYTES_MAX = 16 << 20,
    HS_TARGET_DRIP_INTERVAL_MS = 100 /* between two bytes of a dripping answer */
};

enum hs_target_mode {
    HS_TARGET_ANSWER,       /* a proper answer */
    HS_TARGET_SILENT,       /* accepts, reads, never answers */
    HS_TARGET_GARBAGE,      /* answers what is not HTTP */
    HS_TARGET_RESET,        /* resets the connection in place of an answer */
    HS_TARGET_EARLY_CLOSE,  /* closes in the middle of an answer */
    HS_TARGET_BAD_CHUNK,    /* an answer whose chunk sizes are no numbers */
    HS_TARGET_DRIP,         /* a byte now and then */
    HS_TARGET_ENDLESS_HEAD, /* headers without end */
    HS_TARGET_ENDLESS_BODY, /* chunks without end */
    HS_TARGET_MODE_COUNT
};

struct hs_target_config {
    struct hs_addr      listen; /* port 0: any free one */
    enum hs_target_mode mode;
    uint64_t            delay_ns; /* of every answer */
    uint64_t stall_ns;       /* no answer leaves in the last stall_ns of every stall_every_ns... */
    uint64_t stall_every_ns; /* ...counted from the start; 0: never */
    uint32_t status;         /* 200 unless told otherwise */
    uint32_t close_after;    /* answers per connection; 0: no limit */
    uint64_t body_bytes;
    uint64_t for_ns; /* ends by itself after this time; 0: when it is told to */
};

struct hs_target_counts {
    uint64_t connections; /* accepted */
    uint64_t requests;    /* received whole; those for /_counts are not counted */
    uint64_t answers;     /* sent whole */
    uint64_t malformed;   /* connections cut off for nonsense */
};

const char *hs_target_mode_name(enum hs_target_mode mode); /* "endless-head" */
/* The mode of that name, or HS_TARGET_MODE_COUNT. */
enum hs_target_mode hs_target_mode_from_name(const char *name);
/* Writes head and body of a proper answer; bytes used, or -EMSGSIZE. */
int64_t hs_target_render(const struct hs_target_config *config, bool closes, void *memory,
                         size_t capacity_bytes);
/* {"connections":1,"requests":2,"answers":2,"malformed":0}; returns text. */
const char *hs_target_counts_json(const struct hs_target_counts *counts, char *text, size_t bytes);
/* When an answer asked for at now_ns may leave. started_at_ns is the server's own beginning. */
uint64_t hs_target_due_ns(const struct hs_target_config *config, uint64_t started_at_ns,
                          uint64_t now_ns);

/* target_io.c. Prints "listening on http://ADDRESS:PORT/" to standard output once it does, serves
 * until SIGINT, SIGTERM or for_ns, then prints the counts as one line of JSON. */
int hs_target_run(const struct hs_target_config *config, struct hs_err *err) HS_MUST_CHECK;

#endif
