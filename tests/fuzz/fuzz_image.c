/* A fuzz target for the decoders of pictures, for clang's -fsanitize=fuzzer: what is in memory is decoded,
 * whole and at the size that a small target needs, and resized. Where libpng or libjpeg are compiled in,
 * their calls are driven with it; a CRC keeps most changes out of PNG, so the mutator puts those right 15
 * times of 16. */
#include <mobilenet/mobilenet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "data/resize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed);

enum { MAX_PIXELS = 1 << 18, SIDE = 8 };

static size_t number_at(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* Puts right the CRC of each PNG chunk that lies inside the file. */
static void repair(uint8_t *data, size_t bytes)
{
    if (bytes < 8 || memcmp(data, "\x89PNG", 4) != 0)
        return;
    for (size_t at = 8; bytes - at >= 12;) {
        const size_t length = number_at(data + at);
        if (length > bytes - at - 12)
            return;
        const uint32_t sum = (uint32_t)crc32(0, data + at + 4, (uInt)(length + 4));
        for (int i = 0; i < 4; i++)
            data[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + length;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed)
{
    const size_t changed = LLVMFuzzerMutate(data, bytes, capacity);
    if (seed % 16)
        repair(data, changed);
    return changed;
}

static void require(int condition)
{
    if (!condition)
        abort();
}

/* What fits the bounds, or a reason. */
static void decode(mbni_image_job *job, const uint8_t *data, size_t bytes)
{
    mbni_image image;
    unsigned char target[SIDE * SIDE * 3];
    mbn_status status = mbni_image_decode(job, data, (int64_t)bytes, &image);
    if (status) {
        require(image.pixels == NULL && (*job->reason || status == MBN_ERR_MEMORY));
        return;
    }
    require(image.height >= 1 && image.width >= 1 && image.height * image.width <= MAX_PIXELS);
    require(image.channels == 1 || image.channels == 3);
    require(mbni_resize(job->context, &image, mbni_region_crop(&image, SIDE, SIDE), SIDE, SIDE, target) ==
            MBN_OK);
    mbni_image_free(job->context, &image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static mbn_context *context;
    if (!context) {
        mbn_context_options options;
        mbn_context_options_init(&options);
        options.threads = 1;
        require(mbn_context_create(&options, &context) == MBN_OK);
    }
    mbni_image_job job = {.context = context, .max_pixels = MAX_PIXELS};
    decode(&job, data, bytes);
    job.height = job.width = SIDE;
    decode(&job, data, bytes);
    return 0;
}
