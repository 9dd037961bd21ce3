/* Training: compile, fit, evaluate, history.
 *
 * Data: x is u8 or f32 [n, height, width, channels] (or the model's data format); u8 goes through the model's
 * preprocessing. y is i32 [n] with class ids, or f32 [n, classes] with one-hot or soft targets. The loss is
 * the mean categorical cross entropy over the batch, plus the L2 terms of the layers; the network must end in
 * a softmax. */
#ifndef MOBILENET_TRAIN_H
#define MOBILENET_TRAIN_H

#include <mobilenet/augment.h>
#include <mobilenet/dataset.h>
#include <mobilenet/model.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Optimizers. Formulas as in Keras; docs/training.md has them. */
enum {
    MBN_OPTIMIZER_SGD = 0,     /* with momentum, plain or Nesterov */
    MBN_OPTIMIZER_RMSPROP = 1, /* Tieleman & Hinton 2012 */
    MBN_OPTIMIZER_ADAM = 2,    /* Kingma & Ba, arXiv 1412.6980 */
    MBN_OPTIMIZER_ADAMW = 3    /* decoupled weight decay, arXiv 1711.05101 */
};

typedef struct mbn_compile_options {
    size_t struct_size;
    double learning_rate;    /* at least 0; below 0 (the default): SGD 0.01, others 0.001 */
    double momentum;         /* SGD and RMSprop; 0 to below 1; default 0 */
    double rho;              /* RMSprop's decay; 0 to below 1; default 0.9 */
    double beta1;            /* Adam, AdamW; 0 to below 1; default 0.9 */
    double beta2;            /* default 0.999 */
    double epsilon;          /* RMSprop, Adam, AdamW; above 0; default 1e-7 */
    double weight_decay;     /* on kernels, not on biases, batch norm and, unless decay_depthwise says so,
                                depthwise kernels; at least 0. SGD: part of the gradient, g + decay * w; default
                                0.     AdamW: decoupled; default 0.01. Refused with the others when above 0 */
    double label_smoothing;  /* 0 to below 1; targets become t * (1 - s) + s / classes; default 0 */
    int32_t optimizer;       /* MBN_OPTIMIZER_...; default SGD */
    int32_t nesterov;        /* 1: Nesterov's momentum with SGD; default 0 */
    double clip_norm;        /* above 0: gradients of all trained parameters together, L2 terms included, are
                                shortened to this Euclidean norm where it is larger; default 0: not */
    double clip_value;       /* above 0: each element is bounded to -clip_value and clip_value, instead of
                                clip_norm; default 0: not */
    int64_t accumulation;    /* batches whose gradients make one update, that of one batch with all their
                                pictures; 0 to 1e6; default 0, as 1: an update a batch */
    double ema_decay;        /* above 0: exponential moving averages of all weights and running statistics are
                                kept, 4 bytes a parameter; 0 to below 1; default 0: none */
    int32_t decay_depthwise; /* 1: weight_decay applies to depthwise kernels too; default 0 */
    int32_t reserved;        /* 0 */
} mbn_compile_options;

MBN_API void mbn_compile_options_init_sized(mbn_compile_options *options, size_t struct_size);
static inline void mbn_compile_options_init(mbn_compile_options *options)
{
    mbn_compile_options_init_sized(options, sizeof *options);
}

/** Settles optimizer and loss, and forgets any earlier optimizer state.
 *  @param options  NULL for the defaults
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_STATE (not built, or not ending in a softmax), MBN_ERR_BUSY,
 *          MBN_ERR_MEMORY */
MBN_API mbn_status mbn_compile(mbn_model *model, const mbn_compile_options *options);

