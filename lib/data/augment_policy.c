/* The operations of RandAugment (Cubuk et al., arXiv 1909.13719) with the ranges that torchvision gives their
 * 31 magnitudes. Which operations a picture gets is drawn in augment.c. */
#include <string.h>
#include "data/augment_ops.h"

/* 65536 times the sine and cosine of 0 to 30 degrees, rounded: a table has the same bits everywhere. */
static const int32_t SINES[31] = {0,     1144,  2287,  3430,  4572,  5712,  6850,  7987,  9121,  10252, 11380,
                                  12505, 13626, 14742, 15855, 16962, 18064, 19161, 20252, 21336, 22415, 23486,
                                  24550, 25607, 26656, 27697, 28729, 29753, 30767, 31772, 32768};
static const int32_t COSINES[31] = {65536, 65526, 65496, 65446, 65376, 65287, 65177, 65048,
                                    64898, 64729, 64540, 64332, 64104, 63856, 63589, 63303,
                                    62997, 62672, 62328, 61966, 61584, 61183, 60764, 60326,
                                    59870, 59396, 58903, 58393, 57865, 57319, 56756};

enum { MAGNITUDES = 30 };

/* 0.03 a magnitude: up to 0.9 away from 1. */
static int32_t factor_of(mbni_policy p)
{
    const int32_t away = (p.magnitude * 3 * MBNI_ONE + 50) / 100;
    return p.negative ? MBNI_ONE - away : MBNI_ONE + away;
}

/* 150 of 331 pixels at the highest. */
static int64_t pixels_of(mbni_policy p, int64_t side)
{
    const int64_t pixels = p.magnitude * side * 150 / (331 * MAGNITUDES);
    return p.negative ? -pixels : pixels;
}

/* Where in the picture each place of the result looks. Shears keep the upper left corner; the picture turns
 * counterclockwise about its middle. */
static void look(mbni_policy p, int64_t height, int64_t width, int64_t m[6])
{
    const int64_t shear = (p.negative ? -1 : 1) * ((p.magnitude * MBNI_ONE + 50) / 100); /* up to 0.3 */
    const int64_t sine = p.negative ? -SINES[p.magnitude] : SINES[p.magnitude];
    const int64_t cosine = COSINES[p.magnitude];
    m[0] = m[4] = MBNI_ONE;
    m[1] = m[2] = m[3] = m[5] = 0;
    switch (p.operation) {
    case MBNI_POLICY_SHEAR_X:
        m[1] = shear;
        break;
    case MBNI_POLICY_SHEAR_Y:
        m[3] = shear;
        break;
    case MBNI_POLICY_TRANSLATE_X:
        m[2] = -pixels_of(p, width) * MBNI_ONE;
        break;
    case MBNI_POLICY_TRANSLATE_Y:
        m[5] = -pixels_of(p, height) * MBNI_ONE;
        break;
    default: /* rotate */
        mbni_rotation(height, width, cosine, sine, m);
    }
}

void mbni_rotation(int64_t height, int64_t width, int64_t cosine, int64_t sine, int64_t m[6])
{
    m[0] = m[4] = cosine;
    m[1] = -sine;
    m[3] = sine;
    m[2] = ((width - 1) * (MBNI_ONE - cosine) + (height - 1) * sine) / 2;
    m[5] = ((height - 1) * (MBNI_ONE - cosine) - (width - 1) * sine) / 2;
}

void mbni_policy_apply(mbni_policy p, int64_t height, int64_t width, int64_t channels, uint8_t *picture,
                       uint8_t *scratch)
{
    const int64_t pixels = height * width;
    int64_t m[6];
    switch (p.operation) {
    case MBNI_POLICY_IDENTITY:
        return;
    case MBNI_POLICY_BRIGHTNESS:
        mbni_brightness(pixels, channels, factor_of(p), picture);
        return;
    case MBNI_POLICY_COLOUR:
        if (channels == 3)
            mbni_saturation(pixels, factor_of(p), picture);
        return;
    case MBNI_POLICY_CONTRAST:
        mbni_contrast(pixels, channels, factor_of(p), picture);
        return;
    case MBNI_POLICY_SHARPNESS:
        memcpy(scratch, picture, (size_t)(pixels * channels));
        mbni_sharpness(height, width, channels, factor_of(p), scratch, picture);
        return;
    case MBNI_POLICY_POSTERIZE: /* 8 bits down to 4 */
        mbni_posterize(pixels, channels, 8 - (4 * p.magnitude + 15) / MAGNITUDES, picture);
        return;
    case MBNI_POLICY_SOLARIZE: /* from 255 down to 0; of a half, the next whole number */
        mbni_solarize(pixels, channels, (2 * 255 - 17 * p.magnitude + 1) / 2, picture);
        return;
    case MBNI_POLICY_AUTOCONTRAST:
        mbni_autocontrast(pixels, channels, picture);
        return;
    case MBNI_POLICY_EQUALIZE:
        mbni_equalize(pixels, channels, picture);
        return;
    default:
        memcpy(scratch, picture, (size_t)(pixels * channels));
        look(p, height, width, m);
        mbni_affine(height, width, channels, m, p.fill, scratch, picture);
    }
}
