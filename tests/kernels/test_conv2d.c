/* Convolution of few input channels straight from the picture, and its kernel gradient, against float64. */
#include "kernels/kernel_test.h"

typedef struct convolution {
    mbni_window w;
    int64_t filters, pictures;
    buffer x, kernel, d_y;
    double *sum, *magnitude; /* of y, then of d_kernel */
} convolution;

static int64_t volume(const mbni_window *w)
{
    return w->kernel_h * w->kernel_w * w->channels;
}

static int64_t outputs(const convolution *c)
{
    return c->pictures * c->w.out_h * c->w.out_w * c->filters;
}

/* Padding "same" as TensorFlow, or none, or `more` than the kernel needs. */
static mbni_window window(int64_t h, int64_t w, int64_t channels, int64_t kernel_h, int64_t kernel_w,
                          int64_t stride_h, int64_t stride_w, int64_t pad_top, int64_t pad_left)
{
    return (mbni_window){.in_h = h,
                         .in_w = w,
                         .channels = channels,
                         .out_h = (h + 2 * pad_top - kernel_h) / stride_h + 1,
                         .out_w = (w + 2 * pad_left - kernel_w) / stride_w + 1,
                         .kernel_h = kernel_h,
                         .kernel_w = kernel_w,
                         .stride_h = stride_h,
                         .stride_w = stride_w,
                         .pad_top = pad_top,
                         .pad_left = pad_left,
                         .multiplier = 1};
}

/* Adds every product of the convolution to y's sums, or to the kernel's. */
static void reference(convolution *c, int to_kernel)
{
    const mbni_window *w = &c->w;
    for (int64_t at = 0; at < outputs(c) / c->filters; at++) {
        const int64_t ow = at % w->out_w, oh = at / w->out_w % w->out_h, picture = at / w->out_w / w->out_h;
        for (int64_t k = 0; k < volume(w); k++) {
            const int64_t ih = oh * w->stride_h - w->pad_top + k / w->channels / w->kernel_w;
            const int64_t iw = ow * w->stride_w - w->pad_left + k / w->channels % w->kernel_w;
            if (ih < 0 || ih >= w->in_h || iw < 0 || iw >= w->in_w)
                continue;
            const double x =
                c->x.data[((picture * w->in_h + ih) * w->in_w + iw) * w->channels + k % w->channels];
            for (int64_t f = 0; f < c->filters; f++) {
                const int64_t to = to_kernel ? k * c->filters + f : at * c->filters + f;
                const double product =
                    x * (to_kernel ? c->d_y.data[at * c->filters + f] : c->kernel.data[k * c->filters + f]);
                c->sum[to] += product;
                c->magnitude[to] += fabs(product);
            }
        }
    }
}

static convolution convolution_new(const mbni_window *w, int64_t filters, int64_t pictures, int to_kernel)
{
    convolution c = {.w = *w, .filters = filters, .pictures = pictures};
    const int64_t sums = to_kernel ? volume(w) * filters : outputs(&c);
    c.x = buffer_random(pictures * w->in_h * w->in_w * w->channels);
    c.kernel = buffer_random(volume(w) * filters);
    c.d_y = buffer_random(outputs(&c));
    c.sum = calloc((size_t)sums, sizeof *c.sum);
    c.magnitude = calloc((size_t)sums, sizeof *c.magnitude);
    ck_assert(c.sum && c.magnitude);
    reference(&c, to_kernel);
    return c;
}

static void convolution_free(convolution *c)
{
    buffer_free(c->x);
    buffer_free(c->kernel);
    buffer_free(c->d_y);
    free(c->sum);
    free(c->magnitude);
}

