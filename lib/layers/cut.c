/* How work is cut into parts, and the small passes that several layers share. Cuts depend on shapes alone, so
 * that every sum has the same order for any number of threads. */
#include "layers/common.h"
#include <math.h>

enum { PART_ELEMENTS = 16384, MAX_PARTS = 64, SUM_PARTS = 32, SUM_ELEMENTS = 4096 };

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

int64_t mbni_channel_parts(int64_t channels, int64_t partials)
{
    return mbni_clamp(mbni_saturating_mul(channels, partials) / SUM_ELEMENTS, 1,
                      channels < SUM_PARTS ? channels : SUM_PARTS);
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

void mbni_run_pieces(mbni_work *work, int64_t pictures, mbni_moments *moments, mbn_task_fn task)
{
    const mbni_window *w = &work->window;
    work->count = pictures;
    if (work->pass->training) {
        work->parts = mbni_clamp(pictures, 1, MBNI_MOMENT_PARTS);
        if (moments) {
            moments->parts = work->parts;
            moments->unit = w->out_h * w->out_w;
            work->moments = moments;
        }
        mbni_parallel(work->pass->context, work->parts, task, work);
        return;
    }
    int64_t depth = work->channels > w->channels ? work->channels : w->channels;
    work->parts = mbni_picture_parts(pictures, w->out_h, w->out_w * w->kernel_h * w->kernel_w * depth);
    mbni_parallel(work->pass->context, pictures * work->parts, task, work);
}

mbni_piece mbni_work_piece(const mbni_work *work, int64_t i)
{
    mbni_piece piece = {.row_end = work->window.out_h};
    if (work->pass->training) {
        piece.first = mbni_part_begin(work->count, work->parts, i);
        piece.pictures = mbni_part_begin(work->count, work->parts, i + 1) - piece.first;
        piece.moments = work->moments ? work->moments->values + 3 * i * work->channels : NULL;
        return piece;
    }
    piece.first = i / work->parts;
    piece.pictures = 1;
    piece.row_begin = mbni_part_begin(work->window.out_h, work->parts, i % work->parts);
    piece.row_end = mbni_part_begin(work->window.out_h, work->parts, i % work->parts + 1);
    return piece;
}

void mbni_pass_product(const mbni_pass *pass, int64_t rows, int64_t n, int64_t k, const float *x,
                       const float *kernel, const float *bias, float *y)
{
    const mbni_epilogue epilogue = {.shift = bias, .low = -INFINITY, .high = INFINITY};
    const mbni_matmul p = {.m = rows,
                           .n = n,
                           .k = k,
                           .a = x,
                           .lda = k,
                           .b = kernel,
                           .ldb = n,
                           .c = y,
                           .ldc = n,
                           .epilogue = bias ? &epilogue : NULL};
    if (pass->training)
        mbni_matmul_run(pass->context, &p, pass->moments);
    else
        mbni_matmul_run_rows(pass->context, &p);
}

void mbni_pass_kernel_gradient(const mbni_pass *pass, int64_t rows, int64_t n, int64_t k, const float *x,
                               const float *d_y, int accumulate, float *partials, float *d_kernel)
{
    const mbni_matmul p = {.trans_a = 1,
                           .accumulate = accumulate,
                           .m = k,
                           .n = n,
                           .k = rows,
                           .a = x,
                           .lda = k,
                           .b = d_y,
                           .ldb = n,
                           .c = d_kernel,
                           .ldc = n,
                           .partials = partials};
    mbni_matmul_run(pass->context, &p, NULL);
}

void mbni_pass_input_gradient(const mbni_pass *pass, int64_t rows, int64_t n, int64_t k, const float *d_y,
                              const float *kernel, float *d_x)
{
    const mbni_matmul p = {.trans_b = 1,
                           .m = rows,
                           .n = k,
                           .k = n,
                           .a = d_y,
                           .lda = n,
                           .b = kernel,
                           .ldb = n,
                           .c = d_x,
                           .ldc = k};
    mbni_matmul_run(pass->context, &p, NULL);
}

static void affine_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    int64_t channels = work->channels;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    work->pass->kernels->affine(end - begin, channels, work->x + begin * channels, work->scale, work->shift,
                                work->low, work->high, work->out + begin * channels);
}

void mbni_pass_affine(const mbni_pass *pass, int64_t rows, int64_t channels, const float *x,
                      const float *scale, const float *shift, float low, float high, float *y)
{
    mbni_work work = {.pass = pass,
                      .count = rows,
                      .channels = channels,
                      .x = x,
                      .scale = scale,
                      .shift = shift,
                      .low = low,
                      .high = high,
                      .out = y};
    work.parts = mbni_row_parts(rows, channels);
    mbni_parallel(pass->context, work.parts, affine_task, &work);
}

void mbni_relu_bounds(const mbni_layer *relu, float *low, float *high)
{
    *low = relu ? 0 : -INFINITY;
    *high = relu && relu->config.relu.max_value > 0 ? (float)relu->config.relu.max_value : INFINITY;
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
    mbni_sum_partials(pass, work.parts, channels, pass->workspace, sum);
}

typedef struct partial_sums {
    int64_t parts, count, cuts;
    const float *partials;
    float *sum;
} partial_sums;

static void partials_task(void *data, int64_t i)
{
    const partial_sums *s = data;
    int64_t begin = mbni_part_begin(s->count, s->cuts, i), end = mbni_part_begin(s->count, s->cuts, i + 1);
    memcpy(s->sum + begin, s->partials + begin, (size_t)(end - begin) * sizeof *s->sum);
    for (int64_t p = 1; p < s->parts; p++) {
        const float *restrict partial = s->partials + p * s->count;
        float *restrict sum = s->sum;
        for (int64_t c = begin; c < end; c++)
            sum[c] += partial[c];
    }
}

void mbni_sum_partials(const mbni_pass *pass, int64_t parts, int64_t count, const float *partials, float *sum)
{
    partial_sums sums = {parts, count, mbni_channel_parts(count, parts), partials, sum};
    mbni_parallel(pass->context, sums.cuts, partials_task, &sums);
}
