/* The training loop: results, bits, callbacks, errors, memory. Data are pictures that the library draws. */
#include "support/suite.h"
#include "support/allocator.h"
#include "support/training.h"
#include <math.h>
#include <stdio.h>

START_TEST(an_untrained_model_guesses)
{
    fixture f = set_up(0, 500);
    double accuracy;
    ck_ok(mbn_evaluate(f.model, f.x, f.y, 0, NULL, &accuracy));
    ck_assert_double_ge(accuracy, 0.04);
    ck_assert_double_le(accuracy, 0.16);
    tear_down(&f);
}
END_TEST

START_TEST(training_lowers_the_loss_and_fills_the_history)
{
    fixture f = set_up(0, unless_valgrind(500, 120));
    mbn_history *history;
    double first, last, value;
    mbn_fit_options options = fit_options(32, 4);
    options.validation_split = 0.2;
    ck_ok(mbn_fit(f.model, f.x, f.y, &options, &history));
    ck_assert_int_eq(mbn_history_epochs(history), 4);
    ck_assert_int_eq(mbn_history_columns(history), 6);
    ck_ok(mbn_history_get(history, "loss", 0, &first));
    ck_ok(mbn_history_get(history, "loss", 3, &last));
    ck_assert_double_lt(last, 0.9 * first);
    ck_ok(mbn_history_get(history, "lr", 2, &value));
    ck_assert_double_eq(value, 3e-3);
    ck_ok(mbn_history_get(history, "val_acc", 3, &value));
    ck_assert(value >= 0 && value <= 1);
    ck_fails(mbn_history_get(history, "val_accuracy", 0, &value), MBN_ERR_NOT_FOUND, "column");
    ck_fails(mbn_history_get(history, "loss", 4, &value), MBN_ERR_ARGUMENT, "epoch");
    ck_assert_int_eq(mbn_trained_epochs(f.model), 4);
    mbn_history_destroy(history);
    tear_down(&f);
}
END_TEST

START_TEST(validation_takes_the_last_part_as_evaluate_sees_it)
{
    fixture f =
        set_up(0, 101); /* (int64_t)(101 * 0.8) = 80 train, 21 validate; both end in partial batches */
    mbn_history *history;
    double val_loss, val_acc, loss, acc;
    mbn_fit_options options = fit_options(32, 1);
    options.validation_split = 0.2;
    ck_ok(mbn_fit(f.model, f.x, f.y, &options, &history));
    ck_ok(mbn_history_get(history, "val_loss", 0, &val_loss));
    ck_ok(mbn_history_get(history, "val_acc", 0, &val_acc));
    mbn_tensor *x, *y;
    int64_t x_dims[4] = {21, 32, 32, 3}, y_dims[1] = {21};
    ck_ok(mbn_tensor_wrap(NULL, MBN_U8, 4, x_dims, (uint8_t *)mbn_tensor_data(f.x) + 80 * 3072, NULL, NULL,
                          &x));
    ck_ok(mbn_tensor_wrap(NULL, MBN_I32, 1, y_dims, (int32_t *)mbn_tensor_data(f.y) + 80, NULL, NULL, &y));
    ck_ok(mbn_evaluate(f.model, x, y, 7, &loss, &acc));
    ck_assert_double_eq_tol(loss, val_loss, 1e-6);
    ck_assert_double_eq(acc, val_acc);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_history_destroy(history);
    tear_down(&f);
}
END_TEST

START_TEST(weights_have_the_same_bits_for_any_number_of_threads)
{
    static const int32_t threads[] = {1, 2, 3, 5};
    fixture f[4];
    for (int i = 0; i < 4; i++) {
        f[i] = set_up(threads[i], unless_valgrind(320, 48));
        mbn_fit_options options = fit_options(32, 2);
        ck_ok(mbn_fit(f[i].model, f[i].x, f[i].y, &options, NULL));
        ck_assert_msg(same_weights(f[0].model, f[i].model), "%d threads differ from 1", (int)threads[i]);
    }
    for (int i = 0; i < 4; i++)
        tear_down(&f[i]);
}
END_TEST

