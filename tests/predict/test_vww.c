/* A network that others trained, on real pictures, against what the TFLite interpreter answered: the visual
 * wake words of MLPerf Tiny, MobileNet V1 alpha 0.25 at 96 x 96. Its file and the answers are in ../shared,
 * its weights are read by h5_floats.py; where one of them is missing the test says so and passes. */
#include <math.h>
#include <stdio.h>
#include "support/suite.h"
#include "support/vww.h"

#define SHARED "../shared/"
enum { PICTURES = 16, INPUT = VWW_SIDE * VWW_SIDE * 3, CLASSES = VWW_CLASSES };

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
    mbn_model *m;
    ck_ok(vww_create(&m));
    const vww_weights copied = vww_copy_weights(m, SHARED "models/vww_96.h5");
    if (copied == VWW_ABSENT) {
        puts("skipped: ../shared/models/vww_96.h5 cannot be read here (Debian: python3-h5py)");
    } else {
        ck_assert_msg(copied == VWW_COPIED, "the file's weights are not those of the network");
        agrees(m, MBN_F32, MBN_PRECISION_F32, 1e-5);
        agrees(m, MBN_U8, MBN_PRECISION_F32, 1e-5);
        agrees(m, MBN_F32, MBN_PRECISION_BF16, 1e-2);
    }
    mbn_model_destroy(m);
}
END_TEST

SUITE("visual wake words", visual_wake_words_are_seen_as_tflite_sees_them)
