// SPDX-License-Identifier: Apache-2.0
/* resolver_answer.h - the one packet that a resolver process leaves in the connection it was made
 * for (hs_role_ask_resolver). Does not resolve: roles/resolver does. */
#ifndef HS_ROLES_RESOLVER_ANSWER_H
#define HS_ROLES_RESOLVER_ANSWER_H

#include "ipc/addr.h"
#include "shm/base/limits.h"

/* In front of a name that is asked for: it is that of a service; and: how long its addresses are
 * good matters, even if that takes a question more. */
#define HS_RESOLVER_SRV  "srv:"
#define HS_RESOLVER_SEED "seed:"

struct hs_resolver_answer {
    int32_t  code;  /* 0, -ENOENT: no such name, -EAGAIN: the name server did not answer, -EIO */
    uint32_t count; /* of addresses, most preferred first */
    uint32_t ttl_s; /* how long they are good; 0: not known */
    /* ports are 0, but those of a service (HS_RESOLVER_SRV) */
    struct hs_addr addrs[HS_ADDRESSES_MAX];
};

#endif
