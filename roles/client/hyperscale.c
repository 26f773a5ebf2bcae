// SPDX-License-Identifier: Apache-2.0
/* hyperscale.c - the program that people type: reads the words, calls the command. */
#include "roles/client/commands.h"
#include "roles/client/exit_code.h"
#include "roles/client/print_io.h"
#include "roles/client/target_flags.h"
#include "roles/version.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { HELP_BYTES = 16 << 10 };

int hs_command_target(const struct hs_options *options)
{
    struct hs_target_config config;
    struct hs_err           err;

    if (hs_target_flags(options, &config, &err) < 0)
        return hs_complain(HS_EXIT_USAGE, "%s", err.text);
    if (hs_target_run(&config, &err) == 0) return HS_EXIT_OK;
    return hs_complain(err.code == -EPIPE ? HS_EXIT_OUTPUT : HS_EXIT_INTERNAL, "target: %s",
                       err.text);
}

static const char *lookup(const char *name)
{
    return getenv(name);
}

static int show_help(const struct hs_options *options)
{
    char             memory[HELP_BYTES];
    struct hs_writer out;
    const char      *topic = options->operand;
    enum hs_command  command = topic ? hs_command_from_name(topic) : options->command;

    if (options->command != HS_COMMAND_HELP) command = options->command;
    hs_writer_init(&out, memory, sizeof memory);
    if (options->command == HS_COMMAND_HELP && !topic)
        hs_options_help(&out);
    else if (command == HS_COMMAND_COUNT)
        hs_options_help_group(topic, &out);
    else
        hs_options_help_command(command, &out);
    return hs_print(STDOUT_FILENO, memory, out.used_bytes) < 0 ? HS_EXIT_OUTPUT : HS_EXIT_OK;
}

static int show_version(const struct hs_options *options)
{
    const char *text = options->value[HS_OPTION_json]
                           ? "{\"schema\": 1, \"version\": \"" HS_VERSION_TEXT "\"}\n"
                           : "hyperscale " HS_VERSION_TEXT "\n";

    return hs_print_text(STDOUT_FILENO, text) < 0 ? HS_EXIT_OUTPUT : HS_EXIT_OK;
}

static int dispatch(const struct hs_options *options)
{
    if (options->value[HS_OPTION_help]) return show_help(options);
    switch (options->command) {
    case HS_COMMAND_RUN: return hs_command_run(options);
    case HS_COMMAND_CHECK: return hs_command_check(options);
    case HS_COMMAND_TARGET: return hs_command_target(options);
    case HS_COMMAND_VERSION: return show_version(options);
    case HS_COMMAND_PING: return hs_command_ping(options);
    case HS_COMMAND_SUBMIT: return hs_command_submit(options);
    case HS_COMMAND_LIST: return hs_command_list(options);
    case HS_COMMAND_STATUS:
        return options->operand ? hs_command_status_of_job(options) : hs_command_status(options);
    case HS_COMMAND_WATCH: return hs_command_watch(options);
    case HS_COMMAND_CANCEL: return hs_command_cancel(options);
    case HS_COMMAND_RESULTS: return hs_command_results(options);
    case HS_COMMAND_TOP: return hs_command_top(options);
    case HS_COMMAND_NODES: return hs_command_nodes(options);
    case HS_COMMAND_CA_INIT: return hs_command_ca_init(options);
    case HS_COMMAND_CA_ISSUE: return hs_command_ca_issue(options);
    case HS_COMMAND_CA_REVOKE: return hs_command_ca_revoke(options);
    case HS_COMMAND_KEYRING_LIST: return hs_command_keyring_list(options);
    case HS_COMMAND_KEYRING_INSTALL: return hs_command_keyring_install(options);
    case HS_COMMAND_KEYRING_USE: return hs_command_keyring_use(options);
    case HS_COMMAND_KEYRING_REMOVE: return hs_command_keyring_remove(options);
    case HS_COMMAND_HELP:
    case HS_COMMAND_COUNT: break;
    }
    return show_help(options);
}

int main(int argc, char **argv)
{
    struct hs_options options;
    struct hs_err     err;

    (void)signal(SIGPIPE, SIG_IGN);
    if (hs_options_parse(&options, argc, argv, lookup, &err) < 0)
        return hs_complain(HS_EXIT_USAGE, "%s", err.text);
    if (argc < 2) {
        int code = show_help(&options);

        return code ? code : HS_EXIT_USAGE;
    }
    return dispatch(&options);
}
