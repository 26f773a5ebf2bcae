// SPDX-License-Identifier: Apache-2.0
/* ledger_log.h - the bytes of a ledger file: a header, then records. Pure; who writes them to a
 * disk is ledger_local_io.c.
 *
 *   header (64)   magic "HSLEDGR1", u32 version, u32 group, u64 epoch, u64 base seq (of the last
 *                 entry when the file was begun), zeros, u32 crc
 *   record        u32 body bytes, u32 crc, u32 batch, u8 kind, u8 ends the batch, 2 zeros,
 *                 u64 number, body, zeros to 8
 *
 * The checksum covers everything of the record but itself, and begins with the epoch, so that a
 * record left over from an earlier use of the file is not taken for one of this. number: of an
 * ENTRY its sequence, of a BLOB and of DAMAGED 0, of a SNAPSHOT the sequence it stands for. */
#ifndef HS_ROLES_CLUSTER_LEDGER_LOG_H
#define HS_ROLES_CLUSTER_LEDGER_LOG_H

#include "shm/base/bytes.h"
#include "shm/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { HS_LEDGER_HEADER_BYTES = 64, HS_LEDGER_RECORD_HEADER_BYTES = 24 };

enum hs_ledger_record_kind {
    HS_LEDGER_RECORD_ENTRY = 1,
    HS_LEDGER_RECORD_BLOB = 2,     /* body: the bytes; their digest is computed, not stored */
    HS_LEDGER_RECORD_SNAPSHOT = 3, /* last record of a compacted file's first batch */
    HS_LEDGER_RECORD_DAMAGED = 4   /* body: the digest of a blob, and the bytes that are not it */
};

struct hs_ledger_file_header {
    uint32_t group;
    uint64_t epoch;
    uint64_t base_seq;
};

struct hs_ledger_record {
    enum hs_ledger_record_kind kind;
    uint32_t                   batch; /* records of one batch became durable together */
    bool                       ends_batch;
    uint64_t                   number;
    struct hs_view             body;
    size_t                     at_bytes; /* of the body in the file */
};

void hs_ledger_put_header(struct hs_writer *writer, const struct hs_ledger_file_header *header);
/* -ENOENT: an empty or foreign file; -EPROTO: damaged. */
int hs_ledger_get_header(struct hs_view file, struct hs_ledger_file_header *header) HS_MUST_CHECK;

size_t hs_ledger_record_bytes(size_t body_bytes); /* with header and padding */
void   hs_ledger_put_record(struct hs_writer *writer, uint64_t epoch,
                            const struct hs_ledger_record *record);

/* The same in parts, for a body too long for one go: the header (of record's body the length
 * only); body bytes, which the caller has put at the writer's end already; padding and checksum. */
struct hs_ledger_open_record {
    size_t   begin_bytes; /* in the writer */
    size_t   body_bytes;
    uint32_t crc; /* of what is there so far */
};

void hs_ledger_begin_record(struct hs_writer *writer, uint64_t epoch,
                            const struct hs_ledger_record *record,
                            struct hs_ledger_open_record  *open);
void hs_ledger_extend_record(struct hs_writer *writer, struct hs_ledger_open_record *open,
                             size_t bytes);
void hs_ledger_end_record(struct hs_writer *writer, const struct hs_ledger_open_record *open);

/* Reads records one after another from the bytes of a whole file. */
struct hs_ledger_scan {
    struct hs_view file;
    uint64_t       epoch;
    size_t         at_bytes;    /* end of the last sound record */
    uint32_t       batch;       /* of the last sound record */
    bool           ends_batch;  /* the last sound record did */
    size_t         whole_bytes; /* end of the last whole batch: where the next may be appended */
};

void hs_ledger_scan_init(struct hs_ledger_scan *scan, struct hs_view file, uint64_t epoch);
/* 1: a record (its body views the file); 0: the end, the rest if any is a torn tail; -EIO: damaged
 * in the middle, since a record of a later batch, written only after this one was durable, stands
 * behind. Records of a batch that is not whole were never answered: do not count on them. */
int hs_ledger_scan_next(struct hs_ledger_scan *scan, struct hs_ledger_record *record) HS_MUST_CHECK;

#endif
