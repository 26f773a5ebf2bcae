// SPDX-License-Identifier: Apache-2.0
/* config_file_io.c - reads the configuration file and asks the system for users, groups, host
 * name. */
#include "roles/config_file.h"
#include "roles/json_place.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PRINT_BYTES = 64 << 10, ACCOUNT_BUFFER_BYTES = 16 << 10 };

/* One byte more than the limit, so that a file above it is told from one at it. */
enum { READ_BYTES = HS_CONFIG_FILE_BYTES_MAX + 1 };

struct loading {
    struct hs_problems problems;
    size_t             bytes;
    char               text[READ_BYTES];    /* as it stands in the file, for the printed problems */
    char               scratch[READ_BYTES]; /* comments are blanked here */
    char               printed[PRINT_BYTES];
};

static int read_text(struct loading *loading, int fd)
{
    int rc = 0;

    while (loading->bytes < READ_BYTES) {
        ssize_t got = read(fd, loading->text + loading->bytes, READ_BYTES - loading->bytes);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) rc = -errno;
        if (got <= 0) break;
        loading->bytes += (size_t)got;
    }
    return rc;
}

static int read_source(struct loading *loading, const struct hs_config_source *source)
{
    int fd = source->is_fd ? source->fd : open(source->path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : read_text(loading, fd);

    if (fd >= 0 && !source->is_fd) (void)close(fd);
    return rc;
}

static int read_and_parse(struct loading *loading, const struct hs_config_source *source,
                          struct hs_config *config)
{
    struct hs_problem_place nowhere = {0};
    int                     rc = read_source(loading, source);

    if (rc) {
        hs_problems_add(&loading->problems, "E-FILE", nowhere, NULL, "cannot be read: %s",
                        hs_err_code_text(rc));
        return rc;
    }
    memcpy(loading->scratch, loading->text, loading->bytes);
    return hs_config_parse(loading->scratch, loading->bytes, config, &loading->problems);
}

static bool find_user(const char *name, struct hs_config_account *account)
{
    char           buffer[ACCOUNT_BUFFER_BYTES];
    struct passwd  user;
    struct passwd *found = NULL;

    if (getpwnam_r(name, &user, buffer, sizeof buffer, &found) != 0 || !found) return false;
    account->uid = found->pw_uid;
    account->gid = found->pw_gid;
    return true;
}

static bool find_group(const char *name, struct hs_config_account *account)
{
    char          buffer[ACCOUNT_BUFFER_BYTES];
    struct group  group;
    struct group *found = NULL;

    if (getgrnam_r(name, &group, buffer, sizeof buffer, &found) != 0 || !found) return false;
    account->gid = found->gr_gid;
    return true;
}

/* Only root can become somebody else: for others a missing user is worth a word, no more. */
static void look_up(struct loading *loading, struct hs_config *config,
                    const struct hs_config_key *key)
{
    struct hs_config_account *account = (void *)((char *)config + key->offset_bytes);
    bool                      is_group = key->type == HS_CONFIG_GROUP;
    char                      pointer[128];

    HS_ASSERT(key->field_bytes == sizeof *account);
    if (!account->name[0]) return;
    account->is_found =
        is_group ? find_group(account->name, account) : find_user(account->name, account);
    if (account->is_found) return;
    (void)snprintf(pointer, sizeof pointer, "/%s/%s", key->section, key->name);
    hs_problems_add(
        &loading->problems, geteuid() == 0 ? "E-USER" : "W-USER",
        hs_json_locate(hs_view_of(loading->scratch, loading->bytes), pointer, HS_JSON_VALUE), NULL,
        "no %s \"%s\" on this host (make install creates those of its file)",
        is_group ? "group" : "user", account->name);
}

/* The first label of the host's name, made to look like a NAME. */
static void fill_node_name(struct hs_config *config)
{
    char   name[HS_NAME_BYTES] = "";
    size_t i = 0;

    if (config->node.name[0]) return;
    if (gethostname(name, sizeof name - 1) != 0) name[0] = 0;
    for (; name[i] && name[i] != '.'; i++) {
        bool is_capital = name[i] >= 'A' && name[i] <= 'Z';
        bool is_plain =
            (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || is_capital;

        if (is_capital) name[i] = (char)(name[i] - 'A' + 'a');
        if (!is_plain) name[i] = i ? '-' : 'h';
    }
    name[i] = 0;
    (void)snprintf(config->node.name, sizeof config->node.name, "%s", i ? name : "host");
}

static void apply_settings(struct loading *loading, const struct hs_config_source *source,
                           struct hs_config *config)
{
    struct hs_problem_place nowhere = {0};

    for (size_t i = 0; i < source->setting_count; i++) {
        struct hs_err err;

        if (hs_config_set_named(config, source->settings[i], &err))
            hs_problems_add(&loading->problems, "E-VALUE", nowhere, NULL, "%s", err.text);
    }
}

static void add_contradiction(void *context, const char *section, const char *key,
                              const char *message)
{
    struct loading         *loading = context;
    struct hs_problem_place nowhere = {0};

    hs_problems_add(&loading->problems, "E-EXCL", nowhere, NULL, "%s.%s: %s", section, key,
                    message);
}

static int fill(struct loading *loading, const struct hs_config_source *source,
                struct hs_config *config)
{
    hs_config_defaults(config);
    if (source->path || source->is_fd) {
        int rc = read_and_parse(loading, source, config);

        if (rc) return rc;
    }
    apply_settings(loading, source, config);
    if (!loading->problems.errors && source->setting_count)
        hs_config_cross_check(config, add_contradiction, loading);
    for (size_t i = 0; i < hs_config_key_count(); i++) {
        const struct hs_config_key *key = hs_config_key_at(i);

        if (key->type == HS_CONFIG_USER || key->type == HS_CONFIG_GROUP)
            look_up(loading, config, key);
    }
    fill_node_name(config);
    return loading->problems.errors ? -EINVAL : 0;
}

int hs_config_load(const struct hs_config_source *source, struct hs_config *config, FILE *errors)
{
    struct loading  *loading = calloc(1, sizeof *loading);
    struct hs_writer out;
    int              rc;

    if (!loading) return -ENOMEM;
    hs_problems_init(&loading->problems);
    rc = fill(loading, source, config);
    hs_writer_init(&out, loading->printed, sizeof loading->printed);
    hs_problems_print(&loading->problems, source->path ? source->path : "configuration",
                      hs_view_of(loading->text, loading->bytes), &out);
    if (fwrite(loading->printed, 1, out.used_bytes, errors) != out.used_bytes && !rc) rc = -EIO;
    free(loading);
    return rc;
}
