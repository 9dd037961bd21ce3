/* Callbacks: the rules of each on values of the test's own, against Keras' worked out by hand; their order;
 * and whole trainings, stopped and gone on with. */
#include <math.h>
#include <stdio.h>
#include "support/suite.h"
#include "support/allocator.h"
#include "support/play.h"
#include "support/training.h"

/* Stops at the k-th call, with a checkpoint if there is a path. */
typedef struct interruption {
    const char *path;
    int calls, at;
} interruption;

static int32_t stop_at(void *user, mbn_model *model, const mbn_fit_event *event)
{
    interruption *i = user;
    (void)event;
    if (++i->calls != i->at)
        return 0;
    if (i->path)
        ck_ok(mbn_checkpoint_save(model, i->path));
    return 1;
}

static mbn_callback *early_stopping(mbn_early_stopping_options o)
{
    mbn_callback *callback;
    ck_ok(mbn_early_stopping_create(NULL, &o, &callback));
    return callback;
}

static mbn_early_stopping_options stopping_options(int64_t patience)
{
    mbn_early_stopping_options o;
    mbn_early_stopping_options_init(&o);
    o.patience = patience;
    return o;
}

typedef struct stopping_case {
    const char *claim;
    mbn_early_stopping_options options; /* without struct_size */
    double values[8];
    int64_t epochs, best;
} stopping_case;

static const stopping_case stopping_cases[] = {
    {"patience counts epochs since the best", {.patience = 2, .baseline = NAN}, {1, .9, .95, .92, .1}, 4, 1},
    {"a better value begins anew", {.patience = 2, .baseline = NAN}, {1, 1, .9, .9, .9, 0}, 5, 2},
    {"less than min_delta is no better",
     {.patience = 2, .min_delta = 0.1, .baseline = NAN},
     {1, .95, .91, .5},
     3,
     0},
    {"more than min_delta is",
     {.patience = 3, .min_delta = 0.1, .baseline = NAN},
     {1, .95, .91, .89, 1, 1, 1},
     7,
     3},
    {"patience 0 stops at the first epoch that is no better", {.baseline = NAN}, {1, .9, .9, 0}, 3, 1},
    {"above the baseline the count goes on", {.patience = 2, .baseline = .5}, {.9, .8, .7, .75, 0}, 4, 2},
    {"below it it does not", {.patience = 2, .baseline = .75}, {.9, .8, .7, .75, .76, 0}, 5, 2},
    {"epochs before start_from_epoch do not count",
     {.patience = 1, .start_from_epoch = 3, .baseline = NAN},
     {1, 2, 3, 4, 5, 0},
     5,
     3},
    {"more is better where asked",
     {.patience = 1, .mode = MBN_MONITOR_MAX, .baseline = NAN},
     {1, 2, 2, 9},
     3,
     1},
};

START_TEST(early_stopping_follows_keras)
{
    fixture f = set_up(1, 4);
    for (size_t i = 0; i < sizeof stopping_cases / sizeof *stopping_cases; i++) {
        const stopping_case *c = &stopping_cases[i];
        mbn_early_stopping_options o = c->options;
        o.struct_size = sizeof o;
        for (o.restore_best = 0; o.restore_best < 2; o.restore_best++) {
            mbn_callback *callback = early_stopping(o);
            play p = {.epochs = 8, .val_loss = c->values};
            compile_adam(f.model);
            int64_t epochs = play_fit(f.model, callback, &p);
            ck_assert_msg(epochs == c->epochs, "%s: %d epochs", c->claim, (int)epochs);
            int64_t weights = o.restore_best ? c->best : c->epochs - 1;
            ck_assert_msg((int64_t)f.model->values[0] == weights, "%s: weights of epoch %d", c->claim,
                          (int)f.model->values[0]);
            mbn_callback_destroy(callback);
        }
    }
    tear_down(&f);
}
END_TEST

