// SPDX-License-Identifier: Apache-2.0
/* test_keyring.c - the text of a gossip key ring: one way to write it, every other one refused. */
#include "roles/cluster/keyring.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_C "20112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_D "30112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define HEAD  "hyperscale-keyring 1\n"

static struct hs_keyring ring;
static struct hs_err     err;

static int parse(const char *text)
{
    hs_err_clear(&err);
    return hs_keyring_parse(hs_view_text(text), &ring, &err);
}

static void a_ring_is_read_and_printed_the_same(void)
{
    static const char *const rings[] = {
        HEAD "use 1\nkey 1 " KEY_A "\n", HEAD "use 7\nkey 3 " KEY_A "\nkey 7 " KEY_B "\n",
        HEAD "use 9\nkey 9 " KEY_C "\nkey 10 " KEY_A "\nkey 255 " KEY_B "\n"};
    char text[HS_KEYRING_TEXT_BYTES];

    for (size_t i = 0; i < sizeof rings / sizeof *rings; i++) {
        struct hs_writer out;

        HS_CHECK_EQ(parse(rings[i]), 0);
        HS_CHECK_EQ(ring.count, i + 1);
        hs_writer_init(&out, text, sizeof text - 1);
        hs_keyring_print(&ring, &out);
        HS_CHECK_EQ(hs_writer_finish(&out), 0);
        text[out.used_bytes] = '\0';
        HS_CHECK_TEXT(text, rings[i]);
    }
    HS_CHECK_EQ(ring.used_version, 9);
    HS_CHECK_EQ(ring.at[1].version, 10);
    HS_CHECK_EQ(ring.at[1].bytes[1], 0x11);
    HS_CHECK_EQ(ring.at[1].bytes[31], 0xff);
}

static void what_is_wrong_is_said_with_its_line(void)
{
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"", "line 1: \"hyperscale-keyring 1\" is missing"},
        {"hyperscale-keyring 1", "line 1 does not end"},
        {"hyperscale-keyring 2\n", "line 1 is not"},
        {"hyperscale-keyring 1 \n", "line 1 is not"},
        {HEAD, "line 2: \"use VERSION\" is missing"},
        {HEAD "use 0\n", "line 2 is not"},
        {HEAD "use 256\n", "line 2 is not"},
        {HEAD "use 01\n", "line 2 is not"},
        {HEAD "use 1 \n", "line 2 is not"},
        {HEAD "use  1\n", "line 2 is not"},
        {HEAD "use 1\n", "line 3: a key is missing"},
        {HEAD "use 1\n\n", "line 3 is not"},
        {HEAD "use 1\nkey 1 " KEY_A, "line 3 does not end"},
        {HEAD "use 1\nkey 1 " KEY_A "0\n", "line 3 is not"},
        {HEAD "use 1\nkey 1 " KEY_A " \n", "line 3 is not"},
        {HEAD "use 1\nkey 1\n", "line 3 is not"},
        {HEAD "use 1\nkey 1 \n", "line 3 is not"},
        {HEAD "use 1\nkey 1000 " KEY_A "\n", "line 3 is not"},
        {HEAD "use 1\nKEY 1 " KEY_A "\n", "line 3 is not"},
        {HEAD "use 1\nkey 1 0A" ZEROS "\n", "line 3 is not"},
        {HEAD "use 1\nkey 1 " ZEROS "\n", "line 3: a key of zeros"},
        {HEAD "use 2\nkey 1 " KEY_A "\n", "version 2 is not in the ring"},
        {HEAD "use 1\nkey 1 " KEY_A "\nkey 1 " KEY_B "\n", "line 4: versions do not ascend"},
        {HEAD "use 1\nkey 2 " KEY_A "\nkey 1 " KEY_B "\n", "line 4: versions do not ascend"},
        {HEAD "use 1\nkey 1 " KEY_A "\nkey 2 " KEY_A "\n", "line 4: the key of version 1 again"},
        {HEAD "use 1\nkey 1 " KEY_A "\n\n", "line 4 is not"},
        {HEAD "use 1\nkey 1 " KEY_A "\r\n", "line 3 is not"},
        {HEAD "use 1\nkey 1 " KEY_A "\nkey 2 " KEY_B "\nkey 3 " KEY_C "\nkey 4 " KEY_D "\n",
         "line 6: more than 3 keys"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        HS_CHECK_EQ(parse(bad[i].text), -EINVAL);
        HS_CHECK(strstr(err.text, bad[i].says) != NULL);
        HS_CHECK(strstr(err.text, "001122") == NULL);
        if (!strstr(err.text, bad[i].says)) (void)fprintf(stderr, "%zu: %s\n", i, err.text);
    }
}

