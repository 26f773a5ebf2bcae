// SPDX-License-Identifier: Apache-2.0
/* status_io.c - `hyperscale status`, `nodes` and `top`: asks the daemon's status socket, shows what
 * it says. */
#include "roles/client/commands.h"

#include "roles/client/exit_code.h"
#include "roles/client/nodes.h"
#include "roles/client/print_io.h"
#include "roles/client/sockets.h"
#include "roles/client/status_line_io.h"
#include "roles/client/terminal_io.h"
#include "roles/client/top.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "shm/base/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 132, TEXT_BYTES = 32 << 10 };

/* One line to the daemon, and what is drawn of its answers. */
struct line {
    struct hs_status_line link;
    struct hs_terminal    terminal; /* of top, if it has one */
    struct hs_canvas      canvas;
    char                  text[TEXT_BYTES];
    char                  out[2 * TEXT_BYTES];
};

static const char ask_status[] = "{\"get\":\"status\"}\n";
static const char ask_members[] = "{\"get\":\"members\"}\n";
static const char ask_managers[] = "{\"get\":\"managers\"}\n";
static const char ask_workers[] = "{\"get\":\"workers\"}\n";

/* All that is drawn; what could not be had is missing. */
static int look(struct line *line)
{
    static const char *const questions[] = {
        ask_status,
        "{\"get\":\"processes\"}\n",
        ask_members,
        ask_managers,
        ask_workers,
        "{\"get\":\"jobs\"}\n",
        "{\"get\":\"dispatch_times\",\"count\":1}\n",
        "{\"get\":\"latency\",\"count\":1}\n",
        "{\"get\":\"events\",\"count\":5}\n",
    };
    json_t       *answers[HS_ARRAY_LEN(questions)] = {NULL};
    struct hs_top top;
    int           rc = 0;

    for (size_t i = 0; i < HS_ARRAY_LEN(questions) && rc == 0; i++) {
        rc = hs_status_line_ask(&line->link, questions[i], &answers[i]);
        if (rc != -EACCES || i == 0) continue;
        rc = 0; /* a daemon that is older than we are */
        json_decref(answers[i]);
        answers[i] = NULL;
    }
    top = (struct hs_top){.status = answers[0],
                          .processes = answers[1],
                          .members = answers[2],
                          .managers = answers[3],
                          .workers = answers[4],
                          .jobs = answers[5],
                          .dispatch_times = answers[6],
                          .latency = answers[7],
                          .events = answers[8]};
    if (!rc) hs_top_draw(&top, &line->canvas);
    for (size_t i = 0; i < HS_ARRAY_LEN(answers); i++) json_decref(answers[i]);
    return rc;
}

static int complain_of_daemon(const char *path, const char *refusal, int rc)
{
    if (refusal[0]) return hs_complain(HS_EXIT_CLUSTER, "%s: %s", path, refusal);
    if (rc == -ENOENT || rc == -ECONNREFUSED)
        return hs_complain(HS_EXIT_CLUSTER,
                           "no daemon at %s (start one: hyperscaled start; or say where: --socket)",
                           path);
    return hs_complain(HS_EXIT_CLUSTER, "%s: %s", path, hs_err_code_text(rc));
}

static void close_all(struct line *line)
{
    hs_status_line_close(&line->link);
    free(line);
}

/* For close_all. NULL: *code is the exit code, and what is wrong has been printed. */
static struct line *open_line(const struct hs_options *options, char path[HS_SOCKET_PATH_BYTES],
                              int *code)
{
    struct line  *line;
    struct hs_err err;
    int           rc;

    if (hs_socket_path(options->value[HS_OPTION_socket], HS_SOCKET_STATUS, path, &err) < 0) {
        *code = hs_complain(HS_EXIT_USAGE, "%s", err.text);
        return NULL;
    }
    line = calloc(1, sizeof *line);
    if (!line) {
        *code = hs_complain(HS_EXIT_INTERNAL, "out of memory");
        return NULL;
    }
    line->link.fd = line->link.signal_fd = line->terminal.signal_fd = -1;
    rc = hs_status_line_open(&line->link, path);
    if (rc == 0) return line;
    *code = complain_of_daemon(path, "", rc);
    close_all(line);
    return NULL;
}

/* The last answer of the socket as it is, also if it is a refusal (rc): it is JSON already. */
static int print_raw(const struct line *line, int rc)
{
    const char *end = memchr(line->link.bytes, '\n', line->link.used_bytes);

    if (!end || (rc < 0 && rc != -EACCES)) return rc;
    return hs_print(STDOUT_FILENO, line->link.bytes, (size_t)(end - line->link.bytes) + 1) < 0
               ? -EIO
               : rc;
}

