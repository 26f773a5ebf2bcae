// SPDX-License-Identifier: Apache-2.0
/* datagram.c - the bytes of a datagram. */
#include "roles/cluster/datagram.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

enum {
    MAGIC = 0x5348,
    SECTION_HEAD_BYTES = 3,
    STATUS_OLD = 0x80,
    FACTS = 0x40,
    HEALTH_ADDRESS = 0x20, /* behind the facts */
    STATUS_BITS = 0x0f
};

/* News follow the message in sections of these types; a message's own type is below 32. */
enum {
    SECTION_CLAIMS = 32,
    SECTION_HEALTHS,
    SECTION_COORDINATE,
    SECTION_KEYRING,
    SECTION_VERDICTS
};

uint64_t hs_datagram_cluster_hash(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (; *name; name++) hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
    return hash;
}

/* ---- the header */

void hs_datagram_put_header(uint8_t                          bytes[HS_DATAGRAM_HEADER_BYTES],
                            const struct hs_datagram_header *header)
{
    struct hs_writer out;

    hs_writer_init(&out, bytes, HS_DATAGRAM_HEADER_BYTES);
    hs_put_u16le(&out, MAGIC);
    hs_put_u8(&out, HS_DATAGRAM_MAJOR);
    hs_put_u8(&out, HS_DATAGRAM_MINOR);
    hs_put_u8(&out, (uint8_t)header->type);
    hs_put_u8(&out, header->flags);
    hs_put_u8(&out, header->key_version);
    hs_put_u8(&out, 0);
    hs_put_u64le(&out, header->cluster_hash);
    hs_put_bytes(&out, header->sender.bytes, sizeof header->sender.bytes);
    hs_put_u64le(&out, header->incarnation);
    hs_put_u64le(&out, header->boot_id);
    hs_put_u64le(&out, header->counter);
    HS_ASSERT(!out.failed);
    HS_ASSERT(out.used_bytes == HS_DATAGRAM_HEADER_BYTES);
}

static struct hs_node_id get_id(struct hs_reader *in)
{
    struct hs_node_id id = {{0}};
    struct hs_view    view = hs_get_view(in, sizeof id.bytes);

    if (view.bytes == sizeof id.bytes) memcpy(id.bytes, view.data, sizeof id.bytes);
    return id;
}

int hs_datagram_get_header(struct hs_view datagram, struct hs_datagram_header *header)
{
    struct hs_reader in;
    uint8_t          type;
    uint8_t          zero;

    if (datagram.bytes < HS_DATAGRAM_HEADER_BYTES + HS_DATAGRAM_TAG_BYTES ||
        datagram.bytes > HS_DATAGRAM_BYTES_MAX)
        return -EMSGSIZE;
    hs_reader_init(&in, hs_view_of(datagram.data, HS_DATAGRAM_HEADER_BYTES));
    if (hs_get_u16le(&in) != MAGIC) return -EPROTO;
    if (hs_get_u8(&in) != HS_DATAGRAM_MAJOR) return -ENOTSUP;
    (void)hs_get_u8(&in); /* minor: says nothing about what is read here */
    type = hs_get_u8(&in);
    header->flags = hs_get_u8(&in);
    header->key_version = hs_get_u8(&in);
    zero = hs_get_u8(&in);
    header->cluster_hash = hs_get_u64le(&in);
    header->sender = get_id(&in);
    header->incarnation = hs_get_u64le(&in);
    header->boot_id = hs_get_u64le(&in);
    header->counter = hs_get_u64le(&in);
    header->type = (enum hs_datagram_type)type;
    if (hs_reader_finish(&in)) return -EPROTO;
    if (type == 0 || type >= HS_DATAGRAM_TYPE_END || zero) return -EPROTO;
    if (header->flags & ~HS_DATAGRAM_TO_ANY) return -EPROTO;
    if ((header->flags & HS_DATAGRAM_TO_ANY) && type != HS_DATAGRAM_GREET) return -EPROTO;
    if (hs_node_id_is_none(&header->sender) || !header->incarnation) return -EPROTO;
    return header->boot_id && header->counter ? 0 : -EPROTO;
}

/* ---- addresses: family, port, 4 or 16 bytes */

static void put_address(struct hs_writer *out, const struct hs_addr *address)
{
    hs_put_u8(out, address->family);
    hs_put_u16le(out, address->port);
    hs_put_bytes(out, address->bytes, address->family == HS_ADDR_IPV4 ? 4 : 16);
}

