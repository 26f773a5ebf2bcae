// SPDX-License-Identifier: Apache-2.0
/* target_flags.h - the flags of `hyperscale target` as its configuration. Pure. */
#ifndef HS_CLIENT_TARGET_FLAGS_H
#define HS_CLIENT_TARGET_FLAGS_H

#include "roles/client/options.h"
#include "roles/client/target.h"

/* -EINVAL with a sentence that names the flag. */
int hs_target_flags(const struct hs_options *options, struct hs_target_config *config,
                    struct hs_err *err) HS_MUST_CHECK;

#endif
