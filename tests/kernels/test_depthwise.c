/* Depthwise convolution, its gradients, and the columns of ordinary convolution, over many windows. */
#include "kernels/kernel_test.h"

/* Windows of all kinds; the output size follows from the padding, "same" as TensorFlow, or "valid". */
static mbni_window window(int64_t h, int64_t w, int64_t channels, int64_t kernel_h, int64_t kernel_w,
                          int64_t stride_h, int64_t stride_w, int same, int64_t multiplier)
{
    mbni_window v = {.in_h = h,
                     .in_w = w,
                     .channels = channels,
                     .kernel_h = kernel_h,
                     .kernel_w = kernel_w,
                     .stride_h = stride_h,
                     .stride_w = stride_w,
                     .multiplier = multiplier};
    if (same) {
        v.out_h = (h + stride_h - 1) / stride_h;
        v.out_w = (w + stride_w - 1) / stride_w;
        const int64_t pad_h = (v.out_h - 1) * stride_h + kernel_h - h;
        const int64_t pad_w = (v.out_w - 1) * stride_w + kernel_w - w;
        v.pad_top = pad_h > 0 ? pad_h / 2 : 0;
        v.pad_left = pad_w > 0 ? pad_w / 2 : 0;
    } else {
        v.out_h = (h - kernel_h) / stride_h + 1;
        v.out_w = (w - kernel_w) / stride_w + 1;
    }
    return v;
}

/* Calls check for channels 1 to 67, real sizes, kernels, strides, paddings and multipliers. */
static void for_windows(int64_t max_multiplier, void (*check)(size_t isa, const mbni_window *w))
{
    static const int64_t pictures[][3] = {{16, 16, 32}, {2, 2, 130}, {1, 1, 64}, {4, 4, 48}, {5, 70, 20}};
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        for (int64_t channels = 1; channels <= 67; channels += unless_valgrind(1, 5)) {
            const int64_t stride = channels % 3 + 1;
            mbni_window w = window(7, 6, channels, 3, 3, stride, stride, channels % 2, 1);
            check(isa, &w);
        }
        for (size_t p = 0; p < sizeof pictures / sizeof *pictures; p++)
            for (int64_t stride = 1; stride <= 2; stride++) {
                mbni_window w =
                    window(pictures[p][0], pictures[p][1], pictures[p][2], 3, 3, stride, stride, 1, 1);
                check(isa, &w);
            }
        for (int variant = 0; variant < 48; variant += (int)unless_valgrind(1, 5)) {
            const int64_t multiplier = variant % 3 + 1 < max_multiplier ? variant % 3 + 1 : max_multiplier;
            mbni_window w = window(11, 12, 1 + variant % 7, 1 + variant % 5, 1 + variant / 5 % 4,
                                   1 + variant % 3, 1 + variant / 3 % 3, variant / 2 % 2, multiplier);
            check(isa, &w);
        }
        mbni_window large = window(9, 10, 18, 9, 9, 1, 1, 1, 1), wide = window(5, 5, 3, 3, 3, 1, 1, 1, 1);
        wide.multiplier = max_multiplier > 1 ? 70 : 1;
        check(isa, &large);
        check(isa, &wide);
    }
}

static int64_t in_size(const mbni_window *w)
{
    return w->in_h * w->in_w * w->channels;
}

static int64_t out_size(const mbni_window *w)
{
    return w->out_h * w->out_w * w->channels * w->multiplier;
}

static int64_t kernel_size(const mbni_window *w)
{
    return w->kernel_h * w->kernel_w * w->channels * w->multiplier;
}

/* Index of the input that an output position and a tap read, for channel 0; -1: outside. */
static int64_t input_at(const mbni_window *w, int64_t oh, int64_t ow, int64_t kh, int64_t kw)
{
    const int64_t ih = oh * w->stride_h - w->pad_top + kh, iw = ow * w->stride_w - w->pad_left + kw;
    return ih < 0 || ih >= w->in_h || iw < 0 || iw >= w->in_w ? -1 : (ih * w->in_w + iw) * w->channels;
}

/* Calls f(data, input index, output index, kernel index) for every product that the convolution adds up. */
static void for_products(const mbni_window *w, int64_t pictures,
                         void (*f)(void *data, int64_t x, int64_t y, int64_t k), void *data)
{
    const int64_t multiplier = w->multiplier, c_out = w->channels * multiplier;
    for (int64_t i = 0; i < pictures; i++)
        for (int64_t oh = 0; oh < w->out_h; oh++)
            for (int64_t ow = 0; ow < w->out_w; ow++)
                for (int64_t kh = 0; kh < w->kernel_h; kh++)
                    for (int64_t kw = 0; kw < w->kernel_w; kw++) {
                        const int64_t at = input_at(w, oh, ow, kh, kw);
                        for (int64_t c = 0; at >= 0 && c < c_out; c++)
                            f(data, i * in_size(w) + at + c / multiplier,
                              i * out_size(w) + (oh * w->out_w + ow) * c_out + c,
                              (kh * w->kernel_w + kw) * c_out + c);
                    }
}

