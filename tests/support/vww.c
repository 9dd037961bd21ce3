/* The network is added layer by layer, and its weights come through a Python that has h5py, since the library
 * does not read such files. */
#include "support/vww.h"
#include <stdio.h>

static void norm_and_relu(mbn_model *m)
{
    mbn_model_add_batch_norm(m, NULL);
    mbn_model_add_relu(m, NULL);
}

static void add_blocks(mbn_model *m)
{
    static const struct {
        int64_t filters;
        int32_t stride;
    } blocks[] = {{16, 1},  {32, 2},  {32, 1},  {64, 2},  {64, 1},  {128, 2}, {128, 1},
                  {128, 1}, {128, 1}, {128, 1}, {128, 1}, {256, 2}, {256, 1}};
    mbn_conv2d_options conv;
    mbn_depthwise_conv2d_options depthwise;
    mbn_conv2d_options_init(&conv);
    conv.padding = MBN_PADDING_SAME;
    conv.filters = 8;
    conv.stride_height = conv.stride_width = 2;
    mbn_model_add_conv2d(m, &conv);
    norm_and_relu(m);
    conv.kernel_height = conv.kernel_width = conv.stride_height = conv.stride_width = 1;
    mbn_depthwise_conv2d_options_init(&depthwise);
    depthwise.padding = MBN_PADDING_SAME;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        depthwise.stride_height = depthwise.stride_width = blocks[i].stride;
        mbn_model_add_depthwise_conv2d(m, &depthwise);
        norm_and_relu(m);
        conv.filters = blocks[i].filters;
        mbn_model_add_conv2d(m, &conv);
        norm_and_relu(m);
    }
}

/* A layer that fails is reported by the build. */
mbn_status vww_create(mbn_model **model)
{
    mbn_average_pooling2d_options pool;
    mbn_dense_options dense;
    mbn_status status = mbn_model_create(NULL, model);
    if (status)
        return status;
    mbn_model_add_input(*model, VWW_SIDE, VWW_SIDE, 3);
    add_blocks(*model);
    mbn_average_pooling2d_options_init(&pool);
    pool.pool_height = pool.pool_width = 3;
    mbn_model_add_average_pooling2d(*model, &pool);
    mbn_model_add_flatten(*model, NULL);
    mbn_dense_options_init(&dense);
    dense.units = VWW_CLASSES;
    mbn_model_add_dense(*model, &dense);
    mbn_model_add_softmax(*model, NULL);
    status = mbn_model_set_preprocessing(*model, MBN_PREPROCESSING_UNIT);
    return status ? status : mbn_model_build(*model);
}

/* The next floats of a stream into a parameter. */
static int copy_parameter(mbn_model *m, const char *name, FILE *floats)
{
    mbn_tensor *values;
    if (mbn_model_get_parameter(m, name, &values))
        return 0;
    const size_t bytes = mbn_tensor_bytes(values);
    const int whole = fread(mbn_tensor_data(values), 1, bytes, floats) == bytes &&
                      mbn_model_set_parameter(m, name, values) == MBN_OK;
    mbn_tensor_destroy(values);
    return whole;
}

vww_weights vww_copy_weights(mbn_model *m, const char *path)
{
    char command[512];
    const size_t count = mbn_model_parameter_tensors(m);
    size_t copied = 0;
    snprintf(command, sizeof command, "/usr/bin/python3 tests/predict/h5_floats.py %s 2>/dev/null", path);
    FILE *floats = popen(command, "r");
    if (!floats)
        return VWW_ABSENT;
    while (copied < count && copy_parameter(m, mbn_model_parameter_name(m, copied), floats))
        copied++;
    const int end = fgetc(floats) == EOF;
    const int failed = pclose(floats) != 0;
    if (copied == 0)
        return VWW_ABSENT;
    return copied == count && end && !failed ? VWW_COPIED : VWW_OTHER;
}
