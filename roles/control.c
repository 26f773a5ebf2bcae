// SPDX-License-Identifier: Apache-2.0
/* control.c - records between supervisor and roles: filling in, checking, naming. */
#include "roles/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FROM_SUPERVISOR = 1, FROM_ROLE = 2, FROM_CLIENT = 4 };

static const struct {
    const char *name;
    unsigned    senders;
    bool        is_with_fd;
} types[HS_CONTROL_TYPE_COUNT] = {
    [HS_CONTROL_NONE] = {"none", 0, false},
    [HS_CONTROL_READY] = {"ready", FROM_ROLE, false},
    [HS_CONTROL_RESOLVE] = {"resolve", FROM_ROLE, false},
    [HS_CONTROL_REQUEST] = {"request", FROM_ROLE, false}, /* the console only, see below */
    [HS_CONTROL_LINK] = {"link", FROM_SUPERVISOR, true},
    [HS_CONTROL_PEER_DOWN] = {"peer_down", FROM_SUPERVISOR, false},
    [HS_CONTROL_DRAIN] = {"drain", FROM_SUPERVISOR, false},
    [HS_CONTROL_STOP] = {"stop", FROM_SUPERVISOR | FROM_CLIENT, false},
    [HS_CONTROL_CONFIG] = {"config", FROM_SUPERVISOR, true},
    [HS_CONTROL_ANSWER] = {"answer", FROM_SUPERVISOR, false},
    [HS_CONTROL_QUARANTINE] = {"quarantine", FROM_SUPERVISOR, false},
    [HS_CONTROL_TREE_READY] = {"tree_ready", FROM_SUPERVISOR, false},
    [HS_CONTROL_DEATH] = {"death", FROM_SUPERVISOR, false},
    [HS_CONTROL_SEGMENT_BAD] = {"segment_bad", FROM_ROLE, false},
    [HS_CONTROL_CREDENTIALS] = {"credentials", FROM_SUPERVISOR, true},
    [HS_CONTROL_CREDENTIALS_TAKEN] = {"credentials_taken", FROM_ROLE, false},
};

static const char *const verb_names[HS_VERB_COUNT] = {
    [HS_VERB_NONE] = "none",     [HS_VERB_RESTART] = "restart", [HS_VERB_DRAIN] = "drain",
    [HS_VERB_RELOAD] = "reload", [HS_VERB_STOP] = "stop",
};

static unsigned sender_bit(enum hs_role_kind sender)
{
    if (sender == HS_ROLE_NONE) return FROM_SUPERVISOR;
    return sender == HS_ROLE_CLIENT ? FROM_CLIENT : FROM_ROLE;
}

void hs_control_init(struct hs_control_record *record, enum hs_control_type type, const char *text)
{
    memset(record, 0, sizeof *record);
    record->magic = HS_CONTROL_MAGIC;
    record->type = (uint16_t)type;
    if (text) (void)snprintf(record->text, sizeof record->text, "%s", text);
}

int hs_control_check(const struct hs_control_record *record, size_t bytes, bool has_fd,
                     enum hs_role_kind sender)
{
    if (bytes != sizeof *record || record->magic != HS_CONTROL_MAGIC) return -EPROTO;
    if (record->type == HS_CONTROL_NONE || record->type >= HS_CONTROL_TYPE_COUNT) return -EPROTO;
    if (!(types[record->type].senders & sender_bit(sender))) return -EPROTO;
    if (types[record->type].is_with_fd != has_fd) return -EPROTO;
    if (record->peer >= HS_ROLE_KIND_COUNT || record->idx >= HS_ENGINES_MAX) return -EPROTO;
    if (!memchr(record->text, '\0', sizeof record->text)) return -EPROTO;
    if (record->type == HS_CONTROL_REQUEST)
        return sender == HS_ROLE_CONSOLE && record->verb && record->verb < HS_VERB_COUNT ? 0
                                                                                         : -EPROTO;
    if (record->type == HS_CONTROL_RESOLVE && strlen(record->text) >= HS_HOST_NAME_BYTES)
        return -EPROTO;
    return record->verb ? -EPROTO : 0;
}

const char *hs_control_type_name(enum hs_control_type type)
{
    return type < HS_CONTROL_TYPE_COUNT ? types[type].name : "unknown";
}

const char *hs_control_verb_name(enum hs_control_verb verb)
{
    return verb < HS_VERB_COUNT ? verb_names[verb] : "unknown";
}

enum hs_control_verb hs_control_verb_from_name(const char *name)
{
    for (unsigned verb = HS_VERB_NONE + 1; verb < HS_VERB_COUNT; verb++)
        if (strcmp(name, verb_names[verb]) == 0) return (enum hs_control_verb)verb;
    return HS_VERB_NONE;
}