static bool get_address(struct hs_reader *in, struct hs_addr *address)
{
    struct hs_view bytes;

    memset(address, 0, sizeof *address);
    address->family = hs_get_u8(in);
    address->port = hs_get_u16le(in);
    if (address->family != HS_ADDR_IPV4 && address->family != HS_ADDR_IPV6) return false;
    bytes = hs_get_view(in, address->family == HS_ADDR_IPV4 ? 4 : 16);
    if (in->failed || !address->port) return false;
    memcpy(address->bytes, bytes.data, bytes.bytes);
    return true;
}

/* ---- sections */

static void open_section(struct hs_datagram_writer *writer, uint8_t type)
{
    writer->section_at = writer->out.used_bytes;
    writer->section = type;
    hs_put_u8(&writer->out, type);
    hs_put_u16le(&writer->out, 0);
}

static void close_section(struct hs_datagram_writer *writer)
{
    struct hs_writer length;

    if (!writer->section) return;
    hs_writer_init(&length, writer->out.data + writer->section_at + 1, sizeof(uint16_t));
    hs_put_u16le(&length,
                 (uint16_t)(writer->out.used_bytes - writer->section_at - SECTION_HEAD_BYTES));
    writer->section = 0;
}

/* Where an entry of that section begins; undo takes back what did not fit. */
struct mark {
    struct hs_datagram_writer before;
};

static struct mark begin_entry(struct hs_datagram_writer *writer, uint8_t type)
{
    struct mark mark = {*writer};

    if (writer->section == type) return mark;
    close_section(writer);
    open_section(writer, type);
    return mark;
}

static bool end_entry(struct hs_datagram_writer *writer, const struct mark *mark)
{
    if (!writer->out.failed) return true;
    *writer = mark->before;
    return false;
}

/* ---- the message */

static void put_message(struct hs_writer *out, const struct hs_datagram_message *message)
{
    switch (message->type) {
    case HS_DATAGRAM_PING:
        hs_put_u32le(out, message->seq);
        hs_put_bytes(out, message->target.bytes, sizeof message->target.bytes);
        hs_put_u64le(out, message->incarnation);
        break;
    case HS_DATAGRAM_ACK:
        hs_put_u32le(out, message->seq);
        hs_put_u64le(out, message->incarnation);
        break;
    case HS_DATAGRAM_PING_REQ:
        hs_put_u32le(out, message->seq);
        hs_put_bytes(out, message->target.bytes, sizeof message->target.bytes);
        put_address(out, &message->address);
        break;
    case HS_DATAGRAM_IND_ACK:
        hs_put_u32le(out, message->seq);
        hs_put_bytes(out, message->target.bytes, sizeof message->target.bytes);
        hs_put_u64le(out, message->incarnation);
        break;
    case HS_DATAGRAM_NACK:
        hs_put_u32le(out, message->seq);
        hs_put_bytes(out, message->target.bytes, sizeof message->target.bytes);
        hs_put_u8(out, message->code);
        break;
    case HS_DATAGRAM_GOSSIP: break;
    case HS_DATAGRAM_PUSH_PULL:
        hs_put_u64le(out, message->nonce);
        hs_put_u16le(out, message->page);
        hs_put_u8(out, (uint8_t)(message->is_last | message->is_reply_wanted << 1));
        break;
    case HS_DATAGRAM_JOIN: hs_put_u64le(out, message->nonce); break;
    case HS_DATAGRAM_JOIN_ACK:
        hs_put_u64le(out, message->nonce);
        hs_put_u8(out, message->code);
        hs_put_u64le(out, message->incarnation);
        hs_put_u64le(out, message->required);
        break;
    case HS_DATAGRAM_GREET:
        hs_put_bytes(out, message->proof, sizeof message->proof);
        hs_put_bytes(out, message->challenge, sizeof message->challenge);
        break;
    case HS_DATAGRAM_XPROBE:
    case HS_DATAGRAM_XACK:
    case HS_DATAGRAM_XNACK:
    case HS_DATAGRAM_DC_LEADER:
    case HS_DATAGRAM_WORKERS: break; /* hs_datagram_put_content */
    case HS_DATAGRAM_TYPE_END: HS_ASSERT(false && "no such message");
    }
}

static void get_nonce(struct hs_reader *in, uint8_t nonce[HS_DATAGRAM_NONCE_BYTES])
{
    struct hs_view view = hs_get_view(in, HS_DATAGRAM_NONCE_BYTES);

    if (view.bytes == HS_DATAGRAM_NONCE_BYTES) memcpy(nonce, view.data, view.bytes);
}

