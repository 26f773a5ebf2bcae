// SPDX-License-Identifier: Apache-2.0
/* greeting.h - the first words on a connection between hosts: HELLO from the one who has dialled,
 * HELLO_ACK from the other. Decides whether they understand each other (version, features) and
 * whether a HELLO says of its sender what its certificate says. Pure.
 *
 * A version is major and minor: another major is refused, with a sentence that names both; of a
 * smaller minor the newer end uses only what the older one knows. */
#ifndef HS_CLUSTER_GREETING_H
#define HS_CLUSTER_GREETING_H

#include "ipc/addr.h"
#include "roles/cluster/identity.h"
#include "roles/wire.h"

enum { HS_PROTOCOL_MAJOR = 1, HS_PROTOCOL_MINOR = 1 };
#define HS_PROTOCOL_VERSION(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor))

/* Bits of HELLO's features. Those of 1.0 are mandatory. */
enum hs_feature {
    HS_FEATURE_JOBS = 1, /* submission, dispatch, cancellation */
    HS_FEATURE_HEARTBEATS = 2,
    HS_FEATURE_FENCES = 4, /* and idempotency keys, reconnecting clients */
    HS_FEATURE_HISTOGRAM_LAYOUT_1 = 8,
    HS_FEATURE_DATA_LANE = 16 /* since 1.1: data has a connection of its own (data_lane.h) */
};
#define HS_FEATURES_MANDATORY UINT64_C(15)
#define HS_FEATURES_KNOWN     (HS_FEATURES_MANDATORY | HS_FEATURE_DATA_LANE)

enum { HS_HELLO_FIRST, HS_HELLO_DATA_LANE }; /* HELLO's lane */

/* Of this end. */
struct hs_greeter {
    struct hs_identity identity; /* of our own certificate */
    uint8_t            node_id[16];
    uint64_t           incarnation;
    uint64_t           generation;
    uint32_t           version;  /* 0: HS_PROTOCOL_VERSION of this program */
    uint64_t           features; /* 0: HS_FEATURES_KNOWN */
    struct hs_addr     listens;  /* port 0: nowhere */
};

struct hs_greeting {             /* of the other end, once it has been checked */
    struct hs_addr     address;  /* where it is, as the connection says */
    struct hs_identity identity; /* of its certificate */
    uint8_t            node_id[16];
    uint64_t           incarnation;
    uint64_t           generation;
    uint32_t           version;  /* the lower of both */
    uint64_t           features; /* that both have, since that version */
    struct hs_addr     listens;  /* of one that has dialled; of any address if that is zero */
    uint64_t           link;     /* number of the connection with whoever has dialled it... */
    bool               is_lane;  /* ...or of that whose data lane this one is */
};

/* What to say first. */
void hs_greeter_hello(const struct hs_greeter *greeter, struct hs_msg_hello *hello);
/* The answer to what a dialler with this certificate has said: ack is to be sent in any case. 0;
 * -EPROTONOSUPPORT: another major; -EACCES: it may not, or is not who it says. */
int hs_greeter_answer(const struct hs_greeter *greeter, const struct hs_identity *certified,
                      const struct hs_msg_hello *hello, struct hs_msg_hello_ack *ack,
                      struct hs_greeting *greeting) HS_MUST_CHECK;
/* What the other end has answered. The same, with a sentence in err. */
int hs_greeter_conclude(const struct hs_greeter *greeter, const struct hs_identity *certified,
                        const struct hs_msg_hello_ack *ack, struct hs_greeting *greeting,
                        struct hs_err *err) HS_MUST_CHECK;

/* Where it is reached, over TCP as over UDP. false: it listens nowhere. */
bool hs_greeting_place(const struct hs_greeting *greeting, struct hs_addr *place);

#endif
