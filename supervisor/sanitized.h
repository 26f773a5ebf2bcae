// SPDX-License-Identifier: Apache-2.0
/* sanitized.h - is this a build whose sanitizer needs the system calls and signals for itself? */
#ifndef HS_SUPERVISOR_SANITIZED_H
#define HS_SUPERVISOR_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HS_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define HS_IS_SANITIZED 1
#endif
#endif

#endif