/** What a callback of fit is told. Numbers not known yet are NaN. */
typedef struct mbn_fit_event {
    size_t struct_size;
    double loss;     /* mean over the epoch so far */
    double accuracy; /* likewise */
    double val_loss; /* at the end of an epoch with validation */
    double val_accuracy;
    double seconds;           /* since the epoch began */
    int64_t epoch;            /* from 0, within this call of fit */
    int64_t epochs;           /* of this call */
    int64_t batch;            /* from 0 */
    int64_t batches;          /* in an epoch */
    int64_t samples;          /* seen in this epoch */
    int64_t training_samples; /* in an epoch */
    double learning_rate;     /* in force */
} mbn_fit_event;

/** Called on the thread that called fit. It may call mbn_predict, mbn_evaluate (from the epoch callback),
 * mbn_model_save, mbn_checkpoint_save and mbn_set_learning_rate on the model that trains; calls that change
 * it otherwise are refused.
 *  @return 0 to go on, 1 to stop after this step (fit returns MBN_OK), below 0 to fail fit with
 * MBN_ERR_CALLBACK; callbacks.h has the order among several */
typedef int32_t (*mbn_fit_callback_fn)(void *user, mbn_model *model, const mbn_fit_event *event);

/** A curve of the learning rate, and something that fit tells how it gets on; callbacks.h. */
typedef struct mbn_schedule_options mbn_schedule_options;
typedef struct mbn_callback mbn_callback;

typedef struct mbn_fit_options {
    size_t struct_size;
    const mbn_tensor *validation_x; /* with validation_y; instead of validation_split; default NULL */
    const mbn_tensor *validation_y;
    mbn_fit_callback_fn on_batch_end; /* default NULL */
    mbn_fit_callback_fn on_epoch_end; /* default NULL */
    void *callback_user;              /* their first argument */
    double validation_split; /* the last part of the data validates: the first (int64_t)(n * (1 - split))
                                train; 0 to below 1; default 0 */
    uint64_t seed;           /* of shuffling and dropout; default 0 */
    int64_t batch_size;      /* at least 1; default 32 */
    int64_t epochs;          /* at least 1; default 1 */
    int32_t shuffle;         /* 1 (default): a new order every epoch */
    int32_t verbose;         /* 0 (default): silent; 1: progress bar; 2: a line an epoch */
    const mbn_schedule_options *schedule; /* lent; it sets the rate before every update; NULL (default): the
                                             rate of mbn_compile and mbn_set_learning_rate */
    const mbn_callback *const *callbacks; /* callback_count of them, lent; default NULL */
    int64_t callback_count;               /* 0 to 64; default 0 */
    /* Weights, 0 to 1e6, multiply the loss of a picture; of both kinds their product. The loss of a batch is
     * the sum of weighted losses over the number of pictures, as in Keras. Accuracy and validation are not
     * weighted. */
    const double *class_weights;        /* [classes]; with soft targets by the largest; lent; default NULL */
    const mbn_tensor *sample_weights;   /* f32 [n], of x with its validation part; default NULL */
    int64_t class_weight_count;         /* of class_weights: the number of classes; default 0 */
    const mbn_augment_options *augment; /* lent; changes the pictures that train, which are u8 then, by chance
                                           (augment.h) and by this call's seed; NULL (default): not */
    int32_t readers;       /* threads that read a data set which is not in memory; 1 to 64; 0 (default): 2 */
    int32_t batches_ahead; /* how far they may be ahead, which bounds the memory; 1 to 1024; 0 (default): 2 */
    int32_t validate_weights; /* 1: validation takes the weights also where averages are kept; default 0: the
                                 averages (ema_decay) */
    int32_t reserved;         /* 0 */
} mbn_fit_options;

MBN_API void mbn_fit_options_init_sized(mbn_fit_options *options, size_t struct_size);
static inline void mbn_fit_options_init(mbn_fit_options *options)
{
    mbn_fit_options_init_sized(options, sizeof *options);
}

/** What fit measured: a table with a row per epoch. */
typedef struct mbn_history mbn_history;

