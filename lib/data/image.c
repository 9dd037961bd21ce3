/* Which format a picture has, what its header says, and which decoder reads it. The headers of all formats
 * are read here and in image_ppm.c, without the formats' libraries, so that a directory can be looked through
 * quickly and a bomb is refused before a decoder sees it. */
#include "data/image.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { HEAD_BYTES = 4096, MAX_SEGMENTS = 4096 };

static const unsigned char PNG_BEGIN[16] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n',
                                            0,    0,   0,   13,  'I',  'H',  'D',  'R'};

mbn_status mbni_image_fault(mbni_image_job *job, mbn_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(job->reason, sizeof job->reason, format, arguments);
    va_end(arguments);
    return status;
}

mbn_status mbni_image_alloc(mbn_context *context, mbni_image *image)
{
    int64_t bytes;
    image->pixels = NULL;
    if (!mbni_product(3, (const int64_t[]){image->height, image->width, image->channels}, &bytes))
        return mbni_error(MBN_ERR_MEMORY, "a picture does not fit into the address space");
    image->pixels = mbni_alloc(context, bytes);
    return image->pixels ? MBN_OK : MBN_ERR_MEMORY;
}

void mbni_image_free(mbn_context *context, mbni_image *image)
{
    mbni_free(context, image->pixels);
    image->pixels = NULL;
}

/* Where header bytes come from. */
typedef struct source {
    mbni_file *file; /* or */
    const char *path;
    const unsigned char *memory;
    int64_t bytes;
} source;

static mbn_status fetch(const source *s, int64_t offset, unsigned char *target, int64_t count)
{
    if (s->file)
        return mbni_file_read(s->file, s->path, offset, target, count);
    memcpy(target, s->memory + offset, (size_t)count);
    return MBN_OK;
}

static int64_t big_endian(const unsigned char *bytes, int count)
{
    int64_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static mbn_status png_header(mbni_image_job *job, const unsigned char *head, int64_t count,
                             mbni_image_info *info)
{
    if (count < 33 || memcmp(head, PNG_BEGIN, sizeof PNG_BEGIN) != 0)
        return mbni_image_fault(job, MBN_ERR_FORMAT, "a PNG file whose header is cut or damaged");
    info->width = big_endian(head + 16, 4);
    info->height = big_endian(head + 20, 4);
    return mbni_png_ready(job);
}

static bool is_frame(int marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* Walks from segment to segment to the one that begins the frame; there may be much before it. */
static mbn_status jpeg_header(mbni_image_job *job, const source *s, mbni_image_info *info)
{
    unsigned char b[9]; /* marker, length, precision, height, width */
    int64_t at = 2;
    for (int segments = 0; segments < MAX_SEGMENTS && at <= s->bytes - 9; segments++) {
        MBNI_TRY(fetch(s, at, b, 9));
        if (b[0] != 0xff)
            break;
        if (b[1] == 0xff || b[1] == 0x01) { /* a byte of filling, and a marker that stands alone */
            at += b[1] == 0xff ? 1 : 2;
            continue;
        }
        const int64_t length = big_endian(b + 2, 2);
        if (is_frame(b[1])) {
            if (b[4] != 8)
                return mbni_image_fault(job, MBN_ERR_UNSUPPORTED, "a JPEG file of %d bits", b[4]);
            info->height = big_endian(b + 5, 2);
            info->width = big_endian(b + 7, 2);
            return mbni_jpeg_ready(job);
        }
        if (length < 2 || b[1] < 0xc0 || (b[1] >= 0xd0 && b[1] <= 0xda))
            break;
        at += 2 + length;
    }
    return mbni_image_fault(job, MBN_ERR_FORMAT, "a JPEG file whose header is cut or damaged");
}

static mbn_status read_header(mbni_image_job *job, const source *s, mbni_image_info *info)
{
    unsigned char head[HEAD_BYTES];
    const int64_t count = s->bytes < HEAD_BYTES ? s->bytes : HEAD_BYTES;
    if (count == 0)
        return mbni_image_fault(job, MBN_ERR_FORMAT, "an empty file");
    MBNI_TRY(fetch(s, 0, head, count));
    if (count >= 2 && head[0] == 'P' && (head[1] == '5' || head[1] == '6')) {
        info->format = MBNI_IMAGE_PPM;
        return mbni_ppm_header(job, head, count, info);
    }
    if (count >= 4 && memcmp(head, PNG_BEGIN, 4) == 0) {
        info->format = MBNI_IMAGE_PNG;
        return png_header(job, head, count, info);
    }
    if (count >= 3 && head[0] == 0xff && head[1] == 0xd8 && head[2] == 0xff) {
        info->format = MBNI_IMAGE_JPEG;
        return jpeg_header(job, s, info);
    }
    return mbni_image_fault(job, MBN_ERR_FORMAT, "no picture: neither JPEG nor PNG nor binary PPM or PGM");
}

mbn_status mbni_image_probe(mbni_image_job *job, mbni_file *file, const char *path,
                            const unsigned char *memory, int64_t bytes, mbni_image_info *info)
{
    const source s = {file, path, memory, file ? file->bytes : bytes};
    MBNI_TRY(read_header(job, &s, info));
    if (info->height < 1 || info->width < 1)
        return mbni_image_fault(job, MBN_ERR_FORMAT, "a picture of %lld x %lld pixels",
                                (long long)info->height, (long long)info->width);
    /* Neither side is above 2^32. */
    if (info->height > job->max_pixels / info->width)
        return mbni_image_fault(job, MBN_ERR_FORMAT,
                                "a picture of %lld x %lld pixels; allowed are %lld in all",
                                (long long)info->height, (long long)info->width, (long long)job->max_pixels);
    return MBN_OK;
}

mbn_status mbni_image_decode(mbni_image_job *job, const unsigned char *bytes, int64_t count,
                             mbni_image *image)
{
    mbni_image_info info = {0};
    *image = (mbni_image){0};
    MBNI_TRY(mbni_image_probe(job, NULL, NULL, bytes, count, &info));
    image->height = info.height;
    image->width = info.width;
    mbn_status status = info.format == MBNI_IMAGE_PPM   ? mbni_ppm_decode(job, bytes, count, image)
                        : info.format == MBNI_IMAGE_PNG ? mbni_png_decode(job, bytes, count, image)
                                                        : mbni_jpeg_decode(job, bytes, count, image);
    if (status)
        mbni_image_free(job->context, image);
    return status;
}
