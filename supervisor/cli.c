// SPDX-License-Identifier: Apache-2.0
/* cli.c - the command line of hyperscaled. */
#include "supervisor/cli.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

const char hs_cli_usage[] =
    "usage: hyperscaled start|stop|reload|status|check [-c FILE] [--run-dir DIR] [--state-dir "
    "DIR]\n"
    "       hyperscaled help|version\n"
    "\n"
    "  start    run the processes of the configuration in the foreground until told to stop\n"
    "  stop     end the running daemon in order, and wait for it\n"
    "  reload   have the running daemon read its configuration again\n"
    "  status   print what the running daemon says of itself, as JSON\n"
    "  check    read the configuration and say what is wrong with it\n"
    "\n"
    "  -c, --config FILE    configuration (" HS_CLI_CONFIG_PATH ")\n"
    "  --run-dir DIR        directory of the sockets, instead of the configured one\n"
    "  --state-dir DIR      directory of what outlives the daemon, likewise\n"
    "\n"
    "exit status: 0 well; 1 some process had to be killed, or the daemon does not answer; 64 "
    "usage;\n"
    "75 another instance runs here, or a process keeps crashing; 77 permission; 78 configuration\n";

static const struct {
    const char      *word;
    enum hs_cli_verb verb;
} verbs[] = {
    {"start", HS_CLI_START},     {"stop", HS_CLI_STOP},   {"reload", HS_CLI_RELOAD},
    {"status", HS_CLI_STATUS},   {"check", HS_CLI_CHECK}, {"embed", HS_CLI_EMBED},
    {"version", HS_CLI_VERSION}, {"help", HS_CLI_HELP},   {"--version", HS_CLI_VERSION},
    {"--help", HS_CLI_HELP},     {"-h", HS_CLI_HELP},
};

static bool find_verb(struct hs_cli *cli, const char *word)
{
    for (size_t i = 0; i < HS_ARRAY_LEN(verbs); i++) {
        if (strcmp(word, verbs[i].word) != 0) continue;
        cli->verb = verbs[i].verb;
        return true;
    }
    return false;
}

/* "--run-dir=D" or "--run-dir D": 1 and *value, which is NULL when it is missing; 0: not that
 * option. */
static bool take_option(const char *name, int argc, char *const *argv, int *at, const char **value)
{
    size_t length = strlen(name);

    if (strncmp(argv[*at], name, length) != 0) return false;
    if (argv[*at][length] == '=') {
        *value = argv[*at] + length + 1;
        return true;
    }
    if (argv[*at][length] != '\0') return false;
    *value = *at + 1 < argc ? argv[++*at] : NULL;
    return true;
}

int hs_cli_parse(struct hs_cli *cli, int argc, char *const *argv, struct hs_err *err)
{
    *cli = (struct hs_cli){.verb = HS_CLI_HELP, .config_path = HS_CLI_CONFIG_PATH};
    if (argc < 2) return hs_err_set(err, -EINVAL, "what shall be done? (start, stop, ...)");
    if (!find_verb(cli, argv[1]))
        return hs_err_set(err, -EINVAL, "unknown command \"%s\"", argv[1]);
    for (int i = 2; i < argc; i++) {
        const char *word = argv[i];
        const char *value = "";

        if (take_option("-c", argc, argv, &i, &value) ||
            take_option("--config", argc, argv, &i, &value))
            cli->config_path = value;
        else if (take_option("--run-dir", argc, argv, &i, &value))
            cli->run_dir = value;
        else if (take_option("--state-dir", argc, argv, &i, &value))
            cli->state_dir = value;
        else
            return hs_err_set(err, -EINVAL, "unknown option \"%s\"", word);
        if (!value || !*value) return hs_err_set(err, -EINVAL, "%s needs a value", word);
    }
    return 0;
}
