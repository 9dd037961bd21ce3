/* Augmentation of one picture: options and their check, and the steps in their order, each with its own
 * draws. What a step does to the pixels is in augment_place.c, what happens between two pictures in
 * augment_mix.c. */
#include "data/augment.h"
#include <string.h>
#include "core/error.h"
#include "data/augment_ops.h"

enum { MAX_SIDE = 65536 };

void mbni_augment_defaults(mbn_augment_options *options)
{
    *options = (mbn_augment_options){.struct_size = sizeof *options,
                                     .scale_min = 0.08,
                                     .scale_max = 1,
                                     .aspect_min = 3.0 / 4.0,
                                     .aspect_max = 4.0 / 3.0,
                                     .mixup_alpha = 0.2,
                                     .cutmix_alpha = 1,
                                     .policy_magnitude = 9,
                                     .cutout_size = 8};
}

void mbni_augment_standard(mbn_augment_options *options)
{
    mbni_augment_defaults(options);
    options->shift = 4;
    options->flip = 0.5;
}

static mbn_status check_number(const char *name, double value, double low, double high)
{
    if (value >= low && value <= high)
        return MBN_OK;
    return mbni_error(MBN_ERR_ARGUMENT, "option %s is %g; allowed are %g to %g", name, value, low, high);
}

static mbn_status check_integer(const char *name, int64_t value, int64_t low, int64_t high)
{
    if (value >= low && value <= high)
        return MBN_OK;
    return mbni_error(MBN_ERR_ARGUMENT, "option %s is %lld; allowed are %lld to %lld", name, (long long)value,
                      (long long)low, (long long)high);
}

static mbn_status check_crops(const mbn_augment_options *o)
{
    MBNI_TRY(check_number("scale_min", o->scale_min, 1e-6, 1));
    MBNI_TRY(check_number("scale_max", o->scale_max, o->scale_min, 1));
    MBNI_TRY(check_number("aspect_min", o->aspect_min, 0.01, 100));
    MBNI_TRY(check_number("aspect_max", o->aspect_max, o->aspect_min, 100));
    MBNI_TRY(check_integer("resized_crop", o->resized_crop, 0, 1));
    MBNI_TRY(check_integer("shift", o->shift, 0, MAX_SIDE));
    MBNI_TRY(check_integer("shift_fill", o->shift_fill, MBN_FILL_ZERO, MBN_FILL_REFLECT));
    if (o->resized_crop && o->shift)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option shift is %lld and resized_crop is 1; allowed is one of them, the other 0",
                          (long long)o->shift);
    return MBN_OK;
}

static mbn_status check_colours(const mbn_augment_options *o)
{
    MBNI_TRY(check_integer("policy_ops", o->policy_ops, 0, 16));
    MBNI_TRY(check_integer("policy_magnitude", o->policy_magnitude, 0, 30));
    MBNI_TRY(check_integer("policy_fill", o->policy_fill, MBN_FILL_ZERO, MBN_FILL_GREY));
    MBNI_TRY(check_number("brightness", o->brightness, 0, 1));
    MBNI_TRY(check_number("contrast", o->contrast, 0, 1));
    MBNI_TRY(check_number("saturation", o->saturation, 0, 1));
    return check_number("hue", o->hue, 0, 0.5);
}

static mbn_status check_mixing(const mbn_augment_options *o)
{
    MBNI_TRY(check_number("mixup", o->mixup, 0, 1));
    MBNI_TRY(check_number("cutmix", o->cutmix, 0, 1));
    MBNI_TRY(check_number("mixup_alpha", o->mixup_alpha, 0.001, 1000));
    MBNI_TRY(check_number("cutmix_alpha", o->cutmix_alpha, 0.001, 1000));
    if (o->mixup + o->cutmix > 1)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "options mixup and cutmix are %g and %g; allowed is a sum of at most 1", o->mixup,
                          o->cutmix);
    return MBN_OK;
}

static mbn_status check_shape(int64_t height, int64_t width, int64_t channels)
{
    if (height < 1 || height > MAX_SIDE || width < 1 || width > MAX_SIDE || (channels != 1 && channels != 3))
        return mbni_error(
            MBN_ERR_SHAPE,
            "pictures are [%lld, %lld, %lld]; augmentation takes 1 to %d pixels a side with 1 or "
            "3 channels",
            (long long)height, (long long)width, (long long)channels, MAX_SIDE);
    return MBN_OK;
}

mbn_status mbni_augment_check(const mbn_augment_options *o, int64_t height, int64_t width, int64_t channels)
{
    MBNI_TRY(check_crops(o));
    MBNI_TRY(check_number("flip", o->flip, 0, 1));
    MBNI_TRY(check_colours(o));
    MBNI_TRY(check_number("cutout", o->cutout, 0, 1));
    MBNI_TRY(check_integer("cutout_size", o->cutout_size, 1, MAX_SIDE));
    MBNI_TRY(check_integer("cutout_fill", o->cutout_fill, MBN_FILL_ZERO, MBN_FILL_GREY));
    MBNI_TRY(check_mixing(o));
    return check_shape(height, width, channels);
}