START_TEST(accuracy_is_better_when_higher)
{
    fixture f = set_up(1, 4);
    const double val_acc[] = {.5, .6, .6, .55, 1};
    mbn_early_stopping_options o = stopping_options(2);
    o.monitor = "val_acc";
    mbn_callback *callback = early_stopping(o);
    play p = {.epochs = 5, .val_acc = val_acc};
    ck_assert_int_eq(play_fit(f.model, callback, &p), 4);
    mbn_callback_destroy(callback);
    tear_down(&f);
}
END_TEST

/* Counting goes on from call to call until it has stopped a training, and begins anew with compile. */
START_TEST(early_stopping_goes_on_until_it_stops)
{
    fixture f = set_up(1, 4);
    const double val_loss[] = {1, 2, 3, .5, .6, .7, 9};
    mbn_early_stopping_options o = stopping_options(3);
    o.restore_best = 1;
    mbn_callback *callback = early_stopping(o);
    play p = {.epochs = 2, .val_loss = val_loss};
    ck_assert_int_eq(play_fit(f.model, callback, &p), 2);
    ck_assert_float_eq(f.model->values[0], 0); /* done: the best */
    p.epochs = 5;
    ck_assert_int_eq(play_fit(f.model, callback, &p), 5); /* waited 2, then 0, then 3 */
    ck_assert_int_eq(mbn_trained_epochs(f.model), 7);
    ck_assert_float_eq(f.model->values[0], 3);
    const double more[] = {0, 0, 0, 0, 0, 0, 0, 5, 6, 7, 8, 1, 1};
    p = (play){.epochs = 6, .val_loss = more};
    ck_assert_int_eq(play_fit(f.model, callback, &p), 4); /* 5 is the best of its own count */
    ck_assert_float_eq(f.model->values[0], 7);
    compile_adam(f.model);
    p = (play){.epochs = 2, .val_loss = val_loss, .status = MBN_ERR_IO};
    ck_assert_int_eq(play_fit(f.model, callback, &p), 2); /* a failure keeps the weights as they are */
    ck_assert_float_eq(f.model->values[0], 1);
    mbn_callback_destroy(callback);
    tear_down(&f);
}
END_TEST

typedef struct plateau_case {
    const char *claim;
    mbn_reduce_on_plateau_options options; /* without struct_size */
    double values[8], rates[8];            /* in force in each epoch; 0: no epoch */
} plateau_case;

static const plateau_case plateau_cases[] = {
    {"after patience epochs", {.factor = .5, .patience = 2}, {1, 1, 1, 1, 1, 1}, {1, 1, 1, .5, .5, .25}},
    {"no epoch counts in cooldown, its last one does",
     {.factor = .5, .patience = 1, .cooldown = 2},
     {1, 1, 1, 1, 1, 1, 1},
     {1, 1, .5, .5, .25, .25, .125}},
    {"less than min_delta is no better",
     {.factor = .5, .patience = 1, .min_delta = .1},
     {1, .95, .85, .84, 0},
     {1, 1, .5, .5, .25}},
    {"not below min_rate",
     {.factor = .5, .patience = 1, .min_rate = .3},
     {1, 1, 1, 1, 1},
     {1, 1, .5, .3, .3}},
    {"more is better where asked",
     {.factor = .5, .patience = 1, .mode = MBN_MONITOR_MAX},
     {.5, .6, .6, .7},
     {1, 1, 1, .5}},
    {"patience 0 is as 1", {.factor = .5}, {1, .9, .9, .9}, {1, 1, 1, .5}},
};

