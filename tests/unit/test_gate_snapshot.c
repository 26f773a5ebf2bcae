// SPDX-License-Identifier: Apache-2.0
/* test_gate_snapshot.c - the gate's tables at twice their size, and its entries and snapshots as
 * bytes, cut and damaged. */
#include "roles/result_code.h"
#include "shm/base/rand.h"
#include "tests/check.h"
#include "tests/unit/gate_machine.h"
#include "tests/unit/suites.h"

#include <errno.h>

static uint8_t snapshot_memory[HS_GATE_SNAPSHOT_BYTES_MAX];

/* ---- bounds ---- */

static void twice_as_many_jobs_as_fit_are_refused_and_room_comes_back(void)
{
    gate_begin();
    for (unsigned i = 0; i < 2 * HS_GATE_JOBS_MAX; i++)
        HS_CHECK_EQ(gate_create(1 + i, 1, 1), i < HS_GATE_JOBS_MAX ? HS_RESULT_OK : HS_RESULT_BUSY);
    HS_CHECK_EQ(gate_machine.job_count, HS_GATE_JOBS_MAX);
    (void)gate_end_slot(10, 0, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_expire(11), HS_RESULT_OK); /* still active: stays */
    HS_CHECK_EQ(gate_machine.job_count, HS_GATE_JOBS_MAX);
    HS_CHECK_EQ(gate_expire(10), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(10)->phase, HS_GATE_FREE);
    HS_CHECK_EQ(gate_create(5000, 1, 1), HS_RESULT_OK);
    HS_CHECK_EQ(gate_create(5001, 1, 1), HS_RESULT_BUSY);
}

/* As many workflows as there are: the table of records is reserved, and never runs over. */
static void records_are_reserved_with_the_job(void)
{
    enum { PER_JOB = HS_WORKFLOWS_MAX * HS_GATE_SLOTS_MAX, FIT = HS_GATE_RECORDS_MAX / PER_JOB };

    gate_begin();
    for (unsigned i = 0; i < 2 * FIT; i++)
        HS_CHECK_EQ(gate_create(1 + i, HS_WORKFLOWS_MAX, HS_GATE_SLOTS_MAX),
                    i < FIT ? HS_RESULT_OK : HS_RESULT_BUSY);
    for (unsigned i = 0; i < FIT; i++)
        for (uint16_t slot = 0; slot < HS_GATE_SLOTS_MAX; slot++)
            for (uint16_t k = 0; k < HS_WORKFLOWS_MAX; k++)
                HS_CHECK_EQ(gate_end_workflow(1 + i, slot, k, HS_WORKFLOW_COMPLETED, 1),
                            HS_RESULT_OK);
    HS_CHECK_EQ(gate_count_records(gate_job(1)), PER_JOB);
    HS_CHECK_EQ(gate_machine.reserved_records, FIT * PER_JOB);
    for (uint16_t slot = 0; slot < HS_GATE_SLOTS_MAX; slot++)
        (void)gate_end_slot(1, slot, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_create(90, 1, 1), HS_RESULT_BUSY);
    (void)gate_expire(1);
    HS_CHECK_EQ(gate_machine.reserved_records, (FIT - 1) * PER_JOB);
    HS_CHECK_EQ(gate_create(90, HS_WORKFLOWS_MAX, HS_GATE_SLOTS_MAX), HS_RESULT_OK);
}

static void what_was_reserved_and_not_used_comes_back_with_the_end(void)
{
    gate_begin();
    (void)gate_create(1, 10, 2);
    HS_CHECK_EQ(gate_machine.reserved_records, 20);
    (void)gate_end_workflow(1, 0, 3, HS_WORKFLOW_COMPLETED, 1);
    (void)gate_end_slot(1, 0, HS_JOB_COMPLETED);
    (void)gate_end_slot(1, 1, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_machine.reserved_records, 1);
    (void)gate_expire(1);
    HS_CHECK_EQ(gate_machine.reserved_records, 0);
}

