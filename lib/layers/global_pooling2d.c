/* Mean and maximum over all pixels of a picture, forward. */
#include "layers/common.h"

static mbn_status infer_shape(mbni_layer *layer)
{
    layer->param_count = 0;
    MBNI_TRY(mbni_check_spatial(layer));
    layer->out = (mbni_shape){.rank = 1, .dims = {layer->in.dims[2]}};
    return mbni_check_sizes(layer);
}

static void average_task(void *data, int64_t picture)
{
    const mbni_work *work = data;
    int64_t channels = work->channels;
    work->pass->kernels->global_average(work->count, channels, work->x + picture * work->count * channels,
                                        work->out + picture * channels);
}

static void max_task(void *data, int64_t picture)
{
    const mbni_work *work = data;
    int64_t channels = work->channels;
    work->pass->kernels->global_max(work->count, channels, work->x + picture * work->count * channels,
                                    work->out + picture * channels);
}

static void forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    mbni_work work = {.layer = layer, .pass = pass, .x = x, .out = y};
    work.count = layer->in.dims[0] * layer->in.dims[1];
    work.channels = layer->in.dims[2];
    mbn_task_fn task = layer->ops == &mbni_global_max_pooling2d_ops ? max_task : average_task;
    mbni_parallel(pass->context, pass->batch, task, &work);
}

const mbni_layer_ops mbni_global_average_pooling2d_ops = {
    .type = "global_average_pooling2d",
    .class_name = "GlobalAveragePooling2D",
    .infer_shape = infer_shape,
    .forward = forward,
};

const mbni_layer_ops mbni_global_max_pooling2d_ops = {
    .type = "global_max_pooling2d",
    .class_name = "GlobalMaxPooling2D",
    .flags = MBNI_LAYER_NEEDS_X,
    .infer_shape = infer_shape,
    .forward = forward,
};
