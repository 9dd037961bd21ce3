/* The training half of a model: settings, optimizer state and counters, kept from compile to the next
 * compile. */
#ifndef MBNI_TRAINER_H
#define MBNI_TRAINER_H

#include "train/train.h"

#define MBNI_MAX_STATES 2

/* How far an epoch has come, so that another call of fit, or another process, goes on with it. It counts for
 * a call of the same seed, batch size and number of pictures. */
typedef struct mbni_position {
    int64_t samples; /* trained; 0: no epoch is under way */
    int64_t correct; /* of these */
    int64_t batch_size, count;
    uint64_t seed;
    double loss_sum;
} mbni_position;

/* Batches whose gradients are kept for an update that is still to come. */
typedef struct mbni_group {
    int64_t batches, samples;
} mbni_group;

struct mbni_trainer {
    mbn_context *context;        /* the model's; the model outlives its trainer */
    mbn_compile_options options; /* complete; learning_rate is the present one */
    int64_t steps;               /* updates made */
    int64_t epochs;              /* completed */
    mbni_position position;      /* in the epoch that is under way */
    int64_t value_count; /* floats in each state array: the model's parameter block, place for place */
    int32_t state_count; /* arrays that the optimizer keeps: 0 to MBNI_MAX_STATES */
    float *states[MBNI_MAX_STATES];              /* NULL until the first step */
    struct mbni_callback_state *callback_states; /* callbacks.h */
    float *gradients; /* likewise, of all layers; NULL unless mbni_keeps_gradients */
    mbni_group group;
    double *factors;     /* of the learning rate, for each layer; NULL: all 1 */
    float *average;      /* of all parameters, or these while the averages are in the model; NULL: none */
    int64_t averaged;    /* updates in it */
    bool average_in_use; /* the averages are in the model */
};

/* Number of state arrays for these settings, and the name of each, as checkpoints store it. */
int32_t mbni_optimizer_state_count(const mbn_compile_options *options);
const char *mbni_optimizer_state_name(const mbn_compile_options *options, int32_t state);

/* Replaces the model's trainer. The settings have been checked. */
mbn_status mbni_trainer_create(mbn_model *model, const mbn_compile_options *options);
/* Allocates the state arrays, all zero, if that has not been done. */
mbn_status mbni_trainer_prepare(mbni_trainer *trainer);
/* How many arrays of the parameters' size that makes. */
int64_t mbni_trainer_arrays(const mbni_trainer *trainer);
/* Multiplies the rate of the layers that are meant; MBN_ERR_STATE: not compiled. */
mbn_status mbni_trainer_set_factor(mbn_model *model, const char *layers, double factor);
/* The optimizer as before its first step. */
void mbni_trainer_restart(mbni_trainer *trainer);
/* MBN_OK, or the sentence why these settings cannot be. Resolves the default learning rate. */
mbn_status mbni_compile_check(const mbn_model *model, mbn_compile_options *options);
/* MBN_OK when the network ends in a softmax over [classes]. */
mbn_status mbni_model_check_classifier(const mbn_model *model);

/* Checks x and y against the model and each other, every label included, and makes a feed of them.
 * `tensors` is the feed's memory. */
mbn_status mbni_labelled(const mbn_model *model, const mbn_tensor *x, const mbn_tensor *y, const char *x_name,
                         const char *y_name, mbni_tensors *tensors, mbni_feed *feed);

/* The first of the largest of n > 0 numbers. */
int64_t mbni_first_largest(int64_t n, const float *x);

/* A piece of the parameter block that one task updates. */
typedef struct mbni_chunk {
    int64_t first, count;
    bool decays;    /* a weight decay applies */
    float l2;       /* L2 coefficient */
    double squares; /* sum over its gradients, for their norm */
} mbni_chunk;

/* What a step does with a layer. */
typedef struct mbni_stage {
    bool runs; /* false: y is the output of the layer before, as an alias, or since a neighbour does its work
                */
    bool kept; /* y holds the output until backward; false: that makes it again when it reads it */
    bool takes_moments; /* from the layer before: a batch norm of the batch's statistics */
    const mbni_layer *activation, *padding; /* neighbours whose work it does, or NULL */
    float *y;                               /* output; layers that work in place share */
    float *saved;                           /* NULL where it keeps nothing */
    int64_t first_chunk, chunk_count;       /* of its parameters */
} mbni_stage;

/* The flow buffer of a layer's d_x, when its d_y is in flow[turn]. */
static inline int mbni_gradient_turn(int32_t flags, int turn)
{
    return flags & (MBNI_LAYER_IN_PLACE | MBNI_LAYER_FUSES_RELU) ? turn : !turn;
}

