/* Files of pictures for tests: PPM as text and bytes, PNG by hand over zlib, JPEG by libjpeg where the
 * library is built with it. */
#ifndef TESTS_PICTURES_H
#define TESTS_PICTURES_H

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#if defined(MBNI_HAVE_JPEG)
#include <jpeglib.h>
#endif

typedef struct bytes {
    unsigned char *data; /* malloc's, exactly `count` long, so that AddressSanitizer sees what reads beyond */
    size_t count;
} bytes;

static inline bytes bytes_of(const void *data, size_t count)
{
    bytes b = {malloc(count ? count : 1), count};
    ck_assert_ptr_nonnull(b.data);
    if (count)
        memcpy(b.data, data, count);
    return b;
}

static inline void append(bytes *b, const void *data, size_t count)
{
    if (!count)
        return;
    b->data = realloc(b->data, b->count + count);
    ck_assert_ptr_nonnull(b->data);
    memcpy(b->data + b->count, data, count);
    b->count += count;
}

/* A header, and pixels behind it. */
static inline bytes ppm(const char *header, const void *pixels, size_t count)
{
    bytes b = bytes_of(header, strlen(header));
    append(&b, pixels, count);
    return b;
}

static inline void put_be32(unsigned char *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(value >> (24 - 8 * i));
}

static inline void png_chunk(bytes *b, const char *name, const void *data, size_t count)
{
    unsigned char number[4];
    put_be32(number, (uint32_t)count);
    append(b, number, 4);
    append(b, name, 4);
    if (count)
        append(b, data, count);
    put_be32(number, (uint32_t)crc32(0, b->data + b->count - count - 4, (uInt)(count + 4)));
    append(b, number, 4);
}

/* rows: height lines of `line` bytes as PNG packs them. The palette may be NULL. */
static inline bytes png(uint32_t width, uint32_t height, int depth, int colour_type,
                        const unsigned char *rows, size_t line, const unsigned char *palette,
                        size_t palette_bytes)
{
    unsigned char header[13] = {0}, *raw = malloc(height * (line + 1)), *packed;
    uLongf packed_bytes = compressBound((uLong)(height * (line + 1)));
    bytes b = bytes_of("\x89PNG\r\n\x1a\n", 8);
    put_be32(header, width);
    put_be32(header + 4, height);
    header[8] = (unsigned char)depth;
    header[9] = (unsigned char)colour_type;
    for (uint32_t y = 0; y < height; y++) {
        raw[y * (line + 1)] = 0;
        memcpy(raw + y * (line + 1) + 1, rows + y * line, line);
    }
    packed = malloc(packed_bytes);
    ck_assert_int_eq(compress(packed, &packed_bytes, raw, (uLong)(height * (line + 1))), Z_OK);
    png_chunk(&b, "IHDR", header, 13);
    if (palette)
        png_chunk(&b, "PLTE", palette, palette_bytes);
    png_chunk(&b, "IDAT", packed, packed_bytes);
    png_chunk(&b, "IEND", NULL, 0);
    free(raw);
    free(packed);
    return b;
}

#if defined(MBNI_HAVE_JPEG)
/* channels: 1, 3 or 4 (inks). orientation: 0 for no EXIF. */
static inline bytes jpeg(int width, int height, int channels, const unsigned char *pixels, int progressive,
                         int orientation)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL;
    unsigned long count = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &data, &count);
    c.image_width = (JDIMENSION)width;
    c.image_height = (JDIMENSION)height;
    c.input_components = channels;
    c.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 95, TRUE);
    if (progressive)
        jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    if (orientation) {
        unsigned char exif[] = "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
        exif[25] = (unsigned char)orientation;
        jpeg_write_marker(&c, JPEG_APP0 + 1, exif, sizeof exif - 1);
    }
    for (int y = 0; y < height; y++) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + (size_t)y * (size_t)(width * channels));
        ck_assert_uint_eq(jpeg_write_scanlines(&c, &row, 1), 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    bytes b = bytes_of(data, count);
    free(data);
    return b;
}
#endif

#endif
