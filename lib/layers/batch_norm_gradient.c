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

/* The sums of all rows, in the first 2 c floats of the workspace. */
static void gradient_sums(mbni_work *work)
{
    int64_t channels = work->channels;
    float *sums = work->partials;
    work->parts = mbni_batch_norm_parts(work->count, channels);
    mbni_parallel(work->pass->context, work->parts, sums_task, work);
    for (int64_t i = 1; i < work->parts; i++)
        for (int64_t c = 0; c < 2 * channels; c++)
            sums[c] += sums[i * 2 * channels + c];
}

static void apply_factors(mbni_work *work, float *factors)
{
    work->partials = factors;
    work->parts = mbni_row_parts(work->count, work->channels);
    mbni_parallel(work->pass->context, work->parts, input_task, work);
}

static void training_backward(const mbni_layer *layer, mbni_work *work)
{
    const mbni_param *gamma = &layer->params[GAMMA], *beta = &layer->params[BETA];
    int64_t channels = gamma->count;
    float *sums = work->partials, *factors = sums + 2 * channels;
    gradient_sums(work);
    if (beta->grad)
        memcpy(beta->grad, sums, (size_t)channels * sizeof *sums);
    if (gamma->grad)
        memcpy(gamma->grad, sums + channels, (size_t)channels * sizeof *sums);
    if (!work->out)
        return;
    input_factors(layer, work->pass, work->count, sums, sums + channels, factors);
    apply_factors(work, factors);
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
        training_backward(layer, &work);
    else
        running_backward(layer, &work, &n);
}

const mbni_layer_gradient_ops mbni_batch_norm_gradient = {&mbni_batch_norm_ops, backward};