/** Trains a compiled model. The last batch of an epoch may be smaller. Everything is checked before the first
 * step. Order of pictures and dropout depend on the seed and on the epochs the model has been trained for, so
 * two calls with the same seed continue each other exactly. A call that a callback ended within an epoch, and
 * a checkpoint saved there, are continued there, by a call with the same seed, batch size and number of
 * pictures: the rest of that epoch is then the first of its epochs. Weights, optimizer state and history stay
 * valid whatever fit returns.
 *  @param x, y     lent during the call
 *  @param options  NULL for the defaults
 *  @param history  receives the epochs completed, to be released with mbn_history_destroy; may be NULL. Set
 * on failure after the first step too, else NULL.
 *  @return MBN_OK; MBN_ERR_STATE (not compiled); MBN_ERR_ARGUMENT, MBN_ERR_SHAPE, MBN_ERR_TYPE (data or
 * options); MBN_ERR_NUMERIC (a loss was NaN or infinite: the message names epoch and batch, and the model has
 * the weights of the end of the last good epoch again, its optimizer starts anew); MBN_ERR_CALLBACK;
 * MBN_ERR_IO (a callback's file); MBN_ERR_MEMORY; MBN_ERR_BUSY Memory: mbn_fit_memory. Bits are the same for
 * any number of threads. */
MBN_API mbn_status mbn_fit(mbn_model *model, const mbn_tensor *x, const mbn_tensor *y,
                           const mbn_fit_options *options, mbn_history **history);

/** mbn_fit on data sets, whose pictures are read while others are computed on: by tasks of the context when
 * they lie in memory, by threads of this call otherwise, on the calling thread when a host's function is not
 * thread-safe. What is trained is the same, bit for bit, wherever the pictures come from.
 *  @param train       pictures of the model's size, its number of classes, the model's context; lent during
 * the call
 *  @param validation  likewise; NULL: none. It is not augmented
 *  @param options     NULL for the defaults; validation_x, validation_split and sample_weights are not
 * allowed
 *  @return as mbn_fit, and what reading answers: MBN_ERR_IO, MBN_ERR_FORMAT, MBN_ERR_CALLBACK; the model then
 * has the weights of the last batch before. Memory: mbn_fit_memory, and a batch of pictures as they are in
 * the data set, 1 + batches_ahead of them when threads read */
MBN_API mbn_status mbn_fit_dataset(mbn_model *model, const mbn_dataset *train, const mbn_dataset *validation,
                                   const mbn_fit_options *options, mbn_history **history);

/** Bytes that mbn_fit and mbn_train_on_batch allocate for this batch size beside the model's parameters and
 * the data: activations, gradients, optimizer state. @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_STATE (not
 * compiled) */
MBN_API mbn_status mbn_fit_memory(const mbn_model *model, int64_t batch_size, int64_t *bytes);

/** One step on one batch; with accumulation the update follows with the last batch of a group. @param loss,
 * accuracy  before the update; may be NULL
 *  @return as mbn_fit; on MBN_ERR_NUMERIC the weights are those before the call, and so are the running
 * statistics. */
MBN_API mbn_status mbn_train_on_batch(mbn_model *model, const mbn_tensor *x, const mbn_tensor *y,
                                      double *loss, double *accuracy);

/** Mean loss and accuracy in inference mode. Labels as for fit, without smoothing; L2 terms are part of the
 * loss.
 *  @param batch_size      pictures at once, at least 1; 0: 128
 *  @param loss, accuracy  receive the results; may be NULL
 *  @return MBN_OK, MBN_ERR_STATE (not built, or not ending in a softmax), MBN_ERR_ARGUMENT, MBN_ERR_SHAPE,
 * MBN_ERR_TYPE, MBN_ERR_MEMORY, MBN_ERR_BUSY */
MBN_API mbn_status mbn_evaluate(const mbn_model *model, const mbn_tensor *x, const mbn_tensor *y,
                                int64_t batch_size, double *loss, double *accuracy);