START_TEST(a_checkpoint_continues_bit_for_bit)
{
    const int64_t pictures = unless_valgrind(150, 40);
    fixture whole = set_up(0, pictures), parts = set_up(0, pictures);
    mbn_model *resumed;
    mbn_fit_options options = fit_options(32, 4);
    ck_ok(mbn_fit(whole.model, whole.x, whole.y, &options, NULL));
    options.epochs = 2;
    ck_ok(mbn_fit(parts.model, parts.x, parts.y, &options, NULL));
    char path[] = "/tmp/mbn-checkpoint-XXXXXX";
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_ok(mbn_checkpoint_save(parts.model, path));
    ck_ok(mbn_checkpoint_load(parts.context, path, &resumed));
    ck_assert_int_eq(mbn_trained_epochs(resumed), 2);
    ck_ok(mbn_fit(resumed, parts.x, parts.y, &options, NULL));
    ck_assert_int_eq(mbn_trained_epochs(resumed), 4);
    ck_assert(same_weights(whole.model, resumed));
    /* and two calls on one model continue each other likewise */
    ck_ok(mbn_fit(parts.model, parts.x, parts.y, &options, NULL));
    ck_assert(same_weights(whole.model, parts.model));
    remove(path);
    mbn_model_destroy(resumed);
    tear_down(&whole);
    tear_down(&parts);
}
END_TEST

typedef struct interruption {
    const char *path;
    int calls, at;
} interruption;

static int32_t save_and_stop(void *user, mbn_model *model, const mbn_fit_event *event)
{
    interruption *i = user;
    (void)event;
    if (++i->calls < i->at)
        return 0;
    ck_ok(mbn_checkpoint_save(model, i->path));
    return 1;
}

static void same_column(const mbn_history *a, const mbn_history *b, const char *column)
{
    double x, y;
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        ck_ok(mbn_history_get(a, column, epoch, &x));
        ck_ok(mbn_history_get(b, column, epoch, &y));
        ck_assert(memcmp(&x, &y, sizeof x) == 0);
    }
}

/* After every batch of an epoch, the last included. */
START_TEST(an_epoch_that_was_interrupted_goes_on_bit_for_bit)
{
    fixture whole = set_up(0, 60);
    mbn_history *wanted, *history;
    mbn_model *resumed;
    char path[] = "/tmp/mbn-position-XXXXXX";
    ck_assert_int_ge(mkstemp(path), 0);
    mbn_fit_options options = fit_options(16, 2);
    options.validation_split = 0.2;
    ck_ok(mbn_fit(whole.model, whole.x, whole.y, &options, &wanted));
    for (int at = 1; at <= 3; at++) {
        fixture f = set_up(0, 60);
        interruption stop = {path, 0, at};
        options.on_batch_end = save_and_stop;
        options.callback_user = &stop;
        ck_ok(mbn_fit(f.model, f.x, f.y, &options, &history));
        ck_assert_int_eq(mbn_history_epochs(history), at == 3);
        mbn_history_destroy(history);
        options.on_batch_end = NULL;
        ck_ok(mbn_checkpoint_load(f.context, path, &resumed));
        ck_assert_int_eq(mbn_trained_epochs(resumed), 0);
        ck_ok(mbn_fit(resumed, f.x, f.y, &options, &history));
        ck_assert(same_weights(whole.model, resumed));
        same_column(wanted, history, "loss");
        same_column(wanted, history, "acc");
        same_column(wanted, history, "val_loss");
        mbn_history_destroy(history);
        if (at < 3) { /* the model itself goes on likewise */
            ck_ok(mbn_fit(f.model, f.x, f.y, &options, NULL));
            ck_assert(same_weights(whole.model, f.model));
        }
        mbn_model_destroy(resumed);
        tear_down(&f);
    }
    remove(path);
    mbn_history_destroy(wanted);
    tear_down(&whole);
}
END_TEST

