// SPDX-License-Identifier: Apache-2.0
/* listen_io.c - UNIX sockets in the run directory, the metrics port, and where other hosts come
 * in. */
#include "supervisor/listen_io.h"

#include "ipc/addr.h"
#include "roles/config.h"
#include "supervisor/jail_io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 128, SILENCE_TRIES = 20, SILENCE_POLL_MS = 50 };

static int fill_address(struct sockaddr_un *address, const char *dir, const char *name)
{
    int bytes;

    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    bytes = snprintf(address->sun_path, sizeof address->sun_path, "%s/%s", dir, name);
    return bytes < 0 || (size_t)bytes >= sizeof address->sun_path ? -ENAMETOOLONG : 0;
}

static int connect_unix(const char *dir, const char *name)
{
    struct sockaddr_un address;
    int                rc = fill_address(&address, dir, name);
    int                fd;

    if (rc < 0) return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
    rc = -errno;
    (void)close(fd);
    return rc;
}

int hs_listen_connect_status(const char *run_dir)
{
    return connect_unix(run_dir, HS_STATUS_SOCKET);
}

/* The kernel takes the rings of a dead process apart a little later than the process, and they hold
 * its sockets. 0: nobody answers (any more). */
static int await_silence(const char *dir, const char *name)
{
    for (unsigned i = 0;; i++) {
        int fd = connect_unix(dir, name);

        if (fd < 0) return fd == -ECONNREFUSED ? 0 : fd;
        (void)close(fd);
        if (i == SILENCE_TRIES) return -EBUSY;
        (void)poll(NULL, 0, SILENCE_POLL_MS);
    }
}

/* A name left by a killed daemon goes; one that somebody listens on is not ours. */
static int remove_stale(const char *dir, const char *name, const char *path, struct hs_err *err)
{
    struct stat about;
    int         rc;

    if (lstat(path, &about) < 0)
        return errno == ENOENT ? 0 : hs_err_set(err, -errno, "look at %s", path);
    if (!S_ISSOCK(about.st_mode)) return hs_err_set(err, -EEXIST, "%s is not a socket", path);
    rc = await_silence(dir, name);
    if (rc == -EBUSY) return hs_err_set(err, rc, "another instance answers at %s", path);
    if (rc < 0) return hs_err_set(err, rc, "is anybody behind %s?", path);
    return unlink(path) < 0 ? hs_err_set(err, -errno, "remove %s", path) : 0;
}

/* EINVAL: the root of a user namespace in which there is no such group. It stays root's alone. */
static int give_to_group(const char *path, const struct hs_config *config)
{
    return chown(path, 0, hs_jail_group(config)) < 0 && errno != EINVAL ? -errno : 0;
}

static int listen_unix(const struct hs_tree *tree, const char *name, uint32_t mode,
                       struct hs_err *err)
{
    const struct hs_config *config = tree->held.config;
    struct sockaddr_un      address;
    mode_t                  old_mask;
    int                     rc = fill_address(&address, config->paths.run_dir, name);
    int                     fd;

    if (rc < 0) return hs_err_set(err, rc, "%s/%s", config->paths.run_dir, name);
    rc = remove_stale(config->paths.run_dir, name, address.sun_path, err);
    if (rc < 0) return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return hs_err_set(err, -errno, "socket for %s", address.sun_path);
    old_mask = umask(0177); /* nobody else until mode and group are right */
    rc = bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
    (void)umask(old_mask);
    if (rc == 0 && tree->is_root) rc = give_to_group(address.sun_path, config);
    if (rc == 0 && chmod(address.sun_path, mode) < 0) rc = -errno;
    if (rc == 0 && listen(fd, LISTEN_BACKLOG) < 0) rc = -errno;
    if (rc == 0) return fd;
    (void)close(fd);
    return hs_err_set(err, rc, "listen on %s", address.sun_path);
}

static int listen_tcp(const struct hs_addr *addr, struct hs_err *err)
{
    union hs_addr_sockaddr sockaddr;
    char                   text[HS_ADDR_TEXT_BYTES];
    int                    one = 1;
    int                    rc = 0;
    socklen_t              bytes = (socklen_t)hs_addr_to_sockaddr(addr, &sockaddr);
    int fd = socket(sockaddr.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    hs_addr_format(addr, text, sizeof text);
    if (fd < 0) return hs_err_set(err, -errno, "socket for %s", text);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, &sockaddr.any, bytes) < 0 || listen(fd, LISTEN_BACKLOG) < 0) rc = -errno;
    if (rc == 0) return fd;
    (void)close(fd);
    return hs_err_set(err, rc, "listen on %s", text);
}

