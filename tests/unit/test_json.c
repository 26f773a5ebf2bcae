// SPDX-License-Identifier: Apache-2.0
/* test_json.c - JSON as people write it: comments, bounds, places, and what is said about
 * mistakes. */
#include "roles/json.h"
#include "shm/base/limits.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

static struct hs_problems problems;

static bool parses(const char *text)
{
    char    copy[4096];
    json_t *json;
    bool    is_good;

    hs_problems_init(&problems);
    (void)snprintf(copy, sizeof copy, "%s", text);
    json = hs_json_parse(copy, strlen(copy), sizeof copy, &problems);
    is_good = json != NULL;
    json_decref(json);
    return is_good;
}

static void check_refused(const char *text, const char *code, uint32_t line, uint32_t column)
{
    HS_CHECK(!parses(text));
    HS_CHECK_EQ(problems.kept, 1);
    HS_CHECK_TEXT(problems.at[0].code, code);
    HS_CHECK_EQ(problems.at[0].place.line, line);
    HS_CHECK_EQ(problems.at[0].place.column, column);
}

static void comments_are_blanked_and_places_kept(void)
{
    char                    text[] = "{ // one\n \"a//b\": /* two\n */ 1 }";
    struct hs_problem_place place;

    HS_CHECK_EQ(hs_json_blank_comments(text, sizeof text - 1, &place), 0);
    HS_CHECK_TEXT(text, "{       \n \"a//b\":       \n    1 }");
    HS_CHECK(parses("// first\n{\"a\":\"\\\"// not one\"} // last"));
    check_refused("{\n /* open", "E-JSON", 2, 2);
}

static void mistakes_of_syntax_have_their_code_and_place(void)
{
    check_refused("{\"a\":1,}", "E-JSON", 1, 8);
    check_refused("{\"a\":\n  tru}", "E-JSON", 2, 3);
    check_refused("{\"a\":1e999}", "E-NUM", 1, 6);
    check_refused("{\"a\":99999999999999999999}", "E-NUM", 1, 6);
    check_refused("{\"a\":\"\\u0000\"}", "E-NUL", 1, 6);
    check_refused("", "E-FILE", 0, 0);
    check_refused(" \n", "E-FILE", 0, 0);
    check_refused("\xef\xbb\xbf{}", "E-FILE", 0, 0);
    HS_CHECK(!parses("{\"a\":\"\xff\"}"));
    HS_CHECK_TEXT(problems.at[0].code, "E-FILE");
}

static void a_duplicate_key_names_both_places(void)
{
    check_refused("{\"b\":{\"a\":1},\n \"a\":{\"x\":[{\"a\":2}]},\n  \"a\":3}", "E-DUP", 3, 3);
    HS_CHECK_TEXT(problems.at[0].message, "duplicate key \"a\", first at 2:2");
}

