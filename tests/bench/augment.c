/* Times augmentation of single pictures, step by step, on one thread. It has no kernels of instruction sets,
 * so the table is printed once, with the generic ones. */
#include "bench.h"
#include <mobilenet/mobilenet.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/random.h"
#include "data/augment.h"

enum { PICTURES = 64, SIZES = 2 };
static const int64_t SIDES[SIZES] = {32, 224};

typedef struct augment_data {
    mbn_augment_options options;
    int64_t side, pictures;
    uint8_t *x, *y, *scratch;
} augment_data;

static void augment(mbn_context *context, void *data)
{
    const augment_data *d = data;
    const int64_t bytes = d->side * d->side * 3;
    (void)context;
    for (int64_t i = 0; i < d->pictures; i++) {
        const uint64_t seed = mbni_random_hash(1, (uint64_t)i);
        uint8_t *y = d->y + i * bytes;
        mbni_augment_picture(&d->options, seed, d->x + i * bytes, d->side, d->side, 3, y, d->scratch);
        const mbni_mix mix = mbni_mix_draw(&d->options, seed, d->side, d->side);
        mbni_mix_picture(&mix, d->x + i * bytes, d->side, d->side, 3, y);
    }
}

enum { STANDARD, REFLECT, RESIZED, POLICY, JITTER, CUTOUT, MIXUP, CUTMIX, STEPS };
static const char *const NAMES[STEPS] = {"standard: shift over black and flip",
                                         "the same over reflections",
                                         "resized crop and flip",
                                         "policy, two operations",
                                         "jitter: brightness, contrast, saturation, hue",
                                         "cutout",
                                         "mixup",
                                         "cutmix"};

/* Each step alone. */
static mbn_augment_options options_of(int step, int64_t side)
{
    mbn_augment_options o;
    mbni_augment_defaults(&o);
    o.flip = step <= RESIZED ? 0.5 : 0;
    o.shift = step <= REFLECT ? side / 8 : 0;
    o.shift_fill = step == REFLECT ? MBN_FILL_REFLECT : MBN_FILL_ZERO;
    o.resized_crop = step == RESIZED;
    o.policy_ops = step == POLICY ? 2 : 0;
    if (step == JITTER) {
        o.brightness = o.contrast = o.saturation = 0.4;
        o.hue = 0.1;
    }
    o.cutout = step == CUTOUT;
    o.cutout_size = side / 2;
    o.mixup = step == MIXUP;
    o.cutmix = step == CUTMIX;
    return o;
}

static double picture_us(int step, int64_t side, mbn_context *context)
{
    augment_data d = {.options = options_of(step, side), .side = side, .pictures = bench_rows(PICTURES)};
    const size_t bytes = (size_t)(PICTURES * side * side * 3);
    d.x = malloc(bytes);
    d.y = malloc(bytes);
    d.scratch = malloc((size_t)mbni_augment_scratch_bytes(&d.options, side, side, 3) + 1);
    if (!d.x || !d.y || !d.scratch) {
        fprintf(stderr, "bench: no memory\n");
        exit(1);
    }
    for (size_t i = 0; i < bytes; i++)
        d.x[i] = (uint8_t)mbni_random_hash(2, i);
    const bench_work work = {.run = augment, .data = &d};
    const double us = bench_time_us(&work, context) / (double)d.pictures;
    free(d.x);
    free(d.y);
    free(d.scratch);
    return us;
}

void bench_augment(const bench_isa *isa)
{
    if (isa->isa != MBN_ISA_GENERIC)
        return;
    printf("\n### Augmentation, microseconds a picture on one thread, copying included\n\n"
           "| step | 32 x 32 | 224 x 224 |\n|---|---|---|\n");
    for (int step = 0; step < STEPS; step++) {
        printf("| %s |", NAMES[step]);
        for (int s = 0; s < SIZES; s++)
            printf(" %.2f |", picture_us(step, SIDES[s], isa->contexts[0]));
        printf("\n");
    }
}
