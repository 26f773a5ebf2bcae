// SPDX-License-Identifier: Apache-2.0
/* floor.h - what the two floor programs (http_floor, loop_floor) share: the request, the check of
 * the response, the histogram, the report. */
#ifndef HS_TESTS_BENCH_FLOOR_H
#define HS_TESTS_BENCH_FLOOR_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { FLOOR_BUFFERS = 1024, FLOOR_BUFFER_BYTES = 2048, FLOOR_MAX_US = 1 << 16 };

static const char floor_request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

struct floor {
    uint64_t  histogram[FLOOR_MAX_US];
    uint64_t  done;
    uint64_t *sent_at_ns; /* per connection */
    double    seconds;
    unsigned  count; /* connections */
    uint16_t  port;
};

static inline uint64_t floor_now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static inline void floor_die(const char *why)
{
    (void)fprintf(stderr, "%s\n", why);
    exit(1);
}

static inline void floor_arguments(struct floor *floor, int argc, char **argv)
{
    if (argc != 4) floor_die("usage: PROGRAM PORT CONNECTIONS SECONDS");
    floor->port = (uint16_t)strtoul(argv[1], NULL, 10);
    floor->count = (unsigned)strtoul(argv[2], NULL, 10);
    floor->seconds = strtod(argv[3], NULL);
    floor->sent_at_ns = calloc(floor->count, sizeof *floor->sent_at_ns);
    if (!floor->sent_at_ns) floor_die("memory");
}

/* One response, which is asked to come whole; counts it and its time. */
static inline void floor_response(struct floor *floor, const char *bytes, size_t count,
                                  uint64_t sent_at_ns, uint64_t now_ns)
{
    uint64_t us = (now_ns - sent_at_ns) / 1000;

    if (count < 16 || memcmp(bytes, "HTTP/1.1 200", 12) || !memmem(bytes, count, "\r\n\r\n", 4))
        floor_die("not the response this program can read");
    floor->histogram[us < FLOOR_MAX_US ? us : FLOOR_MAX_US - 1]++;
    floor->done++;
}

static inline unsigned floor_percentile_us(const struct floor *floor, double share)
{
    uint64_t seen = 0;

    for (unsigned us = 0; us < FLOOR_MAX_US; us++)
        if ((seen += floor->histogram[us]) >= (uint64_t)((double)floor->done * share)) return us;
    return FLOOR_MAX_US;
}

static inline void floor_report(const struct floor *floor)
{
    struct rusage use;
    double        cpu_s;

    (void)getrusage(RUSAGE_SELF, &use);
    cpu_s = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
            (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    (void)printf("requests_per_s %.0f  cpu_us_per_request %.3f  p50_us %u  p99_us %u\n",
                 (double)floor->done / floor->seconds, cpu_s * 1e6 / (double)floor->done,
                 floor_percentile_us(floor, 0.50), floor_percentile_us(floor, 0.99));
}

#endif
