// SPDX-License-Identifier: Apache-2.0
/* test_template.c - holes in texts, and URLs. */
#include "roles/plan/template.h"
#include "roles/plan/url.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

static char shown[16384];

static const char *render_with(const char *text, struct hs_rand *rand)
{
    struct hs_template_part    parts[32];
    struct hs_template_context context = {.vu = 7,
                                          .iteration = 3,
                                          .seq = 41,
                                          .now_ms = 1700000000000,
                                          .worker = "node a/1",
                                          .datacenter = "eu-1",
                                          .rand = rand};
    struct hs_writer           out;
    size_t                     error_at = 0;
    const char                *why = "";
    int count = hs_template_parse(hs_view_text(text), parts, 32, &error_at, &why);

    if (count < 0) return why;
    hs_writer_init(&out, shown, sizeof shown - 1);
    for (int i = 0; i < count; i++) {
        size_t   before = out.used_bytes;
        uint32_t max_bytes;
        bool     is_fixed;

        if (parts[i].kind == HS_TEMPLATE_CONSTANT) {
            hs_put_bytes(&out, parts[i].constant.data, parts[i].constant.bytes);
            continue;
        }
        hs_template_fill(&parts[i], &context, &out);
        max_bytes = hs_template_fill_max_bytes(&parts[i], &is_fixed);
        HS_CHECK(out.used_bytes - before <= max_bytes);
        HS_CHECK(!is_fixed || out.used_bytes - before == max_bytes);
    }
    shown[out.used_bytes] = '\0';
    return shown;
}

static const char *render(const char *text)
{
    struct hs_rand rand;

    hs_rand_init(&rand, 1);
    return render_with(text, &rand);
}

static void holes_are_filled_from_the_context(void)
{
    HS_CHECK_TEXT(render("plain"), "plain");
    HS_CHECK_TEXT(render(""), "");
    HS_CHECK_TEXT(render("/${vu}/${iteration}?s=${seq}&t=${now_ms}"), "/7/3?s=41&t=1700000000000");
    HS_CHECK_TEXT(render("${datacenter}:${worker}"), "eu-1:node a/1");
}

static void a_doubled_dollar_is_literal(void)
{
    HS_CHECK_TEXT(render("$${vu} $ $$ ${vu}"), "${vu} $ $$ 7");
    HS_CHECK_TEXT(render("$$${vu}"), "$${vu}");
}

static void filters_change_what_is_filled_in(void)
{
    HS_CHECK_TEXT(render("${worker|urlencode}"), "node%20a%2F1");
    HS_CHECK_TEXT(render("${worker|base64}"), "bm9kZSBhLzE=");
    HS_CHECK_TEXT(render("${vu|json}"), "7");
    HS_CHECK_EQ(strspn(render("${text:200|lower}"), "abcdefghijklmnopqrstuvwxyz0123456789"), 200);
}

static void random_holes_keep_their_form(void)
{
    struct hs_rand rand;

    hs_rand_init(&rand, 5);
    for (int i = 0; i < 200; i++) {
        int         number = 0;
        const char *uuid = render_with("${uuid}", &rand);

        HS_CHECK_EQ(strlen(uuid), 36);
        HS_CHECK_EQ(uuid[14], '4');
        HS_CHECK(strchr("89ab", uuid[19]) != NULL);
        HS_CHECK_EQ(sscanf(render_with("${rand:10-12}", &rand), "%d", &number), 1);
        HS_CHECK(number >= 10 && number <= 12);
    }
    HS_CHECK_EQ(strspn(render("${hex:16}"), "0123456789abcdef"), 16);
    HS_CHECK_EQ(strlen(render("${text:4096}")), 4096);
    HS_CHECK_TEXT(render("${rand:5-5}"), "5");
    HS_CHECK(strlen(render("${rand:0-18446744073709551615}")) > 0);
}

static void bad_holes_are_explained(void)
{
    HS_CHECK_TEXT(render("${nothing}"), "no such variable");
    HS_CHECK_TEXT(render("${vu"), "\"${\" without \"}\"; write \"$${\" for the characters");
    HS_CHECK_TEXT(render("${rand:9-1}"),
                  "${rand:LOW-HIGH} takes two whole numbers, the lower one first");
    HS_CHECK_TEXT(render("${rand}"),
                  "${rand:LOW-HIGH} takes two whole numbers, the lower one first");
    HS_CHECK_TEXT(render("${hex:4097}"), "${hex:N} and ${text:N} take a length from 1 to 4096");
    HS_CHECK_TEXT(render("${vu:1}"), "this one takes no argument");
    HS_CHECK_TEXT(render("${vu|upper}"),
                  "no such filter; there are urlencode, base64, json and lower");
}

