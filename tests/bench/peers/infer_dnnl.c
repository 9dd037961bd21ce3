/* oneDNN 2 (Debian 12's libdnnl-dev) through its C API: layouts of its own choice, ReLU6 fused, weights
 * brought into its layout and then freed. */
#include <dnnl.h>
#include <omp.h>
#include "infer.h"
#if DNNL_VERSION_MAJOR != 2
#error "written for oneDNN 2"
#endif

enum { MAX_ARGS = 4, MAX_STEPS = 2 * INFER_LAYERS + 4 };

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static struct {
    dnnl_primitive_t primitive;
    int count;
    dnnl_exec_arg_t args[MAX_ARGS];
} steps[MAX_STEPS];
static int step_count;

/* Steps write into two blocks of memory by turns. */
static struct {
    void *blocks[2];
    size_t bytes;
    int turn;
} plan;

static dnnl_memory_desc_t desc(int dims, const dnnl_dims_t shape, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t made;
    infer_check(dnnl_memory_desc_init_by_tag(&made, dims, shape, dnnl_f32, tag), "describing memory");
    return made;
}

static dnnl_memory_t memory(const dnnl_memory_desc_t *d, void *data)
{
    dnnl_memory_t made;
    infer_check(dnnl_memory_create(&made, d, engine, data), "making memory");
    return made;
}

static dnnl_memory_t inner(const dnnl_memory_desc_t *d)
{
    infer_check(dnnl_memory_desc_get_size(d) > plan.bytes, "planning memory");
    plan.turn = !plan.turn;
    return memory(d, plan.blocks[plan.turn]);
}

static const dnnl_memory_desc_t *layout_of(dnnl_memory_t m)
{
    const dnnl_memory_desc_t *d;
    infer_check(dnnl_memory_get_memory_desc(m, &d), "asking for a layout");
    return d;
}

static dnnl_primitive_desc_t described(dnnl_status_t failed, const void *what,
                                       dnnl_primitive_attr_t attributes)
{
    dnnl_primitive_desc_t d;
    infer_check(failed, "describing an operation");
    infer_check(dnnl_primitive_desc_create(&d, what, attributes, engine, NULL), "choosing an implementation");
    return d;
}

static const dnnl_memory_desc_t *layout(dnnl_primitive_desc_t d, dnnl_query_t of)
{
    return dnnl_primitive_desc_query_md(d, of, 0);
}

static dnnl_primitive_t primitive(dnnl_primitive_desc_t d)
{
    dnnl_primitive_t made;
    infer_check(dnnl_primitive_create(&made, d), "making a primitive");
    dnnl_primitive_desc_destroy(d);
    return made;
}

static void add_step(dnnl_primitive_t p, int count, const dnnl_exec_arg_t *args)
{
    infer_check(step_count == MAX_STEPS, "counting steps");
    steps[step_count].primitive = p;
    steps[step_count].count = count;
    memcpy(steps[step_count++].args, args, sizeof *args * (size_t)count);
}

/* The same numbers in the layout `to`: at once, or by a step of each run. */
static dnnl_memory_t reordered(dnnl_memory_t from, const dnnl_memory_desc_t *to, int at_once)
{
    dnnl_primitive_desc_t d;
    if (!at_once && dnnl_memory_desc_equal(layout_of(from), to))
        return from;
    infer_check(dnnl_reorder_primitive_desc_create(&d, layout_of(from), engine, to, engine, NULL),
                "describing a change of layout");
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from},
                                    {DNNL_ARG_TO, at_once ? memory(to, DNNL_MEMORY_ALLOCATE) : inner(to)}};
    dnnl_primitive_t p = primitive(d);
    if (!at_once) {
        add_step(p, 2, args);
        return args[1].memory;
    }
    infer_check(dnnl_primitive_execute(p, stream, 2, args), "changing a layout");
    infer_check(dnnl_stream_wait(stream), "waiting");
    dnnl_primitive_destroy(p);
    return args[1].memory;
}

static dnnl_memory_t weights(const infer_layer *l, int dims, const dnnl_dim_t *shape,
                             const dnnl_memory_desc_t *to)
{
    float *plain = infer_weights(l, INFER_OIHW);
    const dnnl_memory_desc_t d = desc(dims, shape, dims == 5 ? dnnl_abcde : dnnl_abcd);
    dnnl_memory_t from = memory(&d, plain), made = reordered(from, to, 1);
    dnnl_memory_destroy(from);
    free(plain);
    return made;
}

static dnnl_primitive_attr_t relu6(void)
{
    dnnl_primitive_attr_t attributes;
    dnnl_post_ops_t after;
    infer_check(dnnl_primitive_attr_create(&attributes) || dnnl_post_ops_create(&after) ||
                    dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_clip, 0, 6) ||
                    dnnl_primitive_attr_set_post_ops(attributes, after),
                "fusing ReLU6");
    return attributes;
}

