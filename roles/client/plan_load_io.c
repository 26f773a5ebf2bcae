// SPDX-License-Identifier: Apache-2.0
/* plan_load_io.c - reads plan and body from files, makes the plan, prints what is wrong with it. */
#include "roles/client/plan_load.h"

#include "roles/client/exit_code.h"
#include "roles/client/print_io.h"
#include "shm/base/units.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBLEMS_TEXT_BYTES = 64 << 10 };

static const char *lookup(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

/* Of the engines of a run: a process per core, each with a limit of its own. */
static uint64_t engine_count(const struct hs_options *options)
{
    uint64_t  count = 0;
    cpu_set_t cores;

    if (options->command != HS_COMMAND_RUN) return 1;
    if (options->value[HS_OPTION_cores] &&
        hs_units_parse_count(hs_view_text(options->value[HS_OPTION_cores]), &count) == 0 && count)
        return count;
    if (sched_getaffinity(0, sizeof cores, &cores) < 0) return 1;
    count = (uint64_t)CPU_COUNT(&cores);
    return count < 4 ? count : count - 1;
}

static uint64_t descriptor_count(const struct hs_options *options)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY) return 0;
    return limit.rlim_cur * engine_count(options);
}

/* All of a file, with a zero behind it; at most bytes_max. *text is the caller's to free. */
static int read_file(const char *path, size_t bytes_max, void **text, size_t *bytes)
{
    int      fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *memory = fd < 0 ? NULL : calloc(1, bytes_max + 2);
    size_t   used = 0;
    ssize_t  got = 1;
    int      rc = 0;

    *text = NULL;
    if (fd < 0) return -errno;
    if (!memory) rc = -ENOMEM;
    while (!rc && got > 0 && used <= bytes_max) {
        got = read(fd, memory + used, bytes_max + 1 - used);
        if (got < 0 && errno != EINTR) rc = -errno;
        if (got < 0)
            got = 1;
        else
            used += (size_t)got;
    }
    (void)close(fd);
    if (!rc && used > bytes_max) rc = -EMSGSIZE;
    if (rc) {
        free(memory);
        return rc;
    }
    *text = memory;
    *bytes = used;
    return 0;
}

/* On standard error for people; with --json also as the one document on standard output. */
static void print_problems(const struct hs_problems *problems, const struct hs_options *options,
                           struct hs_view text)
{
    char            *memory = malloc(PROBLEMS_TEXT_BYTES);
    struct hs_writer out;

    if (!memory || problems->kept == 0) {
        free(memory);
        return;
    }
    hs_writer_init(&out, memory, PROBLEMS_TEXT_BYTES);
    hs_problems_print(problems, options->operand, text, &out);
    HS_IGNORE(hs_print(STDERR_FILENO, memory, out.used_bytes), "there is nowhere else to say it");
    if (options->value[HS_OPTION_json] && problems->errors) {
        hs_writer_init(&out, memory, PROBLEMS_TEXT_BYTES);
        hs_put_bytes(&out, "{\"schema\": 1, \"problems\": ", 26);
        if (hs_problems_print_json(problems, &out) == 0) {
            hs_put_bytes(&out, "}\n", 2);
            HS_IGNORE(hs_print(STDOUT_FILENO, memory, out.used_bytes), "the exit code tells, too");
        }
    }
    free(memory);
}

static int complain_of_file(const struct hs_options *options, const char *what, const char *detail)
{
    struct hs_problems problems;

    hs_problems_init(&problems);
    hs_problems_add(&problems, "E-FILE", (struct hs_problem_place){0}, NULL, "%s%s", what, detail);
    print_problems(&problems, options, hs_view_of(NULL, 0));
    return HS_EXIT_PLAN;
}

static int read_plan_text(struct hs_plan_load_result *result, const struct hs_options *options,
                          struct hs_view *text)
{
    struct stat status;
    size_t      bytes = 0;
    int         rc;

    if (stat(options->operand, &status) < 0)
        return complain_of_file(options, "cannot be read: ", hs_err_code_text(-errno));
    if (S_ISDIR(status.st_mode)) return complain_of_file(options, "is a folder, not a plan", "");
    rc = read_file(options->operand, HS_PLAN_BYTES_MAX, &result->file_memory, &bytes);
    if (rc == -EMSGSIZE) return complain_of_file(options, "is larger than ", "4 MiB");
    if (rc < 0) return complain_of_file(options, "cannot be read: ", hs_err_code_text(rc));
    if (bytes == 0) return complain_of_file(options, "is empty", "");
    *text = hs_view_of(result->file_memory, bytes);
    return 0;
}