static int print_status_json(struct line *line)
{
    json_t *answer;
    int     rc = hs_status_line_ask(&line->link, ask_status, &answer);

    json_decref(answer);
    return print_raw(line, rc);
}

static int print_status(struct line *line)
{
    size_t bytes;
    int    rc;

    hs_canvas_init(&line->canvas, COLUMNS, hs_locale_takes_unicode(), false);
    rc = look(line);
    if (rc < 0) return rc;
    bytes = hs_canvas_render(&line->canvas, line->text, sizeof line->text);
    return hs_print(STDOUT_FILENO, line->text, bytes) < 0 ? -EIO : 0;
}

/* Of a gate; nothing where there is none, or none is asked. */
static int print_datacenters(struct line *line)
{
    char    text[HS_NODES_LINE_BYTES];
    json_t *answer;
    json_t *managers;
    bool    has_title = false;
    int     rc = hs_status_line_ask(&line->link, ask_managers, &answer);

    managers = json_object_get(answer, "managers");
    for (size_t i = 0; !rc && i < json_array_size(managers); i++) {
        char title[HS_NODES_LINE_BYTES];

        if (!hs_nodes_reach_line(managers, i, text)) continue;
        if (!has_title && (hs_print_text(STDOUT_FILENO, "\n") < 0 ||
                           hs_print_text(STDOUT_FILENO, hs_nodes_reach_title(title)) < 0))
            rc = -EIO;
        has_title = true;
        if (!rc && hs_print_text(STDOUT_FILENO, text) < 0) rc = -EIO;
    }
    json_decref(answer);
    return rc;
}

/* title NULL: the rows go on where others have ended. *count grows by their number. */
static int print_rows(struct line *line, const char *question, const char *key, const char *title,
                      const char *(*row)(const json_t *item, char text[HS_NODES_LINE_BYTES]),
                      size_t *count)
{
    char    text[HS_NODES_LINE_BYTES];
    json_t *answer;
    json_t *items;
    int     rc = hs_status_line_ask(&line->link, question, &answer);

    items = json_object_get(answer, key);
    if (!rc && title && hs_print_text(STDOUT_FILENO, title) < 0) rc = -EIO;
    for (size_t i = 0; !rc && i < json_array_size(items); i++)
        if (hs_print_text(STDOUT_FILENO, row(json_array_get(items, i), text)) < 0) rc = -EIO;
    *count += json_array_size(items);
    json_decref(answer);
    return rc;
}

static int print_nodes(struct line *line)
{
    char   text[HS_NODES_LINE_BYTES];
    size_t count = 0;
    int rc = print_rows(line, ask_members, "members", hs_nodes_title(text), hs_nodes_line, &count);

    if (!rc) rc = print_rows(line, ask_workers, "workers", NULL, hs_nodes_worker_line, &count);
    if (!rc && !count)
        hs_warn("this host has neither gate nor manager and knows nobody: ask on the host of one; "
                "whom its worker is connected to stands in its log");
    return rc ? rc : print_datacenters(line);
}

static int print_document(const json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(12));
    int   rc = text ? 0 : -ENOMEM;

    if (!rc && (hs_print_text(STDOUT_FILENO, text) < 0 || hs_print_text(STDOUT_FILENO, "\n") < 0))
        rc = -EIO;
    free(text);
    return rc;
}

/* The three answers as one, of the moment of the first; or the refusal of one of them. */
static int print_nodes_json(struct line *line)
{
    static const char *const questions[] = {ask_members, ask_workers, ask_managers};
    json_t                  *nodes = json_object();
    int                      rc = nodes ? 0 : -ENOMEM;

    for (size_t i = 0; !rc && i < HS_ARRAY_LEN(questions); i++) {
        json_t *answer;

        rc = hs_status_line_ask(&line->link, questions[i], &answer);
        if (!rc && json_object_update_missing(nodes, answer) < 0) rc = -ENOMEM;
        json_decref(answer);
    }
    rc = rc ? print_raw(line, rc) : print_document(nodes);
    json_decref(nodes);
    return rc;
}

/* One look, as JSON or in words. */
static int look_once(const struct hs_options *options, int (*print_json)(struct line *line),
                     int (*print)(struct line *line))
{
    char         path[HS_SOCKET_PATH_BYTES];
    int          code = HS_EXIT_OK;
    struct line *line;
    int          rc;

    if (options->value[HS_OPTION_gate] && !options->is_from_environment[HS_OPTION_gate])
        return hs_complain(HS_EXIT_USAGE, "--gate: how a daemon is, it tells on its own host only "
                                          "(--socket); a gate elsewhere tells of a JOB");
    line = open_line(options, path, &code);
    if (!line) return code;
    rc = options->value[HS_OPTION_json] ? print_json(line) : print(line);
    if (rc < 0)
        code = rc == -EIO ? HS_EXIT_OUTPUT : complain_of_daemon(path, line->link.refusal, rc);
    close_all(line);
    return code;
}

