/* A fit without training: callbacks are told of epochs whose values the test gives. */
#ifndef TESTS_PLAY_H
#define TESTS_PLAY_H

#include "support/training.h"
#include "train/callbacks.h"

/* Plays a fit whose validation values are given, without training: the first weight tells the epoch. */
typedef struct play {
    int64_t epochs;                   /* asked for */
    const double *val_loss, *val_acc; /* of each trained epoch; NULL: 0 */
    double rates[16];                 /* in force in each trained epoch */
    mbn_status status;                /* to end with */
} play;

static inline void play_epoch(mbni_callbacks *run, mbn_history *history, play *p, mbn_fit_event *about)
{
    mbni_trainer *trainer = run->model->trainer;
    const int64_t epoch = trainer->epochs;
    ck_ok(mbni_callbacks_tell(run, MBNI_EPOCH_BEGIN, about));
    p->rates[epoch] = trainer->options.learning_rate;
    run->model->values[0] = (float)epoch;
    const double row[MBNI_HISTORY_COLUMNS] = {
        0.5, 0.5, p->val_loss ? p->val_loss[epoch] : 0, p->val_acc ? p->val_acc[epoch] : 0, p->rates[epoch],
        1};
    trainer->epochs++;
    mbni_history_append(history, row);
    ck_ok(mbni_callbacks_tell(run, MBNI_EPOCH_END, about));
}

/* Returns the epochs that this call ran. */
static inline int64_t play_list(mbn_model *model, const mbn_callback *const *callbacks, int64_t count,
                                play *p)
{
    mbn_fit_options options = fit_options(1, p->epochs);
    mbn_fit_event about = {.struct_size = sizeof about, .epochs = p->epochs};
    mbn_history *history = mbni_history_create(model->context, p->epochs, 1);
    mbni_callbacks run;
    options.callbacks = callbacks;
    options.callback_count = count;
    ck_ok(mbni_model_write_begin(model));
    ck_ok(mbni_callbacks_open(&run, model, &options, history, 0));
    ck_ok(mbni_callbacks_tell(&run, MBNI_TRAIN_BEGIN, &about));
    while (mbni_history_epochs(history) < p->epochs && !run.stopped)
        play_epoch(&run, history, p, &about);
    ck_assert_int_eq(mbni_callbacks_end(&run, &about, p->status), p->status);
    mbni_callbacks_close(&run);
    mbni_model_write_end(model);
    int64_t epochs = mbni_history_epochs(history);
    mbn_history_destroy(history);
    return epochs;
}

static inline int64_t play_fit(mbn_model *model, const mbn_callback *callback, play *p)
{
    return play_list(model, &callback, 1, p);
}

#endif
