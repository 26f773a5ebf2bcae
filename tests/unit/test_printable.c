// SPDX-License-Identifier: Apache-2.0
/* test_printable.c - nothing that commands a terminal is printable. */
#include "roles/printable.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

#include <string.h>

static const char *cleaned(const char *text)
{
    static char copy[128];

    (void)snprintf(copy, sizeof copy, "%s", text);
    hs_make_printable(copy, strlen(copy));
    return copy;
}

static void what_people_write_stays(void)
{
    HS_CHECK_TEXT(cleaned("plain, with\nlines"), "plain, with\nlines");
    HS_CHECK_TEXT(cleaned("Gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80"),
                  "Gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80");
    HS_CHECK_EQ(hs_printable_bytes("\xe2\x82\xac", 3), 3);
}

static void commands_to_a_terminal_do_not(void)
{
    HS_CHECK_TEXT(cleaned("\x1b[2J\r\t\x7f\a"), "?[2J????");
    HS_CHECK_TEXT(cleaned("\xc2\x9b[2J"), "??[2J"); /* CSI in one character */
    HS_CHECK_TEXT(cleaned("\xe2\x80\xae"
                          "abc"),
                  "???abc"); /* the rest from right to left */
    HS_CHECK_TEXT(cleaned("\xe2\x81\xa6"
                          "abc"),
                  "???abc");
    HS_CHECK_TEXT(cleaned("\xef\xbb\xbf"
                          "x"),
                  "???x");
}

static void what_is_no_utf_8_does_not(void)
{
    HS_CHECK_TEXT(cleaned("\xff\xfe"), "??");
    HS_CHECK_TEXT(cleaned("\xc0\xaf \xe0\x80\xaf"), "?? ???"); /* longer than need be */
    HS_CHECK_TEXT(cleaned("\xed\xa0\x80"), "???");             /* half of a pair */
    HS_CHECK_TEXT(cleaned("\xf5\x80\x80\x80"), "????");
    HS_CHECK_TEXT(cleaned("cut \xe2\x82"), "cut ??");
    HS_CHECK_EQ(hs_printable_bytes("", 0), 0);
}

static void a_terminal_without_utf_8_gets_ascii(void)
{
    char   text[] = "p99 \xe2\x89\xa5 1ms \xc2\xb7 \xe2\x80\x93 \xc3\x97 3 \xc3\xbc\n";
    size_t bytes = hs_make_ascii(text, strlen(text));

    text[bytes] = '\0';
    HS_CHECK_TEXT(text, "p99 >= 1ms | - x 3 ?\n");
}

CU_TestInfo hs_tests_printable[] = {
    {"a terminal without UTF-8 gets ASCII", a_terminal_without_utf_8_gets_ascii},
    {"what people write stays", what_people_write_stays},
    {"commands to a terminal do not", commands_to_a_terminal_do_not},
    {"what is no UTF-8 does not", what_is_no_utf_8_does_not},
    CU_TEST_INFO_NULL,
};
