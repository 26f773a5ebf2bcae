// SPDX-License-Identifier: Apache-2.0
/* config_file.h - the configuration from a file: JSON with comments, every error at once with its
 * place. config_file.c is pure; config_file_io.c reads the file and looks up users and groups, so
 * it belongs into a short-lived process, never into a role. */
#ifndef HS_ROLES_CONFIG_FILE_H
#define HS_ROLES_CONFIG_FILE_H

#include "roles/config.h"
#include "roles/problems.h"

#include <stdio.h>

/* Keys that the text names go into *config, the others keep their value: call hs_config_defaults
 * first. text is changed (comments are blanked). 0, or -EINVAL: problems has errors. */
int hs_config_parse(char *text, size_t bytes, struct hs_config *config,
                    struct hs_problems *problems) HS_MUST_CHECK;

/* "section.key=value" from a command line. -EINVAL, -ERANGE as hs_config_set, -ENOENT: no such
 * key. */
int hs_config_set_named(struct hs_config *config, const char *setting,
                        struct hs_err *err) HS_MUST_CHECK;

struct hs_config_source {
    const char        *path;  /* NULL: no file, the defaults; with a descriptor: its name */
    bool               is_fd; /* the text is read from fd, which stays the caller's */
    int                fd;
    const char *const *settings; /* "section.key=value", over the file's */
    size_t             setting_count;
};

/* Defaults, the file, the settings; then names of users and groups are looked up and node.name is
 * filled in. Problems are printed to errors, warnings too. 0; -EINVAL: the content is wrong; or the
 * errno of opening or reading the file. */
int hs_config_load(const struct hs_config_source *source, struct hs_config *config,
                   FILE *errors) HS_MUST_CHECK;

#endif