/* In one call, and an epoch a call with the callback made anew. */
START_TEST(reduce_on_plateau_follows_keras)
{
    fixture f = set_up(1, 4);
    for (size_t i = 0; i < sizeof plateau_cases / sizeof *plateau_cases; i++)
        for (int parts = 0; parts < 2; parts++) {
            const plateau_case *c = &plateau_cases[i];
            mbn_reduce_on_plateau_options o = c->options;
            int64_t epochs = 0;
            while (epochs < 8 && c->rates[epochs] > 0)
                epochs++;
            play p = {.epochs = parts ? 1 : epochs, .val_loss = c->values};
            o.struct_size = sizeof o;
            compile_adam(f.model);
            ck_ok(mbn_set_learning_rate(f.model, 1));
            for (int64_t call = 0; call < (parts ? epochs : 1); call++) {
                mbn_callback *callback;
                ck_ok(mbn_reduce_on_plateau_create(NULL, &o, &callback));
                (void)play_fit(f.model, callback, &p);
                mbn_callback_destroy(callback);
            }
            for (int64_t e = 0; e < epochs; e++)
                ck_assert_msg(fabs(p.rates[e] - c->rates[e]) < 1e-15, "%s: epoch %d has %g", c->claim, (int)e,
                              p.rates[e]);
        }
    tear_down(&f);
}
END_TEST

/* What each epoch was asked with. */
typedef struct asked {
    int64_t epochs[8];
    double rates[8];
    int count;
} asked;

static double half_of_it(void *user, int64_t epoch, double rate)
{
    asked *a = user;
    ck_assert_int_lt(a->count, 8);
    a->epochs[a->count] = epoch;
    a->rates[a->count++] = rate;
    return epoch == 5 ? -1 : epoch ? rate / 2 : rate;
}

START_TEST(a_scheduler_gives_each_epoch_its_rate_once)
{
    fixture f = set_up(1, 4);
    asked a = {.count = 0};
    mbn_learning_rate_scheduler_options o;
    mbn_learning_rate_scheduler_options_init(&o);
    o.rate = half_of_it;
    o.user = &a;
    mbn_callback *callback;
    ck_ok(mbn_learning_rate_scheduler_create(NULL, &o, &callback));
    ck_ok(mbn_set_learning_rate(f.model, 1));
    play p = {.epochs = 2};
    (void)play_fit(f.model, callback, &p);
    (void)play_fit(f.model, callback, &p);
    for (int e = 0; e < 4; e++) {
        ck_assert_int_eq(a.epochs[e], e);
        ck_assert_double_eq(p.rates[e], e ? pow(.5, e) : 1);
    }
    mbn_fit_options options = fit_options(2, 2);
    interruption stop = {NULL, 0, 1};
    options.callbacks = (const mbn_callback *const *)&callback;
    options.callback_count = 1;
    options.on_batch_end = stop_at;
    options.callback_user = &stop;
    ck_ok(mbn_fit(f.model, f.x, f.y, &options, NULL)); /* in the middle of epoch 4, */
    ck_assert_double_eq(mbn_learning_rate(f.model), pow(.5, 4));
    options.on_batch_end = NULL;
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_CALLBACK, /* which keeps its rate; but 5 */
             "option callbacks[0] (learning_rate_scheduler): the function returned -1 for epoch 5");
    ck_assert_int_eq(a.count, 6);
    ck_assert_double_eq(a.rates[5], pow(.5, 4));
    options.seed++; /* epoch 5 begins again, and asks the same */
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_CALLBACK, "epoch 5");
    ck_assert_double_eq(a.rates[6], pow(.5, 4));
    mbn_callback_destroy(callback);
    tear_down(&f);
}
END_TEST

START_TEST(a_nan_ends_well_with_terminate_on_nan)
{
    fixture f = set_up(0, 1);
    mbn_tensor *x, *y;
    mbn_history *history;
    int64_t dims[4] = {10, 32, 32, 3}, y_dims[1] = {10};
    mbn_model *untouched = small_net(f.context, 3);
    mbn_callback *callback;
    ck_ok(mbn_terminate_on_nan_create(NULL, &callback));
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 4, dims, &x));
    ck_ok(mbn_tensor_create(NULL, MBN_I32, 1, y_dims, &y));
    ((float *)mbn_tensor_data(x))[9 * 3072 + 5] = NAN;
    mbn_fit_options options = fit_options(4, 2);
    options.shuffle = 0;
    options.callbacks = (const mbn_callback *const *)&callback;
    options.callback_count = 1;
    ck_ok(mbn_fit(f.model, x, y, &options, &history));
    ck_assert_int_eq(mbn_history_epochs(history), 0);
    ck_assert_ptr_nonnull(strstr(mbn_last_error(), "epoch 1, batch 3"));
    ck_assert(same_weights(untouched, f.model));
    mbn_history_destroy(history);
    mbn_callback_destroy(callback);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(untouched);
    tear_down(&f);
}
END_TEST

