// SPDX-License-Identifier: Apache-2.0
// timeout: 300
// beside: others
/* 210_worker_engines.c - a real worker, two engines under load; this program is their supervisor,
 * manager and target: shares are taken, measured, reported and survive deaths of all of them. */
#include "ipc/frame.h"
#include "roles/config.h"
#include "roles/control_io.h"
#include "roles/engine/engine_io.h"
#include "roles/share.h"
#include "roles/stats/step_parts.h"
#include "roles/wire.h"
#include "roles/worker/worker_io.h"
#include "shm/base/time.h"
#include "tests/system/by_hand.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* PATIENCE_MS: for what surely comes, however loaded the machine is. */
enum { ENGINES = 2, FRAME_ROOM = 512 << 10, CHUNKS = 1 << 18, PATIENCE_MS = 90000 };

struct process {
    pid_t    pid;
    int      control_fd; /* our end */
    uint64_t generation;
};

struct tree {
    struct hs_config          config;
    int                       share_fd[HS_SHARE_COUNT];
    struct hs_engine_share    engine_shares[ENGINES];
    struct process            worker;
    struct process            engines[ENGINES];
    pid_t                     target;
    uint16_t                  port;
    int                       manager_fd; /* our end of the worker's link */
    uint64_t                  session;
    uint8_t                  *received;
    size_t                    received_bytes;
    uint64_t                  fence;
    struct hs_chunk_pool      pool;
    struct hs_stats           progress;
    struct hs_stats           result;
    struct hs_msg_exec_result last_result;
    unsigned                  whole_count;
    unsigned                  difference_count;
    unsigned                  refused_parts;
    char                      plan[2048];
};

/* ---- the target: answers 200 to everything ---- */

static void answer_all(int listen_fd)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    struct pollfd     fds[256] = {{.fd = listen_fd, .events = POLLIN}};
    nfds_t            count = 1;

    for (;;) {
        if (poll(fds, count, -1) < 0) continue;
        for (nfds_t i = count; i-- > 1;) {
            char    bytes[4096];
            ssize_t got;

            if (!fds[i].revents) continue;
            got = read(fds[i].fd, bytes, sizeof bytes);
            if (got > 0 && write(fds[i].fd, reply, sizeof reply - 1) > 0) continue;
            close(fds[i].fd);
            fds[i] = fds[--count];
        }
        if (fds[0].revents && count < 256) {
            int fd = accept(listen_fd, NULL, NULL);

            if (fd >= 0) fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
}

static void start_target(struct tree *tree)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t          bytes = sizeof at;
    int                fd = socket(AF_INET, SOCK_STREAM, 0);

    must(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 128) == 0, "listen");
    must(getsockname(fd, (struct sockaddr *)&at, &bytes) == 0, "getsockname");
    tree->port = ntohs(at.sin_port);
    tree->target = fork();
    must(tree->target >= 0, "fork");
    if (tree->target == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        answer_all(fd);
    }
    close(fd);
}

/* ---- the supervisor's part ---- */

static void make_shares(struct tree *tree)
{
    make_host_shares(tree->share_fd);
    for (unsigned i = 0; i < ENGINES; i++) {
        struct hs_segment mapped[HS_ENGINE_SEGMENT_COUNT];

        tree->engine_shares[i] = make_engine_share(mapped);
    }
}

static void run_role(const struct tree *tree, const struct process *process, enum hs_role_kind kind,
                     unsigned idx, int control_fd)
{
    struct hs_heritage heritage = {.kind = kind,
                                   .idx = idx,
                                   .process_idx = hs_process_idx_of(kind, idx),
                                   .generation = process->generation,
                                   .incarnation = 1,
                                   .control_fd = control_fd,
                                   .config = &tree->config,
                                   .client_listen_fd = -1,
                                   .credentials_fd = -1,
                                   .cluster_listen_fd = -1,
                                   .cluster_datagram_fd = -1,
                                   .health_fd = -1,
                                   .ledger_fd = {-1, -1},
                                   .engine_count = ENGINES};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    memcpy(heritage.share_fd, tree->share_fd, sizeof heritage.share_fd);
    memcpy(heritage.engines, tree->engine_shares, sizeof tree->engine_shares);
    _exit(kind == HS_ROLE_WORKER ? hs_worker_main(&heritage) : hs_engine_main(&heritage));
}

