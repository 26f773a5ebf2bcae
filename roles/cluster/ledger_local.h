// SPDX-License-Identifier: Apache-2.0
/* ledger_local.h - the inside of the local ledger, shared by its files: ledger_local_io.c
 * (proposals, batches), ledger_recover_io.c (the start), ledger_compact_io.c,
 * ledger_room_io.c (the disk). Nobody else's. */
#ifndef HS_ROLES_CLUSTER_LEDGER_LOCAL_H
#define HS_ROLES_CLUSTER_LEDGER_LOCAL_H

#include "ipc/loop.h"
#include "roles/cluster/ledger.h"
#include "roles/cluster/ledger_log.h"

enum { HS_LEDGER_BATCH_BYTES = HS_LEDGER_BLOB_BYTES_MAX + (1 << 20) };

enum hs_ledger_item_kind { HS_LEDGER_ITEM_ENTRY, HS_LEDGER_ITEM_BLOB, HS_LEDGER_ITEM_BARRIER };

struct hs_ledger_item {
    enum hs_ledger_item_kind kind;
    uint64_t                 token;
    size_t                   body_at_bytes; /* in the batch's memory */
    size_t                   body_bytes;    /* 0: a blob that was there already */
    struct hs_ledger_digest  digest;
};

struct hs_ledger_batch {
    struct hs_writer      writer;
    unsigned              count;
    struct hs_ledger_item items[HS_LEDGER_OPEN_MAX];
};

struct hs_ledger_blob {
    struct hs_ledger_digest digest;
    uint64_t                at_bytes;
    size_t                  bytes;
    uint64_t                put_at_ns; /* not dropped for a minute after: its entry may be coming */
    unsigned                bad_reads; /* of compactions, one after another */
    bool                    is_damaged; /* set aside: its bytes are kept to be looked at */
};

struct hs_ledger {
    struct hs_ledger_config      config;
    struct hs_ledger_file_header header;
    struct hs_ledger_stats       stats;
    struct hs_file_op            op;
    unsigned                     file_idx;
    uint32_t                     batch_number;    /* of the last durable batch */
    uint64_t                     live_bytes;      /* of the file after its last compaction */
    unsigned                     live_blob_count; /* likewise */
    uint64_t                     compact_at_ns;   /* not before: the last one was put off */
    uint64_t                     now_ns;
    struct hs_ledger_stats       told; /* what the counters of the process hold already */
    bool                         is_told;
    uint64_t                     room_bytes; /* of the file in use: up to here the disk has room */
    uint64_t                     room_retry_at_ns;
    bool                         is_short;           /* no headroom to be had */
    bool                         has_no_reservation; /* the file system cannot reserve */
    bool                         is_announced;
    bool                         is_writing;
    bool                         has_failed;
    struct hs_ledger_batch      *filling; /* what is proposed goes here */
    struct hs_ledger_batch      *flying;  /* what is on its way to the disk */
    struct hs_writer             image;   /* of the other file, during a compaction */
    unsigned                     blob_count;
    struct hs_ledger_blob        blobs[HS_LEDGER_BLOBS_MAX];
};

struct hs_ledger_blob *hs_ledger_find_blob(struct hs_ledger              *ledger,
                                           const struct hs_ledger_digest *digest);
/* 0 also when it is there already; replaces a damaged one; -ENOBUFS when the table is full. */
int hs_ledger_add_blob(struct hs_ledger *ledger, const struct hs_ledger_digest *digest, uint64_t at,
                       size_t bytes) HS_MUST_CHECK;

int  hs_ledger_recover(struct hs_ledger *ledger, struct hs_err *err) HS_MUST_CHECK;
bool hs_ledger_is_compaction_due(const struct hs_ledger *ledger);
/* Builds the image of the other file; 0: write ledger->image there, from its beginning. */
int  hs_ledger_prepare_compaction(struct hs_ledger *ledger) HS_MUST_CHECK;
void hs_ledger_finish_compaction(struct hs_ledger *ledger);

/* Is there room for what is under way and so much more? The headroom may be used up for it. */
bool hs_ledger_has_disk_room(struct hs_ledger *ledger, uint64_t more_bytes);
void hs_ledger_keep_headroom(struct hs_ledger *ledger); /* each step; sets is_short */
int  hs_ledger_take_image_room(struct hs_ledger *ledger) HS_MUST_CHECK;

#endif
