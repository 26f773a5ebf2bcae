// SPDX-License-Identifier: Apache-2.0
/* test_wire.c - the codec over every row of messages.def, with values made from the table
 * itself. */
#include "roles/wire_table.h"
#include "shm/base/rand.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

enum { BODY_BYTES = 1 << 20, EDGES_MAX = HS_WIRE_TAGS_MAX + 2 };

static uint8_t body_memory[BODY_BYTES];
static uint8_t other_memory[BODY_BYTES];
static uint8_t view_memory[HS_FRAME_BYTES_MAX];

/* ---- values ---- */

enum fill { FILL_MIN, FILL_MAX, FILL_RANDOM };

static void fill_view(uint8_t *at, size_t bytes, struct hs_rand *rand)
{
    struct hs_view view = hs_view_of(bytes ? view_memory : NULL, bytes);

    for (size_t i = 0; i < bytes; i += 64) view_memory[i] = (uint8_t)hs_rand_next(rand);
    memcpy(at, &view, sizeof(view));
}

static void fill_text(uint8_t *at, size_t bytes, struct hs_rand *rand)
{
    for (size_t i = 0; i < bytes; i++) at[i] = (uint8_t)(1 + hs_rand_below(rand, 255));
    at[bytes] = '\0';
}

static void fill_field(const struct hs_wire_field *field, uint8_t *at, enum fill how,
                       struct hs_rand *rand)
{
    bool     is_bounded = field->kind == HS_WIRE_VIEW || field->kind == HS_WIRE_TEXT;
    uint64_t most = field->kind == HS_WIRE_TEXT ? field->bytes - 1 : field->bytes;
    uint64_t bytes = how == FILL_MAX   ? most
                     : how == FILL_MIN ? 0
                                       : hs_rand_below(rand, most < 64 ? most + 1 : 64);

    if (field->kind == HS_WIRE_VIEW) fill_view(at, bytes, rand);
    if (field->kind == HS_WIRE_TEXT) fill_text(at, bytes, rand);
    for (size_t i = 0; i < field->bytes && !is_bounded; i++)
        at[i] = how == FILL_MIN ? 0 : how == FILL_MAX ? 0xff : (uint8_t)hs_rand_next(rand);
}

static void fill_message(enum hs_msg_type type, void *message, enum fill how, struct hs_rand *rand)
{
    const struct hs_wire_message *table = hs_wire_message_find(type);
    unsigned                      count;
    const struct hs_wire_field   *fields = table->fields(&count);

    memset(message, 0, table->struct_bytes);
    for (unsigned i = 0; i < count; i++)
        if (how != FILL_RANDOM || fields[i].is_needed || hs_rand_below(rand, 2))
            fill_field(&fields[i], (uint8_t *)message + fields[i].offset, how, rand);
}

static bool is_view_equal(const uint8_t *a, const uint8_t *b)
{
    struct hs_view view_a;
    struct hs_view view_b;

    memcpy(&view_a, a, sizeof(view_a));
    memcpy(&view_b, b, sizeof(view_b));
    return hs_view_equal(view_a, view_b);
}

static bool is_message_equal(enum hs_msg_type type, const void *a, const void *b)
{
    unsigned                    count;
    const struct hs_wire_field *fields = hs_wire_message_find(type)->fields(&count);

    for (unsigned i = 0; i < count; i++) {
        const uint8_t *at_a = (const uint8_t *)a + fields[i].offset;
        const uint8_t *at_b = (const uint8_t *)b + fields[i].offset;

        if (fields[i].kind == HS_WIRE_VIEW   ? !is_view_equal(at_a, at_b)
            : fields[i].kind == HS_WIRE_TEXT ? strcmp((const char *)at_a, (const char *)at_b) != 0
                                             : memcmp(at_a, at_b, fields[i].bytes) != 0)
            return false;
    }
    return true;
}

static struct hs_view encode(enum hs_msg_type type, const void *message)
{
    struct hs_writer writer;

    hs_writer_init(&writer, body_memory, sizeof(body_memory));
    HS_CHECK_EQ(hs_wire_encode(type, message, &writer), 0);
    HS_CHECK(writer.used_bytes <= hs_wire_bytes_max(type, message));
    return hs_view_of(body_memory, writer.used_bytes);
}

