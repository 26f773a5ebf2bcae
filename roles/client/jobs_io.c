// SPDX-License-Identifier: Apache-2.0
/* jobs_io.c - the commands that ask a daemon's gate one thing: list, status JOB, cancel, results;
 * and those that follow a job of it: submit, watch. */
#include "roles/client/commands.h"

#include "roles/client/exit_code.h"
#include "roles/client/gates.h"
#include "roles/client/jobs_text.h"
#include "roles/client/plan_load.h"
#include "roles/client/print_io.h"
#include "roles/client/results.h"
#include "roles/client/session_io.h"
#include "roles/client/where_io.h"
#include "roles/job_table.h"
#include "roles/result_code.h"
#include "shm/base/time.h"
#include "shm/base/units.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_TIMEOUT_MS = 10000, STATUS_TEXT_BYTES = 64 << 10, RETRIES_MAX = 3 };
#define RETRY_MAX_NS (10 * HS_NS_PER_S)

struct gate {
    struct hs_client_link link;
    struct hs_where       where;
    struct hs_gates       gates;
    unsigned              idx;       /* of where: the one that is connected */
    unsigned              lost;      /* of them: have not answered, which has been printed */
    int                   lost_code; /* exit code that the last of those has earned */
    bool                  has_title; /* the list has */
    union hs_msg          answer;
};

static int complain_of_daemon(const struct gate *gate, const struct hs_err *err)
{
    if (!gate->where.credentials && (err->code == -ENOENT || err->code == -ECONNREFUSED))
        return hs_complain(HS_EXIT_CLUSTER,
                           "no daemon at %s (start one: hyperscaled start; or say where: --socket)",
                           hs_where_name(&gate->where, gate->idx));
    return hs_complain(HS_EXIT_CLUSTER, "%s", err->text);
}

/* Where the gates are, in the order in which they are asked. 0, or an exit code. */
static int find_gates(struct gate *gate, const struct hs_options *options)
{
    char user[HS_CLIENT_ID_BYTES];
    int  rc = hs_find_gates(options, &gate->where);

    if (rc) return rc;
    hs_client_id(user);
    hs_gates_init(&gate->gates, &gate->where, hs_view_text(user));
    if (hs_client_link_init(&gate->link) == 0) return 0;
    return hs_complain(HS_EXIT_INTERNAL, "out of memory");
}

static void lose(struct gate *gate, int exit_code)
{
    gate->lost++;
    gate->lost_code = exit_code;
}

/* The next one that answers: 1; 0: there is no other, and what is wrong with those has been
 * printed. */
static int connect_next(struct gate *gate)
{
    const struct hs_msg_hello hello = {.role = HS_ROLE_CLIENT, .version = 1};
    struct hs_gates_pick      pick;
    struct hs_err             err;

    while (hs_gates_pick(&gate->gates, hs_client_now_ns(), false, &pick)) {
        int rc;

        hs_gates_drop(&gate->gates); /* once is enough */
        gate->idx = pick.gate_idx;
        rc = hs_client_link_connect(&gate->link, &gate->where, gate->idx, &err);
        if (!rc && !gate->where.credentials) { /* elsewhere it has been said */
            rc = hs_client_link_send(&gate->link, HS_MSG_HELLO, &hello);
            if (rc) (void)hs_err_set(&err, rc, "%s", gate->where.path);
        }
        if (!rc) return 1;
        lose(gate, complain_of_daemon(gate, &err));
    }
    return 0;
}

/* NULL: out of memory, which has been printed. */
static struct gate *make_gate(void)
{
    struct gate *gate = calloc(1, sizeof *gate);

    if (gate)
        gate->link.fd = -1;
    else
        hs_warn("out of memory");
    return gate;
}

static void close_gate(struct gate *gate)
{
    hs_client_link_fini(&gate->link);
    free(gate);
}

