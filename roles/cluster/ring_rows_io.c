// SPDX-License-Identifier: Apache-2.0
/* ring_rows_io.c - one row for each record of the table, as long as there are rows. */
#include "roles/cluster/ring_rows_io.h"

#include "roles/cluster/incarnation.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>

#define SHOW_INTERVAL_NS (500 * HS_NS_PER_MS)

static bool is_own_of_this_life(const struct hs_member_row *row, const struct hs_heritage *heritage)
{
    return (row->flags & HS_MEMBER_ROW_SELF) &&
           memcmp(row->node_id, heritage->node_id, sizeof row->node_id) == 0 &&
           hs_incarnation_epoch(row->incarnation) >= heritage->incarnation;
}

static void take_over(struct hs_ring_rows *rows, const struct hs_heritage *heritage, uint64_t *kept)
{
    for (uint32_t i = 0; i < hs_member_table_shape.slot_count; i++) {
        uint64_t             words[HS_MEMBER_ROW_WORDS];
        struct hs_member_row row;
        hs_registry_handle   handle;

        if (hs_registry_at(&rows->table, i, &handle, words) != 1) continue;
        memcpy(&row, words, sizeof row);
        if (is_own_of_this_life(&row, heritage)) *kept = row.incarnation;
        HS_IGNORE(hs_registry_remove(&rows->table, handle), "it was there a line ago");
    }
}

int hs_ring_rows_open(struct hs_ring_rows *rows, const struct hs_heritage *heritage, uint64_t *kept,
                      struct hs_err *err)
{
    enum hs_share share =
        heritage->kind == HS_ROLE_GATE ? HS_SHARE_GATE_RING : HS_SHARE_MANAGER_RING;
    int rc;

    *kept = 0;
    rc = hs_role_map_share(heritage, share, HS_SEGMENT_READ_WRITE, &rows->segment, err);
    if (rc) return rc;
    rc = hs_registry_attach_writer(&rows->table, hs_segment_body(&rows->segment),
                                   &hs_member_table_shape);
    if (rc == -EPROTO) hs_role_refuse_share(heritage, share);
    if (rc) return hs_err_set(err, rc, "table of members");
    take_over(rows, heritage, kept);
    return 0;
}

static void hide(struct hs_ring_rows *rows, uint32_t idx)
{
    if (rows->handles[idx])
        HS_IGNORE(hs_registry_remove(&rows->table, rows->handles[idx]), "it was ours");
    rows->handles[idx] = 0;
}

static void show(struct hs_ring_rows *rows, const struct hs_members *members,
                 const struct hs_member *member, uint64_t now_ns)
{
    uint64_t             words[HS_MEMBER_ROW_WORDS];
    struct hs_member_row row;
    uint32_t             idx = member->idx;
    int                  rc;

    if (rows->handles[idx] && !hs_node_id_equal(&rows->ids[idx], &member->id)) hide(rows, idx);
    hs_member_row_fill(&row, members, member, now_ns);
    memcpy(words, &row, sizeof words);
    rc = rows->handles[idx] ? hs_registry_update(&rows->table, rows->handles[idx], words)
                            : hs_registry_insert(&rows->table, words, &rows->handles[idx]);
    rows->ids[idx] = member->id;
    if (rc == 0) return;
    rows->handles[idx] = 0;
    rows->unshown_count++;
}

uint64_t hs_ring_rows_show(struct hs_ring_rows *rows, const struct hs_members *members,
                           uint64_t now_ns)
{
    uint32_t unshown_before = rows->unshown_count;

    if (now_ns < rows->shown_at_ns + SHOW_INTERVAL_NS) return rows->shown_at_ns + SHOW_INTERVAL_NS;
    rows->shown_at_ns = now_ns;
    rows->unshown_count = 0;
    for (uint32_t i = 0; i < members->capacity; i++) {
        const struct hs_member *member = hs_members_at(members, i);

        if (i >= HS_MEMBER_ROWS_MAX)
            rows->unshown_count += member != NULL;
        else if (member)
            show(rows, members, member, now_ns);
        else
            hide(rows, i);
    }
    if (rows->unshown_count > unshown_before)
        hs_log(HS_LOG_WARN, "ring", "members not shown count=%u", rows->unshown_count);
    return now_ns + SHOW_INTERVAL_NS;
}

void hs_ring_rows_show_self(struct hs_ring_rows *rows, const struct hs_members *members,
                            uint64_t now_ns)
{
    show(rows, members, hs_members_self(members), now_ns);
}