/* Offsets at which a field begins, and the end; returns how many. */
static unsigned edges_of(struct hs_view body, size_t edges[EDGES_MAX])
{
    struct hs_reader reader;
    unsigned         count = 0;

    hs_reader_init(&reader, body);
    while (hs_reader_left_bytes(&reader) && count < EDGES_MAX - 1) {
        uint64_t key;
        uint64_t number;

        edges[count++] = reader.at;
        key = hs_get_varint(&reader);
        number = hs_get_varint(&reader);
        if ((key & 7) == HS_WIRE_CLASS_BYTES) (void)hs_get_view(&reader, number);
    }
    HS_CHECK_EQ(hs_reader_finish(&reader), 0);
    edges[count++] = body.bytes;
    return count;
}

typedef void type_fn(enum hs_msg_type type, struct hs_rand *rand);

static void for_every_type(type_fn *check)
{
    struct hs_rand rand;
    unsigned       known = 0;

    hs_rand_init(&rand, 7);
    for (unsigned type = 0; type < HS_WIRE_TYPE_COUNT; type++) {
        if (!hs_wire_is_known(type)) continue;
        check((enum hs_msg_type)type, &rand);
        known++;
    }
    HS_CHECK(known > 50);
}

/* ---- every row ---- */

static void check_table(enum hs_msg_type type, struct hs_rand *rand)
{
    unsigned                    count;
    const struct hs_wire_field *fields = hs_wire_message_find(type)->fields(&count);

    (void)rand;
    HS_CHECK(count > 0);
    HS_CHECK(count <= HS_FIELDS_MAX);
    for (unsigned i = 0; i < count; i++) {
        HS_CHECK(fields[i].tag > (i ? fields[i - 1].tag : 0));
        HS_CHECK(fields[i].tag <= HS_WIRE_TAGS_MAX);
        HS_CHECK(fields[i].bytes > 0);
        HS_CHECK(fields[i].bytes <= HS_WIRE_PART_BYTES_MAX);
    }
}

static void tags_ascend_and_bounds_fit_a_frame(void)
{
    for_every_type(check_table);
}

static void check_round_trip(enum hs_msg_type type, struct hs_rand *rand)
{
    union hs_msg sent;
    union hs_msg got;

    for (unsigned i = 0; i < 32; i++) {
        enum fill how = i == 0 ? FILL_MIN : i == 1 ? FILL_MAX : FILL_RANDOM;

        fill_message(type, &sent, how, rand);
        memset(&got, 0xaa, sizeof(got));
        HS_CHECK_EQ(hs_wire_decode(type, encode(type, &sent), &got), 0);
        HS_CHECK(is_message_equal(type, &sent, &got));
    }
}

static void every_message_comes_back_as_it_was_sent(void)
{
    for_every_type(check_round_trip);
}

/* A newer peer's field at edge; what it says does not matter. */
static struct hs_view with_unknown(struct hs_view body, size_t edge, struct hs_rand *rand)
{
    struct hs_writer writer;
    uint64_t         tag = hs_rand_below(rand, 2) ? 63 : 64 + hs_rand_below(rand, 1 << 20);

    hs_writer_init(&writer, other_memory, sizeof(other_memory));
    hs_put_bytes(&writer, body.data, edge);
    if (hs_rand_below(rand, 2)) {
        hs_put_varint(&writer, tag << 3 | HS_WIRE_CLASS_VARINT);
        hs_put_varint(&writer, hs_rand_next(rand));
    } else {
        hs_put_varint(&writer, tag << 3 | HS_WIRE_CLASS_BYTES);
        hs_put_varint(&writer, 5);
        hs_put_bytes(&writer, "\xff\xff\xff\xff\xff", 5);
    }
    hs_put_bytes(&writer, body.data + edge, body.bytes - edge);
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
    return hs_view_of(other_memory, writer.used_bytes);
}

static void check_unknown_fields(enum hs_msg_type type, struct hs_rand *rand)
{
    union hs_msg   sent;
    union hs_msg   got;
    size_t         edges[EDGES_MAX];
    struct hs_view body;
    unsigned       count;

    fill_message(type, &sent, FILL_RANDOM, rand);
    body = encode(type, &sent);
    count = edges_of(body, edges);
    for (unsigned i = 0; i < count; i++) {
        HS_CHECK_EQ(hs_wire_decode(type, with_unknown(body, edges[i], rand), &got), 0);
        HS_CHECK(is_message_equal(type, &sent, &got));
        HS_CHECK_EQ(got.has >> 63, 0);
    }
}

