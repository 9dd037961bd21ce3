/* Parameter updates: the trained parameters of a layer in chunks, each with the optimizer's kernel. */
#include "train/trainer.h"
#include <math.h>

enum { CHUNK_FLOATS = 16384 };

/* Adds [first, first + count) to the list, longer pieces cut. */
static int64_t add_chunks(mbni_chunk *chunks, int64_t at, int64_t first, int64_t count,
                          const mbni_param *param, bool asked)
{
    const bool decays =
        param->decays == MBNI_DECAYS_ALWAYS || (param->decays == MBNI_DECAYS_IF_ASKED && asked);
    for (int64_t done = 0; done < count; done += CHUNK_FLOATS, at++)
        if (chunks)
            chunks[at] = (mbni_chunk){.first = first + done,
                                      .count = count - done < CHUNK_FLOATS ? count - done : CHUNK_FLOATS,
                                      .decays = decays,
                                      .l2 = (float)param->l2};
    return at;
}

int64_t mbni_optimizer_chunks(const mbn_model *model, const mbni_layer *layer, mbni_chunk *chunks)
{
    int64_t count = 0;
    for (int32_t p = 0; layer->trainable && p < layer->param_count; p++)
        if (layer->params[p].trained)
            count = add_chunks(chunks, count, layer->params[p].value - model->values, layer->params[p].count,
                               &layer->params[p], model->trainer->options.decay_depthwise);
    return count;
}

static const float *scaled(float *g, int64_t count, float scale)
{
    for (int64_t i = 0; scale != 1 && i < count; i++)
        g[i] *= scale;
    return g;
}

static void update_chunk(void *data, int64_t index)
{
    const mbni_update *u = data;
    const mbni_chunk *chunk = &u->chunks[index];
    const mbni_trainer *trainer = u->step->trainer;
    const mbn_compile_options *o = &trainer->options;
    float *w = u->step->model->values + chunk->first;
    const float *g = u->kept ? scaled(u->kept + chunk->first, chunk->count, u->scale)
                             : u->step->gradients + (chunk->first - u->first);
    float *state[MBNI_MAX_STATES] = {0};
    for (int32_t i = 0; i < trainer->state_count; i++)
        state[i] = trainer->states[i] + chunk->first;
    float pull = u->kept ? 0 : 2 * chunk->l2; /* towards zero, as part of the gradient */
    if (o->optimizer == MBN_OPTIMIZER_SGD && chunk->decays)
        pull += (float)o->weight_decay;
    switch (o->optimizer) {
    case MBN_OPTIMIZER_SGD:
        u->kernels->sgd(chunk->count, u->rate, (float)o->momentum, o->nesterov, pull, g, state[0], w);
        break;
    case MBN_OPTIMIZER_RMSPROP:
        u->kernels->rmsprop(chunk->count, u->rate, (float)o->rho, (float)o->momentum, (float)o->epsilon, pull,
                            g, state[0], state[1], w);
        break;
    default:
        u->kernels->adam(chunk->count, u->rate, (float)o->beta1, (float)o->beta2, (float)o->epsilon,
                         chunk->decays ? u->decay : 0, pull, g, state[0], state[1], w);
    }
}

mbni_update mbni_optimizer_begin(const mbni_step *step)
{
    mbni_trainer *trainer = step->trainer;
    const mbn_compile_options *o = &trainer->options;
    double rate = o->learning_rate;
    trainer->steps++;
    if (o->optimizer >=
        MBN_OPTIMIZER_ADAM) /* the bias corrections of both moments, as Keras folds them into the rate */
        rate *= sqrt(1 - pow(o->beta2, (double)trainer->steps)) / (1 - pow(o->beta1, (double)trainer->steps));
    return (mbni_update){.step = step,
                         .kernels = mbni_train_kernels_select(trainer->context->isa),
                         .rate = (float)rate,
                         .decay = (float)(o->learning_rate * o->weight_decay)};
}

void mbni_optimizer_update(mbni_update *update, int64_t layer)
{
    const mbni_step *step = update->step;
    const mbni_stage *stage = &step->stages[layer];
    if (stage->chunk_count == 0)
        return;
    update->chunks = step->chunks + stage->first_chunk;
    update->first = step->model->layers[layer].params[0].value - step->model->values;
    mbni_update own = *update;
    if (step->trainer->factors) {
        own.rate *= (float)step->trainer->factors[layer];
        own.decay *= (float)step->trainer->factors[layer];
    }
    mbni_parallel(step->trainer->context, stage->chunk_count, update_chunk, &own);
}
