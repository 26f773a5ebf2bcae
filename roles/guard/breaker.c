// SPDX-License-Identifier: Apache-2.0
/* breaker.c - counts failures of a peer, opens, tries again. */
#include "roles/guard/breaker.h"

#include "roles/result_code.h"
#include "shm/base/time.h"

#include <string.h>

#define OPEN_MIN_NS (10 * HS_NS_PER_S)
#define OPEN_MAX_NS (300 * HS_NS_PER_S)
#define HEALTHY_NS  (60 * HS_NS_PER_S)

enum {
    FAILS_IN_ROW_MAX = 3,
    FAILS_MIN = 5, /* and at least half of all */
    TRIAL_OKS_WANTED = 2,
    DOUBLINGS_MAX = 5 /* 10 s doubled so often is above the most */
};

static void enter(struct hs_breaker *breaker, enum hs_breaker_state state)
{
    breaker->state = (uint8_t)state;
    breaker->generation++;
    breaker->trial_oks = 0;
    breaker->trial_deadline_ns = 0;
}

static void close_it(struct hs_breaker *breaker, uint64_t now_ns)
{
    enter(breaker, HS_BREAKER_CLOSED);
    breaker->closed_at_ns = now_ns;
    breaker->fails_in_row = 0;
    memset(breaker->oks, 0, sizeof breaker->oks);
    memset(breaker->fails, 0, sizeof breaker->fails);
}

void hs_breaker_init(struct hs_breaker *breaker, uint64_t now_ns)
{
    memset(breaker, 0, sizeof *breaker);
    close_it(breaker, now_ns);
}

/* A fifth more or less, so that callers who lost the peer together do not try it together. */
static uint64_t open_for_ns(uint32_t doublings, struct hs_rand *rand)
{
    uint64_t ns = hs_min_u64(OPEN_MIN_NS << doublings, OPEN_MAX_NS);

    return ns - ns / 5 + hs_rand_below(rand, ns / 5 * 2 + 1);
}

static void open_it(struct hs_breaker *breaker, uint64_t now_ns, struct hs_rand *rand)
{
    if (breaker->state == HS_BREAKER_HALF_OPEN) {
        if (breaker->doublings < DOUBLINGS_MAX) breaker->doublings++;
    } else if (now_ns - breaker->closed_at_ns >= HEALTHY_NS || !breaker->opened_count) {
        breaker->doublings = 0;
    } else if (breaker->doublings < DOUBLINGS_MAX) {
        breaker->doublings++;
    }
    enter(breaker, HS_BREAKER_OPEN);
    breaker->opened_count++;
    breaker->trial_at_ns = now_ns + open_for_ns(breaker->doublings, rand);
}

/* A trial that nobody has told the end of. */
static void expire_trial(struct hs_breaker *breaker, uint64_t now_ns, struct hs_rand *rand)
{
    if (breaker->trial_deadline_ns && now_ns >= breaker->trial_deadline_ns)
        open_it(breaker, now_ns, rand);
}

uint64_t hs_breaker_admits_at_ns(const struct hs_breaker *breaker, uint64_t now_ns)
{
    uint64_t at_ns = 0;

    if (breaker->state == HS_BREAKER_OPEN)
        at_ns = breaker->trial_at_ns;
    else if (breaker->state == HS_BREAKER_HALF_OPEN)
        at_ns = breaker->trial_deadline_ns;
    return at_ns > now_ns ? at_ns : 0;
}

bool hs_breaker_admit(struct hs_breaker *breaker, uint64_t now_ns, uint64_t timeout_ns,
                      struct hs_rand *rand, struct hs_breaker_token *token)
{
    expire_trial(breaker, now_ns, rand);
    *token = (struct hs_breaker_token){0};
    if (hs_breaker_admits_at_ns(breaker, now_ns)) return false;
    if (breaker->state == HS_BREAKER_OPEN) enter(breaker, HS_BREAKER_HALF_OPEN);
    if (breaker->state == HS_BREAKER_HALF_OPEN) {
        token->is_trial = true;
        breaker->trial_deadline_ns = now_ns + 2 * timeout_ns;
    }
    token->generation = breaker->generation;
    return true;
}

/* The bin of this second; those of seconds that nothing happened in are emptied. */
static unsigned bin_at(struct hs_breaker *breaker, uint64_t now_ns)
{
    uint64_t second = now_ns / HS_NS_PER_S;
    uint64_t first = breaker->bin_second + 1;

    if (second > breaker->bin_second + HS_BREAKER_BINS) first = second - HS_BREAKER_BINS + 1;
    for (uint64_t at = first; at <= second; at++)
        breaker->oks[at % HS_BREAKER_BINS] = breaker->fails[at % HS_BREAKER_BINS] = 0;
    breaker->bin_second = hs_max_u64(breaker->bin_second, second);
    return (unsigned)(breaker->bin_second % HS_BREAKER_BINS);
}

