// SPDX-License-Identifier: Apache-2.0
/* options.c - the command line, by the table in options.def. */
#include "roles/client/options.h"

#include "roles/problems.h"
#include "roles/version.h"
#include "shm/base/assert.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FOR(command) (UINT32_C(1) << HS_COMMAND_##command)
#define LOAD         (FOR(RUN) | FOR(SUBMIT))
#define DAEMON                                                                                     \
    (FOR(SUBMIT) | FOR(LIST) | FOR(STATUS) | FOR(WATCH) | FOR(CANCEL) | FOR(RESULTS) | FOR(TOP) |  \
     FOR(NODES))
#define KEYRING (FOR(KEYRING_LIST) | FOR(KEYRING_USE) | FOR(KEYRING_REMOVE))
#define JOBS                                                                                       \
    (FOR(RUN) | FOR(SUBMIT) | FOR(LIST) | FOR(STATUS) | FOR(WATCH) | FOR(CANCEL) | FOR(RESULTS))
#define EVERY ((UINT32_C(1) << HS_COMMAND_COUNT) - 1)

enum { NAME_BYTES = 48, WORD_BYTES = 160 };

/* The first words of the commands that have two, and what follows them. */
static const struct {
    const char *name;
    const char *words;
} groups[] = {{"ca", "init, issue or revoke"}, {"keyring", "list, install, use or remove"}};
enum { GROUPS = sizeof groups / sizeof *groups };

struct command_row {
    const char *name;
    const char *operand;
    bool        is_needed;
    const char *help;
};

static const struct command_row commands[HS_COMMAND_COUNT] = {
    [HS_COMMAND_RUN] = {"run", "URL|PLAN", true, "run a load test on this machine"},
    [HS_COMMAND_CHECK] = {"check", "PLAN", true, "check a plan without running it"},
    [HS_COMMAND_PING] = {"ping", "URL", true, "send one request and show what came back"},
    [HS_COMMAND_TARGET] = {"target", "", false,
                           "a server to aim at, with known latency and faults"},
    [HS_COMMAND_SUBMIT] = {"submit", "URL|PLAN", true, "give a plan to the daemon"},
    [HS_COMMAND_LIST] = {"list", "", false, "the daemon's jobs"},
    [HS_COMMAND_STATUS] = {"status", "[JOB]", false, "how the daemon is, or one of its jobs"},
    [HS_COMMAND_WATCH] = {"watch", "JOB", true, "follow a job of the daemon until it ends"},
    [HS_COMMAND_CANCEL] = {"cancel", "JOB", true, "stop a job of the daemon"},
    [HS_COMMAND_RESULTS] = {"results", "JOB", true, "what a job of the daemon came to"},
    [HS_COMMAND_TOP] = {"top", "", false, "the daemon live: processes, jobs, load"},
    [HS_COMMAND_NODES] = {"nodes", "", false,
                          "the gates, managers and workers that the daemon knows"},
    [HS_COMMAND_CA_INIT] = {"ca init", "DIR", true, "make the authority of a cluster"},
    [HS_COMMAND_CA_ISSUE] = {"ca issue", "DATACENTER/ROLE/NODE", true,
                             "make certificate and key of a node or client"},
    [HS_COMMAND_CA_REVOKE] = {"ca revoke", "[SERIAL|FILE]", false,
                              "take a certificate back, sign the revocation list anew"},
    [HS_COMMAND_KEYRING_LIST] = {"keyring list", "DIR", true, "the gossip keys in a directory"},
    [HS_COMMAND_KEYRING_INSTALL] = {"keyring install", "DIR", true,
                                    "add a new gossip key, which only opens as yet"},
    [HS_COMMAND_KEYRING_USE] = {"keyring use", "DIR", true, "seal with another gossip key"},
    [HS_COMMAND_KEYRING_REMOVE] = {"keyring remove", "DIR", true,
                                   "take out a gossip key that nobody seals with"},
    [HS_COMMAND_VERSION] = {"version", "", false, "which Hyperscale this is"},
    [HS_COMMAND_HELP] = {"help", "[COMMAND]", false, "this list, or the flags of a command"}};

