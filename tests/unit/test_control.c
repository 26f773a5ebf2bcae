// SPDX-License-Identifier: Apache-2.0
/* test_control.c - records between supervisor and roles, kinds of processes and their pages. */
#include "roles/control.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

static void a_record_is_accepted_from_its_sender_only(void)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_READY, NULL);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_GATE), 0);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_NONE), -EPROTO);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_CLIENT), -EPROTO);
    hs_control_init(&record, HS_CONTROL_STOP, NULL);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_NONE), 0);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_CLIENT), 0);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_WORKER), -EPROTO);
}

static void a_link_needs_its_descriptor_and_nothing_else_may_bring_one(void)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_LINK, NULL);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, true, HS_ROLE_NONE), 0);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_NONE), -EPROTO);
    hs_control_init(&record, HS_CONTROL_DRAIN, NULL);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, true, HS_ROLE_NONE), -EPROTO);
}

static void only_the_console_requests_and_only_known_verbs(void)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_REQUEST, "engine.0");
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_CONSOLE), -EPROTO);
    record.verb = HS_VERB_RESTART;
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_CONSOLE), 0);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_ENGINE), -EPROTO);
    record.verb = HS_VERB_COUNT;
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_CONSOLE), -EPROTO);
    HS_CHECK_EQ(hs_control_verb_from_name("reload"), HS_VERB_RELOAD);
    HS_CHECK_EQ(hs_control_verb_from_name("none"), HS_VERB_NONE);
}

static void nonsense_is_refused(void)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_READY, NULL);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record - 1, false, HS_ROLE_GATE), -EPROTO);
    record.peer = HS_ROLE_KIND_COUNT;
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_GATE), -EPROTO);
    hs_control_init(&record, HS_CONTROL_READY, NULL);
    record.idx = HS_ENGINES_MAX;
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_GATE), -EPROTO);
    hs_control_init(&record, HS_CONTROL_TYPE_COUNT, NULL);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_GATE), -EPROTO);
    hs_control_init(&record, HS_CONTROL_RESOLVE, NULL);
    memset(record.text, 'a', sizeof record.text);
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_GATE), -EPROTO);
    record.text[HS_HOST_NAME_BYTES] = '\0'; /* ends, but no name is that long */
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_GATE), -EPROTO);
    record.text[HS_HOST_NAME_BYTES - 1] = '\0';
    HS_CHECK_EQ(hs_control_check(&record, sizeof record, false, HS_ROLE_GATE), 0);
}

static void text_is_cut_and_terminated(void)
{
    char                     text[2 * HS_CONTROL_TEXT_BYTES];
    struct hs_control_record record;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    hs_control_init(&record, HS_CONTROL_DEATH, text);
    HS_CHECK_EQ(strlen(record.text), HS_CONTROL_TEXT_BYTES - 1);
}

static void every_process_has_one_page_and_one_name(void)
{
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        char              name[HS_PROCESS_NAME_BYTES];
        unsigned          idx;
        enum hs_role_kind kind = hs_process_kind_at(i, &idx);

        HS_CHECK_EQ(hs_process_idx_of(kind, idx), i);
        hs_process_name(kind, idx, name);
        HS_CHECK_EQ(hs_process_idx_from_name(name), i);
        HS_CHECK_EQ(hs_role_kind_from_name(hs_role_kind_name(kind)), kind);
    }
    HS_CHECK_EQ(hs_process_idx_from_name("engine.64"), -ENOENT);
    HS_CHECK_EQ(hs_process_idx_from_name("engine"), -ENOENT);
    HS_CHECK_EQ(hs_process_idx_from_name(""), -ENOENT);
}

CU_TestInfo hs_tests_control[] = {
    {"a record is accepted from its sender only", a_record_is_accepted_from_its_sender_only},
    {"a link needs its descriptor and nothing else may bring one",
     a_link_needs_its_descriptor_and_nothing_else_may_bring_one},
    {"only the console requests and only known verbs",
     only_the_console_requests_and_only_known_verbs},
    {"nonsense is refused", nonsense_is_refused},
    {"text is cut and terminated", text_is_cut_and_terminated},
    {"every process has one page and one name", every_process_has_one_page_and_one_name},
    CU_TEST_INFO_NULL,
};
