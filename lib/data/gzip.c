/* Gzip (RFC 1952) by zlib's inflate, from memory to memory, with the context's allocator. Checksums and
 * lengths at the end of each member are verified by zlib. It does not read files. */
#include "data/gzip.h"
#include <zlib.h>

static voidpf zlib_alloc(voidpf opaque, uInt items, uInt size)
{
    int64_t bytes;
    return mbni_mul(items, size, &bytes) ? mbni_alloc(opaque, bytes) : NULL;
}

static void zlib_free(voidpf opaque, voidpf memory)
{
    mbni_free(opaque, memory);
}

static mbn_status inflate_members(z_stream *stream, const char *path)
{
    for (;;) {
        int result = inflate(stream, Z_FINISH);
        if (result == Z_STREAM_END) {
            if (stream->avail_in == 0)
                return MBN_OK;
            if (inflateReset(stream) != Z_OK) /* another member follows, as `cat a.gz b.gz` makes them */
                return mbni_error(MBN_ERR_FORMAT, "file %s cannot be inflated", path);
            continue;
        }
        if (result == Z_MEM_ERROR)
            return mbni_error(MBN_ERR_MEMORY, "no memory to inflate file %s", path);
        if (result == Z_DATA_ERROR || result == Z_NEED_DICT)
            return mbni_error(MBN_ERR_FORMAT, "file %s is no gzip file or is damaged%s%s", path,
                              stream->msg ? ": " : "", stream->msg ? stream->msg : "");
        if (stream->avail_out == 0)
            return mbni_error(MBN_ERR_FORMAT, "file %s inflates to more than the %lld bytes that are allowed",
                              path, (long long)(stream->total_out));
        return mbni_error(MBN_ERR_FORMAT, "file %s is a gzip file that ends too early", path);
    }
}

mbn_status mbni_gzip_inflate(mbn_context *context, const char *path, const unsigned char *source,
                             int64_t source_bytes, unsigned char *target, int64_t capacity, int64_t *bytes)
{
    *bytes = 0;
    if (source_bytes > INT32_MAX || capacity > INT32_MAX) /* zlib counts in 32 bits */
        return mbni_error(MBN_ERR_FORMAT, "file %s has %lld bytes; allowed are %d", path,
                          (long long)source_bytes, INT32_MAX);
    z_stream stream = {.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = context};
    stream.next_in = (z_const Bytef *)source;
    stream.avail_in = (uInt)source_bytes;
    stream.next_out = target;
    stream.avail_out = (uInt)capacity;
    int result = inflateInit2(&stream, 15 + 16); /* 32 KiB window, gzip header only */
    if (result != Z_OK)
        return mbni_error(MBN_ERR_MEMORY, "no memory to inflate file %s", path);
    mbn_status status = inflate_members(&stream, path);
    *bytes = capacity - (int64_t)stream.avail_out;
    inflateEnd(&stream);
    return status;
}
