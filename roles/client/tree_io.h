// SPDX-License-Identifier: Apache-2.0
/* tree_io.h - the tree of processes of one `hyperscale run`: the hyperscaled beside this program,
 * started with a configuration of its own, held by a leash. Whatever ends this process ends the
 * tree, and nothing of it has a name. */
#ifndef HS_CLIENT_TREE_IO_H
#define HS_CLIENT_TREE_IO_H

#include "roles/control.h"

#include <sys/types.h>

struct hs_tree_wish {
    uint32_t engine_count; /* 0: auto */
    uint64_t progress_interval_ns;
    bool     is_quiet; /* of the log only errors */
    int      log_fd;   /* where the tree's log goes; -1: standard error */
};

struct hs_client_tree {
    pid_t pid;
    int   pid_fd;   /* readable when it has ended */
    int   leash_fd; /* -1: it let go */
};

int hs_client_tree_start(struct hs_client_tree *tree, const struct hs_tree_wish *wish,
                         struct hs_err *err) HS_MUST_CHECK;
/* Asks it to end in order. */
void hs_client_tree_stop(struct hs_client_tree *tree);
/* Kills it unless it has ended, and lets go of it; its exit code, 128 + signal. */
int hs_client_tree_end(struct hs_client_tree *tree) HS_MUST_CHECK;

#endif
