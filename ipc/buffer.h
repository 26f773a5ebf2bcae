// SPDX-License-Identifier: Apache-2.0
/* buffer.h - bytes on the heap that grow by doubling; whoever fills one keeps it within a bound. */
#ifndef HS_IPC_BUFFER_H
#define HS_IPC_BUFFER_H

#include "shm/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct hs_buffer { /* zeroed: empty */
    uint8_t *data;
    size_t   used_bytes;
    size_t   capacity_bytes;
};

int  hs_buffer_reserve(struct hs_buffer *buffer, size_t more_bytes) HS_MUST_CHECK; /* -ENOMEM */
void hs_buffer_release(struct hs_buffer *buffer);

#endif
