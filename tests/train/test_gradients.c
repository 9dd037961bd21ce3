/* Updates that wait: clipping and accumulation, against their formulas in double and against steps that do
 * not wait. */
#include "support/allocator.h"
#include "support/linear.h"
#include "support/training.h"
#include <stdio.h>

enum { STEPS = 5 };
static const double l2 = 0.02, rate = 0.2, momentum = 0.5;

/* The mean gradient of pictures [first, first + count), the L2 term included. */
static void mean_gradient(const linear *r, int first, int count, double g[WEIGHTS])
{
    memset(g, 0, WEIGHTS * sizeof *g);
    for (int i = first; i < first + count; i++)
        linear_gradient(r, i, 1.0 / count, g);
    for (int i = 0; i < BIAS; i++)
        g[i] += 2 * l2 * r->w[i];
}

static double norm_of(const double g[WEIGHTS])
{
    double squares = 0;
    for (int i = 0; i < WEIGHTS; i++)
        squares += g[i] * g[i];
    return sqrt(squares);
}

static void clip(double g[WEIGHTS], const mbn_compile_options *o)
{
    const double norm = norm_of(g);
    for (int i = 0; i < WEIGHTS; i++) {
        if (o->clip_norm > 0 && norm > o->clip_norm)
            g[i] *= o->clip_norm / norm;
        if (o->clip_value > 0)
            g[i] = fmin(fmax(g[i], -o->clip_value), o->clip_value);
    }
}

/* Momentum with a weight decay that comes after clipping. */
static void move(linear *r, double velocity[WEIGHTS], const double g[WEIGHTS], double decay)
{
    for (int i = 0; i < WEIGHTS; i++) {
        velocity[i] = momentum * velocity[i] - rate * (g[i] + (i < BIAS ? decay * r->w[i] : 0));
        r->w[i] += velocity[i];
    }
}

static mbn_compile_options momentum_options(void)
{
    mbn_compile_options options;
    mbn_compile_options_init(&options);
    options.learning_rate = rate;
    options.momentum = momentum;
    options.weight_decay = 0.03;
    return options;
}

START_TEST(clipped_steps_follow_the_formulas)
{
    mbn_tensor *x, *y;
    linear_data(0, PICTURES, &x, &y);
    int clipped = 0;
    for (int variant = 0; variant < 6; variant++) { /* tight, loose and never, by norm and by value */
        const double bounds[] = {0.05, 0.4, 1e6};
        linear r;
        double velocity[WEIGHTS] = {0}, g[WEIGHTS];
        mbn_model *model = linear_model(NULL, l2, &r);
        mbn_compile_options options = momentum_options();
        *(variant < 3 ? &options.clip_norm : &options.clip_value) = bounds[variant % 3];
        ck_ok(mbn_compile(model, &options));
        for (int step = 0; step < STEPS; step++) {
            mean_gradient(&r, 0, PICTURES, g);
            clipped += norm_of(g) > bounds[variant % 3];
            clip(g, &options);
            move(&r, velocity, g, options.weight_decay);
            ck_ok(mbn_train_on_batch(model, x, y, NULL, NULL));
            ck_linear(model, &r, 2e-6);
        }
        mbn_model_destroy(model);
    }
    ck_assert_int_ge(clipped, STEPS);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
}
END_TEST

/* All trained parameters of a model in one row. */
static double *values_of(const mbn_model *model, int64_t *count)
{
    double *values = NULL;
    *count = 0;
    for (size_t i = 0; i < mbn_model_parameter_tensors(model); i++) {
        const char *name = mbn_model_parameter_name(model, i);
        mbn_tensor *p;
        if (strstr(name, "/moving"))
            continue;
        ck_ok(mbn_model_get_parameter(model, name, &p));
        values = realloc(values, (size_t)(*count + mbn_tensor_count(p)) * sizeof *values);
        ck_assert_ptr_nonnull(values);
        for (int64_t j = 0; j < mbn_tensor_count(p); j++)
            values[(*count)++] = ((float *)mbn_tensor_data(p))[j];
        mbn_tensor_destroy(p);
    }
    return values;
}

/* What a step of rate 1 takes off: the gradient. */
static double *one_step(int32_t threads, const mbn_compile_options *options, int64_t *count, fixture *f)
{
    *f = set_up(threads, 32);
    ck_ok(mbn_compile(f->model, options));
    double *before = values_of(f->model, count);
    ck_ok(mbn_train_on_batch(f->model, f->x, f->y, NULL, NULL));
    double *after = values_of(f->model, count);
    for (int64_t i = 0; i < *count; i++)
        before[i] -= after[i];
    free(after);
    return before;
}

