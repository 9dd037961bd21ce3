/* Every layer against PyTorch in float64 (golden.py): output, input gradient, parameter gradients, running
 * statistics.
 *
 * The bound: results are sums of at most 100 products of numbers up to 3, so an error of n * 2^-24 *
 * sum|terms| is at most about 1e-4 in the worst order and near 1e-6 in practice; 1e-5 of the largest expected
 * number is asked. A wrong tap, pad or channel shows as an error near 1. */
#include "layers/cases.h"

typedef struct numbers {
    const float *data;
    int64_t count;
} numbers;
typedef struct golden {
    const char *name;
    numbers y, d_x, grads[MBNI_MAX_PARAMS], mean, variance, predicted;
} golden;
#include "layers/golden.inc"

enum { GOLDENS = sizeof goldens / sizeof *goldens };

static const golden *find(const char *name)
{
    for (int i = 0; i < GOLDENS; i++)
        if (strcmp(goldens[i].name, name) == 0)
            return &goldens[i];
    ck_abort_msg("golden.inc has no case %s", name);
    return NULL;
}

static void compare(const rig_case *test, const char *what, const float *got, int64_t count, numbers expected)
{
    double largest = 1;
    ck_assert_msg(count == expected.count, "%s %s: %lld numbers, expected %lld", test->name, what,
                  (long long)count, (long long)expected.count);
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)expected.data[i]));
    for (int64_t i = 0; i < count; i++) {
        double error = fabs((double)got[i] - (double)expected.data[i]);
        ck_assert_msg(error <= 1e-5 * largest, "%s %s[%lld] is %.9g, expected %.9g", test->name, what,
                      (long long)i, (double)got[i], (double)expected.data[i]);
    }
}

START_TEST(training_pass_matches_pytorch)
{
    const rig_case *test = &cases[_i];
    const golden *expected = find(test->name);
    mbn_context *context = rig_context(2);
    rig r;
    rig_open(&r, context, test, 1);
    rig_forward(&r);
    compare(test, "y", r.y, r.out_count, expected->y);
    rig_backward(&r);
    compare(test, "d_x", r.d_x, r.in_count, expected->d_x);
    for (int32_t p = 0; p < MBNI_MAX_PARAMS; p++) {
        int has = p < r.layer.param_count && r.layer.params[p].grad;
        ck_assert_msg(has == (expected->grads[p].data != NULL), "%s: parameter %d", test->name, p);
        if (has)
            compare(test, r.layer.params[p].name, r.grads[p], r.layer.params[p].count, expected->grads[p]);
    }
    if (expected->mean.data) {
        compare(test, "moving_mean", r.values[2], r.layer.params[2].count, expected->mean);
        compare(test, "moving_variance", r.values[3], r.layer.params[3].count, expected->variance);
    }
    rig_close(&r);
    mbn_context_destroy(context);
}
END_TEST

START_TEST(prediction_matches_pytorch_and_changes_no_parameter)
{
    const rig_case *test = &cases[_i];
    const golden *expected = find(test->name);
    mbn_context *context = rig_context(2);
    rig r, untouched;
    rig_open(&r, context, test, 0);
    rig_open(&untouched, context, test, 0);
    rig_forward(&r);
    compare(test, "y", r.y, r.out_count, expected->predicted.data ? expected->predicted : expected->y);
    ck_assert_mem_eq(r.x, untouched.x, (size_t)r.in_count * sizeof(float));
    for (int32_t p = 0; p < r.layer.param_count; p++)
        ck_assert_mem_eq(r.values[p], untouched.values[p], (size_t)r.layer.params[p].count * sizeof(float));
    rig_close(&r);
    rig_close(&untouched);
    mbn_context_destroy(context);
}
END_TEST

START_TEST(gradients_in_place_of_d_y_are_the_same)
{
    const rig_case *test = &cases[_i];
    int32_t flags = test->layer.ops->flags;
    if (!(flags & MBNI_LAYER_IN_PLACE) && test->layer.ops != &mbni_batch_norm_ops)
        return;
    mbn_context *context = rig_context(2);
    rig r;
    rig_open(&r, context, test, 1);
    rig_forward(&r);
    rig_backward(&r);
    r.gradient->backward(&r.layer, &r.pass, r.x, r.y, r.d_y, r.d_y);
    ck_assert_mem_eq(r.d_y, r.d_x, (size_t)r.in_count * sizeof(float));
    rig_close(&r);
    mbn_context_destroy(context);
}
END_TEST

START_TEST(output_in_place_of_x_is_the_same)
{
    const rig_case *test = &cases[_i];
    if (!(test->layer.ops->flags & (MBNI_LAYER_IN_PLACE | MBNI_LAYER_IN_PLACE_INFERENCE)))
        return;
    mbn_context *context = rig_context(2);
    rig r;
    rig_open(&r, context, test, 0);
    rig_forward(&r);
    r.layer.ops->forward(&r.layer, &r.pass, r.x, r.x);
    ck_assert_mem_eq(r.x, r.y, (size_t)r.out_count * sizeof(float));
    rig_close(&r);
    mbn_context_destroy(context);
}
END_TEST

/* The bottom layer of training needs no d_x, a frozen one no parameter gradients. */
START_TEST(gradients_that_nobody_wants_are_left_out)
{
    const rig_case *test = &cases[_i];
    mbn_context *context = rig_context(2);
    rig full, r;
    rig_open(&full, context, test, 1);
    rig_open(&r, context, test, 1);
    rig_forward(&full);
    rig_forward(&r);
    rig_backward(&full);
    r.gradient->backward(&r.layer, &r.pass, r.x, r.y, r.d_y, NULL);
    for (int32_t p = 0; p < r.layer.param_count; p++) {
        if (r.layer.params[p].grad)
            ck_assert_mem_eq(r.grads[p], full.grads[p], (size_t)r.layer.params[p].count * sizeof(float));
        r.layer.params[p].grad = NULL;
    }
    r.gradient->backward(&r.layer, &r.pass, r.x, r.y, r.d_y, r.d_x);
    ck_assert_mem_eq(r.d_x, full.d_x, (size_t)r.in_count * sizeof(float));
    rig_close(&r);
    rig_close(&full);
    mbn_context_destroy(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layers against PyTorch");
    TCase *tcase = tcase_create("cases");
    tcase_add_loop_test(tcase, training_pass_matches_pytorch, 0, CASES);
    tcase_add_loop_test(tcase, prediction_matches_pytorch_and_changes_no_parameter, 0, CASES);
    tcase_add_loop_test(tcase, gradients_in_place_of_d_y_are_the_same, 0, CASES);
    tcase_add_loop_test(tcase, output_in_place_of_x_is_the_same, 0, CASES);
    tcase_add_loop_test(tcase, gradients_that_nobody_wants_are_left_out, 0, CASES);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
