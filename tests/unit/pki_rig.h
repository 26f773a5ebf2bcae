// SPDX-License-Identifier: Apache-2.0
/* pki_rig.h - an authority for tests, certificates of it, good ones and bad ones, and
 * credentials made of them. The clock is the real one: certificates are of its time. */
#ifndef HS_TESTS_UNIT_PKI_RIG_H
#define HS_TESTS_UNIT_PKI_RIG_H

#include "roles/cluster/authority_io.h"
#include "roles/cluster/credentials_io.h"

#define HS_PKI_GATE    "hyperscale://shop/prod/east/gate/g1"
#define HS_PKI_MANAGER "hyperscale://shop/prod/east/manager/m1"
#define HS_PKI_WORKER  "hyperscale://shop/prod/east/worker/w1"
#define HS_PKI_CLIENT  "hyperscale://shop/prod/east/client/ann"

struct hs_pki_node {
    struct hs_issued issued;
    uint8_t          key[4096];
    uint8_t          certificate[4096];
    size_t           key_bytes;
    size_t           certificate_bytes;
};

struct hs_pki {
    struct hs_authority authority;
    uint64_t            now_s;
    uint8_t             authority_pem[4096];
    uint8_t             revoked_pem[4096];
    uint8_t             keyring[HS_KEYRING_TEXT_BYTES];
    size_t              authority_bytes;
    size_t              revoked_bytes;
    size_t              keyring_bytes;
};

void hs_pki_begin(struct hs_pki *rig, const char *cluster);
void hs_pki_end(struct hs_pki *rig);
/* From age_days ago for ten days. */
void hs_pki_issue(const struct hs_pki *rig, struct hs_pki_node *node, const char *name,
                  unsigned age_days);
/* One extension in place of what was issued (NULL: taken away), signed again. */
void hs_pki_spoil(const struct hs_pki *rig, struct hs_pki_node *node, int extension,
                  const char *value);
void hs_pki_revoke(struct hs_pki *rig, const struct hs_pki_node *node);
void hs_pki_drop(struct hs_pki_node *node);
/* What the node's directory would hold. */
struct hs_credentials_texts hs_pki_texts(const struct hs_pki *rig, const struct hs_pki_node *node);

#endif