typedef struct reference {
    buffer x, y, kernel;
    double *sum, *magnitude;
} reference;

static void add_product(double *sum, double *magnitude, int64_t at, double a, double b)
{
    sum[at] += a * b;
    magnitude[at] += fabs(a * b);
}

static int untouched(float x)
{
    const uint32_t bits = GUARD_BITS;
    return !memcmp(&x, &bits, sizeof bits);
}

static int same_bits(const buffer a, const buffer b)
{
    return !memcmp(a.data, b.data, (size_t)a.count * sizeof *a.data);
}

static void towards_y(void *data, int64_t x, int64_t y, int64_t k)
{
    reference *r = data;
    add_product(r->sum, r->magnitude, y, r->x.data[x], r->kernel.data[k]);
}

static void towards_x(void *data, int64_t x, int64_t y, int64_t k)
{
    reference *r = data;
    add_product(r->sum, r->magnitude, x, r->y.data[y], r->kernel.data[k]);
}

static void towards_kernel(void *data, int64_t x, int64_t y, int64_t k)
{
    reference *r = data;
    add_product(r->sum, r->magnitude, k, r->x.data[x], r->y.data[y]);
}

static reference reference_new(const mbni_window *w, int64_t pictures)
{
    const int64_t in = in_size(w) * pictures, out = out_size(w) * pictures, kernel = kernel_size(w);
    const size_t sums = (size_t)(in + out + kernel); /* enough for any of the three */
    reference r = {buffer_random(in), buffer_random(out), buffer_random(kernel), calloc(sums, sizeof(double)),
                   calloc(sums, sizeof(double))};
    ck_assert(r.sum && r.magnitude);
    return r;
}

static void reference_free(reference *r)
{
    buffer_free(r->x);
    buffer_free(r->y);
    buffer_free(r->kernel);
    free(r->sum);
    free(r->magnitude);
}

/* The four ways to end: nothing, a bias, a ReLU alone, and all there is. */
enum { EPILOGUES = 4, PICTURES = 3 };

static mbni_epilogue epilogue_of(int kind, const buffer scale, const buffer shift)
{
    return (mbni_epilogue){.scale = kind == 3 ? scale.data : NULL,
                           .shift = kind & 1 ? shift.data : NULL,
                           .low = kind >= 2 ? 0 : -INFINITY,
                           .high = kind == 3 ? 0.5f : INFINITY};
}

static double bounded(double x, const mbni_epilogue *e)
{
    return x < (double)e->low ? (double)e->low : x > (double)e->high ? (double)e->high : x;
}

/* Moments of the stored rows: the origin is the first of them, to the bit. */
static void check_moments(const mbni_window *w, const buffer y, int64_t begin, int64_t end,
                          const buffer moments)
{
    const int64_t c_out = w->channels * w->multiplier, line = w->out_w * c_out;
    for (int64_t c = 0; c < c_out; c++) {
        const float origin = y.data[begin * line + c];
        double sum = 0, sizes = 0, squares = 0;
        for (int64_t i = 0; i < PICTURES; i++)
            for (int64_t p = begin * w->out_w; p < end * w->out_w; p++) {
                const double d = (double)y.data[i * out_size(w) + p * c_out + c] - (double)origin;
                sum += d;
                sizes += fabs(d);
                squares += d * d;
            }
        const double units = (double)BOUND_DEPTHWISE_MOMENTS(PICTURES * (end - begin) * w->out_w);
        ck_assert(moments.data[c] == origin);
        ck_near(moments.data[c_out + c], sum, units, sizes);
        ck_near(moments.data[2 * c_out + c], squares, units, squares);
    }
}

static void check_forward(size_t isa, const mbni_window *w)
{
    const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
    const int64_t c_out = w->channels * w->multiplier, line = w->out_w * c_out, half = w->out_h / 2;
    reference r = reference_new(w, PICTURES);
    for_products(w, PICTURES, towards_y, &r);
    for (int kind = 0; kind < EPILOGUES; kind++) {
        buffer scale = buffer_random(c_out), shift = buffer_random(c_out), y = buffer_new(r.y.count);
        buffer moments = buffer_new(3 * c_out);
        const mbni_epilogue e = epilogue_of(kind, scale, shift), *epilogue = kind ? &e : NULL;
        /* In two parts, the second first. */
        kernels->depthwise(w, PICTURES, r.x.data, r.kernel.data, epilogue, y.data, half, w->out_h,
                           moments.data);
        check_moments(w, y, half, w->out_h, moments);
        for (int64_t i = 0; i < PICTURES * out_size(w); i++)
            if (i % out_size(w) < half * line)
                ck_assert_msg(untouched(y.data[i]), "wrote before its rows");
        kernels->depthwise(w, PICTURES, r.x.data, r.kernel.data, epilogue, y.data, 0, half, NULL);
        for (int64_t i = 0; i < r.y.count; i++) {
            const double a = e.scale ? (double)scale.data[i % c_out] : 1;
            const double b = e.shift ? (double)shift.data[i % c_out] : 0;
            ck_near(y.data[i], bounded(r.sum[i] * a + b, &e), BOUND_TAPS(w->kernel_h * w->kernel_w) + 2,
                    r.magnitude[i] * fabs(a) + fabs(b));
        }
        buffer whole = buffer_new(r.y.count);
        kernels->depthwise(w, PICTURES, r.x.data, r.kernel.data, epilogue, whole.data, 0, w->out_h,
                           moments.data);
        ck_assert_msg(same_bits(whole, y), "the cut into rows changes bits");
        check_moments(w, whole, 0, w->out_h, moments);
        for (int64_t i = 0; i < PICTURES; i++)
            kernels->depthwise(w, 1, r.x.data + i * in_size(w), r.kernel.data, epilogue,
                               y.data + i * out_size(w), 0, w->out_h, NULL);
        ck_assert_msg(same_bits(whole, y), "the cut into pictures changes bits");
        buffer_free(whole);
        buffer_free(moments);
        buffer_free(scale);
        buffer_free(shift);
        buffer_free(y);
    }
    reference_free(&r);
}

