// SPDX-License-Identifier: Apache-2.0
/* keyring_io.c - `hyperscale keyring list|install|use|remove`: the gossip keys in a directory, an
 * authority's or a node's. Never prints a key. */
#include "roles/client/commands.h"

#include "roles/client/exit_code.h"
#include "roles/client/print_io.h"
#include "roles/cluster/authority_io.h"
#include "roles/cluster/credential_files_io.h"
#include "shm/base/units.h"

#include <errno.h>
#include <stdio.h>
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

/* change NULL: only shown. */
static int work(const struct hs_options *options, const char *what, uint8_t version,
                change_fn *change)
{
    struct keys keys = {.directory_fd = -1, .version = version};
    int         rc = load(&keys, options->operand);
    int         code;

    if (!rc && change) rc = change(&keys);
    if (!rc && change) rc = save(&keys);
    code = rc ? complain(&keys, what, options->operand) : show(&keys);
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
    return work(options, "keyring list", 0, NULL);
}

int hs_command_keyring_install(const struct hs_options *options)
{
    return work(options, "keyring install", 0, install);
}

int hs_command_keyring_use(const struct hs_options *options)
{
    int     code = HS_EXIT_OK;
    uint8_t version = key_of(options, "keyring use", &code);

    return version ? work(options, "keyring use", version, use) : code;
}

int hs_command_keyring_remove(const struct hs_options *options)
{
    int     code = HS_EXIT_OK;
    uint8_t version = key_of(options, "keyring remove", &code);

    return version ? work(options, "keyring remove", version, take_out) : code;
}
