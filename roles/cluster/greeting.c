// SPDX-License-Identifier: Apache-2.0
/* greeting.c - versions and names compared. */
#include "roles/cluster/greeting.h"

#include "roles/cluster/role_matrix.h"
#include "roles/printable.h"
#include "roles/result_code.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MAJOR_SHIFT = 16, MINOR_MASK = 0xffff };

/* Since which minor version of major 1 each may be used. */
static const struct {
    uint64_t feature;
    uint32_t since_minor;
} features[] = {
    {HS_FEATURE_JOBS, 0},      {HS_FEATURE_HEARTBEATS, 0},
    {HS_FEATURE_FENCES, 0},    {HS_FEATURE_HISTOGRAM_LAYOUT_1, 0},
    {HS_FEATURE_DATA_LANE, 1},
};

static uint32_t version_of(const struct hs_greeter *greeter)
{
    return greeter->version ? greeter->version
                            : HS_PROTOCOL_VERSION(HS_PROTOCOL_MAJOR, HS_PROTOCOL_MINOR);
}

static uint64_t features_of(const struct hs_greeter *greeter)
{
    return greeter->features ? greeter->features : HS_FEATURES_KNOWN;
}

static uint64_t features_since(uint32_t minor)
{
    uint64_t all = 0;

    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
        if (features[i].since_minor <= minor) all |= features[i].feature;
    return all;
}

static int refuse(struct hs_err *err, int code)
{
    if (err) err->code = code;
    return code;
}

static int compare_versions(uint32_t own, uint32_t theirs, struct hs_err *err)
{
    if (own >> MAJOR_SHIFT == theirs >> MAJOR_SHIFT) return 0;
    (void)hs_err_refuse(err, "protocol version %u.%u does not go together with version %u.%u",
                        theirs >> MAJOR_SHIFT, theirs & MINOR_MASK, own >> MAJOR_SHIFT,
                        own & MINOR_MASK);
    return refuse(err, -EPROTONOSUPPORT);
}

/* What both ends agree on, from what the other one has said of itself. */
static int agree(const struct hs_greeter *greeter, uint32_t version, uint64_t offered,
                 struct hs_greeting *greeting, struct hs_err *err)
{
    uint32_t own = version_of(greeter);
    int      rc = compare_versions(own, version, err);

    if (rc) return rc;
    greeting->version = version < own ? version : own;
    greeting->features =
        features_of(greeter) & offered & features_since(greeting->version & MINOR_MASK);
    if ((greeting->features & HS_FEATURES_MANDATORY) == HS_FEATURES_MANDATORY) return 0;
    (void)hs_err_refuse(err, "it lacks features that every node must have (0x%llx of 0x%llx)",
                        (unsigned long long)(greeting->features & HS_FEATURES_MANDATORY),
                        (unsigned long long)HS_FEATURES_MANDATORY);
    return refuse(err, -EPROTONOSUPPORT);
}

void hs_greeter_hello(const struct hs_greeter *greeter, struct hs_msg_hello *hello)
{
    *hello = (struct hs_msg_hello){.role = (uint8_t)hs_role_kind_of(greeter->identity.role),
                                   .incarnation = greeter->incarnation,
                                   .generation = greeter->generation,
                                   .version = version_of(greeter),
                                   .features = features_of(greeter)};
    memcpy(hello->node, greeter->node_id, sizeof hello->node);
    hello->family = greeter->listens.family;
    hello->port = greeter->listens.port;
    memcpy(hello->address, greeter->listens.bytes, sizeof hello->address);
    (void)snprintf(hello->name, sizeof hello->name, "%s", greeter->identity.node);
    (void)snprintf(hello->datacenter, sizeof hello->datacenter, "%s", greeter->identity.datacenter);
}

