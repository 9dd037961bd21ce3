/* Gradients against central differences of the forward pass alone, an oracle that needs no other
 * implementation.
 *
 * With L = sum(y * d_y) in double, (L(p + e v) - L(p - e v)) / 2e is compared with sum(d_p * v) along random
 * directions v. Rounding of y (2^-24 each, a few hundred terms) over 2e = 0.02 gives an error near 1e-4; the
 * third derivative of batch norm and softmax times e^2 gives as much. The bound is 5e-3 of the length of (d_p
 * * v), plus 1e-3: a gradient with a wrong factor or a missing term is off by that length itself. */
#include "layers/cases.h"

enum { DIRECTIONS = 4 };
static const double step = 0.01;

static double loss(rig *r)
{
    double sum = 0;
    rig_forward(r);
    for (int64_t i = 0; i < r->out_count; i++)
        sum += (double)r->y[i] * (double)r->d_y[i];
    return sum;
}

/* Moves the numbers by `amount` along a direction, and measures the step that float rounding left of it. */
static double loss_at(rig *r, float *data, const float *origin, int64_t count, uint32_t stream, double amount)
{
    for (int64_t i = 0; i < count; i++)
        data[i] = (float)(origin[i] + amount * 2 * rig_hash((uint32_t)i, stream));
    return loss(r);
}

static void check_directions(rig *r, const char *what, float *data, int64_t count, const float *gradient)
{
    float *origin = malloc((size_t)count * sizeof *origin);
    memcpy(origin, data, (size_t)count * sizeof *origin);
    for (uint32_t stream = 100; stream < 100 + DIRECTIONS; stream++) {
        double above = loss_at(r, data, origin, count, stream, step);
        double below = loss_at(r, data, origin, count, stream, -step);
        double expected = (above - below) / (2 * step), got = 0, length = 0;
        for (int64_t i = 0; i < count; i++) {
            double term = (double)gradient[i] * 2 * rig_hash((uint32_t)i, stream);
            got += term;
            length += term * term;
        }
        ck_assert_msg(fabs(got - expected) <= 5e-3 * sqrt(length) + 1e-3,
                      "%s: d_%s along direction %u is %g, differences give %g (length %g)", r->test->name,
                      what, stream, got, expected, sqrt(length));
    }
    memcpy(data, origin, (size_t)count * sizeof *origin);
    free(origin);
}

/* Keeps x away from the corners of a ReLU, where there is no derivative. */
static void avoid_corners(rig *r)
{
    double top = r->layer.config.relu.max_value;
    for (int64_t i = 0; i < r->in_count; i++)
        if (fabs(r->x[i]) < 0.03 || fabs(r->x[i] - top) < 0.03)
            r->x[i] = 0.5f;
}

/* Keeps the maximum of each channel apart from the others, for the same reason. */
static void part_maxima(rig *r)
{
    int64_t channels = r->layer.in.dims[2], pixels = r->layer.in.dims[0] * r->layer.in.dims[1];
    for (int64_t i = 0; i < r->test->batch * channels; i++) {
        float *x = r->x + i / channels * pixels * channels + i % channels;
        int64_t top = 0;
        for (int64_t pixel = 1; pixel < pixels; pixel++)
            top = x[pixel * channels] > x[top * channels] ? pixel : top;
        x[top * channels] += 0.1f;
    }
}

static void check_case(const rig_case *test)
{
    mbn_context *context = rig_context(2);
    rig r;
    rig_open(&r, context, test, 1);
    if (r.layer.ops == &mbni_relu_ops)
        avoid_corners(&r);
    if (r.layer.ops == &mbni_global_max_pooling2d_ops)
        part_maxima(&r);
    loss(&r);
    rig_backward(&r);
    check_directions(&r, "x", r.x, r.in_count, r.d_x);
    for (int32_t p = 0; p < r.layer.param_count; p++)
        if (r.layer.params[p].grad)
            check_directions(&r, r.layer.params[p].name, r.values[p], r.layer.params[p].count, r.grads[p]);
    rig_close(&r);
    mbn_context_destroy(context);
}

START_TEST(gradients_match_differences)
{
    check_case(&cases[_i]);
}
END_TEST

START_TEST(dropout_gradient_matches_differences)
{
    static const rig_case dropout = {
        "dropout", 3, 2, {LAYER(dropout), MAP(4, 5, 3), .config.dropout = {0.4}}};
    check_case(&dropout);
}
END_TEST

/* Every type with a backward half occurs above. */
START_TEST(no_layer_type_is_left_out)
{
    static const char *const types[] = {"conv2d",
                                        "depthwise_conv2d",
                                        "separable_conv2d",
                                        "batch_normalization",
                                        "re_lu",
                                        "zero_padding2d",
                                        "average_pooling2d",
                                        "global_average_pooling2d",
                                        "global_max_pooling2d",
                                        "dropout",
                                        "dense",
                                        "softmax"};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        const mbni_layer_ops *ops = mbni_layer_ops_find(types[t]);
        int found = ops == &mbni_dropout_ops;
        ck_assert_ptr_nonnull(ops);
        ck_assert_ptr_nonnull(mbni_layer_gradient_ops_find(ops));
        ck_assert_ptr_eq(mbni_layer_gradient_ops_find(ops)->ops, ops);
        for (int i = 0; i < CASES; i++)
            found |= cases[i].layer.ops == ops;
        ck_assert_msg(found, "no case for %s", types[t]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("layer gradients against differences");
    TCase *tcase = tcase_create("cases");
    tcase_add_loop_test(tcase, gradients_match_differences, 0, CASES);
    tcase_add_test(tcase, dropout_gradient_matches_differences);
    tcase_add_test(tcase, no_layer_type_is_left_out);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
