// SPDX-License-Identifier: Apache-2.0
/* role_table.c - the rows, and the pairs that talk. */
#include "supervisor/role_table.h"

#include "roles/config.h"
#include "shm/base/assert.h"

static const struct hs_role_row rows[HS_ROLE_ROWS] = {
#define HS_ROW(kind_name, role, writes_bits, reads_bits, oom)                                      \
    {.name = #role,                                                                                \
     .main = hs_##role##_main,                                                                     \
     .user_offset = offsetof(struct hs_config, users.role),                                        \
     .kind = HS_ROLE_##kind_name,                                                                  \
     .writes = HS_SHARES_OF_ALL | (writes_bits),                                                   \
     .reads = HS_SHARE_BIT(HOST) | (reads_bits),                                                   \
     .oom_score = (oom)},
    HS_ROLE_TABLE(HS_ROW)
#undef HS_ROW
};

static const struct {
    enum hs_role_kind a;
    enum hs_role_kind b;
    bool              is_sequenced;
} pairs[] = {
    {HS_ROLE_GATE, HS_ROLE_MANAGER, false},
    {HS_ROLE_MANAGER, HS_ROLE_WORKER, false},
    {HS_ROLE_WORKER, HS_ROLE_ENGINE, true},
    {HS_ROLE_GATE, HS_ROLE_CLIENT, false},
};

const struct hs_role_row *hs_role_row_at(unsigned idx)
{
    HS_ASSERT(idx < HS_ROLE_ROWS);
    return &rows[idx];
}

const struct hs_role_row *hs_role_row_of(enum hs_role_kind kind)
{
    unsigned idx = 0;

    while (idx < HS_ROLE_ROWS && rows[idx].kind != kind) idx++;
    HS_ASSERT(idx < HS_ROLE_ROWS);
    return &rows[idx];
}

bool hs_role_are_linked(enum hs_role_kind a, enum hs_role_kind b, bool *is_sequenced)
{
    for (size_t i = 0; i < HS_ARRAY_LEN(pairs); i++) {
        if (!(pairs[i].a == a && pairs[i].b == b) && !(pairs[i].a == b && pairs[i].b == a))
            continue;
        *is_sequenced = pairs[i].is_sequenced;
        return true;
    }
    return false;
}
