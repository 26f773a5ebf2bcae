// SPDX-License-Identifier: Apache-2.0
/* test_log_drain_io.c - lines out of a ring, as they go to a terminal. */
#include "supervisor/log_drain_io.h"

#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct hs_log_drain drain;
static char                text[HS_LOG_DRAIN_BUFFER_BYTES];

/* What becomes of one line. */
static const char *drained(const char *line)
{
    struct hs_recent_cursor cursor = {0};
    struct hs_log_ring_shm *ring = calloc(1, sizeof *ring);
    int                     ends[2];
    ssize_t                 bytes;

    HS_CHECK(ring != NULL);
    HS_CHECK_EQ(pipe(ends), 0);
    hs_log_drain_init(&drain);
    drain.fd = ends[1];
    hs_log_ring_write(ring, HS_NS_PER_S, HS_LOG_WARN, "gate", line);
    HS_CHECK_EQ(hs_log_drain_ring(&drain, ring, &cursor, "gate", 0, HS_NS_PER_S), 1);
    hs_log_drain_flush(&drain);
    (void)close(ends[1]);
    bytes = read(ends[0], text, sizeof text - 1);
    text[bytes > 0 ? bytes : 0] = '\0';
    (void)close(ends[0]);
    free(ring);
    return text;
}

static void a_line_goes_out_as_it_is(void)
{
    HS_CHECK(strstr(drained("job accepted name=gr\xc3\xb6\xc3\x9f"
                            "e"),
                    "Z warn gate gate: job accepted name=gr\xc3\xb6\xc3\x9f"
                    "e\n"));
}

static void nothing_in_a_line_moves_the_cursor_or_ends_it(void)
{
    static const char *const bad[] = {"\x1b[2J",
                                      "\r",
                                      "\n",
                                      "\x7f",
                                      "\xc2\x9b"
                                      "2J",
                                      "\x9b"
                                      "2J",
                                      "\xe2\x80\xae",
                                      "\xe2\x80\xa8"};

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char        line[64];
        const char *out;

        (void)snprintf(line, sizeof line, "refused reason=\"%s\"", bad[i]);
        out = drained(line);
        HS_CHECK(strstr(out, bad[i]) == NULL || strcmp(bad[i], "\n") == 0);
        HS_CHECK(strstr(out, "reason=\"?") != NULL);
        HS_CHECK_EQ(strchr(out, '\n') - out + 1, strlen(out));
    }
}

CU_TestInfo hs_tests_log_drain_io[] = {{"a line goes out as it is", a_line_goes_out_as_it_is},
                                       {"SEC-60 nothing in a line moves the cursor or ends it",
                                        nothing_in_a_line_moves_the_cursor_or_ends_it},
                                       CU_TEST_INFO_NULL};
