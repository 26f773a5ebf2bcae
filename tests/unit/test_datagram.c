// SPDX-License-Identifier: Apache-2.0
/* test_datagram.c - every message and every kind of news there and back, and what cuts, lies about
 * lengths and unknown things do. */
#include "roles/cluster/datagram.h"

#include "shm/base/rand.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <math.h>

static uint8_t                   body[HS_DATAGRAM_BODY_BYTES_MAX];
static struct hs_datagram_writer writer;
static struct hs_datagram        read;

static struct hs_node_id id_of(unsigned n)
{
    struct hs_node_id id = {{(uint8_t)n, (uint8_t)(n >> 8), 0xaa}};

    return id;
}

static struct hs_claim claim_of(enum hs_member_status status, unsigned subject)
{
    struct hs_claim claim = {.subject = id_of(subject),
                             .from = id_of(subject),
                             .incarnation = (UINT64_C(7) << 20) + subject,
                             .status = status};

    if (status == HS_MEMBER_SUSPECT || status == HS_MEMBER_DEAD) claim.from = id_of(9000);
    return claim;
}

static struct hs_claim alive_with_facts(unsigned subject)
{
    struct hs_claim claim = claim_of(HS_MEMBER_ALIVE, subject);

    claim.facts.role = HS_IDENTITY_MANAGER;
    claim.facts.class = HS_MEMBER_VOTER;
    HS_CHECK_EQ(hs_addr_parse(&claim.facts.address, "10.1.2.3", 7401), 0);
    (void)snprintf(claim.facts.name, sizeof claim.facts.name, "m-%u", subject);
    (void)snprintf(claim.facts.datacenter, sizeof claim.facts.datacenter, "eu-1");
    return claim;
}

static const struct hs_datagram_message gossip = {.type = HS_DATAGRAM_GOSSIP};

static void start(const struct hs_datagram_message *message)
{
    hs_datagram_start(&writer, body, sizeof body, message);
}

static int decode(void)
{
    size_t bytes = hs_datagram_finish(&writer);

    return hs_datagram_decode(hs_view_of(body, bytes), (enum hs_datagram_type)body[0], &read);
}

static struct hs_datagram_message message_of(enum hs_datagram_type type)
{
    struct hs_datagram_message message = {.type = type};

    if (type == HS_DATAGRAM_PING || type == HS_DATAGRAM_ACK || type == HS_DATAGRAM_PING_REQ ||
        type == HS_DATAGRAM_IND_ACK || type == HS_DATAGRAM_NACK)
        message.seq = 4000000001;
    if (type == HS_DATAGRAM_PING || type == HS_DATAGRAM_PING_REQ || type == HS_DATAGRAM_IND_ACK ||
        type == HS_DATAGRAM_NACK)
        message.target = id_of(5);
    if (type == HS_DATAGRAM_PING || type == HS_DATAGRAM_ACK || type == HS_DATAGRAM_IND_ACK ||
        type == HS_DATAGRAM_JOIN_ACK)
        message.incarnation = UINT64_C(1) << 40;
    if (type == HS_DATAGRAM_PING_REQ)
        HS_CHECK_EQ(hs_addr_parse(&message.address, "2001:db8::7", 7400), 0);
    if (type == HS_DATAGRAM_NACK) message.code = 3;
    if (type == HS_DATAGRAM_JOIN_ACK) {
        message.code = 3;
        message.required = 99;
    }
    if (type == HS_DATAGRAM_PUSH_PULL) {
        message.page = 2;
        message.is_last = true;
        message.is_reply_wanted = true;
    }
    if (type == HS_DATAGRAM_PUSH_PULL || type == HS_DATAGRAM_JOIN || type == HS_DATAGRAM_JOIN_ACK)
        message.nonce = UINT64_MAX - 4;
    if (type == HS_DATAGRAM_GREET) {
        memset(message.proof, 0x11, sizeof message.proof);
        memset(message.challenge, 0x22, sizeof message.challenge);
    }
    return message;
}

static void every_message_is_read_as_it_was_written(void)
{
    for (int type = 1; type < HS_DATAGRAM_TYPE_END; type++) {
        struct hs_datagram_message message = message_of((enum hs_datagram_type)type);

        start(&message);
        HS_CHECK_EQ(decode(), 0);
        HS_CHECK(!memcmp(&read.message, &message, sizeof message));
        HS_CHECK_EQ(read.malformed_count + read.unknown_count, 0);
    }
}

