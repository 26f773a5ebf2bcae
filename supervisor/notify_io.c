// SPDX-License-Identifier: Apache-2.0
/* notify_io.c - one datagram per state, to the socket that the environment names. */
#include "supervisor/notify_io.h"

#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void hs_notify(const char *state)
{
    const char        *name = secure_getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t             bytes = name ? strlen(name) : 0;
    int                fd;

    if (!bytes || bytes >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@')) return;
    memcpy(address.sun_path, name, bytes);
    if (name[0] == '@') address.sun_path[0] = '\0'; /* an abstract name */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return;
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes)) < 0)
        hs_log(HS_LOG_DEBUG, "notify", "not_told reason=\"%s\"", hs_err_code_text(-errno));
    (void)close(fd);
}

void hs_notify_reloading(uint64_t now_ns)
{
    char text[64];

    (void)snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                   now_ns / HS_NS_PER_US);
    hs_notify(text);
}

uint64_t hs_notify_interval_ns(void)
{
    const char *period = secure_getenv("WATCHDOG_USEC");
    const char *pid = secure_getenv("WATCHDOG_PID");

    if (!period || !secure_getenv("NOTIFY_SOCKET")) return 0;
    if (pid && strtoull(pid, NULL, 10) != (unsigned long long)getpid()) return 0;
    return strtoull(period, NULL, 10) * HS_NS_PER_US / 2;
}
