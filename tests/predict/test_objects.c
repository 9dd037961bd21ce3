/* Predictors as objects: what they share and hold, files, refusals, failing allocations, profile, top-k. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>
#include "predict/program.h"
#include "support/allocator.h"
#include "support/nets.h"
#include "support/suite.h"

enum { SIZE = 40, INPUT = SIZE * SIZE * 3, CLASSES = 11 };

static mbn_context *counting(test_allocator *allocator, int32_t threads)
{
    mbn_context_options options;
    mbn_context *context;
    test_allocator_init(allocator);
    test_allocator_options(allocator, &options);
    options.threads = threads;
    ck_ok(mbn_context_create(&options, &context));
    return context;
}

static mbn_model *net(mbn_context *context)
{
    static const char *const names[CLASSES] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
    mbn_mobilenet_options o;
    mbn_model *model;
    mbn_mobilenet_options_init(&o);
    o.alpha = 0.25;
    o.height = o.width = SIZE;
    o.classes = CLASSES;
    o.shallow = 1;
    ck_ok(mbn_mobilenet_create(context, &o, &model));
    enliven(model);
    ck_ok(mbn_model_set_labels(model, names, CLASSES));
    return model;
}

static const float *picture(void)
{
    static float x[INPUT];
    for (int i = 0; i < INPUT; i++)
        x[i] = (float)(i * 7919 % 256) / 127.5f - 1;
    return x;
}

static void answer(mbn_predictor *p, float *y)
{
    ck_ok(mbn_predictor_run(p, 1, picture(), INPUT * sizeof(float), y, CLASSES * sizeof(float)));
}

START_TEST(predictors_of_a_model_share_weights_and_outlive_it)
{
    test_allocator allocator;
    mbn_context *context = counting(&allocator, 1);
    mbn_model *model = net(context);
    mbn_predictor *p[4];
    float y[4][CLASSES];
    int64_t weights, workspace, wanted[2];
    ck_ok(mbn_predictor_memory_needed(model, NULL, &wanted[0], &wanted[1]));
    const long long none = atomic_load(&allocator.live_bytes);
    ck_ok(mbn_predictor_create(model, NULL, &p[0]));
    const long long one = atomic_load(&allocator.live_bytes);
    ck_ok(mbn_predictor_memory(p[0], &weights, &workspace));
    ck_assert_int_eq(weights, wanted[0]);
    ck_assert_int_eq(workspace, wanted[1]);
    ck_assert_int_ge(one - none, weights + workspace);
    ck_assert_int_le(one - none, weights + workspace + 65536);
    ck_ok(mbn_predictor_create(model, NULL, &p[1]));
    ck_ok(mbn_predictor_clone(p[1], &p[2]));
    ck_assert_int_le(atomic_load(&allocator.live_bytes) - one, 2 * (workspace + 32768));
    ck_assert_ptr_eq(p[0]->program, p[1]->program);
    ck_assert_ptr_eq(p[0]->program, p[2]->program);
    answer(p[0], y[0]);
    /* New weights: another program, and the old predictors as they were. */
    mbn_tensor *kernel;
    ck_ok(mbn_model_get_parameter(model, "conv1/kernel", &kernel));
    for (size_t i = 0; i < mbn_tensor_bytes(kernel) / sizeof(float); i++)
        ((float *)mbn_tensor_data(kernel))[i] *= 0.5f;
    ck_ok(mbn_model_set_parameter(model, "conv1/kernel", kernel));
    mbn_tensor_destroy(kernel);
    ck_ok(mbn_predictor_create(model, NULL, &p[3]));
    ck_assert_ptr_ne(p[3]->program, p[0]->program);
    mbn_model_destroy(model);
    mbn_predictor_destroy(p[0]);
    for (int i = 1; i < 4; i++) {
        answer(p[i], y[i]);
        ck_assert_int_eq(!memcmp(y[i], y[0], sizeof y[0]), i < 3);
        ck_assert_str_eq(mbn_predictor_label(p[i], 10), "k");
        mbn_predictor_destroy(p[i]);
    }
    mbn_context_destroy(context);
    ck_assert_int_eq(atomic_load(&allocator.live), 0);
}
END_TEST

