// SPDX-License-Identifier: Apache-2.0
/* crash_io.c - a signal handler that only reads the stack and stores. Code places are told as
 * distance from the program's start, so that `addr2line -e hyperscaled` finds them in every
 * life. */
#include "supervisor/crash_io.h"

#include "supervisor/sanitized.h"

#ifdef HS_IS_SANITIZED
void hs_crash_watch(const void *stack_top)
{
    (void)stack_top; /* the sanitizer has handlers of its own, and says more */
}
#else

#include "shm/base/assert.h"
#include "shm/vitals.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    OWN_STACK_BYTES = 32 << 10, /* a crash may be the end of the ordinary stack */
    FRAMES_MAX = 24,
    STACK_END_BYTES = 64 << 10 /* an access so near the stack pointer is its overflow */
};

/* The linker's: where the program's code begins and ends. NOLINTNEXTLINE: its name is given */
extern const char __executable_start[];
extern const char etext[];

static struct {
    uintptr_t stack_top;
    char      stack[OWN_STACK_BYTES];
    char      text[HS_VITALS_PANIC_BYTES / 2]; /* the other half may hold the words of an assert */
    size_t    used;
} crash;

struct place {
    uintptr_t code;
    uintptr_t frame;
    uintptr_t stack;
};

/* ---- text; what does not fit is left out ---- */

static void put_text(const char *text)
{
    for (; *text && crash.used + 1 < sizeof crash.text; text++) crash.text[crash.used++] = *text;
    crash.text[crash.used] = '\0';
}

static void put_number(uintptr_t number, unsigned base)
{
    char  digits[24];
    char *at = digits + sizeof digits - 1;

    *at = '\0';
    do {
        *--at = "0123456789abcdef"[number % base];
        number /= base;
    } while (number);
    put_text(at);
}

static bool is_code(uintptr_t address)
{
    return address >= (uintptr_t)__executable_start && address < (uintptr_t)etext;
}

static void put_code(uintptr_t address)
{
    if (!is_code(address)) {
        put_text("a library");
        return;
    }
    put_text("+0x");
    put_number(address - (uintptr_t)__executable_start, 16);
}

/* ---- the stack ---- */

static struct place place_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    const greg_t *registers = context->uc_mcontext.gregs;

    return (struct place){(uintptr_t)registers[REG_RIP], (uintptr_t)registers[REG_RBP],
                          (uintptr_t)registers[REG_RSP]};
#elif defined(__aarch64__)
    const mcontext_t *registers = &context->uc_mcontext;

    return (struct place){registers->pc, registers->regs[29], registers->sp};
#endif
}

/* A frame begins with the address of the one above it and the place to return to. */
static bool is_frame(const struct place *place, uintptr_t at)
{
    const uintptr_t *words = (const uintptr_t *)at;

    if (at == 0 || at % sizeof *words || at < place->stack || at >= crash.stack_top ||
        crash.stack_top - at < 2 * sizeof *words)
        return false;
    return words[0] > at && words[0] <= crash.stack_top && is_code(words[1]);
}

/* Does a call end here? Else the number only looks like a place to return to. */
static bool is_behind_call(uintptr_t address)
{
#if defined(__x86_64__)
    const unsigned char *code = (const unsigned char *)address;

    return is_code(address - 7) && (code[-5] == 0xe8 || code[-2] == 0xff || code[-3] == 0xff ||
                                    code[-6] == 0xff || code[-7] == 0xff);
#else
    return true;
#endif
}

/* Who called the library that was interrupted: the first place to return to above the stack
 * pointer. */
static void put_caller(const struct place *place, uintptr_t frame)
{
    uintptr_t at = (place->stack + sizeof at - 1) / sizeof at * sizeof at;

    for (; at < frame; at += sizeof at) {
        uintptr_t word = *(const uintptr_t *)at;

        if (!is_code(word) || !is_behind_call(word)) continue;
        put_text(" < ");
        put_code(word);
        return;
    }
}

/* Libraries keep no frames: then the next one above the stack pointer. */
static uintptr_t first_frame(const struct place *place, bool is_overflow)
{
    uintptr_t at = (place->stack + sizeof at - 1) / sizeof at * sizeof at;

    if (is_frame(place, place->frame)) return place->frame;
    if (is_overflow) return 0;
    while (at >= place->stack && at < crash.stack_top && !is_frame(place, at)) at += sizeof at;
    return at;
}

static void put_frames(const struct place *place, bool is_overflow)
{
    uintptr_t at = first_frame(place, is_overflow);

    if (is_frame(place, at) && !is_code(place->code) && !is_overflow) put_caller(place, at);
    for (unsigned i = 0; i < FRAMES_MAX && is_frame(place, at); i++) {
        put_text(" < ");
        put_code(((const uintptr_t *)at)[1]);
        at = ((const uintptr_t *)at)[0];
    }
}

static void on_crash(int signal_number, siginfo_t *info, void *context)
{
    struct place place = place_of(context);
    bool         is_sent = info->si_code <= 0; /* by a process, itself included */
    uintptr_t    address = is_sent ? 0 : (uintptr_t)info->si_addr;
    uintptr_t    low = place.stack > STACK_END_BYTES ? place.stack - STACK_END_BYTES : 0;
    bool         is_overflow = signal_number == SIGSEGV && !is_sent && address >= low &&
                       address < place.stack + STACK_END_BYTES;

    crash.used = 0;
    put_text("signal ");
    put_number((uintptr_t)signal_number, 10);
    if (!is_sent) {
        put_text(" for address 0x");
        put_number(address, 16);
    }
    put_text(" in ");
    put_code(place.code);
    put_frames(&place, is_overflow);
    hs_assert_tell(crash.text);
    /* The default action is back (SA_RESETHAND): this ends the process as soon as we return. */
    (void)syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), signal_number);
}

void hs_crash_watch(const void *stack_top)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
    const stack_t    own = {.ss_sp = crash.stack, .ss_size = sizeof crash.stack};
    struct sigaction action = {.sa_sigaction = on_crash,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};

    crash.stack_top = (uintptr_t)stack_top;
    (void)sigaltstack(&own, NULL);
    (void)sigfillset(&action.sa_mask);
    for (size_t i = 0; i < HS_ARRAY_LEN(signals); i++) (void)sigaction(signals[i], &action, NULL);
}
#endif