struct option_row {
    const char *name; /* with _ */
    const char *argument;
    const char *help;
    uint32_t    commands;
    char        letter;
};

static const struct option_row rows[HS_OPTION_COUNT] = {
#define HS_OPTION(name, letter, argument, commands, help)                                          \
    [HS_OPTION_##name] = {#name, argument, help, (commands), (letter)},
#include "roles/client/options.def"
};

/* GROUPS: none. */
static unsigned find_group(const char *word)
{
    unsigned group = 0;

    while (group < GROUPS && strcmp(groups[group].name, word) != 0) group++;
    return group;
}

/* "--connect-timeout" */
static const char *flag_name(const struct option_row *row, char name[NAME_BYTES])
{
    (void)snprintf(name, NAME_BYTES, "--%s", row->name);
    for (char *c = name; *c; c++)
        if (*c == '_') *c = '-';
    return name;
}

static bool takes(const struct option_row *row, enum hs_command command)
{
    return (row->commands >> command & 1) != 0;
}

static bool is_repeated(enum hs_option option)
{
    return option == HS_OPTION_header || option == HS_OPTION_set;
}

static int repeat(struct hs_texts *texts, const char *flag, const char *value, struct hs_err *err)
{
    if (texts->count == HS_OPTION_REPEATS_MAX)
        return hs_err_refuse(err, "%s may be given %d times, not more", flag,
                             HS_OPTION_REPEATS_MAX);
    texts->at[texts->count++] = value;
    return 0;
}

static int put(struct hs_options *options, enum hs_option option, const char *value,
               struct hs_err *err)
{
    char        name[NAME_BYTES];
    const char *flag = flag_name(&rows[option], name);

    if (option == HS_OPTION_header) return repeat(&options->headers, flag, value, err);
    if (option == HS_OPTION_set) return repeat(&options->sets, flag, value, err);
    if (options->value[option]) return hs_err_refuse(err, "%s is given twice", flag);
    options->value[option] = value;
    return 0;
}

static int unknown_flag(const struct hs_options *options, const char *word, size_t bytes,
                        struct hs_err *err)
{
    char        names[HS_OPTION_COUNT][NAME_BYTES];
    const char *words[HS_OPTION_COUNT];
    size_t      count = 0;
    const char *near;

    for (unsigned i = 0; i < HS_OPTION_COUNT; i++)
        if (takes(&rows[i], options->command)) {
            words[count] = flag_name(&rows[i], names[count]);
            count++;
        }
    near = hs_nearest_word(hs_view_of(word, bytes), words, count);
    return hs_err_refuse(err, "unknown flag %.*s for %s%s%s%s", (int)(bytes < 60 ? bytes : 60),
                         word, commands[options->command].name,
                         near ? " (did you mean " : "; see: hyperscale help ",
                         near ? near : commands[options->command].name, near ? "?)" : "");
}

static int wrong_command(const struct hs_options *options, const char *flag,
                         const struct option_row *row, struct hs_err *err)
{
    char   list[WORD_BYTES] = "";
    size_t used = 0;

    for (unsigned i = 0; i < HS_COMMAND_COUNT; i++)
        if (takes(row, (enum hs_command)i) && used < sizeof list - 16)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "",
                                     commands[i].name);
    return hs_err_refuse(err, "%s goes with %s, not with %s", flag, list,
                         commands[options->command].name);
}

/* The words of the command line, one after another. */
struct words {
    int          at;
    int          count;
    char *const *text;
};

