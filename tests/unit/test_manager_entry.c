// SPDX-License-Identifier: Apache-2.0
/* test_manager_entry.c - every kind of decision reads back as it was written, and nothing else
 * does. */
#include "roles/manager/manager_entry.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

static struct hs_manager_entry written, seen;
static uint8_t                 memory[HS_LEDGER_ENTRY_BYTES_MAX];

/* Random content, in the bounds that an encoder keeps. */
static void fill_entry(enum hs_manager_entry_kind kind)
{
    uint8_t *bytes = (uint8_t *)&written;

    for (size_t i = 0; i < sizeof written; i++) bytes[i] = (uint8_t)(i * 31 + 7);
    if (kind == HS_MANAGER_ACCEPT) {
        struct hs_manager_accept *accept = &written.accept;

        memset(accept->name, 'n', sizeof accept->name - 1);
        accept->name[sizeof accept->name - 1] = '\0';
        accept->workflow_count = HS_WORKFLOWS_MAX;
        for (unsigned i = 0; i < HS_WORKFLOWS_MAX; i++)
            accept->dependency_end[i] =
                (uint16_t)(i * HS_DEPENDENCIES_TOTAL_MAX / (HS_WORKFLOWS_MAX - 1));
    }
    if (kind == HS_MANAGER_ASSIGN) written.assign.count = HS_SHARDS_MAX;
    if (kind == HS_MANAGER_EXPIRE) written.expire.count = HS_MANAGER_EXPIRE_MAX;
    if (kind == HS_MANAGER_END) {
        written.end.outcome = HS_OUTCOME_LOST;
        memset(written.end.text, 0, sizeof written.end.text);
        memset(written.end.backend, 0, sizeof written.end.backend);
        (void)snprintf(written.end.text, sizeof written.end.text, "its worker is gone");
    }
    written.kind = kind;
}

static size_t write_entry(void)
{
    struct hs_writer writer;

    hs_writer_init(&writer, memory, sizeof memory);
    hs_manager_entry_put(&writer, &written);
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
    return writer.used_bytes;
}

static void every_kind_reads_back_and_fits_the_log(void)
{
    static uint8_t again[HS_LEDGER_ENTRY_BYTES_MAX];

    for (unsigned kind = HS_MANAGER_LEADER; kind < HS_MANAGER_KIND_COUNT; kind++) {
        size_t bytes;

        fill_entry((enum hs_manager_entry_kind)kind);
        bytes = write_entry();
        HS_CHECK_EQ(hs_manager_entry_get(&seen, hs_view_of(memory, bytes)), 0);
        memcpy(again, memory, bytes);
        written = seen;
        HS_CHECK_EQ(write_entry(), bytes);
        HS_CHECK_EQ(memcmp(again, memory, bytes), 0);
    }
}

static void an_entry_cut_anywhere_is_refused(void)
{
    for (unsigned kind = HS_MANAGER_LEADER; kind < HS_MANAGER_KIND_COUNT; kind++) {
        size_t bytes;

        fill_entry((enum hs_manager_entry_kind)kind);
        bytes = write_entry();
        for (size_t cut = 0; cut < bytes; cut += 1 + cut / 20) {
            uint8_t *copy = malloc(cut ? cut : 1);

            memcpy(copy, memory, cut);
            HS_CHECK_EQ(hs_manager_entry_get(&seen, hs_view_of(copy, cut)), -EPROTO);
            free(copy);
        }
        memory[bytes] = 0;
        HS_CHECK_EQ(hs_manager_entry_get(&seen, hs_view_of(memory, bytes + 1)), -EPROTO);
    }
}

static void an_unknown_kind_or_version_is_refused(void)
{
    static const uint8_t strange[][2] = {{1, 0}, {1, HS_MANAGER_KIND_COUNT}, {2, 1}};

    for (unsigned i = 0; i < 3; i++)
        HS_CHECK_EQ(hs_manager_entry_get(&seen, hs_view_of(strange[i], 2)), -EPROTO);
}

static void a_dependency_on_no_workflow_is_refused(void)
{
    fill_entry(HS_MANAGER_ACCEPT);
    written.accept.workflow_count = 2;
    written.accept.dependency_end[0] = 0;
    written.accept.dependency_end[1] = 1;
    written.accept.dependencies[0] = 1;
    HS_CHECK_EQ(hs_manager_entry_get(&seen, hs_view_of(memory, write_entry())), 0);
    written.accept.dependencies[0] = 2;
    HS_CHECK_EQ(hs_manager_entry_get(&seen, hs_view_of(memory, write_entry())), -EPROTO);
}

CU_TestInfo hs_tests_manager_entry[] = {
    {"every kind reads back and fits the log", every_kind_reads_back_and_fits_the_log},
    {"an entry cut anywhere is refused", an_entry_cut_anywhere_is_refused},
    {"an unknown kind or version is refused", an_unknown_kind_or_version_is_refused},
    {"a dependency on no workflow is refused", a_dependency_on_no_workflow_is_refused},
    CU_TEST_INFO_NULL,
};
