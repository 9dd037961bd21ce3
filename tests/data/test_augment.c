/* The operations of augmentation, each against its definition written a second time: in indices where pixels
 * are moved, in double where they are computed. */
#include <math.h>
#include "data/augment.h"
#include "data/augment_ops.h"
#include "support/suite.h"

enum { MOST = 33 * 33 * 3, SIZES = 7 };

static const int64_t HEIGHTS[SIZES] = {1, 1, 6, 3, 2, 33, 16}, WIDTHS[SIZES] = {1, 7, 1, 4, 2, 17, 16};

/* Check's own assertions note their place, which takes longer than what is done to a pixel. */
#define holds(claim, ...)              \
    do {                               \
        if (!(claim))                  \
            ck_abort_msg(__VA_ARGS__); \
    } while (0)
#define same(got, wanted)                                                         \
    do {                                                                          \
        const int got_ = (int)(got), wanted_ = (int)(wanted);                     \
        holds(got_ == wanted_, "%s is %d; it should be %d", #got, got_, wanted_); \
    } while (0)

static void fill_random(uint8_t *pixels, int64_t count, uint64_t seed)
{
    for (int64_t i = 0; i < count; i++)
        pixels[i] = (uint8_t)mbni_random_hash(seed, (uint64_t)i);
}

static int nearest(double value)
{
    return (int)floor((value < 0 ? 0 : value > 255 ? 255 : value) + 0.5);
}

/* Walks from 0 to place i of a row of n, turning round at both ends. */
static int64_t bounce(int64_t i, int64_t n)
{
    int64_t at = 0, step = i < 0 ? -1 : 1;
    for (int64_t k = 0; k < (i < 0 ? -i : i) && n > 1; k++) {
        int64_t way = step;
        if (at + step < 0 || at + step >= n)
            step = way = -step;
        at += way;
    }
    return at;
}

static int expected_moved(const uint8_t *x, int64_t h, int64_t w, int64_t channels, int64_t row,
                          int64_t column, int64_t c, int32_t fill)
{
    const int is_inside = row >= 0 && row < h && column >= 0 && column < w;
    if (!is_inside && fill == MBN_FILL_ZERO)
        return 0;
    if (!is_inside && fill == MBN_FILL_GREY)
        return 128;
    if (fill == MBN_FILL_EDGE) {
        row = row < 0 ? 0 : row >= h ? h - 1 : row;
        column = column < 0 ? 0 : column >= w ? w - 1 : column;
    } else {
        row = bounce(row, h);
        column = bounce(column, w);
    }
    return x[(row * w + column) * channels + c];
}

static void check_moved(int64_t h, int64_t w, int64_t channels, int64_t down, int64_t right, int flip)
{
    uint8_t x[MOST], y[MOST];
    fill_random(x, h * w * channels, 1);
    for (int32_t fill = MBN_FILL_ZERO; fill <= MBN_FILL_REFLECT; fill++) {
        memset(y, 77, sizeof y);
        mbni_shift_flip(h, w, channels, down, right, flip, fill, x, y);
        for (int64_t i = 0; i < h * w * channels; i++) {
            const int64_t row = i / channels / w, shown = i / channels % w;
            const int64_t column = flip ? w - 1 - shown : shown;
            const int wanted =
                expected_moved(x, h, w, channels, row - down, column - right, i % channels, fill);
            holds(y[i] == wanted, "[%d, %d, %d] by %d, %d, flip %d, fill %d, element %d: %d for %d", (int)h,
                  (int)w, (int)channels, (int)down, (int)right, flip, fill, (int)i, y[i], wanted);
        }
        same(y[h * w * channels], 77);
    }
}

START_TEST(shifts_and_flips_are_those_of_indices)
{
    for (int s = 0; s < SIZES; s++)
        for (int64_t channels = 1; channels <= 3; channels += 2)
            for (int64_t by = -40; by <= 40; by += unless_valgrind(by > -6 && by < 6 ? 1 : 11, 8))
                for (int flip = 0; flip <= 1; flip++) {
                    check_moved(HEIGHTS[s], WIDTHS[s], channels, by, 3 - by, flip);
                    check_moved(HEIGHTS[s], WIDTHS[s], channels, 0, by, flip);
                }
}
END_TEST

START_TEST(a_resized_crop_of_everything_changes_nothing)
{
    uint8_t x[MOST], y[MOST], mirrored[MOST];
    uint8_t *scratch = malloc((size_t)mbni_resize_bytes(33));
    for (int s = 0; s < SIZES; s++) {
        const int64_t h = HEIGHTS[s], w = WIDTHS[s];
        const mbni_box whole = {0, 0, h, w};
        fill_random(x, h * w * 3, 2);
        mbni_crop_resize(h, w, 3, whole, 0, x, y, scratch);
        ck_assert(!memcmp(x, y, (size_t)(h * w * 3)));
        mbni_crop_resize(h, w, 3, whole, 1, x, y, scratch);
        mbni_shift_flip(h, w, 3, 0, 0, 1, MBN_FILL_ZERO, x, mirrored);
        ck_assert(!memcmp(mirrored, y, (size_t)(h * w * 3)));
    }
    free(scratch);
}
END_TEST

/* Channel c of the box of x at a place between pixels, held at the outer centres. */
static double between(const uint8_t *x, int64_t w, int64_t channels, mbni_box box, double row, double column,
                      int64_t c)
{
    row = fmin(fmax(row, 0), (double)box.height - 1);
    column = fmin(fmax(column, 0), (double)box.width - 1);
    double sum = 0;
    for (int64_t i = 0; i < box.height; i++)
        for (int64_t k = 0; k < box.width; k++) {
            const double weight = fmax(0, 1 - fabs((double)i - row)) * fmax(0, 1 - fabs((double)k - column));
            sum += weight * x[((box.top + i) * w + box.left + k) * channels + c];
        }
    return sum;
}

START_TEST(a_resized_crop_is_bilinear_between_pixel_centres)
{
    uint8_t x[MOST], y[MOST];
    uint8_t *scratch = malloc((size_t)mbni_resize_bytes(33));
    const int64_t h = 17, w = 21;
    const mbni_box boxes[] = {{3, 5, 7, 9}, {0, 0, 1, 1}, {16, 20, 1, 1}, {0, 4, 17, 2}, {9, 0, 8, 21}};
    fill_random(x, h * w * 3, 3);
    for (size_t b = 0; b < sizeof boxes / sizeof *boxes; b++)
        for (int64_t channels = 1; channels <= 3; channels += 2) {
            mbni_crop_resize(h, w, channels, boxes[b], 0, x, y, scratch);
            for (int64_t i = 0; i < h * w * channels; i++) {
                const double row =
                    ((double)(i / channels / w) + 0.5) * (double)boxes[b].height / (double)h - 0.5;
                const double column =
                    ((double)(i / channels % w) + 0.5) * (double)boxes[b].width / (double)w - 0.5;
                const double wanted = between(x, w, channels, boxes[b], row, column, i % channels);
                holds(fabs(y[i] - wanted) < 0.75, "box %d, element %d: %d for %g", (int)b, (int)i, y[i],
                      wanted);
            }
        }
    free(scratch);
}
END_TEST

START_TEST(drawn_crops_keep_to_area_and_aspect)
{
    mbn_augment_options o;
    mbn_augment_options_init(&o);
    o.scale_min = 0.25;
    o.scale_max = 0.5;
    double area = 0, logarithm = 0;
    const int count = 4000;
    for (int i = 0; i < count; i++) {
        mbni_random random;
        mbni_random_seed(&random, 5, (uint64_t)i);
        const mbni_box box = mbni_crop_draw(&o, &random, 1000, 1000);
        ck_assert(box.top >= 0 && box.left >= 0 && box.top + box.height <= 1000 &&
                  box.left + box.width <= 1000);
        const double share = (double)(box.height * box.width) / 1e6;
        const double aspect = (double)box.width / (double)box.height;
        ck_assert(share > 0.249 && share < 0.501 && aspect > 0.747 && aspect < 1.337);
        area += share / count;
        logarithm += log(aspect) / count;
    }
    /* means of uniform draws, 4000 of them: deviations 0.0011 and 0.0026 */
    ck_assert(fabs(area - 0.375) < 0.004 && fabs(logarithm) < 0.01);
}
END_TEST

START_TEST(a_crop_that_does_not_fit_is_the_largest_centred_one)
{
    mbn_augment_options o;
    mbn_augment_options_init(&o);
    o.scale_min = o.scale_max = 1;
    o.aspect_min = o.aspect_max = 2;
    mbni_random random;
    mbni_random_seed(&random, 1, 1);
    mbni_box box = mbni_crop_draw(&o, &random, 30, 20);
    ck_assert(box.height == 10 && box.width == 20 && box.top == 10 && box.left == 0);
    box = mbni_crop_draw(&o, &random, 10, 100);
    ck_assert(box.height == 10 && box.width == 20 && box.top == 0 && box.left == 40);
    box = mbni_crop_draw(&o, &random, 9, 1);
    ck_assert(box.height == 1 && box.width == 1 && box.top == 4 && box.left == 0);
}
END_TEST

START_TEST(turns_by_right_angles_are_exact)
{
    uint8_t x[MOST], y[MOST];
    int64_t m[6];
    fill_random(x, 15 * 15 * 3, 4);
    mbni_rotation(15, 15, 0, MBNI_ONE, m); /* counterclockwise: the right column becomes the top row */
    mbni_affine(15, 15, 3, m, MBN_FILL_ZERO, x, y);
    for (int64_t i = 0; i < 15 * 15 * 3; i++) {
        const int64_t row = i / 45, column = i / 3 % 15;
        same(y[i], x[(column * 15 + 14 - row) * 3 + i % 3]);
    }
    mbni_rotation(6, 9, -MBNI_ONE, 0, m); /* half a turn, of any shape */
    mbni_affine(6, 9, 1, m, MBN_FILL_GREY, x, y);
    for (int64_t i = 0; i < 54; i++)
        same(y[i], x[53 - i]);
}
END_TEST

/* Channel c of x at a place between pixels; what is outside is the fill. */
static double with_fill(const uint8_t *x, int64_t h, int64_t w, double row, double column, int64_t c,
                        double fill)
{
    double sum = 0;
    for (int64_t i = (int64_t)floor(row); i <= (int64_t)floor(row) + 1; i++)
        for (int64_t k = (int64_t)floor(column); k <= (int64_t)floor(column) + 1; k++) {
            const double weight = (1 - fabs((double)i - row)) * (1 - fabs((double)k - column));
            sum += weight * (i >= 0 && i < h && k >= 0 && k < w ? x[(i * w + k) * 3 + c] : fill);
        }
    return sum;
}

/* What the policy does to a picture where it turns or shears it, in double. */
static void check_look(int32_t operation, int negative)
{
    enum { H = 19, W = 24 };
    uint8_t x[H * W * 3], y[H * W * 3], scratch[H * W * 3];
    const mbni_policy p = {operation, 30, negative, MBN_FILL_GREY};
    const double sign = negative ? -1 : 1, angle = sign * 30 * acos(-1) / 180;
    fill_random(x, H * W * 3, 6);
    for (int64_t i = 0; i < H * W * 3; i++)
        x[i] = (uint8_t)(100 + x[i] % 60); /* a place that is off by 1 / 512 then is less than a level */
    memcpy(y, x, sizeof y);
    mbni_policy_apply(p, H, W, 3, y, scratch);
    for (int64_t i = 0; i < H * W * 3; i++) {
        const double row = (double)(i / 3 / W), column = (double)(i / 3 % W);
        double from_row = row, from_column = column;
        if (operation == MBNI_POLICY_SHEAR_X)
            from_column += sign * 0.3 * row;
        else if (operation == MBNI_POLICY_SHEAR_Y)
            from_row += sign * 0.3 * column;
        else {
            from_column =
                (W - 1) / 2.0 + cos(angle) * (column - (W - 1) / 2.0) - sin(angle) * (row - (H - 1) / 2.0);
            from_row =
                (H - 1) / 2.0 + sin(angle) * (column - (W - 1) / 2.0) + cos(angle) * (row - (H - 1) / 2.0);
        }
        const double wanted = with_fill(x, H, W, from_row, from_column, i % 3, 128);
        holds(fabs(y[i] - wanted) < 1.01, "operation %d, element %d: %d for %g", operation, (int)i, y[i],
              wanted);
    }
}

START_TEST(policy_turns_and_shears_by_its_ranges)
{
    for (int negative = 0; negative <= 1; negative++) {
        check_look(MBNI_POLICY_SHEAR_X, negative);
        check_look(MBNI_POLICY_SHEAR_Y, negative);
        check_look(MBNI_POLICY_ROTATE, negative);
    }
}
END_TEST

START_TEST(policy_moves_by_its_range)
{
    enum { H = 33, W = 20 };
    uint8_t x[H * W], y[H * W], wanted[H * W], scratch[H * W];
    fill_random(x, H * W, 7);
    for (int32_t magnitude = 0; magnitude <= 30; magnitude++)
        for (int32_t k = 0; k < 4; k++) {
            const int32_t is_y = k / 2, negative = k % 2;
            const mbni_policy p = {is_y ? MBNI_POLICY_TRANSLATE_Y : MBNI_POLICY_TRANSLATE_X, magnitude,
                                   negative, MBN_FILL_ZERO};
            const int64_t by = (int64_t)floor(150.0 / 331.0 * (is_y ? H : W) * magnitude / 30 + 1e-9);
            const int64_t signed_by = negative ? -by : by;
            mbni_shift_flip(H, W, 1, is_y ? signed_by : 0, is_y ? 0 : signed_by, 0, MBN_FILL_ZERO, x, wanted);
            memcpy(y, x, sizeof y);
            mbni_policy_apply(p, H, W, 1, y, scratch);
            ck_assert(!memcmp(y, wanted, sizeof y));
        }
}
END_TEST

/* One pixel of each value, and its grey: 0.299 r + 0.587 g + 0.114 b. */
static double grey(const uint8_t *pixel)
{
    return floor(0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2] + 0.5);
}

