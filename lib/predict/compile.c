/* Compiles a chain of layers to steps: batch norms and ReLUs go into the layer before them, zero padding into
 * the window behind it, and what does nothing in inference goes. Sizes only; pack.c fills the weights. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "predict/program.h"

/* The chain so far. */
typedef struct compiler {
    mbni_program *program;
    const mbn_model *model;
    mbni_map now;              /* what the last layer gave */
    mbni_map given;            /* what the last step gives */
    const mbni_layer *padding; /* to be taken in by the next layer */
    mbni_op *open;             /* the last step, while more can be folded into it */
    bool bounded;              /* and a ReLU already has been: no batch norm any more */
} compiler;

static mbni_map map_of(const mbni_shape *shape)
{
    const int64_t *d = shape->dims;
    if (shape->rank == 3)
        return (mbni_map){d[0], d[1], d[2]};
    return shape->rank == 2 ? (mbni_map){d[0], 1, d[1]} : (mbni_map){1, 1, d[0]};
}

static bool same_map(mbni_map a, mbni_map b)
{
    return a.h == b.h && a.w == b.w && a.c == b.c;
}

static mbni_op *add_step(compiler *c, mbni_op_kind kind, const mbni_layer *layer, mbni_map out)
{
    mbni_op *op = &c->program->steps[c->program->count++];
    *op = (mbni_op){.kind = kind,
                    .type = layer->ops->class_name,
                    .in = c->now,
                    .out = out,
                    .reads_anew = !same_map(c->now, c->given),
                    .low = -INFINITY,
                    .high = INFINITY,
                    .layer = layer->index,
                    .kernel = -1,
                    .bias = -1,
                    .kernel_at = -1,
                    .shift_at = -1,
                    .scale_at = -1};
    snprintf(op->name, sizeof op->name, "%s", layer->name);
    c->now = c->given = out;
    c->open = NULL;
    c->bounded = false;
    return op;
}

/* A step with a kernel, into which what follows can be folded. */
static mbni_op *add_weights(compiler *c, mbni_op_kind kind, const mbni_layer *layer, int32_t kernel,
                            int32_t bias, mbni_map out)
{
    mbni_op *op = add_step(c, kind, layer, out);
    op->kernel = kernel;
    op->bias = bias;
    op->norm_begin = op->norm_end = layer->index + 1;
    c->open = op;
    return op;
}

static void add_product(compiler *c, const mbni_layer *layer, int32_t kernel, int32_t bias, int64_t n)
{
    const mbni_map in = c->now, out = {in.h, in.w, n};
    mbni_op *op = add_weights(c, MBNI_OP_PRODUCT, layer, kernel, bias, out);
    op->packed.n = n;
    op->packed.k = in.c;
    op->multiply_adds = mbni_map_floats(out) * in.c;
}

static void add_depthwise(compiler *c, const mbni_layer *layer, int32_t bias)
{
    const mbni_window w = mbni_layer_sliding_window(layer, c->padding);
    c->now = (mbni_map){w.in_h, w.in_w, w.channels};
    const mbni_map out = {w.out_h, w.out_w, w.channels * w.multiplier};
    mbni_op *op = add_weights(c, MBNI_OP_DEPTHWISE, layer, 0, bias, out);
    op->window = w;
    op->multiply_adds = mbni_map_floats(out) * w.kernel_h * w.kernel_w;
}

static void add_convolution(compiler *c, const mbni_layer *layer)
{
    const mbni_window w = mbni_layer_sliding_window(layer, c->padding);
    const int64_t filters = layer->out.dims[2], volume = w.kernel_h * w.kernel_w * w.channels;
    const int32_t bias = layer->config.conv2d.use_bias ? 1 : -1;
    if (mbni_conv2d_is_pointwise(&w)) {
        add_product(c, layer, 0, bias, filters);
        return;
    }
    c->now = (mbni_map){w.in_h, w.in_w, w.channels};
    const mbni_map out = {w.out_h, w.out_w, filters};
    const mbni_op_kind kind = mbni_conv2d_is_direct(&w, filters) ? MBNI_OP_DIRECT : MBNI_OP_COLUMNS;
    mbni_op *op = add_weights(c, kind, layer, 0, bias, out);
    op->window = w;
    op->packed.n = filters;
    op->packed.k = volume;
    op->multiply_adds = mbni_map_floats(out) * volume;
}

