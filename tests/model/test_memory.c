/* Memory: every allocation may fail, and what the library says it needs is what it takes. */
#include "model/model.h"
#include "support/allocator.h"
#include "support/suite.h"

static mbn_context *counting_context(test_allocator *allocator)
{
    mbn_context_options options;
    mbn_context *context;
    test_allocator_init(allocator);
    test_allocator_options(allocator, &options);
    ck_ok(mbn_context_create(&options, &context));
    return context;
}

static mbn_mobilenet_options small_options(int32_t include_top)
{
    mbn_mobilenet_options o;
    mbn_mobilenet_options_init(&o);
    o.alpha = 0.125;
    o.height = o.width = 32;
    o.shallow = 1;
    o.include_top = include_top;
    o.classes = include_top ? 4 : 0;
    return o;
}

static mbn_status create_net(mbn_context *context, mbn_model **model)
{
    mbn_mobilenet_options o = small_options(1);
    return mbn_mobilenet_create(context, &o, model);
}

/* By hand, with more layers than the first block holds; the status of each constructor is ignored. */
static mbn_status build_chain(mbn_context *context, mbn_model **model)
{
    mbn_dense_options dense;
    mbn_dense_options_init(&dense);
    dense.units = 4;
    mbn_status status = mbn_model_create(context, model);
    if (status)
        return status;
    mbn_model_add_input(*model, 6, 6, 2);
    for (int i = 0; i < 40; i++)
        mbn_model_add_batch_norm(*model, NULL);
    mbn_model_add_flatten(*model, NULL);
    mbn_model_add_dense(*model, &dense);
    status = mbn_model_build(*model);
    if (status) {
        mbn_model_destroy(*model);
        *model = NULL;
    }
    return status;
}

/* Fails the k-th allocation of a constructor for every k until it succeeds. */
static void sweep_constructor(mbn_status (*construct)(mbn_context *, mbn_model **))
{
    test_allocator allocator;
    mbn_context *context = counting_context(&allocator);
    const long long live = atomic_load(&allocator.live);
    long long k = 0;
    for (mbn_status status = MBN_ERR_MEMORY; status;) {
        mbn_model *model = NULL;
        allocator.fail_at = atomic_load(&allocator.calls) + ++k;
        status = construct(context, &model);
        allocator.fail_at = 0;
        ck_assert_msg(status == MBN_OK || status == MBN_ERR_MEMORY, "%d: %s", (int)status, mbn_last_error());
        ck_assert((model != NULL) == (status == MBN_OK));
        mbn_model_destroy(model);
        ck_assert_int_eq(atomic_load(&allocator.live), live);
    }
    ck_assert_int_gt(k, 4);
    mbn_context_destroy(context);
    ck_assert_int_eq(atomic_load(&allocator.live), 0);
}

START_TEST(constructors_survive_every_failed_allocation)
{
    sweep_constructor(create_net);
    sweep_constructor(build_chain);
}
END_TEST

static mbn_status truncate_it(mbn_model *model)
{
    return mbn_model_truncate(model, "conv_pw_2_relu");
}

static mbn_status replace_it(mbn_model *model)
{
    return mbn_model_replace_head(model, 9, 1);
}

static mbn_status label_it(mbn_model *model)
{
    static const char *const labels[4] = {"n", "e", "w", "!"};
    return mbn_model_set_labels(model, labels, 4);
}

static mbn_status copy_out(mbn_model *model)
{
    mbn_tensor *kernel;
    mbn_status status = mbn_model_get_parameter(model, "conv1/kernel", &kernel);
    mbn_tensor_destroy(kernel);
    return status;
}

/* The names, shapes and bits of a model, as far as a caller can tell. */
static void describe(const mbn_model *model, char *summary, size_t capacity, float *sum)
{
    ck_ok(mbn_model_summary(model, summary, capacity, NULL));
    *sum = 0;
    for (int64_t i = 0; i < model->entry_count; i++) {
        const mbni_param *param = mbni_model_find_param(model, model->entries[i].name);
        for (int64_t j = 0; j < param->count; j++)
            *sum += param->value[j] * (float)(i + 1);
    }
}

