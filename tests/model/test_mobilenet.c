/* MobileNet V1: numbers of parameters and multiply-adds as published, names and shapes as Keras has them. */
#include <stdio.h>
#include "support/suite.h"

static mbn_mobilenet_options defaults(void)
{
    mbn_mobilenet_options options;
    mbn_mobilenet_options_init(&options);
    return options;
}

static mbn_model *create(const mbn_mobilenet_options *options)
{
    mbn_model *model;
    ck_ok(mbn_mobilenet_create(NULL, options, &model));
    return model;
}

static int64_t parameters(const mbn_mobilenet_options *options)
{
    mbn_model *model = create(options);
    int64_t total;
    ck_ok(mbn_model_parameter_count(model, &total, NULL));
    mbn_model_destroy(model);
    return total;
}

static int64_t multiply_adds(const mbn_mobilenet_options *options)
{
    mbn_model *model = create(options);
    int64_t count;
    ck_ok(mbn_model_multiply_adds(model, &count));
    mbn_model_destroy(model);
    return count;
}

/* The published figure in millions. 149.497 is printed as 149 by the paper and as 150 by its authors' code.
 */
static void has_millions(const mbn_mobilenet_options *options, int64_t published)
{
    int64_t count = multiply_adds(options);
    ck_assert_msg(llabs(count - published * 1000000) <= 503000, "%lld multiply-adds, published %lld million",
                  (long long)count, (long long)published);
}

static mbn_layer_info info_of(const mbn_model *model, const char *name)
{
    mbn_layer_info info;
    size_t index;
    mbn_layer_info_init(&info);
    ck_ok(mbn_model_layer_index(model, name, &index));
    ck_ok(mbn_model_layer_info(model, index, &info));
    return info;
}

static void has_shape(const mbn_model *model, const char *name, int32_t rank, int64_t a, int64_t b, int64_t c)
{
    const int64_t dims[3] = {a, b, c};
    mbn_layer_info info = info_of(model, name);
    ck_assert_msg(info.output_rank == rank, "%s has rank %d", name, info.output_rank);
    for (int i = 0; i < rank; i++)
        ck_assert_msg(info.output_dims[i] == dims[i], "%s: axis %d is %lld, not %lld", name, i,
                      (long long)info.output_dims[i], (long long)dims[i]);
}

START_TEST(published_parameters_and_multiply_adds)
{
    static const struct {
        double alpha;
        int32_t shallow;
        int64_t with_top, without_top, millions[4]; /* at 224, 192, 160, 128 */
    } known[] = {{1, 0, 4253864, 3228864, {569, 418, 291, 186}},
                 {0.75, 0, 2601976, 1832976, {325, 239, 166, 107}},
                 {0.5, 0, 1342536, 829536, {150, 110, 77, 49}},
                 {0.25, 0, 475544, 218544, {41, 30, 21, 14}},
                 {1, 1, 2899624, 1874624, {307, 0, 0, 0}}};
    static const int64_t sizes[4] = {224, 192, 160, 128};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        mbn_mobilenet_options o = defaults();
        o.alpha = known[i].alpha;
        o.shallow = known[i].shallow;
        ck_assert_int_eq(parameters(&o), known[i].with_top);
        for (int s = 0; s < 4 && known[i].millions[s]; s++) {
            o.height = o.width = sizes[s];
            has_millions(&o, known[i].millions[s]);
        }
        o.include_top = 0;
        ck_assert_int_eq(parameters(&o), known[i].without_top);
    }
}
END_TEST

/* Summed up by hand from the table of the paper: a depthwise step costs 9 h w c, a pointwise one h w c d. */
START_TEST(multiply_adds_are_exact)
{
    static const int64_t c[14] = {32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024};
    static const int64_t side[13] = {112, 56, 56, 28, 28, 14, 14, 14, 14, 14, 14, 7, 7};
    int64_t expected = 112 * 112 * 27 * 32 + 1024 * 1000;
    for (int b = 0; b < 13; b++)
        expected += side[b] * side[b] * c[b] * (9 + c[b + 1]);
    ck_assert_int_eq(multiply_adds(NULL), expected);
    ck_assert_int_eq(expected, 568740352);
}
END_TEST