/** mbn_evaluate on a data set.
 *  @param dataset  as for mbn_fit_dataset
 *  @return as mbn_evaluate and mbn_fit_dataset */
MBN_API mbn_status mbn_evaluate_dataset(const mbn_model *model, const mbn_dataset *dataset,
                                        int64_t batch_size, double *loss, double *accuracy);

/** mbn_predict on the pictures of a data set, in its order; what classes it has does not matter.
 *  @param batch_size  pictures at once, 1 to 128; 0: 128
 *  @param out         f32 [count, ...], to be released by the caller; NULL on failure
 *  @return as mbn_predict and mbn_fit_dataset */
MBN_API mbn_status mbn_predict_dataset(const mbn_model *model, const mbn_dataset *dataset, int64_t batch_size,
                                       mbn_tensor **out);

/** Exchanges the model's weights and running statistics for their averages (ema_decay), or back. Meanwhile
 * everything but training works with the averages: mbn_predict, mbn_evaluate, mbn_model_save; checkpoints
 * keep both, and which are in use. Training is refused, and goes on exactly after the way back. mbn_compile
 * leaves the model with what is in it.
 *  @param use  1: the averages; 0: the weights that training goes on from. As it is already: nothing happens.
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_STATE (no averages are kept, or there was no update yet),
 *          MBN_ERR_BUSY (from a callback of fit too: there the option `average` of mbn_model_save serves) */
MBN_API mbn_status mbn_model_use_average(mbn_model *model, int32_t use);

/** The learning rate of a compiled model; NaN when not compiled. */
MBN_API double mbn_learning_rate(const mbn_model *model);
/** Changes it, from a callback of fit too, unless a schedule sets it. @return MBN_OK, MBN_ERR_ARGUMENT
 * (negative or not finite), MBN_ERR_STATE */
MBN_API mbn_status mbn_set_learning_rate(mbn_model *model, double learning_rate);

/** Multiplies the learning rate for some layers of a compiled model, decoupled weight decay included. The
 * last call for a layer counts; checkpoints keep it, mbn_compile forgets it. A factor of 0 keeps weights as
 * they are, while batch norm goes on with the batch's statistics, unlike in a frozen layer.
 *  @param layer   as in mbn_model_set_trainable: a name, the beginning of names and '*', or NULL for all
 *  @param factor  0 to 1e6; 1 for those never set
 *  @return MBN_OK, MBN_ERR_ARGUMENT, MBN_ERR_NOT_FOUND, MBN_ERR_STATE (not compiled), MBN_ERR_MEMORY,
 *          MBN_ERR_BUSY (from a callback of fit too) */
MBN_API mbn_status mbn_set_learning_rate_factor(mbn_model *model, const char *layer, double factor);

/** Epochs completed since compile, those before a checkpoint included; 0 when not compiled. */
MBN_API int64_t mbn_trained_epochs(const mbn_model *model);

/** Rows of a history: the epochs completed. 0 for NULL. */
MBN_API int64_t mbn_history_epochs(const mbn_history *history);
/** Columns: "loss", "acc", "val_loss", "val_acc" (with validation), "lr" (of the epoch's last update),
 * "seconds". 0 for NULL. */
MBN_API int64_t mbn_history_columns(const mbn_history *history);
/** Name of a column; NULL when out of range. Lent: valid as long as the history. */
MBN_API const char *mbn_history_column_name(const mbn_history *history, int64_t column);
/** One number. @param epoch  from 0
 *  @return MBN_OK, MBN_ERR_NOT_FOUND (no such column), MBN_ERR_ARGUMENT (epoch out of range) */
MBN_API mbn_status mbn_history_get(const mbn_history *history, const char *column, int64_t epoch,
                                   double *value);
/** Releases a history. NULL is allowed. */
MBN_API void mbn_history_destroy(mbn_history *history);

#ifdef __cplusplus
}
#endif
#endif
