// SPDX-License-Identifier: Apache-2.0
/* status_client.c - what a connection to the status socket does next, and until when. */
#include "roles/console/status_client.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>
#include <string.h>

enum { LINE_FEED = '\n' };

/* The state and its deadline change together. */
static void enter(struct hs_status_client *client, enum hs_status_client_state state,
                  uint64_t deadline_ns)
{
    client->state = state;
    client->deadline_ns = deadline_ns;
}

static void listen_on(struct hs_status_client *client, uint64_t now_ns)
{
    uint64_t patience_ns = client->used_bytes ? client->io_timeout_ns : HS_STATUS_IDLE_NS;

    if (client->has_watch && !client->used_bytes)
        enter(client, HS_STATUS_CLIENT_LISTENING, HS_NEVER_NS);
    else
        enter(client, HS_STATUS_CLIENT_LISTENING, now_ns + patience_ns);
}

void hs_status_client_init(struct hs_status_client *client, uint64_t now_ns, uint64_t io_timeout_ns)
{
    memset(client, 0, sizeof *client);
    client->io_timeout_ns = io_timeout_ns;
    enter(client, HS_STATUS_CLIENT_LISTENING, now_ns + io_timeout_ns);
}

int hs_status_client_feed(struct hs_status_client *client, uint64_t now_ns, const uint8_t *bytes,
                          size_t count)
{
    bool was_empty = client->used_bytes == 0;

    for (; was_empty && count && *bytes == LINE_FEED; bytes++) count--; /* asks nothing */
    if (count > sizeof client->bytes - client->used_bytes) return -EMSGSIZE;
    memcpy(client->bytes + client->used_bytes, bytes, count);
    client->used_bytes += count;
    /* The time for a request runs from its first byte, not from its last. */
    if (was_empty && client->used_bytes && client->state == HS_STATUS_CLIENT_LISTENING)
        listen_on(client, now_ns);
    return 0;
}

/* With the empty lines behind: no request begins with one, or is waited for because of one. */
static void drop_bytes(struct hs_status_client *client, size_t count)
{
    HS_ASSERT(count <= client->used_bytes);
    while (count < client->used_bytes && client->bytes[count] == LINE_FEED) count++;
    memmove(client->bytes, client->bytes + count, client->used_bytes - count);
    client->used_bytes -= count;
}

int hs_status_client_next(struct hs_status_client *client, struct hs_status_request *request,
                          struct hs_status_fault *fault)
{
    const uint8_t *end;
    size_t         length;
    int            rc;

    HS_ASSERT(client->used_bytes <= sizeof client->bytes);
    if (client->state != HS_STATUS_CLIENT_LISTENING) return 0;
    end = memchr(client->bytes, LINE_FEED, client->used_bytes);
    if (!end) return 0;
    length = (size_t)(end - client->bytes);
    HS_ASSERT(length > 0);
    rc = hs_status_request_parse(hs_view_of(client->bytes, length), request, fault);
    drop_bytes(client, length + 1);
    return rc ? rc : 1;
}

bool hs_status_client_take_watch(struct hs_status_client *client, uint64_t now_ns)
{
    uint64_t every_ns = client->watch.every_ms * HS_NS_PER_MS;

    if (!client->has_watch || client->state != HS_STATUS_CLIENT_LISTENING) return false;
    if (now_ns < client->watch_at_ns) return false;
    client->watch_at_ns += every_ns;
    if (client->watch_at_ns <= now_ns) client->watch_at_ns = now_ns + every_ns;
    return true;
}

void hs_status_client_watch(struct hs_status_client *client, uint64_t now_ns,
                            const struct hs_status_request *request)
{
    HS_ASSERT(request->kind == HS_STATUS_WATCH);
    HS_ASSERT(client->state == HS_STATUS_CLIENT_LISTENING);
    client->has_watch = true;
    client->watch = *request;
    client->watch_at_ns = now_ns;
    listen_on(client, now_ns);
}

void hs_status_client_wait(struct hs_status_client *client, uint64_t now_ns)
{
    HS_ASSERT(client->state == HS_STATUS_CLIENT_LISTENING);
    enter(client, HS_STATUS_CLIENT_WAITING, now_ns + HS_STATUS_ACTION_NS);
}

void hs_status_client_send(struct hs_status_client *client, uint64_t now_ns)
{
    HS_ASSERT(client->state != HS_STATUS_CLIENT_SENDING);
    enter(client, HS_STATUS_CLIENT_SENDING, now_ns + client->io_timeout_ns);
}

void hs_status_client_sent(struct hs_status_client *client, uint64_t now_ns)
{
    HS_ASSERT(client->state == HS_STATUS_CLIENT_SENDING);
    listen_on(client, now_ns);
}

bool hs_status_client_is_late(const struct hs_status_client *client, uint64_t now_ns)
{
    return now_ns >= client->deadline_ns;
}

uint64_t hs_status_client_deadline_ns(const struct hs_status_client *client)
{
    if (!client->has_watch || client->state != HS_STATUS_CLIENT_LISTENING)
        return client->deadline_ns;
    return hs_min_u64(client->deadline_ns, client->watch_at_ns);
}
