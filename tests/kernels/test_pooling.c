/* Pooling and its gradients against float64. */
#include "kernels/kernel_test.h"

static const mbni_window windows[] = {
    {.in_h = 7,
     .in_w = 7,
     .channels = 33,
     .out_h = 1,
     .out_w = 1,
     .kernel_h = 7,
     .kernel_w = 7,
     .stride_h = 1,
     .stride_w = 1,
     .multiplier = 1},
    {.in_h = 9,
     .in_w = 8,
     .channels = 5,
     .out_h = 5,
     .out_w = 4,
     .kernel_h = 3,
     .kernel_w = 3,
     .stride_h = 2,
     .stride_w = 2,
     .pad_top = 1,
     .multiplier = 1},
    {.in_h = 5,
     .in_w = 6,
     .channels = 67,
     .out_h = 5,
     .out_w = 6,
     .kernel_h = 3,
     .kernel_w = 2,
     .stride_h = 1,
     .stride_w = 1,
     .pad_top = 1,
     .pad_left = 0,
     .multiplier = 1},
    {.in_h = 10,
     .in_w = 10,
     .channels = 1,
     .out_h = 3,
     .out_w = 3,
     .kernel_h = 2,
     .kernel_w = 3,
     .stride_h = 3,
     .stride_w = 3,
     .multiplier = 1},
};

/* Index of the input of output (oh, ow) and tap (kh, kw), for channel 0; -1: outside. */
static int64_t input_at(const mbni_window *w, int64_t oh, int64_t ow, int64_t kh, int64_t kw)
{
    const int64_t ih = oh * w->stride_h - w->pad_top + kh, iw = ow * w->stride_w - w->pad_left + kw;
    return ih < 0 || ih >= w->in_h || iw < 0 || iw >= w->in_w ? -1 : (ih * w->in_w + iw) * w->channels;
}

/* One output pixel and channel: the inputs in its window, listed; returns how many. */
static int64_t inputs_of(const mbni_window *w, int64_t oh, int64_t ow, int64_t inputs[64])
{
    int64_t count = 0;
    for (int64_t kh = 0; kh < w->kernel_h; kh++)
        for (int64_t kw = 0; kw < w->kernel_w; kw++) {
            const int64_t at = input_at(w, oh, ow, kh, kw);
            if (at >= 0)
                inputs[count++] = at;
        }
    return count;
}

static void check_window(size_t isa, const mbni_window *w)
{
    const int64_t in = w->in_h * w->in_w * w->channels, out = w->out_h * w->out_w * w->channels;
    const double units = BOUND_POOL((double)(w->kernel_h * w->kernel_w));
    buffer x = buffer_random(in), y = buffer_new(out), d_y = buffer_random(out), d_x = buffer_new(in);
    double *gradient = calloc((size_t)in, sizeof *gradient),
           *magnitude = calloc((size_t)in, sizeof *gradient);
    ck_assert(gradient && magnitude);
    const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
    kernels->average_pool(w, x.data, y.data, w->out_h / 2, w->out_h);
    kernels->average_pool(w, x.data, y.data, 0, w->out_h / 2);
    mbni_train_kernels_select(all_isas[isa].isa)->average_pool_gradient(w, d_y.data, d_x.data);
    for (int64_t i = 0; i < out; i++) {
        const int64_t pixel = i / w->channels, c = i % w->channels;
        int64_t inputs[64];
        const int64_t count = inputs_of(w, pixel / w->out_w, pixel % w->out_w, inputs);
        double sum = 0, size = 0;
        for (int64_t j = 0; j < count; j++) {
            sum += x.data[inputs[j] + c];
            size += fabs((double)x.data[inputs[j] + c]);
            gradient[inputs[j] + c] += d_y.data[i] / (double)count;
            magnitude[inputs[j] + c] += fabs(d_y.data[i] / (double)count);
        }
        ck_near(y.data[i], sum / (double)count, units, size / (double)count);
    }
    for (int64_t i = 0; i < in; i++)
        ck_near(d_x.data[i], gradient[i], units, magnitude[i]);
    free(gradient);
    free(magnitude);
    buffer all[] = {x, y, d_y, d_x};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buffer_free(all[i]);
}

