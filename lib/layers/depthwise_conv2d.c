/* Depthwise convolution, forward: every channel by itself. */
#include "layers/common.h"
#include <math.h>

static void defaults(mbni_layer *layer)
{
    layer->config.depthwise_conv2d = (mbn_depthwise_conv2d_options){.kernel_height = 3,
                                                                    .kernel_width = 3,
                                                                    .stride_height = 1,
                                                                    .stride_width = 1,
                                                                    .use_bias = 1,
                                                                    .depth_multiplier = 1};
}

static mbni_window_options window_options(const mbni_layer *layer)
{
    const mbn_depthwise_conv2d_options *o = &layer->config.depthwise_conv2d;
    return (mbni_window_options){
        "kernel", 64, o->kernel_height, o->kernel_width, o->stride_height, o->stride_width, o->padding};
}

mbni_window mbni_depthwise_window(const mbni_layer *layer)
{
    mbni_window_options options = window_options(layer);
    return mbni_layer_window(layer, &options, layer->config.depthwise_conv2d.depth_multiplier);
}

static mbn_status infer_shape(mbni_layer *layer)
{
    const mbn_depthwise_conv2d_options *o = &layer->config.depthwise_conv2d;
    mbni_window_options window = window_options(layer);
    layer->param_count = 0;
    MBNI_TRY(mbni_check_l2(layer, o->l2));
    MBNI_TRY(mbni_check_integer(layer, "use_bias", o->use_bias, 0, 1));
    MBNI_TRY(mbni_check_initializer(layer, o->initializer));
    MBNI_TRY(mbni_check_integer(layer, "depth_multiplier", o->depth_multiplier, 1, 1024));
    MBNI_TRY(mbni_check_spatial(layer));
    int64_t c_in = layer->in.dims[2], c_out = c_in * o->depth_multiplier;
    MBNI_TRY(mbni_check_window(layer, &window, c_out));
    const int64_t dims[4] = {o->kernel_height, o->kernel_width, c_in, o->depth_multiplier};
    mbni_layer_add_kernel(layer, "depthwise_kernel", dims, o->initializer, o->l2)->decays =
        MBNI_DECAYS_IF_ASKED;
    if (o->use_bias)
        mbni_layer_add_bias(layer, c_out);
    return mbni_check_sizes(layer);
}

static mbn_status describe(mbni_layer *layer, mbni_fields *fields)
{
    mbn_depthwise_conv2d_options *o = &layer->config.depthwise_conv2d;
    MBNI_TRY(fields->real(fields, "l2", &o->l2));
    MBNI_TRY(mbni_describe_int32(layer, fields, "kernel_height", &o->kernel_height));
    MBNI_TRY(mbni_describe_int32(layer, fields, "kernel_width", &o->kernel_width));
    MBNI_TRY(mbni_describe_int32(layer, fields, "stride_height", &o->stride_height));
    MBNI_TRY(mbni_describe_int32(layer, fields, "stride_width", &o->stride_width));
    MBNI_TRY(mbni_describe_int32(layer, fields, "padding", &o->padding));
    MBNI_TRY(mbni_describe_int32(layer, fields, "use_bias", &o->use_bias));
    MBNI_TRY(mbni_describe_int32(layer, fields, "initializer", &o->initializer));
    return mbni_describe_int32(layer, fields, "depth_multiplier", &o->depth_multiplier);
}

static int64_t multiply_adds(const mbni_layer *layer)
{
    mbni_window w = mbni_depthwise_window(layer);
    return mbni_shape_count(&layer->out) * w.kernel_h * w.kernel_w;
}

/* In training: partial sums of the kernel gradient, and of the bias gradient, at another time. */
static int64_t workspace_floats(const mbni_layer *layer, int64_t batch, int32_t training)
{
    if (!training)
        return 0;
    int64_t floats = mbni_picture_partials(batch) * layer->params[0].count;
    if (layer->config.depthwise_conv2d.use_bias) {
        int64_t rows = mbni_saturating_mul(batch, layer->out.dims[0] * layer->out.dims[1]);
        int64_t bias = mbni_bias_floats(rows, layer->out.dims[2]);
        floats = bias > floats ? bias : floats;
    }
    return floats;
}

static int64_t in_floats(const mbni_window *w)
{
    return w->in_h * w->in_w * w->channels;
}

static int64_t out_floats(const mbni_window *w)
{
    return w->out_h * w->out_w * w->channels * w->multiplier;
}

static void forward_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    const mbni_window *w = &work->window;
    const mbni_epilogue epilogue = {.shift = work->bias, .low = -INFINITY, .high = INFINITY};
    mbni_piece piece = mbni_work_piece(work, i);
    work->pass->kernels->depthwise(w, piece.pictures, work->x + piece.first * in_floats(w),
                                   work->layer->params[0].value, work->bias ? &epilogue : NULL,
                                   work->out + piece.first * out_floats(w), piece.row_begin, piece.row_end,
                                   piece.moments);
}

void mbni_depthwise_forward(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *window,
                            int64_t pictures, const float *x, const float *bias, mbni_moments *moments,
                            float *y)
{
    mbni_work work = {.layer = layer, .pass = pass, .window = *window, .x = x, .bias = bias, .out = y};
    work.channels = window->channels * window->multiplier;
    mbni_run_pieces(&work, pictures, moments, forward_task);
}

static void forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    mbni_window window = mbni_layer_sliding_window(layer, pass->padding);
    const float *bias = layer->config.depthwise_conv2d.use_bias ? layer->params[1].value : NULL;
    mbni_depthwise_forward(layer, pass, &window, pass->batch, x, bias, pass->moments, y);
}

const mbni_layer_ops mbni_depthwise_conv2d_ops = {
    .type = "depthwise_conv2d",
    .class_name = "DepthwiseConv2D",
    .flags = MBNI_LAYER_NEEDS_X | MBNI_LAYER_TAKES_PADDING,
    .defaults = defaults,
    .infer_shape = infer_shape,
    .describe = describe,
    .multiply_adds = multiply_adds,
    .workspace_floats = workspace_floats,
    .forward = forward,
};
