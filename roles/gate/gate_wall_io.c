// SPDX-License-Identifier: Apache-2.0
/* gate_wall_io.c - asks the host's clock. */
#include "roles/gate/gate_wall_io.h"

#include "shm/base/time.h"

#include <time.h>

uint64_t hs_gate_wall_ns(void *self)
{
    struct timespec now;

    (void)self;
    if (clock_gettime(CLOCK_REALTIME, &now) < 0 || now.tv_sec < 0) return 0;
    return (uint64_t)now.tv_sec * HS_NS_PER_S + (uint64_t)now.tv_nsec;
}