typedef struct percents {
    double values[8];
    int count, stop_at;
} percents;

static int32_t note_percent(void *user, double percent, double seconds_left, const mbn_fit_event *event)
{
    percents *p = user;
    ck_assert_int_lt(p->count, 8);
    ck_assert(p->count == 0 ? isnan(seconds_left) : seconds_left >= 0);
    ck_assert_int_eq(event->epochs, 2);
    p->values[p->count++] = percent;
    return p->count == p->stop_at;
}

START_TEST(progress_tells_percent_in_steps)
{
    static const struct {
        double step, expected[6];
        int stop_at, count;
    } rows[] = {{0, {0, 25, 50, 75, 100}, 0, 5}, {60, {0, 75, 100}, 0, 3}, {25, {0, 25}, 2, 2}};
    fixture f = set_up(1, 16);
    mbn_fit_options options = fit_options(8, 2);
    for (int i = 0; i < 3; i++) {
        percents p = {.stop_at = rows[i].stop_at};
        mbn_progress_options o;
        mbn_callback *callback;
        mbn_progress_options_init(&o);
        ck_assert_double_eq(o.step_percent, 1);
        o.progress = note_percent;
        o.user = &p;
        o.step_percent = rows[i].step;
        ck_ok(mbn_progress_create(NULL, &o, &callback));
        options.callbacks = (const mbn_callback *const *)&callback;
        options.callback_count = 1;
        ck_ok(mbn_fit(f.model, f.x, f.y, &options, NULL));
        ck_assert_int_eq(p.count, rows[i].count);
        for (int k = 0; k < p.count; k++)
            ck_assert_double_eq(p.values[k], rows[i].expected[k]);
        mbn_callback_destroy(callback);
    }
    tear_down(&f);
}
END_TEST

/* Whole trainings. Everything below watches one that stops early. */
enum { PICTURES = 60, EPOCHS = 12, BATCHES = 3 };

static int64_t fit_on(mbn_model *model, const fixture *f, const mbn_callback *const *callbacks, int64_t count)
{
    mbn_fit_options options = fit_options(16, EPOCHS - mbn_trained_epochs(model));
    mbn_history *history;
    options.validation_split = 0.2;
    options.callbacks = callbacks;
    options.callback_count = count;
    ck_ok(mbn_fit(model, f->x, f->y, &options, &history));
    int64_t epochs = mbn_history_epochs(history);
    mbn_history_destroy(history);
    return epochs;
}

/* EarlyStopping with the best weights, and ReduceLROnPlateau. */
static void make_pair(mbn_callback *pair[2])
{
    mbn_early_stopping_options o = stopping_options(2);
    mbn_reduce_on_plateau_options plateau;
    o.restore_best = 1;
    o.min_delta = 0.02;
    pair[0] = early_stopping(o);
    mbn_reduce_on_plateau_options_init(&plateau);
    plateau.patience = 1;
    plateau.factor = 0.5;
    plateau.monitor = "loss";
    plateau.min_delta = 0.5;
    ck_ok(mbn_reduce_on_plateau_create(NULL, &plateau, &pair[1]));
}

static void destroy_pair(mbn_callback *pair[2])
{
    mbn_callback_destroy(pair[0]);
    mbn_callback_destroy(pair[1]);
}

