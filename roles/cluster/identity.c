// SPDX-License-Identifier: Apache-2.0
/* identity.c - names of nodes, read by exactly one grammar. */
#include "roles/cluster/identity.h"

#include "roles/problems.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SCHEME "hyperscale://"

enum { AUTHORITY_PARTS = 2, PARTS = 5, ROLE_PART = 3 };

static const char *const part_names[PARTS] = {"cluster", "environment", "datacenter", "role",
                                              "node"};

static const char *const role_names[HS_IDENTITY_ROLE_COUNT] = {[HS_IDENTITY_GATE] = "gate",
                                                               [HS_IDENTITY_MANAGER] = "manager",
                                                               [HS_IDENTITY_WORKER] = "worker",
                                                               [HS_IDENTITY_CLIENT] = "client",
                                                               [HS_IDENTITY_OPERATOR] = "operator"};

const char *hs_identity_role_name(enum hs_identity_role role)
{
    HS_ASSERT(role < HS_IDENTITY_ROLE_COUNT);
    return role_names[role];
}

bool hs_identity_is_host(const struct hs_identity *identity)
{
    return identity->role <= HS_IDENTITY_WORKER;
}

static bool is_label_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
}

static int check_label(const char *name, struct hs_view label, struct hs_err *err)
{
    if (label.bytes == 0) return hs_err_refuse(err, "the %s is empty", name);
    if (label.bytes >= HS_IDENTITY_LABEL_BYTES)
        return hs_err_refuse(err, "the %s has %zu characters, at most %d are allowed", name,
                             label.bytes, HS_IDENTITY_LABEL_BYTES - 1);
    for (size_t i = 0; i < label.bytes; i++) {
        uint8_t byte = label.data[i];

        if (is_label_byte(byte)) continue;
        if (byte > ' ' && byte < 0x7f)
            return hs_err_refuse(err, "the %s has a '%c' in it: a-z, 0-9 and '-' are allowed", name,
                                 byte);
        return hs_err_refuse(err, "the %s has a byte 0x%02x in it: a-z, 0-9 and '-' are allowed",
                             name, byte);
    }
    return 0;
}

static void copy_label(struct hs_view label, char text[HS_IDENTITY_LABEL_BYTES])
{
    HS_ASSERT(label.bytes < HS_IDENTITY_LABEL_BYTES);
    if (label.bytes) memcpy(text, label.data, label.bytes);
    text[label.bytes] = '\0';
}

static int find_role(struct hs_view label, enum hs_identity_role *role, struct hs_err *err)
{
    const char *near;

    for (unsigned i = 0; i < HS_IDENTITY_ROLE_COUNT; i++)
        if (hs_view_equal(label, hs_view_text(role_names[i]))) {
            *role = (enum hs_identity_role)i;
            return 0;
        }
    near = hs_nearest_word(label, role_names, HS_IDENTITY_ROLE_COUNT);
    return hs_err_refuse(err, "\"%.*s\" is no role%s%s%s: gate, manager, worker, client, operator",
                         (int)label.bytes, (const char *)label.data, near ? " (did you mean " : "",
                         near ? near : "", near ? "?)" : "");
}

/* The text behind the scheme, cut at each '/': exactly so many parts, none of them wrong. */
static int split(struct hs_view text, struct hs_view *parts, size_t wanted, struct hs_err *err)
{
    static const size_t scheme_bytes = sizeof SCHEME - 1;
    size_t              count = 0;
    size_t              begin = scheme_bytes;

    if (text.bytes >= HS_IDENTITY_TEXT_BYTES)
        return hs_err_refuse(err, "the name has %zu characters, at most %d are allowed", text.bytes,
                             HS_IDENTITY_TEXT_BYTES - 1);
    if (text.bytes < scheme_bytes || memcmp(text.data, SCHEME, scheme_bytes) != 0)
        return hs_err_refuse(err, "the name does not begin with " SCHEME);
    for (size_t i = begin; i <= text.bytes; i++) {
        if (i < text.bytes && text.data[i] != '/') continue;
        if (count < wanted) parts[count] = hs_view_of(text.data + begin, i - begin);
        count++;
        begin = i + 1;
    }
    if (count != wanted)
        return hs_err_refuse(err, "the name has %zu %s, not %zu: " SCHEME "CLUSTER/ENVIRONMENT%s",
                             count, count == 1 ? "part" : "parts", wanted,
                             wanted == PARTS ? "/DATACENTER/ROLE/NODE" : "");
    for (size_t i = 0; i < wanted; i++) {
        int rc = check_label(part_names[i], parts[i], err);

        if (rc) return rc;
    }
    return 0;
}

int hs_identity_parse(struct hs_view text, struct hs_identity *identity, struct hs_err *err)
{
    struct hs_view        parts[PARTS] = {{NULL, 0}};
    enum hs_identity_role role = HS_IDENTITY_ROLE_COUNT;
    int                   rc = split(text, parts, PARTS, err);

    if (!rc) rc = find_role(parts[ROLE_PART], &role, err);
    if (rc) return rc;
    copy_label(parts[0], identity->cluster);
    copy_label(parts[1], identity->environment);
    copy_label(parts[2], identity->datacenter);
    copy_label(parts[4], identity->node);
    identity->role = role;
    return 0;
}

int hs_identity_parse_authority(struct hs_view text, struct hs_identity *identity,
                                struct hs_err *err)
{
    struct hs_view parts[AUTHORITY_PARTS] = {{NULL, 0}};
    int            rc = split(text, parts, AUTHORITY_PARTS, err);

    if (rc) return rc;
    memset(identity, 0, sizeof *identity);
    copy_label(parts[0], identity->cluster);
    copy_label(parts[1], identity->environment);
    return 0;
}

void hs_identity_text(const struct hs_identity *identity, char text[HS_IDENTITY_TEXT_BYTES])
{
    int bytes = snprintf(text, HS_IDENTITY_TEXT_BYTES, SCHEME "%s/%s/%s/%s/%s", identity->cluster,
                         identity->environment, identity->datacenter,
                         hs_identity_role_name(identity->role), identity->node);

    HS_ASSERT(bytes < HS_IDENTITY_TEXT_BYTES);
}

void hs_identity_authority_text(const struct hs_identity *identity,
                                char                      text[HS_IDENTITY_TEXT_BYTES])
{
    int bytes = snprintf(text, HS_IDENTITY_TEXT_BYTES, SCHEME "%s/%s", identity->cluster,
                         identity->environment);

    HS_ASSERT(bytes < HS_IDENTITY_TEXT_BYTES);
}
