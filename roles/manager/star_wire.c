// SPDX-License-Identifier: Apache-2.0
/* star_wire.c - the bytes. */
#include "roles/manager/star_wire.h"

#include "shm/base/assert.h"

#include <errno.h>

static void put_id(struct hs_writer *out, const struct hs_node_id *id)
{
    hs_put_bytes(out, id->bytes, sizeof id->bytes);
}

static struct hs_node_id get_id(struct hs_reader *in)
{
    struct hs_node_id id = {{0}};
    struct hs_view    view = hs_get_view(in, sizeof id.bytes);

    if (view.bytes == sizeof id.bytes) memcpy(id.bytes, view.data, sizeof id.bytes);
    return id;
}

void hs_star_put(struct hs_writer *out, const struct hs_star_message *message)
{
    hs_put_u8(out, (uint8_t)message->kind);
    switch (message->kind) {
    case HS_STAR_NEWS:
    case HS_STAR_LIST: break;
    case HS_STAR_DIGEST:
        hs_put_u32le(out, message->count);
        hs_put_u64le(out, message->digest);
        break;
    case HS_STAR_PROBE:
    case HS_STAR_PROBED:
        hs_put_u32le(out, message->number);
        put_id(out, &message->worker);
        if (message->kind == HS_STAR_PROBED) hs_put_u8(out, message->answer);
        break;
    case HS_STAR_KIND_END: HS_ASSERT(false && "no such message");
    }
}

bool hs_star_put_entry(struct hs_writer *out, const struct hs_star_entry *entry)
{
    struct hs_writer before = *out;

    put_id(out, &entry->worker);
    hs_put_u64le(out, entry->incarnation);
    put_id(out, &entry->owner);
    hs_put_u64le(out, entry->epoch);
    hs_put_u32le(out, entry->version);
    hs_put_u8(out, entry->state);
    hs_put_u16le(out, entry->cores_total);
    hs_put_u16le(out, entry->cores_free);
    hs_put_u32le(out, entry->age_ms);
    hs_put_text(out, hs_view_text(entry->name));
    if (!out->failed) return true;
    *out = before;
    return false;
}

int hs_star_get(struct hs_view content, struct hs_star_message *message)
{
    struct hs_reader in;
    uint8_t          kind;

    *message = (struct hs_star_message){0};
    hs_reader_init(&in, content);
    kind = hs_get_u8(&in);
    if (in.failed || kind < HS_STAR_NEWS || kind >= HS_STAR_KIND_END) return -EPROTO;
    message->kind = (enum hs_star_kind)kind;
    switch (message->kind) {
    case HS_STAR_NEWS: message->entries = hs_get_view(&in, hs_reader_left_bytes(&in)); break;
    case HS_STAR_DIGEST:
        message->count = hs_get_u32le(&in);
        message->digest = hs_get_u64le(&in);
        break;
    case HS_STAR_PROBE:
    case HS_STAR_PROBED:
        message->number = hs_get_u32le(&in);
        message->worker = get_id(&in);
        if (message->kind == HS_STAR_PROBED) message->answer = hs_get_u8(&in);
        break;
    case HS_STAR_LIST:
    case HS_STAR_KIND_END: break;
    }
    return in.failed ? -EPROTO : 0; /* more bytes belong to a later version */
}

/* A name is shown to operators and is a label, as in certificates. */
static bool is_name(const char *name)
{
    for (; *name; name++)
        if (*name <= ' ' || *name > '~') return false;
    return true;
}

int hs_star_get_entry(struct hs_reader *in, struct hs_star_entry *entry)
{
    if (!hs_reader_left_bytes(in)) return 0;
    *entry = (struct hs_star_entry){0};
    entry->worker = get_id(in);
    entry->incarnation = hs_get_u64le(in);
    entry->owner = get_id(in);
    entry->epoch = hs_get_u64le(in);
    entry->version = hs_get_u32le(in);
    entry->state = hs_get_u8(in);
    entry->cores_total = hs_get_u16le(in);
    entry->cores_free = hs_get_u16le(in);
    entry->age_ms = hs_get_u32le(in);
    hs_get_text(in, entry->name, sizeof entry->name);
    if (in->failed || entry->state == HS_STAR_NONE || entry->state >= HS_STAR_STATE_END)
        return -EPROTO;
    if (hs_node_id_is_none(&entry->worker) || hs_node_id_is_none(&entry->owner)) return -EPROTO;
    if (!entry->incarnation || !entry->epoch || !entry->version) return -EPROTO;
    return is_name(entry->name) ? 1 : -EPROTO;
}
