/* Writes a picture as a PNG file: 8 bits, grey or red green blue, without interlacing. zlib does the packing;
 * nothing is read. The format: https://www.w3.org/TR/png-3/ */
#ifndef EXAMPLES_COMMON_PNG_H
#define EXAMPLES_COMMON_PNG_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static inline void png_number(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* A chunk: length, type, data, CRC of type and data. */
static inline int png_chunk(FILE *file, const char *type, const uint8_t *data, size_t bytes)
{
    uint8_t head[8], tail[4];
    png_number(head, (uint32_t)bytes);
    memcpy(head + 4, type, 4);
    uLong crc = crc32(0, head + 4, 4);
    if (bytes) /* no data would begin a new sum */
        crc = crc32(crc, data, (uInt)bytes);
    png_number(tail, (uint32_t)crc);
    return fwrite(head, 8, 1, file) == 1 && (!bytes || fwrite(data, bytes, 1, file) == 1) &&
           fwrite(tail, 4, 1, file) == 1;
}

/* pixels [height, width, channels], channels 1 or 3, height * width at most 2^28. 0, or -1 with errno's
 * reason. */
static inline int png_write(const char *path, int64_t height, int64_t width, int64_t channels,
                            const uint8_t *pixels)
{
    static const uint8_t SIGNATURE[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    const size_t row = (size_t)(width * channels), count = (row + 1) * (size_t)height;
    uLongf packed_bytes = compressBound((uLong)count);
    uint8_t header[13] = {0}, *rows = malloc(count), *packed = malloc(packed_bytes);
    FILE *file = rows && packed ? fopen(path, "wb") : NULL;
    int is_written = 0;
    for (int64_t i = 0; file && i < height; i++) { /* each row begins with the number of its filter: none */
        rows[(size_t)i * (row + 1)] = 0;
        memcpy(rows + (size_t)i * (row + 1) + 1, pixels + (size_t)i * row, row);
    }
    png_number(header, (uint32_t)width);
    png_number(header + 4, (uint32_t)height);
    header[8] = 8;                     /* bits */
    header[9] = channels == 3 ? 2 : 0; /* colours */
    if (file && compress2(packed, &packed_bytes, rows, (uLong)count, 9) == Z_OK)
        is_written = fwrite(SIGNATURE, 8, 1, file) == 1 && png_chunk(file, "IHDR", header, sizeof header) &&
                     png_chunk(file, "IDAT", packed, packed_bytes) && png_chunk(file, "IEND", NULL, 0);
    if (file && fclose(file))
        is_written = 0;
    free(rows);
    free(packed);
    return is_written ? 0 : -1;
}

#endif
