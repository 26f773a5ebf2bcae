// SPDX-License-Identifier: Apache-2.0
/* err.c - error texts: set by the one who failed, wrapped by those who called. */
#include "shm/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *hs_err_code_text(int code)
{
    const char *text = strerrordesc_np(code < 0 ? -code : code);

    return text ? text : "unknown error";
}

void hs_err_clear(struct hs_err *err)
{
    if (!err) return;
    err->code = 0;
    err->text[0] = '\0';
}

int hs_err_set(struct hs_err *err, int code, const char *format, ...)
{
    va_list arguments;
    size_t  used;

    if (!err) return code;
    err->code = code;
    va_start(arguments, format);
    (void)vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    used = strlen(err->text);
    if (code)
        (void)snprintf(err->text + used, sizeof err->text - used, ": %s", hs_err_code_text(code));
    return code;
}

int hs_err_refuse(struct hs_err *err, const char *format, ...)
{
    va_list arguments;

    if (!err) return -EINVAL;
    err->code = -EINVAL;
    va_start(arguments, format);
    (void)vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

int hs_err_wrap(struct hs_err *err, const char *format, ...)
{
    char    inner[HS_ERR_TEXT_BYTES];
    va_list arguments;
    size_t  used;

    if (!err) return -EIO;
    memcpy(inner, err->text, sizeof inner);
    va_start(arguments, format);
    (void)vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    used = strlen(err->text);
    (void)snprintf(err->text + used, sizeof err->text - used, ": %s", inner);
    return err->code;
}
