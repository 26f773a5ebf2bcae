// SPDX-License-Identifier: Apache-2.0
/* test_star_directory.c - every manager lists every worker, one of them owns it, and nobody
 * believes what is old or not the teller's business. */
#include "tests/check.h"
#include "tests/unit/star_rig.h"
#include "tests/unit/suites.h"

#include <string.h>

enum { A, B, C, D };

static void tell(struct star_rig *rig, uint32_t to, uint32_t from,
                 const struct hs_star_entry *entry)
{
    struct hs_star_message news = {.kind = HS_STAR_NEWS};
    struct hs_node_id      sender = star_manager_id(from);
    uint8_t                bytes[256];
    struct hs_writer       out;

    hs_writer_init(&out, bytes, sizeof bytes);
    hs_star_put(&out, &news);
    HS_CHECK(hs_star_put_entry(&out, entry));
    hs_star_on_content(rig->managers[to].star, rig->now_ns, &sender,
                       hs_view_of(bytes, out.used_bytes));
}

static struct hs_star_entry entry_of(uint32_t worker, uint32_t owner, uint64_t epoch,
                                     uint32_t version)
{
    return (struct hs_star_entry){.worker = star_worker_id(worker),
                                  .incarnation = 1,
                                  .owner = star_manager_id(owner),
                                  .epoch = epoch,
                                  .version = version,
                                  .state = HS_STAR_REGISTERED,
                                  .cores_total = 2,
                                  .cores_free = 2,
                                  .name = "w"};
}

static void others_list_a_worker_that_registers_at_one(void)
{
    struct star_rig *rig = star_open(3, 1);

    star_connect(rig, 0, A);
    star_run(rig, 100 * HS_NS_PER_MS);
    HS_CHECK_EQ(star_state(rig, A, 0), HS_NODE_ALIVE);
    HS_CHECK_EQ(star_state(rig, B, 0), HS_NODE_REMOTE);
    HS_CHECK_EQ(star_state(rig, C, 0), HS_NODE_REMOTE);
    HS_CHECK_EQ(star_row(rig, B, 0)->cores, 2);
    HS_CHECK_TEXT(hs_star_owner_name(rig->managers[C].star, star_row(rig, C, 0)), "m0");
    HS_CHECK_EQ(hs_workers_usable_cores(star_row(rig, B, 0), rig->now_ns), 0);
    star_close(rig);
}

static void a_digest_finds_what_was_missed(void)
{
    struct star_rig *rig = star_open(3, 1);

    rig->is_lost[A][C] = true;
    star_connect(rig, 0, A);
    star_run(rig, 5 * HS_NS_PER_S);
    HS_CHECK(star_row(rig, B, 0) != NULL);
    HS_CHECK(star_row(rig, C, 0) == NULL);
    rig->is_lost[A][C] = false;
    star_run(rig, 31 * HS_NS_PER_S);
    HS_CHECK(star_row(rig, C, 0) && star_state(rig, C, 0) == HS_NODE_REMOTE);
    HS_CHECK_EQ(rig->managers[C].star->counts.lists, 1);
    star_close(rig);
}

static void an_owner_that_restarts_is_believed_at_once(void)
{
    struct star_rig *rig = star_open(2, 1);
    uint64_t         epoch;

    star_connect(rig, 0, A);
    star_run(rig, 10 * HS_NS_PER_S);
    for (unsigned i = 0; i < 5; i++) { /* many versions */
        rig->workers[0].is_up = false;
        star_run(rig, 5 * HS_NS_PER_S);
        rig->workers[0].is_up = true;
        star_run(rig, 3 * HS_NS_PER_S);
    }
    epoch = star_row(rig, B, 0)->word.epoch;
    HS_CHECK(star_row(rig, B, 0)->word.version > 5);
    star_restart_manager(rig, A);
    star_connect(rig, 0, A);
    star_run(rig, 300 * HS_NS_PER_MS);
    HS_CHECK_EQ(star_row(rig, B, 0)->word.epoch, epoch + 1);
    HS_CHECK_EQ(star_row(rig, B, 0)->word.version, 1);
    HS_CHECK_EQ(star_state(rig, B, 0), HS_NODE_REMOTE);
    star_close(rig);
}