static bool get_push_pull(struct hs_reader *in, struct hs_datagram_message *message)
{
    uint8_t bits;

    message->nonce = hs_get_u64le(in);
    message->page = hs_get_u16le(in);
    bits = hs_get_u8(in);
    message->is_last = bits & 1;
    message->is_reply_wanted = (bits & 2) != 0;
    return bits <= 3;
}

/* More bytes than these belong to a later minor version, and are left alone. */
static bool get_message(struct hs_reader *in, struct hs_datagram_message *message)
{
    bool is_good = true;

    switch (message->type) {
    case HS_DATAGRAM_PING:
    case HS_DATAGRAM_IND_ACK:
        message->seq = hs_get_u32le(in);
        message->target = get_id(in);
        message->incarnation = hs_get_u64le(in);
        break;
    case HS_DATAGRAM_ACK:
        message->seq = hs_get_u32le(in);
        message->incarnation = hs_get_u64le(in);
        break;
    case HS_DATAGRAM_PING_REQ:
        message->seq = hs_get_u32le(in);
        message->target = get_id(in);
        is_good = get_address(in, &message->address);
        break;
    case HS_DATAGRAM_NACK:
        message->seq = hs_get_u32le(in);
        message->target = get_id(in);
        message->code = hs_get_u8(in);
        break;
    case HS_DATAGRAM_GOSSIP: break;
    case HS_DATAGRAM_PUSH_PULL: is_good = get_push_pull(in, message); break;
    case HS_DATAGRAM_JOIN: message->nonce = hs_get_u64le(in); break;
    case HS_DATAGRAM_JOIN_ACK:
        message->nonce = hs_get_u64le(in);
        message->code = hs_get_u8(in);
        message->incarnation = hs_get_u64le(in);
        message->required = hs_get_u64le(in);
        break;
    case HS_DATAGRAM_GREET:
        get_nonce(in, message->proof);
        get_nonce(in, message->challenge);
        break;
    case HS_DATAGRAM_XPROBE:
    case HS_DATAGRAM_XACK:
    case HS_DATAGRAM_XNACK:
    case HS_DATAGRAM_DC_LEADER:
    case HS_DATAGRAM_WORKERS: break;
    case HS_DATAGRAM_TYPE_END: return false;
    }
    return is_good && !in->failed;
}

void hs_datagram_start(struct hs_datagram_writer *writer, void *memory, size_t capacity_bytes,
                       const struct hs_datagram_message *message)
{
    *writer = (struct hs_datagram_writer){0};
    hs_writer_init(&writer->out, memory, capacity_bytes);
    open_section(writer, (uint8_t)message->type);
    put_message(&writer->out, message);
    HS_ASSERT(!writer->out.failed);
}

/* ---- claims: status and bits, incarnation, subject, then the accuser or the facts */

static void put_label(struct hs_writer *out, const char *label)
{
    hs_put_text(out, hs_view_text(label));
}

static void put_facts(struct hs_writer *out, const struct hs_member_facts *facts)
{
    hs_put_u8(out, (uint8_t)facts->role);
    hs_put_u8(out, (uint8_t)facts->class);
    put_address(out, &facts->address);
    put_label(out, facts->name);
    put_label(out, facts->datacenter);
}

static bool is_accusation(enum hs_member_status status)
{
    return status == HS_MEMBER_SUSPECT || status == HS_MEMBER_DEAD;
}

bool hs_datagram_put_claim(struct hs_datagram_writer *writer, const struct hs_claim *claim,
                           bool is_old)
{
    struct mark       mark = begin_entry(writer, SECTION_CLAIMS);
    struct hs_writer *out = &writer->out;
    bool              has_facts = claim->facts.address.port != 0;
    bool              has_health = has_facts && claim->facts.health.port != 0;
    unsigned          bits = (unsigned)claim->status;

    HS_ASSERT(claim->status < HS_MEMBER_STATUS_COUNT);
    if (is_old) bits |= STATUS_OLD;
    if (has_facts) bits |= FACTS;
    if (has_health) bits |= HEALTH_ADDRESS;
    hs_put_u8(out, (uint8_t)bits);
    hs_put_u64le(out, claim->incarnation);
    hs_put_bytes(out, claim->subject.bytes, sizeof claim->subject.bytes);
    if (is_accusation(claim->status))
        hs_put_bytes(out, claim->from.bytes, sizeof claim->from.bytes);
    if (has_facts) put_facts(out, &claim->facts);
    if (has_health) put_address(out, &claim->facts.health);
    return end_entry(writer, &mark);
}

static bool is_label_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
}