static fixture averaging(double ema_decay)
{
    fixture f = set_up(0, PICTURES);
    mbn_compile_options o;
    mbn_compile_options_init(&o);
    o.optimizer = MBN_OPTIMIZER_ADAM;
    o.learning_rate = 3e-3;
    o.ema_decay = ema_decay;
    ck_ok(mbn_compile(f.model, &o));
    return f;
}

/* After every other batch, the last of an epoch included, and after every epoch, that in which it stops
 * included. */
static void goes_on_as_if_never_stopped(double ema_decay)
{
    fixture whole = averaging(ema_decay);
    mbn_callback *callbacks[3], *anew[2];
    const mbn_callback *const *list = (const mbn_callback *const *)callbacks;
    char path[] = "/tmp/mbn-callbacks-XXXXXX";
    ck_assert_int_ge(mkstemp(path), 0);
    make_pair(callbacks);
    const int64_t epochs = fit_on(whole.model, &whole, list, 2);
    const double rate = mbn_learning_rate(whole.model);
    ck_assert_msg(epochs > 2 && epochs < EPOCHS, "%d epochs: the data stop too soon or too late",
                  (int)epochs);
    ck_assert_double_lt(rate, 3e-3);
    for (int by_epoch = 0; by_epoch < 2; by_epoch++)
        for (int at = by_epoch ? 1 : 2; at <= epochs * (by_epoch ? 1 : BATCHES);
             at += by_epoch ? 1 : (int)unless_valgrind(2, 7)) {
            fixture f = averaging(ema_decay);
            interruption stop = {path, 0, at};
            mbn_callback_options functions;
            mbn_model *resumed;
            mbn_callback_options_init(&functions);
            *(by_epoch ? &functions.on_epoch_end : &functions.on_batch_end) = stop_at;
            functions.user = &stop;
            ck_ok(mbn_callback_create(NULL, &functions, &callbacks[2]));
            (void)fit_on(f.model, &f, list, 3);
            ck_ok(mbn_checkpoint_load(f.context, path, &resumed));
            make_pair(anew);
            (void)fit_on(resumed, &f, (const mbn_callback *const *)anew, 2);
            ck_assert_int_eq(mbn_trained_epochs(resumed), epochs);
            ck_assert_double_eq(mbn_learning_rate(resumed), rate);
            ck_assert_msg(same_weights(whole.model, resumed), "stopped at %s %d",
                          by_epoch ? "epoch" : "batch", at);
            if (ema_decay > 0) {
                ck_ok(mbn_model_use_average(whole.model, 1));
                ck_ok(mbn_model_use_average(resumed, 1));
                ck_assert(same_weights(whole.model, resumed));
                ck_ok(mbn_model_use_average(whole.model, 0));
            }
            destroy_pair(anew);
            mbn_callback_destroy(callbacks[2]);
            mbn_model_destroy(resumed);
            tear_down(&f);
        }
    remove(path);
    destroy_pair(callbacks);
    tear_down(&whole);
}

START_TEST(a_training_with_callbacks_goes_on_as_if_never_stopped)
{
    goes_on_as_if_never_stopped(0);
}
END_TEST

START_TEST(the_best_averages_go_on_too)
{
    goes_on_as_if_never_stopped(0.8);
}
END_TEST

/* What was told, in order: a letter for each event and the callback's digit. */
typedef struct diary {
    char text[256];
    char stop, fail; /* at this letter */
    int countdown;   /* from the how manieth */
} diary;

typedef struct writer {
    diary *diary;
    char digit;
} writer;

static int32_t write_down(const writer *w, char letter)
{
    const size_t used = strlen(w->diary->text);
    ck_assert(used + 3 < sizeof w->diary->text);
    w->diary->text[used] = letter;
    w->diary->text[used + 1] = w->digit;
    if ((w->diary->stop != letter && w->diary->fail != letter) || w->digit != '1' ||
        --w->diary->countdown > 0)
        return 0;
    return w->diary->fail == letter ? -3 : 1;
}

