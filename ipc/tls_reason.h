// SPDX-License-Identifier: Apache-2.0
/* tls_reason.h - what OpenSSL's error codes mean to an operator. For tls_io.c. */
#ifndef HS_IPC_TLS_REASON_H
#define HS_IPC_TLS_REASON_H

#include "shm/base/err.h"

#include <stdbool.h>

/* Has the peer sent an alert, that is, refused us? */
bool hs_tls_is_peers_alert(unsigned long openssl_error);
/* -EACCES with a sentence about our certificate; -EPROTO when the alert is about something else. */
int hs_tls_alert_text(unsigned long openssl_error, struct hs_err *err) HS_MUST_CHECK;
/* What we do not like ourselves: -EKEYREJECTED: it has shown no certificate; -EPROTO. */
int hs_tls_error_text(unsigned long openssl_error, struct hs_err *err) HS_MUST_CHECK;

#endif