int hs_command_status(const struct hs_options *options)
{
    return look_once(options, print_status_json, print_status);
}

int hs_command_nodes(const struct hs_options *options)
{
    return look_once(options, print_nodes_json, print_nodes);
}

/* ---- top ---- */

/* On a terminal in place of what was there, as much as it has rows for: one more, and all would
 * move up. Else one below the other. */
static int show(struct line *line, unsigned rows_max)
{
    char       *out = line->out;
    size_t      used;
    unsigned    rows = 0;
    const char *row = line->text;
    const char *end;

    (void)hs_canvas_render(&line->canvas, line->text, sizeof line->text);
    if (!line->terminal.is_open) return hs_print_text(STDOUT_FILENO, line->text);
    used = (size_t)snprintf(out, sizeof line->out, "\x1b[?2026h\x1b[H");
    for (; (end = strchr(row, '\n')) != NULL && rows < rows_max; row = end + 1)
        used += (size_t)snprintf(out + used, sizeof line->out - used, "%s%.*s\x1b[K",
                                 rows++ ? "\r\n" : "", (int)(end - row), row);
    used += (size_t)snprintf(out + used, sizeof line->out - used, "\x1b[J\x1b[?2026l");
    return hs_print(STDOUT_FILENO, out, used);
}

static void draw_trouble(struct hs_canvas *canvas, const char *path, const char *why)
{
    char trouble[HS_SOCKET_PATH_BYTES + HS_STATUS_REFUSAL_BYTES + 2];

    canvas->style = HS_STYLE_BAD;
    (void)snprintf(trouble, sizeof trouble, "%s: %s", path, why);
    (void)hs_canvas_text(canvas, 0, 0, canvas->columns, trouble);
}

static int parse_every(const struct hs_options *options, uint64_t *every_ns)
{
    const char *value = options->value[HS_OPTION_every];

    *every_ns = HS_NS_PER_S;
    if (!value) return 0;
    if (hs_units_parse_duration(hs_view_text(value), every_ns) != 0 ||
        *every_ns < 100 * HS_NS_PER_MS || *every_ns > 3600 * HS_NS_PER_S)
        return hs_complain(HS_EXIT_USAGE, "--every takes a duration from 100ms to 1h, not \"%s\"",
                           value);
    return 0;
}

static void draw(struct line *line, const char *path)
{
    int rc = line->link.fd < 0 ? hs_status_line_open(&line->link, path) : 0;

    if (!rc) rc = look(line);
    if (rc == 0) return;
    hs_status_line_close(&line->link);
    if (rc != -EINTR)
        draw_trouble(&line->canvas, path,
                     line->link.refusal[0] ? line->link.refusal : hs_err_code_text(rc));
}

/* Until it is ended, or nobody reads any more; a daemon that is away is asked again. */
static int watch(struct line *line, const char *path, const struct hs_options *options,
                 uint64_t every_ns)
{
    const char *no_color = getenv("NO_COLOR");
    bool        has_colour =
        line->terminal.is_open && !options->value[HS_OPTION_no_color] && !(no_color && no_color[0]);
    bool is_unicode = hs_locale_takes_unicode();

    for (;;) {
        enum hs_terminal_event event;
        unsigned               columns;
        unsigned               rows;

        hs_terminal_size(&columns, &rows);
        hs_canvas_init(&line->canvas, columns ? columns : COLUMNS, is_unicode, has_colour);
        draw(line, path);
        if (show(line, rows ? rows : HS_CANVAS_ROWS_MAX) < 0) return HS_EXIT_OUTPUT;
        event = hs_terminal_wait(&line->terminal, (int)(every_ns / HS_NS_PER_MS));
        if (event == HS_TERMINAL_QUIT || event == HS_TERMINAL_SIGNAL) return HS_EXIT_OK;
    }
}

int hs_command_top(const struct hs_options *options)
{
    struct line *line;
    char         path[HS_SOCKET_PATH_BYTES];
    uint64_t     every_ns;
    int          code = parse_every(options, &every_ns);
    int          rc;

    if (code) return code;
    line = open_line(options, path, &code);
    if (!line) return code;
    rc = hs_terminal_open(&line->terminal);
    line->link.signal_fd = line->terminal.signal_fd;
    code = rc < 0 ? hs_complain(HS_EXIT_OUTPUT, "the terminal: %s", hs_err_code_text(rc))
                  : watch(line, path, options, every_ns);
    hs_terminal_close(&line->terminal);
    if (line->terminal.signal_number) hs_terminal_die(&line->terminal);
    close_all(line);
    return code;
}
