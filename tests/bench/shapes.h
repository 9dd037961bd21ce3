/* The products c [m, n] = a [m, k] b [k, n] of MobileNet V1's 1 x 1 convolutions at alpha 1, and how many of
 * the 13 blocks have each. */
#ifndef TESTS_BENCH_SHAPES_H
#define TESTS_BENCH_SHAPES_H

#include <stdint.h>

typedef struct product_shape {
    int64_t m, k, n;
    int times;
} product_shape;

enum { SHAPE_COUNT = 9 };

/* One picture of 224 x 224. */
static const product_shape SHAPES_224[SHAPE_COUNT] = {
    {12544, 32, 64, 1}, {3136, 64, 128, 1}, {3136, 128, 128, 1}, {784, 128, 256, 1}, {784, 256, 256, 1},
    {196, 256, 512, 1}, {196, 512, 512, 5}, {49, 512, 1024, 1},  {49, 1024, 1024, 1}};

/* 128 pictures of 32 x 32. */
static const product_shape SHAPES_TRAIN[SHAPE_COUNT] = {
    {32768, 32, 64, 1}, {8192, 64, 128, 1}, {8192, 128, 128, 1}, {2048, 128, 256, 1}, {2048, 256, 256, 1},
    {512, 256, 512, 1}, {512, 512, 512, 5}, {128, 512, 1024, 1}, {128, 1024, 1024, 1}};

#endif
