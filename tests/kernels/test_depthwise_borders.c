/* Depthwise convolution 3 x 3 at the borders: maps of one to nine rows and columns with every padding that a
 * window can have, where a product that does not exist must not be computed. What is not finite shows it: NaN
 * or infinity in one place must reach what a window connects with that place, and nothing else; not even as
 * 0 * inf. */
#include "kernels/kernel_test.h"

enum { PICTURES = 2, WHERE = 1 }; /* the picture that has the odd one */

/* The maps: all small ones, and widths about those at which a loop ends. */
static const int64_t SIDES[][2] = {{1, 1}, {1, 2}, {2, 1}, {2, 2}, {3, 3}, {1, 5}, {5, 1},  {4, 4},
                                   {3, 4}, {4, 7}, {5, 2}, {7, 7}, {8, 8}, {6, 9}, {2, 17}, {9, 3}};

/* Channels: below, at and above the vectors of every instruction set. */
static const int64_t CHANNELS[] = {1, 3, 4, 7, 8, 9, 16, 17, 31, 32, 33};

/* Padding before and behind: none, both, one alone, as "same" has it at stride 2. */
static const int64_t PADDINGS[][2] = {{0, 0}, {1, 1}, {0, 1}, {1, 0}};

enum { SIDE_COUNT = sizeof SIDES / sizeof *SIDES, CHANNEL_COUNT = sizeof CHANNELS / sizeof *CHANNELS };

/* 0 where the window does not fit. */
static int border_window(const int64_t side[2], int64_t channels, int64_t stride, const int64_t pad_h[2],
                         const int64_t pad_w[2], mbni_window *w)
{
    const int64_t h = side[0] + pad_h[0] + pad_h[1] - 3, v = side[1] + pad_w[0] + pad_w[1] - 3;
    *w = (mbni_window){.in_h = side[0],
                       .in_w = side[1],
                       .channels = channels,
                       .out_h = h / stride + 1,
                       .out_w = v / stride + 1,
                       .kernel_h = 3,
                       .kernel_w = 3,
                       .stride_h = stride,
                       .stride_w = stride,
                       .pad_top = pad_h[0],
                       .pad_left = pad_w[0],
                       .multiplier = 1};
    return h >= 0 && v >= 0;
}

static void for_borders(void (*check)(size_t isa, const mbni_window *w))
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        for (int variant = 0; variant < SIDE_COUNT * 64; variant += (int)unless_valgrind(1, 7)) {
            mbni_window w;
            const int paddings = variant / 4 % 16, side = variant / 64;
            const int64_t channels = variant % 2 ? 33 : CHANNELS[(paddings + 3 * side) % CHANNEL_COUNT];
            if (border_window(SIDES[side], channels, variant / 2 % 2 + 1, PADDINGS[paddings % 4],
                              PADDINGS[paddings / 4], &w))
                check(isa, &w);
        }
    }
}

/* Maps of one picture, [h, w, channels]. */
typedef struct shape {
    int64_t h, w;
} shape;

static int64_t size_of(shape s, const mbni_window *w)
{
    return s.h * s.w * w->channels;
}

/* The tap by which output (oh, ow) reads input (ih, iw); -1: by none. */
static int64_t tap_between(const mbni_window *w, int64_t oh, int64_t ow, int64_t ih, int64_t iw)
{
    const int64_t kh = ih + w->pad_top - oh * w->stride_h, kw = iw + w->pad_left - ow * w->stride_w;
    return kh < 0 || kh > 2 || kw < 0 || kw > 2 ? -1 : 3 * kh + kw;
}

/* The places that get the odd value: corners, middle, and the last of its row. */
static int64_t place(int i, shape s)
{
    const int64_t last = s.h * s.w - 1;
    return i == 0 ? 0 : i == 1 ? last : i == 2 ? last / 2 : s.w - 1;
}

enum { PLACES = 4 };

static float odd_one(int64_t i)
{
    return i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY;
}

/* Sum of products and of their magnitudes, or what it is when one factor is not finite. */
typedef struct expected {
    double sum, magnitude;
} expected;

static void ck_expected(float got, expected e, double units)
{
    if (isnan(e.sum))
        ck_assert_msg(isnan(got), "NaN did not arrive");
    else if (isinf(e.sum))
        ck_assert_msg(got == (float)e.sum, "infinity did not arrive: %g", (double)got);
    else
        ck_near(got, e.sum, units, e.magnitude);
}

static expected plus(expected e, float a, float b)
{
    return (expected){e.sum + (double)a * (double)b, e.magnitude + fabs((double)a * (double)b)};
}

/* One pixel of the picture in the middle, channel c, towards y or towards x. */
static expected pixel_expected(const mbni_window *w, int towards_x, const float *from, const float *kernel,
                               int64_t h, int64_t v, int64_t c)
{
    const shape s = towards_x ? (shape){w->out_h, w->out_w} : (shape){w->in_h, w->in_w};
    expected e = {0, 0};
    for (int64_t p = 0; p < s.h * s.w; p++) {
        const int64_t tap =
            towards_x ? tap_between(w, p / s.w, p % s.w, h, v) : tap_between(w, h, v, p / s.w, p % s.w);
        if (tap >= 0)
            e = plus(e, from[p * w->channels + c], kernel[tap * w->channels + c]);
    }
    return e;
}

