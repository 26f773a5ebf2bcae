// SPDX-License-Identifier: Apache-2.0
/* figures.c - claiming, adopting, releasing and reading the pages of an engine's figures
 * segment. */
#include "roles/stats/figures.h"

#include "roles/stats/figures_record.h"
#include "shm/base/time.h"

#include <errno.h>
#include <string.h>

HS_STATIC_ASSERT(HS_FIGURES_SPAN_COUNTERS % HS_CHUNK_COUNTERS == 0, "a span is whole chunks");

static uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_acquire);
}

static void store(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}

static bool is_used(uint64_t state)
{
    return state & 1;
}

static uint64_t step_word(const struct hs_figures_key *key)
{
    return (uint64_t)key->step_idx << 1 | (key->is_warmup ? 1 : 0);
}

static bool has_exec(const struct hs_figures_entry_shm *entry, const uint8_t exec_id[16],
                     uint64_t exec_fence)
{
    uint64_t words[2];

    memcpy(words, exec_id, sizeof words);
    return is_used(load(&entry->state)) && load(&entry->exec_id[0]) == words[0] &&
           load(&entry->exec_id[1]) == words[1] && load(&entry->exec_fence) == exec_fence;
}

static unsigned find_entry(const struct hs_figures_shm *figures, const struct hs_figures_key *key)
{
    for (unsigned i = 0; i < HS_FIGURES_PAGES; i++) {
        const struct hs_figures_entry_shm *entry = &figures->entries[i];

        if (has_exec(entry, key->exec_id, key->exec_fence) && load(&entry->step) == step_word(key))
            return i;
    }
    return HS_FIGURES_PAGES;
}

static const _Atomic uint64_t *counters_of(const struct hs_figures_page_shm *page, unsigned section)
{
    if (section == HS_SECTION_STATUS) return page->statuses;
    return section < HS_MEASURE_FINE_COUNT ? page->fine[section]
                                           : page->coarse[section - HS_MEASURE_FINE_COUNT];
}

/* Which spans of a section may hold something. The bits beyond its end are a reader's distrust, not
 * a case. */
static uint64_t touched_spans(const struct hs_figures_page_shm *page, unsigned section)
{
    unsigned span_count = section < HS_MEASURE_FINE_COUNT ? (unsigned)HS_FIGURES_FINE_SPANS
                                                          : (unsigned)HS_FIGURES_COARSE_SPANS;

    if (section == HS_SECTION_STATUS) return load(&page->status_touched) & 1;
    return load(&page->touched[section]) & ((UINT64_C(1) << span_count) - 1);
}

/* The counters of the lowest span in spans. */
static size_t span_start(uint64_t spans)
{
    return (size_t)__builtin_ctzll(spans) * HS_FIGURES_SPAN_COUNTERS;
}

static void zero_words(_Atomic uint64_t *words, size_t word_count)
{
    for (size_t i = 0; i < word_count; i++)
        atomic_store_explicit(&words[i], 0, memory_order_relaxed);
}

static void zero_section(struct hs_figures_page_shm *page, unsigned section)
{
    _Atomic uint64_t *counters = page->statuses;

    if (section < HS_MEASURE_FINE_COUNT)
        counters = page->fine[section];
    else if (section < HS_MEASURE_COUNT)
        counters = page->coarse[section - HS_MEASURE_FINE_COUNT];
    for (uint64_t spans = touched_spans(page, section); spans; spans &= spans - 1)
        zero_words(&counters[span_start(spans)], HS_FIGURES_SPAN_COUNTERS);
}

/* Touched bits go last: killed before, the page is zeroed again by whoever claims it. */
static void zero_page(struct hs_figures_page_shm *page)
{
    for (unsigned i = 0; i < HS_SECTION_COUNT; i++) zero_section(page, i);
    zero_words(page->tallies, HS_ARRAY_LEN(page->tallies));
    zero_words(page->errors, HS_ARRAY_LEN(page->errors));
    for (unsigned i = 0; i < HS_MEASURE_COUNT; i++) {
        zero_words(&page->moments[i].sum_ns, 1);
        zero_words(&page->moments[i].max_ns, 1);
        zero_words(&page->moments[i].min_inverted, 1);
        zero_words(&page->moments[i].overflow_count, 1);
    }
    for (unsigned i = 0; i < HS_MEASURE_COUNT; i++) store(&page->touched[i], 0);
    store(&page->status_touched, 0);
}

static uint64_t sum_span(const _Atomic uint64_t *counters)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < HS_FIGURES_SPAN_COUNTERS; i++) sum += load(&counters[i]);
    return sum;
}

