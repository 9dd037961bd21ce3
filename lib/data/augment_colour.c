/* Augmentation that changes pixels where they are: brightness, contrast, saturation, hue, histograms,
 * sharpness. All in whole numbers, rounded to nearest. Most are a table of 256 bytes for each channel. */
#include <string.h>
#include "data/augment_ops.h"

enum { LEVELS = 256 };

typedef struct tables {
    uint8_t of[3][LEVELS];
} tables;

static void apply(const tables *t, int64_t pixels, int64_t channels, uint8_t *picture)
{
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t c = 0; c < channels; c++)
            picture[i * channels + c] = t->of[c][picture[i * channels + c]];
}

/* The same table for all channels, which is the first one. */
static void apply_one(tables *t, int64_t pixels, int64_t channels, uint8_t *picture)
{
    memcpy(t->of[1], t->of[0], LEVELS);
    memcpy(t->of[2], t->of[0], LEVELS);
    apply(t, pixels, channels, picture);
}

/* base + (value - base) * factor, held. */
static uint8_t blend(int32_t base, int32_t value, int32_t factor)
{
    const int32_t sum = base * MBNI_ONE + (value - base) * factor + MBNI_ONE / 2;
    return (uint8_t)(sum < 0 ? 0 : sum >= LEVELS * MBNI_ONE ? LEVELS - 1 : sum / MBNI_ONE);
}

/* ITU-R BT.601's weights, which add up to 65536. */
static int32_t grey_of(const uint8_t *pixel)
{
    return (19595 * pixel[0] + 38470 * pixel[1] + 7471 * pixel[2] + 32768) >> 16;
}

void mbni_brightness(int64_t pixels, int64_t channels, int32_t factor, uint8_t *picture)
{
    tables t;
    for (int32_t i = 0; i < LEVELS; i++)
        t.of[0][i] = blend(0, i, factor);
    apply_one(&t, pixels, channels, picture);
}

void mbni_contrast(int64_t pixels, int64_t channels, int32_t factor, uint8_t *picture)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < pixels; i++)
        sum += channels == 3 ? grey_of(picture + 3 * i) : picture[i];
    const int32_t mean = (int32_t)((2 * sum + pixels) / (2 * pixels));
    tables t;
    for (int32_t i = 0; i < LEVELS; i++)
        t.of[0][i] = blend(mean, i, factor);
    apply_one(&t, pixels, channels, picture);
}

void mbni_saturation(int64_t pixels, int32_t factor, uint8_t *picture)
{
    for (uint8_t *p = picture; p < picture + 3 * pixels; p += 3) {
        const int32_t grey = grey_of(p);
        for (int c = 0; c < 3; c++)
            p[c] = blend(grey, p[c], factor);
    }
}

/* With the largest channel M, the smallest m and C = M - m, hues are the 6 C places along the hexagon on
 * which one channel is M, one m, and the third runs up or down between them. A turn of 0 loses nothing. */
static void turn_hue(uint8_t *p, int32_t turn)
{
    const int32_t r = p[0], g = p[1], b = p[2];
    const int32_t high = r > g ? (r > b ? r : b) : (g > b ? g : b);
    const int32_t low = r < g ? (r < b ? r : b) : (g < b ? g : b);
    const int32_t chroma = high - low, circle = 6 * chroma;
    if (!chroma)
        return;
    int32_t place = high == r ? g - b : high == g ? 2 * chroma + b - r : 4 * chroma + r - g;
    /* 6 * 255 * 65535 and half of 65536 are below 2^31 */
    place = (place + circle + ((circle * turn + MBNI_ONE / 2) / MBNI_ONE)) % circle;
    const int32_t sector = place / chroma, up = low + place % chroma, down = high - place % chroma;
    const int32_t colours[6][3] = {{high, up, low},   {down, high, low}, {low, high, up},
                                   {low, down, high}, {up, low, high},   {high, low, down}};
    for (int c = 0; c < 3; c++)
        p[c] = (uint8_t)colours[sector][c];
}

void mbni_hue(int64_t pixels, int32_t turn, uint8_t *picture)
{
    for (int64_t i = 0; i < pixels; i++)
        turn_hue(picture + 3 * i, turn);
}

typedef struct histogram {
    int64_t of[LEVELS];
} histogram;

static histogram count_levels(int64_t pixels, int64_t channels, const uint8_t *x)
{
    histogram h = {{0}};
    for (int64_t i = 0; i < pixels; i++)
        h.of[x[i * channels]]++;
    return h;
}

void mbni_autocontrast(int64_t pixels, int64_t channels, uint8_t *picture)
{
    tables t;
    for (int64_t c = 0; c < channels; c++) {
        const histogram h = count_levels(pixels, channels, picture + c);
        int32_t low = 0, high = LEVELS - 1;
        while (!h.of[low])
            low++;
        while (!h.of[high])
            high--;
        const int32_t span = high - low;
        for (int32_t i = 0; i < LEVELS; i++)
            t.of[c][i] = span ? (uint8_t)((2 * 255 *
                                               (i < low    ? 0
                                                : i > high ? span
                                                           : i - low) +
                                           span) /
                                          (2 * span))
                              : (uint8_t)i;
    }
    apply(&t, pixels, channels, picture);
}

/* As the Python Imaging Library does it: the largest level is left out of the step, so that it becomes 255.
 */
void mbni_equalize(int64_t pixels, int64_t channels, uint8_t *picture)
{
    tables t;
    for (int64_t c = 0; c < channels; c++) {
        const histogram h = count_levels(pixels, channels, picture + c);
        int32_t high = LEVELS - 1;
        while (!h.of[high])
            high--;
        const int64_t step = (pixels - h.of[high]) / 255;
        int64_t sum = step / 2; /* of the levels below */
        for (int32_t i = 0; i < LEVELS; i++) {
            const int64_t level = step ? sum / step : i;
            t.of[c][i] = (uint8_t)(level > 255 ? 255 : level);
            sum += h.of[i];
        }
    }
    apply(&t, pixels, channels, picture);
}

void mbni_solarize(int64_t pixels, int64_t channels, int32_t threshold, uint8_t *picture)
{
    tables t;
    for (int32_t i = 0; i < LEVELS; i++)
        t.of[0][i] = (uint8_t)(i < threshold ? i : 255 - i);
    apply_one(&t, pixels, channels, picture);
}

void mbni_posterize(int64_t pixels, int64_t channels, int32_t bits, uint8_t *picture)
{
    tables t;
    for (int32_t i = 0; i < LEVELS; i++)
        t.of[0][i] = (uint8_t)(i & (0xff00 >> bits));
    apply_one(&t, pixels, channels, picture);
}

void mbni_sharpness(int64_t height, int64_t width, int64_t channels, int32_t factor, const uint8_t *x,
                    uint8_t *y)
{
    const int64_t row = width * channels;
    memcpy(y, x, (size_t)(height * row));
    for (int64_t i = 1; i < height - 1; i++)
        for (int64_t k = i * row + channels; k < (i + 1) * row - channels; k++) {
            int32_t sum = 4 * x[k]; /* the middle weighs 5 of 13 */
            for (int64_t up = -row; up <= row; up += row)
                sum += x[k + up - channels] + x[k + up] + x[k + up + channels];
            y[k] = blend((2 * sum + 13) / 26, x[k], factor);
        }
}
