// SPDX-License-Identifier: Apache-2.0
/* err.h - the one way to report what went wrong at run time. Says nothing itself: whoever handles
 * an error logs it.
 *
 * A function that can fail returns 0 or a count, or a negative errno, and is marked HS_MUST_CHECK.
 * On slow paths it also fills a struct hs_err with a sentence; callers add what they were doing
 * with hs_err_wrap, so that the text reads from the outside in: "gate 2: bind 0.0.0.0:7400: address
 * already in use".
 *
 * What the codes mean here: -EAGAIN not now, ask again; -ENOBUFS our bound is reached; -EPROTO the
 * peer sent nonsense; -EMSGSIZE too large by contract; -ESTALE an old generation or fence;
 * -ETIMEDOUT; -ECANCELED; -ENOENT; -EEXIST; -EINVAL bad configuration or arguments from outside;
 * -ENOMEM; -EIO. */
#ifndef HS_BASE_ERR_H
#define HS_BASE_ERR_H

#define HS_MUST_CHECK                    __attribute__((warn_unused_result))
#define HS_PRINTF(format_idx, first_idx) __attribute__((format(printf, format_idx, first_idx)))

/* Drops a result on purpose; the reason is for the reader. */
#define HS_IGNORE(expression, reason)                                                              \
    do {                                                                                           \
        if (expression) (void)(reason);                                                            \
    } while (0)

enum { HS_ERR_TEXT_BYTES = 256 };

struct hs_err {
    int  code;                    /* negative errno, 0: nothing happened */
    char text[HS_ERR_TEXT_BYTES]; /* truncated, always terminated */
};

void hs_err_clear(struct hs_err *err);
/* Both return code (wrap: the code already there), so that `return hs_err_set(...)` reads well. err
 * may be NULL. */
int hs_err_set(struct hs_err *err, int code, const char *format, ...) HS_PRINTF(3, 4);
int hs_err_wrap(struct hs_err *err, const char *format, ...) HS_PRINTF(2, 3);
/* -EINVAL with the sentence alone: what a user typed is no "invalid argument". */
int         hs_err_refuse(struct hs_err *err, const char *format, ...) HS_PRINTF(2, 3);
const char *hs_err_code_text(int code); /* "connection refused" for -ECONNREFUSED */

#endif
