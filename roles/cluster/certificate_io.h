// SPDX-License-Identifier: Apache-2.0
/* certificate_io.h - who a certificate speaks for, and whether its authority says so still. One way
 * from bytes to a name, strict always: whatever is not exactly as an authority of ours issues it is
 * refused. Does not issue (authority_io.h), and reads no clock: the time comes from the caller. */
#ifndef HS_CLUSTER_CERTIFICATE_IO_H
#define HS_CLUSTER_CERTIFICATE_IO_H

#include "roles/cluster/identity.h"

enum {
    HS_CERTIFICATE_TEXT_BYTES_MAX = 16 << 10, /* of one certificate or key, as PEM */
    HS_REVOKED_MAX = 8192, /* serials on one list: each connection looks through them */
    HS_REVOKED_TEXT_BYTES_MAX = 1 << 20,
    HS_SUBJECT_NAMES_MAX = 8,  /* of one certificate, one of them its URI */
    HS_SERIAL_TEXT_BYTES = 33, /* 128 bits as lowercase digits, with the terminating zero */
    HS_OPENSSL_TEXT_BYTES = 160
};

struct asn1_string_st; /* OpenSSL's ASN1_INTEGER */

/* Owns both. The types are OpenSSL's X509 and X509_CRL. */
struct hs_trust {
    struct x509_st     *authority;
    struct X509_crl_st *revoked;
    struct hs_identity  identity; /* cluster and environment of the authority */
};

/* Exactly one PEM block each; the list is signed by the authority. -EINVAL with a sentence. trust
 * may be closed after a failure too. */
int hs_trust_open(struct hs_trust *trust, struct hs_view authority_pem, struct hs_view revoked_pem,
                  struct hs_err *err) HS_MUST_CHECK;
/* Leaves zeros; may be called twice. */
void hs_trust_close(struct hs_trust *trust);

/* now_s: seconds since 1970. 0 and who it is; or a sentence that says what is wrong: -EKEYEXPIRED
 * its time, -EKEYREVOKED, -ENOKEY not signed by this authority; -EINVAL a stale list, key usage,
 * name, or a name of another cluster. */
int hs_trust_check(const struct hs_trust *trust, struct x509_st *certificate, uint64_t now_s,
                   struct hs_identity *identity, struct hs_err *err) HS_MUST_CHECK;

/* Exactly one PEM block of a certificate, to be freed with X509_free. NULL: err says why. */
struct x509_st *hs_certificate_read(struct hs_view pem, struct hs_err *err);
/* -EINVAL: not a positive number of at most 128 bits. */
int hs_certificate_serial(const struct asn1_string_st *serial, char text[HS_SERIAL_TEXT_BYTES],
                          struct hs_err *err) HS_MUST_CHECK;
/* err with what OpenSSL said last behind the sentence, and its queue emptied. -EIO. */
int hs_openssl_failed(struct hs_err *err, const char *doing) HS_MUST_CHECK;

#endif
