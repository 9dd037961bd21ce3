/* Moving averages of weights and running statistics: values, what they are used for, what they leave alone.
 */
#include "support/allocator.h"
#include "support/training.h"
#include <math.h>
#include <stdio.h>
#include "train/trainer.h"

static void compile_average(mbn_model *model, double decay)
{
    mbn_compile_options options;
    mbn_compile_options_init(&options);
    options.optimizer = MBN_OPTIMIZER_ADAM;
    options.learning_rate = 3e-3;
    options.ema_decay = decay;
    ck_ok(mbn_compile(model, &options));
}

/* Follows the weights in double, from a callback at each batch. */
typedef struct follower {
    double *average, decay;
    int64_t count, updates, every;
    int calls;
} follower;

static int32_t follow(void *user, mbn_model *model, const mbn_fit_event *event)
{
    follower *f = user;
    bool last = event->batch + 1 == event->batches;
    if (++f->calls % f->every != 0 && !last)
        return 0;
    f->calls = 0;
    const double t = (double)++f->updates, r = fmin(f->decay, (t - 1) / (t + 8));
    for (int64_t i = 0; i < f->count; i++)
        f->average[i] = r * f->average[i] + (1 - r) * model->values[i];
    return 0;
}

START_TEST(averages_follow_the_formula_statistics_included)
{
    for (int variant = 0; variant < 3; variant++) {
        fixture f = set_up(2, 70);
        mbn_compile_options options;
        mbn_compile_options_init(&options);
        options.learning_rate = 0.05;
        options.ema_decay = variant == 1 ? 0.3 : 0.99; /* reached after a few updates; never */
        options.accumulation = variant == 2 ? 2 : 0;   /* an average an update, not a batch */
        ck_ok(mbn_compile(f.model, &options));
        follower g = {
            .decay = options.ema_decay, .count = f.model->value_count, .every = variant == 2 ? 2 : 1};
        g.average = calloc((size_t)g.count, sizeof *g.average);
        ck_assert_ptr_nonnull(g.average);
        mbn_fit_options fit = fit_options(16, 3); /* five batches an epoch */
        fit.on_batch_end = follow;
        fit.callback_user = &g;
        ck_ok(mbn_fit(f.model, f.x, f.y, &fit, NULL));
        ck_assert_int_eq(g.updates, variant == 2 ? 9 : 15);
        const float *average = f.model->trainer->average;
        double apart = 0;
        for (int64_t i = 0; i < g.count; i++) {
            ck_assert_double_eq_tol(average[i], g.average[i], 1e-6 * (1 + fabs(g.average[i])));
            apart = fmax(apart, fabs((double)average[i] - f.model->values[i]));
        }
        ck_assert_double_gt(apart, 1e-3);
        free(g.average);
        tear_down(&f);
    }
}
END_TEST

START_TEST(training_does_not_notice_that_averages_are_kept)
{
    fixture plain = set_up(1, 60), averaged = set_up(3, 60);
    mbn_fit_options options = fit_options(16, 2);
    options.validation_split = 0.2;
    compile_average(averaged.model, 0.9);
    ck_ok(mbn_fit(plain.model, plain.x, plain.y, &options, NULL));
    ck_ok(mbn_fit(averaged.model, averaged.x, averaged.y, &options, NULL));
    ck_assert(same_weights(plain.model, averaged.model));
    /* and so it is after the averages have been in the model */
    ck_ok(mbn_model_use_average(averaged.model, 1));
    ck_assert(!same_weights(plain.model, averaged.model));
    ck_ok(mbn_model_use_average(averaged.model, 1));
    ck_assert(!same_weights(plain.model, averaged.model));
    ck_fails(mbn_fit(averaged.model, averaged.x, averaged.y, &options, NULL), MBN_ERR_STATE,
             "averages are in use");
    ck_fails(mbn_train_on_batch(averaged.model, averaged.x, averaged.y, NULL, NULL), MBN_ERR_STATE,
             "averages are in use");
    ck_ok(mbn_model_use_average(averaged.model, 0));
    ck_assert(same_weights(plain.model, averaged.model));
    ck_ok(mbn_fit(plain.model, plain.x, plain.y, &options, NULL));
    ck_ok(mbn_fit(averaged.model, averaged.x, averaged.y, &options, NULL));
    ck_assert(same_weights(plain.model, averaged.model));
    tear_down(&plain);
    tear_down(&averaged);
}
END_TEST

static double value_of(const mbn_history *history, const char *column)
{
    double value;
    ck_ok(mbn_history_get(history, column, 0, &value));
    return value;
}

