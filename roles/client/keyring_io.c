// SPDX-License-Identifier: Apache-2.0
/* keyring_io.c - `hyperscale keyring list|install|use|remove`: the gossip keys in a directory, an
 * authority's or a node's. A step that could part the cluster is taken only once every member has
 * said that it holds the ring as the step before has left it. Never prints a key. */
#include "roles/client/commands.h"

#include "roles/client/exit_code.h"
#include "roles/client/holders.h"
#include "roles/client/print_io.h"
#include "roles/client/sockets.h"
#include "roles/client/status_line_io.h"
#include "roles/cluster/authority_io.h"
#include "roles/cluster/credential_files_io.h"
#include "roles/cluster/seal_io.h"
#include "shm/base/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct keys { /* wiped at the end */
    struct hs_keyring ring;
    struct hs_err     err;
    int               directory_fd;
    uint8_t           version; /* of --key; 0: none */
    uint8_t           text[HS_KEYRING_TEXT_BYTES];
};

typedef int change_fn(struct keys *keys);

static int complain(const struct keys *keys, const char *what, const char *directory)
{
    bool is_broken = keys->err.code == -EIO || keys->err.code == -ENOMEM;

    return hs_complain(is_broken ? HS_EXIT_OUTPUT : HS_EXIT_USAGE, "%s: %.100s: %s", what,
                       directory, keys->err.text);
}

static int load(struct keys *keys, const char *directory)
{
    struct hs_writer text;
    int              rc;

    hs_writer_init(&text, keys->text, sizeof keys->text);
    keys->directory_fd = hs_credential_directory(directory, false, &keys->err);
    if (keys->directory_fd < 0) return keys->directory_fd;
    rc = hs_credential_lock(keys->directory_fd, &keys->err);
    if (!rc)
        rc = hs_credential_file_read(keys->directory_fd, HS_FILE_KEYRING, true, &text, &keys->err);
    if (rc) return rc;
    rc = hs_keyring_parse(hs_view_of(text.data, text.used_bytes), &keys->ring, &keys->err);
    return rc ? hs_err_wrap(&keys->err, HS_FILE_KEYRING) : 0;
}

static int save(struct keys *keys)
{
    struct hs_credential_file file = {HS_FILE_KEYRING, true, {0}};
    struct hs_writer          text;

    hs_writer_init(&text, keys->text, sizeof keys->text);
    hs_keyring_print(&keys->ring, &text);
    file.content = hs_view_of(text.data, text.used_bytes);
    return hs_credential_files_write(keys->directory_fd, &file, 1, true, &keys->err);
}

/* ---- who holds it */

static int count_holders(struct hs_status_line *line, const char *path, uint32_t mark,
                         struct hs_holders *holders)
{
    json_t *members = NULL;
    json_t *managers = NULL;
    int     rc = hs_status_line_open(line, path);

    if (!rc) rc = hs_status_line_ask(line, "{\"get\":\"members\"}\n", &members);
    if (!rc) rc = hs_status_line_ask(line, "{\"get\":\"managers\"}\n", &managers);
    if (!rc) hs_holders_count(holders, members, managers, mark);
    json_decref(members);
    json_decref(managers);
    hs_status_line_close(line);
    return rc;
}

/* Of the ring as it stands in the directory; path: of the daemon that was asked. */
static int ask_holders(const struct keys *keys, const struct hs_options *options,
                       char path[HS_SOCKET_PATH_BYTES], struct hs_holders *holders,
                       struct hs_err *err)
{
    struct hs_status_line *line;
    int rc = hs_socket_path(options->value[HS_OPTION_socket], HS_SOCKET_STATUS, path, err);

    if (rc < 0) return rc;
    line = calloc(1, sizeof *line);
    if (!line) return hs_err_set(err, -ENOMEM, "out of memory");
    line->fd = line->signal_fd = -1;
    rc = count_holders(line, path, hs_seal_mark(&keys->ring), holders);
    if (rc) (void)hs_err_refuse(err, "%s", line->refusal[0] ? line->refusal : hs_err_code_text(rc));
    free(line);
    return rc;
}

/* HS_EXIT_OK: all have it, or --force. */
static int check_holders(const struct keys *keys, const struct hs_options *options,
                         const char *what)
{
    char              path[HS_SOCKET_PATH_BYTES] = "";
    struct hs_holders holders = {0};
    struct hs_err     err = {0};

    if (options->value[HS_OPTION_force]) return HS_EXIT_OK;
    if (ask_holders(keys, options, path, &holders, &err))
        return hs_complain(HS_EXIT_CLUSTER,
                           "%s: who holds this ring already? %s: %s (say where a member's daemon "
                           "is: --socket; or --force)",
                           what, path, err.text);
    if (holders.member_count == 0)
        return hs_complain(HS_EXIT_CLUSTER, "%s: the daemon at %s knows no members (--force)", what,
                           path);
    if (holders.holder_count == holders.member_count) return HS_EXIT_OK;
    return hs_complain(HS_EXIT_CLUSTER,
                       "%s: %u of %u members hold this ring: not %s (copy it there and reload; "
                       "--force leaves them behind)",
                       what, holders.holder_count, holders.member_count, holders.others);
}

