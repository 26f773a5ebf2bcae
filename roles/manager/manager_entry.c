// SPDX-License-Identifier: Apache-2.0
/* manager_entry.c - decisions to and from bytes: straight lines, one pair of functions per kind. */
#include "roles/manager/manager_entry.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

enum { ENTRY_VERSION = 2 };

HS_STATIC_ASSERT(HS_DEPENDENCIES_TOTAL_MAX + 2 * HS_WORKFLOWS_MAX + 400 < HS_LEDGER_ENTRY_BYTES_MAX,
                 "the largest entry fits the log");
HS_STATIC_ASSERT(HS_SHARDS_MAX * 34 + 64 < HS_LEDGER_ENTRY_BYTES_MAX, "an assignment fits the log");

static void get_bytes(struct hs_reader *reader, void *into, size_t bytes)
{
    struct hs_view view = hs_get_view(reader, bytes);

    if (bytes && view.bytes == bytes) memcpy(into, view.data, bytes);
}

/* Numbers out of range are a failure, like everything that no encoder wrote. */
static uint64_t get_number(struct hs_reader *reader, uint64_t most)
{
    uint64_t value = hs_get_varint(reader);

    if (value <= most) return value;
    reader->failed = true;
    return 0;
}

static uint8_t get_small(struct hs_reader *reader)
{
    return (uint8_t)get_number(reader, UINT8_MAX);
}

static uint16_t get_short(struct hs_reader *reader)
{
    return (uint16_t)get_number(reader, UINT16_MAX);
}

static void put_leader(struct hs_writer *writer, const struct hs_manager_leader *leader)
{
    hs_put_bytes(writer, leader->node, sizeof leader->node);
    hs_put_varint(writer, leader->incarnation);
    hs_put_varint(writer, leader->generation);
}

static void get_leader(struct hs_reader *reader, struct hs_manager_leader *leader)
{
    get_bytes(reader, leader->node, sizeof leader->node);
    leader->incarnation = hs_get_varint(reader);
    leader->generation = hs_get_varint(reader);
}

static void put_limit(struct hs_writer *writer, const struct hs_manager_limit *limit)
{
    hs_put_varint(writer, limit->timeout_ns);
    hs_put_varint(writer, limit->began_at_ns);
    hs_put_varint(writer, limit->incarnation);
}

static void get_limit(struct hs_reader *reader, struct hs_manager_limit *limit)
{
    limit->timeout_ns = hs_get_varint(reader);
    limit->began_at_ns = hs_get_varint(reader);
    limit->incarnation = hs_get_varint(reader);
}

static void put_accept(struct hs_writer *writer, const struct hs_manager_accept *accept)
{
    unsigned begin = 0;

    hs_put_bytes(writer, accept->job_id, sizeof accept->job_id);
    hs_put_bytes(writer, accept->plan.bytes, sizeof accept->plan.bytes);
    hs_put_varint(writer, accept->plan_bytes);
    hs_put_varint(writer, accept->birth_fence);
    hs_put_varint(writer, accept->gate_fence);
    put_limit(writer, &accept->limit);
    hs_put_varint(writer, accept->flags);
    hs_put_varint(writer, accept->datacenter_idx);
    hs_put_varint(writer, accept->datacenter_count);
    hs_put_varint(writer, accept->retries_max);
    hs_put_varint(writer, accept->workflow_retries_max);
    hs_put_text(writer, hs_view_text(accept->name));
    hs_put_varint(writer, accept->workflow_count);
    for (unsigned i = 0; i < accept->workflow_count; i++) {
        unsigned end = accept->dependency_end[i];

        hs_put_varint(writer, end - begin);
        hs_put_bytes(writer, &accept->dependencies[begin], end - begin);
        begin = end;
    }
}

static void get_dependencies(struct hs_reader *reader, struct hs_manager_accept *accept)
{
    unsigned end = 0;

    accept->workflow_count = (uint16_t)get_number(reader, HS_WORKFLOWS_MAX);
    for (unsigned i = 0; i < accept->workflow_count && !reader->failed; i++) {
        unsigned count = (unsigned)get_number(reader, HS_DEPENDENCIES_TOTAL_MAX - end);

        get_bytes(reader, &accept->dependencies[end], count);
        for (unsigned k = end; k < end + count; k++)
            if (accept->dependencies[k] >= accept->workflow_count) reader->failed = true;
        end += count;
        accept->dependency_end[i] = (uint16_t)end;
    }
}

