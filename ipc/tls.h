// SPDX-License-Identifier: Apache-2.0
/* tls.h - TLS 1.3 for connections between hosts: both ends show a certificate, or there is no
 * connection. A context is what one role has in common over all its connections: own certificate
 * and key, and a function of the owner's that tells who a peer is. Connections are hs_conn's: give
 * the context to hs_conn_config.
 *
 * Does not know names, authorities or roles: the check does (roles/cluster/credentials_io.h). No
 * renegotiation, no tickets, no resumption, no early data: every connection shows its certificate
 * anew. A certificate message above 16 KiB, a handshake above 5 s, and more than 64 unfinished ones
 * of one network (/24, or /64) are refused. */
#ifndef HS_IPC_TLS_H
#define HS_IPC_TLS_H

#include "shm/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define HS_TLS_ALPN "hs/1" /* what both ends must name */

enum {
    HS_TLS_PEER_BYTES = 256, /* what a check may note of a peer */
    HS_TLS_CHAIN_BYTES_MAX = 16 << 10,
    HS_TLS_HANDSHAKES_PER_NETWORK_MAX = 64
};
#define HS_TLS_HANDSHAKE_TIMEOUT_NS UINT64_C(5000000000)

struct evp_pkey_st; /* OpenSSL's EVP_PKEY and X509 */
struct x509_st;
struct hs_tls;

enum hs_tls_side { HS_TLS_CLIENT, HS_TLS_SERVER };

/* May the owner of this certificate talk to us? 0, and peer (zeros before) says who it is;
 * -EKEYEXPIRED, -EKEYREVOKED, -ENOKEY (not from our authority) or another errno, with a sentence in
 * err. The peer hears the kind, not the sentence. */
typedef int hs_tls_check_fn(void *owner, struct x509_st *certificate, void *peer,
                            struct hs_err *err);

struct hs_tls_config {
    hs_tls_check_fn *check;
    void            *owner;
};

struct hs_tls_figures { /* cumulative, but for the last */
    uint64_t handshakes_done;
    uint64_t handshakes_failed;    /* all that ended before they were done */
    uint64_t certificates_refused; /* by the check, also later on */
    uint64_t networks_refused;     /* too many at once of one network */
    uint64_t handshakes_under_way;
};

/* Without a certificate yet: nothing can be opened over it. */
int hs_tls_create(struct hs_tls **tls, const struct hs_tls_config *config,
                  struct hs_err *err) HS_MUST_CHECK;
/* Connections opened from now on show this certificate; takes references of its own. -EINVAL: the
 * key is not the certificate's; then nothing has changed. */
int hs_tls_use(struct hs_tls *tls, struct x509_st *certificate, struct evp_pkey_st *key,
               struct hs_err *err) HS_MUST_CHECK;
/* Asks the check about every peer once more, and aborts the connections of those that it refuses
 * now (on_closed: -EKEYREJECTED). */
void hs_tls_recheck(struct hs_tls *tls);
/* The last connection over it is gone. Nulls the pointer. */
void hs_tls_destroy(struct hs_tls **tls);

void hs_tls_figures(const struct hs_tls *tls, struct hs_tls_figures *figures);

#endif
