// SPDX-License-Identifier: Apache-2.0
/* jobs_text.c - rows of jobs, workflows and datacenters. */
#include "roles/client/jobs_text.h"

#include "roles/job_table.h"
#include "roles/printable.h"
#include "shm/base/time.h"
#include "shm/base/units.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ID_TEXT_BYTES = 2 * HS_JOB_ID_BYTES + 1 };

static const char format_of_line[] = "%-32s  %-11s %7s %9s %5s %12s %10s  %s\n";

const char *hs_jobs_title(char text[HS_JOBS_LINE_BYTES])
{
    (void)snprintf(text, HS_JOBS_LINE_BYTES, format_of_line, "JOB", "STATE", "AGE", "ELAPSED",
                   "DONE", "COMPLETED", "FAILED", "NAME");
    return text;
}

const char *hs_jobs_line(const struct hs_msg_job_row *row, char text[HS_JOBS_LINE_BYTES])
{
    char id[ID_TEXT_BYTES];
    char age[HS_UNITS_TEXT_BYTES];
    char elapsed[HS_UNITS_TEXT_BYTES];
    char done[16];
    char completed[HS_UNITS_TEXT_BYTES];
    char failed[HS_UNITS_TEXT_BYTES];

    (void)snprintf(done, sizeof done, "%u%%", row->progress_ppm / 10000);
    (void)snprintf(text, HS_JOBS_LINE_BYTES, format_of_line,
                   hs_hex_format(row->job_id, HS_JOB_ID_BYTES, id), hs_job_state_name(row->status),
                   hs_units_format_duration(age, row->age_ns),
                   hs_units_format_duration(elapsed, row->elapsed_ns), done,
                   hs_units_format_count(completed, row->completed),
                   hs_units_format_count(failed, row->failed), row->name);
    hs_make_printable(text, strlen(text));
    return text;
}

struct page {
    char  *text;
    size_t capacity_bytes;
    size_t used_bytes;
};

static void say(struct page *page, const char *format, ...) HS_PRINTF(2, 3);

static void say(struct page *page, const char *format, ...)
{
    size_t  room_bytes = page->capacity_bytes - page->used_bytes;
    va_list arguments;
    int     bytes;

    va_start(arguments, format);
    bytes = vsnprintf(page->text + page->used_bytes, room_bytes, format, arguments);
    va_end(arguments);
    if (bytes > 0) page->used_bytes += (size_t)bytes < room_bytes ? (size_t)bytes : room_bytes - 1;
}

static int say_job(const struct hs_msg_status *status, struct page *page)
{
    struct hs_msg_job_row row;
    struct hs_reader      rows;
    char                  line[HS_JOBS_LINE_BYTES];

    hs_reader_init(&rows, status->job);
    if (hs_wire_get_row(HS_MSG_JOB_ROW, &rows, &row) != 1) return -EPROTO;
    say(page, "%s", hs_jobs_title(line));
    say(page, "%s", hs_jobs_line(&row, line));
    if (row.text[0]) say(page, "  %s\n", row.text);
    return 0;
}

static int say_workflows(const struct hs_msg_status *status, struct page *page)
{
    struct hs_msg_workflow_row row;
    struct hs_reader           rows;
    int                        rc;

    hs_reader_init(&rows, status->workflows);
    while ((rc = hs_wire_get_row(HS_MSG_WORKFLOW_ROW, &rows, &row)) == 1)
        say(page, "  workflow %-3u %-24s %-10s %s\n", row.workflow, row.name,
            hs_workflow_state_name(row.status), row.text);
    return rc;
}

static int say_datacenters(const struct hs_msg_status *status, struct page *page)
{
    struct hs_msg_datacenter_row row;
    struct hs_reader             rows;
    int                          rc;

    hs_reader_init(&rows, status->datacenters);
    while ((rc = hs_wire_get_row(HS_MSG_DATACENTER_ROW, &rows, &row)) == 1)
        say(page, "  datacenter %-26s %-10s %s\n", row.datacenter, hs_job_state_name(row.status),
            row.text);
    return rc;
}

int hs_jobs_status_text(const struct hs_msg_status *status, char *text, size_t bytes)
{
    struct page page = {.text = text, .capacity_bytes = bytes};
    int         rc = say_job(status, &page);

    if (!rc) rc = say_workflows(status, &page);
    if (!rc) rc = say_datacenters(status, &page);
    hs_make_printable(text, page.used_bytes); /* reasons are what other users gave */
    return rc;
}

json_t *hs_jobs_row_json(const struct hs_msg_job_row *row)
{
    char id[ID_TEXT_BYTES];

    return json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:i,s:i,s:f,s:I,s:I,s:I,s:i,s:s}", "id",
                     hs_hex_format(row->job_id, HS_JOB_ID_BYTES, id), "name", row->name, "state",
                     hs_job_state_name(row->status), "client", row->client_id, "age_ns",
                     (json_int_t)row->age_ns, "elapsed_ns", (json_int_t)row->elapsed_ns,
                     "workflows", (int)row->workflows, "workflows_done", (int)row->workflows_done,
                     "progress_percent", (double)row->progress_ppm / 10000.0, "completed",
                     (json_int_t)row->completed, "failed", (json_int_t)row->failed, "rate_per_s",
                     (json_int_t)row->rate_per_s, "cores", (int)row->cores, "reason", row->text);
}

static json_t *workflows_json(const struct hs_msg_status *status)
{
    json_t                    *list = json_array();
    struct hs_msg_workflow_row row;
    struct hs_reader           rows;

    hs_reader_init(&rows, status->workflows);
    while (list && hs_wire_get_row(HS_MSG_WORKFLOW_ROW, &rows, &row) == 1)
        if (json_array_append_new(list, json_pack("{s:i,s:s,s:s,s:s}", "workflow",
                                                  (int)row.workflow, "name", row.name, "state",
                                                  hs_workflow_state_name(row.status), "text",
                                                  row.text)) != 0)
            goto fail;
    return list;
fail:
    json_decref(list);
    return NULL;
}

static json_t *datacenters_json(const struct hs_msg_status *status)
{
    json_t                      *list = json_array();
    struct hs_msg_datacenter_row row;
    struct hs_reader             rows;

    hs_reader_init(&rows, status->datacenters);
    while (list && hs_wire_get_row(HS_MSG_DATACENTER_ROW, &rows, &row) == 1)
        if (json_array_append_new(list,
                                  json_pack("{s:s,s:s,s:s}", "datacenter", row.datacenter, "state",
                                            hs_job_state_name(row.status), "text", row.text)) != 0)
            goto fail;
    return list;
fail:
    json_decref(list);
    return NULL;
}

json_t *hs_jobs_status_json(const struct hs_msg_status *status)
{
    struct hs_msg_job_row row;
    struct hs_reader      rows;

    hs_reader_init(&rows, status->job);
    if (hs_wire_get_row(HS_MSG_JOB_ROW, &rows, &row) != 1) return NULL;
    return json_pack("{s:i,s:o*,s:o*,s:o*}", "schema", 1, "job", hs_jobs_row_json(&row),
                     "workflows", workflows_json(status), "datacenters", datacenters_json(status));
}
