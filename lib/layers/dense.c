/* Fully connected layer over the last axis, forward: one product. */
#include "layers/common.h"

static void defaults(mbni_layer *layer)
{
    layer->config.dense = (mbn_dense_options){.use_bias = 1};
}

static mbn_status infer_shape(mbni_layer *layer)
{
    const mbn_dense_options *o = &layer->config.dense;
    layer->param_count = 0;
    MBNI_TRY(mbni_check_l2(layer, o->l2));
    MBNI_TRY(mbni_check_integer(layer, "units", o->units, 1, MBNI_LAYER_MAX_CHANNELS));
    MBNI_TRY(mbni_check_integer(layer, "use_bias", o->use_bias, 0, 1));
    MBNI_TRY(mbni_check_initializer(layer, o->initializer));
    int32_t last = layer->in.rank - 1;
    const int64_t dims[2] = {layer->in.dims[last], o->units};
    layer->out = layer->in;
    layer->out.dims[last] = o->units;
    mbni_param *kernel = mbni_layer_add_param(layer, "kernel", 2, dims, o->initializer, dims[0], dims[1]);
    kernel->l2 = o->l2;
    kernel->decays = MBNI_DECAYS_ALWAYS;
    if (o->use_bias)
        mbni_layer_add_bias(layer, o->units);
    MBNI_TRY(mbni_check_sizes(layer));
    int64_t products;
    if (!mbni_mul(mbni_shape_count(&layer->out), dims[0], &products))
        return mbni_layer_error(layer, MBN_ERR_MEMORY, "the multiply-adds of one picture exceed 2^62");
    return MBN_OK;
}

static mbn_status describe(mbni_layer *layer, mbni_fields *fields)
{
    mbn_dense_options *o = &layer->config.dense;
    MBNI_TRY(fields->real(fields, "l2", &o->l2));
    MBNI_TRY(fields->integer(fields, "units", &o->units));
    MBNI_TRY(mbni_describe_int32(layer, fields, "use_bias", &o->use_bias));
    return mbni_describe_int32(layer, fields, "initializer", &o->initializer);
}

static int64_t multiply_adds(const mbni_layer *layer)
{
    return mbni_shape_count(&layer->out) * layer->params[0].shape.dims[0];
}

/* In training: partial sums of the bias gradient. */
static int64_t workspace_floats(const mbni_layer *layer, int64_t batch, int32_t training)
{
    int64_t units = layer->config.dense.units;
    if (!training || !layer->config.dense.use_bias)
        return 0;
    return mbni_bias_floats(mbni_saturating_mul(batch, mbni_shape_count(&layer->out) / units), units);
}

static void forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    int64_t k = layer->params[0].shape.dims[0], units = layer->config.dense.units;
    int64_t rows = pass->batch * (mbni_shape_count(&layer->in) / k);
    const float *bias = layer->config.dense.use_bias ? layer->params[1].value : NULL;
    mbni_pass_product(pass, rows, units, k, x, layer->params[0].value, bias, y);
}

const mbni_layer_ops mbni_dense_ops = {
    .type = "dense",
    .class_name = "Dense",
    .flags = MBNI_LAYER_NEEDS_X,
    .defaults = defaults,
    .infer_shape = infer_shape,
    .describe = describe,
    .multiply_adds = multiply_adds,
    .workspace_floats = workspace_floats,
    .forward = forward,
};
