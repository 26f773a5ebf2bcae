// SPDX-License-Identifier: Apache-2.0
/* test_addr.c - numeric addresses and nothing else. */
#include "ipc/addr.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

static void check_round_trip(const char *host, uint16_t port, const char *expected)
{
    struct hs_addr addr;
    char           text[HS_ADDR_TEXT_BYTES];

    HS_CHECK_EQ(hs_addr_parse(&addr, host, port), 0);
    hs_addr_format(&addr, text, sizeof text);
    HS_CHECK_TEXT(text, expected);
}

static void an_address_is_written_as_it_is_read(void)
{
    check_round_trip("127.0.0.1", 80, "127.0.0.1:80");
    check_round_trip("255.255.255.255", 65535, "255.255.255.255:65535");
    check_round_trip("::1", 8080, "[::1]:8080");
    check_round_trip("2001:db8:0:0::7", 443, "[2001:db8::7]:443");
    check_round_trip("::ffff:10.0.0.1", 1, "[::ffff:10.0.0.1]:1");
    check_round_trip("fe80::1%3", 80, "[fe80::1%3]:80");
}

static void what_is_not_numeric_is_refused_and_changes_nothing(void)
{
    static const char *const wrong[] = {"",
                                        "localhost",
                                        "127.1",
                                        "1.2.3.4.5",
                                        "256.0.0.1",
                                        "[::1]",
                                        "::1 ",
                                        "1::2::",
                                        "fe80::1%",
                                        "fe80::1%eth0",
                                        "fe80::1%4294967296",
                                        "%1",
                                        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"};
    struct hs_addr           addr = {.family = HS_ADDR_IPV4, .port = 7, .bytes = {9, 8, 7, 6}};
    char                     text[HS_ADDR_TEXT_BYTES];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (hs_addr_parse(&addr, wrong[i], 80) != -EINVAL)
            (void)fprintf(stderr, "accepted: %s\n", wrong[i]);
        HS_CHECK_EQ(hs_addr_parse(&addr, wrong[i], 80), -EINVAL);
    }
    hs_addr_format(&addr, text, sizeof text);
    HS_CHECK_TEXT(text, "9.8.7.6:7");
}

static void no_address_is_a_dash(void)
{
    struct hs_addr         addr = {0};
    union hs_addr_sockaddr kernel;
    char                   text[HS_ADDR_TEXT_BYTES];

    hs_addr_format(&addr, text, sizeof text);
    HS_CHECK_TEXT(text, "-");
    HS_CHECK_EQ(hs_addr_to_sockaddr(&addr, &kernel), 0);
}

static void the_longest_address_fits_and_a_short_buffer_is_respected(void)
{
    struct hs_addr addr;
    char           text[HS_ADDR_TEXT_BYTES];

    HS_CHECK_EQ(hs_addr_parse(&addr, "fe80:1111:2222:3333:4444:5555:6666:7777%4294967295", 65535),
                0);
    hs_addr_format(&addr, text, sizeof text);
    HS_CHECK_TEXT(text, "[fe80:1111:2222:3333:4444:5555:6666:7777%4294967295]:65535");
    hs_addr_format(&addr, text, 6);
    HS_CHECK_TEXT(text, "[fe80");
}

static void an_address_goes_through_the_kernels_form_and_back(void)
{
    static const char *const hosts[] = {"10.1.2.3", "2001:db8::1", "fe80::2%5"};
    union hs_addr_sockaddr   kernel;

    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct hs_addr addr;
        struct hs_addr back;

        HS_CHECK_EQ(hs_addr_parse(&addr, hosts[i], 4242), 0);
        HS_CHECK(hs_addr_to_sockaddr(&addr, &kernel) > 0);
        HS_CHECK_EQ(hs_addr_from_sockaddr(&back, &kernel), 0);
        HS_CHECK(memcmp(&addr, &back, sizeof addr) == 0);
    }
    memset(&kernel, 0, sizeof kernel);
    HS_CHECK_EQ(hs_addr_from_sockaddr(&(struct hs_addr){0}, &kernel), -EINVAL);
}

static void an_ipv4_address_has_an_ipv6_form_and_back(void)
{
    struct hs_addr addr;
    struct hs_addr other;

    HS_CHECK_EQ(hs_addr_parse(&addr, "10.1.2.3", 80), 0);
    hs_addr_map(&addr);
    HS_CHECK_EQ(hs_addr_parse(&other, "::ffff:10.1.2.3", 80), 0);
    HS_CHECK(memcmp(&addr, &other, sizeof addr) == 0);
    hs_addr_unmap(&addr);
    HS_CHECK_EQ(hs_addr_parse(&other, "10.1.2.3", 80), 0);
    HS_CHECK(memcmp(&addr, &other, sizeof addr) == 0);
    hs_addr_unmap(&addr); /* it is no such form */
    HS_CHECK(memcmp(&addr, &other, sizeof addr) == 0);
    HS_CHECK_EQ(hs_addr_parse(&addr, "2001:db8::1", 80), 0);
    other = addr;
    hs_addr_map(&addr);
    hs_addr_unmap(&addr);
    HS_CHECK(memcmp(&addr, &other, sizeof addr) == 0);
}

CU_TestInfo hs_tests_addr[] = {
    {"an address is written as it is read", an_address_is_written_as_it_is_read},
    {"what is not numeric is refused and changes nothing",
     what_is_not_numeric_is_refused_and_changes_nothing},
    {"no address is a dash", no_address_is_a_dash},
    {"the longest address fits and a short buffer is respected",
     the_longest_address_fits_and_a_short_buffer_is_respected},
    {"an address goes through the kernel's form and back",
     an_address_goes_through_the_kernels_form_and_back},
    {"an IPv4 address has an IPv6 form and back", an_ipv4_address_has_an_ipv6_form_and_back},
    CU_TEST_INFO_NULL,
};
