// SPDX-License-Identifier: Apache-2.0
/* target.c - what the built-in server says and when. */
#include "roles/client/target.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const mode_names[HS_TARGET_MODE_COUNT] = {
    [HS_TARGET_ANSWER] = "answer",
    [HS_TARGET_SILENT] = "silent",
    [HS_TARGET_GARBAGE] = "garbage",
    [HS_TARGET_RESET] = "reset",
    [HS_TARGET_EARLY_CLOSE] = "early-close",
    [HS_TARGET_BAD_CHUNK] = "bad-chunk",
    [HS_TARGET_DRIP] = "drip",
    [HS_TARGET_ENDLESS_HEAD] = "endless-head",
    [HS_TARGET_ENDLESS_BODY] = "endless-body"};

const char *hs_target_mode_name(enum hs_target_mode mode)
{
    return mode < HS_TARGET_MODE_COUNT ? mode_names[mode] : "?";
}

enum hs_target_mode hs_target_mode_from_name(const char *name)
{
    unsigned mode = 0;

    while (mode < HS_TARGET_MODE_COUNT && strcmp(mode_names[mode], name) != 0) mode++;
    return (enum hs_target_mode)mode;
}

static const char *reason_of(uint32_t status)
{
    switch (status / 100) {
    case 2: return "OK";
    case 3: return "Elsewhere";
    case 4: return "Refused";
    case 5: return "Failed";
    default: return "Status";
    }
}

int64_t hs_target_render(const struct hs_target_config *config, bool closes, void *memory,
                         size_t capacity_bytes)
{
    char *text = memory;
    int   head_bytes =
        snprintf(text, capacity_bytes,
                 "HTTP/1.1 %u %s\r\nServer: hyperscale-target\r\nContent-Type: text/plain\r\n"
                 "Content-Length: %llu\r\n%s\r\n",
                 config->status, reason_of(config->status), (unsigned long long)config->body_bytes,
                 closes ? "Connection: close\r\n" : "");

    if (head_bytes < 0 || (size_t)head_bytes + config->body_bytes > capacity_bytes)
        return -EMSGSIZE;
    memset(text + head_bytes, 'x', config->body_bytes);
    return head_bytes + (int64_t)config->body_bytes;
}

const char *hs_target_counts_json(const struct hs_target_counts *counts, char *text, size_t bytes)
{
    (void)snprintf(text, bytes,
                   "{\"connections\":%llu,\"requests\":%llu,\"answers\":%llu,\"malformed\":%llu}",
                   (unsigned long long)counts->connections, (unsigned long long)counts->requests,
                   (unsigned long long)counts->answers, (unsigned long long)counts->malformed);
    return text;
}

uint64_t hs_target_due_ns(const struct hs_target_config *config, uint64_t started_at_ns,
                          uint64_t now_ns)
{
    uint64_t due_ns = now_ns + config->delay_ns;
    uint64_t into_ns;

    if (!config->stall_every_ns) return due_ns;
    into_ns = (due_ns - started_at_ns) % config->stall_every_ns;
    if (into_ns < config->stall_every_ns - config->stall_ns) return due_ns;
    return due_ns + config->stall_every_ns - into_ns;
}
