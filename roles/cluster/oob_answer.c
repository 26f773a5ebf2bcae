// SPDX-License-Identifier: Apache-2.0
/* oob_answer.c - vitals into words for others. */
#include "roles/cluster/oob_answer.h"

#include "shm/base/assert.h"

const char *hs_oob_verdict_name(enum hs_oob_verdict verdict)
{
    static const char *const names[HS_OOB_VERDICT_COUNT] = {[HS_OOB_ANSWERED] = "answered",
                                                            [HS_OOB_BAD_FRAME] = "bad_frame",
                                                            [HS_OOB_BAD_TAG] = "bad_tag",
                                                            [HS_OOB_NOT_HERE] = "not_here",
                                                            [HS_OOB_FLOOD] = "flood"};

    return verdict < HS_OOB_VERDICT_COUNT ? names[verdict] : "?";
}

bool hs_oob_is_stalled(const struct hs_vitals *vitals, uint64_t now_ns)
{
    if (vitals->state != HS_VITALS_READY && vitals->state != HS_VITALS_DRAINING) return true;
    if (vitals->phase != HS_VITALS_NORMAL) return false; /* the supervisor sees to its end */
    return now_ns > vitals->heartbeat_ns && now_ns - vitals->heartbeat_ns > HS_OOB_STALL_NS;
}

void hs_oob_answer(const struct hs_oob_frame *question, const struct hs_oob_card *card,
                   const struct hs_vitals *vitals, uint64_t now_ns, struct hs_oob_frame *answer)
{
    HS_ASSERT(question->type == HS_OOB_PING);
    *answer = *question;
    answer->type = HS_OOB_PONG;
    answer->load = card->load;
    answer->is_stalled = hs_oob_is_stalled(vitals, now_ns);
    answer->incarnation = card->incarnation;
}
