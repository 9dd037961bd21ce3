/* Keras' SeparableConv2D, forward: a depthwise convolution into the workspace, some pictures at a time, then
 * a 1 x 1 convolution. The map between them is never kept. */
#include "layers/common.h"

static void defaults(mbni_layer *layer)
{
    layer->config.separable_conv2d = (mbn_separable_conv2d_options){.kernel_height = 3,
                                                                    .kernel_width = 3,
                                                                    .stride_height = 1,
                                                                    .stride_width = 1,
                                                                    .use_bias = 1,
                                                                    .depth_multiplier = 1};
}

static mbni_window_options window_options(const mbni_layer *layer)
{
    const mbn_separable_conv2d_options *o = &layer->config.separable_conv2d;
    return (mbni_window_options){
        "kernel", 64, o->kernel_height, o->kernel_width, o->stride_height, o->stride_width, o->padding};
}

mbni_window mbni_separable_window(const mbni_layer *layer)
{
    mbni_window_options options = window_options(layer);
    return mbni_layer_window(layer, &options, layer->config.separable_conv2d.depth_multiplier);
}

static mbn_status infer_shape(mbni_layer *layer)
{
    const mbn_separable_conv2d_options *o = &layer->config.separable_conv2d;
    mbni_window_options window = window_options(layer);
    layer->param_count = 0;
    MBNI_TRY(mbni_check_l2(layer, o->l2));
    MBNI_TRY(mbni_check_integer(layer, "filters", o->filters, 1, MBNI_LAYER_MAX_CHANNELS));
    MBNI_TRY(mbni_check_integer(layer, "use_bias", o->use_bias, 0, 1));
    MBNI_TRY(mbni_check_initializer(layer, o->initializer));
    MBNI_TRY(mbni_check_integer(layer, "depth_multiplier", o->depth_multiplier, 1, 1024));
    MBNI_TRY(mbni_check_window(layer, &window, o->filters));
    int64_t c_in = layer->in.dims[2], c_middle = c_in * o->depth_multiplier;
    const int64_t depthwise[4] = {o->kernel_height, o->kernel_width, c_in, o->depth_multiplier};
    const int64_t pointwise[4] = {1, 1, c_middle, o->filters};
    mbni_layer_add_kernel(layer, "depthwise_kernel", depthwise, o->initializer, o->l2)->decays =
        MBNI_DECAYS_IF_ASKED;
    mbni_layer_add_kernel(layer, "pointwise_kernel", pointwise, o->initializer, o->l2);
    if (o->use_bias)
        mbni_layer_add_bias(layer, o->filters);
    MBNI_TRY(mbni_check_sizes(layer));
    int64_t middle, products;
    if (!mbni_mul(layer->out.dims[0] * layer->out.dims[1], c_middle, &middle) ||
        middle > MBNI_LAYER_MAX_COUNT || !mbni_mul(middle, o->filters + 4096, &products))
        return mbni_layer_error(layer, MBN_ERR_MEMORY,
                                "the map between its two parts has more than 2^40 numbers");
    return MBN_OK;
}

static mbn_status describe(mbni_layer *layer, mbni_fields *fields)
{
    mbn_separable_conv2d_options *o = &layer->config.separable_conv2d;
    MBNI_TRY(fields->real(fields, "l2", &o->l2));
    MBNI_TRY(fields->integer(fields, "filters", &o->filters));
    MBNI_TRY(mbni_describe_int32(layer, fields, "kernel_height", &o->kernel_height));
    MBNI_TRY(mbni_describe_int32(layer, fields, "kernel_width", &o->kernel_width));
    MBNI_TRY(mbni_describe_int32(layer, fields, "stride_height", &o->stride_height));
    MBNI_TRY(mbni_describe_int32(layer, fields, "stride_width", &o->stride_width));
    MBNI_TRY(mbni_describe_int32(layer, fields, "padding", &o->padding));
    MBNI_TRY(mbni_describe_int32(layer, fields, "use_bias", &o->use_bias));
    MBNI_TRY(mbni_describe_int32(layer, fields, "initializer", &o->initializer));
    return mbni_describe_int32(layer, fields, "depth_multiplier", &o->depth_multiplier);
}

static int64_t middle_floats(const mbni_window *w)
{
    return w->out_h * w->out_w * w->channels * w->multiplier;
}

static int64_t multiply_adds(const mbni_layer *layer)
{
    mbni_window w = mbni_separable_window(layer);
    return middle_floats(&w) * (w.kernel_h * w.kernel_w + layer->config.separable_conv2d.filters);
}

/* The middle map of a group of pictures, and in training beside it the partial sums of the depthwise kernel's
 * gradient; the bias gradient's partial sums at another time. */
static int64_t workspace_floats(const mbni_layer *layer, int64_t batch, int32_t training)
{
    mbni_window w = mbni_separable_window(layer);
    int64_t picture = middle_floats(&w);
    int64_t floats = mbni_saturating_mul(mbni_group_pictures(batch, picture), picture);
    if (!training)
        return floats;
    floats += MBNI_PICTURE_PARTIALS * layer->params[0].count;
    int64_t rows = mbni_saturating_mul(batch, w.out_h * w.out_w);
    int64_t bias = mbni_bias_floats(rows, layer->config.separable_conv2d.filters);
    return bias > floats ? bias : floats;
}

static void forward(const mbni_layer *layer, const mbni_pass *pass, const float *x, float *y)
{
    mbni_window window = mbni_layer_sliding_window(layer, pass->padding);
    int64_t c_middle = window.channels * window.multiplier, filters = layer->config.separable_conv2d.filters;
    int64_t pixels = window.out_h * window.out_w,
            picture_floats = window.in_h * window.in_w * window.channels;
    int64_t group = mbni_group_pictures(pass->batch, middle_floats(&window));
    const float *bias = layer->config.separable_conv2d.use_bias ? layer->params[2].value : NULL;
    for (int64_t first = 0; first < pass->batch; first += group) {
        int64_t pictures = mbni_clamp(pass->batch - first, 1, group);
        mbni_depthwise_forward(layer, pass, &window, pictures, x + first * picture_floats, NULL, NULL,
                               pass->workspace);
        mbni_pass_product(pass, pictures * pixels, filters, c_middle, pass->workspace, layer->params[1].value,
                          bias, y + first * pixels * filters);
    }
    if (pass->moments && group < pass->batch)
        pass->moments->parts = 0; /* they are of the last group alone */
}

const mbni_layer_ops mbni_separable_conv2d_ops = {
    .type = "separable_conv2d",
    .class_name = "SeparableConv2D",
    .flags = MBNI_LAYER_NEEDS_X | MBNI_LAYER_TAKES_PADDING,
    .defaults = defaults,
    .infer_shape = infer_shape,
    .describe = describe,
    .multiply_adds = multiply_adds,
    .workspace_floats = workspace_floats,
    .forward = forward,
};
