/* The public constructors: defaults, option structs of other sizes, sentences, what latches. */
#include "support/suite.h"
#include "model/model.h"

static mbn_model *new_model(void)
{
    mbn_model *model;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 9, 9, 3));
    return model;
}

static const mbni_layer *last(const mbn_model *model)
{
    return &model->layers[model->layer_count - 1];
}

static void expect_shape(const mbn_model *model, int32_t rank, int64_t d0, int64_t d1, int64_t d2)
{
    const int64_t dims[3] = {d0, d1, d2};
    ck_assert_int_eq(last(model)->out.rank, rank);
    for (int32_t i = 0; i < rank; i++)
        ck_assert_int_eq(last(model)->out.dims[i], dims[i]);
}

START_TEST(every_constructor_appends_its_layer)
{
    mbn_model *model = new_model();
    mbn_conv2d_options conv;
    mbn_conv2d_options_init(&conv);
    conv.filters = 4;
    ck_ok(mbn_model_add_conv2d(model, &conv));
    expect_shape(model, 3, 7, 7, 4);
    ck_ok(mbn_model_add_depthwise_conv2d(model, NULL));
    expect_shape(model, 3, 5, 5, 4);
    mbn_separable_conv2d_options separable;
    mbn_separable_conv2d_options_init(&separable);
    separable.filters = 6;
    ck_ok(mbn_model_add_separable_conv2d(model, &separable));
    expect_shape(model, 3, 3, 3, 6);
    ck_ok(mbn_model_add_batch_norm(model, NULL));
    ck_assert(last(model)->config.batch_norm.momentum == 0.99);
    ck_assert(last(model)->config.batch_norm.epsilon == 1e-3);
    ck_ok(mbn_model_add_relu(model, NULL));
    ck_ok(mbn_model_add_zero_padding2d(model, NULL));
    expect_shape(model, 3, 5, 5, 6);
    ck_ok(mbn_model_add_average_pooling2d(model, NULL));
    expect_shape(model, 3, 2, 2, 6);
    ck_ok(mbn_model_add_dropout(model, 0.5, "drop"));
    ck_assert_str_eq(last(model)->name, "drop");
    ck_ok(mbn_model_add_flatten(model, NULL));
    expect_shape(model, 1, 24, 0, 0);
    const int64_t dims[3] = {3, 2, 4};
    ck_ok(mbn_model_add_reshape(model, 3, dims, NULL));
    expect_shape(model, 3, 3, 2, 4);
    ck_ok(mbn_model_add_global_average_pooling2d(model, NULL));
    expect_shape(model, 1, 4, 0, 0);
    mbn_dense_options dense;
    mbn_dense_options_init(&dense);
    dense.units = 10;
    ck_ok(mbn_model_add_dense(model, &dense));
    ck_ok(mbn_model_add_softmax(model, NULL));
    expect_shape(model, 1, 10, 0, 0);
    ck_ok(mbn_model_build(model));
    mbn_model_destroy(model);
}
END_TEST

