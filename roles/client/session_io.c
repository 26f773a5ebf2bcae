// SPDX-License-Identifier: Apache-2.0
/* session_io.c - one poll loop: link, leash, the tree's end, signals, the follow's deadline. */
#include "roles/client/session_io.h"

#include "roles/client/exit_code.h"
#include "roles/client/print_io.h"
#include "roles/control_io.h"
#include "roles/job_table.h"
#include "roles/printable.h"
#include "roles/result_code.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>
#include <openssl/sha.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    LIVE_CHUNKS_MAX = 400000, /* 200 MiB of address space, touched only when used */
    LIVE_EXTRA_FIGURES = 4,
    LIVE_STEPS_UNKNOWN = 256,
    RESULTS_BYTES_MAX = 256 << 20,
    POLL_COUNT = 4,
    POLL_MAX_MS = 60000
};

/* For the tree to end, when the result is out; and once somebody is tired of it. */
#define TREE_STOP_TIMEOUT_NS    (15 * HS_NS_PER_S)
#define TREE_HURRIED_TIMEOUT_NS (4 * HS_NS_PER_S)

uint64_t hs_client_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * HS_NS_PER_S + (uint64_t)now.tv_nsec;
}

void hs_client_id(char id[HS_CLIENT_ID_BYTES])
{
    char           host[HS_NAME_BYTES] = "";
    struct passwd *user = getpwuid(geteuid());

    if (gethostname(host, sizeof host - 1) < 0) (void)snprintf(host, sizeof host, "localhost");
    (void)snprintf(id, HS_CLIENT_ID_BYTES, "%.24s@%.38s", user ? user->pw_name : "user", host);
}

/* ---- what the follow wants ---- */

static int keep_piece(struct hs_session *session, const struct hs_msg_results *results)
{
    size_t end = (size_t)results->offset_bytes + results->payload.bytes;

    if (results->total_bytes > RESULTS_BYTES_MAX || end > results->total_bytes) return -EMSGSIZE;
    if (end > session->results_capacity) {
        uint8_t *grown = realloc(session->results, (size_t)results->total_bytes);

        if (!grown) return -ENOMEM;
        session->results = grown;
        session->results_capacity = (size_t)results->total_bytes;
    }
    memcpy(session->results + results->offset_bytes, results->payload.data, results->payload.bytes);
    return 0;
}

static void show_event(struct hs_session *session, const struct hs_msg_event *event)
{
    unsigned long long at_s = event->elapsed_ns / HS_NS_PER_S;

    if (event->kind == HS_EVENT_NOTICE)
        hs_display_note(&session->display, "t=%llus notice: %s", at_s, event->text);
    else if (event->kind == HS_EVENT_WORKFLOW && session->wish.step_count != 1)
        hs_display_note(&session->display, "t=%llus workflow %s %s", at_s, event->text,
                        hs_workflow_state_name(event->status));
    else if (event->kind != HS_EVENT_ACCEPTED && event->workflow == HS_WORKFLOW_ALL &&
             event->text[0] && !session->signal) /* who has asked for it knows */
        hs_display_note(&session->display, "t=%llus %s: %s", at_s, hs_job_state_name(event->status),
                        event->text);
}

/* The gate's words about the plan, line by line. */
static void show_problems(const struct hs_msg_submit_ack *ack)
{
    char   text[HS_ERR_TEXT_BYTES];
    size_t at = 0;

    while (at < ack->problems.bytes) {
        const char *line = (const char *)ack->problems.data + at;
        const char *end = memchr(line, '\n', ack->problems.bytes - at);
        size_t      bytes = end ? (size_t)(end - line) : ack->problems.bytes - at;

        (void)snprintf(text, sizeof text, "%.*s", (int)hs_min_u64(bytes, sizeof text - 1), line);
        hs_make_printable(text, strlen(text));
        (void)fprintf(stderr, "%s\n", text);
        at += bytes + 1;
    }
}