void hs_figures_glance(const struct hs_figures_page_shm *page, struct hs_figures_glance *glance)
{
    const _Atomic uint64_t *counters = page->fine[HS_MEASURE_RESPONSE];

    *glance = (struct hs_figures_glance){0};
    for (uint64_t spans = touched_spans(page, HS_MEASURE_RESPONSE); spans; spans &= spans - 1)
        glance->completed += sum_span(&counters[span_start(spans)]);
    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++) glance->failed += load(&page->errors[i]);
    glance->cut = load(&page->tallies[HS_TALLY_CUT]);
    glance->sent = load(&page->tallies[HS_TALLY_SENT]); /* last: sent >= the outcomes seen above */
}

uint64_t hs_figures_cut(struct hs_figures_page_shm *page)
{
    struct hs_figures_glance glance;
    uint64_t                 outstanding;

    hs_figures_glance(page, &glance);
    outstanding = glance.sent - glance.completed - glance.failed - glance.cut;
    store(&page->tallies[HS_TALLY_CUT], glance.cut + outstanding);
    return outstanding;
}

unsigned hs_figures_adopt(struct hs_figures_shm *figures, uint64_t generation, uint64_t *cut_count)
{
    unsigned page_count = 0;

    *cut_count = 0;
    for (unsigned i = 0; i < HS_FIGURES_PAGES; i++) {
        struct hs_figures_entry_shm *entry = &figures->entries[i];

        if (!is_used(load(&entry->state)) || load(&entry->owner_generation) == generation) continue;
        *cut_count += hs_figures_cut(&figures->pages[i]);
        store(&entry->owner_generation, generation);
        page_count++;
    }
    return page_count;
}

static unsigned find_free(const struct hs_figures_shm *figures)
{
    unsigned idx = 0;

    while (idx < HS_FIGURES_PAGES && is_used(load(&figures->entries[idx].state))) idx++;
    return idx;
}

static void fill_entry(struct hs_figures_entry_shm *entry, const struct hs_figures_key *key,
                       uint64_t generation)
{
    uint64_t words[2];

    memcpy(words, key->exec_id, sizeof words);
    store(&entry->exec_id[0], words[0]);
    store(&entry->exec_id[1], words[1]);
    store(&entry->exec_fence, key->exec_fence);
    store(&entry->step, step_word(key));
    store(&entry->owner_generation, generation);
    store(&entry->state, load(&entry->state) + 1);
}

struct hs_figures_page_shm *hs_figures_claim(struct hs_figures_shm       *figures,
                                             const struct hs_figures_key *key, uint64_t generation)
{
    unsigned                     idx = find_entry(figures, key);
    struct hs_figures_entry_shm *entry;

    if (idx < HS_FIGURES_PAGES) {
        entry = &figures->entries[idx];
        if (load(&entry->owner_generation) != generation) {
            (void)hs_figures_cut(&figures->pages[idx]);
            store(&entry->owner_generation, generation);
        }
        return &figures->pages[idx];
    }
    idx = find_free(figures);
    if (idx == HS_FIGURES_PAGES) return NULL;
    zero_page(&figures->pages[idx]);
    fill_entry(&figures->entries[idx], key, generation);
    return &figures->pages[idx];
}

unsigned hs_figures_release(struct hs_figures_shm *figures, const uint8_t exec_id[16],
                            uint64_t exec_fence)
{
    unsigned released_count = 0;

    for (unsigned i = 0; i < HS_FIGURES_PAGES; i++) {
        struct hs_figures_entry_shm *entry = &figures->entries[i];

        if (!has_exec(entry, exec_id, exec_fence)) continue;
        store(&entry->state, load(&entry->state) + 1);
        zero_page(&figures->pages[i]);
        released_count++;
    }
    return released_count;
}

const struct hs_figures_page_shm *hs_figures_find(const struct hs_figures_shm *figures,
                                                  const struct hs_figures_key *key)
{
    unsigned idx = find_entry(figures, key);

    return idx < HS_FIGURES_PAGES ? &figures->pages[idx] : NULL;
}

bool hs_figures_key_at(const struct hs_figures_shm *figures, unsigned idx,
                       struct hs_figures_key *key)
{
    const struct hs_figures_entry_shm *entry = &figures->entries[idx];
    uint64_t                           state = load(&entry->state);
    uint64_t                           words[2];
    uint64_t                           step;

    HS_ASSERT(idx < HS_FIGURES_PAGES);
    if (!is_used(state)) return false;
    words[0] = load(&entry->exec_id[0]);
    words[1] = load(&entry->exec_id[1]);
    step = load(&entry->step);
    memcpy(key->exec_id, words, sizeof words);
    key->exec_fence = load(&entry->exec_fence);
    key->step_idx = (uint32_t)(step >> 1);
    key->is_warmup = (uint32_t)(step & 1);
    return load(&entry->state) == state; /* else it was released and claimed meanwhile */
}