static void fields_of_a_newer_peer_are_skipped_wherever_they_stand(void)
{
    for_every_type(check_unknown_fields);
}

static uint64_t tag_at(struct hs_view body, size_t edge)
{
    struct hs_reader reader;

    hs_reader_init(&reader, hs_view_of(body.data + edge, body.bytes - edge));
    return hs_get_varint(&reader) >> 3;
}

/* A cut between two fields is a message of fewer fields: good if none that is needed went. */
static int expected_of_cut(enum hs_msg_type type, struct hs_view body, size_t cut)
{
    size_t                      edges[EDGES_MAX];
    unsigned                    field_count;
    unsigned                    edge_count = edges_of(body, edges);
    const struct hs_wire_field *fields = hs_wire_message_find(type)->fields(&field_count);
    unsigned                    kept = 0;

    while (kept < edge_count && edges[kept] < cut) kept++;
    if (edges[kept] != cut) return -EPROTO;
    for (unsigned i = 0; i < field_count; i++) {
        bool is_there = false;

        for (unsigned k = 0; k < kept; k++) is_there |= tag_at(body, edges[k]) == fields[i].tag;
        if (fields[i].is_needed && !is_there) return -EPROTO;
    }
    return 0;
}

static void check_every_cut(enum hs_msg_type type, struct hs_rand *rand)
{
    union hs_msg   sent;
    union hs_msg   got;
    struct hs_view body;

    fill_message(type, &sent, FILL_RANDOM, rand);
    body = encode(type, &sent);
    for (size_t cut = 0; cut < body.bytes; cut++) {
        /* A copy of just that size: a sanitizer sees a read beyond. */
        memcpy(other_memory + BODY_BYTES - cut, body.data, cut);
        HS_CHECK_EQ(hs_wire_decode(type, hs_view_of(other_memory + BODY_BYTES - cut, cut), &got),
                    expected_of_cut(type, body, cut));
    }
}

static void message_cut_anywhere_is_refused_or_whole(void)
{
    for_every_type(check_every_cut);
}

static void check_doubled(enum hs_msg_type type, struct hs_rand *rand)
{
    union hs_msg     sent;
    union hs_msg     got;
    size_t           edges[EDGES_MAX];
    struct hs_view   body;
    struct hs_writer writer;
    unsigned         count;

    fill_message(type, &sent, FILL_RANDOM, rand);
    body = encode(type, &sent);
    count = edges_of(body, edges);
    for (unsigned i = 0; i + 1 < count; i++) {
        hs_writer_init(&writer, other_memory, sizeof(other_memory));
        hs_put_bytes(&writer, body.data, body.bytes);
        hs_put_bytes(&writer, body.data + edges[i], edges[i + 1] - edges[i]);
        HS_CHECK_EQ(hs_wire_decode(type, hs_view_of(other_memory, writer.used_bytes), &got),
                    -EPROTO);
        HS_CHECK_EQ(got.has, 0);
    }
}

static void field_that_comes_twice_is_refused(void)
{
    for_every_type(check_doubled);
}

static void check_garbage(enum hs_msg_type type, struct hs_rand *rand)
{
    union hs_msg sent;
    union hs_msg got;

    for (unsigned i = 0; i < 300; i++) {
        struct hs_view body;

        fill_message(type, &sent, FILL_RANDOM, rand);
        body = encode(type, &sent);
        for (unsigned flips = 0; body.bytes && flips < 3; flips++)
            body_memory[hs_rand_below(rand, body.bytes)] ^= (uint8_t)(1 << hs_rand_below(rand, 8));
        if (hs_wire_decode(type, body, &got) == 0) {
            struct hs_writer writer;

            hs_writer_init(&writer, other_memory, sizeof(other_memory));
            HS_CHECK_EQ(hs_wire_encode(type, &got, &writer), 0);
        } else {
            HS_CHECK_EQ(got.has, 0);
        }
    }
}

static void flipped_bits_never_make_a_message_that_cannot_be_sent_on(void)
{
    for_every_type(check_garbage);
}

/* ---- single rules, on small messages ---- */

static int decode_ping(const char *bytes, size_t count)
{
    struct hs_msg_ping ping;

    return hs_wire_decode(HS_MSG_PING, hs_view_of(bytes, count), &ping);
}

