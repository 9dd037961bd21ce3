/* Mean over windows; positions outside the picture are left out of the mean, as TensorFlow does. */
#include "layers/common.h"

static void defaults(mbni_layer *layer)
{
    layer->config.average_pooling2d = (mbn_average_pooling2d_options){.pool_height = 2, .pool_width = 2};
}

static mbni_window_options window_options(const mbni_layer *layer)
{
    const mbn_average_pooling2d_options *o = &layer->config.average_pooling2d;
    int32_t stride_height = o->stride_height == 0 ? o->pool_height : o->stride_height;
    int32_t stride_width = o->stride_width == 0 ? o->pool_width : o->stride_width;
    return (mbni_window_options){"pool",        65536,        o->pool_height, o->pool_width,
                                 stride_height, stride_width, o->padding};
}

mbni_window mbni_average_pooling_window(const mbni_layer *layer)
{
    mbni_window_options options = window_options(layer);
    return mbni_layer_window(layer, &options, 1);
}

static mbn_status infer_shape(mbni_layer *layer)
{
    mbni_window_options window = window_options(layer);
    layer->param_count = 0;
    MBNI_TRY(mbni_check_integer(layer, "reserved", layer->config.average_pooling2d.reserved, 0, 0));
    MBNI_TRY(mbni_check_spatial(layer));
    MBNI_TRY(mbni_check_window(layer, &window, layer->in.dims[2]));
    return mbni_check_sizes(layer);
}

static mbn_status describe(mbni_layer *layer, mbni_fields *fields)
{
    mbn_average_pooling2d_options *o = &layer->config.average_pooling2d;
    MBNI_TRY(mbni_describe_int32(layer, fields, "pool_height", &o->pool_height));
    MBNI_TRY(mbni_describe_int32(layer, fields, "pool_width", &o->pool_width));
    MBNI_TRY(mbni_describe_int32(layer, fields, "stride_height", &o->stride_height));
    MBNI_TRY(mbni_describe_int32(layer, fields, "stride_width", &o->stride_width));
    return mbni_describe_int32(layer, fields, "padding", &o->padding);
}

static void forward_task(void *data, int64_t picture)
{
    const mbni_work *work = data;
    const mbni_window *w = &work->window;
    work->pass->kernels->average_pool(w, work->x + picture * w->in_h * w->in_w * w->channels,
                                      work->out + picture * w->out_h * w->out_w * w->channels, 0, w->out_h);
}

static void forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    mbni_work work = {.layer = layer, .pass = pass, .x = x, .out = y};
    work.window = mbni_average_pooling_window(layer);
    mbni_parallel(pass->context, pass->batch, forward_task, &work);
}

const mbni_layer_ops mbni_average_pooling2d_ops = {
    .type = "average_pooling2d",
    .class_name = "AveragePooling2D",
    .defaults = defaults,
    .infer_shape = infer_shape,
    .describe = describe,
    .forward = forward,
};
