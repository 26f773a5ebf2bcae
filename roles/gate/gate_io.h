// SPDX-License-Identifier: Apache-2.0
/* gate_io.h - the main of a gate process. */
#ifndef HS_GATE_GATE_IO_H
#define HS_GATE_GATE_IO_H

#include "roles/role.h"
#include "shm/base/err.h"

int hs_gate_main(const struct hs_heritage *heritage) HS_MUST_CHECK;

#endif
