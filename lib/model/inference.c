/* Inference layer by layer: two buffers in turn, and one workspace, in one block. Layers that can work in
 * place do; aliases cost nothing, nor do ReLU and zero padding where a neighbour does their work. Folding is
 * not done here. */
#include "model/model.h"

/* Whether the layer before or behind layer i does its work. */
static bool is_absorbed(const mbni_inference *run, int64_t i)
{
    const mbni_layer *layer = &run->model->layers[i];
    return (i > 0 && mbni_layer_takes_relu(layer - 1, layer)) ||
           (i + 1 < run->layers && mbni_layer_gives_padding(layer, layer + 1));
}

static bool works_in_place(const mbni_inference *run, int64_t i)
{
    const int32_t in_place = MBNI_LAYER_IN_PLACE | MBNI_LAYER_IN_PLACE_INFERENCE | MBNI_LAYER_ALIAS;
    return (run->model->layers[i].ops->flags & in_place) || is_absorbed(run, i);
}

/* The input lies in buffer 0, and each layer that does not work in place changes sides. Each buffer is as
 * large as its largest tenant. */
mbn_status mbni_inference_plan(const mbn_model *model, int64_t max_batch, int64_t stop, mbni_inference *run)
{
    int64_t largest[2] = {0}, workspace = 0, floats;
    int side = 0;
    *run = (mbni_inference){.model = model, .max_batch = max_batch, .layers = model->layer_count - stop};
    for (int64_t i = 0; i < run->layers; i++) {
        const mbni_layer *layer = &model->layers[i];
        side = i == 0 || works_in_place(run, i) ? side : !side;
        if (!mbni_mul(max_batch, mbni_shape_count(&layer->out), &floats))
            run->arena.overflow = true;
        else if (floats > largest[side])
            largest[side] = floats;
        floats = layer->ops->workspace_floats ? layer->ops->workspace_floats(layer, max_batch, 0) : 0;
        workspace = floats > workspace ? floats : workspace;
    }
    run->buffer_offsets[0] = mbni_arena_plan(&run->arena, largest[0], sizeof(float));
    run->buffer_offsets[1] = mbni_arena_plan(&run->arena, largest[1], sizeof(float));
    run->workspace_offset = mbni_arena_plan(&run->arena, workspace, sizeof(float));
    if (run->arena.overflow || (uint64_t)run->arena.bytes > PTRDIFF_MAX)
        return mbni_error(MBN_ERR_MEMORY, "a batch of %lld pictures needs more memory than can be addressed",
                          (long long)max_batch);
    return MBN_OK;
}

void mbni_inference_connect(mbni_inference *run)
{
    for (int i = 0; i < 2; i++)
        run->buffers[i] = (float *)(void *)(run->arena.base + run->buffer_offsets[i]);
    run->workspace = (float *)(void *)(run->arena.base + run->workspace_offset);
}

mbn_status mbni_inference_create(mbni_inference *run)
{
    MBNI_TRY(mbni_arena_create(run->model->context, &run->arena));
    mbni_inference_connect(run);
    return MBN_OK;
}

void mbni_inference_destroy(mbni_inference *run)
{
    if (run->model)
        mbni_arena_destroy(run->model->context, &run->arena);
}

float *mbni_inference_input(mbni_inference *run)
{
    return run->buffers[0];
}

const float *mbni_inference_run(mbni_inference *run, int64_t batch)
{
    mbn_context *context = run->model->context;
    mbni_pass pass = {.context = context,
                      .kernels = mbni_kernels_select(context->isa),
                      .batch = batch,
                      .workspace = run->workspace};
    int side = 0;
    for (int64_t i = 1; i < run->layers; i++) {
        const mbni_layer *layer = &run->model->layers[i];
        const float *x = run->buffers[side];
        side = works_in_place(run, i) ? side : !side;
        if ((layer->ops->flags & MBNI_LAYER_ALIAS) || is_absorbed(run, i))
            continue;
        pass.activation = i + 1 < run->layers && mbni_layer_takes_relu(layer, layer + 1) ? layer + 1 : NULL;
        pass.padding = mbni_layer_gives_padding(layer - 1, layer) ? layer - 1 : NULL;
        layer->ops->forward(layer, &pass, x, run->buffers[side]);
    }
    return run->buffers[side];
}
