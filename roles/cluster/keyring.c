// SPDX-License-Identifier: Apache-2.0
/* keyring.c - the text of a key ring, read and written one way. */
#include "roles/cluster/keyring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADER "hyperscale-keyring 1"

/* What is left of the text, and the line that was taken last. */
struct lines {
    struct hs_view left;
    struct hs_view line;
    unsigned       number;
};

static int next_line(struct lines *lines, const char *wanted, struct hs_err *err)
{
    const uint8_t *end;

    lines->number++;
    if (lines->left.bytes == 0)
        return hs_err_refuse(err, "line %u: %s is missing", lines->number, wanted);
    end = memchr(lines->left.data, '\n', lines->left.bytes);
    if (!end) return hs_err_refuse(err, "line %u does not end", lines->number);
    lines->line = hs_view_of(lines->left.data, (size_t)(end - lines->left.data));
    lines->left = hs_view_of(end + 1, lines->left.bytes - lines->line.bytes - 1);
    return 0;
}

/* Takes "word " off the front of a line. */
static bool take_word(struct hs_view *line, const char *word)
{
    size_t bytes = strlen(word);

    if (line->bytes <= bytes || memcmp(line->data, word, bytes) != 0 || line->data[bytes] != ' ')
        return false;
    *line = hs_view_of(line->data + bytes + 1, line->bytes - bytes - 1);
    return true;
}

/* Takes the digits off the front: 1 to 255 without a leading zero; 0: they are no such number. */
static uint8_t take_version(struct hs_view *line)
{
    unsigned value = 0;
    size_t   at = 0;

    for (; at < line->bytes && line->data[at] >= '0' && line->data[at] <= '9' && at < 3; at++)
        value = value * 10 + (unsigned)(line->data[at] - '0');
    if (at == 0 || line->data[0] == '0' || value > UINT8_MAX) return 0;
    *line = hs_view_of(line->data + at, line->bytes - at);
    return (uint8_t)value;
}

