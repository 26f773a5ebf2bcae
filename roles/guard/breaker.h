// SPDX-License-Identifier: Apache-2.0
/* breaker.h - decides when a peer that fails is left alone, and when it is tried again. One lives
 * in the record of its peer and is freed with it. Does not send, and keeps no list of calls:
 * whoever calls tells how each call ended. Pure.
 *
 *   CLOSED --3 failures in a row, or 5 and half of 30 s--> OPEN --its time, or the peer is heard-->
 *   HALF_OPEN: one trial at a time --2 answers--> CLOSED, --a failure--> OPEN for twice as long
 *
 * That the peer lives (it was heard) makes a trial due, but closes nothing: it proves the other
 * direction only. A new life of the peer closes it: what failed is gone. (control 6) */
#ifndef HS_GUARD_BREAKER_H
#define HS_GUARD_BREAKER_H

#include "shm/base/rand.h"

#include <stdbool.h>
#include <stdint.h>

enum { HS_BREAKER_BINS = 30 }; /* seconds that are looked back */

enum hs_breaker_state { /* shown in shared memory: append only */
                        HS_BREAKER_CLOSED,
                        HS_BREAKER_HALF_OPEN,
                        HS_BREAKER_OPEN,
                        HS_BREAKER_STATE_COUNT
};

enum hs_breaker_outcome {
    HS_BREAKER_OK,      /* an answer, and a good one */
    HS_BREAKER_NEUTRAL, /* it said no: by its rules, so it lives; a trial that succeeded */
    HS_BREAKER_FAIL     /* no connection, no answer in time, reset, an internal error */
};

/* The right to make one call; zero: none is under way. */
struct hs_breaker_token {
    uint32_t generation;
    bool     is_trial;
};

struct hs_breaker {
    uint8_t  state;      /* enum hs_breaker_state */
    uint8_t  trial_oks;  /* HALF_OPEN: trials that succeeded */
    uint32_t generation; /* one higher with every change of state: older tokens say nothing */
    uint32_t fails_in_row;
    uint32_t doublings;    /* of the time it stays open; back to 0 after a minute of health */
    uint32_t opened_count; /* ever */
    uint64_t incarnation;  /* of the peer's host, and */
    uint64_t peer_life;    /* of its process */
    uint64_t closed_at_ns;
    uint64_t trial_at_ns;       /* OPEN: a trial is due then */
    uint64_t trial_deadline_ns; /* HALF_OPEN: the trial that is out counts as failed; 0: none */
    uint64_t bin_second;        /* of the newest bin */
    uint16_t oks[HS_BREAKER_BINS];
    uint16_t fails[HS_BREAKER_BINS];
};

void hs_breaker_init(struct hs_breaker *breaker, uint64_t now_ns);
/* May a call be made now? If so *token is what its end is reported with; of a trial, by twice its
 * timeout at the latest. One step: nobody else gets the same trial. */
bool hs_breaker_admit(struct hs_breaker *breaker, uint64_t now_ns, uint64_t timeout_ns,
                      struct hs_rand *rand, struct hs_breaker_token *token);
/* Would one be admitted? When not, not before this moment; 0: now. */
uint64_t hs_breaker_admits_at_ns(const struct hs_breaker *breaker, uint64_t now_ns);
/* What an answer with this result code says of whoever gave it. */
enum hs_breaker_outcome hs_breaker_outcome_of(unsigned result_code);
/* How it ended. token is zeroed; a zero one says nothing. */
void hs_breaker_report(struct hs_breaker *breaker, struct hs_breaker_token *token,
                       enum hs_breaker_outcome outcome, uint64_t now_ns, struct hs_rand *rand);
/* It gave a sign of life. */
void hs_breaker_heard(struct hs_breaker *breaker, uint64_t now_ns);
/* It said who it is: a later life of its host or process closes the breaker. */
void hs_breaker_met(struct hs_breaker *breaker, uint64_t incarnation, uint64_t peer_life,
                    uint64_t now_ns);
/* When more than half of the peers that could do the same are open, the one that is due first is
 * due at once: breakers alone never make a datacenter unreachable. */
void hs_breaker_relieve(struct hs_breaker *const *breakers, unsigned count, uint64_t now_ns);

const char *hs_breaker_state_name(unsigned state); /* "HALF_OPEN"; "?" if unknown */

#endif