static void get_accept(struct hs_reader *reader, struct hs_manager_accept *accept)
{
    get_bytes(reader, accept->job_id, sizeof accept->job_id);
    get_bytes(reader, accept->plan.bytes, sizeof accept->plan.bytes);
    accept->plan_bytes = hs_get_varint(reader);
    accept->birth_fence = hs_get_varint(reader);
    accept->gate_fence = hs_get_varint(reader);
    get_limit(reader, &accept->limit);
    accept->flags = (uint32_t)get_number(reader, UINT32_MAX);
    accept->datacenter_idx = get_short(reader);
    accept->datacenter_count = get_short(reader);
    accept->retries_max = get_small(reader);
    accept->workflow_retries_max = get_small(reader);
    hs_get_text(reader, accept->name, sizeof accept->name);
    get_dependencies(reader, accept);
}

static void put_assign(struct hs_writer *writer, const struct hs_manager_assign *assign)
{
    hs_put_bytes(writer, assign->job_id, sizeof assign->job_id);
    hs_put_u8(writer, assign->workflow);
    hs_put_varint(writer, assign->after_ns);
    hs_put_varint(writer, assign->count);
    for (unsigned i = 0; i < assign->count; i++) {
        const struct hs_manager_assign_item *item = &assign->items[i];

        hs_put_varint(writer, item->shard);
        hs_put_u8(writer, item->attempt);
        hs_put_varint(writer, item->cores);
        hs_put_varint(writer, item->incarnation);
        hs_put_bytes(writer, item->worker, sizeof item->worker);
    }
}

static void get_assign(struct hs_reader *reader, struct hs_manager_assign *assign)
{
    get_bytes(reader, assign->job_id, sizeof assign->job_id);
    assign->workflow = hs_get_u8(reader);
    assign->after_ns = hs_get_varint(reader);
    assign->count = (uint16_t)get_number(reader, HS_SHARDS_MAX);
    for (unsigned i = 0; i < assign->count; i++) {
        struct hs_manager_assign_item *item = &assign->items[i];

        item->shard = get_short(reader);
        item->attempt = hs_get_u8(reader);
        item->cores = get_short(reader);
        item->incarnation = hs_get_varint(reader);
        get_bytes(reader, item->worker, sizeof item->worker);
    }
}

static void put_end(struct hs_writer *writer, const struct hs_manager_end *end)
{
    hs_put_bytes(writer, end->job_id, sizeof end->job_id);
    hs_put_u8(writer, end->workflow);
    hs_put_varint(writer, end->shard);
    hs_put_u8(writer, end->attempt);
    hs_put_u8(writer, end->outcome);
    hs_put_varint(writer, end->exec_fence);
    hs_put_varint(writer, end->elapsed_ns);
    hs_put_varint(writer, end->discarded_sent);
    hs_put_varint(writer, end->restarts);
    hs_put_varint(writer, end->result_bytes);
    if (end->result_bytes) hs_put_bytes(writer, end->result.bytes, sizeof end->result.bytes);
    hs_put_text(writer, hs_view_text(end->text));
    hs_put_text(writer, hs_view_text(end->backend));
}

static void get_end(struct hs_reader *reader, struct hs_manager_end *end)
{
    get_bytes(reader, end->job_id, sizeof end->job_id);
    end->workflow = hs_get_u8(reader);
    end->shard = get_short(reader);
    end->attempt = hs_get_u8(reader);
    end->outcome = hs_get_u8(reader);
    end->exec_fence = hs_get_varint(reader);
    end->elapsed_ns = hs_get_varint(reader);
    end->discarded_sent = hs_get_varint(reader);
    end->restarts = get_short(reader);
    end->result_bytes = hs_get_varint(reader);
    if (end->result_bytes) get_bytes(reader, end->result.bytes, sizeof end->result.bytes);
    hs_get_text(reader, end->text, sizeof end->text);
    hs_get_text(reader, end->backend, sizeof end->backend);
    if (end->outcome >= HS_OUTCOME_COUNT || end->outcome == HS_OUTCOME_NONE) reader->failed = true;
}

static void put_cancel(struct hs_writer *writer, const struct hs_manager_cancel *cancel)
{
    hs_put_bytes(writer, cancel->job_id, sizeof cancel->job_id);
    hs_put_varint(writer, cancel->workflow);
    hs_put_u8(writer, cancel->is_cascade);
    hs_put_bytes(writer, cancel->request_id, sizeof cancel->request_id);
    hs_put_varint(writer, cancel->gate_fence);
}

static void get_cancel(struct hs_reader *reader, struct hs_manager_cancel *cancel)
{
    get_bytes(reader, cancel->job_id, sizeof cancel->job_id);
    cancel->workflow = get_short(reader);
    cancel->is_cascade = hs_get_u8(reader);
    get_bytes(reader, cancel->request_id, sizeof cancel->request_id);
    cancel->gate_fence = hs_get_varint(reader);
}

static void put_expire(struct hs_writer *writer, const struct hs_manager_expire *expire)
{
    hs_put_varint(writer, expire->count);
    for (unsigned i = 0; i < expire->count; i++)
        hs_put_bytes(writer, expire->job_ids[i], HS_JOB_ID_BYTES);
}

