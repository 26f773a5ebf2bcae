// SPDX-License-Identifier: Apache-2.0
/* members_inner.h - what the files of the member table share among themselves: the links of a
 * record, its change of status, its events. Nobody else includes this. Pure. */
#ifndef HS_CLUSTER_MEMBERS_INNER_H
#define HS_CLUSTER_MEMBERS_INNER_H

#include "roles/cluster/members.h"

#define HS_MEMBERS_NONE_IDX UINT32_MAX

/* A fresh record, UNCONFIRMED, linked; NULL: no room, and nobody gives way. */
struct hs_member *hs_members_create(struct hs_members *members, uint64_t now_ns,
                                    const struct hs_claim *claim);
void              hs_members_remove(struct hs_members *members, struct hs_member *member);
/* The only place where a status changes: lists, counts and the suspicion with it. */
void hs_members_enter(struct hs_members *members, struct hs_member *member,
                      enum hs_member_status status, uint64_t now_ns);
/* true: something changed. An empty name or datacenter does not replace one. */
bool hs_members_set_facts(struct hs_members *members, struct hs_member *member,
                          const struct hs_member_facts *facts);

/* Makes room for one more UNCONFIRMED. */
bool hs_members_make_room(struct hs_members *members, uint64_t now_ns);
/* Keeps the number of tombstones within its bound, but for the one that is new. */
void hs_members_trim_tombstones(struct hs_members *members, const struct hs_member *newest);

void hs_members_event(struct hs_members *members, struct hs_member *member,
                      enum hs_member_event_type type);

#endif