/* Everything that steps on one batch size need, in one block of memory. */
typedef struct mbni_step {
    mbn_model *model;
    mbni_trainer *trainer;
    int64_t max_batch;
    int32_t soft_targets; /* the batch's targets are in `soft`, not in `ids` */
    int64_t layers;       /* that run: all but the final softmax, which is part of the loss */
    int64_t first_layer;  /* the lowest with something to train: gradients go no further down */
    mbni_arena arena;
    int64_t idle_offset;  /* from here on nothing in the arena lasts from step to step */
    mbni_stage *stages;   /* of each layer */
    float *input_ahead;   /* the next batch's pictures, prepared while this one computes */
    mbni_moments moments; /* between a layer and the batch norm behind it */
    float *flow[2];       /* gradients between layers, in turn; in forward, outputs that are not kept */
    float *workspace;
    float *gradients;  /* of one layer at a time, in the layout of its piece of the parameter block */
    float *statistics; /* running statistics before the step */
    int32_t *ids;
    float *soft;    /* targets of the batch, one or the other */
    float *weights; /* of the batch's pictures; NULL: all 1. Not of the block */
    float *losses;
    uint8_t *correct;
    mbni_chunk *chunks;
    int64_t chunk_count;
    bool closes_group; /* an update follows this batch, also if its group lacks batches: the last of an epoch
                        */
} mbni_step;

/* Plans the block; step->arena.bytes then tells its size. Allocates nothing. */
mbn_status mbni_step_plan(mbn_model *model, int64_t max_batch, int32_t soft_targets, mbni_step *step);
/* Allocates it and connects the gradients of what is trained. destroy disconnects them. */
mbn_status mbni_step_create(mbni_step *step);
void mbni_step_destroy(mbni_step *step);
/* The part of the block that is idle between steps. */
static inline int64_t mbni_step_idle_bytes(const mbni_step *step)
{
    return step->arena.bytes - step->idle_offset;
}
/* One step on `batch` pictures whose input and targets are in place. Sums over pictures go to loss_sum and
 * correct_sum (loss with the L2 terms, times batch). `ahead`: NULL, or pictures to gather meanwhile, of which
 * mbni_step_turn makes the next input. A loss that is not finite is MBN_ERR_NUMERIC, with nothing changed. */
mbn_status mbni_step_run(mbni_step *step, int64_t batch, uint64_t seed, const mbni_gather *ahead,
                         double *loss_sum, int64_t *correct_sum);
/* input_ahead becomes the input, and the old input's place is free for the batch after. */
void mbni_step_turn(mbni_step *step);
/* The optimizer's part of a step. A layer is updated as soon as its gradients are there, since no other
 * layer's backward pass reads its parameters: so gradients are in the cache, and need the memory of the
 * largest layer alone. */
typedef struct mbni_update {
    const mbni_step *step;
    const mbni_train_kernels *kernels;
    float rate, decay;
    const mbni_chunk *chunks; /* of the layer */
    int64_t first;            /* its place in the parameter block */
    float *kept; /* gradients of all layers, L2 terms included; NULL: of the layer, in step->gradients */
    float scale; /* of those kept */
} mbni_update;
mbni_update mbni_optimizer_begin(const mbni_step *step);        /* counts the step */
void mbni_optimizer_update(mbni_update *update, int64_t layer); /* its gradients being in step->gradients */
/* Cuts the trained parameters of a layer into chunks; chunks NULL: only counts. */
int64_t mbni_optimizer_chunks(const mbn_model *model, const mbni_layer *layer, mbni_chunk *chunks);

/* Exponential moving averages. What is left of the average before the update with this number, from 1. */
double mbni_average_share(double decay, int64_t updates);
void mbni_average_add(mbni_trainer *trainer, const float *values);
/* Exchanges values and averages; twice is nothing. */
void mbni_average_exchange(mbn_model *model);
mbn_status mbni_average_use(mbn_model *model, bool use);
/* Of a compiled model: MBN_ERR_STATE while its averages are in use. */
mbn_status mbni_average_check_idle(const mbn_model *model);

/* Whether updates have to wait: for gradients of further batches, or for the norm of all. */
bool mbni_keeps_gradients(const mbn_compile_options *options);
/* Around a backward pass, and for each layer whose gradients are in step->gradients: keeps them; the end of a
 * group is its update. */
void mbni_kept_begin(const mbni_step *step);
void mbni_kept_add(const mbni_step *step, int64_t layer, int64_t batch);
void mbni_kept_end(const mbni_step *step, int64_t batch);
double mbni_squares(int64_t count, const float *g); /* sum of squares */
/* What clip_norm leaves of gradients whose squares are in the chunks: 1 or less. */
float mbni_clip_scale(const mbn_compile_options *options, const mbni_chunk *chunks, int64_t count);