START_TEST(a_run_allocates_nothing)
{
    for (int32_t threads = 1; threads < 4; threads++) {
        test_allocator allocator;
        mbn_context *context = counting(&allocator, threads);
        mbn_model *model = net(context);
        mbn_predictor *p;
        float y[CLASSES];
        ck_ok(mbn_predictor_create(model, NULL, &p));
        const long long calls = atomic_load(&allocator.calls);
        for (int i = 0; i < 5; i++)
            answer(p, y);
        ck_assert_int_eq(atomic_load(&allocator.calls), calls);
        mbn_predictor_destroy(p);
        mbn_model_destroy(model);
        mbn_context_destroy(context);
    }
}
END_TEST

static void saved(const mbn_model *model, char path[64])
{
    snprintf(path, 64, "/tmp/mbn-predictor-XXXXXX");
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    ck_ok(mbn_model_save(model, path, NULL));
}

START_TEST(a_file_answers_as_its_model_does)
{
    mbn_model *model = net(NULL);
    mbn_predictor *made, *loaded;
    char path[64];
    float y[2][CLASSES];
    saved(model, path);
    for (int32_t precision = 0; precision < 2; precision++) {
        mbn_predictor_options options;
        mbn_predictor_options_init(&options);
        options.precision = precision;
        ck_ok(mbn_predictor_create(model, &options, &made));
        ck_ok(mbn_predictor_load(path, &options, &loaded));
        answer(made, y[0]);
        answer(loaded, y[1]);
        ck_assert_mem_eq(y[0], y[1], sizeof y[0]);
        ck_assert_str_eq(mbn_predictor_label(loaded, 2), "c");
        mbn_predictor_destroy(made);
        mbn_predictor_destroy(loaded);
    }
    unlink(path);
    ck_fails(mbn_predictor_load(path, NULL, &loaded), MBN_ERR_IO, "mbn-predictor");
    ck_assert_ptr_null(loaded);
    mbn_model_destroy(model);
}
END_TEST

/* Never more than the packed weights, one tensor and the workspace. */
START_TEST(loading_holds_one_tensor_besides_the_packed_weights)
{
    test_allocator allocator;
    mbn_context *context = counting(&allocator, 1);
    mbn_mobilenet_options net_options;
    mbn_save_options stored;
    mbn_model *model;
    mbn_predictor_options options;
    mbn_predictor *p;
    int64_t weights, workspace, largest = 0;
    char path[64];
    mbn_mobilenet_options_init(&net_options);
    net_options.height = net_options.width = 32; /* 17 MB of weights, and little else */
    ck_ok(mbn_mobilenet_create(context, &net_options, &model));
    mbn_save_options_init(&stored);
    stored.compression = 0;
    snprintf(path, sizeof path, "/tmp/mbn-predictor-XXXXXX");
    close(mkstemp(path));
    ck_ok(mbn_model_save(model, path, &stored));
    for (int64_t l = 0; l < model->layer_count; l++)
        for (int32_t i = 0; i < model->layers[l].param_count; i++)
            largest = model->layers[l].params[i].count > largest ? model->layers[l].params[i].count : largest;
    mbn_model_destroy(model);
    mbn_predictor_options_init(&options);
    options.context = context;
    const long long before = atomic_load(&allocator.live_bytes);
    atomic_store(&allocator.peak_bytes, before);
    ck_ok(mbn_predictor_load(path, &options, &p));
    ck_ok(mbn_predictor_memory(p, &weights, &workspace));
    /* Buffers of the reader and lists of layers and steps make up the rest. */
    ck_assert_int_gt(weights, 16000000);
    ck_assert_int_le(atomic_load(&allocator.peak_bytes) - before,
                     weights + 4 * largest + workspace + 2000000);
    ck_assert_int_le(atomic_load(&allocator.live_bytes) - before, weights + workspace + 65536);
    unlink(path);
    mbn_predictor_destroy(p);
    mbn_context_destroy(context);
    ck_assert_int_eq(atomic_load(&allocator.live), 0);
}
END_TEST

