/* Augmentation that moves pixels: shifted and resized crops, mirroring, affine maps, cutout. All in whole
 * numbers. Which crop is taken is drawn here, what else is done to a picture in augment.c. */
#include <math.h>
#include <string.h>
#include "data/augment_ops.h"
#include "kernels/kernels.h"

enum {
    TRIES = 10,       /* of a resized crop */
    WEIGHT_BITS = 11, /* of bilinear weights: two of them and a byte fit into 31 bits */
    WEIGHT = 1 << WEIGHT_BITS
};

static uint8_t fill_byte(int32_t fill)
{
    return fill == MBN_FILL_GREY ? 128 : 0;
}

/* The place in [0, n) that stands for place i outside of it. */
static int64_t place_outside(int64_t i, int64_t n, int32_t fill)
{
    if (fill == MBN_FILL_EDGE || n == 1)
        return i < 0 ? 0 : i >= n ? n - 1 : i;
    const int64_t period = 2 * (n - 1);
    i %= period;
    if (i < 0)
        i += period;
    return i < n ? i : period - i;
}

static void put_pixel(int64_t channels, const uint8_t *x, uint8_t *y)
{
    for (int64_t c = 0; c < channels; c++)
        y[c] = x[c];
}

/* What mirroring first and moving then leaves empty: columns outside [left, end), rows outside [top, bottom).
 * The picture is continued before it is mirrored, which is the same. */
typedef struct border {
    int64_t height, width, channels, down, right;
    int flip;
    int32_t fill;
} border;

static void fill_columns(const border *b, const uint8_t *row, int64_t from, int64_t to, uint8_t *y)
{
    for (int64_t column = from; column < to; column++) {
        const int64_t place = place_outside(column - b->right, b->width, b->fill);
        put_pixel(b->channels, row + (b->flip ? b->width - 1 - place : place) * b->channels,
                  y + column * b->channels);
    }
}

static void fill_border(const border *b, const uint8_t *x, uint8_t *y)
{
    const int64_t row_bytes = b->width * b->channels;
    int64_t left = b->right > 0 ? b->right : 0, end = b->right < 0 ? b->width + b->right : b->width;
    left = left > b->width ? b->width : left;
    end = end < left ? left : end;
    for (int64_t i = 0; i < b->height; i++) {
        const int64_t place = i - b->down;
        const int is_inside = place >= 0 && place < b->height && left < end;
        uint8_t *to = y + i * row_bytes;
        if (b->fill == MBN_FILL_GREY) {
            const size_t before = (size_t)((is_inside ? left : b->width) * b->channels);
            memset(to, fill_byte(b->fill), before);
            if (is_inside)
                memset(to + end * b->channels, fill_byte(b->fill), (size_t)((b->width - end) * b->channels));
            continue;
        }
        const uint8_t *row = x + place_outside(place, b->height, b->fill) * row_bytes;
        fill_columns(b, row, 0, is_inside ? left : b->width, to);
        if (is_inside)
            fill_columns(b, row, end, b->width, to);
    }
}

void mbni_shift_flip(int64_t height, int64_t width, int64_t channels, int64_t down, int64_t right, int flip,
                     int32_t fill, const uint8_t *x, uint8_t *y)
{
    /* The kernel mirrors first and fills with zero; it is the same plain C in every table. */
    const border b = {height, width, channels, down, flip ? -right : right, flip, fill};
    mbni_train_kernels_select(MBN_ISA_GENERIC)
        ->shift_flip_u8(height, width, channels, b.down, b.right, flip, x, y);
    if (fill != MBN_FILL_ZERO && (b.down || b.right))
        fill_border(&b, x, y);
}

static int64_t rounded(double value)
{
    return (int64_t)(value + 0.5);
}