START_TEST(one_hot_labels_train_as_ids_do)
{
    fixture ids = set_up(0, 96), rows = set_up(0, 96);
    mbn_tensor *y;
    int64_t dims[2] = {96, 10};
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 2, dims, &y));
    for (int i = 0; i < 96; i++)
        ((float *)mbn_tensor_data(y))[i * 10 + ((int32_t *)mbn_tensor_data(ids.y))[i]] = 1;
    mbn_fit_options options = fit_options(32, 1);
    ck_ok(mbn_fit(ids.model, ids.x, ids.y, &options, NULL));
    ck_ok(mbn_fit(rows.model, rows.x, y, &options, NULL));
    ck_assert(same_weights(ids.model, rows.model));
    mbn_tensor_destroy(y);
    tear_down(&ids);
    tear_down(&rows);
}
END_TEST

START_TEST(frozen_layers_keep_every_bit)
{
    fixture f = set_up(0, 64);
    mbn_tensor *before, *after;
    static const char *const names[] = {"conv1/kernel", "conv1_bn/moving_mean", "conv1_bn/gamma"};
    mbn_fit_options options = fit_options(32, 1);
    ck_ok(mbn_model_set_trainable(f.model, NULL, 0));
    ck_ok(mbn_model_set_trainable(f.model, "conv_preds", 1));
    mbn_model *untouched = small_net(f.context, 3);
    ck_ok(mbn_fit(f.model, f.x, f.y, &options, NULL));
    for (int i = 0; i < 3; i++) {
        ck_ok(mbn_model_get_parameter(untouched, names[i], &before));
        ck_ok(mbn_model_get_parameter(f.model, names[i], &after));
        ck_assert_msg(!memcmp(mbn_tensor_data(before), mbn_tensor_data(after), mbn_tensor_bytes(before)),
                      "%s moved", names[i]);
        mbn_tensor_destroy(before);
        mbn_tensor_destroy(after);
    }
    ck_assert(!same_weights(untouched, f.model)); /* the head did train */
    mbn_model_destroy(untouched);
    tear_down(&f);
}
END_TEST

START_TEST(running_statistics_move_in_training_and_rest_in_evaluation)
{
    fixture f = set_up(0, 64);
    mbn_tensor *trained, *evaluated;
    ck_ok(mbn_fit(f.model, f.x, f.y, NULL, NULL));
    ck_ok(mbn_model_get_parameter(f.model, "conv1_bn/moving_mean", &trained));
    double sum = 0;
    for (int64_t i = 0; i < mbn_tensor_count(trained); i++)
        sum += fabs(((float *)mbn_tensor_data(trained))[i]);
    ck_assert_double_gt(sum, 1e-4);
    ck_ok(mbn_evaluate(f.model, f.x, f.y, 0, NULL, NULL));
    ck_ok(mbn_model_get_parameter(f.model, "conv1_bn/moving_mean", &evaluated));
    ck_assert(!memcmp(mbn_tensor_data(trained), mbn_tensor_data(evaluated), mbn_tensor_bytes(trained)));
    mbn_tensor_destroy(trained);
    mbn_tensor_destroy(evaluated);
    tear_down(&f);
}
END_TEST

START_TEST(a_nan_names_epoch_and_batch_and_leaves_the_weights_of_the_last_good_epoch)
{
    fixture f = set_up(0, 1);
    mbn_tensor *x, *y;
    int64_t dims[4] = {10, 32, 32, 3}, y_dims[1] = {10};
    mbn_model *untouched = small_net(f.context, 3);
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 4, dims, &x));
    ck_ok(mbn_tensor_create(NULL, MBN_I32, 1, y_dims, &y));
    for (int i = 0; i < 10 * 3072; i++)
        ((float *)mbn_tensor_data(x))[i] = (float)(i % 17) / 17;
    ((float *)mbn_tensor_data(x))[9 * 3072 + 5] = NAN;
    mbn_fit_options options = fit_options(4, 2);
    options.shuffle = 0;
    ck_fails(mbn_fit(f.model, x, y, &options, NULL), MBN_ERR_NUMERIC, "epoch 1, batch 3");
    ck_assert(same_weights(untouched, f.model));
    ck_fails(mbn_train_on_batch(f.model, x, y, NULL, NULL), MBN_ERR_NUMERIC, "loss");
    ck_assert(same_weights(untouched, f.model));
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(untouched);
    tear_down(&f);
}
END_TEST