START_TEST(validation_takes_the_averages_unless_told_otherwise)
{
    for (int32_t raw = 0; raw < 2; raw++) {
        fixture f = set_up(2, 60);
        mbn_history *history;
        double loss, other;
        mbn_fit_options options = fit_options(16, 1);
        options.validation_x = f.x;
        options.validation_y = f.y;
        options.validate_weights = raw;
        compile_average(f.model, 0.9);
        ck_ok(mbn_fit(f.model, f.x, f.y, &options, &history));
        ck_ok(mbn_evaluate(f.model, f.x, f.y, 16, raw ? &loss : &other, NULL));
        ck_ok(mbn_model_use_average(f.model, 1));
        ck_ok(mbn_evaluate(f.model, f.x, f.y, 16, raw ? &other : &loss, NULL));
        ck_assert_double_eq(value_of(history, "val_loss"), loss);
        ck_assert_double_ne(loss, other);
        mbn_history_destroy(history);
        tear_down(&f);
    }
}
END_TEST

typedef struct saver {
    mbn_tensor *file;
} saver;

static int32_t save_average(void *user, mbn_model *model, const mbn_fit_event *event)
{
    saver *s = user;
    mbn_save_options options;
    (void)event;
    mbn_save_options_init(&options);
    options.average = 1;
    ck_ok(mbn_model_save_memory(model, &options, &s->file));
    ck_fails(mbn_model_use_average(model, 1), MBN_ERR_BUSY, "mbn_model_use_average");
    return 0;
}

START_TEST(averages_are_saved_as_a_model_from_a_callback_too)
{
    fixture f = set_up(1, 32);
    saver s = {0};
    mbn_model *loaded;
    mbn_tensor *again;
    mbn_save_options save;
    mbn_save_options_init(&save);
    save.average = 1;
    ck_fails(mbn_model_save_memory(f.model, &save, &again), MBN_ERR_STATE, "ema_decay");
    compile_average(f.model, 0.9);
    ck_fails(mbn_model_save_memory(f.model, &save, &again), MBN_ERR_STATE, "before its first update");
    mbn_fit_options options = fit_options(16, 1);
    options.on_epoch_end = save_average;
    options.callback_user = &s;
    ck_ok(mbn_fit(f.model, f.x, f.y, &options, NULL));
    ck_ok(mbn_model_load_memory(f.context, mbn_tensor_data(s.file), mbn_tensor_bytes(s.file), &loaded));
    ck_assert(!same_weights(f.model, loaded));
    ck_ok(mbn_model_use_average(f.model, 1));
    ck_assert(same_weights(f.model, loaded));
    /* the same file whichever are in use, and without asking while the averages are */
    ck_ok(mbn_model_save_memory(f.model, &save, &again));
    ck_assert(mbn_tensor_bytes(again) == mbn_tensor_bytes(s.file));
    ck_assert(!memcmp(mbn_tensor_data(again), mbn_tensor_data(s.file), mbn_tensor_bytes(again)));
    mbn_tensor_destroy(again);
    ck_ok(mbn_model_save_memory(f.model, NULL, &again));
    ck_assert(!memcmp(mbn_tensor_data(again), mbn_tensor_data(s.file), mbn_tensor_bytes(again)));
    mbn_tensor_destroy(again);
    save.average = 2;
    ck_fails(mbn_model_save_memory(f.model, &save, &again), MBN_ERR_ARGUMENT, "average is 2");
    mbn_tensor_destroy(s.file);
    mbn_model_destroy(loaded);
    tear_down(&f);
}
END_TEST

START_TEST(a_checkpoint_keeps_weights_and_averages_whichever_are_in_use)
{
    fixture whole = set_up(1, 40);
    char path[] = "/tmp/mbn-average-XXXXXX";
    ck_assert_int_ge(mkstemp(path), 0);
    mbn_fit_options options = fit_options(16, 4);
    compile_average(whole.model, 0.9);
    ck_ok(mbn_fit(whole.model, whole.x, whole.y, &options, NULL));
    for (int32_t in_use = 0; in_use < 2; in_use++) {
        fixture f = set_up(1, 40);
        mbn_model *resumed;
        compile_average(f.model, 0.9);
        options.epochs = 2;
        ck_ok(mbn_fit(f.model, f.x, f.y, &options, NULL));
        ck_ok(mbn_model_use_average(f.model, in_use));
        ck_ok(mbn_checkpoint_save(f.model, path));
        ck_ok(mbn_checkpoint_load(f.context, path, &resumed));
        ck_assert(same_weights(f.model, resumed));
        if (in_use)
            ck_fails(mbn_fit(resumed, f.x, f.y, &options, NULL), MBN_ERR_STATE, "in use");
        ck_ok(mbn_model_use_average(resumed, 0));
        ck_ok(mbn_fit(resumed, f.x, f.y, &options, NULL));
        ck_assert(same_weights(whole.model, resumed));
        ck_ok(mbn_model_use_average(resumed, 1));
        ck_ok(mbn_model_use_average(whole.model, 1));
        ck_assert(same_weights(whole.model, resumed));
        ck_ok(mbn_model_use_average(whole.model, 0));
        mbn_model_destroy(resumed);
        tear_down(&f);
    }
    remove(path);
    tear_down(&whole);
}
END_TEST