/* Waits for an answer of that type into gate->answer; other messages are for nobody here. */
static int await(struct gate *gate, enum hs_msg_type wanted)
{
    uint64_t deadline_ns = hs_client_now_ns() + ANSWER_TIMEOUT_MS * HS_NS_PER_MS;

    while (hs_client_now_ns() < deadline_ns) {
        struct pollfd    readable = {.fd = gate->link.fd, .events = POLLIN};
        enum hs_msg_type type;
        int              rc = hs_client_link_receive(&gate->link, &type, &gate->answer);

        if (rc < 0) return rc;
        if (rc == 1 && type == wanted) return 0;
        if (rc == 1 && type == HS_MSG_REFUSED) return -ECANCELED;
        if (rc == 0) (void)poll(&readable, 1, ANSWER_TIMEOUT_MS);
    }
    return -ETIMEDOUT;
}

static int complain_of_code(uint16_t code, const char *text)
{
    return hs_complain(HS_EXIT_CLUSTER, "%s%s%s", hs_refusal_text(code), text[0] ? ": " : "", text);
}

/* A gate that has too much to do says when to come again: a little later than that, and three times
 * at most. */
static bool waits(const struct hs_msg_refused *refused, unsigned try)
{
    uint64_t        wait_ns = hs_min_u64(refused->retry_after_ns, RETRY_MAX_NS) * 11 / 10;
    struct timespec wait = {.tv_sec = (time_t)(wait_ns / HS_NS_PER_S),
                            .tv_nsec = (long)(wait_ns % HS_NS_PER_S)};

    if (try > RETRIES_MAX || refused->retry_after_ns > RETRY_MAX_NS || !wait_ns ||
        hs_result_code_class(refused->code) != HS_RESULT_CLASS_TRANSIENT)
        return false;
    return nanosleep(&wait, NULL) == 0;
}

/* 0, or an exit code: what is wrong has been printed. */
static int ask(struct gate *gate, enum hs_msg_type type, const void *message,
               enum hs_msg_type wanted)
{
    unsigned      try = 0;
    struct hs_err err;
    int           rc;

    do {
        rc = hs_client_link_send(&gate->link, type, message);
        if (!rc) rc = await(gate, wanted);
    } while (rc == -ECANCELED && waits(&gate->answer.refused, ++try));
    if (rc == -ECANCELED)
        return complain_of_code(gate->answer.refused.code, gate->answer.refused.text);
    if (rc == 0) return 0;
    (void)hs_err_set(&err, rc, "%s", hs_where_name(&gate->where, gate->idx));
    return complain_of_daemon(gate, &err);
}

static int parse_job(const struct hs_options *options, uint8_t job_id[HS_JOB_ID_BYTES])
{
    if (hs_hex_parse(options->operand, job_id, HS_JOB_ID_BYTES) == 0) return 0;
    return hs_complain(HS_EXIT_USAGE,
                       "a job is named by its 32 digits (see: hyperscale list), not \"%.60s\"",
                       options->operand);
}

/* Connects to the gate that has the job: of several, each is asked until one knows it. 0, or an
 * exit code. */
static int connect_owner(struct gate *gate, const struct hs_options *options,
                         const uint8_t job_id[HS_JOB_ID_BYTES])
{
    struct hs_msg_status_get get = {0};
    int                      rc = find_gates(gate, options);

    memcpy(get.job_id, job_id, sizeof get.job_id);
    if (rc) return rc;
    while (connect_next(gate)) {
        if (gate->gates.count == 1) return 0;
        rc = ask(gate, HS_MSG_STATUS_GET, &get, HS_MSG_STATUS);
        if (rc)
            lose(gate, rc);
        else if (gate->answer.status.code != HS_RESULT_UNKNOWN_JOB)
            return 0;
    }
    if (gate->lost == gate->gates.count) return gate->lost_code;
    return complain_of_code(HS_RESULT_UNKNOWN_JOB, gate->lost || gate->where.is_partial
                                                       ? "not at the gates that have answered"
                                                       : "");
}

static int print_document(json_t *document)
{
    char *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL;
    int   rc = text ? hs_print_text(STDOUT_FILENO, text) : -ENOMEM;

    if (!rc) rc = hs_print_text(STDOUT_FILENO, "\n");
    free(text);
    json_decref(document);
    return rc < 0 ? hs_complain(HS_EXIT_OUTPUT, "the answer: %s", hs_err_code_text(rc)) : 0;
}