static void records_come_by_workflow_then_datacenter(void)
{
    const struct hs_gate_record *record;

    gate_begin();
    (void)gate_create(1, 3, 2);
    (void)gate_end_workflow(1, 1, 2, HS_WORKFLOW_COMPLETED, 6);
    (void)gate_end_workflow(1, 1, 0, HS_WORKFLOW_COMPLETED, 2);
    (void)gate_end_workflow(1, 0, 2, HS_WORKFLOW_COMPLETED, 5);
    (void)gate_end_workflow(1, 0, 0, HS_WORKFLOW_COMPLETED, 1);
    record = hs_gate_first_record(&gate_machine, gate_job(1));
    for (unsigned i = 0; i < 4; i++, record = hs_gate_next_record(&gate_machine, record)) {
        static const uint8_t expected[] = {1, 2, 5, 6};

        HS_CHECK(record != NULL);
        if (!record) return;
        HS_CHECK_EQ(record->digest.bytes[0], expected[i]);
    }
    HS_CHECK(!record);
}

static void jobs_are_found_after_others_of_their_bucket_have_gone(void)
{
    gate_begin();
    /* ids that differ only beyond the bytes that choose the bucket */
    for (unsigned i = 1; i <= 6; i++) (void)gate_create(i << 16 | 5, 1, 1);
    (void)gate_end_slot(3u << 16 | 5, 0, HS_JOB_COMPLETED);
    (void)gate_end_slot(6u << 16 | 5, 0, HS_JOB_COMPLETED);
    (void)gate_end_slot(1u << 16 | 5, 0, HS_JOB_COMPLETED);
    (void)gate_expire(3u << 16 | 5);
    (void)gate_expire(6u << 16 | 5);
    (void)gate_expire(1u << 16 | 5);
    HS_CHECK_EQ(gate_job(2u << 16 | 5)->phase, HS_GATE_ACTIVE);
    HS_CHECK_EQ(gate_job(4u << 16 | 5)->phase, HS_GATE_ACTIVE);
    HS_CHECK_EQ(gate_job(5u << 16 | 5)->phase, HS_GATE_ACTIVE);
    HS_CHECK_EQ(gate_job(3u << 16 | 5)->phase, HS_GATE_FREE);
    HS_CHECK_EQ(gate_machine.job_count, 3);
}

static void a_retry_after_expiry_is_a_new_job(void)
{
    gate_begin();
    (void)gate_create(1, 1, 1);
    (void)gate_end_slot(1, 0, HS_JOB_COMPLETED);
    (void)gate_expire(1);
    HS_CHECK_EQ(gate_create(1, 1, 1), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->birth_fence, gate_seq);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_ACTIVE);
    HS_CHECK_EQ(gate_job(1)->event_count, 1);
}

static void plans_and_records_of_known_jobs_are_needed(void)
{
    struct hs_ledger_digest plan = {.bytes = {7}}, record = {.bytes = {200}};

    gate_begin();
    HS_CHECK(!hs_gate_fsm_needs_blob(&gate_machine, &plan));
    (void)gate_create(1, 1, 1);
    HS_CHECK(hs_gate_fsm_needs_blob(&gate_machine, &plan));
    HS_CHECK(!hs_gate_fsm_needs_blob(&gate_machine, &record));
    (void)gate_end_workflow(1, 0, 0, HS_WORKFLOW_COMPLETED, 200);
    (void)gate_end_slot(1, 0, HS_JOB_COMPLETED);
    HS_CHECK(hs_gate_fsm_needs_blob(&gate_machine, &record));
    (void)gate_expire(1);
    HS_CHECK(!hs_gate_fsm_needs_blob(&gate_machine, &plan));
    HS_CHECK(!hs_gate_fsm_needs_blob(&gate_machine, &record));
}

/* ---- bytes ---- */

static struct hs_gate_entry sample(enum hs_gate_entry_kind kind)
{
    struct hs_gate_entry entry = gate_create_entry(3, 7, 2);

