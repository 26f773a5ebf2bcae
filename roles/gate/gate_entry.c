// SPDX-License-Identifier: Apache-2.0
/* gate_entry.c - entries to bytes and back: u8 kind, then the fields in the order of the struct. */
#include "roles/gate/gate_entry.h"

#include <errno.h>
#include <string.h>

void hs_gate_get_bytes(struct hs_reader *reader, void *bytes, size_t count)
{
    struct hs_view view = hs_get_view(reader, count);

    memset(bytes, 0, count);
    if (view.bytes) memcpy(bytes, view.data, count);
}

/* What came to an entry later stands at its end; logs that were written before lack it. */
static uint64_t get_late_varint(struct hs_reader *reader)
{
    return reader->at < reader->bytes ? hs_get_varint(reader) : 0;
}

/* ---- JOB_CREATE ---- */

static void put_create(struct hs_writer *writer, const struct hs_gate_job_create *create)
{
    hs_put_bytes(writer, create->job_id, sizeof create->job_id);
    hs_put_bytes(writer, &create->digest, sizeof create->digest);
    hs_put_varint(writer, create->plan_bytes);
    hs_put_varint(writer, create->flags);
    hs_put_varint(writer, create->timeout_ns);
    hs_put_varint(writer, create->workflow_count);
    hs_put_varint(writer, create->slot_count);
    hs_put_text(writer, hs_view_text(create->name));
    hs_put_text(writer, hs_view_text(create->client_id));
    for (unsigned i = 0; i < create->slot_count; i++)
        hs_put_text(writer, hs_view_text(create->datacenters[i]));
    hs_put_varint(writer, create->created_wall_ns);
}

static uint64_t bounded(struct hs_reader *reader, uint64_t max)
{
    uint64_t value = hs_get_varint(reader);

    if (value <= max) return value;
    reader->failed = true;
    return 0;
}

/* enum hs_gate_slot_op, enum hs_gate_deadline */
static uint8_t one_of_two(struct hs_reader *reader)
{
    uint8_t value = hs_get_u8(reader);

    if (value != 1 && value != 2) reader->failed = true;
    return value;
}

static void get_create(struct hs_reader *reader, struct hs_gate_job_create *create)
{
    hs_gate_get_bytes(reader, create->job_id, sizeof create->job_id);
    hs_gate_get_bytes(reader, &create->digest, sizeof create->digest);
    create->plan_bytes = (uint32_t)bounded(reader, HS_PLAN_BYTES_MAX);
    create->flags = (uint32_t)bounded(reader, UINT32_MAX);
    create->timeout_ns = hs_get_varint(reader);
    create->workflow_count = (uint16_t)bounded(reader, HS_WORKFLOWS_MAX);
    create->slot_count = (uint16_t)bounded(reader, HS_GATE_SLOTS_MAX);
    hs_get_text(reader, create->name, sizeof create->name);
    hs_get_text(reader, create->client_id, sizeof create->client_id);
    for (unsigned i = 0; i < create->slot_count; i++)
        hs_get_text(reader, create->datacenters[i], sizeof create->datacenters[i]);
    create->created_wall_ns = get_late_varint(reader);
}

/* ---- RESULTS ---- */

static void put_results(struct hs_writer *writer, const struct hs_gate_results *results)
{
    hs_put_bytes(writer, results->job_id, sizeof results->job_id);
    hs_put_varint(writer, results->slot);
    hs_put_varint(writer, results->manager_fence);
    hs_put_varint(writer, results->count);
    for (unsigned i = 0; i < results->count; i++) {
        const struct hs_gate_item *item = &results->items[i];

        hs_put_u16le(writer, item->workflow);
        hs_put_u8(writer, item->status);
        hs_put_u8(writer, item->has_record);
        if (item->has_record) hs_put_bytes(writer, &item->digest, sizeof item->digest);
    }
    hs_put_text(writer, hs_view_text(results->reason));
    hs_put_varint(writer, results->elapsed_ns);
    hs_put_varint(writer, results->is_lost);
}

static void get_results(struct hs_reader *reader, struct hs_gate_results *results)
{
    hs_gate_get_bytes(reader, results->job_id, sizeof results->job_id);
    results->slot = (uint16_t)bounded(reader, HS_GATE_SLOTS_MAX - 1);
    results->manager_fence = hs_get_varint(reader);
    results->count = (uint16_t)bounded(reader, HS_GATE_ENTRY_ITEMS);
    for (unsigned i = 0; i < results->count; i++) {
        struct hs_gate_item *item = &results->items[i];

        item->workflow = hs_get_u16le(reader);
        item->status = hs_get_u8(reader);
        item->has_record = hs_get_u8(reader);
        if (item->has_record) hs_gate_get_bytes(reader, &item->digest, sizeof item->digest);
    }
    hs_get_text(reader, results->reason, sizeof results->reason);
    results->elapsed_ns = get_late_varint(reader);
    results->is_lost = get_late_varint(reader) != 0;
}

