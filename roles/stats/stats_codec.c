// SPDX-License-Identifier: Apache-2.0
/* stats_codec.c - sections of figures as runs of zeros and values in LEB128 varints. */
#include "roles/stats/stats_codec.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>

/* Sections beyond the counters of stats.h. */
enum {
    SECTION_TALLIES = HS_SECTION_COUNT,
    SECTION_ERRORS,
    SECTION_MOMENTS,
    SECTION_END,

    FIELD_SUM = 0,
    FIELD_MAX,
    FIELD_MIN,
    FIELD_OVERFLOW,
    FIELD_COUNT,

    /* Room that a value may need: section id, first index, or a run of zeros before it; the value; the end. */
    TOKEN_ROOM_BYTES = 6 + 10 + 1
};

/* A value is doubled on the wire; what does not fit (292 years of waiting) is refused by decoders and capped here. */
#define VALUE_MAX ((uint64_t)INT64_MAX)

static uint32_t section_length(unsigned section)
{
    switch (section) {
    case SECTION_TALLIES: return HS_TALLY_COUNT;
    case SECTION_ERRORS: return HS_ERROR_CLASS_COUNT;
    case SECTION_MOMENTS: return HS_MEASURE_COUNT * FIELD_COUNT;
    default: return hs_section_counters(section);
    }
}

/* Maximum and minimum travel as they are, since neither is a sum. */
static bool is_absolute(unsigned section, uint32_t index)
{
    return section == SECTION_MOMENTS &&
           (index % FIELD_COUNT == FIELD_MAX || index % FIELD_COUNT == FIELD_MIN);
}

static uint64_t moment_value(const struct hs_moments *moments, unsigned field)
{
    switch (field) {
    case FIELD_SUM: return moments->sum_ns;
    case FIELD_MAX: return moments->max_ns;
    case FIELD_MIN: return moments->min_inverted ? hs_moments_min_ns(moments) + 1 : 0;
    default: return moments->overflow_count;
    }
}

static uint64_t value_at(const struct hs_stats *stats, unsigned section, uint32_t index)
{
    switch (section) {
    case SECTION_TALLIES: return stats->tallies[index];
    case SECTION_ERRORS: return stats->errors[index];
    case SECTION_MOMENTS:
        return moment_value(&stats->moments[index / FIELD_COUNT], index % FIELD_COUNT);
    default: return hs_stats_counter(stats, section, index);
    }
}

/* What the part has to say about one place; 0: nothing. */
static uint64_t value_to_send(const struct hs_stats_encoder *encoder, unsigned section,
                              uint32_t index)
{
    uint64_t later = value_at(encoder->later, section, index);
    uint64_t earlier = encoder->earlier ? value_at(encoder->earlier, section, index) : 0;

    if (is_absolute(section, index)) return later == earlier ? 0 : hs_min_u64(later, VALUE_MAX);
    return hs_min_u64(later - earlier, VALUE_MAX);
}

/* The next place of the section with something to say, or its length. Chunks never written are skipped whole. */
static uint32_t find_next(const struct hs_stats_encoder *encoder, unsigned section, uint32_t index)
{
    uint32_t length = section_length(section);

    while (index < length) {
        if (section < HS_SECTION_COUNT &&
            !encoder->later
                 ->chunk_of[hs_section_first_chunk(section) + index / HS_CHUNK_COUNTERS]) {
            index = (index / HS_CHUNK_COUNTERS + 1) * HS_CHUNK_COUNTERS;
            continue;
        }
        if (value_to_send(encoder, section, index)) return index;
        index++;
    }
    return length;
}

static bool has_room(const struct hs_writer *writer)
{
    return writer->capacity_bytes - writer->used_bytes >= TOKEN_ROOM_BYTES;
}

