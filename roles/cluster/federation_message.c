// SPDX-License-Identifier: Apache-2.0
/* federation_message.c - the bytes. */
#include "roles/cluster/federation_message.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

/* ---- pieces */

static void put_leader(struct hs_writer *out, const struct hs_federation_leader *leader)
{
    hs_put_bytes(out, leader->id.bytes, sizeof leader->id.bytes);
    hs_put_u64le(out, leader->term);
    hs_put_u8(out, leader->address.family);
    hs_put_u16le(out, leader->address.port);
    hs_put_bytes(out, leader->address.bytes, sizeof leader->address.bytes);
}

static void take_bytes(struct hs_reader *in, uint8_t bytes[16])
{
    struct hs_view view = hs_get_view(in, 16);

    if (view.bytes == 16) memcpy(bytes, view.data, 16);
}

static bool get_leader(struct hs_reader *in, struct hs_federation_leader *leader)
{
    HS_STATIC_ASSERT(sizeof leader->id.bytes == 16 && sizeof leader->address.bytes == 16,
                     "take_bytes");
    take_bytes(in, leader->id.bytes);
    leader->term = hs_get_u64le(in);
    leader->address.family = hs_get_u8(in);
    leader->address.port = hs_get_u16le(in);
    take_bytes(in, leader->address.bytes);
    if (!leader->address.port || hs_node_id_is_none(&leader->id))
        leader->address = (struct hs_addr){0};
    return !in->failed &&
           (leader->address.family == HS_ADDR_NONE || leader->address.family == HS_ADDR_IPV4 ||
            leader->address.family == HS_ADDR_IPV6);
}

static void put_body(struct hs_writer *out, const struct hs_federation_body *body)
{
    hs_put_u32le(out, body->view_age_ms);
    hs_put_u16le(out, body->managers_total);
    hs_put_u16le(out, body->managers_live);
    hs_put_u16le(out, body->workers_total);
    hs_put_u16le(out, body->workers_healthy);
    hs_put_u32le(out, body->cores_total);
    hs_put_u32le(out, body->cores_free);
    hs_put_u16le(out, body->jobs);
    hs_put_u16le(out, body->workflows);
    hs_put_u16le(out, body->extended_workers);
    hs_put_u8(out, body->local_health);
}

static void get_body(struct hs_reader *in, struct hs_federation_body *body)
{
    body->view_age_ms = hs_get_u32le(in);
    body->managers_total = hs_get_u16le(in);
    body->managers_live = hs_get_u16le(in);
    body->workers_total = hs_get_u16le(in);
    body->workers_healthy = hs_get_u16le(in);
    body->cores_total = hs_get_u32le(in);
    body->cores_free = hs_get_u32le(in);
    body->jobs = hs_get_u16le(in);
    body->workflows = hs_get_u16le(in);
    body->extended_workers = hs_get_u16le(in);
    body->local_health = hs_get_u8(in);
}

/* ---- messages */

/* A manager that has just begun asks a gate who it is, if that takes no more bytes than came. */
static const uint8_t padding[32];

struct hs_view hs_federation_put(const struct hs_federation_message *message,
                                 uint8_t memory[HS_FEDERATION_CONTENT_BYTES_MAX])
{
    struct hs_writer out;

    hs_writer_init(&out, memory, HS_FEDERATION_CONTENT_BYTES_MAX);
    if (message->type != HS_DATAGRAM_DC_LEADER) hs_put_u32le(&out, message->seq);
    if (message->type == HS_DATAGRAM_XPROBE) hs_put_bytes(&out, padding, sizeof padding);
    if (message->type != HS_DATAGRAM_XPROBE) {
        hs_put_text(&out, hs_view_text(message->datacenter));
        put_leader(&out, &message->leader);
    }
    if (message->type == HS_DATAGRAM_XNACK) hs_put_u8(&out, message->code);
    if (message->type == HS_DATAGRAM_XACK) {
        hs_put_text(&out, hs_view_text(message->region));
        put_body(&out, &message->body);
    }
    HS_ASSERT(!out.failed);
    return hs_view_of(memory, out.used_bytes);
}

/* More bytes than these belong to a later minor version, and are left alone. */
int hs_federation_get(struct hs_view content, enum hs_datagram_type type,
                      struct hs_federation_message *message)
{
    struct hs_reader in;
    bool             is_good = true;

    memset(message, 0, sizeof *message);
    message->type = type;
    hs_reader_init(&in, content);
    if (type != HS_DATAGRAM_DC_LEADER) message->seq = hs_get_u32le(&in);
    if (type != HS_DATAGRAM_XPROBE)
        is_good = hs_datagram_get_label(&in, message->datacenter) && message->datacenter[0] &&
                  get_leader(&in, &message->leader);
    if (is_good && type == HS_DATAGRAM_XNACK) message->code = hs_get_u8(&in);
    if (is_good && type == HS_DATAGRAM_XACK) {
        is_good = hs_datagram_get_label(&in, message->region);
        get_body(&in, &message->body);
    }
    return is_good && !in.failed ? 0 : -EPROTO;
}

/* ---- verdicts */

bool hs_federation_put_verdict(struct hs_writer                   *writer,
                               const struct hs_federation_verdict *verdict)
{
    struct hs_writer before = *writer;

    hs_put_text(writer, hs_view_text(verdict->datacenter));
    hs_put_u8(writer, verdict->state);
    hs_put_u32le(writer, verdict->since_age_ms);
    hs_put_u32le(writer, verdict->ack_age_ms);
    if (!writer->failed) return true;
    *writer = before;
    return false;
}

bool hs_federation_get_verdict(struct hs_reader *reader, struct hs_federation_verdict *verdict)
{
    memset(verdict, 0, sizeof *verdict); /* its gaps too: verdicts are compared whole */
    if (!hs_datagram_get_label(reader, verdict->datacenter) || !verdict->datacenter[0])
        return false;
    verdict->state = hs_get_u8(reader);
    verdict->since_age_ms = hs_get_u32le(reader);
    verdict->ack_age_ms = hs_get_u32le(reader);
    return !reader->failed && verdict->state < HS_REACH_COUNT;
}
