// SPDX-License-Identifier: Apache-2.0
/* test_worker_owner.c - the manager that a worker chooses: one that is there, the same on every
 * host, and another only for a reason. */
#include "roles/worker/owner.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <string.h>

enum { MANAGERS = 4 };

struct scene {
    struct hs_owner         owner;
    struct hs_owner_manager managers[MANAGERS];
    uint64_t                now_ns;
    uint64_t                next_ns;
};

static void open_scene(struct scene *scene, uint64_t generation)
{
    const uint8_t worker[16] = {7};

    *scene = (struct scene){.now_ns = 100 * HS_NS_PER_S};
    hs_owner_init(&scene->owner, worker, generation);
}

static void arrive(struct scene *scene, unsigned idx, uint64_t session)
{
    scene->managers[idx] = (struct hs_owner_manager){.id = {(uint8_t)(idx + 1)},
                                                     .session = session,
                                                     .since_ns = scene->now_ns,
                                                     .heard_at_ns = scene->now_ns};
}

static bool step(struct scene *scene)
{
    return hs_owner_step(&scene->owner, scene->now_ns, scene->managers, MANAGERS, &scene->next_ns);
}

/* Time goes by, and those with a session ask every second. */
static unsigned pass(struct scene *scene, uint64_t ns)
{
    unsigned changes = 0;

    for (uint64_t i = 0; i < ns; i += 100 * HS_NS_PER_MS) {
        scene->now_ns += 100 * HS_NS_PER_MS;
        for (unsigned k = 0; k < MANAGERS; k++)
            if (scene->managers[k].session) scene->managers[k].heard_at_ns = scene->now_ns;
        changes += step(scene);
    }
    return changes;
}

static unsigned chosen(const struct scene *scene)
{
    return scene->owner.id[0] - 1u;
}

static void the_first_manager_is_chosen_and_the_best_in_the_end(void)
{
    struct scene scene;
    unsigned     first, best;

    open_scene(&scene, 1);
    HS_CHECK(!step(&scene));
    HS_CHECK_EQ(scene.owner.epoch, 0);
    for (unsigned i = 0; i < MANAGERS; i++) arrive(&scene, i, 1 + i);
    HS_CHECK(step(&scene));
    best = chosen(&scene);
    first = (best + 1) % MANAGERS;
    open_scene(&scene, 1);
    arrive(&scene, first, 1);
    HS_CHECK(step(&scene));
    HS_CHECK_EQ(chosen(&scene), first);
    HS_CHECK_EQ(scene.owner.epoch, UINT64_C(1) << 32 | 1);
    for (unsigned i = 0; i < MANAGERS; i++)
        if (i != first) arrive(&scene, i, 1 + i);
    HS_CHECK(!step(&scene)); /* not before it has shown that it stays */
    HS_CHECK_EQ(pass(&scene, 3 * HS_NS_PER_S), 1);
    HS_CHECK_EQ(chosen(&scene), best);
    HS_CHECK_EQ(pass(&scene, 60 * HS_NS_PER_S), 0);
}

static void an_owner_that_is_gone_is_replaced_within_five_seconds(void)
{
    struct scene scene;
    unsigned     lost;

    open_scene(&scene, 1);
    for (unsigned i = 0; i < MANAGERS; i++) arrive(&scene, i, 1 + i);
    HS_CHECK(step(&scene));
    lost = chosen(&scene);
    (void)pass(&scene, HS_NS_PER_S);
    scene.managers[lost].session = 0;
    HS_CHECK_EQ(pass(&scene, 1900 * HS_NS_PER_MS), 0);
    HS_CHECK_EQ(pass(&scene, 300 * HS_NS_PER_MS), 1);
    HS_CHECK(chosen(&scene) != lost);
    HS_CHECK_EQ(scene.owner.epoch & UINT32_MAX, 2);
}

static void an_owner_that_is_silent_on_an_open_link_is_replaced(void)
{
    struct scene scene;
    unsigned     lost;
    unsigned     changes = 0;

    open_scene(&scene, 1);
    for (unsigned i = 0; i < MANAGERS; i++) arrive(&scene, i, 1 + i);
    HS_CHECK(step(&scene));
    lost = chosen(&scene);
    for (unsigned i = 0; i < 50; i++) {
        uint64_t heard_at_ns = scene.managers[lost].heard_at_ns;

        scene.now_ns += 100 * HS_NS_PER_MS;
        for (unsigned k = 0; k < MANAGERS; k++) scene.managers[k].heard_at_ns = scene.now_ns;
        scene.managers[lost].heard_at_ns = heard_at_ns;
        changes += step(&scene);
    }
    HS_CHECK_EQ(changes, 1);
    HS_CHECK(chosen(&scene) != lost);
}

static void an_owner_that_restarts_has_a_new_epoch(void)
{
    struct scene scene;

    open_scene(&scene, 3);
    arrive(&scene, 0, 5);
    HS_CHECK(step(&scene));
    scene.managers[0].session = 0;
    HS_CHECK_EQ(pass(&scene, HS_NS_PER_S), 0);
    arrive(&scene, 0, 6);
    HS_CHECK(step(&scene));
    HS_CHECK_EQ(chosen(&scene), 0);
    HS_CHECK_EQ(scene.owner.epoch, UINT64_C(3) << 32 | 2);
    HS_CHECK(!step(&scene));
}

static void a_worker_alone_looks_again_when_somebody_comes(void)
{
    struct scene scene;

    open_scene(&scene, 1);
    arrive(&scene, 2, 1);
    HS_CHECK(step(&scene));
    scene.managers[2].session = 0;
    HS_CHECK_EQ(pass(&scene, 20 * HS_NS_PER_S), 0);
    arrive(&scene, 1, 9);
    HS_CHECK(step(&scene));
    HS_CHECK_EQ(chosen(&scene), 1);
}

CU_TestInfo hs_tests_worker_owner[] = {
    {"the first manager is chosen, and the best in the end",
     the_first_manager_is_chosen_and_the_best_in_the_end},
    {"an owner that is gone is replaced within five seconds",
     an_owner_that_is_gone_is_replaced_within_five_seconds},
    {"an owner that is silent on an open link is replaced",
     an_owner_that_is_silent_on_an_open_link_is_replaced},
    {"an owner that restarts has a new epoch", an_owner_that_restarts_has_a_new_epoch},
    {"a worker alone looks again when somebody comes",
     a_worker_alone_looks_again_when_somebody_comes},
    CU_TEST_INFO_NULL,
};
