// SPDX-License-Identifier: Apache-2.0
/* notify_io.h - tells a service manager (systemd's sd_notify protocol, without its library) how the
 * daemon is doing. Without one, nothing happens. */
#ifndef HS_SUPERVISOR_NOTIFY_IO_H
#define HS_SUPERVISOR_NOTIFY_IO_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1"; several lines separated by line feeds. */
void hs_notify(const char *state);
/* With the monotonic time that the protocol wants of a reload. */
void hs_notify_reloading(uint64_t now_ns);
/* How often WATCHDOG=1 is to be said: half of what the service manager asks for; 0: never. */
uint64_t hs_notify_interval_ns(void);

#endif
