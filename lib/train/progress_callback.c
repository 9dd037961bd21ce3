/* Progress for programs: the share of a call of fit that is done, told in steps of some percent. */
#include <math.h>
#include "core/platform.h"
#include "train/callbacks.h"

typedef struct progress_callback {
    mbn_callback base;
    mbn_progress_options options;
} progress_callback;

/* Of one call of fit. */
typedef struct way {
    double began, first; /* seconds, and percent done at that time */
    double told;         /* percent; below 0: nothing yet */
} way;

static mbn_status open_slot(mbni_slot *slot)
{
    slot->resource = mbni_alloc_zeroed(slot->run->model->context, sizeof(way));
    return slot->resource ? MBN_OK : MBN_ERR_MEMORY;
}

static void close_slot(mbni_slot *slot)
{
    mbni_free(slot->run->model->context, slot->resource);
}

static double percent_of(const mbn_fit_event *event)
{
    const double epochs = (double)event->epoch + (double)event->samples / (double)event->training_samples;
    return 100 * epochs / (double)event->epochs;
}

static mbn_status tell(mbni_slot *slot, const mbn_fit_event *event, double percent)
{
    const progress_callback *self = (const progress_callback *)slot->callback;
    way *w = slot->resource;
    const double seconds = mbni_platform_seconds() - w->began, done = percent - w->first;
    if (percent < 100 && percent < w->told + self->options.step_percent)
        return MBN_OK;
    if (percent <= w->told)
        return MBN_OK;
    w->told = percent;
    mbni_away away = mbni_callbacks_leave(slot->run);
    int32_t answer = self->options.progress(self->options.user, percent,
                                            done > 0 ? seconds * (100 - percent) / done : NAN, event);
    mbni_callbacks_return(slot->run, &away);
    slot->run->stopped |= answer > 0;
    return answer < 0 ? mbni_slot_error(slot, MBN_ERR_CALLBACK, "the function returned %d at %.0f percent",
                                        (int)answer, percent)
                      : MBN_OK;
}

static mbn_status epoch_begin(mbni_slot *slot, const mbn_fit_event *event)
{
    way *w = slot->resource;
    if (w->began > 0)
        return MBN_OK;
    *w = (way){mbni_platform_seconds(), percent_of(event), -100};
    return tell(slot, event, w->first);
}

/* 100 is for the end, when validation has been done too. */
static mbn_status batch_end(mbni_slot *slot, const mbn_fit_event *event)
{
    const double percent = percent_of(event);
    return percent < 100 ? tell(slot, event, percent) : MBN_OK;
}

static mbn_status epoch_end(mbni_slot *slot, const mbn_fit_event *event)
{
    return tell(slot, event, percent_of(event));
}

static const mbni_callback_ops ops = {
    .name = "progress",
    .turn = MBNI_TURN_USER,
    .open = open_slot,
    .close = close_slot,
    .events = {[MBNI_EPOCH_BEGIN] = epoch_begin, [MBNI_BATCH_END] = batch_end, [MBNI_EPOCH_END] = epoch_end}};

mbn_status mbni_progress_callback(mbn_context *context, const mbn_progress_options *options,
                                  mbn_callback **out)
{
    if (!options->progress)
        return mbni_error(MBN_ERR_ARGUMENT, "option progress is NULL; it must be set");
    if (!(options->step_percent >= 0 && options->step_percent <= 100))
        return mbni_error(MBN_ERR_ARGUMENT, "option step_percent is %g; allowed are 0 to 100",
                          options->step_percent);
    progress_callback *self = mbni_callback_new(context, &ops, sizeof *self);
    if (!self)
        return MBN_ERR_MEMORY;
    self->options = *options;
    *out = &self->base;
    return MBN_OK;
}