START_TEST(brightness_contrast_and_saturation_are_their_formulas)
{
    enum { PIXELS = 500 };
    uint8_t x[PIXELS * 3], y[3][PIXELS * 3];
    const int32_t factors[] = {0, 30000, MBNI_ONE, 100000, 2 * MBNI_ONE};
    fill_random(x, sizeof x, 8);
    double mean = 0;
    for (int i = 0; i < PIXELS; i++)
        mean += grey(x + 3 * i);
    mean = floor(mean / PIXELS + 0.5);
    for (int f = 0; f < 5; f++) {
        const double factor = factors[f] / 65536.0;
        for (int k = 0; k < 3; k++)
            memcpy(y[k], x, sizeof x);
        mbni_brightness(PIXELS, 3, factors[f], y[0]);
        mbni_contrast(PIXELS, 3, factors[f], y[1]);
        mbni_saturation(PIXELS, factors[f], y[2]);
        for (int i = 0; i < PIXELS * 3; i++) {
            same(y[0][i], nearest(x[i] * factor));
            same(y[1][i], nearest(mean + (x[i] - mean) * factor));
            /* the grey of a half may fall to either side */
            const double own = grey(x + i / 3 * 3);
            ck_assert(abs(y[2][i] - nearest(own + (x[i] - own) * factor)) <=
                      (factors[f] == MBNI_ONE ? 0 : 1));
        }
    }
    mbni_contrast(PIXELS * 3, 1, 0, y[0]); /* one channel: its mean, everywhere */
    for (int i = 1; i < PIXELS * 3; i++)
        ck_assert(y[0][i] == y[0][0]);
}
END_TEST

