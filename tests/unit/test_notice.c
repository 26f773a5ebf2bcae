// SPDX-License-Identifier: Apache-2.0
/* test_notice.c - events have names, their texts are harmless, and floods of them are thinned
 * out but counted. */
#include "roles/notice.h"

#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

static void every_kind_has_a_name_of_its_own(void)
{
    for (unsigned a = 0; a < HS_NOTICE_KIND_COUNT; a++) {
        HS_CHECK(hs_notice_kind_name(a) != NULL);
        for (unsigned b = 0; b < a; b++)
            HS_CHECK(strcmp(hs_notice_kind_name(a), hs_notice_kind_name(b)) != 0);
    }
    HS_CHECK_TEXT(hs_notice_kind_name(HS_NOTICE_CRASH_LOOP), "crash_loop");
    HS_CHECK_TEXT(hs_notice_kind_name(HS_NOTICE_KIND_COUNT), "?");
    HS_CHECK_TEXT(hs_notice_kind_name(UINT64_MAX), "?");
}

static void texts_are_cut_and_controls_hidden(void)
{
    struct hs_event_record record;
    char                   flood[2 * HS_EVENT_TEXT_BYTES];

    memset(flood, 'x', sizeof flood - 1);
    flood[sizeof flood - 1] = 0;
    flood[1] = 27;
    flood[2] = '\n';
    hs_notice_fill(&record, HS_NOTICE_JOB_REFUSED, flood, 7, "%s", flood);
    HS_CHECK_EQ(strlen(record.text), HS_EVENT_TEXT_BYTES - 1);
    HS_CHECK_EQ(strlen(record.about), HS_EVENT_ABOUT_BYTES - 1);
    HS_CHECK(strncmp(record.text, "x??x", 4) == 0);
    HS_CHECK(strncmp(record.about, "x??x", 4) == 0);
    HS_CHECK_EQ(record.number, 7);
}

static bool pass(struct hs_notice_limit *limit, uint64_t at_ns, struct hs_event_record *record)
{
    hs_notice_fill(record, HS_NOTICE_JOB_REFUSED, "", 1, "at %u", (unsigned)at_ns);
    record->at_ns = at_ns;
    return hs_notice_limit_pass(limit, record);
}

static void a_flood_is_one_a_second_and_none_is_left_uncounted(void)
{
    struct hs_notice_limit limit = {0};
    struct hs_event_record record;
    uint64_t               told = 0;
    unsigned               written = 0;

    for (uint64_t i = 0; i < 10000; i++) /* one each millisecond */
        if (pass(&limit, (i + 1) * HS_NS_PER_MS, &record)) {
            written++;
            told += record.number;
        }
    HS_CHECK_EQ(written, 10);
    HS_CHECK(!hs_notice_limit_release(&limit, 10000 * HS_NS_PER_MS, &record));
    HS_CHECK(hs_notice_limit_release(&limit, 11001 * HS_NS_PER_MS, &record));
    HS_CHECK_EQ(told + record.number, 10000);
    HS_CHECK_EQ(record.at_ns, 10000 * HS_NS_PER_MS); /* when it happened, not when it is told */
    HS_CHECK(!hs_notice_limit_release(&limit, HS_NEVER_NS, &record));
}

static void only_what_anybody_may_cause_is_limited(void)
{
    unsigned limited = 0;

    for (unsigned kind = 0; kind < HS_NOTICE_KIND_COUNT; kind++)
        if (hs_notice_limit_idx(kind) >= 0) limited++;
    HS_CHECK_EQ(limited, HS_NOTICE_LIMITS);
    HS_CHECK_EQ(hs_notice_limit_idx(HS_NOTICE_DIED), -1);
    HS_CHECK_EQ(hs_notice_limit_idx(HS_NOTICE_JOB_ENDED), -1);
}

CU_TestInfo hs_tests_notice[] = {
    {"every kind has a name of its own", every_kind_has_a_name_of_its_own},
    {"texts are cut and controls hidden", texts_are_cut_and_controls_hidden},
    {"a flood is one a second, and none is left uncounted",
     a_flood_is_one_a_second_and_none_is_left_uncounted},
    {"only what anybody may cause is limited", only_what_anybody_may_cause_is_limited},
    CU_TEST_INFO_NULL,
};
