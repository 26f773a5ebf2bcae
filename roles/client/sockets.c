// SPDX-License-Identifier: Apache-2.0
/* sockets.c - the two sockets of a run directory. */
#include "roles/client/sockets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char usual_dir[] = "/run/hyperscale";

static const char *const names[] = {
    [HS_SOCKET_GATE] = "gate.sock", [HS_SOCKET_STATUS] = "status.sock"};

static bool is_known_name(const char *name)
{
    return strcmp(name, names[HS_SOCKET_GATE]) == 0 || strcmp(name, names[HS_SOCKET_STATUS]) == 0;
}

static bool is_socket_name(const char *name)
{
    size_t bytes = strlen(name);

    return bytes > 5 && strcmp(name + bytes - 5, ".sock") == 0;
}

int hs_socket_path(const char *given, enum hs_socket which, char path[HS_SOCKET_PATH_BYTES],
                   struct hs_err *err)
{
    const char *from = given ? given : usual_dir;
    const char *slash = strrchr(from, '/');
    const char *name = slash ? slash + 1 : from;
    int         dir_bytes = (int)strlen(from);
    int         bytes;

    if (is_known_name(name)) {
        dir_bytes = slash ? (int)(slash - from) : 0;
    } else if (is_socket_name(name)) {
        bytes = snprintf(path, HS_SOCKET_PATH_BYTES, "%s", from);
        return bytes < HS_SOCKET_PATH_BYTES ? 0 : hs_err_set(err, -EINVAL, "--socket: too long");
    }
    bytes = snprintf(path, HS_SOCKET_PATH_BYTES, "%.*s%s%s", dir_bytes, from,
                     is_known_name(name) && !slash ? "" : "/", names[which]);
    return bytes < HS_SOCKET_PATH_BYTES ? 0 : hs_err_set(err, -EINVAL, "--socket: too long");
}
