/* Blocks of up to 65,536 elements; in each, byte 0 of all elements comes first, then byte 1 and so on. In
 * floats the bytes of sign and exponent vary little, so they deflate well once they stand together. The
 * blocks of a section make one zlib stream. Memory is bounded by the block, not by the section. */
#include "io/codec.h"

enum { PACKED_BYTES = 65536, BLOCK_BYTES = MBNI_MBN_BLOCK * 8 };

/* zlib's memory comes from the context too. */
static void *zlib_alloc(void *user, unsigned items, unsigned size)
{
    int64_t bytes;
    return mbni_mul(items, size, &bytes) ? mbni_alloc(user, bytes) : NULL;
}

static void zlib_free(void *user, void *memory)
{
    mbni_free(user, memory);
}

mbn_status mbni_codec_init(mbni_codec *codec, mbn_context *context)
{
    *codec = (mbni_codec){.context = context};
    codec->raw = mbni_alloc(context, BLOCK_BYTES);
    codec->planes = mbni_alloc(context, BLOCK_BYTES);
    codec->packed = mbni_alloc(context, PACKED_BYTES);
    if (codec->raw && codec->planes && codec->packed)
        return MBN_OK;
    mbni_codec_free(codec);
    return MBN_ERR_MEMORY;
}

void mbni_codec_free(mbni_codec *codec)
{
    if (codec->deflating)
        deflateEnd(&codec->stream);
    if (codec->inflating)
        inflateEnd(&codec->stream);
    mbni_free(codec->context, codec->raw);
    mbni_free(codec->context, codec->planes);
    mbni_free(codec->context, codec->packed);
    *codec = (mbni_codec){0};
}

static mbn_status zlib_failed(int code)
{
    if (code == Z_MEM_ERROR) /* the allocator has recorded the sentence */
        return MBN_ERR_MEMORY;
    return mbni_error(MBN_ERR_UNSUPPORTED, "zlib could not start (its code %d)", code);
}

static mbn_status deflate_ready(mbni_codec *codec, int32_t level)
{
    if (codec->deflating) {
        deflateReset(&codec->stream);
        return MBN_OK;
    }
    codec->stream = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = codec->context};
    int code = deflateInit(&codec->stream, level);
    if (code != Z_OK)
        return zlib_failed(code);
    codec->deflating = 1;
    return MBN_OK;
}

static mbn_status inflate_ready(mbni_codec *codec)
{
    if (codec->inflating) {
        inflateReset(&codec->stream);
        codec->stream.avail_in = 0;
        return MBN_OK;
    }
    codec->stream = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = codec->context};
    int code = inflateInit(&codec->stream);
    if (code != Z_OK)
        return zlib_failed(code);
    codec->inflating = 1;
    return MBN_OK;
}

static void shuffle(const unsigned char *raw, int64_t count, int64_t width, unsigned char *planes)
{
    for (int64_t b = 0; b < width; b++)
        for (int64_t i = 0; i < count; i++)
            planes[b * count + i] = raw[i * width + b];
}

static void unshuffle(const unsigned char *planes, int64_t count, int64_t width, unsigned char *raw)
{
    for (int64_t b = 0; b < width; b++)
        for (int64_t i = 0; i < count; i++)
            raw[i * width + b] = planes[b * count + i];
}

static mbn_status emit(mbni_sink *sink, mbni_section *section, const unsigned char *data, int64_t bytes)
{
    section->crc = (uint32_t)crc32(section->crc, data, (uInt)bytes);
    section->stored += bytes;
    return mbni_sink_write(sink, data, bytes);
}

static mbn_status deflate_block(mbni_codec *codec, mbni_sink *sink, mbni_section *section,
                                unsigned char *data, int64_t bytes, int flush)
{
    z_stream *stream = &codec->stream;
    stream->next_in = data;
    stream->avail_in = (uInt)bytes;
    do {
        stream->next_out = codec->packed;
        stream->avail_out = PACKED_BYTES;
        deflate(stream, flush); /* cannot fail on a live stream with room in its output */
        MBNI_TRY(emit(sink, section, codec->packed, PACKED_BYTES - (int64_t)stream->avail_out));
    } while (stream->avail_out == 0);
    return MBN_OK;
}

mbn_status mbni_section_encode(mbni_codec *codec, mbni_sink *sink, int32_t level, mbni_section *section,
                               mbni_produce_fn produce, void *user)
{
    int64_t width = mbni_element_bytes(section->element);
    section->codec = level ? MBNI_CODEC_ZLIB : MBNI_CODEC_STORED;
    section->offset = sink->written;
    section->raw = section->count * width;
    section->stored = 0;
    section->crc = 0;
    if (level)
        MBNI_TRY(deflate_ready(codec, level));
    for (int64_t first = 0; first < section->count; first += MBNI_MBN_BLOCK) {
        int64_t count = section->count - first < MBNI_MBN_BLOCK ? section->count - first : MBNI_MBN_BLOCK;
        MBNI_TRY(produce(user, first, count, codec->raw));
        if (level) {
            shuffle(codec->raw, count, width, codec->planes);
            MBNI_TRY(deflate_block(codec, sink, section, codec->planes, count * width, Z_NO_FLUSH));
        } else {
            MBNI_TRY(emit(sink, section, codec->raw, count * width));
        }
    }
    return level ? deflate_block(codec, sink, section, codec->planes, 0, Z_FINISH) : MBN_OK;
}

