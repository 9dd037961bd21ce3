/* The training loop: order, batches, epochs, validation, callbacks, and the way back from a loss that is not
 * finite. */
#include "train/trainer.h"
#include <math.h>
#include <string.h>
#include "core/platform.h"
#include "train/callbacks.h"
#include "train/weights.h"

/* What one call of fit owns. Zeroed it is valid to destroy. */
typedef struct fit_run {
    mbn_model *model;
    mbni_trainer *trainer;
    mbn_fit_options options;
    mbni_fit_data data;
    mbni_step step;
    mbni_evaluation evaluation;
    int64_t *order;
    mbni_weights weights;
    int64_t snapshot_averaged;
    float *snapshot; /* the parameters at the end of the last good epoch */
    mbni_progress progress;
    mbn_history *history;
    mbni_callbacks callbacks;
    mbn_fit_event event; /* what they are told */
    double rate;         /* of the last update */
} fit_run;

mbn_status mbni_fit_check(const mbn_model *model, const mbn_fit_options *o)
{
    if (!model->trainer)
        return mbni_error(MBN_ERR_STATE, "the model is not compiled; call mbn_compile first");
    MBNI_TRY(mbni_average_check_idle(model));
    if (o->validate_weights != 0 && o->validate_weights != 1)
        return mbni_error(MBN_ERR_ARGUMENT, "option validate_weights is %d; allowed are 0 and 1",
                          (int)o->validate_weights);
    if (o->reserved != 0)
        return mbni_error(MBN_ERR_ARGUMENT, "option reserved is %d; allowed is 0", (int)o->reserved);
    if (o->epochs < 1 || o->epochs > 1000000)
        return mbni_error(MBN_ERR_ARGUMENT, "option epochs is %lld; allowed are 1 to 1000000",
                          (long long)o->epochs);
    if (o->batch_size < 1 || o->batch_size > INT32_MAX)
        return mbni_error(MBN_ERR_ARGUMENT, "option batch_size is %lld; allowed are 1 to 2147483647",
                          (long long)o->batch_size);
    if (!(o->validation_split >= 0 && o->validation_split < 1))
        return mbni_error(MBN_ERR_ARGUMENT, "option validation_split is %g; allowed are 0 to below 1",
                          o->validation_split);
    if (o->shuffle != 0 && o->shuffle != 1)
        return mbni_error(MBN_ERR_ARGUMENT, "option shuffle is %d; allowed are 0 and 1", (int)o->shuffle);
    if (o->verbose < 0 || o->verbose > 2)
        return mbni_error(MBN_ERR_ARGUMENT, "option verbose is %d; allowed are 0, 1 and 2", (int)o->verbose);
    if (!o->validation_x != !o->validation_y)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option %s is NULL; validation_x and validation_y are given together",
                          o->validation_x ? "validation_y" : "validation_x");
    if (o->validation_x && o->validation_split > 0)
        return mbni_error(MBN_ERR_ARGUMENT,
                          "option validation_split is %g with validation_x given; allowed is one of the two",
                          o->validation_split);
    return MBN_OK;
}

mbn_status mbni_fit_data_of(const mbn_model *model, const mbn_tensor *x, const mbn_tensor *y,
                            const mbn_fit_options *o, mbni_fit_tensors *memory, mbni_fit_data *data)
{
    mbni_feed *feeds = memory->feeds;
    MBNI_TRY(mbni_labelled(model, x, y, "x", "y", &memory->tensors[0], &feeds[0]));
    *data = (mbni_fit_data){
        .train = &feeds[0], .val = &feeds[0], .train_count = feeds[0].count, .rows = feeds[0].count};
    if (o->validation_x) {
        MBNI_TRY(mbni_labelled(model, o->validation_x, o->validation_y, "validation_x", "validation_y",
                               &memory->tensors[1], &feeds[1]));
        data->val = &feeds[1];
        data->val_count = feeds[1].count;
    } else if (o->validation_split > 0) {
        const int64_t count = feeds[0].count;
        data->train_count = (int64_t)((double)count * (1 - o->validation_split));
        data->val_first = data->train_count;
        data->val_count = count - data->train_count;
        if (data->train_count < 1 || data->val_count < 1)
            return mbni_error(
                MBN_ERR_ARGUMENT,
                "option validation_split is %g of %lld pictures, which leaves %lld to train and %lld to "
                "validate; both need at least 1",
                o->validation_split, (long long)count, (long long)data->train_count,
                (long long)data->val_count);
    }
    return MBN_OK;
}

