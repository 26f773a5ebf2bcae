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

    /* Room that a value may need: section id, first index, or a run of zeros before it; the value;
       the end. */
    TOKEN_ROOM_BYTES = 6 + 10 + 1
};

/* A value is doubled on the wire; what does not fit is capped here and refused by decoders. Only
 * sums of waiting come that far (292 years: a million users for two and a half hours): they stay at
 * the cap, so that a mean falls behind but the counts beside it go on. */
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

static uint32_t chunk_end(uint32_t index, uint32_t length)
{
    uint32_t end = (index / HS_CHUNK_COUNTERS + 1) * HS_CHUNK_COUNTERS;

    return end < length ? end : length;
}

/* The next counter with something to say and its value, or the section's length. Whole chunks at a
 * time: this is where the time of encoding goes. */
static uint32_t find_counter(const struct hs_stats_encoder *encoder, unsigned section,
                             uint32_t index, uint64_t *value)
{
    uint32_t length = section_length(section);
    uint32_t first_place = hs_section_first_chunk(section);

    while (index < length) {
        uint32_t        place = first_place + index / HS_CHUNK_COUNTERS;
        uint32_t        end = chunk_end(index, length);
        const uint64_t *later = hs_stats_chunk_view(encoder->later, place);
        const uint64_t *earlier =
            encoder->earlier ? hs_stats_chunk_view(encoder->earlier, place) : NULL;

        for (; encoder->later->chunk_of[place] && index < end; index++) {
            uint32_t at = index % HS_CHUNK_COUNTERS;

            *value = later[at] - (earlier ? earlier[at] : 0);
            if (*value) return index;
        }
        index = end;
    }
    return length;
}

static uint32_t find_next(const struct hs_stats_encoder *encoder, unsigned section, uint32_t index,
                          uint64_t *value)
{
    uint32_t length = section_length(section);

    if (section < HS_SECTION_COUNT) return find_counter(encoder, section, index, value);
    while (index < length && !(*value = value_to_send(encoder, section, index))) index++;
    return index;
}

static bool has_room(const struct hs_writer *writer)
{
    return writer->capacity_bytes - writer->used_bytes >= TOKEN_ROOM_BYTES;
}

/* Most tokens are one byte; has_room made sure of it. */
static void put_token(struct hs_writer *writer, uint64_t token)
{
    if (token < 0x80)
        writer->data[writer->used_bytes++] = (uint8_t)token;
    else
        hs_put_varint(writer, token);
}

/* Writes the section from encoder->index on. False: the writer is full, encoder->index says where
 * to go on. */
