// SPDX-License-Identifier: Apache-2.0
/* gate_wall_io.h - what time of day it is, for the ages of jobs that outlive a boot. To be shown;
 * nothing is decided by it. */
#ifndef HS_GATE_GATE_WALL_IO_H
#define HS_GATE_GATE_WALL_IO_H

#include <stdint.h>

uint64_t hs_gate_wall_ns(void *self); /* since 1970; 0: not known. self is not used */

#endif
