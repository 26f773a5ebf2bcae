// SPDX-License-Identifier: Apache-2.0
// share: 1/2
/* fuzz_datagram.c - any bytes as a datagram's header and as a body of each type: no crash, every
 * bound is kept, and what was understood is written back and understood the same. And as a question
 * out of band, or its answer. */
#include "roles/cluster/federation_message.h"
#include "roles/cluster/oob_frame.h"
#include "shm/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hs_datagram read;
static struct hs_datagram again;
static uint8_t            body[2 * HS_DATAGRAM_BODY_BYTES_MAX];

static void try_header(struct hs_view input)
{
    uint8_t                   bytes[HS_DATAGRAM_HEADER_BYTES];
    struct hs_datagram_header header;

    if (hs_datagram_get_header(input, &header)) return;
    hs_datagram_put_header(bytes, &header);
    bytes[3] = input.data[3]; /* the minor version is the writer's own */
    HS_ASSERT(memcmp(bytes, input.data, sizeof bytes) == 0);
}

/* There is one way to write each. */
static void try_oob(struct hs_view input)
{
    struct hs_oob_frame frame;
    uint8_t             bytes[HS_OOB_BODY_BYTES];

    if (hs_oob_get(input, &frame)) return;
    hs_oob_put(bytes, &frame);
    HS_ASSERT(memcmp(bytes, input.data, sizeof bytes) == 0);
}

static bool is_same_claim(const struct hs_claim *a, const struct hs_claim *b)
{
    return hs_node_id_equal(&a->subject, &b->subject) && hs_node_id_equal(&a->from, &b->from) &&
           a->incarnation == b->incarnation && a->status == b->status &&
           a->facts.role == b->facts.role && a->facts.class == b->facts.class &&
           memcmp(&a->facts.address, &b->facts.address, sizeof a->facts.address) == 0 &&
           memcmp(&a->facts.health, &b->facts.health, sizeof a->facts.health) == 0 &&
           memcmp(a->facts.name, b->facts.name, sizeof a->facts.name) == 0 &&
           memcmp(a->facts.datacenter, b->facts.datacenter, sizeof a->facts.datacenter) == 0;
}

static void check_bounds(void)
{
    HS_ASSERT(read.claim_count <= HS_DATAGRAM_CLAIMS_MAX);
    HS_ASSERT(read.health_count <= HS_DATAGRAM_HEALTHS_MAX);
    HS_ASSERT(!read.has_coordinate || hs_coordinate_is_valid(&read.coordinate));
    for (unsigned i = 0; i < read.claim_count; i++) {
        const struct hs_claim *claim = &read.claims[i];

        HS_ASSERT(claim->incarnation && claim->status < HS_MEMBER_STATUS_COUNT);
        HS_ASSERT(claim->facts.name[HS_IDENTITY_LABEL_BYTES - 1] == 0);
    }
}

/* The same message and news, with entries of one kind gathered. */
static size_t write_back(void)
{
    struct hs_datagram_writer writer;
    bool                      is_in = true;

    hs_datagram_start(&writer, body, sizeof body, &read.message);
    if (read.message.type >= HS_DATAGRAM_XPROBE) hs_datagram_put_content(&writer, read.content);
    for (unsigned i = 0; i < read.claim_count; i++)
        is_in = is_in && hs_datagram_put_claim(&writer, &read.claims[i], read.is_old[i]);
    for (unsigned i = 0; i < read.health_count; i++)
        is_in = is_in && hs_datagram_put_health(&writer, &read.healths[i]);
    if (read.has_coordinate) is_in = is_in && hs_datagram_put_coordinate(&writer, &read.coordinate);
    if (read.keyring_mark) is_in = is_in && hs_datagram_put_keyring(&writer, read.keyring_mark);
    if (read.verdicts.bytes) is_in = is_in && hs_datagram_put_verdicts(&writer, read.verdicts);
    HS_ASSERT(is_in);
    return hs_datagram_finish(&writer);
}

/* Content and verdicts, understood and written back, say the same. */
static void try_federation(void)
{
    struct hs_federation_message message, back;
    struct hs_federation_verdict verdict, same;
    uint8_t                      memory[HS_FEDERATION_CONTENT_BYTES_MAX];
    struct hs_reader             in;

    if (read.message.type >= HS_DATAGRAM_XPROBE &&
        !hs_federation_get(read.content, read.message.type, &message)) {
        HS_ASSERT(!hs_federation_get(hs_federation_put(&message, memory), message.type, &back));
        HS_ASSERT(memcmp(&message, &back, sizeof back) == 0);
    }
    hs_reader_init(&in, read.verdicts);
    while (hs_reader_left_bytes(&in) && hs_federation_get_verdict(&in, &verdict)) {
        struct hs_writer out;
        struct hs_reader again_in;

        hs_writer_init(&out, memory, sizeof memory);
        HS_ASSERT(hs_federation_put_verdict(&out, &verdict));
        hs_reader_init(&again_in, hs_view_of(memory, out.used_bytes));
        HS_ASSERT(hs_federation_get_verdict(&again_in, &same));
        HS_ASSERT(memcmp(&verdict, &same, sizeof same) == 0);
    }
}

static void try_body(struct hs_view input, enum hs_datagram_type type)
{
    if (hs_datagram_decode(input, type, &read)) return;
    check_bounds();
    try_federation();
    HS_ASSERT(hs_datagram_decode(hs_view_of(body, write_back()), type, &again) == 0);
    HS_ASSERT(memcmp(&read.message, &again.message, sizeof read.message) == 0);
    HS_ASSERT(read.claim_count == again.claim_count);
    HS_ASSERT(read.health_count == again.health_count);
    HS_ASSERT(read.keyring_mark == again.keyring_mark);
    for (unsigned i = 0; i < read.claim_count; i++) {
        HS_ASSERT(is_same_claim(&read.claims[i], &again.claims[i]));
        HS_ASSERT(read.is_old[i] == again.is_old[i]);
    }
    HS_ASSERT(again.malformed_count == 0);
    HS_ASSERT(again.unknown_count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_header(hs_view_of(data, size));
    try_oob(hs_view_of(data, size));
    if (!size) return 0;
    if (data[0] && data[0] < HS_DATAGRAM_TYPE_END)
        try_body(hs_view_of(data, size), (enum hs_datagram_type)data[0]);
    if (size > HS_DATAGRAM_HEADER_BYTES && data[4] && data[4] < HS_DATAGRAM_TYPE_END)
        try_body(hs_view_of(data + HS_DATAGRAM_HEADER_BYTES, size - HS_DATAGRAM_HEADER_BYTES),
                 (enum hs_datagram_type)data[4]);
    return 0;
}
