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
        for (int64_t channels = 1; channels <= 67; channels++) {
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
        for (int variant = 0; variant < 48; variant++) {
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
static void for_products(const mbni_window *w, void (*f)(void *data, int64_t x, int64_t y, int64_t k),
                         void *data)
{
    const int64_t multiplier = w->multiplier, c_out = w->channels * multiplier;
    for (int64_t oh = 0; oh < w->out_h; oh++)
        for (int64_t ow = 0; ow < w->out_w; ow++)
            for (int64_t kh = 0; kh < w->kernel_h; kh++)
                for (int64_t kw = 0; kw < w->kernel_w; kw++) {
                    const int64_t at = input_at(w, oh, ow, kh, kw);
                    for (int64_t c = 0; at >= 0 && c < c_out; c++)
                        f(data, at + c / multiplier, (oh * w->out_w + ow) * c_out + c,
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

static reference reference_new(const mbni_window *w, int64_t sums)
{
    reference r = {buffer_random(in_size(w)), buffer_random(out_size(w)), buffer_random(kernel_size(w)),
                   calloc((size_t)sums, sizeof(double)), calloc((size_t)sums, sizeof(double))};
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

static void check_forward(size_t isa, const mbni_window *w)
{
    const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
    const int64_t c_out = w->channels * w->multiplier, line = w->out_w * c_out;
    for (int with_bias = 0; with_bias < 2; with_bias++) {
        reference r = reference_new(w, out_size(w));
        buffer bias = buffer_random(c_out);
        for (int64_t i = 0; i < out_size(w) && with_bias; i++)
            add_product(r.sum, r.magnitude, i, bias.data[i % c_out], 1);
        for_products(w, towards_y, &r);
        buffer y = buffer_new(out_size(w));
        const int64_t half = w->out_h / 2; /* in two parts, the second first */
        kernels->depthwise(w, r.x.data, r.kernel.data, with_bias ? bias.data : NULL, y.data, half, w->out_h);
        for (int64_t i = 0; i < half * line; i++) {
            const uint32_t bits = GUARD_BITS;
            ck_assert_msg(!memcmp(y.data + i, &bits, sizeof bits), "wrote before its rows");
        }
        kernels->depthwise(w, r.x.data, r.kernel.data, with_bias ? bias.data : NULL, y.data, 0, half);
        for (int64_t i = 0; i < out_size(w); i++)
            ck_near(y.data[i], r.sum[i], BOUND_TAPS(w->kernel_h * w->kernel_w), r.magnitude[i]);
        buffer_free(y);
        buffer_free(bias);
        reference_free(&r);
    }
}

static void check_input_gradient(size_t isa, const mbni_window *w)
{
    reference r = reference_new(w, in_size(w));
    for_products(w, towards_x, &r);
    buffer d_x = buffer_new(in_size(w));
    mbni_train_kernels_select(all_isas[isa].isa)
        ->depthwise_input_gradient(w, r.y.data, r.kernel.data, d_x.data);
    for (int64_t i = 0; i < in_size(w); i++)
        ck_near(d_x.data[i], r.sum[i], BOUND_TAPS(w->kernel_h * w->kernel_w * w->multiplier), r.magnitude[i]);
    buffer_free(d_x);
    reference_free(&r);
}

static void check_kernel_gradient(size_t isa, const mbni_window *w)
{
    reference r = reference_new(w, kernel_size(w));
    buffer d_kernel = buffer_random(kernel_size(w)); /* is added to */
    for (int64_t i = 0; i < kernel_size(w); i++)
        add_product(r.sum, r.magnitude, i, d_kernel.data[i], 1);
    for_products(w, towards_kernel, &r);
    mbni_train_kernels_select(all_isas[isa].isa)
        ->depthwise_kernel_gradient(w, r.x.data, r.y.data, d_kernel.data);
    for (int64_t i = 0; i < kernel_size(w); i++)
        ck_near(d_kernel.data[i], r.sum[i], BOUND_KERNEL_GRADIENT(w->out_h, w->out_w), r.magnitude[i]);
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