    entry.as.create.created_wall_ns = 9;
    if (kind == HS_GATE_RESULTS) {
        entry = gate_results_entry(3, 1, 99);
        gate_add_item(&entry, 2, HS_WORKFLOW_FAILED, 9);
        gate_add_item(&entry, HS_WORKFLOW_ALL, HS_JOB_FAILED, 0);
        entry.as.results.elapsed_ns = 9;
        (void)snprintf(entry.as.results.reason, sizeof entry.as.results.reason, "because");
    } else if (kind != HS_GATE_JOB_CREATE) {
        memset(&entry, 0, sizeof entry);
        entry.kind = kind;
        if (kind == HS_GATE_EXPIRE) {
            entry.as.expire.count = 2;
            gate_fill_id(entry.as.expire.job_ids[1], 77);
        } else if (kind == HS_GATE_DC_SLOT) {
            gate_fill_id(entry.as.slot.job_id, 4);
            entry.as.slot.slot = 1;
            entry.as.slot.op = HS_GATE_SLOT_REFUSED;
            entry.as.slot.manager_fence = UINT64_MAX;
            (void)snprintf(entry.as.slot.reason, sizeof entry.as.slot.reason, "no");
        } else if (kind == HS_GATE_CANCEL) {
            gate_fill_id(entry.as.cancel.job_id, 4);
            gate_fill_id(entry.as.cancel.request_id, 5);
            entry.as.cancel.workflow = HS_WORKFLOW_ALL;
            entry.as.cancel.cascade = 1;
        } else if (kind == HS_GATE_DEADLINE) {
            entry.as.deadline.kind = HS_GATE_DEADLINE_GRACE;
        }
    }
    return entry;
}

static void every_entry_survives_its_bytes_and_no_part_of_them_does(void)
{
    gate_begin();
    for (int kind = HS_GATE_LEADER; kind < HS_GATE_ENTRY_KIND_END; kind++) {
        struct hs_gate_entry entry = sample((enum hs_gate_entry_kind)kind), back;
        uint8_t              memory[HS_LEDGER_ENTRY_BYTES_MAX];
        struct hs_writer     writer;
        size_t               late_bytes;

        hs_writer_init(&writer, memory, sizeof memory);
        hs_gate_entry_put(&writer, &entry);
        HS_CHECK_EQ(hs_writer_finish(&writer), 0);
        HS_CHECK_EQ(hs_gate_entry_get(hs_view_of(memory, writer.used_bytes), &back), 0);
        HS_CHECK(memcmp(&entry, &back, sizeof entry) == 0);
        /* what came to the end of these later, one byte each here, may be missing */
        late_bytes = kind == HS_GATE_RESULTS ? 2 : kind == HS_GATE_JOB_CREATE;
        for (size_t bytes = 0; bytes < writer.used_bytes - late_bytes; bytes++)
            HS_CHECK_EQ(hs_gate_entry_get(hs_view_of(memory, bytes), &back), -EPROTO);
        hs_put_u8(&writer, 0);
        HS_CHECK_EQ(hs_gate_entry_get(hs_view_of(memory, writer.used_bytes), &back), -EPROTO);
    }
}

static void the_largest_entries_fit_the_ledger(void)
{
    struct hs_gate_entry entry = gate_results_entry(1, 3, UINT64_MAX);
    uint8_t              memory[HS_LEDGER_ENTRY_BYTES_MAX];
    struct hs_writer     writer;

    gate_begin();
    for (unsigned i = 0; i < HS_GATE_ENTRY_ITEMS; i++) gate_add_item(&entry, 255, 8, 1);
    memset(entry.as.results.reason, 'x', sizeof entry.as.results.reason - 1);
    hs_writer_init(&writer, memory, sizeof memory);
    hs_gate_entry_put(&writer, &entry);
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
    memset(&entry, 0, sizeof entry);
    entry.kind = HS_GATE_EXPIRE;
    entry.as.expire.count = HS_GATE_ENTRY_IDS;
    hs_writer_init(&writer, memory, sizeof memory);
    hs_gate_entry_put(&writer, &entry);
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
}

