/* Convolution, backward: d_kernel straight from the pictures when these have few channels, else columns^T
 * d_y; d_columns = d_y kernel^T scattered back to d_x. The columns are made again rather than kept: keeping
 * them would cost kernel_h * kernel_w times the memory of the input. */
#include "layers/common.h"

static void scatter_task(void *data, int64_t picture)
{
    const mbni_work *work = data;
    const mbni_window *w = &work->window;
    int64_t columns = w->out_h * w->out_w * w->kernel_h * w->kernel_w * w->channels;
    work->pass->train_kernels->col2im(w, work->x + picture * columns,
                                      work->out + picture * w->in_h * w->in_w * w->channels);
}

static void pointwise_backward(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *w,
                               const float *x, const float *d_y, float *d_x)
{
    const mbni_param *kernel = &layer->params[0];
    int64_t rows = pass->batch * w->out_h * w->out_w, c_in = w->channels,
            c_out = layer->config.conv2d.filters;
    if (kernel->grad)
        mbni_pass_kernel_gradient(pass, rows, c_out, c_in, x, d_y, 0, pass->workspace, kernel->grad);
    if (d_x)
        mbni_pass_input_gradient(pass, rows, c_out, c_in, d_y, kernel->value, d_x);
}

static void direct_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    const mbni_window *w = &work->window;
    int64_t first = mbni_part_begin(work->count, work->parts, i);
    int64_t pictures = mbni_part_begin(work->count, work->parts, i + 1) - first;
    int64_t floats = work->layer->params[0].count;
    float *partial = work->partials + i * floats;
    memset(partial, 0, (size_t)floats * sizeof *partial);
    work->pass->train_kernels->conv2d_kernel_gradient(
        w, work->channels, pictures, work->x + first * w->in_h * w->in_w * w->channels,
        work->d_y + first * w->out_h * w->out_w * work->channels, partial);
}

static void direct_kernel_gradient(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *w,
                                   const float *x, const float *d_y)
{
    const mbni_param *kernel = &layer->params[0];
    mbni_work work = {.layer = layer, .pass = pass, .window = *w, .x = x, .d_y = d_y};
    work.channels = layer->config.conv2d.filters;
    work.count = pass->batch;
    work.parts = mbni_picture_partials(pass->batch);
    work.partials = pass->workspace;
    mbni_parallel(pass->context, work.parts, direct_task, &work);
    mbni_sum_partials(pass, work.parts, kernel->count, work.partials, kernel->grad);
}

/* By columns. grad: of the kernel, or NULL. A group's part of x is read before its part of d_x is written. */
static void columns_backward(const mbni_layer *layer, const mbni_pass *pass, const mbni_window *w,
                             const float *x, const float *d_y, float *grad, float *d_x)
{
    int64_t pixels = w->out_h * w->out_w, c_out = layer->config.conv2d.filters;
    int64_t volume = w->kernel_h * w->kernel_w * w->channels;
    int64_t picture_floats = w->in_h * w->in_w * w->channels;
    int64_t group = mbni_group_pictures(pass->batch, pixels * volume);
    float *columns = pass->workspace;
    for (int64_t first = 0; first < pass->batch; first += group) {
        int64_t pictures = mbni_clamp(pass->batch - first, 1, group), rows = pictures * pixels;
        const float *d_y_group = d_y + first * pixels * c_out;
        if (grad) {
            mbni_conv2d_columns(layer, pass, w, pictures, x + first * picture_floats, columns);
            mbni_pass_kernel_gradient(pass, rows, c_out, volume, columns, d_y_group, first > 0, NULL, grad);
        }
        if (d_x) {
            mbni_pass_input_gradient(pass, rows, c_out, volume, d_y_group, layer->params[0].value, columns);
            mbni_work work = {.pass = pass, .window = *w, .x = columns, .out = d_x + first * picture_floats};
            mbni_parallel(pass->context, pictures, scatter_task, &work);
        }
    }
}

static void backward(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                     const float *d_y, float *d_x)
{
    (void)y;
    mbni_window window = mbni_layer_sliding_window(layer, pass->padding);
    int64_t filters = layer->config.conv2d.filters;
    float *grad = layer->params[0].grad;
    if (layer->config.conv2d.use_bias && layer->params[1].grad)
        mbni_pass_sum_rows(pass, pass->batch * window.out_h * window.out_w, filters, d_y,
                           layer->params[1].grad);
    if (mbni_conv2d_is_pointwise(&window)) {
        pointwise_backward(layer, pass, &window, x, d_y, d_x);
        return;
    }
    if (grad && mbni_conv2d_is_direct(&window, filters)) {
        direct_kernel_gradient(layer, pass, &window, x, d_y);
        grad = NULL; /* done */
    }
    if (grad || d_x)
        columns_backward(layer, pass, &window, x, d_y, grad, d_x);
}

const mbni_layer_gradient_ops mbni_conv2d_gradient = {&mbni_conv2d_ops, backward};
