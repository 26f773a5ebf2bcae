// SPDX-License-Identifier: Apache-2.0
/* target_flags.c - reads each flag of the target with its bounds. */
#include "roles/client/target_flags.h"

#include "shm/base/time.h"
#include "shm/base/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { BODY_BYTES = 2, PORT_MAX = 65535, ADDRESS_BYTES = 64 };

/* "127.0.0.1:80", "[::1]:80", ":80". */
static int parse_listen(const char *text, struct hs_addr *addr, struct hs_err *err)
{
    const char *colon = strrchr(text, ':');
    char        host[ADDRESS_BYTES] = "127.0.0.1";
    uint64_t    port = 0;
    size_t      bytes = colon ? (size_t)(colon - text) : 0;

    if (!colon || bytes >= sizeof host ||
        hs_units_parse_count(hs_view_text(colon + 1), &port) != 0 || port > PORT_MAX)
        return hs_err_refuse(err, "--listen takes ADDRESS:PORT, not \"%.60s\"", text);
    if (bytes > 2 && text[0] == '[' && text[bytes - 1] == ']') {
        memcpy(host, text + 1, bytes - 2);
        host[bytes - 2] = '\0';
    } else if (bytes) {
        memcpy(host, text, bytes);
        host[bytes] = '\0';
    }
    if (strcmp(host, "localhost") == 0) (void)snprintf(host, sizeof host, "127.0.0.1");
    if (hs_addr_parse(addr, host, (uint16_t)port) != 0)
        return hs_err_refuse(err, "--listen takes an address in digits, not \"%.60s\"", host);
    return 0;
}

static int parse_times(const struct hs_options *options, struct hs_target_config *config,
                       struct hs_err *err)
{
    const struct {
        const char *flag;
        const char *text;
        uint64_t   *ns;
    } times[] = {{"--delay", options->value[HS_OPTION_delay], &config->delay_ns},
                 {"--stall", options->value[HS_OPTION_stall], &config->stall_ns},
                 {"--every", options->value[HS_OPTION_every], &config->stall_every_ns},
                 {"--for", options->value[HS_OPTION_for], &config->for_ns}};

    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (times[i].text && hs_units_parse_duration(hs_view_text(times[i].text), times[i].ns) != 0)
            return hs_err_refuse(err, "%s takes " HS_UNITS_DURATION_HELP ", not \"%.60s\"",
                                 times[i].flag, times[i].text);
    if (!config->stall_ns != !config->stall_every_ns)
        return hs_err_refuse(err, "--stall and --every go together");
    if (config->stall_ns && config->stall_ns >= config->stall_every_ns)
        return hs_err_refuse(err, "--stall must be shorter than --every");
    return 0;
}

static int parse_number(const char *flag, const char *text, uint32_t low, uint32_t high,
                        uint32_t *number, struct hs_err *err)
{
    uint64_t value = 0;

    if (!text) return 0;
    if (hs_units_parse_count(hs_view_text(text), &value) != 0 || value < low || value > high)
        return hs_err_refuse(err, "%s takes a number from %u to %u, not \"%.60s\"", flag, low, high,
                             text);
    *number = (uint32_t)value;
    return 0;
}

static int parse_body(const char *text, struct hs_target_config *config, struct hs_err *err)
{
    if (!text) return 0;
    if ((hs_units_parse_size(hs_view_text(text), &config->body_bytes) != 0 &&
         hs_units_parse_count(hs_view_text(text), &config->body_bytes) != 0) ||
        config->body_bytes > HS_TARGET_BODY_BYTES_MAX)
        return hs_err_refuse(err, "--body takes " HS_UNITS_SIZE_HELP " up to 16MiB, not \"%.60s\"",
                             text);
    return 0;
}

static int refuse_mode(const char *text, struct hs_err *err)
{
    char   modes[HS_ERR_TEXT_BYTES - 96] = "";
    size_t used = 0;

    for (unsigned i = 0; i < HS_TARGET_MODE_COUNT && used < sizeof modes - 1; i++)
        used += (size_t)snprintf(modes + used, sizeof modes - used, "%s%s", i ? ", " : "",
                                 hs_target_mode_name((enum hs_target_mode)i));
    return hs_err_refuse(err, "--mode takes one of %s, not \"%.30s\"", modes, text);
}

int hs_target_flags(const struct hs_options *options, struct hs_target_config *config,
                    struct hs_err *err)
{
    const char *const *value = options->value;
    const char        *listen = value[HS_OPTION_listen];
    int                rc;

    memset(config, 0, sizeof *config);
    config->status = 200;
    config->body_bytes = BODY_BYTES;
    if (value[HS_OPTION_mode]) config->mode = hs_target_mode_from_name(value[HS_OPTION_mode]);
    if (config->mode == HS_TARGET_MODE_COUNT) return refuse_mode(value[HS_OPTION_mode], err);
    rc = parse_listen(listen ? listen : "127.0.0.1:8080", &config->listen, err);
    if (!rc) rc = parse_times(options, config, err);
    if (!rc) rc = parse_number("--status", value[HS_OPTION_status], 200, 599, &config->status, err);
    if (!rc)
        rc = parse_number("--close-after", value[HS_OPTION_close_after], 1, 1000000000,
                          &config->close_after, err);
    return rc ? rc : parse_body(value[HS_OPTION_body], config, err);
}
