/* Training state as a list of named arrays, for checkpoints: settings, counters, the optimizer's arrays by
 * parameter. */
#include "train/trainer.h"
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "train/callbacks.h"

static const struct setting {
    const char *name;
    size_t offset;
} settings[] = {
    {"compile/learning_rate", offsetof(mbn_compile_options, learning_rate)},
    {"compile/momentum", offsetof(mbn_compile_options, momentum)},
    {"compile/rho", offsetof(mbn_compile_options, rho)},
    {"compile/beta1", offsetof(mbn_compile_options, beta1)},
    {"compile/beta2", offsetof(mbn_compile_options, beta2)},
    {"compile/epsilon", offsetof(mbn_compile_options, epsilon)},
    {"compile/weight_decay", offsetof(mbn_compile_options, weight_decay)},
    {"compile/label_smoothing", offsetof(mbn_compile_options, label_smoothing)},
    /* Those from here on are left out where they are 0. */
    {"compile/clip_norm", offsetof(mbn_compile_options, clip_norm)},
    {"compile/ema_decay", offsetof(mbn_compile_options, ema_decay)},
    {"compile/clip_value", offsetof(mbn_compile_options, clip_value)},
};
enum {
    SETTINGS = sizeof settings / sizeof *settings,
    OLD_SETTINGS = 8,
    POSITION_COUNTS = 5,
    GROUP_COUNTS = 2,
    AVERAGE_COUNTS = 2
};

static mbn_status add_integer(mbni_records *records, const char *name, int64_t value)
{
    return mbni_records_add(records, name, MBNI_RECORD_I64, 1, &value, NULL);
}

/* Nothing between two epochs. */
static mbn_status add_position(mbni_records *records, const mbni_position *p)
{
    const int64_t counts[POSITION_COUNTS] = {p->samples, p->correct, p->batch_size, p->count,
                                             (int64_t)p->seed};
    if (p->samples == 0)
        return MBN_OK;
    MBNI_TRY(mbni_records_add(records, "position", MBNI_RECORD_I64, POSITION_COUNTS, counts, NULL));
    return mbni_records_add(records, "position/loss_sum", MBNI_RECORD_F64, 1, &p->loss_sum, NULL);
}

/* An array of the parameters' size, cut up by parameter: `<what>/<layer>/<parameter>`. all: running
 * statistics too. */
typedef struct array {
    const char *what;
    float *values;
    bool all;
} array;

static mbn_status add_array(const mbn_model *model, mbni_records *records, const array *a)
{
    char name[160];
    for (int64_t l = 0; l < model->layer_count; l++)
        for (int32_t p = 0; p < model->layers[l].param_count; p++) {
            const mbni_param *param = &model->layers[l].params[p];
            if (!param->trained && !a->all)
                continue;
            snprintf(name, sizeof name, "%s/%s/%s", a->what, model->layers[l].name, param->name);
            MBNI_TRY(mbni_records_add(records, name, MBNI_RECORD_F32, param->count,
                                      a->values + (param->value - model->values), NULL));
        }
    return MBN_OK;
}

/* Nothing between two updates. */
static mbn_status add_group(const mbn_model *model, mbni_records *records)
{
    const mbni_trainer *trainer = model->trainer;
    const int64_t counts[GROUP_COUNTS] = {trainer->group.batches, trainer->group.samples};
    if (trainer->group.batches == 0)
        return MBN_OK;
    MBNI_TRY(mbni_records_add(records, "group", MBNI_RECORD_I64, GROUP_COUNTS, counts, NULL));
    return add_array(model, records, &(array){"gradients", trainer->gradients, false});
}

/* Nothing before the first update. */
static mbn_status add_average(const mbn_model *model, mbni_records *records)
{
    const mbni_trainer *trainer = model->trainer;
    const int64_t counts[AVERAGE_COUNTS] = {trainer->averaged, trainer->average_in_use};
    if (trainer->averaged == 0)
        return MBN_OK;
    MBNI_TRY(mbni_records_add(records, "average", MBNI_RECORD_I64, AVERAGE_COUNTS, counts, NULL));
    return add_array(model, records, &(array){"average", trainer->average, true});
}

