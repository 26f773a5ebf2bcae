// SPDX-License-Identifier: Apache-2.0
/* test_seal_io.c - what opens and what does not: another receiver, another ring, another key, any
 * bit changed. */
#include "roles/cluster/seal_io.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

static struct hs_keyring         ring;
static struct hs_seal           *from;
static struct hs_seal           *to;
static struct hs_err             err;
static uint8_t                   datagram[HS_DATAGRAM_BYTES_MAX];
static struct hs_datagram_header header;
static struct hs_view            body;

static const struct hs_node_id sender = {{1, 2, 3}};
static const struct hs_node_id receiver = {{4, 5, 6}};
static const struct hs_node_id anybody;

static void make_ring(uint8_t used, unsigned count)
{
    ring = (struct hs_keyring){.count = count, .used_version = used};
    for (unsigned i = 0; i < count; i++) {
        ring.at[i].version = (uint8_t)(i + 1);
        memset(ring.at[i].bytes, (int)(0x30 + i), sizeof ring.at[i].bytes);
    }
}

static struct hs_seal *open_seal(const struct hs_node_id *self, const char *ring_name)
{
    struct hs_seal_config config = {.self = *self,
                                    .incarnation = 77,
                                    .cluster = "load",
                                    .environment = "prod",
                                    .ring = ring_name};
    struct hs_seal       *seal;

    HS_CHECK_EQ(hs_seal_open(&seal, &config, &ring, &err), 0);
    return seal;
}

static void start(void)
{
    make_ring(1, 1);
    from = open_seal(&sender, "gates");
    to = open_seal(&receiver, "gates");
}

static void stop(void)
{
    hs_seal_close(&from);
    hs_seal_close(&to);
}

static size_t put(const struct hs_node_id *destination)
{
    static const char text[] = "the body";
    int               bytes;

    memcpy(datagram + HS_DATAGRAM_HEADER_BYTES, text, sizeof text);
    bytes =
        hs_seal_put(from, hs_node_id_is_none(destination) ? HS_DATAGRAM_GREET : HS_DATAGRAM_PING,
                    destination, datagram, sizeof text);
    HS_CHECK_EQ(bytes, HS_DATAGRAM_HEADER_BYTES + sizeof text + HS_DATAGRAM_TAG_BYTES);
    return (size_t)bytes;
}

static int get(struct hs_seal *seal, size_t bytes)
{
    HS_CHECK_EQ(hs_datagram_get_header(hs_view_of(datagram, bytes), &header), 0);
    return hs_seal_get(seal, &header, datagram, bytes, &body);
}

static void what_was_sealed_for_us_opens(void)
{
    start();
    for (uint64_t i = 1; i <= 3; i++) {
        size_t bytes = put(&receiver);

        HS_CHECK(memcmp(datagram + HS_DATAGRAM_HEADER_BYTES, "the body", 8) != 0);
        HS_CHECK_EQ(get(to, bytes), 0);
        HS_CHECK_EQ(header.counter, i);
        HS_CHECK_EQ(header.incarnation, 77);
        HS_CHECK_EQ(header.cluster_hash, hs_seal_cluster_hash(to));
        HS_CHECK(hs_node_id_equal(&header.sender, &sender));
        HS_CHECK_TEXT((const char *)body.data, "the body");
    }
    stop();
}

static void st_10_what_was_sealed_for_somebody_else_does_not_open(void)
{
    struct hs_node_id other = receiver;
    size_t            bytes;

    start();
    other.bytes[15] ^= 1;
    bytes = put(&other);
    HS_CHECK_EQ(get(to, bytes), -EBADMSG);
    HS_CHECK_EQ(body.bytes, 0);
    bytes = put(&anybody); /* and what is for anybody does */
    HS_CHECK_EQ(get(to, bytes), 0);
    stop();
}

