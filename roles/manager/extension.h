// SPDX-License-Identifier: Apache-2.0
/* extension.h - whether a worker that cannot report yet, though it works, is given more time before
 * it is taken for silent: less each time, and only for progress (membership 12). About work alone:
 * that the machine lives is not in question. Does not know jobs. Pure. */
#ifndef HS_MANAGER_EXTENSION_H
#define HS_MANAGER_EXTENSION_H

#include "roles/exec_state.h"

enum { HS_EXTENSION_GRANTS_MAX = 5, HS_EXTENSION_DENIALS_MAX = 3 };
#define HS_EXTENSION_GRACE_NS UINT64_C(10000000000) /* after the last one is over */

/* Of one worker, in its record and gone with it. */
struct hs_extension {
    uint8_t  grants;       /* since a share of it last began or ended */
    uint8_t  denials;      /* in a row, for want of progress */
    uint32_t progress_ppm; /* at the last grant */
    uint64_t items_done;
    uint64_t asked_at_ns; /* 0: never */
    uint64_t denied_since_ns;
    uint64_t total_ns; /* granted since it registered */
};

struct hs_extension_ask {
    uint32_t progress_ppm;
    uint64_t items_done;
    uint64_t items_total;   /* 0: nobody knows */
    bool     is_current;    /* of the session that it has now */
    bool     is_reconciled; /* it has answered what was asked of it first */
    bool     is_overloaded; /* the manager */
};

struct hs_extension_answer {
    enum hs_extension_code code;
    uint64_t               grant_ns;
    unsigned               remaining_grants;
    bool                   is_warning;   /* one is left, or none */
    bool                   is_malformed; /* to be counted */
    bool                   is_evicted;   /* what it is silent about is taken from it, now */
};

void hs_extension_ask(struct hs_extension *extension, const struct hs_extension_ask *ask,
                      uint64_t now_ns, struct hs_extension_answer *answer);
/* A share began or ended there: as if it had never asked. */
void hs_extension_reset(struct hs_extension *extension);

#endif