/* ---- all kinds ---- */

static void put_rest(struct hs_writer *writer, const struct hs_gate_entry *entry)
{
    switch (entry->kind) {
    case HS_GATE_LEADER:
    case HS_GATE_ENTRY_KIND_END: break;
    case HS_GATE_JOB_CREATE: put_create(writer, &entry->as.create); break;
    case HS_GATE_DC_SLOT:
        hs_put_bytes(writer, entry->as.slot.job_id, HS_JOB_ID_BYTES);
        hs_put_varint(writer, entry->as.slot.slot);
        hs_put_u8(writer, entry->as.slot.op);
        hs_put_varint(writer, entry->as.slot.manager_fence);
        hs_put_text(writer, hs_view_text(entry->as.slot.reason));
        break;
    case HS_GATE_CANCEL:
        hs_put_bytes(writer, entry->as.cancel.job_id, HS_JOB_ID_BYTES);
        hs_put_bytes(writer, entry->as.cancel.request_id, 16);
        hs_put_u16le(writer, entry->as.cancel.workflow);
        hs_put_u8(writer, entry->as.cancel.cascade);
        hs_put_text(writer, hs_view_text(entry->as.cancel.reason));
        break;
    case HS_GATE_RESULTS: put_results(writer, &entry->as.results); break;
    case HS_GATE_DEADLINE:
        hs_put_bytes(writer, entry->as.deadline.job_id, HS_JOB_ID_BYTES);
        hs_put_u8(writer, entry->as.deadline.kind);
        break;
    case HS_GATE_EXPIRE:
        hs_put_varint(writer, entry->as.expire.count);
        hs_put_bytes(writer, entry->as.expire.job_ids,
                     (size_t)entry->as.expire.count * HS_JOB_ID_BYTES);
        break;
    }
}

void hs_gate_entry_put(struct hs_writer *writer, const struct hs_gate_entry *entry)
{
    hs_put_u8(writer, (uint8_t)entry->kind);
    put_rest(writer, entry);
}

static void get_rest(struct hs_reader *reader, struct hs_gate_entry *entry)
{
    switch (entry->kind) {
    case HS_GATE_LEADER:
    case HS_GATE_ENTRY_KIND_END: break;
    case HS_GATE_JOB_CREATE: get_create(reader, &entry->as.create); break;
    case HS_GATE_DC_SLOT:
        hs_gate_get_bytes(reader, entry->as.slot.job_id, HS_JOB_ID_BYTES);
        entry->as.slot.slot = (uint16_t)bounded(reader, HS_GATE_SLOTS_MAX - 1);
        entry->as.slot.op = one_of_two(reader);
        entry->as.slot.manager_fence = hs_get_varint(reader);
        hs_get_text(reader, entry->as.slot.reason, sizeof entry->as.slot.reason);
        break;
    case HS_GATE_CANCEL:
        hs_gate_get_bytes(reader, entry->as.cancel.job_id, HS_JOB_ID_BYTES);
        hs_gate_get_bytes(reader, entry->as.cancel.request_id, 16);
        entry->as.cancel.workflow = hs_get_u16le(reader);
        entry->as.cancel.cascade = hs_get_u8(reader);
        hs_get_text(reader, entry->as.cancel.reason, sizeof entry->as.cancel.reason);
        break;
    case HS_GATE_RESULTS: get_results(reader, &entry->as.results); break;
    case HS_GATE_DEADLINE:
        hs_gate_get_bytes(reader, entry->as.deadline.job_id, HS_JOB_ID_BYTES);
        entry->as.deadline.kind = one_of_two(reader);
        break;
    case HS_GATE_EXPIRE:
        entry->as.expire.count = (uint16_t)bounded(reader, HS_GATE_ENTRY_IDS);
        hs_gate_get_bytes(reader, entry->as.expire.job_ids,
                          (size_t)entry->as.expire.count * HS_JOB_ID_BYTES);
        break;
    }
}

int hs_gate_entry_get(struct hs_view bytes, struct hs_gate_entry *entry)
{
    struct hs_reader reader;
    uint8_t          kind;

    memset(entry, 0, sizeof *entry);
    hs_reader_init(&reader, bytes);
    kind = hs_get_u8(&reader);
    if (kind < HS_GATE_LEADER || kind >= HS_GATE_ENTRY_KIND_END) return -EPROTO;
    entry->kind = (enum hs_gate_entry_kind)kind;
    get_rest(&reader, entry);
    return hs_reader_finish(&reader);
}