START_TEST(hues_turn)
{
    static const uint8_t pure[6][3] = {{255, 0, 0},   {255, 255, 0}, {0, 255, 0},
                                       {0, 255, 255}, {0, 0, 255},   {255, 0, 255}};
    uint8_t p[3], x[3];
    for (int from = 0; from < 6; from++)
        for (int by = 0; by < 6; by++) {
            memcpy(p, pure[from], 3);
            mbni_hue(1, (by * MBNI_ONE + 3) / 6, p);
            holds(!memcmp(p, pure[(from + by) % 6], 3), "%d by %d: %d %d %d", from, by, p[0], p[1], p[2]);
        }
    for (int i = 0; i < 3000; i++) { /* any colour: nothing, a third (channels change places), half */
        fill_random(x, 3, 100 + (uint64_t)i);
        memcpy(p, x, 3);
        mbni_hue(1, 0, p);
        ck_assert(!memcmp(p, x, 3));
        mbni_hue(1, 21845, p);
        ck_assert(p[1] == x[0] && p[2] == x[1] && p[0] == x[2]);
        memcpy(p, x, 3);
        mbni_hue(1, MBNI_ONE / 2, p);
        const int sum = (x[0] > x[1]   ? x[0] > x[2] ? x[0] : x[2]
                           : x[1] > x[2] ? x[1]
                                       : x[2]) +
                        (x[0] < x[1]   ? x[0] < x[2] ? x[0] : x[2]
                           : x[1] < x[2] ? x[1]
                                       : x[2]);
        for (int c = 0; c < 3; c++)
            same(p[c], sum - x[c]);
    }
}
END_TEST