static bool has_failed_too_often(const struct hs_breaker *breaker)
{
    uint32_t oks = 0;
    uint32_t fails = 0;

    if (breaker->fails_in_row >= FAILS_IN_ROW_MAX) return true;
    for (unsigned i = 0; i < HS_BREAKER_BINS; i++) {
        oks += breaker->oks[i];
        fails += breaker->fails[i];
    }
    return fails >= FAILS_MIN && fails >= oks;
}

static void count(struct hs_breaker *breaker, enum hs_breaker_outcome outcome, uint64_t now_ns,
                  struct hs_rand *rand)
{
    unsigned bin = bin_at(breaker, now_ns);

    if (outcome != HS_BREAKER_FAIL) {
        breaker->fails_in_row = 0;
        if (outcome == HS_BREAKER_OK && breaker->oks[bin] < UINT16_MAX) breaker->oks[bin]++;
        return;
    }
    breaker->fails_in_row++;
    if (breaker->fails[bin] < UINT16_MAX) breaker->fails[bin]++;
    if (has_failed_too_often(breaker)) open_it(breaker, now_ns, rand);
}

static void end_trial(struct hs_breaker *breaker, enum hs_breaker_outcome outcome, uint64_t now_ns,
                      struct hs_rand *rand)
{
    breaker->trial_deadline_ns = 0;
    if (outcome == HS_BREAKER_FAIL)
        open_it(breaker, now_ns, rand);
    else if (++breaker->trial_oks >= TRIAL_OKS_WANTED)
        close_it(breaker, now_ns);
}

/* A refusal by its rules shows that it lives. */
enum hs_breaker_outcome hs_breaker_outcome_of(unsigned result_code)
{
    if (result_code == HS_RESULT_INTERNAL) return HS_BREAKER_FAIL;
    return result_code == HS_RESULT_OK ? HS_BREAKER_OK : HS_BREAKER_NEUTRAL;
}

void hs_breaker_report(struct hs_breaker *breaker, struct hs_breaker_token *token,
                       enum hs_breaker_outcome outcome, uint64_t now_ns, struct hs_rand *rand)
{
    struct hs_breaker_token told = *token;

    *token = (struct hs_breaker_token){0};
    expire_trial(breaker, now_ns, rand);
    if (told.generation != breaker->generation) return; /* of calls before it opened, or none */
    if (breaker->state == HS_BREAKER_CLOSED)
        count(breaker, outcome, now_ns, rand);
    else if (breaker->state == HS_BREAKER_HALF_OPEN && told.is_trial && breaker->trial_deadline_ns)
        end_trial(breaker, outcome, now_ns, rand);
}

void hs_breaker_heard(struct hs_breaker *breaker, uint64_t now_ns)
{
    if (breaker->state == HS_BREAKER_OPEN)
        breaker->trial_at_ns = hs_min_u64(breaker->trial_at_ns, now_ns);
}

void hs_breaker_met(struct hs_breaker *breaker, uint64_t incarnation, uint64_t peer_life,
                    uint64_t now_ns)
{
    bool is_later = incarnation > breaker->incarnation ||
                    (incarnation == breaker->incarnation && peer_life > breaker->peer_life);

    if (!is_later) return;
    breaker->doublings = 0;
    breaker->incarnation = incarnation;
    breaker->peer_life = peer_life;
    close_it(breaker, now_ns);
}

void hs_breaker_relieve(struct hs_breaker *const *breakers, unsigned count, uint64_t now_ns)
{
    struct hs_breaker *first = NULL;
    unsigned           open_count = 0;

    for (unsigned i = 0; i < count; i++) {
        if (breakers[i]->state != HS_BREAKER_OPEN) continue;
        open_count++;
        if (!first || breakers[i]->trial_at_ns < first->trial_at_ns) first = breakers[i];
    }
    if (first && 2 * open_count > count) hs_breaker_heard(first, now_ns);
}

const char *hs_breaker_state_name(unsigned state)
{
    static const char *const names[HS_BREAKER_STATE_COUNT] = {
        [HS_BREAKER_CLOSED] = "CLOSED",
        [HS_BREAKER_HALF_OPEN] = "HALF_OPEN",
        [HS_BREAKER_OPEN] = "OPEN",
    };

    return state < HS_BREAKER_STATE_COUNT ? names[state] : "?";
}