typedef struct probe {
    int calls, stop_at, fail_at;
    mbn_tensor *x;
} probe;

static int32_t on_call(void *user, mbn_model *model, const mbn_fit_event *event)
{
    probe *p = user;
    mbn_tensor *out;
    p->calls++;
    ck_assert(event->struct_size == sizeof *event);
    ck_assert(isfinite(event->loss));
    ck_ok(mbn_predict(model, p->x, &out)); /* reading is allowed */
    mbn_tensor_destroy(out);
    ck_fails(mbn_fit(model, p->x, p->x, NULL, NULL), MBN_ERR_BUSY, "mbn_fit"); /* changing is not */
    ck_fails(mbn_model_set_trainable(model, "conv1", 0), MBN_ERR_BUSY, "mbn_model_set_trainable");
    ck_ok(mbn_set_learning_rate(model, 1e-3));
    return p->calls == p->fail_at ? -7 : p->calls == p->stop_at;
}

START_TEST(callbacks_may_read_stop_and_fail)
{
    fixture f = set_up(2, 96);
    mbn_history *history;
    probe p = {.x = f.x, .stop_at = 2};
    mbn_fit_options options = fit_options(32, 5);
    options.callback_user = &p;
    options.on_epoch_end = on_call;
    ck_ok(mbn_fit(f.model, f.x, f.y, &options, &history));
    ck_assert_int_eq(mbn_history_epochs(history), 2);
    ck_assert_double_eq(mbn_learning_rate(f.model), 1e-3);
    mbn_history_destroy(history);
    options.on_epoch_end = NULL;
    options.on_batch_end = on_call;
    p = (probe){.x = f.x, .stop_at = 2}; /* on the way through an epoch, which does not count yet */
    ck_ok(mbn_fit(f.model, f.x, f.y, &options, &history));
    ck_assert_int_eq(mbn_history_epochs(history), 0);
    mbn_history_destroy(history);
    p = (probe){.x = f.x, .fail_at = 4};
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, &history), MBN_ERR_CALLBACK,
             "returned -7 in epoch 2, batch 3");
    ck_assert_int_eq(mbn_history_epochs(history), 1);
    mbn_history_destroy(history);
    ck_ok(mbn_fit(f.model, f.x, f.y, NULL, NULL)); /* everything is usable */
    tear_down(&f);
}
END_TEST