static void every_cut_of_a_message_is_refused(void)
{
    for (int type = 1; type < HS_DATAGRAM_TYPE_END; type++) {
        struct hs_datagram_message message = message_of((enum hs_datagram_type)type);
        size_t                     bytes;

        start(&message);
        bytes = hs_datagram_finish(&writer);
        for (size_t cut = 0; cut < bytes; cut++)
            HS_CHECK_EQ(hs_datagram_decode(hs_view_of(body, cut), message.type, &read), -EPROTO);
        for (size_t less = 1; less <= bytes - 3; less++) { /* the section says so itself */
            body[1] = (uint8_t)(bytes - 3 - less);
            HS_CHECK_EQ(hs_datagram_decode(hs_view_of(body, bytes - less), message.type, &read),
                        -EPROTO);
        }
    }
}

static void a_message_of_another_type_than_the_header_says_is_refused(void)
{
    struct hs_datagram_message message = message_of(HS_DATAGRAM_PING);

    start(&message);
    HS_CHECK_EQ(
        hs_datagram_decode(hs_view_of(body, hs_datagram_finish(&writer)), HS_DATAGRAM_ACK, &read),
        -EPROTO);
}

static bool is_same_claim(const struct hs_claim *a, const struct hs_claim *b)
{
    return hs_node_id_equal(&a->subject, &b->subject) && hs_node_id_equal(&a->from, &b->from) &&
           a->incarnation == b->incarnation && a->status == b->status &&
           a->facts.role == b->facts.role && a->facts.class == b->facts.class &&
           !memcmp(&a->facts.address, &b->facts.address, sizeof a->facts.address) &&
           !memcmp(&a->facts.health, &b->facts.health, sizeof a->facts.health) &&
           !strcmp(a->facts.name, b->facts.name) &&
           !strcmp(a->facts.datacenter, b->facts.datacenter);
}

static void news_of_every_kind_are_read_as_they_were_written(void)
{
    struct hs_claim        claims[HS_MEMBER_STATUS_COUNT + 1];
    struct hs_health_entry health = {
        .node = id_of(4), .age_ms = 12345, .load = HS_LOAD_STRESSED, .score = 8};
    struct hs_coordinate place = {
        .at = {0.1f, -0.2f}, .height = 0.01f, .error = 0.3f, .samples = 7};
    bool put = true;

    start(&gossip);
    for (int i = 0; i < HS_MEMBER_STATUS_COUNT; i++) {
        claims[i] = claim_of((enum hs_member_status)i, 100 + (unsigned)i);
        put = put && hs_datagram_put_claim(&writer, &claims[i], i == HS_MEMBER_DEAD);
    }
    claims[HS_MEMBER_STATUS_COUNT] = alive_with_facts(3);
    claims[HS_MEMBER_STATUS_COUNT].facts.health = claims[HS_MEMBER_STATUS_COUNT].facts.address;
    claims[HS_MEMBER_STATUS_COUNT].facts.health.port = 7402;
    put = put && hs_datagram_put_claim(&writer, &claims[HS_MEMBER_STATUS_COUNT], false);
    put = put && hs_datagram_put_health(&writer, &health);
    put = put && hs_datagram_put_coordinate(&writer, &place);
    put = put && hs_datagram_put_keyring(&writer, UINT32_C(0xfedcba98));
    HS_CHECK(put);
    HS_CHECK_EQ(decode(), 0);
    HS_CHECK_EQ(read.claim_count, HS_MEMBER_STATUS_COUNT + 1);
    for (int i = 0; i <= HS_MEMBER_STATUS_COUNT; i++) {
        HS_CHECK(is_same_claim(&read.claims[i], &claims[i]));
        HS_CHECK_EQ(read.is_old[i], i == HS_MEMBER_DEAD);
    }
    HS_CHECK_EQ(read.health_count, 1);
    HS_CHECK(!memcmp(&read.healths[0], &health, sizeof health));
    HS_CHECK(read.has_coordinate);
    HS_CHECK(!memcmp(&read.coordinate, &place, sizeof place));
    HS_CHECK_EQ(read.keyring_mark, UINT32_C(0xfedcba98));
    HS_CHECK_EQ(read.malformed_count + read.unknown_count, 0);
}

