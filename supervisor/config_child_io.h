// SPDX-License-Identifier: Apache-2.0
/* config_child_io.h - has a short-lived process turn the configuration file into a sealed image:
 * the supervisor itself never looks at JSON. */
#ifndef HS_SUPERVISOR_CONFIG_CHILD_IO_H
#define HS_SUPERVISOR_CONFIG_CHILD_IO_H

#include "supervisor/tree.h"

enum { HS_CONFIG_SETTINGS_MAX = 2, HS_CONFIG_SETTING_BYTES = 512 };

struct hs_config_wish {
    const char *path;    /* NULL: text_fd */
    int         text_fd; /* the text itself, from the start; -1: none */
    const char *run_dir; /* NULL: as the file says */
    const char *state_dir;
    uint64_t    generation; /* of the image to be */
};

/* Forks the process. */
int hs_config_child_start(struct hs_config_child *child, const struct hs_config_wish *wish,
                          struct hs_err *err) HS_MUST_CHECK;
/* Waits for it (its pid_fd tells when that is at once) and takes its image. Problems and warnings
 * in full go to standard error; err has the first. -EINVAL: the configuration is wrong; -EACCES and
 * others: it could not be read. */
int  hs_config_child_finish(struct hs_config_child *child, struct hs_config_held *held,
                            struct hs_err *err) HS_MUST_CHECK;
void hs_config_release(struct hs_config_held *held); /* unmaps and closes; twice does no harm */

#endif
