/* The registry of backward halves, apart from layer.c so that a program that only predicts does not link
 * them. */
#include "layers/common.h"

static const mbni_layer_gradient_ops *const registry[] = {
    &mbni_conv2d_gradient,
    &mbni_depthwise_conv2d_gradient,
    &mbni_separable_conv2d_gradient,
    &mbni_batch_norm_gradient,
    &mbni_relu_gradient,
    &mbni_zero_padding2d_gradient,
    &mbni_average_pooling2d_gradient,
    &mbni_global_average_pooling2d_gradient,
    &mbni_global_max_pooling2d_gradient,
    &mbni_dropout_gradient,
    &mbni_dense_gradient,
    &mbni_softmax_gradient,
};

const mbni_layer_gradient_ops *mbni_layer_gradient_ops_find(const mbni_layer_ops *ops)
{
    for (size_t i = 0; i < sizeof registry / sizeof *registry; i++)
        if (registry[i]->ops == ops)
            return registry[i];
    return NULL;
}
