/* Bytes: little-endian numbers, a growing buffer, a bounded cursor, and where files come from and go to. */
#ifndef MBNI_IO_BYTES_H
#define MBNI_IO_BYTES_H

#include <string.h>
#include "core/context.h"
#include "core/platform.h"

/* Byte by byte, so that neither alignment nor the machine's order of bytes matters; compilers see a plain
 * load.
 */
static inline uint16_t mbni_get_u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t mbni_get_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t mbni_get_u64(const unsigned char *p)
{
    return (uint64_t)mbni_get_u32(p) | (uint64_t)mbni_get_u32(p + 4) << 32;
}
static inline void mbni_put_u16(unsigned char *p, uint16_t value)
{
    p[0] = (unsigned char)value;
    p[1] = (unsigned char)(value >> 8);
}
static inline void mbni_put_u32(unsigned char *p, uint32_t value)
{
    p[0] = (unsigned char)value;
    p[1] = (unsigned char)(value >> 8);
    p[2] = (unsigned char)(value >> 16);
    p[3] = (unsigned char)(value >> 24);
}
static inline void mbni_put_u64(unsigned char *p, uint64_t value)
{
    mbni_put_u32(p, (uint32_t)value);
    mbni_put_u32(p + 4, (uint32_t)(value >> 32));
}

/* A growing buffer. The first failure sticks in `status`, and later calls do nothing: check it once at the
 * end.
 */
typedef struct mbni_bytes {
    mbn_context *context;
    unsigned char *data;
    int64_t count, capacity;
    mbn_status status;
} mbni_bytes;
void mbni_bytes_init(mbni_bytes *bytes, mbn_context *context);
void mbni_bytes_free(mbni_bytes *bytes);
void mbni_bytes_append(mbni_bytes *bytes, const void *data, int64_t count);
void mbni_bytes_u16(mbni_bytes *bytes, uint16_t value);
void mbni_bytes_u32(mbni_bytes *bytes, uint32_t value);
void mbni_bytes_u64(mbni_bytes *bytes, uint64_t value);
void mbni_bytes_string(mbni_bytes *bytes, const char *text); /* u16 length, then the bytes without a NUL */

/* A cursor that never leaves its bytes: reading beyond the end gives zeros and sets `failed`, which sticks.
 */
typedef struct mbni_cursor {
    const unsigned char *data;
    int64_t count, at;
    int failed;
} mbni_cursor;
uint16_t mbni_cursor_u16(mbni_cursor *cursor);
uint32_t mbni_cursor_u32(mbni_cursor *cursor);
uint64_t mbni_cursor_u64(mbni_cursor *cursor);
/* A string of 1 to capacity - 1 bytes without a NUL inside, copied and closed; else `failed`. */
void mbni_cursor_string(mbni_cursor *cursor, char *text, int64_t capacity);

/* Where bytes come from: a file, or memory that is lent. */
typedef struct mbni_source {
    const char *path; /* NULL: memory */
    mbni_file file;
    const unsigned char *data;
    int64_t bytes;
    int32_t newer; /* the header names a later minor version than this library's */
} mbni_source;
mbn_status mbni_source_open(mbni_source *source, const char *path, const void *data, size_t bytes);
void mbni_source_close(mbni_source *source);
mbn_status mbni_source_read(mbni_source *source, int64_t offset, void *target, int64_t bytes);
/* mbni_error with the place before it: "file 'net.mbn': ...". */
mbn_status mbni_source_error(const mbni_source *source, mbn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The status for a name or number that this library does not know. */
static inline mbn_status mbni_source_unknown(const mbni_source *source)
{
    return source->newer ? MBN_ERR_VERSION : MBN_ERR_FORMAT;
}

/* Where bytes go: a file being replaced, or (file NULL) memory. */
typedef struct mbni_sink {
    mbni_replacement *file;
    mbni_bytes memory;
    int64_t written;
} mbni_sink;
mbn_status mbni_sink_write(mbni_sink *sink, const void *data, int64_t bytes);

#endif
