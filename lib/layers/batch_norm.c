/* Batch normalisation, forward (Ioffe & Szegedy, arXiv 1502.03167), with the ReLU behind it where the pass
 * names one. In training the statistics come from moments of parts of the rows, cut by shape, which the layer
 * before may have left (Chan et al. 1979). Inference, and a layer that is not trainable, use the running
 * statistics as one multiplication and one addition. The running variance of a spatial input takes the
 * unbiased variance n / (n - 1), as Keras' fused kernel does for four axes, and of other inputs the biased
 * one. */
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

int64_t mbni_batch_norm_rows(const mbni_layer *layer, int64_t batch)
{
    return mbni_saturating_mul(batch, mbni_shape_count(&layer->out) / layer->params[GAMMA].count);
}

int64_t mbni_batch_norm_parts(int64_t rows, int64_t channels)
{
    return mbni_clamp(mbni_saturating_mul(rows, channels) / PART_ELEMENTS, 1,
                      rows < MAX_PARTS ? rows : MAX_PARTS);
}

/* Three sums for each part, and in backward three arrays behind; inference needs scale and shift only. */
static int64_t workspace_floats(const mbni_layer *layer, int64_t batch, int32_t training)
{
    int64_t channels = layer->params[GAMMA].count;
    if (!training)
        return 2 * channels;
    return (3 * mbni_batch_norm_parts(mbni_batch_norm_rows(layer, batch), channels) + 3) * channels;
}

static int64_t saved_floats(const mbni_layer *layer, int64_t batch)
{
    (void)batch;
    return 4 * layer->params[GAMMA].count;
}

int mbni_batch_norm_uses_batch(const mbni_layer *layer, const mbni_pass *pass)
{
    return pass->training && layer->trainable;
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

static void moments_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    int64_t channels = work->channels;
    int64_t begin = mbni_moments_begin(work->moments, work->count, i);
    int64_t end = mbni_moments_begin(work->moments, work->count, i + 1);
    work->pass->train_kernels->moments(end - begin, channels, work->x + begin * channels,
                                       work->moments->values + 3 * i * channels);
}

/* The saved floats: what backward needs besides x. */
void mbni_batch_norm_saved(const mbni_layer *layer, const mbni_pass *pass, mbni_normalization *n)
{
    int64_t channels = layer->params[GAMMA].count;
    *n = (mbni_normalization){.mean = pass->saved,
                              .inv_std = pass->saved + channels,
                              .scale = pass->saved + 2 * channels,
                              .shift = pass->saved + 3 * channels};
    mbni_relu_bounds(pass->activation, &n->low, &n->high);
}

/* Statistics, and what follows from them, of some channels. */
static void statistics_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    const mbni_layer *layer = work->layer;
    const mbn_batch_norm_options *o = &layer->config.batch_norm;
    const mbni_param *p = layer->params;
    int64_t rows = work->count, channels = work->channels;
    int64_t begin = mbni_part_begin(channels, work->parts, i);
    int64_t end = mbni_part_begin(channels, work->parts, i + 1);
    float *mean = work->pass->saved, *inv_std = mean + channels, *scale = inv_std + channels,
          *shift = scale + channels;
    float *m2 = inv_std; /* until it is one */
    work->pass->train_kernels->combine_moments(rows, channels, begin, end, work->moments, mean, m2);
    double unbiased = layer->in.rank == 3 && rows > 1 ? (double)(rows - 1) : (double)rows;
    for (int64_t c = begin; c < end; c++) {
        double batch_mean = mean[c], batch_m2 = m2[c];
        double inverse = 1.0 / sqrt(batch_m2 / (double)rows + o->epsilon);
        double factor = (double)p[GAMMA].value[c] * inverse;
        p[MEAN].value[c] = (float)(o->momentum * p[MEAN].value[c] + (1 - o->momentum) * batch_mean);
        p[VARIANCE].value[c] =
            (float)(o->momentum * p[VARIANCE].value[c] + (1 - o->momentum) * batch_m2 / unbiased);
        inv_std[c] = (float)inverse;
        scale[c] = (float)factor;
        shift[c] = (float)((double)p[BETA].value[c] - batch_mean * factor);
    }
}

/* Statistics from the moments that the layer before has left, else from x. */
static void training_forward(const mbni_layer *layer, const mbni_pass *pass, int64_t rows, const float *x)
{
    int64_t channels = layer->params[GAMMA].count;
    mbni_moments own = {.values = pass->workspace, .unit = 1, .parts = mbni_batch_norm_parts(rows, channels)};
    bool left = pass->moments && pass->moments->parts > 0;
    mbni_work work = {.layer = layer, .pass = pass, .count = rows, .channels = channels, .x = x};
    work.moments = left ? pass->moments : &own;
    if (!left)
        mbni_parallel(pass->context, own.parts, moments_task, &work);
    work.parts = mbni_channel_parts(channels, work.moments->parts);
    mbni_parallel(pass->context, work.parts, statistics_task, &work);
}

static void forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    int64_t channels = layer->params[GAMMA].count, rows = mbni_batch_norm_rows(layer, pass->batch);
    const float *scale = pass->workspace;
    if (mbni_batch_norm_uses_batch(layer, pass)) {
        if (!pass->again)
            training_forward(layer, pass, rows, x);
        scale = pass->saved + 2 * channels;
    } else {
        mbni_batch_norm_running(layer, pass->workspace, pass->workspace + channels);
    }
    float low, high;
    mbni_relu_bounds(pass->activation, &low, &high);
    mbni_pass_affine(pass, rows, channels, x, scale, scale + channels, low, high, y);
}

const mbni_layer_ops mbni_batch_norm_ops = {
    .type = "batch_normalization",
    .class_name = "BatchNormalization",
    .flags = MBNI_LAYER_NEEDS_X | MBNI_LAYER_IN_PLACE_INFERENCE | MBNI_LAYER_FUSES_RELU,
    .defaults = defaults,
    .infer_shape = infer_shape,
    .describe = describe,
    .workspace_floats = workspace_floats,
    .saved_floats = saved_floats,
    .forward = forward,
};