static void start_role(struct tree *tree, struct process *process, enum hs_role_kind kind,
                       unsigned idx)
{
    int ends[2];

    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "control");
    process->generation++;
    process->control_fd = ends[0];
    process->pid = fork();
    must(process->pid >= 0, "fork");
    if (process->pid == 0) run_role(tree, process, kind, idx, ends[1]);
    close(ends[1]);
}

static void give_link(const struct process *to, enum hs_role_kind peer, unsigned idx,
                      uint64_t generation, int fd)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_LINK, "");
    record.peer = (uint16_t)peer;
    record.idx = (uint16_t)idx;
    record.generation = generation;
    must(hs_control_send(to->control_fd, &record, fd) == 0, "give a link");
    close(fd);
}

static void link_engine(struct tree *tree, unsigned idx)
{
    int ends[2];

    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "link");
    give_link(&tree->worker, HS_ROLE_ENGINE, idx, tree->engines[idx].generation, ends[0]);
    give_link(&tree->engines[idx], HS_ROLE_WORKER, 0, tree->worker.generation, ends[1]);
}

static void link_manager(struct tree *tree)
{
    int ends[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "link");
    give_link(&tree->worker, HS_ROLE_MANAGER, 0, 1, ends[0]);
    if (tree->manager_fd >= 0) close(tree->manager_fd);
    tree->manager_fd = ends[1];
    tree->received_bytes = 0;
    tree->session = 0;
}

static void tell_down(const struct process *to, enum hs_role_kind peer, unsigned idx,
                      uint64_t generation)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_PEER_DOWN, "killed by signal 9");
    record.peer = (uint16_t)peer;
    record.idx = (uint16_t)idx;
    record.generation = generation;
    must(hs_control_send(to->control_fd, &record, -1) == 0, "tell of a death");
}

static void kill_role(struct process *process)
{
    (void)kill(process->pid, SIGKILL);
    must(waitpid(process->pid, NULL, 0) == process->pid, "reap");
    close(process->control_fd);
}

/* The engine is away for away_ms: a successor may be there within one interval of the schedule. */
static void replace_engine(struct tree *tree, unsigned idx, unsigned away_ms)
{
    uint64_t generation = tree->engines[idx].generation;

    kill_role(&tree->engines[idx]);
    tell_down(&tree->worker, HS_ROLE_ENGINE, idx, generation);
    (void)usleep(away_ms * 1000);
    start_role(tree, &tree->engines[idx], HS_ROLE_ENGINE, idx);
    link_engine(tree, idx);
}

static void replace_worker(struct tree *tree)
{
    uint64_t generation = tree->worker.generation;

    kill_role(&tree->worker);
    for (unsigned i = 0; i < ENGINES; i++)
        tell_down(&tree->engines[i], HS_ROLE_WORKER, 0, generation);
    start_role(tree, &tree->worker, HS_ROLE_WORKER, 0);
    link_manager(tree);
    for (unsigned i = 0; i < ENGINES; i++) link_engine(tree, i);
}

/* ---- the manager's part ---- */

static void send_frame(struct tree *tree, enum hs_msg_type type, const void *message)
{
    static uint8_t   bytes[FRAME_ROOM];
    struct hs_writer writer;
    struct hs_frame  frame = {.type = (uint16_t)type, .version = HS_FRAME_VERSION, .request_id = 7};

    hs_writer_init(&writer, bytes + HS_FRAME_HEADER_BYTES, sizeof bytes - HS_FRAME_HEADER_BYTES);
    must(hs_wire_encode(type, message, &writer) == 0, "encode");
    frame.body = hs_view_of(writer.data, writer.used_bytes);
    hs_frame_put_header(bytes, &frame);
    must(send(tree->manager_fd, bytes, HS_FRAME_HEADER_BYTES + writer.used_bytes, MSG_NOSIGNAL) > 0,
         "send");
}

static void take_parts(struct tree *tree, struct hs_view payload, struct hs_stats *into)
{
    struct hs_reader    reader;
    struct hs_step_part part;
    int                 rc;

    hs_reader_init(&reader, payload);
    while ((rc = hs_step_parts_next(&reader, &part)) == 1) {
        struct hs_stats_part opened;

        if (hs_stats_part_open(&opened, part.bytes) < 0 ||
            hs_stats_part_apply(&opened, into, NULL) < 0)
            tree->refused_parts++;
    }
    if (rc < 0) tree->refused_parts++;
}