/* The step that a batch norm or a ReLU goes into: the open one, or a new one. */
static mbni_op *open_step(compiler *c, const mbni_layer *layer)
{
    if (!c->open || !same_map(c->now, c->given)) {
        c->open = add_step(c, MBNI_OP_AFFINE, layer, c->now);
        c->open->norm_begin = c->open->norm_end = layer->index;
    }
    return c->open;
}

static void add_norm(compiler *c, const mbni_layer *layer)
{
    if (c->bounded)
        c->open = NULL;
    mbni_op *op = open_step(c, layer);
    op->norm_end = layer->index + 1;
}

static void add_relu(compiler *c, const mbni_layer *layer)
{
    float low, high;
    mbni_op *op = open_step(c, layer);
    mbni_relu_bounds(layer, &low, &high);
    op->low = low > op->low ? low : op->low;
    op->high = high < op->high ? high : op->high;
    c->bounded = true;
}

static void add_window(compiler *c, mbni_op_kind kind, const mbni_layer *layer, mbni_window window)
{
    mbni_op *op = add_step(c, kind, layer, map_of(&layer->out));
    op->window = window;
}

static void add_layer(compiler *c, const mbni_layer *layer)
{
    const mbni_layer_ops *ops = layer->ops;
    const mbni_map out = map_of(&layer->out);
    if (ops == &mbni_conv2d_ops) {
        add_convolution(c, layer);
    } else if (ops == &mbni_depthwise_conv2d_ops) {
        add_depthwise(c, layer, layer->config.depthwise_conv2d.use_bias ? 1 : -1);
    } else if (ops == &mbni_separable_conv2d_ops) {
        add_depthwise(c, layer, -1);
        add_product(c, layer, 1, layer->config.separable_conv2d.use_bias ? 2 : -1, out.c);
    } else if (ops == &mbni_dense_ops) {
        add_product(c, layer, 0, layer->config.dense.use_bias ? 1 : -1, out.c);
    } else if (ops == &mbni_batch_norm_ops) {
        add_norm(c, layer);
    } else if (ops == &mbni_relu_ops) {
        add_relu(c, layer);
    } else if (ops == &mbni_average_pooling2d_ops) {
        add_window(c, MBNI_OP_AVERAGE, layer, mbni_layer_sliding_window(layer, NULL));
    } else if (ops == &mbni_zero_padding2d_ops) {
        const mbn_zero_padding2d_options *o = &layer->config.zero_padding2d;
        add_window(c, MBNI_OP_PAD, layer, (mbni_window){.pad_top = o->top, .pad_left = o->left});
    } else if (ops == &mbni_global_average_pooling2d_ops) {
        add_step(c, MBNI_OP_GLOBAL_AVERAGE, layer, out);
    } else if (ops == &mbni_global_max_pooling2d_ops) {
        add_step(c, MBNI_OP_GLOBAL_MAX, layer, out);
    } else if (ops == &mbni_softmax_ops) {
        add_step(c, MBNI_OP_SOFTMAX, layer, out);
    }
    c->now = out; /* dropout, flatten and reshape do no more than this */
}

/* Offsets of the weights: shifts, which products read at the beginning of a panel, right before the panels.
 */
static void plan_weights(mbni_program *program, mbni_op *op)
{
    const int64_t columns = program->kernels->panel_columns(), c = op->out.c;
    const bool packed = op->kind == MBNI_OP_PRODUCT || op->kind == MBNI_OP_COLUMNS;
    const int64_t padded = (c + columns - 1) / columns * columns;
    const int64_t begin = program->weights.bytes;
    if (op->kernel >= 0 || op->norm_begin < op->norm_end)
        op->shift_at = mbni_arena_plan(&program->weights, packed ? padded : c, sizeof(float));
    if (op->kernel < 0 && op->norm_begin < op->norm_end)
        op->scale_at = mbni_arena_plan(&program->weights, c, sizeof(float));
    if (packed && program->precision == MBN_PRECISION_BF16) {
        int64_t pairs;
        if (!mbni_mul((op->packed.k + 1) / 2, padded, &pairs))
            program->weights.overflow = true;
        op->kernel_at = mbni_arena_plan(&program->weights, pairs, 2 * sizeof(uint16_t));
    } else if (packed) {
        int64_t floats;
        if (!mbni_mul(op->packed.k, padded, &floats))
            program->weights.overflow = true;
        op->kernel_at = mbni_arena_plan(&program->weights, floats, sizeof(float));
    } else if (op->kernel >= 0) {
        const int64_t volume =
            op->kind == MBNI_OP_DIRECT ? op->packed.k : op->window.kernel_h * op->window.kernel_w;
        op->kernel_at = mbni_arena_plan(&program->weights, volume * c, sizeof(float));
    }
    op->weight_bytes = program->weights.bytes - begin;
}

