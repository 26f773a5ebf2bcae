// SPDX-License-Identifier: Apache-2.0
/* oob_answer.h - what is answered to a question out of band about a role of this host, by what its
 * page of vitals says: it lives, or it lives and its loop stands still. Does not look at tags.
 * Pure. */
#ifndef HS_CLUSTER_OOB_ANSWER_H
#define HS_CLUSTER_OOB_ANSWER_H

#include "roles/cluster/oob_ask.h"
#include "roles/cluster/oob_card.h"
#include "roles/cluster/oob_frame.h"
#include "shm/vitals.h"

enum {
    HS_OOB_ANSWERS_PER_S = 200,
    HS_OOB_OF_SOURCE_BURST = 40 /* of them to one address; as many a second */
};
/* A loop that has nothing to do beats four times a second; twice that is silence. */
#define HS_OOB_STALL_NS UINT64_C(500000000)

enum hs_oob_verdict {
    HS_OOB_ANSWERED,
    HS_OOB_BAD_FRAME, /* not a question, or damaged */
    HS_OOB_BAD_TAG,
    HS_OOB_NOT_HERE, /* about a node that no role of this host is */
    HS_OOB_FLOOD,    /* more than are answered */
    HS_OOB_VERDICT_COUNT
};
const char *hs_oob_verdict_name(enum hs_oob_verdict verdict); /* "bad_tag" */

/* Its loop is busy, hangs, or is being restarted; what it does for long says so in its phase. */
bool hs_oob_is_stalled(const struct hs_vitals *vitals, uint64_t now_ns);
void hs_oob_answer(const struct hs_oob_frame *question, const struct hs_oob_card *card,
                   const struct hs_vitals *vitals, uint64_t now_ns, struct hs_oob_frame *answer);

#endif
