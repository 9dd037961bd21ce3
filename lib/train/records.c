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
};
enum { SETTINGS = sizeof settings / sizeof *settings, POSITION_COUNTS = 5 };

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

static void state_name(const mbni_trainer *trainer, int32_t state, const mbni_layer *layer,
                       const mbni_param *param, char name[160])
{
    snprintf(name, 160, "%s/%s/%s", mbni_optimizer_state_name(&trainer->options, state), layer->name,
             param->name);
}

mbn_status mbni_trainer_export(const mbn_model *model, mbni_records *records)
{
    const mbni_trainer *trainer = model->trainer;
    char name[160];
    if (!trainer)
        return mbni_error(MBN_ERR_STATE, "the model is not compiled; a checkpoint needs training state");
    for (size_t i = 0; i < SETTINGS; i++)
        MBNI_TRY(mbni_records_add(records, settings[i].name, MBNI_RECORD_F64, 1,
                                  (const char *)&trainer->options + settings[i].offset, NULL));
    MBNI_TRY(add_integer(records, "compile/optimizer", trainer->options.optimizer));
    MBNI_TRY(add_integer(records, "compile/nesterov", trainer->options.nesterov));
    MBNI_TRY(add_integer(records, "steps", trainer->steps));
    MBNI_TRY(add_integer(records, "epochs", trainer->epochs));
    MBNI_TRY(add_position(records, &trainer->position));
    MBNI_TRY(mbni_callback_states_export(model, records));
    for (int32_t s = 0; s < trainer->state_count && trainer->states[s]; s++)
        for (int64_t l = 0; l < model->layer_count; l++)
            for (int32_t p = 0; p < model->layers[l].param_count; p++) {
                const mbni_param *param = &model->layers[l].params[p];
                if (!param->trained)
                    continue;
                state_name(trainer, s, &model->layers[l], param, name);
                MBNI_TRY(mbni_records_add(records, name, MBNI_RECORD_F32, param->count,
                                          trainer->states[s] + (param->value - model->values), NULL));
            }
    return MBN_OK;
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
    int64_t optimizer, nesterov;
    for (size_t i = 0; i < SETTINGS; i++)
        MBNI_TRY(get(records, settings[i].name, MBNI_RECORD_F64, 1, (char *)options + settings[i].offset));
    MBNI_TRY(get_count(records, "compile/optimizer", &optimizer));
    MBNI_TRY(get_count(records, "compile/nesterov", &nesterov));
    options->optimizer = optimizer <= MBN_OPTIMIZER_ADAMW ? (int32_t)optimizer : -1;
    options->nesterov = nesterov <= 1 ? (int32_t)nesterov : -1;
    if (mbni_compile_check(model, options))
        return mbni_error(MBN_ERR_FORMAT, "the checkpoint's optimizer settings are outside what is allowed");
    return MBN_OK;
}

static mbn_status get_states(mbn_model *model, const mbni_records *records)
{
    mbni_trainer *trainer = model->trainer;
    char name[160];
    if (trainer->steps == 0) /* saved before the first step: there is no state yet */
        return MBN_OK;
    MBNI_TRY(mbni_trainer_prepare(trainer));
    for (int32_t s = 0; s < trainer->state_count; s++)
        for (int64_t l = 0; l < model->layer_count; l++)
            for (int32_t p = 0; p < model->layers[l].param_count; p++) {
                const mbni_param *param = &model->layers[l].params[p];
                if (!param->trained)
                    continue;
                state_name(trainer, s, &model->layers[l], param, name);
                MBNI_TRY(get(records, name, MBNI_RECORD_F32, param->count,
                             trainer->states[s] + (param->value - model->values)));
            }
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
        (status = get_states(model, records)) || (status = mbni_callback_states_import(model, records)))
        mbni_model_forget_training(model);
    return status;
}
