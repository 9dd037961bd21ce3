/* Exponential moving averages of all parameters and running statistics, and their way into the model.
 *
 * The weight of the past grows with the number of updates, as in TensorFlow's ExponentialMovingAverage with
 * num_updates, so that the drawn initial weights leave no trace: the first update's average is its weights.
 */
#include <string.h>
#include "train/trainer.h"

enum { CHUNK_FLOATS = 16384 };

double mbni_average_share(double decay, int64_t updates)
{
    const double grown = (double)(updates - 1) / (double)(updates + 8);
    return grown < decay ? grown : decay;
}

typedef struct average_job {
    const float *values;
    float *average;
    int64_t count;
    float past, present;
} average_job;

static void average_chunk(void *data, int64_t index)
{
    const average_job *job = data;
    const int64_t end = (index + 1) * CHUNK_FLOATS < job->count ? (index + 1) * CHUNK_FLOATS : job->count;
    for (int64_t i = index * CHUNK_FLOATS; i < end; i++)
        job->average[i] = job->past * job->average[i] + job->present * job->values[i];
}

void mbni_average_add(mbni_trainer *trainer, const float *values)
{
    const double past = mbni_average_share(trainer->options.ema_decay, ++trainer->averaged);
    average_job job = {values, trainer->average, trainer->value_count, (float)past, (float)(1 - past)};
    mbni_parallel(trainer->context, (job.count + CHUNK_FLOATS - 1) / CHUNK_FLOATS, average_chunk, &job);
}

void mbni_average_exchange(mbn_model *model)
{
    float aside[256];
    mbni_trainer *trainer = model->trainer;
    for (int64_t first = 0, count; first < trainer->value_count; first += count) {
        count = trainer->value_count - first < 256 ? trainer->value_count - first : 256;
        const size_t bytes = (size_t)count * sizeof *aside;
        memcpy(aside, model->values + first, bytes);
        memcpy(model->values + first, trainer->average + first, bytes);
        memcpy(trainer->average + first, aside, bytes);
    }
}

static mbn_status check_averages(const mbn_model *model)
{
    const mbni_trainer *trainer = model->trainer;
    if (!trainer || trainer->options.ema_decay <= 0)
        return mbni_error(MBN_ERR_STATE, "the model keeps no averages; compile it with an ema_decay above 0");
    if (trainer->averaged == 0)
        return mbni_error(MBN_ERR_STATE, "the model has no averages before its first update");
    return MBN_OK;
}

mbn_status mbni_average_use(mbn_model *model, bool use)
{
    MBNI_TRY(check_averages(model));
    if (model->trainer->average_in_use != use)
        mbni_average_exchange(model);
    model->trainer->average_in_use = use;
    return MBN_OK;
}

mbn_status mbni_average_values(const mbn_model *model, const float **values)
{
    MBNI_TRY(check_averages(model));
    *values = model->trainer->average_in_use ? model->values : model->trainer->average;
    return MBN_OK;
}

mbn_status mbni_average_check_idle(const mbn_model *model)
{
    if (model->trainer->average_in_use)
        return mbni_error(MBN_ERR_STATE,
                          "the model's averages are in use; mbn_model_use_average(model, 0) ends that");
    return MBN_OK;
}
