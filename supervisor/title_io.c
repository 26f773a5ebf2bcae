// SPDX-License-Identifier: Apache-2.0
/* title_io.c - the title is written over the command line, and over the environment behind it when
 * the command line is too short. */
#include "supervisor/title_io.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static struct {
    char  *start;
    size_t bytes;
} area;

/* argv and the environment lie one behind the other; how far exactly is asked, not assumed. */
static void extend(char *text)
{
    if (text == area.start + area.bytes) area.bytes += strlen(text) + 1;
}

void hs_title_init(int argc, char **argv)
{
    area.start = argc > 0 ? argv[0] : NULL;
    area.bytes = 0;
    for (int i = 0; i < argc; i++) extend(argv[i]);
    for (char **variable = environ; variable && *variable; variable++) extend(*variable);
}

void hs_title_set(const char *name)
{
    char comm[16];

    (void)snprintf(comm, sizeof comm, "hs-%s", name);
    (void)prctl(PR_SET_NAME, comm);
    if (!area.start || !area.bytes) return;
    environ = NULL; /* its strings are about to go */
    memset(area.start, 0, area.bytes);
    (void)snprintf(area.start, area.bytes, "hyperscaled: %s", name);
}
