// SPDX-License-Identifier: Apache-2.0
/* member_notice.h - which event an operator is told when something happens to a member. Pure. */
#ifndef HS_CLUSTER_MEMBER_NOTICE_H
#define HS_CLUSTER_MEMBER_NOTICE_H

#include "roles/cluster/member.h"
#include "roles/notice.h"

/* HS_NOTICE_KIND_COUNT: none. */
enum hs_notice_kind hs_member_notice(const struct hs_member_event *event);

#endif
