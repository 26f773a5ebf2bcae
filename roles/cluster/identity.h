// SPDX-License-Identifier: Apache-2.0
/* identity.h - the name of a node as its certificate carries it:
 *
 *     hyperscale://CLUSTER/ENVIRONMENT/DATACENTER/ROLE/NODE
 *
 * Five parts, each said: a name that lacks one is refused, never completed. A part is 1 to 32 of
 * a-z, 0-9 and '-'; ROLE is one of the five below. An authority is named by the first two parts
 * alone. Does not look into certificates (certificate_io.h). Pure. */
#ifndef HS_CLUSTER_IDENTITY_H
#define HS_CLUSTER_IDENTITY_H

#include "shm/base/bytes.h"

enum {
    HS_IDENTITY_LABEL_BYTES = 33, /* one part, with the terminating zero */
    HS_IDENTITY_TEXT_BYTES = 201  /* a whole name, likewise */
};

/* Clients submit and watch their jobs; operators look after the cluster; the rest are hosts. */
enum hs_identity_role {
    HS_IDENTITY_GATE,
    HS_IDENTITY_MANAGER,
    HS_IDENTITY_WORKER,
    HS_IDENTITY_CLIENT,
    HS_IDENTITY_OPERATOR,
    HS_IDENTITY_ROLE_COUNT
};

struct hs_identity {
    char                  cluster[HS_IDENTITY_LABEL_BYTES];
    char                  environment[HS_IDENTITY_LABEL_BYTES];
    char                  datacenter[HS_IDENTITY_LABEL_BYTES];
    char                  node[HS_IDENTITY_LABEL_BYTES];
    enum hs_identity_role role;
};

const char *hs_identity_role_name(enum hs_identity_role role); /* "gate" */
/* Does the role stand on a host of the cluster, and so take part in its gossip? */
bool hs_identity_is_host(const struct hs_identity *identity);

/* 0, or -EINVAL with a sentence that says which part is wrong and why. identity is written only on
 * success; text may hold any bytes. */
int hs_identity_parse(struct hs_view text, struct hs_identity *identity,
                      struct hs_err *err) HS_MUST_CHECK;
/* The same of hyperscale://CLUSTER/ENVIRONMENT; the other parts are left empty. */
int hs_identity_parse_authority(struct hs_view text, struct hs_identity *identity,
                                struct hs_err *err) HS_MUST_CHECK;

/* The way back, of what was parsed. */
void hs_identity_text(const struct hs_identity *identity, char text[HS_IDENTITY_TEXT_BYTES]);
void hs_identity_authority_text(const struct hs_identity *identity,
                                char                      text[HS_IDENTITY_TEXT_BYTES]);

#endif
