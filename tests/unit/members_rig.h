// SPDX-License-Identifier: Apache-2.0
/* members_rig.h - one member table with ourselves in it, and short ways to tell it things. */
#ifndef HS_TESTS_MEMBERS_RIG_H
#define HS_TESTS_MEMBERS_RIG_H

#include "roles/cluster/incarnation.h"
#include "roles/cluster/members.h"
#include "shm/base/time.h"

#define HS_RIG_S(seconds)     ((uint64_t)(seconds)*HS_NS_PER_S)
#define HS_RIG_INC(e, refute) ((uint64_t)(e) << HS_INCARNATION_REFUTE_BITS | (refute))

enum { HS_RIG_SELF = 1, HS_RIG_BEE = 2, HS_RIG_CEE = 3 };

/* The table of the test at hand; begun anew by each. */
struct hs_members *hs_rig_begin(uint32_t capacity);

struct hs_node_id      hs_rig_id(unsigned number);
struct hs_member_facts hs_rig_facts(unsigned number); /* a manager of "ber" */
struct hs_member      *hs_rig_get(unsigned number);   /* NULL: not in the table */
/* From ourselves by gossip; ALIVE with facts, LEFT from the subject. */
struct hs_claim hs_rig_claim(unsigned number, uint64_t incarnation, enum hs_member_status status);
enum hs_claim_result hs_rig_tell(uint64_t now_ns, unsigned number, uint64_t incarnation,
                                 enum hs_member_status status);
/* Known and confirmed. */
enum hs_claim_result hs_rig_join(uint64_t now_ns, unsigned number, uint64_t incarnation);
void                 hs_rig_drop_events(void);
/* "dead 5, confirmed 6": what is in the queue, with the last byte of the incarnation. */
const char *hs_rig_events_text(void);

#endif
