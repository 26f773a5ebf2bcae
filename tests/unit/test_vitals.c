// SPDX-License-Identifier: Apache-2.0
/* test_vitals.c - the page of a process through a life: reset, start, ready, work, panic, death;
 * and the host's page. */
#include "shm/vitals.h"

#include "shm/host.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdalign.h>

static alignas(4096) struct hs_vitals_shm page;

static struct hs_vitals loaded(void)
{
    struct hs_vitals vitals;

    hs_vitals_load(&page, &vitals);
    return vitals;
}

static void open_page(void)
{
    memset(&page, 0xff, sizeof page); /* a predecessor's leavings */
    hs_vitals_reset(&page, 4, 2, 1, 1000);
}

static void a_reset_page_is_a_process_that_starts(void)
{
    struct hs_vitals vitals;

    open_page();
    vitals = loaded();
    HS_CHECK_EQ(vitals.state, HS_VITALS_STARTING);
    HS_CHECK_EQ(vitals.generation, 4);
    HS_CHECK_EQ(vitals.role_kind, 2);
    HS_CHECK_EQ(vitals.role_idx, 1);
    HS_CHECK_EQ(vitals.started_at_ns, 1000);
    HS_CHECK_EQ(vitals.heartbeat_ns, 1000);
    HS_CHECK_EQ(vitals.ready_at_ns, 0);
    HS_CHECK_EQ(vitals.pid, 0);
    HS_CHECK_EQ(vitals.loop_count, 0);
    HS_CHECK_EQ(vitals.crumb.message_type, 0);
    HS_CHECK_EQ(vitals.panic_at_ns, 0);
    HS_CHECK_TEXT(vitals.panic, "");
    HS_CHECK_TEXT(vitals.backend, "");
}

static void ready_is_stamped_the_first_time(void)
{
    open_page();
    hs_vitals_enter(&page, HS_VITALS_READY, 2000);
    hs_vitals_enter(&page, HS_VITALS_DRAINING, 3000);
    HS_CHECK_EQ(loaded().state, HS_VITALS_DRAINING);
    hs_vitals_enter(&page, HS_VITALS_READY, 4000);
    HS_CHECK_EQ(loaded().ready_at_ns, 2000);
    HS_CHECK_EQ(loaded().heartbeat_ns, 4000);
}

static void beats_and_phases_are_seen(void)
{
    open_page();
    hs_vitals_set_pid(&page, 77);
    hs_vitals_set_confinement(&page, 5);
    hs_vitals_set_backend(&page, "io_uring");
    hs_vitals_beat(&page, 1500, 0);
    hs_vitals_beat(&page, 1600, 0);
    hs_vitals_set_phase(&page, HS_VITALS_FSYNC, 1700);
    HS_CHECK_EQ(loaded().pid, 77);
    HS_CHECK_EQ(loaded().confinement_bits, 5);
    HS_CHECK_EQ(loaded().loop_count, 2);
    HS_CHECK_EQ(loaded().heartbeat_ns, 1700);
    HS_CHECK_EQ(loaded().phase, HS_VITALS_FSYNC);
    HS_CHECK_TEXT(loaded().backend, "io_uring");
}

static void the_worst_lag_is_kept_until_it_is_taken(void)
{
    open_page();
    hs_vitals_beat(&page, 1, 10);
    hs_vitals_beat(&page, 2, 50);
    hs_vitals_beat(&page, 3, 20);
    HS_CHECK_EQ(loaded().loop_lag_ns, 50);
    HS_CHECK_EQ(hs_vitals_take_lag(&page), 50);
    HS_CHECK_EQ(hs_vitals_take_lag(&page), 0); /* no beat since */
    hs_vitals_beat(&page, 4, 5);
    hs_vitals_beat(&page, 5, 3);
    HS_CHECK_EQ(hs_vitals_take_lag(&page), 5);
}