/* With averages there are two of these, one behind the other. */
static int64_t snapshot_floats(const mbni_trainer *trainer)
{
    return trainer->value_count * (trainer->options.ema_decay > 0 ? 2 : 1);
}

static void take_snapshot(fit_run *run)
{
    const mbni_trainer *trainer = run->trainer;
    const size_t bytes = (size_t)trainer->value_count * sizeof(float);
    memcpy(run->snapshot, run->model->values, bytes);
    if (trainer->average)
        memcpy(run->snapshot + trainer->value_count, trainer->average, bytes);
    run->snapshot_averaged = trainer->averaged;
}

/* What led the weights astray is in the optimizer's state as well, which starts anew. */
static void restore_snapshot(fit_run *run)
{
    mbni_trainer *trainer = run->trainer;
    const size_t bytes = (size_t)trainer->value_count * sizeof(float);
    memcpy(run->model->values, run->snapshot, bytes);
    if (trainer->average)
        memcpy(trainer->average, run->snapshot + trainer->value_count, bytes);
    trainer->averaged = run->snapshot_averaged;
    mbni_trainer_restart(trainer);
    run->trainer->position = (mbni_position){0};
}

static mbn_status allocate(fit_run *run, uint32_t denormals)
{
    mbn_context *context = run->model->context;
    const mbni_fit_data *data = &run->data;
    const int64_t most = run->options.batch_size;
    MBNI_TRY(mbni_step_plan(run->model, most < data->train_count ? most : data->train_count,
                            data->train->soft, &run->step));
    MBNI_TRY(mbni_step_create(&run->step));
    if (mbni_weighted(&run->weights) &&
        !(run->step.weights = mbni_alloc(context, run->step.max_batch * (int64_t)sizeof(float))))
        return MBN_ERR_MEMORY;
    if (data->val_count) {
        MBNI_TRY(mbni_evaluation_plan(run->model, most < data->val_count ? most : data->val_count,
                                      &run->evaluation));
        if (mbni_evaluation_bytes(&run->evaluation) <= mbni_step_idle_bytes(&run->step))
            mbni_evaluation_lend(&run->evaluation, run->step.arena.base + run->step.idle_offset);
        else
            MBNI_TRY(mbni_evaluation_create(&run->evaluation));
    }
    MBNI_TRY(mbni_trainer_prepare(run->trainer));
    run->order = mbni_alloc(context, run->data.train_count * (int64_t)sizeof *run->order);
    run->snapshot = mbni_alloc(context, snapshot_floats(run->trainer) * (int64_t)sizeof(float));
    run->history = mbni_history_create(context, run->options.epochs, run->data.val_count > 0);
    if (!run->order || !run->snapshot || !run->history)
        return MBN_ERR_MEMORY;
    return mbni_callbacks_open(&run->callbacks, run->model, &run->options, run->history, denormals);
}

/* Everything but the history, which is the caller's if it was asked for. */
static void release(fit_run *run)
{
    mbn_context *context = run->model->context;
    mbni_callbacks_close(&run->callbacks);
    if (run->order) /* which readers may still look at */
        (void)run->data.train->begin(run->data.train->self, NULL, 0, 0, 0);
    mbni_evaluation_destroy(&run->evaluation);
    mbni_step_destroy(&run->step);
    mbni_free(context, run->step.weights);
    mbni_free(context, run->order);
    mbni_free(context, run->snapshot);
}