static void compile(compiler *c)
{
    const mbn_model *model = c->model;
    const int64_t layers = c->program->layers;
    c->now = c->given = map_of(&model->layers[0].out);
    for (int64_t i = 1; i < layers; i++) {
        const mbni_layer *layer = &model->layers[i];
        if (i + 1 < layers && mbni_layer_gives_padding(layer, layer + 1))
            continue;
        c->padding = mbni_layer_gives_padding(layer - 1, layer) ? layer - 1 : NULL;
        if (c->padding)
            c->now = map_of(&c->padding->in);
        add_layer(c, layer);
    }
    if (c->program->count == 0) /* something has to move the numbers */
        add_step(c, MBNI_OP_AFFINE, &model->layers[layers - 1], c->now);
    for (int64_t i = 0; i < c->program->count; i++)
        plan_weights(c->program, &c->program->steps[i]);
}

/* Compiles into room for all that there may be, a separable convolution being two steps, and keeps what there
 * is.
 */
static mbn_status make_steps(mbni_program *program, const mbn_model *model)
{
    mbn_context *context = program->context;
    mbni_op *room = mbni_alloc(context, 2 * program->layers * (int64_t)sizeof *room);
    compiler c = {.program = program, .model = model};
    if (!room)
        return MBN_ERR_MEMORY;
    program->steps = room;
    compile(&c);
    const int64_t bytes = program->count * (int64_t)sizeof *room;
    program->steps = mbni_alloc(context, bytes);
    if (program->steps)
        memcpy(program->steps, room, (size_t)bytes);
    mbni_free(context, room);
    if (!program->steps)
        return MBN_ERR_MEMORY;
    if (program->weights.overflow || (uint64_t)program->weights.bytes > PTRDIFF_MAX)
        return mbni_error(MBN_ERR_MEMORY, "the packed weights need more memory than can be addressed");
    return MBN_OK;
}

mbn_status mbni_program_compile(const mbn_model *model, const mbni_target *target, mbni_program **out)
{
    mbni_program *program = mbni_alloc_zeroed(model->context, sizeof *program);
    *out = NULL;
    if (!program)
        return MBN_ERR_MEMORY;
    program->context = mbni_context_retain(model->context);
    program->kernels = mbni_kernels_select(target->isa);
    program->isa = target->isa;
    program->precision = target->precision;
    program->layers = target->layers;
    program->revision = model->revision;
    atomic_init(&program->references, 1);
    mbn_status status = make_steps(program, model);
    if (status)
        mbni_program_release(program);
    else
        *out = program;
    return status;
}

/* The layer whose output an embedding is: what the classifier reads, or the last one. */
static int64_t embedding_layers(const mbn_model *model)
{
    int64_t last = model->layer_count - 1;
    while (last > 0 && model->layers[last].param_count == 0)
        last--;
    const mbni_layer *layer = &model->layers[last];
    const bool classifies = layer->ops == &mbni_dense_ops || layer->ops == &mbni_conv2d_ops;
    const mbni_map in = map_of(&layer->in), out = map_of(&mbni_model_last(model)->out);
    if (last > 0 && classifies && in.h * in.w == 1)
        return last;
    return out.h * out.w == 1 ? model->layer_count : 0;
}

mbn_status mbni_target_of(const mbn_model *model, const mbn_predictor_options *options, mbni_target *target)
{
    if (!model->built)
        return mbni_error(MBN_ERR_STATE, "the model is not built; call mbn_model_build first");
    *target = (mbni_target){.isa = mbni_isa_limited(model->context->isa, options->isa_limit),
                            .precision = options->precision,
                            .layers = model->layer_count};
    if (options->output == MBN_OUTPUT_EMBEDDING)
        target->layers = embedding_layers(model);
    if (target->layers < 1)
        return mbni_error(MBN_ERR_STATE,
                          "option output asks for an embedding, and the model has neither a classifier that "
                          "reads a vector nor a vector at its end");
    return MBN_OK;
}