static void the_last_word_outlives_the_process(void)
{
    const struct hs_vitals_crumb crumb = {
        .phase = 3, .message_type = 17, .job_id = {1, 2}, .digest = 0xfeed};
    struct hs_vitals vitals;
    char             text[2 * HS_VITALS_PANIC_BYTES];

    open_page();
    memset(text, 'p', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    hs_vitals_drop_crumb(&page, &crumb);
    hs_vitals_panic(&page, 0, text);
    hs_vitals_mark_dead(&page);
    vitals = loaded();
    HS_CHECK_EQ(vitals.state, HS_VITALS_DEAD);
    HS_CHECK_EQ(vitals.crumb.phase, 3);
    HS_CHECK_EQ(vitals.crumb.message_type, 17);
    HS_CHECK_EQ(vitals.crumb.job_id[0], 1);
    HS_CHECK_EQ(vitals.crumb.job_id[1], 2);
    HS_CHECK_EQ(vitals.crumb.digest, 0xfeed);
    HS_CHECK_EQ(strlen(vitals.panic), HS_VITALS_PANIC_BYTES - 1);
    HS_CHECK_EQ(vitals.panic_at_ns, 1);
}

static void later_words_come_behind_earlier_ones(void)
{
    char long_text[HS_VITALS_PANIC_BYTES];

    open_page();
    hs_vitals_panic(&page, 7, "assertion failed");
    hs_vitals_panic(&page, 8, "signal 6");
    HS_CHECK_TEXT(loaded().panic, "assertion failed; signal 6");
    HS_CHECK_EQ(loaded().panic_at_ns, 8);
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    hs_vitals_panic(&page, 9, long_text);
    HS_CHECK_EQ(strlen(loaded().panic), HS_VITALS_PANIC_BYTES - 1);
    hs_vitals_panic(&page, 9, "more");
    HS_CHECK_EQ(strncmp(loaded().panic, "assertion failed; signal 6; xxx", 31), 0);
}

static void a_page_full_of_nonsense_is_read_without_harm(void)
{
    struct hs_vitals vitals;

    memset(&page, 0xff, sizeof page);
    vitals = loaded();
    HS_CHECK_EQ(vitals.state, HS_VITALS_EMPTY);
    HS_CHECK_EQ(vitals.phase, HS_VITALS_NORMAL);
    HS_CHECK_EQ(strlen(vitals.panic), HS_VITALS_PANIC_BYTES - 1);
    HS_CHECK_EQ(strlen(vitals.backend), HS_VITALS_BACKEND_BYTES - 1);
}

static void states_and_phases_have_names(void)
{
    HS_CHECK_TEXT(hs_vitals_state_name(HS_VITALS_DRAINING), "draining");
    HS_CHECK_TEXT(hs_vitals_state_name(HS_VITALS_STATE_COUNT), "unknown");
    HS_CHECK_TEXT(hs_vitals_phase_name(HS_VITALS_SNAPSHOT), "snapshot");
    HS_CHECK_TEXT(hs_vitals_phase_name(HS_VITALS_PHASE_COUNT), "unknown");
}

static void the_host_s_page_is_read_as_it_was_written(void)
{
    static alignas(4096) struct hs_host_shm shm;
    const struct hs_host                    in = {.host_id = {1, 2},
                                                  .incarnation = 3,
                                                  .config_generation = 4,
                                                  .supervisor_pid = 5,
                                                  .supervisor_heartbeat_ns = 6,
                                                  .started_at_ns = 7};
    struct hs_host                          out;

    hs_host_init(&shm, &in);
    hs_host_beat(&shm, 66);
    hs_host_set_config_generation(&shm, 44);
    hs_host_set_draining(&shm, 1);
    hs_host_load(&shm, &out);
    HS_CHECK_EQ(out.host_id[0], 1);
    HS_CHECK_EQ(out.host_id[1], 2);
    HS_CHECK_EQ(out.incarnation, 3);
    HS_CHECK_EQ(out.config_generation, 44);
    HS_CHECK_EQ(out.supervisor_pid, 5);
    HS_CHECK_EQ(out.supervisor_heartbeat_ns, 66);
    HS_CHECK_EQ(out.started_at_ns, 7);
    HS_CHECK_EQ(out.draining, 1);
}

CU_TestInfo hs_tests_vitals[] = {
    {"a reset page is a process that starts", a_reset_page_is_a_process_that_starts},
    {"ready is stamped the first time", ready_is_stamped_the_first_time},
    {"beats and phases are seen", beats_and_phases_are_seen},
    {"the worst lag is kept until it is taken", the_worst_lag_is_kept_until_it_is_taken},
    {"the last word outlives the process", the_last_word_outlives_the_process},
    {"later words come behind earlier ones", later_words_come_behind_earlier_ones},
    {"a page full of nonsense is read without harm", a_page_full_of_nonsense_is_read_without_harm},
    {"states and phases have names", states_and_phases_have_names},
    {"the host's page is read as it was written", the_host_s_page_is_read_as_it_was_written},
    CU_TEST_INFO_NULL};
