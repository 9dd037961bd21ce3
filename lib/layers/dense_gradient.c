/* Fully connected layer, backward: d_kernel = x^T d_y, d_x = d_y kernel^T. */
#include "layers/common.h"

static void backward(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                     const float *d_y, float *d_x)
{
    (void)y;
    const mbni_param *kernel = &layer->params[0];
    int64_t k = kernel->shape.dims[0], units = layer->config.dense.units;
    int64_t rows = pass->batch * (mbni_shape_count(&layer->in) / k);
    if (layer->config.dense.use_bias && layer->params[1].grad)
        mbni_pass_sum_rows(pass, rows, units, d_y, layer->params[1].grad);
    if (kernel->grad)
        mbni_pass_kernel_gradient(pass, rows, units, k, x, d_y, 0, NULL, kernel->grad);
    if (d_x)
        mbni_pass_input_gradient(pass, rows, units, k, d_y, kernel->value, d_x);
}

const mbni_layer_gradient_ops mbni_dense_gradient = {&mbni_dense_ops, backward};
