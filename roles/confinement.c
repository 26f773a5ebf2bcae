// SPDX-License-Identifier: Apache-2.0
/* confinement.c - names of the layers of confinement. */
#include "roles/confinement.h"

#include <stddef.h>

static const char *const names[HS_CONFINEMENT_BITS] = {
    "parent_death", "user",  "capabilities", "no_new_privileges",
    "limits",       "files", "network",      "system_calls",
};

const char *hs_confinement_name(unsigned idx)
{
    return idx < HS_CONFINEMENT_BITS ? names[idx] : NULL;
}
