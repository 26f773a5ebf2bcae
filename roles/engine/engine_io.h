// SPDX-License-Identifier: Apache-2.0
/* engine_io.h - the main of an engine process. */
#ifndef HS_ENGINE_ENGINE_IO_H
#define HS_ENGINE_ENGINE_IO_H

#include "roles/role.h"
#include "shm/base/err.h"

int hs_engine_main(const struct hs_heritage *heritage) HS_MUST_CHECK;

#endif