/* The order of an epoch depends on the seed and on how many epochs the model has seen, so that calls continue
 * each other. */
static void set_order(fit_run *run)
{
    mbni_random random;
    mbni_random_seed(&random, run->options.seed, (uint64_t)run->trainer->epochs);
    if (run->options.shuffle)
        mbni_random_permutation(&random, run->data.train_count, run->order);
    else
        for (int64_t i = 0; i < run->data.train_count; i++)
            run->order[i] = i;
}

/* Pictures of the batch that begins after `done`; 0 at the end. */
static int64_t batch_at(const fit_run *run, int64_t done)
{
    int64_t left = run->data.train_count - done;
    return left < run->step.max_batch ? left : run->step.max_batch;
}

/* The epoch that is under way, or a new one. */
static mbni_position *settle_position(fit_run *run)
{
    mbni_position *p = &run->trainer->position;
    const mbni_position fresh = {
        .batch_size = run->step.max_batch, .count = run->data.train_count, .seed = run->options.seed};
    if (p->samples == 0 || p->batch_size != fresh.batch_size || p->count != fresh.count ||
        p->seed != fresh.seed) {
        *p = fresh;
        run->trainer->group = (mbni_group){0};
    }
    return p;
}

/* One step, on the batch that is in place, while the next one is put there. */
static mbn_status train_batch(fit_run *run, mbni_position *at)
{
    mbni_step *step = &run->step;
    const mbni_feed *feed = run->data.train;
    const int64_t batch = batch_at(run, at->samples), place = at->samples + batch,
                  next = batch_at(run, place);
    feed->labels(feed->self, at->samples, batch, step->ids, step->soft);
    if (step->weights)
        mbni_weights_fill(&run->weights, batch, run->order + at->samples, step->ids,
                          step->soft_targets ? step->soft : NULL, step->weights);
    MBNI_TRY(feed->ready(feed->self, place, next));
    run->rate = run->trainer->options.learning_rate;
    step->closes_group = next == 0;
    mbni_gather ahead = mbni_model_gather_plan(run->model, feed, place, next, step->input_ahead);
    if (mbni_step_run(step, batch, run->options.seed, next ? &ahead : NULL, &at->loss_sum, &at->correct))
        return mbni_error(
            MBN_ERR_NUMERIC,
            "the loss is not finite in epoch %lld, batch %lld of %lld; the model has the weights of "
            "the end of the last good epoch again",
            (long long)run->event.epoch + 1, (long long)run->event.batch + 1, (long long)run->event.batches);
    mbni_step_turn(step);
    at->samples = place;
    return MBN_OK;
}

static void note_position(mbn_fit_event *event, const mbni_position *at)
{
    if (at->samples == 0)
        return;
    event->samples = at->samples;
    event->loss = at->loss_sum / (double)at->samples;
    event->accuracy = (double)at->correct / (double)at->samples;
}

static mbn_status train_epoch(fit_run *run, double began)
{
    mbn_fit_event *event = &run->event;
    const mbni_feed *feed = run->data.train;
    mbni_position *at = settle_position(run);
    const int64_t first = batch_at(run, at->samples);
    event->batch = at->samples / run->step.max_batch;
    note_position(event, at);
    MBNI_TRY(mbni_callbacks_tell(&run->callbacks, MBNI_EPOCH_BEGIN, event));
    if (run->callbacks.stopped)
        return MBN_OK;
    set_order(run);
    MBNI_TRY(feed->begin(feed->self, run->order, at->samples, run->data.train_count,
                         mbni_random_hash(run->options.seed, (uint64_t)run->trainer->epochs)));
    MBNI_TRY(feed->ready(feed->self, at->samples, first));
    mbni_model_gather(run->model, feed, at->samples, first, run->step.stages[0].y);
    /* None are left where a checkpoint lies between the last step of an epoch and its end. */
    for (; at->samples < run->data.train_count && !run->callbacks.stopped; event->batch++) {
        MBNI_TRY(mbni_callbacks_tell(&run->callbacks, MBNI_BATCH_BEGIN, event));
        if (run->callbacks.stopped)
            break;
        MBNI_TRY(train_batch(run, at));
        note_position(event, at);
        event->seconds = mbni_platform_seconds() - began;
        mbni_progress_batch(&run->progress, at->samples, event->loss, event->accuracy);
        MBNI_TRY(mbni_callbacks_tell(&run->callbacks, MBNI_BATCH_END, event));
    }
    return MBN_OK;
}

