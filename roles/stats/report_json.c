// SPDX-License-Identifier: Apache-2.0
/* report_json.c - the report as one JSON document. */
#include "roles/stats/report_json.h"

#include "shm/base/time.h"

#include <stdio.h>

enum { SCHEMA = 1 };

/* Every helper sets a member and leaves the check to the end: jansson's _new setters take NULL and
 * fail, and a document with a failed member is given up as a whole. */
struct document {
    json_t *root;
    bool    failed;
};

static void set(struct document *document, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0) document->failed = true;
}

static void set_count(struct document *document, json_t *object, const char *key, uint64_t count)
{
    set(document, object, key, json_integer((json_int_t)count));
}

static json_t *requests_json(struct document *document, const struct hs_report_requests *requests)
{
    json_t *object = json_object();

    set_count(document, object, "offered", requests->offered);
    set_count(document, object, "sent", requests->sent);
    set_count(document, object, "completed", requests->completed);
    set_count(document, object, "failed", requests->failed);
    set_count(document, object, "dropped", requests->dropped);
    set_count(document, object, "shed", requests->shed);
    set_count(document, object, "cut", requests->cut);
    set_count(document, object, "lost", requests->lost);
    set_count(document, object, "discarded", requests->discarded);
    set_count(document, object, "retried", requests->retried);
    return object;
}

static void set_known(struct document *document, json_t *object, const char *key, bool is_known,
                      uint64_t value)
{
    set(document, object, key, is_known ? json_integer((json_int_t)value) : json_null());
}

static json_t *latency_json(struct document *document, const struct hs_report_latency *latency)
{
    json_t *object = json_object();
    json_t *at_least = json_array();
    bool    is_known = latency->count > 0;

    set_count(document, object, "count", latency->count);
    set_known(document, object, "mean", is_known, latency->mean_ns);
    set_known(document, object, "min", is_known, latency->min_ns);
    for (unsigned i = 0; i < HS_REPORT_PERCENTILES; i++) {
        /* the middle of however few: who reads it has their count */
        bool is_given = latency->is_known[i] || (i == HS_REPORT_P50 && is_known);

        set_known(document, object, hs_report_quantile_key(i), is_given, latency->percentile_ns[i]);
        if (latency->is_at_least[i] && is_given &&
            json_array_append_new(at_least, json_string(hs_report_quantile_key(i))) != 0)
            document->failed = true;
    }
    set_known(document, object, "max", is_known, latency->max_ns);
    set(document, object, "at_least", at_least);
    return object;
}

static json_t *errors_json(struct document *document, const struct hs_report *report)
{
    json_t *object = json_object();

    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++)
        if (report->errors[i])
            set_count(document, object, hs_error_class_name((enum hs_error_class)i),
                      report->errors[i]);
    return object;
}

static json_t *statuses_json(struct document *document, const struct hs_report *report)
{
    json_t *object = json_object();
    char    key[16];

    for (unsigned i = 0; i < HS_STATUS_OTHER; i++) {
        if (!report->statuses[i]) continue;
        (void)snprintf(key, sizeof key, "%u", HS_STATUS_FIRST + i);
        set_count(document, object, key, report->statuses[i]);
    }
    if (report->statuses[HS_STATUS_OTHER])
        set_count(document, object, "other", report->statuses[HS_STATUS_OTHER]);
    return object;
}

static json_t *bytes_json(struct document *document, const struct hs_report *report)
{
    json_t *object = json_object();

    set_count(document, object, "in", report->bytes_in);
    set_count(document, object, "out", report->bytes_out);
    return object;
}

static json_t *phases_json(struct document *document, const struct hs_report *report)
{
    json_t *object = json_object();

    for (unsigned i = HS_MEASURE_CONNECT; i < HS_MEASURE_COUNT; i++)
        set(document, object, hs_measure_name((enum hs_measure)i),
            latency_json(document, &report->measures[i]));
    return object;
}

static json_t *verdict_json(struct document *document, const struct hs_report *report)
{
    json_t *object = json_object();
    json_t *reasons = json_array();

    for (unsigned i = 0; i < report->reason_count; i++)
        if (json_array_append_new(reasons, json_string(report->reasons[i])) != 0)
            document->failed = true;
    set(document, object, "target", json_string(hs_target_verdict_name(report->target)));
    set(document, object, "measurement", json_string(hs_measurement_name(report->measurement)));
    set(document, object, "reasons", reasons);
    return object;
}

static json_t *step_json(struct document *document, const struct hs_report_step *step)
{
    json_t *object = json_object();

    set(document, object, "workflow", json_string(step->workflow));
    set(document, object, "name", json_string(step->name));
    set(document, object, "requests", requests_json(document, &step->requests));
    set(document, object, "response_time_ns", latency_json(document, &step->response));
    set(document, object, "service_time_ns", latency_json(document, &step->service));
    return object;
}

static json_t *steps_json(struct document *document, const struct hs_report *report)
{
    json_t *array = json_array();

    for (uint32_t i = 0; i < report->step_count; i++)
        if (json_array_append_new(array, step_json(document, &report->steps[i])) != 0)
            document->failed = true;
    return array;
}

static void set_meta(struct document *document, const struct hs_report_meta *meta)
{
    json_t *root = document->root;

    set_count(document, root, "schema", SCHEMA);
    set(document, root, "name", json_string(meta->name));
    set(document, root, "run", json_string(meta->run_id));
    set_count(document, root, "seed", meta->seed);
    set_count(document, root, "duration_ns", meta->duration_ns);
    set_count(document, root, "busy_ns", hs_max_u64(meta->busy_ns, meta->duration_ns));
    set_count(document, root, "warmup_ns", meta->warmup_ns);
    set(document, root, "interrupted", json_boolean(meta->is_interrupted));
    set(document, root, "running", json_boolean(meta->is_running));
}

static void set_figures(struct document *document, const struct hs_report *report)
{
    json_t *root = document->root;

    set(document, root, "requests", requests_json(document, &report->requests));
    set_count(document, root, "iterations", report->iterations);
    set_count(document, root, "connections", report->connections);
    set(document, root, "rate_per_s", json_real(report->rate_per_s));
    set(document, root, "response_time_ns",
        latency_json(document, &report->measures[HS_MEASURE_RESPONSE]));
    set(document, root, "service_time_ns",
        latency_json(document, &report->measures[HS_MEASURE_SERVICE]));
    set(document, root, "failed_time_ns",
        latency_json(document, &report->measures[HS_MEASURE_FAILED]));
    set(document, root, "phases_ns", phases_json(document, report));
    set(document, root, "errors", errors_json(document, report));
    set(document, root, "status", statuses_json(document, report));
    set(document, root, "bytes", bytes_json(document, report));
    set(document, root, "lag_ns", latency_json(document, &report->measures[HS_MEASURE_LAG]));
}

json_t *hs_report_json(const struct hs_report *report)
{
    struct document document = {.root = json_object()};

    if (!document.root) return NULL;
    set_meta(&document, &report->meta);
    set_figures(&document, report);
    set(&document, document.root, "verdict", verdict_json(&document, report));
    set_count(&document, document.root, "engines", report->meta.engine_count);
    set(&document, document.root, "backend", json_string(report->meta.backend));
    set(&document, document.root, "steps", steps_json(&document, report));
    set(&document, document.root, "thresholds", json_array()); /* none can be given yet */
    set_count(&document, document.root, "restarts", report->meta.restart_count);
    if (document.failed) {
        json_decref(document.root);
        return NULL;
    }
    return document.root;
}
