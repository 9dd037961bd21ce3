/* What stands around fit: schedules of the learning rate, and callbacks. docs/training.md has the formulas.
 *
 *     mbn_early_stopping_options o;
 *     mbn_early_stopping_options_init(&o);
 *     o.patience = 5;
 *     mbn_callback *stopping;
 *     mbn_early_stopping_create(NULL, &o, &stopping);
 *     options.callbacks = (const mbn_callback *const *)&stopping;
 *     options.callback_count = 1;                             of mbn_fit
 *     mbn_fit(model, x, y, &options, &history);
 *     mbn_callback_destroy(stopping);
 *
 * Rules. A callback is never changed after it was made: it may be given to any number of fits, from any
 * thread. What it remembers (the best value, how long nothing got better, the best weights) belongs to the
 * model, is part of a checkpoint, and begins anew with mbn_compile. A training that was stopped anywhere and
 * goes on, in another process too, with callbacks made alike therefore equals one never stopped. Callbacks of
 * one kind that watch the same are told apart by their order in the list.
 *
 * At one event the callbacks that change the training act first, then the functions of the caller
 * (mbn_callback_create, and at last those in mbn_fit_options), then the callbacks that save: each group in
 * the order of the list. All are told, also when one of them stops or fails; the first failure is what fit
 * returns. Stopping and failing leave model, optimizer, history and callbacks as they are then, and training
 * may go on. */
#ifndef MOBILENET_CALLBACKS_H
#define MOBILENET_CALLBACKS_H

#include <mobilenet/train.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Curves of the learning rate over epochs. */
enum {
    MBN_SCHEDULE_CONSTANT = 0,
    MBN_SCHEDULE_STEP = 1,       /* times `factor` at the end of every `period` */
    MBN_SCHEDULE_COSINE = 2,     /* half a cosine down to end_rate, arXiv 1608.03983 without restarts */
    MBN_SCHEDULE_ONE_CYCLE = 3,  /* half a cosine up, half a cosine down, arXiv 1708.07120 */
    MBN_SCHEDULE_EXPONENTIAL = 4 /* times `factor` within every `period`, evenly */
};

/** A curve. It is read at every update, at the epochs that the model has been trained for since mbn_compile
 * and the part of the present one, so that a resumed training is where it would be. */
struct mbn_schedule_options {
    size_t struct_size;
    double learning_rate; /* the highest; above 0 to 1e6; has no default */
    double start_rate;    /* of the first update, from where it rises evenly to learning_rate; 0 to
                             learning_rate;    below 0 (the default): 0, ONE_CYCLE learning_rate / 25 */
    double end_rate; /* COSINE, ONE_CYCLE: the last; STEP, EXPONENTIAL: none is lower; 0 to learning_rate;
                        below 0 (the default): 0, ONE_CYCLE start_rate / 1e4 */
    double warmup_epochs; /* of the rise, also parts of one; the curve begins behind it; at least 0; below 0
                             (the default): 0, ONE_CYCLE 0.3 * epochs */
    double epochs;        /* COSINE, ONE_CYCLE: of all, the rise included; above warmup_epochs; no default */
    double period;        /* STEP, EXPONENTIAL: in epochs; above 0; default 1 */
    double factor;        /* STEP, EXPONENTIAL: above 0 to 1; default 0.1 */
    double first_epoch; /* trained epochs at which all this begins; before it: start_rate; at least 0; default
                           0 */
    int32_t kind;       /* MBN_SCHEDULE_...; default CONSTANT */
    int32_t reserved;   /* 0 */
};

MBN_API void mbn_schedule_options_init_sized(mbn_schedule_options *options, size_t struct_size);
static inline void mbn_schedule_options_init(mbn_schedule_options *options)
{
    mbn_schedule_options_init_sized(options, sizeof *options);
}