/* The last update of an epoch may be the one that broke the weights, which no loss has seen yet. */
static mbn_status check_weights(fit_run *run, int64_t epoch)
{
    for (int64_t i = 0; i < run->model->value_count; i++)
        if (!isfinite(run->model->values[i]))
            return mbni_error(
                MBN_ERR_NUMERIC,
                "a weight is %g at the end of epoch %lld; the model has the weights of the end of the "
                "last good epoch again",
                (double)run->model->values[i], (long long)epoch + 1);
    return MBN_OK;
}

/* Loss and accuracy of the validation data, into row[2] and row[3]. */
static mbn_status validate(fit_run *run, int64_t epoch, double row[MBNI_HISTORY_COLUMNS])
{
    const mbni_fit_data *data = &run->data;
    if (data->val_count == 0)
        return MBN_OK;
    const bool average = run->trainer->average && !run->options.validate_weights;
    if (average)
        mbni_average_exchange(run->model);
    const mbn_status status =
        mbni_evaluation_run(&run->evaluation, data->val, data->val_first, data->val_count, &row[2], &row[3]);
    if (average)
        mbni_average_exchange(run->model);
    if (status)
        return status;
    if (!isfinite(row[2]))
        return mbni_error(
            MBN_ERR_NUMERIC,
            "the validation loss is %g after epoch %lld; the model has the weights of the end of "
            "the last good epoch again",
            row[2], (long long)epoch + 1);
    return MBN_OK;
}

/* The event of an epoch that has not begun. */
static mbn_fit_event new_event(const fit_run *run, int64_t epoch)
{
    return (mbn_fit_event){.struct_size = sizeof(mbn_fit_event),
                           .loss = NAN,
                           .accuracy = NAN,
                           .val_loss = NAN,
                           .val_accuracy = NAN,
                           .epoch = epoch,
                           .epochs = run->options.epochs,
                           .batches = (run->data.train_count - 1) / run->step.max_batch + 1,
                           .training_samples = run->data.train_count};
}

static mbn_status run_epoch(fit_run *run, int64_t epoch)
{
    double row[MBNI_HISTORY_COLUMNS] = {NAN, NAN, NAN, NAN, NAN, 0};
    const double began = mbni_platform_seconds();
    mbn_fit_event *event = &run->event;
    *event = new_event(run, epoch);
    mbni_progress_epoch(&run->progress, epoch);
    MBNI_TRY(train_epoch(run, began));
    if (event->samples < run->data.train_count) /* stopped on the way: not an epoch */
        return MBN_OK;
    MBNI_TRY(check_weights(run, epoch));
    MBNI_TRY(validate(run, epoch, row));
    run->trainer->epochs++;
    run->trainer->position = (mbni_position){0};
    take_snapshot(run);
    row[0] = event->loss;
    row[1] = event->accuracy;
    row[4] = run->rate;
    event->batch = event->batches - 1;
    event->val_loss = row[2];
    event->val_accuracy = row[3];
    event->seconds = row[5] = mbni_platform_seconds() - began;
    mbni_history_append(run->history, row);
    mbni_progress_epoch_end(&run->progress, row[5], row);
    return mbni_callbacks_tell(&run->callbacks, MBNI_EPOCH_END, event);
}

