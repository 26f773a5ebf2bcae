// SPDX-License-Identifier: Apache-2.0
// share: 1/4
/* fuzz_frame.c - any bytes as a stream of frames, whole and in two pieces: the same frames, the
 * same verdict; a header that was read is written back as it was. */
#include "ipc/frame.h"
#include "shm/base/assert.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_header(const uint8_t *at, const struct hs_frame *frame)
{
    uint8_t header[HS_FRAME_HEADER_BYTES];

    hs_frame_put_header(header, frame);
    HS_ASSERT(memcmp(header, at, sizeof(header)) == 0);
}

/* A shorter prefix asks for more, or says already what the whole says; never asks for more than the
 * frame takes. */
static void check_prefix(struct hs_view whole, int rc, size_t bytes)
{
    struct hs_frame frame;
    size_t          need_bytes;
    int             prefix_rc = hs_frame_parse(hs_view_of(whole.data, bytes), &frame, &need_bytes);

    HS_ASSERT(prefix_rc == 0 || prefix_rc == rc);
    if (prefix_rc == 0) HS_ASSERT(need_bytes > bytes);
    if (prefix_rc == 0 && rc > 0) HS_ASSERT(need_bytes <= (size_t)rc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_view rest = hs_view_of(data, size);

    for (;;) {
        struct hs_frame frame;
        size_t          need_bytes;
        int             rc = hs_frame_parse(rest, &frame, &need_bytes);

        for (size_t bytes = 0; bytes < rest.bytes && bytes < 64; bytes++)
            check_prefix(rest, rc, bytes);
        if (rc <= 0) {
            HS_ASSERT(rc < 0 || need_bytes > rest.bytes);
            return 0;
        }
        HS_ASSERT((size_t)rc <= rest.bytes);
        HS_ASSERT(frame.body.bytes + HS_FRAME_HEADER_BYTES == (size_t)rc);
        check_header(rest.data, &frame);
        rest = hs_view_of(rest.data + rc, rest.bytes - (size_t)rc);
    }
}