static void on_message(struct tree *tree, unsigned type, const union hs_msg *message)
{
    if (type == HS_MSG_WREG) {
        struct hs_msg_wreg_ack ack = {.code = HS_RESULT_OK, .session = 5, .manager_fence = 9};

        tree->session = 5;
        send_frame(tree, HS_MSG_WREG_ACK, &ack);
    } else if (type == HS_MSG_EXEC_PROGRESS) {
        if (message->exec_progress.kind == HS_PROGRESS_FULL)
            tree->whole_count++;
        else
            tree->difference_count++;
        take_parts(tree, message->exec_progress.payload, &tree->progress);
    } else if (type == HS_MSG_EXEC_RESULT) {
        struct hs_msg_exec_result_ack ack = {.exec = message->exec_result.exec,
                                             .exec_fence = message->exec_result.exec_fence,
                                             .stage = HS_STAGE_DURABLE};

        tree->last_result = message->exec_result;
        hs_stats_clear(&tree->result);
        take_parts(tree, message->exec_result.payload, &tree->result);
        send_frame(tree, HS_MSG_EXEC_RESULT_ACK, &ack);
    }
}

/* Until a message of this type has been handled; false: not within timeout_ms. */
static bool await(struct tree *tree, unsigned wanted, unsigned timeout_ms, union hs_msg *message)
{
    uint64_t until_ns = now_ns() + timeout_ms * HS_NS_PER_MS;

    for (;;) {
        struct hs_view  have = hs_view_of(tree->received, tree->received_bytes);
        struct hs_frame frame;
        size_t          need_bytes;
        int             taken = hs_frame_parse(have, &frame, &need_bytes);
        struct pollfd   poll_fd = {.fd = tree->manager_fd, .events = POLLIN};
        ssize_t         got;

        must(taken >= 0, "a frame from the worker");
        if (taken > 0) {
            unsigned type = frame.type;

            must(hs_wire_open(&frame, HS_ROLE_WORKER, HS_ROLE_MANAGER, message) == 0, "message");
            on_message(tree, type, message);
            tree->received_bytes -= (size_t)taken;
            memmove(tree->received, tree->received + taken, tree->received_bytes);
            if (type == wanted) return true;
            continue;
        }
        if (now_ns() >= until_ns) return false;
        if (poll(&poll_fd, 1, 20) <= 0) continue;
        got = read(tree->manager_fd, tree->received + tree->received_bytes,
                   FRAME_ROOM - tree->received_bytes);
        if (got <= 0) return false;
        tree->received_bytes += (size_t)got;
    }
}

/* Until the load runs, as its progress says; how many requests were completed by then. */
static uint64_t await_load(struct tree *tree)
{
    union hs_msg message;

    while (!hs_stats_completed(&tree->progress))
        must(await(tree, HS_MSG_EXEC_PROGRESS, PATIENCE_MS, &message), "progress");
    return hs_stats_completed(&tree->progress);
}

static void dispatch(struct tree *tree, uint64_t fence, unsigned cores, uint32_t vus,
                     uint64_t iterations)
{
    struct hs_msg_exec_dispatch message = {.exec = {.job_id = {1}},
                                           .exec_fence = fence,
                                           .manager_fence = 9,
                                           .session = tree->session,
                                           .plan_bytes = (uint32_t)strlen(tree->plan),
                                           .plan = hs_view_text(tree->plan),
                                           .cores = (uint16_t)cores,
                                           .vus = vus,
                                           .vus_total = vus,
                                           .iterations = iterations,
                                           .share = cores,
                                           .share_total = cores,
                                           .shard_count = 1,
                                           .timeout_ns = 90 * HS_NS_PER_S};

    must(EVP_Digest(tree->plan, strlen(tree->plan), message.digest, NULL, EVP_sha256(), NULL),
         "digest");
    send_frame(tree, HS_MSG_EXEC_DISPATCH, &message);
}

#define OPEN_LOAD(seconds)                                                                         \
    "{\"model\": \"open\", \"rate\": \"1000/s\", \"max_in_flight\": 60, \"for\": \"" seconds "\"}"