/* A certificate says who it is; a HELLO that says something else is a lie or a mistake. */
static int compare_names(const struct hs_identity *certified, const struct hs_msg_hello *hello,
                         struct hs_err *err)
{
    if (hello->role != (uint8_t)hs_role_kind_of(certified->role))
        (void)hs_err_refuse(err,
                            "its HELLO is of another role than its certificate, which is a %s's",
                            hs_identity_role_name(certified->role));
    else if (strcmp(hello->name, certified->node) != 0)
        (void)hs_err_refuse(err, "its HELLO is of another node than its certificate, which is %s's",
                            certified->node);
    else if (strcmp(hello->datacenter, certified->datacenter) != 0)
        (void)hs_err_refuse(err,
                            "its HELLO is of another datacenter than its certificate, which is %s",
                            certified->datacenter);
    else
        return 0;
    return refuse(err, -EACCES);
}

/* One of a kind that we do not know is no first connection. */
static int check_lane(const struct hs_msg_hello *hello, struct hs_err *err)
{
    if (hello->lane <= HS_HELLO_DATA_LANE) return 0;
    (void)hs_err_refuse(err, "connections of kind %u are not known here", (unsigned)hello->lane);
    return refuse(err, -EPROTONOSUPPORT);
}

static void take_listens(const struct hs_msg_hello *hello, struct hs_addr *listens)
{
    if (hello->family != HS_ADDR_IPV4 && hello->family != HS_ADDR_IPV6) return;
    listens->family = hello->family;
    listens->port = hello->port;
    memcpy(listens->bytes, hello->address,
           hello->family == HS_ADDR_IPV4 ? 4 : sizeof listens->bytes);
}

bool hs_greeting_place(const struct hs_greeting *greeting, struct hs_addr *place)
{
    static const uint8_t any[sizeof place->bytes];

    *place = greeting->listens;
    if (!place->port) return false;
    if (memcmp(place->bytes, any, sizeof any) != 0) return true;
    *place = greeting->address;
    place->port = greeting->listens.port;
    return true;
}

int hs_greeter_answer(const struct hs_greeter *greeter, const struct hs_identity *certified,
                      const struct hs_msg_hello *hello, struct hs_msg_hello_ack *ack,
                      struct hs_greeting *greeting)
{
    struct hs_err err = {0};
    int           rc;

    *greeting = (struct hs_greeting){.identity = *certified,
                                     .incarnation = hello->incarnation,
                                     .generation = hello->generation,
                                     .link = hello->link,
                                     .is_lane = hello->lane == HS_HELLO_DATA_LANE};
    memcpy(greeting->node_id, hello->node, sizeof greeting->node_id);
    take_listens(hello, &greeting->listens);
    *ack = (struct hs_msg_hello_ack){.code = HS_RESULT_OK,
                                     .role = (uint8_t)hs_role_kind_of(greeter->identity.role),
                                     .incarnation = greeter->incarnation,
                                     .generation = greeter->generation,
                                     .version = version_of(greeter),
                                     .features = features_of(greeter)};
    memcpy(ack->node, greeter->node_id, sizeof ack->node);
    rc = hs_role_check_dial(certified, &greeter->identity, &err);
    if (!rc) rc = agree(greeter, hello->version, hello->features, greeting, &err);
    if (!rc) rc = compare_names(certified, hello, &err);
    if (!rc) rc = check_lane(hello, &err);
    if (!rc) return 0;
    ack->code = rc == -EACCES ? HS_RESULT_FORBIDDEN : HS_RESULT_UNSUPPORTED;
    (void)snprintf(ack->text, sizeof ack->text, "%s", err.text);
    return rc;
}

int hs_greeter_conclude(const struct hs_greeter *greeter, const struct hs_identity *certified,
                        const struct hs_msg_hello_ack *ack, struct hs_greeting *greeting,
                        struct hs_err *err)
{
    *greeting = (struct hs_greeting){
        .identity = *certified, .incarnation = ack->incarnation, .generation = ack->generation};
    memcpy(greeting->node_id, ack->node, sizeof greeting->node_id);
    if (ack->code != HS_RESULT_OK) {
        (void)hs_err_refuse(err, "%s refuses us: %s", certified->node,
                            ack->text[0] ? ack->text : hs_result_code_name(ack->code));
        hs_make_printable(err->text, strlen(err->text));
        return refuse(err, ack->code == HS_RESULT_FORBIDDEN ? -EACCES : -EPROTONOSUPPORT);
    }
    return agree(greeter, ack->version, ack->features, greeting, err);
}
