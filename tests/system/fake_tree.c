// SPDX-License-Identifier: Apache-2.0
/* fake_tree.c - hyperscaled with roles that do nothing, or what they should not: the supervisor
 * under test is the real one. HS_FAKE="gate=exit_1,engine.1=hang" says who misbehaves and how; the
 * fake console answers the status socket with a line per process. */
#include "roles/config.h"
#include "roles/control_io.h"
#include "roles/host_table.h"
#include "roles/resolver_answer.h"
#include "roles/role_io.h"
#include "shm/base/assert.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "supervisor/daemon_io.h"
#include "supervisor/role_table.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Read before the first fork: a role has no environment. */
static char habits[512];

struct fake {
    struct hs_role_process process;
    char                   habit[32];
    unsigned               link_count;
    unsigned               down_count;
    unsigned               config_count;
    unsigned               quarantine_count;
    struct hs_watch        listen_watch;
    int                    client_fd; /* console: the one whose request the supervisor answers */
    struct hs_watch        resolver_watch;
    char                   resolved[128];
    bool                   is_done;
};

static void find_habit(const struct hs_heritage *heritage, char habit[32])
{
    char        name[HS_PROCESS_NAME_BYTES + 1];
    const char *at;

    hs_process_name(heritage->kind, heritage->idx, name);
    (void)strcat(name, "=");
    at = strstr(habits, name);
    habit[0] = '\0';
    if (at)
        (void)snprintf(habit, 32, "%.*s", (int)strcspn(at + strlen(name), ","), at + strlen(name));
}

static bool is_habit(const struct fake *fake, const char *habit)
{
    return strcmp(fake->habit, habit) == 0;
}

static struct hs_role_process *process_of(struct fake *fake)
{
    return &fake->process;
}

/* ---- misbehaving before readiness ---- */

static void leave_orphans(void)
{
    for (int i = 0; i < 20; i++) {
        if (fork() != 0) continue;
        (void)setsid(); /* out of the role's group */
        if (fork() == 0) {
            (void)poll(NULL, 0, 200 + i * 100);
            _exit(0);
        }
        _exit(0);
    }
}

static void misbehave_early(struct fake *fake)
{
    if (is_habit(fake, "exit_1")) _exit(1);
    if (is_habit(fake, "exit_1_config_2") && fake->process.config->generation == 2) _exit(1);
    if (is_habit(fake, "exit_78")) _exit(78);
    if (is_habit(fake, "never_ready")) (void)poll(NULL, 0, -1);
    if (is_habit(fake, "orphans")) leave_orphans();
    if (is_habit(fake, "slow_replay")) {
        for (int i = 0; i < 30; i++) {
            hs_role_set_phase(process_of(fake), HS_VITALS_REPLAY);
            (void)poll(NULL, 0, 100);
        }
    }
}

/* ---- hooks ---- */

static void on_link(void *self, enum hs_role_kind peer, unsigned peer_idx, uint64_t generation,
                    uint64_t token, int fd);

static void on_peer_down(void *self, enum hs_role_kind peer, unsigned peer_idx, uint64_t generation,
                         const char *cause)
{
    struct fake *fake = self;

    fake->down_count++;
    hs_log(HS_LOG_INFO, "fake", "down peer=%s.%u generation=%" PRIu64 " cause=\"%s\"",
           hs_role_kind_name(peer), peer_idx, generation, cause);
}

static void on_drain(void *self)
{
    (void)self;
    hs_log(HS_LOG_INFO, "fake", "drain");
}

static void on_stop(void *self, uint64_t deadline_ns)
{
    struct fake *fake = self;

    (void)deadline_ns;
    fake->is_done = !is_habit(fake, "ignore_stop");
    hs_log(HS_LOG_INFO, "fake", "stop");
}

static void on_config(void *self, const struct hs_config *config)
{
    struct fake *fake = self;

    (void)config;
    fake->config_count++;
}

static void on_quarantine(void *self, uint64_t digest, const uint8_t job_id[16])
{
    (void)self;
    (void)job_id;
    hs_log(HS_LOG_INFO, "fake", "quarantined digest=%" PRIu64, digest);
}

static void on_answer(void *self, uint64_t token, int code, const char *text)
{
    struct fake *fake = self;
    char         line[512];
    int bytes = snprintf(line, sizeof line, "{\"schema\":1,%s\"code\":%d,\"text\":\"%s\"}\n",
                         code < 0 ? "\"error\":true," : "", code, text);

    hs_log(HS_LOG_INFO, "fake", "answer token=%" PRIu64 " code=%d", token, code);
    if (fake->client_fd < 0) return;
    (void)send(fake->client_fd, line, (size_t)bytes, MSG_NOSIGNAL);
    (void)close(fake->client_fd);
    fake->client_fd = -1;
}