mbn_status mbni_trainer_export(const mbn_model *model, mbni_records *records)
{
    const mbni_trainer *trainer = model->trainer;
    if (!trainer)
        return mbni_error(MBN_ERR_STATE, "the model is not compiled; a checkpoint needs training state");
    for (size_t i = 0; i < SETTINGS; i++) {
        const char *value = (const char *)&trainer->options + settings[i].offset;
        if (i < OLD_SETTINGS || *(const double *)(const void *)value != 0)
            MBNI_TRY(mbni_records_add(records, settings[i].name, MBNI_RECORD_F64, 1, value, NULL));
    }
    MBNI_TRY(add_integer(records, "compile/optimizer", trainer->options.optimizer));
    MBNI_TRY(add_integer(records, "compile/nesterov", trainer->options.nesterov));
    if (trainer->options.weight_decay > 0)
        MBNI_TRY(add_integer(records, "compile/decay_depthwise", trainer->options.decay_depthwise));
    if (trainer->options.accumulation)
        MBNI_TRY(add_integer(records, "compile/accumulation", trainer->options.accumulation));
    MBNI_TRY(add_integer(records, "steps", trainer->steps));
    MBNI_TRY(add_integer(records, "epochs", trainer->epochs));
    MBNI_TRY(add_position(records, &trainer->position));
    MBNI_TRY(mbni_callback_states_export(model, records));
    for (int32_t s = 0; s < trainer->state_count && trainer->states[s]; s++)
        MBNI_TRY(
            add_array(model, records,
                      &(array){mbni_optimizer_state_name(&trainer->options, s), trainer->states[s], false}));
    if (trainer->factors)
        MBNI_TRY(mbni_records_add(records, "learning_rate_factors", MBNI_RECORD_F64, model->layer_count,
                                  trainer->factors, NULL));
    MBNI_TRY(add_group(model, records));
    return add_average(model, records);
}

static mbn_status get(const mbni_records *records, const char *name, int32_t type, int64_t count,
                      void *target)
{
    const mbni_record *record = mbni_records_find(records, name, type, count);
    if (!record)
        return mbni_error(MBN_ERR_FORMAT,
                          "the checkpoint has no training record '%s' of the right type and length", name);
    memcpy(target, record->data, (size_t)count * (type == MBNI_RECORD_F32 ? 4 : 8));
    return MBN_OK;
}

static mbn_status get_count(const mbni_records *records, const char *name, int64_t *value)
{
    MBNI_TRY(get(records, name, MBNI_RECORD_I64, 1, value));
    if (*value < 0 || *value > INT64_MAX / 2)
        return mbni_error(MBN_ERR_FORMAT, "the checkpoint's record '%s' is %lld; allowed are 0 and more",
                          name, (long long)*value);
    return MBN_OK;
}

/* A count that a checkpoint may lack. */
static mbn_status get_newer(const mbni_records *records, const char *name, int64_t otherwise, int64_t *value)
{
    *value = otherwise;
    return mbni_records_find(records, name, MBNI_RECORD_I64, 1) ? get_count(records, name, value) : MBN_OK;
}

static mbn_status get_array(mbn_model *model, const mbni_records *records, const array *a)
{
    char name[160];
    for (int64_t l = 0; l < model->layer_count; l++)
        for (int32_t p = 0; p < model->layers[l].param_count; p++) {
            const mbni_param *param = &model->layers[l].params[p];
            if (!param->trained && !a->all)
                continue;
            snprintf(name, sizeof name, "%s/%s/%s", a->what, model->layers[l].name, param->name);
            MBNI_TRY(get(records, name, MBNI_RECORD_F32, param->count,
                         a->values + (param->value - model->values)));
        }
    return MBN_OK;
}

static mbn_status get_group(mbn_model *model, const mbni_records *records)
{
    mbni_trainer *trainer = model->trainer;
    int64_t counts[GROUP_COUNTS];
    if (!mbni_records_find(records, "group", MBNI_RECORD_I64, GROUP_COUNTS))
        return MBN_OK;
    MBNI_TRY(get(records, "group", MBNI_RECORD_I64, GROUP_COUNTS, counts));
    if (counts[0] < 1 || counts[0] >= trainer->options.accumulation || counts[1] < counts[0] ||
        counts[1] > INT64_MAX / 2)
        return mbni_error(MBN_ERR_FORMAT, "the checkpoint's record 'group' contradicts itself");
    trainer->group = (mbni_group){counts[0], counts[1]};
    MBNI_TRY(mbni_trainer_prepare(trainer));
    return get_array(model, records, &(array){"gradients", trainer->gradients, false});
}

static mbn_status get_average(mbn_model *model, const mbni_records *records)
{
    mbni_trainer *trainer = model->trainer;
    int64_t counts[AVERAGE_COUNTS];
    if (trainer->options.ema_decay <= 0 ||
        !mbni_records_find(records, "average", MBNI_RECORD_I64, AVERAGE_COUNTS))
        return MBN_OK;
    MBNI_TRY(get(records, "average", MBNI_RECORD_I64, AVERAGE_COUNTS, counts));
    if (counts[0] < 1 || counts[0] > INT64_MAX / 2 || counts[1] < 0 || counts[1] > 1)
        return mbni_error(MBN_ERR_FORMAT, "the checkpoint's record 'average' contradicts itself");
    trainer->averaged = counts[0];
    trainer->average_in_use = counts[1] == 1;
    MBNI_TRY(mbni_trainer_prepare(trainer));
    return get_array(model, records, &(array){"average", trainer->average, true});
}