START_TEST(cifar_and_wake_word_nets_have_their_parameters)
{
    mbn_mobilenet_options o = defaults();
    o.height = o.width = 32;
    o.classes = 10;
    ck_assert_int_eq(parameters(&o), 3239114);
    o.height = o.width = 96;
    o.alpha = 0.25;
    o.classes = 2;
    ck_assert_int_eq(parameters(&o), 219058); /* MLPerf Tiny's, to the last one */
}
END_TEST

START_TEST(moving_statistics_are_not_trainable)
{
    mbn_model *model = create(NULL);
    int64_t total, trainable;
    ck_ok(mbn_model_parameter_count(model, &total, &trainable));
    /* Two statistics a channel: 32 of conv1; depthwise and pointwise outputs of the 13 blocks. */
    ck_assert_int_eq(total - trainable, 2 * (32 + 32 + 64 + 64 + 128 + 128 + 128 + 128 + 256 + 256 + 256 +
                                             256 + 512 + 5 * (512 + 512) + 512 + 1024 + 1024 + 1024));
    ck_ok(mbn_model_set_trainable(model, "conv_preds", 0));
    int64_t fewer;
    ck_ok(mbn_model_parameter_count(model, NULL, &fewer));
    ck_assert_int_eq(trainable - fewer, 1024 * 1000 + 1000);
    ck_assert_int_eq(info_of(model, "conv_preds").trainable_parameters, 0);
    ck_ok(mbn_model_set_trainable(model, NULL, 0));
    ck_ok(mbn_model_parameter_count(model, NULL, &fewer));
    ck_assert_int_eq(fewer, 0);
    ck_ok(mbn_model_set_trainable(model, NULL, 1));
    ck_ok(mbn_model_parameter_count(model, NULL, &fewer));
    ck_assert_int_eq(fewer, trainable);
    mbn_model_destroy(model);
}
END_TEST

/* The list that Keras Applications makes, written out from its naming rule. */
static size_t keras_names(char names[128][64], int shallow)
{
    size_t n = 0;
    snprintf(names[n++], 64, "input_1");
    snprintf(names[n++], 64, "conv1_pad");
    snprintf(names[n++], 64, "conv1");
    snprintf(names[n++], 64, "conv1_bn");
    snprintf(names[n++], 64, "conv1_relu");
    for (int b = 1; b <= (shallow ? 8 : 13); b++) {
        if (b == 2 || b == 4 || b == 6 || b == (shallow ? 7 : 12))
            snprintf(names[n++], 64, "conv_pad_%d", b);
        static const char *const patterns[] = {"conv_dw_%d", "conv_dw_%d_bn", "conv_dw_%d_relu",
                                               "conv_pw_%d", "conv_pw_%d_bn", "conv_pw_%d_relu"};
        for (int i = 0; i < 6; i++) {
            char *name = names[n++];
            strcpy(name, patterns[i]);
            char *percent = strchr(name, '%');
            char tail[16];
            strcpy(tail, percent + 2);
            sprintf(percent, "%d%s", b, tail);
        }
    }
    static const char *const top[] = {
        "global_average_pooling2d", "reshape_1", "dropout", "conv_preds", "reshape_2", "predictions"};
    for (int i = 0; i < 6; i++)
        snprintf(names[n++], 64, "%s", top[i]);
    return n;
}

START_TEST(layers_are_those_of_keras_in_their_order)
{
    static char names[128][64];
    for (int shallow = 0; shallow <= 1; shallow++) {
        mbn_mobilenet_options o = defaults();
        o.shallow = shallow;
        mbn_model *model = create(&o);
        size_t count = keras_names(names, shallow);
        ck_assert_uint_eq(mbn_model_layer_count(model), count);
        for (size_t i = 0; i < count; i++) {
            mbn_layer_info info;
            mbn_layer_info_init(&info);
            ck_ok(mbn_model_layer_info(model, i, &info));
            ck_assert_str_eq(info.name, names[i]);
        }
        mbn_model_destroy(model);
    }
}
END_TEST

