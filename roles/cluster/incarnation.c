// SPDX-License-Identifier: Apache-2.0
/* incarnation.c - one counter, and the pause between two steps of it. */
#include "roles/cluster/incarnation.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

/* Within one life, refutations; across lives, of which a host has at most one a second for a day.
 */
enum { REFUTES_AHEAD_MAX = 1000, LIVES_AHEAD_MAX = 86400 };

uint64_t hs_incarnation_epoch(uint64_t incarnation)
{
    return incarnation >> HS_INCARNATION_REFUTE_BITS;
}

bool hs_incarnation_is_credible(uint64_t said, uint64_t known)
{
    uint64_t lives;

    if (said <= known) return true;
    lives = hs_incarnation_epoch(said) - hs_incarnation_epoch(known);
    return lives ? lives <= LIVES_AHEAD_MAX : said - known <= REFUTES_AHEAD_MAX;
}

void hs_incarnation_init(struct hs_incarnation *incarnation, uint64_t life, uint64_t kept)
{
    uint64_t fresh = life << HS_INCARNATION_REFUTE_BITS;

    HS_ASSERT(life > 0);
    *incarnation = (struct hs_incarnation){.value = hs_max_u64(fresh, kept)};
}

static void bump(struct hs_incarnation *incarnation, uint64_t now_ns)
{
    incarnation->value = hs_max_u64(incarnation->value, incarnation->accused) + 1;
    incarnation->accused = 0;
    incarnation->next_bump_ns = now_ns + HS_INCARNATION_PAUSE_NS;
    incarnation->refuted_count++;
}

enum hs_incarnation_answer hs_incarnation_hear(struct hs_incarnation *incarnation, uint64_t now_ns,
                                               uint64_t said, enum hs_member_status status)
{
    bool is_accusation = status != HS_MEMBER_UNCONFIRMED && status != HS_MEMBER_ALIVE;

    if (incarnation->is_leaving) return HS_INCARNATION_SILENT;
    if (!hs_incarnation_is_credible(said, incarnation->value)) {
        incarnation->refused_count++;
        return HS_INCARNATION_SILENT;
    }
    if (said < incarnation->value)
        return is_accusation ? HS_INCARNATION_TELL : HS_INCARNATION_SILENT;
    if (said == incarnation->value && !is_accusation) return HS_INCARNATION_SILENT;
    incarnation->accused = hs_max_u64(incarnation->accused, said);
    if (now_ns < incarnation->next_bump_ns) return HS_INCARNATION_LATER;
    bump(incarnation, now_ns);
    return HS_INCARNATION_REFUTE;
}

bool hs_incarnation_turn(struct hs_incarnation *incarnation, uint64_t now_ns)
{
    if (now_ns < hs_incarnation_deadline_ns(incarnation)) return false;
    bump(incarnation, now_ns);
    return true;
}

uint64_t hs_incarnation_deadline_ns(const struct hs_incarnation *incarnation)
{
    return incarnation->accused && !incarnation->is_leaving ? incarnation->next_bump_ns
                                                            : HS_NEVER_NS;
}

bool hs_incarnation_adopt(struct hs_incarnation *incarnation, uint64_t required)
{
    if (required <= incarnation->value) return false;
    if (!hs_incarnation_is_credible(required, incarnation->value)) {
        incarnation->refused_count++;
        return false;
    }
    incarnation->value = required;
    return true;
}

void hs_incarnation_leave(struct hs_incarnation *incarnation)
{
    incarnation->is_leaving = true;
}