START_TEST(histograms_are_stretched_and_equalized)
{
    enum { PIXELS = 4000 };
    static uint8_t x[PIXELS * 3], stretched[PIXELS * 3], equal[PIXELS * 3];
    for (int i = 0; i < PIXELS; i++) {
        const uint64_t h = mbni_random_hash(9, (uint64_t)i);
        x[3 * i] = (uint8_t)(40 + h % 17 * (h / 32 % 11)); /* 40 to 200, uneven */
        x[3 * i + 1] = 90;                                 /* a single level stays */
        x[3 * i + 2] = (uint8_t)(h >> 32);
    }
    memcpy(stretched, x, sizeof x);
    memcpy(equal, x, sizeof x);
    mbni_autocontrast(PIXELS, 3, stretched);
    mbni_equalize(PIXELS, 3, equal);
    for (int c = 0; c < 3; c++) {
        int count[256] = {0}, low = 255, high = 0, last = 0;
        for (int i = 0; i < PIXELS; i++) {
            const int v = x[3 * i + c];
            count[v]++;
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
        last = count[high];
        for (int i = 0; i < PIXELS; i++) {
            const int v = x[3 * i + c];
            same(stretched[3 * i + c], low == high ? v : nearest((v - low) * 255.0 / (high - low)));
            const int step = (PIXELS - last) / 255;
            int below = 0;
            for (int k = 0; k < v; k++)
                below += count[k];
            const int wanted = step ? (below + step / 2) / step : v;
            same(equal[3 * i + c], wanted > 255 ? 255 : wanted);
        }
    }
}
END_TEST

START_TEST(policy_strengths_of_bits_and_thresholds)
{
    for (int32_t m = 0; m <= 30; m++) {
        uint8_t levels[256], p[256], s[256], scratch[256];
        for (int i = 0; i < 256; i++)
            levels[i] = p[i] = s[i] = (uint8_t)i;
        mbni_policy_apply((mbni_policy){MBNI_POLICY_POSTERIZE, m, 0, 0}, 16, 16, 1, p, scratch);
        mbni_policy_apply((mbni_policy){MBNI_POLICY_SOLARIZE, m, 0, 0}, 16, 16, 1, s, scratch);
        const int bits = 8 - (int)floor(m / 7.5 + 0.5);
        for (int i = 0; i < 256; i++) {
            same(p[i], levels[i] >> (8 - bits) << (8 - bits));
            same(s[i], i >= 255 - 8.5 * m ? 255 - i : i);
        }
    }
}
END_TEST

START_TEST(policy_strengths_of_factors)
{
    enum { H = 9, W = 8 };
    const int32_t kinds[] = {MBNI_POLICY_BRIGHTNESS, MBNI_POLICY_COLOUR, MBNI_POLICY_CONTRAST,
                             MBNI_POLICY_SHARPNESS};
    uint8_t x[H * W * 3], wanted[H * W * 3], y[H * W * 3], scratch[H * W * 3];
    fill_random(x, sizeof x, 10);
    for (int k = 0; k < 4; k++)
        for (int32_t m = 0; m <= 30; m++)
            for (int32_t negative = 0; negative <= 1; negative++) {
                const int32_t factor = (int32_t)floor(65536 * (1 + (negative ? -0.03 : 0.03) * m) + 0.5);
                memcpy(wanted, x, sizeof x);
                memcpy(y, x, sizeof x);
                if (k == 0)
                    mbni_brightness(H * W, 3, factor, wanted);
                else if (k == 1)
                    mbni_saturation(H * W, factor, wanted);
                else if (k == 2)
                    mbni_contrast(H * W, 3, factor, wanted);
                else
                    mbni_sharpness(H, W, 3, factor, x, wanted);
                mbni_policy_apply((mbni_policy){kinds[k], m, negative, 0}, H, W, 3, y, scratch);
                holds(!memcmp(y, wanted, sizeof y), "operation %d at %d", kinds[k], m);
            }
}
END_TEST

START_TEST(sharpness_leaves_the_border)
{
    enum { H = 7, W = 11 };
    uint8_t x[H * W * 3], y[H * W * 3];
    fill_random(x, sizeof x, 11);
    for (int32_t factor = 0; factor <= 2 * MBNI_ONE; factor += MBNI_ONE / 4) {
        mbni_sharpness(H, W, 3, factor, x, y);
        for (int i = 0; i < H * W * 3; i++) {
            const int row = i / 3 / W, column = i / 3 % W;
            double smooth = 4.0 * x[i];
            if (row == 0 || row == H - 1 || column == 0 || column == W - 1) {
                same(y[i], x[i]);
                continue;
            }
            for (int k = 0; k < 9; k++)
                smooth += x[i + (k / 3 - 1) * W * 3 + (k % 3 - 1) * 3];
            smooth = nearest(smooth / 13);
            same(y[i], nearest(smooth + (x[i] - smooth) * factor / 65536.0));
        }
    }
}
END_TEST

START_TEST(cutout_fills_what_is_near_its_centre)
{
    enum { H = 9, W = 13 };
    uint8_t y[H * W * 3];
    for (int64_t side = 1; side <= 30; side++)
        for (int64_t at = 0; at < H * W; at += 7) {
            const int64_t row = at / W, column = at % W;
            memset(y, 200, sizeof y);
            mbni_cutout(H, W, 3, row, column, side, side % 2 ? MBN_FILL_GREY : MBN_FILL_ZERO, y);
            for (int64_t i = 0; i < H * W * 3; i++) {
                const int64_t down = i / 3 / W - row, right = i / 3 % W - column;
                const int is_in =
                    2 * down >= -side && 2 * down < side && 2 * right >= -side && 2 * right < side;
                const int is_in_odd = 2 * llabs(down) < side && 2 * llabs(right) < side;
                same(y[i], (side % 2 ? is_in_odd : is_in) ? (side % 2 ? 128 : 0) : 200);
            }
        }
}
END_TEST

START_TEST(mixing_takes_shares_of_pixels)
{
    uint8_t partner[256 * 3], picture[256 * 3];
    for (int own = 0; own <= 256; own += 32) {
        const mbni_mix m = {.kind = MBNI_MIX_MIXUP, .own_256th = own, .own = (float)own / 256};
        fill_random(picture, sizeof picture, 12);
        fill_random(partner, sizeof partner, 13);
        mbni_mix_picture(&m, partner, 16, 16, 3, picture);
        for (int i = 0; i < 256 * 3; i++) {
            const int x = (uint8_t)mbni_random_hash(12, (uint64_t)i);
            same(picture[i], nearest((x * own + partner[i] * (256 - own)) / 256.0));
        }
    }
    const mbni_mix box = {
        .kind = MBNI_MIX_CUTMIX, .top = 2, .left = 5, .bottom = 9, .right = 16, .own = 0.5f};
    memset(picture, 1, sizeof picture);
    memset(partner, 2, sizeof partner);
    mbni_mix_picture(&box, partner, 16, 16, 3, picture);
    for (int i = 0; i < 256 * 3; i++)
        same(picture[i], i / 48 >= 2 && i / 48 < 9 && i / 3 % 16 >= 5 ? 2 : 1);
}
END_TEST

START_TEST(beta_has_its_mean_and_variance)
{
    static const double alphas[] = {0.01, 0.2, 0.5, 1, 1.0001, 2, 10, 500};
    enum { DRAWS = 40000 };
    for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a += (size_t)unless_valgrind(1, 5)) {
        mbni_random random;
        double mean = 0, variance = 0;
        mbni_random_seed(&random, 14, a);
        for (int i = 0; i < DRAWS; i++) {
            const double x = mbni_random_beta(&random, alphas[a]);
            holds(x >= 0 && x <= 1, "%g", x);
            mean += x / DRAWS;
            variance += (x - 0.5) * (x - 0.5) / DRAWS;
        }
        const double wanted = 1 / (4 * (2 * alphas[a] + 1));
        holds(fabs(mean - 0.5) < 4 * sqrt(wanted / DRAWS), "alpha %g: mean %g", alphas[a], mean);
        holds(fabs(variance / wanted - 1) < 0.03, "alpha %g: variance %g for %g", alphas[a], variance,
              wanted);
    }
}
END_TEST

