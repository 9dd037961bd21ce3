/* Options outside what is allowed: each refused with a sentence that names the layer, the option, the value
 * and what is allowed. The table drives infer_shape, which also stands before the values of a file. */
#include "layers/cases.h"
#include <float.h>

#define BIG 65536
#define ARGUMENT MBN_ERR_ARGUMENT
#define SHAPE MBN_ERR_SHAPE
#define MEMORY MBN_ERR_MEMORY
/* A 3 x 3 convolution, all in order, with one option set wrongly after it; a later initializer wins. */
#define CONV_BUT(...)                                                              \
    {                                                                              \
        LAYER(conv2d), MAP(8, 8, 3), .config.conv2d = { CONV_FIELDS, __VA_ARGS__ } \
    }
#define CONV_FIELDS .filters = 4, .kernel_height = 3, .kernel_width = 3, .stride_height = 1, .stride_width = 1
#define DEPTHWISE_BUT(...)                                                                                  \
    {                                                                                                       \
        LAYER(depthwise_conv2d), MAP(8, 8, 3), .config.depthwise_conv2d = { DEPTHWISE_FIELDS, __VA_ARGS__ } \
    }
#define DEPTHWISE_FIELDS \
    .depth_multiplier = 1, .kernel_height = 3, .kernel_width = 3, .stride_height = 1, .stride_width = 1
#define SEPARABLE_BUT(...)                                                                                  \
    {                                                                                                       \
        LAYER(separable_conv2d), MAP(8, 8, 3), .config.separable_conv2d = { SEPARABLE_FIELDS, __VA_ARGS__ } \
    }