static void show_figures(struct hs_session *session)
{
    uint64_t discarded = hs_live_job_take_discarded(&session->live);

    if (discarded)
        hs_display_note(&session->display,
                        "t=%llus notice: a share was lost and is run again; %llu requests of it "
                        "count no more",
                        (unsigned long long)(session->live.elapsed_ns / HS_NS_PER_S),
                        (unsigned long long)discarded);
    hs_display_figures(&session->display, &session->live);
}

static void show_news(struct hs_session *session, enum hs_msg_type type,
                      const union hs_msg *message)
{
    if (type == HS_MSG_EVENT) show_event(session, &message->event);
    if (type == HS_MSG_SUBSCRIBE_ACK && session->wish.learned_name &&
        message->subscribe_ack.name[0])
        (void)snprintf(session->wish.learned_name, HS_NAME_BYTES, "%s",
                       message->subscribe_ack.name);
    if (type == HS_MSG_SUBSCRIBE_ACK) hs_live_job_restart(&session->live);
    if (type == HS_MSG_SUBMIT_ACK) show_problems(&message->submit_ack);
    if (type == HS_MSG_STATS && hs_live_job_take(&session->live, &message->stats))
        show_figures(session);
}

/* A tree of our own is still starting: that is no news. */
static void show_put_off(struct hs_session *session)
{
    const char        *why = hs_refusal_text(session->follow.refusal);
    unsigned long long patience_s = session->wish.follow.patience_ns / HS_NS_PER_S;

    if (!session->wish.where) return;
    if (session->wish.follow.only_submit || session->display.mode == HS_DISPLAY_NONE)
        hs_warn("%s: asked again for up to %llu s", why, patience_s);
    else
        hs_display_note(&session->display, "%s: asked again for up to %llu s", why, patience_s);
}

/* When to try which gate; without any, it is over. */
static void plan_connect(struct hs_session *session)
{
    const struct hs_follow_event no_gate = {.type = HS_FOLLOW_NO_GATE};
    struct hs_follow_actions     none;
    struct hs_gates_pick         pick;

    if (!session->wish.where) return;
    if (hs_gates_pick(&session->gates, hs_client_now_ns(), hs_follow_is_bound(&session->follow),
                      &pick)) {
        session->gate_idx = pick.gate_idx;
        session->connect_at_ns = pick.at_ns;
        return;
    }
    hs_follow_step(&session->follow, hs_client_now_ns(), &no_gate, &none);
}

static void move_on(struct hs_session *session, uint64_t retry_after_ns)
{
    unsigned refusing_idx = session->gate_idx;

    hs_client_link_close(&session->link);
    if (session->follow.refusal == HS_RESULT_UNKNOWN_JOB)
        hs_gates_drop(&session->gates);
    else
        hs_gates_put_off(&session->gates, hs_client_now_ns(), retry_after_ns);
    plan_connect(session);
    if (session->follow.state == HS_FOLLOW_DONE) return;
    hs_display_note(&session->display, "%s: %s; on to %s",
                    hs_where_name(session->wish.where, refusing_idx),
                    hs_refusal_text(session->follow.refusal),
                    hs_where_name(session->wish.where, session->gate_idx));
}

/* False: the link turned out to be lost. */
static bool carry_out(struct hs_session *session, const struct hs_follow_event *event)
{
    struct hs_follow_actions actions;
    bool                     is_lost = false;

    hs_follow_step(&session->follow, hs_client_now_ns(), event, &actions);
    for (unsigned i = 0; i < actions.count; i++) {
        const struct hs_follow_action *action = &actions.at[i];

        switch (action->type) {
        case HS_FOLLOW_SEND:
            if (hs_client_link_send(&session->link, action->message_type, &action->message) < 0)
                is_lost = true;
            break;
        case HS_FOLLOW_NEWS:
            HS_ASSERT(event->message);
            show_news(session, action->message_type, event->message);
            break;
        case HS_FOLLOW_PUT_OFF: show_put_off(session); break;
        case HS_FOLLOW_MOVE: move_on(session, action->retry_after_ns); break;
        case HS_FOLLOW_TAKE:
            HS_ASSERT(event->message);
            if (keep_piece(session, &event->message->results) < 0) {
                (void)hs_err_set(&session->err, -EMSGSIZE, "the results");
                session->is_over = true;
            }
            break;
        }
    }
    return !is_lost;
}

