// SPDX-License-Identifier: Apache-2.0
/* test_metrics.c - the metrics page and the little of HTTP that serves it. */
#include "roles/console/http_request.h"
#include "roles/console/metrics.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

static char page[1 << 18];

static const char *page_of(const struct hs_status_snapshot *snapshot)
{
    struct hs_writer out;

    hs_writer_init(&out, page, sizeof page - 1);
    HS_CHECK_EQ(hs_metrics_write(snapshot, &out), 0);
    page[out.used_bytes] = 0;
    return page;
}

static struct hs_status_snapshot *snapshot_made(void)
{
    struct hs_status_snapshot *snapshot = calloc(1, sizeof *snapshot);

    if (!snapshot) abort();
    snapshot->now_ns = 3 * HS_NS_PER_S;
    snapshot->host.start_ns = HS_NS_PER_S / 2;
    snapshot->process_count = 1;
    (void)snprintf(snapshot->processes[0].name, HS_PROCESS_NAME_BYTES, "engine.0");
    snapshot->processes[0].counts[HS_COUNT_requests_sent] = 12;
    snapshot->processes[0].counts[HS_COUNT_connections_open] = 3;
    snapshot->supervisor_counts[HS_COUNT_log_lines_suppressed] = 8;
    snapshot->job_count = 2;
    snapshot->jobs[0].state = HS_JOB_RUNNING;
    (void)snprintf(snapshot->jobs[0].name, HS_NAME_BYTES, "a \"b\"\\\n\xc3\xa4");
    snapshot->jobs[0].id[0] = 0xab;
    snapshot->jobs[0].completed = 7;
    snapshot->jobs[0].response_p99_ns = 1500000;
    snapshot->jobs[1].state = HS_JOB_COMPLETED;
    (void)snprintf(snapshot->jobs[1].name, HS_NAME_BYTES, "old");
    snapshot->times.datacenter_count = 1;
    snapshot->times.datacenters[0].name = "eu\"1";
    snapshot->times.datacenters[0].accepted.p50_ns = 2000000;
    snapshot->times.peer_count = 1;
    snapshot->times.peers[0].last = &snapshot->times.samples[0];
    snapshot->times.peers[0].summary.max_ns = 3000;
    snapshot->times.samples[0].process = HS_ROLE_MANAGER;
    snapshot->times.samples[0].sample.peer_kind = HS_ROLE_WORKER;
    (void)snprintf(snapshot->times.samples[0].sample.peer, HS_NAME_BYTES, "host");
    return snapshot;
}

static void counters_and_gauges_have_their_series(void)
{
    struct hs_status_snapshot *snapshot = snapshot_made();
    const char                *text = page_of(snapshot);

    HS_CHECK(strstr(text, "\nhyperscale_requests_sent_total{process=\"engine.0\"} 12\n"));
    HS_CHECK(strstr(text, "\nhyperscale_log_lines_suppressed_total{process=\"supervisor\"} 8\n"));
    HS_CHECK(!strstr(text, "hyperscale_requests_sent_total{process=\"supervisor\"}"));
    HS_CHECK(strstr(text, "# TYPE hyperscale_requests_sent_total counter\n"));
    HS_CHECK(strstr(text, "\nhyperscale_connections_open{process=\"engine.0\"} 3\n"));
    HS_CHECK(strstr(text, "# TYPE hyperscale_connections_open gauge\n"));
    HS_CHECK(strstr(text, "\nhyperscale_uptime_seconds 2.500\n"));
    HS_CHECK(strstr(text, "\nhyperscale_jobs{state=\"RUNNING\"} 1\n"));
    HS_CHECK(strstr(text, "\nhyperscale_dispatch_seconds{datacenter=\"eu\\\"1\",quantile=\"0.5\"} "
                          "0.002000000\n"));
    HS_CHECK(strstr(text, "\nhyperscale_round_trip_seconds{process=\"manager\",peer=\"host\","
                          "role=\"worker\",kind=\"ping\",quantile=\"1\"} 0.000003000\n"));
    free(snapshot);
}