/* Every allocation fails once. */
START_TEST(a_failing_allocation_leaves_nothing_behind)
{
    test_allocator allocator;
    mbn_context *context = counting(&allocator, 1);
    mbn_model *model = net(context);
    mbn_predictor *source, *p;
    const int64_t dims[4] = {1, SIZE, SIZE, 3};
    mbn_tensor *x, *y;
    mbn_predictor_options options;
    char path[64];
    saved(model, path);
    mbn_predictor_options_init(&options);
    options.context = context;
    ck_ok(mbn_predictor_create(model, NULL, &source));
    ck_ok(mbn_tensor_create(context, MBN_F32, 4, dims, &x));
    for (int call = 0; call < 4; call++) {
        mbn_status status = MBN_ERR_MEMORY;
        int k = 0;
        for (; status; k++) {
            model->revision++; /* nothing to share */
            mbn_predictor *kept = mbni_share_take(model);
            mbn_predictor_destroy(kept);
            const long long live = atomic_load(&allocator.live);
            allocator.fail_at = atomic_load(&allocator.calls) + 1 + k;
            p = NULL, y = NULL;
            status = call == 0   ? mbn_predictor_create(model, NULL, &p)
                     : call == 1 ? mbn_predictor_clone(source, &p)
                     : call == 2 ? mbn_predictor_load(path, &options, &p)
                                 : mbn_predict(model, x, &y);
            allocator.fail_at = 0;
            ck_assert(status == MBN_OK || status == MBN_ERR_MEMORY);
            ck_assert_int_eq(p || y, status == MBN_OK);
            mbn_predictor_destroy(p);
            mbn_tensor_destroy(y);
            if (call == 3)
                mbn_predictor_destroy(mbni_share_take(model));
            ck_assert_int_eq(atomic_load(&allocator.live), live);
        }
        ck_assert_int_gt(k, 2);
    }
    unlink(path);
    mbn_predictor_destroy(source);
    mbn_tensor_destroy(x);
    mbn_model_destroy(model);
    mbn_context_destroy(context);
    ck_assert_int_eq(atomic_load(&allocator.live), 0);
}
END_TEST