START_TEST(the_norm_is_of_the_whole_network_and_the_same_for_any_number_of_threads)
{
    fixture plain, f[3];
    int64_t count;
    double squares = 0, clipped_squares = 0;
    mbn_compile_options options;
    mbn_compile_options_init(&options);
    options.learning_rate = 1;
    double *g = one_step(1, &options, &count, &plain);
    for (int64_t i = 0; i < count; i++)
        squares += g[i] * g[i];
    options.clip_norm = 0.25 * sqrt(squares);
    for (int t = 0; t < 3; t++) {
        double *d = one_step(t + 1, &options, &count, &f[t]);
        for (int64_t i = 0; t == 0 && i < count; i++) {
            ck_assert_double_eq_tol(d[i], 0.25 * g[i], 2e-6 + 1e-4 * fabs(g[i]));
            clipped_squares += d[i] * d[i];
        }
        ck_assert(same_weights(f[0].model, f[t].model));
        free(d);
    }
    ck_assert_double_eq_tol(sqrt(clipped_squares) / options.clip_norm, 1, 1e-4);
    free(g);
    tear_down(&plain);
    for (int t = 0; t < 3; t++)
        tear_down(&f[t]);
}
END_TEST

/* Batches of 2, 2, 2 and 1 pictures, three to a group: updates with the first six, and with the last one. */
START_TEST(a_group_steps_as_one_batch_with_all_its_pictures)
{
    mbn_tensor *x, *y;
    linear_data(0, PICTURES, &x, &y);
    for (int clips = 0; clips < 2; clips++) {
        linear r;
        double velocity[WEIGHTS] = {0}, g[WEIGHTS];
        mbn_model *model = linear_model(NULL, l2, &r);
        mbn_compile_options options = momentum_options();
        options.accumulation = 3;
        options.clip_norm = clips ? 0.3 : 0;
        ck_ok(mbn_compile(model, &options));
        mbn_fit_options fit = fit_options(2, 2);
        fit.shuffle = 0;
        ck_ok(mbn_fit(model, x, y, &fit, NULL));
        for (int update = 0; update < 4; update++) {
            mean_gradient(&r, update % 2 ? 6 : 0, update % 2 ? 1 : 6, g);
            clip(g, &options);
            move(&r, velocity, g, options.weight_decay);
        }
        ck_linear(model, &r, 2e-6);
        mbn_model_destroy(model);
    }
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
}
END_TEST

