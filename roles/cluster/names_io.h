// SPDX-License-Identifier: Apache-2.0
/* names_io.h - looks up the names that discovery.h says are due, in processes of their own, and
 * hands on what they are known to mean. Does not dial. */
#ifndef HS_CLUSTER_NAMES_IO_H
#define HS_CLUSTER_NAMES_IO_H

#include "roles/cluster/discovery.h"
#include "roles/role_io.h"

/* Of name name_idx; with ports. */
typedef void hs_names_fn(void *owner, unsigned name_idx, const struct hs_addr *addrs,
                         unsigned count);

struct hs_names_config {
    struct hs_role_process       *process;
    const struct hs_config_hosts *hosts;  /* those that are no names do not matter */
    const char                   *module; /* in the log */
    uint64_t     token; /* a bit: tokens of its questions to the supervisor have it;
                                             others are not its business */
    void        *owner;
    hs_names_fn *on_addresses;
};

struct hs_names_answer {
    struct hs_watch  watch; /* fd -1: none */
    struct hs_names *names;
};

struct hs_names {
    struct hs_names_config config;
    struct hs_discovery    core;
    struct hs_names_answer answers[HS_DISCOVERY_NAMES_MAX];
};

void     hs_names_open(struct hs_names *names, const struct hs_names_config *config);
uint64_t hs_names_turn(struct hs_names *names, uint64_t now_ns);
/* From the role's hooks on_link (the callee owns fd) and on_answer, with a token of ours. */
void hs_names_resolver(struct hs_names *names, uint64_t token, int fd);
void hs_names_no_resolver(struct hs_names *names, uint64_t token, int code);

#endif
