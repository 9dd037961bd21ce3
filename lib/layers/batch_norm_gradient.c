/* Batch normalisation, backward, with the ReLU behind it where the pass names one: d_y is then the gradient
 * of the ReLU's output, and passes where that is within its bounds. With the batch's statistics (section 3 of
 * arXiv 1502.03167), n rows and x_hat = (x - mean) * inv_std: d_x = gamma * inv_std * (d_y - mean(d_y) -
 * x_hat * mean(d_y * x_hat)), written as a * d_y + b * x + shift. With the running statistics the layer is
 * linear: d_x = gamma * inv_std
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
    pass->train_kernels->batch_norm_gradient_sums(end - begin, channels, work->normalization,
                                                  work->x + begin * channels, work->d_y + begin * channels,
                                                  sum_dy, sum_dy + channels);
}

static void input_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    int64_t channels = work->channels;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    const float *a = work->partials;
    work->pass->train_kernels->batch_norm_input_gradient(
        end - begin, channels, work->normalization, work->x + begin * channels, work->d_y + begin * channels,
        a, a + channels, a + 2 * channels, work->out + begin * channels);
}

/* Of some channels: the two sums over all parts, in their order, into the gradients and the first part; a, b
 * and shift from them, behind the partial sums. */
static void factors_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    const mbni_param *gamma = &work->layer->params[GAMMA], *beta = &work->layer->params[BETA];
    int64_t channels = work->channels, parts = mbni_batch_norm_parts(work->count, channels);
    int64_t begin = mbni_part_begin(channels, work->parts, i);
    int64_t end = mbni_part_begin(channels, work->parts, i + 1);
    float *sum_dy = work->partials, *sum_dy_xhat = sum_dy + channels;
    float *factors = work->partials + 2 * parts * channels;
    for (int64_t p = 1; p < parts; p++)
        for (int64_t c = begin; c < end; c++) {
            sum_dy[c] += sum_dy[2 * p * channels + c];
            sum_dy_xhat[c] += sum_dy_xhat[2 * p * channels + c];
        }
    for (int64_t c = begin; c < end; c++) {
        double mean = work->normalization->mean[c], inv_std = work->normalization->inv_std[c];
        double a = (double)gamma->value[c] * inv_std;
        double b = -a * inv_std * sum_dy_xhat[c] / (double)work->count;
        factors[c] = (float)a;
        factors[channels + c] = (float)b;
        /* From the rounded b, so that b * x + shift vanishes at x = mean however large the mean is. */
        factors[2 * channels + c] = (float)(-a * sum_dy[c] / (double)work->count - (double)(float)b * mean);
        if (beta->grad)
            beta->grad[c] = sum_dy[c];
        if (gamma->grad)
            gamma->grad[c] = sum_dy_xhat[c];
    }
}

static void apply_factors(mbni_work *work, float *factors)
{
    work->partials = factors;
    work->parts = mbni_row_parts(work->count, work->channels);
    mbni_parallel(work->pass->context, work->parts, input_task, work);
}

static void training_backward(mbni_work *work)
{
    mbn_context *context = work->pass->context;
    int64_t channels = work->channels, parts = mbni_batch_norm_parts(work->count, channels);
    work->parts = parts;
    mbni_parallel(context, work->parts, sums_task, work);
    work->parts = mbni_channel_parts(channels, 2 * parts);
    mbni_parallel(context, work->parts, factors_task, work);
    if (work->out)
        apply_factors(work, work->partials + 2 * parts * channels);
}

/* d_x = scale * d_y: the factors are scale, 0 and 0. */
static void running_backward(const mbni_layer *layer, mbni_work *work, mbni_normalization *n)
{
    int64_t channels = work->channels;
    float *scale = work->partials, *shift = scale + channels;
    if (!work->out)
        return;
    mbni_batch_norm_running(layer, scale, shift);
    n->scale = scale;
    n->shift = shift;
    float *factors = shift + channels;
    memcpy(factors, scale, (size_t)channels * sizeof *scale);
    memset(factors + channels, 0, (size_t)(2 * channels) * sizeof *scale);
    apply_factors(work, factors);
}

static void backward(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                     const float *d_y, float *d_x)
{
    (void)y;
    mbni_normalization n;
    mbni_batch_norm_saved(layer, pass, &n);
    mbni_work work = {.layer = layer,
                      .pass = pass,
                      .count = mbni_batch_norm_rows(layer, pass->batch),
                      .channels = layer->params[GAMMA].count,
                      .normalization = &n,
                      .x = x,
                      .d_y = d_y,
                      .out = d_x,
                      .partials = pass->workspace};
    if (mbni_batch_norm_uses_batch(layer, pass))
        training_backward(&work);
    else
        running_backward(layer, &work, &n);
}

const mbni_layer_gradient_ops mbni_batch_norm_gradient = {&mbni_batch_norm_ops, backward};