static unsigned use_up_the_stack(const volatile unsigned *above)
{
    volatile unsigned here[1024] = {*above + 1};

    return here[0] ? use_up_the_stack(here) + here[1] : 0;
}

static void crash(struct fake *fake)
{
    if (is_habit(fake, "assert")) HS_ASSERT(fake->process.heritage == NULL);
    if (is_habit(fake, "segv")) *(volatile int *)(uintptr_t)fake->link_count = 1;
    if (is_habit(fake, "overflow")) fake->link_count = use_up_the_stack(&fake->link_count);
}

static uint64_t turn(void *self, uint64_t now_ns)
{
    struct fake *fake = self;

    crash(fake);
    if (is_habit(fake, "poison") && !hs_role_is_quarantined(process_of(fake), 4711)) {
        hs_role_breadcrumb(process_of(fake), 7, NULL, 4711);
        abort();
    }
    if (is_habit(fake, "hang"))
        for (;;) (void)poll(NULL, 0, 1000);
    if (is_habit(fake, "forbidden") && fake->process.heritage->generation == 1)
        (void)syscall(SYS_ptrace, 0, 0, 0, 0);
    if (is_habit(fake, "nonsense") && fake->process.heritage->generation == 1) {
        (void)send(fake->process.heritage->control_fd, "boo", 3, MSG_NOSIGNAL);
        fake->habit[0] = '\0';
    }
    return now_ns + HS_NS_PER_S;
}

static bool is_done(const void *self)
{
    return ((const struct fake *)self)->is_done;
}

static const struct hs_role_hooks hooks = {
    .on_link = on_link,
    .on_peer_down = on_peer_down,
    .on_drain = on_drain,
    .on_stop = on_stop,
    .on_config = on_config,
    .on_answer = on_answer,
    .on_quarantine = on_quarantine,
    .turn = turn,
    .is_done = is_done,
};

/* ---- the fake console ---- */

static struct fake *fake_of_listen(struct hs_watch *watch)
{
    return (struct fake *)(void *)((char *)watch - offsetof(struct fake, listen_watch));
}

static void answer_table(const struct fake *fake, int fd)
{
    const struct hs_host_table_shm *host = fake->process.host;
    struct hs_host_summary          summary;
    char                            line[512];
    int                             bytes;

    if (hs_host_table_load_summary(host, &summary) < 0) return;
    bytes =
        snprintf(line, sizeof line,
                 "supervisor %d incarnation %" PRIu64 " ready_ms %" PRIu64 " deaths %" PRIu64
                 " orphans %" PRIu64 " config %" PRIu64 " reload_error \"%s\" resolved %s; ",
                 (int)summary.pid, summary.incarnation,
                 summary.ready_at_ns ? (summary.ready_at_ns - summary.start_ns) / HS_NS_PER_MS : 0,
                 summary.death_count, summary.orphan_count, summary.config_generation,
                 summary.reload_error, fake->resolved[0] ? fake->resolved : "-");
    (void)send(fd, line, (size_t)bytes, MSG_NOSIGNAL);
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        struct hs_host_process row;
        char                   name[HS_PROCESS_NAME_BYTES];

        if (hs_host_table_load_process(host, i, &row) < 0) continue;
        hs_process_name((enum hs_role_kind)row.kind, row.idx, name);
        bytes = snprintf(line, sizeof line,
                         "%s %s pid %d gen %" PRIu64 " took_us %" PRIu64 " died \"%s\"; ", name,
                         hs_process_state_name((enum hs_process_state)row.state), (int)row.pid,
                         row.generation,
                         row.ready_at_ns ? (row.ready_at_ns - row.started_at_ns) / HS_NS_PER_US : 0,
                         row.last_death);
        (void)send(fd, line, (size_t)bytes, MSG_NOSIGNAL);
    }
    for (uint64_t number = 1; number <= summary.death_count; number++) {
        struct hs_host_death death;

        if (hs_host_table_load_death(host, number, &death) < 0 || !death.panic[0]) continue;
        bytes = snprintf(line, sizeof line, "panic %" PRIu64 " \"%s\"; ", number, death.panic);
        (void)send(fd, line, (size_t)bytes, MSG_NOSIGNAL);
    }
    (void)send(fd, "\n", 1, MSG_NOSIGNAL);
}

