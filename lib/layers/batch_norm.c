/* Batch normalisation, forward (Ioffe & Szegedy, arXiv 1502.03167). In training the statistics of parts of
 * the rows, cut by shape, are merged in order (Chan et al. 1979). Inference, and a layer that is not
 * trainable, use the running statistics as one multiplication and one addition. The running variance of a
 * spatial input takes the unbiased variance n / (n - 1), as Keras' fused kernel does for four axes, and of
 * other inputs the biased one. */
#include "layers/common.h"
#include <math.h>

enum { GAMMA, BETA, MEAN, VARIANCE };
enum { PART_ELEMENTS = 16384, MAX_PARTS = 32 };

static void defaults(mbni_layer *layer)
{
    layer->config.batch_norm = (mbn_batch_norm_options){.momentum = 0.99, .epsilon = 1e-3};
}

static mbn_status infer_shape(mbni_layer *layer)
{
    static const char *const names[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    const mbn_batch_norm_options *o = &layer->config.batch_norm;
    layer->param_count = 0;
    if (!(o->momentum >= 0 && o->momentum <= 1))
        return mbni_layer_error(layer, MBN_ERR_ARGUMENT, "momentum is %g; allowed are 0 to 1", o->momentum);
    if (!(o->epsilon >= 1e-12 && o->epsilon <= 1e12))
        return mbni_layer_error(layer, MBN_ERR_ARGUMENT, "epsilon is %g; allowed are 1e-12 to 1e12",
                                o->epsilon);
    layer->out = layer->in;
    int64_t channels = layer->in.dims[layer->in.rank - 1];
    for (int32_t p = GAMMA; p <= VARIANCE; p++) {
        int32_t initializer = p == GAMMA || p == VARIANCE ? MBNI_INIT_ONES : MBN_INIT_ZEROS;
        mbni_param *param =
            mbni_layer_add_param(layer, names[p], 1, &channels, initializer, channels, channels);
        param->trained = p <= BETA;
    }
    return mbni_check_sizes(layer);
}

static mbn_status describe(mbni_layer *layer, mbni_fields *fields)
{
    MBNI_TRY(fields->real(fields, "momentum", &layer->config.batch_norm.momentum));
    return fields->real(fields, "epsilon", &layer->config.batch_norm.epsilon);
}

static int64_t rows_of(const mbni_layer *layer, int64_t batch)
{
    return mbni_saturating_mul(batch, mbni_shape_count(&layer->out) / layer->params[GAMMA].count);
}

int64_t mbni_batch_norm_parts(int64_t rows, int64_t channels)
{
    return mbni_clamp(mbni_saturating_mul(rows, channels) / PART_ELEMENTS, 1,
                      rows < MAX_PARTS ? rows : MAX_PARTS);
}

/* Two arrays a part and three for the whole; inference needs scale and shift only. */
static int64_t workspace_floats(const mbni_layer *layer, int64_t batch, int32_t training)
{
    int64_t channels = layer->params[GAMMA].count;
    if (!training)
        return 2 * channels;
    return (2 * mbni_batch_norm_parts(rows_of(layer, batch), channels) + 3) * channels;
}

static int64_t saved_floats(const mbni_layer *layer, int64_t batch)
{
    (void)batch;
    return 2 * layer->params[GAMMA].count;
}

int mbni_batch_norm_uses_batch(const mbni_layer *layer, const mbni_pass *pass)
{
    return pass->training && layer->trainable;
}

static void apply_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    int64_t channels = work->channels;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    work->pass->kernels->affine(end - begin, channels, work->x + begin * channels, work->scale, work->shift,
                                work->out + begin * channels);
}

void mbni_batch_norm_apply(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *scale,
                           const float *shift, float *y)
{
    mbni_work work = {.layer = layer, .pass = pass, .x = x, .scale = scale, .shift = shift, .out = y};
    work.channels = layer->params[GAMMA].count;
    work.count = rows_of(layer, pass->batch);
    work.parts = mbni_row_parts(work.count, work.channels);
    mbni_parallel(pass->context, work.parts, apply_task, &work);
}

