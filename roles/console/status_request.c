// SPDX-License-Identifier: Apache-2.0
/* status_request.c - reads one line of the status socket. */
#include "roles/console/status_request.h"
#include "roles/exec_state.h"
#include "roles/json.h"
#include "roles/problems.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What may be asked for, and which further keys go with it. */
struct what_row {
    const char *name;
    bool        takes_process;
    bool        takes_count;
    bool        takes_job;
};

static const struct what_row whats[] = {
    [HS_STATUS_WHOLE] = {"status", false, false, false},
    [HS_STATUS_PROCESSES] = {"processes", true, false, false},
    [HS_STATUS_MANAGERS] = {"managers", false, false, false},
    [HS_STATUS_WORKERS] = {"workers", false, false, false},
    [HS_STATUS_MEMBERS] = {"members", false, false, false},
    [HS_STATUS_JOBS] = {"jobs", false, true, true},
    [HS_STATUS_COUNTERS] = {"counters", true, false, false},
    [HS_STATUS_EVENTS] = {"events", true, true, false},
    [HS_STATUS_DEATHS] = {"deaths", true, true, false},
    [HS_STATUS_LOG] = {"log", true, true, false},
    [HS_STATUS_DISPATCH_TIMES] = {"dispatch_times", false, true, true},
    [HS_STATUS_LATENCY] = {"latency", false, true, false},
};
HS_STATIC_ASSERT(HS_ARRAY_LEN(whats) == HS_STATUS_WHAT_COUNT, "a row each");

const char *hs_status_what_name(enum hs_status_what what)
{
    HS_ASSERT((unsigned)what < HS_ARRAY_LEN(whats));
    return whats[what].name;
}

void hs_status_fault_set(struct hs_status_fault *fault, const char *code, const char *hint,
                         const char *format, ...)
{
    va_list arguments;

    memset(fault, 0, sizeof *fault);
    (void)snprintf(fault->code, sizeof fault->code, "%s", code);
    (void)snprintf(fault->hint, sizeof fault->hint, "%s", hint ? hint : "");
    va_start(arguments, format);
    (void)vsnprintf(fault->message, sizeof fault->message, format, arguments);
    va_end(arguments);
}

static int read_what(const char *word, struct hs_status_request *request,
                     struct hs_status_fault *fault)
{
    const char *words[HS_ARRAY_LEN(whats)];

    for (unsigned i = 0; i < HS_ARRAY_LEN(whats); i++) {
        words[i] = whats[i].name;
        if (strcmp(word, words[i]) != 0) continue;
        request->what = (enum hs_status_what)i;
        return 0;
    }
    hs_status_fault_set(fault, "E-ENUM",
                        hs_nearest_word(hs_view_text(word), words, HS_ARRAY_LEN(words)),
                        "there is no \"%.32s\" to get", word);
    return -EINVAL;
}

static int read_verb(const char *word, struct hs_status_request *request,
                     struct hs_status_fault *fault)
{
    static const char *const words[] = {"restart", "drain", "reload", "stop"};

    request->verb = hs_control_verb_from_name(word);
    if (request->verb != HS_VERB_NONE) return 0;
    hs_status_fault_set(fault, "E-ENUM",
                        hs_nearest_word(hs_view_text(word), words, HS_ARRAY_LEN(words)),
                        "there is no \"%.32s\" to do", word);
    return -EINVAL;
}

/* The key that says what kind of request it is, and its word. */
static int read_kind(const json_t *document, struct hs_status_request *request,
                     struct hs_status_fault *fault)
{
    static const char *const kinds[] = {"get", "watch", "do"};
    const json_t            *word = NULL;

    for (unsigned i = 0; i < HS_ARRAY_LEN(kinds); i++) {
        const json_t *value = json_object_get(document, kinds[i]);

        if (!value) continue;
        if (word) {
            hs_status_fault_set(fault, "E-EXCL", NULL, "\"%s\" and \"%s\" in one request",
                                kinds[request->kind], kinds[i]);
            return -EINVAL;
        }
        word = value;
        request->kind = (enum hs_status_kind)i;
    }
    if (!word) {
        hs_status_fault_set(fault, "E-REQ", NULL, "one of \"get\", \"watch\", \"do\" is missing");
        return -EINVAL;
    }
    if (!json_is_string(word)) {
        hs_status_fault_set(fault, "E-TYPE", NULL, "\"%s\" takes a string", kinds[request->kind]);
        return -EINVAL;
    }
    return request->kind == HS_STATUS_DO ? read_verb(json_string_value(word), request, fault)
                                         : read_what(json_string_value(word), request, fault);
}

static int read_process(const json_t *value, struct hs_status_request *request,
                        struct hs_status_fault *fault)
{
    const char *name = json_string_value(value);

    if (!name) {
        hs_status_fault_set(fault, "E-TYPE", NULL,
                            "\"process\" takes a string such as \"engine.0\"");
        return -EINVAL;
    }
    request->process_idx = hs_process_idx_from_name(name);
    if (request->process_idx < 0) {
        static const char *const words[] = {"console", "gate", "manager", "worker", "engine.0"};

        hs_status_fault_set(fault, "E-VALUE",
                            hs_nearest_word(hs_view_text(name), words, HS_ARRAY_LEN(words)),
                            "no process is called \"%.32s\"", name);
        return -EINVAL;
    }
    (void)snprintf(request->process, sizeof request->process, "%s", name);
    return 0;
}