START_TEST(global_max_pooling_appends_its_layer)
{
    mbn_model *model = new_model();
    ck_ok(mbn_model_add_global_max_pooling2d(model, "top"));
    expect_shape(model, 1, 3, 0, 0);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(sentence_names_call_layer_option_and_value)
{
    mbn_model *model = new_model();
    mbn_conv2d_options options;
    mbn_conv2d_options_init(&options);
    options.name = "conv1";
    ck_fails(mbn_model_add_conv2d(model, &options), MBN_ERR_ARGUMENT,
             "mbn_model_add_conv2d: conv2d 'conv1': filters is 0; allowed are 1 to 1048576");
    ck_fails(mbn_model_add_relu(model, NULL), MBN_ERR_ARGUMENT, "conv2d 'conv1': filters is 0");
    ck_fails(mbn_model_build(model), MBN_ERR_ARGUMENT, "conv2d 'conv1': filters is 0");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(null_model_is_refused_by_every_constructor)
{
    const int64_t dims[1] = {1};
    const char *text = "argument model is NULL";
    ck_fails(mbn_model_add_input(NULL, 1, 1, 1), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_conv2d(NULL, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_depthwise_conv2d(NULL, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_separable_conv2d(NULL, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_batch_norm(NULL, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_relu(NULL, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_zero_padding2d(NULL, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_average_pooling2d(NULL, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_global_average_pooling2d(NULL, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_global_max_pooling2d(NULL, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_dropout(NULL, 0, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_flatten(NULL, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_reshape(NULL, 1, dims, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_dense(NULL, NULL), MBN_ERR_ARGUMENT, text);
    ck_fails(mbn_model_add_softmax(NULL, NULL), MBN_ERR_ARGUMENT, text);
}
END_TEST

START_TEST(required_options_may_not_be_left_out)
{
    mbn_model *model = new_model();
    ck_fails(mbn_model_add_conv2d(model, NULL), MBN_ERR_ARGUMENT, "filters is 0");
    mbn_model_destroy(model);
    model = new_model();
    ck_fails(mbn_model_add_dense(model, NULL), MBN_ERR_ARGUMENT, "units is 0");
    mbn_model_destroy(model);
    model = new_model();
    ck_fails(mbn_model_add_separable_conv2d(model, NULL), MBN_ERR_ARGUMENT, "filters is 0");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(reshape_refuses_missing_dims_and_wrong_ranks)
{
    const int64_t dims[8] = {1, 1, 1, 1, 1, 1, 1, 243};
    mbn_model *model = new_model();
    ck_fails(mbn_model_add_reshape(model, 1, NULL, NULL), MBN_ERR_ARGUMENT, "argument dims is NULL");
    ck_fails(mbn_model_build(model), MBN_ERR_ARGUMENT, "argument dims is NULL");
    mbn_model_destroy(model);
    model = new_model();
    ck_fails(mbn_model_add_reshape(model, 8, dims, NULL), MBN_ERR_ARGUMENT, "rank is 8; allowed are 1 to 3");
    mbn_model_destroy(model);
    model = new_model();
    ck_fails(mbn_model_add_reshape(model, -1, dims, NULL), MBN_ERR_ARGUMENT,
             "rank is -1; allowed are 1 to 3");
    mbn_model_destroy(model);
}
END_TEST

/* A caller compiled with an older header hands in a shorter struct: what it lacks has its default. */
START_TEST(shorter_options_keep_defaults)
{
    mbn_model *model = new_model();
    mbn_conv2d_options options;
    memset(&options, 0xff, sizeof options);
    size_t known = offsetof(mbn_conv2d_options, stride_height);
    mbn_conv2d_options_init_sized(&options, known);
    ck_assert_int_eq(options.stride_height, -1); /* nothing written beyond */
    ck_assert_uint_eq(options.struct_size, known);
    options.filters = 4;
    ck_ok(mbn_model_add_conv2d(model, &options));
    expect_shape(model, 3, 7, 7, 4);
    mbn_model_destroy(model);
}
END_TEST

/* A caller with a newer header: zeros beyond what this library knows are fine, anything else is refused. */
START_TEST(longer_options_need_a_zero_tail)
{
    struct {
        mbn_relu_options options;
        int64_t newer;
    } long_options;
    memset(&long_options, 0xff, sizeof long_options);
    mbn_relu_options_init_sized(&long_options.options, sizeof long_options);
    ck_assert_int_eq(long_options.newer, 0);
    mbn_model *model = new_model();
    ck_ok(mbn_model_add_relu(model, &long_options.options));
    long_options.newer = 1;
    ck_fails(mbn_model_add_relu(model, &long_options.options), MBN_ERR_ARGUMENT, "mbn_relu_options");
    ck_fails(mbn_model_build(model), MBN_ERR_ARGUMENT, "mbn_relu_options");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(uninitialised_struct_size_is_refused)
{
    mbn_model *model = new_model();
    mbn_dense_options options = {.units = 3};
    ck_fails(mbn_model_add_dense(model, &options), MBN_ERR_ARGUMENT, "struct_size of mbn_dense_options is 0");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(init_of_nothing_writes_nothing)
{
    size_t small = 12345;
    mbn_conv2d_options_init_sized(NULL, sizeof(mbn_conv2d_options));
    mbn_conv2d_options_init_sized((mbn_conv2d_options *)&small, 4);
    ck_assert_uint_eq(small, 12345);
}
END_TEST

START_TEST(refused_options_after_build_do_not_spoil_the_model)
{
    mbn_model *model = new_model();
    ck_ok(mbn_model_add_relu(model, NULL));
    ck_ok(mbn_model_build(model));
    mbn_dense_options options = {.units = 3};
    ck_fails(mbn_model_add_dense(model, &options), MBN_ERR_ARGUMENT, "struct_size");
    ck_fails(mbn_model_add_flatten(model, NULL), MBN_ERR_STATE, "built already");
    mbn_model_destroy(model);
}
END_TEST

SUITE("layer constructors", every_constructor_appends_its_layer, global_max_pooling_appends_its_layer,
      sentence_names_call_layer_option_and_value, null_model_is_refused_by_every_constructor,
      required_options_may_not_be_left_out, reshape_refuses_missing_dims_and_wrong_ranks,
      shorter_options_keep_defaults, longer_options_need_a_zero_tail, uninitialised_struct_size_is_refused,
      init_of_nothing_writes_nothing, refused_options_after_build_do_not_spoil_the_model)