START_TEST(average_over_windows_and_its_gradient_are_within_the_bound)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (size_t i = 0; isa_present(isa) && i < sizeof windows / sizeof *windows; i++)
            check_window(isa, &windows[i]);
}
END_TEST

static void check_global(size_t isa, int64_t pixels, int64_t channels)
{
    const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
    const mbni_train_kernels *train = mbni_train_kernels_select(all_isas[isa].isa);
    buffer x = buffer_random(pixels * channels), y = buffer_new(channels), top = buffer_new(channels);
    buffer d_y = buffer_random(channels), d_x = buffer_new(pixels * channels),
           d_top = buffer_new(pixels * channels);
    for (int64_t i = 0; i < x.count; i += 3)
        x.data[i] = 0.75f; /* equal values: the first maximum must win */
    kernels->global_average(pixels, channels, x.data, y.data);
    kernels->global_max(pixels, channels, x.data, top.data);
    train->global_average_gradient(pixels, channels, d_y.data, d_x.data);
    train->global_max_gradient(pixels, channels, x.data, d_y.data, d_top.data);
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0, size = 0;
        int64_t best = c;
        for (int64_t i = c; i < x.count; i += channels) {
            sum += x.data[i];
            size += fabs((double)x.data[i]);
            if (x.data[i] > x.data[best])
                best = i;
        }
        ck_near(y.data[c], sum / (double)pixels, BOUND_ROWS, size / (double)pixels);
        ck_assert(top.data[c] == x.data[best]);
        for (int64_t i = c; i < x.count; i += channels) {
            ck_near(d_x.data[i], d_y.data[c] / (double)pixels, 1, fabs(d_y.data[c] / (double)pixels));
            ck_assert(d_top.data[i] == (i == best ? d_y.data[c] : 0));
        }
    }
    buffer all[] = {x, y, top, d_y, d_x, d_top};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buffer_free(all[i]);
}

START_TEST(global_pooling_and_its_gradients_are_right)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++) {
        if (!isa_present(isa))
            continue;
        for (int64_t channels = 1; channels <= 67; channels++)
            check_global(isa, 1 + channels % 10, channels);
        check_global(isa, 1, 1024);
        check_global(isa, 3000, 7);
    }
}
END_TEST

START_TEST(nan_passes_through_global_pooling)
{
    for (size_t isa = 0; isa < ISA_COUNT; isa++)
        for (int64_t at = 0; isa_present(isa) && at < 5; at++) {
            const mbni_kernels *kernels = mbni_kernels_select(all_isas[isa].isa);
            buffer x = buffer_random(5 * 6), y = buffer_new(6), d_x = buffer_new(5 * 6),
                   d_y = buffer_random(6);
            x.data[at * 6 + 2] = NAN;
            kernels->global_average(5, 6, x.data, y.data);
            for (int64_t c = 0; c < 6; c++)
                ck_assert_int_eq(isnan(y.data[c]) != 0, c == 2);
            kernels->global_max(5, 6, x.data, y.data);
            for (int64_t c = 0; c < 6; c++)
                ck_assert_int_eq(isnan(y.data[c]) != 0, c == 2);
            mbni_train_kernels_select(all_isas[isa].isa)
                ->global_max_gradient(5, 6, x.data, d_y.data, d_x.data);
            ck_assert(d_x.data[at * 6 + 2] == d_y.data[2]);
            buffer_free(x);
            buffer_free(y);
            buffer_free(d_x);
            buffer_free(d_y);
        }
}
END_TEST

SUITE("kernels/pooling", average_over_windows_and_its_gradient_are_within_the_bound,
      global_pooling_and_its_gradients_are_right, nan_passes_through_global_pooling)
