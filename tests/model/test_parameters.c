/* Parameters by name, and who may use a model at the same time. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sched.h>
#include <time.h>
#include "model/model.h"
#include "support/suite.h"

static mbn_model *small_net(void)
{
    mbn_mobilenet_options o;
    mbn_model *model;
    mbn_mobilenet_options_init(&o);
    o.alpha = 0.25;
    o.height = o.width = 32;
    o.classes = 5;
    o.shallow = 1;
    ck_ok(mbn_mobilenet_create(NULL, &o, &model));
    return model;
}

START_TEST(every_parameter_is_listed_aligned_and_as_large_as_counted)
{
    mbn_model *model = small_net();
    size_t count = mbn_model_parameter_tensors(model);
    int64_t total, sum = 0;
    /* conv1, 8 depthwise and 8 pointwise kernels, 17 batch norms of four, conv_preds with bias */
    ck_assert_uint_eq(count, 17 + 17 * 4 + 2);
    for (size_t i = 0; i < count; i++) {
        mbn_tensor *values;
        const char *name = mbn_model_parameter_name(model, i);
        ck_ok(mbn_model_get_parameter(model, name, &values));
        sum += mbn_tensor_count(values);
        mbn_tensor_destroy(values);
        ck_assert_uint_eq((uintptr_t)mbni_model_find_param(model, name)->value % 64, 0);
    }
    ck_ok(mbn_model_parameter_count(model, &total, NULL));
    ck_assert_int_eq(sum, total);
    ck_assert_ptr_null(mbn_model_parameter_name(model, count));
    ck_assert_str_eq(mbn_model_parameter_name(model, 0), "conv1/kernel");
    ck_assert_str_eq(mbn_model_parameter_name(model, count - 1), "conv_preds/bias");
    mbn_model_destroy(model);
}
END_TEST

