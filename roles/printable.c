// SPDX-License-Identifier: Apache-2.0
/* printable.c - decodes UTF-8 strictly (Unicode 3.9, table 3-7), and knows what to keep from
 * terminals. */
#include "roles/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static size_t length_of(uint8_t first)
{
    if (first < 0x80) return 1;
    if (first < 0xc2) return 0; /* continues another one, or is longer than it need be */
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

/* UINT32_MAX: not well-formed. */
static uint32_t decode(const uint8_t *bytes, size_t length)
{
    static const uint8_t  masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t              point = bytes[0] & masks[length];

    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80) return UINT32_MAX;
        point = point << 6 | (bytes[i] & 0x3f);
    }
    return point < least[length] || (point >= 0xd800 && point < 0xe000) ? UINT32_MAX : point;
}

static bool is_shown(uint32_t point)
{
    if (point < 0x20 || (point >= 0x7f && point < 0xa0)) return false;
    if (point >= 0x200b && point <= 0x200f) return false; /* of no width, marks of direction */
    if (point >= 0x2028 && point <= 0x202e) return false; /* ends of lines, turns of direction */
    if (point >= 0x2060 && point <= 0x206f) return false;
    return point != 0xfeff && point <= 0x10ffff;
}

size_t hs_printable_bytes(const char *text, size_t bytes)
{
    size_t length = bytes ? length_of((uint8_t)text[0]) : 0;

    if (!length || length > bytes) return 0;
    return is_shown(decode((const uint8_t *)text, length)) ? length : 0;
}

void hs_make_printable(char *text, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        size_t length = hs_printable_bytes(text + at, bytes - at);

        if (!length) {
            if (text[at] != '\n') text[at] = '?';
            length = 1;
        }
        at += length;
    }
}

static const struct {
    const char *sign; /* UTF-8: longer than what stands for it */
    const char *ascii;
} likes[] = {{"\xe2\x80\x93", "-"}, {"\xe2\x89\xa5", ">="}, {"\xc2\xb7", "|"}, {"\xc3\x97", "x"}};

static const char *like_of(const char *text, size_t bytes)
{
    for (size_t i = 0; i < sizeof likes / sizeof likes[0]; i++)
        if (strlen(likes[i].sign) == bytes && memcmp(text, likes[i].sign, bytes) == 0)
            return likes[i].ascii;
    return "?";
}

size_t hs_make_ascii(char *text, size_t bytes)
{
    size_t used = 0;

    for (size_t at = 0; at < bytes;) {
        size_t length = hs_printable_bytes(text + at, bytes - at);

        if (length > 1) {
            const char *like = like_of(text + at, length);

            at += length;
            while (*like) text[used++] = *like++;
        } else {
            text[used++] = text[at++];
        }
    }
    return used;
}
