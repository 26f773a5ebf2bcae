// SPDX-License-Identifier: Apache-2.0
/* test_rpc.c - requests that wait for answers. */
#include "ipc/rpc.h"
#include "shm/base/rand.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

enum { CAPACITY = 4 };

struct fixture {
    struct hs_rpc_slot slots[CAPACITY];
    struct hs_rpc      rpc;
    uint64_t           id;
    uint64_t           token;
};

static void set_up(struct fixture *f)
{
    *f = (struct fixture){0};
    hs_rpc_init(&f->rpc, f->slots, CAPACITY);
}

static uint64_t begin(struct fixture *f, uint64_t token, uint64_t deadline_ns)
{
    HS_CHECK_EQ(hs_rpc_begin(&f->rpc, token, deadline_ns, &f->id), 0);
    HS_CHECK(hs_rpc_validate(&f->rpc));
    return f->id;
}

static void answer_brings_the_token_once(void)
{
    struct fixture f;
    uint64_t       id;

    set_up(&f);
    id = begin(&f, 77, 100);
    HS_CHECK(id != 0);
    HS_CHECK(hs_rpc_end(&f.rpc, id, &f.token));
    HS_CHECK_EQ(f.token, 77);
    HS_CHECK(!hs_rpc_end(&f.rpc, id, &f.token));
    HS_CHECK_EQ(hs_rpc_deadline_ns(&f.rpc), HS_NEVER_NS);
    HS_CHECK(hs_rpc_validate(&f.rpc));
}

static void unknown_ids_are_not_found(void)
{
    struct fixture f;
    uint64_t       id;

    set_up(&f);
    id = begin(&f, 1, 100);
    HS_CHECK(!hs_rpc_end(&f.rpc, 0, &f.token));
    HS_CHECK(!hs_rpc_end(&f.rpc, id + 1, &f.token));
    HS_CHECK(!hs_rpc_end(&f.rpc, id | 0xffff, &f.token));
    HS_CHECK(!hs_rpc_end(&f.rpc, id + 0x10000, &f.token));
    HS_CHECK(!hs_rpc_end(&f.rpc, UINT64_MAX, &f.token));
    HS_CHECK(hs_rpc_end(&f.rpc, id, &f.token));
}

static void table_refuses_what_it_cannot_hold(void)
{
    struct fixture f;

    set_up(&f);
    for (unsigned i = 0; i < CAPACITY; i++) (void)begin(&f, i, 100);
    for (unsigned i = 0; i < CAPACITY; i++)
        HS_CHECK_EQ(hs_rpc_begin(&f.rpc, 9, 100, &f.id), -ENOBUFS);
    HS_CHECK(hs_rpc_end(&f.rpc, f.slots[2].id, &f.token));
    HS_CHECK_EQ(f.token, 2);
    (void)begin(&f, 10, 100);
}

static void late_answer_is_not_taken_for_that_of_the_slots_next_request(void)
{
    struct fixture f;
    uint64_t       old;

    set_up(&f);
    old = begin(&f, 1, 10);
    HS_CHECK(hs_rpc_expire(&f.rpc, 10, &f.id, &f.token));
    for (unsigned i = 0; i < CAPACITY; i++) HS_CHECK(begin(&f, 2, 100) != old);
    HS_CHECK(!hs_rpc_end(&f.rpc, old, &f.token));
}

static void requests_expire_at_their_deadlines_in_order(void)
{
    struct fixture f;

    set_up(&f);
    (void)begin(&f, 30, 300);
    (void)begin(&f, 10, 100);
    (void)begin(&f, 20, 200);
    HS_CHECK_EQ(hs_rpc_deadline_ns(&f.rpc), 100);
    HS_CHECK(!hs_rpc_expire(&f.rpc, 99, &f.id, &f.token));
    HS_CHECK(hs_rpc_expire(&f.rpc, 250, &f.id, &f.token));
    HS_CHECK_EQ(f.token, 10);
    HS_CHECK(hs_rpc_expire(&f.rpc, 250, &f.id, &f.token));
    HS_CHECK_EQ(f.token, 20);
    HS_CHECK(!hs_rpc_expire(&f.rpc, 250, &f.id, &f.token));
    HS_CHECK_EQ(hs_rpc_deadline_ns(&f.rpc), 300);
    HS_CHECK(hs_rpc_validate(&f.rpc));
}

static void closing_drains_every_request(void)
{
    struct fixture f;
    uint64_t       sum = 0;

    set_up(&f);
    (void)begin(&f, 1, 300);
    (void)begin(&f, 2, HS_NEVER_NS);
    (void)begin(&f, 4, 5);
    while (hs_rpc_drain(&f.rpc, &f.id, &f.token)) sum += f.token;
    HS_CHECK_EQ(sum, 7);
    HS_CHECK(hs_rpc_validate(&f.rpc));
}

static void random_use_keeps_the_table_whole(void)
{
    struct fixture f;
    struct hs_rand rand;
    uint64_t       now_ns = 0;
    uint64_t       last_id = 0;

    set_up(&f);
    hs_rand_init(&rand, 1);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t dice = hs_rand_below(&rand, 4);

        if (dice <= 1 && hs_rpc_begin(&f.rpc, i, now_ns + hs_rand_below(&rand, 50), &f.id) == 0) {
            HS_CHECK(f.id >> 16 > last_id >> 16);
            last_id = f.id;
        }
        if (dice == 2)
            (void)hs_rpc_end(&f.rpc, f.slots[hs_rand_below(&rand, CAPACITY)].id, &f.token);
        now_ns += hs_rand_below(&rand, 10);
        if (dice == 3)
            while (hs_rpc_expire(&f.rpc, now_ns, &f.id, &f.token)) continue;
        if (!hs_rpc_validate(&f.rpc)) {
            HS_CHECK_EQ(i, 0);
            return;
        }
    }
    HS_CHECK(last_id != 0);
}

CU_TestInfo hs_tests_rpc[] = {
    {"answer brings the token once", answer_brings_the_token_once},
    {"unknown ids are not found", unknown_ids_are_not_found},
    {"table refuses what it cannot hold", table_refuses_what_it_cannot_hold},
    {"late answer is not taken for that of the slot's next request",
     late_answer_is_not_taken_for_that_of_the_slots_next_request},
    {"requests expire at their deadlines, in order", requests_expire_at_their_deadlines_in_order},
    {"20.8 closing drains every request", closing_drains_every_request},
    {"random use keeps the table whole", random_use_keeps_the_table_whole},
    CU_TEST_INFO_NULL};