/* Nobody has to have a daemon to look at a directory. */
static int show_holders(const struct keys *keys, const struct hs_options *options)
{
    char              path[HS_SOCKET_PATH_BYTES] = "";
    struct hs_holders holders = {0};
    struct hs_err     err = {0};
    char              text[2 * HS_HOLDERS_NAMES_BYTES];
    int               rc = ask_holders(keys, options, path, &holders, &err);

    if (rc && options->value[HS_OPTION_socket] && !options->is_from_environment[HS_OPTION_socket])
        return hs_complain(HS_EXIT_CLUSTER, "keyring list: %s: %s", path, err.text);
    if (rc || holders.member_count == 0) return HS_EXIT_OK;
    (void)snprintf(text, sizeof text, "held by %u of %u members%s%s\n", holders.holder_count,
                   holders.member_count, holders.others[0] ? ": not " : "", holders.others);
    return hs_print_text(STDOUT_FILENO, text) < 0 ? HS_EXIT_OUTPUT : HS_EXIT_OK;
}

static int show(const struct keys *keys)
{
    char line[64];

    for (uint32_t i = 0; i < keys->ring.count; i++) {
        bool is_used = keys->ring.at[i].version == keys->ring.used_version;

        (void)snprintf(line, sizeof line, "version %u%s\n", keys->ring.at[i].version,
                       is_used ? " (seals what is sent)" : "");
        if (hs_print_text(STDOUT_FILENO, line) < 0) return HS_EXIT_OUTPUT;
    }
    return HS_EXIT_OK;
}

struct step {
    const char *what;
    change_fn  *change; /* NULL: only shown */
    bool        needs_holders;
};

/* The step is good in itself before anybody is asked. */
static int take(struct keys *keys, const struct hs_options *options, const struct step *step)
{
    struct keys before = *keys;
    int         rc = step->change(keys);
    int         code = HS_EXIT_OK;

    if (!rc && step->needs_holders) code = check_holders(&before, options, step->what);
    explicit_bzero(&before, sizeof before);
    if (code) return code;
    if (!rc) rc = save(keys);
    return rc ? complain(keys, step->what, options->operand) : show(keys);
}

static int work(const struct hs_options *options, const struct step *step, uint8_t version)
{
    struct keys keys = {.directory_fd = -1, .version = version};
    int         code;

    if (load(&keys, options->operand))
        code = complain(&keys, step->what, options->operand);
    else if (step->change)
        code = take(&keys, options, step);
    else
        code = show(&keys);
    if (!code && !step->change) code = show_holders(&keys, options);
    if (keys.directory_fd >= 0) (void)close(keys.directory_fd);
    explicit_bzero(&keys, sizeof keys);
    return code;
}

static int install(struct keys *keys)
{
    struct hs_keyring fresh;
    int               rc = hs_keyring_generate(&fresh, &keys->err);

    if (!rc) rc = hs_keyring_install(&keys->ring, fresh.at[0].bytes, &keys->version, &keys->err);
    explicit_bzero(&fresh, sizeof fresh);
    return rc;
}

static int use(struct keys *keys)
{
    return hs_keyring_use(&keys->ring, keys->version, &keys->err);
}

static int take_out(struct keys *keys)
{
    return hs_keyring_remove(&keys->ring, keys->version, &keys->err);
}

/* --key; 0: it is missing, or no version, and that has been said: *code. */
static uint8_t key_of(const struct hs_options *options, const char *what, int *code)
{
    const char *text = options->value[HS_OPTION_key];
    uint64_t    version = 0;

    if (text && hs_units_parse_count(hs_view_text(text), &version) == 0 && version > 0 &&
        version <= UINT8_MAX)
        return (uint8_t)version;
    *code = hs_complain(HS_EXIT_USAGE, "%s needs --key VERSION, from 1 to %d", what, UINT8_MAX);
    return 0;
}

int hs_command_keyring_list(const struct hs_options *options)
{
    return work(options, &(struct step){"keyring list", NULL, false}, 0);
}

int hs_command_keyring_install(const struct hs_options *options)
{
    return work(options, &(struct step){"keyring install", install, false}, 0);
}

int hs_command_keyring_use(const struct hs_options *options)
{
    const struct step step = {"keyring use", use, true};
    int               code = HS_EXIT_OK;
    uint8_t           version = key_of(options, step.what, &code);

    return version ? work(options, &step, version) : code;
}

int hs_command_keyring_remove(const struct hs_options *options)
{
    const struct step step = {"keyring remove", take_out, true};
    int               code = HS_EXIT_OK;
    uint8_t           version = key_of(options, step.what, &code);

    return version ? work(options, &step, version) : code;
}
