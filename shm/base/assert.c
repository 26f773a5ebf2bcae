// SPDX-License-Identifier: Apache-2.0
/* assert.c - the end of a process that found a bug in itself: text to the hook, text to standard
 * error, abort. */
#include "shm/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

static struct {
    hs_assert_hook_fn *hook;
    void              *context;
} panic; /* one of the two mutable globals the style allows */

void hs_assert_set_hook(hs_assert_hook_fn *hook, void *context)
{
    panic.hook = hook;
    panic.context = context;
}

void hs_assert_tell(const char *text)
{
    if (panic.hook) panic.hook(panic.context, text);
}

void hs_assert_fail(const char *condition, const char *file, int line)
{
    char text[256];

    (void)snprintf(text, sizeof text, "assertion failed: %s at %s:%d", condition, file, line);
    hs_assert_tell(text);
    (void)fprintf(stderr, "%s\n", text);
    abort();
}