static void labels_are_escaped_and_finished_jobs_left_out(void)
{
    struct hs_status_snapshot *snapshot = snapshot_made();
    const char                *text = page_of(snapshot);

    HS_CHECK(strstr(
        text,
        "{job=\"a "
        "\\\"b\\\"\\\\___\",id=\"ab000000000000000000000000000000\",outcome=\"completed\"} 7\n"));
    HS_CHECK(strstr(text, "quantile=\"0.99\"} 0.001500000\n"));
    HS_CHECK(!strstr(text, "\"old\""));
    free(snapshot);
}

/* Exposition format 0.0.4: every line is a comment or NAME{LABELS} VALUE, and each family is
 * announced once. */
static void every_line_is_well_formed(void)
{
    struct hs_status_snapshot *snapshot = snapshot_made();
    char                      *rest = NULL;
    unsigned                   lines = 0;

    (void)page_of(snapshot);
    HS_CHECK_EQ(page[strlen(page) - 1], '\n');
    for (char *line = strtok_r(page, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const char *value = strrchr(line, ' ');
        char       *end = NULL;

        lines++;
        if (strncmp(line, "# HELP ", 7) == 0 || strncmp(line, "# TYPE ", 7) == 0) continue;
        HS_CHECK(strncmp(line, "hyperscale_", 11) == 0);
        HS_CHECK(value != NULL);
        if (value) (void)strtod(value + 1, &end);
        HS_CHECK(end && *end == 0);
    }
    HS_CHECK(lines > 3 * (unsigned)HS_COUNT_END);
    free(snapshot);
}

/* Name of the metric that a line belongs to: without labels, and of a summary without _count. */
static bool is_of_family(const char *line, const char *family, const char *type)
{
    size_t bytes = strlen(family);

    if (strncmp(line, family, bytes) != 0) return false;
    if (strcmp(type, "summary") == 0 && strncmp(line + bytes, "_count", 6) == 0) bytes += 6;
    return line[bytes] == '{' || line[bytes] == ' ';
}

/* One bad line, and whoever scrapes the page takes none of it. */
static void the_page_is_what_prometheus_takes(void)
{
    struct hs_status_snapshot *snapshot = snapshot_made();
    static char                series[4000][512];
    unsigned                   series_count = 0;
    char                      *rest = NULL;
    char                       family[128] = "";
    char                       type[16] = "";

    snapshot->jobs[1] = snapshot->jobs[0]; /* the same plan, submitted twice */
    snapshot->jobs[1].id[0] = 0xcd;
    snapshot->process_count = 2;
    (void)snprintf(snapshot->processes[1].name, HS_PROCESS_NAME_BYTES, "engine.1");
    (void)page_of(snapshot);
    for (char *line = strtok_r(page, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "# HELP ", 7) == 0) continue;
        if (sscanf(line, "# TYPE %127s %15s", family, type) == 2) {
            size_t bytes = strlen(family);
            bool   is_total = bytes > 6 && strcmp(family + bytes - 6, "_total") == 0;

            HS_CHECK_EQ(is_total, strcmp(type, "counter") == 0);
            continue;
        }
        HS_CHECK(is_of_family(line, family, type)); /* all of a family stand together */
        HS_CHECK(!strstr(line, "quantile=") || strcmp(type, "summary") == 0);
        *strrchr(line, ' ') = 0;
        for (unsigned i = 0; i < series_count; i++) HS_CHECK(strcmp(series[i], line) != 0);
        HS_CHECK(series_count < HS_ARRAY_LEN(series));
        (void)snprintf(series[series_count++], sizeof series[0], "%s", line);
    }
    HS_CHECK(series_count > (unsigned)HS_COUNT_END);
    free(snapshot);
}

