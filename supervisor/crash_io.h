// SPDX-License-Identifier: Apache-2.0
/* crash_io.h - the last words of a process that crashes: which signal, at what address, and the
 * calls that led there, handed to the assert hook, which keeps them in shared memory. */
#ifndef HS_SUPERVISOR_CRASH_IO_H
#define HS_SUPERVISOR_CRASH_IO_H

/* From now on. stack_top: the caller's __builtin_frame_address(0); nothing above it is looked at,
 * so the caller must never return. */
void hs_crash_watch(const void *stack_top);

#endif