mbn_status mbni_section_verify(mbni_codec *codec, mbni_source *source, const mbni_section *section)
{
    uint32_t crc = 0;
    for (int64_t at = 0; at < section->stored; at += PACKED_BYTES) {
        int64_t bytes = section->stored - at < PACKED_BYTES ? section->stored - at : PACKED_BYTES;
        MBNI_TRY(mbni_source_read(source, section->offset + at, codec->packed, bytes));
        crc = (uint32_t)crc32(crc, codec->packed, (uInt)bytes);
    }
    if (crc != section->crc)
        return mbni_source_error(source, MBN_ERR_FORMAT,
                                 "section '%s' at byte %lld is damaged: CRC-32 %08x, expected %08x",
                                 section->name, (long long)section->offset, crc, section->crc);
    return MBN_OK;
}

static mbn_status broken_stream(const mbni_source *source, const mbni_section *section, const char *what)
{
    return mbni_source_error(source, MBN_ERR_FORMAT, "section '%s' at byte %lld: %s (declared: %lld bytes)",
                             section->name, (long long)section->offset, what, (long long)section->raw);
}

/* Inflates until `bytes` bytes are out or the stream ends; *done says the latter. `at` counts stored bytes.
 */
static mbn_status inflate_bytes(mbni_codec *codec, mbni_source *source, const mbni_section *section,
                                int64_t *at, unsigned char *target, int64_t bytes, int *done)
{
    z_stream *stream = &codec->stream;
    stream->next_out = target;
    stream->avail_out = (uInt)bytes;
    while (stream->avail_out && !*done) {
        if (stream->avail_in == 0) {
            int64_t left = section->stored - *at, count = left < PACKED_BYTES ? left : PACKED_BYTES;
            if (count == 0)
                return broken_stream(source, section, "the compressed stream is cut off");
            MBNI_TRY(mbni_source_read(source, section->offset + *at, codec->packed, count));
            *at += count;
            stream->next_in = codec->packed;
            stream->avail_in = (uInt)count;
        }
        int code = inflate(stream, Z_NO_FLUSH);
        if (code == Z_MEM_ERROR)
            return MBN_ERR_MEMORY;
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return broken_stream(source, section, "the compressed stream is invalid");
        *done = code == Z_STREAM_END;
    }
    return MBN_OK;
}

static mbn_status decode_zlib(mbni_codec *codec, mbni_source *source, const mbni_section *section,
                              mbni_consume_fn consume, void *user)
{
    int64_t width = mbni_element_bytes(section->element), at = 0;
    unsigned char beyond;
    int done = 0;
    MBNI_TRY(inflate_ready(codec));
    for (int64_t first = 0; first < section->count; first += MBNI_MBN_BLOCK) {
        int64_t count = section->count - first < MBNI_MBN_BLOCK ? section->count - first : MBNI_MBN_BLOCK;
        MBNI_TRY(inflate_bytes(codec, source, section, &at, codec->planes, count * width, &done));
        if (codec->stream.avail_out)
            return broken_stream(source, section, "the compressed stream holds less than it should");
        unshuffle(codec->planes, count, width, codec->raw);
        MBNI_TRY(consume(user, first, count, codec->raw));
    }
    MBNI_TRY(inflate_bytes(codec, source, section, &at, &beyond, 1, &done));
    if (!done || codec->stream.avail_out == 0)
        return broken_stream(source, section, "the compressed stream holds more than it should");
    if (codec->stream.avail_in || at != section->stored)
        return broken_stream(source, section, "bytes follow the compressed stream");
    return MBN_OK;
}

mbn_status mbni_section_decode(mbni_codec *codec, mbni_source *source, const mbni_section *section,
                               mbni_consume_fn consume, void *user)
{
    int64_t width = mbni_element_bytes(section->element);
    if (section->codec == MBNI_CODEC_ZLIB)
        return decode_zlib(codec, source, section, consume, user);
    for (int64_t first = 0; first < section->count; first += MBNI_MBN_BLOCK) {
        int64_t count = section->count - first < MBNI_MBN_BLOCK ? section->count - first : MBNI_MBN_BLOCK;
        MBNI_TRY(mbni_source_read(source, section->offset + first * width, codec->raw, count * width));
        MBNI_TRY(consume(user, first, count, codec->raw));
    }
    return MBN_OK;
}