START_TEST(what_is_set_is_what_is_got_and_nothing_else_changes)
{
    mbn_model *model = small_net();
    mbn_tensor *before, *kernel, *after;
    const uint64_t revision = model->revision;
    ck_ok(mbn_model_get_parameter(model, "conv_dw_1/depthwise_kernel", &before));
    ck_ok(mbn_model_get_parameter(model, "conv1/kernel", &kernel));
    static const int64_t dims[4] = {3, 3, 3, 8};
    ck_assert_int_eq(mbn_tensor_rank(kernel), 4);
    ck_assert_mem_eq(mbn_tensor_dims(kernel), dims, sizeof dims);
    for (int i = 0; i < 216; i++)
        ((float *)mbn_tensor_data(kernel))[i] = (float)i;
    ck_ok(mbn_model_set_parameter(model, "conv1/kernel", kernel));
    ck_assert(model->revision != revision);
    ck_ok(mbn_model_get_parameter(model, "conv1/kernel", &after));
    ck_assert_mem_eq(mbn_tensor_data(after), mbn_tensor_data(kernel), 216 * sizeof(float));
    mbn_tensor_destroy(after);
    ck_ok(mbn_model_get_parameter(model, "conv_dw_1/depthwise_kernel", &after));
    ck_assert_mem_eq(mbn_tensor_data(after), mbn_tensor_data(before), mbn_tensor_bytes(before));
    mbn_tensor_destroy(after);
    mbn_tensor_destroy(before);
    mbn_tensor_destroy(kernel);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(wrong_parameters_are_refused)
{
    static const int64_t transposed[4] = {3, 3, 8, 3}, flat[1] = {216}, right[4] = {3, 3, 3, 8};
    mbn_model *model = small_net();
    mbn_tensor *tensor = NULL;
    ck_fails(mbn_model_get_parameter(model, "conv1/bias", &tensor), MBN_ERR_NOT_FOUND, "'conv1/bias'");
    ck_fails(mbn_model_get_parameter(model, "conv1", &tensor), MBN_ERR_NOT_FOUND, "'conv1'");
    ck_assert_ptr_null(tensor);
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 4, transposed, &tensor));
    ck_fails(mbn_model_set_parameter(model, "conv1/kernel", tensor), MBN_ERR_SHAPE, "values is [3, 3, 8, 3]");
    mbn_tensor_destroy(tensor);
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 1, flat, &tensor));
    ck_fails(mbn_model_set_parameter(model, "conv1/kernel", tensor), MBN_ERR_SHAPE, "[3, 3, 3, 8]");
    ck_fails(mbn_model_set_parameter(model, "none/kernel", tensor), MBN_ERR_NOT_FOUND, "'none/kernel'");
    mbn_tensor_destroy(tensor);
    ck_ok(mbn_tensor_create(NULL, MBN_I32, 4, right, &tensor));
    ck_fails(mbn_model_set_parameter(model, "conv1/kernel", tensor), MBN_ERR_TYPE, "values is i32");
    mbn_tensor_destroy(tensor);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(initial_values_are_those_of_keras)
{
    mbn_model *model = small_net();
    const mbni_param *gamma = mbni_model_find_param(model, "conv1_bn/gamma");
    const mbni_param *beta = mbni_model_find_param(model, "conv1_bn/beta");
    const mbni_param *mean = mbni_model_find_param(model, "conv1_bn/moving_mean");
    const mbni_param *variance = mbni_model_find_param(model, "conv1_bn/moving_variance");
    const mbni_param *kernel = mbni_model_find_param(model, "conv1/kernel");
    for (int64_t i = 0; i < 8; i++) {
        ck_assert_float_eq(gamma->value[i], 1);
        ck_assert_float_eq(beta->value[i], 0);
        ck_assert_float_eq(mean->value[i], 0);
        ck_assert_float_eq(variance->value[i], 1);
    }
    float largest = 0; /* Glorot: sqrt(6 / (27 + 72)) = 0.246183 */
    for (int64_t i = 0; i < kernel->count; i++)
        largest = kernel->value[i] > largest ? kernel->value[i] : largest;
    ck_assert(largest > 0.22f && largest <= 0.24619f);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(reading_excludes_writing_and_not_reading)
{
    mbn_model *model = small_net();
    mbn_tensor *values;
    int64_t total;
    ck_ok(mbn_model_get_parameter(model, "conv1/kernel", &values));
    ck_ok(mbni_model_read_begin(model));
    ck_ok(mbni_model_read_begin(model));
    ck_ok(mbn_model_parameter_count(model, &total, NULL));
    ck_fails(mbn_model_set_parameter(model, "conv1/kernel", values), MBN_ERR_BUSY, "2 other calls");
    ck_fails(mbn_model_truncate(model, "conv1"), MBN_ERR_BUSY, "mbn_model_truncate");
    ck_fails(mbn_model_replace_head(model, 3, 0), MBN_ERR_BUSY, "in use");
    ck_fails(mbn_model_set_trainable(model, NULL, 0), MBN_ERR_BUSY, "in use");
    ck_fails(mbn_model_set_labels(model, NULL, 0), MBN_ERR_BUSY, "in use");
    mbni_model_read_end(model);
    ck_fails(mbn_model_set_preprocessing(model, 1), MBN_ERR_BUSY, "1 other call,");
    mbn_model_destroy(model); /* refused as well */
    ck_assert_ptr_nonnull(strstr(mbn_last_error(), "mbn_model_destroy"));
    mbni_model_read_end(model);
    ck_ok(mbn_model_set_parameter(model, "conv1/kernel", values));
    mbn_tensor_destroy(values);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(writing_excludes_everybody_and_lending_lets_readers_in)
{
    mbn_model *model = small_net();
    mbn_tensor *values = NULL;
    int64_t total;
    ck_ok(mbni_model_write_begin(model));
    ck_fails(mbn_model_get_parameter(model, "conv1/kernel", &values), MBN_ERR_BUSY, "trained or changed");
    ck_fails(mbn_model_parameter_count(model, &total, NULL), MBN_ERR_BUSY, "trained or changed");
    ck_fails(mbn_model_set_trainable(model, NULL, 0), MBN_ERR_BUSY, "trained or changed");
    mbni_model_lend(model);
    ck_ok(mbn_model_get_parameter(model, "conv1/kernel", &values));
    ck_fails(mbn_model_set_parameter(model, "conv1/kernel", values), MBN_ERR_BUSY, "trained or changed");
    mbn_model_destroy(model);
    ck_assert_ptr_nonnull(strstr(mbn_last_error(), "mbn_model_destroy"));
    mbni_model_take(model);
    ck_fails(mbn_model_parameter_count(model, &total, NULL), MBN_ERR_BUSY, "trained or changed");
    mbni_model_write_end(model);
    ck_ok(mbn_model_set_parameter(model, "conv1/kernel", values));
    mbn_tensor_destroy(values);
    mbn_model_destroy(model);
}
END_TEST

typedef struct visit {
    mbn_model *model;
    atomic_int reading, ended;
} visit;

static void *read_for_a_while(void *data)
{
    visit *v = data;
    ck_ok(mbni_model_read_begin(v->model));
    atomic_store(&v->reading, 1);
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    atomic_store(&v->ended, 1);
    mbni_model_read_end(v->model);
    return NULL;
}

START_TEST(taking_back_waits_for_readers)
{
    visit v = {.model = small_net()};
    pthread_t thread;
    ck_ok(mbni_model_write_begin(v.model));
    mbni_model_lend(v.model);
    ck_assert_int_eq(pthread_create(&thread, NULL, read_for_a_while, &v), 0);
    while (!atomic_load(&v.reading))
        sched_yield();
    mbni_model_take(v.model);
    ck_assert_int_eq(atomic_load(&v.ended), 1);
    mbni_model_write_end(v.model);
    pthread_join(thread, NULL);
    mbn_model_destroy(v.model);
}
END_TEST

/* Writers count themselves in and out; nobody may ever see a writer beside itself. */
typedef struct crowd {
    mbn_model *model;
    atomic_int readers, writers, seen_together, done;
} crowd;

static void look(crowd *c, int most_writers, int readers_allowed)
{
    if (atomic_load(&c->writers) > most_writers || (!readers_allowed && atomic_load(&c->readers) > 0))
        atomic_fetch_add(&c->seen_together, 1);
}

static void *use_model(void *data)
{
    crowd *c = data;
    for (int i = 0; i < 4000; i++) {
        if (i % 3 == 0 && !mbni_model_write_begin(c->model)) {
            atomic_fetch_add(&c->writers, 1);
            look(c, 1, 0);
            atomic_fetch_sub(&c->writers, 1);
            atomic_fetch_add(&c->done, 1);
            mbni_model_write_end(c->model);
        } else if (!mbni_model_read_begin(c->model)) {
            atomic_fetch_add(&c->readers, 1);
            look(c, 0, 1);
            atomic_fetch_sub(&c->readers, 1);
            atomic_fetch_add(&c->done, 1);
            mbni_model_read_end(c->model);
        }
    }
    return NULL;
}

START_TEST(a_crowd_never_meets_a_writer)
{
    crowd c = {.model = small_net()};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_model, &c), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(atomic_load(&c.seen_together), 0);
    ck_assert_int_gt(atomic_load(&c.done), 4000);
    ck_ok(mbni_model_write_begin(c.model)); /* all have left */
    mbni_model_write_end(c.model);
    mbn_model_destroy(c.model);
}
END_TEST

SUITE("model parameters", every_parameter_is_listed_aligned_and_as_large_as_counted,
      what_is_set_is_what_is_got_and_nothing_else_changes, wrong_parameters_are_refused,
      initial_values_are_those_of_keras, reading_excludes_writing_and_not_reading,
      writing_excludes_everybody_and_lending_lets_readers_in, taking_back_waits_for_readers,
      a_crowd_never_meets_a_writer)
