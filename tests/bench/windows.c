/* What looks through a 3 x 3 window: the first convolution and its kernel gradient, depthwise convolution and
 * its two gradients, on MobileNet V1's shapes, one thread. */
#include "bench.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct map {
    int64_t side, channels, stride;
    int64_t filters; /* 0: depthwise */
} map;

static const map MAPS_224[] = {{112, 32, 1, 0}, {112, 64, 2, 0}, {56, 128, 1, 0},
                               {56, 128, 2, 0}, {28, 256, 1, 0}, {28, 256, 2, 0},
                               {14, 512, 1, 0}, {14, 512, 2, 0}, {7, 1024, 1, 0}};
/* The network for 32 x 32, after the two widest maps of the one whose first convolution has stride 1. */
static const map MAPS_32[] = {{32, 32, 1, 0}, {32, 64, 2, 0}, {16, 32, 1, 0}, {16, 64, 2, 0},
                              {8, 128, 1, 0}, {8, 128, 2, 0}, {4, 256, 1, 0}, {4, 256, 2, 0},
                              {2, 512, 1, 0}, {2, 512, 2, 0}, {1, 1024, 1, 0}};
static const map FIRST_224[] = {{224, 3, 2, 32}}, FIRST_32[] = {{32, 3, 1, 32}, {32, 3, 2, 32}};

typedef struct window_data {
    const bench_isa *isa;
    mbni_window window;
    int64_t pictures, filters;
    float *x, *kernel, *shift, *y;
} window_data;

static void forward(mbn_context *context, void *data)
{
    window_data *d = data;
    const mbni_epilogue relu6 = {.shift = d->shift, .low = 0, .high = 6};
    (void)context;
    d->isa->kernels->depthwise(&d->window, d->pictures, d->x, d->kernel, &relu6, d->y, 0, d->window.out_h,
                               NULL);
}

static void input_gradient(mbn_context *context, void *data)
{
    window_data *d = data;
    (void)context;
    d->isa->train->depthwise_input_gradient(&d->window, d->pictures, d->y, d->kernel, d->x);
}

static void kernel_gradient(mbn_context *context, void *data)
{
    window_data *d = data;
    (void)context;
    d->isa->train->depthwise_kernel_gradient(&d->window, d->pictures, d->x, d->y, d->kernel);
}

static void first_forward(mbn_context *context, void *data)
{
    window_data *d = data;
    const mbni_epilogue relu6 = {.shift = d->shift, .low = 0, .high = 6};
    (void)context;
    d->isa->kernels->conv2d(&d->window, d->filters, d->pictures, d->x, d->kernel, &relu6, d->y, 0,
                            d->window.out_h, NULL);
}

static void first_kernel_gradient(mbn_context *context, void *data)
{
    window_data *d = data;
    (void)context;
    d->isa->train->conv2d_kernel_gradient(&d->window, d->filters, d->pictures, d->x, d->y, d->kernel);
}

/* As MobileNet pads: 1 all around with stride 1; below and to the right with stride 2. */
static mbni_window window_of(const map *m)
{
    const int64_t out = (m->side + m->stride - 1) / m->stride;
    return (mbni_window){.in_h = m->side,
                         .in_w = m->side,
                         .channels = m->channels,
                         .out_h = out,
                         .out_w = out,
                         .kernel_h = 3,
                         .kernel_w = 3,
                         .stride_h = m->stride,
                         .stride_w = m->stride,
                         .pad_top = m->stride == 1,
                         .pad_left = m->stride == 1,
                         .multiplier = 1};
}

/* Multiply-adds that touch the picture: what falls on padding is not counted. */
static double taps(const mbni_window *w)
{
    int64_t along = 0;
    for (int64_t o = 0; o < w->out_h; o++)
        for (int64_t t = 0; t < 3; t++) {
            const int64_t i = o * w->stride_h + t - w->pad_top;
            along += i >= 0 && i < w->in_h;
        }
    return (double)along * (double)along * (double)w->channels;
}

static void window_table(const char *title, const bench_isa *isa, const map *maps, size_t count,
                         int64_t pictures, void (*run)(mbn_context *, void *))
{
    bench_table table = bench_table_begin(title, isa, 1);
    for (size_t i = 0; i < count; i++) {
        window_data d = {.isa = isa, .window = window_of(&maps[i]), .pictures = bench_rows(pictures)};
        const int64_t c = maps[i].channels, n = d.pictures, filters = maps[i].filters;
        const int64_t each = filters ? filters : 1; /* results of an input channel */
        const int64_t in = n * d.window.in_h * d.window.in_w * c,
                      out = n * d.window.out_h * d.window.out_w * (filters ? filters : c);
        d.filters = filters;
        d.x = bench_floats(in);
        d.y = bench_floats(out);
        d.kernel = bench_floats(9 * c * each);
        d.shift = bench_floats(filters ? filters : c);
        bench_work work = {.flops = 2 * (double)(n * each) * taps(&d.window),
                           .bytes = 4.0 * (double)(in + out + 9 * c * each),
                           .weight = 1,
                           .run = run,
                           .data = &d};
        snprintf(work.name, sizeof work.name, "%lldx%lldx%lld stride %d", (long long)maps[i].side,
                 (long long)maps[i].side, (long long)c, (int)maps[i].stride);
        bench_table_row(&table, &work);
        free(d.x);
        free(d.y);
        free(d.kernel);
        free(d.shift);
    }
    bench_table_end(&table);
}

void bench_first(const bench_isa *isa)
{
    window_table("First convolution + ReLU6, one picture of 224", isa, FIRST_224, 1, 1, first_forward);
    window_table("First convolution, 128 pictures of 32", isa, FIRST_32, 2, 128, first_forward);
    window_table("Its kernel gradient, 128 pictures of 32", isa, FIRST_32, 2, 128, first_kernel_gradient);
}

void bench_depthwise(const bench_isa *isa)
{
    const size_t count_224 = sizeof MAPS_224 / sizeof *MAPS_224, count_32 = sizeof MAPS_32 / sizeof *MAPS_32;
    window_table("Depthwise 3 x 3 + ReLU6, one picture of 224", isa, MAPS_224, count_224, 1, forward);
    window_table("Depthwise 3 x 3, 128 pictures of 32", isa, MAPS_32, count_32, 128, forward);
    window_table("Depthwise input gradient, 128 pictures of 32", isa, MAPS_32, count_32, 128, input_gradient);
    window_table("Depthwise kernel gradient, 128 pictures of 32", isa, MAPS_32, count_32, 128,
                 kernel_gradient);
}
