// SPDX-License-Identifier: Apache-2.0
/* holders.h - who of those that a daemon knows holds a certain ring of gossip keys, from what its
 * status socket says. Pure. */
#ifndef HS_CLIENT_HOLDERS_H
#define HS_CLIENT_HOLDERS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum { HS_HOLDERS_NAMES_BYTES = 160 };

struct hs_holders {
    unsigned member_count;               /* that may still be there: neither dead nor gone */
    unsigned holder_count;               /* of these, that have said so */
    char others[HS_HOLDERS_NAMES_BYTES]; /* "gate b, manager c, ...": as many as there is room */
};

/* mark: seal_io.h's of the ring. members: the answer to {"get":"members"}; managers: to
 * {"get":"managers"}, those that a gate knows, of which some may be members of a ring here too. */
void hs_holders_count(struct hs_holders *holders, const json_t *members, const json_t *managers,
                      uint32_t mark);

#endif
