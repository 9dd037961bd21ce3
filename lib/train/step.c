/* One training step: forward through the layers, the loss, backward, the update. All memory is one planned
 * block.
 *
 * A layer's output is kept until its backward pass has read it; layers that can work in place share the
 * buffer of the layer before them. Gradients flow through two buffers in turn, since only two are alive at
 * once in a chain.
 *
 * Neighbours are fused: the layer before a batch norm leaves the statistics of its output, and the batch norm
 * does the work of the ReLU behind it, forward and backward. The pictures of the next batch are prepared
 * beside the loss, whose few tasks leave threads idle. */
#include "train/trainer.h"
#include <math.h>
#include <string.h>

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

/* Whether layer i may overwrite the buffer that holds its input. `kept`: an earlier layer's backward reads
 * that buffer. */
static bool works_in_place(const mbni_layer *layer, bool kept)
{
    int32_t flags = layer->ops->flags;
    return (flags & MBNI_LAYER_ALIAS) ||
           ((flags & MBNI_LAYER_IN_PLACE) && !(flags & MBNI_LAYER_NEEDS_X) && !kept);
}

static void lay_out_activations(mbni_step *step, mbni_arena *cursor)
{
    const mbn_model *model = step->model;
    float **activations = take(step, cursor, step->layers, sizeof *activations);
    float **saved = take(step, cursor, step->layers, sizeof *saved);
    bool kept = false;
    float *buffer = NULL;
    for (int64_t i = 0; i < step->layers; i++) {
        const mbni_layer *layer = &model->layers[i];
        if (i == 0 || !works_in_place(layer, kept)) {
            buffer = take_floats(step, cursor, step->max_batch, mbni_shape_count(&layer->out));
            kept = false;
        }
        kept |= (layer->ops->flags & MBNI_LAYER_NEEDS_Y) != 0;
        float *keeps = NULL;
        if (layer->ops->saved_floats)
            keeps = take_floats(step, cursor, 1, layer->ops->saved_floats(layer, step->max_batch));
        if (activations) {
            activations[i] = buffer;
            saved[i] = keeps;
        }
    }
    step->activations = activations;
    step->saved = saved;
}

/* Whether layer i is a batch norm whose statistics are those of the batch, so that the layer before can leave
 * them. */
static bool takes_moments(const mbni_step *step, int64_t i)
{
    return i < step->layers && (step->model->layers[i].ops->flags & MBNI_LAYER_FUSES_RELU) &&
           step->model->layers[i].trainable;
}

/* The ReLU that layer i does the work of, or NULL. They share a buffer, so no one can tell the difference. */
static const mbni_layer *activation_of(const mbni_step *step, int64_t i)
{
    const mbni_layer *layers = step->model->layers;
    bool fuses = i + 1 < step->layers && (layers[i].ops->flags & MBNI_LAYER_FUSES_RELU) &&
                 layers[i + 1].ops == &mbni_relu_ops && step->activations[i] == step->activations[i + 1];
    return fuses ? &layers[i + 1] : NULL;
}

/* Whether the layer before layer i does its work. */
static bool is_absorbed(const mbni_step *step, int64_t i)
{
    return i > 0 && activation_of(step, i - 1);
}

static int64_t moments_floats(const mbni_step *step)
{
    int64_t channels = 0;
    for (int64_t i = 0; i < step->layers; i++)
        if (takes_moments(step, i) && step->model->layers[i].params[0].count > channels)
            channels = step->model->layers[i].params[0].count;
    return 3 * MBNI_MOMENT_PARTS * channels;
}

