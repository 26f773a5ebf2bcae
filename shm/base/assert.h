// SPDX-License-Identifier: Apache-2.0
/* assert.h - checks for what only a bug of ours can make false. On in every build: the supervisor
 * restarts the process. Never for input, peers, memory that others write, system calls or lack of
 * memory: those are errors (err.h). */
#ifndef HS_BASE_ASSERT_H
#define HS_BASE_ASSERT_H

#define HS_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#define HS_ARRAY_LEN(array)               (sizeof(array) / sizeof((array)[0]))

#define HS_ASSERT(condition)                                                                       \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) hs_assert_fail(#condition, __FILE__, __LINE__);     \
    } while (0)

#define HS_CHECK_MAGIC(pointer, magic_value) HS_ASSERT((pointer)->magic == (magic_value))

/* Gets the panic text before the process aborts; a role's hook writes it into its vitals page. Must
 * not allocate. */
typedef void hs_assert_hook_fn(void *context, const char *text);

void hs_assert_set_hook(hs_assert_hook_fn *hook, void *context);
/* Hands text to the hook and goes on: last words of a process that ends in another way. */
void           hs_assert_tell(const char *text);
_Noreturn void hs_assert_fail(const char *condition, const char *file, int line);

#endif