START_TEST(classes_and_shapes_of_the_224_net)
{
    mbn_model *model = create(NULL);
    has_shape(model, "input_1", 3, 224, 224, 3);
    has_shape(model, "conv1_pad", 3, 225, 225, 3);
    has_shape(model, "conv1_relu", 3, 112, 112, 32);
    has_shape(model, "conv_pw_1_relu", 3, 112, 112, 64);
    has_shape(model, "conv_pad_2", 3, 113, 113, 64);
    has_shape(model, "conv_dw_2", 3, 56, 56, 64);
    has_shape(model, "conv_pw_5_relu", 3, 28, 28, 256);
    has_shape(model, "conv_pw_11_relu", 3, 14, 14, 512);
    has_shape(model, "conv_pw_13_relu", 3, 7, 7, 1024);
    has_shape(model, "global_average_pooling2d", 1, 1024, 0, 0);
    has_shape(model, "reshape_1", 3, 1, 1, 1024);
    has_shape(model, "conv_preds", 3, 1, 1, 1000);
    has_shape(model, "predictions", 1, 1000, 0, 0);
    ck_assert_str_eq(info_of(model, "input_1").type, "InputLayer");
    ck_assert_str_eq(info_of(model, "conv1").type, "Conv2D");
    ck_assert_str_eq(info_of(model, "conv_dw_1").type, "DepthwiseConv2D");
    ck_assert_str_eq(info_of(model, "conv1_bn").type, "BatchNormalization");
    ck_assert_int_eq(info_of(model, "conv1").parameters, 3 * 3 * 3 * 32);
    ck_assert_int_eq(info_of(model, "conv_dw_1").parameters, 288);
    ck_assert_int_eq(info_of(model, "conv_dw_1_bn").parameters, 128);
    ck_assert_int_eq(info_of(model, "conv_pw_1").parameters, 2048);
    ck_assert_int_eq(info_of(model, "conv_pw_1_bn").parameters, 256);
    ck_assert_int_eq(info_of(model, "conv1").multiply_adds, 112 * 112 * 27 * 32);
    ck_assert_int_eq(info_of(model, "conv_preds").multiply_adds, 1024 * 1000);
    ck_assert_int_eq(info_of(model, "conv1_relu").multiply_adds, 0);
    ck_assert_int_eq(mbn_model_output_rank(model), 1);
    ck_assert_int_eq(mbn_model_output_dims(model)[0], 1000);
    ck_assert_int_eq(mbn_model_preprocessing(model), MBN_PREPROCESSING_SYMMETRIC);
    mbn_model_destroy(model);
}
END_TEST

/* One row and column after, then `valid`: floor(n / 2), where `same` would give the ceiling. */
START_TEST(odd_maps_are_halved_downwards)
{
    static const int64_t sizes[][2] = {{33, 47}, {97, 97}, {131, 77}, {224, 225}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mbn_mobilenet_options o = defaults();
        int64_t h = sizes[i][0], w = sizes[i][1];
        o.alpha = 0.25;
        o.height = h;
        o.width = w;
        mbn_model *model = create(&o);
        has_shape(model, "conv1_pad", 3, h + 1, w + 1, 3);
        has_shape(model, "conv1", 3, h / 2, w / 2, 8);
        has_shape(model, "conv_pw_1", 3, h / 2, w / 2, 16);
        has_shape(model, "conv_dw_2", 3, h / 4, w / 4, 16);
        has_shape(model, "conv_dw_4", 3, h / 8, w / 8, 32);
        has_shape(model, "conv_dw_6", 3, h / 16, w / 16, 64);
        has_shape(model, "conv_pw_13_relu", 3, h / 32, w / 32, 256);
        mbn_model_destroy(model);
    }
}
END_TEST

START_TEST(input_25_gives_conv1_12_and_ends_where_no_map_is_left)
{
    mbn_mobilenet_options o = defaults();
    mbn_model *model;
    o.height = o.width = o.min_size = 25;
    o.stem_stride = 1; /* the stem keeps 25; the second block halves it as a stem of stride 2 would */
    model = create(&o);
    has_shape(model, "conv1", 3, 25, 25, 32);
    has_shape(model, "conv_dw_2", 3, 12, 12, 64);
    has_shape(model, "conv_dw_4", 3, 6, 6, 128);
    has_shape(model, "conv_dw_6", 3, 3, 3, 256);
    has_shape(model, "conv_dw_12", 3, 1, 1, 512);
    size_t index;
    ck_fails(mbn_model_layer_index(model, "conv1_pad", &index), MBN_ERR_NOT_FOUND, "conv1_pad");
    mbn_model_destroy(model);
    o.stem_stride = 2; /* 25, 12, 6, 3, 1: the last stride-2 block finds 2 x 2 for its 3 x 3 kernel */
    ck_fails(mbn_mobilenet_create(NULL, &o, &model), MBN_ERR_SHAPE, "conv_dw_12");
    ck_assert_ptr_null(model);
}
END_TEST

