// SPDX-License-Identifier: Apache-2.0
// share: 1/4
/* fuzz_identity.c - any bytes as the name of a node and as a key ring: no crash, and what is taken
 * is written back to the very same bytes, so there is one way to write each. */
#include "roles/cluster/identity.h"
#include "roles/cluster/keyring.h"
#include "shm/base/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_refused(const struct hs_err *err)
{
    HS_ASSERT(err->code < 0);
    HS_ASSERT(err->text[0] != 0);
}

static void try_names(struct hs_view input)
{
    char               text[HS_IDENTITY_TEXT_BYTES];
    struct hs_identity identity;
    struct hs_err      err = {0};

    if (hs_identity_parse(input, &identity, &err) == 0) {
        hs_identity_text(&identity, text);
        HS_ASSERT(hs_view_equal(input, hs_view_text(text)));
    } else
        is_refused(&err);
    if (hs_identity_parse_authority(input, &identity, &err) == 0) {
        hs_identity_authority_text(&identity, text);
        HS_ASSERT(hs_view_equal(input, hs_view_text(text)));
    } else
        is_refused(&err);
}

static void try_ring(struct hs_view input)
{
    uint8_t           text[HS_KEYRING_TEXT_BYTES];
    struct hs_keyring ring;
    struct hs_writer  out;
    struct hs_err     err = {0};

    if (hs_keyring_parse(input, &ring, &err)) {
        is_refused(&err);
        return;
    }
    HS_ASSERT(ring.count <= HS_KEYRING_KEYS_MAX);
    hs_writer_init(&out, text, sizeof text);
    hs_keyring_print(&ring, &out);
    HS_ASSERT(hs_writer_finish(&out) == 0);
    HS_ASSERT(hs_view_equal(input, hs_view_of(text, out.used_bytes)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_names(hs_view_of(data, size));
    try_ring(hs_view_of(data, size));
    return 0;
}
