/* The layers that golden.py computes in PyTorch, under the same names: odd shapes, both paddings, strides,
 * one picture and several. Kept in step with the table there. */
#ifndef TESTS_LAYERS_CASES_H
#define TESTS_LAYERS_CASES_H

#include "layers/rig.h"

#define MAP(h, w, c) .in = {3, {h, w, c}}
#define VEC(n) .in = {1, {n}}
#define LAYER(type) .ops = &mbni_##type##_ops, .name = "test", .index = 3, .trainable = 1
#define FROZEN(type) .ops = &mbni_##type##_ops, .name = "test", .index = 3, .trainable = 0
#define CONV(f, kh, kw, sh, sw, pad, bias) \
    .config.conv2d = {.filters = f,        \
                      .kernel_height = kh, \
                      .kernel_width = kw,  \
                      .stride_height = sh, \
                      .stride_width = sw,  \
                      .padding = pad,      \
                      .use_bias = bias}
#define DEPTHWISE(m, kh, kw, sh, sw, pad, bias)        \
    .config.depthwise_conv2d = {.depth_multiplier = m, \
                                .kernel_height = kh,   \
                                .kernel_width = kw,    \
                                .stride_height = sh,   \
                                .stride_width = sw,    \
                                .padding = pad,        \
                                .use_bias = bias}
#define SEPARABLE(f, m, kh, kw, sh, sw, pad, bias)     \
    .config.separable_conv2d = {.filters = f,          \
                                .depth_multiplier = m, \
                                .kernel_height = kh,   \
                                .kernel_width = kw,    \
                                .stride_height = sh,   \
                                .stride_width = sw,    \
                                .padding = pad,        \
                                .use_bias = bias}
#define POOL(ph, pw, sh, sw, pad) \
    .config.average_pooling2d = { \
        .pool_height = ph, .pool_width = pw, .stride_height = sh, .stride_width = sw, .padding = pad}
#define NORM .config.batch_norm = {.momentum = 0.9, .epsilon = 1e-3}
enum { VALID = MBN_PADDING_VALID, SAME = MBN_PADDING_SAME };

static RIG_UNUSED const rig_case cases[] = {
    {"conv_valid", 3, 2, {LAYER(conv2d), MAP(5, 7, 3), CONV(4, 3, 3, 1, 1, VALID, 1)}},
    {"conv_same", 1, 2, {LAYER(conv2d), MAP(5, 4, 3), CONV(5, 3, 3, 1, 1, SAME, 1)}},
    {"conv_same_stride2_even", 3, 2, {LAYER(conv2d), MAP(6, 8, 2), CONV(3, 3, 3, 2, 2, SAME, 1)}},
    {"conv_same_stride2_odd", 1, 2, {LAYER(conv2d), MAP(5, 7, 2), CONV(3, 3, 3, 2, 2, SAME, 0)}},
    {"conv_asymmetric", 2, 2, {LAYER(conv2d), MAP(6, 7, 2), CONV(3, 2, 5, 1, 3, SAME, 0)}},
    {"conv_kernel_beyond_picture", 2, 2, {LAYER(conv2d), MAP(2, 3, 2), CONV(2, 5, 6, 1, 1, SAME, 1)}},
    {"conv_pointwise", 3, 2, {LAYER(conv2d), MAP(4, 5, 6), CONV(5, 1, 1, 1, 1, VALID, 1)}},
    {"conv_pointwise_stride2", 2, 2, {LAYER(conv2d), MAP(5, 6, 4), CONV(3, 1, 1, 2, 2, SAME, 1)}},
    {"depthwise_valid", 3, 2, {LAYER(depthwise_conv2d), MAP(5, 6, 4), DEPTHWISE(1, 3, 3, 1, 1, VALID, 1)}},
    {"depthwise_same", 1, 2, {LAYER(depthwise_conv2d), MAP(4, 5, 7), DEPTHWISE(1, 3, 3, 1, 1, SAME, 0)}},
    {"depthwise_same_stride2",
     3,
     2,
     {LAYER(depthwise_conv2d), MAP(6, 7, 5), DEPTHWISE(1, 3, 3, 2, 2, SAME, 1)}},
    {"depthwise_multiplier2",
     1,
     2,
     {LAYER(depthwise_conv2d), MAP(5, 5, 3), DEPTHWISE(2, 3, 3, 1, 1, SAME, 1)}},
    {"depthwise_multiplier2_stride2",
     3,
     2,
     {LAYER(depthwise_conv2d), MAP(6, 5, 3), DEPTHWISE(2, 3, 3, 2, 2, SAME, 1)}},
    {"depthwise_asymmetric",
     2,
     2,
     {LAYER(depthwise_conv2d), MAP(7, 6, 3), DEPTHWISE(1, 5, 2, 2, 1, VALID, 0)}},
    {"separable_stride2",
     3,
     2,
     {LAYER(separable_conv2d), MAP(6, 5, 3), SEPARABLE(4, 2, 3, 3, 2, 2, SAME, 1)}},
    {"separable_valid", 1, 2, {LAYER(separable_conv2d), MAP(5, 5, 2), SEPARABLE(3, 1, 3, 2, 1, 1, VALID, 0)}},
    {"norm_map", 3, 6, {LAYER(batch_norm), MAP(4, 5, 6), NORM}},
    {"norm_vector", 5, 6, {LAYER(batch_norm), VEC(7), NORM}},
    {"norm_one_picture", 1, 6, {LAYER(batch_norm), MAP(3, 3, 4), NORM}},
    {"norm_frozen", 3, 6, {FROZEN(batch_norm), MAP(3, 4, 5), NORM}},
    {"relu", 3, 2, {LAYER(relu), MAP(4, 5, 3)}},
    {"relu6", 2, 20, {LAYER(relu), VEC(37), .config.relu = {.max_value = 6}}},
    {"zero_padding",
     2,
     2,
     {LAYER(zero_padding2d), MAP(3, 4, 2),
      .config.zero_padding2d = {.top = 0, .bottom = 1, .left = 2, .right = 3}}},
    {"pool_valid", 2, 2, {LAYER(average_pooling2d), MAP(5, 6, 3), POOL(2, 2, 0, 0, VALID)}},
    {"pool_same", 3, 2, {LAYER(average_pooling2d), MAP(5, 6, 2), POOL(3, 2, 2, 1, SAME)}},
    {"pool_beyond_picture", 1, 2, {LAYER(average_pooling2d), MAP(3, 4, 2), POOL(7, 9, 1, 2, SAME)}},
    {"global_average", 3, 2, {LAYER(global_average_pooling2d), MAP(4, 5, 7)}},
    {"global_max", 3, 2, {LAYER(global_max_pooling2d), MAP(4, 5, 7)}},
    {"dense", 3, 2, {LAYER(dense), VEC(11), .config.dense = {.units = 6, .use_bias = 1}}},
    {"dense_one", 1, 2, {LAYER(dense), VEC(9), .config.dense = {.units = 4}}},
    {"dense_map", 2, 2, {LAYER(dense), MAP(3, 2, 5), .config.dense = {.units = 4, .use_bias = 1}}},
    {"softmax", 3, 16, {LAYER(softmax), VEC(7)}},
    {"softmax_map", 2, 4, {LAYER(softmax), MAP(2, 3, 5)}},
};
enum { CASES = sizeof cases / sizeof *cases };

#endif
