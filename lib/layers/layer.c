/* The registry of layer types and what all layers share: parameters, sentences, initial values. */
#include "layers/common.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static const mbni_layer_ops *const registry[] = {
    &mbni_input_ops,
    &mbni_conv2d_ops,
    &mbni_depthwise_conv2d_ops,
    &mbni_separable_conv2d_ops,
    &mbni_batch_norm_ops,
    &mbni_relu_ops,
    &mbni_zero_padding2d_ops,
    &mbni_average_pooling2d_ops,
    &mbni_global_average_pooling2d_ops,
    &mbni_global_max_pooling2d_ops,
    &mbni_dropout_ops,
    &mbni_flatten_ops,
    &mbni_reshape_ops,
    &mbni_dense_ops,
    &mbni_softmax_ops,
};

const mbni_layer_ops *mbni_layer_ops_find(const char *type)
{
    for (size_t i = 0; type && i < sizeof registry / sizeof *registry; i++)
        if (strcmp(registry[i]->type, type) == 0)
            return registry[i];
    return NULL;
}

int64_t mbni_shape_count(const mbni_shape *shape)
{
    int64_t count = 1;
    for (int32_t i = 0; i < shape->rank; i++)
        count *= shape->dims[i];
    return count;
}

mbn_status mbni_layer_error(const mbni_layer *layer, mbn_status status, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return mbni_error(status, "%s '%s': %s", layer->ops->type, layer->name, text);
}

mbni_param *mbni_layer_add_param(mbni_layer *layer, const char *name, int32_t rank, const int64_t *dims,
                                 int32_t initializer, int64_t fan_in, int64_t fan_out)
{
    mbni_param *param = &layer->params[layer->param_count++];
    memset(param, 0, sizeof *param);
    param->name = name;
    param->shape.rank = rank;
    memcpy(param->shape.dims, dims, (size_t)rank * sizeof *dims);
    if (!mbni_product(rank, dims, &param->count))
        param->count = INT64_MAX; /* refused by mbni_check_sizes */
    param->trained = 1;
    param->initializer = initializer;
    param->fan_in = fan_in;
    param->fan_out = fan_out;
    return param;
}

int64_t mbni_conv_output(int64_t in, int64_t kernel, int64_t stride, int32_t padding, int64_t *pad_before)
{
    *pad_before = 0;
    if (in < 1 || kernel < 1 || stride < 1)
        return 0;
    if (padding == MBN_PADDING_VALID)
        return in < kernel ? 0 : (in - kernel) / stride + 1;
    int64_t out = (in - 1) / stride + 1;
    int64_t total = (out - 1) * stride + kernel - in;
    *pad_before = total > 0 ? total / 2 : 0;
    return out;
}

static void draw_uniform(mbni_param *param, mbni_random *random, double limit)
{
    for (int64_t i = 0; i < param->count; i++)
        param->value[i] = (float)((2.0 * mbni_random_double(random) - 1.0) * limit);
}

/* A normal distribution cut at two of its deviations has 0.8796256610342398 of its deviation left; Keras
 * divides by that, so that what remains after the cut is the deviation asked for. */
static void draw_normal(mbni_param *param, mbni_random *random, double deviation)
{
    double scale = deviation / 0.87962566103423978;
    for (int64_t i = 0; i < param->count; i++) {
        double value;
        do
            value = mbni_random_normal(random);
        while (!(fabs(value) <= 2.0));
        param->value[i] = (float)(value * scale);
    }
}

void mbni_layer_initialize(mbni_layer *layer, uint64_t seed)
{
    for (int32_t p = 0; p < layer->param_count; p++) {
        mbni_param *param = &layer->params[p];
        mbni_random random;
        mbni_random_seed(&random, seed, (uint64_t)layer->index * 8 + (uint64_t)p);
        double fan_in = (double)param->fan_in, fan_out = (double)param->fan_out;
        switch (param->initializer) {
        case MBN_INIT_GLOROT_UNIFORM:
            draw_uniform(param, &random, sqrt(6.0 / (fan_in + fan_out)));
            break;
        case MBN_INIT_HE_UNIFORM:
            draw_uniform(param, &random, sqrt(6.0 / fan_in));
            break;
        case MBN_INIT_HE_NORMAL:
            draw_normal(param, &random, sqrt(2.0 / fan_in));
            break;
        default:
            for (int64_t i = 0; i < param->count; i++)
                param->value[i] = param->initializer == MBNI_INIT_ONES ? 1.0f : 0.0f;
        }
    }
}

mbni_window mbni_layer_sliding_window(const mbni_layer *layer, const mbni_layer *padding)
{
    mbni_window w = layer->ops == &mbni_conv2d_ops             ? mbni_conv2d_window(layer)
                    : layer->ops == &mbni_depthwise_conv2d_ops ? mbni_depthwise_window(layer)
                    : layer->ops == &mbni_separable_conv2d_ops ? mbni_separable_window(layer)
                                                               : mbni_average_pooling_window(layer);
    if (padding) {
        const mbn_zero_padding2d_options *o = &padding->config.zero_padding2d;
        w.in_h -= o->top + o->bottom;
        w.in_w -= o->left + o->right;
        w.pad_top += o->top;
        w.pad_left += o->left;
    }
    return w;
}
