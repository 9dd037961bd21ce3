/* Compile: checks the settings and hangs a trainer on the model. The arithmetic is in optimizer.c and step.c.
 */
#include "train/trainer.h"
#include <math.h>
#include <string.h>
#include "train/callbacks.h"

int32_t mbni_optimizer_state_count(const mbn_compile_options *options)
{
    switch (options->optimizer) {
    case MBN_OPTIMIZER_SGD:
        return options->momentum > 0 ? 1 : 0;
    case MBN_OPTIMIZER_RMSPROP:
        return options->momentum > 0 ? 2 : 1;
    default:
        return 2;
    }
}

const char *mbni_optimizer_state_name(const mbn_compile_options *options, int32_t state)
{
    switch (options->optimizer) {
    case MBN_OPTIMIZER_SGD:
        return "velocity";
    case MBN_OPTIMIZER_RMSPROP:
        return state ? "velocity" : "mean_square";
    default:
        return state ? "second_moment" : "first_moment";
    }
}

mbn_status mbni_model_check_classifier(const mbn_model *model)
{
    if (!model->built)
        return mbni_error(MBN_ERR_STATE, "the model is not built; call mbn_model_build first");
    const mbni_layer *last = mbni_model_last(model);
    if (last->ops != &mbni_softmax_ops || last->out.rank != 1)
        return mbni_error(
            MBN_ERR_STATE,
            "the model ends in layer '%s' (%s) of rank %d; cross entropy needs a softmax over [classes]",
            last->name, last->ops->class_name, (int)last->out.rank);
    return MBN_OK;
}

static mbn_status check_range(const char *name, double value, double low, double high, bool high_included)
{
    /* A NaN fails every comparison, and so is refused too. */
    if (value >= low && (value < high || (high_included && value == high)))
        return MBN_OK;
    return mbni_error(MBN_ERR_ARGUMENT, "option %s is %g; allowed are %g to %s%g", name, value, low,
                      high_included ? "" : "below ", high);
}

/* What is done with gradients and weights around a step. */
static mbn_status check_around_step(const mbn_compile_options *o)
{
    MBNI_TRY(check_range("ema_decay", o->ema_decay, 0, 1, false));
    MBNI_TRY(check_range("clip_norm", o->clip_norm, 0, 1e30, true));
    MBNI_TRY(check_range("clip_value", o->clip_value, 0, 1e30, true));
    if (o->clip_norm > 0 && o->clip_value > 0)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option clip_value is %g with clip_norm %g; allowed is one of the two",
                          o->clip_value, o->clip_norm);
    if (o->accumulation < 0 || o->accumulation > 1000000)
        return mbni_error(MBN_ERR_ARGUMENT, "option accumulation is %lld; allowed are 0 to 1000000",
                          (long long)o->accumulation);
    return MBN_OK;
}

mbn_status mbni_compile_check(const mbn_model *model, mbn_compile_options *o)
{
    MBNI_TRY(mbni_model_check_classifier(model));
    if (o->optimizer < MBN_OPTIMIZER_SGD || o->optimizer > MBN_OPTIMIZER_ADAMW)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option optimizer is %d; allowed are MBN_OPTIMIZER_SGD (0) to _ADAMW (3)",
                          (int)o->optimizer);
    if (o->nesterov != 0 && o->nesterov != 1)
        return mbni_error(MBN_ERR_ARGUMENT, "option nesterov is %d; allowed are 0 and 1", (int)o->nesterov);
    if (o->decay_depthwise != 0 && o->decay_depthwise != 1)
        return mbni_error(MBN_ERR_ARGUMENT, "option decay_depthwise is %d; allowed are 0 and 1",
                          (int)o->decay_depthwise);
    if (o->reserved != 0)
        return mbni_error(MBN_ERR_ARGUMENT, "option reserved is %d; allowed is 0", (int)o->reserved);
    if (o->learning_rate < 0)
        o->learning_rate = o->optimizer == MBN_OPTIMIZER_SGD ? 0.01 : 0.001;
    MBNI_TRY(check_range("learning_rate", o->learning_rate, 0, 1e6, true));
    MBNI_TRY(check_range("momentum", o->momentum, 0, 1, false));
    MBNI_TRY(check_range("rho", o->rho, 0, 1, false));
    MBNI_TRY(check_range("beta1", o->beta1, 0, 1, false));
    MBNI_TRY(check_range("beta2", o->beta2, 0, 1, false));
    MBNI_TRY(check_range("epsilon", o->epsilon, 1e-30, 1, true));
    MBNI_TRY(check_range("label_smoothing", o->label_smoothing, 0, 1, false));
    MBNI_TRY(check_around_step(o));
    if (o->nesterov && o->optimizer != MBN_OPTIMIZER_SGD)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option nesterov is 1; it is allowed with MBN_OPTIMIZER_SGD only");
    if (o->nesterov && o->momentum == 0)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option nesterov is 1 with momentum 0; it needs a momentum above 0");
    if (o->momentum > 0 && o->optimizer >= MBN_OPTIMIZER_ADAM)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option momentum is %g; Adam and AdamW take beta1 instead, momentum must be 0",
                          o->momentum);
    if (o->optimizer == MBN_OPTIMIZER_ADAMW || o->optimizer == MBN_OPTIMIZER_SGD) {
        if (o->weight_decay < 0)
            o->weight_decay = o->optimizer == MBN_OPTIMIZER_SGD ? 0 : 0.01;
        return check_range("weight_decay", o->weight_decay, 0, 1, true);
    }
    /* Below 0 is what init leaves: not set. */
    if (!(o->weight_decay <= 0))
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option weight_decay is %g; it is allowed with MBN_OPTIMIZER_SGD and _ADAMW",
                          o->weight_decay);
    o->weight_decay = 0;
    return MBN_OK;
}

