/* Pictures in files: PPM and PGM, PNG, JPEG. From memory, in bounded memory, to u8 pixels. */
#ifndef MBNI_DATA_IMAGE_H
#define MBNI_DATA_IMAGE_H

#include "core/context.h"
#include "core/platform.h"

enum { MBNI_IMAGE_PPM = 1, MBNI_IMAGE_PNG = 2, MBNI_IMAGE_JPEG = 3 };

typedef struct mbni_image {
    unsigned char *pixels;           /* [height, width, channels], memory of the context */
    int64_t height, width, channels; /* channels: 1 or 3 */
} mbni_image;

/* What a file's first bytes say. */
typedef struct mbni_image_info {
    int32_t format;
    int64_t height, width;
} mbni_image_info;

/* What a decoder must keep to, and where it says what is wrong with a picture. */
typedef struct mbni_image_job {
    mbn_context *context;
    int64_t max_pixels;
    int64_t height, width; /* that are wanted: a decoder may give less than all pixels, but not less than
                            * these in either direction; 0: all pixels */
    char reason[160];      /* after MBN_ERR_FORMAT and MBN_ERR_UNSUPPORTED */
} mbni_image_job;

/* Notes a reason; returns status. */
mbn_status mbni_image_fault(mbni_image_job *job, mbn_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads the header alone, from an open file, or from memory when file is NULL. MBN_ERR_FORMAT for what is no
 * picture, has no pixels or more than max_pixels; MBN_ERR_UNSUPPORTED for a format whose library is not
 * there; MBN_ERR_IO. */
mbn_status mbni_image_probe(mbni_image_job *job, mbni_file *file, const char *path,
                            const unsigned char *memory, int64_t bytes, mbni_image_info *info);
/* Decodes a whole file in memory. On failure image->pixels is NULL. MBN_ERR_FORMAT, MBN_ERR_UNSUPPORTED,
 * MBN_ERR_MEMORY. What is left of a damaged file is not used. */
mbn_status mbni_image_decode(mbni_image_job *job, const unsigned char *bytes, int64_t count,
                             mbni_image *image);
void mbni_image_free(mbn_context *context, mbni_image *image);
/* Memory for the pixels of an image whose other fields are set. */
mbn_status mbni_image_alloc(mbn_context *context, mbni_image *image);

/* The decoders, called by mbni_image_decode with what the header says. */
mbn_status mbni_ppm_header(mbni_image_job *job, const unsigned char *bytes, int64_t count,
                           mbni_image_info *info);
mbn_status mbni_ppm_decode(mbni_image_job *job, const unsigned char *bytes, int64_t count, mbni_image *image);
mbn_status mbni_png_decode(mbni_image_job *job, const unsigned char *bytes, int64_t count, mbni_image *image);
mbn_status mbni_jpeg_decode(mbni_image_job *job, const unsigned char *bytes, int64_t count,
                            mbni_image *image);
/* Whether the library for a format can be used; otherwise the sentence why not is noted. */
mbn_status mbni_png_ready(mbni_image_job *job);
mbn_status mbni_jpeg_ready(mbni_image_job *job);

/* Opens a shared library and finds `count` functions in it, whose addresses go to functions[]. NULL on
 * success, else what is missing, in a text that stays. */
const char *mbni_library_load(const char *library, int count, const char *const *names, void **functions);

#endif
