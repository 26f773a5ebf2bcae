// SPDX-License-Identifier: Apache-2.0
/* credentials_io.h - who this node is and whom it trusts: the files of its credentials directory as
 * one object, with the TLS context made of them. Replaced as a whole or not at all. Reads no files
 * (credentials_image.h): a role behind its walls is handed them. */
#ifndef HS_CLUSTER_CREDENTIALS_IO_H
#define HS_CLUSTER_CREDENTIALS_IO_H

#include "ipc/conn.h"
#include "ipc/tls.h"
#include "roles/cluster/credentials_image.h"

/* Opaque but for reading. */
struct hs_credentials {
    struct hs_tls     *tls;
    struct hs_identity identity; /* ours */
    struct hs_trust    trust;
    struct hs_keyring  keyring;
    uint64_t           from_s; /* of our certificate; seconds since 1970 */
    uint64_t           until_s;
    uint64_t           list_from_s; /* of the revocation list */
    uint64_t           list_until_s;
};

/* Checks everything: the key is the certificate's, the authority has signed it, it is of its time
 * and not revoked, the list is current. Without the text of a key ring there is none. -EINVAL with
 * a sentence. */
int hs_credentials_open(struct hs_credentials             *credentials,
                        const struct hs_credentials_texts *texts, struct hs_err *err) HS_MUST_CHECK;
/* The same, of the same identity, and with a key ring if there was one; then connections from now
 * on use it, and live peers that it does not let in are closed. After a failure the old ones
 * stay. */
int  hs_credentials_replace(struct hs_credentials             *credentials,
                            const struct hs_credentials_texts *texts,
                            struct hs_err                     *err) HS_MUST_CHECK;
void hs_credentials_close(struct hs_credentials *credentials);

/* The identity of the peer of a connection over these credentials; NULL before it is ready. */
const struct hs_identity *hs_credentials_peer(const struct hs_conn *conn);

enum hs_credentials_health { HS_CREDENTIALS_GOOD, HS_CREDENTIALS_ENDING, HS_CREDENTIALS_EXPIRED };
/* ENDING: less than a fifth of the certificate's life, or of the list's, is left. */
enum hs_credentials_health hs_credentials_health(const struct hs_credentials *credentials);

#endif