static void trainer_destroy(mbni_trainer *trainer)
{
    mbn_context *context = trainer->context;
    for (int32_t i = 0; i < MBNI_MAX_STATES; i++)
        mbni_free(context, trainer->states[i]);
    mbni_callback_states_free(trainer);
    mbni_free(context, trainer->gradients);
    mbni_free(context, trainer->average);
    mbni_free(context, trainer->factors);
    mbni_free(context, trainer);
}

mbn_status mbni_trainer_create(mbn_model *model, const mbn_compile_options *options)
{
    mbni_trainer *trainer = mbni_alloc_zeroed(model->context, sizeof *trainer);
    if (!trainer)
        return MBN_ERR_MEMORY;
    trainer->context = model->context;
    trainer->options = *options;
    trainer->value_count = model->value_count;
    trainer->state_count = mbni_optimizer_state_count(options);
    mbni_model_forget_training(model);
    model->trainer = trainer;
    model->trainer_destroy = trainer_destroy;
    return MBN_OK;
}

mbn_status mbni_trainer_set_factor(mbn_model *model, const char *layers, double factor)
{
    mbni_trainer *trainer = model->trainer;
    if (!trainer)
        return mbni_error(MBN_ERR_STATE, "the model is not compiled; call mbn_compile first");
    MBNI_TRY(mbni_model_check_selection(model, layers));
    if (!trainer->factors) {
        trainer->factors = mbni_alloc(model->context, model->layer_count * (int64_t)sizeof(double));
        for (int64_t i = 0; trainer->factors && i < model->layer_count; i++)
            trainer->factors[i] = 1;
    }
    if (!trainer->factors)
        return MBN_ERR_MEMORY;
    for (int64_t i = 0; (i = mbni_model_next(model, layers, i)) < model->layer_count; i++)
        trainer->factors[i] = factor;
    return MBN_OK;
}

void mbni_trainer_restart(mbni_trainer *trainer)
{
    for (int32_t i = 0; i < trainer->state_count; i++)
        if (trainer->states[i])
            memset(trainer->states[i], 0, (size_t)trainer->value_count * sizeof(float));
    trainer->steps = 0;
    trainer->group = (mbni_group){0};
}

/* An array of the parameters' size, unless it is there. */
static mbn_status prepare_array(const mbni_trainer *trainer, float **array)
{
    if (!*array)
        *array = mbni_alloc_zeroed(trainer->context, trainer->value_count * (int64_t)sizeof(float));
    return *array ? MBN_OK : MBN_ERR_MEMORY;
}

mbn_status mbni_trainer_prepare(mbni_trainer *trainer)
{
    for (int32_t i = 0; i < trainer->state_count; i++)
        MBNI_TRY(prepare_array(trainer, &trainer->states[i]));
    if (mbni_keeps_gradients(&trainer->options))
        MBNI_TRY(prepare_array(trainer, &trainer->gradients));
    if (trainer->options.ema_decay > 0)
        MBNI_TRY(prepare_array(trainer, &trainer->average));
    return MBN_OK;
}

int64_t mbni_trainer_arrays(const mbni_trainer *trainer)
{
    return trainer->state_count + mbni_keeps_gradients(&trainer->options) + (trainer->options.ema_decay > 0);
}
