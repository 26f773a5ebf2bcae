// SPDX-License-Identifier: Apache-2.0
/* bytes.h - little-endian numbers in byte buffers: a writer with a limit, a reader that cannot
 * overrun, a checksum. Both carry a sticky failure: after the first overrun every put is dropped
 * and every get returns 0, so that encoders and decoders are straight lines with one check at the
 * end. */
#ifndef HS_BASE_BYTES_H
#define HS_BASE_BYTES_H

#include "shm/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pointer and length into somebody else's memory; whoever returns one says how long it holds. */
struct hs_view {
    const uint8_t *data;
    size_t         bytes;
};

struct hs_writer {
    uint8_t *data;
    size_t   capacity_bytes;
    size_t   used_bytes;
    bool     failed; /* something did not fit */
};

struct hs_reader {
    const uint8_t *data;
    size_t         bytes;
    size_t         at;
    bool           failed; /* something was read past the end */
};

struct hs_view hs_view_of(const void *data, size_t bytes);
struct hs_view hs_view_text(const char *text);
bool           hs_view_equal(struct hs_view a, struct hs_view b);

void hs_writer_init(struct hs_writer *writer, void *memory, size_t capacity_bytes);
void hs_put_u8(struct hs_writer *writer, uint8_t value);
void hs_put_u16le(struct hs_writer *writer, uint16_t value);
void hs_put_u32le(struct hs_writer *writer, uint32_t value);
void hs_put_u64le(struct hs_writer *writer, uint64_t value);
void hs_put_varint(struct hs_writer *writer, uint64_t value); /* LEB128 */
void hs_put_bytes(struct hs_writer *writer, const void *data, size_t bytes);
void hs_put_text(struct hs_writer *writer, struct hs_view text); /* its length as varint first */
int  hs_writer_finish(const struct hs_writer *writer) HS_MUST_CHECK; /* 0, or -EMSGSIZE */

void     hs_reader_init(struct hs_reader *reader, struct hs_view view);
uint8_t  hs_get_u8(struct hs_reader *reader);
uint16_t hs_get_u16le(struct hs_reader *reader);
uint32_t hs_get_u32le(struct hs_reader *reader);
uint64_t hs_get_u64le(struct hs_reader *reader);
uint64_t hs_get_varint(struct hs_reader *reader); /* more than ten bytes or 64 bits: failure */
struct hs_view hs_get_view(struct hs_reader *reader,
                           size_t            bytes); /* into the reader's own memory */
/* What hs_put_text wrote, zeros behind it; as long as capacity_bytes or longer: failure. */
void   hs_get_text(struct hs_reader *reader, char *text, size_t capacity_bytes);
size_t hs_reader_left_bytes(const struct hs_reader *reader);
/* 0 if all went well and nothing is left; else -EPROTO. */
int hs_reader_finish(const struct hs_reader *reader) HS_MUST_CHECK;

/* CRC-32C (RFC 3720 B.4); start with 0, feed pieces by passing the last result. */
uint32_t hs_crc32c(uint32_t crc, const void *data, size_t bytes);

#endif
