// SPDX-License-Identifier: Apache-2.0
/* config.c - the rows of config.def as data, and what holds for the configuration as a whole. */
#include "roles/config.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

#define FIELD_DURATION(section, key) section.key##_ns
#define FIELD_SIZE(section, key)     section.key##_bytes
#define FIELD_COUNT(section, key)    section.key
#define FIELD_AUTO(section, key)     section.key
#define FIELD_BOOL(section, key)     section.key
#define FIELD_MODE(section, key)     section.key
#define FIELD_CHOICE(section, key)   section.key
#define FIELD_NAME(section, key)     section.key
#define FIELD_PATH(section, key)     section.key
#define FIELD_ADDRESS(section, key)  section.key
#define FIELD_USER(section, key)     section.key
#define FIELD_GROUP(section, key)    section.key
#define FIELD_HOSTS(section, key)    section.key
#define FIELD_PATTERNS(section, key) section.key

enum {
#define HS_CONFIG_SECTION(name, owners, help) OWNERS_OF_##name = HS_CONFIG_OWNER_##owners,
#define HS_CONFIG(section, key, type, default_text, min, max, apply, help)
#define HS_CONFIG_END(name)
#include "roles/config.def"
#undef HS_CONFIG_SECTION
#undef HS_CONFIG
#undef HS_CONFIG_END
};

static const struct hs_config_key keys[] = {
#define HS_CONFIG_SECTION(name, owners, help)
#define HS_CONFIG(section_, key_, type_, default_, min_, max_, apply_, help_)                      \
    {.section = #section_,                                                                         \
     .name = #key_,                                                                                \
     .default_text = default_,                                                                     \
     .min = min_,                                                                                  \
     .max = max_,                                                                                  \
     .help = help_,                                                                                \
     .type = HS_CONFIG_##type_,                                                                    \
     .apply = HS_CONFIG_##apply_,                                                                  \
     .owners = OWNERS_OF_##section_,                                                               \
     .offset_bytes = offsetof(struct hs_config, FIELD_##type_(section_, key_)),                    \
     .field_bytes = sizeof(((struct hs_config *)0)->FIELD_##type_(section_, key_))},
#define HS_CONFIG_END(name)
#include "roles/config.def"
#undef HS_CONFIG_SECTION
#undef HS_CONFIG
#undef HS_CONFIG_END
};
HS_STATIC_ASSERT(HS_ARRAY_LEN(keys) <= HS_CONFIG_KEYS_MAX, "a change names them all");

size_t hs_config_key_count(void)
{
    return HS_ARRAY_LEN(keys);
}

const struct hs_config_key *hs_config_key_at(size_t idx)
{
    HS_ASSERT(idx < HS_ARRAY_LEN(keys));
    return &keys[idx];
}

const struct hs_config_key *hs_config_find_key(const char *section, const char *name)
{
    for (size_t i = 0; i < HS_ARRAY_LEN(keys); i++)
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

void hs_config_defaults(struct hs_config *config)
{
    memset(config, 0, sizeof *config);
    config->magic = HS_CONFIG_MAGIC;
    config->version = HS_CONFIG_VERSION;
    config->bytes = sizeof *config;
    for (size_t i = 0; i < HS_ARRAY_LEN(keys); i++) {
        int rc = hs_config_set(config, &keys[i], hs_view_text(keys[i].default_text), NULL);

        HS_ASSERT(rc == 0); /* a default outside its own bounds */
    }
}

int hs_config_check_image(const struct hs_config *config, size_t bytes, struct hs_err *err)
{
    if (bytes < sizeof *config)
        return hs_err_set(err, -EPROTO, "configuration image has %zu bytes, expected %zu", bytes,
                          sizeof *config);
    if (config->magic != HS_CONFIG_MAGIC || config->bytes != sizeof *config)
        return hs_err_set(err, -EPROTO, "this is no configuration image");
    if (config->version != HS_CONFIG_VERSION)
        return hs_err_set(err, -EPROTO, "configuration image has version %u, expected %u",
                          config->version, (unsigned)HS_CONFIG_VERSION);
    for (size_t i = 0; i < HS_ARRAY_LEN(keys); i++) {
        int rc = hs_config_check_field(config, &keys[i], err);

        if (rc) return rc;
    }
    return 0;
}

void hs_config_diff(const struct hs_config *before, const struct hs_config *after,
                    struct hs_config_change *change)
{
    memset(change, 0, sizeof *change);
    for (size_t i = 0; i < HS_ARRAY_LEN(keys); i++) {
        const struct hs_config_key *key = &keys[i];

        if (memcmp((const char *)before + key->offset_bytes,
                   (const char *)after + key->offset_bytes, key->field_bytes) == 0)
            continue;
        change->key_idx[change->count++] = (uint16_t)i;
        if (key->apply == HS_CONFIG_DAEMON) change->needs_daemon = true;
        if (key->apply == HS_CONFIG_RESTART) change->restart_owners |= key->owners;
    }
    change->restart_owners &= ~(uint32_t)HS_CONFIG_OWNER_SUPERVISOR;
}
