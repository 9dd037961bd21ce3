/* Separable resampling in integers. A target row is first summed over source rows, then along itself, so that
 * one row is all the memory it needs beside the weights.
 *
 * Weights are 16-bit fractions. They are computed in double by +, -, * and / of IEEE alone, and rounded so
 * that those of a target pixel sum to exactly one. */
#include "data/resize.h"
#include <math.h>
#include <string.h>

enum {
    ONE_BITS = 16, /* of a weight of 1 */
    MORE_BITS = 6  /* that a row keeps between the two sums */
};

/* One axis: target i is the sum of weights[i * taps + k] * source[first[i] + k] over k in [0, counts[i]). */
typedef struct axis {
    int64_t taps;     /* the most that a target has */
    int64_t *first;   /* [out] */
    int64_t *counts;  /* [out] */
    int32_t *weights; /* [out, taps] */
} axis;

mbni_region mbni_region_whole(const mbni_image *image)
{
    return (mbni_region){0, 0, (double)image->height, (double)image->width};
}

mbni_region mbni_region_crop(const mbni_image *image, int64_t height, int64_t width)
{
    const double rows = (double)image->height, columns = (double)image->width;
    const double by_height = rows / (double)height, by_width = columns / (double)width;
    const double step = by_height < by_width ? by_height : by_width;
    mbni_region box = {0, 0, rows, columns};
    if (by_height > step)
        box.height = step * (double)height;
    if (by_width > step)
        box.width = step * (double)width;
    box.top = (rows - box.height) / 2;
    box.left = (columns - box.width) / 2;
    return box;
}

static double triangle(double distance, double support)
{
    const double weight = 1 - fabs(distance) / support;
    return weight > 0 ? weight : 0;
}

/* The weights of one target pixel, whose place in the source is `centre`. */
static void set_weights(double centre, double support, int64_t first, int64_t count, int32_t *weights)
{
    double sum = 0, so_far = 0;
    int32_t given = 0;
    for (int64_t k = 0; k < count; k++)
        sum += triangle((double)(first + k) + 0.5 - centre, support);
    for (int64_t k = 0; k < count; k++) {
        so_far += triangle((double)(first + k) + 0.5 - centre, support);
        const int32_t until =
            k + 1 == count ? 1 << ONE_BITS : (int32_t)floor(so_far / sum * (1 << ONE_BITS) + 0.5);
        weights[k] = until - given;
        given = until;
    }
}

static mbn_status axis_create(mbn_context *context, int64_t in, double begin, double length, int64_t out,
                              axis *a)
{
    const double step = length / (double)out, support = step > 1 ? step : 1;
    a->taps = 2 * (int64_t)ceil(support) + 1;
    a->first = mbni_alloc(context, out * (int64_t)sizeof *a->first);
    a->counts = mbni_alloc(context, out * (int64_t)sizeof *a->counts);
    a->weights = mbni_alloc(context, out * a->taps * (int64_t)sizeof *a->weights);
    if (!a->first || !a->counts || !a->weights)
        return MBN_ERR_MEMORY;
    for (int64_t i = 0; i < out; i++) {
        const double centre = begin + ((double)i + 0.5) * step;
        int64_t first = (int64_t)floor(centre - support + 0.5), end = (int64_t)floor(centre + support + 0.5);
        first = first < 0 ? 0 : first;
        end = end > in ? in : end;
        a->first[i] = first;
        a->counts[i] = end - first;
        set_weights(centre, support, first, end - first, a->weights + i * a->taps);
    }
    return MBN_OK;
}

static void axis_destroy(mbn_context *context, axis *a)
{
    mbni_free(context, a->first);
    mbni_free(context, a->counts);
    mbni_free(context, a->weights);
}

