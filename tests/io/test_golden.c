/* Files that earlier versions wrote must stay readable for ever. Each golden file was written by this
 * program, `test_golden write FILE`, at the time of its version; it is never written again. What is expected
 * of it stands here in numbers, not in calls of the library that wrote it. */
#include "io/files.h"

static const char *golden_path(void)
{
    static char path[600];
    const char *root = getenv("MBN_TEST_ROOT");
    snprintf(path, sizeof path, "%s/tests/io/golden/v1.mbn", root ? root : ".");
    return path;
}

/* Exact in f32, and in f16 too. */
static float golden_value(size_t parameter, int64_t index)
{
    return (float)((index * 37 + (int64_t)parameter * 11) % 64 - 20) / 32.0f;
}

static const struct {
    const char *name;
    int32_t rank;
    int64_t dims[4];
} golden_parameters[] = {
    {"conv/kernel", 4, {3, 3, 2, 4}},
    {"conv/bias", 1, {4}},
    {"batch_normalization/gamma", 1, {4}},
    {"batch_normalization/beta", 1, {4}},
    {"batch_normalization/moving_mean", 1, {4}},
    {"batch_normalization/moving_variance", 1, {4}},
    {"dw/depthwise_kernel", 4, {3, 3, 4, 2}},
    {"separable_conv2d/depthwise_kernel", 4, {3, 3, 8, 1}},
    {"separable_conv2d/pointwise_kernel", 4, {1, 1, 8, 3}},
    {"separable_conv2d/bias", 1, {3}},
    {"dense/kernel", 2, {3, 5}},
    {"dense/bias", 1, {5}},
};
enum { PARAMETERS = sizeof golden_parameters / sizeof *golden_parameters };

static float expected_value(size_t parameter, int64_t index)
{
    float value = golden_value(parameter, index);
    return parameter == 5 ? value * value : value;
}

static mbn_model *golden_model(void)
{
    mbn_model *model;
    mbn_conv2d_options conv;
    mbn_depthwise_conv2d_options depthwise;
    mbn_separable_conv2d_options separable;
    mbn_relu_options relu;
    mbn_dense_options dense;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_set_data_format(model, MBN_CHANNELS_FIRST));
    ck_ok(mbn_model_add_input(model, 12, 10, 2));
    ck_ok(mbn_model_add_zero_padding2d(model, NULL));
    mbn_conv2d_options_init(&conv);
    conv.name = "conv";
    conv.filters = 4;
    conv.stride_height = 2;
    ck_ok(mbn_model_add_conv2d(model, &conv));
    ck_ok(mbn_model_add_batch_norm(model, NULL));
    mbn_relu_options_init(&relu);
    relu.max_value = 6;
    ck_ok(mbn_model_add_relu(model, &relu));
    mbn_depthwise_conv2d_options_init(&depthwise);
    depthwise.name = "dw";
    depthwise.depth_multiplier = 2;
    depthwise.use_bias = 0;
    ck_ok(mbn_model_add_depthwise_conv2d(model, &depthwise));
    mbn_separable_conv2d_options_init(&separable);
    separable.filters = 3;
    separable.padding = MBN_PADDING_SAME;
    ck_ok(mbn_model_add_separable_conv2d(model, &separable));
    mbn_average_pooling2d_options pool;
    mbn_average_pooling2d_options_init(&pool);
    pool.pool_height = 2;
    pool.pool_width = 4;
    ck_ok(mbn_model_add_average_pooling2d(model, &pool));
    ck_ok(mbn_model_add_global_max_pooling2d(model, NULL));
    ck_ok(mbn_model_add_reshape(model, 2, (const int64_t[]){1, 3}, NULL));
    ck_ok(mbn_model_add_flatten(model, NULL));
    ck_ok(mbn_model_add_dropout(model, 0.25, NULL));
    mbn_dense_options_init(&dense);
    dense.units = 5;
    ck_ok(mbn_model_add_dense(model, &dense));
    ck_ok(mbn_model_add_softmax(model, NULL));
    ck_ok(mbn_model_build(model));
    return model;
}

static void write_golden(const char *path)
{
    const char *labels[] = {"airplane", "automobile", "bird", "cat", "M\xc3\xb6we"};
    mbn_model *model = golden_model();
    mbn_compile_options compile;
    for (size_t i = 0; i < mbn_model_parameter_tensors(model); i++) {
        mbn_tensor *tensor;
        ck_ok(mbn_model_get_parameter(model, mbn_model_parameter_name(model, i), &tensor));
        for (int64_t j = 0; j < mbn_tensor_count(tensor); j++)
            ((float *)mbn_tensor_data(tensor))[j] = expected_value(i, j);
        ck_ok(mbn_model_set_parameter(model, mbn_model_parameter_name(model, i), tensor));
        mbn_tensor_destroy(tensor);
    }
    ck_ok(mbn_model_set_labels(model, labels, 5));
    ck_ok(mbn_model_set_preprocessing(model, MBN_PREPROCESSING_UNIT));
    ck_ok(mbn_model_set_trainable(model, "dw", 0));
    mbn_compile_options_init(&compile);
    compile.optimizer = MBN_OPTIMIZER_RMSPROP;
    ck_ok(mbn_compile(model, &compile));
    ck_ok(mbn_checkpoint_save(model, path));
    mbn_model_destroy(model);
}