START_TEST(depth_multiplier_widens_the_depthwise_outputs)
{
    mbn_mobilenet_options o = defaults();
    o.depth_multiplier = 2;
    mbn_model *model = create(&o);
    has_shape(model, "conv_dw_1", 3, 112, 112, 64);
    has_shape(model, "conv_dw_13", 3, 7, 7, 2048);
    has_shape(model, "conv_pw_13", 3, 7, 7, 1024);
    ck_assert_int_eq(info_of(model, "conv_pw_1").parameters, 64 * 64);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(channels_are_cut_to_whole_numbers)
{
    mbn_mobilenet_options o = defaults();
    o.alpha = 1.0 / 32;
    mbn_model *model = create(&o);
    has_shape(model, "conv1", 3, 112, 112, 1);
    has_shape(model, "conv_pw_13", 3, 7, 7, 32);
    mbn_model_destroy(model);
    o.alpha = 0.35; /* 11.2, 22.4, 358.4 */
    model = create(&o);
    has_shape(model, "conv1", 3, 112, 112, 11);
    has_shape(model, "conv_pw_1", 3, 112, 112, 22);
    has_shape(model, "reshape_1", 3, 1, 1, 358);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(nets_without_top_end_as_pooling_says)
{
    mbn_mobilenet_options o = defaults();
    o.include_top = 0;
    o.height = 64;
    o.width = 96;
    mbn_model *model = create(&o);
    ck_assert_int_eq(mbn_model_output_rank(model), 3);
    has_shape(model, "conv_pw_13_relu", 3, 2, 3, 1024);
    mbn_model_destroy(model);
    o.pooling = MBN_POOLING_AVG;
    model = create(&o);
    has_shape(model, "global_average_pooling2d", 1, 1024, 0, 0);
    ck_assert_int_eq(mbn_model_output_rank(model), 1);
    mbn_model_destroy(model);
    o.pooling = MBN_POOLING_MAX;
    model = create(&o);
    has_shape(model, "global_max_pooling2d", 1, 1024, 0, 0);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(channels_first_shapes_are_told_in_that_order)
{
    static const int64_t in[3] = {4, 64, 96}, out[3] = {1024, 2, 3};
    mbn_mobilenet_options o = defaults();
    o.include_top = 0;
    o.height = 64;
    o.width = 96;
    o.channels = 4;
    o.data_format = MBN_CHANNELS_FIRST;
    mbn_model *model = create(&o);
    ck_assert_mem_eq(mbn_model_input_dims(model), in, sizeof in);
    ck_assert_mem_eq(mbn_model_output_dims(model), out, sizeof out);
    has_shape(model, "input_1", 3, 64, 96, 4);
    ck_ok(mbn_model_set_data_format(model, MBN_CHANNELS_LAST));
    ck_assert_int_eq(mbn_model_input_dims(model)[0], 64);
    ck_assert_int_eq(mbn_model_output_dims(model)[0], 2);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(appended_net_follows_the_layers_that_are_there)
{
    mbn_mobilenet_options o = defaults();
    mbn_conv2d_options conv;
    mbn_model *model;
    int64_t total;
    mbn_conv2d_options_init(&conv);
    conv.filters = 3;
    conv.kernel_height = conv.kernel_width = 1;
    o.height = o.width = o.channels = -1; /* not looked at, nor the two below */
    o.data_format = o.preprocessing = 99;
    o.classes = 10;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 32, 40, 1));
    ck_ok(mbn_model_add_conv2d(model, &conv));
    ck_ok(mbn_mobilenet_append(model, &o));
    ck_ok(mbn_model_build(model));
    has_shape(model, "conv1", 3, 16, 20, 32);
    ck_ok(mbn_model_parameter_count(model, &total, NULL));
    ck_assert_int_eq(total, 3239114 + 3 + 3); /* the 1 x 1 convolution to three channels, with bias */
    mbn_model_destroy(model);
}
END_TEST

START_TEST(appending_twice_names_the_layer_that_clashes)
{
    mbn_mobilenet_options o = defaults();
    mbn_model *model;
    o.include_top = 0;
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 1024, 1024, 3));
    ck_ok(mbn_mobilenet_append(model, &o));
    size_t count = mbn_model_layer_count(model);
    ck_fails(mbn_mobilenet_append(model, &o), MBN_ERR_ARGUMENT, "conv1_pad");
    ck_assert_uint_eq(mbn_model_layer_count(model), count);
    ck_fails(mbn_model_build(model), MBN_ERR_ARGUMENT, "conv1_pad");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(appending_needs_an_input_a_map_and_its_size)
{
    mbn_model *model;
    ck_ok(mbn_model_create(NULL, &model));
    ck_fails(mbn_mobilenet_append(model, NULL), MBN_ERR_STATE, "no input");
    mbn_model_destroy(model);
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 31, 64, 3));
    ck_fails(mbn_mobilenet_append(model, NULL), MBN_ERR_SHAPE, "min_size");
    mbn_model_destroy(model);
    ck_ok(mbn_model_create(NULL, &model));
    ck_ok(mbn_model_add_input(model, 64, 64, 3));
    ck_ok(mbn_model_add_flatten(model, NULL));
    ck_fails(mbn_mobilenet_append(model, NULL), MBN_ERR_SHAPE, "[12288]");
    mbn_model_destroy(model);
    ck_ok(mbn_mobilenet_create(NULL, NULL, &model));
    ck_fails(mbn_mobilenet_append(model, NULL), MBN_ERR_STATE, "built");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(the_seed_decides_the_weights)
{
    mbn_mobilenet_options o = defaults();
    mbn_tensor *kernels[3];
    o.alpha = 0.25;
    for (int i = 0; i < 3; i++) {
        o.seed = i == 2 ? 8 : 7;
        mbn_model *model = create(&o);
        ck_ok(mbn_model_get_parameter(model, "conv_pw_13/kernel", &kernels[i]));
        mbn_model_destroy(model);
    }
    size_t bytes = mbn_tensor_bytes(kernels[0]);
    ck_assert_int_eq(memcmp(mbn_tensor_data(kernels[0]), mbn_tensor_data(kernels[1]), bytes), 0);
    ck_assert_int_ne(memcmp(mbn_tensor_data(kernels[0]), mbn_tensor_data(kernels[2]), bytes), 0);
    for (int i = 0; i < 3; i++)
        mbn_tensor_destroy(kernels[i]);
}
END_TEST

