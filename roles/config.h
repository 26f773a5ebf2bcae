// SPDX-License-Identifier: Apache-2.0
/* config.h - the configuration as the program knows it. struct hs_config is the image itself: fixed
 * size, no pointers, so that a short-lived child can fill a memfd with it and every role can map it
 * read-only. Keys, bounds and defaults are in config.def. Pure: files are config_file.h's. */
#ifndef HS_ROLES_CONFIG_H
#define HS_ROLES_CONFIG_H

#include "ipc/addr.h"
#include "shm/base/bytes.h"
#include "shm/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HS_CONFIG_MAGIC UINT64_C(0x3130474643535348) /* "HSSCFG01" in memory */

enum {
    HS_CONFIG_VERSION = 1,
    HS_CONFIG_TEXT_BYTES = 104,
    HS_CONFIG_ACCOUNT_BYTES = 33, /* a login name and its zero (utmp allows 32) */
    HS_CONFIG_HOSTS_MAX = 16,     /* of one list: peers to begin with, the others are learnt of */
    HS_CONFIG_HOST_BYTES = 80,    /* "HOST:PORT" and its zero */
    HS_CONFIG_FILE_BYTES_MAX = 256 << 10,
    HS_CONFIG_KEYS_MAX = 128,
    HS_CONFIG_PRINT_BYTES_MAX = 64 << 10 /* what hs_config_print may need */
};

/* A user or a group. The name is from the file; the numbers are looked up when the file is
 * loaded. */
struct hs_config_account {
    char     name[HS_CONFIG_ACCOUNT_BYTES]; /* "": not configured */
    bool     is_found;                      /* uid and gid below are the named account's */
    uint32_t uid;                           /* of a group: unused */
    uint32_t gid;
};

/* Each "HOST:PORT", or a pattern (config_hosts.h). */
struct hs_config_hosts {
    uint32_t count;
    char     at[HS_CONFIG_HOSTS_MAX][HS_CONFIG_HOST_BYTES];
};

/* Places of the words of CHOICE keys. */
enum hs_config_io_backend { HS_CONFIG_IO_AUTO, HS_CONFIG_IO_URING, HS_CONFIG_IO_EPOLL };
/* log.level is an enum hs_log_level. */

/* Who reads a section; bits. */
enum hs_config_owner {
    HS_CONFIG_OWNER_SUPERVISOR = 1,
    HS_CONFIG_OWNER_CONSOLE = 2,
    HS_CONFIG_OWNER_GATE = 4,
    HS_CONFIG_OWNER_MANAGER = 8,
    HS_CONFIG_OWNER_WORKER = 16,
    HS_CONFIG_OWNER_ENGINE = 32,
    HS_CONFIG_OWNER_LINKED = 28, /* gate, manager, worker: who talk to other hosts */
    HS_CONFIG_OWNER_ALL = 63
};

enum hs_config_apply {
    HS_CONFIG_RELOAD,  /* takes effect at once */
    HS_CONFIG_RESTART, /* the owners are restarted */
    HS_CONFIG_DAEMON   /* hyperscaled is started again */
};

enum hs_config_type {
    HS_CONFIG_DURATION,
    HS_CONFIG_SIZE,
    HS_CONFIG_COUNT,
    HS_CONFIG_AUTO,
    HS_CONFIG_BOOL,
    HS_CONFIG_MODE,
    HS_CONFIG_CHOICE,
    HS_CONFIG_NAME,
    HS_CONFIG_PATH,
    HS_CONFIG_ADDRESS,
    HS_CONFIG_USER,
    HS_CONFIG_GROUP,
    HS_CONFIG_HOSTS,
    HS_CONFIG_PATTERNS
};

#define HS_CONFIG_FIELD_DURATION(key) uint64_t key##_ns;
#define HS_CONFIG_FIELD_SIZE(key)     uint64_t key##_bytes;
#define HS_CONFIG_FIELD_COUNT(key)    uint32_t key;
#define HS_CONFIG_FIELD_AUTO(key)     uint32_t key;
#define HS_CONFIG_FIELD_BOOL(key)     bool key;
#define HS_CONFIG_FIELD_MODE(key)     uint32_t key;
#define HS_CONFIG_FIELD_CHOICE(key)   uint32_t key;
#define HS_CONFIG_FIELD_NAME(key)     char key[HS_CONFIG_TEXT_BYTES];
#define HS_CONFIG_FIELD_PATH(key)     char key[HS_CONFIG_TEXT_BYTES];
#define HS_CONFIG_FIELD_ADDRESS(key)  struct hs_addr key;
#define HS_CONFIG_FIELD_USER(key)     struct hs_config_account key;
#define HS_CONFIG_FIELD_GROUP(key)    struct hs_config_account key;
#define HS_CONFIG_FIELD_HOSTS(key)    struct hs_config_hosts key;
#define HS_CONFIG_FIELD_PATTERNS(key) struct hs_config_hosts key;