static int read_number(const char *key, const json_t *value, uint32_t min, uint32_t max,
                       uint32_t *number, struct hs_status_fault *fault)
{
    if (!json_is_integer(value)) {
        hs_status_fault_set(fault, "E-TYPE", NULL, "\"%s\" takes a whole number", key);
        return -EINVAL;
    }
    if (json_integer_value(value) < (json_int_t)min ||
        json_integer_value(value) > (json_int_t)max) {
        hs_status_fault_set(fault, "E-NUM", NULL, "\"%s\" must be from %u to %u", key, min, max);
        return -EINVAL;
    }
    *number = (uint32_t)json_integer_value(value);
    return 0;
}

static int read_job(const json_t *value, struct hs_status_request *request,
                    struct hs_status_fault *fault)
{
    if (!json_is_string(value) ||
        hs_hex_parse(json_string_value(value), request->job_id, sizeof request->job_id)) {
        hs_status_fault_set(fault, "E-VALUE", NULL,
                            "\"job\" takes the 32 hex digits of a job's id");
        return -EINVAL;
    }
    request->has_job = true;
    return 0;
}

static bool takes(const struct hs_status_request *request, const char *key)
{
    const struct what_row *row = &whats[request->what];

    if (request->kind == HS_STATUS_DO)
        return strcmp(key, "process") == 0 &&
               (request->verb == HS_VERB_RESTART || request->verb == HS_VERB_DRAIN);
    if (strcmp(key, "every_ms") == 0) return request->kind == HS_STATUS_WATCH;
    if (strcmp(key, "process") == 0) return row->takes_process;
    if (strcmp(key, "count") == 0) return row->takes_count;
    return strcmp(key, "job") == 0 && row->takes_job;
}

static int read_key(const char *key, const json_t *value, struct hs_status_request *request,
                    struct hs_status_fault *fault)
{
    static const char *const words[] = {"get",     "watch", "do", "every_ms",
                                        "process", "count", "job"};
    bool                     is_known = false;

    for (unsigned i = 0; i < HS_ARRAY_LEN(words); i++) {
        if (strcmp(key, words[i]) != 0) continue;
        if (i < 3) return 0; /* read_kind has it */
        is_known = true;
    }
    if (!is_known || !takes(request, key)) {
        hs_status_fault_set(
            fault, "E-KEY",
            is_known ? NULL : hs_nearest_word(hs_view_text(key), words, HS_ARRAY_LEN(words)),
            is_known ? "\"%.32s\" does not go with this request" : "unknown key \"%.32s\"", key);
        return -EINVAL;
    }
    if (strcmp(key, "process") == 0) return read_process(value, request, fault);
    if (strcmp(key, "job") == 0) return read_job(value, request, fault);
    if (strcmp(key, "count") == 0)
        return read_number(key, value, 1, HS_STATUS_ROWS_MAX, &request->row_count, fault);
    return read_number(key, value, HS_STATUS_EVERY_MS_MIN, HS_STATUS_EVERY_MS_MAX,
                       &request->every_ms, fault);
}

static int read_document(json_t *document, struct hs_status_request *request,
                         struct hs_status_fault *fault)
{
    const char *key;
    json_t     *value;
    int         rc;

    if (!json_is_object(document)) {
        hs_status_fault_set(fault, "E-TYPE", NULL, "a request is an object");
        return -EINVAL;
    }
    rc = read_kind(document, request, fault);
    if (rc) return rc;
    json_object_foreach(document, key, value)
    {
        rc = read_key(key, value, request, fault);
        if (rc) return rc;
    }
    if (request->kind == HS_STATUS_DO && request->verb == HS_VERB_RESTART && !request->process[0]) {
        hs_status_fault_set(fault, "E-REQ", NULL, "\"restart\" needs a \"process\"");
        return -EINVAL;
    }
    return 0;
}

int hs_status_request_parse(struct hs_view line, struct hs_status_request *request,
                            struct hs_status_fault *fault)
{
    json_t       *document;
    struct hs_err err;
    int           rc;

    memset(request, 0, sizeof *request);
    memset(fault, 0, sizeof *fault);
    request->process_idx = -1;
    request->row_count = HS_STATUS_ROWS_DEFAULT;
    request->every_ms = HS_STATUS_EVERY_MS_DEFAULT;
    if (line.bytes > HS_STATUS_REQUEST_BYTES_MAX) {
        hs_status_fault_set(fault, "E-LIMIT", NULL, "a request has at most %d bytes",
                            HS_STATUS_REQUEST_BYTES_MAX);
        return -EINVAL;
    }
    if (hs_json_parse_line(line, &document, &err)) {
        hs_status_fault_set(fault, "E-JSON", NULL, "%s", err.text);
        return -EINVAL;
    }
    rc = read_document(document, request, fault);
    json_decref(document);
    return rc;
}

int hs_status_may(enum hs_status_right right, const struct hs_status_request *request,
                  struct hs_status_fault *fault)
{
    if (right == HS_STATUS_MAY_ACT) return 0;
    if (right == HS_STATUS_MAY_READ && request->kind != HS_STATUS_DO) return 0;
    hs_status_fault_set(fault, "E-ACCESS", NULL, "%s",
                        right == HS_STATUS_NO_RIGHT
                            ? "you may not ask for status (console.read_group)"
                            : "you may not act on this host (console.admin_group)");
    return -EACCES;
}
