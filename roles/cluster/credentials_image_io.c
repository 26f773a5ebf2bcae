// SPDX-License-Identifier: Apache-2.0
/* credentials_image_io.c - a credentials directory read into an image. */
#include "roles/cluster/credentials_image.h"

#include "roles/cluster/credential_files_io.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

struct file {
    const char *name;
    size_t      length_offset;
    size_t      data_offset;
    size_t      capacity_bytes;
    bool        is_secret;
};

#define FILE_ROW(file_name, member, secret)                                                        \
    {                                                                                              \
        .name = (file_name),                                                                       \
        .length_offset = offsetof(struct hs_credentials_image, member##_bytes),                    \
        .data_offset = offsetof(struct hs_credentials_image, member),                              \
        .capacity_bytes = sizeof(((struct hs_credentials_image *)0)->member),                      \
        .is_secret = (secret)                                                                      \
    }

/* The ring last: not everybody has one. */
static const struct file files[] = {
    FILE_ROW(HS_FILE_KEY, key, true),
    FILE_ROW(HS_FILE_CERTIFICATE, certificate, false),
    FILE_ROW(HS_FILE_AUTHORITY, authority, false),
    FILE_ROW(HS_FILE_REVOKED, revoked, false),
    FILE_ROW(HS_FILE_KEYRING, keyring, true),
};
enum { FILES = sizeof files / sizeof files[0], FILES_OF_CLIENT = FILES - 1 };

static int read_file(struct hs_credentials_image *image, int directory_fd, const struct file *file,
                     struct hs_err *err)
{
    struct hs_writer writer;
    uint32_t         bytes;
    int              rc;

    hs_writer_init(&writer, (uint8_t *)image + file->data_offset, file->capacity_bytes);
    rc = hs_credential_file_read(directory_fd, file->name, file->is_secret, &writer, err);
    if (rc) return rc;
    bytes = (uint32_t)writer.used_bytes;
    memcpy((uint8_t *)image + file->length_offset, &bytes, sizeof bytes);
    return 0;
}

int hs_credentials_image_read(struct hs_credentials_image *image, const char *path, bool is_host,
                              struct hs_err *err)
{
    int fd = hs_credential_directory(path, false, err);
    int rc = 0;

    if (fd < 0) return fd;
    for (size_t i = 0; i < (is_host ? FILES : FILES_OF_CLIENT) && !rc; i++)
        rc = read_file(image, fd, &files[i], err);
    (void)close(fd);
    return rc ? hs_err_wrap(err, "%s", path) : 0;
}