struct touched_map {
    uint64_t spans[HS_SECTION_COUNT];
};

enum { SPAN_CHUNKS = HS_FIGURES_SPAN_COUNTERS / HS_CHUNK_COUNTERS };

/* The last span of a coarse histogram and of the statuses is longer than the counters there are. */
static uint32_t span_end_chunk(unsigned section, unsigned span)
{
    uint32_t chunk_count =
        (hs_section_counters(section) + HS_CHUNK_COUNTERS - 1) / HS_CHUNK_COUNTERS;
    uint32_t end = (span + 1) * SPAN_CHUNKS;

    return end < chunk_count ? end : chunk_count;
}

/* At most how many chunks reading the page will take. */
static uint32_t count_wanted(const struct touched_map *map, const struct hs_stats *into)
{
    uint32_t wanted = 0;

    for (unsigned section = 0; section < HS_SECTION_COUNT; section++) {
        for (uint64_t spans = map->spans[section]; spans; spans &= spans - 1) {
            unsigned span = (unsigned)__builtin_ctzll(spans);

            for (uint32_t i = span * SPAN_CHUNKS; i < span_end_chunk(section, span); i++)
                wanted += !into->chunk_of[hs_section_first_chunk(section) + i];
        }
    }
    return wanted;
}

static void read_chunk(const _Atomic uint64_t *counters, struct hs_stats *into, unsigned section,
                       uint32_t chunk)
{
    uint32_t  first = chunk * HS_CHUNK_COUNTERS;
    uint32_t  count = hs_section_counters(section) - first;
    uint64_t *counts = NULL;
    uint64_t  sum = 0;

    if (count > HS_CHUNK_COUNTERS) count = HS_CHUNK_COUNTERS;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t value = load(&counters[first + i]);

        if (!value) continue;
        if (!counts) counts = hs_stats_chunk(into, hs_section_first_chunk(section) + chunk);
        HS_ASSERT(counts != NULL); /* count_wanted made sure */
        counts[i] += value;
        sum += value;
    }
    if (section < HS_MEASURE_COUNT) into->counts[section] += sum;
}

static void read_section(const struct hs_figures_page_shm *page, const struct touched_map *map,
                         struct hs_stats *into, unsigned section)
{
    const _Atomic uint64_t *counters = counters_of(page, section);

    for (uint64_t spans = map->spans[section]; spans; spans &= spans - 1) {
        unsigned span = (unsigned)__builtin_ctzll(spans);

        for (uint32_t i = span * SPAN_CHUNKS; i < span_end_chunk(section, span); i++)
            read_chunk(counters, into, section, i);
    }
}

static void read_moments(const struct hs_moments_shm *from, struct hs_moments *into)
{
    struct hs_moments moments = {
        .sum_ns = load(&from->sum_ns),
        .max_ns = load(&from->max_ns),
        .min_inverted = load(&from->min_inverted),
        .overflow_count = load(&from->overflow_count),
    };

    hs_moments_add(into, &moments);
}

static uint64_t outcomes_of(const struct hs_stats *stats)
{
    return hs_stats_completed(stats) + hs_stats_failed(stats) + stats->tallies[HS_TALLY_CUT];
}

/* Sent is what it was before outcomes were read, so that no more seem to be in flight than were:
 * what was sent and answered meanwhile is in the next reading. What is known to have ended was
 * sent, too. */
int hs_figures_read(const struct hs_figures_page_shm *page, struct hs_stats *into)
{
    struct touched_map map;
    uint64_t           sent = load(&page->tallies[HS_TALLY_SENT]);
    uint64_t           before = outcomes_of(into);

    for (unsigned i = 0; i < HS_SECTION_COUNT; i++) map.spans[i] = touched_spans(page, i);
    if (count_wanted(&map, into) > into->pool->free_count) return -ENOBUFS;
    for (unsigned i = 0; i < HS_SECTION_COUNT; i++) read_section(page, &map, into, i);
    for (unsigned i = 0; i < HS_MEASURE_COUNT; i++)
        read_moments(&page->moments[i], &into->moments[i]);
    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++) into->errors[i] += load(&page->errors[i]);
    for (unsigned i = 0; i < HS_TALLY_COUNT; i++)
        if (i != HS_TALLY_SENT) into->tallies[i] += load(&page->tallies[i]);
    into->tallies[HS_TALLY_SENT] += hs_max_u64(sent, outcomes_of(into) - before);
    return 0;
}
