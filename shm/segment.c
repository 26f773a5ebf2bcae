// SPDX-License-Identifier: Apache-2.0
/* segment.c - the header of a segment: written once, checked by each who maps it. */
#include "shm/segment.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

HS_STATIC_ASSERT(sizeof(struct hs_segment_header) == HS_SEGMENT_HEADER_BYTES, "first line");
HS_STATIC_ASSERT(offsetof(struct hs_segment_header, kind) == 8, "layout");
HS_STATIC_ASSERT(offsetof(struct hs_segment_header, version) == 12, "layout");
HS_STATIC_ASSERT(offsetof(struct hs_segment_header, header_bytes) == 14, "layout");
HS_STATIC_ASSERT(offsetof(struct hs_segment_header, total_bytes) == 16, "layout");
HS_STATIC_ASSERT(offsetof(struct hs_segment_header, generation) == 24, "layout");
HS_STATIC_ASSERT(offsetof(struct hs_segment_header, owner_pid) == 32, "layout");
HS_STATIC_ASSERT(offsetof(struct hs_segment_header, reserved) == 36, "layout");

static bool is_kind(enum hs_segment_kind kind)
{
    return kind >= HS_SEGMENT_VITALS && kind < HS_SEGMENT_KIND_END;
}

uint64_t hs_segment_total_bytes(uint64_t body_bytes)
{
    const uint64_t page = HS_SEGMENT_BODY_OFFSET;

    return page + (body_bytes + page - 1) / page * page;
}

void hs_segment_header_init(struct hs_segment_header *header, const struct hs_segment_spec *spec,
                            uint32_t owner_pid)
{
    HS_ASSERT(is_kind(spec->kind));
    HS_ASSERT(spec->body_bytes > 0);
    memset(header, 0, sizeof *header);
    header->kind = (uint32_t)spec->kind;
    header->version = spec->version;
    header->header_bytes = HS_SEGMENT_HEADER_BYTES;
    header->total_bytes = hs_segment_total_bytes(spec->body_bytes);
    header->generation = spec->generation;
    header->owner_pid = owner_pid;
    header->magic = HS_SEGMENT_MAGIC;
}

static bool is_reserved_zero(const struct hs_segment_header *header)
{
    for (size_t i = 0; i < sizeof header->reserved; i++)
        if (header->reserved[i]) return false;
    return true;
}

int hs_segment_check(const struct hs_segment_header *shared, const struct hs_segment_spec *spec,
                     uint64_t file_bytes, struct hs_err *err)
{
    /* Read once: what is checked is what is believed. */
    const struct hs_segment_header header = *shared;

    if (header.magic != HS_SEGMENT_MAGIC) return hs_err_set(err, -EPROTO, "not a segment");
    if (header.kind != (uint32_t)spec->kind)
        return hs_err_set(err, -EPROTO, "it is a segment of kind %" PRIu32, header.kind);
    if (header.version != spec->version)
        return hs_err_set(err, -EPROTO, "version %u, expected %u", header.version, spec->version);
    if (header.header_bytes != HS_SEGMENT_HEADER_BYTES || !is_reserved_zero(&header))
        return hs_err_set(err, -EPROTO, "damaged header");
    if (header.total_bytes != file_bytes)
        return hs_err_set(err, -EPROTO, "header says %" PRIu64 " bytes, file has %" PRIu64,
                          header.total_bytes, file_bytes);
    if (spec->body_bytes && header.total_bytes != hs_segment_total_bytes(spec->body_bytes))
        return hs_err_set(err, -EPROTO, "%" PRIu64 " bytes, expected %" PRIu64, header.total_bytes,
                          hs_segment_total_bytes(spec->body_bytes));
    if (spec->generation && header.generation != spec->generation)
        return hs_err_set(err, -EPROTO, "generation %" PRIu64 ", expected %" PRIu64,
                          header.generation, spec->generation);
    return 0;
}

const char *hs_segment_kind_name(enum hs_segment_kind kind)
{
    static const char *const names[HS_SEGMENT_KIND_END] = {
        [HS_SEGMENT_VITALS] = "vitals",
        [HS_SEGMENT_HOST] = "host",
        [HS_SEGMENT_MANAGER_REGISTRY] = "manager registry",
        [HS_SEGMENT_WORKER_REGISTRY] = "worker registry",
        [HS_SEGMENT_JOB_REGISTRY] = "job registry",
        [HS_SEGMENT_DISPATCH_TIMES] = "dispatch times",
        [HS_SEGMENT_LATENCY_SAMPLES] = "latency samples",
        [HS_SEGMENT_ENGINE_COMMANDS] = "engine commands",
        [HS_SEGMENT_ENGINE_EVENTS] = "engine events",
        [HS_SEGMENT_ENGINE_FIGURES] = "engine figures",
        [HS_SEGMENT_EXEC_LEDGER] = "exec ledger",
        [HS_SEGMENT_LOG_RINGS] = "log rings",
        [HS_SEGMENT_EVENT_RINGS] = "event rings",
        [HS_SEGMENT_CONFIG_IMAGE] = "config image",
        [HS_SEGMENT_PLAN_IMAGE] = "plan image",
        [HS_SEGMENT_COUNTERS] = "counters",
        [HS_SEGMENT_CREDENTIALS] = "credentials",
        [HS_SEGMENT_MEMBERS] = "members of a ring",
        [HS_SEGMENT_CARD] = "card"};

    return is_kind(kind) ? names[kind] : "unknown";
}

const struct hs_segment_header *hs_segment_header_of(const struct hs_segment *segment)
{
    HS_ASSERT(segment->map);
    return segment->map;
}

void *hs_segment_body(const struct hs_segment *segment)
{
    HS_ASSERT(segment->map);
    return (char *)segment->map + HS_SEGMENT_BODY_OFFSET;
}

uint64_t hs_segment_body_bytes(const struct hs_segment *segment)
{
    HS_ASSERT(segment->bytes > HS_SEGMENT_BODY_OFFSET);
    return segment->bytes - HS_SEGMENT_BODY_OFFSET;
}