#define WRITES(name, letter)                                                      \
    static int32_t name(void *user, mbn_model *model, const mbn_fit_event *event) \
    {                                                                             \
        ck_assert_double_eq(event->learning_rate, mbn_learning_rate(model));      \
        return write_down(user, letter);                                          \
    }
WRITES(write_train_begin, 'T')
WRITES(write_train_end, 't')
WRITES(write_epoch_begin, 'E')
WRITES(write_epoch_end, 'e')
WRITES(write_batch_begin, 'B')
WRITES(write_batch_end, 'b')

static mbn_callback *writing(writer *w)
{
    mbn_callback_options o;
    mbn_callback *callback;
    mbn_callback_options_init(&o);
    o.on_train_begin = write_train_begin;
    o.on_train_end = write_train_end;
    o.on_epoch_begin = write_epoch_begin;
    o.on_epoch_end = write_epoch_end;
    o.on_batch_begin = write_batch_begin;
    o.on_batch_end = write_batch_end;
    o.user = w;
    ck_ok(mbn_callback_create(NULL, &o, &callback));
    return callback;
}

START_TEST(functions_are_told_in_order_and_may_stop_or_fail_anywhere)
{
    static const struct {
        char stop, fail;
        int countdown;
        const char *expected;
    } rows[] = {
        {0, 0, 0, "T1T2E1E2B1B2b1b2b3B1B2b1b2b3e1e2e3t1t2"}, /* 3: the options' own */
        {'T', 0, 1, "T1T2t1t2"},
        {'E', 0, 1, "T1T2E1E2t1t2"},
        {'B', 0, 2, "T1T2E1E2B1B2b1b2b3B1B2t1t2"},
        {'b', 0, 1, "T1T2E1E2B1B2b1b2b3t1t2"},
        {'e', 0, 1, "T1T2E1E2B1B2b1b2b3B1B2b1b2b3e1e2e3t1t2"},
        {0, 'T', 1, "T1T2t2"}, /* who failed at the beginning is not told of the end */
        {0, 'E', 1, "T1T2E1E2t1t2"},
        {0, 'B', 1, "T1T2E1E2B1B2t1t2"},
        {0, 'b', 2, "T1T2E1E2B1B2b1b2b3B1B2b1b2b3t1t2"},
        {0, 'e', 1, "T1T2E1E2B1B2b1b2b3B1B2b1b2b3e1e2e3t1t2"},
        {0, 't', 1, "T1T2E1E2B1B2b1b2b3B1B2b1b2b3e1e2e3t1t2"},
    };
    fixture f = set_up(1, 16);
    diary d;
    writer writers[3] = {{&d, '1'}, {&d, '2'}, {&d, '3'}};
    mbn_callback *callbacks[2] = {writing(&writers[0]), writing(&writers[1])};
    mbn_fit_options options = fit_options(8, 1);
    options.callbacks = (const mbn_callback *const *)callbacks;
    options.callback_count = 2;
    options.on_batch_end = write_batch_end;
    options.on_epoch_end = write_epoch_end;
    options.callback_user = &writers[2];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        d = (diary){.stop = rows[i].stop, .fail = rows[i].fail, .countdown = rows[i].countdown};
        options.seed = i; /* nothing to go on with */
        mbn_status status = mbn_fit(f.model, f.x, f.y, &options, NULL);
        ck_assert_int_eq(status, rows[i].fail ? MBN_ERR_CALLBACK : MBN_OK);
        ck_assert_str_eq(d.text, rows[i].expected);
        if (rows[i].fail) {
            ck_assert_ptr_nonnull(strstr(mbn_last_error(), "mbn_fit: option callbacks[0] (functions): on_"));
            ck_assert_ptr_nonnull(strstr(mbn_last_error(), "returned -3 in epoch 1"));
        }
    }
    mbn_callback_destroy(callbacks[0]);
    mbn_callback_destroy(callbacks[1]);
    tear_down(&f);
}
END_TEST

