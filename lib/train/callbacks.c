/* Callbacks in a call of fit: opened and checked, told of events in their order, closed. What each kind does
 * is in its own file. */
#include "train/callbacks.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_CALLBACKS = 64, TEXT_BYTES = 1024 };

void *mbni_callback_new(mbn_context *context, const mbni_callback_ops *ops, int64_t bytes)
{
    context = mbni_context_retain(context);
    if (!context)
        return NULL;
    mbn_callback *callback = mbni_alloc_zeroed(context, bytes);
    if (!callback) {
        mbni_context_release(context);
        return NULL;
    }
    callback->context = context;
    callback->ops = ops;
    return callback;
}

void mbni_callback_free(mbn_callback *callback)
{
    mbn_context *context = callback->context;
    mbni_free(context, callback);
    mbni_context_release(context);
}

mbn_status mbni_slot_error(const mbni_slot *slot, mbn_status status, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0)
        text[0] = 0;
    va_end(arguments);
    return mbni_error(status, "option callbacks[%lld] (%s): %s", (long long)slot->place,
                      slot->callback->ops->name, text);
}

int64_t mbni_slot_epoch(const mbni_slot *slot)
{
    return slot->run->model->trainer->epochs;
}

static mbn_status open_slot(mbni_callbacks *run, int64_t place)
{
    const mbn_callback *callback = run->options->callbacks[place];
    mbni_slot *slot = &run->slots[place];
    if (!callback)
        return mbni_error(MBN_ERR_ARGUMENT, "option callbacks[%lld] is NULL", (long long)place);
    *slot = (mbni_slot){.run = run, .callback = callback, .place = place, .column = -1};
    run->count = place + 1; /* to be closed */
    if (callback->ops->rules_rate && run->options->schedule)
        return mbni_slot_error(
            slot, MBN_ERR_ARGUMENT,
            "it sets the learning rate, and so does option schedule; allowed is one of the "
            "two");
    return callback->ops->open ? callback->ops->open(slot) : MBN_OK;
}

mbn_status mbni_callbacks_open(mbni_callbacks *run, mbn_model *model, const mbn_fit_options *options,
                               const mbn_history *history, uint32_t denormals)
{
    const int64_t count = options->callback_count;
    *run = (mbni_callbacks){.model = model, .options = options, .history = history, .denormals = denormals};
    if (options->schedule)
        MBNI_TRY(mbni_schedule_read(options->schedule, "option schedule", &run->schedule));
    if (count < 0 || count > MOST_CALLBACKS)
        return mbni_error(MBN_ERR_ARGUMENT, "option callback_count is %lld; allowed are 0 to %d",
                          (long long)count, MOST_CALLBACKS);
    if (count == 0)
        return MBN_OK;
    if (!options->callbacks)
        return mbni_error(MBN_ERR_ARGUMENT, "option callbacks is NULL with callback_count %lld",
                          (long long)count);
    run->slots = mbni_alloc_zeroed(model->context, count * (int64_t)sizeof *run->slots);
    if (!run->slots)
        return MBN_ERR_MEMORY;
    for (int64_t i = 0; i < count; i++)
        MBNI_TRY(open_slot(run, i));
    return MBN_OK;
}

void mbni_callbacks_close(mbni_callbacks *run)
{
    for (int64_t i = 0; i < run->count; i++)
        if (run->slots[i].callback->ops->close)
            run->slots[i].callback->ops->close(&run->slots[i]);
    if (run->slots)
        mbni_free(run->model->context, run->slots);
    run->slots = NULL;
    run->count = 0;
}

/* The first failure of an event: later callbacks may leave sentences of their own. */
typedef struct failure {
    mbn_status status;
    char text[TEXT_BYTES];
} failure;

static void note(failure *first, mbn_status status)
{
    if (!status || first->status)
        return;
    first->status = status;
    snprintf(first->text, sizeof first->text, "%s", mbni_error_text());
}

static mbn_status report(const failure *first)
{
    if (first->status) {
        const char *call = mbni_call_begin(NULL); /* the text has its name already */
        (void)mbni_error(first->status, "%s", first->text);
        (void)mbni_call_begin(call);
    }
    return first->status;
}

