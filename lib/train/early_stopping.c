/* EarlyStopping: Keras' rules, with counters that outlive a call of fit. When they say stop, that is written
 * down at once, so that a checkpoint of that moment stops too when it goes on; the end of fit then restores
 * the best weights and begins anew. */
#include <math.h>
#include "train/callbacks.h"

/* Of the state. */
enum { BEST, WAIT, BEST_EPOCH, DUE };

enum { MOST_COPIES = 8 };

typedef struct early_stopping {
    mbn_callback base;
    mbn_early_stopping_options options;
    mbni_monitor monitor;
} early_stopping;

static void initial(const early_stopping *self, double numbers[MBNI_STATE_NUMBERS])
{
    numbers[BEST] = mbni_monitor_worst(&self->monitor);
    numbers[WAIT] = numbers[DUE] = 0;
    numbers[BEST_EPOCH] = -1;
}

static mbn_status open_slot(mbni_slot *slot)
{
    const early_stopping *self = (const early_stopping *)slot->callback;
    const mbni_trainer *trainer = slot->run->model->trainer;
    double numbers[MBNI_STATE_NUMBERS];
    int copies = 0;
    initial(self, numbers);
    MBNI_TRY(mbni_slot_watch(slot, &self->monitor));
    MBNI_TRY(mbni_slot_remember(slot, &self->monitor, numbers));
    if (!self->options.restore_best || slot->state->weights)
        return MBN_OK;
    for (const mbni_callback_state *s = trainer->callback_states; s; s = s->next)
        copies += s->weights != NULL;
    if (copies >= MOST_COPIES) /* more would pass what a checkpoint may hold */
        return mbni_slot_error(slot, MBN_ERR_ARGUMENT,
                               "restore_best is 1, and %d callbacks keep weights already, which is the most",
                               copies);
    return mbni_state_reserve(slot->state, trainer);
}

static mbn_status train_begin(mbni_slot *slot, const mbn_fit_event *event)
{
    (void)event;
    if (slot->state->numbers[DUE] > 0)
        slot->run->stopped = true;
    return MBN_OK;
}

static void keep_weights(mbni_slot *slot)
{
    const early_stopping *self = (const early_stopping *)slot->callback;
    if (self->options.restore_best)
        mbni_state_keep(slot->state, slot->run->model);
}

static bool improves(const early_stopping *self, double value, double than)
{
    return mbni_monitor_maximizes(&self->monitor) ? value - self->options.min_delta > than
                                                  : value + self->options.min_delta < than;
}

static mbn_status epoch_end(mbni_slot *slot, const mbn_fit_event *event)
{
    const early_stopping *self = (const early_stopping *)slot->callback;
    const mbni_callbacks *run = slot->run;
    const double value = mbni_slot_value(slot), baseline = self->options.baseline;
    const int64_t epoch = mbni_slot_epoch(slot) - 1;
    double *now = slot->state->numbers;
    (void)event;
    if (epoch < self->options.start_from_epoch)
        return MBN_OK;
    if (!slot->state->has_weights)
        keep_weights(slot);
    now[WAIT]++;
    if (improves(self, value, now[BEST])) {
        now[BEST] = value;
        now[BEST_EPOCH] = (double)epoch;
        keep_weights(slot);
        if (isnan(baseline) || improves(self, value, baseline))
            now[WAIT] = 0;
        return MBN_OK;
    }
    if (now[WAIT] < (double)self->options.patience || epoch == 0)
        return MBN_OK;
    now[DUE] = 1;
    slot->run->stopped = true;
    if (run->options->verbose)
        mbni_log(run->model->context, "Epoch %lld: early stopping; the best %s was epoch %.0f's",
                 (long long)epoch + 1, self->monitor.name, now[BEST_EPOCH] + 1);
    return MBN_OK;
}

static mbn_status train_end(mbni_slot *slot, const mbn_fit_event *event)
{
    const early_stopping *self = (const early_stopping *)slot->callback;
    mbni_callbacks *run = slot->run;
    mbni_callback_state *state = slot->state;
    const bool due = state->numbers[DUE] > 0;
    (void)event;
    if (run->failed || !(due || run->complete))
        return MBN_OK;
    if (self->options.restore_best && state->has_weights)
        mbni_state_restore(state, run->model);
    if (due) {
        initial(self, state->numbers);
        state->has_weights = false;
        mbni_free(run->model->context, state->weights);
        state->weights = NULL;
    }
    return MBN_OK;
}

static const mbni_callback_ops ops = {
    .name = "early_stopping",
    .turn = MBNI_TURN_STATE,
    .open = open_slot,
    .events = {[MBNI_TRAIN_BEGIN] = train_begin, [MBNI_EPOCH_END] = epoch_end, [MBNI_TRAIN_END] = train_end}};

static mbn_status check(const mbn_early_stopping_options *o)
{
    if (!(o->min_delta >= 0 && o->min_delta <= 1e300))
        return mbni_error(MBN_ERR_ARGUMENT, "option min_delta is %g; allowed are 0 and more", o->min_delta);
    if (isinf(o->baseline))
        return mbni_error(MBN_ERR_ARGUMENT, "option baseline is %g; allowed are numbers, and NaN for none",
                          o->baseline);
    if (o->patience < 0)
        return mbni_error(MBN_ERR_ARGUMENT, "option patience is %lld; allowed are 0 and more",
                          (long long)o->patience);
    if (o->start_from_epoch < 0)
        return mbni_error(MBN_ERR_ARGUMENT, "option start_from_epoch is %lld; allowed are 0 and more",
                          (long long)o->start_from_epoch);
    if (o->restore_best != 0 && o->restore_best != 1)
        return mbni_error(MBN_ERR_ARGUMENT, "option restore_best is %d; allowed are 0 and 1",
                          (int)o->restore_best);
    return MBN_OK;
}

mbn_status mbni_early_stopping(mbn_context *context, const mbn_early_stopping_options *options,
                               mbn_callback **out)
{
    mbni_monitor monitor;
    MBNI_TRY(mbni_monitor_set(&monitor, options->monitor, options->mode));
    MBNI_TRY(check(options));
    early_stopping *self = mbni_callback_new(context, &ops, sizeof *self);
    if (!self)
        return MBN_ERR_MEMORY;
    self->options = *options;
    self->monitor = monitor;
    *out = &self->base;
    return MBN_OK;
}