static void run_towards(size_t isa, const mbni_window *w, int towards_x, const buffer from,
                        const buffer kernel, const buffer to)
{
    if (towards_x)
        mbni_train_kernels_select(all_isas[isa].isa)
            ->depthwise_input_gradient(w, PICTURES, from.data, kernel.data, to.data);
    else
        mbni_kernels_select(all_isas[isa].isa)
            ->depthwise(w, PICTURES, from.data, kernel.data, NULL, to.data, 0, w->out_h, NULL);
}

static void check_towards(size_t isa, const mbni_window *w, int towards_x)
{
    const shape in = {w->in_h, w->in_w}, out = {w->out_h, w->out_w};
    const shape from_shape = towards_x ? out : in, to_shape = towards_x ? in : out;
    const int64_t from_size = size_of(from_shape, w), to_size = size_of(to_shape, w), channels = w->channels;
    buffer kernel = buffer_random(9 * channels), to = buffer_new(PICTURES * to_size);
    for (int i = 0; i < PLACES; i++) {
        buffer from = buffer_random(PICTURES * from_size);
        for (int64_t c = 0; c < channels; c++)
            from.data[WHERE * from_size + place(i, from_shape) * channels + c] = odd_one(c + i);
        run_towards(isa, w, towards_x, from, kernel, to);
        for (int64_t p = 0; p < PICTURES; p++)
            for (int64_t at = 0; at < to_size; at++) {
                const int64_t pixel = at / channels;
                ck_expected(to.data[p * to_size + at],
                            pixel_expected(w, towards_x, from.data + p * from_size, kernel.data,
                                           pixel / to_shape.w, pixel % to_shape.w, at % channels),
                            BOUND_TAPS(9));
            }
        buffer_free(from);
    }
    buffer_free(kernel);
    buffer_free(to);
}

static void check_forward(size_t isa, const mbni_window *w)
{
    check_towards(isa, w, 0);
}

static void check_input_gradient(size_t isa, const mbni_window *w)
{
    check_towards(isa, w, 1);
}

/* A weight's gradient: over all outputs that its tap connects with the picture. */
static expected weight_expected(const mbni_window *w, const float *x, const float *d_y, int64_t tap,
                                int64_t c)
{
    expected e = {0, 0};
    for (int64_t o = 0; o < PICTURES * w->out_h * w->out_w; o++) {
        const int64_t picture = o / (w->out_h * w->out_w), p = o % (w->out_h * w->out_w);
        const int64_t ih = p / w->out_w * w->stride_h - w->pad_top + tap / 3;
        const int64_t iw = p % w->out_w * w->stride_w - w->pad_left + tap % 3;
        if (ih >= 0 && ih < w->in_h && iw >= 0 && iw < w->in_w)
            e = plus(e, x[((picture * w->in_h + ih) * w->in_w + iw) * w->channels + c],
                     d_y[o * w->channels + c]);
    }
    return e;
}

/* The odd one in d_y, then in x. */
static void check_kernel_gradient(size_t isa, const mbni_window *w)
{
    const shape in = {w->in_h, w->in_w}, out = {w->out_h, w->out_w};
    const int64_t channels = w->channels;
    for (int i = 0; i < 2 * PLACES; i++) {
        buffer x = buffer_random(PICTURES * size_of(in, w)), d_y = buffer_random(PICTURES * size_of(out, w));
        buffer d_kernel = buffer_new(9 * channels);
        const buffer target = i % 2 ? x : d_y;
        const shape s = i % 2 ? in : out;
        for (int64_t c = 0; c < channels; c++)
            target.data[WHERE * size_of(s, w) + place(i / 2, s) * channels + c] = odd_one(c + i);
        memset(d_kernel.data, 0, (size_t)d_kernel.count * sizeof(float));
        mbni_train_kernels_select(all_isas[isa].isa)
            ->depthwise_kernel_gradient(w, PICTURES, x.data, d_y.data, d_kernel.data);
        for (int64_t k = 0; k < 9 * channels; k++)
            ck_expected(d_kernel.data[k], weight_expected(w, x.data, d_y.data, k / channels, k % channels),
                        BOUND_KERNEL_GRADIENT(PICTURES * w->out_h, w->out_w));
        buffer_free(x);
        buffer_free(d_y);
        buffer_free(d_kernel);
    }
}

START_TEST(forward_keeps_what_is_not_finite_within_its_windows)
{
    for_borders(check_forward);
}
END_TEST

START_TEST(input_gradient_keeps_what_is_not_finite_within_its_windows)
{
    for_borders(check_input_gradient);
}
END_TEST

START_TEST(kernel_gradient_keeps_what_is_not_finite_to_the_taps_that_meet_it)
{
    for_borders(check_kernel_gradient);
}
END_TEST

SUITE("kernels/depthwise_borders", forward_keeps_what_is_not_finite_within_its_windows,
      input_gradient_keeps_what_is_not_finite_within_its_windows,
      kernel_gradient_keeps_what_is_not_finite_to_the_taps_that_meet_it)
