// SPDX-License-Identifier: Apache-2.0
/* error_class.c - the table behind the names. */
#include "roles/stats/error_class.h"

static const struct {
    const char *name;
    bool        is_local;
} classes[HS_ERROR_CLASS_COUNT] = {
#define HS_ERROR_CLASS_ROW(name, text, local) [HS_ERROR_##name] = {text, local},
    HS_ERROR_CLASSES(HS_ERROR_CLASS_ROW)
#undef HS_ERROR_CLASS_ROW
};

const char *hs_error_class_name(enum hs_error_class error)
{
    return (unsigned)error < HS_ERROR_CLASS_COUNT ? classes[error].name : "?";
}

bool hs_error_class_is_local(enum hs_error_class error)
{
    return (unsigned)error < HS_ERROR_CLASS_COUNT && classes[error].is_local;
}

bool hs_error_class_is_timeout(enum hs_error_class error)
{
    return error == HS_ERROR_TIMEOUT_RESPONSE || error == HS_ERROR_TIMEOUT_IDLE ||
           error == HS_ERROR_CONNECT_TIMEOUT || error == HS_ERROR_TLS_TIMEOUT ||
           error == HS_ERROR_SEND_TIMEOUT || error == HS_ERROR_DNS_TIMEOUT;
}
