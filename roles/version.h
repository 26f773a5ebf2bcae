// SPDX-License-Identifier: Apache-2.0
/* version.h - which Hyperscale this is: `hyperscale version`, `hyperscaled version`, status,
 * results, the package. */
#ifndef HS_ROLES_VERSION_H
#define HS_ROLES_VERSION_H

#define HS_VERSION_TEXT "0.1.0"

#endif
