/* The memory of a training step: one block, planned from shapes, so that its size can be told before any of
 * it exists.
 *
 * What backward reads is kept, unless it is cheap to make again: batch norm, ReLU and dropout write into the
 * two buffers that gradients use later, and backward computes them once more from the output before them that
 * was kept, which halves the memory of a MobileNet. Outputs that backward does not read, those of frozen
 * layers at the bottom, are not kept either. Gradients flow through the two buffers in turn, since only two
 * are alive at once in a chain. */
#include "train/trainer.h"

static void *take(mbni_step *step, mbni_arena *cursor, int64_t count, int64_t element_bytes)
{
    int64_t offset = mbni_arena_plan(cursor, count, element_bytes);
    return step->arena.base ? step->arena.base + offset : NULL;
}

static float *take_floats(mbni_step *step, mbni_arena *cursor, int64_t rows, int64_t row_floats)
{
    int64_t count = 0;
    if (!mbni_mul(rows, row_floats, &count))
        cursor->overflow = true;
    return take(step, cursor, count, sizeof(float));
}

/* Layer i beside its neighbours, without memory. */
static mbni_stage stage_of(const mbni_step *step, int64_t i)
{
    const mbni_layer *layer = &step->model->layers[i];
    bool has_next = i + 1 < step->layers, has_last = i > 0;
    mbni_stage stage = {.runs = !(layer->ops->flags & MBNI_LAYER_ALIAS)};
    if ((has_last && mbni_layer_takes_relu(layer - 1, layer)) ||
        (has_next && mbni_layer_gives_padding(layer, layer + 1)))
        stage.runs = false;
    if (has_next && mbni_layer_takes_relu(layer, layer + 1))
        stage.activation = layer + 1;
    if (has_last && mbni_layer_gives_padding(layer - 1, layer))
        stage.padding = layer - 1;
    stage.takes_moments = (layer->ops->flags & MBNI_LAYER_FUSES_RELU) && layer->trainable;
    return stage;
}

/* One pass over its elements, in place: batch norm in the forward pass, ReLU, dropout. */
static bool is_elementwise(const mbni_layer *layer)
{
    return (layer->ops->flags & (MBNI_LAYER_IN_PLACE | MBNI_LAYER_FUSES_RELU)) != 0;
}

/* The lowest layer whose output backward reads, or needs in order to make what it reads. */
static int64_t lowest_read(const mbni_step *step)
{
    int64_t i = step->first_layer - 1;
    while (i > 0 && (!stage_of(step, i).runs || is_elementwise(&step->model->layers[i])))
        i--;
    return i;
}

