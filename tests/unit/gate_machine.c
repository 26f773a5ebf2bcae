// SPDX-License-Identifier: Apache-2.0
/* gate_machine.c - one machine, and its entries in short. */
#include "tests/unit/gate_machine.h"

#include "tests/check.h"

struct hs_gate_fsm gate_machine;
uint64_t           gate_seq;

void gate_begin(void)
{
    memset(&gate_machine, 0, sizeof gate_machine);
    gate_seq = 0;
}

/* ---- entries in short ---- */

void gate_fill_id(uint8_t id[16], unsigned number)
{
    memset(id, 0, 16);
    memcpy(id, &number, sizeof number);
}

uint32_t gate_apply(const struct hs_gate_entry *entry)
{
    uint8_t          memory[HS_LEDGER_ENTRY_BYTES_MAX];
    struct hs_writer writer;

    hs_writer_init(&writer, memory, sizeof memory);
    hs_gate_entry_put(&writer, entry);
    HS_CHECK(!writer.failed);
    return hs_gate_fsm_apply(&gate_machine, ++gate_seq, hs_view_of(memory, writer.used_bytes));
}

struct hs_gate_entry gate_create_entry(unsigned number, uint16_t workflows, uint16_t slots)
{
    struct hs_gate_entry       entry = {.kind = HS_GATE_JOB_CREATE};
    struct hs_gate_job_create *create = &entry.as.create;

    gate_fill_id(create->job_id, number);
    create->digest.bytes[0] = 7;
    create->plan_bytes = 100;
    create->timeout_ns = 5;
    create->workflow_count = workflows;
    create->slot_count = slots;
    (void)snprintf(create->name, sizeof create->name, "job %u", number);
    (void)snprintf(create->client_id, sizeof create->client_id, "me@here");
    for (unsigned i = 0; i < slots; i++)
        (void)snprintf(create->datacenters[i], HS_NAME_BYTES, "dc%u", i);
    return entry;
}

uint32_t gate_create(unsigned number, uint16_t workflows, uint16_t slots)
{
    struct hs_gate_entry entry = gate_create_entry(number, workflows, slots);

    return gate_apply(&entry);
}

uint32_t gate_set_slot(unsigned number, uint16_t slot, enum hs_gate_slot_op op, uint64_t fence)
{
    struct hs_gate_entry entry = {.kind = HS_GATE_DC_SLOT};

    gate_fill_id(entry.as.slot.job_id, number);
    entry.as.slot.slot = slot;
    entry.as.slot.op = (uint8_t)op;
    entry.as.slot.manager_fence = fence;
    if (op == HS_GATE_SLOT_REFUSED)
        (void)snprintf(entry.as.slot.reason, sizeof entry.as.slot.reason, "refused");
    return gate_apply(&entry);
}

uint32_t gate_cancel(unsigned number, uint16_t workflow, unsigned request, uint8_t cascade)
{
    struct hs_gate_entry entry = {.kind = HS_GATE_CANCEL};

    gate_fill_id(entry.as.cancel.job_id, number);
    gate_fill_id(entry.as.cancel.request_id, request);
    entry.as.cancel.workflow = workflow;
    entry.as.cancel.cascade = cascade;
    (void)snprintf(entry.as.cancel.reason, sizeof entry.as.cancel.reason, "cancel %u", request);
    return gate_apply(&entry);
}

uint32_t gate_deadline(unsigned number, enum hs_gate_deadline kind)
{
    struct hs_gate_entry entry = {.kind = HS_GATE_DEADLINE};

    gate_fill_id(entry.as.deadline.job_id, number);
    entry.as.deadline.kind = (uint8_t)kind;
    return gate_apply(&entry);
}

struct hs_gate_entry gate_results_entry(unsigned number, uint16_t slot, uint64_t fence)
{
    struct hs_gate_entry entry = {.kind = HS_GATE_RESULTS};

    gate_fill_id(entry.as.results.job_id, number);
    entry.as.results.slot = slot;
    entry.as.results.manager_fence = fence;
    return entry;
}

void gate_add_item(struct hs_gate_entry *entry, uint16_t workflow, unsigned status, uint8_t record)
{
    struct hs_gate_item *item = &entry->as.results.items[entry->as.results.count++];

    item->workflow = workflow;
    item->status = (uint8_t)status;
    item->has_record = record != 0;
    item->digest.bytes[0] = record;
}

uint32_t gate_end_workflow(unsigned number, uint16_t slot, uint16_t workflow,
                           enum hs_workflow_state state, uint8_t record)
{
    struct hs_gate_entry entry = gate_results_entry(number, slot, 1000);

    gate_add_item(&entry, workflow, state, record);
    return gate_apply(&entry);
}

uint32_t gate_end_slot(unsigned number, uint16_t slot, enum hs_job_state state)
{
    struct hs_gate_entry entry = gate_results_entry(number, slot, 1000);

    gate_add_item(&entry, HS_WORKFLOW_ALL, state, 0);
    (void)snprintf(entry.as.results.reason, sizeof entry.as.results.reason, "slot %u", slot);
    return gate_apply(&entry);
}

uint32_t gate_expire(unsigned number)
{
    struct hs_gate_entry entry = {.kind = HS_GATE_EXPIRE};

    entry.as.expire.count = 1;
    gate_fill_id(entry.as.expire.job_ids[0], number);
    return gate_apply(&entry);
}

struct hs_gate_job *gate_job(unsigned number)
{
    static struct hs_gate_job none;
    uint8_t                   id[16];
    struct hs_gate_job       *found;

    gate_fill_id(id, number);
    found = hs_gate_find_job(&gate_machine, id);
    return found ? found : &none;
}

unsigned gate_count_events(const struct hs_gate_job *at, enum hs_event_kind kind)
{
    unsigned count = 0;

    for (unsigned i = 0; i < at->event_count; i++) count += at->events[i].kind == kind;
    return count;
}

unsigned gate_count_records(const struct hs_gate_job *at)
{
    unsigned                     count = 0;
    const struct hs_gate_record *record = hs_gate_first_record(&gate_machine, at);

    for (; record; record = hs_gate_next_record(&gate_machine, record)) count++;
    return count;
}