/* {"do":"restart","process":"gate"} */
static void forward(struct fake *fake, const char *request, int fd)
{
    char        verb[16] = "";
    char        name[32] = "";
    const char *process = strstr(request, "\"process\":\"");

    if (process) (void)sscanf(process, "\"process\":\"%31[^\"]", name);
    (void)sscanf(request, "{\"do\":\"%15[^\"]", verb);
    if (hs_role_request(process_of(fake), verb, name, 0, 1) < 0) {
        (void)send(fd, "{\"error\":\"what?\"}\n", 18, MSG_NOSIGNAL);
        (void)close(fd);
        return;
    }
    if (fake->client_fd >= 0) (void)close(fake->client_fd);
    fake->client_fd = fd;
}

static void on_client(struct hs_watch *watch)
{
    struct fake *fake = fake_of_listen(watch);
    char         request[256] = "";
    int          fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) return;
    if (recv(fd, request, sizeof request - 1, 0) > 0 && strstr(request, "\"do\"")) {
        forward(fake, request, fd);
        return;
    }
    if (strstr(request, "resolve"))
        (void)snprintf(fake->resolved, sizeof fake->resolved, "asked %d",
                       hs_role_ask_resolver(process_of(fake), "localhost", 99));
    answer_table(fake, fd);
    (void)close(fd);
}

static void on_resolved(struct hs_watch *watch)
{
    struct fake *fake =
        (struct fake *)(void *)((char *)watch - offsetof(struct fake, resolver_watch));
    struct hs_resolver_answer answer;
    ssize_t                   bytes = recv(watch->fd, &answer, sizeof answer, MSG_DONTWAIT);
    char                      text[HS_ADDR_TEXT_BYTES] = "none";

    if (bytes == (ssize_t)sizeof answer && answer.count)
        hs_addr_format(&answer.addrs[0], text, sizeof text);
    if (bytes > 0) (void)snprintf(fake->resolved, sizeof fake->resolved, "%s", text);
    hs_watch_close(watch);
    (void)close(watch->fd);
}

static void on_link(void *self, enum hs_role_kind peer, unsigned peer_idx, uint64_t generation,
                    uint64_t token, int fd)
{
    struct fake *fake = self;

    (void)peer_idx;
    (void)generation;
    fake->link_count++;
    if (peer == HS_ROLE_RESOLVER && token == 99) {
        fake->resolver_watch.on_readable = on_resolved;
        if (hs_watch_open(fake->process.loop, &fake->resolver_watch, fd) == 0) return;
    }
    if (peer == HS_ROLE_CLIENT) { /* says so, for the test at the other end */
        (void)send(fd, "hello", 5, MSG_NOSIGNAL);
        return;
    }
    (void)close(fd);
}

/* ---- mains ---- */

/* What the supervisor sees when an order overtakes the READY that was sent before it. */
static int say_ready_late(struct fake *fake, enum hs_vitals_state state)
{
    struct hs_control_record record;

    hs_vitals_enter(fake->process.vitals, state, hs_loop_clock_ns(fake->process.loop));
    hs_control_init(&record, HS_CONTROL_READY, NULL);
    record.generation = fake->process.heritage->generation;
    return hs_control_send(fake->process.heritage->control_fd, &record, -1);
}

static int become_ready(struct fake *fake, struct hs_err *err)
{
    if (is_habit(fake, "ready_draining")) return say_ready_late(fake, HS_VITALS_DRAINING);
    if (is_habit(fake, "ready_stopping")) return say_ready_late(fake, HS_VITALS_STOPPING);
    return hs_role_ready(process_of(fake), err);
}

static int fake_main(const struct hs_heritage *heritage)
{
    static struct fake fake;
    struct hs_err      err;

    find_habit(heritage, fake.habit);
    fake.client_fd = -1;
    if (hs_role_open(process_of(&fake), heritage, NULL, &err) < 0) return hs_role_exit_code(&err);
    misbehave_early(&fake);
    if (heritage->status_listen_fd >= 0) {
        fake.listen_watch.on_readable = on_client;
        if (hs_watch_open(fake.process.loop, &fake.listen_watch, heritage->status_listen_fd) < 0)
            return 1;
    }
    if (become_ready(&fake, &err) < 0) return hs_role_exit_code(&err);
    return hs_role_serve(process_of(&fake), &hooks, &fake);
}

#define HS_FAKE_MAIN(kind, name, writes, reads, oom)                                               \
    int hs_##name##_main(const struct hs_heritage *heritage)                                       \
    {                                                                                              \
        return fake_main(heritage);                                                                \
    }
HS_ROLE_TABLE(HS_FAKE_MAIN)

int main(int argc, char **argv)
{
    const char *wanted = getenv("HS_FAKE");

    if (wanted) (void)snprintf(habits, sizeof habits, "%s", wanted);
    return hs_daemon_main(argc, argv);
}