static mbn_status get_factors(mbn_model *model, const mbni_records *records)
{
    const int64_t layers = model->layer_count;
    if (!mbni_records_find(records, "learning_rate_factors", MBNI_RECORD_F64, -1))
        return MBN_OK;
    MBNI_TRY(mbni_trainer_set_factor(model, NULL, 1));
    double *factors = model->trainer->factors;
    MBNI_TRY(get(records, "learning_rate_factors", MBNI_RECORD_F64, layers, factors));
    for (int64_t i = 0; i < layers; i++)
        if (!(factors[i] >= 0 && factors[i] <= 1e6))
            return mbni_error(MBN_ERR_FORMAT, "the checkpoint's learning rate factor %lld is %g",
                              (long long)i, factors[i]);
    return MBN_OK;
}

static mbn_status get_position(const mbni_records *records, mbni_position *p)
{
    int64_t counts[POSITION_COUNTS];
    if (!mbni_records_find(records, "position", MBNI_RECORD_I64, POSITION_COUNTS))
        return MBN_OK;
    MBNI_TRY(get(records, "position", MBNI_RECORD_I64, POSITION_COUNTS, counts));
    MBNI_TRY(get(records, "position/loss_sum", MBNI_RECORD_F64, 1, &p->loss_sum));
    p->samples = counts[0];
    p->correct = counts[1];
    p->batch_size = counts[2];
    p->count = counts[3];
    p->seed = (uint64_t)counts[4];
    if (p->samples < 0 || p->samples > p->count || p->correct < 0 || p->correct > p->samples ||
        p->batch_size < 1 || !isfinite(p->loss_sum))
        return mbni_error(MBN_ERR_FORMAT, "the checkpoint's record 'position' contradicts itself");
    return MBN_OK;
}

static mbn_status get_settings(const mbn_model *model, const mbni_records *records,
                               mbn_compile_options *options)
{
    int64_t optimizer, nesterov, depthwise;
    for (size_t i = 0; i < SETTINGS; i++)
        if (i < OLD_SETTINGS || mbni_records_find(records, settings[i].name, MBNI_RECORD_F64, 1))
            MBNI_TRY(
                get(records, settings[i].name, MBNI_RECORD_F64, 1, (char *)options + settings[i].offset));
    MBNI_TRY(get_count(records, "compile/optimizer", &optimizer));
    MBNI_TRY(get_count(records, "compile/nesterov", &nesterov));
    options->optimizer = optimizer <= MBN_OPTIMIZER_ADAMW ? (int32_t)optimizer : -1;
    options->nesterov = nesterov <= 1 ? (int32_t)nesterov : -1;
    MBNI_TRY(get_newer(records, "compile/accumulation", 0, &options->accumulation));
    /* A decay was on depthwise kernels always before this record was there. */
    MBNI_TRY(get_newer(records, "compile/decay_depthwise", options->weight_decay > 0, &depthwise));
    options->decay_depthwise = depthwise <= 1 ? (int32_t)depthwise : -1;
    if (mbni_compile_check(model, options))
        return mbni_error(MBN_ERR_FORMAT, "the checkpoint's optimizer settings are outside what is allowed");
    return MBN_OK;
}

static mbn_status get_states(mbn_model *model, const mbni_records *records)
{
    mbni_trainer *trainer = model->trainer;
    if (trainer->steps == 0) /* saved before the first step: there is no state yet */
        return MBN_OK;
    MBNI_TRY(mbni_trainer_prepare(trainer));
    for (int32_t s = 0; s < trainer->state_count; s++)
        MBNI_TRY(
            get_array(model, records,
                      &(array){mbni_optimizer_state_name(&trainer->options, s), trainer->states[s], false}));
    return MBN_OK;
}

mbn_status mbni_trainer_import(mbn_model *model, const mbni_records *records)
{
    mbn_compile_options options = {.struct_size = sizeof options};
    mbn_status status;
    MBNI_TRY(get_settings(model, records, &options));
    MBNI_TRY(mbni_trainer_create(model, &options));
    if ((status = get_count(records, "steps", &model->trainer->steps)) ||
        (status = get_count(records, "epochs", &model->trainer->epochs)) ||
        (status = get_position(records, &model->trainer->position)) ||
        (status = get_states(model, records)) || (status = get_group(model, records)) ||
        (status = get_factors(model, records)) || (status = get_average(model, records)) ||
        (status = mbni_callback_states_import(model, records)))
        mbni_model_forget_training(model);
    return status;
}