/* Nothing is sent while there is no link, so this is the end of it. */
static void on_link_lost(struct hs_session *session)
{
    hs_client_link_close(&session->link);
    (void)carry_out(session, &(struct hs_follow_event){.type = HS_FOLLOW_LINK_DOWN});
    if (!session->wish.where) return;
    hs_gates_failed(&session->gates, hs_client_now_ns());
    plan_connect(session);
}

static void step(struct hs_session *session, const struct hs_follow_event *event)
{
    if (!carry_out(session, event)) on_link_lost(session);
}

static void step_plain(struct hs_session *session, enum hs_follow_event_type type)
{
    step(session, &(struct hs_follow_event){.type = type});
}

/* ---- link, leash, signals ---- */

static void read_link(struct hs_session *session)
{
    enum hs_msg_type type;
    int              rc = 1;

    while (session->link.fd >= 0 && session->follow.state != HS_FOLLOW_DONE &&
           (rc = hs_client_link_receive(&session->link, &type, &session->message)) == 1)
        step(session, &(struct hs_follow_event){.type = HS_FOLLOW_MESSAGE,
                                                .message_type = type,
                                                .message = &session->message});
    if (rc < 0 && session->link.fd >= 0) on_link_lost(session);
}

/* The gate whose turn it is: 0, or what is wrong with it, which is another's turn then. */
static int try_gate(struct hs_session *session, struct hs_err *err)
{
    const struct hs_where *where = session->wish.where;
    int rc = hs_client_link_connect(&session->link, where, session->gate_idx, err);

    if (rc == 0) {
        hs_gates_worked(&session->gates);
        step_plain(session, HS_FOLLOW_LINK_UP);
        return 0;
    }
    if (hs_client_link_is_hopeless(where, rc))
        hs_gates_drop(&session->gates);
    else
        hs_gates_failed(&session->gates, hs_client_now_ns());
    plan_connect(session);
    return rc;
}

static void connect_gate(struct hs_session *session)
{
    struct hs_err err;

    if (try_gate(session, &err) == 0) return;
    if (session->follow.state == HS_FOLLOW_DONE && !session->follow.refusal)
        session->err = err;
    else
        (void)snprintf(session->follow.text, sizeof session->follow.text, "%s", err.text);
}

static void tell_link_up(struct hs_session *session)
{
    if (session->is_ready && session->link.fd >= 0) step_plain(session, HS_FOLLOW_LINK_UP);
}

static void take_record(struct hs_session *session, const struct hs_control_record *record, int fd)
{
    char name[HS_PROCESS_NAME_BYTES];

    if (record->type == HS_CONTROL_LINK && record->peer == HS_ROLE_GATE && fd >= 0) {
        if (session->link.fd >= 0) on_link_lost(session);
        hs_client_link_take(&session->link, fd);
        tell_link_up(session);
        return;
    }
    if (fd >= 0) (void)close(fd);
    if (record->type == HS_CONTROL_TREE_READY && !session->is_ready) {
        session->is_ready = true;
        tell_link_up(session);
    } else if (record->type == HS_CONTROL_DEATH) {
        session->death_count++;
        hs_process_name((enum hs_role_kind)record->peer, record->idx, name);
        hs_display_note(&session->display, "%s died: %s", name, record->text);
    }
}

static void read_leash(struct hs_session *session)
{
    struct hs_control_record record;
    int                      fd;
    int                      rc;

    while ((rc = hs_control_recv(session->tree.leash_fd, HS_ROLE_NONE, &record, &fd)) == 1)
        take_record(session, &record, fd);
    if (rc == -EAGAIN) return;
    (void)close(session->tree.leash_fd); /* the end of the process is what counts */
    session->tree.leash_fd = -1;
}

