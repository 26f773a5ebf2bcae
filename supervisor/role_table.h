// SPDX-License-Identifier: Apache-2.0
/* role_table.h - the processes of a tree, a row each: their main, whose user they are, what they
 * may write and read of the shared segments, who talks to whom. Pure. */
#ifndef HS_SUPERVISOR_ROLE_TABLE_H
#define HS_SUPERVISOR_ROLE_TABLE_H

#include "roles/role.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HS_SHARE_BIT(share) (UINT32_C(1) << HS_SHARE_##share)
/* Its own page in each of these; the host table is for all to read. */
#define HS_SHARES_OF_ALL                                                                           \
    (HS_SHARE_BIT(VITALS) | HS_SHARE_BIT(COUNTERS) | HS_SHARE_BIT(LOGS) | HS_SHARE_BIT(EVENTS))

/* X(KIND, name, shares written beyond those of all, shares read beyond the host table, score for
 * the kernel's out-of-memory killer). `name` names main function hs_NAME_main and configured user.
 * In the order of starting. */
#define HS_ROLE_TABLE(X)                                                                           \
    X(CONSOLE, console, 0, ~UINT32_C(0), 300)                                                      \
    X(ENGINE, engine, 0, 0, 500)                                                                   \
    X(WORKER, worker, HS_SHARE_BIT(EXECS), 0, 0)                                                   \
    X(MANAGER, manager,                                                                            \
      HS_SHARE_BIT(WORKERS) | HS_SHARE_BIT(LATENCY_SAMPLES) | HS_SHARE_BIT(MANAGER_RING) |         \
          HS_SHARE_BIT(MANAGER_CARD),                                                              \
      0, 0)                                                                                        \
    X(GATE, gate,                                                                                  \
      HS_SHARE_BIT(JOBS) | HS_SHARE_BIT(MANAGERS) | HS_SHARE_BIT(DISPATCH_TIMES) |                 \
          HS_SHARE_BIT(LATENCY_SAMPLES) | HS_SHARE_BIT(GATE_RING) | HS_SHARE_BIT(GATE_CARD),       \
      0, 0)

/* Each role's own folder defines its main; the supervisor only forks it. */
#define HS_DECLARE_MAIN(kind, name, writes, reads, oom)                                            \
    int hs_##name##_main(const struct hs_heritage *heritage);
HS_ROLE_TABLE(HS_DECLARE_MAIN)
#undef HS_DECLARE_MAIN

struct hs_role_row {
    const char *name;
    int (*main)(const struct hs_heritage *heritage);
    size_t            user_offset; /* of its struct hs_config_account in struct hs_config */
    enum hs_role_kind kind;
    uint32_t          writes; /* bits of enum hs_share */
    uint32_t          reads;
    int               oom_score;
};

enum { HS_ROLE_ROWS = 5 };
const struct hs_role_row *hs_role_row_at(unsigned idx); /* in the order of starting */
const struct hs_role_row *hs_role_row_of(enum hs_role_kind kind);

/* Does the supervisor keep a connection between processes of these kinds? *is_sequenced: it carries
 * records and descriptors (SOCK_SEQPACKET), not a byte stream. */
bool hs_role_are_linked(enum hs_role_kind a, enum hs_role_kind b, bool *is_sequenced);

#endif
