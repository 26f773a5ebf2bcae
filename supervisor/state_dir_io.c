// SPDX-License-Identifier: Apache-2.0
/* state_dir_io.c - locks, identity, incarnation, ledger files. */
#include "supervisor/state_dir_io.h"

#include "roles/config.h"
#include "shm/base/bytes.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define REMNANTS_TIMEOUT_NS (5 * HS_NS_PER_S) /* reliability.md 2.8 */

enum { REMNANTS_POLL_MS = 20, IDENTITY_BYTES = 32, IDENTITY_MAGIC = 0x48534931 };

static int try_lock(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return 0;
    return errno == EACCES ? -EAGAIN : -errno;
}

static int open_lock(int dir_fd, const char *dir, const char *name, struct hs_err *err)
{
    int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    return fd < 0 ? hs_err_set(err, -errno, "open %s/%s", dir, name) : fd;
}

static int lock_instance(struct hs_tree *tree, int dir_fd, const char *dir, struct hs_err *err)
{
    int rc;

    tree->instance_lock_fd = open_lock(dir_fd, dir, "hyperscaled.lock", err);
    if (tree->instance_lock_fd < 0) return tree->instance_lock_fd;
    rc = try_lock(tree->instance_lock_fd);
    if (rc == -EAGAIN) return hs_err_set(err, -EBUSY, "another instance runs in %s", dir);
    return rc < 0 ? hs_err_set(err, rc, "lock %s/hyperscaled.lock", dir) : 0;
}

/* Every child of a tree holds this description open, and with it the lock: while one of a killed
 * supervisor's lives, no new tree may begin. */
static int lock_out_remnants(struct hs_tree *tree, int dir_fd, const char *dir, struct hs_err *err)
{
    uint64_t deadline_ns = hs_supervisor_clock_ns() + REMNANTS_TIMEOUT_NS;
    int      rc;

    tree->children_lock_fd = open_lock(dir_fd, dir, "children.lock", err);
    if (tree->children_lock_fd < 0) return tree->children_lock_fd;
    while ((rc = try_lock(tree->children_lock_fd)) == -EAGAIN &&
           hs_supervisor_clock_ns() < deadline_ns)
        (void)poll(NULL, 0, REMNANTS_POLL_MS);
    if (rc == -EAGAIN)
        return hs_err_set(err, -EBUSY, "processes of an earlier instance still run in %s", dir);
    return rc < 0 ? hs_err_set(err, rc, "lock %s/children.lock", dir) : 0;
}

static int mint(uint8_t *bytes, size_t count, struct hs_err *err)
{
    ssize_t got = getrandom(bytes, count, 0);

    return got == (ssize_t)count ? 0 : hs_err_set(err, -EIO, "random bytes for the host id");
}

/* identity: magic u32, host id 16, incarnation u64, crc u32; little-endian. */
static int read_identity(int dir_fd, uint8_t host_id[16], uint64_t *incarnation)
{
    uint8_t          bytes[IDENTITY_BYTES];
    struct hs_reader reader;
    int              fd = openat(dir_fd, "identity", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t          got;

    if (fd < 0) return -errno;
    got = read(fd, bytes, sizeof bytes);
    (void)close(fd);
    if (got != IDENTITY_BYTES) return -EPROTO;
    hs_reader_init(&reader, hs_view_of(bytes, sizeof bytes));
    if (hs_get_u32le(&reader) != IDENTITY_MAGIC) return -EPROTO;
    memcpy(host_id, hs_get_view(&reader, 16).data, 16);
    *incarnation = hs_get_u64le(&reader);
    if (hs_get_u32le(&reader) != hs_crc32c(0, bytes, sizeof bytes - 4)) return -EPROTO;
    return hs_reader_finish(&reader);
}

/* Whole or not at all, and on disk before anybody hears of it. */
static int write_identity(int dir_fd, const uint8_t host_id[16], uint64_t incarnation)
{
    uint8_t          bytes[IDENTITY_BYTES];
    struct hs_writer writer;
    ssize_t          written;
    int              rc = 0;
    int              fd =
        openat(dir_fd, "identity.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) return -errno;
    hs_writer_init(&writer, bytes, sizeof bytes);
    hs_put_u32le(&writer, IDENTITY_MAGIC);
    hs_put_bytes(&writer, host_id, 16);
    hs_put_u64le(&writer, incarnation);
    hs_put_u32le(&writer, hs_crc32c(0, bytes, sizeof bytes - 4));
    written = write(fd, bytes, sizeof bytes);
    if (written != (ssize_t)sizeof bytes) rc = written < 0 ? -errno : -ENOSPC;
    if (rc == 0 && fsync(fd) < 0) rc = -errno;
    (void)close(fd);
    if (rc == 0 && renameat(dir_fd, "identity.new", dir_fd, "identity") < 0) rc = -errno;
    return rc == 0 && fsync(dir_fd) < 0 ? -errno : rc;
}

static int take_identity(struct hs_tree *tree, int dir_fd, const char *dir, struct hs_err *err)
{
    struct hs_host_summary *summary = &tree->summary;
    int                     rc;

    rc = read_identity(dir_fd, summary->host_id, &summary->incarnation);
    if (rc == -ENOENT) {
        summary->incarnation = 0;
        rc = mint(summary->host_id, sizeof summary->host_id, err);
    }
    /* A damaged identity is not guessed at: peers would take this host for another one. */
    if (rc == -EPROTO)
        return hs_err_set(err, rc,
                          "%s/identity is damaged: restore it, or remove it for a new host", dir);
    if (rc < 0) return hs_err_set(err, rc, "read %s/identity", dir);
    summary->incarnation++;
    rc = write_identity(dir_fd, summary->host_id, summary->incarnation);
    return rc < 0 ? hs_err_set(err, rc, "write %s/identity", dir) : 0;
}

static int open_ledgers(int dir_fd, const char *dir, const char *role, int fds[2],
                        struct hs_err *err)
{
    for (unsigned i = 0; i < 2; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "%s.%c.log", role, 'a' + (int)i);
        fds[i] = openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fds[i] < 0) return hs_err_set(err, -errno, "open %s/%s", dir, name);
    }
    return fsync(dir_fd) < 0 ? hs_err_set(err, -errno, "flush the directory %s", dir) : 0;
}

