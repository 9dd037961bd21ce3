/* The growing buffer, the bounded cursor, sources and sinks of bytes. Knows nothing of what the bytes mean.
 */
#include "io/bytes.h"
#include <stdarg.h>
#include <stdio.h>

void mbni_bytes_init(mbni_bytes *bytes, mbn_context *context)
{
    *bytes = (mbni_bytes){.context = context};
}

void mbni_bytes_free(mbni_bytes *bytes)
{
    mbni_free(bytes->context, bytes->data);
    *bytes = (mbni_bytes){.context = bytes->context, .status = bytes->status};
}

static void grow(mbni_bytes *bytes, int64_t needed)
{
    int64_t capacity = bytes->capacity ? bytes->capacity : 4096;
    while (capacity < needed)
        capacity += capacity / 2;
    unsigned char *data = mbni_alloc(bytes->context, capacity);
    if (!data) {
        bytes->status = MBN_ERR_MEMORY;
        return;
    }
    if (bytes->count)
        memcpy(data, bytes->data, (size_t)bytes->count);
    mbni_free(bytes->context, bytes->data);
    bytes->data = data;
    bytes->capacity = capacity;
}

void mbni_bytes_append(mbni_bytes *bytes, const void *data, int64_t count)
{
    int64_t needed;
    if (bytes->status || count == 0)
        return;
    if (!mbni_add(bytes->count, count, &needed)) {
        bytes->status = mbni_error(MBN_ERR_MEMORY, "the file's size is more than the machine can address");
        return;
    }
    if (needed > bytes->capacity)
        grow(bytes, needed);
    if (bytes->status)
        return;
    memcpy(bytes->data + bytes->count, data, (size_t)count);
    bytes->count = needed;
}

void mbni_bytes_u16(mbni_bytes *bytes, uint16_t value)
{
    unsigned char raw[2];
    mbni_put_u16(raw, value);
    mbni_bytes_append(bytes, raw, 2);
}

void mbni_bytes_u32(mbni_bytes *bytes, uint32_t value)
{
    unsigned char raw[4];
    mbni_put_u32(raw, value);
    mbni_bytes_append(bytes, raw, 4);
}

void mbni_bytes_u64(mbni_bytes *bytes, uint64_t value)
{
    unsigned char raw[8];
    mbni_put_u64(raw, value);
    mbni_bytes_append(bytes, raw, 8);
}

void mbni_bytes_string(mbni_bytes *bytes, const char *text)
{
    size_t count = strlen(text); /* names have at most 255 bytes */
    mbni_bytes_u16(bytes, (uint16_t)count);
    mbni_bytes_append(bytes, text, (int64_t)count);
}

/* The next `count` bytes, or NULL. */
static const unsigned char *take(mbni_cursor *cursor, int64_t count)
{
    if (cursor->failed || count > cursor->count - cursor->at) {
        cursor->failed = 1;
        return NULL;
    }
    cursor->at += count;
    return cursor->data + cursor->at - count;
}

uint16_t mbni_cursor_u16(mbni_cursor *cursor)
{
    const unsigned char *p = take(cursor, 2);
    return p ? mbni_get_u16(p) : 0;
}

uint32_t mbni_cursor_u32(mbni_cursor *cursor)
{
    const unsigned char *p = take(cursor, 4);
    return p ? mbni_get_u32(p) : 0;
}

uint64_t mbni_cursor_u64(mbni_cursor *cursor)
{
    const unsigned char *p = take(cursor, 8);
    return p ? mbni_get_u64(p) : 0;
}

void mbni_cursor_string(mbni_cursor *cursor, char *text, int64_t capacity)
{
    int64_t count = mbni_cursor_u16(cursor);
    const unsigned char *p = take(cursor, count);
    text[0] = 0;
    if (!p || count == 0 || count >= capacity || memchr(p, 0, (size_t)count)) {
        cursor->failed = 1;
        return;
    }
    memcpy(text, p, (size_t)count);
    text[count] = 0;
}

mbn_status mbni_source_open(mbni_source *source, const char *path, const void *data, size_t bytes)
{
    *source = (mbni_source){.path = path, .data = data};
    if (path) {
        MBNI_TRY(mbni_file_open(path, &source->file));
        source->bytes = source->file.bytes;
        return MBN_OK;
    }
    if (bytes > INT64_MAX / 2)
        return mbni_error(MBN_ERR_ARGUMENT, "argument bytes is %zu, more than memory can hold", bytes);
    source->bytes = (int64_t)bytes;
    return MBN_OK;
}

void mbni_source_close(mbni_source *source)
{
    if (source->path && source->file.stream)
        mbni_file_close(&source->file);
}

mbn_status mbni_source_read(mbni_source *source, int64_t offset, void *target, int64_t bytes)
{
    if (offset < 0 || bytes < 0 || offset > source->bytes - bytes)
        return mbni_source_error(source, MBN_ERR_FORMAT, "%lld bytes at byte %lld are not all in the file",
                                 (long long)bytes, (long long)offset);
    if (source->path)
        return mbni_file_read(&source->file, source->path, offset, target, bytes);
    if (bytes)
        memcpy(target, source->data + offset, (size_t)bytes);
    return MBN_OK;
}

mbn_status mbni_source_error(const mbni_source *source, mbn_status status, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (source->path) /* a long path must not push the reason out of the sentence */
        return mbni_error(status, "file '%.320s': %s", source->path, text);
    return mbni_error(status, "argument data: %s", text);
}

mbn_status mbni_sink_write(mbni_sink *sink, const void *data, int64_t bytes)
{
    sink->written += bytes;
    if (sink->file)
        return mbni_replacement_write(sink->file, data, bytes);
    mbni_bytes_append(&sink->memory, data, bytes);
    return sink->memory.status;
}