#define SEPARABLE_FIELDS .filters = 4, DEPTHWISE_FIELDS

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif
static const struct {
    mbni_layer layer;
    mbn_status status;
    const char *text;
} wrong[] = {
    {CONV_BUT(.filters = 0), ARGUMENT, "conv2d 'test': filters is 0; allowed are 1 to 1048576"},
    {CONV_BUT(.filters = -7), ARGUMENT, "filters is -7; allowed are 1 to 1048576"},
    {CONV_BUT(.filters = INT64_MAX), ARGUMENT, "filters is 9223372036854775807; allowed are"},
    {CONV_BUT(.kernel_height = 0), ARGUMENT, "kernel_height is 0; allowed are 1 to 64"},
    {CONV_BUT(.kernel_width = 65), ARGUMENT, "kernel_width is 65; allowed are 1 to 64"},
    {CONV_BUT(.stride_height = -1), ARGUMENT, "stride_height is -1; allowed are 1 to 64"},
    {CONV_BUT(.stride_width = INT32_MAX), ARGUMENT, "stride_width is 2147483647; allowed are 1 to 64"},
    {CONV_BUT(.padding = 2), ARGUMENT, "padding is 2; allowed are 0 to 1"},
    {CONV_BUT(.use_bias = 2), ARGUMENT, "use_bias is 2; allowed are 0 to 1"},
    {CONV_BUT(.initializer = 4), ARGUMENT, "initializer is 4; allowed are 0 to 3"},
    {CONV_BUT(.initializer = MBNI_INIT_ONES), ARGUMENT, "initializer is 100; allowed are 0 to 3"},
    {CONV_BUT(.reserved = 1), ARGUMENT, "reserved is 1; allowed are 0 to 0"},
    {CONV_BUT(.l2 = -0.5), ARGUMENT, "l2 is -0.5; allowed are 0 to 1e30"},
    {CONV_BUT(.l2 = NAN), ARGUMENT, "l2 is nan; allowed are"},
    {CONV_BUT(.l2 = INFINITY), ARGUMENT, "l2 is inf; allowed are"},
    {CONV_BUT(.kernel_height = 9), SHAPE, "the kernel of 9 x 3 is larger than the input [8, 8, 3]"},
    {CONV_BUT(.kernel_width = 9), SHAPE, "the kernel of 3 x 9 is larger than the input [8, 8, 3]"},
    {{LAYER(conv2d), VEC(9), .config.conv2d = {CONV_FIELDS}},
     SHAPE,
     "the input is [9]; needed is [height, width, channels]"},
    {{LAYER(conv2d), MAP(1, 1, (int64_t)1 << 39), .config.conv2d = {CONV_FIELDS, .padding = SAME}},
     MEMORY,
     "kernel is [3, 3, 549755813888, 4]; allowed are up to 2^40 numbers"},
    {{LAYER(conv2d), MAP(BIG, BIG, 64), .config.conv2d = {CONV_FIELDS, .filters = 1048576, .padding = SAME}},
     MEMORY,
     "the output is [65536, 65536, 1048576]; allowed are up to 2^40 numbers"},
    {{LAYER(conv2d), MAP(BIG, BIG, 256),
      .config.conv2d = {.filters = 256,
                        .kernel_height = 64,
                        .kernel_width = 64,
                        .stride_height = 1,
                        .stride_width = 1,
                        .padding = SAME}},
     MBN_OK,
     ""},
    {{LAYER(conv2d), MAP(BIG, BIG, 65536),
      .config.conv2d = {.filters = 256,
                        .kernel_height = 64,
                        .kernel_width = 64,
                        .stride_height = 1,
                        .stride_width = 1,
                        .padding = SAME}},
     MEMORY,
     "multiply-adds of one picture exceed 2^62"},
    {DEPTHWISE_BUT(.depth_multiplier = 0), ARGUMENT,
     "depthwise_conv2d 'test': depth_multiplier is 0; allowed are 1 to 1024"},
    {DEPTHWISE_BUT(.depth_multiplier = 1025), ARGUMENT, "depth_multiplier is 1025; allowed are 1 to 1024"},
    {DEPTHWISE_BUT(.kernel_height = -3), ARGUMENT, "kernel_height is -3; allowed are 1 to 64"},
    {DEPTHWISE_BUT(.stride_width = 0), ARGUMENT, "stride_width is 0; allowed are 1 to 64"},
    {DEPTHWISE_BUT(.padding = -1), ARGUMENT, "padding is -1; allowed are 0 to 1"},
    {DEPTHWISE_BUT(.use_bias = -1), ARGUMENT, "use_bias is -1; allowed are 0 to 1"},
    {DEPTHWISE_BUT(.initializer = -1), ARGUMENT, "initializer is -1; allowed are 0 to 3"},
    {DEPTHWISE_BUT(.l2 = NAN), ARGUMENT, "l2 is nan; allowed are"},
    {DEPTHWISE_BUT(.kernel_width = 20), SHAPE, "the kernel of 3 x 20 is larger than the input"},
    {{LAYER(depthwise_conv2d), VEC(9), .config.depthwise_conv2d = {DEPTHWISE_FIELDS}},
     SHAPE,
     "the input is [9]"},
    {{LAYER(depthwise_conv2d), MAP(BIG, BIG, 256),
      .config.depthwise_conv2d = {DEPTHWISE_FIELDS, .padding = SAME, .depth_multiplier = 2}},
     MEMORY,
     "the output is [65536, 65536, 512]"},
    {SEPARABLE_BUT(.filters = 0), ARGUMENT,
     "separable_conv2d 'test': filters is 0; allowed are 1 to 1048576"},
    {SEPARABLE_BUT(.depth_multiplier = -1), ARGUMENT, "depth_multiplier is -1; allowed are 1 to 1024"},
    {SEPARABLE_BUT(.kernel_height = 9), SHAPE, "the kernel of 9 x 3 is larger than the input"},
    {SEPARABLE_BUT(.initializer = 9), ARGUMENT, "initializer is 9; allowed are 0 to 3"},
    {SEPARABLE_BUT(.l2 = -1), ARGUMENT, "l2 is -1; allowed are"},
    {{LAYER(separable_conv2d), MAP(BIG, BIG, 256),
      .config.separable_conv2d = {SEPARABLE_FIELDS, .padding = SAME, .depth_multiplier = 1024}},
     MEMORY,
     "the map between its two parts has more than 2^40 numbers"},
    {{LAYER(batch_norm), VEC(3), .config.batch_norm = {.momentum = 1.5, .epsilon = 1e-3}},
     ARGUMENT,
     "batch_normalization 'test': momentum is 1.5; allowed are 0 to 1"},
    {{LAYER(batch_norm), VEC(3), .config.batch_norm = {.momentum = NAN, .epsilon = 1e-3}},
     ARGUMENT,
     "momentum is nan; allowed are 0 to 1"},
    {{LAYER(batch_norm), VEC(3), .config.batch_norm = {.momentum = 0.9}},
     ARGUMENT,
     "epsilon is 0; allowed are 1e-12 to 1e12"},
    {{LAYER(batch_norm), VEC(3), .config.batch_norm = {.epsilon = NAN}},
     ARGUMENT,
     "epsilon is nan; allowed are"},
    {{LAYER(batch_norm), VEC(3), .config.batch_norm = {.epsilon = INFINITY}},
     ARGUMENT,
     "epsilon is inf; allowed are"},
    {{LAYER(relu), VEC(3), .config.relu = {.max_value = -6}},
     ARGUMENT,
     "re_lu 'test': max_value is -6; allowed are 0 (no bound) and"},
    {{LAYER(relu), VEC(3), .config.relu = {.max_value = NAN}}, ARGUMENT, "max_value is nan; allowed are"},
    {{LAYER(relu), VEC(3), .config.relu = {.max_value = 1e-60}}, ARGUMENT, "max_value is 1e-60; allowed are"},
    {{LAYER(relu), VEC(3), .config.relu = {.max_value = 1e60}}, ARGUMENT, "max_value is 1e+60; allowed are"},
    {{LAYER(zero_padding2d), MAP(3, 3, 3), .config.zero_padding2d = {.top = -1}},
     ARGUMENT,
     "zero_padding2d 'test': top is -1; allowed are 0 to 1024"},
    {{LAYER(zero_padding2d), MAP(3, 3, 3), .config.zero_padding2d = {.bottom = 1025}},
     ARGUMENT,
     "bottom is 1025; allowed are 0 to 1024"},
    {{LAYER(zero_padding2d), MAP(3, 3, 3), .config.zero_padding2d = {.left = INT32_MIN}},
     ARGUMENT,
     "left is -2147483648; allowed are"},
    {{LAYER(zero_padding2d), MAP(3, 3, 3), .config.zero_padding2d = {.right = INT32_MAX}},
     ARGUMENT,
     "right is 2147483647; allowed are"},
    {{LAYER(zero_padding2d), VEC(3)}, SHAPE, "the input is [3]; needed is [height, width, channels]"},
    {{LAYER(average_pooling2d), MAP(3, 3, 3), POOL(0, 2, 0, 0, VALID)},
     ARGUMENT,
     "average_pooling2d 'test': pool_height is 0; allowed are 1 to 65536"},
    {{LAYER(average_pooling2d), MAP(3, 3, 3), POOL(2, 2, 0, -2, VALID)},
     ARGUMENT,
     "stride_width is -2; allowed are 1 to 65536"},
    {{LAYER(average_pooling2d), MAP(3, 3, 3), POOL(2, 4, 0, 0, VALID)},
     SHAPE,
     "the pool of 2 x 4 is larger than the input [3, 3, 3]"},
    {{LAYER(average_pooling2d), MAP(3, 3, 3), POOL(2, 2, 0, 0, 7)},
     ARGUMENT,
     "padding is 7; allowed are 0 to 1"},
    {{LAYER(average_pooling2d), MAP(3, 3, 3),
      .config.average_pooling2d = {.pool_height = 2, .pool_width = 2, .reserved = -1}},
     ARGUMENT,
     "reserved is -1; allowed are 0 to 0"},
    {{LAYER(average_pooling2d), VEC(3), POOL(2, 2, 0, 0, VALID)}, SHAPE, "the input is [3]"},
    {{LAYER(global_average_pooling2d), VEC(3)}, SHAPE, "global_average_pooling2d 'test': the input is [3]"},
    {{LAYER(global_max_pooling2d), VEC(3)}, SHAPE, "global_max_pooling2d 'test': the input is [3]"},
    {{LAYER(dropout), VEC(3), .config.dropout = {1.0}},
     ARGUMENT,
     "dropout 'test': rate is 1; allowed are 0 to"},
    {{LAYER(dropout), VEC(3), .config.dropout = {-0.1}}, ARGUMENT, "rate is -0.1; allowed are 0 to"},
    {{LAYER(dropout), VEC(3), .config.dropout = {NAN}}, ARGUMENT, "rate is nan; allowed are 0 to"},
    {{LAYER(reshape), VEC(12), .config.reshape = {0, {0}}},
     ARGUMENT,
     "reshape 'test': rank is 0; allowed are 1 to 3"},
    {{LAYER(reshape), VEC(12), .config.reshape = {4, {1, 1, 1, 12}}},
     ARGUMENT,
     "rank is 4; allowed are 1 to 3"},
    {{LAYER(reshape), VEC(12), .config.reshape = {INT64_MAX, {12}}},
     ARGUMENT,
     "rank is 9223372036854775807; allowed are"},
    {{LAYER(reshape), VEC(12), .config.reshape = {2, {-3, -4}}}, ARGUMENT, "dims[0] is -3; allowed are 1 to"},
    {{LAYER(reshape), VEC(12), .config.reshape = {2, {3, 5}}},
     SHAPE,
     "dims [3, 5] have 15 numbers, the input [12] has 12"},
    {{LAYER(reshape), VEC(12), .config.reshape = {3, {1 << 30, 1 << 30, 1 << 30}}},
     MEMORY,
     "allowed are up to 2^40 numbers"},
    {{LAYER(dense), VEC(3)}, ARGUMENT, "dense 'test': units is 0; allowed are 1 to 1048576"},
    {{LAYER(dense), VEC(3), .config.dense = {.units = 2, .use_bias = 5}},
     ARGUMENT,
     "use_bias is 5; allowed are 0 to 1"},
    {{LAYER(dense), VEC(3), .config.dense = {.units = 2, .initializer = 5}},
     ARGUMENT,
     "initializer is 5; allowed are 0 to 3"},
    {{LAYER(dense), VEC(3), .config.dense = {.units = 2, .l2 = -1}}, ARGUMENT, "l2 is -1; allowed are"},
    {{LAYER(dense), VEC((int64_t)1 << 30), .config.dense = {.units = 1048576}},
     MEMORY,
     "kernel is [1073741824, 1048576]"},
    {{LAYER(input), .config.input = {0, 8, 3}},
     ARGUMENT,
     "input 'test': height is 0; allowed are 1 to 65536"},
    {{LAYER(input), .config.input = {8, 65537, 3}}, ARGUMENT, "width is 65537; allowed are 1 to 65536"},
    {{LAYER(input), .config.input = {8, 8, INT64_MIN}},
     ARGUMENT,
     "channels is -9223372036854775808; allowed are"},
    {{LAYER(input), .config.input = {BIG, BIG, BIG}}, MEMORY, "the output is [65536, 65536, 65536]"},
};
#pragma GCC diagnostic pop
enum { WRONG = sizeof wrong / sizeof *wrong };

