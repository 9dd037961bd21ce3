/* Callbacks that are functions of the caller's, for each event. */
#include "train/callbacks.h"

typedef struct user_callback {
    mbn_callback base;
    mbn_callback_options options;
} user_callback;

static mbn_status call(mbni_slot *slot, mbn_fit_callback_fn function, const char *name,
                       const mbn_fit_event *event)
{
    const user_callback *self = (const user_callback *)slot->callback;
    if (!function)
        return MBN_OK;
    int32_t answer = mbni_callbacks_call(slot->run, function, self->options.user, event);
    if (answer < 0)
        return mbni_slot_error(slot, MBN_ERR_CALLBACK, "%s returned %d in epoch %lld, batch %lld", name,
                               (int)answer, (long long)event->epoch + 1, (long long)event->batch + 1);
    return MBN_OK;
}

#define EVENT(field)                                                                              \
    static mbn_status field(mbni_slot *slot, const mbn_fit_event *event)                          \
    {                                                                                             \
        return call(slot, ((const user_callback *)slot->callback)->options.field, #field, event); \
    }
EVENT(on_train_begin)
EVENT(on_train_end)
EVENT(on_epoch_begin)
EVENT(on_epoch_end)
EVENT(on_batch_begin)
EVENT(on_batch_end)

static const mbni_callback_ops ops = {.name = "functions",
                                      .turn = MBNI_TURN_USER,
                                      .events = {[MBNI_TRAIN_BEGIN] = on_train_begin,
                                                 [MBNI_TRAIN_END] = on_train_end,
                                                 [MBNI_EPOCH_BEGIN] = on_epoch_begin,
                                                 [MBNI_EPOCH_END] = on_epoch_end,
                                                 [MBNI_BATCH_BEGIN] = on_batch_begin,
                                                 [MBNI_BATCH_END] = on_batch_end}};

mbn_status mbni_user_callback(mbn_context *context, const mbn_callback_options *options, mbn_callback **out)
{
    user_callback *self = mbni_callback_new(context, &ops, sizeof *self);
    if (!self)
        return MBN_ERR_MEMORY;
    self->options = *options;
    *out = &self->base;
    return MBN_OK;
}