bool hs_datagram_get_label(struct hs_reader *in, char label[HS_IDENTITY_LABEL_BYTES])
{
    size_t length = 0;

    hs_get_text(in, label, HS_IDENTITY_LABEL_BYTES);
    while (is_label_byte(label[length])) length++; /* the last byte is zero */
    for (size_t i = length; i < HS_IDENTITY_LABEL_BYTES; i++)
        if (label[i]) return false;
    return !in->failed;
}

static bool get_facts(struct hs_reader *in, struct hs_member_facts *facts)
{
    uint8_t role = hs_get_u8(in);
    uint8_t class = hs_get_u8(in);

    if (role > HS_IDENTITY_WORKER || class >= HS_MEMBER_CLASS_COUNT) return false;
    facts->role = (enum hs_identity_role)role;
    facts->class = (enum hs_member_class) class;
    return get_address(in, &facts->address) && hs_datagram_get_label(in, facts->name) &&
           hs_datagram_get_label(in, facts->datacenter);
}

/* Statuses that this version does not know, nobody, and life 0 are malformed. */
static bool get_claim(struct hs_reader *in, struct hs_claim *claim, bool *is_old)
{
    uint8_t bits = hs_get_u8(in);
    uint8_t status = bits & STATUS_BITS;

    memset(claim, 0, sizeof *claim);
    *is_old = (bits & STATUS_OLD) != 0;
    if (status >= HS_MEMBER_STATUS_COUNT ||
        (bits & ~(STATUS_BITS | STATUS_OLD | FACTS | HEALTH_ADDRESS)))
        return false;
    claim->status = (enum hs_member_status)status;
    claim->incarnation = hs_get_u64le(in);
    claim->subject = get_id(in);
    claim->from = is_accusation(claim->status) ? get_id(in) : claim->subject;
    if ((bits & FACTS) && !get_facts(in, &claim->facts)) return false;
    if (bits & HEALTH_ADDRESS)
        if (!(bits & FACTS) || !get_address(in, &claim->facts.health)) return false;
    return !in->failed && claim->incarnation && !hs_node_id_is_none(&claim->subject) &&
           !hs_node_id_is_none(&claim->from);
}

static bool get_claims(struct hs_reader *in, struct hs_datagram *datagram)
{
    while (hs_reader_left_bytes(in)) {
        if (datagram->claim_count == HS_DATAGRAM_CLAIMS_MAX) return false;
        if (!get_claim(in, &datagram->claims[datagram->claim_count],
                       &datagram->is_old[datagram->claim_count]))
            return false;
        datagram->claim_count++;
    }
    return true;
}

/* ---- health: id, age, load, score, accepting */

bool hs_datagram_put_health(struct hs_datagram_writer *writer, const struct hs_health_entry *entry)
{
    struct mark       mark = begin_entry(writer, SECTION_HEALTHS);
    struct hs_writer *out = &writer->out;

    hs_put_bytes(out, entry->node.bytes, sizeof entry->node.bytes);
    hs_put_u32le(out, entry->age_ms);
    hs_put_u8(out, entry->load);
    hs_put_u8(out, entry->score);
    hs_put_u8(out, entry->is_accepting);
    return end_entry(writer, &mark);
}

static bool get_health(struct hs_reader *in, struct hs_health_entry *entry)
{
    uint8_t accepting;

    entry->node = get_id(in);
    entry->age_ms = hs_get_u32le(in);
    entry->load = hs_get_u8(in);
    entry->score = hs_get_u8(in);
    accepting = hs_get_u8(in);
    entry->is_accepting = accepting == 1;
    return !in->failed && accepting <= 1 && entry->load < HS_LOAD_COUNT &&
           entry->score <= HS_DATAGRAM_SCORE_MAX && !hs_node_id_is_none(&entry->node);
}

static bool get_healths(struct hs_reader *in, struct hs_datagram *datagram)
{
    while (hs_reader_left_bytes(in)) {
        if (datagram->health_count == HS_DATAGRAM_HEALTHS_MAX) return false;
        if (!get_health(in, &datagram->healths[datagram->health_count])) return false;
        datagram->health_count++;
    }
    return true;
}

/* ---- the coordinate */

static void put_float(struct hs_writer *out, float value)
{
    uint32_t bits;

    HS_STATIC_ASSERT(sizeof bits == sizeof value, "IEEE 754 single");
    memcpy(&bits, &value, sizeof bits);
    hs_put_u32le(out, bits);
}

