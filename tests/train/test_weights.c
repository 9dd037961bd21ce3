/* Weights of classes and pictures in fit, against their formula in double. */
#include "support/linear.h"
#include "support/training.h"

enum { BATCH = 4 }; /* and a batch of 3 */

static const double class_weights[CLASSES] = {0.5, 1, 3.25};
static const float sample_weights[PICTURES] = {1, 0.25f, 2, 0, 1.5f, 7, 0.125f};

/* Two epochs in order with SGD. Returns the loss of the last epoch as fit reports it, in double. */
static double follow(linear *r, const double *by_class, const float *by_picture, double rate)
{
    double sum = 0;
    for (int epoch = 0; epoch < 2; epoch++) {
        sum = 0;
        for (int first = 0; first < PICTURES; first += BATCH) {
            const int n = PICTURES - first < BATCH ? PICTURES - first : BATCH;
            double g[WEIGHTS] = {0};
            for (int i = first; i < first + n; i++) {
                double weight =
                    (by_class ? by_class[linear_ids[i]] : 1) * (by_picture ? (double)by_picture[i] : 1);
                sum += weight * linear_gradient(r, i, weight / n, g);
            }
            for (int i = 0; i < WEIGHTS; i++)
                r->w[i] -= rate * g[i];
        }
    }
    return sum / PICTURES;
}

static mbn_tensor *samples_of(const float *weights, int64_t count)
{
    mbn_tensor *tensor;
    const int64_t dims[1] = {count};
    ck_ok(mbn_tensor_wrap(NULL, MBN_F32, 1, dims, (void *)(uintptr_t)weights, NULL, NULL, &tensor));
    return tensor;
}

static mbn_tensor *one_hot(void)
{
    mbn_tensor *y;
    int64_t dims[2] = {PICTURES, CLASSES};
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 2, dims, &y));
    for (int i = 0; i < PICTURES; i++)
        ((float *)mbn_tensor_data(y))[i * CLASSES + linear_ids[i]] = 1;
    return y;
}

START_TEST(weighted_steps_follow_the_formula)
{
    mbn_tensor *x, *y, *rows = one_hot(), *samples = samples_of(sample_weights, PICTURES);
    linear_data(0, PICTURES, &x, &y);
    for (int variant = 0; variant < 8; variant++) { /* classes, pictures, soft targets */
        linear r;
        mbn_history *history;
        double loss, accuracy;
        mbn_model *model = linear_model(NULL, 0, &r);
        mbn_fit_options options = fit_options(BATCH, 2);
        ck_ok(mbn_compile(model, NULL));
        ck_ok(mbn_set_learning_rate(model, 0.1));
        options.shuffle = 0;
        options.class_weights = variant & 1 ? class_weights : NULL;
        options.class_weight_count = variant & 1 ? CLASSES : 0;
        options.sample_weights = variant & 2 ? samples : NULL;
        ck_ok(mbn_fit(model, x, variant & 4 ? rows : y, &options, &history));
        double wanted = follow(&r, options.class_weights, variant & 2 ? sample_weights : NULL, 0.1);
        ck_linear(model, &r, 1e-6);
        ck_ok(mbn_history_get(history, "loss", 1, &loss));
        ck_ok(mbn_history_get(history, "acc", 1, &accuracy));
        ck_assert_double_eq_tol(loss, wanted, 1e-6);
        ck_assert_double_eq_tol(accuracy * PICTURES, rint(accuracy * PICTURES), 1e-9);
        mbn_history_destroy(history);
        mbn_model_destroy(model);
    }
    mbn_tensor_destroy(samples);
    mbn_tensor_destroy(rows);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
}
END_TEST

