/* Predictions: what they depend on, and above all what not. */
#include <math.h>
#include <stdio.h>
#include "model/model.h"
#include "support/nets.h"
#include "support/suite.h"

typedef struct size {
    int64_t h, w, c;
} size;

static mbn_model *net(mbn_context *context, size s, int32_t data_format, int32_t include_top)
{
    mbn_mobilenet_options o;
    mbn_model *model;
    mbn_mobilenet_options_init(&o);
    o.alpha = 0.25;
    o.height = s.h;
    o.width = s.w;
    o.channels = s.c;
    o.data_format = data_format;
    o.include_top = include_top;
    o.classes = include_top ? 11 : 0;
    o.shallow = 1;
    ck_ok(mbn_mobilenet_create(context, &o, &model));
    enliven(model);
    return model;
}

/* Pictures [n, h, w, c] whose bytes a formula gives; as channels-first [n, c, h, w] the same pictures. */
static mbn_tensor *pictures(int64_t n, size s, int32_t type, int32_t data_format)
{
    const int64_t last[4] = {n, s.h, s.w, s.c}, first[4] = {n, s.c, s.h, s.w};
    mbn_tensor *x;
    ck_ok(mbn_tensor_create(NULL, type, 4, data_format ? first : last, &x));
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < s.h * s.w; p++)
            for (int64_t c = 0; c < s.c; c++) {
                int64_t value = (i * 7919 + p * 31 + c * 101 + p * p % 97) % 256;
                int64_t at = i * s.h * s.w * s.c + (data_format ? c * s.h * s.w + p : p * s.c + c);
                if (type == MBN_U8)
                    ((uint8_t *)mbn_tensor_data(x))[at] = (uint8_t)value;
                else
                    ((float *)mbn_tensor_data(x))[at] = (float)value / 100 - 1.25f;
            }
    return x;
}

static mbn_tensor *predict(const mbn_model *model, mbn_tensor *x)
{
    mbn_tensor *y;
    ck_ok(mbn_predict(model, x, &y));
    mbn_tensor_destroy(x);
    return y;
}

static void same_bits(const mbn_tensor *a, const mbn_tensor *b)
{
    ck_assert_uint_eq(mbn_tensor_bytes(a), mbn_tensor_bytes(b));
    ck_assert_mem_eq(mbn_tensor_data(a), mbn_tensor_data(b), mbn_tensor_bytes(a));
}

START_TEST(probabilities_sum_to_one_at_odd_sizes)
{
    static const size sizes[] = {{32, 32, 3}, {33, 47, 3}, {131, 77, 3}, {97, 97, 1}, {40, 64, 5}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mbn_model *model = net(NULL, sizes[i], 0, 1);
        mbn_tensor *y = predict(model, pictures(3, sizes[i], MBN_U8, 0));
        const float *rows = mbn_tensor_data(y);
        for (int n = 0; n < 3; n++) {
            double sum = 0;
            for (int k = 0; k < 11; k++) {
                ck_assert(rows[n * 11 + k] > 0 && rows[n * 11 + k] < 1);
                sum += (double)rows[n * 11 + k];
            }
            ck_assert_double_eq_tol(sum, 1, 1e-5);
        }
        for (int k = 0; k < 11; k++) /* the input reaches the end */
            ck_assert_msg(fabsf(rows[k] - rows[11 + k]) > 1e-6f, "%g %g", (double)rows[k],
                          (double)rows[11 + k]);
        mbn_tensor_destroy(y);
        mbn_model_destroy(model);
    }
}
END_TEST