static int nibble(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool read_key(struct hs_view hex, uint8_t bytes[HS_KEYRING_KEY_BYTES])
{
    if (hex.bytes != (size_t)2 * HS_KEYRING_KEY_BYTES) return false;
    for (size_t i = 0; i < HS_KEYRING_KEY_BYTES; i++) {
        int high = nibble(hex.data[2 * i]);
        int low = nibble(hex.data[2 * i + 1]);

        if (high < 0 || low < 0) return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_zero(const uint8_t bytes[HS_KEYRING_KEY_BYTES])
{
    uint8_t any = 0;

    for (size_t i = 0; i < HS_KEYRING_KEY_BYTES; i++) any |= bytes[i];
    return any == 0;
}

static int add_key(struct hs_keyring *ring, const struct lines *lines, struct hs_err *err)
{
    struct hs_keyring_key *key = &ring->at[ring->count];
    struct hs_view         line = lines->line;

    if (ring->count == HS_KEYRING_KEYS_MAX)
        return hs_err_refuse(err, "line %u: more than %d keys", lines->number, HS_KEYRING_KEYS_MAX);
    if (!take_word(&line, "key") || !(key->version = take_version(&line)) || !line.bytes ||
        line.data[0] != ' ' || !read_key(hs_view_of(line.data + 1, line.bytes - 1), key->bytes))
        return hs_err_refuse(err, "line %u is not \"key VERSION HEX\" with 64 lowercase digits",
                             lines->number);
    if (is_zero(key->bytes)) return hs_err_refuse(err, "line %u: a key of zeros", lines->number);
    if (ring->count && key[-1].version >= key->version)
        return hs_err_refuse(err, "line %u: versions do not ascend", lines->number);
    for (uint32_t i = 0; i < ring->count; i++)
        if (memcmp(ring->at[i].bytes, key->bytes, sizeof key->bytes) == 0)
            return hs_err_refuse(err, "line %u: the key of version %u again", lines->number,
                                 ring->at[i].version);
    ring->count++;
    return 0;
}

static bool has_version(const struct hs_keyring *ring, uint8_t version)
{
    for (uint32_t i = 0; i < ring->count; i++)
        if (ring->at[i].version == version) return true;
    return false;
}

static int read_head(struct lines *lines, struct hs_keyring *ring, struct hs_err *err)
{
    struct hs_view line;
    int            rc = next_line(lines, "\"" HEADER "\"", err);

    if (rc) return rc;
    if (!hs_view_equal(lines->line, hs_view_text(HEADER)))
        return hs_err_refuse(err, "line 1 is not \"" HEADER "\"");
    rc = next_line(lines, "\"use VERSION\"", err);
    if (rc) return rc;
    line = lines->line;
    if (!take_word(&line, "use") || !(ring->used_version = take_version(&line)) || line.bytes)
        return hs_err_refuse(err, "line 2 is not \"use VERSION\", a number from 1 to 255");
    return 0;
}

int hs_keyring_parse(struct hs_view text, struct hs_keyring *ring, struct hs_err *err)
{
    struct hs_keyring found = {0};
    struct lines      lines = {.left = text};
    int               rc = read_head(&lines, &found, err);

    while (!rc && (lines.left.bytes || !found.count)) {
        rc = next_line(&lines, "a key", err);
        if (!rc) rc = add_key(&found, &lines, err);
    }
    if (!rc && !has_version(&found, found.used_version))
        rc = hs_err_refuse(err, "line 2: version %u is not in the ring", found.used_version);
    if (!rc) *ring = found;
    explicit_bzero(&found, sizeof found);
    return rc;
}

void hs_keyring_print(const struct hs_keyring *ring, struct hs_writer *out)
{
    char line[32];

    (void)snprintf(line, sizeof line, HEADER "\nuse %u\n", ring->used_version);
    hs_put_bytes(out, line, strlen(line));
    for (uint32_t i = 0; i < ring->count; i++) {
        (void)snprintf(line, sizeof line, "key %u ", ring->at[i].version);
        hs_put_bytes(out, line, strlen(line));
        for (size_t k = 0; k < HS_KEYRING_KEY_BYTES; k++) {
            (void)snprintf(line, sizeof line, "%02x", ring->at[i].bytes[k]);
            hs_put_bytes(out, line, 2);
        }
        hs_put_bytes(out, "\n", 1);
    }
    explicit_bzero(line, sizeof line);
}

/* ---- rotation */

int hs_keyring_install(struct hs_keyring *ring, const uint8_t key[HS_KEYRING_KEY_BYTES],
                       uint8_t *version, struct hs_err *err)
{
    struct hs_keyring_key *last = &ring->at[ring->count - 1];

    if (ring->count == HS_KEYRING_KEYS_MAX)
        return hs_err_refuse(err, "the ring holds %d keys already: remove one that nobody uses",
                             HS_KEYRING_KEYS_MAX);
    if (last->version == UINT8_MAX)
        return hs_err_refuse(err, "version %d is the last there is: make a new ring", UINT8_MAX);
    *version = (uint8_t)(last->version + 1);
    last[1].version = *version;
    memcpy(last[1].bytes, key, HS_KEYRING_KEY_BYTES);
    ring->count++;
    return 0;
}

static int refuse_version(uint8_t version, struct hs_err *err)
{
    return hs_err_refuse(err, "there is no key of version %u in the ring", version);
}

int hs_keyring_use(struct hs_keyring *ring, uint8_t version, struct hs_err *err)
{
    if (!has_version(ring, version)) return refuse_version(version, err);
    ring->used_version = version;
    return 0;
}

int hs_keyring_remove(struct hs_keyring *ring, uint8_t version, struct hs_err *err)
{
    uint32_t idx = 0;

    if (!has_version(ring, version)) return refuse_version(version, err);
    if (ring->used_version == version)
        return hs_err_refuse(err, "version %u seals what is sent: use another one first", version);
    while (ring->at[idx].version != version) idx++;
    ring->count--;
    memmove(&ring->at[idx], &ring->at[idx + 1], (ring->count - idx) * sizeof ring->at[0]);
    explicit_bzero(&ring->at[ring->count], sizeof ring->at[0]);
    return 0;
}