/* All epochs, between the first event and the last. */
static mbn_status train(fit_run *run)
{
    run->event = new_event(run, 0);
    mbn_status status = mbni_callbacks_tell(&run->callbacks, MBNI_TRAIN_BEGIN, &run->event);
    for (int64_t epoch = 0; epoch < run->options.epochs && !run->callbacks.stopped && !status; epoch++)
        status = run_epoch(run, epoch);
    if (status == MBN_ERR_NUMERIC)
        restore_snapshot(run);
    return mbni_callbacks_end(&run->callbacks, &run->event, status);
}

mbn_status mbni_fit(mbn_model *model, const mbni_fit_data *data, const mbn_fit_options *options,
                    uint32_t denormals, mbn_history **history)
{
    fit_run run = {.model = model,
                   .trainer = model->trainer,
                   .options = *options,
                   .data = *data,
                   .rate = model->trainer->options.learning_rate};
    MBNI_TRY(mbni_weights_read(model, options, data->rows, &run.weights));
    mbn_status status = allocate(&run, denormals);
    if (!status) {
        mbni_progress_start(&run.progress, model->context, options->verbose, options->epochs,
                            data->train_count, data->val_count);
        take_snapshot(&run);
        status = train(&run);
        model->revision++;
        if (history) {
            *history = run.history;
            run.history = NULL;
        }
    }
    release(&run);
    if (run.history)
        mbni_history_free(run.history);
    return status;
}

mbn_status mbni_fit_memory(const mbn_model *model, int64_t batch_size, int64_t *bytes)
{
    mbni_step step;
    mbni_evaluation evaluation;
    int64_t states;
    if (!model->trainer)
        return mbni_error(MBN_ERR_STATE, "the model is not compiled; call mbn_compile first");
    if (batch_size < 1 || batch_size > INT32_MAX)
        return mbni_error(MBN_ERR_ARGUMENT, "argument batch_size is %lld; allowed are 1 to 2147483647",
                          (long long)batch_size);
    /* Planning changes nothing in the model. */
    MBNI_TRY(mbni_step_plan((mbn_model *)model, batch_size, 0, &step));
    MBNI_TRY(mbni_evaluation_plan(model, batch_size, &evaluation));
    /* The optimizer's state, and the snapshot of the parameters. */
    states = (model->trainer->value_count * mbni_trainer_arrays(model->trainer) +
              snapshot_floats(model->trainer)) *
             (int64_t)sizeof(float);
    int64_t evaluating = mbni_evaluation_bytes(&evaluation);
    if (evaluating <= mbni_step_idle_bytes(&step))
        evaluating = 0;
    if (!mbni_add(step.arena.bytes, evaluating, bytes) || !mbni_add(*bytes, states, bytes))
        return mbni_error(MBN_ERR_MEMORY, "batch size %lld needs more memory than can be addressed",
                          (long long)batch_size);
    return MBN_OK;
}

mbn_status mbni_train_on_batch(mbn_model *model, const mbn_tensor *x, const mbn_tensor *y, double *loss,
                               double *accuracy)
{
    mbni_step step = {0};
    mbni_tensors tensors;
    mbni_feed feed;
    double loss_sum = 0;
    int64_t correct = 0;
    mbn_status status;
    if (!model->trainer)
        return mbni_error(MBN_ERR_STATE, "the model is not compiled; call mbn_compile first");
    MBNI_TRY(mbni_average_check_idle(model));
    MBNI_TRY(mbni_labelled(model, x, y, "x", "y", &tensors, &feed));
    MBNI_TRY(mbni_trainer_prepare(model->trainer));
    MBNI_TRY(mbni_step_plan(model, feed.count, feed.soft, &step));
    MBNI_TRY(mbni_step_create(&step));
    mbni_model_gather(model, &feed, 0, feed.count, step.stages[0].y);
    feed.labels(feed.self, 0, feed.count, step.ids, step.soft);
    status = mbni_step_run(&step, feed.count, 0, NULL, &loss_sum, &correct);
    if (!status) {
        *loss = loss_sum / (double)feed.count;
        *accuracy = (double)correct / (double)feed.count;
        model->revision++;
    }
    mbni_step_destroy(&step);
    return status;
}