/* attached: what stood behind = or behind the letter; NULL: nothing did. */
static int take_flag(struct hs_options *options, enum hs_option option, const char *flag,
                     const char *attached, struct words *words, struct hs_err *err)
{
    const struct option_row *row = &rows[option];

    if (!takes(row, options->command)) return wrong_command(options, flag, row, err);
    if (!row->argument && attached) return hs_err_refuse(err, "%s takes no value", flag);
    if (!row->argument) {
        options->value[option] = "";
        return 0;
    }
    if (!attached && words->at == words->count)
        return hs_err_refuse(err, "%s needs %s", flag, row->argument);
    return put(options, option, attached ? attached : words->text[words->at++], err);
}

static int take_long(struct hs_options *options, const char *word, struct words *words,
                     struct hs_err *err)
{
    size_t bytes = strcspn(word, "=");
    char   name[NAME_BYTES];

    for (unsigned i = 0; i < HS_OPTION_COUNT; i++) {
        (void)flag_name(&rows[i], name);
        if (strlen(name) == bytes && strncmp(name, word, bytes) == 0)
            return take_flag(options, (enum hs_option)i, name,
                             word[bytes] ? word + bytes + 1 : NULL, words, err);
    }
    return unknown_flag(options, word, bytes, err);
}

static int take_short(struct hs_options *options, const char *word, struct words *words,
                      struct hs_err *err)
{
    char name[NAME_BYTES];

    for (unsigned i = 0; i < HS_OPTION_COUNT; i++)
        if (rows[i].letter == word[1]) {
            (void)snprintf(name, sizeof name, "-%c", word[1]);
            return take_flag(options, (enum hs_option)i, name, word[2] ? word + 2 : NULL, words,
                             err);
        }
    return unknown_flag(options, word, 2, err);
}

static int take_operand(struct hs_options *options, const char *word, struct hs_err *err)
{
    const struct command_row *row = &commands[options->command];

    if (!row->operand[0]) return hs_err_refuse(err, "%s takes no \"%.60s\"", row->name, word);
    if (options->operand)
        return hs_err_refuse(err, "%s takes one %s: \"%.60s\" is one too many", row->name,
                             row->operand, word);
    options->operand = word;
    return 0;
}

static int take_words(struct hs_options *options, struct words *words, struct hs_err *err)
{
    bool is_all_operands = false;
    int  rc = 0;

    while (!rc && words->at < words->count) {
        const char *word = words->text[words->at++];

        if (is_all_operands || word[0] != '-' || !word[1])
            rc = take_operand(options, word, err);
        else if (strcmp(word, "--") == 0)
            is_all_operands = true;
        else
            rc = word[1] == '-' ? take_long(options, word, words, err)
                                : take_short(options, word, words, err);
    }
    return rc;
}

static bool is_switched_on(const char *text)
{
    return text[0] && strcmp(text, "0") != 0 && strcmp(text, "false") != 0 &&
           strcmp(text, "no") != 0;
}

static void variable_name(const struct option_row *row, char name[NAME_BYTES])
{
    (void)snprintf(name, NAME_BYTES, "HYPERSCALE_%s", row->name);
    for (char *c = name; *c; c++) *c = (char)toupper((unsigned char)*c);
}

/* A variable stands in for a flag that was not given. */
static void take_environment(struct hs_options *options, hs_options_lookup_fn *lookup)
{
    for (unsigned i = 0; i < HS_OPTION_COUNT; i++) {
        char        name[NAME_BYTES];
        const char *text;

        if (!takes(&rows[i], options->command) || is_repeated((enum hs_option)i) ||
            i == HS_OPTION_help || i == HS_OPTION_force || options->value[i])
            continue;
        variable_name(&rows[i], name);
        text = lookup(name);
        if (!text || !text[0] || (!rows[i].argument && !is_switched_on(text))) continue;
        options->value[i] = rows[i].argument ? text : "";
        options->is_from_environment[i] = true;
    }
}