static void every_cut_of_a_ring_is_refused(void)
{
    static const char text[] = HEAD "use 1\nkey 1 " KEY_A "\nkey 2 " KEY_B "\n";
    static const char one[] = HEAD "use 1\nkey 1 " KEY_A "\n";

    for (size_t bytes = 0; bytes < sizeof text - 1; bytes++) {
        int rc = hs_keyring_parse(hs_view_of(text, bytes), &ring, &err);

        HS_CHECK_EQ(rc, bytes == sizeof one - 1 ? 0 : -EINVAL);
    }
}

static void a_key_is_installed_used_and_the_old_one_removed(void)
{
    uint8_t key[HS_KEYRING_KEY_BYTES] = {9};
    uint8_t version = 0;

    HS_CHECK_EQ(parse(HEAD "use 3\nkey 3 " KEY_A "\n"), 0);
    HS_CHECK_EQ(hs_keyring_install(&ring, key, &version, &err), 0);
    HS_CHECK_EQ(version, 4);
    HS_CHECK_EQ(ring.used_version, 3);
    HS_CHECK_EQ(hs_keyring_remove(&ring, 3, &err), -EINVAL);
    HS_CHECK(strstr(err.text, "use another one first") != NULL);
    HS_CHECK_EQ(hs_keyring_use(&ring, 4, &err), 0);
    HS_CHECK_EQ(hs_keyring_remove(&ring, 3, &err), 0);
    HS_CHECK_EQ(ring.count, 1);
    HS_CHECK_EQ(ring.at[0].version, 4);
    HS_CHECK_EQ(ring.at[0].bytes[0], 9);
    HS_CHECK_EQ(ring.used_version, 4);
}

static void a_step_that_would_break_the_ring_is_refused(void)
{
    struct hs_keyring before;
    uint8_t           key[HS_KEYRING_KEY_BYTES] = {9};
    uint8_t           version;

    HS_CHECK_EQ(parse(HEAD "use 1\nkey 1 " KEY_A "\nkey 2 " KEY_B "\nkey 255 " KEY_C "\n"), 0);
    before = ring;
    HS_CHECK_EQ(hs_keyring_install(&ring, key, &version, &err), -EINVAL);
    HS_CHECK_EQ(hs_keyring_use(&ring, 7, &err), -EINVAL);
    HS_CHECK_EQ(hs_keyring_remove(&ring, 7, &err), -EINVAL);
    HS_CHECK_EQ(hs_keyring_remove(&ring, 1, &err), -EINVAL);
    HS_CHECK(!memcmp(&before, &ring, sizeof ring));
    HS_CHECK_EQ(hs_keyring_remove(&ring, 2, &err), 0);
    HS_CHECK_EQ(hs_keyring_install(&ring, key, &version, &err), -EINVAL); /* 255 was the last */
    HS_CHECK_EQ(ring.count, 2);
}

CU_TestInfo hs_tests_keyring[] = {
    {"a ring is read and printed the same", a_ring_is_read_and_printed_the_same},
    {"what is wrong is said with its line", what_is_wrong_is_said_with_its_line},
    {"every cut of a ring is refused", every_cut_of_a_ring_is_refused},
    {"a key is installed, used, and the old one removed",
     a_key_is_installed_used_and_the_old_one_removed},
    {"a step that would break the ring is refused", a_step_that_would_break_the_ring_is_refused},
    CU_TEST_INFO_NULL,
};
