/* Gradients of all layers, kept where an update has to wait: for those of further batches, or for the norm of
 * all of them. Otherwise a layer is updated as soon as its gradients are there (step.c), and none of this
 * runs.
 *
 * Of a group of batches the sums over pictures are kept, so that the mean is that of one batch with all their
 * pictures, whatever the sizes. */
#include <math.h>
#include <string.h>
#include "train/trainer.h"

bool mbni_keeps_gradients(const mbn_compile_options *o)
{
    return o->accumulation > 1 || o->clip_norm > 0 || o->clip_value > 0;
}

typedef struct keep_job {
    const mbni_step *step;
    const mbni_chunk *chunks;
    int64_t first; /* of the layer, in the parameter block */
    float pictures;
} keep_job;

static void keep_chunk(void *data, int64_t index)
{
    const keep_job *job = data;
    const mbni_chunk *chunk = &job->chunks[index];
    const float *g = job->step->gradients + (chunk->first - job->first), by = job->pictures;
    float *kept = job->step->trainer->gradients + chunk->first;
    if (job->step->trainer->options.accumulation > 1)
        for (int64_t i = 0; i < chunk->count; i++)
            kept[i] += by * g[i];
    else
        memcpy(kept, g, (size_t)chunk->count * sizeof *g);
}

void mbni_kept_begin(const mbni_step *step)
{
    mbni_trainer *trainer = step->trainer;
    if (trainer->group.batches == 0 && trainer->options.accumulation > 1)
        memset(trainer->gradients, 0, (size_t)trainer->value_count * sizeof(float));
}

void mbni_kept_add(const mbni_step *step, int64_t layer, int64_t batch)
{
    const mbni_stage *stage = &step->stages[layer];
    if (stage->chunk_count == 0)
        return;
    keep_job job = {step, step->chunks + stage->first_chunk,
                    step->model->layers[layer].params[0].value - step->model->values, (float)batch};
    mbni_parallel(step->trainer->context, stage->chunk_count, keep_chunk, &job);
}

/* Makes means of the sums, adds the L2 terms, which are part of the gradient, and bounds each element. */
static void settle_chunk(void *data, int64_t index)
{
    const mbni_step *step = data;
    const mbni_trainer *trainer = step->trainer;
    mbni_chunk *chunk = &step->chunks[index];
    const float *w = step->model->values + chunk->first, l2 = 2 * chunk->l2;
    float *g = trainer->gradients + chunk->first;
    const float share = trainer->options.accumulation > 1 ? 1.0f / (float)trainer->group.samples : 1;
    const float bound = (float)trainer->options.clip_value;
    for (int64_t i = 0; i < chunk->count; i++)
        g[i] = g[i] * share + l2 * w[i];
    for (int64_t i = 0; bound > 0 && i < chunk->count; i++)
        g[i] = g[i] > bound ? bound : g[i] < -bound ? -bound : g[i];
    chunk->squares = trainer->options.clip_norm > 0 ? mbni_squares(chunk->count, g) : 0;
}

void mbni_kept_end(const mbni_step *step, int64_t batch)
{
    mbni_trainer *trainer = step->trainer;
    trainer->group.batches++;
    trainer->group.samples += batch;
    if (trainer->group.batches < trainer->options.accumulation && !step->closes_group)
        return;
    mbni_parallel(trainer->context, step->chunk_count, settle_chunk, (void *)(uintptr_t)step);
    mbni_update update = mbni_optimizer_begin(step);
    update.kept = trainer->gradients;
    update.scale = mbni_clip_scale(&trainer->options, step->chunks, step->chunk_count);
    for (int64_t i = 0; i < step->layers; i++)
        mbni_optimizer_update(&update, i);
    trainer->group = (mbni_group){0};
}