static void a_page_that_does_not_fit_is_an_error(void)
{
    struct hs_status_snapshot *snapshot = snapshot_made();
    struct hs_writer           out;

    hs_writer_init(&out, page, 1000);
    HS_CHECK_EQ(hs_metrics_write(snapshot, &out), -EMSGSIZE);
    free(snapshot);
}

static void request_lines_are_told_apart(void)
{
    static const struct {
        const char       *text;
        int               rc;
        enum hs_http_page page;
    } cases[] = {
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 0, HS_HTTP_METRICS},
        {"GET /metrics?a=b HTTP/1.0\n\n", 0, HS_HTTP_METRICS},
        {"HEAD /healthz HTTP/1.1\r\n\r\n", 0, HS_HTTP_HEALTH},
        {"GET /readyz HTTP/1.1\r\n\r\n", 0, HS_HTTP_READY},
        {"GET / HTTP/1.1\r\n\r\n", 0, HS_HTTP_NOT_FOUND},
        {"GET /metricsx HTTP/1.1\r\n\r\n", 0, HS_HTTP_NOT_FOUND},
        {"POST /metrics HTTP/1.1\r\n\r\n", 0, HS_HTTP_WRONG_METHOD},
        {"GET /metrics\r\n\r\n", 0, HS_HTTP_NOT_UNDERSTOOD},
        {"GET /metrics HTTP/2\r\n\r\n", 0, HS_HTTP_NOT_UNDERSTOOD},
        {"\r\n\r\n", 0, HS_HTTP_NOT_UNDERSTOOD},
        {"GET", -EAGAIN, HS_HTTP_METRICS},
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n", -EAGAIN, HS_HTTP_METRICS},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_http_request request;

        HS_CHECK_EQ(hs_http_request_parse(hs_view_text(cases[i].text), &request), cases[i].rc);
        if (cases[i].rc == 0) HS_CHECK_EQ(request.page, cases[i].page);
    }
}

static void a_head_without_end_is_refused_at_its_limit(void)
{
    static char            text[HS_HTTP_REQUEST_BYTES_MAX];
    struct hs_http_request request;

    memset(text, 'x', sizeof text);
    HS_CHECK_EQ(hs_http_request_parse(hs_view_of(text, sizeof text - 1), &request), -EAGAIN);
    HS_CHECK_EQ(hs_http_request_parse(hs_view_of(text, sizeof text), &request), 0);
    HS_CHECK_EQ(request.page, HS_HTTP_NOT_UNDERSTOOD);
}

static void the_answer_names_its_length_and_format(void)
{
    struct hs_writer out;

    hs_writer_init(&out, page, sizeof page - 1);
    hs_http_answer_head(HS_HTTP_METRICS, true, 1234, &out);
    page[out.used_bytes] = 0;
    HS_CHECK(strstr(page, "HTTP/1.1 200 OK\r\n") == page);
    HS_CHECK(strstr(page, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    HS_CHECK(strstr(page, "Content-Length: 1234\r\n"));
    hs_writer_init(&out, page, sizeof page - 1);
    hs_http_answer_head(HS_HTTP_HEALTH, false, 0, &out);
    HS_CHECK(strstr(page, "HTTP/1.1 503 ") == page);
}

CU_TestInfo hs_tests_metrics[] = {
    {"counters and gauges have their series", counters_and_gauges_have_their_series},
    {"labels are escaped and finished jobs left out",
     labels_are_escaped_and_finished_jobs_left_out},
    {"every line is well formed", every_line_is_well_formed},
    {"the page is what Prometheus takes", the_page_is_what_prometheus_takes},
    {"a page that does not fit is an error", a_page_that_does_not_fit_is_an_error},
    {"request lines are told apart", request_lines_are_told_apart},
    {"a head without end is refused at its limit", a_head_without_end_is_refused_at_its_limit},
    {"the answer names its length and format", the_answer_names_its_length_and_format},
    CU_TEST_INFO_NULL,
};
