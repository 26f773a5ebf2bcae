// SPDX-License-Identifier: Apache-2.0
/* gate_results.c - takes what ended in a datacenter: fetches the run records, stores them, decides,
 * answers. A bounded number of messages at a time; whoever is not served tells again
 * (jobs.md 7.13). */
#include "roles/counters.h"
#include "roles/gate/gate_inner.h"
#include "roles/result_code.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <stdio.h>
#include <string.h>

enum { DIGEST_TRIES = 3 };
#define FETCH_TIMEOUT_NS HS_NS_PER_S

void hs_gate_answer_results(struct hs_gate *gate, unsigned manager, const uint8_t *job_id,
                            uint64_t request_id, uint32_t code)
{
    struct hs_msg_dc_results_ack ack = {.code = (uint16_t)code,
                                        .durable_seq = gate->fsm->leader_fence};

    memcpy(ack.job_id, job_id, sizeof ack.job_id);
    HS_IGNORE(gate->out.send(gate->out.self, manager, HS_MSG_DC_RESULTS_ACK, &ack, request_id),
              "told again, answered again");
}

static bool is_sound(const struct hs_gate_job *job, const struct hs_msg_result_item *item)
{
    if (item->workflow == HS_WORKFLOW_ALL) return hs_gate_is_final(item->status);
    return item->workflow < job->workflow_count && hs_gate_is_workflow_final(item->status);
}

static bool read_items(const struct hs_gate_job *job, const struct hs_msg_dc_results *message,
                       struct hs_gate_results *results)
{
    static const uint8_t      none[HS_DIGEST_BYTES];
    struct hs_msg_result_item item;
    struct hs_reader          reader;
    int                       rc;

    hs_reader_init(&reader, message->items);
    while ((rc = hs_wire_get_row(HS_MSG_RESULT_ITEM, &reader, &item)) == 1) {
        struct hs_gate_item *into = &results->items[results->count];

        if (results->count == HS_GATE_ENTRY_ITEMS || !is_sound(job, &item)) return false;
        into->workflow = item.workflow;
        if (item.workflow == HS_WORKFLOW_ALL) results->elapsed_ns = item.elapsed_ns;
        into->status = item.status;
        into->has_record =
            item.workflow != HS_WORKFLOW_ALL && memcmp(item.digest, none, sizeof none) != 0;
        memcpy(into->digest.bytes, item.digest, sizeof into->digest.bytes);
        if (item.text[0]) (void)snprintf(results->reason, sizeof results->reason, "%s", item.text);
        results->count++;
    }
    return rc == 0 && results->count > 0;
}

/* ---- records, one after another, in pieces ---- */

static void ask_piece(struct hs_gate *gate, struct hs_gate_fetch *fetch)
{
    struct hs_msg_blob_get get = {.offset_bytes = fetch->have_bytes};

    memcpy(get.digest, fetch->results.items[fetch->next_item].digest.bytes, sizeof get.digest);
    memcpy(get.job_id, fetch->results.job_id, sizeof get.job_id);
    fetch->asked_at_ns = gate->now_ns;
    hs_gate_send(gate, fetch->manager, HS_MSG_BLOB_GET, &get);
}

static void begin_item(struct hs_gate *gate, struct hs_gate_fetch *fetch)
{
    fetch->total_bytes = 0;
    fetch->have_bytes = 0;
    ask_piece(gate, fetch);
}

/* Its datacenter was given up meanwhile: when this is told again, it is answered so. */
static bool is_too_late(struct hs_gate *gate, const struct hs_gate_results *results)
{
    const struct hs_gate_job *job = hs_gate_find_job(gate->fsm, results->job_id);

    return job && hs_gate_is_given_up(gate, job, results->slot);
}