/* ---- list ---- */

static int take_rows(const struct hs_msg_job_list *list, json_t *jobs)
{
    struct hs_msg_job_row row;
    struct hs_reader      rows;
    char                  line[HS_JOBS_LINE_BYTES];
    int                   rc;

    hs_reader_init(&rows, list->rows);
    while ((rc = hs_wire_get_row(HS_MSG_JOB_ROW, &rows, &row)) == 1)
        if (jobs ? json_array_append_new(jobs, hs_jobs_row_json(&row))
                 : hs_print_text(STDOUT_FILENO, hs_jobs_line(&row, line)))
            return HS_EXIT_OUTPUT;
    return rc < 0 ? hs_complain(HS_EXIT_CLUSTER, "the list cannot be read") : 0;
}

/* Above what the first gate that answers has. */
static int print_title(struct gate *gate)
{
    char line[HS_JOBS_LINE_BYTES];

    if (gate->has_title) return 0;
    gate->has_title = true;
    return hs_print_text(STDOUT_FILENO, hs_jobs_title(line)) < 0 ? HS_EXIT_OUTPUT : 0;
}

static int list_all(struct gate *gate, const struct hs_options *options, json_t *jobs)
{
    struct hs_msg_job_list_get get = {.only_active = options->value[HS_OPTION_active] != NULL};
    int                        rc;

    do {
        rc = ask(gate, HS_MSG_JOB_LIST_GET, &get, HS_MSG_JOB_LIST);
        if (!rc && gate->answer.job_list.code != HS_RESULT_OK)
            rc = complain_of_code(gate->answer.job_list.code, "");
        if (!rc && !jobs) rc = print_title(gate);
        if (!rc) rc = take_rows(&gate->answer.job_list, jobs);
        get.cursor = gate->answer.job_list.next_cursor;
    } while (!rc && get.cursor);
    return rc;
}

/* Of every gate, since each knows its own. */
static int list_gates(struct gate *gate, const struct hs_options *options, json_t *jobs)
{
    while (connect_next(gate)) {
        int rc = list_all(gate, options, jobs);

        if (rc == HS_EXIT_OUTPUT) return rc;
        if (rc) lose(gate, rc);
    }
    if (gate->lost == gate->gates.count) return gate->lost_code;
    return gate->lost || gate->where.is_partial ? HS_EXIT_PARTIAL : 0;
}

int hs_command_list(const struct hs_options *options)
{
    struct gate *gate = make_gate();
    json_t      *jobs = options->value[HS_OPTION_json] ? json_array() : NULL;
    int          rc;

    if (!gate) return HS_EXIT_INTERNAL;
    rc = find_gates(gate, options);
    if (!rc) rc = list_gates(gate, options, jobs);
    close_gate(gate);
    if (jobs && (!rc || rc == HS_EXIT_PARTIAL)) {
        int printed = print_document(json_pack("{s:i,s:o}", "schema", 1, "jobs", jobs));

        return printed ? printed : rc;
    }
    json_decref(jobs);
    return rc;
}

/* ---- status JOB, cancel ---- */

static int print_status(const struct hs_msg_status *status)
{
    char *text = malloc(STATUS_TEXT_BYTES);
    int   rc = text ? hs_jobs_status_text(status, text, STATUS_TEXT_BYTES) : -ENOMEM;

    if (rc < 0)
        rc = hs_complain(HS_EXIT_CLUSTER, "the status: %s", hs_err_code_text(rc));
    else if (hs_print_text(STDOUT_FILENO, text) < 0)
        rc = HS_EXIT_OUTPUT;
    free(text);
    return rc;
}

