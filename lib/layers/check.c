/* Checks of options and sizes. The same checks stand before values of a program and values of a damaged or
 * hostile file. */
#include "layers/common.h"
#include "core/tensor.h"
#include <math.h>
#include <stdio.h>

mbn_status mbni_check_integer(const mbni_layer *layer, const char *option, int64_t value, int64_t low,
                              int64_t high)
{
    if (value >= low && value <= high)
        return MBN_OK;
    return mbni_layer_error(layer, MBN_ERR_ARGUMENT, "%s is %lld; allowed are %lld to %lld", option,
                            (long long)value, (long long)low, (long long)high);
}

mbn_status mbni_check_l2(const mbni_layer *layer, double l2)
{
    if (l2 >= 0 && l2 <= 1e30)
        return MBN_OK;
    return mbni_layer_error(layer, MBN_ERR_ARGUMENT, "l2 is %g; allowed are 0 to 1e30", l2);
}

mbn_status mbni_check_initializer(const mbni_layer *layer, int32_t initializer)
{
    return mbni_check_integer(layer, "initializer", initializer, MBN_INIT_GLOROT_UNIFORM, MBN_INIT_ZEROS);
}

mbn_status mbni_check_spatial(const mbni_layer *layer)
{
    if (layer->in.rank == 3)
        return MBN_OK;
    char text[MBNI_DIMS_TEXT];
    return mbni_layer_error(layer, MBN_ERR_SHAPE, "the input is %s; needed is [height, width, channels]",
                            mbni_dims_text(text, layer->in.rank, layer->in.dims));
}

mbn_status mbni_check_sizes(const mbni_layer *layer)
{
    char text[MBNI_DIMS_TEXT];
    int64_t count;
    if (!mbni_product(layer->out.rank, layer->out.dims, &count) || count > MBNI_LAYER_MAX_COUNT)
        return mbni_layer_error(layer, MBN_ERR_MEMORY, "the output is %s; allowed are up to 2^40 numbers",
                                mbni_dims_text(text, layer->out.rank, layer->out.dims));
    for (int32_t p = 0; p < layer->param_count; p++) {
        const mbni_param *param = &layer->params[p];
        if (param->count > MBNI_LAYER_MAX_COUNT)
            return mbni_layer_error(layer, MBN_ERR_MEMORY, "%s is %s; allowed are up to 2^40 numbers",
                                    param->name, mbni_dims_text(text, param->shape.rank, param->shape.dims));
    }
    return MBN_OK;
}

mbni_window mbni_layer_window(const mbni_layer *layer, const mbni_window_options *options, int64_t multiplier)
{
    mbni_window window = {.in_h = layer->in.dims[0],
                          .in_w = layer->in.dims[1],
                          .channels = layer->in.dims[2],
                          .kernel_h = options->height,
                          .kernel_w = options->width,
                          .stride_h = options->stride_height,
                          .stride_w = options->stride_width,
                          .multiplier = multiplier};
    window.out_h =
        mbni_conv_output(window.in_h, window.kernel_h, window.stride_h, options->padding, &window.pad_top);
    window.out_w =
        mbni_conv_output(window.in_w, window.kernel_w, window.stride_w, options->padding, &window.pad_left);
    return window;
}

static mbn_status check_side(const mbni_layer *layer, const mbni_window_options *options, const char *side,
                             int32_t kernel, int32_t stride)
{
    char option[32];
    snprintf(option, sizeof option, "%s_%s", options->what, side);
    MBNI_TRY(mbni_check_integer(layer, option, kernel, 1, options->limit));
    snprintf(option, sizeof option, "stride_%s", side);
    return mbni_check_integer(layer, option, stride, 1, options->limit);
}

mbn_status mbni_check_window(mbni_layer *layer, const mbni_window_options *options, int64_t channels)
{
    MBNI_TRY(check_side(layer, options, "height", options->height, options->stride_height));
    MBNI_TRY(check_side(layer, options, "width", options->width, options->stride_width));
    MBNI_TRY(mbni_check_integer(layer, "padding", options->padding, MBN_PADDING_VALID, MBN_PADDING_SAME));
    MBNI_TRY(mbni_check_spatial(layer));
    mbni_window window = mbni_layer_window(layer, options, 1);
    if (window.out_h < 1 || window.out_w < 1) {
        char text[MBNI_DIMS_TEXT];
        return mbni_layer_error(layer, MBN_ERR_SHAPE,
                                "the %s of %d x %d is larger than the input %s, which padding valid needs",
                                options->what, options->height, options->width,
                                mbni_dims_text(text, layer->in.rank, layer->in.dims));
    }
    layer->out = (mbni_shape){.rank = 3, .dims = {window.out_h, window.out_w, channels}};
    return MBN_OK;
}

mbn_status mbni_describe_int32(mbni_layer *layer, mbni_fields *fields, const char *name, int32_t *value)
{
    int64_t wide = *value;
    MBNI_TRY(fields->integer(fields, name, &wide));
    MBNI_TRY(mbni_check_integer(layer, name, wide, INT32_MIN, INT32_MAX));
    *value = (int32_t)wide;
    return MBN_OK;
}

mbni_param *mbni_layer_add_kernel(mbni_layer *layer, const char *name, const int64_t dims[4],
                                  int32_t initializer, double l2)
{
    int64_t field = dims[0] * dims[1];
    mbni_param *param =
        mbni_layer_add_param(layer, name, 4, dims, initializer, field * dims[2], field * dims[3]);
    param->l2 = l2;
    param->decays = MBNI_DECAYS_ALWAYS;
    return param;
}

void mbni_layer_add_bias(mbni_layer *layer, int64_t channels)
{
    mbni_layer_add_param(layer, "bias", 1, &channels, MBN_INIT_ZEROS, channels, channels);
}
