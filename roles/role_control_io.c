// SPDX-License-Identifier: Apache-2.0
/* role_control_io.c - the role's end of its control socket: records in, to the hooks; requests
 * out. */
#include "roles/control_io.h"
#include "roles/role_io.h"

#include "roles/config.h"
#include "roles/counters.h"
#include "roles/host_table.h"
#include "roles/resolver_answer.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RECORDS_PER_TURN = 32,  /* then the loop gets its turn again; the watch is level triggered */
    SUMMARY_ATTEMPTS = 100, /* its writer is rarely at it */
    SEGMENT_CONFIG = HS_ROLE_SEGMENTS_MAX - 1
};

/* Maps the new image, hands it out, then lets the old one go: nobody holds a pointer into it any
 * more once the hook has returned. */
static void take_config(struct hs_role_process *process, const struct hs_control_record *record,
                        int fd)
{
    const struct hs_segment_spec spec = {.kind = HS_SEGMENT_CONFIG_IMAGE,
                                         .version = HS_CONFIG_VERSION,
                                         .body_bytes = sizeof(struct hs_config)};
    struct hs_segment            fresh;
    struct hs_segment            old = process->segments[SEGMENT_CONFIG];
    struct hs_err                err;
    int                          rc = hs_segment_map(&fresh, fd, &spec, HS_SEGMENT_READ_ONLY, &err);

    (void)close(fd);
    if (rc == 0) {
        rc = hs_config_check_image(hs_segment_body(&fresh), sizeof(struct hs_config), &err);
        if (rc < 0) hs_segment_unmap(&fresh);
    }
    if (rc < 0) {
        hs_log(HS_LOG_ERROR, "role", "config_refused reason=\"%s\"", err.text);
        return;
    }
    process->segments[SEGMENT_CONFIG] = fresh;
    process->config = hs_segment_body(&fresh);
    hs_counter_add(process->counters, HS_COUNT_config_reloads, 1);
    hs_log(HS_LOG_INFO, "role", "config generation=%" PRIu64, record->number);
    if (process->hooks->on_config) process->hooks->on_config(process->self, process->config);
    hs_segment_unmap(&old);
}

static void take_link(struct hs_role_process *process, const struct hs_control_record *record,
                      int fd)
{
    if (process->hooks->on_link)
        process->hooks->on_link(process->self, (enum hs_role_kind)record->peer, record->idx,
                                record->generation, record->token, fd);
    else
        (void)close(fd);
}

/* When it cannot be told: yes, for then nothing goes on by mistake. */
static bool is_daemon_stopping(const struct hs_role_process *process)
{
    struct hs_host_summary summary = {0};
    int                    rc = -EAGAIN;

    for (unsigned i = 0; i < SUMMARY_ATTEMPTS && rc == -EAGAIN; i++)
        rc = hs_host_table_load_summary(process->host, &summary);
    return rc < 0 || summary.is_stopping;
}

static void take_stop(struct hs_role_process *process, uint64_t deadline_ns)
{
    bool is_first = !process->is_stopping;

    if (is_first && process->hooks->hands_over && !is_daemon_stopping(process)) {
        hs_log(HS_LOG_INFO, "role", "hands over to its successor");
        process->is_handing_over = true;
        return;
    }
    process->is_stopping = true;
    process->stop_deadline_ns = hs_min_u64(process->stop_deadline_ns, deadline_ns);
    if (is_first)
        hs_vitals_enter(process->vitals, HS_VITALS_STOPPING, hs_loop_now_ns(process->loop));
    if (process->hooks->on_stop) process->hooks->on_stop(process->self, process->stop_deadline_ns);
}

static void take_drain(struct hs_role_process *process)
{
    if (!process->is_stopping)
        hs_vitals_enter(process->vitals, HS_VITALS_DRAINING, hs_loop_now_ns(process->loop));
    if (process->hooks->on_drain) process->hooks->on_drain(process->self);
}