START_TEST(wrong_calls_are_refused_before_the_first_step)
{
    fixture f = set_up(1, 20);
    mbn_model *untouched = small_net(f.context, 3), *fresh = small_net(f.context, 3);
    mbn_tensor *few, *bad, *flat, *soft;
    int64_t dims[2] = {20, 10}, one[1] = {19};
    ck_ok(mbn_tensor_create(NULL, MBN_I32, 1, one, &few));
    ck_ok(mbn_tensor_create(NULL, MBN_I32, 1, dims, &bad));
    ((int32_t *)mbn_tensor_data(bad))[13] = 10;
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 2, dims, &soft));
    ((float *)mbn_tensor_data(soft))[4] = NAN;
    ck_ok(mbn_tensor_create(NULL, MBN_U8, 1, dims, &flat));
    ck_fails(mbn_fit(fresh, f.x, f.y, NULL, NULL), MBN_ERR_STATE, "not compiled");
    ck_fails(mbn_fit(NULL, f.x, f.y, NULL, NULL), MBN_ERR_ARGUMENT, "model");
    ck_fails(mbn_fit(f.model, NULL, f.y, NULL, NULL), MBN_ERR_ARGUMENT, "x");
    ck_fails(mbn_fit(f.model, f.x, NULL, NULL, NULL), MBN_ERR_ARGUMENT, "y");
    ck_fails(mbn_fit(f.model, f.x, few, NULL, NULL), MBN_ERR_SHAPE, "20 pictures and 19 labels");
    ck_fails(mbn_fit(f.model, f.x, bad, NULL, NULL), MBN_ERR_ARGUMENT, "label 10 at position 13");
    ck_fails(mbn_fit(f.model, f.x, soft, NULL, NULL), MBN_ERR_ARGUMENT, "row 0, class 4");
    ck_fails(mbn_fit(f.model, f.x, flat, NULL, NULL), MBN_ERR_TYPE, "argument y");
    ck_fails(mbn_fit(f.model, flat, f.y, NULL, NULL), MBN_ERR_SHAPE, "x");
    ck_fails(mbn_evaluate(f.model, f.x, bad, 0, NULL, NULL), MBN_ERR_ARGUMENT, "label 10");
    ck_fails(mbn_evaluate(f.model, f.x, f.y, -1, NULL, NULL), MBN_ERR_ARGUMENT, "batch_size");
    ck_fails(mbn_train_on_batch(f.model, f.x, few, NULL, NULL), MBN_ERR_SHAPE, "labels");
    ck_assert(same_weights(untouched, f.model));
    mbn_tensor *answer;
    ck_fails(mbn_predict(f.model, f.y, &answer), MBN_ERR_TYPE, "x");
    ck_assert_ptr_null(answer);
    mbn_tensor_destroy(few);
    mbn_tensor_destroy(bad);
    mbn_tensor_destroy(soft);
    mbn_tensor_destroy(flat);
    mbn_model_destroy(untouched);
    mbn_model_destroy(fresh);
    tear_down(&f);
}
END_TEST

START_TEST(wrong_options_are_refused_by_name)
{
    static const struct {
        const char *name;
        size_t offset;
        double value;
    } rows[] = {
        {"learning_rate", offsetof(mbn_compile_options, learning_rate), NAN},
        {"learning_rate", offsetof(mbn_compile_options, learning_rate), 1e7},
        {"momentum", offsetof(mbn_compile_options, momentum), 1},
        {"momentum", offsetof(mbn_compile_options, momentum), -0.1},
        {"rho", offsetof(mbn_compile_options, rho), 1},
        {"beta1", offsetof(mbn_compile_options, beta1), 1},
        {"beta2", offsetof(mbn_compile_options, beta2), -1},
        {"epsilon", offsetof(mbn_compile_options, epsilon), 0},
        {"label_smoothing", offsetof(mbn_compile_options, label_smoothing), 1},
        {"weight_decay", offsetof(mbn_compile_options, weight_decay), 1.1},
    };
    fixture f = set_up(1, 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mbn_compile_options options;
        mbn_compile_options_init(&options);
        memcpy((char *)&options + rows[i].offset, &rows[i].value, sizeof(double));
        ck_fails(mbn_compile(f.model, &options), MBN_ERR_ARGUMENT, rows[i].name);
    }
    mbn_compile_options adam;
    mbn_compile_options_init(&adam);
    adam.optimizer = MBN_OPTIMIZER_ADAM;
    adam.weight_decay = 0.1;
    ck_fails(mbn_compile(f.model, &adam), MBN_ERR_ARGUMENT, "weight_decay");
    mbn_fit_options options = fit_options(0, 1);
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT, "batch_size is 0");
    options = fit_options(1, 0);
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT, "epochs is 0");
    options = fit_options(1, 1);
    options.validation_split = 1;
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT, "validation_split is 1");
    options.validation_split = 0.99;
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT, "validation_split");
    options = fit_options(1, 1);
    options.validation_x = f.x;
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT, "validation_y is NULL");
    options = fit_options(1, 1);
    options.verbose = 3;
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT, "verbose is 3");
    options = fit_options(1, 1);
    options.struct_size = 4;
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT, "struct_size");
    tear_down(&f);
}
END_TEST

