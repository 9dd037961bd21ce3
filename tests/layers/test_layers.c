/* What layers promise beyond their formulas: shapes, counts, names, dropout's mask, NaN, settings that go
 * through a file and come back. */
#include "layers/cases.h"

static const char *const all_types[] = {"input",
                                        "conv2d",
                                        "depthwise_conv2d",
                                        "separable_conv2d",
                                        "batch_normalization",
                                        "re_lu",
                                        "zero_padding2d",
                                        "average_pooling2d",
                                        "global_average_pooling2d",
                                        "global_max_pooling2d",
                                        "dropout",
                                        "flatten",
                                        "reshape",
                                        "dense",
                                        "softmax"};
enum { TYPES = sizeof all_types / sizeof *all_types };

START_TEST(every_type_is_found_by_its_name_and_no_other)
{
    for (int i = 0; i < TYPES; i++) {
        ck_assert_ptr_nonnull(mbni_layer_ops_find(all_types[i]));
        ck_assert_str_eq(mbni_layer_ops_find(all_types[i])->type, all_types[i]);
    }
    ck_assert_ptr_null(mbni_layer_ops_find("conv2"));
    ck_assert_ptr_null(mbni_layer_ops_find("conv2d "));
    ck_assert_ptr_null(mbni_layer_ops_find(""));
    ck_assert_ptr_null(mbni_layer_ops_find(NULL));
    ck_assert_ptr_null(mbni_layer_gradient_ops_find(&mbni_flatten_ops));
    ck_assert_ptr_null(mbni_layer_gradient_ops_find(&mbni_reshape_ops));
    ck_assert_ptr_null(mbni_layer_gradient_ops_find(&mbni_input_ops));
}
END_TEST

/* TensorFlow's rules, with 25 -> 13 (same) against 12 (valid) on the odd map that Keras' builder pads by
 * hand. */