/* Calls check for filters 1 to 67, for kernels, strides and paddings of all kinds and for real layers. */
static void for_windows(void (*check)(size_t isa, const mbni_window *w, int64_t filters, int64_t pictures))
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        for (int64_t filters = 1; filters <= 67; filters += unless_valgrind(1, 5)) {
            const mbni_window w = window(7, 5 + filters % 31, 3, 3, 3, 1 + filters % 2, 1 + filters % 2,
                                         filters % 3 > 0, filters % 3 > 0);
            check(isa, &w, filters, 2);
        }
        for (int64_t variant = 0; variant < 250; variant += unless_valgrind(1, 7)) {
            const int64_t kernel_h = 1 + variant % 5, kernel_w = 1 + variant / 5 % 5;
            const mbni_window w = window(6 + variant % 4, 5 + variant % 11, 1 + variant / 50, kernel_h,
                                         kernel_w, 1 + variant % 3, 1 + variant / 3 % 7 % 4,
                                         variant / 2 % 2 * (kernel_h - 1), variant % 2 * (kernel_w - 1));
            check(isa, &w, 1 + variant % 19, 1 + variant % 2);
        }
        static const int64_t real[][5] = {{32, 32, 3, 1, 32}, {33, 33, 3, 2, 8}, {17, 225, 3, 2, 32},
                                          {3, 300, 4, 1, 24}, {1, 1, 3, 1, 5},   {40, 1, 3, 1, 33}};
        for (size_t r = 0; r < sizeof real / sizeof *real; r++) {
            const mbni_window w =
                window(real[r][0], real[r][1], real[r][2], 3, 3, real[r][3], real[r][3], 1, 1);
            check(isa, &w, real[r][4], 1);
        }
        const mbni_window large = window(12, 13, 3, 7, 7, 2, 2, 3, 3),
                          far = window(9, 200, 4, 8, 8, 9, 9, 7, 7);
        check(isa, &large, 64, 2);
        check(isa, &far, 40, 2);
    }
}

static void check_moments(const convolution *c, const float *y, const float *moments)
{
    const int64_t rows = outputs(c) / c->filters;
    for (int64_t f = 0; f < c->filters; f++) {
        double sum = 0, squares = 0, magnitude = 0;
        ck_assert(moments[f] == y[f]);
        for (int64_t r = 0; r < rows; r++) {
            const double d = (double)y[r * c->filters + f] - y[f];
            sum += d;
            magnitude += fabs(d);
            squares += d * d;
        }
        const int64_t units = BOUND_CONV2D_MOMENTS(c->pictures * c->w.out_h, c->w.out_w);
        ck_near(moments[c->filters + f], sum, units, magnitude);
        ck_near(moments[2 * c->filters + f], squares, units, squares);
    }
}

static void check_forward(size_t isa, const mbni_window *w, int64_t filters, int64_t pictures)
{
    convolution c = convolution_new(w, filters, pictures, 0);
    buffer y = buffer_new(outputs(&c)), moments = buffer_new(3 * filters);
    mbni_kernels_select(all_isas[isa].isa)
        ->conv2d(w, filters, pictures, c.x.data, c.kernel.data, NULL, y.data, 0, w->out_h, moments.data);
    for (int64_t i = 0; i < outputs(&c); i++)
        ck_near(y.data[i], c.sum[i], BOUND_TAPS(volume(w)), c.magnitude[i]);
    check_moments(&c, y.data, moments.data);
    buffer_free(moments);
    buffer_free(y);
    convolution_free(&c);
}

/* Every part of an epilogue, the rows in two calls of which the second comes first. */
static void check_epilogue(size_t isa, const mbni_window *w, int64_t filters, int64_t pictures)
{
    const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
    convolution c = convolution_new(w, filters, pictures, 0);
    buffer scale = buffer_random(filters), shift = buffer_random(filters);
    const mbni_epilogue epilogues[] = {{NULL, shift.data, -INFINITY, INFINITY},
                                       {scale.data, shift.data, 0, 0.5f},
                                       {NULL, NULL, 0, INFINITY}};
    for (size_t e = 0; e < sizeof epilogues / sizeof *epilogues; e++) {
        const mbni_epilogue *epilogue = &epilogues[e];
        const int64_t half = w->out_h / 2, line = w->out_w * filters;
        buffer y = buffer_new(outputs(&c));
        kernels->conv2d(w, filters, pictures, c.x.data, c.kernel.data, epilogue, y.data, half, w->out_h,
                        NULL);
        const uint32_t bits = GUARD_BITS;
        for (int64_t i = 0; i < outputs(&c); i++)
            if (i / line % w->out_h < half)
                ck_assert_msg(!memcmp(y.data + i, &bits, sizeof bits), "wrote outside of its rows");
        kernels->conv2d(w, filters, pictures, c.x.data, c.kernel.data, epilogue, y.data, 0, half, NULL);
        for (int64_t i = 0; i < outputs(&c); i++) {
            const double factor = epilogue->scale ? epilogue->scale[i % filters] : 1;
            const double offset = epilogue->shift ? epilogue->shift[i % filters] : 0;
            const double want = c.sum[i] * factor + offset;
            const double bounded = fmin(fmax(want, (double)epilogue->low), (double)epilogue->high);
            ck_near(y.data[i], bounded, BOUND_TAPS(volume(w)) + BOUND_AFFINE,
                    c.magnitude[i] * fabs(factor) + fabs(offset));
        }
        buffer_free(y);
    }
    buffer_free(scale);
    buffer_free(shift);
    convolution_free(&c);
}