static bool encode_section(struct hs_stats_encoder *encoder, struct hs_writer *writer)
{
    unsigned section = encoder->section;
    uint64_t value = 0;
    uint32_t index = find_next(encoder, section, encoder->index, &value);
    uint32_t length = section_length(section);
    bool     is_open = false;
    bool     is_full = false;

    while (index < length && !(is_full = !has_room(writer))) {
        if (!is_open) {
            hs_put_u8(writer, (uint8_t)section);
            hs_put_varint(writer, index);
        } else if (index > encoder->index) {
            put_token(writer, (uint64_t)(index - encoder->index) << 1 | 1);
        }
        is_open = true;
        put_token(writer, hs_min_u64(value, VALUE_MAX) << 1);
        encoder->index = index + 1;
        index = find_next(encoder, section, encoder->index, &value);
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
    unsigned         section;
    uint64_t         section_sum;    /* what was added to it */
    uint32_t         place;          /* of the chunk that the pointers name */
    const uint64_t  *old_counts;     /* of source */
    const uint64_t  *old_totals;     /* NULL without a total */
    uint64_t        *source_counts;  /* not in the dry pass */
    uint64_t        *total_counts;   /* nor without a total */
    uint32_t         source_lacking; /* chunks that applying will take */
    uint32_t         total_lacking;
};

static void enter_chunk(struct pass *pass, uint32_t place)
{
    pass->place = place;
    if (pass->is_dry) {
        pass->source_lacking += !pass->source->chunk_of[place];
        if (pass->total) pass->total_lacking += !pass->total->chunk_of[place];
    } else {
        pass->source_counts = hs_stats_chunk(pass->source, place);
        if (pass->total) pass->total_counts = hs_stats_chunk(pass->total, place);
        HS_ASSERT(pass->source_counts != NULL); /* the dry pass made sure of the chunks */
    }
    pass->old_counts = hs_stats_chunk_view(pass->source, place);
    pass->old_totals = pass->total ? hs_stats_chunk_view(pass->total, place) : NULL;
    HS_ASSERT(pass->old_counts != NULL);
}

static bool is_too_much(uint64_t old, uint64_t delta)
{
    return delta > VALUE_MAX - hs_min_u64(old, VALUE_MAX);
}

static uint64_t add_capped(uint64_t old, uint64_t delta)
{
    return is_too_much(old, delta) ? hs_max_u64(old, VALUE_MAX) : old + delta;
}

/* What value means for a count that is old now. */
static int find_delta(const struct pass *pass, uint64_t old, uint64_t value, uint64_t *delta)
{
    if (pass->is_whole) {
        if (value < old) return -EPROTO; /* figures only grow */
        *delta = value - old;
        return 0;
    }
    *delta = value;
    return is_too_much(old, value) ? -EPROTO : 0;
}

static int take_counter(struct pass *pass, uint32_t index, uint64_t value)
{
    uint32_t place = hs_section_first_chunk(pass->section) + index / HS_CHUNK_COUNTERS;
    uint32_t at = index % HS_CHUNK_COUNTERS;
    uint64_t delta;
    int      rc;

    if (!pass->old_counts || place != pass->place) enter_chunk(pass, place);
    rc = find_delta(pass, pass->old_counts[at], value, &delta);
    if (rc == 0 && pass->old_totals && is_too_much(pass->old_totals[at], delta)) rc = -EPROTO;
    if (rc < 0 || pass->is_dry) return rc;
    pass->source_counts[at] += delta;
    if (pass->total) pass->total_counts[at] += delta;
    pass->section_sum += delta;
    return 0;
}

static void raise_extreme(struct hs_stats *stats, uint32_t index, uint64_t value)
{
    struct hs_moments *moments = &stats->moments[index / FIELD_COUNT];

    if (index % FIELD_COUNT == FIELD_MAX)
        moments->max_ns = hs_max_u64(moments->max_ns, value);
    else
        moments->min_inverted = hs_max_u64(moments->min_inverted, UINT64_MAX - (value - 1));
}

static void add_figure(struct hs_stats *stats, unsigned section, uint32_t index, uint64_t delta)
{
    if (section == SECTION_TALLIES)
        stats->tallies[index] += delta;
    else if (section == SECTION_ERRORS)
        stats->errors[index] += delta;
    else if (index % FIELD_COUNT == FIELD_SUM)
        stats->moments[index / FIELD_COUNT].sum_ns =
            add_capped(stats->moments[index / FIELD_COUNT].sum_ns, delta);
    else
        stats->moments[index / FIELD_COUNT].overflow_count += delta;
}

static bool is_sum(unsigned section, uint32_t index)
{
    return section == SECTION_MOMENTS && index % FIELD_COUNT == FIELD_SUM;
}

/* As find_delta; but a sum that has met its cap is no reason to refuse what comes with it. */
static int find_figure_delta(const struct pass *pass, uint32_t index, uint64_t value,
                             uint64_t *delta)
{
    uint64_t old = value_at(pass->source, pass->section, index);
    int      rc;

    if (is_sum(pass->section, index)) {
        *delta = pass->is_whole ? value - hs_min_u64(old, value) : value;
        return 0;
    }
    rc = find_delta(pass, old, value, delta);
    if (rc == 0 && pass->total && is_too_much(value_at(pass->total, pass->section, index), *delta))
        rc = -EPROTO;
    return rc;
}

static int take_figure(struct pass *pass, uint32_t index, uint64_t value)
{
    uint64_t delta;
    int      rc;

    if (is_absolute(pass->section, index)) {
        if (pass->is_dry) return 0;
        raise_extreme(pass->source, index, value);
        if (pass->total) raise_extreme(pass->total, index, value);
        return 0;
    }
    rc = find_figure_delta(pass, index, value, &delta);
    if (rc < 0 || pass->is_dry) return rc;
    add_figure(pass->source, pass->section, index, delta);
    if (pass->total) add_figure(pass->total, pass->section, index, delta);
    return 0;
}

static uint64_t get_token(struct hs_reader *reader)
{
    if (!reader->failed && reader->at < reader->bytes && reader->data[reader->at] < 0x80)
        return reader->data[reader->at++];
    return hs_get_varint(reader);
}

/* Tokens up to the end mark. */
static int walk_tokens(struct pass *pass, struct hs_reader *reader)
{
    uint32_t length = section_length(pass->section);
    uint64_t index = hs_get_varint(reader);
    int      rc = 0;

    while (rc == 0) {
        uint64_t token = get_token(reader);

        if (reader->failed || token == 0) return -EPROTO;
        if (token == 1) return 0;
        if (index >= length) return -EPROTO;
        if (token & 1) {
            if (token >> 1 > length - index) return -EPROTO;
            index += token >> 1;
            continue;
        }
        rc = pass->section < HS_SECTION_COUNT ? take_counter(pass, (uint32_t)index, token >> 1)
                                              : take_figure(pass, (uint32_t)index, token >> 1);
        index++;
    }
    return rc;
}

static int walk_section(struct pass *pass, struct hs_reader *reader, unsigned section)
{
    int rc;

    pass->section = section;
    pass->section_sum = 0;
    rc = walk_tokens(pass, reader);
    if (rc == 0 && section < HS_MEASURE_COUNT) {
        pass->source->counts[section] += pass->section_sum;
        if (pass->total) pass->total->counts[section] += pass->section_sum;
    }
    return rc;
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
                        .is_dry = true};
    int         rc = walk_part(&pass, part->sections);

    HS_ASSERT(source != total);
    if (rc < 0) return rc;
    if (!has_chunks(&pass)) return -ENOBUFS;
    pass.is_dry = false;
    pass.old_counts = NULL; /* enter the first chunk again */
    rc = walk_part(&pass, part->sections);
    HS_ASSERT(rc == 0);
    return 0;
}