static void begin(struct tree *tree, const char *load)
{
    (void)snprintf(tree->plan, sizeof tree->plan,
                   "{\"version\": 1, \"workflows\": [{\"name\": \"w\", \"load\": %s, \"steps\": "
                   "[{\"name\": \"s\", \"url\": \"http://127.0.0.1:%u/\"}]}]}",
                   load, tree->port);
    hs_stats_clear(&tree->progress);
    hs_stats_clear(&tree->result);
    tree->whole_count = tree->difference_count = tree->refused_parts = 0;
    tree->fence++;
}

static void check_identities(const struct hs_stats *stats)
{
    CHECK_EQ(hs_stats_in_flight(stats), 0);
    CHECK_EQ(stats->tallies[HS_TALLY_SENT],
             hs_stats_completed(stats) + hs_stats_failed(stats) + stats->tallies[HS_TALLY_CUT]);
}

static void finish(struct tree *tree, enum hs_exec_outcome outcome)
{
    union hs_msg message;

    CHECK(await(tree, HS_MSG_EXEC_RESULT, PATIENCE_MS, &message));
    CHECK_EQ(tree->last_result.outcome, outcome);
    CHECK_EQ(tree->refused_parts, 0);
    check_identities(&tree->result);
}

/* ---- the tests ---- */

static void iterations_are_split_and_counted(struct tree *tree)
{
    union hs_msg message;

    begin(tree, "{\"model\": \"closed\", \"vus\": 5, \"iterations\": 1001}");
    dispatch(tree, tree->fence, 2, 5, 1001);
    CHECK(await(tree, HS_MSG_EXEC_ACK, PATIENCE_MS, &message));
    CHECK_EQ(message.exec_ack.code, HS_RESULT_OK);
    finish(tree, HS_OUTCOME_COMPLETED);
    CHECK_EQ(hs_stats_completed(&tree->result), 1001);
    CHECK_EQ(tree->result.tallies[HS_TALLY_ITERATIONS], 1001);
    dispatch(tree, tree->fence, 2, 5, 1001); /* again: nothing runs */
    CHECK(await(tree, HS_MSG_EXEC_ACK, PATIENCE_MS, &message));
    CHECK_EQ(message.exec_ack.state, HS_EXEC_TOMBSTONE);
}

static void progress_is_whole_first_and_then_differences(struct tree *tree)
{
    begin(tree,
          "{\"model\": \"open\", \"rate\": \"500/s\", \"max_in_flight\": 20, \"for\": \"1s\"}");
    dispatch(tree, tree->fence, 2, 0, 0);
    finish(tree, HS_OUTCOME_COMPLETED);
    CHECK_EQ(hs_stats_offered(&tree->result), 500);
    CHECK(hs_stats_completed(&tree->progress) <= hs_stats_completed(&tree->result));
    CHECK_EQ(tree->whole_count, 1);
    CHECK(tree->difference_count >= 1);
}

static void a_dead_engine_costs_what_was_due_meanwhile(struct tree *tree)
{
    uint64_t before;

    begin(tree, OPEN_LOAD("2s"));
    dispatch(tree, tree->fence, 2, 0, 0);
    before = await_load(tree);
    replace_engine(tree, 0, 100);
    finish(tree, HS_OUTCOME_COMPLETED);
    CHECK_EQ(tree->last_result.restarts, 1);
    CHECK_EQ(hs_stats_offered(&tree->result), 2000);
    CHECK(tree->result.tallies[HS_TALLY_LOST] >= 49); /* one was due every 2 ms */
    CHECK(hs_stats_completed(&tree->result) > before);
}

static void iterations_of_a_dead_engine_are_run_again(struct tree *tree)
{
    begin(tree, "{\"model\": \"closed\", \"vus\": 4, \"iterations\": 50000}");
    dispatch(tree, tree->fence, 2, 4, 50000);
    (void)await_load(tree);
    replace_engine(tree, 1, 0);
    finish(tree, HS_OUTCOME_COMPLETED);
    CHECK_EQ(tree->last_result.restarts, 1);
    CHECK_EQ(hs_stats_completed(&tree->result), 50000);
    CHECK(tree->result.tallies[HS_TALLY_DISCARDED] > 0);
}

