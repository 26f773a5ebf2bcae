// SPDX-License-Identifier: Apache-2.0
/* print_io.c - writes until everything is written. */
#include "roles/client/print_io.h"

#include "roles/client/screen.h"
#include "roles/printable.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int hs_print(int fd, const void *text, size_t bytes)
{
    size_t at = 0;

    while (at < bytes) {
        ssize_t written = write(fd, (const char *)text + at, bytes - at);

        if (written >= 0) {
            at += (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd writable = {.fd = fd, .events = POLLOUT};

            (void)poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

int hs_print_text(int fd, const char *text)
{
    return hs_print(fd, text, strlen(text));
}

bool hs_locale_takes_unicode(void)
{
    return hs_screen_takes_unicode(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG"));
}

int hs_print_words(int fd, char *text, size_t bytes)
{
    return hs_print(fd, text, hs_locale_takes_unicode() ? bytes : hs_make_ascii(text, bytes));
}

static void HS_PRINTF(1, 0) say(const char *format, va_list arguments)
{
    char sentence[1024];
    char line[1100];

    (void)vsnprintf(sentence, sizeof sentence, format, arguments);
    hs_make_printable(sentence, strlen(sentence));
    (void)snprintf(line, sizeof line, "hyperscale: %s\n", sentence);
    HS_IGNORE(hs_print_text(STDERR_FILENO, line), "there is nowhere else to say it");
}

void hs_warn(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

int hs_complain(int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    return code;
}
