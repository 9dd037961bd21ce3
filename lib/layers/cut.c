/* How work is cut into parts, and the small passes that several layers share. Cuts depend on shapes alone, so
 * that every sum has the same order for any number of threads. */
#include "layers/common.h"

enum { PART_ELEMENTS = 16384, MAX_PARTS = 64, SUM_PARTS = 32 };

int64_t mbni_saturating_mul(int64_t a, int64_t b)
{
    int64_t product;
    return mbni_mul(a, b, &product) ? product : INT64_MAX / 2;
}

int64_t mbni_row_parts(int64_t rows, int64_t channels)
{
    int64_t elements = mbni_saturating_mul(rows, channels);
    return mbni_clamp(elements / PART_ELEMENTS, 1, rows < MAX_PARTS ? rows : MAX_PARTS);
}

int64_t mbni_picture_parts(int64_t batch, int64_t out_h, int64_t row_cost)
{
    int64_t wanted = (SUM_PARTS + batch - 1) / batch;
    int64_t worth = mbni_saturating_mul(out_h, row_cost) / PART_ELEMENTS;
    return mbni_clamp(wanted < worth ? wanted : worth, 1, out_h);
}

int64_t mbni_group_pictures(int64_t batch, int64_t floats)
{
    return mbni_clamp(MBNI_GROUP_FLOATS / (floats > 0 ? floats : 1), 1, batch);
}

void mbni_pass_product(const mbni_pass *pass, int64_t rows, int64_t n, int64_t k, const float *x,
                       const float *kernel, float *y)
{
    if (pass->training)
        mbni_matmul(pass->context, 0, 0, rows, n, k, x, k, kernel, n, 0, y, n);
    else
        mbni_matmul_rows(pass->context, 0, 0, rows, n, k, x, k, kernel, n, 0, y, n);
}

static void add_bias_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    int64_t channels = work->channels;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    work->pass->kernels->add_bias(end - begin, channels, work->bias, work->out + begin * channels);
}

void mbni_pass_add_bias(const mbni_layer *layer, const mbni_pass *pass, const float *bias, int64_t rows,
                        int64_t channels, float *y)
{
    mbni_work work = {
        .layer = layer, .pass = pass, .count = rows, .channels = channels, .bias = bias, .out = y};
    work.parts = mbni_row_parts(rows, channels);
    mbni_parallel(pass->context, work.parts, add_bias_task, &work);
}

static int64_t sum_parts(int64_t rows, int64_t channels)
{
    return mbni_clamp(mbni_row_parts(rows, channels), 1, SUM_PARTS);
}

int64_t mbni_bias_floats(int64_t rows, int64_t channels)
{
    return mbni_saturating_mul(sum_parts(rows, channels), channels);
}

static void sum_rows_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    int64_t channels = work->channels;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    float *partial = work->partials + i * channels;
    memset(partial, 0, (size_t)channels * sizeof *partial);
    work->pass->train_kernels->sum_rows(end - begin, channels, work->d_y + begin * channels, partial);
}

void mbni_pass_sum_rows(const mbni_pass *pass, int64_t rows, int64_t channels, const float *d_y, float *sum)
{
    mbni_work work = {.pass = pass, .count = rows, .d_y = d_y, .partials = pass->workspace};
    work.parts = sum_parts(rows, channels);
    work.channels = channels;
    mbni_parallel(pass->context, work.parts, sum_rows_task, &work);
    mbni_sum_partials(work.parts, channels, pass->workspace, sum);
}

void mbni_sum_partials(int64_t parts, int64_t count, const float *partials, float *sum)
{
    memcpy(sum, partials, (size_t)count * sizeof *sum);
    for (int64_t p = 1; p < parts; p++)
        for (int64_t i = 0; i < count; i++)
            sum[i] += partials[p * count + i];
}