static float get_float(struct hs_reader *in)
{
    uint32_t bits = hs_get_u32le(in);
    float    value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

bool hs_datagram_put_coordinate(struct hs_datagram_writer  *writer,
                                const struct hs_coordinate *coordinate)
{
    struct mark       mark = begin_entry(writer, SECTION_COORDINATE);
    struct hs_writer *out = &writer->out;

    for (int i = 0; i < HS_COORDINATE_DIMENSIONS; i++) put_float(out, coordinate->at[i]);
    put_float(out, coordinate->height);
    put_float(out, coordinate->adjustment);
    put_float(out, coordinate->error);
    hs_put_u32le(out, coordinate->samples);
    return end_entry(writer, &mark);
}

static bool get_coordinate(struct hs_reader *in, struct hs_datagram *datagram)
{
    struct hs_coordinate coordinate;

    for (int i = 0; i < HS_COORDINATE_DIMENSIONS; i++) coordinate.at[i] = get_float(in);
    coordinate.height = get_float(in);
    coordinate.adjustment = get_float(in);
    coordinate.error = get_float(in);
    coordinate.samples = hs_get_u32le(in);
    if (in->failed || !hs_coordinate_is_valid(&coordinate)) return false;
    datagram->coordinate = coordinate;
    datagram->has_coordinate = true;
    return true;
}

/* ---- the mark of the key ring */

bool hs_datagram_put_keyring(struct hs_datagram_writer *writer, uint32_t mark)
{
    struct mark before = begin_entry(writer, SECTION_KEYRING);

    hs_put_u32le(&writer->out, mark);
    return end_entry(writer, &before);
}

static bool get_keyring(struct hs_reader *in, struct hs_datagram *datagram)
{
    datagram->keyring_mark = hs_get_u32le(in);
    return !in->failed;
}

/* ---- whole bodies */

void hs_datagram_put_content(struct hs_datagram_writer *writer, struct hs_view content)
{
    HS_ASSERT(writer->section >= HS_DATAGRAM_XPROBE && writer->section < HS_DATAGRAM_TYPE_END);
    hs_put_bytes(&writer->out, content.data, content.bytes);
    HS_ASSERT(!writer->out.failed);
}

bool hs_datagram_put_verdicts(struct hs_datagram_writer *writer, struct hs_view verdicts)
{
    struct mark mark = begin_entry(writer, SECTION_VERDICTS);

    hs_put_bytes(&writer->out, verdicts.data, verdicts.bytes);
    return end_entry(writer, &mark);
}

size_t hs_datagram_left_bytes(const struct hs_datagram_writer *writer)
{
    return writer->out.capacity_bytes - writer->out.used_bytes;
}

size_t hs_datagram_finish(struct hs_datagram_writer *writer)
{
    HS_ASSERT(!writer->out.failed);
    close_section(writer);
    return writer->out.used_bytes;
}

static void get_news(struct hs_datagram *datagram, uint8_t type, struct hs_view content)
{
    struct hs_reader in;
    bool             is_whole = true;

    hs_reader_init(&in, content);
    if (type == SECTION_CLAIMS)
        is_whole = get_claims(&in, datagram);
    else if (type == SECTION_HEALTHS)
        is_whole = get_healths(&in, datagram);
    else if (type == SECTION_COORDINATE)
        is_whole = get_coordinate(&in, datagram);
    else if (type == SECTION_KEYRING)
        is_whole = get_keyring(&in, datagram);
    else if (type == SECTION_VERDICTS)
        datagram->verdicts = content;
    else
        datagram->unknown_count++;
    if (!is_whole) datagram->malformed_count++;
}

int hs_datagram_decode(struct hs_view body, enum hs_datagram_type type,
                       struct hs_datagram *datagram)
{
    struct hs_reader in;
    struct hs_reader message;
    struct hs_view   content;

    memset(datagram, 0, sizeof *datagram);
    datagram->message.type = type;
    if (body.bytes > HS_DATAGRAM_BODY_BYTES_MAX) return -EPROTO;
    hs_reader_init(&in, body);
    if (hs_get_u8(&in) != (uint8_t)type) return -EPROTO;
    content = hs_get_view(&in, hs_get_u16le(&in));
    if (in.failed) return -EPROTO;
    hs_reader_init(&message, content);
    if (!get_message(&message, &datagram->message)) return -EPROTO;
    if (type >= HS_DATAGRAM_XPROBE)
        datagram->content = hs_get_view(&message, hs_reader_left_bytes(&message));
    while (hs_reader_left_bytes(&in)) {
        uint8_t section = hs_get_u8(&in);

        content = hs_get_view(&in, hs_get_u16le(&in));
        if (in.failed) { /* it claims more than there is: nothing of it is read */
            datagram->malformed_count++;
            break;
        }
        get_news(datagram, section, content);
    }
    return 0;
}
