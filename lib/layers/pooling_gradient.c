/* Poolings, backward: a mean shares its gradient out, a maximum gives it to the first pixel that has it. */
#include "layers/common.h"

static void window_task(void *data, int64_t picture)
{
    const mbni_work *work = data;
    const mbni_window *w = &work->window;
    work->pass->train_kernels->average_pool_gradient(w,
                                                     work->d_y + picture * w->out_h * w->out_w * w->channels,
                                                     work->out + picture * w->in_h * w->in_w * w->channels);
}

static void window_backward(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                            const float *d_y, float *d_x)
{
    (void)x, (void)y;
    mbni_work work = {.layer = layer, .pass = pass, .d_y = d_y, .out = d_x};
    work.window = mbni_average_pooling_window(layer);
    if (d_x)
        mbni_parallel(pass->context, pass->batch, window_task, &work);
}

static void average_task(void *data, int64_t picture)
{
    const mbni_work *work = data;
    int64_t channels = work->channels;
    work->pass->train_kernels->global_average_gradient(work->count, channels, work->d_y + picture * channels,
                                                       work->out + picture * work->count * channels);
}

static void max_task(void *data, int64_t picture)
{
    const mbni_work *work = data;
    int64_t channels = work->channels, first = picture * work->count * channels;
    work->pass->train_kernels->global_max_gradient(work->count, channels, work->x + first,
                                                   work->d_y + picture * channels, work->out + first);
}

static void global_backward(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                            const float *d_y, float *d_x)
{
    (void)y;
    mbni_work work = {.layer = layer, .pass = pass, .x = x, .d_y = d_y, .out = d_x};
    work.count = layer->in.dims[0] * layer->in.dims[1];
    work.channels = layer->in.dims[2];
    mbn_task_fn task = layer->ops == &mbni_global_max_pooling2d_ops ? max_task : average_task;
    if (d_x)
        mbni_parallel(pass->context, pass->batch, task, &work);
}

const mbni_layer_gradient_ops mbni_average_pooling2d_gradient = {&mbni_average_pooling2d_ops,
                                                                 window_backward};
const mbni_layer_gradient_ops mbni_global_average_pooling2d_gradient = {&mbni_global_average_pooling2d_ops,
                                                                        global_backward};
const mbni_layer_gradient_ops mbni_global_max_pooling2d_gradient = {&mbni_global_max_pooling2d_ops,
                                                                    global_backward};
