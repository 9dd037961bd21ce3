/* Dropout (Srivastava et al. 2014), scaled in training so that prediction is the identity. The mask comes
 * from the seed of the step and the position, so that the backward pass draws it again instead of keeping it.
 */
#include "layers/common.h"

static mbn_status infer_shape(mbni_layer *layer)
{
    double rate = layer->config.dropout.rate;
    layer->param_count = 0;
    if (!(rate >= 0 && rate <= 0.999999))
        return mbni_layer_error(layer, MBN_ERR_ARGUMENT, "rate is %g; allowed are 0 to 0.999999", rate);
    layer->out = layer->in;
    return mbni_check_sizes(layer);
}

static mbn_status describe(mbni_layer *layer, mbni_fields *fields)
{
    return fields->real(fields, "rate", &layer->config.dropout.rate);
}

static void mask_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    const mbni_pass *pass = work->pass;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    pass->train_kernels->dropout(end - begin, begin,
                                 mbni_random_hash(pass->seed, (uint64_t)work->layer->index),
                                 (float)work->layer->config.dropout.rate, work->x + begin, work->out + begin);
}

void mbni_dropout_apply(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    mbni_work work = {.layer = layer, .pass = pass, .x = x, .out = y};
    work.count = pass->batch * mbni_shape_count(&layer->out);
    work.parts = mbni_row_parts(work.count, 1);
    if (pass->training && layer->config.dropout.rate > 0)
        mbni_parallel(pass->context, work.parts, mask_task, &work);
    else if (y != x)
        memcpy(y, x, (size_t)work.count * sizeof *y);
}

const mbni_layer_ops mbni_dropout_ops = {
    .type = "dropout",
    .class_name = "Dropout",
    .flags = MBNI_LAYER_IN_PLACE,
    .infer_shape = infer_shape,
    .describe = describe,
    .forward = mbni_dropout_apply,
};

static void backward(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                     const float *d_y, float *d_x)
{
    (void)x, (void)y;
    if (d_x)
        mbni_dropout_apply(layer, pass, d_y, d_x);
}

const mbni_layer_gradient_ops mbni_dropout_gradient = {&mbni_dropout_ops, backward};
