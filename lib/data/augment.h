/* Augmentation, picture by picture: what a loader calls from its threads. No call allocates, and none looks
 * at anything but its arguments. Pictures are u8 [height, width, channels]. */
#ifndef MBNI_DATA_AUGMENT_H
#define MBNI_DATA_AUGMENT_H

#include <mobilenet/augment.h>
#include <stdbool.h>

/* The defaults, and those with the standard recipe. */
void mbni_augment_defaults(mbn_augment_options *options);
void mbni_augment_standard(mbn_augment_options *options);

/* MBN_OK, or MBN_ERR_ARGUMENT and the sentence why these options cannot be used, or MBN_ERR_SHAPE why not on
 * such pictures: 1 to 65536 pixels a side, 1 or 3 channels. The other calls are for what passed it. */
mbn_status mbni_augment_check(const mbn_augment_options *o, int64_t height, int64_t width, int64_t channels);

/* Bytes that mbni_augment_picture works in, beginning at a multiple of 4; maybe 0. One for each thread. */
int64_t mbni_augment_scratch_bytes(const mbn_augment_options *o, int64_t height, int64_t width,
                                   int64_t channels);

/* One picture to out, of the same shape: a function of options, seed and picture. in may not overlap out. The
 * seed is the picture's own: mbni_random_hash of the set's and the place does. */
void mbni_augment_picture(const mbn_augment_options *o, uint64_t seed, const uint8_t *in, int64_t height,
                          int64_t width, int64_t channels, uint8_t *out, uint8_t *scratch);

enum { MBNI_MIX_NONE = 0, MBNI_MIX_MIXUP = 1, MBNI_MIX_CUTMIX = 2 };

/* Whether and how a picture is mixed with a partner. */
typedef struct mbni_mix {
    int32_t kind;                     /* MBNI_MIX_... */
    float own;                        /* share of the picture's own label: exactly that of its pixels */
    int32_t own_256th;                /* mixup: weight of its pixels */
    int32_t top, left, bottom, right; /* cutmix: the box [top, bottom) x [left, right) is the partner's */
} mbni_mix;

/* Whether mbni_mix_draw may give anything but NONE: labels must then be rows. */
bool mbni_augment_mixes(const mbn_augment_options *o);
/* The seed may be the one of mbni_augment_picture: their draws are independent. NONE, own 1, also where what
 * is drawn would change nothing. */
mbni_mix mbni_mix_draw(const mbn_augment_options *o, uint64_t seed, int64_t height, int64_t width);
/* A partner for picture i of `count`, any other one with equal probability; i where there is no other. Same
 * seed as above. */
int64_t mbni_mix_partner(uint64_t seed, int64_t i, int64_t count);
/* Changes a picture that was augmented; the partner was augmented by itself and is not mixed. */
void mbni_mix_picture(const mbni_mix *m, const uint8_t *partner, int64_t height, int64_t width,
                      int64_t channels, uint8_t *picture);
/* row [classes] = own * row + (1 - own) * the partner's targets: soft [classes], or where that is NULL
 * one-hot of id. With own 0 the row is set, whatever it holds. */
void mbni_mix_targets(float own, int64_t classes, int32_t id, const float *soft, float *row);

/* mbn_augment. */
mbn_status mbni_augment_batch(mbn_context *context, const mbn_augment_options *o, uint64_t seed,
                              const mbn_tensor *x, const mbn_tensor *y, mbn_tensor *out_x, mbn_tensor *out_y);

#endif
