/* Augmentation: pictures of bytes changed by chance, as training wants them.
 *
 * What is done to a picture is a function of the options, a seed and the picture's place, in whole numbers:
 * the same bytes on every machine, for any number of threads. docs/augmentation.md has the formulas.
 *
 * The order is fixed; each step is off by default:
 *  1. a shifted crop (shift) or a resized crop (resized_crop),
 *  2. mirrored left to right (flip),
 *  3. a policy like RandAugment's (policy_ops),
 *  4. colour jitter (brightness, contrast, saturation, hue, in this order),
 *  5. cutout (cutout),
 *  6. between two pictures: mixup or cutmix (mixup, cutmix), labels mixed alike. */
#ifndef MOBILENET_AUGMENT_H
#define MOBILENET_AUGMENT_H

#include <mobilenet/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What stands where nothing of the picture comes to lie. */
enum {
    MBN_FILL_ZERO = 0,   /* black */
    MBN_FILL_GREY = 1,   /* 128: near 0 after symmetric preprocessing */
    MBN_FILL_EDGE = 2,   /* the nearest pixel of the picture */
    MBN_FILL_REFLECT = 3 /* the picture mirrored at its border pixels, which are not repeated */
};

typedef struct mbn_augment_options {
    size_t struct_size;
    double flip;         /* probability of mirroring; 0 to 1; default 0 */
    double scale_min;    /* a resized crop's share of the picture's area, uniform between the two; */
    double scale_max;    /* above 0 to 1; default 0.08 to 1 */
    double aspect_min;   /* its width / height, the logarithm uniform between theirs; 0.01 to 100; */
    double aspect_max;   /* default 3/4 to 4/3 */
    double brightness;   /* multiplied by 1 - brightness to 1 + brightness; 0 to 1; default 0 */
    double contrast;     /* likewise the distance from the picture's mean grey */
    double saturation;   /* likewise the distance from the pixel's grey; nothing with one channel */
    double hue;          /* turned by up to this part of a circle, to both sides; 0 to 0.5; default 0; nothing
                            with one channel */
    double cutout;       /* probability that a square is erased; 0 to 1; default 0 */
    double mixup;        /* probability that a picture is blended with another; 0 to 1; default 0 */
    double cutmix;       /* that a box of it is another's; mixup + cutmix at most 1; default 0 */
    double mixup_alpha;  /* its own share is drawn from Beta(alpha, alpha); 0.001 to 1000; default 0.2 */
    double cutmix_alpha; /* likewise the area outside the box; default 1 */
    int64_t shift;       /* moved by up to so many pixels up, down, left, right; 0 to 65536; default 0 */
    int64_t policy_ops;  /* operations done to a picture, drawn from a list of 14; 0 to 16; default 0 */
    int64_t policy_magnitude; /* their strength, 0 to 30; default 9 */
    int64_t cutout_size;      /* side of the square in pixels, 1 to 65536; default 8 */
    int32_t resized_crop;     /* 1: a part of random size and place, resized to the picture's size; default 0;
                                 not together with shift */
    int32_t shift_fill;       /* MBN_FILL_...; default zero */
    int32_t cutout_fill;      /* MBN_FILL_ZERO or _GREY; default zero */
    int32_t policy_fill;      /* likewise, of what is turned, sheared and moved */
} mbn_augment_options;

MBN_API void mbn_augment_options_init_sized(mbn_augment_options *options, size_t struct_size);
static inline void mbn_augment_options_init(mbn_augment_options *options)
{
    mbn_augment_options_init_sized(options, sizeof *options);
}

/** The recipe that CIFAR-10 is usually trained with (He et al., arXiv 1512.03385): moved by up to 4 pixels
 * over black, mirrored half of the time. */
MBN_API void mbn_augment_standard_init_sized(mbn_augment_options *options, size_t struct_size);
static inline void mbn_augment_standard_init(mbn_augment_options *options)
{
    mbn_augment_standard_init_sized(options, sizeof *options);
}

/** Augments a batch: picture i by the draws of (seed, i).
 *  @param context  whose threads work; NULL for the default
 *  @param options  NULL for the defaults, which change nothing
 *  @param seed     any; a new one for each batch, or all batches are changed alike
 *  @param x        u8 [n, height, width, channels], 1 to 65536 a side, 1 or 3 channels
 *  @param y        i32 [n] with class ids or f32 [n, classes]; NULL when nothing is mixed
 *  @param out_x    like x, which it may not overlap
 *  @param out_y    f32 [n, classes]: rows of targets, mixed as the pictures are; NULL with y NULL. A picture
 * is mixed with another one of the batch.
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_SHAPE, MBN_ERR_TYPE, MBN_ERR_MEMORY; but for MBN_OK nothing was
 *          written. Any thread. Memory: at most three pictures for each of 4 * threads tasks. */
MBN_API mbn_status mbn_augment(mbn_context *context, const mbn_augment_options *options, uint64_t seed,
                               const mbn_tensor *x, const mbn_tensor *y, mbn_tensor *out_x,
                               mbn_tensor *out_y);

#ifdef __cplusplus
}
#endif
#endif