static void unknown_kinds_and_operations_are_malformed(void)
{
    uint8_t              memory[256] = {0};
    struct hs_gate_entry back;
    struct hs_writer     writer;

    gate_begin();
    HS_CHECK_EQ(hs_gate_entry_get(hs_view_of(memory, 1), &back), -EPROTO);
    memory[0] = HS_GATE_ENTRY_KIND_END;
    HS_CHECK_EQ(hs_gate_entry_get(hs_view_of(memory, 1), &back), -EPROTO);
    for (unsigned op = 0; op < 4; op++) {
        struct hs_gate_entry entry = sample(HS_GATE_DC_SLOT);

        entry.as.slot.op = (uint8_t)op;
        hs_writer_init(&writer, memory, sizeof memory);
        hs_gate_entry_put(&writer, &entry);
        HS_CHECK_EQ(hs_gate_entry_get(hs_view_of(memory, writer.used_bytes), &back),
                    op == 1 || op == 2 ? 0 : -EPROTO);
    }
}

/* A machine with jobs in every phase. */
static void fill_machine(void)
{
    struct hs_gate_entry leader = {.kind = HS_GATE_LEADER};

    (void)gate_apply(&leader);
    for (unsigned i = 1; i <= 8; i++) (void)gate_create(i, (uint16_t)i, (uint16_t)(1 + i % 2));
    (void)gate_end_slot(3, 0, HS_JOB_COMPLETED); /* leaves a hole in the table */
    (void)gate_end_slot(3, 1, HS_JOB_COMPLETED);
    (void)gate_expire(3);
    (void)gate_set_slot(2, 0, HS_GATE_SLOT_ACCEPTED, 44);
    (void)gate_cancel(2, 1, 60, 1);
    (void)gate_cancel(4, HS_WORKFLOW_ALL, 61, 1);
    (void)gate_deadline(5, HS_GATE_DEADLINE_TIMEOUT);
    (void)gate_end_workflow(6, 0, 4, HS_WORKFLOW_FAILED, 9);
    (void)gate_end_workflow(6, 0, 1, HS_WORKFLOW_COMPLETED, 8);
    (void)gate_end_slot(6, 0, HS_JOB_FAILED);
    (void)gate_end_workflow(7, 1, 3, HS_WORKFLOW_COMPLETED, 10);
    (void)gate_end_workflow(7, 0, 3, HS_WORKFLOW_COMPLETED, 11);
}

static size_t save(uint8_t *memory, size_t capacity)
{
    struct hs_writer writer;

    hs_writer_init(&writer, memory, capacity);
    hs_gate_fsm_save(&gate_machine, &writer);
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
    return writer.used_bytes;
}

static void a_snapshot_restores_everything_that_is_decided(void)
{
    static uint8_t again[1 << 20];
    size_t         bytes;
    uint32_t       reserved, active, count;

    gate_begin();
    fill_machine();
    reserved = gate_machine.reserved_records;
    active = gate_machine.active_count;
    count = gate_machine.job_count;
    bytes = save(snapshot_memory, sizeof snapshot_memory);
    HS_CHECK_EQ(hs_gate_fsm_restore(&gate_machine, hs_view_of(snapshot_memory, bytes)), 0);
    HS_CHECK_EQ(gate_machine.reserved_records, reserved);
    HS_CHECK_EQ(gate_machine.active_count, active);
    HS_CHECK_EQ(gate_machine.job_count, count);
    HS_CHECK_EQ(save(again, sizeof again), bytes);
    HS_CHECK(memcmp(again, snapshot_memory, bytes) == 0);
    HS_CHECK_EQ(gate_job(2)->slots[0].manager_fence, 44);
    HS_CHECK_EQ(gate_job(2)->workflow_cancels[1], HS_GATE_WORKFLOW_CASCADED);
    HS_CHECK_EQ(gate_count_records(gate_job(7)), 2);
    HS_CHECK_TEXT(gate_job(4)->reason, "cancel 61");
    HS_CHECK_EQ(gate_job(3)->phase, HS_GATE_FREE);
}