START_TEST(single_batches_wait_for_their_group_too)
{
    mbn_tensor *x[2], *y[2];
    linear r, start;
    double velocity[WEIGHTS] = {0}, g[WEIGHTS];
    mbn_model *model = linear_model(NULL, l2, &r);
    mbn_compile_options options = momentum_options();
    options.accumulation = 2;
    ck_ok(mbn_compile(model, &options));
    linear_data(0, 5, &x[0], &y[0]);
    linear_data(5, 2, &x[1], &y[1]);
    start = r;
    ck_ok(mbn_train_on_batch(model, x[0], y[0], NULL, NULL));
    ck_linear(model, &start, 1e-12); /* nothing moved yet */
    ck_ok(mbn_train_on_batch(model, x[1], y[1], NULL, NULL));
    mean_gradient(&r, 0, PICTURES, g);
    move(&r, velocity, g, options.weight_decay);
    ck_linear(model, &r, 2e-6);
    for (int i = 0; i < 2; i++) {
        mbn_tensor_destroy(x[i]);
        mbn_tensor_destroy(y[i]);
    }
    mbn_model_destroy(model);
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

static void compile_waiting(mbn_model *model)
{
    mbn_compile_options options;
    mbn_compile_options_init(&options);
    options.optimizer = MBN_OPTIMIZER_ADAM;
    options.learning_rate = 3e-3;
    options.accumulation = 3;
    options.clip_norm = 0.5;
    ck_ok(mbn_compile(model, &options));
}

/* Four batches an epoch in groups of three and one; stopped after each of them, the first update included. */
START_TEST(training_goes_on_from_any_batch_of_a_group)
{
    fixture whole = set_up(2, 60);
    char path[] = "/tmp/mbn-group-XXXXXX";
    ck_assert_int_ge(mkstemp(path), 0);
    mbn_fit_options options = fit_options(16, 2);
    compile_waiting(whole.model);
    ck_ok(mbn_fit(whole.model, whole.x, whole.y, &options, NULL));
    for (int at = 1; at <= 7; at++) {
        fixture f = set_up(1, 60);
        mbn_model *resumed;
        interruption stop = {path, 0, at};
        compile_waiting(f.model);
        options = fit_options(16, 2);
        options.on_batch_end = save_and_stop;
        options.callback_user = &stop;
        ck_ok(mbn_fit(f.model, f.x, f.y, &options, NULL));
        options.on_batch_end = NULL;
        ck_ok(mbn_checkpoint_load(f.context, path, &resumed));
        options.epochs = 2 - mbn_trained_epochs(resumed);
        ck_ok(mbn_fit(resumed, f.x, f.y, &options, NULL));
        ck_assert_msg(same_weights(whole.model, resumed), "resumed after batch %d", at);
        mbn_model_destroy(resumed);
        tear_down(&f);
    }
    remove(path);
    tear_down(&whole);
}
END_TEST

/* Another seed begins an epoch anew, and what the old one left of a group is forgotten. */
START_TEST(a_new_epoch_begins_a_new_group)
{
    linear r;
    mbn_tensor *x, *y;
    interruption stop = {"/dev/null", 0, 2};
    mbn_model *fresh = linear_model(NULL, l2, &r), *stopped = linear_model(NULL, l2, &r);
    mbn_compile_options options = momentum_options();
    options.accumulation = 4;
    linear_data(0, PICTURES, &x, &y);
    ck_ok(mbn_compile(fresh, &options));
    ck_ok(mbn_compile(stopped, &options));
    char path[] = "/tmp/mbn-group-XXXXXX";
    ck_assert_int_ge(mkstemp(path), 0);
    stop.path = path;
    mbn_fit_options fit = fit_options(1, 1);
    fit.on_batch_end = save_and_stop;
    fit.callback_user = &stop;
    ck_ok(mbn_fit(stopped, x, y, &fit, NULL));
    ck_linear(stopped, &r, 1e-12);
    fit = fit_options(1, 1);
    fit.seed = 99;
    ck_ok(mbn_fit(stopped, x, y, &fit, NULL));
    ck_ok(mbn_fit(fresh, x, y, &fit, NULL));
    ck_assert(same_weights(fresh, stopped));
    remove(path);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(fresh);
    mbn_model_destroy(stopped);
}
END_TEST

START_TEST(kept_gradients_are_counted_only_when_asked_for)
{
    test_allocator allocator;
    mbn_context *context;
    mbn_context_options options;
    int64_t plain, kept, parameters;
    mbn_tensor *x, *y;
    mbn_context_options_init(&options);
    options.threads = 1;
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    mbn_model *model = small_net(context, 3);
    ck_ok(mbn_shapes_create(NULL, 32, 32, 32, 5, &x, &y));
    compile_adam(model);
    ck_ok(mbn_fit_memory(model, 16, &plain));
    compile_waiting(model);
    ck_ok(mbn_fit_memory(model, 16, &kept));
    ck_ok(mbn_model_parameter_count(model, &parameters, NULL));
    ck_assert_int_ge(kept, plain + 4 * parameters);
    ck_assert_int_le(kept, plain + 4 * parameters + 64 * 1024); /* each parameter begins at 64 bytes */
    mbn_fit_options fit = fit_options(16, 1);
    int64_t before = allocator.live_bytes;
    allocator.peak_bytes = 0;
    ck_ok(mbn_fit(model, x, y, &fit, NULL));
    ck_assert_int_ge(allocator.peak_bytes - before, kept);
    ck_assert_int_le(allocator.peak_bytes - before, kept + 1024);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
    mbn_context_destroy(context);
    ck_assert_int_eq(allocator.live, 0);
}
END_TEST

START_TEST(wrong_options_are_refused_by_name)
{
    linear r;
    mbn_model *model = linear_model(NULL, 0, &r);
    mbn_compile_options options = momentum_options();
    options.clip_norm = -1;
    ck_fails(mbn_compile(model, &options), MBN_ERR_ARGUMENT, "clip_norm is -1");
    options = momentum_options();
    options.clip_value = NAN;
    ck_fails(mbn_compile(model, &options), MBN_ERR_ARGUMENT, "clip_value is nan");
    options = momentum_options();
    options.clip_value = options.clip_norm = 1;
    ck_fails(mbn_compile(model, &options), MBN_ERR_ARGUMENT, "allowed is one of the two");
    options = momentum_options();
    options.accumulation = -1;
    ck_fails(mbn_compile(model, &options), MBN_ERR_ARGUMENT, "accumulation is -1");
    mbn_model_destroy(model);
}
END_TEST

SUITE("gradients", clipped_steps_follow_the_formulas,
      the_norm_is_of_the_whole_network_and_the_same_for_any_number_of_threads,
      a_group_steps_as_one_batch_with_all_its_pictures, single_batches_wait_for_their_group_too,
      training_goes_on_from_any_batch_of_a_group, a_new_epoch_begins_a_new_group,
      kept_gradients_are_counted_only_when_asked_for, wrong_options_are_refused_by_name)
