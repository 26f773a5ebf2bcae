// SPDX-License-Identifier: Apache-2.0
/* conclude_io.c - a session's end: the report, or why there is none. */
#include "roles/client/session_io.h"

#include "roles/client/exit_code.h"
#include "roles/client/print_io.h"
#include "roles/client/results.h"
#include "roles/job_table.h"
#include "roles/stats/report_json.h"
#include "roles/stats/report_text.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int print_json(const struct hs_report *report)
{
    json_t *document = hs_report_json(report);
    char   *text = document ? json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
    int     rc = text ? hs_print_text(STDOUT_FILENO, text) : -ENOMEM;

    if (!rc) rc = hs_print_text(STDOUT_FILENO, "\n");
    free(text);
    json_decref(document);
    return rc;
}

static int print_text(const struct hs_report *report)
{
    char text[HS_REPORT_TEXT_BYTES];

    return hs_print_words(STDOUT_FILENO, text, hs_report_text(report, text, sizeof text));
}

int hs_report_results(struct hs_view bytes, struct hs_report_meta *meta, bool is_json,
                      struct hs_run_end *end)
{
    struct hs_results *results = calloc(1, sizeof *results);
    struct hs_chunk   *chunks = calloc(HS_RESULTS_CHUNKS, sizeof *chunks);
    struct hs_report  *report = calloc(1, sizeof *report);
    int                rc = results && chunks && report ? 0 : -ENOMEM;

    if (!rc) {
        hs_results_init(results, chunks);
        rc = hs_results_take(results, bytes);
    }
    if (!rc) {
        hs_results_report(results, meta, report);
        end->has_results = true;
        end->is_incomplete = results->is_incomplete;
        end->is_idle = !report->requests.offered && !report->requests.sent;
        end->target = report->target;
        rc = is_json ? print_json(report) : print_text(report);
        if (report->target == HS_TARGET_UNREACHABLE)
            hs_warn("the target was never reached: %s", hs_report_unreached_text(report));
    }
    free(results);
    free(chunks);
    free(report);
    return rc;
}

static int explain(const struct hs_session *session)
{
    const struct hs_follow *follow = &session->follow;

    if (session->signal) return HS_EXIT_SIGNAL + session->signal;
    if (session->err.code)
        return hs_complain(session->wish.where ? HS_EXIT_CLUSTER : HS_EXIT_INTERNAL, "%s%s%s",
                           session->err.text, follow->text[0] ? "; last heard: " : "",
                           follow->text);
    if (follow->refusal)
        return hs_complain(hs_exit_code_of_refusal(follow->refusal), "%s%s%s",
                           hs_refusal_text(follow->refusal), follow->text[0] ? ": " : "",
                           follow->text);
    if (follow->code)
        return hs_complain(HS_EXIT_CLUSTER, "%s",
                           follow->text[0] ? follow->text : hs_err_code_text(follow->code));
    return hs_complain(follow->status == HS_JOB_COMPLETED ? HS_EXIT_INTERNAL : HS_EXIT_PARTIAL,
                       "the job ended %s without results%s%s", hs_job_state_name(follow->status),
                       follow->text[0] ? ": " : "", follow->text);
}

int hs_session_conclude(struct hs_session *session)
{
    const struct hs_follow *follow = &session->follow;
    const uint8_t          *job_id = follow->config.job_id;
    char                    run_id[HS_SESSION_ID_BYTES];
    struct hs_report_meta   meta = {.name = session->wish.name,
                                    .run_id = hs_hex_format(job_id, HS_JOB_ID_BYTES, run_id),
                                    .restart_count = session->death_count,
                                    .is_interrupted =
                                        session->signal || follow->status == HS_JOB_CANCELLED};
    struct hs_run_end       end = {.job_state = follow->status, .signal = session->signal};
    int                     rc;

    if (!follow->has_results) return explain(session);
    rc = hs_report_results(hs_view_of(session->results, (size_t)follow->results_bytes), &meta,
                           session->wish.is_json, &end);
    if (rc == -EPROTO) return hs_complain(HS_EXIT_INTERNAL, "the results cannot be read");
    if (rc < 0) return hs_complain(HS_EXIT_OUTPUT, "the result: %s", hs_err_code_text(rc));
    if (follow->status != HS_JOB_COMPLETED && !session->signal)
        hs_warn("the job ended %s%s%s", hs_job_state_name(follow->status),
                follow->text[0] ? ": " : "", follow->text);
    return hs_exit_code_of(&end);
}