/* Counted layer by layer: convolutions without bias, two numbers a channel of batch norm, the classifier. */
START_TEST(the_cifar_preset_has_four_strides_and_3217226_trained_parameters)
{
    mbn_model *model;
    mbn_mobilenet_options options;
    mbn_layer_info info;
    int64_t trained;
    size_t index;
    mbn_mobilenet_cifar_init(&options);
    ck_assert(options.struct_size == sizeof options);
    ck_ok(mbn_mobilenet_create(NULL, &options, &model));
    ck_ok(mbn_model_parameter_count(model, NULL, &trained));
    ck_assert_int_eq(trained, 3217226);
    mbn_layer_info_init(&info);
    ck_ok(mbn_model_layer_index(model, "conv1", &index));
    ck_ok(mbn_model_layer_info(model, index, &info));
    ck_assert_int_eq(info.output_dims[0], 32);
    ck_ok(mbn_model_layer_index(model, "conv_pw_13", &index));
    ck_ok(mbn_model_layer_info(model, index, &info));
    ck_assert_int_eq(info.output_dims[0], 2);
    ck_assert_int_eq(info.output_dims[1], 2);
    mbn_model_destroy(model);
}
END_TEST

SUITE("mobilenet", published_parameters_and_multiply_adds, multiply_adds_are_exact,
      cifar_and_wake_word_nets_have_their_parameters, moving_statistics_are_not_trainable,
      layers_are_those_of_keras_in_their_order, classes_and_shapes_of_the_224_net,
      odd_maps_are_halved_downwards, input_25_gives_conv1_12_and_ends_where_no_map_is_left,
      depth_multiplier_widens_the_depthwise_outputs, channels_are_cut_to_whole_numbers,
      nets_without_top_end_as_pooling_says, channels_first_shapes_are_told_in_that_order,
      appended_net_follows_the_layers_that_are_there, appending_twice_names_the_layer_that_clashes,
      appending_needs_an_input_a_map_and_its_size, the_seed_decides_the_weights,
      the_cifar_preset_has_four_strides_and_3217226_trained_parameters)
