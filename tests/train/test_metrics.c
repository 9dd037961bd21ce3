/* Metrics against cases counted by hand: a network that hands its input through as logits makes every score
 * known. */
#include "support/allocator.h"
#include "support/suite.h"
#include <math.h>

enum { CLASSES = 6, MOST = 8 };

typedef struct picture {
    float logits[CLASSES];
    int32_t id;
} picture;

/* Scores, the label: prediction, classes before the label. */
static const picture pictures[] = {
    {{9, 0, 0, 0, 0, 0}, 0},              /* 0; none */
    {{3, 5, 4, 2, 1, 0}, 0},              /* 1; two */
    {{1, 1, 1, 1, 1, 1}, 2},              /* 0, the first of equals; two */
    {{1, 2, 2, 0, 0, 0}, 2},              /* 1; one */
    {{1, 2, 2, 0, 0, 0}, 1},              /* 1; none */
    {{6, 5, 4, 3, 2, 1}, 5},              /* 0; five */
    {{0, NAN, 0, 9, 0, 0}, 3},            /* no prediction */
    {{-INFINITY, 0, 0, 7, 0, -1e30f}, 3}, /* 3; none */
};
enum { PICTURES = sizeof pictures / sizeof *pictures };

static mbn_model *pass_through(mbn_context *context)
{
    mbn_model *model;
    ck_ok(mbn_model_create(context, &model));
    ck_ok(mbn_model_add_input(model, 1, 1, CLASSES));
    ck_ok(mbn_model_add_flatten(model, NULL));
    ck_ok(mbn_model_add_softmax(model, NULL));
    ck_ok(mbn_model_build(model));
    return model;
}

static void data_of(mbn_tensor **x, mbn_tensor **y)
{
    int64_t dims[4] = {PICTURES, 1, 1, CLASSES};
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 4, dims, x));
    ck_ok(mbn_tensor_create(NULL, MBN_I32, 1, dims, y));
    for (int i = 0; i < PICTURES; i++) {
        memcpy((float *)mbn_tensor_data(*x) + i * CLASSES, pictures[i].logits, sizeof pictures[i].logits);
        ((int32_t *)mbn_tensor_data(*y))[i] = pictures[i].id;
    }
}

/* By hand, from the table above. */
static void ck_counts(const mbn_metrics *m)
{
    static const int64_t confusion[CLASSES][CLASSES] = {
        [0] = {1, 1}, [1] = {0, 1}, [2] = {1, 1}, [3] = {0, 0, 0, 1}, [5] = {1}};
    static const int64_t support[CLASSES] = {2, 1, 2, 2, 0, 1};
    ck_assert_int_eq(mbn_metrics_samples(m), PICTURES);
    ck_assert_int_eq(mbn_metrics_classes(m), CLASSES);
    ck_assert_int_eq(mbn_metrics_undecided(m), 1);
    ck_assert(!memcmp(mbn_metrics_confusion(m), confusion, sizeof confusion));
    for (int c = 0; c < CLASSES; c++)
        ck_assert_int_eq(mbn_metrics_support(m, c), support[c]);
    ck_assert_double_eq(mbn_metrics_accuracy(m), 3.0 / 8);
    ck_assert_double_eq(mbn_metrics_recall(m, 0), 0.5);
    ck_assert_double_eq(mbn_metrics_recall(m, 1), 1);
    ck_assert_double_eq(mbn_metrics_recall(m, 2), 0);
    ck_assert_double_eq(mbn_metrics_recall(m, 3), 0.5); /* the one without prediction counts as wrong */
    ck_assert_double_nan(mbn_metrics_recall(m, 4));
    ck_assert_double_eq(mbn_metrics_precision(m, 0), 1.0 / 3);
    ck_assert_double_eq(mbn_metrics_precision(m, 1), 1.0 / 3);
    ck_assert_double_eq(mbn_metrics_precision(m, 3), 1);
    ck_assert_double_nan(mbn_metrics_precision(m, 5));
}