START_TEST(what_is_wrong_is_named)
{
    mbn_model *model = net(NULL), *unbuilt;
    mbn_predictor_options o;
    mbn_predictor *p = NULL;
    float y[2 * CLASSES];
    static float two[2 * INPUT];
#define REFUSES(field, value, status, text)                            \
    do {                                                               \
        mbn_predictor_options_init(&o);                                \
        o.field = value;                                               \
        ck_fails(mbn_predictor_create(model, &o, &p), status, (text)); \
        ck_assert_ptr_null(p);                                         \
    } while (0)
    REFUSES(max_batch, 0, MBN_ERR_ARGUMENT, "option max_batch is 0; allowed are 1 to 65536");
    REFUSES(threads, -1, MBN_ERR_ARGUMENT, "option threads is -1");
    REFUSES(precision, 2, MBN_ERR_ARGUMENT, "option precision is 2; allowed are 0 to 1");
    REFUSES(isa_limit, 9, MBN_ERR_ARGUMENT, "isa_limit is 9");
    REFUSES(output, 3, MBN_ERR_ARGUMENT, "output is 3");
    REFUSES(layout, 3, MBN_ERR_ARGUMENT, "layout is 3");
    REFUSES(input_type, MBN_I8, MBN_ERR_ARGUMENT, "input_type is 2");
    ck_ok(mbn_model_set_preprocessing(model, MBN_PREPROCESSING_NONE));
    REFUSES(input_type, MBN_U8, MBN_ERR_STATE, "mbn_model_set_preprocessing");
    ck_ok(mbn_model_create(NULL, &unbuilt));
    ck_fails(mbn_predictor_create(unbuilt, NULL, &p), MBN_ERR_STATE, "not built");
    ck_ok(mbn_model_add_input(unbuilt, 4, 4, 1));
    ck_ok(mbn_model_add_relu(unbuilt, NULL));
    ck_ok(mbn_model_build(unbuilt));
    mbn_predictor_options_init(&o);
    o.output = MBN_OUTPUT_EMBEDDING;
    ck_fails(mbn_predictor_create(unbuilt, &o, &p), MBN_ERR_STATE, "embedding");
    mbn_model_destroy(unbuilt);
    ck_fails(mbn_predictor_create(NULL, NULL, &p), MBN_ERR_ARGUMENT, "model is NULL");
    ck_fails(mbn_predictor_create(model, NULL, NULL), MBN_ERR_ARGUMENT, "out is NULL");
    ck_fails(mbn_predictor_load("", NULL, &p), MBN_ERR_ARGUMENT, "path is empty");

    ck_ok(mbn_predictor_create(model, NULL, &p));
    const size_t in = INPUT * sizeof(float), out = CLASSES * sizeof(float);
    ck_fails(mbn_predictor_run(p, 2, two, 2 * in, y, 2 * out), MBN_ERR_ARGUMENT,
             "n is 2; allowed are 0 to 1");
    ck_fails(mbn_predictor_run(p, -1, two, in, y, out), MBN_ERR_ARGUMENT, "n is -1");
    ck_fails(mbn_predictor_run(p, 1, two, in - 1, y, out), MBN_ERR_SHAPE, "input_bytes is 19199");
    ck_fails(mbn_predictor_run(p, 1, two, in, y, out + 4), MBN_ERR_SHAPE, "output_bytes is 48");
    ck_fails(mbn_predictor_run(p, 1, NULL, in, y, out), MBN_ERR_ARGUMENT, "input is NULL");
    ck_fails(mbn_predictor_run(p, 1, two, in, NULL, out), MBN_ERR_ARGUMENT, "output is NULL");
    ck_ok(mbn_predictor_run(p, 0, NULL, 0, NULL, 0));
    ck_assert(!atomic_flag_test_and_set(&p->running)); /* as if another thread ran it */
    ck_fails(mbn_predictor_run(p, 1, two, in, y, out), MBN_ERR_BUSY, "clone");
    atomic_flag_clear(&p->running);

    const int64_t x_dims[4] = {1, SIZE, SIZE, 3}, y_dims[2] = {1, CLASSES}, wrong[2] = {2, CLASSES};
    mbn_tensor *x, *good, *bad, *bytes;
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 4, x_dims, &x));
    ck_ok(mbn_tensor_create(NULL, MBN_U8, 4, x_dims, &bytes));
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 2, y_dims, &good));
    ck_ok(mbn_tensor_create(NULL, MBN_F32, 2, wrong, &bad));
    ck_ok(mbn_predictor_run_tensor(p, x, good));
    ck_fails(mbn_predictor_run_tensor(p, x, bad), MBN_ERR_SHAPE, "out has 2 rows");
    ck_fails(mbn_predictor_run_tensor(p, bytes, good), MBN_ERR_TYPE, "x is u8");
    ck_fails(mbn_predictor_run_tensor(p, good, good), MBN_ERR_SHAPE, "argument x");
    mbn_tensor_destroy(x);
    mbn_tensor_destroy(bytes);
    mbn_tensor_destroy(good);
    mbn_tensor_destroy(bad);
    mbn_predictor_destroy(p);
    mbn_predictor_destroy(NULL);
    mbn_model_destroy(model);
}
END_TEST

static int32_t predict_in_callback(void *user, mbn_model *model, const mbn_fit_event *event)
{
    mbn_tensor **x = user, *y;
    (void)event;
    ck_ok(mbn_predict(model, *x, &y));
    memcpy(x + 1, mbn_tensor_data(y), 2 * sizeof(float));
    mbn_tensor_destroy(y);
    return 0;
}