/* dir and what is above it; an existing one keeps its permissions. */
static int make_dir(const char *dir)
{
    char path[256];

    if ((size_t)snprintf(path, sizeof path, "%s", dir) >= sizeof path) return -ENAMETOOLONG;
    for (char *at = path + 1; *at; at++) {
        if (*at != '/') continue;
        *at = '\0';
        if (mkdir(path, 0755) < 0 && errno != EEXIST) return -errno;
        *at = '/';
    }
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int hs_state_dir_open(struct hs_tree *tree, struct hs_err *err)
{
    const struct hs_config *config = tree->held.config;
    const char             *dir = config->paths.state_dir;
    int                     rc = make_dir(dir);
    int                     dir_fd;

    if (rc < 0) return hs_err_set(err, rc, "make state directory %s", dir);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) return hs_err_set(err, -errno, "open state directory %s", dir);
    rc = lock_instance(tree, dir_fd, dir, err);
    if (rc == 0) rc = lock_out_remnants(tree, dir_fd, dir, err);
    if (rc == 0) rc = take_identity(tree, dir_fd, dir, err);
    if (rc == 0 && config->roles.gate)
        rc = open_ledgers(dir_fd, dir, "gate", tree->gate_ledger_fd, err);
    if (rc == 0 && config->roles.manager)
        rc = open_ledgers(dir_fd, dir, "manager", tree->manager_ledger_fd, err);
    (void)close(dir_fd);
    return rc;
}

/* An unlinked file where the file system can make one; else memory. */
static int open_nameless(int fds[2], struct hs_err *err)
{
    const char *dir = secure_getenv("TMPDIR");

    for (unsigned i = 0; i < 2; i++) {
        fds[i] = open(dir && *dir ? dir : "/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
        if (fds[i] < 0) fds[i] = memfd_create("ledger", MFD_CLOEXEC);
        if (fds[i] < 0) return hs_err_set(err, -errno, "make a file without a name");
    }
    return 0;
}

int hs_state_dir_open_nameless(struct hs_tree *tree, struct hs_err *err)
{
    int rc = mint(tree->summary.host_id, sizeof tree->summary.host_id, err);

    tree->summary.incarnation = 1;
    if (rc == 0) rc = open_nameless(tree->gate_ledger_fd, err);
    return rc == 0 ? open_nameless(tree->manager_ledger_fd, err) : rc;
}

void hs_state_dir_node_id(const uint8_t host_id[16], enum hs_role_kind kind, unsigned idx,
                          uint8_t node_id[16])
{
    struct hs_rand rand;
    uint64_t       halves[2];

    /* One role of a host must differ from the next, nothing more: the host's id has the chance. */
    memcpy(halves, host_id, sizeof halves);
    hs_rand_init(&rand, halves[0] ^ ((uint64_t)kind << 32 | idx));
    halves[0] = hs_rand_next(&rand);
    rand.state ^= halves[1];
    halves[1] = hs_rand_next(&rand);
    memcpy(node_id, halves, sizeof halves);
}
