// SPDX-License-Identifier: Apache-2.0
/* keys.h - the one table of the plan language: every key of every object with its type, bounds,
 * default and meaning. The reader, the writer and the manual page's check all go by it. */
#ifndef HS_PLAN_KEYS_H
#define HS_PLAN_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hs_plan_type {
    HS_PLAN_TYPE_TEXT,         /* const char *, variables put in */
    HS_PLAN_TYPE_TEMPLATE,     /* const char *, holes that change per request stay */
    HS_PLAN_TYPE_NAME,         /* const char *, [A-Za-z][A-Za-z0-9_-]{0,63} */
    HS_PLAN_TYPE_COUNT,        /* uint64_t */
    HS_PLAN_TYPE_DURATION,     /* uint64_t, ns */
    HS_PLAN_TYPE_RATE,         /* struct hs_rate */
    HS_PLAN_TYPE_FLAG,         /* bool */
    HS_PLAN_TYPE_WORD,         /* uint32_t, one of words */
    HS_PLAN_TYPE_TEXT_LIST,    /* struct hs_plan_texts */
    HS_PLAN_TYPE_TEXT_MAP,     /* struct hs_plan_pairs */
    HS_PLAN_TYPE_TEMPLATE_MAP, /* struct hs_plan_pairs */
    HS_PLAN_TYPE_VARS,         /* struct hs_plan_pairs, read before all else */
    HS_PLAN_TYPE_OBJECT,       /* the struct itself */
    HS_PLAN_TYPE_ARRAY,        /* { uint32_t count; struct *at; } of objects */
    HS_PLAN_TYPE_BODY,         /* struct hs_plan_body */
    HS_PLAN_TYPE_CHECKS        /* struct hs_plan_checks */
};

struct hs_plan_word {
    const char *text;
    uint32_t    value; /* 0: the language has it, this version does not */
};

struct hs_plan_object;

struct hs_plan_key {
    const char                  *name;
    enum hs_plan_type            type;
    bool                         is_required;
    uint16_t                     offset; /* of the field in the object's struct */
    uint32_t                     models; /* load only: bit per enum hs_plan_load_kind, 0: all */
    const char                  *default_text; /* as one would write it, or HS_PLAN_INHERITED */
    uint64_t                     min;          /* of a count, ns, or number of items */
    uint64_t                     max;
    const struct hs_plan_word   *words; /* ends with a NULL text */
    const struct hs_plan_object *object;
    const char                  *help;
};

struct hs_plan_reader;
/* What holds between the keys of one object; json still tells which were given. */
typedef void hs_plan_object_check_fn(struct hs_plan_reader *reader, const void *json,
                                     const void *object);

struct hs_plan_object {
    const char               *name; /* "workflow" */
    size_t                    bytes;
    size_t                    key_count;
    const struct hs_plan_key *keys;
    hs_plan_object_check_fn  *check; /* or NULL */
    const char *const        *later; /* keys of the language that come later; ends with NULL */
};

#define HS_PLAN_INHERITED "(inherited)"

extern const struct hs_plan_object hs_plan_keys; /* the top level; the others hang below it */

const struct hs_plan_key *hs_plan_key_find(const struct hs_plan_object *object, const char *name);

#endif