START_TEST(wrong_option_is_refused_with_a_sentence)
{
    mbni_layer layer = wrong[_i].layer;
    mbn_status status = layer.ops->infer_shape(&layer);
    ck_assert_msg(status == wrong[_i].status, "row %d: got %s, expected %s for '%s'", _i,
                  mbn_status_name(status), mbn_status_name(wrong[_i].status), wrong[_i].text);
    if (status)
        ck_assert_msg(strstr(mbn_last_error(), wrong[_i].text) != NULL, "row %d: no '%s' in: %s", _i,
                      wrong[_i].text, mbn_last_error());
}
END_TEST

/* The largest settings that are allowed: workspaces for them are huge but computed without overflow. */
START_TEST(largest_sizes_do_not_overflow)
{
    mbni_layer layer = {LAYER(conv2d), MAP(BIG, BIG, 256), CONV(256, 64, 64, 1, 1, SAME, 1)};
    mbni_layer separable = {LAYER(separable_conv2d), MAP(BIG, BIG, 256),
                            SEPARABLE(256, 1, 64, 64, 1, 1, SAME, 1)};
    ck_ok(layer.ops->infer_shape(&layer));
    ck_ok(separable.ops->infer_shape(&separable));
    ck_assert_int_eq(layer.ops->multiply_adds(&layer), ((int64_t)1 << 60));
    ck_assert_int_gt(layer.ops->workspace_floats(&layer, 65536, 1), (int64_t)1 << 50);
    ck_assert_int_gt(layer.ops->workspace_floats(&layer, INT64_MAX / 2, 1), (int64_t)1 << 50);
    ck_assert_int_ge(separable.ops->workspace_floats(&separable, INT64_MAX / 2, 1), (int64_t)1 << 40);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("options of layers");
    TCase *tcase = tcase_create("wrong options");
    tcase_add_loop_test(tcase, wrong_option_is_refused_with_a_sentence, 0, WRONG);
    tcase_add_test(tcase, largest_sizes_do_not_overflow);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