static void a_dead_worker_is_not_noticed_by_the_load(struct tree *tree)
{
    union hs_msg message;

    begin(tree, OPEN_LOAD("3s"));
    dispatch(tree, tree->fence, 2, 0, 0);
    (void)await_load(tree);
    replace_worker(tree);
    CHECK(await(tree, HS_MSG_WREG, PATIENCE_MS, &message));
    CHECK(await(tree, HS_MSG_EXEC_PROGRESS, PATIENCE_MS, &message));
    replace_engine(tree, 1, 0); /* its successor needs the plan: it comes with the same dispatch */
    dispatch(tree, tree->fence, 2, 0, 0);
    CHECK(await(tree, HS_MSG_EXEC_ACK, PATIENCE_MS, &message));
    CHECK_EQ(message.exec_ack.code, HS_RESULT_OK);
    finish(tree, HS_OUTCOME_COMPLETED);
    CHECK_EQ(tree->last_result.restarts, 1);
    CHECK_EQ(hs_stats_offered(&tree->result), 3000);
}

static void a_result_survives_the_worker(struct tree *tree)
{
    begin(tree, OPEN_LOAD("2s"));
    dispatch(tree, tree->fence, 2, 0, 0);
    (void)await_load(tree);
    kill_role(&tree->worker);
    (void)usleep(3000 * 1000); /* the engines finish alone */
    start_role(tree, &tree->worker, HS_ROLE_WORKER, 0);
    link_manager(tree);
    for (unsigned i = 0; i < ENGINES; i++) link_engine(tree, i);
    finish(tree, HS_OUTCOME_COMPLETED);
    CHECK_EQ(hs_stats_offered(&tree->result), 2000);
}

static void a_cancelled_share_tells_what_it_measured(struct tree *tree)
{
    struct hs_msg_exec_cancel cancel = {.exec = {.job_id = {1}}, .manager_fence = 9};
    union hs_msg              message;

    begin(tree, "{\"model\": \"closed\", \"vus\": 4, \"for\": \"20s\"}");
    dispatch(tree, tree->fence, 2, 4, 0);
    (void)await_load(tree);
    cancel.exec_fence = tree->fence;
    send_frame(tree, HS_MSG_EXEC_CANCEL, &cancel);
    CHECK(await(tree, HS_MSG_EXEC_CANCEL_ACK, PATIENCE_MS, &message));
    CHECK_EQ(message.exec_cancel_ack.code, HS_RESULT_OK);
    finish(tree, HS_OUTCOME_CANCELLED);
    CHECK(hs_stats_completed(&tree->result) > 0);
}

static void open_tree(struct tree *tree)
{
    struct hs_chunk *chunks = calloc(CHUNKS, sizeof *chunks);

    must(chunks != NULL, "memory");
    hs_chunk_pool_init(&tree->pool, chunks, CHUNKS);
    hs_stats_init(&tree->progress, &tree->pool);
    hs_stats_init(&tree->result, &tree->pool);
    tree->received = malloc(FRAME_ROOM);
    tree->manager_fd = -1;
    tree->fence = 100;
    hs_config_defaults(&tree->config);
    tree->config.worker.progress_interval_ns = 200 * HS_NS_PER_MS;
    tree->config.engine.connections_max = 64;
    tree->config.engine.recv_buffers = 64;
    start_target(tree);
    make_shares(tree);
    start_role(tree, &tree->worker, HS_ROLE_WORKER, 0);
    for (unsigned i = 0; i < ENGINES; i++) {
        start_role(tree, &tree->engines[i], HS_ROLE_ENGINE, i);
        link_engine(tree, i);
    }
    link_manager(tree);
}

int main(void)
{
    static struct tree tree;
    union hs_msg       message;

    open_tree(&tree);
    must(await(&tree, HS_MSG_WHB, PATIENCE_MS, &message), "the worker registers");
    CHECK_EQ(message.whb.cores_free, ENGINES);
    iterations_are_split_and_counted(&tree);
    progress_is_whole_first_and_then_differences(&tree);
    a_dead_engine_costs_what_was_due_meanwhile(&tree);
    iterations_of_a_dead_engine_are_run_again(&tree);
    a_dead_worker_is_not_noticed_by_the_load(&tree);
    a_result_survives_the_worker(&tree);
    a_cancelled_share_tells_what_it_measured(&tree);
    kill_role(&tree.worker);
    for (unsigned i = 0; i < ENGINES; i++) kill_role(&tree.engines[i]);
    (void)kill(tree.target, SIGKILL);
    return tell_counts();
}