static void check_bits(size_t isa, const mbni_window *w, int64_t filters, int64_t pictures)
{
    const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
    convolution c = convolution_new(w, filters, pictures, 0);
    buffer whole = buffer_new(outputs(&c)), parts = buffer_new(outputs(&c));
    kernels->conv2d(w, filters, pictures, c.x.data, c.kernel.data, NULL, whole.data, 0, w->out_h, NULL);
    for (int64_t i = 0; i < pictures; i++)
        for (int64_t oh = 0; oh < w->out_h; oh++)
            kernels->conv2d(w, filters, 1, c.x.data + i * w->in_h * w->in_w * w->channels, c.kernel.data,
                            NULL, parts.data + i * w->out_h * w->out_w * filters, oh, oh + 1, NULL);
    ck_assert(!memcmp(whole.data, parts.data, (size_t)outputs(&c) * sizeof(float)));
    buffer_free(whole);
    buffer_free(parts);
    convolution_free(&c);
}

static void check_kernel_gradient(size_t isa, const mbni_window *w, int64_t filters, int64_t pictures)
{
    convolution c = convolution_new(w, filters, pictures, 1);
    buffer d_kernel = buffer_random(volume(w) * filters); /* is added to */
    for (int64_t i = 0; i < volume(w) * filters; i++) {
        c.sum[i] += d_kernel.data[i];
        c.magnitude[i] += fabs((double)d_kernel.data[i]);
    }
    mbni_train_kernels_select(all_isas[isa].isa)
        ->conv2d_kernel_gradient(w, filters, pictures, c.x.data, c.d_y.data, d_kernel.data);
    for (int64_t i = 0; i < volume(w) * filters; i++)
        ck_near(d_kernel.data[i], c.sum[i], BOUND_CONV2D_GRADIENT(pictures * w->out_h, w->out_w),
                c.magnitude[i]);
    buffer_free(d_kernel);
    convolution_free(&c);
}

START_TEST(forward_and_moments_are_within_the_bound_of_float64)
{
    for_windows(check_forward);
}
END_TEST

START_TEST(epilogues_are_applied_to_the_rows_asked_for)
{
    for_windows(check_epilogue);
}
END_TEST

START_TEST(any_cut_of_the_rows_gives_the_same_bits)
{
    for_windows(check_bits);
}
END_TEST

START_TEST(kernel_gradient_is_within_the_bound_of_float64)
{
    for_windows(check_kernel_gradient);
}
END_TEST

/* Without padding each output reads what lies in its window and nothing else. */
START_TEST(nan_in_a_picture_reaches_the_windows_that_hold_it)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        const mbni_window w = window(9, 40, 3, 3, 3, 2, 2, 0, 0);
        buffer x = buffer_random(9 * 40 * 3), kernel = buffer_random(27 * 20), y = buffer_new(4 * 19 * 20);
        x.data[(4 * 40 + 11) * 3 + 1] = NAN;
        mbni_kernels_select(all_isas[isa].isa)
            ->conv2d(&w, 20, 1, x.data, kernel.data, NULL, y.data, 0, w.out_h, NULL);
        for (int64_t i = 0; i < y.count; i++) {
            const int64_t ow = i / 20 % 19, oh = i / 20 / 19;
            const int holds = (oh == 1 || oh == 2) && ow == 5;
            ck_assert_int_eq(isnan(y.data[i]) != 0, holds);
        }
        buffer_free(x);
        buffer_free(kernel);
        buffer_free(y);
    }
}
END_TEST

SUITE("kernels/conv2d", forward_and_moments_are_within_the_bound_of_float64,
      epilogues_are_applied_to_the_rows_asked_for, any_cut_of_the_rows_gives_the_same_bits,
      kernel_gradient_is_within_the_bound_of_float64, nan_in_a_picture_reaches_the_windows_that_hold_it)