START_TEST(wrong_callbacks_are_refused_before_the_first_step)
{
    fixture f = set_up(1, 8);
    mbn_model *untouched = small_net(f.context, 3);
    mbn_early_stopping_options o = stopping_options(1);
    mbn_callback *callback = early_stopping(o), *out = callback;
    const mbn_callback *none = NULL, *one = callback;
    mbn_fit_options options = fit_options(8, 1);
    options.callbacks = &one;
    options.callback_count = 1;
    ck_fails(
        mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT,
        "option callbacks[0] (early_stopping): monitor is 'val_loss'; this call of fit has loss, acc, lr, "
        "seconds");
    options.callbacks = &none;
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT, "callbacks[0] is NULL");
    options.callbacks = NULL;
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT, "callbacks is NULL");
    options.callback_count = 65;
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT, "callback_count is 65");
    mbn_schedule_options schedule;
    mbn_callback *plateau;
    mbn_schedule_options_init(&schedule);
    schedule.learning_rate = 1;
    ck_ok(mbn_reduce_on_plateau_create(NULL, NULL, &plateau));
    one = plateau;
    options.schedule = &schedule;
    options.callbacks = &one;
    options.callback_count = 1;
    ck_fails(mbn_fit(f.model, f.x, f.y, &options, NULL), MBN_ERR_ARGUMENT,
             "callbacks[0] (reduce_on_plateau): it sets the learning rate, and so does option schedule");
    mbn_callback_destroy(plateau);
    ck_assert(same_weights(untouched, f.model));
    mbn_reduce_on_plateau_options r;
    mbn_reduce_on_plateau_options_init(&r);
    r.factor = 1;
    ck_fails(mbn_reduce_on_plateau_create(NULL, &r, &out), MBN_ERR_ARGUMENT, "factor is 1");
    ck_fails(mbn_learning_rate_scheduler_create(NULL, NULL, &out), MBN_ERR_ARGUMENT, "rate is NULL");
    ck_fails(mbn_progress_create(NULL, NULL, &out), MBN_ERR_ARGUMENT, "progress is NULL");
    ck_fails(mbn_csv_logger_create(NULL, NULL, &out), MBN_ERR_ARGUMENT, "path is NULL");
    ck_assert_ptr_null(out);
    o.patience = -1;
    ck_fails(mbn_early_stopping_create(NULL, &o, &out), MBN_ERR_ARGUMENT, "patience is -1");
    ck_assert_ptr_null(out);
    o = stopping_options(1);
    o.min_delta = NAN;
    ck_fails(mbn_early_stopping_create(NULL, &o, &out), MBN_ERR_ARGUMENT, "min_delta");
    o = stopping_options(1);
    o.mode = 3;
    ck_fails(mbn_early_stopping_create(NULL, &o, &out), MBN_ERR_ARGUMENT, "mode is 3");
    o = stopping_options(1);
    o.monitor = "";
    ck_fails(mbn_early_stopping_create(NULL, &o, &out), MBN_ERR_ARGUMENT, "monitor");
    ck_fails(mbn_early_stopping_create(NULL, &o, NULL), MBN_ERR_ARGUMENT, "out");
    mbn_callback_destroy(NULL);
    mbn_callback_destroy(callback);
    mbn_model_destroy(untouched);
    tear_down(&f);
}
END_TEST

SUITE("callbacks", early_stopping_follows_keras, accuracy_is_better_when_higher,
      early_stopping_goes_on_until_it_stops, reduce_on_plateau_follows_keras,
      a_scheduler_gives_each_epoch_its_rate_once, a_nan_ends_well_with_terminate_on_nan,
      progress_tells_percent_in_steps, a_training_with_callbacks_goes_on_as_if_never_stopped,
      the_best_averages_go_on_too, functions_are_told_in_order_and_may_stop_or_fail_anywhere,
      wrong_callbacks_are_refused_before_the_first_step)
