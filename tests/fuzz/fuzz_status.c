// SPDX-License-Identifier: Apache-2.0
/* fuzz_status.c - any bytes, in pieces, on the status socket: no crash, every line is answered or
 * refused, and nothing stays. The same bytes are a request for the metrics page. */
#include "roles/console/http_request.h"
#include "roles/console/status_client.h"
#include "roles/console/status_reply.h"
#include "shm/base/assert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(const struct hs_status_request *request)
{
    static struct hs_status_snapshot snapshot;
    static struct hs_config          config;
    json_t                          *reply;

    if (config.magic == 0) hs_config_defaults(&config);
    reply = request->kind == HS_STATUS_DO ? hs_status_reply_done(request->verb, request->process)
                                          : hs_status_reply(&snapshot, &config, request);
    HS_ASSERT(reply != NULL);
    json_decref(reply);
}

static void refuse(const struct hs_status_fault *fault)
{
    json_t *reply = hs_status_reply_fault(fault);

    HS_ASSERT(fault->code[0] == 'E');
    HS_ASSERT(fault->message[0] != 0);
    HS_ASSERT(reply != NULL);
    json_decref(reply);
}

static void serve(struct hs_status_client *client, uint64_t now_ns)
{
    struct hs_status_request request;
    struct hs_status_fault   fault;
    int                      rc;

    while ((rc = hs_status_client_next(client, &request, &fault)) != 0) {
        if (rc < 0) refuse(&fault);
        if (rc > 0 && request.kind == HS_STATUS_WATCH)
            hs_status_client_watch(client, now_ns, &request);
        if (rc > 0) answer(&request);
        hs_status_client_send(client, now_ns);
        hs_status_client_sent(client, now_ns);
    }
    if (hs_status_client_take_watch(client, now_ns)) answer(&client->watch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hs_status_client client;
    struct hs_http_request         request;
    size_t                         piece = size ? data[0] % 64 + 1 : 1;
    uint64_t                       now_ns = 1;

    hs_status_client_init(&client, now_ns, 1000);
    for (size_t at = 0; at < size; at += piece, now_ns += 100) {
        size_t count = size - at < piece ? size - at : piece;

        if (hs_status_client_feed(&client, now_ns, data + at, count)) break;
        serve(&client, now_ns);
        if (hs_status_client_is_late(&client, now_ns)) break;
        HS_ASSERT(hs_status_client_deadline_ns(&client) > now_ns);
    }
    if (hs_http_request_parse(hs_view_of(data, size), &request) == 0)
        HS_ASSERT(hs_http_answer_text(request.page, true) != NULL);
    return 0;
}
