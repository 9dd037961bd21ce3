/* The same bits for any number of threads, at shapes large enough to be cut into many parts, and the same
 * numbers however a batch is grouped. */
#include "layers/cases.h"

static const rig_case large[] = {
    {"conv", 5, 2, {LAYER(conv2d), MAP(33, 31, 9), CONV(17, 3, 3, 2, 2, SAME, 1)}},
    {"conv_pointwise", 7, 2, {LAYER(conv2d), MAP(19, 21, 33), CONV(29, 1, 1, 1, 1, VALID, 1)}},
    {"conv_one_picture", 1, 2, {LAYER(conv2d), MAP(41, 43, 8), CONV(16, 3, 3, 1, 1, SAME, 1)}},
    {"depthwise", 19, 2, {LAYER(depthwise_conv2d), MAP(17, 15, 24), DEPTHWISE(1, 3, 3, 1, 1, SAME, 1)}},
    {"depthwise_one_picture",
     1,
     2,
     {LAYER(depthwise_conv2d), MAP(57, 55, 24), DEPTHWISE(2, 3, 3, 2, 2, SAME, 1)}},
    {"separable", 19, 2, {LAYER(separable_conv2d), MAP(17, 15, 12), SEPARABLE(21, 2, 3, 3, 1, 1, SAME, 1)}},
    {"norm", 13, 6, {LAYER(batch_norm), MAP(31, 29, 24), NORM}},
    {"norm_frozen", 13, 6, {FROZEN(batch_norm), MAP(31, 29, 24), NORM}},
    {"relu6", 9, 20, {LAYER(relu), MAP(31, 29, 24), .config.relu = {.max_value = 6}}},
    {"zero_padding",
     9,
     2,
     {LAYER(zero_padding2d), MAP(31, 29, 7), .config.zero_padding2d = {1, NULL, 1, 2, 3, 4}}},
    {"pool", 9, 2, {LAYER(average_pooling2d), MAP(31, 29, 24), POOL(3, 3, 2, 2, SAME)}},
    {"global_average", 9, 2, {LAYER(global_average_pooling2d), MAP(31, 29, 24)}},
    {"global_max", 9, 2, {LAYER(global_max_pooling2d), MAP(31, 29, 24)}},
    {"dropout", 9, 2, {LAYER(dropout), MAP(31, 29, 24), .config.dropout = {0.3}}},
    {"dense", 70, 2, {LAYER(dense), VEC(301), .config.dense = {.units = 203, .use_bias = 1}}},
    {"softmax", 70, 8, {LAYER(softmax), MAP(5, 3, 203)}},
};
enum { LARGE = sizeof large / sizeof *large };

static void run(rig *r, mbn_context *context, const rig_case *test)
{
    rig_open(r, context, test, 1);
    rig_forward(r);
    rig_backward(r);
}

static void same_bits(const rig_case *test, const char *what, const float *a, const float *b, int64_t count)
{
    ck_assert_msg(memcmp(a, b, (size_t)count * sizeof *a) == 0, "%s: %s differs with the number of threads",
                  test->name, what);
}

START_TEST(bits_do_not_depend_on_threads)
{
    static const int32_t threads[] = {2, 3, 5};
    const rig_case *test = &large[_i];
    mbn_context *context = rig_context(1);
    rig one, many;
    run(&one, context, test);
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        mbn_context *other = rig_context(threads[t]);
        run(&many, other, test);
        same_bits(test, "y", one.y, many.y, one.out_count);
        same_bits(test, "d_x", one.d_x, many.d_x, one.in_count);
        for (int32_t p = 0; p < one.layer.param_count; p++) {
            const mbni_param *param = &one.layer.params[p];
            same_bits(test, param->name, one.values[p], many.values[p], param->count);
            if (param->grad)
                same_bits(test, "a gradient", one.grads[p], many.grads[p], param->count);
        }
        rig_close(&many);
        mbn_context_destroy(other);
    }
    rig_close(&one);
    mbn_context_destroy(context);
}
END_TEST

/* Columns of one picture fill a group by themselves here: three groups. */
static const rig_case grouped[] = {
    {"conv", 3, 2, {LAYER(conv2d), MAP(64, 65, 16), CONV(3, 8, 9, 1, 1, SAME, 1)}},
    {"separable", 3, 2, {LAYER(separable_conv2d), MAP(64, 65, 16), SEPARABLE(3, 72, 2, 1, 1, 1, SAME, 1)}},
};

/* Row `picture` of the rig's batch as a rig of its own. */
static void run_one(rig *r, mbn_context *context, const rig_case *test, const rig *whole, int64_t picture)
{
    rig_open(r, context, test, 1);
    memcpy(r->x, whole->x + picture * r->in_count, (size_t)r->in_count * sizeof(float));
    memcpy(r->d_y, whole->d_y + picture * r->out_count, (size_t)r->out_count * sizeof(float));
    rig_forward(r);
    rig_backward(r);
}

static void close_enough(const char *what, const float *got, const double *expected, int64_t count)
{
    double largest = 1;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(expected[i]));
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(fabs(got[i] - expected[i]) <= 1e-5 * largest, "%s[%lld] is %g, pictures give %g", what,
                      (long long)i, (double)got[i], expected[i]);
}

/* A product may choose another way for another number of rows: not the same bits. */
static void same_numbers(const char *what, const float *a, const float *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        ck_assert_msg(fabs(a[i] - b[i]) <= 1e-5 * fmax(10, fabs(b[i])),
                      "%s[%lld] is %g alone, %g in its batch", what, (long long)i, (double)a[i],
                      (double)b[i]);
}

START_TEST(groups_of_pictures_add_up)
{
    const rig_case *test = &grouped[_i];
    rig_case single = *test;
    single.batch = 1;
    mbn_context *context = rig_context(2);
    rig whole, one;
    double *sums[MBNI_MAX_PARAMS] = {0};
    run(&whole, context, test);
    ck_assert_int_lt(whole.workspace_count, 2 * ((int64_t)8 << 20));
    for (int64_t picture = 0; picture < test->batch; picture++) {
        run_one(&one, context, &single, &whole, picture);
        same_numbers("y", one.y, whole.y + picture * one.out_count, one.out_count);
        same_numbers("d_x", one.d_x, whole.d_x + picture * one.in_count, one.in_count);
        for (int32_t p = 0; p < one.layer.param_count; p++) {
            int64_t count = one.layer.params[p].count;
            sums[p] = sums[p] ? sums[p] : calloc((size_t)count, sizeof(double));
            for (int64_t i = 0; i < count; i++)
                sums[p][i] += one.grads[p][i];
        }
        rig_close(&one);
    }
    for (int32_t p = 0; p < whole.layer.param_count; p++) {
        close_enough(whole.layer.params[p].name, whole.grads[p], sums[p], whole.layer.params[p].count);
        free(sums[p]);
    }
    rig_close(&whole);
    mbn_context_destroy(context);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layers and threads");
    TCase *tcase = tcase_create("cuts");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, bits_do_not_depend_on_threads, 0, LARGE);
    tcase_add_loop_test(tcase, groups_of_pictures_add_up, 0, (int)unless_valgrind(2, 0));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
