/* A network that others trained, on real pictures, against what the TFLite interpreter answered: the visual
 * wake words of MLPerf Tiny, MobileNet V1 alpha 0.25 at 96 x 96. Its file and the answers are in ../shared,
 * its weights are read by h5_floats.py; where one of them is missing the test says so and passes. */
#include <math.h>
#include <stdio.h>
#include "support/suite.h"

#define SHARED "../shared/"
enum { PICTURES = 16, SIDE = 96, INPUT = SIDE * SIDE * 3, CLASSES = 2 };

static uint8_t pictures[PICTURES * INPUT];
static float golden[PICTURES * CLASSES];

static int read_all(const char *path, void *to, size_t bytes)
{
    FILE *file = fopen(path, "rb");
    const int whole = file && fread(to, 1, bytes, file) == bytes;
    if (file)
        fclose(file);
    return whole;
}

static void norm_and_relu(mbn_model *m)
{
    ck_ok(mbn_model_add_batch_norm(m, NULL));
    ck_ok(mbn_model_add_relu(m, NULL));
}

/* The layers of the file: every convolution with a bias, padding `same`. */
static mbn_model *vww(void)
{
    static const struct {
        int64_t filters;
        int32_t stride;
    } blocks[] = {{16, 1},  {32, 2},  {32, 1},  {64, 2},  {64, 1},  {128, 2}, {128, 1},
                  {128, 1}, {128, 1}, {128, 1}, {128, 1}, {256, 2}, {256, 1}};
    mbn_model *m;
    mbn_conv2d_options conv;
    mbn_depthwise_conv2d_options depthwise;
    mbn_average_pooling2d_options pool;
    mbn_dense_options dense;
    ck_ok(mbn_model_create(NULL, &m));
    ck_ok(mbn_model_add_input(m, SIDE, SIDE, 3));
    mbn_conv2d_options_init(&conv);
    conv.padding = MBN_PADDING_SAME;
    conv.filters = 8;
    conv.stride_height = conv.stride_width = 2;
    ck_ok(mbn_model_add_conv2d(m, &conv));
    norm_and_relu(m);
    conv.kernel_height = conv.kernel_width = conv.stride_height = conv.stride_width = 1;
    mbn_depthwise_conv2d_options_init(&depthwise);
    depthwise.padding = MBN_PADDING_SAME;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        depthwise.stride_height = depthwise.stride_width = blocks[i].stride;
        ck_ok(mbn_model_add_depthwise_conv2d(m, &depthwise));
        norm_and_relu(m);
        conv.filters = blocks[i].filters;
        ck_ok(mbn_model_add_conv2d(m, &conv));
        norm_and_relu(m);
    }
    mbn_average_pooling2d_options_init(&pool);
    pool.pool_height = pool.pool_width = 3;
    ck_ok(mbn_model_add_average_pooling2d(m, &pool));
    ck_ok(mbn_model_add_flatten(m, NULL));
    mbn_dense_options_init(&dense);
    dense.units = CLASSES;
    ck_ok(mbn_model_add_dense(m, &dense));
    ck_ok(mbn_model_add_softmax(m, NULL));
    ck_ok(mbn_model_set_preprocessing(m, MBN_PREPROCESSING_UNIT));
    ck_ok(mbn_model_build(m));
    return m;
}

/* All parameters in order; 0 when there is no reader of such files here. */
static int copy_weights(mbn_model *m)
{
    FILE *floats =
        popen("/usr/bin/python3 tests/predict/h5_floats.py " SHARED "models/vww_96.h5 2>/dev/null", "r");
    int whole = floats != NULL;
    for (size_t i = 0; whole && i < mbn_model_parameter_tensors(m); i++) {
        const char *name = mbn_model_parameter_name(m, i);
        mbn_tensor *values;
        ck_ok(mbn_model_get_parameter(m, name, &values));
        whole =
            fread(mbn_tensor_data(values), 1, mbn_tensor_bytes(values), floats) == mbn_tensor_bytes(values);
        ck_assert_msg(whole || i == 0, "the file ends at %s", name);
        if (whole)
            ck_ok(mbn_model_set_parameter(m, name, values));
        mbn_tensor_destroy(values);
    }
    if (whole)
        ck_assert_int_eq(fgetc(floats), EOF);
    return floats && pclose(floats) == 0 && whole;
}

static void agrees(const mbn_model *m, int32_t type, int32_t precision, double bound)
{
    static float numbers[PICTURES * INPUT];
    float answers[PICTURES * CLASSES];
    mbn_predictor_options o;
    mbn_predictor *p;
    mbn_predictor_options_init(&o);
    o.max_batch = PICTURES;
    o.input_type = type;
    o.precision = precision;
    ck_ok(mbn_predictor_create(m, &o, &p));
    for (int i = 0; i < PICTURES * INPUT; i++)
        numbers[i] = (float)pictures[i] / 255;
    const void *input = type == MBN_U8 ? (const void *)pictures : numbers;
    ck_ok(mbn_predictor_run(p, PICTURES, input, PICTURES * mbn_predictor_input_bytes(p), answers,
                            sizeof answers));
    for (int i = 0; i < PICTURES; i++) {
        for (int c = 0; c < CLASSES; c++)
            ck_assert_msg(fabs((double)answers[2 * i + c] - (double)golden[2 * i + c]) <= bound,
                          "picture %d: %.7f, TFLite says %.7f", i, (double)answers[2 * i + c],
                          (double)golden[2 * i + c]);
        ck_assert_int_eq(answers[2 * i] > answers[2 * i + 1], golden[2 * i] > golden[2 * i + 1]);
    }
    mbn_predictor_destroy(p);
}

START_TEST(visual_wake_words_are_seen_as_tflite_sees_them)
{
    if (!read_all(SHARED "golden/vww_96.input.u8", pictures, sizeof pictures) ||
        !read_all(SHARED "golden/vww_96_float.output.f32", golden, sizeof golden)) {
        puts("skipped: the pictures and answers of ../shared/golden are not here");
        return;
    }
    mbn_model *m = vww();
    if (!copy_weights(m)) {
        puts("skipped: ../shared/models/vww_96.h5 cannot be read here (Debian: python3-h5py)");
    } else {
        agrees(m, MBN_F32, MBN_PRECISION_F32, 1e-5);
        agrees(m, MBN_U8, MBN_PRECISION_F32, 1e-5);
        agrees(m, MBN_F32, MBN_PRECISION_BF16, 1e-2);
    }
    mbn_model_destroy(m);
}
END_TEST

SUITE("visual wake words", visual_wake_words_are_seen_as_tflite_sees_them)