static void an_older_epoch_is_ignored_whatever_its_version(void)
{
    struct star_rig     *rig = star_open(3, 1);
    struct hs_star_entry newer = entry_of(0, A, 4, 1);
    struct hs_star_entry older = entry_of(0, B, 3, 9);

    tell(rig, C, A, &newer);
    tell(rig, C, B, &older);
    HS_CHECK_EQ(star_row(rig, C, 0)->word.epoch, 4);
    HS_CHECK_EQ(rig->managers[C].star->counts.stale, 1);
    older = entry_of(0, B, 9, 9);
    older.incarnation = 2;
    newer.incarnation = 3;
    tell(rig, C, A, &newer);
    tell(rig, C, B, &older);
    HS_CHECK_EQ(star_row(rig, C, 0)->word.incarnation, 3);
    HS_CHECK_EQ(rig->managers[C].star->counts.stale, 2);
    star_close(rig);
}

static void the_workers_of_a_dead_owner_are_owned_again(void)
{
    struct star_rig *rig = star_open(3, 200);
    unsigned         of[STAR_MANAGERS] = {0};
    unsigned         mine[6], count = 0;

    for (uint32_t i = 0; i < 200; i++) star_connect_all(rig, i);
    star_run(rig, 5 * HS_NS_PER_S);
    for (uint32_t i = 0; i < 200; i++) {
        HS_CHECK(star_owner(rig, i) >= 0);
        of[star_owner(rig, i)]++;
        if (star_owner(rig, i) == A && count < 6) mine[count++] = i;
    }
    for (uint32_t i = 0; i < 3; i++) HS_CHECK(of[i] > 40 && of[i] < 95); /* of 200, in thirds */
    HS_CHECK_EQ(count, 6);
    star_kill_manager(rig, A);
    for (unsigned i = 0; i < 6; i++) HS_CHECK(star_row(rig, B, mine[i])->word.is_void);
    star_run(rig, 10 * HS_NS_PER_S);
    memset(of, 0, sizeof of);
    for (uint32_t i = 0; i < 200; i++) {
        HS_CHECK(star_owner(rig, i) == B || star_owner(rig, i) == C);
        of[star_owner(rig, i)]++;
    }
    HS_CHECK(of[B] > 75 && of[C] > 75);
    memset(of, 0, sizeof of);
    for (unsigned i = 0; i < 6; i++) of[star_owner(rig, mine[i])]++;
    HS_CHECK(of[B] >= 1 && of[B] <= 5);
    HS_CHECK_EQ(rig->noted_count[HS_NOTICE_WORKER_SUSPECT], 0);
    star_close(rig);
}

/* Those that only the dead one had a connection to cannot be of use in the same step. */
static void words_of_a_dead_owner_are_void_in_the_same_step(void)
{
    struct star_rig *rig = star_open(3, 6);

    for (uint32_t i = 0; i < 6; i++) star_connect(rig, i, A);
    star_run(rig, HS_NS_PER_S);
    for (uint32_t i = 0; i < 6; i++) HS_CHECK_EQ(star_state(rig, B, i), HS_NODE_REMOTE);
    star_show_manager(rig, A, false); /* suspected */
    for (uint32_t i = 0; i < 6; i++) {
        HS_CHECK_EQ(star_state(rig, B, i), HS_NODE_SUSPECT);
        HS_CHECK(star_row(rig, B, i)->is_lost);
    }
    star_show_manager(rig, A, true);
    for (uint32_t i = 0; i < 6; i++) HS_CHECK_EQ(star_state(rig, B, i), HS_NODE_REMOTE);
    star_close(rig);
}

static void a_word_about_the_worker_of_another_is_refused(void)
{
    struct star_rig     *rig = star_open(3, 1);
    struct hs_star_entry entry = entry_of(0, A, 1, 1);

    tell(rig, C, A, &entry);
    entry.version = 7;
    entry.state = HS_STAR_DEAD;
    tell(rig, C, B, &entry);
    HS_CHECK_EQ(rig->managers[C].star->counts.foreign, 1);
    HS_CHECK_EQ(star_row(rig, C, 0)->word.version, 1);
    HS_CHECK_EQ(star_state(rig, C, 0), HS_NODE_REMOTE);
    star_close(rig);
}