/* The next record that is not here yet, or all are: then decide. */
static void go_on(struct hs_gate *gate, struct hs_gate_fetch *fetch)
{
    struct hs_gate_entry entry = {.kind = HS_GATE_RESULTS};

    for (; fetch->next_item < fetch->results.count; fetch->next_item++) {
        const struct hs_gate_item *item = &fetch->results.items[fetch->next_item];

        if (!item->has_record || gate->out.blob_get(gate->out.self, &item->digest, NULL, 0) > 0)
            continue;
        fetch->tries = 0;
        begin_item(gate, fetch);
        return;
    }
    entry.as.results = fetch->results;
    fetch->token = ++gate->next_token;
    fetch->is_proposed =
        !is_too_late(gate, &fetch->results) && hs_gate_propose(gate, &entry, fetch->token) == 0;
    fetch->is_busy = fetch->is_proposed; /* a busy log: told again in a moment */
}

/* It is not to be had: the states count, the figures are missing. */
static void do_without(struct hs_gate *gate, struct hs_gate_fetch *fetch)
{
    fetch->results.items[fetch->next_item].has_record = 0;
    go_on(gate, fetch);
}

static bool is_piece_sound(const struct hs_gate_fetch *fetch, const struct hs_msg_blob_data *data)
{
    if (data->code != HS_RESULT_OK || !data->data.bytes) return false;
    if (data->total_bytes > HS_LEDGER_BLOB_BYTES_MAX) return false;
    if (fetch->total_bytes && data->total_bytes != fetch->total_bytes) return false;
    return data->data.bytes <= data->total_bytes - fetch->have_bytes;
}

static void store_record(struct hs_gate *gate, struct hs_gate_fetch *fetch)
{
    const struct hs_gate_item *item = &fetch->results.items[fetch->next_item];
    struct hs_view             bytes = hs_view_of(fetch->memory, fetch->have_bytes);
    struct hs_ledger_digest    digest;

    hs_ledger_digest_of(bytes, &digest);
    if (memcmp(&digest, &item->digest, sizeof digest) != 0) {
        if (++fetch->tries == DIGEST_TRIES)
            do_without(gate, fetch);
        else
            begin_item(gate, fetch);
    } else if (gate->out.blob_put(gate->out.self, bytes, &digest, 0)) {
        fetch->is_busy = false; /* a busy log: from the beginning when it is told again */
    } else {
        fetch->next_item++;
        go_on(gate, fetch);
    }
}

static void take_piece(struct hs_gate *gate, struct hs_gate_fetch *fetch,
                       const struct hs_msg_blob_data *data)
{
    if (hs_result_code_class(data->code) == HS_RESULT_CLASS_TRANSIENT) {
        fetch->is_busy = false; /* told again, asked again */
    } else if (!is_piece_sound(fetch, data)) {
        do_without(gate, fetch);
    } else {
        fetch->total_bytes = data->total_bytes;
        memcpy(fetch->memory + fetch->have_bytes, data->data.data, data->data.bytes);
        fetch->have_bytes += data->data.bytes;
        if (fetch->have_bytes < fetch->total_bytes)
            ask_piece(gate, fetch);
        else
            store_record(gate, fetch);
    }
}

static void note_piece(struct hs_gate *gate, const struct hs_gate_results *results)
{
    const struct hs_gate_job *job = hs_gate_find_job(gate->fsm, results->job_id);

    if (job) hs_gate_note_news(gate, job, results->slot);
}

void hs_gate_take_blob_data(struct hs_gate *gate, unsigned manager,
                            const struct hs_msg_blob_data *data)
{
    gate->due_ns = 0;
    for (unsigned i = 0; i < HS_GATE_FETCHES_MAX; i++) {
        struct hs_gate_fetch *fetch = &gate->fetches[i];

        if (!fetch->is_busy || fetch->is_proposed || fetch->manager != manager) continue;
        HS_ASSERT(fetch->next_item < fetch->results.count);
        if (memcmp(fetch->results.items[fetch->next_item].digest.bytes, data->digest,
                   sizeof data->digest) != 0 ||
            data->offset_bytes != fetch->have_bytes)
            continue;
        note_piece(gate, &fetch->results);
        take_piece(gate, fetch, data);
        return;
    }
}

/* ---- the message and its answer ---- */