/* Contexts whose allocator counts, and fails when told. */
static mbn_context *counting_context(test_allocator *allocator)
{
    mbn_context *context;
    mbn_context_options options;
    mbn_context_options_init(&options);
    options.threads = 1;
    test_allocator_init(allocator);
    test_allocator_options(allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    return context;
}

START_TEST(every_failing_allocation_is_an_error_and_leaks_nothing)
{
    test_allocator allocator;
    mbn_context *context = counting_context(&allocator);
    mbn_tensor *x, *y;
    ck_ok(mbn_shapes_create(NULL, 12, 32, 32, 5, &x, &y));
    mbn_fit_options options = fit_options(8, 1);
    options.validation_split = 0.25;
    int failures = 0;
    for (int k = 1;; k++) {
        mbn_model *model = small_net(context, 3);
        mbn_history *history = NULL;
        int64_t before = allocator.live;
        allocator.fail_at = allocator.calls + k;
        mbn_status status = mbn_compile(model, NULL);
        if (!status)
            status = mbn_fit(model, x, y, &options, &history);
        if (!status)
            status = mbn_evaluate(model, x, y, 0, NULL, NULL);
        if (!status)
            status = mbn_train_on_batch(model, x, y, NULL, NULL);
        allocator.fail_at = 0;
        ck_assert(status == MBN_OK || status == MBN_ERR_MEMORY);
        failures += status != MBN_OK;
        mbn_history_destroy(history);
        ck_ok(mbn_compile(model, NULL)); /* drops the state arrays */
        ck_assert_int_le(allocator.live, before + 1);
        mbn_model_destroy(model);
        if (!status)
            break;
    }
    ck_assert_int_ge(failures, 8);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_context_destroy(context);
    ck_assert_int_eq(allocator.live, 0);
}
END_TEST

START_TEST(fit_allocates_what_fit_memory_says)
{
    test_allocator allocator;
    mbn_context *context = counting_context(&allocator);
    mbn_model *model = small_net(context, 3);
    mbn_tensor *x, *y;
    int64_t bytes;
    ck_ok(mbn_shapes_create(NULL, 64, 32, 32, 5, &x, &y));
    compile_adam(model);
    ck_ok(mbn_fit_memory(model, 32, &bytes));
    mbn_fit_options options = fit_options(32, 1);
    options.validation_split = 0.5;
    int64_t before = allocator.live_bytes;
    allocator.peak_bytes = 0;
    ck_ok(mbn_fit(model, x, y, &options, NULL));
    int64_t used = allocator.peak_bytes - before;
    /* beside what it says only the order and the history's row */
    ck_assert_msg(used >= bytes && used <= bytes + 1024, "says %lld, took %lld", (long long)bytes,
                  (long long)used);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
    mbn_context_destroy(context);
    ck_assert_int_eq(allocator.live, 0);
}
END_TEST

SUITE("fit", an_untrained_model_guesses, fit_allocates_what_fit_memory_says,
      training_lowers_the_loss_and_fills_the_history, validation_takes_the_last_part_as_evaluate_sees_it,
      weights_have_the_same_bits_for_any_number_of_threads, a_checkpoint_continues_bit_for_bit,
      an_epoch_that_was_interrupted_goes_on_bit_for_bit, one_hot_labels_train_as_ids_do,
      frozen_layers_keep_every_bit, running_statistics_move_in_training_and_rest_in_evaluation,
      a_nan_names_epoch_and_batch_and_leaves_the_weights_of_the_last_good_epoch,
      callbacks_may_read_stop_and_fail, wrong_calls_are_refused_before_the_first_step,
      wrong_options_are_refused_by_name, every_failing_allocation_is_an_error_and_leaks_nothing)