/* Writes the section from encoder->index on. False: the writer is full, encoder->index says where to go on. */
static bool encode_section(struct hs_stats_encoder *encoder, struct hs_writer *writer)
{
    unsigned section = encoder->section;
    uint32_t index = find_next(encoder, section, encoder->index);
    uint32_t length = section_length(section);
    bool     is_open = false;
    bool     is_full = false;

    while (index < length && !(is_full = !has_room(writer))) {
        if (!is_open) {
            hs_put_u8(writer, (uint8_t)section);
            hs_put_varint(writer, index);
        } else if (index > encoder->index) {
            hs_put_varint(writer, (uint64_t)(index - encoder->index) << 1 | 1);
        }
        is_open = true;
        hs_put_varint(writer, value_to_send(encoder, section, index) << 1);
        encoder->index = index + 1;
        index = find_next(encoder, section, encoder->index);
    }
    if (is_open) hs_put_varint(writer, 1);
    return !is_full;
}

void hs_stats_encoder_init(struct hs_stats_encoder *encoder, const struct hs_stats *later,
                           const struct hs_stats *earlier)
{
    *encoder = (struct hs_stats_encoder){.later = later, .earlier = earlier, .is_first = true};
}

int hs_stats_encode_part(struct hs_stats_encoder *encoder, uint64_t sequence,
                         struct hs_writer *writer)
{
    size_t  flags_at = writer->used_bytes + 1;
    uint8_t flags = 0;

    if (writer->failed || writer->capacity_bytes - writer->used_bytes < HS_STATS_PART_BYTES_MIN)
        return -EMSGSIZE;
    hs_put_u8(writer, HS_STATS_CODEC_VERSION);
    hs_put_u8(writer, 0);
    hs_put_varint(writer, sequence);
    while (encoder->section < SECTION_END && encode_section(encoder, writer)) {
        encoder->section++;
        encoder->index = 0;
    }
    if (!encoder->earlier) flags |= HS_STATS_PART_WHOLE;
    if (encoder->is_first) flags |= HS_STATS_PART_FIRST;
    if (encoder->section == SECTION_END) flags |= HS_STATS_PART_LAST;
    writer->data[flags_at] = flags;
    encoder->is_first = false;
    HS_ASSERT(!writer->failed);
    return encoder->section < SECTION_END;
}

int hs_stats_part_open(struct hs_stats_part *part, struct hs_view bytes)
{
    struct hs_reader reader;
    uint8_t          version;

    hs_reader_init(&reader, bytes);
    version = hs_get_u8(&reader);
    part->flags = hs_get_u8(&reader);
    part->sequence = hs_get_varint(&reader);
    part->sections = hs_get_view(&reader, hs_reader_left_bytes(&reader));
    if (reader.failed || version != HS_STATS_CODEC_VERSION) return -EPROTO;
    if (part->flags & ~(HS_STATS_PART_WHOLE | HS_STATS_PART_FIRST | HS_STATS_PART_LAST))
        return -EPROTO;
    return 0;
}

/* One pass over a part: first only checking, then, since nothing can fail any more, for real. */
struct pass {
    struct hs_stats *source;
    struct hs_stats *total;
    bool             is_whole;
    bool             is_dry;
    uint32_t         last_place;     /* of the chunk looked at last, to count each once */
    uint32_t         source_lacking; /* chunks that applying will take */
    uint32_t         total_lacking;
};

static void note_chunk(struct pass *pass, unsigned section, uint32_t index)
{
    uint32_t place = hs_section_first_chunk(section) + index / HS_CHUNK_COUNTERS;

    if (place == pass->last_place) return;
    pass->last_place = place;
    pass->source_lacking += !pass->source->chunk_of[place];
    if (pass->total) pass->total_lacking += !pass->total->chunk_of[place];
}

static void raise_extreme(struct hs_stats *stats, uint32_t index, uint64_t value)
{
    struct hs_moments *moments = &stats->moments[index / FIELD_COUNT];

    if (index % FIELD_COUNT == FIELD_MAX)
        moments->max_ns = hs_max_u64(moments->max_ns, value);
    else
        moments->min_inverted = hs_max_u64(moments->min_inverted, UINT64_MAX - (value - 1));
}

