// SPDX-License-Identifier: Apache-2.0
/* buffer_io.c - growing buffers. */
#include "ipc/buffer.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_BYTES = 4096 };

int hs_buffer_reserve(struct hs_buffer *buffer, size_t more_bytes)
{
    size_t   wanted = buffer->used_bytes + more_bytes;
    size_t   capacity = buffer->capacity_bytes ? buffer->capacity_bytes : FIRST_BYTES;
    uint8_t *data;

    if (wanted <= buffer->capacity_bytes) return 0;
    while (capacity < wanted) capacity *= 2;
    data = realloc(buffer->data, capacity);
    if (!data) return -ENOMEM;
    buffer->data = data;
    buffer->capacity_bytes = capacity;
    return 0;
}

void hs_buffer_release(struct hs_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct hs_buffer){0};
}
