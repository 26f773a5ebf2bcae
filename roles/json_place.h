// SPDX-License-Identifier: Apache-2.0
/* json_place.h - where in a JSON text something stands. jansson keeps no positions, so this walks
 * the text again, and only once there is something to complain about. Pure. */
#ifndef HS_ROLES_JSON_PLACE_H
#define HS_ROLES_JSON_PLACE_H

#include "roles/problems.h"

enum hs_json_part { HS_JSON_VALUE, HS_JSON_KEY };

/* The place of the value, or of its key, that pointer names in a text that parsed. If the pointer
 * leads nowhere: of the innermost value that it does lead to. The place's path is pointer
 * itself. */
struct hs_problem_place hs_json_locate(struct hs_view text, const char *pointer,
                                       enum hs_json_part part);

/* Line and column of an offset. */
struct hs_problem_place hs_json_place_of(struct hs_view text, size_t offset, size_t width);

/* Where the key that ends at second_end (with its quote) was given first in the same object; line
 * 0: nowhere. key gets its text as written, cut to key_bytes. */
struct hs_problem_place hs_json_first_of_duplicate(struct hs_view text, size_t second_end,
                                                   char *key, size_t key_bytes);

#endif
