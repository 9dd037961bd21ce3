/* A ten-class set of pictures that the library draws: six figures and four textures, each at a random place,
 * size and angle, of any light hue, over a dark background with a gradient and clutter, under more clutter,
 * uneven light and noise. Hues tell nothing about the class and single pixels little, so a classifier has to
 * see form.
 * Picture i is drawn from a random stream of its own and knows nothing of its neighbours or of how many there
 * are; see shapes_draw.c for why its bytes are the same everywhere. */
#include "data/data.h"
#include <math.h>
#include <stddef.h>
#include "core/context.h"
#include "core/random.h"
#include "core/tensor.h"
#include "data/shapes_draw.h"

/* Channels of backgrounds lie below DARK_END, those of subjects from LIGHT_BEGIN on; LEAST_CONTRAST is the
 * sum of differences of the three channels. */
enum {
    CLASSES = MBNI_SHAPES_CLASSES,
    PICTURES_PER_TASK = 32,
    DARK_END = 130,
    LIGHT_BEGIN = 110,
    LEAST_CONTRAST = 220
};

_Static_assert((int)MBNI_SHAPES_CLASSES == (int)MBNI_STAMP_CLASSES, "each class has its stamp");

static const int64_t MAX_COUNT = 10000000;

/* Two purposes of a seed must not share a stream. */
static const uint64_t ORDER_SALT = 0x6f72646572ULL, PICTURE_SALT = 0x70696374ULL;

static const char *const LABELS[CLASSES] = {"disc", "ring",    "square",  "triangle", "cross",
                                            "star", "stripes", "checker", "dots",     "target"};

const char *const *mbni_shapes_labels(void)
{
    return LABELS;
}

static double between(mbni_random *random, double low, double high)
{
    return low + (high - low) * mbni_random_double(random);
}

/* Each ten pictures in a row show every class once, in an order of their own. */
static int32_t label_of(uint64_t seed, int64_t index)
{
    int64_t order[CLASSES];
    mbni_random random;
    mbni_random_seed(&random, seed ^ ORDER_SALT, (uint64_t)(index / CLASSES));
    mbni_random_permutation(&random, CLASSES, order);
    return (int32_t)order[index % CLASSES];
}

static void draw_colour(mbni_random *random, int64_t low, int64_t high, double colour[3])
{
    for (int c = 0; c < 3; c++)
        colour[c] = (double)(low + mbni_random_below(random, high - low));
}

/* A colour between low and high that can be told from another one. */
static void draw_contrasting(mbni_random *random, const double against[3], int64_t low, int64_t high,
                             double colour[3])
{
    double distance;
    do {
        draw_colour(random, low, high, colour);
        distance = 0.0;
        for (int c = 0; c < 3; c++)
            distance += fabs(colour[c] - against[c]);
    } while (distance < LEAST_CONTRAST);
}

/* A direction, uniform on the circle: a point of the unit disc, drawn by rejection, put on its rim. */
static void draw_angle(mbni_random *random, double *cosine, double *sine)
{
    double x, y, square;
    do {
        x = between(random, -1.0, 1.0);
        y = between(random, -1.0, 1.0);
        square = x * x + y * y;
    } while (square > 1.0 || square < 1e-3);
    double length = sqrt(square);
    *cosine = x / length;
    *sine = y / length;
}

typedef struct canvas {
    unsigned char *pixels; /* [height, width, 3] */
    int64_t height, width;
    double side; /* the shorter of the two: the unit of sizes */
    double base[3];
} canvas;

static void paint_background(mbni_random *random, canvas *picture)
{
    double slope[3][2];
    draw_colour(random, 0, DARK_END, picture->base);
    for (int c = 0; c < 3; c++)
        for (int axis = 0; axis < 2; axis++)
            slope[c][axis] = between(random, -50.0, 50.0);
    for (int64_t row = 0; row < picture->height; row++) {
        double y = (double)row / (double)picture->height - 0.5;
        for (int64_t column = 0; column < picture->width; column++) {
            double x = (double)column / (double)picture->width - 0.5;
            for (int c = 0; c < 3; c++)
                picture->pixels[(row * picture->width + column) * 3 + c] =
                    mbni_shapes_byte(picture->base[c] + slope[c][0] * x + slope[c][1] * y);
        }
    }
}

/* Small strokes and patches of any colour. */
static void paint_clutter(mbni_random *random, const canvas *picture, int64_t count)
{
    static const int32_t KINDS[4] = {MBNI_STAMP_BAR, MBNI_STAMP_BAR, MBNI_STAMP_DISC, MBNI_STAMP_SQUARE};
    for (int64_t i = 0; i < count; i++) {
        mbni_stamp stamp = {.kind = KINDS[mbni_random_below(random, 4)]};
        int is_stroke = stamp.kind == MBNI_STAMP_BAR;
        stamp.radius = picture->side * between(random, is_stroke ? 0.08 : 0.03, is_stroke ? 0.25 : 0.08);
        stamp.center_x = (double)picture->width * mbni_random_double(random);
        stamp.center_y = (double)picture->height * mbni_random_double(random);
        draw_angle(random, &stamp.cosine, &stamp.sine);
        draw_colour(random, 0, 256, stamp.colour);
        mbni_stamp_paint(&stamp, picture->pixels, picture->height, picture->width);
    }
}

