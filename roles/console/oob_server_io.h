// SPDX-License-Identifier: Apache-2.0
/* oob_server_io.h - answers other hosts, for the roles of this one, whether they live: from shared
 * memory alone, so also while their loops stand still. Answers only what is authentic, only where
 * it came from, with as many bytes as came, and so many a second; drops and counts the rest. */
#ifndef HS_CONSOLE_OOB_SERVER_IO_H
#define HS_CONSOLE_OOB_SERVER_IO_H

#include "ipc/udp.h"
#include "roles/cluster/oob_answer.h"
#include "roles/cluster/sources.h"
#include "roles/role_io.h"

enum { HS_OOB_ROLES = 2 }; /* gate and manager */

struct hs_oob_server {
    /* set before open */
    struct hs_role_process       *process;
    void                         *vitals;              /* body of that segment */
    const struct hs_oob_card_shm *cards[HS_OOB_ROLES]; /* NULL: no such role here */
    /* ours */
    struct hs_udp        udp;
    bool                 is_open;
    struct hs_oob_window window;
    struct hs_sources    sources;
    uint64_t             log_at_ns; /* of the next line about what was dropped */
    uint64_t             unsaid_count;
};

/* fd -1: nobody is answered. */
int  hs_oob_server_open(struct hs_oob_server *server, int fd, struct hs_err *err) HS_MUST_CHECK;
void hs_oob_server_close(struct hs_oob_server *server);

#endif