static void malformed_fields_are_refused(void)
{
    HS_CHECK_EQ(decode_ping("\x08\x05", 2), 0);
    HS_CHECK_EQ(decode_ping("", 0), -EPROTO);                 /* needed field missing */
    HS_CHECK_EQ(decode_ping("\x08", 1), -EPROTO);             /* no value */
    HS_CHECK_EQ(decode_ping("\x0a\x00", 2), -EPROTO);         /* other class */
    HS_CHECK_EQ(decode_ping("\x08\x05\x00\x00", 4), -EPROTO); /* tag 0 */
    HS_CHECK_EQ(decode_ping("\x08\x05\x11\x00", 4), -EPROTO); /* class 1 */
    HS_CHECK_EQ(decode_ping("\x08\x05\x7a\x05", 4), -EPROTO); /* unknown, but torn */
    HS_CHECK_EQ(decode_ping("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11), -EPROTO);
    HS_CHECK_EQ(decode_ping("\x08\x05\x7a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13), -EPROTO);
}

static void more_fields_than_the_limit_are_refused(void)
{
    struct hs_writer   writer;
    struct hs_msg_ping ping = {.nonce = 1};

    hs_writer_init(&writer, body_memory, sizeof(body_memory));
    HS_CHECK_EQ(hs_wire_encode(HS_MSG_PING, &ping, &writer), 0);
    for (unsigned i = 1; i < HS_FIELDS_MAX; i++) {
        hs_put_varint(&writer, (100 + i) << 3);
        hs_put_varint(&writer, i);
    }
    HS_CHECK_EQ(hs_wire_decode(HS_MSG_PING, hs_view_of(body_memory, writer.used_bytes), &ping), 0);
    hs_put_varint(&writer, 200 << 3);
    hs_put_varint(&writer, 0);
    HS_CHECK_EQ(hs_wire_decode(HS_MSG_PING, hs_view_of(body_memory, writer.used_bytes), &ping),
                -EPROTO);
}

static void values_beyond_their_field_are_refused(void)
{
    struct hs_msg_refused refused;

    HS_CHECK_EQ(hs_wire_decode(HS_MSG_REFUSED, hs_view_of("\x08\xff\xff\x03", 4), &refused), 0);
    HS_CHECK_EQ(refused.code, 0xffff);
    HS_CHECK_EQ(hs_wire_decode(HS_MSG_REFUSED, hs_view_of("\x08\x80\x80\x04", 4), &refused),
                -EPROTO);
    HS_CHECK_EQ(hs_wire_decode(HS_MSG_REFUSED, hs_view_of("\x08\x01\x22\x02i\x00", 6), &refused),
                -EPROTO); /* a zero inside a text */
    HS_CHECK_EQ(hs_wire_decode(HS_MSG_REFUSED, hs_view_of("\x08\x01\x22\x02ik", 6), &refused), 0);
    HS_CHECK_TEXT(refused.text, "ik");
}

static void encoder_refuses_what_breaks_its_own_bounds(void)
{
    struct hs_writer        writer;
    struct hs_msg_refused   refused = {0};
    struct hs_msg_blob_data data = {.data = {view_memory, HS_WIRE_PART_BYTES_MAX + 1}};
    struct hs_msg_ping      ping = {.nonce = UINT64_MAX};

    memset(refused.text, 'x', sizeof(refused.text));
    hs_writer_init(&writer, body_memory, sizeof(body_memory));
    HS_CHECK_EQ(hs_wire_encode(HS_MSG_REFUSED, &refused, &writer), -EMSGSIZE);
    hs_writer_init(&writer, body_memory, sizeof(body_memory));
    HS_CHECK_EQ(hs_wire_encode(HS_MSG_BLOB_DATA, &data, &writer), -EMSGSIZE);
    hs_writer_init(&writer, body_memory, 10);
    HS_CHECK_EQ(hs_wire_encode(HS_MSG_PING, &ping, &writer), -EMSGSIZE);
}

static void presence_of_a_field_is_told(void)
{
    struct hs_msg_hello sent = {.role = HS_ROLE_WORKER, .session = 9};
    struct hs_msg_hello got;

    HS_CHECK_EQ(hs_wire_decode(HS_MSG_HELLO, encode(HS_MSG_HELLO, &sent), &got), 0);
    HS_CHECK(hs_wire_has(HS_MSG_HELLO, &got, &got.role));
    HS_CHECK(hs_wire_has(HS_MSG_HELLO, &got, &got.session));
    HS_CHECK(!hs_wire_has(HS_MSG_HELLO, &got, &got.version));
    HS_CHECK(!hs_wire_has(HS_MSG_HELLO, &got, got.name));
}

static void permissions_follow_the_list_and_default_to_no(void)
{
    unsigned allowed = 0;

    HS_CHECK(hs_wire_may(HS_MSG_SUBMIT, HS_ROLE_CLIENT, HS_ROLE_GATE));
    HS_CHECK(!hs_wire_may(HS_MSG_SUBMIT, HS_ROLE_GATE, HS_ROLE_CLIENT));
    HS_CHECK(!hs_wire_may(HS_MSG_SUBMIT, HS_ROLE_CLIENT, HS_ROLE_MANAGER));
    HS_CHECK(!hs_wire_may(HS_MSG_EXEC_DISPATCH, HS_ROLE_GATE, HS_ROLE_WORKER));
    HS_CHECK(!hs_wire_may(HS_MSG_JOB_ROW, HS_ROLE_GATE, HS_ROLE_CLIENT));
    HS_CHECK(!hs_wire_may(9999, HS_ROLE_GATE, HS_ROLE_CLIENT));
    HS_CHECK(!hs_wire_may(HS_MSG_PING, (enum hs_role_kind)40, HS_ROLE_GATE));
    for (unsigned type = 0; type < HS_WIRE_TYPE_COUNT; type++)
        for (unsigned from = 0; from < HS_ROLE_KIND_COUNT; from++) {
            HS_CHECK(!hs_wire_may(type, (enum hs_role_kind)from, HS_ROLE_ENGINE));
            allowed += hs_wire_may(type, (enum hs_role_kind)from, HS_ROLE_GATE);
        }
    HS_CHECK(allowed > 20);
}

static void opening_a_frame_says_why_it_is_refused(void)
{
    struct hs_msg_ping ping = {.nonce = 3};
    union hs_msg       got;
    struct hs_frame    frame = {
           .type = HS_MSG_PING, .version = HS_FRAME_VERSION, .body = encode(HS_MSG_PING, &ping)};

    HS_CHECK_EQ(hs_wire_open(&frame, HS_ROLE_CLIENT, HS_ROLE_GATE, &got), 0);
    HS_CHECK_EQ(got.ping.nonce, 3);
    HS_CHECK_EQ(hs_wire_open(&frame, HS_ROLE_ENGINE, HS_ROLE_GATE, &got), -EACCES);
    frame.version = HS_FRAME_VERSION + 1;
    HS_CHECK_EQ(hs_wire_open(&frame, HS_ROLE_CLIENT, HS_ROLE_GATE, &got), -EPROTONOSUPPORT);
    frame.type = 250;
    HS_CHECK_EQ(hs_wire_open(&frame, HS_ROLE_CLIENT, HS_ROLE_GATE, &got), -ENOENT);
    frame = (struct hs_frame){.type = HS_MSG_PING, .version = HS_FRAME_VERSION};
    HS_CHECK_EQ(hs_wire_open(&frame, HS_ROLE_CLIENT, HS_ROLE_GATE, &got), -EPROTO);
}

/* ---- rows ---- */

static void rows_come_back_in_order(void)
{
    struct hs_writer           writer;
    struct hs_reader           reader;
    struct hs_msg_workflow_row row = {.status = 4};
    unsigned                   count = 0;

    hs_writer_init(&writer, body_memory, sizeof(body_memory));
    for (row.workflow = 0; row.workflow < HS_WORKFLOWS_MAX; row.workflow++)
        hs_wire_put_row(HS_MSG_WORKFLOW_ROW, &row, &writer);
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
    hs_reader_init(&reader, hs_view_of(body_memory, writer.used_bytes));
    while (hs_wire_get_row(HS_MSG_WORKFLOW_ROW, &reader, &row) == 1) {
        HS_CHECK_EQ(row.workflow, count);
        HS_CHECK_EQ(row.status, 4);
        count++;
    }
    HS_CHECK_EQ(count, HS_WORKFLOWS_MAX);
    HS_CHECK_EQ(hs_reader_finish(&reader), 0);
}

static void row_that_does_not_fit_fails_the_writer(void)
{
    struct hs_writer          writer;
    struct hs_msg_result_item item = {.workflow = 3};

    hs_writer_init(&writer, body_memory, 3);
    hs_wire_put_row(HS_MSG_RESULT_ITEM, &item, &writer);
    HS_CHECK_EQ(hs_writer_finish(&writer), -EMSGSIZE);
}

static void torn_row_is_refused(void)
{
    struct hs_writer       writer;
    struct hs_reader       reader;
    struct hs_msg_exec_row row = {.exec = {.workflow = 1, .shard = 300, .attempt = 2}, .state = 1};
    size_t                 bytes;

    hs_writer_init(&writer, body_memory, sizeof(body_memory));
    hs_wire_put_row(HS_MSG_EXEC_ROW, &row, &writer);
    bytes = writer.used_bytes;
    for (size_t cut = 0; cut < bytes; cut++) {
        hs_reader_init(&reader, hs_view_of(body_memory, cut));
        HS_CHECK_EQ(hs_wire_get_row(HS_MSG_EXEC_ROW, &reader, &row), cut ? -EPROTO : 0);
    }
    hs_reader_init(&reader, hs_view_of(body_memory, bytes));
    HS_CHECK_EQ(hs_wire_get_row(HS_MSG_EXEC_ROW, &reader, &row), 1);
    HS_CHECK_EQ(row.exec.shard, 300);
}

/* ---- text ---- */

static void printing_shows_values_and_escapes_what_a_peer_may_send(void)
{
    struct hs_msg_refused refused = {.code = 6, .text = "a\"\n\x80"};
    struct hs_msg_ping    ping = {.nonce = UINT64_MAX};
    char                  text[HS_WIRE_PRINT_BYTES];
    char                  tiny[8];

    HS_CHECK_TEXT(hs_wire_print(HS_MSG_REFUSED, &refused, text, sizeof(text)),
                  "REFUSED code=6 type=0 retry_after_ns=0 text=\"a\\x22\\x0a\\x80\"");
    HS_CHECK_TEXT(hs_wire_print(HS_MSG_PING, &ping, tiny, sizeof(tiny)), "PING no");
}

static void check_printing(enum hs_msg_type type, struct hs_rand *rand)
{
    char         text[64];
    char        *longer = (char *)other_memory;
    union hs_msg message;

    fill_message(type, &message, FILL_MAX, rand);
    HS_CHECK(strlen(hs_wire_print(type, &message, text, sizeof(text))) < sizeof(text));
    HS_CHECK(strncmp(hs_wire_print(type, &message, longer, 8192), hs_wire_name(type),
                     strlen(hs_wire_name(type))) == 0);
    HS_CHECK(hs_wire_text(type)[0] != '\0');
}

static void every_message_prints_within_its_bound(void)
{
    for_every_type(check_printing);
}

CU_TestInfo hs_tests_wire[] = {
    {"tags ascend and bounds fit a frame", tags_ascend_and_bounds_fit_a_frame},
    {"every message comes back as it was sent", every_message_comes_back_as_it_was_sent},
    {"SEC-8 T16.3 fields of a newer peer are skipped wherever they stand",
     fields_of_a_newer_peer_are_skipped_wherever_they_stand},
    {"SEC-60 message cut anywhere is refused or whole", message_cut_anywhere_is_refused_or_whole},
    {"SEC-60 field that comes twice is refused", field_that_comes_twice_is_refused},
    {"BAD-1 flipped bits never make a message that cannot be sent on",
     flipped_bits_never_make_a_message_that_cannot_be_sent_on},
    {"SEC-60 T16.4 malformed fields are refused", malformed_fields_are_refused},
    {"SEC-60 more fields than the limit are refused", more_fields_than_the_limit_are_refused},
    {"SEC-60 values beyond their field are refused", values_beyond_their_field_are_refused},
    {"encoder refuses what breaks its own bounds", encoder_refuses_what_breaks_its_own_bounds},
    {"presence of a field is told", presence_of_a_field_is_told},
    {"permissions follow the list and default to no",
     permissions_follow_the_list_and_default_to_no},
    {"opening a frame says why it is refused", opening_a_frame_says_why_it_is_refused},
    {"rows come back in order", rows_come_back_in_order},
    {"row that does not fit fails the writer", row_that_does_not_fit_fails_the_writer},
    {"torn row is refused", torn_row_is_refused},
    {"printing shows values and escapes what a peer may send",
     printing_shows_values_and_escapes_what_a_peer_may_send},
    {"every message prints within its bound", every_message_prints_within_its_bound},
    CU_TEST_INFO_NULL};