START_TEST(counts_are_those_made_by_hand_with_ties_and_nan)
{
    static const struct {
        int64_t asked, k, right;
    } rows[] = {{1, 1, 3}, {2, 2, 4}, {3, 3, 6}, {5, 5, 6}, {6, 6, 7}, {0, 5, 6}};
    mbn_model *model = pass_through(NULL);
    mbn_tensor *x, *y;
    data_of(&x, &y);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int64_t batch = 1; batch <= MOST; batch += 3) {
            mbn_metrics *m;
            double loss, accuracy;
            ck_ok(mbn_evaluate_metrics(model, x, y, batch, rows[i].asked, &m));
            ck_counts(m);
            ck_assert_int_eq(mbn_metrics_top_k(m), rows[i].k);
            ck_assert_double_eq(mbn_metrics_top_k_accuracy(m), (double)rows[i].right / PICTURES);
            ck_ok(mbn_evaluate(model, x, y, batch, &loss, &accuracy));
            ck_assert_double_eq(mbn_metrics_accuracy(m), accuracy);
            ck_assert(isnan(loss) && isnan(mbn_metrics_loss(m)));
            mbn_metrics_destroy(m);
        }
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(soft_targets_count_as_the_class_of_the_first_largest)
{
    mbn_model *model = pass_through(NULL);
    mbn_tensor *x, *y, *soft;
    mbn_metrics *m;
    int64_t dims[2] = {PICTURES, CLASSES};
    data_of(&x, &y);
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 2, dims, &soft));
    float *t = mbn_tensor_data(soft);
    for (int i = 0; i < PICTURES; i++) {
        t[i * CLASSES + pictures[i].id] = 0.5f;
        if (pictures[i].id < CLASSES - 1) /* as large, but later */
            t[i * CLASSES + CLASSES - 1] = 0.5f;
    }
    ck_ok(mbn_evaluate_metrics(model, x, soft, 3, 0, &m));
    ck_counts(m);
    mbn_metrics_destroy(m);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_tensor_destroy(soft);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(metrics_of_a_network_agree_with_evaluate_and_outlive_it)
{
    mbn_model *model;
    mbn_tensor *x, *y;
    mbn_metrics *m;
    mbn_mobilenet_options net;
    double loss, accuracy;
    int64_t diagonal = 0, all = 0;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = 32;
    net.classes = 10;
    net.alpha = 0.125;
    net.shallow = 1;
    ck_ok(mbn_mobilenet_create(NULL, &net, &model));
    ck_ok(mbn_shapes_create(NULL, 90, 32, 32, 5, &x, &y));
    ck_ok(mbn_evaluate(model, x, y, 32, &loss, &accuracy));
    ck_ok(mbn_evaluate_metrics(model, x, y, 32, 0, &m));
    mbn_model_destroy(model);
    ck_assert_double_eq(mbn_metrics_loss(m), loss);
    ck_assert_double_eq(mbn_metrics_accuracy(m), accuracy);
    for (int c = 0; c < 10; c++)
        diagonal += mbn_metrics_confusion(m)[c * 11];
    for (int i = 0; i < 100; i++)
        all += mbn_metrics_confusion(m)[i];
    ck_assert_int_eq(all, 90);
    ck_assert_double_eq((double)diagonal / 90, accuracy);
    ck_assert_double_ge(mbn_metrics_top_k_accuracy(m), accuracy);
    mbn_metrics_destroy(m);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
}
END_TEST

START_TEST(wrong_calls_are_refused_and_nothing_is_left)
{
    test_allocator allocator;
    mbn_context *context;
    mbn_context_options options;
    mbn_context_options_init(&options);
    options.threads = 1;
    test_allocator_init(&allocator);
    test_allocator_options(&allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    mbn_model *model = pass_through(context);
    mbn_tensor *x, *y;
    mbn_metrics *m = (mbn_metrics *)&options; /* is cleared */
    data_of(&x, &y);
    ck_fails(mbn_evaluate_metrics(NULL, x, y, 0, 0, &m), MBN_ERR_ARGUMENT, "model");
    ck_assert_ptr_null(m);
    ck_fails(mbn_evaluate_metrics(model, x, y, 0, 0, NULL), MBN_ERR_ARGUMENT, "metrics");
    ck_fails(mbn_evaluate_metrics(model, x, y, -1, 0, &m), MBN_ERR_ARGUMENT, "batch_size is -1");
    ck_fails(mbn_evaluate_metrics(model, x, y, 0, 7, &m), MBN_ERR_ARGUMENT, "top_k is 7");
    ck_fails(mbn_evaluate_metrics(model, x, y, 0, -1, &m), MBN_ERR_ARGUMENT, "top_k is -1");
    ck_fails(mbn_evaluate_metrics(model, x, NULL, 0, 0, &m), MBN_ERR_ARGUMENT, "y");
    const int64_t before = allocator.live;
    for (int k = 1;; k++) {
        allocator.fail_at = allocator.calls + k;
        mbn_status status = mbn_evaluate_metrics(model, x, y, 0, 0, &m);
        allocator.fail_at = 0;
        if (!status)
            break;
        ck_assert_int_eq(status, MBN_ERR_MEMORY);
        ck_assert_ptr_null(m);
        ck_assert_int_eq(allocator.live, before);
    }
    mbn_metrics_destroy(m);
    ck_assert_int_eq(allocator.live, before);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
    mbn_context_destroy(context);
}
END_TEST

START_TEST(accessors_answer_null_and_classes_out_of_range)
{
    mbn_model *model = pass_through(NULL);
    mbn_tensor *x, *y;
    mbn_metrics *m;
    data_of(&x, &y);
    ck_ok(mbn_evaluate_metrics(model, x, y, 0, 0, &m));
    ck_assert_int_eq(mbn_metrics_support(m, -1), 0);
    ck_assert_double_nan(mbn_metrics_recall(m, CLASSES));
    ck_assert_double_nan(mbn_metrics_precision(m, -1));
    mbn_metrics_destroy(m);
    mbn_metrics_destroy(NULL);
    ck_assert_int_eq(mbn_metrics_samples(NULL), 0);
    ck_assert_int_eq(mbn_metrics_top_k(NULL), 0);
    ck_assert_int_eq(mbn_metrics_support(NULL, 0), 0);
    ck_assert_double_nan(mbn_metrics_accuracy(NULL));
    ck_assert_ptr_null(mbn_metrics_confusion(NULL));
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
}
END_TEST

SUITE("metrics", counts_are_those_made_by_hand_with_ties_and_nan,
      soft_targets_count_as_the_class_of_the_first_largest,
      metrics_of_a_network_agree_with_evaluate_and_outlive_it, wrong_calls_are_refused_and_nothing_is_left,
      accessors_answer_null_and_classes_out_of_range)