static void entries_go_in_whole_or_not_at_all(void)
{
    struct hs_claim claim = alive_with_facts(1);
    unsigned        count = 0;

    start(&gossip);
    for (unsigned left = 400; hs_datagram_left_bytes(&writer) > left && count < 100; count++) {
        claim = claim_of(HS_MEMBER_SUSPECT, count + 1);
        HS_CHECK(hs_datagram_put_claim(&writer, &claim, false));
    }
    while (count < 100) {
        size_t left = hs_datagram_left_bytes(&writer);

        claim = claim_of(HS_MEMBER_SUSPECT, count + 1);
        if (!hs_datagram_put_claim(&writer, &claim, false)) {
            HS_CHECK_EQ(hs_datagram_left_bytes(&writer), left);
            break;
        }
        count++;
    }
    HS_CHECK(count >= 12); /* spec: at least twelve updates always fit */
    HS_CHECK(count <= HS_DATAGRAM_CLAIMS_MAX);
    HS_CHECK_EQ(decode(), 0);
    HS_CHECK_EQ(read.claim_count, count);
    HS_CHECK_EQ(read.malformed_count, 0);
}

static void s8_7_a_section_that_claims_more_than_there_is_is_not_read(void)
{
    struct hs_claim claim = claim_of(HS_MEMBER_DEAD, 1);
    size_t          bytes;

    start(&gossip);
    HS_CHECK(hs_datagram_put_claim(&writer, &claim, false));
    bytes = hs_datagram_finish(&writer);
    memset(body + bytes, 0xee, sizeof body - bytes);
    body[bytes] = 33;
    body[bytes + 1] = 60000 & 0xff;
    body[bytes + 2] = 60000 >> 8;
    HS_CHECK_EQ(hs_datagram_decode(hs_view_of(body, sizeof body), HS_DATAGRAM_GOSSIP, &read), 0);
    HS_CHECK_EQ(read.claim_count, 1); /* the rest of the datagram is used */
    HS_CHECK_EQ(read.health_count, 0);
    HS_CHECK_EQ(read.malformed_count, 1);
}

static void a_body_longer_than_any_is_refused(void)
{
    static uint8_t longer[HS_DATAGRAM_BODY_BYTES_MAX + 1];
    size_t         bytes;

    start(&gossip);
    bytes = hs_datagram_finish(&writer);
    memcpy(longer, body, bytes);
    longer[bytes] = 0xee; /* an unknown section up to the end */
    longer[bytes + 1] = (uint8_t)(sizeof longer - bytes - 3);
    longer[bytes + 2] = (uint8_t)((sizeof longer - bytes - 3) >> 8);
    HS_CHECK_EQ(hs_datagram_decode(hs_view_of(longer, sizeof longer), HS_DATAGRAM_GOSSIP, &read),
                -EPROTO);
    longer[bytes + 1]--;
    HS_CHECK_EQ(
        hs_datagram_decode(hs_view_of(longer, sizeof longer - 1), HS_DATAGRAM_GOSSIP, &read), 0);
    HS_CHECK_EQ(read.unknown_count, 1);
    HS_CHECK_EQ(read.malformed_count, 0);
}

static void the_first_malformed_entry_ends_its_section_and_no_other(void)
{
    struct hs_claim        good = claim_of(HS_MEMBER_SUSPECT, 1);
    struct hs_claim        bad = claim_of(HS_MEMBER_SUSPECT, 2);
    struct hs_health_entry health = {.node = id_of(4), .is_accepting = true};

    bad.incarnation = 0;
    start(&gossip);
    HS_CHECK(hs_datagram_put_claim(&writer, &good, false));
    HS_CHECK(hs_datagram_put_claim(&writer, &bad, false));
    HS_CHECK(hs_datagram_put_claim(&writer, &good, false));
    HS_CHECK(hs_datagram_put_health(&writer, &health));
    HS_CHECK_EQ(decode(), 0);
    HS_CHECK_EQ(read.claim_count, 1);
    HS_CHECK_EQ(read.health_count, 1);
    HS_CHECK_EQ(read.malformed_count, 1);
}

static void an_unknown_section_is_skipped(void)
{
    static const uint8_t   unknown[] = {99, 4, 0, 1, 2, 3, 4};
    struct hs_health_entry health = {.node = id_of(4)};
    size_t                 at;

    start(&gossip);
    at = hs_datagram_finish(&writer);
    hs_put_bytes(&writer.out, unknown, sizeof unknown);
    HS_CHECK_EQ(writer.out.used_bytes, at + sizeof unknown);
    HS_CHECK(hs_datagram_put_health(&writer, &health));
    HS_CHECK_EQ(decode(), 0);
    HS_CHECK_EQ(read.unknown_count, 1);
    HS_CHECK_EQ(read.health_count, 1);
}

