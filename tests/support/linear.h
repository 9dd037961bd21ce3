/* A network small enough to be followed in double: softmax(x * W + b) on a handful of pictures. */
#ifndef TESTS_LINEAR_H
#define TESTS_LINEAR_H

#include <math.h>
#include "support/suite.h"

enum { INPUTS = 3, CLASSES = 3, BIAS = INPUTS * CLASSES, WEIGHTS = BIAS + CLASSES, PICTURES = 7 };

static const float linear_pictures[PICTURES][INPUTS] = {
    {0.5f, -1, 2},     {1.5f, 0.25f, -1},  {-0.75f, 1, 0.5f}, {2, 2, -0.5f},
    {-1, -1.5f, 0.1f}, {0.3f, 0.7f, 1.1f}, {-2, 0.4f, 1.3f}};
static const int32_t linear_ids[PICTURES] = {1, 0, 2, 1, 1, 0, 2};

/* Weights in double: kernel [INPUTS, CLASSES], then bias. */
typedef struct linear {
    double w[WEIGHTS];
} linear;

static inline mbn_model *linear_model(mbn_context *context, double l2, linear *reference)
{
    mbn_model *model;
    mbn_tensor *kernel;
    mbn_dense_options dense;
    mbn_dense_options_init(&dense);
    dense.units = CLASSES;
    dense.l2 = l2;
    ck_ok(mbn_model_create(context, &model));
    ck_ok(mbn_model_add_input(model, 1, 1, INPUTS));
    ck_ok(mbn_model_add_flatten(model, NULL));
    ck_ok(mbn_model_add_dense(model, &dense));
    ck_ok(mbn_model_add_softmax(model, NULL));
    ck_ok(mbn_model_build(model));
    ck_ok(mbn_model_get_parameter(model, "dense/kernel", &kernel));
    memset(reference, 0, sizeof *reference);
    for (int i = 0; i < BIAS; i++)
        reference->w[i] = ((float *)mbn_tensor_data(kernel))[i];
    mbn_tensor_destroy(kernel);
    return model;
}

/* Pictures [first, first + count) as tensors around the tables. */
static inline void linear_data(int first, int count, mbn_tensor **x, mbn_tensor **y)
{
    const int64_t x_dims[4] = {count, 1, 1, INPUTS}, y_dims[1] = {count};
    ck_ok(
        mbn_tensor_wrap(NULL, MBN_F32, 4, x_dims, (void *)(uintptr_t)linear_pictures[first], NULL, NULL, x));
    ck_ok(mbn_tensor_wrap(NULL, MBN_I32, 1, y_dims, (void *)(uintptr_t)&linear_ids[first], NULL, NULL, y));
}

/* Adds share * the gradient of one picture's loss to g; returns the loss. */
static inline double linear_gradient(const linear *r, int picture, double share, double g[WEIGHTS])
{
    const float *x = linear_pictures[picture];
    double z[CLASSES], sum = 0;
    for (int c = 0; c < CLASSES; c++) {
        z[c] = r->w[BIAS + c];
        for (int i = 0; i < INPUTS; i++)
            z[c] += x[i] * r->w[i * CLASSES + c];
        sum += exp(z[c]);
    }
    for (int c = 0; c < CLASSES; c++) {
        double d = share * (exp(z[c]) / sum - (c == linear_ids[picture]));
        for (int i = 0; i < INPUTS; i++)
            g[i * CLASSES + c] += d * x[i];
        g[BIAS + c] += d;
    }
    return log(sum) - z[linear_ids[picture]];
}

static inline void ck_linear(const mbn_model *model, const linear *r, double tolerance)
{
    mbn_tensor *kernel, *bias;
    ck_ok(mbn_model_get_parameter(model, "dense/kernel", &kernel));
    ck_ok(mbn_model_get_parameter(model, "dense/bias", &bias));
    for (int i = 0; i < WEIGHTS; i++) {
        float w =
            i < BIAS ? ((float *)mbn_tensor_data(kernel))[i] : ((float *)mbn_tensor_data(bias))[i - BIAS];
        ck_assert_double_eq_tol(w, r->w[i], tolerance);
    }
    mbn_tensor_destroy(kernel);
    mbn_tensor_destroy(bias);
}

#endif
