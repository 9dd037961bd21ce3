/* SeparableConv2D, backward: the middle map is computed again, group by group, and its gradient takes its
 * place. */
#include "layers/common.h"

static void group_backward(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *w,
                           int64_t pictures, int accumulate, const float *x, const float *d_y, float *d_x,
                           float *middle, float *partials)
{
    const mbni_param *depthwise = &layer->params[0], *pointwise = &layer->params[1];
    int64_t c_middle = w->channels * w->multiplier, c_out = layer->config.separable_conv2d.filters;
    int64_t rows = pictures * w->out_h * w->out_w;
    if (pointwise->grad) {
        mbni_depthwise_forward(layer, pass, w, pictures, x, NULL, NULL, middle);
        mbni_pass_kernel_gradient(pass, rows, c_out, c_middle, middle, d_y, accumulate, NULL,
                                  pointwise->grad);
    }
    if (!depthwise->grad && !d_x)
        return;
    mbni_pass_input_gradient(pass, rows, c_out, c_middle, d_y, pointwise->value, middle);
    if (depthwise->grad)
        mbni_depthwise_kernel_gradient(layer, pass, w, pictures, x, middle, partials);
    if (d_x)
        mbni_depthwise_input_gradient(layer, pass, w, pictures, middle, d_x);
}

static void backward(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                     const float *d_y, float *d_x)
{
    (void)y;
    mbni_window window = mbni_layer_sliding_window(layer, pass->padding);
    const mbni_param *depthwise = &layer->params[0];
    int64_t pixels = window.out_h * window.out_w, filters = layer->config.separable_conv2d.filters;
    int64_t middle_floats = pixels * window.channels * window.multiplier;
    int64_t group = mbni_group_pictures(pass->batch, middle_floats);
    int64_t in_floats = window.in_h * window.in_w * window.channels, parts = mbni_picture_partials(group);
    float *partials = pass->workspace, *middle = partials + parts * depthwise->count;
    if (layer->config.separable_conv2d.use_bias && layer->params[2].grad)
        mbni_pass_sum_rows(pass, pass->batch * pixels, filters, d_y, layer->params[2].grad);
    memset(partials, 0, (size_t)(parts * depthwise->count) * sizeof(float));
    for (int64_t first = 0; first < pass->batch; first += group)
        group_backward(layer, pass, &window, mbni_clamp(pass->batch - first, 1, group), first > 0,
                       x + first * in_floats, d_y + first * pixels * filters,
                       d_x ? d_x + first * in_floats : NULL, middle, partials);
    if (depthwise->grad)
        mbni_sum_partials(pass, parts, depthwise->count, partials, depthwise->grad);
}

const mbni_layer_gradient_ops mbni_separable_conv2d_gradient = {&mbni_separable_conv2d_ops, backward};