/* Beta(2, 2) has the distribution function 3 x^2 - 2 x^3, Beta(1/2, 1/2) 2 / pi asin(sqrt(x)). */
START_TEST(beta_has_its_distribution)
{
    enum { DRAWS = 20000, BINS = 20 };
    for (int which = 0; which < 2; which++) {
        int count[BINS] = {0};
        double chi_square = 0;
        mbni_random random;
        mbni_random_seed(&random, 15, (uint64_t)which);
        for (int i = 0; i < DRAWS; i++) {
            const double x = mbni_random_beta(&random, which ? 2 : 0.5);
            const double uniform = which ? x * x * (3 - 2 * x) : 2 / acos(-1) * asin(sqrt(x));
            count[uniform < 1 ? (int)(uniform * BINS) : BINS - 1]++;
        }
        for (int b = 0; b < BINS; b++)
            chi_square += (count[b] - DRAWS / BINS) * (count[b] - DRAWS / BINS) / (double)(DRAWS / BINS);
        holds(chi_square < 43.8, "%d: %g", which, chi_square); /* 19 degrees, 1 in 1000 */
    }
}
END_TEST

SUITE("augment", shifts_and_flips_are_those_of_indices, a_resized_crop_of_everything_changes_nothing,
      a_resized_crop_is_bilinear_between_pixel_centres, drawn_crops_keep_to_area_and_aspect,
      a_crop_that_does_not_fit_is_the_largest_centred_one, turns_by_right_angles_are_exact,
      policy_turns_and_shears_by_its_ranges, policy_moves_by_its_range,
      brightness_contrast_and_saturation_are_their_formulas, hues_turn,
      histograms_are_stretched_and_equalized, policy_strengths_of_bits_and_thresholds,
      policy_strengths_of_factors, sharpness_leaves_the_border, cutout_fills_what_is_near_its_centre,
      mixing_takes_shares_of_pixels, beta_has_its_mean_and_variance, beta_has_its_distribution)