static void read_signal(struct hs_session *session)
{
    struct signalfd_siginfo info;

    if (read(session->signal_fd, &info, sizeof info) != (ssize_t)sizeof info) return;
    if (session->signal || !session->wish.cancels) {
        session->is_over = true;
        if (!session->signal) session->signal = (int)info.ssi_signo;
        return;
    }
    session->signal = (int)info.ssi_signo;
    hs_display_note(&session->display, "stopping: no more requests start, those in flight are "
                                       "awaited; once more ends at once");
    step_plain(session, HS_FOLLOW_CANCEL);
}

static void on_tree_end(struct hs_session *session)
{
    int code = hs_client_tree_end(&session->tree);

    session->is_over = true;
    (void)hs_err_set(&session->err, 0, "hyperscaled ended with exit code %d", code);
    session->err.code = -ECANCELED;
}

/* ---- the loop ---- */

static int wait_ms(const struct hs_session *session)
{
    uint64_t now_ns = hs_client_now_ns();
    uint64_t deadline_ns = hs_follow_deadline_ns(&session->follow);

    if (session->wish.where && session->link.fd < 0)
        deadline_ns = hs_min_u64(deadline_ns, session->connect_at_ns);
    if (deadline_ns <= now_ns) return 0;
    return (int)hs_min_u64((deadline_ns - now_ns) / HS_NS_PER_MS + 1, POLL_MAX_MS);
}

static void turn(struct hs_session *session)
{
    struct pollfd fds[POLL_COUNT] = {{.fd = session->link.fd, .events = POLLIN},
                                     {.fd = session->tree.leash_fd, .events = POLLIN},
                                     {.fd = session->tree.pid_fd, .events = POLLIN},
                                     {.fd = session->signal_fd, .events = POLLIN}};

    if (!session->is_ready && !session->wish.where) fds[0].fd = -1;
    if (poll(fds, POLL_COUNT, wait_ms(session)) < 0 && errno != EINTR) {
        (void)hs_err_set(&session->err, -errno, "poll");
        session->is_over = true;
        return;
    }
    if (fds[3].revents) read_signal(session);
    if (fds[0].revents) read_link(session);
    if (fds[1].revents) read_leash(session);
    if (fds[2].revents && session->follow.state != HS_FOLLOW_DONE) on_tree_end(session);
    if (session->wish.where && session->link.fd < 0 && session->follow.state != HS_FOLLOW_DONE &&
        hs_client_now_ns() >= session->connect_at_ns)
        connect_gate(session);
    if (hs_client_now_ns() >= hs_follow_deadline_ns(&session->follow))
        step_plain(session, HS_FOLLOW_TIMER);
}

void hs_session_serve(struct hs_session *session)
{
    while (session->follow.state != HS_FOLLOW_DONE && !session->is_over) turn(session);
}

/* ---- beginning and end ---- */

static int open_live(struct hs_session *session)
{
    uint32_t steps = session->wish.step_count ? session->wish.step_count : LIVE_STEPS_UNKNOWN;
    uint64_t chunks =
        hs_min_u64((uint64_t)(steps + LIVE_EXTRA_FIGURES) * HS_STATS_CHUNKS_MAX, LIVE_CHUNKS_MAX);

    session->chunks = calloc(chunks, sizeof(struct hs_chunk));
    session->sources = calloc(steps + 1, sizeof(struct hs_merge_source));
    if (!session->chunks || !session->sources) return -ENOMEM;
    hs_live_job_init(&session->live, session->chunks, (uint32_t)chunks, session->sources,
                     steps + 1);
    return 0;
}

static int open_signals(struct hs_session *session)
{
    sigset_t wanted;

    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGINT);
    (void)sigaddset(&wanted, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &wanted, NULL) < 0) return -errno;
    session->signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    return session->signal_fd < 0 ? -errno : 0;
}