static void depth_and_number_of_values_are_bounded_before_parsing(void)
{
    char  text[HS_JSON_DEPTH_MAX + 2];
    char *many = malloc(2 * HS_JSON_NODES_MAX + 4);

    memset(text, '[', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    check_refused(text, "E-JSON", 1, HS_JSON_DEPTH_MAX + 1);
    HS_CHECK(many != NULL);
    if (!many) return;
    memset(many, ',', 2 * HS_JSON_NODES_MAX);
    hs_problems_init(&problems);
    HS_CHECK(!hs_json_parse(many, 2 * HS_JSON_NODES_MAX, SIZE_MAX, &problems));
    HS_CHECK(strstr(problems.at[0].message, "too many values") != NULL);
    free(many);
}

static void a_text_above_the_limit_is_not_looked_at(void)
{
    char text[] = "{}";

    hs_problems_init(&problems);
    HS_CHECK(!hs_json_parse(text, 2, 1, &problems));
    HS_CHECK_TEXT(problems.at[0].code, "E-FILE");
    HS_CHECK_TEXT(problems.at[0].message, "2 bytes are more than the limit of 1");
}

static void check_place(const char *pointer, enum hs_json_part part, uint32_t line, uint32_t column,
                        uint32_t width)
{
    static const char text[] =
        "{ \"a\": [1, {\"b/c\" : \"x\\\"y\"},\n  true],\n \"\\u0064\": {\"e\": {}}\n}";
    struct hs_problem_place place = hs_json_locate(hs_view_text(text), pointer, part);

    HS_CHECK_EQ(place.line, line);
    HS_CHECK_EQ(place.column, column);
    HS_CHECK_EQ(place.width, width);
}

static void a_pointer_finds_values_and_keys(void)
{
    check_place("", HS_JSON_VALUE, 1, 1, 1);
    check_place("/a", HS_JSON_VALUE, 1, 8, 1);
    check_place("/a", HS_JSON_KEY, 1, 3, 3);
    check_place("/a/0", HS_JSON_VALUE, 1, 9, 1);
    check_place("/a/1/b~1c", HS_JSON_VALUE, 1, 21, 6);
    check_place("/a/1/b~1c", HS_JSON_KEY, 1, 13, 5);
    check_place("/a/2", HS_JSON_VALUE, 2, 3, 4);
    check_place("/d/e", HS_JSON_VALUE, 3, 18, 1);
}

static void a_pointer_that_leads_nowhere_gives_what_is_around(void)
{
    check_place("/d/nothing", HS_JSON_VALUE, 3, 12, 1);
    check_place("/a/9", HS_JSON_VALUE, 1, 8, 1);
    check_place("/a/x", HS_JSON_KEY, 1, 8, 1);
}

static void paths_are_escaped_and_cut(void)
{
    struct hs_json_path path;
    uint32_t            mark;

    hs_json_path_init(&path);
    (void)hs_json_path_push(&path, "a/b~c");
    mark = hs_json_path_push_index(&path, 12);
    HS_CHECK_TEXT(path.text, "/a~1b~0c/12");
    hs_json_path_pop(&path, mark);
    HS_CHECK_TEXT(path.text, "/a~1b~0c");
    for (int i = 0; i < 1000; i++) (void)hs_json_path_push(&path, "long name");
    HS_CHECK_EQ(strlen(path.text), sizeof path.text - 1);
}

static void problems_are_printed_with_their_line_and_a_caret(void)
{
    static const char       text[] = "{\n\t\"method\": \"GTE\"\n}\n";
    char                    shown[512] = {0};
    struct hs_writer        out;
    struct hs_problem_place place = {.line = 2, .column = 12, .width = 5, .path = "/method"};

    hs_problems_init(&problems);
    hs_problems_add(&problems, "E-ENUM", place, "GET", "unknown method \"%s\"", "G\x1bTE");
    hs_problems_add(&problems, "E-ENUM", place, "GET", "unknown method \"%s\"", "G\x1bTE");
    hs_writer_init(&out, shown, sizeof shown - 1);
    hs_problems_print(&problems, "plan.json", hs_view_text(text), &out);
    HS_CHECK_TEXT(
        shown,
        "plan.json:2:12: /method: unknown method \"G?TE\" (did you mean \"GET\"?)   [E-ENUM]\n"
        "    2 |  \"method\": \"GTE\"\n"
        "      |            ^~~~~\n");
}

static void at_most_twenty_problems_are_shown_and_the_rest_counted(void)
{
    char             shown[8192] = {0};
    struct hs_writer out;

    hs_problems_init(&problems);
    for (uint32_t i = 1; i <= 2 * HS_PROBLEMS_MAX; i++)
        hs_problems_add(&problems, i % 2 ? "E-KEY" : "W-STAT", (struct hs_problem_place){.line = i},
                        NULL, "no");
    HS_CHECK_EQ(problems.kept, HS_PROBLEMS_MAX);
    HS_CHECK_EQ(problems.errors, HS_PROBLEMS_MAX);
    HS_CHECK_EQ(problems.warnings, HS_PROBLEMS_MAX);
    hs_writer_init(&out, shown, sizeof shown - 1);
    hs_problems_print(&problems, "p", hs_view_text(""), &out);
    HS_CHECK(strstr(shown, "and 20 more\n") != NULL);
}

static void problems_are_printed_as_json(void)
{
    char             shown[512] = {0};
    struct hs_writer out;

    hs_problems_init(&problems);
    hs_problems_add(&problems, "E-KEY",
                    (struct hs_problem_place){.line = 1, .column = 2, .path = "/a"}, NULL,
                    "a \"b\" \xff");
    hs_writer_init(&out, shown, sizeof shown - 1);
    HS_CHECK_EQ(hs_problems_print_json(&problems, &out), 0);
    HS_CHECK_TEXT(shown,
                  "[{\"code\":\"E-KEY\",\"path\":\"/a\",\"line\":1,\"column\":2,\"message\":\"a "
                  "\\\"b\\\" ?\",\"hint\":\"\"}]");
    hs_writer_init(&out, shown, 10);
    HS_CHECK_EQ(hs_problems_print_json(&problems, &out), -EMSGSIZE);
}

static void the_nearest_word_is_at_most_two_edits_away(void)
{
    static const char *const words[] = {"GET", "POST", "timeout", "headers"};

    HS_CHECK_TEXT(hs_nearest_word(hs_view_text("GTE"), words, 4), "GET");
    HS_CHECK_TEXT(hs_nearest_word(hs_view_text("post"), words, 4), "POST");
    HS_CHECK_TEXT(hs_nearest_word(hs_view_text("timout"), words, 4), "timeout");
    HS_CHECK_TEXT(hs_nearest_word(hs_view_text("haeder"), words, 4), "headers");
    HS_CHECK(!hs_nearest_word(hs_view_text("tiemuots"), words, 4));
    HS_CHECK(!hs_nearest_word(hs_view_text("x"), words, 4));
    HS_CHECK(!hs_nearest_word(hs_view_text(""), words, 4));
}

static void a_line_of_the_status_protocol_is_strict_json(void)
{
    json_t       *json = NULL;
    struct hs_err err;

    HS_CHECK_EQ(hs_json_parse_line(hs_view_text("{\"get\":\"status\"}"), &json, &err), 0);
    json_decref(json);
    HS_CHECK_EQ(hs_json_parse_line(hs_view_text("{\"get\":1} // no"), &json, &err), -EPROTO);
    HS_CHECK_EQ(
        hs_json_parse_line(hs_view_text("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["), &json, &err),
        -EMSGSIZE);
}

CU_TestInfo hs_tests_json[] = {
    {"comments are blanked and places kept", comments_are_blanked_and_places_kept},
    {"mistakes of syntax have their code and place", mistakes_of_syntax_have_their_code_and_place},
    {"a duplicate key names both places", a_duplicate_key_names_both_places},
    {"depth and number of values are bounded before parsing",
     depth_and_number_of_values_are_bounded_before_parsing},
    {"a text above the limit is not looked at", a_text_above_the_limit_is_not_looked_at},
    {"a pointer finds values and keys", a_pointer_finds_values_and_keys},
    {"a pointer that leads nowhere gives what is around",
     a_pointer_that_leads_nowhere_gives_what_is_around},
    {"paths are escaped and cut", paths_are_escaped_and_cut},
    {"problems are printed with their line and a caret",
     problems_are_printed_with_their_line_and_a_caret},
    {"at most twenty problems are shown and the rest counted",
     at_most_twenty_problems_are_shown_and_the_rest_counted},
    {"problems are printed as JSON", problems_are_printed_as_json},
    {"the nearest word is at most two edits away", the_nearest_word_is_at_most_two_edits_away},
    {"a line of the status protocol is strict JSON", a_line_of_the_status_protocol_is_strict_json},
    CU_TEST_INFO_NULL,
};