static int show_status(struct gate *gate, const struct hs_msg_status_get *get, bool is_json)
{
    const struct hs_msg_status *status = &gate->answer.status;
    int                         rc = ask(gate, HS_MSG_STATUS_GET, get, HS_MSG_STATUS);

    if (rc) return rc;
    if (status->code != HS_RESULT_OK) return complain_of_code(status->code, status->text);
    return is_json ? print_document(hs_jobs_status_json(status)) : print_status(status);
}

int hs_command_status_of_job(const struct hs_options *options)
{
    struct gate             *gate = make_gate();
    struct hs_msg_status_get get = {0};
    int                      rc;

    if (!gate) return HS_EXIT_INTERNAL;
    rc = parse_job(options, get.job_id);
    if (!rc) rc = connect_owner(gate, options, get.job_id);
    if (!rc) rc = show_status(gate, &get, options->value[HS_OPTION_json] != NULL);
    close_gate(gate);
    return rc;
}

static int fill_cancel(const struct hs_options *options, struct hs_msg_cancel *cancel)
{
    const char *workflow = options->value[HS_OPTION_workflow];
    const char *reason = options->value[HS_OPTION_reason];
    uint64_t    number = HS_WORKFLOW_ALL;

    if (workflow &&
        (hs_units_parse_count(hs_view_text(workflow), &number) != 0 || number >= HS_WORKFLOWS_MAX))
        return hs_complain(HS_EXIT_USAGE, "--workflow takes a number below %d, not \"%s\"",
                           HS_WORKFLOWS_MAX, workflow);
    cancel->workflow = (uint16_t)number;
    hs_client_id(cancel->requester);
    (void)snprintf(cancel->reason, sizeof cancel->reason, "%s",
                   reason ? reason : "cancelled by its user");
    if (getrandom(cancel->request_id, sizeof cancel->request_id, 0) < 0)
        return hs_complain(HS_EXIT_INTERNAL, "%s", hs_err_code_text(-errno));
    return 0;
}

static int cancel_job(struct gate *gate, const struct hs_msg_cancel *cancel)
{
    const struct hs_msg_cancel_ack *ack = &gate->answer.cancel_ack;
    char                            line[HS_NAME_BYTES];
    int                             rc = ask(gate, HS_MSG_CANCEL, cancel, HS_MSG_CANCEL_ACK);

    if (rc) return rc;
    if (ack->code != HS_RESULT_OK && ack->code != HS_RESULT_ALREADY_CANCELLED)
        return complain_of_code(ack->code, ack->text);
    (void)snprintf(line, sizeof line, "%s\n", hs_job_state_name(ack->status));
    return hs_print_text(STDOUT_FILENO, line) < 0 ? HS_EXIT_OUTPUT : HS_EXIT_OK;
}

int hs_command_cancel(const struct hs_options *options)
{
    struct gate         *gate = make_gate();
    struct hs_msg_cancel cancel = {0};
    int                  rc;

    if (!gate) return HS_EXIT_INTERNAL;
    rc = parse_job(options, cancel.job_id);
    if (!rc) rc = fill_cancel(options, &cancel);
    if (!rc) rc = connect_owner(gate, options, cancel.job_id);
    if (!rc) rc = cancel_job(gate, &cancel);
    close_gate(gate);
    return rc;
}

/* ---- results ---- */

struct fetched {
    uint8_t *bytes;
    uint64_t used_bytes;
    uint64_t total_bytes;
    bool     is_final;
    uint32_t status;
};

static int take_piece(const struct hs_msg_results *results, struct fetched *fetched)
{
    const struct hs_results_piece piece = {results->offset_bytes, results->payload.bytes,
                                           results->total_bytes};

    if (results->code != HS_RESULT_OK) return complain_of_code(results->code, results->text);
    if (!hs_results_fit(&piece, fetched->used_bytes, fetched->total_bytes))
        return hs_complain(HS_EXIT_CLUSTER, "the results change while they are read: ask again");
    if (fetched->used_bytes == 0 && results->total_bytes) {
        free(fetched->bytes);
        fetched->bytes = malloc((size_t)results->total_bytes);
        fetched->total_bytes = results->total_bytes;
    }
    if (!fetched->bytes && results->total_bytes)
        return hs_complain(HS_EXIT_INTERNAL, "out of memory");
    if (fetched->bytes && results->payload.bytes)
        memcpy(fetched->bytes + fetched->used_bytes, results->payload.data, results->payload.bytes);
    fetched->used_bytes += results->payload.bytes;
    fetched->is_final = results->final != 0;
    fetched->status = results->status;
    return 0;
}

