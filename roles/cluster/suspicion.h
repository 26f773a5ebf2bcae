// SPDX-License-Identifier: Apache-2.0
/* suspicion.h - how long a suspect has to say that it lives: long while one member alone accuses
 * it, short when others who looked for themselves agree (Lifeguard, LHA-Suspicion, with
 * memberlist's constants). Works on the suspicion in a member's record, which the table begins and
 * clears; whose timer it is and who accuses is for swim.h. Pure.
 *
 *     minimum = multiplier * max(1, log10 N) * period        N: living members of the ring, we too
 *     maximum = max_factor * minimum
 *     timeout = maximum - (maximum - minimum) * ln(C + 1) / ln(K + 1), not below minimum
 *
 * C counts confirmers beside the first accuser, up to K = min(confirmers, N - 2), 0 for N <= 3:
 * then nobody is there to agree, and the accuser waits for the minimum, longer if it does not trust
 * itself: until it does again, when the end is reviewed. The start never moves, a confirmation and
 * a review only ever shorten, so no flood of them can put the end off. */
#ifndef HS_CLUSTER_SUSPICION_H
#define HS_CLUSTER_SUSPICION_H

#include "roles/cluster/members.h"

enum { HS_SUSPICION_POSTPONED_MAX = 2 }; /* times that an answer out of band puts the end off */

struct hs_suspicion_config {
    uint64_t period_ns; /* of probe rounds */
    uint32_t multiplier;
    uint32_t max_factor;
    uint32_t confirmers; /* wanted for the minimum, at most HS_MEMBER_CONFIRMERS_MAX */
};

struct hs_suspicion_limits {
    uint64_t minimum_ns;
    uint64_t maximum_ns;
    uint32_t confirmers; /* K */
};

enum hs_suspicion_result {
    HS_SUSPICION_BEGUN,
    HS_SUSPICION_CONFIRMED, /* by somebody new: gossip the accusation on, as often as a new one */
    HS_SUSPICION_KNOWN,     /* this accuser was counted before */
    HS_SUSPICION_ENOUGH,    /* K others said so: more change nothing, and are not passed on */
    HS_SUSPICION_REFUSED    /* of itself, by somebody who does not count, or nobody is suspected */
};

/* health_multiplier: of local_health.h. */
struct hs_suspicion_limits hs_suspicion_limits(const struct hs_suspicion_config *config,
                                               uint32_t ring_count, uint32_t health_multiplier);
uint64_t hs_suspicion_timeout_ns(const struct hs_suspicion_limits *limits, uint32_t confirmers);

/* from accuses a member that the table holds as SUSPECT: sets or lowers the deadline. from is the
 * original accuser, never the one who passed it on. */
enum hs_suspicion_result hs_suspicion_accuse(const struct hs_members          *members,
                                             const struct hs_suspicion_limits *limits,
                                             struct hs_member                 *member,
                                             const struct hs_node_id *from, uint64_t now_ns);

/* The end by these limits instead, if that is sooner and nobody is there to confirm; not before
 * earliest_ns unless it has been asked out of band. false: it stays. */
bool hs_suspicion_review(const struct hs_suspicion_limits *limits, struct hs_member *member,
                         uint64_t earliest_ns);

/* It answered the question that is asked out of band before the end: one minimum more, if it has
 * not had that twice. false: it had. */
bool hs_suspicion_postpone(const struct hs_suspicion_limits *limits, struct hs_member *member);

/* We did not run for that long: neither the end nor the start were ours to judge by. */
void hs_suspicion_shift(struct hs_member *member, uint64_t by_ns);

/* What every datagram to a suspect carries first, so that its next answer can refute (Lifeguard's
 * buddy system). false: it is not suspected. */
bool hs_suspicion_buddy(const struct hs_member *member, struct hs_claim *claim);

#endif