START_TEST(outputs_and_padding_follow_tensorflow)
{
    static const struct {
        int64_t in, kernel, stride;
        int32_t padding;
        int64_t out, before;
    } rows[] = {{25, 3, 2, SAME, 13, 1},  {26, 3, 2, SAME, 13, 0},   {26, 3, 2, VALID, 12, 0},
                {25, 3, 2, VALID, 12, 0}, {224, 3, 2, SAME, 112, 0}, {5, 3, 1, SAME, 5, 1},
                {5, 4, 1, SAME, 5, 1},    {5, 1, 3, SAME, 2, 0},     {2, 5, 1, SAME, 2, 2},
                {3, 3, 1, VALID, 1, 0},   {2, 3, 1, VALID, 0, 0},    {7, 1, 2, VALID, 4, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t before = -1;
        ck_assert_int_eq(
            mbni_conv_output(rows[i].in, rows[i].kernel, rows[i].stride, rows[i].padding, &before),
            rows[i].out);
        ck_assert_int_eq(before, rows[i].before);
    }
}
END_TEST

/* One block of the paper, 112 x 112 x 32 -> 64: 288 and 2,048 weights; with a bias SeparableConv2D has 2,336
 * + 64. */
START_TEST(counts_are_those_of_the_paper)
{
    mbni_layer depthwise = {LAYER(depthwise_conv2d), MAP(112, 112, 32), DEPTHWISE(1, 3, 3, 1, 1, SAME, 0)};
    mbni_layer pointwise = {LAYER(conv2d), MAP(112, 112, 32), CONV(64, 1, 1, 1, 1, SAME, 0)};
    mbni_layer separable = {LAYER(separable_conv2d), MAP(112, 112, 32),
                            SEPARABLE(64, 1, 3, 3, 1, 1, SAME, 0)};
    mbni_layer dense = {LAYER(dense), VEC(1024), .config.dense = {.units = 1000, .use_bias = 1}};
    ck_ok(depthwise.ops->infer_shape(&depthwise));
    ck_ok(pointwise.ops->infer_shape(&pointwise));
    ck_ok(separable.ops->infer_shape(&separable));
    ck_ok(dense.ops->infer_shape(&dense));
    ck_assert_int_eq(depthwise.params[0].count, 288);
    ck_assert_int_eq(pointwise.params[0].count, 2048);
    ck_assert_int_eq(separable.params[0].count + separable.params[1].count, 2336);
    ck_assert_int_eq(depthwise.ops->multiply_adds(&depthwise), 112 * 112 * 288);
    ck_assert_int_eq(pointwise.ops->multiply_adds(&pointwise), 112 * 112 * 2048);
    ck_assert_int_eq(separable.ops->multiply_adds(&separable), 112 * 112 * 2336);
    ck_assert_int_eq(dense.ops->multiply_adds(&dense), 1024000);
    ck_assert_int_eq(dense.params[0].count + dense.params[1].count, 1025000);
}
END_TEST

START_TEST(kernels_decay_and_have_l2_and_nothing_else_does)
{
    for (int i = 0; i < CASES; i++) {
        mbni_layer layer = cases[i].layer;
        if (layer.ops == &mbni_conv2d_ops)
            layer.config.conv2d.l2 = 0.25;
        else if (layer.ops == &mbni_depthwise_conv2d_ops)
            layer.config.depthwise_conv2d.l2 = 0.25;
        else if (layer.ops == &mbni_separable_conv2d_ops)
            layer.config.separable_conv2d.l2 = 0.25;
        else if (layer.ops == &mbni_dense_ops)
            layer.config.dense.l2 = 0.25;
        ck_ok(layer.ops->infer_shape(&layer));
        for (int32_t p = 0; p < layer.param_count; p++) {
            int kernel = strstr(layer.params[p].name, "kernel") != NULL;
            ck_assert(layer.params[p].l2 == (kernel ? 0.25 : 0));
            ck_assert_int_eq(layer.params[p].decays, !kernel ? MBNI_DECAYS_NEVER
                                                     : !strcmp(layer.params[p].name, "depthwise_kernel")
                                                         ? MBNI_DECAYS_IF_ASKED
                                                         : MBNI_DECAYS_ALWAYS);
            ck_assert_int_eq(layer.params[p].trained, strncmp(layer.params[p].name, "moving", 6) != 0);
        }
    }
}
END_TEST

START_TEST(reshape_and_flatten_keep_the_count)
{
    mbni_layer flatten = {LAYER(flatten), MAP(3, 4, 5)};
    mbni_layer reshape = {LAYER(reshape), VEC(60), .config.reshape = {3, {5, 4, 3}}};
    ck_ok(flatten.ops->infer_shape(&flatten));
    ck_ok(reshape.ops->infer_shape(&reshape));
    ck_assert_int_eq(flatten.out.rank, 1);
    ck_assert_int_eq(flatten.out.dims[0], 60);
    ck_assert_int_eq(reshape.out.rank, 3);
    ck_assert_int_eq(reshape.out.dims[0], 5);
    ck_assert_int_eq(reshape.out.dims[2], 3);
}
END_TEST

static const rig_case dropout_case = {
    "dropout", 4, 2, {LAYER(dropout), MAP(20, 20, 25), .config.dropout = {0.3}}};

START_TEST(dropout_drops_its_share_and_scales_the_rest)
{
    mbn_context *context = rig_context(2);
    rig r;
    rig_open(&r, context, &dropout_case, 1);
    for (int64_t i = 0; i < r.in_count; i++)
        r.x[i] = 1;
    rig_forward(&r);
    int64_t dropped = 0;
    for (int64_t i = 0; i < r.out_count; i++) {
        dropped += r.y[i] == 0;
        ck_assert(r.y[i] == 0 || fabs(r.y[i] - 1 / 0.7) < 1e-6);
    }
    /* 40,000 draws: the deviation of the share is 0.0023 */
    ck_assert_double_le(fabs((double)dropped / (double)r.out_count - 0.3), 0.01);
    rig_close(&r);
    mbn_context_destroy(context);
}
END_TEST

START_TEST(dropout_mask_changes_with_step_and_layer_and_not_otherwise)
{
    mbn_context *context = rig_context(2);
    rig a, b;
    rig_open(&a, context, &dropout_case, 1);
    rig_open(&b, context, &dropout_case, 1);
    size_t bytes = (size_t)a.out_count * sizeof(float);
    rig_forward(&a);
    rig_forward(&b);
    ck_assert_mem_eq(a.y, b.y, bytes);
    b.pass.seed++;
    rig_forward(&b);
    ck_assert_mem_ne(a.y, b.y, bytes);
    b.pass.seed--;
    b.layer.index++;
    rig_forward(&b);
    ck_assert_mem_ne(a.y, b.y, bytes);
    rig_close(&a);
    rig_close(&b);
    mbn_context_destroy(context);
}
END_TEST

/* Parts of the batch draw at their own places: the cut leaves no trace in the mask. */
START_TEST(dropout_in_parts_is_dropout_in_one_piece)
{
    mbn_context *context = rig_context(2);
    rig r;
    rig_open(&r, context, &dropout_case, 1);
    rig_forward(&r);
    r.pass.train_kernels->dropout(r.in_count, 0, mbni_random_hash(r.pass.seed, (uint64_t)r.layer.index), 0.3f,
                                  r.x, r.d_x);
    ck_assert_mem_eq(r.y, r.d_x, (size_t)r.in_count * sizeof(float));
    rig_close(&r);
    mbn_context_destroy(context);
}
END_TEST

START_TEST(dropout_passes_everything_in_prediction_and_at_rate_zero)
{
    rig_case none = dropout_case;
    none.layer.config.dropout.rate = 0;
    mbn_context *context = rig_context(2);
    for (int32_t training = 0; training < 2; training++) {
        rig r;
        rig_open(&r, context, training ? &none : &dropout_case, training);
        rig_forward(&r);
        ck_assert_mem_eq(r.x, r.y, (size_t)r.in_count * sizeof(float));
        rig_close(&r);
    }
    mbn_context_destroy(context);
}
END_TEST

/* A NaN in a picture may not vanish on the way: it reaches the output of every layer. */
START_TEST(nan_passes_through_every_layer)
{
    mbn_context *context = rig_context(2);
    for (int i = 0; i < CASES; i++) {
        rig r;
        rig_open(&r, context, &cases[i], 0);
        for (int64_t j = 0; j < r.in_count; j++)
            r.x[j] = NAN;
        rig_forward(&r);
        int64_t found = 0;
        for (int64_t j = 0; j < r.out_count; j++)
            found += isnan(r.y[j]) != 0;
        ck_assert_msg(found > 0, "%s lost NaN", cases[i].name);
        rig_close(&r);
    }
    mbn_context_destroy(context);
}
END_TEST

/* Pictures of a batch do not see each other, but in the training statistics of batch norm. */
START_TEST(prediction_of_a_picture_does_not_depend_on_its_batch)
{
    mbn_context *context = rig_context(2);
    for (int i = 0; i < CASES; i++) {
        rig_case single = cases[i];
        single.batch = 1;
        rig whole, one;
        rig_open(&whole, context, &cases[i], 0);
        rig_open(&one, context, &single, 0);
        rig_forward(&whole);
        for (int64_t picture = 0; picture < cases[i].batch; picture++) {
            memcpy(one.x, whole.x + picture * one.in_count, (size_t)one.in_count * sizeof(float));
            rig_forward(&one);
            ck_assert_msg(
                memcmp(one.y, whole.y + picture * one.out_count, (size_t)one.out_count * sizeof(float)) == 0,
                "%s: picture %lld", cases[i].name, (long long)picture);
        }
        rig_close(&whole);
        rig_close(&one);
    }
    mbn_context_destroy(context);
}
END_TEST

typedef struct store {
    mbni_fields fields;
    int reading, next;
    struct {
        const char *name;
        int64_t integer;
        double real;
    } items[32];
} store;

static mbn_status store_integer(mbni_fields *fields, const char *name, int64_t *value)
{
    store *s = (store *)fields;
    if (s->reading) {
        ck_assert_str_eq(s->items[s->next].name, name);
        *value = s->items[s->next].integer;
    } else {
        s->items[s->next].name = name;
        s->items[s->next].integer = *value;
    }
    s->next++;
    return MBN_OK;
}

static mbn_status store_real(mbni_fields *fields, const char *name, double *value)
{
    store *s = (store *)fields;
    if (s->reading) {
        ck_assert_str_eq(s->items[s->next].name, name);
        *value = s->items[s->next].real;
    } else {
        s->items[s->next].name = name;
        s->items[s->next].real = *value;
    }
    s->next++;
    return MBN_OK;
}

START_TEST(described_settings_make_the_same_layer)
{
    for (int i = 0; i < CASES; i++) {
        mbni_layer layer = cases[i].layer,
                   copy = {.ops = layer.ops, .name = "copy", .trainable = 1, .in = layer.in};
        if (!layer.ops->describe)
            continue;
        store s = {.fields = {store_integer, store_real}};
        ck_ok(layer.ops->describe(&layer, &s.fields));
        s.reading = 1;
        s.next = 0;
        ck_ok(copy.ops->describe(&copy, &s.fields));
        ck_assert_mem_eq(&copy.config, &layer.config, sizeof layer.config);
        ck_ok(layer.ops->infer_shape(&layer));
        ck_ok(copy.ops->infer_shape(&copy));
        ck_assert_mem_eq(&copy.out, &layer.out, sizeof layer.out);
    }
}
END_TEST

START_TEST(described_number_beyond_an_option_is_refused)
{
    mbni_layer layer = cases[0].layer;
    store s = {.fields = {store_integer, store_real}};
    ck_ok(layer.ops->describe(&layer, &s.fields));
    ck_assert_str_eq(s.items[2].name, "kernel_height");
    s.items[2].integer = 0x100000003; /* 3 in 32 bits */
    s.reading = 1;
    s.next = 0;
    ck_fails(layer.ops->describe(&layer, &s.fields), MBN_ERR_ARGUMENT,
             "conv2d 'test': kernel_height is 4294967299");
}
END_TEST

/* Mean and variance of data far from zero: the two-pass sums of parts and their merge lose no digits to the
 * mean. */
START_TEST(batch_norm_statistics_survive_a_large_mean)
{
    const rig_case test = {
        "norm",
        9,
        1,
        {LAYER(batch_norm), MAP(31, 29, 8), .config.batch_norm = {.momentum = 0, .epsilon = 1e-3}}};
    mbn_context *context = rig_context(2);
    rig r;
    rig_open(&r, context, &test, 1);
    for (int64_t i = 0; i < r.in_count; i++)
        r.x[i] = 1000.0f + rig_hash((uint32_t)i, 1);
    rig_forward(&r);
    int64_t rows = r.in_count / 8;
    for (int64_t c = 0; c < 8; c++) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < rows; i++)
            mean += r.x[i * 8 + c] / (double)rows;
        for (int64_t i = 0; i < rows; i++)
            variance += (r.x[i * 8 + c] - mean) * (r.x[i * 8 + c] - mean) / (double)(rows - 1);
        ck_assert_double_le(fabs(r.values[2][c] - mean), 2e-4);
        ck_assert_double_le(fabs(r.values[3][c] - variance), 1e-4 * variance);
    }
    rig_close(&r);
    mbn_context_destroy(context);
}
END_TEST

SUITE("layers", every_type_is_found_by_its_name_and_no_other, outputs_and_padding_follow_tensorflow,
      counts_are_those_of_the_paper, kernels_decay_and_have_l2_and_nothing_else_does,
      reshape_and_flatten_keep_the_count, dropout_drops_its_share_and_scales_the_rest,
      dropout_mask_changes_with_step_and_layer_and_not_otherwise, dropout_in_parts_is_dropout_in_one_piece,
      dropout_passes_everything_in_prediction_and_at_rate_zero, nan_passes_through_every_layer,
      prediction_of_a_picture_does_not_depend_on_its_batch, described_settings_make_the_same_layer,
      described_number_beyond_an_option_is_refused, batch_norm_statistics_survive_a_large_mean)