/* What the end of the first epoch leaves; the second meets a NaN in its last batch. */
typedef struct trap {
    float *average, *pixel;
} trap;

static int32_t spring(void *user, mbn_model *model, const mbn_fit_event *event)
{
    trap *t = user;
    (void)event;
    memcpy(t->average, model->trainer->average, (size_t)model->value_count * sizeof *t->average);
    *t->pixel = NAN;
    return 0;
}

START_TEST(a_nan_brings_back_the_averages_of_the_last_good_epoch)
{
    fixture f = set_up(1, 64);
    mbn_tensor *x;
    const int64_t dims[4] = {64, 32, 32, 3};
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 4, dims, &x));
    float *pixels = mbn_tensor_data(x);
    for (int64_t i = 0; i < mbn_tensor_count(x); i++)
        pixels[i] = (float)((uint8_t *)mbn_tensor_data(f.x))[i] / 255;
    trap t = {malloc((size_t)f.model->value_count * sizeof *t.average), &pixels[63 * 3072]};
    ck_assert_ptr_nonnull(t.average);
    compile_average(f.model, 0.9);
    mbn_fit_options fit = fit_options(16, 3);
    fit.shuffle = 0;
    fit.on_epoch_end = spring;
    fit.callback_user = &t;
    ck_fails(mbn_fit(f.model, x, f.y, &fit, NULL), MBN_ERR_NUMERIC, "epoch 2, batch 4");
    ck_assert(
        !memcmp(t.average, f.model->trainer->average, (size_t)f.model->value_count * sizeof *t.average));
    ck_assert_int_eq(f.model->trainer->averaged, 4);
    free(t.average);
    mbn_tensor_destroy(x);
    tear_down(&f);
}
END_TEST

START_TEST(averages_are_counted_and_wrong_calls_refused)
{
    test_allocator allocator;
    mbn_context *context;
    mbn_context_options options;
    int64_t bytes;
    mbn_tensor *x, *y;
    mbn_context_options_init(&options);
    options.threads = 1;
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    mbn_model *model = small_net(context, 3);
    ck_ok(mbn_shapes_create(NULL, 32, 32, 32, 5, &x, &y));
    ck_fails(mbn_model_use_average(NULL, 1), MBN_ERR_ARGUMENT, "model");
    ck_fails(mbn_model_use_average(model, 2), MBN_ERR_ARGUMENT, "use is 2");
    ck_fails(mbn_model_use_average(model, 1), MBN_ERR_STATE, "ema_decay");
    mbn_compile_options wrong;
    mbn_compile_options_init(&wrong);
    wrong.ema_decay = 1;
    ck_fails(mbn_compile(model, &wrong), MBN_ERR_ARGUMENT, "ema_decay is 1");
    compile_average(model, 0.9);
    ck_fails(mbn_model_use_average(model, 1), MBN_ERR_STATE, "before its first update");
    mbn_fit_options fit = fit_options(16, 1);
    fit.validate_weights = 2;
    ck_fails(mbn_fit(model, x, y, &fit, NULL), MBN_ERR_ARGUMENT, "validate_weights is 2");
    fit = fit_options(16, 1);
    ck_ok(mbn_fit_memory(model, 16, &bytes));
    int64_t before = allocator.live_bytes;
    allocator.peak_bytes = 0;
    ck_ok(mbn_fit(model, x, y, &fit, NULL));
    ck_assert_int_ge(allocator.peak_bytes - before, bytes);
    ck_assert_int_le(allocator.peak_bytes - before, bytes + 1024);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
    mbn_context_destroy(context);
    ck_assert_int_eq(allocator.live, 0);
}
END_TEST

SUITE("averages", averages_follow_the_formula_statistics_included,
      training_does_not_notice_that_averages_are_kept, validation_takes_the_averages_unless_told_otherwise,
      averages_are_saved_as_a_model_from_a_callback_too,
      a_checkpoint_keeps_weights_and_averages_whichever_are_in_use,
      a_nan_brings_back_the_averages_of_the_last_good_epoch, averages_are_counted_and_wrong_calls_refused)
