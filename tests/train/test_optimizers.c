/* Each optimizer against its published formula, computed here in double on a network small enough to do by
 * hand: softmax(x * W + b) with the gradient (p - t) x. */
#include "support/suite.h"
#include <math.h>

enum { INPUTS = 3, CLASSES = 2, WEIGHTS = INPUTS * CLASSES + CLASSES, STEPS = 6 };

static const float picture[INPUTS] = {0.5f, -1.0f, 2.0f};
static const int32_t label[1] = {1};

typedef struct reference {
    double w[WEIGHTS];             /* kernel [INPUTS, CLASSES], then bias */
    double a[WEIGHTS], b[WEIGHTS]; /* state */
    double smoothing;
} reference;

static mbn_model *make_model(reference *r)
{
    mbn_model *model;
    mbn_tensor *kernel;
    mbn_dense_options dense;
    mbn_dense_options_init(&dense);
    dense.units = CLASSES;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 1, 1, INPUTS));
    ck_ok(mbn_model_add_flatten(model, NULL));
    ck_ok(mbn_model_add_dense(model, &dense));
    ck_ok(mbn_model_add_softmax(model, NULL));
    ck_ok(mbn_model_build(model));
    ck_ok(mbn_model_get_parameter(model, "dense/kernel", &kernel));
    memset(r, 0, sizeof *r);
    for (int i = 0; i < INPUTS * CLASSES; i++)
        r->w[i] = ((float *)mbn_tensor_data(kernel))[i];
    mbn_tensor_destroy(kernel);
    return model;
}

static void gradient(const reference *r, double g[WEIGHTS])
{
    double z[CLASSES], sum = 0;
    for (int c = 0; c < CLASSES; c++) {
        z[c] = r->w[INPUTS * CLASSES + c];
        for (int i = 0; i < INPUTS; i++)
            z[c] += picture[i] * r->w[i * CLASSES + c];
        sum += exp(z[c]);
    }
    for (int c = 0; c < CLASSES; c++) {
        double target = (c == label[0]) * (1 - r->smoothing) + r->smoothing / CLASSES;
        double d = exp(z[c]) / sum - target;
        for (int i = 0; i < INPUTS; i++)
            g[i * CLASSES + c] = d * picture[i];
        g[INPUTS * CLASSES + c] = d;
    }
}

static void step_model(mbn_model *model)
{
    mbn_tensor *x, *y;
    int64_t x_dims[4] = {1, 1, 1, INPUTS}, y_dims[1] = {1};
    ck_ok(mbn_tensor_wrap(NULL, MBN_F32, 4, x_dims, (void *)(uintptr_t)picture, NULL, NULL, &x));
    ck_ok(mbn_tensor_wrap(NULL, MBN_I32, 1, y_dims, (void *)(uintptr_t)label, NULL, NULL, &y));
    ck_ok(mbn_train_on_batch(model, x, y, NULL, NULL));
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
}

static void compare(const mbn_model *model, const reference *r)
{
    mbn_tensor *kernel, *bias;
    ck_ok(mbn_model_get_parameter(model, "dense/kernel", &kernel));
    ck_ok(mbn_model_get_parameter(model, "dense/bias", &bias));
    for (int i = 0; i < WEIGHTS; i++) {
        float w = i < INPUTS * CLASSES ? ((float *)mbn_tensor_data(kernel))[i]
                                       : ((float *)mbn_tensor_data(bias))[i - INPUTS * CLASSES];
        ck_assert_double_eq_tol(w, r->w[i], 2e-6);
    }
    mbn_tensor_destroy(kernel);
    mbn_tensor_destroy(bias);
}

/* One step of the formula on weight i. */
typedef void (*rule)(reference *r, int i, double g, int t, double rate);

static void follow(const mbn_compile_options *options, rule apply, double rate)
{
    reference r;
    double g[WEIGHTS];
    mbn_model *model = make_model(&r);
    r.smoothing = options->label_smoothing;
    ck_ok(mbn_compile(model, options));
    for (int t = 1; t <= STEPS; t++) {
        gradient(&r, g);
        for (int i = 0; i < WEIGHTS; i++)
            apply(&r, i, g[i], t, rate);
        step_model(model);
        compare(model, &r);
    }
    mbn_model_destroy(model);
}

static void sgd(reference *r, int i, double g, int t, double rate)
{
    (void)t;
    r->w[i] -= rate * g;
}

static void decayed_momentum(reference *r, int i, double g, int t, double rate)
{
    (void)t;
    if (i < INPUTS * CLASSES) /* the bias does not decay */
        g += 0.05 * r->w[i];
    r->a[i] = 0.9 * r->a[i] - rate * g;
    r->w[i] += r->a[i];
}

static void momentum(reference *r, int i, double g, int t, double rate)
{
    (void)t;
    r->a[i] = 0.9 * r->a[i] - rate * g;
    r->w[i] += r->a[i];
}

static void nesterov(reference *r, int i, double g, int t, double rate)
{
    (void)t;
    r->a[i] = 0.9 * r->a[i] - rate * g;
    r->w[i] += 0.9 * r->a[i] - rate * g;
}

static void rmsprop(reference *r, int i, double g, int t, double rate)
{
    (void)t;
    r->a[i] = 0.9 * r->a[i] + 0.1 * g * g;
    r->w[i] -= rate * g / (sqrt(r->a[i]) + 1e-7);
}

static void adam(reference *r, int i, double g, int t, double rate)
{
    r->a[i] = 0.9 * r->a[i] + 0.1 * g;
    r->b[i] = 0.999 * r->b[i] + 0.001 * g * g;
    r->w[i] -= rate * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t)) * r->a[i] / (sqrt(r->b[i]) + 1e-7);
}

static void adamw(reference *r, int i, double g, int t, double rate)
{
    if (i < INPUTS * CLASSES) /* the bias does not decay */
        r->w[i] -= rate * 0.1 * r->w[i];
    adam(r, i, g, t, rate);
}

START_TEST(sgd_follows_its_formula)
{
    mbn_compile_options options;
    mbn_compile_options_init(&options);
    follow(&options, sgd, 0.01); /* Keras' default rate */
    options.learning_rate = 0.3;
    options.label_smoothing = 0.2;
    follow(&options, sgd, 0.3);
}
END_TEST

START_TEST(momentum_and_nesterov_follow_their_formulas)
{
    mbn_compile_options options;
    mbn_compile_options_init(&options);
    options.learning_rate = 0.1;
    options.momentum = 0.9;
    follow(&options, momentum, 0.1);
    options.weight_decay = 0.05;
    follow(&options, decayed_momentum, 0.1);
    options.weight_decay = 0;
    options.nesterov = 1;
    follow(&options, nesterov, 0.1);
}
END_TEST

START_TEST(rmsprop_follows_its_formula)
{
    mbn_compile_options options;
    mbn_compile_options_init(&options);
    options.optimizer = MBN_OPTIMIZER_RMSPROP;
    follow(&options, rmsprop, 0.001);
}
END_TEST

START_TEST(adam_and_adamw_follow_their_formulas)
{
    mbn_compile_options options;
    mbn_compile_options_init(&options);
    options.optimizer = MBN_OPTIMIZER_ADAM;
    options.learning_rate = 0.05;
    follow(&options, adam, 0.05);
    options.optimizer = MBN_OPTIMIZER_ADAMW;
    options.weight_decay = 0.1;
    follow(&options, adamw, 0.05);
}
END_TEST

SUITE("optimizers", sgd_follows_its_formula, momentum_and_nesterov_follow_their_formulas,
      rmsprop_follows_its_formula, adam_and_adamw_follow_their_formulas)