void mbni_batch_norm_running(const mbni_layer *layer, float *scale, float *shift)
{
    const mbni_param *p = layer->params;
    for (int64_t c = 0; c < p[GAMMA].count; c++) {
        double inv_std = 1.0 / sqrt((double)p[VARIANCE].value[c] + layer->config.batch_norm.epsilon);
        double factor = (double)p[GAMMA].value[c] * inv_std;
        scale[c] = (float)factor;
        shift[c] = (float)((double)p[BETA].value[c] - (double)p[MEAN].value[c] * factor);
    }
}

static void statistics_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    int64_t channels = work->channels;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    float *mean = work->partials + 2 * i * channels;
    work->pass->train_kernels->statistics(end - begin, channels, work->x + begin * channels, mean,
                                          mean + channels);
}

/* Leaves mean and m2 of all rows in the first 2 c floats of the workspace. */
static void batch_statistics(const mbni_layer *layer, const mbni_pass *pass, int64_t rows, const float *x)
{
    int64_t channels = layer->params[GAMMA].count;
    mbni_work work = {.layer = layer, .pass = pass, .count = rows, .x = x, .partials = pass->workspace};
    work.parts = mbni_batch_norm_parts(rows, channels);
    work.channels = channels;
    mbni_parallel(pass->context, work.parts, statistics_task, &work);
    for (int64_t i = 1; i < work.parts; i++) {
        int64_t begin = mbni_part_begin(rows, work.parts, i), end = mbni_part_begin(rows, work.parts, i + 1);
        const float *mean = pass->workspace + 2 * i * channels;
        pass->train_kernels->merge_statistics(channels, begin, pass->workspace, pass->workspace + channels,
                                              end - begin, mean, mean + channels);
    }
}

static void training_forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    const mbn_batch_norm_options *o = &layer->config.batch_norm;
    const mbni_param *p = layer->params;
    int64_t channels = p[GAMMA].count, rows = rows_of(layer, pass->batch);
    float *mean = pass->workspace, *m2 = mean + channels, *saved_mean = pass->saved;
    float *saved_inv_std = saved_mean + channels;
    batch_statistics(layer, pass, rows, x);
    double unbiased = layer->in.rank == 3 && rows > 1 ? (double)(rows - 1) : (double)rows;
    for (int64_t c = 0; c < channels; c++) {
        double batch_mean = mean[c], batch_m2 = m2[c];
        double inv_std = 1.0 / sqrt(batch_m2 / (double)rows + o->epsilon);
        saved_mean[c] = mean[c];
        saved_inv_std[c] = (float)inv_std;
        p[MEAN].value[c] = (float)(o->momentum * p[MEAN].value[c] + (1 - o->momentum) * batch_mean);
        p[VARIANCE].value[c] =
            (float)(o->momentum * p[VARIANCE].value[c] + (1 - o->momentum) * batch_m2 / unbiased);
        double factor = (double)p[GAMMA].value[c] * inv_std;
        mean[c] = (float)factor; /* from here on the workspace holds scale and shift */
        m2[c] = (float)((double)p[BETA].value[c] - batch_mean * factor);
    }
    mbni_batch_norm_apply(layer, pass, x, mean, m2, y);
}

static void forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    if (mbni_batch_norm_uses_batch(layer, pass)) {
        training_forward(layer, pass, x, y);
        return;
    }
    float *scale = pass->workspace, *shift = scale + layer->params[GAMMA].count;
    mbni_batch_norm_running(layer, scale, shift);
    mbni_batch_norm_apply(layer, pass, x, scale, shift, y);
}

const mbni_layer_ops mbni_batch_norm_ops = {
    .type = "batch_normalization",
    .class_name = "BatchNormalization",
    .flags = MBNI_LAYER_NEEDS_X | MBNI_LAYER_IN_PLACE_INFERENCE,
    .defaults = defaults,
    .infer_shape = infer_shape,
    .describe = describe,
    .workspace_floats = workspace_floats,
    .saved_floats = saved_floats,
    .forward = forward,
};
