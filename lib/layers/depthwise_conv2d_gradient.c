/* Depthwise convolution, backward. The kernel gradient is a sum over pictures: a number of parts fixed by the
 * batch, each with a sum of its own, added in order. */
#include "layers/common.h"

static int64_t in_floats(const mbni_window *w)
{
    return w->in_h * w->in_w * w->channels;
}

static int64_t out_floats(const mbni_window *w)
{
    return w->out_h * w->out_w * w->channels * w->multiplier;
}

static void input_task(void *data, int64_t part)
{
    const mbni_work *work = data;
    const mbni_window *w = &work->window;
    int64_t first = mbni_part_begin(work->count, work->parts, part);
    int64_t pictures = mbni_part_begin(work->count, work->parts, part + 1) - first;
    work->pass->train_kernels->depthwise_input_gradient(w, pictures, work->d_y + first * out_floats(w),
                                                        work->layer->params[0].value,
                                                        work->out + first * in_floats(w));
}

void mbni_depthwise_input_gradient(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *window,
                                   int64_t pictures, const float *d_y, float *d_x)
{
    mbni_work work = {
        .layer = layer, .pass = pass, .window = *window, .count = pictures, .d_y = d_y, .out = d_x};
    work.parts = mbni_clamp(pictures, 1, MBNI_MOMENT_PARTS);
    mbni_parallel(pass->context, work.parts, input_task, &work);
}

static void kernel_task(void *data, int64_t part)
{
    const mbni_work *work = data;
    const mbni_window *w = &work->window;
    int64_t first = mbni_part_begin(work->count, work->parts, part);
    int64_t pictures = mbni_part_begin(work->count, work->parts, part + 1) - first;
    work->pass->train_kernels->depthwise_kernel_gradient(
        w, pictures, work->x + first * in_floats(w), work->d_y + first * out_floats(w),
        work->partials + part * work->layer->params[0].count);
}

void mbni_depthwise_kernel_gradient(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *window,
                                    int64_t pictures, const float *x, const float *d_y, float *partials)
{
    mbni_work work = {.layer = layer, .pass = pass, .window = *window, .count = pictures, .x = x, .d_y = d_y};
    work.parts = mbni_picture_partials(pictures);
    work.partials = partials;
    mbni_parallel(pass->context, work.parts, kernel_task, &work);
}

static void backward(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                     const float *d_y, float *d_x)
{
    (void)y;
    mbni_window window = mbni_layer_sliding_window(layer, pass->padding);
    const mbni_param *kernel = &layer->params[0];
    int64_t rows = pass->batch * window.out_h * window.out_w;
    if (layer->config.depthwise_conv2d.use_bias && layer->params[1].grad)
        mbni_pass_sum_rows(pass, rows, layer->out.dims[2], d_y, layer->params[1].grad);
    if (kernel->grad) {
        int64_t parts = mbni_picture_partials(pass->batch);
        memset(pass->workspace, 0, (size_t)(parts * kernel->count) * sizeof(float));
        mbni_depthwise_kernel_gradient(layer, pass, &window, pass->batch, x, d_y, pass->workspace);
        mbni_sum_partials(pass, parts, kernel->count, pass->workspace, kernel->grad);
    }
    if (d_x)
        mbni_depthwise_input_gradient(layer, pass, &window, pass->batch, d_y, d_x);
}

const mbni_layer_gradient_ops mbni_depthwise_conv2d_gradient = {&mbni_depthwise_conv2d_ops, backward};
