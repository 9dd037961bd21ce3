/* ReduceLROnPlateau: Keras' rules, with counters that outlive a call of fit. */
#include <math.h>
#include "train/callbacks.h"

/* Of the state. */
enum { BEST, WAIT, COOLDOWN, UNUSED };

typedef struct reduce_on_plateau {
    mbn_callback base;
    mbn_reduce_on_plateau_options options;
    mbni_monitor monitor;
} reduce_on_plateau;

static mbn_status open_slot(mbni_slot *slot)
{
    const reduce_on_plateau *self = (const reduce_on_plateau *)slot->callback;
    const double numbers[MBNI_STATE_NUMBERS] = {[BEST] = mbni_monitor_worst(&self->monitor), [UNUSED] = 0};
    MBNI_TRY(mbni_slot_watch(slot, &self->monitor));
    return mbni_slot_remember(slot, &self->monitor, numbers);
}

static void reduce(mbni_slot *slot)
{
    const reduce_on_plateau *self = (const reduce_on_plateau *)slot->callback;
    const mbn_model *model = slot->run->model;
    double *rate = &model->trainer->options.learning_rate;
    if (*rate <= self->options.min_rate)
        return; /* and goes on waiting */
    *rate = fmax(*rate * self->options.factor, self->options.min_rate);
    slot->state->numbers[COOLDOWN] = (double)self->options.cooldown;
    slot->state->numbers[WAIT] = 0;
    if (slot->run->options->verbose)
        mbni_log(model->context, "Epoch %lld: the learning rate is reduced to %g",
                 (long long)mbni_slot_epoch(slot), *rate);
}

static mbn_status epoch_end(mbni_slot *slot, const mbn_fit_event *event)
{
    const reduce_on_plateau *self = (const reduce_on_plateau *)slot->callback;
    const double value = mbni_slot_value(slot), delta = self->options.min_delta;
    double *now = slot->state->numbers;
    (void)event;
    if (now[COOLDOWN] > 0) {
        now[COOLDOWN]--;
        now[WAIT] = 0;
    }
    if (mbni_monitor_maximizes(&self->monitor) ? value > now[BEST] + delta : value < now[BEST] - delta) {
        now[BEST] = value;
        now[WAIT] = 0;
    } else if (!(now[COOLDOWN] > 0) && ++now[WAIT] >= (double)self->options.patience) {
        reduce(slot);
    }
    return MBN_OK;
}

static const mbni_callback_ops ops = {.name = "reduce_on_plateau",
                                      .turn = MBNI_TURN_STATE,
                                      .rules_rate = true,
                                      .open = open_slot,
                                      .events = {[MBNI_EPOCH_END] = epoch_end}};

static mbn_status check(const mbn_reduce_on_plateau_options *o)
{
    if (!(o->factor > 0 && o->factor < 1))
        return mbni_error(MBN_ERR_ARGUMENT, "option factor is %g; allowed are above 0 to below 1", o->factor);
    if (!(o->min_delta >= 0 && o->min_delta <= 1e300))
        return mbni_error(MBN_ERR_ARGUMENT, "option min_delta is %g; allowed are 0 and more", o->min_delta);
    if (!(o->min_rate >= 0 && o->min_rate <= 1e6))
        return mbni_error(MBN_ERR_ARGUMENT, "option min_rate is %g; allowed are 0 to 1e6", o->min_rate);
    if (o->patience < 0)
        return mbni_error(MBN_ERR_ARGUMENT, "option patience is %lld; allowed are 0 and more",
                          (long long)o->patience);
    if (o->cooldown < 0)
        return mbni_error(MBN_ERR_ARGUMENT, "option cooldown is %lld; allowed are 0 and more",
                          (long long)o->cooldown);
    if (o->reserved != 0)
        return mbni_error(MBN_ERR_ARGUMENT, "option reserved is %d; allowed is 0", (int)o->reserved);
    return MBN_OK;
}

mbn_status mbni_reduce_on_plateau(mbn_context *context, const mbn_reduce_on_plateau_options *options,
                                  mbn_callback **out)
{
    mbni_monitor monitor;
    MBNI_TRY(mbni_monitor_set(&monitor, options->monitor, options->mode));
    MBNI_TRY(check(options));
    reduce_on_plateau *self = mbni_callback_new(context, &ops, sizeof *self);
    if (!self)
        return MBN_ERR_MEMORY;
    self->options = *options;
    self->monitor = monitor;
    *out = &self->base;
    return MBN_OK;
}