int64_t mbni_augment_scratch_bytes(const mbn_augment_options *o, int64_t height, int64_t width,
                                   int64_t channels)
{
    const int64_t taps = o->resized_crop ? mbni_resize_bytes(width) : 0;
    const int64_t copy = o->policy_ops ? height * width * channels : 0;
    return taps > copy ? taps : copy; /* one after the other */
}

/* True with this probability: 0 never, 1 always. */
static bool chance(mbni_random *random, double probability)
{
    return mbni_random_double(random) < probability;
}

typedef struct work {
    const mbn_augment_options *options;
    uint64_t seed;
    int64_t height, width, channels;
    uint8_t *picture, *scratch;
} work;

static void crop_and_flip(const work *w, const uint8_t *in)
{
    const mbn_augment_options *o = w->options;
    mbni_random random;
    int flip = 0;
    if (o->flip > 0) {
        mbni_random_seed(&random, w->seed, MBNI_DRAWS_FLIP);
        flip = chance(&random, o->flip);
    }
    if (o->resized_crop) {
        mbni_random_seed(&random, w->seed, MBNI_DRAWS_CROP);
        const mbni_box box = mbni_crop_draw(o, &random, w->height, w->width);
        mbni_crop_resize(w->height, w->width, w->channels, box, flip, in, w->picture, w->scratch);
        return;
    }
    int64_t down = 0, right = 0;
    if (o->shift) {
        mbni_random_seed(&random, w->seed, MBNI_DRAWS_CROP);
        down = mbni_random_below(&random, 2 * o->shift + 1) - o->shift;
        right = mbni_random_below(&random, 2 * o->shift + 1) - o->shift;
    }
    mbni_shift_flip(w->height, w->width, w->channels, down, right, flip, o->shift_fill, in, w->picture);
}

static void policy(const work *w)
{
    const mbn_augment_options *o = w->options;
    mbni_random random;
    mbni_random_seed(&random, w->seed, MBNI_DRAWS_POLICY);
    for (int64_t i = 0; i < o->policy_ops; i++) {
        mbni_policy p = {.magnitude = (int32_t)o->policy_magnitude, .fill = o->policy_fill};
        p.operation = (int32_t)mbni_random_below(&random, MBNI_POLICY_OPERATIONS);
        p.negative = (int32_t)mbni_random_below(&random, 2);
        mbni_policy_apply(p, w->height, w->width, w->channels, w->picture, w->scratch);
    }
}

/* Uniform in [-reach, reach], in 65536ths. */
static int32_t within(mbni_random *random, double reach)
{
    const double value = (2.0 * mbni_random_double(random) - 1.0) * reach * MBNI_ONE;
    return (int32_t)(value < 0 ? value - 0.5 : value + 0.5);
}

/* All four are drawn, so that none depends on which others are on. */
static void jitter(const work *w)
{
    const mbn_augment_options *o = w->options;
    const int64_t pixels = w->height * w->width;
    mbni_random random;
    mbni_random_seed(&random, w->seed, MBNI_DRAWS_JITTER);
    const int32_t brightness = within(&random, o->brightness), contrast = within(&random, o->contrast);
    const int32_t saturation = within(&random, o->saturation), hue = within(&random, o->hue);
    if (brightness)
        mbni_brightness(pixels, w->channels, MBNI_ONE + brightness, w->picture);
    if (contrast)
        mbni_contrast(pixels, w->channels, MBNI_ONE + contrast, w->picture);
    if (saturation && w->channels == 3)
        mbni_saturation(pixels, MBNI_ONE + saturation, w->picture);
    if (hue && w->channels == 3)
        mbni_hue(pixels, hue < 0 ? hue + MBNI_ONE : hue, w->picture);
}

static void cutout(const work *w)
{
    const mbn_augment_options *o = w->options;
    mbni_random random;
    mbni_random_seed(&random, w->seed, MBNI_DRAWS_CUTOUT);
    if (!chance(&random, o->cutout))
        return;
    const int64_t row = mbni_random_below(&random, w->height);
    const int64_t column = mbni_random_below(&random, w->width);
    mbni_cutout(w->height, w->width, w->channels, row, column, o->cutout_size, o->cutout_fill, w->picture);
}

void mbni_augment_picture(const mbn_augment_options *o, uint64_t seed, const uint8_t *in, int64_t height,
                          int64_t width, int64_t channels, uint8_t *out, uint8_t *scratch)
{
    const work w = {o, seed, height, width, channels, out, scratch};
    crop_and_flip(&w, in);
    if (o->policy_ops)
        policy(&w);
    if (o->brightness > 0 || o->contrast > 0 || o->saturation > 0 || o->hue > 0)
        jitter(&w);
    if (o->cutout > 0)
        cutout(&w);
}