static void what_makes_no_sense_is_mended_or_refused(void)
{
    struct star_rig     *rig = star_open(2, 2);
    struct hs_star_entry entry = entry_of(0, A, 1, 1);
    struct hs_node_id    from = star_manager_id(A);

    entry.cores_free = 9;
    tell(rig, B, A, &entry);
    HS_CHECK_EQ(star_row(rig, B, 0)->word.cores_free, 2);
    HS_CHECK_EQ(rig->managers[B].star->counts.clamped, 1);
    entry = entry_of(1, A, 1, 0);
    tell(rig, B, A, &entry);
    entry = entry_of(1, A, 1, 1);
    memcpy(entry.name, "\033[2J", 5);
    tell(rig, B, A, &entry);
    hs_star_on_content(rig->managers[B].star, rig->now_ns, &from, hs_view_of("\x09", 1));
    hs_star_on_content(rig->managers[B].star, rig->now_ns, &from, hs_view_of("", 0));
    HS_CHECK_EQ(rig->managers[B].star->counts.malformed, 4);
    HS_CHECK(star_row(rig, B, 1) == NULL);
    entry = entry_of(1, A, 1, 1);
    entry.state = HS_STAR_DEAD; /* nobody knows it: no record of its death is made */
    tell(rig, B, A, &entry);
    HS_CHECK(star_row(rig, B, 1) == NULL);
    star_close(rig);
}

static void a_manager_that_comes_late_lists_all(void)
{
    enum { WORKERS = HS_WORKERS_MAX };
    struct star_rig *rig = star_open(4, WORKERS);
    uint64_t         began_ns;
    uint32_t         listed = 0;

    star_kill_manager(rig, D);
    for (uint32_t i = 0; i < WORKERS; i++) star_connect_all(rig, i);
    star_run(rig, 4 * HS_NS_PER_S);
    star_restart_manager(rig, D);
    star_show_manager(rig, D, true);
    began_ns = rig->now_ns;
    while (rig->managers[D].workers->count < WORKERS && rig->now_ns < began_ns + 10 * HS_NS_PER_S)
        star_run(rig, 100 * HS_NS_PER_MS);
    for (uint32_t i = 0; i < WORKERS; i++)
        listed += star_row(rig, D, i) && star_state(rig, D, i) == HS_NODE_REMOTE;
    HS_CHECK_EQ(listed, WORKERS);
    star_close(rig);
}

static bool is_empty(const struct star_rig *rig, uint32_t manager)
{
    static const struct hs_manager_worker none;
    const struct hs_workers              *workers = rig->managers[manager].workers;

    for (uint32_t i = 0; i < workers->high; i++)
        if (memcmp(&workers->at[i], &none, sizeof none) != 0) return false;
    return workers->count == 0 && rig->managers[manager].star->rounds_open == 0;
}

/* Each comes once and is never seen again; what was kept of it goes with its row. */
static void workers_that_come_and_go_leave_nothing(void)
{
    enum { ROUNDS = 25, AT_ONCE = 1000 };
    struct star_rig *rig = star_open(2, 1);
    uint32_t         link = 1 << 20;

    for (uint32_t i = 0; i < ROUNDS * AT_ONCE; i++) {
        struct hs_workers        *workers = rig->managers[A].workers;
        struct hs_manager_worker *row = NULL;
        struct hs_msg_wreg        wreg = {.incarnation = 1, .generation = 1, .cores = 1};
        struct hs_node_id         owner = star_manager_id(A);
        uint32_t                  id = i + 1;

        memcpy(wreg.worker, &id, sizeof id);
        if (hs_workers_register(workers, &wreg, ++link, rig->now_ns, &row) < 0) {
            star_run(rig, 80 * HS_NS_PER_S); /* all in it are lost by then, and give way */
            HS_CHECK_EQ(hs_workers_register(workers, &wreg, link, rig->now_ns, &row), 1);
        }
        hs_workers_take_owner(workers, row, owner.bytes, 1);
        hs_workers_link_down(workers, link);
        HS_CHECK(workers->count <= HS_WORKERS_MAX);
    }
    star_run(rig, 5 * HS_NS_PER_S);
    HS_CHECK(rig->managers[B].workers->count <= HS_WORKERS_MAX);
    star_run(rig, 310 * HS_NS_PER_S);
    HS_CHECK(is_empty(rig, A));
    HS_CHECK(is_empty(rig, B));
    star_close(rig);
}