/* Whatever changes weights, mbn_predict answers with the new ones. */
START_TEST(the_kept_predictor_follows_the_weights)
{
    mbn_mobilenet_options o;
    mbn_model *model;
    mbn_fit_options fit;
    const int64_t dims[4] = {4, 32, 32, 3}, four = 4;
    struct {
        mbn_tensor *x;
        float seen[2];
    } user;
    mbn_tensor *labels, *y;
    float before[2];
    mbn_mobilenet_options_init(&o);
    o.alpha = 0.25, o.height = o.width = 32, o.classes = 2, o.shallow = 1;
    ck_ok(mbn_mobilenet_create(NULL, &o, &model));
    enliven(model);
    ck_ok(mbn_compile(model, NULL));
    ck_ok(mbn_tensor_create(NULL, MBN_U8, 4, dims, &user.x));
    for (int i = 0; i < 4 * 32 * 32 * 3; i++)
        ((uint8_t *)mbn_tensor_data(user.x))[i] = (uint8_t)(i * 31);
    ck_ok(mbn_tensor_create(NULL, MBN_I32, 1, &four, &labels));
    ck_ok(mbn_predict(model, user.x, &y));
    memcpy(before, mbn_tensor_data(y), sizeof before);
    mbn_tensor_destroy(y);
    mbn_fit_options_init(&fit);
    fit.batch_size = 4;
    fit.on_batch_end = predict_in_callback;
    fit.callback_user = &user;
    ck_ok(mbn_fit(model, user.x, labels, &fit, NULL));
    ck_assert(memcmp(before, user.seen, sizeof before) != 0);
    ck_ok(mbn_predict(model, user.x, &y));
    ck_assert_mem_eq(mbn_tensor_data(y), user.seen, sizeof before);
    mbn_tensor_destroy(y);
    mbn_tensor_destroy(user.x);
    mbn_tensor_destroy(labels);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(a_profile_names_and_times_every_step)
{
    mbn_model *model = net(NULL);
    mbn_predictor *p;
    mbn_step_info info;
    double sum = 0;
    int64_t work = 0, wanted;
    ck_ok(mbn_predictor_create(model, NULL, &p));
    ck_fails(mbn_predictor_profile(p, 1, picture(), INPUT * sizeof(float), 0), MBN_ERR_ARGUMENT,
             "repeats is 0");
    ck_ok(mbn_predictor_profile(p, 1, picture(), INPUT * sizeof(float), 3));
    int32_t segment = 0;
    for (size_t i = 0; i < mbn_predictor_step_count(p); i++) {
        mbn_step_info_init(&info);
        ck_ok(mbn_predictor_step_info(p, i, &info));
        ck_assert(info.milliseconds > 0 && info.bytes > 0 && info.name[0] && info.type[0]);
        ck_assert(info.segment == segment || info.segment == segment + 1);
        segment = info.segment;
        sum += info.milliseconds;
        work += info.multiply_adds;
        if (i == 0)
            ck_assert_str_eq(info.name, "conv1");
    }
    ck_ok(mbn_model_multiply_adds(model, &wanted));
    ck_assert_int_eq(work, wanted);
    ck_assert(sum > 0);
    ck_fails(mbn_predictor_step_info(p, 1000, &info), MBN_ERR_ARGUMENT, "index is 1000");
    mbn_predictor_destroy(p);
    mbn_model_destroy(model);
}
END_TEST

START_TEST(top_k_is_in_order_with_its_labels)
{
    mbn_model *model = net(NULL);
    mbn_predictor *p;
    const float scores[CLASSES] = {0.5f, NAN, 2, -1, 2, INFINITY, 0, -INFINITY, NAN, 1, 0.5f};
    const int64_t wanted[CLASSES] = {5, 2, 4, 9, 0, 10, 6, 3, 7, 1, 8};
    int64_t indices[CLASSES];
    float top[CLASSES];
    const char *labels[CLASSES];
    ck_ok(mbn_predictor_create(model, NULL, &p));
    for (int64_t k = 1; k <= CLASSES; k++) {
        ck_ok(mbn_top_k(p, scores, CLASSES, k, indices, top, labels));
        ck_assert_mem_eq(indices, wanted, (size_t)k * sizeof *wanted);
        ck_assert(top[0] == (float)INFINITY);
        ck_assert_str_eq(labels[0], "f");
    }
    ck_ok(mbn_top_k(NULL, scores, CLASSES, 2, indices, NULL, labels));
    ck_assert_ptr_null(labels[1]);
    ck_fails(mbn_top_k(NULL, scores, CLASSES, 12, indices, NULL, NULL), MBN_ERR_ARGUMENT, "k is 12");
    ck_fails(mbn_top_k(NULL, NULL, CLASSES, 1, indices, NULL, NULL), MBN_ERR_ARGUMENT, "scores is NULL");
    mbn_predictor_destroy(p);
    mbn_model_destroy(model);
}
END_TEST

SUITE("predictor objects", predictors_of_a_model_share_weights_and_outlive_it, a_run_allocates_nothing,
      a_file_answers_as_its_model_does, loading_holds_one_tensor_besides_the_packed_weights,
      a_failing_allocation_leaves_nothing_behind, what_is_wrong_is_named,
      the_kept_predictor_follows_the_weights, a_profile_names_and_times_every_step,
      top_k_is_in_order_with_its_labels)
