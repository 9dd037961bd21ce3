/* The whole network, forward and backward, against PyTorch in float64: three steps of SGD with momentum on
 * MobileNet V1. golden.py made the expected numbers; weights and pictures come from the same hash in both
 * programs. The tolerances
 * of weights, statistics and probabilities are a few times what PyTorch itself is off in float32; that of the
 * losses, 5e-5, is twice what the third step is off here (2.2e-5; PyTorch in float32: 1.2e-6). */
#include "support/suite.h"
#include <math.h>
#include "golden_mobilenet.inc"

enum { BATCH = 16, CLASSES = 10, PIXELS = BATCH * 64 * 64 * 3 };

static uint32_t hashed(int64_t i, int64_t stream)
{
    uint32_t s = (uint32_t)((uint64_t)i * 2654435761u + (uint64_t)stream * 40503u + 12345u);
    s = (s ^ (s >> 15)) * 2246822519u;
    return s ^ (s >> 13);
}

static double width_of(const char *name, const int64_t *dims)
{
    if (strstr(name, "/gamma") || strstr(name, "/beta"))
        return 0.4;
    if (strstr(name, "/bias"))
        return 0.1;
    double fan = strstr(name, "/depthwise") ? 9 : (double)(dims[0] * dims[1] * dims[2]);
    return 2 * sqrt(6 / fan);
}

static void set_parameters(mbn_model *model)
{
    for (size_t stream = 0; stream < mbn_model_parameter_tensors(model); stream++) {
        const char *name = mbn_model_parameter_name(model, stream);
        mbn_tensor *values;
        if (strstr(name, "/moving"))
            continue; /* they start as they are */
        ck_ok(mbn_model_get_parameter(model, name, &values));
        double centre = strstr(name, "/gamma") ? 1 : 0, width = width_of(name, mbn_tensor_dims(values));
        for (int64_t i = 0; i < mbn_tensor_count(values); i++)
            ((float *)mbn_tensor_data(values))[i] =
                (float)(centre + width * (hashed(i, (int64_t)stream) / 4294967296.0 - 0.5));
        ck_ok(mbn_model_set_parameter(model, name, values));
        mbn_tensor_destroy(values);
    }
}

static void compare(const char *what, const float *ours, const double *golden, int count, double tolerance)
{
    for (int i = 0; i < count; i++)
        ck_assert_msg(fabs(ours[i] - golden[i]) <= tolerance, "%s[%d] is %.7f, PyTorch says %.7f", what, i,
                      (double)ours[i], golden[i]);
}

static void compare_parameter(const mbn_model *model, const char *name, const double *golden, int count,
                              double tolerance)
{
    mbn_tensor *values;
    ck_ok(mbn_model_get_parameter(model, name, &values));
    compare(name, mbn_tensor_data(values), golden, count, tolerance);
    mbn_tensor_destroy(values);
}

START_TEST(three_steps_of_mobilenet_match_pytorch_in_float64)
{
    mbn_model *model;
    mbn_tensor *x, *y, *probabilities;
    int64_t x_dims[4] = {BATCH, 64, 64, 3}, y_dims[1] = {BATCH};
    mbn_mobilenet_options net;
    mbn_mobilenet_options_init(&net);
    net.height = net.width = 64;
    net.classes = CLASSES;
    net.alpha = 0.25;
    net.shallow = 1;
    net.dropout = 0;
    ck_ok(mbn_mobilenet_create(NULL, &net, &model));
    set_parameters(model);
    ck_ok(mbn_tensor_create(NULL, MBN_U8, 4, x_dims, &x));
    ck_ok(mbn_tensor_create(NULL, MBN_I32, 1, y_dims, &y));
    for (int i = 0; i < PIXELS; i++)
        ((uint8_t *)mbn_tensor_data(x))[i] = (uint8_t)(hashed(i, 777) >> 24);
    for (int i = 0; i < BATCH; i++)
        ((int32_t *)mbn_tensor_data(y))[i] = i % CLASSES;
    mbn_compile_options compile;
    mbn_compile_options_init(&compile);
    compile.learning_rate = 0.002;
    compile.momentum = 0.9;
    ck_ok(mbn_compile(model, &compile));
    for (int step = 0; step < 3; step++) {
        double loss;
        ck_ok(mbn_train_on_batch(model, x, y, &loss, NULL));
        ck_assert_msg(fabs(loss - golden_losses[step]) < 5e-5, "loss %d is %.7f, PyTorch says %.7f", step,
                      loss, golden_losses[step]);
    }
    compare_parameter(model, "conv1/kernel", golden_conv1, 8, 3e-4);
    compare_parameter(model, "conv1_bn/moving_mean", golden_mean, 8, 2e-7);
    ck_ok(mbn_predict(model, x, &probabilities));
    compare("probability", mbn_tensor_data(probabilities), golden_probabilities, BATCH * CLASSES, 3e-5);
    mbn_tensor_destroy(probabilities);
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
}
END_TEST

SUITE("against PyTorch", three_steps_of_mobilenet_match_pytorch_in_float64)