static void what_no_node_says_is_malformed(void)
{
    struct hs_claim claims[6];
    struct hs_claim base = alive_with_facts(1);

    for (int i = 0; i < 6; i++) claims[i] = base;
    memset(&claims[0].subject, 0, sizeof claims[0].subject);
    claims[1].facts.role = HS_IDENTITY_CLIENT;
    claims[2].facts.name[1] = 'A';
    claims[3].facts.address.family = 7;
    (void)snprintf(claims[4].facts.datacenter, sizeof claims[4].facts.datacenter, "a/b");
    claims[5].facts.health = (struct hs_addr){.family = 7, .port = 1};
    for (int i = 0; i < 6; i++) {
        start(&gossip);
        HS_CHECK(hs_datagram_put_claim(&writer, &claims[i], false));
        HS_CHECK_EQ(decode(), 0);
        HS_CHECK_EQ(read.claim_count, 0);
        HS_CHECK_EQ(read.malformed_count, 1);
    }
    start(&gossip);
    HS_CHECK(hs_datagram_put_claim(&writer, &base, false));
    body[6] = 0x4f; /* a status that nobody knows */
    HS_CHECK_EQ(decode(), 0);
    HS_CHECK_EQ(read.claim_count, 0);
    body[6] = 0x21; /* a health address of a member without one of its own */
    HS_CHECK_EQ(decode(), 0);
    HS_CHECK_EQ(read.claim_count, 0);
    body[6] = 0x51; /* a bit without a meaning */
    HS_CHECK_EQ(decode(), 0);
    HS_CHECK_EQ(read.claim_count, 0);
}

static void a_bad_coordinate_is_ignored_and_the_rest_is_used(void)
{
    struct hs_coordinate place = {.at = {NAN}, .error = 0.3f};
    struct hs_claim      claim = claim_of(HS_MEMBER_ALIVE, 1);

    start(&gossip);
    HS_CHECK(hs_datagram_put_coordinate(&writer, &place));
    HS_CHECK(hs_datagram_put_claim(&writer, &claim, false));
    HS_CHECK_EQ(decode(), 0);
    HS_CHECK(!read.has_coordinate);
    HS_CHECK_EQ(read.malformed_count, 1);
    HS_CHECK_EQ(read.claim_count, 1);
}

/* Found by the fuzzer: half a coordinate behind a whole one left a mixture of both. */
static void half_a_coordinate_does_not_spoil_the_one_before(void)
{
    struct hs_coordinate place = {.at = {0.1f}, .error = 0.3f};
    uint8_t              half[3 + 20];

    memset(half, 0xff, sizeof half);
    half[0] = 34;
    half[1] = 20;
    half[2] = 0;
    start(&gossip);
    HS_CHECK(hs_datagram_put_coordinate(&writer, &place));
    (void)hs_datagram_finish(&writer);
    hs_put_bytes(&writer.out, half, sizeof half);
    HS_CHECK_EQ(decode(), 0);
    HS_CHECK(read.has_coordinate);
    HS_CHECK(!memcmp(&read.coordinate, &place, sizeof place));
    HS_CHECK_EQ(read.malformed_count, 1);
}

static struct hs_datagram_header header_of(void)
{
    return (struct hs_datagram_header){.type = HS_DATAGRAM_GREET,
                                       .flags = HS_DATAGRAM_TO_ANY,
                                       .key_version = 200,
                                       .cluster_hash = 0x0102030405060708,
                                       .sender = id_of(3),
                                       .incarnation = 1,
                                       .boot_id = UINT64_MAX,
                                       .counter = 1};
}

static void the_header_is_read_as_it_was_written(void)
{
    uint8_t                   bytes[HS_DATAGRAM_BYTES_MAX + 1] = {0};
    struct hs_datagram_header header = header_of();
    struct hs_datagram_header found;
    size_t                    least = HS_DATAGRAM_HEADER_BYTES + HS_DATAGRAM_TAG_BYTES;

    hs_datagram_put_header(bytes, &header);
    HS_CHECK_EQ(hs_datagram_get_header(hs_view_of(bytes, least), &found), 0);
    HS_CHECK(!memcmp(&header, &found, sizeof header));
    HS_CHECK_EQ(hs_datagram_get_header(hs_view_of(bytes, 1400), &found), 0);
    HS_CHECK_EQ(hs_datagram_get_header(hs_view_of(bytes, 1401), &found), -EMSGSIZE);
    for (size_t cut = 0; cut < least; cut++)
        HS_CHECK_EQ(hs_datagram_get_header(hs_view_of(bytes, cut), &found), -EMSGSIZE);
    bytes[3] = 77; /* a later minor version */
    HS_CHECK_EQ(hs_datagram_get_header(hs_view_of(bytes, least), &found), 0);
    bytes[2] = 2;
    HS_CHECK_EQ(hs_datagram_get_header(hs_view_of(bytes, least), &found), -ENOTSUP);
}

