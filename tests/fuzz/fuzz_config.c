// SPDX-License-Identifier: Apache-2.0
/* fuzz_config.c - any text as a configuration: no crash, and what is accepted is a whole image that
 * prints and reads back as itself. */
#include "roles/config_file.h"
#include "shm/base/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char               text[HS_CONFIG_FILE_BYTES_MAX + 1];
    static char               printed[HS_CONFIG_PRINT_BYTES_MAX];
    static struct hs_problems problems;
    static struct hs_config   config;
    static struct hs_config   again;
    struct hs_writer          out;
    int                       rc;

    if (size > sizeof text) return 0;
    memcpy(text, data, size);
    hs_config_defaults(&config);
    hs_problems_init(&problems);
    rc = hs_config_parse(text, size, &config, &problems);
    hs_writer_init(&out, printed, sizeof printed);
    hs_problems_print(&problems, "fuzz.json", hs_view_of(text, size), &out);
    HS_ASSERT((rc == 0) == (problems.errors == 0));
    rc = problems.errors ? 0 : hs_config_check_image(&config, sizeof config, NULL);
    HS_ASSERT(rc == 0);
    if (problems.errors) return 0;
    hs_writer_init(&out, printed, sizeof printed);
    rc = hs_config_print(&config, &out);
    HS_ASSERT(rc == 0);
    hs_config_defaults(&again);
    rc = hs_config_parse(printed, out.used_bytes, &again, &problems);
    HS_ASSERT(rc == 0);
    HS_ASSERT(memcmp(&config, &again, sizeof config) == 0);
    return 0;
}
