/* Initial values: bounds and spread of each distribution, fans as Keras counts them, the same for a seed on
 * every run. */
#include "layers/cases.h"

static mbn_context *context;

static void setup(void)
{
    context = rig_context(1);
}

static void teardown(void)
{
    mbn_context_destroy(context);
}

typedef struct moments {
    double mean, deviation, largest;
} moments;

static moments measure(const float *values, int64_t count)
{
    moments m = {0};
    for (int64_t i = 0; i < count; i++) {
        m.mean += values[i] / (double)count;
        m.largest = fmax(m.largest, fabs((double)values[i]));
    }
    for (int64_t i = 0; i < count; i++)
        m.deviation += (values[i] - m.mean) * (values[i] - m.mean) / (double)count;
    m.deviation = sqrt(m.deviation);
    return m;
}

/* A conv2d 3 x 3, 32 -> 64: fan_in 288, fan_out 576, 18,432 values: standard errors are near 0.5 %. */
static moments conv_moments(int32_t initializer)
{
    rig_case test = {"conv", 1, 1, {LAYER(conv2d), MAP(8, 8, 32), CONV(64, 3, 3, 1, 1, SAME, 1)}};
    test.layer.config.conv2d.initializer = initializer;
    rig r;
    rig_open(&r, context, &test, 0);
    mbni_layer_initialize(&r.layer, 42);
    moments m = measure(r.values[0], r.layer.params[0].count);
    for (int64_t i = 0; i < r.layer.params[1].count; i++)
        ck_assert(r.values[1][i] == 0);
    rig_close(&r);
    return m;
}

static void expect(moments m, double deviation, double limit)
{
    ck_assert_double_le(fabs(m.mean), 0.03 * deviation);
    ck_assert_double_le(fabs(m.deviation - deviation), 0.02 * deviation);
    ck_assert_double_le(m.largest, limit * (1 + 1e-6));
    ck_assert_double_ge(m.largest, 0.99 * limit);
}

START_TEST(glorot_uniform_fills_its_interval)
{
    double limit = sqrt(6.0 / (288 + 576));
    expect(conv_moments(MBN_INIT_GLOROT_UNIFORM), limit / sqrt(3.0), limit);
}
END_TEST

START_TEST(he_uniform_fills_its_interval)
{
    double limit = sqrt(6.0 / 288);
    expect(conv_moments(MBN_INIT_HE_UNIFORM), limit / sqrt(3.0), limit);
}
END_TEST

START_TEST(he_normal_has_its_deviation_after_the_cut)
{
    double deviation = sqrt(2.0 / 288);
    expect(conv_moments(MBN_INIT_HE_NORMAL), deviation, 2 * deviation / 0.87962566103423978);
}
END_TEST

START_TEST(zeros_are_zeros)
{
    moments m = conv_moments(MBN_INIT_ZEROS);
    ck_assert(m.largest == 0);
}
END_TEST

START_TEST(batch_norm_starts_as_the_identity)
{
    const rig_case test = {"norm", 1, 1, {LAYER(batch_norm), VEC(5), NORM}};
    const float expected[4] = {1, 0, 0, 1};
    rig r;
    rig_open(&r, context, &test, 0);
    mbni_layer_initialize(&r.layer, 1);
    for (int p = 0; p < 4; p++)
        for (int i = 0; i < 5; i++)
            ck_assert(r.values[p][i] == expected[p]);
    rig_close(&r);
}
END_TEST

/* As Keras' _compute_fans sees the shapes (kh, kw, c_in, c_out), (kh, kw, c, m) and (k, units). */
START_TEST(fans_are_those_of_keras)
{
    mbni_layer conv = {LAYER(conv2d), MAP(9, 9, 3), CONV(7, 3, 5, 1, 1, VALID, 0)};
    mbni_layer depthwise = {LAYER(depthwise_conv2d), MAP(9, 9, 6), DEPTHWISE(2, 3, 5, 1, 1, VALID, 0)};
    mbni_layer separable = {LAYER(separable_conv2d), MAP(9, 9, 6), SEPARABLE(7, 2, 3, 5, 1, 1, VALID, 0)};
    mbni_layer dense = {LAYER(dense), VEC(11), .config.dense = {.units = 4}};
    ck_ok(conv.ops->infer_shape(&conv));
    ck_ok(depthwise.ops->infer_shape(&depthwise));
    ck_ok(separable.ops->infer_shape(&separable));
    ck_ok(dense.ops->infer_shape(&dense));
    const struct {
        const mbni_param *param;
        int64_t fan_in, fan_out;
    } expected[] = {{&conv.params[0], 45, 105},
                    {&depthwise.params[0], 90, 30},
                    {&separable.params[0], 90, 30},
                    {&separable.params[1], 12, 7},
                    {&dense.params[0], 11, 4}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        ck_assert_int_eq(expected[i].param->fan_in, expected[i].fan_in);
        ck_assert_int_eq(expected[i].param->fan_out, expected[i].fan_out);
    }
}
END_TEST

static void dense_values(rig *r, int32_t index, uint64_t seed)
{
    static const rig_case test = {"dense", 1, 1, {LAYER(dense), VEC(31), .config.dense = {.units = 17}}};
    rig_open(r, context, &test, 0);
    r->layer.index = index;
    mbni_layer_initialize(&r->layer, seed);
}

START_TEST(values_depend_on_seed_and_place_only)
{
    rig a, b, other_seed, other_place;
    dense_values(&a, 4, 9);
    dense_values(&b, 4, 9);
    dense_values(&other_seed, 4, 10);
    dense_values(&other_place, 5, 9);
    size_t bytes = (size_t)a.layer.params[0].count * sizeof(float);
    ck_assert_mem_eq(a.values[0], b.values[0], bytes);
    ck_assert_mem_ne(a.values[0], other_seed.values[0], bytes);
    ck_assert_mem_ne(a.values[0], other_place.values[0], bytes);
    rig_close(&a);
    rig_close(&b);
    rig_close(&other_seed);
    rig_close(&other_place);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {glorot_uniform_fills_its_interval,         he_uniform_fills_its_interval,
                            he_normal_has_its_deviation_after_the_cut, zeros_are_zeros,
                            batch_norm_starts_as_the_identity,         fans_are_those_of_keras,
                            values_depend_on_seed_and_place_only};
    Suite *suite = suite_create("initial values");
    TCase *tcase = tcase_create("distributions");
    tcase_add_checked_fixture(tcase, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
