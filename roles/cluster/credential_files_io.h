// SPDX-License-Identifier: Apache-2.0
/* credential_files_io.h - certificates, keys and key rings as files: several are written whole or
 * not at all, none is overwritten unasked, and no secret is read that others can read too. Does not
 * look into them. */
#ifndef HS_CLUSTER_CREDENTIAL_FILES_IO_H
#define HS_CLUSTER_CREDENTIAL_FILES_IO_H

#include "shm/base/bytes.h"

/* The names, the same in an authority's directory and in a node's. */
#define HS_FILE_AUTHORITY     "ca.crt"
#define HS_FILE_AUTHORITY_KEY "ca.key"
#define HS_FILE_REVOKED       "crl.pem"
#define HS_FILE_KEYRING       "gossip.keys"
#define HS_FILE_ISSUED        "issued"
#define HS_FILE_CERTIFICATE   "node.crt"
#define HS_FILE_KEY           "node.key"

enum { HS_CREDENTIAL_FILES_MAX = 6 };

struct hs_credential_file {
    const char    *name;
    bool           is_secret; /* 0600, else 0644 */
    struct hs_view content;
};

/* Opens a directory, or makes it with mode 0700; others may not be able to write into it. Returns a
 * descriptor. */
int hs_credential_directory(const char *path, bool is_made, struct hs_err *err) HS_MUST_CHECK;
/* Waits until no other process has the directory locked; closing the descriptor unlocks. */
int hs_credential_lock(int directory_fd, struct hs_err *err) HS_MUST_CHECK;

/* Each is written under another name, synced, and only then takes its own. Without is_forced one
 * that is there already is -EEXIST, and after any failure none of them is there; with it, what was
 * there before stays if one cannot be written. */
int hs_credential_files_write(int directory_fd, const struct hs_credential_file *files,
                              unsigned count, bool is_forced, struct hs_err *err) HS_MUST_CHECK;
/* -EMSGSIZE: it does not fit; -EPERM: a secret that its group or others can read. */
int hs_credential_file_read(int directory_fd, const char *name, bool is_secret,
                            struct hs_writer *out, struct hs_err *err) HS_MUST_CHECK;
/* One line at the end, all of it and synced, or none of it. */
int hs_credential_file_append(int directory_fd, const char *name, struct hs_view line,
                              struct hs_err *err) HS_MUST_CHECK;

#endif
