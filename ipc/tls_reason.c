// SPDX-License-Identifier: Apache-2.0
/* tls_reason.c - sentences for alerts and errors of TLS. */
#include "ipc/tls_reason.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <stddef.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

struct row {
    int         reason;
    int         code;
    const char *text;
};

/* The numbers of RFC 8446, 6. */
static const struct row alerts[] = {
    {SSL_AD_CERTIFICATE_EXPIRED, -EACCES, "our certificate has expired, says the other end"},
    {SSL_AD_CERTIFICATE_REVOKED, -EACCES, "our certificate is revoked, says the other end"},
    {SSL_AD_UNKNOWN_CA, -EACCES,
     "our certificate is of another cluster's authority, says the other end"},
    {SSL_AD_BAD_CERTIFICATE, -EACCES, "our certificate is not accepted by the other end"},
    {SSL_AD_CERTIFICATE_UNKNOWN, -EACCES, "our certificate is not accepted by the other end"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, -EACCES, "our certificate is not accepted by the other end"},
    {SSL_AD_ACCESS_DENIED, -EACCES, "the other end does not let us in"},
    {TLS13_AD_CERTIFICATE_REQUIRED, -EACCES, "the other end wants a certificate"},
    {SSL_AD_PROTOCOL_VERSION, -EPROTO, "the other end does not speak TLS 1.3"},
    {SSL_AD_NO_APPLICATION_PROTOCOL, -EPROTO, "the other end does not speak our protocol"},
};

static const struct row errors[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, -EKEYREJECTED, "it has shown no certificate"},
    {SSL_R_EXCESSIVE_MESSAGE_SIZE, -EKEYREJECTED, "its certificates are larger than 16 KiB"},
    {SSL_R_UNSUPPORTED_PROTOCOL, -EPROTO, "it does not speak TLS 1.3"},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, -EPROTO, "it does not speak TLS 1.3"},
    {SSL_R_UNKNOWN_PROTOCOL, -EPROTO, "it does not speak TLS 1.3"},
    {SSL_R_NO_APPLICATION_PROTOCOL, -EPROTO, "it does not speak our protocol"},
    {SSL_R_CALLBACK_FAILED, -EPROTO, "it does not speak our protocol"},
    {SSL_R_HTTP_REQUEST, -EPROTO, "it speaks HTTP, not TLS"},
    {SSL_R_HTTPS_PROXY_REQUEST, -EPROTO, "it speaks HTTP, not TLS"},
    {SSL_R_WRONG_VERSION_NUMBER, -EPROTO, "it does not speak TLS"},
    {SSL_R_PACKET_LENGTH_TOO_LONG, -EPROTO, "it does not speak TLS"},
    {SSL_R_RECORD_LENGTH_MISMATCH, -EPROTO, "it does not speak TLS"},
    {SSL_R_BAD_RECORD_TYPE, -EPROTO, "it does not speak TLS"},
};

static int tell(const struct row *rows, size_t count, int reason, struct hs_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].reason != reason) continue;
        (void)hs_err_refuse(err, "%s", rows[i].text);
        err->code = rows[i].code;
        return rows[i].code;
    }
    return 0;
}

bool hs_tls_is_peers_alert(unsigned long openssl_error)
{
    int reason = ERR_GET_REASON(openssl_error);

    return ERR_GET_LIB(openssl_error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
           reason < SSL_AD_REASON_OFFSET + 256;
}

int hs_tls_alert_text(unsigned long openssl_error, struct hs_err *err)
{
    int alert = ERR_GET_REASON(openssl_error) - SSL_AD_REASON_OFFSET;
    int rc = tell(alerts, HS_ARRAY_LEN(alerts), alert, err);

    if (rc) return rc;
    (void)hs_err_refuse(err, "the other end has ended it with alert %d", alert);
    return -EPROTO;
}

int hs_tls_error_text(unsigned long openssl_error, struct hs_err *err)
{
    const char *text = ERR_reason_error_string(openssl_error);
    int         rc = 0;

    if (ERR_GET_LIB(openssl_error) == ERR_LIB_SSL)
        rc = tell(errors, HS_ARRAY_LEN(errors), ERR_GET_REASON(openssl_error), err);
    if (rc) return rc;
    (void)hs_err_refuse(err, "TLS: %s", text ? text : "nonsense");
    return -EPROTO;
}