/* The same entries after a restart do the same as without. */
static void a_restored_machine_goes_on_like_the_other(void)
{
    static uint8_t            other[1 << 20];
    struct hs_rand            rand;
    size_t                    bytes[2];
    static struct hs_gate_fsm kept;
    uint64_t                  seq;

    gate_begin();
    fill_machine();
    bytes[0] = save(snapshot_memory, sizeof snapshot_memory);
    kept = gate_machine;
    seq = gate_seq;
    for (unsigned turn = 0; turn < 2; turn++) {
        gate_machine = kept;
        gate_seq = seq;
        if (turn == 1)
            HS_CHECK_EQ(hs_gate_fsm_restore(&gate_machine, hs_view_of(snapshot_memory, bytes[0])),
                        0);
        hs_rand_init(&rand, 12);
        for (unsigned i = 0; i < 500; i++) {
            unsigned number = 1 + (unsigned)hs_rand_below(&rand, 9);
            uint16_t workflow = (uint16_t)hs_rand_below(&rand, 4);

            switch (hs_rand_below(&rand, 7)) {
            case 0: (void)gate_create(number, 4, 2); break;
            case 1: (void)gate_set_slot(number, 0, HS_GATE_SLOT_ACCEPTED, i); break;
            case 2: (void)gate_cancel(number, workflow, i, 1); break;
            case 3: (void)gate_end_workflow(number, 0, workflow, HS_WORKFLOW_COMPLETED, 3); break;
            case 4:
                (void)gate_end_slot(number, (uint16_t)hs_rand_below(&rand, 2), HS_JOB_FAILED);
                break;
            case 5: (void)gate_deadline(number, 1 + (unsigned)hs_rand_below(&rand, 2)); break;
            default: (void)gate_expire(number); break;
            }
        }
        bytes[1] = save(turn ? other : snapshot_memory + (2 << 20), 1 << 20);
    }
    HS_CHECK(memcmp(other, snapshot_memory + (2 << 20), bytes[1]) == 0);
}

/* Times came to entries and snapshots later, at their ends. */
static void logs_from_before_there_were_times_are_read(void)
{
    struct hs_gate_entry entry = gate_create_entry(1, 1, 1);
    uint8_t              memory[HS_LEDGER_ENTRY_BYTES_MAX];
    struct hs_writer     writer;
    size_t               bytes;

    gate_begin();
    hs_writer_init(&writer, memory, sizeof memory);
    hs_gate_entry_put(&writer, &entry);
    HS_CHECK_EQ(hs_gate_fsm_apply(&gate_machine, 1, hs_view_of(memory, writer.used_bytes - 1)),
                HS_RESULT_OK);
    bytes = save(snapshot_memory, sizeof snapshot_memory);
    snapshot_memory[0] = 1;
    memmove(snapshot_memory + bytes - 4, snapshot_memory + bytes - 2, 2); /* but for the records */
    HS_CHECK_EQ(hs_gate_fsm_restore(&gate_machine, hs_view_of(snapshot_memory, bytes - 2)), 0);
    HS_CHECK_TEXT(gate_job(1)->name, "job 1");
    snapshot_memory[0] = 3;
    HS_CHECK_EQ(hs_gate_fsm_restore(&gate_machine, hs_view_of(snapshot_memory, bytes - 2)),
                -EPROTO);
}

static void a_snapshot_that_is_cut_is_refused(void)
{
    size_t bytes;

    gate_begin();
    fill_machine();
    bytes = save(snapshot_memory, sizeof snapshot_memory);
    for (size_t i = 0; i < bytes; i++)
        HS_CHECK_EQ(hs_gate_fsm_restore(&gate_machine, hs_view_of(snapshot_memory, i)), -EPROTO);
    snapshot_memory[bytes] = 0;
    HS_CHECK_EQ(hs_gate_fsm_restore(&gate_machine, hs_view_of(snapshot_memory, bytes + 1)),
                -EPROTO);
}

