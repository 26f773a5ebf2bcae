// SPDX-License-Identifier: Apache-2.0
/* ledger_local.h - the inside of the local ledger, shared by its files: ledger_local_io.c
 * (proposals, batches), ledger_recover_io.c (the start), ledger_compact_io.c (when, what),
 * ledger_image_io.c (the other file's bytes), ledger_room_io.c (the disk). Nobody else's. */
#ifndef HS_ROLES_CLUSTER_LEDGER_LOCAL_H
#define HS_ROLES_CLUSTER_LEDGER_LOCAL_H

#include "ipc/loop.h"
#include "roles/cluster/ledger.h"
#include "roles/cluster/ledger_log.h"

struct evp_md_ctx_st;

/* Of a compaction in one step: a mebibyte is read and hashed in a few milliseconds at most. */
enum { HS_LEDGER_PART_BYTES = 1 << 20 };
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
    uint64_t image_at_bytes;           /* in the other file, during a compaction; 0: not there */
    unsigned bad_reads;                /* of compactions, one after another */
    bool     is_damaged;               /* set aside: its bytes are kept to be looked at */
};

/* The other file while a compaction is under way. It is made in parts, a bounded one a step; each
 * is written and made durable before the next is made, so that no sync has much to do. */
struct hs_ledger_image {
    struct hs_file_op            op;
    bool                         is_under_way;
    bool                         is_writing;
    bool                         is_flushing; /* what is made goes out before more is made */
    bool                         is_whole;    /* its snapshot is made: nothing is appended to the
                                                 old file before the switch */
    bool                         is_waiting;  /* for a batch, whose blobs and entries belong in */
    uint64_t                     began_at_ns;
    uint64_t                     began_at_bytes; /* of the old file */
    uint64_t                     written_bytes;  /* of the file */
    struct hs_writer             made;           /* comes behind them */
    size_t                       flushed_bytes;  /* of made */
    unsigned                     round;          /* 0: all blobs; then those that came meanwhile */
    unsigned                     next_idx;       /* of the round, up to end_idx */
    unsigned                     end_idx;
    bool                         is_copying; /* the blob at next_idx is there in part */
    struct hs_ledger_blob        source;     /* that blob, as it was when its copy was begun */
    size_t                       source_done_bytes;
    struct hs_ledger_open_record record;
    struct evp_md_ctx_st        *digest; /* of the source so far */
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
    int                          failure; /* of a write; has_failed once no other is under way */
    bool                         has_failed;
    struct hs_ledger_batch      *filling; /* what is proposed goes here */
    struct hs_ledger_batch      *flying;  /* what is on its way to the disk */
    struct hs_ledger_image       image;
    uint64_t                     old_bytes; /* of the file before the switch: it goes in parts */
    unsigned                     blob_count;
    struct hs_ledger_blob        blobs[HS_LEDGER_BLOBS_MAX];
};

struct hs_ledger_blob *hs_ledger_find_blob(struct hs_ledger              *ledger,
                                           const struct hs_ledger_digest *digest);
/* 0 also when it is there already; replaces a damaged one; -ENOBUFS when the table is full. */
int hs_ledger_add_blob(struct hs_ledger *ledger, const struct hs_ledger_digest *digest, uint64_t at,
                       size_t bytes) HS_MUST_CHECK;

int hs_ledger_recover(struct hs_ledger *ledger, struct hs_err *err) HS_MUST_CHECK;

/* A bounded part of a compaction, if one is due or under way: each step. */
void hs_ledger_compact(struct hs_ledger *ledger);
bool hs_ledger_is_compaction_ready(const struct hs_ledger *ledger); /* for its next part */
bool hs_ledger_holds_batches(const struct hs_ledger *ledger); /* the switch of the files is near */
void hs_ledger_finish_compaction(struct hs_ledger *ledger);

int hs_ledger_open_image(struct hs_ledger *ledger) HS_MUST_CHECK;
/* Copies so much more of the blob at next_idx at most, and counts it off. 1: it is all there; 0:
 * not yet; -EIO: it cannot be read, nothing of it is there. */
int  hs_ledger_copy_blob(struct hs_ledger *ledger, size_t *bytes_left) HS_MUST_CHECK;
int  hs_ledger_put_snapshot(struct hs_ledger *ledger) HS_MUST_CHECK;
int  hs_ledger_flush_image(struct hs_ledger *ledger) HS_MUST_CHECK; /* takes the room for it */
void hs_ledger_write_image(struct hs_ledger *ledger);               /* a piece of it */
void hs_ledger_image_written(struct hs_ledger *ledger);             /* it is durable */
void hs_ledger_close_image(struct hs_ledger *ledger);               /* the file stays */
void hs_ledger_drop_image(struct hs_ledger *ledger);                /* and empties the file */
void hs_ledger_note_failure(struct hs_ledger *ledger, int code);    /* of a write */

/* Is there room for what is under way and so much more? The headroom may be used up for it. */
bool hs_ledger_has_disk_room(struct hs_ledger *ledger, uint64_t more_bytes);
void hs_ledger_keep_headroom(struct hs_ledger *ledger); /* each step; sets is_short */
int  hs_ledger_take_image_room(struct hs_ledger *ledger) HS_MUST_CHECK;

#endif