/* Target row y of `elements` numbers, with MORE_BITS behind the point. */
static void sum_rows(const mbni_image *image, const axis *rows, int64_t y, int64_t elements,
                     int32_t *restrict sums)
{
    const int64_t pitch = image->width * image->channels;
    memset(sums, 0, (size_t)elements * sizeof *sums);
    for (int64_t k = 0; k < rows->counts[y]; k++) {
        const unsigned char *restrict source = image->pixels + (rows->first[y] + k) * pitch;
        const int32_t weight = rows->weights[y * rows->taps + k];
        for (int64_t i = 0; i < elements; i++)
            sums[i] += weight * source[i];
    }
    const int32_t shift = ONE_BITS - MORE_BITS;
    for (int64_t i = 0; i < elements; i++)
        sums[i] = (sums[i] + (1 << (shift - 1))) >> shift;
}

static unsigned char rounded(int32_t sum)
{
    return (unsigned char)((sum + (1 << (ONE_BITS + MORE_BITS - 1))) >> (ONE_BITS + MORE_BITS));
}

static void sum_columns_3(const int32_t *row, const axis *columns, int64_t width, unsigned char *target)
{
    for (int64_t x = 0; x < width; x++) {
        const int32_t *source = row + 3 * columns->first[x], *weights = columns->weights + x * columns->taps;
        int32_t red = 0, green = 0, blue = 0;
        for (int64_t k = 0; k < columns->counts[x]; k++) {
            red += weights[k] * source[3 * k];
            green += weights[k] * source[3 * k + 1];
            blue += weights[k] * source[3 * k + 2];
        }
        target[3 * x] = rounded(red);
        target[3 * x + 1] = rounded(green);
        target[3 * x + 2] = rounded(blue);
    }
}

static void sum_columns_1(const int32_t *row, const axis *columns, int64_t width, unsigned char *target)
{
    for (int64_t x = 0; x < width; x++) {
        const int32_t *source = row + columns->first[x], *weights = columns->weights + x * columns->taps;
        int32_t sum = 0;
        for (int64_t k = 0; k < columns->counts[x]; k++)
            sum += weights[k] * source[k];
        target[x] = rounded(sum);
    }
}

mbn_status mbni_resize(mbn_context *context, const mbni_image *image, mbni_region box, int64_t height,
                       int64_t width, unsigned char *target)
{
    axis rows = {0}, columns = {0};
    const int64_t elements = image->width * image->channels;
    if (height == image->height && width == image->width) { /* the box is then the whole */
        memcpy(target, image->pixels, (size_t)(height * elements));
        return MBN_OK;
    }
    int32_t *row = mbni_alloc(context, elements * (int64_t)sizeof *row);
    mbn_status status = row ? MBN_OK : MBN_ERR_MEMORY;
    if (!status)
        status = axis_create(context, image->height, box.top, box.height, height, &rows);
    if (!status)
        status = axis_create(context, image->width, box.left, box.width, width, &columns);
    for (int64_t y = 0; !status && y < height; y++) {
        unsigned char *line = target + y * width * image->channels;
        sum_rows(image, &rows, y, elements, row);
        if (image->channels == 3)
            sum_columns_3(row, &columns, width, line);
        else
            sum_columns_1(row, &columns, width, line);
    }
    axis_destroy(context, &rows);
    axis_destroy(context, &columns);
    mbni_free(context, row);
    return status;
}

void mbni_convert_channels(const unsigned char *source, int64_t from, unsigned char *target, int64_t to,
                           int64_t count)
{
    if (from == to) {
        if (source != target)
            memcpy(target, source, (size_t)(count * to));
    } else if (to == 1) { /* 0.299, 0.587, 0.114 in 65536ths */
        for (int64_t i = 0; i < count; i++)
            target[i] = (unsigned char)((19595u * source[3 * i] + 38470u * source[3 * i + 1] +
                                         7471u * source[3 * i + 2] + 32768u) >>
                                        16);
    } else {
        for (int64_t i = 0; i < count; i++)
            target[3 * i] = target[3 * i + 1] = target[3 * i + 2] = source[i];
    }
}