/* Evaluation: inference without the final softmax, and the loss on its logits. */
typedef struct mbni_evaluation {
    mbni_inference run;
    mbni_arena arena; /* of the four arrays below */
    int64_t losses_offset, soft_offset, ids_offset, correct_offset;
    float *losses, *soft;
    uint8_t *correct;
    int32_t *ids;
    struct mbn_metrics *metrics; /* what is counted besides; NULL: nothing */
} mbni_evaluation;
mbn_status mbni_evaluation_plan(const mbn_model *model, int64_t max_batch, mbni_evaluation *evaluation);
int64_t mbni_evaluation_bytes(const mbni_evaluation *evaluation);
mbn_status mbni_evaluation_create(mbni_evaluation *evaluation);
/* Instead of create: in memory of mbni_evaluation_bytes that outlives it. */
void mbni_evaluation_lend(mbni_evaluation *evaluation, unsigned char *memory);
void mbni_evaluation_destroy(mbni_evaluation *evaluation);
/* Mean loss, L2 terms included, and accuracy of pictures [first, first + count), count above 0. Fails as the
 * feed does. */
mbn_status mbni_evaluation_run(mbni_evaluation *evaluation, const mbni_feed *feed, int64_t first,
                               int64_t count, double *loss, double *accuracy);
/* Sum of the layers' L2 terms. */
double mbni_l2_loss(const mbn_model *model);

/* History. */
enum { MBNI_HISTORY_COLUMNS = 6 };
mbn_history *mbni_history_create(mbn_context *context, int64_t capacity, int32_t validated);
/* A row: loss, acc, val_loss, val_acc, lr, seconds; the capacity is never passed. */
void mbni_history_append(mbn_history *history, const double row[MBNI_HISTORY_COLUMNS]);
int64_t mbni_history_epochs(const mbn_history *history);
int64_t mbni_history_columns(const mbn_history *history);
const char *mbni_history_column_name(const mbn_history *history, int64_t column);     /* column in range */
double mbni_history_value(const mbn_history *history, int64_t column, int64_t epoch); /* both in range */
void mbni_history_free(mbn_history *history);

/* Progress that `verbose` asks for. */
typedef struct mbni_progress {
    mbn_context *context;
    int32_t verbose;
    int32_t terminal; /* a bar that is drawn over itself */
    int64_t epochs, samples, validation_samples;
    double began, drawn; /* seconds */
    int64_t quarter;     /* of the epoch, printed last */
} mbni_progress;
void mbni_progress_start(mbni_progress *progress, mbn_context *context, int32_t verbose, int64_t epochs,
                         int64_t samples, int64_t validation_samples);
void mbni_progress_epoch(mbni_progress *progress, int64_t epoch);
void mbni_progress_batch(mbni_progress *progress, int64_t done, double loss, double accuracy);
void mbni_progress_epoch_end(mbni_progress *progress, double seconds, const double row[MBNI_HISTORY_COLUMNS]);

/* What fit trains and validates on: the first train_count pictures of one feed, val_count pictures of
 * another or the same; val_count 0: none. */
typedef struct mbni_fit_data {
    const mbni_feed *train, *val;
    int64_t train_count, val_first, val_count;
    int64_t rows; /* of the tensor whose row i is picture i of the training feed; 0: there is no tensor */
} mbni_fit_data;
/* The tensors of a call and its options, with what they need. */
typedef struct mbni_fit_tensors {
    mbni_tensors tensors[2];
    mbni_feed feeds[2];
} mbni_fit_tensors;
/* The data that the arguments and options of mbn_fit mean; `memory` lasts as long. */
mbn_status mbni_fit_data_of(const mbn_model *model, const mbn_tensor *x, const mbn_tensor *y,
                            const mbn_fit_options *options, mbni_fit_tensors *memory, mbni_fit_data *data);
/* The model is compiled. `denormals` is the caller's mode, in which its callbacks run. */
mbn_status mbni_fit(mbn_model *model, const mbni_fit_data *data, const mbn_fit_options *options,
                    uint32_t denormals, mbn_history **history);
/* MBN_OK, or the sentence why options cannot be, or that the model is not compiled. */
mbn_status mbni_fit_check(const mbn_model *model, const mbn_fit_options *options);
mbn_status mbni_train_on_batch(mbn_model *model, const mbn_tensor *x, const mbn_tensor *y, double *loss,
                               double *accuracy);
mbn_status mbni_evaluate_feed(const mbn_model *model, const mbni_feed *feed, int64_t batch_size, double *loss,
                              double *accuracy);
/* metrics: NULL, or counted as well. */
mbn_status mbni_evaluate_counting(const mbn_model *model, const mbni_feed *feed, int64_t batch_size,
                                  struct mbn_metrics *metrics, double *loss, double *accuracy);
mbn_status mbni_evaluate(const mbn_model *model, const mbn_tensor *x, const mbn_tensor *y, int64_t batch_size,
                         double *loss, double *accuracy);
mbn_status mbni_fit_memory(const mbn_model *model, int64_t batch_size, int64_t *bytes);

#endif
