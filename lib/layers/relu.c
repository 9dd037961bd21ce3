/* Rectified linear unit with an optional upper bound, forward. */
#include "layers/common.h"
#include <float.h>

static mbn_status infer_shape(mbni_layer *layer)
{
    double max_value = layer->config.relu.max_value;
    layer->param_count = 0;
    if (!(max_value == 0 || (max_value >= FLT_MIN && max_value <= FLT_MAX)))
        return mbni_layer_error(layer, MBN_ERR_ARGUMENT,
                                "max_value is %g; allowed are 0 (no bound) and %g to %g", max_value, FLT_MIN,
                                FLT_MAX);
    layer->out = layer->in;
    return mbni_check_sizes(layer);
}

static mbn_status describe(mbni_layer *layer, mbni_fields *fields)
{
    return fields->real(fields, "max_value", &layer->config.relu.max_value);
}

static void forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    float low, high;
    mbni_relu_bounds(layer, &low, &high);
    mbni_pass_affine(pass, pass->batch * mbni_shape_count(&layer->out), 1, x, NULL, NULL, low, high, y);
}

const mbni_layer_ops mbni_relu_ops = {
    .type = "re_lu",
    .class_name = "ReLU",
    .flags = MBNI_LAYER_IN_PLACE | MBNI_LAYER_NEEDS_Y,
    .infer_shape = infer_shape,
    .describe = describe,
    .forward = forward,
};