static int fill_follow(struct hs_session *session)
{
    struct hs_follow_config *config = &session->wish.follow;

    hs_client_id(session->client_id);
    config->client_id = session->client_id;
    config->name = session->wish.name;
    config->seq = 1;
    config->has_others = session->wish.where && session->wish.where->count > 1;
    if (getrandom(&config->nonce, sizeof config->nonce, 0) < 0 ||
        getrandom(config->request_id, sizeof config->request_id, 0) < 0)
        return -errno;
    HS_STATIC_ASSERT(sizeof config->digest == SHA256_DIGEST_LENGTH, "plans are known by SHA-256");
    if (config->plan.bytes) (void)SHA256(config->plan.data, config->plan.bytes, config->digest);
    return 0;
}

struct hs_session *hs_session_create(const char *name, const struct hs_options *options)
{
    struct hs_session *session = calloc(1, sizeof *session);

    if (!session) return NULL;
    session->link.fd = session->signal_fd = -1;
    session->tree = (struct hs_client_tree){.pid = -1, .pid_fd = -1, .leash_fd = -1};
    hs_display_open(&session->display, name, options);
    return session;
}

void hs_session_destroy(struct hs_session **session)
{
    free(*session);
    *session = NULL;
}

/* Each is tried once, and one at least must answer: who is there at the beginning may be waited for
 * later. */
static int open_gates(struct hs_session *session, struct hs_err *err)
{
    const struct hs_where *where = session->wish.where;
    int                    rc = -ENOENT;

    session->is_ready = true;
    hs_gates_init(&session->gates, where, hs_view_text(session->client_id));
    for (unsigned i = 0; i < session->gates.count && rc; i++) {
        plan_connect(session);
        if (session->follow.state == HS_FOLLOW_DONE) break;
        if (i) hs_display_note(&session->display, "%s", err->text);
        rc = try_gate(session, err);
    }
    if (!rc || where->credentials) return rc;
    return hs_err_wrap(err, "no daemon");
}

int hs_session_open(struct hs_session *session, const struct hs_session_wish *wish,
                    struct hs_err *err)
{
    int rc;

    session->wish = *wish;
    rc = hs_client_link_init(&session->link);
    if (!rc) rc = open_live(session);
    if (!rc) rc = open_signals(session);
    if (!rc) rc = fill_follow(session);
    if (rc < 0) return hs_err_set(err, rc, "start");
    hs_follow_init(&session->follow, &session->wish.follow, hs_client_now_ns());
    return wish->where ? open_gates(session, err)
                       : hs_client_tree_start(&session->tree, &wish->tree, err);
}

/* Until the tree has ended, or its time is up. A signal hurries it, and the one after the first,
 * whenever that was, ends the wait. */
static void await_tree(struct hs_session *session)
{
    uint64_t                now_ns = hs_client_now_ns();
    uint64_t                deadline_ns = now_ns + TREE_STOP_TIMEOUT_NS;
    struct signalfd_siginfo info;
    struct pollfd           fds[] = {{.fd = session->tree.pid_fd, .events = POLLIN},
                                     {.fd = session->signal_fd, .events = POLLIN}};

    for (; now_ns < deadline_ns; now_ns = hs_client_now_ns()) {
        int rc = poll(fds, HS_ARRAY_LEN(fds), (int)((deadline_ns - now_ns) / HS_NS_PER_MS + 1));

        if (rc < 0 && errno != EINTR) return;
        if (rc <= 0) continue;
        if (fds[0].revents) return;
        if (read(session->signal_fd, &info, sizeof info) != (ssize_t)sizeof info) continue;
        if (session->signal) return;
        session->signal = (int)info.ssi_signo;
        hs_warn("waiting for hyperscaled to end; once more ends it at once");
        deadline_ns = hs_min_u64(deadline_ns, hs_client_now_ns() + TREE_HURRIED_TIMEOUT_NS);
    }
}

void hs_session_close(struct hs_session *session)
{
    hs_client_tree_stop(&session->tree);
    if (session->tree.pid > 0 && !(session->is_over && session->signal)) await_tree(session);
    HS_IGNORE(hs_client_tree_end(&session->tree),
              "the result is out, and the log tells of trouble");
    hs_client_link_fini(&session->link);
    if (session->signal_fd >= 0) (void)close(session->signal_fd);
    free(session->results);
    free(session->chunks);
    free(session->sources);
    hs_display_close(&session->display);
}
