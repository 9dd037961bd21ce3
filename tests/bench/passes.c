/* What runs over memory once: batch norm, activations, optimizers, loss, pooling, pictures to numbers; one
 * thread. */
#include "bench.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* One set of buffers serves all; what each holds is named by the kernels' contracts. */
typedef struct pass_data {
    const mbni_kernels *kernels;
    const mbni_train_kernels *train;
    int64_t rows, channels;
    float *x, *y, *z, *w;              /* [rows, channels] */
    float *a, *b, *shift, *sum, *sum2; /* [channels] */
    float *moments;                    /* [3][channels] */
    uint8_t *bytes;                    /* [rows, channels] */
    int32_t *ids;                      /* [rows] */
    mbni_normalization norm;
} pass_data;

static void affine(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->kernels->affine(d->rows, d->channels, d->x, d->a, d->shift, 0, 6, d->y);
}

static void relu_gradient(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->train->relu_gradient(d->rows * d->channels, 6, d->x, d->y, d->z);
}

static void moments(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->train->moments(d->rows, d->channels, d->x, d->moments);
}

static void sum_rows(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->train->sum_rows(d->rows, d->channels, d->x, d->sum);
}

static void gradient_sums(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->train->batch_norm_gradient_sums(d->rows, d->channels, &d->norm, d->x, d->y, d->sum, d->sum2);
}

/* In place, as the training step does it. */
static void input_gradient(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->train->batch_norm_input_gradient(d->rows, d->channels, &d->norm, d->x, d->y, d->a, d->b, d->shift,
                                        d->y);
}

static void adam(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->train->adam(d->rows * d->channels, 1e-3f, 0.9f, 0.999f, 1e-7f, 0, 0, d->x, d->y, d->z, d->w);
}

static void sgd(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->train->sgd(d->rows * d->channels, 1e-3f, 0.9f, 0, 0, d->x, d->y, d->w);
}

static void rmsprop(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->train->rmsprop(d->rows * d->channels, 1e-3f, 0.9f, 0, 1e-7f, 0, d->x, d->z, NULL, d->w);
}

static void softmax(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->kernels->softmax(d->rows, d->channels, d->x, d->y);
}

static void loss(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->train->softmax_cross_entropy(d->rows, d->channels, d->x, d->ids, NULL, 0, 1, d->w, d->bytes, d->y);
}

static void convert_u8(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->kernels->convert_u8(d->rows * d->channels, d->bytes, 1 / 127.5f, -1, d->y);
}

/* Pictures of 32 x 32 x 3, moved by four pixels, every other one mirrored. */
static void shift_flip_u8(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    for (int64_t r = 0; r < d->rows; r++)
        d->train->shift_flip_u8(32, 32, 3, 4, -4, r % 2, d->bytes + r * d->channels,
                                (uint8_t *)d->y + r * d->channels);
}

static void global_average(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->kernels->global_average(d->rows, d->channels, d->x, d->sum);
}

static void transpose(mbn_context *context, void *data)
{
    const pass_data *d = data;
    (void)context;
    d->kernels->transpose(d->rows, d->channels, d->x, d->y);
}

/* Bytes and flops an element, of matrices [rows, channels]. */
typedef struct pass {
    const char *name;
    void (*run)(mbn_context *context, void *data);
    double bytes, flops;
    int64_t rows[2], channels[2]; /* two sizes; no second one where rows are 0 */
} pass;

/* A matrix that the second cache holds, and one that it does not. */
#define TWO_SIZES \
    {512, 16384}, \
    {             \
        128, 128  \
    }

static const pass PASSES[] = {
    {"normalize + ReLU6", affine, 8, 2, TWO_SIZES},
    {"moments", moments, 4, 4, TWO_SIZES},
    {"batch norm gradient, sums", gradient_sums, 8, 5, TWO_SIZES},
    {"batch norm gradient, input", input_gradient, 12, 4, TWO_SIZES},
    {"ReLU6 gradient", relu_gradient, 12, 0, TWO_SIZES},
    {"sum of rows", sum_rows, 4, 1, TWO_SIZES},
    {"SGD with momentum", sgd, 20, 4, {128, 25000}, {128, 128}},
    {"RMSprop", rmsprop, 20, 7, {128, 25000}, {128, 128}},
    {"Adam", adam, 28, 10, {128, 25000}, {128, 128}},
    {"softmax", softmax, 8, 0, {128, 128}, {10, 1000}},
    {"softmax + cross entropy", loss, 8, 0, {128, 128}, {10, 1000}},
    {"u8 to f32", convert_u8, 5, 2, {128, 1024}, {3072, 3072}},
    {"u8 moved and mirrored", shift_flip_u8, 2, 0, {128, 0}, {3072, 0}},
    {"global average", global_average, 4, 1, {49, 0}, {1024, 0}},
    {"transpose", transpose, 8, 0, {50176, 49}, {3, 1024}},
};

static pass_data make_data(const bench_isa *isa, int64_t rows, int64_t channels)
{
    const int64_t count = rows * channels;
    pass_data d = {.kernels = isa->kernels, .train = isa->train, .rows = rows, .channels = channels};
    d.x = bench_floats(count);
    d.y = bench_floats(count);
    d.z = bench_floats(count);
    d.w = bench_floats(count);
    d.a = bench_floats(5 * channels);
    d.b = d.a + channels;
    d.shift = d.b + channels;
    d.sum = d.shift + channels;
    d.sum2 = d.sum + channels;
    d.moments = bench_floats(3 * channels);
    d.bytes = (uint8_t *)bench_floats(count / 4 + 1);
    d.ids = (int32_t *)bench_floats(rows);
    for (int64_t i = 0; i < count; i++)
        d.z[i] = fabsf(d.z[i]); /* a mean of squares */
    for (int64_t i = 0; i < rows; i++)
        d.ids[i] = (int32_t)(i % channels);
    d.norm = (mbni_normalization){
        .mean = d.a, .inv_std = d.b, .scale = d.a, .shift = d.shift, .low = 0, .high = 6};
    return d;
}

static void pass_row(bench_table *table, const pass *p, int size)
{
    const int64_t rows = bench_rows(p->rows[size]), channels = p->channels[size];
    const double count = (double)rows * (double)channels;
    pass_data d = make_data(table->isa, rows, channels);
    bench_work work = {
        .flops = p->flops * count, .bytes = p->bytes * count, .weight = 1, .run = p->run, .data = &d};
    snprintf(work.name, sizeof work.name, "%s %lldx%lld", p->name, (long long)rows, (long long)channels);
    bench_table_row(table, &work);
    float *const buffers[] = {d.x, d.y, d.z, d.w, d.a, d.moments, (float *)d.bytes, (float *)d.ids};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        free(buffers[i]);
}

void bench_passes(const bench_isa *isa)
{
    bench_table table = bench_table_begin("Passes over memory", isa, 1);
    for (size_t i = 0; i < sizeof PASSES / sizeof *PASSES; i++)
        for (int size = 0; size < 2; size++)
            if (PASSES[i].rows[size])
                pass_row(&table, &PASSES[i], size);
    bench_table_end(&table);
}
