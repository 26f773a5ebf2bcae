// SPDX-License-Identifier: Apache-2.0
/* dialer_io.h - carries out what dialer.h decides: has names looked up (names_io.h), dials
 * through the role's door, and says once per reason why a peer is not reached. The role keeps the
 * connections. */
#ifndef HS_CLUSTER_DIALER_IO_H
#define HS_CLUSTER_DIALER_IO_H

#include "roles/cluster/dialer.h"
#include "roles/cluster/door_io.h"
#include "roles/cluster/names_io.h"
#include "roles/role_io.h"

/* Tokens of its questions to the supervisor have this bit; others are not its business. */
#define HS_DIALER_TOKEN (UINT64_C(1) << 63)

struct hs_dialer_io {
    struct hs_dialer        core;
    struct hs_role_process *process;
    struct hs_door         *door;
    struct hs_identity      expected;
    struct hs_names         names;
    char                    told[HS_DIALER_PEERS_MAX][HS_ERR_TEXT_BYTES]; /* the last reason */
};

struct hs_dialer_io_config {
    struct hs_role_process       *process;
    struct hs_door               *door; /* its refusals go to hs_dialer_io_refused */
    const struct hs_config_hosts *hosts;
    const struct hs_addr         *own;
    struct hs_identity            expected; /* whom to find; empty parts match anybody */
};

void hs_dialer_io_open(struct hs_dialer_io *dialer, const struct hs_dialer_io_config *config);
/* Dials whom it is time to dial; when to come again. */
uint64_t hs_dialer_io_turn(struct hs_dialer_io *dialer, uint64_t now_ns);

/* The door's news of what was dialled. is_taken: the role has taken the connection over; false: it
 * is one that it has already, or this host's own, and is closed. */
void hs_dialer_io_entered(struct hs_dialer_io *dialer, uint64_t ticket, bool is_taken);
void hs_dialer_io_refused(struct hs_dialer_io *dialer, uint64_t ticket, const struct hs_err *err);
/* A connection that was taken over has ended. */
void hs_dialer_io_lost(struct hs_dialer_io *dialer, uint64_t ticket);

/* From the role's hooks on_link (the callee owns fd) and on_answer, with a token of ours. */
void hs_dialer_io_resolver(struct hs_dialer_io *dialer, uint64_t token, int fd);
void hs_dialer_io_no_resolver(struct hs_dialer_io *dialer, uint64_t token, int code);

#endif