START_TEST(a_picture_does_not_depend_on_its_batch)
{
    const size s = {45, 39, 3};
    mbn_model *model = net(NULL, s, 0, 1);
    mbn_tensor *x = pictures(131, s, MBN_U8, 0), *all; /* more than one batch of mbn_predict */
    ck_ok(mbn_predict(model, x, &all));
    for (int64_t i = 0; i < 131; i += i < 3 || i > 125 ? 1 : 29) {
        const int64_t dims[4] = {1, s.h, s.w, s.c};
        mbn_tensor *one, *y;
        ck_ok(mbn_tensor_wrap(NULL, MBN_U8, 4, dims, (uint8_t *)mbn_tensor_data(x) + i * s.h * s.w * s.c,
                              NULL, NULL, &one));
        y = predict(model, one);
        ck_assert_msg(!memcmp(mbn_tensor_data(y), (float *)mbn_tensor_data(all) + i * 11, 11 * sizeof(float)),
                      "picture %lld", (long long)i);
        mbn_tensor_destroy(y);
    }
    mbn_tensor_destroy(all);
    mbn_tensor_destroy(x);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(any_number_of_threads_gives_the_same_bits)
{
    static const int32_t threads[] = {1, 2, 3, 5};
    const size s = {67, 58, 3};
    mbn_tensor *answers[4];
    for (int i = 0; i < 4; i++) {
        mbn_context_options options;
        mbn_context *context;
        mbn_context_options_init(&options);
        options.threads = threads[i];
        ck_ok(mbn_context_create(&options, &context));
        mbn_model *model = net(context, s, 0, 1);
        answers[i] = predict(model, pictures(7, s, MBN_F32, 0));
        mbn_model_destroy(model);
        mbn_context_destroy(context);
        same_bits(answers[0], answers[i]);
    }
    for (int i = 0; i < 4; i++)
        mbn_tensor_destroy(answers[i]);
}
END_TEST

START_TEST(channels_first_equals_channels_last)
{
    static const size sizes[] = {{33, 70, 3}, {64, 41, 5}, {32, 32, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int32_t type = MBN_F32; type <= MBN_U8; type++) {
            mbn_model *last = net(NULL, sizes[i], MBN_CHANNELS_LAST, 1);
            mbn_model *first = net(NULL, sizes[i], MBN_CHANNELS_FIRST, 1);
            mbn_tensor *a = predict(last, pictures(2, sizes[i], type, 0));
            mbn_tensor *b = predict(first, pictures(2, sizes[i], type, 1));
            same_bits(a, b);
            mbn_tensor_destroy(a);
            mbn_tensor_destroy(b);
            mbn_model_destroy(last);
            mbn_model_destroy(first);
        }
}
END_TEST

START_TEST(maps_come_in_the_order_of_the_pictures)
{
    const size s = {64, 96, 3};
    mbn_model *last = net(NULL, s, MBN_CHANNELS_LAST, 0), *first = net(NULL, s, MBN_CHANNELS_FIRST, 0);
    mbn_tensor *a = predict(last, pictures(2, s, MBN_U8, 0)), *b = predict(first, pictures(2, s, MBN_U8, 1));
    static const int64_t a_dims[4] = {2, 2, 3, 256}, b_dims[4] = {2, 256, 2, 3};
    const float *a_data = mbn_tensor_data(a), *b_data = mbn_tensor_data(b);
    ck_assert_mem_eq(mbn_tensor_dims(a), a_dims, sizeof a_dims);
    ck_assert_mem_eq(mbn_tensor_dims(b), b_dims, sizeof b_dims);
    for (int n = 0; n < 2; n++)
        for (int p = 0; p < 6; p++)
            for (int c = 0; c < 256; c++)
                ck_assert_float_eq(a_data[(n * 6 + p) * 256 + c], b_data[(n * 256 + c) * 6 + p]);
    mbn_tensor_destroy(a);
    mbn_tensor_destroy(b);
    mbn_model_destroy(last);
    mbn_model_destroy(first);
}
END_TEST

/* Reads back what gather wrote, against the formula in double. */
START_TEST(u8_pictures_become_numbers_as_the_preprocessing_says)
{
    static const double scale[] = {0, 1 / 127.5, 1 / 255.0, 1}, offset[] = {0, -1, 0, 0};
    const size s = {32, 40, 3};
    const int64_t count = s.h * s.w * s.c, order[4] = {9, 2, 0, 2}; /* the first is passed over */
    for (int32_t format = 0; format <= 1; format++) {
        mbn_model *model = net(NULL, s, format, 1);
        mbn_tensor *x = pictures(3, s, MBN_U8, format), *plain = pictures(3, s, MBN_U8, 0);
        float *rows = malloc((size_t)(3 * count) * sizeof *rows);
        for (int32_t p = MBN_PREPROCESSING_SYMMETRIC; p <= MBN_PREPROCESSING_RAW; p++) {
            ck_ok(mbn_model_set_preprocessing(model, p));
            mbni_tensors tensors;
            mbni_feed feed = mbni_model_pictures(model, x, &tensors);
            ck_ok(feed.begin(&tensors, order, 1, 4, 0));
            mbni_model_gather(model, &feed, 1, 3, rows);
            for (int64_t i = 0; i < 3 * count; i++) {
                const uint8_t *bytes = mbn_tensor_data(plain);
                double expected = bytes[order[1 + i / count] * count + i % count] * scale[p] + offset[p];
                ck_assert_double_eq_tol((double)rows[i], expected, 3e-7);
            }
            ck_ok(feed.begin(&tensors, NULL, 2, 3, 0));
            mbni_model_gather(model, &feed, 2, 1, rows);
            ck_assert_double_eq_tol((double)rows[5],
                                    ((uint8_t *)mbn_tensor_data(plain))[2 * count + 5] * scale[p] + offset[p],
                                    3e-7);
        }
        free(rows);
        mbn_tensor_destroy(x);
        mbn_tensor_destroy(plain);
        mbn_model_destroy(model);
    }
}
END_TEST

START_TEST(f32_pictures_are_taken_as_they_are)
{
    const size s = {37, 32, 4};
    const int64_t count = s.h * s.w * s.c;
    float *rows = malloc((size_t)(2 * count) * sizeof *rows);
    mbn_tensor *plain = pictures(2, s, MBN_F32, 0);
    ((float *)mbn_tensor_data(plain))[0] = -0.0f;
    for (int32_t format = 0; format <= 1; format++) {
        mbn_model *model = net(NULL, s, format, 1);
        mbn_tensor *x = pictures(2, s, MBN_F32, format);
        ((float *)mbn_tensor_data(x))[0] = -0.0f;
        mbni_tensors tensors;
        mbni_feed feed = mbni_model_pictures(model, x, &tensors);
        mbni_model_gather(model, &feed, 0, 2, rows);
        ck_assert_mem_eq(rows, mbn_tensor_data(plain), (size_t)(2 * count) * sizeof *rows);
        mbn_tensor_destroy(x);
        mbn_model_destroy(model);
    }
    mbn_tensor_destroy(plain);
    free(rows);
}
END_TEST

START_TEST(wrong_pictures_are_refused)
{
    const size s = {32, 40, 3}, turned = {40, 32, 3};
    static const int64_t flat[3] = {32, 40, 3};
    mbn_model *model = net(NULL, s, 0, 1);
    mbn_tensor *y = NULL, *x = pictures(1, turned, MBN_U8, 0);
    ck_fails(mbn_predict(model, x, &y), MBN_ERR_SHAPE, "x is [1, 40, 32, 3]; allowed are [n, 32, 40, 3]");
    mbn_tensor_destroy(x);
    ck_ok(mbn_tensor_create(NULL, MBN_U8, 3, flat, &x));
    ck_fails(mbn_predict(model, x, &y), MBN_ERR_SHAPE, "x is [32, 40, 3]");
    mbn_tensor_destroy(x);
    ck_ok(mbn_tensor_create(NULL, MBN_I32, 4, (const int64_t[]){1, 32, 40, 3}, &x));
    ck_fails(mbn_predict(model, x, &y), MBN_ERR_TYPE, "x is i32");
    mbn_tensor_destroy(x);
    ck_fails(mbn_predict(model, NULL, &y), MBN_ERR_ARGUMENT, "x is NULL");
    ck_ok(mbn_model_set_preprocessing(model, MBN_PREPROCESSING_NONE));
    x = pictures(1, s, MBN_U8, 0);
    ck_fails(mbn_predict(model, x, &y), MBN_ERR_STATE, "x is u8");
    mbn_tensor_destroy(x);
    ck_assert_ptr_null(y);
    y = predict(model, pictures(1, s, MBN_F32, 0)); /* f32 needs no preprocessing */
    mbn_tensor_destroy(y);
    y = predict(model, pictures(0, s, MBN_F32, 0));
    ck_assert_int_eq(mbn_tensor_dims(y)[0], 0);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(nan_in_one_picture_stays_there)
{
    const size s = {32, 32, 3};
    mbn_model *model = net(NULL, s, 0, 1);
    mbn_tensor *clean = predict(model, pictures(3, s, MBN_F32, 0)), *x = pictures(3, s, MBN_F32, 0), *y;
    ((float *)mbn_tensor_data(x))[32 * 32 * 3 + 700] = NAN;
    y = predict(model, x);
    const float *a = mbn_tensor_data(clean), *b = mbn_tensor_data(y);
    ck_assert_mem_eq(a, b, 11 * sizeof *a);
    ck_assert(isnan(b[11]));
    ck_assert_mem_eq(a + 22, b + 22, 11 * sizeof *a);
    mbn_tensor_destroy(clean);
    mbn_tensor_destroy(y);
    mbn_model_destroy(model);
}
END_TEST

SUITE("model inference", probabilities_sum_to_one_at_odd_sizes, a_picture_does_not_depend_on_its_batch,
      any_number_of_threads_gives_the_same_bits, channels_first_equals_channels_last,
      maps_come_in_the_order_of_the_pictures, u8_pictures_become_numbers_as_the_preprocessing_says,
      f32_pictures_are_taken_as_they_are, wrong_pictures_are_refused, nan_in_one_picture_stays_there)
