// SPDX-License-Identifier: Apache-2.0
/* ring_names_io.h - seeds of a ring that the configuration gives by name: looked up in processes of
 * their own, again and again, since a name may move. Does not dial. */
#ifndef HS_CLUSTER_RING_NAMES_IO_H
#define HS_CLUSTER_RING_NAMES_IO_H

#include "roles/config_hosts.h"
#include "roles/role_io.h"

/* Tokens of its questions to the supervisor have this bit; others are not its business. */
#define HS_RING_TOKEN (UINT64_C(1) << 62)

typedef void hs_ring_name_fn(void *owner, const struct hs_addr *address);

struct hs_ring_name {
    struct hs_config_host host;
    struct hs_watch       answer; /* fd -1: none */
    struct hs_ring_names *names;
    uint64_t              due_ns; /* of the next question, or of giving up on this one */
    bool                  is_asked;
};

struct hs_ring_names {
    struct hs_role_process *process;
    void                   *owner;
    hs_ring_name_fn        *on_address;
    unsigned                count;
    struct hs_ring_name     at[HS_CONFIG_HOSTS_MAX];
};

/* Of these hosts, those that are names. */
void     hs_ring_names_open(struct hs_ring_names *names, struct hs_role_process *process,
                            const struct hs_config_hosts *hosts);
uint64_t hs_ring_names_turn(struct hs_ring_names *names, uint64_t now_ns);
/* From the role's hooks on_link (the callee owns fd) and on_answer, with a token of ours. */
void hs_ring_names_resolver(struct hs_ring_names *names, uint64_t token, int fd);
void hs_ring_names_no_resolver(struct hs_ring_names *names, uint64_t token, int code);

#endif