static void sweep_change(int32_t include_top, mbn_status (*change)(mbn_model *))
{
    static char before[16384], after[16384];
    static const char *const labels[4] = {"one", "two", "three", "four"};
    test_allocator allocator;
    mbn_context *context = counting_context(&allocator);
    mbn_mobilenet_options o = small_options(include_top);
    mbn_compile_options compile;
    mbn_model *model;
    float sum_before, sum_after;
    ck_ok(mbn_mobilenet_create(context, &o, &model));
    if (include_top) {
        ck_ok(mbn_model_set_labels(model, labels, 4));
        mbn_compile_options_init(&compile);
        ck_ok(mbn_compile(model, &compile));
    }
    describe(model, before, sizeof before, &sum_before);
    long long k = 0;
    for (;;) {
        allocator.fail_at = atomic_load(&allocator.calls) + ++k;
        mbn_status status = change(model);
        allocator.fail_at = 0;
        if (!status)
            break;
        ck_assert_msg(status == MBN_ERR_MEMORY, "%d: %s", (int)status, mbn_last_error());
        describe(model, after, sizeof after, &sum_after);
        ck_assert_str_eq(before, after);
        ck_assert_float_eq(sum_before, sum_after);
        ck_assert_int_eq(model->built, 1);
        if (include_top) {
            ck_assert_str_eq(mbn_model_label(model, 3), "four");
            ck_assert_ptr_nonnull(model->trainer);
        }
    }
    ck_assert_int_ge(k, 2);
    mbn_model_destroy(model);
    mbn_context_destroy(context);
    ck_assert_int_eq(atomic_load(&allocator.live), 0);
}

START_TEST(changes_that_fail_leave_the_model_as_it_was)
{
    sweep_change(1, truncate_it);
    sweep_change(1, replace_it);
    sweep_change(0, replace_it);
    sweep_change(1, label_it);
    sweep_change(1, copy_out);
}
END_TEST

START_TEST(inference_takes_what_it_said)
{
    static const int64_t batches[] = {1, 2, 5};
    test_allocator allocator;
    mbn_context *context = counting_context(&allocator);
    mbn_mobilenet_options o = small_options(1);
    int64_t parameter_bytes, workspace_bytes;
    o.height = 45;
    for (size_t i = 0; i < 3; i++) {
        mbn_model *model; /* a new one each time: mbn_predict leaves its predictor in it */
        ck_ok(mbn_mobilenet_create(context, &o, &model));
        const int64_t dims[4] = {batches[i], 45, 32, 3};
        mbn_tensor *x, *y;
        ck_ok(mbn_model_inference_memory(model, batches[i], &parameter_bytes, &workspace_bytes));
        ck_assert_int_eq(parameter_bytes, model->value_count * 4);
        ck_ok(mbn_tensor_create(context, MBN_U8, 4, dims, &x));
        const long long before = atomic_load(&allocator.live_bytes);
        atomic_store(&allocator.peak_bytes, before);
        ck_ok(mbn_predict(model, x, &y));
        /* What stays is the answer, the packed weights, the workspace, and the lists of steps. */
        const long long left = atomic_load(&allocator.live_bytes) - before - workspace_bytes;
        ck_assert_int_ge(left, (int64_t)mbn_tensor_bytes(y));
        ck_assert_int_le(left, 100000);
        ck_assert_int_le(atomic_load(&allocator.peak_bytes) - before - workspace_bytes, 100000);
        mbn_tensor *again; /* for the second time, the answer alone */
        const long long kept = atomic_load(&allocator.live_bytes);
        ck_ok(mbn_predict(model, x, &again));
        ck_assert_int_lt(atomic_load(&allocator.peak_bytes) - kept, (int64_t)mbn_tensor_bytes(y) + 1024);
        mbn_tensor_destroy(again);
        mbn_tensor_destroy(x);
        mbn_tensor_destroy(y);
        mbn_model_destroy(model);
    }
    mbn_context_destroy(context);
}
END_TEST

START_TEST(parameters_take_what_was_said)
{
    test_allocator allocator;
    mbn_context *context = counting_context(&allocator);
    mbn_mobilenet_options o = small_options(1);
    mbn_model *small, *large;
    int64_t bytes[2];
    o.classes = 1000;
    const long long empty = atomic_load(&allocator.live_bytes);
    ck_ok(mbn_mobilenet_create(context, &o, &small));
    const long long first = atomic_load(&allocator.live_bytes) - empty;
    o.classes = 3000;
    ck_ok(mbn_mobilenet_create(context, &o, &large));
    const long long second = atomic_load(&allocator.live_bytes) - empty - first;
    ck_ok(mbn_model_inference_memory(small, 1, &bytes[0], NULL));
    ck_ok(mbn_model_inference_memory(large, 1, &bytes[1], NULL));
    ck_assert_int_eq(second - first, bytes[1] - bytes[0]);
    mbn_model_destroy(small);
    mbn_model_destroy(large);
    mbn_context_destroy(context);
    ck_assert_int_eq(atomic_load(&allocator.live), 0);
}
END_TEST

SUITE("model memory", constructors_survive_every_failed_allocation,
      changes_that_fail_leave_the_model_as_it_was, inference_takes_what_it_said,
      parameters_take_what_was_said)
