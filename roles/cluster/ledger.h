// SPDX-License-Identifier: Apache-2.0
/* ledger.h - decisions that must survive: an ordered, durable log of entries and the state machine
 * they are applied to. Asynchronous whatever is behind it. Does not know what an entry means.
 *
 * The caller proposes an entry under a token; when the entry is durable it is applied, in log
 * order, and the answer tells the sequence number and what the state machine said. A process that
 * starts again is given the same entries in the same order before hs_ledger_open returns.
 *
 * Blobs (plans, results) are stored once under the SHA-256 of their bytes, counted by references
 * that the state machine holds, and live in the same files.
 *
 * This implementation is one local log, always leading: two files, of which the one with the higher
 * epoch and a sound beginning counts. Each batch of entries is one write and one fdatasync. A torn
 * tail is cut off (nothing in it was ever answered), and so is what a failed sync leaves unsure; a
 * damaged record with a later batch behind it is corruption, and opening refuses with -EIO. When
 * the file has grown to a multiple of what is alive, the live blobs and then a snapshot go to the
 * other file under the next epoch: in parts of a mebibyte, one a step, while proposals go on, which
 * wait only for the last, the snapshot's. A blob that three compactions, half a minute apart, could
 * not read is set aside: logged, counted, its bytes kept under another kind of record. */
#ifndef HS_ROLES_CLUSTER_LEDGER_H
#define HS_ROLES_CLUSTER_LEDGER_H

#include "shm/base/bytes.h"
#include "shm/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct hs_loop;
struct hs_ledger;
struct hs_counters_shm;

enum {
    HS_LEDGER_ENTRY_BYTES_MAX = 4096, /* decisions are small; payloads are blobs */
    HS_LEDGER_OPEN_MAX = 256,         /* proposals not yet answered: beyond it -ENOBUFS */
    HS_LEDGER_BLOBS_MAX = 4096,       /* known blobs; beyond it -ENOBUFS */
    HS_LEDGER_BLOB_BYTES_MAX = 8 << 20,
    HS_LEDGER_DIGEST_BYTES = 32,
    /* Of a daemon's files: the ends and results of the jobs that run when the disk fills up. */
    HS_LEDGER_HEADROOM_BYTES = 4 << 20
};

struct hs_ledger_digest {
    uint8_t bytes[HS_LEDGER_DIGEST_BYTES]; /* SHA-256 */
};

enum hs_ledger_answer_kind {
    HS_LEDGER_APPLIED,     /* seq, result: durable and applied */
    HS_LEDGER_BLOB_STORED, /* durable */
    HS_LEDGER_BARRIER,     /* everything proposed before it is applied */
    HS_LEDGER_NOT_LEADER,  /* nothing is kept; leader names who to ask */
    HS_LEDGER_UNKNOWN,     /* may or may not have happened: propose the same entry again */
    HS_LEDGER_LEADING,     /* event: this node decides from now on; seq is its fence */
    HS_LEDGER_DEPOSED,     /* event: it does not any more */
    HS_LEDGER_FAILED       /* event: the disk refused; the process must end and start again */
};

struct hs_ledger_answer {
    enum hs_ledger_answer_kind kind;
    uint64_t                   token;
    uint64_t                   seq;
    uint32_t                   result;
    char                       leader[64];
};

/* What the entries are applied to. apply is total and deterministic: no clock, no randomness; what
 * it refuses it says in the result. Called in log order, on replay exactly as the first time. */
struct hs_ledger_machine {
    void *self;
    uint32_t (*apply)(void *self, uint64_t seq, struct hs_view entry);
    void (*save)(void *self, struct hs_writer *writer); /* the whole state; a full writer fails */
    int (*restore)(void *self, struct hs_view snapshot);
    /* Which blobs must live: asked before a compaction. */
    bool (*is_blob_needed)(void *self, const struct hs_ledger_digest *digest);
    size_t snapshot_bytes_max; /* the most that save will write */
};

