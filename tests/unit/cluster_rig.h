// SPDX-License-Identifier: Apache-2.0
/* cluster_rig.h - an authority for tests, certificates of it, good ones and bad ones, and
 * credentials made of them. The clock is the real one: certificates are of its time. */
#ifndef HS_TESTS_UNIT_CLUSTER_RIG_H
#define HS_TESTS_UNIT_CLUSTER_RIG_H

#include "roles/cluster/authority_io.h"
#include "roles/cluster/credentials_io.h"

#define HS_RIG_GATE    "hyperscale://shop/prod/east/gate/g1"
#define HS_RIG_MANAGER "hyperscale://shop/prod/east/manager/m1"
#define HS_RIG_WORKER  "hyperscale://shop/prod/east/worker/w1"
#define HS_RIG_CLIENT  "hyperscale://shop/prod/east/client/ann"

struct hs_rig_node {
    struct hs_issued issued;
    uint8_t          key[4096];
    uint8_t          certificate[4096];
    size_t           key_bytes;
    size_t           certificate_bytes;
};

struct hs_rig {
    struct hs_authority authority;
    uint64_t            now_s;
    uint8_t             authority_pem[4096];
    uint8_t             revoked_pem[4096];
    uint8_t             keyring[HS_KEYRING_TEXT_BYTES];
    size_t              authority_bytes;
    size_t              revoked_bytes;
    size_t              keyring_bytes;
};

void hs_rig_begin(struct hs_rig *rig, const char *cluster);
void hs_rig_end(struct hs_rig *rig);
/* From age_days ago for ten days. */
void hs_rig_issue(const struct hs_rig *rig, struct hs_rig_node *node, const char *name,
                  unsigned age_days);
/* One extension in place of what was issued (NULL: taken away), signed again. */
void hs_rig_spoil(const struct hs_rig *rig, struct hs_rig_node *node, int extension,
                  const char *value);
void hs_rig_revoke(struct hs_rig *rig, const struct hs_rig_node *node);
void hs_rig_drop(struct hs_rig_node *node);
/* What the node's directory would hold. */
struct hs_credentials_texts hs_rig_texts(const struct hs_rig *rig, const struct hs_rig_node *node);

#endif
