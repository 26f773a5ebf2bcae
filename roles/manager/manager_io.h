// SPDX-License-Identifier: Apache-2.0
/* manager_io.h - the main of a manager process. */
#ifndef HS_MANAGER_MANAGER_IO_H
#define HS_MANAGER_MANAGER_IO_H

#include "roles/role.h"
#include "shm/base/err.h"

int hs_manager_main(const struct hs_heritage *heritage) HS_MUST_CHECK;

#endif
