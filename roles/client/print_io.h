// SPDX-License-Identifier: Apache-2.0
/* print_io.h - whole texts to standard output and standard error. */
#ifndef HS_CLIENT_PRINT_IO_H
#define HS_CLIENT_PRINT_IO_H

#include "shm/base/bytes.h"

#include <stdbool.h>

/* All of it, or a negative errno (a full disk, a closed pipe). */
int hs_print(int fd, const void *text, size_t bytes) HS_MUST_CHECK;
int hs_print_text(int fd, const char *text) HS_MUST_CHECK;
/* Does the locale of the environment say UTF-8? */
bool hs_locale_takes_unicode(void);
/* Our own words: in ASCII where the locale is not one of UTF-8. Changes text. */
int hs_print_words(int fd, char *text, size_t bytes) HS_MUST_CHECK;
/* "hyperscale: SENTENCE" to standard error. */
void hs_warn(const char *format, ...) HS_PRINTF(1, 2);
/* The same; returns code, so that `return hs_complain(...)` reads well. */
int hs_complain(int code, const char *format, ...) HS_PRINTF(2, 3) HS_MUST_CHECK;

#endif