int hs_plan_load_body(const struct hs_options *options, void **memory, const char **body)
{
    const char *value = options->value[HS_OPTION_body];
    size_t      bytes = 0;
    int         rc;

    *memory = NULL;
    *body = value;
    if (!value || value[0] != '@') return 0;
    rc = read_file(value + 1, HS_PLAN_BYTES_MAX, memory, &bytes);
    if (!*memory) return hs_complain(HS_EXIT_USAGE, "-b %s: %s", value, hs_err_code_text(rc));
    if (memchr(*memory, 0, bytes))
        return hs_complain(HS_EXIT_USAGE, "-b %s: holds zero bytes; give them as base64 in a plan",
                           value);
    *body = *memory;
    return 0;
}

static int load_file(struct hs_plan_load_result *result, const struct hs_options *options,
                     const struct hs_quick_flags *flags)
{
    struct hs_plan_environment environment = {.lookup = lookup,
                                              .descriptors = descriptor_count(options)};
    struct hs_problems         problems;
    struct hs_err              err;
    struct hs_view             text = {0};
    int                        rc = read_plan_text(result, options, &text);

    if (rc) return rc;
    if (hs_plan_sets_of(options, &result->arena, &environment.sets, &err) < 0)
        return hs_complain(HS_EXIT_USAGE, "%s", err.text);
    hs_problems_init(&problems);
    result->plan = hs_plan_read(text, &environment, &result->arena, &problems);
    hs_problems_sort(&problems);
    if (!options->value[HS_OPTION_quiet] || problems.errors)
        print_problems(&problems, options, text);
    if (!result->plan) return HS_EXIT_PLAN;
    if (hs_quick_apply(result->plan, flags, &err) < 0)
        return hs_complain(HS_EXIT_USAGE, "%s", err.text);
    return 0;
}

static int load_url(struct hs_plan_load_result *result, const struct hs_options *options,
                    const struct hs_quick_flags *flags)
{
    struct hs_err err;

    if (options->sets.count)
        return hs_complain(HS_EXIT_USAGE, "--set goes with a plan, not with a URL");
    result->plan = hs_quick_plan(options->operand, flags, &result->arena, &err);
    return result->plan ? 0 : hs_complain(HS_EXIT_USAGE, "%s", err.text);
}

/* Of a plan that flags made there is no line to point at. */
static void warn_of(const struct hs_problems *problems)
{
    for (uint32_t i = 0; i < problems->kept; i++)
        hs_warn("%s [%s]", problems->at[i].message, problems->at[i].code);
}

/* Writes the plan out and reads it again: what flags made of it went through every check, too. */
static int resolve(struct hs_plan_load_result *result, const struct hs_options *options,
                   bool is_url)
{
    struct hs_plan_environment environment = {.descriptors = descriptor_count(options)};
    struct hs_writer           out;
    struct hs_problems         problems;

    result->text_memory = malloc(HS_PLAN_BYTES_MAX);
    if (!result->text_memory) return hs_complain(HS_EXIT_INTERNAL, "out of memory");
    hs_writer_init(&out, result->text_memory, HS_PLAN_BYTES_MAX);
    if (options->value[HS_OPTION_name]) result->plan->name = options->value[HS_OPTION_name];
    if (hs_plan_write(result->plan, &out) != 0)
        return hs_complain(HS_EXIT_PLAN, "the plan is larger than 4 MiB once its variables are in");
    result->text = hs_view_of(result->text_memory, out.used_bytes);
    hs_problems_init(&problems);
    result->plan = hs_plan_read(result->text, &environment, &result->arena, &problems);
    if (result->plan) {
        if (is_url && !options->value[HS_OPTION_quiet]) warn_of(&problems);
        return 0;
    }
    print_problems(&problems, options, result->text);
    return HS_EXIT_PLAN;
}

int hs_plan_load_operand(struct hs_plan_load_result *result, const struct hs_options *options)
{
    struct stat           status;
    struct hs_quick_flags flags;
    const char           *body;
    bool                  is_url;
    int                   rc;

    memset(result, 0, sizeof *result);
    rc = hs_plan_load_body(options, &result->body_memory, &body);
    if (rc) return rc;
    result->arena_memory = calloc(2, HS_PLAN_ARENA_BYTES); /* read twice */
    if (!result->arena_memory) return hs_complain(HS_EXIT_INTERNAL, "out of memory");
    hs_arena_init(&result->arena, result->arena_memory, (size_t)2 * HS_PLAN_ARENA_BYTES);
    hs_quick_flags_of(options, body, &flags);
    is_url = options->command != HS_COMMAND_CHECK &&
             hs_operand_is_url(options->operand, stat(options->operand, &status) == 0);
    rc = is_url ? load_url(result, options, &flags) : load_file(result, options, &flags);
    return rc ? rc : resolve(result, options, is_url);
}

void hs_plan_load_fini(struct hs_plan_load_result *result)
{
    free(result->file_memory);
    free(result->body_memory);
    free(result->text_memory);
    free(result->arena_memory);
    memset(result, 0, sizeof *result);
}