static void add_value(struct hs_stats *stats, unsigned section, uint32_t index, uint64_t delta)
{
    struct hs_moments *moments;
    int                rc = 0;

    switch (section) {
    case SECTION_TALLIES: stats->tallies[index] += delta; break;
    case SECTION_ERRORS: stats->errors[index] += delta; break;
    case SECTION_MOMENTS:
        moments = &stats->moments[index / FIELD_COUNT];
        if (index % FIELD_COUNT == FIELD_SUM)
            moments->sum_ns += delta;
        else
            moments->overflow_count += delta;
        break;
    default: rc = hs_stats_counter_add(stats, section, index, delta); break;
    }
    HS_ASSERT(rc == 0); /* the dry pass made sure of the chunks */
}

static int take_value(struct pass *pass, unsigned section, uint32_t index, uint64_t value)
{
    uint64_t old = value_at(pass->source, section, index);
    uint64_t delta = value;

    if (is_absolute(section, index)) {
        if (pass->is_dry) return 0;
        raise_extreme(pass->source, index, value);
        if (pass->total) raise_extreme(pass->total, index, value);
        return 0;
    }
    if (pass->is_whole) {
        if (value < old) return -EPROTO; /* figures only grow */
        delta = value - old;
    } else if (value > VALUE_MAX - old) {
        return -EPROTO;
    }
    if (pass->is_dry) {
        if (section < HS_SECTION_COUNT) note_chunk(pass, section, index);
    } else if (delta) {
        add_value(pass->source, section, index, delta);
        if (pass->total) add_value(pass->total, section, index, delta);
    }
    return 0;
}

/* Tokens up to the end mark. */
static int walk_section(struct pass *pass, struct hs_reader *reader, unsigned section)
{
    uint32_t length = section_length(section);
    uint64_t index = hs_get_varint(reader);
    int      rc = 0;

    while (rc == 0 && !reader->failed) {
        uint64_t token = hs_get_varint(reader);

        if (token == 1) return reader->failed ? -EPROTO : 0;
        if (reader->failed || index >= length || token == 0) return -EPROTO;
        if (token & 1) {
            if (token >> 1 > length - index) return -EPROTO;
            index += token >> 1;
            continue;
        }
        rc = take_value(pass, section, (uint32_t)index, token >> 1);
        index++;
    }
    return rc < 0 ? rc : -EPROTO;
}

static int walk_part(struct pass *pass, struct hs_view sections)
{
    struct hs_reader reader;
    unsigned         next_section = 0;
    int              rc = 0;

    hs_reader_init(&reader, sections);
    while (rc == 0 && hs_reader_left_bytes(&reader) > 0) {
        unsigned section = hs_get_u8(&reader);

        if (section < next_section || section >= SECTION_END) return -EPROTO;
        rc = walk_section(pass, &reader, section);
        next_section = section + 1;
    }
    return rc;
}

static bool has_chunks(const struct pass *pass)
{
    const struct hs_chunk_pool *pool = pass->source->pool;

    if (!pass->total) return pass->source_lacking <= pool->free_count;
    if (pass->total->pool == pool)
        return pass->source_lacking + pass->total_lacking <= pool->free_count;
    return pass->source_lacking <= pool->free_count &&
           pass->total_lacking <= pass->total->pool->free_count;
}

int hs_stats_part_apply(const struct hs_stats_part *part, struct hs_stats *source,
                        struct hs_stats *total)
{
    struct pass pass = {.source = source,
                        .total = total,
                        .is_whole = (part->flags & HS_STATS_PART_WHOLE) != 0,
                        .is_dry = true,
                        .last_place = UINT32_MAX};
    int         rc = walk_part(&pass, part->sections);

    HS_ASSERT(source != total);
    if (rc < 0) return rc;
    if (!has_chunks(&pass)) return -ENOBUFS;
    pass.is_dry = false;
    rc = walk_part(&pass, part->sections);
    HS_ASSERT(rc == 0);
    return 0;
}
