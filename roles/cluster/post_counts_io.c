// SPDX-License-Identifier: Apache-2.0
/* post_counts_io.c - figures of a post told to the counters. */
#include "roles/cluster/post_counts_io.h"

#include "roles/counters.h"
#include "shm/counters.h"

static void add(struct hs_counters_shm *counters, enum hs_count count, uint64_t now, uint64_t told)
{
    if (now != told) hs_counter_add(counters, count, now - told);
}

void hs_post_count(const struct hs_post *post, struct hs_post_figures *told,
                   struct hs_counters_shm *counters)
{
    static const enum hs_count dropped[HS_POST_DROP_COUNT] = {
        [HS_POST_BAD_SIZE] = HS_COUNT_datagrams_bad_size,
        [HS_POST_BAD_HEADER] = HS_COUNT_datagrams_bad_header,
        [HS_POST_BAD_VERSION] = HS_COUNT_datagrams_bad_version,
        [HS_POST_FOREIGN] = HS_COUNT_datagrams_foreign,
        [HS_POST_FLOOD] = HS_COUNT_datagrams_flood,
        [HS_POST_NO_KEY] = HS_COUNT_datagrams_no_key,
        [HS_POST_BAD_SEAL] = HS_COUNT_datagrams_bad_seal,
        [HS_POST_REPLAYED] = HS_COUNT_datagrams_replayed,
        [HS_POST_UNPROVEN] = HS_COUNT_datagrams_unproven,
        [HS_POST_TOO_MANY] = HS_COUNT_datagrams_too_many,
        [HS_POST_MALFORMED] = HS_COUNT_datagrams_malformed,
    };
    struct hs_post_figures now;

    hs_post_figures(post, &now);
    for (unsigned i = HS_POST_KEPT + 1; i < HS_POST_DROP_COUNT; i++)
        add(counters, dropped[i], now.dropped[i], told->dropped[i]);
    add(counters, HS_COUNT_datagrams_malformed, now.malformed_sections, told->malformed_sections);
    add(counters, HS_COUNT_datagram_bytes_in, now.udp.received_bytes, told->udp.received_bytes);
    add(counters, HS_COUNT_datagrams_out, now.udp.sent, told->udp.sent);
    add(counters, HS_COUNT_datagram_bytes_out, now.udp.sent_bytes, told->udp.sent_bytes);
    add(counters, HS_COUNT_datagrams_unsent, now.udp.unsent, told->udp.unsent);
    add(counters, HS_COUNT_datagrams_late, now.held_dropped, told->held_dropped);
    add(counters, HS_COUNT_lives_proven, now.lives, told->lives);
    *told = now;
}
