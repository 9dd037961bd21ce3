/* LearningRateScheduler: a function of the caller's gives each epoch its rate. It remembers what it
 * asked and heard, so that an epoch that is gone on with keeps its rate, and one that begins again asks the
 * same. */
#include "train/callbacks.h"

/* Of the state. */
enum { EPOCH, BEFORE, GIVEN };

typedef struct rate_scheduler {
    mbn_callback base;
    mbn_learning_rate_scheduler_options options;
} rate_scheduler;

static mbn_status open_slot(mbni_slot *slot)
{
    const double numbers[MBNI_STATE_NUMBERS] = {[EPOCH] = -1};
    return mbni_slot_remember(slot, NULL, numbers);
}

static mbn_status epoch_begin(mbni_slot *slot, const mbn_fit_event *event)
{
    const rate_scheduler *self = (const rate_scheduler *)slot->callback;
    double *rate = &slot->run->model->trainer->options.learning_rate;
    const int64_t epoch = mbni_slot_epoch(slot);
    double *now = slot->state->numbers;
    const bool again = now[EPOCH] == (double)epoch;
    if (again && event->samples > 0)
        return MBN_OK;
    const double before = again && *rate == now[GIVEN] ? now[BEFORE] : *rate;
    mbni_away away = mbni_callbacks_leave(slot->run);
    double answer = self->options.rate(self->options.user, epoch, before);
    mbni_callbacks_return(slot->run, &away);
    if (!(answer >= 0 && answer <= 1e6))
        return mbni_slot_error(slot, MBN_ERR_CALLBACK,
                               "the function returned %g for epoch %lld; allowed are 0 to 1e6", answer,
                               (long long)epoch);
    *rate = answer;
    now[EPOCH] = (double)epoch;
    now[BEFORE] = before;
    now[GIVEN] = answer;
    return MBN_OK;
}

static const mbni_callback_ops ops = {.name = "learning_rate_scheduler",
                                      .turn = MBNI_TURN_STATE,
                                      .rules_rate = true,
                                      .open = open_slot,
                                      .events = {[MBNI_EPOCH_BEGIN] = epoch_begin}};

mbn_status mbni_rate_scheduler(mbn_context *context, const mbn_learning_rate_scheduler_options *options,
                               mbn_callback **out)
{
    if (!options->rate)
        return mbni_error(MBN_ERR_ARGUMENT, "option rate is NULL; it must be set");
    rate_scheduler *self = mbni_callback_new(context, &ops, sizeof *self);
    if (!self)
        return MBN_ERR_MEMORY;
    self->options = *options;
    *out = &self->base;
    return MBN_OK;
}