/* Whether a layer may overwrite its input. `read`: the backward pass of an earlier layer reads it there. */
static bool works_in_place(const mbni_layer *layer, bool kept, bool read)
{
    if (!kept)
        return is_elementwise(layer);
    return (layer->ops->flags & MBNI_LAYER_IN_PLACE) && !(layer->ops->flags & MBNI_LAYER_NEEDS_X) && !read;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Numbers in a picture that layer i > 0 reads: without padding that it takes in. */
static int64_t input_floats(const mbni_step *step, int64_t i)
{
    const mbni_layer *layer = &step->model->layers[i], *padding = stage_of(step, i).padding;
    return mbni_shape_count(padding ? &padding->in : &layer->in);
}

/* Whether backward has to make the input of layer i again: kept are all outputs but those of elementwise
 * layers. */
static bool input_is_made_again(const mbni_step *step, int64_t i)
{
    do
        i--;
    while (i > 0 && !stage_of(step, i).runs);
    return i > 0 && is_elementwise(&step->model->layers[i]);
}

/* The largest tenants of the flow buffers, by the turns that the backward pass takes. */
static void backward_flow(const mbni_step *step, int64_t sizes[2])
{
    int turn = 0;
    /* The gradient of the logits is there also when nothing below is trained. */
    sizes[0] = mbni_model_last(step->model)->out.dims[0];
    sizes[1] = 0;
    for (int64_t i = step->layers - 1; i >= step->first_layer && i > 0; i--) {
        int32_t flags = step->model->layers[i].ops->flags;
        if (!mbni_layer_gradient_ops_find(step->model->layers[i].ops) || !stage_of(step, i).runs)
            continue;
        int next = mbni_gradient_turn(flags, turn);
        if ((flags & MBNI_LAYER_NEEDS_X) && input_is_made_again(step, i)) /* on the other side */
            sizes[!turn] = larger(sizes[!turn], input_floats(step, i));
        if (flags & MBNI_LAYER_NEEDS_Y)
            sizes[!turn] = larger(sizes[!turn], mbni_shape_count(&step->model->layers[i].out));
        sizes[next] = larger(sizes[next], input_floats(step, i));
        turn = next;
    }
}

/* Takes the flow buffers. Returns the one for the outputs of elementwise layers. */
static int lay_out_flow(mbni_step *step, mbni_arena *cursor)
{
    const int64_t lowest = lowest_read(step);
    int64_t sizes[2];
    backward_flow(step, sizes);
    const int side = sizes[1] > sizes[0];
    for (int64_t i = 1; i < step->layers; i++) {
        const mbni_layer *layer = &step->model->layers[i];
        int64_t floats = mbni_shape_count(&layer->out);
        if (is_elementwise(layer) || i < lowest)
            sizes[side] = larger(sizes[side], floats);
        if (i < lowest)
            sizes[!side] = larger(sizes[!side], floats);
    }
    step->flow[0] = take_floats(step, cursor, step->max_batch, sizes[0]);
    step->flow[1] = take_floats(step, cursor, step->max_batch, sizes[1]);
    return side;
}

static void lay_out_stages(mbni_step *step, mbni_arena *cursor)
{
    const int64_t lowest = lowest_read(step);
    mbni_stage *stages = step->stages;
    float *y = NULL;
    int64_t chunks = 0;
    bool kept = false, read = false;
    const int first_side = lay_out_flow(step, cursor);
    int side = first_side; /* of flow, where what is not kept lies */
    for (int64_t i = 0; i < step->layers; i++) {
        const mbni_layer *layer = &step->model->layers[i];
        mbni_stage stage = stage_of(step, i);
        if (i > 0 && (!stage.runs || works_in_place(layer, kept, read))) {
            /* y is there */
        } else if (i > 0 && (is_elementwise(layer) || i < lowest)) {
            side = kept ? first_side : !side;
            y = step->flow[side];
            kept = false;
        } else {
            y = take_floats(step, cursor, step->max_batch, mbni_shape_count(&layer->out));
            kept = true;
            read = false;
        }
        read |= stage.runs && (layer->ops->flags & MBNI_LAYER_NEEDS_Y);
        stage.y = y;
        stage.kept = kept;
        if (layer->ops->saved_floats)
            stage.saved = take_floats(step, cursor, 1, layer->ops->saved_floats(layer, step->max_batch));
        stage.first_chunk = chunks;
        stage.chunk_count = mbni_optimizer_chunks(step->model, layer, NULL);
        chunks += stage.chunk_count;
        if (stages)
            stages[i] = stage;
    }
}

static int64_t moments_floats(const mbni_step *step)
{
    int64_t channels = 0;
    for (int64_t i = 0; i < step->layers; i++)
        if (stage_of(step, i).takes_moments && step->model->layers[i].params[0].count > channels)
            channels = step->model->layers[i].params[0].count;
    return 3 * MBNI_MOMENT_PARTS * channels;
}

/* Of a layer's piece of the parameter block. */
static int64_t parameter_floats(const mbni_layer *layer)
{
    const mbni_param *params = layer->params;
    int32_t count = layer->param_count;
    return count > 0 ? params[count - 1].value + params[count - 1].count - params[0].value : 0;
}

static void lay_out(mbni_step *step, mbni_arena *cursor)
{
    const mbn_model *model = step->model;
    int64_t classes = mbni_model_last(model)->out.dims[0], workspace = 0, statistics = 0, gradients = 0;
    for (int64_t i = 0; i < step->layers; i++) {
        const mbni_layer *layer = &model->layers[i];
        if (layer->ops->workspace_floats)
            workspace = larger(workspace, layer->ops->workspace_floats(layer, step->max_batch, 1));
        gradients = larger(gradients, parameter_floats(layer));
        for (int32_t p = 0; p < layer->param_count; p++)
            statistics += layer->params[p].trained ? 0 : layer->params[p].count;
    }
    step->stages = take(step, cursor, step->layers, sizeof *step->stages);
    step->chunks = take(step, cursor, step->chunk_count, sizeof *step->chunks);
    step->idle_offset = cursor->bytes;
    lay_out_stages(step, cursor);
    step->input_ahead = take_floats(step, cursor, step->max_batch, mbni_shape_count(&model->layers[0].out));
    step->workspace = take_floats(step, cursor, 1, workspace);
    /* One is written in the forward pass alone, the other in the backward pass. */
    step->gradients = take_floats(step, cursor, 1, larger(gradients, moments_floats(step)));
    step->moments.values = step->gradients;
    step->statistics = take_floats(step, cursor, 1, statistics);
    step->ids = take(step, cursor, step->soft_targets ? 0 : step->max_batch, sizeof *step->ids);
    step->soft = take_floats(step, cursor, step->soft_targets ? step->max_batch : 0, classes);
    step->losses = take_floats(step, cursor, step->max_batch, 1);
    step->correct = take(step, cursor, step->max_batch, 1);
}

static int64_t first_trained_layer(const mbn_model *model, int64_t layers)
{
    for (int64_t i = 0; i < layers; i++)
        for (int32_t p = 0; model->layers[i].trainable && p < model->layers[i].param_count; p++)
            if (model->layers[i].params[p].trained)
                return i;
    return layers;
}

mbn_status mbni_step_plan(mbn_model *model, int64_t max_batch, int32_t soft_targets, mbni_step *step)
{
    mbni_arena cursor = {0};
    *step = (mbni_step){.model = model,
                        .trainer = model->trainer,
                        .max_batch = max_batch,
                        .soft_targets = soft_targets,
                        .layers = model->layer_count - 1};
    for (int64_t i = 0; i < step->layers; i++)
        step->chunk_count += mbni_optimizer_chunks(model, &model->layers[i], NULL);
    step->first_layer = first_trained_layer(model, step->layers);
    lay_out(step, &cursor);
    if (cursor.overflow)
        return mbni_error(MBN_ERR_MEMORY, "batch size %lld needs more memory than can be addressed",
                          (long long)max_batch);
    step->arena = cursor;
    return MBN_OK;
}

static void connect_gradients(mbni_step *step, bool connect)
{
    mbn_model *model = step->model;
    for (int64_t i = 0; i < model->layer_count; i++) {
        mbni_layer *layer = &model->layers[i];
        for (int32_t p = 0; p < layer->param_count; p++) {
            bool trained = connect && layer->trainable && layer->params[p].trained;
            layer->params[p].grad =
                trained ? step->gradients + (layer->params[p].value - layer->params[0].value) : NULL;
        }
    }
}

mbn_status mbni_step_create(mbni_step *step)
{
    MBNI_TRY(mbni_arena_create(step->model->context, &step->arena));
    mbni_arena cursor = {0};
    lay_out(step, &cursor);
    for (int64_t i = 0; i < step->layers; i++)
        mbni_optimizer_chunks(step->model, &step->model->layers[i],
                              step->chunks + step->stages[i].first_chunk);
    connect_gradients(step, true);
    return MBN_OK;
}

void mbni_step_destroy(mbni_step *step)
{
    if (!step->model || !step->arena.base)
        return;
    connect_gradients(step, false);
    mbni_arena_destroy(step->model->context, &step->arena);
}