static void lay_out(mbni_step *step, mbni_arena *cursor)
{
    const mbn_model *model = step->model;
    int64_t flow = 0, workspace = 0, statistics = 0;
    for (int64_t i = 0; i < step->layers; i++) {
        const mbni_layer *layer = &model->layers[i];
        int64_t floats = mbni_shape_count(&layer->out);
        flow = i >= step->first_layer && floats > flow ? floats : flow;
        /* The gradient of a layer's input is as large as its input. */
        floats = i > step->first_layer ? mbni_shape_count(&layer->in) : 0;
        flow = floats > flow ? floats : flow;
        floats = layer->ops->workspace_floats ? layer->ops->workspace_floats(layer, step->max_batch, 1) : 0;
        workspace = floats > workspace ? floats : workspace;
        for (int32_t p = 0; p < layer->param_count; p++)
            statistics += layer->params[p].trained ? 0 : layer->params[p].count;
    }
    int64_t classes = mbni_model_last(model)->out.dims[0];
    flow =
        classes > flow ? classes : flow; /* the gradient of the logits, also when nothing below is trained */
    lay_out_activations(step, cursor);
    step->input_ahead = take_floats(step, cursor, step->max_batch, mbni_shape_count(&model->layers[0].out));
    step->moments.values = take_floats(step, cursor, 1, moments_floats(step));
    step->flow[0] = take_floats(step, cursor, step->max_batch, flow);
    step->flow[1] = take_floats(step, cursor, step->max_batch, flow);
    step->workspace = take_floats(step, cursor, 1, workspace);
    step->gradients = take_floats(step, cursor, 1, model->value_count);
    step->statistics = take_floats(step, cursor, 1, statistics);
    step->ids = take(step, cursor, step->soft_targets ? 0 : step->max_batch, sizeof *step->ids);
    step->soft = take_floats(step, cursor, step->soft_targets ? step->max_batch : 0, classes);
    step->losses = take_floats(step, cursor, step->max_batch, 1);
    step->correct = take(step, cursor, step->max_batch, 1);
    step->chunks = take(step, cursor, step->chunk_count, sizeof *step->chunks);
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
                        .layers = model->layer_count - 1,
                        .chunk_count = mbni_optimizer_chunks(model, NULL)};
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
                trained ? step->gradients + (layer->params[p].value - model->values) : NULL;
        }
    }
}

