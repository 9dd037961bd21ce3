/* Construction: names, the latched failure, what is lent, labels, the summary. */
#include <stdio.h>
#include "support/suite.h"

static mbn_model *with_input(void)
{
    mbn_model *model;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 8, 6, 2));
    return model;
}

static const char *name_at(const mbn_model *model, size_t index)
{
    mbn_layer_info info;
    mbn_layer_info_init(&info);
    ck_ok(mbn_model_layer_info(model, index, &info));
    return info.name;
}

static mbn_status add_relu(mbn_model *model, const char *name)
{
    mbn_relu_options relu;
    mbn_relu_options_init(&relu);
    relu.name = name;
    return mbn_model_add_relu(model, &relu);
}

static mbn_status add_dense(mbn_model *model, int64_t units)
{
    mbn_dense_options dense;
    mbn_dense_options_init(&dense);
    dense.units = units;
    return mbn_model_add_dense(model, &dense);
}

START_TEST(layers_are_numbered_as_keras_does)
{
    static const char *const expected[] = {"input_1", "re_lu",   "batch_normalization",
                                           "re_lu_1", "re_lu_2", "flatten",
                                           "dense",   "dense_1", "softmax"};
    mbn_model *model = with_input();
    ck_ok(mbn_model_add_relu(model, NULL));
    ck_ok(mbn_model_add_batch_norm(model, NULL));
    ck_ok(mbn_model_add_relu(model, NULL));
    ck_ok(mbn_model_add_relu(model, NULL));
    ck_ok(mbn_model_add_flatten(model, NULL));
    ck_ok(add_dense(model, 3));
    ck_ok(add_dense(model, 3));
    ck_ok(mbn_model_add_softmax(model, NULL));
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        ck_assert_str_eq(name_at(model, i), expected[i]);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(numbers_that_are_taken_are_skipped)
{
    mbn_model *model = with_input();
    ck_ok(add_relu(model, "re_lu"));
    ck_ok(add_relu(model, "re_lu_2"));
    ck_ok(add_relu(model, "re_lu_01")); /* no name that numbering gives */
    ck_ok(add_relu(model, "re_lu_99999999999999999999"));
    ck_ok(add_relu(model, "re_lux"));
    ck_ok(mbn_model_add_relu(model, NULL));
    ck_ok(mbn_model_add_relu(model, NULL));
    ck_assert_str_eq(name_at(model, 6), "re_lu_1");
    ck_assert_str_eq(name_at(model, 7), "re_lu_3");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(wrong_names_are_refused)
{
    char longest[65];
    static const char *const wrong[] = {"", "a/b", "/", "input_1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mbn_model *model = with_input();
        ck_fails(add_relu(model, wrong[i]), MBN_ERR_ARGUMENT, "name");
        mbn_model_destroy(model);
    }
    mbn_model *model = with_input();
    memset(longest, 'n', sizeof longest);
    longest[63] = '\0';
    ck_ok(add_relu(model, longest));
    longest[63] = 'n';
    longest[64] = '\0';
    ck_fails(add_relu(model, longest), MBN_ERR_ARGUMENT, "allowed are 1 to 63 bytes");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(first_failure_latches_and_build_reports_it)
{
    mbn_model *model = with_input();
    mbn_conv2d_options conv;
    char first[1024];
    mbn_conv2d_options_init(&conv);
    conv.name = "stem";
    conv.filters = -5;
    ck_fails(mbn_model_add_conv2d(model, &conv), MBN_ERR_ARGUMENT, "filters is -5");
    strcpy(first, mbn_last_error());
    conv.filters = 4;
    conv.kernel_height = 50; /* another status, which must not show */
    ck_fails(mbn_model_add_conv2d(model, &conv), MBN_ERR_ARGUMENT, first);
    ck_fails(mbn_model_add_flatten(model, NULL), MBN_ERR_ARGUMENT, "filters is -5");
    ck_fails(mbn_mobilenet_append(model, NULL), MBN_ERR_ARGUMENT, "filters is -5");
    ck_assert_uint_eq(mbn_model_layer_count(model), 1);
    ck_fails(mbn_model_build(model), MBN_ERR_ARGUMENT, first);
    ck_assert_ptr_nonnull(strstr(mbn_last_error(), "mbn_model_build"));
    ck_assert_ptr_nonnull(strstr(mbn_last_error(), "'stem'"));
    mbn_model_destroy(model);
}
END_TEST

START_TEST(build_without_input_or_layers_is_refused)
{
    mbn_model *model;
    ck_ok(mbn_model_create(NULL, &model));
    ck_fails(mbn_model_build(model), MBN_ERR_STATE, "no input");
    ck_ok(mbn_model_add_input(model, 4, 4, 1)); /* nothing latched */
    ck_fails(mbn_model_build(model), MBN_ERR_STATE, "no layer but its input");
    ck_ok(mbn_model_add_relu(model, NULL));
    ck_ok(mbn_model_build(model));
    mbn_model_destroy(model);
}
END_TEST

START_TEST(layers_before_the_input_and_second_inputs_are_refused)
{
    mbn_model *model;
    ck_ok(mbn_model_create(NULL, &model));
    ck_fails(mbn_model_add_relu(model, NULL), MBN_ERR_STATE, "no input yet");
    ck_fails(mbn_model_build(model), MBN_ERR_STATE, "no input yet");
    mbn_model_destroy(model);
    model = with_input();
    ck_fails(mbn_model_add_input(model, 8, 6, 2), MBN_ERR_STATE, "input already");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(lent_names_outlive_growth)
{
    mbn_model *model = with_input();
    const char *input = name_at(model, 0), *relu;
    ck_ok(mbn_model_add_relu(model, NULL));
    relu = name_at(model, 1);
    for (int i = 0; i < 500; i++)
        ck_ok(mbn_model_add_relu(model, NULL));
    ck_assert_str_eq(input, "input_1");
    ck_assert_str_eq(relu, "re_lu");
    ck_assert_str_eq(name_at(model, 501), "re_lu_500");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(a_model_without_parameters_builds_and_predicts)
{
    mbn_model *model = with_input();
    const int64_t dims[4] = {1, 8, 6, 2};
    mbn_tensor *x, *y;
    ck_ok(mbn_model_add_relu(model, NULL));
    ck_ok(mbn_model_build(model));
    ck_assert_uint_eq(mbn_model_parameter_tensors(model), 0);
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 4, dims, &x));
    float *numbers = mbn_tensor_data(x);
    for (int i = 0; i < 96; i++)
        numbers[i] = (float)(i - 48);
    ck_ok(mbn_predict(model, x, &y));
    for (int i = 0; i < 96; i++)
        ck_assert_float_eq(((float *)mbn_tensor_data(y))[i], i < 48 ? 0 : (float)(i - 48));
    ck_assert_float_eq(numbers[0], -48); /* layers that work in place leave the caller's tensor alone */
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(labels_are_copied_and_can_go)
{
    char changing[256];
    const char *labels[3] = {"cat", "", changing};
    mbn_model *model = with_input();
    ck_ok(mbn_model_add_flatten(model, NULL));
    ck_ok(add_dense(model, 3));
    ck_ok(mbn_model_build(model));
    memset(changing, 'x', 255);
    changing[255] = '\0';
    ck_ok(mbn_model_set_labels(model, labels, 3));
    changing[0] = 'y';
    ck_assert_str_eq(mbn_model_label(model, 0), "cat");
    ck_assert_str_eq(mbn_model_label(model, 1), "");
    ck_assert_int_eq(mbn_model_label(model, 2)[0], 'x');
    ck_assert_uint_eq(strlen(mbn_model_label(model, 2)), 255);
    ck_assert_ptr_null(mbn_model_label(model, 3));
    static char long_label[257];
    memset(long_label, 'z', 256);
    labels[1] = long_label;
    ck_fails(mbn_model_set_labels(model, labels, 3), MBN_ERR_ARGUMENT, "labels has more than 255 bytes");
    ck_assert_str_eq(mbn_model_label(model, 0), "cat");
    ck_ok(mbn_model_set_labels(model, NULL, 0));
    ck_assert_ptr_null(mbn_model_label(model, 0));
    mbn_model_destroy(model);
}
END_TEST

/* A block of the paper on 112 x 112 x 32, as the acceptance program builds it. */
START_TEST(one_block_has_the_parameters_of_the_paper)
{
    static const int64_t expected[] = {0, 288, 128, 0, 2048, 256, 0};
    mbn_depthwise_conv2d_options depthwise;
    mbn_separable_conv2d_options separable;
    mbn_conv2d_options pointwise;
    mbn_model *model;
    mbn_layer_info info;
    int64_t total;
    mbn_depthwise_conv2d_options_init(&depthwise);
    depthwise.use_bias = 0;
    mbn_conv2d_options_init(&pointwise);
    pointwise.filters = 64;
    pointwise.kernel_height = pointwise.kernel_width = 1;
    pointwise.use_bias = 0;
    ck_ok(mbn_model_create(NULL, &model));
    mbn_model_add_input(model, 112, 112, 32);
    mbn_model_add_depthwise_conv2d(model, &depthwise);
    mbn_model_add_batch_norm(model, NULL);
    mbn_model_add_relu(model, NULL);
    mbn_model_add_conv2d(model, &pointwise);
    mbn_model_add_batch_norm(model, NULL);
    mbn_model_add_relu(model, NULL);
    ck_ok(mbn_model_build(model));
    for (size_t i = 0; i < 7; i++) {
        mbn_layer_info_init(&info);
        ck_ok(mbn_model_layer_info(model, i, &info));
        ck_assert_int_eq(info.parameters, expected[i]);
    }
    mbn_model_destroy(model);
    mbn_separable_conv2d_options_init(&separable);
    separable.filters = 64;
    separable.use_bias = 0;
    ck_ok(mbn_model_create(NULL, &model));
    mbn_model_add_input(model, 112, 112, 32);
    mbn_model_add_separable_conv2d(model, &separable);
    ck_ok(mbn_model_build(model));
    ck_ok(mbn_model_parameter_count(model, &total, NULL));
    ck_assert_int_eq(total, 2336);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(summary_is_an_aligned_table_with_totals)
{
    mbn_model *model;
    size_t needed = 0;
    ck_ok(mbn_mobilenet_create(NULL, NULL, &model));
    ck_ok(mbn_model_summary(model, NULL, 0, &needed));
    char *text = malloc(needed), cut[20];
    ck_ok(mbn_model_summary(model, text, needed, NULL));
    ck_assert_uint_eq(strlen(text) + 1, needed);
    ck_assert_ptr_nonnull(strstr(text, "\nconv1 (Conv2D) "));
    ck_assert_ptr_nonnull(strstr(text, " (None, 112, 112, 32) "));
    ck_assert_ptr_nonnull(strstr(text, " 10,838,016\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nTotal params: 4,253,864\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nTrainable params: 4,231,976\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nNon-trainable params: 21,888\n"));
    ck_assert_ptr_nonnull(strstr(text, "\nMultiply-adds: 568,740,352\n"));
    /* Every row of the table is as wide as its rule. */
    const char *rule = strstr(text, "===");
    size_t width = strspn(rule, "=");
    const char *line = text;
    for (size_t i = 0; i < 2 + mbn_model_layer_count(model); i++) {
        ck_assert_uint_eq(strcspn(line, "\n"), width);
        line += width + 1;
    }
    memset(cut, 'q', sizeof cut);
    size_t again;
    ck_ok(mbn_model_summary(model, cut, 10, &again));
    ck_assert_uint_eq(again, needed);
    ck_assert_uint_eq(strlen(cut), 9);
    ck_assert_int_eq(memcmp(cut, text, 9), 0);
    ck_assert_int_eq(cut[10], 'q');
    free(text);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(summary_works_before_build)
{
    mbn_model *model;
    char text[4096];
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_summary(model, text, sizeof text, NULL));
    ck_assert_ptr_nonnull(strstr(text, "Total params: 0\n"));
    ck_ok(mbn_model_add_input(model, 8, 6, 2));
    ck_ok(mbn_model_add_flatten(model, NULL));
    ck_ok(add_dense(model, 5));
    ck_ok(mbn_model_summary(model, text, sizeof text, NULL));
    ck_assert_ptr_nonnull(strstr(text, "Total params: 485\n"));
    ck_assert_ptr_null(strstr(text, "memory"));
    mbn_model_destroy(model);
}
END_TEST

SUITE("model build", layers_are_numbered_as_keras_does, numbers_that_are_taken_are_skipped,
      wrong_names_are_refused, first_failure_latches_and_build_reports_it,
      build_without_input_or_layers_is_refused, layers_before_the_input_and_second_inputs_are_refused,
      lent_names_outlive_growth, a_model_without_parameters_builds_and_predicts, labels_are_copied_and_can_go,
      one_block_has_the_parameters_of_the_paper, summary_is_an_aligned_table_with_totals,
      summary_works_before_build)
