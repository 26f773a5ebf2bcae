// SPDX-License-Identifier: Apache-2.0
/* limits.h - every fixed upper bound, with what breaks above it. Configuration may lower them,
 * never raise them. */
#ifndef HS_BASE_LIMITS_H
#define HS_BASE_LIMITS_H

enum {
    /* Processes */
    HS_ENGINES_MAX = 64,   /* engine processes on one host: one bit each in a 64-bit mask */
    HS_PROCESSES_MAX = 72, /* engines, the other roles, and room for short-lived children: pages in
                              the vitals segment */
    HS_DEATHS_MAX = 64,    /* exit records that the supervisor keeps; the oldest goes */
    HS_NAME_BYTES = 64,    /* names of nodes, datacenters, workflows, with the terminating zero */

    /* Plans */
    HS_PLAN_BYTES_MAX = 4 << 20, /* text of a plan; larger ones want a feed, not a longer plan */
    HS_JSON_DEPTH_MAX = 32,      /* nesting; jansson itself recurses 2048 deep */
    HS_JSON_NODES_MAX =
        64 << 10,             /* values in one document: jansson spends about 100 bytes on each */
    HS_WORKFLOWS_MAX = 256,   /* per plan: a workflow index is one byte on the wire */
    HS_DEPENDENCIES_MAX = 64, /* per workflow */
    HS_DEPENDENCIES_TOTAL_MAX =
        3000, /* per plan: a manager writes them all into one entry of its log, one byte each */
    HS_STEPS_MAX = 1000,     /* per plan: each has two histograms an engine */
    HS_DATACENTERS_MAX = 64, /* per plan and per gate: rows of the routing table */
    HS_VUS_MAX = 1000000,    /* virtual users of one workflow */
    HS_ADDRESSES_MAX = 16,   /* addresses kept per target name */
    HS_TARGETS_MAX = 64,     /* distinct host:port of one plan */

    /* Wire */
    HS_FRAME_BYTES_MAX = 256 << 10, /* one frame; larger things travel as chunked blobs */
    HS_FIELDS_MAX = 64,             /* fields of one message */
    HS_SEND_QUEUE_BYTES_MAX =
        4 << 20, /* per connection; a peer that does not read is cut off above it */
    HS_SEND_CONTROL_BYTES =
        256 << 10, /* beyond that, for control: 64 frames of the most that one may have */

    /* Jobs */
    HS_JOBS_MAX =
        1024, /* known to one gate or manager, active and finished; oldest finished goes first */
    HS_CLIENTS_MAX = 256,         /* connections of clients to one gate */
    HS_WORKERS_MAX = 2048,        /* workers of one datacenter */
    HS_MANAGERS_MAX = 256,        /* managers known to one gate */
    HS_EXECS_PER_WORKER_MAX = 64, /* live execs of one worker */
    HS_SHARDS_MAX = 64,           /* shards of one workflow: one per worker and core group */

    /* Status socket (SEC-20) */
    HS_STATUS_CLIENTS_MAX = 16,
    HS_STATUS_REQUEST_BYTES_MAX = 4096,

    /* HTTP/1.1 responses (hostile targets) */
    HS_HTTP_HEAD_BYTES_MAX = 64 << 10,
    HS_HTTP_HEADERS_MAX = 128,
    HS_HTTP_TRAILERS_MAX = 32,
    HS_HTTP_CHUNK_LINE_BYTES_MAX = 256
};

#endif