/* A shuffled epoch in one batch sees every picture once, with its own weight. */
START_TEST(weights_go_with_their_pictures_when_shuffled)
{
    linear r;
    mbn_tensor *x, *y, *samples = samples_of(sample_weights, PICTURES);
    mbn_model *model = linear_model(NULL, 0, &r);
    double g[WEIGHTS] = {0};
    linear_data(0, PICTURES, &x, &y);
    ck_ok(mbn_compile(model, NULL));
    ck_ok(mbn_set_learning_rate(model, 0.1));
    mbn_fit_options options = fit_options(PICTURES, 1);
    options.sample_weights = samples;
    ck_ok(mbn_fit(model, x, y, &options, NULL));
    for (int i = 0; i < PICTURES; i++)
        linear_gradient(&r, i, (double)sample_weights[i] / PICTURES, g);
    for (int i = 0; i < WEIGHTS; i++)
        r.w[i] -= 0.1 * g[i];
    ck_linear(model, &r, 1e-6);
    mbn_tensor_destroy(samples);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(weights_of_one_change_no_bit_and_validation_is_not_weighted)
{
    fixture plain = set_up(2, 64), weighted = set_up(2, 64);
    mbn_history *a, *b;
    double ones[10], x, y;
    float rows[64];
    for (int i = 0; i < 10; i++)
        ones[i] = 1;
    for (int i = 0; i < 64; i++)
        rows[i] = i < 48 ? 1 : 5; /* those behind are the validation's */
    mbn_tensor *samples = samples_of(rows, 64);
    mbn_fit_options options = fit_options(16, 2);
    options.validation_split = 0.25;
    ck_ok(mbn_fit(plain.model, plain.x, plain.y, &options, &a));
    options.class_weights = ones;
    options.class_weight_count = 10;
    options.sample_weights = samples;
    ck_ok(mbn_fit(weighted.model, weighted.x, weighted.y, &options, &b));
    ck_assert(same_weights(plain.model, weighted.model));
    static const char *const columns[] = {"loss", "acc", "val_loss", "val_acc"};
    for (int i = 0; i < 4; i++) {
        ck_ok(mbn_history_get(a, columns[i], 1, &x));
        ck_ok(mbn_history_get(b, columns[i], 1, &y));
        ck_assert_double_eq(x, y);
    }
    mbn_history_destroy(a);
    mbn_history_destroy(b);
    mbn_tensor_destroy(samples);
    tear_down(&plain);
    tear_down(&weighted);
}
END_TEST

START_TEST(wrong_weights_are_refused_by_name)
{
    linear r;
    mbn_tensor *x, *y, *few = samples_of(sample_weights, 3);
    mbn_model *model = linear_model(NULL, 0, &r);
    double broken[CLASSES] = {1, NAN, 1};
    const float bad[PICTURES] = {0, 1, 1, -1};
    mbn_tensor *negative = samples_of(bad, PICTURES);
    linear_data(0, PICTURES, &x, &y);
    ck_ok(mbn_compile(model, NULL));
    mbn_fit_options options = fit_options(BATCH, 1);
    options.class_weights = class_weights;
    ck_fails(mbn_fit(model, x, y, &options, NULL), MBN_ERR_ARGUMENT, "class_weight_count is 0");
    options.class_weight_count = 2;
    ck_fails(mbn_fit(model, x, y, &options, NULL), MBN_ERR_ARGUMENT, "the model has 3 classes");
    options.class_weight_count = CLASSES;
    options.class_weights = broken;
    ck_fails(mbn_fit(model, x, y, &options, NULL), MBN_ERR_ARGUMENT, "class_weights has nan for class 1");
    options.class_weights = NULL;
    ck_fails(mbn_fit(model, x, y, &options, NULL), MBN_ERR_ARGUMENT, "class_weights NULL");
    options.class_weight_count = 0;
    options.sample_weights = few;
    ck_fails(mbn_fit(model, x, y, &options, NULL), MBN_ERR_SHAPE, "sample_weights is [3]; allowed is [7]");
    options.sample_weights = y;
    ck_fails(mbn_fit(model, x, y, &options, NULL), MBN_ERR_TYPE, "sample_weights is i32");
    options.sample_weights = negative;
    ck_fails(mbn_fit(model, x, y, &options, NULL), MBN_ERR_ARGUMENT, "sample_weights has -1 at position 3");
    ck_linear(model, &r, 1e-12); /* nothing moved */
    mbn_tensor_destroy(few);
    mbn_tensor_destroy(negative);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
}
END_TEST

SUITE("weights", weighted_steps_follow_the_formula, weights_go_with_their_pictures_when_shuffled,
      weights_of_one_change_no_bit_and_validation_is_not_weighted, wrong_weights_are_refused_by_name)