/* 0750 root:group, also when a service manager has made it root:root for us; one that belongs to
 * somebody else stays as it was set up. */
static int make_run_dir(const struct hs_tree *tree, struct hs_err *err)
{
    const struct hs_config *config = tree->held.config;
    const char             *dir = config->paths.run_dir;
    struct stat             about;
    int                     rc;

    if (mkdir(dir, 0750) < 0 && errno != EEXIST)
        return hs_err_set(err, -errno, "make run directory %s", dir);
    if (stat(dir, &about) < 0 || !S_ISDIR(about.st_mode))
        return hs_err_set(err, -ENOTDIR, "run directory %s", dir);
    if (!tree->is_root || about.st_uid != 0 || about.st_gid != 0) return 0;
    rc = give_to_group(dir, config);
    return rc < 0 ? hs_err_set(err, rc, "give run directory %s to its group", dir) : 0;
}

static int bind_udp(const struct hs_addr *addr, struct hs_err *err)
{
    union hs_addr_sockaddr sockaddr;
    char                   text[HS_ADDR_TEXT_BYTES];
    int                    rc;
    socklen_t              bytes = (socklen_t)hs_addr_to_sockaddr(addr, &sockaddr);
    int fd = socket(sockaddr.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    hs_addr_format(addr, text, sizeof text);
    if (fd < 0) return hs_err_set(err, -errno, "datagram socket for %s", text);
    if (bind(fd, &sockaddr.any, bytes) == 0) return fd;
    rc = -errno;
    (void)close(fd);
    return hs_err_set(err, rc, "take datagrams at %s", text);
}

/* The configuration has an address only for a role that runs here: connections, datagrams, and at
 * any port of it where it asks out of band. */
static int listen_cluster(const struct hs_addr *addr, int *listen_fd, int *datagram_fd, int *ask_fd,
                          struct hs_err *err)
{
    struct hs_addr any_port = *addr;

    if (addr->family == HS_ADDR_NONE) return 0;
    *listen_fd = listen_tcp(addr, err);
    if (*listen_fd < 0) return *listen_fd;
    *datagram_fd = bind_udp(addr, err);
    if (*datagram_fd < 0) return *datagram_fd;
    any_port.port = 0;
    *ask_fd = bind_udp(&any_port, err);
    return *ask_fd < 0 ? *ask_fd : 0;
}

int hs_listen_open(struct hs_tree *tree, struct hs_err *err)
{
    const struct hs_config *config = tree->held.config;
    int                     rc = make_run_dir(tree, err);

    if (rc < 0) return rc;
    if (config->roles.console) {
        rc = listen_unix(tree, HS_STATUS_SOCKET, config->console.socket_mode, err);
        if (rc < 0) return rc;
        tree->status_listen_fd = rc;
    }
    if (config->roles.console && config->console.metrics_address.family != HS_ADDR_NONE) {
        rc = listen_tcp(&config->console.metrics_address, err);
        if (rc < 0) return rc;
        tree->metrics_listen_fd = rc;
    }
    if (config->roles.gate) {
        rc = listen_unix(tree, HS_CLIENT_SOCKET, config->gate.socket_mode, err);
        if (rc < 0) return rc;
        tree->client_listen_fd = rc;
    }
    rc = listen_cluster(&config->cluster.gate_address, &tree->gate_listen_fd,
                        &tree->gate_datagram_fd, &tree->gate_ask_fd, err);
    if (rc < 0) return rc;
    rc = listen_cluster(&config->cluster.manager_address, &tree->manager_listen_fd,
                        &tree->manager_datagram_fd, &tree->manager_ask_fd, err);
    if (rc < 0 || config->cluster.health_address.family == HS_ADDR_NONE) return rc;
    tree->health_fd = bind_udp(&config->cluster.health_address, err);
    return tree->health_fd < 0 ? tree->health_fd : 0;
}

static void remove_name(const struct hs_tree *tree, int fd, const char *name)
{
    struct sockaddr_un address;

    if (fd < 0 || fill_address(&address, tree->held.config->paths.run_dir, name) < 0) return;
    (void)unlink(address.sun_path);
}

void hs_listen_close(struct hs_tree *tree)
{
    remove_name(tree, tree->status_listen_fd, HS_STATUS_SOCKET);
    remove_name(tree, tree->client_listen_fd, HS_CLIENT_SOCKET);
}
