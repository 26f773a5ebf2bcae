// SPDX-License-Identifier: Apache-2.0
/* options.h - what the words after `hyperscale` mean: a command, flags of options.def, at most one
 * operand. Does not look into values: whoever uses one does. Pure. */
#ifndef HS_CLIENT_OPTIONS_H
#define HS_CLIENT_OPTIONS_H

#include "shm/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum hs_command {
    HS_COMMAND_RUN,
    HS_COMMAND_CHECK,
    HS_COMMAND_PING,
    HS_COMMAND_TARGET,
    HS_COMMAND_SUBMIT,
    HS_COMMAND_LIST,
    HS_COMMAND_STATUS,
    HS_COMMAND_WATCH,
    HS_COMMAND_CANCEL,
    HS_COMMAND_RESULTS,
    HS_COMMAND_TOP,
    HS_COMMAND_NODES,
    HS_COMMAND_CA_INIT,
    HS_COMMAND_CA_ISSUE,
    HS_COMMAND_CA_REVOKE,
    HS_COMMAND_KEYRING_LIST,
    HS_COMMAND_KEYRING_INSTALL,
    HS_COMMAND_KEYRING_USE,
    HS_COMMAND_KEYRING_REMOVE,
    HS_COMMAND_VERSION,
    HS_COMMAND_HELP,
    HS_COMMAND_COUNT
};

enum hs_option {
#define HS_OPTION(name, letter, argument, commands, help) HS_OPTION_##name,
#include "roles/client/options.def"
    HS_OPTION_COUNT
};

enum { HS_OPTION_REPEATS_MAX = 64 };

struct hs_texts {
    uint32_t    count;
    const char *at[HS_OPTION_REPEATS_MAX];
};

struct hs_options {
    enum hs_command command;
    const char     *value[HS_OPTION_COUNT]; /* NULL: not given; "": a switch that was */
    bool            is_from_environment[HS_OPTION_COUNT];
    struct hs_texts headers;
    struct hs_texts sets;
    const char     *operand; /* NULL: none */
};

/* The value of an environment variable, or NULL. */
typedef const char *hs_options_lookup_fn(const char *name);

/* Texts stay those of argv and of lookup. 0, or -EINVAL with a sentence. Without any word: the
 * command is help. */
int hs_options_parse(struct hs_options *options, int argc, char *const *argv,
                     hs_options_lookup_fn *lookup, struct hs_err *err) HS_MUST_CHECK;

/* "run", "ca init"; HS_COMMAND_COUNT: no such command. */
enum hs_command hs_command_from_name(const char *name);

/* All commands, or one with its flags; cut to what fits. */
void hs_options_help(struct hs_writer *out);
void hs_options_help_command(enum hs_command command, struct hs_writer *out);
/* Each command that begins with this word: of "ca", three. */
void hs_options_help_group(const char *word, struct hs_writer *out);

#endif
