// SPDX-License-Identifier: Apache-2.0
/* gates.h - which of several gates a command turns to: of the lowest priority the one that ranks
 * first for its user, by their weights, so that what one user does meets at one gate, however often
 * he starts; the next where that one does not answer, or says no; and none but the one that may
 * have his job. Does not connect. Pure.
 *
 * Who fails is left alone for 50 ms, twice as long each time up to 2 s, or for as long as he asked
 * for. When all are left alone the one that is due first is still named: never nobody, while there
 * is one that might answer. */
#ifndef HS_CLIENT_GATES_H
#define HS_CLIENT_GATES_H

#include "roles/client/where.h"

struct hs_gates_row {
    uint8_t  idx;    /* of struct hs_where */
    bool     is_out; /* will not do, whenever it is asked again */
    uint32_t fails;  /* in a row: who has fewer is tried first */
    uint64_t due_ns; /* not before */
};

struct hs_gates {
    unsigned            count; /* at least 1: a socket of this host is one gate */
    struct hs_gates_row rows[HS_WHERE_GATES_MAX]; /* as they rank */
    unsigned            current;                  /* row that was picked last */
};

struct hs_gates_pick {
    unsigned gate_idx; /* of struct hs_where */
    uint64_t at_ns;    /* from then on; later than now: everybody has failed of late */
};

/* key: the user. */
void hs_gates_init(struct hs_gates *gates, const struct hs_where *where, struct hs_view key);
/* False: nobody is left. is_bound: no other than the one that was picked last. */
bool hs_gates_pick(struct hs_gates *gates, uint64_t now_ns, bool is_bound,
                   struct hs_gates_pick *pick);
/* Of the one that was picked last. */
void hs_gates_worked(struct hs_gates *gates);
void hs_gates_failed(struct hs_gates *gates, uint64_t now_ns);
/* It wants to be left alone so long. */
void hs_gates_put_off(struct hs_gates *gates, uint64_t now_ns, uint64_t retry_after_ns);
/* It will not do: its certificate is wrong, or it does not know the job. */
void hs_gates_drop(struct hs_gates *gates);

#endif
