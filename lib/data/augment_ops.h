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

/* y = x where place (column, row) shows x's place (m[0] column + m[1] row + m[2], m[3] column + m[4] row +
 * m[5]), in 65536ths, bilinear; outside is the fill, zero or grey. */
void mbni_affine(int64_t height, int64_t width, int64_t channels, const int64_t m[6], int32_t fill,
                 const uint8_t *x, uint8_t *y);

/* The map of a turn counterclockwise about the middle, by an angle of this cosine and sine in 65536ths. */
void mbni_rotation(int64_t height, int64_t width, int64_t cosine, int64_t sine, int64_t m[6]);

/* Colour, in place. Factors are 0 to 2 in 65536ths: 1 changes nothing, 0 leaves what is named. */
enum { MBNI_ONE = 65536 };
void mbni_brightness(int64_t pixels, int64_t channels, int32_t factor, uint8_t *picture); /* black */
void mbni_contrast(int64_t pixels, int64_t channels, int32_t factor, uint8_t *picture);   /* the mean grey */
void mbni_saturation(int64_t pixels, int32_t factor, uint8_t *picture); /* each pixel's grey; 3 channels */
/* Turns hues by 65536ths of a circle, 0 to 65535, keeping each pixel's largest and smallest channel. */
void mbni_hue(int64_t pixels, int32_t turn, uint8_t *picture);
/* Each channel stretched to 0 to 255, and made equally frequent. */
void mbni_autocontrast(int64_t pixels, int64_t channels, uint8_t *picture);
void mbni_equalize(int64_t pixels, int64_t channels, uint8_t *picture);
/* Bytes from this threshold on inverted; all but the highest bits cleared. */
void mbni_solarize(int64_t pixels, int64_t channels, int32_t threshold, uint8_t *picture);
void mbni_posterize(int64_t pixels, int64_t channels, int32_t bits, uint8_t *picture);
/* Factor 0: smoothed 3 x 3, the outermost pixels as they are. y is not x. */
void mbni_sharpness(int64_t height, int64_t width, int64_t channels, int32_t factor, const uint8_t *x,
                    uint8_t *y);

/* One operation of the policy, MBNI_POLICY_..., at a magnitude of 0 to 30; `negative` turns its direction,
 * where it has one. scratch: bytes of a picture. */
enum {
    MBNI_POLICY_IDENTITY,
    MBNI_POLICY_SHEAR_X,
    MBNI_POLICY_SHEAR_Y,
    MBNI_POLICY_TRANSLATE_X,
    MBNI_POLICY_TRANSLATE_Y,
    MBNI_POLICY_ROTATE,
    MBNI_POLICY_BRIGHTNESS,
    MBNI_POLICY_COLOUR,
    MBNI_POLICY_CONTRAST,
    MBNI_POLICY_SHARPNESS,
    MBNI_POLICY_POSTERIZE,
    MBNI_POLICY_SOLARIZE,
    MBNI_POLICY_AUTOCONTRAST,
    MBNI_POLICY_EQUALIZE,
    MBNI_POLICY_OPERATIONS
};
typedef struct mbni_policy {
    int32_t operation, magnitude, negative, fill;
} mbni_policy;
void mbni_policy_apply(mbni_policy policy, int64_t height, int64_t width, int64_t channels, uint8_t *picture,
                       uint8_t *scratch);

#endif
