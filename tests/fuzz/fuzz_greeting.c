// SPDX-License-Identifier: Apache-2.0
// share: 1/4
/* fuzz_greeting.c - any bytes as a HELLO and as the answer to one, from any certificate: who gets
 * in is exactly who may and says of itself what its certificate says, and what is told to people
 * can be printed. */
#include "roles/cluster/greeting.h"
#include "roles/cluster/role_matrix.h"
#include "roles/printable.h"
#include "roles/result_code.h"
#include "shm/base/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hs_greeter greeter = {
    .identity = {.cluster = "c",
                 .environment = "e",
                 .datacenter = "dc",
                 .role = HS_IDENTITY_MANAGER,
                 .node = "m1"},
    .node_id = {1},
    .incarnation = 4,
    .generation = 2,
};

static struct hs_identity certified_by(uint8_t byte)
{
    struct hs_identity identity = {.cluster = "c", .environment = "e", .node = "w1"};

    identity.role = (enum hs_identity_role)(byte % HS_IDENTITY_ROLE_COUNT);
    memcpy(identity.datacenter, byte & 16 ? "dc" : "d2", 3);
    if (byte & 32) identity.cluster[0] = 'x';
    if (byte & 64) identity.environment[0] = 'x';
    return identity;
}

static void is_printable(const char *text)
{
    char copy[HS_ERR_TEXT_BYTES];

    HS_ASSERT(strlen(text) < sizeof copy);
    memcpy(copy, text, strlen(text) + 1);
    hs_make_printable(copy, strlen(copy));
    HS_ASSERT(strcmp(copy, text) == 0);
}

static bool is_of(const struct hs_msg_hello *hello, const struct hs_identity *certified)
{
    return hello->role == (uint8_t)hs_role_kind_of(certified->role) &&
           strcmp(hello->name, certified->node) == 0 &&
           strcmp(hello->datacenter, certified->datacenter) == 0;
}

static void try_hello(const struct hs_identity *certified, struct hs_view body)
{
    struct hs_msg_hello     hello;
    struct hs_msg_hello_ack ack;
    struct hs_greeting      peer;
    bool                    may;
    int                     rc;

    if (hs_wire_decode(HS_MSG_HELLO, body, &hello)) return;
    rc = hs_greeter_answer(&greeter, certified, &hello, &ack, &peer);
    may = hs_role_check_dial(certified, &greeter.identity, NULL) == 0 &&
          hello.version >> 16 == HS_PROTOCOL_MAJOR &&
          (hello.features & HS_FEATURES_MANDATORY) == HS_FEATURES_MANDATORY &&
          is_of(&hello, certified);
    HS_ASSERT((rc == 0) == may);
    HS_ASSERT((ack.code == HS_RESULT_OK) == may);
    HS_ASSERT((ack.text[0] != 0) == !may);
    is_printable(ack.text);
    if (rc) return;
    HS_ASSERT(peer.version <= HS_PROTOCOL_VERSION(HS_PROTOCOL_MAJOR, HS_PROTOCOL_MINOR));
    HS_ASSERT((peer.features & ~HS_FEATURES_KNOWN) == 0);
}

static void try_ack(const struct hs_identity *certified, struct hs_view body)
{
    struct hs_msg_hello_ack ack;
    struct hs_greeting      peer;
    struct hs_err           err = {0};

    if (hs_wire_decode(HS_MSG_HELLO_ACK, body, &ack)) return;
    if (hs_greeter_conclude(&greeter, certified, &ack, &peer, &err) == 0) {
        HS_ASSERT(ack.code == HS_RESULT_OK);
        HS_ASSERT(ack.version >> 16 == HS_PROTOCOL_MAJOR);
        return;
    }
    HS_ASSERT(err.code < 0);
    is_printable(err.text);
}

/* The first byte says whose certificate it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_identity certified;

    if (!size) return 0;
    certified = certified_by(data[0]);
    try_hello(&certified, hs_view_of(data + 1, size - 1));
    try_ack(&certified, hs_view_of(data + 1, size - 1));
    return 0;
}