/* NULL: this end is being taken already, or there is no room. */
static struct hs_gate_fetch *take_fetch(struct hs_gate *gate, const struct hs_gate_job *job,
                                        unsigned slot)
{
    struct hs_gate_fetch *unused = NULL;

    for (unsigned i = 0; i < HS_GATE_FETCHES_MAX; i++) {
        struct hs_gate_fetch *fetch = &gate->fetches[i];

        if (!fetch->is_busy)
            unused = fetch;
        else if (fetch->results.slot == slot &&
                 memcmp(fetch->results.job_id, job->id, HS_JOB_ID_BYTES) == 0)
            return NULL;
    }
    return unused;
}

void hs_gate_take_results(struct hs_gate *gate, const struct hs_gate_job *job,
                          const struct hs_gate_told *told, const struct hs_msg_dc_results *message)
{
    struct hs_gate_fetch *fetch;

    if (job->phase == HS_GATE_DONE || hs_gate_is_given_up(gate, job, told->slot)) {
        gate->out.count(gate->out.self, HS_COUNT_late_results);
        hs_gate_answer_results(gate, told->manager, job->id, told->request_id, HS_RESULT_OK);
        return;
    }
    if (message->manager_fence >= job->slots[told->slot].manager_fence)
        hs_gate_note_news(gate, job, told->slot);
    fetch = take_fetch(gate, job, told->slot);
    if (!fetch) return; /* it is told again */
    *fetch = (struct hs_gate_fetch){.memory = fetch->memory,
                                    .is_busy = true,
                                    .manager = told->manager,
                                    .request_id = told->request_id};
    memcpy(fetch->results.job_id, job->id, HS_JOB_ID_BYTES);
    fetch->results.slot = (uint16_t)told->slot;
    fetch->results.manager_fence = message->manager_fence;
    if (read_items(job, message, &fetch->results)) {
        go_on(gate, fetch);
        return;
    }
    fetch->is_busy = false;
    hs_gate_answer_results(gate, told->manager, job->id, told->request_id, HS_RESULT_INVALID);
}

bool hs_gate_results_applied(struct hs_gate *gate, uint64_t token, uint32_t code)
{
    for (unsigned i = 0; i < HS_GATE_FETCHES_MAX; i++) {
        struct hs_gate_fetch *fetch = &gate->fetches[i];
        struct hs_gate_job   *job;

        if (!fetch->is_busy || !fetch->is_proposed || fetch->token != token) continue;
        job = hs_gate_find_job(gate->fsm, fetch->results.job_id);
        if (fetch->manager < HS_GATE_MANAGERS_MAX)
            hs_gate_answer_results(gate, fetch->manager, fetch->results.job_id, fetch->request_id,
                                   code == HS_RESULT_ALREADY_DONE ? (uint32_t)HS_RESULT_OK : code);
        fetch->is_busy = false;
        if (job) hs_gate_soft_of(gate, job)->is_row_dirty = true;
        return true;
    }
    return false;
}

/* What is decided already goes on, but its answer is owed to nobody: request numbers begin anew
 * with the next manager. */
void hs_gate_drop_fetches(struct hs_gate *gate, unsigned manager)
{
    for (unsigned i = 0; i < HS_GATE_FETCHES_MAX; i++) {
        struct hs_gate_fetch *fetch = &gate->fetches[i];

        if (fetch->manager != manager) continue;
        fetch->is_busy = fetch->is_busy && fetch->is_proposed;
        fetch->manager = HS_GATE_MANAGERS_MAX;
    }
}

uint64_t hs_gate_turn_fetches(struct hs_gate *gate)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < HS_GATE_FETCHES_MAX; i++) {
        struct hs_gate_fetch *fetch = &gate->fetches[i];

        if (!fetch->is_busy || fetch->is_proposed) continue;
        if (gate->now_ns - fetch->asked_at_ns >= FETCH_TIMEOUT_NS)
            fetch->is_busy = false; /* no answer: the manager will tell again */
        else
            next_ns = hs_min_u64(next_ns, fetch->asked_at_ns + FETCH_TIMEOUT_NS);
    }
    return next_ns;
}