static void check_input_gradient(size_t isa, const mbni_window *w)
{
    reference r = reference_new(w, PICTURES);
    for_products(w, PICTURES, towards_x, &r);
    buffer d_x = buffer_new(r.x.count);
    mbni_train_kernels_select(all_isas[isa].isa)
        ->depthwise_input_gradient(w, PICTURES, r.y.data, r.kernel.data, d_x.data);
    for (int64_t i = 0; i < r.x.count; i++)
        ck_near(d_x.data[i], r.sum[i], BOUND_TAPS(w->kernel_h * w->kernel_w * w->multiplier), r.magnitude[i]);
    buffer_free(d_x);
    reference_free(&r);
}

static void check_kernel_gradient(size_t isa, const mbni_window *w)
{
    reference r = reference_new(w, PICTURES);
    buffer d_kernel = buffer_random(kernel_size(w)); /* is added to */
    for (int64_t i = 0; i < kernel_size(w); i++)
        add_product(r.sum, r.magnitude, i, d_kernel.data[i], 1);
    for_products(w, PICTURES, towards_kernel, &r);
    mbni_train_kernels_select(all_isas[isa].isa)
        ->depthwise_kernel_gradient(w, PICTURES, r.x.data, r.y.data, d_kernel.data);
    for (int64_t i = 0; i < kernel_size(w); i++)
        ck_near(d_kernel.data[i], r.sum[i], BOUND_KERNEL_GRADIENT(PICTURES * w->out_h, w->out_w),
                r.magnitude[i]);
    buffer_free(d_kernel);
    reference_free(&r);
}

static void check_columns(size_t isa, const mbni_window *w)
{
    const int64_t taps = w->kernel_h * w->kernel_w, row = w->out_w * taps * w->channels;
    buffer x = buffer_random(in_size(w)), columns = buffer_new(w->out_h * row), d_x = buffer_new(in_size(w));
    double *sum = calloc((size_t)in_size(w), sizeof *sum),
           *magnitude = calloc((size_t)in_size(w), sizeof *sum);
    ck_assert(sum && magnitude);
    const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
    const int64_t half = w->out_h / 2;
    kernels->im2col(w, x.data, columns.data + half * row, half, w->out_h);
    kernels->im2col(w, x.data, columns.data, 0, half);
    mbni_train_kernels_select(all_isas[isa].isa)->col2im(w, columns.data, d_x.data);
    int64_t at = 0;
    for (int64_t oh = 0; oh < w->out_h; oh++)
        for (int64_t ow = 0; ow < w->out_w; ow++)
            for (int64_t tap = 0; tap < taps; tap++)
                for (int64_t c = 0; c < w->channels; c++, at++) {
                    const int64_t in = input_at(w, oh, ow, tap / w->kernel_w, tap % w->kernel_w);
                    const float want = in < 0 ? 0 : x.data[in + c];
                    ck_assert(columns.data[at] == want);
                    if (in >= 0)
                        add_product(sum, magnitude, in + c, want, 1);
                }
    for (int64_t i = 0; i < in_size(w); i++)
        ck_near(d_x.data[i], sum[i], BOUND_TAPS(taps), magnitude[i]);
    free(sum);
    free(magnitude);
    buffer_free(x);
    buffer_free(columns);
    buffer_free(d_x);
}

START_TEST(forward_is_within_the_bound_of_float64)
{
    for_windows(3, check_forward);
}
END_TEST

START_TEST(input_gradient_is_within_the_bound_of_float64)
{
    for_windows(3, check_input_gradient);
}
END_TEST

START_TEST(kernel_gradient_is_within_the_bound_of_float64)
{
    for_windows(3, check_kernel_gradient);
}
END_TEST

START_TEST(columns_are_the_windows_and_return_to_their_place)
{
    for_windows(1, check_columns);
}
END_TEST

SUITE("kernels/depthwise", forward_is_within_the_bound_of_float64,
      input_gradient_is_within_the_bound_of_float64, kernel_gradient_is_within_the_bound_of_float64,
      columns_are_the_windows_and_return_to_their_place)