/** The rate of an update, for plots: fit uses the same numbers.
 *  @param epoch  trained epochs and the part of the present one: update k of b in the first epoch is at k / b
 *  @param rate   receives it; NaN on failure
 *  @return MBN_OK, MBN_ERR_ARGUMENT. Any thread. */
MBN_API mbn_status mbn_schedule_rate(const mbn_schedule_options *options, double epoch, double *rate);

/** Releases a callback, which no fit uses at the time. NULL is allowed. */
MBN_API void mbn_callback_destroy(mbn_callback *callback);

/** Functions of the caller, each told of its event; mbn_fit_callback_fn says what they may do. The event of a
 * beginning has the numbers known so far: those of an epoch that is gone on with are not NaN. */
typedef struct mbn_callback_options {
    size_t struct_size;
    mbn_fit_callback_fn on_train_begin; /* before anything; stopping here trains nothing. Default NULL */
    mbn_fit_callback_fn
        on_train_end; /* whatever fit returns, if on_train_begin was called and did not fail */
    mbn_fit_callback_fn on_epoch_begin; /* also where an epoch is gone on with */
    mbn_fit_callback_fn on_epoch_end;   /* of completed epochs, after validation */
    mbn_fit_callback_fn on_batch_begin; /* stopping here leaves out the step */
    mbn_fit_callback_fn on_batch_end;
    void *user; /* their first argument; must live as long as a fit may call them */
} mbn_callback_options;

MBN_API void mbn_callback_options_init_sized(mbn_callback_options *options, size_t struct_size);
static inline void mbn_callback_options_init(mbn_callback_options *options)
{
    mbn_callback_options_init_sized(options, sizeof *options);
}

/** A callback of functions.
 *  @param context  NULL for the default
 *  @param out      receives the callback, to be released with mbn_callback_destroy; NULL on failure
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_MEMORY. Any thread; so are all constructors below. */
MBN_API mbn_status mbn_callback_create(mbn_context *context, const mbn_callback_options *options,
                                       mbn_callback **out);

/** Which values are better. */
enum {
    MBN_MONITOR_AUTO = 0, /* higher where the column's name contains "acc", else lower */
    MBN_MONITOR_MIN = 1,
    MBN_MONITOR_MAX = 2
};

/** Stops when a value has not got better for some epochs. Keras' rules: the value of an epoch is better when
 * it beats the best so far by more than min_delta. */
typedef struct mbn_early_stopping_options {
    size_t struct_size;
    const char *monitor; /* a column of the history, copied; NULL (default): "val_loss" */
    double min_delta;    /* at least 0; default 0 */
    double
        baseline; /* the count of epochs begins anew only at values that beat it too; NaN (default): none */
    int64_t patience;         /* epochs without a better value after which it stops, at least 0; default 0 */
    int64_t start_from_epoch; /* trained epochs before the first that counts; at least 0; default 0 */
    int32_t mode;             /* MBN_MONITOR_...; default AUTO */
    int32_t
        restore_best; /* 1: when it has stopped the training, and when all epochs of a fit are done, the model
                         gets the weights of the best epoch; costs a copy of the weights; default 0 */
} mbn_early_stopping_options;

MBN_API void mbn_early_stopping_options_init_sized(mbn_early_stopping_options *options, size_t struct_size);
static inline void mbn_early_stopping_options_init(mbn_early_stopping_options *options)
{
    mbn_early_stopping_options_init_sized(options, sizeof *options);
}

/** EarlyStopping. Once it has stopped a training and fit has returned, it counts anew; a checkpoint of the
 * epoch in which it stopped makes the next fit stop at once, with the weights that it is to have. A fit that
 * somebody else stopped keeps its weights and goes on counting next time.
 *  @param options  NULL for the defaults
 *  @return as mbn_callback_create */
MBN_API mbn_status mbn_early_stopping_create(mbn_context *context, const mbn_early_stopping_options *options,
                                             mbn_callback **out);

#ifdef __cplusplus
}
#endif
#endif
