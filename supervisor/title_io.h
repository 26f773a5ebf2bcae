// SPDX-License-Identifier: Apache-2.0
/* title_io.h - what `ps` shows of a process. */
#ifndef HS_SUPERVISOR_TITLE_IO_H
#define HS_SUPERVISOR_TITLE_IO_H

/* Remembers where the kernel keeps the command line; once, in main, before anything looks into the
 * environment for longer than a call. */
void hs_title_init(int argc, char **argv);
/* "hyperscaled: NAME". In a child only: the environment goes. */
void hs_title_set(const char *name);

#endif
