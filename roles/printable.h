// SPDX-License-Identifier: Apache-2.0
/* printable.h - what may go to a terminal. Names, words and heads come from plans, servers and
 * other users: a control character in them would move the cursor or worse. Pure. */
#ifndef HS_ROLES_PRINTABLE_H
#define HS_ROLES_PRINTABLE_H

#include <stddef.h>

/* Bytes of the character that text begins with, if it is one of UTF-8 that a terminal shows as it
 * is: no control character, and nothing that turns the direction of writing or ends a line. 0: it
 * is none. */
size_t hs_printable_bytes(const char *text, size_t bytes);
/* In place: whatever is not printable becomes '?', byte by byte; line feeds stay. */
void hs_make_printable(char *text, size_t bytes);
/* In place, for terminals without UTF-8: the signs of our own texts become their like, other
 * characters '?'. Bytes left. */
size_t hs_make_ascii(char *text, size_t bytes);

#endif
