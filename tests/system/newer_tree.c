// SPDX-License-Identifier: Apache-2.0
/* newer_tree.c - the real hyperscaled as a later version of it might be: a minor version on, with a
 * feature more, and a field in every message that nobody else knows. */
// wraps: hs_greeter_hello hs_greeter_answer hs_greeter_conclude hs_wire_encode
#include "roles/cluster/greeting.h"
#include "shm/base/log.h"
#include "supervisor/daemon_io.h"

enum { NEW_TAG = 200, NEW_FEATURE = 1 << 20 };

void __real_hs_greeter_hello(const struct hs_greeter *greeter, struct hs_msg_hello *hello);
void __wrap_hs_greeter_hello(const struct hs_greeter *greeter, struct hs_msg_hello *hello);
int  __real_hs_greeter_answer(const struct hs_greeter *greeter, const struct hs_identity *certified,
                              const struct hs_msg_hello *hello, struct hs_msg_hello_ack *ack,
                              struct hs_greeting *greeting);
int  __wrap_hs_greeter_answer(const struct hs_greeter *greeter, const struct hs_identity *certified,
                              const struct hs_msg_hello *hello, struct hs_msg_hello_ack *ack,
                              struct hs_greeting *greeting);
int  __real_hs_greeter_conclude(const struct hs_greeter       *greeter,
                                const struct hs_identity      *certified,
                                const struct hs_msg_hello_ack *ack, struct hs_greeting *greeting,
                                struct hs_err *err);
int  __wrap_hs_greeter_conclude(const struct hs_greeter       *greeter,
                                const struct hs_identity      *certified,
                                const struct hs_msg_hello_ack *ack, struct hs_greeting *greeting,
                                struct hs_err *err);
int  __real_hs_wire_encode(enum hs_msg_type type, const void *message, struct hs_writer *writer);
int  __wrap_hs_wire_encode(enum hs_msg_type type, const void *message, struct hs_writer *writer);

static struct hs_greeter newer(const struct hs_greeter *greeter)
{
    struct hs_greeter changed = *greeter;

    changed.version = HS_PROTOCOL_VERSION(HS_PROTOCOL_MAJOR, HS_PROTOCOL_MINOR + 1);
    changed.features = HS_FEATURES_KNOWN | NEW_FEATURE;
    return changed;
}

static void tell(const struct hs_greeting *greeting)
{
    bool is_old = greeting->version == HS_PROTOCOL_VERSION(HS_PROTOCOL_MAJOR, HS_PROTOCOL_MINOR);

    hs_log(HS_LOG_INFO, "newer", "agreed on the %s version peer=%s", is_old ? "old" : "new",
           greeting->identity.node);
}

void __wrap_hs_greeter_hello(const struct hs_greeter *greeter, struct hs_msg_hello *hello)
{
    const struct hs_greeter changed = newer(greeter);

    __real_hs_greeter_hello(&changed, hello);
}

int __wrap_hs_greeter_answer(const struct hs_greeter *greeter, const struct hs_identity *certified,
                             const struct hs_msg_hello *hello, struct hs_msg_hello_ack *ack,
                             struct hs_greeting *greeting)
{
    const struct hs_greeter changed = newer(greeter);
    int rc = __real_hs_greeter_answer(&changed, certified, hello, ack, greeting);

    if (rc == 0) tell(greeting);
    return rc;
}

int __wrap_hs_greeter_conclude(const struct hs_greeter       *greeter,
                               const struct hs_identity      *certified,
                               const struct hs_msg_hello_ack *ack, struct hs_greeting *greeting,
                               struct hs_err *err)
{
    const struct hs_greeter changed = newer(greeter);
    int rc = __real_hs_greeter_conclude(&changed, certified, ack, greeting, err);

    if (rc == 0) tell(greeting);
    return rc;
}

int __wrap_hs_wire_encode(enum hs_msg_type type, const void *message, struct hs_writer *writer)
{
    int rc = __real_hs_wire_encode(type, message, writer);

    if (rc) return rc;
    hs_put_varint(writer, NEW_TAG * 8);
    hs_put_varint(writer, 1);
    return hs_writer_finish(writer);
}

int main(int argc, char **argv)
{
    return hs_daemon_main(argc, argv);
}
