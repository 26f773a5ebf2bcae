// SPDX-License-Identifier: Apache-2.0
/* incarnation.h - how new our own word about ourselves is, and when it becomes newer: only a node
 * itself mints a higher incarnation, and only to refute. The upper bits are the life of the host,
 * which the supervisor keeps on disk and raises with each of its own lives; the lower count
 * refutations, and outlive a restart of the role in shared memory. Pure. */
#ifndef HS_CLUSTER_INCARNATION_H
#define HS_CLUSTER_INCARNATION_H

#include "roles/cluster/member.h"

enum { HS_INCARNATION_REFUTE_BITS = 20 }; /* the lower part counts refutations, the rest lives */
#define HS_INCARNATION_PAUSE_NS UINT64_C(200000000) /* between two refutations */

enum hs_incarnation_answer {
    HS_INCARNATION_SILENT, /* nothing to say: we are leaving, or it is nonsense */
    HS_INCARNATION_TELL,   /* the teller is behind: tell it our present word */
    HS_INCARNATION_REFUTE, /* our word has become newer: to the teller at once, and gossip */
    HS_INCARNATION_LATER   /* likewise, when deadline_ns comes */
};

struct hs_incarnation {
    uint64_t value;
    uint64_t accused;      /* highest that is to be exceeded; 0: none */
    uint64_t next_bump_ns; /* not before */
    bool     is_leaving;
    uint64_t refuted_count;
    uint64_t refused_count; /* claims about ourselves too far ahead to be true */
};

uint64_t hs_incarnation_epoch(uint64_t incarnation); /* the life of the host */

/* life: of the host, at least 1. kept: the value that this life last had, or 0. */
void hs_incarnation_init(struct hs_incarnation *incarnation, uint64_t life, uint64_t kept);

/* Somebody says of us that we are, at this incarnation, what the status says. */
enum hs_incarnation_answer hs_incarnation_hear(struct hs_incarnation *incarnation, uint64_t now_ns,
                                               uint64_t said, enum hs_member_status status);
/* true: our word has become newer just now: gossip it. */
bool     hs_incarnation_turn(struct hs_incarnation *incarnation, uint64_t now_ns);
uint64_t hs_incarnation_deadline_ns(const struct hs_incarnation *incarnation);

/* The answer to a JOIN: the least that the ring takes. true: ours was lower, and is that now. */
bool hs_incarnation_adopt(struct hs_incarnation *incarnation, uint64_t required);
void hs_incarnation_leave(struct hs_incarnation *incarnation); /* accusations no longer matter */

/* Could a third party say this of somebody known at that one? (membership.md 5.3) */
bool hs_incarnation_is_credible(uint64_t said, uint64_t known);

#endif
