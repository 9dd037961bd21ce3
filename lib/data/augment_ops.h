/* The operations of augmentation with their parameters drawn already, for the files that draw and for tests.
 * Pictures are u8 [height, width, channels]; channels is 1 or 3. */
#ifndef MBNI_DATA_AUGMENT_OPS_H
#define MBNI_DATA_AUGMENT_OPS_H

#include <mobilenet/augment.h>
#include "core/random.h"

/* One purpose, one stream of the picture's seed: a step draws the same whatever other steps are on. */
enum {
    MBNI_DRAWS_CROP = 0,
    MBNI_DRAWS_FLIP = 1,
    MBNI_DRAWS_CUTOUT = 2,
    MBNI_DRAWS_MIX = 3,
    MBNI_DRAWS_PARTNER = 4,
    MBNI_DRAWS_POLICY = 5,
    MBNI_DRAWS_JITTER = 6
};

typedef struct mbni_box {
    int64_t top, left, height, width;
} mbni_box;

/* The box of a resized crop: ten tries, then the largest centred one of an allowed aspect. */
mbni_box mbni_crop_draw(const mbn_augment_options *o, mbni_random *random, int64_t height, int64_t width);

/* y = x moved down and right (up and left below 0), the rest filled, and then mirrored. */
void mbni_shift_flip(int64_t height, int64_t width, int64_t channels, int64_t down, int64_t right, int flip,
                     int32_t fill, const uint8_t *x, uint8_t *y);

/* y = the box of x resized to x's size, bilinear, and mirrored. scratch: mbni_resize_bytes, aligned to 4. */
int64_t mbni_resize_bytes(int64_t width);
void mbni_crop_resize(int64_t height, int64_t width, int64_t channels, mbni_box box, int flip,
                      const uint8_t *x, uint8_t *y, uint8_t *scratch);

/* Fills the square of this side about a pixel; of an even side, the extra row and column lie before it. */
void mbni_cutout(int64_t height, int64_t width, int64_t channels, int64_t row, int64_t column, int64_t side,
                 int32_t fill, uint8_t *picture);

#endif