static void a_dead_worker_leaves_all_tables_after_300_s(void)
{
    struct star_rig *rig = star_open(3, 2);

    star_connect_all(rig, 0);
    star_connect(rig, 1, A);
    star_run(rig, 3 * HS_NS_PER_S);
    rig->workers[0].is_up = rig->workers[1].is_up = false;
    star_run(rig, 295 * HS_NS_PER_S);
    for (uint32_t i = 0; i < 3; i++) HS_CHECK(star_row(rig, i, 0) != NULL);
    rig->workers[0].is_up = true; /* heard at 296 s: it stays */
    star_run(rig, 20 * HS_NS_PER_S);
    for (uint32_t i = 0; i < 3; i++) HS_CHECK_EQ(star_state(rig, i, 0), HS_NODE_ALIVE);
    star_run(rig, 20 * HS_NS_PER_S);
    for (uint32_t i = 0; i < 3; i++) HS_CHECK(star_row(rig, i, 1) == NULL);
    star_close(rig);
}

static void a_worker_that_comes_anew_as_its_time_ends_stays(void)
{
    struct star_rig *rig = star_open(2, 1);

    star_connect_all(rig, 0);
    star_run(rig, 3 * HS_NS_PER_S);
    rig->workers[0].is_up = false;
    star_run(rig, 298 * HS_NS_PER_S);
    rig->workers[0].is_up = true;
    rig->workers[0].incarnation = 2;
    hs_owner_init(&rig->workers[0].owner, star_worker_id(0).bytes, 5);
    rig->now_ns = star_row(rig, A, 0)->heard_at_ns + 300 * HS_NS_PER_S;
    star_connect_all(rig, 0);
    star_run(rig, HS_NS_PER_S);
    for (uint32_t i = 0; i < 2; i++) {
        HS_CHECK(star_row(rig, i, 0) && star_state(rig, i, 0) == HS_NODE_ALIVE);
        HS_CHECK_EQ(star_row(rig, i, 0)->incarnation, 2);
        HS_CHECK_EQ(star_row(rig, i, 0)->watch.condemned_at_ns, 0);
        HS_CHECK_EQ(star_row(rig, i, 0)->word.epoch >> 32, 5);
    }
    star_close(rig);
}

/* The ring tells of this manager as of any other. */
static void no_manager_is_a_peer_of_itself(void)
{
    struct star_rig      *rig = star_open(2, 1);
    const struct hs_star *star = rig->managers[A].star;
    struct hs_node_id     self = star_manager_id(A);
    struct hs_node_id     other = star_manager_id(B);
    unsigned              others = 0;

    hs_star_on_member(rig->managers[A].star, rig->now_ns, &self, "m0", true, true);
    for (unsigned i = 0; i < HS_STAR_PEERS_MAX; i++) {
        HS_CHECK(!hs_node_id_equal(&star->peers[i].id, &self));
        others += hs_node_id_equal(&star->peers[i].id, &other);
    }
    HS_CHECK_EQ(others, 1);
    star_close(rig);
}

CU_TestInfo hs_tests_star_directory[] = {
    {"19.1 others list a worker that registers at one within 100 ms",
     others_list_a_worker_that_registers_at_one},
    {"19.2 a digest finds what was missed", a_digest_finds_what_was_missed},
    {"19.3 an owner that restarts is believed at once", an_owner_that_restarts_is_believed_at_once},
    {"19.4 an older epoch is ignored whatever its version",
     an_older_epoch_is_ignored_whatever_its_version},
    {"19.5 the workers of a dead owner are owned again within 10 s, each once",
     the_workers_of_a_dead_owner_are_owned_again},
    {"19.5 words of a dead owner are void in the same step",
     words_of_a_dead_owner_are_void_in_the_same_step},
    {"19.6 a word about the worker of another is refused",
     a_word_about_the_worker_of_another_is_refused},
    {"19 what makes no sense is mended or refused", what_makes_no_sense_is_mended_or_refused},
    {"19.7 a manager that comes late lists all within 10 s", a_manager_that_comes_late_lists_all},
    {"19.8 a hundred thousand workers that come and go leave nothing",
     workers_that_come_and_go_leave_nothing},
    {"20.1 a dead worker leaves all tables after 300 s, one heard before stays",
     a_dead_worker_leaves_all_tables_after_300_s},
    {"20.2 a worker that comes anew as its time ends stays, with fresh state",
     a_worker_that_comes_anew_as_its_time_ends_stays},
    {"no manager is a peer of itself", no_manager_is_a_peer_of_itself},
    CU_TEST_INFO_NULL,
};
