// SPDX-License-Identifier: Apache-2.0
/* ledger_world.c - see ledger_world.h. */
#include "tests/unit/ledger_world.h"

#include "shm/base/log.h"
#include "shm/base/time.h"
#include "tests/check.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- the state machine ---- */

static uint32_t apply(void *self, uint64_t seq, struct hs_view bytes)
{
    struct ledger_state *state = self;
    struct ledger_entry  entry;

    if (bytes.bytes != sizeof entry) return UINT32_MAX;
    memcpy(&entry, bytes.data, sizeof entry);
    if (entry.number != state->next || seq != state->next + 1) state->wrong++;
    state->next++;
    state->hash = state->hash * 31 + entry.number;
    if (entry.holds) {
        state->held[state->held_count % LEDGER_HELD_MAX] = entry.digest;
        state->held_numbers[state->held_count++ % LEDGER_HELD_MAX] = entry.number;
    }
    return (uint32_t)entry.number;
}

static void save(void *self, struct hs_writer *writer)
{
    hs_put_bytes(writer, self, sizeof(struct ledger_state));
}

static int restore(void *self, struct hs_view snapshot)
{
    if (snapshot.bytes != sizeof(struct ledger_state)) return -EPROTO;
    memcpy(self, snapshot.data, snapshot.bytes);
    return 0;
}

static bool is_blob_needed(void *self, const struct hs_ledger_digest *digest)
{
    const struct ledger_state *state = self;

    ((struct ledger_world *)(void *)((char *)self - offsetof(struct ledger_world, state)))->asked++;
    for (unsigned i = 0; i < LEDGER_HELD_MAX && i < state->held_count; i++)
        if (memcmp(&state->held[i], digest, sizeof *digest) == 0) return true;
    return false;
}

static void on_answer(void *context, const struct hs_ledger_answer *answer)
{
    struct ledger_world *world = context;

    if (world->answer_count < LEDGER_ANSWERS_MAX) world->answers[world->answer_count] = *answer;
    world->answer_count++;
    if (world->report_fd >= 0 && answer->kind == HS_LEDGER_APPLIED &&
        write(world->report_fd, &answer->token, sizeof answer->token) != sizeof answer->token)
        _exit(1);
}

/* ---- open, close ---- */

/* Torn tails and refusing disks are what these tests are about. */
static void drop_line(void *context, enum hs_log_level level, const char *module, const char *line)
{
    (void)context;
    (void)level;
    (void)module;
    (void)line;
}

void ledger_world_init(struct ledger_world *world)
{
    *world = (struct ledger_world){
        .group = 1, .compact_bytes = UINT64_MAX, .now_ns = 1000 * HS_NS_PER_S, .report_fd = -1};
    hs_log_set_sink(drop_line, NULL, HS_LOG_ERROR);
    for (unsigned i = 0; i < 2; i++) {
        world->fd[i] = memfd_create("ledger", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        HS_CHECK(world->fd[i] >= 0);
    }
}

void ledger_world_fini(struct ledger_world *world)
{
    ledger_world_close(world);
    close(world->fd[0]);
    close(world->fd[1]);
    hs_log_set_sink(NULL, NULL, HS_LOG_INFO);
}

int ledger_world_open(struct ledger_world *world, enum hs_loop_backend backend)
{
    struct hs_loop_config   loop_config = {.wanted = backend,
                                           .stream_count_max = 4,
                                           .recv_buffer_count = 4,
                                           .recv_buffer_bytes = 256,
                                           .file_op_count_max = 4};
    struct hs_ledger_config config = {.fd = {world->fd[0], world->fd[1]},
                                      .group = world->group,
                                      .machine = {.self = &world->state,
                                                  .apply = apply,
                                                  .save = save,
                                                  .restore = restore,
                                                  .is_blob_needed = is_blob_needed,
                                                  .snapshot_bytes_max = sizeof world->state},
                                      .on_answer = on_answer,
                                      .context = world,
                                      .compact_bytes = world->compact_bytes};
    struct hs_err           err = {0};
    int                     rc = hs_loop_open(&world->loop, &loop_config, &err);

    HS_CHECK_EQ(rc, 0);
    memset(&world->state, 0, sizeof world->state);
    world->answer_count = 0;
    config.loop = world->loop;
    rc = hs_ledger_open(&world->ledger, &config, &err);
    if (rc) hs_loop_close(&world->loop);
    return rc;
}

void ledger_world_close(struct ledger_world *world)
{
    if (world->ledger) hs_ledger_close(&world->ledger);
    if (world->loop) hs_loop_close(&world->loop);
}

/* ---- proposing ---- */

void ledger_world_blob(uint64_t number, char text[64])
{
    (void)snprintf(text, 64, "the plan of number %" PRIu64, number);
}

static int propose(struct ledger_world *world, const struct ledger_entry *entry)
{
    return hs_ledger_propose(world->ledger, hs_view_of(entry, sizeof *entry), entry->number);
}

int ledger_world_propose(struct ledger_world *world, uint64_t number)
{
    struct ledger_entry entry = {.number = number};

    return propose(world, &entry);
}

int ledger_world_propose_holding(struct ledger_world *world, uint64_t number)
{
    struct ledger_entry entry = {.number = number, .holds = 1};
    char                text[64];
    int                 rc;

    ledger_world_blob(number, text);
    rc = hs_ledger_blob_put(world->ledger, hs_view_text(text), &entry.digest, number);
    return rc ? rc : propose(world, &entry);
}

static bool is_busy(const struct ledger_world *world)
{
    struct hs_ledger_stats stats;

    hs_ledger_stats(world->ledger, &stats);
    return stats.image_bytes || !hs_ledger_is_idle(world->ledger);
}

void ledger_world_turn(struct ledger_world *world)
{
    uint64_t deadline_ns = hs_loop_clock_ns(world->loop) + HS_NS_PER_S;

    hs_ledger_step(world->ledger, world->now_ns);
    if (!is_busy(world)) return;
    if (hs_ledger_deadline_ns(world->ledger) == 0) deadline_ns = 0;
    HS_CHECK(hs_loop_step(world->loop, deadline_ns) >= 0);
}

bool ledger_world_settle(struct ledger_world *world)
{
    uint64_t end_ns = hs_loop_clock_ns(world->loop) + 5 * HS_NS_PER_S;

    do ledger_world_turn(world);
    while ((is_busy(world) || hs_ledger_deadline_ns(world->ledger) == 0) &&
           hs_loop_clock_ns(world->loop) < end_ns);
    HS_CHECK(!is_busy(world));
    return !is_busy(world);
}

/* ---- looking ---- */

unsigned ledger_world_count(const struct ledger_world *world, enum hs_ledger_answer_kind kind)
{
    unsigned count = 0;

    for (unsigned i = 0; i < world->answer_count && i < LEDGER_ANSWERS_MAX; i++)
        count += world->answers[i].kind == kind;
    return count;
}

void ledger_world_check(struct ledger_world *world)
{
    HS_CHECK_EQ(world->state.wrong, 0);
    for (unsigned i = 0; i < LEDGER_HELD_MAX && i < world->state.held_count; i++) {
        char    expected[64];
        char    text[64];
        int64_t got = hs_ledger_blob_get(world->ledger, &world->state.held[i], text, sizeof text);

        ledger_world_blob(world->state.held_numbers[i], expected);
        HS_CHECK_EQ(got, strlen(expected));
        HS_CHECK(got > 0 && memcmp(text, expected, (size_t)got) == 0);
    }
}
