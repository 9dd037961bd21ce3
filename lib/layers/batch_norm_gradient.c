/* Batch normalisation, backward. With the batch's statistics (section 3 of arXiv 1502.03167), n rows and
 * x_hat = (x - mean) * inv_std: d_x = gamma * inv_std * (d_y - mean(d_y) - x_hat * mean(d_y * x_hat)),
 * written as a * d_y + b * x + shift. With the running statistics the layer is linear: d_x = gamma * inv_std
 * * d_y. */
#include "layers/common.h"

enum { GAMMA, BETA };

static void sums_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    const mbni_pass *pass = work->pass;
    int64_t channels = work->channels;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    float *sum_dy = work->partials + 2 * i * channels;
    memset(sum_dy, 0, (size_t)(2 * channels) * sizeof *sum_dy);
    pass->train_kernels->batch_norm_gradient_sums(end - begin, channels, work->x + begin * channels,
                                                  work->d_y + begin * channels, pass->saved,
                                                  pass->saved + channels, sum_dy, sum_dy + channels);
}

static void input_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    int64_t channels = work->channels;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    const float *a = work->partials;
    work->pass->train_kernels->batch_norm_input_gradient(end - begin, channels, work->x + begin * channels,
                                                         work->d_y + begin * channels, a, a + channels,
                                                         a + 2 * channels, work->out + begin * channels);
}

/* a, b and shift from the two sums over all rows. */
static void input_factors(const mbni_layer *layer, const mbni_pass *pass, int64_t rows, const float *sum_dy,
                          const float *sum_dy_xhat, float *factors)
{
    int64_t channels = layer->params[GAMMA].count;
    for (int64_t c = 0; c < channels; c++) {
        double mean = pass->saved[c], inv_std = pass->saved[channels + c];
        double a = (double)layer->params[GAMMA].value[c] * inv_std;
        double b = -a * inv_std * sum_dy_xhat[c] / (double)rows;
        factors[c] = (float)a;
        factors[channels + c] = (float)b;
        /* From the rounded b, so that b * x + shift vanishes at x = mean however large the mean is. */
        factors[2 * channels + c] = (float)(-a * sum_dy[c] / (double)rows - (double)(float)b * mean);
    }
}

static void training_backward(const mbni_layer *layer, const mbni_pass *pass, const float *x,
                              const float *d_y, float *d_x)
{
    const mbni_param *gamma = &layer->params[GAMMA], *beta = &layer->params[BETA];
    int64_t channels = gamma->count;
    mbni_work work = {
        .layer = layer, .pass = pass, .x = x, .d_y = d_y, .out = d_x, .partials = pass->workspace};
    work.channels = channels;
    work.count = pass->batch * (mbni_shape_count(&layer->out) / channels);
    work.parts = mbni_batch_norm_parts(work.count, channels);
    mbni_parallel(pass->context, work.parts, sums_task, &work);
    float *sums = pass->workspace;
    for (int64_t i = 1; i < work.parts; i++)
        for (int64_t c = 0; c < 2 * channels; c++)
            sums[c] += sums[i * 2 * channels + c];
    if (beta->grad)
        memcpy(beta->grad, sums, (size_t)channels * sizeof *sums);
    if (gamma->grad)
        memcpy(gamma->grad, sums + channels, (size_t)channels * sizeof *sums);
    if (!d_x)
        return;
    float *factors = pass->workspace + 2 * channels;
    input_factors(layer, pass, work.count, sums, sums + channels, factors);
    work.partials = factors;
    work.parts = mbni_row_parts(work.count, channels);
    mbni_parallel(pass->context, work.parts, input_task, &work);
}

static void backward(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                     const float *d_y, float *d_x)
{
    (void)y;
    if (mbni_batch_norm_uses_batch(layer, pass)) {
        training_backward(layer, pass, x, d_y, d_x);
        return;
    }
    if (!d_x)
        return;
    int64_t channels = layer->params[GAMMA].count;
    float *scale = pass->workspace, *shift = scale + channels;
    mbni_batch_norm_running(layer, scale, shift);
    memset(shift, 0, (size_t)channels * sizeof *shift);
    mbni_batch_norm_apply(layer, pass, d_y, scale, shift, d_x);
}

const mbni_layer_gradient_ops mbni_batch_norm_gradient = {&mbni_batch_norm_ops, backward};