static int unknown_command(const char *word, struct hs_err *err)
{
    const char *names[HS_COMMAND_COUNT];
    const char *near;

    for (unsigned i = 0; i < HS_COMMAND_COUNT; i++) names[i] = commands[i].name;
    near = hs_nearest_word(hs_view_text(word), names, HS_COMMAND_COUNT);
    return hs_err_refuse(err, "unknown command \"%.60s\"%s%s%s; see: hyperscale help", word,
                         near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static int check(const struct hs_options *options, struct hs_err *err)
{
    const struct command_row *row = &commands[options->command];
    const char *const        *value = options->value;

    if (value[HS_OPTION_help]) return 0;
    if (options->command == HS_COMMAND_HELP && options->operand &&
        find_group(options->operand) == GROUPS &&
        hs_command_from_name(options->operand) == HS_COMMAND_COUNT)
        return unknown_command(options->operand, err);
    if (row->is_needed && !options->operand)
        return hs_err_refuse(err, "%s needs %s; see: hyperscale help %s", row->name, row->operand,
                             row->name);
    if (value[HS_OPTION_plan] && value[HS_OPTION_json])
        return hs_err_refuse(err, "--plan and --json exclude each other: a plan is JSON already");
    if (value[HS_OPTION_credentials] && !value[HS_OPTION_gate] &&
        !options->is_from_environment[HS_OPTION_credentials])
        return hs_err_refuse(err, "--credentials goes with --gate HOST:PORT: this host's daemon "
                                  "asks for none");
    if (value[HS_OPTION_quiet] && value[HS_OPTION_tui] && strcmp(value[HS_OPTION_tui], "on") == 0)
        return hs_err_refuse(err, "-q and --tui on exclude each other");
    if (value[HS_OPTION_tui] && strcmp(value[HS_OPTION_tui], "auto") != 0 &&
        strcmp(value[HS_OPTION_tui], "on") != 0 && strcmp(value[HS_OPTION_tui], "off") != 0)
        return hs_err_refuse(err, "--tui takes auto, on or off, not \"%.60s\"",
                             value[HS_OPTION_tui]);
    return 0;
}

/* The group's name and the word behind it, if there is one; HS_COMMAND_COUNT: no command of it. */
static enum hs_command group_command(const char *group, const struct words *words)
{
    char name[WORD_BYTES];

    if (words->at == words->count) return HS_COMMAND_COUNT;
    (void)snprintf(name, sizeof name, "%s %s", group, words->text[words->at]);
    return hs_command_from_name(name);
}

static int take_group(struct hs_options *options, unsigned group, struct words *words,
                      struct hs_err *err)
{
    const char *name = groups[group].name;
    const char *word = words->at < words->count ? words->text[words->at] : NULL;

    if (word && (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)) {
        options->operand = name;
        words->at = words->count;
        return 0;
    }
    options->command = group_command(name, words);
    words->at++;
    if (options->command != HS_COMMAND_COUNT) return 0;
    options->command = HS_COMMAND_HELP;
    return hs_err_refuse(err, "%s needs %s%s%.60s%s; see: hyperscale help %s", name,
                         groups[group].words, word ? ", not \"" : "", word ? word : "",
                         word ? "\"" : "", name);
}

/* `help ca init`: two words that are one command. */
static void take_group_topic(struct hs_options *options, struct words *words)
{
    struct words      rest = {words->at + 1, words->count, words->text};
    enum hs_command   command;
    const char *const first = words->at < words->count ? words->text[words->at] : "";

    if (options->command != HS_COMMAND_HELP || find_group(first) == GROUPS) return;
    command = group_command(first, &rest);
    if (command == HS_COMMAND_COUNT) return;
    options->operand = commands[command].name;
    words->at += 2;
}

static int take_command(struct hs_options *options, struct words *words, struct hs_err *err)
{
    const char *word = words->text[words->at++];

    if (find_group(word) < GROUPS) return take_group(options, find_group(word), words, err);
    if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) word = "help";
    if (strcmp(word, "--version") == 0) word = "version";
    options->command = strchr(word, ' ') ? HS_COMMAND_COUNT : hs_command_from_name(word);
    if (options->command == HS_COMMAND_COUNT) {
        options->command = HS_COMMAND_HELP;
        return unknown_command(word, err);
    }
    take_group_topic(options, words);
    return 0;
}

int hs_options_parse(struct hs_options *options, int argc, char *const *argv,
                     hs_options_lookup_fn *lookup, struct hs_err *err)
{
    struct words words = {.at = 1, .count = argc, .text = argv};
    int          rc;

    memset(options, 0, sizeof *options);
    options->command = HS_COMMAND_HELP;
    if (argc < 2) return 0;
    rc = take_command(options, &words, err);
    if (!rc) rc = take_words(options, &words, err);
    if (rc) return rc;
    take_environment(options, lookup);
    return check(options, err);
}

enum hs_command hs_command_from_name(const char *name)
{
    unsigned command = 0;

    while (command < HS_COMMAND_COUNT && strcmp(commands[command].name, name) != 0) command++;
    return (enum hs_command)command;
}

static void say(struct hs_writer *out, const char *format, ...) HS_PRINTF(2, 3);

static void say(struct hs_writer *out, const char *format, ...)
{
    char    line[HS_ERR_TEXT_BYTES];
    va_list arguments;
    int     bytes;

    va_start(arguments, format);
    bytes = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (bytes > 0) hs_put_bytes(out, line, hs_view_text(line).bytes);
}

static int longest(int columns, const char *name, const char *operand)
{
    int needed = (int)(strlen(name) + 1 + strlen(operand));

    return needed > columns ? needed : columns;
}

void hs_options_help(struct hs_writer *out)
{
    int columns = 0;

    say(out, "hyperscale " HS_VERSION_TEXT " - measures how fast a server answers under load\n\n");
    say(out, "usage: hyperscale COMMAND [FLAGS] [OPERAND]\n\n");
    for (unsigned i = 0; i < HS_COMMAND_COUNT; i++)
        columns = longest(columns, commands[i].name, commands[i].operand);
    for (unsigned i = 0; i < HS_COMMAND_COUNT; i++) {
        char words[WORD_BYTES];

        (void)snprintf(words, sizeof words, "%s %s", commands[i].name, commands[i].operand);
        say(out, "  %-*s %s\n", columns, words, commands[i].help);
    }
    say(out, "\n    hyperscale run http://127.0.0.1:8080/ -c 100 -d 10s\n"
             "    hyperscale run http://127.0.0.1:8080/ -R 500/s -d 1m --json\n"
             "\nFlags of a command: hyperscale help COMMAND. All of it: man hyperscale\n");
}

void hs_options_help_command(enum hs_command command, struct hs_writer *out)
{
    say(out, "usage: hyperscale %s %s%s[FLAGS]\n%s\n\n", commands[command].name,
        commands[command].operand, commands[command].operand[0] ? " " : "", commands[command].help);
    for (unsigned i = 0; i < HS_OPTION_COUNT; i++) {
        char name[NAME_BYTES];
        char words[WORD_BYTES];
        char letter[8] = "   ";

        if (!takes(&rows[i], command)) continue;
        if (rows[i].letter) (void)snprintf(letter, sizeof letter, "-%c,", rows[i].letter);
        (void)snprintf(words, sizeof words, "%s %s %s", letter, flag_name(&rows[i], name),
                       rows[i].argument ? rows[i].argument : "");
        say(out, "  %-28s %s\n", words, rows[i].help);
    }
}

void hs_options_help_group(const char *word, struct hs_writer *out)
{
    size_t bytes = strlen(word);

    for (unsigned i = 0; i < HS_COMMAND_COUNT; i++)
        if (strncmp(commands[i].name, word, bytes) == 0 && commands[i].name[bytes] == ' ') {
            hs_options_help_command((enum hs_command)i, out);
            say(out, "\n");
        }
}
