/* Rectified linear unit, backward: from the output, so that the input need not be kept. */
#include "layers/common.h"

static void backward_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    work->pass->train_kernels->relu_gradient(end - begin, (float)work->layer->config.relu.max_value,
                                             work->y + begin, work->d_y + begin, work->out + begin);
}

static void backward(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                     const float *d_y, float *d_x)
{
    (void)x;
    if (!d_x)
        return;
    mbni_work work = {.layer = layer, .pass = pass, .y = y, .d_y = d_y, .out = d_x};
    work.count = pass->batch * mbni_shape_count(&layer->out);
    work.parts = mbni_row_parts(work.count, 1);
    mbni_parallel(pass->context, work.parts, backward_task, &work);
}

const mbni_layer_gradient_ops mbni_relu_gradient = {&mbni_relu_ops, backward};
