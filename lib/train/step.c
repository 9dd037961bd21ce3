/* One training step: forward through the layers, the loss, backward, the update.
 *
 * Neighbours are fused: the layer before a batch norm leaves the statistics of its output, and the batch norm
 * does the work of the ReLU behind it, forward and backward; a convolution takes the zero padding before it
 * into its window. The pictures of the next batch are prepared beside the loss, whose few tasks leave threads
 * idle. Where outputs lie, and which are made again, is planned in plan.c. */
#include "train/trainer.h"
#include <math.h>
#include <string.h>

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

/* Layer i forward, from x to y. */
static void run_stage(mbni_step *step, mbni_pass *pass, int64_t i, const float *x, float *y)
{
    const mbni_layer *layer = &step->model->layers[i];
    pass->saved = step->stages[i].saved;
    pass->activation = step->stages[i].activation;
    pass->padding = step->stages[i].padding;
    layer->ops->forward(layer, pass, x, y);
}

static void forward(mbni_step *step, mbni_pass *pass)
{
    step->moments.parts = 0;
    for (int64_t i = 1; i < step->layers; i++) {
        bool takes = step->stages[i].takes_moments;
        bool wanted = i + 1 < step->layers && step->stages[i + 1].takes_moments;
        if (!step->stages[i].runs)
            continue;
        pass->moments = takes || wanted ? &step->moments : NULL;
        run_stage(step, pass, i, step->stages[i - 1].y, step->stages[i].y);
        if (takes || !wanted) /* they are of the output before this one */
            step->moments.parts = 0;
    }
}

/* The output of layer i, made again in `to` from the last one kept. */
static const float *output_of(mbni_step *step, mbni_pass *pass, int64_t i, float *to)
{
    int64_t from = i;
    while (!step->stages[from].kept)
        from--;
    const float *x = step->stages[from].y;
    pass->again = 1;
    for (int64_t l = from + 1; l <= i; l++)
        if (step->stages[l].runs) {
            run_stage(step, pass, l, x, to);
            x = to;
        }
    pass->again = 0;
    return x;
}

static void backward_and_update(mbni_step *step, mbni_pass *pass)
{
    const bool keeps = step->trainer->gradients != NULL;
    mbni_update update = {0};
    if (keeps)
        mbni_kept_begin(step);
    else
        update = mbni_optimizer_begin(step);
    int turn = 0; /* flow[turn] holds the gradient of the present layer's output */
    for (int64_t i = step->layers - 1; i >= step->first_layer && i > 0; i--) {
        const mbni_layer *layer = &step->model->layers[i];
        const mbni_layer_gradient_ops *ops = mbni_layer_gradient_ops_find(layer->ops);
        int32_t flags = layer->ops->flags;
        if (!ops || !step->stages[i].runs)
            continue;
        float *other = step->flow[!turn];
        const float *x = flags & MBNI_LAYER_NEEDS_X ? output_of(step, pass, i - 1, other) : NULL;
        const float *y = flags & MBNI_LAYER_NEEDS_Y ? output_of(step, pass, i, other) : NULL;
        int next = mbni_gradient_turn(flags, turn);
        pass->saved = step->stages[i].saved;
        pass->activation = step->stages[i].activation;
        pass->padding = step->stages[i].padding;
        ops->backward(layer, pass, x, y, step->flow[turn], i > step->first_layer ? step->flow[next] : NULL);
        if (keeps)
            mbni_kept_add(step, i, pass->batch);
        else
            mbni_optimizer_update(&update, i);
        turn = next;
    }
    if (keeps)
        mbni_kept_end(step, pass->batch);
    if (step->trainer->average && step->trainer->group.batches == 0) /* there was an update */
        mbni_average_add(step->trainer, step->model->values);
}

/* Layers at the beginning that are aliases, or work in place, share the input's buffer. */
void mbni_step_turn(mbni_step *step)
{
    float *input = step->stages[0].y;
    for (int64_t i = 0; i < step->layers && step->stages[i].y == input; i++)
        step->stages[i].y = step->input_ahead;
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

/* scale: of the gradient. */
static void loss_of_rows(const loss_job *job, int64_t first, int64_t rows, float scale)
{
    mbni_step *step = job->step;
    const int64_t classes = job->classes;
    job->pass->train_kernels->softmax_cross_entropy(
        rows, classes, step->stages[step->layers - 1].y + first * classes,
        step->soft_targets ? NULL : step->ids + first,
        step->soft_targets ? step->soft + first * classes : NULL,
        (float)step->trainer->options.label_smoothing, scale, step->losses + first, step->correct + first,
        step->flow[0] + first * classes);
}

static void loss_task(void *data, int64_t i)
{
    const loss_job *job = data;
    const float *weights = job->step->weights;
    if (i >= job->parts) {
        mbni_gather_picture(job->ahead, i - job->parts);
        return;
    }
    const int64_t batch = job->pass->batch, first = mbni_part_begin(batch, job->parts, i),
                  end = mbni_part_begin(batch, job->parts, i + 1);
    const float scale = 1.0f / (float)batch;
    if (!weights)
        loss_of_rows(job, first, end - first, scale);
    for (int64_t r = first; weights && r < end; r++)
        loss_of_rows(job, r, 1, scale * weights[r]);
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
        sum += step->weights ? (double)step->weights[i] * step->losses[i] : step->losses[i];
        *correct += step->correct[i];
    }
    return sum / (double)batch + mbni_l2_loss(step->model);
}

/* Of the randomness of a batch: no two between two updates have the same. */
static uint64_t batch_seed(const mbni_trainer *trainer, uint64_t seed)
{
    const uint64_t own = mbni_random_hash(seed, (uint64_t)trainer->steps);
    return trainer->group.batches ? mbni_random_hash(own, (uint64_t)trainer->group.batches) : own;
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
                      .seed = batch_seed(step->trainer, seed),
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
    backward_and_update(step, &pass);
    *loss_sum += loss * (double)batch;
    *correct_sum += correct;
    return MBN_OK;
}