struct hs_ledger_config {
    struct hs_loop          *loop;  /* with two file operations for the ledger */
    int                      fd[2]; /* the two files; stay the caller's */
    uint32_t                 group; /* 1: gates, 2: managers; a file of another group is refused */
    struct hs_ledger_machine machine;
    void (*on_answer)(void *context, const struct hs_ledger_answer *answer);
    void    *context;
    uint64_t compact_bytes; /* a file below this is never compacted */
    /* Room on the disk beyond what is used, taken in advance: see hs_ledger_is_short. 0: none. */
    uint64_t headroom_bytes;
};

/* Replays, then is ready for proposals; the LEADING event comes from the first step. */
int hs_ledger_open(struct hs_ledger **out, const struct hs_ledger_config *config,
                   struct hs_err *err) HS_MUST_CHECK;
/* Not while one of its writes is with the loop. */
void hs_ledger_close(struct hs_ledger **ledger);

/* 0: exactly one APPLIED, NOT_LEADER or UNKNOWN with this token follows, never inside the call.
 * -ENOBUFS: busy or no room on the disk, nothing is kept, ask again in a moment; -EMSGSIZE: larger
 * than an entry may be. */
int hs_ledger_propose(struct hs_ledger *ledger, struct hs_view entry, uint64_t token) HS_MUST_CHECK;
int hs_ledger_barrier(struct hs_ledger *ledger, uint64_t token) HS_MUST_CHECK;

/* Computes the digest; as propose, with BLOB_STORED as the answer. The same bytes again cost
 * nothing. A blob that no state refers to is dropped by a compaction a minute later. */
int hs_ledger_blob_put(struct hs_ledger *ledger, struct hs_view bytes,
                       struct hs_ledger_digest *digest, uint64_t token) HS_MUST_CHECK;
/* Length of a stored blob, or -ENOENT; whoever asks for it may count on it for a minute, as if it
 * had been put. With memory: copies it and checks its digest (-EIO). */
int64_t hs_ledger_blob_get(struct hs_ledger *ledger, const struct hs_ledger_digest *digest,
                           void *memory, size_t capacity_bytes);

bool        hs_ledger_is_leading(const struct hs_ledger *ledger);
const char *hs_ledger_leader(const struct hs_ledger *ledger); /* "local", or a node's name */
/* Hands leadership to another node where there is one; here: -ENOENT. */
int hs_ledger_transfer(struct hs_ledger *ledger) HS_MUST_CHECK;

/* The disk is full up to the headroom, which is for work that is known: take nothing new. */
bool hs_ledger_is_short(const struct hs_ledger *ledger);

uint64_t hs_ledger_deadline_ns(const struct hs_ledger *ledger);
void     hs_ledger_step(struct hs_ledger *ledger, uint64_t now_ns);
/* Nothing unanswered. A compaction may be under way: whoever ends then loses nothing but its work.
 */
bool hs_ledger_is_idle(const struct hs_ledger *ledger);

struct hs_ledger_stats {
    uint64_t seq;   /* of the last applied entry */
    uint64_t epoch; /* of the file in use */
    uint64_t file_bytes;
    uint64_t image_bytes; /* of the other file, while a compaction is under way */
    uint64_t batch_count;
    uint64_t blob_count;
    uint64_t blob_bytes;
    uint64_t compaction_count;
    uint64_t written_bytes; /* by this process, and how often made durable */
    uint64_t sync_count;
    uint64_t torn_bytes;    /* cut off at the last start */
    uint64_t damaged_count; /* blobs that this process has set aside */
};
void hs_ledger_stats(const struct hs_ledger *ledger, struct hs_ledger_stats *stats);

/* Adds what has been done since the last call to the counters of the process; the first call, after
 * hs_ledger_open, adds what was replayed. */
void hs_ledger_count(struct hs_ledger *ledger, struct hs_counters_shm *counters);

/* SHA-256 of any bytes, as blobs and job ids use it. */
void hs_ledger_digest_of(struct hs_view bytes, struct hs_ledger_digest *digest);

#endif
