// SPDX-License-Identifier: Apache-2.0
/* member_notice.c - a word for each event. */
#include "roles/cluster/member_notice.h"

enum hs_notice_kind hs_member_notice(const struct hs_member_event *event)
{
    switch (event->type) {
    case HS_MEMBER_EVENT_CONFIRMED: return HS_NOTICE_MEMBER_JOINED;
    case HS_MEMBER_EVENT_SUSPECT: return HS_NOTICE_MEMBER_SUSPECT;
    case HS_MEMBER_EVENT_ALIVE_AGAIN: return HS_NOTICE_MEMBER_REFUTED;
    case HS_MEMBER_EVENT_DEAD:
        return event->cause == HS_DEATH_LEFT ? HS_NOTICE_MEMBER_LEFT : HS_NOTICE_MEMBER_DEAD;
    case HS_MEMBER_EVENT_ATTRIBUTES:
    case HS_MEMBER_EVENT_FORGOTTEN:
    case HS_MEMBER_EVENT_TYPE_COUNT: break;
    }
    return HS_NOTICE_KIND_COUNT;
}