static void headers_that_nobody_writes_are_refused(void)
{
    static const size_t       zeroed[][2] = {{0, 2}, {4, 1}, {16, 16}, {32, 8}, {40, 8}, {48, 8}};
    uint8_t                   bytes[HS_DATAGRAM_HEADER_BYTES + HS_DATAGRAM_TAG_BYTES] = {0};
    struct hs_view            view = hs_view_of(bytes, sizeof bytes);
    struct hs_datagram_header header = header_of();
    struct hs_datagram_header found;

    for (size_t i = 0; i < sizeof zeroed / sizeof *zeroed; i++) {
        hs_datagram_put_header(bytes, &header);
        memset(bytes + zeroed[i][0], 0, zeroed[i][1]);
        HS_CHECK_EQ(hs_datagram_get_header(view, &found), -EPROTO);
    }
    hs_datagram_put_header(bytes, &header);
    bytes[7] = 1;
    HS_CHECK_EQ(hs_datagram_get_header(view, &found), -EPROTO);
    header.type = HS_DATAGRAM_PING; /* only a greeting may be for anybody */
    hs_datagram_put_header(bytes, &header);
    HS_CHECK_EQ(hs_datagram_get_header(view, &found), -EPROTO);
    bytes[5] = 2;
    HS_CHECK_EQ(hs_datagram_get_header(view, &found), -EPROTO);
}

static void rings_have_hashes_of_their_own(void)
{
    uint64_t gates = hs_datagram_cluster_hash("load/prod/gates");

    HS_CHECK(gates == hs_datagram_cluster_hash("load/prod/gates"));
    HS_CHECK(gates != hs_datagram_cluster_hash("load/staging/gates"));
    HS_CHECK(gates != hs_datagram_cluster_hash("load/prod/eu-1"));
}

/* Bits of real bodies flipped: nothing is read out of bounds (the sanitizers look on). */
static void flipped_bits_do_no_harm(void)
{
    struct hs_rand rand;

    hs_rand_init(&rand, 8);
    for (int i = 0; i < 20000; i++) {
        struct hs_claim claim = alive_with_facts(2);
        size_t          bytes;

        start(&gossip);
        for (int k = 0; k < 5; k++) HS_CHECK(hs_datagram_put_claim(&writer, &claim, false));
        bytes = hs_datagram_finish(&writer);
        for (int k = 0; k < 3; k++)
            body[hs_rand_below(&rand, bytes)] ^= (uint8_t)(1u << hs_rand_below(&rand, 8));
        HS_IGNORE(hs_datagram_decode(hs_view_of(body, bytes), HS_DATAGRAM_GOSSIP, &read),
                  "any answer will do");
        HS_CHECK(read.claim_count <= HS_DATAGRAM_CLAIMS_MAX);
    }
}

CU_TestInfo hs_tests_datagram[] = {
    {"every message is read as it was written", every_message_is_read_as_it_was_written},
    {"every cut of a message is refused", every_cut_of_a_message_is_refused},
    {"a message of another type than the header says is refused",
     a_message_of_another_type_than_the_header_says_is_refused},
    {"news of every kind are read as they were written",
     news_of_every_kind_are_read_as_they_were_written},
    {"entries go in whole or not at all", entries_go_in_whole_or_not_at_all},
    {"8.7 a section that claims more than there is is not read",
     s8_7_a_section_that_claims_more_than_there_is_is_not_read},
    {"a body longer than any is refused", a_body_longer_than_any_is_refused},
    {"the first malformed entry ends its section and no other",
     the_first_malformed_entry_ends_its_section_and_no_other},
    {"an unknown section is skipped", an_unknown_section_is_skipped},
    {"what no node says is malformed", what_no_node_says_is_malformed},
    {"a bad coordinate is ignored and the rest is used",
     a_bad_coordinate_is_ignored_and_the_rest_is_used},
    {"half a coordinate does not spoil the one before",
     half_a_coordinate_does_not_spoil_the_one_before},
    {"the header is read as it was written", the_header_is_read_as_it_was_written},
    {"headers that nobody writes are refused", headers_that_nobody_writes_are_refused},
    {"rings have hashes of their own", rings_have_hashes_of_their_own},
    {"flipped bits do no harm", flipped_bits_do_no_harm},
    CU_TEST_INFO_NULL,
};
