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

static void forward_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    work->pass->kernels->relu(end - begin, (float)work->layer->config.relu.max_value, work->x + begin,
                              work->out + begin);
}

static void forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    mbni_work work = {.layer = layer, .pass = pass, .x = x, .out = y};
    work.count = pass->batch * mbni_shape_count(&layer->out);
    work.parts = mbni_row_parts(work.count, 1);
    mbni_parallel(pass->context, work.parts, forward_task, &work);
}

const mbni_layer_ops mbni_relu_ops = {
    .type = "re_lu",
    .class_name = "ReLU",
    .flags = MBNI_LAYER_IN_PLACE | MBNI_LAYER_NEEDS_Y,
    .infer_shape = infer_shape,
    .describe = describe,
    .forward = forward,
};