static void paint_subject(mbni_random *random, const canvas *picture, int32_t label)
{
    mbni_stamp stamp = {.kind = label, .region = MBNI_STAMP_DISC};
    int is_texture = label >= MBNI_STAMP_STRIPES;
    stamp.radius = picture->side * (is_texture ? between(random, 0.34, 0.50) : between(random, 0.30, 0.45));
    if (is_texture && label != MBNI_STAMP_TARGET && mbni_random_below(random, 2))
        stamp.region = MBNI_STAMP_SQUARE;
    double margin = stamp.radius * 0.9;
    stamp.center_x = between(random, margin, (double)picture->width - margin);
    stamp.center_y = between(random, margin, (double)picture->height - margin);
    stamp.period = picture->side * between(random, 0.17, 0.26);
    stamp.phase = mbni_random_double(random);
    draw_angle(random, &stamp.cosine, &stamp.sine);
    draw_contrasting(random, picture->base, LIGHT_BEGIN, 256, stamp.colour);
    draw_contrasting(random, stamp.colour, 0, DARK_END, stamp.second);
    mbni_stamp_paint(&stamp, picture->pixels, picture->height, picture->width);
}

/* Light that falls off to one side, and noise: the sum of two uniform numbers of 10 bits for each channel. */
static void finish(mbni_random *random, const canvas *picture)
{
    double light_x = between(random, -0.35, 0.35), light_y = between(random, -0.35, 0.35);
    double light = between(random, 0.85, 1.1), noise = between(random, 4.0, 28.0) / 1023.0;
    for (int64_t row = 0; row < picture->height; row++) {
        double row_light = light + light_y * ((double)row / (double)picture->height - 0.5);
        for (int64_t column = 0; column < picture->width; column++) {
            unsigned char *pixel = picture->pixels + (row * picture->width + column) * 3;
            double gain = row_light + light_x * ((double)column / (double)picture->width - 0.5);
            uint64_t bits = mbni_random_next(random);
            for (int c = 0; c < 3; c++, bits >>= 20) {
                int64_t sum = (int64_t)(bits & 1023) + (int64_t)((bits >> 10) & 1023);
                pixel[c] = mbni_shapes_byte(pixel[c] * gain + (double)(sum - 1023) * noise);
            }
        }
    }
}

typedef struct drawing {
    unsigned char *pixels; /* [count, height, width, 3] */
    int32_t *labels;       /* [count] */
    int64_t count, height, width;
    uint64_t seed;
} drawing;

static void draw_pictures(void *data, int64_t task)
{
    const drawing *d = data;
    int64_t first = task * PICTURES_PER_TASK;
    for (int64_t i = first; i < d->count && i < first + PICTURES_PER_TASK; i++) {
        canvas picture = {d->pixels + i * d->height * d->width * 3,
                          d->height,
                          d->width,
                          (double)(d->height < d->width ? d->height : d->width),
                          {0}};
        mbni_random random;
        mbni_random_seed(&random, d->seed ^ PICTURE_SALT, (uint64_t)i);
        d->labels[i] = label_of(d->seed, i);
        paint_background(&random, &picture);
        paint_clutter(&random, &picture, 2 + mbni_random_below(&random, 4));
        paint_subject(&random, &picture, d->labels[i]);
        paint_clutter(&random, &picture, mbni_random_below(&random, 2));
        finish(&random, &picture);
    }
}

static mbn_status check_range(const char *name, int64_t value, int64_t low, int64_t high)
{
    if (value >= low && value <= high)
        return MBN_OK;
    return mbni_error(MBN_ERR_ARGUMENT, "argument %s is %lld; allowed are %lld to %lld", name,
                      (long long)value, (long long)low, (long long)high);
}

mbn_status mbni_shapes_create(mbn_context *context, int64_t count, int64_t height, int64_t width,
                              uint64_t seed, mbn_tensor **images, mbn_tensor **labels)
{
    MBNI_TRY(check_range("count", count, 0, MAX_COUNT));
    MBNI_TRY(check_range("height", height, 8, 1024));
    MBNI_TRY(check_range("width", width, 8, 1024));
    MBNI_TRY(mbni_tensor_new(context, MBN_U8, 4, (const int64_t[]){count, height, width, 3}, 0, images));
    mbn_status status = mbni_tensor_new(context, MBN_I32, 1, (const int64_t[]){count}, 0, labels);
    if (status) {
        mbni_tensor_free(*images);
        *images = NULL;
        return status;
    }
    drawing d = {(*images)->data, (*labels)->data, count, height, width, seed};
    mbni_parallel((*images)->context, (count + PICTURES_PER_TASK - 1) / PICTURES_PER_TASK, draw_pictures, &d);
    return MBN_OK;
}
