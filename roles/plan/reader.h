// SPDX-License-Identifier: Apache-2.0
/* reader.h - fills the structs of plan.h from JSON, going by the table of keys.h; every problem
 * with its place. Values only: what holds between several of them is checked in check.h. */
#ifndef HS_PLAN_READER_H
#define HS_PLAN_READER_H

#include "roles/json.h"
#include "roles/plan/expand.h"
#include "roles/plan/keys.h"

enum {
    HS_PLAN_PLACES_MAX = 8 * HS_PROBLEMS_MAX /* looked for: each costs a walk over the text */
};

struct hs_plan_reader {
    struct hs_view      text; /* comments blanked */
    struct hs_json_path path;
    struct hs_problems *problems;
    struct hs_arena    *arena;
    struct hs_writer    scratch; /* one expanded text at a time */
    struct hs_plan_vars vars;
    bool                is_full;     /* the arena is, and that was said */
    bool                is_base_bad; /* defaults.base_url is, and that was said */
    uint32_t            places_left;
    uint64_t            request_bytes; /* of the workflows that were measured */
};

/* Prepares the arena's part of it. -ENOBUFS. */
int hs_plan_reader_init(struct hs_plan_reader *reader, struct hs_view text,
                        const struct hs_plan_environment *environment, struct hs_arena *arena,
                        struct hs_problems *problems) HS_MUST_CHECK;

/* Reads an object into memory of object->bytes, defaults included. Problems go to the reader's
 * list. */
void hs_plan_read_object(struct hs_plan_reader *reader, json_t *json,
                         const struct hs_plan_object *object, void *into);
/* What an object has when nothing is given. */
void hs_plan_put_defaults(const struct hs_plan_object *object, void *into);
/* vars of the plan with --set over them; before all else. */
void hs_plan_read_vars(struct hs_plan_reader *reader, json_t *json);
/* After all else: names in --set that nothing uses. */
void hs_plan_check_sets(struct hs_plan_reader *reader);

/* What the special types are read with (reader_body.c, reader_checks.c). The path stands at the
 * value. */
void hs_plan_read_body(struct hs_plan_reader *reader, json_t *json, struct hs_plan_body *body);
void hs_plan_read_checks(struct hs_plan_reader *reader, json_t *json, uint64_t max,
                         struct hs_plan_checks *checks);

/* Adds a problem at the path. */
void hs_plan_complain(struct hs_plan_reader *reader, const char *code, enum hs_json_part part,
                      const char *hint, const char *format, ...) HS_PRINTF(5, 6);
/* The place of the value that the path stands at; line 0 once no more problems are kept. */
struct hs_problem_place hs_plan_place(struct hs_plan_reader *reader);
/* hs_nearest_word; NULL once no more problems are kept. */
const char *hs_plan_nearest(const struct hs_plan_reader *reader, const char *word,
                            const char *const *words, size_t count);
/* E-TYPE: "expected WHAT, found number 10". */
void hs_plan_expected(struct hs_plan_reader *reader, const char *what, const json_t *json);
/* Memory, or NULL once the plan is too large (said once). */
void *hs_plan_take(struct hs_plan_reader *reader, size_t count, size_t item_bytes);
/* A string value with its variables, in the arena; NULL: it was a problem. */
const char *hs_plan_text_of(struct hs_plan_reader *reader, const json_t *json,
                            enum hs_expand_mode mode);
/* "64KiB", or a number of bytes. */
void hs_plan_read_size(struct hs_plan_reader *reader, json_t *json, uint64_t max, uint64_t *bytes);
/* A map of texts. */
void hs_plan_read_pairs(struct hs_plan_reader *reader, json_t *json, enum hs_expand_mode mode,
                        uint64_t max, struct hs_plan_pairs *pairs);
/* Keys of an object that are not in words (which ends with NULL) are E-KEY. */
void hs_plan_check_keys(struct hs_plan_reader *reader, json_t *json, const char *const *words,
                        const char *const *later);
/* One value of type COUNT, DURATION, RATE or SIZE-like from text, as --set and defaults give it.
 * -EINVAL or -ERANGE. */
int hs_plan_scalar_from_text(enum hs_plan_type type, struct hs_view text, void *into) HS_MUST_CHECK;

#endif
