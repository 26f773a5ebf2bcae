// SPDX-License-Identifier: Apache-2.0
/* cli.h - what the words after `hyperscaled` mean. Pure: opens nothing, prints nothing. */
#ifndef HS_SUPERVISOR_CLI_H
#define HS_SUPERVISOR_CLI_H

#include "shm/base/err.h"

#define HS_CLI_CONFIG_PATH "/etc/hyperscale/hyperscaled.json"

enum hs_cli_verb {
    HS_CLI_HELP,
    HS_CLI_VERSION,
    HS_CLI_START,
    HS_CLI_STOP,
    HS_CLI_RELOAD,
    HS_CLI_STATUS,
    HS_CLI_CHECK,
    HS_CLI_EMBED /* what `hyperscale run` executes */
};

struct hs_cli {
    enum hs_cli_verb verb;
    const char      *config_path; /* never NULL */
    const char      *run_dir;     /* NULL: as configured */
    const char      *state_dir;   /* NULL: as configured */
};

/* 0, or -EINVAL with a sentence. Strings point into argv. */
int hs_cli_parse(struct hs_cli *cli, int argc, char *const *argv, struct hs_err *err) HS_MUST_CHECK;

/* The text of `hyperscaled help`. */
extern const char hs_cli_usage[];

#endif