/* What is not refused keeps the invariants that the rest of the gate indexes by. */
static void a_damaged_snapshot_is_refused_or_sound(void)
{
    struct hs_rand rand;
    size_t         bytes;
    unsigned       refused = 0;

    gate_begin();
    fill_machine();
    bytes = save(snapshot_memory, sizeof snapshot_memory);
    hs_rand_init(&rand, 5);
    for (unsigned turn = 0; turn < 3000; turn++) {
        size_t  at = (size_t)hs_rand_below(&rand, bytes);
        uint8_t was = snapshot_memory[at];

        snapshot_memory[at] = (uint8_t)hs_rand_next(&rand);
        if (hs_gate_fsm_restore(&gate_machine, hs_view_of(snapshot_memory, bytes)) != 0) {
            refused++;
        } else {
            for (uint32_t i = 0; i < gate_machine.job_high; i++) {
                const struct hs_gate_job *at_job = &gate_machine.jobs[i];

                if (at_job->phase == HS_GATE_FREE) continue;
                HS_CHECK(at_job->slot_count >= 1 && at_job->slot_count <= HS_GATE_SLOTS_MAX);
                HS_CHECK(at_job->workflow_count >= 1);
                HS_CHECK(at_job->phase != HS_GATE_DONE || hs_gate_is_final(at_job->final));
                HS_CHECK_EQ(gate_count_records(at_job), at_job->record_count);
            }
            HS_CHECK(gate_machine.reserved_records <= HS_GATE_RECORDS_MAX);
        }
        snapshot_memory[at] = was;
    }
    HS_CHECK(refused > 300);
}

static void a_full_machine_fits_the_snapshot(void)
{
    gate_begin();
    for (unsigned i = 0; i < HS_GATE_JOBS_MAX; i++)
        HS_CHECK_EQ(gate_create(1 + i, i < 4 ? HS_WORKFLOWS_MAX : 1, 1), HS_RESULT_OK);
    for (unsigned i = 0; i < 4; i++)
        for (uint16_t k = 0; k < HS_WORKFLOWS_MAX; k++)
            (void)gate_end_workflow(1 + i, 0, k, HS_WORKFLOW_COMPLETED, 1);
    HS_CHECK(save(snapshot_memory, sizeof snapshot_memory) < sizeof snapshot_memory / 4);
}

CU_TestInfo hs_tests_gate_snapshot[] = {
    {"logs from before there were times are read", logs_from_before_there_were_times_are_read},
    {"twice as many jobs as fit are refused and room comes back",
     twice_as_many_jobs_as_fit_are_refused_and_room_comes_back},
    {"records are reserved with the job", records_are_reserved_with_the_job},
    {"what was reserved and not used comes back with the end",
     what_was_reserved_and_not_used_comes_back_with_the_end},
    {"records come by workflow then datacenter", records_come_by_workflow_then_datacenter},
    {"jobs are found after others of their bucket have gone",
     jobs_are_found_after_others_of_their_bucket_have_gone},
    {"a retry after expiry is a new job", a_retry_after_expiry_is_a_new_job},
    {"plans and records of known jobs are needed", plans_and_records_of_known_jobs_are_needed},
    {"every entry survives its bytes and no part of them does",
     every_entry_survives_its_bytes_and_no_part_of_them_does},
    {"the largest entries fit the ledger", the_largest_entries_fit_the_ledger},
    {"unknown kinds and operations are malformed", unknown_kinds_and_operations_are_malformed},
    {"a snapshot restores everything that is decided",
     a_snapshot_restores_everything_that_is_decided},
    {"a restored machine goes on like the other", a_restored_machine_goes_on_like_the_other},
    {"a snapshot that is cut is refused", a_snapshot_that_is_cut_is_refused},
    {"a damaged snapshot is refused or sound", a_damaged_snapshot_is_refused_or_sound},
    {"a full machine fits the snapshot", a_full_machine_fits_the_snapshot},
    CU_TEST_INFO_NULL,
};
