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
                         gets the weights (and averages) of the best epoch; costs a copy of them; default 0 */
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

/** Saves the model at the end of epochs, after all other callbacks. Files are written as mbn_checkpoint_save
 * does: aside, and renamed. In a path, {epoch} is the trained epochs, from 1, {epoch:3} the same with three
 * digits or more, {val_loss} a value of the history with four decimals, {val_loss:2} with two; {{ and }} are
 * braces. */
typedef struct mbn_model_checkpoint_options {
    size_t struct_size;
    const char *path;     /* copied; below 1024 bytes; its directory must be there; has no default */
    const char *monitor;  /* with best_only: a column of the history, copied; NULL (default): "val_loss" */
    int64_t keep_last;    /* of the files that it has written, all but the newest so many are deleted; 0
                             (default): none    is; to 100 */
    int64_t every_epochs; /* saves when the trained epochs are a multiple; at least 1; default 1 */
    int32_t mode;         /* with best_only: MBN_MONITOR_...; default AUTO */
    int32_t best_only;    /* 1: only when the value is better than at every save before; default 0 */
    int32_t weights_only; /* 1: mbn_model_save's file; 0 (default): a checkpoint */
    int32_t average;      /* 1, with weights_only: the averages of the weights (ema_decay); default 0 */
} mbn_model_checkpoint_options;

MBN_API void mbn_model_checkpoint_options_init_sized(mbn_model_checkpoint_options *options,
                                                     size_t struct_size);
static inline void mbn_model_checkpoint_options_init(mbn_model_checkpoint_options *options)
{
    mbn_model_checkpoint_options_init_sized(options, sizeof *options);
}

/** ModelCheckpoint. The best value and the list of its files are part of what it remembers; with another path
 * both begin anew. A directory that takes no files is MBN_ERR_IO of mbn_fit before its first step; a save
 * that fails is MBN_ERR_IO at the end of the epoch, the file before and the trained model are whole.
 *  @return as mbn_callback_create */
MBN_API mbn_status mbn_model_checkpoint_create(mbn_context *context,
                                               const mbn_model_checkpoint_options *options,
                                               mbn_callback **out);

/** Lowers the learning rate when a value has not got better for some epochs. Keras' rules: after a reduction
 * no epoch counts for `cooldown` epochs. Not together with a schedule. */
typedef struct mbn_reduce_on_plateau_options {
    size_t struct_size;
    const char *monitor; /* a column of the history, copied; NULL (default): "val_loss" */
    double factor;       /* the rate is multiplied by it; above 0 to below 1; default 0.1 */
    double min_delta;    /* what a better value must differ by; at least 0; default 1e-4 */
    double min_rate;     /* none is lower; default 0 */
    int64_t patience;    /* epochs without a better value; at least 0; default 10 */
    int64_t cooldown;    /* at least 0; default 0 */
    int32_t mode;        /* MBN_MONITOR_...; default AUTO */
    int32_t reserved;    /* 0 */
} mbn_reduce_on_plateau_options;

MBN_API void mbn_reduce_on_plateau_options_init_sized(mbn_reduce_on_plateau_options *options,
                                                      size_t struct_size);
static inline void mbn_reduce_on_plateau_options_init(mbn_reduce_on_plateau_options *options)
{
    mbn_reduce_on_plateau_options_init_sized(options, sizeof *options);
}

/** ReduceLROnPlateau. @param options  NULL for the defaults @return as mbn_callback_create */
MBN_API mbn_status mbn_reduce_on_plateau_create(mbn_context *context,
                                                const mbn_reduce_on_plateau_options *options,
                                                mbn_callback **out);

/** The rate of an epoch. May read models, and change none.
 *  @param epoch          trained epochs so far
 *  @param learning_rate  in force
 *  @return 0 to 1e6, else fit fails with MBN_ERR_CALLBACK */
typedef double (*mbn_learning_rate_fn)(void *user, int64_t epoch, double learning_rate);

/** Sets the learning rate by a function at the beginning of each epoch. Not together with a schedule. */
typedef struct mbn_learning_rate_scheduler_options {
    size_t struct_size;
    mbn_learning_rate_fn rate; /* has no default. An epoch that is gone on with keeps its rate */
    void *user;                /* its first argument */
} mbn_learning_rate_scheduler_options;

MBN_API void mbn_learning_rate_scheduler_options_init_sized(mbn_learning_rate_scheduler_options *options,
                                                            size_t struct_size);
static inline void mbn_learning_rate_scheduler_options_init(mbn_learning_rate_scheduler_options *options)
{
    mbn_learning_rate_scheduler_options_init_sized(options, sizeof *options);
}

/** LearningRateScheduler. @return as mbn_callback_create */
MBN_API mbn_status mbn_learning_rate_scheduler_create(mbn_context *context,
                                                      const mbn_learning_rate_scheduler_options *options,
                                                      mbn_callback **out);

/** Writes a line an epoch into a file: the trained epochs (from 1) and the columns of the history, numbers
 * with a point in any locale and with all their digits. Each line is written at once. An epoch that is
 * trained again, from a checkpoint before it, has a line again. */
typedef struct mbn_csv_logger_options {
    size_t struct_size;
    const char *path; /* copied; made if it is not there; has no default */
    int32_t append; /* 1 (default): goes on with a file, which must have the same columns; 0: replaces it when
                       a fit begins */
    int32_t reserved; /* 0 */
} mbn_csv_logger_options;

MBN_API void mbn_csv_logger_options_init_sized(mbn_csv_logger_options *options, size_t struct_size);
static inline void mbn_csv_logger_options_init(mbn_csv_logger_options *options)
{
    mbn_csv_logger_options_init_sized(options, sizeof *options);
}

/** CSVLogger. A file that cannot be opened is MBN_ERR_IO of mbn_fit before its first step, one that cannot be
 * written at the end of the epoch. @return as mbn_callback_create */
MBN_API mbn_status mbn_csv_logger_create(mbn_context *context, const mbn_csv_logger_options *options,
                                         mbn_callback **out);

/** TerminateOnNaN: where fit would fail with MBN_ERR_NUMERIC it returns MBN_OK, with the weights of the end
 * of the last good epoch (or what restore_best says), and mbn_last_error() names epoch and batch.
 *  @return as mbn_callback_create */
MBN_API mbn_status mbn_terminate_on_nan_create(mbn_context *context, mbn_callback **out);

/** Told how much of a call of fit is done.
 *  @param percent       0 to 100, of the epochs of this call; never less than before
 *  @param seconds_left  estimated; NaN at first
 *  @return as mbn_fit_callback_fn */
typedef int32_t (*mbn_progress_fn)(void *user, double percent, double seconds_left,
                                   const mbn_fit_event *event);

/** Progress for programs with a display of their own; `verbose` of mbn_fit writes lines. */
typedef struct mbn_progress_options {
    size_t struct_size;
    mbn_progress_fn progress; /* has no default. Called first, after steps of step_percent, and at 100 */
    void *user;               /* its first argument */
    double step_percent;      /* 0 (every batch) to 100; default 1 */
} mbn_progress_options;

MBN_API void mbn_progress_options_init_sized(mbn_progress_options *options, size_t struct_size);
static inline void mbn_progress_options_init(mbn_progress_options *options)
{
    mbn_progress_options_init_sized(options, sizeof *options);
}

/** A callback that tells progress. @return as mbn_callback_create */
MBN_API mbn_status mbn_progress_create(mbn_context *context, const mbn_progress_options *options,
                                       mbn_callback **out);

#ifdef __cplusplus
}
#endif
#endif
