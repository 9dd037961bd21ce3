/* XNNPACK, through its subgraphs; of 2022 (Debian's libxnnpack-dev) or later. Its static weights live as long
 * as what it packs from them. It has no version of its own: PEER_VERSION is whatever who compiles knows. */
#include <pthreadpool.h>
#include <xnnpack.h>
#include "infer.h"

static xnn_subgraph_t subgraph;
static xnn_runtime_t runtime;

static uint32_t tensor(size_t dims, const size_t *shape, const void *data, uint32_t external, uint32_t flags)
{
    uint32_t id;
    infer_check(xnn_define_tensor_value(subgraph, xnn_datatype_fp32, dims, shape, data, external, flags, &id),
                "defining a tensor");
    return id;
}

static uint32_t inner(const infer_work *w, int64_t size, int64_t c)
{
    const size_t shape[] = {(size_t)w->batch, (size_t)size, (size_t)size, (size_t)c};
    return tensor(4, shape, NULL, XNN_INVALID_VALUE_ID, 0);
}

static uint32_t convolution(const infer_work *w, const infer_layer *l, uint32_t x)
{
    const size_t c = (size_t)l->c_out, k = (size_t)l->kernel, ci = (size_t)(l->c_in / l->groups);
    const size_t dense[] = {c, k, k, ci}, depthwise[] = {1, k, k, c};
    const int deep = l->groups > 1;
    const uint32_t kernel = (uint32_t)k, s = (uint32_t)l->stride, after = (uint32_t)l->pad,
                   before = s == 1 ? after : 0;
    const uint32_t weights = tensor(4, deep ? depthwise : dense,
                                    infer_weights(l, deep ? INFER_HWO : INFER_OHWI), XNN_INVALID_VALUE_ID, 0),
                   bias = tensor(1, &c, infer_bias(l), XNN_INVALID_VALUE_ID, 0),
                   y = inner(w, l->out, l->c_out);
    infer_check(deep ? xnn_define_depthwise_convolution_2d(subgraph, before, after, after, before, kernel,
                                                           kernel, s, s, 1, 1, 1, c, 0, 6, x, weights, bias,
                                                           y, 0)
                     : xnn_define_convolution_2d(subgraph, before, after, after, before, kernel, kernel, s, s,
                                                 1, 1, 1, ci, c, 0, 6, x, weights, bias, y, 0),
                "defining a convolution");
    return y;
}

/* Mean, classifier, softmax. */
static void head(const infer_work *w, uint32_t x)
{
    const infer_layer *l = &w->layers[INFER_LAYERS - 1];
    const size_t c = (size_t)l->c_out, shape[] = {c, (size_t)l->c_in}, out[] = {(size_t)w->batch, 1, 1, c};
    const uint32_t mean = inner(w, 1, l->c_in), logits = inner(w, 1, l->c_out),
                   weights = tensor(2, shape, infer_weights(l, INFER_OIHW), XNN_INVALID_VALUE_ID, 0),
                   bias = tensor(1, &c, infer_bias(l), XNN_INVALID_VALUE_ID, 0),
                   y = tensor(4, out, NULL, 1, XNN_VALUE_FLAG_EXTERNAL_OUTPUT);
    infer_check(xnn_define_global_average_pooling_2d(subgraph, -INFINITY, INFINITY, x, mean, 0),
                "defining a mean");
    infer_check(xnn_define_fully_connected(subgraph, -INFINITY, INFINITY, mean, weights, bias, logits, 0),
                "defining the classifier");
    infer_check(xnn_define_softmax(subgraph, logits, y, 0), "defining softmax");
}

static void load(infer_work *w)
{
    const size_t shape[] = {(size_t)w->batch, (size_t)w->size, (size_t)w->size, 3};
    const struct xnn_external_value externals[] = {{0, w->input}, {1, w->output}};
    infer_check(xnn_initialize(NULL), "starting");
    infer_check(xnn_create_subgraph(2, 0, &subgraph), "making a subgraph");
    uint32_t x = tensor(4, shape, NULL, 0, XNN_VALUE_FLAG_EXTERNAL_INPUT);
    for (int i = 0; i + 1 < INFER_LAYERS; i++)
        x = convolution(w, &w->layers[i], x);
    head(w, x);
    pthreadpool_t pool = w->threads > 1 ? pthreadpool_create((size_t)w->threads) : NULL;
    infer_check(xnn_create_runtime_v2(subgraph, pool, 0, &runtime), "making a runtime");
    infer_check(xnn_setup_runtime(runtime, 2, externals), "setting the runtime up");
}

static void run(const infer_work *w)
{
    (void)w;
    infer_check(xnn_invoke_runtime(runtime), "running");
}

static const char *version(void)
{
    return PEER_VERSION;
}

int main(int argc, char **argv)
{
    static const infer_peer XNNPACK = {"XNNPACK", version, 0, load, run};
    return infer_main(argc, argv, &XNNPACK);
}