static void check_parameters(const mbn_model *model)
{
    ck_assert_uint_eq(mbn_model_parameter_tensors(model), PARAMETERS);
    for (size_t i = 0; i < PARAMETERS; i++) {
        mbn_tensor *tensor;
        ck_assert_str_eq(mbn_model_parameter_name(model, i), golden_parameters[i].name);
        ck_ok(mbn_model_get_parameter(model, golden_parameters[i].name, &tensor));
        ck_assert_int_eq(mbn_tensor_rank(tensor), golden_parameters[i].rank);
        for (int32_t d = 0; d < golden_parameters[i].rank; d++)
            ck_assert_int_eq(mbn_tensor_dims(tensor)[d], golden_parameters[i].dims[d]);
        for (int64_t j = 0; j < mbn_tensor_count(tensor); j++)
            ck_assert(((float *)mbn_tensor_data(tensor))[j] == expected_value(i, j));
        mbn_tensor_destroy(tensor);
    }
}

START_TEST(version_1_model_is_read_with_all_that_is_in_it)
{
    static const char *const types[] = {"input_1", "zero_padding2d", "conv", "batch_normalization", "re_lu",
                                        "dw"};
    mbn_model *model;
    ck_ok(mbn_model_load(NULL, golden_path(), &model));
    check_parameters(model);
    ck_assert_uint_eq(mbn_model_layer_count(model), 14);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        mbn_layer_info info;
        mbn_layer_info_init(&info);
        ck_ok(mbn_model_layer_info(model, i, &info));
        ck_assert_str_eq(info.name, types[i]);
        ck_assert_int_eq(info.trainable, i != 5);
    }
    ck_assert_int_eq(mbn_model_input_dims(model)[0], 2);
    ck_assert_int_eq(mbn_model_input_dims(model)[1], 12);
    ck_assert_int_eq(mbn_model_preprocessing(model), MBN_PREPROCESSING_UNIT);
    ck_assert_str_eq(mbn_model_label(model, 0), "airplane");
    ck_assert_str_eq(mbn_model_label(model, 4), "M\xc3\xb6we");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(version_1_checkpoint_can_go_on)
{
    mbn_model *model;
    mbn_tensor *x, *y;
    ck_ok(mbn_checkpoint_load(NULL, golden_path(), &model));
    check_parameters(model);
    ck_ok(mbn_tensor_create(NULL, MBN_U8, 4, (const int64_t[]){4, 2, 12, 10}, &x));
    ck_ok(mbn_tensor_create(NULL, MBN_I32, 1, (const int64_t[]){4}, &y));
    ck_ok(mbn_fit(model, x, y, NULL, NULL));
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
}
END_TEST

/* If this fails, the writer has changed: a file of the new kind gets a golden file of its own, and old ones
 * stay. */
START_TEST(golden_file_is_what_is_written_today)
{
    char directory[256];
    size_t bytes, written;
    const char *path = in_directory(temporary_directory(directory), "v1.mbn");
    write_golden(path);
    unsigned char *golden = read_file(golden_path(), &bytes), *today = read_file(path, &written);
    test_file *a = take_apart(golden, bytes), *b = take_apart(today, written);
    ck_assert_int_eq(a->count, b->count);
    for (int i = 0; i < a->count; i++) {
        /* Raw bytes: zlibs differ in how they deflate. */
        unsigned char *p = raw_of(&a->sections[i]), *q = raw_of(&b->sections[i]);
        ck_assert_str_eq(a->sections[i].name, b->sections[i].name);
        ck_assert_uint_eq(a->sections[i].raw, b->sections[i].raw);
        ck_assert_msg(memcmp(p, q, a->sections[i].raw) == 0, "section %s differs", a->sections[i].name);
        free(p);
        free(q);
    }
    free_file(a);
    free_file(b);
    free(golden);
    free(today);
    remove_directory(directory);
}
END_TEST

static const char *target;

START_TEST(golden_file_is_written)
{
    write_golden(target);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("io/golden");
    TCase *tcase = tcase_create("golden");
    tcase_set_timeout(tcase, 120);
    if (argc == 3 && strcmp(argv[1], "write") == 0) {
        target = argv[2];
        tcase_add_test(tcase, golden_file_is_written);
    } else {
        tcase_add_test(tcase, version_1_model_is_read_with_all_that_is_in_it);
        tcase_add_test(tcase, version_1_checkpoint_can_go_on);
        tcase_add_test(tcase, golden_file_is_what_is_written_today);
    }
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