static dnnl_memory_t convolution(const infer_work *w, const infer_layer *l, dnnl_memory_t x, int fused)
{
    const dnnl_dim_t k = l->kernel, ci = l->c_in / l->groups, before = l->stride == 1 ? l->pad : 0;
    const dnnl_dims_t in = {w->batch, l->c_in, l->in, l->in}, out = {w->batch, l->c_out, l->out, l->out},
                      c = {l->c_out}, strides = {l->stride, l->stride}, pad_left = {before, before},
                      pad_right = {l->pad, l->pad};
    const dnnl_dims_t dense = {l->c_out, ci, k, k}, deep = {l->groups, l->c_out / l->groups, ci, k, k};
    const int dims = l->groups > 1 ? 5 : 4;
    const dnnl_dim_t *shape = dims == 5 ? deep : dense;
    const dnnl_memory_desc_t src = desc(4, in, dnnl_format_tag_any), dst = desc(4, out, dnnl_format_tag_any),
                             any = desc(dims, shape, dnnl_format_tag_any), bias = desc(1, c, dnnl_a);
    dnnl_convolution_desc_t what;
    const dnnl_primitive_desc_t d =
        described(dnnl_convolution_forward_desc_init(&what, dnnl_forward_inference, dnnl_convolution_direct,
                                                     &src, &any, &bias, &dst, strides, pad_left, pad_right),
                  &what, fused ? relu6() : NULL);
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, reordered(x, layout(d, dnnl_query_src_md), 0)},
        {DNNL_ARG_WEIGHTS, weights(l, dims, shape, layout(d, dnnl_query_weights_md))},
        {DNNL_ARG_BIAS, memory(&bias, infer_bias(l))},
        {DNNL_ARG_DST, inner(layout(d, dnnl_query_dst_md))}};
    add_step(primitive(d), 4, args);
    return args[3].memory;
}

static dnnl_memory_t mean(const infer_work *w, dnnl_memory_t x)
{
    const infer_layer *l = &w->layers[INFER_LAYERS - 2];
    const dnnl_dims_t out = {w->batch, l->c_out, 1, 1}, kernel = {l->out, l->out}, none = {0, 0};
    const dnnl_memory_desc_t dst = desc(4, out, dnnl_format_tag_any);
    dnnl_pooling_desc_t what;
    const dnnl_primitive_desc_t d = described(
        dnnl_pooling_forward_desc_init(&what, dnnl_forward_inference, dnnl_pooling_avg_exclude_padding,
                                       layout_of(x), &dst, kernel, kernel, none, none),
        &what, NULL);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, inner(layout(d, dnnl_query_dst_md))}};
    add_step(primitive(d), 2, args);
    return args[1].memory;
}

static void softmax(const infer_work *w, dnnl_memory_t x)
{
    const dnnl_dims_t shape = {w->batch, w->classes, 1, 1};
    const dnnl_memory_desc_t plain = desc(4, shape, dnnl_abcd);
    dnnl_softmax_desc_t what;
    x = reordered(x, &plain, 0);
    const dnnl_primitive_desc_t d =
        described(dnnl_softmax_forward_desc_init(&what, dnnl_forward_inference, &plain, 1), &what, NULL);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, memory(&plain, w->output)}};
    add_step(primitive(d), 2, args);
}

static void load(infer_work *w)
{
    const dnnl_dims_t shape = {w->batch, 3, w->size, w->size};
    const dnnl_memory_desc_t pictures = desc(4, shape, dnnl_nhwc);
    omp_set_num_threads((int)w->threads);
    infer_check(dnnl_engine_create(&engine, dnnl_cpu, 0), "making an engine");
    infer_check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "making a stream");
    /* The first pictures and the widest layer, with channels filled up to 16. */
    plan.bytes = sizeof(float) * (size_t)(w->batch * w->size * w->size * (int64_t)(32 * w->alpha + 16));
    infer_check(posix_memalign(&plan.blocks[0], 64, plan.bytes) ||
                    posix_memalign(&plan.blocks[1], 64, plan.bytes),
                "memory");
    dnnl_memory_t x = memory(&pictures, w->input);
    for (int i = 0; i + 1 < INFER_LAYERS; i++)
        x = convolution(w, &w->layers[i], x, 1);
    softmax(w, convolution(w, &w->layers[INFER_LAYERS - 1], mean(w, x), 0));
}

static void run(const infer_work *w)
{
    (void)w;
    for (int i = 0; i < step_count; i++)
        infer_check(dnnl_primitive_execute(steps[i].primitive, stream, steps[i].count, steps[i].args),
                    "running");
    infer_check(dnnl_stream_wait(stream), "waiting");
}

static const char *version(void)
{
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

int main(int argc, char **argv)
{
    static const infer_peer DNNL = {"oneDNN", version, 0, load, run};
    return infer_main(argc, argv, &DNNL);
}