struct hs_config {
    uint64_t magic;
    uint32_t version;
    uint32_t bytes;      /* sizeof(struct hs_config) */
    uint64_t generation; /* set by the supervisor: one higher for every reload */
#define HS_CONFIG_SECTION(name, owners, help) struct hs_config_##name {
#define HS_CONFIG(section, key, type, default_text, min, max, apply, help)                         \
    HS_CONFIG_FIELD_##type(key)
#define HS_CONFIG_END(name)                                                                        \
    }                                                                                              \
    name;
#include "roles/config.def"
#undef HS_CONFIG_SECTION
#undef HS_CONFIG
#undef HS_CONFIG_END
};

/* A row of config.def. */
struct hs_config_key {
    const char          *section;
    const char          *name;
    const char          *default_text;
    const char          *min;
    const char          *max;
    const char          *help;
    enum hs_config_type  type;
    enum hs_config_apply apply;
    uint32_t             owners; /* bits of enum hs_config_owner */
    uint32_t             offset_bytes;
    uint32_t             field_bytes;
};

/* Of struct hs_config_hosts. */
static inline bool hs_config_is_list(const struct hs_config_key *key)
{
    return key->type == HS_CONFIG_HOSTS || key->type == HS_CONFIG_PATTERNS;
}

size_t                      hs_config_key_count(void);
const struct hs_config_key *hs_config_key_at(size_t idx);
/* NULL: there is none of that name. */
const struct hs_config_key *hs_config_find_key(const char *section, const char *name);

/* Every key at its default, header filled, generation 0. */
void hs_config_defaults(struct hs_config *config);

/* The value of one key from text ("5s", "auto", "true"). -EINVAL: not of this form, -ERANGE:
 * outside the bounds; err has the sentence, "expected a duration such as ...". The value stays on
 * failure. */
int hs_config_set(struct hs_config *config, const struct hs_config_key *key, struct hs_view text,
                  struct hs_err *err) HS_MUST_CHECK;
enum {
    HS_CONFIG_VALUE_BYTES = HS_CONFIG_HOSTS_MAX * HS_CONFIG_HOST_BYTES + 1
}; /* holds any value as text */
/* The value as the file would have it, without quotes; terminated. */
void hs_config_get(const struct hs_config *config, const struct hs_config_key *key, char *text,
                   size_t bytes);

/* 0, or -EPROTO: the field holds what hs_config_set would never have put there. */
int hs_config_check_field(const struct hs_config *config, const struct hs_config_key *key,
                          struct hs_err *err) HS_MUST_CHECK;

/* What no single key can say: minima below maxima and so on. Calls back with the key at fault. */
typedef void hs_config_fault_fn(void *context, const char *section, const char *key,
                                const char *message);
void         hs_config_cross_check(const struct hs_config *config, hs_config_fault_fn *on_fault,
                                   void *context);

/* An image that another process filled: header, every field inside its bounds, texts terminated.
 * bytes is what was mapped. -EPROTO. */
int hs_config_check_image(const struct hs_config *config, size_t bytes,
                          struct hs_err *err) HS_MUST_CHECK;

struct hs_config_change {
    unsigned count;                       /* keys that differ */
    uint16_t key_idx[HS_CONFIG_KEYS_MAX]; /* which */
    uint32_t restart_owners;              /* whose processes must be restarted for them */
    bool     needs_daemon;                /* one of them takes a new start of hyperscaled */
};
void hs_config_diff(const struct hs_config *before, const struct hs_config *after,
                    struct hs_config_change *change);

/* The whole configuration as a file with a comment above each key; loading it gives the same
 * configuration. -EMSGSIZE when it does not fit. */
int hs_config_print(const struct hs_config *config, struct hs_writer *out) HS_MUST_CHECK;

#endif