static void too_many_parts_are_refused(void)
{
    struct hs_template_part part;
    size_t                  error_at;
    const char             *why;

    HS_CHECK_EQ(hs_template_parse(hs_view_text("a${vu}"), &part, 1, &error_at, &why), -ENOBUFS);
    HS_CHECK_EQ(hs_template_parse(hs_view_text("a"), &part, 1, &error_at, &why), 1);
}

static void json_and_control_characters_are_escaped(void)
{
    struct hs_writer out;

    hs_writer_init(&out, shown, sizeof shown - 1);
    hs_filter_apply(HS_FILTER_JSON, hs_view_text("a\"b\\c\n\x01"), &out);
    shown[out.used_bytes] = '\0';
    HS_CHECK_TEXT(shown, "a\\\"b\\\\c\\n\\u0001");
}

static struct hs_url url;

static const char *url_fault(const char *text)
{
    const char *why = "good";
    int         rc = hs_url_parse(hs_view_text(text), &url, &why);

    HS_CHECK(rc == 0 || rc == -EINVAL);
    return why;
}

static void check_url(const char *text, const char *host, int port, const char *path)
{
    HS_CHECK_TEXT(url_fault(text), "good");
    HS_CHECK_TEXT(url.host, host);
    HS_CHECK_EQ(url.port, port);
    HS_CHECK(hs_view_equal(url.path, hs_view_text(path)));
}

static void urls_are_taken_apart(void)
{
    check_url("http://Example.Test/a?b=c#d", "example.test", 80, "/a?b=c");
    check_url("HTTP://127.0.0.1:8080", "127.0.0.1", 8080, "");
    check_url("http://[::1]:99?x", "::1", 99, "?x");
    HS_CHECK(url.is_ipv6);
    check_url("/only/path?to=http://x", "", 80, "/only/path?to=http://x");
    HS_CHECK(!url.has_scheme);
    check_url("http://h/${text:3|urlencode}", "h", 80, "/${text:3|urlencode}");
}

static void urls_that_cannot_be_loaded_are_refused(void)
{
    static const char *const bad[] = {
        "https://h/",    "ftp://h/",        "http:///x",         "http://u:p@h/",
        "http://h:0/",   "http://h:65536/", "http://h:8o/",      "http://h:/",
        "http://[::1/",  "http://[zz]/",    "http://[::1]x/",    "http://a b/",
        "http://h/a b",  "http://h/\n",     "http://h/\xc3\xa4", "http://${vu}.h/",
        "http://a..b/",  "http://.a/",      "http://a./",        "http://2130706433/",
        "http://127.1/", "http://0x7f.1/",  "http://1.2.3.999",  "http://a/\x7f",
        "http://a_%41/",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        HS_CHECK(strcmp(url_fault(bad[i]), "good") != 0);
    HS_CHECK_TEXT(url_fault("https://h/"), "https is not in this version");
}

static void authorities_leave_out_the_usual_port(void)
{
    char text[300];

    HS_CHECK_TEXT(hs_url_authority("h", 80, text, sizeof text), "h");
    HS_CHECK_TEXT(hs_url_authority("h", 8080, text, sizeof text), "h:8080");
    HS_CHECK_TEXT(hs_url_authority("::1", 8080, text, sizeof text), "[::1]:8080");
}

static void allowed_hosts_are_names_or_suffixes(void)
{
    HS_CHECK(hs_url_host_matches("a.cdn.test", "*.cdn.test"));
    HS_CHECK(hs_url_host_matches("b.a.cdn.test", "*.CDN.test"));
    HS_CHECK(!hs_url_host_matches("cdn.test", "*.cdn.test"));
    HS_CHECK(!hs_url_host_matches("evilcdn.test", "*.cdn.test"));
    HS_CHECK(hs_url_host_matches("api.test", "API.test"));
    HS_CHECK(!hs_url_host_matches("api.test.evil", "api.test"));
    HS_CHECK(hs_url_host_matches("anything", "*"));
}

CU_TestInfo hs_tests_template[] = {
    {"holes are filled from the context", holes_are_filled_from_the_context},
    {"a doubled dollar is literal", a_doubled_dollar_is_literal},
    {"filters change what is filled in", filters_change_what_is_filled_in},
    {"random holes keep their form", random_holes_keep_their_form},
    {"bad holes are explained", bad_holes_are_explained},
    {"too many parts are refused", too_many_parts_are_refused},
    {"JSON and control characters are escaped", json_and_control_characters_are_escaped},
    {"URLs are taken apart", urls_are_taken_apart},
    {"URLs that cannot be loaded are refused", urls_that_cannot_be_loaded_are_refused},
    {"authorities leave out the usual port", authorities_leave_out_the_usual_port},
    {"allowed hosts are names or suffixes", allowed_hosts_are_names_or_suffixes},
    CU_TEST_INFO_NULL,
};