mbni_away mbni_callbacks_leave(mbni_callbacks *run)
{
    mbni_away away = {mbni_denormals_flush(), NULL};
    mbni_denormals_restore(run->denormals);
    away.call = mbni_call_begin("");
    run->model->revision++; /* the function may predict */
    mbni_model_lend(run->model);
    return away;
}

void mbni_callbacks_return(mbni_callbacks *run, const mbni_away *away)
{
    mbni_model_take(run->model);
    (void)mbni_call_begin(away->call);
    mbni_denormals_restore(away->mode);
}

int32_t mbni_callbacks_call(mbni_callbacks *run, mbn_fit_callback_fn function, void *user,
                            const mbn_fit_event *about)
{
    mbni_away away = mbni_callbacks_leave(run);
    int32_t answer = function(user, run->model, about);
    mbni_callbacks_return(run, &away);
    run->stopped |= answer > 0;
    return answer;
}

/* The functions that stand in the options themselves. */
static mbn_status tell_options(mbni_callbacks *run, int32_t event, mbn_fit_event *about)
{
    const bool batch = event == MBNI_BATCH_END;
    mbn_fit_callback_fn function = batch                     ? run->options->on_batch_end
                                   : event == MBNI_EPOCH_END ? run->options->on_epoch_end
                                                             : NULL;
    if (!function)
        return MBN_OK;
    about->learning_rate = run->model->trainer->options.learning_rate;
    int32_t answer = mbni_callbacks_call(run, function, run->options->callback_user, about);
    if (answer < 0)
        return mbni_error(MBN_ERR_CALLBACK, "option %s: the callback returned %d in epoch %lld, batch %lld",
                          batch ? "on_batch_end" : "on_epoch_end", (int)answer, (long long)about->epoch + 1,
                          (long long)about->batch + 1);
    return MBN_OK;
}

/* Of the coming update; from the model's own progress, so that a resumed training keeps to the curve. */
static void set_rate(mbni_callbacks *run, const mbn_fit_event *about)
{
    mbni_trainer *trainer = run->model->trainer;
    if (run->options->schedule)
        trainer->options.learning_rate = mbni_schedule_rate(
            &run->schedule, (double)trainer->epochs + (double)about->batch / (double)about->batches);
}

static mbn_status tell_slot(mbni_slot *slot, int32_t event, mbn_fit_event *about)
{
    const mbni_event_fn function = slot->callback->ops->events[event];
    if (event == MBNI_TRAIN_END && !slot->began)
        return MBN_OK;
    about->learning_rate = slot->run->model->trainer->options.learning_rate;
    mbn_status status = function ? function(slot, about) : MBN_OK;
    if (event == MBNI_TRAIN_BEGIN)
        slot->began = !status;
    return status;
}

mbn_status mbni_callbacks_tell(mbni_callbacks *run, int32_t event, mbn_fit_event *about)
{
    failure first;
    first.status = MBN_OK;
    if (event == MBNI_BATCH_BEGIN)
        set_rate(run, about);
    for (int32_t turn = 0; turn < MBNI_TURNS; turn++) {
        for (int64_t i = 0; i < run->count; i++)
            if (run->slots[i].callback->ops->turn == turn)
                note(&first, tell_slot(&run->slots[i], event, about));
        if (turn == MBNI_TURN_USER)
            note(&first, tell_options(run, event, about));
    }
    return report(&first);
}

/* Whether a loss that is not finite is a way to end. */
static bool forgives(const mbni_callbacks *run)
{
    for (int64_t i = 0; i < run->count; i++)
        if (run->slots[i].callback->ops->forgives_nan)
            return true;
    return false;
}

mbn_status mbni_callbacks_end(mbni_callbacks *run, mbn_fit_event *about, mbn_status status)
{
    failure first;
    const bool forgiven = status == MBN_ERR_NUMERIC && forgives(run);
    first.status = MBN_OK;
    if (forgiven && run->options->verbose)
        mbni_log(run->model->context, "%s", mbni_error_text());
    if (!forgiven)
        note(&first, status);
    run->failed = first.status != MBN_OK;
    run->complete = !run->failed && (forgiven || mbni_history_epochs(run->history) == run->options->epochs);
    note(&first, mbni_callbacks_tell(run, MBNI_TRAIN_END, about));
    return report(&first);
}
