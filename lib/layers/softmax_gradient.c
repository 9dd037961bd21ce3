/* Softmax, backward, from its output. A softmax below the cross entropy is not run backward: the loss does
 * both. */
#include "layers/common.h"

static void backward_task(void *data, int64_t i)
{
    const mbni_work *work = data;
    int64_t n = work->channels;
    int64_t begin = mbni_part_begin(work->count, work->parts, i);
    int64_t end = mbni_part_begin(work->count, work->parts, i + 1);
    work->pass->train_kernels->softmax_gradient(end - begin, n, work->y + begin * n, work->d_y + begin * n,
                                                work->out + begin * n);
}

static void backward(const mbni_layer *layer, const mbni_pass *pass, const float *x, const float *y,
                     const float *d_y, float *d_x)
{
    (void)x;
    if (!d_x)
        return;
    mbni_work work = {.layer = layer, .pass = pass, .y = y, .d_y = d_y, .out = d_x};
    work.channels = layer->out.dims[layer->out.rank - 1];
    work.count = pass->batch * (mbni_shape_count(&layer->out) / work.channels);
    work.parts = mbni_row_parts(work.count, work.channels);
    mbni_parallel(pass->context, work.parts, backward_task, &work);
}

const mbni_layer_gradient_ops mbni_softmax_gradient = {&mbni_softmax_ops, backward};