static void take_record(struct hs_role_process *process, const struct hs_control_record *record,
                        int fd)
{
    const struct hs_role_hooks *hooks = process->hooks;
    enum hs_role_kind           peer = (enum hs_role_kind)record->peer;

    switch ((enum hs_control_type)record->type) {
    case HS_CONTROL_LINK: take_link(process, record, fd); break;
    case HS_CONTROL_PEER_DOWN:
        if (hooks->on_peer_down)
            hooks->on_peer_down(process->self, peer, record->idx, record->generation, record->text);
        break;
    case HS_CONTROL_DRAIN: take_drain(process); break;
    case HS_CONTROL_STOP: take_stop(process, record->deadline_ns); break;
    case HS_CONTROL_CONFIG: take_config(process, record, fd); break;
    case HS_CONTROL_ANSWER:
        if (hooks->on_answer)
            hooks->on_answer(process->self, record->token, record->code, record->text);
        break;
    case HS_CONTROL_QUARANTINE:
        if (hooks->on_quarantine)
            hooks->on_quarantine(process->self, record->number, record->job_id);
        break;
    case HS_CONTROL_CREDENTIALS:
        if (hooks->on_credentials)
            hooks->on_credentials(process->self, record->number, fd);
        else
            (void)close(fd);
        break;
    case HS_CONTROL_NONE:
    case HS_CONTROL_READY:
    case HS_CONTROL_RESOLVE:
    case HS_CONTROL_REQUEST:
    case HS_CONTROL_SEGMENT_BAD:
    case HS_CONTROL_CREDENTIALS_TAKEN:
    case HS_CONTROL_TREE_READY:
    case HS_CONTROL_DEATH:
    case HS_CONTROL_TYPE_COUNT: break; /* not for a role */
    }
}

void hs_role_take_control(struct hs_role_process *process)
{
    if (!process->hooks) return; /* waits in the socket until the role serves */
    for (unsigned i = 0; i < RECORDS_PER_TURN; i++) {
        struct hs_control_record record;
        int                      fd;
        int rc = hs_control_recv(process->heritage->control_fd, HS_ROLE_NONE, &record, &fd);

        if (rc == -EAGAIN) return;
        if (rc < 0) { /* what it was to say is lost: a new life is told everything again */
            hs_counter_add(process->counters, HS_COUNT_control_records_bad, 1);
            hs_log(HS_LOG_ERROR, "role", "control_record_bad error=%s", hs_err_code_text(rc));
            process->is_misled = true;
            return;
        }
        if (rc == 0) {
            process->is_orphaned = true;
            return;
        }
        hs_counter_add(process->counters, HS_COUNT_control_records_in, 1);
        take_record(process, &record, fd);
    }
}

static void tell_bad_segment(const struct hs_heritage *heritage, const char *name,
                             unsigned engine_idx)
{
    struct hs_control_record record;
    int                      rc;

    hs_log(HS_LOG_ERROR, "role", "segment_refused name=%s engine=%u", name, engine_idx);
    hs_control_init(&record, HS_CONTROL_SEGMENT_BAD, name);
    record.idx = (uint16_t)engine_idx;
    record.generation = heritage->generation;
    rc = hs_control_send(heritage->control_fd, &record, -1);
    if (rc < 0) hs_log(HS_LOG_ERROR, "role", "segment_refused not told: %s", hs_err_code_text(rc));
}

void hs_role_refuse_share(const struct hs_heritage *heritage, enum hs_share share)
{
    tell_bad_segment(heritage, hs_share_name(share), 0);
}

void hs_role_refuse_engine_segment(const struct hs_heritage *heritage, unsigned engine_idx,
                                   enum hs_engine_segment which)
{
    tell_bad_segment(heritage, hs_engine_segment_name(which), engine_idx);
}

int hs_role_ask_resolver(struct hs_role_process *process, const char *host, uint64_t token)
{
    struct hs_control_record record;

    if (!*host || strlen(host) >= HS_HOST_NAME_BYTES) return -EINVAL;
    hs_control_init(&record, HS_CONTROL_RESOLVE, host);
    record.token = token;
    return hs_control_send(process->heritage->control_fd, &record, -1);
}

bool hs_role_take_addresses(int fd, struct hs_resolver_answer *answer)
{
    ssize_t got;

    *answer = (struct hs_resolver_answer){0};
    got = recv(fd, answer, sizeof *answer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got != (ssize_t)sizeof *answer) answer->code = -EIO;
    if (!answer->code && (!answer->count || answer->count > HS_ADDRESSES_MAX))
        answer->code = -ENOENT;
    return true;
}

int hs_role_request(struct hs_role_process *process, const char *verb, const char *process_name,
                    uint32_t uid, uint64_t token)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_REQUEST, process_name);
    record.verb = (uint16_t)hs_control_verb_from_name(verb);
    record.uid = uid;
    record.token = token;
    if (record.verb == HS_VERB_NONE) return -EINVAL;
    return hs_control_send(process->heritage->control_fd, &record, -1);
}