static int64_t held(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* The largest centred box whose aspect is allowed. */
static mbni_box centred_box(const mbn_augment_options *o, int64_t height, int64_t width)
{
    const double aspect = (double)width / (double)height;
    mbni_box box = {0, 0, height, width};
    if (aspect < o->aspect_min)
        box.height = held(rounded((double)width / o->aspect_min), 1, height);
    else if (aspect > o->aspect_max)
        box.width = held(rounded((double)height * o->aspect_max), 1, width);
    box.top = (height - box.height) / 2;
    box.left = (width - box.width) / 2;
    return box;
}

mbni_box mbni_crop_draw(const mbn_augment_options *o, mbni_random *random, int64_t height, int64_t width)
{
    const double area = (double)height * (double)width;
    for (int i = 0; i < TRIES; i++) {
        const double share = o->scale_min + (o->scale_max - o->scale_min) * mbni_random_double(random);
        const double aspect = mbni_random_log_uniform(random, o->aspect_min, o->aspect_max);
        mbni_box box = {0, 0, rounded(sqrt(area * share / aspect)), rounded(sqrt(area * share * aspect))};
        if (box.height < 1 || box.height > height || box.width < 1 || box.width > width)
            continue;
        box.top = mbni_random_below(random, height - box.height + 1);
        box.left = mbni_random_below(random, width - box.width + 1);
        return box;
    }
    return centred_box(o, height, width);
}

/* Two neighbours of a place and the weight of the second one. */
typedef struct tap {
    int32_t first, second, weight;
} tap;

/* The centre of output i of n, in inputs of which there are m; held at the outer centres. */
static tap tap_of(int64_t i, int64_t n, int64_t m)
{
    int64_t place = ((2 * i + 1) * m - n) * WEIGHT; /* in parts of 2 n WEIGHT */
    place = held((place + (place < 0 ? -n : n)) / (2 * n), 0, (m - 1) * WEIGHT);
    tap t = {(int32_t)(place >> WEIGHT_BITS), 0, (int32_t)(place & (WEIGHT - 1))};
    t.second = t.weight ? t.first + 1 : t.first;
    return t;
}

int64_t mbni_resize_bytes(int64_t width)
{
    return width * (int64_t)sizeof(tap);
}

static inline void resize_row(int64_t width, int64_t channels, const tap *taps, const uint8_t *upper,
                              const uint8_t *lower, int32_t weight, uint8_t *y)
{
    for (int64_t i = 0; i < width; i++) {
        const int64_t first = taps[i].first * channels, second = taps[i].second * channels;
        const int32_t right = taps[i].weight, left = WEIGHT - right;
        for (int64_t c = 0; c < channels; c++) {
            const int32_t above = upper[first + c] * left + upper[second + c] * right;
            const int32_t below = lower[first + c] * left + lower[second + c] * right;
            y[i * channels + c] =
                (uint8_t)((above * (WEIGHT - weight) + below * weight + WEIGHT * WEIGHT / 2) >>
                          (2 * WEIGHT_BITS));
        }
    }
}

void mbni_crop_resize(int64_t height, int64_t width, int64_t channels, mbni_box box, int flip,
                      const uint8_t *x, uint8_t *y, uint8_t *scratch)
{
    tap *taps = (tap *)(void *)scratch;
    const int64_t row_bytes = width * channels;
    x += (box.top * width + box.left) * channels;
    for (int64_t i = 0; i < width; i++)
        taps[i] = tap_of(flip ? width - 1 - i : i, width, box.width);
    for (int64_t i = 0; i < height; i++) {
        const tap t = tap_of(i, height, box.height);
        const uint8_t *upper = x + t.first * row_bytes, *lower = x + t.second * row_bytes;
        if (channels == 3) /* known when compiled */
            resize_row(width, 3, taps, upper, lower, t.weight, y + i * row_bytes);
        else
            resize_row(width, channels, taps, upper, lower, t.weight, y + i * row_bytes);
    }
}

typedef struct sampled {
    int64_t height, width, channels;
    uint8_t fill;
    const uint8_t *pixels;
} sampled;

static const uint8_t *pixel_at(const sampled *s, int64_t row, int64_t column, const uint8_t *outside)
{
    const int is_inside = row >= 0 && row < s->height && column >= 0 && column < s->width;
    return is_inside ? s->pixels + (row * s->width + column) * s->channels : outside;
}

/* Down to a whole number of 256ths, also below 0, where a shift alone is the compiler's choice. */
static int64_t to_256ths(int64_t place)
{
    const int64_t bias = (int64_t)1 << 48;
    return ((place + 128 + bias) >> 8) - (bias >> 8);
}

static void sample(const sampled *s, int64_t column_256th, int64_t row_256th, uint8_t *y)
{
    const uint8_t outside[3] = {s->fill, s->fill, s->fill};
    const int32_t right = (int32_t)(column_256th & 255), below = (int32_t)(row_256th & 255);
    const int64_t column = (column_256th - right) / 256, row = (row_256th - below) / 256;
    const uint8_t *a = pixel_at(s, row, column, outside), *b = pixel_at(s, row, column + 1, outside);
    const uint8_t *c = pixel_at(s, row + 1, column, outside), *d = pixel_at(s, row + 1, column + 1, outside);
    for (int64_t k = 0; k < s->channels; k++) {
        const int32_t upper = a[k] * (256 - right) + b[k] * right;
        const int32_t lower = c[k] * (256 - right) + d[k] * right;
        y[k] = (uint8_t)((upper * (256 - below) + lower * below + 32768) >> 16);
    }
}

void mbni_affine(int64_t height, int64_t width, int64_t channels, const int64_t m[6], int32_t fill,
                 const uint8_t *x, uint8_t *y)
{
    const sampled s = {height, width, channels, fill_byte(fill), x};
    for (int64_t row = 0; row < height; row++)
        for (int64_t column = 0; column < width; column++, y += channels)
            sample(&s, to_256ths(m[0] * column + m[1] * row + m[2]),
                   to_256ths(m[3] * column + m[4] * row + m[5]), y);
}

void mbni_cutout(int64_t height, int64_t width, int64_t channels, int64_t row, int64_t column, int64_t side,
                 int32_t fill, uint8_t *picture)
{
    const int64_t top = held(row - side / 2, 0, height), left = held(column - side / 2, 0, width);
    const int64_t bottom = held(row - side / 2 + side, 0, height);
    const int64_t right = held(column - side / 2 + side, 0, width);
    for (int64_t i = top; i < bottom; i++)
        memset(picture + (i * width + left) * channels, fill_byte(fill), (size_t)((right - left) * channels));
}