static void get_expire(struct hs_reader *reader, struct hs_manager_expire *expire)
{
    expire->count = (uint16_t)get_number(reader, HS_MANAGER_EXPIRE_MAX);
    for (unsigned i = 0; i < expire->count; i++)
        get_bytes(reader, expire->job_ids[i], HS_JOB_ID_BYTES);
}

static void put_record(struct hs_writer *writer, const struct hs_manager_record *record)
{
    hs_put_bytes(writer, record->job_id, sizeof record->job_id);
    hs_put_u8(writer, record->workflow);
    hs_put_varint(writer, record->bytes);
    hs_put_bytes(writer, record->digest.bytes, sizeof record->digest.bytes);
}

static void get_record(struct hs_reader *reader, struct hs_manager_record *record)
{
    get_bytes(reader, record->job_id, sizeof record->job_id);
    record->workflow = hs_get_u8(reader);
    record->bytes = hs_get_varint(reader);
    get_bytes(reader, record->digest.bytes, sizeof record->digest.bytes);
}

void hs_manager_entry_put(struct hs_writer *writer, const struct hs_manager_entry *entry)
{
    hs_put_u8(writer, ENTRY_VERSION);
    hs_put_u8(writer, (uint8_t)entry->kind);
    switch (entry->kind) {
    case HS_MANAGER_LEADER: put_leader(writer, &entry->leader); break;
    case HS_MANAGER_ACCEPT: put_accept(writer, &entry->accept); break;
    case HS_MANAGER_ASSIGN: put_assign(writer, &entry->assign); break;
    case HS_MANAGER_END: put_end(writer, &entry->end); break;
    case HS_MANAGER_RECORD: put_record(writer, &entry->record); break;
    case HS_MANAGER_CANCEL: put_cancel(writer, &entry->cancel); break;
    case HS_MANAGER_EXPIRE: put_expire(writer, &entry->expire); break;
    case HS_MANAGER_OWNER:
        hs_put_bytes(writer, entry->owner.job_id, HS_JOB_ID_BYTES);
        hs_put_varint(writer, entry->owner.gate_fence);
        put_limit(writer, &entry->owner.limit);
        break;
    case HS_MANAGER_TIMEOUT:
        hs_put_bytes(writer, entry->timeout.job_id, HS_JOB_ID_BYTES);
        hs_put_u8(writer, entry->timeout.kind);
        hs_put_varint(writer, entry->timeout.gate_fence);
        break;
    case HS_MANAGER_RELEASED:
        hs_put_bytes(writer, entry->released.job_id, HS_JOB_ID_BYTES);
        hs_put_varint(writer, entry->released.gate_fence);
        break;
    case HS_MANAGER_KIND_COUNT:
    default: HS_ASSERT(false && "a kind of entry");
    }
}

static int get_body(struct hs_reader *reader, struct hs_manager_entry *entry)
{
    switch (entry->kind) {
    case HS_MANAGER_LEADER: get_leader(reader, &entry->leader); break;
    case HS_MANAGER_ACCEPT: get_accept(reader, &entry->accept); break;
    case HS_MANAGER_ASSIGN: get_assign(reader, &entry->assign); break;
    case HS_MANAGER_END: get_end(reader, &entry->end); break;
    case HS_MANAGER_RECORD: get_record(reader, &entry->record); break;
    case HS_MANAGER_CANCEL: get_cancel(reader, &entry->cancel); break;
    case HS_MANAGER_EXPIRE: get_expire(reader, &entry->expire); break;
    case HS_MANAGER_OWNER:
        get_bytes(reader, entry->owner.job_id, HS_JOB_ID_BYTES);
        entry->owner.gate_fence = hs_get_varint(reader);
        get_limit(reader, &entry->owner.limit);
        break;
    case HS_MANAGER_TIMEOUT:
        get_bytes(reader, entry->timeout.job_id, HS_JOB_ID_BYTES);
        entry->timeout.kind = hs_get_u8(reader);
        entry->timeout.gate_fence = hs_get_varint(reader);
        break;
    case HS_MANAGER_RELEASED:
        get_bytes(reader, entry->released.job_id, HS_JOB_ID_BYTES);
        entry->released.gate_fence = hs_get_varint(reader);
        break;
    case HS_MANAGER_KIND_COUNT:
    default: return -EPROTO;
    }
    return hs_reader_finish(reader);
}

int hs_manager_entry_get(struct hs_manager_entry *entry, struct hs_view bytes)
{
    struct hs_reader reader;

    memset(entry, 0, sizeof *entry);
    hs_reader_init(&reader, bytes);
    if (hs_get_u8(&reader) != ENTRY_VERSION) return -EPROTO;
    entry->kind = (enum hs_manager_entry_kind)hs_get_u8(&reader);
    return get_body(&reader, entry);
}
