/* Zeros around a feature map, forward and backward: the gradient is the part inside. */
#include "layers/common.h"

enum { LIMIT = 1024 };

static void defaults(mbni_layer *layer)
{
    layer->config.zero_padding2d = (mbn_zero_padding2d_options){.top = 1, .bottom = 1, .left = 1, .right = 1};
}

static mbn_status infer_shape(mbni_layer *layer)
{
    const mbn_zero_padding2d_options *o = &layer->config.zero_padding2d;
    layer->param_count = 0;
    MBNI_TRY(mbni_check_integer(layer, "top", o->top, 0, LIMIT));
    MBNI_TRY(mbni_check_integer(layer, "bottom", o->bottom, 0, LIMIT));
    MBNI_TRY(mbni_check_integer(layer, "left", o->left, 0, LIMIT));
    MBNI_TRY(mbni_check_integer(layer, "right", o->right, 0, LIMIT));
    MBNI_TRY(mbni_check_spatial(layer));
    layer->out = layer->in;
    layer->out.dims[0] += o->top + o->bottom;
    layer->out.dims[1] += o->left + o->right;
    return mbni_check_sizes(layer);
}

static mbn_status describe(mbni_layer *layer, mbni_fields *fields)
{
    mbn_zero_padding2d_options *o = &layer->config.zero_padding2d;
    MBNI_TRY(mbni_describe_int32(layer, fields, "top", &o->top));
    MBNI_TRY(mbni_describe_int32(layer, fields, "bottom", &o->bottom));
    MBNI_TRY(mbni_describe_int32(layer, fields, "left", &o->left));
    return mbni_describe_int32(layer, fields, "right", &o->right);
}

static void zeros(float *y, int64_t count)
{
    memset(y, 0, (size_t)count * sizeof *y);
}

static void forward_task(void *data, int64_t picture)
{
    const mbni_work *work = data;
    const mbni_layer *layer = work->layer;
    const mbn_zero_padding2d_options *o = &layer->config.zero_padding2d;
    int64_t in_h = layer->in.dims[0], channels = layer->in.dims[2], out_row = layer->out.dims[1] * channels;
    int64_t in_row = layer->in.dims[1] * channels, left = o->left * channels, right = o->right * channels;
    const float *x = work->x + picture * in_h * in_row;
    float *y = work->out + picture * layer->out.dims[0] * out_row;
    zeros(y, o->top * out_row);
    y += o->top * out_row;
    for (int64_t h = 0; h < in_h; h++, y += out_row) {
        zeros(y, left);
        memcpy(y + left, x + h * in_row, (size_t)in_row * sizeof *y);
        zeros(y + left + in_row, right);
    }
    zeros(y, o->bottom * out_row);
}

static void forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    mbni_work work = {.layer = layer, .pass = pass, .x = x, .out = y};
    mbni_parallel(pass->context, pass->batch, forward_task, &work);
}

const mbni_layer_ops mbni_zero_padding2d_ops = {
    .type = "zero_padding2d",
    .class_name = "ZeroPadding2D",
    .defaults = defaults,
    .infer_shape = infer_shape,
    .describe = describe,
    .forward = forward,
};

static void backward_task(void *data, int64_t picture)
{
    const mbni_work *work = data;
    const mbni_layer *layer = work->layer;
    const mbn_zero_padding2d_options *o = &layer->config.zero_padding2d;
    int64_t in_h = layer->in.dims[0], channels = layer->in.dims[2];
    int64_t in_row = layer->in.dims[1] * channels, out_row = layer->out.dims[1] * channels;
    const float *d_y =
        work->d_y + picture * layer->out.dims[0] * out_row + o->top * out_row + o->left * channels;
    float *d_x = work->out + picture * in_h * in_row;
    for (int64_t h = 0; h < in_h; h++)
        memcpy(d_x + h * in_row, d_y + h * out_row, (size_t)in_row * sizeof *d_x);
}

static void backward(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                     const float *d_y, float *d_x)
{
    (void)x, (void)y;
    mbni_work work = {.layer = layer, .pass = pass, .d_y = d_y, .out = d_x};
    if (d_x)
        mbni_parallel(pass->context, pass->batch, backward_task, &work);
}

const mbni_layer_gradient_ops mbni_zero_padding2d_gradient = {&mbni_zero_padding2d_ops, backward};
