// SPDX-License-Identifier: Apache-2.0
/* credential_files_io.c - files that are there whole, and some that only their owner may see. */
#include "roles/cluster/credential_files_io.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEMPORARY_BYTES = 64, DIRECTORY_MODE = 0700, SECRET_MODE = 0600, PUBLIC_MODE = 0644 };

int hs_credential_directory(const char *path, bool is_made, struct hs_err *err)
{
    struct stat status;
    int         fd;
    int         rc;

    if (is_made && mkdir(path, DIRECTORY_MODE) != 0 && errno != EEXIST)
        return hs_err_set(err, -errno, "%s cannot be made", path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return hs_err_set(err, -errno, "%s", path);
    rc = fstat(fd, &status) == 0 ? 0 : -errno;
    if (rc)
        (void)hs_err_set(err, rc, "%s", path);
    else if (status.st_mode & (S_IWGRP | S_IWOTH))
        rc = hs_err_refuse(err, "%s can be written by others (mode %04o): chmod go-w %s", path,
                           status.st_mode & 07777, path);
    if (!rc) return fd;
    (void)close(fd);
    return rc;
}

int hs_credential_lock(int directory_fd, struct hs_err *err)
{
    while (flock(directory_fd, LOCK_EX) != 0)
        if (errno != EINTR) return hs_err_set(err, -errno, "it cannot be locked");
    return 0;
}

static int write_all(int fd, struct hs_view content)
{
    size_t at = 0;

    while (at < content.bytes) {
        ssize_t bytes = write(fd, content.data + at, content.bytes - at);

        if (bytes < 0 && errno == EINTR) continue;
        if (bytes < 0) return -errno;
        at += (size_t)bytes;
    }
    return fsync(fd) == 0 ? 0 : -errno;
}

static void temporary_name(const char *name, char text[TEMPORARY_BYTES])
{
    (void)snprintf(text, TEMPORARY_BYTES, ".%s.%d", name, (int)getpid());
}

static int write_temporary(int directory_fd, const struct hs_credential_file *file)
{
    char   name[TEMPORARY_BYTES];
    mode_t mode = file->is_secret ? SECRET_MODE : PUBLIC_MODE;
    int    rc;
    int    fd;

    temporary_name(file->name, name);
    fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0) return -errno;
    rc = fchmod(fd, mode) == 0 ? write_all(fd, file->content) : -errno;
    if (close(fd) != 0 && !rc) rc = -errno;
    return rc;
}

static int rename_into_place(int directory_fd, const struct hs_credential_file *file,
                             bool is_forced)
{
    char name[TEMPORARY_BYTES];

    temporary_name(file->name, name);
    return renameat2(directory_fd, name, directory_fd, file->name,
                     is_forced ? 0 : RENAME_NOREPLACE) == 0
               ? 0
               : -errno;
}

static void remove_temporaries(int directory_fd, const struct hs_credential_file *files,
                               unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char name[TEMPORARY_BYTES];

        temporary_name(files[i].name, name);
        (void)unlinkat(directory_fd, name, 0);
    }
}

static int refuse_existing(int directory_fd, const struct hs_credential_file *files, unsigned count,
                           struct hs_err *err)
{
    struct stat status;

    for (unsigned i = 0; i < count; i++)
        if (fstatat(directory_fd, files[i].name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
            (void)hs_err_refuse(err, "%s is there already: --force overwrites it", files[i].name);
            if (err) err->code = -EEXIST;
            return -EEXIST;
        }
    return 0;
}

static int put_in_place(int directory_fd, const struct hs_credential_file *files, unsigned count,
                        bool is_forced, struct hs_err *err)
{
    for (unsigned i = 0; i < count; i++) {
        int rc = rename_into_place(directory_fd, &files[i], is_forced);

        if (!rc) continue;
        while (i-- > 0 && !is_forced) (void)unlinkat(directory_fd, files[i].name, 0);
        return hs_err_set(err, rc, "a file cannot be put in its place");
    }
    if (fsync(directory_fd) == 0) return 0;
    return hs_err_set(err, -errno, "the directory cannot be synced");
}

int hs_credential_files_write(int directory_fd, const struct hs_credential_file *files,
                              unsigned count, bool is_forced, struct hs_err *err)
{
    int rc = is_forced ? 0 : refuse_existing(directory_fd, files, count, err);

    HS_ASSERT(count <= HS_CREDENTIAL_FILES_MAX);
    if (rc) return rc;
    for (unsigned i = 0; i < count && !rc; i++) {
        rc = write_temporary(directory_fd, &files[i]);
        if (rc) (void)hs_err_set(err, rc, "%s cannot be written", files[i].name);
    }
    if (!rc) rc = put_in_place(directory_fd, files, count, is_forced, err);
    if (rc) remove_temporaries(directory_fd, files, count);
    return rc;
}

static int check_file(int fd, const char *name, bool is_secret, struct hs_err *err)
{
    struct stat status;

    if (fstat(fd, &status) != 0) return hs_err_set(err, -errno, "%s", name);
    if (!S_ISREG(status.st_mode)) return hs_err_refuse(err, "%s is no file", name);
    if (!is_secret || !(status.st_mode & (S_IRWXG | S_IRWXO))) return 0;
    (void)hs_err_refuse(err, "%s is open to others than its owner (mode %04o): chmod 600 it", name,
                        status.st_mode & 07777);
    if (err) err->code = -EPERM;
    return -EPERM;
}

static int read_all(int fd, const char *name, struct hs_writer *out, struct hs_err *err)
{
    while (out->used_bytes < out->capacity_bytes) {
        ssize_t bytes =
            read(fd, out->data + out->used_bytes, out->capacity_bytes - out->used_bytes);

        if (bytes < 0 && errno == EINTR) continue;
        if (bytes < 0) return hs_err_set(err, -errno, "%s", name);
        if (bytes == 0) return 0;
        out->used_bytes += (size_t)bytes;
    }
    return hs_err_set(err, -EMSGSIZE, "%s has %zu bytes or more", name, out->capacity_bytes);
}

int hs_credential_file_read(int directory_fd, const char *name, bool is_secret,
                            struct hs_writer *out, struct hs_err *err)
{
    int fd = openat(directory_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int rc;

    if (fd < 0) return hs_err_set(err, -errno, "%s", name);
    rc = check_file(fd, name, is_secret, err);
    if (!rc) rc = read_all(fd, name, out, err);
    (void)close(fd);
    return rc;
}

int hs_credential_file_append(int directory_fd, const char *name, struct hs_view line,
                              struct hs_err *err)
{
    struct stat before;
    int         rc = 0;
    int fd = openat(directory_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                    SECRET_MODE);

    if (fd < 0) return hs_err_set(err, -errno, "%s", name);
    if (fstat(fd, &before) != 0) rc = -errno;
    if (!rc) rc = write_all(fd, line);
    if (rc) HS_IGNORE(ftruncate(fd, before.st_size), "the disk is full: half a line is no serial");
    if (close(fd) != 0 && !rc) rc = -errno;
    if (rc) return hs_err_set(err, rc, "%s cannot be written", name);
    return 0;
}
