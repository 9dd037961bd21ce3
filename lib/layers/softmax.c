/* Softmax over the last axis, forward. */
#include "layers/common.h"

static mbn_status infer_shape(mbni_layer *layer)
{
    layer->param_count = 0;
    layer->out = layer->in;
    return mbni_check_sizes(layer);
}

static void forward_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    int64_t n = work->channels;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    work->pass->kernels->softmax(end - begin, n, work->x + begin * n, work->out + begin * n);
}

static void forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    mbni_work work = {.layer = layer, .pass = pass, .x = x, .out = y};
    work.channels = layer->out.dims[layer->out.rank - 1];
    work.count = pass->batch * (mbni_shape_count(&layer->out) / work.channels);
    work.parts = mbni_row_parts(work.count, work.channels);
    mbni_parallel(pass->context, work.parts, forward_task, &work);
}

const mbni_layer_ops mbni_softmax_ops = {
    .type = "softmax",
    .class_name = "Softmax",
    .flags = MBNI_LAYER_IN_PLACE | MBNI_LAYER_NEEDS_Y,
    .infer_shape = infer_shape,
    .forward = forward,
};