mbn_status mbni_step_create(mbni_step *step)
{
    MBNI_TRY(mbni_arena_create(step->model->context, &step->arena));
    mbni_arena cursor = {0};
    lay_out(step, &cursor);
    mbni_optimizer_chunks(step->model, step->chunks);
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

/* Copies the running statistics out of the model, or back. */
static void copy_statistics(mbni_step *step, bool back)
{
    float *place = step->statistics;
    for (int64_t i = 0; i < step->layers; i++) {
        const mbni_layer *layer = &step->model->layers[i];
        for (int32_t p = 0; p < layer->param_count; p++) {
            const mbni_param *param = &layer->params[p];
            if (param->trained)
                continue;
            size_t bytes = (size_t)param->count * sizeof(float);
            memcpy(back ? param->value : place, back ? place : param->value, bytes);
            place += param->count;
        }
    }
}

static void forward(mbni_step *step, mbni_pass *pass)
{
    step->moments.parts = 0;
    for (int64_t i = 1; i < step->layers; i++) {
        const mbni_layer *layer = &step->model->layers[i];
        if ((layer->ops->flags & MBNI_LAYER_ALIAS) || is_absorbed(step, i))
            continue;
        pass->saved = step->saved[i];
        pass->activation = activation_of(step, i);
        pass->moments = takes_moments(step, i) || takes_moments(step, i + 1) ? &step->moments : NULL;
        layer->ops->forward(layer, pass, step->activations[i - 1], step->activations[i]);
        if (!takes_moments(step, i + 1))
            step->moments.parts = 0;
    }
}

static void backward(mbni_step *step, mbni_pass *pass)
{
    int turn = 0; /* flow[turn] holds the gradient of the present layer's output */
    for (int64_t i = step->layers - 1; i >= step->first_layer && i > 0; i--) {
        const mbni_layer *layer = &step->model->layers[i];
        const mbni_layer_gradient_ops *ops = mbni_layer_gradient_ops_find(layer->ops);
        if (!ops || is_absorbed(step, i))
            continue;
        int next = layer->ops->flags & (MBNI_LAYER_IN_PLACE | MBNI_LAYER_FUSES_RELU) ? turn : !turn;
        pass->saved = step->saved[i];
        pass->activation = activation_of(step, i);
        ops->backward(layer, pass, step->activations[i - 1], step->activations[i], step->flow[turn],
                      i > step->first_layer ? step->flow[next] : NULL);
        turn = next;
    }
}

/* Layers at the beginning that are aliases, or work in place, share the input's buffer. */
void mbni_step_turn(mbni_step *step)
{
    float *input = step->activations[0];
    for (int64_t i = 0; i < step->layers && step->activations[i] == input; i++)
        step->activations[i] = step->input_ahead;
    step->input_ahead = input;
}

double mbni_l2_loss(const mbn_model *model)
{
    double loss = 0;
    for (int64_t l = 0; l < model->layer_count; l++)
        for (int32_t p = 0; p < model->layers[l].param_count; p++) {
            const mbni_param *param = &model->layers[l].params[p];
            double squares = 0;
            for (int64_t i = 0; param->l2 > 0 && i < param->count; i++)
                squares += (double)param->value[i] * param->value[i];
            loss += param->l2 * squares;
        }
    return loss;
}

/* The tasks of the loss: first its parts, then the pictures of the next batch. */
typedef struct loss_job {
    mbni_step *step;
    const mbni_pass *pass;
    const mbni_gather *ahead;
    int64_t classes, parts;
} loss_job;

static void loss_task(void *data, int64_t i)
{
    const loss_job *job = data;
    mbni_step *step = job->step;
    int64_t batch = job->pass->batch, classes = job->classes;
    if (i >= job->parts) {
        mbni_gather_picture(job->ahead, i - job->parts);
        return;
    }
    int64_t first = mbni_part_begin(batch, job->parts, i);
    job->pass->train_kernels->softmax_cross_entropy(
        mbni_part_begin(batch, job->parts, i + 1) - first, classes,
        step->activations[step->layers - 1] + first * classes, step->soft_targets ? NULL : step->ids + first,
        step->soft_targets ? step->soft + first * classes : NULL,
        (float)step->trainer->options.label_smoothing, 1.0f / (float)batch, step->losses + first,
        step->correct + first, step->flow[0] + first * classes);
}

/* Mean loss of the batch, gradients of the logits in flow[0]. */
static double batch_loss(mbni_step *step, const mbni_pass *pass, const mbni_gather *ahead, int64_t *correct)
{
    enum { LOSS_ELEMENTS = 4096 }; /* worth a task */
    int64_t batch = pass->batch, classes = mbni_model_last(step->model)->out.dims[0];
    int64_t rows = LOSS_ELEMENTS / classes + 1;
    loss_job job = {step, pass, ahead, classes, batch / rows + (batch % rows != 0)};
    double sum = 0;
    mbni_parallel(pass->context, job.parts + (ahead ? ahead->count : 0), loss_task, &job);
    for (int64_t i = 0; i < batch; i++) {
        sum += step->losses[i];
        *correct += step->correct[i];
    }
    return sum / (double)batch + mbni_l2_loss(step->model);
}

mbn_status mbni_step_run(mbni_step *step, int64_t batch, uint64_t seed, const mbni_gather *ahead,
                         double *loss_sum, int64_t *correct_sum)
{
    mbn_context *context = step->model->context;
    mbni_pass pass = {.context = context,
                      .kernels = mbni_kernels_select(context->isa),
                      .train_kernels = mbni_train_kernels_select(context->isa),
                      .batch = batch,
                      .training = 1,
                      .seed = mbni_random_hash(seed, (uint64_t)step->trainer->steps),
                      .workspace = step->workspace};
    int64_t correct = 0;
    copy_statistics(step, false);
    forward(step, &pass);
    double loss = batch_loss(step, &pass, ahead, &correct);
    if (!isfinite(loss)) {
        copy_statistics(step, true);
        return mbni_error(MBN_ERR_NUMERIC, "the loss is %g", loss);
    }
    pass.moments = NULL;
    backward(step, &pass);
    mbni_optimizer_update(step);
    *loss_sum += loss * (double)batch;
    *correct_sum += correct;
    return MBN_OK;
}