static int fetch(struct gate *gate, const uint8_t job_id[HS_JOB_ID_BYTES], struct fetched *fetched)
{
    struct hs_msg_results_get get = {0};
    int                       rc;

    memcpy(get.job_id, job_id, sizeof get.job_id);
    do {
        get.offset_bytes = fetched->used_bytes;
        rc = ask(gate, HS_MSG_RESULTS_GET, &get, HS_MSG_RESULTS);
        if (!rc) rc = take_piece(&gate->answer.results, fetched);
    } while (!rc && fetched->used_bytes < gate->answer.results.total_bytes &&
             gate->answer.results.payload.bytes);
    return rc;
}

/* Results do not know the name of their job. */
static int name_of(struct gate *gate, const uint8_t job_id[HS_JOB_ID_BYTES],
                   char name[HS_NAME_BYTES])
{
    struct hs_msg_status_get get = {0};
    struct hs_msg_job_row    row;
    struct hs_reader         rows;
    int                      rc;

    memcpy(get.job_id, job_id, sizeof get.job_id);
    rc = ask(gate, HS_MSG_STATUS_GET, &get, HS_MSG_STATUS);
    if (rc) return rc;
    hs_reader_init(&rows, gate->answer.status.job);
    if (gate->answer.status.code != HS_RESULT_OK)
        return complain_of_code(gate->answer.status.code, gate->answer.status.text);
    if (hs_wire_get_row(HS_MSG_JOB_ROW, &rows, &row) != 1) row.name[0] = '\0';
    (void)snprintf(name, HS_NAME_BYTES, "%s", row.name[0] ? row.name : "job");
    return 0;
}

static int report(const struct fetched *fetched, const char *name, const uint8_t *job_id,
                  bool is_json)
{
    char                  run_id[HS_SESSION_ID_BYTES];
    struct hs_report_meta meta = {.name = name,
                                  .run_id = hs_hex_format(job_id, HS_JOB_ID_BYTES, run_id),
                                  .is_interrupted = fetched->status == HS_JOB_CANCELLED,
                                  .is_running = !fetched->is_final};
    struct hs_run_end     end = {.job_state = fetched->status};
    int                   rc;

    if (!fetched->used_bytes)
        return hs_complain(HS_EXIT_PARTIAL, "the job is %s and has no results",
                           hs_job_state_name(fetched->status));
    if (!fetched->is_final)
        hs_warn("the job is %s: these are its figures so far", hs_job_state_name(fetched->status));
    rc = hs_report_results(hs_view_of(fetched->bytes, (size_t)fetched->used_bytes), &meta, is_json,
                           &end);
    if (rc == -EPROTO) return hs_complain(HS_EXIT_INTERNAL, "the results cannot be read");
    if (rc < 0) return hs_complain(HS_EXIT_OUTPUT, "the result: %s", hs_err_code_text(rc));
    return fetched->is_final ? hs_exit_code_of(&end) : HS_EXIT_OK;
}

int hs_command_results(const struct hs_options *options)
{
    struct gate   *gate = make_gate();
    struct fetched fetched = {0};
    uint8_t        job_id[HS_JOB_ID_BYTES];
    char           name[HS_NAME_BYTES];
    int            rc;

    if (!gate) return HS_EXIT_INTERNAL;
    rc = parse_job(options, job_id);
    if (!rc) rc = connect_owner(gate, options, job_id);
    if (!rc) rc = name_of(gate, job_id, name);
    if (!rc) rc = fetch(gate, job_id, &fetched);
    close_gate(gate);
    if (!rc) rc = report(&fetched, name, job_id, options->value[HS_OPTION_json] != NULL);
    free(fetched.bytes);
    return rc;
}