static void st_10_no_bit_can_be_changed(void)
{
    uint8_t whole[HS_DATAGRAM_BYTES_MAX];
    size_t  bytes;

    start();
    bytes = put(&receiver);
    memcpy(whole, datagram, bytes);
    for (size_t bit = 0; bit < bytes * 8; bit++) {
        memcpy(datagram, whole, bytes);
        datagram[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (hs_datagram_get_header(hs_view_of(datagram, bytes), &header)) continue;
        HS_CHECK(hs_seal_get(to, &header, datagram, bytes, &body) < 0);
    }
    for (size_t cut = HS_DATAGRAM_HEADER_BYTES + HS_DATAGRAM_TAG_BYTES; cut < bytes; cut++) {
        memcpy(datagram, whole, bytes);
        HS_CHECK_EQ(get(to, cut), -EBADMSG);
    }
    memcpy(datagram, whole, bytes);
    HS_CHECK_EQ(get(to, bytes), 0);
    stop();
}

static void rings_environments_and_clusters_do_not_open_each_others(void)
{
    struct hs_seal *other;
    size_t          bytes;

    start();
    other = open_seal(&receiver, "eu-1");
    HS_CHECK(hs_seal_cluster_hash(other) != hs_seal_cluster_hash(to));
    bytes = put(&receiver);
    HS_CHECK_EQ(get(other, bytes), -EBADMSG);
    hs_seal_close(&other);
    stop();
}

static void each_life_has_a_boot_id_and_a_key_of_its_own(void)
{
    struct hs_seal *again;
    uint64_t        boot_id;
    uint8_t         first[8];
    size_t          bytes;

    start();
    bytes = put(&receiver);
    memcpy(first, datagram + HS_DATAGRAM_HEADER_BYTES, sizeof first);
    HS_CHECK_EQ(get(to, bytes), 0);
    boot_id = header.boot_id;
    again = open_seal(&sender, "gates");
    hs_seal_close(&from);
    from = again;
    bytes = put(&receiver);
    HS_CHECK(memcmp(first, datagram + HS_DATAGRAM_HEADER_BYTES, sizeof first) != 0);
    HS_CHECK_EQ(get(to, bytes), 0);
    HS_CHECK_EQ(header.counter, 1);
    HS_CHECK(header.boot_id != boot_id);
    stop();
}

/* SEC-12: install everywhere, then use everywhere, then remove: nothing is lost on the way. */
static void st_11_keys_rotate_without_a_datagram_that_does_not_open(void)
{
    start();
    make_ring(1, 2);
    HS_CHECK_EQ(hs_seal_set_keyring(to, &ring, &err), 0);
    HS_CHECK_EQ(get(to, put(&receiver)), 0);
    HS_CHECK_EQ(hs_seal_set_keyring(from, &ring, &err), 0);
    make_ring(2, 2);
    HS_CHECK_EQ(hs_seal_set_keyring(from, &ring, &err), 0);
    HS_CHECK_EQ(get(to, put(&receiver)), 0);
    HS_CHECK_EQ(header.key_version, 2);
    ring.at[0] = ring.at[1];
    ring.count = 1;
    HS_CHECK_EQ(hs_seal_set_keyring(to, &ring, &err), 0);
    HS_CHECK_EQ(get(to, put(&receiver)), 0);
    make_ring(1, 1);
    HS_CHECK_EQ(hs_seal_set_keyring(from, &ring, &err), 0);
    HS_CHECK_EQ(get(to, put(&receiver)), -ENOKEY); /* also what it had opened before */
    stop();
}

static void a_ring_without_the_key_in_use_changes_nothing(void)
{
    start();
    make_ring(3, 2);
    HS_CHECK_EQ(hs_seal_set_keyring(from, &ring, &err), -EINVAL);
    HS_CHECK_EQ(get(to, put(&receiver)), 0);
    stop();
}

static void the_same_version_with_other_bytes_does_not_open(void)
{
    start();
    ring.at[0].bytes[0] ^= 1;
    HS_CHECK_EQ(hs_seal_set_keyring(from, &ring, &err), 0);
    HS_CHECK_EQ(get(to, put(&receiver)), -EBADMSG);
    stop();
}

static void a_drawn_number_is_another_each_time(void)
{
    uint8_t one[HS_DATAGRAM_NONCE_BYTES];
    uint8_t two[HS_DATAGRAM_NONCE_BYTES];

    HS_CHECK_EQ(hs_seal_draw(one), 0);
    HS_CHECK_EQ(hs_seal_draw(two), 0);
    HS_CHECK(memcmp(one, two, sizeof one) != 0);
}

static void sec_12_a_mark_is_the_same_for_the_same_ring_alone(void)
{
    struct hs_keyring one = {.count = 2, .used_version = 1, .at = {{1, {1}}, {2, {2}}}};
    struct hs_keyring other = one;
    uint32_t          mark = hs_seal_mark(&one);

    HS_CHECK(mark != 0);
    HS_CHECK_EQ(hs_seal_mark(&other), mark);
    other.used_version = 2;
    HS_CHECK(hs_seal_mark(&other) != mark);
    other = one;
    other.count = 1;
    HS_CHECK(hs_seal_mark(&other) != mark);
    other = one;
    other.at[1].bytes[31] ^= 1;
    HS_CHECK(hs_seal_mark(&other) != mark);
    other = one;
    other.at[1].version = 3;
    HS_CHECK(hs_seal_mark(&other) != mark);
}

CU_TestInfo hs_tests_seal_io[] = {
    {"SEC-10 what was sealed for us opens", what_was_sealed_for_us_opens},
    {"SEC-10 ST-10 what was sealed for somebody else does not open",
     st_10_what_was_sealed_for_somebody_else_does_not_open},
    {"SEC-10 BAD-10 ST-10 no bit can be changed", st_10_no_bit_can_be_changed},
    {"SEC-10 BAD-2 rings, environments and clusters do not open each other's",
     rings_environments_and_clusters_do_not_open_each_others},
    {"SEC-10 each life has a boot id and a key of its own",
     each_life_has_a_boot_id_and_a_key_of_its_own},
    {"SEC-12 a mark is the same for the same ring alone",
     sec_12_a_mark_is_the_same_for_the_same_ring_alone},
    {"ST-11 keys rotate without a datagram that does not open",
     st_11_keys_rotate_without_a_datagram_that_does_not_open},
    {"a ring without the key in use changes nothing",
     a_ring_without_the_key_in_use_changes_nothing},
    {"the same version with other bytes does not open",
     the_same_version_with_other_bytes_does_not_open},
    {"a drawn number is another each time", a_drawn_number_is_another_each_time},
    CU_TEST_INFO_NULL,
};
